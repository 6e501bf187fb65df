package session

import (
	"crypto/rand"
	"crypto/sha256"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

const (
	answerSoon   = 10 * time.Second      // after which an unanswered invitation is worth a word
	answerLatest = 60 * time.Second      // after which it is given up
	stallsAfter  = 15 * time.Second      // of silence in the middle of a key exchange
	inviteEvery  = 30 * time.Second      // at most, by itself
	inviteSilent = 5 * time.Minute       // the same where nobody answered, and nothing has been heard or seen of them since
	maxBegun     = 30                    // key exchanges that a contact may begin in a minute; a bad line needs one for each reconnect
	maxTags      = 64                    // clients of a contact whose address is remembered
	maxSeen      = 1024                  // stanzas of a contact that would be recognised if they came again
	doubtEvery   = 30 * time.Second      // at most, because somebody says that nothing can be read
	asksOnce     = time.Second           // in which the invitations of a client are one
	recently     = time.Minute           // how long a text may be on its way
	breath       = 10 * time.Millisecond // after a message, before what the next one needs is computed
	lateReceipts = 3 * time.Second       // after signing in, until the server has handed over what waited there
)

// A conversation is everything about one contact, or one stranger.
type conversation struct {
	account *account
	ref     Ref
	address jid.JID // bare
	last    Contact // as it was told

	// see roster.go
	item        xmpp.RosterItem
	onRoster    bool
	adding      bool // put on the roster by the person, not confirmed yet
	removing    bool // to be taken off it and forgotten, as the person wants
	wants       bool
	nick        string
	trouble     Why
	resources   map[string]resource
	presences   uint64
	heard       jid.JID // the client that wrote last
	request     string  // what they wrote when they asked to be a contact
	description description
	typing      typing            // see typing.go
	claimed     []otr.Fingerprint // that a link named

	// OTR
	config   *otr.Config
	ahead    bool                        // what the next messages need is to be computed soon
	otr      *otr.Conversation           // nil until it is needed
	tags     map[otr.InstanceTag]jid.JID // where each client was last heard
	markup   map[otr.InstanceTag]bool    // clients that read and write HTML, see writesMarkup
	exchange *exchange                   // that is under way
	begun    []time.Time                 // key exchanges that they began in the last minute
	invited  time.Time                   // when we last did
	noAnswer bool
	silent   bool // our last invitation was not answered, and nothing has been heard or seen of them since
	hasOTR   bool
	wanted   bool      // a private conversation is to begin as soon as it can
	unwanted bool      // the person ended or refused one: it does not begin by itself
	weEnded  bool      // the person ended one, and has not said how it goes on
	doubtful bool      // the other client may have lost the session since we heard from it
	doubted  time.Time // when an error message was believed last
	misreads time.Time // when there was one that could not be believed so soon; zero for none
	suspects bool      // something could not be read since the live session was heard from last
	invites  struct {  // that came last
		from jid.JID
		at   time.Time
		late *xmpp.Message // one that was taken for a repetition, until the live session is heard from
	}

	// see trust.go
	keys       []Key      // newest first
	story      []KeyEvent // what happened with them, oldest first
	refused    map[otr.Fingerprint]bool
	keyRuleSet KeyRule   // of this contact
	held       time.Time // since when nothing is sent; zero: things are
	policySet  Policy    // of this contact
	smp        *SMP      // the last run
	smpRequest uint64    // of the run that waits for the person's answer
	smpTimer   *time.Timer
	smpBegan   time.Time
	prompts    []time.Time // when they asked us in the last hour
	refusals   time.Time   // when the person was last told that they ask too often

	// see fellow.go
	states      []time.Time     // when they told in the last hour whether they have verified us
	requestedAt time.Time       // when they last asked to be verified
	requester   otr.Fingerprint // with which key; zero when the person has put it off
	asked       time.Time       // when we last asked to be verified

	// see doctor.go
	habits   map[string]*habit // by resource
	unheeded int               // invitations in a row that were not answered
	versions otr.Versions      // of OTR that their program offered last

	// see devices.go
	chosen  [8]byte         // the session that the person wants to write to
	live    otr.Fingerprint // key of the session that was live last
	allowV2 bool
	quiet   bool // see SetQuiet
	onlyV2  bool // their program said that it speaks nothing newer

	macs     []otr.MACKey // that were published, see exhibit.go
	macsGone int          // older ones

	// see double.go
	memory        memory
	numbers       recent[numbered] // that came last
	acquaintances map[otr.InstanceTag]*acquaintance

	// see order.go
	places    place
	sequences map[otr.InstanceTag]*sequence

	// transcript, see outbox.go
	outbox        []*outgoing
	confirms      bool   // their program has confirmed a message before
	notice        *Entry // the last entry, if it is a notice
	seen          recent[[sha256.Size]byte]
	strangerBytes int
	pace          pace // see pace.go
	unread        int
	activity      time.Time
}

func newConversation(a *account, address jid.JID) *conversation {
	c := &conversation{
		account:   a,
		ref:       Ref{a.ref(), address.String()},
		address:   address,
		resources: map[string]resource{},
		tags:      map[otr.InstanceTag]jid.JID{},
		markup:    map[otr.InstanceTag]bool{},
		refused:   map[otr.Fingerprint]bool{},
		seen:      recent[[sha256.Size]byte]{most: maxSeen},
		numbers:   recent[numbered]{most: maxNumbers},
		memory:    memory(newNumber()),

		acquaintances: map[otr.InstanceTag]*acquaintance{},
		sequences:     map[otr.InstanceTag]*sequence{},
		habits:        map[string]*habit{},
	}
	c.recall()
	return c
}

// touch has the contact told again once the present step is done, unless it is gone.
func (c *conversation) touch() {
	if c.account.conversations[c.ref.Contact] == c {
		c.account.changed[c] = struct{}{}
	}
}

// settle tells the contact if it has changed.
func (c *conversation) settle() {
	if v := c.value(); !reflect.DeepEqual(v, c.last) {
		c.last = v
		c.account.session.emit(ContactChanged{v})
	}
}

// value is the contact as the receiver of events sees it.
func (c *conversation) value() Contact {
	v := Contact{
		Ref:          c.ref,
		Name:         c.name(),
		OnRoster:     c.onRoster,
		Subscription: c.subscription(),
		Wants:        c.wants,
		Asked:        c.item.Ask,
		Trouble:      c.trouble,
		Policy:       c.policy(),
		OwnPolicy:    c.policySet != PolicyDefault,
		Lock:         c.lock(),
		Starting:     c.exchange != nil,
		NoAnswer:     c.noAnswer,
		HasOTR:       c.hasOTR,
		VerifiedUs:   c.verifiedUs(),
		KeyChange:    c.keyChange(),
		KeyRule:      c.keyRule(),
		OwnKeyRule:   c.keyRuleSet != KeyRuleDefault,
		Held:         c.held,
		SendMode:     c.mode(),
		Unread:       c.unread,
		Activity:     c.activity,
	}
	if r, ok := c.best(); ok {
		v.Presence, v.Status, v.Resource = r.presence, r.status, r.full.Resourcepart()
	}
	if v.Lock != NotPrivate {
		fp := c.otrPeer().Fingerprint
		v.Key, v.Verified, v.Version = &fp, c.known(fp).Verified, c.otrPeer().Version
	}
	v.NeedsVerified = c.needsVerified() && v.KeyChange == nil
	v.Keys = c.knownKeys()
	v.Devices, v.AllowV2, v.OnlyV2 = c.devices(), c.allowV2, c.onlyV2
	v.Quiet = c.quiet
	v.WeEnded = c.weEnded
	v.Sotto, v.WantsVerified, v.RequestedAt, v.Aloud = c.isSotto(), c.wantsVerified(), c.asked, c.aloud()
	v.Findings = c.findings()
	c.features(&v)
	return v
}

func (c *conversation) name() string {
	if name := cleanName(c.item.Name); name != "" {
		return name
	}
	if c.nick != "" {
		return c.nick
	}
	if local := c.address.Localpart(); local != "" {
		return local
	}
	return c.ref.Contact
}

// policy is the one in force. Who writes to verified keys only writes nothing in clear.
func (c *conversation) policy() Policy {
	if c.keyRule() == OnlyVerified {
		return Require
	}
	if c.policySet != PolicyDefault {
		return c.policySet
	}
	return c.account.policy()
}

// lock is how private the conversation is: decided by the live session and by what is known of its key, nothing else.
func (c *conversation) lock() Lock {
	switch c.otrState() {
	case otr.Finished:
		return FinishedLock
	case otr.Encrypted:
		if c.known(c.otrPeer().Fingerprint).Verified != NotVerified {
			return Private
		}
		return Unverified
	}
	return NotPrivate
}

// mode is what Send does now.
func (c *conversation) mode() SendMode {
	switch {
	case !c.onRoster, c.blocked(), c.isHeld(), c.keyChange() != nil, c.needsVerified(), c.otrState() == otr.Finished, c.weEnded:
		return SendBlocked
	case c.otrState() == otr.Encrypted && c.account.online() && !c.away() && !c.doubtful:
		return SendPrivately
	case c.otrState() == otr.Encrypted, c.policy() == Require, c.turningPrivate():
		return SendWhenPrivate
	}
	return SendUnencrypted
}

// ---- the OTR conversation

func (c *conversation) otrState() otr.State {
	if c.otr == nil {
		return otr.Plaintext
	}
	return c.otr.State()
}

func (c *conversation) otrPeer() otr.Peer {
	if c.otr == nil {
		return otr.Peer{}
	}
	return c.otr.Peer()
}

// computeAhead has what the next messages need computed when the last one has been shown and sent.
func (c *conversation) computeAhead() {
	if c.ahead || c.otrState() != otr.Encrypted {
		return
	}
	c.ahead = true
	c.account.after(breath, func() {
		c.ahead = false
		if c.otr != nil {
			c.otr.Prepare()
		}
	})
}

// begin makes the OTR conversation when it is needed first.
func (c *conversation) begin() {
	if c.otr != nil {
		return
	}
	c.config = &otr.Config{
		Key:    c.account.key,
		Tag:    otr.InstanceTag(c.account.record.InstanceTag),
		Policy: c.otrPolicy(),
		Rand:   rand.Reader,
		Time:   c.account.now,
	}
	c.otr = otr.New(c.config)
}

func otrPolicy(p Policy) otr.Policy {
	switch p {
	case Never:
		return otr.PolicyNever
	case ByHand:
		return otr.PolicyManual
	case Automatic:
		return otr.PolicyOpportunistic
	}
	return otr.PolicyAlways
}

func (c *conversation) poll() {
	if c.otr != nil {
		c.apply(c.otr.Poll(), cause{})
	}
}

func (c *conversation) setPolicy(p Policy) {
	c.policySet = p
	if c.policy() != Require {
		c.wanted = false // the person's last word counts
	}
	c.remember()
	c.policyChanged()
	c.notify(Entry{Notice: NoticePolicy})
}

func (c *conversation) policyChanged() {
	if c.policy() == Never {
		c.wanted = false
		c.endSession()
	}
	if c.config != nil {
		c.config.Policy = c.otrPolicy()
	}
	c.touch()
	c.wantPrivate()
	c.flush()
}

// newIdentity: our key is another one now.
func (c *conversation) newIdentity() {
	c.showHeld()
	c.otr = nil
	for i := range c.keys {
		c.keys[i].VerifiedUs, c.keys[i].VerifiedUsHow, c.keys[i].VerifiedUsAt = false, NotVerified, time.Time{}
	}
	c.touch()
}

// opened is the person looking at the conversation.
func (c *conversation) opened() {
	c.unread = 0
	c.touch()
	c.wantPrivate()
}

// wantPrivate begins a private conversation if one is to begin by itself and can.
func (c *conversation) wantPrivate() {
	a := c.account
	if !a.online() || !c.onRoster || c.blocked() || c.isHeld() || c.policy() == Never || c.exchange != nil {
		return
	}
	looking := a.looking == c && c.policy() == Require && !c.unwanted && len(c.resources) > 0
	switch {
	case !c.wanted && !looking && (c.unwanted || !c.waitsForPrivacy()):
		return
	case c.away(), c.otrState() == otr.Finished && !c.wanted:
		return
	case c.otrState() == otr.Encrypted && !c.doubtful && !c.wanted:
		return
	case !c.wanted && c.account.now().Sub(c.invited) < c.patience():
		return
	}
	c.invite()
}

// patience is the time between two invitations that nobody has asked for.
func (c *conversation) patience() time.Duration {
	if c.silent {
		return inviteSilent
	}
	return inviteEvery
}

// stirred: a contact who had not answered is there after all, or their program speaks OTR.
func (c *conversation) stirred() {
	if !c.silent {
		return
	}
	c.silent = false
	c.account.after(max(0, inviteEvery-c.account.now().Sub(c.invited)), func() {
		if c.account.conversations[c.ref.Contact] == c {
			c.wantPrivate()
		}
	})
}

// turningPrivate tells whether a private conversation is on its way, or wanted as soon as the contact is there: nothing goes out in clear
// meanwhile.
func (c *conversation) turningPrivate() bool { return c.exchange != nil || c.wanted }

// clearAllowed tells whether what the person let go in clear may go at this moment.
func (c *conversation) clearAllowed() bool {
	return c.policy() != Require && !c.turningPrivate() && !c.weEnded
}

// An exchange is a key exchange that is under way.
type exchange struct {
	ours   string      // id of the stanza with our invitation; "" if they began
	soon   *time.Timer // until when an invitation without answer is nothing unusual; nil when it was answered
	end    *time.Timer // until when we wait
	second bool        // begun because the first got stuck
	wished bool        // it began because it was wanted, and is wanted again if the line breaks
}

// invite asks the contact's program for a private conversation, or for fresh keys, and waits for the answer.
func (c *conversation) invite() {
	c.begin()
	wished := c.wanted || c.exchange != nil && c.exchange.wished
	c.wanted, c.noAnswer, c.invited = false, false, c.account.now()
	to := c.target()
	if full, ok := c.tags[c.otrPeer().Tag]; ok && c.otrState() != otr.Plaintext && c.there(full) {
		to = full
	}
	x := c.await()
	x.ours, x.wished = xmpp.NewID(), wished
	for _, e := range c.otr.Start() {
		if t, ok := e.(otr.Transmit); ok {
			c.put(sealed{t.Body}, stanza{id: x.ours, to: to})
		}
	}
	x.soon = c.account.after(answerSoon, func() {
		if c.exchange == x && x.soon != nil {
			c.noAnswer = !c.private()
			c.touch()
		}
	})
}

// await waits for a key exchange to end, ours or theirs, but not for ever.
func (c *conversation) await() *exchange {
	c.stopExchange()
	x := &exchange{}
	x.end = c.account.after(answerLatest, func() {
		if c.exchange == x {
			c.giveUp()
		}
	})
	c.exchange = x
	c.touch()
	return x
}

// answered notices that a key exchange goes on: something came in and was answered by a message of one, and there is no session yet.
func (c *conversation) answered(events []otr.Event) {
	if c.private() || !slices.ContainsFunc(events, ofExchange) {
		return
	}
	x := c.exchange
	if x == nil {
		x = c.await()
	}
	c.noAnswer = false
	c.touch()
	if x.soon != nil {
		x.soon.Stop()
		x.soon = nil
	}
	x.end.Stop()
	x.end = c.account.after(stallsAfter, func() {
		if c.exchange == x {
			c.stuck()
		}
	})
}

// ofExchange tells an encoded message of a key exchange from a data message, which may go out as an answer as well.
func ofExchange(e otr.Event) bool {
	t, ok := e.(otr.Transmit)
	return ok && strings.HasPrefix(t.Body, "?OTR:") && !isDataMessage(t.Body)
}

// stuck: the exchange began and goes no further. A message was lost, or the other side ended an old session in the middle of it, which
// throws the new one away as well. Once, it is worth beginning again; where it was theirs, if something of ours waits for it.
func (c *conversation) stuck() {
	if c.exchange.ours == "" {
		c.giveUp()
		if c.waitsForPrivacy() && !c.unwanted && c.policy() != Never {
			c.wanted = true
			c.wantPrivate()
		}
		return
	}
	if c.exchange.second || !c.account.online() || c.away() {
		c.giveUp()
		return
	}
	c.invite()
	c.exchange.second = true
}

// giveUp ends the waiting for a key exchange. What waits for privacy goes on waiting.
func (c *conversation) giveUp() {
	ours := c.exchange.ours != ""
	c.stopExchange()
	c.wanted = false
	if ours {
		if c.noAnswer = !c.private(); c.noAnswer {
			countUp(&c.unheeded)
		}
		if !c.silent {
			c.notify(Entry{Notice: NoticeNoAnswer})
		}
		c.silent = c.noAnswer
	}
	c.touch()
	c.flush() // what was to go in clear and was held back meanwhile
}

func (c *conversation) stopExchange() {
	if x := c.exchange; x != nil {
		x.end.Stop()
		if x.soon != nil {
			x.soon.Stop()
		}
	}
	c.exchange = nil
}

// breakExchange is for a line that is gone, ours or theirs: what was wanted begins anew when it is back.
func (c *conversation) breakExchange() {
	c.wanted = c.wanted || c.exchange != nil && c.exchange.wished
	c.stopExchange()
}

func (c *conversation) stopTimers() {
	c.stopExchange()
	if c.smpTimer != nil {
		c.smpTimer.Stop()
	}
}

func (c *conversation) startPrivate() {
	if !c.onRoster || c.isHeld() || c.policy() == Never {
		return
	}
	clear(c.refused)
	c.unwanted, c.weEnded, c.wanted, c.silent = false, false, true, false
	if c.exchange != nil && c.account.now().Sub(c.invited) >= answerSoon {
		c.stopExchange() // the person wants it again
	}
	c.wantPrivate()
	c.touch()
}

func (c *conversation) endPrivate() {
	c.unwanted, c.weEnded = true, c.otrState() == otr.Encrypted
	c.forgetReaders()
	c.endSession()
	c.flush()
}

func (c *conversation) continueUnencrypted() {
	if c.isHeld() || c.keyRule() == OnlyVerified {
		return // it would not be: see policy
	}
	if !c.private() {
		c.endSession() // the other side may have lost one that we still have
	}
	c.wanted, c.weEnded = false, false
	c.unwanted, c.noAnswer = true, false
	c.setPolicy(ByHand)
}

// endSession ends a session, if there is one, and whatever was to lead to one.
func (c *conversation) endSession() {
	c.wanted = false
	c.stopExchange()
	if c.otr != nil {
		encrypted := c.otr.State() == otr.Encrypted
		c.apply(c.otr.End(), cause{})
		if encrypted {
			c.notify(Entry{Notice: NoticeWeEnded})
		}
	}
	c.doubtful = false
	c.touch()
}

// endPolitely tells the other side that we are leaving.
func (c *conversation) endPolitely() {
	if c.otrState() == otr.Encrypted {
		c.endSession()
	}
	c.stopExchange()
}

// private tells that there is a session, as far as we know at both ends.
func (c *conversation) private() bool { return c.otrState() == otr.Encrypted && !c.doubtful }

// doubt: the other client may have lost the session. The next text waits until it has shown that it has one.
func (c *conversation) doubt() {
	if c.otrState() != otr.Encrypted {
		return
	}
	c.doubtful = true
	for _, o := range c.outbox {
		if o.mayBe() {
			o.settle(StatusUnconfirmed, WhyNone) // and is sent again before anything else, even if the session turns out to be alive
		}
	}
	c.touch()
}

// sure is the end of doubt: something authentic has come from the live session.
func (c *conversation) sure() {
	c.misreads, c.suspects, c.invites.late = time.Time{}, false, nil
	if c.doubtful {
		c.doubtful, c.noAnswer = false, false
		c.touch()
	}
}

// misread: somebody says that the client we write to could not read us. Anybody on the way can say so, thus it ends nothing: the next
// text waits for fresh keys, and what was not confirmed may be sent again. Saying it more often changes nothing more.
func (c *conversation) misread(m *xmpp.Message) {
	if c.otrState() != otr.Encrypted || m == nil {
		return
	}
	if full, ok := c.tags[c.otrPeer().Tag]; ok && m.From.Resourcepart() != "" && !full.Equal(m.From) {
		return // another client of theirs: the session is not with that one
	}
	now := c.account.now()
	if since := now.Sub(c.doubted); since < doubtEvery {
		if c.misreads.IsZero() {
			c.account.after(doubtEvery-since, c.misreadAfterAll)
		}
		c.misreads = now
		return
	}
	c.doubted = now
	c.doubt()
	c.unconfirm()
	c.wantPrivate()
}

// misreadAfterAll is misread for what was said too soon after the last time, unless the other side has proved since that it has a session.
func (c *conversation) misreadAfterAll() {
	if !c.misreads.IsZero() && c.otrState() == otr.Encrypted {
		c.doubted = c.account.now()
		c.doubt()
		c.unconfirm()
		c.wantPrivate()
	}
	c.misreads = time.Time{}
}

// cameOnline: the contact, or we ourselves. Where privacy is wanted by now, nothing goes out in clear before it.
func (c *conversation) cameOnline() {
	for _, o := range c.outbox {
		if !o.entry.RetryAt.IsZero() {
			o.entry.RetryAt = c.account.now() // whatever was full, it may be for this that it waits
		}
	}
	c.wantPrivate()
	c.flush()
	if c.account.sinceSignIn() < lateReceipts && slices.ContainsFunc(c.outbox, (*outgoing).lostInClear) {
		c.account.after(lateReceipts-c.account.sinceSignIn(), c.flush)
	}
}

func (a *account) sinceSignIn() time.Duration { return a.now().Sub(a.since) }

// wentOffline: we ourselves. The session is kept, but nobody knows what becomes of the other end meanwhile.
func (c *conversation) wentOffline() {
	clear(c.resources)
	c.heard, c.invites.from = jid.JID{}, jid.JID{}
	c.breakExchange()
	c.noAnswer, c.silent = false, false
	c.doubt()
	for _, o := range c.outbox {
		if o.entry.Status == StatusSent {
			o.settle(StatusUnconfirmed, WhyNone)
		}
	}
	c.touch()
}

// A cause is what led to a list of OTR events.
type cause struct {
	message *xmpp.Message // it came in
	entry   *outgoing     // it is to go out
}

// apply does what a list of OTR events asks for, in its order; but what is to be sent goes out first. What the rest of the list leads to may
// be sent as well, and that was encrypted later.
func (c *conversation) apply(events []otr.Event, why cause) {
	defer c.computeAhead()
	for _, e := range events {
		if t, ok := e.(otr.Transmit); ok {
			c.transmit(t, why)
		}
	}
	for _, e := range events {
		switch e := e.(type) {
		case otr.Message:
			c.received(e, why.message)
		case otr.Records:
			c.heardFrom(e.From)
			c.recognise(e.From, e.TLVs)
			c.hearFellow(e.From, e.TLVs)
		case otr.StateChange:
			c.stateChanged(e)
		case otr.InstanceChange:
			if e.New == otr.Encrypted {
				c.meet(e.Peer)
			}
			c.prefer()
		case otr.Offer:
			c.hasOTR = true
			c.offered(e.Versions)
		case otr.SMPRequest:
			c.smpRequested(e)
		case otr.SMPResult:
			c.smpResult(e)
		case otr.Rejected:
			c.rejected(e)
		case otr.PeerError:
			c.notify(Entry{Notice: NoticePeerError, Text: cleanIncoming(e.Text)})
			c.misread(why.message)
		case otr.Failure:
			c.notify(Entry{Notice: NoticeInterrupted})
		}
	}
	c.touch()
}

// stateChanged: the live session is another one than before, or gone.
func (c *conversation) stateChanged(e otr.StateChange) {
	if e.New != otr.Encrypted {
		c.showHeld()
		c.smpEnded()
		c.invites.from = jid.JID{} // what its invitation led to is over
	}
	c.unconfirm()
	switch e.New {
	case otr.Encrypted:
		// The same key again, and the person did not ask for it: nothing has changed for them.
		same := e.Refreshed || e.Old == otr.Encrypted && e.Peer.Fingerprint == c.live // or with another of their devices
		quiet := same && (c.doubtful || c.exchange == nil || c.exchange.ours == "")
		c.live, c.unheeded, c.silent = e.Peer.Fingerprint, 0, false
		c.stopExchange()
		c.noAnswer, c.unwanted, c.weEnded, c.wanted, c.hasOTR = false, false, false, false, true
		c.sure()
		n, refused := c.sessionUp(e)
		switch {
		case refused:
			c.endSession() // as the person decided
		case !quiet:
			c.notify(n)
		}
		if full, ok := c.tags[e.Peer.Tag]; ok && e.Old == otr.Encrypted && c.subscription().sees() && !c.there(full) {
			c.doubt() // chosen, and not there
		}
		c.prefer()
	case otr.Finished:
		c.doubtful = false
		c.notify(Entry{Notice: NoticePeerEnded, Key: &e.Peer.Fingerprint})
	}
}

func (c *conversation) rejected(e otr.Rejected) {
	switch e.Reason {
	case otr.Malformed, otr.Unreadable, otr.NotPrivate:
		if e.Reason != otr.Unreadable || !c.isMissing(e.From) {
			c.notify(Entry{Notice: NoticeUnreadable})
		}
		c.heal(e.Reason)
		if e.Reason == otr.Unreadable && e.From == c.otrPeer().Tag {
			c.suspect()
		}
	case otr.SetupFailed, otr.Reflected:
		c.notify(Entry{Notice: NoticeInterrupted})
	case otr.OtherInstance:
		c.notify(Entry{Notice: NoticeAnotherClient})
	case otr.BadVersion:
		c.hasOTR = true
		c.offered(e.Versions)
	}
}

// heal begins a new session where the other side believes in one that we do not have: one of the two programs was restarted.
func (c *conversation) heal(r otr.Reason) {
	if r == otr.NotPrivate && !c.unwanted && (c.policy() == Require || c.policy() == Automatic) &&
		c.account.now().Sub(c.invited) >= inviteEvery && c.otrState() == otr.Plaintext {
		c.wanted = true
		c.wantPrivate()
	}
}

// suspect: what came from the client we write to cannot be read. That may have been damaged, forged, or encrypted before its keys changed; if
// nothing readable follows, the two sides may believe in different sessions, and fresh keys are begun: seldom, since anybody can bring it
// about.
func (c *conversation) suspect() {
	if c.suspects || c.otrState() != otr.Encrypted {
		return
	}
	c.suspects = true
	c.account.after(max(stallsAfter, inviteEvery-c.account.now().Sub(c.invited)), func() {
		if c.suspects && c.account.conversations[c.ref.Contact] == c && c.otrState() == otr.Encrypted && c.account.online() {
			c.doubt()
			c.wanted = c.wanted || !c.unwanted
			c.wantPrivate()
		}
		c.suspects = false
	})
}

// ---- incoming

// message takes a message stanza.
func (a *account) message(m *xmpp.Message) {
	from := m.From.Bare()
	if m.Carbon == xmpp.CarbonSent {
		from = m.To.Bare()
	}
	if from.Equal(a.address) {
		return // notes to ourselves are no conversation
	}
	c := a.conversations[from.String()]
	switch {
	case m.Type == xmpp.ErrorMessage:
		if c != nil {
			c.bounced(m)
		}
		return
	case m.Receipt != "" && m.Carbon == xmpp.NoCarbon:
		if o, ok := a.sent[m.Receipt]; ok && o.in == c {
			c.confirms = true
			o.settle(StatusDelivered, WhyNone)
		}
	}
	if m.State != xmpp.NoChatState && m.Carbon == xmpp.NoCarbon && c != nil && c.onRoster {
		c.typed(m)
	}
	switch {
	case m.Body == "" || m.Type == xmpp.Headline || m.Type == xmpp.Groupchat:
		return
	case c == nil || !c.onRoster:
		a.strangerMessage(m, from)
		return
	case c.again(m):
		return
	}
	c.typing.forgetTheirs()
	if m.Carbon != xmpp.NoCarbon {
		c.carbon(m)
	} else {
		c.incoming(m)
	}
}

// again tells whether m has come before. A server repeats a stanza when it is not sure that it arrived; given to OTR twice it would be
// "unreadable". The body counts as well as the id, because not every program's ids are unique.
func (c *conversation) again(m *xmpp.Message) bool {
	if m.ID == "" {
		return false
	}
	key := sha256.Sum256([]byte(m.From.Bare().String() + "\x00" + m.To.Bare().String() + "\x00" + m.ID + "\x00" + m.Body))
	return c.seen.again(key)
}

// strangerMessage shows what somebody wrote who is not on the roster, within bounds. Nothing answers: not OTR, no receipt.
func (a *account) strangerMessage(m *xmpp.Message, from jid.JID) {
	if m.Carbon == xmpp.CarbonSent {
		return // what another client of ours wrote to them
	}
	c := a.stranger(from)
	if c == nil || c.again(m) {
		return
	}
	if otr.IsOTR(m.Body) {
		c.hasOTR = true
		c.touch()
		return
	}
	text := bound(cleanIncoming(strings.TrimRight(m.Body, " \t")), maxStrangerText-c.strangerBytes)
	if text == "" {
		return
	}
	c.strangerBytes += len(text)
	c.show(m, Entry{Kind: Incoming, Text: text, Guard: c.clearGuard()})
}

// carbon shows a copy of what another of our clients sent or received, if it is clear text. What is OTR's was for that client, and is
// never given to ours (XEP-0364).
func (c *conversation) carbon(m *xmpp.Message) {
	if otr.IsOTR(m.Body) {
		return
	}
	text := cleanIncoming(strings.TrimRight(m.Body, " \t")) // a whitespace tag, if there is one
	if text == "" {
		return
	}
	if m.Carbon == xmpp.CarbonSent {
		c.show(m, Entry{Kind: Outgoing, Text: text, Guard: InClear, Status: StatusStored})
		return
	}
	c.show(m, Entry{Kind: Incoming, Text: text, Guard: c.clearGuard()})
}

// incoming gives a message to OTR.
func (c *conversation) incoming(m *xmpp.Message) {
	isOTR := otr.IsOTR(m.Body)
	if isOTR {
		c.stirred()
	}
	if isOTR && c.policy() == Never {
		c.hasOTR = true
		c.notify(Entry{Notice: NoticeUnreadable})
		c.touch()
		return
	}
	if isOTR && c.isHeld() {
		c.notify(Entry{Notice: NoticeNotAnswered})
		return
	}
	if c.asksAgain(m) {
		return
	}
	if beginsExchange(m.Body) && (c.exchange == nil || c.exchange.ours == "") && (c.hiddenFrom() || c.tooManyBegun()) {
		return
	}
	if isVersion2(m.Body) && !c.fromVersion2(m.From) {
		c.notify(Entry{Notice: NoticeAnotherClient})
		return
	}
	if m.From.Resourcepart() != "" {
		c.heard = m.From
		if tag := otr.SenderTag(m.Body); tag != 0 {
			c.place(tag, m.From)
		}
	}
	c.begin()
	c.config.Policy = c.answers()
	live, heard, accepted := c.otrPeer(), c.lastHeard(), c.otr.Accepted()
	events := c.otr.Receive(m.Body)
	if c.otr.Accepted() != accepted {
		c.heardPrivately(m.Body, events)
	}
	if c.otrPeer().SSID == live.SSID && !c.lastHeard().Equal(heard) {
		c.sure() // whatever it was: a step of a check, or only a sign of life
	}
	if !isOTR && slices.ContainsFunc(events, ofExchange) {
		c.countBegun() // by a tag
	}
	c.observe(m, events)
	c.apply(events, cause{message: m})
	c.answered(events)
	c.flush()
}

// beginsExchange tells whether a body makes us compute: a query, or a D-H Commit Message.
func beginsExchange(body string) bool {
	if _, encoded, is := strings.Cut(body, "?OTR:"); is {
		return strings.HasPrefix(encoded, "AAMC") || strings.HasPrefix(encoded, "AAIC")
	}
	return otr.IsOTR(body) && !strings.Contains(body, "?OTR|") && !strings.Contains(body, "?OTR Error:")
}

// asksAgain tells that a client asks for a private conversation a moment after it did so before. Some programs ask with every text that
// waits for one. An answer to each would be a key exchange each, and of several at once the two sides may take different ones for the last.
func (c *conversation) asksAgain(m *xmpp.Message) bool {
	if !beginsExchange(m.Body) || ofExchange(otr.Transmit{Body: m.Body}) {
		return false
	}
	now := c.account.now()
	again := c.invites.from.Equal(m.From) && now.Sub(c.invites.at) < asksOnce
	if !again {
		c.invites.from, c.invites.at, c.invites.late = m.From, now, nil
		return false
	}
	if c.invites.late == nil {
		c.account.after(asksOnce, c.answerLate)
	}
	c.invites.late = m
	return true
}

// answerLate answers an invitation that was taken for a repetition, if the session that the first one led to is silent: the client may
// have been started anew in that moment.
func (c *conversation) answerLate() {
	m := c.invites.late
	if m == nil || c.account.conversations[c.ref.Contact] != c || !c.account.online() {
		return
	}
	c.invites.from, c.invites.late = jid.JID{}, nil
	c.incoming(m)
}

// tooManyBegun counts one more exchange that they began, and refuses what only a flood would bring.
func (c *conversation) tooManyBegun() bool {
	if c.flooded() {
		return true
	}
	c.countBegun()
	return false
}

func (c *conversation) countBegun() {
	now := c.account.now()
	c.begun = append(c.begun, now)
	c.account.begun = append(c.account.begun, now)
}

func (c *conversation) flooded() bool {
	now := c.account.now()
	c.begun = slices.DeleteFunc(c.begun, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	return len(c.begun) >= maxBegun || c.account.flooded()
}

// answers is the policy with which the next message is taken in: in a flood of tags the texts are shown and the tags not answered, nor are
// they where nobody is to know that we are there.
func (c *conversation) answers() otr.Policy {
	p := c.otrPolicy()
	if c.flooded() || c.hiddenFrom() || c.isHeld() {
		p &^= otr.WhitespaceStartAKE
	}
	return p
}

// place remembers where a client was heard.
func (c *conversation) place(tag otr.InstanceTag, full jid.JID) {
	if _, ok := c.tags[tag]; !ok && len(c.tags) >= maxTags {
		for old := range c.tags {
			if old != c.otrPeer().Tag {
				delete(c.tags, old)
				delete(c.markup, old)
				break
			}
		}
	}
	c.tags[tag] = full
}

// received shows a text that came out of OTR, and confirms it to who may know that we are here.
func (c *conversation) received(e otr.Message, m *xmpp.Message) {
	if e.Encrypted {
		c.receivedPrivately(e, m)
		return
	}
	guard := InClear
	if e.Unexpected {
		guard = InClearUnexpected
	}
	c.show(m, Entry{Kind: Incoming, Text: cleanIncoming(string(e.Text)), Guard: guard})
	if guard != InClearUnexpected {
		c.confirm(m)
	}
}

// receivedPrivately is received for what was encrypted.
func (c *conversation) receivedPrivately(e otr.Message, m *xmpp.Message) {
	c.heardFrom(e.From)
	r, again := c.recognise(e.From, e.TLVs)
	c.hearFellow(e.From, e.TLVs)
	if again {
		if !c.heldAgain(e.From, r, m) {
			c.confirm(m)
		}
		return
	}
	text := string(e.Text)
	if writesMarkup(m.ID) {
		c.markup[e.From.Tag] = true
		text = fromMarkup(text)
	}
	c.inOrder(e.From, heldText{record: r, message: m, entry: Entry{
		Kind: Incoming, Text: cleanIncoming(text), Guard: c.encryptedGuard(e.From.Fingerprint), Key: &e.From.Fingerprint,
	}})
}

// lastHeard is when something authentic last came from the live session.
func (c *conversation) lastHeard() time.Time {
	for _, i := range c.otr.Instances() {
		if i.Selected && i.State == otr.Encrypted {
			return i.Heard
		}
	}
	return time.Time{}
}

// heardFrom: something authentic has come. From the live session it ends all doubt.
func (c *conversation) heardFrom(p otr.Peer) {
	if p.Tag == c.otrPeer().Tag {
		c.sure()
	}
}

// confirm says that a text was read, if that was asked for by somebody who may know that we are here (XEP-0184).
func (c *conversation) confirm(m *xmpp.Message) {
	if m.WantReceipt && m.ID != "" && !c.isHeld() && !c.account.record.NoReceipts && c.subscription().seen() && c.account.online() && !c.account.invisible() {
		c.account.conn.Send(xmpp.Message{ID: xmpp.NewID(), To: m.From, Type: m.Type, Receipt: m.ID})
	}
}

// clearGuard is how clear text is marked: where privacy is required or there is a session, as what may be forged.
func (c *conversation) clearGuard() Guard {
	if c.policy() == Require || c.otrState() != otr.Plaintext {
		return InClearUnexpected
	}
	return InClear
}

func (c *conversation) encryptedGuard(fp otr.Fingerprint) Guard {
	if c.known(fp).Verified != NotVerified {
		return EncryptedVerified
	}
	return EncryptedUnverified
}

// bounced takes an error. Its body, if it has one, is our own text come back: it is not looked at.
func (c *conversation) bounced(m *xmpp.Message) {
	why := WhyOther
	if m.Err != nil {
		why = whyOf(m.Err)
	}
	if why == WhyAway || why == WhyNotFound {
		if c.heard.Equal(m.From) {
			c.heard = jid.JID{}
		}
		c.doubt()
	}
	o, ok := c.account.sent[m.ID]
	switch {
	case !ok, o.in != c, m.ID != o.ids[len(o.ids)-1]: // nothing of ours, or something that was sent again since
	case why == WhyAway && c.resendElsewhere(o, m.From):
	case o.settle(StatusFailed, why) && why != WhyAway && m.Err != nil && m.Err.Type == "wait":
		o.refusedForNow()
	}
	if x := c.exchange; x != nil && m.ID != "" && m.ID == x.ours {
		c.giveUp()
	}
	c.touch()
}
