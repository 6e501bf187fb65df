package xmpp

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"image"
	_ "image/jpeg" // the two kinds of pictures that are taken
	_ "image/png"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

const (
	nsRegister = "jabber:iq:register"
	nsOOB      = "jabber:x:oob"
	nsMedia    = "urn:xmpp:media-element"
	nsBits     = "urn:xmpp:bob"

	maxFields        = 64
	maxOptions       = 256
	maxFormText      = 4 << 10   // bytes of anything a server writes in a form
	maxHidden        = 32 << 10  // of a value that is only handed back
	maxPicture       = 128 << 10 // bytes of a picture
	maxPictureWidth  = 1000
	maxPictureHeight = 600
)

// A Form is what a server wants to know from somebody who wants an account (XEP-0077, XEP-0004). Every text in it is the
// server's.
type Form struct {
	Title        string
	Instructions string
	Web          string // https or http: where accounts are made in a browser; "" where the server names no such place
	Fields       []Field

	data   bool // a data form; otherwise the fields of XEP-0077 of old
	hidden []Field
}

// Offered tells that there is something to fill in. Otherwise an account can only be had at Form.Web, if anywhere.
func (f *Form) Offered() bool {
	return slices.ContainsFunc(f.Fields, func(f Field) bool { return f.Kind != Note })
}

// challenged tells that the server wants to know whether we are people: what was answered cannot be answered again.
func (f *Form) challenged() bool {
	return slices.ContainsFunc(f.Fields, func(f Field) bool { return f.Picture != nil || f.Link != "" }) ||
		slices.ContainsFunc(f.hidden, func(f Field) bool { return f.Name == "challenge" || f.Name == "sid" })
}

// A Field is one question of a form.
type Field struct {
	Name     string // the key of the answer; username and password are those of the account
	Label    string // "" for a name that explains itself
	Help     string
	Kind     FieldKind
	Required bool
	Values   []string // suggested
	Options  []Option // Choice, Choices
	Picture  []byte   // PNG or JPEG that the question is about (a CAPTCHA), of bounded size, its header checked
	Link     string   // https or http: a picture or sound that is about the question and was not fetched

	cid string // where Picture comes from
}

// A FieldKind says how a question is answered.
type FieldKind uint8

const (
	Line    FieldKind = iota // one line
	Secret                   // one line that nobody may read along
	Lines                    // several lines, a value each
	Check                    // "1" or "0"
	Choice                   // one of Options
	Choices                  // any of Options
	Note                     // nothing: Values are lines to be read
)

// An Option is an answer to choose.
type Option struct{ Label, Value string }

// legacyFields are those of XEP-0077 section 14.1 that ask something, in the order in which people expect them.
var legacyFields = []string{"username", "password", "nick", "name", "first", "last", "email", "address", "city", "state",
	"zip", "phone", "url", "date", "misc", "text", "key"}

var fieldKinds = map[string]FieldKind{"text-single": Line, "text-private": Secret, "text-multi": Lines, "jid-single": Line,
	"jid-multi": Lines, "boolean": Check, "list-single": Choice, "list-multi": Choices, "fixed": Note}

// readForm reads the answer to a request for a form. It never fails: what it does not understand it leaves out.
func readForm(query *stream.Element) *Form {
	f := &Form{}
	if e := query.Child(nsRegister, "instructions"); e != nil {
		f.Instructions = clip(e.Text)
	}
	if oob := query.Child(nsOOB, "x"); oob != nil {
		if e := oob.Child(nsOOB, "url"); e != nil {
			f.Web = webLink(e.Text)
		}
	}
	if x := query.Child(nsForms, "x"); x != nil && x.Attr("type") == "form" {
		f.readData(x)
	} else {
		f.readLegacy(query)
	}
	if f.Web == "" {
		f.Web = webLink(firstLink.FindString(f.Instructions))
	}
	f.takePictures(query.Children)
	return f
}

var firstLink = regexp.MustCompile(`https?://[^\s<>"']+[^\s<>"'.,;:!?)]`)

func (f *Form) readLegacy(query *stream.Element) {
	for _, name := range legacyFields {
		e := query.Child(nsRegister, name)
		if e == nil {
			continue
		}
		field := Field{Name: name, Required: true, Values: []string{clip(e.Text)}} // XEP-0077 section 3.1: all are
		switch name {
		case "password":
			field.Kind = Secret
		case "key":
			f.hidden = append(f.hidden, field)
			continue
		}
		if e.Text == "" {
			field.Values = nil
		}
		f.Fields = append(f.Fields, field)
	}
}

func (f *Form) readData(x *stream.Element) {
	f.data = true
	var instructions []string
	for _, e := range x.Children {
		switch {
		case e.Is(nsForms, "title"):
			f.Title = clip(e.Text)
		case e.Is(nsForms, "instructions"):
			instructions = append(instructions, e.Text)
		case e.Is(nsForms, "field") && len(f.Fields)+len(f.hidden) < maxFields:
			f.readField(e)
		}
	}
	if len(instructions) > 0 {
		f.Instructions = clip(strings.Join(instructions, "\n"))
	}
}

func (f *Form) readField(e *stream.Element) {
	field := Field{Name: e.Attr("var"), Label: clip(e.Attr("label"))}
	if len(field.Name) > maxFormText {
		return
	}
	field.Kind = fieldKinds[e.Attr("type")] // what is not known is a line
	for _, child := range e.Children {
		switch {
		case child.Is(nsForms, "required"):
			field.Required = true
		case child.Is(nsForms, "desc"):
			field.Help = clip(child.Text)
		case child.Is(nsForms, "value") && len(field.Values) < maxOptions && len(child.Text) <= maxHidden:
			field.Values = append(field.Values, child.Text)
		case child.Is(nsForms, "option") && len(field.Options) < maxOptions:
			if v := child.Child(nsForms, "value"); v != nil {
				field.Options = append(field.Options, Option{clip(child.Attr("label")), v.Text})
			}
		case child.Is(nsMedia, "media"):
			field.readMedia(child)
		}
	}
	switch {
	case e.Attr("type") == "hidden":
		f.hidden = append(f.hidden, field)
	case field.Name == "" && field.Kind != Note:
	default:
		if field.Kind == Note {
			field.Required = false
		}
		f.Fields = append(f.Fields, field)
	}
}

// readMedia looks for a picture that comes with the form (XEP-0221, XEP-0231), or notes where there is one.
func (field *Field) readMedia(media *stream.Element) {
	for _, uri := range media.Children {
		if !uri.Is(nsMedia, "uri") {
			continue
		}
		text := strings.TrimSpace(uri.Text)
		kind, _, _ := strings.Cut(uri.Attr("type"), ";")
		if cid, ok := strings.CutPrefix(text, "cid:"); ok && (kind == "image/png" || kind == "image/jpeg") && field.cid == "" {
			field.cid = cid
		} else if field.Link == "" {
			field.Link = webLink(text)
		}
	}
}

// takePictures puts pictures where they belong.
func (f *Form) takePictures(bits []*stream.Element) {
	for _, data := range bits {
		if !data.Is(nsBits, "data") {
			continue
		}
		picture := readPicture(data)
		for i := range f.Fields {
			if field := &f.Fields[i]; picture != nil && field.cid == data.Attr("cid") {
				field.Picture = picture
			}
		}
	}
}

// missing lists the pictures that did not come with the form.
func (f *Form) missing() []string {
	var cids []string
	for _, field := range f.Fields {
		if field.cid != "" && field.Picture == nil {
			cids = append(cids, field.cid)
		}
	}
	return cids
}

// readPicture takes a picture whose bytes are those that its name promises, and whose header promises a size that can be
// drawn; nil otherwise.
func readPicture(data *stream.Element) []byte {
	text := strings.Join(strings.Fields(data.Text), "")
	if len(text) > base64.StdEncoding.EncodedLen(maxPicture) {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) > maxPicture {
		return nil
	}
	if sum, ok := strings.CutPrefix(data.Attr("cid"), "sha1+"); ok {
		sum, _, _ = strings.Cut(sum, "@")
		h := sha1.Sum(b)
		if !strings.EqualFold(sum, hex.EncodeToString(h[:])) {
			return nil
		}
	}
	c, format, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || format != "png" && format != "jpeg" || c.Width > maxPictureWidth || c.Height > maxPictureHeight || c.Width*c.Height == 0 {
		return nil
	}
	return b
}

// submission is the filled-in form. The error is a *RegisterError about a field that has no answer and needs one.
func (f *Form) submission(answers map[string][]string) (*stream.Element, error) {
	query := stream.New(nsRegister, "query")
	if !f.data {
		for _, field := range slices.Concat(f.Fields, f.hidden) {
			values, err := field.answer(answers)
			if err != nil {
				return nil, err
			}
			query.Add(stream.New(nsRegister, field.Name).WithText(strings.Join(values, "\n")))
		}
		return query, nil
	}
	x := stream.New(nsForms, "x", "type", "submit")
	for _, field := range f.hidden {
		x.Add(field.element(field.Values)) // XEP-0004 section 3.3: as it came
	}
	for _, field := range f.Fields {
		if field.Kind == Note {
			continue
		}
		values, err := field.answer(answers)
		if err != nil {
			return nil, err
		}
		if len(values) > 0 || field.Required {
			x.Add(field.element(values))
		}
	}
	return query.Add(x), nil
}

func (field *Field) element(values []string) *stream.Element {
	e := stream.New(nsForms, "field", "var", field.Name)
	for _, v := range values {
		e.Add(stream.New(nsForms, "value").WithText(v))
	}
	return e
}

// answer is the person's answer, or what was suggested where they said nothing.
func (field *Field) answer(answers map[string][]string) ([]string, error) {
	values, said := answers[field.Name]
	if !said {
		values = field.Values
	}
	values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
	if len(values) == 0 && field.Required {
		return nil, &RegisterError{Kind: Incomplete, Field: field.Name}
	}
	if field.Name == "password" {
		for i := range values {
			values[i] = prepare(values[i]) // as it will be used for signing in
		}
	}
	return values, nil
}

// webLink is s, if it is an address that a browser may be sent to, and "" otherwise.
func webLink(s string) string {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || len(s) > maxFormText || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return ""
	}
	return s
}

// clip bounds what a server writes.
func clip(s string) string {
	if len(s) <= maxFormText {
		return s
	}
	return strings.ToValidUTF8(s[:maxFormText], "")
}
