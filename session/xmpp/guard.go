package xmpp

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

// A guard is the DebugWriter of go-xmpp: it is handed every chunk that was received before go-xmpp decodes it, and a
// copy of what go-xmpp sent. During the login it judges each element and stops go-xmpp, by a panic that newClient
// recovers, before a wrong one can be acted on: a redirect, a success nobody proved, a challenge that would take an
// hour. Afterwards it only bounds how much may come before an element is complete.
//
// A line feed that is the last byte of a read is not shown to it: go-xmpp adds one to chunks without, and both look
// the same. In the login that can do no more than fail it, since there line feeds only separate. Text where they
// count is not read from here, see decoderOf.
type guard struct {
	config    *Config
	bare      jid.JID
	mechanism string              // demanded; "" when go-xmpp's own choice will do
	advance   func(from, to step) // tells how far the login is

	step       step
	pusher     *stream.Pusher
	header     *stream.Header // of the stream that is open now
	tls        *tls.ConnectionState
	key        ServerKey
	keyChange  *KeyChange
	chosen     string // mechanism
	binding    string // what it is bound to TLS by
	sasl2      bool   // XEP-0388
	bind2      bool   // XEP-0386
	acks       bool   // the server offers XEP-0198
	bound      jid.JID
	restarting bool // a new header comes next

	pending int                       // bytes since the last complete element
	limit   int                       // of pending
	heard   atomic.Pointer[time.Time] // when something last came
}

// step is how far the login is, named by what must come next.
type step int

const (
	inClear       step = iota // features with STARTTLS
	proceeding                // <proceed/>
	secure                    // TLS, then features with mechanisms
	challenging               // the SCRAM challenge
	proving                   // success with the server's proof
	authenticated             // features again
	binding                   // the resource
	loggedIn
)

// Bounds on the iterations a SCRAM server may ask for: fewer protect the password badly, more would hang the login.
const (
	minIterations = 4096
	maxIterations = 1_000_000
)

// scram lists what we sign in with, strongest first, as go-xmpp does.
var scram = []string{"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"}

const (
	nsSASL2   = "urn:xmpp:sasl:2"
	nsBind2   = "urn:xmpp:bind:0"
	nsBinding = "urn:xmpp:sasl-cb:0"
	nsAcks    = "urn:xmpp:sm:3"
)

// refusal is what the guard panics with.
type refusal struct{ err error }

// demand is the refusal that asks for another login with this mechanism.
type demand struct{ mechanism string }

func (d demand) Error() string { return "xmpp: sign in with " + d.mechanism }

func newGuard(c *Config, bare jid.JID, direct bool, mechanism string, advance func(from, to step)) *guard {
	g := &guard{config: c, bare: bare, mechanism: mechanism, advance: advance, pusher: stream.NewPusher(),
		limit: stream.MaxPassedOver}
	if direct {
		g.step = secure
	}
	return g
}

var errTooLong = errors.New("xmpp: an element is longer than the limit")

// Write takes one chunk. Chunks received and sent come from different goroutines, but never during the login.
func (g *guard) Write(p []byte) (int, error) {
	if sent, ok := bytes.CutPrefix(p, []byte("SEND ")); ok {
		if g.step != loggedIn {
			g.sent(sent)
		}
		return len(p), nil
	}
	chunk := bytes.TrimSuffix(bytes.TrimPrefix(p, []byte("RECV ")), []byte("\n"))
	now := time.Now()
	g.heard.Store(&now)
	if g.step == loggedIn {
		if g.pending += len(chunk); g.pending > g.limit {
			return 0, errTooLong
		}
		return len(p), nil
	}
	items, err := g.pusher.Push(chunk)
	for _, item := range items {
		g.judge(item)
	}
	if err != nil && g.step != loggedIn {
		panic(refusal{&Error{Kind: BrokenStream, Detail: "during the login", Err: err}})
	}
	return len(p), nil
}

// sent notices the beginning of a new stream, after STARTTLS and after SASL.
func (g *guard) sent(text []byte) {
	if bytes.HasPrefix(text, []byte("<?xml")) {
		g.pusher.Close()
		g.pusher = stream.NewPusher()
		g.restarting = false
	}
}

func (g *guard) refuse(kind ErrorKind, detail string) {
	panic(refusal{&Error{Kind: kind, Detail: detail}})
}

// judge lets an element pass or refuses the login.
func (g *guard) judge(item stream.Item) {
	if g.step == loggedIn {
		return // already go-xmpp's decoder's, and with it the reader's
	}
	if item.Header != nil {
		g.header = item.Header
		return
	}
	e := item.Element
	switch {
	case e == nil:
		g.refuse(ServerClosed, "the server ended the stream during the login")
	case e.Is(stream.NSStreams, "error"):
		panic(refusal{streamError(e)})
	case g.restarting:
		g.refuse(BrokenStream, "the server went on where a new stream must begin")
	}
	switch g.step {
	case inClear:
		g.expect(e, stream.NSStreams, "features")
		if e.Child(stream.NSStartTLS, "starttls") == nil {
			g.refuse(NoTLS, "the server offers no STARTTLS")
		}
		g.to(proceeding)
	case proceeding:
		if e.Is(stream.NSStartTLS, "failure") {
			g.refuse(NoTLS, "the server refuses STARTTLS")
		}
		g.expect(e, stream.NSStartTLS, "proceed")
		g.restarting = true
		g.to(secure)
	case secure:
		g.expect(e, stream.NSStreams, "features")
		if g.tls == nil {
			g.refuse(NoTLS, "the stream is not encrypted")
		}
		g.features(e)
	case challenging:
		g.expectSASL(e, "challenge")
		g.challenge(e.Text)
		g.to(proving)
	case proving:
		// go-xmpp compares the proof itself.
		g.expectSASL(e, "success")
		g.restarting = !g.sasl2
		g.to(authenticated)
	case authenticated:
		g.expect(e, stream.NSStreams, "features")
		g.acks = e.Child(nsAcks, "sm") != nil
		if g.bind2 {
			g.to(loggedIn)
		} else {
			g.to(binding)
		}
	case binding:
		g.expect(e, stream.NSClient, "iq")
		if e.Attr("type") == "error" {
			g.refuse(AccountRefused, "the server gives no resource: "+stanzaError(e).Condition)
		}
		if bind := e.Child(stream.NSBind, "bind"); e.Attr("type") == "result" && bind != nil {
			if j := bind.Child(stream.NSBind, "jid"); j != nil {
				g.bind(j.Text)
			}
		}
		if g.bound.Resourcepart() == "" {
			g.refuse(BrokenStream, "the server's answer to binding has no address")
		}
		g.to(loggedIn)
	}
}

func (g *guard) to(next step) {
	from := g.step
	g.step = next
	g.advance(from, next)
}

func (g *guard) expect(e *stream.Element, space, local string) {
	if !e.Is(space, local) {
		g.refuse(BrokenStream, "expected <"+local+"/> during the login, got <"+e.Name.Local+"/>")
	}
}

// expectSASL expects this element of the SASL profile in use and types the failures of RFC 6120 section 6.5.
func (g *guard) expectSASL(e *stream.Element, local string) {
	space := stream.NSSASL
	if g.sasl2 {
		space = nsSASL2
	}
	if e.Is(space, "failure") {
		panic(refusal{saslFailure(e)})
	}
	g.expect(e, space, local)
	if g.sasl2 && local == "success" {
		if id := e.Child(nsSASL2, "authorization-identifier"); g.bind2 && id != nil {
			g.bind(id.Text)
		}
		if g.bind2 && g.bound.Resourcepart() == "" {
			g.refuse(BrokenStream, "success without an address")
		}
	}
}

func saslFailure(e *stream.Element) *Error {
	condition, text := "none", ""
	for _, c := range e.Children {
		switch {
		case c.Name.Local == "text":
			text = c.Text
		case c.Name.Space == stream.NSSASL:
			condition = c.Name.Local
		}
	}
	kind := BrokenStream
	switch condition {
	case "not-authorized", "invalid-authzid":
		kind = WrongPassword
	case "account-disabled", "credentials-expired", "invalid-mechanism", "mechanism-too-weak":
		kind = AccountRefused
	case "encryption-required":
		kind = NoTLS
	case "temporary-auth-failure":
		kind = ServerClosed
	}
	return &Error{Kind: kind, Detail: "the server refuses the login: " + condition, Err: wordsOf(text)}
}

// features reads what the server offers once TLS protects it, and settles the mechanism before go-xmpp does.
func (g *guard) features(e *stream.Element) {
	names := map[xml.Name]bool{}
	for _, c := range e.Children {
		if names[c.Name] {
			g.refuse(BrokenStream, "a feature twice")
		}
		names[c.Name] = true
	}
	list := e.Child(stream.NSSASL, "mechanisms")
	if a := e.Child(nsSASL2, "authentication"); a != nil && a.Child(nsSASL2, "mechanism") != nil {
		list, g.sasl2 = a, true
		inline := a.Child(nsSASL2, "inline")
		g.bind2 = inline != nil && inline.Child(nsBind2, "bind") != nil
	}
	var offered []string
	if list != nil {
		for _, c := range list.Children {
			if c.Name.Local != "mechanism" {
				continue
			}
			if c.Name.Space != list.Name.Space {
				g.refuse(BrokenStream, "a mechanism in a foreign namespace")
			}
			offered = append(offered, c.Text)
		}
	}
	types := bindingTypes(e)
	mechanism, err := g.choose(offered, types)
	if err != nil {
		panic(refusal{err})
	}
	g.chosen, g.binding = mechanism, ""
	if strings.HasSuffix(mechanism, "-PLUS") {
		g.binding = bindingOf(g.tls, types)
	}
	if g.mechanism != mechanism && (g.mechanism != "" || mechanism != automatic(offered)) {
		panic(refusal{demand{mechanism}})
	}
	if mechanism == "PLAIN" {
		g.to(proving)
	} else {
		g.to(challenging)
	}
}

func bindingTypes(features *stream.Element) (types []string) {
	if list := features.Child(nsBinding, "sasl-channel-binding"); list != nil {
		for _, c := range list.Children {
			types = append(types, c.Attr("type"))
		}
	}
	return types
}

// choose decides how to sign in: channel binding where it works, SCRAM otherwise, PLAIN only where the person agreed,
// and nothing weaker than this account has seen. A login that is bound for the first time may have a shorter hash.
func (g *guard) choose(offered, types []string) (string, error) {
	plus := first(offered, func(m string) string { return m + "-PLUS" })
	plain := first(offered, func(m string) string { return m })
	binding := bindingOf(g.tls, types)
	bound := plus != "" && binding != ""
	mechanism := plain
	if bound {
		mechanism = plus
	}
	offer, seen := strength(mechanism, binding), g.config.Seen
	switch {
	case !bound && seen.Binding:
		return "", &Error{Kind: WeakerLogin, Detail: "no channel binding, which there was before"}
	case !offer.Unique && seen.Unique:
		return "", &Error{Kind: WeakerLogin, Detail: "bound to the certificate alone, which was to the connection before"}
	case mechanism == "" && seen.SCRAM:
		return "", &Error{Kind: WeakerLogin, Detail: "no SCRAM, which there was before"}
	case mechanism != "" && offer.Hash < seen.Hash && (seen.Binding || !bound):
		return "", &Error{Kind: WeakerLogin, Detail: "a shorter hash than there was before"}
	case mechanism != "":
		return mechanism, nil
	case !slices.Contains(offered, "PLAIN"):
		return "", &Error{Kind: AccountRefused, Detail: "the server offers no way to sign in that we know"}
	case !g.config.AllowPlain:
		return "", &Error{Kind: OnlyPlain}
	}
	return "PLAIN", nil
}

// strength is what a mechanism protects a login with, where it binds by this.
func strength(mechanism, binding string) Strength {
	name, bound := strings.CutSuffix(mechanism, "-PLUS")
	bits := map[string]int{"SCRAM-SHA-512": 512, "SCRAM-SHA-256": 256, "SCRAM-SHA-1": 160}[name]
	return Strength{SCRAM: bits > 0, Hash: bits, Binding: bound, Unique: bound && binding != endPoint}
}

func first(offered []string, name func(string) string) string {
	for _, m := range scram {
		if slices.Contains(offered, name(m)) {
			return name(m)
		}
	}
	return ""
}

// automatic is what go-xmpp takes when no mechanism is demanded of it and PLAIN is forbidden.
func automatic(offered []string) string {
	if m := first(offered, func(m string) string { return m + "-PLUS" }); m != "" {
		return m
	}
	return first(offered, func(m string) string { return m })
}

// endPoint is the one that the server's certificate is enough for (RFC 5929 section 4).
const endPoint = "tls-server-end-point"

// bindingOf is the channel binding that can work as go-xmpp does it, "" for none. Servers that offer it without saying
// which types they know (XEP-0440) mean tls-unique, which TLS 1.3 does not have; such a login fails although the password
// is right. tls-server-end-point hashes the certificate with the hash of its signature, and Ed25519 names none.
func bindingOf(state *tls.ConnectionState, types []string) string {
	own := "tls-unique"
	if state.Version >= tls.VersionTLS13 {
		own = "tls-exporter"
	}
	switch {
	case slices.Contains(types, own), len(types) == 0 && own == "tls-unique":
		return own
	case slices.Contains(types, endPoint) && len(state.PeerCertificates) > 0 &&
		state.PeerCertificates[0].SignatureAlgorithm != x509.PureEd25519:
		return endPoint
	}
	return ""
}

// challenge checks the server's first SCRAM message (RFC 5802 section 5.1): all three attributes once, no extension
// we do not know, iterations within bounds.
func (g *guard) challenge(text string) {
	message, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		g.refuse(BrokenStream, "the challenge is not base64")
	}
	seen := map[string]string{}
	for attribute := range strings.SplitSeq(string(message), ",") {
		name, value, _ := strings.Cut(attribute, "=")
		if _, twice := seen[name]; twice || name == "m" || value == "" {
			g.refuse(BrokenStream, "the challenge is malformed")
		}
		seen[name] = value
	}
	iterations, err := strconv.Atoi(seen["i"])
	if err != nil || seen["r"] == "" || seen["s"] == "" {
		g.refuse(BrokenStream, "the challenge is incomplete")
	}
	if iterations < minIterations || iterations > maxIterations {
		g.refuse(BrokenStream, "the challenge asks for "+strconv.Itoa(iterations)+" iterations")
	}
}

// bind takes the address the server gives us, which must be one of the account's.
func (g *guard) bind(text string) {
	j, err := jid.Parse(text)
	if err != nil || !j.Bare().Equal(g.bare) || j.Resourcepart() == "" {
		g.refuse(BrokenStream, "the server gives us another account's address")
	}
	g.bound = j
}
