package access

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
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
	share      = 4                      // between looks there is at least so many times what a look costs
	maxCalls   = 256                    // answered at the same time; more are refused
	maxNotices = 16                     // announcements that a reader can still ask about
	noticeBase = 1 << 30                // no element of a tree has so high a number
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
	modern  atomic.Bool               // for announcements, too
	calls   chan struct{}             // one for each that is being answered

	mu      sync.Mutex
	look    *Look
	at      time.Time
	cost    time.Duration // of the last look
	running chan struct{} // closed when the look that is under way is there
	notices []*Element    // announcements for readers that do not know of such events
	changes []Change
	news    chan struct{} // there are changes to tell
	called  chan struct{} // somebody asked for something
}

// reference is how AT-SPI names an object: the connection and the path.
type reference struct {
	Name string
	Path dbus.ObjectPath
}

func newServer(t *Tree, do func(func())) *server {
	s := &server{tree: t, do: do, look: &Look{}, calls: make(chan struct{}, maxCalls), news: make(chan struct{}, 1), called: make(chan struct{}, 1)}
	s.modern.Store(true)
	return s
}

func serveBus(ctx context.Context, address string, t *Tree, do func(func())) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := newServer(t, do)
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
	if call.Store(&registered) != nil {
		return
	}
	s.modern.Store(len(registered) == 0 || slices.ContainsFunc(registered, hearsAnnouncements))
	if heard := len(registered) > 0; s.heard.Swap(heard) != heard && heard {
		s.introduce()
	}
}

// hearsAnnouncements is true for the entry of a reader that knows the event, which came with version 2.46 of AT-SPI. The entry is the
// name of the reader and the event, as "Object:Announcement:" or "object:announcement"; "object:" stands for all of its class.
func hearsAnnouncements(registered []any) bool {
	if len(registered) < 2 {
		return false
	}
	event, _ := registered[1].(string)
	class, kind, _ := strings.Cut(strings.ToLower(event), ":")
	kind = strings.Trim(kind, ":")
	return class == "object" && (kind == "" || kind == "announcement")
}

// introduce tells somebody who has just begun to listen which window is in front and what has the keyboard.
func (s *server) introduce() {
	look := s.fresh()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, number := range slices.Sorted(maps.Keys(look.By)) {
		for _, state := range []State{Active, Focused} {
			if e := look.By[number]; e.State&state != 0 {
				s.changes = append(s.changes, Change{Kind: StateChanged, Element: e, State: state})
			}
		}
	}
	nudge(s.news)
}

func (s *server) listened() bool {
	return s.heard.Load() || time.Since(time.Unix(0, s.asked.Load())) < attention
}

// fresh is a look of this moment, or the last one there was where the UI does not answer in time.
func (s *server) fresh() *Look {
	s.mu.Lock()
	if s.running == nil && time.Since(s.at) < max(freshness, share*s.cost) {
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
			begin := time.Now()
			look, changes := s.tree.Look()
			s.store(look, changes, time.Since(begin))
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

func (s *server) store(look *Look, changes []Change, cost time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look, s.at, s.cost, s.running = look, time.Now(), cost, nil
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

// announce has a sentence spoken. Readers that know no such event are shown a notification, of which they tell when it appears.
func (s *server) announce(by *Element, c Change) error {
	if s.modern.Load() {
		return s.emit(s.path(by), "Object.Announcement", "", int(c.Polite), 0, c.Text)
	}
	s.mu.Lock()
	number := noticeBase
	if n := len(s.notices); n > 0 {
		number = s.notices[n-1].Number + 1
	}
	notice := &Element{Number: number, Role: Notification, Name: c.Text, Scale: 1, Showing: true, Caret: -1, Parent: s.look.Root}
	s.notices = append(s.notices, notice)
	if len(s.notices) > maxNotices {
		s.notices = slices.Delete(s.notices, 0, 1)
	}
	s.mu.Unlock()
	return s.emit(s.path(notice), "Object.StateChanged", "showing", 1, 0, int32(0))
}

// notice is the announcement with this number, nil when it is too old.
func (s *server) notice(number int) *Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.notices, func(e *Element) bool { return e.Number == number }); i >= 0 {
		return s.notices[i]
	}
	return nil
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
