//go:build unix

package xmpptest

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Domain is the domain that every Prosody of this package is for.
const Domain = "sotto.test"

// A Prosody is a real XMPP server of this test's own on loopback, with SCRAM, rosters, offline messages, carbons,
// acknowledgements and pings.
type Prosody struct {
	Addr    string         // STARTTLS, host:port
	Direct  string         // TLS from the first byte (XEP-0368), host:port
	CAFile  string         // the authority of its certificate, as PEM: SSL_CERT_FILE for a program that is to trust it
	RootCAs *x509.CertPool // the same
	Dir     string         // everything the server keeps

	process *exec.Cmd
	ended   chan struct{} // closed when the process has
}

// A ProsodyOption changes the configuration: Prosody takes each setting only once, so it replaces text.
type ProsodyOption struct{ old, new string }

var (
	OnlyTLS12 = ProsodyOption{"ssl = {", `ssl = { protocol = "tlsv1_2";`} // where Prosody 0.12 has channel binding
	NoAcks    = ProsodyOption{`"smacks", `, ""}                           // no XEP-0198
	NoSCRAM   = ProsodyOption{"VirtualHost", `disable_sasl_mechanisms = { "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS" }
VirtualHost`}
)

// wireLog is a Prosody module that writes every byte of clients, as it is inside TLS, to a file.
const wireLog = `
module:set_global();
local filters = require "util.filters";
local wire = assert(io.open(module:get_option_string("wire_log"), "a"));
local function note(direction)
	return function (data, session)
		if data and session.type ~= "s2s" then
			wire:write(direction, " ", tostring(session.full_jid or session.conn), " ", data, "\n");
			wire:flush();
		end
		return data;
	end
end
filters.add_filter_hook(function (session)
	filters.add_filter(session, "bytes/in", note("RECV"), -10000);
	filters.add_filter(session, "bytes/out", note("SEND"), 10000);
end);
`

const prosodyConfig = `
run_as_root = true
pidfile = %[1]q .. "/prosody.pid"
data_path = %[1]q .. "/data"
plugin_paths = { %[1]q .. "/modules" }
wire_log = %[1]q .. "/wire.log"
log = { debug = %[1]q .. "/prosody.log" }
modules_enabled = { "roster", "saslauth", "tls", "disco", "carbons", "smacks", "ping", "blocklist", "pep", "offline",
	"register", "wirelog", "posix" }
modules_disabled = { "s2s" }
interfaces = { "127.0.0.1" }
c2s_ports = { %[2]d }
c2s_direct_tls_ports = { %[3]d }
c2s_require_encryption = true
authentication = "internal_hashed"
password_hash = "SHA-256"
smacks_hibernation_time = 2
ssl = { key = %[1]q .. "/key.pem"; certificate = %[1]q .. "/cert.pem" }
VirtualHost %[4]q
`

// StartProsody starts Debian's Prosody with these accounts, local part to password, and kills it when the test ends.
// Without Prosody the test fails: a test against a real server that quietly does not run proves nothing.
func StartProsody(t testing.TB, accounts map[string]string, options ...ProsodyOption) *Prosody {
	t.Helper()
	if _, err := exec.LookPath("prosody"); err != nil {
		t.Fatal("this test needs a real XMPP server: apt-get install prosody")
	}
	ca := NewCA(t)
	p := &Prosody{CAFile: ca.File, RootCAs: ca.Pool, Dir: t.TempDir()}
	startTLS, direct := freePort(t), freePort(t)
	p.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(startTLS))
	p.Direct = net.JoinHostPort("127.0.0.1", strconv.Itoa(direct))

	cert := ca.Certificate(t, Domain, time.Now().Add(24*time.Hour))
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.path("key.pem"), "PRIVATE KEY", key)
	writePEM(t, p.path("cert.pem"), "CERTIFICATE", cert.Certificate[0])
	config := fmt.Sprintf(prosodyConfig, p.Dir, startTLS, direct, Domain)
	for _, o := range options {
		config = strings.Replace(config, o.old, o.new, 1)
	}
	p.write(t, "modules/mod_wirelog.lua", wireLog)
	p.write(t, "prosody.cfg.lua", config)
	for local, password := range accounts {
		p.AddAccount(t, local, password)
	}
	p.Start(t)
	t.Cleanup(p.Kill)
	return p
}

func (p *Prosody) path(name string) string { return filepath.Join(p.Dir, name) }

func (p *Prosody) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *Prosody) read(name string) string {
	text, _ := os.ReadFile(p.path(name))
	return string(text)
}

// AddAccount makes an account, also while the server runs.
func (p *Prosody) AddAccount(t testing.TB, local, password string) {
	t.Helper()
	// What mod_auth_internal_hashed stores: RFC 5802 section 3, StoredKey and ServerKey in hexadecimal.
	const salt, iterations = "salt of the test", 4096
	salted, err := pbkdf2.Key(sha256.New, password, []byte(salt), iterations, sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	storedKey := sha256.Sum256(mac(salted, "Client Key"))
	p.write(t, "data/"+fileName(Domain)+"/accounts/"+fileName(local)+".dat", fmt.Sprintf(
		"return { [\"salt\"] = %q; [\"iteration_count\"] = %d; [\"stored_key\"] = %q; [\"server_key\"] = %q; };\n",
		salt, iterations, hex.EncodeToString(storedKey[:]), hex.EncodeToString(mac(salted, "Server Key"))))
}

// fileName is how Prosody makes the name of a file.
func fileName(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// Wire returns everything that clients sent and got so far, as the server sees it inside TLS: a text that must travel
// encrypted may not be found in it.
func (p *Prosody) Wire() string { return p.read("wire.log") }

// Log returns the server's own log, for the message of a test that failed.
func (p *Prosody) Log() string { return p.read("prosody.log") }

// Start starts the server again after Stop or Kill, on the same ports and with the same accounts and rosters.
func (p *Prosody) Start(t testing.TB) {
	t.Helper()
	output, err := os.Create(p.path("output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	p.process = exec.Command("prosody", "--config", p.path("prosody.cfg.lua"), "-F")
	p.process.Stdout, p.process.Stderr, p.process.Dir = output, output, p.Dir
	dieWithTest(p.process)
	if err := p.process.Start(); err != nil {
		t.Fatal(err)
	}
	p.ended = make(chan struct{})
	go func(process *exec.Cmd, ended chan struct{}) {
		process.Wait()
		close(ended)
	}(p.process, p.ended)
	for deadline := time.Now().Add(20 * time.Second); !listens(p.Addr) || !listens(p.Direct); {
		select {
		case <-p.ended:
			t.Fatalf("Prosody did not start:\n%s\n%s", p.read("output"), p.Log())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("Prosody does not listen:\n%s\n%s", p.read("output"), p.Log())
		}
	}
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// Stop ends the server as an administrator would: clients are told system-shutdown.
func (p *Prosody) Stop() {
	p.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.Kill()
	}
}

// Kill ends the server without a word to anybody.
func (p *Prosody) Kill() {
	p.process.Process.Kill()
	<-p.ended
}

// Freeze stops the server in mid-air (SIGSTOP): its sockets stay open and nothing answers, until Thaw.
func (p *Prosody) Freeze() { p.process.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (p *Prosody) Thaw() { p.process.Process.Signal(syscall.SIGCONT) }

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
