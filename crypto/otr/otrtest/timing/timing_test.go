package timing

import (
	"bytes"
	crand "crypto/rand"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestWelch compares with values computed by hand: means 2 and 4, variances 1 and 4, three samples each.
func TestWelch(t *testing.T) {
	got, means := welch([]uint8{0, 0, 0, 1, 1, 1, 0}, []float64{1, 2, 3, 2, 4, 6, 1000}, 10)
	if want := -2 / math.Sqrt(1.0/3+4.0/3); math.Abs(got-want) > 1e-9 || means != [2]float64{2, 4} {
		t.Errorf("t = %g of means %v, want %g", got, means, want)
	}
	if got, _ := welch([]uint8{0, 0, 1, 1}, []float64{1, 1, 2, 2}, 10); !math.IsInf(got, -1) {
		t.Errorf("t = %g of two constants", got)
	}
	if got, _ := welch([]uint8{0, 1}, []float64{1, 2}, 10); got != 0 {
		t.Errorf("t = %g of too few samples", got)
	}
}

// TestCompareFindsNothing: times from one distribution, whatever the class, are no leak, and a shift of a tenth of their
// deviation is one.
func TestCompareFindsNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 100000
	classes, times, shifted := make([]uint8, n), make([]float64, n), make([]float64, n)
	for i := range times {
		classes[i] = uint8(r.IntN(2))
		times[i] = 1000 + 50*r.NormFloat64()
		shifted[i] = times[i] + 5*float64(classes[i])
	}
	if got := compare(classes, times); got.Leaks() {
		t.Errorf("a leak was found where there is none: %v", got)
	}
	if got := compare(classes, shifted); !got.Leaks() {
		t.Errorf("a leak was not found: %v", got)
	}
}

// TestGrossLeak is the gate's own smoke detector: a comparison that ends at the first difference, over a length at which
// no noise of the machine hides it.
func TestGrossLeak(t *testing.T) {
	secret := make([]byte, 64<<10)
	Varies(t, "bytes.Equal", 2000, 1, func(class int) []byte {
		guess := make([]byte, len(secret))
		guess[len(guess)-1] = 1
		if class == Random {
			guess[0] = 1
		}
		return guess
	}, func(in []byte) { equal(in, secret) })
}

//go:noinline
func equal(a, b []byte) bool { return bytes.Equal(a, b) }

// TestTimingControls shows that the gate finds what it is for: comparisons and powers that are not constant time, of the
// size that the protocol has.
func TestTimingControls(t *testing.T) {
	Gate(t)
	secret := make([]byte, 192)
	Varies(t, "bytes.Equal of 192 bytes", 100000, 64, func(class int) []byte {
		guess := make([]byte, len(secret))
		guess[len(guess)-1] = 1
		if class == Random {
			crand.Read(guess)
		}
		return guess
	}, func(in []byte) { equal(in, secret) })

	p := new(big.Int).Lsh(big.NewInt(1), 1536)
	p.Sub(p, big.NewInt(1))
	base := new(big.Int).Rsh(p, 3)
	Varies(t, "square and multiply with 320 bits", 5000, 1, Exponents(40), func(in []byte) {
		power := big.NewInt(1)
		for i := range 8 * len(in) {
			power.Mul(power, power).Mod(power, p)
			if in[i/8]>>(7-i%8)&1 == 1 {
				power.Mul(power, base).Mod(power, p)
			}
		}
	})
}
