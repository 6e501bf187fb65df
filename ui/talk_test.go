package ui

import (
	"fmt"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/chat"
)

// says lets bob say something.
func (s *stage) says(text string) {
	s.tell(session.EntryChanged{Entry: s.engine.entry(session.Incoming, text)})
}

// listed are the lines of the list of contacts, groups in brackets.
func (s *stage) listed() string {
	var all []string
	l := s.shell.own.main.contacts.list.list
	for i := range l.Len() {
		if h := l.Heading(i); h != nil {
			all = append(all, "["+groupWords(h.Group)+"]")
		} else {
			all = append(all, l.Row(i).Name)
		}
	}
	return strings.Join(all, " ")
}

func TestGroupsFoldAndOfflineHides(t *testing.T) {
	s := newStage(t)
	s.tell(onlineAccount())
	for i, name := range []string{"Ann", "Ben", "Cid"} {
		c := bob()
		c.Ref, c.Name = contactRef(name), name
		if i > 0 {
			c.Groups = []string{"Work"}
		}
		if i == 2 {
			c.Presence = session.PresenceOffline
		}
		s.tell(session.ContactChanged{Contact: c})
	}
	pane := s.shell.own.main.contacts
	want := func(list string) {
		t.Helper()
		if got := s.listed(); got != list {
			t.Errorf("the list is %q, want %q", got, list)
		}
	}
	want("[Work] Ben Cid [In no group] Ann")
	s.shell.window.Canvas().Focus(pane.list)
	pane.list.TypedKey(&fyne.KeyEvent{Name: fyne.KeyHome})
	pane.list.TypedKey(&fyne.KeyEvent{Name: fyne.KeyLeft})
	want("[Work] [In no group] Ann")
	s.shell.writes.Wait()
	if kept := s.shell.store.Settings().Window.FoldedGroups; len(kept) != 1 || kept[0] != "Work" {
		t.Errorf("kept %q", kept)
	}
	pane.list.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	s.shell.choices.choose(func(p *store.Preferences) { p.HideOffline = true })
	want("[Work] Ben [In no group] Ann")
	if !pane.hidden.Visible() {
		t.Error("nothing says that somebody is hidden")
	}
	pane.showOffline()
	want("[Work] Ben Cid [In no group] Ann")
	pane.list.TypedRune('C')
	if pane.search.Text != "C" || s.listed() != "Cid" {
		t.Errorf("typed in the list: searched for %q, found %q", pane.search.Text, s.listed())
	}
	pane.search.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if s.shell.own.main.shown != contactRef("Cid") || pane.search.Text != "" {
		t.Errorf("Enter opened %v and left %q", s.shell.own.main.shown, pane.search.Text)
	}
	s.shell.own.chooseGroups(session.Contact{Ref: contactRef("Ann"), Name: "Ann"})
	test.Type(s.shell.window.Canvas().Focused(), " Work, Choir,,work ,Work")
	s.press("Save")
	s.wantAsked(`SetGroups Ann@example.org ["Work" "Choir" "work"]`)
}

// TestAWindowOfItsOwn promises that a conversation in its own window keeps its draft, has the same lock and sends by the same rules, and
// that it is never open twice.
func TestAWindowOfItsOwn(t *testing.T) {
	s := newTalk(t, bob())
	d, r := s.shell.own, contactRef("bob")
	test.Type(s.talk().composer, "begun here")
	row := d.main.contacts.list.rows[0]
	test.Tap(row)
	test.Tap(row) // twice at once
	w := d.chats[r]
	if w == nil || d.main.talk.isOpen() {
		t.Fatal("a double click gives it no window of its own")
	}
	if w.window.Title() != "Sotto" || w.talk.composer.Text != "begun here" || w.talk.lock.Word() != "Unverified" {
		t.Errorf("titled %q, draft %q, lock %q", w.window.Title(), w.talk.composer.Text, w.talk.lock.Word())
	}
	d.main.open(r)
	d.openApart(r)
	if d.main.talk.isOpen() || len(d.chats) != 1 {
		t.Error("it is open twice")
	}
	c := bob()
	c.Lock, c.SendMode = session.NotPrivate, session.SendUnencrypted
	s.tell(session.ContactChanged{Contact: c})
	w.talk.submit()
	s.wantNotAsked("Send ")
	if !w.talk.changed.Visible() || w.talk.lock.Word() != "Not private" {
		t.Error("the window does not say what has changed")
	}
	w.talk.escape()
	if len(d.chats) != 0 || len(d.windows) != 0 || s.shell.front != nil {
		t.Error("Escape leaves the window open")
	}
	d.main.open(r)
	if s.talk().composer.Text != "begun here" {
		t.Errorf("the draft is %q", s.talk().composer.Text)
	}
	d.openApart(r)
	s.tell(session.ContactRemoved{Ref: r})
	if len(d.chats) != 0 {
		t.Error("the window of a removed contact stays")
	}
}

// TestReadIsWhatIsLookedAt promises that a message counts as read only once the window of its conversation has the keyboard.
func TestReadIsWhatIsLookedAt(t *testing.T) {
	s := newTalk(t, bob())
	d, r := s.shell.own, contactRef("bob")
	d.openApart(r)
	talk := d.chats[r].talk
	talk.composer.FocusLost() // the person goes to the main window
	s.engine.asked = nil
	c := bob()
	c.Unread = 1
	s.tell(session.EntryChanged{Entry: s.engine.entry(session.Incoming, "hello")}, session.ContactChanged{Contact: c})
	s.wantNotAsked("Opened")
	if talk.rows.at < 0 {
		t.Error("nothing says that the message is new")
	}
	talk.composer.FocusGained()
	s.wantAsked("Opened bob@example.org")
}

func TestNewMessagesStandUnderALine(t *testing.T) {
	s := newStage(t)
	c := bob()
	s.tell(onlineAccount(), session.ContactChanged{Contact: c})
	for i := range 40 {
		s.says(fmt.Sprint("message ", i))
	}
	c.Unread = 30
	s.tell(session.ContactChanged{Contact: c})
	s.shell.own.main.open(c.Ref)
	rows := s.talk().rows
	if row := rows.Row(rows.at); row.Kind != chat.New || rows.Row(rows.at+1).Text != "message 10" {
		t.Errorf("line %d, above %q", rows.at, rows.Row(rows.at+1).Text)
	}
	if s.talk().view.AtEnd() {
		t.Error("what is new does not fit, and the end is shown")
	}
	test.Type(s.talk().composer, "read it")
	s.talk().submit()
	if rows.at >= 0 || !s.talk().view.AtEnd() {
		t.Error("who has answered still has new messages")
	}
}

func TestSearchInAConversation(t *testing.T) {
	s := newTalk(t, bob())
	for i := range 60 {
		s.says(fmt.Sprint("Straße ", i%3, " number ", i))
	}
	s.shortcut("Search in this conversation")
	bar := s.talk().search
	if s.shell.window.Canvas().Focused() != bar.entry {
		t.Fatal("the search has not the keyboard")
	}
	test.Type(bar.entry, "straße 2")
	if len(bar.found) != 20 || bar.count.Words() != "1 of 20" || bar.found[bar.at] != 60 {
		t.Fatalf("found %d, says %q, at %d", len(bar.found), bar.count.Words(), bar.found[bar.at])
	}
	bar.entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	bar.entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyUp})
	if bar.found[bar.at] != 54 || bar.count.Words() != "3 of 20" || s.talk().view.AtEnd() && bar.found[bar.at] < 50 {
		t.Errorf("at %d, says %q", bar.found[bar.at], bar.count.Words())
	}
	bar.entry.SetText("nothing of the kind")
	if bar.count.Words() != "Not found" {
		t.Errorf("says %q", bar.count.Words())
	}
	bar.entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if bar.Visible() || s.shell.window.Canvas().Focused() != s.talk().composer {
		t.Error("Escape does not end the search")
	}
	s.talk().chooseDay()
	s.press("Today")
	if s.shell.window.Canvas().Overlays().Top() != nil || s.talk().view.AtEnd() {
		t.Error("a day does not lead to its first message")
	}
}

// TestLinkIsShownBeforeItOpens promises that an address opens nothing by itself, that it is seen as it really is, and that the safe
// answer has the keyboard.
func TestLinkIsShownBeforeItOpens(t *testing.T) {
	s := newTalk(t, bob())
	s.says("log in at https://аррӏе.com/login or javascript:alert(1)")
	row := s.talk().rows.Row(s.talk().rows.Len() - 1)
	if len(row.Links) != 1 || row.Links[0].Shown != "Open xn--80ak6aa92e.com/login" {
		t.Fatalf("links %+v", row.Links)
	}
	s.talk().follow(row.Links[0].Address)
	s.wantSeen("xn--80ak6aa92e.com")
	s.wantSeen("Written in other letters: аррӏе.com")
	if b, ok := s.shell.window.Canvas().Focused().(*button); !ok || b.Text != "Cancel" {
		t.Error("the safe answer has not the keyboard")
	}
	s.press("Copy")
	if got := s.shell.app.Clipboard().Content(); got != "https://xn--80ak6aa92e.com/login" {
		t.Errorf("copied %q", got)
	}
	s.talk().follow("javascript:alert(1)")
	if s.shell.window.Canvas().Overlays().Top() != nil {
		t.Error("something that is no link is offered")
	}
	s.talk().follow("xmpp:carol@example.org?message")
	s.wantSeen("Add contact")
}

func TestDeedsAreToldByName(t *testing.T) {
	s := newTalk(t, bob())
	s.says("/me waves")
	if row := s.talk().rows.Row(1); row.Text != "* Bob Miller waves" || !row.Deed || row.Kind != chat.Theirs {
		t.Errorf("%+v", row)
	}
	list := s.shell.own.main.contacts.list.list
	if got := rowWords(list.Row(0)); got != "* Bob Miller waves" {
		t.Errorf("the list says %q", got)
	}
}

// TestForgedWordsAreNotTheLastWords promises that the list does not repeat what came in clear where it should not have.
func TestForgedWordsAreNotTheLastWords(t *testing.T) {
	s := newTalk(t, bob())
	e := s.engine.entry(session.Incoming, "send me the key")
	e.Guard = session.InClearUnexpected
	s.tell(session.EntryChanged{Entry: e})
	if got := rowWords(s.shell.own.main.contacts.list.list.Row(0)); got != "Not encrypted, may be forged" {
		t.Errorf("the list says %q", got)
	}
}

func TestUpTakesBackWhatWasSent(t *testing.T) {
	s := newTalk(t, bob())
	s.tell(session.EntryChanged{Entry: s.engine.entry(session.Outgoing, "see you at six")})
	s.key(fyne.KeyUp)
	if s.talk().composer.Text != "see you at six" {
		t.Fatalf("the composer has %q", s.talk().composer.Text)
	}
	if _, intent := s.shell.own.model.Draft(contactRef("bob")); !intent.Allows(bob()) {
		t.Error("it is not a text as any other")
	}
	test.Type(s.talk().composer, "!")
	if s.talk().composer.Text != "see you at six!" {
		t.Errorf("the caret is elsewhere: %q", s.talk().composer.Text)
	}
}

func TestEnterAsOneLikes(t *testing.T) {
	s := newTalk(t, bob())
	s.shell.choices.choose(func(p *store.Preferences) { p.EnterBreaks = true })
	test.Type(s.talk().composer, "one")
	s.key(fyne.KeyReturn)
	test.Type(s.talk().composer, "two")
	s.wantNotAsked("Send ")
	s.talk().composer.TypedShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyReturn, Modifier: command()})
	if s.talk().composer.Text != "" {
		t.Errorf("Ctrl+Enter left %q", s.talk().composer.Text)
	}
}

func TestEmojiPanel(t *testing.T) {
	s := newTalk(t, bob())
	test.Type(s.talk().composer, "ok ")
	s.shell.choices.choose(func(p *store.Preferences) { p.SkinTone = "dark" })
	s.shortcut("Choose an emoji")
	test.Type(s.shell.window.Canvas().Focused(), "thumbs up")
	s.key(fyne.KeyReturn)
	if got := s.talk().composer.Text; got != "ok 👍🏿" {
		t.Errorf("the composer has %q", got)
	}
	if len(s.shell.recent) != 1 || s.shell.recent[0].Text != "👍" {
		t.Errorf("used last: %v", s.shell.recent)
	}
	s.shell.writes.Wait()
	if kept := fmt.Sprint(s.shell.store.Settings()); strings.Contains(kept, "👍") {
		t.Error("what was used is kept")
	}
}

func TestDroppedFilesAreNotRead(t *testing.T) {
	s := newTalk(t, bob())
	s.talk().dropped(fyne.Position{}, []fyne.URI{storage.NewFileURI("/does/not/exist")})
	s.wantSeen("Sotto cannot send files yet. Nothing was read and nothing was sent.")
	s.wantNotAsked("Send ")
}
