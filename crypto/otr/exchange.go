package otr

import (
	"bytes"
	"slices"
	"time"
)

// This file is the key exchange with several clients at a time: what becomes of the steps in ake.go.

// exhausted says whether more was worked on lately than honest key exchanges need.
func (c *Conversation) exhausted() bool { return c.steps >= maxSteps }

// worked counts a key exchange message that was worked on, also in vain.
func (c *Conversation) worked() {
	if c.steps == 0 {
		c.stepsSince = c.now
	}
	c.steps++
}

// exchanging says whether a key exchange is on with anyone.
func (c *Conversation) exchanging() bool {
	if c.commit != nil {
		return true
	}
	for _, i := range c.instances {
		if i.ake != nil {
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
	commit.since = c.now
	if version == version2 {
		i := c.instance(0)
		if !c.remember(i) {
			return reject(TooMany, 0)
		}
		i.endExchange()
		i.ake = &commit
		c.open = true
	} else {
		c.commit.wipe()
		c.commit, c.answers = &commit, nil
	}
	c.worked()
	return events
}

// answer returns what sends a message of the key exchange.
func (c *Conversation) answer(version int, to InstanceTag, a answer) ([]Event, error) {
	h := c.header(version, a.kind, to)
	return c.transmit(h, a.message.append(h.append(nil)), Transmit{To: h.to})
}

// toAll says whether i may still answer our D-H Commit Message to all.
func (c *Conversation) toAll(i *instance) bool {
	return i.version() == version3 && c.commit != nil && i.spent != c.commit.commitment.hash
}

// akeOf returns the key exchange with i as D-H Commit and D-H Key Messages see it. A commitment of ours that i has
// not dealt with is a value that is copied, so that each client can go on from it in its own way. (What i began
// itself goes on meanwhile: Reveal Signature and Signature Messages see i.ake.)
func (c *Conversation) akeOf(i *instance) ake {
	if c.toAll(i) {
		return *c.commit
	}
	return i.exchanged()
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
			c.answers = append(c.answers, next.theirs.Bytes())
		}
	}
	if next.since.IsZero() { // the repetition of a message prolongs nothing
		next.since = c.now
	}
	i.exchange(next)
	c.open = true
	c.worked()
	return events
}

func (c *Conversation) receiveDHCommit(i *instance, m *dhCommitMessage) []Event {
	if c.exhausted() {
		return reject(TooMany, i.tag)
	}
	a := c.akeOf(i)
	if a.state == authAwaitingRevealSig && a.commitment.hash != m.hash && c.elapsed(a.since, handshakeTimeout/2) {
		// Another exchange, which with the key of the last one would end when that one does. Then our Signature Message would never come, and
		// libotr gives the old keys up when it sends its Reveal Signature Message.
		a = ake{}
	}
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
	first := c.toAll(i)
	if c.exhausted() || first && len(c.answers) >= maxAnswers {
		return reject(TooMany, i.tag)
	}
	if first && c.answeredWith(m.gy) {
		return reject(SetupFailed, i.tag)
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

// answeredWith says whether a client has answered our D-H Commit Message with g^y. Nothing in a key exchange
// authenticates the tags: from copies of the D-H Key Message and of the Signature Message under another tag would come
// a second session with the same keys, which would encrypt with the same counters.
func (c *Conversation) answeredWith(gy []byte) bool {
	return slices.ContainsFunc(c.answers, func(answer []byte) bool { return bytes.Equal(answer, gy) })
}

func (c *Conversation) receiveRevealSignature(i *instance, m *revealSignatureMessage) []Event {
	if c.exhausted() {
		return reject(TooMany, i.tag)
	}
	done, reply, err := i.exchanged().receiveRevealSignature(m, c.config.Key)
	if err != nil {
		c.worked()
		return refuse(err, i)
	}
	if done == nil {
		return nil
	}
	events, err := c.answer(i.version(), i.tag, reply)
	if err != nil {
		*done = established{}
		return failure(err)
	}
	return append(events, c.establish(i, done)...)
}

func (c *Conversation) receiveSignature(i *instance, m *signatureMessage) []Event {
	if c.exhausted() {
		return reject(TooMany, i.tag)
	}
	done, err := i.exchanged().receiveSignature(m)
	if err != nil {
		c.worked()
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
	i.endExchange()
	i.sent = c.now
	c.worked()
	c.note(i)
	if !c.elapsed(c.lastStart, handshakeTimeout) {
		c.selected, c.chosen = i, false
		c.lastStart = time.Time{}
	}
	c.choose(i)
	*done = established{}
	events = append(events, c.changes(before, i, was)...)
	return append(events, c.makeRoom(i)...)
}

// makeRoom ends a session if i has come to take the last place, so that there is always one for a key exchange: a
// correspondent whose program picks a new tag at each start is not to be locked out by what it was before. It is the last
// one that we would write to: sessions with another key drive out none with the key of the selected one.
func (c *Conversation) makeRoom(i *instance) []Event {
	var idle *instance
	for _, v := range c.instances {
		switch {
		case v.state == Plaintext:
			return nil
		case v == i, v == c.selected:
		case idle == nil, c.compare(v, idle) < 0:
			idle = v
		}
	}
	if len(c.instances) < maxInstances {
		return nil
	}
	delete(c.instances, idle.tag)
	return c.end(idle)
}
