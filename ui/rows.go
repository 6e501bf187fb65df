package ui

import (
	"time"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/model"
)

// rows makes what the view shows of a conversation.
func (d *desk) rows(r session.Ref) []chat.Row {
	lines := d.model.Lines(r, d.shell.zone)
	c, _ := d.model.Contact(r)
	now := d.shell.now()
	rows := make([]chat.Row, len(lines))
	for i, l := range lines {
		rows[i] = d.row(l, c, now)
	}
	return rows
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
	return row
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

// syncRows brings the view from the old rows to the new ones with as little change as possible.
func syncRows(v *chat.View, old, rows []chat.Row) {
	if len(rows) < len(old) {
		v.SetRows(rows)
		return
	}
	for i := range old {
		if old[i].ID != rows[i].ID {
			v.SetRows(rows)
			return
		}
	}
	for i := range old {
		if !sameRow(old[i], rows[i]) {
			v.Update(rows[i])
		}
	}
	for _, r := range rows[len(old):] {
		v.Append(r)
	}
}

// sameRow compares rows; actions of a row do the same when they are called the same.
func sameRow(a, b chat.Row) bool {
	if len(a.Actions) != len(b.Actions) {
		return false
	}
	for i := range a.Actions {
		if a.Actions[i].Label != b.Actions[i].Label {
			return false
		}
	}
	return a.ID == b.ID && a.Kind == b.Kind && a.Sender == b.Sender && a.Text == b.Text && a.Time == b.Time &&
		a.Lock == b.Lock && a.NoLock == b.NoLock && a.Guard == b.Guard && a.Warning == b.Warning &&
		a.Tick == b.Tick && a.Status == b.Status && a.Joined == b.Joined
}
