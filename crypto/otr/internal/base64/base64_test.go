package base64

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
)

// TestEncode compares with encoding/base64 for every length of a few blocks.
func TestEncode(t *testing.T) {
	src := make([]byte, 100)
	for n := range src {
		rand.Read(src)
		got := make([]byte, EncodedLen(n))
		Encode(got, src[:n])
		if want := base64.StdEncoding.EncodeToString(src[:n]); string(got) != want {
			t.Errorf("%x: %s, want %s", src[:n], got, want)
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
		want, err := base64.RawStdEncoding.DecodeString(src)
		got := make([]byte, DecodedLen(len(src)))
		n, ok := Decode(got, src)
		if ok != (err == nil) || ok && !bytes.Equal(got[:n], want) {
			t.Errorf("%q: %x, %v, want %x, %v", src, got[:n], ok, want, err)
		}
	})
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
