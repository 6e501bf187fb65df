package session

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
)

// A server that has lost a line keeps what was on it and repeats it later, sometimes after what was written since. What is late then cannot
// be read: OTR accepts nothing that was encrypted before something it has seen ("Receiving a Data Message", the counter). It is sent again,
// and would be shown in the wrong place.
//
// So each private text from one Sotto to another also says the place it has among those of its writer, and which place comes before it and
// is not known to have arrived. Whoever sees that something is missing holds what came after it, and asks: what is missing is sent again
// at once, or else is said not to come any more. What is held is as if it had not come: nobody is told that it was read. It is held for
// a short time and in a small space, whatever the other side says, and then shown as it is.

const (
	maxWaiting      = 256              // texts of a client of a contact
	maxWaitingBytes = 512 << 10        // in them
	waitsFor        = 30 * time.Second // at the longest
	askEvery        = 2 * time.Second  // for what is missing
	repeatEvery     = 5 * time.Second  // a text, because somebody asks for it
	maxRepeats      = 5                // of it
)

// A place is that of a text among all that one conversation in one run of a program has written, from 1. 0 is before them all.
type place uint64

// A heldText is one that came too soon.
type heldText struct {
	record  record
	message *xmpp.Message
	entry   Entry
	until   time.Time
}

// A sequence is what has come from one run of another Sotto.
type sequence struct {
	from    otr.Peer
	theirs  memory
	shown   place      // the highest that was shown, or that is not waited for any more
	held    []heldText // by place
	unread  int        // that could not be read while something was held: what is missing, most likely
	mended  int        // that came again, and may yet come as they were at first: that cannot be read, and nobody misses it
	mending time.Time  // when the last of them came
	asked   time.Time
	watched *time.Timer
}

// sequence is that of the run which sent r. It replaces that of an earlier run, from which nothing more will come.
func (c *conversation) sequence(from otr.Peer, theirs memory) *sequence {
	s := c.sequences[from.Tag]
	if s != nil && (s.theirs != theirs || s.from.Fingerprint != from.Fingerprint) {
		c.showAll(s)
		s = nil
	}
	if s == nil {
		if len(c.sequences) >= maxTags {
			c.showHeld()
			clear(c.sequences)
		}
		s = &sequence{theirs: theirs}
		c.sequences[from.Tag] = s
	}
	s.from = from
	return s
}

// inOrder shows a text, or holds it until what was written before it is there.
func (c *conversation) inOrder(from otr.Peer, t heldText) {
	if t.record.place == 0 {
		if s := c.sequences[from.Tag]; s != nil {
			c.showAll(s)
		}
		c.showText(t)
		return
	}
	s := c.sequence(from, t.record.theirs)
	t.until = c.account.now().Add(waitsFor)
	i, _ := slices.BinarySearchFunc(s.held, t, byPlace)
	if i < len(s.held) {
		s.mended, s.mending = s.mended+1, c.account.now()
	}
	s.held = slices.Insert(s.held, i, t)
	c.advance(s)
}

// isMissing tells whether a message that could not be read is, most likely, one of those that are missing: it comes again, or is told of
// when it does not; or has come again before.
func (c *conversation) isMissing(from otr.InstanceTag) bool {
	switch s := c.sequences[from]; {
	case s == nil:
		return false
	case len(s.held) > 0:
		s.unread++
		return true
	case s.mended > 0 && c.account.now().Sub(s.mending) < recently:
		s.mended--
		return true
	}
	return false
}

func byPlace(x, y heldText) int {
	switch {
	case x.record.place < y.record.place:
		return -1
	case x.record.place > y.record.place:
		return 1
	}
	return 0
}

// heldAgain tells that a text which has come again is held. It may say now that it need not wait, and it is confirmed to where it came
// from last.
func (c *conversation) heldAgain(from otr.Peer, r record, m *xmpp.Message) bool {
	s := c.sequences[from.Tag]
	if s == nil {
		return false
	}
	i := slices.IndexFunc(s.held, func(t heldText) bool { return t.record.number == r.number })
	if i < 0 {
		return false
	}
	s.held[i].message, s.held[i].record.after = m, min(s.held[i].record.after, r.after)
	c.advance(s)
	return true
}

// advance shows what need not wait any more, and sees to the rest.
func (c *conversation) advance(s *sequence) {
	for i := 0; i < len(s.held); i++ {
		if s.held[i].record.after <= s.shown {
			c.showFirst(s, i+1)
			i = -1
		}
	}
	bytes := 0
	for _, t := range s.held {
		bytes += len(t.entry.Text)
	}
	switch {
	case len(s.held) == 0:
		s.mended, s.unread = max(0, s.mended-s.unread), 0 // it has all come after all
	case len(s.held) > maxWaiting || bytes > maxWaitingBytes:
		c.showAll(s)
	default:
		c.askForMissing(s)
		c.watch(s)
	}
}

// showFirst shows the first n that are held.
func (c *conversation) showFirst(s *sequence, n int) {
	ready := slices.Clone(s.held[:n])
	s.held = slices.Delete(s.held, 0, n)
	for _, t := range ready {
		s.shown = max(s.shown, t.record.place)
		c.showText(t)
	}
}

// showAll gives up waiting for what is missing.
func (c *conversation) showAll(s *sequence) {
	c.showFirst(s, len(s.held))
	for ; s.unread > 0; s.unread-- {
		c.notify(Entry{Notice: NoticeUnreadable})
	}
}

// showHeld is for a conversation that does not go on: nothing waits any more.
func (c *conversation) showHeld() {
	for _, s := range c.sequences {
		c.showAll(s)
	}
}

// showText shows a private text, and confirms it.
func (c *conversation) showText(t heldText) {
	c.show(t.message, t.entry)
	c.confirm(t.message)
}

// watch looks again at what is held, before it has been so for too long.
func (c *conversation) watch(s *sequence) {
	if s.watched != nil {
		return
	}
	soonest := slices.MinFunc(s.held, func(x, y heldText) int { return x.until.Compare(y.until) }).until.Sub(c.account.now())
	s.watched = c.account.after(max(0, min(soonest, askEvery)), func() {
		s.watched = nil
		now, late := c.account.now(), 0
		for i, t := range s.held {
			if !now.Before(t.until) {
				late = i + 1
			}
		}
		if late == len(s.held) {
			c.showAll(s)
			return
		}
		c.showFirst(s, late)
		c.advance(s)
	})
}

// askForMissing asks whoever wrote them for the texts that those which are held have to wait for.
func (c *conversation) askForMissing(s *sequence) {
	now := c.account.now()
	if c.otrPeer().SSID != s.from.SSID || !c.reachable() || now.Sub(s.asked) < askEvery {
		return
	}
	s.asked = now
	c.writeFellow(missingRecord(fellowMissing, s.theirs, s.shown, s.held[0].record.after))
}

// missingRecord is about the texts of a run whose place is above one and not above another.
func missingRecord(word fellowWord, run memory, above, upTo place) otr.TLV {
	value := append([]byte{byte(word)}, run[:]...)
	value = binary.BigEndian.AppendUint64(value, uint64(above))
	return otr.TLV{Type: fellowMark, Value: binary.BigEndian.AppendUint64(value, uint64(upTo))}
}

// hearMissing reads such a record. What follows is for later Sottos.
func (c *conversation) hearMissing(from otr.Peer, word fellowWord, rest []byte) {
	run, long := memory{}, len(memory{})
	if len(rest) < long+16 {
		return
	}
	copy(run[:], rest)
	above, upTo := place(binary.BigEndian.Uint64(rest[long:])), place(binary.BigEndian.Uint64(rest[long+8:]))
	if word == fellowMissing {
		c.missing(from, run, above, upTo)
		return
	}
	if s := c.sequences[from.Tag]; s != nil && s.theirs == run && s.from.Fingerprint == from.Fingerprint {
		s.shown = max(s.shown, upTo)
		c.advance(s)
	}
}

// missing: they lack texts of ours. What was meant for them goes out again, each a few times at most; and where there is none, they hear so.
func (c *conversation) missing(from otr.Peer, run memory, above, upTo place) {
	if run != c.memory || c.otrPeer().SSID != from.SSID || c.mode() != SendPrivately {
		return
	}
	now, some := c.account.now(), false
	for _, o := range slices.Clone(c.outbox) {
		if o.place <= above || o.place > upTo || !c.comes(o, from) {
			continue
		}
		some = true
		if o.repeats < maxRepeats && now.Sub(o.repeated) >= repeatEvery {
			o.repeats, o.repeated = o.repeats+1, now
			c.write(o)
		}
	}
	if !some {
		c.writeFellow(missingRecord(fellowGone, run, above, upTo))
	}
}

// comes tells that o was written to p's program, is not known to have arrived, and would be sent there again.
func (c *conversation) comes(o *outgoing, p otr.Peer) bool {
	if o.place == 0 || o.guard < EncryptedUnverified || !slices.Contains(o.bound, p.Fingerprint) {
		return false
	}
	theirs := c.acquaintance(p).theirs
	here := o.session == p.SSID || o.reader != memory{} && o.reader == theirs
	return here && (o.entry.Status == StatusSent || o.entry.Status == StatusStored || o.inDoubt())
}

// placeOf gives o its place, if it has none, and says which comes before it and may still have to be waited for.
func (c *conversation) placeOf(o *outgoing, p otr.Peer) (own, after place) {
	if o.place == 0 {
		c.places++
		o.place = c.places
	}
	for _, x := range c.outbox {
		if x.place < o.place && x.place > after && c.comes(x, p) {
			after = x.place
		}
	}
	return o.place, after
}
