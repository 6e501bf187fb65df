package otr

import (
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"

	"github.com/sotto-im/sotto/crypto/otr/internal/dsa"
	"github.com/sotto-im/sotto/crypto/otr/internal/wire"
)

// A PrivateKey is the long-lived DSA key by which a correspondent knows us. It is immutable and may be shared.
type PrivateKey struct {
	key         *dsa.PrivateKey
	public      []byte // PUBKEY
	fingerprint Fingerprint
}

// GenerateKey makes a key. It takes a good part of a second. rand is normally crypto/rand.Reader.
func GenerateKey(rand io.Reader) (*PrivateKey, error) {
	k, err := dsa.Generate(rand)
	if err != nil {
		return nil, fmt.Errorf("otr: cannot generate a key: %w", err)
	}
	return newPrivateKey(k), nil
}

var errPrivateKey = errors.New("otr: not a private key")

// ParsePrivateKey reads what Bytes returned, and checks that it is a key and that its halves belong together.
func ParsePrivateKey(b []byte) (*PrivateKey, error) {
	s := cryptobyte.String(b)
	var keyType uint16
	var p, q, g, y, x []byte
	if !s.ReadUint16(&keyType) || keyType != keyTypeDSA || !readMPIs(&s, &p, &q, &g, &y, &x) || !s.Empty() {
		return nil, errPrivateKey
	}
	k, err := dsa.ParsePrivateKey(p, q, g, y, x)
	if err != nil {
		return nil, errPrivateKey
	}
	return newPrivateKey(k), nil
}

func newPrivateKey(k *dsa.PrivateKey) *PrivateKey {
	public := appendPublicKey(nil, k.Public())
	return &PrivateKey{key: k, public: public, fingerprint: fingerprint(public)}
}

// Bytes returns the key as PUBKEY ‖ MPI x. The caller keeps it secret and clears it after use.
func (k *PrivateKey) Bytes() []byte {
	x := k.key.X()
	b := make([]byte, 0, len(k.public)+4+len(x))
	b = append(b, k.public...)
	b = wire.AppendMPI(b, x)
	clear(x)
	return b
}

// Fingerprint returns the fingerprint of the public half.
func (k *PrivateKey) Fingerprint() Fingerprint { return k.fingerprint }

// sign returns SIG of m, the 32 bytes as a number.
func (k *PrivateKey) sign(m *[32]byte) [dsa.SignatureSize]byte { return k.key.Sign(m) }

const keyTypeDSA = 0x0000

// readPublicKey takes a PUBKEY off the front of s and checks it. raw is the PUBKEY itself.
func readPublicKey(s *cryptobyte.String) (key *dsa.PublicKey, raw []byte, ok bool) {
	whole := *s
	var keyType uint16
	var p, q, g, y []byte
	if !s.ReadUint16(&keyType) || keyType != keyTypeDSA || !readMPIs(s, &p, &q, &g, &y) {
		return nil, nil, false
	}
	key, err := dsa.ParsePublicKey(p, q, g, y)
	if err != nil {
		return nil, nil, false
	}
	return key, whole[:len(whole)-len(*s)], true
}

func appendPublicKey(b []byte, k *dsa.PublicKey) []byte {
	p, q, g, y := k.Encoded()
	b = binary.BigEndian.AppendUint16(b, keyTypeDSA)
	for _, n := range [][]byte{p, q, g, y} {
		b = wire.AppendMPI(b, n)
	}
	return b
}

// fingerprint returns the hash of a PUBKEY without its type, for compatibility with version 1.
func fingerprint(public []byte) Fingerprint { return sha1.Sum(public[2:]) }

func readMPIs(s *cryptobyte.String, values ...*[]byte) bool {
	for _, v := range values {
		if !wire.ReadMPI(s, v) {
			return false
		}
	}
	return true
}
