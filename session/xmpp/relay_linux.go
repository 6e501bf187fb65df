package xmpp

import (
	"net"

	"golang.org/x/sys/unix"
)

// atOnce returns what has the kernel acknowledge what was read, instead of after up to 40 ms, in which a server that sends small pieces by
// Nagle's algorithm holds the next one back: a message behind an <a/>. The kernel forgets it again, so it is called after each read.
func atOnce(conn net.Conn) func() {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return func() {}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return func() {}
	}
	return func() {
		raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) }) // without it all is only slower
	}
}
