package session

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		h.noAcks = true
		h.tamper = func(m *xmpp.Message) bool { return false }
		id := a.say(b, canary())
		if s := a.entries[id].Status; s != StatusSent {
			t.Errorf("written: %s", statusNames[s])
		}
		sent := h.wire[len(h.wire)-1]
		if !sent.WantReceipt || !sent.OTR || sent.ID == "" {
			t.Errorf("%+v", sent)
		}
		from := sent.To
		tell := func(e xmpp.Event, want Status) {
			t.Helper()
			h.inject(a.jid, e)
			synctest.Wait()
			if s := a.entries[id].Status; s != want {
				t.Errorf("%+v: %s, want %s", e, statusNames[s], statusNames[want])
			}
		}
		tell(&xmpp.Acked{ID: "another"}, StatusSent)
		tell(&xmpp.Acked{ID: sent.ID}, StatusStored)
		tell(&xmpp.Message{ID: "r1", From: jid.MustParse("eve@sotto.test/x"), Receipt: sent.ID}, StatusStored)
		tell(&xmpp.Message{ID: "r2", From: from, Receipt: "another"}, StatusStored)
		tell(&xmpp.Message{ID: "r3", From: from, Receipt: sent.ID}, StatusDelivered)
		tell(&xmpp.Acked{ID: sent.ID}, StatusDelivered)
		tell(&xmpp.Message{ID: sent.ID, From: from, Type: xmpp.ErrorMessage, Err: &xmpp.StanzaError{Condition: "gone"}}, StatusDelivered)
	})
}

func TestErrorsOfTheServer(t *testing.T) {
	for condition, want := range map[string]Why{
		"item-not-found":          WhyNotFound,
		"remote-server-not-found": WhyUnreachable,
		"service-unavailable":     WhyAway,
		"not-allowed":             WhyRefused,
		"internal-server-error":   WhyOther,
		"resource-constraint":     WhyOther, // without the type that says: later
		"":                        WhyOther,
	} {
		synctest.Test(t, func(t *testing.T) {
			h, a, b := private(t)
			h.tamper = func(m *xmpp.Message) bool { return false }
			x := canary()
			id := a.say(b, x)
			sent := h.wire[len(h.wire)-1]
			bounce := &xmpp.Message{ID: sent.ID, From: sent.To, Type: xmpp.ErrorMessage, Body: sent.Body}
			if condition != "" {
				bounce.Err = &xmpp.StanzaError{Condition: condition}
			}
			h.inject(a.jid, &xmpp.Message{ID: sent.ID, From: jid.MustParse("eve@sotto.test"), Type: xmpp.ErrorMessage})
			synctest.Wait()
			if e := a.entries[id]; e.Status != StatusStored {
				t.Errorf("a stranger's error: %+v", e)
			}
			h.inject(a.jid, bounce)
			synctest.Wait()
			if e := a.entries[id]; e.Status != StatusFailed || e.Why != want || e.Text != x {
				t.Errorf("%s: %+v", condition, e)
			}
			h.tamper = nil
			a.session.Retry(a.ref(b), id)
			pass(3 * time.Minute)
			if got := b.heard(); !slices.Equal(got, []string{"< unverified " + x}) || a.entries[id].Status != StatusDelivered {
				t.Errorf("%s, after Retry: heard %q, %+v", condition, got, a.entries[id])
			}
			h.assertSecret(t, "canary")
		})
	}
}

// busy has a server refuse what somebody sends, for the moment, and returns how often it was asked to take a text.
func (h *hub) busy(sender string) *int {
	asked := new(int)
	h.tamper = func(m *xmpp.Message) bool {
		if m.From.Bare().String() != sender || !m.WantReceipt {
			return true
		}
		*asked++
		for _, l := range h.users[sender].lines {
			l.in <- &xmpp.Message{ID: m.ID, From: m.To, Type: xmpp.ErrorMessage, Body: m.Body,
				Err: &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint"}}
		}
		return false
	}
	return asked
}

// What a server cannot take just now goes out again by itself, later and a few times, where it cannot be shown twice.
func TestRefusedForNow(t *testing.T) {
	// refused has a text refused, and says when it is to go out again.
	refused := func(t *testing.T, a, b *person, x string) (EntryID, time.Duration) {
		t.Helper()
		id := a.say(b, x)
		e := a.entries[id]
		if e.Status != StatusFailed || e.Why != WhyBusy || e.Text != x {
			t.Fatalf("%+v", e)
		}
		return id, max(0, time.Until(e.RetryAt))
	}
	for name, people := range map[string]func(*testing.T) (*hub, *person, *person){"private": private, "in clear": byHand} {
		mark := map[string]string{"private": "< unverified ", "in clear": "< clear "}[name]
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := people(t)
				a.say(b, "hello")
				b.say(a, "hello")
				h.busy(a.jid)
				x := canary()
				id, when := refused(t, a, b, x)
				if when != firstLater {
					t.Errorf("goes out again after %v", when)
				}
				pass(firstLater - time.Second)
				h.tamper = nil
				pass(2 * time.Second)
				if e := a.entries[id]; e.Status != StatusDelivered || e.Why != WhyNone || !e.RetryAt.IsZero() || b.heard()[1] != mark+x {
					t.Errorf("%+v, heard %q", e, b.heard())
				}

				asked := h.busy(a.jid)
				x = canary()
				id, _ = refused(t, a, b, x)
				pass(24 * time.Hour)
				if e := a.entries[id]; *asked != 1+maxLaters || e.Status != StatusFailed || e.Why != WhyBusy || !e.RetryAt.IsZero() {
					t.Errorf("asked %d times, %+v", *asked, e)
				}
				h.tamper = nil
				a.session.Retry(a.ref(b), id)
				pass(time.Minute)
				if e := a.entries[id]; e.Status != StatusDelivered || len(b.heard()) != 3 || b.heard()[2] != mark+x {
					t.Errorf("%+v, heard %q", e, b.heard())
				}
				h.assertFresh(t)

				h.busy(a.jid)
				id, _ = refused(t, a, b, "not worth it")
				a.session.Discard(a.ref(b), id)
				h.tamper = nil
				pass(24 * time.Hour)
				if e := a.entries[id]; e.Status != StatusDiscarded || len(b.heard()) != 3 {
					t.Errorf("%+v, heard %q", e, b.heard())
				}
			})
		})
	}
	t.Run("a program that would show it twice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, a, b := private(t)
			asked := h.busy(a.jid)
			if _, when := refused(t, a, b, canary()); when != 0 { // nothing has told yet that bob has a Sotto
				t.Errorf("goes out again after %v", when)
			}
			pass(time.Hour)
			if *asked != 1 {
				t.Errorf("sent %d times", *asked)
			}
		})
	})
	t.Run("a store that is full", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, a, b := byHand(t)
			b.session.Disconnect(b.jid)
			synctest.Wait()
			h.busy(a.jid)
			id, _ := refused(t, a, b, "hello")
			h.tamper = nil
			b.session.Connect(b.jid)
			synctest.Wait()
			if e := a.entries[id]; e.Status != StatusDelivered || !slices.Equal(b.heard(), []string{"< clear hello"}) {
				t.Errorf("%+v, heard %q", e, b.heard())
			}
		})
	})
	t.Run("another session meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, a, b := private(t)
			a.say(b, "hello")
			b.say(a, "hello")
			h.busy(a.jid)
			x := canary()
			id, _ := refused(t, a, b, x)
			h.tamper = nil
			a.session.StartPrivate(a.ref(b)) // fresh keys, of the same program
			pass(time.Minute)
			if e := a.entries[id]; e.Status != StatusDelivered || len(b.heard()) != 2 {
				t.Errorf("%+v, heard %q", e, b.heard())
			}
			h.assertFresh(t)
			h.assertSecret(t, "canary")
		})
	})
}

func TestUnconfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		h.noAcks = true
		var lost []xmpp.Message
		h.tamper = func(m *xmpp.Message) bool { lost = append(lost, *m); return false }
		x, y := canary(), canary()
		first, second := a.say(b, x), a.say(b, y)
		h.tamper, h.noAcks = nil, false
		h.cut(a.jid, xmpp.Unreachable)
		synctest.Wait()
		third := a.say(b, "and this")
		for id, want := range map[EntryID]Status{first: StatusUnconfirmed, second: StatusUnconfirmed, third: StatusWaiting} {
			if s := a.entries[id].Status; s != want {
				t.Errorf("%d: %s", id, statusNames[s])
			}
		}
		pass(5 * time.Second)
		if got := b.heard(); !slices.Equal(got, []string{"< unverified and this"}) {
			t.Errorf("by itself: %q", got)
		}
		// The first had arrived after all: its receipt comes late.
		h.inject(a.jid, &xmpp.Message{ID: "late", From: lost[0].To, Receipt: lost[0].ID})
		synctest.Wait()
		if s := a.entries[first].Status; s != StatusDelivered {
			t.Errorf("%s", statusNames[s])
		}
		a.session.Retry(a.ref(b), first)
		a.session.Retry(a.ref(b), second)
		synctest.Wait()
		if got := b.heard(); !slices.Equal(got, []string{"< unverified and this", "< unverified " + y}) {
			t.Errorf("after Retry: %q", got)
		}
		bodies := map[string]int{}
		for _, body := range h.sent(a.jid) {
			if bodies[body]++; bodies[body] > 1 && !strings.HasPrefix(body, "?OTRv3?") {
				t.Errorf("ciphertext was sent again: %.40q", body)
			}
		}
		h.assertSecret(t, "canary")
	})
}

func TestWaitingForTheConnectionInClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), ByHand)
		a.session.Disconnect(a.jid)
		synctest.Wait()
		x, y := canary(), canary()
		id := a.say(b, x)
		if e := a.entries[id]; e.Status != StatusWaiting || e.Guard != InClear {
			t.Errorf("%+v", e)
		}
		a.session.Connect(a.jid)
		synctest.Wait()
		if sent := h.sent(a.jid); !slices.Equal(sent, []string{x}) || a.entries[id].Status != StatusStored {
			t.Errorf("%q %+v", sent, a.entries[id])
		}
		// Consent for clear text ends where the person asks for privacy meanwhile.
		a.session.Disconnect(a.jid)
		synctest.Wait()
		id = a.say(b, y)
		a.session.SetPolicy(a.ref(b), Require)
		a.session.Connect(a.jid)
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		if e := a.entries[id]; e.Guard != EncryptedUnverified || e.Status != StatusDelivered {
			t.Errorf("%+v", e)
		}
		h.assertSecret(t, y)
	})
}

func TestClearTextThatWaitedIsPrivateWhenThatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), ByHand)
		a.session.Disconnect(a.jid)
		synctest.Wait()
		x := canary()
		a.say(b, x)
		a.session.StartPrivate(a.ref(b))
		a.session.Connect(a.jid)
		synctest.Wait()
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + x}) {
			t.Errorf("heard %q", got)
		}
		h.assertSecret(t, x)
	})
}

func TestPrivacyWantedIsNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), ByHand)
		b.session.Disconnect(b.jid)
		synctest.Wait()
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		if m := a.contact(b).SendMode; m != SendWhenPrivate {
			t.Errorf("mode %d while privacy is wanted", m)
		}
		a.session.SetPolicy(a.ref(b), ByHand)
		synctest.Wait()
		if m := a.contact(b).SendMode; m != SendUnencrypted {
			t.Errorf("mode %d after the person thought otherwise", m)
		}
	})
}

func TestClearTextThatWaitedDoesNotGoToAnUndecidedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		a.session.SetPolicy(a.ref(b), ByHand)
		a.session.EndPrivate(a.ref(b))
		a.session.EndPrivate(a.ref(b)) // and goes on unencrypted
		a.session.Disconnect(a.jid)
		synctest.Wait()
		swapKey(b)
		x := canary()
		id := a.say(b, x)
		a.session.StartPrivate(a.ref(b))
		a.session.Connect(a.jid)
		synctest.Wait()
		if a.contact(b).KeyChange == nil || a.entries[id].Status != StatusWaiting || len(b.heard()) != 0 {
			t.Errorf("%+v %+v", a.contact(b), a.entries[id])
		}
		h.assertSecret(t, x)
	})
}

func TestRepeatedStanzas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		h.tamper = func(m *xmpp.Message) bool {
			if m.Body != "" {
				h.route(h.line(m.From), *m) // and once more by itself
			}
			return true
		}
		a.say(b, "one")
		a.say(b, "two")
		if got := b.lines(); b.has(NoticeUnreadable) || !slices.Equal(b.heard(), []string{"< unverified one", "< unverified two"}) {
			t.Errorf("%q", got)
		}
		// The same id with something else in it is not a repetition.
		h.tamper = nil
		a.session.SetPolicy(a.ref(b), Never)
		synctest.Wait()
		for i := range 3 {
			h.inject(a.jid, &xmpp.Message{ID: "1", From: bobsPhone, Type: xmpp.Chat, Body: fmt.Sprint(i)})
		}
		synctest.Wait()
		if got := a.heard(); len(got) != 3 {
			t.Errorf("%q", got)
		}
	})
}

func (h *hub) line(full jid.JID) *hubLine {
	return h.users[full.Bare().String()].lines[full.Resourcepart()]
}

func TestTextIsClean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		a.say(b, "tab\there\r\nnew\x00 line\x07\x1b[31m\u0085 \xff")
		want := "tab\there\nnew line[31m \ufffd"
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + want}) || !b.online() {
			t.Errorf("%q", got)
		}
		if b.contact(a).Lock != Unverified {
			t.Error("a NUL let something through")
		}
		for _, empty := range []string{"", "  \n", "\x00"} {
			if _, err := a.session.Send(a.ref(b), empty, SendPrivately); !errors.Is(err, ErrEmpty) {
				t.Errorf("%q: %v", empty, err)
			}
		}
		if _, err := a.session.Send(a.ref(b), strings.Repeat("x", MaxText+1), SendPrivately); !errors.Is(err, ErrTooLong) {
			t.Errorf("%v", err)
		}
		long := strings.Repeat("€", MaxText/3)
		a.say(b, long)
		if got := b.heard(); got[len(got)-1] != "< unverified "+long {
			t.Errorf("%d bytes arrived", len(got[len(got)-1]))
		}
	})
}

func TestMarkupOfLibpurple(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		purple := 0
		h.tamper = func(m *xmpp.Message) bool {
			if m.From.Bare().String() == b.jid {
				purple++
				m.ID = fmt.Sprintf("purple%x", 0xabc00+purple)
			}
			return true
		}
		b.say(a, "a &lt; b &amp; c <b>bold</b><br>see <a href=\"https://x.test/\">this</a>")
		want := "a < b & c bold\nsee this (https://x.test/)"
		if got := a.heard(); !slices.Equal(got, []string{"< unverified " + want}) {
			t.Errorf("%q", got)
		}
		a.say(b, "x < y && z\nend")
		if got := b.heard(); !slices.Equal(got, []string{"< unverified x &lt; y &amp;&amp; z<br>end"}) {
			t.Errorf("what it reads as HTML: %q", got)
		}
	})
}

func TestCodeSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		for _, text := range []string{"a < b", "<html><b>x</b></html>", "&lt; is how HTML writes <", "if (a<b && c>d) { x &amp;= 1; }", "<script>alert(1)</script>"} {
			a.say(b, text)
			if got := b.heard(); got[len(got)-1] != "< unverified "+text {
				t.Errorf("%q arrived as %q", text, got[len(got)-1])
			}
		}
	})
}

func TestInvitationBounces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		h.tamper = func(m *xmpp.Message) bool {
			if m.Type != xmpp.ErrorMessage && m.From.Bare().String() == a.jid {
				h.line(m.From).in <- &xmpp.Message{ID: m.ID, From: m.To, Type: xmpp.ErrorMessage, Err: &xmpp.StanzaError{Condition: "service-unavailable"}}
			}
			return false
		}
		id := a.say(b, canary())
		if c := a.contact(b); c.Starting || !c.NoAnswer || !a.has(NoticeNoAnswer) || a.entries[id].Status != StatusWaiting {
			t.Errorf("%+v %q", c, a.lines())
		}
	})
}

func TestHealAfterTheOtherSideForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, canary())
		// bob's program dies without a word, and nobody sees his presence change.
		account, _ := b.session.account(b.jid)
		account.ask(func() {
			c := account.conversations[a.jid]
			c.otr, c.memory, c.numbers = nil, memory(newNumber()), recent[numbered]{most: maxNumbers}
		})
		pass(time.Minute)
		x := canary()
		id := a.say(b, x)
		if b.count(NoticeUnreadable) != 1 || b.heardText(x) {
			t.Errorf("%q", b.lines())
		}
		if b.contact(a).Lock != Unverified || a.contact(b).Lock != Unverified {
			t.Errorf("%q %q", a.lines(), b.lines())
		}
		if s := a.entries[id].Status; s != StatusUnconfirmed {
			t.Errorf("what could not be read is %s", statusNames[s])
		}
		a.session.Retry(a.ref(b), id)
		synctest.Wait()
		if !b.heardText(x) || a.entries[id].Status != StatusDelivered {
			t.Errorf("%q %q", a.lines(), b.lines())
		}
		if n := len(h.wire); n > 40 {
			t.Errorf("%d stanzas", n)
		}
		h.assertSecret(t, "canary")
	})
}

// A message of the key exchange is lost, whichever: it ends well, soon, and what waited is read.
// Whatever cannot be read, one calm key exchange follows if nothing readable does, and no more of them the more there is of it.
func TestHealWhereNothingCanBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		x := canary()
		b.say(a, x)
		bodies := h.sent(b.jid)
		garbage := []byte(bodies[slices.IndexFunc(bodies, func(body string) bool { return strings.HasPrefix(body, "?OTR:AAMD") })])
		if at := len(garbage) / 2; garbage[at] == 'A' {
			garbage[at] = 'B'
		} else {
			garbage[at] = 'A'
		}
		var full jid.JID
		for _, l := range h.users[b.jid].lines {
			full = l.full
		}
		n := 0
		unreadable := func() {
			n++
			h.inject(a.jid, &xmpp.Message{ID: fmt.Sprint("garbage ", n), From: full, Type: xmpp.Chat, Body: string(garbage)})
			synctest.Wait()
		}
		queries := func() int {
			return len(slices.DeleteFunc(h.sent(a.jid), func(body string) bool { return !strings.HasPrefix(body, "?OTRv3?") }))
		}
		pass(time.Minute)
		before, key := queries(), a.count(NoticeRefreshed)
		unreadable()
		b.say(a, "readable")
		pass(time.Minute)
		if queries() != before {
			t.Error("a key exchange because of one message, and others can be read")
		}
		unreadable()
		if !a.has(NoticeUnreadable) || a.contact(b).SendMode != SendPrivately {
			t.Errorf("%q", a.lines())
		}
		pass(time.Minute)
		if queries() != before+1 || a.contact(b).SendMode != SendPrivately || a.contact(b).Lock != Unverified || a.count(NoticeRefreshed) != key {
			t.Errorf("%d queries more, %+v\n%q", queries()-before, a.contact(b), a.lines())
		}
		before = queries()
		for range 600 {
			unreadable()
			pass(time.Second)
		}
		if n := queries() - before; n < 1 || n > 600/int(inviteEvery.Seconds())+1 {
			t.Errorf("%d key exchanges because of a flood of ten minutes", n)
		}
		y := canary()
		a.say(b, y)
		pass(time.Minute)
		if !b.heardText(y) {
			t.Errorf("%q", b.lines())
		}
		h.assertSecret(t, "canary")
	})
}

// Whose line ever breaks in the middle of a key exchange that the person wanted: it begins anew when it is back, also where nothing waits to
// be sent.
func TestWishSurvivesABrokenLine(t *testing.T) {
	for _, whose := range []string{"ours", "theirs"} {
		for _, before := range []string{"none", "a private conversation"} {
			t.Run(whose+", before it "+before, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					people := friends
					if before != "none" {
						people = private
					}
					h, a, b := people(t)
					a.session.Opened(Ref{}) // nobody looks
					pass(time.Minute)
					h.tamper = func(m *xmpp.Message) bool { return !strings.HasPrefix(m.Body, "?OTR:") } // all but the invitation is lost
					a.session.StartPrivate(a.ref(b))
					pass(time.Second)
					cut := map[string]*person{"ours": a, "theirs": b}[whose]
					h.cut(cut.jid, xmpp.Unreachable)
					h.tamper = nil
					synctest.Wait()
					if before == "none" && a.contact(b).SendMode != SendWhenPrivate {
						t.Errorf("send mode %d meanwhile", a.contact(b).SendMode)
					}
					pass(10 * time.Second)
					if c := a.contact(b); c.Lock != Unverified || c.SendMode != SendPrivately {
						t.Errorf("lock %d, send mode %d\n%q", c.Lock, c.SendMode, a.lines())
					}
				})
			})
		}
	}
}

// Some programs invite with every text that waits for a private conversation: all at once are one invitation.
func TestManyInvitationsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.say(b, "waits") // so that alice has made the conversation
		pass(time.Minute)
		var full jid.JID
		for _, l := range h.users[b.jid].lines {
			full = l.full
		}
		commits := func() int {
			return len(slices.DeleteFunc(h.sent(a.jid), func(body string) bool { return !strings.HasPrefix(body, "?OTR:AAMC") }))
		}
		for round := range 3 {
			before := commits()
			for i := range 20 {
				h.inject(a.jid, &xmpp.Message{ID: fmt.Sprint(round, " ", i), From: full, Type: xmpp.Chat, Body: "?OTRv3?"})
			}
			pass(10 * time.Second)
			if n := commits() - before; n != 1 {
				t.Errorf("round %d: %d key exchanges", round, n)
			}
			if l := a.contact(b).Lock; l != Unverified {
				t.Errorf("round %d: lock %d", round, l)
			}
		}
	})
}

func TestLostInTheMiddleOfAnExchange(t *testing.T) {
	for lost := 2; lost <= 5; lost++ {
		synctest.Test(t, func(t *testing.T) {
			h, a, b := friends(t)
			n := 0
			h.tamper = func(m *xmpp.Message) bool {
				if m.Body != "" {
					n++
				}
				return n != lost
			}
			x, y := canary(), canary()
			id := a.say(b, x)
			pass(2 * time.Minute)
			b.say(a, y)
			pass(2 * time.Minute)
			if a.entries[id].Status != StatusDelivered {
				a.session.Retry(a.ref(b), id)
				synctest.Wait()
			}
			if e := a.entries[id]; e.Status == StatusWaiting { // nobody answered for a minute
				a.session.StartPrivate(a.ref(b))
				synctest.Wait()
			}
			if !a.heardText(y) || count(b.heard(), x) != 1 && lost != 5 {
				t.Errorf("message %d lost:\n%s\n\n%s", lost, strings.Join(a.lines(), "\n"), strings.Join(b.lines(), "\n"))
			}
			h.assertSecret(t, "canary")
		})
	}
}

// bob leaves Finished in the middle of a new exchange, while one of alice's messages of it is on its way: the exchange goes on.
func TestEndingAnOldSessionInTheMiddleOfANewOne(t *testing.T) {
	for held := 1; held <= 2; held++ {
		synctest.Test(t, func(t *testing.T) {
			h, a, b := private(t)
			a.session.EndPrivate(a.ref(b))
			pass(time.Second)
			sent := 0
			var late *xmpp.Message
			h.tamper = func(m *xmpp.Message) bool {
				if m.From.Bare().String() == a.jid && strings.HasPrefix(m.Body, "?OTR:") {
					if sent++; sent == held {
						late = m
						return false
					}
				}
				return true
			}
			a.session.StartPrivate(a.ref(b))
			pass(time.Second)
			b.session.EndPrivate(b.ref(a))
			pass(time.Second)
			if late == nil {
				t.Fatal("no exchange began")
			}
			h.deliver(*late)
			pass(time.Second)
			if a.contact(b).Lock != Unverified || b.contact(a).Lock != Unverified {
				t.Errorf("message %d held: %q %q", held, a.lines(), b.lines())
			}
		})
	}
}

// What was to go in clear and may not any more needs a private conversation.
func TestClearTextThatWaitedStartsPrivacyWhereItIsRequired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), ByHand)
		a.session.Disconnect(a.jid)
		synctest.Wait()
		x := canary()
		a.say(b, x)
		a.session.SetPolicy(a.ref(b), Require)
		a.session.Connect(a.jid)
		synctest.Wait()
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + x}) {
			t.Errorf("heard %q", got)
		}
		h.assertSecret(t, x)
	})
}

// A step of a check that comes from a session in doubt shows that it is alive. It is not the beginning of a key exchange, for which texts
// would wait.
func TestCheckGoesOnInADoubtfulSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		if err := a.session.Ask(a.ref(b), *a.contact(b).Key, "where?", []byte("here")); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		account, _ := a.session.account(a.jid)
		account.ask(func() { account.conversations[b.jid].doubt() })
		b.session.Answer(b.ref(a), b.smp.Number, []byte("here"))
		pass(time.Second)
		if v := a.contact(b); v.Starting || v.SendMode != SendPrivately || a.smp.Stage != SMPSucceeded {
			t.Errorf("%+v %+v", v, a.smp)
		}
		x := canary()
		a.say(b, x)
		if !b.heardText(x) {
			t.Errorf("%q", b.lines())
		}
		h.assertSecret(t, x)
	})
}
