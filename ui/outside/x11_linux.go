package outside

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The little of the X Window System Protocol, Version 11, that asks the MIT-SCREEN-SAVER extension how long nobody has touched anything.
const (
	xQueryExtension  = 98
	xSaverQueryInfo  = 1
	xReply           = 1
	xError           = 0
	xReplySize       = 32
	xMaxSetup        = 1 << 20
	xSaverExtension  = "MIT-SCREEN-SAVER"
	xCookie          = "MIT-MAGIC-COOKIE-1"
	xAnswerIn        = 2 * time.Second
	xAuthorityFamily = 256 // local
	xAnyFamily       = 65535
	xMaxAuthority    = 1 << 20
)

var errX = errors.New("outside: the X server does not answer as it should")

// An xServer is a connection to the X server of this computer.
type xServer struct {
	conn   net.Conn
	root   uint32
	opcode byte // of the extension
}

// dialX connects to a display of this computer.
func dialX(display string) (*xServer, error) {
	number, err := displayNumber(display)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("unix", "/tmp/.X11-unix/X"+number, xAnswerIn)
	if err != nil {
		return nil, err
	}
	x := &xServer{conn: conn}
	if err := x.setUp(authority(number)); err != nil {
		conn.Close()
		return nil, err
	}
	return x, nil
}

// displayNumber is N of :N or unix:N, with or without a screen behind it.
func displayNumber(display string) (string, error) {
	host, rest, ok := strings.Cut(display, ":")
	number, _, _ := strings.Cut(rest, ".")
	if _, err := strconv.ParseUint(number, 10, 16); err != nil || !ok || host != "" && host != "unix" {
		return "", fmt.Errorf("outside: not a display of this computer: %q", display)
	}
	return number, nil
}

func (x *xServer) close() { x.conn.Close() }

func (x *xServer) setUp(cookie []byte) error {
	x.conn.SetDeadline(time.Now().Add(xAnswerIn))
	var b bytes.Buffer
	name := ""
	if cookie != nil {
		name = xCookie
	}
	b.WriteString("l\x00") // least significant byte first
	put16(&b, 11, 0, uint16(len(name)), uint16(len(cookie)), 0)
	b.WriteString(padded(name))
	b.WriteString(padded(string(cookie)))
	if _, err := x.conn.Write(b.Bytes()); err != nil {
		return err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(x.conn, head); err != nil {
		return err
	}
	body := make([]byte, 4*int(binary.LittleEndian.Uint16(head[6:])))
	if len(body) > xMaxSetup {
		return errX
	}
	if _, err := io.ReadFull(x.conn, body); err != nil {
		return err
	}
	if head[0] != 1 || len(body) < 32 {
		return errX
	}
	vendor, formats := int(binary.LittleEndian.Uint16(body[16:])), int(body[21])
	screen := 32 + (vendor+3)/4*4 + 8*formats
	if len(body) < screen+4 || body[20] == 0 {
		return errX
	}
	x.root = binary.LittleEndian.Uint32(body[screen:])
	return x.findExtension()
}

func (x *xServer) findExtension() error {
	var b bytes.Buffer
	b.Write([]byte{xQueryExtension, 0})
	put16(&b, uint16(2+(len(xSaverExtension)+3)/4), uint16(len(xSaverExtension)), 0)
	b.WriteString(padded(xSaverExtension))
	answer, err := x.ask(b.Bytes())
	if err != nil {
		return err
	}
	if answer[8] == 0 {
		return errX // no such extension
	}
	x.opcode = answer[9]
	return nil
}

// idle asks how long nobody has touched anything.
func (x *xServer) idle() (time.Duration, error) {
	x.conn.SetDeadline(time.Now().Add(xAnswerIn))
	var b bytes.Buffer
	b.Write([]byte{x.opcode, xSaverQueryInfo})
	put16(&b, 2, uint16(x.root), uint16(x.root>>16))
	answer, err := x.ask(b.Bytes())
	if err != nil {
		return 0, err
	}
	return time.Duration(binary.LittleEndian.Uint32(answer[16:])) * time.Millisecond, nil
}

// ask sends a request and returns its answer. Events, which nobody has asked for, are passed over.
func (x *xServer) ask(request []byte) ([]byte, error) {
	if _, err := x.conn.Write(request); err != nil {
		return nil, err
	}
	for range 64 {
		answer := make([]byte, xReplySize)
		if _, err := io.ReadFull(x.conn, answer); err != nil {
			return nil, err
		}
		switch answer[0] {
		case xError:
			return nil, errX
		case xReply:
			more := int64(binary.LittleEndian.Uint32(answer[4:])) * 4
			if more > xMaxSetup {
				return nil, errX
			}
			_, err := io.CopyN(io.Discard, x.conn, more)
			return answer, err
		}
	}
	return nil, errX
}

func put16(b *bytes.Buffer, values ...uint16) {
	for _, v := range values {
		b.Write(binary.LittleEndian.AppendUint16(nil, v))
	}
}

func padded(s string) string { return s + strings.Repeat("\x00", (4-len(s)%4)%4) }

// authority is the cookie for a display, nil where there is none.
func authority(number string) []byte {
	path := os.Getenv("XAUTHORITY")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil
		}
		path = filepath.Join(home, ".Xauthority")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, xMaxAuthority))
	if err != nil {
		return nil
	}
	return findCookie(data, number)
}

// findCookie looks through the entries of an authority file: family, address, number, name and data.
func findCookie(data []byte, number string) []byte {
	next := func() ([]byte, bool) {
		if len(data) < 2 {
			return nil, false
		}
		n := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+n {
			return nil, false
		}
		field := data[2 : 2+n]
		data = data[2+n:]
		return field, true
	}
	for len(data) >= 2 {
		family := binary.BigEndian.Uint16(data)
		data = data[2:]
		var fields [4][]byte
		for i := range fields {
			field, ok := next()
			if !ok {
				return nil
			}
			fields[i] = field
		}
		ours := string(fields[1]) == number || len(fields[1]) == 0
		if (family == xAuthorityFamily || family == xAnyFamily) && ours && string(fields[2]) == xCookie {
			return fields[3]
		}
	}
	return nil
}
