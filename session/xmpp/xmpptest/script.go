package xmpptest

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

// A Peer is the server's end of one connection, led by a script: it says exactly what it is told to, right or wrong.
type Peer struct {
	net.Conn
	Reader *stream.Reader
	Domain string

	// Mechanisms and Offers are what the features before and after signing in hold, as XML; see LogIn.
	Mechanisms, Offers string

	t    testing.TB
	cert tls.Certificate
}

// Listen runs the script on each connection, on loopback, and returns the address. The test ends after all scripts
// have; a script whose connection ends early ends with it.
func Listen(t testing.TB, cert tls.Certificate, domain string, script func(*Peer)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var scripts sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	scripts.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			scripts.Go(func() {
				defer conn.Close()
				script(&Peer{Conn: conn, Domain: domain, t: t, cert: cert,
					Mechanisms: "<mechanism>SCRAM-SHA-256</mechanism>",
					Offers:     "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>"})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		scripts.Wait()
	})
	return l.Addr().String()
}

// Say writes text as it is.
func (p *Peer) Say(text string) {
	if _, err := io.WriteString(p, text); err != nil {
		runtime.Goexit()
	}
}

// Hear returns the next element; the script ends where the stream does.
func (p *Peer) Hear() *stream.Element {
	e, err := p.Reader.Next()
	if err != nil {
		runtime.Goexit()
	}
	return e
}

// HearUntil returns the next element of this local name, skipping others.
func (p *Peer) HearUntil(local string) *stream.Element {
	for {
		if e := p.Hear(); e.Name.Local == local {
			return e
		}
	}
}

// afterLine leaves out line feeds before the first byte of TLS: go-xmpp ends <starttls/> with one, and on a line that carries byte
// by byte it comes when the element has been answered already.
type afterLine struct {
	net.Conn
	begun bool
}

func (c *afterLine) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if c.begun {
			return n, err
		}
		if rest := bytes.TrimLeft(b[:n], "\n"); len(rest) > 0 || err != nil || len(b) == 0 {
			c.begun = len(rest) > 0
			return copy(b, rest), err
		}
	}
}

// TLS does the handshake, and afterwards p speaks through it.
func (p *Peer) TLS() {
	conn := tls.Server(&afterLine{Conn: p.Conn}, &tls.Config{Certificates: []tls.Certificate{p.cert}})
	if err := conn.Handshake(); err != nil {
		runtime.Goexit()
	}
	p.Conn = conn
	p.Reader = nil
}

// Stream reads the client's header, on a new stream, and answers with one and these features.
func (p *Peer) Stream(features string) {
	if p.Reader == nil {
		p.Reader = stream.NewReader(p.Conn)
	} else {
		p.Reader.Restart()
	}
	if _, err := p.Reader.Header(); err != nil {
		runtime.Goexit()
	}
	open, err := stream.Header{From: p.Domain, ID: "1"}.Open()
	if err != nil {
		p.t.Error(err)
	}
	p.Say(open + "<stream:features>" + features + "</stream:features>")
}

// StartTLS offers STARTTLS on a stream in clear and does it.
func (p *Peer) StartTLS() {
	p.Stream("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>")
	p.HearUntil("starttls")
	p.Say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	p.TLS()
}

// LogIn does direct TLS and everything up to a stream that is ready, for a client with this password.
func (p *Peer) LogIn(password string) {
	p.TLS()
	p.SignIn(password)
}

// SignIn is LogIn inside TLS.
func (p *Peer) SignIn(password string) {
	p.Stream("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + p.Mechanisms + "</mechanisms>")
	user := p.SCRAM(password)
	p.Stream(p.Offers)
	bind := p.Hear()
	resource := "server-made"
	if r := bind.Children[0].Child(stream.NSBind, "resource"); r != nil {
		resource = r.Text
	}
	p.Say(fmt.Sprintf("<iq type='result' id='%s'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>%s@%s/%s</jid></bind></iq>",
		bind.Attr("id"), user, p.Domain, resource))
	if strings.Contains(p.Offers, "urn:xmpp:sm:3") {
		p.HearUntil("enable")
		p.Say("<enabled xmlns='urn:xmpp:sm:3'/>")
	}
}

// SCRAM is the server's side of RFC 5802 with SHA-256, done right, in the profile that the client begins: RFC 6120's
// or XEP-0388's, where success binds too and new features follow. It returns the user's name.
func (p *Peer) SCRAM(password string) (user string) {
	const salt, iterations = "salt", 4096
	auth := p.Hear()
	initial := auth.Text
	sasl2 := auth.Is("urn:xmpp:sasl:2", "authenticate")
	if sasl2 {
		initial = auth.Child("urn:xmpp:sasl:2", "initial-response").Text
	}
	say := func(name, text string) {
		p.Say("<" + name + " xmlns='" + auth.Name.Space + "'>" + text + "</" + name + ">")
	}
	first, _ := base64.StdEncoding.DecodeString(initial)
	bare := strings.TrimPrefix(string(first), "n,,")
	name, nonce, _ := strings.Cut(strings.TrimPrefix(bare, "n="), ",r=")
	challenge := fmt.Sprintf("r=%sserver,s=%s,i=%d", nonce, base64.StdEncoding.EncodeToString([]byte(salt)), iterations)
	say("challenge", base64.StdEncoding.EncodeToString([]byte(challenge)))
	final, _ := base64.StdEncoding.DecodeString(p.Hear().Text)
	withoutProof, proof, _ := strings.Cut(string(final), ",p=")

	salted, err := pbkdf2.Key(sha256.New, password, []byte(salt), iterations, sha256.Size)
	if err != nil {
		p.t.Error(err)
	}
	message := bare + "," + challenge + "," + withoutProof
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	for i, b := range mac(stored[:], message) {
		clientKey[i] ^= b
	}
	if base64.StdEncoding.EncodeToString(clientKey) != proof {
		say("failure", "<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
		runtime.Goexit()
	}
	signature := base64.StdEncoding.EncodeToString([]byte("v=" +
		base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), message))))
	if sasl2 {
		say("success", "<additional-data>"+signature+"</additional-data><authorization-identifier>"+name+"@"+p.Domain+
			"/Sotto~made</authorization-identifier>")
		p.Say("<stream:features>" + p.Offers + "</stream:features>")
	} else {
		say("success", signature)
	}
	return name
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
