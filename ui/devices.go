package ui

import (
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/model"
)

// deviceWords names one of a contact's devices: what it calls itself, and what is known of its key.
func deviceWords(d session.Device) string {
	name := placeWords(d.Resource)
	if name == "" {
		name = lang.L("a device without a name")
	}
	if d.Verified != session.NotVerified {
		return lang.L("{{.Device}}, verified", words{"Device": name})
	}
	return lang.L("{{.Device}}, not verified", words{"Device": name})
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
		if placeWords(device.Resource) == "" {
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
	return notice{
		words: lang.L("The program of {{.Name}} speaks only version 2 of OTR. It protects what you say, but it is old, and Sotto uses it only if you allow it.", name),
		actions: []offer{
			{label: lang.L("Write unencrypted"), do: func() { d.confirmUnencrypted(c) }},
			{label: lang.L("Allow for {{.Name}}", name), do: func() { d.engine.AllowV2(c.Ref, true) }, main: true},
		},
	}
}
