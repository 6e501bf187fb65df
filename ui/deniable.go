package ui

import (
	"fmt"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

const (
	deniableWidth = 560
	deniableTexts = 40 // of the last ones can be chosen
	wireShown     = 48 // characters of a message as it was on the wire
)

// deniable opens the page on which one sees what somebody could prove from a conversation.
func (d *desk) deniable(r session.Ref) {
	p := &deniability{}
	d.openSheet("deniable", r, func(s *sheet) { s.wide(deniableWidth); p.sheet = s; p.update() })
}

// A deniability lets the person change a text of the conversation and see that it still checks. Nothing is sent, and nothing kept: what
// is shown is computed by the session with the keys that both programs have published.
type deniability struct {
	*sheet
	shown  bool
	texts  []session.Exhibit // that can be changed, newest first
	labels []string
	at     int // the chosen one
	words  *field
	said   *look.Text
	about  *look.Text
	before *widget.Label
	after  *widget.Label
}

// update fills the page once there is something to show, and leaves it alone then: somebody may be typing.
func (p *deniability) update() {
	if p.shown {
		return
	}
	all := p.desk.engine.Exhibits(p.ref)
	p.texts = slices.DeleteFunc(slices.Clone(all), func(e session.Exhibit) bool { return !e.Published || model.OneLine(model.Body(e.Text)) == "" })
	slices.Reverse(p.texts)
	p.texts = p.texts[:min(len(p.texts), deniableTexts)]
	name := words{"Name": p.contact().Name}
	title := lang.L("What could someone prove from this chat?")
	done := newMainButton(lang.L("Close"), p.close)
	body := []fyne.CanvasObject{
		look.NewText(lang.L("That you and {{.Name}} wrote to each other: servers on the way have seen that, and when. But not what was written.", name), look.Body),
		look.NewText(lang.L("Each private message was sealed with a key that only the two of you had. As soon as such a key has done its work, both programs publish it. From then on anybody who knows what a message said can change it and seal it anew, and the seal is right. So a sealed message shows nobody who wrote it.", name), look.Body),
	}
	if len(p.texts) == 0 {
		body = append(body, hint(p.nothingWords(len(all))))
		p.turn(leaf{title: title, body: body, buttons: []*button{done}, first: done, enter: p.close})
		return
	}
	p.shown = true
	for i, e := range p.texts {
		who := p.contact().Name
		if e.Ours {
			who = lang.L("You")
		}
		p.labels = append(p.labels, fmt.Sprintf("%d · %s: %s", len(p.texts)-i, model.Short(who, 20), model.Short(model.OneLine(model.Body(e.Text)), 40)))
	}
	choice := access.Name(newPicker(p.labels), lang.L("Message"))
	p.words = named(newField(""), lang.L("What it says now"))
	p.said, p.about = look.NewText("", look.Strong), look.NewText("", look.Hint)
	p.before, p.after = wireLabel(), wireLabel()
	choice.OnChanged = func(label string) { p.choose(slices.Index(p.labels, label)) }
	body = append(body,
		look.NewText(lang.L("Try it: choose a message and change what it says."), look.Body),
		framed(choice), gap(0, look.Step), p.words, p.said, p.about,
		label(lang.L("As it went over the wire")), onRaised(p.before),
		label(lang.L("As it would have gone")), onRaised(p.after), gap(0, look.Step),
		look.NewText(lang.L("{{.Name}} can still tell others what you wrote, and they may believe it. What you see here is computed on this computer; nothing of it is sent or kept.", name), look.Hint),
	)
	choice.SetSelectedIndex(0)
	p.turn(leaf{title: title, body: body, buttons: []*button{done}, first: p.words, enter: p.close})
	p.words.OnChanged = func(string) { p.forge() }
	p.wipe = func() { p.words.OnChanged = nil }
}

func (p *deniability) nothingWords(private int) string {
	if private == 0 {
		return lang.L("There is nothing to try it with: no private message was written since Sotto was started.")
	}
	return lang.L("No key of this chat has been published yet: so far only the two of you could have made its messages. Keep writing, or end the private conversation, and look again.")
}

func onRaised(o fyne.CanvasObject) fyne.CanvasObject {
	return container.NewStack(filled(look.ColorRaised, look.SmallRadius), o)
}

func wireLabel() *widget.Label {
	l := widget.NewLabel("")
	l.TextStyle.Monospace = true
	l.Truncation = fyne.TextTruncateClip
	return l
}

func (p *deniability) choose(i int) {
	if i < 0 {
		return
	}
	p.at = i
	p.words.SetText(model.OneLine(model.Body(p.texts[i].Text)))
	p.forge()
}

// forge has the session change the chosen message, and says what came of it.
func (p *deniability) forge() {
	e := p.texts[p.at]
	f, err := p.desk.engine.Forge(p.ref, e.Number, p.words.Text)
	switch {
	case err != nil:
		p.said.SetText(lang.L("This cannot be tried: what the program of the other side added to the message is not known, so it cannot become longer."))
		p.about.SetText("")
		p.before.SetText("")
		p.after.SetText("")
	case !f.Checks || f.Bare:
		p.said.SetText(lang.L("The seal is not right. This should not be: please tell the people who make Sotto."))
		p.about.SetText("")
	default:
		p.said.SetText(lang.L("The seal is right."))
		p.about.SetText(lang.L("Checked just now, with a key that was published: {{.Key}}. Without a new seal the change would show; that was checked, too.", words{"Key": f.Key}))
		p.before.SetText(aroundChange(f.Before, f.After))
		p.after.SetText(aroundChange(f.After, f.Before))
	}
	if p.root.Objects != nil {
		p.fit()
	}
}

// aroundChange is a piece of a, from where it differs from b.
func aroundChange(a, b string) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	if at == len(a) {
		at = 0
	}
	from := max(0, min(at-4, len(a)-wireShown))
	piece := a[from:min(len(a), from+wireShown)]
	if from > 0 {
		piece = "…" + piece
	}
	if from+wireShown < len(a) {
		piece += "…"
	}
	return piece
}
