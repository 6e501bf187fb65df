package ui

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/model"
	"github.com/sotto-im/sotto/ui/outside"
)

// How much is said outside the windows, as it is kept in store.Preferences.Notify. It can be read on a lock screen, over a shoulder, and in
// what the system keeps of it; so what is private never gets there, whatever was chosen.
const (
	notifyNothing = "none"
	notifyNew     = "" // that something has come
	notifyWho     = "who"
	notifyText    = "text" // and what, where it came unencrypted anyway
)

const (
	quietOne    = 3 * time.Second // between two announcements about one conversation
	quietAll    = 3 * time.Second // after which one more may be made
	mostAtATime = 5
	mostRunes   = 300 // of a message that is shown outside
	mostLines   = 4
)

// announcements are what is said outside the windows about the person's own session.
type announcements struct {
	shell *shell
	last  map[session.Ref]time.Time // by what is announced now, when
	spare int                       // how many may follow at once
	since time.Time                 // when spare was counted
}

func newAnnouncements(s *shell) *announcements {
	return &announcements{shell: s, last: make(map[session.Ref]time.Time), spare: mostAtATime}
}

// arrived announces that something has come from a contact. clear is what it says, if it came unencrypted where that was to be expected.
func (a *announcements) arrived(c session.Contact, clear string) {
	s := a.shell
	level := s.choices.now.Notify
	if c.Quiet || c.Blocked || s.own.inFront(c.Ref) || s.undisturbed(c.Ref.Account) || !a.may(c.Ref) {
		return
	}
	if run, _ := s.own.model.SMP(c.Ref); c.Wants || run.Stage == session.SMPNeedsAnswer && run.Number > 0 {
		s.sound(outside.Asked)
	} else {
		s.sound(outside.Arrived)
	}
	if level == notifyNothing {
		return
	}
	if s.announcer == nil {
		// What shows this may run what it is given: a fixed sentence, whoever has written what.
		s.app.SendNotification(fyne.NewNotification(programName, lang.L("New message")))
		return
	}
	said := outside.Announcement{Key: c.Account + "\x00" + c.Ref.Contact, Title: programName, Words: lang.L("New message"), Open: lang.L("Open"), Locked: lang.L("New message")}
	known := level == notifyWho || level == notifyText
	switch {
	case c.Wants && known:
		said.Words = lang.L("Somebody wants to be your contact")
	case !c.OnRoster: // strangers choose their names themselves
	case level == notifyText && clear != "" && c.Lock == session.NotPrivate && c.Policy != session.Require:
		said.Title, said.Words = c.Name, chat.Clip(clear, mostRunes, mostLines)
	case known:
		said.Words = lang.L("New message from {{.Name}}", words{"Name": c.Name})
	}
	s.announcer.Announce(said)
}

const programName = "Sotto"

// may tells whether now is the time for another announcement. Whoever writes without end is announced now and then.
func (a *announcements) may(r session.Ref) bool {
	now := a.shell.now()
	if last, there := a.last[r]; there && now.Sub(last) < quietOne {
		return false
	}
	if more := int(now.Sub(a.since) / quietAll); more > 0 {
		a.spare, a.since = min(a.spare+more, mostAtATime), now
	}
	if a.spare == 0 {
		return false
	}
	a.spare--
	a.last[r] = now
	return true
}

// seen takes back what was announced about a conversation that has been read or has gone.
func (a *announcements) seen(r session.Ref) {
	if _, there := a.last[r]; !there {
		return
	}
	delete(a.last, r)
	if a.shell.announcer != nil {
		a.shell.announcer.Withdraw(r.Account + "\x00" + r.Contact)
	}
}

// clicked opens the conversation of an announcement.
func (s *shell) clicked(key string) {
	account, contact, _ := strings.Cut(key, "\x00")
	r := session.Ref{Account: account, Contact: contact}
	s.comeForward()
	if s.practice != nil {
		s.leavePractice()
	}
	if _, there := s.own.model.Contact(r); there {
		s.own.closeSettings()
		s.own.main.open(r)
	}
}

// undisturbed tells whether the person wants nothing to be announced: by choice, or because contacts see them as busy.
func (s *shell) undisturbed(account string) bool {
	a, _ := s.own.model.Account(account)
	return s.choices.now.DoNotDisturb || a.Presence == session.PresenceBusy
}

// announce says outside the windows what a batch of events has brought.
func (d *desk) announce(touched, loud map[session.Ref]bool) {
	if d.practising {
		return
	}
	for r := range loud {
		if c, there := d.model.Contact(r); there {
			d.shell.announcements.arrived(c, d.clear[r])
		}
		delete(d.clear, r)
	}
	for r := range touched {
		if c, there := d.model.Contact(r); !there || c.Unread == 0 && !c.Wants {
			d.shell.announcements.seen(r)
		}
	}
}

// hear remembers what came unencrypted until it is announced, and forgets it when something private follows.
func (d *desk) hear(e session.Entry) {
	if e.Kind != session.Incoming {
		return
	}
	delete(d.clear, e.Ref)
	if e.Guard == session.InClear && d.shell.choices.now.Notify == notifyText {
		d.clear[e.Ref] = model.Body(e.Text)
	}
}
