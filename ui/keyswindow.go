package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

const (
	keysWidth, keysHeight           = 560, 640
	leastKeysWidth, leastKeysHeight = 340, 400
)

// A keysWindow shows every key that is known: the person's own, those of all contacts, the story of one contact's, and what a file would
// change of them. It shows one page at a time.
type keysWindow struct {
	desk   *desk
	window fyne.Window
	root   *fyne.Container
	list   *keyList
	page   keysPage
	stop   func()

	// What the system asks the person; tests answer themselves.
	openFile func(took func(name string, data []byte, err error))
	saveFile func(name string, data []byte, done func(error))
}

// A keysPage is one page of the window.
type keysPage interface {
	content() fyne.CanvasObject
	update() // something about a contact or an account has changed
	leave()  // Escape
	first() fyne.Focusable
}

// keys opens the window with the keys of everybody, or brings it forward.
func (d *desk) keys() {
	k := d.openKeys()
	k.show(k.list)
}

// keyStory opens the window with what is known of one contact's keys.
func (d *desk) keyStory(r session.Ref) {
	k := d.openKeys()
	k.show(newKeyStory(k, r))
}

func (d *desk) openKeys() *keysWindow {
	if d.keysOpen != nil {
		d.keysOpen.window.RequestFocus()
		return d.keysOpen
	}
	k := &keysWindow{desk: d, window: d.openWindow("keys", lang.L("Keys")), root: container.NewStack()}
	d.keysOpen = k
	k.openFile, k.saveFile = k.askForFile, k.askWhereTo
	k.list = newKeyList(k)
	k.window.SetPadded(false)
	k.window.SetContent(container.New(leastKeys{}, container.NewStack(filled(theme.ColorNameBackground, 0), k.root)))
	k.window.Canvas().SetOnTypedKey(func(e *fyne.KeyEvent) {
		if e.Name == fyne.KeyEscape {
			k.page.leave()
		}
	})
	k.stop = d.watchAll(func() { k.page.update() })
	k.window.SetOnClosed(func() {
		k.stop()
		delete(d.windows, "keys")
		d.keysOpen = nil
	})
	k.window.Resize(fyne.NewSize(keysWidth, keysHeight))
	k.window.Show()
	return k
}

func (k *keysWindow) close() { k.window.Close() }

// show turns to a page.
func (k *keysWindow) show(p keysPage) {
	k.page = p
	p.update()
	k.root.Objects = []fyne.CanvasObject{container.New(&settled{}, p.content())}
	k.root.Refresh()
	if f := p.first(); f != nil {
		k.window.Canvas().Focus(f)
	}
}

// back goes from any page to the list.
func (k *keysWindow) back() {
	k.list.refresh()
	k.show(k.list)
}

// leastKeys keeps the window usable without letting a long word widen it.
type leastKeys struct{}

// Layout implements fyne.Layout.
func (leastKeys) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	new(atLeast).Layout(objects, size)
}

// MinSize implements fyne.Layout.
func (leastKeys) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(leastKeysWidth, leastKeysHeight)
}

// keysHead is the top of a page: the way back, where there is one, and what the page is about.
func keysHead(back *button, title, about string, more ...fyne.CanvasObject) fyne.CanvasObject {
	words := container.New(flow{}, look.NewText(title, look.Title).InLanguage())
	if about != "" {
		words.Add(inset(0, -2*look.Step, 0, 0, look.NewText(about, look.Hint).InLanguage()))
	}
	var left fyne.CanvasObject
	if back != nil {
		left = inset(0, look.Step, 0, 0, container.New(flow{}, back))
	}
	objects := []fyne.CanvasObject{ranked(left, nil, words)}
	objects = append(objects, more...)
	return container.NewStack(filled(look.ColorSurface, 0), container.NewVBox(
		inset(2*look.Step, 2*look.Step, 2*look.Step, 2*look.Step, container.New(flow{}, objects...)), hairline()))
}

// keysFoot is the bottom of a page: its buttons.
func keysFoot(buttons ...*button) fyne.CanvasObject {
	row := container.New(reading(buttonRow{}))
	for _, b := range buttons {
		row.Add(b)
	}
	return container.NewStack(filled(look.ColorSurface, 0), container.NewVBox(hairline(), inset(4*look.Step, 2*look.Step, 4*look.Step, 2*look.Step, row)))
}

// rounding is what the sum of widths may differ from what they were.
const rounding = 0.5

// buttonRow sets buttons beside one another, at the right. Where there is not enough room for that, each has a line of its own.
type buttonRow struct{}

// beside tells whether all have room in one line.
func (buttonRow) beside(objects []fyne.CanvasObject, width float32) bool {
	for _, o := range objects {
		width -= o.MinSize().Width
	}
	return width+rounding >= float32(len(objects)-1)*2*look.Step
}

// Layout implements fyne.Layout.
func (l buttonRow) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	x, y := size.Width, float32(0)
	beside := l.beside(objects, size.Width)
	for _, o := range objects {
		x -= o.MinSize().Width
	}
	x -= float32(len(objects)-1) * 2 * look.Step
	for _, o := range objects {
		least := o.MinSize()
		if beside {
			o.Resize(least)
			o.Move(fyne.NewPos(x, 0))
			x += least.Width + 2*look.Step
			continue
		}
		o.Resize(fyne.NewSize(size.Width, least.Height))
		o.Move(fyne.NewPos(0, y))
		y += least.Height + 2*look.Step
	}
}

// MinSize implements fyne.Layout. The height is that for the width there was last.
func (l buttonRow) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	width, sum := float32(0), float32(0)
	for _, o := range objects {
		least := o.MinSize()
		size = size.Max(least)
		sum += least.Height + 2*look.Step
		width = max(width, o.Position().X+o.Size().Width)
	}
	if width > 0 && !l.beside(objects, width) {
		size.Height = sum - 2*look.Step
	}
	return size
}

// wrapped sets things beside one another, at the right, and begins a new line where one is full.
type wrapped struct{}

// lines are the things of each line at a width.
func (wrapped) lines(objects []fyne.CanvasObject, width float32) (lines [][]fyne.CanvasObject) {
	room := float32(-1)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		w := o.MinSize().Width
		if room+rounding < w {
			lines, room = append(lines, nil), width
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], o)
		room -= w + 2*look.Step
	}
	return lines
}

// fromBeginning sets things like wrapped, but at the left.
type fromBeginning struct{ wrapped }

// Layout implements fyne.Layout.
func (l fromBeginning) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	y := float32(0)
	for _, line := range l.lines(objects, size.Width) {
		x, high := float32(0), float32(0)
		for _, o := range line {
			least := o.MinSize()
			o.Resize(least)
			o.Move(fyne.NewPos(x, y))
			x += least.Width + 2*look.Step
			high = max(high, least.Height)
		}
		y += high + look.Step
	}
}

// Layout implements fyne.Layout.
func (l wrapped) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	y := float32(0)
	for _, line := range l.lines(objects, size.Width) {
		x, high := size.Width, float32(0)
		for i := len(line) - 1; i >= 0; i-- {
			min := line[i].MinSize()
			x -= min.Width
			line[i].Resize(min)
			line[i].Move(fyne.NewPos(max(x, 0), y))
			x -= 2 * look.Step
			high = max(high, min.Height)
		}
		y += high + look.Step
	}
}

// MinSize implements fyne.Layout. The height is that for the width there was last.
func (l wrapped) MinSize(objects []fyne.CanvasObject) fyne.Size {
	width, widest := float32(0), float32(0)
	for _, o := range objects {
		if o.Visible() {
			width = max(width, o.Position().X+o.Size().Width)
			widest = max(widest, o.MinSize().Width)
		}
	}
	if width == 0 {
		width = keysWidth
	}
	height := float32(0)
	for _, line := range l.lines(objects, width) {
		high := float32(0)
		for _, o := range line {
			high = max(high, o.MinSize().Height)
		}
		height += high + look.Step
	}
	return fyne.NewSize(widest, max(height-look.Step, 0))
}
