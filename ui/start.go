package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// A startPage is what somebody sees who has no account here.
type startPage struct {
	content  fyne.CanvasObject
	practise *pressable
	trouble  *trouble
}

func newStartPage(d *desk) *startPage {
	p := &startPage{trouble: newTrouble()}
	p.practise = newChoice(lang.L("Practise first"), lang.L("Two minutes, no account. Nothing leaves this computer."), d.shell.practise)
	signIn := newChoice(lang.L("Sign in"), lang.L("You have an XMPP address and its password."), func() { d.openSignIn("") })
	signUp := newChoice(lang.L("Create an account"), lang.L("Free, on a server that you choose."), d.openSignUp)
	p.content = page(
		container.NewCenter(picture(96)),
		look.NewText("Sotto", look.Title).Center(),
		tagline(lang.L("Conversations that stay between you.")),
		gap(0, 4*look.Step),
		p.trouble,
		p.practise,
		gap(0, look.Step),
		signIn,
		gap(0, look.Step),
		signUp,
		gap(0, look.Step),
		container.NewCenter(look.NewLink(lang.L("Coming from another program?"), d.comeAlong)),
	)
	return p
}

// comeAlong says how to bring along what one has in another program. An importer of accounts would begin here.
func (d *desk) comeAlong() {
	var s *slip
	signIn := newMainButton(lang.L("Sign in"), func() {
		s.close()
		d.openSignIn("")
	})
	s = d.openSlip(lang.L("Coming from another program"), look.NewText(
		lang.L("Sign in with the address and the password that you use there: your contacts are kept by the server and come by themselves. Whom you have verified you can import afterwards: Keys, in the menu of your account, reads the files of Pidgin, Adium and other programs."), look.Body),
		newButton(lang.L("Cancel"), func() { s.close() }), signIn)
	s.window.Canvas().Focus(signIn)
}

func (p *startPage) first() fyne.Focusable { return p.practise }

func picture(size float32) fyne.CanvasObject {
	i := canvas.NewImageFromResource(look.AppIcon())
	i.FillMode = canvas.ImageFillContain
	i.SetMinSize(fyne.NewSquareSize(size))
	return i
}

// placard fills an empty place with our sign and a sentence.
func placard(s string) fyne.CanvasObject {
	return container.New(column{width: pageWidth, middle: true}, container.NewVBox(container.NewCenter(picture(72)), tagline(s)))
}

func tagline(s string) *look.Text {
	t := look.NewText(s, look.Body).Center()
	t.SetColor(look.ColorMuted)
	return t
}
