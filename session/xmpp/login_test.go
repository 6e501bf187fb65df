package xmpp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

const saslNS = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"

// attempt signs in at a scripted server and returns the error and whether any word of SASL was sent.
func attempt(t *testing.T, change func(*Config), script func(p *xmpptest.Peer)) (err error, spoke bool) {
	t.Helper()
	var sasl atomic.Bool
	c := scripted(t, func(p *xmpptest.Peer) {
		defer func() {
			// What else the client says before it goes.
			p.SetReadDeadline(time.Now().Add(5 * time.Second))
			var rest []byte
			if p.Reader == nil {
				rest, _ = io.ReadAll(p)
			} else if e, _ := p.Reader.Next(); e != nil {
				text, _ := e.XML()
				rest = []byte(text)
			}
			if bytes.Contains(rest, []byte("sasl")) || bytes.Contains(rest, []byte("response")) {
				sasl.Store(true)
			}
		}()
		script(p)
	})
	if change != nil {
		change(&c)
	}
	conn, err := Connect(within(t), c)
	if conn != nil {
		t.Fatal("signed in")
	}
	return err, sasl.Load()
}

// Nothing of the login may leave while the stream is in clear or its server is not the one meant.
func TestLoginNeverInClear(t *testing.T) {
	starttls := func(c *Config) { c.TLS = TLSStart }
	const offer = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
	const mechanisms = "<mechanisms " + saslNS + "><mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-256</mechanism></mechanisms>"
	for _, test := range []struct {
		name   string
		want   ErrorKind
		script func(p *xmpptest.Peer)
	}{
		{"N-01 not offered", NoTLS, func(p *xmpptest.Peer) { p.Stream(mechanisms) }},
		{"N-01 nothing offered", NoTLS, func(p *xmpptest.Peer) { p.Stream("") }},
		{"N-01 refused", NoTLS, func(p *xmpptest.Peer) {
			p.Stream(offer + mechanisms)
			p.HearUntil("starttls")
			p.Say("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		}},
		{"N-01 cut", Unreachable, func(p *xmpptest.Peer) {
			p.Stream(offer + mechanisms)
			p.HearUntil("starttls")
			p.Close()
		}},
		{"N-01 success instead", BrokenStream, func(p *xmpptest.Peer) {
			p.Stream(offer + mechanisms)
			p.HearUntil("starttls")
			p.Say("<success " + saslNS + "/>")
		}},
		{"N-01 mechanisms instead", BrokenStream, func(p *xmpptest.Peer) {
			p.Stream(offer + mechanisms)
			p.HearUntil("starttls")
			p.Say("<stream:features>" + mechanisms + "</stream:features>")
		}},
		{"N-01 no TLS after all", Unreachable, func(p *xmpptest.Peer) {
			p.Stream(offer + mechanisms)
			p.HearUntil("starttls")
			p.Say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
			p.Say(strings.Repeat("no TLS here", 10))
		}},
		{"N-02 injected after proceed", BrokenStream, func(p *xmpptest.Peer) {
			p.Stream(offer + mechanisms)
			p.HearUntil("starttls")
			p.Say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><stream:features>" + mechanisms + "</stream:features>")
		}},
		{"N-02 half injected after proceed", BrokenStream, func(p *xmpptest.Peer) {
			p.Stream(offer)
			p.HearUntil("starttls")
			// The beginning of a stream in clear, its end inside TLS, must not join.
			p.Say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><stream:features>")
			p.TLS()
			p.Reader = stream.NewReader(p)
			p.Reader.Header()
			p.Say(mechanisms + "</stream:features>")
		}},
		{"N-05 see-other-host", ServerClosed, func(p *xmpptest.Peer) {
			p.Reader = stream.NewReader(p)
			p.Reader.Header()
			p.Say("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1:1</see-other-host></stream:error>")
		}},
		{"message", BrokenStream, func(p *xmpptest.Peer) {
			p.Stream(offer)
			p.HearUntil("starttls")
			p.Say("<message><body>x</body></message>")
		}},
		{"not XMPP", BrokenStream, func(p *xmpptest.Peer) { p.Say("HTTP/1.1 400 Bad Request\r\n\r\n") }},
		{"another protocol's banner", BrokenStream, func(p *xmpptest.Peer) { p.Say("SSH-2.0-x\r\n") }},
		{"document type", BrokenStream, func(p *xmpptest.Peer) { p.Say("<!DOCTYPE x [<!ENTITY a 'b'>]><x/>") }},
		{"endless features", BrokenStream, func(p *xmpptest.Peer) { p.Stream(strings.Repeat("<x xmlns='urn:x'/>", 20000)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			err, spoke := attempt(t, starttls, test.script)
			if kindOf(err) != test.want {
				t.Errorf("got %v, want kind %d", err, test.want)
			}
			if spoke {
				t.Error("SASL was begun")
			}
		})
	}
}

// F4 and its kind: a server that does not prove that it knows the password does not get us as a client.
func TestLoginAttacks(t *testing.T) {
	features := "<mechanisms " + saslNS + "><mechanism>SCRAM-SHA-256</mechanism></mechanisms>"
	// with answers the client's first message with a challenge made of its nonce, and its proof with success.
	challenge := func(make func(nonce string) string, after string) func(*xmpptest.Peer) {
		return func(p *xmpptest.Peer) {
			p.TLS()
			p.Stream(features)
			first, _ := base64.StdEncoding.DecodeString(p.Hear().Text)
			_, nonce, _ := strings.Cut(string(first), ",r=")
			p.Say("<challenge " + saslNS + ">" + b64(make(nonce)) + "</challenge>")
			if after != "" {
				p.Hear()
				p.Say(after)
			}
		}
	}
	good := func(nonce string) string { return "r=" + nonce + "srv,s=" + b64("salt") + ",i=4096" }
	say := func(text string) func(*xmpptest.Peer) {
		return func(p *xmpptest.Peer) {
			p.TLS()
			p.Stream(features)
			p.Hear()
			p.Say(text)
		}
	}
	sasl2 := func(answer string) func(*xmpptest.Peer) {
		return func(p *xmpptest.Peer) {
			p.TLS()
			p.Stream("<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256</mechanism><inline><bind xmlns='urn:xmpp:bind:0'/></inline></authentication>")
			p.Hear()
			p.Say(answer)
		}
	}
	// proven answers the client's proof in SASL2, having asked for it in order.
	proven := func(answer string) func(*xmpptest.Peer) {
		return func(p *xmpptest.Peer) {
			p.TLS()
			p.Stream("<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256</mechanism><inline><bind xmlns='urn:xmpp:bind:0'/></inline></authentication>")
			first, _ := base64.StdEncoding.DecodeString(p.Hear().Child(nsSASL2, "initial-response").Text)
			_, nonce, _ := strings.Cut(string(first), ",r=")
			p.Say("<challenge xmlns='urn:xmpp:sasl:2'>" + b64(good(nonce)) + "</challenge>")
			p.Hear()
			p.Say("<success xmlns='urn:xmpp:sasl:2'>" + answer + "<authorization-identifier>alice@h.test/evil</authorization-identifier></success><stream:features/>")
		}
	}
	for _, test := range []struct {
		name   string
		want   ErrorKind
		proof  bool // a proof of the password may have left: only to a server that asked for it in order
		script func(*xmpptest.Peer)
	}{
		{"success before a challenge", BrokenStream, false, say("<success " + saslNS + ">" + b64("v=xxxx") + "</success>")},
		{"success without a word", BrokenStream, false, say("<success " + saslNS + "/>")},
		{"success of the other profile", BrokenStream, false, say("<success xmlns='urn:xmpp:sasl:2'><additional-data>" + b64("v=x") + "</additional-data></success>")},
		{"success of SASL2 before a challenge", BrokenStream, false, sasl2("<success xmlns='urn:xmpp:sasl:2'><additional-data>" + b64("v=x") +
			"</additional-data><authorization-identifier>alice@h.test/evil</authorization-identifier></success><stream:features/>")},
		{"upgrade asked for", BrokenStream, false, sasl2("<continue xmlns='urn:xmpp:sasl:2'><additional-data>" + b64("v=x") + "</additional-data><tasks><task>UPGR-SCRAM-SHA-512</task></tasks></continue>")},
		{"wrong proof", BrokenStream, true, challenge(good, "<success "+saslNS+">"+b64("v="+b64(strings.Repeat("x", 32)))+"</success>")},
		{"empty proof", BrokenStream, true, challenge(good, "<success "+saslNS+">"+b64("v=")+"</success>")},
		{"no proof", BrokenStream, true, challenge(good, "<success "+saslNS+"/>")},
		{"wrong proof in SASL2", BrokenStream, true, proven("<additional-data>" + b64("v="+b64(strings.Repeat("x", 32))) + "</additional-data>")},
		{"no proof in SASL2", BrokenStream, true, proven("")},
		{"empty proof in SASL2", BrokenStream, true, proven("<additional-data>" + b64("v=") + "</additional-data>")},
		{"proof of another namespace in SASL2", BrokenStream, true, proven("<additional-data xmlns='urn:evil'>" + b64("v=") + "</additional-data>")},
		{"one iteration", BrokenStream, false, challenge(func(n string) string { return "r=" + n + "srv,s=" + b64("salt") + ",i=1" }, "")},
		{"4095 iterations", BrokenStream, false, challenge(func(n string) string { return "r=" + n + "srv,s=" + b64("salt") + ",i=4095" }, "")},
		{"1000001 iterations", BrokenStream, false, challenge(func(n string) string { return "r=" + n + "srv,s=" + b64("salt") + ",i=1000001" }, "")},
		{"two thousand million iterations", BrokenStream, false, challenge(func(n string) string { return "r=" + n + "srv,s=" + b64("salt") + ",i=2000000000" }, "")},
		{"iterations twice", BrokenStream, false, challenge(func(n string) string { return "r=" + n + "srv,s=" + b64("salt") + ",i=4096,i=1" }, "")},
		{"no iterations", BrokenStream, false, challenge(func(n string) string { return "r=" + n + "srv,s=" + b64("salt") }, "")},
		{"no nonce", BrokenStream, false, challenge(func(n string) string { return "s=" + b64("salt") + ",i=4096" }, "")},
		{"another nonce", BrokenStream, false, challenge(func(n string) string { return "r=srv,s=" + b64("salt") + ",i=4096" }, "")},
		{"no salt", BrokenStream, false, challenge(func(n string) string { return "r=" + n + "srv,i=4096" }, "")},
		{"empty salt", BrokenStream, false, challenge(func(n string) string { return "r=" + n + "srv,s=,i=4096" }, "")},
		{"reserved attribute", BrokenStream, false, challenge(func(n string) string { return "m=x,r=" + n + "srv,s=" + b64("salt") + ",i=4096" }, "")},
		{"empty challenge", BrokenStream, false, challenge(func(string) string { return "" }, "")},
		{"not base64", BrokenStream, false, say("<challenge " + saslNS + ">!!!</challenge>")},
		{"features again", BrokenStream, false, say("<stream:features/>")},
		{"N-05 redirect inside TLS", ServerClosed, false, func(p *xmpptest.Peer) {
			p.TLS()
			p.Reader = stream.NewReader(p)
			p.Reader.Header()
			p.Say("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1:1</see-other-host></stream:error>")
		}},
		{"account disabled", AccountRefused, false, say("<failure " + saslNS + "><account-disabled/><text>gone</text></failure>")},
		{"wrong password", WrongPassword, false, say("<failure " + saslNS + "><not-authorized/></failure>")},
		{"try later", ServerClosed, false, say("<failure " + saslNS + "><temporary-auth-failure/></failure>")},
		{"no mechanism", AccountRefused, false, func(p *xmpptest.Peer) { p.TLS(); p.Stream("") }},
		{"only PLAIN", OnlyPlain, false, func(p *xmpptest.Peer) {
			p.Mechanisms = "<mechanism>PLAIN</mechanism>"
			p.LogIn("secret")
		}},
		{"mechanisms twice", BrokenStream, false, func(p *xmpptest.Peer) { p.TLS(); p.Stream(features + features) }},
		{"the line ends", Unreachable, false, func(p *xmpptest.Peer) { p.TLS(); p.Stream(features); p.Hear(); p.Close() }},
		{"somebody else's address", BrokenStream, true, func(p *xmpptest.Peer) {
			p.TLS()
			p.Stream(features)
			p.SCRAM("secret")
			p.Stream("")
			p.Say("<iq type='result' id='" + p.Hear().Attr("id") + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>boss@h.test/x</jid></bind></iq>")
		}},
		{"no address", BrokenStream, true, func(p *xmpptest.Peer) {
			p.TLS()
			p.Stream(features)
			p.SCRAM("secret")
			p.Stream("")
			p.Say("<iq type='result' id='" + p.Hear().Attr("id") + "'/>")
		}},
		{"no resource for us", AccountRefused, true, func(p *xmpptest.Peer) {
			p.TLS()
			p.Stream(features)
			p.SCRAM("secret")
			p.Stream("")
			p.Say("<iq type='error' id='" + p.Hear().Attr("id") + "'><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
		}},
		{"no new stream after success", BrokenStream, true, func(p *xmpptest.Peer) {
			p.TLS()
			p.Stream(features)
			p.SCRAM("secret")
			p.Say("<stream:features/>")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			begin := time.Now()
			err, spoke := attempt(t, nil, test.script)
			if kindOf(err) != test.want {
				t.Errorf("got %v, want kind %d", err, test.want)
			}
			if spoke && !test.proof {
				t.Error("went on to prove the password")
			}
			if time.Since(begin) > patience/2 {
				t.Error("took too long")
			}
		})
	}
}

// The bounds themselves are within them.
func TestIterations(t *testing.T) {
	for n, want := range map[string]bool{"4095": false, "4096": true, "10000": true, "1000000": true, "1000001": false, "04096x": false, "-4096": false, "": false} {
		var refused any
		func() {
			defer func() { refused = recover() }()
			newGuard(&Config{}, jid.JID{}, true, "", func(step, step) {}).challenge(b64("r=nonce,s=" + b64("salt") + ",i=" + n))
		}()
		if (refused == nil) != want {
			t.Errorf("%q: %v", n, refused)
		}
	}
}

// XEP-0388 with XEP-0386: the server chooses the resource, and success comes on the same stream.
func TestSASL2(t *testing.T) {
	c := scripted(t, func(p *xmpptest.Peer) {
		p.TLS()
		p.Stream("<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256</mechanism><inline><bind xmlns='urn:xmpp:bind:0'/></inline></authentication>")
		p.SCRAM("secret")
		p.HearUntil("enable")
		p.Say("<message from='h.test'><body>early</body></message><enabled xmlns='urn:xmpp:sm:3'/>" + mark)
		p.HearUntil("never")
	})
	c.UserAgentID = "d4565fa7-4d72-4749-b3d3-740edbf87770"
	conn := connect(t, c)
	if conn.JID().String() != "alice@h.test/Sotto~made" || !conn.Facts().Acks {
		t.Errorf("%s, %+v", conn.JID(), conn.Facts())
	}
	if events := untilMark(t, conn); len(events) != 1 || events[0].(*Message).Body != "early" {
		t.Errorf("got %v", events)
	}
	c.Password = []byte("wrong")
	if _, err := Connect(within(t), c); kindOf(err) != WrongPassword {
		t.Errorf("wrong password: %v", err)
	}
}

func TestPlainOnlyWhereAgreed(t *testing.T) {
	got := make(chan string, 2)
	c := scripted(t, func(p *xmpptest.Peer) {
		p.TLS()
		p.Stream("<mechanisms " + saslNS + "><mechanism>PLAIN</mechanism></mechanisms>")
		auth := p.Hear()
		got <- auth.Attr("mechanism") + " " + auth.Text
		p.Say("<success " + saslNS + "/>")
		p.Stream("")
		p.Say("<iq type='result' id='" + p.Hear().Attr("id") + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@h.test/sotto-1</jid></bind></iq>")
		p.HearUntil("never")
	})
	c.AllowPlain = true
	conn := connect(t, c)
	if g := <-got; g != "PLAIN "+b64("\x00alice\x00secret") {
		t.Errorf("sent %q", g)
	}
	if f := conn.Facts(); f.Mechanism != "PLAIN" || f.Strength != (Strength{}) || f.Acks {
		t.Errorf("%+v", f)
	}
	c.Seen.SCRAM = true
	if _, err := Connect(within(t), c); kindOf(err) != WeakerLogin {
		t.Errorf("after SCRAM was seen: %v", err)
	}
}

// The server's offers, what TLS can bind to, and what we make of them.
func TestMechanism(t *testing.T) {
	const tls12, tls13 = tls.VersionTLS12, tls.VersionTLS13
	for _, test := range []struct {
		offered, bindings string
		version           uint16
		signature         x509.SignatureAlgorithm
		seen              Strength
		want              string
		kind              ErrorKind
	}{
		{"PLAIN SCRAM-SHA-1 SCRAM-SHA-256", "", tls13, 0, Strength{}, "SCRAM-SHA-256", 0},
		{"SCRAM-SHA-1 SCRAM-SHA-512 SCRAM-SHA-1-PLUS", "", tls12, 0, Strength{}, "SCRAM-SHA-1-PLUS", 0},
		{"SCRAM-SHA-1 SCRAM-SHA-512 SCRAM-SHA-1-PLUS", "", tls13, 0, Strength{}, "SCRAM-SHA-512", 0},
		{"SCRAM-SHA-512 SCRAM-SHA-512-PLUS", "", tls13, 0, Strength{SCRAM: true, Binding: true}, "", WeakerLogin},
		{"SCRAM-SHA-512 SCRAM-SHA-512-PLUS", "tls-exporter", tls13, 0, Strength{SCRAM: true, Binding: true}, "SCRAM-SHA-512-PLUS", 0},
		{"SCRAM-SHA-512 SCRAM-SHA-512-PLUS", "tls-unique", tls13, 0, Strength{}, "SCRAM-SHA-512", 0},
		{"SCRAM-SHA-512 SCRAM-SHA-512-PLUS", "tls-server-end-point", tls13, x509.ECDSAWithSHA256, Strength{}, "SCRAM-SHA-512-PLUS", 0},
		{"SCRAM-SHA-512 SCRAM-SHA-512-PLUS", "tls-server-end-point", tls13, x509.PureEd25519, Strength{}, "SCRAM-SHA-512", 0},
		{"SCRAM-SHA-1 SCRAM-SHA-256", "", tls13, 0, Strength{SCRAM: true, Hash: 256}, "SCRAM-SHA-256", 0},
		{"SCRAM-SHA-1", "", tls13, 0, Strength{SCRAM: true, Hash: 256}, "", WeakerLogin},
		{"SCRAM-SHA-256 PLAIN", "", tls13, 0, Strength{SCRAM: true, Hash: 512}, "", WeakerLogin},
		{"SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "tls-exporter", tls13, 0, Strength{SCRAM: true, Hash: 512}, "SCRAM-SHA-256-PLUS", 0},
		{"SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "tls-exporter", tls13, 0, Strength{SCRAM: true, Hash: 512, Binding: true}, "", WeakerLogin},
		{"SCRAM-SHA-512 SCRAM-SHA-1-PLUS", "tls-exporter", tls13, 0, Strength{SCRAM: true, Hash: 256, Binding: true}, "", WeakerLogin},
		{"SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "tls-server-end-point", tls13, x509.ECDSAWithSHA256, Strength{SCRAM: true, Binding: true}, "SCRAM-SHA-256-PLUS", 0},
		{"SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "tls-server-end-point", tls13, x509.ECDSAWithSHA256, Strength{SCRAM: true, Binding: true, Unique: true}, "", WeakerLogin},
		{"SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "tls-server-end-point tls-exporter", tls13, x509.ECDSAWithSHA256, Strength{SCRAM: true, Binding: true, Unique: true}, "SCRAM-SHA-256-PLUS", 0},
		{"SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "", tls12, 0, Strength{SCRAM: true, Binding: true, Unique: true}, "SCRAM-SHA-256-PLUS", 0},
		{"PLAIN", "", tls13, 0, Strength{}, "", OnlyPlain},
		{"PLAIN", "", tls13, 0, Strength{SCRAM: true}, "", WeakerLogin},
		{"", "", tls13, 0, Strength{}, "", AccountRefused},
		{"DIGEST-MD5 CRAM-MD5", "", tls13, 0, Strength{}, "", AccountRefused},
	} {
		g := &guard{config: &Config{Seen: test.seen}, tls: &tls.ConnectionState{Version: test.version,
			PeerCertificates: []*x509.Certificate{{SignatureAlgorithm: test.signature}}}}
		got, err := g.choose(strings.Fields(test.offered), strings.Fields(test.bindings))
		if got != test.want || test.want == "" && kindOf(err) != test.kind {
			t.Errorf("%q with %q: %q, %v", test.offered, test.bindings, got, err)
		}
	}
}

// A server that offers channel binding which cannot work costs a second connection, and no failed login.
func TestBindingThatCannotWork(t *testing.T) {
	var connections, tried atomic.Int32
	c := scripted(t, func(p *xmpptest.Peer) {
		connections.Add(1)
		p.Mechanisms = "<mechanism>SCRAM-SHA-256-PLUS</mechanism><mechanism>SCRAM-SHA-256</mechanism>"
		p.TLS()
		p.Stream("<mechanisms " + saslNS + ">" + p.Mechanisms + "</mechanisms>")
		tried.Add(1)
		p.SCRAM("secret")
		p.Stream("")
		p.Say("<iq type='result' id='" + p.Hear().Attr("id") + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@h.test/sotto-1</jid></bind></iq>")
		p.HearUntil("never")
	})
	conn := connect(t, c)
	if connections.Load() != 2 || conn.Facts().Mechanism != "SCRAM-SHA-256" {
		t.Errorf("%d connections, %+v", connections.Load(), conn.Facts())
	}
}

func TestCertificates(t *testing.T) {
	ca, _ := authority()(t)
	other := xmpptest.NewCA(t)
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	for _, test := range []struct {
		name string
		cert tls.Certificate
		want func(error) bool
	}{
		{"expired", ca.Certificate(t, domain, in(-time.Hour)), func(err error) bool {
			var e x509.CertificateInvalidError
			return errors.As(err, &e) && e.Reason == x509.Expired
		}},
		{"another domain", ca.Certificate(t, "evil.test", in(time.Hour)), func(err error) bool { return errors.As(err, new(x509.HostnameError)) }},
		{"the server's own name", ca.Certificate(t, "127.0.0.1", in(time.Hour)), func(err error) bool { return errors.As(err, new(x509.HostnameError)) }},
		{"signed by itself", xmpptest.SelfSigned(t, domain), func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }},
		{"unknown authority", other.Certificate(t, domain, in(time.Hour)), func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }},
	} {
		for name, mode := range map[string]TLSMode{"STARTTLS": TLSStart, "direct": TLSDirect} {
			t.Run(test.name+" "+name, func(t *testing.T) {
				beyond := make(chan bool, 1)
				address := xmpptest.Listen(t, test.cert, domain, func(p *xmpptest.Peer) {
					if mode == TLSStart {
						p.StartTLS()
					} else {
						p.TLS()
					}
					p.Stream("<mechanisms " + saslNS + "><mechanism>PLAIN</mechanism></mechanisms>")
					beyond <- true
				})
				_, err := Connect(within(t), Config{JID: jid.MustParse("alice@" + domain), Password: []byte("secret"),
					Server: address, TLS: mode, RootCAs: ca.Pool, AllowPlain: true})
				if kindOf(err) != BadCertificate || !test.want(err) {
					t.Errorf("got %v", err)
				}
				select {
				case <-beyond:
					t.Error("went on inside")
				default:
				}
			})
		}
	}
}

// tarpits are servers that stop answering, and the step of the login that they hold up.
var tarpits = []struct {
	name   string
	step   func(*steps) *time.Duration
	script func(*xmpptest.Peer)
}{
	{"after connecting", tlsStep, func(p *xmpptest.Peer) {}},
	{"half a header", tlsStep, func(p *xmpptest.Peer) { p.TLS(); p.Say("<?xml version='1.0'?><stream:str") }},
	{"in TLS", tlsStep, func(p *xmpptest.Peer) { p.Write([]byte{22, 3, 3, 1, 0}) }},
	{"no features", tlsStep, func(p *xmpptest.Peer) { p.TLS() }},
	{"no challenge", saslStep, func(p *xmpptest.Peer) { p.TLS(); p.Stream(tarpitSASL); p.Hear() }},
	{"no success", saslStep, func(p *xmpptest.Peer) {
		p.TLS()
		p.Stream(tarpitSASL)
		first, _ := base64.StdEncoding.DecodeString(p.Hear().Text)
		_, nonce, _ := strings.Cut(string(first), ",r=")
		p.Say("<challenge " + saslNS + ">" + b64("r="+nonce+"srv,s="+b64("salt")+",i=4096") + "</challenge>")
	}},
	{"no features after success", bindStep, func(p *xmpptest.Peer) { p.TLS(); p.Stream(tarpitSASL); p.SCRAM("secret") }},
	{"no resource", bindStep, func(p *xmpptest.Peer) { p.TLS(); p.Stream(tarpitSASL); p.SCRAM("secret"); p.Stream(p.Offers) }},
	{"no enabled", bindStep, func(p *xmpptest.Peer) {
		p.TLS()
		p.Stream(tarpitSASL)
		p.SCRAM("secret")
		p.Stream(p.Offers)
		p.Say("<iq type='result' id='" + p.Hear().Attr("id") + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@h.test/sotto-1</jid></bind></iq>")
	}},
}

const tarpitSASL = "<mechanisms " + saslNS + "><mechanism>SCRAM-SHA-256</mechanism></mechanisms>"

func tlsStep(s *steps) *time.Duration  { return &s.tls }
func saslStep(s *steps) *time.Duration { return &s.sasl }
func bindStep(s *steps) *time.Duration { return &s.bind }

// Wherever the server stops answering, the caller's context ends the login, and so does the limit of the step it is in without any; and
// nothing of it stays behind.
func TestTarpit(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("at", func(t *testing.T) {
		for _, test := range tarpits {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				c := scripted(t, func(p *xmpptest.Peer) {
					test.script(p)
					io.Copy(io.Discard, p) // until the client goes
				})
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				if _, err := Connect(ctx, c); kindOf(err) != TimedOut {
					t.Errorf("the caller's time is over: %v", err)
				}
				ctx, cancel = context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, cancel)
				if _, err := Connect(ctx, c); !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled: %v", err)
				}
				c.steps = steps{2 * patience, 2 * patience, 2 * patience}
				*test.step(&c.steps) = 300 * time.Millisecond
				ctx = within(t)
				if _, err := Connect(ctx, c); kindOf(err) != TimedOut || ctx.Err() != nil {
					t.Errorf("the step's time is over: %v, %v", err, ctx.Err())
				}
			})
		}
	})
	steady(t, before)
}

// The steps of a login have the limits that the project promises; Tor, which is slow, has twice as much.
func TestSteps(t *testing.T) {
	const second = time.Second
	if got, want := (&Config{}).limits(), (steps{10 * second, 15 * second, 10 * second}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := (&Config{Proxy: Proxy{Kind: Tor}}).limits(), (steps{20 * second, 30 * second, 20 * second}); got != want {
		t.Errorf("through Tor %v, want %v", got, want)
	}
	for _, kind := range []ProxyKind{NoProxy, SOCKS5, Tor} {
		p := (&Config{Proxy: Proxy{Kind: kind}}).beats()
		if p.idle+p.answer > 40*second || p.answer < 10*second || kind == Tor && p.answer < 19*second {
			t.Errorf("through %d: %+v", kind, p)
		}
	}
}

// steady waits until there are no more goroutines than before.
func steady(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(patience / 2); ; time.Sleep(10 * time.Millisecond) {
		if runtime.NumGoroutine() <= before+2 {
			return
		}
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestPrepare(t *testing.T) {
	for in, want := range map[string]string{"": "", "plain ASCII <&>": "plain ASCII <&>", "a\u00a0b\u3000c": "a b c",
		"I\u00adX": "IX", "\u00aa": "a", "\u2168": "IX", "e\u0301": "\u00e9", "\ufb01": "fi"} {
		if got := prepare(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
