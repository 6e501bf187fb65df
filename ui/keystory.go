package ui

import (
	"reflect"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A keyStory is the page about one contact: each of the keys, what one can do with it, and what happened.
type keyStory struct {
	window *keysWindow
	ref    session.Ref
	whole  *fyne.Container
	back   *button
	body   *fyne.Container
	scroll *container.Scroll
	shown  keyStoryFacts
	asking keyQuestion
	safe   *button // the answer to the question that changes nothing; nil: there is no question
}

// keyStoryFacts is all that the page shows; it is made anew when one of them changes.
type keyStoryFacts struct {
	contact session.Contact // as far as the page is about it
	keys    session.ContactKeys
	story   []session.KeyEvent
	asking  keyQuestion
}

// A keyQuestion is what the person has to confirm, about exactly one key.
type keyQuestion struct {
	what keyAsked
	key  otr.Fingerprint
}

type keyAsked uint8

const (
	nothingAsked keyAsked = iota
	askedForget
	askedUnverify
	askedTakeOver
	askedHold
)

func newKeyStory(k *keysWindow, r session.Ref) *keyStory {
	p := &keyStory{window: k, ref: r, whole: container.NewStack(), body: container.New(flow{})}
	p.back = newIconButton(lang.L("Back"), backIcon(), k.back)
	p.back.escape = k.back
	p.scroll = container.NewVScroll(container.New(column{width: look.ColumnWidth}, inset(4*look.Step, 4*look.Step, 4*look.Step, 4*look.Step, p.body)))
	return p
}

func (p *keyStory) content() fyne.CanvasObject { return p.whole }

func (p *keyStory) first() fyne.Focusable {
	if p.safe != nil {
		return p.safe
	}
	return p.back
}

// leave takes a question back first.
func (p *keyStory) leave() {
	if p.asking.what != nothingAsked {
		p.ask(keyQuestion{})
		return
	}
	p.window.back()
}

// ask puts a question, or takes it back. The answer that changes nothing has the keyboard.
func (p *keyStory) ask(q keyQuestion) {
	p.asking = q
	p.update()
	p.window.window.Canvas().Focus(p.first())
	p.reveal()
}

// reveal scrolls to where the question is answered.
func (p *keyStory) reveal() {
	if p.safe == nil {
		return
	}
	place := fyne.CurrentApp().Driver().AbsolutePositionForObject
	hidden := place(p.safe).Y + p.safe.Size().Height + 4*look.Step - place(p.scroll).Y - p.scroll.Size().Height
	if hidden > 0 {
		p.scroll.ScrollToOffset(p.scroll.Offset.AddXY(0, hidden))
	}
}

func (p *keyStory) update() {
	d := p.window.desk
	f := keyStoryFacts{asking: p.asking, story: d.engine.KeyStory(p.ref)}
	c, _ := d.model.Contact(p.ref)
	f.contact = session.Contact{Ref: c.Ref, Name: c.Name, OnRoster: c.OnRoster, Key: c.Key, KeyRule: c.KeyRule, OwnKeyRule: c.OwnKeyRule, Held: c.Held}
	all := d.engine.KnownKeys()
	if i := slices.IndexFunc(all, func(c session.ContactKeys) bool { return c.Ref == p.ref }); i >= 0 {
		f.keys = all[i]
	}
	if len(p.whole.Objects) > 0 && reflect.DeepEqual(f, p.shown) {
		return
	}
	p.shown = f
	p.build(f)
}

func (p *keyStory) name() words { return words{"Name": p.shown.contact.Name} }

func (p *keyStory) build(f keyStoryFacts) {
	p.safe = nil
	about := model.Name(p.ref.Contact)
	if len(p.window.desk.model.Accounts()) > 1 {
		about = lang.L("{{.Address}}, with {{.Account}}", words{"Address": about, "Account": p.ref.Account})
	}
	objects := p.sending(f.contact)
	for _, k := range f.keys.Keys {
		objects = append(objects, p.card(k, slices.Contains(f.keys.InUse, k.Fingerprint)), gap(0, 2*look.Step))
	}
	if len(f.keys.Keys) == 0 {
		objects = append(objects, look.NewText(lang.L("No key of {{.Name}} is known.", p.name()), look.Body))
	}
	if len(f.story) > 0 {
		objects = append(objects, look.NewText(lang.L("What happened"), look.Header))
		for _, e := range newest(f.story) {
			objects = append(objects, storyLine(e))
		}
	}
	p.body.Objects = objects
	at := p.scroll.Offset
	p.body.Refresh()
	done := newMainButton(lang.L("Close"), p.window.close)
	done.escape = p.window.back
	p.whole.Objects = []fyne.CanvasObject{bordered(keysHead(p.back, lang.L("Keys of {{.Name}}", p.name()), about), keysFoot(done), nil, nil, p.scroll)}
	p.whole.Refresh()
	p.scroll.ScrollToOffset(at)
}

// sending is what holds for all keys: whether anything is sent, and to which.
func (p *keyStory) sending(c session.Contact) []fyne.CanvasObject {
	d := p.window.desk
	var objects []fyne.CanvasObject
	if !c.OnRoster {
		return nil
	}
	if !c.Held.IsZero() {
		release := newMainButton(lang.L("Allow sending"), func() { d.engine.Release(p.ref) })
		release.escape = p.leave
		objects = append(objects, p.boxed(look.ColorNotPrivateBg, look.NewText(lang.L("You have blocked sending to {{.Name}} since {{.Day}}. Nothing goes out.",
			words{"Name": c.Name, "Day": dateWords(c.Held.Local())}), look.Body), p.row(release)), gap(0, 2*look.Step))
	}
	a, _ := d.model.Account(p.ref.Account)
	rules := []session.KeyRule{session.KeyRuleDefault, session.AnyKey, session.OnlyVerified}
	said := []string{lang.L("As for everybody: {{.Rule}}", words{"Rule": keyRuleWord(a.KeyRule)}), keyRuleWord(session.AnyKey), keyRuleWord(session.OnlyVerified)}
	chosen := 0
	if c.OwnKeyRule {
		chosen = slices.Index(rules, c.KeyRule)
	}
	about := lang.L("Also to a key that nobody has verified. The lock says so.")
	if c.KeyRule == session.OnlyVerified {
		about = lang.L("To a key that nobody has verified nothing goes, not even privately, and nothing goes unencrypted.")
	}
	pick := newPick(lang.L("To which keys you write"), about, said, chosen, func(i int) { d.engine.SetKeyRule(p.ref, rules[i]) })
	pick.escape(p.leave)
	rows := container.New(flow{}, pick)
	switch {
	case p.asking.what == askedHold:
		rows.Add(hairline())
		rows.Add(inset(2*look.Step, look.Step, 2*look.Step, 2*look.Step, container.New(flow{}, p.holdQuestion()...)))
	case c.Held.IsZero():
		hold := newDoing(lang.L("Block sending"), lang.L("When you suspect that it is not {{.Name}} who reads what you write.", words{"Name": c.Name}),
			lang.L("Block sending…"), func() { p.ask(keyQuestion{what: askedHold}) })
		hold.escape(p.leave)
		rows.Add(hairline())
		rows.Add(hold)
	}
	back := filled(look.ColorSurface, look.Radius)
	back.edge = look.ColorLine
	return append(objects, container.NewStack(back, rows), gap(0, 2*look.Step))
}

// holdQuestion says what blocking does, and asks.
func (p *keyStory) holdQuestion() []fyne.CanvasObject {
	p.safe = newMainButton(lang.L("Cancel"), func() { p.ask(keyQuestion{}) })
	sure := newButton(lang.L("Block sending"), func() {
		p.window.desk.engine.Hold(p.ref)
		p.ask(keyQuestion{})
	})
	return []fyne.CanvasObject{look.NewText(lang.L("The private conversation ends, and nothing goes out until you allow it again."), look.Body), p.row(sure, p.safe)}
}

func keyRuleWord(r session.KeyRule) string {
	if r == session.OnlyVerified {
		return lang.L("Only verified keys")
	}
	return lang.L("Any key")
}

func (p *keyStory) boxed(tint fyne.ThemeColorName, objects ...fyne.CanvasObject) fyne.CanvasObject {
	back := filled(tint, look.Radius)
	back.edge = look.ColorLine
	return container.NewStack(back, inset(2*look.Step, look.Step, 2*look.Step, 2*look.Step, container.New(flow{}, objects...)))
}

func (p *keyStory) row(buttons ...*button) fyne.CanvasObject {
	row := container.New(reading(wrapped{}))
	for _, b := range buttons {
		b.escape = p.leave
		row.Add(b)
	}
	return inset(theme.InnerPadding(), look.Step, theme.InnerPadding(), 0, row)
}

// wholeFingerprint can be selected, and wraps between its groups.
func wholeFingerprint(f otr.Fingerprint) fyne.CanvasObject {
	digits := inLanguage(look.NewDigits(f.String()))
	digits.Wrapping = fyne.TextWrapWord
	return access.Name(digits, lang.L("Fingerprint"))
}

// card is one key: how it stands, its groups, what is known, and what can be done.
func (p *keyStory) card(k session.Key, inUse bool) fyne.CanvasObject {
	lock := look.LockQuestion
	if k.Verified != session.NotVerified {
		lock = look.LockTick
	}
	heading := trustWords(k)
	mark := sided(theme.InnerPadding(), firstLine(float32(look.LockSmall), theme.TextSize()), 0, 0, container.New(flow{}, look.NewLockMark(lock, look.LockSmall, "")))
	objects := []fyne.CanvasObject{ranked(mark, nil, look.NewText(heading, look.Strong)), wholeFingerprint(k.Fingerprint)}
	var facts []string
	if inUse {
		facts = append(facts, lang.L("In use now"))
	}
	since := keySince(k)
	if k.Verified != session.NotVerified {
		since = since[1:] // the heading says it
	}
	for _, said := range append(append(facts, since...), keyMore(k)...) {
		objects = append(objects, tight(look.NewText(said, look.Hint)))
	}
	if p.asking.what != nothingAsked && p.asking.key == k.Fingerprint {
		objects = append(objects, p.question(k, inUse)...)
	} else {
		objects = append(objects, p.row(p.actions(k, inUse)...))
	}
	return p.boxed(look.ColorSurface, objects...)
}

// tight lets lines of a list stand close.
func tight(o fyne.CanvasObject) fyne.CanvasObject { return inset(0, -look.Step, 0, -look.Step, o) }

// actions are what one can do with a key. What it does to messages is said before it is done.
func (p *keyStory) actions(k session.Key, inUse bool) []*button {
	d, r, fp := p.window.desk, p.ref, k.Fingerprint
	act := func(label string, do func()) *button {
		b := newButton(label, do)
		access.Describe(b, shortKey(fp))
		return b
	}
	ask := func(what keyAsked) func() { return func() { p.ask(keyQuestion{what, fp}) } }
	all := []*button{act(lang.L("Copy"), func() { d.app.Clipboard().SetContent(fp.String()) })}
	switch live := p.shown.contact.Key; {
	case k.Verified != session.NotVerified:
		all = append(all, act(lang.L("Take back…"), ask(askedUnverify)))
	case inUse && live != nil && *live == fp:
		all = append(all, act(lang.L("Verify"), func() { d.verify(r) }))
	}
	if k.Verified == session.NotVerified && k.Claim != "" {
		all = append(all, act(lang.L("Count as verified…"), ask(askedTakeOver)))
	}
	return append(all, act(lang.L("Forget…"), ask(askedForget)))
}

// question says what would happen, and asks.
func (p *keyStory) question(k session.Key, inUse bool) []fyne.CanvasObject {
	d, r, fp := p.window.desk, p.ref, k.Fingerprint
	trouble := newTrouble()
	var said, yes string
	var do func() error
	switch p.asking.what {
	case askedUnverify:
		said = lang.L("From then on this key counts as one that nobody has checked: the lock says Unverified, and where you write to verified keys only nothing goes to it. Earlier messages keep their marks.")
		yes, do = lang.L("Take back"), func() error { return d.engine.SetVerified(r, fp, false) }
	case askedTakeOver:
		said = lang.L("Say so only if you yourself checked this key in the other program, and nobody else could write to its file.")
		yes, do = lang.L("I checked it there"), func() error { return d.engine.TakeOver(r, fp) }
	default:
		said = lang.L("Sotto will not know this key any more, nor that you verified it. When it comes again it counts as a new one. Earlier messages keep their marks.")
		if inUse {
			said = lang.L("The private conversation with this key ends. Sotto will not know it any more, nor that you verified it. When it comes again it counts as a new one. Earlier messages keep their marks.")
		}
		yes, do = lang.L("Forget"), func() error { return d.engine.ForgetKey(r, fp) }
	}
	p.safe = newMainButton(lang.L("Cancel"), func() { p.ask(keyQuestion{}) })
	sure := newButton(yes, func() {
		if err := do(); err != nil {
			trouble.say(lang.L("This is not a key of {{.Name}} any more. Nothing has changed.", p.name()))
			p.body.Refresh()
			p.window.window.Canvas().Focus(p.first())
			return
		}
		p.ask(keyQuestion{})
	})
	return []fyne.CanvasObject{look.NewText(said, look.Body), trouble, p.row(sure, p.safe)}
}

// storyLine is one thing that happened, and when.
func storyLine(e session.KeyEvent) fyne.CanvasObject {
	when := lang.L("{{.Day}}, {{.Time}}", words{"Day": dateWords(e.Time.Local()), "Time": clockWords(e.Time)})
	return inset(0, -look.Step, 0, 0, container.New(flow{}, look.NewText(happenedWords(e), look.Body), inset(0, -3*look.Step, 0, 0, look.NewText(when, look.Hint))))
}
