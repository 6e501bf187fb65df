//go:build linux

package session

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

const (
	benchTurns = 20                    // of either, before the other has its turn
	benchRest  = 40 * time.Millisecond // between two messages, as between people: the servers and programs have nothing left to do
	rawStanza  = 1800                  // bytes
	// benchSettles is how long after the last message a program may still have something to do, benchLook how long it is looked at then.
	benchSettles, benchLook = 20 * time.Second, 2 * time.Minute
	// smallStanza is more than any stanza of ours but one that carries an encrypted text.
	smallStanza = 500
)

// TestBench writes the row about a message into the table of make bench-ui: from one session to another over a server with TLS, where each
// answer has new keys, beside two sockets that do nothing but pass a stanza through the same server.
func TestBench(t *testing.T) {
	file := os.Getenv("SOTTO_BENCH_UI")
	if file == "" {
		t.Skip("make bench-ui runs this")
	}
	to, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	names := map[string]string{}
	for _, local := range []string{"alice", "bob", "carol", "dave"} {
		names[local] = local + "'s-password"
	}
	server := xmpptest.StartProsody(t, names, xmpptest.NoWire, xmpptest.Silent)
	counter := countRecords(t, server.Addr)
	counted := *server
	counted.Addr, counted.Direct = counter.addr, countRecords(t, server.Direct).addr
	a, b := realPerson(t, &counted, "alice", "alice's-password"), realPerson(t, server, "bob", "bob's-password")
	a.until("online", a.online)
	b.until("online", b.online)
	a.befriend(b, "")
	k := benchTalk{a, b, dialRaw(t, &counted, "carol"), dialRaw(t, server, "dave"), counter}
	k.measure(1, 0) // warms up
	row := func(what, target, measured, verdict string) {
		if _, err := fmt.Fprintf(to, "%s\t%s\t%s\t%s\n", what, target, measured, verdict); err != nil {
			t.Fatal(err)
		}
	}
	judge := map[bool]string{true: "holds", false: "MISSED"}
	mine, bare, writes := k.measure(12, benchRest)
	row("message over Prosody, new keys each turn", "p50 <= 2.00 x raw", benchRatio(mine, bare), judge[mine <= 2*bare])
	row("writes for each encrypted stanza", "1", fmt.Sprintf("%.2f", writes), judge[writes == 1])
	mine, bare, _ = k.measure(30, 0)
	row("... while the receipt of the last is on its way", "", benchRatio(mine, bare), "")
	wakes := wakesAlone(t)
	row("wake-ups idle: in a private conversation, without a window", "<= 2 /s", fmt.Sprintf("%.2f /s", wakes), judge[wakes <= 2])
}

// wakesAlone is how often in a second a Sotto without a window wakes up while nothing happens.
func wakesAlone(t *testing.T) float64 {
	p := newProcess(t, "localhost")
	time.Sleep(benchSettles)
	before := switches(t, p.pid)
	time.Sleep(benchLook)
	return float64(switches(t, p.pid)-before) / benchLook.Seconds()
}

// switches is how often any thread of a process has gone to sleep by itself.
func switches(t *testing.T, pid int) (sum int) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("no threads of %d: %v", pid, err)
	}
	for _, file := range threads {
		status, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, count, _ := bytes.Cut(status, []byte("\nvoluntary_ctxt_switches:"))
		var n int
		if _, err := fmt.Sscan(string(count), &n); err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

func benchRatio(mine, bare time.Duration) string {
	us := func(d time.Duration) string { return d.Round(time.Microsecond).String() }
	return fmt.Sprintf("%s, raw %s, %.2f x", us(mine), us(bare), float64(mine)/float64(bare))
}

// A benchTalk is two people who talk with each other privately, and two sockets that pass a stanza.
type benchTalk struct {
	a, b        *person
	carol, dave *rawClient
	counter     *recordCounter
}

// measure has them say something in turns, with a rest after each, and tells the median of the times until the other's Events yielded it,
// and how often a wrote for each of hers.
func (k *benchTalk) measure(rounds int, rest time.Duration) (ours, raw time.Duration, writes float64) {
	var all, bare []time.Duration
	say := func(from, to *person, text string) {
		there := make(chan time.Time, 1)
		to.first.Store(new(func(e Event) {
			if e, ok := e.(EntryChanged); ok && e.Entry.Kind == Incoming && e.Entry.Text == text {
				there <- time.Now()
			}
		}))
		begin := time.Now()
		id := from.write(to, text)
		all = append(all, (<-there).Sub(begin))
		if rest > 0 {
			from.until("delivered", func() bool { return from.entries[id].Status == StatusDelivered })
			time.Sleep(rest)
		}
	}
	pass := func(from, to *rawClient) {
		begin := time.Now()
		from.pass(to)
		bare = append(bare, time.Since(begin))
		time.Sleep(rest)
	}
	var written int64
	for range rounds {
		before := k.counter.large.Load()
		for range benchTurns {
			say(k.a, k.b, canary())
			say(k.b, k.a, canary())
		}
		written += k.counter.large.Load() - before
		for range benchTurns {
			pass(k.carol, k.dave)
			pass(k.dave, k.carol)
		}
	}
	return p50(all), p50(bare), float64(written) / float64(rounds*benchTurns)
}

func p50(of []time.Duration) time.Duration {
	slices.Sort(of)
	return of[len(of)/2]
}

// A recordCounter passes a connection on and counts the large TLS records that the client has written: a stanza in two writes is two of
// them.
type recordCounter struct {
	addr  string
	large atomic.Int64
}

func countRecords(t *testing.T, server string) *recordCounter {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &recordCounter{addr: listener.Addr().String()}
	var conns sync.WaitGroup
	t.Cleanup(func() { listener.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			down, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer down.Close()
				up, err := net.Dial("tcp", server)
				if err != nil {
					return
				}
				conns.Go(func() { defer down.Close(); passOn(down, up.(*net.TCPConn)) })
				defer up.Close()
				c.copy(up, down)
			})
		}
	})
	return c
}

// passOn copies what the server says, acknowledging it at once, as our own connection does: what is measured is not the counter.
func passOn(down io.Writer, up *net.TCPConn) {
	raw, err := up.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := up.Read(buf)
		raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
		if _, werr := down.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// copy passes on what the client writes, at once, and looks at it meanwhile.
func (c *recordCounter) copy(up io.Writer, down io.Reader) {
	const header = 5 // of a TLS record: type, version, length
	buf := make([]byte, 64<<10)
	var seen []byte
	for {
		n, err := down.Read(buf)
		if err != nil {
			return
		}
		if _, err := up.Write(buf[:n]); err != nil {
			return
		}
		const applicationData = 23
		seen = append(seen, buf[:n]...)
		if i := bytes.LastIndex(seen, []byte("<starttls")); i >= 0 {
			seen = nil // in clear until then
			continue
		}
		for len(seen) >= header {
			if seen[0] == '<' { // the stream begins in clear
				seen = nil
				break
			}
			length := int(binary.BigEndian.Uint16(seen[3:]))
			if len(seen) < header+length {
				break
			}
			if seen[0] == applicationData && length >= smallStanza {
				c.large.Add(1)
			}
			seen = seen[header+length:]
		}
	}
}

// A rawClient is a socket with TLS that is signed in and knows nothing else.
type rawClient struct {
	t    *testing.T
	conn net.Conn
	jid  string
	buf  []byte
	held []byte // read, and not yet understood
}

func dialRaw(t *testing.T, server *xmpptest.Server, local string) *rawClient {
	t.Helper()
	conn, err := tls.Dial("tcp", server.Direct, &tls.Config{RootCAs: server.RootCAs, ServerName: xmpptest.Domain, NextProtos: []string{"xmpp-client"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &rawClient{t: t, conn: conn, jid: local + "@" + xmpptest.Domain + "/raw", buf: make([]byte, 64<<10)}
	const open = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='" + xmpptest.Domain + "'>"
	c.say(open)
	c.hear("</stream:features>")
	c.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
		base64.StdEncoding.EncodeToString([]byte("\x00"+local+"\x00"+local+"'s-password")) + "</auth>")
	c.hear("<success")
	c.say(open)
	c.hear("</stream:features>")
	c.say("<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>raw</resource></bind></iq>")
	c.hear("</iq>")
	c.say("<presence/>")
	c.hear("/>")
	c.held = nil
	return c
}

func (c *rawClient) say(text string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// hear waits until something has been read.
func (c *rawClient) hear(text string) {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		if i := bytes.Index(c.held, []byte(text)); i >= 0 {
			c.held = append(c.held[:0], c.held[i+len(text):]...)
			return
		}
		n, err := c.conn.Read(c.buf)
		if err != nil {
			c.t.Fatalf("%v, after %s", err, c.held)
		}
		c.held = append(c.held, c.buf[:n]...)
	}
}

// pass sends the other a stanza and waits until it is there.
func (c *rawClient) pass(other *rawClient) {
	c.t.Helper()
	const begin, end = "<message type='chat' id='1' to='", "</body></message>"
	body := strings.Repeat("x", rawStanza-len(begin)-len(other.jid)-len("'><body>")-len(end))
	c.say(begin + other.jid + "'><body>" + body + end)
	other.hear(end)
}
