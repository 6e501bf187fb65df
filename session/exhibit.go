package session

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
)

// This file lets a person see what deniability is: private texts as they went over the wire, the keys that authenticated them and that both
// programs publish when they are done with them, and what whoever has both can make of it. All of it is in memory, for as long as the
// program runs, and bounded: the oldest goes first.

const (
	maxExhibits     = 200     // private texts of an account that are kept for this
	maxExhibitBytes = 1 << 20 // of them, as they were on the wire
	maxPublished    = 1024    // keys of a conversation
)

// ErrNotPublished says that the key which authenticates a text has not been published, so nobody but the two can have made it.
var ErrNotPublished = errors.New("session: the key of this text has not been published")

// ErrCannotForge says that a text cannot be changed so: too little is known of what was encrypted with it.
var ErrCannotForge = errors.New("session: the text cannot be changed so")

// An Exhibit is a private text of this run of the program.
type Exhibit struct {
	Number    int
	Ours      bool
	Time      time.Time
	Text      string
	Published bool // the key that authenticates it is known to everybody on the way
}

// A Forgery is an Exhibit that was changed afterwards. Nothing of it is ever sent.
type Forgery struct {
	Text   string // what it says now
	Before string // as it was on the wire
	After  string // as it would have been
	Key    string // that was published, in hexadecimal digits
	Checks bool   // After verifies under Key, as Before does
	Bare   bool   // the change alone, without a new check sum, verifies (never)
}

type exhibit struct {
	Exhibit
	in      *conversation
	body    string
	said    []byte // what was encrypted, and
	records []otr.TLV
	mac     *otr.MACKey // that authenticates it, once it has been found among the published ones
	tried   int         // keys that are not it, counted since the conversation began
}

// exhibit keeps a private text that was sent or received.
func (c *conversation) exhibit(e exhibit) {
	if !isDataMessage(e.body) || len(e.body) > maxExhibitBytes/4 {
		return // in pieces, or out of proportion
	}
	a := c.account
	a.exhibited++
	e.in, e.Number, e.Time = c, a.exhibited, a.now()
	a.exhibits = append(a.exhibits, e)
	size := 0
	for _, x := range a.exhibits {
		size += len(x.body)
	}
	for len(a.exhibits) > maxExhibits || size > maxExhibitBytes {
		size -= len(a.exhibits[0].body)
		a.exhibits = slices.Delete(a.exhibits, 0, 1)
	}
}

func isDataMessage(body string) bool {
	return strings.HasPrefix(body, "?OTR:AAMD") || strings.HasPrefix(body, "?OTR:AAID")
}

// published notes the keys that a message publishes.
func (c *conversation) published(body string) {
	if !isDataMessage(body) {
		return
	}
	c.macs = append(c.macs, otr.PublishedMACKeys(body)...)
	if extra := len(c.macs) - maxPublished; extra > 0 {
		c.macs = slices.Delete(c.macs, 0, extra)
		c.macsGone += extra
	}
}

// heardPrivately keeps what an accepted message said and published. What is not accepted proves nothing and publishes nothing.
func (c *conversation) heardPrivately(body string, events []otr.Event) {
	for _, e := range events {
		if e, ok := e.(otr.Message); ok && e.Encrypted {
			c.exhibit(exhibit{Exhibit: Exhibit{Text: cleanIncoming(string(e.Text))}, body: body, said: slices.Clone(e.Text), records: e.TLVs})
		}
	}
	c.published(body)
}

// key is the published key that authenticates an exhibit. No key is tried twice, however often somebody looks.
func (e *exhibit) key() (otr.MACKey, bool) {
	if e.mac == nil {
		untried := e.in.macs[max(e.tried-e.in.macsGone, 0):]
		if i := slices.IndexFunc(untried, func(k otr.MACKey) bool { return k.Checks(e.body) }); i >= 0 {
			key := untried[i]
			e.mac = &key
		}
		e.tried = e.in.macsGone + len(e.in.macs)
	}
	if e.mac == nil {
		return otr.MACKey{}, false
	}
	return *e.mac, true
}

// forgetExhibits is for a conversation that is forgotten.
func (c *conversation) forgetExhibits() {
	c.account.exhibits = slices.DeleteFunc(c.account.exhibits, func(e exhibit) bool { return e.in == c })
	c.macsGone += len(c.macs)
	c.macs = nil
}

// Exhibits lists the private texts of a conversation that are still remembered, oldest first.
func (s *Session) Exhibits(r Ref) []Exhibit {
	var all []Exhibit
	_ = s.ask(r, func(c *conversation) error { // nobody there: nothing to show
		for i := range c.account.exhibits {
			if e := &c.account.exhibits[i]; e.in == c {
				_, e.Published = e.key()
				all = append(all, e.Exhibit)
			}
		}
		return nil
	})
	return all
}

// Forge makes an exhibit that says text out of the one with this number, with nothing but what the correspondent has and what everybody on
// the way could read. Its error is ErrUnknown, ErrNotPublished or ErrCannotForge.
func (s *Session) Forge(r Ref, number int, text string) (f Forgery, err error) {
	err = s.ask(r, func(c *conversation) error {
		i := slices.IndexFunc(c.account.exhibits, func(e exhibit) bool { return e.in == c && e.Number == number })
		if i < 0 {
			return ErrUnknown
		}
		e := &c.account.exhibits[i]
		key, ok := e.key()
		if !ok {
			return ErrNotPublished
		}
		after, err := key.Forge(e.body, e.said, []byte(cleanText(text)), e.records...)
		if err != nil {
			return ErrCannotForge
		}
		bare, err := otr.MACKey{}.Forge(e.body, e.said, []byte(cleanText(text)), e.records...)
		if err != nil {
			return ErrCannotForge
		}
		f = Forgery{Text: text, Before: e.body, After: after, Key: key.String(), Checks: key.Checks(after), Bare: key.Checks(bare)}
		return nil
	})
	return f, err
}
