package ui

import (
	"runtime"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"github.com/sotto-im/sotto/ui/lang"
)

// A stroke is a key with those that are held with it.
type stroke struct {
	held fyne.KeyModifier
	key  fyne.KeyName
}

// A shortcut is something that keys do wherever the cursor is. The table of them is all there is: the window listens for what stands
// in it, and the sheet of shortcuts shows it.
type shortcut struct {
	name  string
	keys  []stroke // the first is the one that is shown
	reach reach
	do    func(d *desk) // nil: the part of the window that has the keyboard does it by itself, and it is only shown
}

// reach says where a shortcut does something.
type reach uint8

const (
	amongContacts reach = iota // where contacts and conversations are shown
	inConversation
	anywhere
)

// A shortcutGroup is what belongs together.
type shortcutGroup struct {
	title string
	all   []shortcut
}

// command is the key that other programs of the system use for their shortcuts.
func command() fyne.KeyModifier { return commandOn(runtime.GOOS) }

func commandOn(system string) fyne.KeyModifier {
	if system == "darwin" {
		return fyne.KeyModifierSuper
	}
	return fyne.KeyModifierControl
}

func plain(key fyne.KeyName) []stroke     { return []stroke{{0, key}} }
func commanded(key fyne.KeyName) []stroke { return []stroke{{command(), key}} }

// sendKey is the key that sends what is typed.
func (s *shell) sendKey() stroke {
	if s.choices.now.EnterBreaks {
		return stroke{command(), fyne.KeyReturn}
	}
	return stroke{0, fyne.KeyReturn}
}

// shortcutTable is every shortcut.
func (s *shell) shortcutTable() []shortcutGroup {
	const alt, shift = fyne.KeyModifierAlt, fyne.KeyModifierShift
	send, newLine := []stroke{s.sendKey()}, []stroke{{shift, fyne.KeyReturn}}
	if s.choices.now.EnterBreaks {
		newLine = plain(fyne.KeyReturn)
	}
	return []shortcutGroup{
		{lang.L("Contacts"), []shortcut{
			{lang.L("Search among the contacts"), commanded(fyne.KeyK), amongContacts, (*desk).searchContacts},
			{lang.L("Add contact"), commanded(fyne.KeyN), amongContacts, func(d *desk) { d.addContact("") }},
			{lang.L("The conversation above in the list"), []stroke{{alt, fyne.KeyUp}}, amongContacts, func(d *desk) { d.main.step(-1) }},
			{lang.L("The conversation below in the list"), []stroke{{alt, fyne.KeyDown}}, amongContacts, func(d *desk) { d.main.step(1) }},
		}},
		{lang.L("Conversation"), []shortcut{
			{lang.L("Send what is typed"), send, inConversation, nil},
			{lang.L("Begin a new line"), newLine, inConversation, nil},
			{lang.L("Write once more what was sent last"), plain(fyne.KeyUp), inConversation, nil},
			{lang.L("Choose an emoji"), commanded(fyne.KeyPeriod), inConversation, func(d *desk) { d.here().openEmoji() }},
			{lang.L("Search in this conversation"), commanded(fyne.KeyF), inConversation, func(d *desk) { d.here().search.open() }},
			{lang.L("Go to a day"), commanded(fyne.KeyJ), inConversation, func(d *desk) { d.here().chooseDay() }},
			{lang.L("Read further up"), plain(fyne.KeyPageUp), inConversation, nil},
			{lang.L("Read further down"), plain(fyne.KeyPageDown), inConversation, nil},
			{lang.L("More about this contact"), commanded(fyne.KeyM), inConversation, func(d *desk) { d.here().openMore() }},
			{lang.L("Open in its own window"), []stroke{{command() | shift, fyne.KeyO}}, inConversation, func(d *desk) { d.openApart(d.here().ref) }},
			{lang.L("Close that window"), commanded(fyne.KeyW), inConversation, (*desk).closeApart},
		}},
		{lang.L("Privacy"), []shortcut{
			{lang.L("What the lock means, and what one can do"), commanded(fyne.KeyL), inConversation, func(d *desk) { d.here().openLock() }},
			{lang.L("Verify this contact"), []stroke{{command() | shift, fyne.KeyL}}, inConversation, func(d *desk) { d.verify(d.here().ref) }},
		}},
		{lang.L("Window"), []shortcut{
			{lang.L("The next thing"), plain(fyne.KeyTab), anywhere, nil},
			{lang.L("The thing before"), []stroke{{shift, fyne.KeyTab}}, anywhere, nil},
			{lang.L("The next part of the window"), plain(fyne.KeyF6), amongContacts, func(d *desk) { d.main.nextPart(1) }},
			{lang.L("The part of the window before"), []stroke{{shift, fyne.KeyF6}}, amongContacts, func(d *desk) { d.main.nextPart(-1) }},
			{lang.L("Your account"), []stroke{{command() | shift, fyne.KeyA}}, amongContacts, func(d *desk) { d.main.contacts.account.openMenu() }},
			{lang.L("Settings"), commanded(fyne.KeyComma), amongContacts, (*desk).openSettings},
			{lang.L("Close what is open, or go back"), plain(fyne.KeyEscape), anywhere, nil},
			{lang.L("These shortcuts"), []stroke{{0, fyne.KeyF1}, {command(), fyne.KeySlash}}, anywhere, (*desk).shortcutSheet},
			{lang.L("Quit"), commanded(fyne.KeyQ), anywhere, func(d *desk) { d.shell.end() }},
		}},
	}
}

// addShortcuts makes the keys work that work everywhere in a window.
func (s *shell) addShortcuts() {
	c := s.window.Canvas()
	s.listen(c, s.shortcut)
	c.SetOnTypedKey(s.typedKey)
	c.SetOnTypedRune(s.typed)
}

// listen has a window tell of the keys of the table.
func (s *shell) listen(c fyne.Canvas, do func(fyne.Shortcut)) {
	for _, g := range s.shortcutTable() {
		for _, one := range g.all {
			for _, k := range one.keys {
				if one.do != nil && k.held&^fyne.KeyModifierShift != 0 {
					c.AddShortcut(&desktop.CustomShortcut{KeyName: k.key, Modifier: k.held}, do)
				}
			}
		}
	}
}

// typedKey is called for keys that no widget wants, and for the function keys.
func (s *shell) typedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape {
		s.escape()
		return
	}
	held := fyne.KeyModifier(0)
	if keyboard, ok := s.app.Driver().(desktop.Driver); ok {
		held = keyboard.CurrentKeyModifiers()
	}
	s.press(stroke{held, e.Name})
}

// shortcut does what a shortcut stands for, wherever the cursor is.
func (s *shell) shortcut(k fyne.Shortcut) {
	if key, ok := k.(*desktop.CustomShortcut); ok {
		s.press(stroke{key.Modifier, key.KeyName})
	}
}

// press does what the keys stand for here.
func (s *shell) press(k stroke) {
	for _, g := range s.shortcutTable() {
		for _, one := range g.all {
			if one.do != nil && slices.Contains(one.keys, k) && s.reaches(one.reach) {
				one.do(s.current())
				return
			}
		}
	}
}

func (s *shell) reaches(r reach) bool {
	d := s.current()
	if r == anywhere {
		return true
	}
	if d.here().apart != nil {
		return r == inConversation && d.place().Canvas().Overlays().Top() == nil
	}
	if s.practice != nil && s.practice.desk == nil || d.shown != d.main.content || s.window.Canvas().Overlays().Top() != nil {
		return false
	}
	return r == amongContacts || d.main.talk.isOpen()
}

func (d *desk) searchContacts() {
	d.main.showList()
	d.window.Canvas().Focus(d.main.contacts.search)
}

// nextPart gives the keyboard to the part of the window after, or before, the one that has it.
func (p *mainPage) nextPart(by int) {
	parts := []fyne.Focusable{p.contacts.search, p.contacts.list}
	if p.talk.isOpen() {
		parts = append(parts, p.talk.lock, p.talk.composer)
	}
	c := p.desk.window.Canvas()
	at := slices.Index(parts, c.Focused())
	if at < 0 && by < 0 {
		at = 0
	}
	c.Focus(parts[(at+by+len(parts))%len(parts)])
}

// words are how the keys are written on the keyboard.
func (k stroke) words() string { return k.on(runtime.GOOS) }

// on are the words on the keyboards of a system: a Mac has signs for the keys that are held, in an order of its own and with no plus.
func (k stroke) on(system string) string {
	names, between := []heldKey{{fyne.KeyModifierControl, lang.L("Ctrl")}, {fyne.KeyModifierAlt, lang.L("Alt")}, {fyne.KeyModifierShift, lang.L("Shift")}}, "+"
	if system == "darwin" {
		names, between = []heldKey{{fyne.KeyModifierControl, "⌃"}, {fyne.KeyModifierAlt, "⌥"}, {fyne.KeyModifierShift, "⇧"}, {fyne.KeyModifierSuper, "⌘"}}, ""
	}
	said := []string{}
	for _, n := range names {
		if k.held&n.bit != 0 {
			said = append(said, n.name)
		}
	}
	return strings.Join(append(said, keyWord(k.key)), between)
}

// A heldKey is one that is held while another is pressed, and what stands on it.
type heldKey struct {
	bit  fyne.KeyModifier
	name string
}

func keyWord(k fyne.KeyName) string {
	switch k {
	case fyne.KeyReturn:
		return lang.L("Enter")
	case fyne.KeyEscape:
		return lang.L("Esc")
	case fyne.KeyTab:
		return lang.L("Tab")
	case fyne.KeyPageUp:
		return lang.L("Page up")
	case fyne.KeyPageDown:
		return lang.L("Page down")
	case fyne.KeyUp:
		return lang.L("Up")
	case fyne.KeyDown:
		return lang.L("Down")
	case fyne.KeyLeft:
		return lang.L("Left")
	case fyne.KeyRight:
		return lang.L("Right")
	case fyne.KeyHome:
		return lang.L("Home")
	case fyne.KeyEnd:
		return lang.L("End")
	}
	return string(k)
}
