package otrtest

import (
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
)

// TestClone: what is done to a copy is not seen in the original, and what is then done to the original comes out the
// same, down to the last byte.
func TestClone(t *testing.T) {
	n, alice, bob := NewNetwork(otr.PolicyManual)
	bob.Do(bob.Start())
	n.Run()
	events, err := alice.StartSMP("question", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	alice.Do(events)
	play := func(n *Network) (before, after string) {
		before = Snapshot(n.Left[0].Conversation) + Snapshot(n.Right[0].Conversation)
		n.Run()
		n.Right[0].Do(n.Right[0].Start())
		n.Run()
		events, err := n.Left[0].Send([]byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		n.Left[0].Do(events)
		n.Run()
		n.Clock.Advance(1e9)
		n.Left[0].Do(n.Left[0].End())
		return before, Snapshot(n.Left[0].Conversation) + Snapshot(n.Right[0].Conversation)
	}
	copied := n.Clone()
	before, after := play(copied)
	if told := len(alice.Told) + len(bob.Told); told != len(n.Left[0].Told)+len(n.Right[0].Told) || n.Clock.Now() == copied.Clock.Now() {
		t.Error("the original has seen what was done to the copy")
	}
	againBefore, againAfter := play(n)
	if before != againBefore || after != againAfter {
		t.Errorf("the original goes on otherwise:\n%s\n%s", after, againAfter)
	}
	if before == after {
		t.Error("nothing happened")
	}
}
