package server

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"mellium.im/xmpp/jid"
)

const (
	nsBinding   = "urn:xmpp:sasl-cb:0"
	maxAttempts = 3
)

// errEnd means that what had to be told to the client has been told.
var errEnd = errors.New("server: end of the stream")

// connection is the server's end of one stream until a resource is bound to it.
type connection struct {
	server *Server
	conn   net.Conn
	reader *stream.Reader
}

// serve speaks with one client from its first byte to its last.
func (s *Server) serve(conn net.Conn) {
	// Closing the connection is what ends the reading below when the server ends.
	defer afterwards(s.ctx, conn)()
	conn.SetDeadline(time.Now().Add(loginLimit))
	c := &connection{server: s, conn: conn, reader: stream.NewReader(conn)}
	l, err := c.login()
	if err == nil {
		c.conn.SetDeadline(time.Time{})
		l.run(c.reader)
	} else {
		c.farewell(err)
	}
	c.conn.Close()
}

// login runs the stream up to a bound resource (RFC 6120, sections 4 to 7).
func (c *connection) login() (*link, error) {
	if err := c.open(stream.New(stream.NSStreams, "features").Add(
		stream.New(stream.NSStartTLS, "starttls").Add(stream.New(stream.NSStartTLS, "required")))); err != nil {
		return nil, err
	}
	if err := c.startTLS(); err != nil {
		return nil, err
	}
	if err := c.open(stream.New(stream.NSStreams, "features").Add(
		stream.New(stream.NSSASL, "mechanisms").Add(
			stream.New(stream.NSSASL, "mechanism").WithText(scramPlus),
			stream.New(stream.NSSASL, "mechanism").WithText(scram)),
		stream.New(nsBinding, "sasl-channel-binding").Add(
			stream.New(nsBinding, "channel-binding", "type", "tls-exporter")))); err != nil {
		return nil, err
	}
	address, err := c.authenticate()
	if err != nil {
		return nil, err
	}
	c.reader.Restart()
	if err := c.open(stream.New(stream.NSStreams, "features").Add(
		stream.New(stream.NSBind, "bind").Add(stream.New(stream.NSBind, "required")),
		stream.New(nsSM, "sm"))); err != nil {
		return nil, err
	}
	return c.bind(address)
}

// open answers the header of a stream with ours and the features.
func (c *connection) open(features *stream.Element) error {
	h, err := c.reader.Header()
	if err != nil && !errors.Is(err, stream.ErrRefused) {
		return err
	}
	refused := err
	domain := c.server.domain.String()
	text, err := stream.Header{From: domain, ID: rand.Text(), Lang: "en"}.Open()
	if err != nil {
		return err
	}
	if err := c.writeString(text); err != nil {
		return err
	}
	if refused != nil { // said within a stream, as RFC 6120 4.9.1.2 wants it
		return refused
	}
	if h.To != domain {
		return c.refuse("host-unknown")
	}
	if h.Space != stream.NSClient {
		return c.refuse("invalid-namespace")
	}
	return c.write(features)
}

func (c *connection) startTLS() error {
	e, err := c.reader.Next()
	if err != nil {
		return err
	}
	if !e.Is(stream.NSStartTLS, "starttls") {
		return c.refuse("policy-violation")
	}
	// One byte may be the line feed that some clients write after an element. Whatever it is, it is not looked at; more of
	// them would have been put there by somebody else.
	if c.reader.Buffered() > 1 {
		return c.refuse("policy-violation")
	}
	if err := c.write(stream.New(stream.NSStartTLS, "proceed")); err != nil {
		return err
	}
	secured := tls.Server(&unfed{Conn: c.conn}, c.server.tls)
	if err := secured.HandshakeContext(c.server.ctx); err != nil {
		return err
	}
	c.conn, c.reader = secured, stream.NewReader(secured)
	return nil
}

// unfed is a connection without line feeds at its beginning: the one after <starttls/> may come late. No TLS record begins with one.
type unfed struct {
	net.Conn
	begun bool
}

func (u *unfed) Read(p []byte) (int, error) {
	for !u.begun && len(p) > 0 {
		n, err := u.Conn.Read(p[:1])
		if n == 0 {
			return 0, err
		}
		if p[0] != '\n' {
			u.begun = true
			return n, err
		}
	}
	return u.Conn.Read(p)
}

// authenticate runs SASL (RFC 6120, section 6) until it succeeds or the client has had its attempts.
func (c *connection) authenticate() (jid.JID, error) {
	for range maxAttempts {
		e, err := c.reader.Next()
		if err != nil {
			return jid.JID{}, err
		}
		if !e.Is(stream.NSSASL, "auth") {
			return jid.JID{}, c.refuse("not-authorized")
		}
		address, err := c.attempt(e)
		if !errors.Is(err, errSASL) {
			return address, err
		}
		failure := stream.New(stream.NSSASL, "failure").Add(stream.New(stream.NSSASL, "not-authorized"))
		if err := c.write(failure); err != nil {
			return jid.JID{}, err
		}
	}
	return jid.JID{}, c.refuse("policy-violation")
}

func (c *connection) attempt(auth *stream.Element) (jid.JID, error) {
	var binding []byte
	switch auth.Attr("mechanism") {
	case scram:
	case scramPlus:
		state := c.conn.(*tls.Conn).ConnectionState()
		var err error
		if binding, err = state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); err != nil {
			return jid.JID{}, err
		}
	default:
		return jid.JID{}, errSASL
	}
	message, err := decode(auth.Text)
	if err != nil {
		return jid.JID{}, err
	}
	x, err := begin(message, binding)
	if err != nil {
		return jid.JID{}, err
	}
	address, secrets, err := c.credentials(x.user)
	if err != nil {
		return jid.JID{}, err
	}
	if err := c.write(stream.New(stream.NSSASL, "challenge").WithText(encode(x.challenge(secrets)))); err != nil {
		return jid.JID{}, err
	}
	response, err := c.reader.Next()
	if err != nil {
		return jid.JID{}, err
	}
	if !response.Is(stream.NSSASL, "response") {
		return jid.JID{}, errSASL
	}
	if message, err = decode(response.Text); err != nil {
		return jid.JID{}, err
	}
	proof, err := x.finish(message, secrets)
	if err != nil {
		return jid.JID{}, err
	}
	return address, c.write(stream.New(stream.NSSASL, "success").WithText(encode(proof)))
}

// credentials are those of the account, or some that fit no password: whether an account exists is nobody's business.
func (c *connection) credentials(user string) (address jid.JID, secrets credentials, err error) {
	address, err = jid.New(user, c.server.domain.String(), "")
	if err != nil {
		return jid.JID{}, credentials{}, errSASL
	}
	err = c.server.enter(func(h *hub) error {
		if a := h.accounts[address.String()]; a != nil {
			secrets = a.secrets
			return nil
		}
		secrets = h.nobody
		return nil
	})
	return address, secrets, err
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func decode(s string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return "", errSASL
	}
	return string(b), nil
}

// bind gives the stream the resource that the client asks for, or one of our own (RFC 6120, section 7).
func (c *connection) bind(address jid.JID) (*link, error) {
	request, err := c.reader.Next()
	if err != nil {
		return nil, err
	}
	bind := request.Child(stream.NSBind, "bind")
	if !request.Is(stream.NSClient, "iq") || request.Attr("type") != "set" || bind == nil {
		return nil, c.refuse("not-authorized")
	}
	resource := rand.Text()
	if wanted := bind.Child(stream.NSBind, "resource"); wanted != nil && wanted.Text != "" {
		resource = wanted.Text
	}
	full, err := address.WithResource(resource)
	if err != nil {
		c.write(failed(request, "modify", "bad-request"))
		return nil, errEnd
	}
	l := newLink(c.server, c.conn, full)
	if err := c.server.enter(func(h *hub) error { return h.bind(l) }); err != nil {
		return nil, err
	}
	answer := result(request).Add(stream.New(stream.NSBind, "bind").Add(stream.New(stream.NSBind, "jid").WithText(full.String())))
	return l, c.write(answer)
}

func (c *connection) write(e *stream.Element) error {
	text, err := e.XML()
	if err != nil {
		return err
	}
	return c.writeString(text)
}

func (c *connection) writeString(text string) error {
	_, err := io.WriteString(c.conn, text)
	return err
}

// refuse ends the stream with a stream error (RFC 6120, section 4.9).
func (c *connection) refuse(condition string) error {
	if err := c.write(stream.New(stream.NSStreams, "error").Add(stream.New(stream.NSErrors, condition))); err != nil {
		return err
	}
	return errEnd
}

// farewell says what there is to say before the connection is closed because of err.
func (c *connection) farewell(err error) {
	c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	switch {
	case errors.Is(err, stream.ErrRefused):
		if c.refuse("not-well-formed") == errEnd {
			c.writeString(stream.End)
		}
	case err == io.EOF, err == errEnd:
		c.writeString(stream.End)
	}
}
