package session

import (
	"cmp"
	"slices"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

// A Finding is one thing that a contact's program has shown about itself, by what it said or by what it did in this run of Sotto. None is
// guessed from its name, and none is a fault of the person who uses it.
type Finding struct {
	Kind     FindingKind
	Place    string // the resource it was at; "" where that is not known
	Software string // what it calls itself there: its words; "" while not known
	Count    int    // the evidence, see the kinds
	Said     string // the same, in its own words: bounded, and not to be believed
}

// FindingKind says what a Finding is about, and what its evidence is.
type FindingKind uint8

const (
	FindingSotto       FindingKind = iota // it has said so, inside the private conversation
	FindingNoOTR                          // Count invitations to a private conversation were not answered
	FindingOnlyV2                         // Said: the versions of OTR it offered, 3 not among them
	FindingSilentCheck                    // Count checks of ours ran out of time, while other messages of it came in
	FindingStopsCheck                     // Count checks of ours were stopped sooner than anybody could have read the question
	FindingUnmarked                       // Count encrypted messages came without a word of what they are, or that copies are useless elsewhere
	FindingOther                          // Count messages came encrypted in a way that Sotto does not read. Said: its name
	FindingUnconfirmed                    // Count private messages to it were sent, and it confirmed none
)

const (
	maxHabits      = 32 // places of a contact that something is noted of
	maxCounted     = 1_000_000
	fewUnmarked    = 2 // messages that came unmarked: one may be an exception
	fewUnconfirmed = 5
)

// A habit is what the program at one place does.
type habit struct {
	place      string
	unmarked   int // encrypted messages in a row without a mark
	heard      int // authentic messages of any kind
	silent     int // checks of ours that ran out of time although it was heard from meanwhile
	stopped    int // checks of ours that it stopped at once
	other      int
	encryption string // of the last of these
	since      int    // heard when our present check began
}

func (c *conversation) habit(from jid.JID) *habit {
	place := from.Resourcepart()
	h := c.habits[place]
	if h == nil {
		if len(c.habits) >= maxHabits {
			clear(c.habits)
		}
		h = &habit{place: place}
		c.habits[place] = h
	}
	return h
}

// habitOf is that of the client with a tag.
func (c *conversation) habitOf(p otr.Peer) *habit { return c.habit(c.tags[p.Tag]) }

func countUp(n *int) { *n = min(*n+1, maxCounted) }

// observe notes how a message came. events are what OTR made of it.
func (c *conversation) observe(m *xmpp.Message, events []otr.Event) {
	if m.Encryption != "" {
		h := c.habit(m.From)
		countUp(&h.other)
		h.encryption = cleanName(m.Encryption)
	}
	if !slices.ContainsFunc(events, isAuthentic) {
		return
	}
	h := c.habit(m.From)
	countUp(&h.heard)
	if m.Marked {
		h.unmarked = 0
		return
	}
	countUp(&h.unmarked)
}

// isAuthentic tells that something came in that was encrypted in the live session.
func isAuthentic(e otr.Event) bool {
	switch e := e.(type) {
	case otr.Message:
		return e.Encrypted
	case otr.Records:
		return true
	case otr.Heartbeat:
		return !e.Sent
	}
	return false
}

// checkBegins notes what was heard before it.
func (c *conversation) checkBegins() {
	h := c.habitOf(c.otrPeer())
	h.since = h.heard
}

// unanswered: the check under way has run out of time. Where nothing else came either, nothing is known: perhaps nobody was there.
func (c *conversation) unanswered() {
	if h := c.habitOf(c.otrPeer()); c.smp.Ours && h.heard > h.since {
		countUp(&h.silent)
	}
}

// aborted: they have ended the check under way.
func (c *conversation) aborted(e otr.SMPResult) {
	if c.smp.Ours && e.Outcome == otr.SMPAborted && c.account.now().Sub(c.smpBegan) < atOnce && !c.acquaintance(e.Peer).fellow.known {
		c.smp.AtOnce = true
		countUp(&c.habitOf(e.Peer).stopped)
	}
}

// answersChecks: their program has taken part in a check to its end, so it can.
func (c *conversation) answersChecks(p otr.Peer) {
	h := c.habitOf(p)
	h.silent, h.stopped = 0, 0
}

// findings lists what is known, place by place.
func (c *conversation) findings() []Finding {
	var all []Finding
	add := func(kind FindingKind, place string, count int, said string) {
		f := Finding{Kind: kind, Place: cleanName(place), Count: count, Said: said}
		if r, ok := c.resources[place]; ok {
			f.Software = cleanName(r.software.Name)
		}
		all = append(all, f)
	}
	if c.isSotto() {
		add(FindingSotto, c.tags[c.otrPeer().Tag].Resourcepart(), 0, "")
	}
	if c.unheeded > 0 && !c.private() {
		add(FindingNoOTR, "", c.unheeded, "")
	}
	if c.onlyV2 {
		add(FindingOnlyV2, "", 0, c.versions.String())
	}
	for _, h := range c.habits {
		if h.silent > 0 {
			add(FindingSilentCheck, h.place, h.silent, "")
		}
		if h.stopped > 0 {
			add(FindingStopsCheck, h.place, h.stopped, "")
		}
		if h.unmarked >= fewUnmarked {
			add(FindingUnmarked, h.place, h.unmarked, "")
		}
		if h.other > 0 {
			add(FindingOther, h.place, h.other, h.encryption)
		}
	}
	if n := c.unconfirmedTexts(); n >= fewUnconfirmed {
		add(FindingUnconfirmed, "", n, "")
	}
	slices.SortFunc(all, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Place, y.Place))
	})
	return all
}

// unconfirmedTexts counts what went to them privately, where they have never confirmed anything.
func (c *conversation) unconfirmedTexts() (n int) {
	if c.confirms {
		return 0
	}
	for _, o := range c.outbox {
		if o.entry.Guard >= EncryptedUnverified && (o.entry.Status == StatusSent || o.entry.Status == StatusStored) {
			n++
		}
	}
	return n
}
