package otr

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

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
	tlvExtraKey     = 8
)

// A TLV is a record that travels beside the text of a message, or without one ("Data Message", "TLV record"). Programs
// that do not know its type ignore it.
type TLV struct {
	Type  uint16
	Value []byte // at most 65535 bytes
}

// minCustomTLV is the lowest type that applications may use among themselves.
const minCustomTLV = 0x100

const (
	tlvHeader = 4 // bytes
	maxValue  = math.MaxUint16
)

// checkCustom says whether an application may send records.
func checkCustom(records []TLV) error {
	if len(records) > maxRecords-1 { // padding is one more
		return ErrTooLarge
	}
	for _, r := range records {
		switch {
		case r.Type < minCustomTLV:
			return errReservedType
		case len(r.Value) > maxValue:
			return ErrTooLarge
		}
	}
	return nil
}

// defaultPadding is what the length of a plaintext is rounded up to, so that it tells little about the text.
const (
	defaultPadding = 256
	maxPadding     = 1 << 15 // one record of padding has to do
)

// A content is what a data message is to say: text, records and padding. text has no NUL and no value more than 65535
// bytes.
type content struct {
	text    []byte
	records []TLV
	padTo   int // the length of the plaintext becomes a multiple of it, if it is more than 1
}

// content returns a content with padding as the configuration wants it.
func (c *Conversation) content(text []byte, records ...TLV) content {
	padTo := c.config.Padding
	if padTo == 0 {
		padTo = defaultPadding
	}
	return content{text, records, min(padTo, maxPadding)}
}

// size returns a length that the plaintext does not exceed.
func (c content) size() int {
	size := len(c.text) + 1 + tlvHeader + max(c.padTo, 1)
	for _, t := range c.records {
		size += tlvHeader + len(t.Value)
	}
	return size
}

// append appends the plaintext to b.
func (c content) append(b []byte) []byte {
	start := len(b)
	b = append(b, c.text...)
	if c.padTo <= 1 && len(c.records) == 0 {
		return b
	}
	b = append(b, 0)
	for _, t := range c.records {
		b = appendTLV(b, t)
	}
	if c.padTo <= 1 {
		return b
	}
	filled := len(b) - start + tlvHeader
	return appendTLV(b, TLV{tlvPadding, zeros[:(c.padTo-filled%c.padTo)%c.padTo]})
}

var zeros [maxPadding]byte

func appendTLV(b []byte, t TLV) []byte {
	b = binary.BigEndian.AppendUint16(b, t.Type)
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.Value)))
	return append(b, t.Value...)
}

// parsePlaintext takes a plaintext apart. A record that is cut short, or one too many, ends the list, but the text is
// kept. It is short so that the compiler finds the room for a few records on the caller's stack.
func parsePlaintext(b []byte) (text []byte, records []TLV) {
	return appendRecords(make([]TLV, 0, 4), b)
}

func appendRecords(records []TLV, b []byte) ([]byte, []TLV) {
	text, rest, _ := bytes.Cut(b, []byte{0})
	s := cryptobyte.String(rest)
	for !s.Empty() && len(records) < maxRecords {
		var t TLV
		var value cryptobyte.String
		if !s.ReadUint16(&t.Type) || !s.ReadUint16LengthPrefixed(&value) {
			break
		}
		t.Value = slices.Clip(value)
		records = append(records, t)
	}
	return slices.Clip(text), records
}

// find returns the value of the first record of a type.
func find(records []TLV, kind uint16) (value []byte, found bool) {
	for _, t := range records {
		if t.Type == kind {
			return t.Value, true
		}
	}
	return nil, false
}

// unknown returns the records of types that the protocol does not define.
func unknown(records []TLV) []TLV {
	var others []TLV
	for _, t := range records {
		if t.Type > tlvExtraKey {
			others = append(others, t)
		}
	}
	return others
}
