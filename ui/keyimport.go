package ui

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// maxKeyFile is how much of a file is read: more than any program writes, and what is longer is refused.
const maxKeyFile = 1<<20 + 1

// keysFile is what programs call the file.
const keysFile = "otr.fingerprints"

// askForFile lets the person choose a file and reads it, elsewhere: a disk may be slow.
func (k *keysWindow) askForFile(took func(name string, data []byte, err error)) {
	chooser := dialog.NewFileOpen(func(file fyne.URIReadCloser, err error) {
		if err != nil || file == nil {
			if err != nil {
				took("", nil, err)
			}
			return
		}
		go func() {
			data, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
			err = errors.Join(err, file.Close())
			k.desk.shell.do(func() { took(file.URI().Name(), data, err) })
		}()
	}, k.window)
	chooser.Show()
	chooser.Resize(k.window.Canvas().Size()) // it has no size before it is shown
}

// askWhereTo lets the person choose where a file goes, and writes it elsewhere. Only its owner may read it: it says with whom one writes.
func (k *keysWindow) askWhereTo(name string, data []byte, done func(error)) {
	chooser := dialog.NewFileSave(func(file fyne.URIWriteCloser, err error) {
		if err != nil || file == nil {
			if err != nil {
				done(err)
			}
			return
		}
		go func() {
			var err error
			if uri := file.URI(); uri.Scheme() == "file" {
				err = os.Chmod(uri.Path(), 0o600)
			}
			_, wrote := io.Copy(file, bytes.NewReader(data))
			err = errors.Join(err, wrote, file.Close())
			k.desk.shell.do(func() { done(err) })
		}()
	}, k.window)
	chooser.SetFileName(name)
	chooser.Show()
	chooser.Resize(k.window.Canvas().Size()) // it has no size before it is shown
}

// import_ asks for a file and shows what it would change.
func (k *keysWindow) import_() {
	k.openFile(func(name string, data []byte, err error) {
		if k.desk.keysOpen != k {
			return // the window was closed meanwhile
		}
		if err != nil {
			k.show(newKeysResult(k, lang.L("This file could not be read."), lang.L("Nothing has changed.")))
			return
		}
		file, err := session.ReadKeyFile(data, name)
		if err != nil {
			k.show(newKeysResult(k, lang.L("There is no key of an XMPP contact in “{{.File}}”.", words{"File": fileName(name)}),
				lang.L("Programs that speak OTR keep the keys of others in a file that is often called otr.fingerprints. Nothing has changed.")))
			return
		}
		k.show(newKeyImport(k, file))
	})
}

// A keyImport is the page that shows what a file would change, before it does.
type keyImport struct {
	window   *keysWindow
	file     session.KeyFile
	accounts map[string]string
	plan     []session.ImportedKey
	whole    *fyne.Container
	rows     *widget.List
	take     *button
	back     *button
}

func newKeyImport(k *keysWindow, f session.KeyFile) *keyImport {
	p := &keyImport{window: k, file: f, accounts: k.desk.engine.AccountsOf(f), whole: container.NewStack()}
	p.back = newIconButton(lang.L("Back"), backIcon(), k.back)
	p.back.escape = k.back
	p.rows = widget.NewList(func() int { return len(p.plan) }, func() fyne.CanvasObject { return newImportItem(p) }, func(id widget.ListItemID, o fyne.CanvasObject) {
		if id < len(p.plan) {
			o.(*importItem).set(id, p.plan[id])
		}
	})
	p.rows.HideSeparators = true
	p.rows.OnSelected = func(widget.ListItemID) { p.rows.UnselectAll() }
	p.again()
	return p
}

func (p *keyImport) content() fyne.CanvasObject { return p.whole }
func (p *keyImport) first() fyne.Focusable      { return p.take }
func (p *keyImport) leave()                     { p.window.back() }

// update does nothing: what is ticked stands until the person is done. What is taken over is compared with what is known then.
func (p *keyImport) update() {}

// again plans anew, for the accounts as they are chosen now.
func (p *keyImport) again() {
	p.plan = p.window.desk.engine.PlanImport(p.file, p.accounts)
	objects := []fyne.CanvasObject{}
	for _, name := range p.file.Names {
		if p.unknown(name) {
			objects = append(objects, p.accountPick(name))
		}
	}
	p.take = newMainButton(lang.N("Import {{.Count}} key", p.changes(), words{"Count": p.changes()}), p.takeOver)
	enable(p.take, p.changes() > 0 || p.claims())
	cancel := newButton(lang.L("Cancel"), p.window.back)
	cancel.escape, p.take.escape = p.window.back, p.window.back
	for _, said := range p.summary() {
		objects = append(objects, look.NewText(said, look.Hint))
	}
	head := keysHead(p.back, lang.L("From “{{.File}}”", words{"File": fileName(p.file.Source)}),
		lang.L("Nothing has changed yet. Only the keys that you tick count as verified: tick a key only if you yourself checked it in that program."), objects...)
	p.whole.Objects = []fyne.CanvasObject{bordered(head, keysFoot(cancel, p.take), nil, nil, p.rows)}
	p.whole.Refresh()
	p.rows.Refresh()
}

// unknown tells whether a name in the file is none of an account of the person's.
func (p *keyImport) unknown(name string) bool {
	return p.window.desk.engine.AccountsOf(p.file)[name] == ""
}

// accountPick asks which account a name stands for: some programs number theirs.
func (p *keyImport) accountPick(name string) fyne.CanvasObject {
	said, chosen := []string{lang.L("Leave out")}, 0
	accounts := []string{""}
	for _, a := range p.window.desk.model.Accounts() {
		if a.JID == p.accounts[name] {
			chosen = len(said)
		}
		said, accounts = append(said, a.JID), append(accounts, a.JID)
	}
	pick := newPick(lang.L("The account “{{.Name}}” of the file is", words{"Name": fileName(name)}), "", said, chosen, func(i int) {
		p.accounts[name] = accounts[i]
		p.again()
	})
	pick.escape(p.leave)
	return unlined(pick)
}

func (p *keyImport) changes() int {
	n := 0
	for _, k := range p.plan {
		if k.Change != session.ImportNothing || k.Trust {
			n++
		}
	}
	return n
}

// claims tells whether there is anything that could be ticked.
func (p *keyImport) claims() bool {
	for _, k := range p.plan {
		if mayTrust(k) {
			return true
		}
	}
	return false
}

// mayTrust tells whether a key can be counted as verified because of what the file says.
func mayTrust(k session.ImportedKey) bool { return k.Claim != "" && !k.Verified }

func (p *keyImport) summary() []string {
	fresh, known := 0, 0
	for _, k := range p.plan {
		if k.Change == session.ImportKey {
			fresh++
		} else {
			known++
		}
	}
	said := []string{lang.N("{{.Count}} key is new here.", fresh, words{"Count": fresh})}
	if known > 0 {
		said = append(said, lang.N("{{.Count}} key is known already.", known, words{"Count": known}))
	}
	if p.file.Foreign > 0 {
		said = append(said, lang.N("{{.Count}} line is about another network and is left out.", p.file.Foreign, words{"Count": p.file.Foreign}))
	}
	if p.file.Bad > 0 {
		said = append(said, lang.N("{{.Count}} line could not be understood and is left out.", p.file.Bad, words{"Count": p.file.Bad}))
	}
	return []string{strings.Join(said, " ")}
}

func (p *keyImport) trust(i int, yes bool) {
	p.plan[i].Trust = yes
	p.take.SetText(lang.N("Import {{.Count}} key", p.changes(), words{"Count": p.changes()}))
	enable(p.take, p.changes() > 0)
}

func (p *keyImport) takeOver() {
	verified := 0
	for _, k := range p.plan {
		if k.Trust {
			verified++
		}
	}
	n := p.window.desk.engine.Import(p.file, p.plan)
	said := lang.N("{{.Count}} key was imported.", n, words{"Count": n})
	about := lang.L("None of them counts as verified.")
	if verified > 0 {
		about = lang.N("{{.Count}} of them counts as verified, because you said so.", verified, words{"Count": verified})
	}
	p.window.show(newKeysResult(p.window, said, about))
}

// An importItem is one key of the plan.
type importItem struct {
	widget.BaseWidget
	page        *keyImport
	index       int
	name, about *look.Text
	tick        *groupBox
	loading     bool
}

func newImportItem(p *keyImport) *importItem {
	i := &importItem{page: p, name: look.NewLine("", look.Strong).InLanguage(), about: look.NewLine("", look.Hint).InLanguage(), tick: newGroupBox(p.leave)}
	i.tick.Text = lang.L("Verified")
	i.tick.OnChanged = func(yes bool) {
		if !i.loading {
			i.page.trust(i.index, yes)
		}
	}
	i.ExtendBaseWidget(i)
	return i
}

func (i *importItem) set(index int, k session.ImportedKey) {
	i.index = index
	i.name.SetText(model.Name(k.Name))
	i.about.SetText(importWords(k))
	i.loading = true
	i.tick.SetChecked(k.Trust)
	i.loading = false
	i.tick.Hidden = !mayTrust(k)
	access.Describe(access.Name(i.tick, lang.L("Count key {{.Key}} of {{.Name}} as verified", words{"Key": shortKey(k.Key), "Name": model.Name(k.Name)})), i.about.Words())
	i.Refresh()
}

// importWords says what taking over a key would change.
func importWords(k session.ImportedKey) string {
	var said []string
	switch {
	case k.Change == session.ImportKey && k.Another:
		said = append(said, lang.L("not the key you verified"))
	case k.Change == session.ImportKey:
		said = append(said, lang.L("new here"))
	case k.Verified:
		said = append(said, lang.L("verified here already"))
	default:
		said = append(said, lang.L("known here"))
	}
	switch k.Claim {
	case "":
		said = append(said, lang.L("not verified there"))
	case "verified", "smp":
		said = append(said, lang.L("verified there"))
	default:
		said = append(said, lang.L("marked “{{.Word}}” there", words{"Word": unquoted.Replace(model.Name(k.Claim))}))
	}
	return strings.Join(append(said, shortKey(k.Key)), " · ")
}

// CreateRenderer implements fyne.Widget.
func (i *importItem) CreateRenderer() fyne.WidgetRenderer {
	words := container.New(&headerWords{}, i.name, i.about)
	return widget.NewSimpleRenderer(sided(2*look.Step, look.Step, 3*look.Step, look.Step, ranked(nil, container.NewCenter(i.tick), words)))
}

// ---- writing

// A keyExport is the page on which one chooses how the file is written.
type keyExport struct {
	window *keysWindow
	whole  fyne.CanvasObject
	style  *options
}

func newExport(k *keysWindow) *keyExport {
	p := &keyExport{window: k, style: newOptions(nil)}
	p.style.escape, p.style.enter = k.back, p.save
	p.style.add(lang.L("For Pidgin"), lang.L("It writes accounts as alice@example.org/ and the network as prpl-jabber."))
	p.style.add(lang.L("For other programs"), lang.L("Accounts as alice@example.org, the network as xmpp: Profanity writes it so, and Sotto can read it back."))
	p.style.choose(0)
	back := newIconButton(lang.L("Back"), backIcon(), k.back)
	save := newMainButton(lang.L("Save…"), p.save)
	cancel := newButton(lang.L("Cancel"), k.back)
	for _, b := range []*button{back, save, cancel} {
		b.escape = k.back
	}
	inside := container.New(flow{}, p.style.all[0], gap(0, look.Step), p.style.all[1], gap(0, 2*look.Step),
		hint(lang.L("The file holds no secret, but it says with whom you write. Your own keys are not in it.")))
	head := keysHead(back, lang.L("Export"), lang.L("The keys of your contacts, and which you have verified, as other programs read it."))
	p.whole = bordered(head, keysFoot(cancel, save), nil, nil,
		container.NewVScroll(container.New(column{width: look.ColumnWidth}, inset(4*look.Step, 3*look.Step, 4*look.Step, 3*look.Step, inside))))
	return p
}

func (p *keyExport) content() fyne.CanvasObject { return p.whole }
func (p *keyExport) first() fyne.Focusable      { return p.style.all[0] }
func (p *keyExport) leave()                     { p.window.back() }
func (p *keyExport) update()                    {}

func (p *keyExport) save() {
	k := p.window
	style := session.LikePidgin
	if p.style.chosen == 1 {
		style = session.LikeOthers
	}
	file, keys, left := k.desk.engine.ExportKeys(style)
	k.saveFile(keysFile, file, func(err error) {
		if k.desk.keysOpen != k {
			return
		}
		if err != nil {
			k.show(newKeysResult(k, lang.L("The file could not be written."), lang.L("Choose another place, or look whether the disk is full.")))
			return
		}
		about := ""
		if left > 0 {
			about = lang.N("{{.Count}} key is not in it: its address is too long for that kind of file.", left, words{"Count": left})
		}
		k.show(newKeysResult(k, lang.N("{{.Count}} key was written.", keys, words{"Count": keys}), about))
	})
}

// resultWidth is how wide what a keysResult says is.
const resultWidth = 400

// A keysResult says how something ended.
type keysResult struct {
	window *keysWindow
	whole  fyne.CanvasObject
	done   *button
}

func newKeysResult(k *keysWindow, said, about string) *keysResult {
	p := &keysResult{window: k, done: newMainButton(lang.L("Done"), k.back)}
	p.done.escape = k.back
	words := container.New(flow{}, look.NewText(said, look.Header).Center(), look.NewText(about, look.Hint).Center())
	p.whole = bordered(nil, keysFoot(p.done), nil, nil, container.New(column{width: resultWidth, middle: true}, words))
	return p
}

func (p *keysResult) content() fyne.CanvasObject { return p.whole }
func (p *keysResult) first() fyne.Focusable      { return p.done }
func (p *keysResult) leave()                     { p.window.back() }
func (p *keysResult) update()                    {}
