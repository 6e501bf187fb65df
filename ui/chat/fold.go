package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What one bubble draws at once. A text of any length is read in pages of this size, of which a bubble shows the last few.
const (
	maxPageRunes = 4000
	maxPageLines = 100
	maxWordRunes = 500 // an unbroken run of this length gets a line break
	maxPages     = 3
	wordRoom     = 200 // bytes; a page ends between two words, where there is a space so near its end
)

// A character that is drawn on another one, or not at all, takes longer to set than one that is seen, and counts for more.
const (
	markWeight   = 3
	unseenWeight = 20
)

// page cuts one page out of text, from the byte offset from, and tells where the next one begins: len(text) after the last.
func page(text string, from int) (words string, next int) {
	var (
		runes, lines, word = 0, 1, 0
		cut                []byte // nil as long as nothing had to be put in
		kept               = from // text[kept:i] is not in cut yet
	)
	i := from
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		if runes >= maxPageRunes || r == '\n' && lines == maxPageLines {
			if at := strings.LastIndexByte(text[kept:i], ' ') + 1; r != '\n' && at > 0 && i-kept-at < wordRoom {
				i = kept + at // between two words
			}
			break
		}
		runes += weight(r)
		switch {
		case r == '\n':
			lines++
			word = 0
		case unicode.IsSpace(r):
			word = 0
		default:
			word++
		}
		if word > maxWordRunes {
			if lines == maxPageLines {
				break
			}
			cut = append(append(cut, text[kept:i]...), '\n')
			kept = i
			lines++
			word = 1
		}
		i += size
	}
	if i < len(text) && text[i] == '\n' {
		next = i + 1 // the line break is the border between the pages
	} else {
		next = i
	}
	if cut == nil {
		return text[from:i], next
	}
	return string(append(cut, text[kept:i]...)), next
}

// Clip is the beginning of a text from outside, of at most so many characters and lines, with … where it goes on. It is for words of
// others inside a sentence of ours or a window of ours, which must not grow with them.
func Clip(text string, runes, lines int) string {
	seen, line := 0, 1
	for i, r := range text {
		if r == '\n' {
			line++
		}
		seen += weight(r)
		if seen > runes || line > lines {
			return text[:i] + "…"
		}
	}
	return text
}

func weight(r rune) int {
	switch {
	case r < unicode.MaxLatin1:
		return 1
	case unicode.Is(unicode.Cf, r):
		return unseenWeight
	case unicode.In(r, unicode.Mn, unicode.Me):
		return markWeight
	}
	return 1
}

// pages are the pages of one text that are shown: those that begin at starts[first:first+shown].
type pages struct {
	starts       []int
	first, shown int
}

func firstPage() pages { return pages{starts: []int{0}, shown: 1} }

// words are the pages that are shown, and where the text goes on.
func (p pages) words(text string) (shown []string, next int) {
	for _, start := range p.starts[p.first : p.first+p.shown] {
		var words string
		words, next = page(text, min(start, len(text)))
		shown = append(shown, words)
	}
	return shown, next
}

// more shows one page more, and drops the first where there would be too many.
func (p pages) more(text string) pages {
	last := p.first + p.shown - 1
	if last+1 == len(p.starts) {
		_, next := page(text, p.starts[last])
		if next >= len(text) {
			return p
		}
		p.starts = append(p.starts[:last+1:last+1], next)
	}
	p.shown++
	if p.shown > maxPages {
		p.first++
		p.shown--
	}
	return p
}

// earlier shows the page before, and drops the last where there would be too many.
func (p pages) earlier() pages {
	if p.first == 0 {
		return p
	}
	p.first--
	if p.shown < maxPages {
		p.shown++
	}
	return p
}
