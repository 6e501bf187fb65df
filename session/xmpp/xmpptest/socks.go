package xmpptest

import (
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A SOCKS is a SOCKS5 proxy of this test's own on loopback. It connects to nothing but what Routes names. Its fields are
// for StartSOCKS's settings to fill.
type SOCKS struct {
	Addr   string
	Routes map[string]string // "host:port" as it is asked for, to where it leads; what is not here is refused
	User   string            // what must be given, with Password; "" when anything is taken
	Passes string            // its password
	Reply  byte              // a failure to answer every request with; 0: none
	Silent bool              // it never says a word

	mu    sync.Mutex
	calls []SOCKSCall
}

// A SOCKSCall is one request that reached a SOCKS.
type SOCKSCall struct{ User, Password, To string }

// StartSOCKS listens until the test ends.
func StartSOCKS(t testing.TB, settings ...func(*SOCKS)) *SOCKS {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &SOCKS{Addr: l.Addr().String(), Routes: map[string]string{}}
	for _, set := range settings {
		set(s)
	}
	var serving sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	keep := func(c net.Conn) {
		mu.Lock()
		defer mu.Unlock()
		open = append(open, c)
	}
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			keep(conn)
			serving.Go(func() {
				defer conn.Close()
				up := s.negotiate(conn)
				if up == nil {
					return
				}
				keep(up)
				var both sync.WaitGroup
				both.Go(func() { io.Copy(up, conn); up.(*net.TCPConn).CloseWrite() })
				both.Go(func() { io.Copy(conn, up); conn.(*net.TCPConn).CloseWrite() })
				both.Wait()
				up.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return s
}

// Calls lists the requests so far.
func (s *SOCKS) Calls() []SOCKSCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]SOCKSCall(nil), s.calls...)
}

// negotiate is the server's side of RFC 1928 and RFC 1929; nil when it came to nothing.
func (s *SOCKS) negotiate(conn net.Conn) net.Conn {
	var call SOCKSCall
	if s.Silent {
		io.Copy(io.Discard, conn)
		return nil
	}
	head := make([]byte, 2)
	if _, err := io.ReadFull(conn, head); err != nil || head[0] != 5 {
		return nil
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(conn, methods); err != nil {
		return nil
	}
	method := methods[0]
	if s.User != "" && method != 2 {
		conn.Write([]byte{5, 0xff})
		return nil
	}
	conn.Write([]byte{5, method})
	if method == 2 {
		io.ReadFull(conn, head[:1])
		call.User, call.Password = text(conn), text(conn)
		if s.User != "" && (call.User != s.User || call.Password != s.Passes) {
			conn.Write([]byte{1, 1})
			return nil
		}
		conn.Write([]byte{1, 0})
	}
	request := make([]byte, 4)
	if _, err := io.ReadFull(conn, request); err != nil {
		return nil
	}
	var host string
	switch request[3] {
	case 1:
		ip := make(net.IP, 4)
		io.ReadFull(conn, ip)
		host = ip.String()
	case 3:
		host = text(conn)
	case 4:
		ip := make(net.IP, 16)
		io.ReadFull(conn, ip)
		host = ip.String()
	}
	port := make([]byte, 2)
	io.ReadFull(conn, port)
	call.To = net.JoinHostPort(host, strconv.Itoa(int(port[0])<<8|int(port[1])))
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	reply := s.Reply
	var up net.Conn
	if reply == 0 {
		var err error
		if up, err = net.DialTimeout("tcp", s.Routes[call.To], 10*time.Second); err != nil {
			reply = 5
		}
	}
	// The address it connects from may be of any kind: a name is the one that is easily got wrong.
	conn.Write(append(append([]byte{5, reply, 0, 3, 5}, "proxy"...), 0, 1))
	return up
}

// text reads a string of RFC 1929.
func text(r io.Reader) string {
	length := make([]byte, 1)
	io.ReadFull(r, length)
	s := make([]byte, length[0])
	io.ReadFull(r, s)
	return string(s)
}
