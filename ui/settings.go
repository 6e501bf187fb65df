package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"github.com/sotto-im/sotto/ui/lang"

	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A settingsPage is where the person says how the program shall be. Everything on it holds at once; there is nothing to confirm.
type settingsPage struct {
	desk    *desk
	content fyne.CanvasObject
	search  *field
	back    *button
	scroll  *container.Scroll
	list    *fyne.Container
	empty   *look.Text
	groups  []*settingsGroup
	stop    func() // following what is chosen
}

// A settingsGroup is a heading and the settings under it.
type settingsGroup struct {
	title string
	rows  []*settingRow
	box   *fyne.Container
	lines []fyne.CanvasObject // between the rows: line i stands above row i
}

// settings are all there are, in the order in which they stand on the page. Whoever adds one adds a row to the group it belongs to.
func (d *desk) settings() []*settingsGroup {
	groups := []*settingsGroup{
		{title: lang.L("General"), rows: d.generalSettings()},
		{title: lang.L("Look"), rows: d.lookSettings()},
		{title: lang.L("Notifications"), rows: d.notificationSettings()},
		{title: lang.L("Contacts"), rows: d.contactSettings()},
	}
	for _, a := range d.model.Accounts() {
		groups = append(groups, &settingsGroup{title: model.Name(a.JID), rows: d.accountSettings(a)})
	}
	return append(groups, &settingsGroup{title: lang.L("About Sotto"), rows: d.aboutSettings()})
}

func newSettingsPage(d *desk) *settingsPage {
	p := &settingsPage{desk: d, search: access.Name(newField(lang.L("Search in the settings")), lang.L("Search in the settings")),
		list: container.New(flow{}), empty: look.NewText(lang.L("There is no setting of that name."), look.Hint).Center()}
	p.search.Icon = theme.SearchIcon()
	p.search.OnChanged = func(string) { p.find() }
	p.search.escape = p.leave
	p.back = newIconButton(lang.L("Back"), backIcon(), p.close)
	p.back.escape = p.close
	head := container.NewStack(filled(look.ColorSurface, 0), container.NewVBox(
		container.New(column{width: look.ColumnWidth}, inset(2*look.Step, 2*look.Step, 3*look.Step, 2*look.Step, container.NewVBox(
			ranked(container.NewCenter(p.back), nil, look.NewText(lang.L("Settings"), look.Title)),
			inset(look.Step, 0, 0, 0, p.search)))),
		hairline()))
	p.scroll = container.NewVScroll(container.New(column{width: look.ColumnWidth}, inset(3*look.Step, 2*look.Step, 3*look.Step, 6*look.Step, p.list)))
	p.content = bordered(head, nil, nil, nil, container.New(&settled{}, p.scroll))
	p.refresh()
	return p
}

func hairline() fyne.CanvasObject {
	line := filled(look.ColorLine, 0)
	return container.NewStack(line, gap(0, 1))
}

// refresh makes the page anew: an account has come, gone or changed.
func (p *settingsPage) refresh() {
	group, label := p.held()
	p.groups = p.desk.settings()
	p.list.Objects = nil
	for _, g := range p.groups {
		rows := container.New(flow{})
		g.lines = nil
		for i, r := range g.rows {
			r.escape(p.leave)
			line := hairline()
			line.(*fyne.Container).Hidden = i == 0
			g.lines = append(g.lines, line)
			rows.Add(line)
			rows.Add(r)
		}
		back := filled(look.ColorSurface, look.Radius)
		back.edge = look.ColorLine
		g.box = container.New(flow{}, inset(0, 3*look.Step, 0, 0, look.NewText(g.title, look.Header).InLanguage()), container.NewStack(back, rows))
		p.list.Add(g.box)
	}
	p.list.Add(p.empty)
	at := p.scroll.Offset
	p.find()
	p.scroll.ScrollToOffset(at)
	p.hold(group, label)
}

// held is the setting that has the keyboard, by its place; hold gives it back.
func (p *settingsPage) held() (group, label string) {
	focused := p.desk.window.Canvas().Focused()
	for _, g := range p.groups {
		for _, r := range g.rows {
			if f, ok := r.control.(fyne.Focusable); ok && f == focused {
				return g.title, r.label
			}
		}
	}
	return "", ""
}

func (p *settingsPage) hold(group, label string) {
	for _, g := range p.groups {
		for _, r := range g.rows {
			if f, ok := r.control.(fyne.Focusable); ok && g.title == group && r.label == label {
				p.desk.window.Canvas().Focus(f)
			}
		}
	}
}

// find shows the settings in which every word stands that is searched for.
func (p *settingsPage) find() {
	wanted := strings.Fields(model.Fold(p.search.Text))
	found := false
	for _, g := range p.groups {
		first := true
		for i, r := range g.rows {
			r.Hidden = !r.mentions(g.title, wanted)
			g.lines[i].(*fyne.Container).Hidden = r.Hidden || first
			first = first && r.Hidden
		}
		g.box.Hidden = first
		found = found || !first
	}
	p.empty.Hidden = found
	p.list.Refresh()
	p.scroll.ScrollToTop()
	p.scroll.Refresh()
}

// leave does what Escape does: first it ends the search.
func (p *settingsPage) leave() {
	if p.search.Text == "" {
		p.close()
		return
	}
	p.search.SetText("")
	p.desk.window.Canvas().Focus(p.search)
}

func (p *settingsPage) close() { p.desk.closeSettings() }

// openSettings shows the page. In practice mode there is none: nothing of the person's is changed there.
func (d *desk) openSettings() {
	if d.practising {
		return
	}
	if d.settingsPage == nil {
		d.settingsPage = newSettingsPage(d)
		d.settingsPage.stop = d.shell.choices.watch(d.settingsPage.refresh)
	}
	d.route()
}

func (d *desk) closeSettings() {
	if d.settingsPage != nil {
		d.settingsPage.stop()
		d.settingsPage = nil
	}
	d.route()
}

// settled lets what scrolls find its height for its width: words know theirs only once they have been laid out.
type settled struct{ size fyne.Size }

// Layout implements fyne.Layout.
func (s *settled) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.Position{})
		o.Resize(size)
		if size != s.size {
			o.Refresh()
		}
	}
	s.size = size
}

// MinSize implements fyne.Layout.
func (s *settled) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		size = size.Max(o.MinSize())
	}
	return size
}

// A word is one of the values that a preference can have: as it is kept, and as people call it.
type word struct{ kept, said string }

// toggle is a setting that is on or off.
func (d *desk) toggle(label, about string, of func(*store.Preferences) *bool) *settingRow {
	now := d.shell.choices.now
	return newToggle(label, about, *of(&now), func(on bool) {
		d.shell.choices.choose(func(p *store.Preferences) { *of(p) = on })
	})
}

// pick is a setting that has one of several values. What is kept and not among them counts as the first.
func (d *desk) pick(label, about string, words []word, of func(*store.Preferences) *string) *settingRow {
	now := d.shell.choices.now
	said, chosen := make([]string, len(words)), 0
	for i, w := range words {
		said[i] = w.said
		if w.kept == *of(&now) {
			chosen = i
		}
	}
	return newPick(label, about, said, chosen, func(i int) {
		d.shell.choices.choose(func(p *store.Preferences) { *of(p) = words[i].kept })
	})
}
