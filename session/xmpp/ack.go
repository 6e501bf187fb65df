package xmpp

import (
	"cmp"
	"strconv"
	"time"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

// A pulse says when to ask the server for a sign of life, and how long it may take. Together they bound how long a
// dead line goes unnoticed: 40 seconds, when all is quiet.
type pulse struct {
	idle   time.Duration // silence that makes us ask
	answer time.Duration // silence after asking that means dead
}

func (c *Config) beats() pulse {
	switch {
	case c.pulse != pulse{}:
		return c.pulse
	case c.Proxy.Kind == Tor: // where an answer takes longer
		return pulse{idle: 19 * time.Second, answer: 20 * time.Second}
	}
	return pulse{idle: 29 * time.Second, answer: 10 * time.Second}
}

// askAfter is how long after a message the server is asked whether it has it, and those that were sent meanwhile. With a
// question that comes along it has to deal before the message goes on its way.
const askAfter = 100 * time.Millisecond

// A ledger remembers what the server has not acknowledged. Stanzas are numbered as XEP-0198 numbers them, from
// <enable/> on and modulo 2^32; where the server has no acknowledgements, a ping stands for a question, and its answer
// acknowledges what was sent before it: servers read a stream in order.
type ledger struct {
	sent    uint32
	waiting []waiting
	asked   time.Time     // when the question was sent that waits longest; zero for none
	upTo    uint32        // what the newest question covers
	within  time.Duration // how soon it is to be answered; zero: as the pulse says
	settled chan struct{}
	due     time.Time // when to ask about what was sent since the last question; zero: not
}

type waiting struct {
	number uint32
	id     string
}

// ask notes that a question goes out, to be answered within a time, or zero for the usual one. One that waits for its answer already is not
// put off by it: the network may change several times while the line is dead.
func (l *ledger) ask(now time.Time, within, usual time.Duration) {
	if !l.asked.IsZero() && (within == 0 || !now.Add(within).Before(l.asked.Add(cmp.Or(l.within, usual)))) {
		return
	}
	l.asked, l.within = now, within
}

// agreeOn notes the answer to <enable/>, which is given once: from now on stanzas are written, and counted.
func (c *Conn) agreeOn(acks bool) {
	select {
	case <-c.agreed:
		return
	default:
	}
	c.mu.Lock()
	c.facts.Acks = acks
	c.ledger.asked = time.Time{}
	c.mu.Unlock()
	close(c.agreed)
}

// Probe asks for a sign of life at once, because something happened that lines do not always survive: the computer slept,
// or the network changed. Without an answer within the time given the line counts as dead.
func (c *Conn) Probe(within time.Duration) {
	c.queue(outgoing{question: true, within: within})
}

// put writes one thing and enters it in the ledger first, since the answer may be quicker than our return.
func (c *Conn) put(o outgoing) error {
	c.mu.Lock()
	l := &c.ledger
	if o.stanza {
		l.sent++
		if o.id != "" {
			l.waiting = append(l.waiting, waiting{l.sent, o.id})
		}
	}
	if o.wonder && l.due.IsZero() {
		l.due = time.Now().Add(askAfter)
	}
	if o.question {
		l.due = time.Time{}
		l.ask(time.Now(), o.within, c.pulse.answer)
		if c.facts.Acks {
			o.xml += mustXML(stream.New(nsAcks, "r"))
		} else {
			o.xml += c.addPing(l.sent)
		}
		l.upTo = l.sent
		if o.settled != nil {
			l.settled = o.settled
		}
	}
	c.mu.Unlock()
	_, err := c.client.SendOrg(o.xml)
	return err
}

// acked reads the h of <a/>.
func (c *Conn) acked(h string) error {
	n, err := strconv.ParseUint(h, 10, 32)
	if err != nil || !c.facts.Acks {
		return &Error{Kind: BrokenStream, Detail: "an acknowledgement without a count"}
	}
	return c.settle(uint32(n))
}

// settle notes that the server has everything up to and with number.
func (c *Conn) settle(number uint32) error {
	c.mu.Lock()
	l := &c.ledger
	if after(number, l.sent) {
		c.mu.Unlock()
		return &Error{Kind: BrokenStream, Detail: "the server acknowledges more than was sent"}
	}
	if after(l.upTo, number) {
		l.asked = time.Now() // the newest question is still open
	} else {
		l.asked, l.within = time.Time{}, 0
	}
	var done []string
	for len(l.waiting) > 0 && !after(l.waiting[0].number, number) {
		done = append(done, l.waiting[0].id)
		l.waiting = l.waiting[1:]
	}
	if l.settled != nil && l.asked.IsZero() {
		close(l.settled)
		l.settled = nil
	}
	c.mu.Unlock()
	for _, id := range done {
		if err := c.pass(delivery{event: &Acked{ID: id}}); err != nil {
			return err
		}
	}
	return nil
}

// after reports whether a comes after b in counting modulo 2^32.
func after(a, b uint32) bool { return int32(a-b) > 0 }

// answerAck answers <r/> with the number of stanzas whose events were taken.
func (c *Conn) answerAck() error {
	c.mu.Lock()
	h, agreed := c.received, c.facts.Acks
	c.mu.Unlock()
	if !agreed {
		return nil
	}
	return c.queue(outgoing{xml: mustXML(stream.New(nsAcks, "a", "h", strconv.FormatUint(uint64(h), 10)))})
}

// untilBeat is how long until the server must be asked about what was sent, or the pulse looked at.
func (c *Conn) untilBeat() time.Duration {
	c.mu.Lock()
	due := c.ledger.due
	c.mu.Unlock()
	wait := c.untilPulse()
	if !due.IsZero() {
		wait = min(wait, max(0, time.Until(due)))
	}
	return wait
}

// untilPulse is how long until the pulse must be looked at again.
func (c *Conn) untilPulse() time.Duration {
	c.mu.Lock()
	asked, within := c.ledger.asked, cmp.Or(c.ledger.within, c.pulse.answer)
	c.mu.Unlock()
	heard := *c.guard.heard.Load() // something was, during the login
	switch {
	case asked.IsZero():
		return max(0, time.Until(heard.Add(c.pulse.idle)))
	case heard.After(asked):
		// The answer may be behind much else on a slow line; what comes shows that somebody is there.
		asked = heard
	}
	return max(0, time.Until(asked.Add(within)))
}

// beat asks about what was sent when it is time, asks for a sign of life, or declares the line dead when one was asked
// for and did not come. While the reader is held up by a receiver that takes no events, an answer may have come and not
// been read yet; and when it is late itself, the program was stopped or had no time, and the reader neither.
func (c *Conn) beat(late time.Duration) error {
	busy := c.blocked.Load() // before the clock is looked at: pass sets them in the other order
	if c.untilPulse() > 0 {
		if c.untilBeat() > 0 {
			return nil
		}
		return c.put(outgoing{question: true})
	}
	c.mu.Lock()
	l := &c.ledger
	waiting := !l.asked.IsZero()
	excused := waiting && (busy || late > max(cmp.Or(l.within, c.pulse.answer)/2, tolerance))
	if excused {
		l.asked = time.Now()
	}
	c.mu.Unlock()
	switch {
	case !waiting:
		return c.put(outgoing{question: true})
	case excused:
		return nil
	}
	return &Error{Kind: Unreachable, Detail: "the server does not answer"}
}

// tolerance is how late timers may be on a machine that is only busy.
const tolerance = 100 * time.Millisecond

// addPing makes a ping of our server (XEP-0199) whose answer, of whatever kind, settles the ledger up to number. The
// caller holds c.mu.
func (c *Conn) addPing(number uint32) (xml string) {
	id := NewID()
	c.requests[id] = &request{to: c.server, answered: func(*stream.Element) error { return c.settle(number) }}
	return mustXML(newIQ("get", id, c.server).Add(stream.New(nsPing, "ping")))
}
