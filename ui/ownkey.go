package ui

import (
	"image"
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"mellium.im/xmpp/jid"
	"rsc.io/qr"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

const (
	codeSide  = 180
	codeQuiet = 4 // modules of white round a QR code (ISO/IEC 18004)
)

// ownKey opens the window with the fingerprint of one of the person's accounts, in every form in which one gives it to somebody.
func (d *desk) ownKey(account string) {
	o := &ownKey{}
	d.openSheet("ownkey", session.Ref{Account: account}, func(s *sheet) { o.sheet = s; o.update() })
}

type ownKey struct {
	*sheet
	shown *otr.Fingerprint
	there bool
}

func (o *ownKey) update() {
	a, ok := o.desk.model.Account(o.ref.Account)
	switch {
	case !ok:
		o.close()
	case a.Fingerprint == nil && !o.there:
		o.there = true
		o.turn(leaf{
			title: lang.L("Your fingerprint"),
			body: []fyne.CanvasObject{look.NewText(lang.L("{{.Account}} has no key yet. Sotto makes it before the first private conversation.",
				words{"Account": a.JID}), look.Body)},
			buttons: []*button{newMainButton(lang.L("Close"), o.close)},
		})
	case a.Fingerprint != nil && (o.shown == nil || *o.shown != *a.Fingerprint):
		fp := *a.Fingerprint
		o.shown, o.there = &fp, true
		o.show(a.JID, fp)
	}
}

func (o *ownKey) show(account string, fp otr.Fingerprint) {
	link := fingerprintLink(account, fp)
	groups := container.NewVBox()
	for _, group := range strings.Fields(fp.String()) {
		groups.Add(groupText(group))
	}
	copyIt := newButton(lang.L("Copy fingerprint"), func() { o.desk.app.Clipboard().SetContent(fp.String()) })
	copyLink := newButton(lang.L("Copy link"), func() { o.desk.app.Clipboard().SetContent(link) })
	copyIt.escape, copyLink.escape = o.close, o.close
	address := look.NewWords(link)
	address.Wrapping = fyne.TextWrapBreak
	done := newMainButton(lang.L("Done"), o.close)
	o.turn(leaf{
		title: lang.L("Your fingerprint"),
		body: []fyne.CanvasObject{
			look.NewText(lang.L("It is no secret. Somebody who gets it from you yourself, on paper or by phone, can tell that it is really you as {{.Account}}.",
				words{"Account": account}), look.Body),
			gap(0, look.Step),
			container.NewHBox(layout.NewSpacer(), groups, gap(4*look.Step, 0), newCode(link, codeSide), layout.NewSpacer()),
			gap(0, look.Step),
			container.NewStack(filled(look.ColorSurface, look.SmallRadius), address),
			gap(0, look.Step),
			container.New(reading(fromBeginning{}), copyIt, copyLink),
		},
		buttons: []*button{done},
		first:   done,
		enter:   o.close,
	})
}

// fingerprintLink is the address that names the key as well (XEP-0364 section 5).
func fingerprintLink(account string, fp otr.Fingerprint) string {
	address, err := jid.Parse(account)
	if err != nil {
		return ""
	}
	return session.Link{Address: address, Fingerprints: []otr.Fingerprint{fp}}.String()
}

// newCode draws a QR code, at least side long, black on white in every theme: cameras want it so. A text that is too long for one
// gives an empty place.
func newCode(text string, side int) fyne.CanvasObject {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return gap(float32(side), 0)
	}
	modules := code.Size + 2*codeQuiet
	picture := image.NewGray(image.Rect(0, 0, modules, modules))
	for y := range modules {
		for x := range modules {
			if !code.Black(x-codeQuiet, y-codeQuiet) {
				picture.SetGray(x, y, color.Gray{0xff})
			}
		}
	}
	i := canvas.NewImageFromImage(picture)
	i.ScaleMode, i.FillMode = canvas.ImageScalePixels, canvas.ImageFillContain
	each := (side + modules - 1) / modules // all modules are equally large
	i.SetMinSize(fyne.NewSquareSize(float32(each * modules)))
	return container.NewStack(i)
}
