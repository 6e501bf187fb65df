package xmpp

import (
	"cmp"
	"context"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/chaos"
	"github.com/sotto-im/sotto/session/xmpp/stream"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// long makes the tests of bad networks thorough: every byte, and the times that people have. See make chaos.
var long = os.Getenv("SOTTO_CHAOS") != ""

// polite is a server that signs a client in and acknowledges.
func polite(p *xmpptest.Peer) {
	p.SignIn("secret")
	for n := 0; ; {
		switch e := p.Hear(); {
		case e.Is(nsAcks, "r"):
			p.Say("<a xmlns='urn:xmpp:sm:3' h='" + strconv.Itoa(n) + "'/>")
		case e.Name.Space == stream.NSClient:
			n++
		}
	}
}

// behind leads to a polite server through a bad network.
func behind(t *testing.T, mode TLSMode) (Config, *chaos.Proxy) {
	t.Helper()
	c := scripted(t, func(p *xmpptest.Peer) {
		if mode == TLSStart {
			p.StartTLS()
		} else {
			p.TLS()
		}
		polite(p)
	})
	way := chaos.Start(t, c.Server)
	c.Server, c.TLS = way.Addr, mode
	return c, way
}

// Wherever a login is cut, it ends at once as a broken line, or has come about and then ends so; the next one succeeds,
// and nothing stays behind.
func TestChaosLoginCut(t *testing.T) {
	step, soon := int64(61), patience/2
	if long {
		step, soon = 1, 5*time.Second
	}
	for name, mode := range map[string]TLSMode{"STARTTLS": TLSStart, "direct": TLSDirect} {
		c, way := behind(t, mode)
		quit := func(conn *Conn) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			conn.Close(ctx)
		}
		conn, err := Connect(within(t), c)
		if err != nil {
			t.Fatal(err)
		}
		goroutines, files := runtime.NumGoroutine(), openFiles()
		whole := [2]int64{way.Passed(chaos.Up), way.Passed(chaos.Down)}
		quit(conn)
		cuts, during, slowest := 0, 0, time.Duration(0)
		for _, d := range []chaos.Direction{chaos.Up, chaos.Down} {
			for n := int64(0); n <= whole[d]+64; n += step {
				way.CutAfter(d, n)
				begin := time.Now()
				conn, err := Connect(within(t), c)
				if err == nil {
					tick := time.NewTicker(20 * time.Millisecond)
					for open := true; open; {
						select {
						case _, open = <-conn.Events():
						case <-tick.C:
							conn.Probe(patience) // so that bytes flow until the cut
						}
					}
					tick.Stop()
					err = conn.Err()
					quit(conn)
				} else {
					during++
				}
				took := time.Since(begin)
				if slowest = max(slowest, took); kindOf(err) != Unreachable || took > soon {
					t.Errorf("%s cut after %d bytes %v: after %v: %v", name, n, d, took, err)
				}
				if cuts++; cuts%8 != 0 {
					continue
				}
				if conn, err = Connect(within(t), c); err != nil {
					t.Fatalf("%s: after a cut at %d: %v", name, n, err)
				}
				quit(conn)
			}
		}
		if during < cuts/2 {
			t.Errorf("%s: only %d of %d cuts were during the login", name, during, cuts)
		}
		steady(t, goroutines)
		runtime.GC()
		runtime.GC() // go-xmpp's ends of the relays are closed with the objects
		if now := openFiles(); now > files+10 {
			t.Errorf("%s: %d files open, %d before", name, now, files)
		}
		t.Logf("login, %s, %d bytes up, %d down: %d cuts, %d during the login, all ended within %v", name, whole[0], whole[1], cuts, during, slowest)
	}
}

// A login comes about in any weather, within the limits of its steps.
func TestChaosLoginWeather(t *testing.T) {
	weathers := map[string]chaos.Weather{
		"round trip 50 ms":   {Latency: 25 * time.Millisecond},
		"byte by byte":       {Piece: 1},
		"odd pieces, merged": {Piece: 7, Merge: 5 * time.Millisecond},
		"jitter":             {Latency: 20 * time.Millisecond, Jitter: 20 * time.Millisecond},
		"8 kB/s":             {Rate: 8000},
	}
	if long {
		weathers["round trip 300 ms, jitter"] = chaos.Weather{Latency: 150 * time.Millisecond, Jitter: 75 * time.Millisecond}
		weathers["round trip 2 s"] = chaos.Weather{Latency: time.Second}
	}
	for name, weather := range weathers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, way := behind(t, TLSStart)
			way.Weather(weather)
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			begin := time.Now()
			conn, err := Connect(ctx, c)
			took := time.Since(begin)
			if err != nil {
				t.Fatalf("after %v: %v", took, err)
			}
			t.Logf("login, %s: %v", name, took.Round(time.Millisecond))
			conn.Send(Message{ID: "x", To: jid.MustParse("b@h.test"), Body: "x"})
			deadline := time.After(30 * time.Second)
			for acked := false; !acked; {
				select {
				case e, open := <-conn.Events():
					if !open {
						t.Fatal(conn.Err())
					}
					a, ok := e.(*Acked)
					acked = ok && a.ID == "x"
				case <-deadline:
					t.Fatal("no acknowledgement")
				}
			}
			ctx, cancel = context.WithCancel(t.Context())
			cancel()
			conn.Close(ctx)
		})
	}
}

// A line that is open and carries nothing, one way or both, is noticed in the time promised; one that breaks, at once.
func TestChaosDeadLinks(t *testing.T) {
	usual := (&Config{}).beats()
	beats := pulse{idle: 400 * time.Millisecond, answer: 300 * time.Millisecond}
	slack := patience / 2
	if long {
		beats, slack = usual, time.Second
	}
	for name, test := range map[string]struct {
		kill  func(*chaos.Proxy)
		least time.Duration
		limit time.Duration
	}{
		"half-open":               {func(p *chaos.Proxy) { p.Stall(chaos.Up); p.Stall(chaos.Down) }, beats.answer, beats.idle + beats.answer},
		"nothing comes down":      {func(p *chaos.Proxy) { p.Stall(chaos.Down) }, beats.answer, beats.idle + beats.answer},
		"nothing goes up":         {func(p *chaos.Proxy) { p.Stall(chaos.Up) }, beats.answer, beats.idle + beats.answer},
		"half-closed by us":       {func(p *chaos.Proxy) { p.HalfClose(chaos.Up) }, 0, beats.idle + beats.answer},
		"half-closed by them":     {func(p *chaos.Proxy) { p.HalfClose(chaos.Down) }, 0, 0},
		"reset":                   {(*chaos.Proxy).Reset, 0, 0},
		"cut":                     {(*chaos.Proxy).Cut, 0, 0},
		"reset, nobody listening": {func(p *chaos.Proxy) { p.Refuse(); p.Reset() }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if long {
				t.Parallel()
			}
			c, way := behind(t, TLSDirect)
			c.pulse = beats
			conn := connect(t, c)
			test.kill(way)
			begin := time.Now()
			limit := time.After(test.limit + slack + 30*time.Second)
			for open := true; open; {
				select {
				case _, open = <-conn.Events():
				case <-limit:
					t.Fatal("not noticed")
				}
			}
			took := time.Since(begin)
			if kindOf(conn.Err()) != Unreachable || took > test.limit+slack || took < test.least {
				t.Errorf("after %v: %v", took, conn.Err())
			}
			t.Logf("link %s: noticed after %v", name, took.Round(time.Millisecond))
			way.Accept()
			way.Resume(chaos.Up)
			way.Resume(chaos.Down)
			connect(t, c)
		})
	}
}

// A line that is probed is known dead or alive soon, whatever the pulse.
func TestProbe(t *testing.T) {
	c, way := behind(t, TLSDirect)
	conn := connect(t, c)
	conn.Probe(30 * time.Second)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		conn.mu.Lock()
		answered := conn.ledger.asked.IsZero() && conn.ledger.upTo > 0 && conn.ledger.within == 0
		conn.mu.Unlock()
		if answered {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no answer")
		}
	}
	way.Stall(chaos.Down)
	begin := time.Now()
	conn.Probe(300 * time.Millisecond)
	if err := endOf(t, conn); kindOf(err) != Unreachable || time.Since(begin) < 300*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
}

// Whoever is asked again and again has no more time for the answer.
func TestAskingAgain(t *testing.T) {
	const usual = 10 * time.Second
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	type question struct{ at, within time.Duration }
	for name, test := range map[string]struct {
		questions []question
		due       time.Duration
	}{
		"once":                       {[]question{{0, 0}}, usual},
		"again":                      {[]question{{0, 0}, {5 * time.Second, 0}}, usual},
		"a probe":                    {[]question{{0, 6 * time.Second}}, 6 * time.Second},
		"probes":                     {[]question{{0, 6 * time.Second}, {3 * time.Second, 6 * time.Second}, {5 * time.Second, 6 * time.Second}}, 6 * time.Second},
		"a probe in good time":       {[]question{{0, 0}, {time.Second, 6 * time.Second}}, 7 * time.Second},
		"a probe when it is late":    {[]question{{0, 0}, {8 * time.Second, 6 * time.Second}}, usual},
		"a patient probe, then more": {[]question{{0, 20 * time.Second}, {time.Second, 0}}, 20 * time.Second},
		"a patient one, then not":    {[]question{{0, 20 * time.Second}, {time.Second, 6 * time.Second}}, 7 * time.Second},
	} {
		var l ledger
		for _, q := range test.questions {
			l.ask(noon.Add(q.at), q.within, usual)
		}
		if due := l.asked.Add(cmp.Or(l.within, usual)).Sub(noon); due != test.due {
			t.Errorf("%s: due after %v, want %v", name, due, test.due)
		}
	}
}
