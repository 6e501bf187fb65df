//go:build unix

package xmpptest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An EjabberdOption changes the configuration by replacing text.
type EjabberdOption struct{ old, new string }

// EjabberdTLS12 is ejabberd where TLS 1.3 is not: there its channel binding works.
var EjabberdTLS12 = EjabberdOption{`c2s_protocol_options: [`, `c2s_protocol_options: ["no_tlsv1_3", `}

// EjabberdCaptcha has registration ask for the text of a picture. A Server tells it: Captcha.
var EjabberdCaptcha = EjabberdOption{"mod_register: {", "mod_register: {captcha_protected: true, "}

const ejabberdConfig = `
hosts: [%[4]s]
certfiles: ["%[1]s/both.pem"]
acme: {auto: false}
loglevel: info
auth_method: [internal]
auth_password_format: scram
auth_scram_hash: sha256
registration_timeout: infinity
captcha_cmd: "%[1]s/captcha"
captcha_url: "http://127.0.0.1/captcha"
c2s_protocol_options: [no_sslv3, no_tlsv1, no_tlsv1_1]
listen:
  - {port: %[2]d, ip: "127.0.0.1", module: ejabberd_c2s, starttls: true, starttls_required: true}
  - {port: %[3]d, ip: "127.0.0.1", module: ejabberd_c2s, tls: true}
access_rules: {register: {allow: all}}
modules:
  mod_blocking: {}
  mod_caps: {}
  mod_carboncopy: {}
  mod_disco: {}
  mod_offline: {}
  mod_ping: {}
  mod_privacy: {}
  mod_pubsub: {plugins: [pep]}
  mod_register: {access: register, ip_access: all}
  mod_roster: {versioning: true}
  mod_stream_mgmt: {resend_on_timeout: if_offline}
`

// ejabberdControl notes what clients send and get, then obeys its standard input: a line of LOCAL and PASSWORD makes an account and the
// file "registered-LOCAL"; "forget" waits until every connection has ended and drops what waits for people. When the input ends, because the test has, the server ends.
const ejabberdControl = `
Host = <<"%[2]s">>,
spawn(fun() ->
	{ok, Wire} = file:open("%[1]s/wire.log", [append, binary]),
	Note = fun(Direction, Packet) ->
		XML = try fxml:element_to_binary(xmpp:encode(Packet)) catch _:_ -> io_lib:format("~p", [Packet]) end,
		file:write(Wire, [Direction, XML, "\n"])
	end,
	ejabberd_hooks:add(c2s_handle_recv, Host, fun(State, Element, _) -> Note("RECV ", Element), State end, 1),
	ejabberd_hooks:add(c2s_handle_send, Host, fun(State, Packet, _) -> Note("SEND ", Packet), State end, 1),
	file:write_file("%[1]s/ready", ""),
	Obey = fun Obey() ->
		case io:get_line("") of
			"forget\n" ->
				Gone = fun Gone() ->
					proplists:get_value(active, supervisor:count_children(ejabberd_c2s_sup)) == 0 orelse begin timer:sleep(10), Gone() end
				end,
				Gone(),
				{atomic, ok} = mnesia:clear_table(offline_msg),
				file:write_file("%[1]s/forgotten", ""),
				Obey();
			Line when is_list(Line) ->
				[Local, Password] = string:split(string:trim(Line, trailing, "\n"), " "),
				ok = ejabberd_auth:try_register(unicode:characters_to_binary(Local), Host, unicode:characters_to_binary(Password)),
				file:write_file("%[1]s/registered-" ++ Local, ""),
				Obey();
			_ -> erlang:halt(0, [{flush, false}])
		end
	end,
	Obey()
end).
`

// captchaProgram draws no picture: the client under test shows it to a person and cannot read it. Its text goes to the test.
const captchaProgram = `#!/bin/sh
printf %%s "$1" > %[1]s/captcha-text
exec cat %[1]s/captcha.png
`

// StartEjabberd starts Debian's ejabberd with these accounts, local part to password. Without ejabberd the test fails.
// Nothing of it is left when the test program ends, in whichever way, and no Erlang port mapper is needed.
func StartEjabberd(t testing.TB, accounts map[string]string, options ...EjabberdOption) *Server {
	t.Helper()
	libraries, _ := filepath.Glob("/usr/lib/*/ejabberd-*/ebin/ejabberd.app")
	if len(libraries) == 0 {
		t.Fatal("this test needs a real XMPP server: apt-get install ejabberd")
	}
	s := newServer(t, "ejabberd", Domain)
	config := fmt.Sprintf(ejabberdConfig, s.Dir, port(t, s.Addr), port(t, s.Direct), Domain)
	for _, o := range options {
		config = strings.Replace(config, o.old, o.new, 1)
	}
	s.write(t, "ejabberd.yml", config)
	s.write(t, "both.pem", s.read("key.pem")+s.read("cert.pem"))
	s.write(t, "captcha.png", CaptchaPicture)
	s.write(t, "captcha", fmt.Sprintf(captchaProgram, s.Dir))
	if err := os.Chmod(s.path("captcha"), 0o700); err != nil {
		t.Fatal(err)
	}
	var control io.Writer
	s.command = func() *exec.Cmd {
		os.Remove(s.path("ready"))
		// Without a name, an Erlang node talks to no other.
		c := exec.Command("erl", "-noshell", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none",
			"-mnesia", "dir", `"`+s.path("spool")+`"`, "-s", "ejabberd", "-eval", fmt.Sprintf(ejabberdControl, s.Dir, Domain))
		c.Env = append(os.Environ(),
			"HOME="+s.Dir,
			"ERL_LIBS="+filepath.Dir(filepath.Dir(filepath.Dir(libraries[0]))),
			"ERL_CRASH_DUMP="+s.path("crash"),
			"EJABBERD_CONFIG_PATH="+s.path("ejabberd.yml"),
			"EJABBERD_LOG_PATH="+s.path("server.log"))
		pipe, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		control = pipe
		return c
	}
	s.register = func(t testing.TB, local, password string) {
		t.Helper()
		fmt.Fprintln(control, local, password)
		s.await(t, "register "+local, func() bool { return s.has("registered-" + local) })
	}
	s.forget = func(t testing.TB) {
		t.Helper()
		os.Remove(s.path("forgotten"))
		fmt.Fprintln(control, "forget")
		s.await(t, "forget", func() bool { return s.has("forgotten") })
	}
	s.started = func() bool { return s.has("ready") }
	s.Start(t)
	t.Cleanup(s.Kill)
	for local, password := range accounts {
		s.AddAccount(t, local, password)
	}
	return s
}

// Captcha returns the text of the last picture that was made for somebody who registers; "" if none was.
func (s *Server) Captcha() string { return s.read("captcha-text") }

// CaptchaPicture is the PNG file that EjabberdCaptcha shows.
const CaptchaPicture = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU" +
	"\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82"
