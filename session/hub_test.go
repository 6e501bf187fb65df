package session

import (
	"context"
	"crypto/x509"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

// A hub is an XMPP server in memory, as far as a session sees one: accounts, rosters, presence, messages, an offline store.
type hub struct {
	mu    sync.Mutex
	users map[string]*hubUser
	wire  []xmpp.Message // every message that a client sent
	seen  []xmpp.Presence

	noAcks    bool
	carbons   bool                              // other clients get copies of what is not marked private
	quiet     bool                              // nobody is told that a line has ended
	refuse    error                             // what Connect says, when set
	dials     int                               //
	tamper    func(m *xmpp.Message) (keep bool) // what the network does to messages on their way
	passwords []string                          // that were tried

	// see features_test.go
	presence   xmpp.Presence // of who signed in last
	software   map[string]xmpp.Software
	noBlocking bool
	taskError  error
}

type hubUser struct {
	password string
	roster   map[string]*xmpp.RosterItem
	lines    map[string]*hubLine
	offline  []xmpp.Message
	requests []xmpp.Presence
	blocked  map[string]bool // see features_test.go
}

type hubLine struct {
	hub    *hub
	owner  *hubUser
	full   jid.JID
	in     chan xmpp.Event
	events chan xmpp.Event
	stop   chan struct{}
	err    error
	gone   bool

	unmarked bool // its messages carry no hints
}

func newHub(users ...string) *hub {
	journal()
	h := &hub{users: map[string]*hubUser{}}
	for _, u := range users {
		h.users[u] = &hubUser{password: "secret of " + u, roster: map[string]*xmpp.RosterItem{}, lines: map[string]*hubLine{}}
	}
	return h
}

// befriend puts two users on each other's roster, subscribed both ways.
func (h *hub) befriend(x, y string) {
	h.users[x].roster[y] = &xmpp.RosterItem{JID: jid.MustParse(y), Subscription: "both"}
	h.users[y].roster[x] = &xmpp.RosterItem{JID: jid.MustParse(x), Subscription: "both"}
}

func (h *hub) dial(ctx context.Context, c xmpp.Config) (line, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	l, err := h.connect(c)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (h *hub) connect(c xmpp.Config) (*hubLine, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials++
	h.passwords = append(h.passwords, string(c.Password))
	h.presence = c.Presence
	if h.refuse != nil {
		return nil, h.refuse
	}
	u := h.users[c.JID.String()]
	if u == nil || u.password != string(c.Password) {
		return nil, &xmpp.Error{Kind: xmpp.WrongPassword}
	}
	full, _ := c.JID.WithResource(c.Resource)
	if old := u.lines[c.Resource]; old != nil {
		h.end(old, &xmpp.Error{Kind: xmpp.Conflict})
	}
	l := &hubLine{hub: h, owner: u, full: full, in: make(chan xmpp.Event), events: make(chan xmpp.Event), stop: make(chan struct{})}
	go pipe(l.in, l.events, l.stop)
	u.lines[c.Resource] = l
	h.announce(l, xmpp.Available)
	for name, item := range u.roster {
		if other := h.users[name]; other != nil && (item.Subscription == "to" || item.Subscription == "both") {
			for _, o := range other.lines {
				l.in <- &xmpp.Presence{From: o.full, To: full}
			}
		}
	}
	for _, p := range u.requests {
		l.in <- &p
	}
	for _, m := range u.offline {
		l.in <- &m
	}
	u.offline = nil
	return l, nil
}

func (h *hub) announce(l *hubLine, t xmpp.PresenceType) {
	for name, item := range l.owner.roster {
		if other := h.users[name]; other != nil && (item.Subscription == "from" || item.Subscription == "both") {
			for _, o := range other.lines {
				o.in <- &xmpp.Presence{From: l.full, To: o.full, Type: t}
			}
		}
	}
}

func (h *hub) end(l *hubLine, err error) {
	if l.gone {
		return
	}
	l.gone, l.err = true, err
	delete(l.owner.lines, l.full.Resourcepart())
	close(l.in)
	if !h.quiet {
		h.announce(l, xmpp.Unavailable)
	}
}

// cut ends the connections of a user as a broken network does.
func (h *hub) cut(user string, kind xmpp.ErrorKind) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.users[user].lines {
		h.end(l, &xmpp.Error{Kind: kind})
	}
}

// sent returns the bodies that clients of a user have sent.
func (h *hub) sent(from string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var bodies []string
	for _, m := range h.wire {
		if m.From.Bare().String() == from && m.Body != "" {
			bodies = append(bodies, m.Body)
		}
	}
	return bodies
}

// inject delivers what no client of the hub has sent.
func (h *hub) inject(to string, e xmpp.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.users[to].lines {
		l.in <- e
	}
}

func (h *hub) push(user, contact string) {
	item := h.users[user].roster[contact]
	for _, l := range h.users[user].lines {
		l.in <- &xmpp.RosterPush{Item: *item}
	}
}

func (l *hubLine) Probe(time.Duration)       {}
func (l *hubLine) Facts() xmpp.Facts         { return xmpp.Facts{Strength: xmpp.Strength{SCRAM: true}} }
func (l *hubLine) Events() <-chan xmpp.Event { return l.events }

func (l *hubLine) Err() error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	return l.err
}

func (l *hubLine) Send(m xmpp.Message) error {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if l.gone {
		return xmpp.ErrClosed
	}
	m.From = l.full
	m.Marked = m.OTR && !l.unmarked
	h.wire = append(h.wire, m)
	if !h.noAcks {
		l.in <- &xmpp.Acked{ID: m.ID}
	}
	if h.tamper != nil && !h.tamper(&m) {
		return nil
	}
	h.route(l, m)
	return nil
}

// deliver carries what tamper held.
func (h *hub) deliver(m xmpp.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.route(h.users[m.From.Bare().String()].lines[m.From.Resourcepart()], m)
}

func (h *hub) route(l *hubLine, m xmpp.Message) {
	u := h.users[m.To.Bare().String()]
	if u == nil {
		l.in <- &xmpp.Message{ID: m.ID, From: m.To, To: l.full, Type: xmpp.ErrorMessage, Body: m.Body, Err: &xmpp.StanzaError{Type: "cancel", Condition: "item-not-found"}}
		return
	}
	h.copies(l, m)
	if r := m.To.Resourcepart(); r != "" {
		if o := u.lines[r]; o != nil {
			o.in <- &m
			return
		}
		l.in <- &xmpp.Message{ID: m.ID, From: m.To, To: l.full, Type: xmpp.ErrorMessage, Body: m.Body, Err: &xmpp.StanzaError{Type: "cancel", Condition: "service-unavailable"}}
		return
	}
	if u.blocked[m.From.Bare().String()] {
		l.in <- &xmpp.Message{ID: m.ID, From: m.To, To: l.full, Type: xmpp.ErrorMessage, Err: &xmpp.StanzaError{Type: "cancel", Condition: "service-unavailable"}}
		return
	}
	for _, o := range u.lines {
		o.in <- &m
	}
	if len(u.lines) == 0 && m.Body != "" {
		m.Delay = time.Now()
		u.offline = append(u.offline, m)
	}
}

// copies are carbons (XEP-0280).
func (h *hub) copies(l *hubLine, m xmpp.Message) {
	if !h.carbons || m.OTR || m.Body == "" {
		return
	}
	for _, o := range l.owner.lines {
		if o != l {
			m := m
			m.Carbon = xmpp.CarbonSent
			o.in <- &m
		}
	}
	for r, o := range h.users[m.To.Bare().String()].lines {
		if m.To.Resourcepart() != "" && r != m.To.Resourcepart() {
			m := m
			m.Carbon = xmpp.CarbonReceived
			o.in <- &m
		}
	}
}

func (l *hubLine) SendPresence(p xmpp.Presence) error {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	p.From = l.full
	h.seen = append(h.seen, p)
	mine, theirs := l.full.Bare().String(), p.To.Bare().String()
	other := h.users[theirs]
	if other == nil {
		if p.Type == xmpp.Subscribe {
			l.in <- &xmpp.Presence{From: p.To, Type: xmpp.PresenceError, Err: &xmpp.StanzaError{Type: "cancel", Condition: "remote-server-not-found"}}
		}
		return nil
	}
	p.From = l.full.Bare()
	switch p.Type {
	case xmpp.Subscribe:
		if item := l.owner.roster[theirs]; item != nil {
			item.Ask = true
			h.push(mine, theirs)
		}
		other.requests = append(other.requests, p)
	case xmpp.Subscribed:
		l.owner.requests = slices.DeleteFunc(l.owner.requests, func(r xmpp.Presence) bool { return r.From.Bare().Equal(p.To.Bare()) })
		h.grant(l.owner, mine, theirs, "from")
		h.grant(other, theirs, mine, "to")
		for _, o := range other.lines {
			for _, own := range l.owner.lines {
				o.in <- &xmpp.Presence{From: own.full, To: o.full}
			}
		}
	case xmpp.Unsubscribed:
		l.owner.requests = slices.DeleteFunc(l.owner.requests, func(r xmpp.Presence) bool { return r.From.Bare().Equal(p.To.Bare()) })
	}
	for _, o := range other.lines {
		o.in <- &p
	}
	return nil
}

// grant adds one direction to the subscription that u has with a contact.
func (h *hub) grant(u *hubUser, name, contact, direction string) {
	item := u.roster[contact]
	if item == nil {
		item = &xmpp.RosterItem{JID: jid.MustParse(contact), Subscription: "none"}
		u.roster[contact] = item
	}
	switch {
	case item.Subscription == "none" || item.Subscription == "":
		item.Subscription = direction
	case item.Subscription != direction:
		item.Subscription = "both"
	}
	if direction == "to" {
		item.Ask = false
	}
	h.push(name, contact)
}

func (l *hubLine) Roster(context.Context) ([]xmpp.RosterItem, error) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	var items []xmpp.RosterItem
	for _, i := range l.owner.roster {
		items = append(items, *i)
	}
	return items, nil
}

func (l *hubLine) SetContact(_ context.Context, item xmpp.RosterItem) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	name := item.JID.String()
	if old := l.owner.roster[name]; old != nil {
		old.Name, old.Groups = item.Name, item.Groups
	} else {
		item.Subscription = "none"
		l.owner.roster[name] = &item
	}
	l.hub.push(l.full.Bare().String(), name)
	return nil
}

func (l *hubLine) RemoveContact(_ context.Context, contact jid.JID) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	delete(l.owner.roster, contact.String())
	for _, o := range l.owner.lines {
		o.in <- &xmpp.RosterPush{Item: xmpp.RosterItem{JID: contact, Subscription: "remove"}}
	}
	return nil
}

func (l *hubLine) Close(context.Context) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.hub.end(l, nil)
}

// ---- people

// A person has a session and remembers what it told, as a window would.
type person struct {
	t        *testing.T
	hub      *hub
	jid      string
	store    *store.Store
	dir      string // of the store
	keyring  keyring.Keyring
	session  *Session
	accounts map[string]Account
	contacts map[string]Contact
	entries  map[EntryID]Entry
	order    []EntryID
	smp      SMP
	stages   []SMPStage
	events   []Event
	ended    chan struct{}
	roots    *x509.CertPool                                                   // of a real server
	time     func() time.Time                                                 // nil: the usual
	register func(context.Context, xmpp.Config, string) (registration, error) // see signup_test.go
	network  func(context.Context) <-chan struct{}                            // nil: the usual
	dial     func(context.Context, xmpp.Config) (line, error)                 // nil: the hub's, or the usual

	mu    sync.Mutex                  // guards what was told, where there is no synctest.Wait
	moved chan struct{}               // closed and made anew with every event
	first atomic.Pointer[func(Event)] // is given each before it is noted
}

// everybody is who takes part in the present test.
var everybody []*person

// pass lets time go by, and everything settle. (Sleeping alone would not tell the race detector that what a test has read it has read
// before somebody's timer went off.)
func pass(d time.Duration) {
	for _, p := range everybody {
		p.hearing()
		p.hub.sent(p.jid)
	}
	time.Sleep(d)
	synctest.Wait()
}

// newPerson is somebody with an account on the hub, signed in.
func newPerson(t *testing.T, h *hub, name string) *person {
	t.Helper()
	p := strangerTo(t, h, name)
	if err := p.session.SignIn(SignIn{Address: name, Password: []byte("secret of " + name)}); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	if a := p.accounts[name]; a.State != Online {
		t.Fatalf("%s is not online: %+v", name, a)
	}
	return p
}

// strangerTo is somebody whose session has no account yet.
func strangerTo(t *testing.T, h *hub, name string) *person {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, hub: h, jid: name, store: s, dir: dir, keyring: keyringDouble{}}
	p.open()
	everybody = append(everybody, p)
	t.Cleanup(func() {
		p.close()
		s.Close()
		everybody = nil
	})
	return p
}

// keyringDouble keeps like the one of the operating system, but in memory.
type keyringDouble map[string][]byte

var keyringLock sync.Mutex

// kept is what the person's keyring has, where it is the double.
func (p *person) kept() keyringDouble {
	k, _ := p.keyring.(keyringDouble)
	return k
}

func (k keyringDouble) Set(_ context.Context, name string, secret []byte) error {
	keyringLock.Lock()
	defer keyringLock.Unlock()
	k[name] = slices.Clone(secret)
	return nil
}

func (k keyringDouble) Secret(_ context.Context, name string) ([]byte, error) {
	keyringLock.Lock()
	defer keyringLock.Unlock()
	if b, ok := k[name]; ok {
		return slices.Clone(b), nil
	}
	return nil, keyring.ErrNotFound
}

func (k keyringDouble) Delete(_ context.Context, name string) error {
	keyringLock.Lock()
	defer keyringLock.Unlock()
	delete(k, name)
	return nil
}

// open starts the session with what store and keyring have.
func (p *person) open() {
	p.accounts, p.contacts, p.entries, p.order = map[string]Account{}, map[string]Contact{}, map[EntryID]Entry{}, nil
	p.smp, p.stages, p.events = SMP{}, nil, nil
	p.moved = make(chan struct{})
	config := Config{Store: p.store, Keyring: p.keyring, RootCAs: p.roots, Time: p.time}
	if p.hub != nil {
		config.dial = p.hub.dial
	}
	if p.dial != nil {
		config.dial = p.dial
	}
	config.register, config.network = p.register, p.network
	p.session = Open(config)
	ended := make(chan struct{})
	p.ended = ended
	events := p.session.Events()
	go func() {
		defer close(ended)
		for e := range events {
			if first := p.first.Load(); first != nil {
				(*first)(e)
			}
			p.mu.Lock()
			p.take(e)
			close(p.moved)
			p.moved = make(chan struct{})
			p.mu.Unlock()
		}
	}()
}

// until waits for events to make something true.
func (p *person) until(what string, is func() bool) {
	p.t.Helper()
	late := time.After(time.Minute)
	for {
		p.mu.Lock()
		ok, moved := is(), p.moved
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-moved:
		case <-late:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("%s: waited in vain for: %s\naccount %+v\ncontacts %+v\n%s", p.jid, what, p.accounts, p.contacts, strings.Join(p.lines(), "\n"))
		}
	}
}

// comeBack signs in again, as often as it takes: ejabberd, while it starts, refuses passwords that it accepts a moment later.
func (p *person) comeBack() {
	p.t.Helper()
	for online := false; !online; {
		p.session.Connect(p.jid)
		p.until("online again", func() bool {
			online = p.online()
			return online || p.accounts[p.jid].State == Stopped
		})
	}
}

// befriend adds o under a name, has them accept, and waits until both see each other.
func (p *person) befriend(o *person, name string) {
	p.t.Helper()
	if _, err := p.session.AddContact(p.jid, o.jid, name); err != nil {
		p.t.Fatal(err)
	}
	o.until("a request", func() bool { return o.contact(p).Wants })
	o.session.Accept(o.ref(p))
	for _, both := range [][2]*person{{p, o}, {o, p}} {
		both[0].until("both see each other", func() bool {
			c := both[0].contact(both[1])
			return c.Subscription == SubscriptionBoth && c.Presence == PresenceOnline && c.OnRoster
		})
	}
}

func (p *person) close() {
	p.session.Close(context.Background())
	<-p.ended
}

// restart is the program ending, politely, and starting again.
func (p *person) restart() {
	p.close()
	p.open()
	synctest.Wait()
}

func (p *person) take(e Event) {
	p.events = append(p.events, e)
	switch e := e.(type) {
	case AccountChanged:
		p.accounts[e.Account.JID] = e.Account
	case AccountRemoved:
		delete(p.accounts, e.JID)
	case ContactChanged:
		p.contacts[e.Contact.Contact] = e.Contact
	case ContactRemoved:
		delete(p.contacts, e.Ref.Contact)
	case EntryChanged:
		if _, ok := p.entries[e.Entry.ID]; !ok {
			p.order = append(p.order, e.Entry.ID)
		}
		p.entries[e.Entry.ID] = e.Entry
	case SMPChanged:
		p.smp = e.SMP
		p.stages = append(p.stages, e.SMP.Stage)
	}
}

func (p *person) ref(other *person) Ref { return Ref{p.jid, other.jid} }

func (p *person) contact(other *person) Contact { return p.contacts[other.jid] }

// say sends as the button says.
func (p *person) say(other *person, text string) EntryID {
	p.t.Helper()
	p.mu.Lock()
	mode := p.contact(other).SendMode
	p.mu.Unlock()
	id, err := p.session.Send(p.ref(other), text, mode)
	if err != nil {
		p.t.Fatalf("%s cannot send in mode %d: %v", p.jid, mode, err)
	}
	synctest.Wait()
	return id
}

// lines are the entries as somebody could write them down.
func (p *person) lines() []string {
	var lines []string
	for _, id := range p.order {
		e := p.entries[id]
		switch e.Kind {
		case Incoming:
			lines = append(lines, fmt.Sprintf("< %s %s", guardNames[e.Guard], e.Text))
		case Outgoing:
			lines = append(lines, fmt.Sprintf("> %s %s %s", guardNames[e.Guard], statusNames[e.Status], e.Text))
		case NoticeEntry:
			lines = append(lines, "- "+noticeNames[e.Notice])
		}
	}
	return lines
}

// heard are the texts that came in, with their guard.
func (p *person) heard() []string {
	return slices.DeleteFunc(p.lines(), func(l string) bool { return !strings.HasPrefix(l, "<") })
}

func (p *person) heardText(text string) bool {
	return slices.ContainsFunc(p.heard(), func(l string) bool { return strings.HasSuffix(l, " "+text) })
}

func (p *person) hearing() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard()
}

func (p *person) run() SMP {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.smp
}

func (p *person) online() bool { return p.accounts[p.jid].State == Online }

func (p *person) has(n Notice) bool { return p.count(n) > 0 }

func (p *person) count(n Notice) int {
	count := 0
	for _, e := range p.entries {
		if e.Kind == NoticeEntry && e.Notice == n {
			count += max(e.Count, 1)
		}
	}
	return count
}

var guardNames = map[Guard]string{InClear: "clear", InClearUnexpected: "forged?", EncryptedUnverified: "unverified", EncryptedVerified: "verified"}

var statusNames = map[Status]string{StatusWaiting: "waiting", StatusSent: "sent", StatusStored: "stored", StatusDelivered: "delivered",
	StatusUnconfirmed: "unconfirmed", StatusFailed: "failed", StatusDiscarded: "discarded"}

var noticeNames = map[Notice]string{NoticePrivate: "private", NoticePrivateFirst: "first", NoticePrivateVerified: "private verified",
	NoticeRefreshed: "refreshed", NoticePeerEnded: "they ended", NoticeWeEnded: "we ended", NoticeKeyChanged: "key changed",
	NoticeKeyAccepted: "accepted", NoticeKeyRefused: "refused", NoticeNoAnswer: "no answer", NoticePeerError: "error",
	NoticeUnreadable: "unreadable", NoticeInterrupted: "interrupted", NoticeAnotherClient: "another client",
	NoticeVerifiedThem: "verified them", NoticeVerifiedUs: "verified us", NoticeUnverified: "unverified", NoticeSMPFailed: "differ",
	NoticeSMPAsked: "asked", NoticeSMPWeAsked: "we asked", NoticeSMPAborted: "aborted", NoticePolicy: "policy",
	NoticePrivateOther: "another key", NoticeHeld: "held", NoticeReleased: "released", NoticeNotAnswered: "not answered"}

// friends are two people with accounts on a hub, on each other's roster, both online.
func friends(t *testing.T) (*hub, *person, *person) {
	t.Helper()
	h := newHub("alice@sotto.test", "bob@sotto.test")
	h.befriend("alice@sotto.test", "bob@sotto.test")
	a, b := newPerson(t, h, "alice@sotto.test"), newPerson(t, h, "bob@sotto.test")
	synctest.Wait()
	return h, a, b
}

// private are friends who have begun a private conversation.
func private(t *testing.T) (*hub, *person, *person) {
	t.Helper()
	h, a, b := friends(t)
	a.session.Opened(a.ref(b))
	synctest.Wait()
	if l := a.contact(b).Lock; l != Unverified {
		t.Fatalf("no private conversation: %+v", a.contact(b))
	}
	return h, a, b
}

// verified are friends of whom a has verified b's key.
func verified(t *testing.T) (*hub, *person, *person) {
	t.Helper()
	h, a, b := private(t)
	if err := a.session.SetVerified(a.ref(b), *a.contact(b).Key, true); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return h, a, b
}

// liveBytes is what lives in memory.
func liveBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// count is how often a text was said.
func count(lines []string, text string) int {
	n := 0
	for _, l := range lines {
		if strings.HasSuffix(l, " "+text) {
			n++
		}
	}
	return n
}
