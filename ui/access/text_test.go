package access

import (
	"fmt"
	"strings"
	"testing"
)

func TestSpans(t *testing.T) {
	for _, c := range []struct {
		text string
		unit unit
		want string
	}{
		{"", byWord, ""},
		{"héllo", byCharacter, "h|é|l|l|o"},
		{"👩‍👩‍👧a", byCharacter, "👩‍👩‍👧|a"},
		{"bring the documents, please", byWord, "bring |the |documents, |please"},
		{"One. Two here. Three", bySentence, "One. |Two here. |Three"},
		{"one\ntwo\n\nthree", byLine, "one\n|two\n|\n|three"},
	} {
		var got []string
		for _, s := range spans(c.text, c.unit) {
			got = append(got, cut(c.text, s.from, s.to))
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%q by %d: %q, want %q", c.text, c.unit, strings.Join(got, "|"), c.want)
		}
	}
}

func TestSpanAt(t *testing.T) {
	const text = "one two three"
	for _, c := range []struct {
		f      func(string, unit, int) span
		offset int
		want   string
	}{
		{spanAt, 0, "one "}, {spanAt, 3, "one "}, {spanAt, 4, "two "}, {spanAt, 12, "three"}, {spanAt, 13, ""}, {spanAt, 99, ""},
		{spanBefore, 4, "one "}, {spanBefore, 2, ""}, {spanAfter, 4, "three"}, {spanAfter, 12, ""},
	} {
		s := c.f(text, byWord, c.offset)
		if got := cut(text, s.from, s.to); got != c.want {
			t.Errorf("at %d: %q, want %q", c.offset, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		from, to int
		want     string
	}{{0, -1, "héllo"}, {1, 3, "él"}, {-5, 2, "hé"}, {4, 2, ""}, {9, -1, ""}, {0, 99, "héllo"}} {
		if got := cut("héllo", c.from, c.to); got != c.want {
			t.Errorf("%d to %d: %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

// FuzzSpans holds that the pieces of any text follow each other without a gap and are the whole of it.
func FuzzSpans(f *testing.F) {
	for _, seed := range []string{"", "héllo", "👩‍👩‍👧a", "one\ntwo\n\nthree", "One. Two.", "\xff\xfe", "שלום (test) 123"} {
		f.Add(seed, 1)
	}
	f.Fuzz(func(t *testing.T, text string, at int) {
		for u := byCharacter; u <= byLine; u++ {
			end := 0
			for _, s := range spans(text, u) {
				if s.from != end || s.to <= s.from {
					t.Fatalf("%q by %d: %v after %d", text, u, s, end)
				}
				end = s.to
			}
			if end != len([]rune(text)) {
				t.Fatalf("%q by %d: ends at %d", text, u, end)
			}
			for _, g := range []func(string, unit, int) span{spanAt, spanBefore, spanAfter} {
				s := g(text, u, at)
				_ = fmt.Sprint(cut(text, s.from, s.to))
			}
		}
	})
}
