package look

import (
	"image/color"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
)

// Presence is whether somebody is there. Each has its own shape besides its colour.
type Presence uint8

const (
	PresenceOffline Presence = iota // a ring
	PresenceOnline                  // a disc
	PresenceAway                    // half a disc
	PresenceBusy                    // a disc with a bar
)

// PresenceSize is the side of the square a presence mark stands in.
const PresenceSize = 3 * Step

// Icon is the mark of the presence.
func (p Presence) Icon() Icon {
	switch p {
	case PresenceOnline:
		return icon("presence-online-12", ColorOnline)
	case PresenceAway:
		return icon("presence-away-12", ColorAway)
	case PresenceBusy:
		return icon("presence-busy-12", ColorBusy)
	default:
		return icon("presence-offline-12", ColorOffline)
	}
}

// A Mark is one small drawing: a lock, a tick, a presence.
type Mark struct {
	widget.BaseWidget
	icon Icon
	side float32
	word string
	none bool
}

var _ access.Semantic = (*Mark)(nil)

// NewMark returns a drawing of the given side with the word that says the same.
func NewMark(i Icon, side float32, word string) *Mark {
	m := &Mark{icon: i, side: side, word: word}
	m.ExtendBaseWidget(m)
	return m
}

// NewLockMark returns a lock without a button, for the list and for dialogs.
func NewLockMark(l Lock, size LockSize, word string) *Mark {
	return NewMark(l.Icon(size), float32(size), word)
}

// Set changes the drawing and its word.
func (m *Mark) Set(i Icon, word string) {
	if m.icon == i && m.word == word && !m.none {
		return
	}
	m.icon, m.word, m.none = i, word, false
	m.Refresh()
}

// Clear shows nothing in the same place.
func (m *Mark) Clear() {
	if !m.none {
		m.none = true
		m.Refresh()
	}
}

// Semantics implements access.Semantic.
func (m *Mark) Semantics() access.Node {
	if m.none || m.word == "" {
		return access.Node{}
	}
	return access.Node{Role: access.Image, Name: m.word}
}

// CreateRenderer implements fyne.Widget.
func (m *Mark) CreateRenderer() fyne.WidgetRenderer {
	r := &markRenderer{mark: m, image: canvas.NewImageFromResource(m.icon)}
	r.image.FillMode = canvas.ImageFillContain
	r.image.Hidden = m.none
	return r
}

type markRenderer struct {
	mark  *Mark
	image *canvas.Image
}

func (r *markRenderer) MinSize() fyne.Size { return fyne.NewSquareSize(r.mark.side) }

func (r *markRenderer) Layout(size fyne.Size) {
	r.image.Resize(fyne.NewSquareSize(r.mark.side))
	r.image.Move(fyne.NewPos((size.Width-r.mark.side)/2, (size.Height-r.mark.side)/2))
}

func (r *markRenderer) Refresh() {
	r.image.Hidden = r.mark.none
	r.image.Resource = r.mark.icon
	r.image.Refresh()
}

func (r *markRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.image} }

func (r *markRenderer) Destroy() {}

const (
	badgeHeight  = 5 * Step
	badgeHighest = 99
)

// A Badge is the number of unread messages on a pill; it takes no room at zero.
type Badge struct {
	widget.BaseWidget
	number int
}

var _ access.Semantic = (*Badge)(nil)

// NewBadge returns a badge that shows n.
func NewBadge(n int) *Badge {
	b := &Badge{number: n}
	b.ExtendBaseWidget(b)
	return b
}

// Set changes the number.
func (b *Badge) Set(n int) {
	if n != b.number {
		b.number = n
		b.Refresh()
	}
}

// Semantics implements access.Semantic: the row of the list says how many are unread.
func (b *Badge) Semantics() access.Node { return access.Node{} }

func (b *Badge) label() string {
	switch {
	case b.number <= 0:
		return ""
	case b.number > badgeHighest:
		return strconv.Itoa(badgeHighest) + "+"
	default:
		return strconv.Itoa(b.number)
	}
}

// CreateRenderer implements fyne.Widget.
func (b *Badge) CreateRenderer() fyne.WidgetRenderer {
	r := &badgeRenderer{badge: b, pill: canvas.NewRectangle(color.Transparent), text: canvas.NewText("", color.Black)}
	r.Refresh()
	return r
}

type badgeRenderer struct {
	badge *Badge
	pill  *canvas.Rectangle
	text  *canvas.Text
}

func (r *badgeRenderer) MinSize() fyne.Size {
	if r.badge.label() == "" {
		return fyne.Size{}
	}
	return fyne.NewSize(fyne.Max(badgeHeight, r.text.MinSize().Width+3*Step), badgeHeight)
}

func (r *badgeRenderer) Layout(size fyne.Size) {
	pill := r.MinSize()
	at := fyne.NewPos((size.Width-pill.Width)/2, (size.Height-pill.Height)/2)
	r.pill.CornerRadius = pill.Height / 2
	r.pill.Resize(pill)
	r.pill.Move(at)
	text := r.text.MinSize()
	r.text.Resize(text)
	r.text.Move(at.AddXY((pill.Width-text.Width)/2, (pill.Height-text.Height)/2))
}

func (r *badgeRenderer) Refresh() {
	r.text.Text = r.badge.label()
	r.text.TextStyle = Bold(r.text.Text)
	r.text.TextSize = theme.Size(theme.SizeNameCaptionText)
	r.text.Color = colorOf(ColorOnAccent)
	r.pill.FillColor = colorOf(theme.ColorNamePrimary)
	r.pill.Hidden = r.text.Text == ""
	r.text.Hidden = r.pill.Hidden
	r.Layout(r.badge.Size())
	canvas.Refresh(r.badge)
}

func (r *badgeRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.pill, r.text} }

func (r *badgeRenderer) Destroy() {}
