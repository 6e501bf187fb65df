package access

import (
	"strings"

	"github.com/rivo/uniseg"
)

// A span is a piece of a text, from a character up to but not including another.
type span struct{ from, to int }

// unit is the kind of piece a reader asks for.
type unit uint8

const (
	byCharacter unit = iota
	byWord           // with the space and marks after it
	bySentence
	byLine // as it was written: how it is wrapped on the screen is not known
)

// spans cuts a text into pieces that follow each other without a gap.
func spans(text string, u unit) []span {
	var all []span
	at := 0
	put := func(piece string) {
		length := len([]rune(piece))
		all = append(all, span{at, at + length})
		at += length
	}
	state := -1
	for text != "" {
		var piece string
		switch u {
		case byCharacter:
			piece, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		case byWord:
			piece, text, state = uniseg.FirstWordInString(text, state)
			if len(all) > 0 && !wordy(piece) {
				length := len([]rune(piece))
				all[len(all)-1].to += length
				at += length
				continue
			}
		case bySentence:
			piece, text, state = uniseg.FirstSentenceInString(text, state)
		case byLine:
			end := strings.IndexByte(text, '\n') + 1
			if end == 0 {
				end = len(text)
			}
			piece, text = text[:end], text[end:]
		}
		put(piece)
	}
	return all
}

// wordy is true for a piece that one would call a word.
func wordy(piece string) bool {
	return strings.IndexFunc(piece, func(r rune) bool {
		return r > ' ' && !strings.ContainsRune(".,;:!?()[]{}\"'«»„“”-–—/\u00a0", r)
	}) >= 0
}

// spanAt is the piece with the character at offset in it; at the end of the text it is the empty piece there.
func spanAt(text string, u unit, offset int) span {
	end := 0
	for _, s := range spans(text, u) {
		if s.from <= offset && offset < s.to {
			return s
		}
		end = s.to
	}
	return span{end, end}
}

// spanBefore and spanAfter are the neighbours of spanAt.
func spanBefore(text string, u unit, offset int) span {
	here := spanAt(text, u, offset)
	if here.from == 0 {
		return span{}
	}
	return spanAt(text, u, here.from-1)
}

func spanAfter(text string, u unit, offset int) span {
	return spanAt(text, u, spanAt(text, u, offset).to)
}

// cut is the text from one character up to another; -1 stands for the end.
func cut(text string, from, to int) string {
	runes := []rune(text)
	if to < 0 || to > len(runes) {
		to = len(runes)
	}
	from = min(max(from, 0), to)
	return string(runes[from:to])
}
