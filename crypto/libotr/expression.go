package libotr

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
)

// This file is the S-expressions of libgcrypt (its manual, "S-expressions"; R. Rivest, draft-rivest-sexp): lists in
// parentheses of lists and atoms. An atom is a string of bytes in one of five notations:
//
//	alice        "münchen \"x\""        #616C696365#        |YWxpY2U=|        5:alice

// A scanner goes through an expression. The first error stays, and everything after it fails too.
type scanner struct {
	rest  []byte
	whole []byte
	atom  [maxName]byte // the last atom that was read: perhaps a secret
	err   *SyntaxError
}

func newScanner(file []byte) *scanner { return &scanner{rest: file, whole: file} }

// wipe forgets the last atom.
func (s *scanner) wipe() { clear(s.atom[:]) }

// fail notes what is wrong where the scanner is.
func (s *scanner) fail(problem string) {
	if len(s.rest) == 0 {
		problem = "the file ends too early"
	}
	if s.err == nil {
		s.err = &SyntaxError{s.line(), problem}
	}
}

// line returns the number of the line where the scanner is.
func (s *scanner) line() int {
	return 1 + bytes.Count(s.whole[:len(s.whole)-len(s.rest)], []byte("\n"))
}

// peek returns the next byte that is no white space, or 0 at the end or after an error.
func (s *scanner) peek() byte {
	s.rest = bytes.TrimLeft(s.rest, " \t\v\n\f\r")
	if s.err != nil || len(s.rest) == 0 {
		return 0
	}
	return s.rest[0]
}

// take goes past the byte c if it is the next one.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// open enters a list.
func (s *scanner) open() {
	if !s.take('(') {
		s.fail("a list should begin here")
	}
}

// close leaves a list.
func (s *scanner) close() {
	if !s.take(')') {
		s.fail("a list should end here")
	}
}

// more says whether the list that the scanner is in has another element.
func (s *scanner) more() bool { return s.err == nil && s.peek() != ')' }

// skip goes past the rest of the list that the scanner is in, whatever is in it.
func (s *scanner) skip(depth int) {
	for s.more() {
		switch {
		case s.peek() != '(':
			s.read(maxName)
		case depth == maxDepth:
			s.fail("too many lists are in each other")
		default:
			s.open()
			s.skip(depth + 1)
			s.close()
		}
	}
}

// word reads an atom that is a name and not a secret.
func (s *scanner) word() string { return string(s.read(maxName)) }

// read reads an atom of at most limit bytes, which stands until the next one is read.
func (s *scanner) read(limit int) []byte {
	c := s.peek()
	out := s.atom[:0:limit]
	switch {
	case c == '"':
		return s.quoted(out)
	case c == '#':
		return s.hexadecimal(out)
	case c == '|':
		return s.base64(out)
	case '0' <= c && c <= '9':
		return s.verbatim(out)
	case isTokenByte(c):
		n := 1
		for n < len(s.rest) && isTokenByte(s.rest[n]) {
			n++
		}
		return s.taken(out, n)
	}
	s.fail("a word or a number should be here")
	return nil
}

// taken returns the next n bytes of the file.
func (s *scanner) taken(out []byte, n int) []byte {
	if n > cap(out) {
		s.fail("a word or a number is too long")
		return nil
	}
	out = append(out, s.rest[:n]...)
	s.rest = s.rest[n:]
	return out
}

// add appends a byte to an atom.
func (s *scanner) add(out []byte, b byte) []byte {
	if len(out) == cap(out) {
		s.fail("a word or a number is too long")
		return out
	}
	return append(out, b)
}

// between returns what stands between here and the next delimiter of the kind that is here.
func (s *scanner) between() []byte {
	inside, rest, found := bytes.Cut(s.rest[1:], s.rest[:1])
	if !found {
		s.fail("a word or a number has no end")
		return nil
	}
	s.rest = rest
	return inside
}

func (s *scanner) hexadecimal(out []byte) []byte {
	var digits [2]byte
	n := 0
	for _, c := range s.between() {
		if isSpace(c) {
			continue
		}
		digits[n%2] = c
		n++
		if n%2 == 1 {
			continue
		}
		var b [1]byte
		if _, err := hex.Decode(b[:], digits[:]); err != nil {
			s.fail("a number is not hexadecimal")
			return nil
		}
		out = s.add(out, b[0])
	}
	if n%2 == 1 {
		s.fail("a number has an odd number of digits")
	}
	return out
}

func (s *scanner) base64(out []byte) []byte {
	digits := slices.DeleteFunc(bytes.Clone(s.between()), isSpace)
	defer clear(digits)
	if base64.StdEncoding.DecodedLen(len(digits)) > cap(out)+2 { // two for the padding
		s.fail("a word or a number is too long")
		return nil
	}
	decoded, err := base64.StdEncoding.AppendDecode(nil, digits)
	defer clear(decoded)
	if err != nil || len(decoded) > cap(out) {
		s.fail("a word or a number is not base64, or too long")
		return nil
	}
	return append(out, decoded...)
}

func (s *scanner) verbatim(out []byte) []byte {
	n := 0
	for len(s.rest) > 0 && '0' <= s.rest[0] && s.rest[0] <= '9' {
		n = n*10 + int(s.rest[0]-'0')
		if n > cap(out) {
			s.fail("a word or a number is too long")
			return nil
		}
		s.rest = s.rest[1:]
	}
	if len(s.rest) == 0 || s.rest[0] != ':' || n > len(s.rest)-1 {
		s.fail("a length is wrong, or a word begins with a digit")
		return nil
	}
	s.rest = s.rest[1:]
	return s.taken(out, n)
}

// escapes are the letters that may follow a backslash, and after them what they stand for.
const escapes = "btvnfr\"'\\" + "\b\t\v\n\f\r\"'\\"

func (s *scanner) quoted(out []byte) []byte {
	s.rest = s.rest[1:]
	for s.err == nil {
		if len(s.rest) == 0 {
			s.fail("a word or a number has no end")
			break
		}
		c := s.rest[0]
		s.rest = s.rest[1:]
		switch c {
		case '"':
			return out
		case '\\':
			out = s.escaped(out)
		default:
			out = s.add(out, c)
		}
	}
	return nil
}

// escaped reads what follows a backslash.
func (s *scanner) escaped(out []byte) []byte {
	for _, lineBreak := range []string{"\r\n", "\n\r", "\n", "\r"} {
		if bytes.HasPrefix(s.rest, []byte(lineBreak)) {
			s.rest = s.rest[len(lineBreak):]
			return out
		}
	}
	if len(s.rest) >= 1 {
		if i := strings.IndexByte(escapes[:len(escapes)/2], s.rest[0]); i >= 0 {
			s.rest = s.rest[1:]
			return s.add(out, escapes[len(escapes)/2+i])
		}
	}
	if len(s.rest) >= 3 {
		digits := s.rest[:3]
		if digits[0] == 'x' {
			var b [1]byte
			if _, err := hex.Decode(b[:], digits[1:]); err == nil {
				s.rest = s.rest[3:]
				return s.add(out, b[0])
			}
		}
		if isOctal(digits) {
			s.rest = s.rest[3:]
			return s.add(out, (digits[0]-'0')<<6|(digits[1]-'0')<<3|(digits[2]-'0'))
		}
	}
	s.fail("a backslash is followed by what means nothing")
	return nil
}

func isOctal(digits []byte) bool {
	return '0' <= digits[0] && digits[0] <= '3' && '0' <= digits[1] && digits[1] <= '7' && '0' <= digits[2] && digits[2] <= '7'
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c != 0 && strings.IndexByte("-./_:*+=", c) >= 0
}

// appendWord appends an atom as libgcrypt would write it: as it is, in quotes, or in hexadecimal digits if a byte of it is
// not a character that can be seen in every encoding.
func appendWord(b []byte, word string) []byte {
	plain, quotable := word != "" && (word[0] < '0' || word[0] > '9'), true
	for i := range len(word) {
		c := word[i]
		plain = plain && isTokenByte(c)
		quotable = quotable && (c >= 0x20 && (c < 0x7f || c > 0xa0) || strings.IndexByte(escapes[len(escapes)/2:], c) >= 0)
	}
	switch {
	case plain:
		return append(b, word...)
	case !quotable:
		return appendHex(b, []byte(word))
	}
	b = append(b, '"')
	for i := range len(word) {
		if e := strings.IndexByte(escapes[len(escapes)/2:], word[i]); e >= 0 {
			b = append(b, '\\', escapes[e])
		} else {
			b = append(b, word[i])
		}
	}
	return append(b, '"')
}

// appendNumber appends a number, big-endian without zeros before it, as libgcrypt does: with a zero byte if it would look
// negative without.
func appendNumber(b, value []byte) []byte {
	var padded [1 + maxNumber]byte
	defer clear(padded[:])
	n := copy(padded[1:], value)
	if value[0] >= 0x80 {
		return appendHex(b, padded[:1+n])
	}
	return appendHex(b, padded[1:1+n])
}

const upperHex = "0123456789ABCDEF"

func appendHex(b, value []byte) []byte {
	b = append(b, '#')
	for _, c := range value {
		b = append(b, upperHex[c>>4], upperHex[c&15])
	}
	return append(b, '#')
}

// appendMPI appends the MPI of a number ("Data types" of the protocol's specification).
func appendMPI(b, value []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
	return append(b, value...)
}
