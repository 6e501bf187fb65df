//go:build unix

package session

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
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
	rosterUsable   = 3 * time.Second
	rosterMemory   = 150 << 20
	hostileCore    = 0.25 // of a core, for
	floodPerSecond = 5000 // stanzas
)

// A victim is alice, at a server that says whatever a test wants: mallory and bob are her contacts. Her Sotto is in a process of its own, so
// that what it costs is known: see runVictim.
type victim struct {
	t      *testing.T
	in     io.WriteCloser
	pid    int
	ended  chan struct{}
	others int                 // on her roster, besides mallory and bob, all of them online
	server chan *xmpptest.Peer // her connection, as the server sees it
	peer   *xmpptest.Peer
	use    chan clientUse

	mu      sync.Mutex
	heard   map[string]time.Time // what bob wrote, as it was told
	order   []string
	states  []AccountState
	told    map[string]int // events by contact, when all is over
	problem Problem
}

// hostileVictim in the environment makes this test program a victim.
const hostileVictim = "SOTTO_HOSTILE_VICTIM"

// A lament is a line of a victim.
type lament struct {
	Bob     string         `json:",omitempty"` // wrote this
	Account *Account       `json:",omitempty"`
	Use     *clientUse     `json:",omitempty"`
	Told    map[string]int `json:",omitempty"`
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	return newVictimAmong(t, 0)
}

func newVictimAmong(t *testing.T, others int) *victim {
	t.Helper()
	ca := xmpptest.NewCA(t)
	v := &victim{t: t, others: others, server: make(chan *xmpptest.Peer, 16), heard: map[string]time.Time{}, ended: make(chan struct{}), use: make(chan clientUse, 1)}
	address := xmpptest.Listen(t, ca.Certificate(t, xmpptest.Domain, time.Now().Add(time.Hour)), xmpptest.Domain, v.serve)
	c := exec.Command(os.Args[0], address, ca.File)
	c.Env = append(os.Environ(), hostileVictim+"=1")
	c.Stderr = os.Stderr
	xmpptest.DieWithTest(c)
	var err error
	if v.in, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	v.pid = c.Process.Pid
	go func() {
		defer close(v.ended)
		for lines := json.NewDecoder(out); ; {
			var l lament
			if lines.Decode(&l) != nil {
				return
			}
			v.witness(l)
		}
	}()
	t.Cleanup(func() {
		v.in.Close()
		select {
		case <-v.ended:
		case <-time.After(hostilePatient):
			t.Error("alice's program does not end")
			c.Process.Kill()
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	select {
	case v.peer = <-v.server:
	case <-time.After(hostilePatient):
		t.Fatal("alice did not sign in")
	}
	return v
}

// runVictim is alice's program, until its standard input ends. What mallory does is only counted, so that what is measured is the session's.
func runVictim(server, caFile string) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	kept, err := store.Open("")
	if err != nil {
		panic(err)
	}
	s := Open(Config{Store: kept, Keyring: keyring.Memory(), RootCAs: roots})
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	tell := func(l lament) {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(l); err != nil {
			panic(err)
		}
	}
	told := map[string]int{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e := range s.Events() {
			switch e := e.(type) {
			case AccountChanged:
				tell(lament{Account: &e.Account})
			case ContactChanged:
				told[e.Contact.Contact]++
			case EntryChanged:
				told[e.Entry.Contact]++
				if e.Entry.Kind == Incoming && e.Entry.Contact == "bob@sotto.test" {
					tell(lament{Bob: e.Entry.Text})
				}
			}
		}
	}()
	address := "alice@" + xmpptest.Domain
	if err := s.SignIn(SignIn{Address: address, Password: []byte("secret"), Server: server, TLS: "direct"}); err != nil {
		panic(err)
	}
	s.SetAccountPolicy(address, Automatic)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		tell(lament{Use: use()})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s.Close(ctx)
	<-ended
	tell(lament{Told: told})
}

// uses asks what alice's program uses, its garbage collected.
func (v *victim) uses() clientUse {
	v.t.Helper()
	fmt.Fprintln(v.in)
	select {
	case u := <-v.use:
		return u
	case <-time.After(hostilePatient):
		v.t.Fatal("alice's program does not answer")
		return clientUse{}
	}
}

// end is the end of alice's program, which then has told everything.
func (v *victim) end() {
	v.t.Helper()
	v.in.Close()
	select {
	case <-v.ended:
	case <-time.After(hostilePatient):
		v.t.Fatal("alice's program does not end")
	}
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
				p.Say("<iq type='result' id='" + e.Attr("id") + "'>" + v.answerTo(e) + "</iq>")
			}
		}
		if stanzas++; e.Child("jabber:iq:roster", "query") != nil {
			for _, name := range []string{"bob", "mallory"} {
				p.Say("<presence from='" + name + "@sotto.test/x'/>")
			}
			for i := range v.others {
				p.Say(fmt.Sprintf("<presence from='contact%d@sotto.test/x'><show>away</show><status>out</status></presence>", i))
			}
			v.server <- p
		}
	}
}

func (v *victim) answerTo(e *stream.Element) string {
	if e.Child("jabber:iq:roster", "query") == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("<query xmlns='jabber:iq:roster'><item jid='bob@sotto.test' subscription='both'/><item jid='mallory@sotto.test' subscription='both'/>")
	for i := range v.others {
		fmt.Fprintf(&b, "<item jid='contact%d@sotto.test' subscription='both' name='Contact %d'><group>group %d</group></item>", i, i, i%20)
	}
	b.WriteString("</query>")
	return b.String()
}

// witness remembers what alice's program tells.
func (v *victim) witness(l lament) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case l.Use != nil:
		v.use <- *l.Use
	case l.Told != nil:
		v.told = l.Told
	case l.Account != nil:
		v.states = append(v.states, l.Account.State)
		v.problem = l.Account.Problem
	case l.Bob != "":
		v.heard[l.Bob] = now
		v.order = append(v.order, l.Bob)
	}
}

// A cost is what alice's program has taken of the machine: time of its cores, and memory. They are zero where the system does not tell.
type cost struct {
	time   time.Duration
	memory int // resident
}

func (v *victim) cost() (c cost) {
	const ticks = 100 // of a core in a second, for /proc: USER_HZ
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", v.pid)); err == nil {
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		c.time = time.Duration(user+system) * time.Second / ticks
	}
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", v.pid)); err == nil {
		pages, _ := strconv.Atoi(strings.Fields(string(b))[1])
		c.memory = pages * os.Getpagesize()
	}
	return c
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
	before, began, calm := v.uses(), time.Now(), v.cost()
	peak := calm.memory
	stop := make(chan struct{})
	var attacker sync.WaitGroup
	sent := 0
	attacker.Go(func() {
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-tick.C:
				peak = max(peak, v.cost().memory)
			case <-stop:
				tick.Stop()
				return
			}
		}
	})
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
			v.t.Fatal("bob's last text did not arrive")
		}
	}
	took := time.Since(began)
	core := float64((v.cost().time - calm.time).Milliseconds()) / float64(took.Milliseconds())
	after := v.uses()

	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Equal(v.order, order) {
		v.t.Errorf("bob wrote %d texts, alice heard %d, or in another order", len(order), len(v.order))
	}
	if n := len(v.states); v.states[n-1] != Online || slices.Contains(v.states[slices.Index(v.states, Online):], Waiting) {
		v.t.Errorf("the connection did not stay: %v, problem %v", v.states, v.problem)
	}
	var delays []time.Duration
	for text, at := range wrote {
		delays = append(delays, v.heard[text].Sub(at))
	}
	slices.Sort(delays)
	p99 := delays[len(delays)*99/100]
	grown, resident := after.Heap-before.Heap, peak-calm.memory
	v.t.Logf("%d stanzas in %v; of %d texts of bob's p50 %v, p99 %v; %.1f %% of a core; %d kB more in use, %d kB more resident at the worst moment", sent,
		took.Round(time.Second), len(delays), delays[len(delays)/2].Round(time.Millisecond), p99.Round(time.Millisecond), core*100, grown>>10, resident>>10)
	if grown > hostileMemory {
		v.t.Errorf("%d MB more in use", grown>>20)
	}
	if exact && p99 > hostileLate {
		v.t.Errorf("p99 is %v", p99)
	}
	if exact && resident > hostileMemory {
		v.t.Errorf("%d MB more resident", resident>>20)
	}
	if exact && perSecond >= floodPerSecond && core > hostileCore {
		v.t.Errorf("%.1f %% of a core", core*100)
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
	newVictim(t).withstands(floodPerSecond, func(n int) string {
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

// TestHostileChanges: a contact who changes all the time is told of now and then, and as things are in the end.
func TestHostileChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		pass(time.Minute)
		told := func() (n int) {
			a.mu.Lock()
			defer a.mu.Unlock()
			for _, e := range a.events {
				if e, ok := e.(ContactChanged); ok && e.Contact.Contact == b.jid {
					n++
				}
			}
			return n
		}
		before := told()
		const seconds, changes = 10, 500
		from := jid.MustParse(b.jid + "/x")
		for n := range seconds * changes {
			h.inject(a.jid, &xmpp.Presence{From: from, Status: fmt.Sprint(n)})
			pass(time.Second / changes)
		}
		if n := told() - before; n < seconds || n > toldAtOnce+2*seconds*int(time.Second/toldEvery) {
			t.Errorf("told %d times of %d changes", n, seconds*changes)
		}
		pass(time.Second)
		a.mu.Lock()
		defer a.mu.Unlock()
		if want := fmt.Sprint(seconds*changes - 1); !slices.ContainsFunc(a.contact(b).Resources, func(r Resource) bool { return r.Status == want }) {
			t.Errorf("in the end %+v", a.contact(b).Resources)
		}
	})
}

// TestHostileRoster: a roster of ten thousand, all of them online, keeps nobody waiting and takes no more memory than there is.
func TestHostileRoster(t *testing.T) {
	began := time.Now()
	v := newVictimAmong(t, largeRoster)
	v.peer.Say("<message from='bob@sotto.test/x' type='chat' id='b'><body>after all</body></message>")
	for deadline := time.Now().Add(hostilePatient); !v.has("after all"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("bob's text did not arrive")
		}
	}
	took, memory := time.Since(began), v.cost().memory
	t.Logf("from the start of the program to the text behind %d contacts and presences %v, %d MB resident, %d MB in use", largeRoster,
		took.Round(time.Millisecond), memory>>20, v.uses().Heap>>20)
	if os.Getenv("SOTTO_HOSTILE") != "" && (took > rosterUsable || memory > rosterMemory) {
		t.Errorf("%v, %d MB", took, memory>>20)
	}
	v.end()
	if n := len(v.told); n < largeRoster {
		t.Errorf("told of %d contacts", n)
	}
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
	v.end()
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
