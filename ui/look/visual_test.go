package look

import (
	"strings"
	"testing"
)

// Letters from the right are A to F in the table, as in the examples of UAX #9, so that one can read what is seen.
var capitals = strings.NewReplacer("A", "ا", "B", "ب", "C", "ت", "D", "ث", "E", "ج", "F", "ح")

// seen is the line as it is drawn by who draws parts from the left, and the letters of each part that is written from the right in it backwards.
func seen(visual string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(visual, string(keepsApart)) {
		if !hasRightToLeft(part) {
			out.WriteString(part)
			continue
		}
		runes := []rune(part)
		for i := len(runes) - 1; i >= 0; i-- {
			out.WriteRune(runes[i])
		}
	}
	return out.String()
}

func TestVisual(t *testing.T) {
	for _, c := range []struct {
		line      string
		fromRight bool
		want      string
	}{
		{"hello, you.", false, "hello, you."},
		{"hello, you.", true, "hello, you."},
		{"AB.", true, ".BA"},
		{"AB.", false, "BA."},
		{"AB CD. EF!", true, "!FE .DC BA"},
		{"AB 22 CD 2026", true, "2026 DC 22 BA"},
		{"AB bob@example.org CD.", true, ".DC bob@example.org BA"},
		{"bob: AB CD. me", false, "bob: DC BA. me"},
		{"AB (CD) EF", true, "FE (DC) BA"},
		{"AB «laptop» CD", true, "DC «laptop» BA"},
		{"AB (bob) ", true, " (bob) BA"},
		{"AB 12:30, CD", true, "DC ,12:30 BA"},
		{"AB 100% CD", true, "DC %100 BA"},
		{"1. AB", true, "BA .1"},
		{"AB…", true, "…BA"},
		{"AB، CD؟", true, "؟DC ،BA"},
		{"", true, ""},
	} {
		if got := seen(Visual(capitals.Replace(c.line), c.fromRight)); got != capitals.Replace(c.want) {
			t.Errorf("%q is seen as %q, want %q", c.line, got, c.want)
		}
	}
}

func FuzzVisual(f *testing.F) {
	for _, s := range []string{"", "a", "ا", "ا. ب 12:30 (x)", "ا\u0300\u200d%1", "\xff\u202eب"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, line string, fromRight bool) {
		count := func(s string) map[rune]int {
			n := map[rune]int{}
			for _, r := range s {
				if m, ok := turnedRound[r]; ok {
					r = min(r, m)
				}
				n[r]++
			}
			delete(n, keepsApart)
			return n
		}
		before, after := count(line), count(Visual(line, fromRight))
		if len(before) != len(after) {
			t.Fatalf("%q became %q", line, Visual(line, fromRight))
		}
		for r, n := range before {
			if after[r] != n {
				t.Fatalf("%q became %q", line, Visual(line, fromRight))
			}
		}
	})
}
