package outside

import (
	"context"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	trayWatcher = "org.kde.StatusNotifierWatcher"
	busName     = "org.freedesktop.DBus"
)

// trayAnswerIn is how long the start of the program may wait for the bus.
const trayAnswerIn = 500 * time.Millisecond

// TrayNow tells whether there is a tray now, and whether one could still come: without a session bus none can.
func TrayNow() (there, possible bool) {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		return false, false // connecting would start a bus
	}
	ctx, cancel := context.WithTimeout(context.Background(), trayAnswerIn)
	defer cancel()
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return false, false
	}
	defer conn.Close()
	err = conn.BusObject().CallWithContext(ctx, busName+".NameHasOwner", 0, trayWatcher).Store(&there)
	return err == nil && there, err == nil
}

// WatchTray calls told whenever a tray has come or gone, and once at the beginning, until ctx ends: where there is no tray, a window that is
// closed into it could not be found again.
func WatchTray(ctx context.Context, told func(there bool)) {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		told(false) // connecting would start a bus
		return
	}
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		told(false)
		return
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	err = conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(busName), dbus.WithMatchInterface(busName),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, trayWatcher))
	var there bool
	if err == nil {
		err = conn.BusObject().CallWithContext(ctx, busName+".NameHasOwner", 0, trayWatcher).Store(&there)
	}
	told(err == nil && there)
	for {
		select {
		case s, open := <-signals:
			if !open {
				told(false)
				return
			}
			if name, owner, ok := newOwner(s); ok && name == trayWatcher {
				told(owner != "")
			}
		case <-ctx.Done():
			return
		}
	}
}

func newOwner(s *dbus.Signal) (name, owner string, ok bool) {
	if s.Name != busName+".NameOwnerChanged" || len(s.Body) != 3 {
		return "", "", false
	}
	name, _ = s.Body[0].(string)
	owner, ok = s.Body[2].(string)
	return name, owner, ok
}
