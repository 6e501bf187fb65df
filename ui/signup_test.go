package ui

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/assets"
	"github.com/sotto-im/sotto/session"
)

// asks is what a server asks that wants a picture read.
func asks(refusal session.Refusal) session.SignUp {
	var picture bytes.Buffer
	png.Encode(&picture, image.NewGray(image.Rect(0, 0, 120, 40)))
	return session.SignUp{Number: 1, Domain: "example.org", Stage: session.SignUpAsks, Refusal: refusal, Form: &session.Form{
		Instructions: "Welcome. Read the rules.",
		Fields: []session.Field{
			{Name: "username", Kind: session.FieldLine, Required: true},
			{Name: "password", Kind: session.FieldSecret, Required: true},
			{Name: "email", Kind: session.FieldLine},
			{Name: "rules", Label: "I agree", Kind: session.FieldCheck, Required: true},
			{Name: "how", Label: "How did you find us?", Kind: session.FieldChoice, Options: []session.Option{{Label: "A friend", Value: "f"}, {Value: "w"}}},
			{Name: "ocr", Label: "Type what you see", Kind: session.FieldLine, Required: true, Picture: picture.Bytes()},
		},
	}}
}

// answer finds an entry of the form.
func (s *stage) answer(name string) *field {
	s.t.Helper()
	for _, a := range s.shell.own.signUp.form.answers {
		if a.field.Name == name {
			return a.entry
		}
	}
	s.t.Fatalf("nothing asks for %q", name)
	return nil
}

func TestSignUp(t *testing.T) {
	s := newStage(t)
	s.press("Create an account")
	page := s.shell.own.signUp
	if !page.next.Disabled() {
		t.Error("one can go on without a server")
	}
	test.Type(page.other, "example.org")
	s.press("Next")
	s.wantAsked("SignUp example.org")
	s.tell(session.SignUpChanged{SignUp: session.SignUp{Number: 1, Domain: "example.org"}})
	s.wantSeen("Asking example.org…")
	s.tell(session.SignUpChanged{SignUp: asks(session.NoRefusal)})
	s.wantSeen("Your account on example.org")
	s.wantSeen("example.org says")
	s.wantSeen("Email address (not needed)")
	s.answer("username").SetText(" juliet ")
	s.answer("password").SetText(" secret ")
	s.answer("ocr").SetText("x7")
	s.press("Create account")
	s.wantAsked("SubmitSignUp 1 map[email:[] how:[] ocr:[x7] password:[ secret ] rules:[0] username:[juliet]]")

	s.tell(session.SignUpChanged{SignUp: asks(session.RefusalNameTaken)})
	s.wantSeen("Somebody else has this name on example.org.")
	if s.answer("username").Text != "juliet" || s.answer("password").Text != " secret " {
		t.Error("what was typed has to be typed again")
	}
	if s.shell.window.Canvas().Focused() != s.answer("username") {
		t.Error("the cursor is not in the name that has to be another one")
	}
	if s.answer("ocr").Text != "" {
		t.Error("the answer to the last picture stands under the next")
	}
	s.tell(session.SignUpChanged{SignUp: asks(session.RefusalChallenge)})
	if s.shell.window.Canvas().Focused() != s.answer("ocr") {
		t.Error("the cursor is not under the new picture")
	}
	s.tell(session.SignUpChanged{SignUp: session.SignUp{Number: 1, Domain: "example.org", Stage: session.SignUpDone, Account: "juliet@example.org"}})
	if s.shell.own.signUp != nil {
		t.Error("the page is still there")
	}
}

func TestSignUpEnds(t *testing.T) {
	for refusal := session.RefusalNotOffered; refusal <= session.RefusalOther; refusal++ {
		s := newStage(t)
		s.press("Create an account")
		test.Type(s.shell.own.signUp.other, "example.org")
		s.press("Next")
		s.tell(session.SignUpChanged{SignUp: asks(session.NoRefusal)})
		s.answer("password").SetText("secret")
		password := s.answer("password")
		up := session.SignUp{Number: 1, Domain: "example.org", Stage: session.SignUpFailed, Refusal: refusal, Text: "not\ntoday", Web: "https://example.org/"}
		s.tell(session.SignUpChanged{SignUp: up})
		s.wantSeen(refusalWords(up))
		if refusal != session.RefusalNameTaken { // where there is nothing to add
			s.wantSeen("example.org says: “not today”")
		}
		s.wantSeen("Open in the browser")
		if password.Text != "" {
			t.Errorf("refusal %d: the password stays in an entry nobody sees", refusal)
		}
		if s.shell.own.signUp.next.Disabled() {
			t.Errorf("refusal %d: one cannot try again", refusal)
		}
		s.press("Back")
		if s.shell.own.signUp != nil {
			t.Errorf("refusal %d: there is no way back", refusal)
		}
	}
}

// TestSignUpGivenUp: nothing of an attempt that was given up appears later.
func TestSignUpGivenUp(t *testing.T) {
	s := newStage(t)
	s.press("Create an account")
	test.Type(s.shell.own.signUp.other, "example.org")
	s.press("Next")
	s.press("Back")
	s.wantAsked("CancelSignUp 1")
	s.tell(session.SignUpChanged{SignUp: asks(session.NoRefusal)})
	s.wantSeen("Create an account")
}

func TestSignUpWordsForEveryProblem(t *testing.T) {
	for p := session.ProblemUnreachable; p <= session.ProblemBrokenStream; p++ {
		if signUpWords(session.SignUp{Domain: "example.org", Problem: p}) == "" {
			t.Errorf("problem %d is not said", p)
		}
	}
}

// TestSignUpSuggests: every server of the list can be reached, and each is what goes to the session when it is chosen.
func TestSignUpSuggests(t *testing.T) {
	s := newStage(t)
	s.press("Create an account")
	page := s.shell.own.signUp
	seen := map[string]bool{}
	for range page.servers {
		for i, o := range page.options.all {
			page.options.choose(i)
			if page.domain() != o.label || page.next.Disabled() {
				t.Errorf("%q is chosen as %q", o.label, page.domain())
			}
			seen[o.label] = true
		}
		s.press("Show others")
		if page.domain() != "" {
			t.Error("what was chosen is not shown any more, and still chosen")
		}
	}
	if len(seen) != len(page.servers) {
		t.Errorf("%d of %d servers are shown", len(seen), len(page.servers))
	}
}

// TestSignUpInTheBrowser: nothing is asked of a server that makes accounts elsewhere.
func TestSignUpInTheBrowser(t *testing.T) {
	s := newStage(t)
	s.press("Create an account")
	page := s.shell.own.signUp
	page.servers = []assets.Server{{Domain: "example.net", Web: "https://example.net/join"}}
	page.suggest(0)
	page.options.choose(0)
	s.press("Next")
	s.wantSeen("example.net makes accounts in the browser.")
	s.wantSeen("https://example.net/join")
	if s.engine.last() != "" {
		t.Errorf("asked for %q", s.engine.last())
	}
}
