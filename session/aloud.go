package session

import (
	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/spoken"
)

// ReadAloud is the secure session id of the live session in words, for two Sottos: each person reads Ours and hears Theirs.
//
// What the words prove is that both people are in one and the same session, and nobody between them: whoever stood there would have a
// session with each, and these differ, because the D-H Commit Message fixes the one value before the other is known; a chance of 1 in
// 2^32 remains for each half ("Computing AES keys, MAC keys, and the secure session id"). The key exchange of that session was
// signed with Key, so they also prove that Key belongs to whoever reads them. They prove nothing about who is speaking: that is for the ear.
// They are not made of the fingerprints because twenty bytes would have to be read, of each: of less somebody could find a key with the same
// words beforehand. And they are another eight words in every session, so nothing is gained by having heard them once.
type ReadAloud struct {
	Key    otr.Fingerprint // theirs, in this session
	Ours   [4]string
	Theirs [4]string
}

// aloud is what can be read aloud now: whoever sent the Reveal Signature Message has the first half.
func (c *conversation) aloud() *ReadAloud {
	if !c.isSotto() {
		return nil
	}
	p := c.otrPeer()
	words := spoken.Words(p.SSID[:])
	first, second := [4]string(words[:4]), [4]string(words[4:])
	if p.Initiator {
		return &ReadAloud{p.Fingerprint, first, second}
	}
	return &ReadAloud{p.Fingerprint, second, first}
}
