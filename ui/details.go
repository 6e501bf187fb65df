package ui

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2/container"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// details shows how one message was protected, and for which key: what was true when it was sent or received, and stays so.
func (t *talkPane) details(e session.Entry) {
	c, _ := t.desk.model.Contact(t.ref)
	when := lang.L("{{.Day}}, {{.Time}}", words{"Day": dateWords(e.Time.In(t.desk.shell.zone)), "Time": clockWords(e.Time.In(t.desk.shell.zone))})
	if said := statusWords(e, c); said != "" && e.Kind == session.Outgoing {
		when += " · " + said
	}
	body := container.New(flow{}, verdict(guardShape(e.Guard), protectedWords(e, c.Name), ""), look.NewText(when, look.Hint))
	var s *slip
	leave := newMainButton(lang.L("Close"), func() { s.close(); t.focus() })
	buttons := []*button{leave}
	if e.Key != nil {
		body.Add(label(lang.L("The key of {{.Name}} at that time", words{"Name": c.Name})))
		body.Add(unlined(wholeFingerprint(*e.Key)))
		body.Add(look.NewText(sinceWords(c, *e.Key), look.Hint))
		buttons = slices.Insert(buttons, 0, newButton(lang.L("The story of the keys"), func() { s.close(); t.desk.keyStory(t.ref) }))
	}
	s = t.desk.openSlip(lang.L("How this message was protected"), body, buttons...)
	t.window.Canvas().Focus(leave)
}

// protectedWords says in a sentence how a message was protected, or will be.
func protectedWords(e session.Entry, name string) string {
	who := words{"Name": name}
	waits, ours := e.Status == session.StatusWaiting || e.Status == session.StatusDiscarded, e.Kind == session.Outgoing
	switch {
	case e.Status == session.StatusDiscarded:
		return lang.L("It was never sent.")
	case waits && e.Guard == session.InClear:
		return lang.L("It has not left this computer. It will be sent without encryption: servers on the way can read it.")
	case waits:
		return lang.L("It has not left this computer. It will be sent privately.")
	case e.Guard == session.EncryptedVerified && ours:
		return lang.L("Sent privately. You had verified {{.Name}}.", who)
	case e.Guard == session.EncryptedUnverified && ours:
		return lang.L("Sent privately. Nobody had checked that it was really {{.Name}}.", who)
	case ours:
		return lang.L("Sent without encryption: servers on the way could read it.")
	case e.Guard == session.EncryptedVerified:
		return lang.L("Received privately. You had verified {{.Name}}.", who)
	case e.Guard == session.EncryptedUnverified:
		return lang.L("Received privately. Nobody had checked that it was really {{.Name}}.", who)
	}
	return lang.L("Received without encryption: servers on the way could read it, and anybody there could have written it.")
}

// sinceWords says what is known today of the key that a message was protected with.
func sinceWords(c session.Contact, fp otr.Fingerprint) string {
	i := slices.IndexFunc(c.Keys, func(k session.Key) bool { return k.Fingerprint == fp })
	if i < 0 {
		return lang.L("Sotto does not know this key any more.")
	}
	said := keySince(c.Keys[i])
	if c.Keys[i].Verified == session.NotVerified {
		said = slices.Insert(said, 0, lang.L("Not verified"))
	}
	return lang.L("Today: {{.Facts}}.", words{"Facts": strings.Join(said, ". ")})
}
