package ui

import (
	"slices"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
)

// mostSpoken is how much of a message is read out, in characters: the rest can be read in the conversation.
const mostSpoken = 300

// mostAtOnce is how many messages that come at the same moment are read out: the last ones.
const mostAtOnce = 3

// tell has a sentence read out, where anybody listens.
func (s *shell) tell(sentence string) {
	if s.say != nil {
		s.say(sentence)
	}
}

// speak has what is new read out to those who do not see it: the words where the conversation is open in front of them, and
// otherwise only who wrote.
func (d *desk) speak(r session.Ref) {
	c, _ := d.model.Contact(r)
	name := words{"Name": c.Name}
	fresh := d.unspoken(r)
	switch {
	case c.Wants:
		d.shell.say(lang.L("{{.Name}} wants to be your contact: to write to you and to see when you are online.", words{"Name": r.Contact}))
	case !d.inFront(r):
		d.shell.say(lang.L("New message from {{.Name}}", name))
	default:
		for _, e := range fresh {
			if e.Kind == session.NoticeEntry {
				d.shell.say(noticeWords(e, c))
				continue
			}
			text := []rune(e.Text)
			d.shell.say(c.Name + ": " + string(text[:min(len(text), mostSpoken)]))
		}
	}
}

// unspoken returns what came since it was last asked for, the last mostAtOnce of it, in the order of the transcript.
func (d *desk) unspoken(r session.Ref) []session.Entry {
	var fresh []session.Entry
	newest := d.spoken[r]
	script := d.model.Script(r, d.shell.zone)
	for i := script.Len() - 1; i >= 0; i-- {
		e, ok := script.Entry(i)
		if !ok || e.Kind == session.Outgoing {
			continue
		}
		if e.ID <= d.spoken[r] || len(fresh) == mostAtOnce {
			break
		}
		if e.Kind == session.Incoming || e.Notice == session.NoticeSMPAsked {
			newest = max(newest, e.ID)
			fresh = append(fresh, *e)
		}
	}
	d.spoken[r] = newest
	slices.Reverse(fresh)
	return fresh
}
