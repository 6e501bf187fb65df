package ui

import (
	"strings"
	"time"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/model"
)

// newID is the row above what is new. No line has it: days have the highest bit, and entries are counted from 1.
const newID = 1 << 62

// A talkRows is a conversation as the view asks for it: the lines of the model, and among them the one above what is new.
type talkRows struct {
	desk    *desk
	script  model.Script
	contact session.Contact
	fresh   session.EntryID // the first message that is new; 0: there is none
	at      int             // the row above it, or -1
	resets  int             // of script, when it was last looked at
}

func (d *desk) newRows(r session.Ref) *talkRows {
	t := &talkRows{desk: d, at: -1}
	t.contact, _ = d.model.Contact(r)
	t.script = d.model.Script(r, d.shell.zone)
	t.resets = t.script.Resets()
	return t
}

// sync looks at the conversation anew, and tells whether something else than its end has changed.
func (t *talkRows) sync() (replaced bool) {
	r := t.contact.Ref
	t.contact, _ = t.desk.model.Contact(r)
	t.script = t.desk.model.Script(r, t.desk.shell.zone)
	replaced = t.script.Resets() != t.resets
	t.resets = t.script.Resets()
	return t.mark(t.fresh) || replaced
}

// mark puts the line above the first message that is new, and tells whether it was elsewhere before.
func (t *talkRows) mark(fresh session.EntryID) (moved bool) {
	at := -1
	if fresh != 0 {
		at = t.script.Find(uint64(fresh))
	}
	moved = at != t.at
	t.fresh, t.at = fresh, at
	return moved
}

// unread finds the first of the messages of the other side that were not read.
func (t *talkRows) unread() session.EntryID {
	first, left := session.EntryID(0), t.contact.Unread
	for i := t.script.Len() - 1; i >= 0 && left > 0; i-- {
		if e, ok := t.script.Entry(i); ok && e.Kind == session.Incoming {
			first = e.ID
			left--
		}
	}
	return first
}

// line is that of row i: -1 is the line above what is new.
func (t *talkRows) line(i int) int {
	switch {
	case t.at < 0 || i < t.at:
		return i
	case i == t.at:
		return -1
	}
	return i - 1
}

// Len implements chat.Source.
func (t *talkRows) Len() int {
	if t.at < 0 {
		return t.script.Len()
	}
	return t.script.Len() + 1
}

// ID implements chat.Source.
func (t *talkRows) ID(i int) uint64 {
	if i = t.line(i); i < 0 {
		return newID
	}
	return t.script.ID(i)
}

// Find implements chat.Source.
func (t *talkRows) Find(id uint64) int {
	if id == newID {
		return t.at
	}
	i := t.script.Find(id)
	if t.at >= 0 && i >= t.at {
		i++
	}
	return i
}

// Outline implements chat.Source.
func (t *talkRows) Outline(i int) (chat.Kind, string) {
	if i = t.line(i); i < 0 {
		return chat.New, ""
	}
	e, ok := t.script.Entry(i)
	switch {
	case !ok:
		return chat.Day, ""
	case e.Kind == session.Incoming:
		return chat.Theirs, e.Text
	case e.Kind == session.Outgoing:
		return chat.Ours, e.Text
	}
	return chat.Notice, ""
}

// Row implements chat.Source.
func (t *talkRows) Row(i int) chat.Row {
	if i = t.line(i); i < 0 {
		return chat.Row{ID: newID, Kind: chat.New, Text: lang.L("New messages")}
	}
	return t.desk.row(t.script.Line(i), t.contact, t.desk.shell.now())
}

func (d *desk) row(l model.Line, c session.Contact, now time.Time) chat.Row {
	if !l.Day.IsZero() {
		return chat.Row{ID: l.ID, Kind: chat.Day, Text: dayWords(l.Day, now)}
	}
	e := l.Entry
	row := chat.Row{ID: l.ID, Text: e.Text, Time: clockWords(e.Time.In(d.shell.zone)), Joined: l.Joined}
	switch e.Kind {
	case session.NoticeEntry:
		shape, has := noticeShape(e.Notice)
		row.Kind, row.Text = chat.Notice, noticeWords(e, c)
		row.Lock, row.NoLock = shape, !has
		row.Actions = d.noticeActions(e, c)
		return row
	case session.Incoming:
		row.Kind, row.Sender = chat.Theirs, c.Name
		if e.Guard == session.InClearUnexpected {
			row.Warning = lang.L("Not encrypted, may be forged")
		}
	case session.Outgoing:
		row.Kind, row.Sender = chat.Ours, lang.L("You")
		row.Tick, row.Status = tick(e.Status), d.statusWords(e, c)
		row.Actions = d.messageActions(e)
	}
	row.Lock, row.Guard = guardShape(e.Guard), guardWords(e, c.Name)
	if e.Key != nil {
		row.Key = lang.L("key {{.Key}}", words{"Key": shortKey(*e.Key)})
	}
	row.Text, row.Deed = d.deed(e, c)
	row.Links = chatLinks(e.Text)
	return row
}

// deed says what somebody does where a message begins with /me (XEP-0245), and otherwise what they say.
func (d *desk) deed(e session.Entry, c session.Contact) (text string, is bool) {
	what, is := model.Deed(e.Text)
	switch {
	case !is:
		return e.Text, false
	case e.Kind == session.Outgoing:
		return "* " + ownName(e.Account) + " " + what, true
	}
	return "* " + c.Name + " " + what, true
}

// ownName is what the person is called who has an account.
func ownName(account string) string {
	own, _, _ := strings.Cut(account, "@")
	return model.Name(own)
}

// mostLinks is how many addresses of one message get a button.
const mostLinks = 5

func chatLinks(text string) []chat.Link {
	var links []chat.Link
	for _, l := range model.Links(text, mostLinks) {
		links = append(links, chat.Link{Shown: lang.L("Open {{.Address}}", words{"Address": l.Shown}), Address: l.Address})
	}
	return links
}

// statusWords says what became of a message of ours. Without a connection it is that for which it waits.
func (d *desk) statusWords(e session.Entry, c session.Contact) string {
	if a, _ := d.model.Account(e.Account); e.Status == session.StatusWaiting && a.State != session.Online {
		return lang.L("Waits until you are connected")
	}
	return statusWords(e, c)
}

// messageActions are what one can do about a message of ours that has not arrived for certain.
func (d *desk) messageActions(e session.Entry) []chat.Action {
	retry := func() { d.engine.Retry(e.Ref, e.ID) }
	discard := chat.Action{Label: lang.L("Discard"), Do: func() { d.engine.Discard(e.Ref, e.ID) }}
	switch e.Status {
	case session.StatusWaiting:
		return []chat.Action{discard}
	case session.StatusUnconfirmed:
		return []chat.Action{{Label: lang.L("Send again"), Do: retry}}
	case session.StatusFailed:
		return []chat.Action{{Label: lang.L("Try again"), Do: retry}, discard}
	}
	return nil
}

// noticeActions is the one thing that a system line offers, as long as there is something to do.
func (d *desk) noticeActions(e session.Entry, c session.Contact) []chat.Action {
	r := e.Ref
	one := func(label string, do func()) []chat.Action { return []chat.Action{{Label: label, Do: do}} }
	verify := func() []chat.Action { return one(lang.L("Verify"), func() { d.verify(r) }) }
	unverified := c.Lock == session.Unverified && c.Verified == session.NotVerified
	switch e.Notice {
	case session.NoticePrivate, session.NoticePrivateFirst, session.NoticePrivateOther, session.NoticeKeyAccepted, session.NoticeVerifiedUs,
		session.NoticeUnverified, session.NoticeTheyWantVerified:
		if unverified {
			return verify()
		}
	case session.NoticeVerifiedThem:
		if c.Lock == session.Private && !c.VerifiedUs && !d.askedLately(c) {
			return one(lang.L("Ask {{.Name}} to verify you", words{"Name": c.Name}), func() { d.askToVerify(r) })
		}
	case session.NoticeSMPFailed, session.NoticeSMPTimedOut:
		if c.Lock == session.Unverified || c.Lock == session.Private {
			return one(lang.L("Try again"), func() { d.verify(r) })
		}
	case session.NoticeKeyChanged:
		if c.KeyChange != nil {
			return one(lang.L("Decide"), func() { d.decideKey(r) })
		}
	case session.NoticeWeEnded, session.NoticePeerEnded:
		return one(lang.L("What could someone prove?"), func() { d.deniable(r) })
	case session.NoticeInterrupted:
		if c.Lock == session.NotPrivate && !c.Starting {
			return one(lang.L("Try again"), func() { d.engine.StartPrivate(r) })
		}
	case session.NoticeSMPAsked:
		run, ok := d.model.SMP(r)
		if ok && run.Stage == session.SMPNeedsAnswer && run.Question == e.Question {
			return one(lang.L("Answer"), func() { d.answer(r) })
		}
	}
	return nil
}
