package xmpp

import (
	"errors"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

const (
	nsForward    = "urn:xmpp:forward:0"
	nsDelay      = "urn:xmpp:delay"
	nsOldDelay   = "jabber:x:delay"
	nsReceipts   = "urn:xmpp:receipts"
	nsEncryption = "urn:xmpp:eme:0"
	nsOTR        = "urn:xmpp:otr:0"
	nsHints      = "urn:xmpp:hints"
)

var messageTypes = map[string]MessageType{"chat": Chat, "error": ErrorMessage, "headline": Headline, "groupchat": Groupchat}

// Send queues m and returns at once. The error is ErrClosed, a *TooLongError, or says what in m cannot be sent. m.ID is
// chosen by the caller (NewID); an Acked with it follows once the server has the message.
func (c *Conn) Send(m Message) error {
	e, err := m.element()
	if err != nil {
		return err
	}
	return c.send(e, m.ID, m.Body != "")
}

// element builds the stanza.
func (m Message) element() (*stream.Element, error) {
	if m.To.Equal(jid.JID{}) {
		return nil, errors.New("xmpp: a message to nobody")
	}
	kind := ""
	switch m.Type {
	case Normal:
	case Chat:
		kind = "chat"
	default:
		return nil, errors.New("xmpp: only chat and normal messages can be sent")
	}
	e := stream.New(stream.NSClient, "message", "type", kind, "to", m.To.String(), "id", m.ID)
	if m.Body != "" {
		e.Add(stream.New(stream.NSClient, "body").WithText(m.Body))
	}
	if m.Thread != "" {
		e.Add(stream.New(stream.NSClient, "thread").WithText(m.Thread))
	}
	if m.OTR {
		// Exactly these (XEP-0364 section 6): no copies to other clients and archives, but kept while the contact is
		// away. A no-store would make some servers drop the message.
		e.Add(stream.New(nsEncryption, "encryption", "namespace", nsOTR, "name", "OTR"),
			stream.New(nsCarbons, "private"), stream.New(nsHints, "no-copy"), stream.New(nsHints, "no-permanent-store"))
	}
	if m.WantReceipt {
		e.Add(stream.New(nsReceipts, "request"))
	}
	if m.Receipt != "" {
		e.Add(stream.New(nsReceipts, "received", "id", m.Receipt))
	}
	return e.Add(m.State.element()), nil
}

// message reads a message; nil for what is not delivered.
func (c *Conn) message(e *stream.Element) *Message {
	if m := c.carbon(e); m != nil {
		return m
	}
	return c.parseMessage(e)
}

// carbon reads a copy of a message of another of our clients (XEP-0280). Only our own account may send one; in a
// message from anybody else the wrapping means nothing, and one inside another never does.
func (c *Conn) carbon(e *stream.Element) *Message {
	from, err := jid.Parse(e.Attr("from"))
	if err != nil || !from.Equal(c.jid.Bare()) {
		return nil
	}
	for _, wrapping := range e.Children {
		carbon := NoCarbon
		switch {
		case wrapping.Is(nsCarbons, "received"):
			carbon = CarbonReceived
		case wrapping.Is(nsCarbons, "sent"):
			carbon = CarbonSent
		default:
			continue
		}
		forwarded := wrapping.Child(nsForward, "forwarded")
		if forwarded == nil {
			return nil
		}
		inner := forwarded.Child(stream.NSClient, "message")
		if inner == nil || inner.Attr("from") == "" || inner.Attr("to") == "" {
			return nil
		}
		m := c.parseMessage(inner)
		if m == nil || m.Type == ErrorMessage || m.Err != nil {
			return nil
		}
		own := m.To
		if carbon == CarbonSent {
			own = m.From
		}
		if !own.Bare().Equal(c.jid.Bare()) {
			return nil
		}
		if m.Delay.IsZero() {
			m.Delay = c.delay(forwarded, m.From)
		}
		m.Carbon = carbon
		return m
	}
	return nil
}

// parseMessage reads what is directly in a message.
func (c *Conn) parseMessage(e *stream.Element) *Message {
	m := &Message{ID: e.Attr("id"), Type: messageTypes[e.Attr("type")]}
	var err error
	if m.From, err = c.sender(e); err != nil || m.Type == Groupchat {
		return nil
	}
	if m.To = c.jid; e.Attr("to") != "" {
		if m.To, err = jid.Parse(e.Attr("to")); err != nil {
			return nil
		}
	}
	if m.Type == ErrorMessage {
		// Nothing else is read: it would be what we sent ourselves.
		m.Err = stanzaError(e)
		return m
	}
	if thread := e.Child(stream.NSClient, "thread"); thread != nil {
		m.Thread = thread.Text
	}
	if body := e.Child(stream.NSClient, "body"); body != nil {
		m.Body = body.Text
	}
	m.WantReceipt = e.Child(nsReceipts, "request") != nil
	if received := e.Child(nsReceipts, "received"); received != nil {
		m.Receipt = received.Attr("id")
		m.WantReceipt = false // a receipt for a receipt would never end
	}
	if hint := e.Child(nsEncryption, "encryption"); hint != nil && hint.Attr("namespace") != nsOTR {
		m.Encryption = hint.Attr("name")
		if m.Encryption == "" {
			m.Encryption = hint.Attr("namespace")
		}
	}
	m.Marked = marked(e)
	m.State = chatState(e)
	m.Delay = c.delay(e, m.From)
	if m.Body == "" && m.Receipt == "" && m.State == NoChatState {
		return nil
	}
	return m
}

// marked tells whether a message says that it is OTR, or that copies of it are not wanted everywhere. Any one word of it will do: servers take
// some of them away.
func marked(e *stream.Element) bool {
	if hint := e.Child(nsEncryption, "encryption"); hint != nil && hint.Attr("namespace") == nsOTR {
		return true
	}
	return e.Child(nsCarbons, "private") != nil || e.Child(nsHints, "no-copy") != nil || e.Child(nsHints, "no-store") != nil ||
		e.Child(nsHints, "no-permanent-store") != nil
}

// sender is who a stanza is from: what has no from is from our own account (RFC 6120 section 8.1.2.1).
func (c *Conn) sender(e *stream.Element) (jid.JID, error) {
	if from := e.Attr("from"); from != "" {
		return jid.Parse(from)
	}
	return c.jid.Bare(), nil
}

// delay reads when a message was sent that comes late: the last stamp by our own server or, failing that, by the
// sender's side (XEP-0203, and XEP-0091 of old). A stamp that cannot be true is none.
func (c *Conn) delay(e *stream.Element, from jid.JID) time.Time {
	var ours, theirs time.Time
	for _, d := range e.Children {
		layout := time.RFC3339Nano
		switch {
		case d.Is(nsDelay, "delay"):
		case d.Is(nsOldDelay, "x"):
			layout = "20060102T15:04:05"
		default:
			continue
		}
		stamp, err := time.Parse(layout, d.Attr("stamp"))
		if err != nil || stamp.Before(firstXMPP) || stamp.After(time.Now().Add(clockSkew)) {
			continue
		}
		by, err := jid.Parse(d.Attr("from"))
		switch {
		case err != nil:
			theirs = stamp
		case by.Equal(c.server), by.Bare().Equal(c.jid.Bare()):
			ours = stamp
		case by.Equal(from.Domain()), by.Bare().Equal(from.Bare()):
			theirs = stamp
		}
	}
	if !ours.IsZero() {
		return ours
	}
	return theirs
}

const clockSkew = 2 * time.Minute

// firstXMPP is before any stamp that can be true.
var firstXMPP = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
