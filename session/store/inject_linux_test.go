package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

const (
	injectedSaves = 60 // of a Sotto whose N-th system call of a kind fails
	injectedFirst = 3  // N, in tests; all of them with SOTTO_KILLS
	injectedLast  = 50

	injectedTold    = 3 // what that Sotto ends with: it was told that saving failed, and then saving went on
	injectedRefused = 4 // it was told at the start, and stopped there
)

func init() { children["inject"] = saveInjected }

// saveInjected is that Sotto. It does everything on one thread, on which strace counts.
func saveInjected(dir string) {
	runtime.LockOSThread()
	s, err := Open(dir)
	if err != nil {
		os.Exit(injectedRefused)
	}
	failed := 0
	for n := range injectedSaves {
		if err := s.Update(func(c *Settings) {
			c.Accounts = append(c.Accounts, Account{ID: fmt.Sprint(n), JID: fmt.Sprint(n, "@b")})
		}); err != nil {
			failed++
		}
		if len(s.Settings().Accounts) != n+1 {
			os.Exit(1)
		}
	}
	if failed > 0 {
		os.Exit(injectedTold)
	}
}

var injectedSave = regexp.MustCompile(`\.new-settings\.json.*\(INJECTED\)`)

// TestInjectedFaults lets the kernel refuse, one after the other, what saving consists of: the disk is full, or broken. What was saved before
// stays whole, the fault is told, and the next save has everything.
func TestInjectedFaults(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("apt-get install strace")
	}
	if out, err := exec.Command("strace", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		t.Skipf("this system does not let a program be traced: %v %s", err, out)
	}
	last := injectedFirst
	if os.Getenv("SOTTO_KILLS") != "" {
		last = injectedLast
	}
	for _, fault := range []string{"write:error=ENOSPC", "write:error=EIO", "fsync:error=EIO", "fsync:error=ENOSPC", "/^rename:error=EIO", "/^rename:error=ENOSPC"} {
		t.Run(fault, func(t *testing.T) {
			hit := 0
			for n := 1; n <= last; n++ {
				if tryInjected(t, fmt.Sprintf("%s:when=%d", fault, n)) {
					hit++
				}
			}
			if hit < last/2 {
				t.Errorf("only %d of %d faults hit a save", hit, last)
			}
			t.Logf("%d of %d faults hit a save", hit, last)
		})
	}
}

// tryInjected reports whether the fault hit a save.
func tryInjected(t *testing.T, fault string) (hit bool) {
	t.Helper()
	dir, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	kind, _, _ := strings.Cut(fault, ":")
	c := exec.Command("strace", "-f", "-y", "-o", log, "-e", "trace="+kind, "-e", "inject="+fault, os.Args[0], dir)
	c.Env = append(os.Environ(), asChild+"=inject")
	out, err := c.CombinedOutput()
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	trace, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer trace.Close()
	for lines := bufio.NewScanner(trace); lines.Scan(); {
		hit = hit || injectedSave.MatchString(lines.Text())
	}
	if code != 0 && code != injectedTold && code != injectedRefused {
		t.Fatalf("%s: ended with %d: %s", fault, code, out)
	}
	if hit && code == 0 {
		t.Errorf("%s: a save failed and nobody was told", fault)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatalf("%s: %v", fault, err)
	}
	defer s.Close()
	if got := len(s.Settings().Accounts); s.Damaged() != "" || code != injectedRefused && got != injectedSaves && (code == 0 || got < injectedSaves-1) {
		t.Errorf("%s: damaged %q, %d accounts", fault, s.Damaged(), got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 2 {
		t.Errorf("%s: left behind: %v", fault, entries)
	}
	return hit
}
