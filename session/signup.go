package session

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

// maxSignUps bounds how many accounts are in the making at once: more is a mistake.
const maxSignUps = 8

// NewAccount says where an account is to be made.
type NewAccount struct {
	Domain string // what the person chose or typed
	Server string // "" unless the person gave one
	TLS    string // "", starttls, direct
	Token  string // of an invitation (Link.Token), or ""
	Proxy  Proxy  // what to connect through, now and with the account
}

// SignUpChanged carries an account in the making.
type SignUpChanged struct{ SignUp SignUp }

func (SignUpChanged) event() {}

// SignUp is an account in the making (XEP-0077).
type SignUp struct {
	Number  int
	Domain  string
	Stage   SignUpStage
	Form    *Form   // SignUpAsks and later: the server's questions, in the server's words; every text bounded, none of it to be believed
	Problem Problem // SignUpFailed: with the connection; NoProblem when Refusal says it
	Refusal Refusal // SignUpAsks: why the last answers did not do. SignUpFailed: why there will be no account
	Field   string  // RefusalIncomplete: the name of the field
	Text    string  // the server's words about Refusal, unchecked
	Web     string  // https or http: where the server makes accounts in a browser; to be opened if the person wants it
	Account string  // SignUpDone: the address; the account is signing in
}

// What a server asks, as package xmpp reads it.
type (
	Form      = xmpp.Form
	Field     = xmpp.Field
	FieldKind = xmpp.FieldKind
	Option    = xmpp.Option
)

// How a question is answered.
const (
	FieldLine    = xmpp.Line    // one line
	FieldSecret  = xmpp.Secret  // one line that nobody may read along
	FieldLines   = xmpp.Lines   // several lines, a value each
	FieldCheck   = xmpp.Check   // "1" or "0"
	FieldChoice  = xmpp.Choice  // one of Options
	FieldChoices = xmpp.Choices // any of Options
	FieldNote    = xmpp.Note    // nothing: Values are lines to be read
)

// SignUpStage says how far an account in the making is.
type SignUpStage uint8

const (
	SignUpConnecting SignUpStage = iota
	SignUpAsks                   // the person fills in Form: SubmitSignUp
	SignUpSending
	SignUpDone
	SignUpFailed    // Problem or Refusal
	SignUpCancelled // by the person
)

// Refusal says why a server makes no account.
type Refusal uint8

const (
	NoRefusal         Refusal = iota
	RefusalNotOffered         // not here, or only at Web
	RefusalNameTaken          // try another
	RefusalBadName            // no address can have this name; nothing was sent
	RefusalBadAnswers         // the name, the password or another answer: see Text
	RefusalChallenge          // the CAPTCHA: there may be a new one
	RefusalTooMany            // no more accounts now: later
	RefusalToken              // the invitation is not valid
	RefusalIncomplete         // Field has no answer; nothing was sent
	RefusalOutdated           // it took too long, and the questions are new; nothing was sent
	RefusalOther
)

var refusalOf = map[xmpp.RegisterKind]Refusal{xmpp.NotOffered: RefusalNotOffered, xmpp.NameTaken: RefusalNameTaken, xmpp.BadAnswers: RefusalBadAnswers,
	xmpp.ChallengeFailed: RefusalChallenge, xmpp.TooMany: RefusalTooMany, xmpp.TokenRefused: RefusalToken, xmpp.Incomplete: RefusalIncomplete,
	xmpp.Outdated: RefusalOutdated, xmpp.Refused: RefusalOther}

// A registration is a stream to a server before an account exists.
type registration interface {
	Form() *xmpp.Form
	Submit(context.Context, map[string][]string) error
	Close()
}

func register(ctx context.Context, c xmpp.Config, token string) (registration, error) {
	r, err := xmpp.Register(ctx, c, token)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// signUps are the accounts in the making. Session.mu guards them.
type signUps struct {
	last int
	open map[int]*signUp
}

// A signUp is the goroutine of one.
type signUp struct {
	session *Session
	config  xmpp.Config
	answers chan map[string][]string
	cancel  context.CancelFunc
	v       SignUp // its own
}

// SignUp asks a server for an account. What comes of it is told by SignUpChanged, with the number that is returned. The error is an
// *AddressError about the domain, or ErrBusy.
func (s *Session) SignUp(in NewAccount) (number int, err error) {
	domain, err := parseDomain(in.Domain)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending || len(s.signUps.open) >= maxSignUps {
		return 0, ErrBusy
	}
	if s.signUps.open == nil {
		s.signUps.open = map[int]*signUp{}
	}
	s.signUps.last++
	n := s.signUps.last
	ctx, cancel := context.WithCancel(s.ctx)
	up := &signUp{session: s, answers: make(chan map[string][]string, 1), cancel: cancel, v: SignUp{Number: n, Domain: domain.String()}}
	up.config = xmpp.Config{JID: domain, Server: in.Server, TLS: tlsMode(in.TLS), RootCAs: s.config.RootCAs, Proxy: in.Proxy.plain()}
	s.signUps.open[n] = up
	s.working.Go(func() {
		up.run(ctx, in)
		cancel()
		s.mu.Lock()
		delete(s.signUps.open, n)
		s.mu.Unlock()
	})
	return n, nil
}

// parseDomain reads the domain that a person typed.
func parseDomain(typed string) (jid.JID, error) {
	s := strings.TrimSpace(typed)
	switch {
	case s == "":
		return jid.JID{}, &AddressError{AddressEmpty}
	case strings.ContainsAny(s, "@/"):
		return jid.JID{}, &AddressError{AddressMalformed}
	}
	address, err := parseAddress("x@" + s)
	return address.Domain(), err
}

// SubmitSignUp sends the person's answers, by the names of the fields of the form that was shown last. It does nothing in another stage than
// SignUpAsks.
func (s *Session) SubmitSignUp(number int, answers map[string][]string) {
	s.mu.Lock()
	up := s.signUps.open[number]
	s.mu.Unlock()
	if up == nil {
		return
	}
	copied := map[string][]string{}
	for name, values := range answers {
		copied[name] = slices.Clone(values)
	}
	select {
	case up.answers <- copied:
	default: // the ones before are on their way
	}
}

// CancelSignUp gives an account in the making up. One that the server has made by then stays there.
func (s *Session) CancelSignUp(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if up := s.signUps.open[number]; up != nil {
		up.cancel()
	}
}

func (u *signUp) stage(s SignUpStage) {
	u.v.Stage = s
	u.session.emit(SignUpChanged{u.v})
}

func (u *signUp) run(ctx context.Context, in NewAccount) {
	u.stage(SignUpConnecting)
	connecting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	server, err := u.session.config.register(connecting, u.config, in.Token)
	if err != nil {
		u.fail(ctx, err)
		return
	}
	defer server.Close()
	for {
		u.v.Form, u.v.Web = server.Form(), server.Form().Web
		if !asksForName(u.v.Form) {
			u.v.Refusal = cmp.Or(u.v.Refusal, RefusalNotOffered)
			u.stage(SignUpFailed)
			return
		}
		for len(u.answers) > 0 {
			<-u.answers // to questions before these
		}
		u.stage(SignUpAsks)
		var answers map[string][]string
		select {
		case answers = <-u.answers:
		case <-ctx.Done():
			u.fail(ctx, ctx.Err())
			return
		}
		u.v.Refusal, u.v.Field, u.v.Text = NoRefusal, "", ""
		address, password, ok := u.login(answers)
		if !ok {
			u.v.Refusal = RefusalBadName
			continue
		}
		if local := address.Localpart(); local != "" {
			answers["username"] = []string{local} // as it will be signed in with: not every server makes the same of "Alice"
		}
		u.stage(SignUpSending)
		err := server.Submit(ctx, answers)
		if err == nil {
			u.done(in, address, password)
			return
		}
		if !u.again(err) {
			u.fail(ctx, err)
			return
		}
	}
}

// asksForName tells whether a form is one for an account that we can sign in with afterwards.
func asksForName(f *xmpp.Form) bool {
	names := map[string]bool{}
	for _, field := range f.Fields {
		names[field.Name] = true
	}
	return names["username"] && names["password"]
}

// login is what the account will be signed in with.
func (u *signUp) login(answers map[string][]string) (address jid.JID, password string, ok bool) {
	name, password := strings.Join(answers["username"], ""), strings.Join(answers["password"], "\n")
	if name == "" {
		return jid.JID{}, password, true // which is for the form to say
	}
	address, err := jid.New(name, u.config.JID.Domainpart(), "")
	if err != nil {
		return jid.JID{}, "", false
	}
	_, err = parseLogin(address.String())
	return address, password, err == nil
}

// again takes a refusal after which the person can try again.
func (u *signUp) again(err error) bool {
	var refusal *xmpp.RegisterError
	if !errors.As(err, &refusal) || refusal.Kind == xmpp.NotOffered || refusal.Kind == xmpp.TokenRefused {
		return false
	}
	u.v.Refusal, u.v.Field, u.v.Text = refusalOf[refusal.Kind], refusal.Field, cleanIncoming(refusal.Text)
	return true
}

func (u *signUp) fail(ctx context.Context, err error) {
	var refusal *xmpp.RegisterError
	switch {
	case ctx.Err() != nil:
		u.stage(SignUpCancelled)
		return
	case errors.As(err, &refusal):
		u.v.Refusal, u.v.Text = refusalOf[refusal.Kind], cleanIncoming(refusal.Text)
	default:
		u.v.Problem = problemOf(err)
	}
	u.stage(SignUpFailed)
}

func (u *signUp) done(in NewAccount, address jid.JID, password string) {
	u.v.Form, u.v.Account = nil, address.String()
	u.stage(SignUpDone)
	_ = u.session.SignIn(SignIn{Address: address.String(), Password: []byte(password), Server: in.Server, TLS: in.TLS, Proxy: &in.Proxy}) // login has checked it
}
