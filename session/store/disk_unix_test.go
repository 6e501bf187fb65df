//go:build unix

package store

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/internal/atomicfile"
)

// The tests that kill a Sotto or fill its disk run this binary again, as a small Sotto of its own.
const asChild = "SOTTO_STORE_TEST"

// children are what such a Sotto can be told to do in a directory.
var children = map[string]func(dir string){"count": count, "full": fillDisk}

func TestMain(m *testing.M) {
	if do, ok := children[os.Getenv(asChild)]; ok {
		do(os.Args[1])
		return
	}
	os.Exit(m.Run())
}

func child(t *testing.T, task, dir string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], dir)
	c.Env = append(os.Environ(), asChild+"="+task)
	c.Stderr = os.Stderr
	return c
}

// count adds a contact for ever, and says so each time the store says that it is on the disk.
func count(dir string) {
	s, err := Open(dir)
	if err != nil || s.Damaged() != "" {
		fmt.Println("cannot open:", err, s.Damaged())
		os.Exit(1)
	}
	if len(s.Settings().Accounts) == 0 {
		s.Update(func(c *Settings) { c.Accounts = []Account{{ID: "x", JID: "a@b"}} })
	}
	for {
		err := s.Update(func(c *Settings) {
			a := &c.Accounts[0]
			a.Contacts = append(a.Contacts, Contact{JID: fmt.Sprint(len(a.Contacts), "@example.org")})
		})
		if err != nil {
			fmt.Println("cannot update:", err)
			os.Exit(1)
		}
		fmt.Println(len(s.Settings().Accounts[0].Contacts))
	}
}

// TestKilledDuringSave kills, SOTTO_KILLS times or fifty, a Sotto that saves all the time: no file is damaged, nothing that was promised is lost.
func TestKilledDuringSave(t *testing.T) {
	rounds := 50
	if s := os.Getenv("SOTTO_KILLS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for round := range rounds {
		c := child(t, "count", dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		promised := 0
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatal(lines.Text())
			}
			if promised == 0 {
				time.AfterFunc(time.Duration(round%50*137)*time.Microsecond, func() { c.Process.Kill() })
			}
			promised = n
		}
		c.Wait()
		s, err := Open(dir)
		if err != nil || s.Damaged() != "" {
			t.Fatalf("round %d: %v, damaged %q", round, err, s.Damaged())
		}
		if got := len(s.Settings().Accounts[0].Contacts); promised == 0 || got < promised {
			t.Fatalf("round %d: %d contacts, %d were promised", round, got, promised)
		}
		s.Close()
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

// fillDisk lets no file grow beyond 4 kB: every write after that fails in the kernel, in the middle.
func fillDisk(dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := Open(dir)
	if err != nil {
		fmt.Println("cannot open:", err)
		os.Exit(1)
	}
	small := syscall.Rlimit{Cur: 4096, Max: 4096}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		fmt.Println("cannot limit:", err)
		os.Exit(1)
	}
	for n := range 100 {
		err := s.Update(func(c *Settings) {
			c.Accounts = append(c.Accounts, Account{ID: fmt.Sprint(n), JID: fmt.Sprint(n, "@example.org")})
		})
		if err != nil {
			fmt.Println("failed:", err)
			fmt.Println("kept in memory:", len(s.Settings().Accounts) == n+1)
			return
		}
	}
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	out, err := child(t, "full", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "failed: store: the settings were not written: ") || !strings.Contains(string(out), "kept in memory: true") {
		t.Errorf("output %q", out)
	}
	s := open(t, dir)
	if s.Damaged() != "" || len(s.Settings().Accounts) < 5 {
		t.Errorf("damaged %q, %d accounts", s.Damaged(), len(s.Settings().Accounts))
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestPermissions(t *testing.T) {
	syscall.Umask(0)
	dir := filepath.Join(t.TempDir(), "profile")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	put(t, dir, `{"version":1}`)
	wantMode(t, filepath.Join(dir, settingsName), 0o644)
	s := open(t, dir)
	wantMode(t, dir, fs.ModeDir|0o700)
	wantMode(t, filepath.Join(dir, settingsName), 0o600)
	update(t, s, func(c *Settings) { *c = example() })
	wantMode(t, filepath.Join(dir, settingsName), 0o600)
	wantMode(t, filepath.Join(dir, lockName), 0o600)
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", filepath.Base(path), info.Mode(), want)
	}
}

// TestNoWriteThroughLinks: what stands in the place of our files is neither followed nor replaced.
func TestNoWriteThroughLinks(t *testing.T) {
	for _, name := range []string{settingsName, lockName} {
		for kind, make := range map[string]func(path, target string) error{
			"link": func(path, target string) error { return os.Symlink(target, path) },
			"FIFO": func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
			"dir":  func(path, _ string) error { return os.Mkdir(path, 0o700) },
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				dir, target := t.TempDir(), filepath.Join(t.TempDir(), "target")
				if err := os.WriteFile(target, []byte(`{"version":1}`), 0o600); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, name)
				if err := make(path, target); err != nil {
					t.Fatal(err)
				}
				before, _ := os.Lstat(path)
				s, err := Open(dir)
				if err == nil && !(name == lockName && kind == "FIFO") { // a lock on a pipe is a lock
					t.Errorf("opened")
				}
				var pathError *fs.PathError
				if err != nil && !errors.As(err, &pathError) {
					t.Errorf("error %v", err)
				}
				if name == settingsName && !errors.Is(err, atomicfile.ErrNotRegular) {
					t.Errorf("error %v", err)
				}
				if s != nil {
					s.Close()
				}
				if after, _ := os.Lstat(path); after == nil || !os.SameFile(before, after) {
					t.Error("replaced")
				}
				if got, _ := os.ReadFile(target); string(got) != `{"version":1}` {
					t.Errorf("the target has become %q", got)
				}
			})
		}
	}
}

// TestLinkAppearsLater: a link that is put in the place of the settings while Sotto runs.
func TestLinkAppearsLater(t *testing.T) {
	dir, target := t.TempDir(), filepath.Join(t.TempDir(), "target")
	s := open(t, dir)
	if err := os.Symlink(target, filepath.Join(dir, settingsName)); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(func(c *Settings) { c.Preferences.Theme = "dark" }); !errors.Is(err, atomicfile.ErrNotRegular) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Error("written through the link")
	}
}

func TestDirectoryOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, errOtherOwner) {
		t.Errorf("error %v", err)
	}
}

func TestNotADirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, filepath.Join(path, "below")} {
		var pathError *fs.PathError
		if _, err := Open(dir); !errors.As(err, &pathError) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
