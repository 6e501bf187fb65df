package xmpp

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

const (
	connectTimeout = 10 * time.Second       // looking up and connecting, all targets together
	stagger        = 750 * time.Millisecond // a silent target's head start over the next
	maxTargets     = 16                     // more SRV records than that are not meant to be tried

	portStartTLS = 5222
	portDirect   = 5223
)

// A target is one place where the account's server may be listening.
type target struct {
	host   string
	port   uint16
	direct bool // TLS from the first byte
}

func (t target) address() string { return net.JoinHostPort(t.host, strconv.Itoa(int(t.port))) }

// lookupSRV is net.Resolver.LookupSRV.
type lookupSRV func(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)

// targets says where to connect, best first: to the server the person named, or to those the domain names in DNS
// (RFC 6120 section 3.2, XEP-0368), or to the domain itself. DNS only ever decides where we connect: whom we trust is
// decided by the certificate, which must be the domain's.
func (c *Config) targets(ctx context.Context, domain string) ([]target, error) {
	if c.Server != "" {
		return c.explicitTarget()
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

func (c *Config) explicitTarget() ([]target, error) {
	t := target{host: c.Server, port: portStartTLS, direct: c.TLS == TLSDirect}
	if t.direct {
		t.port = portDirect
	}
	if host, port, err := net.SplitHostPort(c.Server); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return nil, &Error{Kind: UnknownHost, Detail: "the server's port is not a number"}
		}
		t.host, t.port = host, uint16(n)
		t.direct = t.direct || c.TLS == TLSAuto && n == portDirect
	}
	t.host = strings.Trim(t.host, "[]")
	if net.ParseIP(t.host) == nil {
		ascii, err := idna.Lookup.ToASCII(t.host)
		if err != nil {
			return nil, &Error{Kind: UnknownHost, Detail: "not the name of a server", Err: err}
		}
		t.host = ascii
	}
	return []target{t}, nil
}

// A record is an SRV record of either kind.
type record struct {
	net.SRV
	direct bool
}

// lookup asks for both kinds of records at once. Without an answer there are none: the caller then tries the domain.
func (c *Config) lookup(ctx context.Context, domain string) ([]record, error) {
	lookup := c.lookupSRV
	if lookup == nil {
		lookup = net.DefaultResolver.LookupSRV
	}
	answers := make(chan []record, 2)
	kinds := 0
	for service, direct := range map[string]bool{"xmpp-client": false, "xmpps-client": true} {
		if direct && c.TLS == TLSStart || !direct && c.TLS == TLSDirect {
			continue
		}
		kinds++
		go func() {
			var records []record
			_, srvs, _ := lookup(ctx, service, "tcp", domain)
			for _, srv := range srvs {
				records = append(records, record{*srv, direct})
			}
			answers <- records
		}()
	}
	var all []record
	for range kinds {
		select {
		case records := <-answers:
			all = append(all, records...)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	found := len(all)
	// A target of "." says that the service is decidedly not there (RFC 2782).
	all = slices.DeleteFunc(all, func(r record) bool { return r.Target == "." || r.Target == "" || r.Port == 0 })
	if found > 0 && len(all) == 0 {
		return nil, &Error{Kind: Unreachable, Detail: "the domain says that it has no XMPP server"}
	}
	return all, nil
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

// dial connects to the first of the targets that answers and returns which it was. The next one is tried as soon as
// one fails, and beside one that stays silent; the addresses of one target race each other in net.Dialer (RFC 8305).
func dial(ctx context.Context, targets []target) (net.Conn, int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn  net.Conn
		index int
		err   error
	}
	results := make(chan result)
	try := func(i int) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", targets[i].address())
		select {
		case results <- result{conn, i, err}:
		case <-ctx.Done(): // another was quicker
			if conn != nil {
				conn.Close()
			}
		}
	}
	var failure error
	next, running := 0, 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			if next < len(targets) {
				go try(next)
				next++
				running++
				timer.Reset(stagger)
			}
		case r := <-results:
			if r.err == nil {
				return r.conn, r.index, nil
			}
			failure = cmp.Or(failure, r.err)
			if running--; running == 0 && next == len(targets) {
				return nil, 0, failure
			}
			timer.Reset(0)
		case <-ctx.Done():
			return nil, 0, cmp.Or(failure, context.Cause(ctx))
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

// passProxiesBy keeps go-xmpp's one call to our relay on loopback from being sent through the proxy that HTTP_PROXY
// names: it would take the account's whole stream elsewhere. Adding loopback to NO_PROXY changes nothing for anybody
// else.
func passProxiesBy() {
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
