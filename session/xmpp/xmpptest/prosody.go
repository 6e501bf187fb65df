// Package xmpptest has what the tests of the XMPP rooms share: a real server on loopback.
package xmpptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Domain is the domain that every server of this package is for.
const Domain = "sotto.test"

// Prosody is a real server of this test's own on loopback, with a certificate of an authority that nobody else trusts.
type Prosody struct {
	Addr    string         // STARTTLS, host:port
	Direct  string         // direct TLS, host:port
	CAFile  string         // the authority, as PEM
	RootCAs *x509.CertPool // the same
	Dir     string         // everything the server keeps
	command *exec.Cmd
	exited  chan struct{}
}

// StartProsody starts a server that knows the given accounts (local part to password) and stops it at the end of the test. A machine
// without the Debian package prosody fails the test.
func StartProsody(t testing.TB, accounts map[string]string) *Prosody {
	t.Helper()
	if _, err := exec.LookPath("prosody"); err != nil {
		t.Fatal("this test needs the Debian package prosody: apt-get install prosody")
	}
	p := &Prosody{Dir: t.TempDir()}
	authority := p.writeCertificates(t, Domain)
	p.RootCAs = x509.NewCertPool()
	p.RootCAs.AddCert(authority)
	p.Addr, p.Direct = freeAddress(t), freeAddress(t)
	p.write(t, "mod_wire.lua", wireModule)
	p.write(t, "prosody.cfg.lua", p.configuration())
	for local, password := range accounts {
		p.AddAccount(t, local, password)
	}
	p.Start(t)
	t.Cleanup(p.Kill)
	return p
}

// AddAccount makes an account, also while the server runs.
func (p *Prosody) AddAccount(t testing.TB, local, password string) {
	t.Helper()
	p.write(t, filepath.Join("data", strings.ReplaceAll(Domain, ".", "%2e"), "accounts", local+".dat"),
		fmt.Sprintf("return { [\"password\"] = %q; };\n", password))
}

// Start starts the server again after Stop or Kill, with the same accounts, rosters, certificate and ports.
func (p *Prosody) Start(t testing.TB) {
	t.Helper()
	output, err := os.OpenFile(filepath.Join(p.Dir, "output"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	p.command = exec.Command("prosody", "--config", filepath.Join(p.Dir, "prosody.cfg.lua"), "-F")
	p.command.Stdout, p.command.Stderr = output, output
	dieWithTest(p.command)
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	p.exited = make(chan struct{})
	go func(c *exec.Cmd, exited chan struct{}) {
		c.Wait()
		close(exited)
	}(p.command, p.exited)
	for deadline := time.Now().Add(20 * time.Second); ; {
		if p.listens(p.Addr) && p.listens(p.Direct) {
			return
		}
		select {
		case <-p.exited:
			t.Fatalf("prosody ended: %s", p.read("output")+p.read("log"))
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("prosody does not listen: %s", p.read("output")+p.read("log"))
		}
	}
}

// Stop lets the server say goodbye to its clients (system-shutdown) and waits until it has ended.
func (p *Prosody) Stop() {
	p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
		p.Kill()
	}
}

// Kill ends the server without a word.
func (p *Prosody) Kill() {
	p.command.Process.Kill()
	<-p.exited
}

// Wire returns every byte that the server has read from and written to its clients so far, after decryption: what it can know.
func (p *Prosody) Wire() string { return p.read("wire") }

func (p *Prosody) listens(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

func (p *Prosody) read(name string) string {
	b, _ := os.ReadFile(filepath.Join(p.Dir, name))
	return string(b)
}

func (p *Prosody) write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(p.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *Prosody) configuration() string {
	_, port, _ := net.SplitHostPort(p.Addr)
	_, direct, _ := net.SplitHostPort(p.Direct)
	return fmt.Sprintf(`
run_as_root = true
pidfile = %[1]q .. "/pid"
data_path = %[1]q .. "/data"
plugin_paths = { %[1]q }
log = { info = %[1]q .. "/log" }
wire_file = %[1]q .. "/wire"
interfaces = { "127.0.0.1" }
c2s_ports = { %[2]s }
c2s_direct_tls_ports = { %[3]s }
s2s_ports = {}
s2s_secure_auth = true
http_ports = {}
https_ports = {}
c2s_require_encryption = true
authentication = "internal_plain"
storage = "internal"
certificates = %[1]q
ssl = { certificate = %[1]q .. "/server.crt", key = %[1]q .. "/server.key" }
c2s_direct_tls_ssl = ssl
modules_enabled = { "roster", "saslauth", "tls", "disco", "carbons", "smacks", "ping", "offline", "blocklist", "register", "vcard_legacy", "pep", "wire" }
modules_disabled = { "s2s" }
VirtualHost %[4]q
`, p.Dir, port, direct, Domain)
}

// wireModule is a Prosody module that keeps what clients and server say, as it is inside TLS.
const wireModule = `
local filters = require "util.filters"
local file = assert(io.open(module:get_option_string("wire_file"), "a"))
local function keep(bytes)
	if bytes then file:write(bytes) file:flush() end
	return bytes
end
local function watch(session)
	filters.add_filter(session, "bytes/in", keep, 10)
	filters.add_filter(session, "bytes/out", keep, -10)
end
filters.add_filter_hook(watch)
function module.unload() filters.remove_filter_hook(watch) end
`

// writeCertificates makes an authority and a certificate for domain.
func (p *Prosody) writeCertificates(t testing.TB, domain string) *x509.Certificate {
	t.Helper()
	authority := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Sotto test authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	authority, authorityKey := p.certify(t, "ca", authority, nil, nil)
	p.CAFile = filepath.Join(p.Dir, "ca.crt")
	p.certify(t, "server", &x509.Certificate{
		Subject:     pkix.Name{CommonName: domain},
		DNSNames:    []string{domain},
		NotBefore:   authority.NotBefore,
		NotAfter:    authority.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority, authorityKey)
	return authority
}

// certify writes NAME.crt and NAME.key, signed by parent, or by itself when there is none.
func (p *Prosody) certify(t testing.TB, name string, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, name+".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	p.write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	return certificate, key
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
