package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A searchBar looks for words in the conversation it stands above: it marks the messages they are in, the newest first, and goes from
// one to the next. Enter and the arrow up go to the one before in time, Shift+Enter and the arrow down back.
type searchBar struct {
	widget.BaseWidget
	talk     *talkPane
	entry    *field
	count    *look.Text
	up, down *button
	inside   fyne.CanvasObject
	found    []uint64 // oldest first
	at       int      // of found
}

func newSearchBar(t *talkPane) *searchBar {
	b := &searchBar{talk: t, count: look.NewLine("", look.Hint).End()}
	b.entry = access.Name(newField(lang.L("Search")), lang.L("Search in this conversation"))
	b.entry.Icon = theme.SearchIcon()
	b.entry.OnChanged = func(string) { b.find() }
	b.entry.OnSubmitted = func(string) { b.step(-1) }
	b.entry.up, b.entry.down = func() { b.step(-1) }, func() { b.step(1) }
	b.entry.escape = b.leave
	b.up = newIconButton(lang.L("Earlier"), look.IconUp, func() { b.step(-1) })
	b.down = newIconButton(lang.L("Later"), look.IconChevron, func() { b.step(1) })
	day := newIconButton(lang.L("Go to a day"), look.IconDay.In(look.ColorMuted), t.chooseDay)
	shut := newIconButton(lang.L("Close the search"), look.IconClose, b.leave)
	for _, x := range []*button{b.up, b.down, day, shut} {
		x.escape = b.leave
	}
	b.entry.ActionItem = container.New(&fixed{fyne.NewSize(countWide(), 0)}, b.count) // inside the entry: beside it there would be little room to type in a narrow window
	b.inside = container.NewStack(filled(look.ColorSurface, 0), piled(
		sided(3*look.Step, 2*look.Step, 2*look.Step, 2*look.Step, container.New(&searchLayout{day: day}, b.entry, b.up, b.down, day, shut)),
		widget.NewSeparator()))
	b.ExtendBaseWidget(b)
	b.Hide()
	return b
}

// countWide is as much room as what is found takes in words.
func countWide() float32 {
	widest := float32(0)
	for _, s := range []string{lang.L("Not found"), lang.L("{{.Number}} of {{.All}}", words{"Number": 100, "All": 100})} {
		widest = max(widest, fyne.MeasureText(s, theme.CaptionTextSize(), fyne.TextStyle{}).Width)
	}
	return widest + 2*theme.InnerPadding() + 1
}

// searchLayout sets the buttons beside the entry. Where there is little room the one that the menu of the contact offers too is left out.
type searchLayout struct{ day fyne.CanvasObject }

// searchWide is the width from which on there is room for everything.
const searchWide = 440

// Layout implements fyne.Layout.
func (l *searchLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	if wide := size.Width >= searchWide; wide != l.day.Visible() {
		if wide {
			l.day.Show()
		} else {
			l.day.Hide()
		}
	}
	right := size.Width
	for _, o := range slices.Backward(objects[1:]) {
		if o.Visible() {
			least := o.MinSize()
			right -= least.Width
			o.Resize(fyne.NewSize(least.Width, size.Height))
			o.Move(fyne.NewPos(right, 0))
		}
	}
	objects[0].Move(fyne.Position{})
	objects[0].Resize(fyne.NewSize(max(right-look.Step, 0), size.Height))
	look.Turn(objects, size.Width)
}

// MinSize implements fyne.Layout.
func (l *searchLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o != l.day {
			least := o.MinSize()
			size = fyne.NewSize(size.Width+least.Width, max(size.Height, least.Height))
		}
	}
	return size.AddWidthHeight(look.Step, 0)
}

// CreateRenderer implements fyne.Widget.
func (b *searchBar) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(b.inside) }

// Semantics implements access.Semantic: how many were found is spoken when it changes.
func (b *searchBar) Semantics() access.Node {
	return access.Node{Role: access.Status, Text: b.count.Words(), Live: access.Politely, Inside: []fyne.CanvasObject{b.inside}}
}

// open shows the bar and takes the keyboard.
func (b *searchBar) open() {
	b.Show()
	b.talk.somebody.Refresh()
	b.talk.window.Canvas().Focus(b.entry)
	b.entry.TypedShortcut(&fyne.ShortcutSelectAll{})
	b.find()
}

// close ends the search.
func (b *searchBar) close() {
	if !b.Visible() {
		return
	}
	b.Hide()
	b.talk.somebody.Refresh()
	b.entry.SetText("")
	b.found = nil
	b.talk.view.Mark(chat.Marks{})
}

func (b *searchBar) leave() {
	b.close()
	b.talk.focus()
}

// find looks for what is typed, and goes to the newest message it stands in.
func (b *searchBar) find() {
	b.found = b.talk.rows.script.Search(b.entry.Text)
	b.at = len(b.found) - 1
	b.show()
}

func (b *searchBar) step(by int) {
	if len(b.found) == 0 {
		return
	}
	b.at = (b.at + by + len(b.found)) % len(b.found)
	b.show()
}

// show says how many were found, marks them and brings the one that is looked at into sight.
func (b *searchBar) show() {
	switch {
	case b.entry.Text == "":
		b.count.SetText("")
	case len(b.found) == 0:
		b.count.SetText(lang.L("Not found"))
	default:
		b.count.SetText(lang.L("{{.Number}} of {{.All}}", words{"Number": len(b.found) - b.at, "All": len(b.found)}))
	}
	enable(b.up, len(b.found) > 1)
	enable(b.down, len(b.found) > 1)
	wanted := b.entry.Text
	marks := chat.Marks{Found: make(map[uint64]bool, len(b.found)), In: func(text string) [][2]int { return model.Places(text, wanted) }}
	for _, id := range b.found {
		marks.Found[id] = true
	}
	if len(b.found) > 0 {
		marks.At = b.found[b.at]
	}
	b.talk.view.Mark(marks)
	b.talk.view.ScrollTo(marks.At)
	b.Refresh()
}

// chooseDay offers the days on which something was said, the newest first, and goes to the one that is chosen.
func (t *talkPane) chooseDay() {
	if !t.isOpen() {
		return
	}
	now := t.desk.shell.now()
	days := container.New(flow{})
	var s *slip
	for _, d := range t.rows.script.Days(mostDays) {
		b := newQuietButton(dayWords(d.Day, now), func() {
			s.close()
			t.view.ScrollTo(d.ID)
			t.window.Canvas().Focus(t.view)
		})
		b.Alignment = atBeginning()
		b.escape = func() { s.close() }
		days.Add(b)
	}
	if len(days.Objects) == 0 {
		days.Add(look.NewText(lang.L("Nothing has been said here yet."), look.Hint))
	}
	list := container.NewVScroll(inset(2*look.Step, 2*look.Step, 2*look.Step, 2*look.Step, days))
	list.SetMinSize(fyne.NewSize(0, min(days.MinSize().Height+4*look.Step, dayListHeight)))
	cancel := newButton(lang.L("Cancel"), func() { s.close(); t.focus() })
	s = t.desk.openSlip(lang.L("Go to a day"), list, cancel)
	for i, o := range days.Objects {
		if b, ok := o.(*button); ok {
			b.step = func(by int) {
				if to, ok := days.Objects[(i+by+len(days.Objects))%len(days.Objects)].(*button); ok {
					t.window.Canvas().Focus(to)
				}
			}
			if i == 0 {
				t.window.Canvas().Focus(b)
			}
		}
	}
}

const (
	mostDays      = 400
	dayListHeight = 300
)
