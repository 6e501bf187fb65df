package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// laidOut is an object with everything in it, as it is drawn: test.LaidOutObjects makes a second renderer for each widget, and the one that is
// seen then lays out what the second one has.
func laidOut(o fyne.CanvasObject) []fyne.CanvasObject {
	all := []fyne.CanvasObject{o}
	switch o := o.(type) {
	case fyne.Widget:
		for _, inner := range test.WidgetRenderer(o).Objects() {
			all = append(all, laidOut(inner)...)
		}
	case *fyne.Container:
		for _, inner := range o.Objects {
			all = append(all, laidOut(inner)...)
		}
	}
	return all
}
