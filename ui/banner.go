package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// A notice is what a banner says and offers.
type notice struct {
	words   string
	tint    fyne.ThemeColorName // of the band; "" is that of what stands around it
	ink     fyne.ThemeColorName
	actions []offer
}

type offer struct {
	label string
	do    func()
	main  bool // what one most likely wants
}

// A banner is a band across the conversation or the window that says why something does not go on, and what one can do. It takes no
// room while it has nothing to say.
type banner struct {
	widget.BaseWidget
	back    *wash
	words   *look.Text
	buttons *fyne.Container
	shown   notice
	atTop   bool // of a window: what stands below is parted from it
}

func newBanner() *banner {
	b := &banner{back: filled(look.ColorSurface, 0), words: look.NewText("", look.Body), buttons: endRow(0)}
	b.ExtendBaseWidget(b)
	b.Hide()
	return b
}

// newTopBanner is a banner above everything else.
func newTopBanner() *banner {
	b := newBanner()
	b.atTop = true
	return b
}

// CreateRenderer implements fyne.Widget.
func (b *banner) CreateRenderer() fyne.WidgetRenderer {
	above, below := fyne.CanvasObject(widget.NewSeparator()), fyne.CanvasObject(nil)
	if b.atTop {
		above, below = nil, above
	}
	return widget.NewSimpleRenderer(container.NewStack(b.back, container.NewBorder(above, below, nil, nil,
		sided(2*look.Step, look.Step, 3*look.Step, look.Step, container.New(&bannerLayout{}, b.words, b.buttons)))))
}

// Semantics implements access.Semantic: a banner is spoken when it appears or changes.
func (b *banner) Semantics() access.Node {
	return access.Node{Role: access.Alert, Text: b.words.Words(), Live: access.Politely, Inside: []fyne.CanvasObject{b.buttons}}
}

func (b *banner) show(n notice) {
	same := sameNotice(n, b.shown)
	b.shown = n
	if same {
		return
	}
	if n.words == "" {
		b.Hide()
		return
	}
	if n.tint == "" {
		n.tint, n.ink = look.ColorSurface, theme.ColorNameForeground
	}
	b.back.name = n.tint
	b.back.Refresh()
	b.words.SetColor(n.ink)
	b.words.SetText(n.words)
	b.buttons.Objects = nil
	for i, o := range n.actions {
		press := func() { b.shown.actions[i].do() }
		if o.main {
			b.buttons.Add(newMainButton(o.label, press))
		} else {
			b.buttons.Add(newButton(o.label, press))
		}
	}
	b.Show()
	b.Refresh()
}

// sameNotice compares what is seen; offers that are called the same do the same.
func sameNotice(a, b notice) bool {
	if a.words != b.words || a.tint != b.tint || len(a.actions) != len(b.actions) {
		return false
	}
	for i := range a.actions {
		if a.actions[i].label != b.actions[i].label {
			return false
		}
	}
	return true
}

// bannerLayout sets the words beside the buttons, or above them where that is less high.
type bannerLayout struct {
	width  float32
	asked  bannerQuestion
	answer bannerAnswer
}

// A bannerQuestion is what the places depend on: as long as it stays the same, nothing has to be measured.
type bannerQuestion struct {
	words       string
	width, text float32
	buttons     fyne.Size
}

type bannerAnswer struct {
	beside bool
	words  fyne.Size
}

// bannerWords is the least width of words that stand beside buttons.
const bannerWords = 196

// row is how large the buttons are in the width that there is.
func (l *bannerLayout) row(buttons fyne.CanvasObject) fyne.Size {
	buttons.(*fyne.Container).Layout.(*rowLayout).room = l.width
	return buttons.MinSize()
}

// places tells whether the words stand beside the buttons, and how large they are then.
func (l *bannerLayout) places(words *look.Text, buttons fyne.Size) bannerAnswer {
	asked := bannerQuestion{words.Words(), l.width, theme.TextSize(), buttons}
	if asked == l.asked {
		return l.answer
	}
	tall := func(width float32) fyne.Size {
		words.Resize(fyne.NewSize(width, words.MinSize().Height))
		return fyne.NewSize(width, words.MinSize().Height)
	}
	l.asked = asked
	if room := l.width - buttons.Width - look.Step; buttons.Width == 0 || room >= bannerWords {
		beside := tall(room)
		if above := tall(l.width); buttons.Width == 0 || max(beside.Height, buttons.Height) <= above.Height+buttons.Height+look.Step {
			l.answer = bannerAnswer{true, beside}
			return l.answer
		}
	}
	l.answer = bannerAnswer{false, tall(l.width)}
	return l.answer
}

// Layout implements fyne.Layout.
func (l *bannerLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	words, buttons := objects[0].(*look.Text), objects[1]
	l.width = size.Width
	b := l.row(objects[1])
	p := l.places(words, b)
	words.Resize(p.words)
	buttons.Resize(b)
	defer look.Turn(objects, size.Width)
	if !p.beside {
		words.Move(fyne.Position{})
		buttons.Move(fyne.NewPos(size.Width-b.Width, p.words.Height))
		return
	}
	words.Move(fyne.NewPos(0, max((size.Height-p.words.Height)/2, 0)))
	buttons.Move(fyne.NewPos(size.Width-b.Width, (size.Height-b.Height)/2))
}

// MinSize implements fyne.Layout. The height is that for the width there was last.
func (l *bannerLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	b := l.row(objects[1])
	p := l.places(objects[0].(*look.Text), b)
	if p.beside {
		return fyne.NewSize(b.Width, max(p.words.Height, b.Height+look.Step))
	}
	return fyne.NewSize(b.Width, p.words.Height+b.Height+look.Step)
}

// talkNotice is what stands above the composer: why sending is blocked or waits, and what to do.
func (d *desk) talkNotice(c session.Contact) notice {
	r, name := c.Ref, words{"Name": c.Name}
	start := func() { d.engine.StartPrivate(r) }
	danger := func(s string, o ...offer) notice {
		return notice{s, look.ColorNotPrivateBg, look.ColorNotPrivate, o}
	}
	calm := func(s string, o ...offer) notice { return notice{words: s, actions: o} }
	switch {
	case c.Blocked:
		return calm(lang.L("You have blocked {{.Name}}: nothing comes from them, and nothing goes to them.", name),
			offer{label: lang.L("Unblock"), do: func() { d.unblock(c) }})
	case c.Wants:
		return calm(requestWords(c),
			offer{label: lang.L("Block"), do: func() { d.block(c) }},
			offer{label: lang.L("Decline"), do: func() { d.engine.Decline(r) }}, offer{label: lang.L("Accept"), do: func() { d.engine.Accept(r) }, main: true})
	case !c.Held.IsZero():
		return danger(lang.L("You have blocked sending to {{.Name}} since {{.Day}}. Nothing goes out.", words{"Name": c.Name, "Day": dateWords(c.Held.Local())}),
			offer{label: lang.L("Why?"), do: func() { d.keyStory(r) }}, offer{label: lang.L("Allow sending"), do: func() { d.engine.Release(r) }, main: true})
	case c.KeyChange != nil:
		return danger(lang.L("{{.Name}} uses a new key. You had verified the old one, so nothing is sent until you decide.", name),
			offer{label: lang.L("Decide"), do: func() { d.decideKey(r) }, main: true})
	case c.NeedsVerified:
		return calm(lang.L("You write to verified keys only, and nobody has verified this key of {{.Name}}. What waits goes out once you have.", name),
			offer{label: lang.L("Compare fingerprints"), do: func() { d.compare(r) }}, offer{label: lang.L("Verify"), do: func() { d.verify(r) }, main: true})
	case c.Lock == session.FinishedLock, c.WeEnded:
		return d.finishedNotice(c)
	case c.OnlyV2 && !c.AllowV2 && c.Lock == session.NotPrivate && c.SendMode == session.SendWhenPrivate:
		return d.onlyV2Notice(c)
	case c.NoAnswer && c.KeyRule == session.OnlyVerified:
		return danger(lang.L("The program of {{.Name}} does not answer the invitation to a private conversation. What you wrote waits here: you write to verified keys only.", name),
			offer{label: lang.L("Invite again"), do: start, main: true})
	case c.NoAnswer:
		return danger(lang.L("The program of {{.Name}} does not answer the invitation to a private conversation. Perhaps it cannot. What you wrote waits here; nothing was sent unencrypted.", name),
			offer{label: lang.L("Write unencrypted"), do: func() { d.confirmUnencrypted(c) }}, offer{label: lang.L("Invite again"), do: start, main: true})
	}
	if n := d.linkNotice(c); n.words != "" {
		return n
	}
	if n := d.waitNotice(c); n.words != "" {
		return n
	}
	return d.verifyNotice(c)
}

// requestWords says who asks to be a contact, and what they wrote with it.
func requestWords(c session.Contact) string {
	if said := quoted(c.Request); said != "" {
		return lang.L("{{.Name}} wants to be your contact: to write to you and to see when you are online. They write: “{{.Text}}”",
			words{"Name": c.Ref.Contact, "Text": said})
	}
	return lang.L("{{.Name}} wants to be your contact: to write to you and to see when you are online.", words{"Name": c.Ref.Contact})
}

func (d *desk) finishedNotice(c session.Contact) notice {
	r := c.Ref
	n := notice{
		words: lang.L("The private conversation has ended. Nothing is sent until you decide.", words{"Name": c.Name}),
		tint:  look.ColorFinishedBg, ink: look.ColorFinished,
		actions: []offer{{label: lang.L("Start again"), do: func() { d.startAgain(c) }, main: true}},
	}
	if !startsAgain(c) {
		n.actions = nil
	}
	if c.Policy != session.Require {
		n.actions = append([]offer{{label: lang.L("Go on unencrypted"), do: func() { d.engine.EndPrivate(r) }}}, n.actions...)
	}
	return n
}

// startsAgain tells whether a private conversation that has ended can begin again, or wait for that, without a text going out in clear
// meanwhile.
func startsAgain(c session.Contact) bool {
	return c.Policy == session.Require || c.Presence != session.PresenceOffline
}

// startAgain also leaves Finished where nobody is there to begin with: one can write on, and it waits.
func (d *desk) startAgain(c session.Contact) {
	if c.Policy == session.Require && c.Presence == session.PresenceOffline {
		d.engine.EndPrivate(c.Ref)
	}
	d.engine.StartPrivate(c.Ref)
}

// waitNotice says what a text would wait for. It is empty where a text goes out at once.
func (d *desk) waitNotice(c session.Contact) notice {
	name := words{"Name": c.Name}
	a, _ := d.model.Account(c.Account)
	switch {
	case c.Trouble != session.WhyNone:
		return notice{words: troubleWords(c), tint: look.ColorUnverifiedBg, ink: look.ColorUnverified}
	case c.Asked && c.Presence == session.PresenceOffline:
		return notice{words: lang.L("You have asked {{.Name}} to be your contact. There is no answer yet.", name)}
	case c.SendMode == session.SendBlocked:
		return notice{words: lang.L("{{.Name}} is not a contact of yours, so nothing can be sent.", name),
			actions: []offer{{label: lang.L("Add contact"), do: func() { d.addContact(c.Ref.Contact) }}}}
	case a.State != session.Online:
		return notice{words: lang.L("You are not connected. What you write waits here.")}
	case c.SendMode == session.SendWhenPrivate && c.Presence == session.PresenceOffline:
		return notice{words: lang.L("{{.Name}} is offline. What you write waits here and goes out privately when {{.Name}} is back.", name)}
	case c.SendMode == session.SendWhenPrivate && !c.Starting:
		return notice{words: lang.L("There is no private conversation with {{.Name}} now. What you write waits here and goes out privately once there is one.", name),
			actions: []offer{{label: lang.L("Start private conversation"), do: func() { d.engine.StartPrivate(c.Ref) }, main: true}}}
	case c.SendMode == session.SendWhenPrivate:
		return notice{words: lang.L("Setting up a private conversation with {{.Name}}. What you write waits here and goes out privately.", name)}
	}
	return notice{}
}

// verifyNotice goes on with a check that is under way, or offers one: beside the conversation, never in its way. What the person has put off
// for a key is not offered again, but for a wish of the other side.
func (d *desk) verifyNotice(c session.Contact) notice {
	if !live(c) {
		return notice{}
	}
	r, name := c.Ref, words{"Name": c.Name}
	run, _ := d.model.SMP(r)
	later := offer{label: lang.L("Not now"), do: func() { d.engine.PutOff(r, *c.Key) }}
	verify := offer{label: lang.L("Verify"), do: func() { d.verify(r) }, main: true}
	cancel := func(label string) offer {
		return offer{label: label, do: func() { d.engine.CancelSMP(r) }}
	}
	switch {
	case run.Stage == session.SMPNeedsAnswer && run.Number > 0:
		return notice{words: lang.L("{{.Name}} is checking that it is really you, and waits for your answer.", name),
			actions: []offer{cancel(lang.L("Decline")), {label: lang.L("Answer"), do: func() { d.answer(r) }, main: true}}}
	case run.Stage == session.SMPWaiting && run.Ours && run.Number > 0:
		return notice{words: lang.L("Waiting for the answer of {{.Name}}, until {{.Time}}.", words{"Name": c.Name, "Time": clockWords(run.Until.In(d.shell.zone))}),
			actions: []offer{cancel(lang.L("Cancel")), {label: lang.L("Show"), do: func() { d.verify(r) }}}}
	case c.Verified != session.NotVerified:
		return notice{}
	case c.WantsVerified:
		return notice{words: lang.L("{{.Name}} asks you to verify that it is really {{.Name}}.", name), actions: []offer{later, verify}}
	case offered(c):
		return notice{words: lang.L("This is private, but nobody has checked that it is really {{.Name}}. One small check settles it.", name), actions: []offer{later, verify}}
	}
	return notice{}
}

// offered tells whether the band of the conversation offers to check the key in use, and says why.
func offered(c session.Contact) bool {
	return c.Verified == session.NotVerified && !c.WantsVerified && !putOff(c)
}

// putOff tells whether the person did not want to verify the key in use when it was offered.
func putOff(c session.Contact) bool {
	i := slices.IndexFunc(c.Keys, func(k session.Key) bool { return k.Fingerprint == *c.Key })
	return i >= 0 && c.Keys[i].PutOff
}
