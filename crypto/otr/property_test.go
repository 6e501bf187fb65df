package otr_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// mayChange are the fields of a Conversation that something which is refused may change: how much was done lately for
// whoever sends, so that it is not done without end, and the pieces of messages that are not yet complete.
var mayChange = []string{
	"partial",        // fragments; and what is no fragment ends the message that they began
	"lastError",      // when a message that could not be read was last answered by an error message
	"lastErrorQuery", // when an error message was last answered by a query
	"lastQuery",      // the same
	"steps",          // how many key exchange messages were worked on
	"stepsSince",
	"open",  // whether a key exchange is on: found out that none is any more
	"cache", // what is derived from keys that are there, whenever it is first needed
}

func TestMayChange(t *testing.T) {
	_, alice, _ := encrypted(t, otr.PolicyManual)
	all := otrtest.Snapshot(alice.Conversation)
	for _, name := range mayChange {
		if !strings.Contains(all, name+":") {
			t.Errorf("a Conversation holds no %s", name)
		}
	}
}

// refused says whether events say that what arrived was not accepted: Rejected, the text of an error message, what
// that is answered by, or nothing.
func refused(events []otr.Event) bool {
	return !slices.ContainsFunc(events, func(e otr.Event) bool {
		switch e := e.(type) {
		case otr.Rejected, otr.PeerError:
			return false
		case otr.Transmit:
			kind := otrtest.Kind(e.Body)
			return kind != "error" && kind != "query"
		}
		return true
	})
}

// heard says whether alice has accepted a data message since base. A few, like the abort of an SMP that is not on, cause
// no events.
func (s *stage) heard(base *stage) bool { return s.alice.Accepted() != base.alice.Accepted() }

// mutations do something to a message, or to its encoding.
var mutations = []func(random *rand.Rand, b, other []byte) []byte{
	func(r *rand.Rand, b, _ []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b },
	func(r *rand.Rand, b, _ []byte) []byte {
		b[r.IntN(len(b))] = []byte{0, 1, 0x7f, 0x80, 0xff}[r.IntN(5)]
		return b
	},
	func(r *rand.Rand, b, _ []byte) []byte { return b[:r.IntN(len(b))] },
	func(r *rand.Rand, b, _ []byte) []byte { return b[r.IntN(len(b)):] },
	func(r *rand.Rand, b, _ []byte) []byte {
		at := r.IntN(len(b))
		return slices.Insert(b, at, b[at/2:at]...)
	},
	func(r *rand.Rand, b, _ []byte) []byte {
		at := r.IntN(len(b))
		return slices.Delete(b, at, min(len(b), at+1+r.IntN(8)))
	},
	func(r *rand.Rand, b, other []byte) []byte {
		at := r.IntN(min(len(b), len(other)))
		return append(b[:at:at], other[at:]...)
	},
	func(r *rand.Rand, b, _ []byte) []byte { return append(b, byte(r.IntN(256))) },
	func(r *rand.Rand, b, _ []byte) []byte { clear(b[r.IntN(len(b)):]); return b },
	func(r *rand.Rand, b, _ []byte) []byte { return b }, // as it is, in a state where it may not be due
}

// mutate applies a few mutations to a message, once more or less of them to what it encodes.
func mutate(random *rand.Rand, message, other string) string {
	b, o := decoded(message), decoded(other)
	binary := b != nil && o != nil && random.IntN(4) > 0
	if !binary {
		b, o = []byte(message), []byte(other)
	}
	for range 1 + random.IntN(3) {
		if len(b) == 0 {
			break
		}
		b = mutations[random.IntN(len(mutations))](random, b, o)
	}
	if binary {
		return encoded(b)
	}
	return string(b)
}

// TestRefusedChangesNothing: in every state, after random mutations of every message, what is refused leaves the
// conversation deeply equal to before, but for mayChange. That this can be seen is proved by what is accepted.
func TestRefusedChangesNothing(t *testing.T) {
	rounds := 12
	if whole {
		rounds = 2000
	}
	for _, v := range variants {
		opened := v.open()
		for _, message := range messageStates {
			for _, auth := range authStates {
				for _, smp := range smpStates {
					c := cell{message, auth, smp}
					if !c.possible() {
						continue
					}
					t.Run(v.name+"/"+c.String(), func(t *testing.T) {
						t.Parallel()
						base := opened.set(v, c)
						random := rand.New(rand.NewPCG(uint64(len(c.String())), uint64(len(v.name))))
						var messages []string
						for _, kind := range matrixKinds {
							sender := base.clone()
							messages = append(messages, sender.next(v, c, kind))
							maps.Copy(base.said, sender.said)
						}
						counts := map[bool]int{}
						s := base.cloneAlice()
						snapshot := func() string { return otrtest.Snapshot(s.alice.Conversation, mayChange...) }
						before := snapshot()
						for range rounds * len(messages) {
							m := mutate(random, messages[random.IntN(len(messages))], messages[random.IntN(len(messages))])
							events := s.alice.Receive(m)
							s.alice.Do(events)
							if err := s.judge(); err != nil {
								t.Fatalf("%.200q: %v", m, err)
							}
							counts[refused(events)]++
							if after := snapshot(); after == before {
								continue
							} else if refused(events) && !s.heard(base) {
								t.Fatalf("%.200q was refused with %.200v but changed the conversation:\n%s\n%s", m, events, before, after)
							}
							s = base.cloneAlice()
							before = snapshot()
						}
						if counts[true] < 10 || counts[false] < 10 {
							t.Errorf("refused or not: %v", counts)
						}
					})
				}
			}
		}
	}
}
