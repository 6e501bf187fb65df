package session

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/session/xmpp"
)

// kinds counts the lines of each notice that a person was shown, however many things each stands for.
func (p *person) kinds() map[Notice]int {
	count := map[Notice]int{}
	for _, e := range p.entries {
		if e.Kind == NoticeEntry {
			count[e.Notice]++
		}
	}
	return count
}

// queries counts the invitations that somebody has sent.
func (h *hub) queries(from string) int {
	n := 0
	for _, body := range h.sent(from) {
		if strings.HasPrefix(body, "?OTRv") {
			n++
		}
	}
	return n
}

// Our program dies, the other one does not notice and writes on into a conversation that is gone, and both type twenty lines at once: one
// calm line says how much could not be read, one key exchange heals it, what we typed arrives in order, and nothing is lost in silence.
func TestCrashOfOursWhileBothWriteWithAProgram(t *testing.T) {
	for _, how := range []string{"they write first", "we write first"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, mike, m := withProgram(t)
				a.say(mike, "hello")
				m.say("hello")
				a.die(false)
				a.open()
				synctest.Wait()
				sent, queries := len(h.wire), h.queries(a.jid)
				ours, theirs := twenty(), twenty()
				if how == "they write first" {
					m.say(theirs...)
					a.sayAll(mike, ours)
				} else {
					a.sayAll(mike, ours)
					m.say(theirs...)
				}
				pass(5 * time.Minute)
				if got := m.hearing()[1:]; !slices.Equal(got, ours) {
					t.Errorf("mike heard %d: %q", len(got), got)
				}
				heard := 0
				for _, text := range theirs {
					if a.heardText(text) {
						heard++
					}
				}
				if unread := a.count(NoticeUnreadable); heard+unread != len(theirs) {
					t.Errorf("%d of theirs were read, %d are said to be unreadable\n%s", heard, unread, strings.Join(a.lines(), "\n"))
				}
				if n := a.kinds(); n[NoticeUnreadable] > 1 || n[NoticeInterrupted] > 0 || n[NoticePeerError] > 1 {
					t.Errorf("not calm: %v\n%s", n, strings.Join(a.lines(), "\n"))
				}
				if n := h.queries(a.jid) - queries; n > 2 { // one more where the two orders crossed
					t.Errorf("%d key exchanges for one crash", n)
				}
				if n := len(h.wire) - sent; n > 130 { // twenty each way, receipts, one exchange, errors
					t.Errorf("a flood of %d stanzas", n)
				}
				x := canary()
				m.say(x)
				if !a.heardText(x) || a.contact(mike).SendMode != SendPrivately {
					t.Errorf("it is not healed: %+v", a.contact(mike))
				}
				h.assertSecret(t, "canary")
			})
		})
	}
}

// A program that dies twice in a moment asks in that moment for two different conversations: the second invitation is not taken for the
// first come again.
func TestCrashTwiceInAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, m := withProgram(t)
		m.forget()
		x, y := canary(), canary()
		m.say(x)
		m.forget()
		m.say(y)
		pass(10 * time.Second)
		if !a.heardText(x) || !a.heardText(y) || a.contact(mike).SendMode != SendPrivately {
			t.Errorf("%+v\n%s", a.contact(mike), strings.Join(a.lines(), "\n"))
		}
		h.assertSecret(t, "canary")
	})
}

// A contact whose program died without anybody noticing gets one invitation and not one for each line that is typed; one line says that
// nobody answers, and what waits goes out when they are back.
func TestCrashOfTheirsUnseen(t *testing.T) {
	for _, how := range []string{"the server says so", "nobody says anything"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := private(t)
				a.say(b, "hello")
				b.say(a, "hello")
				queries := h.queries(a.jid)
				b.die(false)
				if how == "nobody says anything" {
					h.tamper = func(m *xmpp.Message) bool { return false }
					account, _ := a.session.account(a.jid)
					account.ask(func() { account.conversations[b.jid].doubt() })
				}
				lines := twenty()
				for _, line := range lines {
					a.sayAll(b, []string{line})
					pass(10 * time.Second)
				}
				pass(time.Minute)
				if n := h.queries(a.jid) - queries; n != 1 {
					t.Errorf("%d invitations", n)
				}
				if n := a.kinds()[NoticeNoAnswer]; n != 1 || !a.contact(b).NoAnswer {
					t.Errorf("said %d times\n%s", n, strings.Join(a.lines(), "\n"))
				}
				pass(5 * time.Minute)
				a.sayAll(b, []string{"still there?"}) // it may be worth asking again after some time
				pass(2 * time.Minute)
				if n := h.queries(a.jid) - queries; n != 2 || a.kinds()[NoticeNoAnswer] != 1 {
					t.Errorf("%d invitations\n%s", n, strings.Join(a.lines(), "\n"))
				}
				h.tamper = nil
				b.open()
				pass(inviteEvery + time.Second)
				a.decideAgain(b)
				pass(time.Second)
				got := b.heard()
				slices.Sort(got) // the first went out before anybody knew, and was sent again by hand
				want := unverified(append(lines, "still there?")...)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("%q\n%s", got, strings.Join(a.lines(), "\n"))
				}
				a.session.StartPrivate(a.ref(b))
				pass(time.Second)
				if a.contact(b).NoAnswer || a.contact(b).SendMode != SendPrivately {
					t.Errorf("%+v", a.contact(b))
				}
				h.assertSecret(t, "canary")
			})
		})
	}
}

// They ask for a private conversation and think otherwise while our answer is on its way: what we typed meanwhile does not wait for an
// exchange that nobody goes on with.
func TestTheirExchangeGoesNoFurther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		h.tamper = func(m *xmpp.Message) bool { return !strings.HasPrefix(m.Body, "?OTR:AAMC") }
		b.session.StartPrivate(b.ref(a))
		synctest.Wait()
		b.session.EndPrivate(b.ref(a))
		synctest.Wait()
		h.tamper = nil
		if c := a.contact(b); !c.Starting {
			t.Fatalf("%+v", c)
		}
		x := canary()
		a.say(b, x)
		pass(stallsAfter + time.Second)
		if !b.heardText(x) || a.contact(b).Starting || a.has(NoticeNoAnswer) {
			t.Errorf("%+v\n%s", a.contact(b), strings.Join(a.lines(), "\n"))
		}
		h.assertSecret(t, "canary")
	})
}
