package outside

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// speakX answers one client as an X server does, whose root window is 0x1d5 and whose extension has the opcode 144.
func speakX(c net.Conn, idle uint32, extension bool) error {
	hello := make([]byte, 12)
	if _, err := io.ReadFull(c, hello); err != nil {
		return err
	}
	rest := (int(binary.LittleEndian.Uint16(hello[6:]))+3)/4*4 + (int(binary.LittleEndian.Uint16(hello[8:]))+3)/4*4
	if _, err := io.CopyN(io.Discard, c, int64(rest)); err != nil {
		return err
	}
	body := make([]byte, 32+8+8+40)
	binary.LittleEndian.PutUint16(body[16:], 5) // of the vendor's name, which is padded to 8
	body[20], body[21] = 1, 1                   // screens, formats
	binary.LittleEndian.PutUint32(body[32+8+8:], 0x1d5)
	head := []byte{1, 0, 11, 0, 0, 0, 0, 0}
	binary.LittleEndian.PutUint16(head[6:], uint16(len(body)/4))
	if _, err := c.Write(append(head, body...)); err != nil {
		return err
	}
	for {
		head := make([]byte, 4)
		if _, err := io.ReadFull(c, head); err != nil {
			return nil
		}
		request := make([]byte, 4*int(binary.LittleEndian.Uint16(head[2:]))-4)
		if _, err := io.ReadFull(c, request); err != nil {
			return err
		}
		event := make([]byte, 32)
		event[0] = 12
		answer := make([]byte, 32)
		answer[0] = 1
		switch {
		case head[0] == xQueryExtension && bytes.Contains(request, []byte(xSaverExtension)) && extension:
			answer[8], answer[9] = 1, 144
		case head[0] == 144 && head[1] == xSaverQueryInfo && binary.LittleEndian.Uint32(request) == 0x1d5:
			binary.LittleEndian.PutUint32(answer[16:], idle)
		case head[0] != xQueryExtension:
			answer[0] = 0
		}
		if _, err := c.Write(append(event, answer...)); err != nil {
			return err
		}
	}
}

func TestScreenSaverExtension(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go speakX(theirs, 61_250, true)
	x := &xServer{conn: ours}
	if err := x.setUp([]byte("0123456789abcdef")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if since, err := x.idle(); err != nil || since != 61_250*time.Millisecond {
			t.Errorf("%v %v", since, err)
		}
	}
}

func TestNoScreenSaverExtension(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go speakX(theirs, 0, false)
	if err := (&xServer{conn: ours}).setUp(nil); err == nil {
		t.Error("no error")
	}
}

func TestDisplayNumber(t *testing.T) {
	for display, want := range map[string]string{":0": "0", ":17.1": "17", "unix:3": "3", "": "", "far.example.org:0": "", ":": "", ":x": "", ":1/../../2": ""} {
		if got, err := displayNumber(display); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", display, got, err)
		}
	}
}

func TestCookies(t *testing.T) {
	entry := func(family uint16, fields ...string) []byte {
		b := binary.BigEndian.AppendUint16(nil, family)
		for _, f := range fields {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(f))), f...)
		}
		return b
	}
	file := bytes.Join([][]byte{entry(256, "host", "1", xCookie, "one"), entry(256, "host", "2", "XDM-AUTHORIZATION-1", "no"),
		entry(256, "host", "2", xCookie, "two"), entry(65535, "", "", xCookie, "any")}, nil)
	for number, want := range map[string]string{"1": "one", "2": "two", "3": "any"} {
		if got := findCookie(file, number); string(got) != want {
			t.Errorf("display %s: %q", number, got)
		}
	}
	for cut := range len(file) {
		findCookie(file[:cut], "9")
	}
}

func FuzzCookies(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x04host\x00\x011\x00\x12MIT-MAGIC-COOKIE-1\x00\x03abc"))
	f.Fuzz(func(t *testing.T, data []byte) { findCookie(data, "1") })
}
