package otr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// encrypted returns two parties in a private conversation that bob began.
func encrypted(t testing.TB, policy otr.Policy) (n *otrtest.Network, alice, bob *otrtest.Party) {
	t.Helper()
	n, alice, bob = otrtest.NewNetwork(policy)
	bob.Do(bob.Start())
	n.Run()
	if alice.State() != otr.Encrypted || bob.State() != otr.Encrypted {
		t.Fatalf("alice is %v, bob is %v: %v %v", alice.State(), bob.State(), alice.Told, bob.Told)
	}
	alice.Take()
	bob.Take()
	return n, alice, bob
}

// send sends a text, which must not fail.
func send(t testing.TB, p *otrtest.Party, text string) {
	t.Helper()
	events, err := p.Send([]byte(text))
	if err != nil {
		t.Fatalf("%s sends %.40q: %v", p.Name, text, err)
	}
	p.Do(events)
}

// wantTexts takes the events of p and fails if its encrypted texts are others.
func wantTexts(t testing.TB, p *otrtest.Party, want ...string) {
	t.Helper()
	var got []string
	for _, e := range p.Take() {
		if m, ok := e.(otr.Message); ok && m.Encrypted {
			got = append(got, string(m.Text))
		}
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Fatalf("%s read %.200q, want %.200q", p.Name, got, want)
	}
}

func TestConversation(t *testing.T) {
	n, alice, bob := encrypted(t, otr.PolicyManual)
	a, b := alice.Peer(), bob.Peer()
	if a.Fingerprint != bob.Config.Key.Fingerprint() || b.Fingerprint != alice.Config.Key.Fingerprint() {
		t.Error("fingerprints are not those of the keys")
	}
	if a.SSID != b.SSID || a.SSID == [8]byte{} {
		t.Errorf("session ids are %x and %x", a.SSID, b.SSID)
	}
	if !a.Initiator || b.Initiator {
		t.Error("alice got the query, so she sends the Reveal Signature")
	}
	for i := range 20 {
		text := fmt.Sprint("to bob ", i)
		send(t, alice, text)
		send(t, alice, text+"b")
		n.Run()
		wantTexts(t, bob, text, text+"b")
		if i%3 == 0 {
			continue
		}
		send(t, bob, strings.Repeat("x", i*100))
		n.Run()
		wantTexts(t, alice, strings.Repeat("x", i*100))
	}
	alice.Do(alice.End())
	n.Run()
	if alice.State() != otr.Plaintext || bob.State() != otr.Finished {
		t.Errorf("alice is %v, bob is %v", alice.State(), bob.State())
	}
	if _, err := bob.Send([]byte("x")); err != otr.ErrFinished {
		t.Errorf("Send in Finished: %v", err)
	}
}
