package timing

import "crypto/rand"

// Exponents makes big-endian numbers of a size: the fixed one has a single bit, so that a power that skips zeros is
// found out, and the random ones are random.
func Exponents(size int) func(class int) []byte {
	return func(class int) []byte {
		b := make([]byte, size)
		b[0] = 1
		if class == Random {
			rand.Read(b)
			b[0] |= 1
			b[0] &= 0x7f
		}
		return b
	}
}

// Guesses makes guesses at a secret value: the fixed one is wrong in the last bit only, the random ones are random.
func Guesses(secret []byte) func(class int) []byte {
	return func(class int) []byte {
		b := make([]byte, len(secret))
		copy(b, secret)
		b[len(b)-1] ^= 1
		if class == Random {
			rand.Read(b)
		}
		return b
	}
}
