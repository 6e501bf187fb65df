package server

import (
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"mellium.im/xmpp/jid"
)

// FuzzStanzas gives the hub whatever a signed-in client may write. It must not fail, must not let the client speak as somebody else,
// and what it hands on must be what a strict client can read.
func FuzzStanzas(f *testing.F) {
	for _, s := range []string{
		"<message to='@B'><body>x</body></message>", "<message to='@B/1' type='error' id='1'/>", "<presence/>", "<presence type='unavailable'/>",
		"<presence to='@B' type='subscribe'/><presence to='@B' type='subscribed'/><presence to='@B' type='unsubscribe'/><presence to='@B' type='unsubscribed'/>",
		"<presence><priority>-1</priority></presence><message to='@A'/>", "<presence to='@C' type='subscribe'/>", "<presence to='@A/1'/>",
		"<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq><iq type='set' id='2'><query xmlns='jabber:iq:roster'><item jid='@B' subscription='remove'/></query></iq>",
		"<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='@C' name='n'><group>g</group></item></query></iq>",
		"<iq type='set' id='1'><enable xmlns='urn:xmpp:carbons:2'/></iq><message to='@B' type='chat'><body/></message>",
		"<iq type='get' id='1' to='practice.localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", "<iq/>", "<iq type='x' id='1'/>",
		"<iq type='get' id='1' to='@B/1'><a xmlns='b'/></iq>", "<message from='x@y' n:from='x@y' xmlns:n='n' to='@B'/>", "<message to='@B@'/>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, says string) {
		header, _ := stream.Header{}.Open()
		r := stream.NewReader(strings.NewReader(header + in(says)))
		if _, err := r.Header(); err != nil {
			return
		}
		h := newHub(jid.MustParse(domain))
		sitting := map[string]*link{}
		for _, local := range []string{"alice", "bob"} {
			address := jid.MustParse(local + "@" + domain)
			if err := h.addAccount(address, h.nobody); err != nil {
				t.Fatal(err)
			}
			full, _ := address.WithResource("1")
			l := &link{address: full, queue: make(chan string, 10_000), cut: func() { t.Fatal("cut off") }, carbons: true, wantsRoster: true}
			if err := h.bind(l); err != nil {
				t.Fatal(err)
			}
			sitting[local] = l
		}
		if err := h.introduce(jid.MustParse(in("@A")), "A", jid.MustParse(in("@B")), "B"); err != nil {
			t.Fatal(err)
		}
		alice, bob := sitting["alice"], sitting["bob"]
		h.handle(bob, stream.New(stream.NSClient, "presence"))
		for {
			e, err := r.Next()
			if err != nil {
				break
			}
			switch e.Name.Local {
			case "message", "presence", "iq":
				h.handle(alice, e)
			}
		}
		h.leave(alice)
		h.leave(alice)
		for _, l := range sitting {
			close(l.queue)
			for text := range l.queue {
				got := stanzas(t, text)
				if len(got) != 1 {
					t.Fatalf("%d stanzas in %s", len(got), text)
				}
				e, err := stream.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				from := e.Attr("from")
				if l == bob && e.Name.Local != "iq" && !strings.HasPrefix(from, in("@A")) && !strings.HasPrefix(from, in("@B")) {
					t.Errorf("bob received %s", text)
				}
			}
		}
	})
}

func FuzzSCRAM(f *testing.F) {
	secrets, err := newCredentials([]byte("password"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("n,,n=alice,r=0123456789", "c=biws,r=0123456789,p=AAAA")
	f.Add("n,,n=al=2Cice=3D,r=0123456789,x=y", ",p=")
	f.Add("y,,n=alice,r=0123456789", "")
	f.Fuzz(func(t *testing.T, first, last string) {
		for _, binding := range [][]byte{nil, make([]byte, 32)} {
			x, err := begin(first, binding)
			if err != nil {
				continue
			}
			x.challenge(secrets)
			if _, err := x.finish(last, secrets); err == nil {
				t.Errorf("%q and %q signed in without the password", first, last)
			}
		}
	})
}
