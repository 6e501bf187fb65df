package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// ---- what a connection is made of

const connectionWidth = 560

// connection opens the window that tells what the connection of an account is made of.
func (d *desk) connection(account string) {
	s := d.openSheet("connection", session.Ref{Account: account}, func(s *sheet) {
		s.wide(connectionWidth)
		a, there := d.model.Account(account)
		if !there {
			s.close()
			return
		}
		s.turn(d.connectionLeaf(s, a))
	})
	if s != nil {
		s.enter = s.close
	}
}

func (d *desk) connectionLeaf(s *sheet, a session.Account) leaf {
	done := newMainButton(lang.L("Close"), s.close)
	change := newButton(lang.L("Connect through…"), func() { d.chooseProxy(a) })
	l := leaf{title: lang.L("Connection of {{.Account}}", words{"Account": a.JID}), buttons: []*button{change, done}, first: done, enter: s.close}
	c, ok := d.engine.Connection(a.JID)
	if !ok {
		said := problemWords(a)
		if said == "" {
			said = lang.L("There is no connection at the moment.")
		}
		l.body = []fyne.CanvasObject{look.NewText(said, look.Body)}
		return l
	}
	for _, f := range connectionFacts(c) {
		l.body = append(l.body, fact(f[0], f[1]))
	}
	if k := c.KeyChange; k != nil {
		l.body = append(l.body, gap(0, look.Step), look.NewText(usualKeyWords(c.Host), look.Hint))
	}
	return l
}

// fact is a line with what it is about in front.
func fact(about, said string) fyne.CanvasObject {
	f := &factRow{about: about, said: said, inside: unlined(container.New(reading(factLayout{}), look.NewLine(about, look.Hint).InLanguage(), inLanguage(look.NewWords(said))))}
	f.ExtendBaseWidget(f)
	return f
}

type factRow struct {
	widget.BaseWidget
	about, said string
	inside      fyne.CanvasObject
}

const (
	factHead   = 150 // the room for what a fact is about
	factBeside = 420 // where there is less than this, it stands above
)

// factLayout sets what a fact is about before it, and in a narrow window above it.
type factLayout struct{}

// Layout implements fyne.Layout.
func (factLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	about, said := objects[0], objects[1]
	about.Move(fyne.Position{})
	at := fyne.NewPos(factHead, 0)
	if size.Width < factBeside {
		at = fyne.NewPos(0, about.MinSize().Height-3*look.Step)
	}
	about.Resize(fyne.NewSize(size.Width, about.MinSize().Height))
	said.Move(at)
	said.Resize(fyne.NewSize(size.Width-at.X, size.Height-at.Y))
}

// MinSize implements fyne.Layout. The height is that for the width there was last.
func (factLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	about, said := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(max(about.Width, said.Width), max(about.Height, objects[1].Position().Y+said.Height))
}

// Semantics implements access.Semantic: both halves are one.
func (f *factRow) Semantics() access.Node {
	return access.Node{Role: access.Label, Text: f.about + ": " + f.said}
}

// CreateRenderer implements fyne.Widget.
func (f *factRow) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(f.inside) }

// connectionFacts are pairs: what it is about, and what is so.
func connectionFacts(c session.Connection) [][2]string {
	encryption := lang.L("{{.Version}}, {{.Cipher}}", words{"Version": c.TLSVersion, "Cipher": c.CipherSuite})
	if c.DirectTLS {
		encryption = lang.L("{{.Version}} from the first byte, {{.Cipher}}", words{"Version": c.TLSVersion, "Cipher": c.CipherSuite})
	}
	signIn := c.Mechanism
	if c.Binding != "" {
		signIn = lang.L("{{.Mechanism}}, bound to this connection ({{.Binding}})", words{"Mechanism": c.Mechanism, "Binding": c.Binding})
	}
	confirmed := lang.L("Sotto asks now and then whether the server is there")
	if c.Acks {
		confirmed = lang.L("The server confirms each message")
	}
	facts := [][2]string{
		{lang.L("Server"), lang.L("{{.Host}}, port {{.Port}}", words{"Host": c.Host, "Port": int(c.Port)})},
		{lang.L("Connected through"), proxyWord(c.Proxy)},
		{lang.L("Encryption"), encryption},
		{lang.L("Certificate"), lang.L("for {{.Names}}, from {{.Issuer}}, until {{.Until}}", words{
			"Names": model.Name(strings.Join(c.Certificate.Names, ", ")), "Issuer": model.Name(c.Certificate.Issuer), "Until": dateWords(c.Certificate.NotAfter)})},
		{lang.L("Key of the server"), lang.L("{{.Fingerprint}}, known since {{.Since}}", words{
			"Fingerprint": spaced(c.Key.Fingerprint), "Since": dateWords(c.Key.FirstSeen)})},
		{lang.L("Signed in with"), signIn},
		{lang.L("Delivery"), confirmed},
	}
	return facts
}

// spaced sets the digits of a fingerprint in groups of eight.
func spaced(digits string) string {
	var groups []string
	for len(digits) > 8 {
		groups = append(groups, digits[:8])
		digits = digits[8:]
	}
	return strings.Join(append(groups, digits), " ")
}

func proxyWord(k session.ProxyKind) string {
	switch k {
	case session.ProxySOCKS5:
		return lang.L("a SOCKS5 proxy")
	case session.ProxyTor:
		return lang.L("Tor")
	}
	return lang.L("nothing, directly")
}

// ---- through what one connects

// A proxyForm asks through what an account is to connect.
type proxyForm struct {
	*fyne.Container
	kind                   *picker
	server, user, password *field
	more                   *fyne.Container
}

var proxyKinds = []session.ProxyKind{session.NoProxy, session.ProxyTor, session.ProxySOCKS5}

func newProxyForm(kind session.ProxyKind, server, user string, changed func()) *proxyForm {
	f := &proxyForm{
		server:   access.Name(newField("127.0.0.1:1080"), lang.L("Address of the proxy")),
		user:     access.Name(newField(""), lang.L("User at the proxy")),
		password: access.Name(newPasswordField(), lang.L("Password at the proxy")),
	}
	labels := make([]string, len(proxyKinds))
	now := 0
	for i, k := range proxyKinds {
		labels[i] = proxyWord(k)
		if k == kind {
			now = i
		}
	}
	f.server.SetText(server)
	f.user.SetText(user)
	tor := look.NewText(lang.L("Tor has to run on this computer: the Tor service, or Tor Browser. Without it Sotto does not connect at all."), look.Hint)
	f.more = container.NewVBox(label(lang.L("Address of the proxy")), f.server, label(lang.L("User at the proxy")), f.user,
		label(lang.L("Password at the proxy")), f.password)
	f.kind = access.Name(newPicker(labels), lang.L("Connect through"))
	show := func(string) {
		k := f.value().Kind
		f.more.Hidden, tor.Hidden = k != session.ProxySOCKS5, k != session.ProxyTor
		if changed != nil {
			changed()
		}
	}
	f.kind.SetSelectedIndex(now)
	f.Container = container.NewVBox(label(lang.L("Connect through")), framed(f.kind), tor, f.more)
	show("")
	f.kind.OnChanged = show
	return f
}

// value is what was chosen. Its password is the caller's to wipe.
func (f *proxyForm) value() session.Proxy {
	p := session.Proxy{Kind: proxyKinds[max(f.kind.SelectedIndex(), 0)]}
	if p.Kind == session.ProxySOCKS5 {
		p.Server, p.User, p.Password = strings.TrimSpace(f.server.Text), strings.TrimSpace(f.user.Text), []byte(f.password.Text)
	}
	return p
}

func (f *proxyForm) fields() []*field { return []*field{f.server, f.user, f.password} }

// chooseProxy asks through what an account is to connect.
func (d *desk) chooseProxy(a session.Account) *proxyForm {
	problem := newTrouble()
	var s *slip
	f := newProxyForm(a.Proxy, a.ProxyServer, a.ProxyUser, func() {
		if s != nil {
			s.pop.Refresh()
		}
	})
	confirm := func() {
		p := f.value()
		defer clear(p.Password)
		if err := d.engine.SetProxy(a.JID, p); err != nil {
			problem.say(proxyErrorWords())
			return
		}
		f.password.SetText("")
		s.close()
	}
	s = d.openSlip(lang.L("Connect {{.Account}} through", words{"Account": a.JID}),
		container.NewVBox(look.NewText(lang.L("If the way you choose does not work, nothing goes round it."), look.Hint), f.Container, problem),
		newButton(lang.L("Cancel"), func() { s.close() }), newMainButton(lang.L("Save"), confirm))
	s.ask(confirm, f.fields()...)
	d.window.Canvas().Focus(f.kind)
	return f
}

func proxyErrorWords() string {
	return lang.L("This is not a proxy that can be used. It looks like 127.0.0.1:1080.")
}

// ---- another key of the server

// serverKey asks about a key of the server that is not the one known.
func (d *desk) serverKey(account string) {
	d.openSheet("serverkey", session.Ref{Account: account}, func(s *sheet) {
		a, _ := d.model.Account(account)
		if a.ServerKey == nil {
			s.close()
			return
		}
		s.wide(connectionWidth)
		s.turn(d.serverKeyLeaf(s, a, *a.ServerKey))
	})
}

func (d *desk) serverKeyLeaf(s *sheet, a session.Account, k session.ServerKeyChange) leaf {
	wait := newMainButton(lang.L("Not now"), s.close)
	use := newButton(lang.L("Use the new key"), func() {
		d.engine.TrustServerKey(a.JID, k.New.Fingerprint)
		s.close()
	})
	server := words{"Server": a.Server}
	return leaf{
		title: lang.L("{{.Server}} has another key", server),
		body: []fyne.CanvasObject{
			verdict(look.LockCut, lang.L("The certificate is valid, but the key is not the one Sotto knows, and the old certificate had long to go or came from somebody else. The server may have moved. It is also what one sees when somebody sits between you and the server.", server), ""),
			look.NewText(lang.L("What you say in private stays private either way. Your password was not sent. If you can, ask whoever runs the server, or try another network."), look.Body),
			gap(0, look.Step),
			keyFact(lang.L("Known key"), k.Old), keyFact(lang.L("New key"), k.New),
		},
		buttons: []*button{use, wait},
		first:   wait,
	}
}

func keyFact(about string, k session.ServerKey) fyne.CanvasObject {
	said := lang.L("{{.Fingerprint}}, from {{.Issuer}}, until {{.Until}}", words{
		"Fingerprint": spaced(k.Fingerprint), "Issuer": model.Name(k.Issuer), "Until": dateWords(k.NotAfter)})
	return fact(about, said)
}

func usualKeyWords(server string) string {
	return lang.L("{{.Server}} has a new key, as servers do when they renew their certificate. There is nothing to do.", words{"Server": server})
}

// weakerLogin asks before an account signs in with less than before.
func (d *desk) weakerLogin(a session.Account) {
	about := lang.L("{{.Server}} used to offer a safer way to sign in. Perhaps it was changed; perhaps somebody sits in between and takes the safer ways away. What you say in private stays private either way.", words{"Server": a.Server})
	d.confirm(lang.L("Sign in all the same?"), about, lang.L("Sign in"), func() { d.engine.AcceptWeakerLogin(a.JID) })
}

// serverKeyChanged says once that a server has renewed its key.
func (d *desk) serverKeyChanged(e session.ServerKeyChanged) {
	a, _ := d.model.Account(e.JID)
	close := offer{label: lang.L("OK"), do: func() { d.shell.trouble.show(notice{}) }}
	details := offer{label: lang.L("Details"), do: func() {
		d.shell.trouble.show(notice{})
		d.connection(e.JID)
	}}
	d.shell.trouble.show(notice{words: usualKeyWords(a.Server), actions: []offer{details, close}})
}
