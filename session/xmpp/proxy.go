package xmpp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A ProxyKind says through what an account connects.
type ProxyKind uint8

const (
	NoProxy ProxyKind = iota
	SOCKS5            // the server at Address (RFC 1928)
	Tor               // the Tor of this computer, found by itself
)

// A Proxy is what all of an account's connections go through: they fail when it fails, and nothing is looked up in DNS
// but, where it has one, the proxy's own name. What the environment says about proxies does not count.
type Proxy struct {
	Kind     ProxyKind
	Address  string // of SOCKS5: "host:port"
	User     string // of SOCKS5, "" for none. Of Tor: what keeps this account's circuits apart from others'
	Password string // RFC 1929
}

// torAddresses are where the Tor daemon and Tor Browser listen.
var torAddresses = []string{"127.0.0.1:9050", "127.0.0.1:9150"}

const (
	torTimeout   = 30 * time.Second // building a circuit, and to an onion service meeting in the middle, takes its time
	socksStagger = 3 * time.Second
	torStagger   = 10 * time.Second
	maxSOCKSText = 255 // RFC 1928 section 5, RFC 1929 section 2
)

// Check refuses, with an *Error, what could not work with any proxy.
func (p Proxy) Check() error {
	host, port, err := net.SplitHostPort(p.Address)
	n, bad := strconv.ParseUint(port, 10, 16)
	switch {
	case p.Kind > Tor:
		return &Error{Kind: ProxyFailed, Detail: "unknown kind of proxy"}
	case p.Kind == SOCKS5 && (err != nil || bad != nil || n == 0 || host == ""):
		return &Error{Kind: ProxyFailed, Detail: "the proxy's address is not host:port"}
	case len(p.User) > maxSOCKSText, len(p.Password) > maxSOCKSText, p.User == "" && p.Password != "":
		return &Error{Kind: ProxyFailed, Detail: "name or password of the proxy cannot be used"}
	}
	return nil
}

// throughProxy fits the dialer to its proxy.
func (d *dialer) throughProxy() {
	switch d.proxy.Kind {
	case SOCKS5:
		d.stagger = socksStagger
	case Tor:
		d.limit, d.stagger = torTimeout, torStagger
		if d.proxy.User == "" {
			d.proxy.User, d.proxy.Password = NewID(), NewID()
		}
	}
}

// connectThrough has the proxy connect to a host, which it is told by name.
func (d *dialer) connectThrough(ctx context.Context, host string, port uint16) (net.Conn, error) {
	if d.proxy.Kind == SOCKS5 {
		conn, err := d.greet(ctx, d.proxy.Address)
		if err != nil {
			return nil, err
		}
		return d.request(ctx, conn, host, port)
	}
	var failure error
	for _, address := range d.tor {
		// What listens there and does not speak like Tor is something else.
		conn, err := d.greet(ctx, address)
		if err == nil {
			return d.request(ctx, conn, host, port)
		}
		failure = cmp.Or(failure, err)
	}
	return nil, failure
}

// A SOCKSError is the reply of a proxy that could not connect (RFC 1928 section 6; Tor adds some of its own).
type SOCKSError byte

var socksWords = map[SOCKSError]string{1: "general failure", 2: "not allowed", 3: "network unreachable", 4: "host unreachable",
	5: "connection refused", 6: "timed out", 7: "command not supported", 8: "address not supported"}

func (e SOCKSError) Error() string {
	if words, ok := socksWords[e]; ok {
		return "the proxy says: " + words
	}
	return fmt.Sprintf("the proxy says: %#x", byte(e))
}

const (
	socksVersion  = 5
	withoutLogin  = 0
	withLogin     = 2
	loginVersion  = 1
	connectMethod = 1
	addressIPv4   = 1
	addressName   = 3
	addressIPv6   = 4
)

// greet connects to the proxy and gets as far as being allowed to ask (RFC 1928 section 3, RFC 1929). With a name to
// give, no proxy is accepted that does not want it: on Tor it keeps circuits apart.
func (d *dialer) greet(ctx context.Context, address string) (net.Conn, error) {
	conn, err := d.dialProxy(ctx, address)
	if err != nil {
		return nil, proxyError(ctx, "not reachable", err)
	}
	method := byte(withoutLogin)
	if d.proxy.User != "" {
		method = withLogin
	}
	err = during(ctx, conn, func() error {
		if _, err := conn.Write([]byte{socksVersion, 1, method}); err != nil {
			return err
		}
		var answer [2]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			return err
		}
		switch {
		case answer[0] != socksVersion:
			return errors.New("it does not speak SOCKS5")
		case answer[1] != method:
			return errors.New("it does not accept our way to sign in")
		case method == withoutLogin:
			return nil
		}
		login := []byte{loginVersion, byte(len(d.proxy.User))}
		login = append(login, d.proxy.User...)
		login = append(login, byte(len(d.proxy.Password)))
		login = append(login, d.proxy.Password...)
		if _, err := conn.Write(login); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			return err
		}
		if answer[1] != 0 {
			return errors.New("it refuses name and password")
		}
		return nil
	})
	if err != nil {
		conn.Close()
		return nil, proxyError(ctx, "no agreement", err)
	}
	return conn, nil
}

// dialProxy dials the proxy itself. "localhost" needs no DNS.
func (d *dialer) dialProxy(ctx context.Context, address string) (net.Conn, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	return d.connect(ctx, host, uint16(port))
}

// request asks for a connection (RFC 1928 section 4).
func (d *dialer) request(ctx context.Context, conn net.Conn, host string, port uint16) (net.Conn, error) {
	ask := []byte{socksVersion, connectMethod, 0}
	switch a, err := netip.ParseAddr(host); {
	case err == nil && a.Unmap().Is4():
		ask = append(append(ask, addressIPv4), a.Unmap().AsSlice()...)
	case err == nil:
		ask = append(append(ask, addressIPv6), a.AsSlice()...)
	case len(host) > maxSOCKSText:
		conn.Close()
		return nil, &Error{Kind: UnknownHost, Detail: "the name is too long"}
	default:
		ask = append(append(ask, addressName, byte(len(host))), host...)
	}
	ask = append(ask, byte(port>>8), byte(port))
	var reply SOCKSError
	err := during(ctx, conn, func() error {
		if _, err := conn.Write(ask); err != nil {
			return err
		}
		var answer [4]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			return err
		}
		if answer[0] != socksVersion {
			return errors.New("it does not speak SOCKS5")
		}
		if reply = SOCKSError(answer[1]); reply != 0 {
			return nil
		}
		return skipAddress(conn, answer[3])
	})
	switch {
	case err != nil:
		conn.Close()
		return nil, proxyError(ctx, "no connection", err)
	case reply != 0:
		conn.Close()
		return nil, &Error{Kind: Unreachable, Detail: "connecting", Err: reply}
	}
	return conn, nil
}

// skipAddress reads the address that the proxy connects from, which says nothing to us, and not a byte of what follows.
func skipAddress(conn io.Reader, kind byte) error {
	length := 2 // the port
	switch kind {
	case addressIPv4:
		length += 4
	case addressIPv6:
		length += 16
	case addressName:
		var n [1]byte
		if _, err := io.ReadFull(conn, n[:]); err != nil {
			return err
		}
		length += int(n[0])
	default:
		return errors.New("it answers with an unknown kind of address")
	}
	_, err := io.ReadFull(conn, make([]byte, length))
	return err
}

// during has talk speak on conn, for no longer than ctx allows.
func during(ctx context.Context, conn net.Conn, talk func() error) error {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	err := talk()
	if !stop() {
		return cmp.Or(err, context.Cause(ctx)) // the deadline is set, or about to be
	}
	return err
}

// proxyError types what went wrong with the proxy itself.
func proxyError(ctx context.Context, what string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return &Error{Kind: ProxyFailed, Detail: what, Err: err}
}
