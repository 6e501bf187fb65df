package ui

import (
	"strings"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// program opens the window about what a contact's program has shown of itself, or brings it forward.
func (d *desk) program(r session.Ref) {
	p := &programSheet{}
	d.engine.Acquaint(r)
	d.openSheet("program", r, func(s *sheet) { p.sheet = s; p.update() })
}

// A programSheet lists findings, each with its evidence.
type programSheet struct {
	*sheet
	shown string
}

func (p *programSheet) update() {
	c := p.contact()
	name := words{"Name": c.Name}
	body := []fyne.CanvasObject{}
	said := ""
	for i, f := range c.Findings {
		what, why := findingWords(f, c)
		said += what + why
		if i > 0 {
			body = append(body, gap(0, 2*look.Step))
		}
		body = append(body, look.NewText(what, look.Body), look.NewText(why, look.Hint))
	}
	if len(c.Findings) == 0 {
		body = append(body, look.NewText(lang.L("There is nothing to say about it. What Sotto has seen so far was as it should be."), look.Body))
	}
	if c.Version != 0 && len(c.Findings) > 0 {
		body = append(body, gap(0, 2*look.Step))
	}
	if v := c.Version; v != 0 {
		said += lang.L("This conversation uses version {{.Version}} of OTR.", words{"Version": v})
		body = append(body, look.NewText(lang.L("This conversation uses version {{.Version}} of OTR.", words{"Version": v}), look.Hint))
	}
	body = append(body, hint(lang.L("Sotto goes by what a program says and does, never by its name, and forgets it when it quits.")))
	if said == p.shown && p.shown != "" {
		return
	}
	p.shown = said
	done := newMainButton(lang.L("Close"), p.close)
	p.turn(leaf{title: lang.L("The program of {{.Name}}", name), body: body, buttons: []*button{done}, first: done, enter: p.close})
}

// findingWords says what was found and what it means, and the evidence.
func findingWords(f session.Finding, c session.Contact) (what, why string) {
	name := words{"Name": c.Name, "Count": f.Count, "Text": quoted(f.Said)}
	switch f.Kind {
	case session.FindingSotto:
		what = lang.L("{{.Name}} uses Sotto too: you can read words to each other instead of fingerprints, and answers can be compared without capital letters and spaces.", name)
		why = lang.L("It said so inside the private conversation.")
	case session.FindingNoOTR:
		what = lang.L("The program of {{.Name}} does not take up private conversations. Perhaps it has no OTR, or it is switched off there.", name)
		why = lang.N("{{.Count}} invitation had no answer.", f.Count, name)
	case session.FindingOnlyV2:
		what = lang.L("The program of {{.Name}} speaks only OTR 2, an old version.", name)
		why = lang.L("It offered: {{.Text}}.", name)
	case session.FindingSilentCheck:
		what = lang.L("The program of {{.Name}} does not answer questions: compare fingerprints by phone.", name)
		why = lang.N("{{.Count}} check had no answer, though other messages came from it meanwhile.", f.Count, name)
	case session.FindingStopsCheck:
		what = lang.L("The program of {{.Name}} stops checks by itself: compare fingerprints by phone.", name)
		why = lang.N("{{.Count}} check was stopped before anybody could have read it.", f.Count, name)
	case session.FindingUnmarked:
		what = lang.L("The program of {{.Name}} does not mark its private messages as private: other devices of {{.Name}}, and of yours, may show lines that nobody can read.", name)
		why = lang.N("{{.Count}} encrypted message came without a mark.", f.Count, name)
	case session.FindingOther:
		what = lang.L("The program of {{.Name}} also encrypts in a way that Sotto does not read: “{{.Text}}”.", name)
		why = lang.N("{{.Count}} message came like that.", f.Count, name)
	case session.FindingUnconfirmed:
		what = lang.L("The program of {{.Name}} does not confirm what it has received, so Sotto cannot tell what has arrived.", name)
		why = lang.N("{{.Count}} private message was sent, and none confirmed.", f.Count, name)
	}
	return what, strings.Join(append([]string{why}, placeOfFinding(f)...), " ")
}

// placeOfFinding says where the program was, and what it calls itself there.
func placeOfFinding(f session.Finding) []string {
	var all []string
	if place := placeWords(f.Place); place != "" {
		all = append(all, lang.L("The device calls itself “{{.Text}}”.", words{"Text": quoted(place)}))
	}
	if f.Software != "" {
		all = append(all, lang.L("The program calls itself “{{.Text}}”.", words{"Text": quoted(f.Software)}))
	}
	return all
}

// checkWords says what was seen that speaks against a check by question or secret; "" if nothing was.
func checkWords(c session.Contact) string {
	for _, f := range c.Findings {
		if f.Kind == session.FindingSilentCheck || f.Kind == session.FindingStopsCheck {
			what, _ := findingWords(f, c)
			return what
		}
	}
	return ""
}
