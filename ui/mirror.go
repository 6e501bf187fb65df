package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// Where the language is written from the right, small windows, slips and settings are turned round: what stands before the words is at
// their right there, and what follows at their left. The toolkit knows only left and right.

// reading is a layout whose left is the side at which the language begins.
func reading(l fyne.Layout) fyne.Layout {
	if lang.RightToLeft() {
		return mirrored{l}
	}
	return l
}

// mirrored sets everything at the other side.
type mirrored struct{ round fyne.Layout }

// Layout implements fyne.Layout.
func (m mirrored) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	m.round.Layout(objects, size)
	look.Turn(objects, size.Width)
}

// MinSize implements fyne.Layout.
func (m mirrored) MinSize(objects []fyne.CanvasObject) fyne.Size { return m.round.MinSize(objects) }

// ranked is bordered in the order of reading: first stands before the middle, and last after it.
func ranked(first, last, middle fyne.CanvasObject) *fyne.Container {
	row := bordered(nil, nil, first, last, middle)
	row.Layout = reading(row.Layout)
	return row
}

// sided is inset with the sides in the order of reading.
func sided(first, top, last, bottom float32, o fyne.CanvasObject) *fyne.Container {
	if lang.RightToLeft() {
		first, last = last, first
	}
	return container.New(layout.NewCustomPaddedLayout(top, bottom, first, last), o)
}

// turnedRound is what a widget of the toolkit draws, turned round.
type turnedRound struct {
	fyne.WidgetRenderer
	size func() fyne.Size
}

// Layout implements fyne.WidgetRenderer.
func (r turnedRound) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	look.Turn(r.Objects(), size.Width)
}

// Refresh implements fyne.WidgetRenderer.
func (r turnedRound) Refresh() {
	r.WidgetRenderer.Refresh()
	r.Layout(r.size())
}

// onwardIcon points to where one goes.
func onwardIcon() look.Icon {
	if lang.RightToLeft() {
		return look.IconBefore
	}
	return look.IconNext
}

// backIcon points to where one came from.
func backIcon() fyne.Resource {
	if lang.RightToLeft() {
		return theme.NavigateNextIcon()
	}
	return theme.NavigateBackIcon()
}

// inLanguage sets digits and the like to the side at which the language begins.
func inLanguage(w *look.Words) *look.Words {
	if lang.RightToLeft() {
		w.Alignment = fyne.TextAlignTrailing
	}
	return w
}
