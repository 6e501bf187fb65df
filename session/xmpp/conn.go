package xmpp

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	engine "github.com/xmppo/go-xmpp"
	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

const (
	// maxQueue stanzas waiting to be written mean that the line is dead.
	maxQueue = 4096
	// maxAnswers to other people's questions are among them.
	maxAnswers = 512
	// maxUndelivered is how much text may wait for the receiver of Events, with something for each event. Beyond it the
	// server is made to wait.
	maxUndelivered = 16 << 20
	eventCost      = 512
	// closeTimeout is how long the server gets to close the stream after we did.
	closeTimeout = time.Second
)

// A Conn is one stream to the account's server, signed in. Its goroutines: read parses and judges what comes, deliver
// holds the events until they are taken, write sends what is queued and keeps the pulse, and two carry bytes in the
// relay. All end with the connection, provided that the receiver of Events keeps reading or somebody calls Close.
type Conn struct {
	jid    jid.JID
	server jid.JID // the account's domain
	facts  Facts

	client *engine.Client // SendOrg is all that is used of it
	relay  *relay
	guard  *guard
	reader *stream.Reader
	pulse  pulse
	limit  int // of a stanza of ours

	events     chan Event
	out        chan outgoing
	ended      chan struct{} // closed when the connection is over
	quit       chan struct{} // closed when nobody takes events any more
	agreed     chan struct{} // closed when it is known whether the server acknowledges: until then nothing is written
	crowded    chan struct{} // closed when more events have waited than are held
	inbox      chan delivery // from read to deliver; closed by read
	blocked    atomic.Bool   // the reader waits for deliver to take more
	hidden     atomic.Bool   // nobody is to know that we are there
	goroutines sync.WaitGroup
	closing    sync.Once

	mu       sync.Mutex // guards what follows
	over     bool
	err      error
	closed   bool // by Close: err stays nil
	requests map[string]*request
	sees     map[string]bool     // bare addresses in the roster that may see our presence
	software map[string]Software // by the hash in a presence (XEP-0115)
	asking   map[string]*inquiry // the same, of what was asked for
	ledger   ledger
	received uint32 // stanzas since <enabled/> whose events were taken
}

// A delivery is an event to be taken, or, without one, the note that now so many stanzas are handled.
type delivery struct {
	event   Event
	handled uint32
}

// outgoing is one write. id is the message it carries, if it is one the caller wants to know the fate of.
type outgoing struct {
	xml      string
	id       string
	stanza   bool          // counted by XEP-0198
	wonder   bool          // ask the server what it has, soon
	question bool          // ask it right after
	within   time.Duration // of question: how soon the answer must come; zero: as usual
	settled  chan struct{} // closed when that is answered
}

// ready makes a Conn of a client that has signed in: acknowledgements first, so that they cover all that follows.
func (c *Config) ready(client *engine.Client, relay *relay, g *guard, t target) (*Conn, error) {
	conn := &Conn{
		jid: g.bound, server: c.JID.Domain(),
		facts: Facts{
			Host: t.host, Port: t.port, Remote: relay.up.RemoteAddr().String(), Proxy: c.Proxy.Kind, Direct: t.direct,
			TLSVersion: tls.VersionName(g.tls.Version), CipherSuite: tls.CipherSuiteName(g.tls.CipherSuite),
			Certificates: g.tls.PeerCertificates, Key: g.key, KeyChange: g.keyChange,
			Mechanism: g.chosen, Binding: g.binding, Strength: strength(g.chosen, g.binding),
		},
		client: client, relay: relay, guard: g, pulse: c.beats(), limit: maxStanza(client),
		events: make(chan Event), inbox: make(chan delivery), out: make(chan outgoing, maxQueue),
		ended: make(chan struct{}), quit: make(chan struct{}), agreed: make(chan struct{}), crowded: make(chan struct{}),
		requests: map[string]*request{}, sees: map[string]bool{}, software: map[string]Software{}, asking: map[string]*inquiry{},
	}
	conn.reader = stream.Continue(decoderOf(client), g.header)
	conn.reader.LimitsFor = conn.limitsFor
	if g.acks {
		// First of all, so that acknowledgements cover all that follows.
		if _, err := client.SendOrg(mustXML(stream.New(nsAcks, "enable"))); err != nil {
			return nil, err
		}
		conn.ledger.asked = time.Now()
	} else {
		close(conn.agreed)
	}
	conn.queue(outgoing{xml: mustXML(newIQ("set", NewID(), jid.JID{}).Add(stream.New(nsCarbons, "enable"))), stanza: true})
	conn.hidden.Store(c.Presence.Type == Unavailable)
	conn.queue(outgoing{xml: mustXML(c.Presence.element()), stanza: true})
	conn.goroutines.Go(conn.read)
	conn.goroutines.Go(conn.deliver)
	conn.goroutines.Go(conn.write)
	if err := conn.agree(c.limits().bind); err != nil {
		conn.end(err)
		close(conn.quit)
		relay.kill(err)
		conn.goroutines.Wait()
		return nil, err
	}
	return conn, nil
}

// agree waits for the answer to <enable/>. What the server kept for us while we were away comes before it, and anybody
// may have seen to it that this is a lot: then the caller must begin to take events, and the answer comes when it comes.
func (c *Conn) agree(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for begin := time.Now(); ; {
		select {
		case <-c.agreed:
			return nil
		case <-c.crowded:
			return nil
		case <-c.ended:
			if cause := c.relay.why(); errors.Is(cause, context.DeadlineExceeded) || errors.Is(cause, context.Canceled) {
				return cause
			}
			return c.Err()
		case <-timer.C:
			quiet := time.Since(*c.guard.heard.Load())
			switch {
			case quiet >= limit:
				return &Error{Kind: TimedOut, Detail: "the server does not answer about acknowledgements"}
			case time.Since(begin) >= 2*limit:
				return nil
			}
			timer.Reset(limit - quiet)
		}
	}
}

// JID is our full address as the server bound it.
func (c *Conn) JID() jid.JID { return c.jid }

// Facts tells what the connection is made of.
func (c *Conn) Facts() Facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.facts
}

// Events yields what arrived, in order; it is closed when the connection has ended and everything was delivered. The
// receiver must keep reading: what it takes is what the server is told we have.
func (c *Conn) Events() <-chan Event { return c.events }

// Err says why the connection ended, as an *Error; nil while it lives and after Close.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// end ends the connection for a reason, the first one only.
func (c *Conn) end(reason error) {
	c.mu.Lock()
	first := !c.over
	if first {
		c.over = true
		if !c.closed {
			c.err = reason
		}
		close(c.ended)
	}
	c.mu.Unlock()
	c.relay.kill(reason)
}

// Close says goodbye and ends the connection; safe to call twice. It waits until the server has acknowledged what was
// sent, or ctx ends.
func (c *Conn) Close(ctx context.Context) {
	c.closing.Do(func() {
		c.mu.Lock()
		c.closed = true
		c.mu.Unlock()
		settled := make(chan struct{})
		c.queue(outgoing{xml: mustXML(Presence{Type: Unavailable}.element()), stanza: true, question: true, settled: settled})
		select {
		case <-settled:
		case <-ctx.Done():
		case <-c.ended:
		}
		c.answerAck() // unasked: what was taken would come again at the next login (XEP-0198 section 4)
		c.queue(outgoing{xml: stream.End})
		timeout := time.NewTimer(closeTimeout)
		defer timeout.Stop()
		select {
		case <-c.ended: // the reader saw the server close it too
		case <-ctx.Done():
		case <-timeout.C:
		}
		c.end(nil)
		close(c.quit)
		c.goroutines.Wait()
		c.relay.copying.Wait()
	})
}

// queue hands the writer something without waiting.
func (c *Conn) queue(o outgoing) error {
	c.mu.Lock()
	over := c.over
	c.mu.Unlock()
	if over {
		return ErrClosed
	}
	select {
	case c.out <- o:
		return nil
	default:
		c.end(&Error{Kind: Unreachable, Detail: "the server takes nothing any more"})
		return ErrClosed
	}
}

// send queues a stanza of our own making. Where wonder is true the server is asked, soon, whether it has it.
func (c *Conn) send(e *stream.Element, id string, wonder bool) error {
	xml, err := e.XML()
	if err != nil {
		return err
	}
	if len(xml) > c.limit {
		return &TooLongError{Length: len(xml), Limit: c.limit}
	}
	return c.queue(outgoing{xml: xml, id: id, stanza: true, wonder: wonder})
}

// A TooLongError is what sending returns for a stanza that the server would not take.
type TooLongError struct{ Length, Limit int }

func (e *TooLongError) Error() string { return "xmpp: message is too long" }

// maxStanza is how long a stanza may be: our own limit, or the server's where it says so (XEP-0478).
func maxStanza(client *engine.Client) int {
	const overhead = 64 // of what go-xmpp and we add
	limit := stream.DefaultLimits.Bytes
	if n := client.LimitMaxBytes; n > 0 {
		limit = min(limit, n)
	}
	return limit - overhead
}

// read is the reader goroutine.
func (c *Conn) read() {
	defer close(c.inbox)
	counting := false // stanzas, as the server does since <enabled/>
	for stanzas := uint32(0); ; {
		name, err := c.handle()
		switch {
		case err != nil:
			c.end(c.reason(err))
			return
		case name == xml.Name{Space: nsAcks, Local: "enabled"}:
			counting = true
		case counting && name.Space == stream.NSClient:
			stanzas++
			if err := c.pass(delivery{handled: stanzas}); err != nil {
				c.end(c.reason(err))
				return
			}
		}
	}
}

// handle reads one element and acts on it. One that is dropped was handled too: it would not be better the next time.
func (c *Conn) handle() (xml.Name, error) {
	e, err := c.reader.Next()
	// The guard bounds what go-xmpp's decoder may take in until an element is complete.
	c.guard.pending, c.guard.limit = 0, stream.MaxPassedOver
	var dropped *stream.DroppedError
	if errors.As(err, &dropped) {
		return dropped.Name, nil
	}
	if err != nil {
		return xml.Name{}, err
	}
	return e.Name, c.take(e)
}

// reason types the error that ended reading.
func (c *Conn) reason(err error) error {
	var typed *Error
	switch {
	case errors.As(err, &typed):
		return typed
	case err == io.EOF:
		return &Error{Kind: ServerClosed, Detail: "the server closed the stream"}
	case errors.Is(err, stream.ErrRefused), errors.Is(err, errTooLong):
		return &Error{Kind: BrokenStream, Err: err}
	}
	// The line ended; the relay knows how. What came through TLS's own end is in err.
	if cause := c.relay.why(); errors.As(cause, &typed) {
		return typed
	}
	return &Error{Kind: Unreachable, Detail: "the line ended", Err: err}
}

// take acts on one element.
func (c *Conn) take(e *stream.Element) error {
	switch {
	case e.Is(stream.NSClient, "message"):
		if m := c.message(e); m != nil {
			return c.pass(delivery{event: m})
		}
	case e.Is(stream.NSClient, "presence"):
		if p := c.presence(e); p != nil {
			return c.pass(delivery{event: p})
		}
	case e.Is(stream.NSClient, "iq"):
		return c.iq(e)
	case e.Is(nsAcks, "enabled"), e.Is(nsAcks, "failed"):
		c.agreeOn(e.Name.Local == "enabled")
	case e.Is(nsAcks, "r"):
		return c.answerAck()
	case e.Is(nsAcks, "a"):
		return c.acked(e.Attr("h"))
	case e.Is(stream.NSStreams, "error"):
		return streamError(e)
	}
	return nil // something newer than we are
}

// pass hands deliver something, waiting while it has too much.
func (c *Conn) pass(d delivery) error {
	c.blocked.Store(true)
	defer c.blocked.Store(false)
	select {
	case c.inbox <- d:
		now := time.Now()
		c.guard.heard.Store(&now) // what came meanwhile is still to be read
		return nil
	case <-c.quit:
		return ErrClosed
	}
}

// deliver keeps events until they are taken, so that a receiver busy with something else, perhaps waiting for an
// answer that read is to bring, holds nothing up. A stanza counts as handled once all before it were taken.
func (c *Conn) deliver() {
	defer close(c.events)
	var queue []delivery
	var crowd sync.Once
	held := 0
	for in := c.inbox; ; {
		for len(queue) > 0 && queue[0].event == nil {
			c.mu.Lock()
			c.received = queue[0].handled
			c.mu.Unlock()
			queue = queue[1:]
		}
		var out chan Event
		var next Event
		switch {
		case len(queue) > 0:
			out, next = c.events, queue[0].event
		case in == nil:
			return
		}
		more := in
		if held > maxUndelivered {
			more = nil
			crowd.Do(func() { close(c.crowded) })
		}
		select {
		case d, open := <-more:
			if !open {
				in = nil
				continue
			}
			queue = append(queue, d)
			held += cost(d.event)
		case out <- next:
			queue = queue[1:]
			held -= cost(next)
		case <-c.quit:
			return
		}
	}
}

// cost is about what an event occupies while it waits.
func cost(e Event) int {
	switch e := e.(type) {
	case *Message:
		return eventCost + len(e.Body)
	case *Presence:
		return eventCost + len(e.Status) + len(e.Nick)
	case nil:
		return 0
	}
	return eventCost
}

// write is the writer goroutine.
func (c *Conn) write() {
	wait := c.untilBeat()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	agreed, out := c.agreed, (chan outgoing)(nil)
	for {
		due := time.Now().Add(wait)
		var err error
		select {
		case <-agreed:
			agreed, out = nil, c.out
		case o := <-out:
			err = c.put(o)
		case <-timer.C:
			err = c.beat(time.Since(due))
		case <-c.ended:
			return
		}
		if err != nil {
			c.end(c.reason(err))
			return
		}
		wait = c.untilBeat()
		timer.Reset(wait)
	}
}

// streamError types the error that ends a stream (RFC 6120 section 4.9.3).
func streamError(e *stream.Element) *Error {
	condition, text := "undefined-condition", ""
	for _, c := range e.Children {
		switch {
		case c.Is(stream.NSErrors, "text"):
			text = c.Text
		case c.Name.Space == stream.NSErrors:
			condition = c.Name.Local
		}
	}
	kind := ServerClosed // see-other-host among them: whom we talk to is not for the stream to say
	switch condition {
	case "conflict":
		kind = Conflict
	case "not-authorized", "invalid-from":
		kind = AccountRefused
	case "host-unknown", "host-gone", "improper-addressing":
		kind = UnknownHost
	case "bad-format", "invalid-xml", "not-well-formed", "restricted-xml", "unsupported-encoding", "invalid-namespace",
		"bad-namespace-prefix", "unsupported-version", "unsupported-stanza-type", "unsupported-feature":
		kind = BrokenStream
	}
	return &Error{Kind: kind, Detail: "the server says " + condition, Err: wordsOf(text)}
}

// wordsOf makes an error of the server's own words, for the connection's log; nil when there are none.
func wordsOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// mustXML is for elements made of nothing but our own constants.
func mustXML(e *stream.Element) string {
	text, err := e.XML()
	if err != nil {
		panic("xmpp: internal error: " + err.Error())
	}
	return text
}
