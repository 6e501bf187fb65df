package look

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/lang"
)

// Style is how a Text is set.
type Style uint8

const (
	Body    Style = iota // 14
	Strong               // 14 semibold
	Hint                 // 12, muted
	Header               // 16 semibold
	Title                // 20 semibold
	Warning              // 12 semibold, in the colour of Not private
)

// A Text is words of ours or of somebody else; it never reads markup.
type Text struct {
	widget.RichText
	segment *widget.TextSegment
	begins  bool // at the side from which it is written
	ends    bool // at the right in any case
}

// NewText returns words that wrap at the width they are given.
func NewText(words string, style Style) *Text {
	t := newText(words, style)
	t.Wrapping = fyne.TextWrapWord
	return t.Begin()
}

// NewLine returns words on one line that ends in … where it is too long.
func NewLine(words string, style Style) *Text {
	t := newText(words, style)
	t.Truncation = fyne.TextTruncateEllipsis
	return t
}

// NewWord returns words that take exactly the width they need, for a place that has it.
func NewWord(words string, style Style) *Text { return newText(words, style) }

func newText(words string, style Style) *Text {
	t := &Text{segment: &widget.TextSegment{Text: words, Style: style.rich()}}
	t.embolden()
	t.Segments = []widget.RichTextSegment{t.segment}
	t.Scroll = fyne.ScrollNone
	t.ExtendBaseWidget(t)
	return t
}

// CreateRenderer implements fyne.Widget.
func (t *Text) CreateRenderer() fyne.WidgetRenderer {
	t.ExtendBaseWidget(t)
	r := &textRenderer{WidgetRenderer: t.RichText.CreateRenderer(), text: t}
	r.turn()
	return r
}

// A textRenderer sets the parts of each line in the order in which they are seen.
type textRenderer struct {
	fyne.WidgetRenderer
	text *Text
}

// Refresh implements fyne.WidgetRenderer.
func (r *textRenderer) Refresh() {
	r.WidgetRenderer.Refresh()
	r.turn()
}

// turn gives each line of words that are written from the right as it is drawn. The toolkit has just set the lines as they are read.
func (r *textRenderer) turn() {
	words := r.text.Words()
	if !hasRightToLeft(words) {
		return
	}
	rest, fromRight := words, fromTheRight(words)
	for _, o := range r.Objects() {
		line, ok := o.(*canvas.Text)
		if !ok {
			continue
		}
		if i := strings.Index(rest, line.Text); i >= 0 {
			if strings.Contains(rest[:i], "\n") {
				fromRight = fromTheRight(rest[i:])
			}
			rest = rest[i+len(line.Text):]
		}
		line.Text = Visual(line.Text, fromRight)
	}
	r.Layout(r.text.Size())
}

// Turn moves what was set from the left to the same distance from the right, where the language of the program is written from there.
func Turn(objects []fyne.CanvasObject, width float32) {
	if !lang.RightToLeft() {
		return
	}
	for _, o := range objects {
		at := o.Position()
		o.Move(fyne.NewPos(width-at.X-o.Size().Width, at.Y))
	}
}

// fromTheRight tells how the first paragraph of a text is written: as it begins, and in a language that is written from the right from
// there in any case, if there are letters of it.
func fromTheRight(text string) bool {
	first, _, _ := strings.Cut(text, "\n")
	return RightToLeft(first) || lang.RightToLeft() && hasRightToLeft(first)
}

// SetText changes the words.
func (t *Text) SetText(words string) {
	if words == t.segment.Text {
		return
	}
	t.segment.Text = words
	t.embolden()
	t.align()
	t.Refresh()
}

// SetStyle changes how they are set.
func (t *Text) SetStyle(style Style) {
	align := t.segment.Style.Alignment
	t.segment.Style = style.rich()
	t.embolden()
	t.segment.Style.Alignment = align
	t.Refresh()
}

// SetColor changes their colour.
func (t *Text) SetColor(color fyne.ThemeColorName) {
	if color == t.segment.Style.ColorName {
		return
	}
	t.segment.Style.ColorName = color
	t.Refresh()
}

// Begin lets the lines begin at the side from which they are written, as those of NewText do, and returns the Text.
func (t *Text) Begin() *Text {
	t.begins, t.ends = true, false
	t.align()
	return t
}

// End sets the lines to the right, however they are written, and returns the Text.
func (t *Text) End() *Text {
	t.begins, t.ends = true, true
	t.align()
	return t
}

// InLanguage sets the lines to the side at which the language of the program begins, whatever they are written in, and returns the Text.
func (t *Text) InLanguage() *Text {
	if lang.RightToLeft() {
		return t.End()
	}
	return t
}

// embolden gives bold words the style that fits them.
func (t *Text) embolden() {
	if style := &t.segment.Style.TextStyle; style.Bold || style.Symbol {
		*style = Bold(t.segment.Text)
	}
}

func (t *Text) align() {
	style := &t.segment.Style
	if !t.begins || style.Alignment == fyne.TextAlignCenter {
		return
	}
	style.Alignment = fyne.TextAlignLeading
	if t.ends || hasRightToLeft(t.segment.Text) && fromTheRight(t.segment.Text) {
		style.Alignment = fyne.TextAlignTrailing
	}
}

// Center centres the lines and returns the Text.
func (t *Text) Center() *Text {
	t.segment.Style.Alignment = fyne.TextAlignCenter
	return t
}

// Words are what it shows.
func (t *Text) Words() string { return t.segment.Text }

func (s Style) rich() widget.RichTextStyle {
	r := widget.RichTextStyle{ColorName: theme.ColorNameForeground, SizeName: theme.SizeNameText, Inline: true}
	switch s {
	case Strong:
		r.TextStyle.Bold = true
	case Hint:
		r.ColorName = ColorMuted
		r.SizeName = theme.SizeNameCaptionText
	case Header:
		r.TextStyle.Bold = true
		r.SizeName = theme.SizeNameSubHeadingText
	case Title:
		r.TextStyle.Bold = true
		r.SizeName = theme.SizeNameHeadingText
	case Warning:
		r.ColorName = ColorNotPrivate
		r.TextStyle.Bold = true
		r.SizeName = theme.SizeNameCaptionText
	}
	return r
}
