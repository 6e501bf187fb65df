package session

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

const (
	connectTimeout = 60 * time.Second  // for all of xmpp.Connect
	requestTimeout = 30 * time.Second  // for an answer of the server
	goodbyeTimeout = 5 * time.Second   // for signing out
	keyringTimeout = 150 * time.Second // above the keyring's own deadlines: a person may be typing a password
	firstBackOff   = time.Second
	longestBackOff = 300 * time.Second
	steady         = 60 * time.Second // online for so long, the back-off begins anew
	pollEvery      = 30 * time.Second // otr.Conversation.Poll asks for once a minute
	maxHeld        = 10_000           // events that wait for roster and key
	maxHeldBytes   = 16 << 20         // of what they say
	maxLater       = 1_000            // requests of the person that wait for the connection
)

// A line is the connection of an account: an *xmpp.Conn, or a network in memory in tests.
type line interface {
	Facts() xmpp.Facts
	Events() <-chan xmpp.Event
	Err() error
	Send(xmpp.Message) error
	SendPresence(xmpp.Presence) error
	Roster(context.Context) ([]xmpp.RosterItem, error)
	SetContact(context.Context, xmpp.RosterItem) error
	RemoveContact(context.Context, jid.JID) error
	Learn(*xmpp.Presence) *xmpp.Software
	Blocked(context.Context) ([]jid.JID, error)
	Block(context.Context, jid.JID) error
	Unblock(context.Context, jid.JID) error
	ChangePassword(context.Context, []byte) error
	DeleteAccount(context.Context) error
	Probe(within time.Duration)
	Close(context.Context)
}

func dial(ctx context.Context, c xmpp.Config) (line, error) {
	conn, err := xmpp.Connect(ctx, c)
	if err != nil {
		return nil, err // not conn: a nil *xmpp.Conn would be a line that is not nil
	}
	return conn, nil
}

// An account is the goroutine of one account and what that owns. Everything below ctx belongs to it alone.
type account struct {
	session *Session
	address jid.JID
	do      chan func()
	done    chan struct{} // closed when the goroutine has ended
	ctx     context.Context
	cancel  context.CancelFunc

	record   store.Account // as it is on the disk, or will be
	way      way           // how we sign in; becomes the record's when it has worked
	kept     bool          // it is on the disk, and changes of it go there
	accepted bool          // the server has accepted us once, with this password
	password []byte        // for signing in again; nil: ask the keyring
	key      *otr.PrivateKey
	unkept   unkept
	renew    bool // the person wants a new key

	wish    bool // the person wants to be online
	state   AccountState
	problem Problem
	server  string
	retryAt time.Time
	failed  int // attempts since it worked
	since   time.Time
	retry   *time.Timer
	last    Account // as it was told

	attempt int           // number of the attempt to sign in that counts
	trying  chan struct{} // closed when the last attempt has ended, counting or not
	abandon context.CancelFunc
	conn    line // signed in; still there while we say goodbye
	leaving bool
	events  <-chan xmpp.Event
	ready   bool         // roster and key are there: events are no longer held
	held    []xmpp.Event // until then
	holding int          // bytes in held
	later   []func()     // to do once online

	farewell func() // to do once offline
	removing bool
	next     *SignIn // to sign in with once this account is removed
	erased   bool

	exhibits  []exhibit // see exhibit.go
	exhibited int       // how many there ever were

	conversations map[string]*conversation
	changed       map[*conversation]struct{} // since they were told
	looking       *conversation              // what the person looks at; nil: nothing of this account
	sent          map[string]*outgoing       // by the ids of the stanzas that carried them
	begun         []time.Time                // key exchanges that anybody began in the last minute

	blocking  blocking
	announced shown         // as the server was told to show us
	task      AccountTask   // the last one
	keeping   chan struct{} // closed when the last attempt to put something into the keyring while online has ended
	keyrings  int           // that the person has chosen

	circuit   circuit
	serverKey *ServerKeyChange // what ProblemServerKey asks about
	keyNews   *ServerKeyChange // of the present connection
}

// A way is how to reach the server, as the person said.
type way struct {
	server, tls string
	plain       bool
	proxy       Proxy
}

// unkept says which secrets the keyring does not have yet.
type unkept struct{ password, key, proxy bool }

// newRecord is what will be kept of an account that is new here.
func newRecord(address jid.JID) store.Account {
	var b [20]byte
	rand.Read(b[:]) // never fails
	tag, err := otr.NewInstanceTag(rand.Reader)
	if err != nil {
		panic("session: internal error: " + err.Error()) // crypto/rand does not fail
	}
	return store.Account{
		ID:          hex.EncodeToString(b[:16]),
		JID:         address.String(),
		Resource:    "sotto-" + hex.EncodeToString(b[16:]),
		UserAgentID: uuid.NewString(),
		InstanceTag: uint32(tag),
	}
}

func newAccount(s *Session, record store.Account, address jid.JID) *account {
	a := &account{
		session:       s,
		address:       address,
		do:            make(chan func()),
		done:          make(chan struct{}),
		record:        record,
		way:           way{record.Server, record.TLS, record.AllowPlain, proxyOf(record)},
		circuit:       newCircuit(),
		conversations: map[string]*conversation{},
		changed:       map[*conversation]struct{}{},
		sent:          map[string]*outgoing{},
	}
	a.ctx, a.cancel = context.WithCancel(s.ctx)
	return a
}

func (a *account) start() { a.session.accounts.Go(a.run) }

func (a *account) run() {
	defer close(a.done)
	defer a.cancel()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for a.ctx.Err() == nil {
		select {
		case f := <-a.do:
			f()
		case e, open := <-a.events:
			if open {
				a.take(e)
			} else {
				a.lost()
			}
		case <-poll.C:
			for _, c := range a.conversations {
				c.poll()
			}
		case <-a.ctx.Done():
		}
		a.settle()
	}
	if conn := a.conn; conn != nil {
		a.session.working.Go(func() { discard(conn) })
	}
	clear(a.password)
	clear(a.way.proxy.Password)
}

// tell has f carried out on the account's goroutine. It does not wait for that, and does nothing once the account has ended.
func (a *account) tell(f func()) {
	select {
	case a.do <- f:
	case <-a.done:
	}
}

// ask has f carried out on the account's goroutine, and waits.
func (a *account) ask(f func()) {
	finished := make(chan struct{})
	a.tell(func() {
		defer close(finished)
		f()
	})
	select {
	case <-finished:
	case <-a.done:
	}
}

// after has f carried out on the account's goroutine when d has passed.
func (a *account) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { a.tell(f) })
}

// background runs work, which may wait for network or keyring, on a goroutine of its own, and then done with its error on the account's.
func (a *account) background(limit time.Duration, work func(context.Context) error, done func(error)) {
	ctx, cancel := context.WithTimeout(a.ctx, limit)
	a.session.working.Go(func() {
		defer cancel()
		err := work(ctx)
		a.tell(func() { done(err) })
	})
}

func (a *account) ref() string { return a.record.JID }

func (a *account) now() time.Time { return a.session.config.Time() }

func (a *account) online() bool { return a.state == Online && a.conn != nil && !a.leaving }

// value is the account as the receiver of events sees it.
func (a *account) value() Account {
	v := Account{
		JID:     a.ref(),
		State:   a.state,
		Problem: a.problem,
		Server:  a.server,
		RetryAt: a.retryAt,
		Policy:  a.policy(),
		Kept:    a.kept && a.session.config.Store.Dir() != "",

		Position: a.session.position(a.ref()),
		Disabled: a.record.Disabled,
		Presence: a.ownShow(),
		Status:   a.record.Status,
		Typing:   parseTyping(a.record.Typing),
		KeyRule:  a.keyRule(),

		NoReceipts: a.record.NoReceipts,

		Proxy:          a.way.proxy.Kind,
		ProxyServer:    a.way.proxy.Server,
		ProxyUser:      a.way.proxy.User,
		ServerKey:      a.serverKey,
		ServerKeyCheck: a.keyCheck(),
	}
	if fp, err := otr.ParseFingerprint(a.record.Fingerprint); err == nil {
		v.Fingerprint = &fp
	}
	return v
}

// settle tells what has changed.
func (a *account) settle() {
	if a.erased {
		return
	}
	if v := a.value(); !sameAccount(v, a.last) {
		a.last = v
		a.session.emit(AccountChanged{v})
	}
	a.settleAll()
}

func sameAccount(x, y Account) bool {
	if (x.Fingerprint == nil) != (y.Fingerprint == nil) || x.Fingerprint != nil && *x.Fingerprint != *y.Fingerprint {
		return false
	}
	x.Fingerprint, y.Fingerprint = nil, nil
	return x == y
}

// keep writes the account's record, if the account is to outlast the program.
func (a *account) keep() {
	if !a.kept || a.removing {
		return
	}
	record := a.record
	record.Contacts = slices.Clone(record.Contacts)
	for i := range record.Contacts {
		record.Contacts[i].Keys = slices.Clone(record.Contacts[i].Keys)
		record.Contacts[i].Story = slices.Clone(record.Contacts[i].Story)
	}
	a.session.change(func(s *store.Settings) {
		i := slices.IndexFunc(s.Accounts, func(other store.Account) bool { return other.ID == record.ID })
		if i < 0 {
			s.Accounts = append(s.Accounts, record)
		} else {
			s.Accounts[i] = record
		}
	})
}

func (a *account) policy() Policy {
	if p := parsePolicy(a.record.Policy); p != PolicyDefault {
		return p
	}
	return Require
}

func (a *account) setPolicy(p Policy) {
	a.record.Policy = p.word()
	a.keep()
	for _, c := range a.conversations {
		c.policyChanged()
	}
}

var policyWords = map[Policy]string{Require: "require", Automatic: "automatic", ByHand: "by-hand", Never: "never"}

// word is the policy in the settings file, "" for PolicyDefault.
func (p Policy) word() string { return policyWords[p] }

// parsePolicy reads a policy of the settings file. A word it does not know is Require: a later Sotto may have meant more, not less.
func parsePolicy(word string) Policy {
	if word == "" {
		return PolicyDefault
	}
	for p, w := range policyWords {
		if w == word {
			return p
		}
	}
	return Require
}

// ---- signing in and out

func (a *account) signIn(in SignIn) {
	if a.removing {
		a.next = &in // it is another account, with a key of its own
		return
	}
	clear(a.password)
	a.password, a.unkept.password = in.Password, true
	a.way.server, a.way.tls, a.way.plain = in.Server, in.TLS, in.AllowPlain
	if in.Proxy != nil {
		a.way.proxy, a.unkept.proxy = *in.Proxy, in.Proxy.User != ""
	}
	a.accepted = false
	a.hangUp()
	a.show(Offline, NoProblem)
	a.goOnline()
}

// goOnline is the person's wish to be online, now.
func (a *account) goOnline() {
	a.wish = true
	switch {
	case a.state == Connecting || a.state == Online:
	case a.leaving: // lost goes on when the goodbye is said
		a.show(Connecting, NoProblem)
	default:
		a.connect()
	}
}

func (a *account) goOffline() {
	a.wish = false
	a.failed = 0
	a.hangUp()
	a.show(Offline, NoProblem)
}

// quit is goOffline for good, as long as ctx allows.
func (a *account) quit(ctx context.Context) {
	context.AfterFunc(ctx, a.cancel)
	for _, c := range a.conversations {
		c.showHeld()
	}
	if !a.removing {
		a.goOffline()
		a.onceOffline(a.cancel)
	}
}

// onceOffline runs f when the goodbye is said.
func (a *account) onceOffline(f func()) {
	if a.events == nil {
		f()
	} else {
		a.farewell = f
	}
}

// remove forgets the account here.
func (a *account) remove() {
	a.removing = true
	a.goOffline()
	a.onceOffline(a.erase)
}

// erase is the end of remove.
func (a *account) erase() {
	id := a.record.ID
	a.session.change(func(s *store.Settings) {
		s.Accounts = slices.DeleteFunc(s.Accounts, func(other store.Account) bool { return other.ID == id })
	})
	a.erased = true
	a.session.forget(a)
	a.session.emit(AccountRemoved{a.ref()})
	for _, other := range a.session.everyAccount() {
		a.session.working.Go(func() { other.tell(func() {}) }) // it may be at another place now
	}
	if a.next != nil {
		_ = a.session.SignIn(*a.next) // the address was right before
		clear(a.next.Password)
	}
	ring, trying, keeping := a.session.presentKeyring(), a.trying, a.keeping
	a.background(keyringTimeout, func(ctx context.Context) error {
		for _, ended := range []chan struct{}{trying, keeping} {
			if ended != nil {
				<-ended // it may be putting into the keyring what is to be deleted
			}
		}
		return errors.Join(ring.Delete(ctx, passwordName(id)), ring.Delete(ctx, keyName(id)), ring.Delete(ctx, proxyName(id)))
	}, func(err error) {
		if err != nil && (a.kept || !errors.Is(err, keyring.ErrAbsent)) {
			a.session.emit(StoreProblem{Err: err})
		}
		a.cancel()
	})
}

// newIdentity is the person's answer to ProblemKeyMissing.
func (a *account) newIdentity() {
	if a.problem != ProblemKeyMissing {
		return
	}
	a.renew = true
	a.goOnline()
}

// keyringChanged tries again what the old keyring was in the way of.
func (a *account) keyringChanged() {
	a.unkept = unkept{password: a.password != nil, key: a.key != nil, proxy: len(a.way.proxy.Password) > 0}
	a.keyrings++
	if a.state == Connecting {
		// The attempt under way asks the old keyring.
		a.hangUp()
		a.show(Offline, NoProblem)
		a.goOnline()
		return
	}
	if a.online() {
		a.keepSecrets()
		return
	}
	switch a.problem {
	case ProblemKeyringAbsent, ProblemKeyringLocked, ProblemKeyringTimeout, ProblemKeyringNotKept, ProblemKeyMissing, ProblemPasswordMissing:
		a.goOnline()
	}
}

// show sets what the person sees of the connection.
func (a *account) show(s AccountState, p Problem) {
	a.state, a.problem, a.server, a.retryAt, a.serverKey = s, p, "", time.Time{}, nil
	if p != NoProblem {
		a.server = a.address.Domainpart()
		if a.way.server != "" {
			a.server = a.way.server
		}
	}
	if a.retry != nil {
		a.retry.Stop()
	}
	a.touchAll()
}

// touchAll: what can be sent depends on the connection.
func (a *account) touchAll() {
	for _, c := range a.conversations {
		c.touch()
	}
}

// connect begins an attempt to sign in. It goes on in connected and settled, or ends in refused.
func (a *account) connect() {
	a.show(Connecting, NoProblem)
	a.attempt++
	n, showing := a.attempt, a.showing()
	var ctx context.Context
	ctx, a.abandon = context.WithCancel(a.ctx)
	before, ended := a.trying, make(chan struct{})
	a.trying = ended
	l := login{
		keyring:  a.session.presentKeyring(),
		id:       a.record.ID,
		known:    a.record.Fingerprint,
		renew:    a.renew,
		key:      a.key,
		password: slices.Clone(a.password),
		unkept:   a.unkept,
		config: xmpp.Config{
			JID:         a.address,
			Resource:    a.record.Resource,
			Server:      a.way.server,
			TLS:         tlsMode(a.way.tls),
			RootCAs:     a.session.config.RootCAs,
			AllowPlain:  a.way.plain,
			UserAgentID: a.record.UserAgentID,
			Presence:    showing.stanza(),
			Proxy:       a.through(),
		},
		proxy: a.way.proxy.clone(),
		dial:  a.session.config.dial,
	}
	a.demands(&l.config)
	// report drops what an attempt that was given up still has to say.
	report := func(f func()) {
		a.tell(func() {
			if a.attempt == n {
				f()
			}
		})
	}
	a.session.working.Go(func() {
		defer close(ended)
		if before != nil {
			<-before // two connections with the same resource would throw each other out
		}
		conn, err := l.connect(ctx)
		if err != nil {
			report(func() { a.refused(err) })
			return
		}
		taken := false
		a.ask(func() {
			if taken = a.attempt == n; taken {
				a.announced = showing
				a.connected(conn)
			}
		})
		if !taken {
			discard(conn)
			return
		}
		roster, err := l.settle(ctx, conn)
		report(func() {
			if err != nil {
				a.hangUp()
				a.refused(err)
				return
			}
			a.settled(&l, roster)
		})
	})
}

// hangUp ends an attempt or a connection.
func (a *account) hangUp() {
	a.attempt++
	if a.abandon != nil {
		a.abandon()
	}
	if a.conn == nil || a.leaving {
		return
	}
	if a.online() {
		for _, c := range a.conversations {
			c.endPolitely()
		}
	}
	a.leaving = true
	// What still arrives is taken in until the events end, then lost goes on.
	conn := a.conn
	a.background(goodbyeTimeout, func(ctx context.Context) error {
		conn.Close(ctx)
		return nil
	}, func(error) {})
}

// connected: the server has accepted us. Events are held until roster and key are there.
func (a *account) connected(conn line) {
	a.conn, a.events, a.leaving, a.ready = conn, conn.Events(), false, false
	a.since = a.now()
}

// settled: the secrets are where they belong and the roster is there.
func (a *account) settled(l *login, roster []xmpp.RosterItem) {
	if a.key != l.key {
		a.key = l.key
		a.record.Fingerprint = compact(l.key.Fingerprint())
	}
	if a.renew && l.renew {
		a.renew = false
		for _, c := range a.conversations {
			c.newIdentity()
		}
		a.forgetWhoVerifiedUs()
	}
	clear(a.password)
	a.password, a.way.proxy.Password, a.unkept = l.password, l.proxy.Password, unkept{}
	a.accepted = true
	// With a keyring that forgets, what is on the disk of this account stays as it was: it belongs to the key that is not here.
	a.kept = !keyring.Forgets(l.keyring)
	a.record.Server, a.record.TLS, a.record.AllowPlain = a.way.server, a.way.tls, a.way.plain
	a.keepProxy(a.way.proxy)
	a.noteLogin()
	a.keep()

	a.show(Online, NoProblem)
	a.ready = true
	a.announce() // as the person may have wanted meanwhile
	a.loadBlocked()
	a.rosterLoaded(roster)
	held := a.held
	a.held, a.holding = nil, 0
	for _, e := range held {
		a.take(e)
	}
	later := a.later
	a.later = nil
	for _, f := range later {
		f()
	}
	for _, c := range a.conversations {
		c.cameOnline()
	}
}

// whenOnline does f now or after the next signing in.
func (a *account) whenOnline(f func()) {
	if a.online() {
		f()
	} else if len(a.later) < maxLater {
		a.later = append(a.later, f)
	}
}

// take handles what the server sent.
func (a *account) take(e xmpp.Event) {
	if !a.ready {
		a.hold(e)
		return
	}
	switch e := e.(type) {
	case *xmpp.Message:
		// An error is about what we sent ourselves.
		if e.Type == xmpp.ErrorMessage || !a.isBlocked(e.From) {
			a.message(e)
		}
	case *xmpp.Presence:
		if e.Type == xmpp.PresenceError || !a.isBlocked(e.From) {
			a.presence(e)
		}
	case *xmpp.RosterPush:
		a.rosterItem(e.Item)
	case *xmpp.BlockPush:
		a.blockPush(e)
	case *xmpp.Software:
		a.softwareKnown(e)
	case *xmpp.Acked:
		if o, ok := a.sent[e.ID]; ok {
			o.settle(StatusStored, WhyNone)
		}
	}
}

// hold keeps an event until roster and key are there. What exceeds the limits is dropped: no honest server has so much to say before.
func (a *account) hold(e xmpp.Event) {
	size := 0
	switch e := e.(type) {
	case *xmpp.Message:
		size = len(e.Body) + len(e.Thread)
	case *xmpp.Presence:
		size = len(e.Status) + len(e.Nick)
	case *xmpp.RosterPush:
		size = len(e.Item.Name)
	}
	if len(a.held) < maxHeld && a.holding+size <= maxHeldBytes {
		a.held = append(a.held, e)
		a.holding += size
	}
}

// lost: the connection has ended.
func (a *account) lost() {
	conn, left := a.conn, a.leaving
	err := conn.Err()
	a.session.working.Go(func() { discard(conn) })
	a.conn, a.events = nil, nil
	a.leaving, a.ready = false, false
	a.announced = shown{}
	// What was held and is not a text is out of date.
	a.held = slices.DeleteFunc(a.held, func(e xmpp.Event) bool { _, text := e.(*xmpp.Message); return !text })
	for _, c := range a.conversations {
		c.wentOffline()
	}
	switch {
	case a.farewell != nil:
		a.farewell()
	case left && a.state == Connecting:
		a.connect()
	case left:
	default:
		a.hangUp() // the attempt may still be asking for the roster
		if a.now().Sub(a.since) >= steady {
			a.failed = 0
		}
		a.refused(err)
	}
}

// refused: an attempt has failed, or the connection has ended by itself.
func (a *account) refused(err error) {
	p := problemOf(err)
	if !a.wish {
		a.show(Offline, p)
		return
	}
	if a.needsPerson(p) {
		a.show(Stopped, p)
		if k := (*xmpp.KeyChange)(nil); errors.As(err, &k) {
			a.serverKey = a.change(k)
		}
		return
	}
	d := min(firstBackOff<<min(a.failed, 20), longestBackOff)
	d += time.Duration((mathrand.Float64() - 0.5) * float64(d)) // so that not everybody comes back to a server at once
	a.failed++
	a.show(Waiting, p)
	a.retryAt = a.now().Add(d)
	a.retry = a.after(d, func() {
		if a.state == Waiting {
			a.goOnline()
		}
	})
}

// needsPerson tells whether trying again would be wrong or useless. An account that the server never accepted stops at every problem:
// the person is looking at what they typed.
func (a *account) needsPerson(p Problem) bool {
	if !a.accepted {
		return true
	}
	switch p {
	case ProblemUnreachable, ProblemUnknownHost, ProblemTimeout, ProblemServerClosed, ProblemBrokenStream, ProblemProxy:
		return false
	case ProblemNoTLS, ProblemCertificate:
		// What stands between us and the server, a hotel's network perhaps, goes away; until then nothing secret is sent.
		return false
	}
	return true
}

// ---- what one attempt does, away from the account's goroutine

// A login is what an attempt to sign in works with: nothing in it is shared with the account.
type login struct {
	keyring  keyring.Keyring
	id       string // names the secrets
	known    string // fingerprint of the key there should be; "" when there was none
	renew    bool   // a new key is wanted in its place
	key      *otr.PrivateKey
	password []byte
	unkept   unkept
	proxy    Proxy
	config   xmpp.Config
	dial     func(context.Context, xmpp.Config) (line, error)
}

var (
	errKeyMissing      = errors.New("session: the key is not in the keyring")
	errPasswordMissing = errors.New("session: the password is not in the keyring")
)

func passwordName(id string) string { return id + "-password" }
func keyName(id string) string      { return id + "-key" }
func proxyName(id string) string    { return id + "-proxy" }

// connect finds the secrets, then the server. The keyring comes first even when nothing is in it yet: whether there is one that works is
// known before the password goes anywhere.
func (l *login) connect(ctx context.Context) (line, error) {
	if err := l.findKey(ctx); err != nil {
		return nil, err
	}
	if l.password == nil {
		password, err := l.secret(ctx, passwordName(l.id))
		if errors.Is(err, keyring.ErrNotFound) {
			return nil, errPasswordMissing
		}
		if err != nil {
			return nil, err
		}
		l.password = password
	}
	if l.proxy.User != "" && l.proxy.Password == nil {
		password, err := l.secret(ctx, proxyName(l.id))
		if err != nil && !errors.Is(err, keyring.ErrNotFound) {
			return nil, err
		}
		l.proxy.Password = password // without one the proxy may refuse us
		l.config.Proxy.Password = string(password)
	}
	made := make(chan error, 1)
	if l.key == nil {
		l.unkept.key = true
		go func() {
			var err error
			l.key, err = otr.GenerateKey(rand.Reader)
			made <- err
		}()
	} else {
		made <- nil
	}
	dialing, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	config := l.config
	config.Password = slices.Clone(l.password)
	conn, err := l.dial(dialing, config)
	clear(config.Password)
	if errMade := <-made; err == nil && errMade != nil {
		discard(conn)
		err = errMade
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// findKey reads the key. A key that was there and is not any more, or is another one, is errKeyMissing: never silently a new one.
func (l *login) findKey(ctx context.Context) error {
	if l.key != nil {
		return nil
	}
	b, err := l.secret(ctx, keyName(l.id))
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return err
	}
	if err == nil && !l.renew {
		key, err := otr.ParsePrivateKey(b)
		clear(b)
		if err == nil && (l.known == "" || compact(key.Fingerprint()) == strings.ToUpper(l.known)) {
			l.key = key
			return nil
		}
		return errKeyMissing
	}
	if l.known != "" && !l.renew {
		return errKeyMissing
	}
	return nil
}

func (l *login) secret(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, keyringTimeout)
	defer cancel()
	return l.keyring.Secret(ctx, name)
}

// settle fetches the roster and puts into the keyring what the server has accepted and what is new, before it is used. Of an account
// that cannot be kept whole nothing stays there.
func (l *login) settle(ctx context.Context, conn line) ([]xmpp.RosterItem, error) {
	asking, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	roster, err := conn.Roster(asking)
	if err != nil {
		return nil, err
	}
	return roster, l.keepSecrets(ctx)
}

// keepSecrets puts into the keyring what is not there yet.
func (l *login) keepSecrets(ctx context.Context) error {
	if l.unkept.password {
		if err := l.set(ctx, passwordName(l.id), l.password); err != nil {
			return err
		}
	}
	if l.unkept.proxy && len(l.proxy.Password) > 0 {
		if err := l.set(ctx, proxyName(l.id), l.proxy.Password); err != nil {
			return err
		}
	}
	if l.unkept.key {
		b := l.key.Bytes()
		defer clear(b)
		if err := l.set(ctx, keyName(l.id), b); err != nil {
			if l.known == "" {
				err = errors.Join(err, l.keyring.Delete(ctx, passwordName(l.id)))
			}
			return err
		}
	}
	return nil
}

func (l *login) set(ctx context.Context, name string, secret []byte) error {
	ctx, cancel := context.WithTimeout(ctx, keyringTimeout)
	defer cancel()
	return l.keyring.Set(ctx, name, secret)
}

// discard ends a connection that nobody wants any more, or frees what is left of one.
func discard(conn line) {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTimeout)
	defer cancel()
	go conn.Close(ctx)
	for range conn.Events() {
	}
}

func tlsMode(word string) xmpp.TLSMode {
	switch word {
	case "starttls":
		return xmpp.TLSStart
	case "direct":
		return xmpp.TLSDirect
	}
	return xmpp.TLSAuto
}

var xmppProblems = map[xmpp.ErrorKind]Problem{
	xmpp.Unreachable:    ProblemUnreachable,
	xmpp.UnknownHost:    ProblemUnknownHost,
	xmpp.TimedOut:       ProblemTimeout,
	xmpp.NoTLS:          ProblemNoTLS,
	xmpp.BadCertificate: ProblemCertificate,
	xmpp.WrongPassword:  ProblemPassword,
	xmpp.OnlyPlain:      ProblemOnlyPlain,
	xmpp.WeakerLogin:    ProblemWeakerLogin,
	xmpp.AccountRefused: ProblemRefused,
	xmpp.BadName:        ProblemBadName,
	xmpp.Conflict:       ProblemConflict,
	xmpp.ServerClosed:   ProblemServerClosed,
	xmpp.BrokenStream:   ProblemBrokenStream,
	xmpp.ProxyFailed:    ProblemProxy,
	xmpp.NeedsTor:       ProblemNeedsTor,
	xmpp.KeyChanged:     ProblemServerKey,
}

// problemOf is the one place where errors of the rooms below become what a person can be told.
func problemOf(err error) Problem {
	var x *xmpp.Error
	switch {
	case errors.As(err, &x):
		return xmppProblems[x.Kind]
	case errors.Is(err, errKeyMissing):
		return ProblemKeyMissing
	case errors.Is(err, errPasswordMissing):
		return ProblemPasswordMissing
	case errors.Is(err, keyring.ErrAbsent):
		return ProblemKeyringAbsent
	case errors.Is(err, keyring.ErrLocked), errors.Is(err, keyring.ErrPassphrase):
		return ProblemKeyringLocked
	case errors.Is(err, keyring.ErrTimeout):
		return ProblemKeyringTimeout
	case errors.Is(err, keyring.ErrNotKept), errors.Is(err, keyring.ErrUnusable), errors.Is(err, keyring.ErrDamaged):
		return ProblemKeyringNotKept
	case errors.Is(err, context.DeadlineExceeded):
		return ProblemTimeout
	}
	return ProblemUnreachable
}

// compact is a fingerprint as the settings keep it.
func compact(fp otr.Fingerprint) string { return strings.ToUpper(hex.EncodeToString(fp[:])) }
