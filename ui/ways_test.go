package ui

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/session"
)

// TestEmptyListOffersTheFirstContact: where nobody is, the one thing to do is a button.
func TestEmptyListOffersTheFirstContact(t *testing.T) {
	s := newStage(t)
	s.tell(onlineAccount())
	pane := s.shell.own.main.contacts
	if !pane.invite.Visible() {
		t.Error("nothing is offered where there is no contact")
	}
	pane.invite.OnTapped()
	s.wantSeen("They will be asked whether they want to be your contact.")
	s.tell(session.ContactChanged{Contact: bob()})
	if pane.invite.Visible() {
		t.Error("the first contact is still offered beside one")
	}
	pane.search.SetText("nobody")
	if pane.invite.Visible() {
		t.Error("a search that finds nobody offers to add a contact")
	}
}

// TestRequestsAreCounted: somebody who asks to be a contact is as visible as a message.
func TestRequestsAreCounted(t *testing.T) {
	s := newStage(t)
	c := bob()
	c.Wants = true
	s.tell(onlineAccount(), session.ContactChanged{Contact: c})
	if got := badgeCount(s.shell.own.main.contacts.list.list.Row(0)); got != 1 {
		t.Errorf("the request counts %d", got)
	}
}

// TestArrowsWalkThroughTheLock: what the lock opens is a menu also for the keyboard.
func TestArrowsWalkThroughTheLock(t *testing.T) {
	s := newTalk(t, bob())
	s.talk().openLock()
	canvas := s.shell.window.Canvas()
	first := canvas.Focused()
	key := func(name fyne.KeyName) { canvas.Focused().TypedKey(&fyne.KeyEvent{Name: name}) }
	key(fyne.KeyDown)
	if canvas.Focused() == first {
		t.Fatal("the arrow did not move")
	}
	key(fyne.KeyUp)
	key(fyne.KeyUp)
	last := canvas.Focused().(*button)
	if last.Text != "How messages are protected…" {
		t.Errorf("above the first stands %q", last.Text)
	}
	key(fyne.KeyDown)
	if canvas.Focused() != first {
		t.Error("below the last is not the first")
	}
}

// TestSignInRemembersTheAddress: whoever looks somewhere else first does not type it twice.
func TestSignInRemembersTheAddress(t *testing.T) {
	s := newStage(t)
	s.press("Sign in")
	test.Type(s.shell.own.signIn.address, alice)
	test.Type(s.shell.own.signIn.password, "secret")
	s.press("Back")
	s.press("Sign in")
	if page := s.shell.own.signIn; page.address.Text != alice || page.password.Text != "" {
		t.Errorf("the page begins with %q and a password of %d characters", page.address.Text, len(page.password.Text))
	}
}
