package session

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/store"
	"mellium.im/xmpp/jid"
)

// A KeyRule says to which keys of a contact texts go.
type KeyRule uint8

const (
	KeyRuleDefault KeyRule = iota // that of the account
	AnyKey                        // also to one that nobody has verified
	OnlyVerified                  // to no key that the person has not verified, and never in clear
)

var keyRuleWords = [...]string{KeyRuleDefault: "", AnyKey: "any", OnlyVerified: "verified"}

// word is the rule in the settings file.
func (r KeyRule) word() string { return keyRuleWords[r] }

// parseKeyRule reads a rule of the settings file. A word it does not know is OnlyVerified: a later Sotto may have meant more, not less.
func parseKeyRule(word string) KeyRule {
	if i := slices.Index(keyRuleWords[:], word); i >= 0 {
		return KeyRule(i)
	}
	return OnlyVerified
}

// Errors of Send, where the person wants nothing sent.
var (
	ErrHeld        = errors.New("session: the person has nothing sent to this contact")
	ErrNotVerified = errors.New("session: the contact's key is not verified, and only verified ones are written to")
)

// SetKeyRule sets to which keys of one contact texts go. With OnlyVerified what is typed before a key is verified waits, and where a private
// conversation with one that is not goes on, nothing can be sent (Contact.NeedsVerified); the contact's policy is Require then.
func (s *Session) SetKeyRule(r Ref, rule KeyRule) {
	s.with(r, func(c *conversation) { c.setKeyRule(rule) })
}

// SetAccountKeyRule sets the rule of every contact that has none of its own.
func (s *Session) SetAccountKeyRule(jid string, rule KeyRule) {
	s.tell(jid, func(a *account) {
		a.record.KeyRule = rule.word()
		a.keep()
		for _, c := range a.conversations {
			c.policyChanged()
		}
	})
}

func (a *account) keyRule() KeyRule {
	if r := parseKeyRule(a.record.KeyRule); r != KeyRuleDefault {
		return r
	}
	return AnyKey
}

func (c *conversation) keyRule() KeyRule {
	if c.keyRuleSet != KeyRuleDefault {
		return c.keyRuleSet
	}
	return c.account.keyRule()
}

func (c *conversation) setKeyRule(r KeyRule) {
	c.keyRuleSet = r
	c.remember()
	c.policyChanged()
	c.notify(Entry{Notice: NoticePolicy})
}

// writable tells whether the rule lets texts go to a key.
func (c *conversation) writable(fp otr.Fingerprint) bool {
	return c.keyRule() != OnlyVerified || c.known(fp).Verified != NotVerified
}

// needsVerified tells whether a private conversation goes on in which nothing can be written before its key is verified.
func (c *conversation) needsVerified() bool {
	return c.otrState() == otr.Encrypted && !c.writable(c.otrPeer().Fingerprint)
}

// ---- sending nothing

// Hold has nothing sent to a contact any more, until Release: no text, no receipt, no word that the person is typing, and no answer to what
// their program asks for. A private conversation is ended first, which is the last that they hear. What waits goes on waiting. It outlives
// the program.
func (s *Session) Hold(r Ref) { s.with(r, (*conversation).hold) }

// Release takes Hold back.
func (s *Session) Release(r Ref) { s.with(r, (*conversation).release) }

func (c *conversation) isHeld() bool { return !c.held.IsZero() }

func (c *conversation) hold() {
	if c.isHeld() {
		return
	}
	c.endSession()
	c.typing.stop()
	c.held, c.noAnswer = c.account.now(), false
	c.tell(KeyEvent{What: KeysHeld})
	c.remember()
	c.notify(Entry{Notice: NoticeHeld})
}

func (c *conversation) release() {
	if !c.isHeld() {
		return
	}
	c.held, c.unwanted = time.Time{}, false
	c.tell(KeyEvent{What: KeysReleased})
	c.remember()
	c.notify(Entry{Notice: NoticeReleased})
	c.wantPrivate()
	c.flush()
}

// ---- every key that is known

// ContactKeys is what is known of one contact's keys, whether they are a contact still or not.
type ContactKeys struct {
	Ref
	Name     string // as in Contact; the address of who is no contact
	OnRoster bool
	Keys     []Key // newest first
	InUse    []otr.Fingerprint
}

// KnownKeys lists every contact of every account of whom a key is known: by account as the person ordered them, then by name.
func (s *Session) KnownKeys() []ContactKeys {
	var all []ContactKeys
	s.mu.Lock()
	order := slices.Clone(s.order)
	s.mu.Unlock()
	for _, name := range order {
		a, ok := s.account(name)
		if !ok {
			continue
		}
		var own []ContactKeys
		a.ask(func() { own = a.knownKeys() })
		slices.SortFunc(own, func(x, y ContactKeys) int {
			return cmp.Or(cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), cmp.Compare(x.Contact, y.Contact))
		})
		all = append(all, own...)
	}
	return all
}

func (a *account) knownKeys() []ContactKeys {
	var all []ContactKeys
	for _, record := range a.record.Contacts {
		if len(record.Keys) == 0 {
			continue
		}
		v := ContactKeys{Ref: Ref{a.ref(), record.JID}, Name: record.JID}
		c, ok := a.conversations[record.JID]
		if !ok {
			if c = a.keysOf(record.JID); c == nil {
				continue // the address is none: a hand has written it
			}
		} else {
			v.Name, v.OnRoster = c.name(), c.onRoster
		}
		v.Keys = c.knownKeys()
		for _, k := range v.Keys {
			if c.inUse(k.Fingerprint) {
				v.InUse = append(v.InUse, k.Fingerprint)
			}
		}
		all = append(all, v)
	}
	return all
}

// ForgetKey forgets one key of a contact, and that it was verified: when it comes again, it is another key than those that are known. A
// private conversation that uses it ends first. The error is ErrKeyGone when it is not a known key.
func (s *Session) ForgetKey(r Ref, fp otr.Fingerprint) error {
	return s.keysOf(r, func(c *conversation) error { return c.forgetKey(fp) })
}

func (c *conversation) forgetKey(fp otr.Fingerprint) error {
	i := c.indexKey(fp)
	if i < 0 {
		return ErrKeyGone
	}
	if c.inUse(fp) {
		c.endPrivate()
		i = c.indexKey(fp)
	}
	c.keys = slices.Delete(c.keys, i, i+1)
	delete(c.refused, fp)
	c.tell(KeyEvent{What: KeyForgotten, Key: fp})
	c.remember()
	if len(c.keys) == 0 && c.account.conversations[c.ref.Contact] == nil {
		c.account.forgetRecord(c.ref.Contact)
	}
	return nil
}

// forgetRecord forgets what is kept of somebody.
func (a *account) forgetRecord(contact string) {
	before := len(a.record.Contacts)
	a.record.Contacts = slices.DeleteFunc(a.record.Contacts, func(k store.Contact) bool { return k.JID == contact })
	if len(a.record.Contacts) != before {
		a.keep()
	}
}

// keysOfAnybody is keysOf, also for who was not known until now.
func (a *account) keysOfAnybody(address jid.JID) *conversation {
	if c := a.keysOf(address.String()); c != nil {
		return c
	}
	return newConversation(a, address)
}
