package libotr

import (
	"encoding/hex"
	"fmt"

	"github.com/sotto-im/sotto/crypto/otr"
)

// A Fingerprint is a correspondent's key as the file of fingerprints has it.
type Fingerprint struct {
	Contact     string // the correspondent
	Account     string // the own account
	Protocol    string
	Fingerprint otr.Fingerprint
	Trust       string // how the user knows whose key it is, in one word; empty: not at all
}

// Words that stand for trust. libotr takes any word for it, and programs have used others.
const (
	TrustVerified = "verified" // the user compared fingerprints
	TrustSMP      = "smp"      // the Socialist Millionaires' Protocol has succeeded
)

// ParseFingerprints reads otr.fingerprints: lines of contact, account, protocol, forty hexadecimal digits of either
// case, and perhaps trust, with tabs between them. It returns the good lines also when it returns an error; each bad
// line has a [*SyntaxError] in it.
func ParseFingerprints(file []byte) ([]Fingerprint, error) {
	var all []Fingerprint
	err := readLines(file, func(columns []string) (problem string) {
		if len(columns) != 4 && len(columns) != 5 {
			return "it should have four or five columns"
		}
		f := Fingerprint{Contact: columns[0], Account: columns[1], Protocol: columns[2]}
		if len(columns[3]) != hex.EncodedLen(len(f.Fingerprint)) {
			return "the fingerprint should have forty digits"
		}
		if _, err := hex.Decode(f.Fingerprint[:], []byte(columns[3])); err != nil {
			return "the fingerprint is not hexadecimal"
		}
		if len(columns) == 5 {
			f.Trust = columns[4]
		}
		all = append(all, f)
		return ""
	})
	return all, err
}

// FormatFingerprints writes otr.fingerprints. It returns an error if libotr could not read a line: where a column has a
// tab, a line break or a NUL, or where the line has more than 998 bytes.
func FormatFingerprints(all []Fingerprint) ([]byte, error) {
	var file []byte
	for _, f := range all {
		var err error
		if file, err = appendLine(file, f.Contact, f.Account, f.Protocol, fmt.Sprintf("%x", f.Fingerprint[:]), f.Trust); err != nil {
			return nil, err
		}
	}
	return file, nil
}
