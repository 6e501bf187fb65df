//go:build linux

// Package accesstest drives a program as a person with a screen reader does: private buses, and a reader that finds things by name.
package accesstest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
)

// startup is how long a daemon may take to begin.
const startup = 30 * time.Second

// launchers are the places where distributions put at-spi-bus-launcher.
var launchers = []string{"/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher", "/usr/lib/at-spi-bus-launcher"}

// A Bus is a session bus of its own, which starts no services by itself, with an accessibility bus where that was asked for.
type Bus struct {
	Address string // for DBUS_SESSION_BUS_ADDRESS
	started []*Process
}

const config = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <keep_umask/>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`

// Start starts a session bus; its socket and configuration are in dir. environ is for everything the bus starts.
func Start(dir string, environ []string) (*Bus, error) {
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		return nil, errors.New("accesstest: no dbus-daemon: apt-get install dbus")
	}
	socket, file := filepath.Join(dir, "bus"), filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, socket), 0o600); err != nil {
		return nil, err
	}
	b := &Bus{Address: "unix:path=" + socket}
	p, err := Run(environ, "dbus-daemon", "--nofork", "--print-address", "--config-file="+file)
	if err != nil {
		return nil, err
	}
	b.started = append(b.started, p)
	if err := p.Says("unix:"); err != nil {
		b.Stop()
		return nil, err
	}
	return b, nil
}

// StartAccessibility starts the accessibility bus of the session.
func (b *Bus) StartAccessibility(environ []string) error {
	launcher := ""
	for _, path := range launchers {
		if _, err := os.Stat(path); err == nil {
			launcher = path
			break
		}
	}
	if launcher == "" {
		return errors.New("accesstest: no at-spi-bus-launcher: apt-get install at-spi2-core")
	}
	p, err := Run(append(environ, "DBUS_SESSION_BUS_ADDRESS="+b.Address), launcher, "--launch-immediately")
	if err != nil {
		return err
	}
	b.started = append(b.started, p)
	_, err = b.accessibility()
	return err
}

// accessibility is the address of the accessibility bus, as soon as there is one.
func (b *Bus) accessibility() (string, error) {
	conn, err := dbus.Connect(b.Address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return Await(startup, func() (string, error) {
		var address string
		err := conn.Object("org.a11y.Bus", "/org/a11y/bus").Call("org.a11y.Bus.GetAddress", dbus.FlagNoAutoStart).Store(&address)
		if err == nil && address == "" {
			err = errors.New("accesstest: the accessibility bus has no address")
		}
		return address, err
	})
}

// Stop ends the buses and what was started for them.
func (b *Bus) Stop() {
	for i := len(b.started) - 1; i >= 0; i-- {
		b.started[i].Stop()
	}
}

// Await calls f until it has no error, or gives its last error when the time is over.
func Await[T any](limit time.Duration, f func() (T, error)) (T, error) {
	const pause = 30 * time.Millisecond
	end := time.Now().Add(limit)
	for {
		value, err := f()
		if err == nil || time.Now().After(end) {
			return value, err
		}
		time.Sleep(pause)
	}
}

// A Process is a program that was started, with everything it wrote. It is ended with all its children.
type Process struct {
	Name string
	cmd  *exec.Cmd
	done chan struct{}

	mu      sync.Mutex
	written bytes.Buffer
	news    chan struct{}
}

// Run starts a program.
func Run(environ []string, name string, args ...string) (*Process, error) {
	p := &Process{Name: filepath.Base(name), done: make(chan struct{}), news: make(chan struct{})}
	p.cmd = exec.Command(name, args...)
	p.cmd.Env = environ
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = write, write
	if err := p.cmd.Start(); err != nil {
		read.Close()
		write.Close()
		return nil, fmt.Errorf("accesstest: %w", err)
	}
	write.Close()
	go p.collect(read)
	go func() {
		_ = p.cmd.Wait() // how it ended does not matter to anybody; that it ended does
		close(p.done)
	}()
	return p, nil
}

func (p *Process) collect(from *os.File) {
	defer from.Close()
	r := bufio.NewReader(from)
	for {
		line, err := r.ReadBytes('\n')
		p.mu.Lock()
		p.written.Write(line)
		close(p.news)
		p.news = make(chan struct{})
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Written is everything the program wrote to its standard output and error.
func (p *Process) Written() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written.String()
}

// Says waits until the program has written something with these words in it.
func (p *Process) Says(words string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startup)
	defer cancel()
	for {
		p.mu.Lock()
		said, news := strings.Contains(p.written.String(), words), p.news
		p.mu.Unlock()
		if said {
			return nil
		}
		select {
		case <-news:
		case <-p.done:
			return fmt.Errorf("accesstest: %s ended: %s", p.Name, p.Written())
		case <-ctx.Done():
			return fmt.Errorf("accesstest: %s did not say %q: %s", p.Name, words, p.Written())
		}
	}
}

// ID is the number of the process.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Ended is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.done }

// Quit asks the program to end and waits, at most until limit; then Stop.
func (p *Process) Quit(limit time.Duration) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		p.Stop()
		return fmt.Errorf("accesstest: %s did not end when asked", p.Name)
	}
}

// Stop ends the program and its children and waits for the program.
func (p *Process) Stop() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(2 * time.Second):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}
