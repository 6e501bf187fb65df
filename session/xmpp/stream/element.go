package stream

import (
	"encoding/xml"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An Element is one XML element with its names resolved. Text is all the character data directly inside it, joined;
// XMPP gives no meaning to the order of text and children.
type Element struct {
	Name     xml.Name
	Attrs    []xml.Attr // without declarations of namespaces
	Text     string
	Children []*Element
}

// New makes an element. attrs are pairs of name and value; a pair with an empty value is left out.
func New(space, local string, attrs ...string) *Element {
	e := &Element{Name: xml.Name{Space: space, Local: local}}
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			e.Set(attrs[i], attrs[i+1])
		}
	}
	return e
}

// Add appends children, leaving out nil ones, and returns e.
func (e *Element) Add(children ...*Element) *Element {
	for _, c := range children {
		if c != nil {
			e.Children = append(e.Children, c)
		}
	}
	return e
}

// WithText sets the text and returns e.
func (e *Element) WithText(text string) *Element {
	e.Text = text
	return e
}

// Is reports whether e has this name.
func (e *Element) Is(space, local string) bool {
	return e.Name.Space == space && e.Name.Local == local
}

// Attr returns the attribute of this name that has no namespace, or "". An attribute in a namespace, such as z:from,
// is something else than from and is never returned: that difference is what keeps senders honest.
func (e *Element) Attr(local string) string {
	for _, a := range e.Attrs {
		if a.Name.Space == "" && a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// Set gives the attribute of this name without a namespace a value; "" removes it.
func (e *Element) Set(local, value string) {
	for i, a := range e.Attrs {
		if a.Name.Space != "" || a.Name.Local != local {
			continue
		}
		if value == "" {
			e.Attrs = append(e.Attrs[:i:i], e.Attrs[i+1:]...)
		} else {
			e.Attrs[i].Value = value
		}
		return
	}
	if value != "" {
		e.Attrs = append(e.Attrs, xml.Attr{Name: xml.Name{Local: local}, Value: value})
	}
}

// Child returns the first child of this name, or nil.
func (e *Element) Child(space, local string) *Element {
	for _, c := range e.Children {
		if c.Is(space, local) {
			return c
		}
	}
	return nil
}

// XML writes e as it stands inside a stream opened by [Header.Open]. It fails, naming the character, when a text or
// an attribute holds one that XML cannot carry, and on a name that is none.
func (e *Element) XML() (string, error) {
	var b strings.Builder
	if err := e.write(&b, NSClient); err != nil {
		return "", err
	}
	return b.String(), nil
}

func (e *Element) write(b *strings.Builder, outer string) error {
	name, space := e.Name.Local, e.Name.Space
	if !isName(name) {
		return refuse("%q is not a name", name)
	}
	b.WriteByte('<')
	if space == NSStreams {
		name, space = "stream:"+name, outer
	}
	b.WriteString(name)
	if space != outer {
		if err := writeAttr(b, "xmlns", space); err != nil {
			return err
		}
	}
	for i, a := range e.Attrs {
		if !isName(a.Name.Local) || a.Name == (xml.Name{Local: "xmlns"}) {
			return refuse("%q is not a name for an attribute", a.Name.Local)
		}
		local := a.Name.Local
		switch a.Name.Space {
		case "":
		case NSXML:
			local = "xml:" + local
		default:
			prefix := "n" + strconv.Itoa(i)
			if err := writeAttr(b, "xmlns:"+prefix, a.Name.Space); err != nil {
				return err
			}
			local = prefix + ":" + local
		}
		if err := writeAttr(b, local, a.Value); err != nil {
			return err
		}
	}
	if e.Text == "" && len(e.Children) == 0 {
		b.WriteString("/>")
		return nil
	}
	b.WriteByte('>')
	if err := escape(b, e.Text); err != nil {
		return err
	}
	for _, c := range e.Children {
		if err := c.write(b, space); err != nil {
			return err
		}
	}
	b.WriteString("</")
	b.WriteString(name)
	b.WriteByte('>')
	return nil
}

func writeAttr(b *strings.Builder, name, value string) error {
	b.WriteByte(' ')
	b.WriteString(name)
	b.WriteString("='")
	err := escape(b, value)
	b.WriteByte('\'')
	return err
}

// Open writes the header that begins a stream, with the XML declaration before it. Client and server use it alike; a
// new header, and nothing else, follows STARTTLS and SASL (RFC 6120 sections 5.4.3.3 and 6.4.6).
func (h Header) Open() (string, error) {
	var b strings.Builder
	b.WriteString("<?xml version='1.0'?><stream:stream")
	for _, a := range [...][2]string{
		{"xmlns", or(h.Space, NSClient)}, {"xmlns:stream", NSStreams}, {"version", or(h.Version, "1.0")},
		{"to", h.To}, {"from", h.From}, {"id", h.ID}, {"xml:lang", h.Lang},
	} {
		if a[1] == "" {
			continue
		}
		if err := writeAttr(&b, a[0], a[1]); err != nil {
			return "", err
		}
	}
	b.WriteByte('>')
	return b.String(), nil
}

// End is the closing tag of a stream opened by [Header.Open].
const End = "</stream:stream>"

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Escape returns s as it may stand in text and between single quotes, or an error that names the character which XML
// cannot carry.
func Escape(s string) (string, error) {
	var b strings.Builder
	err := escape(&b, s)
	return b.String(), err
}

// escape writes white space other than the blank as a reference: as itself it would be normalised away, carriage
// returns everywhere and the others in attributes (XML 1.0 sections 2.11 and 3.3.3).
func escape(b *strings.Builder, s string) error {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return refuse("text is not UTF-8")
		}
		if !isChar(r) {
			return refuse("XML cannot carry the character %U", r)
		}
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '\'':
			b.WriteString("&apos;")
		case '"':
			b.WriteString("&quot;")
		case '\t', '\n', '\r':
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return nil
}

// isChar is Char of XML 1.0 section 2.2.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// isName is narrower than NCName of XML: the names that XMPP's protocols use are ASCII.
func isName(s string) bool {
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_':
		case i > 0 && (r >= '0' && r <= '9' || r == '-' || r == '.'):
		default:
			return false
		}
	}
	return s != ""
}
