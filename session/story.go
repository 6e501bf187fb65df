package session

import (
	"slices"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/store"
)

// maxStory is how much is remembered of what happened with a contact's keys.
const maxStory = 48

// A KeyEvent is one thing that happened with a contact's keys.
type KeyEvent struct {
	Time   time.Time
	What   KeyHappening
	Key    otr.Fingerprint // zero for KeysHeld and KeysReleased
	Other  otr.Fingerprint // KeyReplaced: the new one. KeyAccepted: the verified one beside it
	How    Verified        // KeyVerified, KeyVerifiedUs
	Device string          // what the device that had the key called itself: words of others. KeyImported: the name of the file
}

// A KeyHappening says what happened with a key.
type KeyHappening uint8

const (
	KeyMet        KeyHappening = iota // somebody proved to have it, for the first time
	KeyReplaced                       // another came in its place: Other
	KeyVerified                       // the person verified it
	KeyUnverified                     // the person took that back
	KeyVerifiedUs                     // whoever holds it has verified us
	KeyAccepted                       // the person decided to write to it, unverified, beside a verified one
	KeyRefused                        // the person refused it
	KeyImported                       // a file from another program named it
	KeyForgotten                      // the person had it forgotten
	KeysHeld                          // the person had nothing sent any more
	KeysReleased                      // and took that back
)

var happeningWords = [...]string{KeyMet: "met", KeyReplaced: "replaced", KeyVerified: "verified", KeyUnverified: "unverified",
	KeyVerifiedUs: "verified-us", KeyAccepted: "accepted", KeyRefused: "refused", KeyImported: "imported", KeyForgotten: "forgotten",
	KeysHeld: "held", KeysReleased: "released"}

// record is the event in the settings file.
func (e KeyEvent) record() store.KeyEvent {
	r := store.KeyEvent{Time: e.Time, What: happeningWords[e.What], How: e.How.word(), Device: e.Device}
	if e.Key != (otr.Fingerprint{}) {
		r.Fingerprint = compact(e.Key)
	}
	if e.Other != (otr.Fingerprint{}) {
		r.Other = compact(e.Other)
	}
	return r
}

// eventOf reads an event of the settings file, which has been checked. What an event of a word that is not known was, is not known: it
// is told as if the key had been seen then.
func eventOf(r store.KeyEvent) KeyEvent {
	e := KeyEvent{Time: r.Time, How: parseVerified(r.How), Device: r.Device}
	e.What = KeyHappening(max(0, slices.Index(happeningWords[:], r.What)))
	e.Key, _ = otr.ParseFingerprint(r.Fingerprint)
	e.Other, _ = otr.ParseFingerprint(r.Other)
	return e
}

// tell adds to the story, as of now. Where it becomes too long, what is oldest goes, but not how a key that is still known was met and
// verified.
func (c *conversation) tell(e KeyEvent) {
	e.Time = c.account.now()
	c.story = append(c.story, e)
	if len(c.story) <= maxStory {
		return
	}
	i := slices.IndexFunc(c.story, func(e KeyEvent) bool {
		return e.What != KeyMet && e.What != KeyVerified || c.indexKey(e.Key) < 0 || e.What == KeyVerified && c.known(e.Key).Verified == NotVerified
	})
	i = max(i, 0)
	c.story = slices.Delete(c.story, i, i+1)
}

// KeyStory tells what happened with a contact's keys, oldest first.
func (s *Session) KeyStory(r Ref) []KeyEvent {
	var story []KeyEvent
	s.keysOf(r, func(c *conversation) error {
		story = slices.Clone(c.story)
		return nil
	})
	return story
}

// keysOf has f carried out on what is known of a contact's keys, also of somebody who is no contact (any more), and waits.
func (s *Session) keysOf(r Ref, f func(*conversation) error) error {
	err := ErrUnknown
	if a, ok := s.account(r.Account); ok {
		a.ask(func() {
			if c := a.keysOf(r.Contact); c != nil {
				err = f(c)
			}
		})
	}
	return err
}

// keysOf is the conversation with a contact, or one that nobody else sees where only keys are known of them; nil where nothing is.
func (a *account) keysOf(contact string) *conversation {
	if c, ok := a.conversations[contact]; ok {
		return c
	}
	if !slices.ContainsFunc(a.record.Contacts, func(k store.Contact) bool { return k.JID == contact }) {
		return nil
	}
	address, err := parseAddress(contact)
	if err != nil {
		return nil
	}
	return newConversation(a, address)
}

// keyOf reads a key of the settings file.
func keyOf(fp otr.Fingerprint, k store.Key) Key {
	return Key{
		Fingerprint:   fp,
		FirstSeen:     k.FirstSeen,
		LastSeen:      k.LastSeen,
		Device:        k.Device,
		Verified:      parseVerified(k.Verified),
		VerifiedAt:    k.VerifiedAt,
		Accepted:      k.Accepted,
		PutOff:        k.PutOff,
		Failed:        max(0, k.Failed),
		VerifiedUs:    k.VerifiedUs != "",
		VerifiedUsHow: parseVerified(k.VerifiedUs),
		VerifiedUsAt:  k.VerifiedUsAt,
		Imported:      k.Imported,
		Source:        k.Source,
		Claim:         k.Claim,
	}
}

// record is the key in the settings file.
func (k Key) record() store.Key {
	r := store.Key{
		Fingerprint:  compact(k.Fingerprint),
		FirstSeen:    k.FirstSeen,
		LastSeen:     k.LastSeen,
		Device:       k.Device,
		Verified:     k.Verified.word(),
		VerifiedAt:   k.VerifiedAt,
		Accepted:     k.Accepted,
		PutOff:       k.PutOff,
		Failed:       k.Failed,
		VerifiedUsAt: k.VerifiedUsAt,
		Imported:     k.Imported,
		Source:       k.Source,
		Claim:        k.Claim,
	}
	if k.VerifiedUs {
		if r.VerifiedUs = k.VerifiedUsHow.word(); r.VerifiedUs == "" {
			r.VerifiedUs = store.Told
		}
	}
	return r
}

// knownKeys is what is known of the contact's keys, newest first.
func (c *conversation) knownKeys() []Key {
	keys := slices.Clone(c.keys)
	for i := range keys {
		keys[i].Replaced = replaced(keys, i)
	}
	return keys
}

// replaced is when the first other key came after key i was seen for the last time; zero if none did.
func replaced(keys []Key, i int) (when time.Time) {
	for _, k := range keys {
		if !keys[i].LastSeen.IsZero() && k.FirstSeen.After(keys[i].LastSeen) && (when.IsZero() || k.FirstSeen.Before(when)) {
			when = k.FirstSeen
		}
	}
	return when
}

// lastKey is the key other than fp that the contact has used last, or that a file names if they have used none.
func (c *conversation) lastKey(fp otr.Fingerprint) (last Key, ok bool) {
	for _, k := range c.keys {
		if k.Fingerprint != fp && (!ok || k.LastSeen.After(last.LastSeen)) {
			last, ok = k, true
		}
	}
	return last, ok
}

// inUse tells whether a private conversation with a key is going on.
func (c *conversation) inUse(fp otr.Fingerprint) bool {
	return c.otr != nil && slices.ContainsFunc(c.otr.Instances(), func(i otr.Instance) bool {
		return i.State == otr.Encrypted && i.Peer.Fingerprint == fp
	})
}

// deviceName is what a client calls the place it is at, "" if it was not heard yet.
func (c *conversation) deviceName(tag otr.InstanceTag) string {
	full, ok := c.tags[tag]
	if !ok {
		return ""
	}
	return cleanName(full.Resourcepart())
}

// verifiedUs tells whether the contact has verified our key: whoever holds the key of the live session, or the one seen last.
func (c *conversation) verifiedUs() bool {
	if c.otrState() != otr.Plaintext {
		return c.known(c.otrPeer().Fingerprint).VerifiedUs
	}
	last, _ := c.lastKey(otr.Fingerprint{})
	return last.VerifiedUs
}

// setVerifiedUs notes that whoever holds a key has verified us, and how: question, secret or told; "" takes it back.
func (c *conversation) setVerifiedUs(fp otr.Fingerprint, how string) {
	i := c.indexKey(fp)
	if i < 0 {
		return
	}
	k := &c.keys[i]
	if how == "" {
		k.VerifiedUs, k.VerifiedUsHow, k.VerifiedUsAt = false, NotVerified, time.Time{}
		c.remember()
		return
	}
	if how == store.Told && k.VerifiedUs {
		return // nothing new, and less than is known
	}
	k.VerifiedUs, k.VerifiedUsHow, k.VerifiedUsAt = true, parseVerified(how), c.account.now()
	c.tell(KeyEvent{What: KeyVerifiedUs, Key: fp, How: k.VerifiedUsHow, Device: k.Device})
	c.remember()
}

// forgetWhoVerifiedUs is for a new key of ours: it is another one that they verified.
func (a *account) forgetWhoVerifiedUs() {
	for i := range a.record.Contacts {
		for j := range a.record.Contacts[i].Keys {
			k := &a.record.Contacts[i].Keys[j]
			k.VerifiedUs, k.VerifiedUsAt = "", time.Time{}
		}
	}
}
