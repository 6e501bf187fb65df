package access

import (
	"slices"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// A Stretch is a part of a text, from a character up to but not including another; where both are the same it is empty.
type Stretch struct{ From, To int }

// SelectedIn is what is selected in an entry; where nothing is, it is empty and stands at the caret.
func SelectedIn(e *widget.Entry) Stretch {
	if s := marked(e); s != (Stretch{}) {
		return s
	}
	return Stretch{e.CursorTextOffset(), e.CursorTextOffset()}
}

// marked is what is selected in an entry. Fyne tells the words and the caret, which is at one of their ends.
func marked(e *widget.Entry) Stretch {
	words := []rune(e.SelectedText())
	caret, text := e.CursorTextOffset(), []rune(e.Text)
	switch from := caret - len(words); {
	case len(words) == 0 || caret > len(text):
		return Stretch{}
	case from >= 0 && slices.Equal(text[from:caret], words):
		return Stretch{from, caret}
	case caret+len(words) <= len(text):
		return Stretch{caret, caret + len(words)}
	}
	return Stretch{}
}

// mark selects a part of an entry and leaves the caret at its end, by the keys with which a person would do it.
func mark(e *widget.Entry, s Stretch) bool {
	if e.Disabled() || s.From < 0 || s.To < s.From || s.To > utf8.RuneCountInString(e.Text) {
		return false
	}
	press := func(name fyne.KeyName) { e.TypedKey(&fyne.KeyEvent{Name: name}) }
	shift := &fyne.KeyEvent{Name: desktop.KeyShiftLeft}
	e.KeyUp(shift)
	press(fyne.KeyLeft) // ends what was selected before
	switch {
	case s.To == 0:
		place(e, 0)
		press(fyne.KeyLeft)
	case s.To == s.From:
		place(e, s.To-1)
		press(fyne.KeyRight)
	default:
		place(e, s.From)
		e.KeyDown(shift)
		place(e, s.To-1)
		press(fyne.KeyRight)
		e.KeyUp(shift)
	}
	return true
}

// place puts the caret before a character. Fyne counts rows as they are wrapped on the screen and tells only which character begins
// one.
func place(e *widget.Entry, at int) {
	e.CursorRow, e.CursorColumn = 0, 0
	for begin := 0; ; {
		e.CursorRow++
		next := e.CursorTextOffset()
		if next <= begin || next > at {
			e.CursorRow--
			e.CursorColumn = at - begin
			return
		}
		begin = next
	}
}
