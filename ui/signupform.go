package ui

import (
	"bytes"
	"image"
	_ "image/jpeg" // the kinds of pictures that a server's question may have
	_ "image/png"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// The names of the two answers that are those of the account itself (XEP-0077).
const (
	fieldUser     = "username"
	fieldPassword = "password"
)

// A formPage shows the questions of a server.
type formPage struct {
	page     *signUpPage
	domain   string
	first    fyne.Focusable // where one begins, or what has to be mended
	content  fyne.CanvasObject
	answers  []*formAnswer
	trouble  *trouble
	progress *look.Text
	confirm  *button
	back     *button
}

// A formAnswer is one question with what the person answers.
type formAnswer struct {
	field  session.Field
	entry  *field // nil where one chooses or ticks
	values func() []string
	set    func([]string)
}

func newFormPage(p *signUpPage, up session.SignUp) *formPage {
	f := &formPage{page: p, domain: up.Domain, trouble: newTrouble(), progress: look.NewLine("", look.Hint)}
	f.confirm = newMainButton(lang.L("Create account"), f.submit)
	f.back = newButton(lang.L("Back"), p.cancel)
	f.confirm.escape, f.back.escape = p.cancel, p.cancel
	objects := []fyne.CanvasObject{look.NewText(lang.L("Your account on {{.Server}}", words{"Server": up.Domain}), look.Title)}
	if said := strings.TrimSpace(model.Body(up.Form.Title + "\n" + up.Form.Instructions)); said != "" {
		objects = append(objects, quote(lang.L("{{.Server}} says", words{"Server": up.Domain}), said), gap(0, look.Step))
	}
	for _, field := range up.Form.Fields {
		objects = append(objects, f.question(field)...)
	}
	f.trouble.say(signUpWords(up))
	f.content = form(container.NewVBox(f.trouble, ranked(f.back, f.confirm, f.progress)), objects...)
	return f
}

// question makes what is shown of a field, and keeps how to read the answer.
func (f *formPage) question(q session.Field) []fyne.CanvasObject {
	name := fieldLabel(q)
	var objects []fyne.CanvasObject
	a := &formAnswer{field: q}
	switch q.Kind {
	case session.FieldNote:
		return []fyne.CanvasObject{look.NewText(model.Body(strings.Join(q.Values, "\n")), look.Hint)}
	case session.FieldCheck:
		check := newCheck(name)
		a.values = func() []string { return []string{map[bool]string{true: "1", false: "0"}[check.Checked]} }
		a.set = func(v []string) {
			check.SetChecked(slices.Equal(v, []string{"1"}) || slices.Equal(v, []string{"true"}))
		}
		objects = append(objects, check)
	case session.FieldChoice:
		choice := access.Name(newPicker(optionLabels(q)), name)
		a.values = func() []string { return chosenValues(q, choice.SelectedIndex()) }
		a.set = func(v []string) {
			choice.SetSelectedIndex(slices.IndexFunc(q.Options, func(o session.Option) bool { return slices.Contains(v, o.Value) }))
		}
		objects = append(objects, label(name), framed(choice))
	case session.FieldChoices:
		group := container.NewVBox()
		boxes := make([]*check, len(q.Options))
		for i, l := range optionLabels(q) {
			boxes[i] = newCheck(l)
			group.Add(boxes[i])
		}
		a.values = func() []string { return ticked(q, boxes) }
		a.set = func(v []string) {
			for i, o := range q.Options {
				boxes[i].SetChecked(slices.Contains(v, o.Value))
			}
		}
		objects = append(objects, label(name), access.Name(group, name))
	default:
		objects = append(objects, f.line(a, name)...)
	}
	if picture := formPicture(q); picture != nil {
		objects = append([]fyne.CanvasObject{picture}, objects...)
	}
	if q.Link != "" {
		offer := newWebOffer(f.page.desk, f.page.cancel, newButton)
		offer.show(q.Link)
		objects = append(objects, offer.Container)
	}
	if help := model.Body(q.Help); help != "" {
		objects = append(objects, look.NewText(help, look.Hint))
	}
	suggested := q.Values
	if a.entry != nil {
		suggested = []string{model.Body(strings.Join(q.Values, "\n"))}
	}
	a.set(suggested)
	f.answers = append(f.answers, a)
	return objects
}

// line is a question that is answered by typing.
func (f *formPage) line(a *formAnswer, name string) []fyne.CanvasObject {
	q := a.field
	entry := newField("")
	if q.Kind == session.FieldSecret || q.Name == fieldPassword {
		entry = newPasswordField()
	}
	if q.Kind == session.FieldLines {
		entry.MultiLine = true
	}
	access.Name(entry, name)
	entry.escape = f.page.cancel
	entry.OnSubmitted = func(string) { f.after(entry) }
	a.entry = entry
	a.values = func() []string {
		switch {
		case q.Kind == session.FieldLines:
			return strings.Split(entry.Text, "\n")
		case q.Kind == session.FieldSecret || q.Name == fieldPassword:
			return []string{entry.Text}
		}
		return []string{strings.TrimSpace(entry.Text)}
	}
	a.set = func(v []string) { entry.SetText(strings.Join(v, "\n")) }
	switch q.Name {
	case fieldUser:
		return []fyne.CanvasObject{label(name), container.NewBorder(nil, nil, nil, look.NewWord("@"+f.domain, look.Body), entry)}
	case fieldPassword:
		return []fyne.CanvasObject{label(name), entry,
			look.NewText(lang.L("Choose a long one that you use nowhere else. It is kept in the keyring of this computer."), look.Hint)}
	}
	return []fyne.CanvasObject{label(name), entry}
}

// after goes on to the next question that one types, and from the last one to the server.
func (f *formPage) after(entry *field) {
	found := false
	for _, a := range f.answers {
		if found && a.entry != nil {
			f.page.desk.window.Canvas().Focus(a.entry)
			return
		}
		found = found || a.entry == entry
	}
	f.submit()
}

// fieldLabel is what stands above an answer: our word where the field has a meaning that we know, else the server's.
func fieldLabel(q session.Field) string {
	name := model.Name(q.Label)
	switch {
	case q.Name == fieldUser:
		name = lang.L("Name")
	case q.Name == fieldPassword:
		name = lang.L("Password")
	case name != "":
	case q.Name == "email":
		name = lang.L("Email address")
	default:
		name = model.Name(q.Name)
	}
	if !q.Required && q.Kind != session.FieldCheck && q.Name != fieldUser && q.Name != fieldPassword {
		return lang.L("{{.Question}} (not needed)", words{"Question": name})
	}
	return name
}

func optionLabels(q session.Field) []string {
	labels := make([]string, len(q.Options))
	for i, o := range q.Options {
		if labels[i] = model.Name(o.Label); labels[i] == "" {
			labels[i] = model.Name(o.Value)
		}
	}
	return labels
}

func chosenValues(q session.Field, i int) []string {
	if i < 0 {
		return nil
	}
	return []string{q.Options[i].Value}
}

// ticked returns the values of the options with these labels.
func ticked(q session.Field, boxes []*check) []string {
	var values []string
	for i, box := range boxes {
		if box.Checked {
			values = append(values, q.Options[i].Value)
		}
	}
	return values
}

// formPicture draws the picture of a question; its size and kind have been checked where it came in.
func formPicture(q session.Field) fyne.CanvasObject {
	if q.Picture == nil {
		return nil
	}
	decoded, _, err := image.Decode(bytes.NewReader(q.Picture))
	if err != nil {
		return look.NewText(lang.L("The picture that belongs to this question is damaged."), look.Hint)
	}
	i := canvas.NewImageFromImage(decoded)
	i.FillMode = canvas.ImageFillContain
	width := min(float32(decoded.Bounds().Dx()), pageWidth)
	i.SetMinSize(fyne.NewSize(width, width*float32(decoded.Bounds().Dy())/float32(max(decoded.Bounds().Dx(), 1))))
	return inset(0, 3*look.Step, 0, 0, container.NewCenter(i))
}

// begin is the answer that the server refused, else the first that is missing.
func (f *formPage) begin(up session.SignUp) fyne.Focusable {
	refused := func(a *formAnswer) bool {
		switch up.Refusal {
		case session.RefusalNameTaken, session.RefusalBadName:
			return a.field.Name == fieldUser
		case session.RefusalIncomplete:
			return a.field.Name == up.Field
		case session.RefusalChallenge:
			return a.field.Picture != nil || a.field.Link != ""
		}
		return a.entry.Text == "" && (a.field.Required || a.field.Name == fieldUser || a.field.Name == fieldPassword)
	}
	for _, a := range f.answers {
		if a.entry != nil && refused(a) {
			return a.entry
		}
	}
	return f.confirm
}

func (f *formPage) submit() {
	if f.confirm.Disabled() {
		return
	}
	answers := map[string][]string{}
	for _, a := range f.answers {
		answers[a.field.Name] = a.values()
	}
	f.trouble.say("")
	f.page.desk.engine.SubmitSignUp(f.page.number, answers)
}

func (f *formPage) sending() {
	f.confirm.Disable()
	f.progress.SetText(lang.L("Making the account…"))
}

// takeOver keeps what was answered before, where the same is asked again. The answer to a picture is for that picture only.
func (f *formPage) takeOver(before *formPage) {
	for _, a := range f.answers {
		for _, b := range before.answers {
			if a.field.Name == b.field.Name && a.field.Kind == b.field.Kind && a.field.Picture == nil {
				a.set(b.values())
			}
		}
	}
	before.forget()
}

// forget empties every entry that hides what is typed.
func (f *formPage) forget() {
	for _, a := range f.answers {
		if a.entry != nil && a.entry.Password {
			a.entry.SetText("")
		}
	}
}
