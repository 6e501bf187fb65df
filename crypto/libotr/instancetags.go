package libotr

import (
	"fmt"
	"strconv"

	"github.com/sotto-im/sotto/crypto/otr"
)

// An InstanceTag is the tag of an account's client, as the file of instance tags has it.
type InstanceTag struct {
	Account  string
	Protocol string
	Tag      otr.InstanceTag
}

// minTag is the smallest valid instance tag.
const minTag otr.InstanceTag = 0x100

// ParseInstanceTags reads otr.instance_tags: lines of account, protocol and eight hexadecimal digits, with tabs between
// them. It returns the good lines also when it returns an error; each bad line has a [*SyntaxError] in it.
func ParseInstanceTags(file []byte) ([]InstanceTag, error) {
	var all []InstanceTag
	err := readLines(file, func(columns []string) (problem string) {
		if len(columns) != 3 {
			return "it should have three columns"
		}
		if len(columns[2]) != 8 {
			return "the tag should have eight digits"
		}
		n, err := strconv.ParseUint(columns[2], 16, 32)
		if err != nil {
			return "the tag is not hexadecimal"
		}
		tag := otr.InstanceTag(n)
		if tag < minTag {
			return "the tag is below 00000100"
		}
		all = append(all, InstanceTag{columns[0], columns[1], tag})
		return ""
	})
	return all, err
}

// FormatInstanceTags writes otr.instance_tags. It returns an error if libotr could not read a line: where a name has a
// tab, a line break or a NUL, where the line has more than 998 bytes, or where the tag is not valid.
func FormatInstanceTags(all []InstanceTag) ([]byte, error) {
	file := []byte("# Each installation has its own tags: do not copy this file to another.\n")
	for _, t := range all {
		if t.Tag < minTag {
			return nil, fmt.Errorf("libotr: instance tag %08x is below 00000100", uint32(t.Tag))
		}
		var err error
		if file, err = appendLine(file, t.Account, t.Protocol, fmt.Sprintf("%08x", uint32(t.Tag))); err != nil {
			return nil, err
		}
	}
	return file, nil
}
