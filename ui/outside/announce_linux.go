package outside

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// Names of the Desktop Notifications Specification 1.2.
const (
	notifyName = "org.freedesktop.Notifications"
	notifyPath = dbus.ObjectPath("/org/freedesktop/Notifications")
	bodyMarkup = "body-markup"
	onClick    = "default"
)

const (
	answerIn   = 5 * time.Second // for the notification server to answer
	maxPending = 64              // wishes that wait; more are dropped
)

// NewAnnouncer returns an announcer that speaks to the notification server of the session. clicked is called on a goroutine of its own with
// the key of what was clicked. Without a session bus it returns one that says nothing; it never starts a bus or a server by itself beyond
// what the bus does for everybody.
func NewAnnouncer(clicked func(key string)) Announcer {
	n := &announcer{address: os.Getenv("DBUS_SESSION_BUS_ADDRESS"), clicked: clicked, wishes: make(chan func(), maxPending),
		done: make(chan struct{}), shown: make(map[string]uint32)}
	go n.run()
	return n
}

// An announcer owns everything below done on one goroutine.
type announcer struct {
	address string
	clicked func(key string)

	mu     sync.Mutex
	closed bool
	wishes chan func()
	done   chan struct{}

	conn    *dbus.Conn
	server  string // the unique name of the server that was asked what it can
	markup  bool
	signals chan *dbus.Signal
	shown   map[string]uint32
}

func (n *announcer) wish(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	select {
	case n.wishes <- f:
	default: // a server that hangs costs announcements, not memory
	}
}

// Announce implements Announcer.
func (n *announcer) Announce(a Announcement) { n.wish(func() { n.announce(a) }) }

// Withdraw implements Announcer.
func (n *announcer) Withdraw(key string) { n.wish(func() { n.withdraw(key) }) }

// Close implements Announcer.
func (n *announcer) Close(ctx context.Context) {
	n.mu.Lock()
	if !n.closed {
		n.closed = true
		close(n.wishes)
	}
	n.mu.Unlock()
	select {
	case <-n.done:
	case <-ctx.Done():
	}
}

func (n *announcer) run() {
	defer close(n.done)
	for {
		select {
		case f, open := <-n.wishes:
			if !open {
				n.end()
				return
			}
			f()
		case s, open := <-n.signals:
			if !open {
				n.lost()
				continue
			}
			n.heard(s)
		}
	}
}

func (n *announcer) end() {
	for key := range n.shown {
		n.withdraw(key)
	}
	if n.conn != nil {
		n.conn.Close()
	}
}

// lost forgets a bus that has gone.
func (n *announcer) lost() {
	n.conn, n.signals, n.server = nil, nil, ""
	clear(n.shown)
}

// reach connects to the bus, if that is still to be done.
func (n *announcer) reach() bool {
	if n.conn != nil && n.conn.Connected() {
		return true
	}
	if n.address == "" {
		return false // connecting would start a bus
	}
	n.lost()
	conn, err := dbus.Connect(n.address)
	if err != nil {
		return false
	}
	n.conn, n.signals = conn, make(chan *dbus.Signal, maxPending)
	conn.Signal(n.signals)
	for _, member := range []string{"ActionInvoked", "NotificationClosed"} {
		if conn.AddMatchSignal(dbus.WithMatchObjectPath(notifyPath), dbus.WithMatchInterface(notifyName), dbus.WithMatchMember(member)) != nil {
			conn.Close()
			n.lost()
			return false
		}
	}
	return true
}

func (n *announcer) call(server, method string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeout(context.Background(), answerIn)
	defer cancel()
	return n.conn.Object(server, notifyPath).CallWithContext(ctx, notifyName+"."+method, 0, args...)
}

// owner is the unique name of the server that runs, "" when none does.
func (n *announcer) owner() string {
	var owner string
	if n.conn.BusObject().Call("org.freedesktop.DBus.GetNameOwner", 0, notifyName).Store(&owner) != nil {
		return ""
	}
	return owner
}

// meet finds the server, and asks it what it can, once for each there is. From then on it is spoken to by its own name, so that nothing
// which was made for it gets to another.
func (n *announcer) meet() bool {
	owner := n.owner()
	if owner == "" {
		n.call(notifyName, "GetCapabilities") // has the bus start one, where it can
		owner = n.owner()
	}
	if owner == n.server {
		return owner != ""
	}
	clear(n.shown) // another server knows nothing of what this one showed
	n.server = owner
	if owner == "" {
		return false
	}
	var can []string
	n.markup = n.call(owner, "GetCapabilities").Store(&can) != nil || slices.Contains(can, bodyMarkup)
	return true
}

// announce says it to the server there is. One that goes at that moment has it said to its heir, if there is one.
func (n *announcer) announce(a Announcement) {
	for range 2 {
		if n.reach() && n.meet() && n.show(a) {
			return
		}
	}
}

func (n *announcer) show(a Announcement) bool {
	if a.Locked != "" && n.locked() {
		a.Title, a.Words = program, a.Locked
	}
	hints := map[string]dbus.Variant{
		"desktop-entry":  dbus.MakeVariant(desktopID),
		"category":       dbus.MakeVariant("im.received"),
		"urgency":        dbus.MakeVariant(byte(1)),
		"suppress-sound": dbus.MakeVariant(true), // the program has sounds of its own
	}
	var id uint32
	call := n.call(n.server, "Notify", program, n.shown[a.Key], desktopID, plain(a.Title), body(a.Words, n.markup), []string{onClick, plain(a.Open)}, hints, int32(-1))
	if call.Store(&id) != nil {
		return n.owner() == n.server // who is still there does not want it
	}
	n.shown[a.Key] = id
	return true
}

// savers are what knows whether the screen is locked, where there is one.
var savers = []struct {
	name string
	path dbus.ObjectPath
}{{"org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"}, {"org.freedesktop.ScreenSaver", "/ScreenSaver"}, {"org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"}}

// locked tells whether the screen is locked or dark, as far as anything knows.
func (n *announcer) locked() bool {
	ctx, cancel := context.WithTimeout(context.Background(), answerIn)
	defer cancel()
	for _, s := range savers {
		var active bool
		if n.conn.Object(s.name, s.path).CallWithContext(ctx, s.name+".GetActive", dbus.FlagNoAutoStart).Store(&active) == nil && active {
			return true
		}
	}
	return false
}

func (n *announcer) withdraw(key string) {
	id, there := n.shown[key]
	delete(n.shown, key)
	if there && n.conn != nil && n.conn.Connected() {
		n.call(n.server, "CloseNotification", id) // who has closed it before us does not mind
	}
}

// heard is told what the server says of what is shown.
func (n *announcer) heard(s *dbus.Signal) {
	if len(s.Body) < 2 || s.Sender != n.server {
		return
	}
	id, ok := s.Body[0].(uint32)
	if !ok {
		return
	}
	for key, shown := range n.shown {
		if shown != id {
			continue
		}
		switch action, _ := s.Body[1].(string); {
		case s.Name == notifyName+".NotificationClosed":
			delete(n.shown, key)
		case s.Name == notifyName+".ActionInvoked" && action == onClick:
			go n.clicked(key)
		}
		return
	}
}

var (
	marks = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")
	signs = strings.NewReplacer("<", "‹", ">", "›")
)

// body is words so that a server which reads markup shows them as they are, and one that does not has nothing to find in them.
func body(words string, markup bool) string {
	if markup {
		return marks.Replace(words)
	}
	return plain(words)
}

// plain is a text that cannot be taken for markup, for the places where there is none.
func plain(words string) string { return signs.Replace(words) }
