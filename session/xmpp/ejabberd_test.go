//go:build unix

package xmpp

import (
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

func TestEjabberd(t *testing.T) { throughServer(t, xmpptest.StartEjabberd(t, accounts)) }

// TestEjabberdBinding: with TLS 1.3 this ejabberd offers channel binding, does not say of which kind, and refuses the one there is.
// We sign in without it, in the first try that a person notices; and with it where TLS is 1.2.
func TestEjabberdBinding(t *testing.T) {
	for _, test := range []struct {
		name    string
		options []xmpptest.EjabberdOption
		want    string
	}{
		{"TLS 1.3", nil, "SCRAM-SHA-256"},
		{"TLS 1.2", []xmpptest.EjabberdOption{xmpptest.EjabberdTLS12}, "SCRAM-SHA-256-PLUS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := xmpptest.StartEjabberd(t, accounts, test.options...)
			b := config(p, "bob")
			b.Server, b.TLS = p.Direct, TLSDirect
			for _, c := range []Config{config(p, "alice"), b} {
				f := connect(t, c).Facts()
				if f.TLSVersion != test.name || f.Mechanism != test.want || f.Strength.Binding != (test.name == "TLS 1.2") {
					t.Errorf("facts %+v", f)
				}
			}
		})
	}
}
