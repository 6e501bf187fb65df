// Command emoji makes assets/emoji.gz from the data of the Unicode Consortium, as the Debian packages unicode-data and
// unicode-cldr-core bring it:
//
//	go run ./.ci/emoji /usr/share/unicode >assets/emoji.gz
//
// Of all emoji it takes those that the font which comes with Fyne draws, so that nobody chooses an empty box. Each has a line: the emoji,
// with a + before it where it has skin tones, then for each language its name and the words by which it is found. To read it: zcat assets/emoji.gz.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fyne.io/fyne/v2/theme"
	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
)

var languages = []string{"en", "de", "ar"}

const variation = "\uFE0F"

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: emoji DIRECTORY, which holds emoji/ and cldr/")
	}
	face, err := font.ParseTTF(bytes.NewReader(theme.DefaultEmojiFont().Content()))
	check(err)
	names := make([]map[string]annotation, len(languages))
	for i, l := range languages {
		names[i] = annotations(os.Args[1], l)
	}
	f, err := os.Open(filepath.Join(os.Args[1], "emoji", "emoji-test.txt"))
	check(err)
	out, err := gzip.NewWriterLevel(os.Stdout, gzip.BestCompression)
	check(err)
	lines := bufio.NewScanner(f)
	var all []string
	inGroup := map[string]string{}
	group := ""
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "# group: "); ok {
			group = name
		}
		code, rest, ok := strings.Cut(line, ";")
		if !ok || !strings.HasPrefix(strings.TrimSpace(rest), "fully-qualified") {
			continue
		}
		e := ""
		for hex := range strings.FieldsSeq(code) {
			r, err := strconv.ParseUint(hex, 16, 32)
			check(err)
			e += string(rune(r))
		}
		all = append(all, e)
		inGroup[e] = group
	}
	check(lines.Err())
	known := map[string]bool{}
	for _, e := range all {
		known[e] = true
	}
	last := ""
	for _, e := range all {
		if strings.ContainsFunc(e, isTone) || strings.ContainsFunc(e, isTag) || !draws(face, e) || inGroup[e] == "Component" {
			continue
		}
		if inGroup[e] != last {
			last = inGroup[e]
			fmt.Fprintln(out, "# "+last)
		}
		line := e
		if tones(face, known, e) {
			line = "+" + e
		}
		for i := range languages {
			a := names[i][strings.ReplaceAll(e, variation, "")]
			line += "\t" + a.name + "|" + strings.Join(a.words(), " ")
		}
		fmt.Fprintln(out, line)
	}
	check(out.Close())
}

type annotation struct {
	name  string
	found []string
}

// words are those by which an emoji is found besides its name.
func (a annotation) words() []string {
	var words []string
	for _, f := range a.found {
		for w := range strings.FieldsSeq(f) {
			if !slices.Contains(words, w) && !slices.Contains(strings.Fields(a.name), w) {
				words = append(words, w)
			}
		}
	}
	return words
}

func annotations(dir, lang string) map[string]annotation {
	all := map[string]annotation{}
	for _, kind := range []string{"annotations", "annotationsDerived"} {
		data, err := os.ReadFile(filepath.Join(dir, "cldr", "common", kind, lang+".xml"))
		check(err)
		var file struct {
			Annotations []struct {
				Of   string `xml:"cp,attr"`
				Type string `xml:"type,attr"`
				Text string `xml:",chardata"`
			} `xml:"annotations>annotation"`
		}
		check(xml.Unmarshal(data, &file))
		for _, x := range file.Annotations {
			a := all[x.Of]
			if x.Type == "tts" {
				a.name = x.Text
			} else {
				for f := range strings.SplitSeq(x.Text, "|") {
					a.found = append(a.found, strings.TrimSpace(f))
				}
			}
			all[x.Of] = a
		}
	}
	return all
}

func isTone(r rune) bool { return r >= 0x1F3FB && r <= 0x1F3FF }

// isTag tells of the invisible characters that some flags are made of: Sotto shows none in messages.
func isTag(r rune) bool { return r >= 0xE0000 && r <= 0xE007F }

// toned is an emoji in a skin tone: the modifier stands behind its first character, in place of a variation selector.
func toned(e string, tone rune) string {
	r := []rune(e)
	rest := strings.TrimPrefix(string(r[1:]), variation)
	return string(r[0]) + string(tone) + rest
}

func tones(face *font.Face, known map[string]bool, e string) bool {
	for tone := rune(0x1F3FB); tone <= 0x1F3FF; tone++ {
		if t := toned(e, tone); !known[t] || !draws(face, t) {
			return false
		}
	}
	return true
}

// draws tells whether the font has one glyph for the whole of an emoji.
func draws(face *font.Face, e string) bool {
	text := []rune(e)
	shaped := (&shaping.HarfbuzzShaper{}).Shape(shaping.Input{
		Text: text, RunEnd: len(text), Face: face, Size: 16 << 6, Direction: di.DirectionLTR, Script: language.Common, Language: "en",
	})
	seen := 0
	for _, g := range shaped.Glyphs {
		if g.GlyphID == 0 {
			return false
		}
		if g.Advance != 0 {
			seen++
		}
	}
	return seen == 1
}

func check(err error) {
	if err != nil {
		log.Fatal("emoji: ", err)
	}
}
