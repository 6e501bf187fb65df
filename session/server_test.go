//go:build unix

package session

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp/chaos"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// realPerson is somebody with an account on a real server, signed in.
func realPerson(t *testing.T, server *xmpptest.Server, local, password string) *person {
	t.Helper()
	return realPersonAt(t, server, local, password, nil)
}

// realPersonAt is realPerson with a clock.
func realPersonAt(t *testing.T, server *xmpptest.Server, local, password string, clock func() time.Time) *person {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, jid: local + "@" + xmpptest.Domain, store: s, keyring: keyringDouble{}, roots: server.RootCAs, time: clock}
	p.open()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		p.session.Close(ctx)
		if ctx.Err() != nil {
			t.Errorf("%s: Close took too long", p.jid)
		}
		<-p.ended
		s.Close()
	})
	if err := p.session.SignIn(SignIn{Address: p.jid, Password: []byte(password), Server: server.Addr, TLS: "starttls"}); err != nil {
		t.Fatal(err)
	}
	return p
}

// write sends privately, now or when possible.
func (p *person) write(other *person, text string) EntryID {
	p.t.Helper()
	for late := time.Now().Add(time.Minute); ; {
		p.mu.Lock()
		mode := p.contact(other).SendMode
		p.mu.Unlock()
		if mode == SendPrivately || mode == SendWhenPrivate {
			id, err := p.session.Send(p.ref(other), text, mode)
			if err == nil {
				return id
			}
			if !errors.Is(err, ErrModeChanged) {
				p.t.Fatal(err)
			}
		}
		if time.Now().After(late) {
			p.t.Fatalf("%s would send in mode %d", p.jid, mode)
		}
		time.Sleep(5 * time.Millisecond) // the news of what changed is on its way
	}
}

func (p *person) key(other *person) otr.Fingerprint {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.contact(other).Key; k != nil {
		return *k
	}
	return otr.Fingerprint{}
}

func (p *person) newKey(other *person) otr.Fingerprint {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.contact(other).KeyChange.New.Fingerprint
}

// eachServer runs a test against every server that this machine can run.
func eachServer(t *testing.T, test func(t *testing.T, server *xmpptest.Server), locals ...string) {
	accounts := map[string]string{}
	for _, local := range locals {
		accounts[local] = local + "'s-password"
	}
	t.Run("prosody", func(t *testing.T) { test(t, xmpptest.StartProsody(t, accounts)) })
	t.Run("ejabberd", func(t *testing.T) { test(t, xmpptest.StartEjabberd(t, accounts)) })
}

// What is under way when a line dies, and what the server had taken for it, is shown once when the line is back, whatever the server makes of
// what it holds; and in order, unless the person had to send something again.
func TestNothingLostOnADeadLine(t *testing.T) { eachServer(t, deadLine, "alice", "bob") }

func deadLine(t *testing.T, server *xmpptest.Server) {
	proxy := chaos.Start(t, server.Addr)
	behind := *server
	behind.Addr = proxy.Addr
	a := realPerson(t, server, "alice", "alice's-password")
	b := realPerson(t, &behind, "bob", "bob's-password")
	a.until("online", a.online)
	b.until("online", b.online)
	a.befriend(b, "")
	a.write(b, "hello")
	b.until("hello", func() bool { return b.heardText("hello") })
	b.write(a, "hello")
	a.until("hello", func() bool { return a.heardText("hello") })

	proxy.Stall(chaos.Down) // bob hears nothing any more, and nobody knows
	texts := twenty()
	ids := a.sayAll(b, texts)
	a.until("the server has all", func() bool {
		return !slices.ContainsFunc(ids, func(id EntryID) bool { return a.entries[id].Status < StatusStored })
	})
	proxy.Cut()
	proxy.Resume(chaos.Down)
	b.until("noticed", func() bool { return !b.online() })
	b.session.Connect(b.jid)
	b.until("online", b.online)
	a.until("all delivered", func() bool {
		delivered := 0
		for _, id := range ids {
			switch a.entries[id].Status {
			case StatusDelivered:
				delivered++
			case StatusFailed: // sent back by the server, which the person is told: they send it again
				a.session.Retry(a.ref(b), id)
			}
		}
		return delivered == len(ids)
	})
	got, want := b.hearing(), unverified(append([]string{"hello"}, texts...)...)
	// Each of them once. In which order is up to the server, which may repeat what the dead line did not take after what came since.
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if wire := server.Wire(); strings.Contains(wire, "canary-") || !strings.Contains(wire, "?OTR:") {
		t.Error("a text is readable on the wire, or there is none")
	}
}

func TestThroughServer(t *testing.T) { eachServer(t, throughServer, "alice", "bob") }

func throughServer(t *testing.T, server *xmpptest.Server) {
	a := realPerson(t, server, "alice", "alice's-password")
	b := realPerson(t, server, "bob", "bob's-password")
	a.until("online", a.online)
	b.until("online", b.online)

	t.Log("subscribe and accept")
	a.befriend(b, "Bob")

	t.Log("OTR by Require, texts in order, confirmed")
	var texts []string
	var last EntryID
	for range 5 {
		texts = append(texts, canary())
		last = a.write(b, texts[len(texts)-1])
	}
	b.until("five texts", func() bool { return len(b.heard()) == 5 })
	for i, l := range b.hearing() {
		if l != "< unverified "+texts[i] {
			t.Errorf("text %d: %q", i, l)
		}
	}
	a.until("delivered", func() bool { return a.entries[last].Status == StatusDelivered })
	reply := canary()
	b.write(a, reply)
	a.until("the answer", func() bool { return a.heardText(reply) })

	t.Log("SMP: wrong, then right, with a question; then a shared secret back")
	if err := a.session.Ask(a.ref(b), a.key(b), "where?", []byte("here")); err != nil {
		t.Fatal(err)
	}
	b.until("the question", func() bool { return b.smp.Stage == SMPNeedsAnswer && b.smp.Question == "where?" })
	if err := b.session.Answer(b.ref(a), b.run().Number, []byte("there")); err != nil {
		t.Fatal(err)
	}
	a.until("failure", func() bool { return a.smp.Stage == SMPFailed && !a.smp.Kept })
	b.until("failure", func() bool { return b.smp.Stage == SMPFailed })
	if err := a.session.Ask(a.ref(b), a.key(b), "where?", []byte("here")); err != nil {
		t.Fatal(err)
	}
	b.until("the question again", func() bool { return b.smp.Stage == SMPNeedsAnswer && b.smp.Number == 2 })
	if err := b.session.Answer(b.ref(a), 2, []byte("here")); err != nil {
		t.Fatal(err)
	}
	a.until("bob verified", func() bool { return a.contact(b).Lock == Private && a.contact(b).Verified == ByQuestion })
	b.until("alice knows bob", func() bool { return b.contact(a).VerifiedUs && b.contact(a).Lock == Unverified })
	if err := b.session.Share(b.ref(a), b.key(a), []byte("our secret")); err != nil {
		t.Fatal(err)
	}
	a.until("a secret is asked for", func() bool { return a.smp.Stage == SMPNeedsAnswer && !a.smp.Asked })
	if err := a.session.Answer(a.ref(b), a.run().Number, []byte("our secret")); err != nil {
		t.Fatal(err)
	}
	b.until("alice verified", func() bool { return b.contact(a).Lock == Private && b.contact(a).Verified == BySecret })
	a.until("bob knows alice", func() bool { return a.contact(b).VerifiedUs })

	t.Log("the server restarts")
	if server.Name == "ejabberd" {
		server.Stop() // killed, it would have forgotten the accounts: it writes now and then
	} else {
		server.Kill()
	}
	a.until("waiting", func() bool { return !a.online() && a.contact(b).SendMode == SendWhenPrivate })
	parted := canary()
	a.write(b, parted)
	b.until("waiting", func() bool { return !b.online() })
	server.Start(t)
	a.comeBack()
	b.comeBack()
	b.until("what waited", func() bool { return b.heardText(parted) })
	again := canary()
	b.write(a, again)
	a.until("and the other way", func() bool { return a.heardText(again) })
	if n := count(b.hearing(), parted); n != 1 {
		t.Errorf("heard %d times: %q", n, b.hearing())
	}

	t.Log("end")
	b.session.EndPrivate(b.ref(a))
	a.until("finished", func() bool { return a.contact(b).Lock == FinishedLock && a.contact(b).SendMode == SendBlocked })

	t.Log("bob comes back with another key")
	b.session.RemoveAccount(b.jid)
	b.until("gone", func() bool { _, there := b.accounts[b.jid]; return !there })
	if err := b.session.SignIn(SignIn{Address: b.jid, Password: []byte("bob's-password"), Server: server.Direct, TLS: "direct"}); err != nil {
		t.Fatal(err)
	}
	b.until("online with a new key", func() bool { return b.online() && b.contact(a).Presence == PresenceOnline })
	b.session.Opened(b.ref(a))
	a.until("the key change", func() bool { return a.contact(b).KeyChange != nil && a.contact(b).SendMode == SendBlocked })
	if _, err := a.session.Send(a.ref(b), canary(), SendPrivately); err != ErrKeyUndecided {
		t.Errorf("%v", err)
	}
	a.session.Decide(a.ref(b), a.newKey(b), UseUnverified)
	a.until("decided", func() bool { return a.contact(b).SendMode == SendPrivately })
	final := canary()
	a.write(b, final)
	b.until("the last text", func() bool { return b.heardText(final) })

	wire := server.Wire()
	if !strings.Contains(wire, "?OTR:") || !strings.Contains(wire, "urn:xmpp:eme:0") {
		t.Error("the wire log has no OTR in it: this test proves nothing")
	}
	if strings.Contains(wire, "canary-") || strings.Contains(wire, "our secret") || strings.Contains(wire, "where?") {
		t.Error("a text is readable on the wire")
	}
}

func TestProblemsThroughProsody(t *testing.T) {
	server := xmpptest.StartProsody(t, map[string]string{"alice": "alice's-password"})
	address := "alice@" + xmpptest.Domain
	for _, tt := range []struct {
		name  string
		in    SignIn
		roots *x509.CertPool
		want  Problem
	}{
		{"wrong password", SignIn{Address: address, Password: []byte("wrong"), Server: server.Addr, TLS: "starttls"}, server.RootCAs, ProblemPassword},
		{"unknown account", SignIn{Address: "nobody@" + xmpptest.Domain, Password: []byte("x"), Server: server.Addr, TLS: "starttls"}, server.RootCAs, ProblemPassword},
		{"unknown authority", SignIn{Address: address, Password: []byte("alice's-password"), Server: server.Addr, TLS: "starttls"}, x509.NewCertPool(), ProblemCertificate},
		{"a domain that is not there", SignIn{Address: "alice@other.test", Password: []byte("alice's-password"), Server: server.Direct, TLS: "direct"}, server.RootCAs, ProblemUnknownHost},
		{"nobody there", SignIn{Address: address, Password: []byte("x"), Server: "127.0.0.1:1"}, server.RootCAs, ProblemUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := store.Open("")
			if err != nil {
				t.Fatal(err)
			}
			p := &person{t: t, jid: tt.in.Address, store: s, keyring: keyringDouble{}, roots: tt.roots}
			p.open()
			defer p.close()
			if err := p.session.SignIn(tt.in); err != nil {
				t.Fatal(err)
			}
			p.until("a problem", func() bool { return p.accounts[p.jid].State == Stopped })
			p.mu.Lock()
			defer p.mu.Unlock()
			if a := p.accounts[p.jid]; a.Problem != tt.want || a.Kept || len(p.keyring.(keyringDouble)) != 0 {
				t.Errorf("%+v", a)
			}
		})
	}
	if strings.Contains(server.Wire(), "alice's-password") {
		t.Error("the password itself went out")
	}
}
