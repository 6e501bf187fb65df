package otr

import (
	"cmp"
	"time"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
)

// An instance is one client of the correspondent: one pair of our instance tag and theirs. All that speaks version 2,
// where there are no tags, is the instance with tag 0.
type instance struct {
	tag    InstanceTag
	state  State // the message state
	peer   Peer
	ake    *ake     // the key exchange that is on, but for AwaitingDHKey in version 3, which is Conversation.commit; mostly nil
	spent  [32]byte // hash of our D-H Commit Message that this client has answered or overruled
	keys   keys
	smp    smpRun
	active uint64    // when something authenticated last came, see Conversation.accepted
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

// exchanged returns the state of the key exchange.
func (i *instance) exchanged() ake {
	if i.ake == nil {
		return ake{}
	}
	return *i.ake
}

// exchange stores the next state of the key exchange.
func (i *instance) exchange(next ake) {
	i.ake.wipe()
	i.ake = &next
}

// endExchange wipes the key exchange.
func (i *instance) endExchange() {
	i.ake.wipe()
	i.ake = nil
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
		if victim == nil || cmp.Or(v.exchanged().since.Compare(victim.exchanged().since), cmp.Compare(v.tag, victim.tag)) < 0 {
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
		victim.endExchange()
		delete(c.instances, victim.tag)
	}
	c.instances[i.tag] = i
	return true
}

// spareKey returns a y that serves for a key exchange with i, who would take the place of somebody that we have shown
// it to in vain; so whoever invents a multitude of clients does not make us compute a key for each. It is zero if
// there is none.
func (c *Conversation) spareKey(i *instance) group.PrivateKey {
	if victim, _ := c.inTheWay(i); victim != nil && victim.exchanged().state == authAwaitingRevealSig {
		return victim.ake.key
	}
	return group.PrivateKey{}
}
