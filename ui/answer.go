package ui

import (
	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// What is shown of a question: whoever asks must not decide how large the window is.
const (
	shownQuestion = 600
	shownLines    = 8
)

// answer opens the window in which the question of the other side is answered, or brings it forward.
func (d *desk) answer(r session.Ref) {
	a := &answerer{}
	d.openSheet("answer", r, func(s *sheet) { a.sheet = s; a.update() })
}

// An answerer shows what the other side asks and how the answer was taken. Answering tells them who we are; it tells us nothing about
// them, and the window says so.
type answerer struct {
	*sheet
	at      answerPage
	number  int // of the request that is shown: the answer goes to it and to no other
	shown   session.SMPStage
	status  string // the shown result, about both directions
	secret  secretField
	trouble *trouble
	give    *button
}

type answerPage uint8

const (
	answerStart answerPage = iota
	answerNone             // nothing is asked
	answerForm
	answerSent
	answerOver
)

// update shows the page that is right for how things are now.
func (a *answerer) update() {
	run, ok := a.desk.model.SMP(a.ref)
	switch {
	case ok && run.Stage == session.SMPNeedsAnswer:
		if a.at != answerForm || a.number != run.Number {
			a.form(run, a.at == answerForm)
		}
	case a.number == 0 || !ok || run.Number != a.number:
		if a.at == answerStart || a.at == answerForm || a.at == answerSent {
			a.at = answerNone
			a.over(lang.L("Nothing to answer"), lang.L("{{.Name}} is not asking anything any more.", a.name()))
		}
	case run.Stage == session.SMPWaiting:
		if a.at != answerSent {
			a.sent()
		}
	case a.at != answerOver || a.shown != run.Stage || a.status != a.desk.directionWords(a.contact()):
		a.at, a.shown, a.status = answerOver, run.Stage, a.desk.directionWords(a.contact())
		a.result(run)
	}
}

func (a *answerer) name() words { return words{"Name": a.contact().Name} }

// form shows the request; replaced tells that another one was shown a moment ago.
func (a *answerer) form(run session.SMP, replaced bool) {
	a.at, a.number = answerForm, run.Number
	a.secret = newSecretField()
	if run.Asked {
		a.secret = newAnswerField()
	}
	a.secret.folded = func() bool { return run.Folded }
	a.secret.escape = a.close
	a.secret.OnSubmitted = func(string) { a.send() }
	a.secret.OnChanged = func(string) { a.typed() }
	a.trouble = newTrouble()
	a.give = newMainButton(lang.L("Answer"), a.send)
	decline := newButton(lang.L("Decline"), func() { a.desk.engine.CancelSMP(a.ref) })
	body := []fyne.CanvasObject{}
	fieldName := lang.L("Your answer")
	if run.Asked {
		body = append(body, quote(lang.L("Text from the other side, not checked"), chat.Clip(model.Body(run.Question), shownQuestion, shownLines)), gap(0, look.Step))
	} else {
		fieldName = lang.L("Secret")
		body = append(body, look.NewText(lang.L("Type the secret that you agreed on with {{.Name}}. It is never sent; the two programs only find out whether it is the same.", a.name()), look.Body))
	}
	named(a.secret.field, fieldName)
	body = append(body, label(fieldName), a.secret.field, a.secret.about, a.secret.seen, a.secret.show)
	if run.Asked {
		body = append(body, hint(lang.L("Your answer is never sent as it is. It shows {{.Name}} that you are you. It does not show you that this is {{.Name}}.", a.name())))
	}
	if said := promptWords(run); said != "" {
		body = append(body, look.NewText(said, look.Hint))
	}
	body = append(body, a.trouble)
	a.turn(leaf{
		title:   a.heading(run),
		body:    body,
		buttons: []*button{decline, a.give},
		first:   a.secret.field,
	})
	a.wipe = a.secret.forget
	a.typed()
	if replaced {
		a.trouble.say(lang.L("{{.Name}} has asked something else meanwhile. What you had typed was not sent.", a.name()))
		a.fit()
	}
}

func (a *answerer) heading(run session.SMP) string {
	if run.Asked {
		return lang.L("{{.Name}} asks you", a.name())
	}
	return lang.L("A secret you both know")
}

func (a *answerer) typed() {
	shown := a.secret.seen.Visible()
	a.secret.tell()
	if shown != a.secret.seen.Visible() {
		a.fit()
	}
	enable(a.give, a.complete())
}

func (a *answerer) complete() bool { return a.secret.complete() }

// promptWords says that not every question is shown, as soon as it matters.
func promptWords(run session.SMP) string {
	if run.Prompt < 2 {
		return ""
	}
	return lang.L("Question {{.Number}} of {{.Most}} that Sotto shows within an hour. Further ones are refused.", words{"Number": run.Prompt, "Most": session.MaxPrompts})
}

func (a *answerer) send() {
	if !a.complete() {
		return
	}
	secret := []byte(a.secret.Text)
	defer wipe(secret)
	if err := a.desk.engine.Answer(a.ref, a.number, secret); err != nil {
		a.trouble.say(answerErrorWords(err, a.contact()))
		a.fit()
		return
	}
	a.sent()
}

func answerErrorWords(err error, c session.Contact) string {
	switch {
	case isErr(err, session.ErrNoRequest):
		return lang.L("Nothing was sent: {{.Name}} is not waiting for this answer any more.", words{"Name": c.Name})
	case isErr(err, session.ErrNotPrivate):
		return lang.L("Nothing was sent: the private conversation has ended.")
	}
	return lang.L("This did not work. Nothing was sent.")
}

func (a *answerer) sent() {
	a.at = answerSent
	a.turn(leaf{
		title: lang.L("Comparing"),
		body: []fyne.CanvasObject{
			newSteps([3]string{lang.L("asked"), lang.L("you answered"), lang.L("compared")}, trackChecked),
			look.NewText(lang.L("The two programs are comparing. You can keep writing."), look.Body),
		},
		buttons: []*button{newButton(lang.L("Cancel"), func() { a.desk.engine.CancelSMP(a.ref) })},
	})
}

func (a *answerer) result(run session.SMP) {
	switch run.Stage {
	case session.SMPSucceeded:
		a.success(run)
	case session.SMPFailed:
		a.failure(run)
	case session.SMPTimedOut:
		a.over(lang.L("The check was stopped"), lang.L("It took too long. Nothing has changed. {{.Name}} can ask again.", a.name()))
	case session.SMPCancelled:
		a.over(lang.L("You declined"), lang.L("Nothing has changed. {{.Name}} can ask again.", a.name()))
	default:
		a.over(lang.L("The check was stopped"), lang.L("{{.Name}} stopped it, or the private conversation ended. Nothing has changed.", a.name()))
	}
}

// success says which of the two directions is settled now, and offers the other one.
func (a *answerer) success(run session.SMP) {
	steps := newSteps([3]string{lang.L("asked"), lang.L("you answered"), lang.L("compared")}, trackDone)
	done := newMainButton(lang.L("Done"), a.close)
	l := leaf{title: lang.L("Your answer was right"), buttons: []*button{done}, first: done, enter: a.close}
	switch {
	case !run.Asked:
		l.title = lang.L("This is {{.Name}}", a.name())
		l.body = []fyne.CanvasObject{steps, verdict(look.LockTick, lang.L("You and {{.Name}} typed the same secret. You now know that it is really {{.Name}}.", a.name()), "")}
	case a.contact().Verified != session.NotVerified:
		l.body = []fyne.CanvasObject{steps, verdict(look.LockTick, lang.L("{{.Name}} now knows that it is really you.", a.name()),
			a.desk.directionWords(a.contact()))}
	default:
		check := newMainButton(lang.L("Verify {{.Name}}", onButton(a.contact())), func() { a.close(); a.desk.verify(a.ref) })
		l.body = []fyne.CanvasObject{steps, verdict(look.LockQuestion, lang.L("{{.Name}} now knows that it is really you.", a.name()),
			lang.L("You have not verified {{.Name}} yet.", a.name()))}
		l.buttons, l.first, l.enter = []*button{newButton(lang.L("Not now"), a.close), check}, check, nil
	}
	a.turn(l)
}

func (a *answerer) failure(run session.SMP) {
	beneath := lang.L("{{.Name}} can ask again.", a.name())
	if run.Kept {
		beneath = lang.L("Your earlier verification of {{.Name}} still stands.", a.name())
	}
	compare := newButton(lang.L("Compare fingerprints"), func() { a.close(); a.desk.compare(a.ref) })
	done := newMainButton(lang.L("Close"), a.close)
	a.turn(leaf{
		title: lang.L("The answers differ"),
		body: []fyne.CanvasObject{verdict(lockShape(a.contact()),
			lang.L("Often it is a typo. If you are sure about the answer, call {{.Name}} before you write anything private.", a.name()), beneath)},
		buttons: []*button{compare, done},
		first:   done,
		enter:   a.close,
	})
}

func (a *answerer) over(title, said string) {
	done := newMainButton(lang.L("Close"), a.close)
	a.turn(leaf{title: title, body: []fyne.CanvasObject{look.NewText(said, look.Body)}, buttons: []*button{done}, first: done, enter: a.close})
}
