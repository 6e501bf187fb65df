package session

import "time"

// A contact can change thousands of times in a second: somebody's program may be broken, or somebody may mean it. What is told of it costs
// more than what came, here and in the window. So changes of one contact are told at once as long as there are not too many, and after that
// only now and then, each time as things are by then. Texts and notices are not held back by this, nor is what becomes of the next text.
const (
	toldAtOnce = 300                    // changes of a contact, after which
	toldEvery  = 100 * time.Millisecond // one is told
)

// A pace is how far what was told of a contact is ahead of what may be. The zero pace is that of one of whom nothing was told lately.
type pace struct {
	next    time.Time // as if one had been told every toldEvery
	waiting bool      // for tooSoon to say no again
}

// tooSoon tells how long the next change has to wait, and counts it when it has not.
func (p *pace) tooSoon(now time.Time) (wait time.Duration) {
	if p.next.Before(now) {
		p.next = now
	}
	if wait = p.next.Sub(now) - toldAtOnce*toldEvery; wait > 0 {
		return wait
	}
	p.next = p.next.Add(toldEvery)
	return 0
}

// settleAll tells which contacts have changed, except those of whom it is too soon.
func (a *account) settleAll() {
	for c := range a.changed {
		if !c.urgent() {
			if c.pace.waiting {
				continue
			}
			if wait := c.pace.tooSoon(time.Now()); wait > 0 {
				c.pace.waiting = true
				a.after(wait, func() { c.pace.waiting = false }) // what is carried out is followed by settle
				continue
			}
		}
		delete(a.changed, c)
		c.settle()
	}
}

// urgent tells that the person sees something else than what would happen to a text.
func (c *conversation) urgent() bool { return c.lock() != c.last.Lock || c.mode() != c.last.SendMode }
