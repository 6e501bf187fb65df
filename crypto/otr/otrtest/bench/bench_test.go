//go:build unix

package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestShort runs everything once or twice: every item gives its ratio, and none is out of this world. How good the
// ratios are is for a quiet machine to say (make bench).
func TestShort(t *testing.T) {
	var out strings.Builder
	if err := run(&out, choose("", true)); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	seen := make(map[string]bool)
	for line := range strings.Lines(out.String()) {
		var name string
		var value float64
		if n, _ := fmt.Sscanf(strings.TrimPrefix(line, "info "), "ratio %s %f\n", &name, &value); n != 2 {
			continue
		}
		seen[name] = true
		if value < 0.0001 || value > 100 {
			t.Errorf("%s: a ratio of %g cannot be", name, value)
		}
	}
	for _, i := range items {
		if !seen[i.name] {
			t.Errorf("%s: no ratio", i.name)
		}
		if workloads[i.name] == nil {
			t.Errorf("%s: no workload", i.name)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{1, 9, 2}, 2},
		{[]float64{4, 1, 2, 100}, 3},
	} {
		if got := median(test.values); got != test.want {
			t.Errorf("median of %v is %g, want %g", test.values, got, test.want)
		}
	}
}
