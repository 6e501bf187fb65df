// Package stream reads and writes the XML of XMPP streams strictly, with limits: shared by the client (session/xmpp)
// and by the small server (session/practice).
//
// A [Reader] pulls elements from a connection, a [Pusher] is handed the bytes as they come; both run the same parser.
// It takes what RFC 6120 section 11 allows and nothing else: no comment, processing instruction or document type after
// the header, no undeclared prefix, no attribute twice, no element beyond [Limits]. What a Reader returns is a tree of
// [Element] with every name resolved, so nobody after it has to think about prefixes.
package stream

import (
	"encoding/xml"
	"errors"
	"fmt"
)

// Namespaces of RFC 6120.
const (
	NSClient   = "jabber:client"
	NSStreams  = "http://etherx.jabber.org/streams"
	NSErrors   = "urn:ietf:params:xml:ns:xmpp-streams"
	NSStanzas  = "urn:ietf:params:xml:ns:xmpp-stanzas"
	NSStartTLS = "urn:ietf:params:xml:ns:xmpp-tls"
	NSSASL     = "urn:ietf:params:xml:ns:xmpp-sasl"
	NSBind     = "urn:ietf:params:xml:ns:xmpp-bind"
	NSXML      = "http://www.w3.org/XML/1998/namespace" // of xml:lang
)

// ErrRefused is wrapped by every error about the bytes themselves: not well-formed, forbidden in XMPP, or beyond the
// limits. An error that does not wrap it came from the connection.
var ErrRefused = errors.New("stream: refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// Limits bound one element on the level of stanzas. The zero value stands for DefaultLimits.
type Limits struct {
	Bytes      int // from the end of the element before
	Depth      int // the stanza itself is at depth 1
	Attributes int // of one element, declarations of namespaces among them
	Elements   int // in the whole stanza
}

// DefaultLimits are far above what people send each other and far below what would hurt.
var DefaultLimits = Limits{Bytes: 256 << 10, Depth: 64, Attributes: 64, Elements: 2048}

// A Header is the opening tag of a stream (RFC 6120 section 4.7).
type Header struct {
	To, From, ID string
	Lang         string // xml:lang
	Version      string // Open writes 1.0 for ""
	Space        string // the content namespace; Open writes jabber:client for ""

	name  xml.Name // as written: prefix and local name
	scope *scope
}

// A scope is the chain of namespace declarations in force at an element.
type scope struct {
	outer  *scope
	prefix string
	space  string
	length int
}

// maxNamespaces in force at once keep the search for a prefix short.
const maxNamespaces = 256

var (
	outermost = (*scope)(nil).declare("xml", NSXML)
	// inStream is in force inside every stream this package opens.
	inStream = outermost.declare("stream", NSStreams).declare("", NSClient)
)

func (s *scope) declare(prefix, space string) *scope {
	if s == nil {
		return &scope{nil, prefix, space, 1}
	}
	return &scope{s, prefix, space, s.length + 1}
}

func (s *scope) lookup(prefix string) (space string, ok bool) {
	for ; s != nil; s = s.outer {
		if s.prefix == prefix {
			return s.space, true
		}
	}
	return "", prefix == ""
}
