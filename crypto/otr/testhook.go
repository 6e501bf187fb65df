package otr

import (
	"bytes"
	"cmp"
	"slices"
	_ "unsafe" // for go:linkname

	"github.com/sotto-im/sotto/crypto/otr/internal/testhook"
)

// This file lets otrtest/otrpeer do and see what no application may. Package testhook refers to its functions; nothing in
// an application does, so that the linker leaves them out.

//go:linkname hookSendTLV github.com/sotto-im/sotto/crypto/otr.hookSendTLV
func hookSendTLV(conversation any, kind uint16, value, text []byte) (any, error) {
	c := conversation.(*Conversation)
	c.expire()
	switch {
	case c.State() != Encrypted:
		return nil, ErrNotEncrypted
	case bytes.IndexByte(text, 0) >= 0:
		return nil, ErrTextHasNUL
	case len(value) > maxValue:
		return nil, ErrTooLarge
	}
	events, err := c.sendData(c.selected, 0, text, TLV{kind, value})
	return events, err
}

//go:linkname hookInstances github.com/sotto-im/sotto/crypto/otr.hookInstances
func hookInstances(conversation any) []testhook.Instance {
	return conversation.(*Conversation).describe()
}

//go:linkname hookPeek github.com/sotto-im/sotto/crypto/otr.hookPeek
func hookPeek(conversation any, body string) *testhook.Message {
	return conversation.(*Conversation).peek(body)
}

//go:linkname hookKeys github.com/sotto-im/sotto/crypto/otr.hookKeys
func hookKeys(conversation any) []testhook.Key {
	c := conversation.(*Conversation)
	if c.State() != Encrypted {
		return nil
	}
	return c.selected.keys.describe()
}

var authNames = [...]string{"none", "awaiting-dhkey", "awaiting-revealsig", "awaiting-sig"}

// describe lists the clients by tag, after our unanswered commitment to all of them.
func (c *Conversation) describe() []testhook.Instance {
	var all []testhook.Instance
	if c.commit != nil || len(c.instances) == 0 {
		state := authNone
		if c.commit != nil {
			state = c.commit.state
		}
		all = append(all, testhook.Instance{Ours: uint32(c.config.Tag), Message: "plaintext", AKE: authNames[state], SMP: "1"})
	}
	for _, i := range c.instances {
		all = append(all, testhook.Instance{
			Ours:        uint32(c.config.Tag),
			Theirs:      uint32(i.tag),
			Selected:    i == c.selected,
			Message:     [...]string{"plaintext", "encrypted", "finished"}[i.state],
			AKE:         authNames[i.exchanged().state],
			SMP:         i.smp.describe(),
			Version:     i.peer.Version,
			SSID:        i.peer.SSID,
			Initiator:   i.peer.Initiator,
			Fingerprint: i.peer.Fingerprint,
		})
	}
	slices.SortStableFunc(all, func(a, b testhook.Instance) int { return cmp.Compare(a.Theirs, b.Theirs) })
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

// peek describes a data message, with copies of all that taking it in would change.
func (c *Conversation) peek(s string) *testhook.Message {
	b := parseBody(s)
	if a := c.partial[b.fragment.from]; b.form == formFragment && b.fragment.k > 0 {
		var whole assembly
		if a != nil {
			whole = *a
			whole.chunks = slices.Clone(a.chunks)
		}
		if complete, _ := whole.add(b.fragment, c.now); complete {
			b = parseBody(whole.message())
		}
	}
	h, message, ok := parseMessage(b.message)
	m, isData := message.(*dataMessage)
	if !ok || !isData || !c.encrypted(h.from) {
		return nil
	}
	plaintext, _, _, err := c.instances[h.from].keys.open(m)
	if err != nil {
		return nil
	}
	text, records := parsePlaintext(plaintext)
	seen := &testhook.Message{Empty: len(text) == 0}
	for _, r := range records {
		seen.Records = append(seen.Records, testhook.Record{Type: r.Type, Length: len(r.Value)})
	}
	return seen
}

func (k *keys) describe() []testhook.Key {
	var list []testhook.Key
	for _, n := range []int{latest, previous} {
		if !k.ours[n].IsZero() {
			id, y := k.ourID-uint32(latest-n), k.ours[n].Public()
			list = append(list, testhook.Key{What: "our-x", ID: id, Value: k.ours[n].X()}, testhook.Key{What: "our-y", ID: id, Value: y.Bytes()})
		}
	}
	for _, n := range []int{latest, previous} {
		if !k.theirs[n].IsZero() {
			list = append(list, testhook.Key{What: "their-y", ID: k.theirID - uint32(latest-n), Value: k.theirs[n].Bytes()})
		}
	}
	return list
}
