package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// addContact asks whom to add.
func (d *desk) addContact(address string) { d.addContactAs(address, "", d.main.open) }

// addContactBy asks whether to add whom a link names, and follows the link then.
func (d *desk) addContactBy(l session.Link) {
	d.addContactAs(l.Address.String(), l.Name, func(r session.Ref) { d.arrive(r, l) })
}

func (d *desk) addContactAs(address, called string, then func(session.Ref)) {
	accounts := d.model.Accounts()
	if len(accounts) == 0 {
		return
	}
	to := access.Name(newField(lang.L("bob@example.org")), lang.L("Address"))
	to.SetText(address)
	name := access.Name(newField(lang.L("as you call them")), lang.L("Name"))
	name.SetText(called)
	problem := newTrouble()
	from := newPicker(jids(accounts))
	from.SetSelectedIndex(0)
	body := container.NewVBox(
		look.NewText(lang.L("They will be asked whether they want to be your contact."), look.Hint),
		label(lang.L("Address")), to, label(lang.L("Name")), name)
	if len(accounts) > 1 {
		body.Add(label(lang.L("With your account")))
		body.Add(framed(access.Name(from, lang.L("With your account"))))
	}
	body.Add(problem)
	var s *slip
	confirm := func() {
		r, err := d.engine.AddContact(from.Selected, to.Text, name.Text)
		if err != nil {
			problem.say(addressWords(err))
			s.window.Canvas().Focus(to)
			return
		}
		s.close()
		then(r)
	}
	s = d.openSlip(lang.L("Add contact"), body, newButton(lang.L("Cancel"), func() { s.close() }), newMainButton(lang.L("Add"), confirm))
	s.ask(confirm, to, name)
	to.OnSubmitted = func(string) { confirm() } // a name is not needed
}

func jids(accounts []session.Account) []string {
	names := make([]string, len(accounts))
	for i, a := range accounts {
		names[i] = a.JID
	}
	return names
}

// rename asks for the person's own name for a contact.
func (d *desk) rename(c session.Contact) {
	name := access.Name(newField(""), lang.L("Name"))
	name.SetText(c.Name)
	var s *slip
	confirm := func() {
		d.engine.Rename(c.Ref, name.Text)
		s.close()
	}
	s = d.openSlip(lang.L("Rename {{.Name}}", words{"Name": c.Name}),
		container.NewVBox(look.NewText(c.Ref.Contact, look.Hint).InLanguage(), label(lang.L("Name")), name),
		newButton(lang.L("Cancel"), func() { s.close() }), newMainButton(lang.L("Rename"), confirm))
	s.ask(confirm, name)
}

// remove asks before a contact is taken from the list.
func (d *desk) remove(c session.Contact) {
	about := lang.L("{{.Name}} disappears from your list and cannot see any more when you are online. This conversation is forgotten; what Sotto knows about the keys of {{.Name}} is forgotten too.", words{"Name": c.Name})
	d.confirm(lang.L("Remove {{.Name}}?", words{"Name": c.Name}), about, lang.L("Remove"), func() { d.engine.RemoveContact(c.Ref) })
}

// confirmUnencrypted asks before a contact whose program does not answer is written to in clear.
func (d *desk) confirmUnencrypted(c session.Contact) {
	about := lang.L("Servers on the way can read what you write to {{.Name}} from now on. This applies to {{.Name}} only, and you can change it under the lock. Texts that wait now stay here until you send or discard them.", words{"Name": c.Name})
	d.confirm(lang.L("Write to {{.Name}} unencrypted?", words{"Name": c.Name}), about, lang.L("Write unencrypted"),
		func() { d.engine.ContinueUnencrypted(c.Ref) })
}

// confirm asks a question whose safe answer has the keyboard.
func (d *desk) confirm(title, about, yes string, do func()) {
	var s *slip
	cancel := newMainButton(lang.L("Cancel"), func() { s.close() })
	s = d.openSlip(title, look.NewText(about, look.Body), newButton(yes, func() {
		s.close()
		do()
	}), cancel)
	s.window.Canvas().Focus(cancel)
}

// choosePolicy explains and sets how messages to a contact are protected.
func (d *desk) choosePolicy(r session.Ref) {
	c, _ := d.model.Contact(r)
	a, _ := d.model.Account(r.Account)
	own := lang.L("As for everybody: {{.Policy}}", words{"Policy": policyWord(a.Policy)})
	values := append([]session.Policy{session.PolicyDefault}, policies...)
	labels := []string{own}
	for _, p := range policies {
		labels = append(labels, policyWord(p))
	}
	now := session.PolicyDefault
	if c.OwnPolicy {
		now = c.Policy
	}
	d.policySheet(lang.L("Messages to {{.Name}}", words{"Name": c.Name}), labels, values, now, a.Policy,
		func(p session.Policy) { d.engine.SetPolicy(r, p) })
}

// chooseAccountPolicy sets how messages are protected where nothing else was chosen for a contact.
func (d *desk) chooseAccountPolicy(a session.Account) {
	labels := make([]string, len(policies))
	for i, p := range policies {
		labels[i] = policyWord(p)
	}
	d.policySheet(lang.L("Messages to everybody"), labels, policies, a.Policy, a.Policy,
		func(p session.Policy) { d.engine.SetAccountPolicy(a.JID, p) })
}

func (d *desk) policySheet(title string, labels []string, values []session.Policy, now, byDefault session.Policy, set func(session.Policy)) {
	meaning := look.NewText("", look.Hint)
	chosen := now
	group := newOptions(func(i int) {
		chosen = values[i]
		shown := chosen
		if shown == session.PolicyDefault {
			shown = byDefault
		}
		meaning.SetText(policyMeaning(shown))
	})
	rows := container.NewVBox()
	for _, l := range labels {
		rows.Add(group.add(l, ""))
	}
	var s *slip
	group.escape = func() { s.close() }
	group.enter = func() {
		s.close()
		if chosen != now {
			set(chosen)
		}
	}
	group.choose(slices.Index(values, now))
	s = d.openSlip(title, container.NewVBox(rows, unlined(container.New(tall{72}, meaning))),
		newButton(lang.L("Cancel"), group.escape), newMainButton(lang.L("Save"), group.enter))
	s.window.Canvas().Focus(group.all[max(group.chosen, 0)])
}

// tall keeps room for a text that changes, so that nothing around it moves.
type tall struct{ height float32 }

// Layout implements fyne.Layout.
func (tall) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	new(atLeast).Layout(objects, size)
}

// MinSize implements fyne.Layout.
func (l tall) MinSize(objects []fyne.CanvasObject) fyne.Size {
	size := fyne.NewSize(0, l.height)
	for _, o := range objects {
		size = size.Max(o.MinSize())
	}
	return size
}
