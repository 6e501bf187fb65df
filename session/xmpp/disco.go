package xmpp

import (
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/xml"
	"hash"
	"regexp"
	"slices"
	"strings"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

const (
	nsDisco = "http://jabber.org/protocol/disco#info"
	nsCaps  = "http://jabber.org/protocol/caps"
	nsForms = "jabber:x:data"

	maxSoftware = 512 // programs that are remembered by their hash
	maxAsking   = 32  // clients that are asked at the same time
	maxAlike    = 1000

	askingTimeout = 30 * time.Second
)

// Software is what a client of a contact says of itself (XEP-0030), in a form that was checked against the hash in its
// presence (XEP-0115). From is the client.
type Software struct {
	From       jid.JID
	Name       string // its words
	Device     string // pc, phone, web, bot, console, handheld; "" for none of them
	ChatStates bool   // it understands XEP-0085
}

func (*Software) event() {}

// What we say about ourselves, to those who may know (XEP-0030). That we speak OTR is for the conversation to find
// out, not for a server to list.
var features = []string{nsCaps, nsChatStates, nsDisco, nsPing, nsReceipts}

const capsNode = "https://github.com/sotto-im/sotto"

// capsHash is the verification string of XEP-0115 section 5.1.
var capsHash = func() string {
	v, _ := verification(discoInfo(""), sha1.New())
	return v
}()

func discoInfo(node string) *stream.Element {
	query := stream.New(nsDisco, "query", "node", node).
		Add(stream.New(nsDisco, "identity", "category", "client", "type", "pc", "name", "Sotto"))
	for _, f := range features {
		query.Add(stream.New(nsDisco, "feature", "var", f))
	}
	return query
}

// capsHashes are the functions that a presence may name (section 4, by the names of IANA): SHA-1, which every program knows, and those
// after it. What names another is not asked about, since nothing could be believed.
var capsHashes = map[string]func() hash.Hash{"sha-1": sha1.New, "sha-224": sha256.New224, "sha-256": sha256.New, "sha-384": sha512.New384,
	"sha-512": sha512.New}

var devices = map[string]bool{"pc": true, "phone": true, "web": true, "bot": true, "console": true, "handheld": true}

// A caps is what stands in a presence (XEP-0115 section 4).
type caps struct{ hash, node, ver string }

// key is what programs are remembered by.
func (c caps) key() string { return c.hash + " " + c.ver }

// An inquiry is a question to the first of the clients that promise the same program: its answer is about all of them.
type inquiry struct {
	id      string
	since   time.Time
	clients []promise
}

// A promise is a client's word that it is a certain program, which it knows by node.
type promise struct {
	from jid.JID
	node string
}

// Learn finds out what a client is whose presence came: from memory, or by asking it, when it may know that we are there
// anyway; the answer comes as an event. Call it once the roster is there, which says who may know.
func (c *Conn) Learn(p *Presence) *Software {
	said := p.caps
	if capsHashes[said.hash] == nil || said.ver == "" || p.From.Resourcepart() == "" || !c.knows(p.From) {
		return nil
	}
	known, ask := c.inquire(said, promise{p.From, said.node})
	if ask != nil {
		c.send(ask, "", false)
	}
	return known
}

// inquire looks a program up, or enters an inquiry: the question, if it is to be asked.
func (c *Conn) inquire(said caps, p promise) (known *Software, ask *stream.Element) {
	key, now := said.key(), time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.software[key]; ok {
		s.From = p.from
		return &s, nil
	}
	for key, i := range c.asking {
		if now.Sub(i.since) > askingTimeout {
			delete(c.requests, i.id)
			delete(c.asking, key)
		}
	}
	if i, asked := c.asking[key]; asked {
		if len(i.clients) < maxAlike && !slices.ContainsFunc(i.clients, func(other promise) bool { return other.from.Equal(p.from) }) {
			i.clients = append(i.clients, p)
		}
		return nil, nil
	}
	if len(c.asking) >= maxAsking {
		return nil, nil
	}
	c.asking[key] = &inquiry{clients: []promise{p}}
	return nil, c.askFirst(said)
}

// askFirst makes the question for the first of those who promise a program. The caller holds c.mu.
func (c *Conn) askFirst(said caps) *stream.Element {
	i := c.asking[said.key()]
	first := i.clients[0]
	i.id, i.since = NewID(), time.Now()
	c.requests[i.id] = &request{to: first.from, answered: func(answer *stream.Element) error { return c.learned(said, answer) }}
	return newIQ("get", i.id, first.from).Add(stream.New(nsDisco, "query", "node", first.node+"#"+said.ver))
}

// learned takes a client's answer. One that does not fit the hash says nothing about anybody, and the next is asked.
func (c *Conn) learned(said caps, answer *stream.Element) error {
	query := answer.Child(nsDisco, "query")
	fits := answer.Attr("type") == "result" && query != nil
	if fits {
		ver, ok := verification(query, capsHashes[said.hash]())
		fits = ok && ver == said.ver
	}
	c.mu.Lock()
	i := c.asking[said.key()]
	if i == nil || i.id != answer.Attr("id") {
		c.mu.Unlock()
		return nil // it came in the moment it was given up
	}
	if !fits {
		var ask *stream.Element
		if i.clients = i.clients[1:]; len(i.clients) > 0 {
			ask = c.askFirst(said)
		} else {
			delete(c.asking, said.key())
		}
		c.mu.Unlock()
		if ask == nil {
			return nil
		}
		return c.answer(ask)
	}
	delete(c.asking, said.key())
	s := software(query)
	if len(c.software) >= maxSoftware {
		clear(c.software)
	}
	c.software[said.key()] = s
	c.mu.Unlock()
	for _, p := range i.clients {
		known := s
		known.From = p.from
		if err := c.pass(delivery{event: &known}); err != nil {
			return err
		}
	}
	return nil
}

func software(query *stream.Element) Software {
	var s Software
	for _, child := range query.Children {
		switch {
		case child.Is(nsDisco, "identity") && child.Attr("category") == "client" && s.Name == "":
			s.Name = child.Attr("name")
			if devices[child.Attr("type")] {
				s.Device = child.Attr("type")
			}
		case child.Is(nsDisco, "feature") && child.Attr("var") == nsChatStates:
			s.ChatStates = true
		}
	}
	return s
}

// verification computes the string of XEP-0115 section 5.1 over a disco#info answer. It refuses what is ill-formed (section 5.4), and what
// could be read in two ways once it is one string: with that, one program's answer could be made to look like another's. So nothing may
// hold the separator, nothing be there twice, no answer be without an identity, and an identity's category and type must be plain words:
// then none of a feature's name can pass for one.
func verification(query *stream.Element, h hash.Hash) (ver string, ok bool) {
	var identities, features [][]string
	var forms []discoForm
	for _, child := range query.Children {
		switch {
		case child.Is(nsDisco, "identity"):
			parts := []string{child.Attr("category"), child.Attr("type"), lang(child), child.Attr("name")}
			if parts[0] == "" || !discoWord.MatchString(parts[0]) || !discoWord.MatchString(parts[1]) || strings.Contains(parts[2], "/") {
				return "", false
			}
			identities = append(identities, parts)
		case child.Is(nsDisco, "feature"):
			features = append(features, []string{child.Attr("var")})
		case child.Is(nsForms, "x"):
			form, ok := readDiscoForm(child)
			if !ok {
				return "", false
			}
			if form.kind != "" {
				forms = append(forms, form)
			}
		}
	}
	if len(identities) == 0 {
		return "", false
	}
	// By their parts and not as they will be written: the separators are not the first of all characters.
	slices.SortFunc(identities, slices.Compare)
	slices.SortFunc(features, slices.Compare)
	slices.SortFunc(forms, func(x, y discoForm) int { return cmp.Compare(x.kind, y.kind) })
	b := discoText{ok: true}
	for _, list := range [][][]string{identities, features} {
		for i, parts := range list {
			b.ok = b.ok && (i == 0 || !slices.Equal(list[i-1], parts))
			b.add(strings.Join(parts, "/"))
		}
	}
	for i, form := range forms {
		b.ok = b.ok && (i == 0 || forms[i-1].kind != form.kind)
		b.add(form.kind)
		for _, field := range form.fields {
			b.add(field.name)
			b.add(field.values...)
		}
	}
	h.Write(b.text)
	return base64.StdEncoding.EncodeToString(h.Sum(nil)), b.ok
}

// discoWord is what categories and types of identities are.
var discoWord = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)

// A discoText is the string that is hashed.
type discoText struct {
	text []byte
	ok   bool // nothing in it holds the separator
}

func (b *discoText) add(texts ...string) {
	for _, s := range texts {
		b.ok = b.ok && !strings.Contains(s, "<")
		b.text = append(append(b.text, s...), '<')
	}
}

// lang is xml:lang.
func lang(e *stream.Element) string {
	for _, a := range e.Attrs {
		if a.Name == (xml.Name{Space: stream.NSXML, Local: "lang"}) {
			return a.Value
		}
	}
	return ""
}

// A discoForm is a form in an answer (XEP-0128), as far as it counts.
type discoForm struct {
	kind   string // FORM_TYPE; "" for a form without one, which is left out
	fields []discoField
}

type discoField struct {
	name   string
	values []string
}

// readDiscoForm reads a form with its fields, and their values, in order. One that says twice what it is, is ill-formed.
func readDiscoForm(x *stream.Element) (form discoForm, ok bool) {
	hidden := true
	for _, child := range x.Children {
		if !child.Is(nsForms, "field") {
			continue
		}
		f := discoField{name: child.Attr("var")}
		for _, value := range child.Children {
			if value.Is(nsForms, "value") {
				f.values = append(f.values, value.Text)
			}
		}
		if f.name != "FORM_TYPE" {
			slices.Sort(f.values)
			form.fields = append(form.fields, f)
			continue
		}
		if len(f.values) != 1 || form.kind != "" {
			return form, false
		}
		form.kind, hidden = f.values[0], child.Attr("type") == "hidden"
	}
	if !hidden {
		form.kind = "" // it is not what it says (section 5.4, step 3.6)
	}
	slices.SortStableFunc(form.fields, func(x, y discoField) int { return cmp.Compare(x.name, y.name) })
	return form, true
}
