package look

import (
	"image/color"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
)

const (
	lockButtonHeight = 9 * Step
	lockFade         = 150 * time.Millisecond
)

// A LockButton shows how private the conversation is, in a shape, a word and a colour, and opens what one would do next. It stands
// where no peer can write.
type LockButton struct {
	widget.BaseWidget
	lock             Lock
	word             string
	open             func()
	hovered, focused bool
}

var (
	_ fyne.Focusable    = (*LockButton)(nil)
	_ fyne.Tappable     = (*LockButton)(nil)
	_ desktop.Hoverable = (*LockButton)(nil)
	_ access.Semantic   = (*LockButton)(nil)
)

// NewLockButton returns a lock that calls open when it is pressed. The word is the one that stands everywhere for this lock.
func NewLockButton(lock Lock, word string, open func()) *LockButton {
	b := &LockButton{lock: lock.known(), word: word, open: open}
	b.ExtendBaseWidget(b)
	return b
}

// Set changes what the lock shows.
func (b *LockButton) Set(lock Lock, word string) {
	if lock.known() == b.lock && word == b.word {
		return
	}
	b.lock, b.word = lock.known(), word
	b.Refresh()
}

// Lock is the shape that is shown.
func (b *LockButton) Lock() Lock { return b.lock }

// Word is the word that is shown.
func (b *LockButton) Word() string { return b.word }

// Semantics implements access.Semantic.
func (b *LockButton) Semantics() access.Node {
	return access.Node{Role: access.MenuButton, Name: lang.L("Lock"), Text: b.word, Live: access.Politely, Press: b.press}
}

func (b *LockButton) press() {
	if b.open != nil {
		b.open()
	}
}

// Tapped implements fyne.Tappable.
func (b *LockButton) Tapped(*fyne.PointEvent) { b.press() }

// Cursor implements desktop.Cursorable.
func (b *LockButton) Cursor() desktop.Cursor { return desktop.PointerCursor }

// MouseIn implements desktop.Hoverable.
func (b *LockButton) MouseIn(*desktop.MouseEvent) { b.hovered = true; b.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (b *LockButton) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (b *LockButton) MouseOut() { b.hovered = false; b.Refresh() }

// FocusGained implements fyne.Focusable.
func (b *LockButton) FocusGained() { b.focused = true; b.Refresh() }

// FocusLost implements fyne.Focusable.
func (b *LockButton) FocusLost() { b.focused = false; b.Refresh() }

// TypedRune implements fyne.Focusable.
func (b *LockButton) TypedRune(rune) {}

// TypedKey implements fyne.Focusable.
func (b *LockButton) TypedKey(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter, fyne.KeyDown:
		b.press()
	default:
		PassOn(b, ev)
	}
}

// CreateRenderer implements fyne.Widget.
func (b *LockButton) CreateRenderer() fyne.WidgetRenderer {
	r := &lockButtonRenderer{
		button:  b,
		pill:    canvas.NewRectangle(color.Transparent),
		over:    canvas.NewRectangle(color.Transparent),
		icon:    canvas.NewImageFromResource(b.lock.Icon(LockMedium)),
		word:    canvas.NewText(b.word, color.Black),
		chevron: canvas.NewImageFromResource(IconChevron),
		ring:    newRing(),
		shown:   b.lock,
	}
	r.pill.FillColor = colorOf(b.lock.Tint())
	r.Refresh()
	return r
}

type lockButtonRenderer struct {
	button        *LockButton
	pill, over    *canvas.Rectangle
	icon, chevron *canvas.Image
	word          *canvas.Text
	ring          *canvas.Rectangle
	shown         Lock
	fade          *fyne.Animation
}

func (r *lockButtonRenderer) MinSize() fyne.Size {
	width := 3*Step + float32(LockMedium) + 2*Step + r.word.MinSize().Width + Step + float32(LockSmall) + 2.5*Step
	return fyne.NewSize(width, lockButtonHeight)
}

func (r *lockButtonRenderer) Layout(size fyne.Size) {
	for _, o := range []*canvas.Rectangle{r.pill, r.over} {
		o.CornerRadius = size.Height / 2
		o.Resize(size)
	}
	layoutRing(r.ring, size, size.Height/2)
	x := 3 * Step
	r.icon.Resize(fyne.NewSquareSize(float32(LockMedium)))
	r.icon.Move(fyne.NewPos(x, (size.Height-float32(LockMedium))/2))
	x += float32(LockMedium) + 2*Step
	word := r.word.MinSize()
	r.word.Resize(word)
	r.word.Move(fyne.NewPos(x, (size.Height-word.Height)/2))
	x += word.Width + Step
	r.chevron.Resize(fyne.NewSquareSize(float32(LockSmall)))
	r.chevron.Move(fyne.NewPos(x, (size.Height-float32(LockSmall))/2))
	Turn([]fyne.CanvasObject{r.icon, r.word, r.chevron}, size.Width)
}

func (r *lockButtonRenderer) Refresh() {
	b := r.button
	r.icon.Resource = b.lock.Icon(LockMedium)
	r.icon.Refresh()
	r.chevron.Resource = IconChevron.In(b.lock.Ink())
	r.chevron.Refresh()
	r.word.Text = b.word
	r.word.TextStyle = Bold(b.word)
	r.word.TextSize = theme.Size(theme.SizeNameText)
	r.word.Color = colorOf(b.lock.Ink())
	r.over.FillColor = color.Transparent
	if b.hovered {
		r.over.FillColor = colorOf(theme.ColorNameHover)
	}
	r.ring.Hidden = !b.focused
	r.paint()
	r.Layout(b.Size())
	canvas.Refresh(b)
}

// paint gives the pill its colour, by a short fade when the lock has changed and the system wants motion.
func (r *lockButtonRenderer) paint() {
	to := colorOf(r.button.lock.Tint())
	changed := r.shown != r.button.lock
	r.shown = r.button.lock
	if !changed {
		if r.fade == nil {
			r.pill.FillColor = to
		}
		return
	}
	if r.fade != nil {
		r.fade.Stop()
		r.fade = nil
	}
	if !fyne.CurrentApp().Settings().ShowAnimations() {
		r.pill.FillColor = to
		return
	}
	from := r.pill.FillColor
	r.fade = canvas.NewColorRGBAAnimation(from, to, lockFade, func(c color.Color) {
		r.pill.FillColor = c
		r.pill.Refresh()
		if c == to {
			r.fade = nil
		}
	})
	r.fade.Start()
}

func (r *lockButtonRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.pill, r.over, r.icon, r.word, r.chevron, r.ring}
}

func (r *lockButtonRenderer) Destroy() {
	if r.fade != nil {
		r.fade.Stop()
	}
}
