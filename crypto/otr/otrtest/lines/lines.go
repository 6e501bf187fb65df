// Package lines is what the endpoints that otrpeer and xcryptopeer make have in common: commands in lines, answers in
// lines, byte strings as words, and a file with a key. The package comment of otrpeer has the commands.
package lines

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Out is where an endpoint prints its lines.
type Out struct{ w *bufio.Writer }

// NewOut returns an Out that prints to w, no later than at the end of each answer.
func NewOut(w io.Writer) *Out { return &Out{bufio.NewWriter(w)} }

// Printf prints a line.
func (o *Out) Printf(format string, args ...any) { fmt.Fprintf(o.w, format+"\n", args...) }

// Done ends an answer, with what went wrong if anything did.
func (o *Out) Done(err error) error {
	if err != nil {
		o.Printf("error %q", err.Error())
	}
	o.Printf("done")
	return o.w.Flush()
}

// Serve carries out commands until quit or the end of the input.
func Serve(in io.Reader, out *Out, command func(words []string) error) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if err != nil && line == "" {
			return nil
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "quit" {
			return nil
		}
		if err := out.Done(command(strings.Fields(line))); err != nil {
			return err
		}
	}
}

// Bytes returns the byte string that a word stands for.
func Bytes(word string) ([]byte, error) {
	if word == "-" {
		return nil, nil
	}
	return base64.StdEncoding.DecodeString(word)
}

// Word returns the word for a byte string.
func Word(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return base64.StdEncoding.EncodeToString(b)
}

// Key returns the encoding of a private key from a file. If there is no file, it holds from then on what generate makes.
func Key(file string, generate func() ([]byte, error)) ([]byte, error) {
	if file == "" {
		return nil, errors.New("--key is missing")
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := generate()
		if err != nil {
			return nil, err
		}
		return key, os.WriteFile(file, []byte(Word(key)+"\n"), 0o600)
	}
	if err != nil {
		return nil, err
	}
	return Bytes(strings.TrimSpace(string(text)))
}
