//go:build unix

package xmpptest

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

func TestProsody(t *testing.T) {
	testServer(t, StartProsody(t, map[string]string{"alice": "wonderland"}))
}

func TestEjabberd(t *testing.T) {
	testServer(t, StartEjabberd(t, map[string]string{"alice": "wonderland"}))
}

func testServer(t *testing.T, s *Server) {
	offers(t, s, "SCRAM-SHA-256")
	s.Stop()
	s.Start(t)
	offers(t, s, "SCRAM-SHA-256")
	s.AddAccount(t, "bob", "builder")
	s.Kill()
	if _, err := net.Dial("tcp", s.Direct); err == nil {
		t.Error("still listening after Kill")
	}
}

// offers signs in as far as the mechanisms.
func offers(t *testing.T, p *Server, mechanism string) {
	t.Helper()
	conn, err := tls.Dial("tcp", p.Direct, &tls.Config{ServerName: Domain, RootCAs: p.RootCAs, NextProtos: []string{"xmpp-client"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	open, _ := stream.Header{To: Domain}.Open()
	conn.Write([]byte(open))
	r := stream.NewReader(conn)
	if _, err := r.Header(); err != nil {
		t.Fatal(err)
	}
	features, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if m := features.Child(stream.NSSASL, "mechanisms"); m != nil {
		for _, m := range m.Children {
			if m.Text == mechanism {
				return
			}
		}
	}
	text, _ := features.XML()
	t.Errorf("features without %s: %s", mechanism, text)
}
