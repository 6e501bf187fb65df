package access

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/godbus/dbus/v5"

	"github.com/sotto-im/sotto/ui/lang"
)

// The interfaces are those of at-spi2-core 2.46, described by the XML files in its xml folder.

const (
	rootPath  dbus.ObjectPath = "/org/a11y/atspi/accessible/root"
	nullPath  dbus.ObjectPath = "/org/a11y/atspi/null"
	cachePath dbus.ObjectPath = "/org/a11y/atspi/cache"
	prefix                    = "/org/a11y/atspi/accessible/"
	spi                       = "org.a11y.atspi."
)

var (
	errBusy       = dbus.NewError("org.freedesktop.DBus.Error.LimitsExceeded", []any{"access: too many calls at the same time"})
	errGone       = dbus.NewError("org.freedesktop.DBus.Error.UnknownObject", []any{"access: this is not on the screen any more"})
	errNoProperty = dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{"access: no such property"})
	errReadOnly   = dbus.NewError("org.freedesktop.DBus.Error.PropertyReadOnly", []any{"access: this property cannot be set"})
)

// kinds are the role numbers of AT-SPI and their names.
var kinds = map[Role]struct {
	number uint32
	name   string
}{
	Unknown: {67, "unknown"}, Application: {75, "application"}, Window: {23, "frame"}, Dialog: {16, "dialog"}, Alert: {2, "alert"}, Notification: {101, "notification"},
	Panel: {39, "panel"}, Label: {29, "label"}, Heading: {83, "heading"}, Paragraph: {73, "paragraph"}, Status: {54, "statusbar"},
	Image: {27, "image"}, Button: {43, "push button"}, ToggleButton: {62, "toggle button"}, MenuButton: {129, "push button menu"},
	CheckBox: {7, "check box"}, RadioButton: {44, "radio button"}, ComboBox: {11, "combo box"}, Entry: {79, "entry"},
	PasswordEntry: {40, "password text"}, Link: {88, "link"}, List: {31, "list"}, ListItem: {32, "list item"}, Log: {111, "log"},
	LogItem: {32, "list item"}, Menu: {33, "menu"}, MenuItem: {35, "menu item"}, MenuBar: {34, "menu bar"}, TabList: {38, "page tab list"},
	Tab: {37, "page tab"}, ProgressBar: {42, "progress bar"}, Slider: {51, "slider"}, ScrollPane: {49, "scroll pane"},
	Separator: {50, "separator"}, Form: {87, "form"}, ToolBar: {63, "tool bar"},
}

// The state numbers of AT-SPI that have no State of their own.
const (
	spiEnabled    = 8
	spiResizable  = 21
	spiSensitive  = 24
	spiShowing    = 25
	spiSingleLine = 26
	spiVisible    = 30
	spiHasPopup   = 42
)

// bits are the state numbers of AT-SPI.
var bits = map[State]uint32{
	Checkable: 41, Checked: 4, Selectable: 22, Selected: 23, Expandable: 9, Expanded: 10, Editable: 7, MultiLine: 17, ReadOnly: 43, Required: 33,
	Invalid: 36, Busy: 3, Modal: 16, Focusable: 11, Focused: 12, Active: 1,
}

// bitNames are how events call them.
var bitNames = map[State]string{
	Checkable: "checkable", Checked: "checked", Selectable: "selectable", Selected: "selected", Expandable: "expandable", Expanded: "expanded",
	Editable: "editable", MultiLine: "multi-line", ReadOnly: "read-only", Required: "required", Invalid: "invalid-entry", Busy: "busy",
	Modal: "modal", Focusable: "focusable", Focused: "focused", Active: "active",
}

func (s *server) path(e *Element) dbus.ObjectPath {
	if e.Role == Application {
		return rootPath
	}
	return dbus.ObjectPath(prefix + strconv.Itoa(e.Number))
}

func (s *server) ref(e *Element) reference {
	if e == nil {
		return reference{"", nullPath}
	}
	return reference{s.name, s.path(e)}
}

func (s *server) parent(e *Element) reference {
	if e.Parent != nil {
		return s.ref(e.Parent)
	}
	if d := s.desktop.Load(); d != nil {
		return *d
	}
	return s.ref(nil)
}

func states(e *Element) []uint32 {
	set := uint64(1 << spiVisible)
	for state, bit := range bits {
		if e.State&state != 0 {
			set |= 1 << bit
		}
	}
	if e.Usable() {
		set |= 1<<spiEnabled | 1<<spiSensitive
	}
	if e.Showing || e.Role == Application {
		set |= 1 << spiShowing
	}
	switch e.Role {
	case Window:
		set |= 1 << spiResizable
	case MenuButton, ComboBox:
		set |= 1 << spiHasPopup
	case Entry, PasswordEntry:
		if e.State&MultiLine == 0 {
			set |= 1 << spiSingleLine
		}
	}
	return []uint32{uint32(set), uint32(set >> 32)}
}

func interfaces(e *Element) []string {
	names := []string{spi + "Accessible"}
	for _, name := range []string{"Application", "Component", "Action", "Text", "EditableText", "Value"} {
		if offers(e, name) {
			names = append(names, spi+name)
		}
	}
	return names
}

// offers is true when the element has an interface, named without its prefix.
func offers(e *Element, name string) bool {
	switch name {
	case "Accessible":
		return true
	case "Application":
		return e.Role == Application
	case "Component":
		return e.Role != Application
	case "Action":
		return len(e.Verbs()) > 0
	case "Text":
		return e.Text != "" || e.Role == Entry || e.Role == PasswordEntry
	case "EditableText":
		return e.Editable()
	case "Value":
		return e.Range != nil
	}
	return false
}

// call is one call of a reader on an element.
type call struct {
	*server
	e    *Element
	look *Look
	args []any
}

func (c call) number(i int) int  { return int(c.args[i].(int32)) }
func (c call) kind(i int) uint32 { return c.args[i].(uint32) }
func (c call) text(i int) string { return c.args[i].(string) }

// A method answers one method of an interface: in is the signature of what it takes.
type method struct {
	in  string
	run func(call) ([]any, error)
}

// A face is an interface: its methods and its properties.
type face struct {
	methods    map[string]method
	properties map[string]func(call) any
	set        map[string]func(call, dbus.Variant) error
}

// one answers with one value.
func one(f func(call) any) func(call) ([]any, error) {
	return func(c call) ([]any, error) { return []any{f(c)}, nil }
}

func constant(value any) func(call) any { return func(call) any { return value } }

var faces map[string]face

func init() {
	faces = map[string]face{
		spi + "Accessible": accessible, spi + "Application": application, spi + "Component": component, spi + "Action": action,
		spi + "Text": textFace, spi + "EditableText": editableText, spi + "Value": valueFace,
	}
}

var accessible = face{
	properties: map[string]func(call) any{
		"Name":         func(c call) any { return c.e.Name },
		"Description":  func(c call) any { return c.e.Help },
		"HelpText":     constant(""),
		"Parent":       func(c call) any { return c.parent(c.e) },
		"ChildCount":   func(c call) any { return int32(len(c.e.Inside)) },
		"Locale":       func(call) any { return locale() },
		"AccessibleId": func(c call) any { return strconv.Itoa(c.e.Number) },
	},
	methods: map[string]method{
		"GetChildAtIndex": {"i", one(func(c call) any {
			if i := c.number(0); i >= 0 && i < len(c.e.Inside) {
				return c.ref(c.e.Inside[i])
			}
			return c.ref(nil)
		})},
		"GetChildren": {"", one(func(c call) any {
			children := []reference{}
			for _, e := range c.e.Inside {
				children = append(children, c.ref(e))
			}
			return children
		})},
		"GetIndexInParent":     {"", one(func(c call) any { return int32(c.e.Index) })},
		"GetRelationSet":       {"", one(constant([]relation{}))},
		"GetRole":              {"", one(func(c call) any { return kinds[c.e.Role].number })},
		"GetRoleName":          {"", one(func(c call) any { return kinds[c.e.Role].name })},
		"GetLocalizedRoleName": {"", one(func(c call) any { return kinds[c.e.Role].name })},
		"GetState":             {"", one(func(c call) any { return states(c.e) })},
		"GetAttributes":        {"", one(constant(map[string]string{"toolkit": "Fyne"}))},
		"GetApplication":       {"", one(func(c call) any { return c.ref(c.look.Root) })},
		"GetInterfaces":        {"", one(func(c call) any { return interfaces(c.e) })},
	},
}

type relation struct {
	Kind uint32
	To   []reference
}

func locale() string { return strings.ReplaceAll(lang.Tag(), "-", "_") }

var application = face{
	properties: map[string]func(call) any{
		"ToolkitName":  constant("Fyne"),
		"Version":      constant("2.8"),
		"AtspiVersion": constant("2.1"),
		"Id":           func(c call) any { return c.id.Load() },
	},
	set: map[string]func(call, dbus.Variant) error{
		"Id": func(c call, v dbus.Variant) error {
			id, ok := v.Value().(int32)
			if !ok {
				return dbus.ErrMsgInvalidArg
			}
			c.id.Store(id)
			return nil
		},
	},
	methods: map[string]method{
		"GetLocale":                {"u", one(func(call) any { return locale() })},
		"GetApplicationBusAddress": {"", one(constant(""))}, // none of our own: everything goes over the common bus
	},
}

// The kinds of coordinates: of the screen, of the window, of the parent.
const (
	ofScreen uint32 = iota
	ofWindow
	ofParent
)

type box struct{ X, Y, Width, Height int32 }

func extents(e *Element, kind uint32) box {
	b := box{pixels(e.Area.Position.X, e), pixels(e.Area.Position.Y, e), pixels(e.Area.Size.Width, e), pixels(e.Area.Size.Height, e)}
	switch {
	case kind == ofScreen:
		b.X += int32(e.Window.X)
		b.Y += int32(e.Window.Y)
	case kind == ofParent && e.Parent != nil:
		b.X -= pixels(e.Parent.Area.Position.X, e)
		b.Y -= pixels(e.Parent.Area.Position.Y, e)
	}
	return b
}

func pixels(units float32, e *Element) int32 { return int32(math.Round(float64(units * e.Scale))) }

func (b box) has(x, y int) bool {
	return x >= int(b.X) && y >= int(b.Y) && x < int(b.X+b.Width) && y < int(b.Y+b.Height)
}

// under is the innermost element at a place.
func under(e *Element, x, y int, kind uint32) *Element {
	for _, child := range slices.Backward(e.Inside) {
		if found := under(child, x, y, kind); found != nil {
			return found
		}
	}
	if e.Showing && extents(e, kind).has(x, y) {
		return e
	}
	return nil
}

var component = face{
	methods: map[string]method{
		"Contains":             {"iiu", one(func(c call) any { return extents(c.e, c.kind(2)).has(c.number(0), c.number(1)) })},
		"GetAccessibleAtPoint": {"iiu", one(func(c call) any { return c.ref(under(c.e, c.number(0), c.number(1), c.kind(2))) })},
		"GetExtents":           {"u", one(func(c call) any { return extents(c.e, c.kind(0)) })},
		"GetPosition": {"u", func(c call) ([]any, error) {
			b := extents(c.e, c.kind(0))
			return []any{b.X, b.Y}, nil
		}},
		"GetSize": {"", func(c call) ([]any, error) {
			b := extents(c.e, ofWindow)
			return []any{b.Width, b.Height}, nil
		}},
		"GetLayer":      {"", one(func(c call) any { return layer(c.e) })},
		"GetMDIZOrder":  {"", one(constant(int16(0)))},
		"GetAlpha":      {"", one(constant(1.0))},
		"GrabFocus":     {"", one(func(c call) any { return c.act(func() bool { return c.tree.Focus(c.e.Number) }) })},
		"ScrollTo":      {"u", one(constant(false))}, // Fyne lets nobody but the owner of a scroll move it
		"ScrollToPoint": {"uii", one(constant(false))},
		"SetExtents":    {"iiiiu", one(constant(false))},
		"SetPosition":   {"iiu", one(constant(false))},
		"SetSize":       {"ii", one(constant(false))},
	},
}

func layer(e *Element) uint32 {
	const widgets, windows = 3, 7
	if e.Role == Window {
		return windows
	}
	return widgets
}

type verb struct{ Name, Description, Key string }

var action = face{
	properties: map[string]func(call) any{"NActions": func(c call) any { return int32(len(c.e.Verbs())) }},
	methods: map[string]method{
		"GetActions": {"", one(func(c call) any {
			verbs := []verb{}
			for _, v := range c.e.Verbs() {
				verbs = append(verbs, verb{Name: v})
			}
			return verbs
		})},
		"GetName":          {"i", one(verbName)},
		"GetLocalizedName": {"i", one(verbName)},
		"GetDescription":   {"i", one(constant(""))},
		"GetKeyBinding":    {"i", one(constant(""))},
		"DoAction": {"i", one(func(c call) any {
			return c.act(func() bool { return c.tree.Do(c.e.Number, c.number(0)) })
		})},
	},
}

func verbName(c call) any {
	if verbs := c.e.Verbs(); c.number(0) >= 0 && c.number(0) < len(verbs) {
		return verbs[c.number(0)]
	}
	return ""
}

// textAs answers with a piece of the text and where it is.
func textAs(c call, s span) ([]any, error) {
	return []any{cut(c.e.Text, s.from, s.to), int32(s.from), int32(s.to)}, nil
}

// granularity turns AT-SPI's number for GetStringAtOffset into a unit; a paragraph is a line as it was written.
func granularity(n uint32) unit {
	return []unit{byCharacter, byWord, bySentence, byLine, byLine}[min(n, 4)]
}

// boundary does so for the older methods, which tell the beginnings from the ends of words: for us pieces have no gap between them.
func boundary(n uint32) unit {
	return []unit{byCharacter, byWord, byWord, bySentence, bySentence, byLine, byLine}[min(n, 6)]
}

var textFace = face{
	properties: map[string]func(call) any{
		"CharacterCount": func(c call) any { return int32(utf8.RuneCountInString(c.e.Text)) },
		"CaretOffset":    func(c call) any { return int32(c.e.Caret) },
	},
	methods: map[string]method{
		"GetText":             {"ii", one(func(c call) any { return cut(c.e.Text, c.number(0), c.number(1)) })},
		"GetStringAtOffset":   {"iu", func(c call) ([]any, error) { return textAs(c, spanAt(c.e.Text, granularity(c.kind(1)), c.number(0))) }},
		"GetTextAtOffset":     {"iu", func(c call) ([]any, error) { return textAs(c, spanAt(c.e.Text, boundary(c.kind(1)), c.number(0))) }},
		"GetTextBeforeOffset": {"iu", func(c call) ([]any, error) { return textAs(c, spanBefore(c.e.Text, boundary(c.kind(1)), c.number(0))) }},
		"GetTextAfterOffset":  {"iu", func(c call) ([]any, error) { return textAs(c, spanAfter(c.e.Text, boundary(c.kind(1)), c.number(0))) }},
		"GetCharacterAtOffset": {"i", one(func(c call) any {
			if r := []rune(cut(c.e.Text, c.number(0), c.number(0)+1)); len(r) == 1 && c.number(0) >= 0 {
				return int32(r[0])
			}
			return int32(0)
		})},
		"SetCaretOffset": {"i", one(func(c call) any { return c.mark(Stretch{c.number(0), c.number(0)}) })},
		"GetNSelections": {"", one(func(c call) any { return c.selections() })},
		"GetSelection": {"i", func(c call) ([]any, error) {
			if c.number(0) != 0 || c.selections() == 0 {
				return []any{int32(-1), int32(-1)}, nil
			}
			return []any{int32(c.e.Marked.From), int32(c.e.Marked.To)}, nil
		}},
		"AddSelection":           {"ii", one(func(c call) any { return c.selections() == 0 && c.mark(Stretch{c.number(0), c.number(1)}) })},
		"RemoveSelection":        {"i", one(func(c call) any { return c.selectionHas(0) && c.mark(Stretch{c.e.Caret, c.e.Caret}) })},
		"SetSelection":           {"iii", one(func(c call) any { return c.selectionHas(0) && c.mark(Stretch{c.number(1), c.number(2)}) })},
		"GetAttributes":          {"i", plain},
		"GetAttributeRun":        {"ib", plain},
		"GetAttributeValue":      {"is", one(constant(""))},
		"GetDefaultAttributes":   {"", one(constant(map[string]string{}))},
		"GetDefaultAttributeSet": {"", one(constant(map[string]string{}))},
	},
}

// selections is how many parts of the text are selected: Fyne selects at most one.
func (c call) selections() int32 {
	if c.e.Marked.From == c.e.Marked.To {
		return 0
	}
	return 1
}

// selectionHas is true where the argument names the selection there is.
func (c call) selectionHas(i int) bool { return c.number(i) == 0 && c.selections() == 1 }

func (c call) mark(s Stretch) bool {
	return c.act(func() bool { return c.tree.Mark(c.e.Number, s) })
}

// plain is the answer about the look of a text: it is the same everywhere.
func plain(c call) ([]any, error) {
	return []any{map[string]string{}, int32(0), int32(utf8.RuneCountInString(c.e.Text))}, nil
}

var editableText = face{
	methods: map[string]method{
		"SetTextContents": {"s", one(func(c call) any { return c.replaceWith(c.text(0)) })},
		"InsertText": {"isi", one(func(c call) any {
			return c.replaceBetween(c.number(0), c.number(0), cut(c.text(1), 0, c.number(2)))
		})},
		"DeleteText": {"ii", one(func(c call) any { return c.replaceBetween(c.number(0), c.number(1), "") })},
	},
}

func (c call) replaceWith(text string) bool {
	return c.act(func() bool { return c.tree.SetText(c.e.Number, text) })
}

// replaceBetween changes a part of the text. A secret can only be replaced as a whole, since nobody here knows the rest of it.
func (c call) replaceBetween(from, to int, text string) bool {
	length := utf8.RuneCountInString(c.e.Text)
	if secret(c.e.Role) || from < 0 || to < from || to > length {
		return false
	}
	return c.replaceWith(cut(c.e.Text, 0, from) + text + cut(c.e.Text, to, length))
}

var valueFace = face{
	properties: map[string]func(call) any{
		"MinimumValue":     func(c call) any { return c.e.Range.Min },
		"MaximumValue":     func(c call) any { return c.e.Range.Max },
		"CurrentValue":     func(c call) any { return c.e.Range.Now },
		"MinimumIncrement": constant(0.0),
		"Text":             constant(""),
	},
}

// LookupObject finds the element of a path; it is part of dbus.Handler.
func (s *server) LookupObject(path dbus.ObjectPath) (dbus.ServerObject, bool) {
	return object{s, path}, path == cachePath || strings.HasPrefix(string(path), prefix)
}

type object struct {
	*server
	path dbus.ObjectPath
}

func (o object) LookupInterface(name string) (dbus.Interface, bool) {
	switch {
	case o.path == cachePath:
		return bound{o, name}, name == spi+"Cache"
	case name == "org.freedesktop.DBus.Properties":
		return bound{o, name}, true
	}
	_, ok := faces[name]
	return bound{o, name}, ok
}

// bound is an interface of an object.
type bound struct {
	object
	name string
}

func (b bound) LookupMethod(name string) (dbus.Method, bool) {
	var m method
	switch b.name {
	case spi + "Cache":
		m = method{"", b.items}
		return &running{object: b.object, method: m}, name == "GetItems"
	case "org.freedesktop.DBus.Properties":
		m = map[string]method{"Get": {"ss", property}, "GetAll": {"s", properties}, "Set": {"ssv", setProperty}}[name]
	default:
		m = faces[b.name].methods[name]
	}
	return &running{object: b.object, method: m, face: strings.TrimPrefix(b.name, spi)}, m.run != nil
}

// running is one call that is being answered.
type running struct {
	object
	method
	face string
}

// DecodeArguments refuses calls with other types than the method takes; it is part of dbus.ArgumentDecoder.
func (r *running) DecodeArguments(_ *dbus.Conn, _ string, _ *dbus.Message, args []any) ([]any, error) {
	if dbus.SignatureOf(args...).String() != r.in {
		return nil, dbus.ErrMsgInvalidArg
	}
	return args, nil
}

func (r *running) Call(args ...any) ([]any, error) {
	select {
	case r.calls <- struct{}{}:
		defer func() { <-r.calls }()
	default:
		return nil, errBusy
	}
	r.asked.Store(time.Now().UnixNano())
	nudge(r.called)
	look := r.fresh()
	c := call{r.server, look.Root, look, args}
	if r.path != rootPath && r.path != cachePath {
		number, err := strconv.Atoi(strings.TrimPrefix(string(r.path), prefix))
		if err != nil {
			return nil, errGone
		}
		c.e = look.By[number]
		if number >= noticeBase {
			c.e = r.notice(number)
		}
	}
	if c.e == nil {
		return nil, errGone
	}
	if _, ours := faces[spi+r.face]; ours && !offers(c.e, r.face) {
		return nil, dbus.MakeUnknownInterfaceError(spi + r.face)
	}
	return r.run(c)
}

func (r *running) NumArguments() int     { return len(r.in) }
func (r *running) NumReturns() int       { return 0 } // asked by nobody: answers are sent as they are
func (r *running) ArgumentValue(int) any { return nil }
func (r *running) ReturnValue(int) any   { return nil }

func property(c call) ([]any, error) {
	f, ok := faces[c.text(0)]
	read := f.properties[c.text(1)]
	if !ok || read == nil || !offers(c.e, strings.TrimPrefix(c.text(0), spi)) {
		return nil, errNoProperty
	}
	return []any{dbus.MakeVariant(read(c))}, nil
}

func properties(c call) ([]any, error) {
	all := map[string]dbus.Variant{}
	if offers(c.e, strings.TrimPrefix(c.text(0), spi)) {
		for name, read := range faces[c.text(0)].properties {
			all[name] = dbus.MakeVariant(read(c))
		}
	}
	return []any{all}, nil
}

func setProperty(c call) ([]any, error) {
	set := faces[c.text(0)].set[c.text(1)]
	if set == nil || !offers(c.e, strings.TrimPrefix(c.text(0), spi)) {
		return nil, errReadOnly
	}
	return nil, set(c, c.args[2].(dbus.Variant))
}

// cached is one line of the answer of Cache.GetItems.
type cached struct {
	Self, Application, Parent reference
	Index, Children           int32
	Interfaces                []string
	Name                      string
	Role                      uint32
	Help                      string
	States                    []uint32
}

func (o object) items(c call) ([]any, error) {
	items := []cached{}
	for _, number := range slices.Sorted(maps.Keys(c.look.By)) {
		items = append(items, o.cached(c.look, c.look.By[number]))
	}
	return []any{items}, nil
}

func (s *server) cached(look *Look, e *Element) cached {
	return cached{
		Self: s.ref(e), Application: s.ref(look.Root), Parent: s.parent(e), Index: int32(e.Index), Children: int32(len(e.Inside)),
		Interfaces: interfaces(e), Name: e.Name, Role: kinds[e.Role].number, Help: e.Help, States: states(e),
	}
}

// tell sends the changes of the last looks as events.
func (s *server) tell() {
	s.mu.Lock()
	changes, look := s.changes, s.look
	s.changes = nil
	s.mu.Unlock()
	for _, c := range changes {
		if err := s.event(look, c); errors.Is(err, dbus.ErrClosed) {
			return
		}
	}
}

func (s *server) event(look *Look, c Change) error {
	path := s.path(c.Element)
	switch c.Kind {
	case Added:
		s.added(look, c.Element)
		if c.Element.Role == Window {
			s.emit(path, "Window.Create", "", 0, 0, c.Element.Name)
		}
		return s.emit(s.path(c.Parent), "Object.ChildrenChanged", "add", c.At, 0, s.ref(c.Element))
	case Removed:
		if c.Element.Role == Window {
			s.emit(path, "Window.Destroy", "", 0, 0, c.Element.Name)
		}
		s.removed(c.Element)
		return s.emit(s.path(c.Parent), "Object.ChildrenChanged", "remove", c.At, 0, s.ref(c.Element))
	case Renamed:
		return s.emit(path, "Object.PropertyChange", "accessible-name", 0, 0, c.Element.Name)
	case HelpChanged:
		return s.emit(path, "Object.PropertyChange", "accessible-description", 0, 0, c.Element.Help)
	case TextDeleted:
		return s.emit(path, "Object.TextChanged", "delete", c.At, utf8.RuneCountInString(c.Text), c.Text)
	case TextInserted:
		return s.emit(path, "Object.TextChanged", "insert", c.At, utf8.RuneCountInString(c.Text), c.Text)
	case MarkedChanged:
		return s.emit(path, "Object.TextSelectionChanged", "", 0, 0, "")
	case CaretMoved:
		return s.emit(path, "Object.TextCaretMoved", "", c.At, 0, "")
	case RangeChanged:
		return s.emit(path, "Object.PropertyChange", "accessible-value", 0, 0, c.Element.Range.Now)
	case StateChanged:
		return s.stateEvent(path, c)
	case Announced:
		return s.announce(c.Element, c)
	}
	panic(fmt.Sprintf("access: internal error: change of kind %d", c.Kind))
}

func (s *server) stateEvent(path dbus.ObjectPath, c Change) error {
	on := 0
	if c.Element.State&c.State != 0 {
		on = 1
	}
	switch {
	case c.State == Disabled:
		s.emit(path, "Object.StateChanged", "enabled", 1-on, 0, int32(0))
		return s.emit(path, "Object.StateChanged", "sensitive", 1-on, 0, int32(0))
	case c.State == Active && on == 1:
		s.emit(path, "Window.Activate", "", 0, 0, c.Element.Name)
	case c.State == Active:
		s.emit(path, "Window.Deactivate", "", 0, 0, c.Element.Name)
	}
	return s.emit(path, "Object.StateChanged", bitNames[c.State], on, 0, int32(0))
}

func (s *server) emit(path dbus.ObjectPath, name, detail string, first, second int, value any) error {
	return s.conn.Emit(path, spi+"Event."+name, detail, int32(first), int32(second), dbus.MakeVariant(value), map[string]dbus.Variant{})
}

// added and removed keep the caches of readers right, with everything inside.
func (s *server) added(look *Look, e *Element) {
	_ = s.conn.Emit(cachePath, spi+"Cache.AddAccessible", s.cached(look, e))
}

func (s *server) removed(e *Element) {
	for _, child := range e.Inside {
		s.removed(child)
	}
	_ = s.conn.Emit(cachePath, spi+"Cache.RemoveAccessible", s.ref(e))
}
