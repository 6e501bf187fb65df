package base64

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
)

// TestEncode compares with encoding/base64 for every length of a few blocks, and for every two bytes.
func TestEncode(t *testing.T) {
	src := make([]byte, 200)
	for n := range src {
		rand.Read(src)
		got := make([]byte, EncodedLen(n)+1)
		Encode(got, src[:n])
		want := base64.StdEncoding.EncodeToString(src[:n])
		if string(got) != want+"\x00" {
			t.Errorf("%x: %s, want %s", src[:n], got, want)
		}
		if got := Between("<<", src[:n], ">"); got != "<<"+want+">" {
			t.Errorf("%x: %s, want %s between << and >", src[:n], got, want)
		}
	}
	all := make([]byte, 0, 3<<16)
	for n := range 1 << 16 {
		all = append(all, byte(n>>8), byte(n), byte(3*n))
	}
	got := make([]byte, EncodedLen(len(all)))
	Encode(got, all)
	want := base64.StdEncoding.AppendEncode(make([]byte, 0, len(got)), all)
	if !bytes.Equal(got, want) {
		t.Error("some bytes are not encoded as encoding/base64 does")
	}
	back := make([]byte, len(all))
	if n, ok := Decode(back, string(got)); !ok || n != len(all) || !bytes.Equal(back, all) {
		t.Error("some bytes are not decoded")
	}
}

// TestDecodeBytes: each byte in each place of a block is taken for a digit, for a line break or for nothing, as
// encoding/base64 does.
func TestDecodeBytes(t *testing.T) {
	for place := range 40 {
		for c := range 256 {
			src := []byte(strings.Repeat(Alphabet, 2))
			src[place] = byte(c)
			check(t, string(src))
		}
	}
}

// FuzzDecode compares with encoding/base64, in what is decoded and in what is refused.
func FuzzDecode(f *testing.F) {
	for n := range 40 {
		digits := strings.Repeat(Alphabet, 2)[n : 3*n]
		f.Add(digits)
		f.Add(digits + "\n" + digits)
		f.Add(digits + "=")
		f.Add(digits + "\x00" + Alphabet)
		f.Add(digits + "\xff")
	}
	f.Add("AAAAAAAAAAA\r\nAAAA\n\n")
	f.Fuzz(func(t *testing.T, src string) {
		check(t, src)
	})
}

// check compares with encoding/base64, and sees that nothing beyond the room is written.
func check(t *testing.T, src string) {
	want, err := base64.RawStdEncoding.DecodeString(src)
	size := DecodedLen(len(src))
	got := make([]byte, size+64)
	n, ok := Decode(got[:size:size], src)
	if ok != (err == nil) || ok && !bytes.Equal(got[:n], want) {
		t.Errorf("%q: %x, %v, want %x, %v", src, got[:n], ok, want, err)
	}
	if len(bytes.Trim(got[size:], "\x00")) > 0 {
		t.Errorf("%q: written beyond the room", src)
	}
}

func BenchmarkDigits(b *testing.B) {
	src := make([]byte, 510) // a short message
	rand.Read(src)
	digits := make([]byte, EncodedLen(len(src)))
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			Encode(digits, src)
		}
	})
	text := string(digits)
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, ok := Decode(src, text); !ok {
				b.Fatal("not decoded")
			}
		}
	})
	b.Run("encode by encoding/base64", func(b *testing.B) {
		for b.Loop() {
			base64.StdEncoding.Encode(digits, src)
		}
	})
	b.Run("decode by encoding/base64", func(b *testing.B) {
		for b.Loop() {
			if _, err := base64.StdEncoding.Decode(src, digits); err != nil {
				b.Fatal(err)
			}
		}
	})
}
