package xmpp

import (
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
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

var capsHashes = map[string]func() hash.Hash{"sha-1": sha1.New, "sha-256": sha256.New}

var devices = map[string]bool{"pc": true, "phone": true, "web": true, "bot": true, "console": true, "handheld": true}

// A caps is what stands in a presence (XEP-0115 section 4).
type caps struct{ hash, node, ver string }

// An inquiry is a question to one client about a program, and the clients of the same program that its answer is about.
type inquiry struct {
	id      string
	since   time.Time
	clients []jid.JID
}

// Learn finds out what a client is whose presence came: from memory, or by asking it, when it may know that we are there
// anyway; the answer comes as an event. Call it once the roster is there, which says who may know.
func (c *Conn) Learn(p *Presence) *Software {
	said := p.caps
	if capsHashes[said.hash] == nil || said.ver == "" || p.From.Resourcepart() == "" || !c.knows(p.From) {
		return nil
	}
	known, id := c.inquire(said, p.From)
	if id != "" {
		c.send(newIQ("get", id, p.From).Add(stream.New(nsDisco, "query", "node", said.node+"#"+said.ver)), "", false)
	}
	return known
}

// inquire looks a program up, or enters an inquiry: its id, if it is to be sent.
func (c *Conn) inquire(said caps, from jid.JID) (known *Software, id string) {
	key, now := said.hash+" "+said.ver, time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.software[key]; ok {
		s.From = from
		return &s, ""
	}
	for key, i := range c.asking {
		if now.Sub(i.since) > askingTimeout {
			delete(c.requests, i.id)
			delete(c.asking, key)
		}
	}
	if i, asked := c.asking[key]; asked {
		if len(i.clients) < maxAlike && !slices.ContainsFunc(i.clients, from.Equal) {
			i.clients = append(i.clients, from)
		}
		return nil, ""
	}
	if len(c.asking) >= maxAsking {
		return nil, ""
	}
	id = NewID()
	c.asking[key] = &inquiry{id, now, []jid.JID{from}}
	c.requests[id] = &request{to: from, answered: func(answer *stream.Element) error { return c.learned(said, answer) }}
	return nil, id
}

// learned takes a client's answer. One that does not fit the hash says nothing about anybody.
func (c *Conn) learned(said caps, answer *stream.Element) error {
	key := said.hash + " " + said.ver
	c.mu.Lock()
	i := c.asking[key]
	delete(c.asking, key)
	c.mu.Unlock()
	query := answer.Child(nsDisco, "query")
	if answer.Attr("type") != "result" || query == nil || i == nil {
		return nil
	}
	ver, ok := verification(query, capsHashes[said.hash]())
	if !ok || ver != said.ver {
		return nil
	}
	s := software(query)
	c.mu.Lock()
	if len(c.software) >= maxSoftware {
		clear(c.software)
	}
	c.software[key] = s
	c.mu.Unlock()
	for _, from := range i.clients {
		known := s
		known.From = from
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

// verification computes the string of XEP-0115 section 5.1 over a disco#info answer. It refuses (section 5.4) what is
// there twice, and what holds the separator: with it, one program's answer could be made to look like another's.
func verification(query *stream.Element, h hash.Hash) (ver string, ok bool) {
	var identities, features, forms []string
	for _, child := range query.Children {
		switch {
		case child.Is(nsDisco, "identity"):
			lang := ""
			for _, a := range child.Attrs {
				if a.Name.Space == stream.NSXML && a.Name.Local == "lang" {
					lang = a.Value
				}
			}
			parts := []string{child.Attr("category"), child.Attr("type"), lang, child.Attr("name")}
			identities = append(identities, strings.Join(parts, "/"))
		case child.Is(nsDisco, "feature"):
			features = append(features, child.Attr("var"))
		case child.Is(nsForms, "x"):
			form, ok := verificationForm(child)
			if !ok {
				return "", false
			}
			if form != "" {
				forms = append(forms, form)
			}
		}
	}
	slices.Sort(identities)
	slices.Sort(features)
	slices.Sort(forms)
	var b strings.Builder
	for _, list := range [][]string{identities, features} {
		for i, s := range list {
			if strings.Contains(s, "<") || i > 0 && list[i-1] == s {
				return "", false
			}
			b.WriteString(s + "<")
		}
	}
	for i, s := range forms {
		if i > 0 && formType(forms[i-1]) == formType(s) {
			return "", false
		}
		b.WriteString(s)
	}
	h.Write([]byte(b.String()))
	return base64.StdEncoding.EncodeToString(h.Sum(nil)), true
}

func formType(form string) string {
	name, _, _ := strings.Cut(form, "<")
	return name
}

// verificationForm is a form's part of the string; "" for one without a type, which is left out.
func verificationForm(x *stream.Element) (form string, ok bool) {
	type field struct {
		name   string
		values []string
	}
	kind := ""
	var fields []field
	for _, child := range x.Children {
		if !child.Is(nsForms, "field") {
			continue
		}
		f := field{name: child.Attr("var")}
		for _, value := range child.Children {
			if value.Is(nsForms, "value") {
				f.values = append(f.values, value.Text)
			}
		}
		for _, s := range append(f.values, f.name) {
			if strings.Contains(s, "<") {
				return "", false
			}
		}
		if f.name == "FORM_TYPE" {
			if len(f.values) != 1 || kind != "" {
				return "", false
			}
			kind = f.values[0]
			if child.Attr("type") != "hidden" {
				return "", true
			}
			continue
		}
		slices.Sort(f.values)
		fields = append(fields, f)
	}
	if kind == "" {
		return "", true
	}
	slices.SortStableFunc(fields, func(x, y field) int { return cmp.Compare(x.name, y.name) })
	var b strings.Builder
	b.WriteString(kind + "<")
	for _, f := range fields {
		b.WriteString(f.name + "<")
		for _, v := range f.values {
			b.WriteString(v + "<")
		}
	}
	return b.String(), true
}
