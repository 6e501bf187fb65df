package look

import (
	"unicode"

	"fyne.io/fyne/v2"
)

// plainLetters are those that the bold font has itself: Latin, Greek and Cyrillic, and the punctuation between them.
var plainLetters = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x0020, Hi: 0x007E, Stride: 1}, {Lo: 0x00A0, Hi: 0x02AF, Stride: 1}, {Lo: 0x0400, Hi: 0x04FF, Stride: 1}, {Lo: 0x1E00, Hi: 0x1EFF, Stride: 1},
	{Lo: 0x2010, Hi: 0x2027, Stride: 1}, {Lo: 0x2030, Hi: 0x203A, Stride: 1},
}, LatinOffset: 1}

// Bold is the style of words in bold. For each style in use the toolkit reads its pictures of emoji once more and keeps them, 5 MB each; so
// words that need none have the style of symbols, which comes without them, and for which our theme has the bold font.
func Bold(words string) fyne.TextStyle {
	for _, r := range words {
		if !unicode.Is(plainLetters, r) {
			return fyne.TextStyle{Bold: true}
		}
	}
	return fyne.TextStyle{Symbol: true}
}
