package ui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/chat"
)

// rowOf is the row of an entry, as the conversation shows it.
func (s *stage) rowOf(e session.Entry) chat.Row {
	s.t.Helper()
	i := s.talk().rows.Find(uint64(e.ID))
	if i < 0 {
		s.t.Fatal("there is no such row")
	}
	return s.talk().rows.Row(i)
}

// What a message was protected with, and by which key, is told for ever: not what holds for the key or the contact now.
func TestMessageDetails(t *testing.T) {
	key := bobsKey
	c := bob()
	c.Key, c.Lock, c.Verified = &key, session.Private, session.ByQuestion
	c.Keys = []session.Key{{Fingerprint: key, FirstSeen: noon, Verified: session.ByQuestion, VerifiedAt: noon.Add(time.Hour)}}
	s := newTalk(t, c)
	secret, verified, clear, forged := s.engine.entry(session.Outgoing, "one"), s.engine.entry(session.Incoming, "two"), s.engine.entry(session.Outgoing, "three"),
		s.engine.entry(session.Incoming, "four")
	secret.Key, verified.Key = &key, &key
	verified.Guard, clear.Guard, forged.Guard = session.EncryptedVerified, session.InClear, session.InClearUnexpected
	entries := []session.Entry{secret, verified, clear, forged}
	said := []string{"Sent privately. Nobody had checked that it was really Bob Miller.", "Received privately. You had verified Bob Miller.",
		"Sent without encryption: servers on the way could read it.", "Received without encryption: servers on the way could read it, and anybody there could have written it."}
	for _, e := range entries {
		s.tell(session.EntryChanged{Entry: e})
	}
	look := func(now string) {
		t.Helper()
		for i, e := range entries {
			row := s.rowOf(e)
			if e.Key != nil && row.Key != "key 1B7046E3" || e.Key == nil && row.Key != "" {
				t.Errorf("%s: the row says %q", e.Text, row.Key)
			}
			s.talk().openRowMenu(row, fyne.NewPos(40, 40))
			s.fromMenu("How it was protected…")
			s.wantSeen(said[i])
			if known := strings.Contains(s.seen(), now); known != (e.Key != nil) {
				t.Errorf("%s: %v in\n%s", e.Text, known, s.seen())
			}
			s.press("Close")
		}
	}
	look("Today: Verified by a question on 22 November 2026. First seen on 22 November 2026.")
	c.Key, c.Lock, c.Verified, c.Keys = nil, session.NotPrivate, session.NotVerified, nil // the key is forgotten, and the conversation over
	s.tell(session.ContactChanged{Contact: c})
	look("Sotto does not know this key any more.")
}

func TestDetailsOfWhatWaits(t *testing.T) {
	for status, want := range map[session.Status]string{session.StatusWaiting: "It has not left this computer. It will be sent privately.", session.StatusDiscarded: "It was never sent."} {
		e := session.Entry{Kind: session.Outgoing, Guard: session.EncryptedUnverified, Status: status}
		if got := protectedWords(e, "Bob"); got != want {
			t.Errorf("%v: %q", status, got)
		}
	}
}

// fromMenu chooses an item of the menu that is open.
func (s *stage) fromMenu(label string) {
	s.t.Helper()
	look, _ := s.tree.Look()
	for number, e := range look.By {
		if e.Name == label && e.Usable() {
			s.tree.Do(number, 0)
			return
		}
	}
	s.t.Fatalf("there is no %q in the menu", label)
}
