package chat

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A surface is what the mouse finds on words.
type surface interface {
	fyne.Focusable
	fyne.Shortcutable
	fyne.DoubleTappable
	fyne.SecondaryTappable
	desktop.Mouseable
	fyne.Widget
}

// over is what the mouse finds on the words of a row.
func over(t *testing.T, v scripted, id uint64) (*look.Words, surface) {
	t.Helper()
	_, w, ok := v.widget(id)
	if !ok {
		t.Fatalf("row %d is not in sight", id)
	}
	words := w.(*bubble).labels[0]
	return words, test.WidgetRenderer(words).Objects()[0].(surface)
}

// TestNothingIsLostThatIsTypedOnWords promises that whoever has clicked on a message or selected some of it can write on, leave and use
// every shortcut, and that what was selected can be copied.
func TestNothingIsLostThatIsTypedOnWords(t *testing.T) {
	v := open(t, talk(4)...)
	left := 0
	v.OnEscape = func() { left++ }
	var menu Row
	v.OnMenu = func(r Row, _ fyne.Position) { menu = r }
	c := fyne.CurrentApp().Driver().CanvasForObject(v.View)
	var typed []rune
	c.SetOnTypedRune(func(r rune) { typed = append(typed, r) })
	var pressed []fyne.KeyName
	c.SetOnTypedKey(func(e *fyne.KeyEvent) { pressed = append(pressed, e.Name) })
	find, asked := &desktop.CustomShortcut{KeyName: fyne.KeyF, Modifier: fyne.KeyModifierControl}, 0
	v.OnShortcut = func(fyne.Shortcut) { asked++ }

	words, h := over(t, v, 3)
	pad := theme.InnerPadding()
	at := fyne.NewPos(pad+1, pad+4)
	mouse := &desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: at}, Button: desktop.MouseButtonPrimary}
	h.MouseDown(mouse)
	h.MouseUp(mouse)
	if c.Focused() != fyne.Focusable(h) || held(v) != 3 {
		t.Fatalf("a %T has the keyboard, and row %d is told to", c.Focused(), held(v))
	}
	h.TypedRune('x')
	h.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	h.TypedKey(&fyne.KeyEvent{Name: fyne.KeyF1})
	h.TypedKey(&fyne.KeyEvent{Name: desktop.KeyControlLeft})
	h.TypedShortcut(find)
	if !slices.Equal(typed, []rune{'x'}) || left != 1 || !slices.Equal(pressed, []fyne.KeyName{fyne.KeyF1}) || asked != 1 || c.Focused() != fyne.Focusable(h) {
		t.Errorf("typed %q, left %d times, pressed %v, asked %d times; a %T has the keyboard", typed, left, pressed, asked, c.Focused())
	}

	clipboard := fyne.CurrentApp().Clipboard()
	h.TypedShortcut(&fyne.ShortcutCopy{Clipboard: clipboard})
	if clipboard.Content() != v.script.rows[2].Text {
		t.Errorf("nothing is selected, and %q was copied", clipboard.Content())
	}
	h.DoubleTapped(&fyne.PointEvent{Position: at})
	h.TypedShortcut(&fyne.ShortcutCopy{Clipboard: clipboard})
	h.TappedSecondary(&fyne.PointEvent{Position: at})
	if clipboard.Content() != "message" || words.Selected() != "message" || menu.ID != 3 || menu.Text != "message" {
		t.Errorf("copied %q; the menu is about row %d, %q", clipboard.Content(), menu.ID, menu.Text)
	}
	if drawn := test.WidgetRenderer(h).Objects(); len(drawn) != 1 || !drawn[0].Visible() {
		t.Errorf("what is selected is not seen: %v", drawn)
	}

	h.TypedKey(&fyne.KeyEvent{Name: fyne.KeyUp})
	if c.Focused() != fyne.Focusable(v.View) || held(v) != 2 {
		t.Errorf("the arrow key goes to row %d, in a %T", held(v), c.Focused())
	}
	c.Unfocus()
	for range 20 {
		c.FocusNext()
		if _, is := c.Focused().(surface); is {
			t.Fatal("the Tab key stops at every message")
		}
	}
}

// TestSearchMarksWords promises that what was searched for is marked in the words, wherever they are broken, and nothing else is.
func TestSearchMarksWords(t *testing.T) {
	text := "Tallis at noon. " + strings.Repeat("and many more words ", 12) + "then the TALLIS again\n\n  tallis"
	v := open(t, Row{ID: 1, Kind: Theirs, Sender: "Bob", Text: text}, Row{ID: 2, Kind: Ours, Text: "no such word"},
		Row{ID: 3, Kind: Theirs, Sender: "Bob", Text: "العدد tallis ١٢"})
	marks := Marks{Found: map[uint64]bool{1: true, 3: true}, At: 1, In: func(s string) [][2]int { return model.Places(s, "tallis") }}
	v.Mark(marks)
	found := func(id uint64) []fyne.CanvasObject {
		_, h := over(t, v, id)
		return test.WidgetRenderer(h).Objects()
	}
	if len(found(1)) != 3 || len(found(2)) != 0 || len(found(3)) != 1 {
		t.Fatalf("%d, %d and %d marks", len(found(1)), len(found(2)), len(found(3)))
	}
	words, _ := over(t, v, 1)
	rows := map[float32]*canvas.Text{} // as they stand, by where
	for _, o := range test.LaidOutObjects(words) {
		if row, ok := o.(*canvas.Text); ok {
			rows[row.Position().Y] = row
		}
	}
	for i, o := range found(1) {
		mark, row := o.(*canvas.Rectangle), rows[o.Position().Y]
		if row == nil {
			t.Errorf("mark %d at %v is in none of %d rows", i, mark.Position(), len(rows))
			continue
		}
		at := strings.Index(strings.ToLower(row.Text), "tallis")
		left := row.Position().X + fyne.MeasureText(row.Text[:max(at, 0)], row.TextSize, row.TextStyle).Width
		if at < 0 || mark.Position().X < left-2 || mark.Position().X > left || mark.Size().Width < 20 {
			t.Errorf("mark %d at %v, %v wide, in %q", i, mark.Position(), mark.Size().Width, row.Text)
		}
	}
	v.Resize(fyne.NewSize(380, 900))
	if len(found(1)) != 3 {
		t.Errorf("%d marks in a narrow window", len(found(1)))
	}
	v.Mark(Marks{})
	if len(found(1)) != 0 {
		t.Error("the marks stay when the search has ended")
	}
}
