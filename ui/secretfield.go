package ui

import (
	"strings"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A secretField is where an answer or a secret is typed. It is compared byte by byte, or folded where both sides know that, so it shows
// what exactly is going to be compared, as long as that may be seen. It is never told to anybody who reads the screen aloud: others listen.
type secretField struct {
	*field
	about  *look.Text
	seen   *unspoken   // what is compared
	show   *groupBox   // whether what is typed may be seen
	folded func() bool // whether capital letters, spaces and punctuation do not count
}

// The most of a secret that is repeated beneath it.
const shownSecret = 200

// newAnswerField is for the answer to a question: seen while it is typed, because a typo is the likeliest thing to go wrong.
func newAnswerField() secretField {
	f := secretField{
		field: access.Secret(newField("")), about: look.NewText("", look.Hint), seen: newUnspoken(),
		folded: func() bool { return false },
	}
	f.show = newGroupBox(func() { f.escape() })
	f.show.Text = lang.L("Show what I type")
	f.show.Checked = true
	f.show.OnChanged = func(bool) { f.veil() }
	return f
}

// newSecretField is for a secret, which nobody beside the person is to see.
func newSecretField() secretField {
	f := newAnswerField()
	f.show.Checked = false
	f.MinSize() // made without the eye of the toolkit: there is a box
	f.Password = true
	return f
}

func (f secretField) veil() {
	f.Password = !f.show.Checked
	f.Refresh()
	if f.OnChanged != nil {
		f.OnChanged(f.Text)
	}
}

// forget empties the entry without telling anybody.
func (f secretField) forget() {
	f.OnChanged = nil
	f.SetText("")
	f.seen.say("")
}

// tell says what will be compared.
func (f secretField) tell() {
	f.about.SetText(f.words())
	f.seen.say(f.compared())
}

// complete tells whether there is something that can be compared.
func (f secretField) complete() bool {
	return f.Text != "" && len(f.Text) <= maxSecret && (!f.folded() || len(session.Fold([]byte(f.Text))) > 0)
}

// words is how it is compared.
func (f secretField) words() string {
	text := f.Text
	switch {
	case len(text) > maxSecret:
		return lang.L("This is too long.")
	case f.folded() && text != "" && len(session.Fold([]byte(text))) == 0:
		return lang.L("Nothing is left of this to compare: it has no letters and no digits.")
	case f.folded():
		return lang.L("Compared without capital letters, spaces and punctuation.")
	case text != strings.TrimSpace(text):
		return lang.L("Compared exactly as typed. It begins or ends with a space.")
	}
	return lang.L("Compared exactly as typed, with capital letters and spaces.")
}

// compared is what is compared, or how long it is where that is not to be seen.
func (f secretField) compared() string {
	text := visible(f.Text)
	if f.folded() {
		text = string(session.Fold([]byte(f.Text)))
	}
	switch {
	case text == "" || len(f.Text) > maxSecret:
		return ""
	case f.Password:
		return lang.L("Length: {{.Count}}", words{"Count": utf8.RuneCountInString(text)})
	}
	return chat.Clip(model.Body(text), shownSecret, 1)
}

// An unspoken is a text that is seen, and not read aloud.
type unspoken struct {
	widget.BaseWidget
	text *look.Text
}

func newUnspoken() *unspoken {
	u := &unspoken{text: look.NewText("", look.Body)}
	u.ExtendBaseWidget(u)
	u.Hide()
	return u
}

func (u *unspoken) say(text string) {
	u.text.SetText(text)
	u.Hidden = text == ""
}

// CreateRenderer implements fyne.Widget.
func (u *unspoken) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(container.NewStack(filled(look.ColorRaised, look.SmallRadius), container.New(flow{}, u.text)))
}

// Semantics implements access.Semantic.
func (u *unspoken) Semantics() access.Node { return access.Node{} }

// visible shows the spaces at the ends of a text, which one would not see, and those that stand together.
func visible(text string) string {
	begin := len(text) - len(strings.TrimLeft(text, " "))
	end := len(strings.TrimRight(text, " "))
	if begin >= end {
		return strings.Repeat("␣", len(text))
	}
	inside := strings.ReplaceAll(text[begin:end], "  ", "␣␣")
	return strings.Repeat("␣", begin) + inside + strings.Repeat("␣", len(text)-end)
}

// foldBox is the choice whether capital letters, spaces and punctuation count.
func foldBox(escape func(), changed func()) *groupBox {
	b := newGroupBox(escape)
	b.Text = lang.L("Ignore capitals, spaces and punctuation")
	b.OnChanged = func(bool) { changed() }
	return b
}
