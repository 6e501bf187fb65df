package otr

import "time"

// An instance is one client of the correspondent: one pair of our instance tag and theirs.
type instance struct {
	tag    InstanceTag
	state  State // the message state
	peer   Peer
	ake    ake      // the authentication state, but for AwaitingDHKey, which is Conversation.commit
	spent  [32]byte // hash of our D-H Commit Message that this client has answered or overruled
	keys   keys
	smp    smpRun
	active uint64    // when something authenticated last came, see Conversation.activity
	sent   time.Time // when we last sent a data message
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

// remember makes room for i if it is new. Who has no session and is longest without an answer to its key exchange
// is forgotten.
func (c *Conversation) remember(i *instance) bool {
	if c.instances[i.tag] == nil && len(c.instances) >= maxInstances {
		var victim *instance
		for _, v := range c.instances {
			if v.state == Plaintext && (victim == nil || v.ake.since.Before(victim.ake.since)) {
				victim = v
			}
		}
		if victim == nil {
			return false
		}
		victim.ake = ake{}
		delete(c.instances, victim.tag)
	}
	c.instances[i.tag] = i
	return true
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

// sendCommit begins a key exchange with whichever clients answer.
func (c *Conversation) sendCommit() []Event {
	commit, err := newCommitment(c.rand())
	if err != nil {
		return failure(cannotSend(err))
	}
	events, err := c.answer(0, answer{typeDHCommit, &commit.commitment})
	if err != nil {
		return failure(err)
	}
	commit.since = c.now()
	c.commit = commit
	return events
}

// answer returns what sends a message of the key exchange.
func (c *Conversation) answer(to InstanceTag, a answer) ([]Event, error) {
	return c.transmit(to, a.message.append(c.header(a.kind, to).append(nil)))
}

// akeOf returns the key exchange with i as D-H Commit and D-H Key Messages see it. A commitment of ours that i has
// not dealt with is a value that is copied, so that each client can go on from it in its own way. (What i began
// itself goes on meanwhile: Reveal Signature and Signature Messages see i.ake.)
func (c *Conversation) akeOf(i *instance) ake {
	if c.commit.state == authAwaitingDHKey && i.spent != c.commit.commitment.hash {
		return c.commit
	}
	return i.ake
}

// step stores the next state of the key exchange with i and returns what sends the reply.
func (c *Conversation) step(i *instance, next ake, reply answer) []Event {
	events, err := c.answer(i.tag, reply)
	if err != nil {
		return failure(err)
	}
	if next.state == authAwaitingDHKey {
		return events // still the commitment to all
	}
	if !c.remember(i) {
		return reject(TooMany, i.tag)
	}
	next.since = c.now()
	i.ake = next
	if c.commit.state == authAwaitingDHKey {
		i.spent = c.commit.commitment.hash
	}
	return events
}

func (c *Conversation) receiveDHCommit(i *instance, m *dhCommitMessage) []Event {
	next, reply, err := c.akeOf(i).receiveDHCommit(m, c.rand())
	if err != nil {
		return refuse(err, i)
	}
	return c.step(i, next, reply)
}

func (c *Conversation) receiveDHKey(i *instance, m *dhKeyMessage) []Event {
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
	done, reply, err := i.ake.receiveRevealSignature(m, c.config.Key)
	if err != nil {
		return refuse(err, i)
	}
	if done == nil {
		return nil
	}
	events, err := c.answer(i.tag, reply)
	if err != nil {
		return failure(err)
	}
	return append(events, c.establish(i, done)...)
}

func (c *Conversation) receiveSignature(i *instance, m *signatureMessage) []Event {
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
	i.peer = Peer{Fingerprint: done.fingerprint, Tag: i.tag, SSID: done.secrets.ssid, Initiator: done.initiator}
	i.ake = ake{}
	i.sent = c.now()
	c.activity++
	i.active = c.activity
	if !c.elapsed(c.lastStart, handshakeTimeout) {
		c.selected = i
		c.lastStart = time.Time{}
	}
	c.choose(i)
	*done = established{}
	return append(events, c.changes(before, i, was)...)
}

// receiveData implements "Receiving a Data Message".
func (c *Conversation) receiveData(i *instance, m *dataMessage) []Event {
	reason := NotPrivate
	var plaintext []byte
	if i.state == Encrypted {
		var next keys
		var err error
		if plaintext, next, err = i.keys.open(m); err == nil {
			i.keys = next
			return c.receivePlaintext(i, plaintext)
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

// receivePlaintext handles what a data message said, which is authentic.
func (c *Conversation) receivePlaintext(i *instance, plaintext []byte) []Event {
	before, was := c.view(), i.view()
	text, records := parsePlaintext(plaintext)
	c.activity++
	i.active = c.activity

	if _, found := find(records, tlvDisconnected); found {
		var events []Event
		if len(text) > 0 {
			events = append(events, Message{Text: text, Encrypted: true, From: i.peer})
		}
		events = append(events, i.endSMP(SMPAborted)...)
		i.forget(Finished)
		c.choose(i)
		return append(events, c.changes(before, i, was)...)
	}

	c.choose(i)
	events := c.changes(before, i, was)
	switch {
	case len(text) > 0:
		events = append(events, Message{Text: text, Encrypted: true, From: i.peer})
	case isHeartbeat(records):
		events = append(events, Heartbeat{})
	}
	events = append(events, c.receiveSMP(i, records)...)
	if len(text) > 0 && c.elapsed(i.sent, heartbeatInterval) || len(i.keys.reveal) > maxReveal {
		events = append(events, c.heartbeat(i)...)
	}
	return events
}

func isHeartbeat(records []tlv) bool {
	for _, t := range records {
		if t.kind != tlvPadding {
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
func (c *Conversation) sendData(i *instance, flags byte, text []byte, records ...tlv) ([]Event, error) {
	if len(text) > maxEncoded {
		return nil, ErrTooLarge
	}
	plaintext := appendPlaintext(nil, text, records...)
	message, next, err := i.keys.seal(c.header(typeData, i.tag), flags, plaintext, c.rand())
	clear(plaintext)
	if err != nil {
		return nil, cannotSend(err)
	}
	events, err := c.transmit(i.tag, message)
	if err != nil {
		return nil, err
	}
	i.keys = next
	i.sent = c.now()
	return events, nil
}

// Select makes the client with a tag the one that Send and StartSMP work with; a client that has no session is not
// selected. 0 chooses as the conversation does by itself, see the package comment.
func (c *Conversation) Select(tag InstanceTag) []Event {
	before := c.view()
	i := c.instances[tag]
	switch {
	case tag == 0:
		c.selected = c.best()
	case i != nil && i.state == Encrypted:
		c.selected = i
	}
	if after := c.view(); after != before {
		return []Event{StateChange{Old: before.state, New: after.state, Peer: after.peer}}
	}
	return nil
}

// choose selects a client after something authentic came from i. Nothing else may change the selection. As long as
// the selected client has its session, only one that proved to have the same key takes its place: who merely logs
// in with another key does not get what is meant for the first.
func (c *Conversation) choose(i *instance) {
	switch s := c.selected; {
	case s == nil || s.state != Encrypted:
		c.selected = c.best()
	case i.state == Encrypted && i.peer.Fingerprint == s.peer.Fingerprint:
		c.selected = i
	}
}

// best returns the client to write to: encrypted before finished, then with the key of the selected one, then last
// heard from. It is nil if none has or had a session.
func (c *Conversation) best() *instance {
	rank := map[State]int{Finished: 1, Encrypted: 2}
	var best *instance
	for _, i := range c.instances {
		switch {
		case i.state == Plaintext:
		case best == nil:
			best = i
		case rank[i.state] != rank[best.state]:
			if rank[i.state] > rank[best.state] {
				best = i
			}
		case c.sameKey(i) != c.sameKey(best):
			if c.sameKey(i) {
				best = i
			}
		case i.active > best.active:
			best = i
		}
	}
	return best
}

func (c *Conversation) sameKey(i *instance) bool {
	return c.selected != nil && c.selected.peer.Fingerprint == i.peer.Fingerprint
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
