package look

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
)

// Words are a text that can be selected with the mouse and copied. Who has selected something has lost nothing by it: keys go to the
// window, and what is typed goes where the window wants it.
type Words struct {
	widget.Label
	// OnKey is asked about a key before the window is; it is true for one that it has used. It may be nil.
	OnKey func(*fyne.KeyEvent) bool
	// OnShortcut is called for shortcuts, but for copying what is selected. Nil: the window is told.
	OnShortcut func(fyne.Shortcut)
	// OnMenu is called by the other mouse button. Nil: there is only copying.
	OnMenu func(*fyne.PointEvent)
	// OnFocus is told when the words get the keyboard and when they lose it. It may be nil.
	OnFocus func(has bool)
	hold    *hold
}

var _ access.Semantic = (*Words)(nil)

// NewWords returns words that wrap at the width they are given. The Tab key comes to them.
func NewWords(text string) *Words {
	w := &Words{}
	w.hold = &hold{words: w}
	w.Text, w.Wrapping, w.Selectable = text, fyne.TextWrapWord, true
	w.hold.ExtendBaseWidget(w.hold)
	w.ExtendBaseWidget(w)
	return w
}

// NewDigits returns digits of one width, on one line.
func NewDigits(text string) *Words {
	w := NewWords(text)
	w.Wrapping, w.TextStyle.Monospace = fyne.TextWrapOff, true
	return w
}

// PassBy has the Tab key not come to them, and returns them.
func (w *Words) PassBy() *Words {
	w.hold.passed = true
	return w
}

// Selected is what the person has selected, "" where that is nothing.
func (w *Words) Selected() string {
	if w.hold.part == nil {
		return ""
	}
	return w.hold.part.SelectedText()
}

// Semantics implements access.Semantic.
func (w *Words) Semantics() access.Node {
	n := access.Node{Role: access.Label, Name: w.Text}
	if !w.hold.passed {
		n.State, n.Focus = access.Focusable, w.hold.take
	}
	if w.Text == "" {
		n.State |= access.Hidden
	}
	if w.hold.has {
		n.State |= access.Focused
	}
	return n
}

// CreateRenderer implements fyne.Widget. What Fyne selects with is taken out of the label: the hold stands in its place.
func (w *Words) CreateRenderer() fyne.WidgetRenderer {
	r := w.Label.CreateRenderer()
	parts := r.Objects()
	part, ok := parts[0].(selection)
	if !ok {
		return r
	}
	w.hold.part, w.hold.drawn = part, part.CreateRenderer()
	words := &wordsRenderer{WidgetRenderer: r, words: w, objects: []fyne.CanvasObject{w.hold, parts[1]}}
	words.follow()
	return words
}

// wordsRenderer is that of the label with the hold in it. Where the words are written from the right, a Text is seen in the place of the
// label's own drawing, which would set the parts of a line in the wrong order; what is selected and copied is the label's.
type wordsRenderer struct {
	fyne.WidgetRenderer
	words   *Words
	objects []fyne.CanvasObject // the hold, and what the label draws
	seen    *Text               // nil until it is needed
}

func (r *wordsRenderer) Objects() []fyne.CanvasObject {
	if !hasRightToLeft(r.words.Text) {
		return r.objects
	}
	return []fyne.CanvasObject{r.objects[0], r.seen}
}

func (r *wordsRenderer) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	r.objects[0].Resize(size)
	if r.seen != nil {
		r.seen.Resize(size)
	}
}

func (r *wordsRenderer) Refresh() {
	r.WidgetRenderer.Refresh()
	r.follow()
	r.objects[0].Refresh()
}

// follow has the words that are seen say what the label says.
func (r *wordsRenderer) follow() {
	w := r.words
	if !hasRightToLeft(w.Text) {
		return
	}
	if r.seen == nil {
		r.seen = NewText("", Body)
	}
	r.seen.segment.Text, r.seen.segment.Style.TextStyle = w.Text, w.TextStyle
	r.seen.align()
	r.seen.Refresh()
	r.seen.Resize(w.Size())
}

// selection is what a label of Fyne selects with.
type selection interface {
	fyne.Widget
	fyne.Focusable
	fyne.Draggable
	fyne.DoubleTappable
	fyne.SecondaryTappable
	desktop.Mouseable
	SelectedText() string
}

// A hold takes what the mouse does to words, and the keyboard that comes with it: Fyne's own part would keep every key to itself, and
// the person could neither write on nor leave. It draws what is selected, and what is marked.
type hold struct {
	widget.BaseWidget
	words  *Words
	part   selection
	drawn  fyne.WidgetRenderer // of part
	marks  []fyne.CanvasObject
	has    bool // the keyboard
	passed bool // the Tab key does not come here
}

var (
	_ fyne.Focusable         = (*hold)(nil)
	_ fyne.Shortcutable      = (*hold)(nil)
	_ fyne.Draggable         = (*hold)(nil)
	_ fyne.DoubleTappable    = (*hold)(nil)
	_ fyne.SecondaryTappable = (*hold)(nil)
	_ fyne.Disableable       = (*hold)(nil)
	_ desktop.Mouseable      = (*hold)(nil)
	_ desktop.Cursorable     = (*hold)(nil)
)

// take gives the keyboard to the hold.
func (h *hold) take() {
	c := fyne.CurrentApp().Driver().CanvasForObject(h)
	if c == nil || h.has {
		return
	}
	h.has = true
	c.Focus(h)
}

// Disabled implements fyne.Disableable, by which the Tab key knows what to pass by.
func (h *hold) Disabled() bool { return h.passed && !h.has }

// Enable implements fyne.Disableable.
func (h *hold) Enable() {}

// Disable implements fyne.Disableable.
func (h *hold) Disable() {}

// Cursor implements desktop.Cursorable.
func (h *hold) Cursor() desktop.Cursor { return desktop.TextCursor }

// MouseDown implements desktop.Mouseable.
func (h *hold) MouseDown(ev *desktop.MouseEvent) {
	h.part.MouseDown(ev)
	h.take()
	h.Refresh()
}

// MouseUp implements desktop.Mouseable.
func (h *hold) MouseUp(ev *desktop.MouseEvent) {
	h.part.MouseUp(ev)
	h.Refresh()
}

// Dragged implements fyne.Draggable.
func (h *hold) Dragged(ev *fyne.DragEvent) {
	h.part.Dragged(ev)
	h.take()
	h.Refresh()
}

// DragEnd implements fyne.Draggable.
func (h *hold) DragEnd() {
	h.part.DragEnd()
	h.Refresh()
}

// DoubleTapped implements fyne.DoubleTappable.
func (h *hold) DoubleTapped(ev *fyne.PointEvent) {
	h.part.DoubleTapped(ev)
	h.take()
	h.Refresh()
}

// TappedSecondary implements fyne.SecondaryTappable.
func (h *hold) TappedSecondary(ev *fyne.PointEvent) {
	if h.words.OnMenu != nil {
		h.words.OnMenu(ev)
		return
	}
	h.part.TappedSecondary(ev)
}

// FocusGained implements fyne.Focusable.
func (h *hold) FocusGained() { h.focus(true, h.part.FocusGained) }

// FocusLost implements fyne.Focusable.
func (h *hold) FocusLost() { h.focus(false, h.part.FocusLost) }

func (h *hold) focus(has bool, told func()) {
	h.has = has
	told()
	if h.words.OnFocus != nil {
		h.words.OnFocus(has)
	}
	h.Refresh()
}

// TypedRune implements fyne.Focusable.
func (h *hold) TypedRune(r rune) { PassRune(h, r) }

// TypedKey implements fyne.Focusable.
func (h *hold) TypedKey(ev *fyne.KeyEvent) {
	if h.words.OnKey == nil || !h.words.OnKey(ev) {
		PassOn(h, ev)
	}
}

// TypedShortcut implements fyne.Shortcutable.
func (h *hold) TypedShortcut(s fyne.Shortcut) {
	c, ok := s.(*fyne.ShortcutCopy)
	switch {
	case ok && c.Clipboard != nil && h.words.Selected() != "":
		c.Clipboard.SetContent(h.words.Selected())
	case h.words.OnShortcut != nil:
		h.words.OnShortcut(s)
	default:
		PassShortcut(h, s)
	}
}

// CreateRenderer implements fyne.Widget.
func (h *hold) CreateRenderer() fyne.WidgetRenderer { return holdRenderer{h} }

type holdRenderer struct{ h *hold }

func (r holdRenderer) MinSize() fyne.Size { return fyne.Size{} }
func (r holdRenderer) Layout(fyne.Size)   {}
func (r holdRenderer) Destroy()           {}

func (r holdRenderer) Objects() []fyne.CanvasObject {
	if r.h.drawn == nil {
		return r.h.marks
	}
	return append(r.h.marks[:len(r.h.marks):len(r.h.marks)], r.h.drawn.Objects()...)
}

func (r holdRenderer) Refresh() {
	if r.h.drawn != nil {
		r.h.drawn.Refresh()
	}
	canvas.Refresh(r.h)
}

const (
	mostMarked = 200 // places in one page that are marked
	markEdge   = 1
)

// Mark marks places in the text, each from a byte up to another, as the text stands now; none: no mark remains.
func (w *Words) Mark(places [][2]int) {
	h := w.hold
	if len(places) == 0 && len(h.marks) == 0 {
		return
	}
	h.marks = nil
	defer h.Refresh()
	if len(places) == 0 {
		return
	}
	places = places[:min(len(places), mostMarked)]
	begin := 0 // of the row, in the text
	for _, row := range w.rows() {
		at := strings.Index(w.Text[begin:], row.Text)
		if at < 0 {
			return
		}
		begin += at
		for _, p := range places {
			if from, to := max(p[0]-begin, 0), min(p[1]-begin, len(row.Text)); from < to {
				h.marks = append(h.marks, spot(row, from, to))
			}
		}
		begin += len(row.Text)
	}
}

// spot is the mark behind a part of a row. In a row with letters that are written from the right nobody but the toolkit knows where a part
// stands: there the whole row is marked.
func spot(row *canvas.Text, from, to int) fyne.CanvasObject {
	if hasRightToLeft(row.Text) {
		from, to = 0, len(row.Text)
	}
	width := func(s string) float32 { return fyne.MeasureText(s, row.TextSize, row.TextStyle).Width }
	left := width(row.Text[:from])
	r := canvas.NewRectangle(colorOf(ColorUnverifiedBg))
	r.StrokeColor, r.StrokeWidth, r.CornerRadius = colorOf(ColorUnverified), markEdge, Step/2
	r.Move(row.Position().AddXY(left-markEdge, 0))
	r.Resize(fyne.NewSize(width(row.Text[:to])-left+2*markEdge, row.MinSize().Height))
	return r
}

// rows are the lines of the words as they stand on the screen.
func (w *Words) rows() []*canvas.Text {
	begin := fyne.TextAlignLeading
	if hasRightToLeft(w.Text) && fromTheRight(w.Text) {
		begin = fyne.TextAlignTrailing
	}
	copied := widget.NewRichText(&widget.TextSegment{Text: w.Text, Style: widget.RichTextStyle{
		ColorName: theme.ColorNameForeground, Inline: true, TextStyle: w.TextStyle, SizeName: theme.SizeNameText, Alignment: begin}})
	copied.Wrapping = w.Wrapping
	copied.Resize(w.Size())
	drawn := copied.CreateRenderer()
	drawn.Layout(w.Size())
	var rows []*canvas.Text
	for _, o := range drawn.Objects() {
		if row, ok := o.(*canvas.Text); ok {
			rows = append(rows, row)
		}
	}
	return rows
}
