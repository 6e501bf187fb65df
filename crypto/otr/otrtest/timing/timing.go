// Package timing finds out whether the time that an operation takes depends on its input, as dudect does: the same
// operation is timed many times over, on inputs of two classes in random order, and Welch's t-test says whether the
// times of the two classes have the same mean. It cannot prove that they have, only fail to find a difference; that it
// finds one where there is one is tested with operations that are known to differ.
package timing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// Limit is the value of |t| from which on the means are taken to be different: by chance that happens seven times in a
// million.
const Limit = 4.5

// Classes of inputs.
const (
	Fixed  = 0 // the same each time
	Random = 1 // another one each time
)

// A Result is what a comparison found.
type Result struct {
	Samples int     // how many times were taken
	All     float64 // t of all times
	Cropped float64 // t of the 90 % that are shortest: without what else the machine did
	Mean    [2]time.Duration
}

// Leaks says whether the classes can be told apart.
func (r Result) Leaks() bool { return math.Abs(r.All) >= Limit || math.Abs(r.Cropped) >= Limit }

// String returns a line for people.
func (r Result) String() string {
	return fmt.Sprintf("t = %+.2f of all, %+.2f of the shortest 90 %%; means %v and %v; %d samples", r.All, r.Cropped, r.Mean[Fixed], r.Mean[Random], r.Samples)
}

// Compare times work as often as samples says, and in each sample repeat times on the same input. All inputs are made
// beforehand and lie in memory one after the other, whatever their class; work is given each in the same place.
func Compare(samples, repeat int, input func(class int) []byte, work func(in []byte)) Result {
	classes := make([]uint8, samples)
	size := len(input(Fixed))
	inputs := make([]byte, 0, samples*size)
	for i := range classes {
		classes[i] = uint8(rand.IntN(2))
		inputs = append(inputs, input(int(classes[i]))...)
	}
	times := make([]float64, samples)

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const between = 1000 // samples, after which the garbage is collected
	in := make([]byte, size)
	for i := range times {
		if i%between == 0 {
			runtime.GC()
		}
		copy(in, inputs[i*size:])
		start := time.Now()
		for range repeat {
			work(in)
		}
		times[i] = float64(time.Since(start))
	}
	const warmUp = 10 // the first samples fill caches
	return compare(classes[min(warmUp, samples):], times[min(warmUp, samples):])
}

func compare(classes []uint8, times []float64) Result {
	sorted := slices.Sorted(slices.Values(times))
	var r Result
	r.Samples = len(times)
	var means [2]float64
	r.All, means = welch(classes, times, math.Inf(1))
	r.Cropped, _ = welch(classes, times, sorted[len(sorted)*9/10])
	r.Mean = [2]time.Duration{time.Duration(means[Fixed]), time.Duration(means[Random])}
	return r
}

// welch returns t of the times that are at most limit.
func welch(classes []uint8, times []float64, limit float64) (t float64, means [2]float64) {
	var n, squares [2]float64
	for i, x := range times {
		if x > limit {
			continue
		}
		c := classes[i]
		n[c]++
		delta := x - means[c]
		means[c] += delta / n[c]
		squares[c] += delta * (x - means[c])
	}
	if n[0] < 2 || n[1] < 2 {
		return 0, means
	}
	difference := means[Fixed] - means[Random]
	variance := squares[0]/(n[0]-1)/n[0] + squares[1]/(n[1]-1)/n[1]
	if variance == 0 {
		if difference == 0 {
			return 0, means
		}
		return math.Copysign(math.Inf(1), difference), means
	}
	return difference / math.Sqrt(variance), means
}
