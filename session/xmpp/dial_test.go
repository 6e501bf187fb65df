package xmpp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// A diary notes every address that is dialled. Where only is set, nothing else is let through.
type diary struct {
	only string
	mu   sync.Mutex
	seen []string
}

func (d *diary) control(_, address string, _ syscall.RawConn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, address)
	if address != d.only {
		return errors.New("not let through by the test")
	}
	return nil
}

func (d *diary) dialled() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.seen)
}

// A zone is a resolver of functions; without one nothing is known.
type zone struct {
	srv   func(ctx context.Context, service string) ([]*net.SRV, error)
	hosts func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

func (z zone) LookupSRV(ctx context.Context, service, _, name string) (string, []*net.SRV, error) {
	if z.srv == nil {
		return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	records, err := z.srv(ctx, service)
	return "", records, err
}

func (z zone) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if z.hosts == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return z.hosts(ctx, network, host)
}

func hangs(ctx context.Context) error {
	<-ctx.Done()
	return &net.DNSError{Err: "i/o timeout", IsTimeout: true}
}

func addresses(texts ...string) (all []netip.Addr) {
	for _, a := range texts {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

// However DNS fails to answer, ten seconds are the end of it, and what it did say is used.
func TestDNSThatHangs(t *testing.T) {
	here := func(_ context.Context, network, _ string) ([]netip.Addr, error) {
		if network == "ip6" {
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		}
		return addresses("192.0.2.1"), nil
	}
	for _, test := range []struct {
		name  string
		zone  zone
		limit time.Duration
		kind  ErrorKind
		dials []string
	}{
		{"everything", zone{func(ctx context.Context, _ string) ([]*net.SRV, error) { return nil, hangs(ctx) },
			func(ctx context.Context, _, _ string) ([]netip.Addr, error) { return nil, hangs(ctx) }}, connectTimeout, TimedOut, nil},
		{"SRV alone", zone{func(ctx context.Context, _ string) ([]*net.SRV, error) { return nil, hangs(ctx) }, here},
			lookupTimeout, Unreachable, []string{"192.0.2.1:5222"}},
		{"one kind of SRV", zone{func(ctx context.Context, service string) ([]*net.SRV, error) {
			if service == "xmpps-client" {
				return nil, hangs(ctx)
			}
			return []*net.SRV{{Target: "a.test.", Port: 1}}, nil
		}, here}, otherKind, Unreachable, []string{"192.0.2.1:1"}},
		{"one family", zone{nil, func(ctx context.Context, network, _ string) ([]netip.Addr, error) {
			if network == "ip6" {
				return nil, hangs(ctx)
			}
			return addresses("192.0.2.1"), nil
		}}, connectTimeout, TimedOut, []string{"192.0.2.1:5222"}},
		{"nothing is known", zone{}, 0, UnknownHost, nil},
		{"nothing is said", zone{nil, func(context.Context, string, string) ([]netip.Addr, error) { return nil, nil }}, 0, Unreachable, nil},
		{"servers fail", zone{func(context.Context, string) ([]*net.SRV, error) { return nil, errors.New("SERVFAIL") },
			func(context.Context, string, string) ([]netip.Addr, error) {
				return nil, &net.DNSError{Err: "server misbehaving", IsTemporary: true}
			}}, 0, Unreachable, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d diary
				begin := time.Now()
				_, err := Connect(t.Context(), Config{JID: jid.MustParse("alice@h.test"), Resource: "r", resolver: test.zone, control: d.control})
				if kindOf(err) != test.kind || time.Since(begin) > test.limit {
					t.Errorf("after %v: %v", time.Since(begin), err)
				}
				if got := d.dialled(); !slices.Equal(got, test.dials) {
					t.Errorf("dialled %v, want %v", got, test.dials)
				}
			})
		})
	}
}

// A name server that says odd things does not lead astray for long, and never to somebody else.
func TestDNSThatLies(t *testing.T) {
	ca, _ := authority()(t)
	var many []net.SRV
	for i := range 1000 {
		many = append(many, net.SRV{Target: fmt.Sprintf("x%d.h.test.", i), Port: 1, Priority: uint16(i)})
	}
	evil := xmpptest.Listen(t, ca.Certificate(t, "evil.test", time.Now().Add(time.Hour)), "evil.test", func(p *xmpptest.Peer) {
		p.TLS()
		t.Error("spoke to somebody else")
	})
	_, text, _ := net.SplitHostPort(evil)
	n, _ := strconv.Atoi(text)
	port := uint16(n)
	const service = "_xmpps-client._tcp.h.test."
	for _, test := range []struct {
		name  string
		fill  func(d *xmpptest.DNS)
		kind  ErrorKind
		dials int
	}{
		{"NXDOMAIN", func(d *xmpptest.DNS) {}, UnknownHost, 0},
		{"SERVFAIL", func(d *xmpptest.DNS) {
			d.Fail[service], d.Fail["_xmpp-client._tcp.h.test."], d.Fail["h.test."] = true, true, true
		}, Unreachable, 0},
		{"a thousand records", func(d *xmpptest.DNS) {
			d.SRV[service] = many
			for _, r := range many {
				d.Hosts[r.Target] = addresses("127.0.0.1")
			}
		}, Unreachable, maxTargets},
		{"no such service", func(d *xmpptest.DNS) {
			d.SRV["_xmpp-client._tcp.h.test."] = []net.SRV{{Target: "."}}
			d.Hosts["h.test."] = addresses("127.0.0.1")
		}, Unreachable, 0},
		{"a long chain of names", func(d *xmpptest.DNS) {
			for i := range 60 {
				d.CNAME[fmt.Sprintf("c%d.h.test.", i)] = fmt.Sprintf("c%d.h.test.", i+1)
			}
			d.CNAME["h.test."] = "c0.h.test."
			d.Hosts["c60.h.test."] = addresses("127.0.0.1")
		}, Unreachable, 1},
		{"names in a circle", func(d *xmpptest.DNS) {
			d.CNAME["h.test."], d.CNAME["i.test."] = "i.test.", "h.test."
		}, UnknownHost, 0},
		{"a hidden service", func(d *xmpptest.DNS) {
			d.SRV[service] = []net.SRV{{Target: "xyz.onion.", Port: 1}}
		}, UnknownHost, 0},
		{"N-04 somebody else's server", func(d *xmpptest.DNS) {
			d.SRV[service] = []net.SRV{{Target: "evil.test.", Port: port}}
			d.Hosts["evil.test."] = addresses("127.0.0.1")
		}, BadCertificate, 1},
		{"N-04 somebody else's address", func(d *xmpptest.DNS) {
			d.SRV[service] = []net.SRV{{Target: "h.test.", Port: port}}
			d.Hosts["h.test."] = addresses("127.0.0.1")
		}, BadCertificate, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			dns := xmpptest.StartDNS(t, test.fill)
			d := &diary{only: "127.0.0.1:" + text}
			begin := time.Now()
			_, err := Connect(within(t), Config{JID: jid.MustParse("alice@h.test"), Resource: "r", Password: []byte("secret"),
				RootCAs: ca.Pool, resolver: dns.Resolver(), control: d.control})
			if kindOf(err) != test.kind || time.Since(begin) > connectTimeout {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
			if got := d.dialled(); len(got) != test.dials {
				t.Errorf("dialled %v, want %d", got, test.dials)
			}
			for _, q := range dns.Asked() {
				if strings.Contains(q, "onion") {
					t.Errorf("asked for %s", q)
				}
			}
		})
	}
}

// Addresses of both families take turns, IPv6 first; what comes late comes last (RFC 8305).
func TestHappyEyeballs(t *testing.T) {
	const four, six = "192.0.2.1 192.0.2.2 192.0.2.3", "2001:db8::1 2001:db8::2"
	for _, test := range []struct {
		late [2]time.Duration // of IPv6 and IPv4
		want string
	}{
		{[2]time.Duration{}, "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 192.0.2.3"},
		{[2]time.Duration{otherFamily / 2, 0}, "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 192.0.2.3"},
		{[2]time.Duration{time.Second, 0}, "192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 2001:db8::2"},
		{[2]time.Duration{0, time.Second}, "2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2 192.0.2.3"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := dialer{resolver: zone{hosts: func(_ context.Context, network, _ string) ([]netip.Addr, error) {
				if network == "ip6" {
					time.Sleep(test.late[0])
					return addresses(strings.Fields(six)...), nil
				}
				time.Sleep(test.late[1])
				return addresses(strings.Fields(four)...), nil
			}}}
			found := make(chan netip.Addr, 2*maxAddresses)
			if err := d.find(t.Context(), "h.test", found); err != nil {
				t.Fatal(err)
			}
			close(found)
			var got []string
			for a := range found {
				got = append(got, a.String())
			}
			if s := strings.Join(got, " "); s != test.want {
				t.Errorf("%v: %s, want %s", test.late, s, test.want)
			}
		})
	}
}

// What is tried when, in milliseconds, and who wins.
func TestRace(t *testing.T) {
	type runner struct {
		takes time.Duration
		err   error
	}
	refused := errors.New("refused")
	const ms = time.Millisecond
	for _, test := range []struct {
		name    string
		runners []runner
		starts  []time.Duration
		winner  int
		took    time.Duration
		err     error
	}{
		{"nobody", nil, nil, 0, 0, errNothingToTry},
		{"one", []runner{{10 * ms, nil}}, []time.Duration{0}, 0, 10 * ms, nil},
		{"a good first", []runner{{90 * ms, nil}, {1, nil}}, []time.Duration{0}, 0, 90 * ms, nil},
		{"a slow first", []runner{{500 * ms, nil}, {50 * ms, nil}}, []time.Duration{0, 100 * ms}, 1, 150 * ms, nil},
		{"a slow first that wins", []runner{{150 * ms, nil}, {90 * ms, nil}}, []time.Duration{0, 100 * ms}, 0, 150 * ms, nil},
		{"a dead first", []runner{{10 * ms, refused}, {10 * ms, nil}, {1, nil}}, []time.Duration{0, 10 * ms}, 1, 20 * ms, nil},
		{"silent ones", []runner{{time.Hour, nil}, {time.Hour, nil}, {10 * ms, nil}}, []time.Duration{0, 100 * ms, 200 * ms}, 2, 210 * ms, nil},
		{"all dead", []runner{{10 * ms, refused}, {10 * ms, errors.New("other")}}, []time.Duration{0, 10 * ms}, 0, 20 * ms, refused},
		{"all silent", []runner{{time.Hour, nil}, {time.Hour, nil}}, []time.Duration{0, 100 * ms}, 0, time.Second, context.DeadlineExceeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				candidates := make(chan int, len(test.runners))
				for i := range test.runners {
					candidates <- i
				}
				close(candidates)
				begin := time.Now()
				var mu sync.Mutex
				var starts []time.Duration
				open := 0
				conn, winner, err := race(ctx, 100*ms, candidates, func(ctx context.Context, i int) (net.Conn, error) {
					mu.Lock()
					starts = append(starts, time.Since(begin))
					mu.Unlock()
					r := test.runners[i]
					time.Sleep(r.takes) // a connection may come about in the moment it is given up
					if r.err != nil {
						return nil, r.err
					}
					mu.Lock()
					defer mu.Unlock()
					open++
					return closing{func() { mu.Lock(); open--; mu.Unlock() }}, nil
				})
				if took := time.Since(begin); winner != test.winner || took != test.took || !errors.Is(err, test.err) {
					t.Errorf("%d after %v, %v", winner, took, err)
				}
				time.Sleep(2 * time.Hour)
				if conn != nil {
					conn.Close()
				}
				mu.Lock()
				defer mu.Unlock()
				if !reflect.DeepEqual(starts, test.starts) {
					t.Errorf("started at %v, want %v", starts, test.starts)
				}
				if open != 0 {
					t.Errorf("%d connections are left open", open)
				}
			})
		})
	}
}

type closing struct{ close func() }

func (c closing) Close() error                     { c.close(); return nil }
func (closing) Read([]byte) (int, error)           { return 0, nil }
func (closing) Write(b []byte) (int, error)        { return len(b), nil }
func (closing) LocalAddr() net.Addr                { return nil }
func (closing) RemoteAddr() net.Addr               { return nil }
func (closing) SetDeadline(time.Time) error        { return nil }
func (closing) SetReadDeadline(t time.Time) error  { return nil }
func (closing) SetWriteDeadline(t time.Time) error { return nil }

// proxied is scripted behind a proxy that leads there from where, and to nothing else; nothing but the proxy can be
// dialled and nothing looked up.
func proxied(t *testing.T, where string, settings ...func(*xmpptest.SOCKS)) (Config, *xmpptest.SOCKS, *diary, *int) {
	t.Helper()
	c := scripted(t, func(p *xmpptest.Peer) { p.LogIn("secret"); p.HearUntil("never") })
	server := c.Server
	lead := func(s *xmpptest.SOCKS) { s.Routes[where] = server }
	s := xmpptest.StartSOCKS(t, append([]func(*xmpptest.SOCKS){lead}, settings...)...)
	c.Server, c.TLS = "", TLSAuto
	lookups := new(int)
	asked := func() error { *lookups++; return errors.New("DNS was asked") }
	c.resolver = zone{func(context.Context, string) ([]*net.SRV, error) { return nil, asked() },
		func(context.Context, string, string) ([]netip.Addr, error) { return nil, asked() }}
	d := &diary{only: s.Addr}
	c.control = d.control
	return c, s, d, lookups
}

func TestThroughSOCKS(t *testing.T) {
	c, s, d, lookups := proxied(t, "h.test:5223", func(s *xmpptest.SOCKS) { s.User, s.Passes = "me", "let me in" })
	_, port, _ := net.SplitHostPort(s.Addr)
	c.Proxy = Proxy{Kind: SOCKS5, Address: "localhost:" + port, User: "me", Password: "let me in"}
	connect(t, c)
	want := []xmpptest.SOCKSCall{{User: "me", Password: "let me in", To: "h.test:5222"}, {User: "me", Password: "let me in", To: "h.test:5223"}}
	if got := s.Calls(); !slices.Equal(got, want) {
		t.Errorf("asked for %v", got)
	}
	if *lookups != 0 || slices.ContainsFunc(d.dialled(), func(a string) bool { return a != s.Addr }) {
		t.Errorf("%d lookups, dialled %v", *lookups, d.dialled())
	}

	c, s, d, lookups = proxied(t, "127.0.0.7:99")
	c.Proxy = Proxy{Kind: SOCKS5, Address: s.Addr}
	c.Server, c.TLS = "127.0.0.7:99", TLSDirect
	connect(t, c)
	if *lookups != 0 || len(d.dialled()) != 1 {
		t.Errorf("%d lookups, dialled %v", *lookups, d.dialled())
	}
}

// What goes wrong with a proxy is told, and never gone round.
func TestProxyFailsClosed(t *testing.T) {
	other := func(t *testing.T, talk func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var serving sync.WaitGroup
		serving.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				serving.Go(func() { talk(conn); conn.Close() })
			}
		})
		t.Cleanup(func() { l.Close(); serving.Wait() })
		return l.Addr().String()
	}
	says := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			conn.Read(make([]byte, 100))
			conn.Write([]byte(text))
			conn.Read(make([]byte, 100))
		}
	}
	honest := func(*xmpptest.SOCKS) {}
	given := func(p Proxy) func(*testing.T, *Config, *diary) {
		return func(_ *testing.T, c *Config, d *diary) {
			p.Address = cmp.Or(p.Address, c.Proxy.Address)
			c.Proxy, d.only = p, p.Address
		}
	}
	elsewhere := func(talk func(net.Conn)) func(*testing.T, *Config, *diary) {
		return func(t *testing.T, c *Config, d *diary) {
			c.Proxy.Address = other(t, talk)
			d.only = c.Proxy.Address
		}
	}
	for _, test := range []struct {
		name   string
		proxy  func(*xmpptest.SOCKS)
		change func(*testing.T, *Config, *diary)
		want   ErrorKind
	}{
		{"nobody listens", honest, given(Proxy{Kind: SOCKS5, Address: "127.0.0.1:1"}), ProxyFailed},
		{"wrong password", func(s *xmpptest.SOCKS) { s.User, s.Passes = "me", "right" }, given(Proxy{Kind: SOCKS5, User: "me", Password: "wrong"}), ProxyFailed},
		{"wants a login", func(s *xmpptest.SOCKS) { s.User = "me" }, given(Proxy{Kind: SOCKS5}), ProxyFailed},
		{"cannot reach the server", func(s *xmpptest.SOCKS) { clear(s.Routes) }, given(Proxy{Kind: SOCKS5}), Unreachable},
		{"does not allow it", func(s *xmpptest.SOCKS) { s.Reply = 2 }, given(Proxy{Kind: SOCKS5}), Unreachable},
		{"an error of Tor", func(s *xmpptest.SOCKS) { s.Reply = 0xf0 }, given(Proxy{Kind: SOCKS5}), Unreachable},
		{"silence", func(s *xmpptest.SOCKS) { s.Silent = true }, given(Proxy{Kind: SOCKS5}), TimedOut},
		{"HTTP", honest, elsewhere(says("HTTP/1.1 400 Bad Request\r\n\r\n")), ProxyFailed},
		{"hangs up", honest, elsewhere(func(conn net.Conn) { conn.Read(make([]byte, 100)) }), ProxyFailed},
		{"takes us without the name we give", honest, elsewhere(says("\x05\x00")), ProxyFailed},
		{"no port", honest, given(Proxy{Kind: SOCKS5, Address: "127.0.0.1"}), ProxyFailed},
		{"no host", honest, given(Proxy{Kind: SOCKS5, Address: ":1080"}), ProxyFailed},
		{"long name", honest, given(Proxy{Kind: SOCKS5, User: strings.Repeat("x", 256)}), ProxyFailed},
		{"password without a name", honest, given(Proxy{Kind: SOCKS5, Password: "x"}), ProxyFailed},
		{"unknown kind", honest, given(Proxy{Kind: 9}), ProxyFailed},
		{"Tor that is not there", honest, func(_ *testing.T, c *Config, d *diary) {
			c.Proxy, c.tor, d.only = Proxy{Kind: Tor}, []string{"127.0.0.1:1", "127.0.0.1:2"}, ""
		}, ProxyFailed},
		{"something else where Tor should be", honest, func(t *testing.T, c *Config, d *diary) {
			d.only = other(t, says("\x05\x00"))
			c.Proxy, c.tor = Proxy{Kind: Tor}, []string{d.only}
		}, ProxyFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			c, s, d, lookups := proxied(t, "h.test:5222", test.proxy)
			c.Proxy = Proxy{Kind: SOCKS5, Address: s.Addr, User: "me", Password: "right"}
			test.change(t, &c, d)
			limit := patience
			if test.want == TimedOut {
				limit = 300 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			_, err := Connect(ctx, c)
			if kindOf(err) != test.want {
				t.Errorf("got %v, want kind %d", err, test.want)
			}
			if *lookups != 0 {
				t.Errorf("%d lookups", *lookups)
			}
			for _, a := range d.dialled() {
				if a != d.only && !slices.Contains(c.tor, a) {
					t.Errorf("dialled %s", a)
				}
			}
			if test.want == TimedOut {
				steady(t, before+10) // the servers of this test
			}
		})
	}
}

func TestThroughTor(t *testing.T) {
	seen := map[string]bool{}
	for _, account := range []string{"a circuit", "another circuit", "", ""} {
		c, s, d, lookups := proxied(t, "xyz.onion:5223")
		c.Server = "xyz.onion"
		c.Proxy, c.tor = Proxy{Kind: Tor, User: account, Password: "x"}, []string{"127.0.0.1:1", s.Addr}
		if account == "" {
			c.Proxy.Password = ""
		}
		connect(t, c)
		if *lookups != 0 || slices.ContainsFunc(d.dialled(), func(a string) bool { return !slices.Contains(c.tor, a) }) {
			t.Errorf("%d lookups, dialled %v", *lookups, d.dialled())
		}
		calls := s.Calls()
		if len(calls) != 2 || calls[1].To != "xyz.onion:5223" || calls[0].User != calls[1].User && account != "" {
			t.Fatalf("asked for %v", calls)
		}
		circuit := calls[1].User + "\x00" + calls[1].Password
		if calls[1].User == "" || seen[circuit] {
			t.Errorf("circuit %q twice, or none", circuit)
		}
		seen[circuit] = true
	}

	for _, c := range []Config{{Server: "xyz.onion"}, {Server: "XYZ.Onion:5222"}, {JID: jid.MustParse("alice@abc.onion")}} {
		if c.JID.Equal(jid.JID{}) {
			c.JID = jid.MustParse("alice@h.test")
		}
		var d diary
		c.Resource, c.control, c.resolver = "r", d.control, zone{hosts: func(context.Context, string, string) ([]netip.Addr, error) {
			t.Error("DNS was asked for a hidden service")
			return nil, nil
		}}
		if _, err := Connect(within(t), c); kindOf(err) != NeedsTor || len(d.dialled()) != 0 {
			t.Errorf("without Tor: %v, dialled %v", err, d.dialled())
		}
	}
	if !slices.Equal(torAddresses, []string{"127.0.0.1:9050", "127.0.0.1:9150"}) {
		t.Errorf("Tor is looked for at %v", torAddresses)
	}
}

// P-32: nothing in the environment takes the account's stream elsewhere or weakens it.
func TestEnvironment(t *testing.T) {
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var trapping sync.WaitGroup
	trapping.Go(func() {
		for {
			conn, err := trap.Accept()
			if err != nil {
				return
			}
			t.Error("the proxy of the environment was called")
			conn.Close()
		}
	})
	defer trapping.Wait()
	defer trap.Close()
	keys := filepath.Join(t.TempDir(), "keys")
	t.Setenv("SSLKEYLOGFILE", keys)
	address := trap.Addr().String()
	for _, env := range []map[string]string{
		{"HTTP_PROXY": "http://" + address, "NO_PROXY": ""},
		{"http_proxy": "socks5://" + address, "no_proxy": "example.org", "NO_PROXY": ""},
		{"HTTP_PROXY": address, "NO_PROXY": "example.org"},
		{"HTTP_PROXY": "", "ALL_PROXY": "socks5://" + address, "all_proxy": "socks5://" + address, "HTTPS_PROXY": address, "SOCKS_SERVER": address},
		{"GODEBUG": "tlsrsakex=1,tls3des=1,netdns=2"},
	} {
		for name, value := range env {
			t.Setenv(name, value)
		}
		c, _ := saying(t, mark)
		untilMark(t, c)
	}
	if _, err := os.Stat(keys); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the keys of TLS were written: %v", err)
	}
	if s := os.Getenv("GODEBUG"); s != "" {
		t.Errorf("GODEBUG=%s", s)
	}
}
