package group

import "io"

// PrivateSize is the length of a Diffie-Hellman private exponent in bytes: the 320 bits that the specification asks
// for at least.
const PrivateSize = 40

// A PrivateKey is a Diffie-Hellman key pair of the key exchange or of data messages. The zero PrivateKey is "none".
type PrivateKey struct {
	x      [PrivateSize]byte
	public Element
}

// NewPrivateKey picks x by one read of PrivateSize bytes from rand, and computes g^x.
func NewPrivateKey(rand io.Reader) (PrivateKey, error) {
	var k PrivateKey
	defer k.Wipe() // rand makes the compiler put it on the heap
	if _, err := io.ReadFull(rand, k.x[:]); err != nil {
		return PrivateKey{}, err
	}
	shortBase().Exp(k.public.b[:], k.x[:])
	if !k.public.inRange() {
		return PrivateKey{}, errRandom
	}
	return k, nil
}

// Public returns g^x.
func (k *PrivateKey) Public() Element { return k.public }

// OwnsVarTime says whether y is g^x. Both are public.
func (k *PrivateKey) OwnsVarTime(y *Element) bool { return k.public == *y }

// IsZero says whether k is the zero PrivateKey, "none".
func (k *PrivateKey) IsZero() bool { return k.public.IsZero() }

// Shared returns y^x, the secret that the owner of y computes as well. y must come from ParseElement. The
// caller wipes the result.
func (k *PrivateKey) Shared(y *Element) (s Element) {
	modP().Exp(s.b[:], y.b[:], k.x[:])
	return s
}

// Wipe clears both halves of k.
func (k *PrivateKey) Wipe() {
	clear(k.x[:])
	k.public.Wipe()
}
