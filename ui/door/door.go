// Package door lets a second copy of the program knock at the first one's door, so that the window which is open already comes
// forward instead of a second one, and takes over what the second copy was started with.
//
// The door is a socket in the profile's directory. Only programs of the same person can reach it, as the directory is private.
package door

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	name     = "sotto.door"
	most     = 4 << 10 // of what one copy hands to the other, in bytes
	patience = 3 * time.Second
	answer   = "coming\n"
)

// ErrNobody means that no other copy answers.
var ErrNobody = errors.New("door: nobody answers")

// A Door is where the first copy listens.
type Door struct{ listener net.Listener }

// Open makes the door of a profile, and calls heard with what each later copy was started with, perhaps "": words from outside, at
// most 4 KiB, one line. The caller holds the profile's lock, so that a door which is there already belongs to nobody any more.
// heard runs on a goroutine of its own, one call at a time. Without a door the program works as well: the path may be too long
// for a socket.
func Open(profile string, heard func(words string)) (*Door, error) {
	path := filepath.Join(profile, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	d := &Door{l}
	go d.answer(heard)
	return d, nil
}

// Close closes the door and takes it away.
func (d *Door) Close() error { return d.listener.Close() }

func (d *Door) answer(heard func(string)) {
	for {
		c, err := d.listener.Accept()
		if err != nil {
			return
		}
		words, err := listen(c)
		if err == nil {
			heard(words)
		}
		c.Close()
	}
}

// listen takes one line and says that somebody is coming.
func listen(c net.Conn) (string, error) {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(io.LimitReader(c, most)).ReadString('\n')
	if err != nil {
		return "", err
	}
	_, err = io.WriteString(c, answer)
	return strings.TrimSuffix(line, "\n"), err
}

// Knock tells the copy that works with this profile what this one was started with: one line of at most 4 KiB. It returns nil when
// that copy will come forward, and otherwise an error that wraps ErrNobody.
func Knock(profile, words string) error {
	if len(words) >= most || strings.ContainsAny(words, "\r\n") {
		return errors.New("door: too much for one line")
	}
	c, err := net.DialTimeout("unix", filepath.Join(profile, name), patience)
	if err != nil {
		return errors.Join(ErrNobody, err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return errors.Join(ErrNobody, err)
	}
	if _, err := io.WriteString(c, words+"\n"); err != nil {
		return errors.Join(ErrNobody, err)
	}
	if got, err := io.ReadAll(io.LimitReader(c, int64(len(answer)))); err != nil || string(got) != answer {
		return errors.Join(ErrNobody, err)
	}
	return nil
}
