package ui

import (
	"runtime/debug"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/assets"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// revisionDigits of a commit are enough to tell it from others.
const revisionDigits = 12

// versionOf says which Sotto this is, as exactly as is known.
func versionOf(version string, info *debug.BuildInfo) string {
	said := lang.L("Version {{.Version}}", words{"Version": version})
	if info == nil {
		return said
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		revision = revision[:min(len(revision), revisionDigits)]
		if settings["vcs.modified"] == "true" {
			said += comma() + lang.L("made from {{.Revision}} and changes", words{"Revision": revision})
		} else {
			said += comma() + lang.L("made from {{.Revision}}", words{"Revision": revision})
		}
	}
	return said + comma() + lang.L("with {{.Go}}", words{"Go": info.GoVersion})
}

// comma stands between the parts of a list.
func comma() string {
	if lang.RightToLeft() {
		return "، "
	}
	return ", "
}

// aboutSettings tell what this program is.
func (d *desk) aboutSettings() []*settingRow {
	info, _ := debug.ReadBuildInfo()
	about := versionOf(d.shell.version, info)
	return []*settingRow{
		newDoing("Sotto", about, lang.L("Copy"), func() { d.app.Clipboard().SetContent(programName + ". " + about) }).found(lang.L("version about")),
		newDoing(lang.L("Licences"), lang.L("Sotto may be used, changed and passed on by everybody. So may what others have made that is built into it."), lang.L("Read"),
			d.licences),
	}
}

const licencesWidth, licencesHeight = 560, 560

// licences opens the window with the terms of everything that is built in.
func (d *desk) licences() {
	w := d.openWindow("licences", lang.L("Licences"))
	if w == nil {
		return
	}
	l := &licencesWindow{window: w}
	w.SetPadded(false)
	w.Canvas().SetOnTypedKey(func(e *fyne.KeyEvent) {
		if e.Name == fyne.KeyEscape {
			l.back()
		}
	})
	l.list = container.NewVScroll(inset(3*look.Step, 2*look.Step, 3*look.Step, 4*look.Step, l.rows()))
	l.show(nil)
	w.Resize(fyne.NewSize(licencesWidth, licencesHeight))
	w.CenterOnScreen()
	w.Show()
}

// A licencesWindow shows the list of works, or the terms of one.
type licencesWindow struct {
	window fyne.Window
	list   *container.Scroll
	read   *assets.Licence // nil: the list
}

func (l *licencesWindow) rows() *fyne.Container {
	rows := container.New(flow{})
	for i, work := range assets.Licences() {
		row := newDoing(work.Name, work.Version+" · "+work.Licence, lang.L("Read"), func() { l.show(&work) })
		access.Name(row.control.(*button), lang.L("Terms of {{.Work}}", words{"Work": work.Name}))
		row.escape(l.back)
		if i > 0 {
			rows.Add(hairline())
		}
		rows.Add(row)
	}
	back := filled(look.ColorSurface, look.Radius)
	back.edge = look.ColorLine
	return container.New(flow{}, look.NewText(lang.L("Licences"), look.Title), gap(0, look.Step), container.NewStack(back, rows))
}

func (l *licencesWindow) show(work *assets.Licence) {
	l.read = work
	ground := filled(theme.ColorNameBackground, 0)
	if work == nil {
		l.window.SetContent(container.NewStack(ground, container.New(&settled{}, l.list)))
		return
	}
	leave := newIconButton(lang.L("Back"), backIcon(), l.back)
	leave.escape = l.back
	terms := look.NewWords(work.Text)
	head := inset(2*look.Step, 2*look.Step, 3*look.Step, look.Step, ranked(container.NewCenter(leave), nil, look.NewText(work.Name, look.Header).InLanguage()))
	scroll := container.NewVScroll(inset(3*look.Step, 0, 3*look.Step, 4*look.Step, container.New(flow{}, terms)))
	l.window.SetContent(container.NewStack(ground, bordered(head, nil, nil, nil, container.New(&settled{}, scroll))))
	l.window.Canvas().Focus(leave)
}

// back goes from the terms to the list, and from the list away.
func (l *licencesWindow) back() {
	if l.read == nil {
		l.window.Close()
		return
	}
	l.show(nil)
}
