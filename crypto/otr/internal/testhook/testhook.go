// Package testhook lets packages below crypto/otr do and see what no application may. Package otr fills in its
// variables; conversation is a *otr.Conversation.
package testhook

var (
	// SendTLV sends a data message with a text and one record of any type to the selected client, and returns the
	// []otr.Event that Send would return.
	SendTLV func(conversation any, kind uint16, value, text []byte) (events any, err error)

	// Instances describes every client of the correspondent that something is remembered of.
	Instances func(conversation any) []Instance
)

// An Instance is the state of one client of the correspondent.
type Instance struct {
	Ours, Theirs uint32 // instance tags; Theirs is 0 for the exchange that nobody has answered yet
	Selected     bool
	Message      string // plaintext, encrypted, finished
	AKE          string // none, awaiting-dhkey, awaiting-revealsig, awaiting-sig
	SMP          string // the number of the message that is expected, 1 to 4
	SSID         [8]byte
	Initiator    bool
	Fingerprint  [20]byte
}
