package session

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/xmpp"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// The fourth place of the canary oracle: the session bus. The whole run of these tests has one of its own, on which somebody hears
// everything; at the end of the run no mark of any test may have been heard on it, not even of a text that went out in clear.

// A recordedBus is a session bus and what was said on it.
type recordedBus struct {
	dir             string
	daemon, monitor *exec.Cmd
}

// theBus is that of this run; nil where there is none to be had.
var theBus *recordedBus

// said is the file with everything that was heard.
func (b *recordedBus) said() string { return filepath.Join(b.dir, "said") }

// listenToBus gives this process a bus of its own. Where the programs for it are missing, there is no bus that anything could get onto.
func listenToBus() (*recordedBus, error) {
	os.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	for _, program := range []string{"dbus-daemon", "dbus-monitor"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, nil
		}
	}
	dir, err := os.MkdirTemp("", "bus") // the path of a socket has to be short
	if err != nil {
		return nil, err
	}
	b := &recordedBus{dir: dir}
	config := `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=` + filepath.Join(dir, "socket") + `</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	b.daemon = exec.Command("dbus-daemon", "--nofork", "--nopidfile", "--nosyslog", "--print-address", "--config-file="+filepath.Join(dir, "conf"))
	out, err := b.daemon.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := b.daemon.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.stop()
		return nil, err
	}
	os.Setenv("DBUS_SESSION_BUS_ADDRESS", strings.TrimSpace(address))
	said, err := os.Create(b.said())
	if err != nil {
		b.stop()
		return nil, err
	}
	b.monitor = exec.Command("dbus-monitor", "--session")
	b.monitor.Stdout = said
	err = b.monitor.Start()
	said.Close()
	if err == nil {
		err = b.hear("NameAcquired")
	}
	if err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// hear waits until something was heard on the bus.
func (b *recordedBus) hear(words string) error {
	const limit, pause = time.Minute, 10 * time.Millisecond
	for range limit / pause {
		if all, err := os.ReadFile(b.said()); err == nil && strings.Contains(string(all), words) {
			return nil
		}
		time.Sleep(pause)
	}
	return errors.New("nobody hears what is said on the bus")
}

// say says something on the bus.
func (b *recordedBus) say(words string) error {
	return exec.Command("dbus-send", "--session", "/im/sotto/test", "im.sotto.test.Said", "string:"+words).Run()
}

// stop ends the bus.
func (b *recordedBus) stop() {
	for _, c := range []*exec.Cmd{b.monitor, b.daemon} {
		if c != nil && c.Process != nil {
			c.Process.Kill()
			c.Wait()
		}
	}
	os.RemoveAll(b.dir)
}

// end tells of which tests a mark was heard on the bus, and ends it.
func (b *recordedBus) end() (heard []string, err error) {
	defer b.stop()
	last := "the last " + xmpp.NewID()
	if err := errors.Join(b.say(last), b.hear(last)); err != nil {
		return nil, err
	}
	all, err := os.ReadFile(b.said())
	if err != nil {
		return nil, err
	}
	for test, marks := range canaries {
		if n := (&xmpptest.Marks{All: marks}).In(all); n > 0 {
			heard = append(heard, fmt.Sprintf("%s: %d of %d marks", test, n, len(marks)))
		}
	}
	return heard, nil
}

// runWithBus runs the tests of this package, and fails where a mark of theirs was on the bus.
func runWithBus(m *testing.M) int {
	bus, err := listenToBus()
	if err != nil {
		fmt.Println("the session bus of the tests:", err)
		return 1
	}
	theBus = bus
	result := m.Run()
	if bus == nil {
		return result
	}
	heard, err := bus.end()
	if err != nil {
		fmt.Println("the session bus of the tests:", err) // the standard error stream is a file of the tests by now
		return 1
	}
	for _, what := range heard {
		fmt.Println("heard on the session bus:", what)
		result = 1
	}
	return result
}

// The listener must be able to hear.
func TestOracleHearsTheBus(t *testing.T) {
	if theBus == nil {
		t.Skip("dbus-daemon and dbus-monitor are not here (Debian: dbus)")
	}
	mark := "canary-" + xmpp.NewID()
	if err := errors.Join(theBus.say(mark), theBus.hear(mark)); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(theBus.said())
	if err != nil {
		t.Fatal(err)
	}
	if n := (&xmpptest.Marks{All: []string{mark, "canary-" + xmpp.NewID()}}).In(all); n != 1 {
		t.Errorf("%d of one mark", n)
	}
}
