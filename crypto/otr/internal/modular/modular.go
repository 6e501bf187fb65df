// Package modular raises numbers to powers modulo the primes of Off-the-Record Messaging.
//
// Exp and FixedBase.Exp are for secret exponents: which instructions run and which memory is read depends on the
// lengths of the numbers and on nothing else. A window or comb is taken from its table by reading all of the table; the
// digit 0 is a multiplication like any other. What has VarTime in its name takes the time that its exponents call for,
// which must be public; what it does with the bases, it does in constant time as well.
//
// On processors with AVX-512 IFMA the numbers are multiplied in ifma_amd64.s, elsewhere by filippo.io/bigmod.
package modular

import (
	"errors"
	"math/big"
	"math/bits"

	"filippo.io/bigmod"
)

// maxBits is the length of the largest modulus.
const maxBits = 1536

// A Modulus is an odd number, in every use a prime that is public. It is immutable and may be shared.
type Modulus struct {
	nat  *bigmod.Modulus
	fast *montgomery // nil where the processor does not have the instructions
}

var errModulus = errors.New("modular: not a modulus")

// New returns the modulus with a big-endian value: odd, and of at most 1536 bits.
func New(p []byte) (*Modulus, error) {
	return newModulus(p, hasIFMA)
}

func newModulus(p []byte, fast bool) (*Modulus, error) {
	n := new(big.Int).SetBytes(p)
	if n.BitLen() < 2 || n.BitLen() > maxBits || n.Bit(0) == 0 {
		return nil, errModulus
	}
	nat, err := bigmod.NewModulus(p)
	if err != nil {
		return nil, errModulus
	}
	m := &Modulus{nat: nat}
	if fast {
		m.fast = newMontgomery(n)
	}
	return m, nil
}

// Size returns the length of the modulus in bytes.
func (m *Modulus) Size() int { return m.nat.Size() }

// Exp sets z = base^k. base is less than m; z has the size of m.
func (m *Modulus) Exp(z, base, k []byte) {
	if m.fast == nil {
		Put(z, bigmod.NewNat().Exp(m.number(base), k, m.nat))
		return
	}
	m.fast.exp(z, base, k, m.nat)
}

// Mul sets z = x·y in constant time.
func (m *Modulus) Mul(z, x, y []byte) {
	Put(z, m.number(x).Mul(m.number(y), m.nat))
}

// A Power is one factor of a product.
type Power struct{ Base, Exponent []byte }

// ProductVarTime sets z to the product of powers. The squarings are done once for all of them.
func (m *Modulus) ProductVarTime(z []byte, powers ...Power) {
	if m.fast != nil {
		m.fast.productVarTime(z, powers, m.nat)
		return
	}
	product := m.number([]byte{1})
	for _, p := range powers {
		product.Mul(bigmod.NewNat().Exp(m.number(p.Base), p.Exponent, m.nat), m.nat)
	}
	Put(z, product)
}

func (m *Modulus) number(b []byte) *bigmod.Nat {
	n, err := bigmod.NewNat().SetBytes(b, m.nat)
	if err != nil {
		panic("modular: internal error: number is not reduced")
	}
	return n
}

// Put writes n to z, which has the size of p, in big-endian order and clears n. Unlike Nat.Bytes it leaves no copy on
// the heap.
func Put(z []byte, n *bigmod.Nat) {
	limbs := n.Bits()
	for i := range z {
		z[len(z)-1-i] = byte(limbs[i/limbBytes] >> (i % limbBytes * 8))
	}
	clear(limbs)
}

const limbBytes = bits.UintSize / 8

// A FixedBase is a number that is raised to many powers. It is immutable and may be shared.
type FixedBase struct {
	m    *Modulus
	base []byte
	bits int
	comb *comb
}

// NewFixedBase prepares for exponents of a number of bits. It takes the time of one Exp and 32 KiB.
func (m *Modulus) NewFixedBase(base []byte, bits int) *FixedBase {
	f := &FixedBase{m: m, base: base, bits: bits}
	if m.fast != nil {
		f.comb = m.fast.newComb(base, bits)
	}
	return f
}

// Exp sets z = base^k. k has the length that f was made for.
func (f *FixedBase) Exp(z, k []byte) {
	if 8*len(k) != f.bits {
		panic("modular: internal error: exponent of another length")
	}
	if f.comb == nil {
		f.m.Exp(z, f.base, k)
		return
	}
	f.m.fast.combExp(z, f.comb, k, f.m.nat)
}
