package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestReadOnly: a home that became read-only is an error that is said, and nothing else; so is one that was so from the beginning.
func TestReadOnly(t *testing.T) {
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("only root can mount a file system: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(mount, syscall.MNT_DETACH) })
	dir := filepath.Join(mount, "profile")
	s := open(t, dir)
	update(t, s, func(c *Settings) { *c = example() })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := onDisk(t, dir)
	if err := syscall.Mount("", mount, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, there := range []string{dir, filepath.Join(mount, "another")} {
		var pathError *fs.PathError
		if _, err := Open(there); !errors.Is(err, syscall.EROFS) || !errors.As(err, &pathError) {
			t.Errorf("opening %s: %v", filepath.Base(there), err)
		}
	}
	if after := onDisk(t, dir); !bytes.Equal(before, after) {
		t.Errorf("it has become %s", after)
	}
	if err := syscall.Mount("", mount, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	if again := open(t, dir); len(again.Settings().Accounts) != 1 {
		t.Errorf("writable again: %+v", again.Settings())
	}
}

// TestNoSpace fills a real file system of 64 kB: the last settings that fitted stay whole, and saving goes on when there is room again.
func TestNoSpace(t *testing.T) {
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("only root can mount a file system: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(mount, syscall.MNT_DETACH) })
	dir := filepath.Join(mount, "profile")
	s := open(t, dir)
	ballast := filepath.Join(mount, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 40<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	var full error
	kept := 0
	for n := 0; full == nil && n < 1000; n++ {
		full = s.Update(func(c *Settings) {
			c.Accounts = append(c.Accounts, Account{ID: fmt.Sprint(n), JID: fmt.Sprint(n, "@example.org")})
		})
		if full == nil {
			kept++
		}
	}
	if !errors.Is(full, syscall.ENOSPC) {
		t.Fatalf("after %d accounts: %v", kept, full)
	}
	on, err := parse(onDisk(t, dir))
	if err != nil || len(on.Accounts) != kept {
		t.Fatalf("on the full disk: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(*Settings) {})
	if on, err = parse(onDisk(t, dir)); err != nil || len(on.Accounts) != kept+1 {
		t.Fatalf("with room again: %v", err)
	}
	t.Logf("the disk was full after %d accounts", kept)
}
