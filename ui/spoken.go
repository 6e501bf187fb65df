package ui

import (
	"slices"

	"fyne.io/fyne/v2/lang"

	"github.com/sotto-im/sotto/session"
)

// mostSpoken is how much of a message is read out, in characters: the rest can be read in the conversation.
const mostSpoken = 300

// speak has what is new read out to those who do not see it: the words where the conversation is open in front of them, and
// otherwise only who wrote.
func (d *desk) speak(r session.Ref) {
	c, _ := d.model.Contact(r)
	name := words{"Name": c.Name}
	switch {
	case c.Wants:
		d.shell.say(lang.L("{{.Name}} wants to be your contact: to write to you and to see when you are online.", words{"Name": r.Contact}))
	case r != d.main.shown || !d.shell.looking:
		d.shell.say(lang.L("New message from {{.Name}}", name))
	default:
		for _, l := range slices.Backward(d.model.Lines(r, d.shell.zone)) {
			if !l.Day.IsZero() {
				continue
			}
			switch {
			case l.Entry.Kind == session.Incoming:
				text := []rune(l.Entry.Text)
				d.shell.say(c.Name + ": " + string(text[:min(len(text), mostSpoken)]))
				return
			case l.Entry.Notice == session.NoticeSMPAsked && l.Entry.Kind == session.NoticeEntry:
				d.shell.say(noticeWords(l.Entry, c))
				return
			}
		}
	}
}
