package ui

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

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
	weakCommon      // one of the things that many would try
	weakName        // a name or an address of one of the two
)

const (
	shortAnswer  = 3 // characters
	shortNumber  = 8 // digits: a date with its year
	searchedBack = 500
)

// weakness looks at an answer before it is sent. names are those of the two people, lines is the conversation so far.
func weakness(question, answer string, names []string, lines []model.Line) weak {
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
	case slices.ContainsFunc(commonAnswers(), func(s string) bool { return folded(s) == plain }):
		return weakCommon
	case slices.ContainsFunc(names, func(s string) bool { return s != "" && folded(s) == plain }):
		return weakName
	}
	for _, l := range lines[max(0, len(lines)-searchedBack):] {
		if strings.Contains(folded(l.Entry.Text), plain) {
			return weakSaid
		}
	}
	return notWeak
}

// folded is what is left of a text without case, spaces and punctuation, and without the marks that many leave out: what is easy to guess
// does not become hard by a missing hamza.
func folded(s string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFD.String(s)))
}

// commonAnswers are what somebody tries who does not know the answer. A translation may choose others; commas separate them.
func commonAnswers() []string {
	return listen(lang.L("yes, no, red, green, blue, yellow, black, white, orange, purple, pink, brown, monday, tuesday, wednesday, thursday, friday, saturday, sunday, january, february, march, april, may, june, july, august, september, october, november, december, summer, winter, spring, autumn, home, work, school, cat, dog, pizza, coffee, tea, beer, wine, love, password, secret, hello, test, london, paris, berlin, new york, mother, father, me, you, nobody, nothing, everything, happy birthday, i love you"))
}

func weakWords(w weak) string {
	switch w {
	case weakShort:
		return lang.L("This is so short that it could be guessed.")
	case weakNumber:
		return lang.L("A number or a date could be guessed.")
	case weakAsked:
		return lang.L("The question gives this answer away.")
	case weakCommon:
		return lang.L("Many people would try this first.")
	case weakName:
		return lang.L("This is a name or an address of one of you: whoever stands between you knows it.")
	case weakSaid:
		return lang.L("This was written in this conversation: whoever reads along would know it.")
	}
	return ""
}
