package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

const keyChangeWidth = 720

// decideKey opens the window about a verified contact who uses a new key, or brings it forward.
func (d *desk) decideKey(r session.Ref) {
	k := &keyDecider{}
	d.openSheet("key", r, func(s *sheet) { s.wide(keyChangeWidth); k.sheet = s; k.update() })
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
	keyAsking
	keySettled
)

// update shows the change, a newer one where there is one, or that it is settled.
func (k *keyDecider) update() {
	change := k.contact().KeyChange
	open := k.at == keyChoice || k.at == keyAsking
	switch {
	case change != nil && (!open || change.New.Fingerprint != k.shown):
		k.choice(*change, open)
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
	ask := newChoice(lang.L("Ask {{.Name}} in another way", k.name()), lang.L("By phone or in person."), func() { k.ask(change) })
	about := lang.L("{{.Name}} has a second device. The old key stays verified; this one is unverified until you check it.", k.name())
	if k.contact().KeyRule == session.OnlyVerified {
		about = lang.L("{{.Name}} has a second device. The old key stays verified. You write to verified keys only, so nothing goes to this one before you check it.", k.name())
	}
	both := newChoice(lang.L("Keep both keys"), about, func() { k.decide(session.UseUnverified) })
	hold := newChoice(lang.L("Block sending to {{.Name}}", k.name()), lang.L("The private conversation ends, and nothing goes out until you allow it again."), k.hold)
	objects := []fyne.CanvasObject{
		verdict(look.LockCut, lang.L("You had verified the old key. A new one can mean a new computer. It can also mean that this is somebody else. Nothing is sent until you decide."), ""),
		again,
		container.New(reading(sideBySide{}), keyCard(lang.L("Old key"), look.LockTick, change.Old, [groupCount]bool{}),
			keyCard(lang.L("New key"), look.LockQuestion, change.New, differing(change.Old.Fingerprint, change.New.Fingerprint))),
		tight(look.NewText(differingWords(change), look.Hint)),
	}
	for _, choice := range []*pressable{ask, both, hold} {
		choice.escape = k.close
		objects = append(objects, gap(0, look.Step), choice)
	}
	later := newButton(lang.L("Decide later"), k.close)
	k.turn(leaf{title: lang.L("{{.Name}} uses a new key", k.name()), body: objects, buttons: []*button{later}, first: ask})
}

// ask says how one finds out, and by which way not.
func (k *keyDecider) ask(change session.KeyChange) {
	k.at = keyAsking
	question := lang.L("My chat program shows me a new key for you. Do you use a new computer or a new program? Please read me your fingerprint.")
	copyIt := newButton(lang.L("Copy the question"), func() { k.desk.app.Clipboard().SetContent(question) })
	compare := newMainButton(lang.L("Compare fingerprints"), func() { k.desk.compare(k.ref) })
	k.turn(leaf{
		title: lang.L("Ask {{.Name}}", k.name()),
		body: []fyne.CanvasObject{
			look.NewText(lang.L("Call {{.Name}}, or ask when you meet. Do not ask in this conversation: whoever has the new key would answer.", k.name()), look.Body),
			gap(0, look.Step), quote(lang.L("For example"), question), gap(0, look.Step),
			look.NewText(lang.L("If it is so, compare the new key while you talk. If {{.Name}} knows nothing of it, block sending.", k.name()), look.Body),
		},
		buttons: []*button{newButton(lang.L("Back"), func() { k.choice(change, false) }), copyIt, compare},
		first:   compare,
	})
}

// hold has nothing sent any more, and says so.
func (k *keyDecider) hold() {
	if k.at == keyChoice {
		k.desk.engine.Hold(k.ref)
	}
}

// sideBySide sets two things beside one another where both have room, and under one another where they have not.
type sideBySide struct{}

// leastBeside is the least width of each of two things that stand beside one another.
const leastBeside = 148

// Layout implements fyne.Layout.
func (l sideBySide) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	width, beside := l.width(objects, size.Width)
	y := float32(0)
	for i, o := range objects {
		o.Resize(fyne.NewSize(width, o.Size().Height))
		height := o.MinSize().Height
		if beside {
			o.Move(fyne.NewPos(float32(i)*(width+2*look.Step), 0))
			height = size.Height
		} else {
			o.Move(fyne.NewPos(0, y))
			y += height + 2*look.Step
		}
		o.Resize(fyne.NewSize(width, height))
	}
}

func (sideBySide) width(objects []fyne.CanvasObject, all float32) (each float32, beside bool) {
	least := float32(leastBeside)
	for _, o := range objects {
		least = max(least, o.MinSize().Width)
	}
	if each = (all - 2*look.Step) / 2; each >= least {
		return each, true
	}
	return all, false
}

// MinSize implements fyne.Layout. The height is that for the width there was last.
func (l sideBySide) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	sum := float32(0)
	for _, o := range objects {
		min := o.MinSize()
		size = size.Max(min)
		sum += min.Height + 2*look.Step
	}
	last := objects[len(objects)-1]
	if last.Position().X == 0 && last.Position().Y > 0 {
		size.Height = sum - 2*look.Step
	}
	return size
}

// groupCount is how many groups a fingerprint is written in.
const groupCount = 5

// differing says which groups of the second fingerprint are not those of the first.
func differing(old, fresh otr.Fingerprint) (groups [groupCount]bool) {
	before, after := strings.Fields(old.String()), strings.Fields(fresh.String())
	for i := range groups {
		groups[i] = before[i] != after[i]
	}
	return groups
}

// differingWords counts the groups that are marked.
func differingWords(change session.KeyChange) string {
	n := 0
	for _, differs := range differing(change.Old.Fingerprint, change.New.Fingerprint) {
		if differs {
			n++
		}
	}
	if n == groupCount {
		return lang.L("None of the groups is the same. Each that differs is marked.")
	}
	return lang.N("{{.Count}} group differs and is marked. Keys that are alike are no accident: be careful.", n, words{"Count": n})
}

// keyCard is one of the two keys: what is known about it and its five groups, those marked that are not the other's.
func keyCard(heading string, l look.Lock, key session.Key, differs [groupCount]bool) fyne.CanvasObject {
	mark := sided(2*look.Step, firstLine(float32(look.LockSmall), theme.TextSize()), 0, 0, container.New(flow{}, look.NewLockMark(l, look.LockSmall, "")))
	objects := []fyne.CanvasObject{ranked(mark, nil, look.NewText(heading, look.Strong))}
	objects = append(objects, groupRows(key.Fingerprint, differs)...)
	for _, said := range keySince(key) {
		objects = append(objects, tight(look.NewText(said, look.Hint)))
	}
	return container.NewStack(filled(look.ColorSurface, look.Radius), inset(2*look.Step, look.Step, 2*look.Step, look.Step, container.New(flow{}, objects...)))
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
	buttons := []*button{done}
	if !k.contact().Held.IsZero() {
		said = lang.L("Nothing goes to {{.Name}} any more, until you allow it above where you write.", k.name())
		buttons = []*button{newButton(lang.L("The story of the keys"), func() { k.desk.keyStory(k.ref) }), done}
	}
	k.turn(leaf{title: lang.L("Decided"), body: []fyne.CanvasObject{look.NewText(said, look.Body)}, buttons: buttons, first: done, enter: k.close})
}
