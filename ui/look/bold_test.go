package look

import (
	"testing"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// TestBold: every letter that is set without the pictures of emoji looks as it does with them.
func TestBold(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(Theme{})
	for _, r := range plainLetters.R16 {
		for c := rune(r.Lo); c <= rune(r.Hi); c++ {
			word := "a" + string(c) + "b"
			if !unicode.IsPrint(c) {
				continue
			}
			got, want := fyne.MeasureText(word, 14, Bold(word)), fyne.MeasureText(word, 14, fyne.TextStyle{Bold: true})
			if got != want {
				t.Errorf("%q takes %v, with all fonts %v", c, got, want)
			}
		}
	}
	for _, word := range []string{"Robin 🌸", "غادة", "山田", "✓"} {
		if got := Bold(word); got != (fyne.TextStyle{Bold: true}) {
			t.Errorf("%s is set in %+v", word, got)
		}
	}
}
