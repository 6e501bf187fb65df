package ui

import (
	"testing"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/look"
)

// changed opens the page about a new key, the highest there is.
func (s *sheetStage) changed() {
	fresh := newKey
	s.contact(func(c *session.Contact) {
		c.Key, c.Lock, c.SendMode = &fresh, session.Unverified, session.SendBlocked
		c.KeyChange = &session.KeyChange{Old: session.Key{Fingerprint: bobsKey, FirstSeen: noon, Verified: session.ByQuestion, VerifiedAt: noon}, New: session.Key{Fingerprint: newKey, FirstSeen: noon}}
	})
	s.desk.decideKey(s.bob.Ref)
}

// In a small window everything of a page can be come to: by the keyboard, which takes it into sight, and the buttons are always there.
func TestSheetInASmallWindow(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Name = "Maximiliane von Hohenstein-Weißenfels" })
	s.changed()
	w := s.window()
	if high := w.Canvas().Size().Height; high > mostSheetHeight {
		t.Errorf("the window is %v high", high)
	}
	w.Resize(fyne.NewSize(360, 420))
	size := w.Canvas().Size()
	if size != fyne.NewSize(360, 420) {
		t.Fatalf("the window is %v", size)
	}
	stops := chain(w.Canvas())
	if len(stops) < 4 {
		t.Fatalf("the Tab key comes to %d things", len(stops))
	}
	for range 2 * len(stops) {
		w.Canvas().FocusNext()
		o := w.Canvas().Focused().(fyne.CanvasObject)
		if at, end := where(o), where(o).Y+o.Size().Height; at.Y < 0 || end > size.Height || at.X < 0 || at.X+o.Size().Width > size.Width {
			t.Errorf("%T at %v, %v, is not in sight", o, at, o.Size())
		}
	}
	later := s.button("Decide later")
	if end := where(later).Y + later.Size().Height; end > size.Height {
		t.Errorf("the button ends at %v", end)
	}
	s.press("Block sending to Maximiliane von Hohenstein-Weißenfels")
	if s.engine.last() != "Hold bob@example.org" {
		t.Errorf("%q", s.engine.last())
	}
}

// A page that turns keeps the width that the person gave the window, and takes the height that it needs.
func TestSheetKeepsItsWidth(t *testing.T) {
	s := newSheetStage(t)
	s.desk.verify(s.bob.Ref)
	w := s.window()
	if wide := w.Canvas().Size().Width; wide != sheetWidth {
		t.Errorf("%v wide", wide)
	}
	high := w.Canvas().Size().Height
	w.Resize(fyne.NewSize(400, high))
	s.press("Next")
	if wide := w.Canvas().Size().Width; wide != 400 {
		t.Errorf("%v wide after a turn", wide)
	}
	s.press("Back")
	if now := w.Canvas().Size(); now.Width != 400 || now.Height < high {
		t.Errorf("%v, and was %v high", now, high)
	}
}

// Every small window fits into a narrow one, in every language and with a long name.
func TestSheetsFit(t *testing.T) {
	for name, open := range map[string]func(*sheetStage){
		"ways":    func(s *sheetStage) { s.desk.verify(s.bob.Ref) },
		"compare": func(s *sheetStage) { s.desk.compare(s.bob.Ref) },
		"new key": (*sheetStage).changed,
		"own key": func(s *sheetStage) { s.desk.ownKey(s.bob.Ref.Account) },
		"program": func(s *sheetStage) { s.desk.program(s.bob.Ref) },
		"deniable": func(s *sheetStage) {
			s.engine.exhibits = []session.Exhibit{{Number: 1, Text: "Two words, and so many more that they do not fit into a line", Published: true}}
			s.desk.deniable(s.bob.Ref)
		},
		"ask": func(s *sheetStage) {
			s.contact(func(c *session.Contact) { c.Lock = session.Private })
			s.desk.askToVerify(s.bob.Ref)
		},
		"question": func(s *sheetStage) {
			s.contact(func(c *session.Contact) { c.Sotto = true })
			s.desk.verify(s.bob.Ref)
			w := s.window()
			w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
		},
	} {
		for _, tag := range []string{"en", "de", "ar"} {
			t.Run(name+" "+tag, func(t *testing.T) {
				speak(t, tag)
				defer speak(t, "en")
				s := newSheetStage(t)
				s.contact(func(c *session.Contact) { c.Name = "Maximiliane von Hohenstein-Weißenfels" })
				open(s)
				w := s.window()
				w.Resize(fyne.NewSize(360, 500))
				for _, o := range laidOut(w.Content()) {
					_, words := o.(interface{ Words() string })
					_, focusable := o.(fyne.Focusable)
					if end := where(o).X + o.Size().Width; o.Visible() && (words || focusable) && (end > 360 || where(o).X < 0) {
						t.Errorf("a %T goes from %v to %v", o, where(o).X, end)
					}
				}
			})
		}
	}
}

// A short page is seen as a whole however narrow its window is made.
func TestShortPagesAreNotCut(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) {
		c.Name, c.Lock, c.Key = "Maximiliane von Hohenstein-Weißenfels", session.NotPrivate, nil
	})
	s.desk.verify(s.bob.Ref)
	w := s.window()
	page := sheetIn(w)
	before := page.height()
	w.Resize(fyne.NewSize(leastWidth, w.Canvas().Size().Height))
	page.width = leastWidth
	needs := page.height()
	if needs <= before {
		t.Fatalf("%v high, and %v when it is narrow", before, needs)
	}
	if least := w.Content().MinSize().Height; least < needs {
		t.Errorf("the window may be %v high, and the page needs %v", least, needs)
	}
}

// Buttons that have no room beside one another stand under one another, all as wide as the page.
func TestButtonsInANarrowWindow(t *testing.T) {
	s := newSheetStage(t)
	s.changed()
	s.press("Ask Bob in another way")
	back, copyIt, compare := s.button("Back"), s.button("Copy the question"), s.button("Compare fingerprints")
	if where(back).Y != where(compare).Y {
		t.Error("they are not in a line where there is room")
	}
	s.window().Resize(fyne.NewSize(leastWidth, 600))
	above := float32(0)
	for _, b := range []*button{back, copyIt, compare} {
		if where(b).Y < above || where(b).X != where(back).X || b.Size().Width != back.Size().Width {
			t.Errorf("%q is at %v, %v wide", b.Text, where(b), b.Size().Width)
		}
		above = where(b).Y + b.Size().Height
	}
}

// What went wrong is seen however little of a page is.
func TestTroubleStaysInSight(t *testing.T) {
	s := newSheetStage(t)
	s.desk.compare(s.bob.Ref)
	w := s.window()
	w.Resize(fyne.NewSize(leastWidth, 420))
	s.contact(func(c *session.Contact) { c.Key = &strangersKey })
	w.Resize(fyne.NewSize(leastWidth, 420))
	for _, o := range laidOut(w.Content()) {
		if said, ok := o.(*trouble); ok && said.Visible() {
			if top, end := where(said).Y, where(said).Y+said.Size().Height; top < 0 || end > w.Canvas().Size().Height || end > where(s.button("Close")).Y {
				t.Errorf("from %v to %v in a window that is %v high", top, end, w.Canvas().Size().Height)
			}
			return
		}
	}
	t.Error("nothing is said")
}

// With the largest words one thing may be too wide for a narrow window; all the others keep to it.
func TestLargestWordsInANarrowWindow(t *testing.T) {
	s := newSheetStage(t)
	s.desk.app.Settings().SetTheme(look.Theme{Choice: look.Light, Text: look.LargestText})
	s.contact(func(c *session.Contact) { c.Sotto = true })
	s.desk.verify(s.bob.Ref)
	s.press("Next")
	w := s.window()
	w.Resize(fyne.NewSize(leastWidth, 600))
	for _, o := range laidOut(w.Content()) {
		switch o := o.(type) {
		case *look.Text, *field:
			if end := where(o).X + o.Size().Width; end > leastWidth {
				t.Errorf("a %T ends at %v", o, end)
			}
		}
	}
}
