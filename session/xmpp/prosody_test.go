//go:build unix

package xmpp

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

const patience = 10 * time.Second

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

var accounts = map[string]string{"alice": "wonder land", "bob": "builder<&>", "mallory": "x"}

func config(p *xmpptest.Prosody, local string) Config {
	return Config{JID: jid.MustParse(local + "@" + xmpptest.Domain), Password: []byte(accounts[local]), Resource: "sotto-1",
		Server: p.Addr, TLS: TLSStart, RootCAs: p.RootCAs}
}

func connect(t *testing.T, c Config) *Conn {
	t.Helper()
	conn, err := Connect(within(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // the goodbye has a test of its own
		conn.Close(ctx)
	})
	return conn
}

// want reads events until one of type E satisfies the condition.
func want[E Event](t *testing.T, c *Conn, what string, ok func(E) bool) E {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case ev, open := <-c.Events():
			if !open {
				t.Fatalf("%s: the connection ended: %v", what, c.Err())
			}
			if e, is := ev.(E); is && ok(e) {
				return e
			}
		case <-deadline:
			t.Fatalf("%s: did not come", what)
		}
	}
}

func kindOf(err error) ErrorKind {
	var e *Error
	if !errors.As(err, &e) {
		return 255
	}
	return e.Kind
}

func TestProsody(t *testing.T) {
	p := xmpptest.StartProsody(t, accounts)
	a := config(p, "alice")
	b := config(p, "bob")
	b.Server, b.TLS = p.Direct, TLSDirect
	alice, bob := connect(t, a), connect(t, b)
	t.Logf("%s %+v", alice.JID(), alice.Facts())
	if f := bob.Facts(); !f.Direct || !f.Acks || !f.Strength.SCRAM || f.Mechanism != "SCRAM-SHA-256" || f.TLSVersion != "TLS 1.3" || len(f.Certificates) == 0 {
		t.Errorf("facts of direct TLS: %+v", f)
	}
	if alice.JID().String() != "alice@sotto.test/sotto-1" {
		t.Errorf("bound as %s", alice.JID())
	}

	// Roster and subscriptions.
	if items, err := alice.Roster(within(t)); err != nil || len(items) != 0 {
		t.Fatalf("%v, %v", items, err)
	}
	if _, err := bob.Roster(within(t)); err != nil {
		t.Fatal(err)
	}
	contact := RosterItem{JID: bob.JID().Bare(), Name: "Bob <&'\"> Ünicode", Groups: []string{"A & B", "C"}}
	if err := alice.SetContact(within(t), contact); err != nil {
		t.Fatal(err)
	}
	push := want(t, alice, "roster push", func(*RosterPush) bool { return true })
	if push.Item.Name != contact.Name || len(push.Item.Groups) != 2 || push.Item.Subscription != "none" {
		t.Errorf("pushed %+v", push.Item)
	}
	alice.SendPresence(Presence{To: bob.JID().Bare(), Type: Subscribe, Nick: "Alice & co"})
	ask := want(t, bob, "request", func(p *Presence) bool { return p.Type == Subscribe })
	if !ask.From.Equal(alice.JID().Bare()) || ask.Nick != "Alice & co" {
		t.Errorf("request %+v", ask)
	}
	bob.SendPresence(Presence{To: ask.From, Type: Subscribed})
	want(t, alice, "push of the subscription", func(p *RosterPush) bool { return p.Item.Subscription == "to" })
	bob.SendPresence(Presence{Show: "away", Status: "läuft", Priority: 5})
	seen := want(t, alice, "presence", func(p *Presence) bool { return p.Show == "away" })
	if !seen.From.Equal(bob.JID()) || seen.Status != "läuft" || seen.Priority != 5 {
		t.Errorf("presence %+v", seen)
	}

	// Messages.
	m := Message{ID: NewID(), To: bob.JID(), Type: Chat, Body: "one\n <two> & 'three'\n\t\"four\"\n", Thread: "t1", WantReceipt: true}
	if err := alice.Send(m); err != nil {
		t.Fatal(err)
	}
	got := want(t, bob, "message", func(*Message) bool { return true })
	if got.Body != m.Body || got.ID != m.ID || !got.From.Equal(alice.JID()) || got.Thread != "t1" || !got.WantReceipt || got.Type != Chat || !got.Delay.IsZero() {
		t.Errorf("message %+v", got)
	}
	want(t, alice, "acknowledgement", func(a *Acked) bool { return a.ID == m.ID })
	bob.Send(Message{ID: NewID(), To: got.From, Type: Chat, Receipt: got.ID})
	want(t, alice, "receipt", func(r *Message) bool { return r.Receipt == m.ID })
	alice.Send(Message{ID: "lost", To: jid.MustParse("nobody@sotto.test/x"), Type: Chat, Body: "x"})
	bounced := want(t, alice, "bounce", func(m *Message) bool { return m.Type == ErrorMessage })
	if bounced.ID != "lost" || bounced.Body != "" || bounced.Err == nil || bounced.Err.Condition != "service-unavailable" {
		t.Errorf("bounce %+v %v", bounced, bounced.Err)
	}

	// Leaving, and messages while away.
	bob.Close(within(t))
	want(t, alice, "unavailable", func(p *Presence) bool { return p.Type == Unavailable })
	if bob.Err() != nil {
		t.Errorf("after Close: %v", bob.Err())
	}
	if err := bob.Send(m); err != ErrClosed {
		t.Errorf("Send after Close: %v", err)
	}
	for range 90 {
		alice.Send(Message{ID: NewID(), To: bob.JID().Bare(), Type: Chat, Body: "while you were away"})
	}
	alice.Send(Message{ID: "last", To: bob.JID().Bare(), Type: Chat, Body: "while you were away"})
	want(t, alice, "all acknowledged", func(a *Acked) bool { return a.ID == "last" })
	bob = connect(t, b)
	for range 91 {
		got = want(t, bob, "offline message", func(m *Message) bool { return m.Body == "while you were away" })
		if time.Since(got.Delay) > time.Minute || got.Delay.IsZero() {
			t.Fatalf("delayed since %v", got.Delay)
		}
	}
	if err := alice.RemoveContact(within(t), bob.JID()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(p.Wire(), "while you were away") {
		t.Error("the wire log does not show what was said in clear")
	}
}

func TestProsodyRefuses(t *testing.T) {
	p := xmpptest.StartProsody(t, accounts)
	for _, test := range []struct {
		name   string
		change func(*Config)
		want   ErrorKind
	}{
		{"wrong password", func(c *Config) { c.Password = []byte("nope") }, WrongPassword},
		{"wrong password over direct TLS", func(c *Config) { c.Server, c.TLS, c.Password = p.Direct, TLSDirect, nil }, WrongPassword},
		{"unknown account", func(c *Config) { c.JID = jid.MustParse("nobody@sotto.test") }, WrongPassword},
		{"unknown authority", func(c *Config) { c.RootCAs = nil }, BadCertificate},
		{"unknown authority over direct TLS", func(c *Config) { c.Server, c.TLS, c.RootCAs = p.Direct, TLSDirect, nil }, BadCertificate},
		{"unknown domain over direct TLS", func(c *Config) { c.Server, c.TLS, c.JID = p.Direct, TLSDirect, jid.MustParse("alice@other.test") }, UnknownHost},
		{"unknown domain", func(c *Config) { c.JID = jid.MustParse("alice@other.test") }, UnknownHost},
		{"nobody listens", func(c *Config) { c.Server = "127.0.0.1:1" }, Unreachable},
		{"no such host", func(c *Config) { c.Server = "does-not-exist.invalid" }, UnknownHost},
		{"bad port", func(c *Config) { c.Server = "127.0.0.1:x" }, UnknownHost},
		{"name with a comma", func(c *Config) { c.JID = jid.MustParse("a,b@sotto.test") }, BadName},
		{"no name", func(c *Config) { c.JID = jid.MustParse("sotto.test") }, BadName},
		{"weaker than before", func(c *Config) { c.Seen = Strength{SCRAM: true, Binding: true} }, WeakerLogin},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(p, "alice")
			test.change(&c)
			conn, err := Connect(within(t), c)
			if conn != nil || kindOf(err) != test.want {
				t.Errorf("got %v, want kind %d", err, test.want)
			}
			t.Log(err)
		})
	}
}
