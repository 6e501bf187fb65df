//go:build unix

package xmpptest

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

func TestProsody(t *testing.T) {
	p := StartProsody(t, "example.test")
	p.AddUser("alice", "wonderland")
	for range 2 {
		offers(t, p, "SCRAM-SHA-256")
		p.Restart()
	}
	p.Kill()
	if _, err := net.Dial("tcp", p.Direct); err == nil {
		t.Error("still listening after Kill")
	}
}

// offers signs in as far as the mechanisms.
func offers(t *testing.T, p *Prosody, mechanism string) {
	t.Helper()
	conn, err := tls.Dial("tcp", p.Direct, &tls.Config{ServerName: p.Domain, RootCAs: p.CA.Pool, NextProtos: []string{"xmpp-client"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	open, _ := stream.Header{To: p.Domain}.Open()
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
