package xmpp

import "github.com/sotto-im/sotto/session/xmpp/stream"

const nsChatStates = "http://jabber.org/protocol/chatstates"

// A ChatState is what somebody is doing in a conversation (XEP-0085 section 5.3).
type ChatState uint8

const (
	NoChatState ChatState = iota
	Active                // there
	Composing             // writing
	Paused                // was writing, and may go on
	Inactive              // not looking
	Gone                  // has closed the conversation
)

var chatStateWords = [...]string{NoChatState: "", Active: "active", Composing: "composing", Paused: "paused",
	Inactive: "inactive", Gone: "gone"}

// element is the state as it stands in a message; nil for none.
func (s ChatState) element() *stream.Element {
	if s == NoChatState || int(s) >= len(chatStateWords) {
		return nil
	}
	return stream.New(nsChatStates, chatStateWords[s])
}

// chatState reads the first state in a message.
func chatState(e *stream.Element) ChatState {
	for _, child := range e.Children {
		if child.Name.Space != nsChatStates {
			continue
		}
		for s, word := range chatStateWords {
			if word != "" && word == child.Name.Local {
				return ChatState(s)
			}
		}
	}
	return NoChatState
}
