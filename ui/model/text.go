package model

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// The bounds of what a text from outside may do to a window.
const (
	maxName      = 64  // user-perceived characters of a name or a status
	maxLast      = 120 // runes of the last words in the list
	maxMarks     = 3   // combining marks on one character
	maxBlank     = 20  // empty lines in a row
	maxFoldBytes = 1024
)

// Name makes a name or a status from outside fit to be shown on one line: nothing invisible, nothing that turns the direction
// of the text, none of the signs that the lock is drawn with, no more than 64 characters.
func Name(s string) string {
	if len(s) > maxFoldBytes {
		s = s[:maxFoldBytes]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unseen(r), looksLikeMark(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = norm.NFC.String(capMarks(strings.Join(strings.Fields(s), " ")))
	return firstGraphemes(s, maxName)
}

// Body makes a message fit to be shown: what turns the direction of the text becomes a visible box, piles of combining marks
// and of empty lines are cut.
func Body(s string) string {
	if s == "" {
		return ""
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case turnsDirection(r):
			return []rune(turned)[0]
		case unicode.Is(unicode.Cc, r), r >= 0xE0000 && r <= 0xE007F:
			return -1
		case r == '\u2028' || r == '\u2029':
			return '\n'
		}
		return r
	}, s)
	return strings.TrimRight(foldBlank(capMarks(s)), " \t\n")
}

// OneLine is the beginning of a message on one line.
func OneLine(s string) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.FieldsFunc(s, unicode.IsSpace) {
		if n > 0 {
			b.WriteByte(' ')
		}
		for _, r := range word {
			if n++; n > maxLast {
				return b.String() + "…"
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// turned stands where a character was that turns the direction of the text.
const turned = "\u25A1"

func turnsDirection(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// unseen tells whether r shows nothing or belongs to no script: controls, format characters, private use, line and paragraph
// separators, variation selectors, fillers.
func unseen(r rune) bool {
	switch {
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Variation_Selector):
		return true
	case r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, r == 0x2800:
		return true
	}
	return false
}

// looksLikeMark tells whether r could be taken for one of our marks: locks, keys, ticks, crosses, shields, discs, warnings.
func looksLikeMark(r rune) bool {
	switch {
	case r >= 0x1F50F && r <= 0x1F513, r == 0x1F511, r == 0x1F5DD, r == 0x1F6E1, r == 0x26E8:
		return true
	case r >= 0x2713 && r <= 0x2718, r == 0x2705, r == 0x2611, r == 0x2612, r == 0x221A, r >= 0x1F5F8 && r <= 0x1F5F9:
		return true
	case r >= 0x26C9 && r <= 0x26CA, r == 0x26BF, r == 0x237B, r == 0x10102, r == 0x1F6C7:
		return true
	case r == 0x25C9, r == 0x25CD, r == 0x25EF, r == 0x2B24, r == 0x2B55:
		return true
	case r == 0x26A0, r == 0x274C, r == 0x274E, r == 0x26D4, r == 0x1F6AB:
		return true
	case r == 0x25CF, r == 0x25CB, r == 0x26AA, r == 0x26AB, r >= 0x1F534 && r <= 0x1F535, r >= 0x1F7E0 && r <= 0x1F7E4:
		return true
	}
	return false
}

func capMarks(s string) string {
	marks := 0
	return strings.Map(func(r rune) rune {
		if !unicode.In(r, unicode.Mn, unicode.Me) {
			marks = 0
			return r
		}
		if marks++; marks > maxMarks {
			return -1
		}
		return r
	}, s)
}

func foldBlank(s string) string {
	var b strings.Builder
	blank := 0
	for line := range strings.SplitSeq(s, "\n") {
		if strings.TrimSpace(line) == "" {
			blank++
		} else {
			blank = 0
		}
		if blank > maxBlank {
			continue
		}
		if b.Len() > 0 || blank > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line)
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// Short is the beginning of a name, at most n user-perceived characters.
func Short(name string, n int) string { return firstGraphemes(name, n) }

func firstGraphemes(s string, n int) string {
	state, rest := -1, s
	for range n {
		if rest == "" {
			return s
		}
		_, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
	}
	if rest == "" {
		return s
	}
	return strings.TrimSpace(s[:len(s)-len(rest)]) + "…"
}

// Fold makes texts comparable for a search.
func Fold(s string) string {
	return strings.ToLower(norm.NFKC.String(s))
}

// Places are where in a text something stands that was searched for, as Fold makes them comparable: from a byte of the text up to another,
// one after the other.
func Places(text, wanted string) [][2]int {
	wanted = Fold(strings.TrimSpace(wanted))
	if wanted == "" {
		return nil
	}
	var (
		folded strings.Builder
		of     [][2]int // the bytes of text that each byte of folded was made of
	)
	for from := 0; from < len(text); {
		to := from + norm.NFKC.NextBoundaryInString(text[from:], true)
		part := Fold(text[from:to])
		folded.WriteString(part)
		for range len(part) {
			of = append(of, [2]int{from, to})
		}
		from = to
	}
	var places [][2]int
	for begin := 0; ; {
		at := strings.Index(folded.String()[begin:], wanted)
		if at < 0 {
			return places
		}
		begin += at + len(wanted)
		places = append(places, [2]int{of[begin-len(wanted)][0], of[begin-1][1]})
	}
}

// lookalikes are letters of other scripts that most fonts draw like a Latin one.
var lookalikes = map[rune]rune{
	'а': 'a', 'в': 'b', 'с': 'c', 'е': 'e', 'ё': 'e', 'н': 'h', 'і': 'i', 'ї': 'i', 'ј': 'j', 'к': 'k', 'ӏ': 'l', 'м': 'm', 'о': 'o', 'р': 'p',
	'ѕ': 's', 'т': 't', 'у': 'y', 'х': 'x', 'ԁ': 'd', 'ԛ': 'q', 'ԝ': 'w', 'г': 'r', 'п': 'n', 'һ': 'h',
	'α': 'a', 'β': 'b', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'μ': 'u', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x', 'ω': 'w',
	'ı': 'i', 'ɑ': 'a', 'ɡ': 'g', '0': 'o', '1': 'l', '|': 'l', 'i': 'l',
}

// skeleton is the same for names that could be taken for one another. It is a small part of what UTS 39 describes, enough to
// decide that an address must be shown.
func skeleton(s string) string {
	return strings.Map(func(r rune) rune {
		if l, ok := lookalikes[r]; ok {
			r = l
		}
		if l, ok := lookalikes[r]; ok {
			r = l
		}
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, strings.ToLower(norm.NFKD.String(s)))
}

// mixesScripts tells whether Latin, Cyrillic and Greek letters stand in one name.
func mixesScripts(s string) bool {
	var seen [3]bool
	for _, r := range s {
		for i, script := range []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek} {
			seen[i] = seen[i] || unicode.Is(script, r)
		}
	}
	n := 0
	for _, yes := range seen {
		if yes {
			n++
		}
	}
	return n > 1
}
