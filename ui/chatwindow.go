package ui

import (
	"maps"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// A chatWindow is a conversation in a window of its own, with everything that it has in the main window: the same header with the
// lock, the same composer, the same rules for what is sent. Like all windows it is called Sotto.
type chatWindow struct {
	desk   *desk
	ref    session.Ref
	window fyne.Window
	talk   *talkPane
}

const (
	chatWidth, chatHeight = 480, 600
	chatWindowKind        = "conversation" // in the settings
)

// openApart gives a conversation a window of its own, or brings that forward.
func (d *desk) openApart(r session.Ref) {
	if w := d.chats[r]; w != nil {
		w.comeForward()
		return
	}
	w := d.openWindow(chatWindowKind+"\x00"+r.Account+"\x00"+r.Contact, "Sotto")
	if w == nil {
		return
	}
	if d.main.shown == r {
		d.main.leave()
	}
	c := &chatWindow{desk: d, ref: r, window: w}
	d.chats[r] = c
	c.talk = newTalkPane(d, w)
	c.talk.apart = c
	inside := fyne.CanvasObject(c.talk.content)
	if d.practising {
		inside = d.shell.band(inside)
	}
	w.SetPadded(false)
	w.SetContent(container.New(leastSize{}, container.NewStack(filled(theme.ColorNameBackground, 0), inside)))
	w.SetCloseIntercept(c.close)
	w.SetOnDropped(c.talk.dropped)
	size := fyne.NewSize(chatWidth, chatHeight)
	if kept, ok := d.shell.store.Settings().Window.Others[chatWindowKind]; ok && kept.Width >= leastWidth && kept.Height >= leastHeight {
		size = fyne.NewSize(kept.Width, kept.Height)
	}
	w.Resize(size)
	c.addShortcuts()
	c.talk.open(r)
	d.shell.front = c
	w.Show()
	c.talk.focus()
	c.talk.read()
	d.main.contacts.refresh()
	d.openAsked()
}

func (c *chatWindow) comeForward() {
	c.window.Show()
	c.window.RequestFocus()
	c.talk.focus()
}

// close closes the window and remembers how large it was. What stands in its composer is kept.
func (c *chatWindow) close() {
	d, size := c.desk, c.window.Canvas().Size()
	delete(d.chats, c.ref)
	if d.shell.front == c {
		d.shell.front = nil
	}
	c.window.Close()
	if !d.practising {
		d.shell.write(func(s *store.Settings) {
			if s.Window.Others == nil {
				s.Window.Others = make(map[string]store.Size)
			}
			s.Window.Others[chatWindowKind] = store.Size{Width: size.Width, Height: size.Height}
		})
	}
	d.main.contacts.refresh()
}

// closeApart closes the window of its own in which the person is.
func (d *desk) closeApart() {
	if c := d.here().apart; c != nil {
		c.close()
	}
}

func (c *chatWindow) addShortcuts() {
	s, canvas := c.desk.shell, c.window.Canvas()
	s.listen(canvas, c.talk.shortcut)
	canvas.SetOnTypedKey(func(e *fyne.KeyEvent) {
		if e.Name == fyne.KeyEscape {
			c.talk.escape()
			return
		}
		s.typedKey(e)
	})
	canvas.SetOnTypedRune(c.talk.typeOn)
}

// here is the conversation in which the person is: that of the window which has the keyboard, or that of the main window.
func (d *desk) here() *talkPane {
	if c := d.shell.front; c != nil && c.desk == d {
		return c.talk
	}
	return d.main.talk
}

// talks are the conversations that are open.
func (d *desk) talks() []*talkPane {
	var open []*talkPane
	if d.main.talk.isOpen() {
		open = append(open, d.main.talk)
	}
	for _, c := range d.chats {
		open = append(open, c.talk)
	}
	return open
}

// isOpen tells whether a conversation is open in any window.
func (d *desk) isOpen(r session.Ref) bool {
	return r != session.Ref{} && (r == d.main.shown || d.chats[r] != nil)
}

// inFront tells whether the person looks at a conversation.
func (d *desk) inFront(r session.Ref) bool {
	for _, t := range d.talks() {
		if t.ref == r {
			return t.front()
		}
	}
	return false
}

// place is the window in which the person is, for what asks them something.
func (d *desk) place() fyne.Window {
	if c := d.shell.front; c != nil && c.desk == d {
		return c.window
	}
	return d.window
}

// fold hides and shows the contacts of a group.
func (d *desk) fold(group string) {
	if d.folded[group] {
		delete(d.folded, group)
	} else {
		d.folded[group] = true
	}
	if !d.practising {
		folded := slices.Sorted(maps.Keys(d.folded))
		d.shell.write(func(s *store.Settings) { s.Window.FoldedGroups = folded[:min(len(folded), mostFolded)] })
	}
	d.main.contacts.refresh()
}

// mostFolded is how many groups the settings remember as folded.
const mostFolded = 1000

// apartItem takes a conversation into a window of its own, or back into the main window.
func (t *talkPane) apartItem() *fyne.MenuItem {
	d, r := t.desk, t.ref
	if t.apart == nil {
		return menuItem(lang.L("Open in its own window"), func() { d.openApart(r) })
	}
	return menuItem(lang.L("Show in the main window"), func() {
		t.apart.close()
		d.window.RequestFocus()
		d.main.show(r)
	})
}

// contactMenu is what one can do with a contact.
func (d *desk) contactMenu(c session.Contact) *fyne.Menu {
	menu := fyne.NewMenu("",
		menuItem(lang.L("Open"), func() { d.main.open(c.Ref) }),
		menuItem(lang.L("Open in its own window"), func() { d.openApart(c.Ref) }),
		fyne.NewMenuItemSeparator())
	if c.OnRoster {
		menu.Items = append(menu.Items,
			menuItem(lang.L("Rename…"), func() { d.rename(c) }),
			menuItem(lang.L("Groups…"), func() { d.chooseGroups(c) }))
	} else {
		menu.Items = append(menu.Items, menuItem(lang.L("Add contact…"), func() { d.addContact(c.Ref.Contact) }))
	}
	block := menuItem(lang.L("Block…"), func() { d.block(c) })
	if c.Blocked {
		block = menuItem(lang.L("Unblock"), func() { d.unblock(c) })
	}
	return fyne.NewMenu("", append(menu.Items, block, menuItem(lang.L("Remove…"), func() { d.remove(c) }),
		fyne.NewMenuItemSeparator(), d.offlineItem())...)
}

// offlineItem hides those who are offline, and shows them again.
func (d *desk) offlineItem() *fyne.MenuItem {
	i := menuItem(lang.L("Show who is offline"), func() {
		d.shell.choices.choose(func(p *store.Preferences) { p.HideOffline = !p.HideOffline })
	})
	i.Checked = !d.shell.choices.now.HideOffline
	return i
}

// chooseGroups asks in which groups of the list a contact stands.
func (d *desk) chooseGroups(c session.Contact) {
	names := access.Name(newField(lang.L("Family, Work")), lang.L("Groups"))
	names.SetText(strings.Join(c.Groups, ", "))
	body := container.NewVBox(look.NewText(lang.L("One group or several, with commas between them. Your server keeps them and can see them."), look.Hint),
		label(lang.L("Groups")), names)
	known := container.New(reading(chips{}))
	for _, g := range d.model.GroupNames()[:min(mostOffered, len(d.model.GroupNames()))] {
		known.Add(look.NewLink(g, func() {
			if now := groupList(names.Text); !slices.Contains(now, g) {
				names.SetText(strings.Join(append(now, g), ", "))
			}
		}))
	}
	body.Add(unlined(known))
	var s *slip
	confirm := func() {
		d.engine.SetGroups(c.Ref, groupList(names.Text))
		s.close()
	}
	s = d.openSlip(lang.L("Groups of {{.Name}}", words{"Name": c.Name}), body,
		newButton(lang.L("Cancel"), func() { s.close() }), newMainButton(lang.L("Save"), confirm))
	s.ask(confirm, names)
}

// mostOffered is how many of the groups that exist are offered to be chosen.
const mostOffered = 12

// groupList are the groups that somebody has typed.
func groupList(typed string) []string {
	groups := []string{}
	for name := range strings.FieldsFuncSeq(typed, func(r rune) bool { return r == ',' || r == '،' }) {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(groups, name) {
			groups = append(groups, name)
		}
	}
	return groups
}

// chips sets small things beside one another from the left, in as many rows as a slip needs for them.
type chips struct{}

// Layout implements fyne.Layout.
func (c chips) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	c.each(objects, func(o fyne.CanvasObject, at fyne.Position) {
		o.Move(at)
		o.Resize(o.MinSize())
	})
}

// MinSize implements fyne.Layout.
func (c chips) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(0, c.each(objects, func(fyne.CanvasObject, fyne.Position) {}))
}

const chipsWidth = leastWidth - 20*look.Step

func (chips) each(objects []fyne.CanvasObject, place func(fyne.CanvasObject, fyne.Position)) (height float32) {
	x, y := float32(0), float32(0)
	for _, o := range objects {
		size := o.MinSize()
		if x > 0 && x+size.Width > chipsWidth {
			x, y = 0, height
		}
		place(o, fyne.NewPos(x, y))
		x += size.Width
		height = max(height, y+size.Height)
	}
	return height
}
