package access_test

import (
	"fmt"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
)

// shown opens a window with the content and returns the tree of it.
func shown(t *testing.T, content fyne.CanvasObject) (*access.Tree, fyne.Window) {
	t.Helper()
	test.NewTempApp(t)
	w := test.NewTempWindow(t, content)
	w.SetTitle("Window")
	w.Resize(fyne.NewSize(600, 400))
	return access.New("Program", func() []fyne.Window { return []fyne.Window{w} }), w
}

// lines writes what is inside the window, a line for each thing.
func lines(e *access.Element) string {
	var b strings.Builder
	var write func(*access.Element, int)
	write = func(e *access.Element, depth int) {
		fmt.Fprintf(&b, "%s%s %q", strings.Repeat("  ", depth), roles[e.Role], e.Name)
		if e.Text != "" && e.Text != e.Name {
			fmt.Fprintf(&b, " = %q", e.Text)
		}
		for _, s := range []struct {
			state access.State
			word  string
		}{{access.Disabled, "disabled"}, {access.Checked, "checked"}, {access.Selected, "selected"}, {access.Expanded, "expanded"},
			{access.Focused, "focused"}, {access.Invalid, "invalid"}, {access.Modal, "modal"}} {
			if e.State&s.state != 0 {
				b.WriteString(" " + s.word)
			}
		}
		if e.Covered {
			b.WriteString(" covered")
		}
		if verbs := e.Verbs(); len(verbs) > 0 {
			fmt.Fprintf(&b, " [%s]", strings.Join(verbs, " "))
		}
		b.WriteByte('\n')
		for _, inside := range e.Inside {
			write(inside, depth+1)
		}
	}
	for _, inside := range e.Inside {
		write(inside, 0)
	}
	return b.String()
}

var roles = map[access.Role]string{
	access.Unknown: "unknown", access.Dialog: "dialog", access.Panel: "panel", access.Label: "label", access.Button: "button",
	access.ToggleButton: "toggle", access.CheckBox: "check", access.RadioButton: "radio", access.ComboBox: "choice", access.Entry: "entry",
	access.PasswordEntry: "password", access.Link: "link", access.List: "list", access.ListItem: "item", access.Log: "log",
	access.LogItem: "message", access.Menu: "menu", access.MenuItem: "choose", access.TabList: "tabs", access.Tab: "tab",
	access.ProgressBar: "progress", access.ScrollPane: "scroll", access.Form: "form", access.Status: "status", access.MenuButton: "menubutton",
}

func find(t *testing.T, look *access.Look, name string) *access.Element {
	t.Helper()
	var found *access.Element
	for _, e := range look.By {
		if e.Name == name && (found == nil || e.Number < found.Number) {
			found = e
		}
	}
	if found == nil {
		t.Fatalf("nothing is called %q in\n%s", name, lines(look.Root))
	}
	return found
}

type embeddedEntry struct{ widget.Entry }

type deeper struct{ embeddedEntry }

type own struct {
	widget.BaseWidget
	node access.Node
}

func newOwn(n access.Node) *own {
	o := &own{node: n}
	o.ExtendBaseWidget(o)
	return o
}

func (o *own) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(container.NewWithoutLayout(o.node.Inside...))
}
func (o *own) Semantics() access.Node { return o.node }

type silent struct{ widget.BaseWidget }

func (s *silent) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(widget.NewLabel("inside"))
}
func (s *silent) Tapped(*fyne.PointEvent) {}

func TestWhatWidgetsSay(t *testing.T) {
	entry := func(e *widget.Entry, text string) *widget.Entry {
		e.SetText(text)
		return e
	}
	for name, c := range map[string]struct {
		object func() fyne.CanvasObject
		want   string
	}{
		"label":       {func() fyne.CanvasObject { return widget.NewLabel("Words") }, `label "Words"`},
		"empty label": {func() fyne.CanvasObject { return widget.NewLabel("") }, ``},
		"canvas text": {func() fyne.CanvasObject { return canvas.NewText("Words", nil) }, `label "Words"`},
		"picture":     {func() fyne.CanvasObject { return canvas.NewRectangle(nil) }, ``},
		"button":      {func() fyne.CanvasObject { return widget.NewButton("Press", nil) }, `button "Press" [click]`},
		"disabled button": {func() fyne.CanvasObject {
			b := widget.NewButton("Press", nil)
			b.Disable()
			return b
		}, `button "Press" disabled [click]`},
		"named button": {func() fyne.CanvasObject { return access.Name(widget.NewButton("", nil), "Send") }, `button "Send" [click]`},
		"named box": {func() fyne.CanvasObject {
			return container.NewVBox(access.Name(container.NewVBox(widget.NewLabel("a")), "Group"))
		}, "panel \"Group\"\n  label \"a\""},
		"entry":          {func() fyne.CanvasObject { return entry(widget.NewEntry(), "typed") }, `entry "" = "typed" [activate menu]`},
		"embedded entry": {func() fyne.CanvasObject { e := &embeddedEntry{}; e.ExtendBaseWidget(e); e.SetText("typed"); return e }, `entry "" = "typed" [activate menu]`},
		"embedded twice": {func() fyne.CanvasObject { e := &deeper{}; e.ExtendBaseWidget(e); e.SetText("typed"); return e }, `entry "" = "typed" [activate menu]`},
		"invalid entry": {func() fyne.CanvasObject {
			e := entry(widget.NewEntry(), "typed")
			e.Validator = func(string) error { return fmt.Errorf("no") }
			return e
		}, `entry "" = "typed" invalid [activate menu]`},
		"password": {func() fyne.CanvasObject { return access.Name(entry(widget.NewPasswordEntry(), "sesame"), "Password") },
			"password \"Password\" = \"••••••••\" [activate]\n  button \"Show or hide what is typed\" [click]"},
		"secret": {func() fyne.CanvasObject { return access.Secret(entry(widget.NewEntry(), "sesame")) }, `password "" = "••••••••" [activate]`},
		"own secret": {func() fyne.CanvasObject { return newOwn(access.Node{Role: access.PasswordEntry, Text: "sesame"}) },
			`password "" = "••••••••"`},
		"check": {func() fyne.CanvasObject {
			c := widget.NewCheck("Keep", nil)
			c.Checked = true
			return c
		}, `check "Keep" checked [click]`},
		"radio": {func() fyne.CanvasObject {
			r := widget.NewRadioGroup([]string{"one", "two"}, nil)
			r.SetSelected("two")
			return access.Name(r, "Which")
		}, "panel \"Which\"\n  radio \"one\" [click]\n  radio \"two\" checked [click]"},
		"select": {func() fyne.CanvasObject {
			s := widget.NewSelect([]string{"one", "two"}, nil)
			s.SetSelected("one")
			return access.Name(s, "Which")
		}, `choice "Which" = "one" [click]`},
		"link":      {func() fyne.CanvasObject { return widget.NewHyperlink("Site", nil) }, `link "Site" [click]`},
		"rich text": {func() fyne.CanvasObject { return widget.NewRichTextWithText("Words") }, `label "Words"`},
		"link inside": {func() fyne.CanvasObject {
			return widget.NewRichText(&widget.HyperlinkSegment{Text: "Site", OnTapped: func() {}})
		}, "label \"Site\"\n  link \"Site\" [click]"},
		"scroll": {func() fyne.CanvasObject { return container.NewScroll(widget.NewLabel("a")) }, "scroll \"\"\n  label \"a\""},
		"split":  {func() fyne.CanvasObject { return container.NewHSplit(widget.NewLabel("a"), widget.NewLabel("b")) }, "label \"a\"\nlabel \"b\""},
		"tabs": {func() fyne.CanvasObject {
			return container.NewAppTabs(container.NewTabItem("A", widget.NewLabel("a")), container.NewTabItem("B", widget.NewLabel("b")))
		}, "tabs \"\"\n  tab \"A\" selected [click]\n  tab \"B\" [click]\n  label \"a\""},
		"card": {func() fyne.CanvasObject { return widget.NewCard("Title", "", widget.NewLabel("a")) }, "panel \"Title\"\n  label \"a\""},
		"accordion": {func() fyne.CanvasObject {
			return widget.NewAccordion(widget.NewAccordionItem("More", widget.NewLabel("a")))
		}, `toggle "More" [click]`},
		"open accordion": {func() fyne.CanvasObject {
			a := widget.NewAccordion(widget.NewAccordionItem("More", widget.NewLabel("a")))
			a.Open(0)
			return a
		}, "toggle \"More\" expanded [click]\n  label \"a\""},
		"form":   {func() fyne.CanvasObject { return widget.NewForm(widget.NewFormItem("Address", widget.NewEntry())) }, "form \"\"\n  entry \"Address\" [activate menu]"},
		"hidden": {func() fyne.CanvasObject { l := widget.NewLabel("a"); l.Hide(); return l }, ``},
		"silent": {func() fyne.CanvasObject { s := &silent{}; s.ExtendBaseWidget(s); return s }, `unknown "" [click]`},
		"own": {func() fyne.CanvasObject {
			return newOwn(access.Node{Role: access.Log, Name: "Conversation", Parts: []access.Node{
				{Role: access.LogItem, Key: 7, Name: "Bob, 18:02", Text: "see you", Parts: []access.Node{{Role: access.Button, Key: "v", Name: "Verify", Press: func() {}}}},
			}, Inside: []fyne.CanvasObject{widget.NewLabel("a")}})
		}, "log \"Conversation\"\n  message \"Bob, 18:02\" = \"see you\"\n    button \"Verify\" [click]\n  label \"a\""},
		"own with one key twice": {func() fyne.CanvasObject {
			return newOwn(access.Node{Parts: []access.Node{{Role: access.Label, Key: 1, Name: "a"}, {Role: access.Label, Key: 1, Name: "b"}, {Role: access.Label, Key: []int{1}, Name: "c"}}})
		}, "label \"a\"\nlabel \"b\"\nlabel \"c\""},
	} {
		t.Run(name, func(t *testing.T) {
			tree, _ := shown(t, c.object())
			look, _ := tree.Look()
			if got := strings.TrimSpace(lines(look.Root.Inside[0])); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestSelfContainedWidgetEnds(t *testing.T) {
	o := newOwn(access.Node{Role: access.Panel})
	tree, _ := shown(t, o)
	o.node.Inside = []fyne.CanvasObject{o}
	if look, _ := tree.Look(); len(look.By) < 3 {
		t.Errorf("only %d elements", len(look.By))
	}
}

func TestDialogCoversWindow(t *testing.T) {
	pressed := 0
	below := widget.NewButton("Below", func() { pressed++ })
	tree, w := shown(t, below)
	answer := ""
	dialog.ShowCustomConfirm("Sure?", "Yes", "No", widget.NewLabel("It is for ever."), func(yes bool) { answer = fmt.Sprint(yes) }, w)
	look, _ := tree.Look()
	want := `button "Below" covered [click]
dialog "Sure?" modal
  label "It is for ever."
  button "No" [click]
  button "Yes" [click]
  label "Sure?"`
	if got := strings.TrimSpace(lines(look.Root.Inside[0])); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if tree.Do(find(t, look, "Below").Number, 0) || pressed != 0 {
		t.Error("a button under a dialog can be pressed")
	}
	if !tree.Do(find(t, look, "Yes").Number, 0) || answer != "true" {
		t.Errorf("Yes was answered with %q", answer)
	}
	look, _ = tree.Look()
	if !tree.Do(find(t, look, "Below").Number, 0) || pressed != 1 {
		t.Error("a button cannot be pressed after the dialog over it")
	}
}

func TestMenu(t *testing.T) {
	tree, w := shown(t, widget.NewLabel("a"))
	chosen := ""
	menu := fyne.NewMenu("", fyne.NewMenuItem("Start", func() { chosen += "start" }), fyne.NewMenuItem("End", func() { chosen += "end" }))
	menu.Items[1].Disabled = true
	widget.ShowPopUpMenuAtPosition(menu, w.Canvas(), fyne.NewPos(10, 10))
	look, _ := tree.Look()
	want := "label \"a\" covered\nmenu \"\" focused\n  choose \"Start\" [click]\n  choose \"End\" disabled [click]"
	if got := strings.TrimSpace(lines(look.Root.Inside[0])); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if tree.Do(find(t, look, "End").Number, 0) || !tree.Do(find(t, look, "Start").Number, 0) || chosen != "start" {
		t.Errorf("chosen %q", chosen)
	}
	look, _ = tree.Look()
	if len(look.Root.Inside[0].Inside) != 1 {
		t.Errorf("the menu stayed:\n%s", lines(look.Root))
	}
}

func TestPasswordStaysSecretWhenShown(t *testing.T) {
	e := access.Name(widget.NewPasswordEntry(), "Password")
	tree, _ := shown(t, e)
	e.SetText("open sesame")
	e.Password = false // what the eye does
	e.Refresh()
	tree.Look()
	e.SetText("open sesame 2")
	look, changes := tree.Look()
	if got := find(t, look, "Password").Text; got != strings.Repeat("•", 8) {
		t.Errorf("the text is told as %q", got)
	}
	for _, c := range changes {
		if strings.ContainsAny(c.Text, "opensam2") {
			t.Errorf("a change tells %q", c.Text)
		}
	}
}

func TestNumbersStay(t *testing.T) {
	box := container.NewVBox(widget.NewLabel("a"), widget.NewLabel("b"))
	tree, _ := shown(t, box)
	look, _ := tree.Look()
	a, b := find(t, look, "a").Number, find(t, look, "b").Number
	box.Objects = []fyne.CanvasObject{widget.NewLabel("new"), box.Objects[1], box.Objects[0]}
	box.Objects[1].(*widget.Label).SetText("b2")
	box.Refresh()
	look, changes := tree.Look()
	if find(t, look, "a").Number != a || find(t, look, "b2").Number != b || find(t, look, "new").Number <= b {
		t.Errorf("numbers moved:\n%s", lines(look.Root))
	}
	if got := kinds(changes); got != "added new 0, renamed b2, inserted 1 2" {
		t.Errorf("changes: %s", got)
	}
	box.Objects = box.Objects[:2]
	look, changes = tree.Look()
	if got := kinds(changes); got != "removed a 2" {
		t.Errorf("changes: %s", got)
	}
	if _, there := look.By[a]; there {
		t.Error("what has gone is still found by its number")
	}
}

// kinds writes changes in short.
func kinds(changes []access.Change) string {
	var all []string
	for _, c := range changes {
		switch c.Kind {
		case access.Added:
			all = append(all, fmt.Sprintf("added %s %d", c.Element.Name, c.At))
		case access.Removed:
			all = append(all, fmt.Sprintf("removed %s %d", c.Element.Name, c.At))
		case access.Renamed:
			all = append(all, "renamed "+c.Element.Name)
		case access.TextDeleted:
			all = append(all, fmt.Sprintf("deleted %d %s", c.At, c.Text))
		case access.TextInserted:
			all = append(all, fmt.Sprintf("inserted %d %s", c.At, c.Text))
		case access.StateChanged:
			all = append(all, fmt.Sprintf("state %d %t", c.State, c.Element.State&c.State != 0))
		case access.Announced:
			all = append(all, fmt.Sprintf("said %q %d", c.Text, c.Polite))
		case access.CaretMoved:
			all = append(all, fmt.Sprintf("caret %d", c.At))
		}
	}
	return strings.Join(all, ", ")
}

func TestChanges(t *testing.T) {
	entry := access.Name(widget.NewEntry(), "Message")
	lock := newOwn(access.Node{Role: access.Status, Name: "Lock", Text: "Not private", Live: access.Politely})
	check := widget.NewCheck("Keep", nil)
	trouble := newOwn(access.Node{Role: access.Alert, Text: "Something went wrong", Live: access.Assertive})
	trouble.Hide()
	tree, w := shown(t, container.NewVBox(entry, lock, check, trouble))
	tree.Look()
	for _, c := range []struct {
		name string
		do   func()
		want string
	}{
		{"nothing", func() {}, ""},
		{"typing", func() { w.Canvas().Focus(entry); test.Type(entry, "hello") }, fmt.Sprintf("inserted 0 hello, caret 5, state %d true", access.Focused)},
		{"replacing", func() { entry.SetText("help") }, "deleted 3 lo, inserted 3 p, caret 4"},
		{"the lock", func() { lock.node.Text = "Unverified" }, `deleted 0 Not private, inserted 0 Unverified, said "Lock: Unverified" 1`},
		{"trouble", func() { trouble.Show() }, `added Something went wrong 3, said "Something went wrong" 2`},
		{"checking", func() { check.SetChecked(true) }, fmt.Sprintf("state %d true", access.Checked)},
		{"disabling", func() { check.Disable() }, fmt.Sprintf("state %d true", access.Disabled)},
		{"losing the focus", func() { w.Canvas().Unfocus() }, fmt.Sprintf("state %d false", access.Focused)},
		{"saying", func() { tree.Announce("New message from Bob", access.Assertive); tree.Announce("", access.Politely) }, `said "New message from Bob" 2`},
	} {
		c.do()
		if _, changes := tree.Look(); kinds(changes) != c.want {
			t.Errorf("%s: got %s, want %s", c.name, kinds(changes), c.want)
		}
	}
}

func TestAnnouncementsAreLimited(t *testing.T) {
	tree, _ := shown(t, widget.NewLabel("a"))
	tree.Look()
	for i := range 1000 {
		tree.Announce(fmt.Sprint(i), access.Politely)
	}
	_, changes := tree.Look()
	if len(changes) > 100 || changes[len(changes)-1].Text != "999" {
		t.Errorf("%d announcements, the last one %q", len(changes), changes[len(changes)-1].Text)
	}
}

func TestSetText(t *testing.T) {
	heard := ""
	entry := access.Name(widget.NewEntry(), "Message")
	entry.OnChanged = func(s string) { heard = s }
	tree, _ := shown(t, entry)
	look, _ := tree.Look()
	number := find(t, look, "Message").Number
	if !tree.SetText(number, "hello") || heard != "hello" {
		t.Errorf("the entry heard %q", heard)
	}
	entry.Disable()
	if tree.SetText(number, "again") || entry.Text != "hello" {
		t.Error("a disabled entry was changed")
	}
	if tree.SetText(99999, "x") || tree.Do(99999, 0) || tree.Focus(99999) || tree.Do(number, -1) || tree.Do(number, 99) {
		t.Error("what is not there could be used")
	}
}

func TestActivateIsEnter(t *testing.T) {
	sent := ""
	entry := access.Name(widget.NewEntry(), "Message")
	entry.OnSubmitted = func(s string) { sent = s }
	tree, _ := shown(t, entry)
	entry.SetText("hello")
	look, _ := tree.Look()
	if !tree.Do(find(t, look, "Message").Number, 0) || sent != "hello" {
		t.Errorf("sent %q", sent)
	}
}

func TestFocus(t *testing.T) {
	a, b := access.Name(widget.NewEntry(), "A"), access.Name(widget.NewEntry(), "B")
	tree, w := shown(t, container.NewVBox(a, b))
	look, _ := tree.Look()
	if !tree.Focus(find(t, look, "B").Number) || w.Canvas().Focused() != b {
		t.Error("B has not got the focus")
	}
	look, _ = tree.Look()
	if find(t, look, "B").State&access.Focused == 0 || find(t, look, "A").State&access.Focused != 0 {
		t.Errorf("the focus is told wrong:\n%s", lines(look.Root))
	}
}

func TestAreas(t *testing.T) {
	button := widget.NewButton("Deep", nil)
	far := widget.NewLabel("Far below")
	room := canvas.NewRectangle(nil)
	room.SetMinSize(fyne.NewSize(10, 2000))
	hidden := widget.NewButton("In a form", nil)
	tree, _ := shown(t, container.NewBorder(container.NewVBox(widget.NewLabel("top"), button), nil, nil, nil,
		container.NewScroll(container.NewVBox(widget.NewForm(widget.NewFormItem("a", hidden)), room, far))))
	look, _ := tree.Look()
	for _, c := range []struct {
		object  fyne.CanvasObject
		name    string
		showing bool
	}{{button, "Deep", true}, {far, "Far below", false}, {hidden, "In a form", true}} {
		e := find(t, look, c.name)
		want := fyne.CurrentApp().Driver().AbsolutePositionForObject(c.object)
		if e.Area.Position != want || e.Area.Size != c.object.Size() || e.Showing != c.showing {
			t.Errorf("%s: at %v %v showing %t, want %v %v %t", c.name, e.Area.Position, e.Area.Size, e.Showing, want, c.object.Size(), c.showing)
		}
	}
}

func TestAreasOfParts(t *testing.T) {
	place := access.Area{Position: fyne.NewPos(0, 300), Size: fyne.NewSize(100, 40)}
	o := newOwn(access.Node{Role: access.Log, Parts: []access.Node{{Role: access.LogItem, Name: "row", At: place, Parts: []access.Node{
		{Role: access.Button, Name: "placed", At: place}, {Role: access.Button, Name: "unplaced"}}}}})
	top := canvas.NewRectangle(nil)
	top.SetMinSize(fyne.NewSize(10, 50))
	tree, _ := shown(t, container.NewBorder(top, nil, nil, nil, o))
	look, _ := tree.Look()
	want := access.Area{Position: fyne.CurrentApp().Driver().AbsolutePositionForObject(o).AddXY(0, 300), Size: place.Size}
	for _, name := range []string{"row", "placed", "unplaced"} {
		if e := find(t, look, name); e.Area != want || !e.Showing {
			t.Errorf("%s is at %v, showing %t, want %v", name, e.Area, e.Showing, want)
		}
	}
}

func TestTwoWindows(t *testing.T) {
	test.NewTempApp(t)
	windows := []fyne.Window{test.NewTempWindow(t, widget.NewLabel("a")), test.NewTempWindow(t, widget.NewLabel("b"))}
	tree := access.New("Program", func() []fyne.Window { return windows })
	look, _ := tree.Look()
	if len(look.Root.Inside) != 2 {
		t.Fatalf("%d windows", len(look.Root.Inside))
	}
	windows = windows[:1]
	_, changes := tree.Look()
	if len(changes) == 0 || changes[0].Kind != access.Removed || changes[0].Element.Role != access.Window {
		t.Errorf("changes: %s", kinds(changes))
	}
}

// TestNamedBoxes promises that a pop-up with a name is a dialog, once, and that a window is called what its content is called.
func TestNamedBoxes(t *testing.T) {
	tree, w := shown(t, access.Name(container.NewVBox(widget.NewLabel("a")), "Is this Bob?"))
	widget.NewModalPopUp(widget.NewLabel("ask"), w.Canvas()).Hide()
	access.Name(widget.NewModalPopUp(widget.NewLabel("b"), w.Canvas()), "Add").Show()
	access.Name(widget.NewPopUp(widget.NewLabel("c"), w.Canvas()), "Lock").Show()
	look, _ := tree.Look()
	want := "\"Is this Bob?\"\n  label \"a\" covered\n  dialog \"Add\" modal covered\n    label \"b\" covered\n  dialog \"Lock\"\n    label \"c\""
	if got := strings.TrimSpace(lines(look.Root)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
