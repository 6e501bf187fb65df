package model

import (
	"slices"
	"time"

	"github.com/sotto-im/sotto/session"
)

// joinWithin is how close in time two messages of one speaker are when they are shown as one group.
const joinWithin = 5 * time.Minute

// dayBit marks the ID of a day separator; the rest is the ID of the entry below it. Sessions count entries from 1 and never
// reach it.
const dayBit = 1 << 63

// A Line is one line of a conversation: an entry, or the separator above the first entry of a day.
type Line struct {
	ID     uint64
	Day    time.Time     // not zero: a separator, and Entry is of no meaning
	Entry  session.Entry // its texts fit to be shown
	Joined bool          // a message of the same speaker stands close above
}

type transcript struct {
	entries  []session.Entry // in the order of the transcript
	last     string
	lastOurs bool
	used     uint64 // Model.clock at the last change
	newest   session.EntryID
}

func (m *Model) setEntry(e session.Entry) Change {
	e.Text, e.Question = Body(e.Text), Body(e.Question)
	t := m.talks[e.Ref]
	if t == nil {
		t = new(transcript)
		m.talks[e.Ref] = t
	}
	m.clock++
	t.used = m.clock
	at := t.find(e.ID)
	switch {
	case at >= 0:
		t.entries[at] = e
	case e.ID <= t.newest && !Open(e.Status):
		return Change{} // it was forgotten, and still needs nobody's attention
	default:
		t.newest = max(t.newest, e.ID)
		t.entries = append(t.entries, e)
		m.lines++
		t.noteLast(e)
	}
	m.bound(t)
	return Change{Topic: Talk, Account: e.Account, Ref: e.Ref}
}

// find looks from the end, where changes happen.
func (t *transcript) find(id session.EntryID) int {
	for i := len(t.entries) - 1; i >= 0; i-- {
		if t.entries[i].ID == id {
			return i
		}
	}
	return -1
}

func (t *transcript) noteLast(e session.Entry) {
	if e.Kind == session.NoticeEntry {
		return
	}
	t.last, t.lastOurs = OneLine(e.Text), e.Kind == session.Outgoing
}

func (m *Model) bound(t *transcript) {
	if len(t.entries) > MaxLines {
		m.drop(t)
	}
	for m.lines > MaxLinesAll && m.drop(m.quietest()) {
	}
}

// quietest returns the conversation in which nothing happened for longest and which has something to drop.
func (m *Model) quietest() *transcript {
	var quiet *transcript
	for _, t := range m.talks {
		if (quiet == nil || t.used < quiet.used) && t.oldest() >= 0 {
			quiet = t
		}
	}
	return quiet
}

// drop forgets the oldest entry that may be forgotten.
func (m *Model) drop(t *transcript) bool {
	if t == nil {
		return false
	}
	at := t.oldest()
	if at < 0 {
		return false
	}
	t.entries = slices.Delete(t.entries, at, at+1)
	m.lines--
	return true
}

// oldest returns the index of the oldest entry that needs nobody's attention any more, or -1. A text that still waits or that
// the person has to decide about is kept: it must not disappear unseen.
func (t *transcript) oldest() int {
	return slices.IndexFunc(t.entries, func(e session.Entry) bool { return !Open(e.Status) })
}

// Open tells whether a message with this status is still on its way or waits for a decision.
func Open(s session.Status) bool {
	switch s {
	case session.StatusWaiting, session.StatusUnconfirmed, session.StatusFailed:
		return true
	}
	return false
}

// Waiting counts the texts of a conversation that have not left this computer.
func (m *Model) Waiting(r session.Ref) int {
	t, n := m.talks[r], 0
	if t == nil {
		return 0
	}
	for _, e := range t.entries {
		if e.Status == session.StatusWaiting {
			n++
		}
	}
	return n
}

// Lines returns a conversation from its oldest line that is still remembered to its newest, days separated as they are in
// zone.
func (m *Model) Lines(r session.Ref, zone *time.Location) []Line {
	t := m.talks[r]
	if t == nil {
		return nil
	}
	lines := make([]Line, 0, len(t.entries)+4)
	var before *session.Entry
	for i := range t.entries {
		e := &t.entries[i]
		newDay := before == nil || !sameDay(before.Time, e.Time, zone)
		if newDay {
			lines = append(lines, Line{ID: dayBit | uint64(e.ID), Day: e.Time.In(zone)})
		}
		lines = append(lines, Line{ID: uint64(e.ID), Entry: *e, Joined: !newDay && joined(before, e)})
		before = e
	}
	return lines
}

func sameDay(a, b time.Time, zone *time.Location) bool {
	ya, ma, da := a.In(zone).Date()
	yb, mb, db := b.In(zone).Date()
	return ya == yb && ma == mb && da == db
}

// joined tells whether e continues what stands above it. A message that was protected in another way never does: it must be
// seen to stand apart.
func joined(before, e *session.Entry) bool {
	return e.Kind != session.NoticeEntry && before.Kind == e.Kind && before.Guard == e.Guard &&
		e.Time.Sub(before.Time).Abs() < joinWithin
}
