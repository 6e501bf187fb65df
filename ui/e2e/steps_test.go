//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/keyring/keyringtest"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"github.com/sotto-im/sotto/ui/access/accesstest"
)

// What it takes a newcomer to get from the first start of a program to a verified conversation. A step is something the person has to do
// or to read: a click, a key that is not part of what they have to say, an entry filled in, a text without which one could not go on.
// What they have to say is the same in every program; how many keys that took is told beside the steps.
//
// A text is what stands together and is read as one: a paragraph, a line of the conversation, a fingerprint; the words on a button or
// beside an entry are part of pressing and filling it. How many words the texts have is told beside the steps. No step of either program
// is where the server is reached: those that people use are found by their name, the one of the test is not. No step either is what could
// be left out: to close a window that is not in the way, to keep a password.
//
// make steps prints the counts; they are no part of make test.
func stepsWanted(t *testing.T) {
	t.Helper()
	if os.Getenv("SOTTO_STEPS") == "" {
		t.Skip("make steps runs it: SOTTO_STEPS=1")
	}
}

// A count is what one way to verify took.
type count struct{ clicks, keys, entries, typed, texts, words int }

func (c count) steps() int { return c.clicks + c.keys + c.entries + c.texts }

func (c count) String() string {
	return fmt.Sprintf("clicks=%d keys=%d entries=%d texts=%d typed=%d words=%d", c.clicks, c.keys, c.entries, c.texts, c.typed, c.words)
}

// The ways to verify.
const (
	wayQuestion = "question"
	waySecret   = "secret"
	wayCompare  = "compare"
)

var ways = []string{wayQuestion, waySecret, wayCompare}

const (
	newcomersPassword = "correct-horse"
	friendsPassword   = "battery-staple"
	askedQuestion     = "What did we eat on the ferry?"
	knownAnswer       = "cold noodles"
)

// measured are the counts of the programs so far.
var measured = map[string]map[string]count{}

// report prints the line of a program, and what it is made of. When both programs have been counted, Sotto must not take more than half of
// the steps that Pidgin takes.
func report(t *testing.T, program string, counts map[string]count) {
	t.Helper()
	measured[program] = counts
	for _, way := range ways {
		ours, theirs := measured["sotto"][way].steps(), measured["pidgin"][way].steps()
		if theirs > 0 && 2*ours > theirs {
			t.Errorf("%s takes %d steps, and %d in Pidgin", way, ours, theirs)
		}
	}
	fmt.Printf("steps %s question=%d secret=%d compare=%d\n", program, counts[wayQuestion].steps(), counts[waySecret].steps(), counts[wayCompare].steps())
	for _, way := range ways {
		fmt.Printf("  %s %s: %v\n", program, way, counts[way])
	}
}

// A friend is the other side: a Sotto without a window that accepts who asks, answers what is asked unless they are told not to, and begins
// to talk privately.
type friend struct {
	t       *testing.T
	session *session.Session
	jid     string
	waits   bool // answers nothing by themselves

	mu       sync.Mutex
	contacts map[string]session.Contact
	account  session.Account
	run      session.SMP
	moved    chan struct{}
}

func newFriend(t *testing.T, server *xmpptest.Prosody, local, password string, wishes ...func(*friend)) *friend {
	t.Helper()
	kept, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	f := &friend{t: t, jid: local + "@" + xmpptest.Domain, contacts: map[string]session.Contact{}, moved: make(chan struct{})}
	for _, wish := range wishes {
		wish(f)
	}
	f.session = session.Open(session.Config{Store: kept, Keyring: keyring.Memory(), RootCAs: server.RootCAs})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e := range f.session.Events() {
			f.take(e)
		}
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		f.session.Close(ctx)
		<-ended
		kept.Close()
	})
	if err := f.session.SignIn(session.SignIn{Address: f.jid, Password: []byte(password), Server: server.Addr}); err != nil {
		t.Fatal(err)
	}
	f.until("being online", func() bool { return f.account.State == session.Online })
	return f
}

func (f *friend) take(e session.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e := e.(type) {
	case session.AccountChanged:
		f.account = e.Account
	case session.ContactChanged:
		f.contacts[e.Contact.Contact] = e.Contact
		if e.Contact.Wants {
			f.session.Accept(e.Contact.Ref)
		}
	case session.SMPChanged:
		f.run = e.SMP
		if e.SMP.Stage == session.SMPNeedsAnswer && !f.waits {
			number := e.SMP.Number
			go f.session.Answer(e.SMP.Ref, number, []byte(knownAnswer)) // not on the goroutine that takes what comes of it
		}
	}
	close(f.moved)
	f.moved = make(chan struct{})
}

// until waits for something to become true.
func (f *friend) until(what string, is func() bool) {
	f.t.Helper()
	for late := time.After(wait); ; {
		f.mu.Lock()
		ok, moved := is(), f.moved
		f.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-moved:
		case <-late:
			f.t.Fatalf("%s waited in vain for %s: %+v", f.jid, what, f.contacts)
		}
	}
}

// A newcomer is a person whose every step is counted.
type newcomer struct {
	*person
	count
}

// click presses what is called so, as one click.
func (n *newcomer) click(name string) {
	n.t.Helper()
	n.presses(name)
	n.clicks++
}

// must reads words without which one could not go on.
func (n *newcomer) must(words string) {
	n.t.Helper()
	n.reads(n.see(fmt.Sprintf("the words %q", words), saying(words)), words)
}

// reads counts the text of a thing: where there are many lines, the one with the words.
func (n *newcomer) reads(thing *accesstest.Thing, words string) {
	text := thing.Name
	for _, other := range []string{thing.Text, thing.Help} {
		if !strings.Contains(text, words) {
			text = other
		}
	}
	if thing.Role == "text" {
		for line := range strings.Lines(text) {
			if strings.Contains(line, words) {
				text = line
			}
		}
	}
	n.texts++
	n.words += len(strings.Fields(text))
}

// aside does what is no step.
func (n *newcomer) aside(what func()) {
	before := n.count
	what()
	n.count = before
}

// fill types into an entry: a click unless the keyboard is there already, and the words.
func (n *newcomer) fill(entry, text string) {
	n.t.Helper()
	if !n.holds(entry) {
		n.does("going to "+entry, called(entry, "entry", "password text"), (*accesstest.Thing).Focus)
		n.clicks++
	}
	n.say(entry, text)
}

// settling is more than the program takes for what was typed.
const settling = 300 * time.Millisecond

// say types with the keyboard, into what has it.
func (n *newcomer) say(entry, text string) {
	n.t.Helper()
	n.see("the cursor in "+entry, focused(entry))
	n.display.keys(n.t, "type", "--delay", "15", text)
	n.see("what was typed", func(t *accesstest.Thing) bool {
		return called(entry, "entry", "password text")(t) && (t.Text == text || t.Role == "password text" && t.Text != "")
	})
	time.Sleep(settling) // of a secret nobody can see how much has arrived
	n.entries++
	n.typed += len([]rune(text))
}

func focused(name string) meant {
	return func(t *accesstest.Thing) bool { return t.Name == name && t.Is(accesstest.Focused) }
}

func (n *newcomer) holds(name string) bool {
	_, err := n.glance(focused(name))
	return err == nil
}

// key presses a key that is no part of what is said.
func (n *newcomer) key(name string) {
	n.t.Helper()
	n.display.keys(n.t, "key", name)
	n.keys++
}

// goTo presses the Tab key until what is called so has the keyboard.
func (n *newcomer) goTo(name string) {
	n.t.Helper()
	n.walks(name, "Tab")
}

// goBackTo is the other way round: for what stands just before.
func (n *newcomer) goBackTo(name string) {
	n.t.Helper()
	n.walks(name, "shift+Tab")
}

func (n *newcomer) walks(name, key string) {
	n.t.Helper()
	const most = 30
	for range most {
		if n.holds(name) {
			return
		}
		before := n.focusedName()
		n.key(key)
		if _, err := accesstest.Await(wait, func() (bool, error) {
			if now := n.focusedName(); now == before {
				return false, fmt.Errorf("the keyboard stays at %q", now)
			}
			return true, nil
		}); err != nil {
			n.fail(err)
		}
	}
	n.fail(fmt.Errorf("%q cannot be reached with %s", name, key))
}

func (n *newcomer) focusedName() string {
	thing, err := n.glance(func(t *accesstest.Thing) bool { return t.Is(accesstest.Focused) })
	if err != nil {
		return ""
	}
	return thing.Role + " " + thing.Name
}

// newcomerWith sits down in front of a Sotto that was never started, beside a friend.
func newcomerWith(t *testing.T) (*newcomer, *friend, *xmpptest.Prosody) {
	t.Helper()
	return newcomerAt(t, binaries.sotto)
}

// newcomerAt is the same with another build of the program.
func newcomerAt(t *testing.T, program string) (*newcomer, *friend, *xmpptest.Prosody) {
	t.Helper()
	prosody := xmpptest.StartProsody(t, map[string]string{"alice": newcomersPassword, "bob": friendsPassword})
	f := newFriend(t, prosody, "bob", friendsPassword)
	n := &newcomer{person: newPerson(t, "alice", keyringtest.Start(t), &xmpptest.Marks{})}
	n.starts(program, "-ca", prosody.CAFile)
	n.read(greeting)
	return n, f, prosody
}

// TestStepsSotto counts with the mouse.
func TestStepsSotto(t *testing.T) {
	stepsWanted(t)
	counts := map[string]count{}
	for _, way := range ways {
		n, f, prosody := newcomerWith(t)
		n.must(greeting)
		n.click(signIn)
		n.fill(address, "alice@"+xmpptest.Domain)
		n.fill(password, newcomersPassword)
		n.aside(func() {
			n.click(advanced)
			n.fill(server, prosody.Addr)
		})
		n.click(signIn)
		n.online()
		n.click(addContact)
		n.fill(address, f.jid)
		n.click(add)
		n.seesLock(unverified)
		n.must("Nobody has checked yet that this is really bob")
		n.click(verify)
		switch way {
		case wayQuestion:
			n.click(next)
			n.must("Whoever is at the other end sees the question.")
			n.fill(question, askedQuestion)
			n.fill(expected, knownAnswer)
			n.click("Ask bob")
			n.must("bob " + rightAnswer + " bob")
		case waySecret:
			n.click("Use a secret you both already know")
			n.click(next)
			n.must("Agree on it by phone or in person, not in this chat.")
			n.fill("Secret", knownAnswer)
			n.click("Compare with bob")
			n.must("You now know that it is really bob")
		case wayCompare:
			n.click(compare)
			n.click(next)
			n.must("By phone or in person, so that you know the voice.")
			n.hearsAll()
			n.click("All four words are the same: this is bob")
			n.click("Save")
		}
		n.seesLock(private)
		counts[way] = n.count
		n.shoot("steps-" + way)
		n.quit()
	}
	report(t, "sotto", counts)
}

// hearsAll counts what the two read to each other: their words and ours.
func (n *newcomer) hearsAll() {
	n.t.Helper()
	const groups = 4
	n.see("words to hear", func(t *accesstest.Thing) bool { return t.Role == "check box" && t.Is(accesstest.Showing) })
	n.texts += 2
	n.words += 2 * groups
}

// TestStepsSottoKeyboard is the same without a mouse.
func TestStepsSottoKeyboard(t *testing.T) {
	stepsWanted(t)
	counts := map[string]count{}
	for _, way := range ways {
		n, f, prosody := newcomerWith(t)
		n.must(greeting)
		n.goTo(signIn)
		n.key("Return")
		n.say(address, "alice@"+xmpptest.Domain)
		n.goTo(password)
		n.say(password, newcomersPassword)
		n.aside(func() {
			n.goTo(advanced)
			n.key("space")
			n.goTo(server)
			n.say(server, prosody.Addr)
		})
		n.key("Return")
		n.online()
		n.key("ctrl+n")
		n.say(address, f.jid)
		n.key("Return")
		n.key("Return")
		n.seesLock(unverified)
		n.must("Nobody has checked yet that this is really bob")
		n.goBackTo(verify)
		n.key("Return")
		n.see("the first way", focused("Ask bob something only you two know"))
		switch way {
		case wayQuestion:
			n.key("Return")
			n.must("Whoever is at the other end sees the question.")
			n.say(question, askedQuestion)
			n.key("Return")
			n.say(expected, knownAnswer)
			n.key("Return")
			n.must("bob " + rightAnswer + " bob")
		case waySecret:
			n.key("Down")
			n.key("Return")
			n.must("Agree on it by phone or in person, not in this chat.")
			n.say("Secret", knownAnswer)
			n.key("Return")
			n.must("You now know that it is really bob")
		case wayCompare:
			n.key("Down")
			n.key("Down")
			n.key("Return")
			n.must("By phone or in person, so that you know the voice.")
			n.hearsAll()
			n.goTo("All four words are the same: this is bob")
			n.key("space")
			n.key("Return")
		}
		n.seesLock(private)
		counts[way] = n.count
		n.quit()
	}
	for way, c := range counts {
		if c.clicks != 0 {
			t.Errorf("%s took the mouse", way)
		}
	}
	report(t, "sotto-keyboard", counts)
}

// TestStepsAccessible takes the same steps through the accessibility bus alone: what there is to know is read there, and what there is to do
// is done there, with no mouse, no keyboard and no look at the screen. The program is one that was built for it.
func TestStepsAccessible(t *testing.T) {
	stepsWanted(t)
	program := filepath.Join(t.TempDir(), "sotto")
	if !build(program, "../..", "-tags", "migrated_fynedo accessibility") {
		t.Fatal("not built")
	}
	for _, way := range ways {
		n, f, prosody := newcomerAt(t, program)
		n.display.untouched = true
		n.presses(signIn)
		n.signsIn("alice@"+xmpptest.Domain, newcomersPassword, prosody.Addr)
		n.online()
		n.presses(addContact)
		n.types(address, f.jid)
		n.presses(add)
		n.seesLock(unverified)
		n.read("Nobody has checked yet that this is really bob")
		n.presses(verify)
		switch way {
		case wayQuestion:
			n.read("Ask bob something only you two know")
			n.presses(next)
			n.read("Whoever is at the other end sees the question.")
			n.types(question, askedQuestion)
			n.types(expected, knownAnswer)
			n.presses("Ask bob")
			n.read("bob " + rightAnswer + " bob")
		case waySecret:
			n.presses("Use a secret you both already know")
			n.presses(next)
			n.read("Agree on it by phone or in person, not in this chat.")
			n.types("Secret", knownAnswer)
			n.presses("Compare with bob")
			n.read("You now know that it is really bob")
		case wayCompare:
			n.presses(compare)
			n.presses(next)
			n.read("By phone or in person, so that you know the voice.")
			n.comparesWords(f)
			n.presses("Save")
		}
		n.seesLock(private)
		n.quit()
	}
}

// comparesWords hears the words that bob's own program shows him, ticks them, and reads ours to him.
func (n *newcomer) comparesWords(f *friend) {
	n.t.Helper()
	var aloud *session.ReadAloud
	f.until("words to read", func() bool { aloud = f.contacts["alice@"+xmpptest.Domain].Aloud; return aloud != nil })
	for i := range aloud.Ours {
		n.see("what he hears", called(aloud.Theirs[i], "label"))
		n.does("ticking "+aloud.Ours[i], called(aloud.Ours[i], "check box"), (*accesstest.Thing).Press)
	}
}
