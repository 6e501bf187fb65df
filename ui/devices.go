package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// deviceWords names one of a contact's devices: what it calls itself, as such, and what is known of its key.
func deviceWords(d session.Device) string {
	called := deviceName(d.Resource)
	name := words{"Device": called}
	verified := d.Verified != session.NotVerified
	switch {
	case called == "" && verified:
		return lang.L("a device without a name, verified")
	case called == "":
		return lang.L("a device without a name, not verified")
	case verified:
		return lang.L("“{{.Device}}”, verified", name)
	}
	return lang.L("“{{.Device}}”, not verified", name)
}

// placeWords is what a client calls the place it is at; "" for the numbers that programs make up.
func placeWords(resource string) string {
	if len(resource) >= len(ownResource) && resource[:len(ownResource)] == ownResource {
		return ""
	}
	return model.Name(resource)
}

// deviceOffers lets the person choose with which of several devices the conversation goes on. There is one transcript, and no text goes
// to two of them.
func (d *desk) deviceOffers(c session.Contact) []offer {
	if len(c.Devices) < 2 {
		return nil
	}
	var offers []offer
	for i, device := range c.Devices {
		if device.Selected {
			continue
		}
		said := deviceWords(device)
		if deviceName(device.Resource) == "" {
			said = lang.L("{{.Device}} ({{.Number}})", words{"Device": said, "Number": i + 1})
		}
		offers = append(offers, offer{label: lang.L("Talk to: {{.Device}}", words{"Device": said}), do: func() { d.engine.SelectDevice(c.Ref, device.Tag) }})
	}
	return offers
}

// devicesMeaning says to which of several devices texts go.
func devicesMeaning(c session.Contact) string {
	for _, device := range c.Devices {
		if device.Selected && len(c.Devices) > 1 {
			return lang.N("{{.Name}} has {{.Count}} device in private conversation. What you write goes to one: {{.Device}}.", len(c.Devices),
				words{"Name": c.Name, "Count": len(c.Devices), "Device": deviceWords(device)})
		}
	}
	return ""
}

// onlyV2Notice is about a contact whose program is too old for what Sotto speaks by itself.
func (d *desk) onlyV2Notice(c session.Contact) notice {
	name := words{"Name": c.Name}
	n := notice{
		words:   lang.L("The program of {{.Name}} speaks only version 2 of OTR. It protects what you say, but it is old, and Sotto uses it only if you allow it.", name),
		actions: []offer{{label: lang.L("Allow for {{.Name}}", name), do: func() { d.engine.AllowV2(c.Ref, true) }, main: true}},
	}
	if c.KeyRule != session.OnlyVerified {
		n.actions = slices.Insert(n.actions, 0, offer{label: lang.L("Write unencrypted"), do: func() { d.confirmUnencrypted(c) }})
	}
	return n
}

// A deviceStrip stands under the header while a contact has several devices in private conversation: it says to which of them texts go, and
// opens the choice. It is ours; what a device calls itself stands in it in quotation marks, after our word.
type deviceStrip struct {
	pressable
	desk  *desk
	ref   session.Ref
	mark  *look.Mark
	says  *look.Text
	count *look.Text
}

func newDeviceStrip(d *desk) *deviceStrip {
	s := &deviceStrip{desk: d, mark: look.NewLockMark(look.LockQuestion, look.LockSmall, ""), says: look.NewLine("", look.Hint).InLanguage(), count: look.NewWord("", look.Hint)}
	s.role, s.name, s.tapped = access.MenuButton, lang.L("Devices"), s.open
	s.pressable.words = func() string { return s.says.Words() + ", " + s.count.Words() }
	chevron := container.NewCenter(look.NewMark(look.IconChevron, float32(look.LockSmall), ""))
	s.inside = sided(4*look.Step, 0, 3*look.Step, 0, ranked(container.NewCenter(s.mark), container.New(reading(layout.NewHBoxLayout()), s.count, chevron), s.says))
	s.ExtendBaseWidget(s)
	s.Hide()
	return s
}

func (s *deviceStrip) show(c session.Contact) {
	s.ref = c.Ref
	i := slices.IndexFunc(c.Devices, func(d session.Device) bool { return d.Selected })
	if len(c.Devices) < 2 || i < 0 {
		s.Hide()
		return
	}
	s.mark.Set(deviceLock(c.Devices[i]).Icon(look.LockSmall), "")
	s.says.SetText(lang.L("You talk to {{.Device}}", words{"Device": deviceWords(c.Devices[i])}))
	s.count.SetText(lang.N("{{.Count}} device", len(c.Devices), words{"Count": len(c.Devices)}))
	s.Show()
	s.Refresh()
}

func deviceLock(d session.Device) look.Lock {
	if d.Verified != session.NotVerified {
		return look.LockTick
	}
	return look.LockQuestion
}

// open shows every device with its key, and lets the person choose.
func (s *deviceStrip) open() {
	c, _ := s.desk.model.Contact(s.ref)
	canvas := fyne.CurrentApp().Driver().CanvasForObject(s)
	if canvas == nil || len(c.Devices) == 0 {
		return
	}
	var pop *widget.PopUp
	box := container.New(flow{}, look.NewText(lang.L("What you write goes to one device only. Everything they write stands here."), look.Hint))
	var buttons []*button
	for i, device := range c.Devices {
		said := deviceWords(device)
		if deviceName(device.Resource) == "" {
			said = lang.L("{{.Device}} ({{.Number}})", words{"Device": said, "Number": i + 1})
		}
		box.Add(gap(0, look.Step))
		box.Add(deviceFacts(device, said))
		if device.Selected {
			box.Add(sided(float32(look.LockSmall)+2*look.Step+theme.Padding(), -2*look.Step, 0, 0, look.NewText(lang.L("You talk to this one."), look.Hint)))
			continue
		}
		b := newButton(lang.L("Talk to this one"), func() {
			pop.Hide()
			s.desk.engine.SelectDevice(c.Ref, device.Tag)
		})
		b.escape = func() { pop.Hide() }
		access.Describe(b, said)
		buttons = append(buttons, b)
		box.Add(sided(float32(look.LockSmall)+2*look.Step+theme.InnerPadding(), look.Step, theme.InnerPadding(), 0, begin(b)))
	}
	for i, b := range buttons {
		b.step = func(by int) { canvas.Focus(buttons[(i+by+len(buttons))%len(buttons)]) }
	}
	width := min(lockMenuWidth, canvas.Size().Width-8*look.Step)
	pop = widget.NewPopUp(rimmed(container.New(&atLeast{width}, inset(2*look.Step, look.Step, 2*look.Step, 2*look.Step, box))), canvas)
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(s)
	x := at.X + 2*look.Step
	if lang.RightToLeft() {
		x = at.X + s.Size().Width - pop.MinSize().Width - 2*look.Step
	}
	pop.ShowAtPosition(fyne.NewPos(max(min(x, canvas.Size().Width-pop.MinSize().Width), 0), at.Y+s.Size().Height))
	if len(buttons) > 0 {
		canvas.Focus(buttons[0])
	}
}

// deviceFacts is what is known of one device: our mark, what it calls itself, whether it is there, and its key.
func deviceFacts(d session.Device, said string) fyne.CanvasObject {
	mark := sided(theme.InnerPadding(), theme.InnerPadding()+1, 0, 0, container.New(flow{}, look.NewLockMark(deviceLock(d), look.LockSmall, "")))
	about := lang.L("{{.Presence}}, key {{.Key}}", words{"Presence": presenceWord(d.Presence), "Key": shortKey(d.Key)})
	return ranked(mark, nil, container.New(layout.NewCustomPaddedVBoxLayout(-3*look.Step), look.NewText(said, look.Strong).InLanguage(), look.NewText(about, look.Hint)))
}
