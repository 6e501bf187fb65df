package ui

import (
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// This file says what is known of a key.

func on(t time.Time) words { return words{"Day": dateWords(t.Local())} }

// trustWords says whether a key is verified, and how.
func trustWords(k session.Key) string {
	switch k.Verified {
	case session.ByQuestion:
		return lang.L("Verified by a question on {{.Day}}", on(k.VerifiedAt))
	case session.BySecret:
		return lang.L("Verified by a secret on {{.Day}}", on(k.VerifiedAt))
	case session.ByComparison:
		return lang.L("Compared on {{.Day}}", on(k.VerifiedAt))
	case session.ByImport:
		return lang.L("Imported as verified on {{.Day}}", on(k.VerifiedAt))
	}
	return lang.L("Not verified")
}

// keySince tells in sentences what is known of a key: how it was verified, since when it is known, where it was.
func keySince(k session.Key) []string {
	var said []string
	if k.Verified != session.NotVerified {
		said = append(said, trustWords(k))
	}
	switch device := deviceName(k.Device); {
	case k.FirstSeen.IsZero():
		said = append(said, lang.L("Never seen here"))
	case device != "":
		said = append(said, lang.L("First seen on {{.Day}}. The device calls itself “{{.Device}}”", words{"Day": dateWords(k.FirstSeen.Local()), "Device": device}))
	default:
		said = append(said, lang.L("First seen on {{.Day}}", on(k.FirstSeen)))
	}
	if !k.Replaced.IsZero() {
		said = append(said, lang.L("Replaced by another key on {{.Day}}", on(k.Replaced)))
	}
	return said
}

// keyMore is what else is known, where there is room for it.
func keyMore(k session.Key) []string {
	var said []string
	if !k.LastSeen.IsZero() && k.LastSeen.After(k.FirstSeen) {
		said = append(said, lang.L("Last seen on {{.Day}}", on(k.LastSeen)))
	}
	if k.Accepted && k.Verified == session.NotVerified {
		said = append(said, lang.L("You keep it beside a verified key"))
	}
	switch {
	case k.VerifiedUs && k.VerifiedUsAt.IsZero():
		said = append(said, lang.L("Whoever holds it has verified you"))
	case k.VerifiedUs:
		said = append(said, lang.L("Whoever holds it verified you on {{.Day}}", on(k.VerifiedUsAt)))
	}
	if !k.Imported.IsZero() {
		said = append(said, importedWords(k))
	}
	return said
}

// importedWords says where a key was taken from, and what was said of it there.
func importedWords(k session.Key) string {
	from := words{"Day": dateWords(k.Imported.Local()), "File": fileName(k.Source), "Word": model.Name(k.Claim)}
	switch k.Claim {
	case "":
		return lang.L("Imported from “{{.File}}” on {{.Day}}, not verified there", from)
	case "verified", "smp":
		return lang.L("Imported from “{{.File}}” on {{.Day}}, verified there", from)
	}
	return lang.L("Imported from “{{.File}}” on {{.Day}}, marked “{{.Word}}” there", from)
}

// unquoted takes quotation marks away: what others call a thing stands in ours, and must not seem to end in them.
var unquoted = strings.NewReplacer("“", "'", "”", "'", "„", "'", "‟", "'", "\"", "'", "«", "'", "»", "'", "＂", "'")

// deviceName is what a device calls itself, fit to stand in quotation marks; "" for the numbers that programs make up.
func deviceName(resource string) string {
	return model.Short(unquoted.Replace(placeWords(resource)), widestDevice)
}

// widestDevice is how much of a device's name is shown.
const widestDevice = 24

func fileName(name string) string { return unquoted.Replace(model.Name(name)) }

// happenedWords is one line of the story of a contact's keys.
func happenedWords(e session.KeyEvent) string {
	device := deviceName(e.Device)
	said := words{"Key": shortKey(e.Key), "Other": shortKey(e.Other), "Device": device, "File": fileName(e.Device)}
	switch e.What {
	case session.KeyMet:
		if device == "" {
			return lang.L("Key {{.Key}} was seen for the first time.", said)
		}
		return lang.L("Key {{.Key}} was seen for the first time, on a device that calls itself “{{.Device}}”.", said)
	case session.KeyReplaced:
		return lang.L("Key {{.Other}} came in place of key {{.Key}}.", said)
	case session.KeyVerified:
		return verifiedHowWords(e.How, said)
	case session.KeyUnverified:
		return lang.L("You took back the verification of key {{.Key}}.", said)
	case session.KeyVerifiedUs:
		return lang.L("Whoever holds key {{.Key}} verified you.", said)
	case session.KeyAccepted:
		return lang.L("You decided to keep key {{.Key}} beside key {{.Other}}.", said)
	case session.KeyRefused:
		return lang.L("You refused key {{.Key}}.", said)
	case session.KeyImported:
		return lang.L("Key {{.Key}} was imported from “{{.File}}”.", said)
	case session.KeyForgotten:
		return lang.L("You made Sotto forget key {{.Key}}.", said)
	case session.KeysHeld:
		return lang.L("You blocked sending.")
	}
	return lang.L("You allowed sending again.")
}

func verifiedHowWords(how session.Verified, said words) string {
	switch how {
	case session.ByQuestion:
		return lang.L("You verified key {{.Key}} by a question.", said)
	case session.BySecret:
		return lang.L("You verified key {{.Key}} by a secret.", said)
	case session.ByImport:
		return lang.L("You imported key {{.Key}} as verified from another program.", said)
	}
	return lang.L("You compared key {{.Key}} and verified it.", said)
}

// shortKey is the first group of a fingerprint: enough to tell the keys of one contact apart, not to verify one.
func shortKey(fp otr.Fingerprint) string { return strings.Fields(fp.String())[0] }

// groupRows are the groups of a fingerprint close under one another, those marked that differ from another's.
func groupRows(fp otr.Fingerprint, differs [groupCount]bool) []fyne.CanvasObject {
	var rows []fyne.CanvasObject
	for i, group := range strings.Fields(fp.String()) {
		digits, sign := look.NewDigits(group).PassBy(), widget.NewLabel(" ")
		if differs[i] {
			sign.SetText("≠")
			sign.Importance, digits.Importance = widget.DangerImportance, widget.DangerImportance
		}
		rows = append(rows, inset(0, -look.Step, 0, -look.Step-2, container.New(reading(layout.NewHBoxLayout()), digits, sign)))
	}
	return rows
}

// newest is the order in which a story is read: what happened last comes first.
func newest(story []session.KeyEvent) []session.KeyEvent {
	story = slices.Clone(story)
	slices.Reverse(story)
	return story
}
