package ui

import (
	"strings"
	"unicode/utf8"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A secretField is where an answer or a secret is typed. It is compared byte by byte, or folded where both sides know that, so it says
// what exactly is going to be compared: the words themselves as long as they may be seen.
type secretField struct {
	*field
	about  *look.Text
	show   *groupBox   // whether what is typed may be seen
	folded func() bool // whether capital letters, spaces and punctuation do not count
}

// The most of a secret that is repeated beneath it.
const shownSecret = 200

// newAnswerField is for the answer to a question: seen while it is typed, because a typo is the likeliest thing to go wrong.
func newAnswerField() secretField {
	f := secretField{field: newField(""), about: look.NewText("", look.Hint), folded: func() bool { return false }}
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
	f.MinSize() // made without the eye of the toolkit, which no key reaches
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
	f.about.SetText("")
}

// tell says what will be compared.
func (f secretField) tell() { f.about.SetText(f.words()) }

// complete tells whether there is something that can be compared.
func (f secretField) complete() bool {
	return f.Text != "" && len(f.Text) <= maxSecret && (!f.folded() || len(session.Fold([]byte(f.Text))) > 0)
}

func (f secretField) words() string {
	text := f.Text
	switch {
	case len(text) > maxSecret:
		return lang.L("This is too long.")
	case f.folded():
		return f.foldedWords()
	case text == "":
		return lang.L("Compared exactly as typed, with capital letters and spaces.")
	case !f.Password:
		return lang.L("Compared exactly as typed: {{.Text}}", words{"Text": isolated(visible(text))})
	case text != strings.TrimSpace(text):
		return lang.L("Compared exactly as typed. It begins or ends with a space.")
	}
	return lang.L("Compared exactly as typed, with capital letters and spaces. Length: {{.Count}}", words{"Count": utf8.RuneCountInString(text)})
}

func (f secretField) foldedWords() string {
	left := string(session.Fold([]byte(f.Text)))
	switch {
	case f.Text != "" && left == "":
		return lang.L("Nothing is left of this to compare: it has no letters and no digits.")
	case f.Text == "":
		return lang.L("Compared without capital letters, spaces and punctuation.")
	case !f.Password:
		return lang.L("Compared without capital letters, spaces and punctuation: {{.Text}}", words{"Text": isolated(left)})
	}
	return lang.L("Compared without capital letters, spaces and punctuation. Length: {{.Count}}", words{"Count": utf8.RuneCountInString(left)})
}

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

// isolated is what a person typed, as it stands in a sentence of ours.
func isolated(text string) string { return chat.Clip(model.Body(text), shownSecret, 1) }

// foldBox is the choice whether capital letters, spaces and punctuation count.
func foldBox(escape func(), changed func()) *groupBox {
	b := newGroupBox(escape)
	b.Text = lang.L("Capital letters, spaces and punctuation do not count")
	b.OnChanged = func(bool) { changed() }
	return b
}
