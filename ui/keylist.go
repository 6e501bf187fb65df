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

// A keyList is the page with the person's own keys and those of every contact of every account.
type keyList struct {
	window *keysWindow
	whole  fyne.CanvasObject
	search *field
	rows   *keyRows
	empty  *look.Text
	import_,
	export *button
}

// A keyRow is one line of the list: a heading, an account of the person, or a contact.
type keyRow struct {
	heading string
	own     string // account
	contact session.ContactKeys
	name    string // what stands in the first line
	about   string // what stands in the second
	lock    look.Lock
}

func newKeyList(k *keysWindow) *keyList {
	l := &keyList{window: k, search: access.Name(newField(lang.L("Search: a name, an address, a fingerprint")), lang.L("Search among the keys"))}
	l.search.Icon = theme.SearchIcon()
	l.search.OnChanged = func(string) { l.refresh() }
	l.search.escape = l.leave
	l.rows = newKeyRows(l)
	l.empty = look.NewText("", look.Hint).Center()
	l.import_ = newButton(lang.L("Import…"), func() { k.import_() })
	l.export = newButton(lang.L("Export…"), func() { k.show(newExport(k)) })
	done := newMainButton(lang.L("Close"), k.close)
	for _, b := range []*button{l.import_, l.export, done} {
		b.escape = k.close
	}
	head := keysHead(nil, lang.L("Keys"), lang.L("Everybody has a key of their own. It is yours to say whose it is."), inset(theme.InnerPadding(), 0, theme.InnerPadding(), 0, l.search))
	middle := container.NewStack(l.rows, inset(4*look.Step, 8*look.Step, 4*look.Step, 0, container.NewVBox(l.empty)))
	l.whole = bordered(head, keysFoot(l.import_, l.export, done), nil, nil, middle)
	return l
}

func (l *keyList) content() fyne.CanvasObject { return l.whole }
func (l *keyList) first() fyne.Focusable      { return l.search }
func (l *keyList) update()                    { l.refresh() }

// leave ends the search first.
func (l *keyList) leave() {
	if l.search.Text != "" {
		l.search.SetText("")
		return
	}
	l.window.close()
}

func (l *keyList) refresh() {
	d := l.window.desk
	wanted := model.Fold(strings.TrimSpace(l.search.Text))
	var own, others []keyRow
	accounts := d.model.Accounts()
	for _, a := range accounts {
		if row := ownRow(a); row.mentions(wanted) {
			own = append(own, row)
		}
	}
	for _, c := range d.engine.KnownKeys() {
		if row := contactKeyRow(c, len(accounts) > 1); row.mentions(wanted) {
			others = append(others, row)
		}
	}
	var rows []keyRow
	if len(own) > 0 {
		rows = append(append(rows, keyRow{heading: lang.L("Your own")}), own...)
	}
	if len(others) > 0 {
		rows = append(append(rows, keyRow{heading: lang.L("Contacts")}), others...)
	}
	l.rows.set(rows)
	switch {
	case len(rows) > 0:
		l.empty.SetText("")
	case wanted != "":
		l.empty.SetText(lang.L("No key of that name."))
	default:
		l.empty.SetText(lang.L("No key is known yet."))
	}
}

func ownRow(a session.Account) keyRow {
	row := keyRow{own: a.JID, name: model.Name(a.JID), about: lang.L("No key yet: Sotto makes it before the first private conversation")}
	if a.Fingerprint != nil {
		row.about = a.Fingerprint.String()
	}
	return row
}

// contactKeyRow is a contact with the best that is known of its keys.
func contactKeyRow(c session.ContactKeys, several bool) keyRow {
	row := keyRow{contact: c, name: model.Name(c.Name), lock: look.LockQuestion}
	best := c.Keys[0]
	for _, k := range c.Keys {
		if k.Verified != session.NotVerified && best.Verified == session.NotVerified {
			best = k
		}
	}
	if best.Verified != session.NotVerified {
		row.lock = look.LockTick
	}
	said := []string{trustWords(best)}
	switch {
	case best.Verified == session.NotVerified && best.Claim != "":
		said = []string{importedWords(best)}
	case len(c.Keys) > 1:
		said = append(said, lang.N("{{.Count}} key", len(c.Keys), words{"Count": len(c.Keys)}))
	}
	if c.Name != c.Contact {
		said = append(said, model.Name(c.Contact))
	}
	if several {
		said = append(said, lang.L("with {{.Account}}", words{"Account": c.Account}))
	}
	row.about = strings.Join(said, " · ")
	return row
}

// mentions tells whether a row is about what was searched for, folded.
func (r keyRow) mentions(wanted string) bool {
	if wanted == "" {
		return true
	}
	said := r.name + "\n" + r.about + "\n" + r.contact.Contact + "\n" + r.contact.Account
	for _, k := range r.contact.Keys {
		said += "\n" + k.Fingerprint.String()
	}
	said = model.Fold(said)
	return strings.Contains(said, wanted) || strings.Contains(strings.ReplaceAll(said, " ", ""), strings.ReplaceAll(wanted, " ", ""))
}

// keyRows is the list itself, which also says what stands in it to those who do not see it.
type keyRows struct {
	widget.List
	page *keyList
	all  []keyRow
}

const keyHeading = 36 // height

func newKeyRows(l *keyList) *keyRows {
	r := &keyRows{page: l}
	r.HideSeparators = true
	r.Length = func() int { return len(r.all) }
	r.CreateItem = func() fyne.CanvasObject { return newKeyItem() }
	r.UpdateItem = func(id widget.ListItemID, o fyne.CanvasObject) {
		if id < len(r.all) {
			o.(*keyItem).set(r.all[id])
		}
	}
	r.OnSelected = func(id widget.ListItemID) {
		r.UnselectAll()
		if id < len(r.all) {
			r.open(r.all[id])
		}
	}
	r.ExtendBaseWidget(r)
	return r
}

func (r *keyRows) set(rows []keyRow) {
	r.all = rows
	for i, row := range rows {
		if row.heading != "" {
			r.SetItemHeight(i, keyHeading)
		} else {
			r.SetItemHeight(i, look.RowHeight)
		}
	}
	r.Refresh()
}

func (r *keyRows) open(row keyRow) {
	k := r.page.window
	switch {
	case row.own != "":
		k.desk.ownKey(row.own)
	case row.heading == "":
		k.show(newKeyStory(k, row.contact.Ref))
	}
}

// TypedKey implements fyne.Focusable: Escape leaves the list as it leaves everything else.
func (r *keyRows) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape {
		r.page.leave()
		return
	}
	r.List.TypedKey(e)
}

// Semantics implements access.Semantic.
func (r *keyRows) Semantics() access.Node {
	n := access.Node{Role: access.List, Name: lang.L("Keys")}
	for _, row := range r.all {
		if row.heading != "" {
			continue
		}
		n.Parts = append(n.Parts, access.Node{Role: access.ListItem, Key: [2]any{row.own, row.contact.Ref}, Name: row.name, Text: row.about,
			State: access.Selectable, Press: func() { r.open(row) }})
	}
	return n
}

// A keyItem draws one line.
type keyItem struct {
	widget.BaseWidget
	mark        *look.Mark
	name, about *look.Text
	heading     *look.Text
}

func newKeyItem() *keyItem {
	i := &keyItem{mark: look.NewLockMark(look.LockQuestion, look.LockMedium, ""), name: look.NewLine("", look.Strong).InLanguage(),
		about: look.NewLine("", look.Hint).InLanguage(), heading: look.NewLine("", look.Header).InLanguage()}
	i.ExtendBaseWidget(i)
	return i
}

func (i *keyItem) set(r keyRow) {
	i.heading.SetText(r.heading)
	i.name.SetText(r.name)
	i.about.SetText(r.about)
	i.heading.Hidden = r.heading == ""
	i.name.Hidden, i.about.Hidden = r.heading != "", r.heading != ""
	switch {
	case r.heading != "":
		i.mark.Clear()
	case r.own != "":
		i.mark.Set(look.IconSecret.In(look.ColorMuted), "")
	default:
		i.mark.Set(r.lock.Icon(look.LockMedium), "")
	}
	i.Refresh()
}

// Semantics implements access.Semantic: the list speaks for its lines.
func (i *keyItem) Semantics() access.Node { return access.Node{} }

// CreateRenderer implements fyne.Widget.
func (i *keyItem) CreateRenderer() fyne.WidgetRenderer {
	return &keyItemRenderer{item: i, objects: []fyne.CanvasObject{i.mark, i.name, i.about, i.heading}}
}

type keyItemRenderer struct {
	item    *keyItem
	objects []fyne.CanvasObject
}

func (r *keyItemRenderer) MinSize() fyne.Size           { return fyne.NewSize(120, keyHeading) }
func (r *keyItemRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *keyItemRenderer) Destroy()                     {}

// Layout implements fyne.WidgetRenderer. Texts bring a margin of their own, which here has to overlap.
func (r *keyItemRenderer) Layout(size fyne.Size) {
	i, pad := r.item, theme.InnerPadding()
	const left = 4 * look.Step
	side := float32(look.LockMedium)
	i.mark.Move(fyne.NewPos(left, (size.Height-side)/2))
	i.mark.Resize(fyne.NewSquareSize(side))
	text := left + side + 2*look.Step - pad
	name, about := i.name.MinSize().Height, i.about.MinSize().Height
	top := (size.Height - name - about + 2*pad) / 2
	i.name.Move(fyne.NewPos(text, top))
	i.name.Resize(fyne.NewSize(size.Width-text-2*look.Step, name))
	i.about.Move(fyne.NewPos(text, top+name-2*pad+2))
	i.about.Resize(fyne.NewSize(size.Width-text-2*look.Step, about))
	high := i.heading.MinSize().Height
	i.heading.Move(fyne.NewPos(left-pad, size.Height-high+pad/2))
	i.heading.Resize(fyne.NewSize(size.Width-2*left, high))
	look.Turn(r.objects, size.Width)
}

// Refresh implements fyne.WidgetRenderer.
func (r *keyItemRenderer) Refresh() { r.Layout(r.item.Size()) }
