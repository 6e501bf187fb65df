package ui

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/access/accesstest"
	"github.com/sotto-im/sotto/ui/outside"
)

// notes stands for the desktop's notification server.
type notes struct{}

func (notes) GetCapabilities() ([]string, *dbus.Error) { return []string{"body", "body-markup"}, nil }
func (notes) Notify(string, uint32, string, string, string, []string, map[string]dbus.Variant, int32) (uint32, *dbus.Error) {
	return 1, nil
}
func (notes) CloseNotification(uint32) *dbus.Error { return nil }

// D-04: what is private never gets onto the bus, whatever was chosen. The bus is read by somebody who sees every message.
func TestD04NothingPrivateOnTheBus(t *testing.T) {
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	bus, err := accesstest.Start(dir, os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Stop)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", bus.Address)
	server, err := dbus.Connect(bus.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := server.Export(notes{}, "/org/freedesktop/Notifications", "org.freedesktop.Notifications"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.RequestName("org.freedesktop.Notifications", 0); err != nil {
		t.Fatal(err)
	}
	spy, err := dbus.Connect(bus.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { spy.Close() })
	seen := make(chan *dbus.Message, 4096)
	if err := spy.BusObject().Call("org.freedesktop.DBus.Monitoring.BecomeMonitor", 0, []string{}, uint32(0)).Err; err != nil {
		t.Fatal(err)
	}
	spy.Eavesdrop(seen)

	private, clear := rand.Text(), rand.Text()
	announcer := outside.NewAnnouncer(func(string) {})
	t.Cleanup(func() { announcer.Close(t.Context()) })
	var all strings.Builder
	until := func(words string) {
		t.Helper()
		announcer.Announce(outside.Announcement{Key: "end", Words: words})
		for deadline := time.After(time.Minute); !strings.Contains(all.String(), words); {
			select {
			case m := <-seen:
				fmt.Fprintln(&all, m.Headers, m.Body)
			case <-deadline:
				t.Fatalf("%s was not heard on the bus", words)
			}
		}
	}
	now := noon
	for _, level := range []string{notifyNothing, notifyNew, notifyWho, notifyText} {
		s := newStage(t, func(kept *store.Settings) { kept.Preferences.Notify = level })
		s.shell.announcer = announcer
		s.shell.now = func() time.Time { now = now.Add(time.Minute); return now }
		s.tell(onlineAccount())
		s.shell.look(false)
		for lock := session.NotPrivate; lock <= session.FinishedLock; lock++ {
			for _, guard := range []session.Guard{session.InClearUnexpected, session.EncryptedUnverified, session.EncryptedVerified} {
				c := bob()
				c.Lock = lock
				s.tell(session.ContactChanged{Contact: c})
				s.arrives(c, guard, private)
			}
		}
		run := session.SMP{Ref: contactRef("bob"), Number: 1, Stage: session.SMPNeedsAnswer, Asked: true, Question: private}
		s.tell(session.SMPChanged{SMP: run}, session.Contacted{Ref: run.Ref})
		s.arrives(inClear(), session.InClear, clear)
		until(rand.Text()) // before what waits to be said is so much that some of it is left out
	}
	if strings.Contains(all.String(), private) {
		t.Error("private words on the bus")
	}
	if !strings.Contains(all.String(), clear) || !strings.Contains(all.String(), "Bob Miller") || !strings.Contains(all.String(), "New message") {
		t.Errorf("the announcements were not heard:\n%.2000s", all.String())
	}
}
