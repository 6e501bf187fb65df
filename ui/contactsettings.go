package ui

import (
	"reflect"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// contactSheet opens the window with what holds for one contact only.
func (d *desk) contactSheet(r session.Ref) {
	var shown session.Contact // as far as the page is about it: what they type, or where they are, takes nobody's keyboard away
	d.openSheet("contact", r, func(s *sheet) {
		c, there := d.model.Contact(r)
		if !there {
			s.close()
			return
		}
		now := session.Contact{Ref: c.Ref, Name: c.Name, OnRoster: c.OnRoster, Policy: c.Policy, OwnPolicy: c.OwnPolicy, Quiet: c.Quiet, Held: c.Held, Devices: c.Devices}
		if !reflect.DeepEqual(now, shown) {
			shown = now
			s.turn(d.contactLeaf(s, c))
		}
	})
}

func (d *desk) contactLeaf(s *sheet, c session.Contact) leaf {
	rows := container.New(flow{})
	for i, r := range d.contactRows(c, s.close) {
		if i > 0 {
			rows.Add(hairline())
		}
		r.escape(s.close)
		rows.Add(r)
	}
	back := filled(look.ColorSurface, look.Radius)
	back.edge = look.ColorLine
	done := newMainButton(lang.L("Close"), s.close)
	return leaf{title: lang.L("Settings for {{.Name}}", words{"Name": c.Name}), buttons: []*button{done}, first: done, enter: s.close,
		body: []fyne.CanvasObject{look.NewText(c.Ref.Contact, look.Hint).InLanguage(), container.NewStack(back, rows)}}
}

// contactRows are the settings of one contact. leave closes what they stand in, for those that open something else.
func (d *desk) contactRows(c session.Contact, leave func()) []*settingRow {
	policy := policyWord(c.Policy) + "."
	if !c.OwnPolicy {
		policy = lang.L("As for everybody: {{.Policy}}", words{"Policy": policyWord(c.Policy)}) + "."
	}
	rows := []*settingRow{
		newDoing(lang.L("How messages are protected"), policy, lang.L("Change…"), func() {
			leave()
			d.choosePolicy(c.Ref)
		}),
		newToggle(lang.L("Notifications"), lang.L("Say outside the window when something comes from {{.Name}}.", words{"Name": c.Name}), !c.Quiet,
			func(on bool) { d.engine.SetQuiet(c.Ref, !on) }),
	}
	for _, device := range c.Devices {
		about := lang.L("What you write in private goes there.")
		if device.Selected || len(c.Devices) < 2 {
			rows = append(rows, newSettingRow(deviceWords(device), about, gap(0, 0), nil))
			continue
		}
		rows = append(rows, newDoing(deviceWords(device), "", lang.L("Use this one"), func() { d.engine.SelectDevice(c.Ref, device.Tag) }))
	}
	if c.OnRoster {
		rows = append(rows, newToggle(lang.L("Block sending"), lang.L("The private conversation ends, and nothing goes out until you allow it again."), !c.Held.IsZero(),
			func(on bool) {
				if on {
					d.engine.Hold(c.Ref)
				} else {
					d.engine.Release(c.Ref)
				}
			}))
	}
	return rows
}
