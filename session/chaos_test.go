//go:build unix

package session

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/xmpp/chaos"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

const (
	cutsInTest   = 8 // of an exchange, spread over its bytes; SOTTO_CHAOS asks for more of them, or for "all"
	killsInTest  = 2
	killsInChaos = 200
	cleanWithin  = 5 * time.Second // of being able to sign in again, on a machine with nothing else to do
	cleanAtLast  = time.Minute     // on any machine
)

// A cutter is two people between whom the line of one breaks in the middle of things.
type cutter struct {
	t          *testing.T
	server     *xmpptest.Prosody
	proxy      *chaos.Proxy
	a, b       *person
	ahead      atomic.Int64 // how far everybody's clock was put forward
	worst      time.Duration
	late, cuts int
	byHand     int // how often somebody was asked whether to send a text again, and did
}

func newCutter(t *testing.T) *cutter {
	c := &cutter{t: t}
	c.server = xmpptest.StartProsody(t, map[string]string{"alice": "alice's password", "bob": "bob's password"})
	clock := func() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }
	c.proxy = chaos.Start(t, c.server.Addr)
	behind := *c.server
	behind.Addr = c.proxy.Addr
	c.a = realPersonAt(t, &behind, "alice", "alice's password", clock)
	c.b = realPersonAt(t, c.server, "bob", "bob's password", clock)
	c.a.until("online", c.a.online)
	c.b.until("online", c.b.online)
	if _, err := c.a.session.AddContact(c.a.jid, c.b.jid, ""); err != nil {
		t.Fatal(err)
	}
	c.b.until("a request", func() bool { return c.b.contact(c.a).Wants })
	c.b.session.Accept(c.b.ref(c.a))
	c.seeing()
	stop, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				c.hurry()
			}
		}
	}()
	return c
}

// hurry is a person who does not wait for the back-off.
func (c *cutter) hurry() {
	for _, p := range []*person{c.a, c.b} {
		p.mu.Lock()
		waiting, session := p.accounts[p.jid].State == Waiting, p.session
		p.mu.Unlock()
		if waiting {
			session.Connect(p.jid)
		}
	}
}

// seeing waits until both see each other.
func (c *cutter) seeing() {
	c.t.Helper()
	for _, p := range []*person{c.a, c.b} {
		o := c.other(p)
		p.until("seeing the other", func() bool {
			v := p.contact(o)
			return p.online() && v.Subscription == SubscriptionBoth && v.Presence == PresenceOnline
		})
	}
}

func (c *cutter) other(p *person) *person {
	if p == c.a {
		return c.b
	}
	return c.a
}

// apart brings both back to where there is no private conversation.
func (c *cutter) apart() {
	c.t.Helper()
	for _, p := range []*person{c.a, c.b} {
		p.session.EndPrivate(p.ref(c.other(p)))
	}
	for _, p := range []*person{c.a, c.b} {
		o := c.other(p)
		p.session.EndPrivate(p.ref(o))
		p.until("no private conversation", func() bool { return p.contact(o).Lock == NotPrivate && !p.contact(o).Starting })
	}
}

// together makes a private conversation.
func (c *cutter) together() {
	c.t.Helper()
	c.a.session.StartPrivate(c.a.ref(c.b))
	for _, p := range []*person{c.a, c.b} {
		o := c.other(p)
		p.until("a private conversation", func() bool {
			v := p.contact(o)
			return v.Lock != NotPrivate && v.Lock != FinishedLock && v.SendMode == SendPrivately
		})
	}
}

// again signs alice in anew and returns how many bytes that took in each direction.
func (c *cutter) again() (bytes [2]int64) {
	c.t.Helper()
	before := [2]int64{c.proxy.Passed(chaos.Up), c.proxy.Passed(chaos.Down)}
	c.a.session.Disconnect(c.a.jid)
	c.a.until("offline", func() bool { return c.a.accounts[c.a.jid].State == Offline })
	c.proxy.Cut() // what is left of the old connection
	before = [2]int64{c.proxy.Passed(chaos.Up), c.proxy.Passed(chaos.Down)}
	c.a.session.Connect(c.a.jid)
	c.a.until("online", c.a.online)
	c.seeing()
	return [2]int64{c.proxy.Passed(chaos.Up) - before[0], c.proxy.Passed(chaos.Down) - before[1]}
}

// recover waits until a text goes through privately, whatever happened before, and notes how long that took since the line was back.
func (c *cutter) recover(x string, id EntryID, began time.Time) {
	c.t.Helper()
	late := time.After(cleanAtLast)
	clean := func() bool {
		c.b.mu.Lock()
		heard := count(c.b.heard(), x)
		c.b.mu.Unlock()
		c.a.mu.Lock()
		defer c.a.mu.Unlock()
		v := c.a.contact(c.b)
		return heard == 1 && c.a.entries[id].Status == StatusDelivered && v.SendMode == SendPrivately && !v.Starting
	}
	for !clean() {
		c.a.mu.Lock()
		moved, doubtful := c.a.moved, c.a.online() && c.a.entries[id].Status == StatusUnconfirmed
		c.a.mu.Unlock()
		if doubtful {
			// It went out in a session that the other side never had, as the last message of the exchange was lost: the person is told
			// that it may not have arrived.
			c.a.session.Retry(c.a.ref(c.b), id)
			c.byHand++
		}
		select {
		case <-moved:
		case <-time.After(100 * time.Millisecond):
		case <-late:
			c.a.mu.Lock()
			defer c.a.mu.Unlock()
			c.b.mu.Lock()
			defer c.b.mu.Unlock()
			c.t.Fatalf("no clean state after %v:\n%+v\n%+v\n%s\n\n%+v\n%s", cleanAtLast, c.a.accounts, c.a.contact(c.b), strings.Join(c.a.lines(), "\n"),
				c.b.contact(c.a), strings.Join(c.b.lines(), "\n"))
		}
	}
	took := time.Since(began)
	c.ahead.Add(int64(10 * time.Second)) // nobody may begin more than maxBegun exchanges in a minute
	c.worst = max(c.worst, took)
	c.cuts++
	if took > cleanWithin {
		c.late++
		c.t.Logf("a clean state only after %v", took)
	}
}

// points are where an exchange of n bytes is cut.
func points(n int64, sample int) (at []int64) {
	if os.Getenv("SOTTO_CHAOS") == "all" {
		sample = int(n)
	} else if s, err := strconv.Atoi(os.Getenv("SOTTO_CHAOS")); err == nil {
		sample = s
	}
	for i := range int64(sample) {
		at = append(at, n*i/int64(sample))
	}
	return slices.Compact(at)
}

// The line breaks at some byte of a key exchange, in either direction. What was typed goes through as soon as the line is back, privately
// and once.
func TestChaosKeyExchange(t *testing.T) {
	c := newCutter(t)
	c.apart()
	login := c.again()
	before := [2]int64{c.proxy.Passed(chaos.Up), c.proxy.Passed(chaos.Down)}
	c.together()
	sizes := [2]int64{c.proxy.Passed(chaos.Up) - before[0], c.proxy.Passed(chaos.Down) - before[1]}
	t.Logf("a login has about %d and %d bytes, a key exchange %d and %d", login[0], login[1], sizes[0], sizes[1])
	for i, direction := range []chaos.Direction{chaos.Up, chaos.Down} {
		for _, at := range points(sizes[i], cutsInTest/2) {
			c.apart()
			c.proxy.CutAfter(direction, login[i]+at)
			c.again()
			x := canary()
			id := c.a.write(c.b, x)
			c.recover(x, id, time.Now())
		}
	}
	c.finish()
}

// The line breaks at some byte of a verification. It ends on both sides, and the next one succeeds.
func TestChaosVerification(t *testing.T) {
	c := newCutter(t)
	ask := func() (asked bool) {
		c.ahead.Add(int64(time.Hour)) // nobody is shown more than a few questions in an hour
		return c.a.session.Ask(c.a.ref(c.b), c.a.key(c.b), "where?", []byte("here")) == nil
	}
	running := func(p *person) bool { return p.run().Stage == SMPWaiting || p.run().Stage == SMPNeedsAnswer }
	// goOn has bob answer whatever he is asked, until nobody waits any more or for a while.
	goOn := func(limit time.Duration) (ended bool) {
		for deadline := time.Now().Add(limit); (running(c.a) || running(c.b)) && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if b := c.b.run(); b.Stage == SMPNeedsAnswer {
				c.b.session.Answer(c.b.ref(c.a), b.Number, []byte("here"))
			}
		}
		return !running(c.a) && !running(c.b)
	}
	verify := func() bool { return ask() && goOn(cleanAtLast) && c.a.run().Stage == SMPSucceeded }
	c.together()
	login := c.again()
	c.together()
	before := [2]int64{c.proxy.Passed(chaos.Up), c.proxy.Passed(chaos.Down)}
	if !verify() {
		t.Fatalf("%+v", c.a.run())
	}
	sizes := [2]int64{c.proxy.Passed(chaos.Up) - before[0], c.proxy.Passed(chaos.Down) - before[1]}
	t.Logf("a verification has about %d and %d bytes", sizes[0], sizes[1])
	for i, direction := range []chaos.Direction{chaos.Up, chaos.Down} {
		for _, at := range points(sizes[i], cutsInTest/2) {
			exchange := [2]int64{4000, 3000}[i] // about; the points are spread anyway
			c.proxy.CutAfter(direction, login[i]+exchange+at)
			c.again()
			x := canary()
			id := c.a.write(c.b, x)
			c.recover(x, id, time.Now())
			if ask() {
				goOn(time.Second)
			}
			y := canary()
			id = c.a.write(c.b, y)
			c.recover(y, id, time.Now())
			if !goOn(cleanAtLast) {
				t.Errorf("the verification does not end: %+v %+v", c.a.run(), c.b.run())
			}
		}
	}
	c.again()
	c.together()
	if !verify() {
		t.Errorf("after all: %+v", c.a.run())
	}
	c.finish()
}

// The server is killed while a key exchange goes on, somewhere.
func TestChaosServerKilled(t *testing.T) {
	c := newCutter(t)
	kills := killsInTest
	if os.Getenv("SOTTO_CHAOS") != "" {
		kills = killsInChaos
	}
	for i := range kills {
		c.apart()
		c.a.session.StartPrivate(c.a.ref(c.b))
		x := canary()
		id := c.a.write(c.b, x)
		time.Sleep(time.Duration(i) * 20 * time.Millisecond / time.Duration(kills)) // a key exchange takes about so long
		c.server.Kill()
		c.server.Start(c.t)
		began := time.Now()
		c.b.session.Connect(c.b.jid)
		c.recover(x, id, began)
	}
	c.finish()
}

// finish says what came of it.
func (c *cutter) finish() {
	c.t.Logf("%d cuts, a clean state after %v at most, %d times after more than %v, %d times by sending again by hand", c.cuts,
		c.worst.Round(time.Millisecond), c.late, cleanWithin, c.byHand)
	if wire := c.server.Wire(); strings.Contains(wire, "canary-") || !strings.Contains(wire, "?OTR:") {
		c.t.Error("a text is readable on the wire, or there is none")
	}
}
