//go:build unix

package session

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
	"github.com/sotto-im/sotto/session/xmpp/chaos"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

const scriptDomain = "h.test"

// scriptedServer signs alice@h.test in, password "secret", answers what a client asks and says nothing by itself.
func scriptedServer(t *testing.T, cert tls.Certificate, then func(*xmpptest.Peer)) string {
	t.Helper()
	return xmpptest.Listen(t, cert, scriptDomain, func(p *xmpptest.Peer) {
		p.TLS()
		p.SignIn("secret")
		if then != nil {
			then(p)
		}
		for handled := 0; ; {
			e := p.Hear()
			switch {
			case e.Name.Local == "r":
				p.Say("<a xmlns='urn:xmpp:sm:3' h='" + strconv.Itoa(handled) + "'/>")
				continue
			case e.Name.Local == "iq" && e.Attr("type") != "result":
				payload := e.Children[0]
				p.Say("<iq type='result' id='" + e.Attr("id") + "'><" + payload.Name.Local + " xmlns='" + payload.Name.Space + "'/></iq>")
			}
			handled++
		}
	})
}

// scriptedPerson is alice, not signed in yet.
func scriptedPerson(t *testing.T, ca *xmpptest.CA) *person {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, jid: "alice@" + scriptDomain, store: s, keyring: keyringDouble{}, roots: ca.Pool}
	p.open()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		p.session.Close(ctx)
		<-p.ended
		s.Close()
	})
	return p
}

func (p *person) account() Account { return p.accounts[p.jid] }

// told is the account as it was told last, for those who do not hold the lock that until holds.
func (p *person) told() Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.account()
}

// keeps waits until the settings are so: they are written in the background.
func (p *person) keeps(what string, is func(store.Account) bool) {
	p.t.Helper()
	p.keepsOf(p.jid, what, is)
}

// keepsOf is keeps for one of several accounts.
func (p *person) keepsOf(jid, what string, is func(store.Account) bool) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		all := p.store.Settings().Accounts
		if slices.ContainsFunc(all, func(a store.Account) bool { return a.JID == jid && is(a) }) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s is not kept: %+v", what, all)
		}
	}
}

// elsewhere leads a person's connection to another server, at once.
func (p *person) elsewhere(way *chaos.Proxy, server string) {
	p.t.Helper()
	way.Target(server)
	way.Reset()
	p.until("away", func() bool { return !p.online() })
	p.session.Connect(p.jid) // not at the end of the back-off
}

// N-03: the key of the server is remembered; another is told or asked about, and what the person decided is remembered too.
func TestServerKey(t *testing.T) {
	const day = 24 * time.Hour
	ca := xmpptest.NewCA(t)
	long, other, near := ca.Certificate(t, scriptDomain, time.Now().Add(80*day)), ca.Certificate(t, scriptDomain, time.Now().Add(80*day)),
		ca.Certificate(t, scriptDomain, time.Now().Add(time.Hour))
	var spoke atomic.Int32
	first, second := scriptedServer(t, long, nil), scriptedServer(t, other, func(*xmpptest.Peer) { spoke.Add(1) })
	third, fourth := scriptedServer(t, near, nil), scriptedServer(t, ca.Certificate(t, scriptDomain, time.Now().Add(80*day)), nil)
	way := chaos.Start(t, first)
	p := scriptedPerson(t, ca)
	if err := p.session.SignIn(SignIn{Address: p.jid, Password: []byte("secret"), Server: way.Addr, TLS: "direct"}); err != nil {
		t.Fatal(err)
	}
	p.until("online", p.online)
	c, ok := p.session.Connection(p.jid)
	host, port, _ := net.SplitHostPort(way.Addr)
	if !ok || c.Host != host || strconv.Itoa(int(c.Port)) != port || c.Remote != way.Addr || !c.DirectTLS || c.Proxy != NoProxy || c.TLSVersion != "TLS 1.3" ||
		c.Mechanism != "SCRAM-SHA-256" || c.Binding != "" || !c.Acks || c.KeyChange != nil || c.Since.IsZero() || c.CipherSuite == "" ||
		!slices.Equal(c.Certificate.Names, []string{scriptDomain}) || c.Key.Issuer != "Test Authority" || c.Key.FirstSeen.IsZero() || len(c.Key.Fingerprint) != 64 {
		t.Errorf("connection %+v", c)
	}
	if _, ok := p.session.Connection("bob@h.test"); ok {
		t.Error("a connection of nobody")
	}
	original := c.Key

	t.Log("another key, out of turn")
	p.elsewhere(way, second)
	p.until("asked", func() bool { return p.account().State == Stopped && p.account().Problem == ProblemServerKey })
	change := p.told().ServerKey
	if change == nil || change.Usual || change.Old.Fingerprint != original.Fingerprint || change.Old.FirstSeen.IsZero() || !change.New.FirstSeen.IsZero() {
		t.Fatalf("asked about %+v", change)
	}
	if spoke.Load() != 0 {
		t.Fatal("signed in before the person had decided")
	}
	p.session.TrustServerKey(p.jid, original.Fingerprint) // not the one asked about
	p.session.Connect(p.jid)                              // trying again changes nothing
	p.until("asked again", func() bool {
		return p.account().Problem == ProblemServerKey && p.account().ServerKey != change && p.account().ServerKey != nil
	})
	p.session.TrustServerKey(p.jid, change.New.Fingerprint)
	p.until("online", p.online)
	if c, _ := p.session.Connection(p.jid); c.Key.Fingerprint != change.New.Fingerprint || p.told().ServerKey != nil {
		t.Errorf("connection %+v", c)
	}

	t.Log("a key that was there before")
	p.elsewhere(way, first)
	p.until("online", p.online)
	if c, _ := p.session.Connection(p.jid); c.Key.Fingerprint != original.Fingerprint || !c.Key.FirstSeen.Equal(original.FirstSeen) {
		t.Errorf("key %+v, want %+v", c.Key, original)
	}
	p.keeps("both keys, the last one used first", func(a store.Account) bool {
		return len(a.ServerKeys) == 2 && a.ServerKeys[0].Hash == original.Fingerprint && a.ServerKeys[0].LastSeen.After(a.ServerKeys[1].LastSeen)
	})

	t.Log("a key at renewal is only told of")
	p.session.SetServerKeyCheck(p.jid, AskNever)
	p.elsewhere(way, third)
	p.until("online", p.online)
	p.session.SetServerKeyCheck(p.jid, AskWhenUnusual)
	p.elsewhere(way, fourth)
	p.until("online", p.online)
	var told []bool
	p.mu.Lock()
	for _, e := range p.events {
		if k, ok := e.(ServerKeyChanged); ok && k.JID == p.jid {
			told = append(told, k.Change.Usual)
		}
	}
	p.mu.Unlock()
	if !slices.Equal(told, []bool{false, true}) {
		t.Errorf("told of changes %v, want one out of turn and one usual", told)
	}
	if c, _ := p.session.Connection(p.jid); c.KeyChange == nil || !c.KeyChange.Usual {
		t.Errorf("connection %+v", c)
	}
}

// N-06: less than before takes the person's word.
func TestWeakerLogin(t *testing.T) {
	ca := xmpptest.NewCA(t)
	cert := ca.Certificate(t, scriptDomain, time.Now().Add(time.Hour))
	p := scriptedPerson(t, ca)
	sign := SignIn{Address: p.jid, Password: []byte("secret"), Server: scriptedServer(t, cert, nil), TLS: "direct"}
	p.session.SignIn(sign)
	p.until("online", p.online)
	p.keeps("how it was", func(a store.Account) bool { return a.SCRAM && a.Hash == 256 && !a.Binding && !a.Unique })
	p.session.Disconnect(p.jid)
	p.until("offline", func() bool { return p.account().State == Offline })
	if err := p.store.Update(func(s *store.Settings) {
		s.Accounts[0].Binding, s.Accounts[0].Unique, s.Accounts[0].Hash = true, true, 512
	}); err != nil {
		t.Fatal(err)
	}
	p.session.Close(t.Context())
	<-p.ended
	p.open()
	p.until("asked", func() bool { return p.account().Problem == ProblemWeakerLogin && p.account().State == Stopped })
	p.session.AcceptWeakerLogin(p.jid)
	p.until("online", p.online)
	p.keeps("how it was", func(a store.Account) bool { return a.SCRAM && a.Hash == 256 && !a.Binding && !a.Unique })
}

// An account goes through its proxy or nowhere, and the proxy's password is in the keyring alone.
func TestProxyOfAccount(t *testing.T) {
	ca := xmpptest.NewCA(t)
	server := scriptedServer(t, ca.Certificate(t, scriptDomain, time.Now().Add(time.Hour)), nil)
	way := xmpptest.StartSOCKS(t, func(s *xmpptest.SOCKS) {
		s.User, s.Passes = "me", "proxy password"
		s.Routes["somewhere.test:5223"] = server
	})
	p := scriptedPerson(t, ca)
	proxy := Proxy{Kind: ProxySOCKS5, Server: way.Addr, User: "me", Password: []byte("proxy password")}
	for _, bad := range []Proxy{{Kind: ProxySOCKS5}, {Kind: ProxySOCKS5, Server: "x"}, {Kind: ProxyTor, Server: "x:1"}, {Kind: NoProxy, User: "x"}, {Kind: 7}} {
		if err := p.session.SignIn(SignIn{Address: p.jid, Proxy: &bad}); !errors.Is(err, ErrBadProxy) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	sign := SignIn{Address: p.jid, Password: []byte("secret"), Server: "somewhere.test:5223", Proxy: &proxy}
	if err := p.session.SignIn(sign); err != nil {
		t.Fatal(err)
	}
	clear(proxy.Password)
	p.until("online", p.online)
	if c, _ := p.session.Connection(p.jid); c.Proxy != ProxySOCKS5 || c.Remote != way.Addr || c.Host != "somewhere.test" {
		t.Errorf("connection %+v", c)
	}
	if a := p.told(); a.Proxy != ProxySOCKS5 || a.ProxyServer != way.Addr || a.ProxyUser != "me" {
		t.Errorf("account %+v", a)
	}

	t.Log("after a start of the program, and signing in again without a word about the proxy")
	p.session.Close(t.Context())
	<-p.ended
	p.open()
	p.until("online", p.online)
	sign.Proxy = nil
	p.session.SignIn(sign)
	p.until("online again", func() bool { return p.online() && len(way.Calls()) == 3 })

	t.Log("a proxy that is not there is not gone round")
	if err := p.session.SetProxy(p.jid, Proxy{Kind: ProxySOCKS5, Server: "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	p.until("a problem", func() bool { return p.account().Problem == ProblemProxy })
	p.keeps("the new proxy", func(a store.Account) bool {
		return a.Proxy == "socks5" && a.ProxyServer == "127.0.0.1:1" && a.ProxyUser == ""
	})
	if err := p.session.SetProxy("nobody@h.test", Proxy{}); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

func TestClocks(t *testing.T) {
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name       string
		wall, mono time.Duration
		want       bool
	}{
		{"as ever", 3 * time.Second, 3 * time.Second, false},
		{"busy", 40 * time.Second, 40 * time.Second, false},
		{"adjusted a little", 4 * time.Second, 3 * time.Second, false},
		{"stopped 70 s", 70 * time.Second, 70 * time.Second, true},
		{"stopped 10 min", 10 * time.Minute, 10 * time.Minute, true},
		{"slept 5 s", 8 * time.Second, 3 * time.Second, true},
		{"slept 10 min", 603 * time.Second, 3 * time.Second, true},
		{"set a day back", -24 * time.Hour, 3 * time.Second, true},
		{"set to 1970", time.Unix(0, 0).Sub(noon), 3 * time.Second, true},
		{"set to 2100", time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Sub(noon), 3 * time.Second, true},
	} {
		c := clocks{wall: noon, mono: time.Hour}
		if got := c.woke(noon.Add(test.wall), time.Hour+test.mono); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
		if c.woke(noon.Add(test.wall+time.Second), time.Hour+test.mono+time.Second) {
			t.Errorf("%s: told twice", test.name)
		}
	}
}

// When the network comes back nobody waits for the end of the back-off; what must not be tried again is not.
func TestNetworkReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@a.test")
		changed := make(chan struct{})
		p := &person{t: t, jid: "alice@a.test", hub: h, keyring: keyringDouble{}}
		p.store, _ = store.Open("")
		p.accounts, p.moved = map[string]Account{}, make(chan struct{})
		p.session = Open(Config{Store: p.store, Keyring: p.keyring, dial: h.dial, network: func(context.Context) <-chan struct{} { return changed }})
		go func() {
			for e := range p.session.Events() {
				if e, ok := e.(AccountChanged); ok {
					p.mu.Lock()
					p.accounts[e.Account.JID] = e.Account
					p.mu.Unlock()
				}
			}
		}()
		state := func() AccountState {
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.account().State
		}
		p.session.SignIn(SignIn{Address: p.jid, Password: []byte("secret of " + p.jid)})
		if s := state(); s != Online {
			t.Fatalf("state %d", s)
		}
		h.mu.Lock()
		h.refuse = &xmpp.Error{Kind: xmpp.Unreachable}
		h.mu.Unlock()
		h.cut(p.jid, xmpp.Unreachable)
		time.Sleep(10 * time.Minute)
		if s := state(); s != Waiting {
			t.Fatalf("state %d without a network", s)
		}
		h.mu.Lock()
		h.refuse = nil
		h.mu.Unlock()
		begin := time.Now()
		changed <- struct{}{}
		if s := state(); s != Online || time.Since(begin) > 0 {
			t.Errorf("state %d after %v with a network", s, time.Since(begin))
		}
		for _, kind := range []xmpp.ErrorKind{xmpp.Conflict, xmpp.WrongPassword} {
			h.cut(p.jid, kind)
			if s := state(); s != Stopped {
				t.Fatalf("state %d after %d", s, kind)
			}
			changed <- struct{}{}
			time.Sleep(time.Hour)
			if s := state(); s != Stopped {
				t.Errorf("state %d: tried again after %d", s, kind)
			}
			p.session.Connect(p.jid)
			state()
		}
		p.session.Disconnect(p.jid)
		state()
		changed <- struct{}{}
		if s := state(); s != Offline {
			t.Errorf("state %d: went online against the person's wish", s)
		}
		p.session.Close(t.Context())
	})
}
