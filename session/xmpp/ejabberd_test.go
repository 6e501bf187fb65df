//go:build unix

package xmpp

import (
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// TestEjabberd is what is tested with Prosody, with the other of the two servers that most people use.
func TestEjabberd(t *testing.T) {
	p := xmpptest.StartEjabberd(t, accounts, xmpptest.EjabberdCaptcha)
	for _, test := range []struct {
		name string
		test func(*testing.T, *xmpptest.Server)
	}{
		{"signing in", func(t *testing.T, p *xmpptest.Server) { signsIn(t, p, "TLS 1.3", "SCRAM-SHA-256") }},
		{"roster, messages and what waited", throughServer},
		{"refusals", refuses},
		{"forged senders", senderCannotBeForged},
		{"poison", poisonThrough},
		{"carbons", carbonsThrough},
		{"taken once", takenOnce},
		{"smuggling", smuggling},
		{"blocking", blockingThrough},
		{"an account from its first day to its last", func(t *testing.T, p *xmpptest.Server) {
			p.AddAccount(t, "taken", "x")
			accountThrough(t, p)
		}},
	} {
		t.Run(test.name, func(t *testing.T) { test.test(t, p) })
		p.Forget(t) // what an unkind end of a test has left unacknowledged comes again
	}
}

// signsIn: with TLS 1.3 this ejabberd offers channel binding, does not say of which kind, and refuses the one there is: we sign in without
// it. With TLS 1.2 we sign in with it.
func signsIn(t *testing.T, p *xmpptest.Server, version, mechanism string) {
	b := config(p, "bob")
	b.Server, b.TLS = p.Direct, TLSDirect
	for _, c := range []Config{config(p, "alice"), b} {
		f := connect(t, c).Facts()
		if f.TLSVersion != version || f.Mechanism != mechanism || f.Strength.Binding != strings.HasSuffix(mechanism, "-PLUS") {
			t.Errorf("facts %+v", f)
		}
	}
}

func TestEjabberdWithBinding(t *testing.T) {
	p := xmpptest.StartEjabberd(t, accounts, xmpptest.EjabberdTLS12)
	signsIn(t, p, "TLS 1.2", "SCRAM-SHA-256-PLUS")
	p.AddAccount(t, "taken", "x")
	accountThrough(t, p) // without a picture to read
}
