package otr

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// Config is what conversations have in common. The package never changes it. The caller may change Policy and
// MaxSize between two calls of a Conversation's methods.
type Config struct {
	Key     *PrivateKey      // required
	Tag     InstanceTag      // required, see NewInstanceTag
	Policy  Policy           // which versions; when to offer, accept and insist on encryption
	MaxSize int              // largest body the network carries, in bytes; 0 means no limit
	Padding int              // the length of plaintexts is rounded up to a multiple of it; 0 means 256, 1 means no padding
	Rand    io.Reader        // nil means crypto/rand
	Time    func() time.Time // nil means time.Now
}

// A Conversation is a conversation with one correspondent, with all of its clients. It is used by one goroutine at a
// time.
type Conversation struct {
	config    *Config
	commit    *ake     // our D-H Commit Message of version 3, that any client may answer: AwaitingDHKey; nil if there is none
	answers   [][]byte // g^y of each D-H Key Message that has answered it
	instances map[InstanceTag]*instance
	selected  *instance // whom Send writes to; nil if no client has or had a session
	chosen    bool      // by Select, so that it stays
	accepted  uint64    // counts what arrived authenticated
	partial   map[InstanceTag]*assembly
	answered  bool // clear text arrived since we offered the protocol by whitespace tag
	requests  uint64
	now       time.Time // when the method that is at work was called
	open      bool      // a client may be in a key exchange

	steps      int       // key exchange messages that were worked on
	stepsSince time.Time // the first of them; after a minute they count no more

	lastStart, lastQuery, lastError, lastErrorQuery time.Time
}

// New returns a Conversation in Plaintext. It panics if c has no key or no valid tag.
func New(c *Config) *Conversation {
	if c.Key == nil || c.Tag < minTag {
		panic("otr: Config needs a Key and a valid Tag")
	}
	return &Conversation{config: c, instances: map[InstanceTag]*instance{}, partial: map[InstanceTag]*assembly{}}
}

// State returns the message state of the selected client's session. Plaintext if there is none.
func (c *Conversation) State() State {
	if c.selected == nil {
		return Plaintext
	}
	return c.selected.state
}

// Peer returns who is at the other end: zero unless State is Encrypted or Finished.
func (c *Conversation) Peer() Peer {
	if c.selected == nil {
		return Peer{}
	}
	return c.selected.peer
}

// Start implements "User requests to start an OTR conversation". In Encrypted it asks for fresh keys; the session
// stays usable until there are some. The next session that comes about is selected, whoever's it is.
func (c *Conversation) Start() []Event {
	c.expire()
	offer := c.offer()
	if offer == 0 {
		return nil
	}
	c.lastStart = c.now
	c.steps = 0
	return c.query(offer)
}

func (c *Conversation) query(offer Versions) []Event {
	body := query(offer)
	if !c.fits(body) {
		return failure(ErrTooLarge)
	}
	if whole := body + explanation; c.fits(whole) {
		body = whole
	}
	c.lastQuery = c.now
	return []Event{Transmit{Body: body, To: c.Peer().Tag}}
}

// allows says whether a key exchange of a version may begin or go on. A session of version 3 does not give way to
// version 2, whoever asks for it: nothing that is said before the end of a key exchange is authentic.
func (c *Conversation) allows(version int) bool {
	switch version {
	case version3:
		return c.config.Policy.has(AllowV3)
	case version2:
		return c.config.Policy.has(AllowV2) && !(c.config.Policy.has(AllowV3) && c.live(version3))
	}
	return false
}

// live says whether any client has a session of a version.
func (c *Conversation) live(version int) bool {
	for _, i := range c.instances {
		if i.state == Encrypted && i.version() == version {
			return true
		}
	}
	return false
}

// offer returns the versions that we can begin to speak now.
func (c *Conversation) offer() Versions {
	var offer Versions
	for _, version := range []int{version2, version3} {
		if c.allows(version) {
			offer |= versionSet(version)
		}
	}
	return offer
}

// agreed returns the version that comes of an offer: the highest one, or 0.
func (c *Conversation) agreed(offer Versions) int {
	switch common := offer & c.offer(); {
	case common.Has(version3):
		return version3
	case common.Has(version2):
		return version2
	}
	return 0
}

// wants says whether the protocol is allowed at all and the policy includes p.
func (c *Conversation) wants(p Policy) bool {
	return c.config.Policy&(AllowV2|AllowV3) != 0 && c.config.Policy.has(p)
}

// Send implements "User types a message to be sent". In Plaintext it returns the text as it is, perhaps with a
// whitespace tag. Unless it returns a nil error, the text was neither sent nor kept. With ErrEncryptionRequired the
// events, if any, begin a session; the caller carries them out and sends the text again after StateChange, if
// Peer is who the text is meant for.
//
// Records travel with an encrypted text, or without a text if it is empty; clear text cannot have any. Their types are
// 256 and above.
func (c *Conversation) Send(text []byte, records ...TLV) ([]Event, error) {
	c.expire()
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, ErrTextHasNUL // what follows would be records, not text
	}
	if err := checkCustom(records); err != nil {
		return nil, err
	}
	switch c.State() {
	case Encrypted:
		if len(text) == 0 {
			return c.sendData(c.selected, flagIgnoreUnreadable, nil, records...)
		}
		return c.sendData(c.selected, 0, text, records...)
	case Finished:
		return nil, ErrFinished
	}
	if c.wants(RequireEncryption) {
		if c.exchanging() || !c.elapsed(c.lastQuery, queryInterval) {
			return nil, ErrEncryptionRequired
		}
		return c.query(c.offer()), ErrEncryptionRequired
	}
	if len(records) > 0 {
		return nil, ErrNotEncrypted
	}
	body := string(text)
	if tagged := body + whitespaceTag(c.offer()); c.wants(SendWhitespaceTag) && !c.answered && c.fits(tagged) {
		body = tagged
	}
	if !c.fits(body) {
		return nil, ErrTooLarge
	}
	return []Event{Transmit{Body: body, Text: true}}, nil
}

// fits says whether the network carries body in one piece.
func (c *Conversation) fits(body string) bool {
	return c.config.MaxSize == 0 || len(body) <= c.config.MaxSize
}

// End implements "User requests to end an OTR conversation" for all clients of the correspondent. It is the only
// way back to Plaintext. It gives up key exchanges that are under way, unless all sessions have been ended by the other
// side: then an exchange is about a new one, and goes on.
func (c *Conversation) End() []Event {
	var events []Event
	before, peer := c.State(), c.Peer()
	fresh := New(c.config)
	fresh.requests, fresh.accepted = c.requests, c.accepted
	fresh.lastError, fresh.lastErrorQuery = c.lastError, c.lastErrorQuery
	if before == Finished && !slices.ContainsFunc(slices.Collect(maps.Keys(c.instances)), c.encrypted) {
		fresh.continueExchanges(c)
	}
	for _, tag := range slices.Sorted(maps.Keys(c.instances)) {
		events = append(events, c.end(c.instances[tag])...)
	}
	if before != Plaintext {
		peer.SSID = [8]byte{}
		events = append(events, StateChange{Old: before, New: Plaintext, Peer: peer})
	}
	*c = *fresh
	return events
}

// continueExchanges takes over the key exchanges of a conversation, and nothing else of it. A commitment that a client has
// answered, and that waits for others, is that of an earlier one.
func (c *Conversation) continueExchanges(from *Conversation) {
	if len(from.answers) == 0 {
		c.commit, from.commit = from.commit, nil
	}
	c.partial, c.lastStart, c.steps, c.stepsSince, c.open = from.partial, from.lastStart, from.steps, from.stepsSince, from.open
	for tag, i := range from.instances {
		if i.ake != nil || c.commit != nil && i.spent == c.commit.commitment.hash {
			c.instances[tag] = &instance{tag: tag, ake: i.ake, spent: i.spent}
			i.ake = nil
		}
	}
}

// end ends the session with i, if there is one, and wipes all secrets.
func (c *Conversation) end(i *instance) []Event {
	var events []Event
	old := i.state
	if old == Encrypted {
		events = append(i.endSMP(SMPAborted), c.disconnect(i)...)
	}
	i.forget(Plaintext)
	i.endExchange()
	if i != c.selected && old != Plaintext {
		events = append(events, InstanceChange{Old: old, New: Plaintext, Peer: i.peer})
	}
	return events
}

// disconnect tells i that the session ends.
func (c *Conversation) disconnect(i *instance) []Event {
	h := c.header(i.version(), typeData, i.tag)
	message, err := i.keys.sealLast(h, flagIgnoreUnreadable, c.content(nil, TLV{Type: tlvDisconnected}), c.rand())
	if err != nil {
		return failure(cannotSend(err))
	}
	events, err := c.transmit(h, message, Transmit{To: i.tag})
	if err != nil {
		return failure(err)
	}
	return events
}

// Accepted counts the authentic messages that have come, of all clients. It grows with every data message that verifies
// and every session that begins, and with nothing else, so that it tells whether Receive was given something that counts.
func (c *Conversation) Accepted() uint64 { return c.accepted }

// Prepare computes ahead what the next message to the selected client and its answer will need, three exponentiations at most: called when there
// is nothing else to do, some time after Send and Receive, it has messages leave and be read sooner. It sends nothing and changes nothing that
// can be seen; our next key is there from then on, as libotr's is, instead of from the next message on.
func (c *Conversation) Prepare() {
	if c.State() == Encrypted {
		c.selected.keys.prepare(c.rand()) // without randomness Send will tell
	}
}

// Poll is to be called at least once a minute. It wipes the secrets of key exchanges that were not answered in
// time, and messages of which only a part arrived.
func (c *Conversation) Poll() []Event {
	c.expire()
	return nil
}

// expire begins every method that depends on the time, which is read once for all that the method does: it ends what
// lasted too long.
func (c *Conversation) expire() {
	if c.now = time.Now(); c.config.Time != nil {
		c.now = c.config.Time()
	}
	if c.commit != nil && c.elapsed(c.commit.since, handshakeTimeout) {
		c.commit.wipe()
		c.commit = nil
	}
	if c.elapsed(c.stepsSince, stepsInterval) {
		c.steps, c.stepsSince = 0, time.Time{}
	}
	if c.open {
		c.expireExchanges()
	}
	for tag, a := range c.partial {
		if c.elapsed(a.heard, fragmentTimeout) {
			delete(c.partial, tag)
		}
	}
}

// expireExchanges wipes what was not answered in time of the key exchanges with each client.
func (c *Conversation) expireExchanges() {
	c.open = false
	for tag, i := range c.instances {
		if i.ake == nil {
			continue
		}
		if c.elapsed(i.ake.lost.since, handshakeTimeout) {
			i.ake.lost = lostCommitment{}
		}
		if !c.elapsed(i.ake.since, handshakeTimeout) {
			c.open = true
			continue
		}
		i.endExchange()
		if i.state == Plaintext {
			delete(c.instances, tag)
		}
	}
}

// Receive takes in what the correspondent sent, and is the only way in. The network cannot make it fail, it can
// only cause events: what is refused gives Rejected, or nothing where the specification says "ignore".
func (c *Conversation) Receive(body string) []Event {
	c.expire()
	if c.off() {
		return c.show(body)
	}
	b := parseBody(body)
	if b.form == formFragment {
		whole, events := c.receiveFragment(b.fragment)
		if whole == "" {
			return events
		}
		b = parseBody(whole) // no fragment again: pieces have no commas
	} else {
		c.forgetPartial(b)
	}
	switch b.form {
	case formQuery:
		return c.receiveQuery(b)
	case formError:
		return c.receiveError(b)
	case formEncoded:
		return c.receiveEncoded(b)
	default:
		return c.receiveText(b)
	}
}

// off says whether the protocol is switched off. A session that is there still goes on to its end.
func (c *Conversation) off() bool { return !c.wants(0) && c.State() == Plaintext }

// receiveText implements "Receiving plaintext" without and with the whitespace tag. Unlike the specification, which
// says "in any event", it leaves an encrypted session alone.
func (c *Conversation) receiveText(b body) []Event {
	version := c.agreed(b.offer)
	var events []Event
	switch {
	case version != 0:
		events = append(events, Offer{ByTag: true, Versions: b.offer})
	case b.offer != 0:
		events = append(events, Rejected{Reason: BadVersion, Versions: b.offer})
	}
	events = append(events, c.show(b.text)...)
	if version != 0 && c.wants(WhitespaceStartAKE) && c.State() != Encrypted {
		events = append(events, c.sendCommit(version)...)
	}
	return events
}

// show returns clear text to be shown.
func (c *Conversation) show(text string) []Event {
	if text == "" {
		return nil
	}
	c.answered = true
	unexpected := c.State() != Plaintext || c.wants(RequireEncryption)
	return []Event{Message{Text: []byte(text), Unexpected: unexpected}}
}

// receiveQuery implements "Receiving a Query Message". A sentence with "?OTR?" in it offers nothing that anybody
// speaks.
func (c *Conversation) receiveQuery(b body) []Event {
	version := c.agreed(b.offer)
	switch {
	case version != 0:
		events := append([]Event{Offer{Versions: b.offer}}, c.show(b.text)...)
		return append(events, c.sendCommit(version)...)
	case b.text != "" && b.offer&^versionSet(version1) == 0:
		return c.show(b.text)
	}
	return append([]Event{Rejected{Reason: BadVersion, Versions: b.offer}}, c.show(b.text)...)
}

// receiveError implements "Receiving an Error Message".
func (c *Conversation) receiveError(b body) []Event {
	events := []Event{PeerError{Text: clean(strings.TrimSpace(b.words), maxPeerError)}}
	if c.wants(ErrorStartAKE) && c.elapsed(c.lastErrorQuery, errorInterval) {
		c.lastErrorQuery = c.now
		events = append(events, c.query(c.offer())...)
	}
	return events
}

// checkTags implements the section "Instance Tags" for a message of version 3.
func (c *Conversation) checkTags(from, to InstanceTag) (reason Reason, ok bool) {
	switch {
	case from < minTag, to != 0 && to < minTag:
		return Malformed, false
	case from == c.config.Tag:
		return Reflected, false
	case to != 0 && to != c.config.Tag:
		return OtherInstance, false
	}
	return 0, true
}

// receiveEncoded handles "Encoded messages".
func (c *Conversation) receiveEncoded(b body) []Event {
	var h header
	s := cryptobyte.String(b.message)
	h.read(&s) // what can be read of it
	if !c.allows(b.version) && !c.encrypted(h.from) || b.version == version1 {
		return append(rejectVersion(b.version, h.from), c.show(b.text)...)
	}
	if b.message == nil {
		return append(reject(TooMany, 0), c.show(b.text)...)
	}
	h, message, ok := parseMessage(b.message)
	if _, isData := message.(*dataMessage); !ok || !isData && !b.ended {
		return append(reject(Malformed, h.from), c.show(b.text)...)
	}
	if reason, ok := c.checkTags(h.from, h.to); h.version == version3 && !ok {
		return reject(reason, h.from)
	}
	if h.version == version3 && h.to == 0 && h.kind != typeDHCommit {
		return reject(Malformed, h.from)
	}
	if h.kind != typeData && !c.allows(b.version) {
		return rejectVersion(b.version, h.from)
	}
	i := c.instance(h.from)
	switch m := message.(type) {
	case *dhCommitMessage:
		return c.receiveDHCommit(i, m)
	case *dhKeyMessage:
		return c.receiveDHKey(i, m)
	case *revealSignatureMessage:
		return c.receiveRevealSignature(i, m)
	case *signatureMessage:
		return c.receiveSignature(i, m)
	case *dataMessage:
		return c.receiveData(i, m)
	}
	panic("otr: internal error: message without a meaning")
}

func reject(reason Reason, from InstanceTag) []Event {
	return []Event{Rejected{Reason: reason, From: from}}
}

// rejectVersion rejects a message because of its version.
func rejectVersion(version int, from InstanceTag) []Event {
	return []Event{Rejected{Reason: BadVersion, From: from, Versions: versionSet(version)}}
}

func failure(err error) []Event { return []Event{Failure{Err: err}} }

func (c *Conversation) header(version int, kind byte, to InstanceTag) header {
	if version == version2 {
		return header{version: version2, kind: kind}
	}
	return header{version: version3, kind: kind, from: c.config.Tag, to: to}
}

// transmit returns what sends a whole message with header h, in pieces if need be. each is like t; Text is for the last.
func (c *Conversation) transmit(h header, message []byte, t Transmit) ([]Event, error) {
	body := encode(message)
	switch {
	case len(body) > maxEncoded:
		return nil, ErrTooLarge
	case c.fits(body):
		t.Body = body
		return []Event{t}, nil
	}
	pieces, err := split(body, h, c.config.MaxSize)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(pieces))
	for n, p := range pieces {
		events[n] = Transmit{Body: p, To: t.To, Text: t.Text && n == len(pieces)-1}
	}
	return events, nil
}

func (c *Conversation) rand() io.Reader {
	if c.config.Rand == nil {
		return rand.Reader
	}
	return c.config.Rand
}

// elapsed says whether something is longer ago than an interval, or never was. A clock that was put back does not
// make anything last longer.
func (c *Conversation) elapsed(since time.Time, interval time.Duration) bool {
	if since.IsZero() {
		return true
	}
	d := c.now.Sub(since)
	return d >= interval || d < 0
}

// SenderTag returns the sender's instance tag of an encoded message or fragment, or 0 if body is none of version 3.
// It is not authenticated and good only for routing.
func SenderTag(body string) InstanceTag {
	b := parseBody(body)
	var h header
	s := cryptobyte.String(b.message)
	switch {
	case b.form == formFragment:
		return b.fragment.from
	case b.form == formEncoded && b.version == version3 && h.read(&s):
		return h.from
	}
	return 0
}

// IsOTR says whether body is a message of the protocol: query, encoded message, fragment or error. Such a body
// carries the hints of XEP-0364 and, when it comes from a carbon or an archive, is not shown as text.
func IsOTR(body string) bool { return parseBody(body).form != formText }

// cannotSend wraps an error of the source of randomness.
func cannotSend(err error) error { return fmt.Errorf("otr: nothing can be sent: %w", err) }
