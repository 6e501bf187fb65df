package otr_test

import (
	"encoding/base64"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// A scene is a conversation up to the moment when a genuine message of some kind is about to arrive.
type scene struct {
	to      *otrtest.Party
	from    *otrtest.Party
	network *otrtest.Network
	genuine string
}

// scenes returns, for each kind of message, what sets the scene for it.
func scenes() map[string]func(t testing.TB) scene {
	exchange := func(kind string) func(testing.TB) scene {
		return func(t testing.TB) (s scene) {
			n, alice, bob := otrtest.NewNetwork(otr.PolicyManual)
			n.Tap = func(p otrtest.Packet) []otrtest.Packet {
				if otrtest.Kind(p.Body) != kind {
					return []otrtest.Packet{p}
				}
				s = scene{to: alice, from: bob, network: n, genuine: p.Body}
				if p.From == alice {
					s.to, s.from = bob, alice
				}
				return nil
			}
			bob.Do(bob.Start())
			n.Run()
			n.Tap = nil
			return s
		}
	}
	// data sets the scene for what bob sends in a session in which keys have changed already.
	data := func(act func(t testing.TB, n *otrtest.Network, bob *otrtest.Party)) func(testing.TB) scene {
		return func(t testing.TB) scene {
			n, alice, bob := encrypted(t, otr.PolicyManual)
			send(t, alice, "one")
			n.Run()
			send(t, bob, "two")
			n.Run()
			// Both have sent an error message lately, which is remembered.
			alice.Do(alice.Receive(n.Wire[len(n.Wire)-1].Body))
			alice.Packets = nil
			act(t, n, bob)
			genuine := bob.Packets[0].Body
			bob.Packets = nil
			alice.Take()
			bob.Take()
			return scene{to: alice, from: bob, network: n, genuine: genuine}
		}
	}
	return map[string]func(testing.TB) scene{
		"commit":    exchange("commit"),
		"key":       exchange("key"),
		"reveal":    exchange("reveal"),
		"signature": exchange("signature"),
		"data": data(func(t testing.TB, n *otrtest.Network, bob *otrtest.Party) {
			send(t, bob, genuineText)
		}),
		"disconnect": data(func(t testing.TB, n *otrtest.Network, bob *otrtest.Party) {
			bob.Do(bob.End())
		}),
	}
}

const genuineText = "the genuine text"

// mutants returns messages that differ from a genuine one: with a bit of each byte flipped (each bit if OTR_MATRIX is
// set), cut off at each length, and with something after the end.
func mutants(t testing.TB, genuine string) []string {
	message, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(genuine, "?OTR:"), "."))
	if err != nil {
		t.Fatal(err)
	}
	encode := func(b []byte) string { return "?OTR:" + base64.StdEncoding.EncodeToString(b) + "." }
	var all []string
	for i := range message {
		for bit := range 8 {
			if bit != i%8 && os.Getenv("OTR_MATRIX") == "" {
				continue
			}
			m := slices.Clone(message)
			m[i] ^= 1 << bit
			all = append(all, encode(m))
		}
		all = append(all, encode(message[:i]), genuine[:len(genuine)*i/len(message)])
	}
	return append(all, encode(append(slices.Clone(message), 0)))
}

// TestMutants sends every mutant of every message. None gives a text, or a session, that is not genuine; after one
// that is refused the conversation is deeply equal to before; and the genuine message is still accepted.
func TestMutants(t *testing.T) {
	for name, set := range scenes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := func(t testing.TB) scene {
				s := set(t)
				s.to.Receive("clear text") // that some came is remembered; some mutants are clear text
				return s
			}
			s := set(t)
			before := otrtest.Snapshot(s.to.Conversation)
			refused := 0
			for _, m := range mutants(t, s.genuine) {
				events := s.to.Receive(m)
				if changed := checkRefused(t, name, m, events); !changed {
					refused++
					if after := otrtest.Snapshot(s.to.Conversation); after != before {
						t.Fatalf("%.60q was refused with %.200v but changed the conversation:\n%s\n%s", m, events, before, after)
					}
					continue
				}
				s = set(t)
				before = otrtest.Snapshot(s.to.Conversation)
			}
			if refused < 100 {
				t.Errorf("only %d mutants were refused", refused)
			}
			s.to.Do(s.to.Receive(s.genuine))
			s.network.Run()
			switch name {
			case "data":
				wantTexts(t, s.to, genuineText)
			case "disconnect":
				if s.to.State() != otr.Finished {
					t.Errorf("after the genuine message: %v", s.to.State())
				}
			default:
				if s.to.State() != otr.Encrypted || s.from.State() != otr.Encrypted {
					t.Errorf("after the genuine message: %v and %v", s.to.State(), s.from.State())
				}
			}
		})
	}
}

// checkRefused says whether the mutant of a message was taken for a genuine one, and fails if that does harm.
// D-H Commit and D-H Key Messages are not authenticated: what is wrong with them comes out in the end. Neither are
// the keys that a data message reveals.
func checkRefused(t *testing.T, name, mutant string, events []otr.Event) (changed bool) {
	t.Helper()
	for _, e := range events {
		switch e := e.(type) {
		case otr.Transmit:
			if name != "commit" && name != "key" && otrtest.Kind(e.Body) != "error" {
				t.Errorf("%.60q is answered by %s", mutant, otrtest.Kind(e.Body))
			}
			changed = true
		case otr.Message:
			if e.Encrypted && string(e.Text) != genuineText {
				t.Errorf("%.60q gives %q", mutant, e.Text)
			}
			changed = changed || e.Encrypted
		case otr.StateChange:
			if name != "disconnect" || e.New != otr.Finished {
				t.Errorf("%.60q makes the conversation %v", mutant, e.New)
			}
			changed = true
		case otr.Rejected:
		default:
			t.Errorf("%.60q gives %T", mutant, e)
		}
	}
	return changed
}

// TestHostileNetwork has two parties talk over a network that drops, doubles, delays, cuts and flips. Whatever it
// does, nothing false is read, and when it stops an honest try succeeds.
func TestHostileNetwork(t *testing.T) {
	random := otrtest.Rand("hostile network")
	for round := range 30 {
		n, alice, bob := otrtest.NewNetwork(otr.PolicyManual)
		var held []otrtest.Packet
		n.Tap = func(p otrtest.Packet) []otrtest.Packet {
			switch random.Uint64() % 8 {
			case 0:
				return nil
			case 1:
				return []otrtest.Packet{p, p}
			case 2:
				held = append(held, p)
				return nil
			case 3:
				at := int(random.Uint64() % uint64(len(p.Body)))
				flipped := []byte(p.Body)
				flipped[at] ^= 1 << (random.Uint64() % 7)
				p.Body = string(flipped)
				return []otrtest.Packet{p}
			case 4:
				all := append([]otrtest.Packet{p}, held...)
				held = nil
				return all
			}
			return []otrtest.Packet{p}
		}
		sent := map[string]bool{}
		for i := range 30 {
			p := []*otrtest.Party{alice, bob}[random.Uint64()%2]
			switch {
			case p.State() == otr.Encrypted:
				text := strings.Repeat("x", i) + "!"
				sent[text] = true
				send(t, p, text)
			case i%5 == 0:
				p.Do(p.Start())
			}
			n.Run()
		}
		for _, p := range []*otrtest.Party{alice, bob} {
			for _, e := range p.Take() {
				if m, ok := e.(otr.Message); ok && m.Encrypted && !sent[string(m.Text)] {
					t.Errorf("round %d: %s reads %q", round, p.Name, m.Text)
				}
			}
		}
		n.Tap = nil
		n.Clock.Advance(61e9)
		alice.Do(alice.End())
		bob.Do(bob.End())
		n.Run()
		alice.Do(alice.Start())
		n.Run()
		alice.Take()
		bob.Take()
		send(t, alice, "honest")
		n.Run()
		wantTexts(t, bob, "honest")
		send(t, bob, "honest too")
		n.Run()
		wantTexts(t, alice, "honest too")
	}
}
