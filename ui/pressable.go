package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// A pressable is anything that one presses as a whole: a large choice, the bar of the account.
type pressable struct {
	widget.BaseWidget
	role          access.Role
	name, help    string
	words         func() string // what it shows, where that is not its name
	inside        fyne.CanvasObject
	framed        bool
	tapped        func()
	escape        func()
	step          func(by int) // goes to the one before or after this one; nil where there is none
	hovered, held bool         // held: it has the keyboard
}

var (
	_ fyne.Focusable    = (*pressable)(nil)
	_ fyne.Tappable     = (*pressable)(nil)
	_ desktop.Hoverable = (*pressable)(nil)
)

// newChoice makes a large row: what it does, and a few words about it beneath.
func newChoice(label, about string, tapped func()) *pressable {
	words := container.New(layout.NewCustomPaddedVBoxLayout(-2*look.Step), look.NewText(label, look.Header).InLanguage(), look.NewText(about, look.Hint))
	onward := theme.NavigateNextIcon()
	if lang.RightToLeft() {
		onward = theme.NavigateBackIcon()
	}
	mark := container.NewCenter(container.New(layout.NewGridWrapLayout(fyne.NewSquareSize(20)), widget.NewIcon(onward)))
	c := &pressable{role: access.Button, name: label, help: about, framed: true, tapped: tapped,
		inside: sided(2*look.Step, look.Step, 3*look.Step, look.Step, ranked(nil, mark, words))}
	c.ExtendBaseWidget(c)
	return c
}

// Semantics implements access.Semantic.
func (c *pressable) Semantics() access.Node {
	n := access.Node{Role: c.role, Name: c.name, Help: c.help, Press: c.tapped}
	if c.words != nil {
		n.Text = c.words()
	}
	return n
}

// Tapped implements fyne.Tappable.
func (c *pressable) Tapped(*fyne.PointEvent) { c.tapped() }

// FocusGained implements fyne.Focusable.
func (c *pressable) FocusGained() { c.held = true; c.Refresh(); reveal(c) }

// FocusLost implements fyne.Focusable.
func (c *pressable) FocusLost() { c.held = false; c.Refresh() }

// TypedRune implements fyne.Focusable.
func (c *pressable) TypedRune(rune) {}

// TypedKey implements fyne.Focusable.
func (c *pressable) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		c.tapped()
	case fyne.KeyEscape:
		if c.escape != nil {
			c.escape()
		}
	case fyne.KeyUp, fyne.KeyDown:
		if c.step != nil {
			c.step(map[fyne.KeyName]int{fyne.KeyUp: -1, fyne.KeyDown: 1}[e.Name])
		}
	default:
		look.PassOn(c, e)
	}
}

// Cursor implements desktop.Cursorable.
func (c *pressable) Cursor() desktop.Cursor { return desktop.PointerCursor }

// MouseIn implements desktop.Hoverable.
func (c *pressable) MouseIn(*desktop.MouseEvent) { c.hovered = true; c.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (c *pressable) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (c *pressable) MouseOut() { c.hovered = false; c.Refresh() }

// CreateRenderer implements fyne.Widget.
func (c *pressable) CreateRenderer() fyne.WidgetRenderer {
	r := &pressableRenderer{pressable: c, card: canvas.NewRectangle(color.Transparent)}
	r.Refresh()
	return r
}

type pressableRenderer struct {
	pressable *pressable
	card      *canvas.Rectangle
}

func (r *pressableRenderer) Layout(size fyne.Size) {
	r.card.Resize(size)
	r.pressable.inside.Resize(size)
}
func (r *pressableRenderer) MinSize() fyne.Size { return r.pressable.inside.MinSize() }
func (r *pressableRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.card, r.pressable.inside}
}
func (r *pressableRenderer) Destroy() {}
func (r *pressableRenderer) Refresh() {
	p := r.pressable
	r.card.FillColor, r.card.StrokeColor, r.card.StrokeWidth = color.Transparent, color.Transparent, 0
	r.card.CornerRadius = look.SmallRadius
	if p.framed {
		r.card.CornerRadius = look.Radius
		r.card.FillColor = theme.Color(look.ColorSurface)
		r.card.StrokeColor, r.card.StrokeWidth = theme.Color(look.ColorLine), 1
	}
	if p.hovered {
		r.card.FillColor = theme.Color(look.ColorRaised)
	}
	if p.held {
		r.card.StrokeColor, r.card.StrokeWidth = theme.Color(look.ColorRing), 2
	}
	r.card.Refresh()
}
