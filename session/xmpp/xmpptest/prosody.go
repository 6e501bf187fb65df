//go:build unix

package xmpptest

import (
	"bytes"
	"crypto/hmac"
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

// A Prosody is a real XMPP server on loopback, with SCRAM, rosters, offline messages, carbons, acknowledgements and
// pings, for one domain.
type Prosody struct {
	Domain   string
	StartTLS string // host:port
	Direct   string // host:port, TLS from the first byte (XEP-0368)
	CA       *CA

	t       testing.TB
	dir     string
	process *exec.Cmd
	ended   chan struct{} // closed when the process has
}

// A ProsodyOption adds lines to the configuration, in its language.
type ProsodyOption string

const (
	OnlyTLS12 ProsodyOption = `ssl.protocol = "tlsv1_2"`               // where Prosody 0.12 has channel binding
	NoAcks    ProsodyOption = `modules_disabled = { "s2s", "smacks" }` // no XEP-0198
	NoSCRAM   ProsodyOption = `disable_sasl_mechanisms = { "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS" }`
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
ssl = { key = %[1]q .. "/key.pem", certificate = %[1]q .. "/cert.pem" }
%[5]s
VirtualHost %[4]q
`

// StartProsody starts Debian's Prosody for domain and stops it when the test ends. Without Prosody the test fails: a
// test against a real server that quietly does not run proves nothing.
func StartProsody(t testing.TB, domain string, options ...ProsodyOption) *Prosody {
	t.Helper()
	if _, err := exec.LookPath("prosody"); err != nil {
		t.Fatal("this test needs a real XMPP server: apt-get install prosody")
	}
	p := &Prosody{Domain: domain, CA: NewCA(t), t: t, dir: t.TempDir()}
	startTLS, direct := freePort(t), freePort(t)
	p.StartTLS = net.JoinHostPort("127.0.0.1", strconv.Itoa(startTLS))
	p.Direct = net.JoinHostPort("127.0.0.1", strconv.Itoa(direct))

	cert := p.CA.Certificate(t, domain, time.Now().Add(24*time.Hour))
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.path("key.pem"), "PRIVATE KEY", key)
	writePEM(t, p.path("cert.pem"), "CERTIFICATE", cert.Certificate[0])
	var extra []string
	for _, o := range options {
		extra = append(extra, string(o))
	}
	p.write("modules/mod_wirelog.lua", wireLog)
	p.write("prosody.cfg.lua", fmt.Sprintf(prosodyConfig, p.dir, startTLS, direct, domain, strings.Join(extra, "\n")))
	p.start()
	t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	return p
}

func (p *Prosody) path(name string) string { return filepath.Join(p.dir, name) }

func (p *Prosody) write(name, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// AddUser makes an account; it can sign in at once.
func (p *Prosody) AddUser(name, password string) {
	p.t.Helper()
	// What mod_auth_internal_hashed stores: RFC 5802 section 3, StoredKey and ServerKey in hexadecimal.
	const salt, iterations = "salt of the test", 4096
	salted, err := pbkdf2.Key(sha256.New, password, []byte(salt), iterations, sha256.Size)
	if err != nil {
		p.t.Fatal(err)
	}
	clientKey := mac(salted, "Client Key")
	storedKey := sha256.Sum256(clientKey)
	p.write("data/"+lettersOnly(p.Domain)+"/accounts/"+lettersOnly(name)+".dat", fmt.Sprintf(
		"return { [\"salt\"] = %q; [\"iteration_count\"] = %d; [\"stored_key\"] = %q; [\"server_key\"] = %q; };\n",
		salt, iterations, hex.EncodeToString(storedKey[:]), hex.EncodeToString(mac(salted, "Server Key"))))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// lettersOnly is how Prosody names its files.
func lettersOnly(s string) string {
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
func (p *Prosody) Wire() []byte {
	p.t.Helper()
	wire, err := os.ReadFile(p.path("wire.log"))
	if err != nil {
		p.t.Fatal(err)
	}
	return wire
}

// Log returns the server's own log, for the message of a test that failed.
func (p *Prosody) Log() string {
	log, _ := os.ReadFile(p.path("prosody.log"))
	return string(log)
}

// Stop ends the server as an administrator would: clients are told system-shutdown.
func (p *Prosody) Stop() { p.stop(syscall.SIGTERM) }

// Kill ends the server without a word to anybody.
func (p *Prosody) Kill() { p.stop(syscall.SIGKILL) }

// Restart starts the server again, on the same ports and with the same accounts, stopping it first if need be.
func (p *Prosody) Restart() {
	p.t.Helper()
	p.Stop()
	p.start()
}

// Freeze stops the server in mid-air (SIGSTOP): its sockets stay open and nothing answers, until Thaw.
func (p *Prosody) Freeze() { p.process.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (p *Prosody) Thaw() { p.process.Process.Signal(syscall.SIGCONT) }

func (p *Prosody) start() {
	p.t.Helper()
	var output bytes.Buffer
	p.process = exec.Command("prosody", "--config", p.path("prosody.cfg.lua"), "-F")
	p.process.Stdout, p.process.Stderr = &output, &output
	p.process.Dir = p.dir
	if err := p.process.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	p.ended = ended
	go func(process *exec.Cmd) {
		process.Wait()
		close(ended)
	}(p.process)
	for _, address := range []string{p.StartTLS, p.Direct} {
		for deadline := time.Now().Add(20 * time.Second); ; {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				conn.Close()
				break
			}
			select {
			case <-ended:
				p.t.Fatalf("Prosody did not start:\n%s%s", &output, p.Log())
			case <-time.After(10 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				p.t.Fatalf("Prosody does not listen on %s:\n%s", address, p.Log())
			}
		}
	}
}

func (p *Prosody) stop(signal syscall.Signal) {
	p.process.Process.Signal(signal)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.process.Process.Kill()
		<-p.ended
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
