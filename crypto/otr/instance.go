package otr

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
)

// An instance is one client of the correspondent: one pair of our instance tag and theirs. All that speaks version 2,
// where there are no tags, is the instance with tag 0.
type instance struct {
	tag    InstanceTag
	state  State // the message state
	peer   Peer
	ake    ake      // the authentication state, but for AwaitingDHKey in version 3, which is Conversation.commit
	spent  [32]byte // hash of our D-H Commit Message that this client has answered or overruled
	keys   keys
	smp    smpRun
	active uint64    // when something authenticated last came, see Conversation.activity
	heard  time.Time // the same by the clock
	sent   time.Time // when we last sent a data message
}

// version returns the version of the protocol that i speaks.
func (i *instance) version() int {
	if i.tag == 0 {
		return version2
	}
	return version3
}

// forget wipes the session and goes to state s.
func (i *instance) forget(s State) {
	i.state = s
	i.keys = keys{}
	i.smp.wipe()
	i.peer.SSID = [8]byte{}
}

// instance returns the client with a tag, which is not remembered yet if it is new.
func (c *Conversation) instance(tag InstanceTag) *instance {
	if i := c.instances[tag]; i != nil {
		return i
	}
	return &instance{tag: tag}
}

// encrypted says whether the client with a tag has a session.
func (c *Conversation) encrypted(tag InstanceTag) bool {
	i := c.instances[tag]
	return i != nil && i.state == Encrypted
}

// inTheWay returns the client that has to be forgotten for i to be remembered, or nil: of those that have no session,
// the one that is longest without an answer to its key exchange, and of several the one with the lowest tag, so that
// asking twice gives the same one. ok says whether i can be remembered at all.
func (c *Conversation) inTheWay(i *instance) (victim *instance, ok bool) {
	if c.instances[i.tag] != nil || len(c.instances) < maxInstances {
		return nil, true
	}
	for _, v := range c.instances {
		if v.state != Plaintext || v.version() != version3 {
			continue
		}
		if victim == nil || cmp.Or(v.ake.since.Compare(victim.ake.since), cmp.Compare(v.tag, victim.tag)) < 0 {
			victim = v
		}
	}
	return victim, victim != nil
}

// remember makes room for i if it is new.
func (c *Conversation) remember(i *instance) bool {
	victim, ok := c.inTheWay(i)
	if !ok {
		return false
	}
	if victim != nil {
		victim.ake = ake{}
		delete(c.instances, victim.tag)
	}
	c.instances[i.tag] = i
	return true
}

// spareKey returns a y that serves for a key exchange with i, who would take the place of somebody that we have shown
// it to in vain; so whoever invents a multitude of clients does not make us compute a key for each. It is zero if
// there is none.
func (c *Conversation) spareKey(i *instance) group.PrivateKey {
	if victim, _ := c.inTheWay(i); victim != nil && victim.ake.state == authAwaitingRevealSig {
		return victim.ake.key
	}
	return group.PrivateKey{}
}

// exhausted says whether more was worked on lately than honest key exchanges need.
func (c *Conversation) exhausted() bool { return c.steps >= maxSteps }

// worked counts a key exchange message that was worked on.
func (c *Conversation) worked() {
	if c.steps == 0 {
		c.stepsSince = c.now()
	}
	c.steps++
}

// exchanging says whether a key exchange is on with anyone.
func (c *Conversation) exchanging() bool {
	if c.commit.state != authNone {
		return true
	}
	for _, i := range c.instances {
		if i.ake.state != authNone {
			return true
		}
	}
	return false
}

// sendCommit begins a key exchange: in version 3 with whichever clients answer.
func (c *Conversation) sendCommit(version int) []Event {
	if c.exhausted() {
		return reject(TooMany, 0)
	}
	commit, err := newCommitment(c.rand())
	if err != nil {
		return failure(cannotSend(err))
	}
	events, err := c.answer(version, 0, answer{typeDHCommit, &commit.commitment})
	if err != nil {
		return failure(err)
	}
	commit.since = c.now()
	if version == version2 {
		i := c.instance(0)
		if !c.remember(i) {
			return reject(TooMany, 0)
		}
		i.ake = commit
	} else {
		c.commit, c.answers = commit, 0
	}
	c.worked()
	return events
}

// answer returns what sends a message of the key exchange.
func (c *Conversation) answer(version int, to InstanceTag, a answer) ([]Event, error) {
	h := c.header(version, a.kind, to)
	return c.transmit(h, a.message.append(h.append(nil)))
}

// toAll says whether i may still answer our D-H Commit Message to all.
func (c *Conversation) toAll(i *instance) bool {
	return i.version() == version3 && c.commit.state == authAwaitingDHKey && i.spent != c.commit.commitment.hash
}

// akeOf returns the key exchange with i as D-H Commit and D-H Key Messages see it. A commitment of ours that i has
// not dealt with is a value that is copied, so that each client can go on from it in its own way. (What i began
// itself goes on meanwhile: Reveal Signature and Signature Messages see i.ake.)
func (c *Conversation) akeOf(i *instance) ake {
	if c.toAll(i) {
		return c.commit
	}
	return i.ake
}

// step stores the next state of the key exchange with i and returns what sends the reply.
func (c *Conversation) step(i *instance, next ake, reply answer) []Event {
	events, err := c.answer(i.version(), i.tag, reply)
	if err != nil {
		return failure(err)
	}
	if next.state == authAwaitingDHKey {
		return events // still the same commitment
	}
	if !c.remember(i) {
		return reject(TooMany, i.tag)
	}
	if c.toAll(i) {
		i.spent = c.commit.commitment.hash
		if reply.kind == typeRevealSignature {
			c.answers++
		}
	}
	next.since = c.now()
	i.ake = next
	c.worked()
	return events
}

func (c *Conversation) receiveDHCommit(i *instance, m *dhCommitMessage) []Event {
	if c.exhausted() {
		return reject(TooMany, i.tag)
	}
	a := c.akeOf(i)
	next, reply, err := a.receiveDHCommit(m, c.spareKey(i), c.rand())
	if err != nil {
		return refuse(err, i)
	}
	if i.version() == version2 && a.state == authAwaitingDHKey && next.state == authAwaitingRevealSig {
		next.lost = lostCommitment{a.key, a.r, a.since}
	}
	return c.step(i, next, reply)
}

func (c *Conversation) receiveDHKey(i *instance, m *dhKeyMessage) []Event {
	if c.exhausted() || c.toAll(i) && c.answers >= maxAnswers {
		return reject(TooMany, i.tag)
	}
	next, reply, err := c.akeOf(i).receiveDHKey(m, c.config.Key)
	if err != nil {
		return refuse(err, i)
	}
	if reply.message == nil {
		return nil
	}
	return c.step(i, next, reply)
}

func (c *Conversation) receiveRevealSignature(i *instance, m *revealSignatureMessage) []Event {
	if c.exhausted() {
		return reject(TooMany, i.tag)
	}
	done, reply, err := i.ake.receiveRevealSignature(m, c.config.Key)
	if err != nil {
		return refuse(err, i)
	}
	if done == nil {
		return nil
	}
	events, err := c.answer(i.version(), i.tag, reply)
	if err != nil {
		return failure(err)
	}
	return append(events, c.establish(i, done)...)
}

func (c *Conversation) receiveSignature(i *instance, m *signatureMessage) []Event {
	if c.exhausted() {
		return reject(TooMany, i.tag)
	}
	done, err := i.ake.receiveSignature(m)
	if err != nil {
		return refuse(err, i)
	}
	if done == nil {
		return nil
	}
	return c.establish(i, done)
}

// refuse returns what tells of a key exchange message that was not accepted.
func refuse(err error, i *instance) []Event {
	switch err {
	case errSetup:
		return reject(SetupFailed, i.tag)
	case errReflected:
		return reject(Reflected, i.tag)
	}
	return failure(cannotSend(err))
}

// establish implements the transition to MSGSTATE_ENCRYPTED. The keys of both sides are fresh in each exchange, so a
// session with the same key is refreshed, never merely confirmed.
func (c *Conversation) establish(i *instance, done *established) []Event {
	before, was := c.view(), i.view()
	events := i.endSMP(SMPAborted)
	i.keys = newKeys(done.ours, done.theirs, done.theirID, done.secrets.first, i.keys.revealAll())
	i.state = Encrypted
	i.peer = Peer{
		Fingerprint: done.fingerprint,
		Tag:         i.tag,
		Version:     i.version(),
		SSID:        done.secrets.ssid,
		Initiator:   done.initiator,
	}
	i.ake = ake{}
	i.sent = c.now()
	c.worked()
	c.note(i)
	if !c.elapsed(c.lastStart, handshakeTimeout) {
		c.selected, c.chosen = i, false
		c.lastStart = time.Time{}
	}
	c.choose(i)
	*done = established{}
	return append(events, c.changes(before, i, was)...)
}

// note notes that something authentic came from i.
func (c *Conversation) note(i *instance) {
	c.activity++
	i.active, i.heard = c.activity, c.now()
}

// receiveData implements "Receiving a Data Message".
func (c *Conversation) receiveData(i *instance, m *dataMessage) []Event {
	reason := NotPrivate
	if i.state == Encrypted {
		if plaintext, extra, next, err := i.keys.open(m); err == nil {
			i.keys = next
			return c.receivePlaintext(i, plaintext, extra)
		}
		reason = Unreadable
	}
	if m.flags&flagIgnoreUnreadable != 0 {
		return nil
	}
	events := reject(reason, i.tag)
	if reason == Unreadable && c.fits(unreadableText) && c.elapsed(c.lastError, errorInterval) {
		c.lastError = c.now()
		events = append(events, Transmit{Body: unreadableText, To: i.tag})
	}
	return events
}

// receivePlaintext handles what a data message said, which is authentic. extra is the key that belongs to it.
func (c *Conversation) receivePlaintext(i *instance, plaintext []byte, extra [32]byte) []Event {
	before, was := c.view(), i.view()
	text, records := parsePlaintext(plaintext)
	c.note(i)

	if _, found := find(records, tlvDisconnected); found {
		events := said(i.peer, text, records, extra)
		events = append(events, i.endSMP(SMPAborted)...)
		i.forget(Finished)
		c.choose(i)
		return append(events, c.changes(before, i, was)...)
	}

	c.choose(i)
	events := c.changes(before, i, was)
	events = append(events, said(i.peer, text, records, extra)...)
	if len(text) == 0 && isHeartbeat(records) {
		events = append(events, Heartbeat{})
	}
	events = append(events, c.receiveSMP(i, records)...)
	if len(text) > 0 && c.elapsed(i.sent, heartbeatInterval) || len(i.keys.reveal) > maxReveal {
		events = append(events, c.heartbeat(i)...)
	}
	return events
}

// said returns the events for what a data message brings to the application.
func said(from Peer, text []byte, records []TLV, extra [32]byte) []Event {
	var events []Event
	others := unknown(records)
	switch {
	case len(text) > 0:
		events = append(events, Message{Text: text, Encrypted: true, From: from, TLVs: others})
	case len(others) > 0:
		events = append(events, Records{TLVs: others, From: from})
	}
	if value, found := find(records, tlvExtraKey); found && len(value) >= 4 {
		use, data := binary.BigEndian.Uint32(value), value[4:]
		events = append(events, ExtraKey{Key: extra, Use: use, Data: data, From: from})
	}
	return events
}

func isHeartbeat(records []TLV) bool {
	for _, t := range records {
		if t.Type != tlvPadding {
			return false
		}
	}
	return true
}

// heartbeat sends an empty message, by which keys change and are revealed though the user does not write.
func (c *Conversation) heartbeat(i *instance) []Event {
	events, err := c.sendData(i, flagIgnoreUnreadable, nil)
	if err != nil {
		return failure(err)
	}
	return append(events, Heartbeat{Sent: true})
}

// sendData returns what sends a data message to i, in whose session we are.
func (c *Conversation) sendData(i *instance, flags byte, text []byte, records ...TLV) ([]Event, error) {
	if len(text) > maxEncoded {
		return nil, ErrTooLarge
	}
	h := c.header(i.version(), typeData, i.tag)
	message, next, err := i.keys.seal(h, flags, c.content(text, records...), c.rand())
	if err != nil {
		return nil, cannotSend(err)
	}
	events, err := c.transmit(h, message)
	if err != nil {
		return nil, err
	}
	i.keys = next
	i.sent = c.now()
	return events, nil
}

// UseExtraKey implements "User requests to use the extra symmetric key": it tells the selected client what the key is
// used for, and returns the key. data is whatever belongs to such a use. The key is that of this one message; the next
// use has another one. The caller clears it after use.
func (c *Conversation) UseExtraKey(use uint32, data []byte) (key [32]byte, events []Event, err error) {
	c.expire()
	i := c.selected
	switch {
	case c.State() != Encrypted:
		return key, nil, ErrNotEncrypted
	case len(data) > maxValue-4:
		return key, nil, ErrTooLarge
	}
	value := append(binary.BigEndian.AppendUint32(nil, use), data...)
	events, err = c.sendData(i, flagIgnoreUnreadable, nil, TLV{tlvExtraKey, value})
	if err != nil {
		return key, nil, err
	}
	return i.keys.extra(), events, nil
}

// An Instance is one client of the correspondent that has, or had, a session.
type Instance struct {
	Peer     Peer // with the Tag by which Select selects it
	State    State
	Selected bool      // Send writes to this one
	Heard    time.Time // when something authentic last came from it
}

// Instances lists the clients of the correspondent, the one that was heard from last first.
func (c *Conversation) Instances() []Instance {
	var all []*instance
	for _, i := range c.instances {
		if i.state != Plaintext {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b *instance) int { return cmp.Compare(b.active, a.active) })
	list := make([]Instance, len(all))
	for n, i := range all {
		list[n] = Instance{Peer: i.peer, State: i.state, Selected: i == c.selected, Heard: i.heard}
	}
	return list
}

// What Select understands beside the tag of a client. They are not valid tags. The tag of a client that speaks
// version 2 is 0.
const (
	SelectBest   InstanceTag = 1 // as the conversation chooses by itself, see the package comment
	SelectRecent InstanceTag = 2 // the client that was heard from last
)

// Select makes the client with a tag the one that Send, StartSMP and UseExtraKey work with, until its session ends; a
// client that has no session is not selected. After SelectBest or SelectRecent the conversation goes on to choose by
// itself.
func (c *Conversation) Select(tag InstanceTag) []Event {
	before := c.view()
	i := c.instances[tag]
	switch {
	case tag == SelectBest:
		c.selected, c.chosen = c.best(), false
	case tag == SelectRecent:
		c.selected, c.chosen = c.recent(), false
	case i != nil && i.state == Encrypted:
		c.selected, c.chosen = i, true
	}
	if after := c.view(); after != before {
		return []Event{StateChange{Old: before.state, New: after.state, Peer: after.peer}}
	}
	return nil
}

// choose selects a client after something authentic came from i. Nothing else may change the selection. As long as
// the selected client has its session, only one that proved to have the same key takes its place, and not with a
// lower version while the higher one is allowed: who merely logs in with another key does not get what is meant for
// the first.
func (c *Conversation) choose(i *instance) {
	switch s := c.selected; {
	case s == nil || s.state != Encrypted:
		c.selected, c.chosen = c.best(), false
	case c.chosen:
	case i.version() < s.version() && c.allows(s.version()):
	case i.state == Encrypted && i.peer.Fingerprint == s.peer.Fingerprint:
		c.selected = i
	}
}

// best returns the client to write to: encrypted before finished, then with the key of the selected one, then with the
// higher version, then last heard from. It is nil if none has or had a session.
func (c *Conversation) best() *instance {
	key := c.Peer().Fingerprint
	return c.foremost(func(a, b *instance) int {
		return cmp.Or(
			compareBool(a.state == Encrypted, b.state == Encrypted),
			compareBool(a.peer.Fingerprint == key, b.peer.Fingerprint == key),
			cmp.Compare(a.version(), b.version()),
			cmp.Compare(a.active, b.active),
		)
	})
}

// recent returns the client with a session that was heard from last; without any, that which had one.
func (c *Conversation) recent() *instance {
	return c.foremost(func(a, b *instance) int {
		return cmp.Or(compareBool(a.state == Encrypted, b.state == Encrypted), cmp.Compare(a.active, b.active))
	})
}

// foremost returns the greatest of the clients that have or had a session.
func (c *Conversation) foremost(compare func(a, b *instance) int) *instance {
	var most *instance
	for _, i := range c.instances {
		if i.state != Plaintext && (most == nil || compare(i, most) > 0) {
			most = i
		}
	}
	return most
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// A view is what the caller sees of a Conversation.
type view struct {
	state State
	peer  Peer
}

func (c *Conversation) view() view { return view{c.State(), c.Peer()} }

func (i *instance) view() view { return view{i.state, i.peer} }

// changes returns the events that tell what became of the conversation since before, and of i, which was as was says.
func (c *Conversation) changes(before view, i *instance, was view) []Event {
	var events []Event
	if is := i.view(); is != was && i != c.selected {
		events = append(events, InstanceChange{Old: was.state, New: is.state, Peer: is.peer})
	}
	if after := c.view(); after != before {
		fresh := before.state == after.state && before.peer.Tag == after.peer.Tag && before.peer.Fingerprint == after.peer.Fingerprint
		events = append(events, StateChange{Old: before.state, New: after.state, Peer: after.peer, Refreshed: fresh})
	}
	return events
}
