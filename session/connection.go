package session

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
)

// ServerKeyChanged reports that an account signed in to a server with another key than before. The change was one that the person is not
// asked about (see ServerKeyCheck): those are told by Account.ServerKey instead.
type ServerKeyChanged struct {
	JID    string
	Change ServerKeyChange
}

func (ServerKeyChanged) event() {}

// A ServerKey is a public key of an account's server, taken from a valid certificate.
type ServerKey struct {
	Fingerprint         string    // SHA-256 of the SubjectPublicKeyInfo, 64 hexadecimal digits
	Issuer              string    // the authority that issued the certificate
	NotBefore, NotAfter time.Time // of the certificate
	FirstSeen, LastSeen time.Time // signing in; zero for one that never was accepted
}

// A ServerKeyChange says that the server has New in place of Old. A valid certificate is not enough to believe it: whoever sits on the way
// to the server can get one. Servers usually take a new key when they renew their certificate, in the last third of its life and from the
// same authority: that is Usual, and only told. Otherwise the old certificate had long to go, or another authority issued the new one:
// then nothing is said to the server, the account is Stopped with ProblemServerKey, and TrustServerKey is the person's answer.
type ServerKeyChange struct {
	Old, New ServerKey
	Usual    bool
}

// ServerKeyCheck says what a change of the server's key takes.
type ServerKeyCheck uint8

const (
	AskWhenUnusual ServerKeyCheck = iota
	AskAlways
	AskNever // changes are told by ServerKeyChanged
)

// ProxyKind says through what an account connects.
type ProxyKind uint8

const (
	NoProxy ProxyKind = iota
	ProxySOCKS5
	ProxyTor // found on this computer, where the Tor daemon or Tor Browser listens; circuits are the account's own
)

// A Proxy is what an account connects through. When it fails, so does the connection: nothing goes round it, and the names of servers are
// looked up behind it.
type Proxy struct {
	Kind     ProxyKind
	Server   string // of ProxySOCKS5: host:port
	User     string // of ProxySOCKS5; "" for none
	Password []byte // copied; kept in the keyring
}

// Connection is what the connection of an account is made of.
type Connection struct {
	Since       time.Time
	Host        string // of the server, as it was connected to
	Port        uint16
	Remote      string // the address at the other end, host:port: the server's or the proxy's
	Proxy       ProxyKind
	DirectTLS   bool   // TLS from the first byte, not STARTTLS
	TLSVersion  string // "TLS 1.3"
	CipherSuite string
	Certificate Certificate
	Key         ServerKey
	KeyChange   *ServerKeyChange // Key came with this connection; nil: it was known before, or is the first
	Mechanism   string           // "SCRAM-SHA-256-PLUS"
	Binding     string           // what ties the login to this TLS connection, "tls-exporter"; "": nothing does
	Acks        bool             // the server confirms what it has (XEP-0198)
}

// Certificate is the server's.
type Certificate struct {
	Subject, Issuer     string
	Names               []string // it is good for
	Serial              string
	NotBefore, NotAfter time.Time
}

// Connection tells what the connection of an account is made of; false when there is none.
func (s *Session) Connection(jid string) (c Connection, ok bool) {
	if a, known := s.account(jid); known {
		a.ask(func() {
			if ok = a.online(); ok {
				c = a.connection()
			}
		})
	}
	return c, ok
}

// SetProxy has the account connect through p from now on, at once when it is connected or wants to be. A proxy that cannot work is
// ErrBadProxy, and nothing has changed; the error is ErrUnknown for no such account.
func (s *Session) SetProxy(jid string, p Proxy) error {
	if !p.usable() {
		return ErrBadProxy
	}
	p = p.clone()
	a, ok := s.account(jid)
	if !ok {
		return ErrUnknown
	}
	a.tell(func() { a.setProxy(p) })
	return nil
}

// TrustServerKey is the person's answer to ProblemServerKey: the key with this fingerprint, as it was shown, is the server's. The account
// connects. Not trusting it is to leave things as they are, or to Connect again later.
func (s *Session) TrustServerKey(jid, fingerprint string) {
	s.tell(jid, func(a *account) {
		if a.serverKey == nil || a.serverKey.New.Fingerprint != fingerprint {
			return
		}
		a.noteKey(a.serverKey.New)
		a.keep()
		a.goOnline()
	})
}

// AcceptWeakerLogin is the person's answer to ProblemWeakerLogin: once, any login will do that is not PLAIN, and the next ones are measured
// by that. The account connects.
func (s *Session) AcceptWeakerLogin(jid string) {
	s.tell(jid, func(a *account) {
		if a.problem != ProblemWeakerLogin {
			return
		}
		a.setStrength(xmpp.Strength{})
		a.keep()
		a.goOnline()
	})
}

// SetServerKeyCheck says what a change of the key of the account's server takes.
func (s *Session) SetServerKeyCheck(jid string, c ServerKeyCheck) {
	s.tell(jid, func(a *account) {
		a.record.KeyCheck = keyCheckWords[c]
		a.keep()
	})
}

// ErrBadProxy is for a proxy that cannot work.
var ErrBadProxy = errors.New("session: not a proxy that can be used")

const (
	maxProxyText  = 255 // RFC 1929
	maxServerKeys = 8   // a domain may have several servers, each with a key
)

var (
	keyCheckWords = map[ServerKeyCheck]string{AskWhenUnusual: "", AskAlways: "always", AskNever: "never"}
	proxyWords    = map[ProxyKind]string{NoProxy: "", ProxySOCKS5: "socks5", ProxyTor: "tor"}
)

func (p Proxy) usable() bool {
	if p.Kind != ProxySOCKS5 {
		return p.Kind <= ProxyTor && p.Server == "" && p.User == "" && len(p.Password) == 0
	}
	return p.plain().Check() == nil
}

func (p Proxy) clone() Proxy {
	p.Password = slices.Clone(p.Password)
	return p
}

// proxyOf is the proxy of the settings, without its password.
func proxyOf(record store.Account) Proxy {
	p := Proxy{Server: record.ProxyServer, User: record.ProxyUser}
	for kind, word := range proxyWords {
		if word == record.Proxy {
			p.Kind = kind
		}
	}
	return p
}

// plain is the proxy as package xmpp takes it, for a server where there is no account yet.
func (p Proxy) plain() xmpp.Proxy {
	switch p.Kind {
	case ProxySOCKS5:
		return xmpp.Proxy{Kind: xmpp.SOCKS5, Address: p.Server, User: p.User, Password: string(p.Password)}
	case ProxyTor:
		return xmpp.Proxy{Kind: xmpp.Tor} // on a circuit of its own
	}
	return xmpp.Proxy{}
}

// keepProxy puts the proxy that has worked into the record.
func (a *account) keepProxy(p Proxy) {
	a.record.Proxy, a.record.ProxyServer, a.record.ProxyUser = proxyWords[p.Kind], p.Server, p.User
}

func (a *account) setProxy(p Proxy) {
	clear(a.way.proxy.Password)
	a.way.proxy, a.unkept.proxy = p, p.User != ""
	a.circuit = newCircuit()
	if a.kept {
		a.keepProxy(p) // at once: what was to go through a proxy never goes without it, even if the program ends now
		a.keep()
	}
	if a.wish {
		a.hangUp()
		a.show(Offline, NoProblem)
		a.goOnline()
	}
}

// A circuit keeps the connections of one account through Tor apart from those of others.
type circuit struct{ user, password string }

func newCircuit() circuit {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return circuit{hex.EncodeToString(b[:16]), hex.EncodeToString(b[16:])}
}

// through is the same for this account.
func (a *account) through() xmpp.Proxy {
	p := a.way.proxy.plain()
	if p.Kind == xmpp.Tor {
		p.User, p.Password = a.circuit.user, a.circuit.password
	}
	return p
}

// demands is what this account wants of its server, as far as it has been there.
func (a *account) demands(c *xmpp.Config) {
	c.Seen = a.strength()
	c.KeyCheck = xmpp.KeyCheck(a.keyCheck())
	for _, k := range a.record.ServerKeys {
		c.Keys = append(c.Keys, xmpp.ServerKey{Hash: k.Hash, Issuer: k.Issuer, NotBefore: k.NotBefore, NotAfter: k.NotAfter})
	}
}

// keyCheck reads the settings. A word they do not explain is the one that asks more.
func (a *account) keyCheck() ServerKeyCheck {
	for check, word := range keyCheckWords {
		if word == a.record.KeyCheck {
			return check
		}
	}
	return AskAlways
}

// noteLogin remembers what the login that has just worked was made of.
func (a *account) noteLogin() {
	f := a.conn.Facts()
	a.setStrength(a.strength().Stronger(f.Strength))
	a.keyNews = nil
	if f.Key.Hash == "" {
		return // a network of tests
	}
	if f.KeyChange != nil {
		a.keyNews = a.change(f.KeyChange)
	}
	key := a.known(f.Key)
	key.LastSeen = a.now()
	a.noteKey(key)
	if a.keyNews != nil {
		a.keyNews.New = a.known(f.Key)
		a.session.emit(ServerKeyChanged{a.ref(), *a.keyNews})
	}
}

// strength is that of the strongest logins so far.
func (a *account) strength() xmpp.Strength {
	return xmpp.Strength{SCRAM: a.record.SCRAM, Hash: a.record.Hash, Binding: a.record.Binding, Unique: a.record.Unique}
}

func (a *account) setStrength(s xmpp.Strength) {
	a.record.SCRAM, a.record.Hash, a.record.Binding, a.record.Unique = s.SCRAM, s.Hash, s.Binding, s.Unique
}

// known is a key with what the settings say about it.
func (a *account) known(k xmpp.ServerKey) ServerKey {
	key := ServerKey{Fingerprint: k.Hash, Issuer: k.Issuer, NotBefore: k.NotBefore, NotAfter: k.NotAfter}
	for _, kept := range a.record.ServerKeys {
		if kept.Hash == k.Hash {
			key.FirstSeen, key.LastSeen = kept.FirstSeen, kept.LastSeen
		}
	}
	return key
}

func (a *account) change(c *xmpp.KeyChange) *ServerKeyChange {
	return &ServerKeyChange{Old: a.known(c.Old), New: a.known(c.New), Usual: c.Usual}
}

// noteKey puts a key that was accepted before all others.
func (a *account) noteKey(k ServerKey) {
	if k.FirstSeen.IsZero() {
		k.FirstSeen = a.now()
	}
	if k.LastSeen.IsZero() {
		k.LastSeen = k.FirstSeen
	}
	others := slices.DeleteFunc(slices.Clone(a.record.ServerKeys), func(o store.ServerKey) bool { return o.Hash == k.Fingerprint })
	others = others[:min(len(others), maxServerKeys-1)]
	a.record.ServerKeys = append([]store.ServerKey{{Hash: k.Fingerprint, Issuer: k.Issuer, NotBefore: k.NotBefore.UTC(), NotAfter: k.NotAfter.UTC(),
		FirstSeen: k.FirstSeen.UTC(), LastSeen: k.LastSeen.UTC()}}, others...)
}

func (a *account) connection() Connection {
	f := a.conn.Facts()
	c := Connection{
		Since: a.since, Host: f.Host, Port: f.Port, Remote: f.Remote, Proxy: ProxyKind(f.Proxy), DirectTLS: f.Direct,
		TLSVersion: f.TLSVersion, CipherSuite: f.CipherSuite, Key: a.known(f.Key), KeyChange: a.keyNews,
		Mechanism: f.Mechanism, Binding: f.Binding, Acks: f.Acks,
	}
	if len(f.Certificates) > 0 {
		cert := f.Certificates[0]
		c.Certificate = Certificate{Subject: cert.Subject.String(), Issuer: cert.Issuer.String(), Names: cert.DNSNames,
			Serial: cert.SerialNumber.Text(16), NotBefore: cert.NotBefore, NotAfter: cert.NotAfter}
	}
	return c
}
