//go:build unix

package xmpptest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Profanity is profanity, a client that speaks version 2 of OTR only, signed in to a server of this package and driven through its
// terminal.
type Profanity struct {
	dir      string
	keyboard io.Writer
}

const (
	profanityPreferences = `[logging]
chlog=true
[otr]
log=on
policy=opportunistic
`
	profanityAccount = `[%[1]s]
enabled=true
jid=%[1]s
server=%[2]s
port=%[3]s
resource=profanity
password=%[4]s
tls.policy=trust
`
)

// StartProfanity signs in as local and waits until the server has let it in. A machine without the Debian package profanity fails the
// test. It has an OTR key, and begins and accepts OTR by itself.
func StartProfanity(t testing.TB, s *Server, local, password string) *Profanity {
	t.Helper()
	if _, err := exec.LookPath("profanity"); err != nil {
		t.Fatal("this test needs the Debian package profanity: apt-get install profanity")
	}
	p := &Profanity{dir: t.TempDir()}
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	jid := local + "@" + Domain
	for name, text := range map[string]string{
		"config/profanity/profrc":                  profanityPreferences,
		"data/profanity/accounts":                  fmt.Sprintf(profanityAccount, jid, host, port, password),
		"data/profanity/chatlogs/.keep":            "",
		"data/profanity/database/.keep":            "",
		"data/profanity/logs/.keep":                "",
		"data/profanity/otr/" + at(jid) + "/.keep": "",
	} {
		file := p.file(name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("script", "-qfc", "stty rows 50 cols 200; exec profanity -l DEBUG -f "+p.file("log")+" -a "+jid, p.file("screen"))
	command.Env = append(os.Environ(), "HOME="+p.dir, "XDG_CONFIG_HOME="+p.file("config"), "XDG_DATA_HOME="+p.file("data"),
		"TERM=xterm", "LANG=C.UTF-8")
	dieWithTest(command)
	keyboard, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.keyboard = keyboard
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Do(t, "/quit")
		timer := time.AfterFunc(5*time.Second, func() { command.Process.Kill() })
		command.Wait()
		timer.Stop()
	})
	p.Await(t, "logged in successfully", p.Screen)
	p.Do(t, "/otr gen")
	p.Await(t, "Fingerprints file created", p.Log)
	return p
}

// at is how profanity writes an address in the name of a directory.
func at(jid string) string { return strings.ReplaceAll(jid, "@", "_at_") }

// Do types a line: a command, or a text for the contact whose window is open.
func (p *Profanity) Do(t testing.TB, line string) {
	t.Helper()
	if _, err := io.WriteString(p.keyboard, line+"\r"); err != nil {
		t.Error("profanity: ", err)
	}
}

// Screen returns what profanity drew on its terminal so far.
func (p *Profanity) Screen() string { return p.read("screen") }

// Log returns profanity's own log.
func (p *Profanity) Log() string { return p.read("log") }

// History returns what was said to and by a contact so far, after decryption.
func (p *Profanity) History(contact string) string {
	files, _ := filepath.Glob(p.file("data/profanity/chatlogs/*/" + at(contact) + "/*.log"))
	var all strings.Builder
	for _, f := range files {
		b, _ := os.ReadFile(f)
		all.Write(b)
	}
	return all.String()
}

// Await waits until what text returns contains a word.
func (p *Profanity) Await(t testing.TB, word string, text func() string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(text(), word); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("profanity: no %q in\n%q\nlog:\n%s", word, text(), p.Log())
		}
	}
}

func (p *Profanity) file(name string) string { return filepath.Join(p.dir, name) }

func (p *Profanity) read(name string) string {
	b, _ := os.ReadFile(p.file(name))
	return string(b)
}
