package ui

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/outside"
)

// crier notes what is announced.
type crier struct{ said []string }

func (c *crier) Announce(a outside.Announcement) {
	c.said = append(c.said, a.Title+": "+a.Words)
}
func (c *crier) Withdraw(key string) {
	c.said = append(c.said, "withdrawn "+key[strings.IndexByte(key, 0)+1:])
}
func (c *crier) Close(context.Context) {}

// newCrier is a stage whose window is not in front, with a contact.
func newCrier(t *testing.T, level string, c session.Contact) (*stage, *crier) {
	t.Helper()
	s := newStage(t, func(kept *store.Settings) { kept.Preferences.Notify = level })
	out := &crier{}
	s.shell.announcer = out
	s.tell(onlineAccount(), session.ContactChanged{Contact: c})
	s.shell.look(false)
	return s, out
}

func (s *stage) arrives(c session.Contact, guard session.Guard, text string) {
	e := s.engine.entry(session.Incoming, text)
	e.Ref, e.Guard = c.Ref, guard
	c.Unread++
	s.tell(session.EntryChanged{Entry: e}, session.Contacted{Ref: c.Ref}, session.ContactChanged{Contact: c})
}

// inClear is a contact to whom one writes unencrypted, by choice.
func inClear() session.Contact {
	c := bob()
	c.Lock, c.SendMode, c.Policy, c.OwnPolicy = session.NotPrivate, session.SendUnencrypted, session.ByHand, true
	return c
}

func TestWhatIsAnnounced(t *testing.T) {
	stranger, asks := inClear(), inClear()
	stranger.OnRoster, asks.OnRoster, asks.Wants = false, false, true
	quiet, required := inClear(), inClear()
	quiet.Quiet, required.Policy = true, session.Require
	for _, test := range []struct {
		name, level string
		contact     session.Contact
		guard       session.Guard
		want        string
	}{
		{"nothing", notifyNothing, inClear(), session.InClear, ""},
		{"new", notifyNew, inClear(), session.InClear, "Sotto: New message"},
		{"who", notifyWho, inClear(), session.InClear, "Sotto: New message from Bob Miller"},
		{"text", notifyText, inClear(), session.InClear, "Bob Miller: hello"},
		{"private text", notifyText, bob(), session.EncryptedUnverified, "Sotto: New message from Bob Miller"},
		{"verified text", notifyText, bob(), session.EncryptedVerified, "Sotto: New message from Bob Miller"},
		{"perhaps forged", notifyText, required, session.InClearUnexpected, "Sotto: New message from Bob Miller"},
		{"before privacy began", notifyText, bob(), session.InClear, "Sotto: New message from Bob Miller"},
		{"a stranger", notifyText, stranger, session.InClear, "Sotto: New message"},
		{"a request", notifyText, asks, session.InClear, "Sotto: Somebody wants to be your contact"},
		{"a request, unnamed", notifyNew, asks, session.InClear, "Sotto: New message"},
		{"a quiet contact", notifyText, quiet, session.InClear, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, out := newCrier(t, test.level, test.contact)
			s.arrives(test.contact, test.guard, "hello")
			if got := strings.Join(out.said, "|"); got != test.want {
				t.Errorf("announced %q, want %q", got, test.want)
			}
		})
	}
}

// A private message behind one in clear: what is announced then is the private one, and not the words of the other.
func TestClearWordsAreNotAnnouncedForPrivateOnes(t *testing.T) {
	s, out := newCrier(t, notifyText, inClear())
	c := inClear()
	for _, guard := range []session.Guard{session.InClear, session.EncryptedUnverified} {
		e := s.engine.entry(session.Incoming, "words "+fmt.Sprint(guard))
		e.Guard = guard
		s.tell(session.EntryChanged{Entry: e})
	}
	s.tell(session.Contacted{Ref: c.Ref})
	if got := strings.Join(out.said, "|"); got != "Sotto: New message from Bob Miller" {
		t.Errorf("announced %q", got)
	}
}

func TestNotWhileTheConversationIsInFront(t *testing.T) {
	s, out := newCrier(t, notifyNew, inClear())
	s.shell.look(true)
	s.shell.own.main.open(contactRef("bob"))
	s.arrives(inClear(), session.InClear, "hello")
	if len(out.said) != 0 {
		t.Errorf("announced %q", out.said)
	}
	carol := inClear()
	carol.Ref = contactRef("carol")
	s.tell(session.ContactChanged{Contact: carol})
	s.arrives(carol, session.InClear, "hello")
	if len(out.said) != 1 {
		t.Errorf("of another conversation is announced %q", out.said)
	}
}

func TestDoNotDisturb(t *testing.T) {
	var played []outside.Sound
	s, out := newCrier(t, notifyNew, inClear())
	s.shell.around.Play = func(p outside.Sound) { played = append(played, p) }
	arrives := func() { s.arrives(inClear(), session.InClear, "hello") }
	arrives()
	if len(out.said) != 1 || len(played) != 0 {
		t.Errorf("at first %q, and sounds %q, which are off", out.said, played)
	}
	s.shell.choices.choose(func(p *store.Preferences) { p.Sounds, p.DoNotDisturb = true, true })
	later := noon
	s.shell.now = func() time.Time { later = later.Add(time.Minute); return later }
	arrives()
	busy := onlineAccount()
	busy.Account.Presence = session.PresenceBusy
	s.tell(busy)
	s.shell.choices.choose(func(p *store.Preferences) { p.DoNotDisturb = false })
	arrives()
	if len(out.said) != 1 || len(played) != 0 {
		t.Errorf("disturbed by %q and %q", out.said, played)
	}
	s.tell(onlineAccount())
	arrives()
	if len(out.said) != 2 || len(played) != 1 {
		t.Errorf("afterwards %q and %q", out.said, played)
	}
}

func TestWithdrawnWhenRead(t *testing.T) {
	s, out := newCrier(t, notifyNew, inClear())
	s.arrives(inClear(), session.InClear, "hello")
	s.tell(session.ContactChanged{Contact: inClear()}, session.ContactChanged{Contact: inClear()})
	if got := strings.Join(out.said, "|"); got != "Sotto: New message|withdrawn bob@example.org" {
		t.Errorf("%q", got)
	}
}

// Whoever floods is announced now and then; somebody else is announced meanwhile.
func TestFloodIsNotAnnounced(t *testing.T) {
	s, out := newCrier(t, notifyNew, inClear())
	now := noon
	s.shell.now = func() time.Time { return now }
	for range 100 {
		s.arrives(inClear(), session.InClear, "flood")
		now = now.Add(100 * time.Millisecond)
	}
	if n := len(out.said); n < 2 || n > 5 {
		t.Errorf("%d announcements in ten seconds", n)
	}
	before := len(out.said)
	for i := range 50 {
		c := inClear()
		c.Ref = contactRef(fmt.Sprint("x", i))
		s.tell(session.ContactChanged{Contact: c})
		s.arrives(c, session.InClear, "flood")
	}
	if n := len(out.said) - before; n == 0 || n > mostAtATime {
		t.Errorf("%d announcements at once", n)
	}
}

func TestAClickOpensTheConversation(t *testing.T) {
	s, _ := newCrier(t, notifyNew, inClear())
	s.shell.own.openSettings()
	s.shell.clicked(alice + "\x00bob@example.org")
	if d := s.shell.own; d.main.shown != contactRef("bob") || d.shown != d.main.content {
		t.Errorf("shown %v", d.main.shown)
	}
	s.shell.clicked(alice + "\x00gone@example.org")
	s.shell.clicked("nonsense")
	if s.shell.own.main.shown != contactRef("bob") {
		t.Error("a click on what is gone opens something")
	}
}

// Where the system may run what it is to show, it gets one fixed sentence, whatever was chosen and whoever has written what.
func TestFixedSentenceWithoutAnnouncer(t *testing.T) {
	for _, level := range []string{notifyNew, notifyWho, notifyText} {
		s, _ := newCrier(t, level, inClear())
		s.shell.announcer = nil
		test.AssertNotificationSent(t, fyne.NewNotification("Sotto", "New message"), func() {
			s.arrives(inClear(), session.InClear, "$(calc)")
		})
	}
}

func TestPracticeAnnouncesNothing(t *testing.T) {
	s, out := newCrier(t, notifyText, inClear())
	d := newDesk(s.shell, newScripted())
	d.practising = true
	d.apply([]session.Event{session.ContactChanged{Contact: inClear()}, session.Contacted{Ref: contactRef("bob")}})
	if len(out.said) != 0 {
		t.Errorf("announced %q", out.said)
	}
}
