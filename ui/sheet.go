package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/look"
)

const (
	sheetWidth   = 480
	sheetPadding = 4 * look.Step // and what words have of their own
)

// A sheet is a small window about one contact: a title, what there is to say, and buttons. It does not hold up the main window, so
// one can go on writing. Escape closes it; Enter presses the main button.
type sheet struct {
	desk   *desk
	ref    session.Ref
	window fyne.Window
	box    *fyne.Container // all of the window
	root   *fyne.Container
	spoken string // of the page, to those who do not see it
	stop   func()
	wipe   func() // forgets what was typed
	enter  func() // what Enter does where no widget wants it
	width  float32
}

// openSheet opens a window that calls update now and whenever something about r changes. It returns nil when the window is open
// already.
func (d *desk) openSheet(key string, r session.Ref, update func(*sheet)) *sheet {
	w := d.openWindow(key+"\x00"+r.Account+"\x00"+r.Contact, "Sotto")
	if w == nil {
		return nil
	}
	s := &sheet{desk: d, ref: r, window: w, root: container.NewStack(), width: sheetWidth}
	w.SetPadded(false)
	s.box = container.NewStack(filled(theme.ColorNameBackground, 0), s.root)
	w.SetContent(s.box)
	w.SetCloseIntercept(s.close)
	w.Canvas().SetOnTypedKey(s.typedKey)
	s.stop = d.watch(r, func() { update(s) })
	update(s)
	w.CenterOnScreen()
	w.Show()
	return s
}

func (s *sheet) close() {
	s.stop()
	s.forget()
	s.window.Close()
}

func (s *sheet) forget() {
	if s.wipe != nil {
		s.wipe()
		s.wipe = nil
	}
}

func (s *sheet) typedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyEscape:
		s.close()
	case fyne.KeyReturn, fyne.KeyEnter:
		if s.enter != nil {
			s.enter()
		}
	default:
		s.desk.shell.typedKey(e)
	}
}

// contact is the contact as it is now.
func (s *sheet) contact() session.Contact {
	c, _ := s.desk.model.Contact(s.ref)
	return c
}

// A leaf is one page of a sheet.
type leaf struct {
	title   string
	step    string // "1 of 3"
	body    []fyne.CanvasObject
	buttons []*button // the last is the main one
	first   fyne.Focusable
	enter   func()
}

// turn shows a page. What was typed on the one before is forgotten.
func (s *sheet) turn(l leaf) {
	s.forget()
	s.enter = l.enter
	head := container.NewBorder(nil, nil, nil, container.NewCenter(look.NewWord(l.step, look.Hint)), look.NewText(l.title, look.Title))
	if l.step == "" {
		head = container.NewStack(look.NewText(l.title, look.Title))
	}
	foot := container.NewHBox(layout.NewSpacer())
	for i, b := range l.buttons {
		if i > 0 {
			foot.Add(gap(0, 0))
		}
		b.escape = s.close
		foot.Add(b)
	}
	objects := []fyne.CanvasObject{head}
	for _, o := range l.body {
		objects = append(objects, aligned(o))
	}
	objects = append(objects, gap(0, 3*look.Step), aligned(foot))
	s.root.Objects = []fyne.CanvasObject{inset(sheetPadding, sheetPadding, sheetPadding, sheetPadding, container.New(flow{}, objects...))}
	s.fit()
	if l.first != nil {
		s.window.Canvas().Focus(l.first)
	} else {
		s.window.Canvas().Unfocus()
	}
	s.speak(l)
}

// speak has a page read out when it turns: who does not see it would hear no more than its title and what has the keyboard.
func (s *sheet) speak(l leaf) {
	access.Name(s.box, l.title)
	said := strings.Join(sentences(l.body...), "\n")
	if said == s.spoken {
		return
	}
	s.spoken = said
	s.desk.shell.tell(said)
}

// sentences are the words of ours that are set to be read: not the names of fields, nor what stands in them.
func sentences(objects ...fyne.CanvasObject) []string {
	var all []string
	for _, o := range objects {
		switch o := o.(type) {
		case *fyne.Container:
			if o.Visible() {
				all = append(all, sentences(o.Objects...)...)
			}
		case *look.Text:
			if o.Visible() && o.Wrapping == fyne.TextWrapWord && o.Words() != "" {
				all = append(all, o.Words())
			}
		}
	}
	return all
}

// aligned lets the edge of a box stand under the edge of words, which keep a distance of their own.
func aligned(o fyne.CanvasObject) fyne.CanvasObject {
	switch o.(type) {
	case *look.Text, *unspoken:
		return o
	}
	if !o.Visible() && o.MinSize().Height == 0 {
		return o
	}
	return inset(theme.InnerPadding(), 0, theme.InnerPadding(), 0, o)
}

// fit gives the window the height that its words need at its width.
func (s *sheet) fit() {
	s.root.Refresh()
	s.root.Resize(fyne.NewSize(s.width, s.root.MinSize().Height))
	height := s.root.MinSize().Height
	s.window.Resize(fyne.NewSize(s.width, height))
	s.root.Resize(fyne.NewSize(s.width, height))
}

// flow sets things under one another, each as high as its words are at the width there is.
type flow struct{}

// Layout implements fyne.Layout.
func (flow) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	y := float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		o.Resize(fyne.NewSize(size.Width, o.Size().Height))
		height := o.MinSize().Height
		o.Resize(fyne.NewSize(size.Width, height))
		o.Move(fyne.NewPos(0, y))
		y += height
	}
}

// MinSize implements fyne.Layout.
func (flow) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o.Visible() {
			min := o.MinSize()
			size.Width = max(size.Width, min.Width)
			size.Height += min.Height
		}
	}
	return size
}

// hint is a small line of explanation with our sign before it.
func hint(sentence string) fyne.CanvasObject {
	mark := inset(0, 2*look.Step, 0, 0, container.New(flow{}, look.NewMark(look.IconInfo, 16, "")))
	return container.NewBorder(nil, nil, mark, nil, look.NewText(sentence, look.Hint))
}

// verdict is a large lock with a sentence beside it: how something ended.
func verdict(l look.Lock, sentence, beneath string) fyne.CanvasObject {
	said := container.New(flow{}, look.NewText(sentence, look.Body))
	if beneath != "" {
		said.Add(look.NewText(beneath, look.Body))
	}
	mark := inset(0, 2*look.Step, look.Step, 0, container.New(flow{}, look.NewLockMark(l, look.LockLarge, "")))
	return container.NewBorder(nil, nil, mark, nil, said)
}

// quote shows words of the other side as such: selectable, and never as something the program says.
func quote(heading, words string) fyne.CanvasObject {
	text := widget.NewLabel(words)
	text.Wrapping = fyne.TextWrapWord
	text.Selectable = true
	edge := filled(theme.ColorNamePrimary, 0)
	return container.NewStack(
		filled(look.ColorRaised, look.SmallRadius),
		container.NewBorder(nil, nil, container.NewStack(edge, gap(look.Step, 0)), nil,
			container.New(flow{}, look.NewText(heading, look.Hint), text)),
	)
}

// wipe overwrites a secret that is needed no more.
func wipe(secret []byte) { clear(secret) }

// named gives a field the name that stands above it.
func named(f *field, name string) *field { return access.Name(f, name) }

// enable switches a button on or off.
func enable(b *button, on bool) {
	if on {
		b.Enable()
		return
	}
	b.Disable()
}
