package spoken

import (
	"slices"
	"testing"
)

// Two places of the list as its authors printed it, and that no word stands for two bytes.
func TestWords(t *testing.T) {
	got := Words([]byte{0x00, 0x00, 0xff, 0xff, 0xe5, 0x82, 0x94, 0xf2})
	want := []string{"aardvark", "adroitness", "zulu", "yucatan", "topmost", "istanbul", "pluto", "vagabond"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	seen := map[string]bool{}
	for place, list := range lists {
		if len(list) != 256 {
			t.Fatalf("%d words for place %d", len(list), place)
		}
		for _, word := range list {
			if seen[word] {
				t.Errorf("%q is there twice", word)
			}
			seen[word] = true
		}
	}
}
