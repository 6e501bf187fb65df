package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/look"
)

const (
	optionDot     = 5 * look.Step // the circle in front
	optionPadding = 3 * look.Step
)

// options are choices of which one holds.
type options struct {
	all    []*option
	chosen int // none: -1
	change func(chosen int)
	enter  func()
	escape func()
}

// An option is a row with a circle, a label, and a few words about it.
type option struct {
	widget.BaseWidget
	group         *options
	index         int
	label, about  string
	hovered, held bool // held: it has the keyboard
	off           bool
}

var (
	_ fyne.Focusable    = (*option)(nil)
	_ fyne.Tappable     = (*option)(nil)
	_ desktop.Hoverable = (*option)(nil)
	_ access.Semantic   = (*option)(nil)
)

// newOptions returns a group in which nothing is chosen.
func newOptions(change func(chosen int)) *options { return &options{chosen: -1, change: change} }

func (g *options) add(label, about string) *option {
	o := &option{group: g, index: len(g.all), label: label, about: about}
	o.ExtendBaseWidget(o)
	g.all = append(g.all, o)
	return o
}

// choose makes option i the one that holds.
func (g *options) choose(i int) {
	if g.chosen == i {
		return
	}
	g.chosen = i
	for _, o := range g.all {
		o.Refresh()
	}
	if g.change != nil {
		g.change(i)
	}
}

// allow says whether one of them can be chosen.
func (g *options) allow(i int, yes bool) {
	if o := g.all[i]; o.off == yes {
		o.off = !yes
		o.Refresh()
	}
}

// forbid takes the choice away: nothing can be chosen any more.
func (g *options) forbid() {
	for _, o := range g.all {
		o.off = true
		o.Refresh()
	}
}

func (o *option) press() {
	if !o.off {
		o.group.choose(o.index)
	}
}

// Semantics implements access.Semantic.
func (o *option) Semantics() access.Node {
	n := access.Node{Role: access.RadioButton, Name: o.label, Help: o.about, State: access.Checkable, Press: o.press}
	if o.group.chosen == o.index {
		n.State |= access.Checked
	}
	if o.off {
		n.State |= access.Disabled
	}
	return n
}

// Tapped implements fyne.Tappable.
func (o *option) Tapped(*fyne.PointEvent) { o.press() }

// FocusGained implements fyne.Focusable.
func (o *option) FocusGained() { o.held = true; o.Refresh(); reveal(o) }

// FocusLost implements fyne.Focusable.
func (o *option) FocusLost() { o.held = false; o.Refresh() }

// TypedRune implements fyne.Focusable.
func (o *option) TypedRune(rune) {}

// TypedKey implements fyne.Focusable.
func (o *option) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace:
		o.press()
	case fyne.KeyUp:
		o.move(-1)
	case fyne.KeyDown:
		o.move(1)
	case fyne.KeyReturn, fyne.KeyEnter:
		o.press()
		if o.group.enter != nil {
			o.group.enter()
		}
	case fyne.KeyEscape:
		if o.group.escape != nil {
			o.group.escape()
		}
	default:
		look.PassOn(o, e)
	}
}

// move goes to the neighbour and chooses it.
func (o *option) move(by int) {
	i := o.index + by
	if i < 0 || i >= len(o.group.all) || o.off {
		return
	}
	to := o.group.all[i]
	to.press()
	if c := fyne.CurrentApp().Driver().CanvasForObject(o); c != nil {
		c.Focus(to)
	}
}

// MouseIn implements desktop.Hoverable.
func (o *option) MouseIn(*desktop.MouseEvent) { o.hovered = true; o.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (o *option) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (o *option) MouseOut() { o.hovered = false; o.Refresh() }

// CreateRenderer implements fyne.Widget.
func (o *option) CreateRenderer() fyne.WidgetRenderer {
	r := &optionRenderer{
		option: o,
		back:   canvas.NewRectangle(color.Transparent),
		circle: canvas.NewCircle(color.Transparent),
		dot:    canvas.NewCircle(color.Transparent),
		label:  look.NewText(o.label, look.Strong).InLanguage(),
		about:  look.NewText(o.about, look.Hint).InLanguage(),
	}
	r.about.Hidden = o.about == ""
	r.paint()
	return r
}

type optionRenderer struct {
	option       *option
	back         *canvas.Rectangle
	circle, dot  *canvas.Circle
	label, about *look.Text
}

func (r *optionRenderer) textWidth(width float32) float32 {
	return width - optionPadding - optionDot - look.Step
}

func (r *optionRenderer) MinSize() fyne.Size {
	height := r.label.MinSize().Height
	if !r.about.Hidden {
		height += r.about.MinSize().Height - theme.InnerPadding()*3/2
	}
	return fyne.NewSize(60*look.Step, height+2*look.Step)
}

func (r *optionRenderer) Layout(size fyne.Size) {
	r.back.CornerRadius = look.SmallRadius
	r.back.Resize(size)
	x := optionPadding + optionDot
	width := r.textWidth(size.Width)
	r.label.Resize(fyne.NewSize(width, r.label.Size().Height))
	labelHeight := r.label.MinSize().Height
	r.label.Resize(fyne.NewSize(width, labelHeight))
	r.label.Move(fyne.NewPos(x, look.Step))
	r.about.Resize(fyne.NewSize(width, r.about.Size().Height))
	r.about.Resize(fyne.NewSize(width, r.about.MinSize().Height))
	r.about.Move(fyne.NewPos(x, look.Step+labelHeight-theme.InnerPadding()*3/2))
	r.circle.Resize(fyne.NewSquareSize(optionDot - look.Step))
	r.circle.Move(fyne.NewPos(optionPadding, look.Step+firstLine(optionDot-look.Step, theme.TextSize())))
	r.dot.Resize(fyne.NewSquareSize(2 * look.Step))
	r.dot.Move(r.circle.Position().AddXY(look.Step, look.Step))
	look.Turn(r.Objects(), size.Width)
}

func (r *optionRenderer) paint() {
	o := r.option
	chosen := o.group.chosen == o.index
	r.back.FillColor = color.Transparent
	r.back.StrokeColor = theme.Color(look.ColorLine)
	r.back.StrokeWidth = 1
	r.circle.StrokeColor = theme.Color(theme.ColorNameInputBorder)
	r.circle.StrokeWidth = 1.5
	switch {
	case chosen:
		r.back.FillColor = theme.Color(look.ColorSelected)
		r.back.StrokeColor = theme.Color(look.ColorOwnEdge)
		r.circle.StrokeColor = theme.Color(theme.ColorNamePrimary)
	case o.hovered && !o.off:
		r.back.FillColor = theme.Color(theme.ColorNameHover)
	}
	if o.held {
		r.back.StrokeColor = theme.Color(look.ColorRing)
		r.back.StrokeWidth = 2
	}
	r.dot.Hidden = !chosen
	r.dot.FillColor = theme.Color(theme.ColorNamePrimary)
	r.label.SetColor(theme.ColorNameForeground)
	if o.off {
		r.label.SetColor(theme.ColorNameDisabled)
	}
}

func (r *optionRenderer) Refresh() {
	r.paint()
	r.label.Refresh()
	r.about.Refresh()
	canvas.Refresh(r.option)
}

func (r *optionRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.circle, r.dot, r.label, r.about}
}

func (r *optionRenderer) Destroy() {}
