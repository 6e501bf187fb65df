package session

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

const (
	maxStrangers    = 50      // conversations with people who are not on the roster
	maxStrangerText = 2 << 10 // bytes that are shown of each of them
	maxResources    = 32      // clients of a contact that are told apart
	maxRequest      = 2 << 10 // bytes that are shown of what somebody writes who asks to be a contact
	maxRoster       = 20_000  // conversations of an account
)

// conversation finds or makes the one with a bare address.
func (a *account) conversation(address jid.JID) *conversation {
	ref := address.Bare().String()
	c, ok := a.conversations[ref]
	if !ok {
		c = newConversation(a, address.Bare())
		a.conversations[ref] = c
		c.touch()
	}
	return c
}

// stranger is conversation for somebody who is not on the roster; nil when there are too many of them.
func (a *account) stranger(address jid.JID) *conversation {
	if c, ok := a.conversations[address.Bare().String()]; ok {
		return c
	}
	n := 0
	for _, c := range a.conversations {
		if !c.onRoster {
			n++
		}
	}
	if n >= maxStrangers {
		return nil
	}
	return a.conversation(address)
}

// dropConversation removes a conversation. What is kept of the contact stays: only the person may have keys and policies forgotten.
func (a *account) dropConversation(c *conversation) {
	c.forgetExhibits()
	c.endPolitely()
	c.stopTimers()
	delete(a.conversations, c.ref.Contact)
	delete(a.changed, c)
	if a.looking == c {
		a.looking = nil
	}
	maps.DeleteFunc(a.sent, func(_ string, o *outgoing) bool { return o.in == c })
	a.session.emit(ContactRemoved{c.ref})
}

// forgetConversation removes a conversation and what is kept of the contact.
func (a *account) forgetConversation(c *conversation) {
	a.dropConversation(c)
	a.forgetRecord(c.ref.Contact)
}

// offRoster: the contact is not on the roster any more, because the person wanted that here, or because another client or the server
// did it. With texts that wait the conversation remains, so that none is lost.
func (c *conversation) offRoster() {
	switch {
	case c.removing:
		c.account.forgetConversation(c)
	case c.waiting() > 0:
		c.endPolitely()
		c.onRoster, c.adding = false, false
		c.item = xmpp.RosterItem{}
		clear(c.resources)
		c.touch()
	default:
		c.account.dropConversation(c)
	}
}

// rosterLoaded takes the roster as the server has it after signing in.
func (a *account) rosterLoaded(items []xmpp.RosterItem) {
	there := map[string]bool{}
	for _, item := range items {
		there[item.JID.Bare().String()] = true
		a.rosterItem(item)
	}
	for ref, c := range a.conversations {
		if c.onRoster && !there[ref] && !c.adding {
			c.offRoster()
		}
	}
}

// rosterItem takes one item of the roster, loaded or pushed (RFC 6121 2.1.6; that a push is from our own server was checked below).
func (a *account) rosterItem(item xmpp.RosterItem) {
	c, known := a.conversations[item.JID.Bare().String()]
	switch {
	case item.Subscription == "remove" && known && c.onRoster:
		c.offRoster()
		return
	case item.Subscription == "remove", item.JID.Equal(a.address), !known && len(a.conversations) >= maxRoster:
		return
	}
	c = a.conversation(item.JID)
	c.onRoster, c.adding = true, false
	c.item = item
	c.item.Name, c.item.Groups = cleanName(item.Name), cleanGroups(item.Groups)
	if c.subscription().sees() {
		c.trouble = WhyNone
	}
	if c.subscription().seen() {
		c.wants, c.request = false, ""
	}
	c.touch()
	c.wantPrivate()
}

// sees tells whether we see their presence.
func (s Subscription) sees() bool { return s == SubscriptionTo || s == SubscriptionBoth }

// seen tells whether they see ours.
func (s Subscription) seen() bool { return s == SubscriptionFrom || s == SubscriptionBoth }

func (c *conversation) subscription() Subscription {
	switch c.item.Subscription {
	case "to":
		return SubscriptionTo
	case "from":
		return SubscriptionFrom
	case "both":
		return SubscriptionBoth
	}
	return SubscriptionNone
}

// addContact is AddContact on the account's goroutine. words go with the request.
func (a *account) addContact(address jid.JID, name, words string) error {
	if address.Equal(a.address) {
		return &AddressError{AddressIsSelf}
	}
	if c, ok := a.conversations[address.String()]; ok && c.onRoster && (c.subscription().sees() || c.item.Ask) {
		return &AddressError{AddressTaken}
	}
	c := a.conversation(address)
	c.onRoster, c.adding, c.removing, c.trouble = true, true, false, WhyNone
	c.item.JID, c.item.Ask = address, true
	if name != "" {
		c.item.Name = cleanName(name)
	}
	c.touch()
	item := c.described()
	a.whenOnline(func() {
		c.ask(func(ctx context.Context, conn line) error {
			return conn.SetContact(ctx, item)
		}, func() {
			c.sendPresence(xmpp.Presence{Type: xmpp.Subscribe, Status: words})
			if c.wants {
				c.wants, c.request = false, ""
				c.presenceOut(xmpp.Subscribed)
			}
		})
	})
	return nil
}

// described is what the roster keeps of the contact for the person.
func (c *conversation) described() xmpp.RosterItem {
	return xmpp.RosterItem{JID: c.address, Name: c.item.Name, Groups: c.item.Groups}
}

// ask asks the server for something about the contact, without waiting, and does done when it has agreed. Where there was no answer
// it is asked again after the next signing in.
func (c *conversation) ask(work func(context.Context, line) error, done func()) {
	a := c.account
	conn := a.conn
	a.background(requestTimeout, func(ctx context.Context) error { return work(ctx, conn) }, func(err error) {
		var refusal *xmpp.StanzaError
		switch {
		case a.conversations[c.ref.Contact] != c: // gone meanwhile
		case errors.As(err, &refusal):
			c.trouble = whyOf(err)
			if c.adding {
				c.item.Ask = false // it can be tried again
			}
			c.touch()
		case err != nil, a.conn != conn, a.leaving:
			if len(a.later) < maxLater {
				a.later = append(a.later, func() { c.ask(work, done) })
			}
		default:
			done()
		}
	})
}

// presenceOut sends a presence stanza about subscriptions.
func (c *conversation) presenceOut(t xmpp.PresenceType) { c.sendPresence(xmpp.Presence{Type: t}) }

// sendPresence sends a presence stanza to the contact.
func (c *conversation) sendPresence(p xmpp.Presence) {
	if !c.account.online() {
		return
	}
	p.To = c.address
	if err := c.account.conn.SendPresence(p); err != nil {
		c.trouble = WhyOther
		c.touch()
	}
}

// accept is for a request, and for a stranger who wrote without one.
func (c *conversation) accept() {
	if !c.wants {
		if !c.onRoster {
			_ = c.account.addContact(c.address, "", "") // it is an address, and not our own
		}
		return
	}
	c.account.whenOnline(func() {
		c.wants, c.request = false, ""
		c.presenceOut(xmpp.Subscribed)
		if !c.subscription().sees() && !c.item.Ask {
			c.presenceOut(xmpp.Subscribe)
		}
		c.touch()
	})
}

// decline is for a request, and for a stranger who wrote without one: they are not told.
func (c *conversation) decline() {
	if !c.wants {
		if !c.onRoster {
			c.account.forgetConversation(c)
		}
		return
	}
	c.account.whenOnline(func() {
		c.wants, c.request = false, ""
		c.presenceOut(xmpp.Unsubscribed)
		if !c.onRoster {
			c.account.forgetConversation(c)
			return
		}
		c.touch()
	})
}

func (c *conversation) rename(name string) {
	c.item.Name = cleanName(name)
	c.describe()
}

// describe has the server keep the contact's name and groups.
func (c *conversation) describe() {
	c.touch()
	if !c.onRoster {
		return
	}
	item := c.described() // as it is now: the server's own may come before it can be told
	c.description.wanted = &item
	c.account.whenOnline(c.tellDescription)
}

// A description is what the server is to keep as the contact's name and groups.
type description struct {
	wanted *xmpp.RosterItem // nil: what it has
	busy   bool             // it is being told
}

// tellDescription tells the server, one thing after the other: two requests at once could be carried out in either order.
func (c *conversation) tellDescription() {
	a, d := c.account, &c.description
	if d.wanted == nil || d.busy || !a.online() {
		return
	}
	item, conn := *d.wanted, a.conn
	d.wanted, d.busy = nil, true
	a.background(requestTimeout, func(ctx context.Context) error { return conn.SetContact(ctx, item) }, func(err error) {
		d.busy = false
		switch {
		case a.conversations[c.ref.Contact] != c: // gone meanwhile
			return
		case errors.As(err, new(*xmpp.StanzaError)):
			c.trouble = whyOf(err)
			c.touch()
		case err != nil:
			if d.wanted == nil {
				d.wanted = &item
			}
			if a.conn == conn && !a.leaving {
				a.later = append(a.later, c.tellDescription) // not at once: it would only fail again
				return
			}
		}
		a.whenOnline(c.tellDescription)
	})
}

func (c *conversation) remove() {
	if !c.onRoster {
		if c.wants {
			c.decline()
			return
		}
		c.account.forgetConversation(c)
		return
	}
	c.removing = true
	c.account.whenOnline(func() {
		c.ask(func(ctx context.Context, conn line) error {
			err := conn.RemoveContact(ctx, c.address)
			if whyOf(err) == WhyNotFound {
				return nil // the server has nothing to remove
			}
			return err
		}, func() { c.account.forgetConversation(c) }) // unless the push has done it
	})
}

// ---- presence

// A resource is one client of a contact.
type resource struct {
	full     jid.JID
	presence Presence
	status   string
	priority int8
	order    uint64 // of its last presence: a later one is higher
	software xmpp.Software
}

// presence takes a presence stanza. It answers nothing and leads to nothing with people who are not on the roster, except a request.
func (a *account) presence(p *xmpp.Presence) {
	if p.From.Bare().Equal(a.address) {
		return // another client of ours
	}
	c := a.conversations[p.From.Bare().String()]
	if p.Type == xmpp.Subscribe {
		a.subscribe(p)
		return
	}
	if c == nil || !c.onRoster {
		return
	}
	switch p.Type {
	case xmpp.Available:
		c.available(p)
	case xmpp.Unavailable:
		c.unavailable(p.From)
	case xmpp.PresenceError:
		c.trouble = WhyOther
		if p.Err != nil {
			c.trouble = whyOf(p.Err)
		}
		c.touch()
	}
}

// subscribe takes a request to see our presence. The person decides, except where they have asked for the contact's themselves: then
// it is the answer to AddContact, and there is nothing left to decide.
func (a *account) subscribe(p *xmpp.Presence) {
	c := a.stranger(p.From)
	if c == nil {
		return
	}
	if c.onRoster && (c.item.Ask || c.subscription().sees()) {
		c.presenceOut(xmpp.Subscribed)
		return
	}
	if nick := cleanName(p.Nick); c.nick == "" && !c.onRoster {
		c.nick = nick // once: nobody changes their name while the person decides, or later
	}
	if !c.wants {
		c.wants, c.request = true, strings.TrimSpace(bound(cleanText(p.Status), maxRequest))
		a.session.emit(Contacted{c.ref})
	}
	c.touch()
}

func (c *conversation) available(p *xmpp.Presence) {
	wasOffline := len(c.resources) == 0
	name := p.From.Resourcepart()
	before, ok := c.resources[name]
	if !ok && len(c.resources) >= maxResources || c.account.invisible() {
		return
	}
	software := before.software
	if known := c.account.conn.Learn(p); known != nil {
		software = *known
	}
	c.presences++
	c.resources[name] = resource{
		full:     p.From,
		presence: presenceOf(p.Show),
		status:   cleanName(p.Status),
		priority: p.Priority,
		order:    c.presences,
		software: software,
	}
	c.trouble = WhyNone
	c.invites.from = jid.JID{} // it may be another connection, and what was answered before is lost
	c.touch()
	if wasOffline {
		c.invited, c.silent = time.Time{}, false
		c.cameOnline()
	}
	c.stirred()
}

func (c *conversation) unavailable(from jid.JID) {
	if from.Resourcepart() == "" {
		clear(c.resources)
	} else {
		delete(c.resources, from.Resourcepart())
	}
	if !c.there(c.heard) {
		c.heard = jid.JID{}
	}
	if len(c.resources) == 0 {
		c.typing.stop()
		c.breakExchange() // nobody is left to answer
		c.noAnswer, c.silent = false, false
	}
	if full, ok := c.tags[c.otrPeer().Tag]; ok && !c.there(full) {
		c.doubt() // when it comes back it may have forgotten the session
	}
	c.touch()
}

func presenceOf(show string) Presence {
	switch show {
	case "chat":
		return PresenceChatty
	case "away":
		return PresenceAway
	case "xa":
		return PresenceLongAway
	case "dnd":
		return PresenceBusy
	}
	return PresenceOnline
}

// there tells whether a client of the contact is known to be online.
func (c *conversation) there(full jid.JID) bool {
	r, ok := c.resources[full.Resourcepart()]
	return ok && r.full.Equal(full)
}

// best is the client to write to: the one last heard from while it is there (XEP-0296), else that with the highest priority, of those
// the one heard from last.
func (c *conversation) best() (resource, bool) {
	if c.there(c.heard) {
		return c.resources[c.heard.Resourcepart()], true
	}
	if len(c.resources) == 0 {
		return resource{}, false
	}
	return slices.MaxFunc(slices.Collect(maps.Values(c.resources)), func(x, y resource) int {
		return cmp.Or(cmp.Compare(x.priority, y.priority), cmp.Compare(x.order, y.order))
	}), true
}

// target is where a stanza goes that is not for a certain client: the best one, or all of them when nothing is known of any.
func (c *conversation) target() jid.JID {
	if r, ok := c.best(); ok {
		return r.full
	}
	return c.address
}

// away tells that the contact is known to be offline. Of somebody whose presence we may not see, or do not see because we are invisible,
// nothing is known.
func (c *conversation) away() bool {
	return len(c.resources) == 0 && c.subscription().sees() && !c.account.invisible()
}
