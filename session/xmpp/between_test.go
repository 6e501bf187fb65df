//go:build unix

package xmpp

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// N-03: whoever sits between us and the server with a good certificate, and hands on what both say, gets no login that
// is bound to TLS, and none that is not where there was a bound one before.
func TestBoundLoginHasOneEnd(t *testing.T) {
	server := xmpptest.StartProsody(t, accounts, xmpptest.OnlyTLS12)
	good := config(server, "alice")
	good.Server, good.TLS = server.Direct, TLSDirect
	facts := connect(t, good).Facts()
	if facts.Binding != "tls-unique" || !facts.Strength.Binding {
		t.Fatalf("%+v", facts)
	}
	ca := xmpptest.NewCA(t)
	for _, test := range []struct {
		version uint16
		seen    Strength
		want    []ErrorKind
	}{
		{tls.VersionTLS12, Strength{}, []ErrorKind{WrongPassword, BrokenStream}}, // the server notices, and says so in its way
		{tls.VersionTLS13, facts.Strength, []ErrorKind{WeakerLogin}},             // where there is nothing to bind to
	} {
		var carried atomic.Int32
		c := good
		c.RootCAs, c.Seen = ca.Pool, test.seen
		c.Server = between(t, &tls.Config{Certificates: []tls.Certificate{ca.Certificate(t, xmpptest.Domain, time.Now().Add(time.Hour))},
			MaxVersion: test.version}, server.Direct, &carried)
		_, err := Connect(within(t), c)
		if !slices.Contains(test.want, kindOf(err)) || carried.Load() == 0 {
			t.Errorf("%s: %d connections were carried on, %v", tls.VersionName(test.version), carried.Load(), err)
		}
		t.Log(err)
	}
}

// between ends TLS here and begins it anew towards the server, whatever its certificate, and returns where it listens.
func between(t *testing.T, ours *tls.Config, server string, carried *atomic.Int32) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", ours)
	if err != nil {
		t.Fatal(err)
	}
	var carrying sync.WaitGroup
	carrying.Go(func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			carrying.Go(func() {
				defer down.Close()
				up, err := tls.Dial("tcp", server, &tls.Config{InsecureSkipVerify: true, ServerName: xmpptest.Domain, NextProtos: []string{"xmpp-client"}})
				if err != nil {
					t.Error(err)
					return
				}
				defer up.Close()
				carried.Add(1)
				carry := func(to, from net.Conn) {
					io.Copy(to, from)
					to.Close()
				}
				go carry(up, down)
				carry(down, up)
			})
		}
	})
	t.Cleanup(func() { l.Close(); carrying.Wait() })
	return l.Addr().String()
}
