package ui

import (
	"regexp"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

const compareWidth = 600

// compare opens the window in which two people compare their fingerprints, or brings it forward.
func (d *desk) compare(r session.Ref) {
	c := &comparison{}
	d.engine.Acquaint(r)
	d.openSheet("compare", r, func(s *sheet) { s.wide(compareWidth); c.sheet = s; c.update() })
}

// A comparison shows both fingerprints of the live session. What is saved is about exactly the one that is shown: when the key in
// use becomes another while the window is open, nothing can be saved any more.
type comparison struct {
	*sheet
	at      comparePage
	key     otr.Fingerprint // theirs, as shown
	ours    otr.Fingerprint
	aloud   *session.ReadAloud // the words that are shown instead of fingerprints; nil: fingerprints
	digital bool               // the person wants fingerprints
	groups  []*groupBox
	digits  []*look.Words // of the groups
	other   []*look.Words // what was pasted instead of them
	paste   *field
	options *options
	save    *button
	trouble *trouble
}

type comparePage uint8

const (
	compareStart comparePage = iota
	compareNone              // there is no live key
	compareKeys
	compareStale // the key in use is not the shown one any more
)

// The two things one can say about the shown fingerprint.
const (
	saysSame = iota
	saysNothing
)

// update shows the keys, or says that the shown one is not in use any more.
func (c *comparison) update() {
	contact := c.contact()
	account, _ := c.desk.model.Account(c.ref.Account)
	usable := live(contact) && account.Fingerprint != nil
	switch {
	case c.at == compareKeys && (!usable || *contact.Key != c.key || *account.Fingerprint != c.ours):
		c.stale()
	case c.at == compareKeys && c.aloud != nil && (contact.Aloud == nil || *contact.Aloud != *c.aloud):
		c.otherWords()
	case c.at == compareKeys && c.aloud == nil && contact.Aloud != nil && !c.digital && !c.touched():
		c.showWords(*contact.Aloud, *account.Fingerprint) // the other program has just turned out to be a Sotto
	case c.at == compareKeys, c.at == compareStale:
	case !usable && c.at != compareNone:
		c.none()
	case usable && contact.Aloud != nil && !c.digital:
		c.showWords(*contact.Aloud, *account.Fingerprint)
	case usable:
		c.show(*contact.Key, *account.Fingerprint)
	}
}

func (c *comparison) name() words { return words{"Name": c.contact().Name} }

func (c *comparison) show(theirs, ours otr.Fingerprint) {
	c.at, c.key, c.ours, c.aloud = compareKeys, theirs, ours, nil
	compared := c.contact().Verified == session.ByComparison
	c.trouble = newTrouble()
	c.paste = named(newField(lang.L("or paste what {{.Name}} read to you", onButton(c.contact()))), lang.L("Fingerprint of {{.Name}}, pasted", c.name()))
	c.paste.OnChanged = c.pasted
	c.paste.escape = c.close
	c.options = newOptions(func(int) { enable(c.save, true) })
	c.options.escape = c.close
	c.options.enter = c.saveIt
	c.options.add(lang.L("All five groups are the same: this is {{.Name}}", c.name()), "")
	c.options.add(lang.L("I have not compared them"), "")
	c.save = newMainButton(lang.L("Save"), c.saveIt)
	start := saysNothing
	if compared {
		start = saysSame
	}
	c.options.choose(start)
	enable(c.save, false)
	left := c.panel(lang.L("{{.Name}} reads this to you", c.name()), theirs, c.ticks(theirs, compared))
	code := newQuietButton(lang.L("QR code"), func() { c.desk.ownKey(c.ref.Account) })
	right := c.panel(lang.L("You read this to {{.Name}}", c.name()), ours, plainGroups(ours), code)
	c.turn(leaf{
		title: lang.L("Compare with {{.Name}}", c.name()),
		body: []fyne.CanvasObject{
			look.NewText(lang.L("By phone or in person, so that you know the voice. Tick each group that you hear."), look.Body),
			container.New(reading(sideBySide{}), left, right),
			gap(0, 2*look.Step), c.paste,
			gap(0, 2*look.Step),
			c.options.all[saysSame], gap(0, look.Step), c.options.all[saysNothing],
			gap(0, look.Step), c.trouble,
		},
		buttons: c.buttons(lang.L("Read words instead"), c.contact().Aloud != nil),
		first:   c.groups[0],
	})
}

// buttons are those of the page, with the one that changes between words and fingerprints where there are both.
func (c *comparison) buttons(change string, both bool) []*button {
	all := []*button{newButton(lang.L("Close"), c.close), c.save}
	if both {
		all = append([]*button{newQuietButton(change, c.change)}, all...)
	}
	return all
}

// change shows fingerprints instead of words, or words instead of fingerprints.
func (c *comparison) change() {
	c.digital = c.aloud != nil
	c.at = compareStart
	c.update()
}

// touched tells whether the person has begun to compare.
func (c *comparison) touched() bool {
	for _, box := range c.groups {
		if box.Checked {
			return true
		}
	}
	return c.paste != nil && c.paste.Text != "" || c.options.chosen == saysSame
}

// showWords is the page for two Sottos: four words to hear and four to read. What they prove stands at session.ReadAloud.
func (c *comparison) showWords(aloud session.ReadAloud, ours otr.Fingerprint) {
	c.at, c.key, c.ours, c.aloud, c.paste = compareKeys, aloud.Key, ours, &aloud, nil
	c.trouble = newTrouble()
	c.options = newOptions(func(int) { enable(c.save, true) })
	c.options.escape, c.options.enter = c.close, c.saveIt
	c.options.add(lang.L("All four words are the same: this is {{.Name}}", c.name()), "")
	c.options.add(lang.L("I have not compared them"), "")
	c.save = newMainButton(lang.L("Save"), c.saveIt)
	c.options.choose(saysNothing)
	enable(c.save, false)
	left := c.side(lang.L("{{.Name}} reads this to you", c.name()), c.tickRows(aloud.Theirs[:], false))
	right := c.side(lang.L("You read this to {{.Name}}", c.name()), plainRows(aloud.Ours[:]))
	c.turn(leaf{
		title: lang.L("Compare with {{.Name}}", c.name()),
		body: []fyne.CanvasObject{
			look.NewText(lang.L("By phone or in person, so that you know the voice. Tick each word that you hear. The words are English for everybody."), look.Body),
			container.New(reading(sideBySide{}), left, right),
			gap(0, 2*look.Step),
			hint(lang.L("They belong to this private conversation and are others in the next one. If they are the same, nobody stands between you.")),
			c.options.all[saysSame], gap(0, look.Step), c.options.all[saysNothing],
			gap(0, look.Step), c.trouble,
		},
		buttons: c.buttons(lang.L("Fingerprints instead"), true),
		first:   c.groups[0],
	})
}

// otherWords: the private conversation has begun anew while one read. What was heard so far was about the one before.
func (c *comparison) otherWords() {
	aloud := c.contact().Aloud
	if aloud == nil {
		c.stale()
		return
	}
	c.showWords(*aloud, c.ours)
	c.trouble.say(lang.L("The private conversation has fresh keys, and with them other words. Begin again with these."))
	c.fit()
}

// panel is one fingerprint with what it is, a button that copies it, and others.
func (c *comparison) panel(heading string, f otr.Fingerprint, groups []fyne.CanvasObject, others ...*button) fyne.CanvasObject {
	copyIt := newQuietButton(lang.L("Copy"), func() { c.desk.app.Clipboard().SetContent(f.String()) })
	copyIt.escape = c.close
	access.Describe(copyIt, heading)
	foot := container.New(reading(fromBeginning{}), copyIt)
	for _, b := range others {
		b.escape = c.close
		foot.Add(b)
	}
	return c.side(heading, append(groups, foot))
}

// side is what one of the two reads.
func (c *comparison) side(heading string, rows []fyne.CanvasObject) fyne.CanvasObject {
	objects := append([]fyne.CanvasObject{look.NewText(heading, look.Hint)}, rows...)
	return container.NewStack(filled(look.ColorSurface, look.Radius), inset(2*look.Step, look.Step, 2*look.Step, look.Step, container.New(flow{}, objects...)))
}

// ticks are the groups of their fingerprint, each with a box to tick off. When all are ticked, the answer follows by itself.
func (c *comparison) ticks(f otr.Fingerprint, ticked bool) []fyne.CanvasObject {
	return c.tickRows(strings.Fields(f.String()), ticked)
}

// tickRows are groups of digits, or words, to tick off.
func (c *comparison) tickRows(groups []string, ticked bool) []fyne.CanvasObject {
	c.groups, c.digits, c.other = nil, nil, nil
	var rows []fyne.CanvasObject
	for _, group := range groups {
		box := access.Name(newGroupBox(c.close), group)
		box.Checked = ticked
		box.OnChanged = func(bool) { c.ticked() }
		digits, other := groupText(group), groupText("")
		other.SizeName, other.Importance = theme.SizeNameText, widget.DangerImportance
		other.Hide()
		c.groups, c.digits, c.other = append(c.groups, box), append(c.digits, digits), append(c.other, other)
		rows = append(rows, ranked(sided(0, 0, -2*look.Step, 0, box), other, digits))
	}
	return rows
}

// pastable is a fingerprint as programs write it: forty digits, in groups of any even length or none.
var pastable = regexp.MustCompile(`(?i)\b[0-9a-f]{2}(?:[\s:-]*[0-9a-f]{2}){19}\b`)

// pasted compares what was copied from elsewhere with the fingerprint that is shown, group by group.
func (c *comparison) pasted(text string) {
	for i, digits := range c.digits {
		setImportance(digits, widget.MediumImportance)
		c.other[i].Hide()
	}
	c.options.allow(saysSame, true)
	if strings.TrimSpace(text) == "" {
		c.say("")
		return
	}
	other, err := otr.ParseFingerprint(strings.NewReplacer(":", "", "-", "").Replace(pastable.FindString(text)))
	switch {
	case err != nil:
		c.say(lang.L("This is not a whole fingerprint: it has forty letters and digits."))
		return
	case other == c.ours && c.ours != c.key:
		c.say(lang.L("This is your own fingerprint. Paste the one of {{.Name}}.", c.name()))
		return
	}
	differing := 0
	theirs := strings.Fields(other.String())
	for i, digits := range c.digits {
		same := digits.Text == theirs[i]
		c.groups[i].SetChecked(same)
		if !same {
			differing++
			setImportance(digits, widget.DangerImportance)
			c.other[i].SetText("≠ " + theirs[i])
			c.other[i].Show()
		}
	}
	if differing == 0 {
		c.say("")
		return
	}
	c.options.choose(saysNothing)
	c.options.allow(saysSame, false)
	c.say(lang.N("{{.Count}} group differs from what you pasted. Write nothing private before you have spoken with {{.Name}}.", differing,
		words{"Count": differing, "Name": c.contact().Name}))
}

func (c *comparison) say(sentence string) {
	if c.trouble.words.Words() != sentence {
		c.trouble.say(sentence)
		c.fit()
	}
}

func setImportance(l *look.Words, i widget.Importance) {
	if l.Importance != i {
		l.Importance = i
		l.Refresh()
	}
}

func (c *comparison) ticked() {
	for _, box := range c.groups {
		if !box.Checked {
			return
		}
	}
	if !c.options.all[saysSame].off {
		c.options.choose(saysSame)
	}
}

// A groupBox is what one ticks when one has heard a group.
type groupBox struct {
	widget.Check
	escape func()
}

func newGroupBox(escape func()) *groupBox {
	b := &groupBox{escape: escape}
	b.ExtendBaseWidget(b)
	return b
}

// CreateRenderer implements fyne.Widget.
func (b *groupBox) CreateRenderer() fyne.WidgetRenderer {
	b.ExtendBaseWidget(b)
	return checkRenderer(&b.Check)
}

// FocusGained implements fyne.Focusable.
func (b *groupBox) FocusGained() { b.Check.FocusGained(); reveal(b) }

// TypedKey implements fyne.Focusable.
func (b *groupBox) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape {
		b.escape()
		return
	}
	b.Check.TypedKey(e)
}

// plainGroups are the groups of our own fingerprint, each in line with one of theirs.
func plainGroups(f otr.Fingerprint) []fyne.CanvasObject { return plainRows(strings.Fields(f.String())) }

func plainRows(groups []string) []fyne.CanvasObject {
	var rows []fyne.CanvasObject
	high := widget.NewCheck("", nil).MinSize().Height
	for _, group := range groups {
		rows = append(rows, ranked(gap(0, high), nil, sided(-look.Step, 0, 0, 0, groupText(group))))
	}
	return rows
}

// groupText is eight digits that can be selected, in letters of one width. The Tab key passes them by: there is a button that copies all.
func groupText(group string) *look.Words {
	l := inLanguage(look.NewDigits(group).PassBy())
	l.SizeName = theme.SizeNameSubHeadingText
	return l
}

// saveIt records what the person says about the fingerprint that is shown.
func (c *comparison) saveIt() {
	if c.at != compareKeys || c.save.Disabled() {
		return
	}
	same, by := c.options.chosen == saysSame, c.contact().Verified
	if !same && by != session.ByComparison && by != session.NotVerified {
		c.close() // who was verified by other means stays so
		return
	}
	err := c.desk.engine.SetVerified(c.ref, c.key, same)
	switch {
	case err == nil:
		c.close()
	case isErr(err, session.ErrKeyGone):
		c.stale()
	default:
		c.trouble.say(lang.L("This did not work. Nothing was saved."))
		c.fit()
	}
}

// stale leaves the fingerprint where it is and takes away every possibility to say something about it.
func (c *comparison) stale() {
	c.at = compareStale
	c.options.forbid()
	for _, box := range c.groups {
		box.Disable()
	}
	if c.paste != nil {
		c.paste.Disable()
	}
	enable(c.save, false)
	c.trouble.say(lang.L("This is not the key in use any more: it changed while this window was open, or the private conversation ended. Nothing was saved. Close the window and compare again."))
	c.fit()
}

func (c *comparison) none() {
	c.at = compareNone
	start := newMainButton(lang.L("Start private conversation"), func() { c.desk.engine.StartPrivate(c.ref) })
	c.turn(leaf{
		title: lang.L("Nothing to compare yet"),
		body: []fyne.CanvasObject{verdict(look.LockOpen,
			lang.L("Fingerprints are shown from a private conversation that is going on, and there is none with {{.Name}} at the moment.", c.name()), "")},
		buttons: []*button{newButton(lang.L("Close"), c.close), start},
		first:   start,
	})
}
