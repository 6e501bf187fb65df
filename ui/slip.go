package ui

import (
	"reflect"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/look"
)

// slipWidth is how wide a slip is.
const slipWidth = 420

// A slip asks for something inside the window, before the window goes on: whom to add, whether to remove. Escape closes it; Enter
// in its last field does what its main button does.
type slip struct {
	pop    *widget.PopUp
	window fyne.Window
}

// openSlip shows a title, what is asked, and the buttons, the main one last.
func (d *desk) openSlip(title string, body fyne.CanvasObject, buttons ...*button) *slip {
	row := container.New(reading(buttonRow{}))
	for _, b := range buttons {
		row.Add(b)
	}
	inside := container.NewVBox(look.NewText(title, look.Title).InLanguage(), lined(body), gap(0, 2*look.Step), aligned(row))
	window := d.place()
	width := min(slipWidth, window.Canvas().Size().Width-8*look.Step)
	s := &slip{window: window}
	s.pop = access.Name(widget.NewModalPopUp(rimmed(container.New(&atLeast{width}, inset(3*look.Step, 2*look.Step, 3*look.Step, 3*look.Step, inside))), window.Canvas()), title)
	for _, b := range buttons {
		b.escape = s.close
	}
	s.pop.Show()
	return s
}

func (s *slip) close() { s.pop.Hide() }

// lined lets the edges of all that stands in a column be under one another, those of words and those of boxes.
func lined(o fyne.CanvasObject) fyne.CanvasObject {
	column, ok := o.(*fyne.Container)
	if !ok {
		return aligned(o)
	}
	switch reflect.TypeOf(column.Layout) {
	case reflect.TypeFor[flow](), reflect.TypeOf(layout.NewVBoxLayout()):
		for i, inside := range column.Objects {
			column.Objects[i] = lined(inside)
		}
		return column
	}
	return aligned(o)
}

// ask connects the fields of a slip with its keys and puts the cursor into the first. Enter goes on to the next field, and confirms in
// the last.
func (s *slip) ask(confirm func(), fields ...*field) {
	for i, f := range fields {
		f.escape = s.close
		f.OnSubmitted = func(string) {
			if i+1 < len(fields) {
				s.window.Canvas().Focus(fields[i+1])
				return
			}
			confirm()
		}
	}
	s.window.Canvas().Focus(fields[0])
}

// unlined is for a box of words: they keep a distance to its edge themselves.
func unlined(o fyne.CanvasObject) fyne.CanvasObject {
	return inset(-theme.InnerPadding(), 0, -theme.InnerPadding(), 0, o)
}

// atLeast gives what is inside a width. Texts that wrap know their height only once they have one.
type atLeast struct{ width float32 }

// Layout implements fyne.Layout.
func (a *atLeast) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.Position{})
		o.Resize(size)
	}
}

// MinSize implements fyne.Layout.
func (a *atLeast) MinSize(objects []fyne.CanvasObject) fyne.Size {
	size := fyne.NewSize(a.width, 0)
	for _, o := range objects {
		if o.Size().Width == 0 {
			o.Resize(fyne.NewSize(a.width, o.MinSize().Height))
		}
		size = size.Max(o.MinSize())
	}
	return size
}
