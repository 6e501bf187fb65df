package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// entryLayout sets the send button beside the composer, or under it where its words would leave too little room to write.
type entryLayout struct{ width float32 }

// leastToWrite is how much of the width is for writing where the button stands beside.
const leastToWrite = 0.5

func (l *entryLayout) beside(button fyne.Size) bool {
	return button.Width+2*look.Step <= (1-leastToWrite)*l.width
}

// Layout implements fyne.Layout.
func (l *entryLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	composer, button := objects[0], objects[1]
	l.width = size.Width
	b := button.MinSize()
	b.Width = min(b.Width, size.Width)
	button.Resize(b)
	button.Move(fyne.NewPos(size.Width-b.Width, size.Height-b.Height))
	composer.Move(fyne.NewPos(0, 0))
	if l.beside(b) {
		composer.Resize(fyne.NewSize(size.Width-b.Width-2*look.Step, size.Height))
		return
	}
	composer.Resize(fyne.NewSize(size.Width, max(size.Height-b.Height-2*look.Step, composer.MinSize().Height))) // the height may be that for another width
}

// MinSize implements fyne.Layout. The height is that for the width there was last.
func (l *entryLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	c, b := objects[0].MinSize(), objects[1].MinSize()
	if l.beside(b) {
		return fyne.NewSize(c.Width, max(c.Height, b.Height))
	}
	return fyne.NewSize(max(c.Width, 0), c.Height+2*look.Step+b.Height)
}

// widestName is what a name on the button may take; there are windows that are not much wider.
const widestName = 90

// onButton is the name of a contact as a button of a small window says it.
func onButton(c session.Contact) words { return words{"Name": shortName(c.Name)} }

// shortName is as much of a name as there is room for on a button.
func shortName(name string) string {
	for n := 24; n > 1; n-- {
		short := model.Short(name, n)
		if fyne.MeasureText(short, theme.TextSize(), look.Bold(short)).Width <= widestName {
			return short
		}
	}
	return model.Short(name, 1)
}
