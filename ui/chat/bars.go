package chat

import (
	"image/color"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

const (
	thumbArea  = 3 * look.Step // what the pointer can take hold of
	thumbThin  = look.Step
	thumbWide  = 2 * look.Step
	thumbShort = 8 * look.Step // at least
)

// A thumb shows which part of the conversation is in sight, and moves it.
type thumb struct {
	widget.BaseWidget
	view           *View
	bar            *canvas.Rectangle
	hovered        bool
	dragged        bool
	room, perPixel float64 // what a pixel of the thumb is in the conversation
}

var (
	_ fyne.Draggable    = (*thumb)(nil)
	_ desktop.Hoverable = (*thumb)(nil)
	_ access.Semantic   = (*thumb)(nil)
)

func newThumb(v *View) *thumb {
	t := &thumb{view: v, bar: canvas.NewRectangle(color.Transparent)}
	t.ExtendBaseWidget(t)
	return t
}

// place sets the thumb for a window of the given height at offset in total.
func (t *thumb) place(size fyne.Size, offset, height, total float64) {
	t.Hidden = total <= height
	if t.Hidden {
		return
	}
	long := max(float64(thumbShort), height*height/total)
	t.room = height - long
	t.perPixel = (total - height) / max(1, t.room)
	t.Resize(fyne.NewSize(thumbArea, float32(long)))
	t.Move(fyne.NewPos(size.Width-thumbArea, float32(offset/t.perPixel)))
}

func (t *thumb) Dragged(ev *fyne.DragEvent) {
	t.dragged = true
	t.view.scrollBy(float64(ev.Dragged.DY) * t.perPixel)
}

func (t *thumb) DragEnd() { t.dragged = false; t.Refresh() }

func (t *thumb) MouseIn(*desktop.MouseEvent)    { t.hovered = true; t.Refresh() }
func (t *thumb) MouseMoved(*desktop.MouseEvent) {}
func (t *thumb) MouseOut()                      { t.hovered = false; t.Refresh() }

// Semantics implements access.Semantic: the keyboard has keys for this.
func (t *thumb) Semantics() access.Node { return access.Node{} }

func (t *thumb) CreateRenderer() fyne.WidgetRenderer { return &thumbRenderer{t} }

type thumbRenderer struct{ thumb *thumb }

func (r *thumbRenderer) MinSize() fyne.Size { return fyne.NewSize(thumbArea, thumbShort) }

func (r *thumbRenderer) Layout(size fyne.Size) {
	wide := thumbThin
	if r.thumb.hovered || r.thumb.dragged {
		wide = thumbWide
	}
	r.thumb.bar.FillColor = theme.Color(theme.ColorNameScrollBar)
	r.thumb.bar.CornerRadius = wide / 2
	r.thumb.bar.Move(fyne.NewPos(size.Width-wide-look.Step/2, 0))
	r.thumb.bar.Resize(fyne.NewSize(wide, size.Height))
}

func (r *thumbRenderer) Refresh() {
	r.Layout(r.thumb.Size())
	r.thumb.bar.Refresh()
}

func (r *thumbRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.thumb.bar} }
func (r *thumbRenderer) Destroy()                     {}

const jumpHeight = 9 * look.Step

// A jump is the button back to the newest message, with the number of those that came meanwhile.
type jump struct {
	widget.BaseWidget
	do     func()
	missed int
	pill   *canvas.Rectangle
	arrow  *canvas.Image
	number *canvas.Text
	over   *canvas.Rectangle
}

var (
	_ fyne.Tappable     = (*jump)(nil)
	_ desktop.Hoverable = (*jump)(nil)
	_ access.Semantic   = (*jump)(nil)
)

func newJump(do func()) *jump {
	j := &jump{
		do: do, pill: canvas.NewRectangle(color.Transparent), over: canvas.NewRectangle(color.Transparent),
		arrow: canvas.NewImageFromResource(look.IconDown), number: canvas.NewText("", color.Black),
	}
	j.ExtendBaseWidget(j)
	return j
}

func (j *jump) set(missed int) {
	if missed != j.missed {
		j.missed = missed
		j.Refresh()
	}
}

func (j *jump) Tapped(*fyne.PointEvent) { j.do() }
func (j *jump) Cursor() desktop.Cursor  { return desktop.PointerCursor }
func (j *jump) MouseIn(*desktop.MouseEvent) {
	j.over.FillColor = theme.Color(theme.ColorNameHover)
	j.over.Refresh()
}
func (j *jump) MouseMoved(*desktop.MouseEvent) {}
func (j *jump) MouseOut()                      { j.over.FillColor = color.Transparent; j.over.Refresh() }

// Semantics implements access.Semantic.
func (j *jump) Semantics() access.Node {
	return access.Node{Role: access.Button, Name: lang.L("Go to the newest message"), Press: j.do}
}

func (j *jump) CreateRenderer() fyne.WidgetRenderer {
	r := &jumpRenderer{j}
	r.Refresh()
	return r
}

type jumpRenderer struct{ jump *jump }

func (r *jumpRenderer) MinSize() fyne.Size {
	if r.jump.missed == 0 {
		return fyne.NewSquareSize(jumpHeight)
	}
	return fyne.NewSize(jumpHeight+r.jump.number.MinSize().Width+2*look.Step, jumpHeight)
}

func (r *jumpRenderer) Layout(size fyne.Size) {
	j := r.jump
	for _, o := range []*canvas.Rectangle{j.pill, j.over} {
		o.CornerRadius = size.Height / 2
		o.Resize(size)
	}
	side := float32(look.LockSmall)
	pad := (size.Height - side) / 2
	j.arrow.Resize(fyne.NewSquareSize(side))
	j.arrow.Move(fyne.NewPos(size.Width-side-pad, pad))
	number := j.number.MinSize()
	j.number.Resize(number)
	j.number.Move(fyne.NewPos(pad+look.Step/2, (size.Height-number.Height)/2))
}

func (r *jumpRenderer) Refresh() {
	j := r.jump
	j.pill.FillColor = theme.Color(look.ColorSurface)
	j.pill.StrokeColor = theme.Color(look.ColorLine)
	j.pill.StrokeWidth = 1
	j.pill.Shadow = canvas.Shadow{Color: theme.Color(theme.ColorNameShadow), BlurRadius: 3 * look.Step, Offset: fyne.NewPos(0, look.Step/2)}
	j.number.Text = ""
	if j.missed > 0 {
		j.number.Text = strconv.Itoa(j.missed)
		j.number.TextStyle = look.Bold(j.number.Text)
	}
	j.number.TextSize = theme.Size(theme.SizeNameCaptionText)
	j.number.Color = theme.Color(theme.ColorNamePrimary)
	j.arrow.Refresh()
	r.Layout(j.Size())
	canvas.Refresh(j)
}

func (r *jumpRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.jump.pill, r.jump.over, r.jump.number, r.jump.arrow}
}

func (r *jumpRenderer) Destroy() {}
