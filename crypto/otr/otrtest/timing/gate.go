package timing

import (
	"os"
	"testing"
)

// Gate skips the test unless the timing gate was asked for (make timing). It takes minutes, and on a machine that is
// busy with other tests it could fail without a reason.
func Gate(t *testing.T) {
	t.Helper()
	if os.Getenv("SOTTO_TIMING") == "" {
		t.Skip("the timing gate has its own target: make timing")
	}
}

// tries is how often a comparison is made. By chance one of them finds something less than once in a thousand gates.
const tries = 3

// Constant fails the test if in any of three tries the time of work seems to depend on the class of its input.
func Constant(t *testing.T, name string, samples, repeat int, input func(class int) []byte, work func(in []byte)) {
	t.Helper()
	for range tries {
		r := Compare(samples, repeat, input, work)
		t.Logf("%s: %v", name, r)
		if r.Leaks() {
			t.Errorf("%s: the time depends on the input", name)
		}
	}
}

// Varies fails the test if Compare does not find that the time of work, which does, depends on the class of its input.
func Varies(t *testing.T, name string, samples, repeat int, input func(class int) []byte, work func(in []byte)) {
	t.Helper()
	for range tries {
		r := Compare(samples, repeat, input, work)
		t.Logf("%s: %v", name, r)
		if r.Leaks() {
			return
		}
	}
	t.Errorf("%s: the time depends on the input, and it was not found", name)
}
