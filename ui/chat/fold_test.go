package chat

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile are texts that would hold up a window that drew them whole.
var hostile = map[string]string{
	"50,000 line breaks":     strings.Repeat("\n", 50_000),
	"250 KB on one line":     strings.Repeat("x", 250_000),
	"250 KB of short words":  strings.Repeat("ab ", 83_000),
	"20,000 combining marks": "e" + strings.Repeat("\u0301", 20_000),
	"250,000 line breaks":    strings.Repeat("a\n", 125_000),
	"wide characters":        strings.Repeat("界", 80_000),
	"emoji":                  strings.Repeat("👩‍👩‍👧‍👦", 8_000),
	"zero width":             strings.Repeat("\u200d\u200b", 40_000),
	"right to left":          strings.Repeat("שלום עולם ", 12_000),
	"invalid UTF-8":          strings.Repeat("\xff\xc3(", 60_000),
}

// readThrough returns all pages of a text.
func readThrough(t *testing.T, text string) []string {
	t.Helper()
	var pages []string
	for at := 0; ; {
		words, next := page(text, at)
		pages = append(pages, words)
		if next >= len(text) {
			return pages
		}
		if next <= at {
			t.Fatalf("page at %d goes on at %d", at, next)
		}
		at = next
	}
}

func checkPages(t *testing.T, text string) {
	t.Helper()
	pages := readThrough(t, text)
	for i, words := range pages {
		if n := utf8.RuneCountInString(words); n > maxPageRunes+maxPageLines {
			t.Fatalf("page %d has %d characters", i, n)
		}
		if n := strings.Count(words, "\n") + 1; n > maxPageLines {
			t.Fatalf("page %d has %d lines", i, n)
		}
		for word := range strings.FieldsSeq(words) {
			if n := utf8.RuneCountInString(word); n > maxWordRunes {
				t.Fatalf("page %d has an unbroken run of %d characters", i, n)
			}
		}
	}
	breaks := func(s string) string { return strings.ReplaceAll(s, "\n", "") }
	if breaks(strings.Join(pages, "")) != breaks(text) {
		t.Fatal("the pages together are not the text")
	}
}

func TestPages(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) { checkPages(t, text) })
	}
}

func TestPageOfAShortText(t *testing.T) {
	for _, text := range []string{"", "see you at six", "a\nb\n", strings.Repeat("word ", 700), strings.Repeat("a\n", 99)} {
		words, next := page(text, 0)
		if words != text || next != len(text) {
			t.Errorf("%d bytes: %d shown, next %d", len(text), len(words), next)
		}
	}
}

func FuzzPages(f *testing.F) {
	for _, text := range hostile {
		f.Add(text[:min(len(text), 20_000)])
	}
	f.Fuzz(checkPages)
}

func TestPagesGoBothWays(t *testing.T) {
	text := strings.Repeat("ab ", 83_000)
	all := readThrough(t, text)
	p := firstPage()
	for range len(all) + 3 { // three more than there are change nothing
		p = p.more(text)
	}
	shown, next := p.words(text)
	if next != len(text) || len(shown) != maxPages || shown[maxPages-1] != all[len(all)-1] {
		t.Fatalf("the end shows %d pages and goes on at %d of %d", len(shown), next, len(text))
	}
	for range len(all) + 3 {
		p = p.earlier()
	}
	shown, _ = p.words(text)
	if len(shown) != maxPages || shown[0] != all[0] {
		t.Errorf("the beginning shows %d pages", len(shown))
	}
}

func TestHeights(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h heights
	var plain []float64
	for i := range 2000 {
		if i%3 == 2 {
			j := r.IntN(len(plain))
			plain[j] = float64(r.IntN(300))
			h.set(j, plain[j])
			continue
		}
		v := float64(r.IntN(300))
		plain = append(plain, v)
		h.append(v)
	}
	sum := 0.0
	for i, v := range plain {
		if got := h.top(i); got != sum {
			t.Fatalf("row %d begins at %v, want %v", i, got, sum)
		}
		if v > 0 {
			for _, y := range []float64{sum, sum + v/2} {
				if got := h.at(y); got != i {
					t.Fatalf("%v lies in row %d, want %d", y, got, i)
				}
			}
		}
		sum += v
	}
	if h.total() != sum {
		t.Errorf("total %v, want %v", h.total(), sum)
	}
	if h.at(-5) != 0 || h.at(sum+5) != len(plain)-1 {
		t.Errorf("outside: %d and %d", h.at(-5), h.at(sum+5))
	}
}

func TestClip(t *testing.T) {
	cases := []struct{ text, want string }{
		{"", ""},
		{"12345678", "12345678"},
		{"123456789", "12345678…"},
		{"ääääääää", "ääääääää"},
		{"äääääääää", "ääääääää…"},
		{"a\nb", "a\nb"},
		{"a\nb\nc", "a\nb…"},
	}
	for _, c := range cases {
		if got := Clip(c.text, 8, 2); got != c.want {
			t.Errorf("Clip(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestFewEmojiAreLarge(t *testing.T) {
	for text, want := range map[string]bool{
		"👍": true, "👍🏽 🎉": true, "❤️": true, "👨‍👩‍👧": true, "🇩🇪": true, "": false, " ": false, "ok 👍": false, "👍👍👍👍👍👍👍👍👍": false, "1️⃣": false, "a": false,
	} {
		if got := onlyEmoji(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestPagesEndBetweenWords promises that a long text is not cut inside a word, where it has words.
func TestPagesEndBetweenWords(t *testing.T) {
	text := strings.Repeat("there are three places ", 1000)
	for i, words := range readThrough(t, text) {
		if !strings.HasSuffix(words, " ") {
			t.Errorf("page %d ends in %q", i, words[len(words)-10:])
		}
	}
	checkPages(t, text)
}
