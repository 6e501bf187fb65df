package chat

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/ui/look"
)

var (
	_ fyne.Focusable         = (*View)(nil)
	_ fyne.Shortcutable      = (*View)(nil)
	_ fyne.SecondaryTappable = (*bubble)(nil)
)

// FocusGained implements fyne.Focusable. The keys begin at the newest row in sight.
func (v *View) FocusGained() {
	v.focused = true
	if _, _, ok := v.widget(v.cursor); !ok {
		v.cursor = v.lowest()
	}
	v.arrange()
}

// FocusLost implements fyne.Focusable.
func (v *View) FocusLost() {
	v.focused = false
	v.arrange()
}

// lowest is the last row that is wholly in sight.
func (v *View) lowest() uint64 {
	best, id := -1, uint64(0)
	for i, w := range v.shown {
		if i > best && float64(w.Position().Y+w.Size().Height) <= v.window()+1 {
			best, id = i, w.row().ID
		}
	}
	return id
}

// TypedRune implements fyne.Focusable: what is typed here is meant for the composer.
func (v *View) TypedRune(r rune) {
	if v.OnRune != nil {
		v.OnRune(r)
	}
}

// TypedKey implements fyne.Focusable.
func (v *View) TypedKey(ev *fyne.KeyEvent) {
	if !v.press(ev) {
		look.PassOn(v, ev)
	}
}

// press does what a key means in the conversation; it is false for one that means nothing there.
func (v *View) press(ev *fyne.KeyEvent) bool {
	switch ev.Name {
	case fyne.KeyUp:
		v.walk(-1)
	case fyne.KeyDown:
		v.walk(1)
	case fyne.KeyHome:
		v.walk(-len(v.heights.of))
	case fyne.KeyEnd:
		v.walk(len(v.heights.of))
		v.ScrollToEnd()
	case fyne.KeyPageUp:
		v.ScrollPages(-1)
		v.cursor = v.lowest()
		v.arrange()
	case fyne.KeyPageDown:
		v.ScrollPages(1)
		v.cursor = v.lowest()
		v.arrange()
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		v.openMenu()
	case fyne.KeyEscape:
		if v.OnEscape == nil {
			return false
		}
		v.OnEscape()
	default:
		return false
	}
	return true
}

// TypedShortcut implements fyne.Shortcutable: copying takes the whole row.
func (v *View) TypedShortcut(s fyne.Shortcut) {
	if c, ok := s.(*fyne.ShortcutCopy); ok && c.Clipboard != nil {
		if _, w, ok := v.widget(v.cursor); ok {
			c.Clipboard.SetContent(w.row().Text)
		}
		return
	}
	if v.OnShortcut != nil {
		v.OnShortcut(s)
	}
}

// walk takes the keys by so many rows up or down, and the row into sight.
func (v *View) walk(by int) {
	if len(v.heights.of) == 0 {
		return
	}
	i, _, ok := v.widget(v.cursor)
	if !ok {
		i, by = len(v.heights.of)-1, 0
	}
	i = max(0, min(i+by, len(v.heights.of)-1))
	v.cursor = v.source.ID(i)
	v.measure(i)
	height := v.window()
	switch top := v.heights.top(i); {
	case top < v.offset:
		v.scrollTo(top)
	case top+v.heights.of[i] > v.offset+height:
		v.scrollTo(min(top, top+v.heights.of[i]-height))
	default:
		v.arrange()
	}
}

// openMenu asks what can be done with the row where the keys are.
func (v *View) openMenu() {
	_, w, ok := v.widget(v.cursor)
	if !ok || v.OnMenu == nil {
		return
	}
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(w)
	v.OnMenu(*w.row(), at.AddXY(margin, min(w.Size().Height, float32(v.window()))/2))
}

// placeRing draws the ring round the row where the keys are.
func (v *View) placeRing() {
	_, w, ok := v.widget(v.cursor)
	v.ring.Hidden = !ok || !v.focused
	if v.ring.Hidden {
		return
	}
	v.ring.StrokeColor, v.ring.StrokeWidth, v.ring.CornerRadius = theme.Color(look.ColorRing), 2, look.Radius
	v.ring.Move(w.Position().AddXY(-2*look.Step, -look.Step/2))
	v.ring.Resize(w.Size().AddWidthHeight(4*look.Step, look.Step))
}

// TappedSecondary implements fyne.SecondaryTappable. Where words are selected, it is them that can be copied.
func (b *bubble) TappedSecondary(ev *fyne.PointEvent) {
	if b.view.OnMenu == nil {
		return
	}
	asked := b.now
	for _, l := range b.labels[:b.shownLabels] {
		if selected := l.Selected(); selected != "" {
			asked.Text = selected
		}
	}
	b.view.OnMenu(asked, ev.AbsolutePosition)
}
