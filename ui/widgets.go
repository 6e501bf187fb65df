package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// A button is a button that lets the Escape key through to what it stands in, and the arrow keys where it stands in a menu.
type button struct {
	look.Button
	escape func()
	step   func(by int) // goes to the button before or after this one; nil outside menus
}

func newButton(label string, tapped func()) *button {
	return shapedButton(label, widget.MediumImportance, tapped)
}

// newMainButton makes the one button of a page that does what one came for.
func newMainButton(label string, tapped func()) *button {
	return shapedButton(label, widget.HighImportance, tapped)
}

// newQuietButton makes a button without a background.
func newQuietButton(label string, tapped func()) *button {
	return shapedButton(label, widget.LowImportance, tapped)
}

func shapedButton(label string, importance widget.Importance, tapped func()) *button {
	b := &button{}
	b.Text, b.Importance, b.OnTapped = label, importance, tapped
	b.ExtendBaseWidget(b)
	return b
}

// newIconButton makes a button that shows only a drawing; name says what it does to those who do not see it.
func newIconButton(name string, icon fyne.Resource, tapped func()) *button {
	b := newQuietButton("", tapped)
	b.Icon = icon
	return access.Name(b, name)
}

// menuItem is an item of a menu, with its words as they are seen.
func menuItem(label string, do func()) *fyne.MenuItem {
	return fyne.NewMenuItem(look.AsRead(label), do)
}

// atBeginning sets the words of a button where its language begins a line.
func atBeginning() widget.ButtonAlign {
	if lang.RightToLeft() {
		return widget.ButtonAlignTrailing
	}
	return widget.ButtonAlignLeading
}

// newUnfolding makes a button that shows and hides what most people do not need.
func newUnfolding(label string, what *fyne.Container, refresh func()) *button {
	b := newQuietButton(label, func() { what.Hidden = !what.Hidden; refresh() })
	b.Icon = look.IconChevron
	b.Alignment = atBeginning()
	if lang.RightToLeft() {
		b.IconPlacement = widget.ButtonIconTrailingText
	}
	return b
}

// FocusGained implements fyne.Focusable.
func (b *button) FocusGained() { b.Button.FocusGained(); reveal(b) }

// TypedKey implements fyne.Focusable. A key presses the button without taking the keyboard from it, as Tapped would.
func (b *button) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyEscape:
		if b.escape != nil {
			b.escape()
		}
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		if !b.Disabled() && b.OnTapped != nil {
			b.OnTapped()
		}
	case fyne.KeyUp:
		b.walk(-1)
	case fyne.KeyDown:
		b.walk(1)
	default:
		if !look.PassOn(b, e) {
			b.Button.TypedKey(e)
		}
	}
}

func (b *button) walk(by int) {
	if b.step != nil {
		b.step(by)
	}
}

// A field is a one-line entry: Enter confirms, Escape leaves, and the window's shortcuts still work while one types in it.
type field struct {
	widget.Entry
	escape   func()
	up, down func() // the arrow keys; nil: they do nothing
}

func newField(placeholder string) *field {
	f := &field{}
	f.PlaceHolder = placeholder
	f.Wrapping = fyne.TextWrapOff
	f.ExtendBaseWidget(f)
	return f
}

func newPasswordField() *field {
	f := newField("")
	f.Password = true
	return f
}

// SetText leaves the caret behind the text, where whoever types goes on.
func (f *field) SetText(text string) {
	f.Entry.SetText(text)
	f.Entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageDown})
}

// FocusGained implements fyne.Focusable.
func (f *field) FocusGained() { f.Entry.FocusGained(); reveal(f) }

// TypedKey implements fyne.Focusable.
func (f *field) TypedKey(e *fyne.KeyEvent) {
	do := map[fyne.KeyName]func(){fyne.KeyEscape: f.escape, fyne.KeyUp: f.up, fyne.KeyDown: f.down}[e.Name]
	if do != nil {
		do()
		return
	}
	if !look.PassOn(f, e) {
		f.Entry.TypedKey(e)
	}
}

// TypedShortcut implements fyne.Shortcutable.
func (f *field) TypedShortcut(s fyne.Shortcut) {
	f.Entry.TypedShortcut(s)
	look.PassShortcut(f, s)
}

// label is the name above a field.
func label(s string) fyne.CanvasObject {
	t := look.NewLine(s, look.Hint).Begin()
	t.SetColor(theme.ColorNameForeground)
	return inset(0, look.Step, 0, -1.5*look.Step, t) // nearer to its own field than to the one before
}

// trouble is the sentence that says what went wrong, where the person is looking. It takes no room while it says nothing.
type trouble struct {
	widget.BaseWidget
	words *look.Text
}

func newTrouble() *trouble {
	t := &trouble{words: look.NewText("", look.Body)}
	t.words.SetColor(look.ColorNotPrivate)
	t.ExtendBaseWidget(t)
	t.Hide()
	return t
}

// CreateRenderer implements fyne.Widget.
func (t *trouble) CreateRenderer() fyne.WidgetRenderer {
	mark := sided(2*look.Step, firstLine(16, theme.TextSize()), 0, 0, container.NewVBox(look.NewMark(look.IconWarning, 16, "")))
	return widget.NewSimpleRenderer(inset(0, look.Step, 0, 2*look.Step, container.NewStack(filled(look.ColorNotPrivateBg, look.SmallRadius),
		ranked(mark, nil, t.words))))
}

// Semantics implements access.Semantic.
func (t *trouble) Semantics() access.Node {
	return access.Node{Role: access.Alert, Text: t.words.Words(), Live: access.Assertive}
}

func (t *trouble) say(s string) {
	t.words.SetText(s)
	if s == "" {
		t.Hide()
		return
	}
	t.Show()
}

// begin sets something where the language begins a line.
func begin(o fyne.CanvasObject) *fyne.Container {
	if lang.RightToLeft() {
		return container.NewHBox(layout.NewSpacer(), o)
	}
	return container.NewHBox(o)
}

// bordered lays out like container.NewBorder. The Tab key, and whoever reads aloud, goes through it in reading order: what is above,
// on the left, in the middle, on the right, below.
func bordered(top, bottom, left, right, middle fyne.CanvasObject) *fyne.Container {
	var objects []fyne.CanvasObject
	for _, o := range []fyne.CanvasObject{top, left, middle, right, bottom} {
		if o != nil {
			objects = append(objects, o)
		}
	}
	return container.New(layout.NewBorderLayout(top, bottom, left, right), objects...)
}

// stacked sets what is above, what fills the room, and what is below close under one another. What is nil or hidden takes no room.
func stacked(above, middle, below fyne.CanvasObject) *fyne.Container {
	var objects []fyne.CanvasObject
	for _, o := range []fyne.CanvasObject{above, middle, below} {
		if o != nil {
			objects = append(objects, o)
		}
	}
	return container.New(&floors{above, middle, below}, objects...)
}

type floors struct{ above, middle, below fyne.CanvasObject }

// Layout implements fyne.Layout.
func (l *floors) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	top, bottom := l.tall(l.above, size.Width), l.tall(l.below, size.Width)
	if l.above != nil {
		l.above.Move(fyne.Position{})
	}
	if l.below != nil {
		l.below.Move(fyne.NewPos(0, size.Height-bottom))
	}
	l.middle.Move(fyne.NewPos(0, top))
	l.middle.Resize(fyne.NewSize(size.Width, size.Height-top-bottom))
}

// tall gives o its width and the height that it needs there.
func (l *floors) tall(o fyne.CanvasObject, width float32) float32 {
	if o == nil || !o.Visible() {
		return 0
	}
	o.Resize(fyne.NewSize(width, o.MinSize().Height))
	height := o.MinSize().Height // words know it once they have a width
	o.Resize(fyne.NewSize(width, height))
	return height
}

// MinSize implements fyne.Layout.
func (l *floors) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o.Visible() {
			least := o.MinSize()
			size = fyne.NewSize(max(size.Width, least.Width), size.Height+least.Height)
		}
	}
	return size
}

// piled sets things under one another without a gap.
func piled(objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedVBoxLayout(0), objects...)
}

// endRow sets buttons beside one another in the order of reading, at the end of what they are given, and under one another where that is less than they need.
// The room is how wide that is; 0 is as wide as they like.
func endRow(room float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&rowLayout{room}, objects...)
}

type rowLayout struct{ room float32 }

// rowGap is the distance between two buttons.
const rowGap = 2 * look.Step

// beside is how large the buttons are beside one another, and tells whether they can stand so.
func (l *rowLayout) beside(objects []fyne.CanvasObject) (size fyne.Size, fit bool) {
	for i, o := range objects {
		if i > 0 {
			size.Width += rowGap
		}
		least := o.MinSize()
		size = fyne.NewSize(size.Width+least.Width, max(size.Height, least.Height))
	}
	return size, l.room == 0 || size.Width <= l.room
}

// Layout implements fyne.Layout.
func (l *rowLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	row, fit := l.beside(objects)
	defer look.Turn(objects, size.Width)
	x, y := max(size.Width-row.Width, 0), float32(0)
	for _, o := range objects {
		least := o.MinSize()
		if !fit {
			o.Move(fyne.NewPos(0, y))
			o.Resize(fyne.NewSize(size.Width, least.Height))
			y += least.Height + rowGap
			continue
		}
		o.Move(fyne.NewPos(x, 0))
		o.Resize(fyne.NewSize(least.Width, size.Height))
		x += least.Width + rowGap
	}
}

// MinSize implements fyne.Layout.
func (l *rowLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	row, fit := l.beside(objects)
	if fit {
		return row
	}
	size := fyne.NewSize(0, -rowGap)
	for _, o := range objects {
		least := o.MinSize()
		size = fyne.NewSize(max(size.Width, least.Width), size.Height+least.Height+rowGap)
	}
	return size
}

// gap is empty space.
func gap(w, h float32) fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	r.SetMinSize(fyne.NewSize(w, h))
	return r
}

// A wash is a surface in a colour of the theme.
type wash struct {
	widget.BaseWidget
	name   fyne.ThemeColorName
	edge   fyne.ThemeColorName // of the line around it; "" is none
	radius float32
}

func filled(name fyne.ThemeColorName, radius float32) *wash {
	w := &wash{name: name, radius: radius}
	w.ExtendBaseWidget(w)
	return w
}

// CreateRenderer implements fyne.Widget.
func (w *wash) CreateRenderer() fyne.WidgetRenderer {
	r := &washRenderer{wash: w, rect: canvas.NewRectangle(color.Transparent)}
	r.Refresh()
	return r
}

// Semantics implements access.Semantic: a surface says nothing.
func (w *wash) Semantics() access.Node { return access.Node{} }

type washRenderer struct {
	wash *wash
	rect *canvas.Rectangle
}

func (r *washRenderer) Layout(size fyne.Size)        { r.rect.Resize(size) }
func (r *washRenderer) MinSize() fyne.Size           { return fyne.Size{} }
func (r *washRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.rect} }
func (r *washRenderer) Destroy()                     {}
func (r *washRenderer) Refresh() {
	r.rect.FillColor = theme.Color(r.wash.name)
	r.rect.CornerRadius = r.wash.radius
	if r.wash.edge != "" {
		r.rect.StrokeColor, r.rect.StrokeWidth = theme.Color(r.wash.edge), 1
	}
	r.rect.Refresh()
}

// framed draws round a choice what stands round an entry.
func framed(o fyne.CanvasObject) fyne.CanvasObject {
	w := filled(theme.ColorNameInputBackground, look.SmallRadius+1)
	w.edge = theme.ColorNameInputBorder
	return container.NewStack(w, inset(1, 1, 1, 1, o))
}

// rimmed draws a line round what a pop-up shows: in the dark its shadow is not seen.
func rimmed(inside fyne.CanvasObject) fyne.CanvasObject {
	w := filled(theme.ColorNameOverlayBackground, theme.Size(theme.SizeNamePopupRadius))
	w.edge = look.ColorLine
	return container.New(rim{}, w, inside)
}

// rim lets the first thing reach over the distance that a pop-up keeps to what is inside it.
type rim struct{}

// Layout implements fyne.Layout.
func (rim) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	pad := theme.InnerPadding()
	objects[0].Move(fyne.NewSquareOffsetPos(-pad / 2))
	objects[0].Resize(size.AddWidthHeight(pad, pad))
	objects[1].Move(fyne.Position{})
	objects[1].Resize(size)
}

// MinSize implements fyne.Layout.
func (rim) MinSize(objects []fyne.CanvasObject) fyne.Size { return objects[1].MinSize() }

// column keeps what is inside at most width wide, in the middle.
type column struct {
	width  float32
	middle bool // vertically too
}

// Layout implements fyne.Layout.
func (c column) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	w := min(c.width, size.Width)
	for _, o := range objects {
		o.Resize(fyne.NewSize(w, size.Height))
		h := size.Height
		if c.middle {
			h = min(o.MinSize().Height, size.Height)
		}
		o.Resize(fyne.NewSize(w, h))
		o.Move(fyne.NewPos((size.Width-w)/2, (size.Height-h)/2))
	}
}

// MinSize implements fyne.Layout.
func (c column) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		size = size.Max(o.MinSize())
	}
	return fyne.NewSize(min(size.Width, c.width), size.Height)
}

// page shows a form in the middle of the window, scrolling where the window is too small for it.
func page(objects ...fyne.CanvasObject) fyne.CanvasObject {
	box := container.NewVBox(objects...)
	return container.NewVScroll(container.New(column{width: pageWidth, middle: true}, inset(4*look.Step, look.Step, 4*look.Step, look.Step, box)))
}

// form is a page that ends in buttons, which stay in sight where the rest has to be scrolled. What has just gone wrong belongs to the
// foot too: it must be seen.
func form(foot fyne.CanvasObject, objects ...fyne.CanvasObject) fyne.CanvasObject {
	inside := container.New(column{width: pageWidth}, inset(4*look.Step, look.Step, 4*look.Step, 0, container.NewVBox(objects...)))
	return container.New(&footed{inside: inside}, container.NewVScroll(inside),
		container.New(column{width: pageWidth}, inset(4*look.Step, 2*look.Step, 4*look.Step, 3*look.Step, foot)))
}

// footed sets what scrolls and what does not under one another, in the middle where there is room for all of it.
type footed struct {
	inside fyne.CanvasObject
	room   fyne.Size // what there was last for what scrolls
}

// Layout implements fyne.Layout.
func (l *footed) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	scroll, foot := objects[0], objects[1]
	foot.Resize(fyne.NewSize(size.Width, foot.MinSize().Height)) // the height of words follows from the width
	bottom := foot.MinSize().Height
	scroll.Resize(fyne.NewSize(size.Width, max(size.Height-bottom, 0)))
	height := min(l.inside.MinSize().Height, max(size.Height-bottom, 0))
	top := max((size.Height-height-bottom)/2, 0)
	scroll.Move(fyne.NewPos(0, top))
	scroll.Resize(fyne.NewSize(size.Width, height))
	foot.Move(fyne.NewPos(0, top+height))
	foot.Resize(fyne.NewSize(size.Width, bottom))
	if room := scroll.Size(); room != l.room {
		l.room = room
		revealHeld(scroll)
	}
}

// MinSize implements fyne.Layout.
func (l *footed) MinSize(objects []fyne.CanvasObject) fyne.Size {
	scroll, foot := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(max(scroll.Width, foot.Width), scroll.Height+foot.Height)
}

const pageWidth = 464

// inset keeps what is inside away from the edges.
func inset(left, top, right, bottom float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedLayout(top, bottom, left, right), o)
}
