// Package session runs OTR over XMPP for the person's accounts and tells a user interface about it.
//
// A [Session] has one goroutine per account, which owns the roster, the conversations, their OTR state and what waits to be sent.
// The methods may be called from any goroutine; they return at once, because connecting, the disk and the keyring have goroutines of
// their own. What happens is told by [Session.Events], in order: every event is a whole value, so that whoever shows it keeps the
// last one and asks nothing.
//
// # What is promised about a text
//
// A text given to [Session.Send] goes out as the send mode said, or not at all. One that was to be private is bound to the keys the
// contact was known to have when it was typed, waits until a session with one of them is up, and is sent once. If it may not have arrived
// it is sent again, to the same key only: by itself where the other program is a Sotto that remembers what it has shown, else when the
// person says so. It is never sent in clear, whatever happens to the policy, the connection or the session meanwhile. No message is ever
// kept on disk.
package session

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/internal/network"
	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

// Config is what a Session works with.
type Config struct {
	Store   *store.Store
	Keyring keyring.Keyring
	RootCAs *x509.CertPool   // nil: the system's; practice mode and tests bring their own
	Time    func() time.Time // nil: time.Now

	dial     func(context.Context, xmpp.Config) (line, error)                 // nil: xmpp.Connect; tests have a network in memory
	register func(context.Context, xmpp.Config, string) (registration, error) // nil: xmpp.Register
	network  func(context.Context) <-chan struct{}                            // nil: network.Watch; nothing where there is a network in memory
}

// A Session is the person's accounts at work.
type Session struct {
	config  Config
	ctx     context.Context // of everything under way; ends when Close has waited long enough
	stop    context.CancelFunc
	unwatch context.CancelFunc // ends watch

	news     chan Event // see pipe: an account never waits for the window
	events   chan Event
	changes  chan func(*store.Settings) // nor for the disk
	closed   chan struct{}
	lastID   atomic.Uint64  // of an Entry
	idle     atomic.Bool    // nobody touches the computer: see SetIdle
	accounts sync.WaitGroup // their goroutines
	working  sync.WaitGroup // every other goroutine

	mu      sync.Mutex // guards the rest, only for as long as it takes to look
	byJID   map[string]*account
	order   []string // of the accounts, as the person wants to see them
	signUps signUps
	keyring keyring.Keyring
	ending  bool
}

// Open starts every account of the store. The caller must read Events until it is closed.
func Open(c Config) *Session {
	if c.Time == nil {
		c.Time = time.Now
	}
	if c.dial == nil {
		c.dial = dial
		if c.network == nil {
			c.network = network.Watch
		}
	}
	if c.register == nil {
		c.register = register
	}
	s := &Session{
		config:  c,
		news:    make(chan Event),
		events:  make(chan Event),
		changes: make(chan func(*store.Settings)),
		closed:  make(chan struct{}),
		byJID:   map[string]*account{},
		keyring: c.Keyring,
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	changes := make(chan func(*store.Settings))
	go pipe(s.news, s.events, s.closed)
	go pipe(s.changes, changes, s.closed)
	s.working.Go(func() { s.keep(changes) })
	watching, stop := context.WithCancel(s.ctx)
	s.unwatch = stop
	if c.network != nil {
		s.working.Go(func() { s.watch(watching) })
	}

	for _, record := range c.Store.Settings().Accounts {
		s.openKept(record)
	}
	if damaged := c.Store.Damaged(); damaged != "" {
		s.emit(StoreProblem{Damaged: damaged})
	}
	for _, a := range s.byJID {
		a.start()
		if !a.record.Disabled {
			a.tell(a.goOnline)
		}
	}
	return s
}

// openKept makes the account of a record that was on the disk.
func (s *Session) openKept(record store.Account) {
	address, err := parseLogin(record.JID)
	if err != nil {
		s.emit(StoreProblem{Err: fmt.Errorf("session: an account in the settings has no usable address: %w", err)})
		return
	}
	a := newAccount(s, record, address)
	a.kept, a.accepted = true, true
	s.byJID[a.ref()] = a
	s.order = append(s.order, a.ref())
	a.settle()
}

// Events yields first AccountChanged for every account, then everything that happens. It is closed by Close.
func (s *Session) Events() <-chan Event { return s.events }

// Close ends private conversations politely, signs out, and waits for every goroutine, at most until ctx ends. Events that
// nobody has received by then are dropped.
func (s *Session) Close(ctx context.Context) {
	s.mu.Lock()
	again := s.ending
	s.ending = true
	for _, up := range s.signUps.open {
		up.cancel()
	}
	s.mu.Unlock()
	if again {
		<-s.closed
		return
	}
	s.unwatch()
	for _, a := range s.everyAccount() {
		a.tell(func() { a.quit(ctx) })
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.accounts.Wait()
		close(s.changes) // only accounts send there
		s.working.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	s.stop()
	close(s.closed)
}

// UseKeyring replaces the keyring (after ProblemKeyringAbsent and the like) and tries the waiting accounts again.
func (s *Session) UseKeyring(k keyring.Keyring) {
	s.mu.Lock()
	s.keyring = k
	s.mu.Unlock()
	for _, a := range s.everyAccount() {
		a.tell(a.keyringChanged)
	}
}

func (s *Session) presentKeyring() keyring.Keyring {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keyring
}

func (s *Session) account(jid string) (*account, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.byJID[jid]
	return a, ok
}

func (s *Session) forget(a *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byJID, a.ref())
	s.order = slices.DeleteFunc(s.order, func(other string) bool { return other == a.ref() })
}

func (s *Session) everyAccount() []*account {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*account, 0, len(s.byJID))
	for _, a := range s.byJID {
		all = append(all, a)
	}
	return all
}

// tell has f carried out by the account, soon.
func (s *Session) tell(jid string, f func(*account)) {
	if a, ok := s.account(jid); ok {
		a.tell(func() { f(a) })
	}
}

// with has f carried out by the account on the conversation r, soon.
func (s *Session) with(r Ref, f func(*conversation)) {
	s.tell(r.Account, func(a *account) {
		if c, ok := a.conversations[r.Contact]; ok {
			f(c)
		}
	})
}

// ask is with for what has an answer: it waits for the account, which waits for nobody.
func (s *Session) ask(r Ref, f func(*conversation) error) error {
	err := ErrUnknown
	if a, ok := s.account(r.Account); ok {
		a.ask(func() {
			if c, ok := a.conversations[r.Contact]; ok {
				err = f(c)
			}
		})
	}
	return err
}

// SignIn is what a person fills in to use an account that exists.
type SignIn struct {
	Address    string // what the person typed: a bare JID (a resource is refused)
	Password   []byte
	Server     string // "" unless the person gave one
	TLS        string // "", starttls, direct
	AllowPlain bool   // the password itself may be sent to the server, inside TLS
	Proxy      *Proxy // what to connect through; nil: as before, at first without one
}

// SignIn adds the account (or replaces its password) and connects. The error is an *AddressError, or ErrBadProxy, only for what can be
// seen without the network. The password is copied. It and the account are kept only once the server has accepted them; until then a failure
// stops the account, and SignIn or Connect tries again.
func (s *Session) SignIn(in SignIn) error {
	address, err := parseLogin(in.Address)
	if err != nil {
		return err
	}
	in.Password = slices.Clone(in.Password)
	if in.Proxy != nil {
		if !in.Proxy.usable() {
			return ErrBadProxy
		}
		p := in.Proxy.clone()
		in.Proxy = &p
	}
	if a := s.accountFor(address); a != nil {
		a.tell(func() { a.signIn(in) })
	}
	return nil
}

// accountFor finds or makes an account; nil when the session is closing.
func (s *Session) accountFor(address jid.JID) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.byJID[address.String()]
	if s.ending {
		return nil
	}
	if !ok {
		a = newAccount(s, newRecord(address), address)
		s.byJID[a.ref()] = a
		s.order = append(s.order, a.ref())
		a.start()
	}
	return a
}

// Connect brings an account online: now, not at the end of the back-off.
func (s *Session) Connect(jid string) { s.tell(jid, (*account).goOnline) }

// Disconnect ends the account's private conversations politely and signs out, until Connect.
func (s *Session) Disconnect(jid string) { s.tell(jid, (*account).goOffline) }

// RemoveAccount makes Sotto forget the account: its key, its password and what was known of its contacts are deleted here. The server
// keeps the account.
func (s *Session) RemoveAccount(jid string) { s.tell(jid, (*account).remove) }

// SetAccountPolicy sets the policy of every contact that has none of its own.
func (s *Session) SetAccountPolicy(jid string, p Policy) {
	s.tell(jid, func(a *account) { a.setPolicy(p) })
}

// SetReceipts says whether contacts are told that a message has arrived (XEP-0184), where their programs ask for it.
func (s *Session) SetReceipts(jid string, told bool) {
	s.tell(jid, func(a *account) {
		a.record.NoReceipts = !told
		a.keep()
	})
}

// NewIdentity makes a new key where the old one is missing from the keyring (ProblemKeyMissing): never done by itself.
func (s *Session) NewIdentity(jid string) { s.tell(jid, (*account).newIdentity) }

// A Ref names a conversation: both are bare, normalised JIDs.
type Ref struct{ Account, Contact string }

// AddContact asks to see the contact's presence, lets them see ours, and puts them on the roster: at once, or as soon as the account
// is online. Its error is ErrUnknown or an *AddressError for what was mistyped.
func (s *Session) AddContact(account, address, name string) (Ref, error) {
	return s.Introduce(account, address, name, "")
}

// Introduce is AddContact with a few words for the contact to read beside the request, in clear. They are bounded.
func (s *Session) Introduce(account, address, name, words string) (Ref, error) {
	words = strings.TrimSpace(bound(cleanText(words), maxRequest))
	contact, err := parseAddress(address)
	if err != nil {
		return Ref{}, err
	}
	err = ErrUnknown
	if a, ok := s.account(account); ok {
		a.ask(func() { err = a.addContact(contact, name, words) })
	}
	return Ref{account, contact.String()}, err
}

// Accept lets somebody who asked (Contact.Wants) see our presence, and asks for theirs. Somebody who wrote and did not ask is added as by
// AddContact.
func (s *Session) Accept(r Ref) { s.with(r, (*conversation).accept) }

// Decline refuses a subscription request. Whoever is not on the roster disappears from the list, with what they wrote; who did not ask is
// not told. See also Block.
func (s *Session) Decline(r Ref) { s.with(r, (*conversation).decline) }

// Rename changes the person's name for a contact.
func (s *Session) Rename(r Ref, name string) {
	s.with(r, func(c *conversation) { c.rename(name) })
}

// RemoveContact ends the private conversation, takes the contact off the roster, as soon as the account is online, and forgets its keys.
func (s *Session) RemoveContact(r Ref) { s.with(r, (*conversation).remove) }

// SetPolicy sets the policy of one contact. PolicyDefault is the account's.
func (s *Session) SetPolicy(r Ref, p Policy) {
	s.with(r, func(c *conversation) { c.setPolicy(p) })
}

// Opened tells that the person is looking at the conversation: under Require a private conversation starts by itself with a contact
// who is online, now or when they come. It marks the conversation read.
func (s *Session) Opened(r Ref) {
	for _, a := range s.everyAccount() {
		a.tell(func() {
			a.looking = nil
			if c, ok := a.conversations[r.Contact]; ok && a.ref() == r.Account {
				a.looking = c
				c.opened()
			}
		})
	}
}

// Send queues text. mode is what the send button said; where the session can no longer keep exactly that, nothing is queued
// and the error is ErrModeChanged, ErrKeyUndecided, ErrEnded, ErrTooLong, ErrEmpty or ErrUnknown: the text stays in the composer.
// A text that was to wait may go at once when the private conversation is up by now.
func (s *Session) Send(r Ref, text string, mode SendMode) (id EntryID, err error) {
	err = s.ask(r, func(c *conversation) (err error) {
		id, err = c.send(text, mode)
		return err
	})
	return id, err
}

// SendAsShown is Send for what the person saw when they pressed the button: besides the mode, the key in use must be the one that was
// shown, or another that is verified as it was.
func (s *Session) SendAsShown(shown Contact, text string) (id EntryID, err error) {
	err = s.ask(shown.Ref, func(c *conversation) (err error) {
		if !c.isAsShown(shown) {
			return ErrModeChanged
		}
		id, err = c.send(text, shown.SendMode)
		return err
	})
	return id, err
}

// Retry sends a Failed or Unconfirmed entry again: privately, and to the key that it went to before; when the contact has another by now it
// fails (WhyKeyChanged), and Retry after that is for the keys the contact has then. What had been for sending unencrypted may go so again,
// where nothing better is possible.
func (s *Session) Retry(r Ref, id EntryID) {
	s.with(r, func(c *conversation) { c.retry(id) })
}

// Discard forgets a Waiting or Failed entry: the text is gone, the entry says so.
func (s *Session) Discard(r Ref, id EntryID) {
	s.with(r, func(c *conversation) { c.discard(id) })
}

// StartPrivate starts a private conversation, or gives a running one fresh keys: as soon as the contact can be reached.
func (s *Session) StartPrivate(r Ref) { s.with(r, (*conversation).startPrivate) }

// EndPrivate ends the private conversation; then nothing is sent until the person says how it goes on (Contact.WeEnded). Where there is
// none it says just that: it leaves Finished and WeEnded.
func (s *Session) EndPrivate(r Ref) { s.with(r, (*conversation).endPrivate) }

// ContinueUnencrypted is the person's answer where encryption could not be had: from now on this contact has policy ByHand. Texts that
// were waiting go on waiting.
func (s *Session) ContinueUnencrypted(r Ref) { s.with(r, (*conversation).continueUnencrypted) }

// SelectDevice has texts go to this one of Contact.Devices, until its private conversation ends. Otherwise they go to a verified device
// rather than to another, and to the one heard from last.
func (s *Session) SelectDevice(r Ref, tag otr.InstanceTag) {
	s.with(r, func(c *conversation) { c.selectDevice(tag) })
}

// AllowV2 lets this contact speak version 2 of OTR, or no longer. It is for programs that speak nothing newer (Contact.OnlyV2), and never
// happens by itself.
func (s *Session) AllowV2(r Ref, allowed bool) {
	s.with(r, func(c *conversation) { c.setAllowV2(allowed) })
}

// SetQuiet says that what comes from a contact is not to be announced (Contact.Quiet), or is again. Contacted is told all the same.
func (s *Session) SetQuiet(r Ref, quiet bool) {
	s.with(r, func(c *conversation) {
		c.quiet = quiet
		c.remember()
	})
}

// Decide settles a changed key (Contact.KeyChange). fp is the new key as it was shown. What was waiting for another key becomes
// Failed (WhyKeyChanged), for the person to retry.
func (s *Session) Decide(r Ref, fp otr.Fingerprint, d KeyDecision) {
	s.with(r, func(c *conversation) { c.decide(fp, d) })
}

// SetVerified records the person's comparison of exactly fp, or takes a verification back, also for somebody who is no contact but in
// KnownKeys. The error is ErrKeyGone when fp is not a known key of theirs.
func (s *Session) SetVerified(r Ref, fp otr.Fingerprint, verified bool) error {
	return s.keysOf(r, func(c *conversation) error {
		if verified {
			return c.verify(fp, ByComparison)
		}
		return c.unverify(fp)
	})
}

// Ask starts SMP with a question: it verifies them to us. fp is the live key the dialog was opened for (ErrKeyGone otherwise). The
// answer is copied; wipe yours. A run that was under way is cancelled. A question in which nothing can be read is ErrEmpty.
func (s *Session) Ask(r Ref, fp otr.Fingerprint, question string, answer []byte) error {
	if !hasWords(question) {
		return ErrEmpty // without a question it would be another check: see Share
	}
	return s.ask(r, func(c *conversation) error { return c.startSMP(fp, question, answer, asTyped) })
}

// Share starts SMP without a question, about a secret both know: it verifies each to the other. See Ask.
func (s *Session) Share(r Ref, fp otr.Fingerprint, secret []byte) error {
	return s.ask(r, func(c *conversation) error { return c.startSMP(fp, "", secret, asTyped) })
}

func hasWords(question string) bool { return strings.TrimSpace(cleanText(question)) != "" }

// Answer answers the request with this number (SMP.Number), and no other: ErrNoRequest. Where SMP.Folded says that answers are folded, one of
// which Fold leaves nothing is ErrEmpty.
func (s *Session) Answer(r Ref, number int, secret []byte) error {
	return s.ask(r, func(c *conversation) error { return c.answerSMP(number, secret) })
}

// CancelSMP ends the run that is under way.
func (s *Session) CancelSMP(r Ref) { s.with(r, (*conversation).cancelSMP) }
