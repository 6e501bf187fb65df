package otr

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
	"github.com/sotto-im/sotto/crypto/otr/internal/wire"
)

// This file is the authenticated key exchange: the messages of the sections "D-H Commit Message" to "Signature
// Message", and what "State transitions" says about receiving them.

// authState is the authentication state.
type authState uint8

const (
	authNone authState = iota
	authAwaitingDHKey
	authAwaitingRevealSig
	authAwaitingSig
)

// An ake is a key exchange with one client of the correspondent. It is a value: each step returns the next one, and
// the caller stores it when all else has succeeded. The step that ends it returns the zero ake.
type ake struct {
	state authState
	since time.Time // when it got there

	key        group.PrivateKey       // ours: x of who commits, y of who is committed to
	lost       lostCommitment         // AwaitingRevealSig, in version 2 only
	r          [16]byte               // AwaitingDHKey: what our commitment is encrypted with
	commitment dhCommitMessage        // AwaitingDHKey: ours; AwaitingRevealSig: theirs
	theirs     group.Element          // AwaitingSig: g^y
	secrets    akeSecrets             // AwaitingSig
	sent       revealSignatureMessage // AwaitingSig: what we answered g^y with
}

// wipe clears a, if there is one.
func (a *ake) wipe() {
	if a != nil {
		*a = ake{}
	}
}

// A lostCommitment is what we committed to before we found that the other side had committed to a higher hash value. If
// the other side, against the specification, takes up ours as well, it awaits our Reveal Signature Message and not the
// D-H Key Message that we sent.
type lostCommitment struct {
	key   group.PrivateKey
	r     [16]byte
	since time.Time
}

// An answer is a message that a step wants sent.
type answer struct {
	kind    byte
	message interface{ append([]byte) []byte }
}

// established is what a key exchange ends in.
type established struct {
	fingerprint Fingerprint
	ours        group.PrivateKey
	theirs      group.Element
	theirID     uint32
	secrets     akeSecrets
	initiator   bool // we sent the Reveal Signature Message
}

var (
	errReflected = errors.New("otr: our own message came back")
	errSetup     = errors.New("otr: key exchange message failed its checks")
)

// newCommitment begins a key exchange with a D-H Commit Message.
func newCommitment(rand io.Reader) (ake, error) {
	a := ake{state: authAwaitingDHKey}
	// r is hashed because it will be published: nothing that the source of randomness made is shown as it was.
	var seed [32]byte
	if _, err := io.ReadFull(rand, seed[:]); err != nil {
		return ake{}, err
	}
	digest := sha256.Sum256(seed[:])
	copy(a.r[:], digest[:])
	var err error
	if a.key, err = group.NewPrivateKey(rand); err != nil {
		return ake{}, err
	}
	gx := a.key.Public()
	gxMPI := wire.AppendMPI(nil, gx.Bytes())
	a.commitment.hash = sha256.Sum256(gxMPI)
	a.commitment.encrypted = make([]byte, len(gxMPI))
	crypt(&a.r, [8]byte{}, a.commitment.encrypted, gxMPI)
	return a, nil
}

// receiveDHCommit implements "Receiving a D-H Commit Message". spare, if there is one, serves as y.
func (a ake) receiveDHCommit(m *dhCommitMessage, spare group.PrivateKey, rand io.Reader) (next ake, reply answer, err error) {
	switch a.state {
	case authAwaitingDHKey:
		switch bytes.Compare(a.commitment.hash[:], m.hash[:]) {
		case 0:
			return ake{}, answer{}, errReflected
		case 1: // ours is the higher hash value: ignore theirs, resend ours
			ours := a.commitment
			return a, answer{typeDHCommit, &ours}, nil
		}
		return newDHKey(m, spare, rand)
	case authAwaitingRevealSig:
		a.commitment = *m
		return a, a.dhKey(), nil
	default: // authNone, authAwaitingSig
		return newDHKey(m, spare, rand)
	}
}

func newDHKey(m *dhCommitMessage, spare group.PrivateKey, rand io.Reader) (next ake, reply answer, err error) {
	next = ake{state: authAwaitingRevealSig, commitment: *m, key: spare}
	if next.key.IsZero() {
		if next.key, err = group.NewPrivateKey(rand); err != nil {
			return ake{}, answer{}, err
		}
	}
	return next, next.dhKey(), nil
}

// dhKey returns the D-H Key Message, the same one each time.
func (a *ake) dhKey() answer {
	gy := a.key.Public()
	return answer{typeDHKey, &dhKeyMessage{gy.Bytes()}}
}

// receiveDHKey implements "Receiving a D-H Key Message". The zero answer means that the message is ignored.
func (a ake) receiveDHKey(m *dhKeyMessage, key *PrivateKey) (next ake, reply answer, err error) {
	switch a.state {
	case authAwaitingRevealSig:
		if a.lost.key.IsZero() {
			return a, answer{}, nil
		}
		a.key, a.r = a.lost.key, a.lost.r
		fallthrough
	case authAwaitingDHKey:
		gy, err := group.ParseElement(m.gy)
		if err != nil {
			return ake{}, answer{}, errSetup
		}
		gx := a.key.Public()
		if gx.Equal(&gy) {
			return ake{}, answer{}, errReflected
		}
		s := deriveSecrets(&a.key, &gy)
		defer s.wipe()
		sent := revealSignatureMessage{a.r, sign(key, &gx, &gy, &s.m1, &s.m2, &s.c)}
		next = ake{state: authAwaitingSig, key: a.key, theirs: gy, secrets: s, sent: sent}
		return next, answer{typeRevealSignature, &sent}, nil
	case authAwaitingSig:
		if bytes.Equal(m.gy, a.theirs.Bytes()) {
			sent := a.sent
			return a, answer{typeRevealSignature, &sent}, nil
		}
		return a, answer{}, nil
	default: // authNone
		return a, answer{}, nil
	}
}

// receiveRevealSignature implements "Receiving a Reveal Signature Message". Without an error and without
// established the message is ignored.
func (a ake) receiveRevealSignature(m *revealSignatureMessage, key *PrivateKey) (done *established, reply answer, err error) {
	if a.state != authAwaitingRevealSig {
		return nil, answer{}, nil
	}
	gxMPI := make([]byte, len(a.commitment.encrypted))
	crypt(&m.r, [8]byte{}, gxMPI, a.commitment.encrypted)
	if sha256.Sum256(gxMPI) != a.commitment.hash {
		return nil, answer{}, errSetup
	}
	s := cryptobyte.String(gxMPI)
	var value []byte
	if !wire.ReadMPI(&s, &value) || !s.Empty() {
		return nil, answer{}, errSetup
	}
	gx, err := group.ParseElement(value)
	if err != nil {
		return nil, answer{}, errSetup
	}
	gy := a.key.Public()
	if gx.Equal(&gy) {
		return nil, answer{}, errReflected
	}
	secrets := deriveSecrets(&a.key, &gx)
	defer secrets.wipe()
	their, keyID, err := verify(&m.signatureMessage, &gx, &gy, &secrets.m1, &secrets.m2, &secrets.c)
	if err != nil {
		return nil, answer{}, err
	}
	signature := sign(key, &gy, &gx, &secrets.m1p, &secrets.m2p, &secrets.cp)
	done = &established{fingerprint: their, ours: a.key, theirs: gx, theirID: keyID, secrets: secrets}
	return done, answer{typeSignature, &signature}, nil
}

// receiveSignature implements "Receiving a Signature Message". Without an error and without established the message
// is ignored.
func (a ake) receiveSignature(m *signatureMessage) (done *established, err error) {
	if a.state != authAwaitingSig {
		return nil, nil
	}
	gx, s := a.key.Public(), a.secrets
	defer s.wipe()
	their, keyID, err := verify(m, &a.theirs, &gx, &s.m1p, &s.m2p, &s.cp)
	if err != nil {
		return nil, err
	}
	return &established{fingerprint: their, ours: a.key, theirs: a.theirs, theirID: keyID, secrets: s, initiator: true}, nil
}

// akeSecrets is what both sides compute from s during the key exchange. p stands for a prime.
type akeSecrets struct {
	ssid             [8]byte
	c, cp            [16]byte
	m1, m2, m1p, m2p [32]byte
	first            pair // of the session, which begins with the same two keys
}

// wipe clears s. What works with its keys makes the compiler put it on the heap.
func (s *akeSecrets) wipe() { *s = akeSecrets{} }

func deriveSecrets(ours *group.PrivateKey, theirs *group.Element) akeSecrets {
	s := newSharedSecret(ours, theirs)
	defer s.wipe()
	ssid, c := s.h2(0x00), s.h2(0x01)
	public := ours.Public()
	return akeSecrets{
		ssid: [8]byte(ssid[:8]),
		c:    [16]byte(c[:16]), cp: [16]byte(c[16:]),
		m1: s.h2(0x02), m2: s.h2(0x03), m1p: s.h2(0x04), m2p: s.h2(0x05),
		first: newPair(s, &public, theirs),
	}
}

// sign makes the encrypted signature by which the owner of key and of the D-H key own proves itself to the owner
// of other: M, X, its encryption and the MAC of that.
func sign(key *PrivateKey, own, other *group.Element, m1, m2 *[32]byte, c *[16]byte) signatureMessage {
	m := signedHash(m1, own, other, key.public, firstKeyID)
	signature := key.sign(&m)
	x := binary.BigEndian.AppendUint32(bytes.Clone(key.public), firstKeyID)
	x = append(x, signature[:]...)
	encrypted := make([]byte, len(x))
	crypt(c, [8]byte{}, encrypted, x)
	return signatureMessage{encrypted, signatureMAC(m2, encrypted)}
}

// verify checks an encrypted signature that the owner of the D-H key their made, and returns whose it is.
func verify(m *signatureMessage, their, own *group.Element, m1, m2 *[32]byte, c *[16]byte) (Fingerprint, uint32, error) {
	mac := signatureMAC(m2, m.encrypted)
	if !hmac.Equal(mac[:], m.mac[:]) {
		return Fingerprint{}, 0, errSetup
	}
	x := make([]byte, len(m.encrypted))
	crypt(c, [8]byte{}, x, m.encrypted)
	s := cryptobyte.String(x)
	var keyID uint32
	var signature [40]byte
	key, public, ok := readPublicKey(&s)
	if !ok || !s.ReadUint32(&keyID) || keyID == 0 || !s.CopyBytes(signature[:]) || !s.Empty() {
		return Fingerprint{}, 0, errSetup
	}
	hash := signedHash(m1, their, own, public, keyID)
	if !key.Verify(&hash, &signature) {
		return Fingerprint{}, 0, errSetup
	}
	return fingerprint(public), keyID, nil
}

// signedHash returns M.
func signedHash(m1 *[32]byte, own, other *group.Element, public []byte, keyID uint32) [32]byte {
	b := wire.AppendMPI(nil, own.Bytes())
	b = wire.AppendMPI(b, other.Bytes())
	b = append(b, public...)
	b = binary.BigEndian.AppendUint32(b, keyID)
	h := hmac.New(sha256.New, m1[:])
	h.Write(b)
	return [32]byte(h.Sum(nil))
}

// signatureMAC returns the MAC of an encrypted signature, with its length before it.
func signatureMAC(m2 *[32]byte, encrypted []byte) [20]byte {
	h := hmac.New(sha256.New, m2[:])
	h.Write(wire.AppendData(nil, encrypted))
	return [20]byte(h.Sum(nil))
}
