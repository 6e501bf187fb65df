package ui

import (
	"testing"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/model"
)

func TestWeakness(t *testing.T) {
	lines := []model.Line{{Entry: session.Entry{Text: "We ate at Da Luigi!"}}}
	for _, test := range []struct {
		question, answer string
		want             weak
	}{
		{"Where did we have dinner?", "", notWeak},
		{"Where did we have dinner?", "the old mill", notWeak},
		{"Where did we have dinner?", "…", notWeak},
		{"Are you Bob?", "Yes", weakShort},
		{"Шутка?", "да", weakShort},
		{"When were you born?", "24.12.1971", weakNumber},
		{"In which year?", "1999", weakNumber},
		{"What is the number on my card?", "4929 1234 5678", notWeak},
		{"Was it in Paris or in Rome?", "paris", weakAsked},
		{"Where did we have dinner?", "DA  LUIGI", weakSaid},
		{"", "da-luigi", weakSaid},
		{"Where did we meet?", "부산", weakShort},
		{"Which colour was it?", "Yéllow", weakCommon},
	} {
		if got := weakness(test.question, test.answer, nil, lines); got != test.want {
			t.Errorf("%q, %q: %d, want %d", test.question, test.answer, got, test.want)
		}
	}
}

// TestWeakInAHurry: what everybody would try stays so without the marks that one may leave out on a keyboard.
func TestWeakInAHurry(t *testing.T) {
	defer speak(t, "en")
	for tag, answers := range map[string][]string{"de": {"Grün", "gru\u0308n", "MÄRZ", "marz"}, "ar": {"احمر", "أحمر", "أَحْمَر", "الاحد", "لا شيء"}} {
		speak(t, tag)
		for _, a := range answers {
			if got := weakness("", a, nil, nil); got != weakCommon {
				t.Errorf("%s: %q: %d", tag, a, got)
			}
		}
	}
}
