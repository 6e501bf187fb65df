package session

import (
	"errors"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
)

// An Event is a whole new value of what changed; a receiver keeps the last one by its key (account, Ref, Ref and EntryID).
type Event interface{ event() }

// AccountChanged carries an account that is new or has changed.
type AccountChanged struct{ Account Account }

// AccountRemoved reports that the account is not Sotto's any more.
type AccountRemoved struct{ JID string }

// ContactChanged carries a contact, or somebody who wrote or asks to be one, that is new or has changed.
type ContactChanged struct{ Contact Contact }

// ContactRemoved reports that the conversation is gone.
type ContactRemoved struct{ Ref Ref }

// EntryChanged carries a new entry, or a changed one (same ID). New entries of a conversation arrive in the order of the transcript.
type EntryChanged struct{ Entry Entry }

// SMPChanged carries the verification run of a conversation: at most one goes on at a time.
type SMPChanged struct{ SMP SMP }

// StoreProblem concerns the whole program: settings were damaged, or cannot be written.
type StoreProblem struct {
	Damaged string // path that the unreadable file was moved to
	Err     error  // of the last write: the change lives in memory only. Or of a secret that could not be removed from the keyring
}

// Contacted is the loud one, for notifications: a new incoming message or request. It carries no text.
type Contacted struct{ Ref Ref }

func (AccountChanged) event() {}
func (AccountRemoved) event() {}
func (ContactChanged) event() {}
func (ContactRemoved) event() {}
func (EntryChanged) event()   {}
func (SMPChanged) event()     {}
func (StoreProblem) event()   {}
func (Contacted) event()      {}

// Account is one of the person's accounts.
type Account struct {
	JID         string
	State       AccountState
	Problem     Problem          // why it is not Online; NoProblem otherwise
	Server      string           // host the problem is about
	RetryAt     time.Time        // Waiting: when it is tried again
	Fingerprint *otr.Fingerprint // our own key; nil until it is made
	Policy      Policy           // never PolicyDefault
	Position    int              // among the accounts, as the person ordered them, from 0
	Disabled    bool             // stays offline when the program starts
	Presence    Presence         // as contacts see us while we are online; never PresenceOffline
	Status      string           // the words beside it
	Typing      TypingPolicy     // who is told that the person is typing
	NoReceipts  bool             // nobody is told that a message has arrived
	KeyRule     KeyRule          // never KeyRuleDefault
	Kept        bool             // on disk and in the keyring (false: until the program ends)

	Proxy          ProxyKind        // what the account connects through; see SetProxy
	ProxyServer    string           // of ProxySOCKS5: host:port
	ProxyUser      string           // of ProxySOCKS5
	ServerKey      *ServerKeyChange // ProblemServerKey: what the person is asked about; see TrustServerKey
	ServerKeyCheck ServerKeyCheck
}

// AccountState says what the connection of an account is doing.
type AccountState uint8

const (
	Offline AccountState = iota // as the person wished
	Connecting
	Online
	Waiting // will try again by itself at RetryAt
	Stopped // needs the person: see Problem
)

// Problem says what keeps an account from being Online.
type Problem uint8

const (
	NoProblem Problem = iota
	ProblemUnreachable
	ProblemUnknownHost
	ProblemTimeout
	ProblemNoTLS
	ProblemCertificate
	ProblemPassword
	ProblemOnlyPlain
	ProblemWeakerLogin
	ProblemRefused
	ProblemBadName
	ProblemConflict
	ProblemServerClosed
	ProblemBrokenStream
	ProblemKeyringAbsent
	ProblemKeyringLocked
	ProblemKeyringTimeout
	ProblemKeyringNotKept
	ProblemKeyMissing      // the key that made Account.Fingerprint is not in the keyring any more
	ProblemPasswordMissing // ask for it again
	ProblemProxy           // the proxy, or Tor, is not there or does not let us through
	ProblemNeedsTor        // an .onion address can be reached through Tor only
	ProblemServerKey       // the server has another key: see Account.ServerKey
)

// Contact is a contact as it stands now.
type Contact struct {
	Ref
	Name         string // the person's name for it, else the one they gave themselves, else the local part
	OnRoster     bool
	Subscription Subscription
	Wants        bool // a subscription request of theirs is waiting
	Asked        bool // ours is waiting
	Presence     Presence
	Status       string     // their words
	Resource     string     // of the client we would write to
	Resources    []Resource // every client that is online, by name
	Groups       []string   // of the roster, sorted
	Request      string     // Wants: what they wrote with it
	Blocked      bool       // nothing comes from them, nothing goes to them
	Quiet        bool       // what comes from them is not to be announced: see SetQuiet
	Typing       Typing     // what they are doing
	Link         *LinkClaim // what a link said about their key; nil: nothing
	Trouble      Why        // why our request could not be delivered or kept

	Policy    Policy // in force, never PolicyDefault
	OwnPolicy bool   // set for this contact
	WeEnded   bool   // the person ended the private conversation: sending is blocked until StartPrivate, EndPrivate or ContinueUnencrypted
	Lock      Lock
	Starting  bool // a key exchange is under way
	NoAnswer  bool // the other program has not answered an invitation
	HasOTR    bool // they offered OTR, by tag or query, or have spoken it

	Key        *otr.Fingerprint // of the live session (Unverified, Private), or of the one that Finished
	Verified   Verified         // how Key was verified
	VerifiedUs bool             // they verified our key: a check told us, or their Sotto says so
	KeyChange  *KeyChange       // sending is blocked until Decide
	KeyRule    KeyRule          // in force, never KeyRuleDefault
	OwnKeyRule bool             // set for this contact
	Held       time.Time        // since when nothing is sent, as the person wants: until Release; zero: things are sent
	// NeedsVerified: sending is blocked until Key is verified, because of KeyRule.
	NeedsVerified bool

	Keys []Key // every key they have used, newest first

	Devices []Device // those of their clients that have a private conversation with us
	Version int      // of OTR in the live session: 3, or 2 where that is allowed; otherwise 0
	AllowV2 bool     // the person lets this contact speak version 2
	OnlyV2  bool     // their program says that it speaks only version 2

	Sotto         bool       // the program that texts go to has shown that it is a Sotto; see Acquaint
	WantsVerified bool       // they ask, through their Sotto, whether we would verify Key
	RequestedAt   time.Time  // when we asked them the same; zero: not in this run
	Aloud         *ReadAloud // what two Sottos let people read to each other; nil without one
	Findings      []Finding  // what their programs have shown about themselves; see doctor.go

	SendMode SendMode // what Send would do now: the truth the button shows
	Unread   int
	Activity time.Time // last message
}

// Subscription is RFC 6121 2.1.2.5.
type Subscription uint8

const (
	SubscriptionNone Subscription = iota
	SubscriptionTo                // we see their presence
	SubscriptionFrom              // they see ours
	SubscriptionBoth
)

// Presence is that of the client we would write to (RFC 6121 4.7.2.1).
type Presence uint8

const (
	PresenceOffline Presence = iota
	PresenceOnline
	PresenceChatty
	PresenceAway
	PresenceLongAway
	PresenceBusy
	PresenceInvisible // of our own: see SetPresence
)

// Policy says what Sotto does by itself to have a conversation private.
type Policy uint8

const (
	PolicyDefault Policy = iota // that of the account
	Require                     // nothing is sent in clear; a private conversation starts by itself
	Automatic                   // a private conversation starts as soon as both programs know that they can
	ByHand                      // it starts when one of the two persons wants it
	Never                       // it is refused
)

// Lock is how private the conversation is now.
type Lock uint8

const (
	NotPrivate Lock = iota
	Unverified
	Private
	FinishedLock
)

// Verified is how a key was verified.
type Verified uint8

const (
	NotVerified Verified = iota
	ByQuestion
	BySecret
	ByComparison
	ByImport // the person took over what they had verified in another program
)

// Key is one that a contact has used, or is said to have used by a file from another program.
type Key struct {
	Fingerprint         otr.Fingerprint
	FirstSeen, LastSeen time.Time // zero: only a file names it
	Replaced            time.Time // when another key came and this one was not seen any more; zero: none did
	Device              string    // what the device that had it last calls itself: words of others
	Verified            Verified
	VerifiedAt          time.Time
	Accepted            bool // the person decided to write to it unverified, beside a verified one

	VerifiedUs    bool      // whoever holds it has verified our present key, as far as the protocol told
	VerifiedUsHow Verified  // ByQuestion, BySecret; NotVerified where that was not kept
	VerifiedUsAt  time.Time // zero where it was not kept

	Imported time.Time // when a file named it; zero: none did
	Source   string    // the name of that file
	Claim    string    // what the file said about trust: verified, smp, another word of its program, or ""; it counts for nothing by itself
	PutOff   bool      // the person did not want to verify it when it was offered
	Failed   int       // checks in which the answers differed, since it was first seen or last verified
}

// KeyChange says that a contact with a verified key now uses New. Old is the verified one.
type KeyChange struct{ Old, New Key }

// KeyDecision settles a KeyChange.
type KeyDecision uint8

const (
	UseUnverified KeyDecision = iota
	Refuse                    // ends the session with the new key, and every one the contact starts with it
)

// SendMode is what pressing send does.
type SendMode uint8

const (
	// SendBlocked: Finished, or ended by us, or a key undecided, or not a contact, or Held, or NeedsVerified.
	SendBlocked     SendMode = iota
	SendPrivately            // now, encrypted
	SendWhenPrivate          // waits for the key exchange or for the contact to come online; goes out encrypted
	SendUnencrypted
)

// Errors of Send and of the methods about keys.
var (
	ErrModeChanged  = errors.New("session: the conversation is not what it was when the text was typed")
	ErrKeyUndecided = errors.New("session: the contact's key has changed and is not decided")
	ErrEnded        = errors.New("session: the private conversation has ended")
	ErrTooLong      = errors.New("session: the text is too long")
	ErrEmpty        = errors.New("session: there is nothing to send")
	ErrKeyGone      = errors.New("session: this is not the key in use any more")
	ErrNoRequest    = errors.New("session: this question is not open any more")
	ErrNotPrivate   = errors.New("session: there is no private conversation")
	ErrUnknown      = errors.New("session: no such account or contact")
)

// AddressError says what is wrong with a typed address.
type AddressError struct{ Reason AddressReason }

// AddressReason says what is wrong with a typed address.
type AddressReason uint8

const (
	AddressEmpty    AddressReason = iota
	AddressNoDomain               // "alice" without @
	AddressMalformed
	AddressHasResource
	AddressIsSelf
	AddressTaken         // already on the list
	AddressLocalUnusable // '=' or ',' in the local part cannot sign in
)

func (e *AddressError) Error() string { return "session: not an address that can be used" }

// EntryID numbers the entries of a run of the program; a later one is higher.
type EntryID uint64

// Entry is one line of a transcript.
type Entry struct {
	Ref
	ID          EntryID
	Time        time.Time // theirs when delayed
	Delayed     bool
	Kind        EntryKind
	Text        string           // Incoming, Outgoing: the words. NoticePeerError: their words, unchecked
	Guard       Guard            // how this message was protected, for ever
	Status      Status           // Outgoing
	Why         Why              // StatusFailed
	RetryAt     time.Time        // StatusFailed: when it is sent again by itself; zero: not before Retry
	Notice      Notice           // NoticeEntry
	Key, OldKey *otr.Fingerprint // notices about keys. Incoming, Outgoing: Key is the one it was encrypted by or for; nil in clear
	Question    string           // NoticeSMPAsked, NoticeSMPWeAsked: the question
	Count       int              // notices that stand for several
	Verified    Verified         // NoticeVerifiedThem, NoticeVerifiedUs, NoticeSMPFailed: how they were verified when it happened
	VerifiedUs  bool             // the same notices: whether they had verified us
}

// EntryKind says what an entry is.
type EntryKind uint8

const (
	Incoming EntryKind = iota
	Outgoing
	NoticeEntry
)

// Guard is how a message was protected when it was sent or received; for waiting ones, how it will be.
type Guard uint8

const (
	InClear           Guard = iota
	InClearUnexpected       // clear text where a private conversation was on or required: may be forged
	EncryptedUnverified
	EncryptedVerified
)

// Status is what became of an outgoing message. It never goes backwards, except that Retry lets it wait again,
// and that an Unconfirmed one, and one that Failed for the moment only (Entry.RetryAt), becomes Sent when it can be sent again without
// being shown twice.
type Status uint8

const (
	NoStatus          Status = iota
	StatusWaiting            // for privacy or for the connection; never left this computer
	StatusSent               // written to the network
	StatusStored             // the server has it
	StatusDelivered          // the other program confirmed it
	StatusUnconfirmed        // sent, but the connection was lost before any confirmation: the person decides
	StatusFailed
	StatusDiscarded
)

// Why says why a message failed.
type Why uint8

const (
	WhyNone        Why = iota
	WhyNotFound        // no such contact at that server
	WhyUnreachable     // their server cannot be reached
	WhyRefused         // blocked, or not allowed
	WhyKeyChanged      // it was meant for another key
	WhyTooLong
	WhyOther
	WhyBusy // a server cannot take it just now
	WhyAway // the client it was for is not there, or their server has no such contact: it does not say which
)

// Notice says what a line between the messages is about.
type Notice uint8

const (
	NoticePrivate      Notice = iota // encrypted now, Key known but not verified
	NoticePrivateFirst               // the same with a Key never seen before
	NoticePrivateVerified
	NoticeRefreshed
	NoticePeerEnded
	NoticeWeEnded
	NoticeKeyChanged // OldKey was verified; sending is blocked
	NoticeKeyAccepted
	NoticeKeyRefused
	NoticeNoAnswer      // the other program never answered the invitation
	NoticePeerError     // Text: their words
	NoticeUnreadable    // Count messages could not be read
	NoticeInterrupted   // a key exchange failed its checks
	NoticeAnotherClient // Count messages were meant for another of our clients
	NoticeVerifiedThem  // Key is theirs; how: Verified
	NoticeVerifiedUs    // they verified us
	NoticeUnverified    // the person took the verification back
	NoticeSMPFailed     // the answers differ
	NoticeSMPAsked      // they ask us: Question
	NoticeSMPWeAsked
	NoticeSMPAborted
	NoticePolicy           // the policy of this contact was changed
	NoticePrivateOther     // encrypted now with Key, seen for the first time, where the contact had OldKey; neither is verified
	NoticeTheyWantVerified // they ask us, through their Sotto, to verify Key
	NoticeWeWantVerified   // we asked them the same
	NoticeSMPRefused       // they ask more often than is shown
	NoticeSMPTimedOut      // a check had no answer in time
	NoticeHeld             // the person has nothing sent any more
	NoticeReleased         // and took that back
	NoticeNotAnswered      // something of OTR came while nothing is sent, and was neither read nor answered
)

// SMP is a verification run.
type SMP struct {
	Ref
	Number   int // grows with every run of the conversation
	Key      otr.Fingerprint
	Stage    SMPStage
	Ours     bool // we asked
	Asked    bool // with a question
	Question string
	Folded   bool      // capital letters, spaces and punctuation do not count; see Fold
	Until    time.Time // SMPWaiting, SMPNeedsAnswer: when it is given up
	Prompt   int       // not Ours: which one it is of those that are shown in an hour, see MaxPrompts
	Kept     bool      // SMPFailed: an earlier verification still stands
	Failed   int       // SMPFailed: checks with this key in which the answers differed, see Key.Failed
	AtOnce   bool      // SMPAborted, Ours: sooner than anybody could have read the question
}

// SMPStage says where a verification run is.
type SMPStage uint8

const (
	SMPWaiting     SMPStage = iota // Ours: for the other's answer. Not ours: for the check of our answer
	SMPNeedsAnswer                 // they ask; Answer(Ref, Number, ...)
	SMPSucceeded                   // Ours or !Asked: we verified them. !Ours or !Asked: they verified us
	SMPFailed
	SMPCancelled // by us
	SMPAborted   // by them, or the conversation ended
	SMPTimedOut
)
