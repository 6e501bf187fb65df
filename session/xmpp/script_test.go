package xmpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

const patience = time.Minute // on a slow and busy machine

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func connect(t *testing.T, c Config) *Conn {
	t.Helper()
	conn, err := Connect(within(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // the goodbye has a test of its own
		conn.Close(ctx)
	})
	return conn
}

// want reads events until one of type E satisfies the condition.
func want[E Event](t *testing.T, c *Conn, what string, ok func(E) bool) E {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case ev, open := <-c.Events():
			if !open {
				t.Fatalf("%s: the connection ended: %v", what, c.Err())
			}
			if e, is := ev.(E); is && ok(e) {
				return e
			}
		case <-deadline:
			t.Fatalf("%s: did not come", what)
		}
	}
}

func kindOf(err error) ErrorKind {
	var e *Error
	if !errors.As(err, &e) {
		return 255
	}
	return e.Kind
}

const domain = "h.test"

// authority is one for all scripted servers: making keys takes time.
var authority = sync.OnceValue(func() func(t *testing.T) (*xmpptest.CA, tls.Certificate) {
	var mu sync.Mutex // tests of bad networks take their time side by side
	var ca *xmpptest.CA
	var cert tls.Certificate
	return func(t *testing.T) (*xmpptest.CA, tls.Certificate) {
		mu.Lock()
		defer mu.Unlock()
		if ca == nil {
			ca = xmpptest.NewCA(t)
			cert = ca.Certificate(t, domain, time.Now().Add(time.Hour))
		}
		return ca, cert
	}
})

// scripted runs a script as the server of alice@h.test and returns how to sign in there: password "secret", direct TLS.
func scripted(t *testing.T, script func(*xmpptest.Peer)) Config {
	t.Helper()
	ca, cert := authority()(t)
	return Config{JID: jid.MustParse("alice@" + domain), Password: []byte("secret"), Resource: "sotto-1",
		Server: xmpptest.Listen(t, cert, domain, script), TLS: TLSDirect, RootCAs: ca.Pool}
}

// saying is a client connected to a server that signs it in, says the text, and then only listens; what it hears, once
// the client is ready, is on the channel.
func saying(t *testing.T, text string) (*Conn, <-chan *stream.Element) {
	t.Helper()
	heard := make(chan *stream.Element, 10000)
	c := scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		p.HearUntil("presence")
		p.Say(text)
		for {
			heard <- p.Hear()
		}
	})
	return connect(t, c), heard
}

// mark is a message that ends a script: what comes before it has been dealt with when it is delivered.
const mark = "<message from='h.test'><body>mark</body></message>"

// untilMark returns the events before the mark.
func untilMark(t *testing.T, c *Conn) (events []Event) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e, open := <-c.Events():
			if !open {
				t.Fatalf("the connection ended: %v", c.Err())
			}
			if m, ok := e.(*Message); ok && m.Body == "mark" {
				return events
			}
			events = append(events, e)
		case <-deadline:
			t.Fatal("no mark")
		}
	}
}

// endOf reads all events of a connection and returns why it ended.
func endOf(t *testing.T, c *Conn) error {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case _, open := <-c.Events():
			if !open {
				return c.Err()
			}
		case <-deadline:
			t.Fatal("the connection does not end")
		}
	}
}

// TestEveryCut proves that nothing is lost or added wherever the stream is cut into reads, line feeds above all: one
// at the end of a read is what the way go-xmpp shows its input would lose. One TLS record is one read.
func TestEveryCut(t *testing.T) {
	body := "\none\n\ntwo\n" + strings.Repeat("x\n", 40) + "\n"
	stanza := "<message from='bob@h.test/r'\nid='1'><body>" + body + "</body></message>\n"
	var texts []string
	for cut := range len(stanza) {
		texts = append(texts, stanza[:cut], stanza[cut:])
	}
	for i := range len(stanza) { // byte by byte
		texts = append(texts, stanza[i:i+1])
	}
	long := strings.Repeat("\n", 9000) // longer than go-xmpp reads at once
	texts = append(texts, "<message from='bob@h.test/r'><body>"+long+"</body></message>", mark)
	c := scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		for _, text := range texts {
			p.Say(text)
		}
		p.HearUntil("never")
	})
	events := untilMark(t, connect(t, c))
	if len(events) != len(stanza)+2 {
		t.Fatalf("%d messages, want %d", len(events), len(stanza)+2)
	}
	for i, e := range events {
		want := body
		if i == len(events)-1 {
			want = long
		}
		if got := e.(*Message).Body; got != want {
			t.Fatalf("cut at %d: %q, want %q", i, got, want)
		}
	}
}

// an attribute in a namespace is not from, to, type or id.
func TestSenderCannotBeForged(t *testing.T) {
	var b strings.Builder
	const boss, from = "boss@h.test/desk", "mallory@evil.test/x"
	for i := range 40 {
		ns := fmt.Sprintf("urn:x%d", i)
		if i%4 == 0 {
			ns = []string{"jabber:client", "jabber:server", stream.NSStreams, "urn:ietf:params:xml:ns:xmpp-stanzas", "from",
				"urn:xmpp:forward:0", " ", "xmlns", "http://www.w3.org/1999/xhtml", "jabber:iq:roster"}[i/4]
		}
		forged := fmt.Sprintf("xmlns:z='%s' z:from='%s' z:to='%s' z:type='error' z:id='forged'", ns, boss, boss)
		for _, attrs := range []string{forged + " from='" + from + "' id='i'", "id='i' from='" + from + "' " + forged} {
			fmt.Fprintf(&b, "<message %s><body>x</body></message>", attrs)
			fmt.Fprintf(&b, "<presence %s/>", attrs)
			fmt.Fprintf(&b, "<iq %s type='set'><query xmlns='jabber:iq:roster'><item jid='%s' subscription='both'/></query></iq>",
				strings.ReplaceAll(attrs, boss, "alice@h.test"), boss)
		}
	}
	c, heard := saying(t, b.String()+mark)
	counts := map[string]int{}
	for _, e := range untilMark(t, c) {
		switch e := e.(type) {
		case *Message:
			counts["message"]++
			if e.From.String() != from || !e.To.Equal(c.JID()) || e.Type != Normal || e.ID != "i" {
				t.Fatalf("accepted %+v", e)
			}
		case *Presence:
			counts["presence"]++
			if e.From.String() != from || !e.To.Equal(c.JID()) || e.Type != Available {
				t.Fatalf("accepted %+v", e)
			}
		default:
			t.Fatalf("accepted %#v", e)
		}
	}
	for counts["iq"] < 80 {
		if e := <-heard; e.Name.Local == "iq" && e.Attr("id") == "i" {
			counts["iq"]++
			if e.Attr("to") != from || e.Attr("type") != "error" {
				t.Fatalf("answered %+v", e)
			}
		}
	}
	if want := map[string]int{"message": 80, "presence": 80, "iq": 80}; !reflect.DeepEqual(counts, want) {
		t.Errorf("got %v", counts)
	}
}

// What is in a stream and which messages are read from it.
func TestMessages(t *testing.T) {
	carbon := func(from, kind, inner string) string {
		return "<message from='" + from + "' to='alice@h.test/sotto-1'><" + kind + " xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" +
			inner + "</forwarded></" + kind + "></message>"
	}
	const sent = "<message xmlns='jabber:client' from='alice@h.test/other' to='bob@h.test' type='chat' id='c'><body>mine</body></message>"
	const received = "<message xmlns='jabber:client' from='bob@h.test/r' to='alice@h.test/other' type='chat' id='c'><body>his</body></message>"
	type brief struct {
		From, Body string
		Type       MessageType
		Carbon     Carbon
	}
	bob := func(body string) []brief { return []brief{{"bob@h.test/r", body, Chat, NoCarbon}} }
	m := func(inside string) string {
		return "<message from='bob@h.test/r' type='chat'>" + inside + "</message>"
	}
	for _, test := range []struct {
		name, in string
		want     []brief
	}{
		{"plain", m("<body>x</body>"), bob("x")},
		{"no sender is the account", "<message><body>x</body></message>", []brief{{"alice@h.test", "x", Normal, NoCarbon}}},
		{"sender that is no address", "<message from='@'><body>x</body></message>", nil},
		{"receiver that is no address", "<message from='bob@h.test/r' to='@'><body>x</body></message>", nil},
		{"X-07 two bodies", m("<body>first</body><body>second</body>"), bob("first")},
		{"X-07 foreign body first", m("<body xmlns='urn:evil'>evil</body><body>real</body>"), bob("real")},
		{"X-07 foreign body last", m("<body>real</body><z:body xmlns:z='urn:evil'>evil</z:body>"), bob("real")},
		{"X-07 only a foreign body", m("<body xmlns='urn:evil'>evil</body>"), nil},
		{"X-07 children of a body", m("<body>real<body>evil</body></body>"), bob("real")},
		{"foreign message", "<message xmlns='urn:evil' from='bob@h.test/r'><body>x</body></message>", nil},
		{"X-08 groupchat", "<message from='room@h.test/n' type='groupchat'><body>x</body></message>", nil},
		{"X-08 type of another namespace", "<message xmlns:z='urn:z' z:type='groupchat' type='chat' from='bob@h.test/r'><body>x</body></message>", bob("x")},
		{"unknown type", "<message from='bob@h.test/r' type='strange'><body>x</body></message>", []brief{{"bob@h.test/r", "x", Normal, NoCarbon}}},
		{"headline", "<message from='h.test' type='headline'><body>x</body></message>", []brief{{"h.test", "x", Headline, NoCarbon}}},
		{"error with our text", "<message from='bob@h.test/r' type='error' id='7'><body>ours</body><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
			[]brief{{"bob@h.test/r", "", ErrorMessage, NoCarbon}}},
		{"nothing we know", m("<active xmlns='urn:evil'/>"), nil},
		{"only a chat state", m("<active xmlns='http://jabber.org/protocol/chatstates'/>"), bob("")},
		{"empty avatar event", m("<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:avatar:metadata'/></event>"), nil},
		{"carbon sent", carbon("alice@h.test", "sent", sent), []brief{{"alice@h.test/other", "mine", Chat, CarbonSent}}},
		{"carbon received", carbon("alice@h.test", "received", received), []brief{{"bob@h.test/r", "his", Chat, CarbonReceived}}},
		{"X-02 from a stranger", carbon("mallory@evil.test/x", "received", received), nil},
		{"X-02 from a contact", carbon("bob@h.test", "sent", sent), nil},
		{"X-02 from another of our clients", carbon("alice@h.test/other", "sent", sent), nil},
		{"X-02 from this client", carbon("alice@h.test/sotto-1", "sent", sent), nil},
		{"X-02 from the server", carbon("h.test", "received", received), nil},
		{"X-02 from nobody", carbon("", "received", received), nil},
		{"X-02 own address in a namespace", strings.Replace(carbon("mallory@evil.test", "sent", sent), "<message ", "<message xmlns:z='u' z:from='alice@h.test' ", 1), nil},
		{"X-02 nested", carbon("alice@h.test", "received", carbon("alice@h.test", "received", received)), nil},
		{"X-02 sent by somebody else", carbon("alice@h.test", "sent", received), nil},
		{"X-02 received by somebody else", carbon("alice@h.test", "received", sent), nil},
		{"X-02 without addresses", carbon("alice@h.test", "received", "<message xmlns='jabber:client'><body>x</body></message>"), nil},
		{"X-02 with a body outside", strings.Replace(carbon("mallory@evil.test/x", "received", received), "</message>", "</message><body>outside</body>", -1), nil},
		{"X-02 groupchat inside", carbon("alice@h.test", "received", strings.Replace(received, "chat", "groupchat", 1)), nil},
		{"X-02 error inside", carbon("alice@h.test", "received", strings.Replace(received, "chat", "error", 1)), nil},
		{"X-03 archive unasked", "<message from='alice@h.test'><result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'>" + received + "</forwarded></result></message>", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := saying(t, test.in+mark)
			var got []brief
			for _, e := range untilMark(t, c) {
				if m, ok := e.(*Message); ok {
					got = append(got, brief{m.From.String(), m.Body, m.Type, m.Carbon})
				}
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// X-06, and the forms of stamps.
func TestDelay(t *testing.T) {
	noon := time.Date(2024, 2, 3, 12, 0, 0, 0, time.UTC)
	stamp := func(by, stamp string) string {
		return "<delay xmlns='urn:xmpp:delay' from='" + by + "' stamp='" + stamp + "'/>"
	}
	future := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for in, want := range map[string]time.Time{
		"":                                      {},
		stamp("h.test", "2024-02-03T12:00:00Z"): noon,
		stamp("h.test", "2024-02-03T12:00:00.000+00:00"):                                  noon,
		stamp("alice@h.test", "2024-02-03T14:00:00+02:00"):                                noon,
		stamp("bob@b.test/r", "2024-02-03T12:00:00Z"):                                     noon,
		stamp("b.test", "2024-02-03T12:00:00Z"):                                           noon,
		"<x xmlns='jabber:x:delay' stamp='20240203T12:00:00'/>":                           noon,
		stamp("other.test", "2024-02-03T12:00:00Z"):                                       {},
		stamp("h.test", "1970-01-01T00:00:00Z"):                                           {},
		stamp("h.test", "2099-01-01T00:00:00Z"):                                           {},
		stamp("h.test", future):                                                           {},
		stamp("h.test", "yesterday"):                                                      {},
		stamp("b.test", "2020-01-01T00:00:00Z") + stamp("h.test", "2024-02-03T12:00:00Z"): noon,
		stamp("h.test", "2024-02-03T12:00:00Z") + stamp("b.test", "2020-01-01T00:00:00Z"): noon,
		"<delay xmlns='urn:evil' stamp='2020-01-01T00:00:00Z'/>":                          {},
	} {
		c := &Conn{jid: jid.MustParse("alice@h.test/r"), server: jid.MustParse("h.test")}
		e, err := stream.Parse("<message from='bob@b.test/r'><body>x</body>" + in + "</message>")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.message(e).Delay; !got.Equal(want) {
			t.Errorf("%s: %v, want %v", in, got, want)
		}
	}
}

// only the account itself changes its roster.
func TestRosterPush(t *testing.T) {
	push := func(attrs string) string {
		return "<iq type='set' id='p' " + attrs + "><query xmlns='jabber:iq:roster'><item jid='x@evil.test' subscription='both'/></query></iq>"
	}
	c, heard := saying(t, strings.Join([]string{
		push("from='mallory@evil.test/x'"), push("from='bob@h.test'"), push("from='h.test'"), push("from='alice@h.test/other'"),
		push("from='alice@h.test/sotto-1'"), push("from='alice@evil.test'"), push("from='evil.test'"), push("from='@'"),
		push("xmlns:z='u' z:from='alice@h.test' from='mallory@evil.test/x'"), push("from='alice@h.test.evil.test'"),
		push("from='alice\\40h.test@evil.test'"), push("from='bob@h.test/alice@h.test'"),
		strings.Replace(push("from='alice@h.test'"), "<item ", "<item jid='y@h.test'/><item ", 1),
		push("from='alice@h.test' xmlns:q='u'"), push(""), mark}, ""))
	var got []RosterItem
	for _, e := range untilMark(t, c) {
		if p, ok := e.(*RosterPush); ok {
			got = append(got, p.Item)
		}
	}
	if len(got) != 2 {
		t.Errorf("%d pushes accepted, want the 2 of our own account: %+v", len(got), got)
	}
	refused, taken := 0, 0
	for refused+taken < 14 {
		e := <-heard
		switch {
		case e.Attr("id") != "p":
		case e.Attr("type") == "result":
			taken++
		case e.Child(stream.NSClient, "error") != nil:
			refused++
		}
	}
	if refused != 11 || taken != 3 {
		t.Errorf("refused %d, answered %d", refused, taken)
	}
}

// an answer counts once, from whom was asked, while somebody waits.
func TestAnswers(t *testing.T) {
	roster := func(id, from, name string) string {
		return "<iq type='result' id='" + id + "' from='" + from + "'><query xmlns='jabber:iq:roster'><item jid='b@h.test' name='" + name + "'/></query></iq>"
	}
	asked, given := make(chan string, 10), make(chan bool)
	c := scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		for n := 0; ; {
			e := p.HearUntil("iq")
			if e.Child(nsRoster, "query") == nil {
				continue
			}
			id := e.Attr("id")
			asked <- id
			if n++; n == 4 {
				<-given // up
				p.Say(roster(id, "alice@h.test", "late") + mark)
				continue
			}
			p.Say(roster(id, "mallory@evil.test/x", "wrong") + roster(id, "bob@h.test", "wrong") + roster(id, "evil.test", "wrong") +
				roster("guess", "alice@h.test", "wrong") + roster(id, "@", "wrong") +
				"<iq type='result' xmlns:z='u' z:id='" + id + "' id='x'/>" +
				roster(id, "alice@h.test", "right") + roster(id, "alice@h.test", "twice") + mark)
		}
	})
	conn := connect(t, c)
	ids := map[string]bool{}
	for range 3 {
		items, err := conn.Roster(within(t))
		if err != nil || len(items) != 1 || items[0].Name != "right" {
			t.Errorf("%+v, %v", items, err)
		}
		untilMark(t, conn)
		id := <-asked
		if ids[id] || len(id) < 32 {
			t.Errorf("id %q", id)
		}
		ids[id] = true
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if items, err := conn.Roster(ctx); len(items) > 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v, %v", items, err)
	}
	close(given)
	if events := untilMark(t, conn); len(events) != 0 {
		t.Errorf("a late answer: %v", events)
	}
	conn.mu.Lock()
	defer conn.mu.Unlock()
	if len(conn.requests) != 0 {
		t.Errorf("%d requests kept", len(conn.requests))
	}
}

// whatever strangers ask, they get the same answer.
func TestStrangersLearnNothing(t *testing.T) {
	kinds := []string{"<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
		"<query xmlns='http://jabber.org/protocol/disco#info' node='" + capsNode + "#" + capsHash + "'/>",
		"<query xmlns='http://jabber.org/protocol/disco#items'/>", "<query xmlns='jabber:iq:version'/>", "<query xmlns='jabber:iq:last'/>",
		"<query xmlns='jabber:iq:time'/>", "<time xmlns='urn:xmpp:time'/>", "<vCard xmlns='vcard-temp'/>", "<query xmlns='jabber:iq:roster'/>",
		"<query xmlns='jabber:iq:private'/>", "<open xmlns='http://jabber.org/protocol/ibb' sid='1' block-size='1'/>",
		"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'/>", "<si xmlns='http://jabber.org/protocol/si'/>",
		"<command xmlns='http://jabber.org/protocol/commands' node='x'/>", "<query xmlns='jabber:iq:register'/>",
		"<block xmlns='urn:xmpp:blocking'/>", "<pubsub xmlns='http://jabber.org/protocol/pubsub'/>", "<query xmlns='jabber:iq:oob'/>", "<x xmlns='urn:nothing'/>"}
	ask := func(from string) string {
		var b strings.Builder
		for i, k := range kinds {
			for _, kind := range []string{"get", "set"} {
				fmt.Fprintf(&b, "<iq type='%s' id='%s%d' from='%s'>%s</iq>", kind, kind, i, from, k)
			}
		}
		return b.String()
	}
	answers := func(heard <-chan *stream.Element) map[string]string {
		got := map[string]string{}
		for len(got) < 2*len(kinds) {
			e := <-heard
			id := e.Attr("id")
			if e.Name.Local != "iq" || !strings.HasPrefix(id, "get") && !strings.HasPrefix(id, "set") {
				continue
			}
			e.Set("id", "")
			got[id], _ = e.XML()
		}
		return got
	}
	c, heard := saying(t, ask("mallory@evil.test/x")+mark)
	untilMark(t, c)
	const refusal = "<iq type='error' to='mallory@evil.test/x'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
	for id, answer := range answers(heard) {
		if answer != refusal {
			t.Errorf("%s: %s", id, answer)
		}
	}

	c, heard = saying(t, "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='bob@h.test' subscription='from'/></query></iq>"+ask("bob@h.test/r")+mark)
	untilMark(t, c)
	got := answers(heard)
	if got["get0"] != "<iq type='result' to='bob@h.test/r'/>" {
		t.Errorf("ping of a contact: %s", got["get0"])
	}
	for _, disco := range []string{got["get1"], got["get2"]} {
		if !strings.Contains(disco, "<feature var='urn:xmpp:receipts'/>") || strings.Contains(strings.ToLower(disco), "otr") {
			t.Errorf("disco of a contact: %s", disco)
		}
	}
	for id, answer := range got {
		if id != "get0" && id != "get1" && id != "get2" && !strings.Contains(answer, "service-unavailable") {
			t.Errorf("%s: %s", id, answer)
		}
	}
}

func TestPresences(t *testing.T) {
	c, _ := saying(t, "<presence from='bob@h.test/r'><show>dnd</show><status>s1</status><status xml:lang='de'>s2</status><priority>-3</priority></presence>"+
		"<presence from='bob@h.test/r'><show>sleeping</show><priority>1000</priority><show xmlns='urn:evil'>xa</show></presence>"+
		"<presence from='bob@h.test/r' type='probe'/><presence from='@' type='subscribe'/>"+
		"<presence from='bob@h.test' type='subscribe'><status>hi</status><nick xmlns='http://jabber.org/protocol/nick'>Bob</nick></presence>"+
		"<presence from='bob@h.test/r' type='error'><error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"+mark)
	var got []string
	for _, e := range untilMark(t, c) {
		p := e.(*Presence)
		line := fmt.Sprintf("%s %d %s %s %d %s", p.From, p.Type, p.Show, p.Status, p.Priority, p.Nick)
		if p.Err != nil {
			line += p.Err.Condition
		}
		got = append(got, line)
	}
	want := []string{"bob@h.test/r 0 dnd s1 -3 ", "bob@h.test/r 0   127 ", "bob@h.test 2  hi 0 Bob", "bob@h.test/r 6   0 remote-server-not-found"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNextUnknownThingsArePassedOver(t *testing.T) {
	c, _ := saying(t, "<new xmlns='urn:future:1'/><stream:features/><message xmlns='urn:evil'><body>x</body></message><iq type='strange' id='1'><x/></iq>"+mark)
	if events := untilMark(t, c); len(events) != 0 {
		t.Errorf("got %v", events)
	}
}
