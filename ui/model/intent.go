package model

import (
	"slices"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
)

// An Intent remembers what the send button said, and about whom, when the person last typed. The zero Intent is that of an empty
// composer.
type Intent struct {
	typed    bool
	mode     session.SendMode
	verified bool              // it was to go to somebody verified
	keys     []otr.Fingerprint // to one of these, if there are any
}

func intentFor(c session.Contact) Intent {
	i := Intent{typed: true, mode: c.SendMode, verified: c.Lock == session.Private && c.SendMode != session.SendUnencrypted}
	switch {
	case c.SendMode == session.SendPrivately && c.Key != nil:
		i.keys = []otr.Fingerprint{*c.Key}
	case c.SendMode == session.SendWhenPrivate:
		for _, k := range c.Keys {
			i.keys = append(i.keys, k.Fingerprint)
		}
	}
	return i
}

// Typing returns the intent after the composer's text has changed while the contact is as c says. Whoever types on under a button
// that says something else has seen it; but what was begun for more protection goes with less only by an explicit word, see Agreed.
func (i Intent) Typing(text string, c session.Contact) Intent {
	switch {
	case text == "":
		return Intent{}
	case i.typed && (c.SendMode == session.SendBlocked || i.Lowered(c)):
		return i
	}
	return intentFor(c)
}

// Lowered tells whether the text would now go with less protection than it was typed for: in clear, or to somebody nobody has verified.
func (i Intent) Lowered(c session.Contact) bool {
	switch {
	case !i.typed || i.mode == session.SendUnencrypted:
		return false
	case c.SendMode == session.SendUnencrypted:
		return true
	}
	return i.verified && c.SendMode == session.SendPrivately && c.Lock != session.Private
}

// Allows tells whether the text may go as the button says now, without another word of the person: in the way that it said at the last
// keystroke, and to the key that it was about. What was to wait for privacy may go once that is there.
func (i Intent) Allows(c session.Contact) bool {
	switch {
	case c.SendMode == session.SendBlocked || i.Lowered(c):
		return false
	case !i.typed:
		return true
	case i.mode == session.SendWhenPrivate && c.SendMode == session.SendPrivately, i.mode == session.SendPrivately && c.SendMode == session.SendPrivately:
		return i.verified && c.Lock == session.Private || i.expects(c.Key)
	}
	return i.mode == c.SendMode
}

// expects tells whether a key is one that the text was typed for.
func (i Intent) expects(key *otr.Fingerprint) bool {
	return len(i.keys) == 0 || key != nil && slices.Contains(i.keys, *key)
}

// Agreed returns the intent after the person has been told how the text would go now, and agreed to it.
func (i Intent) Agreed(c session.Contact) Intent { return intentFor(c) }

// Draft returns what stands in the composer of a conversation and how it was meant to be sent. Drafts live in memory only.
func (m *Model) Draft(r session.Ref) (string, Intent) { return m.drafts[r], m.intents[r] }

// SetDraft keeps them.
func (m *Model) SetDraft(r session.Ref, text string, i Intent) {
	if text == "" {
		delete(m.drafts, r)
		delete(m.intents, r)
		return
	}
	m.drafts[r], m.intents[r] = text, i
}
