package session

import (
	"context"
	"time"
)

const (
	lookEvery   = 4 * time.Second // at the clocks; each look wakes a sleeping processor
	slept       = 5 * time.Second // by which the clocks are apart when the computer slept, or somebody set the time
	stopped     = time.Minute     // between two looks, when the program was stopped, or the whole of a virtual computer; busy ones take less
	probeAnswer = 5 * time.Second // for a server that is asked whether it is still there
	probeTor    = 20 * time.Second
)

// watch rouses the accounts when the network changes and when the computer wakes: lines that look alive may be dead, and waiting longer
// may be for nothing.
func (s *Session) watch(ctx context.Context) {
	changed := s.config.network(ctx)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	begin := time.Now()
	clocks := clocks{wall: begin}
	for {
		select {
		case <-changed:
		case <-ticker.C:
			if now := time.Now(); !clocks.woke(now.Round(0), now.Sub(begin)) {
				continue
			}
		case <-ctx.Done():
			return
		}
		for _, a := range s.everyAccount() {
			a.tell(a.rouse)
		}
	}
}

// clocks are the wall clock and the monotonic one when they were last looked at. While a computer sleeps the second stands still; so it
// does while somebody sets the first. Where the program was stopped, both went on, and nobody looked.
type clocks struct {
	wall time.Time
	mono time.Duration
}

// woke reports whether the clocks have gone apart since the last time, or that was long ago.
func (c *clocks) woke(wall time.Time, mono time.Duration) bool {
	passed := mono - c.mono
	gap := wall.Sub(c.wall) - passed
	c.wall, c.mono = wall, mono
	return gap.Abs() >= slept || passed >= stopped
}

// rouse does at once what the account would have done some time. It never begins what the account was not to do.
func (a *account) rouse() {
	switch {
	case a.online():
		a.failed = 0 // what failed before says nothing of the network there is now
		within := probeAnswer
		if a.way.proxy.Kind == ProxyTor {
			within = probeTor
		}
		a.conn.Probe(within)
	case a.state == Waiting && a.wish:
		a.goOnline()
	}
}
