package xmpp

import (
	"context"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

const nsRoster = "jabber:iq:roster"

// rosterLimits let a roster of ten thousand contacts pass, which comes as one stanza.
var rosterLimits = stream.Limits{Bytes: 8 << 20, Depth: 8, Attributes: 16, Elements: 60000}

// Roster asks the server for the contacts (RFC 6121 section 2.1.3). Changes follow as RosterPush events; one that
// overtakes the answer can come as an event first. A refusal is a *StanzaError.
func (c *Conn) Roster(ctx context.Context) ([]RosterItem, error) {
	answer, err := c.ask(ctx, "get", stream.New(nsRoster, "query"), rosterLimits)
	if err != nil {
		return nil, err
	}
	query := answer.Child(nsRoster, "query")
	if query == nil {
		return nil, nil
	}
	var items []RosterItem
	for _, child := range query.Children {
		if item, ok := rosterItem(child); ok {
			items = append(items, item)
			c.noteContact(item)
		}
	}
	return items, nil
}

// SetContact adds a contact to the roster or changes its name and groups (RFC 6121 sections 2.3 and 2.4).
func (c *Conn) SetContact(ctx context.Context, item RosterItem) error {
	e := stream.New(nsRoster, "item", "jid", item.JID.Bare().String(), "name", item.Name)
	for _, group := range item.Groups {
		e.Add(stream.New(nsRoster, "group").WithText(group))
	}
	_, err := c.ask(ctx, "set", stream.New(nsRoster, "query").Add(e), stream.Limits{})
	return err
}

// RemoveContact takes a contact off the roster and ends both subscriptions (RFC 6121 section 2.5).
func (c *Conn) RemoveContact(ctx context.Context, contact jid.JID) error {
	e := stream.New(nsRoster, "item", "jid", contact.Bare().String(), "subscription", "remove")
	_, err := c.ask(ctx, "set", stream.New(nsRoster, "query").Add(e), stream.Limits{})
	return err
}

// rosterPush takes a change of the roster. The caller has checked that our own account sent it (RFC 6121 section
// 2.1.6): anybody else could add themselves.
func (c *Conn) rosterPush(id string, from jid.JID, query *stream.Element) error {
	if len(query.Children) == 1 {
		if item, ok := rosterItem(query.Children[0]); ok {
			c.noteContact(item)
			if err := c.pass(delivery{event: &RosterPush{Item: item}}); err != nil {
				return err
			}
		}
	}
	return c.reply(id, from, nil)
}

// noteContact remembers who may see our presence.
func (c *Conn) noteContact(item RosterItem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if item.Subscription == "from" || item.Subscription == "both" {
		c.sees[item.JID.String()] = true
	} else {
		delete(c.sees, item.JID.String())
	}
}

func rosterItem(e *stream.Element) (RosterItem, bool) {
	if !e.Is(nsRoster, "item") {
		return RosterItem{}, false
	}
	contact, err := jid.Parse(e.Attr("jid"))
	if err != nil {
		return RosterItem{}, false
	}
	item := RosterItem{JID: contact.Bare(), Name: e.Attr("name"), Subscription: e.Attr("subscription"),
		Ask: e.Attr("ask") == "subscribe"}
	if item.Subscription == "" {
		item.Subscription = "none" // RFC 6121 section 2.1.2.5
	}
	for _, child := range e.Children {
		if child.Is(nsRoster, "group") && child.Text != "" {
			item.Groups = append(item.Groups, child.Text)
		}
	}
	return item, true
}
