package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// A tray is the small picture of the program at the edge of the screen, where there is such a place: it tells that something is unread, and
// brings the window back. It names nobody.
type tray struct {
	shell *shell
	app   desktop.App // nil: the toolkit has none
	there bool
	told  trayed // what it shows
	made  bool   // the toolkit has been asked for one
	late  bool   // it has been waited for long enough
}

// trayComes is how long a session that has just begun may take to have a tray.
const trayComes = 15 * time.Second

// prepare asks the toolkit for a tray: it can only be asked before the window's goroutine is at work. Where none is there now it is asked
// only for those who mean to use one, as it costs a window that nobody sees.
func (t *tray) prepare() {
	if t.app == nil || t.shell.around.TrayNow == nil {
		return
	}
	there, possible := t.shell.around.TrayNow()
	if there || possible && t.shell.choices.now.ToTray {
		t.show()
		return
	}
	t.app = nil
}

// trayed is all that a tray shows.
type trayed struct {
	unread       bool
	presence     session.Presence
	same         bool // every account has that presence
	accounts     bool // there are any
	undisturbed  bool
	windowHidden bool
}

func newTray(s *shell) *tray {
	app, _ := s.app.(desktop.App)
	return &tray{shell: s, app: app}
}

// set is told whether there is a tray. Where it goes while the window is closed into it, the window comes back: nobody could find it.
func (t *tray) set(there bool) {
	t.there = there && t.app != nil
	switch {
	case t.there:
		t.late = true // it has come; if it goes, nothing is waited for
		t.refresh()
	case t.shell.hidden && t.app != nil && !t.late:
		time.AfterFunc(trayComes, func() { t.shell.do(t.waited) })
	case t.shell.hidden:
		t.shell.comeForward()
	}
}

// waited opens the window if the tray has not come.
func (t *tray) waited() {
	t.late = true
	if !t.there && t.shell.hidden {
		t.shell.comeForward()
	}
}

// refresh shows what has changed.
func (t *tray) refresh() {
	if t.there {
		t.show()
	}
}

func (t *tray) show() {
	own := t.shell.own
	now := trayed{unread: own.model.Unread() > 0, accounts: len(own.model.Accounts()) > 0, undisturbed: t.shell.choices.now.DoNotDisturb,
		windowHidden: t.shell.hidden}
	now.presence, now.same = own.presenceOfAll()
	if t.made && now == t.told {
		return
	}
	if !t.made || now.unread != t.told.unread {
		t.app.SetSystemTrayIcon(look.TrayIcon(now.unread))
	}
	same := now
	same.unread = t.told.unread
	if !t.made || same != t.told {
		t.app.SetSystemTrayMenu(t.menu(now))
	}
	t.told, t.made = now, true
}

func (t *tray) menu(now trayed) *fyne.Menu {
	s := t.shell
	quit := fyne.NewMenuItem(lang.L("Quit"), s.end)
	quit.IsQuit = true
	menu := fyne.NewMenu(programName, fyne.NewMenuItem(lang.L("Show Sotto"), s.comeForward), fyne.NewMenuItemSeparator())
	if now.accounts {
		show := fyne.NewMenuItem(lang.L("Show yourself as"), nil)
		show.ChildMenu = fyne.NewMenu("")
		for _, p := range presences {
			item := fyne.NewMenuItem(presenceWord(p), func() { s.own.presentAll(p) })
			item.Checked = now.same && p == now.presence
			show.ChildMenu.Items = append(show.ChildMenu.Items, item)
		}
		menu.Items = append(menu.Items, show)
	}
	silence := fyne.NewMenuItem(lang.L("Do not disturb"), func() {
		s.choices.choose(func(p *store.Preferences) { p.DoNotDisturb = !p.DoNotDisturb })
	})
	silence.Checked = now.undisturbed
	menu.Items = append(menu.Items, silence, fyne.NewMenuItemSeparator(), quit)
	return menu
}

// presentAll sets how contacts see every account.
func (d *desk) presentAll(p session.Presence) {
	for _, a := range d.model.Accounts() {
		d.engine.SetPresence(a.JID, p, a.Status)
	}
}

// close is what the window's own button does: it ends the program, or leaves it in the tray where the person wants that and can find it.
func (s *shell) close() {
	if !s.choices.now.ToTray || !s.tray.there {
		s.end()
		return
	}
	s.hidden = true
	s.look(false)
	s.window.Hide()
	s.tray.refresh()
}
