package xmpptest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A DNS is a name server of this test's own on loopback, over UDP and TCP. Its maps are for StartDNS's fill: names
// end in a dot and are in lower case. What it does not know does not exist.
type DNS struct {
	SRV   map[string][]net.SRV
	Hosts map[string][]netip.Addr
	CNAME map[string]string
	Fail  map[string]bool // SERVFAIL
	Hang  map[string]bool // no answer at all

	address string
	mu      sync.Mutex
	asked   []string
}

// StartDNS answers until the test ends.
func StartDNS(t testing.TB, fill func(*DNS)) *DNS {
	t.Helper()
	var udp net.PacketConn
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	for err == nil {
		// The same port for both; with bad luck somebody has it already.
		if udp, err = net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			break
		}
		tcp.Close()
		tcp, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	d := &DNS{SRV: map[string][]net.SRV{}, Hosts: map[string][]netip.Addr{}, CNAME: map[string]string{}, Fail: map[string]bool{},
		Hang: map[string]bool{}, address: tcp.Addr().String()}
	fill(d)
	var serving sync.WaitGroup
	serving.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := d.answer(buf[:n], 512); reply != nil {
				udp.WriteTo(reply, from)
			}
		}
	})
	serving.Go(func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { d.converse(conn) })
		}
	})
	t.Cleanup(func() {
		udp.Close()
		tcp.Close()
		serving.Wait()
	})
	return d
}

// Resolver asks this name server and no other, whatever the system's settings.
func (d *DNS) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, d.address)
	}}
}

// Asked lists the questions so far, as "A name.".
func (d *DNS) Asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

func (d *DNS) converse(conn net.Conn) {
	defer conn.Close()
	for {
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		reply := d.answer(question, 1<<16-1)
		if reply == nil {
			return
		}
		conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	}
}

// answer makes a reply of at most limit bytes; nil for none.
func (d *DNS) answer(question []byte, limit int) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(question)
	if err != nil {
		return nil
	}
	q, err := parser.Question()
	if err != nil {
		return nil
	}
	name := strings.ToLower(q.Name.String())
	d.mu.Lock()
	d.asked = append(d.asked, strings.TrimPrefix(q.Type.String(), "Type")+" "+name)
	d.mu.Unlock()
	if d.Hang[name] {
		return nil
	}
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: header.ID, Response: true, RecursionDesired: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{q},
	}
	known := false
	for d.CNAME[name] != "" && len(reply.Answers) < 100 {
		next := dnsmessage.MustNewName(d.CNAME[name])
		reply.Answers = append(reply.Answers, record(name, &dnsmessage.CNAMEResource{CNAME: next}))
		name, known = d.CNAME[name], true
	}
	if q.Type == dnsmessage.TypeSRV {
		for _, s := range d.SRV[name] {
			reply.Answers = append(reply.Answers, record(name, &dnsmessage.SRVResource{
				Priority: s.Priority, Weight: s.Weight, Port: s.Port, Target: dnsmessage.MustNewName(s.Target)}))
		}
	}
	for _, a := range d.Hosts[name] {
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			reply.Answers = append(reply.Answers, record(name, &dnsmessage.AResource{A: a.As4()}))
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			reply.Answers = append(reply.Answers, record(name, &dnsmessage.AAAAResource{AAAA: a.As16()}))
		}
	}
	known = known || d.SRV[name] != nil || d.Hosts[name] != nil
	switch {
	case d.Fail[name]:
		reply.RCode, reply.Answers = dnsmessage.RCodeServerFailure, nil
	case !known:
		reply.RCode = dnsmessage.RCodeNameError
	}
	packed, err := reply.Pack()
	if err != nil || len(packed) > limit {
		reply.Truncated, reply.Answers = true, nil
		packed, _ = reply.Pack()
	}
	return packed
}

func record(name string, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 1},
		Body:   body,
	}
}
