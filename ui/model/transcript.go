package model

import (
	"slices"
	"strings"
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

// A Script is a conversation as it stands, from its oldest line that is still remembered to its newest. What is asked of a line costs
// the same however many there are. It holds until the Model changes.
type Script struct{ t *transcript }

// transcript is what is remembered of a conversation.
type transcript struct {
	entries  []*session.Entry // in the order of the transcript
	last     string
	lastOurs bool
	doubtful bool // last came in clear where it should not have
	lastSent string
	weight   int
	newest   session.EntryID

	zone   *time.Location // that lines was made for; nil: it must be made again
	lines  []line
	resets int // another number whenever lines is not what it was with something added at its end
}

// A line is what stands at one place: the day of an entry, or the entry.
type line struct {
	entry       *session.Entry
	day, joined bool
}

func (l line) id() uint64 {
	if l.day {
		return dayBit | uint64(l.entry.ID)
	}
	return uint64(l.entry.ID)
}

func (m *Model) setEntry(e session.Entry) Change {
	e.Text, e.Question = Body(e.Text), Body(e.Question)
	t := m.talks[e.Ref]
	if t == nil {
		t = new(transcript)
		m.talks[e.Ref] = t
	}
	at := t.find(e.ID)
	switch {
	case at >= 0:
		m.weigh(t, weight(&e)-weight(t.entries[at]))
		t.change(at, e)
	case e.ID <= t.newest && !Open(e.Status):
		return Change{} // it was forgotten, and still needs nobody's attention
	default:
		t.newest = max(t.newest, e.ID)
		m.weigh(t, weight(&e))
		t.add(&e)
	}
	m.bound(t)
	return Change{Topic: Talk, Account: e.Account, Ref: e.Ref}
}

// find looks from the end, where changes happen.
func (t *transcript) find(id session.EntryID) int {
	if id > t.newest {
		return -1
	}
	for i := len(t.entries) - 1; i >= 0; i-- {
		if t.entries[i].ID == id {
			return i
		}
	}
	return -1
}

func (t *transcript) add(e *session.Entry) {
	t.entries = append(t.entries, e)
	t.noteLast(e)
	if t.zone != nil {
		t.lineUp(len(t.entries) - 1)
	}
}

// change replaces an entry in its place. Who stands close to whom may change with it, and on which day it is.
func (t *transcript) change(at int, e session.Entry) {
	*t.entries[at] = e
	if t.zone == nil {
		return
	}
	i := len(t.lines) - 1
	for t.lines[i].entry.ID != e.ID {
		i--
	}
	if t.lines[i-1].day != t.newDay(at) { // there is a line before: the first is a day
		t.zone = nil
		return
	}
	t.lines[i].joined = t.joins(at)
	if at+1 == len(t.entries) {
		return
	}
	if t.lines[i+1].day != t.newDay(at+1) {
		t.zone = nil
		return
	}
	if !t.lines[i+1].day {
		t.lines[i+1].joined = t.joins(at + 1)
	}
}

func (t *transcript) noteLast(e *session.Entry) {
	if e.Kind == session.NoticeEntry {
		return
	}
	t.last, t.lastOurs, t.doubtful = OneLine(e.Text), e.Kind == session.Outgoing, e.Guard == session.InClearUnexpected
	if t.lastOurs {
		t.lastSent = e.Text
	}
}

// What a conversation weighs in memory: its texts, and of each entry what it needs besides.
const entryWeight = 400

func weight(e *session.Entry) int { return entryWeight + len(e.Text) + len(e.Question) }

func (m *Model) weigh(t *transcript, by int) {
	t.weight += by
	m.weight += by
}

// bound forgets the oldest entries of the conversation that has just grown beyond MaxLines, and of the heaviest of all while they
// weigh more than MaxWeight together: who writes most loses most. Several are dropped at once, so that it is not done for each message.
func (m *Model) bound(t *transcript) {
	if len(t.entries) > MaxLines {
		m.drop(t, MaxLines/dropShare)
	}
	for m.weight > m.most {
		t := m.heaviest()
		if t == nil || !m.drop(t, len(t.entries)/dropShare+1) {
			return
		}
	}
}

const dropShare = 50

// heaviest returns the conversation that weighs most of those which have something to drop.
func (m *Model) heaviest() *transcript {
	var heavy *transcript
	for _, t := range m.talks {
		if (heavy == nil || t.weight > heavy.weight) && slices.ContainsFunc(t.entries, settled) {
			heavy = t
		}
	}
	return heavy
}

// drop forgets the n oldest entries that may be forgotten. A text that still waits or that the person has to decide about is kept: it
// must not disappear unseen.
func (m *Model) drop(t *transcript, n int) (dropped bool) {
	t.entries = slices.DeleteFunc(t.entries, func(e *session.Entry) bool {
		if n == 0 || !settled(e) {
			return false
		}
		n--
		m.weigh(t, -weight(e))
		dropped = true
		return true
	})
	t.zone = nil
	return dropped
}

func settled(e *session.Entry) bool { return !Open(e.Status) }

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

// Script returns a conversation, days separated as they are in zone.
func (m *Model) Script(r session.Ref, zone *time.Location) Script {
	t := m.talks[r]
	if t == nil {
		return Script{}
	}
	if t.zone != zone {
		t.zone = zone
		t.lines = t.lines[:0]
		m.resets++
		t.resets = m.resets
		for i := range t.entries {
			t.lineUp(i)
		}
	}
	return Script{t}
}

// lineUp adds the line of entry i, and the day before it where one begins.
func (t *transcript) lineUp(i int) {
	e := t.entries[i]
	if t.newDay(i) {
		t.lines = append(t.lines, line{entry: e, day: true})
	}
	t.lines = append(t.lines, line{entry: e, joined: t.joins(i)})
}

func (t *transcript) newDay(i int) bool {
	return i == 0 || !sameDay(t.entries[i-1].Time, t.entries[i].Time, t.zone)
}

func (t *transcript) joins(i int) bool { return !t.newDay(i) && joined(t.entries[i-1], t.entries[i]) }

// Len is how many lines there are.
func (t Script) Len() int {
	if t.t == nil {
		return 0
	}
	return len(t.t.lines)
}

// ID is that of line i.
func (t Script) ID(i int) uint64 { return t.t.lines[i].id() }

// Entry is the entry of line i, with its texts fit to be shown. It belongs to the Model. False: the line is the day above it.
func (t Script) Entry(i int) (*session.Entry, bool) { return t.t.lines[i].entry, !t.t.lines[i].day }

// Line is line i.
func (t Script) Line(i int) Line {
	l := t.t.lines[i]
	if l.day {
		return Line{ID: l.id(), Day: l.entry.Time.In(t.t.zone)}
	}
	return Line{ID: l.id(), Entry: *l.entry, Joined: l.joined}
}

// Find returns the line with an ID, or -1.
func (t Script) Find(id uint64) int {
	if t.t == nil {
		return -1
	}
	return slices.IndexFunc(t.t.lines, func(l line) bool { return l.id() == id })
}

// Search returns the messages in which words stand, oldest first, whatever their case and however their letters are written.
func (t Script) Search(wanted string) []uint64 {
	wanted = Fold(strings.TrimSpace(wanted))
	if t.t == nil || wanted == "" {
		return nil
	}
	var found []uint64
	for _, e := range t.t.entries {
		if e.Kind != session.NoticeEntry && strings.Contains(Fold(e.Text), wanted) {
			found = append(found, uint64(e.ID))
		}
	}
	return found
}

// Days returns the days of a conversation, the newest first and most of them at most.
func (t Script) Days(most int) []Line {
	var days []Line
	for i := t.Len() - 1; i >= 0 && len(days) < most; i-- {
		if t.t.lines[i].day {
			days = append(days, t.Line(i))
		}
	}
	return days
}

// Resets tells whether something else than the end has changed: while it stays the same, all lines are where they were, and new ones
// came after them.
func (t Script) Resets() int {
	if t.t == nil {
		return 0
	}
	return t.t.resets
}

// LastSent is the last text that the person has sent here, "" where there is none.
func (m *Model) LastSent(r session.Ref) string {
	if t := m.talks[r]; t != nil {
		return t.lastSent
	}
	return ""
}

// Lines returns the last lines of a conversation, most of them at most.
func (m *Model) Lines(r session.Ref, zone *time.Location, most int) []Line {
	t := m.Script(r, zone)
	if t.Len() == 0 {
		return nil
	}
	from := max(0, t.Len()-most)
	lines := make([]Line, 0, t.Len()-from)
	for i := from; i < t.Len(); i++ {
		lines = append(lines, t.Line(i))
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
