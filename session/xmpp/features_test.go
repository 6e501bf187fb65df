package xmpp

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// Answers of clients and their verification strings: the examples of XEP-0115, and what section 5.4 refuses.
var verifications = []struct {
	name, in, want string // "" for what is refused
}{
	{"simple", "<identity category='client' type='pc' name='Exodus 0.9.1'/>" +
		"<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>" +
		"<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>", "QgayPKawpkPSDYmwT/WM94uAlu0="},
	{"complex", "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/><identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>" +
		"<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>" +
		"<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>" +
		"<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>" +
		"<field var='ip_version' type='text-multi'><value>ipv4</value><value>ipv6</value></field><field var='os'><value>Mac</value></field>" +
		"<field var='os_version'><value>10.5.1</value></field><field var='software'><value>Psi</value></field>" +
		"<field var='software_version'><value>0.11</value></field></x>", "q07IKJEyjvHSyhy//CH0CxmKi8w="},
	{"feature twice", "<identity category='client' type='pc'/><feature var='a'/><feature var='a'/>", ""},
	{"identity twice", "<identity category='client' type='pc'/><identity category='client' type='pc'/>", ""},
	{"separator in a feature", "<identity category='client' type='pc'/><feature var='a&lt;b'/>", ""},
	{"separator in an identity", "<identity category='client' type='pc' name='a&lt;b'/>", ""},
	{"separator in a form", "<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>f</value></field><field var='a'><value>b&lt;</value></field></x>", ""},
	{"two forms of a type", strings.Repeat("<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>f</value></field></x>", 2), ""},
	{"nothing", "", ""},
	{"no identity", "<feature var='client/pc//Exodus 0.9.1'/><feature var='http://jabber.org/protocol/caps'/>", ""},
	{"a feature as an identity", "<identity category='http:' type='' xml:lang='jabber.org' name='protocol/caps'/>", ""},
	{"an identity without a category", "<identity type='client' name='x'/>", ""},
	{"a separator in a language", "<identity category='client' type='pc' xml:lang='a/b'/>", ""},
	{"no value of a form's type", "<identity category='client' type='pc'/><x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'/></x>", ""},
	{"a form's type twice", "<identity category='client' type='pc'/><x xmlns='jabber:x:data'>" + strings.Repeat("<field var='FORM_TYPE' type='hidden'><value>f</value></field>", 2) + "</x>", ""},
	{"two types of a form", "<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>f</value><value>g</value></field></x>", ""},
}

// orders are answers beside the strings of XEP-0115 section 5.1, by hand: what is sorted are the parts, before they are joined.
var orders = []struct{ name, in, text string }{
	{"a type that begins like another", "<identity category='client' type='pc-old'/><identity category='client' type='pc'/>", "client/pc//<client/pc-old//<"},
	{"a category that begins like another", "<identity category='a-b' type='c'/><identity category='a' type='c'/>", "a/c//<a-b/c//<"},
	{"languages before names", "<identity category='a' type='b' xml:lang='en' name='A'/><identity category='a' type='b' xml:lang='de' name='Z'/>", "a/b/de/Z<a/b/en/A<"},
	{"features that begin like another", "<identity category='a' type='b'/><feature var='urn:x:1'/><feature var='urn:x'/><feature var='urn:x#'/>", "a/b//<urn:x<urn:x#<urn:x:1<"},
	{"forms whose types begin alike", "<identity category='a' type='b'/>" + discoFormOf("urn:x:y", "") + discoFormOf("urn:x", ""), "a/b//<urn:x<urn:x:y<"},
	{"fields and values", "<identity category='a' type='b'/>" + discoFormOf("f", "<field var='x:y'><value>2</value><value>10</value></field><field var='x'><value/></field>"),
		"a/b//<f<x<<x:y<10<2<"},
	{"a form that is not what it says", "<identity category='a' type='b'/>" + strings.Replace(discoFormOf("f", ""), "hidden", "text-single", 1), "a/b//<"},
	{"a form without a type", "<identity category='a' type='b'/><x xmlns='jabber:x:data'><field var='v'><value>w</value></field></x>", "a/b//<"},
	{"no type of an identity", "<identity category='a' name='n'/>", "a///n<"},
	{"what is of no account", "<identity category='a' type='b'/><feature xmlns='urn:evil' var='x'/><x xmlns='urn:evil'/>text", "a/b//<"},
}

func discoFormOf(kind, fields string) string {
	return "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>" + kind + "</value></field>" + fields + "</x>"
}

func discoQuery(t *testing.T, inside string) *stream.Element {
	t.Helper()
	query, err := stream.Parse("<query xmlns='http://jabber.org/protocol/disco#info'>" + inside + "</query>")
	if err != nil {
		t.Fatal(err)
	}
	return query
}

func TestVerificationOrder(t *testing.T) {
	for name, function := range capsHashes {
		for _, test := range orders {
			h := function()
			h.Write([]byte(test.text))
			want := base64.StdEncoding.EncodeToString(h.Sum(nil))
			if got, ok := verification(discoQuery(t, test.in), function()); !ok || got != want {
				t.Errorf("%s, %s: %q, %v, want %q", test.name, name, got, ok, want)
			}
		}
	}
}

// What our presence promises is what we answer, and the string of the specification over it.
func TestOurOwnVerification(t *testing.T) {
	sum := sha1.Sum([]byte("client/pc//Sotto<http://jabber.org/protocol/caps<http://jabber.org/protocol/chatstates<" +
		"http://jabber.org/protocol/disco#info<urn:xmpp:ping<urn:xmpp:receipts<"))
	want := base64.StdEncoding.EncodeToString(sum[:])
	said := Presence{}.element().Child(nsCaps, "c")
	if said == nil || said.Attr("hash") != "sha-1" || said.Attr("ver") != want || said.Attr("node") != capsNode {
		t.Errorf("promised %+v, want %q", said, want)
	}
	if got, ok := verification(discoInfo(capsNode+"#"+want), sha1.New()); !ok || got != want {
		t.Errorf("answered %q, %v", got, ok)
	}
}

func TestVerification(t *testing.T) {
	for _, test := range verifications {
		t.Run(test.name, func(t *testing.T) {
			if got, ok := verification(discoQuery(t, test.in), sha1.New()); ok != (test.want != "") || ok && got != test.want {
				t.Errorf("got %q, %v", got, ok)
			}
		})
	}
}

// What is said of a client's program is what it said itself, if that fits the hash in its presence; and only clients that
// may see us are asked.
func TestSoftware(t *testing.T) {
	query, err := stream.Parse("<query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='phone' name='Honest'/>" +
		"<feature var='http://jabber.org/protocol/chatstates'/></query>")
	if err != nil {
		t.Fatal(err)
	}
	honest, _ := verification(query, sha256.New())
	presence := func(from, ver string) string {
		return "<presence from='" + from + "'><c xmlns='http://jabber.org/protocol/caps' hash='sha-256' node='urn:n' ver='" + ver + "'/></presence>"
	}
	asked := make(chan string, 10)
	config := scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		for _, contact := range []string{"bob", "carol"} {
			p.Say("<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='" + contact + "@h.test' subscription='both'/></query></iq>")
		}
		p.Say("<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='dave@h.test' subscription='to'/></query></iq>")
		p.Say(presence("carol@h.test/liar", "bGllcw==") + presence("dave@h.test/blind", "ZGF2ZQ==") +
			presence("bob@h.test/one", honest) + presence("bob@h.test/two", honest))
		for range 2 {
			e := p.HearUntil("iq")
			for e.Child(nsDisco, "query") == nil {
				e = p.HearUntil("iq")
			}
			to := e.Attr("to")
			asked <- to + " " + e.Child(nsDisco, "query").Attr("node")
			inside, _ := query.XML()
			p.Say("<iq type='result' id='" + e.Attr("id") + "' from='mallory@evil.test/x'><query xmlns='http://jabber.org/protocol/disco#info'>" +
				"<identity category='client' type='bot' name='Forged'/></query></iq>")
			p.Say("<iq type='result' id='" + e.Attr("id") + "' from='" + to + "'>" + inside + "</iq>")
		}
		p.Say(presence("bob@h.test/three", honest) + mark)
		p.HearUntil("nothing more")
	})
	c := connect(t, config)
	var got []string
	note := func(s *Software) {
		if s != nil {
			got = append(got, fmt.Sprintf("%s %s %s %v", s.From, s.Name, s.Device, s.ChatStates))
		}
	}
	for e := range c.Events() {
		switch e := e.(type) {
		case *Presence:
			note(c.Learn(e))
			continue
		case *Software:
			note(e)
			continue
		case *Message:
		default:
			continue
		}
		break
	}
	if want := []string{"bob@h.test/one Honest phone true", "bob@h.test/two Honest phone true", "bob@h.test/three Honest phone true"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	close(asked)
	var questions []string
	for a := range asked {
		questions = append(questions, a)
	}
	if want := []string{"carol@h.test/liar urn:n#bGllcw==", "bob@h.test/one urn:n#" + honest}; !reflect.DeepEqual(questions, want) {
		t.Errorf("asked %q", questions)
	}
}

// Who promises another program's string and does not keep the promise is no reason to know nothing of that program.
func TestSoftwareBehindALiar(t *testing.T) {
	query := discoQuery(t, "<identity category='client' type='pc' name='Honest'/>")
	honest, _ := verification(query, sha1.New())
	for name, lie := range map[string]string{
		"another answer": "<iq type='result' id='%s' from='%s'><query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='bot' name='Lie'/></query></iq>",
		"no answer":      "<iq type='error' id='%s' from='%s'><error type='cancel'/></iq>",
		"nothing in it":  "<iq type='result' id='%s' from='%s'/>",
	} {
		t.Run(name, func(t *testing.T) {
			presence := func(from, node string) string {
				return "<presence from='" + from + "'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='" + node + "' ver='" + honest + "'/></presence>"
			}
			asked := make(chan string, 10)
			c := connect(t, scripted(t, func(p *xmpptest.Peer) {
				p.LogIn("secret")
				p.Say("<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='bob@h.test' subscription='both'/></query></iq>" +
					presence("bob@h.test/liar", "urn:l") + presence("bob@h.test/honest", "urn:h") + mark)
				for {
					e := p.HearUntil("iq")
					if e.Child(nsDisco, "query") == nil {
						continue
					}
					asked <- e.Attr("to") + " " + e.Child(nsDisco, "query").Attr("node")
					answer := fmt.Sprintf(lie, e.Attr("id"), e.Attr("to"))
					if e.Attr("to") == "bob@h.test/honest" {
						inside, _ := query.XML()
						answer = "<iq type='result' id='" + e.Attr("id") + "' from='bob@h.test/honest'>" + inside + "</iq>"
					}
					p.Say(answer)
				}
			}))
			got := want(t, c, "the program", func(e Event) bool {
				if p, ok := e.(*Presence); ok && c.Learn(p) != nil {
					t.Error("known from nowhere")
				}
				_, ok := e.(*Software)
				return ok
			}).(*Software)
			if got.From.String() != "bob@h.test/honest" || got.Name != "Honest" {
				t.Errorf("got %+v", got)
			}
			for _, want := range []string{"bob@h.test/liar urn:l#" + honest, "bob@h.test/honest urn:h#" + honest} {
				if got := <-asked; got != want {
					t.Errorf("asked %q, want %q", got, want)
				}
			}
		})
	}
}

// A block list changes at the word of our own account only (compare X-04).
func TestBlockPush(t *testing.T) {
	push := func(verb, attrs string) string {
		return "<iq type='set' id='p' " + attrs + "><" + verb + " xmlns='urn:xmpp:blocking'><item jid='bob@h.test'/><item jid='@'/></" + verb + "></iq>"
	}
	var b strings.Builder
	for _, from := range []string{"mallory@evil.test/x", "bob@h.test", "h.test", "alice@h.test/other", "alice@evil.test", "evil.test", "@"} {
		b.WriteString(push("block", "from='"+from+"'") + push("unblock", "from='"+from+"'"))
	}
	c, _ := saying(t, b.String()+push("block", "xmlns:z='u' z:from='alice@h.test' from='mallory@evil.test/x'")+push("block", "")+
		push("unblock", "from='alice@h.test'")+"<iq type='set' id='p'><unblock xmlns='urn:xmpp:blocking'/></iq>"+
		"<iq type='set' id='p'><block xmlns='urn:xmpp:blocking'/></iq>"+mark)
	var got []string
	for _, e := range untilMark(t, c) {
		if p, ok := e.(*BlockPush); ok {
			got = append(got, fmt.Sprint(p.Blocked, p.Unblocked, p.Cleared))
		}
	}
	if want := []string{"[bob@h.test] [] false", "[] [bob@h.test] false", "[] [] true"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

// Who is invisible tells contacts no more than strangers; who may see us again is answered again.
func TestInvisible(t *testing.T) {
	ask := "<iq type='get' id='ping' from='bob@h.test/r'><ping xmlns='urn:xmpp:ping'/></iq>"
	config := scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		p.Say("<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='bob@h.test' subscription='both'/></query></iq>")
		answer := func() (answer string) {
			p.Say(ask)
			for {
				if e := p.HearUntil("iq"); e.Attr("id") == "ping" {
					return e.Attr("type")
				}
			}
		}
		for _, want := range []string{"error", "result", "error"} {
			for e := p.HearUntil("presence"); e.Attr("to") != ""; e = p.HearUntil("presence") {
			}
			if got := answer(); got != want {
				t.Errorf("answered %s, want %s", got, want)
			}
			p.Say(mark)
		}
		p.HearUntil("nothing more")
	})
	config.Presence.Type = Unavailable
	c := connect(t, config)
	for _, p := range []Presence{{}, {Type: Unavailable}, {}} {
		c.SendPresence(Presence{To: jid.MustParse("bob@h.test"), Type: Subscribed}) // which says nothing about us
		want(t, c, "mark", func(m *Message) bool { return m.Body == "mark" })
		c.SendPresence(p)
	}
}

func TestChatStates(t *testing.T) {
	var in strings.Builder
	for _, word := range []string{"active", "composing", "paused", "inactive", "gone", "strange"} {
		in.WriteString("<message from='bob@h.test/r' type='chat'><" + word + " xmlns='http://jabber.org/protocol/chatstates'/></message>")
	}
	c, heard := saying(t, in.String()+mark)
	var got []ChatState
	for _, e := range untilMark(t, c) {
		got = append(got, e.(*Message).State)
	}
	if want := []ChatState{Active, Composing, Paused, Inactive, Gone}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	bob := jid.MustParse("bob@h.test/r")
	c.Send(Message{To: bob, Type: Chat, State: Composing})
	c.Send(Message{To: bob, Type: Chat, ID: "2", Body: "hi", State: Active})
	for _, want := range []string{"<message type='chat' to='bob@h.test/r'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
		"<message type='chat' to='bob@h.test/r' id='2'><body>hi</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>"} {
		e := <-heard
		for e.Name.Local != "message" {
			e = <-heard
		}
		if got, _ := e.XML(); got != want {
			t.Errorf("sent %s", got)
		}
	}
}

// The hints of XEP-0364 and the note of XEP-0380 are on every stanza with OTR in it, all of them, and on nothing else.
func TestHintsOnOTRAndOnNothingElse(t *testing.T) {
	c, heard := saying(t, "<iq type='get' id='q' from='h.test'><ping xmlns='urn:xmpp:ping'/></iq><iq type='get' id='q' from='x@evil.test'><x xmlns='u'/></iq>"+mark)
	untilMark(t, c)
	bob := jid.MustParse("bob@h.test/r")
	for _, m := range []Message{
		{Body: "?OTRv3?", OTR: true}, {Body: "?OTR:AAMD.", OTR: true, WantReceipt: true, ID: "1"}, {Body: "?OTR:AAMD.", OTR: true, State: Active},
		{Body: "hello", WantReceipt: true, ID: "2"}, {Receipt: "3"}, {State: Composing}, {Body: "hello", State: Active}, {Body: "hello", Thread: "t"},
	} {
		m.To, m.Type = bob, Chat
		if err := c.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []Presence{{}, {Show: "away", Status: "out"}, {To: bob, Type: Subscribe, Nick: "A"}, {To: bob, Type: Subscribed}, {To: bob, Type: Unsubscribed}} {
		c.SendPresence(p)
	}
	ctx := within(t)
	go func() { // nobody answers
		c.Roster(ctx)
	}()
	c.Send(Message{To: bob, ID: "end"})
	withHints, without := 0, 0
	for e := range heard {
		if e.Attr("id") == "end" {
			break
		}
		found := []string{}
		for _, child := range e.Children {
			switch child.Name.Space {
			case nsEncryption, nsHints:
				found = append(found, child.Name.Local)
			case nsCarbons:
				if child.Name.Local != "enable" { // of our own account's request
					found = append(found, child.Name.Local)
				}
			}
		}
		body := e.Child(stream.NSClient, "body")
		if body != nil && strings.HasPrefix(body.Text, "?OTR") {
			withHints++
			if want := []string{"encryption", "private", "no-copy", "no-permanent-store"}; !reflect.DeepEqual(found, want) {
				t.Errorf("%s has %q", body.Text, found)
			}
			continue
		}
		without++
		if len(found) != 0 {
			xml, _ := e.XML()
			t.Errorf("hints on %s", xml)
		}
	}
	if withHints != 3 || without < 12 {
		t.Errorf("looked at %d and %d stanzas", withHints, without)
	}
}

// Our presence is as the person wants it from the first stanza on, whatever stands in the words; go-xmpp announces us once
// before we can be invisible.
func TestPresenceFromTheBeginning(t *testing.T) {
	for _, test := range []struct {
		presence Presence
		want     []string
	}{
		{Presence{Show: "dnd", Status: "a & b <c> 'd'"}, []string{"dnd a & b <c> 'd' ", "dnd a & b <c> 'd' "}},
		{Presence{Type: Unavailable}, []string{"  ", "  unavailable"}},
		{Presence{Show: "strange</show>"}, []string{"  ", "  "}},
	} {
		seen := make(chan string, 10)
		config := scripted(t, func(p *xmpptest.Peer) {
			p.TLS()
			p.Stream("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + p.Mechanisms + "</mechanisms>")
			p.SCRAM("secret")
			p.Stream("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
			p.Say(fmt.Sprintf("<iq type='result' id='%s'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@h.test/sotto-1</jid></bind></iq>", p.Hear().Attr("id")))
			for range 2 {
				e := p.HearUntil("presence")
				text := func(name string) string {
					if child := e.Child(stream.NSClient, name); child != nil {
						return child.Text
					}
					return ""
				}
				seen <- text("show") + " " + text("status") + " " + e.Attr("type")
			}
			p.HearUntil("nothing more")
		})
		config.Presence = test.presence
		connect(t, config)
		var got []string
		for range 2 {
			select {
			case s := <-seen:
				got = append(got, s)
			case <-time.After(patience):
				t.Fatal("no presence")
			}
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%+v: %q", test.presence, got)
		}
	}
	config := scripted(t, func(p *xmpptest.Peer) {})
	config.Presence.Status = "\x00"
	if _, err := Connect(within(t), config); kindOf(err) != BadName {
		t.Errorf("a status that XML cannot carry: %v", err)
	}
}
