package practice

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session"
)

// person plays the one in front of the window: a reader of events who acts on what is shown.
type person struct {
	t        *testing.T
	practice *Practice
	events   <-chan session.Event
	account  session.Account
	contact  session.Contact
	smp      session.SMP
	heard    []session.Entry
	seen     map[session.EntryID]bool
}

func begin(t *testing.T, w Words) *person {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p, err := Start(ctx, w)
	if err != nil {
		t.Fatal(err)
	}
	me := &person{t: t, practice: p, events: p.Session().Events(), seen: map[session.EntryID]bool{}}
	t.Cleanup(func() { me.close() })
	return me
}

func (p *person) close() {
	go func() {
		for range p.events {
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	p.practice.Close(ctx)
}

// until reads events until what is shown is as wanted.
func (p *person) until(what string, done func() bool) {
	p.t.Helper()
	limit := time.After(30 * time.Second)
	for !done() {
		select {
		case e, ok := <-p.events:
			if !ok {
				p.t.Fatal("the session has ended, before: ", what)
			}
			p.note(e)
		case <-limit:
			p.t.Fatalf("not in time: %s\naccount %+v\ncontact %+v\nSMP %+v\nheard %+v", what, p.account, p.contact, p.smp, p.heard)
		}
	}
}

func (p *person) note(e session.Event) {
	switch e := e.(type) {
	case session.AccountChanged:
		p.account = e.Account
	case session.ContactChanged:
		if e.Contact.Ref == p.practice.Contact() {
			p.contact = e.Contact
		}
	case session.SMPChanged:
		p.smp = e.SMP
	case session.EntryChanged:
		if e.Entry.Kind == session.Incoming && !p.seen[e.Entry.ID] {
			p.seen[e.Entry.ID] = true
			p.heard = append(p.heard, e.Entry)
		}
	}
}

// hears waits until the contact has said text, and returns how it was protected.
func (p *person) hears(text string) session.Guard {
	p.t.Helper()
	at := -1
	p.until("hear "+text, func() bool {
		for i, e := range p.heard {
			if e.Text == text {
				at = i
			}
		}
		return at >= 0
	})
	guard := p.heard[at].Guard
	p.heard = p.heard[at+1:]
	return guard
}

func (p *person) says(text string) {
	p.t.Helper()
	if _, err := p.practice.Session().Send(p.practice.Contact(), text, p.contact.SendMode); err != nil {
		p.t.Fatal(err)
	}
}

// TestPractice is the two minutes of a person who has never heard of this, from nothing to a verified conversation and its end. Everything
// in it is real: XMPP over TLS, OTR and SMP between two sessions.
func TestPractice(t *testing.T) {
	untouched := watchHome(t)
	before := runtime.NumGoroutine()
	start := time.Now()
	w := testWords()
	me := begin(t, w)
	t.Logf("started after %v", time.Since(start))
	s, ref := me.practice.Session(), me.practice.Contact()

	me.until("be online, with the contact on the list and there", func() bool {
		return me.account.State == session.Online && me.contact.Presence == session.PresenceOnline
	})
	t.Logf("online, and the contact too, after %v", time.Since(start))
	if c := me.contact; c.Name != w.Name || !c.OnRoster || c.Subscription != session.SubscriptionBoth || c.Lock != session.NotPrivate {
		t.Errorf("the contact is %+v", c)
	}
	if me.account.Kept {
		t.Error("the account is said to be kept")
	}

	s.Opened(ref)
	me.until("be private", func() bool {
		return me.contact.Lock == session.Unverified && me.contact.SendMode == session.SendPrivately
	})
	t.Logf("private after %v", time.Since(start))
	for _, text := range []string{"hello from Robin", "ask colour?: green", "friends never tell"} {
		if guard := me.hears(text); guard != session.EncryptedUnverified {
			t.Errorf("%q came with guard %d", text, guard)
		}
	}
	me.says("What is OTR?")
	me.hears("otr one")
	me.hears("otr two")
	me.says("tell me your fingerprint")
	me.hears("mine is " + me.contact.Key.String())

	if err := s.Ask(ref, *me.contact.Key, w.Question, []byte("Green")); err != nil {
		t.Fatal(err)
	}
	me.hears("differs, it is green")
	if me.contact.Lock != session.Unverified || me.smp.Stage != session.SMPFailed {
		t.Errorf("after a wrong answer: %+v, %+v", me.contact, me.smp)
	}
	if err := s.Ask(ref, *me.contact.Key, w.Question, []byte(w.Answer)); err != nil {
		t.Fatal(err)
	}
	me.until("be verified", func() bool { return me.contact.Lock == session.Private })
	t.Logf("verified after %v", time.Since(start))
	if guard := me.hears("verified"); guard != session.EncryptedVerified {
		t.Errorf("after verification a message came with guard %d", guard)
	}

	me.says("ask me")
	me.hears("I ask sea?, say blue")
	me.until("be asked", func() bool { return me.smp.Stage == session.SMPNeedsAnswer && me.smp.Question == w.Challenge })
	if err := s.Answer(ref, me.smp.Number, []byte(w.Reply)); err != nil {
		t.Fatal(err)
	}
	me.hears("right")
	me.until("have verified us", func() bool { return me.contact.VerifiedUs })

	me.says("remind me")
	me.hears("no wish")

	me.says("finish")
	me.hears("ending now")
	me.until("be finished", func() bool { return me.contact.Lock == session.FinishedLock })
	s.StartPrivate(ref)
	me.until("be private again", func() bool { return me.contact.Lock == session.Private })
	me.hears("I ended")
	s.EndPrivate(ref)
	me.until("have ended", func() bool { return me.contact.Lock == session.NotPrivate })
	s.StartPrivate(ref)
	me.hears("you ended")

	closing := time.Now()
	me.close()
	untouched()
	t.Logf("closed after %v", time.Since(closing))
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			buffer := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, there were %d\n%s", runtime.NumGoroutine(), before, buffer[:runtime.Stack(buffer, true)])
		}
		runtime.Gosched()
	}
}

// watchHome gives the test a home directory and a session bus, and returns a check that neither was used.
func watchHome(t *testing.T) (untouched func()) {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "TMPDIR"} {
		t.Setenv(name, home)
	}
	bus, err := net.Listen("unix", filepath.Join(t.TempDir(), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+bus.Addr().String())
	return func() {
		t.Helper()
		if entries, err := os.ReadDir(home); err != nil || len(entries) != 0 {
			t.Errorf("practice has left %v, %v", entries, err)
		}
		bus.(*net.UnixListener).SetDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := bus.Accept(); err == nil {
			t.Error("practice has asked for the keyring")
		}
		bus.Close()
	}
}

// TestAddressesAreNewEachTime: two practices have nothing in common.
func TestAddressesAreNewEachTime(t *testing.T) {
	a, b := begin(t, testWords()), begin(t, testWords())
	for _, p := range []*person{a, b} {
		p.until("be online", func() bool { return p.account.State == session.Online })
		if r := p.practice.Contact(); !strings.HasSuffix(r.Account, "@practice.localhost") || !strings.HasSuffix(r.Contact, "@practice.localhost") {
			t.Errorf("addresses %v", r)
		}
	}
	if a.practice.Contact() == b.practice.Contact() {
		t.Errorf("both are %v", a.practice.Contact())
	}
}

// TestCutConnection: practice survives what every connection must survive.
func TestCutConnection(t *testing.T) {
	me := begin(t, testWords())
	me.until("see the contact", func() bool { return me.contact.Presence == session.PresenceOnline })
	me.practice.Session().Opened(me.practice.Contact())
	me.hears("friends never tell")
	me.practice.Session().Disconnect(me.account.JID)
	me.until("be offline", func() bool { return me.account.State == session.Offline })
	me.practice.Session().Connect(me.account.JID)
	me.until("see the contact again", func() bool {
		return me.account.State == session.Online && me.contact.Presence == session.PresenceOnline
	})
	me.practice.Session().StartPrivate(me.practice.Contact())
	me.until("be private again", func() bool { return me.contact.SendMode == session.SendPrivately && !me.contact.Starting })
	me.says("lock")
	me.hears("the lock")
}

func TestStartIsBounded(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, testWords()); err == nil {
		t.Error("started although it was not to")
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}
