//go:build unix

package xmpp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

func TestTakenOnce(t *testing.T) { takenOnce(t, xmpptest.StartProsody(t, accounts)) }

// takenOnce: what was taken does not come again at the next sign-in, because the server was told before we left.
func takenOnce(t *testing.T, p *xmpptest.Server) {
	bob := connect(t, config(p, "bob"))
	for round := range 5 {
		alice := connect(t, config(p, "alice"))
		for i := range 10 {
			bob.Send(Message{ID: fmt.Sprint(round, ".", i), To: alice.JID(), Type: Chat, Body: "once"})
		}
		for next := range 10 {
			if m := want(t, alice, "message", func(*Message) bool { return true }); m.ID != fmt.Sprint(round, ".", next) {
				t.Fatalf("%s came instead of %d.%d", m.ID, round, next)
			}
		}
		alice.Close(within(t))
	}
}

// TestTheServerIsToldWhatWasTaken: a server that never asked knows it all the same when we have left (XEP-0198 section 4).
func TestTheServerIsToldWhatWasTaken(t *testing.T) {
	told := make(chan *stream.Element, 100)
	c := scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		for sent := 0; ; {
			switch e := p.Hear(); e.Name.Local {
			case "a":
				told <- e
			case "r":
				p.Say(fmt.Sprintf("<a xmlns='urn:xmpp:sm:3' h='%d'/>", sent))
			default:
				if sent++; e.Name.Local == "presence" && e.Attr("type") == "" {
					p.Say(strings.Repeat("<message from='bob@h.test'><body>x</body></message>", 3) + mark)
				}
			}
		}
	})
	conn := connect(t, c)
	for range 4 {
		want(t, conn, "message", func(*Message) bool { return true })
	}
	conn.Close(within(t))
	select {
	case a := <-told:
		if a.Attr("h") != "4" {
			t.Errorf("told of %s", a.Attr("h"))
		}
	default:
		t.Error("told of nothing")
	}
}
