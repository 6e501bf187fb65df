package otr

// An Event is something that a Conversation wants done (Transmit) or known (everything else). The list that a
// method returns is in order and complete.
type Event interface{ event() }

// Transmit asks for Body to be sent to the correspondent, in the order of the list.
type Transmit struct {
	Body string
	To   InstanceTag // the client it is for; 0 if that is not known: the one we last heard from, or all of them
	Text bool        // the last piece of what carries a text given to Send, so that a receipt can be asked for
}

// Message is a text to show. It is the correspondent's bytes as they are: usually UTF-8, perhaps with HTML, never
// to be trusted as either.
type Message struct {
	Text       []byte
	Encrypted  bool  // it was encrypted and authenticated in the live session with From
	Unexpected bool  // it is clear text although the conversation is not in Plaintext or its policy requires encryption
	From       Peer  // zero unless Encrypted
	TLVs       []TLV // records that came with it, see Records
}

// Records are the records of a message without a text, of types that the protocol does not define, at most 64 of
// them. They are for the application: nothing of them is to be shown.
type Records struct {
	TLVs []TLV
	From Peer
}

// ExtraKey is a key for use outside of the conversation, such as a file transfer, that the correspondent has asked
// to begin ("Extra symmetric key", TLV type 8). It has the same one, see [Conversation.UseExtraKey].
type ExtraKey struct {
	Key  [32]byte
	Use  uint32 // what for, a number that the two programs agree on
	Data []byte // whatever belongs to such a use, a file name for example
	From Peer
}

// StateChange reports that State or Peer of the conversation changed. When Old and New are both Encrypted, either
// the same key made fresh session keys (Refreshed), or the session is now one with another key or with another
// client of the correspondent: Peer tells.
type StateChange struct {
	Old, New  State
	Peer      Peer // of the new session; in Finished and Plaintext of the one that ended
	Refreshed bool
}

// InstanceChange reports that the session of a client other than the selected one began, was refreshed or ended.
// State and Peer of the conversation are what they were. See [Conversation.Select].
type InstanceChange struct {
	Old, New State
	Peer     Peer
}

// Offer reports that the correspondent said, by query or by whitespace tag, that it can speak the protocol in a
// version that the policy allows. If it can speak only others, that is told by Rejected.
type Offer struct {
	ByTag    bool
	Versions Versions
}

// SMPRequest reports that the correspondent began to verify us, and waits for [Conversation.AnswerSMP].
type SMPRequest struct {
	ID       uint64 // of this request, never 0
	Question string // what was asked: the correspondent's words, at most 1 KiB of valid UTF-8
	Asked    bool   // there was a question, though perhaps an empty one (TLV type 7)
	From     Peer
}

// SMPProgress reports how far a run of the Socialist Millionaires' Protocol got.
type SMPProgress struct{ Percent int }

// SMPOutcome says how a run of the Socialist Millionaires' Protocol ended.
type SMPOutcome uint8

const (
	SMPSuccess SMPOutcome = iota // the secrets were equal
	SMPFailure                   // they were not
	SMPAborted                   // by the other side, or because both started at once, or because the session ended
	SMPCheated                   // the other side sent a value that no honest party sends
)

// SMPResult reports the end of a run that we did not abort ourselves. Success verifies in one direction or in both, see
// Verifies. Failure does not take back what was verified before, by comparing fingerprints for example: keep that, and
// tell the user that the answers differed.
type SMPResult struct {
	Outcome   SMPOutcome
	Asked     bool // the run carried a question
	Initiator bool // we started it
	Peer      Peer
}

// Verifies says whether the run has verified Peer to us. Whoever only answered a question has proved itself, and
// learned little about the other, who may have chosen a question that many can answer.
func (r SMPResult) Verifies() bool { return r.Outcome == SMPSuccess && (r.Initiator || !r.Asked) }

// Rejected reports that something arrived that was not accepted. The session is what it was.
type Rejected struct {
	Reason   Reason
	From     InstanceTag // as the message claims; 0 if it does not say
	Versions Versions    // with BadVersion: all that was offered, or that of the message
}

// Reason says why something was rejected.
type Reason uint8

const (
	Malformed     Reason = iota // not a message of the protocol
	OtherInstance               // meant for another client of ours
	Unreadable                  // a data message that could not be decrypted or verified
	NotPrivate                  // a data message without a session
	Reflected                   // our own message came back
	BadVersion                  // a version of the protocol that the policy, or the session that is on, does not allow
	SetupFailed                 // a key exchange message failed its checks
	TooMany                     // a limit was reached
)

// PeerError is the text of an error message: at most 512 bytes of valid UTF-8. It is not authenticated; anyone on
// the way may have written it, perhaps to mislead.
type PeerError struct{ Text string }

// Heartbeat reports that an empty message was received, or sent by itself.
type Heartbeat struct{ Sent bool }

// Failure reports that an answer could not be made, because the source of randomness failed or Config.MaxSize is
// too small for any message. Nothing was sent.
type Failure struct{ Err error }

func (Transmit) event()       {}
func (Message) event()        {}
func (Records) event()        {}
func (ExtraKey) event()       {}
func (StateChange) event()    {}
func (InstanceChange) event() {}
func (Offer) event()          {}
func (SMPRequest) event()     {}
func (SMPProgress) event()    {}
func (SMPResult) event()      {}
func (Rejected) event()       {}
func (PeerError) event()      {}
func (Heartbeat) event()      {}
func (Failure) event()        {}
