package otr

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/crypto/cryptobyte"
)

// This file is the plaintext of a data message: a text, and records after it ("Data Message").

// Types of records.
const (
	tlvPadding      = 0
	tlvDisconnected = 1
	tlvSMP1         = 2
	tlvSMP2         = 3
	tlvSMP3         = 4
	tlvSMP4         = 5
	tlvSMPAbort     = 6
	tlvSMP1Q        = 7
)

// A tlv is a record.
type tlv struct {
	kind  uint16
	value []byte
}

const tlvHeader = 4 // bytes

// padTo is what the length of a plaintext is rounded up to, so that it tells little about the text.
const padTo = 256

// appendPlaintext appends text, records and padding to b. text has no NUL and no value more than 65535 bytes.
func appendPlaintext(b, text []byte, records ...tlv) []byte {
	start := len(b)
	b = append(b, text...)
	b = append(b, 0)
	for _, t := range records {
		b = appendTLV(b, t)
	}
	filled := len(b) - start + tlvHeader
	return appendTLV(b, tlv{tlvPadding, make([]byte, (padTo-filled%padTo)%padTo)})
}

func appendTLV(b []byte, t tlv) []byte {
	b = binary.BigEndian.AppendUint16(b, t.kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.value)))
	return append(b, t.value...)
}

// parsePlaintext takes a plaintext apart. Records that are cut short end the list, but the text is kept.
func parsePlaintext(b []byte) (text []byte, records []tlv) {
	text, rest, _ := bytes.Cut(b, []byte{0})
	s := cryptobyte.String(rest)
	for !s.Empty() {
		var t tlv
		var value cryptobyte.String
		if !s.ReadUint16(&t.kind) || !s.ReadUint16LengthPrefixed(&value) {
			break
		}
		t.value = value
		records = append(records, t)
	}
	return text, records
}

// find returns the value of the first record of a type.
func find(records []tlv, kind uint16) (value []byte, found bool) {
	for _, t := range records {
		if t.kind == kind {
			return t.value, true
		}
	}
	return nil, false
}
