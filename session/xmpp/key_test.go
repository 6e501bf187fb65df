package xmpp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

func TestRenewal(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name       string
		life, left time.Duration
		issuer     string
		usual      bool
	}{
		{"renewed with a third left", 90 * day, 30 * day, "A", true},
		{"renewed a little earlier", 90 * day, 36 * day, "A", true},
		{"half of its life to go", 90 * day, 45 * day, "A", false},
		{"fresh", 90 * day, 90 * day, "A", false},
		{"ran out long ago", 90 * day, -200 * day, "A", true},
		{"near its end, another authority", 90 * day, 10 * day, "B", false},
		{"a year's, renewed in the last month", 365 * day, 30 * day, "A", true},
		{"a year's, with half a year to go", 365 * day, 180 * day, "A", false},
		{"a week's, in the middle", 7 * day, 4 * day, "A", true},
		{"a week's, fresh", 7 * day, 6 * day, "A", false},
	} {
		old := ServerKey{Hash: "old", Issuer: "A", NotBefore: now.Add(test.left - test.life), NotAfter: now.Add(test.left)}
		if got := old.Expects(ServerKey{Hash: "new", Issuer: test.issuer}, now); got != test.usual {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// N-03: a valid certificate with another key than the server's is told of, and nothing of the account is said to it
// when a renewal does not explain it.
func TestServerKeyChanges(t *testing.T) {
	ca, cert := authority()(t)
	key := func(c tls.Certificate) ServerKey {
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return KeyOf(leaf)
	}
	known := key(cert)
	due, fresh := known, known
	due.Hash, due.NotAfter = "due", time.Now().Add(time.Hour)
	due.NotBefore = due.NotAfter.Add(-90 * 24 * time.Hour)
	fresh.Hash, fresh.NotAfter = "fresh", time.Now().Add(80*24*time.Hour)
	fresh.NotBefore = fresh.NotAfter.Add(-90 * 24 * time.Hour)
	elsewhere := due
	elsewhere.Issuer = "Somebody Else"
	for _, test := range []struct {
		name  string
		keys  []ServerKey
		check KeyCheck
		asks  bool
		told  string // Hash of the old key; "": nothing is told
	}{
		{"the first time", nil, AskWhenUnusual, false, ""},
		{"the same", []ServerKey{known}, AskAlways, false, ""},
		{"one of several", []ServerKey{fresh, known}, AskAlways, false, ""},
		{"at renewal", []ServerKey{due}, AskWhenUnusual, false, "due"},
		{"out of turn", []ServerKey{fresh}, AskWhenUnusual, true, "fresh"},
		{"from another authority", []ServerKey{elsewhere}, AskWhenUnusual, true, "due"},
		{"judged by the last one used", []ServerKey{fresh, due}, AskWhenUnusual, true, "fresh"},
		{"at renewal, always to be asked", []ServerKey{due}, AskAlways, true, "due"},
		{"out of turn, never to be asked", []ServerKey{fresh}, AskNever, false, "fresh"},
	} {
		for name, mode := range map[string]TLSMode{"STARTTLS": TLSStart, "direct": TLSDirect} {
			t.Run(test.name+" "+name, func(t *testing.T) {
				spoke := make(chan bool, 1)
				c := Config{JID: jid.MustParse("alice@" + domain), Password: []byte("secret"), Resource: "sotto-1", TLS: mode,
					RootCAs: ca.Pool, Keys: test.keys, KeyCheck: test.check}
				c.Server = xmpptest.Listen(t, cert, domain, func(p *xmpptest.Peer) {
					if mode == TLSStart {
						p.StartTLS()
					} else {
						p.TLS()
					}
					if test.asks {
						n, _ := p.Read(make([]byte, 1))
						spoke <- n > 0
						return
					}
					p.SignIn("secret")
					p.HearUntil("never")
				})
				if test.asks {
					_, err := Connect(within(t), c)
					var change *KeyChange
					if kindOf(err) != KeyChanged || !errors.As(err, &change) || change.New != known || change.Old.Hash != test.told {
						t.Errorf("got %v", err)
					}
					select {
					case said := <-spoke:
						if said {
							t.Error("spoke to it")
						}
					default: // TLS did not even come about
					}
					return
				}
				f := connect(t, c).Facts()
				switch {
				case f.Key != known:
					t.Errorf("key %+v, want %+v", f.Key, known)
				case test.told == "" && f.KeyChange != nil, test.told != "" && (f.KeyChange == nil || f.KeyChange.Old.Hash != test.told || f.KeyChange.New != known):
					t.Errorf("change %+v", f.KeyChange)
				}
			})
		}
	}
}
