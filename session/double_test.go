package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
)

func unverified(texts ...string) []string {
	var lines []string
	for _, text := range texts {
		lines = append(lines, "< unverified "+text)
	}
	return lines
}

// Between two Sottos a broken connection costs nothing: what may not have arrived goes out again by itself, what had arrived is shown once,
// and the order is that in which it was written. Also where only one of the two ever writes.
func TestSentAgainByItself(t *testing.T) {
	for _, who := range []string{"both write", "one writes"} {
		t.Run(who, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := private(t)
				hello := canary()
				a.say(b, hello)
				if who == "both write" {
					b.say(a, "hello")
				}
				// Some arrive and are not confirmed, some do not arrive, some are not even acknowledged by the server.
				arrived, lost, unacked, later := canary(), canary(), canary(), canary()
				h.tamper = func(m *xmpp.Message) bool { return m.Receipt == "" }
				a.say(b, arrived)
				h.tamper = func(m *xmpp.Message) bool { return false }
				a.say(b, lost)
				h.noAcks = true
				a.say(b, unacked)
				h.tamper, h.noAcks = nil, false
				h.cut(a.jid, xmpp.Unreachable)
				synctest.Wait()
				a.say(b, later)
				pass(5 * time.Second)
				if got := b.heard(); !slices.Equal(got, unverified(hello, arrived, lost, unacked, later)) {
					t.Errorf("%q\n%s", got, strings.Join(a.lines(), "\n"))
				}
				for _, l := range a.lines() {
					if strings.HasPrefix(l, "> ") && !strings.HasPrefix(l, "> unverified delivered") {
						t.Errorf("%s", l)
					}
				}
				h.assertSecret(t, "canary")
				h.assertFresh(t)
			})
		})
	}
}

// assertFresh is that no ciphertext was sent twice.
func (h *hub) assertFresh(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := map[string]bool{}
	for _, m := range h.wire {
		if strings.HasPrefix(m.Body, "?OTR:AAMD") && seen[m.Body] {
			t.Errorf("ciphertext was sent again: %.60q", m.Body)
		}
		seen[m.Body] = true
	}
}

// A session in which the other program has not yet said what it is counts as one with the same program, if the next one shows that it was.
func TestSentAgainByItselfFromAYoungSession(t *testing.T) {
	for _, how := range []string{"the same program", "started anew"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := private(t)
				a.say(b, "hello")
				b.say(a, "hello")
				pass(time.Minute)
				h.tamper = func(m *xmpp.Message) bool { return !strings.HasPrefix(m.Body, "?OTR:AAMD") }
				a.session.StartPrivate(a.ref(b)) // fresh keys, and nothing that is said with them arrives
				synctest.Wait()
				h.tamper = func(m *xmpp.Message) bool { return false }
				x := canary()
				id := a.say(b, x)
				if how == "started anew" {
					b.die(true)
					h.tamper = nil
					b.open()
				}
				h.tamper = nil
				h.cut(a.jid, xmpp.Unreachable)
				pass(time.Minute)
				if sent := b.heardText(x); sent != (how == "the same program") || sent != (a.entries[id].Status == StatusDelivered) {
					t.Errorf("%s\n%s", strings.Join(b.lines(), "\n"), strings.Join(a.lines(), "\n"))
				}
				h.assertSecret(t, "canary")
				h.assertFresh(t)
			})
		})
	}
}

// A cut in the other person's connection is no different.
func TestSentAgainByItselfWhenTheyWereCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, "hello")
		lost := canary()
		h.tamper = func(m *xmpp.Message) bool { return false }
		a.say(b, lost)
		h.tamper = nil
		h.cut(b.jid, xmpp.Unreachable)
		pass(10 * time.Second)
		if got := b.heard(); !slices.Equal(got, unverified("hello", lost)) {
			t.Errorf("%q\n%s", got, strings.Join(a.lines(), "\n"))
		}
	})
}

// Who was started anew does not remember what it has shown: the person decides.
func TestNotSentAgainByItselfAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, "hello")
		x := canary()
		h.tamper = func(m *xmpp.Message) bool { return m.Receipt == "" }
		id := a.say(b, x) // is read
		h.tamper = nil
		b.die(true)
		b.open()
		synctest.Wait()
		later := canary()
		a.say(b, later)
		pass(time.Minute)
		if got := b.heard(); !slices.Equal(got, unverified(later)) {
			t.Errorf("%q\n%s", got, strings.Join(a.lines(), "\n"))
		}
		if s := a.entries[id].Status; s != StatusUnconfirmed {
			t.Errorf("%s", statusNames[s])
		}
		a.decideAgain(b)
		pass(time.Minute)
		if got := b.heard(); !slices.Equal(got, unverified(later, x)) || a.entries[id].Status != StatusDelivered {
			t.Errorf("%q", got)
		}
	})
}

// Whoever has the contact's address and another key gets nothing again, though it be a Sotto.
func TestI9NotSentAgainByItselfToAnotherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, "hello")
		x := canary()
		h.tamper = func(m *xmpp.Message) bool { return false }
		id := a.say(b, x)
		h.tamper = nil
		swapKey(b)
		a.session.EndPrivate(a.ref(b))
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		y := canary()
		a.say(b, y)
		pass(time.Minute)
		if got := b.heard(); !slices.Equal(got, unverified(y)) || a.entries[id].Status != StatusUnconfirmed {
			t.Errorf("%q %q", got, a.lines())
		}
		h.assertSecret(t, "canary")
	})
}

// A program that is not ours may show a text twice, so it is asked nothing and sent nothing.
func TestNotSentAgainByItselfToAProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, m := withProgram(t)
		a.say(mike, "hello")
		m.say("hello")
		x, y := canary(), canary()
		h.tamper = func(m *xmpp.Message) bool { return false }
		id := a.say(mike, x)
		h.tamper = nil
		h.cut(a.jid, xmpp.Unreachable)
		pass(5 * time.Second)
		began := time.Now()
		a.say(mike, y)
		if time.Since(began) > 0 {
			t.Errorf("the next text waited")
		}
		pass(time.Minute)
		if got := m.hearing(); !slices.Equal(got, []string{"hello", y}) || a.entries[id].Status != StatusUnconfirmed {
			t.Errorf("%q %q", got, a.lines())
		}
	})
}

// A Sotto that gives its account to another program leaves nothing behind that waits for ever.
func TestAnotherProgramInThePlaceOfASotto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, "hello")
		x, y := canary(), canary()
		h.tamper = func(m *xmpp.Message) bool { return false }
		id := a.say(b, x)
		h.tamper = nil
		account, _ := b.session.account(b.jid)
		key, tag := account.key, otr.InstanceTag(account.record.InstanceTag)
		resource := account.record.Resource
		b.die(true)
		m := newProgram(t, h, b.jid, "for a moment", a)
		m.line.Close(t.Context())
		<-m.ended
		m.key, m.tag = key, tag
		m.start(t, h, b.jid, resource)
		synctest.Wait()
		a.say(b, y)
		pass(memoryPatience + time.Second)
		if got := m.hearing(); !slices.Equal(got, []string{y}) || a.entries[id].Status != StatusUnconfirmed {
			t.Errorf("%q\n%s", got, strings.Join(a.lines(), "\n"))
		}
	})
}

// When a person sends again what had arrived after all, it is confirmed and not shown twice.
func TestSentAgainByThePersonIsShownOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		x := canary()
		h.noAcks = true
		h.tamper = func(m *xmpp.Message) bool {
			return m.Receipt == "" && !strings.HasPrefix(m.Body, "?OTR:AAMD") || m.From.Bare().String() == a.jid
		}
		id := a.say(b, x) // bob reads it, and nothing of his arrives
		h.tamper = nil
		h.cut(a.jid, xmpp.Unreachable)
		synctest.Wait()
		if s := a.entries[id].Status; s != StatusUnconfirmed {
			t.Fatalf("%s", statusNames[s])
		}
		a.session.Retry(a.ref(b), id)
		pass(time.Minute)
		if got := b.heard(); !slices.Equal(got, unverified(x)) || a.entries[id].Status != StatusDelivered {
			t.Errorf("%q %q", got, a.lines())
		}
	})
}

// What a person ended is not taken up again by itself.
func TestNotSentAgainByItselfAfterThePersonEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, "hello")
		x := canary()
		h.tamper = func(m *xmpp.Message) bool { return false }
		id := a.say(b, x)
		h.tamper = nil
		a.session.EndPrivate(a.ref(b))
		pass(time.Minute)
		a.session.StartPrivate(a.ref(b))
		pass(time.Minute)
		if got := b.heard(); !slices.Equal(got, unverified("hello")) || a.entries[id].Status != StatusUnconfirmed {
			t.Errorf("%q %q", got, a.lines())
		}
	})
}

// Each session is introduced once: two Sottos do not answer each other's introductions for ever.
func TestIntroducedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		before := len(h.wire)
		for range 10 {
			a.say(b, canary())
		}
		if n := len(h.wire) - before; n != 10+10+1 { // texts, receipts, bob's introduction
			t.Errorf("%d stanzas", n)
		}
	})
}

func TestNumbers(t *testing.T) {
	s := recent[numbered]{most: maxNumbers}
	alice, eve := otr.Fingerprint{1}, otr.Fingerprint{2}
	n := newNumber()
	if s.again(numbered{alice, n}) || !s.again(numbered{alice, n}) {
		t.Error("a second time is a second time")
	}
	if s.again(numbered{eve, n}) {
		t.Error("another key with the same number says something else")
	}
	for range maxNumbers - 1 {
		s.again(numbered{eve, newNumber()})
	}
	if s.again(numbered{alice, n}) {
		t.Error("the one that came first of more than there is room for is remembered")
	}
	if !s.again(numbered{alice, n}) || len(s.of) != maxNumbers {
		t.Errorf("%d are remembered", len(s.of))
	}
	for range 10 * maxNumbers {
		s.again(numbered{eve, newNumber()})
	}
	if len(s.of) != maxNumbers || cap(s.of) > 2*maxNumbers {
		t.Errorf("%d, in the room of %d", len(s.of), cap(s.of))
	}
}

// Records that say nothing sensible change nothing.
func TestStrangeRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		account, _ := b.session.account(b.jid)
		for i, value := range [][]byte{nil, {1}, make([]byte, 15), make([]byte, 17), make([]byte, 33), make([]byte, 1000)} {
			account.ask(func() {
				c := account.conversations[a.jid]
				events, err := c.otr.Send(fmt.Append(nil, "text ", i), otr.TLV{Type: recordMark, Value: value})
				if err != nil {
					t.Error(err)
				}
				c.apply(events, cause{})
			})
		}
		synctest.Wait()
		if got := a.heard(); len(got) != 6 || a.contact(b).Lock != Unverified {
			t.Errorf("%q", got)
		}
	})
}

// What answers a text by itself goes out in the order in which it was encrypted, or the other side could not read it.
func TestIntroductionAfterAHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		pass(2 * time.Minute)
		a.say(b, canary()) // bob answers with a heartbeat, and introduces himself
		answers := 0
		for _, body := range h.sent(b.jid) {
			if strings.HasPrefix(body, "?OTR:AAMD") {
				answers++
			}
		}
		if answers != 2 {
			t.Fatalf("%d answers: this test proves nothing", answers)
		}
		account, _ := a.session.account(a.jid)
		account.ask(func() {
			c := account.conversations[b.jid]
			if q := c.acquaintance(c.otrPeer()); q.theirs == (memory{}) {
				t.Error("not introduced")
			}
		})
		l := &logins{t: t, h: h, count: map[string]uint64{}, reveal: map[string]bool{}}
		l.checkWire(nil)
	})
}

// What the server took and lost goes out before what is written later, also when the session turns out to be alive and no keys change.
func TestSentAgainInOrderWithoutFreshKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, "hello")
		b.say(a, "hello")
		x, y := canary(), canary()
		h.tamper = func(m *xmpp.Message) bool { return false }
		a.say(b, x) // acknowledged by the server, and lost there
		h.tamper = func(m *xmpp.Message) bool { return !strings.HasPrefix(m.Body, "?OTRv") }
		h.cut(a.jid, xmpp.Unreachable)
		pass(5 * time.Second)
		account, _ := b.session.account(b.jid)
		account.ask(func() {
			c := account.conversations[a.jid]
			c.sure() // bob has not noticed anything
			c.exchange = nil
			c.flush()
		})
		b.say(a, "are you there?")
		a.say(b, y)
		pass(time.Minute)
		if got := b.heard(); !slices.Equal(got, unverified("hello", x, y)) {
			t.Errorf("%q\n%s", got, strings.Join(a.lines(), "\n"))
		}
	})
}
