package ui

import (
	"net/url"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// held is told when the composer gets the keyboard and when it loses it: that is how a conversation in a window of its own learns that
// the person is there.
func (t *talkPane) held(has bool) {
	s := t.desk.shell
	switch {
	case has && s.front != t.apart:
		s.front = t.apart
	case !has && t.apart != nil && s.front == t.apart && t.window.Canvas().Overlays().Top() == nil:
		s.front = nil
	}
	if has && t.isOpen() {
		t.read()
	}
}

// escape closes what was opened last.
func (t *talkPane) escape() {
	overlays := t.window.Canvas().Overlays()
	switch top := overlays.Top(); {
	case top != nil:
		top.Hide()
		overlays.Remove(top)
	case t.search.Visible():
		t.search.close()
		t.focus()
	case t.apart != nil:
		t.apart.close()
	default:
		t.desk.shell.escape()
	}
}

// shortcut is told of keys that are held together: those that send, where Enter begins a new line, and those of the window.
func (t *talkPane) shortcut(k fyne.Shortcut) {
	key, ok := k.(*desktop.CustomShortcut)
	if ok && key.Modifier == command() && (key.KeyName == fyne.KeyReturn || key.KeyName == fyne.KeyEnter) {
		if t.desk.shell.choices.now.EnterBreaks {
			t.submit()
		}
		return
	}
	t.desk.shell.shortcut(k)
}

// typeOn takes what is typed elsewhere in the window: it is meant for the composer.
func (t *talkPane) typeOn(r rune) {
	if t.isOpen() && !t.composer.Disabled() {
		t.focus()
		t.composer.TypedRune(r)
	}
}

// dropped is told of files that were let fall on the window. Sotto cannot send files: none is opened, and nothing is sent.
func (t *talkPane) dropped(fyne.Position, []fyne.URI) {
	if t.isOpen() {
		t.changed.show(notice{words: lang.L("Sotto cannot send files yet. Nothing was read and nothing was sent."),
			actions: []offer{{label: lang.L("OK"), do: func() { t.changed.show(notice{}); t.focus() }}}})
	}
}

// openRowMenu offers what can be done with a message.
func (t *talkPane) openRowMenu(r chat.Row, at fyne.Position) {
	menu := fyne.NewMenu("")
	for _, a := range r.Actions {
		menu.Items = append(menu.Items, menuItem(a.Label, a.Do))
	}
	for _, l := range r.Links {
		menu.Items = append(menu.Items, menuItem(l.Shown, func() { t.follow(l.Address) }))
	}
	menu.Items = append(menu.Items, menuItem(lang.L("Copy"), func() { t.desk.app.Clipboard().SetContent(r.Text) }))
	if i := t.rows.script.Find(r.ID); i >= 0 && r.Guard != "" {
		e, _ := t.rows.script.Entry(i)
		menu.Items = append(menu.Items, menuItem(lang.L("How it was protected…"), func() { t.details(*e) }))
	}
	widget.NewPopUpMenu(menu, t.window.Canvas()).ShowAtPosition(at)
}

// follow shows where an address of a message really leads, and opens it if the person still wants that. Nothing is fetched before.
func (t *talkPane) follow(address string) {
	target, err := model.ParseTarget(address)
	if err != nil {
		return
	}
	if target.Scheme == "xmpp" {
		t.desk.shell.comeForward()
		t.desk.follow(target.Address)
		return
	}
	where := look.NewText(target.Host, look.Header)
	body := container.NewVBox(look.NewText(lang.L("It leads to:"), look.Hint), where)
	if target.Unicode != "" {
		body.Add(look.NewText(lang.L("Written in other letters: {{.Host}}. Some of them look like others.", words{"Host": target.Unicode}), look.Warning))
	}
	body.Add(container.New(flow{}, quote(lang.L("The whole address"), chat.Clip(target.Address, shownAddress, 8))))
	var s *slip
	cancel := newMainButton(lang.L("Cancel"), func() { s.close(); t.focus() })
	s = t.desk.openSlip(lang.L("Open this link?"), body,
		newButton(lang.L("Copy"), func() { t.desk.app.Clipboard().SetContent(target.Address); s.close(); t.focus() }),
		newButton(lang.L("Open"), func() {
			s.close()
			t.focus()
			t.desk.openURL(target)
		}), cancel)
	t.window.Canvas().Focus(cancel)
}

// shownAddress is how much of an address is shown before it is opened, in characters.
const shownAddress = 600

// openURL hands an address to the system's browser or mail program. Only those that model.ParseTarget made come here.
func (d *desk) openURL(target model.Target) {
	u, err := url.Parse(target.Address)
	if err == nil {
		err = d.app.OpenURL(u)
	}
	if err != nil {
		d.main.problem.show(notice{words: lang.L("This computer did not open the link."),
			actions: []offer{{label: lang.L("OK"), do: func() { d.main.problem.show(d.accountNotice()) }}}})
	}
}

// nearLimit is how many characters may still be typed when the composer begins to say so.
const nearLimit = 1000

// showRoom says how much more can be written, where that is not much.
func (t *talkPane) showRoom() {
	if t.sending.changes(t.send.MinSize()) {
		t.writing.Refresh()
	}
	left := chat.MaxTyped - t.composer.Length()
	if left > nearLimit {
		if t.room.Visible() {
			t.room.Hide()
		}
		return
	}
	t.left.SetText(lang.N("{{.Count}} left", left, words{"Count": left}))
	t.left.SetColor(look.ColorMuted)
	if left == 0 {
		t.left.SetColor(look.ColorNotPrivate)
	}
	t.room.Show()
}

// besideEntry sets the composer, and a button beside its lower end.
type besideEntry struct{}

// Layout implements fyne.Layout.
func (*besideEntry) Layout(o []fyne.CanvasObject, size fyne.Size) {
	entry, button := o[0], o[1]
	side := button.MinSize()
	entry.Resize(fyne.NewSize(max(size.Width-side.Width-look.Step, 0), size.Height))
	entry.Move(fyne.Position{})
	button.Resize(side)
	button.Move(fyne.NewPos(size.Width-side.Width, size.Height-side.Height))
	look.Turn(o, size.Width)
}

// MinSize implements fyne.Layout.
func (*besideEntry) MinSize(o []fyne.CanvasObject) fyne.Size {
	entry, button := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(entry.Width+button.Width+look.Step, max(entry.Height, button.Height))
}
