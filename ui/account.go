package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// An accountBar stands at the foot of the list: who one is, how one is connected, and what one can do about it.
type accountBar struct {
	pressable
	desk  *desk
	mark  *look.Mark
	jid   *look.Text
	state *look.Text
}

func newAccountBar(d *desk) *accountBar {
	b := &accountBar{desk: d,
		mark:  look.NewMark(look.PresenceOffline.Icon(), look.PresenceSize, ""),
		jid:   look.NewLine("", look.Body).InLanguage(),
		state: look.NewLine("", look.Hint).InLanguage(),
	}
	b.role, b.name, b.tapped = access.MenuButton, lang.L("Account"), b.openMenu
	b.pressable.words = func() string { return b.jid.Words() + ", " + b.state.Words() }
	chevron := container.NewCenter(look.NewMark(look.IconChevron, float32(look.LockSmall), ""))
	b.inside = sided(4*look.Step, look.Step, 3*look.Step, look.Step,
		ranked(container.NewCenter(b.mark), chevron, container.New(&headerWords{}, b.jid, b.state)))
	b.ExtendBaseWidget(b)
	return b
}

// refresh shows the account that most needs to be seen.
func (b *accountBar) refresh() {
	a, ok := b.foremost()
	if !ok {
		b.jid.SetText(lang.L("No account"))
		b.state.SetText("")
		b.mark.Set(look.PresenceOffline.Icon(), "")
		return
	}
	b.jid.SetText(a.JID)
	b.state.SetText(stateWord(a))
	b.mark.Set(accountMark(a).Icon(), "")
}

func (b *accountBar) foremost() (session.Account, bool) {
	accounts := b.desk.model.Accounts()
	for _, a := range accounts {
		if a.Problem != session.NoProblem {
			return a, true
		}
	}
	if len(accounts) == 0 {
		return session.Account{}, false
	}
	return accounts[0], true
}

func accountMark(a session.Account) look.Presence {
	switch a.State {
	case session.Online:
		return look.PresenceOnline
	case session.Connecting, session.Waiting:
		return look.PresenceAway
	case session.Stopped:
		return look.PresenceBusy
	}
	return look.PresenceOffline
}

func (b *accountBar) openMenu() {
	menu := fyne.NewMenu("")
	accounts := b.desk.model.Accounts()
	for _, a := range accounts {
		items := b.desk.accountItems(a)
		if len(accounts) == 1 {
			menu.Items = append(menu.Items, items...)
			continue
		}
		item := menuItem(a.JID, nil)
		item.ChildMenu = fyne.NewMenu("", items...)
		menu.Items = append(menu.Items, item)
	}
	if len(menu.Items) > 0 {
		menu.Items = append(menu.Items, fyne.NewMenuItemSeparator())
	}
	menu.Items = append(menu.Items, b.desk.commonItems()...)
	pop := widget.NewPopUpMenu(menu, b.desk.window.Canvas())
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(b)
	pop.ShowAtPosition(fyne.NewPos(at.X+look.Step, max(at.Y-pop.MinSize().Height, 0)))
}

// accountItems are what one can do with one account.
func (d *desk) accountItems(a session.Account) []*fyne.MenuItem {
	jid := a.JID
	items := []*fyne.MenuItem{}
	switch a.State {
	case session.Online, session.Connecting:
		items = append(items, menuItem(lang.L("Disconnect"), func() { d.engine.Disconnect(jid) }))
	default:
		items = append(items, menuItem(lang.L("Connect"), func() { d.engine.Connect(jid) }))
	}
	if a.State == session.Online {
		show := menuItem(lang.L("Show yourself as"), nil)
		show.ChildMenu = d.presenceMenu(a)
		items = append(items, show)
	}
	items = append(items, menuItem(lang.L("How messages are protected…"), func() { d.chooseAccountPolicy(a) }))
	if !d.practising {
		items = append(items, menuItem(lang.L("Connection…"), func() { d.connection(jid) }))
	}
	items = append(items, menuItem(lang.L("Your fingerprint…"), func() { d.ownKey(jid) }))
	if d.practising {
		return items
	}
	if a.State == session.Online {
		atServer := menuItem(lang.L("Account on the server"), nil)
		atServer.ChildMenu = fyne.NewMenu("",
			menuItem(lang.L("Change password…"), func() { d.changePassword(a) }),
			menuItem(lang.L("Delete account…"), func() { d.deleteAccount(a) }))
		items = append(items, atServer)
	}
	return append(items, menuItem(lang.L("Sign out for good…"), func() { d.removeAccount(a) }))
}

// presences are how one can be seen, in the order in which they are offered.
var presences = []session.Presence{session.PresenceOnline, session.PresenceChatty, session.PresenceAway, session.PresenceLongAway,
	session.PresenceBusy, session.PresenceInvisible}

// presenceMenu chooses how contacts see the account.
func (d *desk) presenceMenu(a session.Account) *fyne.Menu {
	menu := fyne.NewMenu("")
	for _, p := range presences {
		item := menuItem(presenceWord(p), func() { d.engine.SetPresence(a.JID, p, a.Status) })
		item.Checked = p == a.Presence
		menu.Items = append(menu.Items, item)
	}
	menu.Items = append(menu.Items, fyne.NewMenuItemSeparator(), menuItem(lang.L("In words…"), func() { d.ownWords(a) }))
	return menu
}

// commonItems are what one can do whatever accounts there are.
func (d *desk) commonItems() []*fyne.MenuItem {
	if d.practising {
		return []*fyne.MenuItem{menuItem(lang.L("Keys…"), d.keys), menuItem(lang.L("Leave practice"), d.shell.leavePractice)}
	}
	return []*fyne.MenuItem{
		menuItem(lang.L("Sign in with another account…"), func() { d.openSignIn("") }),
		menuItem(lang.L("Create an account…"), d.openSignUp),
		menuItem(lang.L("Keys…"), d.keys),
		menuItem(lang.L("Blocked addresses…"), d.blockedList),
		menuItem(lang.L("Practise"), d.shell.practise),
		fyne.NewMenuItemSeparator(),
		menuItem(lang.L("Settings"), d.openSettings),
	}
}

// removeAccount asks before an account is forgotten here.
func (d *desk) removeAccount(a session.Account) {
	about := lang.L("This computer forgets {{.Account}}: its password, its key, and whom you have verified with it. The account itself stays on the server. If you sign in again, you have a new key.", words{"Account": a.JID})
	d.confirm(lang.L("Sign out for good?"), about, lang.L("Sign out"), func() { d.engine.RemoveAccount(a.JID) })
}
