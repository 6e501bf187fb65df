//go:build unix

// Bench measures the library beside libotr: the same work in one run, taken in turns, so that what else the machine
// does falls on both. For each item it prints
//
//	ratio NAME VALUE
//
// which is the CPU time of both endpoints together, with everything that the garbage collector does meanwhile, divided
// by that of libotr: of the medians over all rounds. The item "memory" is the bytes that an idle encrypted endpoint
// takes instead. Lines that begin with "info" say more.
//
// A Go program collects garbage each time its heap has doubled, but not before it has 4 MiB. No program with a window is as
// small as that, so ours keeps as much on its heap as -heap says: 16 MiB, a fraction of what Sotto has.
//
// It must run in its own folder, where it finds the other half.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
)

// An item is a workload that both halves know.
type item struct {
	name   string
	rounds int // of ours and theirs in turns
	count  int // how often the work is done in a round
}

// The search for a DSA key takes now this long, now ten times that: its rounds are many and each is a mean of several.
var items = []item{
	{"dsa-key", 25, 10},
	{"ake", 15, 20},
	{"oneway-10", 15, 4000},
	{"oneway-1k", 15, 3000},
	{"oneway-64k", 15, 100},
	{"oneway-64k-frag", 15, 100},
	{"pingpong-1k", 15, 40},
	{"smp", 9, 1},
	{"garbage", 15, 20000},
	{"forged", 15, 10000},
	{"flood", 15, 100},
	{"memory", 1, 1000},
}

// short is what is done of an item to see that it works.
func (i item) short() item {
	const fewer = 20
	return item{i.name, min(i.rounds, 2), max(i.count/fewer, 1)}
}

func main() {
	short := flag.Bool("short", false, "a few rounds, to see that it works")
	only := flag.String("only", "", "items, separated by commas")
	heap := flag.Int("heap", 16, "MiB of our heap that are always in use")
	flag.Parse()
	inhabited := make([]byte, *heap<<20)
	defer runtime.KeepAlive(inhabited)
	if err := run(os.Stdout, choose(*only, *short)); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func choose(only string, short bool) []item {
	var chosen []item
	for _, i := range items {
		if only != "" && !slices.Contains(strings.Split(only, ","), i.name) {
			continue
		}
		if short {
			i = i.short()
		}
		chosen = append(chosen, i)
	}
	return chosen
}

// run measures the items and prints what comes out.
func run(w io.Writer, items []item) error {
	theirs, err := startTheirs()
	if err != nil {
		return err
	}
	defer theirs.close()
	ours, err := newOurs()
	if err != nil {
		return err
	}
	for _, i := range items {
		if err := measure(w, i, ours, theirs); err != nil {
			return err
		}
	}
	return nil
}

// measure does the rounds of an item. Ours comes first in every other. What sends texts is also done without padding,
// which libotr does not have.
func measure(w io.Writer, i item, ours *ours, theirs *theirs) error {
	work := workloads[i.name]
	padded := strings.HasPrefix(i.name, "oneway") || strings.HasPrefix(i.name, "pingpong")
	turns := []func() (float64, error){
		func() (float64, error) { return work(ours, i.count) },
		func() (float64, error) { return theirs.work(i) },
	}
	if padded {
		turns = append(turns, func() (float64, error) { return work(ours.unpadded(), i.count) })
	}
	values := make([][]float64, len(turns))
	for round := range i.rounds {
		for n := range turns {
			turn := (n + round) % len(turns)
			value, err := turns[turn]()
			if err != nil {
				return fmt.Errorf("%s: %w", i.name, err)
			}
			values[turn] = append(values[turn], value/float64(i.count))
		}
	}
	a, b := median(values[0]), median(values[1])
	what := "ratio"
	if i.name == "flood" {
		what = "info ratio" // D-H Commit Messages under many tags: how little such a flood costs
	}
	fmt.Fprintf(w, "%s %s %.3f\n", what, i.name, a/b)
	unit, divisor := "microseconds", 1e3
	if i.name == "memory" {
		unit, divisor = "bytes", 2 // two endpoints
	}
	fmt.Fprintf(w, "info %s ours %.2f libotr %.2f %s, %d rounds of %d\n", i.name, a/divisor, b/divisor, unit, i.rounds, i.count)
	if padded {
		fmt.Fprintf(w, "info %s ratio without padding %.3f\n", i.name, median(values[2])/b)
	}
	return nil
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
