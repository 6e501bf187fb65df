package server

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	gx "github.com/xmppo/go-xmpp"
	"mellium.im/xmpp/jid"
)

const domain = "practice.localhost"

func start(t testing.TB) *Server {
	t.Helper()
	s, err := Start(domain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

type user struct {
	jid      jid.JID
	password string
}

func add(t testing.TB, s *Server, local string) user {
	t.Helper()
	address, password, err := s.AddAccount(local)
	if err != nil {
		t.Fatal(err)
	}
	return user{address, string(password)}
}

// TestGoXMPP signs in with the library that Sotto's client is made of, unmodified, with each mechanism, and has two clients talk.
func TestGoXMPP(t *testing.T) {
	s := start(t)
	a, b := add(t, s, "alice"), add(t, s, "bob")
	if err := s.Introduce(a.jid, "Alice", b.jid, "Bob"); err != nil {
		t.Fatal(err)
	}
	signIn := func(u user, mechanism string) *gx.Client {
		t.Helper()
		c, err := gx.Options{
			Host: s.Addr(), User: u.jid.String(), Password: u.password, Resource: "sotto-x1", Mechanism: mechanism,
			NoTLS: true, StartTLS: true, NoPLAIN: true, TLSConfig: &tls.Config{ServerName: domain, RootCAs: s.RootCAs()},
		}.NewClient()
		if err != nil {
			t.Fatal(err)
		}
		if got := c.JID(); got != u.jid.String()+"/sotto-x1" {
			t.Fatalf("signed in as %s", got)
		}
		return c
	}
	for _, mechanism := range []string{scram, scramPlus, ""} {
		ca, cb := signIn(a, mechanism), signIn(b, mechanism)
		if mechanism == "" && ca.Mechanism != scramPlus {
			t.Errorf("by itself it chose %s", ca.Mechanism)
		}
		if _, err := ca.SendOrg("<message to='" + cb.JID() + "' type='chat' id='1'><body>a &lt; b</body></message>"); err != nil {
			t.Fatal(err)
		}
		for {
			got, err := cb.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if chat, ok := got.(gx.Chat); ok {
				if chat.Remote != a.jid.String()+"/sotto-x1" || chat.Text != "a < b" {
					t.Errorf("received %+v", chat)
				}
				break
			}
		}
	}
}

func TestWrongPassword(t *testing.T) {
	s := start(t)
	a := add(t, s, "alice")
	for _, u := range []user{{a.jid, "wrong"}, {a.jid, a.password + " "}, {jid.MustParse("nobody@" + domain), a.password}} {
		for _, mechanism := range []string{scram, scramPlus} {
			_, err := gx.Options{
				Host: s.Addr(), User: u.jid.String(), Password: u.password, Mechanism: mechanism,
				NoTLS: true, StartTLS: true, TLSConfig: &tls.Config{ServerName: domain, RootCAs: s.RootCAs()},
			}.NewClient()
			if err == nil || err.Error() != "auth failure: not-authorized" {
				t.Errorf("%s, %s: %v", u.jid, mechanism, err)
			}
		}
	}
}

// TestOnlyItsOwnAuthority: nobody else's certificates, and not those of another start.
func TestOnlyItsOwnAuthority(t *testing.T) {
	s, other := start(t), start(t)
	for name, config := range map[string]*tls.Config{
		"the system's authorities": {ServerName: domain},
		"another start":            {ServerName: domain, RootCAs: other.RootCAs()},
		"another name":             {ServerName: "example.org", RootCAs: s.RootCAs()},
	} {
		conn := dialPlain(t, s)
		conn.startTLS(t)
		if err := tls.Client(conn.Conn, config).Handshake(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestOnlyLoopback(t *testing.T) {
	s := start(t)
	host, _, err := net.SplitHostPort(s.Addr())
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("it listens on %s", s.Addr())
	}
}

// client is a hand-made one, for what go-xmpp would not do.
type client struct {
	net.Conn
	reader *stream.Reader
	full   string
}

func dialPlain(t testing.TB, s *Server) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{Conn: conn, reader: stream.NewReader(conn)}
}

func (c *client) say(t testing.TB, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func (c *client) open(t testing.TB) {
	t.Helper()
	c.say(t, "<?xml version='1.0'?><stream:stream to='"+domain+"' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>\n")
	if _, err := c.reader.Header(); err != nil {
		t.Fatal(err)
	}
	if e := c.next(t); e.Name.Local != "features" {
		t.Fatal("no features: ", text(e))
	}
}

func (c *client) next(t testing.TB) *stream.Element {
	t.Helper()
	e, err := c.reader.Next()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (c *client) startTLS(t testing.TB) {
	t.Helper()
	c.open(t)
	c.say(t, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	if e := c.next(t); !e.Is(stream.NSStartTLS, "proceed") {
		t.Fatal(text(e))
	}
}

func (c *client) secure(t testing.TB, s *Server) {
	t.Helper()
	c.startTLS(t)
	c.Conn = tls.Client(c.Conn, &tls.Config{ServerName: domain, RootCAs: s.RootCAs()})
	c.reader = stream.NewReader(c.Conn)
	c.open(t)
}

// first and final are the client's messages of SCRAM-SHA-256 (RFC 5802).
func first(u user, nonce string) string { return "n,,n=" + u.jid.Localpart() + ",r=" + nonce }

func final(t testing.TB, u user, nonce, challenge string) (string, []byte) {
	t.Helper()
	var salt64, full string
	for f := range strings.SplitSeq(challenge, ",") {
		switch f[:2] {
		case "r=":
			full = f[2:]
		case "s=":
			salt64 = f[2:]
		}
	}
	salt, _ := base64.StdEncoding.DecodeString(salt64)
	if !strings.HasPrefix(full, nonce) || len(salt) < 8 || !strings.HasSuffix(challenge, ",i=4096") {
		t.Fatalf("challenge %q", challenge)
	}
	salted, _ := pbkdf2.Key(sha256.New, u.password, salt, iterations, sha256.Size)
	without := "c=biws,r=" + full
	all := "n=" + u.jid.Localpart() + ",r=" + nonce + "," + challenge + "," + without
	key := mac(salted, "Client Key")
	stored := sha256.Sum256(key)
	proof := make([]byte, len(key))
	subtle.XORBytes(proof, key, mac(stored[:], all))
	return without + ",p=" + base64.StdEncoding.EncodeToString(proof), mac(mac(salted, "Server Key"), all)
}

func signIn(t testing.TB, s *Server, u user, resource string) *client {
	t.Helper()
	c := dialPlain(t, s)
	c.secure(t, s)
	nonce := rand.Text()
	c.say(t, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>"+encode(first(u, nonce))+"</auth>\n")
	challenge, _ := decode(c.next(t).Text)
	response, signature := final(t, u, nonce, challenge)
	c.say(t, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"+encode(response)+"</response>\n")
	success := c.next(t)
	proof, _ := decode(success.Text)
	if success.Name.Local != "success" || !hmac.Equal([]byte(proof), []byte("v="+base64.StdEncoding.EncodeToString(signature))) {
		t.Fatal(text(success))
	}
	c.reader.Restart()
	c.open(t)
	c.say(t, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>"+resource+"</resource></bind></iq>")
	c.full = c.next(t).Child(stream.NSBind, "bind").Child(stream.NSBind, "jid").Text
	if c.full != u.jid.String()+"/"+resource {
		t.Fatal("bound to ", c.full)
	}
	return c
}

func text(e *stream.Element) string {
	s, _ := e.XML()
	return s
}

// expect reads one stanza after the other for the wanted ones, which it compares as text.
func (c *client) expect(t testing.TB, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		e, err := c.reader.Next()
		if err != nil {
			t.Fatalf("%v, want %s", err, w)
		}
		if got := text(e); got != w {
			t.Fatalf("received %s\nwant     %s", got, w)
		}
	}
}

// nothing checks that nothing has come but the answer to a ping.
func (c *client) nothing(t testing.TB) {
	t.Helper()
	c.say(t, "<iq type='get' id='ping-n'><ping xmlns='urn:xmpp:ping'/></iq>")
	c.expect(t, "<iq type='result' id='ping-n' to='"+c.full+"'/>")
}

// in replaces the short names of the tables: A, B and C for bare addresses with their clients A1, A2, B1.
func in(s string) string {
	return strings.NewReplacer("@A", "alice@"+domain, "@B", "bob@"+domain, "@C", "carol@"+domain).Replace(s)
}

// pair is two people who see each other, with their presence exchanged.
func pair(t testing.TB) (s *Server, a, b *client) {
	t.Helper()
	s = start(t)
	alice, bob := add(t, s, "alice"), add(t, s, "bob")
	if err := s.Introduce(alice.jid, "Alice", bob.jid, "Bob"); err != nil {
		t.Fatal(err)
	}
	a, b = signIn(t, s, alice, "1"), signIn(t, s, bob, "1")
	a.say(t, "<presence/>")
	a.expect(t, in("<presence from='@A/1'/>"))
	b.say(t, "<presence/>")
	b.expect(t, in("<presence from='@B/1'/>"), in("<presence from='@A/1'/>"))
	a.expect(t, in("<presence from='@B/1'/>"))
	return s, a, b
}

func TestStanzas(t *testing.T) {
	tests := []struct {
		name string
		says string // alice
		a, b string // what alice and bob receive
	}{
		{"message to a client", "<message to='@B/1' type='chat' id='1'><body>x</body></message>",
			"", "<message to='@B/1' type='chat' id='1' from='@A/1'><body>x</body></message>"},
		{"message to the address", "<message to='@B' type='chat' id='1'><body>x</body></message>",
			"", "<message to='@B' type='chat' id='1' from='@A/1'><body>x</body></message>"},
		{"message to a client that is gone", "<message to='@B/gone' type='chat' id='1'><body>x</body></message>",
			"", "<message to='@B/gone' type='chat' id='1' from='@A/1'><body>x</body></message>"},
		{"the sender is who signed in", "<message from='boss@" + domain + "' to='@B' id='1'/>", "", "<message from='@A/1' to='@B' id='1'/>"},
		{"message to nobody", "<message to='nobody@" + domain + "' id='1'/>",
			"<message type='error' id='1' to='@A/1' from='nobody@" + domain + "'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", ""},
		{"message to somewhere else", "<message to='bob@example.org' id='1'/>",
			"<message type='error' id='1' to='@A/1' from='bob@example.org'><error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", ""},
		{"message to no address", "<message to='@' id='1'/>",
			"<message type='error' id='1' to='@A/1' from='@'><error type='modify'><jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", ""},
		{"message to nowhere", "<message id='1'/>",
			"<message type='error' id='1' to='@A/1'><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", ""},
		{"error to nobody gets no error", "<message to='nobody@" + domain + "' type='error' id='1'/>", "", ""},
		{"groupchat", "<message to='@B' type='groupchat' id='1'/>",
			"<message type='error' id='1' to='@A/1' from='@B'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", ""},
		{"ping to the server", "<iq type='get' id='1' to='" + domain + "'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result' id='1' to='@A/1' from='" + domain + "'/>", ""},
		{"unknown request", "<iq type='get' id='1'><vCard xmlns='vcard-temp'/></iq>",
			"<iq type='error' id='1' to='@A/1'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", ""},
		{"request to the other's address", "<iq type='get' id='1' to='@B'><ping xmlns='urn:xmpp:ping'/></iq>",
			"<iq type='error' id='1' to='@A/1' from='@B'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", ""},
		{"request to the other's client", "<iq type='get' id='1' to='@B/1'><ping xmlns='urn:xmpp:ping'/></iq>",
			"", "<iq type='get' id='1' to='@B/1' from='@A/1'><ping xmlns='urn:xmpp:ping'/></iq>"},
		{"two requests in one", "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>",
			"<iq type='error' id='1' to='@A/1'><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", ""},
		{"answer to nothing", "<iq type='result' id='1'/><iq type='error' id='2' to='" + domain + "'/>", "", ""},
		{"disco#items", "<iq type='get' id='1' to='" + domain + "'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>",
			"<iq type='result' id='1' to='@A/1' from='" + domain + "'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>", ""},
		{"roster", "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
			"<iq type='result' id='1' to='@A/1'><query xmlns='jabber:iq:roster'><item jid='@B' name='Bob' subscription='both'/></query></iq>", ""},
		{"roster change without asking for it", "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='@B' name='Robert'><group>G</group></item></query></iq>",
			"<iq type='result' id='1' to='@A/1'/>", ""},
		{"roster change and push", "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq><iq type='set' id='2'><query xmlns='jabber:iq:roster'><item jid='@B' name='Robert'><group>G</group></item></query></iq>",
			"<iq type='result' id='1' to='@A/1'><query xmlns='jabber:iq:roster'><item jid='@B' name='Bob' subscription='both'/></query></iq>" +
				"<iq type='set' id='push-1' to='@A/1'><query xmlns='jabber:iq:roster'><item jid='@B' name='Robert' subscription='both'><group>G</group></item></query></iq>" +
				"<iq type='result' id='2' to='@A/1'/>", ""},
		{"roster change for oneself", "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='@A'/></query></iq>",
			"<iq type='error' id='1' to='@A/1'><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", ""},
		{"removal", "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='@B' subscription='remove'/></query></iq>",
			"<presence type='unavailable' from='@B/1' to='@A'/><iq type='result' id='1' to='@A/1'/>",
			"<presence type='unsubscribe' from='@A' to='@B'/><presence type='unsubscribed' from='@A' to='@B'/><presence type='unavailable' from='@A/1' to='@B'/>"},
		{"removal of nobody", "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='@C' subscription='remove'/></query></iq>",
			"<iq type='error' id='1' to='@A/1'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", ""},
		{"away", "<presence><show>away</show></presence>", "<presence from='@A/1'><show>away</show></presence>", "<presence from='@A/1'><show>away</show></presence>"},
		{"unavailable", "<presence type='unavailable'/>", "<presence type='unavailable' from='@A/1'/>", "<presence type='unavailable' from='@A/1'/>"},
		{"directed presence", "<presence to='@B/1'><status>for you</status></presence>", "", "<presence to='@B/1' from='@A/1'><status>for you</status></presence>"},
		{"subscription to oneself", "<presence to='@A' type='subscribe'/>",
			"<presence type='error' to='@A/1' from='@A'><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>", ""},
		{"subscription somewhere else", "<presence to='x@example.org' type='subscribe'/>",
			"<presence type='error' to='@A/1' from='x@example.org'><error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>", ""},
		{"answer to no request", "<presence to='@B' type='subscribed'/>", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, a, b := pair(t)
			a.say(t, in(test.says))
			for c, wanted := range map[*client]string{a: test.a, b: test.b} {
				for _, w := range stanzas(t, in(wanted)) {
					c.expect(t, w)
				}
			}
			a.nothing(t)
			b.nothing(t)
		})
	}
}

// stanzas cuts a text into its stanzas.
func stanzas(t testing.TB, s string) []string {
	t.Helper()
	header, _ := stream.Header{}.Open()
	r := stream.NewReader(strings.NewReader(header + s + stream.End))
	if _, err := r.Header(); err != nil {
		t.Fatal(err)
	}
	var all []string
	for {
		e, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err, " in ", s)
		}
		all = append(all, text(e))
	}
}

// TestSubscription is the life of a subscription between two people who did not know each other (RFC 6121, section 3).
func TestSubscription(t *testing.T) {
	s := start(t)
	alice, bob := add(t, s, "alice"), add(t, s, "bob")
	a, b := signIn(t, s, alice, "1"), signIn(t, s, bob, "1")
	const ask = "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>"
	const empty = "<query xmlns='jabber:iq:roster'/></iq>"
	a.say(t, ask+"<presence/>")
	a.expect(t, in("<iq type='result' id='r' to='@A/1'>"+empty), in("<presence from='@A/1'/>"))
	push := func(n int, to, item string) string {
		return in(fmt.Sprintf("<iq type='set' id='push-%d' to='%s'><query xmlns='jabber:iq:roster'>%s</query></iq>", n, to, item))
	}

	// Bob is away: the request waits for him.
	a.say(t, in("<presence to='@B/whatever' type='subscribe'/>"))
	a.expect(t, push(1, "@A/1", "<item jid='@B' subscription='none' ask='subscribe'/>"))
	b.say(t, ask+"<presence/>")
	b.expect(t, in("<iq type='result' id='r' to='@B/1'>"+empty), in("<presence from='@B/1'/>"), in("<presence to='@B' type='subscribe' from='@A'/>"))

	b.say(t, in("<presence to='@A' type='subscribed'/>"))
	b.expect(t, push(1, "@B/1", "<item jid='@A' subscription='from'/>"))
	a.expect(t, in("<presence to='@A' type='subscribed' from='@B'/>"), push(2, "@A/1", "<item jid='@B' subscription='to'/>"), in("<presence from='@B/1'/>"))

	b.say(t, in("<presence to='@A' type='subscribe'/>"))
	b.expect(t, push(2, "@B/1", "<item jid='@A' subscription='from' ask='subscribe'/>"))
	a.expect(t, in("<presence to='@A' type='subscribe' from='@B'/>"))
	a.say(t, in("<presence to='@B' type='subscribed'/>"))
	a.expect(t, push(3, "@A/1", "<item jid='@B' subscription='both'/>"))
	b.expect(t, in("<presence to='@B' type='subscribed' from='@A'/>"), push(3, "@B/1", "<item jid='@A' subscription='both'/>"), in("<presence from='@A/1'/>"))

	b.say(t, in("<presence to='@A' type='unsubscribed'/>"))
	b.expect(t, push(4, "@B/1", "<item jid='@A' subscription='to'/>"))
	a.expect(t, in("<presence to='@A' type='unsubscribed' from='@B'/>"), push(4, "@A/1", "<item jid='@B' subscription='from'/>"), in("<presence type='unavailable' from='@B/1' to='@A'/>"))

	a.Close()
	b.expect(t, in("<presence type='unavailable' from='@A/1'/>"))
}

func TestSubscriptionToNobody(t *testing.T) {
	_, a, _ := pair(t)
	a.say(t, in("<presence to='@C' type='subscribe' id='1'/>"))
	a.expect(t, in("<presence type='error' id='1' to='@A/1' from='@C'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"))
}

// TestAcknowledgements is XEP-0198 as far as it is spoken here.
func TestAcknowledgements(t *testing.T) {
	_, a, b := pair(t)
	a.say(t, "<enable xmlns='urn:xmpp:sm:3'/>")
	a.expect(t, "<enabled xmlns='urn:xmpp:sm:3'/>")
	a.say(t, in("<message to='@B' id='1'/><iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq><presence to='@B'/><r xmlns='urn:xmpp:sm:3'/>"))
	a.expect(t, in("<iq type='result' id='p' to='@A/1'/>"), "<a xmlns='urn:xmpp:sm:3' h='3'/>")
	b.expect(t, in("<message to='@B' id='1' from='@A/1'/>"), in("<presence to='@B' from='@A/1'/>"))
	a.say(t, "<a xmlns='urn:xmpp:sm:3' h='1'/><r xmlns='urn:xmpp:sm:3'/><enable xmlns='urn:xmpp:sm:3'/>")
	a.expect(t, "<a xmlns='urn:xmpp:sm:3' h='3'/>",
		"<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
}

// TestCarbons has a second client of each side see what it may see, and nothing that is private (XEP-0280).
func TestCarbons(t *testing.T) {
	s := start(t)
	alice, bob := add(t, s, "alice"), add(t, s, "bob")
	a1, a2 := signIn(t, s, alice, "1"), signIn(t, s, alice, "2")
	b1, b2, b3 := signIn(t, s, bob, "1"), signIn(t, s, bob, "2"), signIn(t, s, bob, "3")
	for _, c := range []*client{a2, b2} {
		c.say(t, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
		c.expect(t, "<iq type='result' id='c' to='"+c.full+"'/>")
	}
	a1.say(t, in("<message to='@B/1' type='chat' id='1'><body>x</body></message>"))
	const forwarded = "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' to='@B/1' type='chat' id='1' from='@A/1'><body>x</body></message></forwarded>"
	b1.expect(t, in("<message to='@B/1' type='chat' id='1' from='@A/1'><body>x</body></message>"))
	b2.expect(t, in("<message from='@B' to='@B/2' type='chat'><received xmlns='urn:xmpp:carbons:2'>"+forwarded+"</received></message>"))
	a2.expect(t, in("<message from='@A' to='@A/2' type='chat'><sent xmlns='urn:xmpp:carbons:2'>"+forwarded+"</sent></message>"))
	for _, hint := range []string{"<private xmlns='urn:xmpp:carbons:2'/>", "<no-copy xmlns='urn:xmpp:hints'/>"} {
		a1.say(t, in("<message to='@B/1' type='chat' id='2'><body>x</body>"+hint+"</message>"))
		b1.expect(t, in("<message to='@B/1' type='chat' id='2' from='@A/1'><body>x</body>"+hint+"</message>"))
	}
	for _, c := range []*client{a1, a2, b1, b2, b3} {
		c.nothing(t)
	}
}

// TestSameResource: the newer client stays (RFC 6120, section 7.7.2.2).
func TestSameResource(t *testing.T) {
	s := start(t)
	alice := add(t, s, "alice")
	old := signIn(t, s, alice, "1")
	old.say(t, "<presence/>")
	old.expect(t, in("<presence from='@A/1'/>"))
	fresh := signIn(t, s, alice, "1")
	old.expect(t, "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
	if _, err := old.reader.Next(); err != io.EOF {
		t.Errorf("the old stream ended with %v", err)
	}
	fresh.nothing(t)
}

func TestGoodbye(t *testing.T) {
	_, a, b := pair(t)
	a.say(t, "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq></stream:stream>")
	a.expect(t, in("<iq type='result' id='1' to='@A/1'/>"))
	if _, err := a.reader.Next(); err != io.EOF {
		t.Errorf("the stream ended with %v", err)
	}
	b.expect(t, in("<presence type='unavailable' from='@A/1'/>"))
}

func TestDrop(t *testing.T) {
	s, a, b := pair(t)
	if err := s.Drop(jid.MustParse(in("@A"))); err != nil {
		t.Fatal(err)
	}
	if _, err := a.reader.Next(); err == nil || err == io.EOF {
		t.Errorf("the stream ended with %v", err)
	}
	b.expect(t, in("<presence type='unavailable' from='@A/1'/>"))
	if err := s.Drop(jid.MustParse(in("@C"))); !errors.Is(err, errUnknown) {
		t.Errorf("nobody dropped: %v", err)
	}
}

// TestBadStreams: what is no XMPP ends that stream with a word why, and nothing else.
func TestBadStreams(t *testing.T) {
	s, a, b := pair(t)
	for _, test := range []struct{ says, condition string }{
		{"<message", "not-well-formed"},
		{"<message><body></message>", "not-well-formed"},
		{"text", "not-well-formed"},
		{"<!-- comment -->", "not-well-formed"},
		{"<x:message/>", "not-well-formed"},
		{"<message><body>" + strings.Repeat("x", 300<<10), "not-well-formed"},
		{strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100), "not-well-formed"},
		{"<unknown/>", "unsupported-stanza-type"},
		{"<message xmlns='urn:other'/>", "unsupported-stanza-type"},
		{"<r xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"},
	} {
		c := signIn(t, s, add(t, s, "u"+strings.ToLower(rand.Text())), "1")
		go func() { // the server may close before it has read everything
			io.WriteString(c, test.says)
			if tc, ok := c.Conn.(*tls.Conn); ok {
				tc.CloseWrite()
			}
		}()
		e, err := c.reader.Next()
		if test.says == "<message" { // the connection was cut within a stanza: there is nobody to tell
			if err == nil {
				t.Errorf("%q: %s", test.says, text(e))
			}
			continue
		}
		if err != nil {
			t.Errorf("%.40q: %v", test.says, err)
			continue
		}
		if e.Name.Local != "error" || e.Child(stream.NSErrors, test.condition) == nil {
			t.Errorf("%.40q: %s", test.says, text(e))
		}
	}
	a.nothing(t)
	b.nothing(t)
}

// TestBadLogins: nothing but the one way in.
func TestBadLogins(t *testing.T) {
	s := start(t)
	u := add(t, s, "alice")
	const auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'>%s</auth>"
	for name, says := range map[string]string{
		"PLAIN":              fmt.Sprintf(auth, "PLAIN", encode("\x00alice\x00"+u.password)),
		"ANONYMOUS":          fmt.Sprintf(auth, "ANONYMOUS", ""),
		"no base64":          fmt.Sprintf(auth, scram, "%%"),
		"empty":              fmt.Sprintf(auth, scram, ""),
		"for somebody else":  fmt.Sprintf(auth, scram, encode("n,a=bob,n=alice,r=0123456789")),
		"believes no -PLUS":  fmt.Sprintf(auth, scram, encode("y,,n=alice,r=0123456789")),
		"binding without it": fmt.Sprintf(auth, scram, encode("p=tls-exporter,,n=alice,r=0123456789")),
		"-PLUS without":      fmt.Sprintf(auth, scramPlus, encode("n,,n=alice,r=0123456789")),
		"another binding":    fmt.Sprintf(auth, scramPlus, encode("p=tls-unique,,n=alice,r=0123456789")),
		"extension":          fmt.Sprintf(auth, scram, encode("n,,m=x,n=alice,r=0123456789")),
		"short nonce":        fmt.Sprintf(auth, scram, encode("n,,n=alice,r=1")),
		"bad escape":         fmt.Sprintf(auth, scram, encode("n,,n=al=ice,r=0123456789")),
		"no JID":             fmt.Sprintf(auth, scram, encode("n,,n=a b@,r=0123456789")),
		"abort":              fmt.Sprintf(auth, scram, encode("n,,n=alice,r=0123456789")) + "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
		"replayed proof":     fmt.Sprintf(auth, scram, encode("n,,n=alice,r=0123456789")) + "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + encode("c=biws,r=0123456789,p="+strings.Repeat("A", 43)+"=") + "</response>",
	} {
		t.Run(name, func(t *testing.T) {
			c := dialPlain(t, s)
			c.secure(t, s)
			c.say(t, says)
			e := c.next(t)
			if e.Name.Local == "challenge" {
				e = c.next(t)
			}
			if e.Name.Local != "failure" {
				t.Error(text(e))
			}
		})
	}
	t.Run("too many attempts", func(t *testing.T) {
		c := dialPlain(t, s)
		c.secure(t, s)
		for range maxAttempts {
			c.say(t, fmt.Sprintf(auth, "PLAIN", "AA=="))
			if e := c.next(t); e.Name.Local != "failure" {
				t.Error(text(e))
			}
		}
		if e := c.next(t); e.Child(stream.NSErrors, "policy-violation") == nil {
			t.Error(text(e))
		}
	})
	for name, says := range map[string]string{
		"password in clear":       fmt.Sprintf(auth, "PLAIN", encode("\x00alice\x00"+u.password)),
		"stanza without signing":  "<message to='alice@" + domain + "'/>",
		"text hidden before TLS":  "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><message/>",
		"bind without signing in": "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
	} {
		t.Run(name, func(t *testing.T) {
			c := dialPlain(t, s)
			c.open(t)
			c.say(t, says)
			if e := c.next(t); e.Child(stream.NSErrors, "policy-violation") == nil {
				t.Error(text(e))
			}
		})
	}
}

func TestHostUnknown(t *testing.T) {
	s := start(t)
	c := dialPlain(t, s)
	c.say(t, "<stream:stream to='example.org' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
	if _, err := c.reader.Header(); err != nil {
		t.Fatal(err)
	}
	if e := c.next(t); e.Child(stream.NSErrors, "host-unknown") == nil {
		t.Error(text(e))
	}
}

// TestSlowReader: a client that does not read is cut off and holds nobody up.
func TestSlowReader(t *testing.T) {
	_, a, b := pair(t)
	says := in("<message to='@B/1' type='headline'><body>" + strings.Repeat("x", 8<<10) + "</body></message>")
	enough := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		for {
			select {
			case <-enough:
				return
			default:
				io.WriteString(a, says)
			}
		}
	})
	for {
		e := a.next(t)
		if e.Is(stream.NSClient, "presence") && e.Attr("type") == "unavailable" && e.Attr("from") == b.full {
			break
		}
	}
	close(enough)
	go io.Copy(io.Discard, a) // the errors for what was sent too late
	sending.Wait()
}

// TestEndsWithoutATrace: after Close every goroutine is gone, whatever the clients were doing.
func TestEndsWithoutATrace(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := Start(domain)
	if err != nil {
		t.Fatal(err)
	}
	u := add(t, s, "alice")
	for i := range 4 {
		signIn(t, s, u, fmt.Sprint(i))
	}
	dialPlain(t, s).open(t)
	dialPlain(t, s)
	dialPlain(t, s).secure(t, s)
	done := make(chan struct{})
	go func() { s.Close(); s.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("Close does not return")
	}
	if _, _, err := s.AddAccount("late"); err == nil {
		t.Error("an account was added to a closed server")
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("it still listens")
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before+1 { // the helper above may be on its last line
		if time.Now().After(deadline) {
			var stacks bytes.Buffer
			stacks.Grow(1 << 20)
			buffer := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, there were %d\n%s", runtime.NumGoroutine(), before, buffer[:runtime.Stack(buffer, true)])
		}
		runtime.Gosched()
	}
}

func TestTooManyConnections(t *testing.T) {
	s := start(t)
	for range maxConnections {
		dialPlain(t, s).open(t)
	}
	c := dialPlain(t, s)
	if _, err := c.reader.Header(); err == nil {
		t.Error("one more was served")
	}
}

func TestAccounts(t *testing.T) {
	s := start(t)
	a := add(t, s, "alice")
	if _, _, err := s.AddAccount("alice"); !errors.Is(err, errTaken) {
		t.Errorf("the same again: %v", err)
	}
	for _, local := range []string{"", "a b", "a@b", "a/b", strings.Repeat("x", 2000)} {
		if _, _, err := s.AddAccount(local); err == nil {
			t.Errorf("%q was made", local)
		}
	}
	if err := s.Introduce(a.jid, "A", a.jid, "A"); !errors.Is(err, errUnknown) {
		t.Errorf("introduced to oneself: %v", err)
	}
	if _, err := Start("not a domain@"); err == nil {
		t.Error("started for no domain")
	}
	var last error
	for i := range maxAccounts {
		_, _, last = s.AddAccount(fmt.Sprint("u", i))
	}
	if !errors.Is(last, errFull) {
		t.Errorf("one too many: %v", last)
	}
}

// BenchmarkStart is from nothing to a signed-in go-xmpp.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := Start(domain)
		if err != nil {
			b.Fatal(err)
		}
		u := add(b, s, "alice")
		if _, err := (gx.Options{
			Host: s.Addr(), User: u.jid.String(), Password: u.password,
			NoTLS: true, StartTLS: true, TLSConfig: &tls.Config{ServerName: domain, RootCAs: s.RootCAs()},
		}).NewClient(); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
