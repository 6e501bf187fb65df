// Tones writes the sounds of the program, which are its own work, into assets/sounds: go generate ./assets.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

const (
	rate     = 22_050 // samples of a second
	loudness = 0.28   // of what there could be: a knock, not an alarm
	attack   = 0.006  // seconds until a note is as loud as it gets
	fading   = 11     // how fast it dies away
)

// A note is one stroke of a small bell.
type note struct{ at, pitch, length float64 } // seconds, hertz, seconds

// sounds are what is played, by the name of its file.
var sounds = map[string][]note{
	"arrived.wav": {{0, 659.26, 0.28}, {0.09, 880, 0.30}},
	"asked.wav":   {{0, 523.25, 0.26}, {0.12, 659.26, 0.26}, {0.24, 783.99, 0.34}},
}

func main() {
	dir := "sounds"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for name, notes := range sounds {
		if err := os.WriteFile(filepath.Join(dir, name), wave(samples(notes)), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func samples(notes []note) []int16 {
	end := 0.0
	for _, n := range notes {
		end = max(end, n.at+n.length)
	}
	out := make([]int16, int(end*rate))
	for i := range out {
		t, sum := float64(i)/rate, 0.0
		for _, n := range notes {
			sum += n.strength(t - n.at)
		}
		out[i] = int16(math.Round(sum * loudness * math.MaxInt16))
	}
	return out
}

// strength is the note t seconds after it was struck.
func (n note) strength(t float64) float64 {
	if t < 0 || t >= n.length {
		return 0
	}
	loud := min(t/attack, 1) * math.Exp(-fading*t) * min((n.length-t)/attack, 1)
	turn := 2 * math.Pi * n.pitch * t
	return loud * (0.8*math.Sin(turn) + 0.2*math.Sin(2*turn))
}

// wave is a RIFF file of 16 bits and one channel.
func wave(samples []int16) []byte {
	var b bytes.Buffer
	size := uint32(2 * len(samples))
	b.WriteString("RIFF")
	binary.Write(&b, binary.LittleEndian, 36+size)
	b.WriteString("WAVEfmt ")
	binary.Write(&b, binary.LittleEndian, struct {
		Size            uint32
		Format, Channel uint16
		Rate, Bytes     uint32
		Block, Bits     uint16
	}{16, 1, 1, rate, 2 * rate, 2, 16})
	b.WriteString("data")
	binary.Write(&b, binary.LittleEndian, size)
	binary.Write(&b, binary.LittleEndian, samples)
	return b.Bytes()
}
