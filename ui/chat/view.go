package chat

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

const (
	margin      = 4 * look.Step // left and right of the column
	tail        = 12            // between the last row and the edge
	atEndWithin = 2.0           // so near to the end is at the end
	lineGuess   = 19            // height of a line before it is measured
	runeGuess   = 7             // width of a character before it is measured
	pageStep    = 0.9           // of the height, for the page keys
)

// A View shows a conversation of any length. Only the rows that can be seen exist as widgets, and only they are measured; the others
// have a guessed height until they come near. It stays at the end while the person is there, and where the person is otherwise:
// nothing that happens above or below moves what is being read.
//
// The text of a row must have been made fit to be shown: the View cuts what is too long into pages and never reads markup, but it
// shows every character it is given.
type View struct {
	widget.BaseWidget

	rows    []Row
	index   map[uint64]int
	heights heights
	exact   []bool // the height was measured, at column
	state   map[uint64]rowState

	column  float32
	offset  float64 // of the top of the window from the top of the first row
	atEnd   bool
	missed  int // rows that came while the person was not at the end
	shown   map[int]item
	pool    map[itemKind][]item
	thumb   *thumb
	jump    *jump
	objects []fyne.CanvasObject
}

// rowState is what the person did with a row.
type rowState struct {
	pages  pages
	detail bool // the guard is shown in words
}

var (
	_ fyne.Scrollable = (*View)(nil)
	_ access.Semantic = (*View)(nil)
)

// NewView returns an empty conversation.
func NewView() *View {
	v := &View{atEnd: true, index: map[uint64]int{}, state: map[uint64]rowState{}, shown: map[int]item{}, pool: map[itemKind][]item{}}
	v.thumb = newThumb(v)
	v.jump = newJump(v.ScrollToEnd)
	v.jump.Hide()
	v.ExtendBaseWidget(v)
	return v
}

// SetRows replaces everything. The person stays at the end or, otherwise, at the row that stands at the top now, if it is among the
// new ones.
func (v *View) SetRows(rows []Row) {
	anchor, within := v.anchor()
	v.recycleAll()
	v.rows = append([]Row(nil), rows...)
	v.index = make(map[uint64]int, len(rows))
	v.heights = heights{}
	v.exact = make([]bool, len(rows))
	old := v.state
	v.state = map[uint64]rowState{}
	for i := range v.rows {
		id := v.rows[i].ID
		v.index[id] = i
		v.heights.append(v.guess(&v.rows[i]))
		if s, ok := old[id]; ok {
			v.state[id] = s
		}
	}
	v.missed = 0
	if i, ok := v.index[anchor]; ok && !v.atEnd {
		v.measure(i)
		v.offset = v.heights.top(i) + within
	} else {
		v.atEnd = true
	}
	v.arrange()
}

// anchor is the row at the top of the window, and how far it is scrolled out.
func (v *View) anchor() (id uint64, within float64) {
	if len(v.rows) == 0 {
		return 0, 0
	}
	i := v.heights.at(v.offset)
	return v.rows[i].ID, v.offset - v.heights.top(i)
}

// Append adds a row at the end; a row whose ID is there already is updated in its place.
func (v *View) Append(r Row) {
	if _, ok := v.index[r.ID]; ok {
		v.Update(r)
		return
	}
	v.index[r.ID] = len(v.rows)
	v.rows = append(v.rows, r)
	v.exact = append(v.exact, false)
	v.heights.append(v.guess(&r))
	if r.Kind == Ours {
		v.atEnd = true // what the person wrote is what they want to see
	}
	if !v.atEnd {
		v.missed++
	}
	v.arrange()
}

// Update replaces the row with the same ID, which keeps its place. An unknown one changes nothing.
func (v *View) Update(r Row) {
	i, ok := v.index[r.ID]
	if !ok {
		return
	}
	if v.rows[i].Text != r.Text {
		delete(v.state, r.ID)
	}
	if v.rows[i].Kind != r.Kind {
		v.recycle(i)
	}
	v.rows[i] = r
	v.remeasure(i)
}

// remeasure measures row i again, in its place. Above the window it moves nothing that is seen.
func (v *View) remeasure(i int) {
	w, ok := v.shown[i]
	if !ok {
		v.exact[i] = false
		v.arrange()
		return
	}
	above := !v.atEnd && v.heights.top(i)+v.heights.of[i] <= v.offset
	before := v.heights.of[i]
	v.bind(w, i)
	if above {
		v.offset += v.heights.of[i] - before
	}
	v.arrange()
}

// ScrollToEnd goes to the newest row and stays there.
func (v *View) ScrollToEnd() {
	v.atEnd = true
	v.arrange()
}

// AtEnd tells whether the newest row is in sight.
func (v *View) AtEnd() bool { return v.atEnd }

// ScrollPages goes up (negative) or down by a number of windows.
func (v *View) ScrollPages(n float32) { v.scrollBy(float64(n * v.Size().Height * pageStep)) }

// Scrolled implements fyne.Scrollable.
func (v *View) Scrolled(ev *fyne.ScrollEvent) { v.scrollBy(-float64(ev.Scrolled.DY)) }

func (v *View) scrollBy(dy float64) { v.scrollTo(v.offset + dy) }

func (v *View) scrollTo(y float64) {
	v.offset = y
	v.atEnd = y >= v.heights.total()-v.window()-atEndWithin
	v.arrange()
}

// arrange is the one place where rows get their widgets, heights and positions.
func (v *View) arrange() {
	size := v.Size()
	if size.Width <= 2*margin || size.Height <= tail {
		return
	}
	v.setColumn(min(size.Width-2*margin, look.ColumnWidth))
	height := v.window()
	first := v.settle(height)
	last := first
	for last < len(v.rows) && v.heights.top(last) < v.offset+height+tail {
		v.measure(last)
		last++
	}
	v.place(first, last)
	v.bars(height)
	canvas.Refresh(v)
}

// window is the height that rows are arranged in; under it the tail keeps the last one off the edge.
func (v *View) window() float64 { return float64(v.Size().Height) - tail }

// setColumn throws all measures away when the column gets another width. They stay as guesses.
func (v *View) setColumn(width float32) {
	if width == v.column {
		return
	}
	i, within, share := 0, 0.0, 0.0
	if len(v.rows) > 0 {
		i = v.heights.at(v.offset)
		within = v.offset - v.heights.top(i)
		share = within / max(1, v.heights.of[i])
	}
	v.column = width
	clear(v.exact)
	v.recycleAll()
	if i < len(v.rows) && !v.atEnd {
		v.measure(i)
		v.offset = v.heights.top(i) + share*v.heights.of[i]
	}
}

// settle finds the first row in sight, with every row measured that decides about it, and sets offset.
func (v *View) settle(height float64) (first int) {
	if len(v.rows) == 0 {
		v.offset, v.atEnd = 0, true
		return 0
	}
	if !v.atEnd {
		first = v.settleAtTop()
		end := v.measureDown(first, height)
		if v.offset+height <= end || end < v.heights.total() {
			return first
		}
		v.atEnd = true // measuring showed that the end is in sight
	}
	first = len(v.rows) - 1
	v.measure(first)
	for first > 0 && v.heights.total()-v.heights.top(first) < height {
		first--
		v.measure(first)
	}
	v.offset = max(0, v.heights.total()-height)
	v.missed = 0
	return v.heights.at(v.offset)
}

// settleAtTop measures the row at the top of the window. Its lower edge stays where it is, so that what is being read does not move
// when something above turns out higher or lower than guessed.
func (v *View) settleAtTop() int {
	for {
		v.offset = max(0, v.offset)
		i := v.heights.at(v.offset)
		if v.exact[i] {
			v.measure(i)
			return i
		}
		guess, top := v.heights.of[i], v.heights.top(i)
		v.measure(i)
		if v.offset > top {
			v.offset += v.heights.of[i] - guess
		}
	}
}

// measureDown measures rows from first until they fill the window, and returns where the last of them ends.
func (v *View) measureDown(first int, height float64) float64 {
	i := first
	for i < len(v.rows) && v.heights.top(i) < v.offset+height {
		v.measure(i)
		i++
	}
	return v.heights.top(i)
}

// measure gives row i a widget, and its height where that is not known.
func (v *View) measure(i int) {
	if _, ok := v.shown[i]; ok && v.exact[i] {
		return
	}
	w, ok := v.shown[i]
	if !ok {
		w = v.take(v.rows[i].Kind)
		v.shown[i] = w
	}
	v.bind(w, i)
}

func (v *View) bind(w item, i int) {
	r := &v.rows[i]
	state, ok := v.state[r.ID]
	if !ok {
		state = rowState{pages: firstPage()}
	}
	h := w.show(r, state, v.column)
	v.heights.set(i, float64(h))
	v.exact[i] = true
}

// place moves the widgets of rows first to last-1 to where they belong and puts all others away.
func (v *View) place(first, last int) {
	x := (v.Size().Width - v.column) / 2
	for i := range v.shown {
		if i < first || i >= last {
			v.recycle(i)
		}
	}
	v.objects = v.objects[:0]
	y := v.heights.top(first) - v.offset
	if total := v.heights.total(); total < v.window() {
		y = v.window() - total // a short conversation stands above the entry
	}
	for i := first; i < last; i++ {
		w := v.shown[i]
		w.Resize(fyne.NewSize(v.column, float32(v.heights.of[i])))
		w.Move(fyne.NewPos(x, float32(y)))
		v.objects = append(v.objects, w)
		y += v.heights.of[i]
	}
	v.objects = append(v.objects, v.thumb, v.jump)
}

func (v *View) bars(height float64) {
	size := v.Size()
	v.thumb.place(size, v.offset, height, v.heights.total())
	v.jump.set(v.missed)
	v.jump.Resize(v.jump.MinSize())
	v.jump.Move(fyne.NewPos(size.Width-v.jump.Size().Width-margin-look.Step, size.Height-v.jump.Size().Height-3*look.Step))
	if v.atEnd {
		v.jump.Hide()
	} else {
		v.jump.Show()
	}
}

// guess is about the height of a row that was never shown. It only moves the scroll bar.
func (v *View) guess(r *Row) float64 {
	if r.Kind == Day || r.Kind == Notice {
		return float64(2*noticeGap + 2*lineGuess)
	}
	width := max(v.column, 320) * bubbleShare / runeGuess
	text := r.Text[:min(len(r.Text), maxPageRunes)]
	lines := min(maxPageLines, strings.Count(text, "\n")+1+int(float32(len(text))/width))
	h := float64(lines*lineGuess) + 2*2*float64(look.Step) + float64(gapAbove(r))
	if len(r.Actions) > 0 || r.Warning != "" {
		h += 2 * lineGuess
	}
	return h
}

// showMore, showEarlier and showDetail are what the widgets of a row call.
func (v *View) showMore(id uint64) {
	v.change(id, func(s rowState, text string) rowState { s.pages = s.pages.more(text); return s })
}

func (v *View) showEarlier(id uint64) {
	v.change(id, func(s rowState, _ string) rowState { s.pages = s.pages.earlier(); return s })
}

func (v *View) showDetail(id uint64) {
	v.change(id, func(s rowState, _ string) rowState { s.detail = !s.detail; return s })
}

func (v *View) change(id uint64, do func(rowState, string) rowState) {
	i, ok := v.index[id]
	if !ok {
		return
	}
	s, ok := v.state[id]
	if !ok {
		s = rowState{pages: firstPage()}
	}
	v.state[id] = do(s, v.rows[i].Text)
	if i == len(v.rows)-1 || !v.atEnd {
		v.keepTop(i)
		return
	}
	v.remeasure(i)
}

// keepTop measures row i again and leaves its upper edge where it is, because the person is about to read on below it.
func (v *View) keepTop(i int) {
	v.atEnd = false
	v.remeasure(i)
}

// ---- widgets of rows

type itemKind uint8

const (
	bubbleItem itemKind = iota
	noticeItem
	dayItem
)

// An item is the widget of a row; it is used for one row after the other.
type item interface {
	fyne.Widget
	// show makes it show r in the given width and returns its height.
	show(r *Row, s rowState, width float32) float32
	kind() itemKind
}

func kindOf(k Kind) itemKind {
	switch k {
	case Notice:
		return noticeItem
	case Day:
		return dayItem
	default:
		return bubbleItem
	}
}

func (v *View) take(k Kind) item {
	kind := kindOf(k)
	if free := v.pool[kind]; len(free) > 0 {
		w := free[len(free)-1]
		v.pool[kind] = free[:len(free)-1]
		return w
	}
	switch kind {
	case noticeItem:
		return newNotice()
	case dayItem:
		return newDay()
	default:
		return newBubble(v)
	}
}

func (v *View) recycle(i int) {
	w, ok := v.shown[i]
	if !ok {
		return
	}
	delete(v.shown, i)
	v.pool[w.kind()] = append(v.pool[w.kind()], w)
}

func (v *View) recycleAll() {
	for i := range v.shown {
		v.recycle(i)
	}
}

// Semantics implements access.Semantic: the rows in sight.
func (v *View) Semantics() access.Node {
	n := access.Node{Role: access.Log, Name: lang.L("Conversation")}
	if len(v.rows) == 0 {
		return n
	}
	for i := v.heights.at(v.offset); i < len(v.rows); i++ {
		w, ok := v.shown[i]
		if !ok {
			break
		}
		n.Parts = append(n.Parts, v.rowNode(&v.rows[i], w))
	}
	if !v.atEnd {
		n.Inside = []fyne.CanvasObject{v.jump}
	}
	return n
}

func (v *View) rowNode(r *Row, w item) access.Node {
	n := access.Node{
		Role: access.LogItem, Key: r.ID, Name: r.spoken(), Text: r.Text,
		At: access.Area{Position: w.Position(), Size: w.Size()},
	}
	if b, ok := w.(*bubble); ok {
		n.Text = b.words()
		n.Parts = append(n.Parts, b.foldNodes()...)
	}
	for i, a := range r.Actions {
		n.Parts = append(n.Parts, access.Node{Role: access.Button, Key: i, Name: a.Label, Press: a.Do, At: n.At})
	}
	return n
}

// spoken is everything about a row that is not its words.
func (r *Row) spoken() string {
	said := make([]string, 0, 5)
	for _, s := range []string{r.Sender, r.Time, r.Warning, r.Guard, r.Status} {
		if s != "" {
			said = append(said, s)
		}
	}
	return strings.Join(said, ", ")
}

// CreateRenderer implements fyne.Widget.
func (v *View) CreateRenderer() fyne.WidgetRenderer {
	v.ExtendBaseWidget(v)
	return viewRenderer{v}
}

type viewRenderer struct{ view *View }

func (r viewRenderer) MinSize() fyne.Size           { return fyne.NewSize(60*look.Step, 30*look.Step) }
func (r viewRenderer) Layout(fyne.Size)             { r.view.arrange() }
func (r viewRenderer) Objects() []fyne.CanvasObject { return r.view.objects }
func (r viewRenderer) Destroy()                     {}

// Refresh comes with a change of theme or scale: every row is measured and coloured again.
func (r viewRenderer) Refresh() {
	clear(r.view.exact)
	for _, w := range r.view.shown {
		w.Refresh()
	}
	r.view.thumb.Refresh()
	r.view.jump.Refresh()
	r.view.arrange()
}
