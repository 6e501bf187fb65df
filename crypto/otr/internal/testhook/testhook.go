// Package testhook lets packages below crypto/otr do and see what no application may. Its functions are in package otr,
// where nothing else refers to them; conversation is a *otr.Conversation.
package testhook

import _ "unsafe" // for go:linkname

// SendTLV sends a data message with a text and one record of any type to the selected client, and returns the
// []otr.Event that Send would return.
//
//go:linkname SendTLV github.com/sotto-im/sotto/crypto/otr.hookSendTLV
func SendTLV(conversation any, kind uint16, value, text []byte) (events any, err error)

// Instances describes every client of the correspondent that something is remembered of.
//
//go:linkname Instances github.com/sotto-im/sotto/crypto/otr.hookInstances
func Instances(conversation any) []Instance

// Peek describes the data message that body is, or completes, as Receive will find it; nil if it will find none
// that it accepts. The conversation is not changed.
//
//go:linkname Peek github.com/sotto-im/sotto/crypto/otr.hookPeek
func Peek(conversation any, body string) *Message

// Keys returns the Diffie-Hellman keys of the selected session.
//
//go:linkname Keys github.com/sotto-im/sotto/crypto/otr.hookKeys
func Keys(conversation any) []Key

// An Instance is the state of one client of the correspondent.
type Instance struct {
	Ours, Theirs uint32 // instance tags; Theirs is 0 in version 2, and for the exchange that nobody has answered yet
	Selected     bool
	Message      string // plaintext, encrypted, finished
	AKE          string // none, awaiting-dhkey, awaiting-revealsig, awaiting-sig
	SMP          string // the number of the message that is expected, 1 to 4
	Version      int    // of the session, 0 if there was none
	SSID         [8]byte
	Initiator    bool
	Fingerprint  [20]byte
}

// A Message is what a data message looks like from outside.
type Message struct {
	Empty   bool // it has no text
	Records []Record
}

// A Record is what one TLV record looks like from outside.
type Record struct {
	Type   uint16
	Length int
}

// A Key is one half of a Diffie-Hellman key.
type Key struct {
	What  string // our-x, our-y, their-y
	ID    uint32
	Value []byte // big-endian
}
