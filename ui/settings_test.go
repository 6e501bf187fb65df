package ui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/look"
)

// newSettings is a stage on which the settings are open.
func newSettings(t *testing.T, kept ...func(*store.Settings)) *stage {
	t.Helper()
	s := newStage(t, kept...)
	s.tell(onlineAccount())
	s.shell.own.openSettings()
	return s
}

// setting finds a row by what it is called.
func (s *stage) setting(label string) *settingRow {
	s.t.Helper()
	for _, g := range s.shell.own.settingsPage.groups {
		for _, r := range g.rows {
			if r.label == label {
				return r
			}
		}
	}
	s.t.Fatalf("there is no setting %q", label)
	return nil
}

func (s *stage) pick(label, said string) {
	s.t.Helper()
	s.setting(label).control.(*picker).SetSelected(said)
}

// kept is what the disk has once everything is written.
func (s *stage) kept() store.Preferences {
	s.shell.writes.Wait()
	return s.shell.store.Settings().Preferences
}

func TestSettingsHoldAtOnceAndAreKept(t *testing.T) {
	s := newSettings(t)
	for _, choice := range []struct{ said, kept string }{{"Dark", "dark"}, {"Light", "light"}, {"As the system", ""}, {"Dark", "dark"}} {
		s.pick("Light or dark", choice.said)
		if got := s.shell.app.Settings().Theme().(look.Theme).Choice; got != themeChoice(choice.kept) {
			t.Errorf("%s: the theme is %v", choice.said, got)
		}
	}
	if got := s.kept().Theme; got != "dark" {
		t.Errorf("kept: %q", got)
	}
	again := newSettings(t, func(c *store.Settings) { c.Preferences = s.kept() })
	if got := again.setting("Light or dark").control.(*picker).Selected; got != "Dark" {
		t.Errorf("at the next start it says %q", got)
	}
}

// A word of a later Sotto is not ours to judge: the setting is as if nothing had been chosen, and nothing else is lost.
func TestSettingsOfALaterSotto(t *testing.T) {
	s := newSettings(t, func(c *store.Settings) { c.Preferences = store.Preferences{Theme: "sepia", Sounds: true} })
	if got := s.setting("Light or dark").control.(*picker).Selected; got != "As the system" {
		t.Errorf("it says %q", got)
	}
	if !s.shell.choices.now.Sounds {
		t.Error("another setting is lost")
	}
}

func TestWatchersAreToldOnceForEachChange(t *testing.T) {
	s := newStage(t)
	told := 0
	stop := s.shell.choices.watch(func() { told++ })
	dark := func(p *store.Preferences) { p.Theme = "dark" }
	s.shell.choices.choose(dark)
	s.shell.choices.choose(dark)
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	stop()
	s.shell.choices.choose(func(p *store.Preferences) { p.Theme = "" })
	if told != 1 {
		t.Errorf("told after the end")
	}
}

func TestSettingsOfAnAccount(t *testing.T) {
	s := newSettings(t)
	s.pick("How contacts see you", "busy")
	s.wantAsked("SetPresence alice@example.org 5 ")
	test.Tap(s.setting("Say that messages have arrived").control.(*check))
	s.wantAsked("SetReceipts alice@example.org false")
	s.setting("Say that messages have arrived").Tapped(nil)
	s.wantAsked("SetReceipts alice@example.org true")
	s.pick("Say that you are writing", "Never")
	s.wantAsked("SetTypingPolicy alice@example.org 1")
	s.pick("When the server has another key", "Always ask")
	s.wantAsked("SetServerKeyCheck alice@example.org 1")
	a := onlineAccount()
	a.Account.NoReceipts, a.Account.Typing = true, session.TypingToAll
	s.tell(a)
	if s.setting("Say that messages have arrived").control.(*check).Checked {
		t.Error("the page does not say what is so")
	}
	if got := s.setting("Say that you are writing").control.(*picker).Selected; got != "Always" {
		t.Errorf("it says %q", got)
	}
	s.tell(session.AccountRemoved{JID: alice})
	if words := s.seen(); strings.Contains(words, alice) {
		t.Errorf("the account that has gone is still there:\n%s", words)
	}
}

func TestSearchInTheSettings(t *testing.T) {
	s := newSettings(t)
	page := s.shell.own.settingsPage
	shown := func() []string {
		var labels []string
		for _, g := range page.groups {
			for _, r := range g.rows {
				if r.Visible() && g.box.Visible() {
					labels = append(labels, r.label)
				}
			}
		}
		return labels
	}
	all := len(shown())
	for search, want := range map[string]string{"TOR": "Connect through", "light dark": "Light or dark", "receipts": "Say that messages have arrived"} {
		page.search.SetText(search)
		if got := shown(); !slices.Contains(got, want) || len(got) == all {
			t.Errorf("%q finds %q", search, got)
		}
	}
	page.search.SetText("no such thing")
	if len(shown()) != 0 || !page.empty.Visible() {
		t.Errorf("found %q", shown())
	}
	page.search.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if len(shown()) != all || s.shell.own.settingsPage == nil {
		t.Error("the first Escape does not end the search, or closes the page")
	}
	page.search.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if s.shell.own.settingsPage != nil {
		t.Error("the second Escape does not close the page")
	}
}

// Practice mode touches nothing of the person's settings.
func TestNoSettingsInPractice(t *testing.T) {
	s := newStage(t)
	d := newDesk(s.shell, newScripted())
	d.practising = true
	d.openSettings()
	if d.settingsPage != nil {
		t.Error("the settings are open")
	}
	for _, item := range d.commonItems() {
		if item.Label == "Settings" {
			t.Error("the settings are offered")
		}
	}
}

// Every control can have the keyboard, and lets Escape close the page.
func TestSettingsByKeyboard(t *testing.T) {
	s := newSettings(t)
	page := s.shell.own.settingsPage
	for i, g := range page.groups {
		for j := range g.rows {
			s.shell.own.openSettings()
			row := s.shell.own.settingsPage.groups[i].rows[j]
			f, ok := row.control.(fyne.Focusable)
			if !ok {
				t.Errorf("%s cannot have the keyboard", row.label)
				continue
			}
			f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
			if s.shell.own.settingsPage != nil {
				t.Errorf("%s: Escape leaves the page open", row.label)
			}
		}
	}
}

// In a window as it opens every value that a setting can have is read whole.
func TestWhatIsChosenIsReadWhole(t *testing.T) {
	for _, tag := range []string{"en", "de", "ar"} {
		speak(t, tag)
		s := newSettings(t)
		s.narrow(firstWidth)
		arrange(s.shell.window)
		for _, g := range s.shell.own.settingsPage.groups {
			for _, r := range g.rows {
				if p, ok := r.control.(*picker); ok && p.Size().Width < p.wish() {
					t.Errorf("%s: %q is %v wide and needs %v", tag, r.label, p.Size().Width, p.wish())
				}
			}
		}
	}
	speak(t, "en")
}

// The edges of what stands in a slip are under the edge of its words.
func TestEdgesOfASlip(t *testing.T) {
	s := newSettings(t)
	s.shell.own.closeSettings()
	s.shell.own.addContact("")
	at := map[string]float32{}
	var left, right float32 // the edges of the slip
	for _, o := range laidOut(s.shell.window.Canvas().Overlays().Top()) {
		switch o := o.(type) {
		case *fyne.Container:
			if _, ok := o.Layout.(*atLeast); ok {
				left, right = where(o).X, where(o).X+o.Size().Width
			}
		case *look.Text:
			if o.Words() == "Address" {
				at["words"] = where(o).X + theme.InnerPadding()
			}
		case *field:
			at["field"] = where(o).X
		case *button:
			at["end"] = where(o).X + o.Size().Width
		}
	}
	if at["words"] != at["field"] {
		t.Errorf("words begin at %v, and a field at %v", at["words"], at["field"])
	}
	if at["field"]-left != right-at["end"] {
		t.Errorf("%v at the left, %v at the right", at["field"]-left, right-at["end"])
	}
}
