package session

import (
	"context"
	"crypto/x509"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/session/xmpp"
)

// A clerk is a server in memory that makes accounts on a hub.
type clerk struct {
	hub  *hub
	open error // what Register says

	mu      sync.Mutex
	config  xmpp.Config
	token   string
	form    *xmpp.Form
	answers []map[string][]string
	says    []error // to one submission after the other; then nil
	closed  bool
}

func (c *clerk) register(_ context.Context, config xmpp.Config, token string) (registration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.config, c.token = config, token
	if c.open != nil {
		return nil, c.open
	}
	return c, nil
}

func (c *clerk) Form() *xmpp.Form { return c.form }

func (c *clerk) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

func (c *clerk) Submit(_ context.Context, answers map[string][]string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = append(c.answers, answers)
	if len(c.says) > 0 {
		err := c.says[0]
		c.says = c.says[1:]
		return err
	}
	name := answers["username"][0] + "@sotto.test"
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.hub.users[name] = &hubUser{password: answers["password"][0], roster: map[string]*xmpp.RosterItem{}, lines: map[string]*hubLine{}}
	return nil
}

// applicant is somebody without an account, before a clerk.
func applicant(t *testing.T, c *clerk) *person {
	t.Helper()
	c.hub = newHub()
	if c.form == nil {
		c.form = &xmpp.Form{Fields: []xmpp.Field{{Name: "username", Required: true}, {Name: "password", Kind: xmpp.Secret, Required: true}}}
	}
	p := strangerTo(t, c.hub, "carol@sotto.test")
	p.close()
	p.register = c.register
	p.open()
	return p
}

// signUps are the stages that somebody was told of.
func (p *person) signUps() []SignUp {
	var all []SignUp
	for _, e := range p.events {
		if s, ok := e.(SignUpChanged); ok {
			s.SignUp.Form = nil
			all = append(all, s.SignUp)
		}
	}
	return all
}

func stages(all []SignUp) []SignUpStage {
	var stages []SignUpStage
	for _, s := range all {
		stages = append(stages, s.Stage)
	}
	return stages
}

func TestSignUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{says: []error{&xmpp.RegisterError{Kind: xmpp.NameTaken, Text: "try\x00 another"}, &xmpp.RegisterError{Kind: xmpp.Incomplete, Field: "email"}}}
		p := applicant(t, c)
		n, err := p.session.SignUp(NewAccount{Domain: " Sotto.TEST. ", Server: "h:1", TLS: "direct", Token: "tok"})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if c.token != "tok" || c.config.JID.String() != "sotto.test" || c.config.Server != "h:1" || c.config.TLS != xmpp.TLSDirect {
			t.Errorf("asked %+v with %q", c.config, c.token)
		}
		answers := map[string][]string{"username": {"a=b"}, "password": {"secret"}}
		submit := func(name string) SignUp {
			answers["username"] = []string{name}
			p.session.SubmitSignUp(n, answers)
			synctest.Wait()
			all := p.signUps()
			return all[len(all)-1]
		}
		for _, name := range []string{"a=b", "a@b", "a b", "\x00"} {
			if got := submit(name); got.Stage != SignUpAsks || got.Refusal != RefusalBadName {
				t.Errorf("%q: %+v", name, got)
			}
		}
		if len(c.answers) != 0 {
			t.Errorf("sent a name that cannot be: %v", c.answers)
		}
		if got := submit("Bob"); got.Refusal != RefusalNameTaken || got.Text != "try another" || got.Stage != SignUpAsks {
			t.Errorf("taken: %+v", got)
		}
		if got := submit("carol"); got.Refusal != RefusalIncomplete || got.Field != "email" || got.Text != "" {
			t.Errorf("incomplete: %+v", got)
		}
		if got := submit("Carol"); got.Refusal == RefusalNameTaken {
			t.Errorf("%+v", got)
		}
		pass(time.Second)
		all := p.signUps()
		if last := all[len(all)-1]; last.Stage != SignUpDone || last.Account != "carol@sotto.test" || last.Refusal != NoRefusal {
			t.Errorf("ended %+v", last)
		}
		if a := p.accounts["carol@sotto.test"]; a.State != Online || !a.Kept {
			t.Errorf("the account: %+v", a)
		}
		if !c.closed {
			t.Error("the stream stays open")
		}
		p.session.SubmitSignUp(n, answers) // nothing to submit to any more
		p.session.CancelSignUp(n)
		synctest.Wait()
		if len(p.signUps()) != len(all) {
			t.Error("goes on after the end")
		}
	})
}

func TestSignUpFails(t *testing.T) {
	web := &xmpp.Form{Web: "https://sotto.test/new"}
	for _, test := range []struct {
		name  string
		clerk *clerk
		want  SignUp
	}{
		{"no server", &clerk{open: &xmpp.Error{Kind: xmpp.UnknownHost}}, SignUp{Problem: ProblemUnknownHost}},
		{"a wrong certificate", &clerk{open: &xmpp.Error{Kind: xmpp.BadCertificate, Err: x509.UnknownAuthorityError{}}}, SignUp{Problem: ProblemCertificate}},
		{"not offered", &clerk{open: &xmpp.RegisterError{Kind: xmpp.NotOffered, Text: "closed"}}, SignUp{Refusal: RefusalNotOffered, Text: "closed"}},
		{"only on the web", &clerk{form: web}, SignUp{Refusal: RefusalNotOffered, Web: web.Web}},
		{"a form for something else", &clerk{form: &xmpp.Form{Fields: []xmpp.Field{{Name: "email"}}}}, SignUp{Refusal: RefusalNotOffered}},
		{"a bad invitation", &clerk{open: &xmpp.RegisterError{Kind: xmpp.TokenRefused}}, SignUp{Refusal: RefusalToken}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := applicant(t, test.clerk)
				test.want.Number, _ = p.session.SignUp(NewAccount{Domain: "sotto.test"})
				test.want.Domain, test.want.Stage = "sotto.test", SignUpFailed
				synctest.Wait()
				all := p.signUps()
				if !reflect.DeepEqual(all[len(all)-1], test.want) || len(p.accounts) != 0 {
					t.Errorf("got %+v", all)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // the line breaks at the last moment
		p := applicant(t, &clerk{says: []error{&xmpp.Error{Kind: xmpp.Unreachable}}})
		n, _ := p.session.SignUp(NewAccount{Domain: "sotto.test"})
		synctest.Wait()
		p.session.SubmitSignUp(n, map[string][]string{"username": {"x"}, "password": {"y"}})
		synctest.Wait()
		if got := stages(p.signUps()); !slices.Equal(got, []SignUpStage{SignUpConnecting, SignUpAsks, SignUpSending, SignUpFailed}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestSignUpIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{}
		p := applicant(t, c)
		n, _ := p.session.SignUp(NewAccount{Domain: "sotto.test"})
		synctest.Wait()
		p.session.CancelSignUp(n)
		synctest.Wait()
		if got := stages(p.signUps()); !slices.Equal(got, []SignUpStage{SignUpConnecting, SignUpAsks, SignUpCancelled}) || !c.closed {
			t.Errorf("got %v", got)
		}
		for range maxSignUps {
			if _, err := p.session.SignUp(NewAccount{Domain: "sotto.test"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.session.SignUp(NewAccount{Domain: "sotto.test"}); err != ErrBusy {
			t.Errorf("one too many: %v", err)
		}
		for _, domain := range []string{"", "a@sotto.test", "sotto.test/x", "so tto", ".."} {
			if _, err := p.session.SignUp(NewAccount{Domain: domain}); err == nil {
				t.Errorf("%q was taken", domain)
			}
		}
		// The program ends with them open, at once: see the cleanup of strangerTo.
		begin := time.Now()
		p.close()
		if took := time.Since(begin); took > 0 {
			t.Errorf("ending took %v", took)
		}
		p.open()
	})
}
