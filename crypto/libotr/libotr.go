// Package libotr reads and writes the files in which libotr, and with it Pidgin, Adium, Profanity and other programs,
// keeps what a user has: private keys (otr.private_key), the keys of correspondents and the trust in them
// (otr.fingerprints), and instance tags (otr.instance_tags). It turns bytes into values and back, and does no I/O.
//
// What libotr writes, the package reads, and the other way round. Programs differ in how they name accounts and
// protocols: Pidgin says "alice@example.org/" and "prpl-jabber", Profanity "alice@example.org" and "xmpp", Adium has a
// number for the account. The package passes names on as they are, bytes that are usually UTF-8, and leaves to the caller
// whose they are.
//
// A file of keys is read whole or not at all. Of the other two, whose lines have nothing to do with each other, every
// good line is returned beside the error for the bad ones.
//
// Whoever moves to another program takes keys and fingerprints along, but not instance tags: two clients with the same
// tag disturb each other.
//
// # Secrets
//
// The file of keys holds secrets: the caller keeps it where only its owner can read (mode 0600), and clears the slice
// after use. The package clears what it made of it on the way, and puts nothing of a file into an error.
package libotr

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A SyntaxError says which line of a file is wrong, counting from 1, and how. It contains nothing of the line.
type SyntaxError struct {
	Line    int
	Problem string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("libotr: line %d: %s", e.Line, e.Problem) }

// Limits. A file that exceeds one is refused, or the line of it.
const (
	maxFile     = 1 << 20
	maxAccounts = 256     // in a file of keys
	maxName     = 3 << 10 // bytes of an account's name or protocol in a file of keys: an XMPP address has at most 3071
	maxNumber   = 256     // bytes of a number of a key, zeros before it included
	maxDepth    = 16      // of parentheses in what is passed over
	maxLines    = 20000   // of a file of lines
	maxReadLine = 8 << 10 // bytes of a line that is read
	maxLine     = 998     // bytes of a line that is written: libotr reads no longer ones
	maxErrors   = 20      // lines of a file that are reported as bad, each by itself
)

var (
	errTooLarge = errors.New("libotr: the file is too large")
	errName     = errors.New("libotr: a name has a tab, a line break or a NUL")
	errLine     = errors.New("libotr: the line would be longer than libotr reads")
)

// readLines calls read with the columns of each line that is not empty and not a comment. A comment begins with # and has
// no tab; libotr passes over it because of the latter.
func readLines(file []byte, read func(columns []string) (problem string)) error {
	if len(file) > maxFile {
		return errTooLarge
	}
	var errs []error
	number := 0
	for line := range bytes.Lines(file) {
		number++
		if number > maxLines {
			return errors.Join(append(errs, &SyntaxError{number, "there are too many lines"})...)
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) == 0 || line[0] == '#' && !bytes.Contains(line, []byte("\t")) {
			continue
		}
		problem := "it is too long"
		if len(line) <= maxReadLine {
			problem = readLine(string(line), read)
		}
		switch {
		case problem == "":
		case len(errs) < maxErrors:
			errs = append(errs, &SyntaxError{number, problem})
		case len(errs) == maxErrors:
			errs = append(errs, errors.New("libotr: there are more bad lines"))
		}
	}
	return errors.Join(errs...)
}

func readLine(line string, read func(columns []string) (problem string)) (problem string) {
	if strings.ContainsAny(line, "\x00\r") {
		return "it has a NUL or a carriage return"
	}
	return read(strings.Split(line, "\t"))
}

// appendLine appends a line of columns.
func appendLine(file []byte, columns ...string) ([]byte, error) {
	length := len(columns) // the tabs and the line break
	for _, c := range columns {
		if strings.ContainsAny(c, "\t\r\n\x00") {
			return nil, errName
		}
		length += len(c)
	}
	if length > maxLine {
		return nil, errLine
	}
	file = slices.Grow(file, length)
	file = append(file, strings.Join(columns, "\t")...)
	return append(file, '\n'), nil
}
