package ui

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
)

// The send button does what it says: nothing about a text changes between the last keystroke and Enter without a word of the person.
// The same rules for the session are in session/policy_test.go and session/secrecy_test.go.

// enter is the key that sends.
func (s *stage) enter() { s.talk().composer.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn}) }

// become has bob be otherwise than he was.
func (s *stage) become(change func(*session.Contact)) {
	c, _ := s.shell.own.model.Contact(contactRef("bob"))
	change(&c)
	s.tell(session.ContactChanged{Contact: c})
}

func otherKey(c *session.Contact) {
	fp := otr.Fingerprint{0x5b, 0xd1}
	c.Key, c.Keys = &fp, append([]session.Key{{Fingerprint: fp}}, c.Keys...)
}

// TestP02OneSeesWhatATextWaitsFor promises that the button says that a text waits, the band above it for what, and that both leave room to
// write.
func TestP02OneSeesWhatATextWaitsFor(t *testing.T) {
	c := bob()
	c.Lock, c.SendMode = session.NotPrivate, session.SendWhenPrivate
	s := newTalk(t, c)
	s.wantSeen("Send when private")
	s.wantSeen("There is no private conversation with Bob Miller now. What you write waits here")
	lost := onlineAccount()
	lost.Account.State = session.Waiting
	s.tell(lost)
	s.wantSeen("Send when private")
	s.wantSeen("You are not connected. What you write waits here.")
	s.tell(onlineAccount())
	s.become(func(c *session.Contact) { c.Name = strings.Repeat("W", 60) })
	s.shell.window.Resize(fyne.NewSize(leastWidth, 600))
	send, composer := s.talk().send, s.talk().composer
	if send.Size().Width > leastWidth || composer.Size().Width < 120 {
		t.Errorf("in a narrow window the button has %v, the composer %v", send.Size(), composer.Size())
	}
	if send.MinSize().Width > leastWidth-24 {
		t.Errorf("the words of the button need %v", send.MinSize())
	}
}

// A change that takes no protection away is said, and one more press of the same key is enough.
func TestP25ChangedButtonIsPressedAgain(t *testing.T) {
	for name, change := range map[string]func(*session.Contact){
		"they leave":  func(c *session.Contact) { c.Presence, c.SendMode = session.PresenceOffline, session.SendWhenPrivate },
		"another key": otherKey,
	} {
		s := newTalk(t, bob())
		test.Type(s.talk().composer, "between us")
		s.become(change)
		s.enter()
		s.wantNotAsked("Send ")
		s.wantSeen("Nothing was sent yet, because something changed after you had typed.")
		if s.talk().composer.Text != "between us" {
			t.Errorf("%s: the text is lost", name)
		}
		s.enter()
		c, _ := s.shell.own.model.Contact(contactRef("bob"))
		s.wantAsked(`Send bob@example.org "between us" ` + string('0'+rune(c.SendMode)))
	}
}

// A change that takes protection away needs another press than the one that sends, however often that is repeated.
func TestP25LessProtectionTakesMoreThanEnter(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*session.Contact)
		says   string
	}{
		{"in clear", func(c *session.Contact) { c.Lock, c.SendMode = session.NotPrivate, session.SendUnencrypted },
			"Now it would go unencrypted, so it was not sent."},
		{"to the unverified device", func(c *session.Contact) { otherKey(c); c.Lock = session.Unverified },
			"Now it would go to a key that nobody has verified, so it was not sent."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := bob()
			c.Lock = session.Private
			s := newTalk(t, c)
			test.Type(s.talk().composer, "between us")
			s.become(tt.change)
			test.Type(s.talk().composer, " two")
			for range 5 {
				s.enter()
				s.talk().submit()
			}
			s.wantNotAsked("Send ")
			s.wantSeen(tt.says)
			s.press("I want that")
			s.wantNotAsked("Send ")
			s.enter()
			now, _ := s.shell.own.model.Contact(contactRef("bob"))
			s.wantAsked(`Send bob@example.org "between us two" ` + string('0'+rune(now.SendMode)))
		})
	}
}

// What was agreed to for one change is not agreed for the next.
func TestP25AgreementIsForOneChange(t *testing.T) {
	c := bob()
	c.Lock = session.Private
	s := newTalk(t, c)
	test.Type(s.talk().composer, "between us")
	s.become(func(c *session.Contact) { otherKey(c); c.Lock = session.Unverified })
	s.press("I want that")
	s.become(func(c *session.Contact) { c.Lock, c.SendMode = session.NotPrivate, session.SendUnencrypted })
	s.enter()
	s.wantNotAsked("Send ")
	s.wantSeen("Now it would go unencrypted, so it was not sent.")
}

// The session is asked for what was shown; when it says that this is not so any more, the text stays.
func TestP25SessionEndsInThatInstant(t *testing.T) {
	s := newTalk(t, bob())
	test.Type(s.talk().composer, "between us")
	s.engine.refuse = session.ErrModeChanged
	s.enter()
	s.wantSeen("Nothing was sent: the conversation changed while you were typing.")
	s.engine.refuse = nil
	s.become(func(c *session.Contact) { c.Lock, c.SendMode = session.NotPrivate, session.SendUnencrypted })
	s.engine.asked = nil
	s.enter()
	s.wantNotAsked("Send ")
	if s.talk().composer.Text != "between us" {
		t.Error("the text is lost")
	}
}

// A second device that appears while one types takes nothing over: the text goes to the one that was shown. Where the other one is the
// one that texts go to now, Enter asks first.
func TestP25ASecondDeviceAppears(t *testing.T) {
	laptop := session.Device{Tag: 0x100, Resource: "laptop", Key: bobsKey, Verified: session.BySecret, Version: 3, Selected: true}
	phone := session.Device{Tag: 0x101, Resource: "phone", Key: newKey, Version: 3}
	key, fresh := bobsKey, newKey
	c := bob()
	c.Lock, c.Verified, c.Key, c.Devices = session.Private, session.BySecret, &key, []session.Device{laptop}
	s := newTalk(t, c)
	test.Type(s.talk().composer, "for the laptop")
	s.become(func(c *session.Contact) { c.Devices = []session.Device{laptop, phone} })
	s.enter()
	s.wantAsked(`Send bob@example.org "for the laptop" 1`)
	s.engine.asked = nil
	test.Type(s.talk().composer, "still for the laptop")
	laptop.Selected, phone.Selected = false, true
	s.become(func(c *session.Contact) {
		c.Devices, c.Lock, c.Verified, c.Key = []session.Device{laptop, phone}, session.Unverified, session.NotVerified, &fresh
	})
	s.enter()
	s.enter()
	s.wantNotAsked("Send ")
	s.wantSeen("Now it would go to a key that nobody has verified, so it was not sent.")
	if s.talk().composer.Text != "still for the laptop" {
		t.Errorf("the text is %q", s.talk().composer.Text)
	}
}

// Whoever turns to another conversation sends nothing there that was typed for the first.
func TestP25FocusRedirectsNothing(t *testing.T) {
	s := newTalk(t, bob())
	carol := bob()
	carol.Ref, carol.Name, carol.SendMode, carol.Lock = contactRef("carol"), "Carol", session.SendUnencrypted, session.NotPrivate
	s.tell(session.ContactChanged{Contact: carol})
	test.Type(s.talk().composer, "for Bob")
	s.shell.own.main.open(carol.Ref)
	s.enter()
	s.wantNotAsked("Send ")
	test.Type(s.talk().composer, "for Carol")
	s.shell.own.main.open(contactRef("bob"))
	s.enter()
	s.wantAsked(`Send bob@example.org "for Bob" 1`)
	s.wantNotAsked("Send carol")
	// The intent goes with the draft.
	s.shell.own.main.open(carol.Ref)
	carol.SendMode, carol.Lock = session.SendPrivately, session.Unverified
	s.tell(session.ContactChanged{Contact: carol})
	s.enter()
	s.wantNotAsked("Send carol")
}

// P-05: in Finished neither Enter nor Space does anything, wherever the keyboard is after the composer was locked; what was typed stays.
func TestP05OnlyAClickLeavesFinished(t *testing.T) {
	for name, change := range map[string]func(*session.Contact){
		"they ended": func(c *session.Contact) { c.Lock, c.SendMode = session.FinishedLock, session.SendBlocked },
		"we ended": func(c *session.Contact) {
			c.Lock, c.SendMode, c.WeEnded = session.NotPrivate, session.SendBlocked, true
		},
	} {
		s := newTalk(t, bob())
		s.talk().focus()
		test.Type(s.talk().composer, "between us")
		s.engine.asked = nil
		s.become(change)
		for _, key := range []fyne.KeyName{fyne.KeyReturn, fyne.KeySpace, fyne.KeyEnter} {
			s.key(key)
			s.shell.typed(' ')
		}
		s.enter()
		if len(s.engine.asked) != 0 || s.talk().composer.Text != "between us" {
			t.Errorf("%s: asked for %q, the composer has %q", name, s.engine.asked, s.talk().composer.Text)
		}
		s.wantSeen("The private conversation has ended. Nothing is sent until you decide.")
		s.wantSeen("Sending is off")
		s.press("Start again")
		s.wantAsked("StartPrivate bob@example.org")
		// The draft is what it was, and for whom it was.
		s.become(func(c *session.Contact) {
			c.Lock, c.SendMode, c.WeEnded = session.NotPrivate, session.SendUnencrypted, false
		})
		s.enter()
		s.wantNotAsked("Send ")
	}
}

// P-06: whoever has ended a private conversation is asked how it goes on.
func TestP06TheChoiceAfterEnding(t *testing.T) {
	c := bob()
	c.Lock, c.SendMode, c.WeEnded, c.Policy = session.NotPrivate, session.SendBlocked, true, session.ByHand
	s := newTalk(t, c)
	s.press("Go on unencrypted")
	s.wantAsked("EndPrivate bob@example.org")
	c.Policy = session.Require
	s.tell(session.ContactChanged{Contact: c})
	if strings.Contains(s.seen(), "Go on unencrypted") {
		t.Error("clear text is offered where privacy is required")
	}
}

// P-11: a changed key locks the composer until the person has decided.
func TestP11NothingBeforeTheDecision(t *testing.T) {
	s := newTalk(t, bob())
	test.Type(s.talk().composer, "between us")
	s.become(func(c *session.Contact) {
		otherKey(c)
		c.KeyChange, c.SendMode = &session.KeyChange{New: session.Key{Fingerprint: *c.Key}}, session.SendBlocked
	})
	s.enter()
	s.wantNotAsked("Send ")
	s.wantSeen("nothing is sent until you decide.")
}

// P-26: whatever the way of pasting, a page is asked about first, goes as one text or not at all, and is never shortened.
func TestP26LongPasteGoesWholeOrNotAtAll(t *testing.T) {
	s := newTalk(t, bob())
	clipboard := s.shell.app.Clipboard()
	long := strings.Repeat("every line of it\n", 300)
	clipboard.SetContent(long)
	s.talk().composer.TypedShortcut(&fyne.ShortcutPaste{Clipboard: clipboard})
	s.wantSeen("It has 300 lines and 5100 characters.")
	if s.talk().composer.Text != "" {
		t.Error("it was pasted before the answer")
	}
	s.press("Paste")
	s.become(func(c *session.Contact) { c.Lock, c.SendMode = session.NotPrivate, session.SendUnencrypted })
	s.enter()
	s.wantNotAsked("Send ")
	s.become(func(c *session.Contact) { c.Lock, c.SendMode = session.Unverified, session.SendPrivately })
	s.enter()
	sent := 0
	for _, call := range s.engine.asked {
		if strings.HasPrefix(call, "Send ") {
			sent++
		}
	}
	if sent != 1 || !strings.Contains(s.engine.last()+strings.Join(s.engine.asked, ""), strings.TrimRight(strings.ReplaceAll(long, "\n", `\n`), `\n`)) {
		t.Errorf("%d texts went out", sent)
	}
	clipboard.SetContent(strings.Repeat("x", 20_000))
	s.talk().composer.TypedShortcut(&fyne.ShortcutPaste{Clipboard: clipboard})
	if s.talk().composer.Text != "" {
		t.Errorf("%d characters of one that is too long", len(s.talk().composer.Text))
	}
	s.wantSeen("This is as long as a message can be. Send it in parts.")
}

// TestTheMessageSaysWhatEnterDoes promises that whoever hears the screen is told where they write what the send button says, and by which
// key it happens.
func TestTheMessageSaysWhatEnterDoes(t *testing.T) {
	s := newTalk(t, bob())
	help := func() string {
		look, _ := s.tree.Look()
		for _, e := range look.By {
			if e.Name == lang.L("Message") && e.Role == access.Entry {
				return e.Help
			}
		}
		return "there is no place to write"
	}
	want := func(said string) {
		t.Helper()
		if got := help(); got != said {
			t.Errorf("it says %q, want %q", got, said)
		}
	}
	want("Enter: Send privately")
	s.become(func(c *session.Contact) { c.Lock, c.SendMode = session.NotPrivate, session.SendWhenPrivate })
	want("Enter: Send when private")
	s.become(func(c *session.Contact) { c.SendMode = session.SendUnencrypted })
	want("Enter: Send unencrypted")
	s.shell.choices.choose(func(p *store.Preferences) { p.EnterBreaks = true })
	want("Ctrl+Enter: Send unencrypted")
	s.become(func(c *session.Contact) { c.Lock, c.SendMode = session.FinishedLock, session.SendBlocked })
	want("Sending is off")
}
