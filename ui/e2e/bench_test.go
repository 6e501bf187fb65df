//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/keyring/keyringtest"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"github.com/sotto-im/sotto/ui/access/accesstest"
)

const (
	benchRounds   = 15
	benchContacts = 1000
	benchSettles  = 20 * time.Second // after the start, until nothing happens any more
	benchIdle     = 20 * time.Second // that is looked at
	ticksPerSec   = 100              // of utime and stime in /proc
)

// A bench writes the rows of the table that make bench-ui prints.
type bench struct {
	t  *testing.T
	to *os.File
}

func (b bench) row(what, target, measured string, holds bool) {
	verdict := "holds"
	if !holds {
		verdict = "MISSED"
	}
	if _, err := fmt.Fprintf(b.to, "%s\t%s\t%s\t%s\n", what, target, measured, verdict); err != nil {
		b.t.Fatal(err)
	}
}

// use is what an idle program takes.
type use struct {
	pss   float64 // MB
	cpu   float64 // percent of a core
	wakes float64 // per second
}

// TestBench measures start, memory and idleness of Sotto beside a bare window of Fyne, in turns.
func TestBench(t *testing.T) {
	file := os.Getenv("SOTTO_BENCH_UI")
	if file == "" {
		t.Skip("make bench-ui runs this")
	}
	to, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	b := bench{t, to}
	secret := (&xmpptest.Marks{}).Mark()
	prosody := xmpptest.StartProsody(t, map[string]string{"alice": secret})
	writeRoster(t, prosody.Dir)
	alice := newPerson(t, "alice", keyringtest.Start(t), &xmpptest.Marks{})
	args := []string{"-ca", prosody.CAFile}
	alice.start(args...)
	alice.presses(signIn)
	alice.signsIn("alice@"+xmpptest.Domain, secret, prosody.Addr)
	alice.online()
	alice.quit()
	alice.reader.Close() // nobody listens while it is measured
	alice.bus.Stop()

	empty := keyringtest.StartBus(t)
	nobody := append([]string{"PATH=" + os.Getenv("PATH"), "LANG=en_US.UTF-8", "DISPLAY=" + alice.display.name}, empty.Env...)
	w := alice.display.watch(t)
	start := func(environ []string, binary string, args ...string) *accesstest.Process {
		p, err := accesstest.Run(environ, binary, args...)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.shown(p); err != nil {
			t.Fatalf("no window: %v: %s", err, p.Written())
		}
		return p
	}
	cases := []struct {
		name    string
		environ []string
		binary  string
		args    []string
		took    []time.Duration
		use     use
	}{
		{name: "bare Fyne", environ: nobody, binary: binaries.bare},
		{name: "no account", environ: nobody, binary: binaries.sotto},
		{name: "1 account, 1,000 contacts", environ: alice.environ(), binary: binaries.sotto, args: args},
	}
	for round := range benchRounds + 1 {
		for i := range cases {
			c := &cases[i]
			begin := time.Now()
			p := start(c.environ, c.binary, c.args...)
			if round > 0 { // the first fills the caches of fonts and files for all
				c.took = append(c.took, time.Since(begin))
			}
			p.Stop()
		}
	}
	for i := range cases {
		c := &cases[i]
		slices.Sort(c.took)
		p := start(c.environ, c.binary, c.args...)
		time.Sleep(benchSettles)
		c.use = useOf(t, p.ID())
		p.Stop()
	}
	bare := cases[0]
	t0 := bare.took[benchRounds/2]
	b.row("start to first window: bare Fyne", "1.00", fmt.Sprintf("%.0f ms", ms(t0)), true)
	for i, most := range []float64{1.25, 1.6} {
		c := cases[i+1]
		took := c.took[benchRounds/2]
		ratio := float64(took) / float64(t0)
		b.row("start to first window: "+c.name, fmt.Sprintf("<= %.2f x bare", most), fmt.Sprintf("%.0f ms, %.2f x", ms(took), ratio), ratio <= most)
	}
	b.row("memory idle (PSS): bare Fyne", "", fmt.Sprintf("%.0f MB", bare.use.pss), true)
	for i, most := range []float64{15, 40} {
		c := cases[i+1]
		more := c.use.pss - bare.use.pss
		b.row("memory idle (PSS): "+c.name, fmt.Sprintf("<= bare + %.0f MB", most), fmt.Sprintf("%.0f MB, + %.0f", c.use.pss, more), more <= most)
	}
	b.row("CPU idle: bare Fyne", "", fmt.Sprintf("%.2f %%", bare.use.cpu), true)
	for _, c := range cases[1:] {
		more := c.use.cpu - bare.use.cpu
		b.row("CPU idle: "+c.name, "<= bare + 0.2 %", fmt.Sprintf("%.2f %%, %+.2f", c.use.cpu, more), more <= 0.2)
	}
	b.row("wake-ups idle: bare Fyne", "", fmt.Sprintf("%.0f /s", bare.use.wakes), true)
	for _, c := range cases[1:] {
		more := c.use.wakes - bare.use.wakes
		b.row("wake-ups idle: "+c.name, "<= bare + 2 /s", fmt.Sprintf("%.0f /s, %+.1f", c.use.wakes, more), more <= 2)
	}
	size := stripped(t, "../..")
	b.row("stripped binary", "<= 30 MiB", fmt.Sprintf("%.1f MiB, bare %.1f", size, stripped(t, "./bare")), size <= 30)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// writeRoster gives alice contacts, where Prosody looks for them.
func writeRoster(t *testing.T, dir string) {
	t.Helper()
	var s strings.Builder
	s.WriteString("return { [false] = { [\"version\"] = 1; };\n")
	for i := range benchContacts {
		fmt.Fprintf(&s, "[\"contact%d@%s\"] = { [\"subscription\"] = \"both\"; [\"groups\"] = { [\"Group %d\"] = true; }; [\"name\"] = \"Contact %d\"; };\n", i, xmpptest.Domain, i%7, i)
	}
	s.WriteString("};\n")
	roster := filepath.Join(dir, "data", "sotto%2etest", "roster")
	if err := os.MkdirAll(roster, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(roster, "alice.dat"), []byte(s.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// useOf looks at a program for a while.
func useOf(t *testing.T, pid int) use {
	t.Helper()
	cpu, wakes := cpuTicks(t, pid), switches(t, pid)
	time.Sleep(benchIdle)
	return use{
		pss:   pss(t, pid),
		cpu:   100 * float64(cpuTicks(t, pid)-cpu) / ticksPerSec / benchIdle.Seconds(),
		wakes: float64(switches(t, pid)-wakes) / benchIdle.Seconds(),
	}
}

func proc(t *testing.T, pid int, name string) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func cpuTicks(t *testing.T, pid int) int {
	t.Helper()
	stat := proc(t, pid, "stat")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}

func pss(t *testing.T, pid int) float64 {
	t.Helper()
	return float64(number(t, proc(t, pid, "smaps_rollup"), "Pss:")) / 1024
}

// switches is how often any thread of the program has gone to sleep by itself.
func switches(t *testing.T, pid int) int {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, thread := range threads {
		if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, thread.Name())); err == nil {
			sum += number(t, string(data), "voluntary_ctxt_switches:")
		}
	}
	return sum
}

// number is the one behind a name in a file of /proc.
func number(t *testing.T, file, name string) int {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(file))
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s", name)
	return 0
}

// stripped is the size of a program as it is given to people, in MiB.
func stripped(t *testing.T, pkg string) float64 {
	t.Helper()
	to := filepath.Join(t.TempDir(), "stripped")
	if !build(to, pkg, "-ldflags", "-s -w") {
		t.Fatal("not built")
	}
	info, err := os.Stat(to)
	if err != nil {
		t.Fatal(err)
	}
	return float64(info.Size()) / (1 << 20)
}
