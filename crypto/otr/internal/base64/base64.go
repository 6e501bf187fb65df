// Package base64 is the standard base64 encoding of RFC 4648 section 4, in about half the time of encoding/base64, which
// is what most of the time of a short message goes into. It goes two and eight digits at a time and leaves what is
// unusual to encoding/base64: the end of a message, and line breaks within it.
//
// Its tables are read at places that depend on what is encoded. That is nothing but messages on their way, which
// everybody sees.
package base64

import (
	"encoding/base64"
	"encoding/binary"
)

// Alphabet is the digits from 0 to 63.
const Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// EncodedLen returns the number of digits that n bytes take, padding included.
func EncodedLen(n int) int { return base64.StdEncoding.EncodedLen(n) }

// pairs are the two digits of each number of 12 bits.
var pairs = func() (pairs [1 << 12]uint16) {
	for n := range pairs {
		pairs[n] = uint16(Alphabet[n>>6])<<8 | uint16(Alphabet[n&63])
	}
	return pairs
}()

// Encode writes the digits of src to dst, which has room for them.
func Encode(dst, src []byte) {
	const low = 1<<12 - 1
	for len(src) >= 8 && len(dst) >= 8 { // of 8 bytes that are read at a time the first 6 count
		n := binary.BigEndian.Uint64(src)
		binary.BigEndian.PutUint64(dst, uint64(pairs[n>>52])<<48|uint64(pairs[n>>40&low])<<32|uint64(pairs[n>>28&low])<<16|uint64(pairs[n>>16&low]))
		src, dst = src[6:], dst[8:]
	}
	base64.StdEncoding.Encode(dst, src)
}

// notDigit stands in values for what is no digit.
const notDigit = 1 << 31

// values are what a digit is worth as the first, second, third and fourth of four.
var values = func() (values [4][256]uint32) {
	for place := range values {
		for c := range values[place] {
			values[place][c] = notDigit
		}
		for n, c := range []byte(Alphabet) {
			values[place][c] = uint32(n) << (18 - 6*place)
		}
	}
	return values
}()

// DecodedLen returns the number of bytes that n digits without padding are.
func DecodedLen(n int) int { return base64.RawStdEncoding.DecodedLen(n) }

// Decode writes the bytes of digits, which have no padding, to dst, which has room for them, and says how many there
// are, or that src is something else. Line breaks do not count.
func Decode(dst []byte, src string) (n int, ok bool) {
	digits, room := []byte(src), dst
	for len(digits) >= 8 && len(room) >= 8 { // of 8 bytes that are written at a time the first 6 count
		a := values[0][digits[0]] | values[1][digits[1]] | values[2][digits[2]] | values[3][digits[3]]
		b := values[0][digits[4]] | values[1][digits[5]] | values[2][digits[6]] | values[3][digits[7]]
		if (a|b)&notDigit != 0 {
			break
		}
		binary.BigEndian.PutUint64(room, uint64(a)<<40|uint64(b)<<16)
		digits, room = digits[8:], room[6:]
	}
	rest, err := base64.RawStdEncoding.Decode(room, digits)
	return len(dst) - len(room) + rest, err == nil
}
