package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// A mainPage is where people live: the contacts on the left, a conversation on the right, and above both what an account needs.
type mainPage struct {
	desk     *desk
	content  fyne.CanvasObject
	problem  *banner
	contacts *contactPane
	talk     *talkPane
	sides    *sides
	box      *fyne.Container
	shown    session.Ref
}

func newMainPage(d *desk) *mainPage {
	p := &mainPage{desk: d, problem: newTopBanner()}
	d.main = p
	p.contacts = newContactPane(d)
	p.talk = newTalkPane(d, d.window)
	line := widget.NewSeparator()
	p.sides = &sides{left: p.contacts.content, line: line, right: p.talk.content, fold: p.fold}
	p.box = container.New(p.sides, p.contacts.content, line, p.talk.content)
	p.content = stacked(p.problem, p.box, nil)
	p.contacts.refresh()
	return p
}

// open shows a conversation and tells the session that the person looks at it. One that has a window of its own comes forward there.
func (p *mainPage) open(r session.Ref) {
	if w := p.desk.chats[r]; w != nil {
		w.comeForward()
		return
	}
	if p.desk.shell.choices.now.Apart && !p.desk.practising {
		p.desk.openApart(r)
		return
	}
	p.show(r)
}

// show shows a conversation beside the contacts.
func (p *mainPage) show(r session.Ref) {
	p.shown = r
	p.talk.open(r)
	p.sides.reading = true
	p.box.Refresh()
	p.contacts.refresh()
	if p.desk.shell.looking {
		p.desk.engine.Opened(r)
	}
	p.talk.focus()
	p.desk.openAsked()
}

// leave closes the conversation, which goes on elsewhere.
func (p *mainPage) leave() {
	p.shown = session.Ref{}
	p.sides.reading = false
	p.talk.close()
	p.box.Refresh()
}

// showList goes back from the conversation to the contacts where only one of them has room.
func (p *mainPage) showList() {
	p.sides.reading = false
	if p.sides.narrow {
		p.shown = session.Ref{}
		p.talk.close()
		p.contacts.refresh()
	}
	p.box.Refresh()
}

// fold is told when both sides begin or cease to have room beside one another.
func (p *mainPage) fold(narrow bool) {
	if narrow { // the name has to be read; the picture stands in the list
		p.talk.back.Show()
		p.talk.face.Hide()
	} else {
		p.talk.back.Hide()
		p.talk.face.Show()
	}
}

// changed shows what a batch of events has made different.
func (p *mainPage) changed(touched, talks map[session.Ref]bool, list bool) {
	if list {
		p.contacts.refresh()
		p.problem.show(p.desk.accountNotice())
	}
	for _, t := range p.desk.talks() {
		t.changedBy(touched, talks, list)
	}
}

// changedBy shows what a batch of events has made different in this conversation. It closes with its contact.
func (t *talkPane) changedBy(touched, talks map[session.Ref]bool, list bool) {
	if _, there := t.desk.model.Contact(t.ref); !there && touched[t.ref] {
		if t.apart != nil {
			t.apart.close()
		} else {
			t.desk.main.leave()
		}
		return
	}
	if list || touched[t.ref] {
		t.refresh()
	}
	if touched[t.ref] || talks[t.ref] {
		t.refreshRows()
		t.read()
	}
}

// step opens the contact that stands by steps below the open one.
func (p *mainPage) step(by int) {
	if r, ok := p.contacts.list.list.Neighbour(p.shown, by); ok {
		p.open(r)
	}
}

// accountNotice says which account needs the person, and offers what helps.
func (d *desk) accountNotice() notice {
	for _, a := range d.model.Accounts() {
		if a.Problem == session.NoProblem {
			continue
		}
		n := notice{words: problemWords(a)}
		if tail := problemTail(a); tail != "" {
			n.words += " " + tail
		}
		n.actions = d.accountOffers(a)
		if a.State == session.Stopped {
			n.tint, n.ink = look.ColorUnverifiedBg, look.ColorUnverified
		}
		return n
	}
	return notice{}
}

func (d *desk) accountOffers(a session.Account) []offer {
	jid := a.JID
	switch a.Problem {
	case session.ProblemPassword, session.ProblemPasswordMissing, session.ProblemOnlyPlain:
		return []offer{{label: lang.L("Type the password"), do: func() { d.openSignIn(jid) }}}
	}
	switch a.Problem {
	case session.ProblemServerKey:
		return []offer{{label: lang.L("Look at it"), do: func() { d.serverKey(jid) }, main: true}}
	case session.ProblemWeakerLogin:
		return []offer{{label: lang.L("Sign in all the same"), do: func() { d.weakerLogin(a) }}, {label: lang.L("Try now"), do: func() { d.engine.Connect(jid) }, main: true}}
	case session.ProblemProxy, session.ProblemNeedsTor:
		return []offer{{label: lang.L("Connect through…"), do: func() { d.chooseProxy(a) }}, {label: lang.L("Try now"), do: func() { d.engine.Connect(jid) }, main: true}}
	}
	if aboutSecrets(a.Problem) {
		return []offer{{label: lang.L("Choose"), do: func() { delete(d.later, jid); d.route() }}}
	}
	return []offer{{label: lang.L("Try now"), do: func() { d.engine.Connect(jid) }}}
}

// sides lays out list and conversation beside one another in the order of reading, or only one of them where the window is narrow.
type sides struct {
	left, line, right fyne.CanvasObject
	reading           bool // the conversation is the one that matters
	narrow            bool
	fold              func(narrow bool)
}

const (
	narrowBelow = 600
	listShare   = 0.32
	listLeast   = 260
	listMost    = 340
)

// Layout implements fyne.Layout.
func (s *sides) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	if narrow := size.Width < narrowBelow; narrow != s.narrow {
		s.narrow = narrow
		s.fold(narrow)
	}
	s.see(s.left, !s.narrow || !s.reading)
	s.see(s.right, !s.narrow || s.reading)
	s.see(s.line, !s.narrow)
	if s.narrow {
		for _, o := range []fyne.CanvasObject{s.left, s.right} {
			o.Move(fyne.Position{})
			o.Resize(size)
		}
		return
	}
	list, line := min(max(size.Width*listShare, listLeast), listMost), s.line.MinSize().Width
	s.left.Move(fyne.Position{})
	s.left.Resize(fyne.NewSize(list, size.Height))
	s.line.Move(fyne.NewPos(list, 0))
	s.line.Resize(fyne.NewSize(line, size.Height))
	s.right.Move(fyne.NewPos(list+line, 0))
	s.right.Resize(fyne.NewSize(size.Width-list-line, size.Height))
	look.Turn([]fyne.CanvasObject{s.left, s.line, s.right}, size.Width)
}

func (s *sides) see(o fyne.CanvasObject, wanted bool) {
	if wanted == o.Visible() {
		return
	}
	if wanted {
		o.Show()
	} else {
		o.Hide()
	}
}

// MinSize implements fyne.Layout: each side must fit alone.
func (s *sides) MinSize([]fyne.CanvasObject) fyne.Size {
	return s.left.MinSize().Max(s.right.MinSize())
}
