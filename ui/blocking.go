package ui

import (
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
)

// block asks before somebody is kept away.
func (d *desk) block(c session.Contact) {
	name := words{"Name": c.Name}
	about := lang.L("Your server keeps everything from {{.Name}} away and shows them that you are offline. They are not told why. A private conversation ends first.", name)
	d.confirm(lang.L("Block {{.Name}}?", name), about, lang.L("Block"), func() {
		if err := d.engine.Block(c.Ref); err != nil {
			d.cannotBlock(c)
		}
	})
}

func (d *desk) unblock(c session.Contact) {
	if err := d.engine.Unblock(c.Ref); err != nil {
		d.cannotBlock(c)
	}
}

// cannotBlock says that nothing has changed.
func (d *desk) cannotBlock(c session.Contact) {
	d.main.problem.show(notice{
		words:   lang.L("Your server cannot block {{.Name}}: it does not know how. Nothing has changed.", words{"Name": c.Name}),
		actions: []offer{{label: lang.L("OK"), do: func() { d.main.problem.show(d.accountNotice()) }}},
	})
}

// linkNotice says what a link that was followed claims about the contact's key: nothing of it counts before the person says that the
// link is the contact's own.
func (d *desk) linkNotice(c session.Contact) notice {
	name := words{"Name": c.Name}
	if c.Link == nil {
		return notice{}
	}
	drop := func() { d.engine.DropLink(c.Ref) }
	switch c.Link.State {
	case session.LinkMatches:
		fp := *c.Link.Key
		return notice{words: lang.L("The link you followed names the key that {{.Name}} uses. If {{.Name}} gave you the link in person or in another way you trust, then this is {{.Name}}.", name),
			actions: []offer{{label: lang.L("I am not sure"), do: drop}, {label: lang.L("It is from {{.Name}}", name), do: func() {
				_ = d.engine.ConfirmLink(c.Ref, fp) // a claim that is another one by now is shown anew
			}, main: true}}}
	case session.LinkDiffers:
		return notice{words: lang.L("The link you followed names another key than the one {{.Name}} uses. The link may be old, or somebody is not who they say. Compare fingerprints by phone before you write anything private.", name),
			actions: []offer{{label: lang.L("OK"), do: drop}, {label: lang.L("Compare fingerprints"), do: func() { d.compare(c.Ref) }, main: true}}}
	}
	return notice{}
}
