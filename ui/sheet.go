package ui

import (
	"slices"
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
	sheetWidth   = 528
	sheetPadding = 4 * look.Step // and what words have of their own

	mostSheetHeight  = 700 // what is higher scrolls: there are screens that are not higher than 768
	leastSheetWidth  = 320
	leastSheetHeight = 160
	wholeSheetHeight = 400 // what is no higher is always seen as a whole
)

// A sheet is a small window about one contact: a title, what there is to say, and buttons. It does not hold up the main window, so
// one can go on writing. Escape closes it; Enter presses the main button. It is as high as its words need; in a window that the person
// has made smaller, or on a small screen, what is between title and buttons scrolls.
type sheet struct {
	desk   *desk
	ref    session.Ref
	window fyne.Window
	box    *fyne.Container // all of the window
	root   *fyne.Container
	page   *fyne.Container
	spoken string // of the page, to those who do not see it
	stop   func()
	wipe   func() // forgets what was typed
	enter  func() // what Enter does where no widget wants it

	width float32 // that of the window
	given float32 // what the window was asked to have last
	taken bool    // it has had that
	least float32 // the height that a page has at least, as it was laid out last
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
	head := container.New(flow{}, look.NewText(l.title, look.Title).InLanguage())
	if l.step != "" {
		step := inset(0, 2*look.Step, 0, 0, container.New(flow{}, look.NewWord(l.step, look.Hint)))
		head = ranked(nil, step, head)
	}
	foot := container.New(reading(buttonRow{}))
	for _, b := range l.buttons {
		b.escape = s.close
		foot.Add(b)
	}
	below := container.New(flow{})
	body := container.New(flow{})
	for i, o := range l.body {
		if _, ok := o.(*trouble); ok && i == len(l.body)-1 {
			below.Add(aligned(o)) // what went wrong stays in sight
			continue
		}
		body.Add(aligned(o))
	}
	below.Add(aligned(foot))
	aside := func(o fyne.CanvasObject) fyne.CanvasObject { return inset(sheetPadding, 0, sheetPadding, 0, o) }
	scroll := container.NewVScroll(container.New(narrowable{}, inset(sheetPadding, sheetRing, sheetPadding, sheetRing, body)))
	s.least = 0
	s.page = container.New(leafLayout{s}, aside(head), scroll, aside(below))
	s.root.Objects = []fyne.CanvasObject{s.page}
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
	switch o := o.(type) {
	case *look.Text, *groupBox:
		return o
	case *fyne.Container:
		if _, padded := o.Layout.(layout.CustomPaddedLayout); padded && len(o.Objects) == 1 {
			if _, words := o.Objects[0].(*look.Text); words {
				return o
			}
		}
	}
	if !o.Visible() && o.MinSize().Height == 0 {
		return o
	}
	return inset(theme.InnerPadding(), 0, theme.InnerPadding(), 0, o)
}

// wide is for a page that needs more width than others.
func (s *sheet) wide(width float32) {
	if s.given == 0 {
		s.width = width
	}
}

// fit gives the window the height that its words need at its width: the one it was made with, until the person gives it another.
func (s *sheet) fit() {
	const rounding = 2 // of a window system
	if now := s.window.Canvas().Size().Width; s.taken && (now-s.given > rounding || s.given-now > rounding) {
		s.width = now
	}
	if s.given != s.width {
		s.given, s.taken = s.width, false
	}
	s.root.Refresh()
	s.window.Resize(fyne.NewSize(s.width, max(min(s.height(), mostSheetHeight), leastSheetHeight)))
	s.root.Refresh()
}

// height is what the page needs at its width.
func (s *sheet) height() float32 {
	o := s.page.Objects
	return settle(o[0], s.width) + settle(o[1].(*container.Scroll).Content, s.width) + settle(o[2], s.width) + sheetEdges
}

const (
	sheetRing  = look.Step                                  // the room that what scrolls has above and below for the ring of what has the keyboard
	sheetEdges = 2*sheetPadding + 3*look.Step - 2*sheetRing // the room above and below a page, and before its buttons
)

// settle gives something a width, so that its words know how high they are, and returns that.
func settle(o fyne.CanvasObject, width float32) float32 {
	for range 2 {
		o.Resize(fyne.NewSize(width, o.MinSize().Height))
	}
	return o.MinSize().Height
}

// leafLayout sets title, body and buttons of a page under one another. Where there is not enough room, the body gets less, and scrolls.
type leafLayout struct{ sheet *sheet }

// Layout implements fyne.Layout.
func (l leafLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	if s := l.sheet; size.Width-s.given < 1 && s.given-size.Width < 1 {
		s.taken = true
	}
	head, scroll, foot := objects[0], objects[1].(*container.Scroll), objects[2]
	top, bottom := settle(head, size.Width), settle(foot, size.Width)
	body := settle(scroll.Content, size.Width)
	l.sheet.least = min(top+body+bottom+sheetEdges, wholeSheetHeight)
	head.Move(fyne.NewPos(0, sheetPadding))
	scroll.Move(fyne.NewPos(0, sheetPadding+top-sheetRing))
	scroll.Resize(fyne.NewSize(size.Width, max(size.Height-top-bottom-sheetEdges, 0)))
	foot.Move(fyne.NewPos(0, size.Height-bottom-sheetPadding))
}

// MinSize implements fyne.Layout. In a window that is made narrower a page becomes higher, and a short one is never cut.
func (l leafLayout) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(leastSheetWidth, max(l.sheet.least, leastSheetHeight))
}

// narrowable lets what is inside become as narrow as its window, whatever one thing in it would need: the others are seen whole then.
type narrowable struct{}

// Layout implements fyne.Layout.
func (narrowable) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.Position{})
		o.Resize(size)
	}
}

// MinSize implements fyne.Layout.
func (narrowable) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		size = size.Max(o.MinSize())
	}
	return fyne.NewSize(min(size.Width, leastSheetWidth), size.Height)
}

// reveal scrolls what has the keyboard into sight, where it stands in something that scrolls.
func reveal(o fyne.CanvasObject) {
	canvas := fyne.CurrentApp().Driver().CanvasForObject(o)
	if canvas == nil {
		return
	}
	place := fyne.CurrentApp().Driver().AbsolutePositionForObject
	at := place(o)
	whole := canvas.Content()
	if top := canvas.Overlays().Top(); top != nil {
		whole = top
	}
	if beside(whole, o) {
		return
	}
	for _, s := range scrolls(whole) {
		from, inside := place(s), place(s.Content)
		if at.Y < inside.Y || at.Y >= inside.Y+s.Content.Size().Height || at.X < from.X || at.X >= from.X+s.Size().Width {
			continue // it stands elsewhere
		}
		const around = 2 * look.Step // for the ring
		above, below := from.Y-at.Y+around, at.Y+o.Size().Height+around-from.Y-s.Size().Height
		switch {
		case below > 0 && o.Size().Height < s.Size().Height:
			s.ScrollToOffset(s.Offset.AddXY(0, min(below, s.Content.Size().Height-s.Size().Height-s.Offset.Y)))
		case above > 0:
			s.ScrollToOffset(s.Offset.SubtractXY(0, min(above, s.Offset.Y)))
		}
	}
}

// revealHeld does so with what has the keyboard in the window of o.
func revealHeld(o fyne.CanvasObject) {
	if canvas := fyne.CurrentApp().Driver().CanvasForObject(o); canvas != nil {
		if held, ok := canvas.Focused().(fyne.CanvasObject); ok {
			reveal(held)
		}
	}
}

// beside tells whether something stands where nothing scrolls.
func beside(whole, o fyne.CanvasObject) bool {
	switch whole := whole.(type) {
	case *fyne.Container:
		return slices.ContainsFunc(whole.Objects, func(inside fyne.CanvasObject) bool { return beside(inside, o) })
	case *widget.PopUp:
		return beside(whole.Content, o)
	}
	return whole == o
}

// scrolls are those that can be seen.
func scrolls(objects ...fyne.CanvasObject) []*container.Scroll {
	var all []*container.Scroll
	for _, o := range objects {
		switch o := o.(type) {
		case *container.Scroll:
			if o.Visible() && o.Content.Size().Height > o.Size().Height {
				all = append(all, o)
			}
		case *fyne.Container:
			if o.Visible() {
				all = append(all, scrolls(o.Objects...)...)
			}
		case *widget.PopUp:
			all = append(all, scrolls(o.Content)...)
		}
	}
	return all
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

// firstLine is how far down a mark of a height stands beside the first line of words of a size.
func firstLine(mark, size float32) float32 {
	return theme.InnerPadding() + max((fyne.MeasureText("M", size, fyne.TextStyle{}).Height-mark)/2, 0)
}

// hint is a small line of explanation with our sign before it.
func hint(sentence string) fyne.CanvasObject {
	mark := inset(0, firstLine(16, theme.CaptionTextSize()), 0, 0, container.New(flow{}, look.NewMark(look.IconInfo, 16, "")))
	return ranked(mark, nil, look.NewText(sentence, look.Hint))
}

// verdict is a large lock with a sentence beside it: how something ended.
func verdict(l look.Lock, sentence, beneath string) fyne.CanvasObject {
	said := container.New(flow{}, look.NewText(sentence, look.Body))
	if beneath != "" {
		said.Add(look.NewText(beneath, look.Body))
	}
	mark := sided(0, 2*look.Step, look.Step, 2*look.Step, container.New(flow{}, look.NewLockMark(l, look.LockLarge, "")))
	return ranked(mark, nil, container.New(column{width: mostSheetHeight, middle: true}, said))
}

// quote shows words of the other side as such: selectable, and never as something the program says.
func quote(heading, words string) fyne.CanvasObject {
	text := look.NewWords(words)
	edge := filled(theme.ColorNamePrimary, 0)
	return container.NewStack(
		filled(look.ColorRaised, look.SmallRadius),
		ranked(container.NewStack(edge, gap(look.Step, 0)), nil,
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
