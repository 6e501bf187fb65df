package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A blockedList is the window with every address that an account's server keeps away.
type blockedList struct {
	desk   *desk
	window fyne.Window
	rows   []session.Ref
	list   *widget.List
	about  *look.Text // what blocking does, where the server can
	said   *look.Text // what went wrong
	none   *look.Text // why there is no address
	done   *button
}

// blockedList opens the window with the blocked addresses of every account, or brings it forward.
func (d *desk) blockedList() {
	if d.blockedOpen != nil {
		d.blockedOpen.window.RequestFocus()
		return
	}
	b := &blockedList{desk: d, window: d.openWindow("blocked", lang.L("Blocked addresses")), said: look.NewText("", look.Hint),
		about: look.NewText(lang.L("Your server keeps everything from them away, and shows them that you are offline."), look.Hint),
		none:  look.NewText("", look.Hint).Center()}
	d.blockedOpen = b
	b.list = widget.NewList(func() int { return len(b.rows) }, func() fyne.CanvasObject { return newBlockedItem(b) }, func(id widget.ListItemID, o fyne.CanvasObject) {
		if id < len(b.rows) {
			o.(*blockedItem).set(b.rows[id], len(d.blocked) > 1)
		}
	})
	b.list.HideSeparators = true
	b.list.OnSelected = func(widget.ListItemID) { b.list.UnselectAll() }
	b.done = newMainButton(lang.L("Close"), b.window.Close)
	b.done.escape = b.window.Close
	head := keysHead(nil, lang.L("Blocked addresses"), "", inset(0, -2*look.Step, 0, 0, b.about), inset(0, -look.Step, 0, 0, b.said))
	b.window.SetPadded(false)
	b.window.SetContent(container.New(leastKeys{}, container.NewStack(filled(theme.ColorNameBackground, 0), container.New(&settled{}, bordered(head, keysFoot(b.done), nil, nil,
		container.NewStack(b.list, container.New(column{width: resultWidth, middle: true}, b.none)))))))
	b.window.Canvas().SetOnTypedKey(func(e *fyne.KeyEvent) {
		if e.Name == fyne.KeyEscape {
			b.window.Close()
		}
	})
	b.window.SetOnClosed(func() {
		delete(d.windows, "blocked")
		d.blockedOpen = nil
	})
	b.refresh()
	b.window.Resize(fyne.NewSize(keysWidth, leastKeysHeight))
	b.window.Show()
	b.window.Canvas().Focus(b.done)
}

// nowBlocked takes over what an account's server blocks.
func (d *desk) nowBlocked(e session.BlockedChanged) {
	d.blocked[e.Account] = e
	if d.blockedOpen != nil {
		d.blockedOpen.refresh()
	}
}

func (b *blockedList) refresh() {
	b.rows = nil
	cannot := false
	for _, a := range b.desk.model.Accounts() {
		e, told := b.desk.blocked[a.JID]
		cannot = cannot || told && !e.CanBlock && a.State == session.Online
		for _, address := range e.Addresses {
			b.rows = append(b.rows, session.Ref{Account: a.JID, Contact: address})
		}
	}
	said, none := "", ""
	switch {
	case len(b.rows) == 0 && cannot:
		none = lang.L("Your server does not know how to block anybody.")
	case len(b.rows) == 0:
		none = lang.L("You have blocked nobody.")
	case slices.ContainsFunc(b.desk.model.Accounts(), func(a session.Account) bool { return b.desk.blocked[a.JID].Trouble != session.WhyNone }):
		said = lang.L("The server refused the last change.")
	}
	b.said.SetText(said)
	b.said.Hidden = said == ""
	b.none.SetText(none)
	b.none.Hidden = none == ""
	b.about.Hidden = len(b.rows) == 0 && cannot
	b.list.Refresh()
	b.window.Content().Refresh()
}

// unblock lets an address through again.
func (b *blockedList) unblock(r session.Ref) {
	if err := b.desk.engine.Unblock(r); err != nil {
		b.said.SetText(lang.L("Your server cannot unblock {{.Address}}. Nothing has changed.", words{"Address": model.Name(r.Contact)}))
		b.said.Show()
		b.window.Content().Refresh()
	}
}

// A blockedItem is one address.
type blockedItem struct {
	widget.BaseWidget
	list        *blockedList
	ref         session.Ref
	name, about *look.Text
	unblock     *button
}

func newBlockedItem(b *blockedList) *blockedItem {
	i := &blockedItem{list: b, name: look.NewLine("", look.Body).InLanguage(), about: look.NewLine("", look.Hint).InLanguage()}
	i.unblock = newButton(lang.L("Unblock"), func() { b.unblock(i.ref) })
	i.unblock.escape = b.window.Close
	i.ExtendBaseWidget(i)
	return i
}

func (i *blockedItem) set(r session.Ref, several bool) {
	i.ref = r
	i.name.SetText(model.Name(r.Contact))
	i.about.Hidden = !several
	if several {
		i.about.SetText(lang.L("with {{.Account}}", words{"Account": r.Account}))
	}
	access.Describe(i.unblock, model.Name(r.Contact))
	i.Refresh()
}

// CreateRenderer implements fyne.Widget.
func (i *blockedItem) CreateRenderer() fyne.WidgetRenderer {
	words := container.NewVBox(layout.NewSpacer(), container.New(layout.NewCustomPaddedVBoxLayout(-3*look.Step), i.name, i.about), layout.NewSpacer())
	return widget.NewSimpleRenderer(sided(2*look.Step, look.Step, 4*look.Step, look.Step, ranked(nil, container.NewCenter(i.unblock), words)))
}
