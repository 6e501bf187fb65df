package session

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
)

// isText tells a stanza that carries a text of somebody.
func isText(m *xmpp.Message, from *person) bool {
	return m.From.Bare().String() == from.jid && m.WantReceipt
}

// talked are two people who have written to each other before.
func talked(t *testing.T) (*hub, *person, *person) {
	t.Helper()
	h, a, b := private(t)
	a.say(b, "hello")
	b.say(a, "hello")
	return h, a, b
}

// receipts lists which of somebody's texts were confirmed, in this order.
func (h *hub) receipts(of string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []string
	for _, m := range h.wire {
		if m.Receipt != "" && m.To.Bare().String() == of {
			ids = append(ids, m.Receipt)
		}
	}
	return ids
}

// A server that hands over what was written last before what it had kept of an earlier line delivers texts that cannot be read any more:
// they are sent again, and are shown where they belong. None is shown twice, none is confirmed before it is shown, and nobody is told of
// what could not be read and was not missed.
func TestShownInTheOrderTheyWereWritten(t *testing.T) {
	for _, how := range []string{
		"they never come", "they come after they were sent again", "they come before", "one comes", "they are lost twice",
	} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := talked(t)
				texts := []string{canary(), canary(), canary(), canary(), canary()}
				var kept []xmpp.Message
				h.tamper = func(m *xmpp.Message) bool {
					if isText(m, a) {
						kept = append(kept, *m)
					}
					return how == "one comes" && len(kept) == 2
				}
				for _, text := range texts[:3] {
					a.say(b, text)
				}
				late := slices.Clone(kept)
				h.tamper = nil
				switch how {
				case "they come before": // the first question is lost
					h.tamper = func(m *xmpp.Message) bool { return m.From.Bare().String() == a.jid }
				case "they are lost twice":
					n := 0
					h.tamper = func(m *xmpp.Message) bool {
						if isText(m, a) {
							n++
						}
						return !isText(m, a) || n == 1
					}
				}
				before := len(h.receipts(a.jid))
				a.say(b, texts[3])
				kept = nil
				if strings.HasPrefix(how, "they come") {
					for _, m := range late {
						h.deliver(m)
					}
					synctest.Wait()
				}
				h.tamper = nil
				a.say(b, texts[4])
				pass(10 * time.Second)
				if got := b.heard(); !slices.Equal(got, unverified(append([]string{"hello"}, texts...)...)) {
					t.Errorf("%q\n%s", got, strings.Join(b.lines(), "\n"))
				}
				for _, l := range a.lines() {
					if strings.HasPrefix(l, "> ") && !strings.HasPrefix(l, "> unverified delivered") {
						t.Errorf("%s", l)
					}
				}
				if n := len(h.receipts(a.jid)) - before; n < 4 {
					t.Errorf("%d receipts", n)
				}
				if b.has(NoticeUnreadable) {
					t.Errorf("what came after all is said to be unreadable\n%s", strings.Join(b.lines(), "\n"))
				}
				h.assertSecret(t, "canary")
				h.assertFresh(t)
			})
		})
	}
}

// What is held is shown in the end, whatever becomes of what is missing: not before that, and confirmed only then.
func TestHeldIsShownInTheEnd(t *testing.T) {
	ends := map[string]func(a, b *person){
		"they say nothing more":   func(a, b *person) { pass(waitsFor) },
		"they end":                func(a, b *person) { a.session.EndPrivate(a.ref(b)) },
		"we end":                  func(a, b *person) { b.session.EndPrivate(b.ref(a)) },
		"we go offline":           func(a, b *person) { b.session.Disconnect(b.jid) },
		"they are removed":        func(a, b *person) { b.session.RemoveContact(b.ref(a)) },
		"our line breaks":         func(a, b *person) { b.hub.cut(b.jid, xmpp.Unreachable); pass(2 * waitsFor) },
		"their program ends":      func(a, b *person) { a.close() },
		"our program ends":        func(a, b *person) { b.close() },
		"their program is killed": func(a, b *person) { a.die(true); a.open(); pass(2 * waitsFor) },
		"too many": func(a, b *person) {
			for range maxWaiting {
				a.say(b, "more")
			}
		},
		"too much": func(a, b *person) {
			for range maxWaitingBytes/MaxText + 1 {
				a.say(b, strings.Repeat("x", MaxText))
			}
		},
	}
	for how, end := range ends {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := talked(t)
				lost := ""
				h.tamper = func(m *xmpp.Message) bool {
					if lost == "" && isText(m, a) {
						lost = m.ID
						return false
					}
					return m.From.Bare().String() == a.jid // bob's questions do not arrive
				}
				a.say(b, canary())
				x, y := canary(), canary()
				a.sayAll(b, []string{x, y})
				pass(waitsFor - time.Second)
				if got := b.heard(); !slices.Equal(got, unverified("hello")) || b.contact(a).Unread != 1 {
					t.Errorf("before: %q, %d unread", got, b.contact(a).Unread)
				}
				if n := len(h.receipts(a.jid)); n != 1 {
					t.Errorf("%d were confirmed", n)
				}
				if how == "their program ends" || how == "our line breaks" || how == "their program is killed" {
					h.tamper = nil
				}
				end(a, b)
				synctest.Wait()
				if got := b.heard(); len(got) < 3 || !slices.Equal(got[:3], unverified("hello", x, y)) && how != "our line breaks" {
					t.Errorf("%q\n%s", got, strings.Join(b.lines(), "\n"))
				}
				h.assertSecret(t, "canary")
			})
		})
	}
}

// craft has somebody send a text with records as no Sotto would make them.
func (p *person) craft(other *person, text string, records ...otr.TLV) {
	p.t.Helper()
	account, _ := p.session.account(p.jid)
	account.ask(func() {
		c := account.conversations[other.jid]
		events, err := c.otr.Send([]byte(text), records...)
		if err != nil {
			p.t.Error(err)
		}
		c.apply(events, cause{})
	})
	synctest.Wait()
}

// placed is the record of a text.
func placed(run memory, own, after place) otr.TLV {
	n := newNumber()
	value := binary.BigEndian.AppendUint64(slices.Concat(run[:], n[:]), uint64(own))
	return otr.TLV{Type: recordMark, Value: binary.BigEndian.AppendUint64(value, uint64(after))}
}

// However a contact counts, nothing is lost and nothing is held longer or in more space than is allowed.
func TestStrangePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := talked(t)
		run, other := memory{1}, memory{2}
		const most = ^place(0)
		for i, r := range []otr.TLV{
			placed(run, 5, 5), placed(run, 0, most), placed(run, 0, 0), placed(run, 3, 9), // nonsense: shown at once
			placed(run, most, 0), placed(run, 1, 0), placed(run, 2, 1), // late
			placed(other, 1, 0), placed(run, 4, 3), // another program, and back
		} {
			a.craft(b, fmt.Sprint(i), r)
			if i == 8 {
				break
			}
			if got := b.heard(); len(got) != i+2 || got[i+1] != "< unverified "+fmt.Sprint(i) {
				t.Errorf("%d: %q", i, got)
			}
		}
		if got := b.heard(); len(got) != 9 {
			t.Errorf("not held: %q", got)
		}
		a.craft(b, "without a place")
		if got := b.heard(); len(got) != 11 || got[9] != "< unverified 8" {
			t.Errorf("%q", got)
		}
		for i := range place(2 * maxWaiting) {
			a.craft(b, "flood", placed(run, 10+2*i, 9+2*i))
		}
		if n := len(b.heard()); n < 11+maxWaiting {
			t.Errorf("%d of %d are shown", n, 11+2*maxWaiting)
		}
		pass(waitsFor)
		if n := len(b.heard()); n != 11+2*maxWaiting {
			t.Errorf("%d of %d are shown", n, 11+2*maxWaiting)
		}
		// A contact who has us wait again and again delays what they write, and each by no more than that.
		began := time.Now()
		for i := range place(30) {
			a.craft(b, "slow", placed(run, most-100+2*i, most-101+2*i))
			pass(waitsFor / 10)
		}
		pass(waitsFor - waitsFor/10)
		if n, late := len(b.heard()), time.Since(began); n != 11+2*maxWaiting+30 {
			t.Errorf("%d of %d are shown after %v", n, 11+2*maxWaiting+30, late)
		}
	})
}

// Who asks for what is missing gets what was meant for them, each text a few times at most, and nothing that they have confirmed.
func TestAskedForWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := talked(t)
		account, _ := a.session.account(a.jid)
		var run memory
		account.ask(func() { run = account.conversations[b.jid].memory })
		texts := func() (n int) {
			for _, m := range h.wire {
				if isText(&m, a) {
					n++
				}
			}
			return n
		}
		ask := func(run memory, above, upTo place) int {
			before := texts()
			b.craft(a, "", missingRecord(fellowMissing, run, above, upTo))
			return texts() - before
		}
		h.tamper = func(m *xmpp.Message) bool { return m.From.Bare().String() != a.jid || !m.WantReceipt }
		a.say(b, canary())
		a.say(b, canary())
		const most = ^place(0)
		if n := ask(memory{1}, 0, most); n != 0 {
			t.Errorf("%d texts for another run of this program", n)
		}
		if n := ask(run, 2, 3); n != 1 {
			t.Errorf("%d texts for one", n)
		}
		if n := ask(run, 0, most); n != 1 { // the one that was not sent again just now
			t.Errorf("%d texts", n)
		}
		total := 0
		for range 100 {
			pass(repeatEvery)
			total += ask(run, 0, most)
		}
		if total != 2*(maxRepeats-1) {
			t.Errorf("sent again %d times", total)
		}
		for _, value := range [][]byte{{4}, {5}, {4, 1, 2, 3}, make([]byte, 40), append([]byte{5}, make([]byte, 31)...)} {
			b.craft(a, "", otr.TLV{Type: fellowMark, Value: value})
		}
		if v := a.contact(b); v.Lock != Unverified || v.SendMode != SendPrivately {
			t.Errorf("%+v", v)
		}
		h.assertFresh(t)
		h.assertSecret(t, "canary")
	})
}

// Where what is missing does not come any more, whoever waits for it hears so, and waits no longer.
func TestNotWaitedForInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := talked(t)
		var ids []string
		h.tamper = func(m *xmpp.Message) bool {
			if isText(m, a) {
				ids = append(ids, m.ID)
			}
			return !isText(m, a)
		}
		lost := a.say(b, canary())
		var kept *xmpp.Message
		h.tamper = func(m *xmpp.Message) bool {
			if isText(m, a) && kept == nil {
				kept = m
				return false
			}
			return true
		}
		x := canary()
		a.say(b, x) // says that it comes after the other
		h.inject(a.jid, &xmpp.Message{ID: ids[0], From: kept.To, Type: xmpp.ErrorMessage, Err: &xmpp.StanzaError{Condition: "not-allowed"}})
		synctest.Wait()
		if s := a.entries[lost].Status; s != StatusFailed {
			t.Fatal(statusNames[s])
		}
		h.deliver(*kept)
		synctest.Wait()
		if got := b.heard(); !slices.Equal(got, unverified("hello", x)) {
			t.Errorf("%q", got)
		}
		a.session.Retry(a.ref(b), lost)
		synctest.Wait()
		if got := b.heard(); len(got) != 3 || a.entries[lost].Status != StatusDelivered {
			t.Errorf("%q", got)
		}
		h.assertSecret(t, "canary")
	})
}
