package session

import (
	"crypto/rand"
	"encoding/binary"
	"slices"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
)

// Nobody can know whether a text arrived whose confirmation did not. Between two Sottos that needs no decision of the person: every
// private text carries, inside the encryption, a record with a number of its own, and who receives it a second time confirms it and shows
// it once. Then it may as well be sent again.
//
// That is right only as long as the other program remembers, so the record also says since when: a random value that is drawn with each
// conversation in memory and never kept. A text is sent again by itself to the key that it went to, if whoever holds that key says in the
// live session that it is the very program that the text went to first. After a restart there is another value, and the person decides.

// recordMark is the type of the record: the sender's memory, then the number of the text that it comes with, then its place and the one
// before it (see order.go), eight bytes each. Without a number it says only that there is a Sotto, and which; it is answered by one of that
// kind, once in a session. Programs that do not know the type pass over it ("Type/Length/Value (TLV) Records"), as we do over one of
// another length.
const recordMark = 0x536f

const (
	maxNumbers     = 2048             // texts of a contact that are recognised; an outbox has at most maxSettled in doubt
	memoryPatience = 10 * time.Second // for the answer of what was a Sotto in the session before
)

// A memory tells one run of a program from the next, within one conversation.
type memory [16]byte

// A number is that of a text.
type number [16]byte

func newNumber() (n number) {
	rand.Read(n[:]) // never fails
	return n
}

// A record is what came with a text, or by itself.
type record struct {
	theirs       memory
	number       number
	place, after place
}

const (
	memoryLength = len(memory{})
	numberLength = memoryLength + len(number{})
	placeLength  = numberLength + 16
)

// parseRecord reads the value of a record.
func parseRecord(value []byte) (r record, ok bool) {
	switch len(value) {
	case placeLength:
		r.place, r.after = place(binary.BigEndian.Uint64(value[numberLength:])), place(binary.BigEndian.Uint64(value[numberLength+8:]))
		if r.after >= r.place {
			r.place, r.after = 0, 0 // says nothing
		}
		fallthrough
	case numberLength:
		copy(r.number[:], value[memoryLength:])
		fallthrough
	case memoryLength:
		copy(r.theirs[:], value)
		return r, true
	}
	return record{}, false
}

// numbered is a text as its sender's key and number tell it from others.
type numbered struct {
	from   otr.Fingerprint
	number number
}

// An acquaintance is what a session has told about the program at the other end.
type acquaintance struct {
	session [8]byte
	from    otr.Fingerprint
	theirs  memory // zero until they tell, and for ever with other programs
	before  memory // as it was told last in an earlier session with this key
	told    bool   // they know ours
	asked   bool   // because something depends on it
	fellow  fellow // see fellow.go
}

// acquaintance is that of a live session.
func (c *conversation) acquaintance(p otr.Peer) *acquaintance {
	q := c.acquaintances[p.Tag]
	if q == nil || q.session != p.SSID {
		if len(c.acquaintances) >= maxTags {
			clear(c.acquaintances)
		}
		earlier := q
		q = &acquaintance{session: p.SSID, from: p.Fingerprint}
		if earlier != nil && earlier.from == p.Fingerprint {
			q.before = earlier.memory()
		}
		c.acquaintances[p.Tag] = q
	}
	return q
}

// memory is that of the program, as far as they have told. Before they do in this session it is what they told last: should they tell the
// same in the next one, nobody else was there in between.
func (q *acquaintance) memory() memory {
	if q.theirs == (memory{}) {
		return q.before
	}
	return q.theirs
}

// mark is the record that goes with o. No Sotto speaks version 2 with another.
func (c *conversation) mark(o *outgoing) []otr.TLV {
	p := c.otrPeer()
	if c.otrState() != otr.Encrypted || p.Version < 3 {
		return nil
	}
	q := c.acquaintance(p)
	q.told = true
	own, after := c.placeOf(o, p)
	value := binary.BigEndian.AppendUint64(slices.Concat(c.memory[:], o.number[:]), uint64(own))
	records := []otr.TLV{{Type: recordMark, Value: binary.BigEndian.AppendUint64(value, uint64(after))}}
	if !q.fellow.stated {
		records = append(records, c.state(p))
	}
	return records
}

// introduce says that there is a Sotto here, and which.
func (c *conversation) introduce(q *acquaintance) {
	q.told = true
	records := []otr.TLV{{Type: recordMark, Value: slices.Clone(c.memory[:])}}
	if !q.fellow.stated {
		records = append(records, c.state(c.otrPeer()))
	}
	events, err := c.otr.Send(nil, records...)
	if err == nil {
		c.apply(events, cause{})
	}
}

// recognise reads the record that came with a text or by itself, and tells whether the text has come before.
func (c *conversation) recognise(from otr.Peer, records []otr.TLV) (r record, again bool) {
	i := slices.IndexFunc(records, func(r otr.TLV) bool { return r.Type == recordMark })
	if i < 0 {
		return record{}, false
	}
	r, ok := parseRecord(records[i].Value)
	if !ok {
		return record{}, false
	}
	c.sequence(from, r.theirs)
	q := c.acquaintance(from)
	q.theirs = r.theirs
	for _, o := range c.outbox {
		if o.session == from.SSID {
			o.reader = r.theirs
		}
	}
	if !q.told && from.Tag == c.otrPeer().Tag {
		c.introduce(q)
	}
	if len(records[i].Value) == memoryLength {
		return r, false
	}
	return r, c.numbers.again(numbered{from.Fingerprint, r.number})
}

// inDoubt tells that o may have arrived, and where that can be found out.
func (o *outgoing) inDoubt() bool {
	return o.entry.Status == StatusUnconfirmed && o.guard >= EncryptedUnverified && o.reader != memory{}
}

// mayBe tells that o will be in doubt if the session does not go on.
func (o *outgoing) mayBe() bool {
	return o.in.doubtful && o.guard >= EncryptedUnverified && o.reader != memory{} && o.in.confirms &&
		(o.entry.Status == StatusSent || o.entry.Status == StatusStored)
}

// resend sends o again, if the program that may have it already is there and says so. wait tells that it was asked: what was written after
// o goes out after it.
func (c *conversation) resend(o *outgoing) (wait bool) {
	if c.otrState() != otr.Encrypted || c.mode() != SendPrivately {
		return false
	}
	p := c.otrPeer()
	if !slices.Contains(o.bound, p.Fingerprint) {
		o.leaveToPerson()
		return false
	}
	switch q := c.acquaintance(p); q.theirs {
	case o.reader:
		c.write(o)
	case memory{}:
		if !q.asked {
			q.asked = true
			c.introduce(q)
			c.account.after(memoryPatience, func() { c.unacquainted(q) })
		}
		return true
	default:
		o.leaveToPerson() // it was started anew meanwhile
	}
	return false
}

// unacquainted: the program does not say that it is a Sotto, so the person decides.
func (c *conversation) unacquainted(q *acquaintance) {
	if q.theirs == (memory{}) && c.acquaintance(c.otrPeer()) == q {
		c.forgetReaders()
		c.flush()
	}
}

// forgetReaders leaves everything that is in doubt to the person.
func (c *conversation) forgetReaders() {
	for _, o := range c.outbox {
		if o.guard != InClear {
			o.leaveToPerson()
		}
	}
}
