package ui

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/look"
)

// edges are where something begins and ends in the window, from above.
func edges(o fyne.CanvasObject) (top, bottom float32) {
	top = fyne.CurrentApp().Driver().AbsolutePositionForObject(o).Y
	return top, top + o.Size().Height
}

// TestErrorsAreSeen promises that what went wrong, and where it can be mended, is in sight in a small window.
func TestErrorsAreSeen(t *testing.T) {
	s := newStage(t)
	s.shell.window.Resize(fyne.NewSize(leastWidth, 481))
	s.shell.window.Resize(fyne.NewSize(leastWidth, 480))
	s.press("Create an account")
	test.Type(s.shell.own.signUp.other, "example.org")
	s.press("Next")
	s.tell(session.SignUpChanged{SignUp: asks(session.NoRefusal)})
	s.tell(session.SignUpChanged{SignUp: asks(session.RefusalChallenge)})
	form := s.shell.own.signUp.form
	if top, bottom := edges(form.trouble); !form.trouble.Visible() || top < 0 || bottom > 480 {
		t.Errorf("the trouble stands from %v to %v", top, bottom)
	}
	above, _ := edges(form.trouble)
	if top, bottom := edges(s.answer("ocr")); s.shell.window.Canvas().Focused() != s.answer("ocr") || top < 0 || bottom > above {
		t.Errorf("what has to be mended stands from %v to %v, the trouble begins at %v", top, bottom, above)
	}
}

// TestBandsTouchWhatTheyAreAbout promises that no strip of the ground shines through between a band and what stands under it.
func TestBandsTouchWhatTheyAreAbout(t *testing.T) {
	c := bob()
	c.Lock, c.SendMode = session.FinishedLock, session.SendBlocked
	s := newTalk(t, c)
	a := onlineAccount()
	a.Account.State, a.Account.Problem = session.Waiting, session.ProblemUnreachable
	s.tell(a)
	main := s.shell.own.main
	_, above := edges(main.problem)
	if top, _ := edges(main.box); !main.problem.Visible() || top != above {
		t.Errorf("the band ends at %v, the page begins at %v", above, top)
	}
	_, above = edges(s.talk().blocked)
	_, end := edges(s.talk().view)
	if top, _ := edges(s.talk().blocked); !s.talk().blocked.Visible() || top != end || above <= top {
		t.Errorf("the conversation ends at %v, the band begins at %v", end, top)
	}
}

// TestRoomToType promises that one can read what one types in a narrow window: what is looked for, and a message of more than a line.
func TestRoomToType(t *testing.T) {
	s := newTalk(t, bob())
	s.narrow(leastWidth)
	talk := s.talk()
	talk.search.open()
	if got := talk.search.entry.Size().Width; got < 0.6*leastWidth {
		t.Errorf("the search is %v wide", got)
	}
	talk.search.leave()
	one := talk.composer.Size().Width
	test.Type(talk.composer, strings.Repeat("see you at six ", 4))
	if got := talk.composer.Size().Width; got <= one || got < 0.7*leastWidth {
		t.Errorf("a long message is written in %v, a short one in %v", got, one)
	}
	talk.composer.SetText("")
	if got := talk.composer.Size().Width; got != one {
		t.Errorf("afterwards the composer is %v wide, it was %v", got, one)
	}
}

// TestUnreadIsSaidOnce promises that a folded group does not repeat the number that the contact under it shows.
func TestUnreadIsSaidOnce(t *testing.T) {
	c := bob()
	c.Unread, c.Groups = 3, []string{"Work"}
	s := newStage(t)
	s.tell(onlineAccount(), session.ContactChanged{Contact: c})
	s.shell.own.main.contacts.list.fold("Work")
	badges := 0
	for _, o := range laidOut(s.shell.own.main.contacts.content) {
		if b, ok := o.(*look.Badge); ok && b.MinSize().Width > 0 {
			badges++
		}
	}
	if badges != 1 {
		t.Errorf("the number is shown %d times", badges)
	}
}

// TestWhatOneTypedIsSeen promises that the name of a server is in sight while what is wrong with it is said.
func TestWhatOneTypedIsSeen(t *testing.T) {
	s := newStage(t)
	s.press("Create an account")
	page := s.shell.own.signUp
	test.Type(page.other, "example.org")
	s.press("Next")
	s.shell.window.Canvas().Focus(page.other)
	s.tell(session.SignUpChanged{SignUp: session.SignUp{Number: 1, Domain: "example.org", Stage: session.SignUpFailed,
		Refusal: session.RefusalNotOffered, Web: "https://example.org/register"}})
	for range 2 {
		s.shell.window.Content().Refresh()
		above, _ := edges(page.trouble)
		if top, bottom := edges(page.other); top < 0 || bottom > above {
			t.Errorf("what was typed stands from %v to %v, the trouble begins at %v", top, bottom, above)
		}
	}
}

// TestMainWindowIsTurnedRound promises that in a language that is written from the right one begins at the right: with the contacts, with
// the way back and the name, with what is written, and what one sends stands at the left.
func TestMainWindowIsTurnedRound(t *testing.T) {
	defer speak(t, "en")
	for tag, right := range map[string]bool{"en": false, "ar": true} {
		speak(t, tag)
		s := newTalk(t, bob())
		main, talk := s.shell.own.main, s.talk()
		x := func(o fyne.CanvasObject) float32 { return fyne.CurrentApp().Driver().AbsolutePositionForObject(o).X }
		for name, pair := range map[string][2]fyne.CanvasObject{
			"contacts, conversation": {main.contacts.content, main.talk.content},
			"name, lock":             {talk.name, talk.lock},
			"lock, more":             {talk.lock, talk.more},
			"composer, smile":        {talk.composer, talk.smile},
			"smile, send":            {talk.smile, talk.send},
		} {
			if (x(pair[0]) > x(pair[1])) != right {
				t.Errorf("%s: %s stand at %v and %v", tag, name, x(pair[0]), x(pair[1]))
			}
		}
	}
}
