package otr_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// differences are the classes of messages that ours and otr_parse, of the toolkit that comes with libotr, do not agree
// about. It is always otr_parse that reads them: it shows what a message holds, and leaves it to others whether that is of use.
// fields are the values of the message's MPIs and DATAs.
var differences = []struct {
	name string
	is   func(kind byte, fields [][]byte) bool
}{
	// A number has one encoding, so that hashes over numbers are hashes over what was received.
	{"a number with a zero byte before it", func(kind byte, f [][]byte) bool { return number(kind, f) != nil && number(kind, f)[0] == 0 }},
	// No number of the protocol is longer than 192 bytes. What is longer is refused before anything is done with it.
	{"a number of more than 200 bytes", func(kind byte, f [][]byte) bool { return len(number(kind, f)) > 200 }},
	// "HASH" is SHA-256, so it has 32 bytes; the text says so and otr_parse does not look.
	{"a hash that has not 32 bytes", func(kind byte, f [][]byte) bool { return kind == 2 && len(f[1]) != 32 }},
	// r is 128 bits.
	{"an r that has not 16 bytes", func(kind byte, f [][]byte) bool { return kind == 17 && len(f[0]) != 16 }},
	// A g^x that does not fit into 1536 bits is out of range, whatever it turns out to be.
	{"a commitment to more than 1536 bits", func(kind byte, f [][]byte) bool { return kind == 2 && len(f[0]) > 4+192 }},
}

// number returns the value of the one MPI of a message, or nil.
func number(kind byte, fields [][]byte) []byte {
	if kind != 3 && kind != 10 || len(fields[0]) == 0 {
		return nil
	}
	return fields[0]
}

// generous decodes an encoded message that otr_parse can read: up to the first = or period, without what is no digit.
func generous(body string) []byte {
	_, digits, _ := strings.Cut(body, "?OTR:")
	digits = digits[:strings.IndexAny(digits, "=.")]
	digits = strings.Map(func(r rune) rune {
		if strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", r) {
			return r
		}
		return -1
	}, digits)
	raw, err := base64.RawStdEncoding.DecodeString(digits)
	if err != nil {
		panic(err) // otr_parse could read it
	}
	return raw
}

// fieldsOf takes a message apart that otr_parse can read.
func fieldsOf(raw []byte) (kind byte, fields [][]byte) {
	kind, rest := raw[2], raw[3:]
	if raw[1] == 3 {
		rest = rest[8:]
	}
	skip := map[byte][]int{2: {0, 0}, 3: {9, 8, 20}, 10: {0}, 17: {0, 0}, 18: {0}}[kind]
	for _, n := range skip {
		rest = rest[n:]
		length := binary.BigEndian.Uint32(rest)
		fields, rest = append(fields, rest[4:4+length]), rest[4+length:]
	}
	return kind, fields
}

// built returns a message with the right fields, of whatever lengths.
func built(random *rand.Rand) string {
	field := func(right ...int) []byte {
		lengths := append([]int{0, 1, 2, 100, 199, 200, 201, 300}, right...)
		b := make([]byte, lengths[random.IntN(len(lengths))])
		if random.IntN(2) == 0 {
			b = make([]byte, right[0])
		}
		for i := range b {
			b[i] = byte(random.IntN(256))
		}
		if len(b) > 0 && random.IntN(8) == 0 {
			b[0] = 0
		}
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	}
	raw := func(n int) []byte { return make([]byte, n) }
	kind := []byte{2, 3, 10, 17, 18}[random.IntN(5)]
	b := []byte{0, byte(2 + random.IntN(2)), kind}
	if b[1] == 3 {
		b = append(b, "\x00\x00\x20\x00\x00\x00\x10\x00"...)
	}
	var fields [][]byte
	switch kind {
	case 2:
		fields = [][]byte{field(196, 195, 197), field(32, 31, 33)}
	case 3:
		fields = [][]byte{raw(9), field(192, 191, 193), raw(8), field(256), raw(20), field(0, 20, 19, 40)}
	case 10:
		fields = [][]byte{field(192, 191, 193)}
	case 17:
		fields = [][]byte{field(16, 15, 17), field(466), raw(20)}
	case 18:
		fields = [][]byte{field(466), raw(20)}
	}
	return encoded(append(b, bytes.Join(fields, nil)...))
}

// marker is a D-H Key Message with a number, which separates what otr_parse says of one message from the next.
func marker(n uint32) string {
	return encoded(append([]byte("\x00\x03\x0a\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x04"), binary.BigEndian.AppendUint32(nil, 1<<31|n)...))
}

// parsed returns which of some messages otr_parse can read, and what it says of each.
func parsed(t *testing.T, bodies []string) (read []bool, said []string) {
	t.Helper()
	path, err := exec.LookPath("otr_parse")
	if err != nil {
		t.Fatal("otr_parse is missing; on Debian: apt-get install libotr5-bin")
	}
	var in strings.Builder
	for n, b := range bodies {
		fmt.Fprintf(&in, "%s\n%s\n", b, marker(uint32(n)))
	}
	cmd := exec.Command(path)
	cmd.Stdin = strings.NewReader(in.String())
	b, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	out := string(b)
	for n := range bodies {
		before, after, found := strings.Cut(out, fmt.Sprintf("\tD-H Key: %08x\n", 1<<31|n))
		if !found {
			t.Fatalf("otr_parse does not come to message %d, %q: %q", n, bodies[n], out[:min(len(out), 3000)])
		}
		before = strings.TrimSuffix(before, "D-H Key Message:\n\tVersion: 03\n\tSender instance: 256\n\tReceiver instance: 256\n")
		before = strings.TrimSpace(before)
		read = append(read, before != "" && !strings.Contains(before, "Invalid") && !strings.Contains(before, "Unrecognized"))
		said, out = append(said, before), after
	}
	return read, said
}

// TestDifferential mutates real messages and compares which of them ours can read with which otr_parse can. Every
// difference is of a class that is known and explained, and every class occurs.
func TestDifferential(t *testing.T) {
	rounds := 5
	if whole {
		rounds = 500
	}
	var genuine []string
	for _, v := range variants {
		n, alice, bob := otrtest.NewNetwork(v.alice)
		alice.Config.Policy, bob.Config.Policy = v.bob, v.bob
		alice.Do(alice.Start())
		n.Run()
		send(t, alice, "hello")
		n.Run()
		send(t, bob, "hello")
		n.Run()
		alice.Do(alice.End())
		n.Run()
		for _, p := range n.Wire {
			if decoded(p.Body) != nil {
				genuine = append(genuine, p.Body)
			}
		}
	}
	random := rand.New(rand.NewPCG(5, 7))
	counts := map[string]int{}
	for range rounds {
		bodies := append([]string(nil), genuine...)
		for len(bodies) < 2000 {
			m := built(random)
			if random.IntN(2) == 0 {
				m = mutate(random, genuine[random.IntN(len(genuine))], genuine[random.IntN(len(genuine))])
			}
			// What has no period goes on with what follows, for otr_parse.
			if strings.Contains(m, ".") && !strings.ContainsFunc(m, func(r rune) bool { return r < ' ' || r > '~' }) {
				bodies = append(bodies, m)
			}
		}
		read, said := parsed(t, bodies)
		for n, body := range bodies {
			ok := otr.Parses(body)
			counts[fmt.Sprintf("both %t", ok)]++
			if ok == read[n] {
				continue
			}
			explained := false
			if !ok {
				kind, fields := fieldsOf(generous(body))
				for _, d := range differences {
					if d.is(kind, fields) {
						counts[d.name]++
						explained = true
					}
				}
			}
			if !explained {
				t.Errorf("ours reads it: %t, otr_parse: %.100q: %.100s...%s", ok, said[n], body, body[max(0, len(body)-20):])
			}
		}
	}
	t.Log(counts)
	for _, d := range differences {
		if counts[d.name] == 0 {
			t.Errorf("none of class %q", d.name)
		}
	}
}
