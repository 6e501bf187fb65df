package wire

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

var encodings = []struct {
	encoded   string
	data, mpi bool // is a DATA, an MPI
}{
	{"\x00\x00\x00\x00", true, true},
	{"\x00\x00\x00\x01\x01", true, true},
	{"\x00\x00\x00\x02\x01\x00", true, true},
	{"\x00\x00\x00\x01\x00", true, false}, // not the shortest
	{"\x00\x00\x00\x02\x00\x01", true, false},
	{"", false, false},
	{"\x00\x00\x00", false, false},
	{"\x00\x00\x00\x01", false, false},
	{"\xff\xff\xff\xff\x01", false, false},
	{"\x7f\xff\xff\xff\x01", false, false},
	{"\x80\x00\x00\x00", false, false},
}

func TestRead(t *testing.T) {
	for _, e := range encodings {
		var out []byte
		s := cryptobyte.String(e.encoded)
		if got := ReadData(&s, &out); got != e.data || got && !s.Empty() {
			t.Errorf("ReadData(%x) is %t", e.encoded, got)
		}
		s = cryptobyte.String(e.encoded)
		if got := ReadMPI(&s, &out); got != e.mpi {
			t.Errorf("ReadMPI(%x) is %t", e.encoded, got)
		}
	}
	for _, length := range []int{MaxMPI, MaxMPI + 1} {
		var out []byte
		s := cryptobyte.String(AppendMPI(nil, bytes.Repeat([]byte{1}, length)))
		if got := ReadMPI(&s, &out); got != (length <= MaxMPI) {
			t.Errorf("ReadMPI of %d bytes is %t", length, got)
		}
	}
}

func TestAppendMPIPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a number with a leading zero byte is written")
		}
	}()
	AppendMPI(nil, []byte{0, 1})
}

func FuzzRead(f *testing.F) {
	for _, e := range encodings {
		f.Add([]byte(e.encoded))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out []byte
		s := cryptobyte.String(b)
		if ReadData(&s, &out) {
			if again := append(AppendData(nil, out), s...); !bytes.Equal(again, b) {
				t.Errorf("DATA %x comes out as %x", b, again)
			}
		}
		s = cryptobyte.String(b)
		if ReadMPI(&s, &out) {
			if again := append(AppendMPI(nil, out), s...); !bytes.Equal(again, b) {
				t.Errorf("MPI %x comes out as %x", b, again)
			}
		}
	})
}
