package access_test

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
)

func TestMark(t *testing.T) {
	long := strings.Repeat("some words that wrap ", 40)
	for _, test := range []struct {
		text string
		mark access.Stretch
		want string
	}{
		{"hello world", access.Stretch{From: 0, To: 5}, "hello"},
		{"hello world", access.Stretch{From: 6, To: 11}, "world"},
		{"hello world", access.Stretch{From: 3, To: 3}, ""},
		{"hello world", access.Stretch{From: 0, To: 0}, ""},
		{"héllo\nwörld\nend", access.Stretch{From: 4, To: 9}, "o\nwör"},
		{"héllo\nwörld\nend", access.Stretch{From: 6, To: 7}, "w"},
		{"\n\nx", access.Stretch{From: 1, To: 3}, "\nx"},
		{"", access.Stretch{}, ""},
		{long, access.Stretch{From: 5, To: 830}, string([]rune(long)[5:830])},
	} {
		e := widget.NewMultiLineEntry()
		e.Wrapping = fyne.TextWrapWord
		tree, w := shown(t, e)
		w.Resize(fyne.NewSize(200, 200))
		e.SetText(test.text)
		for _, before := range []access.Stretch{{}, {From: 0, To: len([]rune(test.text))}} {
			look, _ := tree.Look()
			old := kind(look, access.Entry)
			number := old.Number
			if !tree.Mark(number, before) || !tree.Mark(number, test.mark) {
				t.Errorf("%.20q: %v could not be selected after %v", test.text, test.mark, before)
				continue
			}
			look, changes := tree.Look()
			got := look.By[number]
			wanted := test.mark
			if wanted.From == wanted.To {
				wanted = access.Stretch{}
			}
			if e.SelectedText() != test.want || got.Marked != wanted || got.Caret != test.mark.To {
				t.Errorf("%.20q: %v after %v: selected is %q, told is %v with the caret at %d", test.text, test.mark, before, e.SelectedText(), got.Marked, got.Caret)
			}
			told := slices.ContainsFunc(changes, func(c access.Change) bool { return c.Kind == access.MarkedChanged })
			if told != (wanted != old.Marked) {
				t.Errorf("%.20q: %v: a change of what is selected was told: %v", test.text, test.mark, told)
			}
		}
		if text := e.Text; text != test.text {
			t.Errorf("%.20q became %.20q", test.text, text)
		}
	}
}

func TestMarkRefuses(t *testing.T) {
	e := widget.NewEntry()
	e.SetText("hello")
	tree, _ := shown(t, e)
	look, _ := tree.Look()
	number := kind(look, access.Entry).Number
	for _, s := range []access.Stretch{{From: -1, To: 2}, {From: 3, To: 2}, {From: 0, To: 6}, {From: 6, To: 6}} {
		if tree.Mark(number, s) {
			t.Errorf("%v of five characters could be selected", s)
		}
	}
	e.Disable()
	if tree.Mark(number, access.Stretch{From: 0, To: 1}) {
		t.Error("something could be selected in an entry that is off")
	}
}

// Nothing tells how long a secret is, or where the caret is in it.
func TestSecretsHaveNoLength(t *testing.T) {
	p := widget.NewPasswordEntry()
	tree, w := shown(t, p)
	w.Canvas().Focus(p)
	tree.Look()
	var told []access.Element
	for i, text := range []string{"s", "sesame", "sesame, open"} {
		p.SetText(text)
		p.CursorColumn = i
		p.Refresh()
		look, changes := tree.Look()
		e := *kind(look, access.PasswordEntry)
		told = append(told, e)
		for _, c := range changes {
			if i > 0 && c.Element.Number == e.Number {
				t.Errorf("%q is told by a change of kind %d", text, c.Kind)
			}
		}
		if tree.Mark(e.Number, access.Stretch{From: 0, To: 1}) || e.Marked != (access.Stretch{}) {
			t.Error("a part of a secret can be selected")
		}
	}
	for _, e := range told {
		if e.Text != told[0].Text || e.Caret != told[0].Caret || strings.Contains(e.Text, "s") {
			t.Errorf("one secret is told as %q with the caret at %d, another as %q with %d", e.Text, e.Caret, told[0].Text, told[0].Caret)
		}
	}
}

// kind is the first element with a role.
func kind(look *access.Look, role access.Role) *access.Element {
	var found *access.Element
	for _, e := range look.By {
		if e.Role == role && (found == nil || e.Number < found.Number) {
			found = e
		}
	}
	return found
}
