package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		typed string
		want  string
		why   AddressReason
	}{
		{typed: " Alice@Example.ORG ", want: "alice@example.org"},
		{typed: "alice@example.org.", want: "alice@example.org"},
		{typed: "alice@localhost", want: "alice@localhost"},
		{typed: "älice@exämple.org", want: "älice@exämple.org"},
		{typed: "", why: AddressEmpty},
		{typed: "\t ", why: AddressEmpty},
		{typed: "alice", why: AddressNoDomain},
		{typed: "alice@", why: AddressNoDomain},
		{typed: "alice@example.org/home", why: AddressHasResource},
		{typed: "alice@example.org/", why: AddressHasResource},
		{typed: "@example.org", why: AddressMalformed},
		{typed: "alice@bob@example.org", why: AddressMalformed},
		{typed: "alice smith@example.org", why: AddressMalformed},
		{typed: "alice@exam ple.org", why: AddressMalformed},
		{typed: "alice@example..org", why: AddressMalformed},
		{typed: "alice@example.org:5222", why: AddressMalformed},
		{typed: "alice\u200b@example.org", why: AddressMalformed},
		{typed: "alice@\u202eexample.org", why: AddressMalformed},
		{typed: "a=b@example.org", why: AddressLocalUnusable},
		{typed: "a,b@example.org", why: AddressLocalUnusable},
		{typed: "alice@" + strings.Repeat("x", 2000), why: AddressMalformed},
	} {
		j, err := parseLogin(tt.typed)
		var e *AddressError
		switch {
		case tt.want != "":
			if err != nil || j.String() != tt.want {
				t.Errorf("%q: %q, %v", tt.typed, j, err)
			}
		case !errors.As(err, &e) || e.Reason != tt.why:
			t.Errorf("%q: %q, %v", tt.typed, j, err)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"alice@example.org", "@", "a@b/c", "a@[::1]", "\xff@x", "a@b.c."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		j, err := parseAddress(typed)
		if err != nil {
			return
		}
		again, err := parseAddress(j.String())
		if err != nil || !again.Equal(j) {
			t.Errorf("%q became %q became %q, %v", typed, j, again, err)
		}
	})
}

func TestSignInKeepsWhatTheServerAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		p := strangerTo(t, h, "alice@sotto.test")
		if err := p.session.SignIn(SignIn{Address: p.jid, Password: []byte("wrong")}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if a := p.accounts[p.jid]; a.State != Stopped || a.Problem != ProblemPassword || a.Kept || a.Server != "sotto.test" {
			t.Errorf("%+v", a)
		}
		pass(time.Hour)
		if h.dials != 1 {
			t.Errorf("a refused password was tried %d times", h.dials)
		}
		if n := len(p.keyring.(keyringDouble)); n != 0 || len(p.store.Settings().Accounts) != 0 {
			t.Errorf("something was kept of it: %d secrets, %+v", n, p.store.Settings())
		}
		password := []byte("secret of alice@sotto.test")
		p.session.SignIn(SignIn{Address: "Alice@sotto.test", Password: password})
		clear(password)
		synctest.Wait()
		if a := p.accounts[p.jid]; a.State != Online || a.Problem != NoProblem || !a.Kept || a.Fingerprint == nil {
			t.Errorf("%+v", a)
		}
		if n := len(p.keyring.(keyringDouble)); n != 2 {
			t.Errorf("%d secrets", n)
		}
		if s := p.store.Settings(); len(s.Accounts) != 1 || s.Accounts[0].JID != p.jid || s.Accounts[0].Fingerprint == "" || !s.Accounts[0].SCRAM {
			t.Errorf("%+v", s)
		}
		for name := range p.keyring.(keyringDouble) {
			if strings.Contains(name, "alice") {
				t.Errorf("S-08: the keyring's label says who it is: %q", name)
			}
		}
		p.restart()
		if a := p.accounts[p.jid]; a.State != Online || !a.Kept {
			t.Errorf("after a restart: %+v", a)
		}
	})
}

func TestFailedSignInChangesNothingKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		p := newPerson(t, h, "alice@sotto.test")
		want := p.store.Settings()
		p.session.SignIn(SignIn{Address: p.jid, Password: []byte("wrong"), Server: "nowhere.test", TLS: "direct", AllowPlain: true})
		synctest.Wait()
		if a := p.accounts[p.jid]; a.State != Stopped || a.Problem != ProblemPassword || a.Server != "nowhere.test" {
			t.Errorf("%+v", a)
		}
		p.session.SetAccountPolicy(p.jid, Automatic) // has the record written
		p.restart()
		got := p.store.Settings()
		got.Accounts[0].Policy = ""
		if !reflect.DeepEqual(got, want) || p.accounts[p.jid].State != Online {
			t.Errorf("%+v, want %+v; %+v", got, want, p.accounts[p.jid])
		}
	})
}

func TestMalformedAddressIsSaidAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		var e *AddressError
		if err := a.session.SignIn(SignIn{Address: "alice"}); !errors.As(err, &e) || e.Reason != AddressNoDomain {
			t.Errorf("%v", err)
		}
		for typed, want := range map[string]AddressReason{"bob": AddressNoDomain, a.jid: AddressIsSelf, b.jid: AddressTaken, "x@y@z": AddressMalformed} {
			if _, err := a.session.AddContact(a.jid, typed, ""); !errors.As(err, &e) || e.Reason != want {
				t.Errorf("%q: %v", typed, err)
			}
		}
		if _, err := a.session.AddContact("nobody@sotto.test", "x@sotto.test", ""); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v", err)
		}
		if _, err := a.session.Send(Ref{a.jid, "nobody@sotto.test"}, "x", SendUnencrypted); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v", err)
		}
		if len(h.wire) != 0 {
			t.Errorf("%v", h.wire)
		}
	})
}

func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		p := newPerson(t, h, "alice@sotto.test")
		h.refuse = &xmpp.Error{Kind: xmpp.Unreachable}
		began, dials := time.Now(), h.dials
		h.cut(p.jid, xmpp.Unreachable)
		synctest.Wait()
		a := p.accounts[p.jid]
		if a.State != Waiting || a.Problem != ProblemUnreachable || a.RetryAt.Sub(began) < 500*time.Millisecond || a.RetryAt.Sub(began) > 1500*time.Millisecond {
			t.Errorf("%+v", a)
		}
		pass(30 * time.Second)
		if n := h.dials - dials; n < 3 || n > 7 {
			t.Errorf("%d attempts in 30 s", n)
		}
		pass(time.Hour)
		dials = h.dials
		pass(time.Hour)
		if n := h.dials - dials; n < 7 || n > 25 {
			t.Errorf("%d attempts in a later hour", n)
		}
		h.refuse = nil
		p.session.Connect(p.jid)
		synctest.Wait()
		if a := p.accounts[p.jid]; a.State != Online || !a.RetryAt.IsZero() {
			t.Errorf("Connect waited for the back-off: %+v", a)
		}
	})
}

func TestProblems(t *testing.T) {
	for kind, want := range map[xmpp.ErrorKind]struct {
		p     Problem
		state AccountState
	}{
		xmpp.Unreachable:    {ProblemUnreachable, Waiting},
		xmpp.UnknownHost:    {ProblemUnknownHost, Waiting},
		xmpp.TimedOut:       {ProblemTimeout, Waiting},
		xmpp.NoTLS:          {ProblemNoTLS, Waiting},
		xmpp.BadCertificate: {ProblemCertificate, Waiting},
		xmpp.WrongPassword:  {ProblemPassword, Stopped},
		xmpp.OnlyPlain:      {ProblemOnlyPlain, Stopped},
		xmpp.WeakerLogin:    {ProblemWeakerLogin, Stopped},
		xmpp.AccountRefused: {ProblemRefused, Stopped},
		xmpp.BadName:        {ProblemBadName, Stopped},
		xmpp.Conflict:       {ProblemConflict, Stopped},
		xmpp.ServerClosed:   {ProblemServerClosed, Waiting},
		xmpp.BrokenStream:   {ProblemBrokenStream, Waiting},
		xmpp.ProxyFailed:    {ProblemProxy, Waiting},
		xmpp.NeedsTor:       {ProblemNeedsTor, Stopped},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHub("alice@sotto.test")
			p := newPerson(t, h, "alice@sotto.test")
			h.refuse = &xmpp.Error{Kind: kind}
			h.cut(p.jid, kind)
			synctest.Wait()
			if a := p.accounts[p.jid]; a.Problem != want.p || a.State != want.state {
				t.Errorf("lost by %d: %+v", kind, a)
			}
			dials := h.dials
			pass(time.Hour)
			if tried := h.dials > dials; tried != (want.state == Waiting) {
				t.Errorf("kind %d: tried again: %v", kind, tried)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			h := newHub("alice@sotto.test")
			h.refuse = &xmpp.Error{Kind: kind}
			p := strangerTo(t, h, "alice@sotto.test")
			p.session.SignIn(SignIn{Address: p.jid, Password: []byte("x"), Server: "xmpp.sotto.test"})
			synctest.Wait()
			if a := p.accounts[p.jid]; a.Problem != want.p || a.State != Stopped || a.Server != "xmpp.sotto.test" {
				t.Errorf("the first time, %d: %+v", kind, a)
			}
		})
	}
}

// A password that worked and is refused now, a conflict and an account that is refused are for the person: the server is not asked again,
// whatever the network does.
func TestNeverAgainByItself(t *testing.T) {
	for kind, problem := range map[xmpp.ErrorKind]Problem{xmpp.WrongPassword: ProblemPassword, xmpp.AccountRefused: ProblemRefused,
		xmpp.Conflict: ProblemConflict, xmpp.OnlyPlain: ProblemOnlyPlain, xmpp.WeakerLogin: ProblemWeakerLogin} {
		synctest.Test(t, func(t *testing.T) {
			h := newHub("alice@sotto.test")
			p := newPerson(t, h, "alice@sotto.test")
			stopped := func(dials int) {
				t.Helper()
				a, _ := p.session.account(p.jid)
				for range 10 {
					a.tell(a.rouse) // the network changes and changes
				}
				pass(24 * time.Hour)
				if a := p.accounts[p.jid]; a.State != Stopped || a.Problem != problem || h.dials != dials {
					t.Fatalf("%v: asked %d times, want %d: %+v", kind, h.dials, dials, a)
				}
			}
			dials := h.dials
			if kind == xmpp.Conflict { // which ends a connection
				h.cut(p.jid, kind)
				synctest.Wait()
				stopped(dials)
				return
			}
			h.refuse = &xmpp.Error{Kind: kind}
			h.cut(p.jid, xmpp.Unreachable)
			synctest.Wait()
			stopped(dials + 1)
			p.session.Connect(p.jid) // the person insists: once more and no oftener
			synctest.Wait()
			stopped(dials + 2)
			p.restart() // so does the program when it starts
			stopped(dials + 3)
			h.refuse = nil
			p.session.Connect(p.jid)
			synctest.Wait()
			if a := p.accounts[p.jid]; a.State != Online {
				t.Errorf("%v: %+v", kind, a)
			}
		})
	}
}

func TestDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.session.Disconnect(a.jid)
		synctest.Wait()
		if s := a.accounts[a.jid]; s.State != Offline || s.Problem != NoProblem {
			t.Errorf("%+v", s)
		}
		if c := b.contact(a); c.Lock != FinishedLock || c.Presence != PresenceOffline {
			t.Errorf("the goodbye was not polite: %+v", c)
		}
		dials := h.dials
		pass(time.Hour)
		if h.dials != dials {
			t.Error("connected again by itself")
		}
		a.session.Connect(a.jid)
		a.session.Disconnect(a.jid)
		a.session.Connect(a.jid)
		synctest.Wait()
		if s := a.accounts[a.jid]; s.State != Online {
			t.Errorf("%+v", s)
		}
	})
}

// A broken keyring answers everything with one error.
type broken struct{ err error }

func (b broken) Set(context.Context, string, []byte) error      { return b.err }
func (b broken) Secret(context.Context, string) ([]byte, error) { return nil, b.err }
func (b broken) Delete(context.Context, string) error           { return b.err }

func TestKeyringProblems(t *testing.T) {
	for err, want := range map[error]Problem{
		keyring.ErrAbsent:  ProblemKeyringAbsent,
		keyring.ErrLocked:  ProblemKeyringLocked,
		keyring.ErrTimeout: ProblemKeyringTimeout,
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHub("alice@sotto.test")
			p := strangerTo(t, h, "alice@sotto.test")
			p.session.UseKeyring(broken{err})
			p.session.SignIn(SignIn{Address: p.jid, Password: []byte("secret of " + p.jid)})
			synctest.Wait()
			if a := p.accounts[p.jid]; a.State != Stopped || a.Problem != want || a.Kept {
				t.Errorf("%v: %+v", err, a)
			}
			if h.dials != 0 {
				t.Errorf("%v: the password went out before there was a keyring", err)
			}
			p.session.UseKeyring(keyring.Memory())
			synctest.Wait()
			if a := p.accounts[p.jid]; a.State != Online || a.Kept || a.Fingerprint == nil {
				t.Errorf("%v, then in memory: %+v", err, a)
			}
			if len(p.store.Settings().Accounts) != 0 {
				t.Errorf("an account without secrets was kept")
			}
		})
	}
}

// Who gives up signing in because there is no keyring has nothing there, and is not told that something was left behind.
func TestNothingToDeleteWithoutKeyring(t *testing.T) {
	for err, want := range map[error]bool{keyring.ErrAbsent: false, keyring.ErrLocked: true} {
		synctest.Test(t, func(t *testing.T) {
			p := strangerTo(t, newHub("alice@sotto.test"), "alice@sotto.test")
			p.session.UseKeyring(broken{err})
			p.session.SignIn(SignIn{Address: p.jid, Password: []byte("secret of " + p.jid)})
			synctest.Wait()
			p.session.RemoveAccount(p.jid)
			synctest.Wait()
			told := slices.ContainsFunc(p.events, func(e Event) bool { _, is := e.(StoreProblem); return is })
			if told != want {
				t.Errorf("%v: told of something left behind: %v", err, told)
			}
		})
	}
}

// notKept takes secrets and loses them.
type notKept struct{ keyringDouble }

func (notKept) Set(context.Context, string, []byte) error { return keyring.ErrNotKept }

func TestKeyIsNotUsedUnlessKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, _ := friends(t)
		h.users["carol@sotto.test"] = &hubUser{password: "secret of carol@sotto.test", roster: map[string]*xmpp.RosterItem{}, lines: map[string]*hubLine{}}
		h.befriend(a.jid, "carol@sotto.test")
		p := strangerTo(t, h, "carol@sotto.test")
		p.session.UseKeyring(notKept{keyringDouble{}})
		p.session.SignIn(SignIn{Address: p.jid, Password: []byte("secret of " + p.jid)})
		synctest.Wait()
		if s := p.accounts[p.jid]; s.State != Stopped || s.Problem != ProblemKeyringNotKept || s.Fingerprint != nil || s.Kept {
			t.Errorf("%+v", s)
		}
		if len(p.contacts) != 0 || len(p.store.Settings().Accounts) != 0 {
			t.Errorf("%+v", p.contacts)
		}
		if len(h.users[p.jid].lines) != 0 {
			t.Error("still signed in")
		}
	})
}

func TestKeyMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		if err := b.session.SetVerified(b.ref(a), *b.contact(a).Key, true); err != nil {
			t.Fatal(err)
		}
		old := *a.accounts[a.jid].Fingerprint
		ring := a.keyring.(keyringDouble)
		a.close()
		for name := range ring {
			if strings.HasSuffix(name, "-key") {
				delete(ring, name)
			}
		}
		a.open()
		synctest.Wait()
		s := a.accounts[a.jid]
		if s.State != Stopped || s.Problem != ProblemKeyMissing || s.Fingerprint == nil || *s.Fingerprint != old {
			t.Fatalf("%+v", s)
		}
		a.session.Connect(a.jid)
		synctest.Wait()
		if s := a.accounts[a.jid]; s.Problem != ProblemKeyMissing || len(ring) != 1 {
			t.Errorf("a new key was made silently: %+v", s)
		}
		a.session.NewIdentity(a.jid)
		synctest.Wait()
		s = a.accounts[a.jid]
		if s.State != Online || *s.Fingerprint == old || len(ring) != 2 {
			t.Errorf("%+v", s)
		}
		if k := a.contact(b).Keys; len(k) != 1 || k[0].Verified != ByComparison {
			t.Errorf("what was known of others is lost: %+v", k)
		}
		a.restart()
		if again := a.accounts[a.jid]; again.State != Online || *again.Fingerprint != *s.Fingerprint {
			t.Errorf("after a restart: %+v", again)
		}
		_ = h
	})
}

func TestKeyReplacedInTheKeyring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "bob@sotto.test")
		a, b := newPerson(t, h, "alice@sotto.test"), newPerson(t, h, "bob@sotto.test")
		a.close()
		for mine := range a.keyring.(keyringDouble) {
			for theirs, secret := range b.keyring.(keyringDouble) {
				if strings.HasSuffix(mine, "-key") && strings.HasSuffix(theirs, "-key") {
					a.keyring.(keyringDouble)[mine] = slices.Clone(secret)
				}
			}
		}
		a.open()
		synctest.Wait()
		if s := a.accounts[a.jid]; s.State != Stopped || s.Problem != ProblemKeyMissing {
			t.Errorf("%+v", s)
		}
	})
}

func TestPasswordMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		p := newPerson(t, h, "alice@sotto.test")
		fp := *p.accounts[p.jid].Fingerprint
		p.close()
		ring := p.keyring.(keyringDouble)
		for name := range ring {
			if strings.HasSuffix(name, "-password") {
				delete(ring, name)
			}
		}
		p.open()
		synctest.Wait()
		if s := p.accounts[p.jid]; s.State != Stopped || s.Problem != ProblemPasswordMissing {
			t.Errorf("%+v", s)
		}
		p.session.SignIn(SignIn{Address: p.jid, Password: []byte("secret of " + p.jid)})
		synctest.Wait()
		if s := p.accounts[p.jid]; s.State != Online || *s.Fingerprint != fp {
			t.Errorf("%+v", s)
		}
	})
}

func TestAccountInMemoryLeavesTheDiskAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		before := a.store.Settings()
		a.close()
		a.keyring = keyring.Memory()
		a.open()
		synctest.Wait()
		if s := a.accounts[a.jid]; s.Problem != ProblemKeyMissing {
			t.Fatalf("%+v", s)
		}
		a.session.NewIdentity(a.jid)
		synctest.Wait()
		if s := a.accounts[a.jid]; s.Problem != ProblemPasswordMissing {
			t.Fatalf("%+v", s)
		}
		a.session.SignIn(SignIn{Address: a.jid, Password: []byte("secret of " + a.jid)})
		synctest.Wait()
		if s := a.accounts[a.jid]; s.State != Online || s.Kept {
			t.Fatalf("%+v", s)
		}
		a.session.Opened(a.ref(b))
		synctest.Wait()
		if got := a.store.Settings(); got.Accounts[0].Fingerprint != before.Accounts[0].Fingerprint || len(got.Accounts[0].Contacts) != len(before.Accounts[0].Contacts) {
			t.Errorf("%+v", got)
		}
		_ = h
	})
}

func TestStoreThatCannotBeWritten(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root writes everywhere: the store is closed instead of read-only")
	}
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		dir := a.store.Dir()
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the directory was
			t.Fatal(err)
		}
		defer os.Remove(dir)
		a.session.SetVerified(a.ref(b), *a.contact(b).Key, true)
		a.session.SetPolicy(a.ref(b), ByHand)
		synctest.Wait()
		n := 0
		for _, e := range a.events {
			if p, ok := e.(StoreProblem); ok && p.Err != nil {
				n++
			}
		}
		if n != 1 || a.contact(b).Lock != Private {
			t.Errorf("%d problems told, %+v", n, a.contact(b))
		}
		_ = h
	})
}

func TestDamagedStoreIsTold(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "settings.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	session := Open(Config{Store: s, Keyring: keyring.Memory()})
	defer session.Close(t.Context())
	if e, ok := (<-session.Events()).(StoreProblem); !ok || e.Damaged == "" {
		t.Errorf("%+v", e)
	}
}

func TestRemoveAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		a.session.RemoveAccount(a.jid)
		synctest.Wait()
		if _, there := a.accounts[a.jid]; there || len(a.keyring.(keyringDouble)) != 0 || len(a.store.Settings().Accounts) != 0 {
			t.Errorf("%+v %v %+v", a.accounts, a.keyring, a.store.Settings())
		}
		if b.contact(a).Lock != FinishedLock {
			t.Error("the goodbye was not polite")
		}
		if _, err := a.session.Send(a.ref(b), "x", SendWhenPrivate); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v", err)
		}
		a.session.SignIn(SignIn{Address: a.jid, Password: []byte("secret of " + a.jid)})
		synctest.Wait()
		if s := a.accounts[a.jid]; s.State != Online {
			t.Errorf("%+v", s)
		}
		_ = h
	})
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) { // which itself fails when a goroutine of the bubble stays
		h, a, b := private(t)
		id := a.say(b, canary())
		a.close()
		a.close()
		if err := a.session.SignIn(SignIn{Address: a.jid}); err != nil {
			t.Error(err)
		}
		a.session.Retry(a.ref(b), id)
		a.session.Connect(a.jid)
		if _, err := a.session.Send(a.ref(b), "x", SendPrivately); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v", err)
		}
		_ = h
	})
	// The bubble's own goroutine, and those of earlier tests, may still be on their last line.
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines more than before", runtime.NumGoroutine()-before)
		}
	}
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		block := make(chan struct{})
		s, err := store.Open("")
		if err != nil {
			t.Fatal(err)
		}
		session := Open(Config{Store: s, Keyring: keyring.Memory(), dial: func(ctx context.Context, c xmpp.Config) (line, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-block:
				return h.dial(ctx, c)
			}
		}})
		go func() {
			for range session.Events() {
			}
		}()
		session.SignIn(SignIn{Address: "alice@sotto.test", Password: []byte("x")})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		session.Close(ctx)
		if d := time.Since(began); d > time.Second {
			t.Errorf("Close took %v", d)
		}
		close(block)
	})
}

func TestEventsBeginWithAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		p := newPerson(t, h, "alice@sotto.test")
		p.restart()
		if e, ok := p.events[0].(AccountChanged); !ok || e.Account.JID != p.jid || e.Account.Fingerprint == nil {
			t.Errorf("%+v", p.events[0])
		}
	})
}

// half keeps the first secret it is given.
type half struct{ keyringDouble }

func (h half) Set(ctx context.Context, name string, secret []byte) error {
	if strings.HasSuffix(name, "-key") {
		return keyring.ErrNotKept
	}
	return h.keyringDouble.Set(ctx, name, secret)
}

func TestNothingIsHalfKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		p := strangerTo(t, h, "alice@sotto.test")
		ring := half{keyringDouble{}}
		p.session.UseKeyring(ring)
		p.session.SignIn(SignIn{Address: p.jid, Password: []byte("secret of " + p.jid)})
		synctest.Wait()
		if a := p.accounts[p.jid]; a.State != Stopped || a.Problem != ProblemKeyringNotKept {
			t.Errorf("%+v", a)
		}
		if len(ring.keyringDouble) != 0 {
			t.Error("a password of an account that is not kept")
		}
	})
}

// slow answers when it is let.
type slow struct {
	keyring.Keyring
	let chan struct{}
}

func (s slow) Secret(ctx context.Context, name string) ([]byte, error) {
	select {
	case <-s.let:
		return nil, keyring.ErrLocked
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// The keyring that the person chose last is the one that counts, also for an account that is just signing in.
func TestKeyringChosenWhileSigningIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		p := strangerTo(t, h, "alice@sotto.test")
		old := slow{keyringDouble{}, make(chan struct{})}
		p.session.UseKeyring(old)
		p.session.SignIn(SignIn{Address: p.jid, Password: []byte("secret of " + p.jid)})
		synctest.Wait()
		ring := keyringDouble{}
		p.session.UseKeyring(ring)
		synctest.Wait()
		close(old.let)
		synctest.Wait()
		if a := p.accounts[p.jid]; a.State != Online || len(ring) != 2 {
			t.Errorf("%+v; %d secrets", a, len(ring))
		}
	})
}

// Removing an account that is just signing in leaves nothing of it.
func TestRemoveAccountWhileSigningIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		p := strangerTo(t, h, "alice@sotto.test")
		old := slow{keyringDouble{}, make(chan struct{})}
		p.session.UseKeyring(old)
		p.session.SignIn(SignIn{Address: p.jid, Password: []byte("secret of " + p.jid)})
		synctest.Wait()
		p.session.RemoveAccount(p.jid)
		p.session.RemoveAccount(p.jid)
		synctest.Wait()
		if len(p.accounts) != 0 || len(p.store.Settings().Accounts) != 0 {
			t.Errorf("%+v", p.accounts)
		}
	})
}

// Signing in again just after the account was removed is a new account.
func TestSignInWhileTheAccountIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := verified(t)
		old := *a.accounts[a.jid].Fingerprint
		a.session.RemoveAccount(a.jid)
		if err := a.session.SignIn(SignIn{Address: a.jid, Password: []byte("secret of " + a.jid)}); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		s := a.accounts[a.jid]
		if s.State != Online || !s.Kept || *s.Fingerprint == old {
			t.Errorf("%+v", s)
		}
		if c := a.contact(b); !c.OnRoster || len(c.Keys) > 0 && c.Keys[0].Verified != NotVerified {
			t.Errorf("%+v", c)
		}
		if n := len(a.store.Settings().Accounts); n != 1 {
			t.Errorf("%d accounts kept", n)
		}
		if n := len(a.keyring.(keyringDouble)); n != 2 {
			t.Errorf("%d secrets kept", n)
		}
	})
}

// What a server may leave with us before it has said who our contacts are.
func TestLHeldEventsAreBounded(t *testing.T) {
	a := newAccount(&Session{ctx: t.Context()}, newRecord(jid.MustParse("alice@sotto.test")), jid.MustParse("alice@sotto.test"))
	for n := range 2000 {
		a.take(&xmpp.Message{ID: fmt.Sprint(n), Body: strings.Repeat("x", 64<<10)})
	}
	size := 0
	for _, e := range a.held {
		size += len(e.(*xmpp.Message).Body)
	}
	if size > 32<<20 {
		t.Errorf("%d bytes", size)
	}
}
