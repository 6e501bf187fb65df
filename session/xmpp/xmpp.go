// Package xmpp speaks XMPP for one account over one connection. It alone imports go-xmpp.
//
// [Connect] signs in; a [Conn] then yields events, in order, and takes what is to be sent. go-xmpp is the login engine
// and the writer: TLS, SASL and sending are its. What it decodes is never used. The stream is read here, strictly and
// within limits (package stream), and an attribute counts as from, to, type or id only when it has no namespace, so
// nobody but the server decides who a stanza is from.
//
//	Config -> targets, dial -> relay -> go-xmpp, watched by guard -> Conn: reader and writer
//
// Nothing that other people send ends a connection: what is not understood is passed over, and questions of strangers
// all get the same answer.
package xmpp

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"time"

	"mellium.im/xmpp/jid"
)

// A TLSMode says where on the server TLS begins. There is no mode without it.
type TLSMode uint8

const (
	TLSAuto   TLSMode = iota // SRV records of both kinds; with an explicit Server: port 5223 is direct, others STARTTLS
	TLSStart                 // STARTTLS, required
	TLSDirect                // from the first byte (XEP-0368)
)

// A Config says who signs in, where and how.
type Config struct {
	JID         jid.JID        // bare address of the account
	Resource    string         // fixed per installation
	Password    []byte         // not kept after Connect
	Server      string         // "host" or "host:port"; "" looks up SRV records
	Proxy       Proxy          // what to connect through
	TLS         TLSMode        //
	RootCAs     *x509.CertPool // nil: the system's
	AllowPlain  bool           // the person agreed to PLAIN for this account
	UserAgentID string         // UUIDv4 per installation and account (XEP-0388)
	Presence    Presence       // ours from the beginning, see [Presence]: Unavailable for one whom nobody sees
	Seen        Strength       // strongest login so far; a weaker one is refused with WeakerLogin
	Keys        []ServerKey    // of the server, that were accepted before; the last one used first. None: any will do
	KeyCheck    KeyCheck       // what a key that is not among them takes

	resolver resolver // nil: the system's
	control  control  // nil: nothing is to be known of dialling
	tor      []string // nil: torAddresses
	pulse    pulse    // zero: the usual
	steps    steps    // zero: the usual
}

// Strength is what a login was protected with, remembered per account (N-06).
type Strength struct {
	SCRAM   bool // the password itself was not sent
	Hash    int  // bits of SCRAM's hash: 160, 256 or 512
	Binding bool // channel binding
	Unique  bool // to this one connection (tls-exporter, tls-unique), and not to the server's certificate alone
}

// Stronger is the stronger of two in every respect: what a later login is measured by.
func (s Strength) Stronger(other Strength) Strength {
	return Strength{SCRAM: s.SCRAM || other.SCRAM, Hash: max(s.Hash, other.Hash), Binding: s.Binding || other.Binding,
		Unique: s.Unique || other.Unique}
}

// Facts are what a connection is made of, for people who want to know.
type Facts struct {
	Host         string    // as it was connected to: a name from DNS, or what the person gave
	Port         uint16    //
	Remote       string    // the address at the other end of the line, host:port: the server's or the proxy's
	Proxy        ProxyKind //
	Direct       bool      // direct TLS, not STARTTLS
	TLSVersion   string    // "TLS 1.3"
	CipherSuite  string
	Certificates []*x509.Certificate // the server's first
	Key          ServerKey           // the first one's
	KeyChange    *KeyChange          // Key is not among Config.Keys, and that was no reason to ask; nil: it is, or is the first
	Mechanism    string              // "SCRAM-SHA-256-PLUS"
	Binding      string              // what the login is bound to TLS by, "tls-exporter"; "": it is not
	Acks         bool                // the server acknowledges (XEP-0198)
	Strength     Strength
}

// An Event is *Message, *Presence, *Software, *RosterPush, *BlockPush or *Acked.
type Event interface{ event() }

// A MessageType is the type of a message (RFC 6121 section 5.2.2).
type MessageType uint8

const (
	Normal MessageType = iota
	Chat
	ErrorMessage // Body is empty: it would be our own text come back
	Headline
	Groupchat // dropped by Conn, never delivered
)

// A Message is one message, read or to be sent. Of a received one only the first body of namespace jabber:client is
// taken, and nothing in it but From, To and the fact of a Carbon is more than the sender's word.
type Message struct {
	ID, Thread  string
	From, To    jid.JID
	Type        MessageType
	Body        string    // "" for none
	Delay       time.Time // zero: just now. For showing only, never for order: senders can make it up (XEP-0203)
	OTR         bool      // out: adds the hints of XEP-0364 (EME, private, no-copy, no-permanent-store)
	WantReceipt bool      // XEP-0184
	Receipt     string    // the message id this is a receipt for
	State       ChatState // XEP-0085; alone, without a body, or beside one
	Carbon      Carbon    // in: a copy of what another of our clients sent or received (XEP-0280), checked to be from our own bare JID
	Encryption  string    // in: EME name, when Body is only a hint (XEP-0380)
	Marked      bool      // in: says that it is OTR (XEP-0380), or that copies of it are not wanted everywhere (XEP-0280 private, XEP-0334)
	Err         *StanzaError
}

// Carbon says of which side a message is a copy.
type Carbon uint8

const (
	NoCarbon Carbon = iota
	CarbonReceived
	CarbonSent
)

// A PresenceType is the type of a presence (RFC 6121 section 4.7.1).
type PresenceType uint8

const (
	Available PresenceType = iota
	Unavailable
	Subscribe
	Subscribed
	Unsubscribe
	Unsubscribed
	PresenceError
)

// A Presence is one presence, read or to be sent. Without To it goes to everybody who may see ours.
//
// One limit is go-xmpp's: its login always announces us, as Available. Who signs in with Config.Presence Unavailable is
// seen for the moment that the next stanza takes, and not any more then.
type Presence struct {
	From, To jid.JID
	Type     PresenceType
	Show     string // "", chat, away, xa, dnd
	Status   string
	Priority int8
	Nick     string // XEP-0172, in a subscription request
	Err      *StanzaError

	caps caps // in: see Conn.Learn
}

// A RosterItem is a contact as the server keeps it (RFC 6121 section 2.1.2).
type RosterItem struct {
	JID          jid.JID
	Name         string
	Groups       []string
	Subscription string // none, to, from, both, remove
	Ask          bool   // our request is waiting
}

// A RosterPush is a change of the roster, checked to be from the own server.
type RosterPush struct{ Item RosterItem }

// Acked: the server has the message with this id (XEP-0198, or a ping answered after it).
type Acked struct{ ID string }

func (*Message) event()    {}
func (*Presence) event()   {}
func (*RosterPush) event() {}
func (*Acked) event()      {}

// A StanzaError is why a stanza came back (RFC 6120 section 8.3).
type StanzaError struct {
	Type, Condition, Text string // Text is the other side's words
}

func (e *StanzaError) Error() string { return "xmpp: " + e.Condition }

// An Error is why a connection could not be made or has ended.
type Error struct {
	Kind   ErrorKind
	Detail string // for a log: no secrets, no stanzas
	Err    error
}

// An ErrorKind is what a person, or whoever decides about trying again, must know about an Error.
type ErrorKind uint8

const (
	Unreachable    ErrorKind = iota // no route, refused, or the line went dead
	UnknownHost                     // the name does not exist
	TimedOut                        //
	NoTLS                           // the server offers no encryption
	BadCertificate                  // not for the account's domain, expired, or from an unknown authority; Err is x509's
	WrongPassword                   //
	OnlyPlain                       // the server offers only PLAIN and AllowPlain is not set
	WeakerLogin                     // the login would be weaker than before
	AccountRefused                  // disabled, not allowed
	BadName                         // the local part cannot be used for signing in
	Conflict                        // signed in elsewhere with the same resource: do not reconnect
	ServerClosed                    // system-shutdown and the like: try again later
	BrokenStream                    // what the server sent is not XMPP, or beyond the limits
	ProxyFailed                     // the proxy, or Tor, is not there or not as it should be
	NeedsTor                        // an .onion address, and no Tor to reach it by
	KeyChanged                      // the server's key is not the one before, and the person is to decide; Err is a *KeyChange
)

var kindWords = [...]string{
	Unreachable: "server not reachable", UnknownHost: "no such host", TimedOut: "timed out", NoTLS: "no encryption offered",
	BadCertificate: "certificate refused", WrongPassword: "wrong password", OnlyPlain: "only PLAIN offered",
	WeakerLogin: "login weaker than before", AccountRefused: "account refused", BadName: "name cannot sign in",
	Conflict: "replaced by another login", ServerClosed: "closed by the server", BrokenStream: "broken stream",
	ProxyFailed: "proxy not usable", NeedsTor: "reachable through Tor only", KeyChanged: "the server has another key",
}

func (e *Error) Error() string {
	text := "xmpp: " + kindWords[e.Kind]
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// ErrClosed is what sending on an ended connection returns.
var ErrClosed = errors.New("xmpp: the connection has ended")

// NewID returns 128 random bits, for a message or a request.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
