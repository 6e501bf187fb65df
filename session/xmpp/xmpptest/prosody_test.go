package xmpptest

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
)

func TestProsodyShowsItsWire(t *testing.T) {
	p := StartProsody(t, map[string]string{"alice": "wonderland"})
	for range 2 {
		c, err := tls.Dial("tcp", p.Direct, &tls.Config{ServerName: Domain, RootCAs: p.RootCAs})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "<stream:stream to='"+Domain+"' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
		answer := ""
		buffer := make([]byte, 4096)
		for !strings.Contains(answer, "</stream:features>") {
			n, err := c.Read(buffer)
			if err != nil {
				t.Fatalf("after %q: %v", answer, err)
			}
			answer += string(buffer[:n])
		}
		c.Close()
		if !strings.Contains(answer, "SCRAM-SHA-1") {
			t.Errorf("no SCRAM in %s", answer)
		}
		if wire := p.Wire(); !strings.Contains(wire, "SCRAM-SHA-1") || !strings.Contains(wire, "to='"+Domain+"'") {
			t.Errorf("the wire does not show both directions: %q", wire)
		}
		p.Stop()
		p.Start(t)
	}
}
