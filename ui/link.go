package ui

import (
	"strings"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
)

// follow does what a link asks for, as far as that needs no word of the person: it shows a conversation, or what to fill in. Nothing
// is sent, nobody is added and nothing is verified by a link alone.
func (d *desk) follow(text string) {
	link, err := session.ParseLink(text)
	if err != nil {
		d.shell.trouble.show(notice{
			words:   lang.L("Sotto does not understand this link: “{{.Link}}”", words{"Link": quoted(shortened(text))}),
			actions: []offer{{label: lang.L("OK"), do: func() { d.shell.trouble.show(notice{}) }}},
		})
		return
	}
	if link.Action == session.LinkRegister {
		d.openSignUp()
		d.signUp.invited(link.Address.Domainpart(), link.Token)
		return
	}
	account, ok := d.linkAccount()
	if !ok {
		d.shell.linked = text // for when there is an account
		return
	}
	r := session.Ref{Account: account, Contact: link.Address.String()}
	if c, known := d.model.Contact(r); !known || link.Action == session.LinkAdd && !c.OnRoster {
		d.addContactBy(link)
		return
	}
	d.arrive(r, link)
}

// followLinked follows the link that the program was started with, once it is known which accounts there are.
func (d *desk) followLinked() {
	if link := d.shell.linked; link != "" && !d.practising && !d.expected {
		d.shell.linked = ""
		d.follow(link)
	}
}

// arrive opens the conversation a link leads to, with what the link suggests to write, if nothing is being written there.
func (d *desk) arrive(r session.Ref, link session.Link) {
	_, _ = d.engine.FollowLink(r.Account, link) // the conversation shows what comes of it
	d.main.open(r)
	if draft, _ := d.model.Draft(r); draft == "" && link.Text != "" {
		d.main.talk.composer.SetText(link.Text)
	}
}

// linkAccount is the account that a link is followed with: one that is online, if there is one.
func (d *desk) linkAccount() (string, bool) {
	accounts := d.model.Accounts()
	for _, a := range accounts {
		if a.State == session.Online {
			return a.JID, true
		}
	}
	if len(accounts) == 0 {
		return "", false
	}
	return accounts[0].JID, true
}

const shownLink = 80

func shortened(s string) string {
	if r := []rune(strings.ToValidUTF8(s, "")); len(r) > shownLink {
		return string(r[:shownLink]) + "…"
	}
	return s
}
