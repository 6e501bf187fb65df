package ui

import (
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session"
)

// Whoever changes a sentence sees at once whether it still checks: what the session says is what is shown.
func TestDeniability(t *testing.T) {
	s := newTalk(t, bob())
	s.engine.exhibits = []session.Exhibit{
		{Number: 3, Text: "the first", Published: true, Ours: true},
		{Number: 4, Text: "I owe you\n10 euro \u202e", Published: true},
		{Number: 5, Text: "not published yet"},
	}
	s.shell.own.deniable(bob().Ref)
	w := s.shell.own.windows["deniable\x00"+alice+"\x00bob@example.org"]
	if w == nil {
		t.Fatal("there is no window")
	}
	seen := func() string { return (&stage{t: t, shell: &shell{window: w}}).seen() }
	s.wantAsked(`Forge bob@example.org 4 "I owe you 10 euro □"`)
	for _, words := range []string{"The seal is right.", "00112233445566778899aabbccddeeff00112233", "Bob Miller can still tell others"} {
		if !strings.Contains(seen(), words) {
			t.Errorf("%q is not on the screen:\n%s", words, seen())
		}
	}
	typed := w.Canvas().Focused().(*field)
	typed.SetText("I owe you 99 euro")
	s.wantAsked(`Forge bob@example.org 4 "I owe you 99 euro"`)
	s.engine.refuse = session.ErrCannotForge
	typed.SetText("I owe you 99 euro and more")
	if strings.Contains(seen(), "The seal is right.") || !strings.Contains(seen(), "This cannot be tried") {
		t.Errorf("an error is shown as\n%s", seen())
	}
	w.Close()
}

func TestDeniabilityWithoutAnything(t *testing.T) {
	for _, tt := range []struct {
		exhibits []session.Exhibit
		want     string
	}{
		{nil, "no private message was written"},
		{[]session.Exhibit{{Number: 1, Text: "hello"}}, "No key of this chat has been published yet"},
	} {
		s := newTalk(t, bob())
		s.engine.exhibits = tt.exhibits
		s.shell.own.deniable(bob().Ref)
		for _, w := range s.shell.own.windows {
			if got := (&stage{t: t, shell: &shell{window: w}}).seen(); !strings.Contains(got, tt.want) {
				t.Errorf("%q is not on the screen:\n%s", tt.want, got)
			}
			w.Close()
		}
		s.wantNotAsked("Forge")
	}
}
