package xmpp

import (
	"net"
	"sync"
	"time"
)

// writeTimeout is how long the server may refuse to take what we send before the line counts as dead.
const writeTimeout = 10 * time.Second

// A relay stands between go-xmpp, which insists on dialling by itself, and the connection that our own dialer made: it
// listens on loopback, takes exactly one caller and passes bytes on. TLS runs through it from end to end, so it sees
// ciphertext and channel binding holds; another local process that called first would reach the server's TLS and
// nothing else. Whatever go-xmpp waits for, killing the relay ends it.
type relay struct {
	listener net.Listener
	up       net.Conn // to the server
	copying  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	down   net.Conn   // to go-xmpp
	killed bool
	cause  error
}

func newRelay(up net.Conn) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, up: up}
	r.copying.Go(r.run)
	return r, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) run() {
	down, err := r.listener.Accept()
	r.listener.Close()
	if err != nil {
		r.kill(err)
		return
	}
	r.mu.Lock()
	r.down = down
	killed := r.killed
	r.mu.Unlock()
	if killed {
		down.Close()
		return
	}
	r.copying.Go(func() { r.fromServer(down) })
	r.toServer(down)
}

// fromServer only half-closes towards go-xmpp when the server is gone: closing would throw away what it said last.
func (r *relay) fromServer(down net.Conn) {
	defer down.(*net.TCPConn).CloseWrite()
	acknowledge := atOnce(r.up)
	buf := make([]byte, 32<<10)
	for {
		n, err := r.up.Read(buf)
		acknowledge()
		if n > 0 {
			if _, err := down.Write(buf[:n]); err != nil {
				r.note(err)
				return
			}
		}
		if err != nil {
			r.note(err)
			return
		}
	}
}

func (r *relay) toServer(down net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := down.Read(buf)
		if err != nil {
			r.kill(err)
			return
		}
		r.up.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := r.up.Write(buf[:n]); err != nil {
			// What the server said before it left is still to be read; only writing is over.
			r.note(err)
			if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
				r.kill(err)
			}
			return
		}
	}
}

// note remembers why the line failed, the first reason only.
func (r *relay) note(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause == nil {
		r.cause = cause
	}
}

// kill cuts both sides. The first cause is kept.
func (r *relay) kill(cause error) {
	r.note(cause)
	r.mu.Lock()
	r.killed = true
	down := r.down
	r.mu.Unlock()
	r.listener.Close()
	r.up.Close()
	if down != nil {
		down.Close()
	}
}

// why is the cause the relay was killed for, or the error that ended it.
func (r *relay) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cause
}
