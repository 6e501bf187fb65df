package otr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// This file is the section "Fragmentation".

// split returns the body of a message with header h as it is, or in pieces of at most size bytes. 0 is no limit.
func split(body string, h header, size int) ([]string, error) {
	if size == 0 || len(body) <= size {
		return []string{body}, nil
	}
	mark := "?OTR,"
	if h.version == version3 {
		mark = fmt.Sprintf("?OTR|%08x|%08x,", h.from, h.to)
	}
	piece := size - len(mark) - len("00000,00000,,")
	if piece < 1 {
		return nil, ErrTooLarge
	}
	n := (len(body) + piece - 1) / piece
	if n > math.MaxUint16 {
		return nil, ErrTooLarge
	}
	pieces := make([]string, 0, n)
	total := short(n)
	for k := 1; k <= n; k++ {
		end := min(piece, len(body))
		pieces = append(pieces, mark+short(k)+","+total+","+body[:end]+",")
		body = body[end:]
	}
	return pieces, nil
}

// short writes a SHORT with five digits.
func short(n int) string { return fmt.Sprintf("%05d", n) }

// A fragment is one that was received.
type fragment struct {
	version  int // 2 has no tags: both are 0
	from, to InstanceTag
	k, n     int // 0 if the fragment is illegal
	piece    string
}

// parseFragment reads a fragment that s begins with. Something that begins like one of version 3 but goes on
// otherwise, or has the form of one with numbers that none can have, is a fragment too, an illegal one; ok says that
// it is not to be taken for text. The mark of version 2 is short enough to be found in a sentence.
func parseFragment(s string) (f fragment, ok bool) {
	switch {
	case strings.HasPrefix(s, "?OTR|"):
		from, rest, ok1 := cutNumber(s[len("?OTR|"):], "|", hexadecimal)
		to, rest, ok2 := cutNumber(rest, ",", hexadecimal)
		if !ok1 || !ok2 {
			return fragment{}, false
		}
		f = fragment{version: version3, from: parseTag(from), to: parseTag(to)}
		s = rest
	case strings.HasPrefix(s, "?OTR,"):
		if _, _, ok := cutNumber(s[len("?OTR,"):], ",", decimal); !ok {
			return fragment{}, false
		}
		f = fragment{version: version2}
		s = s[len("?OTR,"):]
	default:
		return fragment{}, false
	}
	k, rest, ok1 := cutNumber(s, ",", decimal)
	n, rest, ok2 := cutNumber(rest, ",", decimal)
	piece, _, ok3 := strings.Cut(rest, ",")
	complete := ok1 && ok2 && ok3
	if !complete || piece == "" {
		return f, complete || f.version == version3
	}
	f.k, f.n, f.piece = parseShort(k), parseShort(n), piece
	if f.k == 0 || f.k > f.n {
		f.k, f.n = 0, 0
	}
	return f, true
}

const (
	decimal     = "0123456789"
	hexadecimal = "0123456789abcdefABCDEF"
)

// cutNumber takes a number of such digits and the separator after it off the front of s.
func cutNumber(s, separator, alphabet string) (digits, rest string, ok bool) {
	rest = strings.TrimLeft(s, alphabet)
	digits = s[:len(s)-len(rest)]
	rest, ok = strings.CutPrefix(rest, separator)
	return digits, rest, ok && digits != ""
}

// parseTag returns the tag, or one that is not valid if it is too long for a tag.
func parseTag(digits string) InstanceTag {
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil {
		return 1
	}
	return InstanceTag(n)
}

// parseShort returns the SHORT, or 0 if it is too long for one.
func parseShort(digits string) int {
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// An assembly is a message that arrives in fragments: (K, N) and F.
type assembly struct {
	k, n   int
	size   int      // of F
	chunks [][]byte // F, in parts that do not move: a small fragment is not to cost as much as a large message
	heard  time.Time
}

const chunkSize = 16 << 10

// append appends a piece to F.
func (a *assembly) append(piece string) {
	a.size += len(piece)
	last := len(a.chunks) - 1
	if last >= 0 && cap(a.chunks[last])-len(a.chunks[last]) >= len(piece) {
		a.chunks[last] = append(a.chunks[last], piece...)
		return
	}
	size := len(piece)
	if a.k > 1 {
		size = max(size, min(chunkSize, (a.n-a.k+1)*size))
	}
	a.chunks = append(a.chunks, append(make([]byte, 0, size), piece...))
}

// message returns F.
func (a *assembly) message() string {
	var s strings.Builder
	s.Grow(a.size)
	for _, chunk := range a.chunks {
		s.Write(chunk)
	}
	return s.String()
}

// add takes fragment f in, which is legal, and says whether the message is complete. If ok is false the fragment is
// out of order, and nothing of the message is worth keeping.
func (a *assembly) add(f fragment, now time.Time) (complete, ok bool) {
	switch {
	case f.k == 1:
		*a = assembly{k: 1, n: f.n}
	case f.n == a.n && f.k == a.k+1:
		a.k = f.k
	default:
		return false, false
	}
	a.append(f.piece)
	a.heard = now
	return a.k == a.n, true
}

// receiveFragment implements "Receiving Fragments". whole is the message when it is complete.
func (c *Conversation) receiveFragment(f fragment) (whole string, events []Event) {
	if !c.allows(f.version) && !c.encrypted(f.from) {
		return "", rejectVersion(f.version, f.from)
	}
	if reason, ok := c.checkTags(f.from, f.to); f.version == version3 && !ok {
		return "", reject(reason, f.from)
	}
	if f.k == 0 {
		return "", reject(Malformed, f.from)
	}
	a := c.partial[f.from]
	if a == nil {
		a = new(assembly)
	}
	complete, ok := a.add(f, c.now)
	switch {
	case !ok:
		delete(c.partial, f.from)
		return "", reject(Malformed, f.from)
	case a.size > maxEncoded, a.size > maxExchange && !c.encrypted(f.from):
		delete(c.partial, f.from)
		return "", reject(TooMany, f.from)
	case complete:
		delete(c.partial, f.from)
		return a.message(), nil
	}
	c.partial[f.from] = a
	for len(c.partial) > maxPartial || c.gathered() > maxGathered {
		c.dropPartial(f.from)
	}
	return "", nil
}

// gathered returns the size of all messages that are being put together.
func (c *Conversation) gathered() (size int) {
	for _, a := range c.partial {
		size += a.size
	}
	return size
}

// dropPartial makes room for the message in fragments that the client with a tag is sending: of the others, the one
// that was heard of longest ago goes, but none of a client with a session before one of a client without.
func (c *Conversation) dropPartial(besides InstanceTag) {
	var victim InstanceTag
	var oldest *assembly
	for tag, a := range c.partial {
		switch {
		case tag == besides:
		case oldest == nil, c.encrypted(victim) && !c.encrypted(tag), c.encrypted(victim) == c.encrypted(tag) && a.heard.Before(oldest.heard):
			victim, oldest = tag, a
		}
	}
	delete(c.partial, victim)
}

// forgetPartial forgets the fragments that something else came between: all if the sender is not known. What may be
// one of them, damaged, does not count.
func (c *Conversation) forgetPartial(b body) {
	if strings.Contains(b.text, "?OTR,") || strings.Contains(b.text, "?OTR|") {
		return
	}
	var h header
	s := cryptobyte.String(b.message)
	if b.form == formEncoded && h.read(&s) {
		delete(c.partial, h.from)
		return
	}
	clear(c.partial)
}
