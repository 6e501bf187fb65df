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

// lockMenuWidth is how wide what the lock opens is.
const lockMenuWidth = 320

// openLock shows what the lock means now and what one would do next: first the one thing that raises privacy.
func (t *talkPane) openLock() {
	t.focus() // whoever closes this writes on
	c, _ := t.desk.model.Contact(t.ref)
	var pop *widget.PopUp
	box := container.NewVBox(look.NewText(lockMeaning(c), look.Body))
	for _, s := range []string{t.desk.directionWords(c), devicesMeaning(c), versionWords(c)} {
		if s != "" {
			box.Add(look.NewText(s, look.Hint))
		}
	}
	var buttons []*button
	rest := piled()
	for i, o := range t.desk.lockOffers(c) {
		press := func() {
			pop.Hide()
			o.do()
		}
		b := newQuietButton(o.label, press)
		b.Alignment = atBeginning()
		if i == 0 && c.Lock != session.Private {
			b = newMainButton(o.label, press)
			box.Add(b)
		} else {
			rest.Add(b)
		}
		b.escape = func() { pop.Hide() }
		buttons = append(buttons, b)
	}
	box.Add(rest)
	for i, b := range buttons {
		b.step = func(by int) { t.window.Canvas().Focus(buttons[(i+by+len(buttons))%len(buttons)]) }
	}
	pop = access.Name(widget.NewPopUp(rimmed(container.New(&atLeast{lockMenuWidth}, inset(2*look.Step, look.Step, 2*look.Step, 2*look.Step, box))), t.window.Canvas()),
		lang.L("Lock"))
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(t.lock)
	room := t.window.Canvas().Size().Width - pop.MinSize().Width // beside it
	x := max(min(at.X+t.lock.Size().Width-pop.MinSize().Width, room-2*look.Step), room/2, 0)
	if lang.RightToLeft() {
		x = max(min(max(at.X, 2*look.Step), room/2), 0)
	}
	pop.ShowAtPosition(fyne.NewPos(x, t.underHeader()))
	t.window.Canvas().Focus(buttons[0])
}

// underHeader is where what opens out of the header begins: nothing of it is cut.
func (t *talkPane) underHeader() float32 {
	return fyne.CurrentApp().Driver().AbsolutePositionForObject(t.header).Y + t.header.Size().Height + look.Step/2
}

// directionWords says who has verified whom.
func (d *desk) directionWords(c session.Contact) string {
	name := words{"Name": c.Name}
	if c.Lock != session.Unverified && c.Lock != session.Private {
		return ""
	}
	switch {
	case c.Lock == session.Private && c.VerifiedUs:
		return lang.L("You verified {{.Name}}, and {{.Name}} verified you.", name)
	case c.Lock == session.Private && d.askedLately(c):
		return lang.L("You verified {{.Name}}. {{.Name}} has not verified you yet. You asked at {{.Time}}.",
			words{"Name": c.Name, "Time": clockWords(c.RequestedAt.In(d.shell.zone))})
	case c.Lock == session.Private && c.Sotto:
		return lang.L("You verified {{.Name}}. {{.Name}} has not verified you yet.", name)
	case c.Lock == session.Private:
		return lang.L("You verified {{.Name}}. {{.Name}} has not verified you yet, as far as Sotto was told: the other program does not say whether {{.Name}} compared fingerprints.", name)
	case c.VerifiedUs:
		return lang.L("{{.Name}} has verified you. You have not verified {{.Name}} yet.", name)
	}
	return ""
}

// versionWords tells of the old version of the protocol, where the conversation uses it.
func versionWords(c session.Contact) string {
	if c.Version != 2 {
		return ""
	}
	return lang.L("This conversation uses version 2 of OTR, because the program of {{.Name}} speaks nothing newer.", words{"Name": c.Name})
}

// lockOffers are the things one can do about privacy in the state of the lock.
func (d *desk) lockOffers(c session.Contact) []offer {
	r := c.Ref
	start := func() { d.engine.StartPrivate(r) }
	offers := []offer{}
	switch {
	case c.KeyChange != nil:
		offers = append(offers, offer{label: lang.L("Decide about the new key"), do: func() { d.decideKey(r) }})
	case c.Lock == session.Unverified:
		offers = append(offers, offer{label: lang.L("Verify"), do: func() { d.verify(r) }})
	case c.Lock == session.NotPrivate && c.Starting:
		offers = append(offers, offer{label: lang.L("Invite again"), do: start})
	case c.Lock == session.NotPrivate && c.OnRoster:
		offers = append(offers, offer{label: lang.L("Start private conversation"), do: start})
	case c.Lock == session.FinishedLock && startsAgain(c):
		offers = append(offers, offer{label: lang.L("Start again"), do: func() { d.startAgain(c) }})
	case c.Lock == session.Private:
		offers = append(offers, offer{label: lang.L("Compare fingerprints"), do: func() { d.compare(r) }},
			offer{label: lang.L("Verify once more"), do: func() { d.verify(r) }})
	}
	if c.Lock == session.Private && !c.VerifiedUs {
		offers = append(offers, offer{label: lang.L("Ask {{.Name}} to verify you", words{"Name": c.Name}), do: func() { d.askToVerify(r) }})
	}
	if c.Lock == session.Unverified && c.KeyChange == nil {
		offers = append(offers, offer{label: lang.L("Compare fingerprints"), do: func() { d.compare(r) }})
	}
	offers = append(offers, d.deviceOffers(c)...)
	if c.Lock == session.Unverified || c.Lock == session.Private {
		offers = append(offers, offer{label: lang.L("Change to fresh keys"), do: start},
			offer{label: lang.L("End the private conversation"), do: func() { d.engine.EndPrivate(r) }})
	}
	if c.AllowV2 {
		offers = append(offers, offer{label: lang.L("Do not allow OTR 2 any more"), do: func() { d.engine.AllowV2(r, false) }})
	}
	if c.HasOTR || len(c.Findings) > 0 {
		offers = append(offers, offer{label: lang.L("What the other program can do…"), do: func() { d.program(r) }})
	}
	return append(offers, offer{label: lang.L("How messages are protected…"), do: func() { d.choosePolicy(r) }})
}

// openMore offers what has nothing to do with privacy.
func (t *talkPane) openMore() {
	t.focus()
	c, _ := t.desk.model.Contact(t.ref)
	menu := fyne.NewMenu("",
		menuItem(lang.L("Search in this conversation"), t.search.open),
		menuItem(lang.L("Go to a day"), t.chooseDay),
		t.apartItem(),
		fyne.NewMenuItemSeparator(),
		menuItem(lang.L("Settings for this contact…"), func() { t.desk.contactSheet(c.Ref) }),
		menuItem(lang.L("What could someone prove…"), func() { t.desk.deniable(c.Ref) }),
		menuItem(lang.L("Keys…"), func() { t.desk.keyStory(c.Ref) }),
		fyne.NewMenuItemSeparator())
	if c.OnRoster {
		menu.Items = append(menu.Items,
			menuItem(lang.L("Rename…"), func() { t.desk.rename(c) }),
			menuItem(lang.L("Groups…"), func() { t.desk.chooseGroups(c) }))
	} else {
		menu.Items = append(menu.Items, menuItem(lang.L("Add contact…"), func() { t.desk.addContact(c.Ref.Contact) }))
	}
	block := menuItem(lang.L("Block…"), func() { t.desk.block(c) })
	if c.Blocked {
		block = menuItem(lang.L("Unblock"), func() { t.desk.unblock(c) })
	}
	menu.Items = append(menu.Items, fyne.NewMenuItemSeparator(), block, menuItem(lang.L("Remove…"), func() { t.desk.remove(c) }))
	pop := widget.NewPopUpMenu(menu, t.window.Canvas())
	right := fyne.CurrentApp().Driver().AbsolutePositionForObject(t.more).X + t.more.Size().Width - look.Step
	x := max(right-pop.MinSize().Width, 0)
	if lang.RightToLeft() {
		x = right - t.more.Size().Width + 2*look.Step
	}
	pop.ShowAtPosition(fyne.NewPos(x, t.underHeader()))
}
