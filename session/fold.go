package session

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// comparing is how the two answers of a check are compared. Its values are those of a fellowCompare record.
type comparing byte

const (
	asTyped comparing = iota
	folded            // see Fold
)

// Fold is what is left of an answer where capital letters, spaces and punctuation do not count. The same answer typed by another person
// on another keyboard gives the same: one that looks alike is one (compatibility decomposition, UAX #15, and case folding). Both ends of a
// check must make it of the same rules, so these can never change. What comes back is new; wipe both.
func Fold(answer []byte) []byte {
	same := norm.NFKC.Bytes(cases.Fold().Bytes(norm.NFKC.Bytes(answer)))
	kept := bytes.Map(func(r rune) rune {
		if r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)) {
			return r
		}
		return -1
	}, same)
	clear(same)
	return kept
}
