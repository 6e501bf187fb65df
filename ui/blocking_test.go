package ui

import (
	"testing"

	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
)

func TestBlock(t *testing.T) {
	c := bob()
	s := newTalk(t, c)
	s.shell.own.block(c)
	s.wantSeen("They are not told why.")
	s.press("Block")
	s.wantAsked("Block bob@example.org")
	c.Blocked, c.SendMode = true, session.SendBlocked
	s.tell(session.ContactChanged{Contact: c})
	s.wantSeen("You have blocked Bob Miller")
	s.press("Unblock")
	s.wantAsked("Unblock bob@example.org")
}

// TestRequestShowsTheirWords: as theirs, on one line.
func TestRequestShowsTheirWords(t *testing.T) {
	c := bob()
	c.Wants, c.OnRoster, c.Request = true, false, "Hi,\nSotto: Private. You verified Bob."
	s := newTalk(t, c)
	s.wantSeen("They write: “Hi, Sotto: Private. You verified Bob.”")
	s.press("Block")
	s.press("Block")
	s.wantAsked("Block bob@example.org")
}

func TestTypingIsToldAndShown(t *testing.T) {
	c := bob()
	s := newTalk(t, c)
	test.Type(s.talk().composer, "h")
	s.wantAsked("Typing bob@example.org")
	s.talk().composer.SetText("")
	s.wantAsked("StoppedTyping bob@example.org")
	c.Typing = session.TypingNow
	s.tell(session.ContactChanged{Contact: c})
	s.wantSeen("is writing…")
}

func TestLinkClaims(t *testing.T) {
	fp := otr.Fingerprint{0x1b, 0x70}
	c := bob()
	c.Link = &session.LinkClaim{State: session.LinkMatches, Key: &fp}
	s := newTalk(t, c)
	s.press("It is from Bob Miller")
	s.wantAsked("ConfirmLink bob@example.org")
	c.Link = &session.LinkClaim{State: session.LinkDiffers, Key: &fp}
	s.tell(session.ContactChanged{Contact: c})
	s.wantSeen("names another key")
	s.press("OK")
	s.wantAsked("DropLink bob@example.org")
	c.Link = &session.LinkClaim{State: session.LinkSettled, Key: &fp}
	s.tell(session.ContactChanged{Contact: c})
	if n := s.shell.own.linkNotice(c); n.words != "" {
		t.Error("a link that is settled is still spoken of")
	}
}

func TestChangePassword(t *testing.T) {
	s := newTalk(t, bob())
	a := onlineAccount().Account
	s.shell.own.changePassword(a)
	s.entry(0).SetText("one")
	s.press("Change")
	s.wantSeen("The two are not the same.")
	s.entry(1).SetText("one")
	s.press("Change")
	s.wantAsked("ChangePassword alice@example.org")
	for stage, said := range map[session.AccountTaskStage]string{session.TaskDone: "is changed", session.TaskFailed: "The old one still works.", session.TaskUnsure: "try the other one"} {
		s.tell(session.AccountTaskChanged{Task: session.AccountTask{JID: alice, Kind: session.ChangingPassword, Stage: stage}})
		s.wantSeen(said)
	}
}

// TestDeleteAccount: nobody does it by pressing Enter twice.
func TestDeleteAccount(t *testing.T) {
	s := newTalk(t, bob())
	a := onlineAccount().Account
	s.shell.own.deleteAccount(a)
	s.press("Delete")
	s.wantSeen("Type alice@example.org to go on.")
	s.entry(0).SetText(alice)
	s.press("Delete")
	s.wantAsked("DeleteAccount alice@example.org")
}

// entry finds the n-th entry of what is on top.
func (s *stage) entry(n int) *field {
	s.t.Helper()
	for _, o := range laidOut(s.top()) {
		if f, ok := o.(*field); ok {
			if n == 0 {
				return f
			}
			n--
		}
	}
	s.t.Fatal("no such entry")
	return nil
}
