//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/keyring/keyringtest"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"github.com/sotto-im/sotto/ui/access/accesstest"
)

// wait is how long anything may take before the test gives up. Nothing takes nearly as long; slow machines are slow.
const wait = 60 * time.Second

var binaries struct{ sotto, bare string }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sotto-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binaries.sotto, binaries.bare = filepath.Join(dir, "sotto"), filepath.Join(dir, "bare")
	code := 1
	if build(binaries.sotto, "../..") && build(binaries.bare, "./bare") {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func build(to, pkg string, flags ...string) bool {
	c := exec.Command("go", slices.Concat([]string{"build", "-tags", "migrated_fynedo", "-o", to}, flags, []string{pkg})...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "building %s: %v\n", pkg, err)
		return false
	}
	return true
}

// A person sits in front of a screen with Sotto on it.
type person struct {
	t       *testing.T
	name    string
	display *display
	session *keyringtest.Service
	bus     *accesstest.Bus
	reader  *accesstest.Reader
	marks   *xmpptest.Marks

	program *accesstest.Process
	screen  *accesstest.Program
	spoken  <-chan accesstest.Event
	heard   []string              // what came from spoken
	written []*accesstest.Process // everything whose output is searched for marks
	shots   int
}

// newPerson sits down at a display of their own, with the session's bus, keyring and accessibility bus.
func newPerson(t *testing.T, name string, session *keyringtest.Service, m *xmpptest.Marks) *person {
	t.Helper()
	p := &person{t: t, name: name, display: newDisplay(t).withWindows(t), session: session, marks: m, bus: &accesstest.Bus{Address: session.Address}}
	t.Cleanup(p.bus.Stop)
	if err := p.bus.StartAccessibility(p.environ()); err != nil {
		t.Fatal(err)
	}
	reader, err := p.bus.Reader()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	p.reader = reader
	if p.spoken, err = reader.Events("object:announcement"); err != nil {
		t.Fatal(err)
	}
	p.listen()
	m.WatchFiles(session.Home)
	return p
}

// listen records everything on the session bus.
func (p *person) listen() {
	need(p.t, "dbus-monitor", "dbus")
	monitor, err := accesstest.Run(os.Environ(), "dbus-monitor", "--address", p.session.Address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(monitor.Stop)
	if err := monitor.Says("\n"); err != nil {
		p.t.Fatal(err)
	}
	p.written = append(p.written, monitor)
}

// environ is what programs of the person find in their environment.
func (p *person) environ() []string {
	temp := filepath.Join(p.session.Home, "tmp")
	if err := os.MkdirAll(temp, 0o700); err != nil {
		p.t.Fatal(err)
	}
	environ := []string{"PATH=" + os.Getenv("PATH"), "LANG=en_US.UTF-8", "DISPLAY=" + p.display.name, "TMPDIR=" + temp, "FYNE_THEME=light", "NO_AT_BRIDGE=0"}
	return append(environ, p.session.Env...)
}

// start starts Sotto.
func (p *person) start(args ...string) {
	p.t.Helper()
	p.starts(binaries.sotto, args...)
}

// starts starts a build of Sotto.
func (p *person) starts(binary string, args ...string) {
	p.t.Helper()
	program, err := accesstest.Run(p.environ(), binary, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(program.Stop)
	p.program = program
	p.written = append(p.written, program)
	p.screen, err = accesstest.Await(wait, func() (*accesstest.Program, error) {
		select {
		case <-program.Ended():
			p.t.Fatalf("%s's Sotto ended: %s", p.name, program.Written())
		default:
		}
		return p.reader.Program("Sotto")
	})
	if err != nil {
		p.fail(err)
	}
}

// quit closes the program and waits for its end.
func (p *person) quit() {
	p.t.Helper()
	if err := p.program.Quit(wait); err != nil {
		p.t.Error(err)
	}
}

// fail gives up, with everything that helps to understand why.
func (p *person) fail(err error) {
	p.t.Helper()
	p.display.shoot(p.t, "failed-"+strings.ReplaceAll(p.t.Name(), "/", "-")+"-"+p.name)
	dump := "nothing can be read from the screen"
	if p.screen != nil {
		if screen, err := p.screen.Screen(); err == nil {
			dump = screen.Dump()
		}
	}
	p.t.Fatalf("%s: %v\nThe screen:\n%s\nThe program wrote:\n%s", p.name, err, dump, p.program.Written())
}

// hears waits until the screen reader has said the words, at any time since the program began.
func (p *person) hears(words string) {
	p.t.Helper()
	said := func(sentence string) bool { return strings.Contains(sentence, words) }
	for deadline := time.After(wait); !slices.ContainsFunc(p.heard, said); {
		select {
		case e := <-p.spoken:
			if sentence, ok := e.Value.(string); ok && e.Name == "Object.Announcement" {
				p.heard = append(p.heard, sentence)
			}
		case <-deadline:
			p.fail(fmt.Errorf("never heard %q among %q", words, p.heard))
		}
	}
}

// shoot takes a picture of what the person sees now.
func (p *person) shoot(what string) {
	p.t.Helper()
	p.shots++
	p.display.shoot(p.t, fmt.Sprintf("%s-%s-%02d-%s", strings.ToLower(strings.TrimPrefix(p.t.Name(), "Test")), p.name, p.shots, what))
}

// A look tells whether a thing is the one that is meant.
type meant func(*accesstest.Thing) bool

// called is a thing with this name, of one of these roles.
func called(name string, roles ...string) meant {
	return func(t *accesstest.Thing) bool { return t.Name == name && (len(roles) == 0 || contains(roles, t.Role)) }
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}

// saying is a thing with these words in what it says, other than in something that can be typed into.
func saying(words string) meant {
	return func(t *accesstest.Thing) bool {
		return t.Role != "entry" && (strings.Contains(t.Name, words) || strings.Contains(t.Text, words) || strings.Contains(t.Help, words))
	}
}

// message is a row of the conversation with these words, and with all of these in how it was protected and what became of it.
func message(words string, about ...string) meant {
	return func(t *accesstest.Thing) bool {
		if t.Parent == nil || t.Parent.Role != "log" || !strings.Contains(t.Text, words) {
			return false
		}
		for _, a := range about {
			if !strings.Contains(t.Name, a) {
				return false
			}
		}
		return true
	}
}

// usable is a thing that can be used at this moment.
func usable(m meant) meant {
	return func(t *accesstest.Thing) bool { return m(t) && t.Is(accesstest.Sensitive) && t.Is(accesstest.Showing) }
}

// glance is the first thing on the screen that is meant.
func (p *person) glance(m meant) (*accesstest.Thing, error) {
	screen, err := p.screen.Screen()
	if err != nil {
		return nil, err
	}
	for thing := range screen.All {
		if m(thing) {
			return thing, nil
		}
	}
	return nil, errors.New("not to be seen")
}

// see waits for something.
func (p *person) see(what string, m meant) *accesstest.Thing {
	p.t.Helper()
	thing, err := accesstest.Await(wait, func() (*accesstest.Thing, error) { return p.glance(m) })
	if err != nil {
		p.fail(fmt.Errorf("%s: %w", what, err))
	}
	return thing
}

// read waits for words.
func (p *person) read(words string) {
	p.t.Helper()
	p.see(fmt.Sprintf("the words %q", words), saying(words))
}

// does waits until a thing can be used and uses it: between a look and the deed it may change.
func (p *person) does(what string, m meant, deed func(*accesstest.Thing) error) {
	p.t.Helper()
	_, err := accesstest.Await(wait, func() (bool, error) {
		thing, err := p.glance(usable(m))
		if err != nil {
			return false, err
		}
		return true, deed(thing)
	})
	if err != nil {
		p.fail(fmt.Errorf("%s: %w", what, err))
	}
}

// presses presses what is called so.
func (p *person) presses(name string) {
	p.t.Helper()
	p.does(fmt.Sprintf("pressing %q", name), func(t *accesstest.Thing) bool { return t.Name == name && t.Has("Action") }, (*accesstest.Thing).Press)
}

// types puts a text into the entry that is called so.
func (p *person) types(entry, text string) {
	p.t.Helper()
	p.does(fmt.Sprintf("typing into %q", entry), called(entry, "entry", "password text"), func(t *accesstest.Thing) error { return t.Type(text) })
}
