package ui

import (
	"image/color"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

const (
	emojiCell   = 9 * look.Step
	emojiSize   = 27
	emojiRows   = 6
	emojiRow    = 8 // at most
	emojiRecent = 32
)

// An emojiPanel is where one looks for an emoji: by name, among those used last, or group by group. What is chosen goes into the
// composer, and the panel stays for the next one.
type emojiPanel struct {
	talk   *talkPane
	pop    *widget.PopUp
	search *field
	grid   *emojiGrid
	groups []*emojiButton
	tones  []*emojiButton
	name   *look.Text
	group  int // of groups; 0: those used last
}

// openEmoji opens the panel above its button.
func (t *talkPane) openEmoji() {
	if !t.isOpen() || t.composer.Disabled() {
		return
	}
	t.focus() // who closes the panel writes on
	p := &emojiPanel{talk: t, name: look.NewLine("", look.Hint)}
	p.search = access.Name(newField(lang.L("Search emoji")), lang.L("Search emoji"))
	p.search.Icon = theme.SearchIcon()
	p.search.OnChanged = func(string) { p.find() }
	p.search.OnSubmitted = func(string) { p.chooseFirst() }
	p.search.escape = p.close
	p.grid = newEmojiGrid(p)
	p.search.down = func() { t.window.Canvas().Focus(p.grid) }
	size := t.window.Canvas().Size()
	each := emojiCell + theme.Padding()
	cells := min(emojiRow, int((size.Width-11*look.Step)/each))
	width := float32(cells)*each + 3*look.Step
	for i, g := range p.pages() {
		p.groups = append(p.groups, newEmojiButton(g.sign, g.name, emojiTab, func() { p.turnTo(i) }))
	}
	for tone := range model.MostTones + 1 {
		p.tones = append(p.tones, newEmojiButton(hand.Tone(tone), toneWords(tone), emojiTab, func() { p.setTone(tone) }))
	}
	rows := min(emojiRows, int((size.Height-60*look.Step)/each))
	list := container.New(&fixed{fyne.NewSize(width, float32(max(rows, 2))*each)}, p.grid)
	inside := container.NewVBox(p.search, container.New(&tabs{}, objectsOf(p.groups)...), hairline(), list, hairline(),
		bordered(nil, nil, nil, container.New(&tabs{}, objectsOf(p.tones)...), p.name))
	p.pop = widget.NewPopUp(rimmed(inset(look.Step, look.Step, look.Step, 0, inside)), t.window.Canvas())
	if len(t.desk.shell.recent) == 0 {
		p.group = 1
	}
	p.markTone()
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(t.smile)
	least := p.pop.MinSize()
	p.pop.ShowAtPosition(fyne.NewPos(max(min(at.X+t.smile.Size().Width, size.Width-2*look.Step)-least.Width, min(2*look.Step, (size.Width-least.Width)/2)), max(at.Y-least.Height-look.Step, 0)))
	p.find()
	t.window.Canvas().Focus(p.search)
}

// hand shows the skin tones.
var hand = model.Emoji{Text: "✋", Toned: true}

func toneWords(tone int) string {
	return [...]string{lang.L("No skin tone"), lang.L("Light skin"), lang.L("Medium light skin"), lang.L("Medium skin"),
		lang.L("Medium dark skin"), lang.L("Dark skin")}[tone]
}

func objectsOf(buttons []*emojiButton) []fyne.CanvasObject {
	objects := make([]fyne.CanvasObject, len(buttons))
	for i, b := range buttons {
		objects[i] = b
	}
	return objects
}

// A page is a group of emoji with its sign.
type emojiPage struct{ sign, name string }

func (p *emojiPanel) pages() []emojiPage {
	return []emojiPage{
		{"🕐", lang.L("Used last")}, {"😀", lang.L("Faces")}, {"👋", lang.L("People")}, {"🐻", lang.L("Animals and nature")},
		{"🍏", lang.L("Food and drink")}, {"🚗", lang.L("Travel and places")}, {"⚽", lang.L("Activities")}, {"💡", lang.L("Objects")},
		{"💜", lang.L("Symbols")}, {"🏁", lang.L("Flags")},
	}
}

func (p *emojiPanel) close() { p.pop.Hide() }

// turnTo shows another group.
func (p *emojiPanel) turnTo(group int) {
	p.group = group
	if p.search.Text != "" {
		p.search.SetText("")
		return
	}
	p.find()
}

// find shows what is searched for, or the group.
func (p *emojiPanel) find() {
	switch {
	case p.search.Text != "":
		p.grid.show(model.FindEmoji(p.search.Text, lang.Tag()))
	case p.group == 0:
		p.grid.show(p.talk.desk.shell.recent)
	default:
		p.grid.show(model.EmojiGroups()[p.group-1].Emoji)
	}
	for i, b := range p.groups {
		b.mark(p.search.Text == "" && i == p.group)
	}
	p.say("")
	switch {
	case len(p.grid.emoji) > 0:
	case p.search.Text != "":
		p.say(lang.L("No emoji of that name."))
	default:
		p.say(lang.L("None used yet."))
	}
}

// say shows the name of the emoji under the pointer.
func (p *emojiPanel) say(name string) { p.name.SetText(name) }

func (p *emojiPanel) tone() int {
	return slices.Index(tones, p.talk.desk.shell.choices.now.SkinTone)
}

// tones are the words for them in the settings.
var tones = []string{"", "light", "mediumlight", "medium", "mediumdark", "dark"}

func (p *emojiPanel) setTone(tone int) {
	p.talk.desk.shell.choices.choose(func(c *store.Preferences) { c.SkinTone = tones[tone] })
	p.markTone()
	p.grid.Refresh()
}

func (p *emojiPanel) markTone() {
	for i, b := range p.tones {
		b.mark(i == max(p.tone(), 0))
	}
}

func (p *emojiPanel) chooseFirst() {
	if len(p.grid.emoji) > 0 && p.search.Text != "" {
		p.choose(p.grid.emoji[0])
		p.close()
	}
}

// choose puts an emoji where the caret is. Which were used is kept in memory only: it says something about what was written.
func (p *emojiPanel) choose(e model.Emoji) {
	p.talk.composer.Insert(e.Tone(p.tone()))
	s := p.talk.desk.shell
	s.recent = slices.DeleteFunc(slices.Clone(s.recent), func(r model.Emoji) bool { return r.Text == e.Text })
	s.recent = slices.Insert(s.recent, 0, e)
	s.recent = s.recent[:min(len(s.recent), emojiRecent)]
}

// An emojiGrid is the emoji of a group, or those that were found.
type emojiGrid struct {
	widget.GridWrap
	panel *emojiPanel
	emoji []model.Emoji
	held  int // where the keys are
}

func newEmojiGrid(p *emojiPanel) *emojiGrid {
	g := &emojiGrid{panel: p}
	g.Length = func() int { return len(g.emoji) }
	g.CreateItem = func() fyne.CanvasObject { return newEmojiButton("", "", emojiCell, nil) }
	g.UpdateItem = func(i widget.GridWrapItemID, o fyne.CanvasObject) {
		if i >= len(g.emoji) {
			return
		}
		e := g.emoji[i]
		b := o.(*emojiButton)
		b.hover = func(in bool) { p.say(map[bool]string{true: e.Name(lang.Tag())}[in]) }
		b.set(e.Tone(p.tone()), e.Name(lang.Tag()), func() { p.choose(e) })
	}
	g.OnHighlighted = func(i widget.GridWrapItemID) {
		if i < len(g.emoji) {
			g.held = i
			p.say(g.emoji[i].Name(lang.Tag()))
		}
	}
	g.ExtendBaseWidget(g)
	return g
}

func (g *emojiGrid) show(emoji []model.Emoji) {
	g.emoji, g.held = emoji, 0
	g.ScrollToTop()
	g.Refresh()
}

// TypedKey implements fyne.Focusable.
func (g *emojiGrid) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		if g.held < len(g.emoji) {
			g.panel.choose(g.emoji[g.held])
		}
	case fyne.KeyEscape:
		g.panel.close()
	default:
		g.GridWrap.TypedKey(e)
	}
}

// Semantics implements access.Semantic.
func (g *emojiGrid) Semantics() access.Node {
	n := access.Node{Role: access.List, Name: lang.L("Emoji")}
	for _, e := range g.emoji {
		n.Parts = append(n.Parts, access.Node{Role: access.ListItem, Key: e.Text, Name: e.Name(lang.Tag()), Press: func() { g.panel.choose(e) }})
	}
	return n
}

// An emojiButton is an emoji that one presses.
type emojiButton struct {
	widget.BaseWidget
	name   string
	side   float32
	press  func()
	hover  func(in bool)
	back   *wash
	over   *wash
	glyph  *canvas.Text
	marked bool
}

var (
	_ fyne.Tappable     = (*emojiButton)(nil)
	_ desktop.Hoverable = (*emojiButton)(nil)
	_ access.Semantic   = (*emojiButton)(nil)
)

// emojiTab is the side of a button that turns to a group, or to a tone.
const emojiTab = 7 * look.Step

func newEmojiButton(emoji, name string, side float32, press func()) *emojiButton {
	b := &emojiButton{name: name, side: side, press: press, back: filled(look.ColorSelected, look.SmallRadius),
		over: filled(theme.ColorNameHover, look.SmallRadius), glyph: canvas.NewText(emoji, color.Black)}
	b.glyph.TextSize = side * emojiSize / emojiCell
	b.back.Hide()
	b.over.Hide()
	b.ExtendBaseWidget(b)
	return b
}

func (b *emojiButton) set(emoji, name string, press func()) {
	b.name, b.press = name, press
	if b.glyph.Text != emoji {
		b.glyph.Text = emoji
		b.Refresh()
	}
}

func (b *emojiButton) mark(on bool) {
	if b.marked != on {
		b.marked, b.back.Hidden = on, !on
		b.Refresh()
	}
}

// Tapped implements fyne.Tappable.
func (b *emojiButton) Tapped(*fyne.PointEvent) { b.press() }

// MouseIn implements desktop.Hoverable.
func (b *emojiButton) MouseIn(*desktop.MouseEvent) { b.setHover(true) }

// MouseMoved implements desktop.Hoverable.
func (b *emojiButton) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (b *emojiButton) MouseOut() { b.setHover(false) }

func (b *emojiButton) setHover(in bool) {
	b.over.Hidden = !in
	canvas.Refresh(b)
	if b.hover != nil {
		b.hover(in)
	}
}

// Semantics implements access.Semantic.
func (b *emojiButton) Semantics() access.Node {
	n := access.Node{Role: access.ToggleButton, Name: b.name, Press: b.press, State: access.Checkable}
	if b.marked {
		n.State |= access.Checked
	}
	return n
}

// CreateRenderer implements fyne.Widget.
func (b *emojiButton) CreateRenderer() fyne.WidgetRenderer { return emojiRenderer{b} }

type emojiRenderer struct{ b *emojiButton }

func (r emojiRenderer) MinSize() fyne.Size { return fyne.NewSquareSize(r.b.side) }

func (r emojiRenderer) Layout(size fyne.Size) {
	for _, o := range []fyne.CanvasObject{r.b.back, r.b.over} {
		o.Resize(size)
	}
	least := r.b.glyph.MinSize()
	r.b.glyph.Resize(least)
	r.b.glyph.Move(fyne.NewPos((size.Width-least.Width)/2, (size.Height-least.Height)/2+r.b.side/10)) // they stand high in their line
}

func (r emojiRenderer) Refresh() {
	r.b.glyph.Color = theme.Color(theme.ColorNameForeground)
	r.b.back.Refresh()
	r.Layout(r.b.Size())
	canvas.Refresh(r.b)
}

func (r emojiRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.b.back, r.b.over, r.b.glyph}
}

func (r emojiRenderer) Destroy() {}

// fixed gives what is inside one size.
type fixed struct{ size fyne.Size }

// Layout implements fyne.Layout.
func (f *fixed) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Resize(size)
	}
}

// MinSize implements fyne.Layout.
func (f *fixed) MinSize([]fyne.CanvasObject) fyne.Size { return f.size }

// tabs sets small things close beside one another, over the width where there is more of it.
type tabs struct{}

// Layout implements fyne.Layout.
func (*tabs) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	step := size.Width / float32(max(1, len(objects)))
	for i, o := range objects {
		least := o.MinSize()
		o.Resize(fyne.NewSize(min(least.Width, step), least.Height))
		o.Move(fyne.NewPos(step*float32(i)+(step-o.Size().Width)/2, 0))
	}
}

// MinSize implements fyne.Layout.
func (*tabs) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		least := o.MinSize()
		size.Width += least.Width
		size.Height = max(size.Height, least.Height)
	}
	return size
}
