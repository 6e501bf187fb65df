// Package dsa is the signature algorithm of Off-the-Record Messaging: DSA with a prime p of exactly 1024 bits and a
// prime q of exactly 160 bits, the one size that all clients of versions 2 and 3 make and that the wire format has
// room for.
//
// It differs from FIPS 186 in one point, which the protocol wants: what is signed is a 256-bit number that is taken
// modulo q as it is, neither hashed again nor cut to the length of q.
package dsa

import (
	"bytes"
	"errors"
	"math/big"

	"filippo.io/bigmod"
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
	p, q      *bigmod.Modulus
	g, y      *bigmod.Nat
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
	if !qInt.ProbablyPrime(primeRounds) {
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
	if k.p, err = bigmod.NewModulus(p); err != nil {
		return nil, ErrKey
	}
	if k.q, err = bigmod.NewModulus(q); err != nil {
		return nil, ErrKey
	}
	new(big.Int).Sub(new(big.Int).SetBytes(q), big.NewInt(2)).FillBytes(k.qMinusTwo[:])
	if k.g, err = k.parseGenerator(g); err != nil {
		return nil, err
	}
	if k.y, err = k.parseGenerator(y); err != nil {
		return nil, err
	}
	return k, nil
}

// parseGenerator accepts 1 < b < p with b^q = 1 mod p.
func (k *PublicKey) parseGenerator(b []byte) (*bigmod.Nat, error) {
	n, err := bigmod.NewNat().SetBytes(b, k.p)
	if err != nil || n.IsZero() == 1 || n.IsOne() == 1 {
		return nil, ErrKey
	}
	if bigmod.NewNat().Exp(n, k.encoded[1], k.p).IsOne() == 0 {
		return nil, ErrKey
	}
	return n, nil
}

// Encoded returns the values of the MPIs p, q, g, y that make up a PUBKEY and, without its type, are what a
// fingerprint is taken of. The caller must not change them.
func (k *PublicKey) Encoded() (p, q, g, y []byte) {
	return k.encoded[0], k.encoded[1], k.encoded[2], k.encoded[3]
}

// Verify says whether sig, that is r ‖ s, is the signature of the 256-bit number m by k. It also refuses r or s
// that are 0 or not less than q.
func (k *PublicKey) Verify(m *[MessageSize]byte, sig *[SignatureSize]byte) bool {
	r, err := bigmod.NewNat().SetBytes(sig[:QSize], k.q)
	if err != nil || r.IsZero() == 1 {
		return false
	}
	s, err := bigmod.NewNat().SetBytes(sig[QSize:], k.q)
	if err != nil || s.IsZero() == 1 {
		return false
	}
	w := k.inverse(s)
	u1 := k.reduce(m[:]).Mul(w, k.q)
	u2 := w.Mul(r, k.q)
	v := bigmod.NewNat().Exp(k.g, u1.Bytes(k.q), k.p)
	v.Mul(bigmod.NewNat().Exp(k.y, u2.Bytes(k.q), k.p), k.p)
	return bigmod.NewNat().Mod(v, k.q).Equal(r) == 1
}

// inverse returns 1/n mod q by Fermat's theorem, in constant time.
func (k *PublicKey) inverse(n *bigmod.Nat) *bigmod.Nat {
	return bigmod.NewNat().Exp(n, k.qMinusTwo[:], k.q)
}

// reduce returns the number b mod q.
func (k *PublicKey) reduce(b []byte) *bigmod.Nat {
	wide, err := bigmod.NewNat().SetBytes(b, k.p)
	if err != nil {
		panic("dsa: internal error: number is longer than p")
	}
	return bigmod.NewNat().Mod(wide, k.q)
}
