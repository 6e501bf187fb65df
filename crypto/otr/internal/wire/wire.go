// Package wire reads and writes the data types of the Off-the-Record protocol that cryptobyte does not know: MPI
// and DATA ("Data types"). BYTE, SHORT and INT are ReadUint8, ReadUint16 and ReadUint32 of a cryptobyte.String,
// CTR and MAC its CopyBytes.
package wire

import (
	"encoding/binary"

	"golang.org/x/crypto/cryptobyte"
)

// MaxMPI is the greatest length of the value of an MPI that ReadMPI accepts. The longest in use, an element of the
// Diffie-Hellman group, has 192 bytes.
const MaxMPI = 200

// ReadData takes a DATA off the front of s. out shares the memory of s.
func ReadData(s *cryptobyte.String, out *[]byte) bool {
	var n uint32
	if !s.ReadUint32(&n) || uint64(n) > uint64(len(*s)) {
		return false
	}
	return s.ReadBytes(out, int(n))
}

// ReadMPI takes an MPI off the front of s and gives its value, big-endian; out shares the memory of s. An MPI that
// is not in the shortest encoding is refused, so that there is one encoding of each number and hashes over numbers
// are hashes over what was received.
func ReadMPI(s *cryptobyte.String, out *[]byte) bool {
	return ReadData(s, out) && len(*out) <= MaxMPI && (len(*out) == 0 || (*out)[0] != 0)
}

// AppendData appends data as a DATA to b.
func AppendData(b, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

// AppendMPI appends an MPI to b. The value is big-endian without leading zero bytes.
func AppendMPI(b, value []byte) []byte {
	if len(value) > 0 && value[0] == 0 {
		panic("wire: internal error: number begins with a zero byte")
	}
	return AppendData(b, value)
}
