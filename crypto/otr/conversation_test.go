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
	for version, policy := range versions {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) { converse(t, version, policy) })
	}
}

// versions are policies that lead to each version.
var versions = map[int]otr.Policy{2: otr.AllowV2, 3: otr.AllowV3}

func converse(t *testing.T, version int, policy otr.Policy) {
	n, alice, bob := encrypted(t, policy)
	a, b := alice.Peer(), bob.Peer()
	if a.Version != version || b.Version != version || (a.Tag == 0) != (version == 2) || (b.Tag == 0) != (version == 2) {
		t.Errorf("versions are %d and %d, tags %x and %x", a.Version, b.Version, a.Tag, b.Tag)
	}
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

// TestTolerance: what networks do to a message on its way does not harm it ("Encoded messages" demands none of it).
func TestTolerance(t *testing.T) {
	for version, policy := range versions {
		tolerate(t, version, policy)
	}
}

func tolerate(t *testing.T, version int, policy otr.Policy) {
	wrap := map[string]func(string) string{
		"as it is":     func(s string) string { return s },
		"line feed":    func(s string) string { return s + "\n" },
		"no period":    func(s string) string { return strings.TrimSuffix(s, ".") },
		"markup":       func(s string) string { return "<FONT SIZE=3>" + s + "</FONT>" },
		"words before": func(s string) string { return "hey, " + s },
		"line breaks":  func(s string) string { return s[:60] + "\r\n" + s[60:120] + "\n " + s[120:] },
		"short lines":  func(s string) string { return s[:10] + "\r\n" + s[10:20] + "\r\n" + s[20:] },
		"junk inside":  func(s string) string { return s[:60] + "<" + s[60:] },
		"in one piece": func(s string) string {
			return map[int]string{2: "?OTR,1,1,", 3: "?OTR|1000|2000,1,1,"}[version] + s + ","
		},
	}
	for name, f := range wrap {
		n, alice, bob := encrypted(t, policy)
		send(t, alice, "hello")
		n.Tap = func(p otrtest.Packet) []otrtest.Packet {
			p.Body = f(p.Body)
			return []otrtest.Packet{p}
		}
		n.Run()
		if name == "no period" {
			// Good enough for a data message, whose end is authenticated.
			wantTexts(t, bob, "hello")
			alice.Do(alice.Receive("?OTRv23?"))
			n.Run()
			if _, ok := bob.Take()[0].(otr.Rejected); !ok {
				t.Error("a D-H Commit Message without a period is accepted")
			}
			continue
		}
		wantTexts(t, bob, "hello")
	}
}

// TestNothingIsShared: the caller may do what it likes with what it gave and got.
func TestNothingIsShared(t *testing.T) {
	n, alice, bob := encrypted(t, otr.PolicyManual)
	text := []byte("hello")
	events, err := alice.Send(text)
	if err != nil {
		t.Fatal(err)
	}
	alice.Do(events)
	clear(text)
	n.Run()
	wantTexts(t, bob, "hello")
}

// TestLongText: a text that is too long for an encoded message is a text all the same.
func TestLongText(t *testing.T) {
	_, alice, _ := otrtest.NewNetwork(otr.PolicyManual)
	for _, text := range []string{
		strings.Repeat("hello ", 50000),
		"see ?OTR:AAMD " + strings.Repeat("hello ", 50000),
		"see ?OTR:AAMD. " + strings.Repeat("hello ", 50000),
	} {
		events := alice.Receive(text)
		if m, ok := events[len(events)-1].(otr.Message); !ok || string(m.Text) != text {
			t.Errorf("%.20q gives %.100v", text, events)
		}
	}
	if events := alice.Receive("?OTR:AAMD" + strings.Repeat("A", 3<<20) + "."); len(events) != 1 || events[0] != (otr.Rejected{Reason: otr.TooMany}) {
		t.Errorf("a message that is too long gives %.100v", events)
	}
}
