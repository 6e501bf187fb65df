package otr

import (
	"bytes"
	"encoding/binary"
	"strings"

	"golang.org/x/crypto/cryptobyte"

	"github.com/sotto-im/sotto/crypto/otr/internal/base64"
	"github.com/sotto-im/sotto/crypto/otr/internal/group"
	"github.com/sotto-im/sotto/crypto/otr/internal/wire"
)

// This file is the section "Encoded messages": what they look like, not what they do.

// Versions of the protocol. The first one is recognized and refused.
const (
	version1 = 1
	version2 = 2
	version3 = 3
)

// Message types.
const (
	typeDHCommit        = 0x02
	typeData            = 0x03
	typeDHKey           = 0x0a
	typeRevealSignature = 0x11
	typeSignature       = 0x12
)

// header begins every message. In version 2 it has no tags: both are 0.
type header struct {
	version  uint16
	kind     byte
	from, to InstanceTag
}

func (h header) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, h.version)
	b = append(b, h.kind)
	if h.version == version2 {
		return b
	}
	b = binary.BigEndian.AppendUint32(b, uint32(h.from))
	return binary.BigEndian.AppendUint32(b, uint32(h.to))
}

// read takes a header of version 2 or 3 off the front of s.
func (h *header) read(s *cryptobyte.String) bool {
	if !s.ReadUint16(&h.version) || !s.ReadUint8(&h.kind) {
		return false
	}
	switch h.version {
	case version2:
		return true
	case version3:
		return s.ReadUint32((*uint32)(&h.from)) && s.ReadUint32((*uint32)(&h.to))
	}
	return false
}

type dhCommitMessage struct {
	encrypted []byte   // g^x as MPI, encrypted with r
	hash      [32]byte // of g^x as MPI
}

// maxEncryptedGx is the length of the longest g^x as MPI.
const maxEncryptedGx = 4 + group.Size

func (m *dhCommitMessage) append(b []byte) []byte {
	b = wire.AppendData(b, m.encrypted)
	return wire.AppendData(b, m.hash[:])
}

func (m *dhCommitMessage) read(s *cryptobyte.String) bool {
	var hash []byte
	if !wire.ReadData(s, &m.encrypted) || len(m.encrypted) > maxEncryptedGx ||
		!wire.ReadData(s, &hash) || len(hash) != len(m.hash) || !s.Empty() {
		return false
	}
	copy(m.hash[:], hash)
	return true
}

// dhKeyMessage holds g^y as it was received: whether it is an element of the group is for the key exchange to say.
type dhKeyMessage struct{ gy []byte }

func (m *dhKeyMessage) append(b []byte) []byte { return wire.AppendMPI(b, m.gy) }

func (m *dhKeyMessage) read(s *cryptobyte.String) bool { return wire.ReadMPI(s, &m.gy) && s.Empty() }

type signatureMessage struct {
	encrypted []byte // X, encrypted with c or c'
	mac       [20]byte
}

func (m *signatureMessage) append(b []byte) []byte {
	b = wire.AppendData(b, m.encrypted)
	return append(b, m.mac[:]...)
}

func (m *signatureMessage) read(s *cryptobyte.String) bool {
	return wire.ReadData(s, &m.encrypted) && s.CopyBytes(m.mac[:]) && s.Empty()
}

type revealSignatureMessage struct {
	r [16]byte
	signatureMessage
}

func (m *revealSignatureMessage) append(b []byte) []byte {
	b = wire.AppendData(b, m.r[:])
	return m.signatureMessage.append(b)
}

func (m *revealSignatureMessage) read(s *cryptobyte.String) bool {
	var r []byte
	if !wire.ReadData(s, &r) || len(r) != len(m.r) {
		return false
	}
	copy(m.r[:], r)
	return m.signatureMessage.read(s)
}

// flagIgnoreUnreadable marks a data message that nobody misses.
const flagIgnoreUnreadable = 0x01

type dataMessage struct {
	flags                   byte
	senderKey, recipientKey uint32
	nextY                   []byte
	counter                 [8]byte
	encrypted               []byte
	mac                     [20]byte
	oldMACKeys              []byte
	authenticated           []byte // what the MAC is over: the message from its version to encrypted
}

// append appends what the MAC is over.
func (m *dataMessage) append(b []byte) []byte {
	b = append(b, m.flags)
	b = binary.BigEndian.AppendUint32(b, m.senderKey)
	b = binary.BigEndian.AppendUint32(b, m.recipientKey)
	b = wire.AppendMPI(b, m.nextY)
	b = append(b, m.counter[:]...)
	return wire.AppendData(b, m.encrypted)
}

// read reads from s, which is the end of whole.
func (m *dataMessage) read(s *cryptobyte.String, whole []byte) bool {
	if !s.ReadUint8(&m.flags) || !s.ReadUint32(&m.senderKey) || !s.ReadUint32(&m.recipientKey) ||
		!wire.ReadMPI(s, &m.nextY) || !s.CopyBytes(m.counter[:]) || !wire.ReadData(s, &m.encrypted) {
		return false
	}
	m.authenticated = whole[:len(whole)-len(*s)]
	return s.CopyBytes(m.mac[:]) && wire.ReadData(s, &m.oldMACKeys) && s.Empty()
}

// parseMessage reads a message. m is a pointer to one of the types above. They share the memory of raw. h is the
// header, if it could be read, even if ok is false.
func parseMessage(raw []byte) (h header, m any, ok bool) {
	s := cryptobyte.String(raw)
	if !h.read(&s) {
		return header{}, nil, false
	}
	switch h.kind {
	case typeDHCommit:
		m := new(dhCommitMessage)
		return h, m, m.read(&s)
	case typeDHKey:
		m := new(dhKeyMessage)
		return h, m, m.read(&s)
	case typeRevealSignature:
		m := new(revealSignatureMessage)
		return h, m, m.read(&s)
	case typeSignature:
		m := new(signatureMessage)
		return h, m, m.read(&s)
	case typeData:
		m := new(dataMessage)
		return h, m, m.read(&s, raw)
	}
	return h, nil, false
}

// encodedPrefix begins an encoded message, a period ends it.
const encodedPrefix = "?OTR:"

func encode(message []byte) string { return base64.Between(encodedPrefix, message, ".") }

// decode reads what stands between the prefix and the period, as generously as networks demand: line breaks and other
// characters that are not of the alphabet are skipped, and a = ends it.
func decode(s string) []byte {
	s, _, _ = strings.Cut(s, "=")
	if start := s[:min(len(s), startDigits)]; len(start) == startDigits {
		const size = startDigits / 4 * 3
		var b [startDigits]byte // there is room for more than is decoded: that is faster
		if n, ok := base64.Decode(b[:], start); ok && n == size && !plausible(b[:size], len(s)/4*3) {
			return bytes.Clone(b[:size]) // as malformed as the whole
		}
	}
	message := make([]byte, base64.DecodedLen(len(s)))
	if n, ok := base64.Decode(message, s); ok {
		return message[:n]
	}
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(base64.Alphabet, r) {
			return r
		}
		return -1
	}, s)
	if len(digits)%4 == 1 {
		digits = digits[:len(digits)-1] // one digit is less than a byte
	}
	n, ok := base64.Decode(message, digits)
	if !ok {
		panic("otr: internal error: digits that cannot be decoded")
	}
	return message[:n]
}

// startDigits is how much of an encoded message shows the length of its first number or DATA.
const startDigits = 32

// plausible says whether what a message of at most size bytes starts with can be the start of one: that its first number
// or DATA ends within it. Most of what is no message is found out so before the rest is decoded.
func plausible(start []byte, size int) bool {
	s := cryptobyte.String(start)
	var h header
	var length uint32
	if !h.read(&s) || h.kind == typeData && !s.Skip(1+4+4) || !s.ReadUint32(&length) {
		return false
	}
	return uint64(length) <= uint64(size) && (h.kind != typeData || length <= wire.MaxMPI)
}

// headerDigits is how much of an encoded message shows its version and type.
const headerDigits = 4

// peekVersion says of what version the encoded message is that s begins with, after its prefix, or 0 if it does not
// begin with one. This is what tells a message from a sentence that has "?OTR:" in it.
func peekVersion(s string) int {
	var digits [headerDigits]byte
	n := 0
	for i := 0; i < len(s) && n < headerDigits && s[i] != '=' && s[i] != '.'; i++ {
		if strings.IndexByte(base64.Alphabet, s[i]) >= 0 {
			digits[n] = s[i]
			n++
		}
	}
	if n < headerDigits {
		return 0
	}
	var b [3]byte
	if _, ok := base64.Decode(b[:], string(digits[:])); !ok || b[0] != 0 {
		return 0
	}
	switch b[1] {
	case version1, version2, version3:
		switch b[2] {
		case typeDHCommit, typeData, typeDHKey, typeRevealSignature, typeSignature:
			return int(b[1])
		}
	}
	return 0
}
