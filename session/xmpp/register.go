package xmpp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"golang.org/x/net/idna"
)

const (
	nsPreAuth = "urn:xmpp:pars:0"

	registerTimeout = 20 * time.Second // for each answer of the server
	maxBeforeAnswer = 100              // elements that may come before it
)

// A RegisterError is why a server did not make an account, or what is wrong with the answers.
type RegisterError struct {
	Kind  RegisterKind
	Field string // Incomplete: which
	Text  string // the server's words
	Err   error  // of the stanza
}

// A RegisterKind is what a person must know of a RegisterError.
type RegisterKind uint8

const (
	NotOffered      RegisterKind = iota // accounts are not made here, or not in this way
	NameTaken                           // try another
	BadAnswers                          // the server does not like the name, the password, or another answer
	ChallengeFailed                     // the CAPTCHA, most likely: there is a new one
	TooMany                             // the server makes no more accounts now
	TokenRefused                        // the invitation is not valid (any more)
	Incomplete                          // a required field has no answer: nothing was sent
	Outdated                            // the server's questions have changed meanwhile: nothing was sent
	Refused                             // for another reason
)

var registerWords = [...]string{NotOffered: "no accounts to be had", NameTaken: "name taken", BadAnswers: "answers refused",
	ChallengeFailed: "challenge failed", TooMany: "too many accounts", TokenRefused: "invitation refused",
	Incomplete: "an answer is missing", Outdated: "the questions have changed", Refused: "refused"}

func (e *RegisterError) Error() string { return "xmpp: register: " + registerWords[e.Kind] }
func (e *RegisterError) Unwrap() error { return e.Err }

// A Registration is a stream to a server on which an account is made before anybody signs in (XEP-0077). Its methods are
// for one goroutine, but for Close.
type Registration struct {
	config Config
	domain string // as DNS and certificates write it
	token  string

	form *Form

	mu   sync.Mutex // guards the line, which Close may cut
	line *registerLine
	over bool
}

// A registerLine is one connection. A server does not wait for a person for ever; then there is another one.
type registerLine struct {
	conn   net.Conn
	reader *stream.Reader
	come   chan *stream.Element // closed when the stream has ended
	stop   chan struct{}
	once   sync.Once
	err    error // valid once come is closed
}

// Register connects to the domain of c.JID as for signing in, with the certificate checked in the same way, and asks
// what an account needs. token is that of an invitation (XEP-0445), or "". The error is an *Error about the connection
// or a *RegisterError. Of c only JID, Server, TLS, RootCAs and what concerns dialling count.
func Register(ctx context.Context, c Config, token string) (*Registration, error) {
	domain, err := idna.Lookup.ToASCII(c.JID.Domainpart())
	if err != nil {
		return nil, &Error{Kind: UnknownHost, Detail: "not a domain", Err: err}
	}
	c.JID = c.JID.Domain()
	r := &Registration{config: c, domain: domain, token: token}
	if err := r.open(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Form is what is to be filled in now. After a failed Submit it may be another one.
func (r *Registration) Form() *Form { return r.form }

// Close ends the stream. It may be called from any goroutine, and while a method waits.
func (r *Registration) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if r.line != nil {
		r.line.close()
	}
}

// Submit answers the form, by the names of its fields. nil means that the account exists now. After an error the stream
// stays and Form is up to date, so that the person can try again.
func (r *Registration) Submit(ctx context.Context, answers map[string][]string) error {
	query, err := r.form.submission(answers)
	if err != nil {
		return err
	}
	if r.line.ended() {
		before := r.form
		if err := r.open(ctx); err != nil {
			return err
		}
		if r.form.challenged() || !reflect.DeepEqual(before, r.form) {
			return &RegisterError{Kind: Outdated}
		}
	}
	_, err = r.ask(ctx, "set", query)
	var refusal *StanzaError
	if !errors.As(err, &refusal) {
		return err
	}
	failure := registerError(refusal, r.form.challenged())
	if r.form.challenged() {
		// A challenge is good for one answer.
		if err := r.fetch(ctx); err != nil && !errors.As(err, new(*RegisterError)) {
			return err
		}
	}
	return failure
}

// registerError is the meaning of what a server says to a filled-in form (XEP-0077 section 3.1.1, and what servers do).
func registerError(refusal *StanzaError, challenged bool) *RegisterError {
	e := &RegisterError{Kind: Refused, Text: clip(refusal.Text), Err: refusal}
	switch refusal.Condition {
	case "conflict":
		e.Kind = NameTaken
	case "resource-constraint":
		e.Kind = TooMany
	case "not-acceptable", "bad-request", "jid-malformed":
		e.Kind = BadAnswers
	case "not-allowed", "not-authorized":
		if challenged {
			e.Kind = ChallengeFailed
		}
	case "service-unavailable", "feature-not-implemented", "registration-required":
		e.Kind = NotOffered
	}
	if refusal.Type == "wait" {
		e.Kind = TooMany
	}
	return e
}

// open connects and fetches the form.
func (r *Registration) open(ctx context.Context) error {
	line, err := r.connect(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	old := r.line
	r.line = line
	over := r.over
	r.mu.Unlock()
	if old != nil {
		old.close()
	}
	if over {
		line.close()
		return ErrClosed
	}
	if r.token != "" {
		preauth := stream.New(nsPreAuth, "preauth", "token", r.token)
		_, err := r.ask(ctx, "set", preauth)
		var refusal *StanzaError
		if errors.As(err, &refusal) {
			return &RegisterError{Kind: TokenRefused, Text: clip(refusal.Text), Err: refusal}
		}
		if err != nil {
			return err
		}
	}
	return r.fetch(ctx)
}

// fetch asks for the form, and for the pictures that did not come with it.
func (r *Registration) fetch(ctx context.Context) error {
	answer, err := r.ask(ctx, "get", stream.New(nsRegister, "query"))
	var refusal *StanzaError
	if errors.As(err, &refusal) {
		e := registerError(refusal, false)
		if e.Kind != TooMany {
			e.Kind = NotOffered
		}
		return e
	}
	if err != nil {
		return err
	}
	query := answer.Child(nsRegister, "query")
	if query == nil {
		return &RegisterError{Kind: NotOffered}
	}
	form := readForm(query)
	form.takePictures(answer.Children)
	for _, cid := range form.missing() {
		answer, err := r.ask(ctx, "get", stream.New(nsBits, "data", "cid", cid))
		if errors.As(err, &refusal) {
			continue // the question is shown without it
		}
		if err != nil {
			return err
		}
		form.takePictures(answer.Children)
	}
	r.form = form
	return nil
}

// ask sends a request to the server and waits for the answer. A refusal is a *StanzaError.
func (r *Registration) ask(ctx context.Context, kind string, payload *stream.Element) (*stream.Element, error) {
	ctx, cancel := context.WithTimeout(ctx, registerTimeout)
	defer cancel()
	id := NewID()
	xml, err := newIQ(kind, id, r.config.JID).Add(payload).XML()
	if err != nil {
		return nil, &RegisterError{Kind: BadAnswers, Err: err}
	}
	line := r.line
	line.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := io.WriteString(line.conn, xml); err != nil {
		line.close()
		return nil, &Error{Kind: Unreachable, Detail: "the connection ended while making an account", Err: err}
	}
	for range maxBeforeAnswer {
		select {
		case e, open := <-line.come:
			switch {
			case !open:
				return nil, line.failure()
			case e.Is(stream.NSStreams, "error"):
				line.close()
				return nil, streamError(e)
			case !e.Is(stream.NSClient, "iq"), e.Attr("id") != id:
			case e.Attr("type") == "error":
				return nil, stanzaError(e)
			case e.Attr("type") == "result":
				return e, nil
			}
		case <-ctx.Done():
			line.close()
			return nil, &Error{Kind: TimedOut, Detail: "making an account", Err: context.Cause(ctx)}
		}
	}
	line.close()
	return nil, &Error{Kind: BrokenStream, Detail: "the server does not answer the question"}
}

// ---- the connection

func (l *registerLine) ended() bool {
	select {
	case <-l.stop:
		return true
	default:
	}
	select {
	case _, open := <-l.come:
		return !open // anything else that comes unasked is of no interest
	default:
		return false
	}
}

func (l *registerLine) close() {
	l.conn.Close()
	l.once.Do(func() { close(l.stop) })
}

// read passes on what comes, until the stream ends.
func (l *registerLine) read() {
	defer close(l.come)
	for {
		e, err := l.reader.Next()
		if err != nil {
			l.err = err
			l.conn.Close()
			return
		}
		select {
		case l.come <- e:
		case <-l.stop:
			return
		}
	}
}

func (l *registerLine) failure() error {
	if errors.Is(l.err, stream.ErrRefused) {
		return &Error{Kind: BrokenStream, Err: l.err}
	}
	return &Error{Kind: Unreachable, Detail: "the connection ended while making an account", Err: l.err}
}

// connect finds a server of the domain and gets a stream inside TLS.
func (r *Registration) connect(ctx context.Context) (*registerLine, error) {
	var line *registerLine
	err := r.config.each(ctx, r.domain, func(up net.Conn, t target) (next bool, err error) {
		if line, err = r.secure(ctx, up, t); err != nil {
			up.Close()
		}
		return true, err
	})
	if err != nil {
		return nil, err
	}
	go line.read()
	return line, nil
}

// secure does what comes before the first stanza: STARTTLS where it is not TLS from the first byte, and the header.
func (r *Registration) secure(ctx context.Context, up net.Conn, t target) (*registerLine, error) {
	stopped := context.AfterFunc(ctx, func() { up.Close() })
	defer stopped()
	up.SetDeadline(time.Now().Add(r.config.limits().tls))
	if !t.direct {
		if err := r.startTLS(up); err != nil {
			return nil, err
		}
	}
	var refused error
	conn := tls.Client(up, r.config.tls(r.domain, t, &guard{}, &refused))
	if err := conn.HandshakeContext(ctx); err != nil {
		switch {
		case refused != nil:
			return nil, &Error{Kind: BadCertificate, Err: refused}
		case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
			return nil, &Error{Kind: TimedOut, Detail: "TLS", Err: err}
		case strings.Contains(err.Error(), "unrecognized name"):
			return nil, &Error{Kind: UnknownHost, Detail: "the server does not know the domain", Err: err}
		}
		return nil, &Error{Kind: Unreachable, Detail: "no TLS came about", Err: err}
	}
	reader := stream.NewReader(conn)
	if _, err := r.greet(conn, reader); err != nil {
		return nil, err
	}
	up.SetDeadline(time.Time{})
	return &registerLine{conn: conn, reader: reader, come: make(chan *stream.Element), stop: make(chan struct{})}, nil
}

// startTLS asks for TLS, and takes nothing else for an answer (RFC 6120 section 5.4.2).
func (r *Registration) startTLS(up net.Conn) error {
	reader := stream.NewReader(up)
	features, err := r.greet(up, reader)
	if err != nil {
		return err
	}
	if features.Child(stream.NSStartTLS, "starttls") == nil {
		return &Error{Kind: NoTLS}
	}
	if _, err := io.WriteString(up, mustXML(stream.New(stream.NSStartTLS, "starttls"))); err != nil {
		return preAuthError(err)
	}
	e, err := reader.Next()
	switch {
	case err != nil:
		return preAuthError(err)
	case !e.Is(stream.NSStartTLS, "proceed"):
		return &Error{Kind: NoTLS, Detail: "the server refuses STARTTLS"}
	case reader.Buffered() != 0:
		// It came in clear: nobody knows from whom.
		return &Error{Kind: BrokenStream, Detail: "something came before TLS"}
	}
	return nil
}

// greet opens a stream and returns the server's features.
func (r *Registration) greet(conn net.Conn, reader *stream.Reader) (*stream.Element, error) {
	open, err := stream.Header{To: r.config.JID.String(), Lang: "en"}.Open()
	if err != nil {
		return nil, &Error{Kind: UnknownHost, Err: err}
	}
	if _, err := io.WriteString(conn, open); err != nil {
		return nil, preAuthError(err)
	}
	if _, err := reader.Header(); err != nil {
		return nil, preAuthError(err)
	}
	e, err := reader.Next()
	switch {
	case err != nil:
		return nil, preAuthError(err)
	case e.Is(stream.NSStreams, "error"):
		return nil, streamError(e)
	case !e.Is(stream.NSStreams, "features"):
		return nil, &Error{Kind: BrokenStream, Detail: "no features"}
	}
	return e, nil
}

func preAuthError(err error) error {
	switch {
	case errors.Is(err, stream.ErrRefused):
		return &Error{Kind: BrokenStream, Err: err}
	case isTimeout(err):
		return &Error{Kind: TimedOut, Detail: "the server's greeting", Err: err}
	}
	return &Error{Kind: Unreachable, Detail: "the connection ended before it began", Err: err}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// ---- of an account that is signed in

// ChangePassword gives the account another password (XEP-0077 section 3.3). A refusal is a *StanzaError.
func (c *Conn) ChangePassword(ctx context.Context, password []byte) error {
	query := stream.New(nsRegister, "query").Add(stream.New(nsRegister, "username").WithText(c.jid.Localpart()),
		stream.New(nsRegister, "password").WithText(prepare(string(password))))
	_, err := c.askOf(ctx, c.server, "set", query, stream.Limits{})
	return err
}

// DeleteAccount has the server delete the account (XEP-0077 section 3.2) and ends the connection. nil means that the
// server has confirmed it. A refusal is a *StanzaError.
func (c *Conn) DeleteAccount(ctx context.Context) error {
	query := stream.New(nsRegister, "query").Add(stream.New(nsRegister, "remove"))
	_, err := c.askOf(ctx, c.server, "set", query, stream.Limits{})
	if err == ErrClosed && c.gone() {
		return nil
	}
	return err
}

// gone tells whether the server has ended the stream because there is no such account any more: some say nothing else
// (XEP-0077 section 3.2, example 12). ejabberd says so by a conflict, as for another login, and only its words tell the two apart.
func (c *Conn) gone() bool {
	var e *Error
	if !errors.As(c.Err(), &e) {
		return false
	}
	return e.Kind == AccountRefused || e.Kind == Conflict && e.Err != nil && strings.Contains(strings.ToLower(e.Err.Error()), "removed")
}
