package access

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	patience   = time.Second            // for the UI goroutine to answer; then the last look must do
	freshness  = 20 * time.Millisecond  // a look that is younger is not repeated
	pace       = 100 * time.Millisecond // between looks for changes while somebody listens
	attention  = time.Minute            // somebody who asked for something is taken to listen for as long
	maxWaiting = 4096                   // changes not yet told; more and the oldest are dropped
)

// Serve offers the tree to the screen readers of the session, over AT-SPI, until ctx ends. do runs a function on the UI goroutine and
// returns at once, as fyne.Do does; a UI that does not answer never holds up a reader for more than a second, and a reader never
// holds up the UI.
//
// Where there is no session bus Serve returns at once. It never starts a bus: while the session has no accessibility bus it waits for
// one to appear.
func Serve(ctx context.Context, t *Tree, do func(func())) error {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		return nil // connecting would start a bus
	}
	session, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("access: session bus: %w", err)
	}
	defer session.Close()
	owners := make(chan *dbus.Signal, 8)
	session.Signal(owners)
	err = session.AddMatchSignalContext(ctx, dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, "org.a11y.Bus"))
	if err != nil {
		return fmt.Errorf("access: session bus: %w", err)
	}
	for ctx.Err() == nil {
		if address := accessibilityBus(ctx, session); address != "" {
			// The error is that of a bus that went away or would not have us: another one may come.
			_ = serveBus(ctx, address, t, do)
		}
		select {
		case <-owners:
		case <-session.Context().Done():
		}
		if session.Context().Err() != nil {
			return nil
		}
	}
	return nil
}

// accessibilityBus is the address of the accessibility bus, "" when the session runs none.
func accessibilityBus(ctx context.Context, session *dbus.Conn) string {
	var address string
	call := session.Object("org.a11y.Bus", "/org/a11y/bus").CallWithContext(ctx, "org.a11y.Bus.GetAddress", dbus.FlagNoAutoStart)
	if call.Store(&address) != nil {
		return ""
	}
	return address
}

// A server answers readers on one accessibility bus.
type server struct {
	tree *Tree
	do   func(func())
	conn *dbus.Conn
	name string // of the connection

	desktop atomic.Pointer[reference] // what the program is a child of
	id      atomic.Int32              // the number the registry has given to the program
	asked   atomic.Int64              // when somebody last asked for something, in Unix nanoseconds
	heard   atomic.Bool               // somebody has registered for events

	mu      sync.Mutex
	look    *Look
	at      time.Time
	running chan struct{} // closed when the look that is under way is there
	changes []Change
	news    chan struct{} // there are changes to tell
	called  chan struct{} // somebody asked for something
}

// reference is how AT-SPI names an object: the connection and the path.
type reference struct {
	Name string
	Path dbus.ObjectPath
}

func serveBus(ctx context.Context, address string, t *Tree, do func(func())) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &server{tree: t, do: do, look: &Look{}, news: make(chan struct{}, 1), called: make(chan struct{}, 1)}
	conn, err := dbus.Dial(address, dbus.WithContext(ctx), dbus.WithHandler(s))
	if err != nil {
		return err
	}
	defer conn.Close()
	s.conn = conn
	if err := conn.Auth(nil); err != nil {
		return err
	}
	if err := conn.Hello(); err != nil {
		return err
	}
	s.name = conn.Names()[0]
	events := make(chan *dbus.Signal, 64)
	conn.Signal(events)
	if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface("org.a11y.atspi.Registry")); err != nil {
		return err
	}
	s.fresh()
	var desktop reference
	registry := conn.Object("org.a11y.atspi.Registry", rootPath)
	self := reference{s.name, rootPath}
	if err := registry.CallWithContext(ctx, "org.a11y.atspi.Socket.Embed", 0, self).Store(&desktop); err != nil {
		return err
	}
	s.desktop.Store(&desktop)
	s.listeners(ctx)
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for ticking := true; ; {
		select {
		case <-conn.Context().Done():
			return conn.Context().Err()
		case <-events:
			s.listeners(ctx)
		case <-s.called:
		case <-s.news:
			s.tell()
		case <-tick.C:
			s.fresh()
		}
		listened := s.listened()
		if listened && !ticking {
			tick.Reset(pace)
		}
		if ticking && !listened {
			tick.Stop() // where nobody listens nothing wakes up
		}
		ticking = listened
	}
}

// listeners asks the registry whether anybody wants to hear of changes.
func (s *server) listeners(ctx context.Context) {
	var registered [][]any
	call := s.conn.Object("org.a11y.atspi.Registry", "/org/a11y/atspi/registry").CallWithContext(ctx, "org.a11y.atspi.Registry.GetRegisteredEvents", 0)
	if call.Store(&registered) == nil {
		s.heard.Store(len(registered) > 0)
	}
}

func (s *server) listened() bool {
	return s.heard.Load() || time.Since(time.Unix(0, s.asked.Load())) < attention
}

// fresh is a look of this moment, or the last one there was where the UI does not answer in time.
func (s *server) fresh() *Look {
	s.mu.Lock()
	if s.running == nil && time.Since(s.at) < freshness {
		defer s.mu.Unlock()
		return s.look
	}
	running, begun := s.running, s.running != nil
	if !begun {
		running = make(chan struct{})
		s.running = running
	}
	s.mu.Unlock()
	if !begun {
		s.do(func() { // not under the lock: when the program is about to end Fyne runs this here and now
			look, changes := s.tree.Look()
			s.store(look, changes)
			close(running)
		})
	}
	select {
	case <-running:
	case <-time.After(patience):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.look
}

func (s *server) store(look *Look, changes []Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look, s.at, s.running = look, time.Now(), nil
	s.changes = append(s.changes, changes...)
	if len(s.changes) > maxWaiting {
		s.changes = s.changes[len(s.changes)-maxWaiting:]
	}
	if len(s.changes) > 0 {
		nudge(s.news)
	}
}

// nudge wakes whoever waits for c, now or when they come to it.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// act does something on the UI goroutine and reports whether it was done. What could not be begun in time is not done later either.
func (s *server) act(what func() bool) bool {
	var mu sync.Mutex
	late := false
	done := make(chan bool, 1)
	s.do(func() {
		mu.Lock()
		defer mu.Unlock()
		if !late {
			done <- what()
		}
	})
	select {
	case ok := <-done:
		s.mu.Lock()
		s.at = time.Time{} // whoever asks next wants to see what it did
		s.mu.Unlock()
		return ok
	case <-time.After(patience):
	}
	mu.Lock() // waits for an action that has begun
	defer mu.Unlock()
	late = true
	select {
	case ok := <-done:
		return ok
	default:
		return false
	}
}
