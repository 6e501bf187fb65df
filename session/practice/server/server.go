// Package server is a small XMPP server inside the program: the network of practice mode, and of tests that want one in a millisecond.
//
// It listens on loopback only, on a port of the system's choice, has one domain and a handful of accounts, and keeps everything in memory.
// Its certificate comes from an authority made at its start, which only those trust who are given RootCAs. It speaks enough for a
// complete client of RFC 6120 and RFC 6121: STARTTLS, SCRAM-SHA-256 with and without channel binding, roster, presence and subscriptions,
// messages, and of the extensions Stream Management's acknowledgements (XEP-0198), Carbons (XEP-0280), Ping (XEP-0199) and Service
// Discovery (XEP-0030). Messages for somebody who is not there are returned; nothing is stored for later.
package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"mellium.im/xmpp/jid"
)

const (
	maxConnections = 32
	maxAccounts    = 64
	maxRoster      = 1000
	loginLimit     = 10 * time.Second // from the first byte to a bound resource
	writeLimit     = 10 * time.Second // for a client that does not read
	maxQueued      = 1024             // stanzas that wait for a client; more mean that it is dead
)

var errClosed = errors.New("server: closed")

// Server is one running server.
type Server struct {
	domain   jid.JID
	listener net.Listener
	tls      *tls.Config
	roots    *x509.CertPool

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	all    sync.WaitGroup // every goroutine
	do     chan func(*hub)
}

// Start starts a server for domain, which must be a domain name.
func Start(domain string) (*Server, error) {
	name, err := jid.Parse(domain)
	if err != nil || name.Localpart() != "" || name.Resourcepart() != "" {
		return nil, fmt.Errorf("server: %q is not a domain", domain)
	}
	certificate, roots, err := makeCertificate(domain)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{
		domain:   name,
		listener: listener,
		tls:      &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13},
		roots:    roots,
		do:       make(chan func(*hub)),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.all.Go(s.route)
	s.all.Go(s.accept)
	return s, nil
}

// Addr is where it listens, host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// RootCAs trusts this server and no other.
func (s *Server) RootCAs() *x509.CertPool { return s.roots }

// AddAccount makes an account with a random password, which is in no other place. The local part must be one of a JID
// and must not be taken.
func (s *Server) AddAccount(local string) (address jid.JID, password []byte, err error) {
	address, err = jid.New(local, s.domain.String(), "")
	if err != nil || local == "" {
		return jid.JID{}, nil, fmt.Errorf("server: %q cannot be the name of an account", local)
	}
	password = []byte(rand.Text())
	secrets, err := newCredentials(password)
	if err != nil {
		return jid.JID{}, nil, err
	}
	err = s.enter(func(h *hub) error { return h.addAccount(address, secrets) })
	return address, password, err
}

// Introduce puts two accounts on each other's roster, each under the name given for it, with both seeing the other's presence.
func (s *Server) Introduce(a jid.JID, nameOfA string, b jid.JID, nameOfB string) error {
	return s.enter(func(h *hub) error { return h.introduce(a, nameOfA, b, nameOfB) })
}

// Drop cuts every connection of the account, as a network does: without a word.
func (s *Server) Drop(address jid.JID) error {
	return s.enter(func(h *hub) error { return h.drop(address) })
}

// Close ends every connection and waits for every goroutine. It may be called twice.
func (s *Server) Close() {
	s.cancel()
	s.listener.Close()
	s.all.Wait()
}

// enter runs f where the accounts are and waits for it.
func (s *Server) enter(f func(*hub) error) error {
	done := make(chan error, 1)
	if !s.tell(func(h *hub) { done <- f(h) }) {
		return errClosed
	}
	return <-done
}

// tell has f run where the accounts are; false when the server is closed.
func (s *Server) tell(f func(*hub)) bool {
	select {
	case s.do <- f:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// route owns the accounts. What it runs never waits for a client.
func (s *Server) route() {
	h := newHub(s.domain)
	for {
		select {
		case f := <-s.do:
			f(h)
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Server) accept() {
	places := make(chan struct{}, maxConnections)
	for {
		conn, err := s.listener.Accept()
		if s.ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil {
			// Most likely too many open files. Connections end and it goes on.
			select {
			case <-time.After(100 * time.Millisecond):
			case <-s.ctx.Done():
			}
			continue
		}
		select {
		case places <- struct{}{}:
			s.all.Go(func() {
				defer func() { <-places }()
				s.serve(conn)
			})
		default:
			conn.Close()
		}
	}
}
