package ui

import (
	"slices"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session"
)

func TestNewMessagesAreSpoken(t *testing.T) {
	s := newTalk(t, bob())
	var spoken []string
	s.shell.say = func(sentence string) { spoken = append(spoken, sentence) }
	comes := func(text string) {
		spoken = nil
		loud := session.Contacted{Ref: contactRef("bob")}
		s.tell(session.EntryChanged{Entry: s.engine.entry(session.Incoming, text)}, loud, loud)
	}
	want := func(sentence string) {
		t.Helper()
		if !slices.Equal(spoken, []string{sentence}) {
			t.Errorf("spoken was %q, not %q", spoken, sentence)
		}
	}
	comes("see you at six")
	want("Bob Miller: see you at six")
	comes(strings.Repeat("é", 10000))
	want("Bob Miller: " + strings.Repeat("é", mostSpoken))
	spoken = nil
	loud := session.Contacted{Ref: contactRef("bob")}
	s.tell(session.EntryChanged{Entry: s.engine.entry(session.Incoming, "and bring")}, loud,
		session.EntryChanged{Entry: s.engine.entry(session.Incoming, "the book")}, loud)
	if want := []string{"Bob Miller: and bring", "Bob Miller: the book"}; !slices.Equal(spoken, want) {
		t.Errorf("of two messages that came at once was spoken %q", spoken)
	}
	flood := []session.Event{loud}
	for range 100 {
		flood = append(flood, session.EntryChanged{Entry: s.engine.entry(session.Incoming, "again")})
	}
	spoken = nil
	s.tell(flood...)
	if len(spoken) != mostAtOnce {
		t.Errorf("%d messages of a flood were spoken", len(spoken))
	}
	spoken = nil
	asked := s.engine.entry(session.NoticeEntry, "")
	asked.Notice, asked.Question = session.NoticeSMPAsked, "Where did we meet?"
	s.tell(session.EntryChanged{Entry: asked}, session.Contacted{Ref: contactRef("bob")})
	want("Bob Miller wants to know that it is really you, and asks: “Where did we meet?”")
	s.shell.look(false)
	comes("the secret")
	want("New message from Bob Miller")
}
