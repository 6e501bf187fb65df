package ui

import (
	"image/color"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
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
	invite  *button    // under empty, where the list is only the beginning
	hidden  *look.Link // under the list: those who are offline
	account *accountBar
}

func newContactPane(d *desk) *contactPane {
	p := &contactPane{desk: d, search: access.Name(newField(lang.L("Search")), lang.L("Search")), account: newAccountBar(d)}
	p.search.Icon = theme.SearchIcon()
	p.search.OnChanged = func(string) { p.refresh() }
	p.search.OnSubmitted = func(string) { p.openFirst() }
	p.search.escape = p.leaveSearch
	p.search.down = func() { d.window.Canvas().Focus(p.list) }
	p.list = newContactList(d)
	p.empty = look.NewText("", look.Hint).Center()
	p.hidden = look.NewLink("", p.showOffline)
	p.hidden.Hide()
	add := newIconButton(lang.L("Add contact"), theme.ContentAddIcon(), func() { d.addContact("") })
	p.invite = newMainButton(lang.L("Add contact"), func() { d.addContact("") })
	top := sided(3*look.Step, 4*look.Step, look.Step, 3*look.Step, ranked(nil, add, p.search))
	bottom := container.NewVBox(container.NewCenter(p.hidden), widget.NewSeparator(), p.account)
	rows := container.NewStack(p.list, inset(4*look.Step, 8*look.Step, 4*look.Step, 0, container.NewVBox(p.empty, gap(0, look.Step), container.NewCenter(p.invite))))
	p.content = container.NewStack(filled(look.ColorSurface, 0), bordered(top, bottom, nil, nil, rows))
	return p
}

func (p *contactPane) openFirst() {
	if r, ok := p.list.list.First(); ok {
		p.desk.main.open(r)
		p.search.SetText("")
	}
}

func (p *contactPane) leaveSearch() {
	p.search.SetText("")
	p.desk.main.talk.focus()
}

// searchFor begins a search with what was typed in the list.
func (p *contactPane) searchFor(r rune) {
	p.desk.window.Canvas().Focus(p.search)
	p.search.TypedRune(r)
}

func (p *contactPane) refresh() {
	p.list.set(p.desk.model.List(model.Filter{
		Search: p.search.Text, HideOffline: p.desk.shell.choices.now.HideOffline, Keep: p.desk.isOpen,
		Folded: func(group string) bool { return p.desk.folded[group] },
	}), p.desk.isOpen)
	p.empty.SetText(p.emptyWords())
	p.invite.Hidden = p.list.list.Len() > 0 || p.list.list.Hidden() > 0 || p.search.Text != "" || p.desk.practising
	p.invite.Refresh()
	p.refreshHidden()
	p.account.refresh()
}

// refreshHidden says how many contacts are not on the list because they are offline.
func (p *contactPane) refreshHidden() {
	n := p.list.list.Hidden()
	if n > 0 {
		p.hidden.Set(lang.N("Show {{.Count}} who are offline", n, words{"Count": n}), p.showOffline)
	}
	if (n > 0) == p.hidden.Visible() {
		return
	}
	p.hidden.Hidden = n == 0
	p.content.Refresh()
}

func (p *contactPane) showOffline() {
	p.desk.shell.choices.choose(func(c *store.Preferences) { c.HideOffline = false })
}

func (p *contactPane) emptyWords() string {
	switch {
	case p.list.list.Len() > 0:
		return ""
	case p.search.Text != "":
		return lang.L("Nobody of that name.")
	case p.list.list.Hidden() > 0:
		return lang.L("Nobody is online.")
	case p.desk.practising:
		return lang.L("One moment: a contact to practise with is on the way.")
	}
	return lang.L("Your contacts will stand here.")
}

func rowSpoken(r model.Row) string {
	said := []string{presenceWord(r.Presence), lockWord(r.Contact)}
	if r.Unread > 0 {
		said = append(said, lang.N("{{.Count}} unread", r.Unread, words{"Count": r.Unread}))
	}
	said = append(said, rowWords(r))
	if r.ShowAccount {
		said = append(said, lang.L("with {{.Account}}", words{"Account": r.Account}))
	}
	return strings.Join(said, ", ")
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
	case r.Doubtful:
		return lang.L("Not encrypted, may be forged")
	case r.Last != "" && lastDeed(r) != "":
		return lastDeed(r)
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

// lastDeed is what somebody last said that they do, "" where it was something else.
func lastDeed(r model.Row) string {
	what, is := model.Deed(r.Last)
	switch {
	case !is:
		return ""
	case r.LastOurs:
		return "* " + ownName(r.Account) + " " + what
	}
	return "* " + r.Name + " " + what
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

// A face is what a row of the list shows: as long as it stays the same nothing is drawn again.
type face struct {
	address, name, about, account string
	when                          string // of the last message
	presence                      look.Presence
	lock                          look.Lock
	locked                        bool // lock is shown
	waits                         int
	open, held                    bool
}

func faceOf(c model.Row, open, held bool, now time.Time) face {
	f := face{
		address: c.Ref.Contact, name: c.Name, when: whenWords(c.Activity.In(now.Location()), now), about: rowWords(c), presence: presenceMark(c.Presence), waits: badgeCount(c), open: open, held: held,
		lock: lockShape(c.Contact), locked: c.Lock != session.NotPrivate || starting(c.Contact),
	}
	if c.ShowAddress && f.about != c.Ref.Contact {
		f.name += " · " + c.Ref.Contact
	}
	if c.ShowAccount {
		f.account = c.Account
	}
	return f
}

// A contactRow draws one contact of the list.
type contactRow struct {
	widget.BaseWidget
	list     *contactList
	contact  session.Contact
	face     face
	hovered  bool
	back     *wash
	over     *wash
	ring     *canvas.Rectangle
	account  *canvas.Rectangle // in the colour of the account, where there are several
	avatar   *look.Avatar
	presence *look.Mark
	name     *look.Text
	lock     *look.Mark
	when     *look.Text
	last     *look.Text
	badge    *look.Badge
}

var (
	_ fyne.Tappable          = (*contactRow)(nil)
	_ fyne.SecondaryTappable = (*contactRow)(nil)
	_ desktop.Hoverable      = (*contactRow)(nil)
)

func newContactRow(l *contactList) *contactRow {
	r := &contactRow{
		list:     l,
		back:     filled(look.ColorSelected, look.SmallRadius),
		over:     filled(theme.ColorNameHover, look.SmallRadius),
		ring:     canvas.NewRectangle(color.Transparent),
		account:  canvas.NewRectangle(color.Transparent),
		avatar:   look.NewAvatar("", ""),
		presence: look.NewMark(look.PresenceOffline.Icon(), look.PresenceSize, ""),
		name:     look.NewLine("", look.Strong).InLanguage(),
		lock:     look.NewLockMark(look.LockOpen, look.LockSmall, ""),
		when:     look.NewWord("", look.Hint),
		last:     look.NewLine("", look.Hint).InLanguage(),
		badge:    look.NewBadge(0),
	}
	r.back.Hide()
	r.over.Hide()
	r.ring.Hide()
	r.account.Hide()
	r.ExtendBaseWidget(r)
	return r
}

func (r *contactRow) set(c model.Row, open, held bool) {
	r.contact = c.Contact
	f := faceOf(c, open, held, r.list.desk.shell.present().In(r.list.desk.shell.zone))
	if f == r.face {
		return
	}
	r.face = f
	r.back.Hidden, r.ring.Hidden, r.account.Hidden = !open, !held, f.account == ""
	r.avatar.Set(f.address, c.Name)
	r.presence.Set(f.presence.Icon(), "")
	r.name.SetText(f.name)
	r.lock.Set(f.lock.Icon(look.LockSmall), "")
	if !f.locked {
		r.lock.Clear()
	}
	r.when.SetText(f.when)
	r.last.SetText(f.about)
	r.last.SetColor(look.ColorMuted)
	if c.Doubtful {
		r.last.SetColor(look.ColorNotPrivate)
	}
	r.badge.Set(f.waits)
	r.Refresh()
}

// Tapped implements fyne.Tappable.
func (r *contactRow) Tapped(*fyne.PointEvent) { r.list.press(r.contact.Ref) }

// TappedSecondary implements fyne.SecondaryTappable.
func (r *contactRow) TappedSecondary(e *fyne.PointEvent) {
	r.list.openMenu(r.contact, e.AbsolutePosition)
}

// MouseIn implements desktop.Hoverable.
func (r *contactRow) MouseIn(*desktop.MouseEvent) { r.hover(true) }

// MouseMoved implements desktop.Hoverable.
func (r *contactRow) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (r *contactRow) MouseOut() { r.hover(false) }

func (r *contactRow) hover(in bool) {
	r.hovered = in
	r.over.Hidden = !in
	canvas.Refresh(r)
}

// Semantics implements access.Semantic: the list speaks for its rows.
func (r *contactRow) Semantics() access.Node { return access.Node{} }

// CreateRenderer implements fyne.Widget.
func (r *contactRow) CreateRenderer() fyne.WidgetRenderer {
	return &contactRowRenderer{row: r, objects: []fyne.CanvasObject{r.back, r.over, r.ring, r.account, r.avatar, r.presence, r.name, r.when, r.lock, r.last, r.badge}}
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
	for _, o := range []fyne.CanvasObject{row.back, row.over, row.ring} {
		o.Move(fyne.NewPos(look.Step, 1))
		o.Resize(fyne.NewSize(size.Width-2*look.Step, size.Height-2))
	}
	row.account.Move(fyne.NewPos(look.Step/2, 3*look.Step))
	row.account.Resize(fyne.NewSize(accountBarWidth, size.Height-6*look.Step))
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
	row.lock.Move(fyne.NewPos(right-lock, top+(nameHeight-lock)/2))
	row.lock.Resize(fyne.NewSquareSize(lock))
	end := right
	if row.face.locked {
		end -= lock + 1.5*look.Step
	}
	if row.face.when != "" {
		when := row.when.MinSize()
		row.when.Resize(when)
		row.when.Move(fyne.NewPos(end-when.Width+pad, top+(nameHeight-when.Height)/2+1))
		end -= when.Width - 2*pad
	}
	row.name.Move(fyne.NewPos(text-pad, top))
	row.name.Resize(fyne.NewSize(max(end-text+pad, 0), nameHeight))
	row.badge.Move(fyne.NewPos(right-badge.Width, top+nameHeight-2*pad+(lastHeight-badge.Height)/2+4))
	row.badge.Resize(badge)
	row.last.Move(fyne.NewPos(text-pad, top+nameHeight-2*pad+2))
	row.last.Resize(fyne.NewSize(right-badge.Width-text+pad+look.Step, lastHeight))
	look.Turn(r.objects, size.Width)
}

const accountBarWidth = 3

// Refresh implements fyne.WidgetRenderer.
func (r *contactRowRenderer) Refresh() {
	row := r.row
	row.back.Refresh()
	row.over.Refresh()
	row.ring.CornerRadius, row.ring.StrokeWidth, row.ring.StrokeColor = look.SmallRadius, 2, theme.Color(look.ColorRing)
	row.account.CornerRadius, row.account.FillColor = accountBarWidth/2, look.TintOf(row.face.account)
	r.Layout(row.Size())
	canvas.Refresh(row)
}

// A groupHeading stands above the contacts of a group, folds them away and shows them again.
type groupHeading struct {
	widget.BaseWidget
	list    *contactList
	heading model.Heading
	held    bool
	arrow   *canvas.Image
	name    *look.Text
	count   *canvas.Text
	ring    *canvas.Rectangle
}

var (
	_ fyne.Tappable          = (*groupHeading)(nil)
	_ desktop.Cursorable     = (*groupHeading)(nil)
	_ fyne.SecondaryTappable = (*groupHeading)(nil)
)

func newGroupHeading(l *contactList) *groupHeading {
	h := &groupHeading{list: l, arrow: canvas.NewImageFromResource(look.IconChevron), name: look.NewLine("", look.Hint).InLanguage(),
		count: canvas.NewText("", color.Black), ring: canvas.NewRectangle(color.Transparent)}
	h.heading.Total = -1
	h.ExtendBaseWidget(h)
	return h
}

func (h *groupHeading) set(heading model.Heading, held bool) {
	if heading == h.heading && held == h.held {
		return
	}
	h.heading, h.held = heading, held
	h.name.SetText(groupWords(heading.Group))
	h.Refresh()
}

// Tapped implements fyne.Tappable.
func (h *groupHeading) Tapped(*fyne.PointEvent) { h.list.fold(h.heading.Group) }

// TappedSecondary implements fyne.SecondaryTappable.
func (h *groupHeading) TappedSecondary(e *fyne.PointEvent) {
	widget.NewPopUpMenu(fyne.NewMenu("", h.list.desk.offlineItem()), h.list.desk.window.Canvas()).ShowAtPosition(e.AbsolutePosition)
}

// Cursor implements desktop.Cursorable.
func (h *groupHeading) Cursor() desktop.Cursor { return desktop.PointerCursor }

// Semantics implements access.Semantic: the list speaks for its headings.
func (h *groupHeading) Semantics() access.Node { return access.Node{} }

// CreateRenderer implements fyne.Widget.
func (h *groupHeading) CreateRenderer() fyne.WidgetRenderer {
	r := &groupHeadingRenderer{h}
	r.Refresh()
	return r
}

type groupHeadingRenderer struct{ h *groupHeading }

func (r *groupHeadingRenderer) MinSize() fyne.Size { return fyne.NewSize(120, headingHeight) }

func (r *groupHeadingRenderer) Layout(size fyne.Size) {
	h := r.h
	side := float32(look.LockSmall)
	h.ring.Move(fyne.NewPos(look.Step, 1))
	h.ring.Resize(fyne.NewSize(size.Width-2*look.Step, size.Height-2))
	h.arrow.Move(fyne.NewPos(3*look.Step, (size.Height-side)/2+1))
	h.arrow.Resize(fyne.NewSquareSize(side))
	count, name := h.count.MinSize(), h.name.MinSize()
	right := size.Width - 3*look.Step
	h.count.Move(fyne.NewPos(right-count.Width, (size.Height-count.Height)/2))
	h.count.Resize(count)
	left := 4*look.Step + side - theme.InnerPadding() + look.Step
	h.name.Move(fyne.NewPos(left, (size.Height-name.Height)/2))
	h.name.Resize(fyne.NewSize(right-count.Width-left, name.Height))
	look.Turn(r.Objects(), size.Width)
}

func (r *groupHeadingRenderer) Refresh() {
	h := r.h
	h.arrow.Resource = look.IconChevron.In(look.ColorMuted)
	if h.heading.Folded {
		h.arrow.Resource = onwardIcon().In(look.ColorMuted)
	}
	h.arrow.Refresh()
	h.count.Text = strconv.Itoa(h.heading.Online) + "/" + strconv.Itoa(h.heading.Total)
	h.count.TextSize = theme.CaptionTextSize()
	h.count.Color = theme.Color(look.ColorMuted)
	h.name.Refresh()
	h.ring.CornerRadius, h.ring.StrokeWidth, h.ring.StrokeColor = look.SmallRadius, 2, theme.Color(look.ColorRing)
	h.ring.Hidden = !h.held
	r.Layout(h.Size())
	canvas.Refresh(h)
}

func (r *groupHeadingRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.h.ring, r.h.arrow, r.h.name, r.h.count}
}

func (r *groupHeadingRenderer) Destroy() {}
