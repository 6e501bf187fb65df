package ui

import (
	"fyne.io/fyne/v2/container"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// What one changes of an account at its server.

// ownWords asks for the words beside how one is seen.
func (d *desk) ownWords(a session.Account) {
	said := access.Name(newField(lang.L("back at three")), lang.L("In words"))
	said.SetText(a.Status)
	var s *slip
	confirm := func() {
		d.engine.SetPresence(a.JID, a.Presence, said.Text)
		s.close()
	}
	s = d.openSlip(lang.L("What your contacts read"), container.NewVBox(
		look.NewText(lang.L("Your contacts and every server on the way can read it."), look.Hint), said),
		newButton(lang.L("Cancel"), func() { s.close() }), newMainButton(lang.L("Save"), confirm))
	s.ask(confirm, said)
}

// changePassword asks for another password, twice: what one does not see one mistypes.
func (d *desk) changePassword(a session.Account) {
	once := access.Name(newPasswordField(), lang.L("New password"))
	again := access.Name(newPasswordField(), lang.L("New password again"))
	problem := newTrouble()
	var s *slip
	done := func() {
		once.SetText("")
		again.SetText("")
		s.close()
	}
	confirm := func() {
		switch {
		case once.Text == "":
			problem.say(lang.L("Type the new password."))
			return
		case once.Text != again.Text:
			problem.say(lang.L("The two are not the same."))
			return
		}
		secret := []byte(once.Text)
		defer clear(secret)
		if err := d.engine.ChangePassword(a.JID, secret); err != nil {
			problem.say(taskErrorWords(err))
			return
		}
		done()
	}
	s = d.openSlip(lang.L("Change the password of {{.Account}}", words{"Account": a.JID}), container.NewVBox(
		look.NewText(lang.L("It changes on the server, for every program that signs in with this account."), look.Hint),
		label(lang.L("New password")), once, label(lang.L("New password again")), again, problem),
		newButton(lang.L("Cancel"), done), newMainButton(lang.L("Change"), confirm))
	s.ask(confirm, once, again)
}

// deleteAccount asks before an account ceases to exist. It cannot be done by pressing Enter: the address has to be typed.
func (d *desk) deleteAccount(a session.Account) {
	typed := access.Name(newField(a.JID), lang.L("Address"))
	problem := newTrouble()
	var s *slip
	confirm := func() {
		if typed.Text != a.JID {
			problem.say(lang.L("Type {{.Account}} to go on.", words{"Account": a.JID}))
			return
		}
		if err := d.engine.DeleteAccount(a.JID); err != nil {
			problem.say(taskErrorWords(err))
			return
		}
		s.close()
	}
	s = d.openSlip(lang.L("Delete {{.Account}}?", words{"Account": a.JID}), container.NewVBox(
		look.NewText(lang.L("The server deletes the account, its list of contacts and whatever it keeps. Nobody can take that back, and somebody else may get the address later."), look.Body),
		label(lang.L("Type the address to go on")), typed, problem),
		newButton(lang.L("Delete"), confirm), newMainButton(lang.L("Cancel"), func() { s.close() }))
	s.ask(confirm, typed)
}

func taskErrorWords(err error) string {
	switch {
	case isErr(err, session.ErrNotOnline):
		return lang.L("You are not connected. Nothing has changed.")
	case isErr(err, session.ErrBusy):
		return lang.L("The server is busy with the previous change. Wait a moment.")
	}
	return lang.L("This did not work. Nothing has changed.")
}

// taskNotice says how a change of an account at its server ended, or "" where the person sees it anyway.
func taskNotice(t session.AccountTask) string {
	account := words{"Account": t.JID}
	changing := t.Kind == session.ChangingPassword
	switch {
	case t.Stage == session.TaskDone && changing:
		return lang.L("The password of {{.Account}} is changed.", account)
	case t.Stage == session.TaskDone:
		return lang.L("{{.Account}} is deleted.", account)
	case t.Stage == session.TaskFailed && changing:
		return lang.L("The server did not change the password of {{.Account}}. The old one still works.", account)
	case t.Stage == session.TaskFailed:
		return lang.L("The server did not delete {{.Account}}.", account)
	case t.Stage == session.TaskUnsure && changing:
		return lang.L("The server did not answer: the password of {{.Account}} may be the old one or the new one. If signing in fails, try the other one.", account)
	case t.Stage == session.TaskUnsure:
		return lang.L("The server did not answer: {{.Account}} may be deleted or not.", account)
	}
	return ""
}

// taskChanged shows how it ended until the person has read it.
func (d *desk) taskChanged(t session.AccountTask) {
	said := taskNotice(t)
	if said == "" {
		return
	}
	n := notice{words: said}
	n.actions = []offer{{label: lang.L("OK"), do: func() { d.shell.trouble.show(notice{}) }}}
	if t.Stage != session.TaskDone {
		n.tint, n.ink = look.ColorNotPrivateBg, look.ColorNotPrivate
	}
	d.shell.trouble.show(n)
}
