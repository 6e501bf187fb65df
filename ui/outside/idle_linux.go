package outside

import (
	"context"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

const idleAnswerIn = 2 * time.Second

// An Idle tells how long nobody has touched keyboard and mouse. It belongs to one goroutine.
type Idle struct {
	address string // of the session bus
	display string // of X11; "" on Wayland, whose X server hears little of what is typed
	conn    *dbus.Conn
	x       *xServer
}

// NewIdle returns one for this session.
func NewIdle() *Idle {
	i := &Idle{address: os.Getenv("DBUS_SESSION_BUS_ADDRESS"), display: os.Getenv("DISPLAY")}
	if os.Getenv("WAYLAND_DISPLAY") != "" {
		i.display = ""
	}
	return i
}

// Close ends what it has opened.
func (i *Idle) Close() {
	if i.conn != nil {
		i.conn.Close()
	}
	if i.x != nil {
		i.x.close()
	}
	i.conn, i.x = nil, nil
}

// Since returns how long nobody has touched the computer; known is false where nothing tells. It asks GNOME's monitor, the screen saver
// extension of X11, and whether the screen is locked, which counts as long enough for anything.
func (i *Idle) Since() (since time.Duration, known bool) {
	if ms, ok := i.monitor(); ok {
		return time.Duration(ms) * time.Millisecond, true
	}
	if i.display != "" {
		if since, ok := i.extension(); ok {
			return since, true
		}
	}
	return i.saver()
}

func (i *Idle) bus() *dbus.Conn {
	if i.conn != nil && i.conn.Connected() {
		return i.conn
	}
	i.conn = nil
	if i.address == "" {
		return nil // connecting would start a bus
	}
	conn, err := dbus.Connect(i.address)
	if err != nil {
		return nil
	}
	i.conn = conn
	return conn
}

func (i *Idle) ask(name string, path dbus.ObjectPath, method string, answer any) bool {
	conn := i.bus()
	if conn == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), idleAnswerIn)
	defer cancel()
	return conn.Object(name, path).CallWithContext(ctx, method, dbus.FlagNoAutoStart).Store(answer) == nil
}

func (i *Idle) monitor() (ms uint64, ok bool) {
	ok = i.ask("org.gnome.Mutter.IdleMonitor", "/org/gnome/Mutter/IdleMonitor/Core", "org.gnome.Mutter.IdleMonitor.GetIdletime", &ms)
	return ms, ok && ms < uint64(1<<40)
}

// saver asks only whether the screen is locked or dark: of how long, desktops answer in different units.
func (i *Idle) saver() (time.Duration, bool) {
	for _, path := range []dbus.ObjectPath{"/org/freedesktop/ScreenSaver", "/ScreenSaver"} {
		var active bool
		if i.ask("org.freedesktop.ScreenSaver", path, "org.freedesktop.ScreenSaver.GetActive", &active) {
			if active {
				return 24 * time.Hour, true
			}
			return 0, true
		}
	}
	return 0, false
}

func (i *Idle) extension() (time.Duration, bool) {
	if i.x == nil {
		x, err := dialX(i.display)
		if err != nil {
			return 0, false
		}
		i.x = x
	}
	since, err := i.x.idle()
	if err != nil {
		i.x.close()
		i.x = nil
		return 0, false
	}
	return since, true
}
