//go:build unix

package session

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// Two people have an account each on two servers, in one program each: what is known of one account, its keys, the server's, its way
// through Tor and whether it is online, is nothing to the other.
func TestAccountsOnTwoServers(t *testing.T) {
	accounts := map[string]string{"alice": "alice's-password", "bob": "bob's-password"}
	servers := []*xmpptest.Server{xmpptest.StartProsody(t, accounts), xmpptest.StartProsody(t, accounts, xmpptest.AtOtherDomain)}
	tor := xmpptest.StartSOCKS(t, func(s *xmpptest.SOCKS) {
		for _, server := range servers {
			s.Routes[server.Domain+":5222"] = server.Addr
		}
	})
	a, b := onEach(t, "alice", servers, tor.Addr), onEach(t, "bob", servers, "")

	t.Log("they meet on both servers")
	for _, server := range servers {
		ref := Ref{"alice@" + server.Domain, "bob@" + server.Domain}
		if _, err := a.session.AddContact(ref.Account, ref.Contact, "Bob"); err != nil {
			t.Fatal(err)
		}
		b.until("a request", func() bool { return b.contacts[ref.Account].Wants })
		b.session.Accept(Ref{ref.Contact, ref.Account})
		a.until("a contact", func() bool {
			c := a.contacts[ref.Contact]
			return c.Account == ref.Account && c.Subscription == SubscriptionBoth && c.Presence == PresenceOnline
		})
	}

	t.Log("and speak privately")
	speak := func(server *xmpptest.Server) {
		t.Helper()
		ref, text := Ref{"alice@" + server.Domain, "bob@" + server.Domain}, canary()
		a.session.Opened(ref)
		a.until("private", func() bool { return a.contacts[ref.Contact].SendMode == SendPrivately })
		id, err := a.session.Send(ref, text, SendPrivately)
		if err != nil {
			t.Fatal(err)
		}
		a.until("delivered", func() bool { return a.entries[id].Status == StatusDelivered })
		b.until("the text", func() bool { return b.heardText(text) })
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, e := range b.entries {
			if e.Text == text && (e.Ref != Ref{ref.Contact, ref.Account}) {
				t.Errorf("%s is heard by %+v", ref.Account, e.Ref)
			}
		}
	}
	for _, server := range servers {
		speak(server)
	}

	t.Log("each account has what is its own")
	own, pins, circuits, facts := map[string]bool{}, map[string]bool{}, map[string]string{}, map[string]Connection{}
	circuit := func(server *xmpptest.Server) (all []string) {
		for _, call := range tor.Calls() {
			if call.To == server.Domain+":5222" {
				all = append(all, call.User+" "+call.Password)
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	for i, server := range servers {
		jid := "alice@" + server.Domain
		c, ok := a.session.Connection(jid)
		if !ok || c.Host != server.Domain || !slices.Equal(c.Certificate.Names, []string{server.Domain}) {
			t.Fatalf("%s: %+v", jid, c)
		}
		facts[jid], pins[c.Key.Fingerprint] = c, true
		a.mu.Lock()
		own[a.accounts[jid].Fingerprint.String()] = true
		own[a.contacts["bob@"+server.Domain].Key.String()] = true
		a.mu.Unlock()
		a.keepsOf(jid, "what is its own, and nothing else", func(kept store.Account) bool {
			return len(kept.ServerKeys) == 1 && kept.ServerKeys[0].Hash == c.Key.Fingerprint && len(kept.Contacts) == 1 &&
				kept.Contacts[0].JID == "bob@"+server.Domain && len(kept.Contacts[0].Keys) == 1
		})
		if wire := server.Wire(); strings.Contains(wire, servers[1-i].Domain) || strings.Contains(wire, "canary-") || !strings.Contains(wire, "?OTR:") {
			t.Errorf("%s hears of the other server, or of what is private", server.Domain)
		}
		if all := circuit(server); len(all) != 1 || len(all[0]) < 64 || circuits[all[0]] != "" {
			t.Errorf("%s is reached through the circuits %q, the other through %v", server.Domain, all, circuits)
		} else {
			circuits[all[0]] = server.Domain
		}
	}
	if len(own) != 4 || len(pins) != 2 {
		t.Errorf("%d keys of people and %d of servers, want 4 and 2", len(own), len(pins))
	}

	t.Log("the first server goes down")
	first, second := "alice@"+servers[0].Domain, "alice@"+servers[1].Domain
	servers[0].Stop()
	a.until("the one waits", func() bool { return a.accounts[first].State == Waiting })
	b.until("the one waits", func() bool { return b.accounts["bob@"+servers[0].Domain].State == Waiting })
	speak(servers[1])
	if c, ok := a.session.Connection(second); !ok || !c.Since.Equal(facts[second].Since) {
		t.Errorf("the other account has another connection: %+v", c)
	}
	servers[0].Start(t)
	a.session.Connect(first)
	b.session.Connect("bob@" + servers[0].Domain)
	a.until("it is back", func() bool { return a.accounts[first].State == Online })
	b.until("it is back", func() bool { return b.accounts["bob@"+servers[0].Domain].State == Online })
	speak(servers[0])
	if all := circuit(servers[0]); len(all) != 1 || circuits[all[0]] != servers[0].Domain {
		t.Errorf("and has come by another circuit: %q", all)
	}

	t.Log("the first account goes")
	a.session.RemoveAccount(first)
	a.until("gone", func() bool { _, there := a.accounts[first]; return !there })
	speak(servers[1])
	a.keepsOf(second, "all that it had", func(kept store.Account) bool { return len(kept.ServerKeys) == 1 && len(kept.Contacts) == 1 })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		keyringLock.Lock()
		n := len(a.keyring.(keyringDouble))
		keyringLock.Unlock()
		if n == 2 { // a password and a key
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d secrets are kept", n)
		}
	}
}

// onEach is somebody with an account on each of the servers, signed in; through Tor, if it says where that is.
func onEach(t *testing.T, local string, servers []*xmpptest.Server, tor string) *person {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, jid: local + "@" + servers[0].Domain, store: s, keyring: keyringDouble{}}
	p.dial = func(ctx context.Context, c xmpp.Config) (line, error) {
		for _, server := range servers {
			if server.Domain == c.JID.Domainpart() {
				c.RootCAs = server.RootCAs // each has an authority of its own
			}
		}
		if c.Proxy.Kind == xmpp.Tor { // which is not on this machine
			c.Proxy.Kind, c.Proxy.Address = xmpp.SOCKS5, tor
		}
		return dial(ctx, c)
	}
	p.open()
	t.Cleanup(func() {
		p.close()
		s.Close()
	})
	for _, server := range servers {
		in := SignIn{Address: local + "@" + server.Domain, Password: []byte(local + "'s-password"), Server: server.Addr, TLS: "starttls"}
		if tor != "" {
			in.Server, in.TLS, in.Proxy = "", "", &Proxy{Kind: ProxyTor}
		}
		if err := p.session.SignIn(in); err != nil {
			t.Fatal(err)
		}
	}
	p.until("online on each", func() bool {
		return !slices.ContainsFunc(servers, func(s *xmpptest.Server) bool { return p.accounts[local+"@"+s.Domain].State != Online })
	})
	return p
}
