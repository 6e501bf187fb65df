package session

import (
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sotto-im/sotto/crypto/otr"
	"mellium.im/xmpp/jid"
)

const (
	maxLink             = 8 << 10
	maxLinkText         = 2 << 10
	maxLinkFingerprints = 8
)

// ErrLink is wrapped by every error of ParseLink.
var ErrLink = errors.New("session: not a link that Sotto understands")

// A Link is an address for others to follow (RFC 5122, XEP-0147): xmpp:juliet@example.com?message;otr-fingerprint=... Nothing in one is
// to be believed: anybody can write one.
type Link struct {
	Address      jid.JID // bare
	Action       LinkAction
	Name         string            // LinkAdd: suggested
	Text         string            // LinkMessage: suggested, for the composer; never sent by itself
	Token        string            // LinkRegister, LinkAdd: of an invitation (XEP-0445, XEP-0379)
	Fingerprints []otr.Fingerprint // that the address's OTR keys are said to have (XEP-0364 section 5)
}

// A LinkAction is what a link is for.
type LinkAction uint8

const (
	LinkOpen     LinkAction = iota // no query, or one that we do not know: show the conversation, or offer to add the contact
	LinkMessage                    // write to them
	LinkAdd                        // add them to the roster
	LinkRegister                   // make an account at Address.Domain, with the name Address.Localpart if there is one
)

var linkActions = map[string]LinkAction{"message": LinkMessage, "roster": LinkAdd, "subscribe": LinkAdd, "register": LinkRegister}

// ParseLink reads a link, strictly: what is malformed, too long, or names a key twice is refused whole; what is well-formed and not
// known is passed over.
func ParseLink(s string) (Link, error) {
	s = strings.TrimSpace(s)
	rest, ok := cutScheme(s)
	if !ok || len(s) > maxLink || !utf8.ValidString(s) {
		return Link{}, ErrLink
	}
	rest, _, _ = strings.Cut(rest, "#") // a fragment means nothing (RFC 5122 section 2.6)
	path, query, _ := strings.Cut(rest, "?")
	if authority, ok := strings.CutPrefix(path, "//"); ok {
		// The account to do it with (section 2.3): the person chooses that.
		if _, path, ok = strings.Cut(authority, "/"); !ok {
			return Link{}, ErrLink
		}
	}
	text, err := url.PathUnescape(path)
	if err != nil || text == "" || cleanText(text) != text {
		return Link{}, ErrLink
	}
	address, err := jid.Parse(text)
	if err != nil {
		return Link{}, errors.Join(ErrLink, err)
	}
	l := Link{Address: address.Bare()}
	if err := l.parseQuery(query); err != nil {
		return Link{}, err
	}
	if l.Action != LinkRegister {
		if _, err := parseAddress(l.Address.String()); err != nil {
			return Link{}, errors.Join(ErrLink, err)
		}
	}
	return l, nil
}

func cutScheme(s string) (rest string, ok bool) {
	scheme, rest, ok := strings.Cut(s, ":")
	return rest, ok && strings.EqualFold(scheme, "xmpp")
}

// parseQuery reads what stands after the question mark: an action, then pairs (RFC 5122 section 2.5). XEP-0364 writes a fingerprint
// without an action before it, so the first part may be a pair as well.
func (l *Link) parseQuery(query string) error {
	for i, part := range strings.Split(query, ";") {
		key, value, pair := strings.Cut(part, "=")
		key, err1 := url.PathUnescape(key)
		value, err2 := url.PathUnescape(value) // "+" is a plus sign here
		if err1 != nil || err2 != nil || cleanText(value) != value {
			return ErrLink
		}
		key = strings.ToLower(key)
		if i == 0 && !pair {
			l.Action = linkActions[key]
			continue
		}
		switch key {
		case "otr-fingerprint":
			if err := l.addFingerprint(value); err != nil {
				return err
			}
		case "name":
			l.Name = cleanName(value)
		case "body":
			l.Text = bound(value, maxLinkText)
		case "preauth":
			l.Token = bound(value, maxLinkText)
		}
	}
	if l.Action != LinkMessage {
		l.Text = ""
	}
	return nil
}

func (l *Link) addFingerprint(value string) error {
	fp, err := otr.ParseFingerprint(strings.Join(strings.Fields(value), ""))
	if err != nil || len(l.Fingerprints) == maxLinkFingerprints || slices.Contains(l.Fingerprints, fp) {
		return ErrLink
	}
	l.Fingerprints = append(l.Fingerprints, fp)
	return nil
}

// String writes the link as ParseLink reads it.
func (l Link) String() string {
	var b strings.Builder
	b.WriteString("xmpp:" + escapeLink(l.Address.Bare().String(), "@"))
	separator := "?"
	add := func(part string) {
		b.WriteString(separator + part)
		separator = ";"
	}
	switch l.Action {
	case LinkMessage:
		add("message")
	case LinkAdd:
		add("roster")
	case LinkRegister:
		add("register")
	}
	for _, pair := range [][2]string{{"name", l.Name}, {"body", l.Text}, {"preauth", l.Token}} {
		if pair[1] != "" {
			add(pair[0] + "=" + escapeLink(pair[1], ""))
		}
	}
	for _, fp := range l.Fingerprints {
		add("otr-fingerprint=" + hex.EncodeToString(fp[:]))
	}
	return b.String()
}

// escapeLink writes everything as %XX that is not unreserved (RFC 3986 section 2.3) or in but.
func escapeLink(s, but string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(unreserved, s[i]) >= 0 || strings.IndexByte(but, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{s[i]})))
		}
	}
	return b.String()
}

// ---- following one

// A LinkClaim is what a link said about a contact's key, beside what is known of it. It is a claim and no more: it counts only if the
// person says that the link is from the contact, see ConfirmLink.
type LinkClaim struct {
	Fingerprints []otr.Fingerprint // as the link named them
	State        LinkState
	Key          *otr.Fingerprint // LinkMatches: the key that was named. LinkDiffers: the one in use
}

// A LinkState is how a claim stands.
type LinkState uint8

const (
	LinkWaiting LinkState = iota // no key of the contact is known: it will show when a private conversation starts
	LinkMatches                  // the contact has used a key that the link named, and it is not verified yet: ask the person
	LinkSettled                  // the key is verified
	LinkDiffers                  // the key in use, or the only one known, is none of those: somebody is not who they say, or the link is old
)

// FollowLink remembers what a link says about a contact's keys, until one of them is verified or DropLink, and adds the contact when it is
// a link for that and they are not there. It verifies nothing: see Contact.Link. The error is ErrUnknown, ErrLink for a link to make an
// account, or an *AddressError.
func (s *Session) FollowLink(account string, l Link) (Ref, error) {
	r := Ref{account, l.Address.Bare().String()}
	a, ok := s.account(account)
	if !ok {
		return r, ErrUnknown
	}
	err := error(ErrLink)
	if l.Action == LinkRegister {
		return r, err
	}
	a.ask(func() { err = a.follow(l) })
	return r, err
}

func (a *account) follow(l Link) error {
	if l.Address.Bare().Equal(a.address) {
		return &AddressError{AddressIsSelf}
	}
	c, known := a.conversations[l.Address.Bare().String()]
	if l.Action == LinkAdd && (!known || !c.onRoster) {
		if err := a.addContact(l.Address.Bare(), l.Name, ""); err != nil {
			return err
		}
		c, known = a.conversations[l.Address.Bare().String()]
	}
	if !known {
		return ErrUnknown // to be offered: adding needs the person's word
	}
	if len(l.Fingerprints) > 0 {
		c.claimed = slices.Clone(l.Fingerprints)
		c.remember()
	}
	return nil
}

// ConfirmLink is the person's word that the link is the contact's own: the key that it named and that the contact has used, fp as it was
// shown, is verified. ErrKeyGone where the claim is another one by now.
func (s *Session) ConfirmLink(r Ref, fp otr.Fingerprint) error {
	return s.ask(r, func(c *conversation) error {
		claim := c.linkClaim()
		if claim == nil || claim.State != LinkMatches || *claim.Key != fp {
			return ErrKeyGone
		}
		return c.verify(fp, ByComparison)
	})
}

// DropLink forgets what a link said.
func (s *Session) DropLink(r Ref) {
	s.with(r, func(c *conversation) {
		c.claimed = nil
		c.remember()
	})
}

// recallLink reads what is kept of a link that was followed before the program was started.
func (c *conversation) recallLink(kept []string) {
	for _, text := range kept {
		if fp, err := otr.ParseFingerprint(text); err == nil && len(c.claimed) < maxLinkFingerprints { // the store has checked it
			c.claimed = append(c.claimed, fp)
		}
	}
}

// linkRecord is what is kept of a link: nothing, once it has served.
func (c *conversation) linkRecord() (kept []string) {
	if claim := c.linkClaim(); claim != nil && claim.State != LinkSettled {
		for _, fp := range c.claimed {
			kept = append(kept, compact(fp))
		}
	}
	return kept
}

// linkClaim compares what a link said with the key in use, else with those that were.
func (c *conversation) linkClaim() *LinkClaim {
	if len(c.claimed) == 0 {
		return nil
	}
	claim := &LinkClaim{Fingerprints: c.claimed}
	keys := c.keys
	if c.otrState() == otr.Encrypted {
		keys = []Key{c.known(c.otrPeer().Fingerprint)}
	}
	for _, k := range keys {
		named := slices.Contains(c.claimed, k.Fingerprint)
		switch {
		case named && k.Verified == NotVerified:
			claim.State = LinkMatches
		case named:
			claim.State = LinkSettled
		default:
			continue
		}
		claim.Key = &k.Fingerprint
		return claim
	}
	if len(keys) > 0 {
		claim.State, claim.Key = LinkDiffers, &keys[0].Fingerprint
	}
	return claim
}
