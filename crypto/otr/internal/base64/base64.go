// Package base64 is the standard base64 encoding of RFC 4648 section 4, many times as fast as encoding/base64, in which a
// message spends more time than in its cipher. On processors with AVX2 the bulk goes 32 digits at a time; encoding/base64
// does the rest, and everything elsewhere, and whatever is unusual: line breaks, and what is no digit.
package base64

import (
	"encoding/base64"
	"unsafe"
)

// Alphabet is the digits from 0 to 63.
const Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// EncodedLen returns the number of digits that n bytes take, padding included.
func EncodedLen(n int) int { return base64.StdEncoding.EncodedLen(n) }

// DecodedLen returns the number of bytes that n digits without padding are.
func DecodedLen(n int) int { return base64.RawStdEncoding.DecodedLen(n) }

// Between returns the digits of src between two other texts.
func Between(before string, src []byte, after string) string {
	n := EncodedLen(len(src))
	b := make([]byte, len(before)+n+len(after))
	copy(b, before)
	Encode(b[len(before):], src)
	copy(b[len(before)+n:], after)
	return unsafe.String(unsafe.SliceData(b), len(b)) // to which nobody writes any more
}

// Encode writes the digits of src to dst, which has room for them.
func Encode(dst, src []byte) {
	n := 0
	if hasAVX2 {
		n = encodeAVX2(dst[:EncodedLen(len(src))], src)
	}
	base64.StdEncoding.Encode(dst[n/3*4:], src[n:])
}

// Decode writes the bytes of digits, which have no padding, to dst, which has room for them, and says how many there
// are, or that src is something else. Line breaks do not count.
func Decode(dst []byte, src string) (n int, ok bool) {
	if hasAVX2 {
		n = decodeAVX2(dst, src)
	}
	rest, err := base64.RawStdEncoding.Decode(dst[n:], []byte(src[n/3*4:]))
	return n + rest, err == nil
}
