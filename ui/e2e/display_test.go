//go:build linux

package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/ui/access/accesstest"
)

// need fails the test where a program is missing, and says what to install.
func need(t testing.TB, program, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("this test needs %s: apt-get install %s", program, pkg)
	}
}

// A display is a screen of its own that nobody sees.
type display struct {
	name      string // for DISPLAY
	untouched bool   // nobody uses its mouse and its keyboard
}

// newDisplay starts an X server on a display that is free.
func newDisplay(t testing.TB) *display {
	t.Helper()
	need(t, "Xvfb", "xvfb")
	x, err := accesstest.Run(os.Environ(), "Xvfb", "-displayfd", "1", "-screen", "0", "1100x760x24", "-nolisten", "tcp", "+extension", "GLX", "+render", "-noreset")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Stop)
	number, err := accesstest.Await(wait, func() (string, error) {
		for line := range strings.Lines(x.Written()) {
			if n := strings.TrimSpace(line); n != "" && strings.Trim(n, "0123456789") == "" && strings.HasSuffix(line, "\n") {
				return n, nil
			}
		}
		return "", fmt.Errorf("the X server does not say its display: %s", x.Written())
	})
	if err != nil {
		t.Fatal(err)
	}
	return &display{name: ":" + number}
}

// withWindows starts a window manager.
func (d *display) withWindows(t testing.TB) *display {
	t.Helper()
	need(t, "openbox", "openbox")
	home := t.TempDir()
	wm, err := accesstest.Run(append(os.Environ(), "DISPLAY="+d.name, "HOME="+home, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"), "openbox", "--sm-disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wm.Stop)
	return d
}

// shots is where pictures of the screens go.
var shots = filepath.Join("..", "..", "build", "e2e-shots")

// shoot takes a picture of the screen when it has come to rest: what was changed a moment ago is drawn with the next frame.
func (d *display) shoot(t testing.TB, name string) {
	t.Helper()
	need(t, "scrot", "scrot")
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := filepath.Abs(filepath.Join(shots, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	const (
		tries = 8 // a cursor that blinks never rests
		rest  = 250 * time.Millisecond
	)
	var before []byte
	for range tries {
		time.Sleep(rest) // a picture that is taken at once shows what was there before
		if out, err := d.run("scrot", "-o", file); err != nil {
			t.Errorf("scrot: %v: %s", err, out)
			return
		}
		now, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			return
		}
		if bytes.Equal(before, now) {
			return
		}
		before = now
	}
}

// keys types on the keyboard of the display, into the window that has it.
func (d *display) keys(t testing.TB, args ...string) {
	t.Helper()
	need(t, "xdotool", "xdotool")
	if d.untouched {
		t.Fatalf("xdotool %q on a display that nobody touches", args)
	}
	if out, err := d.run("xdotool", args...); err != nil {
		t.Fatalf("xdotool %q: %v: %s", args, err, out)
	}
}

func (d *display) run(name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "DISPLAY="+d.name)
	return c.CombinedOutput()
}

// A watch hears when windows are shown on a display that has no window manager.
type watch struct{ conn net.Conn }

// The requests and events of the X11 protocol that a watch needs.
const (
	x11ChangeWindowAttributes = 2
	x11EventMask              = 0x800
	x11SubstructureNotify     = 0x80000
	x11MapNotify              = 19
	x11GetGeometry            = 14
	x11GetImage               = 73
)

func (d *display) watch(t testing.TB) *watch {
	t.Helper()
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+strings.TrimPrefix(d.name, ":"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	root, err := greet(conn)
	if err != nil {
		t.Fatal(err)
	}
	request := []byte{x11ChangeWindowAttributes, 0, 4, 0}
	request = binary.LittleEndian.AppendUint32(request, root)
	request = binary.LittleEndian.AppendUint32(request, x11EventMask)
	request = binary.LittleEndian.AppendUint32(request, x11SubstructureNotify)
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	return &watch{conn}
}

// greet opens a connection of the X11 protocol and returns the root window.
func greet(conn net.Conn) (uint32, error) {
	if _, err := conn.Write([]byte{'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return 0, err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return 0, err
	}
	body := make([]byte, 4*int(binary.LittleEndian.Uint16(head[6:])))
	if _, err := io.ReadFull(conn, body); err != nil {
		return 0, err
	}
	const fixed, format = 32, 8
	if head[0] != 1 || len(body) < fixed {
		return 0, errors.New("the X server refused the connection")
	}
	vendor := int(binary.LittleEndian.Uint16(body[16:])+3) / 4 * 4
	screens := fixed + vendor + format*int(body[21])
	if len(body) < screens+4 {
		return 0, errors.New("the X server has no screen")
	}
	return binary.LittleEndian.Uint32(body[screens:]), nil
}

// shown waits until a window is shown, and returns it, or the program that was to show it has ended.
func (w *watch) shown(by *accesstest.Process) (uint32, error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return 0, err
	}
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-by.Ended():
			_ = w.conn.SetReadDeadline(time.Now()) // an event that is there already is still read
		case <-over:
		}
	}()
	event := make([]byte, 32)
	for event[0]&0x7f != x11MapNotify {
		if _, err := io.ReadFull(w.conn, event); err != nil {
			return 0, err
		}
	}
	return binary.LittleEndian.Uint32(event[8:]), nil
}

// painted waits until more is to be seen in a window than its background.
func (w *watch) painted(window uint32) error {
	const plain = 3 // colours at most in a window that is empty
	for {
		size, err := w.ask(x11GetGeometry, 0, binary.LittleEndian.AppendUint32(nil, window))
		if err != nil {
			return err
		}
		if size == nil {
			return errors.New("the window is gone")
		}
		request := binary.LittleEndian.AppendUint32(nil, window)
		request = append(request, 0, 0, 0, 0)             // from its corner
		request = append(request, size[16:20]...)         // as wide and as high as it is
		request = append(request, 0xff, 0xff, 0xff, 0xff) // all planes
		picture, err := w.ask(x11GetImage, 2, request)    // 2: whole pixels
		if err != nil {
			return err
		}
		if picture != nil && manyColours(picture[32:], plain) {
			return nil
		}
	}
}

func manyColours(pixels []byte, plain int) bool {
	seen := map[uint32]bool{}
	for ; len(pixels) >= 4; pixels = pixels[4:] {
		seen[binary.LittleEndian.Uint32(pixels)&0xffffff] = true
		if len(seen) > plain {
			return true
		}
	}
	return false
}

// ask sends a request and returns its answer, nil for one that was refused. Events that come meanwhile are passed over.
func (w *watch) ask(opcode, detail byte, body []byte) ([]byte, error) {
	if err := w.conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	request := binary.LittleEndian.AppendUint16([]byte{opcode, detail}, uint16(1+len(body)/4))
	if _, err := w.conn.Write(append(request, body...)); err != nil {
		return nil, err
	}
	for {
		head := make([]byte, 32)
		if _, err := io.ReadFull(w.conn, head); err != nil {
			return nil, err
		}
		switch head[0] {
		case 0:
			return nil, nil
		case 1:
			rest := make([]byte, 4*int(binary.LittleEndian.Uint32(head[4:])))
			if _, err := io.ReadFull(w.conn, rest); err != nil {
				return nil, err
			}
			return append(head, rest...), nil
		}
	}
}
