package look

import (
	"strings"

	"golang.org/x/text/unicode/bidi"
)

// The toolkit draws the parts of a line one after the other from the left, each as its own letters run. Where a line is written from the
// right, or has parts of both kinds, they would stand in the wrong order: two sentences the second first, a full stop before its sentence.
// Visual puts the parts of a line in the order in which they are seen, by the rules of Unicode (UAX #9), and keeps them apart with marks
// that have no width.

// keepsApart is the left-to-right mark: it takes no room, and what stands beside it does not run with what stands behind it.
const keepsApart = '\u200e'

// RightToLeft tells whether a text begins with a letter that is written from the right (UAX #9, P2 and P3).
func RightToLeft(text string) bool {
	for _, r := range text {
		switch class(r) {
		case bidi.L:
			return false
		case bidi.R, bidi.AL:
			return true
		}
	}
	return false
}

// hasRightToLeft tells whether anything in a text is written from the right.
func hasRightToLeft(text string) bool {
	for _, r := range text {
		if r >= firstRightToLeft {
			if c := class(r); c == bidi.R || c == bidi.AL {
				return true
			}
		}
	}
	return false
}

// firstRightToLeft is where Hebrew begins: everything before it is written from the left.
const firstRightToLeft = '\u0590'

// Visual is one line as the toolkit has to be given it. fromRight tells how its paragraph is written.
func Visual(line string, fromRight bool) string {
	if !hasRightToLeft(line) {
		return line
	}
	runes := []rune(line)
	levels := levelsOf(runes, fromRight)
	var out strings.Builder
	for _, run := range reordered(levels) {
		part := runes[run.from:run.to]
		if levels[run.from]%2 == 0 {
			out.WriteRune(keepsApart)
			out.WriteString(string(part))
			continue
		}
		for end := len(part); end > 0; {
			from := end - 1
			letters := joins(part, from)
			for from > 0 && joins(part, from-1) == letters {
				from--
			}
			out.WriteRune(keepsApart)
			out.WriteString(asSeen(part[from:end], letters))
			end = from
		}
	}
	return out.String()
}

// AsRead is Visual for a line that stands alone.
func AsRead(line string) string { return Visual(line, fromTheRight(line)) }

// joins tells whether a sign belongs to the letters that are drawn together, and from the right by the toolkit itself: a letter, a mark on
// one, or the space between two words.
func joins(part []rune, i int) bool {
	if part[i] == ' ' {
		return i > 0 && i+1 < len(part) && letter(part[i-1]) && letter(part[i+1])
	}
	return letter(part[i])
}

func letter(r rune) bool {
	switch class(r) {
	case bidi.R, bidi.AL, bidi.NSM:
		return true
	}
	return false
}

// asSeen is a piece of a part that is written from the right: letters as they are, and other signs in their order from the left, brackets
// turned round.
func asSeen(piece []rune, letters bool) string {
	if letters {
		return string(piece)
	}
	turned := make([]rune, len(piece))
	for i, r := range piece {
		if m, ok := turnedRound[r]; ok {
			r = m
		}
		turned[len(piece)-1-i] = r
	}
	return string(turned)
}

// turnedRound are the signs that look the other way in what is written from the right (BidiMirroring.txt, those that texts have).
var turnedRound = map[rune]rune{'(': ')', ')': '(', '[': ']', ']': '[', '{': '}', '}': '{', '<': '>', '>': '<', '«': '»', '»': '«', '‹': '›', '›': '‹'}

func class(r rune) bidi.Class {
	p, _ := bidi.LookupRune(r)
	return p.Class()
}

// levelsOf are the embedding levels of a line (UAX #9, W1 to L1). Marks that embed and isolate have been taken out of texts before, so
// that there is one level to begin with.
func levelsOf(runes []rune, fromRight bool) []uint8 {
	base, around := uint8(0), bidi.L
	if fromRight {
		base, around = 1, bidi.R
	}
	classes := make([]bidi.Class, len(runes))
	for i, r := range runes {
		classes[i] = class(r)
	}
	original := append([]bidi.Class(nil), classes...)
	weak(classes, around)
	neutral(classes, around)
	levels := make([]uint8, len(runes))
	for i, c := range classes {
		levels[i] = base
		switch {
		case base == 0 && c == bidi.R:
			levels[i] = 1
		case base == 0 && number(c):
			levels[i] = 2
		case base == 1 && c != bidi.R:
			levels[i] = 2
		}
	}
	for i := len(levels) - 1; i >= 0 && (original[i] == bidi.WS || original[i] == bidi.S || original[i] == bidi.B); i-- {
		levels[i] = base
	}
	return levels
}

func number(c bidi.Class) bool { return c == bidi.EN || c == bidi.AN }

// weak resolves what depends on the letters before it (W1 to W7).
func weak(classes []bidi.Class, around bidi.Class) {
	before, strong := around, around
	for i, c := range classes {
		switch c {
		case bidi.NSM:
			classes[i] = before // W1
		case bidi.EN:
			if strong == bidi.AL {
				classes[i] = bidi.AN // W2
			}
		}
		before = classes[i]
		if c == bidi.L || c == bidi.R || c == bidi.AL {
			strong = c
		}
	}
	for i, c := range classes {
		if c == bidi.AL {
			classes[i] = bidi.R // W3
		}
	}
	for i := 1; i+1 < len(classes); i++ { // W4
		left, right := classes[i-1], classes[i+1]
		if left == right && (left == bidi.EN && (classes[i] == bidi.ES || classes[i] == bidi.CS) || left == bidi.AN && classes[i] == bidi.CS) {
			classes[i] = left
		}
	}
	for i := 0; i < len(classes); i++ { // W5
		if classes[i] != bidi.ET {
			continue
		}
		end := i
		for end < len(classes) && classes[end] == bidi.ET {
			end++
		}
		if i > 0 && classes[i-1] == bidi.EN || end < len(classes) && classes[end] == bidi.EN {
			for j := i; j < end; j++ {
				classes[j] = bidi.EN
			}
		}
		i = end - 1
	}
	strong = around
	for i, c := range classes {
		switch c {
		case bidi.ES, bidi.ET, bidi.CS:
			classes[i] = bidi.ON // W6
		case bidi.L, bidi.R:
			strong = c
		case bidi.EN:
			if strong == bidi.L {
				classes[i] = bidi.L // W7
			}
		}
	}
}

// neutral gives what is between letters their direction, or that of the line (N1, N2).
func neutral(classes []bidi.Class, around bidi.Class) {
	direction := func(c bidi.Class) bidi.Class {
		if number(c) {
			return bidi.R
		}
		return c
	}
	settled := func(c bidi.Class) bool { return c == bidi.L || c == bidi.R || number(c) }
	for i := 0; i < len(classes); i++ {
		if settled(classes[i]) {
			continue
		}
		end := i
		for end < len(classes) && !settled(classes[end]) {
			end++
		}
		left, right := around, around
		if i > 0 {
			left = direction(classes[i-1])
		}
		if end < len(classes) {
			right = direction(classes[end])
		}
		become := around
		if left == right {
			become = left
		}
		for j := i; j < end; j++ {
			classes[j] = become
		}
		i = end - 1
	}
}

// A stretch is a part of a line with one level.
type stretch struct{ from, to int }

// reordered are the parts of a line from left to right (L2).
func reordered(levels []uint8) []stretch {
	var parts []stretch
	highest := uint8(0)
	for i, l := range levels {
		if i == 0 || l != levels[i-1] {
			parts = append(parts, stretch{i, i})
		}
		parts[len(parts)-1].to = i + 1
		highest = max(highest, l)
	}
	for level := highest; level > 0; level-- {
		for i := 0; i < len(parts); i++ {
			end := i
			for end < len(parts) && levels[parts[end].from] >= level {
				end++
			}
			for a, b := i, end-1; a < b; a, b = a+1, b-1 {
				parts[a], parts[b] = parts[b], parts[a]
			}
			i = max(i, end-1)
		}
	}
	return parts
}
