//go:build linux

package e2e

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/keyring/keyringtest"
	"github.com/sotto-im/sotto/ui/access/accesstest"
)

// TestStart measures how long it takes from the start of the process to the first window, beside a bare window of Fyne.
func TestStart(t *testing.T) {
	const rounds = 9
	d := newDisplay(t)
	session := keyringtest.StartBus(t)
	environ := append([]string{"PATH=" + os.Getenv("PATH"), "LANG=en_US.UTF-8", "DISPLAY=" + d.name}, session.Env...)
	w := d.watch(t)
	once := func(binary string) time.Duration {
		begin := time.Now()
		p, err := accesstest.Run(environ, binary)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Stop()
		if _, err := w.shown(p); err != nil {
			t.Fatalf("no window: %v: %s", err, p.Written())
		}
		return time.Since(begin)
	}
	once(binaries.bare) // fills the caches of fonts and files for both
	once(binaries.sotto)
	var bare, sotto []time.Duration
	for range rounds {
		bare, sotto = append(bare, once(binaries.bare)), append(sotto, once(binaries.sotto))
	}
	slices.Sort(bare)
	slices.Sort(sotto)
	b, s := bare[rounds/2], sotto[rounds/2]
	t.Logf("start to first window, median of %d: Sotto %v, bare Fyne %v, ratio %.2f", rounds, s.Round(time.Millisecond), b.Round(time.Millisecond), float64(s)/float64(b))
}
