package chat

import (
	"strings"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/look"
)

// MaxTyped is how many characters a text can have: a longer one would slow every key down.
const MaxTyped = 10000

const (
	maxTyped     = MaxTyped
	longPaste    = 4 << 10 // bytes
	maxRows      = 6
	measureRunes = 1500 // more never fit into maxRows
	shortText    = 200  // bytes; more never fit into one line of a narrow window
)

// A Composer is where the person writes. Enter sends, Shift+Enter begins a new line. It grows with the text up to six lines.
type Composer struct {
	widget.Entry
	// OnSend is called by Enter with what was typed. The text stays until SetText: what could not be sent is not lost.
	OnSend func(text string)
	// OnChanged is called after every change of the text.
	OnChanged func(text string)
	// OnTooLong is called when a key or a paste was refused because the text would exceed 10,000 characters. Nothing is ever cut.
	OnTooLong func()
	// OnLongPaste is called instead of pasting more than 4 kB; paste does it after all. Whole pages get into the clipboard unawares.
	OnLongPaste func(text string, paste func())
	// OnPage is called by Page Up (-1) and Page Down (1), which belong to the conversation.
	OnPage func(pages float32)
	// OnEscape is called by Escape.
	OnEscape func()
	// OnFocus is called when the composer gets the keyboard and when it loses it.
	OnFocus func(has bool)
	// Recall returns the text that the up-arrow key puts into an empty composer: what was sent last, to be sent anew.
	Recall func() string
	// EnterBreaks tells whether Enter begins a new line. Then sending is the business of OnShortcut.
	EnterBreaks func() bool
	// OnShortcut is called for the shortcuts that are not about editing.
	OnShortcut func(s fyne.Shortcut)

	shift  bool
	behind int // where the caret is meant to be, where Fyne has no place for it; 0: it is where Fyne says
	rows   int
	width  float32 // that rows were counted for
	hints  []string
	ruler  *widget.Label
}

// NewComposer returns an empty composer.
func NewComposer() *Composer {
	c := &Composer{rows: 1, ruler: widget.NewLabel("")}
	c.ruler.Wrapping = fyne.TextWrapWord
	c.MultiLine = true
	c.Wrapping = fyne.TextWrapWord
	c.Scroll = fyne.ScrollVerticalOnly
	c.SetMinRowsVisible(1)
	c.Entry.OnChanged = c.changed
	c.ExtendBaseWidget(c)
	return c
}

func (c *Composer) changed(text string) {
	if utf8.RuneCountInString(text) > maxTyped && c.undone(text) {
		return
	}
	c.grow()
	if c.OnChanged != nil {
		c.OnChanged(text)
	}
}

// undone takes back a paste from the menu, which asks nobody before it pastes.
func (c *Composer) undone(text string) bool {
	c.Undo()
	if c.Text == text {
		return false
	}
	c.tooLong()
	return true
}

func (c *Composer) tooLong() {
	if c.OnTooLong != nil {
		c.OnTooLong()
	}
}

// grow counts the lines and asks for as many.
func (c *Composer) grow() {
	rows := c.countRows()
	if rows == c.rows {
		return
	}
	c.rows = rows
	c.SetMinRowsVisible(rows)
}

// OneLine tells whether what is written takes one line in a width.
func (c *Composer) OneLine(width float32) bool {
	if len(c.Text) > shortText {
		return false
	}
	return fyne.MeasureText(c.Text, theme.TextSize(), fyne.TextStyle{}).Width+2*theme.InnerPadding() <= width && !strings.Contains(c.Text, "\n")
}

func (c *Composer) countRows() int {
	if c.width <= 0 {
		return c.rows
	}
	text := c.Text
	if len(text) > measureRunes {
		text = text[:measureRunes]
		for !utf8.ValidString(text) && len(text) > 0 {
			text = text[:len(text)-1]
		}
	}
	c.ruler.SetText(text)
	c.ruler.Resize(fyne.NewSize(c.width, 0))
	line := fyne.MeasureText("M", theme.TextSize(), fyne.TextStyle{}).Height
	rows := int((c.ruler.MinSize().Height-2*theme.InnerPadding())/line + 0.5)
	return max(1, min(rows, maxRows))
}

// Resize implements fyne.CanvasObject.
func (c *Composer) Resize(size fyne.Size) {
	c.Entry.Resize(size)
	if width := size.Width - 2*look.Step; width != c.width {
		c.width = width
		c.grow()
		c.hint()
	}
}

// SetText leaves the caret behind the text, where whoever types goes on.
func (c *Composer) SetText(text string) {
	c.Entry.SetText(text)
	c.Entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageDown})
}

// SetHints says what stands in the empty composer: the first that fits into its line, or else the last.
func (c *Composer) SetHints(hints ...string) {
	c.hints = hints
	c.hint()
}

func (c *Composer) hint() {
	room := c.width - 2*theme.InnerPadding()
	for i, hint := range c.hints {
		if c.width > 0 && i < len(c.hints)-1 && fyne.MeasureText(hint, theme.TextSize(), fyne.TextStyle{}).Width > room {
			continue
		}
		if hint != c.PlaceHolder {
			c.SetPlaceHolder(hint)
		}
		return
	}
}

// KeyDown implements desktop.Keyable.
func (c *Composer) KeyDown(ev *fyne.KeyEvent) {
	if isShift(ev.Name) {
		c.shift = true
	}
	c.Entry.KeyDown(ev)
}

// KeyUp implements desktop.Keyable.
func (c *Composer) KeyUp(ev *fyne.KeyEvent) {
	if isShift(ev.Name) {
		c.shift = false
	}
	c.Entry.KeyUp(ev)
}

// FocusGained implements fyne.Focusable.
func (c *Composer) FocusGained() {
	c.Entry.FocusGained()
	if c.OnFocus != nil {
		c.OnFocus(true)
	}
}

// FocusLost implements fyne.Focusable. The release of Shift goes to whoever has the keyboard next.
func (c *Composer) FocusLost() {
	c.shift = false
	c.Entry.KeyUp(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	c.Entry.FocusLost()
	if c.OnFocus != nil {
		c.OnFocus(false)
	}
}

// Insert types a text where the caret is, if there is room for it.
func (c *Composer) Insert(text string) {
	if c.Disabled() || !c.room(utf8.RuneCountInString(text)) {
		return
	}
	for _, r := range text {
		c.put(r)
	}
}

// Length is how many characters stand in it.
func (c *Composer) Length() int { return utf8.RuneCountInString(c.Text) }

func isShift(k fyne.KeyName) bool { return k == desktop.KeyShiftLeft || k == desktop.KeyShiftRight }

// TypedKey implements fyne.Focusable.
func (c *Composer) TypedKey(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeyReturn, fyne.KeyEnter:
		c.resume()
		c.enter(ev)
	case fyne.KeyBackspace, fyne.KeyDelete, fyne.KeyLeft:
		c.resume()
		c.Entry.TypedKey(ev)
	case fyne.KeyPageUp, fyne.KeyPageDown:
		c.page(ev.Name)
	case fyne.KeyUp:
		c.up(ev)
	case fyne.KeyEscape:
		if c.OnEscape != nil {
			c.OnEscape()
		}
	default:
		if !look.PassOn(c, ev) {
			c.Entry.TypedKey(ev)
		}
	}
}

func (c *Composer) enter(ev *fyne.KeyEvent) {
	if c.shift || c.EnterBreaks != nil && c.EnterBreaks() {
		if c.room(1) {
			c.Entry.TypedKey(ev)
		}
		return
	}
	if c.OnSend != nil && c.Text != "" && !c.Disabled() {
		c.OnSend(c.Text)
	}
}

// up takes back what was sent last, as a new text, where nothing is written yet.
func (c *Composer) up(ev *fyne.KeyEvent) {
	if c.Text != "" || c.Recall == nil || c.Disabled() {
		c.Entry.TypedKey(ev)
		return
	}
	if last := c.Recall(); last != "" && utf8.RuneCountInString(last) <= maxTyped {
		c.SetText(last)
	}
}

func (c *Composer) page(key fyne.KeyName) {
	if c.OnPage == nil {
		return
	}
	if key == fyne.KeyPageUp {
		c.OnPage(-1)
		return
	}
	c.OnPage(1)
}

// TypedRune implements fyne.Focusable.
func (c *Composer) TypedRune(r rune) {
	if c.room(1) {
		c.put(r)
	}
}

// put types a character. A space at which a line is broken has no width, and Fyne puts the caret before it when it is the last one of a
// paragraph: what is typed next would push it along, and two words would become one.
func (c *Composer) put(r rune) {
	c.resume()
	after := utf8.RuneCountInString(c.Text) - access.SelectedIn(&c.Entry).To
	c.Entry.TypedRune(r)
	if meant := utf8.RuneCountInString(c.Text) - after; c.CursorTextOffset() < meant {
		c.behind = meant
	}
}

// resume takes the caret to where it is meant to be, for what needs it at once: it does not stay there.
func (c *Composer) resume() {
	if c.behind != 0 && c.CursorTextOffset() == c.behind-1 {
		c.CursorColumn++
	}
	c.behind = 0
}

// TypedShortcut implements fyne.Shortcutable.
func (c *Composer) TypedShortcut(s fyne.Shortcut) {
	if paste, ok := s.(*fyne.ShortcutPaste); ok && paste.Clipboard != nil {
		c.resume()
		c.paste(paste)
		return
	}
	c.Entry.TypedShortcut(s)
	if custom, ok := s.(*desktop.CustomShortcut); ok && c.OnShortcut != nil && !edits(custom.KeyName) {
		c.OnShortcut(s)
	}
}

func (c *Composer) paste(s *fyne.ShortcutPaste) {
	text := s.Clipboard.Content()
	if !c.room(utf8.RuneCountInString(text)) {
		return
	}
	if len(text) > longPaste && c.OnLongPaste != nil {
		c.OnLongPaste(text, func() { c.Entry.TypedShortcut(s) })
		return
	}
	c.Entry.TypedShortcut(s)
}

// edits tells whether a key with a modifier is one that an entry knows: it goes or deletes by words.
func edits(key fyne.KeyName) bool {
	switch key {
	case fyne.KeyLeft, fyne.KeyRight, fyne.KeyBackspace, fyne.KeyDelete:
		return true
	}
	return false
}

// room tells whether n more characters may be typed in place of what is selected, and says so when they may not.
func (c *Composer) room(n int) bool {
	if utf8.RuneCountInString(c.Text)-utf8.RuneCountInString(c.SelectedText())+n <= maxTyped {
		return true
	}
	c.tooLong()
	return false
}

// AcceptsTab implements fyne.Tabbable: Tab goes on to the next thing.
func (c *Composer) AcceptsTab() bool { return false }
