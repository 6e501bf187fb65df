// Package group is the Diffie-Hellman group of Off-the-Record Messaging: the 1536-bit MODP group of RFC 3526
// section 2 (group 5), with prime p, generator g = 2 and prime order q = (p-1)/2.
//
// Whatever may be secret is worked on in constant time; what is not says VarTime in its name. In detail:
//
//   - Exp, ExpDigest, BaseExp, NewPrivateKey and Shared have secret exponents: the private keys of D-H, the random
//     exponents of SMP and its secret. What they execute and which memory they read depends on the length of the
//     exponent's type only (see package modular, which says how).
//   - Mul, SubMul, SubMulDigest, NewScalar and the Equal methods are constant time as well.
//   - ExpDigestVarTime and ProductVarTime take time that depends on their exponents. They are for the equations that
//     verify the proofs of SMP, where all exponents were on the wire. The bases may be secret.
//   - DivVarTime and InSubgroupVarTime take time that depends on an element that was on the wire, ParseElement and
//     ParseScalar on what is wrong with a number that a peer sent.
//   - The Bytes methods show the length of the number, which for a random one is short once in 256 times. Of a shared
//     secret the protocol hashes exactly these bytes.
//
// Private keys of D-H have 320 bits, which the specification permits; the exponents of SMP have all bits of the group.
//
// Values are fixed-size arrays: a copy is an assignment and shares nothing with its original, and Wipe clears the
// copy it is called on. What Go cannot promise is that no intermediate copy stays behind on a stack or, until it is
// reused, on the heap.
package group

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"io"
	"math/big"

	"filippo.io/bigmod"

	"github.com/sotto-im/sotto/crypto/otr/internal/modular"
)

// Size is the length of p, and so of an Element or a Scalar, in bytes.
const Size = 192

// ErrRange reports a number that cannot be used: not its shortest encoding, too large, or one of the values
// 0, 1, p-1 and above that would give a peer power over the result.
var ErrRange = errors.New("group: number out of range")

var errRandom = errors.New("group: the random source does not work")

// An Element is a number modulo p. One that came from ParseElement, or was computed from such elements and
// honest exponents, is a safe base and a safe public value. The zero Element is not a number of the group; it
// serves as "none".
type Element struct{ b [Size]byte }

// ParseElement reads the big-endian value of an MPI that a peer sent. It accepts 2 <= v <= p-2 in the shortest
// encoding and nothing else ("Verify that Alice's g^x is a legal value", and the group checks of SMP).
func ParseElement(b []byte) (Element, error) {
	var e Element
	if len(b) == 0 || len(b) > Size || b[0] == 0 {
		return Element{}, ErrRange
	}
	copy(e.b[Size-len(b):], b)
	if !e.inRange() {
		return Element{}, ErrRange
	}
	return e, nil
}

func (e *Element) inRange() bool {
	return bytes.Compare(e.b[:], smallest[:]) >= 0 && bytes.Compare(e.b[:], largest[:]) <= 0
}

// Bytes returns the value of the MPI of e: big-endian without leading zeros. The length is all that its timing
// tells; for a shared secret the caller wipes the result.
func (e *Element) Bytes() []byte { return minimal(e.b[:]) }

// AppendBytes appends what Bytes returns to b.
func (e *Element) AppendBytes(b []byte) []byte { return append(b, bytes.TrimLeft(e.b[:], "\x00")...) }

// IsZero says whether e is the zero Element, "none".
func (e *Element) IsZero() bool { return *e == Element{} }

// Equal compares in constant time.
func (e *Element) Equal(f *Element) bool { return subtle.ConstantTimeCompare(e.b[:], f.b[:]) == 1 }

// CompareVarTime compares two public values as numbers, as choosing the "high" end of a data message's key pair
// needs.
func (e *Element) CompareVarTime(f *Element) int { return bytes.Compare(e.b[:], f.b[:]) }

// InSubgroupVarTime says whether e is a power of g, that is a square. Half of what ParseElement accepts is not,
// and no honest party has any: raised to a secret exponent it would show its sender whether the exponent is odd.
func (e *Element) InSubgroupVarTime() bool {
	return big.Jacobi(new(big.Int).SetBytes(e.b[:]), pInt) == 1
}

// Mul returns e·f.
func (e *Element) Mul(f *Element) (product Element) {
	modP().Mul(product.b[:], e.b[:], f.b[:])
	return product
}

// DivVarTime returns e/f. The time depends on f, which is a public value in every use that the protocol makes.
func (e *Element) DivVarTime(f *Element) Element {
	var inverse Element
	new(big.Int).ModInverse(new(big.Int).SetBytes(f.b[:]), pInt).FillBytes(inverse.b[:])
	return e.Mul(&inverse)
}

// Exp returns e^k.
func (e *Element) Exp(k *Scalar) (power Element) {
	modP().Exp(power.b[:], e.b[:], k.b[:])
	return power
}

// ExpDigest returns e^k for a 256-bit k, the hashed secret of SMP. It takes a sixth of the time of Exp.
func (e *Element) ExpDigest(k *Digest) (power Element) {
	modP().Exp(power.b[:], e.b[:], k[:])
	return power
}

// ExpDigestVarTime returns e^c for the public hash value c of a proof.
func (e *Element) ExpDigestVarTime(c *Digest) (power Element) {
	modP().ProductVarTime(power.b[:], modular.Power{Base: e.b[:], Exponent: c[:]})
	return power
}

// ProductVarTime returns e^d·f^c for the public values d and c of a proof.
func (e *Element) ProductVarTime(d *Scalar, f *Element, c *Digest) (product Element) {
	modP().ProductVarTime(product.b[:], modular.Power{Base: e.b[:], Exponent: d.b[:]}, modular.Power{Base: f.b[:], Exponent: c[:]})
	return product
}

// BaseExp returns g^k.
func BaseExp(k *Scalar) (power Element) {
	longBase().Exp(power.b[:], k.b[:])
	return power
}

// Wipe clears e.
func (e *Element) Wipe() { clear(e.b[:]) }

func minimal(b []byte) []byte { return bytes.Clone(bytes.TrimLeft(b, "\x00")) }

// A Digest is a SHA-256 value used as a number.
type Digest [32]byte

// ParseDigest reads the big-endian value of an MPI that a peer sent, at most 256 bits in the shortest encoding.
func ParseDigest(b []byte) (Digest, error) {
	var d Digest
	if len(b) > len(d) || len(b) > 0 && b[0] == 0 {
		return Digest{}, ErrRange
	}
	copy(d[len(d)-len(b):], b)
	return d, nil
}

// Bytes returns the value of the MPI of d: big-endian without leading zeros.
func (d *Digest) Bytes() []byte { return minimal(d[:]) }

// Equal compares in constant time.
func (d *Digest) Equal(o *Digest) bool { return subtle.ConstantTimeCompare(d[:], o[:]) == 1 }

// Wipe clears d.
func (d *Digest) Wipe() { clear(d[:]) }

// A Scalar is an exponent, a number modulo q.
type Scalar struct{ b [Size]byte }

// NewScalar returns a random scalar, every value from 1 to q-1 being equally likely. The specification asks for
// random 1536-bit numbers; as exponents of g they differ only in what is lost modulo q.
func NewScalar(rand io.Reader) (Scalar, error) {
	var k Scalar
	defer k.Wipe() // rand makes the compiler put it on the heap
	if _, err := io.ReadFull(rand, k.b[:]); err != nil {
		return Scalar{}, err
	}
	k.b[0] &= 0x7f
	if !k.valid() { // q has 1535 bits and starts with 63 ones: by chance this happens once in 2^63
		return Scalar{}, errRandom
	}
	return k, nil
}

// ParseScalar reads the big-endian value of an MPI that a peer sent. It accepts 1 <= v < q in the shortest encoding
// and nothing else.
func ParseScalar(b []byte) (Scalar, error) {
	var k Scalar
	if len(b) == 0 || len(b) > Size || b[0] == 0 {
		return Scalar{}, ErrRange
	}
	copy(k.b[Size-len(b):], b)
	if !k.valid() {
		return Scalar{}, ErrRange
	}
	return k, nil
}

// valid says whether 1 <= k < q and tells nothing else by its timing.
func (k *Scalar) valid() bool {
	n, err := bigmod.NewNat().SetBytes(k.b[:], modQ())
	if err != nil {
		return false
	}
	defer clear(n.Bits())
	return n.IsZero() == 0
}

// Bytes returns the value of the MPI of k: big-endian without leading zeros.
func (k *Scalar) Bytes() []byte { return minimal(k.b[:]) }

// SubMul returns k - a·c mod q, the answer of a zero-knowledge proof.
func (k *Scalar) SubMul(a *Scalar, c *Digest) Scalar {
	n := reduced(a.b[:])
	product := n.Mul(reduced(c[:]), modQ())
	var d Scalar
	modular.Put(d.b[:], reduced(k.b[:]).Sub(product, modQ()))
	clear(n.Bits())
	return d
}

// SubMulDigest returns k - x·c mod q for a secret that is a Digest.
func (k *Scalar) SubMulDigest(x, c *Digest) Scalar {
	var a Scalar
	defer a.Wipe()
	copy(a.b[Size-len(x):], x[:])
	return k.SubMul(&a, c)
}

// Wipe clears k.
func (k *Scalar) Wipe() { clear(k.b[:]) }

// reduced returns the number b, which is less than q.
func reduced(b []byte) *bigmod.Nat {
	n, err := bigmod.NewNat().SetBytes(b, modQ())
	if err != nil {
		panic("group: internal error: scalar is not reduced")
	}
	return n
}
