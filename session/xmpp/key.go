package xmpp

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"time"
)

// A ServerKey is a public key that a valid certificate of the account's domain was for. It is what stays the same, or
// changes, from one connection to the next: a certificate that any of a hundred authorities issued to somebody on the
// server's path is as valid as the server's own, and only its key tells them apart.
type ServerKey struct {
	Hash                string    // SHA-256 of the SubjectPublicKeyInfo, 64 hexadecimal digits
	Issuer              string    // the authority's organisation or, failing that, its name
	NotBefore, NotAfter time.Time // of the last certificate that was seen with it
}

// KeyOf is the key of a certificate.
func KeyOf(cert *x509.Certificate) ServerKey {
	hash := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	issuer := cert.Issuer.CommonName
	if len(cert.Issuer.Organization) > 0 {
		issuer = cert.Issuer.Organization[0]
	}
	return ServerKey{Hash: hex.EncodeToString(hash[:]), Issuer: issuer, NotBefore: cert.NotBefore, NotAfter: cert.NotAfter}
}

// A KeyChange says that the server has another key than the times before. It is an error, KeyChanged's cause, where the
// person is to decide, and otherwise a fact worth knowing.
type KeyChange struct {
	Old   ServerKey // the last one accepted
	New   ServerKey // never accepted yet
	Usual bool      // see [ServerKey.Expects]
}

func (k *KeyChange) Error() string {
	if k.Usual {
		return "the server's key has changed, as keys do when certificates are renewed"
	}
	return "the server's key has changed before its certificate was due"
}

// KeyCheck says what a change of the server's key takes.
type KeyCheck uint8

const (
	AskWhenUnusual KeyCheck = iota // the person is asked about a change that no renewal explains
	AskAlways                      // about every change
	AskNever                       // changes are only told
)

// shortLife certificates are renewed in the middle of their life.
const shortLife = 10 * 24 * time.Hour

// Expects reports whether a new key in place of k is what a renewal looks like. Most servers have certificates for 90
// days and take a new one, with a new key, when a third of that is left, from the authority that they had: so a change
// within the last two fifths of a certificate's life, or after it, is as it should be when the authority is the same.
// Somebody who has got hold of a certificate for the domain comes when it suits them.
func (k ServerKey) Expects(next ServerKey, now time.Time) bool {
	life, left := k.NotAfter.Sub(k.NotBefore), k.NotAfter.Sub(now)
	window := life * 2 / 5
	if life <= shortLife {
		window = life * 3 / 4
	}
	return left <= window && k.Issuer == next.Issuer
}

// judgeKey compares a key with those accepted before, of which the first was the last in use: servers of one domain
// may have several. It returns nil when there is nothing to say.
func (c *Config) judgeKey(key ServerKey) *KeyChange {
	known := func(k ServerKey) bool { return k.Hash == key.Hash }
	if len(c.Keys) == 0 || slices.ContainsFunc(c.Keys, known) {
		return nil
	}
	return &KeyChange{Old: c.Keys[0], New: key, Usual: c.Keys[0].Expects(key, time.Now())}
}

// asks reports whether a change must not be accepted without the person.
func (c *Config) asks(k *KeyChange) bool {
	return c.KeyCheck == AskAlways || c.KeyCheck == AskWhenUnusual && !k.Usual
}
