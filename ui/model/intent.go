package model

import "github.com/sotto-im/sotto/session"

// An Intent remembers how the send button said a text would go when the person began to type it. The zero Intent is that of an
// empty composer.
type Intent struct {
	mode  session.SendMode
	typed bool
}

// Typing returns the intent after the composer's text has changed while the button says mode.
func (i Intent) Typing(text string, mode session.SendMode) Intent {
	if text == "" {
		return Intent{}
	}
	if i.typed {
		return i
	}
	return Intent{mode: mode, typed: true}
}

// Allows tells whether the text may go the way the button says now. It may always go more privately than it was meant to; it
// goes in clear only if it was typed to go in clear.
func (i Intent) Allows(mode session.SendMode) bool {
	switch mode {
	case session.SendPrivately, session.SendWhenPrivate:
		return true
	case session.SendUnencrypted:
		return !i.typed || i.mode == session.SendUnencrypted
	}
	return false
}

// Agreed returns the intent after the person has been told that the text would go in another way, and agreed to it.
func (i Intent) Agreed(mode session.SendMode) Intent {
	return Intent{mode: mode, typed: true}
}

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
