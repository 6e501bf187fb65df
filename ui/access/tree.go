package access

import (
	"slices"
	"unicode/utf8"

	"fyne.io/fyne/v2"
)

// maxAnnouncements is how many sentences wait for a reader; the oldest are dropped.
const maxAnnouncements = 32

// A Tree is what a program shows, in words. All its methods are for the UI goroutine.
type Tree struct {
	name    string
	windows func() []fyne.Window
	shapes  shapes
	said    []Announcement
	numbers map[any]int // of the things in the last look
	highest int
	last    *Look
}

// New returns the tree of a program with these windows, usually the AllWindows of the driver.
func New(name string, windows func() []fyne.Window) *Tree {
	return &Tree{name: name, windows: windows, shapes: shapes{}, numbers: map[any]int{}, last: &Look{}}
}

// Announcement is a sentence to be spoken.
type Announcement struct {
	Text   string
	Polite Polite
}

// Announce has a sentence spoken by a screen reader, if there is one: a new message, a change of the lock.
func (t *Tree) Announce(text string, p Polite) {
	if text == "" || p == Silent {
		return
	}
	t.said = append(t.said, Announcement{text, p})
	if len(t.said) > maxAnnouncements {
		t.said = slices.Delete(t.said, 0, len(t.said)-maxAnnouncements)
	}
}

// A Look is what the windows showed at one moment. It does not change any more.
type Look struct {
	Root *Element // role Application; nil before the first look
	By   map[int]*Element
}

// An Element is one thing on the screen at the time of a Look.
type Element struct {
	Number  int // the same in every Look as long as the thing is shown
	Role    Role
	Name    string
	Help    string
	Text    string // what a reader reads: for a label its name, for a secret dots
	State   State
	Range   *Range
	Live    Polite
	Area    Area    // relative to the window, in Fyne's units
	Scale   float32 // pixels in a unit
	Window  fyne.Position
	Showing bool // some of it can be seen
	Covered bool // a dialog lies over it: nothing can be done with it before that is closed
	Caret   int  // of an entry, in characters; -1 where there is none
	Marked  Stretch
	Parent  *Element
	Index   int // among the children of Parent
	Inside  []*Element

	node Node
}

// Look describes the windows as they are now, and tells what is different from the look before.
func (t *Tree) Look() (*Look, []Change) {
	look := &Look{By: map[int]*Element{}}
	numbers := t.numbers
	t.numbers = make(map[any]int, len(numbers))
	w := &walker{tree: t, look: look, before: numbers}
	look.Root = w.add(nil, Node{Role: Application, Name: t.name}, t, Area{}, Area{})
	active := t.active()
	for _, window := range t.windows() {
		w.oneWindow(window, when(window == active, Active))
	}
	changes := compare(t.last, look)
	for _, a := range t.said {
		changes = append(changes, Change{Kind: Announced, Element: look.Root, Text: a.Text, Polite: a.Polite})
	}
	t.said = nil
	t.last = look
	return look, changes
}

func (w *walker) oneWindow(window fyne.Window, active State) {
	facts := factsOf(window)
	if facts.hidden {
		return
	}
	c := window.Canvas()
	w.window, w.focused, w.scale = window, nil, c.Scale()
	if active != 0 && holdOf(c.Focused()) != holdsNothing {
		w.focused = c.Focused()
	}
	w.place = fyne.NewPos(float32(facts.x), float32(facts.y))
	area := Area{Size: c.Size()}
	n := Node{Role: Window, Name: window.Title(), State: active, Focus: window.RequestFocus}
	if box, ok := c.Content().(*fyne.Container); ok && said(box).name != "" {
		n.Name = said(box).name // what it is about may be more than what the task bar is to show
	}
	element := w.add(w.look.Root, n, window, area, area)
	overlays := c.Overlays().List()
	w.covered = len(overlays) > 0
	w.object(c.Content(), at{parent: element, clip: area})
	for i, o := range overlays {
		w.covered = i < len(overlays)-1
		w.object(o, at{parent: element, clip: area})
	}
}

// active is the window that has the keyboard, as far as its widgets tell, and otherwise the one that was opened last: Fyne does not
// say.
func (t *Tree) active() fyne.Window {
	var likely fyne.Window
	for _, w := range t.windows() {
		if factsOf(w).hidden {
			continue
		}
		switch holdOf(w.Canvas().Focused()) {
		case holdsKeyboard:
			return w
		case holdUnknown:
			likely = w
		case holdsNothing:
			if likely == nil {
				likely = w
			}
		}
	}
	return likely
}

// add makes an element of a node.
func (w *walker) add(parent *Element, n Node, key any, area, clip Area) *Element {
	for _, taken := w.tree.numbers[key]; taken; _, taken = w.tree.numbers[key] {
		key = partKey{key, "again"} // two parts with one key: neither may hide the other
	}
	number, known := w.before[key]
	if !known {
		w.tree.highest++
		number = w.tree.highest
	}
	w.tree.numbers[key] = number
	if secret(n.Role) {
		n = conceal(n)
	}
	if n.Role == Alert && n.Name == "" {
		n.Name = n.Text // readers say what an alert is called
	}
	visible := overlap(area, clip).Size
	e := &Element{
		Number: number, Role: n.Role, Name: n.Name, Help: n.Help, Text: n.Text, State: n.State, Range: n.Range, Live: n.Live,
		Area: area, Scale: w.scale, Window: w.place, Showing: visible.Width > 0 && visible.Height > 0, Covered: w.covered, Caret: -1,
		Parent: parent, node: n,
	}
	if e.Text == "" && speaksItsName(n.Role) {
		e.Text = n.Name
	}
	if n.Caret != nil {
		e.Caret = n.Caret()
	}
	if n.Marked != nil {
		e.Marked = n.Marked()
	}
	if parent != nil {
		e.Index = len(parent.Inside)
		parent.Inside = append(parent.Inside, e)
	}
	w.look.By[number] = e
	return e
}

// conceal leaves of a secret only whether there is one: nothing tells its characters, nor how many they are.
func conceal(n Node) Node {
	n.Marked, n.Mark = nil, nil
	if n.Text != "" {
		n.Text = mask
	}
	if n.Caret != nil {
		length := utf8.RuneCountInString(n.Text)
		n.Caret = func() int { return length }
	}
	return n
}

// speaksItsName is true for things whose name is a text that stands on the screen to be read.
func speaksItsName(r Role) bool {
	switch r {
	case Label, Heading, Paragraph, Status, LogItem, Link, Alert:
		return true
	}
	return false
}

// Usable is true when a person could use the thing now.
func (e *Element) Usable() bool { return !e.Covered && e.State&Disabled == 0 }

// Verbs are the things that can be done with the element, the first one is what a click does.
func (e *Element) Verbs() []string {
	var verbs []string
	if e.node.Press != nil {
		verbs = append(verbs, "click")
	}
	for _, a := range e.node.More {
		verbs = append(verbs, a.Verb)
	}
	return verbs
}

// Do does the thing with this number in Verbs, on the UI goroutine. It is false when that cannot be done now.
func (t *Tree) Do(number, verb int) bool {
	e := t.now(number)
	if e == nil || !e.Usable() || verb < 0 || verb >= len(e.Verbs()) {
		return false
	}
	if e.node.Press != nil {
		if verb == 0 {
			e.node.Press()
			return true
		}
		verb--
	}
	e.node.More[verb].Do()
	return true
}

// SetText replaces the content of an element, as if it had been typed, on the UI goroutine. It is false when that cannot be done now.
func (t *Tree) SetText(number int, text string) bool {
	e := t.now(number)
	if e == nil || !e.Usable() || !e.Editable() {
		return false
	}
	e.node.SetText(text)
	return true
}

// Mark selects a part of the text of an element, on the UI goroutine. It is false when that cannot be done now.
func (t *Tree) Mark(number int, s Stretch) bool {
	e := t.now(number)
	return e != nil && e.node.Mark != nil && e.Usable() && e.node.Mark(s)
}

// Focus gives an element the keyboard, on the UI goroutine. It is false when that cannot be done now.
func (t *Tree) Focus(number int) bool {
	e := t.now(number)
	if e == nil || e.node.Focus == nil || !e.Usable() {
		return false
	}
	for up := e; up != nil; up = up.Parent {
		if up.Role == Window && up.State&Active == 0 {
			up.node.Focus() // brings the window forward first
		}
	}
	e.node.Focus()
	return true
}

// Editable is true when the text can be replaced.
func (e *Element) Editable() bool { return e.node.SetText != nil && e.State&ReadOnly == 0 }

// now is the element as it is at this moment: between the last look and now it may have gone, or been disabled. What this look finds
// changed stays to be told by the next one.
func (t *Tree) now(number int) *Element {
	before, said := t.last, t.said
	look, _ := t.Look()
	t.last, t.said = before, said
	return look.By[number]
}
