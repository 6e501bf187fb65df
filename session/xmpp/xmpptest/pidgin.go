//go:build linux

package xmpptest

import (
	"bufio"
	"context"
	"fmt"
	"html"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/sotto-im/sotto/session/keyring/keyringtest"
)

// Pidgin is Pidgin with pidgin-otr, on a display and a bus of its own, signed in to a server of this package. Its conversations are
// driven over D-Bus, its dialogs with the keyboard.
type Pidgin struct {
	dir     string
	env     []string
	purple  dbus.BusObject
	account int32

	mu    sync.Mutex
	heard []string
}

const (
	pidginLimit  = time.Minute
	pidginPlugin = "/usr/lib/pidgin/pidgin-otr.so"

	pidginPreferences = `<?xml version='1.0' encoding='UTF-8' ?>
<pref version='1' name='/'>
	<pref name='pidgin'>
		<pref name='plugins'><pref name='loaded' type='pathlist'><item value='` + pidginPlugin + `'/></pref></pref>
		<pref name='sound'><pref name='method' type='string' value='none'/></pref>
	</pref>
	<pref name='purple'><pref name='sound'><pref name='while_status' type='int' value='0'/></pref></pref>
</pref>
`
	pidginAccount = `<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'>
	<account>
		<protocol>prpl-jabber</protocol>
		<name>%s/pidgin</name>
		<password>%s</password>
		<settings>
			<setting name='connect_server' type='string'>%s</setting>
			<setting name='port' type='int'>%s</setting>
			<setting name='connection_security' type='string'>require_tls</setting>
		</settings>
		<settings ui='gtk-gaim'>
			<setting name='auto-login' type='bool'>1</setting>
		</settings>
	</account>
</account>
`
)

// StartPidgin signs in as local and waits until the server has let it in. keys is its otr.private_key, for the account
// LOCAL@Domain/pidgin and the protocol prpl-jabber: without it a dialog would open. A machine without the Debian packages fails the test.
func StartPidgin(t testing.TB, s *Server, local, password string, keys []byte) *Pidgin {
	t.Helper()
	for _, program := range []string{"pidgin", "Xvfb", "openbox", "xdotool"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal("this test needs Debian packages: apt-get install pidgin pidgin-otr xvfb openbox xdotool")
		}
	}
	if _, err := os.Stat(pidginPlugin); err != nil {
		t.Fatal("this test needs a Debian package: apt-get install pidgin-otr")
	}
	bus := keyringtest.StartBus(t)
	dir := bus.Home
	p := &Pidgin{dir: dir}
	PidginAccount(t, s, dir+"/purple", local, password, keys)
	p.env = append(append(os.Environ(), bus.Env...), "LANG=C.UTF-8", "NO_AT_BRIDGE=1", "GTK_MODULES=",
		"DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent")
	display := p.firstLine(t, "Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp")
	p.env = append(p.env, "DISPLAY=:"+display)
	p.start(t, exec.Command("openbox"))
	p.start(t, exec.Command("pidgin", "--multiple", "--force-online", "--config="+dir+"/purple"))
	p.listen(t, bus.Address)
	return p
}

// PidginAccount fills a folder of Pidgin's settings with an account, its otr.private_key as StartPidgin describes it, and pidgin-otr.
func PidginAccount(t testing.TB, s *Server, dir, local, password string, keys []byte) {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	writeInto(t, dir, "prefs.xml", pidginPreferences)
	writeInto(t, dir, "accounts.xml", fmt.Sprintf(pidginAccount, local+"@"+Domain, html.EscapeString(password), host, port))
	writeInto(t, dir, "otr.private_key", string(keys))
	PidginTrusts(t, s, dir)
}

// PidginTrusts puts the server's certificate into a folder of Pidgin's settings: those of servers that people use need no question.
func PidginTrusts(t testing.TB, s *Server, dir string) {
	t.Helper()
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	writeInto(t, dir, "certificates/x509/tls_peers/"+host, s.read("cert.pem"))
}

func writeInto(t testing.TB, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// firstLine starts a program and returns the first line that it prints.
func (p *Pidgin) firstLine(t testing.TB, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.start(t, c)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(name, ": ", err)
	}
	return strings.TrimSpace(line)
}

func (p *Pidgin) start(t testing.TB, c *exec.Cmd) {
	t.Helper()
	c.Env, c.Dir = p.env, p.dir
	dieWithTest(c)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
}

// listen waits for Pidgin on the bus and remembers what it hears from then on.
func (p *Pidgin) listen(t testing.TB, address string) {
	t.Helper()
	bus, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bus.Close() })
	signals := make(chan *dbus.Signal, 1000)
	bus.Signal(signals)
	if err := bus.AddMatchSignal(dbus.WithMatchInterface("im.pidgin.purple.PurpleInterface"), dbus.WithMatchMember("ReceivedImMsg")); err != nil {
		t.Fatal(err)
	}
	go func() {
		for s := range signals {
			if len(s.Body) >= 3 {
				text, _ := s.Body[2].(string)
				p.mu.Lock()
				p.heard = append(p.heard, text)
				p.mu.Unlock()
			}
		}
	}()
	p.purple = bus.Object("im.pidgin.purple.PurpleService", "/im/pidgin/purple/PurpleObject")
	p.await(t, "sign in", func() bool {
		var accounts []int32
		if p.call("PurpleAccountsGetAllActive").Store(&accounts) != nil || len(accounts) != 1 {
			return false
		}
		p.account = accounts[0]
		var connected int32
		return p.call("PurpleAccountIsConnected", p.account).Store(&connected) == nil && connected == 1
	})
}

func (p *Pidgin) call(method string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeout(context.Background(), pidginLimit)
	defer cancel()
	return p.purple.CallWithContext(ctx, "im.pidgin.purple.PurpleInterface."+method, 0, args...)
}

func (p *Pidgin) await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(pidginLimit); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("Pidgin did not %s; it heard %q; windows:\n%s", what, p.heard, p.Windows())
		}
	}
}

// Say sends what Pidgin takes for a text of its own: HTML.
func (p *Pidgin) Say(t testing.TB, contact, markup string) {
	t.Helper()
	const im = int32(1)
	var conversation, data int32
	if err := p.call("PurpleConversationNew", im, p.account, contact).Store(&conversation); err != nil {
		t.Fatal("Pidgin: ", err)
	}
	if err := p.call("PurpleConvIm", conversation).Store(&data); err != nil {
		t.Fatal("Pidgin: ", err)
	}
	if err := p.call("PurpleConvImSend", data, markup).Err; err != nil {
		t.Fatal("Pidgin: ", err)
	}
}

// Hears waits until Pidgin has received a text, decrypted, as HTML.
func (p *Pidgin) Hears(t testing.TB, markup string) {
	t.Helper()
	p.await(t, "hear "+markup, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, h := range p.heard {
			if strings.Contains(h, markup) {
				return true
			}
		}
		return false
	})
}

// Windows are the titles of the windows that are open, one a line.
func (p *Pidgin) Windows() string {
	out, _ := p.xdotool("search", "--onlyvisible", "--name", ".")
	var titles strings.Builder
	for _, id := range strings.Fields(out) {
		title, _ := p.xdotool("getwindowname", id)
		titles.WriteString(title)
	}
	return titles.String()
}

// Answer waits for a dialog whose title matches an expression, types into it and presses the return key.
func (p *Pidgin) Answer(t testing.TB, title, text string) {
	t.Helper()
	p.await(t, "open "+title, func() bool {
		out, _ := p.xdotool("search", "--onlyvisible", "--name", title)
		ids := strings.Fields(out)
		if len(ids) == 0 {
			return false
		}
		_, err := p.xdotool("windowactivate", "--sync", ids[len(ids)-1]) // which may be gone by now
		return err == nil
	})
	for _, args := range [][]string{{"type", "--delay", "20", text}, {"key", "Return"}} {
		if _, err := p.xdotool(args...); err != nil {
			t.Fatalf("xdotool %q: %v", args, err)
		}
	}
}

func (p *Pidgin) xdotool(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), pidginLimit)
	defer cancel()
	c := exec.CommandContext(ctx, "xdotool", args...)
	c.Env = p.env
	out, err := c.Output()
	return string(out), err
}

// Kept is a file of Pidgin's own, as it is now.
func (p *Pidgin) Kept(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, "purple", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
