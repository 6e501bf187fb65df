package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/model"
)

// A weak is a reason why somebody who stands between two people could give the right answer.
type weak uint8

const (
	notWeak    weak = iota
	weakShort       // few enough to try them all in one's head
	weakNumber      // a year, a date, a room
	weakAsked       // the question gives it away
	weakSaid        // it was written in this conversation
)

const (
	shortAnswer  = 3 // characters
	shortNumber  = 8 // digits: a date with its year
	searchedBack = 500
)

// weakness looks at an answer before it is sent. lines is the conversation so far.
func weakness(question, answer string, lines []model.Line) weak {
	plain := folded(answer)
	switch {
	case plain == "":
		return notWeak
	case utf8.RuneCountInString(plain) <= shortAnswer:
		return weakShort
	case len(plain) <= shortNumber && strings.Trim(plain, "0123456789") == "":
		return weakNumber
	case strings.Contains(folded(question), plain):
		return weakAsked
	}
	for _, l := range lines[max(0, len(lines)-searchedBack):] {
		if strings.Contains(folded(l.Entry.Text), plain) {
			return weakSaid
		}
	}
	return notWeak
}

// folded is what is left of a text without case, spaces and punctuation.
func folded(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

func weakWords(w weak) string {
	switch w {
	case weakShort:
		return lang.L("This is so short that it could be guessed.")
	case weakNumber:
		return lang.L("A number or a date could be guessed.")
	case weakAsked:
		return lang.L("The question gives this answer away.")
	case weakSaid:
		return lang.L("This was written in this conversation: whoever reads along would know it.")
	}
	return ""
}
