package xmpp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// What the server says last, and what the connection is said to have ended of.
func TestEnds(t *testing.T) {
	streamError := func(condition string) string {
		return "<stream:error><" + condition + " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>words</text></stream:error></stream:stream>"
	}
	for _, test := range []struct {
		name, in string
		want     ErrorKind
	}{
		{"closed", stream.End, ServerClosed},
		{"conflict", streamError("conflict"), Conflict},
		{"shutdown", streamError("system-shutdown"), ServerClosed},
		{"reset", streamError("reset"), ServerClosed},
		{"account gone", streamError("not-authorized"), AccountRefused},
		{"we were not understood", streamError("not-well-formed"), BrokenStream},
		{"error without a condition", "<stream:error/>", ServerClosed},
		{"N-05 redirect", "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1:1</see-other-host></stream:error>", ServerClosed},
		{"cut", "<message><body>half", Unreachable},
		{"cut in a tag", "<message><bo", Unreachable},
		{"cut between stanzas", "", Unreachable},
		{"N-08 comment", "<!-- x -->", BrokenStream},
		{"N-08 comment inside", "<message><!-- x --></message>", BrokenStream},
		{"N-08 document type", "<!DOCTYPE x>", BrokenStream},
		{"N-08 processing instruction", "<?x y?>", BrokenStream},
		{"unknown entity", "<message><body>&nbsp;</body></message>", BrokenStream},
		{"not well-formed", "<message></presence>", BrokenStream},
		{"text between stanzas", "hello<message/>", BrokenStream},
		{"N-09 deep without an end", strings.Repeat("<a>", 1<<19+1<<18), BrokenStream},
		{"N-09 children without an end", "<a>" + strings.Repeat("<b/>", 1<<19+1<<17), BrokenStream},
		{"N-10 too long a text", "<message><body>" + strings.Repeat("x", 9<<18), BrokenStream},
		{"N-10 too long an attribute", "<message id='" + strings.Repeat("x", 9<<18), BrokenStream},
		{"N-10 too long a name", "<" + strings.Repeat("x", 9<<18), BrokenStream},
		{"an acknowledgement of what was not sent", "<a xmlns='urn:xmpp:sm:3' h='4000000'/>", BrokenStream},
		{"an acknowledgement of nothing", "<a xmlns='urn:xmpp:sm:3'/>", BrokenStream},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := connect(t, scripted(t, func(p *xmpptest.Peer) {
				p.LogIn("secret")
				p.HearUntil("message") // the login is over
				p.Say("<message from='h.test'><body>before</body></message>" + test.in)
			}))
			c.Send(Message{ID: "go on", To: c.JID(), Type: Chat, Body: "go on"})
			want(t, c, "what was said before", func(m *Message) bool { return m.Body == "before" })
			if err := endOf(t, c); kindOf(err) != test.want {
				t.Errorf("got %v, want kind %d", err, test.want)
			}
			if err := c.Send(Message{To: c.JID(), Body: "x"}); err != ErrClosed {
				t.Errorf("Send: %v", err)
			}
			if _, err := c.Roster(within(t)); err != ErrClosed {
				t.Errorf("Roster: %v", err)
			}
		})
	}
}

// N-10: an element that does not end costs no memory worth speaking of.
func TestEndlessElementIsNotKept(t *testing.T) {
	c := connect(t, scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		p.Say("<message><body>")
		for range 64 << 20 / (32 << 10) {
			p.Say(strings.Repeat("x", 32<<10))
		}
	}))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := endOf(t, c); kindOf(err) != BrokenStream {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 8<<20 {
		t.Errorf("heap grew by %d MiB", grown>>20)
	}
}

// N-09 and X-01: what strangers can write and servers hand on, and is too much or in no order, is passed over, and
// counted as handled. Nothing of it is shown, and nothing of it ends the connection.
func TestTooMuchIsPassedOver(t *testing.T) {
	var attributes strings.Builder
	for i := range 65 {
		fmt.Fprintf(&attributes, " a%d='x'", i)
	}
	long := strings.Repeat("x", stream.DefaultLimits.Bytes)
	bad := []string{
		"<message from='m@h.test'" + attributes.String() + "><body>1</body></message>",
		"<message from='m@h.test'><body" + attributes.String() + ">2</body></message>",
		"<message from='m@h.test'>" + strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65) + "<body>3</body></message>",
		"<message from='m@h.test'>" + strings.Repeat("<a/>", 2049) + "<body>4</body></message>",
		"<message from='m@h.test'><body>5" + long + "</body></message>",
		"<message from='m@h.test'><body>6</body><x>" + long + long + long + "</x></message>",
		"<message from='m@h.test' id='" + long + "'><body>7</body></message>",
		"<message from='m@h.test' from='boss@h.test'><body>8</body></message>",
		"<message from='boss@h.test' from='m@h.test'><body>9</body></message>",
		"<message from='m@h.test' z:from='boss@h.test'><body>10</body></message>",
		"<message from='m@h.test'><z:body>11</z:body></message>",
		"<presence from='m@h.test/x'><status>" + long + "</status></presence>",
		"<iq from='m@h.test/x' type='get' id='1'><ping xmlns='urn:xmpp:ping'/><x>" + long + "</x></iq>",
		"<iq type='set' id='2' id='3'><query xmlns='jabber:iq:roster'><item jid='m@h.test' subscription='both'/></query></iq>",
	}
	handled := make(chan string, 1)
	c := connect(t, scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		p.HearUntil("presence")
		for _, text := range bad {
			p.Say(text)
		}
		p.Say(mark)
		for {
			p.Say("<r xmlns='urn:xmpp:sm:3'/>")
			if h := p.HearUntil("a").Attr("h"); h == strconv.Itoa(len(bad)+1) {
				handled <- h
				p.HearUntil("never")
			}
		}
	}))
	if events := untilMark(t, c); len(events) != 0 {
		t.Errorf("accepted %v", events)
	}
	select {
	case <-handled:
	case <-time.After(patience):
		t.Error("what was passed over was not counted")
	}
}

// Whoever fills the offline store does not keep the account from signing in: what is in it comes before anything else.
func TestFullOfflineStore(t *testing.T) {
	const n = 1000
	body := strings.Repeat("x", 20<<10) // more than is held for the receiver
	conn := connect(t, scripted(t, func(p *xmpptest.Peer) {
		p.TLS()
		p.Stream("<mechanisms " + saslNS + ">" + p.Mechanisms + "</mechanisms>")
		p.SCRAM("secret")
		p.Stream(p.Offers)
		p.Say("<iq type='result' id='" + p.Hear().Attr("id") + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@h.test/sotto-1</jid></bind></iq>")
		p.HearUntil("presence")
		for i := range n {
			p.Say(fmt.Sprintf("<message from='m@h.test/x' id='%d'><body>%s</body></message>", i, body))
		}
		p.HearUntil("enable")
		p.Say("<enabled xmlns='urn:xmpp:sm:3'/><message from='h.test' id='last'><body>last</body></message>")
		for {
			if p.Hear().Name.Local == "r" {
				p.Say("<a xmlns='urn:xmpp:sm:3' h='3'/>")
			}
		}
	}))
	for i := range n {
		m, ok := (<-conn.Events()).(*Message)
		if !ok || m.ID != strconv.Itoa(i) {
			t.Fatalf("message %d: %+v, %v", i, m, conn.Err())
		}
	}
	conn.Send(Message{ID: "sent", To: jid.MustParse("b@h.test"), Type: Chat, Body: "x"})
	want(t, conn, "the end", func(m *Message) bool { return m.ID == "last" })
	want(t, conn, "acknowledgement", func(a *Acked) bool { return a.ID == "sent" })
	if !conn.Facts().Acks {
		t.Error("without acknowledgements")
	}
	conn.mu.Lock()
	defer conn.mu.Unlock()
	if conn.received > 1 {
		t.Errorf("%d counted, of 1 since acknowledgements are on", conn.received)
	}
}

// Whoever asks a lot while the server takes our answers slowly ends nothing.
func TestFloodOfQuestions(t *testing.T) {
	c := &Conn{jid: jid.MustParse("alice@h.test/r"), server: jid.MustParse("h.test"), out: make(chan outgoing, maxQueue),
		requests: map[string]*request{}, sees: map[string]bool{}, limit: 1 << 20}
	for i := range 2 * maxQueue { // nobody writes
		e := newIQ("get", strconv.Itoa(i), jid.JID{}).Add(stream.New(nsPing, "ping"))
		e.Set("from", "m@h.test/x")
		if err := c.take(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Send(Message{To: jid.MustParse("b@h.test"), Body: "x"}); err != nil {
		t.Error(err)
	}
	if n := len(c.out); n != maxAnswers+1 {
		t.Errorf("%d answers wait", n-1)
	}
}

// A roster is one stanza, and may be larger than any other.
func TestLargeRoster(t *testing.T) {
	const n = 10000
	var items strings.Builder
	for i := range n {
		fmt.Fprintf(&items, "<item jid='contact%d@h.test' name='Contact number %d' subscription='both'><group>Friends</group></item>", i, i)
	}
	c := connect(t, scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		for {
			if e := p.HearUntil("iq"); e.Child(nsRoster, "query") != nil {
				p.Say("<iq type='result' id='" + e.Attr("id") + "'><query xmlns='jabber:iq:roster'>" + items.String() + "</query></iq>" + mark)
			}
		}
	}))
	got, err := c.Roster(within(t))
	if err != nil || len(got) != n || got[n-1].JID.String() != "contact9999@h.test" {
		t.Fatalf("%d contacts, %v", len(got), err)
	}
	untilMark(t, c)

	// The same unasked is what it looks like.
	c, _ = saying(t, "<iq type='result' id='guess'><query xmlns='jabber:iq:roster'>"+items.String()+"</query></iq>"+mark)
	if events := untilMark(t, c); len(events) != 0 {
		t.Errorf("accepted %v", events)
	}
}

// The server is told of a stanza only after its event was taken.
func TestAcknowledgingWhatWasTaken(t *testing.T) {
	ask := "<r xmlns='urn:xmpp:sm:3'/>"
	answers := make(chan string)
	again := make(chan bool)
	c := connect(t, scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		p.HearUntil("presence")
		p.Say("<message from='b@h.test'><body>1</body></message><presence from='b@h.test'/><iq type='result' id='x'/><message from='b@h.test'><body>2</body></message>" + ask)
		answers <- p.HearUntil("a").Attr("h")
		for <-again {
			p.Say(ask)
			answers <- p.HearUntil("a").Attr("h")
		}
	}))
	defer close(again)
	// Nothing is taken yet.
	if h := <-answers; h != "0" {
		t.Errorf("h = %s before anything was taken", h)
	}
	for _, step := range []string{"1", "3"} { // the answer to nothing follows the presence by itself
		<-c.Events()
		// deliver notes it in its next turn; the count may be one question late and never early.
		for h := ""; h != step; {
			again <- true
			if h = <-answers; len(h) != 1 || h > step {
				t.Fatalf("h = %s, want %s", h, step)
			}
		}
	}
	<-c.Events()
	for h := ""; h != "4"; {
		again <- true
		h = <-answers
	}
}

func TestAcked(t *testing.T) {
	for name, offers := range map[string]string{"XEP-0198": "<sm xmlns='urn:xmpp:sm:3'/>", "pings": ""} {
		t.Run(name, func(t *testing.T) {
			next := make(chan bool)
			conf := scripted(t, func(p *xmpptest.Peer) {
				p.Offers = offers
				p.LogIn("secret")
				sent := 0
				answer := func() {
					for {
						switch e := p.Hear(); {
						case e.Name.Local == "r":
							p.Say("<a xmlns='urn:xmpp:sm:3' h='" + strconv.Itoa(sent) + "'/>")
							return
						case e.Child(nsPing, "ping") != nil:
							p.Say("<iq type='error' id='" + e.Attr("id") + "' from='mallory@evil.test'/><iq type='error' id='" + e.Attr("id") + "' from='h.test'/>")
							return
						case e.Name.Space == stream.NSClient:
							sent++
						}
					}
				}
				for <-next {
					answer()
				}
			})
			c := connect(t, conf)
			defer close(next)
			if c.Facts().Acks != (offers != "") {
				t.Errorf("%+v", c.Facts())
			}
			for _, ids := range [][]string{{"1", "2", "3"}, {"4"}} {
				for _, id := range ids {
					if err := c.Send(Message{ID: id, To: jid.MustParse("b@h.test"), Type: Chat, Body: "x"}); err != nil {
						t.Fatal(err)
					}
					c.SendPresence(Presence{Show: "away"})
				}
				select {
				case e := <-c.Events():
					t.Fatalf("%+v before the server said anything", e)
				case <-time.After(2 * askAfter):
				}
				next <- true // to one question about all of them
				for _, id := range ids {
					if a, ok := (<-c.Events()).(*Acked); !ok || a.ID != id {
						t.Fatalf("got %+v, want %s", a, id)
					}
				}
			}
		})
	}
}

// A line that is open and dead is noticed when the time has passed that the pulse gives it, and not before.
func TestDeadLine(t *testing.T) {
	for name, offers := range map[string]string{"XEP-0198": "<sm xmlns='urn:xmpp:sm:3'/>", "pings": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop := make(chan bool)
			conf := scripted(t, func(p *xmpptest.Peer) {
				p.Offers = offers
				p.LogIn("secret")
				p.HearUntil("presence")
				for beats := 0; beats < 3; {
					switch e := p.Hear(); {
					case e.Name.Local == "r":
						p.Say("<a xmlns='urn:xmpp:sm:3' h='2'/>")
						beats++
					case e.Child(nsPing, "ping") != nil:
						p.Say("<iq type='result' id='" + e.Attr("id") + "' from='h.test'/>")
						beats++
					}
				}
				<-stop
			})
			defer close(stop)
			conf.pulse = pulse{idle: 100 * time.Millisecond, answer: 2 * time.Second} // which a busy machine needs for an answer
			c := connect(t, conf)
			begin := time.Now()
			err := endOf(t, c)
			if took := time.Since(begin); kindOf(err) != Unreachable || took < 3*conf.pulse.idle+conf.pulse.answer {
				t.Errorf("after %v: %v", took, err)
			}
		})
	}
}

// While nobody takes events the server waits; that is no dead line.
func TestReceiverThatIsSlow(t *testing.T) {
	const n = 110
	body := strings.Repeat("x", 200<<10) // more than is held for the receiver
	conf := scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		go func() {
			for range n {
				if _, err := fmt.Fprintf(p, "<message from='b@h.test'><body>%s</body></message>", body); err != nil {
					return
				}
			}
		}()
		for {
			if e := p.Hear(); e.Name.Local == "r" {
				p.Say("<a xmlns='urn:xmpp:sm:3' h='2'/>")
			}
		}
	})
	conf.pulse = pulse{idle: 300 * time.Millisecond, answer: 3 * time.Second} // which a busy machine needs for an answer
	c := connect(t, conf)
	time.Sleep(5 * time.Second) // the receiver's slowness itself
	for i := range n {
		m, ok := (<-c.Events()).(*Message)
		if !ok || len(m.Body) != len(body) {
			t.Fatalf("message %d: %v", i, c.Err())
		}
	}
}

func TestClose(t *testing.T) {
	goodbye := make(chan string, 10)
	conf := scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		p.HearUntil("presence")
		for {
			e, err := p.Reader.Next()
			if err != nil {
				goodbye <- err.Error()
				p.Say(stream.End)
				return
			}
			goodbye <- e.Name.Local + e.Attr("type")
			if e.Name.Local == "r" {
				p.Say("<a xmlns='urn:xmpp:sm:3' h='3'/>")
			}
		}
	})
	c, err := Connect(within(t), conf)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	for range 2 {
		go func() { c.Close(within(t)); done <- true }()
	}
	<-done
	<-done
	for _, want := range []string{"presenceunavailable", "r", "a", "EOF"} {
		if got := <-goodbye; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	for range c.Events() {
	}
	if c.Err() != nil {
		t.Error(c.Err())
	}
}

// N-13: however connections end, nothing stays behind.
func TestNothingStaysBehind(t *testing.T) {
	conf := scripted(t, func(p *xmpptest.Peer) {
		p.LogIn("secret")
		p.Say(mark + "<message from='h.test'><body>never taken</body></message>")
		p.HearUntil("never")
	})
	goroutines, files := runtime.NumGoroutine(), openFiles()
	for i := range 200 {
		if i%4 == 3 {
			conf.Password = []byte("wrong")
		} else {
			conf.Password = []byte("secret")
		}
		c, err := Connect(within(t), conf)
		if (err != nil) != (i%4 == 3) {
			t.Fatal(err)
		}
		if err != nil {
			continue
		}
		untilMark(t, c)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if i%4 == 0 {
			c.relay.up.Close() // the line breaks first
		}
		c.Close(ctx)
	}
	steady(t, goroutines)
	runtime.GC() // go-xmpp's ends of the relays are closed with the objects
	runtime.GC()
	if now := openFiles(); now > files+10 {
		t.Errorf("%d files open, %d before", now, files)
	}
}

func openFiles() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// N-11 at the level of stanzas: whatever is in a message, one stanza goes out, and it says that.
func FuzzMessageOut(f *testing.F) {
	f.Add("id", "body", "thread", true)
	f.Add("'/><iq type='set'/>", "</body></message><presence type='unavailable'/>", "&lt;\n\r\t]]>", false)
	f.Add("\x00", "\ufffe", "\xff", true)
	f.Fuzz(func(t *testing.T, id, body, thread string, otr bool) {
		e, err := Message{ID: id, To: jid.MustParse("b@h.test"), Type: Chat, Body: body, Thread: thread, OTR: otr}.element()
		if err != nil {
			t.Fatal(err)
		}
		text, err := e.XML()
		if err != nil {
			return
		}
		read, err := stream.Parse(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		c := &Conn{jid: jid.MustParse("b@h.test/r"), server: jid.MustParse("h.test")}
		m := c.message(read)
		if (m != nil) != (body != "") || m != nil && (m.Body != body || m.ID != id || m.Thread != thread || m.Err != nil) {
			t.Fatalf("%q is read as %+v", text, m)
		}
	})
}

// FuzzStanza reads arbitrary stanzas: whatever they are, they end nothing and come from whom they say.
func FuzzStanza(f *testing.F) {
	for _, s := range []string{mark, "<message from='alice@h.test'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='alice@h.test/o' to='b@h.test'><body>x</body></message></forwarded></sent></message>",
		"<presence from='b@h.test/r' type='error'><error type='x'/></presence>", "<iq type='get' id='1' from='b@h.test'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='b@h.test'><group>g</group></item></query></iq>",
		"<a xmlns='urn:xmpp:sm:3' h='0'/>", "<r xmlns='urn:xmpp:sm:3'/>", "<message type='error'><error/></message>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := stream.Parse(text)
		if err != nil {
			return
		}
		c := &Conn{jid: jid.MustParse("alice@h.test/r"), server: jid.MustParse("h.test"), out: make(chan outgoing, 10), guard: &guard{}, inbox: make(chan delivery, 10), agreed: make(chan struct{}),
			requests: map[string]*request{}, sees: map[string]bool{}, limit: 1 << 20}
		c.facts.Acks = true
		err = c.take(e)
		control := e.Is(nsAcks, "a") || e.Is(stream.NSStreams, "error")
		if err != nil && !control {
			t.Fatalf("%q: %v", text, err)
		}
		close(c.inbox)
		for d := range c.inbox {
			if m, ok := d.event.(*Message); ok && m.Carbon == NoCarbon {
				if from := e.Attr("from"); from != "" {
					if want, _ := jid.Parse(from); !m.From.Equal(want) {
						t.Fatalf("%q from %s", text, m.From)
					}
				}
			}
		}
		close(c.out)
		for o := range c.out {
			if _, err := stream.Parse(o.xml); err != nil {
				t.Fatalf("%q is answered with %q", text, o.xml)
			}
		}
	})
}

func TestSendRefuses(t *testing.T) {
	c, heard := saying(t, "")
	to := jid.MustParse("b@h.test")
	for name, m := range map[string]Message{
		"nobody":            {Body: "x"},
		"control character": {To: to, Body: "a\x00b"},
		"bad UTF-8":         {To: to, Body: "\xff"},
		"bad id":            {To: to, ID: "\x01", Body: "x"},
		"error":             {To: to, Type: ErrorMessage, Body: "x"},
		"groupchat":         {To: to, Type: Groupchat, Body: "x"},
	} {
		if err := c.Send(m); err == nil {
			t.Errorf("%s was sent", name)
		}
	}
	var tooLong *TooLongError
	if err := c.Send(Message{To: to, Body: strings.Repeat("&", 60000)}); !errors.As(err, &tooLong) {
		t.Errorf("too long: %v", err)
	}
	c.Send(Message{To: to, ID: "1", Type: Chat, Body: "?OTR:AAMC.", OTR: true, WantReceipt: true})
	const want = "<message type='chat' to='b@h.test' id='1'><body>?OTR:AAMC.</body><encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:otr:0' name='OTR'/>" +
		"<private xmlns='urn:xmpp:carbons:2'/><no-copy xmlns='urn:xmpp:hints'/><no-permanent-store xmlns='urn:xmpp:hints'/><request xmlns='urn:xmpp:receipts'/></message>"
	for e := range heard {
		if e.Name.Local == "message" {
			if got, _ := e.XML(); got != want {
				t.Errorf("sent %s", got)
			}
			break
		}
	}
}

func TestTargets(t *testing.T) {
	srv := func(target string, port, priority, weight uint16) *net.SRV {
		return &net.SRV{Target: target, Port: port, Priority: priority, Weight: weight}
	}
	notFound := &net.DNSError{Err: "no such host", IsNotFound: true}
	for _, test := range []struct {
		name        string
		mode        TLSMode
		client, tls []*net.SRV
		err         error
		want        string
		kind        ErrorKind
	}{
		{"no records", TLSAuto, nil, nil, notFound, "h.test:5222", 0},
		{"no records, direct", TLSDirect, nil, nil, notFound, "h.test:5223 direct", 0},
		{"resolver fails", TLSAuto, nil, nil, errors.New("SERVFAIL"), "h.test:5222", 0},
		{"by priority over both kinds", TLSAuto, []*net.SRV{srv("b.", 5222, 10, 0), srv("d.", 5222, 30, 0)}, []*net.SRV{srv("a.", 443, 5, 0), srv("c.", 443, 20, 0)}, nil,
			"a:443 direct, b:5222, c:443 direct, d:5222", 0},
		{"STARTTLS alone", TLSStart, []*net.SRV{srv("b.", 5222, 10, 0)}, []*net.SRV{srv("a.", 443, 5, 0)}, nil, "b:5222", 0},
		{"direct alone", TLSDirect, []*net.SRV{srv("b.", 5222, 10, 0)}, []*net.SRV{srv("a.", 443, 5, 0)}, nil, "a:443 direct", 0},
		{"decidedly none", TLSAuto, []*net.SRV{srv(".", 0, 0, 0)}, nil, nil, "", Unreachable},
		{"no direct TLS, and nothing said of STARTTLS", TLSAuto, nil, []*net.SRV{srv(".", 0, 0, 0)}, nil, "h.test:5222", 0},
		{"decidedly no direct TLS", TLSDirect, nil, []*net.SRV{srv(".", 0, 0, 0)}, nil, "", Unreachable},
		{"none of one kind", TLSAuto, []*net.SRV{srv(".", 0, 0, 0)}, []*net.SRV{srv("a.", 443, 5, 0)}, nil, "a:443 direct", 0},
	} {
		c := Config{TLS: test.mode, resolver: records(func(service, name string) ([]*net.SRV, error) {
			if name != "h.test." {
				t.Errorf("asked for %s", name)
			}
			if service == "xmpp-client" {
				return test.client, test.err
			}
			return test.tls, test.err
		})}
		targets, err := c.targets(within(t), "h.test")
		if got := list(targets); got != test.want || test.want == "" && kindOf(err) != test.kind {
			t.Errorf("%s: %s, %v", test.name, got, err)
		}
	}
	for in, want := range map[string]string{"x.test": "x.test:5222, x.test:5223 direct, x.test:443 direct", "x.test:5223": "x.test:5223 direct",
		"x.test:443": "x.test:443 direct, x.test:443", "x.test:1": "x.test:1", "[::1]:5222": "[::1]:5222", "[::1]:5223": "[::1]:5223 direct",
		"::1": "[::1]:5222, [::1]:5223 direct, [::1]:443 direct", "[::1]": "[::1]:5222, [::1]:5223 direct, [::1]:443 direct",
		"bücher.test:5222": "xn--bcher-kva.test:5222", "x.test:0": "", "x.test:99999": "", "a b": ""} {
		c := Config{Server: in}
		targets, _ := c.targets(within(t), "h.test")
		if got := list(targets); got != want {
			t.Errorf("server %q: %q, want %q", in, got, want)
		}
	}
}

// records is a resolver that knows SRV records, and addresses only as the system does.
type records func(service, name string) ([]*net.SRV, error)

func (r records) LookupSRV(_ context.Context, service, _, name string) (string, []*net.SRV, error) {
	all, err := r(service, name)
	return "", all, err
}

func (r records) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}

func list(targets []target) string {
	var s []string
	for _, t := range targets {
		text := t.address()
		if t.direct {
			text += " direct"
		}
		s = append(s, text)
	}
	return strings.Join(s, ", ")
}

// Within a priority the weights decide how often a target comes first (RFC 2782).
func TestWeights(t *testing.T) {
	records := []record{{SRV: net.SRV{Target: "a", Port: 1, Weight: 30}}, {SRV: net.SRV{Target: "b", Port: 1, Weight: 10}, direct: true}, {SRV: net.SRV{Target: "c", Port: 1}}}
	first := map[string]int{}
	for range 4000 {
		first[order(records)[0].host]++
	}
	if first["a"] < 2800 || first["a"] > 3200 || first["c"] > 10 {
		t.Errorf("%v, want about 3000 to 1000 to 0", first)
	}
	many := make([]record, 1000)
	for i := range many {
		many[i] = record{SRV: net.SRV{Target: "x", Port: 1}}
	}
	if n := len(order(many)); n != maxTargets {
		t.Errorf("%d targets", n)
	}
}

// A dead target costs nothing but a moment, a silent one a little more, and one that fails in TLS is no reason to give up.
func TestNextTarget(t *testing.T) {
	live := scripted(t, func(p *xmpptest.Peer) { p.LogIn("secret"); p.HearUntil("never") })
	noTLS := scripted(t, func(p *xmpptest.Peer) { p.Say("no TLS") })
	target := func(c Config) (string, uint16) {
		host, port, _ := net.SplitHostPort(c.Server)
		n, _ := strconv.Atoi(port)
		return host, uint16(n)
	}
	host, port := target(live)
	_, broken := target(noTLS)
	c := live
	c.Server, c.TLS = "", TLSAuto
	// N-04: the names in DNS are of no account for whom we trust.
	c.resolver = records(func(service, _ string) ([]*net.SRV, error) {
		if service == "xmpps-client" {
			return []*net.SRV{{Target: host + ".", Port: 1, Priority: 1}, {Target: host + ".", Port: broken, Priority: 2}, {Target: host + ".", Port: port, Priority: 3}}, nil
		}
		return nil, errors.New("SERVFAIL")
	})
	connect(t, c)
}

func TestDialError(t *testing.T) {
	for err, want := range map[error]ErrorKind{
		&net.DNSError{Err: "no such host", IsNotFound: true}:    UnknownHost,
		&net.DNSError{Err: "i/o timeout", IsTimeout: true}:      TimedOut,
		&net.OpError{Op: "dial", Err: context.DeadlineExceeded}: TimedOut,
		&net.OpError{Op: "dial", Err: errors.New("refused")}:    Unreachable,
		context.Canceled: Unreachable,
		fmt.Errorf("wrapped: %w", &Error{Kind: BadName}): BadName,
	} {
		if got := kindOf(dialError(err)); got != want {
			t.Errorf("%v: kind %d, want %d", err, got, want)
		}
	}
}

func TestNewID(t *testing.T) {
	if a, b := NewID(), NewID(); a == b || len(a) != 32 {
		t.Errorf("%q, %q", a, b)
	}
}
