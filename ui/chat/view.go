package chat

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
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

// A Source is a conversation as the View shows it. The View asks for the rows in sight only.
type Source interface {
	Len() int
	ID(i int) uint64
	// Outline is what is known of a row without making it: enough to guess its height.
	Outline(i int) (k Kind, text string)
	Row(i int) Row
	Find(id uint64) int // -1: there is no such row
}

// A View shows a conversation of any length. Only the rows that can be seen exist as widgets, and only they are measured; the others
// have a guessed height until they come near. It stays at the end while the person is there, and where the person is otherwise:
// nothing that happens above or below moves what is being read.
//
// The text of a row must have been made fit to be shown: the View cuts what is too long into pages and never reads markup, but it
// shows every character it is given.
type View struct {
	widget.BaseWidget
	// OnLink is called when the person wants to follow an address that stands in a message.
	OnLink func(address string)
	// OnMenu is called when the person asks what can be done with a row, with the place on the canvas to answer at.
	OnMenu func(r Row, at fyne.Position)
	// OnEscape is called by Escape while the keyboard is in the conversation, and OnRune by what is typed there.
	OnEscape func()
	OnRune   func(r rune)
	// OnShortcut is called for the shortcuts that are not about copying.
	OnShortcut func(s fyne.Shortcut)

	source  Source
	heights heights
	state   map[uint64]rowState
	marks   Marks
	cursor  uint64 // the row where the keys are
	reading uint64 // the row whose words have the keyboard themselves
	focused bool
	ring    *canvas.Rectangle

	column  float32
	offset  float64 // of the top of the window from the top of the first row
	atEnd   bool
	missed  int // messages that came while the person was not at the end
	shown   map[int]item
	pool    map[itemKind][]item
	thumb   *thumb
	jump    *jump
	objects []fyne.CanvasObject
}

// Marks are the rows that a search has found.
type Marks struct {
	Found map[uint64]bool
	At    uint64 // the one that is being looked at
	// In are the places in a text that are meant, from a byte up to another; nil: the row as a whole.
	In func(text string) [][2]int
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
	v := &View{source: nothing{}, atEnd: true, state: map[uint64]rowState{}, shown: map[int]item{}, pool: map[itemKind][]item{}}
	v.ring = canvas.NewRectangle(color.Transparent)
	v.ring.Hide()
	v.thumb = newThumb(v)
	v.jump = newJump(v.ScrollToEnd)
	v.jump.Hide()
	v.ExtendBaseWidget(v)
	return v
}

// nothing is a conversation without rows.
type nothing struct{}

func (nothing) Len() int                   { return 0 }
func (nothing) ID(int) uint64              { return 0 }
func (nothing) Outline(int) (Kind, string) { return Day, "" }
func (nothing) Row(int) Row                { return Row{} }
func (nothing) Find(uint64) int            { return -1 }

// Open shows another conversation, at its end.
func (v *View) Open(s Source) {
	v.recycleAll()
	v.source = s
	v.state = map[uint64]rowState{}
	v.marks = Marks{}
	v.cursor = 0
	v.atEnd = true
	v.count()
	v.arrange()
}

// count guesses the heights of all rows anew.
func (v *View) count() {
	v.missed = 0
	v.heights = heights{}
	for i := range v.source.Len() {
		v.heights.append(v.guess(v.source.Outline(i)))
	}
}

// Replaced is called when the rows are not what they were with some added at the end. The person stays at the end or, otherwise, at the
// row that stands at the top now, if it is still there.
func (v *View) Replaced() {
	anchor, within := v.anchor()
	v.recycleAll()
	v.count()
	if i := v.source.Find(anchor); i >= 0 && !v.atEnd {
		v.measure(i)
		v.offset = v.heights.top(i) + within
	} else {
		v.atEnd = true
	}
	v.arrange()
}

// anchor is the row at the top of the window, and how far it is scrolled out.
func (v *View) anchor() (id uint64, within float64) {
	if len(v.heights.of) == 0 {
		return 0, 0
	}
	i := v.heights.at(v.offset)
	if w, ok := v.shown[i]; ok {
		return w.row().ID, v.offset - v.heights.top(i)
	}
	return 0, 0
}

// Grown is called when rows were added at the end.
func (v *View) Grown() {
	for i := len(v.heights.of); i < v.source.Len(); i++ {
		kind, text := v.source.Outline(i)
		v.heights.append(v.guess(kind, text))
		switch {
		case kind == Ours:
			v.atEnd = true // what the person wrote is what they want to see
		case kind == Theirs && !v.atEnd:
			v.missed++
		}
	}
	v.arrange()
}

// Changed is called when rows may look different in their places. Those in sight are made anew; the others are when they come near.
func (v *View) Changed() {
	moved := false
	for i := range v.shown {
		moved = v.renew(i) || moved
	}
	if moved {
		v.arrange()
	}
}

// renew shows row i as it is now. Above the window it moves nothing that is seen.
func (v *View) renew(i int) (changed bool) {
	r := v.source.Row(i)
	old := v.shown[i].row()
	if sameRow(*old, r) {
		return false
	}
	if old.Text != r.Text {
		delete(v.state, r.ID)
	}
	if kindOf(old.Kind) != kindOf(r.Kind) {
		v.recycle(i)
		v.measure(i)
		return true
	}
	v.rebind(i, r)
	return true
}

// rebind measures row i again, in its place.
func (v *View) rebind(i int, r Row) {
	above := !v.atEnd && v.heights.top(i)+v.heights.of[i] <= v.offset
	before := v.heights.of[i]
	v.bind(v.shown[i], i, r)
	if above {
		v.offset += v.heights.of[i] - before
	}
}

// Mark shows which rows a search has found.
func (v *View) Mark(m Marks) {
	v.marks = m
	for _, w := range v.shown {
		w.Refresh()
	}
	v.thumb.Refresh()
}

// Marked is how a row is marked.
func (v *View) marked(id uint64) mark {
	switch {
	case v.marks.At == id && id != 0:
		return markHere
	case v.marks.Found[id]:
		return markFound
	}
	return markNone
}

// mark is whether a search has found a row.
type mark uint8

const (
	markNone mark = iota
	markFound
	markHere
)

// ScrollTo brings a row into sight, a little under the top, unless the whole of it is seen already.
func (v *View) ScrollTo(id uint64) {
	i := v.source.Find(id)
	if i < 0 {
		return
	}
	if w, ok := v.shown[i]; ok && w.Position().Y >= 0 && w.Position().Y+w.Size().Height <= float32(v.window()) {
		return
	}
	v.atEnd = false
	v.measure(i)
	v.scrollTo(max(0, v.heights.top(i)-v.window()/8))
	v.measure(i)
	v.scrollTo(max(0, v.heights.top(i)-v.window()/8))
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
	for last < len(v.heights.of) && v.heights.top(last) < v.offset+height+tail {
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
	if len(v.heights.of) > 0 {
		i = v.heights.at(v.offset)
		within = v.offset - v.heights.top(i)
		share = within / max(1, v.heights.of[i])
	}
	v.column = width
	v.recycleAll()
	if i < len(v.heights.of) && !v.atEnd {
		v.measure(i)
		v.offset = v.heights.top(i) + share*v.heights.of[i]
	}
}

// settle finds the first row in sight, with every row measured that decides about it, and sets offset.
func (v *View) settle(height float64) (first int) {
	if len(v.heights.of) == 0 {
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
	first = len(v.heights.of) - 1
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
		if _, ok := v.shown[i]; ok {
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
	for i < len(v.heights.of) && v.heights.top(i) < v.offset+height {
		v.measure(i)
		i++
	}
	return v.heights.top(i)
}

// measure gives row i a widget and its height, where it has none.
func (v *View) measure(i int) {
	if _, ok := v.shown[i]; ok {
		return
	}
	r := v.source.Row(i)
	w := v.take(r.Kind)
	v.shown[i] = w
	v.bind(w, i, r)
}

func (v *View) bind(w item, i int, r Row) {
	state, ok := v.state[r.ID]
	if !ok {
		state = rowState{pages: firstPage()}
	}
	v.heights.set(i, float64(w.show(&r, state, v.column)))
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
	v.placeRing()
	v.objects = append(v.objects, v.ring, v.thumb, v.jump)
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
func (v *View) guess(kind Kind, text string) float64 {
	if kind == Day || kind == Notice || kind == New {
		return float64(2*noticeGap + 2*lineGuess)
	}
	width := max(v.column, 320) * bubbleShare / runeGuess
	text = text[:min(len(text), maxPageRunes)]
	lines := min(maxPageLines, strings.Count(text, "\n")+1+int(float32(len(text))/width))
	return float64(lines*lineGuess) + 2*2*float64(look.Step) + float64(gapSpeaker)
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
	i, w, ok := v.widget(id)
	if !ok {
		return
	}
	s, ok := v.state[id]
	if !ok {
		s = rowState{pages: firstPage()}
	}
	r := *w.row()
	v.state[id] = do(s, r.Text)
	if i == len(v.heights.of)-1 || !v.atEnd {
		v.atEnd = false // its upper edge stays: the person is about to read on below it
	}
	v.rebind(i, r)
	v.arrange()
}

// widget is that of a row in sight.
func (v *View) widget(id uint64) (i int, w item, ok bool) {
	for i, w := range v.shown {
		if w.row().ID == id {
			return i, w, true
		}
	}
	return 0, nil, false
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
	// row is what it shows.
	row() *Row
}

func kindOf(k Kind) itemKind {
	switch k {
	case Notice:
		return noticeItem
	case Day, New:
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
	if len(v.heights.of) == 0 {
		return n
	}
	for i := v.heights.at(v.offset); i < len(v.heights.of); i++ {
		w, ok := v.shown[i]
		if !ok {
			break
		}
		n.Parts = append(n.Parts, v.rowNode(w.row(), w))
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
	for i, l := range r.Links {
		n.Parts = append(n.Parts, access.Node{Role: access.Link, Key: linkKey(i), Name: l.Shown, Text: l.Address, Press: func() { v.follow(l.Address) }, At: n.At})
	}
	if v.focused && v.cursor == r.ID || v.reading == r.ID && r.ID != 0 {
		n.State |= access.Focused
	}
	return n
}

// linkKey tells the links of a row from its actions.
type linkKey int

func (v *View) follow(address string) {
	if v.OnLink != nil {
		v.OnLink(address)
	}
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
	for i, w := range r.view.shown {
		w.Refresh()
		r.view.rebind(i, *w.row())
	}
	r.view.ring.StrokeColor = theme.Color(look.ColorRing)
	r.view.thumb.Refresh()
	r.view.jump.Refresh()
	r.view.arrange()
}
