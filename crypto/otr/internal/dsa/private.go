package dsa

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"sync"

	"filippo.io/bigmod"

	"github.com/sotto-im/sotto/crypto/otr/internal/modular"
)

// A PrivateKey is a PublicKey and the number x with g^x = y.
type PrivateKey struct {
	public *PublicKey
	x      [QSize]byte
	base   func() *modular.FixedBase // g, prepared by the first signature
}

func newPrivateKey(public *PublicKey) *PrivateKey {
	return &PrivateKey{public: public, base: sync.OnceValue(func() *modular.FixedBase {
		return public.p.NewFixedBase(public.encoded[2], 8*QSize)
	})}
}

// ParsePrivateKey checks the public half as ParsePublicKey does, that x is between 0 and q and that g^x = y.
// x is the value of an MPI, in its shortest encoding.
func ParsePrivateKey(p, q, g, y, x []byte) (*PrivateKey, error) {
	public, err := ParsePublicKey(p, q, g, y)
	if err != nil {
		return nil, err
	}
	if len(x) == 0 || len(x) > QSize || x[0] == 0 {
		return nil, ErrKey
	}
	k := newPrivateKey(public)
	copy(k.x[QSize-len(x):], x)
	n, err := bigmod.NewNat().SetBytes(k.x[:], public.q)
	if err != nil {
		return nil, ErrKey
	}
	clear(n.Bits())
	if gx := power(public.p, g, &k.x); !bytes.Equal(gx, y) {
		return nil, ErrKey
	}
	return k, nil
}

// power returns the value of the MPI of g^x.
func power(p *modular.Modulus, g []byte, x *[QSize]byte) []byte {
	var gx [PSize]byte
	p.Exp(gx[:], g, x[:])
	return bytes.Clone(bytes.TrimLeft(gx[:], "\x00"))
}

// Public returns the half that may be shown.
func (k *PrivateKey) Public() *PublicKey { return k.public }

// X returns the value of the MPI of x: big-endian without leading zeros. The caller wipes it.
func (k *PrivateKey) X() []byte { return bytes.Clone(bytes.TrimLeft(k.x[:], "\x00")) }

// Wipe clears x. The key cannot sign any more.
func (k *PrivateKey) Wipe() { clear(k.x[:]) }

// Sign signs the 256-bit number m and returns r ‖ s. The number that must never repeat or be known is derived from
// the key and m as in RFC 6979 section 3.2 with HMAC-SHA-256, so that no random source can spoil it; m mod q
// stands where the RFC has the bits of a hash. The same m has the same signature.
func (k *PrivateKey) Sign(m *[MessageSize]byte) (sig [SignatureSize]byte) {
	public := k.public
	h := public.reduce(m[:])
	nonces := newNonces(&k.x, h.Bytes(public.q))
	defer nonces.wipe()
	for !k.sign(&sig, h, nonces.next()) {
	}
	return sig
}

// sign tries a nonce. It reports false for the few that RFC 6979 skips: 0, q and above, and what makes r or s zero.
func (k *PrivateKey) sign(sig *[SignatureSize]byte, h *bigmod.Nat, nonce *[QSize]byte) bool {
	q := k.public.q
	n, err := bigmod.NewNat().SetBytes(nonce[:], q)
	if err != nil {
		return false
	}
	defer clear(n.Bits())
	x, err := bigmod.NewNat().SetBytes(k.x[:], q)
	if err != nil {
		panic("dsa: internal error: x is not less than q")
	}
	defer clear(x.Bits())
	var power [PSize]byte
	k.base().Exp(power[:], nonce[:])
	r := k.public.reduce(power[:])
	s := k.public.inverse(n).Mul(x.Mul(r, q).Add(h, q), q) // (h + x·r)/nonce
	if n.IsZero() == 1 || r.IsZero() == 1 || s.IsZero() == 1 {
		return false
	}
	copy(sig[:QSize], r.Bytes(q))
	copy(sig[QSize:], s.Bytes(q))
	return true
}

// nonces is the generator of RFC 6979 section 3.2, whose K and V are key and v. A q of 160 bits and a hash of 256
// make one turn of step h.2 enough for each candidate.
type nonces struct {
	key, v [sha256.Size]byte
	nonce  [QSize]byte
	used   bool
}

// newNonces does steps b to g. h is the number to be signed, reduced modulo q, at full length.
func newNonces(x *[QSize]byte, h []byte) *nonces {
	n := new(nonces)
	for i := range n.v {
		n.v[i] = 1
	}
	for _, separator := range []byte{0, 1} {
		n.update([]byte{separator}, x[:], h)
	}
	return n
}

// next returns the candidate of step h, which stands until it is called again.
func (n *nonces) next() *[QSize]byte {
	if n.used {
		n.update([]byte{0})
	}
	n.used = true
	n.mac(&n.v, n.v[:])
	copy(n.nonce[:], n.v[:])
	return &n.nonce
}

// update sets K = HMAC(K, V ‖ data) and V = HMAC(K, V).
func (n *nonces) update(data ...[]byte) {
	n.mac(&n.key, append([][]byte{n.v[:]}, data...)...)
	n.mac(&n.v, n.v[:])
}

func (n *nonces) mac(to *[sha256.Size]byte, data ...[]byte) {
	mac := hmac.New(sha256.New, n.key[:])
	for _, d := range data {
		mac.Write(d)
	}
	mac.Sum(to[:0])
}

func (n *nonces) wipe() { *n = nonces{} }
