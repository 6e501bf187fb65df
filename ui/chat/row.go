// Package chat is the view of a conversation: a virtual list of bubbles and notices of any length.
package chat

import (
	"slices"

	"github.com/sotto-im/sotto/ui/look"
)

// Contract between ui (makes rows from model entries, all sentences ready) and the view (shows them).

type Kind uint8

const (
	Theirs Kind = iota
	Ours
	Notice // a system line: full width, never in a bubble
	Day    // a day separator: Text is the day
	New    // the line above the first message that was not read when the conversation was opened
)

type Tick uint8

const (
	TickNone   Tick = iota
	TickClock       // waiting
	TickSent        // written
	TickStored      // the server has it
	TickDone        // delivered
	TickDoubt       // maybe not delivered
	TickFailed
)

type Row struct {
	ID      uint64
	Kind    Kind
	Sender  string // spoken by screen readers; to those who see, the side and the colour say it
	Text    string
	Time    string    // "18:02", formatted for the person
	Lock    look.Lock // Theirs, Ours: how this message was protected. Notice: its icon
	NoLock  bool      // Notice without a lock icon
	Guard   string    // the same in words, for the screen reader and who asks: "sent privately, not verified"
	Key     string    // which key it was protected with, in words, for who asks
	Warning string    // "Not encrypted, may be forged": shown on the bubble, which stands apart
	Tick    Tick
	Status  string   // the same in words; shown under the bubble where it needs the person
	Actions []Action // at most one on a Notice; [Try again] [Discard] on a bubble
	Joined  bool     // same speaker as the row before: closer
	Deed    bool     // what somebody says they do (XEP-0245): Text names them and what
	Links   []Link   // that stand in Text
}

// A Link is an address in a message that can be followed.
type Link struct {
	Shown   string // short, on one line
	Address string
}

type Action struct {
	Label string
	Do    func()
}

// sameRow tells whether two rows look the same; actions that are called the same do the same.
func sameRow(a, b Row) bool {
	return a.ID == b.ID && a.Kind == b.Kind && a.Sender == b.Sender && a.Text == b.Text && a.Time == b.Time &&
		a.Lock == b.Lock && a.NoLock == b.NoLock && a.Guard == b.Guard && a.Key == b.Key && a.Warning == b.Warning && a.Deed == b.Deed &&
		a.Tick == b.Tick && a.Status == b.Status && a.Joined == b.Joined && slices.Equal(a.Links, b.Links) &&
		slices.EqualFunc(a.Actions, b.Actions, func(x, y Action) bool { return x.Label == y.Label })
}
