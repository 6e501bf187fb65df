package session

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

// maxBlocked bounds the list of blocked addresses that is kept in memory.
const maxBlocked = 20_000

// BlockedChanged carries the addresses that an account blocks, sorted. Each is a bare address, as a rule; other programs also block
// whole domains and single clients.
type BlockedChanged struct {
	Account   string
	Addresses []string
	CanBlock  bool // the server can block (XEP-0191)
	Trouble   Why  // why the last Block or Unblock could not be done
}

func (BlockedChanged) event() {}

// ErrCannotBlock is what Block and Unblock return where the account's server has no blocking.
var ErrCannotBlock = errors.New("session: the server cannot block")

// Block has the server keep everything of a contact or a stranger from the person, and the person from them: they see us as offline and
// are not told why (XEP-0191). A private conversation ends politely first, and a request is declined. Who is blocked and not on the
// roster disappears from the list; BlockedChanged names them. Without a connection it is done at the next signing in.
func (s *Session) Block(r Ref) error {
	return s.setBlocked(r, func(a *account, address jid.JID) { a.block(address) })
}

// Unblock takes Block back. r.Contact is an address of BlockedChanged.
func (s *Session) Unblock(r Ref) error {
	return s.setBlocked(r, func(a *account, address jid.JID) { a.unblock(address) })
}

func (s *Session) setBlocked(r Ref, f func(*account, jid.JID)) error {
	address, err := jid.Parse(r.Contact)
	if err != nil {
		return &AddressError{AddressMalformed}
	}
	err = ErrUnknown
	if a, ok := s.account(r.Account); ok {
		a.ask(func() {
			if err = nil; a.blocking.refused && a.online() {
				err = ErrCannotBlock
				return
			}
			f(a, address)
		})
	}
	return err
}

// blocking is what an account blocks.
type blocking struct {
	addresses map[string]bool
	known     bool // the server has told
	refused   bool // the server cannot
	trouble   Why
}

// isBlocked tells whether stanzas of an address are kept from us (XEP-0191 section 3.1 names these patterns).
func (a *account) isBlocked(address jid.JID) bool {
	if len(a.blocking.addresses) == 0 {
		return false
	}
	blocked := a.blocking.addresses
	return blocked[address.String()] || blocked[address.Bare().String()] || blocked[address.Domain().String()]
}

// loadBlocked asks the server once it has let us in.
func (a *account) loadBlocked() {
	conn := a.conn
	var blocked []jid.JID
	a.background(requestTimeout, func(ctx context.Context) (err error) {
		blocked, err = conn.Blocked(ctx)
		return err
	}, func(err error) {
		if a.conn != conn {
			return
		}
		if err != nil {
			// Who asks for it and is refused learns it then; what was known to be blocked stays so.
			a.blocking.refused = errors.As(err, new(*xmpp.StanzaError))
			a.tellBlocked()
			return
		}
		a.blocking.addresses = map[string]bool{}
		a.blocking.known, a.blocking.refused = true, false
		a.nowBlocked(blocked)
	})
}

// blockPush takes a change of the list; that it is from our own server was checked below.
func (a *account) blockPush(p *xmpp.BlockPush) {
	if p.Cleared {
		clear(a.blocking.addresses)
	}
	for _, address := range p.Unblocked {
		delete(a.blocking.addresses, address.String())
	}
	a.nowBlocked(p.Blocked)
	if p.Cleared || len(p.Unblocked) > 0 {
		a.touchAll()
	}
}

// nowBlocked adds to the list. Of who is blocked nothing is shown as if it were still coming.
func (a *account) nowBlocked(addresses []jid.JID) {
	if a.blocking.addresses == nil {
		a.blocking.addresses = map[string]bool{}
	}
	for _, address := range addresses {
		if len(a.blocking.addresses) < maxBlocked {
			a.blocking.addresses[address.String()] = true
		}
	}
	for _, c := range a.conversations {
		if c.blocked() {
			c.nowBlocked()
		}
	}
	a.tellBlocked()
}

func (a *account) tellBlocked() {
	a.session.emit(BlockedChanged{
		Account:   a.ref(),
		Addresses: slices.Sorted(maps.Keys(a.blocking.addresses)),
		CanBlock:  a.blocking.known && !a.blocking.refused,
		Trouble:   a.blocking.trouble,
	})
}

func (c *conversation) blocked() bool { return c.account.isBlocked(c.address) }

// nowBlocked is what the server does not tell us: to who is blocked we are offline, and they to us.
func (c *conversation) nowBlocked() {
	c.wants, c.request = false, ""
	clear(c.resources)
	c.heard = jid.JID{}
	c.typing.stop()
	c.stopExchange()
	c.touch()
	if !c.onRoster && c.waiting() == 0 {
		c.account.forgetConversation(c)
	}
}

// block is Block on the account's goroutine.
func (a *account) block(address jid.JID) {
	a.whenOnline(func() {
		if c, ok := a.conversations[address.Bare().String()]; ok && address.Resourcepart() == "" {
			c.endPolitely()
			if c.wants {
				c.wants = false
				c.presenceOut(xmpp.Unsubscribed) // or the server would ask again once they are unblocked
			}
		}
		a.changeBlocked(func(ctx context.Context, conn line) error { return conn.Block(ctx, address) }, func() {
			a.nowBlocked([]jid.JID{address}) // the push says the same, on most servers
		})
	})
}

func (a *account) unblock(address jid.JID) {
	a.whenOnline(func() {
		a.changeBlocked(func(ctx context.Context, conn line) error { return conn.Unblock(ctx, address) }, func() {
			a.blockPush(&xmpp.BlockPush{Unblocked: []jid.JID{address}})
		})
	})
}

// changeBlocked asks the server for a change, and again after the next signing in where there was no answer.
func (a *account) changeBlocked(work func(context.Context, line) error, done func()) {
	conn := a.conn
	a.background(requestTimeout, func(ctx context.Context) error { return work(ctx, conn) }, func(err error) {
		var refusal *xmpp.StanzaError
		switch {
		case errors.As(err, &refusal):
			a.blocking.trouble = whyOf(err)
			a.tellBlocked()
		case err != nil:
			if len(a.later) < maxLater {
				a.later = append(a.later, func() { a.changeBlocked(work, done) })
			}
		default:
			a.blocking.trouble = WhyNone
			done()
		}
	})
}
