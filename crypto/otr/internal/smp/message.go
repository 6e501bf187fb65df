package smp

import (
	"golang.org/x/crypto/cryptobyte"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
)

// A number is an Element, a Scalar or a Digest.
type number interface{ Bytes() []byte }

// message is the common form of the values of SMP TLVs: an INT with the count of MPIs, then the MPIs.
func message(numbers ...number) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint32(uint32(len(numbers)))
	for _, n := range numbers {
		addMPI(b, n)
	}
	return b.BytesOrPanic()
}

func addMPI(b *cryptobyte.Builder, n number) {
	b.AddUint32LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(n.Bytes()) })
}

// parse reads a message with exactly the given numbers, checks the range of each, and of elements also that they are
// powers of g.
func parse(message []byte, numbers ...number) error {
	s := cryptobyte.String(message)
	var count uint32
	if !s.ReadUint32(&count) || int64(count) != int64(len(numbers)) {
		return ErrMalformed
	}
	values := make([][]byte, len(numbers))
	for i := range values {
		var length uint32
		if !s.ReadUint32(&length) || int64(length) > int64(len(s)) || !s.ReadBytes(&values[i], int(length)) {
			return ErrMalformed
		}
	}
	if !s.Empty() {
		return ErrMalformed
	}
	for i, n := range numbers {
		if err := parseNumber(n, values[i]); err != nil {
			return ErrCheated
		}
	}
	return nil
}

func parseNumber(n number, value []byte) (err error) {
	switch n := n.(type) {
	case *group.Element:
		if *n, err = group.ParseElement(value); err == nil && !n.InSubgroupVarTime() {
			err = group.ErrRange
		}
	case *group.Scalar:
		*n, err = group.ParseScalar(value)
	case *group.Digest:
		*n, err = group.ParseDigest(value)
	}
	return err
}
