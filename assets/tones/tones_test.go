package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
)

// The files are what this program makes of them. A sample may differ by one where the processor rounds in another way.
func TestSoundsAreMadeHere(t *testing.T) {
	for name, notes := range sounds {
		kept, err := os.ReadFile("../sounds/" + name)
		if err != nil {
			t.Fatal(err)
		}
		made := wave(samples(notes))
		if len(kept) != len(made) || !bytes.Equal(kept[:44], made[:44]) {
			t.Errorf("%s is another file: go generate ./assets", name)
			continue
		}
		for i := 44; i < len(made); i += 2 {
			a, b := int16(binary.LittleEndian.Uint16(kept[i:])), int16(binary.LittleEndian.Uint16(made[i:]))
			if a-b > 1 || b-a > 1 {
				t.Errorf("%s differs: go generate ./assets", name)
				break
			}
		}
		if len(made) > 40_000 {
			t.Errorf("%s has %d bytes: it is to be small", name, len(made))
		}
	}
}
