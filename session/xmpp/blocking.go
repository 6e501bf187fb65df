package xmpp

import (
	"context"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

const nsBlocking = "urn:xmpp:blocking"

// blockLimits let a long list of blocked addresses pass, which comes as one stanza.
var blockLimits = stream.Limits{Bytes: 4 << 20, Depth: 8, Attributes: 16, Elements: 30000}

// A BlockPush is a change of the list of blocked addresses (XEP-0191), made here or by another client of the account,
// checked to be from the own server.
type BlockPush struct {
	Blocked   []jid.JID
	Unblocked []jid.JID
	Cleared   bool // nobody is blocked any more
}

func (*BlockPush) event() {}

// Blocked asks the server for the blocked addresses (XEP-0191 section 3.2). Changes follow as BlockPush events. A
// server that cannot block answers with a *StanzaError.
func (c *Conn) Blocked(ctx context.Context) ([]jid.JID, error) {
	answer, err := c.ask(ctx, "get", stream.New(nsBlocking, "blocklist"), blockLimits)
	if err != nil {
		return nil, err
	}
	list := answer.Child(nsBlocking, "blocklist")
	if list == nil {
		return nil, nil
	}
	return blockItems(list), nil
}

// Block has the server keep everything of an address from us, and us from it (XEP-0191 section 3.3): to them we are
// offline. A BlockPush follows.
func (c *Conn) Block(ctx context.Context, address jid.JID) error {
	return c.setBlock(ctx, "block", address)
}

// Unblock takes Block back (XEP-0191 section 3.4). A BlockPush follows.
func (c *Conn) Unblock(ctx context.Context, address jid.JID) error {
	return c.setBlock(ctx, "unblock", address)
}

func (c *Conn) setBlock(ctx context.Context, verb string, address jid.JID) error {
	item := stream.New(nsBlocking, "item", "jid", address.String())
	_, err := c.ask(ctx, "set", stream.New(nsBlocking, verb).Add(item), stream.Limits{})
	return err
}

// blockPush takes a change of the list. The caller has checked that our own account sent it.
func (c *Conn) blockPush(id string, from jid.JID, change *stream.Element) error {
	p := &BlockPush{}
	items := blockItems(change)
	if change.Is(nsBlocking, "block") {
		p.Blocked = items
	} else {
		p.Unblocked = items
		p.Cleared = len(change.Children) == 0
	}
	if len(items) > 0 || p.Cleared {
		if err := c.pass(delivery{event: p}); err != nil {
			return err
		}
	}
	return c.reply(id, from, nil)
}

func blockItems(list *stream.Element) []jid.JID {
	var addresses []jid.JID
	for _, item := range list.Children {
		if address, err := jid.Parse(item.Attr("jid")); err == nil && item.Is(nsBlocking, "item") {
			addresses = append(addresses, address)
		}
	}
	return addresses
}
