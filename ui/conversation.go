package ui

import (
	"strings"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A talkPane is the right side: one conversation. Its header is ours alone: the lock stands there at the same place always, drawn
// from the contact's state and never from a text.
type talkPane struct {
	desk     *desk
	window   fyne.Window
	apart    *chatWindow // the window of its own that it stands in; nil: the main window
	ref      session.Ref
	content  *fyne.Container
	nobody   fyne.CanvasObject
	somebody fyne.CanvasObject

	back   *button
	avatar *look.Avatar
	face   *fyne.Container // the avatar in its place
	name   *look.Text
	about  *look.Text
	lock   *look.LockButton
	more   *button
	strip  *deviceStrip
	header fyne.CanvasObject

	search   *searchBar
	view     *chat.View
	rows     *talkRows
	blocked  *banner // why a text waits or cannot be sent
	changed  *banner // what became different while one was typing
	composer *chat.Composer
	send     *button
	smile    *button
	writing  *fyne.Container // the composer and its button
	sending  *entryLayout
	room     *fyne.Container // how much more can be written, where that is not much
	left     *look.Text      // the words for it
	loading  bool            // the composer is being filled by the program
}

func newTalkPane(d *desk, w fyne.Window) *talkPane {
	t := &talkPane{
		desk:     d,
		window:   w,
		avatar:   look.NewAvatar("", ""),
		name:     look.NewLine("", look.Header).InLanguage(),
		about:    look.NewLine("", look.Hint).InLanguage(),
		view:     chat.NewView(),
		blocked:  newBanner(),
		changed:  newBanner(),
		composer: access.Name(chat.NewComposer(), lang.L("Message")),
	}
	t.back = newIconButton(lang.L("Back to the contacts"), backIcon(), func() { d.main.showList() })
	t.back.Hide()
	t.strip = newDeviceStrip(d)
	t.lock = look.NewLockButton(look.LockOpen, "", t.openLock)
	t.more = newIconButton(lang.L("More about this contact"), theme.MoreHorizontalIcon(), t.openMore)
	t.send = newMainButton("", t.submit)
	t.composer.OnSend = func(string) { t.submit() }
	t.composer.OnChanged = t.typed
	t.composer.OnTooLong = func() {
		t.changed.show(notice{words: lang.L("This is as long as a message can be. Send it in parts.")})
	}
	t.composer.OnLongPaste = t.confirmPaste
	t.composer.OnPage = t.view.ScrollPages
	t.composer.OnEscape = t.escape
	t.composer.OnShortcut = t.shortcut
	t.composer.OnFocus = t.held
	t.composer.Recall = func() string { return d.model.LastSent(t.ref) }
	t.composer.EnterBreaks = func() bool { return d.shell.choices.now.EnterBreaks }
	t.view.OnLink = t.follow
	t.view.OnMenu = t.openRowMenu
	t.view.OnEscape = t.focus
	t.view.OnRune = t.typeOn
	t.view.OnShortcut = t.shortcut
	t.smile = newIconButton(lang.L("Emoji"), look.IconSmile.In(look.ColorMuted), t.openEmoji)
	t.left = look.NewLine("", look.Hint).InLanguage()
	t.room = inset(look.Step, 0, look.Step, -5*look.Step, t.left)
	t.room.Hide()
	t.search = newSearchBar(t)
	t.somebody = t.build()
	t.nobody = placard(lang.L("Choose a contact to write to."))
	t.content = container.NewStack(t.nobody)
	return t
}

func (t *talkPane) build() fyne.CanvasObject {
	who := container.New(&headerWords{}, t.name, t.about)
	t.face = sided(2*look.Step, 0, 0, 0, container.NewCenter(t.avatar))
	left := container.New(reading(layout.NewHBoxLayout()), t.back, t.face)
	right := container.New(reading(layout.NewHBoxLayout()), container.NewCenter(t.lock), container.NewCenter(t.more))
	header := container.NewStack(filled(look.ColorSurface, 0), container.NewVBox(
		inset(look.Step, look.Step, look.Step, look.Step, ranked(left, right, who)),
		t.strip, widget.NewSeparator()))
	t.sending = &entryLayout{composer: t.composer}
	t.writing = container.New(t.sending, container.New(&besideEntry{}, t.composer, t.smile), t.send)
	bottom := piled(t.blocked, t.changed, container.NewStack(filled(look.ColorSurface, 0), piled(widget.NewSeparator(),
		t.room, inset(3*look.Step, 3*look.Step+1, 3*look.Step, 3*look.Step+2, t.writing))))
	t.header = header
	return stacked(piled(header, t.search), t.view, bottom)
}

// headerWords sets name and presence close above one another.
type headerWords struct{}

// Layout implements fyne.Layout.
func (*headerWords) Layout(o []fyne.CanvasObject, size fyne.Size) {
	pad := theme.InnerPadding()
	name, about := o[0].MinSize().Height, o[1].MinSize().Height
	top := (size.Height - name - about + 2*pad) / 2
	o[0].Move(fyne.NewPos(0, top))
	o[0].Resize(fyne.NewSize(size.Width, name))
	o[1].Move(fyne.NewPos(0, top+name-2*pad+2))
	o[1].Resize(fyne.NewSize(size.Width, about))
}

// MinSize implements fyne.Layout.
func (*headerWords) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(14*look.Step, o[0].MinSize().Height+o[1].MinSize().Height-2*theme.InnerPadding())
}

// open shows a conversation, with the draft that was left in it. It begins at what is new, where that does not fit into the window.
func (t *talkPane) open(r session.Ref) {
	if t.ref == r {
		return
	}
	t.ref = r
	t.loading = true
	draft, _ := t.desk.model.Draft(r)
	t.composer.SetText(draft)
	t.loading = false
	t.changed.show(notice{})
	t.search.close()
	t.rows = t.desk.newRows(r)
	t.rows.mark(t.rows.unread())
	t.view.Open(t.rows)
	t.view.ScrollTo(newID)
	t.content.Objects = []fyne.CanvasObject{t.somebody}
	t.refresh()
	t.showRoom()
	t.content.Refresh() // after all has its words: their widths decide about the places
	t.focus()
}

// close shows that no conversation is open.
func (t *talkPane) close() {
	t.ref = session.Ref{}
	t.content.Objects = []fyne.CanvasObject{t.nobody}
	t.content.Refresh()
}

func (t *talkPane) isOpen() bool { return t.ref != session.Ref{} }

func (t *talkPane) focus() {
	if t.isOpen() && !t.composer.Disabled() {
		t.window.Canvas().Focus(t.composer)
	}
}

// refresh shows how the contact is now.
func (t *talkPane) refresh() {
	c, _ := t.desk.model.Contact(t.ref)
	t.avatar.Set(c.Ref.Contact, c.Name)
	t.name.SetText(c.Name)
	t.about.SetText(t.aboutWords(c))
	t.lock.Set(lockShape(c), lockWord(c))
	t.blocked.show(t.desk.talkNotice(c))
	t.strip.show(c)
	t.composer.SetHints(writeWords(c)...)
	t.refreshSend(c)
}

func (t *talkPane) refreshSend(c session.Contact) {
	t.send.SetText(sendLabel(c))
	t.send.Importance, t.send.Icon = widget.HighImportance, nil
	if c.SendMode == session.SendUnencrypted {
		t.send.Importance, t.send.Icon = widget.MediumImportance, look.LockOpen.Icon(look.LockSmall)
	}
	if c.SendMode == session.SendBlocked {
		t.composer.Disable()
		t.send.Disable()
	} else {
		t.composer.Enable()
		t.send.Enable()
	}
	t.send.Refresh()
	t.describe()
	t.warnOfChange(c)
}

// describe says to those who hear the screen, where they write, what the button says, and which key does it.
func (t *talkPane) describe() {
	said := t.send.Text
	if !t.send.Disabled() {
		said = lang.L("{{.Key}}: {{.What}}", words{"Key": t.desk.shell.sendKey().words(), "What": said})
	}
	access.Describe(t.composer, said)
}

// warnOfChange says in time that a text would go with less protection than it was typed for. Then it takes more than Enter.
func (t *talkPane) warnOfChange(c session.Contact) {
	_, intent := t.desk.model.Draft(t.ref)
	if c.SendMode == session.SendBlocked || !intent.Lowered(c) {
		return
	}
	said := lang.L("What stands here was to go privately. Now it would go unencrypted, so it was not sent.")
	if c.SendMode != session.SendUnencrypted {
		said = lang.L("What stands here was to go to the verified {{.Name}}. Now it would go to a key that nobody has verified, so it was not sent.", words{"Name": c.Name})
	}
	t.changed.show(notice{
		words: said,
		tint:  look.ColorNotPrivateBg, ink: look.ColorNotPrivate,
		actions: []offer{{label: lang.L("I want that"), do: func() {
			c, _ := t.desk.model.Contact(t.ref)
			t.desk.model.SetDraft(t.ref, t.composer.Text, intent.Agreed(c))
			t.changed.show(notice{})
			t.focus()
		}}},
	})
}

// askAgain says that the button has changed since the last keystroke, where that takes no protection away: pressing it once more is
// enough.
func (t *talkPane) askAgain(c session.Contact, intent model.Intent) {
	t.desk.model.SetDraft(t.ref, t.composer.Text, intent.Agreed(c))
	t.changed.show(notice{
		words: lang.L("Nothing was sent yet, because something changed after you had typed. The button says “{{.Label}}” now. Press it again if that is right.", words{"Label": t.send.Text}),
		tint:  look.ColorUnverifiedBg, ink: look.ColorUnverified,
	})
}

// ownResource begins what Sotto calls the places it is signed in from: a number that would tell people nothing.
const ownResource = "sotto-"

func (t *talkPane) aboutWords(c session.Contact) string {
	parts := []string{presenceWord(c.Presence)}
	switch c.Typing {
	case session.TypingNow:
		parts = []string{lang.L("is writing…")}
	case session.TypingPaused:
		parts = []string{lang.L("has begun to write")}
	}
	if t.desk.model.ShowAddress(t.ref) {
		parts = append(parts, t.ref.Contact)
	}
	if c.Status != "" {
		parts = append(parts, lang.L("“{{.Text}}”", words{"Text": c.Status}))
	}
	if len(t.desk.model.Accounts()) > 1 {
		parts = append(parts, lang.L("with {{.Account}}", words{"Account": c.Account}))
	}
	if place := placeWords(c.Resource); place != "" && c.Presence != session.PresenceOffline {
		parts = append(parts, place)
	}
	return strings.Join(parts, " · ")
}

// refreshRows shows what is new in the conversation. What comes while nobody looks gets the line that says so above it.
func (t *talkPane) refreshRows() {
	replaced := t.rows.sync()
	if t.rows.fresh == 0 && t.rows.contact.Unread > 0 && !t.front() {
		replaced = t.rows.mark(t.rows.unread()) || replaced
	}
	if replaced {
		t.view.Replaced()
		return
	}
	t.view.Changed()
	t.view.Grown()
}

// front tells whether the person looks at this conversation.
func (t *talkPane) front() bool {
	s := t.desk.shell
	if !s.looking || s.front != t.apart {
		return false
	}
	return t.apart != nil || s.current() == t.desk && t.desk.shown == t.desk.main.content
}

// read tells the session that new messages have been seen.
func (t *talkPane) read() {
	if c, _ := t.desk.model.Contact(t.ref); t.front() && c.Unread > 0 {
		t.desk.engine.Opened(t.ref)
	}
}

// typed keeps the draft, and how the button said it would be sent when it was begun.
func (t *talkPane) typed(text string) {
	if t.loading {
		return
	}
	c, _ := t.desk.model.Contact(t.ref)
	_, intent := t.desk.model.Draft(t.ref)
	t.desk.model.SetDraft(t.ref, text, intent.Typing(text, c))
	t.showRoom()
	if text == "" {
		t.changed.show(notice{})
		t.desk.engine.StoppedTyping(t.ref)
		return
	}
	t.desk.engine.Typing(t.ref)
}

// confirmPaste asks before a whole page gets into a message.
func (t *talkPane) confirmPaste(text string, paste func()) {
	c, _ := t.desk.model.Contact(t.ref)
	size := words{"Lines": strings.Count(strings.TrimRight(text, "\n"), "\n") + 1, "Characters": utf8.RuneCountInString(text), "Name": c.Name}
	t.desk.confirm(lang.L("Paste a long text?"),
		lang.L("It has {{.Lines}} lines and {{.Characters}} characters. It would go to {{.Name}} as one message, when you send it.", size),
		lang.L("Paste"), func() {
			t.focus()
			paste()
		})
}

// submit does what the send button says.
func (t *talkPane) submit() {
	c, _ := t.desk.model.Contact(t.ref)
	text := strings.TrimRight(t.composer.Text, " \t\n")
	if strings.TrimSpace(text) == "" || c.SendMode == session.SendBlocked {
		return
	}
	switch _, intent := t.desk.model.Draft(t.ref); {
	case intent.Lowered(c):
		t.warnOfChange(c)
		return
	case !intent.Allows(c):
		t.askAgain(c, intent)
		return
	}
	if _, err := t.desk.engine.SendAsShown(c, text); err != nil {
		t.changed.show(notice{words: sendErrorWords(err, c), tint: look.ColorNotPrivateBg, ink: look.ColorNotPrivate})
		return
	}
	t.desk.model.SetDraft(t.ref, "", model.Intent{})
	t.loading = true
	t.composer.SetText("")
	t.loading = false
	t.changed.show(notice{})
	t.showRoom()
	if t.rows.mark(0) {
		t.view.Replaced() // who answers has read
	}
	t.view.ScrollToEnd()
	t.focus()
}
