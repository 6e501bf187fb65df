package look

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
)

// A Button is Fyne's button with a ring round it while it has the keyboard, and pressed by Enter as well as by the space bar.
type Button struct {
	widget.Button
	ring    *canvas.Rectangle
	focused bool
}

// NewButton returns a quiet button.
func NewButton(label string, do func()) *Button { return newButton(label, widget.MediumImportance, do) }

// NewPrimary returns the button for what one would most likely do; a screen has at most one.
func NewPrimary(label string, do func()) *Button { return newButton(label, widget.HighImportance, do) }

func newButton(label string, importance widget.Importance, do func()) *Button {
	b := &Button{}
	b.Text = label
	b.Importance = importance
	b.OnTapped = do
	b.ExtendBaseWidget(b)
	return b
}

// CreateRenderer implements fyne.Widget.
func (b *Button) CreateRenderer() fyne.WidgetRenderer {
	b.ExtendBaseWidget(b)
	if b.ring == nil { // one ring, whoever draws the button
		b.ring = newRing()
	}
	var inner fyne.WidgetRenderer
	b.seen(func() { inner = b.Button.CreateRenderer() })
	return &buttonRenderer{ringed{WidgetRenderer: inner, ring: b.ring}, b}
}

// seen has the toolkit draw the label as it is seen, in the bold that it needs. What the button is called does not change.
func (b *Button) seen(draw func()) {
	called, strong := b.Text, widget.RichTextStyleStrong.TextStyle
	b.Text = AsRead(called)
	widget.RichTextStyleStrong.TextStyle = Bold(b.Text)
	draw()
	b.Text, widget.RichTextStyleStrong.TextStyle = called, strong
}

type buttonRenderer struct {
	ringed
	button *Button
}

// MinSize implements fyne.WidgetRenderer: words on a surface have some air on both sides.
func (r *buttonRenderer) MinSize() fyne.Size {
	size := r.ringed.MinSize()
	if r.button.Text != "" && r.button.Icon == nil && r.button.Importance != widget.LowImportance {
		size.Width += 2 * Step
	}
	return size
}

// Refresh implements fyne.WidgetRenderer.
func (r *buttonRenderer) Refresh() {
	for _, o := range r.WidgetRenderer.Objects() {
		if label, ok := o.(*widget.RichText); ok {
			label.Segments[0].(*widget.TextSegment).Style.TextStyle = Bold(AsRead(r.button.Text))
		}
	}
	r.button.seen(r.ringed.Refresh)
}

// FocusGained implements fyne.Focusable.
func (b *Button) FocusGained() {
	b.focused = true
	b.Button.FocusGained()
	b.showRing()
}

// FocusLost implements fyne.Focusable.
func (b *Button) FocusLost() {
	b.focused = false
	b.Button.FocusLost()
	b.showRing()
}

// TypedKey implements fyne.Focusable.
func (b *Button) TypedKey(ev *fyne.KeyEvent) {
	if ev.Name == fyne.KeyReturn || ev.Name == fyne.KeyEnter {
		b.Tapped(nil)
		return
	}
	if !PassOn(b, ev) {
		b.Button.TypedKey(ev)
	}
}

func (b *Button) showRing() {
	if b.ring != nil {
		b.ring.Hidden = !b.focused
		b.ring.Refresh()
	}
}

func newRing() *canvas.Rectangle {
	r := canvas.NewRectangle(color.Transparent)
	r.StrokeWidth = 2
	r.Hidden = true
	return r
}

// ringGap is how far the ring stands off.
const ringGap float32 = 3

// ringed draws a ring round a widget, outside of its bounds, so that nothing moves when it appears.
type ringed struct {
	fyne.WidgetRenderer
	ring *canvas.Rectangle
}

func (r *ringed) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	layoutRing(r.ring, size, SmallRadius)
}

func (r *ringed) Objects() []fyne.CanvasObject {
	inner := r.WidgetRenderer.Objects()
	return append(append(make([]fyne.CanvasObject, 0, len(inner)+1), inner...), r.ring)
}

func (r *ringed) Refresh() {
	r.ring.StrokeColor = colorOf(ColorRing)
	r.ring.Refresh()
	r.WidgetRenderer.Refresh()
}

func layoutRing(ring *canvas.Rectangle, size fyne.Size, radius float32) {
	ring.CornerRadius = radius + ringGap
	ring.StrokeColor = colorOf(ColorRing)
	ring.Move(fyne.NewPos(-ringGap, -ringGap))
	ring.Resize(size.AddWidthHeight(2*ringGap, 2*ringGap))
}

// A Link is a small button that is only a word, for an action inside a text: [Verify].
type Link struct {
	widget.BaseWidget
	label            string
	do               func()
	hovered, focused bool
}

var (
	_ fyne.Focusable    = (*Link)(nil)
	_ fyne.Tappable     = (*Link)(nil)
	_ desktop.Hoverable = (*Link)(nil)
	_ access.Semantic   = (*Link)(nil)
)

// NewLink returns a word that does something.
func NewLink(label string, do func()) *Link {
	l := &Link{label: label, do: do}
	l.ExtendBaseWidget(l)
	return l
}

// Set changes the word and what it does.
func (l *Link) Set(label string, do func()) {
	changed := label != l.label
	l.label, l.do = label, do
	if changed {
		l.Refresh()
	}
}

// Semantics implements access.Semantic.
func (l *Link) Semantics() access.Node {
	return access.Node{Role: access.Button, Name: l.label, Press: l.press}
}

func (l *Link) press() {
	if l.do != nil {
		l.do()
	}
}

// Tapped implements fyne.Tappable.
func (l *Link) Tapped(*fyne.PointEvent) { l.press() }

// Cursor implements desktop.Cursorable.
func (l *Link) Cursor() desktop.Cursor { return desktop.PointerCursor }

// MouseIn implements desktop.Hoverable.
func (l *Link) MouseIn(*desktop.MouseEvent) { l.hovered = true; l.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (l *Link) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (l *Link) MouseOut() { l.hovered = false; l.Refresh() }

// FocusGained implements fyne.Focusable.
func (l *Link) FocusGained() { l.focused = true; l.Refresh() }

// FocusLost implements fyne.Focusable.
func (l *Link) FocusLost() { l.focused = false; l.Refresh() }

// TypedRune implements fyne.Focusable.
func (l *Link) TypedRune(r rune) { PassRune(l, r) }

// TypedKey implements fyne.Focusable.
func (l *Link) TypedKey(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		l.press()
	default:
		PassOn(l, ev)
	}
}

// CreateRenderer implements fyne.Widget.
func (l *Link) CreateRenderer() fyne.WidgetRenderer {
	r := &linkRenderer{link: l, back: canvas.NewRectangle(color.Transparent), text: canvas.NewText("", color.Black), ring: newRing()}
	r.back.CornerRadius = SmallRadius
	r.Refresh()
	return r
}

type linkRenderer struct {
	link *Link
	back *canvas.Rectangle
	text *canvas.Text
	ring *canvas.Rectangle
}

func (r *linkRenderer) MinSize() fyne.Size {
	return r.text.MinSize().AddWidthHeight(4*Step, 2*Step)
}

func (r *linkRenderer) Layout(size fyne.Size) {
	r.back.Resize(size)
	r.text.Resize(r.text.MinSize())
	r.text.Move(fyne.NewPos((size.Width-r.text.MinSize().Width)/2, (size.Height-r.text.MinSize().Height)/2))
	r.ring.CornerRadius = SmallRadius
	r.ring.Resize(size)
}

func (r *linkRenderer) Refresh() {
	r.text.Text = AsRead(r.link.label)
	r.text.TextStyle = Bold(r.text.Text)
	r.text.TextSize = theme.Size(theme.SizeNameCaptionText)
	r.text.Color = colorOf(theme.ColorNamePrimary)
	r.back.FillColor = color.Transparent
	if r.link.hovered {
		r.back.FillColor = colorOf(theme.ColorNameHover)
	}
	r.ring.Hidden = !r.link.focused
	r.ring.StrokeColor = colorOf(ColorRing)
	r.Layout(r.link.Size())
	canvas.Refresh(r.link)
}

func (r *linkRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.text, r.ring}
}

func (r *linkRenderer) Destroy() {}
