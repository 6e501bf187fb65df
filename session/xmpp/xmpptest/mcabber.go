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

// Mcabber is mcabber, a client on libotr that nobody here wrote, signed in to a Prosody of this package and driven through its FIFO.
type Mcabber struct {
	dir      string
	keyboard io.Writer
}

// StartMcabber signs in as local and waits until the server has let it in. A machine without the Debian package mcabber fails the test.
// It makes no OTR conversation by itself but answers when it is asked to.
func StartMcabber(t testing.TB, p *Prosody, local, password string) *Mcabber {
	t.Helper()
	if _, err := exec.LookPath("mcabber"); err != nil {
		t.Fatal("this test needs the Debian package mcabber: apt-get install mcabber")
	}
	m := &Mcabber{dir: t.TempDir()}
	for _, folder := range []string{"otr", "histo"} {
		if err := os.Mkdir(filepath.Join(m.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	host, port, err := net.SplitHostPort(p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	configuration := fmt.Sprintf(mcabberConfiguration, local+"@"+Domain, password, host, port, p.CAFile, m.dir)
	if err := os.WriteFile(m.file("mcabberrc"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	// mcabber draws on a terminal; script gives it one.
	command := exec.Command("script", "-qfc", "exec mcabber -f "+m.file("mcabberrc"), m.file("screen"))
	command.Env = append(os.Environ(), "HOME="+m.dir, "TERM=xterm", "LANG=C.UTF-8")
	dieWithTest(command)
	keyboard, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.keyboard = keyboard
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.command("/quit")
		time.AfterFunc(5*time.Second, func() { command.Process.Kill() })
		command.Wait()
	})
	m.Await(t, "Connection established", m.Trace)
	return m
}

const mcabberConfiguration = `
set jid = %s
set password = %s
set server = %s
set port = %s
set resource = mcabber
set tls = 1
set ssl_ca = %s
set logging = 1
set logging_dir = %[6]s/histo
set tracelog_level = 1
set tracelog_file = %[6]s/trace
set otr = 1
set otr_dir = %[6]s/otr
set fifo_name = %[6]s/fifo
module load fifo
otrpolicy default opportunistic
`

// Do types a command, such as "/say_to bob@sotto.test hello".
func (m *Mcabber) Do(t testing.TB, command string) {
	t.Helper()
	if err := m.command(command); err != nil {
		t.Fatal(err)
	}
}

func (m *Mcabber) command(command string) error {
	fifo, err := os.OpenFile(m.file("fifo"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer fifo.Close()
	_, err = fmt.Fprintln(fifo, command)
	return err
}

// Trace returns what mcabber told its user so far.
func (m *Mcabber) Trace() string { return m.read("trace") }

// Open shows the conversation with a contact, so that Screen has it.
func (m *Mcabber) Open(t testing.TB, contact string) {
	t.Helper()
	m.Do(t, "/roster search "+contact)
	m.Await(t, "/roster search "+contact, m.Trace)
	if _, err := m.keyboard.Write([]byte("\r")); err != nil {
		t.Fatal(err)
	}
}

// Screen returns what mcabber drew on its terminal so far.
func (m *Mcabber) Screen() string { return m.read("screen") }

// History returns what was said to and by a contact so far, after decryption.
func (m *Mcabber) History(contact string) string { return m.read(filepath.Join("histo", contact)) }

// Fingerprints returns the fingerprints that mcabber knows, with their trust, in libotr's format.
func (m *Mcabber) Fingerprints() string {
	files, _ := filepath.Glob(m.file(filepath.Join("otr", "*.fpr")))
	var all strings.Builder
	for _, f := range files {
		b, _ := os.ReadFile(f)
		all.Write(b)
	}
	return all.String()
}

// Await waits until what text returns contains a word.
func (m *Mcabber) Await(t testing.TB, word string, text func() string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(text(), word); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("mcabber: no %q in\n%s\ntrace:\n%s", word, text(), m.Trace())
		}
	}
}

func (m *Mcabber) file(name string) string { return filepath.Join(m.dir, name) }

func (m *Mcabber) read(name string) string {
	b, _ := os.ReadFile(m.file(name))
	return string(b)
}
