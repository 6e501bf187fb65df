package otr_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// secretFields find the secrets in a snapshot: private exponents, the keys that are derived, and what SMP compares.
var secretFields = regexp.MustCompile(`\b(x|r|sendAES|receiveAES|sendMAC|receiveMAC|extra|c|cp|m1|m2|m1p|m2p|digest|a2|a3|b3|b):(?:\{(?:b|digest):)?([0-9a-f]{32,}) `)

// secretsIn returns the secrets that p holds.
func secretsIn(p *otrtest.Party) []string {
	var all []string
	for _, m := range secretFields.FindAllStringSubmatch(otrtest.Snapshot(p.Conversation), -1) {
		if strings.Trim(m[2], "0") != "" && m[1] != "b" {
			all = append(all, m[2])
		}
	}
	return all
}

// TestNothingIsLeft: when a session has ended, by either side, or a key exchange was not answered for a minute, none of
// its secrets is left in what the conversation holds, nor in the memory of the clients that it held.
func TestNothingIsLeft(t *testing.T) {
	for run := range 20 {
		ends := map[string]func(n *otrtest.Network, alice, bob *otrtest.Party){
			"our end":   func(n *otrtest.Network, alice, bob *otrtest.Party) { alice.Do(alice.End()) },
			"their end": func(n *otrtest.Network, alice, bob *otrtest.Party) { bob.Do(bob.End()); n.Run() },
		}
		for name, end := range ends {
			n, alice, bob := otrtest.NewNetwork(otr.PolicyManual)
			alice.Config.Rand = otrtest.Rand(fmt.Sprint(name, run))
			bob.Do(bob.Start())
			n.Run()
			for range run % 4 {
				send(t, alice, "hello")
				n.Run()
				send(t, bob, "hello")
				n.Run()
			}
			events, err := alice.StartSMP("", []byte("secret"))
			if err != nil {
				t.Fatal(err)
			}
			alice.Do(events)
			n.Clock.Advance(time.Minute) // the commitment to all is forgotten
			alice.Do(alice.Poll())
			checkWiped(t, name, alice, 10, func() { end(n, alice, bob) })
		}
		for name, kind := range map[string]string{"a commitment": "commit", "a D-H Key": "key", "a Reveal Signature": "reveal"} {
			n, alice, bob := otrtest.NewNetwork(otr.PolicyManual)
			alice.Config.Rand, bob.Config.Rand = otrtest.Rand(fmt.Sprint(name, run)), otrtest.Rand(fmt.Sprint(name, run, "bob"))
			n.Tap = func(p otrtest.Packet) []otrtest.Packet {
				if otrtest.Kind(p.Body) == kind {
					return nil
				}
				return []otrtest.Packet{p}
			}
			who := alice
			if kind == "key" {
				who = bob
			}
			bob.Do(bob.Start())
			n.Run()
			checkWiped(t, name, who, 1, func() {
				n.Clock.Advance(time.Minute)
				who.Do(who.Poll())
			})
		}
	}
}

// TestEndOfFinishedForgetsInTime: an exchange that goes on when a session that the other side has ended is left is wiped
// after a minute like any other.
func TestEndOfFinishedForgetsInTime(t *testing.T) {
	for _, policy := range []otr.Policy{otr.AllowV2, otr.AllowV3} {
		n, alice, bob := encrypted(t, policy)
		alice.Do(alice.End())
		n.Run()
		n.Clock.Advance(time.Minute)
		bob.Do(bob.Poll())
		n.Tap = func(p otrtest.Packet) []otrtest.Packet {
			if otrtest.Kind(p.Body) == "key" {
				return nil
			}
			return []otrtest.Packet{p}
		}
		alice.Do(alice.Start()) // and bob answers
		n.Run()
		bob.Do(bob.Start()) // and alice does, so that each of them waits for a message of the other
		n.Run()
		bob.Do(bob.End())
		checkWiped(t, "leaving a session", bob, 1, func() {
			n.Clock.Advance(time.Minute)
			bob.Do(bob.Poll())
		})
	}
}

// checkWiped says that a party holds some secrets, and none of them after end.
func checkWiped(t *testing.T, name string, p *otrtest.Party, atLeast int, end func()) {
	t.Helper()
	secrets, shadow := secretsIn(p), p.Shadow()
	if len(secrets) < atLeast {
		t.Fatalf("%s: only %d secrets are found", name, len(secrets))
	}
	if held := otrtest.Snapshot(p.Conversation); p.State() == otr.Encrypted && !strings.Contains(held, "Cipher:set") {
		t.Fatalf("%s: no cipher is found", name)
	}
	end()
	left := otrtest.Snapshot(p.Conversation) + otrtest.Snapshot(shadow)
	if strings.Contains(left, "Cipher:set") {
		t.Errorf("after %s: a cipher with its key is left", name)
	}
	for _, s := range secrets {
		if strings.Contains(left, s) {
			t.Errorf("after %s: %s is left of %d secrets", name, s, len(secrets))
		}
	}
}
