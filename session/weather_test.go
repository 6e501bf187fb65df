//go:build unix

package session

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
	"github.com/sotto-im/sotto/session/xmpp/chaos"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// A weather is two people with a private conversation, each behind a network of their own.
type weather struct {
	server  *xmpptest.Prosody
	a, b    *person
	ways    [2]*chaos.Proxy // a's and b's
	changed chan struct{}   // tells a that the network has changed
	ahead   atomic.Int64    // how far a's wall clock is from the true time
}

func newWeather(t *testing.T) *weather {
	t.Helper()
	w := &weather{changed: make(chan struct{})}
	w.server = xmpptest.StartProsody(t, map[string]string{"alice": "alice's password", "bob": "bob's password"})
	w.ways = [2]*chaos.Proxy{chaos.Start(t, w.server.Addr), chaos.Start(t, w.server.Addr)}
	far := *w.server
	far.Addr = w.ways[1].Addr
	w.b = realPerson(t, &far, "bob", "bob's password")

	kept, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.a = &person{t: t, jid: "alice@" + xmpptest.Domain, store: kept, keyring: keyringDouble{}, roots: w.server.RootCAs,
		time:    func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
		network: func(context.Context) <-chan struct{} { return w.changed }}
	w.a.open()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		w.a.session.Close(ctx)
		<-w.a.ended
		kept.Close()
	})
	sign := SignIn{Address: w.a.jid, Password: []byte("alice's password"), Server: w.ways[0].Addr, TLS: "starttls"}
	if err := w.a.session.SignIn(sign); err != nil {
		t.Fatal(err)
	}
	w.a.until("online", w.a.online)
	w.b.until("online", w.b.online)
	if _, err := w.a.session.AddContact(w.a.jid, w.b.jid, ""); err != nil {
		t.Fatal(err)
	}
	w.b.until("a request", func() bool { return w.b.contact(w.a).Wants })
	w.b.session.Accept(w.b.ref(w.a))
	w.together()
	return w
}

// together makes a private conversation and tells how long that took.
func (w *weather) together() time.Duration {
	w.a.t.Helper()
	for _, p := range w.both() {
		p[0].until("seeing the other", func() bool {
			v := p[0].contact(p[1])
			return v.Subscription == SubscriptionBoth && v.Presence == PresenceOnline
		})
	}
	begin := time.Now()
	w.a.session.StartPrivate(w.a.ref(w.b))
	for _, p := range w.both() {
		p[0].until("a private conversation", func() bool {
			v := p[0].contact(p[1])
			return v.Lock == Unverified && v.SendMode == SendPrivately && !v.Starting
		})
	}
	return time.Since(begin)
}

// apart ends the private conversation on both sides.
func (w *weather) apart() {
	w.a.t.Helper()
	for _, p := range w.both() {
		p[0].session.EndPrivate(p[0].ref(p[1]))
	}
	for _, p := range w.both() {
		p[0].session.EndPrivate(p[0].ref(p[1]))
		p[0].until("no private conversation", func() bool { return p[0].contact(p[1]).Lock == NotPrivate && !p[0].contact(p[1]).Starting })
	}
}

func (w *weather) both() [2][2]*person { return [2][2]*person{{w.a, w.b}, {w.b, w.a}} }

func (w *weather) blow(weather chaos.Weather) {
	for _, way := range w.ways {
		way.Weather(weather)
	}
}

// arrives waits until a text of a's has reached b and a knows, and tells how long that took.
func (w *weather) arrives(x string, id EntryID, since time.Time) time.Duration {
	w.a.t.Helper()
	w.b.until("the text", func() bool { return w.b.heardText(x) })
	w.a.until("confirmation", func() bool { return w.a.entries[id].Status == StatusDelivered })
	if n := count(w.b.hearing(), x); n != 1 {
		w.a.t.Errorf("heard %d times", n)
	}
	return time.Since(since)
}

// Private conversations come about however slow the network is.
func TestChaosSlowNetworks(t *testing.T) {
	w := newWeather(t)
	trips := []time.Duration{50 * time.Millisecond, 300 * time.Millisecond}
	if os.Getenv("SOTTO_CHAOS") != "" {
		trips = append(trips, 2*time.Second)
	}
	for _, trip := range trips {
		w.apart()
		w.blow(chaos.Weather{Latency: trip / 2, Jitter: trip / 4})
		took := w.together()
		x := canary()
		began := time.Now()
		id := w.a.write(w.b, x)
		t.Logf("round trips of %v, jitter 50 %%, on both sides: private after %v, a text confirmed after %v", trip,
			took.Round(time.Millisecond), w.arrives(x, id, began).Round(time.Millisecond))
		w.blow(chaos.Weather{})
	}
}

// A server that stands still for a while loses nothing, and is not left for it; one that stands still for long is left, and found again.
func TestChaosServerStandsStill(t *testing.T) {
	w := newWeather(t)
	still := 2 * time.Second
	if os.Getenv("SOTTO_CHAOS") != "" {
		still = 60 * time.Second
	}
	w.server.Freeze()
	x := canary()
	id := w.a.write(w.b, x)
	stood := time.Now()
	if still > 40*time.Second {
		w.a.untilWithin(50*time.Second, "noticed", func() bool { return !w.a.online() })
		t.Logf("server stopped: noticed after %v", time.Since(stood).Round(time.Millisecond))
	}
	time.Sleep(time.Until(stood.Add(still))) // it is the standing still that is tried here
	w.server.Thaw()
	began := time.Now()
	w.a.untilWithin(time.Minute, "online", w.a.online)
	if still < 40*time.Second {
		t.Logf("server stopped for %v: the text arrived %v after it went on", still, w.arrives(x, id, began).Round(time.Millisecond))
		return
	}
	w.a.session.Connect(w.a.jid)
	w.a.untilWithin(time.Minute, "settled", func() bool {
		s := w.a.entries[id].Status
		return s == StatusDelivered || s == StatusUnconfirmed || s == StatusFailed
	})
	t.Logf("server stopped for %v: back %v after it went on", still, time.Since(began).Round(time.Millisecond))
}

// Where the network changes under a connection that looks alive, it is known dead or alive in seconds, and so it is where the clocks tell
// that the computer slept.
func TestChaosNetworkChanges(t *testing.T) {
	w := newWeather(t)
	w.changed <- struct{}{}
	x := canary()
	id := w.a.write(w.b, x)
	w.arrives(x, id, time.Now())
	if w.ways[0].Made() != 1 {
		t.Error("a line that is alive was left")
	}

	w.ways[0].Stall(chaos.Up)
	w.ways[0].Stall(chaos.Down)
	began := time.Now()
	w.changed <- struct{}{}
	w.a.until("noticed", func() bool { return !w.a.online() })
	noticed := time.Since(began)
	w.ways[0].Resume(chaos.Up)
	w.ways[0].Resume(chaos.Down)
	w.changed <- struct{}{} // and back
	w.a.until("online", w.a.online)
	t.Logf("half-open line, network changed: noticed after %v, back after %v", noticed.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	x = canary()
	id = w.a.write(w.b, x)
	w.arrives(x, id, time.Now())
}

// The wall clock may jump as it likes: nobody is thrown off, and texts keep their order.
func TestChaosClocks(t *testing.T) {
	w := newWeather(t)
	year := 365 * 24 * time.Hour
	for _, jump := range []time.Duration{-24 * time.Hour, 24 * time.Hour, -56 * year, 74 * year, 0} {
		w.ahead.Store(int64(jump))
		x := canary()
		w.arrives(x, w.a.write(w.b, x), time.Now())
		y := canary()
		w.b.write(w.a, y)
		w.a.until("an answer", func() bool { return w.a.heardText(y) })
	}
	if w.ways[0].Made() != 1 {
		t.Errorf("%d connections, want 1", w.ways[0].Made())
	}
	if heard := w.b.hearing(); len(heard) != 5 {
		t.Errorf("heard %q", heard)
	}
}

// What failed before the network changed says nothing of the new one: a line that does not survive the change is replaced without a long wait.
func TestChangeEndsTheBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@a.test")
		changed := make(chan struct{})
		p := &person{t: t, jid: "alice@a.test", hub: h, keyring: keyringDouble{}, network: func(context.Context) <-chan struct{} { return changed }}
		var err error
		if p.store, err = store.Open(""); err != nil {
			t.Fatal(err)
		}
		p.open()
		defer p.close()
		account := func() Account {
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.accounts[p.jid]
		}
		p.session.SignIn(SignIn{Address: p.jid, Password: []byte("secret of " + p.jid)})
		account()
		refuse := func(err error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.refuse = err
		}
		refuse(&xmpp.Error{Kind: xmpp.Unreachable})
		h.cut(p.jid, xmpp.Unreachable)
		time.Sleep(10 * time.Minute)
		refuse(nil)
		changed <- struct{}{}
		if a := account(); a.State != Online {
			t.Fatalf("state %d", a.State)
		}
		changed <- struct{}{}
		account()
		h.cut(p.jid, xmpp.Unreachable)
		if a := account(); a.State != Waiting || time.Until(a.RetryAt) > 3*firstBackOff/2 {
			t.Errorf("state %d, again in %v", a.State, time.Until(a.RetryAt))
		}
	})
}

// untilWithin is until with another limit.
func (p *person) untilWithin(limit time.Duration, what string, is func() bool) {
	p.t.Helper()
	late := time.After(limit)
	for {
		p.mu.Lock()
		ok, moved := is(), p.moved
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-moved:
		case <-late:
			p.t.Fatalf("waited in vain for: %s", what)
		}
	}
}
