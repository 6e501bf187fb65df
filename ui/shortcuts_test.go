package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"github.com/sotto-im/sotto/assets"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
)

// strokeFor finds the keys of a shortcut by its name.
func strokeFor(s *stage, name string) stroke {
	t := s.t
	t.Helper()
	for _, g := range s.shell.shortcutTable() {
		for _, one := range g.all {
			if one.name == name {
				return one.keys[0]
			}
		}
	}
	t.Fatalf("there is no shortcut %q", name)
	return stroke{}
}

// shortcut presses the keys of one as Fyne reports them.
func (s *stage) shortcut(name string) {
	s.t.Helper()
	k := strokeFor(s, name)
	s.shell.shortcut(&desktop.CustomShortcut{KeyName: k.key, Modifier: k.held})
}

func TestShortcuts(t *testing.T) {
	s := newTalk(t, bob())
	carol := bob()
	carol.Ref, carol.Name, carol.Activity = contactRef("carol"), "Carol", noon.Add(-time.Hour)
	s.tell(session.ContactChanged{Contact: carol})
	s.shortcut("The conversation below in the list")
	if s.shell.own.main.shown != carol.Ref {
		t.Errorf("below is %v", s.shell.own.main.shown)
	}
	s.shortcut("The conversation above in the list")
	if s.shell.own.main.shown != contactRef("bob") {
		t.Errorf("above is %v", s.shell.own.main.shown)
	}
	s.shortcut("Search among the contacts")
	if s.shell.window.Canvas().Focused() != s.shell.own.main.contacts.search {
		t.Error("the search has not got the keyboard")
	}
	s.shortcut("Add contact")
	s.wantSeen("They will be asked whether they want to be your contact.")
	s.shortcut("The conversation below in the list")
	if s.shell.own.main.shown != contactRef("bob") {
		t.Error("a shortcut worked behind a dialog")
	}
	s.key(fyne.KeyEscape)
	if s.shell.window.Canvas().Overlays().Top() != nil {
		t.Error("Escape does not close the dialog")
	}
	s.shortcut("What the lock means, and what one can do")
	s.wantSeen("This conversation is private, but nobody has checked")
	s.key(fyne.KeyEscape)
	s.shortcut("Verify this contact")
	if len(s.shell.own.windows) != 1 {
		t.Error("the window that verifies did not open")
	}
}

// TestPartsOfTheWindow promises that one key goes from part to part and comes back.
func TestPartsOfTheWindow(t *testing.T) {
	s := newTalk(t, bob())
	main, focused := s.shell.own.main, s.shell.window.Canvas().Focused
	for by, want := range map[int][]fyne.Focusable{
		1:  {main.contacts.search, main.contacts.list, main.talk.lock, main.talk.composer},
		-1: {main.talk.lock, main.contacts.list, main.contacts.search, main.talk.composer},
	} {
		main.talk.focus()
		for i, part := range want {
			main.nextPart(by)
			if focused() != part {
				t.Errorf("step %d by %d: the keyboard is at %T", i, by, focused())
			}
		}
	}
}

// TestShortcutsAreUnique promises that no keys stand for two things, and none for something that typing or editing needs.
func TestShortcutsAreUnique(t *testing.T) {
	editing := "ZYVCXA"
	seen := map[stroke]string{}
	for _, g := range newStage(t).shell.shortcutTable() {
		for _, s := range g.all {
			for _, k := range s.keys {
				if other, twice := seen[k]; twice {
					t.Errorf("%s stands for %q and %q", k.words(), other, s.name)
				}
				seen[k] = s.name
				letter := len(k.key) == 1
				if letter && k.held&^fyne.KeyModifierShift == 0 || letter && k.held == command() && strings.Contains(editing, string(k.key)) {
					t.Errorf("%s, for %q, is needed for typing", k.words(), s.name)
				}
			}
		}
	}
}

// TestShortcutSheet promises that the sheet opens by its key wherever the cursor is, shows every shortcut with its keys, and does what
// is chosen in it.
func TestShortcutSheet(t *testing.T) {
	s := newTalk(t, bob())
	main := s.shell.own.main
	key := &fyne.KeyEvent{Name: fyne.KeyF1}
	for _, f := range []fyne.Focusable{main.talk.composer, main.contacts.search, main.talk.lock, main.talk.more, main.contacts.account} {
		s.shell.window.Canvas().Focus(f)
		f.TypedKey(key)
		w := s.shell.own.windows["shortcuts"]
		if w == nil {
			t.Errorf("from a %T the sheet does not open", f)
			continue
		}
		w.Close()
	}
	s.shell.window.Canvas().Focus(main.talk.composer)
	s.shell.own.shortcutSheet()
	w := s.shell.own.windows["shortcuts"]
	tree := access.New("Sotto", func() []fyne.Window { return []fyne.Window{w} })
	look, _ := tree.Look()
	var rows []string
	for _, e := range look.By {
		rows = append(rows, e.Name)
	}
	for _, g := range s.shell.shortcutTable() {
		for _, one := range g.all {
			want := one.name
			for _, k := range one.keys {
				want += ", " + k.words()
			}
			if !slices.Contains(rows, want) {
				t.Errorf("the sheet does not show %q", want)
			}
		}
	}
	focused := func() string {
		look, _ := tree.Look()
		for _, e := range look.By {
			if e.State&access.Focused != 0 {
				return e.Name
			}
		}
		return ""
	}
	for range len(rows) {
		if strings.HasPrefix(focused(), "Add contact") {
			break
		}
		w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	}
	w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	s.wantSeen("They will be asked whether they want to be your contact.")
	if s.shell.own.windows["shortcuts"] != nil {
		t.Error("the sheet stayed open")
	}
}

// TestKeysOfEachSystem promises that keys are called what stands on them, in the sheet and in sentences, on a Mac as elsewhere.
func TestKeysOfEachSystem(t *testing.T) {
	defer speak(t, "en")
	for system, want := range map[string][4]string{
		"linux":   {"Ctrl+K", "Ctrl+Shift+O", "Alt+Up", "Then Ctrl+Enter sends. Otherwise Enter sends, and Shift+Enter begins a new line."},
		"windows": {"Ctrl+K", "Ctrl+Shift+O", "Alt+Up", "Then Ctrl+Enter sends. Otherwise Enter sends, and Shift+Enter begins a new line."},
		"darwin":  {"⌘K", "⇧⌘O", "⌥Up", "Then ⌘Enter sends. Otherwise Enter sends, and ⇧Enter begins a new line."},
	} {
		speak(t, "en")
		held := commandOn(system)
		got := [4]string{stroke{held, fyne.KeyK}.on(system), stroke{held | fyne.KeyModifierShift, fyne.KeyO}.on(system), stroke{fyne.KeyModifierAlt, fyne.KeyUp}.on(system),
			enterWords(system)}
		if got != want {
			t.Errorf("%s: %q, want %q", system, got, want)
		}
		speak(t, "de")
		if said := enterWords(system); strings.Contains(said, "Strg+Enter") == (system == "darwin") {
			t.Errorf("%s: %q", system, said)
		}
	}
}

// TestNoSentenceNamesAKeyOfOneSystem promises that the key for commands has its name from the system, never from a sentence.
func TestNoSentenceNamesAKeyOfOneSystem(t *testing.T) {
	for _, l := range lang.Languages() {
		data, err := assets.Translations.ReadFile("translations/" + l.Tag + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if !strings.HasPrefix(line, `  "Ctrl":`) && (strings.Contains(line, "Ctrl") || strings.Contains(line, "Strg")) {
				t.Errorf("%s.json: %s", l.Tag, line)
			}
		}
	}
}
