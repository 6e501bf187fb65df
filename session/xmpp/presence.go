package xmpp

import (
	"strconv"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

const nsNick = "http://jabber.org/protocol/nick"

var presenceTypes = map[string]PresenceType{
	"": Available, "unavailable": Unavailable, "subscribe": Subscribe, "subscribed": Subscribed,
	"unsubscribe": Unsubscribe, "unsubscribed": Unsubscribed, "error": PresenceError,
}

var presenceWords = [...]string{Available: "", Unavailable: "unavailable", Subscribe: "subscribe",
	Subscribed: "subscribed", Unsubscribe: "unsubscribe", Unsubscribed: "unsubscribed", PresenceError: "error"}

var shows = map[string]bool{"chat": true, "away": true, "xa": true, "dnd": true}

// SendPresence queues p and returns at once. A p with To is a request, its answer, or meant for that one contact.
func (c *Conn) SendPresence(p Presence) error {
	if p.To.Equal(jid.JID{}) {
		c.hidden.Store(p.Type == Unavailable)
	}
	return c.send(p.element(), "", false)
}

// show is Show, if it is one of the four.
func (p Presence) show() string {
	if shows[p.Show] {
		return p.Show
	}
	return ""
}

func (p Presence) element() *stream.Element {
	e := stream.New(stream.NSClient, "presence", "type", presenceWords[p.Type], "to", p.To.String())
	if show := p.show(); show != "" {
		e.Add(stream.New(stream.NSClient, "show").WithText(show))
	}
	if p.Status != "" {
		e.Add(stream.New(stream.NSClient, "status").WithText(p.Status))
	}
	if p.Priority != 0 {
		e.Add(stream.New(stream.NSClient, "priority").WithText(strconv.Itoa(int(p.Priority))))
	}
	if p.Nick != "" {
		e.Add(stream.New(nsNick, "nick").WithText(p.Nick))
	}
	if p.Type == Available {
		e.Add(stream.New(nsCaps, "c", "hash", "sha-1", "node", capsNode, "ver", capsHash))
	}
	return e
}

// presence reads a presence; nil for what is not delivered.
func (c *Conn) presence(e *stream.Element) *Presence {
	kind, known := presenceTypes[e.Attr("type")]
	from, err := c.sender(e)
	if !known || err != nil {
		return nil
	}
	p := &Presence{From: from, To: c.jid, Type: kind}
	if to := e.Attr("to"); to != "" {
		if p.To, err = jid.Parse(to); err != nil {
			return nil
		}
	}
	if kind == PresenceError {
		p.Err = stanzaError(e)
		return p
	}
	if show := e.Child(stream.NSClient, "show"); show != nil && shows[show.Text] {
		p.Show = show.Text
	}
	if status := e.Child(stream.NSClient, "status"); status != nil {
		p.Status = status.Text
	}
	if priority := e.Child(stream.NSClient, "priority"); priority != nil {
		n, _ := strconv.ParseInt(priority.Text, 10, 8)
		p.Priority = int8(n)
	}
	if nick := e.Child(nsNick, "nick"); nick != nil {
		p.Nick = nick.Text
	}
	if said := e.Child(nsCaps, "c"); said != nil {
		p.caps = caps{said.Attr("hash"), said.Attr("node"), said.Attr("ver")}
	}
	return p
}
