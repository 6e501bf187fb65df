// Package otr implements Off-the-Record Messaging, versions 3 and 2: private conversations over any network that
// carries short texts between two people. A conversation is encrypted; each side knows whose key is at the other end;
// keys change all the time, so that one that is lost later opens nothing that was said before; and afterwards nobody
// can prove what was said, because the keys that authenticated it are published.
//
// It does not hide who talks to whom and when, does not carry messages to someone who is not there, and is not for
// groups. It has no opinion on whose key is whose: compare [Conversation.Peer] with what the user has verified, and
// offer the Socialist Millionaires' Protocol (SMP) to those who have not.
//
// # Driving a Conversation
//
// A [Conversation] is one correspondent on one account. It computes and does nothing else: no I/O, no goroutine, no
// timer. Give it every body that arrives from the correspondent by [Conversation.Receive] and every text that the
// user writes by [Conversation.Send], exactly as they are. Each method returns a list of events, in order and
// complete: carry out each [Transmit], show each [Message], and let each [StateChange] be seen. No event comes any
// other way. Call [Conversation.Poll] at least once a minute, so that secrets of exchanges that nobody answered do
// not stay.
//
// Receive has no error: nothing that the network sends makes a call fail, and what is not accepted gives a [Rejected]
// and changes nothing. Whether a text was private is a property of the Message that holds it, with the key that
// authenticated it, and not of the state that the Conversation happens to be in.
//
// The package keeps no text. What Send refuses because there is no session yet is the caller's to keep and to send
// after StateChange, if the Peer is the one it was meant for. Nothing is ever sent again by itself: a new session may
// be with somebody else.
//
// A session begins when the user asks for one ([Conversation.Start]), when Send may not send in clear, or when the
// correspondent asks; with the right [Policy] also when a text carries the invisible offer that other programs
// recognize. It ends by [Conversation.End], and only so does a conversation become clear again. If the correspondent
// ends it, the conversation is Finished: nothing more leaves until the user has taken notice.
//
// # Verifying the correspondent
//
// [Conversation.StartSMP] asks the other person something that only he or she can know, and tells neither side more
// than whether the two answers are equal. The outcome is an [SMPResult]. Show each [SMPRequest] as it comes, and
// answer by its ID: an answer goes to the question it was typed for, or nowhere.
//
// # Several clients of one correspondent
//
// Someone may be logged in more than once. Each client has an [InstanceTag] and a session of its own, and all of them
// write into one Conversation. Send writes to one, the selected client, and State and Peer are about that one. A
// client is selected by what it proves, never by what merely arrives: while the selected client has its session,
// another takes its place only if it has the same key and is heard from, or if its session is the answer to
// [Conversation.Start]. When the session ends, a client that still has one follows, if possible with the same key.
// What happens to the others is told by [InstanceChange]; [Conversation.Instances] lists all, and
// [Conversation.Select] chooses among them. There are at most fifteen: then a new one takes the place of one that is
// not selected, whose session ends: of one with another key if there is any, and of the one that was silent for longest.
//
// # Version 2
//
// Some programs speak nothing newer than version 2. It is off unless [AllowV2] is set, and serves only a
// correspondent that offers nothing better: which version is spoken is the highest that one side offers and the other
// allows. Nobody signs that choice, so whoever is on the way can make it 2 where both allow both. Therefore a session
// of version 3 is not given up for one of version 2: as long as there is one, Start offers version 3 only, and what
// arrives of version 2 is refused, until the user ends it or the policy does not allow version 3 any more. The other
// way round, a session of version 2 goes on until a key exchange of version 3 has ended well. [Peer] tells the
// version; a caller that remembers it can warn when a key comes back with a lower one.
//
// Version 2 has no instance tags. All clients that speak it are one, with tag 0: if there are several, each receives
// what is for the others and cannot read it.
//
// # What else travels
//
// Records ([TLV]) are for what two programs have to tell each other. They go with a text or alone, encrypted as texts
// are, and those who do not know their type ignore them. [Conversation.UseExtraKey] gives both sides a key for
// something outside of the conversation.
//
// # What it does beside the specification
//
// Where the specification leaves a choice, or what is widely in use has shown a better way:
//
//   - A text that contains "?OTR" but is no message of the protocol is shown, not swallowed.
//   - A Reveal Signature or Signature Message that fails its checks is ignored, and the exchange goes on.
//   - A whitespace tag starts no exchange in Encrypted.
//   - In version 2, when two D-H Commit Messages have crossed, a D-H Key Message that answers the one that lost is
//     answered.
//   - Public keys, in data messages too, are checked before they are used; so are the parameters of DSA keys, which
//     must have 1024 and 160 bits.
//   - A data message without a session is not answered by an error message, and none is sent more than once a minute.
//   - One D-H Key Message answers our D-H Commit Message once. Copied under another instance tag, which nothing
//     authenticates at that point, it would lead to a second session with the same keys.
//   - MAC keys that verified a message are published in the message that ends the session as well.
//   - Plaintext is padded to a multiple of 256 bytes.
//   - Everything but clear text is split when Config.MaxSize demands it.
//   - A second request while one waits for its answer, and two requests that cross, end both runs of SMP.
//   - Whatever the correspondent sends costs bounded memory and bounded work, see Limits in otr.go. A body takes time
//     in proportion to its length.
//
// # Reading the code
//
// ake.go is the key exchange, a value: a step computes the next one, and the caller stores it when all else has succeeded.
// keys.go is the keys of a session and how they change, in the same two steps. instance.go is one client of the correspondent,
// exchange.go the key exchange with all of them, session.go what data messages do, select.go the choice among clients,
// conversation.go the rest of "State transitions". plaintext.go is what is not encoded, message.go what is, fragment.go
// the pieces of it, data.go the inside of a data message, smp.go the state of SMP. The files in testdata
// are conversations to be read beside the specification.
//
// Secrets are held in arrays that are overwritten when they are not needed any more. Go may have copied them
// elsewhere meanwhile, and what the standard library makes of a key that it works with cannot be cleared; nothing here
// can prevent that.
package otr

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A Policy says what a Conversation does by itself ("Policies"). Without AllowV3 and AllowV2 the protocol is off,
// whatever else is set: every text passes unchanged in both directions.
type Policy uint8

const (
	// AllowV3 allows version 3 of the protocol.
	AllowV3 Policy = 1 << iota
	// AllowV2 allows version 2, for a correspondent whose program speaks nothing newer. Version 3 is preferred where
	// both are allowed, but the choice is made by messages that anyone on the way can change.
	AllowV2
	// RequireEncryption refuses to send clear text.
	RequireEncryption
	// SendWhitespaceTag lets clear text carry an invisible offer of the protocol, until it is answered in clear.
	SendWhitespaceTag
	// WhitespaceStartAKE takes such an offer up.
	WhitespaceStartAKE
	// ErrorStartAKE answers an error message with a query, at most once a minute. Anyone on the way can send an
	// error message.
	ErrorStartAKE
)

// Combinations of policies that are usually offered to people. None of them allows version 2.
const (
	PolicyNever         Policy = 0
	PolicyManual               = AllowV3
	PolicyOpportunistic        = AllowV3 | SendWhitespaceTag | WhitespaceStartAKE
	PolicyAlways               = AllowV3 | RequireEncryption | WhitespaceStartAKE
)

func (p Policy) has(q Policy) bool { return p&q == q }

// Versions is a set of versions of the protocol.
type Versions uint16

// Has says whether a version is among v.
func (v Versions) Has(version int) bool { return v&versionSet(version) != 0 }

// String lists the versions, lowest first: "2, 3".
func (v Versions) String() string {
	var list []string
	for version := range 16 {
		if v.Has(version) {
			list = append(list, strconv.Itoa(version))
		}
	}
	return strings.Join(list, ", ")
}

func versionSet(version int) Versions { return 1 << version }

// An InstanceTag tells several clients of one account apart ("Instance Tags"). A client makes one for each account,
// once, and keeps it.
type InstanceTag uint32

// minTag is the smallest valid instance tag.
const minTag InstanceTag = 0x100

// NewInstanceTag picks a tag. rand is normally crypto/rand.Reader.
func NewInstanceTag(rand io.Reader) (InstanceTag, error) {
	var b [4]byte
	for range 100 {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return 0, fmt.Errorf("otr: cannot pick an instance tag: %w", err)
		}
		if t := InstanceTag(binary.BigEndian.Uint32(b[:])); t >= minTag {
			return t, nil
		}
	}
	return 0, errors.New("otr: cannot pick an instance tag: the random source does not work")
}

// A Fingerprint is what people compare to know each other's key: the SHA-1 hash of the public key ("Public keys,
// signatures, and fingerprints").
type Fingerprint [20]byte

// String returns five groups of eight upper-case hexadecimal digits.
func (f Fingerprint) String() string {
	return fmt.Sprintf("%X %X %X %X %X", f[0:4], f[4:8], f[8:12], f[12:16], f[16:20])
}

// ParseFingerprint reads forty hexadecimal digits of either case. White space is ignored.
func ParseFingerprint(s string) (Fingerprint, error) {
	digits := strings.Join(strings.Fields(s), "")
	var f Fingerprint
	if len(digits) != hex.EncodedLen(len(f)) {
		return Fingerprint{}, errors.New("otr: a fingerprint has forty digits")
	}
	if _, err := hex.Decode(f[:], []byte(digits)); err != nil {
		return Fingerprint{}, errors.New("otr: a fingerprint has only the digits 0 to 9 and A to F")
	}
	return f, nil
}

// State is the message state of a conversation ("Message state"). It says what Send does.
type State uint8

const (
	Plaintext State = iota // texts are sent as they are, or refused under RequireEncryption
	Encrypted              // texts are sent encrypted
	Finished               // the correspondent ended the session: nothing is sent until End or a new session
)

// String returns the name of s.
func (s State) String() string {
	switch s {
	case Plaintext:
		return "Plaintext"
	case Encrypted:
		return "Encrypted"
	case Finished:
		return "Finished"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// A Peer says who is at the other end of a session: one client of the correspondent, and the key that it proved to
// have.
type Peer struct {
	Fingerprint Fingerprint
	Tag         InstanceTag // 0 in version 2, which has none
	Version     int         // of the protocol: 3 or 2; a key that spoke version 3 before and now 2 is worth a warning
	SSID        [8]byte     // the secure session id, see Initiator; zero when the session has ended
	Initiator   bool        // we sent the Reveal Signature Message: our half of the SSID is the first, theirs the second
}

// Errors that a caller may want to tell apart.
var (
	ErrEncryptionRequired = errors.New("otr: encryption is required and not yet established")
	ErrFinished           = errors.New("otr: the correspondent has ended the private conversation")
	ErrNotEncrypted       = errors.New("otr: there is no private conversation")
	ErrTextHasNUL         = errors.New("otr: text contains a NUL byte")
	ErrTooLarge           = errors.New("otr: message is too large to be sent")
	ErrNoRequest          = errors.New("otr: no SMP request is waiting for an answer")
)

var errReservedType = errors.New("otr: records of types below 256 are the protocol's own")

// Limits. What comes in and exceeds one is refused; what would go out and exceed one is ErrTooLarge.
const (
	maxEncoded   = 2 << 20  // bytes of an encoded message, whole or put together from fragments; a text of 1 MiB fits
	maxExchange  = 16 << 10 // bytes of one that is put together while there is no session, and so no data message is due
	maxPartial   = 8        // messages that are being put together at the same time
	maxGathered  = 4 << 20  // bytes of all of them
	maxInstances = 16       // clients of the correspondent that something is remembered of; one place is for key exchanges
	maxAnswers   = 32       // clients that may answer one D-H Commit Message of ours
	maxSteps     = 6000     // key exchange messages a minute that need exponentiations, a few milliseconds of work at most
	maxRecords   = 64       // of one data message
	maxReveal    = 256      // MAC keys that wait to be revealed before an empty message takes them along
	maxQuestion  = 1024     // bytes of an SMP question
	maxPeerError = 512      // bytes of an error message's text
)

// Intervals.
const (
	handshakeTimeout  = 60 * time.Second // after which the secrets of an unanswered key exchange message are wiped
	fragmentTimeout   = 60 * time.Second // after which an incomplete message is forgotten
	heartbeatInterval = 60 * time.Second // of silence, after which a message is answered by an empty one
	errorInterval     = 60 * time.Second // between two error messages, and between two queries sent in answer to one
	queryInterval     = 60 * time.Second // between two queries that Send sends under RequireEncryption
	stepsInterval     = 60 * time.Second // for which maxSteps holds
)
