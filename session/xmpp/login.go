package xmpp

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
	engine "github.com/xmppo/go-xmpp"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

// steps are how long each step of a login may take, however fast its bytes come.
type steps struct {
	tls  time.Duration // from the connection to the offers inside TLS
	sasl time.Duration // from the choice of a mechanism to the server's proof
	bind time.Duration // from there to a resource, and once more to an answer about acknowledgements
}

func (c *Config) limits() steps {
	switch {
	case c.steps != steps{}:
		return c.steps
	case c.Proxy.Kind == Tor:
		return steps{tls: 20 * time.Second, sasl: 30 * time.Second, bind: 20 * time.Second}
	}
	return steps{tls: 10 * time.Second, sasl: 15 * time.Second, bind: 10 * time.Second}
}

// Connect signs in and returns once the stream is ready: presence sent, acknowledgements (XEP-0198) and carbons on
// where the server has them. Its error is an *Error. ctx bounds the whole of it and nothing after it.
func Connect(ctx context.Context, c Config) (*Conn, error) {
	c.JID = c.JID.Bare()
	domain, err := c.check()
	if err != nil {
		return nil, err
	}
	passEnvironmentBy()
	var conn *Conn
	err = c.each(ctx, domain, func(up net.Conn, t target) (next bool, err error) {
		var step step
		conn, step, err = c.signIn(ctx, up, domain, t, "")
		var other demand
		if errors.As(err, &other) {
			conn, step, err = c.again(ctx, domain, t, other.mechanism)
		}
		// As long as nothing of the account was said, another of the domain's servers may be in better health.
		return step <= secure, err
	})
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// again signs in with the mechanism that the offers of the first attempt called for: go-xmpp must know it before it
// sees them. It needs a connection of its own.
func (c *Config) again(ctx context.Context, domain string, t target, mechanism string) (*Conn, step, error) {
	up, _, _, err := c.open(ctx, domain, []target{t})
	if err != nil {
		return nil, inClear, err
	}
	conn, step, err := c.signIn(ctx, up, domain, t, mechanism)
	if errors.As(err, new(demand)) {
		return nil, step, &Error{Kind: BrokenStream, Detail: "the server keeps changing its offers"}
	}
	return conn, step, err
}

// check refuses what go-xmpp could not carry and returns the domain as DNS and certificates write it.
func (c *Config) check() (domain string, err error) {
	// go-xmpp does not escape these two for SCRAM (RFC 5802 section 5.1).
	if local := c.JID.Localpart(); local == "" || strings.ContainsAny(local, "=,") {
		return "", &Error{Kind: BadName}
	}
	if strings.ContainsAny(c.JID.Domainpart(), ":[") {
		return "", &Error{Kind: BadName, Detail: "a bare IPv6 address is no domain to sign in to"}
	}
	domain, err = idna.Lookup.ToASCII(c.JID.Domainpart())
	if err != nil {
		return "", &Error{Kind: UnknownHost, Detail: "not a domain", Err: err}
	}
	if _, err := c.JID.WithResource(c.Resource); err != nil {
		return "", &Error{Kind: BadName, Detail: "the resource", Err: err}
	}
	if _, err := c.Presence.element().XML(); err != nil {
		return "", &Error{Kind: BadName, Detail: "the presence", Err: err}
	}
	if c.UserAgentID != "" && uuid.Validate(c.UserAgentID) != nil {
		return "", &Error{Kind: BadName, Detail: "the user agent's id is not a UUID"}
	}
	return domain, nil
}

// signIn has go-xmpp sign in over a connection that is up. Beside an error it says how far the login had come.
func (c *Config) signIn(ctx context.Context, up net.Conn, domain string, t target, mechanism string) (*Conn, step, error) {
	relay, err := newRelay(up)
	if err != nil {
		up.Close()
		return nil, inClear, &Error{Kind: Unreachable, Detail: "no port on loopback", Err: err}
	}
	stopped := context.AfterFunc(ctx, func() { relay.kill(context.Cause(ctx)) })
	defer stopped()
	limits := c.limits()
	deadline := time.AfterFunc(limits.tls, func() { relay.kill(context.DeadlineExceeded) })
	defer deadline.Stop()

	g := newGuard(c, c.JID, t.direct, mechanism, func(from, to step) {
		switch {
		case from == secure:
			deadline.Reset(limits.sasl)
		case to == authenticated:
			deadline.Reset(limits.bind)
		}
	})
	defer func() { g.pusher.Close() }()
	var refused error // why the certificate was
	client, err := newClient(engine.Options{
		Host:          relay.address(),
		User:          c.JID.String(),
		Password:      prepare(string(c.Password)),
		Resource:      escaped(c.Resource), // go-xmpp does not
		NoTLS:         !t.direct,
		StartTLS:      !t.direct,
		TLSConfig:     c.tls(domain, t, g, &refused),
		Status:        c.Presence.show(),
		StatusMessage: escaped(c.Presence.Status), // go-xmpp does not
		Mechanism:     mechanism,
		NoPLAIN:       mechanism != "PLAIN",
		Debug:         true,
		DebugWriter:   g,
		UserAgentSW:   "Sotto",
		UserAgentID:   c.UserAgentID,
		NoSASLUpgrade: true, // it would hand over a hash of the password before the server proved anything
	})
	if err == nil && g.step != loggedIn {
		err = &Error{Kind: BrokenStream, Detail: "the login ended too early"}
	}
	if err == nil {
		client.Options.Password = ""
		deadline.Stop() // agree has one of its own, which what keeps coming puts off
		var conn *Conn
		if conn, err = c.ready(client, relay, g, t); err == nil {
			return conn, loggedIn, nil
		}
	}
	cause := relay.why()
	relay.kill(err)
	relay.copying.Wait()
	return nil, g.step, loginError(err, refused, cause, g.step)
}

// newClient is NewClient with the guard's refusals, and go-xmpp's own panics, as errors.
func newClient(o engine.Options) (client *engine.Client, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case refusal:
			err = p.err
		default:
			err = &Error{Kind: BrokenStream, Detail: fmt.Sprint("the login failed inside: ", p)}
		}
	}()
	return o.NewClient()
}

// loginError finds the true reason among what a failed login left behind.
func loginError(err, certificate, cause error, at step) error {
	var typed *Error
	switch {
	case errors.As(err, new(demand)), errors.As(err, &typed):
		return err
	case errors.As(certificate, new(*KeyChange)):
		return &Error{Kind: KeyChanged, Err: certificate}
	case certificate != nil:
		return &Error{Kind: BadCertificate, Err: certificate}
	case at >= proving && strings.Contains(err.Error(), "SCRAM"):
		return &Error{Kind: BrokenStream, Detail: "the server did not prove that it knows the password", Err: err}
	case at == secure && strings.Contains(err.Error(), "unrecognized name"):
		return &Error{Kind: UnknownHost, Detail: "the server does not know the domain", Err: err}
	case errors.Is(cause, context.DeadlineExceeded):
		return &Error{Kind: TimedOut, Detail: "signing in", Err: cause}
	case cause != nil, strings.HasSuffix(err.Error(), "EOF"):
		return &Error{Kind: Unreachable, Detail: "the connection ended during the login", Err: cmp.Or(cause, err)}
	case at <= secure:
		return &Error{Kind: Unreachable, Detail: "no TLS came about", Err: err}
	}
	return &Error{Kind: BrokenStream, Detail: "signing in", Err: err}
}

// tls checks the server's certificate for the account's domain, wherever DNS sent us.
//
// InsecureSkipVerify is how crypto/tls lets a caller do the check itself: done here in the very same way, because
// after STARTTLS go-xmpp turns the error into text, and people must be told apart an expired certificate from a
// stranger's.
func (c *Config) tls(domain string, t target, g *guard, refused *error) *tls.Config {
	config := &tls.Config{
		ServerName:         domain,
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			options := x509.VerifyOptions{DNSName: domain, Roots: c.RootCAs, Intermediates: x509.NewCertPool()}
			for _, intermediate := range state.PeerCertificates[1:] {
				options.Intermediates.AddCert(intermediate)
			}
			if _, err := state.PeerCertificates[0].Verify(options); err != nil {
				*refused = err
				return err
			}
			g.tls, g.key = &state, KeyOf(state.PeerCertificates[0])
			g.keyChange = c.judgeKey(g.key)
			if g.keyChange != nil && c.asks(g.keyChange) {
				*refused = g.keyChange
				return g.keyChange
			}
			return nil
		},
	}
	if t.direct {
		config.NextProtos = []string{"xmpp-client"} // XEP-0368 section 4
	}
	return config
}

// decoderOf takes over the decoder of a client that has signed in.
//
// Sotto reads the stream itself, and this is where from. The chunks that go-xmpp shows its DebugWriter would be the
// public way, but they lack every line feed that happened to be the last byte of a read (see guard), and a message
// would arrive with two lines run together; pairing them with the texts Recv decodes would trust Recv, which takes
// any namespace's <body/> and answers strangers by itself. The decoder has every byte, in order, once. It is an
// unexported field, so go-xmpp stays at exactly the version in go.mod, and TestEveryCut fails if it moves.
func decoderOf(client *engine.Client) *xml.Decoder {
	field := reflect.ValueOf(client).Elem().FieldByName("p")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*xml.Decoder]() {
		panic("xmpp: internal error: not the go-xmpp this was written for")
	}
	return (*xml.Decoder)(field.UnsafePointer())
}

// escaped is for text that becomes XML; what XML cannot carry was refused by check.
func escaped(s string) string {
	text, err := stream.Escape(s)
	if err != nil {
		panic("xmpp: internal error: " + err.Error())
	}
	return text
}

// prepare does to a password what servers did when it was set (SASLprep, RFC 4013 section 2.1 and 2.2): other spaces
// become the blank, what is invisible goes, NFKC does the rest. Plain ASCII stays as it is.
func prepare(password string) string {
	return norm.NFKC.String(strings.Map(func(r rune) rune {
		switch {
		case r == 0xA0, r == 0x1680, r >= 0x2000 && r <= 0x200A, r == 0x202F, r == 0x205F, r == 0x3000:
			return ' '
		case r == 0xAD, r == 0x34F, r == 0x1806, r >= 0x180B && r <= 0x180D, r >= 0x200B && r <= 0x200D, r == 0x2060,
			r >= 0xFE00 && r <= 0xFE0F, r == 0xFEFF:
			return -1
		}
		return r
	}, password))
}
