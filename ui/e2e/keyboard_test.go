//go:build linux

package e2e

import (
	"testing"

	"github.com/sotto-im/sotto/session/keyring/keyringtest"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"github.com/sotto-im/sotto/ui/access/accesstest"
)

// keyed waits until the keyboard is at something and presses a key.
func (p *person) keyed(at meant, what, key string) {
	p.t.Helper()
	p.see("the keyboard at "+what, func(t *accesstest.Thing) bool { return at(t) && t.Is(accesstest.Focused) })
	p.display.keys(p.t, "key", key)
}

// typedInto waits until the keyboard is at an entry and types.
func (p *person) typedInto(entry, text string, roles ...string) {
	p.t.Helper()
	p.see("the keyboard at "+entry, func(t *accesstest.Thing) bool { return called(entry, roles...)(t) && t.Is(accesstest.Focused) })
	p.display.keys(p.t, "type", "--delay", "30", text)
}

// TestKeyboardAndScreenReader goes from a cold start to a verified contact with nothing but keys, and hears on the way what one has to
// know.
func TestKeyboardAndScreenReader(t *testing.T) {
	m := &xmpptest.Marks{}
	frank := newPerson(t, "frank", keyringtest.StartBus(t), m)
	frank.start()
	frank.keyed(called(practise), practise, "Return")
	frank.hears(practiceBand)
	frank.seesLock(unverified)
	frank.hears("on the ferry") // what the contact says the answer is
	frank.keyed(called(composer, "entry"), composer, "ctrl+shift+l")
	frank.keyed(called("Ask Robin something only you two know", "radio button"), "the first way", "Return")
	frank.hears("One small check settles it.")
	frank.typedInto(question, "Where did we first meet?", "entry")
	frank.see("the question", func(t *accesstest.Thing) bool { return t.Name == question && t.Text == "Where did we first meet?" })
	frank.keyed(called(question), question, "Return")
	frank.typedInto(expected, "on the ferry", "password text", "entry")
	frank.see("a button that asks", usable(called("Ask Robin", "push button")))
	frank.keyed(called(expected, "password text", "entry"), expected, "Return")
	frank.hears(rightAnswer)
	frank.hears("Lock: " + private)
	frank.keyed(called(done), done, "Return")
	frank.seesLock(private)
	frank.keyed(called(composer, "entry"), composer, "F1")
	frank.keyed(func(t *accesstest.Thing) bool {
		return t.Role == "push button" && t.Name == "Search among the contacts, Ctrl+K"
	}, "the shortcuts", "Escape")
	frank.keyed(called(composer, "entry"), composer, "F6")
	frank.quit()
}
