//go:build unix

package session

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
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
	pairsInChaos = 8 // of people who are cut at a time, as most of it is waiting
	coarsely     = 8 // only at every so-many-th byte on the line of who did not begin
	sparePairs   = 8
	spareBytes   = 64 // exchanges are not all equally long: so many more are cut
	killsInTest  = 2
	killsInChaos = 200
	cleanWithin  = 5 * time.Second  // of being able to sign in again, on a machine with nothing else to do
	cleanAtLast  = time.Minute      // on any machine
	hesitates    = 2 * time.Second  // somebody who is asked whether to send something again
	untilBegun   = 10 * time.Second // nobody may begin more than maxBegun exchanges in a minute
)

// severely tells how many cuts SOTTO_CHAOS asks for, of n that are possible.
func severely(n, sample int) int {
	if s, err := strconv.Atoi(os.Getenv("SOTTO_CHAOS")); err == nil {
		return min(n, s)
	}
	if os.Getenv("SOTTO_CHAOS") != "" {
		return n
	}
	return sample
}

// A cut is a place where a line breaks: whose line, which direction, and after how many bytes of what goes on.
type cut struct {
	line      int
	direction chaos.Direction
	after     int64
}

// cuts are a sample of all places in something of which so many bytes pass on each line and in each direction.
func cuts(passed [2][2]int64, sample int) (all []cut) {
	for line, directions := range passed {
		for direction, n := range directions {
			for i := int64(0); i < n+spareBytes; i += []int64{1, coarsely}[line] {
				all = append(all, cut{line, chaos.Direction(direction), i})
			}
		}
	}
	n := severely(len(all), sample)
	for i := range n {
		all[i] = all[len(all)*i/n]
	}
	return all[:n]
}

// A tally is what all cuts together came to.
type tally struct {
	cuts, late, byHand, afterwards atomic.Int64 // afterwards: all was said when the line broke
	again                          atomic.Int64 // verifications that were interrupted, and succeeded when they were asked for again
	worst                          atomic.Int64 // nanoseconds
}

// A cutter is two people between whom lines break in the middle of things.
type cutter struct {
	t      *testing.T
	server *xmpptest.Prosody
	ways   [2]*chaos.Proxy // a's and b's
	a, b   *person
	ahead  atomic.Int64 // how far their clocks were put forward
	tally  *tally
	at     cut // the one under way
}

const chaosPassword = "password of chaos"

// newCutter has the pair with this number sign in.
func newCutter(t *testing.T, server *xmpptest.Prosody, number int, tally *tally) *cutter {
	c := &cutter{t: t, server: server, tally: tally}
	clock := func() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }
	for i, p := range []**person{&c.a, &c.b} {
		c.ways[i] = chaos.Start(t, server.Addr)
		behind := *server
		behind.Addr = c.ways[i].Addr
		*p = realPersonAt(t, &behind, fmt.Sprint([]string{"alice", "bob"}[i], number), chaosPassword, clock)
	}
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

// chaosServer is a server with accounts for so many pairs.
func chaosServer(t *testing.T, pairs int) *xmpptest.Prosody {
	accounts := map[string]string{}
	for i := range pairs {
		accounts[fmt.Sprint("alice", i)], accounts[fmt.Sprint("bob", i)] = chaosPassword, chaosPassword
	}
	return xmpptest.StartProsody(t, accounts, xmpptest.OnlyWarnings)
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

// together makes a private conversation, where there is none.
func (c *cutter) together() {
	c.t.Helper()
	if c.is(SendPrivately) {
		return // fresh keys would be on their way when this is over
	}
	c.a.session.StartPrivate(c.a.ref(c.b))
	for _, p := range []*person{c.a, c.b} {
		o := c.other(p)
		p.until("a private conversation", func() bool {
			v := p.contact(o)
			return v.Lock != NotPrivate && v.Lock != FinishedLock && v.SendMode == SendPrivately
		})
	}
}

// passed is how many bytes went over both lines so far, by line and direction.
func (c *cutter) passed() (n [2][2]int64) {
	for line, way := range c.ways {
		n[line] = [2]int64{way.Passed(chaos.Up), way.Passed(chaos.Down)}
	}
	return n
}

// took is how many bytes passed while something was done.
func (c *cutter) took(do func()) (n [2][2]int64) {
	before := c.passed()
	do()
	for line, now := range c.passed() {
		for direction := range now {
			n[line][direction] = now[direction] - before[line][direction]
		}
	}
	return n
}

// forget lets go of what the people have told so far, of which thousands of cuts bring a lot.
func (c *cutter) forget() {
	for _, p := range []*person{c.a, c.b} {
		p.mu.Lock()
		p.entries, p.order, p.events, p.stages = map[EntryID]Entry{}, nil, nil, nil
		p.mu.Unlock()
	}
}

// breaks cuts a line when so many bytes have passed on it, and does what is to be broken. Where all was done by then the line breaks after it.
func (c *cutter) breaks(at cut, do func()) {
	c.t.Helper()
	way := c.ways[at.line]
	made, cuts := way.Made(), way.Cuts()
	way.CutIn(at.direction, at.after)
	do()
	c.tally.cuts.Add(1)
	if way.Cuts() == cuts {
		c.tally.afterwards.Add(1)
		way.Cut()
	}
	p := []*person{c.a, c.b}[at.line]
	p.until("signed in again", func() bool { return way.Made() > made && p.online() })
}

// through waits until what p wrote has come through, privately and once, whatever happened before, and notes how long that took.
func (c *cutter) through(p *person, text string, id EntryID, began time.Time) {
	c.t.Helper()
	o := c.other(p)
	late := time.After(cleanAtLast)
	clean := func() bool {
		o.mu.Lock()
		heard, theirs := count(o.heard(), text), o.contact(p)
		o.mu.Unlock()
		p.mu.Lock()
		defer p.mu.Unlock()
		ours, status := p.contact(o), p.entries[id].Status
		// Where the confirmation is what was lost, the server has it.
		return heard == 1 && (status == StatusDelivered || status == StatusStored) && rightly(ours) && rightly(theirs) &&
			!ours.Starting && !theirs.Starting
	}
	var doubt time.Time // since when the person is asked whether to send it again
	for !clean() {
		p.mu.Lock()
		moved, doubtful := p.moved, p.online() && p.entries[id].Status == StatusUnconfirmed
		p.mu.Unlock()
		switch {
		case !doubtful:
			doubt = time.Time{}
		case doubt.IsZero():
			doubt = time.Now()
		case time.Since(doubt) > hesitates:
			p.session.Retry(p.ref(o), id)
			c.tally.byHand.Add(1)
			doubt = time.Time{}
		}
		select {
		case <-moved:
		case <-time.After(20 * time.Millisecond):
		case <-late:
			c.t.Fatalf("no clean state after %v:\n%s", cleanAtLast, c.story())
		}
	}
	took := time.Since(began)
	c.ahead.Add(int64(untilBegun))
	for worst := c.tally.worst.Load(); int64(took) > worst && !c.tally.worst.CompareAndSwap(worst, int64(took)); {
		worst = c.tally.worst.Load()
	}
	if took > cleanWithin {
		c.tally.late.Add(1)
		c.t.Logf("cut %+v: a clean state only after %v", c.at, took)
	}
}

// story is what the people and the server know, for a test that failed.
func (c *cutter) story() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cut %+v\n", c.at)
	for _, p := range []*person{c.a, c.b} {
		p.mu.Lock()
		v := p.contact(c.other(p))
		fmt.Fprintf(&b, "%s: %+v\nlock %d, mode %d, starting %v, verified %d, run %+v, stages %v\n%s\n\n", p.jid, p.accounts[p.jid], v.Lock, v.SendMode, v.Starting,
			v.Verified, p.smp, p.stages, strings.Join(p.lines(), "\n"))
		p.mu.Unlock()
	}
	lines := slices.DeleteFunc(strings.Split(c.server.Wire(), "\n"), func(l string) bool {
		return !strings.Contains(l, c.a.jid) && !strings.Contains(l, c.b.jid) || strings.Contains(l, "SEND") && strings.Contains(l, "stream:features")
	})
	for _, l := range lines[max(0, len(lines)-60):] {
		fmt.Fprintf(&b, "%.400s\n", l)
	}
	return b.String()
}

// rightly tells whether a conversation is private and shown as verified where it is.
func rightly(v Contact) bool {
	if v.Verified != NotVerified {
		return v.Lock == Private
	}
	return v.Lock == Unverified
}

// says has p write something that waits for a private conversation, or goes out in the one there is, and waits until it is through.
func (c *cutter) says(p *person) (text string) {
	c.t.Helper()
	text = canary()
	began := time.Now()
	c.through(p, text, p.write(c.other(p), text), began)
	return text
}

// is tells whether both would send so.
func (c *cutter) is(mode SendMode) bool {
	for _, p := range []*person{c.a, c.b} {
		p.mu.Lock()
		now := p.contact(c.other(p)).SendMode
		p.mu.Unlock()
		if now != mode {
			return false
		}
	}
	return true
}

// know has both take the other's key for verified, or no longer.
func (c *cutter) know(verified bool) {
	c.t.Helper()
	for _, p := range []*person{c.a, c.b} {
		o := c.other(p)
		if err := p.session.SetVerified(p.ref(o), p.key(o), verified); err != nil {
			c.t.Fatal(err)
		}
		p.until("as decided", func() bool { return (p.contact(o).Verified != NotVerified) == verified })
	}
}

// everyCut has pairs of people go through all cuts of something that measure has tried once. Nothing is left of them afterwards.
func everyCut(t *testing.T, measure func(*cutter) [2][2]int64, try func(*cutter, cut)) {
	pairs := 1
	if os.Getenv("SOTTO_CHAOS") != "" {
		pairs = pairsInChaos
	}
	server := chaosServer(t, 1+pairs+sparePairs)
	goroutines, files := runtime.NumGoroutine(), openFiles()
	var all []cut
	t.Run("without a cut", func(t *testing.T) {
		c := newCutter(t, server, 0, &tally{})
		var passed [2][2]int64
		for range 3 { // what the lines carry besides comes sooner or later
			for line, n := range measure(c) {
				passed[line] = [2]int64{max(passed[line][0], n[0]), max(passed[line][1], n[1])}
			}
		}
		t.Logf("%d bytes up and %d down on alice's line, %d and %d on bob's", passed[0][0], passed[0][1], passed[1][0], passed[1][1])
		all = cuts(passed, cutsInTest)
	})
	left := make(chan cut, len(all))
	for _, at := range all {
		left <- at
	}
	close(left)
	var came tally
	var number atomic.Int64 // of a pair
	began := time.Now()
	t.Run("pairs", func(t *testing.T) {
		for i := range pairs {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				// Where a cut was not survived, two others go on: what came of all is to be known.
				for ok := false; !ok && int(number.Load()) < pairs+sparePairs; {
					ok = t.Run("pair", func(t *testing.T) {
						c := newCutter(t, server, int(number.Add(1)), &came)
						measure(c)
						for at := range left {
							c.forget()
							c.at = at
							try(c, at)
							if n := len(all) - len(left); n%200 == 0 {
								t.Logf("%d of %d cuts after %v, worst %v", n, len(all), time.Since(began).Round(time.Second), time.Duration(came.worst.Load()))
							}
						}
					})
				}
			})
		}
	})
	came.finish(t, server)
	for deadline := time.Now().Add(cleanAtLast); runtime.NumGoroutine() > goroutines || openFiles() > files; time.Sleep(20 * time.Millisecond) {
		runtime.GC() // go-xmpp's ends of the relays are closed with the objects
		if time.Now().After(deadline) {
			var stacks strings.Builder
			pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			t.Fatalf("%d goroutines and %d files, %d and %d before:\n%s", runtime.NumGoroutine(), openFiles(), goroutines, files, stacks.String())
		}
	}
}

func openFiles() int {
	files, _ := os.ReadDir("/proc/self/fd") // elsewhere there are none
	return len(files)
}

// A line breaks at some byte of a key exchange between people who have verified each other. What was typed goes through as soon as the line
// is back, privately, once, and as between verified people.
func TestChaosKeyExchange(t *testing.T) {
	everyCut(t, func(c *cutter) [2][2]int64 {
		c.together()
		c.know(true)
		c.apart()
		return c.took(func() { c.says(c.a) })
	}, func(c *cutter, at cut) {
		c.apart()
		c.breaks(at, func() {
			text := c.says(c.a)
			if want := "< verified " + text; !slices.Contains(c.b.hearing(), want) {
				c.t.Errorf("cut %v: want %q, heard %q", at, want, c.b.hearing())
			}
		})
		c.says(c.b)
		c.says(c.a)
	})
}

// A line breaks at some byte of a verification. It ends on both sides, has verified only if it succeeded, and the next one succeeds.
func TestChaosVerification(t *testing.T) {
	everyCut(t, func(c *cutter) (passed [2][2]int64) {
		c.together()
		return c.took(c.verify)
	}, func(c *cutter, at cut) {
		c.know(false)
		way := c.ways[at.line]
		cuts := way.Cuts()
		asked := false
		c.breaks(at, func() {
			asked = c.ask()
			c.answer(cleanAtLast, func() bool { return way.Cuts() > cuts })
		})
		c.says(c.a)
		c.says(c.b)
		if !c.answer(cleanAtLast, nil) {
			c.t.Fatalf("cut %v: the verification does not end:\n%s", at, c.story())
		}
		c.a.until("verified only if it succeeded", func() bool {
			return (c.a.contact(c.b).Verified != NotVerified) == (asked && c.a.smp.Stage == SMPSucceeded)
		})
		c.know(false)
		c.verify()
	})
}

// ask has alice ask bob, and tells whether she could: not while her line is broken, nor before keys are fresh where they must be.
func (c *cutter) ask() (asked bool) {
	c.t.Helper()
	// Nobody is shown more than a few questions in an hour. Clocks are not put forward so far: they would end a key exchange under way.
	c.b.session.ask(c.b.ref(c.a), func(c *conversation) error {
		c.prompts = nil
		return nil
	})
	before := c.a.run().Number
	err := c.a.session.Ask(c.a.ref(c.b), c.a.key(c.b), "where?", []byte("here"))
	if errors.Is(err, ErrNotPrivate) {
		return false
	}
	if err != nil {
		c.t.Fatalf("%v\n%s", err, c.story())
	}
	c.a.until("a run", func() bool { return c.a.smp.Number > before })
	return true
}

// answer has bob answer whatever he is asked, until nobody waits any more, something else ends it, or for a while.
func (c *cutter) answer(limit time.Duration, enough func() bool) (ended bool) {
	running := func(p *person) bool { return p.run().Stage == SMPWaiting || p.run().Stage == SMPNeedsAnswer }
	for deadline := time.Now().Add(limit); (running(c.a) || running(c.b)) && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if enough != nil && enough() {
			break
		}
		if b := c.b.run(); b.Stage == SMPNeedsAnswer {
			c.b.session.Answer(c.b.ref(c.a), b.Number, []byte("here"))
		}
	}
	return !running(c.a) && !running(c.b)
}

// verify is a verification that succeeds. Where fresh keys come in the middle of it, because the other side has just noticed that it missed
// something, alice is told that it was interrupted, and asks again.
func (c *cutter) verify() {
	c.t.Helper()
	for deadline := time.Now().Add(cleanAtLast); ; c.tally.again.Add(1) {
		if c.ask() && c.answer(cleanAtLast, nil) && c.a.run().Stage == SMPSucceeded {
			break
		}
		if stage := c.a.run().Stage; stage == SMPFailed || stage == SMPTimedOut || time.Now().After(deadline) {
			c.t.Fatalf("no verification:\n%s", c.story())
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.a.until("verified", func() bool { return c.a.contact(c.b).Verified != NotVerified && c.a.contact(c.b).Lock == Private })
}

// The server is killed while a key exchange goes on, somewhere.
func TestChaosServerKilled(t *testing.T) {
	server := chaosServer(t, 1)
	var came tally
	c := newCutter(t, server, 0, &came)
	kills := killsInTest
	if os.Getenv("SOTTO_CHAOS") != "" {
		kills = killsInChaos
	}
	c.together()
	c.know(true)
	for i := range kills {
		c.forget()
		c.apart()
		c.a.session.StartPrivate(c.a.ref(c.b))
		text := canary()
		id := c.a.write(c.b, text)
		time.Sleep(time.Duration(i) * 20 * time.Millisecond / time.Duration(kills)) // a key exchange takes about so long
		server.Kill()
		server.Start(t)
		c.through(c.a, text, id, time.Now())
		c.says(c.b)
		came.cuts.Add(1)
	}
	came.finish(t, server)
}

// finish says what came of it.
func (l *tally) finish(t *testing.T, server *xmpptest.Prosody) {
	t.Logf("%d cuts, a clean state after %v at most, %d times after more than %v, %d times by sending again by hand; %d cuts came after all was said; %d verifications asked for again",
		l.cuts.Load(), time.Duration(l.worst.Load()).Round(time.Millisecond), l.late.Load(), cleanWithin, l.byHand.Load(), l.afterwards.Load(), l.again.Load())
	wire, err := os.Open(filepath.Join(server.Dir, "wire.log")) // of thousands of logins
	if err != nil {
		t.Fatal(err)
	}
	defer wire.Close()
	private := false
	lines := bufio.NewScanner(wire)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		private = private || strings.Contains(lines.Text(), "?OTR:")
		if strings.Contains(lines.Text(), "canary-") {
			t.Fatal("a text is readable on the wire: ", lines.Text())
		}
	}
	if lines.Err() != nil || !private {
		t.Error("nothing private is on the wire: ", lines.Err())
	}
}
