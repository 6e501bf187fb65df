package server

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"mellium.im/xmpp/jid"
)

// presence routes by RFC 6121, sections 3 and 4.
func (h *hub) presence(l *link, e *stream.Element, to jid.JID) {
	kind := e.Attr("type")
	if e.Attr("to") == "" {
		switch kind {
		case "":
			h.available(l, e)
		case "unavailable":
			if l.presence != nil {
				h.broadcast(l, e)
				l.presence = nil
			}
		}
		return
	}
	other := h.accounts[to.Bare().String()]
	switch kind {
	case "subscribe", "subscribed", "unsubscribe", "unsubscribed":
		switch {
		case to.Domain().String() != h.domain.String():
			l.refuse(e, "cancel", "remote-server-not-found")
		case to.Bare().Equal(l.account.address):
			l.refuse(e, "modify", "bad-request")
		case other == nil && kind == "subscribe":
			h.unknown(l, e, to.Bare())
		case other != nil:
			h.subscription(l.account, other, e)
		}
	case "", "unavailable": // directed presence, RFC 6121 4.6
		if other == nil {
			return
		}
		if receiver := other.links[to.String()]; receiver != nil {
			receiver.send(e)
		} else if to.Resourcepart() == "" {
			other.tellAvailable(e)
		}
	}
}

func (h *hub) available(l *link, e *stream.Element) {
	initial := l.presence == nil
	l.presence = e
	l.priority = 0
	if p := e.Child(stream.NSClient, "priority"); p != nil {
		n, err := strconv.ParseInt(strings.TrimSpace(p.Text), 10, 8)
		if err == nil {
			l.priority = int(n)
		}
	}
	h.broadcast(l, e)
	if !initial {
		return
	}
	// What others would have answered to a probe (RFC 6121 4.3), and the requests that came meanwhile (3.1.3).
	for key, i := range l.account.roster {
		if other := h.accounts[key]; other != nil && i.to {
			for _, theirs := range other.links {
				if theirs.presence != nil {
					l.send(theirs.presence)
				}
			}
		}
	}
	for _, ours := range l.account.links {
		if ours != l && ours.presence != nil {
			l.send(ours.presence)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(l.account.asked)) {
		l.send(l.account.asked[key])
	}
}

// broadcast tells whoever may see the account, and its own clients.
func (h *hub) broadcast(l *link, e *stream.Element) {
	for key, i := range l.account.roster {
		if other := h.accounts[key]; other != nil && i.from {
			other.tellAvailable(e)
		}
	}
	l.account.tellAvailable(e)
}

func (a *account) tellAvailable(e *stream.Element) {
	for _, l := range a.links {
		if l.presence != nil {
			l.send(e)
		}
	}
}

// unknown answers a request to see somebody who does not exist, and keeps it on the roster, as servers do.
func (h *hub) unknown(l *link, e *stream.Element, to jid.JID) {
	i := l.account.item(to)
	if i == nil {
		l.refuse(e, "wait", "resource-constraint")
		return
	}
	i.ask, i.listed = true, true
	l.account.push(i)
	l.refuse(e, "cancel", "item-not-found")
}

// subscription carries a request or an answer from one account to another and changes both rosters (RFC 6121, appendix A).
func (h *hub) subscription(from, to *account, e *stream.Element) {
	kind := e.Attr("type")
	e.Set("from", from.address.String())
	e.Set("to", to.address.String())
	ours, theirs := from.item(to.address), to.item(from.address)
	if ours == nil || theirs == nil {
		return
	}
	ourKey, theirKey := to.address.String(), from.address.String()
	switch kind {
	case "subscribe":
		if ours.to {
			return
		}
		ours.ask, ours.listed = true, true
		from.push(ours)
		to.asked[theirKey] = e
		to.tellAvailable(e)
	case "unsubscribe":
		had := ours.to || ours.ask
		ours.to, ours.ask, theirs.from = false, false, false
		delete(to.asked, theirKey)
		if had {
			from.push(ours)
			to.push(theirs)
			to.tellAvailable(e)
			h.vanish(to, from)
		}
	case "subscribed":
		if from.asked[ourKey] == nil {
			return // nobody asked
		}
		delete(from.asked, ourKey)
		ours.from, ours.listed = true, true
		theirs.to, theirs.ask = true, false
		from.push(ours)
		to.tellAvailable(e)
		to.push(theirs)
		h.appear(from, to)
	case "unsubscribed":
		had := ours.from || from.asked[ourKey] != nil
		delete(from.asked, ourKey)
		ours.from, theirs.to, theirs.ask = false, false, false
		if had {
			from.push(ours)
			to.tellAvailable(e)
			to.push(theirs)
			h.vanish(from, to)
		}
	}
	from.tidy()
	to.tidy()
}

// appear shows the clients of seen to those of by; vanish takes them away.
func (h *hub) appear(seen, by *account) {
	for _, l := range seen.links {
		if l.presence != nil {
			by.tellAvailable(l.presence)
		}
	}
}

func (h *hub) vanish(seen, by *account) {
	for _, l := range seen.links {
		if l.presence != nil {
			by.tellAvailable(stream.New(stream.NSClient, "presence", "type", "unavailable", "from", l.address.String(), "to", by.address.String()))
		}
	}
}

// item is the contact's place on the roster, made when there is none; nil when the roster is full.
func (a *account) item(contact jid.JID) *item {
	if i := a.roster[contact.String()]; i != nil {
		return i
	}
	if len(a.roster) == maxRoster {
		return nil
	}
	i := &item{address: contact}
	a.roster[contact.String()] = i
	return i
}

// tidy forgets the items that say nothing.
func (a *account) tidy() {
	maps.DeleteFunc(a.roster, func(_ string, i *item) bool { return !i.listed && !i.to && !i.from && !i.ask })
}

// element is the item as a roster says it.
func (i *item) element() *stream.Element {
	subscription := "none"
	switch {
	case i.to && i.from:
		subscription = "both"
	case i.to:
		subscription = "to"
	case i.from:
		subscription = "from"
	}
	ask := ""
	if i.ask {
		ask = "subscribe"
	}
	e := stream.New(nsRoster, "item", "jid", i.address.String(), "name", i.name, "subscription", subscription, "ask", ask)
	for _, g := range i.groups {
		e.Add(stream.New(nsRoster, "group").WithText(g))
	}
	return e
}

// query is the whole roster, in order.
func (a *account) query() *stream.Element {
	q := stream.New(nsRoster, "query")
	for _, key := range slices.Sorted(maps.Keys(a.roster)) {
		if i := a.roster[key]; i.listed || i.from {
			q.Add(i.element())
		}
	}
	return q
}

// push tells the account's clients of a changed item (RFC 6121 2.1.6).
func (a *account) push(i *item) {
	if i.listed || i.from {
		a.pushElement(i.element())
	}
}

func (a *account) pushElement(e *stream.Element) {
	for _, l := range a.links {
		if l.wantsRoster {
			l.send(stream.New(stream.NSClient, "iq", "type", "set", "id", l.nextID(), "to", l.address.String()).
				Add(stream.New(nsRoster, "query").Add(e)))
		}
	}
}

// setRoster adds, changes or removes one item (RFC 6121, sections 2.3 to 2.5).
func (h *hub) setRoster(l *link, e, q *stream.Element) {
	const maxName, maxGroups = 1023, 32
	wanted := q.Child(nsRoster, "item")
	if wanted == nil || len(q.Children) != 1 {
		l.refuse(e, "modify", "bad-request")
		return
	}
	contact, err := jid.Parse(wanted.Attr("jid"))
	if err != nil || contact.Resourcepart() != "" || contact.Equal(l.account.address) || len(wanted.Attr("name")) > maxName {
		l.refuse(e, "modify", "bad-request")
		return
	}
	if wanted.Attr("subscription") == "remove" {
		h.removeItem(l, e, contact)
		return
	}
	i := l.account.item(contact)
	if i == nil || len(wanted.Children) > maxGroups {
		l.account.tidy()
		l.refuse(e, "modify", "not-acceptable")
		return
	}
	i.name, i.listed, i.groups = wanted.Attr("name"), true, nil
	for _, g := range wanted.Children {
		if g.Is(nsRoster, "group") && g.Text != "" && len(g.Text) <= maxName && !slices.Contains(i.groups, g.Text) {
			i.groups = append(i.groups, g.Text)
		}
	}
	l.account.push(i)
	l.send(result(e))
}

// removeItem also ends both subscriptions (RFC 6121 2.5.2).
func (h *hub) removeItem(l *link, e *stream.Element, contact jid.JID) {
	if l.account.roster[contact.String()] == nil {
		l.refuse(e, "cancel", "item-not-found")
		return
	}
	if other := h.accounts[contact.String()]; other != nil {
		for _, kind := range []string{"unsubscribe", "unsubscribed"} {
			h.subscription(l.account, other, stream.New(stream.NSClient, "presence", "type", kind))
		}
	}
	delete(l.account.roster, contact.String())
	l.account.pushElement(stream.New(nsRoster, "item", "jid", contact.String(), "subscription", "remove"))
	l.send(result(e))
}
