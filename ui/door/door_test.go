package door

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// profile is a directory whose path is short enough for a socket.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func open(t *testing.T, dir string) <-chan string {
	t.Helper()
	heard := make(chan string, 16)
	d, err := Open(dir, func(words string) { heard <- words })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return heard
}

func want(t *testing.T, heard <-chan string, words string) {
	t.Helper()
	select {
	case got := <-heard:
		if got != words {
			t.Errorf("heard %q, not %q", got, words)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%q was never heard", words)
	}
}

func TestKnock(t *testing.T) {
	dir := profile(t)
	if err := Knock(dir, ""); !errors.Is(err, ErrNobody) {
		t.Errorf("with nobody there: %v", err)
	}
	heard := open(t, dir)
	for _, words := range []string{"", "xmpp:bob@example.org?message", strings.Repeat("é", 2000)} {
		if err := Knock(dir, words); err != nil {
			t.Errorf("%q: %v", words, err)
			continue
		}
		want(t, heard, words)
	}
	for _, words := range []string{"two\nlines", strings.Repeat("x", most)} {
		if err := Knock(dir, words); err == nil {
			t.Errorf("%d bytes were handed over", len(words))
		}
	}
}

// TestRudeVisitors: whoever says too much or nothing does not keep the next one waiting for ever, and is not heard.
func TestRudeVisitors(t *testing.T) {
	dir := profile(t)
	heard := open(t, dir)
	for _, words := range []string{"", "no line feed", strings.Repeat("x", 10*most) + "\n"} {
		c, err := net.Dial("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			io.WriteString(c, words)
			c.(*net.UnixConn).CloseWrite()
		}()
		io.ReadAll(c)
		c.Close()
	}
	if err := Knock(dir, "polite"); err != nil {
		t.Fatal(err)
	}
	want(t, heard, "polite")
}

// TestLeftBehind: the door of a program that was killed does not keep the next one from opening its own.
func TestLeftBehind(t *testing.T) {
	dir := profile(t)
	l, err := net.Listen("unix", filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if err := Knock(dir, ""); !errors.Is(err, ErrNobody) {
		t.Errorf("at a door left behind: %v", err)
	}
	heard := open(t, dir)
	if err := Knock(dir, "again"); err != nil {
		t.Fatal(err)
	}
	want(t, heard, "again")
	if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the door: %v, %v", info, err)
	}
}

// TestClosed: nothing is left, and nobody answers.
func TestClosed(t *testing.T) {
	dir := profile(t)
	d, err := Open(dir, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Knock(dir, ""); !errors.Is(err, ErrNobody) {
		t.Errorf("after closing: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPathTooLong(t *testing.T) {
	dir := filepath.Join(profile(t), strings.Repeat("x", 200))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, func(string) {}); err == nil {
		t.Error("a door was opened where there can be none")
	}
}
