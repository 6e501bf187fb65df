package ui

import (
	"runtime"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
)

// This file says which settings there are. A row holds at once; what would take more than a click to undo opens a slip instead.

func (d *desk) generalSettings() []*settingRow {
	rows := []*settingRow{
		d.languageSetting(),
		d.toggle(lang.L("Enter begins a new line"), enterWords(runtime.GOOS),
			func(p *store.Preferences) *bool { return &p.EnterBreaks }).found(lang.L("send key")),
		d.toggle(lang.L("A window for each conversation"), lang.L("Otherwise conversations open beside the contacts, and a double click gives one a window of its own."),
			func(p *store.Preferences) *bool { return &p.Apart }),
	}
	if d.shell.around.AtStart != nil {
		rows = append(rows, newToggle(lang.L("Start with the session"), lang.L("Sotto is there as soon as you are signed in to this computer."),
			d.shell.choices.now.AtStart, d.shell.setAtStart).found(lang.L("autostart")))
	}
	if d.shell.tray.there {
		rows = append(rows, d.toggle(lang.L("Close to the tray"), lang.L("Closing the window leaves Sotto running in the tray, where messages still come. Quit ends it."),
			func(p *store.Preferences) *bool { return &p.ToTray }))
	}
	if d.shell.around.Idle != nil && idleIsKnown() {
		after := []word{{awayTen, lang.L("After ten minutes")}, {awayFive, lang.L("After five minutes")}, {awayThirty, lang.L("After half an hour")}, {awayNever, lang.L("Never")}}
		rows = append(rows, d.pick(lang.L("Away by itself"), lang.L("Contacts see you as away while nobody touches this computer. If you chose how they see you, it stays."),
			after, func(p *store.Preferences) *string { return &p.AwayAfter }).found(lang.L("idle")))
	}
	return rows
}

// enterWords says which keys send and which begin a new line, for either choice, as they are called on a system.
func enterWords(system string) string {
	enter := stroke{0, fyne.KeyReturn}
	return lang.L("Then {{.Send}} sends. Otherwise {{.Enter}} sends, and {{.Break}} begins a new line.", words{
		"Send": stroke{commandOn(system), fyne.KeyReturn}.on(system), "Enter": enter.on(system),
		"Break": stroke{fyne.KeyModifierShift, fyne.KeyReturn}.on(system)})
}

// languageSetting chooses in which language Sotto speaks.
func (d *desk) languageSetting() *settingRow {
	tags, names, chosen := []string{""}, []string{lang.L("As the system")}, 0
	for _, l := range lang.Languages() {
		if l.Tag == d.shell.store.Settings().Window.Language {
			chosen = len(tags)
		}
		tags, names = append(tags, l.Tag), append(names, l.Name)
	}
	return newPick(lang.L("Language"), lang.L("It applies from the next start."), names, chosen, func(i int) {
		d.shell.write(func(s *store.Settings) { s.Window.Language = tags[i] })
	})
}

func (d *desk) lookSettings() []*settingRow {
	themes := []word{{"", lang.L("As the system")}, {"light", lang.L("Light")}, {"dark", lang.L("Dark")}}
	sizes := []word{{string(look.NormalText), lang.L("Normal")}, {string(look.SmallText), lang.L("Small")}, {string(look.LargeText), lang.L("Large")},
		{string(look.LargestText), lang.L("Largest")}}
	return []*settingRow{
		d.pick(lang.L("Light or dark"), lang.L("As the system: it changes when your desktop changes."), themes,
			func(p *store.Preferences) *string { return &p.Theme }),
		d.pick(lang.L("Size of the text"), "", sizes, func(p *store.Preferences) *string { return &p.TextSize }).found(lang.L("font large small")),
		d.pick(lang.L("Colour"), lang.L("Of buttons and of your own messages. What the lock says keeps its colours."), accentWords(),
			func(p *store.Preferences) *string { return &p.Accent }).found(lang.L("accent")),
		d.toggle(lang.L("High contrast"), lang.L("Black on white, or white on black, and stronger lines."), func(p *store.Preferences) *bool { return &p.Contrast }),
		d.toggle(lang.L("No motion"), lang.L("Nothing fades, and the cursor does not blink. It also saves power."), func(p *store.Preferences) *bool { return &p.Still }).
			found(lang.L("animations")),
	}
}

func accentWords() []word {
	return []word{{string(look.Plum), lang.L("Plum")}, {string(look.Blue), lang.L("Blue")}, {string(look.Green), lang.L("Green")},
		{string(look.Violet), lang.L("Violet")}, {string(look.Amber), lang.L("Amber")}, {string(look.Slate), lang.L("Slate")}}
}

func (d *desk) notificationSettings() []*settingRow {
	levels := []word{{notifyNew, lang.L("That something has come")}, {notifyNothing, lang.L("Nothing")}}
	about := lang.L("Others can read it on your screen, even while it is locked. It never says who has written.")
	if d.shell.announcer != nil {
		levels = append(levels, word{notifyWho, lang.L("Who has written")}, word{notifyText, lang.L("Who, and unencrypted text")})
		about = lang.L("Others can read it on your screen. What is private is never shown there, and while the screen is locked nobody is named.")
	}
	rows := []*settingRow{d.pick(lang.L("Notifications say"), about, levels, func(p *store.Preferences) *string { return &p.Notify })}
	if d.shell.around.Play != nil {
		rows = append(rows, d.toggle(lang.L("Sounds"), lang.L("A short one when something has come."), func(p *store.Preferences) *bool { return &p.Sounds }))
	}
	return append(rows, d.toggle(lang.L("Do not disturb"), lang.L("Neither notifications nor sounds. It is the same while your contacts see you as busy."),
		func(p *store.Preferences) *bool { return &p.DoNotDisturb }).found(lang.L("silence")))
}

// contactSettings are about contacts in general.
func (d *desk) contactSettings() []*settingRow {
	hide := d.toggle(lang.L("Hide who is offline"), lang.L("Whoever has written to you, and whose conversation is open, is never hidden."),
		func(p *store.Preferences) *bool { return &p.HideOffline })
	accounts := d.model.Accounts()
	if len(accounts) == 0 {
		return []*settingRow{hide}
	}
	about := policyWord(accounts[0].Policy) + ". " + policyMeaning(accounts[0].Policy)
	for _, a := range accounts {
		if a.Policy != accounts[0].Policy {
			about = lang.L("It differs between your accounts.")
		}
	}
	return []*settingRow{
		hide,
		newDoing(lang.L("Messages to everybody"), about, lang.L("Change…"), d.choosePolicyOfAll).found(lang.L("encryption OTR policy")),
		newDoing(lang.L("Known keys"), lang.L("Whom you have verified, how and when; what happened with their keys; files of other programs."), lang.L("Open"), d.keys).
			found(lang.L("fingerprints export import libotr Pidgin")),
		newDoing(lang.L("Blocked addresses"), lang.L("Whom your server keeps away."), lang.L("Open"), d.blockedList).found(lang.L("unblock")),
	}
}

// choosePolicyOfAll sets how messages are protected with every account, where nothing else was chosen for a contact.
func (d *desk) choosePolicyOfAll() {
	accounts := d.model.Accounts()
	labels := make([]string, len(policies))
	for i, p := range policies {
		labels[i] = policyWord(p)
	}
	now := accounts[0].Policy
	for _, a := range accounts {
		if a.Policy != now {
			now = session.PolicyDefault // none of them
		}
	}
	d.policySheet(lang.L("Messages to everybody"), labels, policies, now, accounts[0].Policy, func(p session.Policy) {
		for _, a := range d.model.Accounts() {
			d.engine.SetAccountPolicy(a.JID, p)
		}
	})
}

// accountSettings are those of one account, at its server and here.
func (d *desk) accountSettings(a session.Account) []*settingRow {
	jid := a.JID
	seen, shown := make([]string, len(presences)), 0
	for i, p := range presences {
		seen[i] = presenceWord(p)
		if p == a.Presence {
			shown = i
		}
	}
	typing := []string{lang.L("When unencrypted"), lang.L("Never"), lang.L("Always")}
	check := []string{lang.L("Ask when it is unusual"), lang.L("Always ask"), lang.L("Only tell me")}
	server := lang.L("Found by itself: {{.Server}}", words{"Server": a.Server})
	if a.Server == "" {
		server = lang.L("Found by itself.")
	}
	return []*settingRow{
		newPick(lang.L("How contacts see you"), lang.L("Those who may see when you are there. Invisible: you see nobody either."), seen, shown,
			func(i int) { d.engine.SetPresence(jid, presences[i], a.Status) }),
		newDoing(lang.L("How messages are protected"), policyWord(a.Policy)+". "+policyMeaning(a.Policy), lang.L("Change…"),
			func() { d.chooseAccountPolicy(a) }).found(lang.L("encryption OTR policy")),
		newToggle(lang.L("Only to verified keys"), lang.L("To a key that nobody has verified nothing goes, not even privately, and nothing goes unencrypted. You can choose otherwise for a contact, under Keys in its menu."),
			a.KeyRule == session.OnlyVerified, func(on bool) { d.engine.SetAccountKeyRule(jid, accountRule(on)) }).found(lang.L("fingerprints trust")),
		newToggle(lang.L("Say that messages have arrived"), lang.L("Contacts see a second tick when their message is here. It does not say that you have read it."),
			!a.NoReceipts, func(on bool) { d.engine.SetReceipts(jid, on) }).found(lang.L("receipts")),
		newPick(lang.L("Say that you are writing"), lang.L("Whoever runs the servers can see it too, also in private conversations."), typing, int(a.Typing),
			func(i int) { d.engine.SetTypingPolicy(jid, session.TypingPolicy(i)) }).found(lang.L("typing notices")),
		newDoing(lang.L("Server and password"), server, lang.L("Change…"), func() { d.openSignIn(jid) }),
		newDoing(lang.L("Connect through"), lang.L("Now: {{.Way}}.", words{"Way": proxyWord(a.Proxy)}), lang.L("Change…"), func() { d.chooseProxy(a) }).found(lang.L("Tor proxy SOCKS5")),
		newPick(lang.L("When the server has another key"), lang.L("Servers renew their keys now and then. A key that changes too early, or from somebody else, can mean that somebody sits in between."),
			check, int(a.ServerKeyCheck), func(i int) { d.engine.SetServerKeyCheck(jid, session.ServerKeyCheck(i)) }).found(lang.L("certificate pin")),
		newDoing(lang.L("The connection now"), lang.L("What encrypts it, whose certificate it is, and how you signed in."), lang.L("Look at it"),
			func() { d.connection(jid) }),
	}
}

// accountRule is what a switch means.
func accountRule(onlyVerified bool) session.KeyRule {
	if onlyVerified {
		return session.OnlyVerified
	}
	return session.AnyKey
}
