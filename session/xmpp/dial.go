package xmpp

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/idna"
)

const (
	connectTimeout = 10 * time.Second       // looking up and connecting, all targets together
	lookupTimeout  = 4 * time.Second        // of that, for SRV records: without them the domain's own address is tried
	otherKind      = time.Second            // what records of one kind wait for those of the other
	stagger        = 750 * time.Millisecond // a silent target's head start over the next
	addressStagger = 250 * time.Millisecond // the same for the addresses of one target (RFC 8305 section 5)
	otherFamily    = 50 * time.Millisecond  // what addresses of one family wait for those of the other (section 3)
	maxTargets     = 16                     // more SRV records than that are not meant to be tried
	maxAddresses   = 16                     // nor more addresses of one host

	portStartTLS = 5222
	portDirect   = 5223
	portHTTPS    = 443 // where networks let nothing else through: TLS from the first byte (XEP-0368)
)

// A target is one place where the account's server may be listening.
type target struct {
	host   string
	port   uint16
	direct bool // TLS from the first byte
}

func (t target) address() string { return net.JoinHostPort(t.host, strconv.Itoa(int(t.port))) }

// A resolver is a *net.Resolver.
type resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

func (c *Config) dns() resolver {
	if c.resolver != nil {
		return c.resolver
	}
	return net.DefaultResolver
}

// each connects to one of the account's servers and hands the connection to attempt, which owns it, and does so again
// with the next when attempt says that another may do better. The error, an *Error, is then the first one's.
func (c *Config) each(ctx context.Context, domain string, attempt func(up net.Conn, t target) (next bool, err error)) error {
	var targets []target
	var failure error
	for {
		up, found, i, err := c.open(ctx, domain, targets)
		if err != nil {
			return cmp.Or(failure, err)
		}
		next, err := attempt(up, found[i])
		if err == nil || !next || ctx.Err() != nil {
			return err
		}
		failure = cmp.Or(failure, err)
		if targets = append(found[:i:i], found[i+1:]...); len(targets) == 0 {
			return failure
		}
	}
}

// open connects to the first of the targets that answers, and returns which it was. Without targets it finds them
// first: looking up and connecting share one limit.
func (c *Config) open(ctx context.Context, domain string, targets []target) (net.Conn, []target, int, error) {
	d, err := c.dialer()
	if err != nil {
		return nil, nil, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	if targets == nil {
		if targets, err = c.targets(ctx, domain); err != nil {
			return nil, nil, 0, dialError(err)
		}
	}
	conn, i, err := d.dial(ctx, targets)
	if err != nil {
		return nil, nil, 0, dialError(err)
	}
	return conn, targets, i, nil
}

// targets says where to connect, best first: to the server the person named, or to those the domain names in DNS
// (RFC 6120 section 3.2, XEP-0368), or to the domain itself. DNS only ever decides where we connect: whom we trust is
// decided by the certificate, which must be the domain's. Through a proxy no DNS is asked: the proxy is handed names.
func (c *Config) targets(ctx context.Context, domain string) ([]target, error) {
	if c.Server != "" {
		return c.explicitTargets()
	}
	if err := c.reachable(domain); err != nil {
		return nil, err
	}
	if c.Proxy.Kind != NoProxy {
		return c.guesses(domain), nil
	}
	records, err := c.lookup(ctx, domain)
	if err != nil {
		return nil, err
	}
	if len(records) > 0 {
		return order(records), nil
	}
	if c.TLS == TLSDirect {
		return []target{{domain, portDirect, true}}, nil
	}
	return []target{{domain, portStartTLS, false}}, nil
}

// reachable refuses to look up in DNS what must not be asked there (RFC 7686 section 2).
func (c *Config) reachable(host string) error {
	if isOnion(host) && c.Proxy.Kind == NoProxy {
		return &Error{Kind: NeedsTor}
	}
	return nil
}

func isOnion(host string) bool {
	return strings.HasSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), ".onion")
}

// guesses are where a server listens of which only the name is known.
func (c *Config) guesses(host string) []target {
	start, direct, https := target{host, portStartTLS, false}, target{host, portDirect, true}, target{host, portHTTPS, true}
	switch c.TLS {
	case TLSStart:
		return []target{start}
	case TLSDirect:
		return []target{direct, https}
	}
	return []target{start, direct, https}
}

func (c *Config) explicitTargets() ([]target, error) {
	host, port := c.Server, uint64(0)
	if h, p, err := net.SplitHostPort(c.Server); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return nil, &Error{Kind: UnknownHost, Detail: "the server's port is not a number"}
		}
		host, port = h, n
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err != nil {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return nil, &Error{Kind: UnknownHost, Detail: "not the name of a server", Err: err}
		}
		host = ascii
	}
	if err := c.reachable(host); err != nil {
		return nil, err
	}
	switch {
	case port == 0:
		return c.guesses(host), nil
	case port == portHTTPS && c.TLS == TLSAuto:
		return []target{{host, portHTTPS, true}, {host, portHTTPS, false}}, nil
	}
	return []target{{host, uint16(port), c.TLS == TLSDirect || c.TLS == TLSAuto && port == portDirect}}, nil
}

// A record is an SRV record of either kind.
type record struct {
	net.SRV
	direct bool
}

// lookup asks for both kinds of records at once. Without an answer there are none: the caller then tries the domain.
func (c *Config) lookup(ctx context.Context, domain string) ([]record, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	type answer struct {
		records []record
		none    bool // the service is decidedly not there
		direct  bool
	}
	answers := make(chan answer, 2)
	kinds := 0
	for service, direct := range map[string]bool{"xmpp-client": false, "xmpps-client": true} {
		if direct && c.TLS == TLSStart || !direct && c.TLS == TLSDirect {
			continue
		}
		kinds++
		go func() {
			a := answer{direct: direct}
			_, srvs, _ := c.dns().LookupSRV(ctx, service, "tcp", absolute(domain))
			for _, srv := range srvs {
				switch {
				case srv.Target == ".": // RFC 2782
					a.none = true
				case srv.Target != "" && srv.Port != 0 && !isOnion(srv.Target):
					a.records = append(a.records, record{*srv, direct})
				}
			}
			a.none = a.none && len(a.records) == 0
			answers <- a
		}()
	}
	var all []record
	var enough <-chan time.Time
	none := false
	for range kinds {
		select {
		case a := <-answers:
			all = append(all, a.records...)
			// That there is no direct TLS says nothing about STARTTLS, which needs no record (XEP-0368 section 3).
			none = none || a.none && (!a.direct || c.TLS == TLSDirect)
			if len(a.records) > 0 {
				enough = time.After(otherKind)
			}
			continue
		case <-enough:
		case <-ctx.Done():
		}
		break // what is there will do
	}
	if none && len(all) == 0 {
		return nil, &Error{Kind: Unreachable, Detail: "the domain says that it has no XMPP server"}
	}
	return all, nil
}

// absolute is a name that no search list of the system is applied to. A name without a dot was meant for one.
func absolute(name string) string {
	if strings.Contains(name, ".") && !strings.HasSuffix(name, ".") {
		return name + "."
	}
	return name
}

// order sorts by priority and, within one, draws by weight (RFC 2782), both kinds in one pool (XEP-0368).
func order(records []record) []target {
	// Drawing without replacement, each with a chance in proportion to its weight, is sorting by an exponential
	// variable of that rate; a weight of 0 comes last.
	draw := make(map[*record]float64, len(records))
	pool := make([]*record, len(records))
	for i := range records {
		pool[i] = &records[i]
		draw[pool[i]] = rand.ExpFloat64() / (float64(records[i].Weight) + 1e-9)
	}
	slices.SortFunc(pool, func(a, b *record) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(draw[a], draw[b]))
	})
	var targets []target
	for _, r := range pool[:min(len(pool), maxTargets)] {
		targets = append(targets, target{strings.TrimSuffix(r.Target, "."), r.Port, r.direct})
	}
	return targets
}

// A dialer makes the connections of one account.
type dialer struct {
	net      net.Dialer
	resolver resolver
	proxy    Proxy
	tor      []string // where Tor may be listening
	limit    time.Duration
	stagger  time.Duration
}

// dialer refuses settings that cannot be meant.
func (c *Config) dialer() (*dialer, error) {
	d := &dialer{resolver: c.dns(), proxy: c.Proxy, tor: torAddresses, limit: connectTimeout, stagger: stagger}
	if c.control != nil {
		d.net.Control = c.control
	}
	if c.tor != nil {
		d.tor = c.tor
	}
	d.throughProxy()
	return d, c.Proxy.Check()
}

// dial connects to the first of the targets that answers and returns which it was. The next one is tried as soon as
// one fails, and beside one that stays silent.
func (d *dialer) dial(ctx context.Context, targets []target) (net.Conn, int, error) {
	indices := make(chan int, len(targets))
	for i := range targets {
		indices <- i
	}
	close(indices)
	return race(ctx, d.stagger, indices, func(ctx context.Context, i int) (net.Conn, error) {
		t := targets[i]
		if d.proxy.Kind != NoProxy {
			return d.connectThrough(ctx, t.host, t.port)
		}
		return d.connect(ctx, t.host, t.port)
	})
}

// connect dials the addresses of a host, those of both families in turn, each beside the one before it when that
// stays silent (Happy Eyeballs, RFC 8305).
func (d *dialer) connect(ctx context.Context, host string, port uint16) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dial := func(ctx context.Context, a netip.Addr) (net.Conn, error) {
		return d.net.DialContext(ctx, "tcp", netip.AddrPortFrom(a, port).String())
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return dial(ctx, a)
	}
	addresses := make(chan netip.Addr, 2*maxAddresses)
	unknown := make(chan error, 1)
	go func() {
		defer close(addresses)
		unknown <- d.find(ctx, host, addresses)
	}()
	conn, _, err := race(ctx, addressStagger, addresses, dial)
	if err == errNothingToTry {
		err = cmp.Or(<-unknown, err)
	}
	return conn, err
}

// find sends the addresses of a host in the order they are to be tried. Those of the family that answers late come
// after the others.
func (d *dialer) find(ctx context.Context, host string, found chan<- netip.Addr) error {
	type answer struct {
		addresses []netip.Addr
		err       error
	}
	var families [2]chan answer // IPv6 first
	for i, network := range [...]string{"ip6", "ip4"} {
		families[i] = make(chan answer, 1)
		go func() {
			addresses, err := d.resolver.LookupNetIP(ctx, network, absolute(host))
			families[i] <- answer{addresses[:min(len(addresses), maxAddresses)], err}
		}()
	}
	var answers [2]answer
	var patience <-chan time.Time
	for waiting := 2; waiting > 0; {
		var a answer
		var family int
		select {
		case a = <-families[0]:
			family = 0
		case a = <-families[1]:
			family = 1
		case <-patience:
			patience = nil
			for _, known := range &answers {
				for _, address := range known.addresses {
					found <- address.Unmap()
				}
			}
			answers = [2]answer{}
			continue
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		waiting--
		answers[family] = a
		if waiting > 0 && len(a.addresses) > 0 {
			patience = time.After(otherFamily)
		}
	}
	for i := range maxAddresses {
		for _, known := range &answers {
			if i < len(known.addresses) {
				found <- known.addresses[i].Unmap()
			}
		}
	}
	// A host with addresses of one family only is no unknown one.
	return cmp.Or(answers[1].err, answers[0].err)
}

// errNothingToTry is what race returns when there was nothing to try.
var errNothingToTry = errors.New("xmpp: no address to connect to")

// race tries the candidates one after the other: the next as soon as one fails, or beside one that was silent for the
// stagger. The first connection wins, the others are given up. The error is the first one's.
func race[T any](ctx context.Context, stagger time.Duration, candidates <-chan T, try func(context.Context, T) (net.Conn, error)) (net.Conn, T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn net.Conn
		of   T
		err  error
	}
	results := make(chan result)
	attempt := func(candidate T) {
		conn, err := try(ctx, candidate)
		select {
		case results <- result{conn, candidate, err}:
		case <-ctx.Done(): // another was quicker
			if conn != nil {
				conn.Close()
			}
		}
	}
	var failure error
	var none T
	timer := time.NewTimer(stagger)
	defer timer.Stop()
	next := candidates // nil while the last one tried has its time
	for running := 0; ; {
		select {
		case candidate, more := <-next:
			next = nil
			if !more {
				candidates = nil
				break
			}
			go attempt(candidate)
			running++
			timer.Reset(stagger)
		case <-timer.C:
			next = candidates
		case r := <-results:
			if r.err == nil {
				return r.conn, r.of, nil
			}
			failure = cmp.Or(failure, r.err)
			running--
			next = candidates
		case <-ctx.Done():
			return nil, none, cmp.Or(failure, context.Cause(ctx))
		}
		if running == 0 && candidates == nil {
			return nil, none, cmp.Or(failure, errNothingToTry)
		}
	}
}

// dialError types what dialling failed with.
func dialError(err error) error {
	var typed *Error
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &typed):
		return typed
	case errors.As(err, &dns) && dns.IsNotFound:
		return &Error{Kind: UnknownHost, Err: err}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Kind: TimedOut, Detail: "connecting", Err: err}
	}
	return &Error{Kind: Unreachable, Detail: "connecting", Err: err}
}

// control is net.Dialer.Control.
type control func(network, address string, conn syscall.RawConn) error

// passEnvironmentBy keeps variables of the environment, which whoever starts a program may have set for quite another
// one, from deciding where the account's stream goes and how it is protected.
//
// go-xmpp sends its one call, to our relay on loopback, through the proxy that HTTP_PROXY names: adding loopback to
// NO_PROXY changes nothing for anybody else. GODEBUG could bring back what TLS has given up for good reason; Go's
// defaults come back when it goes. SSLKEYLOGFILE, ALL_PROXY and the others nobody here reads.
func passEnvironmentBy() {
	if os.Getenv("GODEBUG") != "" {
		os.Unsetenv("GODEBUG")
	}
	if os.Getenv("HTTP_PROXY") == "" && os.Getenv("http_proxy") == "" {
		return
	}
	exceptions := cmp.Or(os.Getenv("NO_PROXY"), os.Getenv("no_proxy"))
	if slices.Contains(strings.Split(exceptions, ","), "127.0.0.1") {
		return
	}
	if exceptions != "" {
		exceptions += ","
	}
	os.Setenv("NO_PROXY", exceptions+"127.0.0.1")
}
