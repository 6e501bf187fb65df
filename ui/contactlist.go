package ui

import (
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

const (
	headingHeight = 8 * look.Step
	spokenBeyond  = 40  // lines out of sight that a long list still tells of, above and below
	spokenWhole   = 200 // a list so long is told whole
	clickTwice    = 400 * time.Millisecond
)

// A contactList is the list itself: contacts in their groups, however many. Only those in sight exist as widgets. The arrow keys walk
// through it, Enter opens, left and right fold a group and unfold it. It also says what stands in it to those who do not see it.
type contactList struct {
	widget.BaseWidget
	desk    *desk
	list    model.List
	tops    []float32 // of each line, and the end of the last
	open    func(session.Ref) bool
	cursor  session.Ref // where the keys are
	group   *string     // the heading where the keys are, instead
	focused bool
	pressed session.Ref
	when    time.Time

	scroll   *container.Scroll
	body     *listBody
	first    int
	rows     []*contactRow // in sight, pooled
	headings []*groupHeading
}

var (
	_ fyne.Focusable  = (*contactList)(nil)
	_ access.Semantic = (*contactList)(nil)
)

func newContactList(d *desk) *contactList {
	l := &contactList{desk: d, tops: []float32{0}, open: func(session.Ref) bool { return false }}
	l.body = &listBody{list: l}
	l.body.ExtendBaseWidget(l.body)
	l.scroll = container.NewVScroll(l.body)
	l.scroll.OnScrolled = func(fyne.Position) { l.arrange() }
	l.ExtendBaseWidget(l)
	return l
}

// set shows another list. open tells whose conversations are open.
func (l *contactList) set(list model.List, open func(session.Ref) bool) {
	l.list, l.open = list, open
	l.tops = slices.Grow(l.tops[:0], list.Len()+1)
	top := float32(0)
	for i := range list.Len() {
		l.tops = append(l.tops, top)
		if list.Heading(i) != nil {
			top += headingHeight
		} else {
			top += look.RowHeight
		}
	}
	height := float32(0)
	if len(l.tops) > 0 {
		height = l.body.height
	}
	l.tops = append(l.tops, top)
	if top != height {
		l.body.height = top
		l.scroll.Refresh()
	}
	l.arrange()
}

// line is the one at a height.
func (l *contactList) line(y float32) int {
	i, _ := slices.BinarySearch(l.tops, y)
	if i == len(l.tops) || l.tops[i] > y {
		i--
	}
	return max(0, min(i, l.list.Len()-1))
}

// arrange gives the lines in sight their widgets.
func (l *contactList) arrange() {
	size := l.scroll.Size()
	rows, headings := 0, 0
	l.body.objects = l.body.objects[:0]
	l.first = l.line(l.scroll.Offset.Y)
	for i := l.first; i < l.list.Len() && l.tops[i] < l.scroll.Offset.Y+size.Height; i++ {
		at, area := fyne.NewPos(0, l.tops[i]), fyne.NewSize(size.Width, l.tops[i+1]-l.tops[i])
		var o fyne.CanvasObject
		if h := l.list.Heading(i); h != nil {
			if headings == len(l.headings) {
				l.headings = append(l.headings, newGroupHeading(l))
			}
			l.headings[headings].set(*h, l.focused && l.group != nil && *l.group == h.Group)
			o = l.headings[headings]
			headings++
		} else {
			if rows == len(l.rows) {
				l.rows = append(l.rows, newContactRow(l))
			}
			r := l.list.Row(i)
			l.rows[rows].set(r, l.open(r.Ref), l.focused && l.group == nil && l.cursor == r.Ref)
			o = l.rows[rows]
			rows++
		}
		if o.Size() != area {
			o.Resize(area)
		}
		if o.Position() != at {
			o.Move(at)
		}
		l.body.objects = append(l.body.objects, o)
	}
	l.body.redraw()
}

// press is a click on a contact: it opens the conversation, and a second click at once gives it a window of its own.
func (l *contactList) press(r session.Ref) {
	l.cursor, l.group = r, nil
	now := l.desk.shell.now()
	twice := l.pressed == r && now.Sub(l.when) < clickTwice
	l.pressed, l.when = r, now
	if twice {
		l.pressed = session.Ref{}
		l.desk.openApart(r)
		return
	}
	l.desk.main.open(r)
}

// fold hides and shows the contacts of a group.
func (l *contactList) fold(group string) {
	l.desk.fold(group)
}

// FocusGained implements fyne.Focusable.
func (l *contactList) FocusGained() {
	l.focused = true
	if l.at() < 0 {
		l.moveTo(l.first)
	}
	l.arrange()
}

// FocusLost implements fyne.Focusable.
func (l *contactList) FocusLost() { l.focused = false; l.arrange() }

// TypedRune implements fyne.Focusable: who types a name is looking for it.
func (l *contactList) TypedRune(r rune) { l.desk.main.contacts.searchFor(r) }

// TypedKey implements fyne.Focusable.
func (l *contactList) TypedKey(e *fyne.KeyEvent) {
	at := l.at()
	switch e.Name {
	case fyne.KeyUp:
		l.moveTo(at - 1)
	case fyne.KeyDown:
		l.moveTo(at + 1)
	case fyne.KeyPageUp:
		l.moveTo(at - l.page())
	case fyne.KeyPageDown:
		l.moveTo(at + l.page())
	case fyne.KeyHome:
		l.moveTo(0)
	case fyne.KeyEnd:
		l.moveTo(l.list.Len() - 1)
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		l.enter(at)
	case fyne.KeyLeft, fyne.KeyRight:
		if at >= 0 && l.list.Heading(at) != nil && l.list.Heading(at).Folded == (e.Name == fyne.KeyRight) {
			l.enter(at)
		}
	case desktop.KeyMenu:
		if at >= 0 && l.list.Heading(at) == nil {
			l.openMenu(l.list.Row(at).Contact, fyne.CurrentApp().Driver().AbsolutePositionForObject(l).AddXY(headingHeight, l.tops[at+1]-l.scroll.Offset.Y))
		}
	case fyne.KeyEscape:
		l.desk.main.talk.focus()
	}
}

func (l *contactList) page() int { return max(1, int(l.scroll.Size().Height/look.RowHeight)) }

// at is the line where the keys are, or -1.
func (l *contactList) at() int {
	if l.group == nil {
		return l.list.Find(l.cursor)
	}
	for i := range l.list.Len() {
		if h := l.list.Heading(i); h != nil && h.Group == *l.group {
			return i
		}
	}
	return -1
}

// moveTo takes the keys to a line and scrolls it into sight.
func (l *contactList) moveTo(i int) {
	if l.list.Len() == 0 {
		return
	}
	i = max(0, min(i, l.list.Len()-1))
	if h := l.list.Heading(i); h != nil {
		l.group = &h.Group
	} else {
		l.cursor, l.group = l.list.Ref(i), nil
	}
	switch height := l.scroll.Size().Height; {
	case l.tops[i] < l.scroll.Offset.Y:
		l.scroll.ScrollToOffset(fyne.NewPos(0, l.tops[i]))
	case l.tops[i+1] > l.scroll.Offset.Y+height:
		l.scroll.ScrollToOffset(fyne.NewPos(0, l.tops[i+1]-height))
	}
	l.arrange()
}

// enter opens the contact at a line, or folds the group.
func (l *contactList) enter(i int) {
	if i < 0 {
		return
	}
	if h := l.list.Heading(i); h != nil {
		l.fold(h.Group)
		return
	}
	l.desk.main.open(l.list.Ref(i))
}

// openMenu offers what one can do with a contact.
func (l *contactList) openMenu(c session.Contact, at fyne.Position) {
	widget.NewPopUpMenu(l.desk.contactMenu(c), l.desk.window.Canvas()).ShowAtPosition(at)
}

// Semantics implements access.Semantic. A very long list tells of what is in sight and around it.
func (l *contactList) Semantics() access.Node {
	n := access.Node{Role: access.List, Name: lang.L("Contacts")}
	from, to := 0, l.list.Len()
	if to > spokenWhole {
		from = max(0, l.first-spokenBeyond)
		to = min(to, l.first+l.page()+spokenBeyond)
	}
	heading := ""
	for i := from; i < to; i++ {
		if h := l.list.Heading(i); h != nil {
			heading = h.Group
			n.Parts = append(n.Parts, l.headingNode(*h, i))
			continue
		}
		n.Parts = append(n.Parts, l.rowNode(i, heading))
	}
	return n
}

// spokenLine is the key of a line: a contact may stand in several groups.
type spokenLine struct {
	ref   session.Ref
	group string
}

func (l *contactList) headingNode(h model.Heading, i int) access.Node {
	n := access.Node{Role: access.ListItem, Key: h.Group, Name: groupWords(h.Group), Text: headingSpoken(h), At: l.area(i),
		State: access.Expandable, Press: func() { l.fold(h.Group) }}
	if !h.Folded {
		n.State |= access.Expanded
	}
	if l.focused && l.group != nil && *l.group == h.Group {
		n.State |= access.Focused
	}
	return n
}

func (l *contactList) rowNode(i int, heading string) access.Node {
	r := l.list.Row(i)
	n := access.Node{Role: access.ListItem, Key: spokenLine{r.Ref, heading}, Name: r.Name, Text: rowSpoken(r), State: access.Selectable, At: l.area(i),
		Press: func() { l.desk.main.open(r.Ref) },
		More:  []access.Action{{Verb: "menu", Do: func() { l.openMenu(r.Contact, fyne.NewPos(0, l.tops[i]-l.scroll.Offset.Y)) }}}}
	if l.open(r.Ref) {
		n.State |= access.Selected
	}
	if l.focused && l.group == nil && l.cursor == r.Ref {
		n.State |= access.Focused
	}
	return n
}

func (l *contactList) area(i int) access.Area {
	return access.Area{Position: fyne.NewPos(0, l.tops[i]-l.scroll.Offset.Y), Size: fyne.NewSize(l.scroll.Size().Width, l.tops[i+1]-l.tops[i])}
}

func headingSpoken(h model.Heading) string {
	said := []string{lang.L("{{.Online}} of {{.Total}} online", words{"Online": h.Online, "Total": h.Total})}
	if h.Unread > 0 {
		said = append(said, lang.N("{{.Count}} unread", h.Unread, words{"Count": h.Unread}))
	}
	return strings.Join(said, ", ")
}

// groupWords is the name of a group.
func groupWords(group string) string {
	if group == "" {
		return lang.L("In no group")
	}
	return group
}

// CreateRenderer implements fyne.Widget.
func (l *contactList) CreateRenderer() fyne.WidgetRenderer { return listRenderer{l} }

type listRenderer struct{ list *contactList }

func (r listRenderer) MinSize() fyne.Size { return fyne.NewSize(120, look.RowHeight) }

func (r listRenderer) Layout(size fyne.Size) {
	r.list.scroll.Resize(size)
	r.list.arrange()
}

// Refresh comes with a change of theme: every line is coloured again.
func (r listRenderer) Refresh() {
	for _, o := range r.list.body.objects {
		o.Refresh()
	}
	r.list.scroll.Refresh()
}

func (r listRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.list.scroll} }
func (r listRenderer) Destroy()                     {}

// A listBody is what scrolls: as high as all lines, with the widgets of those in sight.
type listBody struct {
	widget.BaseWidget
	list    *contactList
	height  float32
	objects []fyne.CanvasObject
}

func (b *listBody) redraw() { canvas.Refresh(b) }

// CreateRenderer implements fyne.Widget.
func (b *listBody) CreateRenderer() fyne.WidgetRenderer { return bodyRenderer{b} }

type bodyRenderer struct{ body *listBody }

func (r bodyRenderer) MinSize() fyne.Size           { return fyne.NewSize(120, r.body.height) }
func (r bodyRenderer) Layout(fyne.Size)             {}
func (r bodyRenderer) Refresh()                     {}
func (r bodyRenderer) Objects() []fyne.CanvasObject { return r.body.objects }
func (r bodyRenderer) Destroy()                     {}
