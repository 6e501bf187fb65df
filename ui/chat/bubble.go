package chat

import (
	"image/color"
	"slices"
	"strings"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

const (
	bubbleShare   = 0.75 // of the column
	gapJoined     = 2
	gapSpeaker    = 2 * look.Step
	gapWarning    = 4 * look.Step // a message that may be forged stands apart
	metaGap       = 2 * look.Step // between bubble and time
	metaItemGap   = look.Step
	iconSide      = float32(look.LockSmall)
	bubblePad     = look.Step // beside the padding that a label has of its own
	measureMargin = 1         // rounding of a text's width must not wrap it
	longLine      = 400       // runes after which a line is as wide as it can be
)

// gapAbove is the distance of a bubble to what stands above it.
func gapAbove(r *Row) float32 {
	switch {
	case r.Warning != "":
		return gapWarning
	case r.Joined:
		return gapJoined
	default:
		return gapSpeaker
	}
}

// A bubble is one message. Beside it, where its words do not reach, stand time, lock and tick.
type bubble struct {
	widget.BaseWidget
	view *View
	id   uint64

	back        *canvas.Rectangle
	warnIcon    *canvas.Image
	warning     *look.Text
	earlier     *look.Link
	labels      []*look.Words // the pages of the text that are shown
	shownLabels int
	more        *look.Link
	links       []*look.Link
	time        *canvas.Text
	lock, tick  *canvas.Image
	detail      *look.Text
	status      *look.Text
	actions     []*look.Link
	meta        fyne.Position // where time, lock and tick stand
	metaSize    fyne.Size
	now         Row
	objects     []fyne.CanvasObject
}

var (
	_ item              = (*bubble)(nil)
	_ fyne.Tappable     = (*bubble)(nil)
	_ desktop.Hoverable = (*bubble)(nil)
)

func newBubble(v *View) *bubble {
	b := &bubble{
		view:     v,
		back:     canvas.NewRectangle(color.Transparent),
		warnIcon: canvas.NewImageFromResource(look.LockOpen.Icon(look.LockSmall)),
		warning:  look.NewText("", look.Warning),
		time:     canvas.NewText("", color.Black),
		lock:     canvas.NewImageFromResource(look.LockOpen.Icon(look.LockSmall)),
		tick:     canvas.NewImageFromResource(look.IconClock),
		detail:   look.NewText("", look.Hint),
		status:   look.NewText("", look.Hint),
	}
	b.back.CornerRadius = look.Radius
	b.more = look.NewLink(lang.L("Show more"), func() { v.showMore(b.id) })
	b.earlier = look.NewLink(lang.L("Show what is before"), func() { v.showEarlier(b.id) })
	b.ExtendBaseWidget(b)
	return b
}

func (b *bubble) kind() itemKind { return bubbleItem }
func (b *bubble) row() *Row      { return &b.now }

// show implements item. It lays everything out at once: measuring is placing.
func (b *bubble) show(r *Row, s rowState, width float32) float32 {
	b.id, b.now = r.ID, *r
	b.objects = b.objects[:0]
	b.paint()
	y := gapAbove(r)
	meta := b.measureMeta(r)
	limit := min(width*bubbleShare, width-meta.Width-metaGap)
	y = b.placeBubble(r, s, y, width, limit)
	b.placeMeta(r, y, width, meta)
	below := b.placeBelow(r, s, y, width)
	look.Turn(b.objects, width)
	if lang.RightToLeft() {
		b.meta.X = width - b.meta.X - b.metaSize.Width
	}
	if below > y {
		return below + look.Step
	}
	return y
}

// placeBubble sets the background, the warning and the pages of the text, and returns where the bubble ends.
func (b *bubble) placeBubble(r *Row, s rowState, y, width, limit float32) float32 {
	pages, next := s.pages.words(r.Text)
	b.readyLabels(len(pages))
	inner := b.natural(pages, limit-2*bubblePad)
	b.readyLinks(r, limit-2*bubblePad)
	for i := range r.Links {
		inner = max(inner, b.links[i].MinSize().Width)
	}
	if r.Warning != "" {
		inner = min(max(inner, warningWidth(r.Warning)), limit-2*bubblePad)
	}
	left := float32(0)
	if r.Kind == Ours {
		left = width - inner - 2*bubblePad
	}
	x := left + bubblePad
	b.objects = append(b.objects, b.back)
	top := y
	if r.Warning != "" {
		y = b.placeWarning(r, x, y, inner)
	}
	if s.pages.first > 0 {
		y = b.placeLink(b.earlier, x, y)
	}
	for i := range pages {
		label := b.labels[i]
		height := set(&label.Label, pages[i], inner)
		b.mark(label)
		label.Move(fyne.NewPos(x, y))
		b.objects = append(b.objects, label)
		y += height
		if i < len(pages)-1 {
			y -= 2*theme.InnerPadding() - theme.LineSpacing() // pages follow each other like lines
		}
	}
	for i := range r.Links {
		y = b.placeLink(b.links[i], x, y-look.Step) + look.Step
	}
	if next < len(r.Text) {
		y = b.placeLink(b.more, x, y-look.Step) + look.Step
	}
	b.back.Move(fyne.NewPos(left, top))
	b.back.Resize(fyne.NewSize(inner+2*bubblePad, y-top))
	return y
}

// warningWidth is the width that a warning and its lock take on one line.
func warningWidth(words string) float32 {
	return iconSide + theme.InnerPadding()/2 + fyne.MeasureText(words, theme.CaptionTextSize(), look.Bold(words)).Width +
		2*theme.InnerPadding() + measureMargin
}

func (b *bubble) placeWarning(r *Row, x, y, inner float32) float32 {
	pad := theme.InnerPadding()
	b.warnIcon.Move(fyne.NewPos(x+pad, y+pad+1))
	b.warnIcon.Resize(fyne.NewSquareSize(iconSide))
	b.warning.SetText(r.Warning)
	b.warning.Resize(fyne.NewSize(inner-iconSide-pad/2, 0))
	height := b.warning.MinSize().Height
	b.warning.Resize(fyne.NewSize(inner-iconSide-pad/2, height))
	b.warning.Move(fyne.NewPos(x+iconSide+pad/2, y))
	b.objects = append(b.objects, b.warnIcon, b.warning)
	return y + height - pad
}

func (b *bubble) placeLink(l *look.Link, x, y float32) float32 {
	size := l.MinSize()
	l.Move(fyne.NewPos(x, y))
	l.Resize(size)
	b.objects = append(b.objects, l)
	return y + size.Height
}

// readyLabels sees to a label for each of n pages.
func (b *bubble) readyLabels(n int) {
	for len(b.labels) < n {
		b.labels = append(b.labels, b.newWords())
	}
	size := textSize(&b.now)
	for _, l := range b.labels {
		if l.TextStyle.Italic != b.now.Deed || l.SizeName != size {
			l.TextStyle.Italic, l.SizeName = b.now.Deed, size
			l.Refresh()
		}
	}
	b.shownLabels = n
}

// newWords makes the label of a page. What is typed there is meant for the conversation, as it is beside it.
func (b *bubble) newWords() *look.Words {
	w, v := look.NewWords("").PassBy(), b.view
	w.OnMenu = b.TappedSecondary
	w.OnShortcut = v.TypedShortcut
	w.OnFocus = func(has bool) {
		v.reading = 0
		if has {
			v.cursor, v.reading = b.id, b.id
		}
	}
	w.OnKey = func(ev *fyne.KeyEvent) bool {
		switch ev.Name {
		case fyne.KeyUp, fyne.KeyDown, fyne.KeyHome, fyne.KeyEnd, fyne.KeyPageUp, fyne.KeyPageDown, fyne.KeyReturn, fyne.KeyEnter:
			if c := fyne.CurrentApp().Driver().CanvasForObject(v); c != nil {
				c.Focus(v) // the keys go on from this message
			}
		case fyne.KeyEscape:
		default:
			return false
		}
		return v.press(ev)
	}
	return w
}

// mark sees to what a search has found in the words of a page.
func (b *bubble) mark(w *look.Words) {
	if b.view.marked(b.id) == markNone || b.view.marks.In == nil {
		w.Mark(nil)
		return
	}
	w.Mark(b.view.marks.In(w.Text))
}

// textSize is how large the words of a message are set: pictures that stand alone have to be made out.
func textSize(r *Row) fyne.ThemeSizeName {
	if onlyEmoji(r.Text) {
		return look.SizeEmoji
	}
	return theme.SizeNameText
}

// mostLarge is how many emoji are set large when nothing else is said.
const mostLarge = 8

// onlyEmoji tells whether a text is a few emoji and nothing else.
func onlyEmoji(text string) bool {
	if len(text) > mostLarge*maxEmojiBytes {
		return false
	}
	n := 0
	for _, r := range text {
		switch {
		case r == ' ' || r == '\u200d' || r == '\ufe0f' || r >= 0x1f3fb && r <= 0x1f3ff: // between and after them
		case r >= 0x2600 && r <= 0x27bf, r >= 0x1f1e6 && r <= 0x1faff:
			n++
		default:
			return false
		}
	}
	return n > 0 && n <= mostLarge
}

// maxEmojiBytes is about as long as one gets with everything that belongs to it.
const maxEmojiBytes = 40

// readyLinks sees to a button for each address that stands in the text, none wider than limit.
func (b *bubble) readyLinks(r *Row, limit float32) {
	for i, l := range r.Links {
		if i == len(b.links) {
			b.links = append(b.links, look.NewLink("", nil))
		}
		follow := func() { b.view.follow(l.Address) }
		b.links[i].Set(l.Shown, follow)
		for shown := []rune(l.Shown); b.links[i].MinSize().Width > limit && len(shown) > 1; {
			shown = shown[:len(shown)-1]
			b.links[i].Set(string(shown)+"…", follow)
		}
	}
}

// set shows words in a width and returns the height. A label wraps its words each time it gets a text or a size, so the text comes
// when the width is right already.
func set(l *widget.Label, words string, width float32) float32 {
	if l.Size().Width != width {
		l.SetText("")
		l.Resize(fyne.NewSize(width, 0))
	}
	if l.Text != words {
		l.SetText(words)
	}
	height := l.MinSize().Height
	l.Resize(fyne.NewSize(width, height))
	return height
}

// natural is the width that the pages would take if they could, and limit at most.
func (b *bubble) natural(pages []string, limit float32) float32 {
	pad := 2*theme.InnerPadding() + measureMargin
	widest, size := float32(0), theme.Size(textSize(&b.now))
	for _, words := range pages {
		for line := range strings.SplitSeq(words, "\n") {
			if len(line) > longLine*utf8.UTFMax || widest+pad >= limit {
				return limit
			}
			widest = max(widest, fyne.MeasureText(line, size, fyne.TextStyle{Italic: b.now.Deed}).Width)
		}
	}
	return min(limit, widest+pad)
}

func (b *bubble) measureMeta(r *Row) fyne.Size {
	b.time.Text = r.Time
	size := b.time.MinSize()
	size.Width += metaItemGap + iconSide
	if r.Tick != TickNone {
		size.Width += metaItemGap + iconSide
	}
	size.Height = max(size.Height, iconSide)
	return size
}

// placeMeta sets time, lock and tick beside the lower edge of the bubble.
func (b *bubble) placeMeta(r *Row, bottom, width float32, size fyne.Size) {
	y := bottom - size.Height - look.Step/2
	x := b.back.Position().X + b.back.Size().Width + metaGap
	if r.Kind == Ours {
		x = b.back.Position().X - metaGap - size.Width
	}
	b.meta, b.metaSize = fyne.NewPos(x, y), size
	time := b.time.MinSize()
	b.time.Resize(time)
	b.time.Move(fyne.NewPos(x, y+(size.Height-time.Height)/2))
	x += time.Width + metaItemGap
	setImage(b.lock, r.Lock.Icon(look.LockSmall))
	b.lock.Resize(fyne.NewSquareSize(iconSide))
	b.lock.Move(fyne.NewPos(x, y+(size.Height-iconSide)/2))
	b.objects = append(b.objects, b.time, b.lock)
	if r.Tick == TickNone {
		return
	}
	x += iconSide + metaItemGap
	setImage(b.tick, r.Tick.icon())
	b.tick.Resize(fyne.NewSquareSize(iconSide))
	b.tick.Move(fyne.NewPos(x, y+(size.Height-iconSide)/2))
	b.objects = append(b.objects, b.tick)
}

// placeBelow sets what the person should know or decide about this message under it.
func (b *bubble) placeBelow(r *Row, s rowState, y, width float32) float32 {
	if s.detail && r.Guard != "" {
		y = b.placeLine(b.detail, strings.Join(slices.DeleteFunc([]string{r.Guard, r.Key}, func(s string) bool { return s == "" }), " · "), r.Kind, y, width)
	}
	if r.Status != "" && r.Tick.needsWords() {
		b.status.SetColor(r.Tick.color())
		y = b.placeLine(b.status, r.Status, r.Kind, y, width)
	}
	if len(r.Actions) == 0 {
		return y
	}
	total := float32(0)
	for i, a := range r.Actions {
		if i == len(b.actions) {
			b.actions = append(b.actions, look.NewLink("", nil))
		}
		b.actions[i].Set(a.Label, a.Do)
		total += b.actions[i].MinSize().Width
	}
	x := float32(0)
	if r.Kind == Ours {
		x = width - total
	}
	height := float32(0)
	for i := range r.Actions {
		size := b.actions[i].MinSize()
		b.placeLink(b.actions[i], x, y)
		x += size.Width
		height = max(height, size.Height)
	}
	return y + height
}

// placeLine sets a small line under the bubble, on its side of the column.
func (b *bubble) placeLine(t *look.Text, words string, side Kind, y, width float32) float32 {
	if side == Ours {
		t.End()
	} else {
		t.Begin()
	}
	t.SetText(words)
	pad := theme.InnerPadding()
	natural := fyne.MeasureText(words, theme.CaptionTextSize(), fyne.TextStyle{}).Width + 2*pad + measureMargin
	natural = min(natural, width)
	x := bubblePad
	if side == Ours {
		x = width - natural
	}
	y -= pad - look.Step/2
	t.Resize(fyne.NewSize(natural, 0))
	height := t.MinSize().Height
	t.Resize(fyne.NewSize(natural, height))
	t.Move(fyne.NewPos(x, y))
	b.objects = append(b.objects, t)
	return y + height - pad
}

// paint takes the colours from the theme.
func (b *bubble) paint() {
	r := &b.now
	b.time.Color = theme.Color(look.ColorMuted)
	b.time.TextSize = theme.CaptionTextSize()
	b.back.StrokeWidth = 0
	switch {
	case r.Warning != "":
		b.back.FillColor = theme.Color(look.ColorNotPrivateBg)
		b.back.StrokeColor = theme.Color(look.ColorNotPrivate)
		b.back.StrokeWidth = 1
	case r.Kind == Theirs:
		b.back.FillColor = theme.Color(look.ColorRaised)
	case r.Tick == TickClock:
		b.back.FillColor = theme.Color(theme.ColorNameBackground) // an outline: it has not left yet
		b.back.StrokeColor = theme.Color(look.ColorOwnEdge)
		b.back.StrokeWidth = 1
	default:
		b.back.FillColor = theme.Color(look.ColorOwnBubble)
		b.back.StrokeColor = theme.Color(look.ColorOwnEdge)
		b.back.StrokeWidth = 1
	}
	switch b.view.marked(r.ID) {
	case markFound:
		b.back.StrokeColor, b.back.StrokeWidth = theme.Color(look.ColorUnverified), 1
	case markHere:
		b.back.StrokeColor, b.back.StrokeWidth = theme.Color(theme.ColorNamePrimary), markWidth
	}
}

// markWidth is that of the edge round the message that a search has come to.
const markWidth = 2.5

func setImage(i *canvas.Image, icon look.Icon) {
	if i.Resource != nil && i.Resource.Name() == icon.Name() && i.Image != nil {
		return
	}
	i.Resource = icon
	i.Refresh()
}

// Tapped shows the guard of the message in words, or hides them, where its time and lock are.
func (b *bubble) Tapped(ev *fyne.PointEvent) {
	if b.onMeta(ev.Position) {
		b.view.showDetail(b.id)
	}
}

func (b *bubble) onMeta(p fyne.Position) bool {
	return p.X >= b.meta.X && p.X < b.meta.X+b.metaSize.Width && p.Y >= b.meta.Y && p.Y < b.meta.Y+b.metaSize.Height
}

func (b *bubble) MouseIn(*desktop.MouseEvent)    {}
func (b *bubble) MouseMoved(*desktop.MouseEvent) {}
func (b *bubble) MouseOut()                      {}

// words are the pages that are shown.
func (b *bubble) words() string {
	var s strings.Builder
	for i, l := range b.labels[:b.shownLabels] {
		if i > 0 {
			s.WriteByte('\n')
		}
		s.WriteString(l.Text)
	}
	return s.String()
}

// foldNodes are the buttons that show other pages.
func (b *bubble) foldNodes() []access.Node {
	var nodes []access.Node
	for _, o := range b.objects {
		if l, ok := o.(*look.Link); ok && (l == b.more || l == b.earlier) {
			n := l.Semantics()
			n.Key = n.Name
			nodes = append(nodes, n)
		}
	}
	return nodes
}

func (b *bubble) CreateRenderer() fyne.WidgetRenderer { return &bubbleRenderer{b} }

type bubbleRenderer struct{ b *bubble }

func (r *bubbleRenderer) MinSize() fyne.Size           { return fyne.Size{} }
func (r *bubbleRenderer) Layout(fyne.Size)             {}
func (r *bubbleRenderer) Objects() []fyne.CanvasObject { return r.b.objects }
func (r *bubbleRenderer) Destroy()                     {}

// Refresh takes the colours anew after a change of theme, and marks what a search has found.
func (r *bubbleRenderer) Refresh() {
	r.b.paint()
	for _, l := range r.b.labels[:r.b.shownLabels] {
		r.b.mark(l)
	}
	for _, o := range r.b.objects {
		o.Refresh()
	}
}

// icon is the drawing of a tick.
func (t Tick) icon() look.Icon {
	switch t {
	case TickSent:
		return look.IconSent
	case TickStored:
		return look.IconStored
	case TickDone:
		return look.IconDone
	case TickDoubt:
		return look.IconDoubt
	case TickFailed:
		return look.IconFailed
	default:
		return look.IconClock
	}
}

// needsWords tells whether the status stands under the bubble: always, unless the message is simply on its way.
func (t Tick) needsWords() bool {
	return t == TickClock || t == TickDoubt || t == TickFailed
}

func (t Tick) color() fyne.ThemeColorName {
	switch t {
	case TickDoubt:
		return look.ColorUnverified
	case TickFailed:
		return look.ColorNotPrivate
	default:
		return look.ColorMuted
	}
}
