// Package practice is Sotto's practice mode: a small XMPP server on loopback and a contact to practise with, which is a second
// complete session.
//
// Everything in it is real: the sign-in, the private conversation and the verification are those of every other conversation. Only
// the contact has few words. Nothing of it leaves the computer, and nothing of it is kept.
package practice

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/practice/server"
	"github.com/sotto-im/sotto/session/store"
	"mellium.im/xmpp/jid"
)

// domain is below .localhost, which no network answers for (RFC 6761, section 6.3).
const domain = "practice.localhost"

// closeLimit is for ending what has only just begun, when Start fails.
const closeLimit = 2 * time.Second

var errNotOnline = errors.New("practice: the contact could not sign in")

// Practice is a running practice mode.
type Practice struct {
	server  *server.Server
	partner *session.Session // the contact's
	person  *session.Session
	contact session.Ref
	all     sync.WaitGroup
}

// Start runs the server and the contact and signs the person in as a guest, under addresses made for this one time. The contact is
// online, with both on each other's list, when it returns; the person's session may still be signing in. Nothing of it touches the
// disk or the keyring. ctx bounds Start itself, not what it started.
func Start(ctx context.Context, w Words) (*Practice, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	s, err := server.Start(domain)
	if err != nil {
		return nil, fmt.Errorf("practice: %w", err)
	}
	p := &Practice{server: s}
	if err := p.start(ctx, w); err != nil {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		p.Close(ending)
		return nil, err
	}
	return p, nil
}

func (p *Practice) start(ctx context.Context, w Words) error {
	suffix := strings.ToLower(rand.Text()[:6])
	partner, partnerPassword, err := p.server.AddAccount("practice-" + suffix)
	if err != nil {
		return fmt.Errorf("practice: %w", err)
	}
	person, personPassword, err := p.server.AddAccount("you-" + suffix)
	if err != nil {
		return fmt.Errorf("practice: %w", err)
	}
	if err := p.server.Introduce(partner, w.Name, person, "you"); err != nil {
		return fmt.Errorf("practice: %w", err)
	}
	p.contact = session.Ref{Account: person.String(), Contact: partner.String()}
	if p.partner, err = p.signIn(partner, partnerPassword); err != nil {
		return err
	}
	online := make(chan struct{})
	c := &contact{engine: p.partner, words: &w, online: online}
	p.all.Go(func() { c.live(p.partner.Events()) })
	select {
	case <-online:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errNotOnline, ctx.Err())
	}
	p.person, err = p.signIn(person, personPassword)
	return err
}

// signIn opens a session that keeps nothing, for one account of the server.
func (p *Practice) signIn(address jid.JID, password []byte) (*session.Session, error) {
	memory, err := store.Open("")
	if err != nil {
		return nil, fmt.Errorf("practice: %w", err)
	}
	s := session.Open(session.Config{Store: memory, Keyring: keyring.Memory(), RootCAs: p.server.RootCAs()})
	err = s.SignIn(session.SignIn{Address: address.String(), Password: password, Server: p.server.Addr(), TLS: "starttls"})
	if err != nil {
		p.all.Go(func() {
			for range s.Events() {
			}
		})
		ending, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		s.Close(ending)
		return nil, fmt.Errorf("practice: %w", err)
	}
	return s, nil
}

// Session is the person's. Its events are to be read as those of any session; Close closes it.
func (p *Practice) Session() *session.Session { return p.person }

// Contact names the conversation with the practice contact in the person's session.
func (p *Practice) Contact() session.Ref { return p.contact }

// Close ends both sessions and the server, and waits for every goroutine, for the sessions at most until ctx ends.
func (p *Practice) Close(ctx context.Context) {
	for _, s := range []*session.Session{p.person, p.partner} {
		if s != nil {
			s.Close(ctx)
		}
	}
	p.server.Close()
	p.all.Wait()
}
