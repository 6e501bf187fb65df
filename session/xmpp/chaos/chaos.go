// Package chaos is a bad network for tests: a [Proxy] on loopback between a client and a server, which carries bytes
// late, slowly, in crumbs or clumps, one way only, or not at all, and breaks connections at a chosen byte. TLS passes
// through it untouched. Nothing it does is random but the jitter, so that a test that failed can be repeated.
package chaos

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// A Direction is the way that bytes go.
type Direction int

const (
	Up   Direction = iota // from the client to the server
	Down                  // from the server to the client
)

// Weather is what the network does to bytes it delivers. The zero value does nothing.
type Weather struct {
	Latency time.Duration // one way
	Jitter  time.Duration // up to this much more or less; bytes never overtake each other
	Rate    int           // bytes per second and direction; 0: no limit
	Piece   int           // at most so many bytes in one write; 0: as they came
	Merge   time.Duration // bytes wait so long for others, to be written with them
}

// A Proxy passes connections on to one server. Its methods may be called from any goroutine, at any time.
type Proxy struct {
	Addr string // where it listens, host:port

	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex
	weather Weather
	stalled [2]chan struct{} // closed when the direction goes on; nil: it does
	cuts    [2]int64         // for the next connection; negative: none
	refuse  bool
	closed  bool
	links   map[*link]struct{}
	made    int
	cut     int
	passed  [2]int64
}

// Start listens on loopback until the test ends.
func Start(t testing.TB, target string) *Proxy {
	t.Helper()
	return StartAt(t, "127.0.0.1", target)
}

// StartAt is Start at another address of this computer.
func StartAt(t testing.TB, host, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), target: target, listener: l, links: map[*link]struct{}{}, cuts: [2]int64{-1, -1}}
	p.running.Go(p.serve)
	t.Cleanup(p.stop)
	return p
}

func (p *Proxy) stop() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.listener.Close()
	p.Resume(Up)
	p.Resume(Down)
	p.Cut()
	p.running.Wait()
}

func (p *Proxy) serve() {
	for {
		down, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.link(down.(*net.TCPConn)) })
	}
}

// link connects a client to the server and carries bytes both ways until both are done.
func (p *Proxy) link(down *net.TCPConn) {
	p.mu.Lock()
	target, refuse := p.target, p.refuse || p.closed
	p.mu.Unlock()
	if refuse {
		reset(down)
		return
	}
	up, err := net.DialTimeout("tcp", target, 10*time.Second)
	if err != nil {
		reset(down)
		return
	}
	l := &link{proxy: p, ends: [2]*net.TCPConn{down, up.(*net.TCPConn)}, gone: make(chan struct{})}
	p.mu.Lock()
	l.cuts, p.cuts = p.cuts, [2]int64{-1, -1}
	p.made++
	p.links[l] = struct{}{}
	refuse = p.refuse || p.closed // it may have changed while we were dialling
	p.mu.Unlock()
	if refuse {
		l.end(reset)
	}
	var both sync.WaitGroup
	both.Go(func() { l.carry(Up) })
	both.Go(func() { l.carry(Down) })
	both.Wait()
	l.end(finish)
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// Weather sets what happens to bytes from now on, on every connection.
func (p *Proxy) Weather(w Weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather = w
}

// Target has connections from now on made to another address.
func (p *Proxy) Target(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = address
}

// CutAfter ends the next connection, both ways and without a word, when n bytes have gone in the direction. Once it
// was used, connections live again.
func (p *Proxy) CutAfter(d Direction, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts[d] = n
}

// CutIn ends every connection there is when n more bytes have gone in the direction.
func (p *Proxy) CutIn(d Direction, n int64) {
	for _, l := range p.live() {
		l.mu.Lock()
		l.cuts[d] = n
		l.mu.Unlock()
	}
}

// Stall keeps bytes of one direction from now on, until Resume: connections stay open. With both directions stalled the
// line is half-open: neither side is told of anything.
func (p *Proxy) Stall(d Direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled[d] == nil {
		p.stalled[d] = make(chan struct{})
	}
}

// Resume lets the bytes go again, those kept first.
func (p *Proxy) Resume(d Direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled[d] != nil {
		close(p.stalled[d])
		p.stalled[d] = nil
	}
}

// HalfClose ends one direction of every connection, and what is still sent that way is lost; the other goes on.
func (p *Proxy) HalfClose(d Direction) {
	for _, l := range p.live() {
		l.mu.Lock()
		l.over[d] = true
		l.mu.Unlock()
		l.ends[1-d].CloseWrite()
	}
}

// Reset ends every connection with RST, to both sides.
func (p *Proxy) Reset() {
	for _, l := range p.live() {
		l.end(reset)
	}
}

// Cut ends every connection with FIN, to both sides.
func (p *Proxy) Cut() {
	for _, l := range p.live() {
		l.end(finish)
	}
}

// Refuse resets every new connection, until Accept. Those there are live on.
func (p *Proxy) Refuse() { p.refusing(true) }

// Accept ends Refuse.
func (p *Proxy) Accept() { p.refusing(false) }

func (p *Proxy) refusing(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

// Passed is how many bytes were delivered in a direction, on all connections together.
func (p *Proxy) Passed(d Direction) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed[d]
}

// Live is how many connections there are.
func (p *Proxy) Live() int { return len(p.live()) }

// Made is how many connections reached the server.
func (p *Proxy) Made() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made
}

// Cuts is how many connections CutAfter and CutIn have ended.
func (p *Proxy) Cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

func (p *Proxy) live() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	return links
}

// look is what the network does now to bytes of a direction.
func (p *Proxy) look(d Direction) (Weather, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.weather, p.stalled[d]
}

// A link is one connection: ends[0] is the client's, ends[1] the server's.
type link struct {
	proxy  *Proxy
	ends   [2]*net.TCPConn
	ending sync.Once
	gone   chan struct{} // closed with the ends

	mu   sync.Mutex
	cuts [2]int64 // bytes that may still pass; negative: all
	over [2]bool  // half-closed: bytes are lost
}

func (l *link) end(how func(*net.TCPConn)) {
	l.ending.Do(func() {
		close(l.gone)
		how(l.ends[0])
		how(l.ends[1])
	})
}

func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

func finish(c *net.TCPConn) { c.Close() }

// A parcel is bytes under way; nil bytes are the end of the direction.
type parcel struct {
	bytes []byte
	due   time.Time
}

const (
	chunk    = 16 << 10
	underWay = 1024 // parcels; more make the sender wait, as a full socket would
)

// carry reads one direction and hands on what it read when it is due.
func (l *link) carry(d Direction) {
	from, to := l.ends[d], l.ends[1-d]
	parcels := make(chan parcel, underWay)
	var writing sync.WaitGroup
	writing.Go(func() { l.deliver(d, to, parcels) })
	defer writing.Wait()
	defer close(parcels)
	var last time.Time
	for {
		buf := make([]byte, chunk)
		n, err := from.Read(buf)
		w, _ := l.proxy.look(d)
		due := time.Now().Add(w.Latency)
		if w.Jitter > 0 {
			due = due.Add(time.Duration((2*rand.Float64() - 1) * float64(w.Jitter)))
		}
		if due.Before(last) {
			due = last
		}
		last = due
		send := func(b []byte) bool {
			select {
			case parcels <- parcel{b, due}:
				return true
			case <-l.gone:
				return false
			}
		}
		if n > 0 && !send(buf[:n]) {
			return
		}
		if err != nil {
			if err == io.EOF {
				send(nil)
			} else {
				l.end(reset)
			}
			return
		}
	}
}

// deliver writes what comes out of the network.
func (l *link) deliver(d Direction, to *net.TCPConn, parcels <-chan parcel) {
	for p := range parcels {
		if !l.wait(time.Until(p.due)) {
			continue // until carry has noticed too
		}
		w, _ := l.proxy.look(d)
		ended := p.bytes == nil
		if w.Merge > 0 && !ended {
			l.wait(w.Merge)
			for more := true; more && !ended; {
				select {
				case next, open := <-parcels:
					ended = !open || next.bytes == nil
					p.bytes = append(p.bytes, next.bytes...)
				default:
					more = false
				}
			}
		}
		if l.write(d, to, p.bytes) && ended {
			to.CloseWrite()
		}
	}
}

// write delivers bytes in pieces, at the rate of the moment, waiting while the direction is stalled, as far as the
// connection's cut allows. It reports whether all went.
func (l *link) write(d Direction, to *net.TCPConn, b []byte) bool {
	for {
		w, stalled := l.proxy.look(d)
		if stalled != nil {
			select {
			case <-stalled:
				continue
			case <-l.gone:
				return false
			}
		}
		n := len(b)
		if w.Piece > 0 {
			n = min(n, w.Piece)
		}
		l.mu.Lock()
		left, over := l.cuts[d], l.over[d]
		if left >= 0 {
			n = min(n, int(left))
			l.cuts[d] -= int64(n)
		}
		l.mu.Unlock()
		if over {
			return true
		}
		if n > 0 {
			if w.Rate > 0 && !l.wait(time.Duration(n)*time.Second/time.Duration(w.Rate)) {
				return false
			}
			l.proxy.mu.Lock()
			l.proxy.passed[d] += int64(n)
			l.proxy.mu.Unlock()
			if _, err := to.Write(b[:n]); err != nil && !l.lost(d) {
				l.end(reset)
				return false
			}
		}
		if left >= 0 && left == int64(n) {
			l.proxy.mu.Lock()
			l.proxy.cut++
			l.proxy.mu.Unlock()
			l.end(finish)
			return false
		}
		if b = b[n:]; len(b) == 0 {
			return true
		}
	}
}

// lost reports whether a write failed because the direction was closed meanwhile.
func (l *link) lost(d Direction) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over[d]
}

// wait reports whether the connection is still there after d.
func (l *link) wait(d time.Duration) bool {
	if d <= 0 {
		select {
		case <-l.gone:
			return false
		default:
			return true
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.gone:
		return false
	}
}
