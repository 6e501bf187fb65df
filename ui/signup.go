package ui

import (
	"cmp"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/assets"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// A signUpPage makes an account: at which server, what the server asks, and what became of it. The questions are the server's; that
// they are is said above them.
type signUpPage struct {
	desk     *desk
	content  *fyne.Container // one of the two pages
	choice   fyne.CanvasObject
	servers  []assets.Server // all suggestions, in an order of chance: none is the first for everybody
	from     int             // where those that are shown begin
	list     *fyne.Container // of options
	options  *options
	other    *field
	server   *field
	proxy    *proxyForm
	unfold   *button
	trouble  *trouble
	web      *webOffer
	progress *look.Text
	next     *button
	back     *button

	token  string    // of an invitation
	number int       // of the attempt; 0 while there is none
	form   *formPage // the server's questions
}

// webOffer shows an address at which a server makes accounts in a browser, and opens it when the person wants it.
type webOffer struct {
	*fyne.Container
	desk    *desk
	address *look.Text
	target  string
}

// newWebOffer makes one with a button of a kind.
func newWebOffer(d *desk, escape func(), kind func(string, func()) *button) *webOffer {
	w := &webOffer{desk: d, address: look.NewText("", look.Hint)}
	b := kind(lang.L("Open in the browser"), w.open)
	b.escape = escape
	w.Container = container.NewVBox(w.address, endRow(0, b))
	w.Hide()
	return w
}

func (w *webOffer) show(address string) {
	w.target = address
	w.address.SetText(model.Name(address))
	w.Hidden = address == ""
	w.Refresh()
}

func (w *webOffer) open() {
	u, err := url.Parse(w.target)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http") {
		err = w.desk.app.OpenURL(u)
	}
	if err != nil {
		w.address.SetText(lang.L("The browser could not be opened. The address is: {{.Address}}", words{"Address": model.Name(w.target)}))
	}
}

func newSignUpPage(d *desk) *signUpPage {
	p := &signUpPage{
		desk:     d,
		servers:  suggestions(),
		list:     container.NewVBox(),
		other:    access.Name(newField("example.org"), lang.L("Another server")),
		server:   access.Name(newField(lang.L("found by itself")), lang.L("Where it is reached")),
		trouble:  newTrouble(),
		progress: look.NewLine("", look.Hint),
	}
	p.web = newWebOffer(d, p.cancel, newMainButton)
	p.suggest(0)
	p.other.OnChanged = func(typed string) {
		p.token = "" // it was for the server that stood here
		if typed != "" {
			p.options.choose(-1)
		}
		p.ready()
	}
	for _, f := range []*field{p.other, p.server} {
		f.OnSubmitted = func(string) { p.ask() }
		f.escape = p.cancel
	}
	p.next = newMainButton(lang.L("Next"), p.ask)
	p.back = newButton(lang.L("Back"), p.cancel)
	p.next.escape, p.back.escape = p.cancel, p.cancel
	p.choice = p.build()
	p.content = container.NewStack(p.choice)
	p.ready()
	return p
}

// suggested is how many servers are shown at a time.
const suggested = 4

// suggestions are the servers in an order of chance, those that make accounts in the browser after the others.
func suggestions() []assets.Server {
	all := assets.Servers()
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	slices.SortStableFunc(all, func(a, b assets.Server) int { return cmp.Compare(min(len(a.Web), 1), min(len(b.Web), 1)) })
	return all
}

// suggest shows some of the servers, from one on.
func (p *signUpPage) suggest(from int) {
	p.from = from
	p.options = newOptions(p.chosen)
	p.options.enter, p.options.escape = p.ask, p.cancel
	p.list.Objects = nil
	for _, s := range p.servers[from:min(from+suggested, len(p.servers))] {
		about := lang.L("makes the account here")
		if s.Web != "" {
			about = lang.L("makes accounts in the browser")
		}
		if s.Country != "" {
			about = countryWords(s.Country) + " · " + about
		}
		p.list.Add(p.options.add(s.Domain, about))
	}
	p.list.Refresh()
}

// countryWords is what a country is called in which a server stands.
func countryWords(code string) string {
	switch code {
	case "DE":
		return lang.L("Germany")
	case "ES":
		return lang.L("Spain")
	case "FR":
		return lang.L("France")
	case "IT":
		return lang.L("Italy")
	case "US":
		return lang.L("United States")
	}
	return code
}

// others shows the next suggestions, and after the last the first again.
func (p *signUpPage) others() {
	from := p.from + suggested
	if from >= len(p.servers) {
		from = 0
	}
	p.suggest(from)
	p.chosen(-1)
}

func (p *signUpPage) build() fyne.CanvasObject {
	others := newQuietButton(lang.L("Show others"), p.others)
	others.escape = p.cancel
	p.proxy = newProxyForm(session.NoProxy, "", "", nil)
	for _, f := range p.proxy.fields() {
		f.OnSubmitted = func(string) { p.ask() }
		f.escape = p.cancel
	}
	advanced := container.NewVBox(label(lang.L("Where it is reached")), p.server, p.proxy.Container)
	advanced.Hide()
	p.unfold = newUnfolding(lang.L("Advanced"), advanced, func() { p.content.Refresh() })
	p.unfold.escape = p.cancel
	return form(container.NewVBox(p.trouble, p.web.Container, ranked(p.back, p.next, p.progress)),
		look.NewText(lang.L("Create an account"), look.Title),
		look.NewText(lang.L("An account lives on a server, like an email address. You can talk to people on every other server. Whoever runs yours sees with whom you talk and when, but not what you say in private."), look.Body),
		gap(0, look.Step),
		p.list,
		begin(others),
		label(lang.L("Another server")), p.other,
		p.unfold, advanced,
	)
}

// invited fills in what an invitation says.
func (p *signUpPage) invited(domain, token string) {
	p.other.SetText(domain)
	p.token = token
	p.desk.window.Canvas().Focus(p.next)
}

func (p *signUpPage) first() fyne.Focusable {
	switch {
	case p.form != nil:
		return p.form.first
	case p.other.Text != "":
		return p.other
	case len(p.options.all) > 0:
		return p.options.all[max(p.options.chosen, 0)]
	}
	return p.other
}

func (p *signUpPage) chosen(i int) {
	if i >= 0 {
		p.other.SetText("")
	}
	p.trouble.say("")
	p.offer("")
	p.ready()
}

// offer shows where accounts are made in the browser. As long as there is such a place, going there is what one would do.
func (p *signUpPage) offer(address string) {
	p.web.show(address)
	p.next.Importance = widget.HighImportance
	if address != "" {
		p.next.Importance = widget.MediumImportance
	}
	p.next.Refresh()
}

func (p *signUpPage) ready() { enable(p.next, p.number == 0 && p.domain() != "") }

func (p *signUpPage) domain() string { return p.pick().Domain }

// pick is the server that was typed, else the one that was chosen.
func (p *signUpPage) pick() assets.Server {
	typed := strings.TrimSpace(p.other.Text)
	if typed != "" || p.options.chosen < 0 {
		return assets.Server{Domain: typed}
	}
	return p.servers[p.from+p.options.chosen]
}

// ask asks the chosen server what it wants to know.
func (p *signUpPage) ask() {
	if p.number != 0 || p.domain() == "" {
		return
	}
	if s := p.pick(); s.Web != "" {
		p.trouble.say(refusalWords(session.SignUp{Domain: s.Domain, Web: s.Web, Refusal: session.RefusalNotOffered}))
		p.offer(s.Web)
		return
	}
	p.trouble.say("")
	p.offer("")
	through := p.proxy.value()
	defer clear(through.Password)
	number, err := p.desk.engine.SignUp(session.NewAccount{Domain: p.domain(), Server: strings.TrimSpace(p.server.Text), Proxy: through, Token: p.token})
	if isErr(err, session.ErrBadProxy) {
		p.trouble.say(proxyErrorWords())
		return
	}
	if err != nil {
		p.trouble.say(serverNameWords(err))
		return
	}
	p.number = number
	p.ready()
	p.progress.SetText(lang.L("Asking {{.Server}}…", words{"Server": p.domain()}))
}

// serverNameWords says what is wrong with the typed name of a server.
func serverNameWords(err error) string {
	if reason, ok := addressReason(err); ok && reason != session.AddressEmpty {
		return lang.L("This is not the name of a server. It looks like example.org, without an @.")
	}
	return lang.L("This did not work. Nothing was sent.")
}

// changed follows what becomes of the attempt.
func (p *signUpPage) changed(up session.SignUp) {
	if up.Number != p.number || p.number == 0 {
		return
	}
	p.progress.SetText("")
	switch up.Stage {
	case session.SignUpConnecting:
		p.progress.SetText(lang.L("Asking {{.Server}}…", words{"Server": up.Domain}))
	case session.SignUpAsks:
		p.fill(up)
	case session.SignUpSending:
		p.form.sending()
	case session.SignUpDone:
		p.desk.closeSignUp()
	case session.SignUpFailed:
		p.leaveForm()
		p.trouble.say(signUpWords(up))
		p.offer(up.Web)
	case session.SignUpCancelled:
		p.leaveForm()
	}
}

// fill shows the questions of the server, or what was wrong with the answers.
func (p *signUpPage) fill(up session.SignUp) {
	before := p.form
	p.form = newFormPage(p, up)
	if before != nil {
		p.form.takeOver(before)
	}
	p.form.first = p.form.begin(up)
	p.content.Objects = []fyne.CanvasObject{p.form.content}
	p.content.Refresh()
	p.desk.window.Canvas().Focus(p.first())
}

// leaveForm goes back to the choice of a server.
func (p *signUpPage) leaveForm() {
	p.number = 0
	if p.form != nil {
		p.form.forget()
		p.form = nil
	}
	p.content.Objects = []fyne.CanvasObject{p.choice}
	p.content.Refresh()
	p.ready()
	p.desk.window.Canvas().Focus(p.first())
}

// cancel goes one page back, and from the first one to where one came from.
func (p *signUpPage) cancel() {
	if p.number != 0 {
		p.desk.engine.CancelSignUp(p.number)
		p.progress.SetText("")
		p.leaveForm()
		return
	}
	p.desk.closeSignUp()
}

// signUpWords says why a server makes no account, or not yet. The server's own words come after it, as such.
func signUpWords(up session.SignUp) string {
	if up.Problem != session.NoProblem {
		return problemWords(session.Account{JID: up.Domain, Server: up.Domain, Problem: up.Problem})
	}
	said := refusalWords(up)
	if text := model.Name(up.Text); text != "" && up.Refusal != session.RefusalNameTaken {
		said += " " + lang.L("{{.Server}} says: “{{.Words}}”", words{"Server": up.Domain, "Words": text})
	}
	return said
}

func refusalWords(up session.SignUp) string {
	server := words{"Server": up.Domain}
	switch up.Refusal {
	case session.RefusalNotOffered:
		if up.Web != "" {
			return lang.L("{{.Server}} makes accounts in the browser. Come back with the address and sign in.", server)
		}
		return lang.L("{{.Server}} does not make accounts for everybody. Choose another server.", server)
	case session.RefusalNameTaken:
		return lang.L("Somebody else has this name on {{.Server}}. Choose another one.", server)
	case session.RefusalBadName:
		return lang.L("This name cannot be part of an address. Use letters, digits, dots and hyphens.")
	case session.RefusalBadAnswers:
		return lang.L("{{.Server}} did not accept these answers. Often the password is too short or the name is not allowed.", server)
	case session.RefusalChallenge:
		return lang.L("The answer to the picture was not right. Try the new one.")
	case session.RefusalTooMany:
		return lang.L("{{.Server}} makes no more accounts at the moment. Try again later, or choose another server.", server)
	case session.RefusalToken:
		return lang.L("This invitation is not valid any more. Ask for a new one.")
	case session.RefusalIncomplete:
		return lang.L("One answer is missing.")
	case session.RefusalOutdated:
		return lang.L("It took too long, so {{.Server}} asks again.", server)
	case session.NoRefusal:
		return ""
	}
	return lang.L("{{.Server}} did not make the account. Try again later, or choose another server.", server)
}
