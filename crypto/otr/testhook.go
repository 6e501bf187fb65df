package otr

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/sotto-im/sotto/crypto/otr/internal/testhook"
)

// This file lets otrtest/otrpeer do and see what no application may.

func init() {
	testhook.SendTLV = func(conversation any, kind uint16, value, text []byte) (any, error) {
		c := conversation.(*Conversation)
		switch {
		case c.State() != Encrypted:
			return nil, ErrNotEncrypted
		case bytes.IndexByte(text, 0) >= 0:
			return nil, ErrTextHasNUL
		}
		events, err := c.sendData(c.selected, 0, text, TLV{kind, value})
		return events, err
	}
	testhook.Instances = func(conversation any) []testhook.Instance { return conversation.(*Conversation).describe() }
}

var authNames = [...]string{"none", "awaiting-dhkey", "awaiting-revealsig", "awaiting-sig"}

// describe lists the clients by tag, after our unanswered commitment to all of them.
func (c *Conversation) describe() []testhook.Instance {
	var all []testhook.Instance
	if c.commit.state != authNone || len(c.instances) == 0 {
		all = append(all, testhook.Instance{Ours: uint32(c.config.Tag), Message: "plaintext", AKE: authNames[c.commit.state], SMP: "1"})
	}
	for _, i := range c.instances {
		all = append(all, testhook.Instance{
			Ours:        uint32(c.config.Tag),
			Theirs:      uint32(i.tag),
			Selected:    i == c.selected,
			Message:     [...]string{"plaintext", "encrypted", "finished"}[i.state],
			AKE:         authNames[i.ake.state],
			SMP:         i.smp.describe(),
			SSID:        i.peer.SSID,
			Initiator:   i.peer.Initiator,
			Fingerprint: i.peer.Fingerprint,
		})
	}
	slices.SortFunc(all, func(a, b testhook.Instance) int { return cmp.Compare(a.Theirs, b.Theirs) })
	return all
}

// describe returns the number of the message that the run expects: SMPSTATE_EXPECT1 to SMPSTATE_EXPECT4. While the
// user is asked it is still 1.
func (r *smpRun) describe() string {
	switch {
	case r.responder != nil && r.request == 0:
		return "3"
	case r.initiator != nil:
		return r.initiator.Expects()
	}
	return "1"
}
