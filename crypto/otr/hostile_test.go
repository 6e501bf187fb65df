package otr_test

import (
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

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
