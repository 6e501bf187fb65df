package otr

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
)

// This file shows what "Revealing MAC keys" is for: with a key that was published, whoever has read a message can make one that says
// something else, and nobody can tell which of the two was sent. It needs no secret of a conversation. The toolkit that comes with libotr
// does the same.

// A MACKey authenticated data messages. Once it is published it authenticates whatever anybody likes.
type MACKey [20]byte

// String returns the key in hexadecimal digits.
func (k MACKey) String() string { return hex.EncodeToString(k[:]) }

// ErrCannotForge says that a body is no data message, or that too little is known of what it said.
var ErrCannotForge = errors.New("otr: this message cannot be changed so")

// PublishedMACKeys returns the keys that a data message publishes, nil if body is not a whole one. Nothing authenticates them: see
// [MACKey.Checks] for what they are worth.
func PublishedMACKeys(body string) []MACKey {
	_, m, ok := parseData(body)
	if !ok {
		return nil
	}
	var keys []MACKey
	for key := range slices.Chunk(m.oldMACKeys, len(MACKey{})) {
		if len(key) == len(MACKey{}) {
			keys = append(keys, MACKey(key))
		}
	}
	return keys
}

// Checks says whether a data message verifies under the key.
func (k MACKey) Checks(body string) bool {
	_, m, ok := parseData(body)
	if !ok {
		return false
	}
	mac := dataMAC((*[20]byte)(&k), m.authenticated)
	return hmac.Equal(mac[:], m.mac[:])
}

// Forge returns the data message body as it would be if it said instead, authenticated with k. text is what it says, records are what came
// with it: what is encrypted in counter mode can be changed bit by bit by whoever knows it, without the key that encrypted it. Of a message
// that was padded as this package does everything is known, so that instead may be longer than text; otherwise it may not.
func (k MACKey) Forge(body string, text, instead []byte, records ...TLV) (string, error) {
	raw, m, ok := parseData(body)
	if !ok || len(text) > len(m.encrypted) || slices.Contains(instead, 0) {
		return "", ErrCannotForge
	}
	was := append(slices.Clone(text), 0)[:min(len(text)+1, len(m.encrypted))]
	if whole, ok := fill(text, records, len(m.encrypted)); ok && len(whole)%defaultPadding == 0 {
		was = whole
	}
	now, ok := fill(instead, nil, len(was))
	if !ok {
		return "", ErrCannotForge
	}
	for i := range was {
		m.encrypted[i] ^= was[i] ^ now[i] // in raw
	}
	at := len(m.authenticated)
	mac := dataMAC((*[20]byte)(&k), raw[:at])
	copy(raw[at:at+sha1.Size], mac[:])
	return encode(raw), nil
}

// fill makes a plaintext of exactly size bytes: text, records and what rounds it up.
func fill(text []byte, records []TLV, size int) (plaintext []byte, ok bool) {
	plaintext = content{text: text, records: records}.append(nil)
	if len(plaintext) == size {
		return plaintext, true
	}
	if len(records) == 0 && size > len(plaintext) && size < len(plaintext)+1+tlvHeader {
		for len(plaintext) < size {
			plaintext = append(plaintext, ' ') // too little for a record
		}
		return plaintext, true
	}
	if len(records) == 0 {
		plaintext = append(plaintext, 0)
	}
	rest := size - len(plaintext) - tlvHeader
	if rest < 0 || rest > maxValue {
		return nil, false
	}
	plaintext = binary.BigEndian.AppendUint16(plaintext, tlvPadding)
	plaintext = binary.BigEndian.AppendUint16(plaintext, uint16(rest))
	return append(plaintext, make([]byte, rest)...), true
}

// parseData reads a whole data message that stands alone. m shares the memory of raw.
func parseData(body string) (raw []byte, m *dataMessage, ok bool) {
	b := parseBody(body)
	if b.form != formEncoded || b.message == nil {
		return nil, nil, false
	}
	_, parsed, ok := parseMessage(b.message)
	m, isData := parsed.(*dataMessage)
	return b.message, m, ok && isData
}
