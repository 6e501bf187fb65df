package ui

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
)

// fakeTray stands for the toolkit's tray.
type fakeTray struct {
	menu  *fyne.Menu
	icon  string
	menus int
}

func (f *fakeTray) SetSystemTrayMenu(m *fyne.Menu)       { f.menu, f.menus = m, f.menus+1 }
func (f *fakeTray) SetSystemTrayIcon(icon fyne.Resource) { f.icon = icon.Name() }
func (f *fakeTray) SetSystemTrayWindow(fyne.Window)      {}

func (f *fakeTray) item(t *testing.T, label string) *fyne.MenuItem {
	t.Helper()
	for _, i := range f.menu.Items {
		if i.Label == label {
			return i
		}
	}
	t.Fatalf("the tray does not offer %q", label)
	return nil
}

func newTrayStage(t *testing.T, there bool) (*stage, *fakeTray) {
	t.Helper()
	s := newStage(t, func(kept *store.Settings) { kept.Preferences.ToTray = true })
	f := &fakeTray{}
	s.shell.tray.app = f
	s.shell.window.Show()
	s.shell.tray.set(there)
	s.tell(onlineAccount(), session.ContactChanged{Contact: bob()})
	return s, f
}

func (s *stage) over() bool {
	s.shell.gate.RLock()
	defer s.shell.gate.RUnlock()
	return s.shell.over
}

func TestTraySaysThatSomethingIsUnread(t *testing.T) {
	s, f := newTrayStage(t, true)
	if f.icon != "sotto-tray.png" {
		t.Errorf("icon %q", f.icon)
	}
	s.arrives(bob(), session.EncryptedUnverified, "hello")
	if f.icon != "sotto-tray-unread.png" {
		t.Errorf("icon %q with something unread", f.icon)
	}
	s.tell(session.ContactChanged{Contact: bob()})
	if f.icon != "sotto-tray.png" {
		t.Errorf("icon %q after it was read", f.icon)
	}
	menus := f.menus
	s.arrives(bob(), session.EncryptedUnverified, "again")
	if f.menus != menus {
		t.Error("the menu is made anew for a message")
	}
	for _, i := range f.menu.Items {
		if strings.Contains(i.Label, "ob") {
			t.Errorf("the tray names somebody: %q", i.Label)
		}
	}
}

func TestTrayMenu(t *testing.T) {
	s, f := newTrayStage(t, true)
	for _, i := range f.item(t, "Show yourself as").ChildMenu.Items {
		if i.Label == "away" {
			i.Action()
		}
	}
	s.wantAsked("SetPresence alice@example.org 3 ")
	f.item(t, "Do not disturb").Action()
	if !s.shell.choices.now.DoNotDisturb || !f.item(t, "Do not disturb").Checked {
		t.Error("not silent")
	}
	f.item(t, "Quit").Action()
	if !s.over() {
		t.Error("still running")
	}
}

func TestCloseToTheTray(t *testing.T) {
	s, f := newTrayStage(t, true)
	s.shell.close()
	if s.over() || !s.shell.hidden || s.shell.looking {
		t.Fatal("the window is not closed into the tray")
	}
	f.item(t, "Show Sotto").Action()
	if s.shell.hidden {
		t.Error("the window does not come back")
	}
	s.shell.close()
	s.shell.tray.set(false)
	if s.shell.hidden {
		t.Error("the tray has gone, and nobody can find the window")
	}
	s.shell.close()
	if !s.over() {
		t.Error("without a tray closing does not end the program")
	}
}

// A tray is asked for before the loop begins, where one is or is wanted and can come; and one that does not come opens the window.
func TestTrayIsAskedForInTime(t *testing.T) {
	for _, test := range []struct{ there, possible, wanted, asked bool }{
		{true, true, false, true}, {true, true, true, true}, {false, true, true, true}, {false, true, false, false}, {false, false, true, false},
	} {
		s := newStage(t, func(kept *store.Settings) { kept.Preferences.ToTray = test.wanted })
		f := &fakeTray{}
		s.shell.tray.app = f
		s.shell.around.TrayNow = func() (bool, bool) { return test.there, test.possible }
		s.shell.tray.prepare()
		if f.menus == 1 != test.asked || s.shell.tray.there {
			t.Errorf("%+v: %d menus", test, f.menus)
		}
	}
	s := newStage(t, func(kept *store.Settings) { kept.Preferences.ToTray = true })
	s.shell.tray.app, s.shell.hidden = &fakeTray{}, true
	s.shell.tray.set(false)
	if !s.shell.hidden {
		t.Error("the tray of a session that has just begun is not waited for")
	}
	s.shell.tray.waited()
	if s.shell.hidden {
		t.Error("no tray came, and nobody can find the window")
	}
}

func TestCloseEndsByDefault(t *testing.T) {
	s, _ := newTrayStage(t, true)
	s.shell.choices.choose(func(p *store.Preferences) { p.ToTray = false })
	s.shell.close()
	if !s.over() {
		t.Error("still running")
	}
}

func TestNoTrayNoSetting(t *testing.T) {
	for _, there := range []bool{true, false} {
		s, _ := newTrayStage(t, there)
		s.shell.own.openSettings()
		found := strings.Contains(s.seen(), "Close to the tray")
		if found != there {
			t.Errorf("tray %v, offered %v", there, found)
		}
	}
}

func TestAwayByItself(t *testing.T) {
	s := newStage(t)
	s.shell.around.Idle = func(context.Context, func(time.Duration, bool)) {}
	count := func(call string) (n int) {
		for _, asked := range s.engine.asked {
			if asked == call {
				n++
			}
		}
		return n
	}
	for _, since := range []time.Duration{0, 9 * time.Minute, 10 * time.Minute, 11 * time.Minute, time.Second, 2 * time.Second} {
		s.shell.untouched(since, true)
	}
	if count("SetIdle true") != 1 || count("SetIdle false") != 1 || s.engine.last() != "SetIdle false" {
		t.Errorf("asked for %q", s.engine.asked)
	}
	s.shell.untouched(time.Hour, true)
	s.shell.untouched(time.Hour, false)
	if s.engine.last() != "SetIdle false" {
		t.Error("away though nothing is known")
	}
	s.shell.choices.choose(func(p *store.Preferences) { p.AwayAfter = awayNever })
	s.shell.untouched(24*time.Hour, true)
	if s.engine.last() != "SetIdle false" {
		t.Error("away, and never was chosen")
	}
}

// What the desktop refuses is not chosen, and the page says what is so.
func TestStartWithTheSession(t *testing.T) {
	s := newStage(t)
	var refusal error
	asked := make(chan bool, 8)
	s.shell.around.AtStart = func(wanted bool) error { asked <- wanted; return refusal }
	s.tell(onlineAccount())
	s.shell.own.openSettings()
	flip := func() {
		s.setting("Start with the session").Tapped(nil)
		(<-s.queue)()
		s.shell.writes.Wait()
	}
	flip()
	if !<-asked || !s.kept().AtStart {
		t.Error("not kept")
	}
	refusal = errors.New("read-only")
	flip()
	if <-asked || !s.kept().AtStart || !s.setting("Start with the session").control.(*check).Checked {
		t.Error("what was refused is shown as done")
	}
	s.wantSeen("Your desktop did not let Sotto change what starts with the session.")
}
