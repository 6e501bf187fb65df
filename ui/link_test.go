package ui

import (
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session"
)

func TestLinkToAContact(t *testing.T) {
	s := newStage(t)
	s.tell(onlineAccount(), session.ContactChanged{Contact: bob()})
	s.shell.follow("xmpp:bob@example.org?message;body=hello%20there")
	if s.talk().ref != contactRef("bob") || s.talk().composer.Text != "hello there" {
		t.Errorf("open is %v with %q", s.talk().ref, s.talk().composer.Text)
	}
	s.wantAsked("FollowLink alice@example.org xmpp:bob@example.org?message;body=hello%20there")
	for _, asked := range s.engine.asked {
		if strings.HasPrefix(asked, "Send ") {
			t.Error("a link has sent something")
		}
	}
	s.talk().composer.SetText("my own words")
	s.shell.follow("xmpp:bob@example.org?message;body=others")
	if s.talk().composer.Text != "my own words" {
		t.Error("a link has replaced what was being written")
	}
}

// TestLinkToAStranger: nobody is added before the person has said so.
func TestLinkToAStranger(t *testing.T) {
	s := newStage(t)
	s.tell(onlineAccount())
	s.shell.follow("xmpp:carol@example.org?roster;name=Carol;otr-fingerprint=1b7046e3f3ea5bd19a1b2e267a4f00fff1d0f2b8")
	if len(s.engine.asked) != 0 {
		t.Fatalf("asked for %q", s.engine.asked)
	}
	s.press("Add")
	s.wantAsked("AddContact alice@example.org carol@example.org Carol")
	if !strings.HasPrefix(s.engine.asked[1], "FollowLink alice@example.org xmpp:carol@example.org?roster") {
		t.Errorf("asked for %q", s.engine.asked)
	}
}

func TestLinkToRegister(t *testing.T) {
	s := newStage(t)
	s.tell(onlineAccount())
	s.shell.follow("xmpp:example.net?register;preauth=abc")
	if s.shell.own.signUp == nil || s.shell.own.signUp.domain() != "example.net" {
		t.Fatal("the page does not ask that server")
	}
	s.press("Next")
	s.wantAsked("SignUp example.net")
}

func TestLinkThatIsNone(t *testing.T) {
	s := newStage(t)
	s.tell(onlineAccount())
	s.shell.follow("https://example.org/" + strings.Repeat("x", 10_000))
	s.wantSeen("Sotto does not understand this link")
	s.press("OK")
}

// TestLinkAtTheStart waits until it is known which accounts there are.
func TestLinkAtTheStart(t *testing.T) {
	s := newStage(t)
	s.shell.own.expected = true
	s.shell.linked = "xmpp:bob@example.org"
	s.tell(session.StoreProblem{})
	s.shell.own.expected = false
	s.tell(session.StoreProblem{}) // there is none yet
	if s.shell.linked == "" {
		t.Fatal("the link was followed without an account")
	}
	s.tell(onlineAccount())
	s.wantSeen("They will be asked whether they want to be your contact.")
}
