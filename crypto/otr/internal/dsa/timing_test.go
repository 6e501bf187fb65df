package dsa

import (
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr/otrtest/timing"
)

// TestTiming is the timing gate for signatures, given a nonce. (How many nonces RFC 6979 goes through until one is less
// than q is public: it says nothing about the one that is used.)
func TestTiming(t *testing.T) {
	timing.Gate(t)
	key := rfcKey(t)
	m := sha256.Sum256([]byte("text"))
	h := key.public.reduce(m[:])
	q := new(big.Int).SetBytes(key.public.encoded[1])

	// below makes numbers from 1 to q-1; the fixed one is 1.
	below := func(class int) []byte {
		n := big.NewInt(1)
		if class == timing.Random {
			var err error
			if n, err = rand.Int(rand.Reader, new(big.Int).Sub(q, one)); err != nil {
				t.Fatal(err)
			}
			n.Add(n, one)
		}
		return n.FillBytes(make([]byte, QSize))
	}
	timing.Constant(t, "signature, fixed or random nonce", 50000, 1, below, func(in []byte) {
		var sig [SignatureSize]byte
		key.sign(&sig, h, (*[QSize]byte)(in))
	})
	nonce := (*[QSize]byte)(below(timing.Random))
	timing.Constant(t, "signature, fixed or random key", 50000, 1, below, func(in []byte) {
		var sig [SignatureSize]byte
		key.x = [QSize]byte(in)
		key.sign(&sig, h, nonce)
	})
}
