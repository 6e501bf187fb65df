package session

import "github.com/sotto-im/sotto/crypto/otr"

// What the button says is what happens: this file compares the two.

// isAsShown tells whether a private text would go to who was shown. Waiting ones are bound to a key of their own, see promise.
func (c *conversation) isAsShown(shown Contact) bool {
	if shown.SendMode != SendPrivately || c.otrState() != otr.Encrypted {
		return true // the mode decides
	}
	fp := c.otrPeer().Fingerprint
	if shown.Lock == Private {
		return c.known(fp).Verified != NotVerified
	}
	return shown.Key != nil && *shown.Key == fp
}
