//go:build unix

package xmpptest

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A Prosody is a Server that StartProsody has started.
type Prosody = Server

// A ProsodyOption changes the configuration: Prosody takes each setting only once, so it replaces text.
type ProsodyOption struct{ old, new string }

var (
	// AtOtherDomain is for OtherDomain: another server beside one of Domain.
	AtOtherDomain = ProsodyOption{`VirtualHost "` + Domain, `VirtualHost "` + OtherDomain}

	OnlyTLS12    = ProsodyOption{"ssl = {", `ssl = { protocol = "tlsv1_2";`} // where Prosody 0.12 has channel binding
	NoAcks       = ProsodyOption{`"smacks", `, ""}                           // no XEP-0198
	OnlyWarnings = ProsodyOption{"log = { debug", "log = { warn"}            // for thousands of logins
	NoSCRAM      = ProsodyOption{"VirtualHost", `disable_sasl_mechanisms = { "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS" }
VirtualHost`}
	NoWire  = ProsodyOption{`"wirelog", `, ""} // Wire stays empty: for measuring
	Silent  = ProsodyOption{"log = { debug", "log = { error"}
	SignUps = ProsodyOption{"VirtualHost", `allow_registration = true
additional_registration_fields = { "email+", "nick" }
registration_throttle_max = 4
registration_throttle_period = 3600
VirtualHost`}  // accounts in band (XEP-0077), with an e-mail address and perhaps a nickname, 4 an hour
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
log = { debug = %[1]q .. "/server.log" }
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

// StartProsody starts Debian's Prosody with these accounts, local part to password. Without Prosody the test fails: a test against a
// real server that quietly does not run proves nothing.
func StartProsody(t testing.TB, accounts map[string]string, options ...ProsodyOption) *Prosody {
	t.Helper()
	if _, err := exec.LookPath("prosody"); err != nil {
		t.Fatal("this test needs a real XMPP server: apt-get install prosody")
	}
	domain := Domain
	if slices.Contains(options, AtOtherDomain) {
		domain = OtherDomain
	}
	s := newServer(t, "prosody", domain)
	config := fmt.Sprintf(prosodyConfig, s.Dir, port(t, s.Addr), port(t, s.Direct), Domain)
	for _, o := range options {
		config = strings.Replace(config, o.old, o.new, 1)
	}
	s.write(t, "modules/mod_wirelog.lua", wireLog)
	s.write(t, "prosody.cfg.lua", config)
	s.command = func() *exec.Cmd { return exec.Command("prosody", "--config", s.path("prosody.cfg.lua"), "-F") }
	s.register = s.registerAtProsody
	s.forget = func(t testing.TB) { t.Fatal("xmpptest: Prosody starts quickly: take another one") }
	s.started = func() bool { return true }
	for local, password := range accounts {
		s.AddAccount(t, local, password)
	}
	s.Start(t)
	t.Cleanup(s.Kill)
	return s
}

// registerAtProsody writes an account where Prosody looks for it, whether it runs or not.
func (s *Server) registerAtProsody(t testing.TB, local, password string) {
	t.Helper()
	// What mod_auth_internal_hashed stores: RFC 5802 section 3, StoredKey and ServerKey in hexadecimal.
	const salt, iterations = "salt of the test", 4096
	salted, err := pbkdf2.Key(sha256.New, password, []byte(salt), iterations, sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	storedKey := sha256.Sum256(mac(salted, "Client Key"))
	s.write(t, "data/"+fileName(s.Domain)+"/accounts/"+fileName(local)+".dat", fmt.Sprintf(
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
