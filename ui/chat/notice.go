package chat

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/look"
)

const (
	noticeGap   = 3 * look.Step // above and below
	noticeWidth = 440           // of its words
	hairline    = 1
	noticeRunes = 600
	noticeLines = 8
)

// A notice is a line of the program itself: in the middle, with a drawing of ours, never in a bubble.
type notice struct {
	widget.BaseWidget
	now     Row
	text    *look.Text
	icon    *canvas.Image
	action  *look.Link
	objects []fyne.CanvasObject
}

var _ item = (*notice)(nil)

func newNotice() *notice {
	n := &notice{
		text: look.NewText("", look.Hint).Center(), icon: canvas.NewImageFromResource(look.IconInfo), action: look.NewLink("", nil),
	}
	n.ExtendBaseWidget(n)
	return n
}

func (n *notice) kind() itemKind { return noticeItem }
func (n *notice) row() *Row      { return &n.now }

// show implements item: the words in the middle with the drawing before them, the action behind them where there is room and under
// them otherwise.
func (n *notice) show(r *Row, _ rowState, width float32) float32 {
	n.now = *r
	n.paint()
	pad := theme.InnerPadding()
	action := fyne.Size{}
	if len(r.Actions) > 0 {
		n.action.Set(r.Actions[0].Label, r.Actions[0].Do)
		action = n.action.MinSize()
	}
	said := Clip(r.Text, noticeRunes, noticeLines)
	n.text.SetText(said)
	natural := fyne.MeasureText(said, theme.CaptionTextSize(), fyne.TextStyle{}).Width + 2*pad + measureMargin
	limit := min(width-iconSide, noticeWidth)
	beside := natural+action.Width <= limit
	words, height := n.balance(natural, limit)
	block := words + iconSide
	if beside {
		block += action.Width
	}
	x := (width - block) / 2
	y := float32(noticeGap) - pad
	first := x + iconSide + (words-firstLine(said, words-2*pad))/2
	n.place(n.icon, fyne.NewPos(max(first-iconSide-pad, 0), y+pad), fyne.NewSquareSize(iconSide))
	n.place(n.text, fyne.NewPos(x+iconSide, y), fyne.NewSize(words, height))
	n.objects = append(n.objects[:0], n.icon, n.text)
	middle := y + height/2
	bottom := y + height - pad
	switch {
	case len(r.Actions) == 0:
	case beside:
		n.place(n.action, fyne.NewPos(x+iconSide+words, middle-action.Height/2), action)
		n.objects = append(n.objects, n.action)
	default:
		n.place(n.action, fyne.NewPos((width-action.Width)/2, bottom), action)
		n.objects = append(n.objects, n.action)
		bottom += action.Height
	}
	look.Turn(n.objects, width)
	return bottom + noticeGap
}

// firstLine is the width of the first line of words that wrap.
func firstLine(words string, width float32) float32 {
	words, _, _ = strings.Cut(words, "\n")
	taken := float32(0)
	for i := range len(words) + 1 {
		if i < len(words) && words[i] != ' ' {
			continue
		}
		to := fyne.MeasureText(words[:i], theme.CaptionTextSize(), fyne.TextStyle{}).Width
		if to > width {
			break
		}
		taken = to
	}
	return min(taken, width)
}

// balance finds the narrowest width in which the words need no more lines than in limit: lines of about the same length, with the
// drawing close to them.
func (n *notice) balance(natural, limit float32) (width, height float32) {
	measure := func(width float32) float32 {
		n.text.Resize(fyne.NewSize(width, 0))
		return n.text.MinSize().Height
	}
	if natural <= limit {
		return natural, measure(natural)
	}
	height = measure(limit)
	narrow, wide := limit/2, limit
	for wide-narrow > 2*look.Step {
		middle := (narrow + wide) / 2
		if measure(middle) > height {
			narrow = middle
		} else {
			wide = middle
		}
	}
	return wide, measure(wide)
}

func (n *notice) place(o fyne.CanvasObject, at fyne.Position, size fyne.Size) {
	o.Move(at)
	o.Resize(size)
}

func (n *notice) paint() {
	if n.now.NoLock {
		setImage(n.icon, look.IconInfo)
	} else {
		setImage(n.icon, n.now.Lock.Icon(look.LockSmall))
	}
}

func (n *notice) CreateRenderer() fyne.WidgetRenderer { return &noticeRenderer{n} }

type noticeRenderer struct{ n *notice }

func (r *noticeRenderer) MinSize() fyne.Size           { return fyne.Size{} }
func (r *noticeRenderer) Layout(fyne.Size)             {}
func (r *noticeRenderer) Objects() []fyne.CanvasObject { return r.n.objects }
func (r *noticeRenderer) Destroy()                     {}

func (r *noticeRenderer) Refresh() {
	r.n.paint()
	for _, o := range r.n.objects {
		o.Refresh()
	}
}

// A day separates the days, or what is new from what was read.
type day struct {
	widget.BaseWidget
	now         Row
	text        *canvas.Text
	left, right *canvas.Rectangle
}

var _ item = (*day)(nil)

func newDay() *day {
	d := &day{text: canvas.NewText("", color.Black), left: canvas.NewRectangle(color.Transparent), right: canvas.NewRectangle(color.Transparent)}
	d.ExtendBaseWidget(d)
	return d
}

func (d *day) kind() itemKind { return dayItem }
func (d *day) row() *Row      { return &d.now }

// show implements item.
func (d *day) show(r *Row, _ rowState, width float32) float32 {
	d.now = *r
	d.text.Text = look.AsRead(r.Text)
	d.text.TextStyle = look.Bold(d.text.Text)
	d.paint()
	size := d.text.MinSize()
	d.text.Resize(size)
	x := (width - size.Width) / 2
	d.text.Move(fyne.NewPos(x, noticeGap))
	y := float32(noticeGap) + size.Height/2
	d.left.Move(fyne.NewPos(0, y))
	d.left.Resize(fyne.NewSize(max(0, x-3*look.Step), hairline))
	d.right.Move(fyne.NewPos(x+size.Width+3*look.Step, y))
	d.right.Resize(fyne.NewSize(max(0, x-3*look.Step), hairline))
	return size.Height + 2*noticeGap
}

func (d *day) paint() {
	d.text.TextSize = theme.CaptionTextSize()
	ink, line := look.ColorMuted, look.ColorLine
	if d.now.Kind == New {
		ink, line = theme.ColorNamePrimary, theme.ColorNamePrimary
	}
	d.text.Color = theme.Color(ink)
	d.left.FillColor = theme.Color(line)
	d.right.FillColor = theme.Color(line)
}

func (d *day) CreateRenderer() fyne.WidgetRenderer { return &dayRenderer{d} }

type dayRenderer struct{ d *day }

func (r *dayRenderer) MinSize() fyne.Size { return fyne.Size{} }
func (r *dayRenderer) Layout(fyne.Size)   {}
func (r *dayRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.d.left, r.d.text, r.d.right}
}
func (r *dayRenderer) Destroy() {}

func (r *dayRenderer) Refresh() {
	r.d.paint()
	r.d.text.Refresh()
	r.d.left.Refresh()
	r.d.right.Refresh()
}
