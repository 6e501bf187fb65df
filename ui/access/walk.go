package access

import (
	"reflect"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/lang"
)

// mask stands for a secret, however long that is.
const mask = "••••••••"

// maxDepth ends the walk of a widget that describes itself as being inside itself.
const maxDepth = 100

// A walker describes the objects of one window. It is used on the UI goroutine for one look and then thrown away.
type walker struct {
	tree    *Tree
	look    *Look
	before  map[any]int // the numbers of the look before
	window  fyne.Window
	scale   float32
	place   fyne.Position // of the window on the screen, in pixels
	focused fyne.Focusable
	covered bool // an overlay lies over what is being walked: no click could reach it
}

// at is where the walker is.
type at struct {
	parent *Element
	place  fyne.Position // of what the object's own position is relative to
	lost   bool          // objects between the parent and here are not known: place does not help
	clip   Area          // what can be seen of it
	depth  int
	label  string // what the form calls it
}

// object describes an object and what is inside, as children of a.parent.
func (w *walker) object(o fyne.CanvasObject, a at) {
	if l, ok := o.(*labelled); ok {
		o, a.label = l.CanvasObject, l.text
	}
	if o == nil || !o.Visible() || a.depth > maxDepth {
		return
	}
	n := w.describe(o)
	note := said(o)
	if note.name != "" {
		n.Name = note.name
	} else if a.label != "" && (n.Name == "" || n.Role == Entry || n.Role == PasswordEntry) {
		n.Name = a.label
	}
	if note.help != "" {
		n.Help = note.help
	}
	if n.Role == Transparent && note.name != "" {
		n.Role = group(o, note.name, a)
	}
	if d, ok := o.(fyne.Disableable); ok && d.Disabled() {
		n.State |= Disabled
	}
	if f, ok := o.(fyne.Focusable); ok {
		n.State |= Focusable
		if w.focused == f {
			n.State |= Focused
		}
		if n.Focus == nil {
			n.Focus = func() { w.window.Canvas().Focus(f) }
		}
	}
	if t, ok := o.(fyne.SecondaryTappable); ok && n.Role != Transparent && n.Role != Dialog && !secret(n.Role) {
		n.More = append(n.More, Action{"menu", func() { t.TappedSecondary(centre(o)) }})
	}
	place := a.place.Add(o.Position())
	if a.lost {
		place = fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
	}
	w.node(n, o, at{parent: a.parent, place: place, lost: !holds(o), clip: a.clip, depth: a.depth}, Area{place, o.Size()})
}

// group is what a box with a name is: a pop-up asks for something, and the content of a window is that window, as what stands in a
// dialog is the dialog.
func group(o fyne.CanvasObject, name string, a at) Role {
	_, pop := o.(*widget.PopUp)
	switch {
	case (a.parent.Role == Dialog || a.parent.Role == Window) && a.parent.Name == name:
		return Transparent
	case pop:
		return Dialog
	}
	return Panel
}

// holds is true where what is inside an object is placed relative to it.
func holds(o fyne.CanvasObject) bool {
	switch o.(type) {
	case *fyne.Container, *container.Scroll, *container.Clip, *container.ThemeOverride, *container.Split, *widget.PopUp, *widget.Card:
		return true
	}
	return false
}

// node adds a described thing, its parts and what is inside.
func (w *walker) node(n Node, key any, a at, area Area) {
	inside := a
	inside.depth++
	if n.Role != Transparent && n.State&Hidden == 0 {
		inside.parent = w.add(a.parent, n, key, area, a.clip)
	}
	if n.State&Hidden != 0 {
		return
	}
	if n.Role == ScrollPane {
		inside.clip = overlap(a.clip, area)
	}
	for i, part := range n.Parts {
		partArea := area
		if part.At != (Area{}) {
			partArea = Area{a.place.Add(part.At.Position), part.At.Size}
		}
		w.node(part, partKey{key, comparable(part.Key, i)}, inside, partArea)
	}
	for _, o := range n.Inside {
		w.object(o, inside)
	}
}

// partKey is the identity of a thing that is no object.
type partKey struct{ of, key any }

func comparable(key any, index int) any {
	if key == nil || !reflect.TypeOf(key).Comparable() {
		return index
	}
	return key
}

// describe is what an object says of itself, or what is known about its kind.
func (w *walker) describe(o fyne.CanvasObject) Node {
	if s, ok := o.(Semantic); ok {
		return pressable(s.Semantics(), o)
	}
	if n, ok := w.standard(o, w.tree.shapes.within(o)); ok {
		return n
	}
	if n, ok := w.inner(o); ok {
		return n
	}
	if s, ok := o.(fyne.Accessible); ok {
		roles := map[fyne.AccessibleRole]Role{fyne.AccessibleRoleButton: Button, fyne.AccessibleRoleLink: Link, fyne.AccessibleRoleText: Label,
			fyne.AccessibleRoleContainer: Panel}
		return pressable(Node{Role: roles[s.AccessibilityRole()], Name: s.AccessibilityLabel()}, o)
	}
	if _, ok := o.(fyne.Widget); ok && !decoration(o) {
		return pressable(Node{Role: Unknown}, o)
	}
	return Node{}
}

// pressable adds the click that the object itself understands.
func pressable(n Node, o fyne.CanvasObject) Node {
	if t, ok := o.(fyne.Tappable); ok && n.Press == nil && n.SetText == nil && n.Role != Transparent {
		n.Press = func() { t.Tapped(centre(o)) }
	}
	return n
}

// centre is a click into the middle of an object.
func centre(o fyne.CanvasObject) *fyne.PointEvent {
	middle := fyne.NewPos(o.Size().Width/2, o.Size().Height/2)
	place := fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
	return &fyne.PointEvent{Position: middle, AbsolutePosition: place.Add(middle)}
}

// standard describes the widgets of Fyne. o is the object on the canvas, s the widget of Fyne that it is or embeds.
func (w *walker) standard(o, s fyne.CanvasObject) (Node, bool) {
	switch s := s.(type) {
	case *fyne.Container:
		return Node{Inside: s.Objects}, true
	case *canvas.Text:
		return Node{Role: Label, Name: s.Text, State: when(s.Text == "", Hidden)}, true
	case *canvas.Image, *canvas.Rectangle, *canvas.Circle, *canvas.Line, *canvas.Raster, *widget.Icon, *widget.Separator, *widget.FileIcon:
		return Node{}, true
	case *container.Scroll:
		return Node{Role: ScrollPane, Inside: []fyne.CanvasObject{s.Content}}, true
	case *container.Clip:
		return Node{Inside: []fyne.CanvasObject{s.Content}}, true
	case *container.ThemeOverride:
		return Node{Inside: []fyne.CanvasObject{s.Content}}, true
	case *container.Split:
		return Node{Inside: []fyne.CanvasObject{s.Leading, s.Trailing}}, true
	case *container.AppTabs:
		return tabs(s.Items, s.Selected(), s.Select), true
	case *container.DocTabs:
		return tabs(s.Items, s.Selected(), s.Select), true
	case *widget.Label:
		return Node{Role: Label, Name: s.Text, State: when(s.Text == "", Hidden) | w.selectable(s)}, true
	case *widget.RichText:
		return richText(s), true
	case *widget.Hyperlink:
		return Node{Role: Link, Name: s.Text, Press: func() { s.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace}) }}, true
	case *widget.Button:
		return pressable(Node{Role: Button, Name: s.Text}, o), true
	case *widget.Check:
		return Node{Role: CheckBox, Name: s.Text, State: Checkable | when(s.Checked, Checked), Press: func() { s.SetChecked(!s.Checked) }}, true
	case *widget.CheckGroup:
		return checks(s), true
	case *widget.RadioGroup:
		return w.radios(s), true
	case *widget.Select:
		return pressable(Node{Role: ComboBox, Name: s.PlaceHolder, Text: s.Selected, State: Expandable}, o), true
	case *widget.Entry:
		return w.entry(o, s), true
	case *widget.ProgressBar:
		return Node{Role: ProgressBar, Range: &Range{s.Min, s.Max, s.Value}}, true
	case *widget.ProgressBarInfinite:
		return Node{Role: ProgressBar, State: when(s.Running(), Busy)}, true
	case *widget.Activity:
		return Node{}, true
	case *widget.Slider:
		return Node{Role: Slider, Range: &Range{s.Min, s.Max, s.Value}}, true
	case *widget.Card:
		return card(s), true
	case *widget.Accordion:
		return accordion(s), true
	case *widget.Form:
		return form(s), true
	case *widget.PopUp:
		return Node{Inside: []fyne.CanvasObject{s.Content}}, true
	case *widget.Menu:
		return Node{Role: Menu, Inside: s.Items}, true
	}
	return Node{}, false
}

// inner describes widgets that Fyne keeps to itself, by the fields that it exports in them.
func (w *walker) inner(o fyne.CanvasObject) (Node, bool) {
	v := reflect.ValueOf(o)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return Node{}, false
	}
	switch v.Type().String() {
	case "*widget.menuItem":
		item, ok := field[*fyne.MenuItem](v, "Item")
		if !ok {
			return Node{}, false
		}
		n := Node{Role: MenuItem, Name: item.Label, State: when(item.Disabled, Disabled) | when(item.Checked, Checkable|Checked)}
		return pressable(n, o), true
	case "*widget.OverlayContainer":
		content, ok := field[fyne.CanvasObject](v, "Content")
		if !ok {
			return Node{}, false
		}
		n := Node{Inside: []fyne.CanvasObject{content}}
		if back, _ := field[fyne.CanvasObject](v, "Background"); back != nil {
			n.Role, n.State, n.Name = Dialog, Modal, title(content)
		}
		return n, true
	}
	if revealer(o) {
		return pressable(Node{Role: Button, Name: lang.L("Show or hide what is typed")}, o), true
	}
	return Node{}, false
}

// revealer is true for the eye that Fyne puts into password entries.
func revealer(o fyne.CanvasObject) bool {
	return o != nil && reflect.TypeOf(o).String() == "*widget.passwordRevealer"
}

// field reads an exported field of a struct whose type is not exported.
func field[T any](pointer reflect.Value, name string) (T, bool) {
	var none T
	f := pointer.Elem().FieldByName(name)
	if !f.IsValid() || !f.CanInterface() || (f.Kind() == reflect.Interface || f.Kind() == reflect.Pointer) && f.IsNil() {
		return none, false
	}
	value, ok := f.Interface().(T)
	return value, ok
}

// decoration is true for widgets inside Fyne that only paint.
func decoration(o fyne.CanvasObject) bool {
	switch reflect.TypeOf(o).String() {
	case "*dialog.themedBackground", "*widget.Shadow":
		return true
	}
	return false
}

// title is the title of a dialog of Fyne, which is the label among the first things inside, or what a dialog of our own was named.
func title(content fyne.CanvasObject) string {
	pop, ok := content.(*widget.PopUp)
	if !ok {
		return said(content).name
	}
	if name := said(pop).name; name != "" {
		return name
	}
	box, ok := pop.Content.(*fyne.Container)
	if !ok {
		return said(pop.Content).name
	}
	for _, o := range box.Objects {
		if l, ok := o.(*widget.Label); ok && l.TextStyle.Bold {
			return l.Text
		}
	}
	return said(box).name
}

func when(is bool, s State) State {
	if is {
		return s
	}
	return 0
}

func secret(r Role) bool { return r == PasswordEntry }

func (w *walker) entry(o fyne.CanvasObject, e *widget.Entry) Node {
	n := Node{
		Role: Entry, Name: e.PlaceHolder, Text: e.Text,
		State:   Editable | when(e.MultiLine, MultiLine),
		SetText: e.SetText, Caret: e.CursorTextOffset,
		Marked: func() Stretch { return marked(e) }, Mark: func(s Stretch) bool { return mark(e, s) },
	}
	if e.Validator != nil && e.Text != "" && e.Validator(e.Text) != nil {
		n.State |= Invalid
	}
	if f, ok := o.(fyne.Focusable); ok {
		n.More = []Action{{"activate", func() { f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn}) }}}
	}
	if e.ActionItem != nil {
		n.Inside = []fyne.CanvasObject{e.ActionItem}
	}
	// An entry that was a password entry once stays one: its characters may be on the screen now, but they are not to be spoken.
	if (e.Password || revealer(e.ActionItem)) && !said(e).secret {
		Secret(e)
	}
	if said(e).secret || said(o).secret {
		n.Role = PasswordEntry
	}
	return n
}

// selectable is what is known of a label whose words can be selected: what has the keyboard then is a part of it.
func (w *walker) selectable(l *widget.Label) State {
	if !l.Selectable {
		return 0
	}
	part, focused := reflect.ValueOf(l).Elem().FieldByName("selection"), reflect.ValueOf(w.focused)
	holds := part.IsValid() && part.Kind() == reflect.Pointer && focused.Kind() == reflect.Pointer && part.Pointer() == focused.Pointer()
	return Focusable | when(holds, Focused)
}

func richText(t *widget.RichText) Node {
	n := Node{Role: Label, Name: strings.TrimSpace(t.String())}
	var links func([]widget.RichTextSegment)
	links = func(segments []widget.RichTextSegment) {
		for _, s := range segments {
			switch s := s.(type) {
			case *widget.HyperlinkSegment:
				n.Parts = append(n.Parts, Node{Role: Link, Key: s, Name: s.Text, Press: s.OnTapped})
			case widget.RichTextBlock:
				links(s.Segments())
			}
		}
	}
	links(t.Segments)
	n.State = when(n.Name == "" && len(n.Parts) == 0, Hidden)
	return n
}

func tabs(items []*container.TabItem, selected *container.TabItem, choose func(*container.TabItem)) Node {
	n := Node{Role: TabList}
	for _, item := range items {
		n.Parts = append(n.Parts, Node{Role: Tab, Key: item, Name: item.Text, State: Selectable | when(item == selected, Selected),
			Press: func() { choose(item) }})
	}
	if selected != nil {
		n.Inside = []fyne.CanvasObject{selected.Content}
	}
	return n
}

func checks(g *widget.CheckGroup) Node {
	n := Node{Role: Panel}
	for i, option := range g.Options {
		chosen := -1
		for j, s := range g.Selected {
			if s == option {
				chosen = j
			}
		}
		n.Parts = append(n.Parts, Node{
			Role: CheckBox, Key: i, Name: option, State: Checkable | when(chosen >= 0, Checked) | when(g.Disabled(), Disabled),
			Press: func() {
				if chosen < 0 {
					g.SetSelected(append(append([]string{}, g.Selected...), option))
					return
				}
				g.SetSelected(append(append([]string{}, g.Selected[:chosen]...), g.Selected[chosen+1:]...))
			},
		})
	}
	return n
}

func (w *walker) radios(g *widget.RadioGroup) Node {
	n := Node{Role: Panel}
	across, down := float32(1), float32(1)
	if count := float32(max(len(g.Options), 1)); g.Horizontal {
		across = count
	} else {
		down = count
	}
	size := fyne.NewSize(g.MinSize().Width/across, g.MinSize().Height/down)
	focused := w.focusedRadio()
	for i, option := range g.Options {
		place := fyne.NewPos(0, size.Height*float32(i))
		if g.Horizontal {
			place = fyne.NewPos(size.Width*float32(i), 0)
		}
		n.Parts = append(n.Parts, Node{
			Role: RadioButton, Key: i, Name: option, At: Area{place, size},
			State: Checkable | Focusable | when(option == g.Selected, Checked) | when(g.Disabled(), Disabled) | when(option == focused, Focused),
			Press: func() { g.SetSelected(option) },
		})
	}
	return n
}

// focusedRadio is the label of the radio button that has the keyboard.
func (w *walker) focusedRadio() string {
	v := reflect.ValueOf(w.focused)
	if v.Kind() != reflect.Pointer || v.Type().String() != "*widget.radioItem" {
		return ""
	}
	label, _ := field[string](v, "Label")
	return label
}

func card(c *widget.Card) Node {
	n := Node{Role: Panel, Name: c.Title, Help: c.Subtitle}
	if c.Content != nil {
		n.Inside = []fyne.CanvasObject{c.Content}
	}
	return n
}

func accordion(a *widget.Accordion) Node {
	n := Node{}
	for i, item := range a.Items {
		part := Node{Role: ToggleButton, Key: item, Name: item.Title, State: Expandable | when(item.Open, Expanded), Press: func() {
			if item.Open {
				a.Close(i)
				return
			}
			a.Open(i)
		}}
		if item.Open {
			part.Inside = []fyne.CanvasObject{item.Detail}
		}
		n.Parts = append(n.Parts, part)
	}
	return n
}

func form(f *widget.Form) Node {
	n := Node{Role: Form}
	for _, item := range f.Items {
		n.Inside = append(n.Inside, &labelled{CanvasObject: item.Widget, text: item.Text})
	}
	if f.OnCancel != nil {
		n.Parts = append(n.Parts, Node{Role: Button, Key: "cancel", Name: f.CancelText, Press: f.OnCancel})
	}
	if f.OnSubmit != nil {
		n.Parts = append(n.Parts, Node{Role: Button, Key: "submit", Name: f.SubmitText, State: when(f.Validate() != nil, Disabled), Press: f.OnSubmit})
	}
	return n
}

// shapes remembers for each type where the widget of Fyne is that it embeds.
type shapes map[reflect.Type][]int

// within is the widget of Fyne that o is or embeds, or o itself.
func (s shapes) within(o fyne.CanvasObject) fyne.CanvasObject {
	v := reflect.ValueOf(o)
	path, known := s[v.Type()]
	if !known {
		path = embedded(v.Type())
		s[v.Type()] = path
	}
	for _, i := range path {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return o
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	if v.Kind() == reflect.Struct {
		v = v.Addr()
	}
	if v.Kind() == reflect.Pointer && v.IsNil() || !v.CanInterface() {
		return o
	}
	if inner, ok := v.Interface().(fyne.CanvasObject); ok {
		return inner
	}
	return o
}

// embedded is the path of fields from a type to the widget of Fyne that it embeds, nil when it is one or embeds none.
func embedded(t reflect.Type) []int {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || ofFyne(t) {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous {
			continue
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if ofFyne(inner) {
			return []int{i}
		}
		if path := embedded(inner); path != nil {
			return append([]int{i}, path...)
		}
	}
	return nil
}

func ofFyne(t reflect.Type) bool {
	switch t.PkgPath() {
	case "fyne.io/fyne/v2":
		return t.Name() == "Container"
	case "fyne.io/fyne/v2/widget":
		return t.Name() != "BaseWidget" && t.Name() != "DisableableWidget" && t.Name() != "PopUpMenu" && t.Name() != "SelectEntry" && t.Name() != "DateEntry"
	case "fyne.io/fyne/v2/container", "fyne.io/fyne/v2/canvas":
		return true
	case "fyne.io/fyne/v2/internal/widget":
		return t.Name() == "Scroll"
	}
	return false
}

// labelled is an object that a form has a label for.
type labelled struct {
	fyne.CanvasObject
	text string
}

func overlap(a, b Area) Area {
	x, y := max(a.Position.X, b.Position.X), max(a.Position.Y, b.Position.Y)
	right := min(a.Position.X+a.Size.Width, b.Position.X+b.Size.Width)
	bottom := min(a.Position.Y+a.Size.Height, b.Position.Y+b.Size.Height)
	return Area{fyne.NewPos(x, y), fyne.NewSize(max(right-x, 0), max(bottom-y, 0))}
}
