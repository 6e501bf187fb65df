package ui

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A settingRow is one setting: what it is called, what it means, and the widget that changes it, beside the words where there is room
// and under them where there is not.
type settingRow struct {
	widget.BaseWidget
	label, about string
	also         string // words it is found by that do not stand there
	control      fyne.CanvasObject
	tapped       func() // nil: only the control itself does anything
	hovered      bool
}

var (
	_ fyne.Tappable     = (*settingRow)(nil)
	_ desktop.Hoverable = (*settingRow)(nil)
	_ access.Semantic   = (*settingRow)(nil)
)

func newSettingRow(label, about string, control fyne.CanvasObject, tapped func()) *settingRow {
	r := &settingRow{label: label, about: about, control: control, tapped: tapped}
	r.ExtendBaseWidget(r)
	return r
}

// newToggle makes a setting that is on or off. A click anywhere on it changes it.
func newToggle(label, about string, on bool, changed func(bool)) *settingRow {
	c := newCheck("")
	c.Checked = on
	c.OnChanged = changed
	access.Describe(access.Name(c, label), about)
	return newSettingRow(label, about, c, func() { c.SetChecked(!c.Checked) })
}

// newPick makes a setting that has one of several values; changed is told which.
func newPick(label, about string, said []string, chosen int, changed func(int)) *settingRow {
	c := newPicker(said)
	c.SetSelectedIndex(chosen)
	c.OnChanged = func(string) { changed(c.SelectedIndex()) }
	access.Describe(access.Name(c, label), about)
	return newSettingRow(label, about, c, nil)
}

// newDoing makes a row whose button does something or opens what is too large for a row.
func newDoing(label, about, button string, do func()) *settingRow {
	b := newButton(button, do)
	access.Describe(b, about)
	return newSettingRow(label, about, b, nil)
}

// found adds words by which the setting is found too.
func (r *settingRow) found(also string) *settingRow {
	r.also = also
	return r
}

func (r *settingRow) escape(leave func()) {
	switch c := r.control.(type) {
	case *check:
		c.escape = leave
	case *picker:
		c.escape = leave
	case *button:
		c.escape = leave
	}
}

// mentions tells whether all words, folded, stand in what the row and its group say.
func (r *settingRow) mentions(group string, words []string) bool {
	said := model.Fold(group + "\n" + r.label + "\n" + r.about + "\n" + r.also)
	for _, w := range words {
		if !strings.Contains(said, w) {
			return false
		}
	}
	return true
}

// Semantics implements access.Semantic: the control is named and described by the words beside it.
func (r *settingRow) Semantics() access.Node {
	if _, ok := r.control.(fyne.Focusable); !ok {
		return access.Node{Role: access.Label, Text: r.label + ", " + r.about}
	}
	return access.Node{Inside: []fyne.CanvasObject{r.control}}
}

// Tapped implements fyne.Tappable.
func (r *settingRow) Tapped(*fyne.PointEvent) {
	if r.tapped != nil {
		r.tapped()
	}
}

// MouseIn implements desktop.Hoverable.
func (r *settingRow) MouseIn(*desktop.MouseEvent) { r.hovered = r.tapped != nil; r.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (r *settingRow) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (r *settingRow) MouseOut() { r.hovered = false; r.Refresh() }

// CreateRenderer implements fyne.Widget.
func (r *settingRow) CreateRenderer() fyne.WidgetRenderer {
	x := &settingRenderer{row: r, back: canvas.NewRectangle(color.Transparent), frame: canvas.NewRectangle(color.Transparent),
		label: look.NewText(r.label, look.Body).InLanguage(), about: look.NewText(r.about, look.Hint).InLanguage()}
	x.about.Hidden = r.about == ""
	_, framed := r.control.(*picker)
	x.frame.Hidden = !framed
	x.Refresh()
	return x
}

type settingRenderer struct {
	row          *settingRow
	back         *canvas.Rectangle
	frame        *canvas.Rectangle // round a choice, which has no edge of its own
	label, about *look.Text
}

const (
	settingPadding = 2 * look.Step
	usualText      = 14  // the size of words that are neither small nor large
	settingWords   = 176 // the least room for words that a control may stand beside
	settingSmall   = 64  // a control no wider than this always stands beside them
	settingWidest  = 280 // of a control, for words of the usual size
)

// place says how wide the words are, and where the control stands.
func (r *settingRenderer) place(width float32) (words float32, control fyne.Size, beside bool) {
	control = r.row.control.MinSize()
	if p, ok := r.row.control.(*picker); ok {
		control.Width = p.wish()
	}
	control.Width = min(control.Width, max(settingWidest, settingWidest*theme.TextSize()/usualText), max(width-4*settingPadding, 0))
	words = width - 4*settingPadding - control.Width
	if words >= settingWords || control.Width <= settingSmall {
		return max(words, 0), control, true
	}
	return max(width-2*settingPadding, 0), control, false
}

// heights lays the words out at their width and returns how high they are.
func (r *settingRenderer) heights(words float32) (label, both float32) {
	r.label.Resize(fyne.NewSize(words, r.label.Size().Height))
	label = r.label.MinSize().Height
	both = label
	if r.about.Visible() {
		r.about.Resize(fyne.NewSize(words, r.about.Size().Height))
		both += r.about.MinSize().Height - theme.InnerPadding()*3/2
	}
	return label, both
}

func (r *settingRenderer) MinSize() fyne.Size {
	width := r.row.Size().Width
	words, control, beside := r.place(width)
	_, height := r.heights(words)
	if beside {
		height = max(height+settingPadding, control.Height+3*settingPadding)
	} else {
		height += control.Height + 2*settingPadding
	}
	return fyne.NewSize(min(control.Width+4*settingPadding, settingWidest), height)
}

func (r *settingRenderer) Layout(size fyne.Size) {
	r.back.Resize(size)
	words, control, beside := r.place(size.Width)
	label, both := r.heights(words)
	top := float32(settingPadding / 2)
	if beside {
		top = (size.Height - both) / 2
	}
	r.label.Resize(fyne.NewSize(words, label))
	r.label.Move(fyne.NewPos(settingPadding, top))
	r.about.Resize(fyne.NewSize(words, r.about.MinSize().Height))
	r.about.Move(fyne.NewPos(settingPadding, top+label-theme.InnerPadding()*3/2))
	r.row.control.Resize(control)
	if beside {
		r.row.control.Move(fyne.NewPos(size.Width-seenWidth(r.row.control, control)-2*settingPadding, (size.Height-control.Height)/2))
	} else {
		r.row.control.Move(fyne.NewPos(2*settingPadding, top+both))
	}
	r.frame.Move(r.row.control.Position().SubtractXY(1, 1))
	r.frame.Resize(control.AddWidthHeight(2, 2))
	look.Turn(r.Objects(), size.Width)
}

// seenWidth is how wide what one sees of a control is. A box to tick has room for words behind it, and there are none.
func seenWidth(o fyne.CanvasObject, size fyne.Size) float32 {
	if c, ok := o.(*check); ok && c.Text == "" {
		return theme.IconInlineSize() + theme.InnerPadding()/2 - 1
	}
	return size.Width
}

func (r *settingRenderer) Refresh() {
	r.back.FillColor = color.Transparent
	if r.row.hovered {
		r.back.FillColor = theme.Color(theme.ColorNameHover)
	}
	r.back.CornerRadius = look.Radius
	r.frame.StrokeColor, r.frame.StrokeWidth, r.frame.CornerRadius = theme.Color(theme.ColorNameInputBorder), 1, look.SmallRadius+1
	r.back.Refresh()
	r.frame.Refresh()
	r.label.Refresh()
	r.about.Refresh()
	r.row.control.Refresh()
}

func (r *settingRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.label, r.about, r.frame, r.row.control}
}

func (r *settingRenderer) Destroy() {}

// A check is Fyne's, and lets Escape through to the page it stands on.
type check struct {
	widget.Check
	escape func() // nil: the window does what Escape does
}

func newCheck(label string) *check {
	c := &check{}
	c.Text = label
	c.ExtendBaseWidget(c)
	return c
}

// CreateRenderer implements fyne.Widget.
func (c *check) CreateRenderer() fyne.WidgetRenderer {
	c.ExtendBaseWidget(c)
	return checkRenderer(&c.Check)
}

// checkRenderer draws Fyne's box with its words behind it, on whichever side that is.
func checkRenderer(c *widget.Check) fyne.WidgetRenderer {
	r := c.CreateRenderer()
	if !lang.RightToLeft() {
		return r
	}
	for _, o := range r.Objects() {
		if words, ok := o.(*canvas.Text); ok {
			words.Alignment = fyne.TextAlignTrailing
		}
	}
	return turnedRound{r, c.Size}
}

// FocusGained implements fyne.Focusable.
func (c *check) FocusGained() { c.Check.FocusGained(); reveal(c) }

// TypedKey implements fyne.Focusable.
func (c *check) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyEscape:
		leave(c, c.escape, e)
	case fyne.KeyReturn, fyne.KeyEnter:
		c.SetChecked(!c.Checked)
	default:
		if !look.PassOn(c, e) {
			c.Check.TypedKey(e)
		}
	}
}

// A picker is Fyne's choice of one of several words, and lets Escape through.
type picker struct {
	widget.Select
	escape func() // nil: the window does what Escape does
	held   bool   // it has the keyboard
}

func newPicker(said []string) *picker {
	p := &picker{}
	p.Options = said
	if lang.RightToLeft() {
		p.Alignment = fyne.TextAlignTrailing
	}
	p.ExtendBaseWidget(p)
	return p
}

// CreateRenderer implements fyne.Widget.
func (p *picker) CreateRenderer() fyne.WidgetRenderer {
	p.ExtendBaseWidget(p)
	r := &pickerRenderer{p.Select.CreateRenderer(), p}
	r.Refresh()
	return r
}

// A pickerRenderer shows what is chosen in the order in which it is read.
type pickerRenderer struct {
	fyne.WidgetRenderer
	picker *picker
}

// edge shows who has the keyboard as an entry does, by its edge.
func (r *pickerRenderer) edge() {
	for _, o := range r.Objects() {
		back, ok := o.(*canvas.Rectangle)
		if !ok {
			continue
		}
		back.StrokeWidth = 0
		if r.picker.held {
			back.FillColor = theme.Color(theme.ColorNameInputBackground)
			back.StrokeColor, back.StrokeWidth = theme.Color(look.ColorRing), 2
		}
		back.Refresh()
	}
}

// Refresh implements fyne.WidgetRenderer.
func (r *pickerRenderer) Refresh() {
	chosen := r.picker.Selected
	r.picker.Selected = look.AsRead(chosen)
	r.WidgetRenderer.Refresh()
	r.picker.Selected = chosen
	r.edge()
	look.Turn(r.Objects(), r.picker.Size().Width)
}

// Layout implements fyne.WidgetRenderer.
func (r *pickerRenderer) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	look.Turn(r.Objects(), size.Width)
}

// pickerLeast is how wide a picker is at least; where there is no room for more, longer words end in dots.
const pickerLeast = 34 * look.Step

// MinSize implements fyne.CanvasObject.
func (p *picker) MinSize() fyne.Size {
	return fyne.NewSize(pickerLeast, p.Select.MinSize().Height)
}

// wish is how wide a picker is in which every word has room.
func (p *picker) wish() float32 {
	width := float32(pickerLeast)
	for _, said := range p.Options {
		width = max(width, fyne.MeasureText(said, theme.TextSize(), fyne.TextStyle{}).Width+theme.IconInlineSize()+7*look.Step)
	}
	return width
}

// FocusGained implements fyne.Focusable.
func (p *picker) FocusGained() { p.held = true; p.Select.FocusGained(); reveal(p) }

// FocusLost implements fyne.Focusable.
func (p *picker) FocusLost() { p.held = false; p.Select.FocusLost() }

// TypedKey implements fyne.Focusable.
func (p *picker) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyEscape:
		leave(p, p.escape, e)
	case fyne.KeyReturn, fyne.KeyEnter:
		p.Tapped(nil)
	default:
		if !look.PassOn(p, e) {
			p.Select.TypedKey(e)
		}
	}
}

// leave does what Escape does for what has the keyboard; nil: what the window does.
func leave(o fyne.CanvasObject, escape func(), e *fyne.KeyEvent) {
	if escape == nil {
		look.PassOn(o, e)
		return
	}
	escape()
}
