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
	} {
		if got := weakness(test.question, test.answer, nil, lines); got != test.want {
			t.Errorf("%q, %q: %d, want %d", test.question, test.answer, got, test.want)
		}
	}
}
