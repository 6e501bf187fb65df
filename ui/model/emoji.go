package model

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"sync"

	"github.com/sotto-im/sotto/assets"
)

// An Emoji is one that can be chosen.
type Emoji struct {
	Text  string
	Toned bool // it has skin tones: see Tone
	names []string
	words []string // folded: what a search looks at, for each language
}

// An EmojiGroup is what stands on one page of the emoji.
type EmojiGroup struct {
	Name  string // in English, as Unicode calls it
	Emoji []Emoji
}

// emojiLanguages are those of the names, in the order of the file.
var emojiLanguages = []string{"en", "de", "ar"}

// EmojiGroups returns every emoji that can be chosen. They are read when they are first asked for.
var EmojiGroups = sync.OnceValue(func() []EmojiGroup {
	file, err := gzip.NewReader(bytes.NewReader(assets.Emoji))
	if err != nil {
		panic("model: internal error: emoji: " + err.Error())
	}
	text, err := io.ReadAll(file)
	if err != nil {
		panic("model: internal error: emoji: " + err.Error())
	}
	return parseEmoji(string(text))
})

func parseEmoji(file string) []EmojiGroup {
	var groups []EmojiGroup
	for line := range strings.Lines(file) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# "); ok {
			groups = append(groups, EmojiGroup{Name: name})
			continue
		}
		fields := strings.Split(line, "\t")
		e := Emoji{}
		e.Text, e.Toned = strings.CutPrefix(fields[0], "+")
		for _, f := range fields[1:] {
			name, words, _ := strings.Cut(f, "|")
			e.names = append(e.names, name)
			e.words = append(e.words, Fold(name+" "+words))
		}
		last := &groups[len(groups)-1]
		last.Emoji = append(last.Emoji, e)
	}
	return groups
}

// Name is what an emoji is called in a language, by its tag of BCP 47; in English where it has no name there.
func (e Emoji) Name(language string) string { return e.names[emojiLanguage(language)] }

func emojiLanguage(tag string) int {
	for i, l := range emojiLanguages {
		if tag == l || strings.HasPrefix(tag, l+"-") {
			return i
		}
	}
	return 0
}

// FindEmoji returns the emoji in whose name, or the words for them, every word begins that is searched for: those first that are called
// so. It looks at the names of a language and at the English ones.
func FindEmoji(wanted, language string) []Emoji {
	words := strings.Fields(Fold(wanted))
	if len(words) == 0 {
		return nil
	}
	in := emojiLanguage(language)
	var called, found []Emoji
	for _, g := range EmojiGroups() {
		for _, e := range g.Emoji {
			switch {
			case begin(Fold(e.names[in]), words):
				called = append(called, e)
			case begin(e.words[in], words), begin(e.words[0], words):
				found = append(found, e)
			}
		}
	}
	return append(called, found...)
}

// begin tells whether each of the words begins a word of text.
func begin(text string, words []string) bool {
	for _, w := range words {
		if !strings.HasPrefix(text, w) && !strings.Contains(text, " "+w) {
			return false
		}
	}
	return true
}

// MostTones is how many skin tones there are, from light to dark: 1 to MostTones.
const MostTones = 5

// Tone is the emoji in a skin tone; 0 is none.
func (e Emoji) Tone(tone int) string {
	if !e.Toned || tone < 1 || tone > MostTones {
		return e.Text
	}
	r := []rune(e.Text)
	return string(r[0]) + string(rune(0x1F3FA+tone)) + strings.TrimPrefix(string(r[1:]), "\uFE0F")
}
