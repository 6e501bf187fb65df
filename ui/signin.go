package ui

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// A signInPage asks for an address and its password and says in place what became of them.
type signInPage struct {
	desk     *desk
	content  fyne.CanvasObject
	address  *field
	password *field
	server   *field
	tls      *picker
	proxy    *proxyForm
	plain    *check
	allow    *fyne.Container // round plain: shown only after the server turned out to want the password itself
	trouble  *trouble
	progress *look.Text
	unfold   *button
	confirm  *button
	back     *button

	fixed   bool            // the address is that of an account which needs its password again
	before  map[string]bool // the accounts there were when the page was opened
	attempt string          // the address that was last tried
	busy    bool            // and its outcome is not known yet
}

func newSignInPage(d *desk, address string) *signInPage {
	p := &signInPage{
		desk:     d,
		address:  access.Name(newField(lang.L("you@example.org")), lang.L("Address")),
		password: access.Name(newPasswordField(), lang.L("Password")),
		server:   access.Name(newField(lang.L("found by itself")), lang.L("Server")),
		trouble:  newTrouble(),
		progress: look.NewLine("", look.Hint),
		fixed:    address != "",
		before:   make(map[string]bool),
	}
	for _, a := range d.model.Accounts() {
		p.before[a.JID] = true
	}
	p.address.SetText(address)
	if p.fixed {
		p.address.Disable()
	} else {
		p.address.SetText(d.typed)
	}
	p.tls = access.Name(newPicker(tlsWords()), lang.L("Encryption"))
	p.tls.SetSelectedIndex(0)
	p.plain = newCheck(lang.L("Give this server the password itself"))
	p.allow = container.NewVBox(p.plain,
		look.NewText(lang.L("The connection is encrypted, but whoever runs the server could then read the password. Do it only if you use this password nowhere else."), look.Hint))
	p.allow.Hide()
	// What the person agrees to is about this account at this server.
	withdraw := func(string) {
		p.plain.SetChecked(false)
		p.allow.Hide()
	}
	p.address.OnChanged, p.server.OnChanged = withdraw, withdraw
	p.confirm = newMainButton(lang.L("Sign in"), p.submit)
	p.back = newButton(lang.L("Back"), p.cancel)
	for _, f := range []*field{p.address, p.password, p.server} {
		f.OnSubmitted = func(string) { p.submit() }
		f.escape = p.cancel
	}
	p.confirm.escape, p.back.escape = p.cancel, p.cancel
	p.content = p.build()
	return p
}

func (p *signInPage) build() fyne.CanvasObject {
	kind, server, user := p.proxyNow()
	p.proxy = newProxyForm(kind, server, user, nil)
	for _, f := range p.proxy.fields() {
		f.OnSubmitted = func(string) { p.submit() }
		f.escape = p.cancel
	}
	advanced := container.NewVBox(label(lang.L("Server")), p.server, label(lang.L("Encryption")), framed(p.tls), p.proxy.Container)
	advanced.Hide()
	p.unfold = newUnfolding(lang.L("Advanced"), advanced, func() { p.content.Refresh() })
	p.unfold.escape = p.cancel
	return form(container.NewVBox(p.trouble, p.allow, ranked(p.back, p.confirm, p.progress)),
		look.NewText(p.heading(), look.Title),
		look.NewText(lang.L("Your password stays in the keyring of this computer. It is never sent without encryption."), look.Hint),
		label(lang.L("Address")), p.address,
		label(lang.L("Password")), p.password,
		p.unfold, advanced,
	)
}

// proxyNow is what the account connects through already.
func (p *signInPage) proxyNow() (kind session.ProxyKind, server, user string) {
	a, _ := p.desk.model.Account(p.address.Text)
	return a.Proxy, a.ProxyServer, a.ProxyUser
}

func (p *signInPage) heading() string {
	if p.fixed {
		return lang.L("Sign in again")
	}
	return lang.L("Sign in")
}

func tlsWords() []string {
	return []string{lang.L("found by itself"), lang.L("STARTTLS"), lang.L("TLS from the start")}
}

var tlsValues = []string{"", "starttls", "direct"}

func (p *signInPage) first() fyne.Focusable {
	if p.fixed {
		return p.password
	}
	return p.address
}

func (p *signInPage) submit() {
	if p.busy {
		return
	}
	if p.password.Text == "" {
		p.fail(lang.L("Type the password."), p.password)
		return
	}
	in := session.SignIn{
		Address:    strings.TrimSpace(p.address.Text),
		Password:   []byte(p.password.Text),
		Server:     strings.TrimSpace(p.server.Text),
		TLS:        tlsValues[max(p.tls.SelectedIndex(), 0)],
		AllowPlain: p.plain.Checked,
	}
	if kind, _, _ := p.proxyNow(); !p.fixed || p.proxy.value().Kind != kind || p.proxy.password.Text != "" {
		through := p.proxy.value()
		defer clear(through.Password)
		in.Proxy = &through
	}
	if !strings.EqualFold(p.attempt, in.Address) {
		p.forget() // the address was mistyped before
	}
	err := p.desk.engine.SignIn(in)
	switch {
	case isErr(err, session.ErrBadProxy):
		p.fail(proxyErrorWords(), p.proxy.server)
		return
	case err != nil:
		p.fail(addressWords(err), p.address)
		return
	}
	p.attempt, p.busy = in.Address, true
	p.trouble.say("")
	p.confirm.Disable()
	p.progress.SetText(lang.L("Signing in…"))
}

// fail says what went wrong and puts the cursor where it can be mended.
func (p *signInPage) fail(s string, at *field) {
	p.busy = false
	p.trouble.say(s)
	p.confirm.Enable()
	p.progress.SetText("")
	if !at.Disabled() {
		p.desk.window.Canvas().Focus(at)
	}
}

// accountsChanged follows the account that is being signed in.
func (p *signInPage) accountsChanged() {
	a, ok := p.account()
	if !ok {
		return
	}
	switch {
	case aboutSecrets(a.Problem) && p.desk.later[a.JID] != a.Problem:
		// The page about the keyring comes first; this one goes on when it is settled.
	case a.State == session.Online:
		p.password.SetText("")
		p.desk.typed = ""
		p.desk.signIn = nil
	case a.State == session.Stopped, a.State == session.Waiting:
		p.refused(a)
	}
}

// account finds the account that was last tried. The session has normalised its address, so that it may be written differently.
func (p *signInPage) account() (session.Account, bool) {
	if p.attempt == "" {
		return session.Account{}, false
	}
	accounts := p.desk.model.Accounts()
	for _, a := range accounts {
		if strings.EqualFold(a.JID, p.attempt) {
			return a, true
		}
	}
	for _, a := range slices.Backward(accounts) {
		if !p.before[a.JID] {
			return a, true
		}
	}
	return session.Account{}, false
}

func (p *signInPage) refused(a session.Account) {
	if !p.busy {
		return
	}
	if a.Problem == session.ProblemOnlyPlain {
		p.allow.Show()
	}
	at := p.password
	if a.Problem == session.ProblemUnknownHost || a.Problem == session.ProblemBadName {
		at = p.address
	}
	p.fail(strings.TrimSpace(problemWords(a)+" "+problemTail(a)), at)
}

// cancel forgets the attempt: an account that was never signed in is not kept.
func (p *signInPage) cancel() {
	p.password.SetText("")
	if !p.fixed {
		p.desk.typed = p.address.Text
	}
	p.forget()
	p.desk.closeSignIn()
}

// forget removes the accounts that were tried here.
func (p *signInPage) forget() {
	for _, a := range p.desk.model.Accounts() {
		if !p.before[a.JID] {
			p.desk.engine.RemoveAccount(a.JID)
		}
	}
}
