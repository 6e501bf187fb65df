//go:build unix

package xmpptest

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/stream"
)

func TestProsody(t *testing.T) {
	p := StartProsody(t, map[string]string{"alice": "wonderland"})
	offers(t, p, "SCRAM-SHA-256")
	p.Stop()
	p.Start(t)
	offers(t, p, "SCRAM-SHA-256")
	p.Kill()
	if _, err := net.Dial("tcp", p.Direct); err == nil {
		t.Error("still listening after Kill")
	}
}

// offers signs in as far as the mechanisms.
func offers(t *testing.T, p *Prosody, mechanism string) {
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
