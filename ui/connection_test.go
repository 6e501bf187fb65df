package ui

import (
	"testing"
	"time"

	"github.com/sotto-im/sotto/session"
)

func TestConnectionIsTold(t *testing.T) {
	s := newStage(t)
	s.tell(onlineAccount())
	s.engine.connection = session.Connection{Host: "xmpp.example.org", Port: 5223, DirectTLS: true, TLSVersion: "TLS 1.3", CipherSuite: "TLS_AES_128_GCM_SHA256",
		Mechanism: "SCRAM-SHA-256-PLUS", Binding: "tls-exporter", Acks: true, Proxy: session.ProxyTor,
		Certificate: session.Certificate{Names: []string{"example.org"}, Issuer: "CN=An authority", NotAfter: noon},
		Key:         session.ServerKey{Fingerprint: "0011223344556677", FirstSeen: noon}}
	facts := map[string]string{}
	for _, f := range connectionFacts(s.engine.connection) {
		facts[f[0]] = f[1]
	}
	for about, said := range map[string]string{
		"Server": "xmpp.example.org, port 5223", "Connected through": "Tor", "Encryption": "TLS 1.3 from the first byte, TLS_AES_128_GCM_SHA256",
		"Certificate":       "for example.org, from CN=An authority, until 22 November 2026",
		"Key of the server": "00112233 44556677, known since 22 November 2026",
		"Signed in with":    "SCRAM-SHA-256-PLUS, bound to this connection (tls-exporter)", "Delivery": "The server confirms each message",
	} {
		if facts[about] != said {
			t.Errorf("%s: %q", about, facts[about])
		}
	}
	s.shell.own.connection(alice)
	if len(s.shell.own.windows) != 1 {
		t.Fatal("no window")
	}
}

func TestProxyIsChosen(t *testing.T) {
	s := newStage(t)
	a := onlineAccount()
	s.tell(a)
	f := s.shell.own.chooseProxy(a.Account)
	f.kind.SetSelected("Tor")
	s.press("Save")
	s.wantAsked("SetProxy alice@example.org 2   0")
	a.Account.Proxy, a.Account.ProxyServer, a.Account.ProxyUser = session.ProxySOCKS5, "127.0.0.1:1080", "me"
	f = s.shell.own.chooseProxy(a.Account)
	if !f.more.Visible() || f.server.Text != "127.0.0.1:1080" || f.user.Text != "me" {
		t.Error("what is set already is not shown")
	}
	s.engine.refuse = session.ErrBadProxy
	s.press("Save")
	s.wantSeen("It looks like 127.0.0.1:1080.")
}

// TestServerKeyIsAskedAbout: nothing is decided by the key that also closes windows.
func TestServerKeyIsAskedAbout(t *testing.T) {
	s := newStage(t)
	a := onlineAccount()
	a.Account.State, a.Account.Problem = session.Stopped, session.ProblemServerKey
	a.Account.ServerKey = &session.ServerKeyChange{Old: session.ServerKey{Fingerprint: "00", NotAfter: noon}, New: session.ServerKey{Fingerprint: "ff", NotAfter: noon.Add(24 * time.Hour)}}
	s.tell(a)
	s.wantSeen("has another key than before")
	s.press("Look at it")
	if s.engine.last() != "" {
		t.Errorf("asked for %q", s.engine.last())
	}
}

func TestWeakerLoginIsAskedAbout(t *testing.T) {
	s := newStage(t)
	a := onlineAccount()
	a.Account.State, a.Account.Problem = session.Stopped, session.ProblemWeakerLogin
	s.tell(a)
	s.press("Sign in all the same")
	s.wantSeen("takes the safer ways away")
	s.press("Sign in")
	s.wantAsked("AcceptWeakerLogin alice@example.org")
}

func TestDevices(t *testing.T) {
	c := bob()
	c.Devices = []session.Device{{Tag: 0x100, Resource: "laptop", Verified: session.BySecret, Selected: true}, {Tag: 0x200, Resource: "sotto-12ab"}}
	s := newTalk(t, c)
	s.talk().openLock()
	s.wantSeen("What you write goes to one: “laptop”, verified.")
	s.press("Talk to: a device without a name, not verified (2)")
	s.wantAsked("SelectDevice bob@example.org 200")
}

func TestVersion2IsAllowedByThePerson(t *testing.T) {
	c := bob()
	c.Lock, c.SendMode, c.OnlyV2, c.Key = session.NotPrivate, session.SendWhenPrivate, true, nil
	s := newTalk(t, c)
	s.wantSeen("speaks only version 2 of OTR")
	s.press("Allow for Bob Miller")
	s.wantAsked("AllowV2 bob@example.org true")
	c.AllowV2, c.Lock, c.Version = true, session.Unverified, 2
	s.tell(session.ContactChanged{Contact: c})
	s.talk().openLock()
	s.wantSeen("This conversation uses version 2 of OTR")
	s.press("Do not allow OTR 2 any more")
	s.wantAsked("AllowV2 bob@example.org false")
}
