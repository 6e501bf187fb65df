package ui

import (
	"fmt"
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
)

// chain is everything that the Tab key comes to in a window, in its order.
func chain(c fyne.Canvas) []fyne.Focusable {
	c.Unfocus()
	c.FocusNext()
	var all []fyne.Focusable
	for f := c.Focused(); f != nil && !slices.Contains(all, f); f = c.Focused() {
		all = append(all, f)
		c.FocusNext()
	}
	return all
}

// wantReadingOrder holds that the Tab key goes from the left to the right and from above to below, part of the window by part, and
// that everything it comes to has a name.
func wantReadingOrder(t *testing.T, page string, w fyne.Window, least int) {
	t.Helper()
	tree := access.New("Sotto", func() []fyne.Window { return []fyne.Window{w} })
	place := func(f fyne.Focusable) (pos, end fyne.Position) {
		o := f.(fyne.CanvasObject)
		pos = fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
		return pos, pos.AddXY(o.Size().Width, o.Size().Height)
	}
	called := func(f fyne.Focusable) string {
		w.Canvas().Focus(f)
		look, _ := tree.Look()
		name := ""
		for _, e := range look.By {
			if e.State&access.Focused != 0 && (name == "" || e.Parent != nil && e.Parent.State&access.Focused != 0) {
				name = e.Name
			}
		}
		return name
	}
	stops := chain(w.Canvas())
	if len(stops) < least {
		t.Errorf("%s: the Tab key comes to %d things, want %d", page, len(stops), least)
	}
	const slack = 2 // rings and roundings
	for i, f := range stops {
		name := called(f)
		if name == "" {
			t.Errorf("%s: stop %d, a %T, has no name", page, i, f)
		}
		if i == 0 {
			continue
		}
		before := stops[i-1]
		a, aEnd := place(before)
		b, bEnd := place(f)
		above := bEnd.Y <= a.Y+slack && b.X < aEnd.X-slack
		leftOf := bEnd.X <= a.X+slack && b.Y < aEnd.Y-slack && bEnd.Y > a.Y+slack
		if above || leftOf {
			t.Errorf("%s: after %q at %v comes %q at %v", page, called(before), a, name, b)
		}
	}
}

// A sight is a page of a window, and how many things the Tab key comes to at least where there is room for all of it.
type sight struct {
	window func(*testing.T) fyne.Window
	least  int
}

// sights are the pages one can come to, in a window of this width.
func sights(width float32) map[string]sight {
	main := func(change func(*session.Contact)) func(*testing.T) fyne.Window {
		return func(t *testing.T) fyne.Window {
			c := bob()
			change(&c)
			s := newTalk(t, c)
			s.narrow(width)
			return s.shell.window
		}
	}
	page := func(open func(*desk)) func(*testing.T) fyne.Window {
		return func(t *testing.T) fyne.Window {
			s := newStage(t)
			s.narrow(width)
			s.tell(onlineAccount(), session.ContactChanged{Contact: bob()})
			open(s.shell.own)
			return s.shell.window
		}
	}
	start := func(open func(*desk)) func(*testing.T) fyne.Window {
		return func(t *testing.T) fyne.Window {
			s := newStage(t)
			s.narrow(width)
			open(s.shell.own)
			return s.shell.window
		}
	}
	sheet := func(open func(*sheetStage)) func(*testing.T) fyne.Window {
		return func(t *testing.T) fyne.Window {
			s := newSheetStage(t)
			open(s)
			return s.window()
		}
	}
	return map[string]sight{
		"start":        {start(func(*desk) {}), 3},
		"come along":   {start((*desk).comeAlong), 2},
		"sign in":      {start(func(d *desk) { d.openSignIn("") }), 4},
		"advanced":     {start(func(d *desk) { d.openSignIn(""); d.signIn.unfold.OnTapped() }), 6},
		"sign up":      {start(func(d *desk) { d.openSignUp() }), 3},
		"conversation": {main(func(c *session.Contact) {}), 5},
		"not private":  {main(func(c *session.Contact) { c.Lock, c.SendMode = session.NotPrivate, session.SendWhenPrivate }), 5},
		"finished":     {main(func(c *session.Contact) { c.Lock, c.SendMode = session.FinishedLock, session.SendBlocked }), 5},
		"wants":        {main(func(c *session.Contact) { c.Wants = true }), 6},
		"settings":     {page((*desk).openSettings), 8},
		"add contact":  {page(func(d *desk) { d.addContact("") }), 4},
		"rename":       {page(func(d *desk) { d.rename(bob()) }), 3},
		"remove":       {page(func(d *desk) { d.remove(bob()) }), 2},
		"block":        {page(func(d *desk) { d.block(bob()) }), 2},
		"policy":       {page(func(d *desk) { d.choosePolicy(bob().Ref) }), 4},
		"a message": {page(func(d *desk) {
			d.main.open(bob().Ref)
			d.main.talk.details(session.Entry{Ref: bob().Ref, Kind: session.Incoming, Guard: session.EncryptedVerified, Key: &bobsKey})
		}), 3},
		"lock":           {page(func(d *desk) { d.main.open(bob().Ref); d.main.talk.openLock() }), 3},
		"ways to verify": {sheet(func(s *sheetStage) { s.desk.verify(s.bob.Ref) }), 5},
		"question":       {sheet(func(s *sheetStage) { s.desk.verify(s.bob.Ref); s.press(lang.L("Next")) }), 3},
		"compare":        {sheet(func(s *sheetStage) { s.desk.compare(s.bob.Ref) }), 5},
		"own key":        {sheet(func(s *sheetStage) { s.desk.ownKey(s.bob.Ref.Account) }), 3},
		"shortcuts": {func(t *testing.T) fyne.Window {
			s := newStage(t)
			s.shell.own.shortcutSheet()
			return s.shell.own.windows["shortcuts"]
		}, 15},
	}
}

// TestReadingOrder promises that on every page the Tab key goes in reading order through everything one can use.
func TestReadingOrder(t *testing.T) {
	for _, width := range []float32{firstWidth, leastWidth} {
		for name, page := range sights(width) {
			t.Run(fmt.Sprintf("%s/%v", name, width), func(t *testing.T) {
				least := page.least
				if width == leastWidth {
					least = 2 // only one side of the window is shown
				}
				wantReadingOrder(t, name, page.window(t), least)
			})
		}
	}
}

// narrow gives the window a width. Heights that follow from it are known when it is laid out a second time.
func (s *stage) narrow(width float32) {
	s.shell.window.Resize(fyne.NewSize(width, firstHeight+1))
	s.shell.window.Resize(fyne.NewSize(width, firstHeight))
}

// TestEscapeCloses promises that Escape closes what is open wherever in it the keyboard is: on every page it is tried on one of each kind
// of thing.
func TestEscapeCloses(t *testing.T) {
	stays := []string{"start", "conversation", "not private", "finished", "wants"} // pages of the window itself
	for name, page := range sights(firstWidth) {
		if slices.Contains(stays, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			tried := map[string]bool{}
			for i, f := range chain(page.window(t).Canvas()) {
				kind := fmt.Sprintf("%T", f)
				if tried[kind] {
					continue
				}
				tried[kind] = true
				w := page.window(t)
				all := chain(w.Canvas())
				w.Canvas().Focus(all[i])
				w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
				if slices.Contains(fyne.CurrentApp().Driver().AllWindows(), w) && slices.Equal(chain(w.Canvas()), all) {
					t.Errorf("Escape does nothing at stop %d, a %T", i, f)
				}
			}
		})
	}
}
