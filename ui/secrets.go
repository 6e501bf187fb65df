package ui

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// passphraseFile is the file under the profile in which secrets are kept under a passphrase.
const passphraseFile = "secrets.sotto"

// minPassphrase is the fewest characters a new passphrase has.
const minPassphrase = 8

// A secretsPage is shown while an account cannot reach its password or its key: the keyring is absent, locked or silent, or the
// key is gone from it.
type secretsPage struct {
	desk    *desk
	account string
	problem session.Problem
	content fyne.CanvasObject
	trouble *trouble
	buttons *fyne.Container
	form    *fyne.Container
	first   *field
	again   *field
	fresh   bool // the file is to be made
	opening bool // the passphrase is being tried
}

func newSecretsPage(d *desk, a session.Account) *secretsPage {
	p := &secretsPage{desk: d, account: a.JID, problem: a.Problem, trouble: newTrouble()}
	p.buttons = container.NewVBox()
	p.form = container.NewVBox()
	p.form.Hide()
	if a.Problem == session.ProblemKeyMissing {
		p.offerNewKey()
	} else {
		p.offerKeyrings()
	}
	known := a.Problem != session.ProblemKeyMissing && !noFile(p.path())
	p.content = page(
		look.NewText(p.heading(known), look.Title),
		look.NewText(p.about(a, known), look.Body),
		p.trouble,
		gap(0, look.Step),
		p.buttons,
		p.form,
	)
	if known {
		p.askPassphrase()
	}
	return p
}

// about says why the page is there; known tells that a file under a passphrase was made before.
func (p *secretsPage) about(a session.Account, known bool) string {
	if known {
		return lang.L("Your password and your key are in a file that only your passphrase opens.")
	}
	return problemWords(a)
}

func (p *secretsPage) heading(known bool) string {
	if known {
		return lang.L("Your passphrase")
	}
	switch p.problem {
	case session.ProblemKeyringLocked:
		return lang.L("The keyring is locked")
	case session.ProblemKeyringTimeout:
		return lang.L("Waiting for the keyring")
	case session.ProblemKeyMissing:
		return lang.L("Your key is missing")
	}
	return lang.L("There is no keyring to use")
}

func (p *secretsPage) offerKeyrings() {
	p.buttons.Objects = []fyne.CanvasObject{
		newChoice(lang.L("Try again"), lang.L("Unlock the keyring first, if it asks."), p.tryAgain),
		gap(0, look.Step),
		newChoice(lang.L("Use a passphrase"), lang.L("Sotto keeps your password and your key in a file that only the passphrase opens."), p.askPassphrase),
		gap(0, look.Step),
		newChoice(lang.L("Only until I quit"), lang.L("Nothing is kept. Next time you sign in again, with a new key."), p.memoryOnly),
		gap(0, 2*look.Step),
		begin(newQuietButton(lang.L("Not now"), p.putAside)),
	}
}

func (p *secretsPage) path() string {
	return filepath.Join(p.desk.shell.store.Dir(), passphraseFile)
}

func noFile(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func (p *secretsPage) offerNewKey() {
	p.buttons.Objects = []fyne.CanvasObject{
		newChoice(lang.L("Try again"), lang.L("Perhaps another keyring was open than usual."), p.tryAgain),
		gap(0, look.Step),
		newChoice(lang.L("Make a new key"), lang.L("Those who verified you will be told that your key has changed."), p.newKey),
		gap(0, 2*look.Step),
		begin(newQuietButton(lang.L("Not now"), p.putAside)),
	}
}

func (p *secretsPage) tryAgain() {
	p.trouble.say("")
	p.desk.engine.UseKeyring(p.desk.shell.keyring)
	p.desk.engine.Connect(p.account)
}

func (p *secretsPage) memoryOnly() { p.desk.engine.UseKeyring(keyring.Memory()) }

func (p *secretsPage) newKey() { p.desk.engine.NewIdentity(p.account) }

func (p *secretsPage) putAside() {
	p.desk.later[p.account] = p.problem
	p.desk.secrets = nil
	p.desk.accountsChanged()
}

// askPassphrase shows the form in place of the choices.
func (p *secretsPage) askPassphrase() {
	p.fresh = noFile(p.path())
	p.first = access.Name(newPasswordField(), lang.L("Passphrase"))
	p.again = access.Name(newPasswordField(), lang.L("Passphrase again"))
	p.form.Objects = []fyne.CanvasObject{label(lang.L("Passphrase")), p.first}
	if p.fresh {
		p.form.Objects = append(p.form.Objects,
			look.NewText(lang.L("Nobody can open the file without it, and nobody can tell it to you if you forget it."), look.Hint),
			label(lang.L("Passphrase again")), p.again)
	}
	confirm := newMainButton(lang.L("Open"), p.submitPassphrase)
	p.form.Objects = append(p.form.Objects, gap(0, look.Step), ranked(newButton(lang.L("Back"), p.leavePassphrase), confirm, nil))
	p.first.OnSubmitted = func(string) {
		if p.fresh {
			p.desk.window.Canvas().Focus(p.again)
			return
		}
		p.submitPassphrase()
	}
	p.again.OnSubmitted = func(string) { p.submitPassphrase() }
	p.first.escape, p.again.escape = p.leavePassphrase, p.leavePassphrase
	p.buttons.Hide()
	p.form.Show()
	if p.desk.shown == p.content {
		p.desk.window.Canvas().Focus(p.first)
	}
}

func (p *secretsPage) leavePassphrase() {
	p.trouble.say("")
	p.form.Hide()
	p.buttons.Show()
}

func (p *secretsPage) submitPassphrase() {
	if p.opening {
		return
	}
	if p.fresh {
		switch {
		case len([]rune(p.first.Text)) < minPassphrase:
			p.trouble.say(lang.N("Take at least {{.Count}} character; a few words are better.", minPassphrase, words{"Count": minPassphrase}))
			return
		case p.first.Text != p.again.Text:
			p.trouble.say(lang.L("The two are not the same."))
			return
		}
	}
	secret := []byte(p.first.Text)
	path := p.path()
	p.trouble.say("")
	p.opening = true
	p.desk.useKeyring(func() (keyring.Keyring, error) { return keyring.File(path, secret) }, p.opened)
}

func (p *secretsPage) opened(err error) {
	p.opening = false
	switch {
	case err == nil:
		p.leavePassphrase()
	case errors.Is(err, keyring.ErrPassphrase):
		p.trouble.say(lang.L("This is not the passphrase. Nothing has changed."))
	default:
		p.trouble.say(lang.L("The file for the passphrase could not be opened or written. Nothing has changed."))
	}
}
