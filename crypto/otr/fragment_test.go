package otr_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// TestMaxSize: everything is sent in pieces that fit, texts of every length arrive, and a size that nothing fits
// into is an error and not silence.
func TestMaxSize(t *testing.T) {
	for version, policy := range versions {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) { splitAll(t, policy) })
	}
}

func splitAll(t *testing.T, policy otr.Policy) {
	for _, size := range []int{37, 60, 100, 140, 200, 401, 1400, 4000} {
		n, alice, bob := otrtest.NewNetwork(policy)
		alice.Config.MaxSize, bob.Config.MaxSize = size, size
		bob.Do(bob.Start())
		n.Run()
		wantState(t, alice, otr.Encrypted)
		alice.Take()
		bob.Take()
		for _, length := range []int{0, 1, size, 1000, 3000} {
			text := strings.Repeat("x", length)
			send(t, alice, text)
			last := alice.Packets[len(alice.Packets)-1]
			n.Run()
			if last.Text != (length > 0) {
				t.Errorf("size %d: the last piece of a text of %d bytes says %t", size, length, last.Text)
			}
			if length > 0 {
				wantTexts(t, bob, text)
			}
		}
		events, err := alice.StartSMP("question", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		alice.Do(events)
		alice.Do(alice.End())
		n.Run()
		wantState(t, bob, otr.Finished)
		texts := 0
		for _, p := range n.Wire {
			if len(p.Body) > size {
				t.Errorf("size %d: %s of %d bytes", size, otrtest.Kind(p.Body), len(p.Body))
			}
			if strings.HasSuffix(p.Body, ",,") {
				t.Errorf("size %d: empty piece: %s", size, p.Body)
			}
			if p.Text {
				texts++
			}
		}
		if texts != 4 {
			t.Errorf("size %d: %d pieces say that they end one of 4 texts", size, texts)
		}
	}
}

func TestMaxSizeTooSmall(t *testing.T) {
	n, alice, bob := encrypted(t, otr.PolicyManual)
	for _, size := range []int{1, 35, 36} {
		alice.Config.MaxSize = size
		before := otrtest.Snapshot(alice.Conversation, "cache", "open")
		if events, err := alice.Send([]byte("hello")); !errors.Is(err, otr.ErrTooLarge) || events != nil {
			t.Errorf("size %d: %v, %v", size, events, err)
		}
		if _, err := alice.StartSMP("", nil); !errors.Is(err, otr.ErrTooLarge) {
			t.Errorf("size %d: StartSMP: %v", size, err)
		}
		if otrtest.Snapshot(alice.Conversation, "cache", "open") != before {
			t.Errorf("size %d: a refused text changed the conversation", size)
		}
		events := alice.Receive("?OTRv3?")
		if f, ok := events[len(events)-1].(otr.Failure); !ok || !errors.Is(f.Err, otr.ErrTooLarge) {
			t.Errorf("size %d: a query is answered by %v", size, events)
		}
	}
	alice.Config.MaxSize = 200
	send(t, alice, "now")
	n.Run()
	wantTexts(t, bob, "now")

	alice.Do(alice.End())
	alice.Config.MaxSize = 6
	if f, ok := alice.Start()[0].(otr.Failure); !ok || !errors.Is(f.Err, otr.ErrTooLarge) {
		t.Error("a query that does not fit is sent")
	}
	alice.Config.MaxSize = 10
	if _, err := alice.Send([]byte("clear text is not split")); !errors.Is(err, otr.ErrTooLarge) {
		t.Errorf("long clear text: %v", err)
	}
	alice.Config.Policy |= otr.SendWhitespaceTag
	events, err := alice.Send([]byte("short"))
	if err != nil || events[0].(otr.Transmit).Body != "short" {
		t.Errorf("clear text with no room for the tag: %q, %v", events, err)
	}
}

// TestLargeTexts: 1 MiB goes through, in one piece and in many; what is larger than a correspondent takes is refused
// loudly.
func TestLargeTexts(t *testing.T) {
	for _, size := range []int{0, 200, 1400} {
		n, alice, bob := encrypted(t, otr.PolicyManual)
		alice.Config.MaxSize = size
		for _, length := range []int{48 << 10, 64 << 10, 1 << 20} {
			text := strings.Repeat("0123456789abcdef", length/16)
			send(t, alice, text)
			n.Run()
			wantTexts(t, bob, text)
		}
		for _, length := range []int{3 << 19, 10 << 20} {
			if _, err := alice.Send(bytes.Repeat([]byte("x"), length)); !errors.Is(err, otr.ErrTooLarge) {
				t.Errorf("%d bytes: %v", length, err)
			}
		}
		send(t, alice, "after it")
		n.Run()
		wantTexts(t, bob, "after it")
	}
}

// TestFragments follows "Receiving Fragments". The pieces are of the plain text "abc".
func TestFragments(t *testing.T) {
	f := func(from string, k, n int, piece string) string {
		return fmt.Sprintf("?OTR|%s|1000,%d,%d,%s,", from, k, n, piece)
	}
	for _, test := range []struct {
		name   string
		bodies []string
		shown  bool
	}{
		{"in order", []string{f("2000", 1, 3, "a"), f("2000", 2, 3, "b"), f("2000", 3, 3, "c")}, true},
		{"leading zeros", []string{"?OTR|00002000|00001000,00001,00003,a,", "?OTR|2000|1000,2,03,b,", f("2000", 3, 3, "c")}, true},
		{"upper-case tag", []string{"?OTR|AB00|1000,1,1,abc,"}, true},
		{"to nobody in particular", []string{"?OTR|2000|0,1,1,abc,"}, true},
		{"embedded", []string{"<b>?OTR|2000|1000,1,1,abc,</b>\n"}, true},
		{"first again", []string{f("2000", 1, 3, "x"), f("2000", 1, 2, "ab"), f("2000", 2, 2, "c")}, true},
		{"two senders", []string{f("2000", 1, 2, "a"), f("3000", 1, 2, "x"), f("2000", 2, 2, "bc")}, true},
		{"illegal ones in between", []string{f("2000", 1, 2, "a"), f("2000", 0, 2, "x"), f("2000", 3, 2, "x"), f("2000", 2, 65537, "x"),
			f("2000", 65538, 65538, "x"), "?OTR|2000|1000,2,2,,", "?OTR|2000|1000,x", f("2000", 2, 2, "bc")}, true},
		{"damaged ones in between", []string{f("2000", 1, 2, "a"), "?OTR|zz|1000,2,2,bc,", "?OTR,2", f("2000", 2, 2, "bc")}, true},
		{"double", []string{f("2000", 1, 2, "a"), f("2000", 1, 2, "a"), f("2000", 2, 2, "bc")}, true},

		{"out of order", []string{f("2000", 1, 3, "a"), f("2000", 3, 3, "b"), f("2000", 2, 3, "c"), f("2000", 3, 3, "c")}, false},
		{"other count", []string{f("2000", 1, 2, "a"), f("2000", 2, 3, "bc"), f("2000", 2, 2, "bc")}, false},
		{"no first", []string{f("2000", 2, 2, "abc")}, false},
		{"clear text in between", []string{f("2000", 1, 2, "a"), "hello", f("2000", 2, 2, "bc")}, false},
		{"query in between", []string{f("2000", 1, 2, "a"), "?OTRv2?", f("2000", 2, 2, "bc")}, false},
		{"wrapped count", []string{f("2000", 1, 65537, "abc")}, false},
		{"signs", []string{"?OTR|2000|1000,+1,+1,abc,"}, false},
		{"of version 2", []string{"?OTR,1,1,abc,"}, false},
		{"for another", []string{"?OTR|2000|1001,1,1,abc,"}, false},
	} {
		_, alice, _ := otrtest.NewNetwork(otr.PolicyManual)
		for _, b := range test.bodies {
			alice.Do(alice.Receive(b))
		}
		shown := false
		for _, e := range alice.Take() {
			m, ok := e.(otr.Message)
			shown = shown || ok && string(m.Text) == "abc"
		}
		if shown != test.shown {
			t.Errorf("%s: shown is %t", test.name, shown)
		}
	}
}

// TestFragmentOfFragment: what pieces make up is never taken for a fragment again.
func TestFragmentOfFragment(t *testing.T) {
	_, alice, _ := otrtest.NewNetwork(otr.PolicyManual)
	for _, inner := range []string{"?OTR|2000|1000", "?OTR"} {
		events := append(alice.Receive("?OTR|2000|1000,1,2,"+inner+","), alice.Receive("?OTR|2000|1000,2,2,|2000|1000,")...)
		for _, e := range events {
			if m, ok := e.(otr.Message); ok && strings.Contains(string(m.Text), ",") {
				t.Errorf("%q gives %q", inner, m.Text)
			}
		}
	}
}

// TestFragmentMemory: messages that are never completed are bounded in number and size, and are forgotten.
func TestFragmentMemory(t *testing.T) {
	n, alice, bob := encrypted(t, otr.PolicyManual)
	empty := len(otrtest.Snapshot(alice.Conversation, "cache", "open"))
	bob.Config.MaxSize = 400
	send(t, bob, "in pieces")
	first := bob.Packets[0]
	rest := bob.Packets[1:]
	bob.Packets = nil
	alice.Receive(first.Body)
	for i := range 1000 {
		alice.Receive(fmt.Sprintf("?OTR|%x|1000,1,1000,%s,", 0x10000+i, strings.Repeat("x", 100)))
	}
	if size := len(otrtest.Snapshot(alice.Conversation, "cache", "open")); size > empty+10000 {
		t.Errorf("the conversation grew from %d to %d", empty, size)
	}
	// They do not drive out a message of a client with a session.
	bob.Packets = rest
	n.Run()
	wantTexts(t, alice, "in pieces")

	for k := 1; k <= 1000; k++ {
		alice.Receive(fmt.Sprintf("?OTR|3000|1000,%d,1000,%s,", k, strings.Repeat("x", 1000)))
	}
	if size := len(otrtest.Snapshot(alice.Conversation, "cache", "open")); size > empty+50000 {
		t.Errorf("the conversation grew from %d to %d", empty, size)
	}
	n.Clock.Advance(61e9)
	alice.Poll()
	if size := len(otrtest.Snapshot(alice.Conversation, "cache", "open")); size > empty {
		t.Errorf("after a minute it still has %d, not %d", size, empty)
	}
}
