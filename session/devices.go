package session

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sotto-im/sotto/crypto/otr"
	"mellium.im/xmpp/jid"
)

// A Device is a client of a contact with a private conversation of its own. A text goes to one of them.
type Device struct {
	Tag      otr.InstanceTag // for SelectDevice
	Resource string          // where it was heard last; "" if that is not known
	Presence Presence
	Key      otr.Fingerprint
	Verified Verified
	Version  int  // of OTR: 3, or 2
	Selected bool // Send writes to this one
}

// devices lists the clients with a live session, in an order that does not change by itself.
func (c *conversation) devices() []Device {
	if c.otr == nil {
		return nil
	}
	var all []Device
	for _, i := range c.otr.Instances() {
		if i.State != otr.Encrypted {
			continue
		}
		d := Device{
			Tag:      i.Peer.Tag,
			Key:      i.Peer.Fingerprint,
			Verified: c.known(i.Peer.Fingerprint).Verified,
			Version:  i.Peer.Version,
			Selected: i.Selected,
		}
		if full, ok := c.tags[i.Peer.Tag]; ok {
			d.Resource = full.Resourcepart()
			if c.there(full) {
				d.Presence = c.resources[d.Resource].presence
			}
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(x, y Device) int { return cmp.Compare(x.Tag, y.Tag) })
	return all
}

// selectDevice is the person's choice. It holds until that session ends.
func (c *conversation) selectDevice(tag otr.InstanceTag) {
	if c.otr == nil || !slices.ContainsFunc(c.devices(), func(d Device) bool { return d.Tag == tag }) {
		return
	}
	c.chosen = c.sessionOf(tag)
	c.apply(c.otr.Select(tag), cause{})
	c.flush()
	c.wantPrivate()
}

// sessionOf is the secure session id of a client's live session, zero if it has none.
func (c *conversation) sessionOf(tag otr.InstanceTag) [8]byte {
	for _, i := range c.otr.Instances() {
		if i.Peer.Tag == tag && i.State == otr.Encrypted {
			return i.Peer.SSID
		}
	}
	return [8]byte{}
}

// alive tells whether what was encrypted in a session can still be read.
func (c *conversation) alive(session [8]byte) bool {
	if c.otr == nil || c.doubtful && c.otrPeer().SSID == session {
		return false
	}
	return slices.ContainsFunc(c.otr.Instances(), func(i otr.Instance) bool { return i.State == otr.Encrypted && i.Peer.SSID == session })
}

// prefer writes to a device that is verified and there rather than to one that is not verified, unless the person has chosen. Among those
// with the same key it is the one heard from last; package otr sees to that.
func (c *conversation) prefer() {
	if c.otrState() != otr.Encrypted || c.otrPeer().SSID == c.chosen || c.known(c.otrPeer().Fingerprint).Verified != NotVerified {
		return
	}
	for _, i := range c.otr.Instances() { // the one heard from last comes first
		full, ok := c.tags[i.Peer.Tag]
		if i.State == otr.Encrypted && c.known(i.Peer.Fingerprint).Verified != NotVerified && ok && c.there(full) {
			events := append(c.otr.Select(i.Peer.Tag), c.otr.Select(otr.SelectBest)...)
			c.apply(events, cause{})
			return
		}
	}
}

// ---- version 2

// setAllowV2 is the person's decision that this contact may be spoken to in the old version of the protocol.
func (c *conversation) setAllowV2(allowed bool) {
	c.allowV2 = allowed
	c.remember()
	if x := c.exchange; allowed && x != nil && x.soon != nil {
		c.stopExchange() // the invitation that waits for an answer did not offer it
		c.wanted = true
	}
	c.policyChanged()
}

// otrPolicy is what package otr is to do by itself.
func (c *conversation) otrPolicy() otr.Policy {
	p := otrPolicy(c.policy())
	if c.allowV2 && p != otr.PolicyNever {
		p |= otr.AllowV2
	}
	return p
}

// offered notes which versions their program speaks, as it says.
func (c *conversation) offered(v otr.Versions) {
	c.versions, c.unheeded = v, 0
	switch {
	case v.Has(3):
		c.onlyV2 = false
	case v.Has(2):
		c.onlyV2 = true
	}
	c.touch()
}

// isVersion2 tells whether a body is an encoded message of version 2, or a piece of one.
func isVersion2(body string) bool {
	return strings.Contains(body, "?OTR:AAI") || strings.Contains(body, "?OTR,")
}

// fromVersion2 tells whether a message of version 2 may be taken in. That version has no instance tags, so its clients are told apart by
// their full addresses, and there is one at a time: another takes its place when the first has gone, or has no session.
func (c *conversation) fromVersion2(from jid.JID) bool {
	first, ok := c.tags[0]
	if ok && !first.Equal(from) && c.there(first) && c.otr != nil && c.sessionOf(0) != [8]byte{} {
		return false
	}
	c.tags[0] = from
	return true
}
