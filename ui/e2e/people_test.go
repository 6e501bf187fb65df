//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session/keyring/keyringtest"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"github.com/sotto-im/sotto/ui/access/accesstest"
)

// signsIn fills in the page and presses the button.
func (p *person) signsIn(jid, secret, at string) {
	p.t.Helper()
	p.types(address, jid)
	p.types(password, secret)
	if _, err := p.glance(usable(called(server, "entry"))); err != nil {
		p.presses(advanced)
	}
	p.types(server, at)
	p.presses(signIn)
}

// online waits until the account is.
func (p *person) online() {
	p.t.Helper()
	p.see("the account being online", func(t *accesstest.Thing) bool {
		return t.Name == account && strings.Contains(t.Text, online)
	})
}

// opens opens the conversation with somebody on the list.
func (p *person) opens(contact string) {
	p.t.Helper()
	p.does("opening the conversation with "+contact, called(contact, "list item"), (*accesstest.Thing).Press)
}

// seesLock waits until the lock of the open conversation shows the word.
func (p *person) seesLock(word string) {
	p.t.Helper()
	p.see(fmt.Sprintf("the lock at %q", word), func(t *accesstest.Thing) bool { return t.Name == lock && t.Text == word })
}

// pressesLock opens what the lock offers and chooses from it.
func (p *person) pressesLock(choice string) {
	p.t.Helper()
	p.presses(lock)
	p.presses(choice)
}

// writes sends a message and waits until the program says what became of it.
func (p *person) writes(text string) {
	p.t.Helper()
	p.see("a button that sends privately", usable(called(sendPrivately, "push button")))
	p.types(composer, text)
	p.presses(sendPrivately)
	p.see("the message under way", message(text, sentPrivately))
}

// keepsSecret holds that nothing on the screen tells what was typed into a password entry.
func (p *person) keepsSecret(secret string) {
	p.t.Helper()
	screen, err := p.screen.Screen()
	if err != nil {
		p.fail(err)
	}
	if strings.Contains(screen.Dump(), secret) {
		p.fail(errors.New("a secret can be read from the screen"))
	}
}

// choir is what bob and alice write for the picture in the README, by turns.
var choir = []string{
	"Are you coming to the choir tonight?",
	"Yes, at half past seven. I found the score we lost.",
	"The Tallis? Where was it?",
	"Behind the piano, where else.",
	"Who knows?",
	"Only you. Shall I tell the others?",
	"Keep it between us. I want to see their faces.",
	"Then not a word until Friday.",
	"Will you bring it on your bicycle?",
	"In the blue folder, so that it stays dry.",
}

// TestTwoPeople lets two people, who have never met Sotto, become contacts, talk and verify one another over a real server.
func TestTwoPeople(t *testing.T) {
	m := &xmpptest.Marks{}
	passwords := &xmpptest.Marks{}
	alicesPassword, bobsPassword := passwords.Mark(), passwords.Mark()
	prosody := xmpptest.StartProsody(t, map[string]string{"alice": alicesPassword, "bob": bobsPassword})
	const alicesAddress, bobsAddress = "alice@" + xmpptest.Domain, "bob@" + xmpptest.Domain

	alice := newPerson(t, "alice", keyringtest.Start(t), m)
	bob := newPerson(t, "bob", keyringtest.Start(t), m)
	m.WatchFiles(prosody.Dir)
	passwords.Roots = m.Roots
	alice.start("-ca", prosody.CAFile)
	bob.start("-ca", prosody.CAFile)

	alice.read(greeting)
	alice.shoot("first-start")
	alice.presses(signIn)
	alice.signsIn(alicesAddress, "wrong", prosody.Addr)
	alice.read(wrongPassword)
	alice.shoot("wrong-password")
	alice.types(password, alicesPassword)
	alice.keepsSecret(alicesPassword)
	alice.presses(signIn)
	alice.online()
	bob.presses(signIn)
	bob.signsIn(bobsAddress, bobsPassword, prosody.Addr)
	bob.online()
	alice.shoot("signed-in")

	alice.presses(addContact)
	alice.types(address, bobsAddress)
	alice.shoot("add-contact")
	alice.presses(add)
	bob.opens("alice")
	bob.read(wantsContact)
	bob.shoot("request")
	bob.presses(accept)

	alice.seesLock(unverified)
	bob.seesLock(unverified)
	for i := range 3 {
		ours, theirs := fmt.Sprintf("Shall we meet at %d? %s", i+6, m.Mark()), fmt.Sprintf("Yes, at %d. %s", i+6, m.Mark())
		alice.writes(ours)
		bob.see("the message of alice", message(ours, receivedPrivately))
		bob.writes(theirs)
		alice.see("the message of bob", message(theirs, receivedPrivately))
	}
	bob.hears(lock + ": " + unverified)
	bob.hears("alice: Shall we meet at 8?")
	alice.see("a message being delivered", message("Shall we meet", delivered))
	alice.shoot("talk-unverified")
	bob.shoot("talk-unverified")

	asked, secret := "Where did we have dinner? "+m.Mark(), "da luigi "+m.Mark()
	alice.pressesLock(verify)
	alice.shoot("verify-1")
	alice.presses(next)
	alice.types(question, asked)
	alice.types(expected, secret)
	alice.keepsSecret(secret)
	alice.shoot("verify-2")
	alice.presses("Ask bob")
	bob.read(asked)
	bob.presses(answer)
	bob.does("typing the answer", called(given, "password text"), func(t *accesstest.Thing) error { return t.Type(secret) })
	alice.shoot("verify-3")
	bob.keepsSecret(secret)
	bob.shoot("asked")
	bob.does("answering", func(t *accesstest.Thing) bool { return called(answer, "push button")(t) && !inConversation(t) }, (*accesstest.Thing).Press)
	alice.read("bob " + rightAnswer + " bob")
	alice.shoot("verified")
	alice.presses(done)
	alice.seesLock(private)
	bob.read(hasVerified)
	bob.shoot("was-verified")
	bob.presses(notNow)
	bob.seesLock(unverified)
	last := "It is you. " + m.Mark()
	alice.writes(last)
	bob.see("the last message", message(last, receivedPrivately))
	alice.shoot("talk-private")
	bob.shoot("talk-was-verified")

	for i, text := range choir {
		writer, reader := bob, alice
		if i%2 == 1 {
			writer, reader = alice, bob
		}
		writer.writes(text)
		reader.see("the message about the choir", message(text, receivedPrivately))
	}
	alice.shoot("picture")

	alice.pressesLock(compare)
	alice.presses(digits)
	alices := alice.fingerprints()
	alice.shoot("compare")
	alice.presses(closes)
	bob.pressesLock(compare)
	bob.presses(digits)
	bobs := bob.fingerprints()
	bob.shoot("compare")
	bob.presses(closes)
	if alices.theirs != bobs.ours || alices.ours != bobs.theirs || alices.ours == alices.theirs {
		t.Errorf("alice compares %+v, bob %+v", alices, bobs)
	}

	alice.pressesLock(endPrivate)
	bob.seesLock(finished)
	bob.read(endedByPeer)
	if _, err := bob.glance(usable(called(composer, "entry"))); err == nil {
		t.Error("bob can write although the private conversation has ended")
	}
	bob.shoot("finished")
	alice.shoot("ended")

	alice.quit()
	bob.quit()
	for _, p := range []*person{alice, bob} {
		for i, w := range p.written {
			m.Absent(t, fmt.Sprintf("what %s's %s wrote", p.name, w.Name), []byte(w.Written()))
			if i > 0 { // the bus of the session carries what goes into the keyring
				passwords.Absent(t, fmt.Sprintf("what %s's %s wrote", p.name, w.Name), []byte(w.Written()))
			}
		}
	}
	wire := prosody.Wire()
	if strings.Count(wire, "?OTR:") < 10 || !strings.Contains(wire, bobsAddress) {
		t.Error("the record of the wire does not hold what it should: the search proves nothing")
	}
	for _, text := range choir {
		if strings.Contains(wire, text) {
			t.Errorf("on the wire: %q", text)
		}
	}
	m.Absent(t, "the wire, as the server sees it", []byte(wire))
	passwords.Absent(t, "the wire, as the server sees it", []byte(wire))
	m.AbsentFromFiles(t)
	passwords.AbsentFromFiles(t)
}

func inConversation(t *accesstest.Thing) bool {
	for up := t.Parent; up != nil; up = up.Parent {
		if up.Role == "log" || up.Role == "alert" {
			return true
		}
	}
	return false
}

// A pair of fingerprints, as groups of eight.
type pair struct{ theirs, ours string }

var group = regexp.MustCompile(`^[0-9A-F]{8}$`)

// fingerprints reads both from the window in which they are compared: theirs have a box to tick beside each group.
func (p *person) fingerprints() pair {
	p.t.Helper()
	both, err := accesstest.Await(wait, func() (pair, error) {
		screen, err := p.screen.Screen()
		if err != nil {
			return pair{}, err
		}
		var boxes, labels []string
		for t := range screen.All {
			switch {
			case group.MatchString(t.Name) && t.Role == "check box":
				boxes = append(boxes, t.Name)
			case group.MatchString(t.Name) && t.Role == "label":
				labels = append(labels, t.Name)
			}
		}
		const groups = 5
		if len(boxes) != groups || len(labels) != 2*groups || strings.Join(labels[:groups], " ") != strings.Join(boxes, " ") {
			return pair{}, fmt.Errorf("there are not two fingerprints of five groups: %q, %q", boxes, labels)
		}
		return pair{strings.Join(boxes, " "), strings.Join(labels[groups:], " ")}, nil
	})
	if err != nil {
		p.fail(err)
	}
	return both
}

// TestNoKeyring signs in on a computer that keeps no secrets.
func TestNoKeyring(t *testing.T) {
	m := &xmpptest.Marks{}
	secret := m.Mark()
	prosody := xmpptest.StartProsody(t, map[string]string{"carol": secret})
	carol := newPerson(t, "carol", keyringtest.StartBus(t), m)
	carol.start("-ca", prosody.CAFile)
	carol.presses(signIn)
	carol.signsIn("carol@"+xmpptest.Domain, secret, prosody.Addr)
	carol.read(noKeyring)
	for _, choice := range []string{tryAgain, usePassphrase, untilQuit} {
		carol.see(choice, usable(called(choice, "push button")))
	}
	carol.shoot("choice")
	carol.presses(untilQuit)
	carol.online()
	carol.shoot("until-quit")
	carol.quit()
	m.AbsentFromFiles(t)
	for _, w := range carol.written {
		m.Absent(t, "what "+w.Name+" wrote", []byte(w.Written()))
	}
}

// TestSignUp makes an account at a real server, with the first choice of a name taken already.
func TestSignUp(t *testing.T) {
	m := &xmpptest.Marks{}
	secret := m.Mark()
	prosody := xmpptest.StartProsody(t, map[string]string{"taken": "password of somebody else"}, xmpptest.SignUps)
	grace := newPerson(t, "grace", keyringtest.Start(t), m)
	grace.start("-ca", prosody.CAFile)
	grace.presses(signUp)
	grace.types(domain, xmpptest.Domain)
	grace.presses(advanced)
	grace.types(reached, prosody.Addr)
	grace.presses(next)
	grace.types(userName, "taken")
	grace.types(password, secret)
	grace.types(email, "grace@example.org")
	grace.shoot("form")
	grace.presses(makeAccount)
	grace.read(nameTaken)
	grace.shoot("taken")
	grace.types(userName, "grace")
	grace.presses(makeAccount)
	grace.online()
	grace.shoot("online")
	grace.presses(account)
	grace.presses(connection)
	grace.read(serverConfirms)
	grace.shoot("connection")
	grace.presses(closes)
	grace.presses(account)
	grace.presses(ownKey)
	grace.read("?otr-fingerprint=")
	grace.shoot("fingerprint")
	grace.presses(done)
	grace.quit()
	m.AbsentFromFiles(t)
	for _, w := range grace.written {
		if w.Name != "dbus-monitor" { // the keyring is told the password
			m.Absent(t, "what "+w.Name+" wrote", []byte(w.Written()))
		}
	}
}

// TestPractice goes from a cold start to a verified conversation without any account.
func TestPractice(t *testing.T) {
	m := &xmpptest.Marks{}
	session := keyringtest.Start(t)
	dave := newPerson(t, "dave", session, m)
	dave.start()
	dave.presses(practise)
	dave.read(practiceBand)
	dave.seesLock(unverified)
	dave.see("what the practice contact tells to do", message("on the ferry", receivedPrivately))
	dave.shoot("greeting")

	text := "typed by hand " + m.Mark()
	dave.does("putting the cursor into the composer", called(composer, "entry"), (*accesstest.Thing).Focus)
	dave.display.keys(t, "type", "--delay", "20", text)
	dave.see("what was typed", func(t *accesstest.Thing) bool { return t.Name == composer && t.Text == text })
	dave.display.keys(t, "key", "Return")
	dave.see("the typed message under way", message(text, sentPrivately))

	dave.pressesLock(verify)
	dave.presses(next)
	dave.types(question, "Where did we first meet?")
	dave.types(expected, "on the ferry")
	dave.shoot("question")
	dave.presses("Ask Robin")
	dave.read("Robin " + rightAnswer + " Robin")
	dave.shoot("verified")
	dave.presses(done)
	dave.seesLock(private)
	dave.shoot("private")
	dave.quit()
	if items := session.Items(t); len(items) != 0 {
		t.Errorf("practice left %q in the keyring", items)
	}
	m.AbsentFromFiles(t)
	for _, w := range dave.written {
		m.Absent(t, "what "+w.Name+" wrote", []byte(w.Written()))
	}
}
