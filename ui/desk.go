package ui

import (
	"context"
	"errors"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/ui/model"
)

// A desk is one session shown in the window: the person's own, or that of practice mode. Everything of it belongs to Fyne's
// goroutine.
type desk struct {
	shell  *shell
	app    fyne.App
	window fyne.Window
	engine Engine
	model  *model.Model
	quit   chan struct{} // closed when the desk is no longer shown and never will be

	practising bool
	expected   bool        // the store knows accounts that the session has yet to tell about
	awaited    session.Ref // the conversation to open as soon as the contact appears

	root    *fyne.Container // one page at a time
	start   *startPage      // nil: not needed yet; see atStart
	signIn  *signInPage
	signUp  *signUpPage
	secrets *secretsPage
	main    *mainPage

	settingsPage *settingsPage // nil: not open

	typed string                     // the address on the page for signing in when it was left
	later map[string]session.Problem // put aside by the person, by account

	spoken   map[session.Ref]session.EntryID // the last message that was read out
	clear    map[session.Ref]string          // what has come unencrypted and is to be announced
	asked    map[session.Ref]int             // the last question for which the dialog was opened
	watchers map[int]watcher
	watching int
	windows  map[string]fyne.Window // besides the main one, by their key
	chats    map[session.Ref]*chatWindow
	folded   map[string]bool                   // the groups of contacts that are not shown
	blocked  map[string]session.BlockedChanged // by account

	keysOpen    *keysWindow // nil: not open
	blockedOpen *blockedList
	shown       fyne.CanvasObject
}

type watcher struct {
	ref session.Ref
	run func()
}

func newDesk(s *shell, e Engine) *desk {
	d := &desk{
		shell:    s,
		app:      s.app,
		window:   s.window,
		engine:   e,
		model:    model.New(),
		quit:     make(chan struct{}),
		root:     container.NewStack(),
		later:    make(map[string]session.Problem),
		spoken:   make(map[session.Ref]session.EntryID),
		clear:    make(map[session.Ref]string),
		asked:    make(map[session.Ref]int),
		watchers: make(map[int]watcher),
		windows:  make(map[string]fyne.Window),
		blocked:  make(map[string]session.BlockedChanged),
		chats:    make(map[session.Ref]*chatWindow),
		folded:   make(map[string]bool),
	}
	d.main = newMainPage(d)
	return d
}

// run begins to take events; it is called once the window's goroutine is at work.
func (d *desk) run() {
	go pump(d.engine.Events(), d.quit, d.shell.do, d.apply)
}

// leave closes everything the desk has opened. The session is closed by whoever opened it.
func (d *desk) leave() {
	close(d.quit)
	for _, w := range d.windows {
		w.Close()
	}
}

// apply takes over a batch of events and shows what became different.
func (d *desk) apply(batch []session.Event) {
	touched := make(map[session.Ref]bool)
	talks := make(map[session.Ref]bool)
	loud := make(map[session.Ref]bool)
	accounts, list := false, false
	for _, e := range batch {
		switch e := e.(type) {
		case session.SignUpChanged:
			if d.signUp != nil {
				d.signUp.changed(e.SignUp)
			}
		case session.AccountTaskChanged:
			d.taskChanged(e.Task)
		case session.ServerKeyChanged:
			d.serverKeyChanged(e)
		case session.EntryChanged:
			d.hear(e.Entry)
		case session.BlockedChanged:
			d.nowBlocked(e)
		}
		c := d.model.Apply(e)
		switch c.Topic {
		case model.Accounts:
			accounts = true
		case model.Contact, model.Gone:
			touched[c.Ref], list = true, true
		case model.Talk:
			touched[c.Ref], talks[c.Ref], list = true, true, true
		case model.Run:
			touched[c.Ref], talks[c.Ref] = true, true
		case model.Loud:
			loud[c.Ref] = true
		case model.Store:
			d.shell.storeProblem(e.(session.StoreProblem))
		}
	}
	if accounts {
		d.expected = false
		d.accountsChanged()
	}
	d.followLinked()
	d.main.changed(touched, talks, list || accounts)
	for r := range loud {
		d.speak(r)
	}
	d.announce(touched, loud)
	d.openAwaited()
	d.openAsked()
	d.tell(touched, accounts)
	if !d.practising {
		d.shell.tray.refresh()
	}
}

func (d *desk) openAwaited() {
	if _, there := d.model.Contact(d.awaited); there {
		d.main.open(d.awaited)
		d.awaited = session.Ref{}
	}
}

// openAsked opens the dialog for a question the other side asks in the conversation that is open, once for each question. Somebody
// who is writing is not interrupted: what they type must not end up in the answer. The line in the conversation offers the same. Nor is
// who practises: the right answer stands in the conversation, and a window would cover it.
func (d *desk) openAsked() {
	if d.practising {
		return
	}
	for _, t := range d.talks() {
		run, ok := d.model.SMP(t.ref)
		if !ok || run.Stage != session.SMPNeedsAnswer || d.asked[t.ref] >= run.Number || !t.front() {
			continue
		}
		d.asked[t.ref] = run.Number
		if draft, _ := d.model.Draft(t.ref); draft == "" {
			d.answer(t.ref)
		}
	}
}

// tell runs the watchers of what has changed.
func (d *desk) tell(touched map[session.Ref]bool, accounts bool) {
	for id := range d.watching {
		w, ok := d.watchers[id]
		if ok && (accounts || touched[w.ref] || w.ref == session.Ref{} && len(touched) > 0) {
			w.run()
		}
	}
}

// watch calls run after every change of a contact, of its account or of its verification, until stop is called.
func (d *desk) watch(r session.Ref, run func()) (stop func()) {
	id := d.watching
	d.watching++
	d.watchers[id] = watcher{r, run}
	return func() { delete(d.watchers, id) }
}

// watchAll is watch for changes of anybody.
func (d *desk) watchAll(run func()) (stop func()) { return d.watch(session.Ref{}, run) }

// openWindow opens a window that closes with the desk, or brings forward the one that is open under this key. It returns nil in the
// second case.
func (d *desk) openWindow(key, title string) fyne.Window {
	if w := d.windows[key]; w != nil {
		w.RequestFocus()
		return nil
	}
	w := d.app.NewWindow("Sotto")
	w.SetTitle(title)
	w.SetIcon(d.window.Icon())
	w.CenterOnScreen()
	d.windows[key] = w
	w.SetOnClosed(func() { delete(d.windows, key) })
	return w
}

// accountsChanged decides which page is right for how the accounts are.
func (d *desk) accountsChanged() {
	if d.signIn != nil {
		d.signIn.accountsChanged()
	}
	if d.settingsPage != nil {
		d.settingsPage.refresh()
	}
	d.route()
}

// route shows the page that the person has to see now.
func (d *desk) route() {
	switch {
	case d.needsSecrets():
		d.show(d.secrets.content)
	case d.signIn != nil:
		d.show(d.signIn.content)
	case d.signUp != nil:
		d.show(d.signUp.content)
	case d.settingsPage != nil:
		d.show(d.settingsPage.content)
	case len(d.model.Accounts()) > 0, d.expected, d.practising:
		d.show(d.main.content)
	default:
		d.show(d.atStart().content)
	}
}

// atStart is the page of somebody who has no account, made when it is first needed.
func (d *desk) atStart() *startPage {
	if d.start == nil {
		d.start = newStartPage(d)
	}
	return d.start
}

func (d *desk) show(page fyne.CanvasObject) {
	if d.shown == page {
		return
	}
	d.shown = page
	d.root.Objects = []fyne.CanvasObject{page}
	d.root.Refresh()
	d.takeKeyboard()
}

// takeKeyboard gives the keyboard to where one begins on the page that is shown.
func (d *desk) takeKeyboard() {
	if f, ok := d.firstFocus(); ok {
		d.window.Canvas().Focus(f)
	} else if d.shown == d.main.content {
		d.main.talk.focus()
	}
}

func (d *desk) firstFocus() (fyne.Focusable, bool) {
	switch {
	case d.signIn != nil && d.shown == d.signIn.content:
		return d.signIn.first(), true
	case d.signUp != nil && d.shown == d.signUp.content:
		return d.signUp.first(), true
	case d.settingsPage != nil && d.shown == d.settingsPage.content:
		return d.settingsPage.search, true
	case d.secrets != nil && d.shown == d.secrets.content && d.secrets.form.Visible():
		return d.secrets.first, true
	case d.start != nil && d.shown == d.start.content:
		return d.start.first(), true
	}
	return nil, false
}

// needsSecrets tells whether an account cannot go on without the keyring, and prepares the page about it.
func (d *desk) needsSecrets() bool {
	for _, a := range d.model.Accounts() {
		if !aboutSecrets(a.Problem) || d.later[a.JID] == a.Problem {
			continue
		}
		if d.secrets == nil || d.secrets.account != a.JID || d.secrets.problem != a.Problem {
			d.secrets = newSecretsPage(d, a)
		}
		return true
	}
	d.secrets = nil
	return false
}

func aboutSecrets(p session.Problem) bool {
	switch p {
	case session.ProblemKeyringAbsent, session.ProblemKeyringLocked, session.ProblemKeyringTimeout,
		session.ProblemKeyringNotKept, session.ProblemKeyMissing:
		return true
	}
	return false
}

// useKeyring hands another keyring to the session. Making one from a passphrase takes a moment, so it is made elsewhere.
func (d *desk) useKeyring(open func() (keyring.Keyring, error), done func(error)) {
	go func() {
		k, err := open()
		d.shell.do(func() {
			if err == nil {
				d.engine.UseKeyring(k)
			}
			done(err)
		})
	}()
}

// openSignIn shows the page for signing in, filled with what is known.
func (d *desk) openSignIn(address string) {
	d.signIn = newSignInPage(d, address)
	d.route()
}

func (d *desk) closeSignIn() {
	d.signIn = nil
	d.route()
}

// openSignUp shows the page for making an account.
func (d *desk) openSignUp() {
	d.signUp = newSignUpPage(d)
	d.route()
}

func (d *desk) closeSignUp() {
	d.signUp = nil
	d.route()
}

func isErr(err, target error) bool { return errors.Is(err, target) }

func addressReason(err error) (session.AddressReason, bool) {
	var bad *session.AddressError
	if !errors.As(err, &bad) {
		return 0, false
	}
	return bad.Reason, true
}

// closing bounds how long the program waits for private conversations to be ended politely.
const closing = 5 * time.Second

func closingContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), closing)
}
