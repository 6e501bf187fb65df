package ui

import (
	"time"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// askAgainAfter is how long one leaves it at one request.
const askAgainAfter = time.Hour

// askedLately tells whether the person has asked a contact to verify them a short while ago.
func (d *desk) askedLately(c session.Contact) bool {
	return !c.RequestedAt.IsZero() && d.shell.present().Sub(c.RequestedAt) < askAgainAfter
}

// present is the time now.
func (s *shell) present() time.Time {
	if s.now == nil {
		return time.Now()
	}
	return s.now()
}

// askToVerify opens the window in which the person asks a contact to verify them, or brings it forward.
func (d *desk) askToVerify(r session.Ref) {
	a := &asking{}
	d.engine.Acquaint(r)
	d.openSheet("ask", r, func(s *sheet) { a.sheet = s; a.update() })
}

// An asking is that window. A Sotto is asked by what only programs read, and shows an offer. With any other program nothing of the kind exists,
// so there is a text that the person reads, changes and sends.
type asking struct {
	*sheet
	at      askingPage
	text    *field
	trouble *trouble
}

type askingPage uint8

const (
	askingStart askingPage = iota
	askingNone             // there is no private conversation
	askingSotto
	askingText
	askingDone
	askingVerified // they have verified us
)

func (a *asking) name() words { return words{"Name": a.contact().Name} }

func (a *asking) update() {
	c := a.contact()
	switch {
	case c.VerifiedUs:
		a.show(askingVerified, func() { a.over(lang.L("{{.Name}} has verified you", a.name()), a.desk.directionWords(c)) })
	case !live(c):
		a.show(askingNone, func() {
			a.over(lang.L("Not private now"), lang.L("There is no private conversation with {{.Name}} at the moment. Checking who somebody is works only inside one.", a.name()))
		})
	case a.desk.askedLately(c):
		a.show(askingDone, func() { a.over(lang.L("You have asked {{.Name}}", a.name()), a.desk.directionWords(c)) })
	case c.Sotto && a.at != askingDone:
		a.show(askingSotto, a.sottoPage)
	case a.at != askingText && a.at != askingDone:
		a.show(askingText, a.textPage)
	}
}

func (a *asking) show(at askingPage, page func()) {
	if a.at != at {
		a.at = at
		page()
	}
}

func (a *asking) over(title, said string) {
	done := newMainButton(lang.L("Close"), a.close)
	a.turn(leaf{title: title, body: []fyne.CanvasObject{look.NewText(said, look.Body)}, buttons: []*button{done}, first: done, enter: a.close})
}

func (a *asking) sottoPage() {
	a.trouble = newTrouble()
	ask := newMainButton(lang.L("Send request"), a.request)
	a.turn(leaf{
		title: lang.L("Ask {{.Name}} to verify you", a.name()),
		body: []fyne.CanvasObject{
			look.NewText(lang.L("{{.Name}} uses Sotto too. It shows your wish and offers the check; it does nothing by itself.", a.name()), look.Body),
			a.trouble,
		},
		buttons: []*button{newButton(lang.L("Not now"), a.close), ask},
		first:   ask,
		enter:   a.request,
	})
}

func (a *asking) request() {
	if err := a.desk.engine.RequestVerification(a.ref); err != nil {
		a.trouble.say(requestErrorWords(err, a.contact()))
		a.fit()
	}
}

// requestErrorWords says why a contact was not asked to verify the person.
func requestErrorWords(err error, c session.Contact) string {
	name := words{"Name": c.Name}
	switch {
	case isErr(err, session.ErrNotPrivate):
		return lang.L("Nothing was sent: the private conversation has ended.")
	case isErr(err, session.ErrTooSoon):
		return lang.L("You have asked {{.Name}} within the last hour. Nothing more was sent.", name)
	}
	return lang.L("This did not work. Nothing was sent.")
}

func (a *asking) textPage() {
	a.text = access.Name(newField(""), lang.L("Message"))
	a.text.MultiLine, a.text.Wrapping = true, fyne.TextWrapWord
	a.text.SetMinRowsVisible(4)
	a.text.SetText(lang.L("I have verified that you are really you. Would you verify me too? Look in the menu of our conversation for “verify” or “authenticate”."))
	a.text.escape = a.close
	a.trouble = newTrouble()
	send := newMainButton(lang.L("Send privately"), a.send)
	a.turn(leaf{
		title: lang.L("Ask {{.Name}} to verify you", a.name()),
		body: []fyne.CanvasObject{
			look.NewText(lang.L("The program of {{.Name}} has no such request, so it is a message. Read it, and change it as you like.", a.name()), look.Body),
			a.text, a.trouble,
		},
		buttons: []*button{newButton(lang.L("Not now"), a.close), send},
		first:   send,
	})
}

// send sends what stands there, privately or not at all.
func (a *asking) send() {
	if _, err := a.desk.engine.Send(a.ref, a.text.Text, session.SendPrivately); err != nil {
		a.trouble.say(sendErrorWords(err, a.contact()))
		a.fit()
		return
	}
	a.at = askingDone
	a.close()
}
