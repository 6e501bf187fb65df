// Package lang says the program's words in the person's language.
//
// The English sentence is the key of its translation: L("Send {{.Name}} a file", ...) is looked up in assets/translations. What is
// not translated is said in English. Sentences about a number of things go through N, which knows the plural forms of the language.
// Nothing that is filled in is ever understood as anything but text.
package lang

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jeandeaual/go-locale"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/sotto-im/sotto/assets"
)

// A Language is one that the program speaks.
type Language struct {
	Tag  string // BCP 47
	Name string // in the language itself
}

// languages are those with a file in assets/translations, and that of the keys first.
var languages = []Language{{"en", "English"}, {"de", "Deutsch"}, {"ar", "العربية"}}

// Languages are those that the program speaks, English first.
func Languages() []Language { return slices.Clone(languages) }

// A Table is all the words of one language.
type Table struct {
	tag    language.Tag
	texts  map[string]string
	counts map[string]map[plural.Form]string
}

// forms are the plural forms of CLDR by the names they have in the files.
var forms = map[string]plural.Form{
	"zero": plural.Zero, "one": plural.One, "two": plural.Two, "few": plural.Few, "many": plural.Many, "other": plural.Other,
}

var spoken atomic.Pointer[Table]

// english is what is said before anybody has chosen.
var english = sync.OnceValue(func() *Table {
	data, err := assets.Translations.ReadFile("translations/en.json")
	if err != nil {
		panic(err) // it is built in
	}
	t, err := Read("en", data)
	if err != nil {
		panic(err)
	}
	return t
})

// Speak chooses the language, by its tag. For "", and for one that the program does not speak, it is the one the system is set to, or
// English. What was said before
// stays as it was said, so this comes before the first window.
func Speak(tag string) error {
	if !slices.ContainsFunc(languages, func(l Language) bool { return l.Tag == tag }) {
		tag = ofSystem()
	}
	data, err := assets.Translations.ReadFile("translations/" + tag + ".json")
	if err != nil {
		return fmt.Errorf("lang: %w", err)
	}
	t, err := Read(tag, data)
	if err != nil {
		return err
	}
	Use(t)
	return toolkit(tag)
}

// Use speaks with the words of a table.
func Use(t *Table) { spoken.Store(t) }

// ofSystem is the language among ours that the person has chosen for their system, English where there is none.
func ofSystem() string {
	wanted, err := locale.GetLocales()
	if err != nil {
		return languages[0].Tag
	}
	return closest(wanted)
}

// closest is the tag of the language among ours that suits best, for tags in the order in which they are liked.
func closest(wanted []string) string {
	ours := make([]language.Tag, len(languages))
	for i, l := range languages {
		ours[i] = language.MustParse(l.Tag)
	}
	var tags []language.Tag
	for _, w := range wanted {
		if tag, err := language.Parse(w); err == nil {
			tags = append(tags, tag)
		}
	}
	_, i, sure := language.NewMatcher(ours).Match(tags...)
	if sure == language.No {
		return languages[0].Tag
	}
	return languages[i].Tag
}

// Read understands the file of a language: an object with a text for each key, or with the plural forms of one.
func Read(tag string, data []byte) (*Table, error) {
	t := &Table{texts: map[string]string{}, counts: map[string]map[plural.Form]string{}}
	var err error
	if t.tag, err = language.Parse(tag); err != nil {
		return nil, fmt.Errorf("lang: %w", err)
	}
	var file map[string]any
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("lang: %s: %w", tag, err)
	}
	for key, value := range file {
		switch value := value.(type) {
		case string:
			t.texts[key] = value
		case map[string]any:
			if t.counts[key], err = readForms(value); err != nil {
				return nil, fmt.Errorf("lang: %s: %q: %w", tag, key, err)
			}
		default:
			return nil, fmt.Errorf("lang: %s: %q is neither a text nor plural forms", tag, key)
		}
	}
	return t, nil
}

func readForms(of map[string]any) (map[plural.Form]string, error) {
	read := map[plural.Form]string{}
	for name, value := range of {
		form, known := forms[name]
		words, text := value.(string)
		if !known || !text {
			return nil, fmt.Errorf("%q is not a plural form", name)
		}
		read[form] = words
	}
	if _, ok := read[plural.Other]; !ok {
		return nil, fmt.Errorf("no form for other")
	}
	return read, nil
}

// L is the sentence in the person's language, with its holes filled: {{.Name}} by what words has for Name.
func L(sentence string, words ...map[string]any) string {
	if t := spoken.Load(); t != nil {
		if said, ok := t.texts[sentence]; ok {
			sentence = said
		}
	}
	return fill(sentence, words)
}

// N is L for a sentence about count things, in the plural form for it. The key is what English says of one.
func N(sentence string, count int, words ...map[string]any) string {
	t := spoken.Load()
	if t == nil {
		t = english()
	}
	if said, ok := t.counts[sentence]; ok {
		sentence = said[plural.Other]
		if form, ok := said[t.form(count)]; ok {
			sentence = form
		}
	}
	return fill(sentence, words)
}

// form is the plural form of the language for a whole number.
func (t *Table) form(count int) plural.Form {
	if count < 0 {
		count = -count
	}
	return plural.Cardinal.MatchPlural(t.tag, count, 0, 0, 0, 0)
}

// fill puts words into the holes of a sentence. A hole for which there is no word stays, so that it is seen.
func fill(sentence string, words []map[string]any) string {
	if len(words) == 0 || !strings.Contains(sentence, "{{.") {
		return sentence
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(sentence, "{{.")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}}")
		word, known := words[0][name]
		if !closed || !known {
			b.WriteString("{{.")
			sentence = rest
			continue
		}
		fmt.Fprint(&b, word)
		sentence = after
	}
}

// Tag is the language that is spoken, in BCP 47.
func Tag() string {
	if t := spoken.Load(); t != nil {
		return t.tag.String()
	}
	return languages[0].Tag
}

// RightToLeft is true for a language that is written from right to left.
func RightToLeft() bool {
	t := spoken.Load()
	if t == nil {
		return false
	}
	script, _ := t.tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm":
		return true
	}
	return false
}
