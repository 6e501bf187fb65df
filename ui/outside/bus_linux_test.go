package outside

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/sotto-im/sotto/ui/access/accesstest"
)

// patience is for what happens in another process of a busy machine.
const patience = time.Minute

// newBus starts a session bus and makes it that of the test.
func newBus(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bus") // t.TempDir() is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b, err := accesstest.Start(dir, os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", b.Address)
	return b.Address
}

func connect(t *testing.T, address string) *dbus.Conn {
	t.Helper()
	c, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// own takes a name of the bus.
func own(t *testing.T, c *dbus.Conn, name string) {
	t.Helper()
	if reply, err := c.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(name, reply, err)
	}
}

// shownNote is what a server was asked to show.
type shownNote struct {
	App, Icon, Summary, Body string
	Replaces, ID             uint32
	Actions                  []string
}

// A server stands for the desktop's notification server.
type server struct {
	conn   *dbus.Conn
	can    []string
	shown  chan shownNote
	closed chan uint32
	mu     sync.Mutex
	last   uint32
}

func newServer(t *testing.T, address string, can ...string) *server {
	t.Helper()
	s := &server{conn: connect(t, address), can: can, shown: make(chan shownNote, 64), closed: make(chan uint32, 64)}
	if err := s.conn.Export(s, notifyPath, notifyName); err != nil {
		t.Fatal(err)
	}
	own(t, s.conn, notifyName)
	return s
}

func (s *server) GetCapabilities() ([]string, *dbus.Error) { return s.can, nil }

func (s *server) Notify(app string, replaces uint32, icon, summary, body string, actions []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := replaces
	if id == 0 {
		s.last++
		id = s.last
	}
	s.shown <- shownNote{app, icon, summary, body, replaces, id, actions}
	return id, nil
}

func (s *server) CloseNotification(id uint32) *dbus.Error {
	s.closed <- id
	return nil
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestAnnouncements(t *testing.T) {
	address := newBus(t)
	s := newServer(t, address, "body", "actions", "body-markup")
	clicked := make(chan string, 8)
	a := NewAnnouncer(func(key string) { clicked <- key })
	t.Cleanup(func() { a.Close(context.Background()) })

	a.Announce(Announcement{Key: "bob", Title: "Sotto", Words: `<img src="http://x"> & "you"`, Open: "Open"})
	first := next(t, s.shown)
	if first.App != program || first.Summary != "Sotto" || first.Replaces != 0 || first.Actions[0] != "default" {
		t.Errorf("%+v", first)
	}
	if want := "&lt;img src=&quot;http://x&quot;&gt; &amp; &quot;you&quot;"; first.Body != want {
		t.Errorf("body %q", first.Body)
	}
	a.Announce(Announcement{Key: "bob", Title: "<b>x</b>", Words: "again", Open: "Open"})
	if again := next(t, s.shown); again.Replaces != first.ID || strings.ContainsAny(again.Summary, "<>") {
		t.Errorf("%+v does not replace %d", again, first.ID)
	}
	a.Announce(Announcement{Key: "carol", Title: "Sotto", Words: "w", Open: "Open"})
	carol := next(t, s.shown)
	if carol.Replaces != 0 || carol.ID == first.ID {
		t.Errorf("%+v", carol)
	}
	if err := connect(t, address).Emit(notifyPath, notifyName+".ActionInvoked", carol.ID, "default"); err != nil {
		t.Fatal(err) // from somebody else on the bus, who is not believed
	}
	for _, signal := range []struct {
		member string
		body   []any
	}{
		{"ActionInvoked", []any{uint32(999), "default"}}, // of another program
		{"ActionInvoked", []any{carol.ID, "other"}},
		{"ActionInvoked", []any{"not a number", "default"}},
		{"ActionInvoked", []any{carol.ID, "default"}},
	} {
		if err := s.conn.Emit(notifyPath, notifyName+"."+signal.member, signal.body...); err != nil {
			t.Fatal(err)
		}
	}
	if key := next(t, clicked); key != "carol" {
		t.Errorf("clicked %q", key)
	}
	a.Withdraw("bob")
	a.Withdraw("nobody")
	if id := next(t, s.closed); id != first.ID {
		t.Errorf("closed %d", id)
	}
	a.Close(context.Background())
	if id := next(t, s.closed); id != carol.ID {
		t.Errorf("at the end %d is closed", id)
	}
	a.Announce(Announcement{Key: "late"}) // says nothing, and is no panic
	if len(s.shown) != 0 || len(clicked) != 0 {
		t.Error("more was shown or clicked")
	}
}

// While the screen is locked nobody is named.
func TestAnnouncedOnALockedScreen(t *testing.T) {
	address := newBus(t)
	s := newServer(t, address, "body")
	a := NewAnnouncer(func(string) {})
	t.Cleanup(func() { a.Close(context.Background()) })
	said := Announcement{Key: "bob", Title: "Bob", Words: "hello", Locked: "something"}
	a.Announce(said)
	if n := next(t, s.shown); n.Summary != "Bob" || n.Body != "hello" {
		t.Errorf("%+v", n)
	}
	gnome := connect(t, address)
	if err := gnome.Export(saver{true}, "/org/gnome/ScreenSaver", "org.gnome.ScreenSaver"); err != nil {
		t.Fatal(err)
	}
	own(t, gnome, "org.gnome.ScreenSaver")
	a.Announce(said)
	if n := next(t, s.shown); n.Summary != program || n.Body != "something" {
		t.Errorf("locked: %+v", n)
	}
}

// A server that goes and another one that comes: what the first one showed is not replaced in the second one, whose numbers are its own.
func TestAnotherNotificationServer(t *testing.T) {
	address := newBus(t)
	first := newServer(t, address, "body", "body-markup")
	a := NewAnnouncer(func(string) {})
	t.Cleanup(func() { a.Close(context.Background()) })
	a.Announce(Announcement{Key: "bob", Words: "a < b"})
	if n := next(t, first.shown); n.Body != "a &lt; b" {
		t.Errorf("%+v", n)
	}
	if _, err := first.conn.ReleaseName(notifyName); err != nil {
		t.Fatal(err)
	}
	a.Announce(Announcement{Key: "bob", Words: "nobody hears it"})
	second := newServer(t, address, "body")
	a.Announce(Announcement{Key: "bob", Words: "a < b & c"})
	n := next(t, second.shown)
	for n.Body == "nobody hears it" { // the second server came first
		n = next(t, second.shown)
	}
	if n.Body != "a ‹ b & c" {
		t.Errorf("to a server without markup: %q", n.Body)
	}
}

func TestNoBus(t *testing.T) {
	for _, address := range []string{"", "unix:path=/nonexistent"} {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
		a := NewAnnouncer(func(string) { t.Error("clicked") })
		for range 2 * maxPending {
			a.Announce(Announcement{Key: "bob", Words: "x"})
			a.Withdraw("bob")
		}
		a.Close(context.Background())
		a.Close(context.Background())
		ctx, cancel := context.WithCancel(context.Background())
		WatchTray(ctx, func(there bool) {
			if there {
				t.Error("there is a tray")
			}
			cancel()
		})
		t.Setenv("DISPLAY", "")
		i := NewIdle()
		if _, known := i.Since(); known {
			t.Error("known how long nobody was there")
		}
		i.Close()
	}
}

func TestTrayComesAndGoes(t *testing.T) {
	address := newBus(t)
	told := make(chan bool, 8)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		WatchTray(ctx, func(there bool) { told <- there })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	if next(t, told) {
		t.Error("a tray at the beginning")
	}
	c := connect(t, address)
	own(t, c, trayWatcher)
	if !next(t, told) {
		t.Error("no tray when it came")
	}
	c.Close()
	if next(t, told) {
		t.Error("a tray after it went")
	}
}

// monitorOfGNOME answers as Mutter does.
type monitorOfGNOME struct{ ms uint64 }

func (m monitorOfGNOME) GetIdletime() (uint64, *dbus.Error) { return m.ms, nil }

type saver struct{ active bool }

func (s saver) GetActive() (bool, *dbus.Error) { return s.active, nil }

func TestIdleOverTheBus(t *testing.T) {
	address := newBus(t)
	t.Setenv("DISPLAY", "")
	i := NewIdle()
	t.Cleanup(i.Close)
	if _, known := i.Since(); known {
		t.Error("known without anybody to ask")
	}
	locks := connect(t, address)
	if err := locks.Export(saver{true}, "/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver"); err != nil {
		t.Fatal(err)
	}
	own(t, locks, "org.freedesktop.ScreenSaver")
	if since, known := i.Since(); !known || since < time.Hour {
		t.Errorf("locked: %v %v", since, known)
	}
	mutter := connect(t, address)
	if err := mutter.Export(monitorOfGNOME{90_500}, "/org/gnome/Mutter/IdleMonitor/Core", "org.gnome.Mutter.IdleMonitor"); err != nil {
		t.Fatal(err)
	}
	own(t, mutter, "org.gnome.Mutter.IdleMonitor")
	if since, known := i.Since(); !known || since != 90_500*time.Millisecond {
		t.Errorf("GNOME: %v %v", since, known)
	}
}
