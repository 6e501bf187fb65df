package session

import (
	"time"

	"github.com/sotto-im/sotto/session/xmpp"
)

const (
	pausesAfter  = 30 * time.Second // of no key pressed (XEP-0085 section 5.4)
	typingLatest = 2 * time.Minute  // after which nobody is believed to be still writing
)

// Typing is what the other side is doing, as far as its program says (XEP-0085). The server and everybody on the way can read it and
// could make it up.
type Typing uint8

const (
	TypingNothing Typing = iota
	TypingNow
	TypingPaused // has begun to write, and may go on
	TypingGone   // has closed the conversation
)

// A TypingPolicy says to whom an account tells that the person is typing. Only contacts who may see our presence and whose program asks
// for it are ever told.
type TypingPolicy uint8

const (
	TypingInClear TypingPolicy = iota // where what is typed would go out unencrypted
	TypingToNobody
	TypingToAll // in private conversations too, where the server can see it
)

var typingWords = map[TypingPolicy]string{TypingToNobody: "nobody", TypingToAll: "all"}

// parseTyping reads the settings file. A word it does not know is the strictest.
func parseTyping(word string) TypingPolicy {
	switch word {
	case "":
		return TypingInClear
	case typingWords[TypingToAll]:
		return TypingToAll
	}
	return TypingToNobody
}

// SetTypingPolicy says to whom the account tells that the person is typing.
func (s *Session) SetTypingPolicy(jid string, p TypingPolicy) {
	s.tell(jid, func(a *account) {
		a.record.Typing = typingWords[p]
		a.keep()
		for _, c := range a.conversations {
			c.typing.ours = xmpp.NoChatState // what was told is not taken back
		}
	})
}

// Typing tells that the person is writing in the composer: call it at every change of a text that is not empty.
func (s *Session) Typing(r Ref) {
	s.with(r, func(c *conversation) { c.tellTyping(xmpp.Composing) })
}

// StoppedTyping tells that the composer is empty again, without a text having been sent.
func (s *Session) StoppedTyping(r Ref) {
	s.with(r, func(c *conversation) { c.tellTyping(xmpp.Active) })
}

// typing is what is known of who writes in a conversation.
type typing struct {
	theirs   Typing
	expires  *time.Timer
	ours     xmpp.ChatState // as it was told last
	pauses   *time.Timer
	speaking bool // their program has sent states itself
}

// stop forgets both sides' states.
func (t *typing) stop() {
	t.forgetTheirs()
	t.ours = xmpp.NoChatState
	if t.pauses != nil {
		t.pauses.Stop()
	}
}

func (t *typing) forgetTheirs() {
	t.theirs = TypingNothing
	if t.expires != nil {
		t.expires.Stop()
	}
}

var typingOf = map[xmpp.ChatState]Typing{xmpp.Composing: TypingNow, xmpp.Paused: TypingPaused, xmpp.Gone: TypingGone}

// typed takes a state that came in, alone or beside a text.
func (c *conversation) typed(m *xmpp.Message) {
	t := &c.typing
	t.speaking = true
	t.forgetTheirs()
	t.theirs = typingOf[m.State]
	if t.theirs == TypingNow || t.theirs == TypingPaused {
		t.expires = c.account.after(typingLatest, func() {
			t.forgetTheirs()
			c.touch()
		})
	}
	c.touch()
}

// tellTyping tells the other side what the person does, if that is new and theirs to know.
func (c *conversation) tellTyping(s xmpp.ChatState) {
	t := &c.typing
	if s == xmpp.Active && t.ours != xmpp.Composing && t.ours != xmpp.Paused {
		return
	}
	r, there := c.best()
	if !there || !c.mayKnowTyping(c.mode()) || !r.software.ChatStates && !t.speaking {
		return
	}
	if t.pauses != nil {
		t.pauses.Stop()
	}
	if s == xmpp.Composing {
		t.pauses = c.account.after(pausesAfter, func() {
			if t.ours == xmpp.Composing {
				c.tellTyping(xmpp.Paused)
			}
		})
	}
	if t.ours == s {
		return
	}
	if c.account.conn.Send(xmpp.Message{To: r.full, Type: xmpp.Chat, State: s}) == nil {
		t.ours = s
	}
}

// mayKnowTyping tells whether the contact may be told what the person does, in a conversation where texts go out in this way.
func (c *conversation) mayKnowTyping(mode SendMode) bool {
	if !c.account.online() || !c.onRoster || c.blocked() || !c.subscription().seen() || mode == SendBlocked || c.account.invisible() {
		return false
	}
	switch parseTyping(c.account.record.Typing) {
	case TypingInClear:
		return mode == SendUnencrypted
	case TypingToAll:
		return true
	}
	return false
}

// stateWith is what goes beside a text of the person: who has sent one is not writing it any more.
func (c *conversation) stateWith(b body) xmpp.ChatState {
	mode := SendPrivately
	if _, clear := b.(clearText); clear {
		mode = SendUnencrypted
	}
	if !c.mayKnowTyping(mode) {
		return xmpp.NoChatState
	}
	if c.typing.pauses != nil {
		c.typing.pauses.Stop()
	}
	c.typing.ours = xmpp.Active
	return xmpp.Active
}
