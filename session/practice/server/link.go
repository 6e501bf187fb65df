package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"mellium.im/xmpp/jid"
)

const (
	nsSM         = "urn:xmpp:sm:3"
	nsRoster     = "jabber:iq:roster"
	nsPing       = "urn:xmpp:ping"
	nsCarbons    = "urn:xmpp:carbons:2"
	nsForward    = "urn:xmpp:forward:0"
	nsHints      = "urn:xmpp:hints"
	nsDiscoInfo  = "http://jabber.org/protocol/disco#info"
	nsDiscoItems = "http://jabber.org/protocol/disco#items"
	nsSession    = "urn:ietf:params:xml:ns:xmpp-session"
)

// link is one signed-in client. The fields of the first group belong to the hub.
type link struct {
	account     *account
	presence    *stream.Element // as last broadcast; nil while not available
	priority    int
	wantsRoster bool // has asked for it and is told of changes
	carbons     bool
	pushes      int

	address jid.JID
	server  *Server
	conn    net.Conn
	queue   chan string
	ctx     context.Context // ends with the link
	cut     context.CancelFunc
}

func newLink(s *Server, conn net.Conn, address jid.JID) *link {
	l := &link{server: s, conn: conn, address: address, queue: make(chan string, maxQueued)}
	l.ctx, l.cut = context.WithCancel(s.ctx)
	return l
}

// run serves the client until either side ends the stream. It returns when nothing of the client is left in the hub.
func (l *link) run(r *stream.Reader) {
	defer afterwards(l.ctx, l.conn)()
	written := make(chan struct{})
	l.server.all.Go(func() {
		defer close(written)
		defer l.cut()
		l.write()
	})
	err := l.read(r)
	l.server.enter(func(h *hub) error { h.leave(l); return nil })
	switch {
	case err == io.EOF:
		l.queueText(stream.End)
	case errors.Is(err, stream.ErrRefused):
		l.end("not-well-formed")
	case err != errEnd:
		l.cut()
	}
	<-written
}

// read takes stanzas one after the other, counting them for XEP-0198.
func (l *link) read(r *stream.Reader) error {
	var handled uint32 // h of XEP-0198, modulo 2^32
	acknowledging := false
	for {
		e, err := r.Next()
		if err != nil {
			return err
		}
		switch {
		case e.Name.Space == stream.NSClient && (e.Name.Local == "message" || e.Name.Local == "presence" || e.Name.Local == "iq"):
			handled++
			l.server.tell(func(h *hub) { h.handle(l, e) })
		case e.Is(nsSM, "enable") && !acknowledging:
			acknowledging, handled = true, 0
			l.sendNonza(stream.New(nsSM, "enabled"))
		case e.Is(nsSM, "enable"), e.Is(nsSM, "resume"):
			l.sendNonza(stream.New(nsSM, "failed").Add(stream.New(stream.NSStanzas, "unexpected-request")))
		case e.Is(nsSM, "r") && acknowledging:
			l.sendNonza(stream.New(nsSM, "a", "h", strconv.FormatUint(uint64(handled), 10)))
		case e.Is(nsSM, "a") && acknowledging: // we never ask, but may be told
		default:
			l.end("unsupported-stanza-type")
			return errEnd
		}
	}
}

// sendNonza goes through the hub, so that an acknowledgement comes after what the acknowledged stanzas have caused.
func (l *link) sendNonza(e *stream.Element) {
	l.server.tell(func(*hub) { l.send(e) })
}

// write writes what is queued. Its end is the end of the connection.
func (l *link) write() {
	w := bufio.NewWriter(l.conn)
	for {
		select {
		case text := <-l.queue:
			l.conn.SetWriteDeadline(time.Now().Add(writeLimit))
			w.WriteString(text)
			if len(l.queue) > 0 && text != stream.End {
				continue
			}
			if w.Flush() != nil {
				return
			}
			// A deadline that passes while nothing is written would end a TLS connection for good.
			l.conn.SetWriteDeadline(time.Time{})
			if text == stream.End {
				return
			}
		case <-l.ctx.Done():
			return
		}
	}
}

// send queues e. A client that does not take what it is sent is cut off; nobody waits for it.
func (l *link) send(e *stream.Element) {
	text, err := e.XML()
	if err != nil {
		return // cannot happen: it was read as XML, or is our own
	}
	l.queueText(text)
}

func (l *link) queueText(text string) {
	select {
	case l.queue <- text:
	default:
		l.cut()
	}
}

// end ends the stream with an error (RFC 6120, section 4.9).
func (l *link) end(condition string) {
	l.send(stream.New(stream.NSStreams, "error").Add(stream.New(stream.NSErrors, condition)))
	l.queueText(stream.End)
}

// carbon forwards e, which the account sent from, or received at, another of its clients.
func (l *link) carbon(direction string, e *stream.Element) {
	l.send(stream.New(stream.NSClient, "message", "from", l.account.address.String(), "to", l.address.String(), "type", e.Attr("type")).
		Add(stream.New(nsCarbons, direction).Add(stream.New(nsForward, "forwarded").Add(e))))
}

// refuse answers e with an error, unless e is one itself or an answer.
func (l *link) refuse(e *stream.Element, kind, condition string) {
	if t := e.Attr("type"); t == "error" || t == "result" && e.Name.Local == "iq" {
		return
	}
	l.send(failed(e, kind, condition))
}

func (l *link) nextID() string {
	l.pushes++
	return "push-" + strconv.Itoa(l.pushes)
}

// result begins the answer to a request.
func result(request *stream.Element) *stream.Element {
	return stream.New(stream.NSClient, "iq", "type", "result", "id", request.Attr("id"), "to", request.Attr("from"), "from", request.Attr("to"))
}

// failed is the error that answers e (RFC 6120, section 8.3).
func failed(e *stream.Element, kind, condition string) *stream.Element {
	return stream.New(stream.NSClient, e.Name.Local, "type", "error", "id", e.Attr("id"), "to", e.Attr("from"), "from", e.Attr("to")).
		Add(stream.New(stream.NSClient, "error", "type", kind).Add(stream.New(stream.NSStanzas, condition)))
}

// afterwards closes conn when ctx ends, until it is told to stop watching.
func afterwards(ctx context.Context, conn net.Conn) (stop func()) {
	unwatch := context.AfterFunc(ctx, func() { conn.Close() })
	return func() { unwatch() }
}
