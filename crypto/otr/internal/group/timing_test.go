package group

import (
	"crypto/rand"
	"testing"

	"golang.org/x/sys/cpu"

	"github.com/sotto-im/sotto/crypto/otr/otrtest/timing"
)

// TestTiming is the timing gate for what group does with secrets.
func TestTiming(t *testing.T) {
	timing.Gate(t)
	seed, err := NewScalar(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	base := BaseExp(&seed)
	timing.Constant(t, "shared secret, 320 bits", 50000, 1, timing.Exponents(PrivateSize), func(in []byte) {
		k := PrivateKey{x: [PrivateSize]byte(in)}
		k.Shared(&base)
	})
	timing.Constant(t, "base 2, 320 bits", 200000, 1, timing.Exponents(PrivateSize), func(in []byte) {
		var e Element
		shortBase().Exp(e.b[:], in)
	})
	timing.Constant(t, "any base, 1536 bits", 20000, 1, timing.Exponents(Size), func(in []byte) {
		k := Scalar{b: [Size]byte(in)}
		base.Exp(&k)
	})
	timing.Constant(t, "base 2, 1536 bits", 50000, 1, timing.Exponents(Size), func(in []byte) {
		k := Scalar{b: [Size]byte(in)}
		BaseExp(&k)
	})
	timing.Constant(t, "any base, 256 bits", 30000, 1, timing.Exponents(32), func(in []byte) {
		base.ExpDigest((*Digest)(in))
	})
	timing.Constant(t, "comparison of elements, as SMP ends", 100000, 64, timing.Guesses(base.b[:]), func(in []byte) {
		e := Element{b: [Size]byte(in)}
		e.Equal(&base)
	})
	// What says VarTime is found out: the gate can fail.
	if cpu.X86.HasAVX512IFMA { // elsewhere it takes the same time, too
		timing.Varies(t, "base of a proof, 256 bits", 20000, 1, timing.Exponents(32), func(in []byte) {
			base.ExpDigestVarTime((*Digest)(in))
		})
	}
	digest := Digest(base.b[:32])
	timing.Constant(t, "comparison of hash values", 100000, 64, timing.Guesses(digest[:]), func(in []byte) {
		d := Digest(in)
		d.Equal(&digest)
	})
}
