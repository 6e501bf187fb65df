package otr

import (
	"cmp"
	"slices"
	"time"
)

// This file is the choice among the clients of the correspondent, and what is told of it.

// An Instance is one client of the correspondent that has, or had, a session.
type Instance struct {
	Peer     Peer // with the Tag by which Select selects it
	State    State
	Selected bool      // Send writes to this one
	Heard    time.Time // when something authentic last came from it
}

// Instances lists the clients of the correspondent, the one that was heard from last first.
func (c *Conversation) Instances() []Instance {
	var all []*instance
	for _, i := range c.instances {
		if i.state != Plaintext {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b *instance) int { return cmp.Compare(b.active, a.active) })
	list := make([]Instance, len(all))
	for n, i := range all {
		list[n] = Instance{Peer: i.peer, State: i.state, Selected: i == c.selected, Heard: i.heard}
	}
	return list
}

// What Select understands beside the tag of a client. They are not valid tags. The tag of a client that speaks
// version 2 is 0.
const (
	SelectBest   InstanceTag = 1 // as the conversation chooses by itself, see the package comment
	SelectRecent InstanceTag = 2 // the client that was heard from last
)

// Select makes the client with a tag the one that Send, StartSMP and UseExtraKey work with, until its session ends; a
// client that has no session is not selected. After SelectBest or SelectRecent the conversation goes on to choose by
// itself.
func (c *Conversation) Select(tag InstanceTag) []Event {
	before := c.view()
	i := c.instances[tag]
	switch {
	case tag == SelectBest:
		c.selected, c.chosen = c.best(), false
	case tag == SelectRecent:
		c.selected, c.chosen = c.recent(), false
	case i != nil && i.state == Encrypted:
		c.selected, c.chosen = i, true
	}
	if after := c.view(); after != before {
		return []Event{StateChange{Old: before.state, New: after.state, Peer: after.peer}}
	}
	return nil
}

// choose selects a client after something authentic came from i. Nothing else may change the selection. As long as
// the selected client has its session, only one that proved to have the same key takes its place, and not with a
// lower version while the higher one is allowed: who merely logs in with another key does not get what is meant for
// the first.
func (c *Conversation) choose(i *instance) {
	switch s := c.selected; {
	case s == nil || s.state != Encrypted:
		c.selected, c.chosen = c.best(), false
	case c.chosen:
	case i.version() < s.version() && c.allows(s.version()):
	case i.state == Encrypted && i.peer.Fingerprint == s.peer.Fingerprint:
		c.selected = i
	}
}

// best returns the client to write to. It is nil if none has or had a session.
func (c *Conversation) best() *instance { return c.foremost(c.compare) }

// compare orders clients by what speaks for writing to them: encrypted before finished, then with the key of the selected
// one, then with the higher version, then last heard from. The greatest is the best.
func (c *Conversation) compare(a, b *instance) int {
	key := c.Peer().Fingerprint
	return cmp.Or(
		compareBool(a.state == Encrypted, b.state == Encrypted),
		compareBool(a.peer.Fingerprint == key, b.peer.Fingerprint == key),
		cmp.Compare(a.version(), b.version()),
		cmp.Compare(a.active, b.active),
	)
}

// recent returns the client with a session that was heard from last; without any, that which had one.
func (c *Conversation) recent() *instance {
	return c.foremost(func(a, b *instance) int {
		return cmp.Or(compareBool(a.state == Encrypted, b.state == Encrypted), cmp.Compare(a.active, b.active))
	})
}

// foremost returns the greatest of the clients that have or had a session.
func (c *Conversation) foremost(compare func(a, b *instance) int) *instance {
	var most *instance
	for _, i := range c.instances {
		if i.state != Plaintext && (most == nil || compare(i, most) > 0) {
			most = i
		}
	}
	return most
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// A view is what the caller sees of a Conversation.
type view struct {
	state State
	peer  Peer
}

func (c *Conversation) view() view { return view{c.State(), c.Peer()} }

func (i *instance) view() view { return view{i.state, i.peer} }

// changes returns the events that tell what became of the conversation since before, and of i, which was as was says.
func (c *Conversation) changes(before view, i *instance, was view) []Event {
	var events []Event
	if is := i.view(); is != was && i != c.selected {
		events = append(events, InstanceChange{Old: was.state, New: is.state, Peer: is.peer})
	}
	if after := c.view(); after != before {
		fresh := before.state == after.state && before.peer.Tag == after.peer.Tag && before.peer.Fingerprint == after.peer.Fingerprint
		events = append(events, StateChange{Old: before.state, New: after.state, Peer: after.peer, Refreshed: fresh})
	}
	return events
}
