package session

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"mellium.im/xmpp/jid"
)

// The canary oracle: every text of a test holds a random mark, and afterwards the marks are looked for wherever they must not be: in
// everything that the network in memory carried (messages and presence), in what the keyrings were given, in the files of every person, in
// what the program logged, and on the session bus of the run (see recordedBus). What the real window says on a real one, with a real
// keyring, is searched by the tests in ui/e2e.
//
// The rules, by the tests that hold them. Beginning with TestP01 here and in ui: P-01 to P-16, P-25, P-28, P-34. P-26 is the composer's,
// in ui; P-17, P-18 and P-21 are the window's, in ui and ui/e2e.

// terminal keeps the standard error stream from being closed: the runtime writes panics and data races to it by number.
var terminal any

// journal is the file that stands for the standard error stream while there is a hub: what the program logs, not what tests say.
var journal = sync.OnceValue(func() string {
	terminal = os.Stderr
	dir, err := os.MkdirTemp("", "sotto-session")
	if err != nil {
		panic(err)
	}
	file, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		panic(err)
	}
	os.Stderr = file
	log.SetOutput(file)
	return file.Name()
})

// assertSecret is the oracle. "canary" stands for every text of this test that holds one.
func (h *hub) assertSecret(t *testing.T, texts ...string) {
	t.Helper()
	m := &xmpptest.Marks{}
	for _, text := range texts {
		if text == "canary" {
			m.All = append(m.All, canaries[t.Name()]...)
		} else {
			m.All = append(m.All, text)
		}
	}
	if len(m.All) == 0 {
		t.Error("there is no mark to look for")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, message := range h.wire {
		m.Absent(t, "the wire", fmt.Appendf(nil, "%+v", message))
		if otr.IsOTR(message.Body) != message.OTR {
			t.Errorf("P-14: hints %v on %.20q", message.OTR, message.Body)
		}
	}
	for _, presence := range h.seen {
		m.Absent(t, "presence", fmt.Appendf(nil, "%+v", presence))
	}
	for _, p := range everybody {
		m.WatchFiles(p.dir)
		keyringLock.Lock()
		for name, secret := range p.kept() {
			m.Absent(t, "the keyring", append([]byte(name+" "), secret...))
		}
		keyringLock.Unlock()
	}
	m.WatchFiles(filepath.Dir(journal()))
	found, files, _ := m.Search()
	for _, path := range found {
		t.Errorf("a mark is in %s", path)
	}
	if files == 0 {
		t.Error("there were no files to search")
	}
}

// canary makes a text that can be found again.
func canary() string {
	text := fmt.Sprintf("canary-%s", xmpp.NewID())
	if len(everybody) > 0 {
		name := everybody[0].t.Name()
		canaries[name] = append(canaries[name], text)
	}
	return text
}

// canaries are those of each test.
var canaries = map[string][]string{}

// The oracle itself must be able to fail.
func TestOracleFindsMarks(t *testing.T) {
	for _, where := range []string{"wire", "presence", "file", "log"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := friends(t)
				x := canary()
				m := &xmpptest.Marks{All: []string{x}}
				switch where {
				case "wire":
					a.session.SetPolicy(a.ref(b), ByHand)
					synctest.Wait()
					a.say(b, x)
					if m.In(fmt.Appendf(nil, "%+v", h.wire)) != 1 {
						t.Error("not found")
					}
					return
				case "presence":
					a.session.SetPresence(a.jid, PresenceAway, x)
					synctest.Wait()
					if m.In(fmt.Appendf(nil, "%+v", h.seen)) != 1 {
						t.Error("not found")
					}
				case "file":
					a.session.SetPresence(a.jid, PresenceAway, x)
					a.restart()
					m.WatchFiles(a.dir)
				case "log":
					log.Print("a program that talks too much: ", x)
					m.WatchFiles(filepath.Dir(journal()))
				}
				if found, _, _ := m.Search(); where != "presence" && len(found) == 0 {
					t.Error("not found")
				}
			})
		})
	}
}

// What the button said is what happens: a text for the verified bob does not go to another of his devices whose key nobody has verified,
// though the person has once accepted that key; nor does one for a key that was shown go to another.
func TestP13TheKeyThatWasShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, desk, phone := twoDevices(t)
		a.session.SetVerified(a.ref(mike), desk.key.Fingerprint(), true)
		synctest.Wait()
		shown := a.contact(mike)
		if shown.Lock != Private || shown.SendMode != SendPrivately {
			t.Fatalf("%+v", shown)
		}
		a.session.SelectDevice(a.ref(mike), phone.tag)
		synctest.Wait()
		if c := a.contact(mike); c.KeyChange != nil {
			a.session.Decide(a.ref(mike), c.KeyChange.New.Fingerprint, UseUnverified)
			synctest.Wait()
		}
		now := a.contact(mike)
		if now.Lock != Unverified || now.SendMode != SendPrivately {
			t.Fatalf("%+v", now)
		}
		x := canary()
		if _, err := a.session.SendAsShown(shown, x); err != ErrModeChanged {
			t.Errorf("for the verified one: %v", err)
		}
		a.session.SetVerified(a.ref(mike), desk.key.Fingerprint(), false)
		synctest.Wait()
		a.session.SelectDevice(a.ref(mike), desk.tag)
		synctest.Wait()
		if _, err := a.session.SendAsShown(now, x); err != ErrModeChanged {
			t.Errorf("for the phone: %v", err)
		}
		if n := len(desk.hearing()) + len(phone.hearing()); n != 0 {
			t.Errorf("%d texts went out", n)
		}
		if _, err := a.session.SendAsShown(a.contact(mike), x); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(desk.hearing()) != 1 || len(phone.hearing()) != 0 {
			t.Errorf("desk %q, phone %q", desk.hearing(), phone.hearing())
		}
		h.assertSecret(t, "canary")
	})
}

// P-06: after the person has ended a private conversation nothing is sent, whatever the policy, until they say how it goes on.
func TestP06NothingBeforeAChoice(t *testing.T) {
	for _, choice := range []struct {
		name   string
		policy Policy
		choose func(a, b *person)
		mode   SendMode
		lock   Lock
	}{
		{"start again", ByHand, func(a, b *person) { a.session.StartPrivate(a.ref(b)) }, SendPrivately, Unverified},
		{"they start again", ByHand, func(a, b *person) { b.session.StartPrivate(b.ref(a)) }, SendPrivately, Unverified},
		{"go on unencrypted", ByHand, func(a, b *person) { a.session.EndPrivate(a.ref(b)) }, SendUnencrypted, NotPrivate},
		{"go on where privacy is required", Require, func(a, b *person) { a.session.EndPrivate(a.ref(b)) }, SendWhenPrivate, NotPrivate},
		{"start again where privacy is required", Require, func(a, b *person) { a.session.StartPrivate(a.ref(b)) }, SendPrivately, Unverified},
	} {
		t.Run(choice.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := private(t)
				a.session.SetPolicy(a.ref(b), choice.policy)
				a.session.EndPrivate(a.ref(b))
				synctest.Wait()
				if c := a.contact(b); !c.WeEnded || c.SendMode != SendBlocked || c.Lock != NotPrivate {
					t.Errorf("%+v", c)
				}
				before := len(h.sent(a.jid))
				for _, mode := range []SendMode{SendPrivately, SendWhenPrivate, SendUnencrypted} {
					if _, err := a.session.Send(a.ref(b), canary(), mode); err != ErrEnded {
						t.Errorf("mode %d: %v", mode, err)
					}
				}
				a.session.Opened(a.ref(b))
				pass(5 * time.Minute)
				if n := len(h.sent(a.jid)) - before; n != 0 {
					t.Errorf("%d stanzas before there was a choice", n)
				}
				choice.choose(a, b)
				synctest.Wait()
				if c := a.contact(b); c.WeEnded || c.SendMode != choice.mode || c.Lock != choice.lock {
					t.Errorf("after the choice: %+v", c)
				}
				h.assertSecret(t, "canary")
			})
		})
	}
}

// P-08: a client of theirs that has just come takes nothing over and gets nothing.
func TestP08NewResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		phone, err := h.connect(xmpp.Config{JID: jid.MustParse(b.jid), Resource: "phone", Password: []byte("secret of " + b.jid)})
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if c := a.contact(b); c.Lock != Private || c.SendMode != SendPrivately {
			t.Errorf("%+v", c)
		}
		x := canary()
		a.say(b, x)
		phone.Close(t.Context())
		for e := range phone.Events() {
			if m, ok := e.(*xmpp.Message); ok && m.Body != "" {
				t.Errorf("the phone got %.30q", m.Body)
			}
		}
		if got := b.heard(); len(got) != 1 {
			t.Errorf("%q", got)
		}
		h.assertSecret(t, "canary")
	})
}
