package model

import (
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

// TestEmoji promises that each emoji is one character to a person, stands once, and has a name in each language; the same in each tone.
func TestEmoji(t *testing.T) {
	seen := map[string]bool{}
	total, toned := 0, 0
	for _, g := range EmojiGroups() {
		for _, e := range g.Emoji {
			total++
			if seen[e.Text] {
				t.Errorf("%s stands twice", e.Text)
			}
			seen[e.Text] = true
			if len(e.names) != len(emojiLanguages) {
				t.Fatalf("%s has %d names", e.Text, len(e.names))
			}
			for i, n := range e.names {
				if n == "" {
					t.Errorf("%s has no name in %s", e.Text, emojiLanguages[i])
				}
			}
			for tone := range MostTones + 1 {
				if text := e.Tone(tone); uniseg.GraphemeClusterCount(text) != 1 || Body(text) != text {
					t.Errorf("%q in tone %d is not one character, or is not shown as it is", e.Text, tone)
				}
			}
			if e.Toned {
				toned++
				if e.Tone(3) == e.Text || !strings.Contains(e.Tone(3), "\U0001F3FD") {
					t.Errorf("%s has no tones", e.Text)
				}
			}
		}
	}
	if total < 1000 || toned < 50 || len(EmojiGroups()) != 9 {
		t.Errorf("%d emoji, %d of them with tones, in %d groups", total, toned, len(EmojiGroups()))
	}
}

func TestFindEmoji(t *testing.T) {
	for _, test := range []struct{ wanted, language, first string }{
		{"thumbs up", "en", "👍"},
		{"Daumen hoch", "de", "👍"},
		{"thumbs", "de", "👍"},
		{"UP thu", "en-GB", "👍"},
		{"قلب", "ar", "❤️"},
		{"germany", "en", "🇩🇪"},
		{"hand waves about", "en", ""},
		{"  ", "en", ""},
		{"umbs", "en", ""},
	} {
		found := FindEmoji(test.wanted, test.language)
		got := false
		for _, e := range found {
			got = got || e.Text == test.first
		}
		if got != (test.first != "") || test.first == "" && len(found) > 0 {
			t.Errorf("%q in %s finds %d emoji, %q among them: %v", test.wanted, test.language, len(found), test.first, got)
		}
	}
	if e := FindEmoji("thumbs up", "de")[0]; e.Name("de-AT") != "Daumen hoch" && !strings.Contains(e.Name("de-AT"), "Daumen") || e.Name("fr") != e.Name("en") {
		t.Errorf("named %q, %q", e.Name("de-AT"), e.Name("fr"))
	}
}
