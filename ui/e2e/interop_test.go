//go:build linux

package e2e

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/libotr"
	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/keyring/keyringtest"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"github.com/sotto-im/sotto/ui/access/accesstest"
)

const wrongAnswer = "warm noodles"

// A meeting is a private conversation that nobody has verified: Alice in front of Pidgin, Bob with the core of Sotto.
type meeting struct {
	t      *testing.T
	alice  *pidgin
	bob    *friend
	ref    session.Ref
	server *xmpptest.Prosody
	key    otr.Fingerprint // of alice
}

func meet(t *testing.T) *meeting {
	t.Helper()
	prosody := xmpptest.StartProsody(t, map[string]string{"alice": newcomersPassword, "bob": friendsPassword})
	know(t, prosody.Dir, "alice", "bob")
	know(t, prosody.Dir, "bob", "alice")
	key, err := otr.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const account = "alice@" + xmpptest.Domain
	keys, err := libotr.FormatPrivateKeys([]libotr.PrivateKey{{Account: account + "/pidgin", Protocol: "prpl-jabber", Key: key}})
	if err != nil {
		t.Fatal(err)
	}
	home := keyringtest.StartBus(t)
	xmpptest.PidginAccount(t, prosody, settings(home), "alice", newcomersPassword, keys)
	m := &meeting{t: t, server: prosody, key: key.Fingerprint()}
	m.bob = newFriend(t, prosody, "bob", friendsPassword, func(f *friend) { f.waits = true })
	m.ref = session.Ref{Account: m.bob.jid, Contact: account}
	m.alice = atPidgin(t, "alice", home)
	m.alice.connected()
	m.alice.twice(m.bob.jid, within(buddyList, called(m.bob.jid, "table cell")))
	m.alice.see("the conversation", called("OTR", "menu"))
	m.bob.until("her presence", func() bool { return m.bob.contacts[account].Presence != session.PresenceOffline })
	m.bob.session.StartPrivate(m.ref)
	m.sotto("Unverified", func(c session.Contact) bool { return c.Lock == session.Unverified && c.Key != nil && *c.Key == m.key })
	m.pidgin(unverified, "")
	return m
}

// know makes somebody a contact, where Prosody looks for it.
func know(t *testing.T, dir, who, whom string) {
	t.Helper()
	roster := filepath.Join(dir, "data", "sotto%2etest", "roster")
	if err := os.MkdirAll(roster, 0o755); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("return { [false] = { [\"version\"] = 1; };\n[\"%s@%s\"] = { [\"subscription\"] = \"both\"; [\"groups\"] = {}; };\n};\n", whom, xmpptest.Domain)
	if err := os.WriteFile(filepath.Join(roster, who+".dat"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sotto waits until Bob's side believes something about Alice.
func (m *meeting) sotto(what string, is func(session.Contact) bool) {
	m.t.Helper()
	m.bob.until(what, func() bool { return is(m.bob.contacts[m.ref.Contact]) })
}

// pidgin waits until Alice's window shows a state of OTR, and her file of fingerprints says how it was verified.
func (m *meeting) pidgin(state, how string) {
	m.t.Helper()
	m.alice.saysOTR(state)
	if _, err := accesstest.Await(wait, func() (string, error) {
		trust, known := m.alice.trust(m.bob.jid)
		if !known || trust != how {
			return trust, fmt.Errorf("her file of fingerprints says %q of him (known %t), not %q", trust, known, how)
		}
		return trust, nil
	}); err != nil {
		m.alice.fail(err)
	}
}

// stage waits until the check that goes on has come so far.
func (m *meeting) stage(what string, is func(session.SMP) bool) {
	m.t.Helper()
	m.bob.until(what, func() bool { return is(m.bob.run) })
}

func (m *meeting) differ() {
	m.t.Helper()
	m.stage("the answers to differ", func(run session.SMP) bool { return run.Stage == session.SMPFailed })
}

// must ends the test for an error.
func (m *meeting) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// told has Bob answer what Alice asked.
func (m *meeting) told(asked bool, answer string) {
	m.t.Helper()
	m.stage("being asked", func(run session.SMP) bool {
		return run.Stage == session.SMPNeedsAnswer && run.Asked == asked && (!asked || run.Question == askedQuestion)
	})
	m.bob.mu.Lock()
	number := m.bob.run.Number
	m.bob.mu.Unlock()
	m.must(m.bob.session.Answer(m.ref, number, []byte(answer)))
}

// answers has Alice type what she is asked for.
func (m *meeting) answers(label, answer, result string) {
	m.t.Helper()
	m.alice.fills("the answer", within(authenticate, below(label)), answer)
	m.alice.presses(authenticate, "Authenticate")
	m.over(result)
}

// over waits for the dialog that says how it ended, and closes it.
func (m *meeting) over(result string) {
	m.t.Helper()
	m.alice.read(result)
	m.alice.hits("OK", func(t *accesstest.Thing) bool {
		return called("OK", "push button")(t) && (within(progress, called("OK"))(t) || within(proving, called("OK"))(t))
	})
}

// Nobody has verified anybody.
func neither(c session.Contact) bool {
	return c.Lock == session.Unverified && c.Verified == session.NotVerified && !c.VerifiedUs
}

func verifiedBy(how session.Verified, us bool) func(session.Contact) bool {
	return func(c session.Contact) bool {
		return c.Lock == session.Private && c.Verified == how && c.VerifiedUs == us
	}
}

const (
	progress       = "Authenticating Buddy"
	proving        = "Authenticating to Buddy"
	pidginsFailure = "Authentication failed"
	pidginsAsked   = "Your buddy has successfully authenticated you"
)

// verifications are the ways in which the two verify each other, begun by either, and what each believes afterwards.
var verifications = map[string]func(*meeting){
	"sotto asks a question": func(m *meeting) {
		m.must(m.bob.session.Ask(m.ref, m.key, askedQuestion, []byte(knownAnswer)))
		m.alice.read(askedQuestion)
		m.answers(pidginsAnswer, wrongAnswer, pidginsFailure)
		m.differ()
		m.sotto("nobody verified", neither)
		m.pidgin(unverified, "")
		m.must(m.bob.session.Ask(m.ref, m.key, askedQuestion, []byte(knownAnswer)))
		m.answers(pidginsAnswer, knownAnswer, pidginsAsked)
		m.sotto("Private", verifiedBy(session.ByQuestion, false))
		m.pidgin(unverified, "") // who answers a question has proved something, and learned nothing
	},
	"pidgin asks a question": func(m *meeting) {
		for _, answer := range []string{wrongAnswer, knownAnswer} {
			m.alice.otr("Authenticate buddy")
			m.alice.fills("the question", below(pidginsQuestion), askedQuestion)
			m.alice.fills("the answer", below(pidginsAnswer), knownAnswer)
			m.alice.presses(authenticate, "Authenticate")
			m.told(true, answer)
			if answer == wrongAnswer {
				m.over(pidginsFailure)
				m.differ()
				m.sotto("nobody verified", neither)
				m.pidgin(unverified, "")
			}
		}
		m.over(pidginsSuccess)
		m.sotto("being verified", func(c session.Contact) bool {
			return c.VerifiedUs && c.Verified == session.NotVerified && c.Lock == session.Unverified
		})
		m.pidgin(private, "smp")
	},
	"sotto begins with a secret": func(m *meeting) {
		m.must(m.bob.session.Share(m.ref, m.key, []byte(knownAnswer)))
		m.answers(pidginsSecret, wrongAnswer, pidginsFailure)
		m.differ()
		m.sotto("nobody verified", neither)
		m.pidgin(unverified, "")
		m.must(m.bob.session.Share(m.ref, m.key, []byte(knownAnswer)))
		m.answers(pidginsSecret, knownAnswer, pidginsSuccess)
		m.sotto("both verified", verifiedBy(session.BySecret, true))
		m.pidgin(private, "smp")
	},
	"pidgin begins with a secret": func(m *meeting) {
		for _, answer := range []string{wrongAnswer, knownAnswer} {
			m.alice.otr("Authenticate buddy")
			m.alice.way(bySharedSecret)
			m.alice.fills("the secret", below(pidginsSecret), knownAnswer)
			m.alice.presses(authenticate, "Authenticate")
			m.told(false, answer)
			if answer == wrongAnswer {
				m.over(pidginsFailure)
				m.differ()
				m.sotto("nobody verified", neither)
				m.pidgin(unverified, "")
			}
		}
		m.over(pidginsSuccess)
		m.sotto("both verified", verifiedBy(session.BySecret, true))
		m.pidgin(private, "smp")
	},
	"sotto compares first": func(m *meeting) {
		m.sottoCompares()
		m.pidgin(unverified, "")
		m.pidginCompares()
	},
	"pidgin compares first": func(m *meeting) {
		m.pidginCompares()
		m.sotto("nobody verified", neither)
		m.sottoCompares()
	},
}

// sottoCompares: what is not her key is refused, her key is verified and nothing is told to her.
func (m *meeting) sottoCompares() {
	m.t.Helper()
	other := m.key
	other[0] ^= 1
	if err := m.bob.session.SetVerified(m.ref, other, true); err == nil {
		m.t.Error("another fingerprint than hers was verified")
	}
	m.sotto("nobody verified", neither)
	m.must(m.bob.session.SetVerified(m.ref, m.key, true))
	m.sotto("Private", verifiedBy(session.ByComparison, false))
}

// pidginCompares reads both fingerprints where Alice does, and saves first that they were not compared.
func (m *meeting) pidginCompares() {
	m.t.Helper()
	for _, have := range []bool{false, true} {
		m.alice.otr("Authenticate buddy")
		m.alice.way(byManualMethod)
		m.bob.mu.Lock()
		own := m.bob.account.Fingerprint
		m.bob.mu.Unlock()
		m.alice.see("both fingerprints", within(authenticate, func(t *accesstest.Thing) bool {
			hers, his, both := strings.Cut(t.Name, pidginsTheirs)
			return both && strings.Contains(hers, pidginsOwn) && strings.Contains(hers, m.key.String()) && strings.Contains(his, own.String())
		}))
		if have {
			m.alice.picks(within(authenticate, called("I have not", "combo box")), "I have")
		}
		m.alice.presses(authenticate, "Authenticate")
		if !have {
			m.pidgin(unverified, "")
		}
	}
	m.pidgin(private, "verified")
}

// TestInteropVerifyingWithPidgin: Sotto and Pidgin with pidgin-otr verify each other, by question, secret and fingerprint, begun by either;
// a wrong answer verifies nobody.
func TestInteropVerifyingWithPidgin(t *testing.T) {
	if os.Getenv("SOTTO_INTEROP_PEERS") == "" {
		t.Skip("make interop runs it: SOTTO_INTEROP_PEERS=1")
	}
	for name, verify := range verifications {
		t.Run(name, func(t *testing.T) {
			m := meet(t)
			verify(m)
			m.alice.display.shoot(t, "interop-"+strings.ReplaceAll(name, " ", "-"))
			for _, text := range []string{askedQuestion, knownAnswer, wrongAnswer} {
				if strings.Contains(m.server.Wire(), text) {
					t.Errorf("the server has seen %q", text)
				}
			}
			if !strings.Contains(m.server.Wire(), "?OTR:") {
				t.Error("the server has seen nothing at all: the search proves nothing")
			}
		})
	}
}
