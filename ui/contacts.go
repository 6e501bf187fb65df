package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A contactPane is the left side: the search, the contacts, the account.
type contactPane struct {
	desk    *desk
	content fyne.CanvasObject
	search  *field
	list    *contactList
	empty   *look.Text
	invite  *button // under empty, where the list is only the beginning
	account *accountBar
}

func newContactPane(d *desk) *contactPane {
	p := &contactPane{desk: d, search: access.Name(newField(lang.L("Search")), lang.L("Search")), account: newAccountBar(d)}
	p.search.Icon = theme.SearchIcon()
	p.search.OnChanged = func(string) { p.refresh() }
	p.search.OnSubmitted = func(string) { p.openFirst() }
	p.search.escape = p.leaveSearch
	p.list = newContactList(d)
	p.empty = look.NewText("", look.Hint).Center()
	add := newIconButton(lang.L("Add contact"), theme.ContentAddIcon(), func() { d.addContact("") })
	p.invite = newMainButton(lang.L("Add a contact"), func() { d.addContact("") })
	top := inset(2*look.Step, 2*look.Step, look.Step, 2*look.Step, container.NewBorder(nil, nil, nil, add, p.search))
	bottom := container.NewVBox(widget.NewSeparator(), p.account)
	rows := container.NewStack(p.list, inset(4*look.Step, 8*look.Step, 4*look.Step, 0, container.NewVBox(p.empty, gap(0, look.Step), container.NewCenter(p.invite))))
	p.content = container.NewStack(filled(look.ColorSurface, 0), bordered(top, bottom, nil, nil, rows))
	return p
}

func (p *contactPane) openFirst() {
	if len(p.list.rows) > 0 {
		p.desk.main.open(p.list.rows[0].Ref)
		p.search.SetText("")
	}
}

func (p *contactPane) leaveSearch() {
	p.search.SetText("")
	p.desk.main.talk.focus()
}

func (p *contactPane) refresh() {
	p.list.set(p.desk.model.Contacts(p.search.Text), p.desk.main.shown)
	p.empty.SetText(p.emptyWords())
	p.invite.Hidden = len(p.list.rows) > 0 || p.search.Text != "" || p.desk.practising
	p.invite.Refresh()
	p.account.refresh()
}

func (p *contactPane) emptyWords() string {
	switch {
	case len(p.list.rows) > 0:
		return ""
	case p.search.Text != "":
		return lang.L("Nobody of that name.")
	case p.desk.practising:
		return lang.L("One moment: a contact to practise with is on the way.")
	}
	return lang.L("Your contacts will stand here.")
}

// A contactList is the list itself, which also says what stands in it to those who do not see it.
type contactList struct {
	widget.List
	desk     *desk
	rows     []model.Row
	chosen   session.Ref
	choosing bool // the list marks a row that the program has chosen
}

func newContactList(d *desk) *contactList {
	l := &contactList{desk: d}
	l.HideSeparators = true
	l.Length = func() int { return len(l.rows) }
	l.CreateItem = func() fyne.CanvasObject { return newContactRow() }
	l.UpdateItem = func(id widget.ListItemID, o fyne.CanvasObject) {
		if id < len(l.rows) {
			o.(*contactRow).set(l.rows[id], l.rows[id].Ref == l.chosen)
		}
	}
	l.OnSelected = func(id widget.ListItemID) {
		if !l.choosing && id < len(l.rows) {
			l.desk.main.open(l.rows[id].Ref)
		}
	}
	l.ExtendBaseWidget(l)
	return l
}

func (l *contactList) set(rows []model.Row, chosen session.Ref) {
	l.rows, l.chosen = rows, chosen
	l.choosing = true
	defer func() { l.choosing = false }()
	l.UnselectAll()
	l.Refresh()
}

// Semantics implements access.Semantic.
func (l *contactList) Semantics() access.Node {
	n := access.Node{Role: access.List, Name: lang.L("Contacts")}
	for _, r := range l.rows {
		item := access.Node{Role: access.ListItem, Key: r.Ref, Name: r.Name, Text: rowSpoken(r), State: access.Selectable,
			Press: func() { l.desk.main.open(r.Ref) }}
		if r.Ref == l.chosen {
			item.State |= access.Selected
		}
		n.Parts = append(n.Parts, item)
	}
	return n
}

func rowSpoken(r model.Row) string {
	said := []string{presenceWord(r.Presence), lockWord(r.Contact)}
	if r.Unread > 0 {
		said = append(said, lang.N("{{.Count}} unread", r.Unread, words{"Count": r.Unread}))
	}
	return strings.Join(append(said, rowWords(r)), ", ")
}

// rowWords is the second line of a contact in the list.
func rowWords(r model.Row) string {
	switch {
	case r.Blocked:
		return lang.L("blocked")
	case r.Wants:
		return lang.L("wants to be your contact")
	case r.Typing == session.TypingNow:
		return lang.L("is writing…")
	case r.Last != "" && r.LastOurs:
		return lang.L("You: {{.Text}}", words{"Text": r.Last})
	case r.Last != "":
		return r.Last
	case r.Asked:
		return lang.L("has not answered yet")
	case r.Status != "":
		return r.Status
	case r.ShowAddress:
		return r.Ref.Contact
	}
	return presenceWord(r.Presence)
}

// badgeCount is what waits for the person: messages not read yet, and a request not answered.
func badgeCount(r model.Row) int {
	if r.Wants {
		return r.Unread + 1
	}
	return r.Unread
}

func presenceMark(p session.Presence) look.Presence {
	switch p {
	case session.PresenceOnline, session.PresenceChatty:
		return look.PresenceOnline
	case session.PresenceAway, session.PresenceLongAway:
		return look.PresenceAway
	case session.PresenceBusy:
		return look.PresenceBusy
	}
	return look.PresenceOffline
}

// A contactRow draws one contact of the list.
type contactRow struct {
	widget.BaseWidget
	back     *wash
	avatar   *look.Avatar
	presence *look.Mark
	name     *look.Text
	lock     *look.Mark
	last     *look.Text
	badge    *look.Badge
}

func newContactRow() *contactRow {
	r := &contactRow{
		back:     filled(look.ColorSelected, look.SmallRadius),
		avatar:   look.NewAvatar("", ""),
		presence: look.NewMark(look.PresenceOffline.Icon(), look.PresenceSize, ""),
		name:     look.NewLine("", look.Strong),
		lock:     look.NewLockMark(look.LockOpen, look.LockSmall, ""),
		last:     look.NewLine("", look.Hint),
		badge:    look.NewBadge(0),
	}
	r.ExtendBaseWidget(r)
	return r
}

func (r *contactRow) set(c model.Row, chosen bool) {
	r.back.Hidden = !chosen
	r.avatar.Set(c.Ref.Contact, c.Name)
	r.presence.Set(presenceMark(c.Presence).Icon(), "")
	name := c.Name
	if c.ShowAddress && c.Last != "" {
		name += " · " + c.Ref.Contact
	}
	r.name.SetText(name)
	r.lock.Set(lockShape(c.Contact).Icon(look.LockSmall), "")
	if c.Lock == session.NotPrivate && !starting(c.Contact) {
		r.lock.Clear()
	}
	r.last.SetText(rowWords(c))
	r.badge.Set(badgeCount(c))
	r.Refresh()
}

// Semantics implements access.Semantic: the list speaks for its rows.
func (r *contactRow) Semantics() access.Node { return access.Node{} }

// CreateRenderer implements fyne.Widget.
func (r *contactRow) CreateRenderer() fyne.WidgetRenderer {
	return &contactRowRenderer{row: r, objects: []fyne.CanvasObject{r.back, r.avatar, r.presence, r.name, r.lock, r.last, r.badge}}
}

type contactRowRenderer struct {
	row     *contactRow
	objects []fyne.CanvasObject
}

func (r *contactRowRenderer) MinSize() fyne.Size           { return fyne.NewSize(120, look.RowTall()) }
func (r *contactRowRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *contactRowRenderer) Destroy()                     {}

// Layout implements fyne.WidgetRenderer. Texts bring a margin of their own, which here has to overlap.
func (r *contactRowRenderer) Layout(size fyne.Size) {
	row, pad := r.row, theme.InnerPadding()
	row.back.Move(fyne.NewPos(look.Step, 1))
	row.back.Resize(fyne.NewSize(size.Width-2*look.Step, size.Height-2))
	left := 3 * look.Step
	middle := (size.Height - look.AvatarSize) / 2
	row.avatar.Move(fyne.NewPos(left, middle))
	row.avatar.Resize(fyne.NewSquareSize(look.AvatarSize))
	row.presence.Move(fyne.NewPos(left+look.AvatarSize-look.PresenceSize+2, middle+look.AvatarSize-look.PresenceSize+2))
	row.presence.Resize(fyne.NewSquareSize(look.PresenceSize))

	text, right := left+look.AvatarSize+3*look.Step, size.Width-3*look.Step
	lock, badge := float32(look.LockSmall), row.badge.MinSize()
	nameHeight, lastHeight := row.name.MinSize().Height, row.last.MinSize().Height
	total := nameHeight + lastHeight - 3*pad
	top := (size.Height - total - pad) / 2
	row.lock.Move(fyne.NewPos(right-lock-2, top+(nameHeight-lock)/2-2))
	row.lock.Resize(fyne.NewSquareSize(lock))
	row.name.Move(fyne.NewPos(text-pad, top))
	row.name.Resize(fyne.NewSize(right-lock-text+pad, nameHeight))
	row.badge.Move(fyne.NewPos(right-badge.Width, top+nameHeight-2*pad+(lastHeight-badge.Height)/2+4))
	row.badge.Resize(badge)
	row.last.Move(fyne.NewPos(text-pad, top+nameHeight-2*pad+2))
	row.last.Resize(fyne.NewSize(right-badge.Width-text+2*pad, lastHeight))
}

// Refresh implements fyne.WidgetRenderer.
func (r *contactRowRenderer) Refresh() {
	r.row.back.Refresh()
	r.Layout(r.row.Size())
}
