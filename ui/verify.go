package ui

import (
	"cmp"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// The most that is taken for a question and for an answer, in bytes. Both fit into one message together.
const (
	maxQuestion = 1000
	maxSecret   = 1000
)

// verify opens the wizard that finds out whether a contact is who they say, or brings it forward.
func (d *desk) verify(r session.Ref) {
	w := &wizard{}
	d.engine.Acquaint(r)
	d.openSheet("verify", r, func(s *sheet) { w.sheet = s; w.update() })
}

// A wizard asks the other side for proof in three short pages: how, what, and how it ended. It only shows what the session says; what
// is true about a key is decided there.
type wizard struct {
	*sheet
	at     wizardPage
	how    int // chosen on the first page
	key    otr.Fingerprint
	before int // number of the last run before ours
	number int // of our run
	shown  session.SMPStage
	status string     // the shown result, about both directions
	until  *look.Text // how long we wait

	question    *field
	secret      secretField
	weak        *look.Text // why the answer is a poor one
	trouble     *trouble
	next        *button
	fold        *groupBox
	typedBefore string // the question, kept for another try
}

type wizardPage uint8

const (
	atStart   wizardPage = iota // nothing shown yet
	atClosed                    // there is no private conversation to verify
	atChanged                   // the key is not the one the page was opened for, or undecided
	atTheirs                    // they ask us at this moment
	atHow
	atQuestion
	atSecret
	atWaiting
	atResult
)

// The ways to verify, in the order in which they are offered.
const (
	byQuestion = iota
	bySecret
	byComparison
)

// update shows the page that is right for how things are now.
func (w *wizard) update() {
	c := w.contact()
	run, ok := w.desk.model.SMP(w.ref)
	if w.at == atWaiting || w.at == atResult {
		w.follow(run, ok)
		return
	}
	switch {
	case c.KeyChange != nil:
		w.show(atChanged, w.changedPage)
	case !live(c):
		w.show(atClosed, w.closedPage)
	case ok && run.Stage == session.SMPWaiting && run.Ours:
		w.key, w.number = run.Key, run.Number
		w.waiting(run)
	case ok && run.Stage == session.SMPNeedsAnswer:
		w.show(atTheirs, w.theirsPage)
	case w.at == atHow && *c.Key == w.key:
	case (w.at == atQuestion || w.at == atSecret) && *c.Key == w.key:
		w.offerFold()
	case w.at == atQuestion || w.at == atSecret:
		w.show(atChanged, w.changedPage)
	case w.at == atChanged && *c.Key != w.key:
		// The person goes on by the button, knowing that it is another key.
	default:
		w.key = *c.Key
		w.show(atHow, w.howPage)
	}
}

// live tells whether there is a private conversation with a key to verify.
func live(c session.Contact) bool {
	return c.Key != nil && (c.Lock == session.Unverified || c.Lock == session.Private)
}

func (w *wizard) show(at wizardPage, page func()) {
	if w.at != at {
		w.at = at
		page()
	}
}

func (w *wizard) name() words { return words{"Name": w.contact().Name} }

// again begins anew with the key that is in use now.
func (w *wizard) again() {
	w.at = atStart
	run, _ := w.desk.model.SMP(w.ref)
	w.before = run.Number
	w.update()
}

// retry begins anew with what was chosen and asked before: only the answer is typed again.
func (w *wizard) retry() {
	w.again()
	if w.at == atHow && w.how != byComparison {
		w.chosen()
	}
}

func (w *wizard) howPage() {
	var about []fyne.CanvasObject
	switch c := w.contact(); {
	case c.Verified != session.NotVerified:
		about = []fyne.CanvasObject{look.NewText(lang.L("You have verified {{.Name}} already. You can do it again.", w.name()), look.Body), gap(0, look.Step)}
	case !offered(c): // else the band of the conversation has just said so
		about = []fyne.CanvasObject{look.NewText(lang.L("Your conversation is private, but a stranger could have stepped in before it began. One small check settles it."), look.Body), gap(0, look.Step)}
	}
	next := newMainButton(lang.L("Next"), w.chosen)
	group := newOptions(func(i int) { w.how = i })
	group.enter, group.escape = w.chosen, w.close
	group.add(lang.L("Ask {{.Name}} something only you two know", w.name()), lang.L("Recommended. It takes a minute, here in this window."))
	group.add(lang.L("Use a secret you both already know"), lang.L("You both type it. It is never sent."))
	group.add(lang.L("Compare fingerprints"), lang.L("By phone or in person: you read letters and digits to each other."))
	group.choose(w.how)
	w.turn(leaf{
		title:   lang.L("Is this really {{.Name}}?", w.name()),
		step:    stepWords(1),
		body:    append(about, group.all[byQuestion], gap(0, look.Step), group.all[bySecret], gap(0, look.Step), group.all[byComparison]),
		buttons: []*button{newButton(lang.L("Not now"), w.close), next},
		first:   group.all[max(0, group.chosen)],
		enter:   w.chosen,
	})
}

func stepWords(n int) string { return lang.L("{{.Step}} of 3", words{"Step": n}) }

func (w *wizard) chosen() {
	switch w.how {
	case bySecret:
		w.show(atSecret, w.secretPage)
	case byComparison:
		w.close()
		w.desk.compare(w.ref)
	default:
		w.show(atQuestion, w.questionPage)
	}
}

func (w *wizard) questionPage() {
	w.question = newField(lang.L("What did we eat when the power failed?"))
	w.question.SetText(w.typedBefore)
	w.secretEntry(newAnswerField(), lang.L("The right answer"))
	w.fold = foldBox(w.close, w.typed)
	w.fold.Hidden, w.fold.Checked = !w.contact().Sotto, w.contact().Sotto
	w.secret.folded = w.folds
	w.question.escape = w.close
	w.question.OnSubmitted = func(string) { w.window.Canvas().Focus(w.secret.field) }
	w.question.OnChanged = func(string) { w.typed() }
	w.next = newMainButton(lang.L("Ask {{.Name}}", onButton(w.contact())), w.send)
	named(w.question, lang.L("Question"))
	w.turn(leaf{
		title: lang.L("Ask {{.Name}}", w.name()),
		step:  stepWords(2),
		body: []fyne.CanvasObject{
			label(lang.L("Question")), w.question, gap(0, look.Step),
			label(lang.L("The right answer")), w.secret.field, w.secret.about, w.secret.seen, w.weak,
			w.secret.show, w.fold,
			hint(lang.L("Whoever is at the other end sees the question. Ask for something that was never said in this chat and is not easy to guess: not a name, a date or a place that others know.")),
			w.trouble,
		},
		buttons: []*button{newButton(lang.L("Back"), w.back), w.next},
		first:   w.question,
	})
	if w.typedBefore != "" {
		w.window.Canvas().Focus(w.secret.field)
	}
	w.wipe = w.secret.forget
	w.typed()
}

func (w *wizard) secretPage() {
	w.question, w.fold = nil, nil
	w.secretEntry(newSecretField(), lang.L("Secret"))
	w.next = newMainButton(lang.L("Compare with {{.Name}}", onButton(w.contact())), w.send)
	w.turn(leaf{
		title: lang.L("A secret you both know"),
		step:  stepWords(2),
		body: []fyne.CanvasObject{
			look.NewText(lang.L("{{.Name}} types the same on the other side. The secret itself is never sent.", w.name()), look.Body),
			label(lang.L("Secret")), w.secret.field, w.secret.about, w.secret.seen, w.weak, w.secret.show,
			hint(lang.L("Agree on it by phone or in person, not in this chat.")),
			w.trouble,
		},
		buttons: []*button{newButton(lang.L("Back"), w.back), w.next},
		first:   w.secret.field,
	})
	w.wipe = w.secret.forget
	w.typed()
}

func (w *wizard) secretEntry(f secretField, name string) {
	w.secret = f
	named(w.secret.field, name)
	w.secret.escape = w.close
	w.secret.OnSubmitted = func(string) { w.send() }
	w.secret.OnChanged = func(string) { w.typed() }
	w.weak = look.NewText("", look.Hint)
	w.weak.SetColor(look.ColorUnverified)
	w.weak.Hide()
	w.trouble = newTrouble()
}

func (w *wizard) back() {
	w.show(atHow, w.howPage)
}

// typed tells what will be compared, and allows to go on when there is enough.
func (w *wizard) typed() {
	shown := w.secret.seen.Visible()
	w.secret.tell()
	w.warn()
	if shown != w.secret.seen.Visible() {
		w.fit()
	}
	enable(w.next, w.complete())
}

// warn says that somebody could guess the answer. It does not stop anybody: only the person knows what others know.
func (w *wizard) warn() {
	question := ""
	if w.question != nil {
		question = w.question.Text
	}
	said := weakWords(weakness(question, w.secret.Text, w.names(), w.desk.model.Lines(w.ref, w.desk.shell.zone, searchedBack)))
	if said == w.weak.Words() {
		return
	}
	w.weak.SetText(said)
	w.weak.Hidden = said == ""
	w.fit()
}

// names are what the two are called.
func (w *wizard) names() []string {
	c := w.contact()
	own, _, _ := strings.Cut(c.Account, "@")
	theirs, _, _ := strings.Cut(c.Ref.Contact, "@")
	return []string{c.Name, c.Ref.Contact, c.Account, own, theirs}
}

func (w *wizard) complete() bool {
	if w.question != nil && (strings.TrimSpace(w.question.Text) == "" || len(w.question.Text) > maxQuestion) {
		return false
	}
	return w.secret.complete()
}

// folds tells whether the person has the answer compared without capital letters, spaces and punctuation.
func (w *wizard) folds() bool { return w.fold != nil && !w.fold.Hidden && w.fold.Checked }

// offerFold shows the choice when the other program turns out to be a Sotto while one types; it does not choose then.
func (w *wizard) offerFold() {
	sotto := w.contact().Sotto
	if w.fold == nil || w.fold.Hidden != sotto {
		return
	}
	w.fold.Hidden, w.fold.Checked = !sotto, false
	w.typed()
	w.fit()
}

// send begins the run for the key that the wizard was opened for.
func (w *wizard) send() {
	if !w.complete() {
		return
	}
	run, _ := w.desk.model.SMP(w.ref)
	w.before, w.number = run.Number, 0
	secret := []byte(w.secret.Text)
	defer wipe(secret)
	var err error
	if w.question != nil {
		w.typedBefore = w.question.Text
	}
	switch {
	case w.question == nil:
		err = w.desk.engine.Share(w.ref, w.key, secret)
	case w.folds():
		err = w.desk.engine.AskFolded(w.ref, w.key, strings.TrimSpace(w.question.Text), secret)
	default:
		err = w.desk.engine.Ask(w.ref, w.key, strings.TrimSpace(w.question.Text), secret)
	}
	if err != nil {
		w.trouble.say(askErrorWords(err, w.contact()))
		w.fit()
		return
	}
	w.waiting(session.SMP{Asked: w.question != nil})
}

// askErrorWords says why a check did not begin.
func askErrorWords(err error, c session.Contact) string {
	name := words{"Name": c.Name}
	switch {
	case isErr(err, session.ErrKeyGone):
		return lang.L("Nothing was sent: {{.Name}} uses another key now. Close this and begin again.", name)
	case isErr(err, session.ErrNotPrivate):
		return lang.L("Nothing was sent: the private conversation has ended.")
	case isErr(err, session.ErrKeyUndecided):
		return lang.L("Nothing was sent: {{.Name}} uses a new key, and you have not decided about it.", name)
	case isErr(err, session.ErrNotSotto):
		return lang.L("Nothing was sent: the program of {{.Name}} compares answers exactly as typed. Choose that here too.", name)
	}
	return lang.L("This did not work. Nothing was sent.")
}

// waiting is the third page, until the session tells how it ended.
func (w *wizard) waiting(run session.SMP) {
	w.at, w.shown = atWaiting, session.SMPWaiting
	about := lang.L("Your question is on its way to {{.Name}}. You can keep writing.", w.name())
	if !run.Asked {
		about = lang.L("{{.Name}} is asked for the secret now. You can keep writing.", w.name())
	}
	w.until = look.NewText(w.untilWords(run), look.Hint)
	w.turn(leaf{
		title: lang.L("Waiting for {{.Name}}", w.name()),
		step:  stepWords(3),
		body: []fyne.CanvasObject{
			newTrack(w.contact().Name, trackAsked), look.NewText(about, look.Body), w.until,
			look.NewText(lang.L("You can also close this window. The result appears in the conversation."), look.Hint),
		},
		buttons: []*button{newButton(lang.L("Cancel"), func() { w.desk.engine.CancelSMP(w.ref) })},
	})
}

// follow shows what has become of our run.
func (w *wizard) follow(run session.SMP, ok bool) {
	if !ok || run.Number <= w.before {
		return
	}
	if w.number == 0 && run.Ours {
		w.number = run.Number
	}
	if run.Number != w.number {
		if w.at == atWaiting && w.number != 0 {
			w.result(session.SMP{Stage: session.SMPAborted})
		}
		return
	}
	if run.Stage == session.SMPWaiting {
		w.until.SetText(w.untilWords(run))
		w.fit()
		return
	}
	if w.at == atResult && w.shown == run.Stage && w.status == w.desk.directionWords(w.contact()) {
		return
	}
	w.result(run)
}

// result is the third page when it is over.
func (w *wizard) result(run session.SMP) {
	w.at, w.shown, w.status = atResult, run.Stage, w.desk.directionWords(w.contact())
	switch run.Stage {
	case session.SMPSucceeded:
		w.success(run)
	case session.SMPFailed:
		w.failure(run)
	case session.SMPTimedOut:
		w.unanswered()
	case session.SMPCancelled:
		w.stopped(lang.L("You stopped the check"), lang.L("Nothing has changed. You can begin again at any time."))
	default:
		w.aborted(run)
	}
}

// untilWords says when we stop waiting by ourselves.
func (w *wizard) untilWords(run session.SMP) string {
	c := w.contact()
	said := ""
	if !run.Until.IsZero() {
		said = lang.L("Sotto stops waiting at {{.Time}}.", words{"Time": clockWords(run.Until.In(w.desk.shell.zone))})
	}
	if doubt := checkWords(c); doubt != "" {
		said = strings.TrimSpace(said + " " + doubt)
	}
	return said
}

func (w *wizard) success(run session.SMP) {
	said := lang.L("{{.Name}} gave the right answer. You now know that it is really {{.Name}}.", w.name())
	if !run.Asked {
		said = lang.L("You and {{.Name}} typed the same secret. You now know that it is really {{.Name}}.", w.name())
	}
	buttons := []*button{newMainButton(lang.L("Done"), w.close)}
	if c := w.contact(); !c.VerifiedUs && !w.desk.askedLately(c) {
		buttons = append([]*button{newButton(lang.L("Ask {{.Name}} to verify you", onButton(w.contact())), w.askBack)}, buttons...)
	}
	w.trouble = newTrouble()
	w.turn(leaf{
		title:   lang.L("This is {{.Name}}", w.name()),
		step:    stepWords(3),
		body:    []fyne.CanvasObject{newTrack(w.contact().Name, trackDone), verdict(look.LockTick, said, w.status), w.trouble},
		buttons: buttons,
		first:   buttons[len(buttons)-1],
		enter:   w.close,
	})
}

// askBack asks the other side to verify us in their turn: through their Sotto, or in words that the person reads first.
func (w *wizard) askBack() {
	if !w.contact().Sotto {
		w.close()
		w.desk.askToVerify(w.ref)
		return
	}
	if err := w.desk.engine.RequestVerification(w.ref); err != nil {
		w.trouble.say(requestErrorWords(err, w.contact()))
		w.fit()
	}
}

// patientFailures is how many failed checks with a key call for another way.
const patientFailures = 3

// failure explains what else than a typo it may have been, and what to do.
func (w *wizard) failure(run session.SMP) {
	kept := ""
	if run.Kept {
		kept = lang.L("Your earlier verification of {{.Name}} still stands.", w.name())
	}
	typo := lang.L("Often it is a typo, or {{.Name}} thought of something else. Capital letters, spaces and punctuation count.", w.name())
	if run.Folded {
		typo = lang.L("Often it is a typo, or {{.Name}} thought of something else. Capital letters, spaces and punctuation did not count.", w.name())
	}
	again, compare := newButton(lang.L("Try again"), w.retry), newButton(lang.L("Compare fingerprints"), w.compareInstead)
	next, buttons, enter := lang.L("Try once more with a question that has one clear answer. If it differs again, call {{.Name}} before you write anything private.", w.name()),
		[]*button{compare, again}, w.retry
	if run.Failed >= patientFailures {
		next, buttons, enter = lang.L("Call {{.Name}} before you write anything private, and compare fingerprints.", w.name()), []*button{again, compare}, w.compareInstead
	}
	main := buttons[1]
	main.Importance = widget.HighImportance
	w.turn(leaf{
		title: lang.L("The answers differ"),
		step:  stepWords(3),
		body: []fyne.CanvasObject{
			newTrack(w.contact().Name, trackDiffers),
			verdict(lockShape(w.contact()), lang.L("Nothing is proved by this."), kept),
			look.NewText(lang.L("What it could have been:"), look.Body),
			reasons(typo,
				lang.L("Somebody could stand between you, who had to guess.")),
			look.NewText(lang.L("It was not the program of {{.Name}}: that took part to the end.", w.name())+" "+next, look.Body),
			look.NewText(attemptWords(run), look.Hint),
		},
		buttons: buttons,
		first:   main,
		enter:   enter,
	})
}

// attemptWords counts the checks whose answers differed.
func attemptWords(run session.SMP) string {
	if run.Failed == 0 {
		return ""
	}
	return lang.N("The answers have differed {{.Count}} time with this key. Each time, somebody in between would have had one guess.", run.Failed, words{"Count": run.Failed})
}

// aborted: the other side ended the check, and does not say why.
func (w *wizard) aborted(run session.SMP) {
	if run.AtOnce {
		w.unable(lang.L("The program of {{.Name}} stopped it before anybody could have read it, so it seems that it cannot take part. Nothing has changed. Compare fingerprints by phone.", w.name()))
		return
	}
	w.stopped(lang.L("The check was stopped"), lang.L("{{.Name}} stopped it, or the private conversation ended. Nothing has changed. What else it could have been:", w.name()),
		lang.L("Perhaps it was a typo: some programs stop without a word where the answers differ."),
		lang.L("Perhaps the program of {{.Name}} cannot answer questions.", w.name()),
		lang.L("Somebody could stand between you, who does not know the answer."))
}

// unable: their program cannot do this, so another way is the one to go.
func (w *wizard) unable(said string) {
	compare := newMainButton(lang.L("Compare fingerprints"), w.compareInstead)
	w.turn(leaf{
		title:   lang.L("The check was stopped at once"),
		step:    stepWords(3),
		body:    []fyne.CanvasObject{look.NewText(said, look.Body)},
		buttons: []*button{newButton(lang.L("Try again"), w.retry), newButton(lang.L("Close"), w.close), compare},
		first:   compare,
		enter:   w.compareInstead,
	})
}

func (w *wizard) unanswered() {
	w.stopped(lang.L("No answer from {{.Name}}", w.name()), lang.L("Nothing has changed. What it could have been:"),
		lang.L("Perhaps {{.Name}} is not there, or has not seen the question.", w.name()),
		cmp.Or(checkWords(w.contact()), lang.L("Perhaps the program of {{.Name}} cannot answer questions.", w.name())),
		lang.L("Somebody could stand between you, who does not know the answer."))
}

// stopped is a check without a result.
func (w *wizard) stopped(title, said string, why ...string) {
	again := newMainButton(lang.L("Try again"), w.retry)
	body := []fyne.CanvasObject{look.NewText(said, look.Body)}
	if len(why) > 0 {
		body = append(body, reasons(why...),
			look.NewText(lang.L("Call {{.Name}}, and try again when you both have a moment, or compare fingerprints while you talk.", w.name()), look.Body))
	}
	w.turn(leaf{
		title:   title,
		step:    stepWords(3),
		body:    body,
		buttons: []*button{newButton(lang.L("Compare fingerprints"), w.compareInstead), newButton(lang.L("Close"), w.close), again},
		first:   again,
		enter:   w.retry,
	})
}

// reasons lists what may have happened, one below the other.
func reasons(all ...string) fyne.CanvasObject {
	list := container.New(flow{})
	for _, reason := range all {
		dot := filled(look.ColorMuted, look.Step/2)
		mark := sided(2*look.Step, firstLine(look.Step, theme.TextSize()), 0, 0, container.New(flow{}, container.NewStack(dot, gap(look.Step, look.Step))))
		list.Add(ranked(mark, nil, look.NewText(reason, look.Body)))
	}
	return list
}

func (w *wizard) compareInstead() {
	w.close()
	w.desk.compare(w.ref)
}

func (w *wizard) closedPage() {
	start := newMainButton(lang.L("Start private conversation"), func() { w.desk.engine.StartPrivate(w.ref) })
	w.turn(leaf{
		title: lang.L("Not private now"),
		body: []fyne.CanvasObject{verdict(look.LockOpen,
			lang.L("There is no private conversation with {{.Name}} at the moment. Checking who somebody is works only inside one.", w.name()), "")},
		buttons: []*button{newButton(lang.L("Close"), w.close), start},
		first:   start,
	})
}

func (w *wizard) changedPage() {
	said := lang.L("{{.Name}} uses another key than a moment ago. What you typed was for the old one and was not sent.", w.name())
	on := newMainButton(lang.L("Begin again"), w.again)
	if w.contact().KeyChange != nil {
		said = lang.L("{{.Name}} uses a new key. Decide about it first.", w.name())
		on = newMainButton(lang.L("Decide"), func() { w.close(); w.desk.decideKey(w.ref) })
	}
	w.turn(leaf{
		title:   lang.L("The key has changed"),
		body:    []fyne.CanvasObject{verdict(look.LockCut, said, "")},
		buttons: []*button{newButton(lang.L("Close"), w.close), on},
		first:   on,
	})
}

func (w *wizard) theirsPage() {
	on := newMainButton(lang.L("Answer"), func() { w.close(); w.desk.answer(w.ref) })
	w.turn(leaf{
		title:   lang.L("{{.Name}} asks you", w.name()),
		body:    []fyne.CanvasObject{look.NewText(lang.L("{{.Name}} is checking you at this moment. Answer first; then it is your turn.", w.name()), look.Body)},
		buttons: []*button{newButton(lang.L("Close"), w.close), on},
		first:   on,
	})
}
