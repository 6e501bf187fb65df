package session

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

const (
	// maxSettled is how many texts to one contact are remembered that were sent, because their fate may still change.
	maxSettled = 500
	// maxLaters is how often a text is sent again that was refused for the moment.
	maxLaters = 3
	// firstLater is how long after the first refusal; after each further one it is four times as long.
	firstLater = 30 * time.Second
)

// An outgoing is a text that the person has sent. It is in exactly one Status.
type outgoing struct {
	in    *conversation
	entry Entry
	bound []otr.Fingerprint // the keys it is meant for; nil: no key was known. Once it was sent, the one that it went to
	open  *consent          // it may go in clear; nil: never
	ids   []string          // of the stanzas that carried it: more than one after it was sent again
	sent  time.Time         // when it went out last
	wire  string            // the body that went out in clear
	moved bool              // in clear, to another client than the first, which was gone
	later int               // how often it was refused for the moment
	guard Guard             // how it went out last; before that how it will
	worst Guard             // how it went out when it was protected least; of meaning once it was sent

	// see order.go
	place    place     // among all that were written; 0 before that
	repeats  int       // how often it was sent again because they asked
	repeated time.Time // when it was last

	// see double.go
	number  number
	session [8]byte // the one that it went out in last
	reader  memory  // of the program at the other end of that session, where it is ours
}

// A consent is the person's word that one text may be read by everybody on the way: they pressed a button that said so.
type consent struct{ to EntryID }

// send is Send on the account's goroutine.
func (c *conversation) send(text string, mode SendMode) (EntryID, error) {
	text = cleanText(text)
	now := c.mode()
	switch {
	case len(text) > MaxText:
		return 0, ErrTooLong
	case strings.TrimSpace(text) == "":
		return 0, ErrEmpty
	case c.isHeld():
		return 0, ErrHeld
	case c.keyChange() != nil:
		return 0, ErrKeyUndecided
	case c.needsVerified():
		return 0, ErrNotVerified
	case c.otrState() == otr.Finished, c.weEnded:
		return 0, ErrEnded
	case now == SendBlocked:
		return 0, ErrModeChanged
	case now != mode && !(mode == SendWhenPrivate && now == SendPrivately):
		return 0, ErrModeChanged
	}
	o := &outgoing{in: c, number: newNumber(), entry: c.newEntry(Entry{Kind: Outgoing, Text: text, Status: StatusWaiting})}
	o.promise(mode)
	c.outbox = append(c.outbox, o)
	c.notice = nil
	c.activity = o.entry.Time
	o.tell()
	c.prune()
	c.flush()
	c.wantPrivate()
	c.touch()
	return o.entry.ID, nil
}

// promise binds o to what the person was told would happen to it.
func (o *outgoing) promise(mode SendMode) {
	o.bound, o.open, o.guard = nil, nil, InClear
	if mode == SendUnencrypted {
		o.open = &consent{to: o.entry.ID}
		return
	}
	c := o.in
	o.bound = c.expected()
	o.guard = EncryptedUnverified
	if _, verified := c.verifiedKey(); verified {
		o.guard = EncryptedVerified
	}
	if c.otrState() != otr.Encrypted || c.doubtful {
		c.wanted, c.unwanted, c.weEnded = c.wanted || !c.silent, false, false
		clear(c.refused) // should the refused key come again, the person is asked again
	}
}

// promiseAgain is promise for what may have arrived already: it is only for the key that it went to. Where that is not the contact's any
// more, the person hears so, and may decide once more.
func (o *outgoing) promiseAgain() {
	bound, sent := o.bound, !o.sent.IsZero() && o.guard >= EncryptedUnverified && o.entry.Why != WhyKeyChanged
	o.promise(SendWhenPrivate)
	if sent {
		o.bound = bound
	}
}

func (c *conversation) waiting() int {
	n := 0
	for _, o := range c.outbox {
		if o.entry.Status == StatusWaiting {
			n++
		}
	}
	return n
}

// waitsForPrivacy tells whether a private conversation is needed for something to be sent.
func (c *conversation) waitsForPrivacy() bool {
	required := c.policy() == Require // by now, for what had been for sending in clear
	return slices.ContainsFunc(c.outbox, func(o *outgoing) bool {
		return o.inDoubt() || o.mayBe() || o.due() && o.guard != InClear || o.entry.Status == StatusWaiting && (o.open == nil || required)
	})
}

// flush sends what can be sent now, in the order in which it was typed.
func (c *conversation) flush() {
	if !c.account.online() || !c.onRoster || c.account.conversations[c.ref.Contact] != c {
		return
	}
	for _, o := range c.outbox {
		switch {
		case o.entry.Status == StatusWaiting:
			c.try(o)
		case o.due() && o.guard == InClear:
			if !c.resendClear(o, c.target()) {
				o.leaveToPerson()
			}
		case o.lostInClear() && c.otrState() == otr.Plaintext:
			if c.account.sinceSignIn() < lateReceipts {
				return // what comes after it waits as well
			}
			c.resendClear(o, c.target())
		case (o.inDoubt() || o.due()) && c.resend(o):
			return
		}
	}
}

// refusedForNow: a server cannot take o just now (RFC 6120 8.3.2: "retry after waiting"). It is sent again by itself, a few times, where it
// cannot be shown twice: in clear, and to a Sotto. What was encrypted never goes out again as it was. With other programs the person
// decides.
func (o *outgoing) refusedForNow() {
	c := o.in
	o.later++
	inClear := o.guard == InClear && o.open != nil && o.wire != ""
	if o.later > maxLaters || !inClear && o.reader == (memory{}) {
		return
	}
	d := firstLater << (2 * (o.later - 1))
	o.entry.RetryAt = c.account.now().Add(d)
	o.tell()
	c.account.after(d, func() {
		c.flush()
		c.wantPrivate()
	})
}

// leaveToPerson: o is not sent again by itself.
func (o *outgoing) leaveToPerson() {
	o.reader = memory{}
	if !o.entry.RetryAt.IsZero() {
		o.entry.RetryAt = time.Time{}
		o.tell()
	}
}

// due tells that it is time for a text that was refused for the moment to be sent again.
func (o *outgoing) due() bool {
	return !o.entry.RetryAt.IsZero() && !o.in.account.now().Before(o.entry.RetryAt)
}

// lostInClear tells that o was written to a connection that broke, and may be written again as it was: who counts ids shows it once.
func (o *outgoing) lostInClear() bool {
	return o.entry.Status == StatusUnconfirmed && o.guard == InClear && o.open != nil && o.wire != ""
}

// resendClear sends the same words under the same id, if they may still be read on the way. It happens once for each loss.
func (c *conversation) resendClear(o *outgoing, to jid.JID) (sent bool) {
	if o.open == nil || o.wire == "" || !c.clearAllowed() || c.otrState() != otr.Plaintext || !c.onRoster {
		return false
	}
	err := c.put(clearText{o.wire, *o.open}, stanza{id: o.ids[len(o.ids)-1], to: to, receipt: true})
	if err == nil {
		o.sentAgain()
	}
	return err == nil
}

// resendElsewhere is for clear text that came back because the client it was for has gone: once, another gets it. What was encrypted was
// for that client alone.
func (c *conversation) resendElsewhere(o *outgoing, gone jid.JID) (sent bool) {
	if o.moved || o.guard != InClear || o.entry.Status != StatusSent && o.entry.Status != StatusStored || gone.Resourcepart() == "" {
		return false
	}
	o.moved = true
	to := c.target()
	if to.Equal(gone) {
		to = c.address
	}
	return c.resendClear(o, to)
}

// sentAgain: o was in doubt and is on its way once more.
func (o *outgoing) sentAgain() {
	o.entry.Status, o.entry.Why, o.entry.RetryAt, o.sent = StatusSent, WhyNone, time.Time{}, o.in.account.now()
	o.tell()
	o.in.touch()
}

// try sends o, if that is possible in the way that was promised.
func (c *conversation) try(o *outgoing) {
	switch c.otrState() {
	case otr.Encrypted:
		if c.mode() != SendPrivately { // what the button says is what happens
			return
		}
		fp := c.otrPeer().Fingerprint
		if o.open == nil && o.bound != nil && !slices.Contains(o.bound, fp) {
			o.settle(StatusFailed, WhyKeyChanged)
			return
		}
		o.guard = c.encryptedGuard(fp)
	case otr.Plaintext:
		if o.open == nil || !c.clearAllowed() {
			return
		}
		c.begin()
	default:
		return
	}
	c.write(o)
}

// write gives o to OTR, and to the connection what comes of it.
func (c *conversation) write(o *outgoing) {
	said, records := []byte(c.written(o.entry.Text)), c.mark(o)
	events, err := c.otr.Send(said, records...)
	if err != nil {
		why := WhyOther
		if errors.Is(err, otr.ErrTooLarge) {
			why = WhyTooLong
		}
		o.settle(StatusFailed, why)
		return
	}
	for _, e := range events {
		if t, ok := e.(otr.Transmit); ok && t.Text {
			c.exhibit(exhibit{Exhibit: Exhibit{Ours: true, Text: o.entry.Text}, body: t.Body, said: said, records: records})
		}
	}
	c.apply(events, cause{entry: o})
}

// written is text as the program of the other side reads it.
func (c *conversation) written(text string) string {
	if c.otrState() == otr.Encrypted && c.markup[c.otrPeer().Tag] {
		return toMarkup(text)
	}
	return text
}

func (c *conversation) retry(id EntryID) {
	o := c.outgoing(id)
	if o == nil || o.entry.Status != StatusFailed && o.entry.Status != StatusUnconfirmed {
		return
	}
	if o.open == nil || c.mode() != SendUnencrypted {
		o.promiseAgain()
	}
	o.entry.Status, o.entry.Why, o.entry.RetryAt = StatusWaiting, WhyNone, time.Time{}
	o.place = 0 // it comes after what was written meanwhile
	o.tell()
	c.flush()
	c.wantPrivate()
}

func (c *conversation) discard(id EntryID) {
	o := c.outgoing(id)
	if o == nil || o.entry.Status != StatusWaiting && o.entry.Status != StatusFailed {
		return
	}
	o.entry.Text = ""
	o.settle(StatusDiscarded, o.entry.Why)
}

func (c *conversation) outgoing(id EntryID) *outgoing {
	i := slices.IndexFunc(c.outbox, func(o *outgoing) bool { return o.entry.ID == id })
	if i < 0 {
		return nil
	}
	return c.outbox[i]
}

// follows lists which status may come after which: none goes backwards.
var follows = map[Status][]Status{
	StatusWaiting:     {StatusSent, StatusDelivered, StatusFailed, StatusDiscarded},
	StatusSent:        {StatusStored, StatusDelivered, StatusUnconfirmed, StatusFailed},
	StatusStored:      {StatusDelivered, StatusUnconfirmed, StatusFailed},
	StatusUnconfirmed: {StatusDelivered, StatusFailed},
	StatusFailed:      {StatusDelivered, StatusDiscarded},
}

// settle changes what has become of o, and tells whether it has. What comes too late changes nothing.
func (o *outgoing) settle(s Status, why Why) (changed bool) {
	if !slices.Contains(follows[o.entry.Status], s) && !(s == StatusFailed && o.due()) {
		return false
	}
	o.entry.Status, o.entry.Why, o.entry.RetryAt = s, WhyNone, time.Time{}
	if s == StatusFailed {
		o.entry.Why = why
	}
	o.tell()
	o.in.touch()
	return true
}

// tell tells of o as it stands now: of what waits how it will be protected, of what has left this computer how it was. Sent several times,
// it was protected as badly as the worst time.
func (o *outgoing) tell() {
	o.entry.Guard = o.guard
	if !o.sent.IsZero() && o.entry.Status != StatusWaiting {
		o.entry.Guard = o.worst
	}
	o.in.account.session.emit(EntryChanged{o.entry})
}

// unconfirm is for the end of a session's keys, real or said: what was encrypted with them and has not been read by now never will be. Where the other program confirms what it has read, what it has not confirmed is in doubt. Where it never does, it is what was sent
// just before the session was in doubt or the other side began a new one.
func (c *conversation) unconfirm() {
	lost := c.doubtful || c.exchange == nil || c.exchange.ours == ""
	for _, o := range c.outbox {
		onItsWay := o.guard >= EncryptedUnverified && (o.entry.Status == StatusSent || o.entry.Status == StatusStored)
		if onItsWay && !c.alive(o.session) && (c.confirms || lost && c.account.now().Sub(o.sent) < recently) {
			o.settle(StatusUnconfirmed, WhyNone)
		}
	}
}

// prune forgets the oldest texts whose fate is settled: they remain with whoever shows them.
func (c *conversation) prune() {
	for settled := len(c.outbox) - c.waiting(); settled > maxSettled; settled-- {
		i := slices.IndexFunc(c.outbox, func(o *outgoing) bool { return o.entry.Status != StatusWaiting })
		for _, id := range c.outbox[i].ids {
			delete(c.account.sent, id)
		}
		c.outbox = slices.Delete(c.outbox, i, i+1)
	}
}

// ---- the gate

// A body is what stands in a stanza. There are two kinds, and put knows what each of them may do.
type body interface{ body() }

// sealed was made by crypto/otr and belongs to its protocol: nobody on the way can read a text in it.
type sealed struct{ wire string }

// clear text has the person's consent with it.
type clearText struct {
	wire string
	by   consent
}

func (sealed) body()    {}
func (clearText) body() {}

// A stanza is what goes around a body.
type stanza struct {
	id      string
	to      jid.JID
	receipt bool // ask for one
}

// transmit sends what OTR wants sent. Only with a text that the person let go in clear may it be anything but the protocol's own.
func (c *conversation) transmit(t otr.Transmit, why cause) {
	o := why.entry
	s := stanza{id: xmpp.NewID(), to: c.addressOf(t)}
	s.receipt = o != nil && t.Text
	var b body
	switch {
	case o != nil && c.otrState() == otr.Plaintext:
		if o.open == nil {
			panic("session: internal error: a text without consent was about to go in clear")
		}
		b, s.to = clearText{t.Body, *o.open}, c.target()
	case o != nil && t.Text && !c.writable(c.otrPeer().Fingerprint):
		panic("session: internal error: a text for a key that nobody has verified")
	case otr.IsOTR(t.Body):
		b = sealed{t.Body}
	default:
		panic("session: internal error: OTR wants to send what is not its own")
	}
	if s.receipt {
		o.ids = append(o.ids, s.id)
		c.account.sent[s.id] = o
	}
	err := c.put(b, s)
	if o == nil {
		return
	}
	var tooLong *xmpp.TooLongError
	switch {
	case err == nil && t.Text:
		o.left(b)
	case errors.Is(err, errOffline), errors.Is(err, xmpp.ErrClosed): // it waits: nothing was written
	case errors.As(err, &tooLong):
		o.settle(StatusFailed, WhyTooLong)
	case err != nil:
		o.settle(StatusFailed, WhyOther)
	}
}

// left: o was written to the connection.
func (o *outgoing) left(b body) {
	first := o.sent.IsZero()
	o.sent = o.in.account.now()
	switch b := b.(type) {
	case sealed:
		p := o.in.otrPeer()
		o.guard = o.in.encryptedGuard(p.Fingerprint)
		o.entry.Key = &p.Fingerprint
		o.bound, o.session, o.reader = []otr.Fingerprint{p.Fingerprint}, p.SSID, o.in.acquaintance(p).memory()
	case clearText:
		o.wire, o.guard, o.entry.Key = b.wire, InClear, nil
	}
	if first || o.guard < o.worst {
		o.worst = o.guard
	}
	if o.entry.Status == StatusUnconfirmed || o.due() {
		o.sentAgain()
		return
	}
	o.settle(StatusSent, WhyNone)
}

var errOffline = errors.New("session: not online")

// put is the one way out: no other function gives a body to the connection.
func (c *conversation) put(b body, s stanza) error {
	if !c.account.online() {
		return errOffline
	}
	if c.isHeld() {
		return ErrHeld
	}
	m := xmpp.Message{ID: s.id, To: s.to, Type: xmpp.Chat, WantReceipt: s.receipt}
	if s.receipt {
		m.State = c.stateWith(b)
	}
	switch b := b.(type) {
	case sealed:
		m.Body, m.OTR = b.wire, true
		c.published(b.wire)
	case clearText:
		if c.otrState() != otr.Plaintext || !c.clearAllowed() {
			panic("session: internal error: clear text in a private conversation")
		}
		m.Body = b.wire
	}
	return c.account.conn.Send(m)
}

// addressOf is where the client that a message is for was last heard. Tag 0 stands for no client in particular, and in version 2 for the
// only one.
func (c *conversation) addressOf(t otr.Transmit) jid.JID {
	if full, ok := c.tags[t.To]; ok && (t.To != 0 || isVersion2(t.Body)) {
		return full
	}
	return c.target()
}

// ---- the transcript

// newEntry completes an entry.
func (c *conversation) newEntry(e Entry) Entry {
	e.Ref, e.ID = c.ref, EntryID(c.account.session.lastID.Add(1))
	if e.Time.IsZero() {
		e.Time = c.account.now()
	}
	return e
}

// show adds what came in, or was sent by another of our clients.
func (c *conversation) show(m *xmpp.Message, e Entry) {
	now := c.account.now()
	if !m.Delay.IsZero() {
		e.Delayed = true
		e.Time = m.Delay
		if m.Delay.After(now) {
			e.Time = now
		}
	}
	e = c.newEntry(e)
	c.notice = nil
	c.activity = now
	session := c.account.session
	session.emit(EntryChanged{e})
	if e.Kind == Incoming {
		c.unread++
		session.emit(Contacted{c.ref})
	}
	c.touch()
}

// notify adds a notice. The same one again, with nothing in between, only counts up.
func (c *conversation) notify(e Entry) {
	if c.account.conversations[c.ref.Contact] != c {
		return // nobody sees it: see keysOf
	}
	e.Kind = NoticeEntry
	last := c.notice
	if last != nil && last.Notice == e.Notice && sameKey(last.Key, e.Key) && last.Text == e.Text && last.Question == e.Question {
		last.Count++
		last.Time = c.account.now()
		c.account.session.emit(EntryChanged{*last})
		return
	}
	e.Count = 1
	e = c.newEntry(e)
	c.notice = &e
	c.account.session.emit(EntryChanged{e})
}

func sameKey(x, y *otr.Fingerprint) bool {
	return x == nil && y == nil || x != nil && y != nil && *x == *y
}

// whyOf is what the person is told of an error that came back for a stanza (RFC 6120 8.3.3).
func whyOf(err error) Why {
	var e *xmpp.StanzaError
	if !errors.As(err, &e) {
		return WhyOther
	}
	switch e.Condition {
	case "item-not-found", "gone", "jid-malformed":
		return WhyNotFound
	case "remote-server-not-found", "remote-server-timeout":
		return WhyUnreachable
	case "service-unavailable", "recipient-unavailable":
		return WhyAway
	}
	if e.Type == "wait" {
		return WhyBusy
	}
	switch e.Condition {
	case "forbidden", "not-allowed", "not-acceptable", "not-authorized", "policy-violation", "registration-required", "subscription-required":
		return WhyRefused
	}
	return WhyOther
}

// tooLong turns the one error of crypto/otr that the person can do something about.
func tooLong(err error) error {
	if errors.Is(err, otr.ErrTooLarge) {
		return ErrTooLong
	}
	return err
}
