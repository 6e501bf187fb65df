package interop

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr/internal/smp"
)

// TestHostileRecords sends ours, in a private conversation, records that no honest client sends. Whatever they are,
// the text beside them is shown, the conversation goes on, and no run of SMP has an outcome.
func TestHostileRecords(t *testing.T) {
	_, message1, err := smp.Start(rand.Reader, smp.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	with := func(i int, n string) string { return string(replaced(message1, i, n)) }
	values := map[string]string{
		"empty":            "",
		"a byte":           "\x00",
		"count only":       "\x00\x00\x00\x06",
		"count 2^32-1":     "\xff\xff\xff\xff" + string(message1[4:]),
		"count 2^26":       "\x04\x00\x00\x00",
		"length 2^32-1":    "\x00\x00\x00\x06\xff\xff\xff\xff",
		"cut":              string(message1[:len(message1)-1]),
		"longer":           string(message1) + "\x00",
		"g2a = 1":          with(0, "\x01"),
		"g2a = 0":          with(0, ""),
		"g3a = 1":          with(3, "\x01"),
		"D2 = 0":           with(2, ""),
		"c2 of 65000":      with(1, strings.Repeat("\xff", 65000-len(message1))),
		"message 1":        string(message1),
		"message 1, twice": string(message1) + string(message1),
		"64 KiB":           strings.Repeat("\xff", 65535),
		"NULs":             strings.Repeat("\x00", 65535),
	}
	for _, k := range kinds {
		if !k.main() {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			a, b := talk(t, k)
			victim, attacker := a, b
			if k.ends[1] == "ours" {
				victim, attacker = b, a
			}
			a.goPrivate()
			sent := 0
			for _, kind := range []int{0, 2, 3, 4, 5, 6, 7, 8, 9, 0xffff} {
				for name, value := range values {
					a.pair.Clear()
					text := fmt.Sprintf("beside type %d: %s", kind, name)
					attacker.do("tlv", fmt.Sprint(kind), Bytes(value), Bytes(text))
					sent++
					if got := victim.seen().Messages; !slices.Equal(got, []Message{{"encrypted", text}}) {
						t.Errorf("%s: shown: %.200q", text, got)
					}
					for _, event := range []string{"smp-success", "smp-failure", "gone-insecure", "gone-secure"} {
						victim.expectNot(event)
					}
					if _, asked := victim.seen().Event("smp-ask-secret"); asked != (kind == 2 && name == "message 1") {
						t.Errorf("%s: the user is asked: %v", text, asked)
					}
					if _, asked := victim.seen().Event("smp-ask-answer"); asked {
						t.Errorf("%s: the user is asked", text)
					}
					// An answer typed now must not reach anybody who did not ask.
					if err := a.pair.Do(victim.end, "smp-abort"); err != nil {
						t.Fatal(err)
					}
					victim.says("still here")
				}
			}
			attacker.says("so am I")
			attacker.verify("", "secret", "secret", "smp-success")
			victim.verify("", "secret", "secret", "smp-success")
			t.Logf("%d hostile records", sent)
		})
	}
}

// replaced returns an SMP message with another number in the place i.
func replaced(message []byte, i int, number string) []byte {
	out, rest := slices.Clone(message[:4]), message[4:]
	for n := 0; len(rest) > 0; n++ {
		length := binary.BigEndian.Uint32(rest)
		old := rest[4 : 4+length]
		rest = rest[4+length:]
		if n == i {
			old = []byte(number)
		}
		out = binary.BigEndian.AppendUint32(out, uint32(len(old)))
		out = append(out, old...)
	}
	return out
}

// TestQuestionSwap: a second question comes while the user thinks about the first. What is typed for the first must
// not answer the second.
func TestQuestionSwap(t *testing.T) {
	for _, program := range []string{"libotr", "ours"} {
		a, b := talk(t, kind{"", [2]string{"ours", program}, 0, "3"})
		a.goPrivate()
		for _, question := range []string{"first?", "second?"} {
			_, message1, err := smp.Start(rand.Reader, smp.Secret{})
			if err != nil {
				t.Fatal(err)
			}
			out, err := b.pair.Ends[b.end].Do("tlv", "7", Bytes(question+"\x00"+string(message1)))
			if err != nil {
				t.Fatal(err)
			}
			for _, wire := range out.Wires { // the answers stay away, so that b cannot abort
				got, err := a.pair.Ends[a.end].Do("recv", Bytes(wire))
				if err != nil {
					t.Fatal(err)
				}
				if ask, asked := got.Event("smp-ask-answer"); asked && ask.Fields["question"] != Bytes("first?") {
					t.Errorf("the user is asked %s instead", ask.Fields["question"])
				}
			}
		}
		if out, err := a.pair.Ends[a.end].Do("smp-respond", Bytes("answer to the first")); err != nil {
			t.Fatal(err)
		} else if len(out.Errors) == 0 {
			t.Errorf("the answer was sent, though the run was broken off: %d messages", len(out.Wires))
		}
	}
}
