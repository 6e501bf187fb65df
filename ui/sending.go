package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// entryLayout sets the send button beside the composer, or under it where its words would leave too little room to write.
type entryLayout struct {
	composer *chat.Composer
	width    float32
	was      bool // beside, when it was laid out last
}

const (
	leastToWrite = 0.5            // how much of the width is for writing where the button stands beside
	roomToWrite  = 60 * look.Step // in less than that only one line is written beside the button
	smileWide    = 10 * look.Step // what stands beside the composer takes
)

func (l *entryLayout) beside(button fyne.Size) bool {
	room := l.width - button.Width - 2*look.Step
	if room < leastToWrite*l.width {
		return false
	}
	return room >= roomToWrite || l.composer.OneLine(room-smileWide)
}

// changes tells whether the button would have another place than it has.
func (l *entryLayout) changes(button fyne.Size) bool { return l.beside(button) != l.was }

// Layout implements fyne.Layout.
func (l *entryLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	composer, button := objects[0], objects[1]
	l.width = size.Width
	b := button.MinSize()
	b.Width = min(b.Width, size.Width)
	button.Resize(b)
	button.Move(fyne.NewPos(size.Width-b.Width, size.Height-b.Height))
	composer.Move(fyne.NewPos(0, 0))
	defer look.Turn(objects, size.Width)
	if l.was = l.beside(b); l.was {
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
