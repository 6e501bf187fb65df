package lang

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/feature/plural"

	"github.com/sotto-im/sotto/assets"
)

func TestFill(t *testing.T) {
	words := map[string]any{"Name": "Bob", "Count": 3, "Evil": "{{.Name}}%s<b>"}
	for sentence, want := range map[string]string{
		"":                              "",
		"plain {}":                      "plain {}",
		"Hello {{.Name}}":               "Hello Bob",
		"{{.Name}}, {{.Name}}":          "Bob, Bob",
		"{{.Count}} of {{.Name}}.":      "3 of Bob.",
		"{{.Evil}}!":                    "{{.Name}}%s<b>!", // what is filled in is not read again
		"{{.Nobody}} and {{.Name}}":     "{{.Nobody}} and Bob",
		"{{.Name":                       "{{.Name",
		"{{.{{.Name}}":                  "{{.Bob",
		"{{.Name}}}}":                   "Bob}}",
		"{fingerprint} of {{.Name}} {{": "{fingerprint} of Bob {{",
	} {
		if got := fill(sentence, []map[string]any{words}); got != want {
			t.Errorf("%q became %q, want %q", sentence, got, want)
		}
		if got := fill(sentence, nil); got != sentence {
			t.Errorf("%q without words became %q", sentence, got)
		}
	}
}

func FuzzFill(f *testing.F) {
	f.Add("Hello {{.Name}}", "Name", "Bob")
	f.Add("{{.{{.Name}}}}", "Name", "{{.Name}}")
	f.Fuzz(func(t *testing.T, sentence, name, word string) {
		got := fill(sentence, []map[string]any{{name: word}})
		if !strings.Contains(sentence, "{{."+name+"}}") && got != sentence {
			t.Errorf("%q became %q", sentence, got)
		}
	})
}

func TestClosest(t *testing.T) {
	before := languages
	defer func() { languages = before }()
	languages = []Language{{"en", ""}, {"de", ""}, {"ar", ""}}
	for _, test := range []struct {
		wanted []string
		want   string
	}{
		{nil, "en"},
		{[]string{"de-AT"}, "de"},
		{[]string{"ar-EG", "en"}, "ar"},
		{[]string{"fr-FR", "de"}, "de"},
		{[]string{"fi"}, "en"},
		{[]string{"C", "not a language", "de-DE"}, "de"},
		{[]string{"en-GB", "de"}, "en"},
	} {
		if got := closest(test.wanted); got != test.want {
			t.Errorf("for %q it speaks %q, want %q", test.wanted, got, test.want)
		}
	}
}

// TestForms promises the plural forms of CLDR.
func TestForms(t *testing.T) {
	read := func(tag string, forms ...string) *Table {
		file := map[string]map[string]string{"{{.Count}} book": {}}
		for _, f := range forms {
			file["{{.Count}} book"][f] = f + " {{.Count}}"
		}
		data, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		table, err := Read(tag, data)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	defer Use(nil)
	for _, test := range []struct {
		tag   string
		forms []string
		want  map[int]string
	}{
		{"en", []string{"one", "other"}, map[int]string{0: "other 0", 1: "one 1", 2: "other 2", 101: "other 101"}},
		{"de", []string{"one", "other"}, map[int]string{0: "other 0", 1: "one 1", 2: "other 2", -1: "one -1"}},
		{"ar", []string{"zero", "one", "two", "few", "many", "other"}, map[int]string{0: "zero 0", 1: "one 1", 2: "two 2", 3: "few 3", 10: "few 10",
			11: "many 11", 99: "many 99", 100: "other 100", 102: "other 102", 103: "few 103", 1000000: "other 1000000"}},
		{"ru", []string{"one", "few", "many", "other"}, map[int]string{1: "one 1", 3: "few 3", 5: "many 5", 11: "many 11", 21: "one 21"}},
		{"ar", []string{"other"}, map[int]string{2: "other 2"}}, // forms that are missing
	} {
		Use(read(test.tag, test.forms...))
		for count, want := range test.want {
			if got := N("{{.Count}} book", count, map[string]any{"Count": count}); got != want {
				t.Errorf("%s: %d is said as %q, want %q", test.tag, count, got, want)
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, file := range []string{``, `[]`, `{"a":1}`, `{"a":{"one":"x"}}`, `{"a":{"several":"x","other":"y"}}`, `{"a":{"other":2}}`} {
		if _, err := Read("en", []byte(file)); err == nil {
			t.Errorf("%q was taken for a language", file)
		}
	}
	if _, err := Read("no language", []byte(`{}`)); err == nil {
		t.Error("a tag that is none was taken")
	}
}

// TestSpeak promises that every language of the list can be spoken, and that what cannot be is English.
func TestSpeak(t *testing.T) {
	defer Use(nil)
	t.Setenv("LC_ALL", "en_US.UTF-8")
	t.Setenv("LANGUAGE", "")
	for _, l := range Languages() {
		if err := Speak(l.Tag); err != nil {
			t.Error(err)
		}
		if Tag() != l.Tag {
			t.Errorf("%s was chosen, and %s is spoken", l.Tag, Tag())
		}
		if RightToLeft() != (l.Tag == "ar") {
			t.Errorf("%s: from right to left is %v", l.Tag, RightToLeft())
		}
	}
	for _, tag := range []string{"", "xx", "../en"} {
		if err := Speak(tag); err != nil || Tag() != "en" {
			t.Errorf("for %q it speaks %s: %v", tag, Tag(), err)
		}
	}
}

var hole = regexp.MustCompile(`{{[^}]*}}|{[a-z]+}`)

func holes(s string) []string {
	found := hole.FindAllString(s, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// needed are the forms that a language tells apart for whole numbers.
func (t *Table) needed() map[plural.Form]bool {
	needed := map[plural.Form]bool{plural.Other: true}
	for count := range 1000 {
		needed[t.form(count)] = true
	}
	return needed
}

// TestTranslations promises that every language says everything that English says, with the same holes, in all its plural forms, and
// nothing else.
func TestTranslations(t *testing.T) {
	read := func(tag string) *Table {
		data, err := assets.Translations.ReadFile("translations/" + tag + ".json")
		if err != nil {
			t.Fatal(err)
		}
		table, err := Read(tag, data)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	en := read("en")
	for _, l := range Languages() {
		their := read(l.Tag)
		for key := range en.texts {
			said, ok := their.texts[key]
			switch {
			case !ok:
				t.Errorf("%s.json lacks %q", l.Tag, key)
			case said == "" || said != strings.TrimSpace(said):
				t.Errorf("%s.json says %q for %q", l.Tag, said, key)
			case !slices.Equal(holes(said), holes(key)):
				t.Errorf("%s.json has other holes for %q: %q", l.Tag, key, said)
			}
		}
		for key := range en.counts {
			for form := range their.needed() {
				said, ok := their.counts[key][form]
				if !ok || said == "" {
					t.Errorf("%s.json lacks plural form %d of %q", l.Tag, form, key)
				}
				for _, h := range holes(said) {
					if !slices.Contains(holes(key), h) {
						t.Errorf("%s.json has the hole %s for %q", l.Tag, h, key)
					}
				}
				// Zero, one and two may be said in words; what stands for many numbers has to say which.
				if many := form > plural.Two || form == plural.Other; many && !slices.Equal(holes(said), holes(key)) {
					t.Errorf("%s.json has other holes for %q: %q", l.Tag, key, said)
				}
			}
			for form := range their.counts[key] {
				if !their.needed()[form] {
					t.Errorf("%s.json has a plural form %d of %q, which the language does not know", l.Tag, form, key)
				}
			}
		}
		for key := range their.texts {
			if _, ok := en.texts[key]; !ok {
				t.Errorf("%s.json has %q, which nothing says", l.Tag, key)
			}
		}
		for key := range their.counts {
			if _, ok := en.counts[key]; !ok {
				t.Errorf("%s.json has forms of %q, which nothing says", l.Tag, key)
			}
		}
	}
}

// TestToolkit promises that the words of Fyne are there in every language, the same ones.
func TestToolkit(t *testing.T) {
	read := func(tag string) map[string]string {
		data, err := assets.Translations.ReadFile("translations/toolkit/" + tag + ".json")
		if err != nil {
			t.Fatal(err)
		}
		words := map[string]string{}
		if err := json.Unmarshal(data, &words); err != nil {
			t.Fatal(err)
		}
		return words
	}
	en := read("en")
	for _, l := range Languages() {
		their := read(l.Tag)
		for key := range en {
			if their[key] == "" {
				t.Errorf("toolkit/%s.json lacks %q", l.Tag, key)
			}
		}
		if len(their) != len(en) {
			t.Errorf("toolkit/%s.json has %d words, English %d", l.Tag, len(their), len(en))
		}
	}
}
