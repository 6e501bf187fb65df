package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// The sheet of shortcuts, as it opens.
const shortcutsWidth, shortcutsHeight = 460, 620

// shortcutSheet opens the window with every shortcut there is. A row does what it says, so that one can also look something up and do
// it at once.
func (d *desk) shortcutSheet() {
	w := d.openWindow("shortcuts", lang.L("Shortcuts"))
	if w == nil {
		return
	}
	shut := w.Close
	var rows []*pressable
	box := container.NewVBox(inset(look.Step, 0, 0, 0, look.NewText(lang.L("Shortcuts"), look.Title)))
	for _, g := range d.shell.shortcutTable() {
		box.Add(inset(look.Step, 2*look.Step, 0, 0, look.NewText(g.title, look.Header)))
		for _, s := range g.all {
			row := newShortcutRow(s, func() {
				shut()
				if s.do != nil && d.shell.reaches(s.reach) {
					s.do(d.shell.current())
				}
			})
			row.escape = shut
			rows = append(rows, row)
			box.Add(row)
		}
	}
	scroll := container.NewVScroll(inset(4*look.Step, 2*look.Step, 4*look.Step, 4*look.Step, box))
	for i, row := range rows {
		row.step = func(by int) {
			next := rows[min(max(i+by, 0), len(rows)-1)]
			w.Canvas().Focus(next)
			show(scroll, next)
		}
	}
	w.SetPadded(false)
	w.SetContent(container.NewStack(filled(theme.ColorNameBackground, 0), scroll))
	w.Canvas().SetOnTypedKey(func(e *fyne.KeyEvent) {
		if e.Name == fyne.KeyEscape || e.Name == fyne.KeyF1 {
			shut()
		}
	})
	w.SetCloseIntercept(shut)
	w.Resize(fyne.NewSize(shortcutsWidth, shortcutsHeight))
	w.CenterOnScreen()
	w.Show()
	w.Canvas().Focus(rows[0])
}

func newShortcutRow(s shortcut, do func()) *pressable {
	keys := container.NewHBox()
	said := s.name
	for _, k := range s.keys {
		said += ", " + k.words()
		keys.Add(container.NewCenter(container.NewStack(filled(look.ColorRaised, look.SmallRadius), look.NewWord(k.words(), look.Hint))))
	}
	row := &pressable{role: access.Button, name: said, tapped: do,
		inside: sided(look.Step, 0, 0, 0, ranked(nil, keys, container.New(layout.NewVBoxLayout(), layout.NewSpacer(), look.NewText(s.name, look.Body), layout.NewSpacer())))}
	row.ExtendBaseWidget(row)
	return row
}

// show scrolls until something inside can be seen as a whole.
func show(scroll *container.Scroll, o fyne.CanvasObject) {
	driver := fyne.CurrentApp().Driver()
	top := driver.AbsolutePositionForObject(o).Y - driver.AbsolutePositionForObject(scroll).Y
	bottom := top + o.Size().Height
	switch {
	case top < 0:
		scroll.Offset.Y += top
	case bottom > scroll.Size().Height:
		scroll.Offset.Y += bottom - scroll.Size().Height
	default:
		return
	}
	scroll.Refresh()
}
