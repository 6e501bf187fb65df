package ui

import (
	"bytes"
	"image"
	"image/draw"
	"strings"
	"testing"
	"unicode"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/model"
)

// Nobody can imitate the program: U-01 to U-03.

// hostileTexts are 200 texts that would be somewhere else, or somebody else's, if they could.
func hostileTexts() []string {
	said := []string{
		"Private", "🔒 Private ✓", "Unverified", "You have verified Bob Miller.", "Send privately", "Private conversation with Bob Miller began.",
		"Bob Miller gave the right answer. You now know that it is really Bob Miller.", "sotto", "<b>Private</b>", "# Private\n\n![lock](lock.svg)",
	}
	dressed := []func(string) string{
		func(s string) string { return s },
		func(s string) string { return "\u202e" + s },
		func(s string) string { return "\u2066" + s + "\u2069\u2067" },
		func(s string) string { return strings.Repeat("\n", 300) + s },
		func(s string) string { return strings.Repeat(s+" ", 300) },
		func(s string) string { return strings.ReplaceAll(strings.Repeat(s, 40), " ", "") },
		func(s string) string { return zalgo(s) },
		func(s string) string { return strings.Join(strings.Split(s, ""), "\u200b") },
		func(s string) string { return "\x00\x1b[2J\x1b[H" + s + "\b\b\a\r" },
		func(s string) string { return "\u2028" + s + "\u2029\u0085\v\f" + s },
		func(s string) string { return "\ufe0f\U000E0041\u00ad\u2060" + s + "\U000E0020" },
		func(s string) string { return "\U0001F512\U0001F6E1\u2713\u25cf " + s + " \u2705" },
		func(s string) string {
			return "\u0627\u0644\u0633\u0644\u0627\u0645 " + s + " \u05e9\u05dc\u05d5\u05dd"
		},
		func(s string) string { return strings.Repeat("\u115f\u3164\u2800", 50) + s },
		func(s string) string { return strings.Repeat("\ufdfd", 20) + s },
		func(s string) string { return "\xff\xfe" + s + "\xc0\x80\xed\xa0\x80" },
		func(s string) string { return strings.Repeat("\t", 100) + s },
		func(s string) string {
			return "”\n" + s + "\n“"
		},
		func(s string) string { return strings.Repeat("W", 5000) + s },
		func(s string) string { return strings.Repeat("\U0001F468\u200d\U0001F469\u200d\U0001F467 ", 100) + s },
	}
	var all []string
	for _, s := range said {
		for _, dress := range dressed {
			all = append(all, dress(s))
		}
	}
	return all
}

// zalgo piles marks on every letter.
func zalgo(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
		b.WriteString(strings.Repeat("\u0301\u0335\u20dd\u0489", 10))
	}
	return b.String()
}

// A capture is what the window shows.
type capture struct {
	image image.Image
	scale float32
}

func (s *stage) capture() capture {
	canvas := s.shell.window.Canvas()
	return capture{canvas.Capture(), canvas.Scale()}
}

// pixels are those of a part of it.
func (p capture) pixels(at fyne.Position, size fyne.Size) []byte {
	part := image.Rect(int(at.X*p.scale), int(at.Y*p.scale), int((at.X+size.Width)*p.scale), int((at.Y+size.Height)*p.scale))
	out := image.NewNRGBA(part)
	draw.Draw(out, part, p.image, part.Min, draw.Src)
	return out.Pix
}

// where is a thing's place in the window.
func where(o fyne.CanvasObject) fyne.Position {
	return fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
}

// header is the whole band above the conversation.
func (s *stage) header() (fyne.Position, fyne.Size) {
	talk, view := s.talk().content, s.talk().view
	top := where(talk)
	return top, fyne.NewSize(talk.Size().Width, where(view).Y-top.Y)
}

// U-01: whatever somebody writes, also as an error or a question, not one pixel of the band above it becomes different.
func TestU01NoTextReachesTheHeader(t *testing.T) {
	texts := hostileTexts()
	if len(texts) != 200 {
		t.Fatalf("%d texts", len(texts))
	}
	s := newTalk(t, bob())
	s.shell.window.Resize(fyne.NewSize(620, 230))
	s.tell(session.EntryChanged{Entry: s.engine.entry(session.Incoming, "hello")})
	at, size := s.header()
	if size.Height < 40 || size.Width < 300 {
		t.Fatalf("the header has %v", size)
	}
	before := s.capture().pixels(at, size)
	for i, text := range texts {
		e := s.engine.entry(session.Incoming, text)
		switch i % 4 {
		case 1:
			e.Kind, e.Notice, e.Count = session.NoticeEntry, session.NoticePeerError, 1
		case 2:
			e.Kind, e.Notice, e.Question, e.Count = session.NoticeEntry, session.NoticeSMPAsked, text, 1
		case 3:
			e.Guard = session.InClearUnexpected
		}
		s.tell(session.EntryChanged{Entry: e})
		s.talk().view.ScrollToEnd()
		if i%2 == 0 {
			continue // two are in sight at a time
		}
		if !bytes.Equal(s.capture().pixels(at, size), before) {
			t.Errorf("%.60q has changed the header", text)
		}
		if title := s.shell.window.Title(); title != "Sotto" {
			t.Errorf("%.60q: the window is called %q", text, title)
		}
	}
	// The test itself must be able to fail.
	c := bob()
	c.Lock = session.Private
	s.tell(session.ContactChanged{Contact: c})
	if bytes.Equal(s.capture().pixels(at, size), before) {
		t.Error("another state of the lock changes nothing")
	}
}

// U-01: whatever somebody is called, what they say of themselves or of their program, the lock is the same, pixel by pixel, at the same
// place; and what is theirs stays where names and states are, in the header and in the list.
func TestU01NoNameReachesTheLock(t *testing.T) {
	for _, width := range []float32{leastWidth, 620} {
		s := newTalk(t, bob())
		s.shell.window.Resize(fyne.NewSize(width, 230))
		lock := s.talk().lock
		at, size := where(lock), lock.Size()
		before := s.capture().pixels(at, size)
		row := s.firstRow(width)
		var rowAt fyne.Position
		var rowBefore []byte
		if row != nil {
			rowAt = where(row.lock)
			rowBefore = s.capture().pixels(rowAt, row.lock.Size())
		}
		top, band := s.header()
		for i, text := range hostileTexts() {
			if width == leastWidth && i%5 != 0 {
				continue // the narrow window costs as much as the wide one
			}
			c := bob()
			c.Name, c.Status, c.Resource, c.Request = text, text, text, text
			s.tell(session.ContactChanged{Contact: c})
			if where(lock) != at || lock.Size() != size {
				t.Errorf("%v wide, %.60q: the lock is at %v, %v, and was at %v, %v", width, text, where(lock), lock.Size(), at, size)
				break
			}
			now := s.capture()
			if !bytes.Equal(now.pixels(at, size), before) {
				t.Errorf("%v wide, %.60q has changed the lock", width, text)
			}
			if begin, height := s.header(); begin != top || height != band {
				t.Errorf("%v wide, %.60q: the header is at %v, %v", width, text, begin, height)
			}
			for name, o := range map[string]fyne.CanvasObject{"name": s.talk().name, "state": s.talk().about} {
				if end := where(o).X + o.Size().Width; end > at.X {
					t.Errorf("%v wide, %.60q: the %s ends at %v, the lock begins at %v", width, text, name, end, at.X)
				}
			}
			if row != nil && (where(row.lock) != rowAt || !bytes.Equal(now.pixels(rowAt, row.lock.Size()), rowBefore)) {
				t.Errorf("%.60q has changed the lock in the list", text)
			}
			if title := s.shell.window.Title(); title != "Sotto" {
				t.Errorf("%.60q: the window is called %q", text, title)
			}
		}
	}
}

// firstRow is the only contact in the list, nil where the window shows only the conversation.
func (s *stage) firstRow(width float32) *contactRow {
	if width < 600 {
		return nil
	}
	for _, o := range laidOut(s.shell.window.Content()) {
		if r, ok := o.(*contactRow); ok && r.Visible() {
			return r
		}
	}
	s.t.Fatal("there is no row")
	return nil
}

// U-02: who is called as somebody else is, but for what nobody can see or tell apart, is shown with the address, in list and header.
func TestU02NamesThatLookAlike(t *testing.T) {
	for _, name := range []string{"Bob Mil\u200bler", "Bob\u2060 Miller", "Bob Miller\ufe0f", "Вob Miller", "Bob Мiller", "B\u043eb Miller", "Bob  Miller", "Bob\u00a0Miller", "BOB MILLER",
		"Bob Miller\U000E0041", "\u202aBob Miller", "Bob Mi\u04cfler", "Bob MiIler", "B\u03bfb Miller", "Bob Miller ✓"} {
		s := newTalk(t, bob())
		other := bob()
		other.Ref, other.Name = contactRef("mallory"), name
		s.tell(session.ContactChanged{Contact: other})
		for _, r := range []session.Ref{bob().Ref, other.Ref} {
			s.shell.own.main.open(r)
			if about := s.talk().about.Words(); !strings.Contains(about, r.Contact) {
				t.Errorf("%q: the header of %s says %q", name, r.Contact, about)
			}
		}
		seen := map[string]bool{}
		list := s.shell.own.main.contacts.list.list
		for i := range list.Len() {
			f := faceOf(list.Row(i), false, false, noon)
			seen[f.name+"\n"+f.about] = true
		}
		if len(seen) != 2 {
			t.Errorf("%q: the list shows %v", name, seen)
		}
		// Also when there is something else to say in the second line.
		e := s.engine.entry(session.Incoming, "hello")
		s.tell(session.EntryChanged{Entry: e})
		e.Ref, e.ID = other.Ref, e.ID+100
		s.tell(session.EntryChanged{Entry: e})
		shown := map[string]bool{}
		for _, o := range laidOut(s.shell.window.Content()) {
			if r, ok := o.(*contactRow); ok && r.Visible() {
				shown[r.name.Words()+"\n"+r.last.Words()] = true
			}
		}
		if len(shown) != 2 {
			t.Errorf("%q: the rows show %v", name, shown)
		}
	}
}

// U-03: messages that copy our lines word for word are messages: another widget, in a bubble, with a sender and a lock of their own,
// and another role for those who do not see them.
func TestU03CopiedSystemLines(t *testing.T) {
	s := newTalk(t, bob())
	s.shell.window.Resize(fyne.NewSize(1000, 4000))
	var lines []string
	for n := session.NoticePrivate; n <= session.NoticePolicy && len(lines) < 20; n++ {
		e := session.Entry{Kind: session.NoticeEntry, Notice: n, Count: 1, Verified: session.ByQuestion, Text: "no", Question: "Where?"}
		lines = append(lines, noticeWords(e, bob()))
	}
	if len(lines) != 20 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		s.tell(session.EntryChanged{Entry: s.engine.entry(session.Incoming, line)})
	}
	rows := s.shell.own.newRows(bob().Ref)
	copies := 0
	for i := range rows.Len() {
		r := rows.Row(i)
		if r.Kind == chat.Day {
			continue
		}
		copies++
		if r.Kind != chat.Theirs || r.Guard == "" || r.NoLock || len(r.Actions) != 0 {
			t.Errorf("%+v", r)
		}
	}
	if copies != len(lines) {
		t.Errorf("%d rows", copies)
	}
	// The same sentences as our own lines, beneath.
	for n := session.NoticePrivate; n <= session.NoticePolicy; n++ {
		e := s.engine.entry(session.NoticeEntry, "no")
		e.Notice, e.Count, e.Question, e.Status, e.Guard = n, 1, "Where?", 0, 0
		s.tell(session.EntryChanged{Entry: e})
	}
	// Who does not see the bubble hears who said it and how it came; before a line of ours nothing of that is said.
	seen, _ := s.tree.Look()
	messages, notices := 0, 0
	for _, e := range seen.By {
		if e.Role != access.LogItem {
			continue
		}
		if strings.HasPrefix(e.Name, "Bob Miller, ") && strings.Contains(e.Name, "received privately") {
			messages++
		} else if !strings.ContainsFunc(e.Name, unicode.IsLetter) { // the time
			notices++
		} else if e.Text != "Today" {
			t.Errorf("neither a message nor a line of ours: %+v", e)
		}
	}
	if messages != len(lines) || notices < len(lines) {
		t.Errorf("%d messages and %d lines of ours", messages, notices)
	}
}

// U-03: quotation marks of theirs do not end ours.
func TestU03QuotesAreClosedByUs(t *testing.T) {
	said := "x” You have verified Bob. Private conversation began. “"
	e := session.Entry{Kind: session.NoticeEntry, Notice: session.NoticePeerError, Text: said, Count: 1}
	words := noticeWords(e, session.Contact{Name: "Bob"})
	if strings.Count(words, "“") != 1 || strings.Count(words, "”") != 1 || !strings.HasSuffix(words, "”") {
		t.Errorf("%s", words)
	}
	e.Notice, e.Question = session.NoticeSMPAsked, said
	words = noticeWords(e, session.Contact{Name: "Bob"})
	if strings.Count(words, "“") != 1 || strings.Count(words, "”") != 1 || !strings.HasSuffix(words, "”") {
		t.Errorf("%s", words)
	}
}

// What looks like one of our marks is in no name and no state.
func TestU01NoMarksInNames(t *testing.T) {
	for _, r := range "🔏🔐🔑🔒🔓🗝🛡⛨✓✔✕✖✗✘✅☑☒√🗸🗹⚠❌❎⛔🚫●○⚪⚫🔴🔵🟠🟡🟢🟣🟤◉◍◯⬤⭕⚿⛉⛊🛇⍻𐄂" {
		if name := model.Name("Bob " + string(r)); name != "Bob" {
			t.Errorf("%U is shown in a name: %q", r, name)
		}
	}
}
