package model

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzPlaces promises that Places finds something exactly where Search does, and that what it names is what was searched for, between
// characters of the text.
func FuzzPlaces(f *testing.F) {
	for _, tt := range []struct{ text, wanted, found string }{
		{"Tallis and TALLIS", "tallis", "Tallis|TALLIS"},
		{"aaaa", "aa", "aa|aa"},
		{"ﬁne fine", "fi", "ﬁ|fi"},
		{"Ｆｕｌｌ width", "full", "Ｆｕｌｌ"},
		{"cafe\u0301 café", "é", "e\u0301|é"},
		{"İstanbul", "stan", "stan"},
		{"Straße", "SS", ""},
		{"nothing", " ", ""},
		{"²2", "2", "²|2"},
		{"\xff a", "a", "a"},
	} {
		found := []string{}
		for _, p := range Places(tt.text, tt.wanted) {
			found = append(found, tt.text[p[0]:p[1]])
		}
		if got := strings.Join(found, "|"); got != tt.found {
			f.Errorf("%q in %q: %q, want %q", tt.wanted, tt.text, got, tt.found)
		}
		f.Add(tt.text, tt.wanted)
	}
	f.Fuzz(func(t *testing.T, text, wanted string) {
		places := Places(text, wanted)
		folded := Fold(strings.TrimSpace(wanted))
		if is := folded != "" && strings.Contains(Fold(text), folded); is != (len(places) > 0) {
			t.Fatalf("%q in %q: %v", wanted, text, places)
		}
		end := 0
		for _, p := range places {
			if p[0] < 0 || p[1] <= p[0] || p[1] > len(text) || p[1] < end || utf8.ValidString(text) && !utf8.ValidString(text[p[0]:p[1]]) {
				t.Fatalf("%q in %q: %v", wanted, text, places)
			}
			end = p[1]
			if !strings.Contains(Fold(text[p[0]:p[1]]), folded) {
				t.Fatalf("%q in %q: %q", wanted, text, text[p[0]:p[1]])
			}
		}
	})
}
