//go:build linux

package keyringtest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	startLimit = 20 * time.Second

	secrets       = "org.freedesktop.secrets"
	secretsPath   = "/org/freedesktop/secrets"
	login         = "/org/freedesktop/secrets/collection/login"
	secretService = "org.freedesktop.Secret.Service"
)

// Start starts a session bus and an unlocked, empty gnome-keyring in a home of their own, which end with the test. Nothing of the
// person who runs the test is touched. Where the programs are missing, the test fails and says what to install.
func Start(t testing.TB) *Service {
	t.Helper()
	return startKeyring(t, StartBus(t), "--unlock")
}

// StartWithout starts a gnome-keyring that has never had a keyring in it, as on a fresh minimal desktop.
func StartWithout(t testing.TB) *Service {
	t.Helper()
	return startKeyring(t, StartBus(t), "--start")
}

// Service is a private session bus, with or without a keyring on it.
type Service struct {
	// Env is what a program needs in its environment to use this bus, this keyring and this home: HOME, XDG_RUNTIME_DIR, the other
	// XDG directories and DBUS_SESSION_BUS_ADDRESS. Append it to os.Environ(): the last value of a name counts.
	Env []string
	// Home is the home directory that Env names.
	Home string
	// Address is that of the bus.
	Address string
}

// StartBus starts a session bus without any service: nothing can be started through it either.
func StartBus(t testing.TB) *Service {
	t.Helper()
	program := need(t, "dbus-daemon")
	home, err := os.MkdirTemp("", "home") // t.TempDir is too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	run := filepath.Join(home, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(home, "bus.conf")
	if err := os.WriteFile(config, []byte(busConfig(run)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Service{Home: home}
	s.Env = []string{
		"HOME=" + home,
		"XDG_RUNTIME_DIR=" + run,
		"XDG_CONFIG_HOME=" + filepath.Join(home, ".config"),
		"XDG_DATA_HOME=" + filepath.Join(home, ".local", "share"),
		"XDG_STATE_HOME=" + filepath.Join(home, ".local", "state"),
		"XDG_CACHE_HOME=" + filepath.Join(home, ".cache"),
	}
	c := s.command(program, "--nofork", "--nopidfile", "--nosyslog", "--print-address", "--config-file="+config)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, c)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal("keyringtest: dbus-daemon did not start: ", err)
	}
	s.Address = strings.TrimSpace(line)
	s.Env = append(s.Env, "DBUS_SESSION_BUS_ADDRESS="+s.Address)
	return s
}

func busConfig(dir string) string {
	return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
	<type>session</type>
	<listen>unix:dir=` + dir + `</listen>
	<auth>EXTERNAL</auth>
	<policy context="default">
		<allow send_destination="*" eavesdrop="true"/>
		<allow eavesdrop="true"/>
		<allow own="*"/>
	</policy>
</busconfig>
`
}

func startKeyring(t testing.TB, s *Service, how string) *Service {
	t.Helper()
	c := s.command(need(t, "gnome-keyring-daemon"), "--foreground", "--components=secrets", how)
	c.Stdin = strings.NewReader("password of the tests")
	start(t, c)
	bus := s.connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	if err := awaitName(ctx, bus); err != nil {
		t.Fatal("keyringtest: gnome-keyring did not start: ", err)
	}
	return s
}

// awaitName waits until the Secret Service is on the bus. The daemon takes its name after it has unlocked what it was told to.
func awaitName(ctx context.Context, bus *dbus.Conn) error {
	err := bus.AddMatchSignalContext(ctx, dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"),
		dbus.WithMatchArg(0, secrets))
	if err != nil {
		return err
	}
	changes := make(chan *dbus.Signal, 8)
	bus.Signal(changes)
	var there bool
	if err := bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, secrets).Store(&there); err != nil || there {
		return err
	}
	select {
	case <-changes:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Lock locks the keyring, as a screen saver or the person may do.
func (s *Service) Lock(t testing.TB) {
	t.Helper()
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := s.connect(t).Object(secrets, secretsPath).
		Call(secretService+".Lock", 0, []dbus.ObjectPath{login}).Store(&locked, &prompt)
	if err != nil || len(locked) != 1 {
		t.Fatalf("keyringtest: locking: %v, %v", locked, err)
	}
}

// Items returns what any program of the person can see without a password: the label and the attributes of every secret, as text.
func (s *Service) Items(t testing.TB) []string {
	t.Helper()
	bus := s.connect(t)
	var open, locked []dbus.ObjectPath
	err := bus.Object(secrets, secretsPath).Call(secretService+".SearchItems", 0, map[string]string{}).Store(&open, &locked)
	if err != nil {
		t.Fatal("keyringtest: ", err)
	}
	var items []string
	for _, path := range append(open, locked...) {
		var properties map[string]dbus.Variant
		err := bus.Object(secrets, path).Call("org.freedesktop.DBus.Properties.GetAll", 0, "org.freedesktop.Secret.Item").Store(&properties)
		if err != nil {
			t.Fatal("keyringtest: ", err)
		}
		items = append(items, properties["Label"].String()+" "+properties["Attributes"].String())
	}
	return items
}

func (s *Service) connect(t testing.TB) *dbus.Conn {
	t.Helper()
	bus, err := dbus.Connect(s.Address)
	if err != nil {
		t.Fatal("keyringtest: ", err)
	}
	t.Cleanup(func() { bus.Close() })
	return bus
}

// command runs name in the environment of the service, without a display to show prompts on.
func (s *Service) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env = append(withoutDisplay(os.Environ()), s.Env...)
	// The daemon must not survive a test that is killed.
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

func withoutDisplay(env []string) []string {
	var kept []string
	for _, v := range env {
		if !strings.HasPrefix(v, "DISPLAY=") && !strings.HasPrefix(v, "WAYLAND_DISPLAY=") && !strings.HasPrefix(v, "DBUS_SESSION_BUS_ADDRESS=") {
			kept = append(kept, v)
		}
	}
	return kept
}

func start(t testing.TB, c *exec.Cmd) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal("keyringtest: ", err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
}

func need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("keyringtest: %s is missing: sudo apt-get install dbus gnome-keyring", program)
	}
	return path
}
