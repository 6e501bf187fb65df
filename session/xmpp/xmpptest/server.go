//go:build unix

package xmpptest

import (
	"crypto/x509"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Domain is the domain that the servers of this package are for, but for one that is started AtOtherDomain.
const (
	Domain      = "sotto.test"
	OtherDomain = "other.test"
)

// startLimit is generous: Erlang takes seconds to start, on a machine with nothing else to do.
const startLimit = 2 * time.Minute

// A Server is a real XMPP server of this test's own on loopback, with SCRAM, rosters, offline messages, carbons, acknowledgements,
// pings, blocking and registration. StartProsody and StartEjabberd start one, which is killed when the test ends.
type Server struct {
	Name    string         // prosody or ejabberd
	Domain  string         // that it is for
	Addr    string         // STARTTLS, host:port
	Direct  string         // TLS from the first byte (XEP-0368), host:port
	CAFile  string         // the authority of its certificate, as PEM: SSL_CERT_FILE for a program that is to trust it
	RootCAs *x509.CertPool // the same
	Dir     string         // everything the server keeps

	command  func() *exec.Cmd // runs it in the foreground
	register func(t testing.TB, local, password string)
	forget   func(t testing.TB)
	started  func() bool // besides listening
	process  *exec.Cmd
	ended    chan struct{} // closed when the process has
}

// newServer finds ports for a server and writes its key and certificate: key.pem and cert.pem.
func newServer(t testing.TB, name, domain string) *Server {
	t.Helper()
	ca := NewCA(t)
	s := &Server{Name: name, Domain: domain, CAFile: ca.File, RootCAs: ca.Pool, Dir: t.TempDir(), Addr: freeAddress(t), Direct: freeAddress(t)}
	cert := ca.Certificate(t, domain, time.Now().Add(24*time.Hour))
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, s.path("key.pem"), "PRIVATE KEY", key)
	writePEM(t, s.path("cert.pem"), "CERTIFICATE", cert.Certificate[0])
	return s
}

func (s *Server) path(name string) string { return filepath.Join(s.Dir, name) }

func (s *Server) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) read(name string) string {
	text, _ := os.ReadFile(s.path(name))
	return string(text)
}

func (s *Server) has(name string) bool {
	_, err := os.Stat(s.path(name))
	return err == nil
}

// AddAccount makes an account while the server runs.
func (s *Server) AddAccount(t testing.TB, local, password string) {
	t.Helper()
	s.register(t, local, password)
}

// Forget waits until nobody is signed in any more and drops the messages that wait for people, so that another test can use the server.
func (s *Server) Forget(t testing.TB) {
	t.Helper()
	s.forget(t)
}

// Wire returns everything that clients sent and got so far, as the server sees it inside TLS: a text that must travel
// encrypted may not be found in it.
func (s *Server) Wire() string { return s.read("wire.log") }

// Log returns the server's own log, for the message of a test that failed.
func (s *Server) Log() string { return s.read("server.log") }

// Start starts the server again after Stop or Kill, on the same ports and with what it kept.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	output, err := os.OpenFile(s.path("output"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	s.process = s.command()
	s.process.Stdout, s.process.Stderr, s.process.Dir = output, output, s.Dir
	dieWithTest(s.process)
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func(process *exec.Cmd, ended chan struct{}) {
		process.Wait()
		close(ended)
	}(s.process, s.ended)
	s.await(t, "listen", func() bool { return listens(s.Addr) && listens(s.Direct) && s.started() })
}

// await waits until the server has done something.
func (s *Server) await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(startLimit); !done(); {
		select {
		case <-s.ended:
			t.Fatalf("%s ended before it could %s:\n%s\n%s", s.Name, what, s.read("output"), s.Log())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not %s:\n%s\n%s", s.Name, what, s.read("output"), s.Log())
		}
	}
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// Stop ends the server as an administrator would: clients are told system-shutdown.
func (s *Server) Stop() {
	s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		s.Kill()
	}
}

// Kill ends the server without a word to anybody.
func (s *Server) Kill() {
	s.process.Process.Kill()
	<-s.ended
}

// Freeze stops the server in mid-air (SIGSTOP): its sockets stay open and nothing answers, until Thaw.
func (s *Server) Freeze() { s.process.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() { s.process.Process.Signal(syscall.SIGCONT) }

// freeAddress is an address on loopback that nobody listens on. Its port is below those that the system gives to outgoing
// connections: one of them could take it before a slow server does.
func freeAddress(t testing.TB) string {
	t.Helper()
	const lowest, highest = 10_000, 32_000
	for range 1000 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(highest-lowest)))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("xmpptest: no port is free")
	return ""
}

// port is that of an address made by freeAddress.
func port(t testing.TB, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
