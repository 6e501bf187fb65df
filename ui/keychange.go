package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// decideKey opens the window about a verified contact who uses a new key, or brings it forward.
func (d *desk) decideKey(r session.Ref) {
	k := &keyDecider{}
	d.openSheet("key", r, func(s *sheet) { s.width = compareWidth; k.sheet = s; k.update() })
}

// A keyDecider shows the verified key and the new one side by side. The decision is about exactly the new key that is shown.
type keyDecider struct {
	*sheet
	at    keyPage
	shown otr.Fingerprint // the new key
}

type keyPage uint8

const (
	keyStart keyPage = iota
	keyChoice
	keySettled
)

// update shows the change, a newer one where there is one, or that it is settled.
func (k *keyDecider) update() {
	change := k.contact().KeyChange
	switch {
	case change != nil && (k.at != keyChoice || change.New.Fingerprint != k.shown):
		k.choice(*change, k.at == keyChoice)
	case change == nil && k.at != keySettled:
		k.settled()
	}
}

func (k *keyDecider) name() words { return words{"Name": k.contact().Name} }

func (k *keyDecider) choice(change session.KeyChange, replaced bool) {
	k.at, k.shown = keyChoice, change.New.Fingerprint
	again := newTrouble()
	if replaced {
		again.say(lang.L("The key has changed once more. This is the new one."))
	}
	verify := newMainButton(lang.L("Compare fingerprints"), func() { k.desk.compare(k.ref) })
	refuse := newChoice(lang.L("Refuse the new key"), lang.L("The private conversation with it ends. Nothing that you wrote goes to it."), func() { k.decide(session.Refuse) })
	accept := newChoice(lang.L("Go on with the new key, unverified"), lang.L("Choose this when {{.Name}} told you about it. Verify soon.", k.name()), func() { k.decide(session.UseUnverified) })
	refuse.escape, accept.escape = k.close, k.close
	k.turn(leaf{
		title: lang.L("{{.Name}} uses a new key", k.name()),
		body: []fyne.CanvasObject{
			verdict(look.LockCut, lang.L("You had verified the old key. A new one can mean a new computer. It can also mean that this is somebody else. Nothing is sent until you decide."),
				lang.L("Best is to ask {{.Name}} in another way, by phone or in person.", k.name())),
			again,
			gap(0, look.Step),
			container.NewGridWithColumns(2,
				keyCard(lang.L("Old key, verified"), change.Old, look.LockTick),
				keyCard(lang.L("New key"), change.New, look.LockQuestion)),
			gap(0, 2*look.Step),
			refuse,
			gap(0, look.Step),
			accept,
		},
		buttons: []*button{newButton(lang.L("Decide later"), k.close), verify},
		first:   verify,
	})
}

// keyCard is one of the two keys: what is known about it and its five groups.
func keyCard(heading string, key session.Key, l look.Lock) fyne.CanvasObject {
	mark := inset(2*look.Step, 2*look.Step, 0, 0, container.New(flow{}, look.NewLockMark(l, look.LockSmall, "")))
	objects := []fyne.CanvasObject{container.NewBorder(nil, nil, mark, nil, look.NewText(heading, look.Strong))}
	groups := widget.NewLabel(strings.ReplaceAll(key.Fingerprint.String(), " ", "\n"))
	groups.TextStyle.Monospace = true
	groups.Selectable = true
	objects = append(objects, groups)
	if about := keyWords(key); about != "" {
		objects = append(objects, look.NewText(about, look.Hint))
	}
	return container.NewStack(filled(look.ColorSurface, look.Radius), inset(2*look.Step, look.Step, 2*look.Step, look.Step, container.New(flow{}, objects...)))
}

// keyWords tells since when a key is known and how it was verified.
func keyWords(key session.Key) string {
	when := func() words { return words{"Day": keyDateWords(key)} }
	switch key.Verified {
	case session.ByQuestion:
		return lang.L("Verified by a question on {{.Day}}", when())
	case session.BySecret:
		return lang.L("Verified by a secret on {{.Day}}", when())
	case session.ByComparison:
		return lang.L("Compared on {{.Day}}", when())
	case session.ByImport:
		return lang.L("Taken over as verified on {{.Day}}", when())
	}
	if key.FirstSeen.IsZero() {
		return ""
	}
	return lang.L("First seen on {{.Day}}", when())
}

// keyDateWords is the day that keyWords speaks of.
func keyDateWords(key session.Key) string {
	t := key.FirstSeen
	if key.Verified != session.NotVerified {
		t = key.VerifiedAt
	}
	return dateWords(t.Local())
}

// decide settles exactly the key that is shown.
func (k *keyDecider) decide(d session.KeyDecision) {
	if k.at != keyChoice {
		return
	}
	k.desk.engine.Decide(k.ref, k.shown, d)
}

func (k *keyDecider) settled() {
	k.at = keySettled
	said := lang.L("There is nothing left to decide about the key of {{.Name}}.", k.name())
	done := newMainButton(lang.L("Close"), k.close)
	k.turn(leaf{title: lang.L("Decided"), body: []fyne.CanvasObject{look.NewText(said, look.Body)}, buttons: []*button{done}, first: done, enter: k.close})
}
