// Package dsa is the signature algorithm of Off-the-Record Messaging: DSA with a prime p of exactly 1024 bits and a
// prime q of exactly 160 bits, the one size that all clients of versions 2 and 3 make and that the wire format has
// room for.
//
// It differs from FIPS 186 in one point, which the protocol wants: what is signed is a 256-bit number that is taken
// modulo q as it is, neither hashed again nor cut to the length of q.
//
// Sign is constant time: x, the nonce and all that is computed from them until r and s. Verify and the checks of
// parameters are not, they work on what is public. Neither is the search for the primes of a new key, which are published;
// its x is made in constant time.
package dsa

import (
	"bytes"
	"errors"
	"math/big"
	"sync"

	"filippo.io/bigmod"

	"github.com/sotto-im/sotto/crypto/otr/internal/modular"
)

// Sizes in bytes.
const (
	PSize         = 128 // p, g and y
	QSize         = 20  // q and x
	SignatureSize = 2 * QSize
	MessageSize   = 32 // what is signed
)

// ErrKey reports a public or private key that must not be used.
var ErrKey = errors.New("dsa: key is not a valid 1024-bit DSA key")

// A PublicKey is the parameters p, q, g and the value y, all of them checked. It is immutable and may be shared.
type PublicKey struct {
	p         *modular.Modulus
	q         *bigmod.Modulus
	encoded   [4][]byte // p, q, g, y as they stand in an MPI
	qMinusTwo [QSize]byte
}

// ParsePublicKey checks a key that a peer sent, given by the values of its four MPIs, before anything is computed
// with it: every one in its shortest encoding; p of 1024 and q of 160 bits, q prime and a divisor of p-1; g and y
// of order q. (Whether p is prime is not checked: its owner could only harm the owner.)
func ParsePublicKey(p, q, g, y []byte) (*PublicKey, error) {
	for _, b := range [][]byte{p, q, g, y} {
		if len(b) == 0 || len(b) > PSize || b[0] == 0 {
			return nil, ErrKey
		}
	}
	if len(p) != PSize || p[0] < 0x80 || p[PSize-1]&1 == 0 {
		return nil, ErrKey
	}
	if len(q) != QSize || q[0] < 0x80 {
		return nil, ErrKey
	}
	qInt := new(big.Int).SetBytes(q)
	if !qInt.ProbablyPrime(0) { // the test of Baillie, Pomerance, Selfridge and Wagstaff
		return nil, ErrKey
	}
	pMinusOne := new(big.Int).SetBytes(p)
	pMinusOne.Sub(pMinusOne, one)
	if new(big.Int).Rem(pMinusOne, qInt).Sign() != 0 {
		return nil, ErrKey
	}
	return newPublicKey(p, q, g, y)
}

// newPublicKey checks g and y; p and q are good.
func newPublicKey(p, q, g, y []byte) (*PublicKey, error) {
	k := &PublicKey{encoded: [4][]byte{bytes.Clone(p), bytes.Clone(q), bytes.Clone(g), bytes.Clone(y)}}
	var err error
	if k.p, err = modular.New(p); err != nil {
		return nil, ErrKey
	}
	if k.q, err = bigmod.NewModulus(q); err != nil {
		return nil, ErrKey
	}
	new(big.Int).Sub(new(big.Int).SetBytes(q), big.NewInt(2)).FillBytes(k.qMinusTwo[:])
	if !k.hasOrderQ(g) || !k.hasOrderQ(y) {
		return nil, ErrKey
	}
	return k, nil
}

// hasOrderQ says whether 1 < b < p and b^q = 1 mod p. b is public and in its shortest encoding.
func (k *PublicKey) hasOrderQ(b []byte) bool {
	p, q := k.encoded[0], k.encoded[1]
	if len(b) == PSize && bytes.Compare(b, p) >= 0 || len(b) == 0 || len(b) == 1 && b[0] == 1 {
		return false
	}
	var power [PSize]byte
	k.p.ProductVarTime(power[:], modular.Power{Base: b, Exponent: q})
	return power == [PSize]byte{PSize - 1: 1}
}

// Encoded returns the values of the MPIs p, q, g, y that make up a PUBKEY and, without its type, are what a
// fingerprint is taken of. The caller must not change them.
func (k *PublicKey) Encoded() (p, q, g, y []byte) {
	return k.encoded[0], k.encoded[1], k.encoded[2], k.encoded[3]
}

// Verify says whether sig, that is r ‖ s, is the signature of the 256-bit number m by k. It also refuses r or s
// that are 0 or not less than q. It takes time that depends on k, m and sig: whoever checks a signature has no secret
// in it.
func (k *PublicKey) Verify(m *[MessageSize]byte, sig *[SignatureSize]byte) bool {
	q := new(big.Int).SetBytes(k.encoded[1])
	r, s := new(big.Int).SetBytes(sig[:QSize]), new(big.Int).SetBytes(sig[QSize:])
	if r.Sign() == 0 || r.Cmp(q) >= 0 || s.Sign() == 0 || s.Cmp(q) >= 0 {
		return false
	}
	w := s.ModInverse(s, q)
	u1 := new(big.Int).SetBytes(m[:])
	u1.Mul(u1, w).Mod(u1, q)
	u2 := w.Mul(w, r).Mod(w, q)
	var product [PSize]byte
	k.p.ProductVarTime(product[:], modular.Power{Base: k.encoded[2], Exponent: u1.Bytes()}, modular.Power{Base: k.encoded[3], Exponent: u2.Bytes()})
	v := new(big.Int).SetBytes(product[:])
	return v.Mod(v, q).Cmp(r) == 0
}

// inverse returns 1/n mod q by Fermat's theorem, in constant time.
func (k *PublicKey) inverse(n *bigmod.Nat) *bigmod.Nat {
	return bigmod.NewNat().Exp(n, k.qMinusTwo[:], k.q)
}

// reduce returns the number b mod q in constant time. b has at most the length of p.
func (k *PublicKey) reduce(b []byte) *bigmod.Nat {
	wide, err := bigmod.NewNat().SetBytes(b, widest())
	if err != nil {
		panic("dsa: internal error: number is longer than p")
	}
	return bigmod.NewNat().Mod(wide, k.q)
}

// widest is larger than any number of the length of p.
var widest = sync.OnceValue(func() *bigmod.Modulus {
	m, err := bigmod.NewModulus(append([]byte{1}, bytes.Repeat([]byte{0xff}, PSize)...))
	if err != nil {
		panic("dsa: internal error: " + err.Error())
	}
	return m
})
