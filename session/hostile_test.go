//go:build unix

package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
	"github.com/sotto-im/sotto/session/xmpp/stream"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"mellium.im/xmpp/jid"
)

// What one contact does to Sotto is no harm to what the others write: it arrives, in time and in order, memory stays bounded and the
// connection alive. SOTTO_HOSTILE is how long each attack lasts (1m is what the figures are for); without it the attacks are short, and
// the times are only reported.
const (
	hostileTexts   = 40                    // of the other contact, at least
	hostileBetween = 25 * time.Millisecond // two of them
	hostileLate    = 500 * time.Millisecond
	hostilePatient = time.Minute // for one of them, on a slow and busy machine
	hostileMemory  = 64 << 20
)

// A victim is alice, at a server that says whatever a test wants: mallory and bob are her contacts.
type victim struct {
	t       *testing.T
	session *Session
	server  chan *xmpptest.Peer // her connection, as the server sees it
	peer    *xmpptest.Peer

	mu      sync.Mutex
	heard   map[string]time.Time // what bob wrote, as it was told
	order   []string
	states  []AccountState
	told    map[string]int // events by contact
	problem Problem
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	ca := xmpptest.NewCA(t)
	v := &victim{t: t, server: make(chan *xmpptest.Peer, 16), heard: map[string]time.Time{}, told: map[string]int{}}
	address := xmpptest.Listen(t, ca.Certificate(t, xmpptest.Domain, time.Now().Add(time.Hour)), xmpptest.Domain, v.serve)
	kept, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	v.session = Open(Config{Store: kept, Keyring: keyring.Memory(), RootCAs: ca.Pool})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e := range v.session.Events() {
			v.witness(e)
		}
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		v.session.Close(ctx)
		<-ended
	})
	err = v.session.SignIn(SignIn{Address: "alice@" + xmpptest.Domain, Password: []byte("secret"), Server: address, TLS: "direct"})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case v.peer = <-v.server:
	case <-time.After(hostilePatient):
		t.Fatal("alice did not sign in")
	}
	v.session.SetAccountPolicy("alice@"+xmpptest.Domain, Automatic)
	return v
}

// serve is the server: it answers everything with as little as will do.
func (v *victim) serve(p *xmpptest.Peer) {
	p.LogIn("secret")
	stanzas := 0
	for {
		e := p.Hear()
		switch e.Name.Local {
		case "r":
			p.Say(fmt.Sprintf("<a xmlns='urn:xmpp:sm:3' h='%d'/>", stanzas))
			continue
		case "a":
			continue
		case "iq":
			if t := e.Attr("type"); t == "get" || t == "set" {
				p.Say("<iq type='result' id='" + e.Attr("id") + "'>" + answerTo(e) + "</iq>")
			}
		}
		if stanzas++; e.Child("jabber:iq:roster", "query") != nil {
			for _, name := range []string{"bob", "mallory"} {
				p.Say("<presence from='" + name + "@sotto.test/x'/>")
			}
			v.server <- p
		}
	}
}

func answerTo(e *stream.Element) string {
	if e.Child("jabber:iq:roster", "query") == nil {
		return ""
	}
	return "<query xmlns='jabber:iq:roster'><item jid='bob@sotto.test' subscription='both'/>" +
		"<item jid='mallory@sotto.test' subscription='both'/></query>"
}

// witness remembers what bob wrote, and only counts everything else, so that what is measured is the session's.
func (v *victim) witness(e Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e := e.(type) {
	case AccountChanged:
		v.states = append(v.states, e.Account.State)
		v.problem = e.Account.Problem
	case ContactChanged:
		v.told[e.Contact.Contact]++
	case EntryChanged:
		v.told[e.Entry.Contact]++
		if e.Entry.Kind == Incoming && e.Entry.Contact == "bob@sotto.test" {
			v.heard[e.Entry.Text] = time.Now()
			v.order = append(v.order, e.Entry.Text)
		}
	}
}

// withstands lets an attack go on, a stanza a call, perSecond times a second, while bob writes. Each of bob's texts must arrive.
func (v *victim) withstands(perSecond int, attack func(n int) string) {
	v.t.Helper()
	length, exact := time.Second, false
	if s := os.Getenv("SOTTO_HOSTILE"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			v.t.Fatal(err)
		}
		exact = true
	}
	before := liveBytes()
	stop := make(chan struct{})
	var attacker sync.WaitGroup
	sent := 0
	attacker.Go(func() {
		const tick = 10 * time.Millisecond
		for begin := time.Now(); ; time.Sleep(tick) {
			var burst strings.Builder
			for due := int(time.Since(begin).Seconds() * float64(perSecond)); sent < due && burst.Len() < 1<<20; sent++ {
				burst.WriteString(attack(sent))
			}
			v.peer.Say(burst.String())
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	wrote := map[string]time.Time{}
	var order []string
	for begin := time.Now(); time.Since(begin) < length || len(order) < hostileTexts; time.Sleep(hostileBetween) {
		text := fmt.Sprint("text ", len(order))
		order = append(order, text)
		wrote[text] = time.Now()
		v.peer.Say("<message from='bob@sotto.test/x' type='chat' id='" + fmt.Sprint("b", len(order)) + "'><body>" + text + "</body></message>")
	}
	close(stop)
	attacker.Wait()
	last := order[len(order)-1]
	for deadline := time.Now().Add(hostilePatient); !v.has(last); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			v.t.Fatalf("bob's last text did not arrive; alice was told %v", v.told)
		}
	}
	after := liveBytes()

	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Equal(v.order, order) {
		v.t.Errorf("bob wrote %d texts, alice heard %d, or in another order", len(order), len(v.order))
	}
	if n := len(v.states); v.states[n-1] != Online || slices.Contains(v.states[slices.Index(v.states, Online):], Waiting) {
		v.t.Errorf("the connection did not stay: %v, problem %v", v.states, v.problem)
	}
	var took []time.Duration
	for text, at := range wrote {
		took = append(took, v.heard[text].Sub(at))
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	grown := int64(after) - int64(before)
	v.t.Logf("%d stanzas in %v; of %d texts of bob's p50 %v, p99 %v; %d kB more in use", sent, length, len(took),
		took[len(took)/2].Round(time.Millisecond), p99.Round(time.Millisecond), grown>>10)
	if grown > hostileMemory {
		v.t.Errorf("%d MB more in use", grown>>20)
	}
	if exact && p99 > hostileLate {
		v.t.Errorf("p99 is %v", p99)
	}
}

func (v *victim) has(text string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.heard[text]
	return ok
}

// fromMallory is a message of hers.
func fromMallory(resource, id, body string) string {
	return "<message from='mallory@sotto.test/" + resource + "' type='chat' id='" + id + "'><body>" + body + "</body></message>"
}

func TestHostileFlood(t *testing.T) {
	newVictim(t).withstands(5000, func(n int) string {
		switch n % 5 {
		case 0:
			return fmt.Sprintf("<presence from='mallory@sotto.test/r%d'><show>away</show><status>%d</status></presence>", n%2000, n)
		case 1:
			return fmt.Sprintf("<iq from='mallory@sotto.test/x' type='get' id='i%d'><query xmlns='jabber:iq:version'/></iq>", n)
		case 2:
			return "<message from='mallory@sotto.test/x' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
		case 3:
			return fmt.Sprintf("<message from='mallory@sotto.test/x' type='error' id='e%d'><error type='cancel'/></message>", n)
		}
		return fromMallory("x", fmt.Sprint("m", n), fmt.Sprint("again and again and again ", n))
	})
}

// TestHostileFragments: a thousand clients begin messages that they never end.
func TestHostileFragments(t *testing.T) {
	body := strings.Repeat("x", 30_000)
	newVictim(t).withstands(250, func(n int) string {
		return fromMallory(fmt.Sprint("r", n%1000), fmt.Sprint("m", n),
			fmt.Sprintf("?OTR|%08x|00000000,00001,%05d,%s,", 0x1000+n%1000, 2+n%60000, body))
	})
}

// TestHostileFragmentsAreForgotten: what they have begun takes little memory, and none after a minute or two.
func TestHostileFragmentsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t) // else long messages are not put together at all
		pass(time.Second)
		tag := a.store.Settings().Accounts[0].InstanceTag
		before := int64(liveBytes())
		for i := range 1000 {
			from := jid.MustParse(fmt.Sprint(b.jid, "/r", i))
			h.inject(a.jid, &xmpp.Message{From: from, ID: fmt.Sprint(i), Type: xmpp.Chat,
				Body: fmt.Sprintf("?OTR|%08x|%08x,00001,00010,%s,", 0x1000+i, tag, strings.Repeat(string(rune('a'+i%26)), 50_000))})
		}
		pass(time.Second)
		if grown := int64(liveBytes()) - before; grown > 32<<20 {
			t.Errorf("%d MB in use", grown>>20)
		} else {
			t.Logf("%d kB in use", grown>>10)
		}
		pass(2 * time.Minute)
		if grown := int64(liveBytes()) - before; grown > 1<<20 {
			t.Errorf("%d kB in use two minutes later", grown>>10)
		}
	})
}

// TestHostileKeyExchanges: sixty a second, each from another client and with another key.
func TestHostileKeyExchanges(t *testing.T) {
	commits := make([]string, 20)
	for i := range commits {
		key, err := otr.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		tag, err := otr.NewInstanceTag(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := otr.New(&otr.Config{Key: key, Tag: tag, Policy: otr.PolicyOpportunistic})
		for _, e := range c.Receive("?OTRv3?") {
			if t, ok := e.(otr.Transmit); ok {
				commits[i] = t.Body
			}
		}
		if !strings.HasPrefix(commits[i], "?OTR:AAMC") {
			t.Fatalf("not a D-H Commit Message: %q", commits[i])
		}
	}
	newVictim(t).withstands(60, func(n int) string {
		return fromMallory(fmt.Sprint("r", n%1000), fmt.Sprint("m", n), commits[n%len(commits)])
	})
}

// TestHostileSubscriptions: a thousand strangers ask to be contacts, and write.
func TestHostileSubscriptions(t *testing.T) {
	v := newVictim(t)
	v.withstands(1000, func(n int) string {
		from := fmt.Sprintf("s%d@strangers.test", n%1000)
		return "<presence type='subscribe' from='" + from + "'><status>" + strings.Repeat("let me in ", 100) + "</status></presence>" +
			"<message type='chat' from='" + from + "/x'><body>" + strings.Repeat("buy ", 500) + "</body></message>"
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	strangers := 0
	for contact := range v.told {
		if strings.HasSuffix(contact, "@strangers.test") {
			strangers++
		}
	}
	if strangers == 0 || strangers > maxStrangers {
		t.Errorf("%d strangers were shown", strangers)
	}
}

// poison are bodies that are hard to show, to clean or to understand.
func poison() map[string]string {
	return map[string]string{
		"newlines":         strings.Repeat("\n", 250_000) + "x",
		"one long line":    strings.Repeat("w", 250_000),
		"combining marks":  "a" + strings.Repeat("\u0301", 20_000),
		"right to left":    strings.Repeat("\u202e\u2067", 10_000) + "x",
		"half a fragment":  "?OTR|00001000|00000000,00001,65535," + strings.Repeat("x", 60_000) + ",",
		"endless OTR":      "?OTR:" + strings.Repeat("AAMD", 60_000),
		"not Base64":       "?OTR:AAMC!!!!.",
		"a D-H Commit cut": "?OTR:AAMCAAAQAAAAAAAAAADE.",
		"many queries":     strings.Repeat("?OTRv3?", 30_000),
		"a tag of spaces":  strings.Repeat(" \t  \t\t\t\t \t \t \t    \t\t  \t\t", 8_000),
		"an error":         "?OTR Error:" + strings.Repeat("no ", 50_000),
		"markup":           strings.Repeat("&lt;b&gt;&lt;a href=x&gt;", 10_000),
	}
}

func TestHostileTexts(t *testing.T) {
	var bodies []string
	for _, name := range []string{"newlines", "one long line", "combining marks", "right to left", "endless OTR", "many queries",
		"a tag of spaces", "an error", "markup"} {
		bodies = append(bodies, poison()[name])
	}
	newVictim(t).withstands(20, func(n int) string {
		resource := "x"
		if n%2 == 1 {
			resource = "purple" // see writesMarkup
		}
		return fromMallory(resource, fmt.Sprint("purple", n), bodies[n%len(bodies)])
	})
}

// TestHostileOfflineStore: all of it waits for alice in a real server's offline store, from a contact and from a stranger, each time
// she signs in. What bob wrote is there each time too.
func TestHostileOfflineStore(t *testing.T) {
	eachServer(t, func(t *testing.T, server *xmpptest.Server) {
		alice := realPerson(t, server, "alice", "alice's-password")
		mallory := realPerson(t, server, "mallory", "mallory's-password")
		bob := realPerson(t, server, "bob", "bob's-password")
		for _, p := range []*person{alice, bob, mallory} {
			p.until("online", p.online)
			p.session.SetAccountPolicy(p.jid, ByHand)
		}
		alice.session.SetAccountPolicy(alice.jid, Automatic)
		for _, p := range []*person{bob, mallory} {
			if _, err := p.session.AddContact(p.jid, alice.jid, ""); err != nil {
				t.Fatal(err)
			}
			alice.until("a request", func() bool { return alice.contact(p).Wants })
			alice.session.Accept(alice.ref(p))
			p.until("friends", func() bool { return p.contact(alice).Subscription == SubscriptionBoth })
		}
		rounds, longest := 2, 50_000
		if os.Getenv("SOTTO_HOSTILE") != "" {
			rounds, longest = 10, 200_000
		}
		for round := range rounds {
			alice.session.Disconnect(alice.jid)
			alice.until("offline", func() bool { return alice.accounts[alice.jid].State == Offline })
			bob.until("alice gone", func() bool { return bob.contact(alice).Presence == PresenceOffline })
			for _, local := range []string{"mallory", "stranger"} {
				leave(t, server, local, alice.jid, longest)
			}
			text := fmt.Sprint("text of round ", round)
			id, err := bob.session.Send(bob.ref(alice), text, SendUnencrypted)
			if err != nil {
				t.Fatal(err)
			}
			bob.until("kept for alice", func() bool { return bob.entries[id].Status == StatusStored })
			alice.session.Connect(alice.jid)
			begin := time.Now()
			alice.until("bob's text", func() bool { return alice.heardText(text) })
			alice.until("online", alice.online)
			t.Logf("bob's text after %v", time.Since(begin).Round(time.Millisecond))
		}
	}, "alice", "bob", "mallory", "stranger")
}

// leave sends everything that is poison, at most longest bytes of each, to somebody who is away.
func leave(t *testing.T, server *xmpptest.Server, local, to string, longest int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hostilePatient)
	defer cancel()
	conn, err := xmpp.Connect(ctx, xmpp.Config{JID: jid.MustParse(local + "@" + xmpptest.Domain), Password: []byte(local + "'s-password"),
		Resource: "evil", Server: server.Addr, TLS: xmpp.TLSStart, RootCAs: server.RootCAs})
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range poison() {
		m := xmpp.Message{ID: "purple1", To: jid.MustParse(to), Type: xmpp.Chat, Body: bound(body, longest)}
		for err = conn.Send(m); errors.As(err, new(*xmpp.TooLongError)); err = conn.Send(m) {
			m.Body = bound(m.Body, len(m.Body)*3/4) // as much as the server carries
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	conn.Close(ctx)
}
