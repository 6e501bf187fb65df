package access

import (
	"reflect"

	"fyne.io/fyne/v2"
)

// facts are what a window of Fyne knows and does not offer.
type facts struct {
	hidden bool
	x, y   int // of its content on the screen, in pixels
}

// factsOf reads them from fields that are not exported: Fyne has no other way to tell that a window is hidden or where it is. Where
// there are no such fields the window counts as shown, at the corner of the screen.
func factsOf(window fyne.Window) facts {
	v := reflect.ValueOf(window)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return facts{}
	}
	var f facts
	if visible := v.Elem().FieldByName("visible"); visible.IsValid() && visible.Kind() == reflect.Bool {
		f.hidden = !visible.Bool()
	}
	x, y := v.Elem().FieldByName("xpos"), v.Elem().FieldByName("ypos")
	if x.IsValid() && y.IsValid() && x.CanInt() && y.CanInt() {
		f.x, f.y = int(x.Int()), int(y.Int())
	}
	return f
}

// A hold is whether a widget has the keyboard, as far as it tells.
type hold uint8

const (
	holdUnknown hold = iota
	holdsKeyboard
	holdsNothing // the widget that its window would give the keyboard to, but another window has it
)

// holdOf asks a widget that its canvas calls focused. The canvas of each window has such a widget, and only one window has the
// keyboard: the widgets of Fyne know, but keep it to themselves.
func holdOf(f fyne.Focusable) hold {
	v := reflect.ValueOf(f)
	if f == nil || v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return holdUnknown
	}
	focused := v.Elem().FieldByName("focused")
	switch {
	case !focused.IsValid() || focused.Kind() != reflect.Bool:
		return holdUnknown
	case focused.Bool():
		return holdsKeyboard
	}
	return holdsNothing
}
