//go:build linux

package accesstest

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

const (
	spi  = "org.a11y.atspi."
	root = dbus.ObjectPath("/org/a11y/atspi/accessible/root")
)

// The states of AT-SPI that tests ask for.
const (
	Active    = 1
	Checked   = 4
	Focused   = 12
	Modal     = 16
	Selected  = 23
	Sensitive = 24
	Showing   = 25
)

// A Reader is a client of an accessibility bus: what a screen reader is.
type Reader struct{ conn *dbus.Conn }

// Reader connects to the accessibility bus of the session.
func (b *Bus) Reader() (*Reader, error) {
	address, err := b.accessibility()
	if err != nil {
		return nil, err
	}
	conn, err := dbus.Connect(address)
	if err != nil {
		return nil, err
	}
	return &Reader{conn}, nil
}

// Close ends the connection.
func (r *Reader) Close() { r.conn.Close() }

type reference struct {
	Name string
	Path dbus.ObjectPath
}

// A Program is one that has put itself on the accessibility bus.
type Program struct {
	reader *Reader
	name   string // of its connection
	walks  bool   // keeps no whole list of what it shows
}

// Program finds the program with this name on the bus.
func (r *Reader) Program(name string) (*Program, error) {
	var programs []reference
	if err := r.conn.Object(spi+"Registry", root).Call(spi+"Accessible.GetChildren", 0).Store(&programs); err != nil {
		return nil, err
	}
	for _, p := range programs {
		v, err := r.conn.Object(p.Name, p.Path).GetProperty(spi + "Accessible.Name")
		if err == nil && v.Value() == name {
			return &Program{reader: r, name: p.Name}, nil
		}
	}
	return nil, fmt.Errorf("accesstest: %q is not among the %d programs on the bus", name, len(programs))
}

// A Thing is what a reader is told about one thing on the screen.
type Thing struct {
	Role, Name, Help, Text string
	Inside                 []*Thing
	Parent                 *Thing

	program *Program
	path    dbus.ObjectPath
	states  uint64
	faces   []string
}

type cached struct {
	Self, Application, Parent reference
	Index, Children           int32
	Interfaces                []string
	Name                      string
	Role                      uint32
	Help                      string
	States                    []uint32
}

// Screen is everything the program shows at this moment: the program itself, with its windows inside.
func (p *Program) Screen() (*Thing, error) {
	if p.walks {
		return p.walk()
	}
	var items []cached
	if err := p.reader.conn.Object(p.name, "/org/a11y/atspi/cache").Call(spi+"Cache.GetItems", 0).Store(&items); err != nil {
		return nil, err
	}
	things := map[dbus.ObjectPath]*Thing{}
	for _, item := range items {
		things[item.Self.Path] = &Thing{
			Name: item.Name, Help: item.Help, program: p, path: item.Self.Path, faces: item.Interfaces,
			states: uint64(item.States[0]) | uint64(item.States[1])<<32, Inside: make([]*Thing, item.Children),
		}
	}
	if things[root] == nil {
		return nil, errors.New("accesstest: the program has no root")
	}
	for _, item := range items {
		thing, parent := things[item.Self.Path], things[item.Parent.Path]
		if parent == nil || item.Self.Path == root {
			continue
		}
		thing.Parent, parent.Inside[item.Index] = parent, thing
	}
	for _, thing := range things {
		if slices.Contains(thing.Inside, nil) {
			return nil, errors.New("accesstest: a thing says it has more inside than there is")
		}
		if err := thing.read(); err != nil {
			return nil, err
		}
	}
	return things[root], nil
}

// Walking is the same program, asked for each thing by itself: programs of GTK 2 keep no whole list of what they show. What does not
// show is left out, with everything inside.
func (p *Program) Walking() *Program { return &Program{reader: p.reader, name: p.name, walks: true} }

func (p *Program) walk() (*Thing, error) {
	top := &Thing{program: p, path: root}
	if err := top.walk(); err != nil {
		return nil, err
	}
	return top, nil
}

func (t *Thing) walk() error {
	var states []uint32
	if err := t.call("Accessible.GetState").Store(&states); err != nil || len(states) != 2 {
		return t.gone(err)
	}
	t.states = uint64(states[0]) | uint64(states[1])<<32
	if t.Parent != nil && t.Parent.opened() {
		t.states |= 1 << Showing // GTK 2 does not say so of what is in a menu
	}
	if t.Parent != nil && !t.Is(Showing) {
		return nil
	}
	if err := t.call("Accessible.GetInterfaces").Store(&t.faces); err != nil {
		return t.gone(err)
	}
	for property, to := range map[string]*string{"Name": &t.Name, "Description": &t.Help} {
		v, err := t.program.reader.conn.Object(t.program.name, t.path).GetProperty(spi + "Accessible." + property)
		if err != nil {
			return t.gone(err)
		}
		*to, _ = v.Value().(string)
	}
	if err := t.read(); err != nil {
		return err
	}
	var inside []reference
	if err := t.call("Accessible.GetChildren").Store(&inside); err != nil {
		return t.gone(err)
	}
	for _, r := range inside {
		thing := &Thing{Parent: t, program: t.program, path: r.Path}
		if err := thing.walk(); err != nil {
			return err
		}
		if thing.Is(Showing) {
			t.Inside = append(t.Inside, thing)
		}
	}
	return nil
}

// opened is true for a menu that has the keyboard.
func (t *Thing) opened() bool { return t.Role == "menu" && t.Is(Focused) }

// read asks for what the list of things does not tell.
func (t *Thing) read() error {
	if err := t.call("Accessible.GetRoleName").Store(&t.Role); err != nil {
		return t.gone(err)
	}
	if !t.Has("Text") {
		return nil
	}
	return t.gone(t.call("Text.GetText", int32(0), int32(-1)).Store(&t.Text))
}

// gone forgives that something has left the screen since the list was made.
func (t *Thing) gone(err error) error {
	var e dbus.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Name {
	case "org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownInterface":
		return nil
	case "org.freedesktop.DBus.Error.UnknownMethod":
		if t.program.walks { // what GTK 2 answers for it
			return nil
		}
	}
	return err
}

func (t *Thing) call(method string, args ...any) *dbus.Call {
	return t.program.reader.conn.Object(t.program.name, t.path).Call(spi+method, 0, args...)
}

// Has is true for a thing with this interface, named as "Text".
func (t *Thing) Has(face string) bool { return slices.Contains(t.faces, spi+face) }

// Is is true when the state with this number is set.
func (t *Thing) Is(state int) bool { return bits.OnesCount64(t.states&(1<<state)) == 1 }

// Do does what the verb says: "click", "activate", "menu".
func (t *Thing) Do(verb string) error {
	var verbs []struct{ Name, Description, Key string }
	if err := t.call("Action.GetActions").Store(&verbs); err != nil {
		return fmt.Errorf("accesstest: %s: %w", t, err)
	}
	for i, v := range verbs {
		if v.Name != verb {
			continue
		}
		var done bool
		if err := t.call("Action.DoAction", int32(i)).Store(&done); err != nil {
			return fmt.Errorf("accesstest: %s: %w", t, err)
		}
		if !done {
			return fmt.Errorf("accesstest: %s refused to %s", t, verb)
		}
		return nil
	}
	return fmt.Errorf("accesstest: %s cannot %s", t, verb)
}

// Press clicks.
func (t *Thing) Press() error { return t.Do("click") }

// Type replaces the text.
func (t *Thing) Type(text string) error { return t.ask("EditableText.SetTextContents", text) }

// Focus gives it the keyboard.
func (t *Thing) Focus() error { return t.ask("Component.GrabFocus") }

func (t *Thing) ask(method string, args ...any) error {
	var done bool
	if err := t.call(method, args...).Store(&done); err != nil {
		return fmt.Errorf("accesstest: %s: %w", t, err)
	}
	if !done {
		return fmt.Errorf("accesstest: %s refused %s", t, method)
	}
	return nil
}

// Box is where it is, in pixels of the window.
func (t *Thing) Box() (x, y, width, height int, err error) {
	var b struct{ X, Y, Width, Height int32 }
	err = t.call("Component.GetExtents", uint32(1)).Store(&b)
	return int(b.X), int(b.Y), int(b.Width), int(b.Height), err
}

// Middle is the middle of where it is, in pixels of the screen: of programs that know where their windows are.
func (t *Thing) Middle() (x, y int, err error) {
	var b struct{ X, Y, Width, Height int32 }
	err = t.call("Component.GetExtents", uint32(0)).Store(&b)
	return int(b.X + b.Width/2), int(b.Y + b.Height/2), err
}

func (t *Thing) String() string { return t.Role + " " + fmt.Sprintf("%q", t.Name) }

// All are the thing and everything inside, in reading order.
func (t *Thing) All(yield func(*Thing) bool) { t.all(yield) }

func (t *Thing) all(yield func(*Thing) bool) bool {
	if !yield(t) {
		return false
	}
	for _, inside := range t.Inside {
		if !inside.all(yield) {
			return false
		}
	}
	return true
}

// Dump is everything a reader is told, a line for each thing.
func (t *Thing) Dump() string {
	var b strings.Builder
	var write func(*Thing, int)
	write = func(t *Thing, depth int) {
		fmt.Fprintf(&b, "%s%s", strings.Repeat("  ", depth), t)
		if t.Text != "" && t.Text != t.Name {
			fmt.Fprintf(&b, " = %q", t.Text)
		}
		for _, s := range []struct {
			state int
			word  string
		}{{Active, "active"}, {Checked, "checked"}, {Focused, "focused"}, {Modal, "modal"}, {Selected, "selected"}} {
			if t.Is(s.state) {
				b.WriteString(" " + s.word)
			}
		}
		if !t.Is(Sensitive) {
			b.WriteString(" disabled")
		}
		b.WriteByte('\n')
		for _, inside := range t.Inside {
			write(inside, depth+1)
		}
	}
	write(t, 0)
	return b.String()
}

// Event is something a program told on the accessibility bus.
type Event struct {
	Name, Detail  string // as "Object.TextChanged", "insert"
	First, Second int
	Value         any
	From          dbus.ObjectPath
}

// Source asks what an event came from: its role and its name.
func (p *Program) Source(e Event) (role, name string, err error) {
	o := p.reader.conn.Object(p.name, e.From)
	if err := o.Call(spi+"Accessible.GetRoleName", 0).Store(&role); err != nil {
		return "", "", err
	}
	v, err := o.GetProperty(spi + "Accessible.Name")
	if err != nil {
		return "", "", err
	}
	name, _ = v.Value().(string)
	return role, name, nil
}

// Events asks for all events of the kind, such as "object:announcement", and hands them to the channel until the Reader is closed.
func (r *Reader) Events(kind string) (<-chan Event, error) {
	signals := make(chan *dbus.Signal, 1024)
	r.conn.Signal(signals)
	if err := r.conn.AddMatchSignal(dbus.WithMatchOption("path_namespace", "/org/a11y/atspi/accessible")); err != nil {
		return nil, err
	}
	registry := r.conn.Object(spi+"Registry", "/org/a11y/atspi/registry")
	if err := registry.Call(spi+"Registry.RegisterEvent", 0, kind, []string{}, "").Err; err != nil {
		return nil, err
	}
	events := make(chan Event, 1024)
	go func() {
		defer close(events)
		for s := range signals {
			name, ours := strings.CutPrefix(s.Name, spi+"Event.")
			if !ours || len(s.Body) != 5 {
				continue
			}
			e := Event{Name: name, From: s.Path}
			var value dbus.Variant
			var first, second int32
			if dbus.Store(s.Body[:4], &e.Detail, &first, &second, &value) != nil {
				continue
			}
			e.First, e.Second, e.Value = int(first), int(second), value.Value()
			events <- e
		}
	}()
	return events, nil
}
