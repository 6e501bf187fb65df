package xmpp

import (
	"context"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

const (
	nsPing    = "urn:xmpp:ping"
	nsCarbons = "urn:xmpp:carbons:2"
)

// A request is an IQ of ours that waits for its answer. It is matched by its id, which nobody can guess, and by who
// answers, and it is gone with the first answer that fits.
type request struct {
	to       jid.JID // zero: our account, that is the server on its behalf
	limits   stream.Limits
	answered func(*stream.Element) error // runs on the reader
}

func newIQ(kind, id string, to jid.JID) *stream.Element {
	return stream.New(stream.NSClient, "iq", "type", kind, "id", id, "to", to.String())
}

// ask sends a request to our account and waits for the answer. An answer of type error comes as a *StanzaError.
func (c *Conn) ask(ctx context.Context, kind string, payload *stream.Element, limits stream.Limits) (*stream.Element, error) {
	return c.askOf(ctx, jid.JID{}, kind, payload, limits)
}

// askOf is ask for somebody else than our account.
func (c *Conn) askOf(ctx context.Context, to jid.JID, kind string, payload *stream.Element, limits stream.Limits) (*stream.Element, error) {
	id, answer := NewID(), make(chan *stream.Element, 1)
	c.mu.Lock()
	c.requests[id] = &request{to: to, limits: limits, answered: func(e *stream.Element) error {
		answer <- e
		return nil
	}}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.requests, id)
		c.mu.Unlock()
	}()
	if err := c.send(newIQ(kind, id, to).Add(payload), "", false); err != nil {
		return nil, err
	}
	select {
	case e := <-answer:
		if e.Attr("type") == "error" {
			return nil, stanzaError(e)
		}
		return e, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.ended:
		return nil, ErrClosed
	}
}

// answers finds the request that e, an IQ of type result or error, answers.
func (c *Conn) answers(e *stream.Element) *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.requests[e.Attr("id")]
	if r == nil {
		return nil
	}
	from := e.Attr("from")
	switch j, err := jid.Parse(from); {
	case r.to.Equal(jid.JID{}) && from == "":
	case err != nil:
		return nil
	case r.to.Equal(jid.JID{}) && (j.Equal(c.jid.Bare()) || j.Equal(c.jid) || j.Equal(c.server)):
		// RFC 6120 section 10.3.3 says bare or nothing; servers also write the other two, and only they can.
	case j.Equal(r.to):
	default:
		return nil
	}
	return r
}

// limitsFor widens the limits for an answer that is expected to be large.
func (c *Conn) limitsFor(opening *stream.Element) stream.Limits {
	if !opening.Is(stream.NSClient, "iq") || opening.Attr("type") != "result" {
		return stream.Limits{}
	}
	r := c.answers(opening)
	if r == nil || r.limits == (stream.Limits{}) {
		return stream.Limits{}
	}
	c.guard.limit = max(r.limits.Bytes, stream.MaxPassedOver)
	return r.limits
}

// iq acts on an IQ: an answer for somebody who waits, a roster push, or a question.
func (c *Conn) iq(e *stream.Element) error {
	switch e.Attr("type") {
	case "result", "error":
		r := c.answers(e)
		if r == nil {
			return nil
		}
		c.mu.Lock()
		delete(c.requests, e.Attr("id"))
		c.mu.Unlock()
		return r.answered(e)
	case "get", "set":
		return c.question(e)
	}
	return nil
}

// question answers a question. Those who may see our presence learn that we are there and what we can; everybody else
// gets, whatever they ask, the one answer that a server gives for a user it does not know.
func (c *Conn) question(e *stream.Element) error {
	id, from := e.Attr("id"), e.Attr("from")
	var asker jid.JID
	if from != "" {
		var err error
		if asker, err = jid.Parse(from); err != nil {
			return nil
		}
	}
	if id == "" {
		return nil
	}
	payload, get := &stream.Element{}, e.Attr("type") == "get"
	if len(e.Children) == 1 { // as RFC 6120 section 8.2.3 has it
		payload = e.Children[0]
	}
	account := from == "" || asker.Equal(c.jid.Bare())
	switch {
	case !get && account && payload.Is(nsRoster, "query"):
		return c.rosterPush(id, asker, payload)
	case !get && account && (payload.Is(nsBlocking, "block") || payload.Is(nsBlocking, "unblock")):
		return c.blockPush(id, asker, payload)
	case get && payload.Is(nsPing, "ping") && c.knows(asker):
		return c.reply(id, asker, nil)
	case get && payload.Is(nsDisco, "query") && c.knows(asker):
		node := payload.Attr("node")
		if node == "" || node == capsNode+"#"+capsHash {
			return c.reply(id, asker, discoInfo(node))
		}
	}
	refusal := newIQ("error", id, asker).Add(stream.New(stream.NSClient, "error", "type", "cancel").
		Add(stream.New(stream.NSStanzas, "service-unavailable")))
	return c.answer(refusal)
}

func (c *Conn) reply(id string, to jid.JID, payload *stream.Element) error {
	return c.answer(newIQ("result", id, to).Add(payload))
}

// answer sends an answer to a question. One that cannot be written, because of the asker's own id, is not given, nor is
// one when many others still wait to be written: asking quickly must not end the connection.
func (c *Conn) answer(e *stream.Element) error {
	if len(c.out) >= maxAnswers {
		return nil
	}
	if err := c.send(e, "", false); err == ErrClosed {
		return err
	}
	return nil
}

// knows reports whether somebody may see our presence: our server, our own clients, contacts we let.
func (c *Conn) knows(asker jid.JID) bool {
	if asker.Equal(jid.JID{}) || asker.Equal(c.server) || asker.Bare().Equal(c.jid.Bare()) {
		return true
	}
	if c.hidden.Load() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sees[asker.Bare().String()]
}

// stanzaError reads the error of a stanza of type error (RFC 6120 section 8.3.2).
func stanzaError(e *stream.Element) *StanzaError {
	result := &StanzaError{Type: "cancel", Condition: "undefined-condition"}
	child := e.Child(stream.NSClient, "error")
	if child == nil {
		return result
	}
	result.Type = child.Attr("type")
	for _, c := range child.Children {
		switch {
		case c.Is(stream.NSStanzas, "text"):
			result.Text = c.Text
		case c.Name.Space == stream.NSStanzas:
			result.Condition = c.Name.Local
		}
	}
	return result
}
