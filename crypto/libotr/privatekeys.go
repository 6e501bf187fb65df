package libotr

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/sotto-im/sotto/crypto/otr"
)

// A PrivateKey is the own key of an account.
type PrivateKey struct {
	Account  string
	Protocol string
	Key      *otr.PrivateKey
}

// ParsePrivateKeys reads otr.private_key, whose form is
//
//	(privkeys
//	 (account
//	  (name "alice@example.org/")
//	  (protocol prpl-jabber)
//	  (private-key (dsa (p #00…#) (q #00…#) (g #…#) (y #00…#) (x #…#))))
//	 …)
//
// with names and numbers in any notation of S-expressions, and parts of an account or a key in any order. A file with
// anything wrong in it is refused, and with a key that is not a DSA key of 1024 bits whose halves belong together; an
// error of its form is a [*SyntaxError]. The caller clears file.
func ParsePrivateKeys(file []byte) ([]PrivateKey, error) {
	if len(file) > maxFile {
		return nil, errTooLarge
	}
	s := newScanner(file)
	defer s.wipe()
	s.open()
	if s.word() != "privkeys" {
		s.fail("a file of private keys begins with (privkeys")
	}
	var all []PrivateKey
	for s.more() {
		if len(all) == maxAccounts {
			s.fail("there are too many accounts")
			break
		}
		all = append(all, s.account())
	}
	s.close()
	if s.err == nil && (s.peek() != 0 || len(s.rest) > 0) {
		s.fail("something follows the last list")
	}
	if s.err != nil {
		return nil, s.err
	}
	return all, nil
}

// account reads a list (account (name …) (protocol …) (private-key …)). Other parts are passed over.
func (s *scanner) account() PrivateKey {
	s.open()
	line := s.line()
	if s.word() != "account" {
		s.fail("an account should be here")
	}
	var k PrivateKey
	seen := map[string]bool{}
	for s.more() {
		s.open()
		part := s.word()
		switch {
		case seen[part]:
			s.fail("an account has something twice")
		case part == "name":
			k.Account = s.name()
		case part == "protocol":
			k.Protocol = s.name()
		case part == "private-key":
			k.Key = s.privateKey()
		}
		seen[part] = true
		s.skip(0)
		s.close()
	}
	s.close()
	if s.err == nil && (!seen["name"] || !seen["protocol"] || !seen["private-key"]) {
		s.err = &SyntaxError{line, "the account has no name, no protocol or no key"}
	}
	return k
}

func (s *scanner) name() string {
	name := s.word()
	if strings.Contains(name, "\x00") {
		s.fail("a name has a NUL")
	}
	return name
}

// privateKey reads (dsa (p …) (q …) (g …) (y …) (x …)).
func (s *scanner) privateKey() *otr.PrivateKey {
	s.open()
	line := s.line()
	if s.word() != "dsa" {
		s.fail("only DSA keys are known")
	}
	var numbers [len(numberNames)]number
	defer clear(numbers[:])
	for s.more() {
		s.open()
		name := s.word()
		i := strings.Index(numberNames, name)
		if len(name) != 1 || i < 0 || numbers[i].length > 0 {
			s.fail("a key has something twice, or something unknown")
			break
		}
		numbers[i].set(s.read(maxNumber))
		s.close()
	}
	s.close()
	if s.err != nil {
		return nil
	}
	encoded := make([]byte, 2, 2+len(numbers)*(4+maxNumber)) // two bytes of zero stand for DSA
	for i := range numbers {
		encoded = appendMPI(encoded, numbers[i].bytes())
	}
	defer clear(encoded[:cap(encoded)])
	key, err := otr.ParsePrivateKey(encoded)
	if err != nil {
		s.err = &SyntaxError{line, "the numbers are not a DSA key of 1024 bits, or do not belong together"}
	}
	return key
}

// numberNames are the names of a key's numbers, in the order of package otr.
const numberNames = "pqgyx"

// A number is one number of a key.
type number struct {
	value  [maxNumber]byte
	length int // as it was written
}

func (n *number) set(b []byte) { n.length = copy(n.value[:], b) }

// bytes returns the number without the zeros before it.
func (n *number) bytes() []byte { return bytes.TrimLeft(n.value[:n.length], "\x00") }

// FormatPrivateKeys writes otr.private_key. It returns an error if a name has a NUL or is longer than 3072 bytes, or if
// there are more than 256 accounts or one without a key. The result holds secrets, and the caller clears it after use.
func FormatPrivateKeys(all []PrivateKey) ([]byte, error) {
	if len(all) > maxAccounts {
		return nil, errors.New("libotr: there are too many accounts")
	}
	size := len("(privkeys\n)\n")
	for _, k := range all {
		if k.Key == nil {
			return nil, errors.New("libotr: an account has no key")
		}
		for _, name := range []string{k.Account, k.Protocol} {
			if strings.Contains(name, "\x00") || len(name) > maxName {
				return nil, fmt.Errorf("libotr: a name of %d bytes cannot be written", len(name))
			}
		}
		size += maxKeyText + 2*len(k.Account) + 2*len(k.Protocol)
	}
	if size > maxFile {
		return nil, errTooLarge
	}
	file := append(make([]byte, 0, size), "(privkeys\n"...) // all of it at once, so that no copy is left behind
	for _, k := range all {
		file = appendAccount(file, k)
	}
	return append(file, ")\n"...), nil
}

// maxKeyText is what an account takes at most without its names: three numbers of 128 bytes and two of 20.
const maxKeyText = 200 + 2*(3*129+2*21)

func appendAccount(file []byte, k PrivateKey) []byte {
	file = append(file, " (account\n  (name "...)
	file = appendWord(file, k.Account)
	file = append(file, ")\n  (protocol "...)
	file = appendWord(file, k.Protocol)
	file = append(file, ")\n  (private-key\n   (dsa\n"...)
	encoded := k.Key.Bytes()
	defer clear(encoded)
	rest := encoded[2:]
	for i := range len(numberNames) {
		length := binary.BigEndian.Uint32(rest)
		file = append(file, "    ("...)
		file = append(file, numberNames[i], ' ')
		file = appendNumber(file, rest[4:4+length])
		file = append(file, ")\n"...)
		rest = rest[4+length:]
	}
	return append(file, "   )\n  )\n )\n"...)
}
