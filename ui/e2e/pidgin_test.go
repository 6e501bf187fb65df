//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/sotto-im/sotto/session/keyring/keyringtest"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"github.com/sotto-im/sotto/ui/access/accesstest"
)

// Somebody in front of Pidgin with pidgin-otr: finds things by what the accessibility bus tells of them, and uses them with the mouse and
// the keyboard of the display. Their steps are counted as a newcomer's to Sotto.
type pidgin struct{ *newcomer }

// settings is Pidgin's folder.
func settings(home *keyringtest.Service) string { return filepath.Join(home.Home, ".purple") }

// atPidgin starts Pidgin with the settings that are there.
func atPidgin(t *testing.T, name string, home *keyringtest.Service) *pidgin {
	t.Helper()
	need(t, "pidgin", "pidgin pidgin-otr libatk-adaptor libgail-common")
	p := newPerson(t, name, home, &xmpptest.Marks{})
	environ := append(p.environ(), "GTK_MODULES=gail:atk-bridge", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent")
	program, err := accesstest.Run(environ, "pidgin", "--force-online")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(program.Stop)
	p.program = program
	screen, err := accesstest.Await(wait, func() (*accesstest.Program, error) { return p.reader.Program("Pidgin") })
	if err != nil {
		p.fail(fmt.Errorf("Pidgin is not on the accessibility bus (libatk-adaptor, libgail-common): %w", err))
	}
	p.screen = screen.Walking()
	return &pidgin{&newcomer{person: p}}
}

// within is a thing in the window with this title.
func within(title string, m meant) meant {
	return func(t *accesstest.Thing) bool {
		if !m(t) {
			return false
		}
		for up := t.Parent; up != nil; up = up.Parent {
			if (up.Role == "dialog" || up.Role == "frame") && up.Name == title {
				return true
			}
		}
		return false
	}
}

// below is the entry that comes next after a label.
func below(words string) meant {
	return func(t *accesstest.Thing) bool {
		if !t.Has("EditableText") || t.Parent == nil {
			return false
		}
		all := t.Parent.Inside
		i := slices.Index(all, t)
		return i > 0 && all[i-1].Name == words
	}
}

// entry is one that belongs to a label.
func entry(words string) meant {
	return func(t *accesstest.Thing) bool { return t.Name == words && t.Has("EditableText") }
}

// points moves the mouse to a thing that has come to rest and can be used.
func (p *pidgin) points(what string, m meant) {
	p.t.Helper()
	const rest = 150 * time.Millisecond
	var x, y int
	if _, err := accesstest.Await(wait, func() (bool, error) {
		beforeX, beforeY := x, y
		thing, err := p.glance(usable(m))
		if err != nil {
			return false, err
		}
		if x, y, err = thing.Middle(); err != nil {
			return false, err
		}
		if x != beforeX || y != beforeY || x <= 0 || y <= 0 {
			time.Sleep(rest)
			return false, errors.New("it moves")
		}
		return true, nil
	}); err != nil {
		p.fail(fmt.Errorf("pointing at %s: %w", what, err))
	}
	p.display.keys(p.t, "mousemove", strconv.Itoa(x), strconv.Itoa(y))
	time.Sleep(rest) // what a pointer passes over is told before it is clicked
}

// hits clicks on a thing.
func (p *pidgin) hits(what string, m meant) {
	p.t.Helper()
	p.points(what, m)
	p.display.keys(p.t, "click", "1")
	p.clicks++
}

// twice clicks on a thing two times: one step.
func (p *pidgin) twice(what string, m meant) {
	p.t.Helper()
	p.points(what, m)
	p.display.keys(p.t, "click", "--repeat", "2", "--delay", "60", "1")
	p.clicks++
}

// presses clicks on a button of a window.
func (p *pidgin) presses(title, button string) {
	p.t.Helper()
	p.hits(button, within(title, called(button, "push button")))
}

// picks opens a menu and takes something from it.
func (p *pidgin) picks(menu meant, item string) {
	p.t.Helper()
	p.hits("the menu with "+item, menu)
	p.hits(item, called(item, "menu item"))
}

// fills puts the cursor into an entry, unless it is there, and types.
func (p *pidgin) fills(what string, m meant, text string) {
	p.t.Helper()
	at := func(t *accesstest.Thing) bool { return m(t) && t.Is(accesstest.Focused) }
	if _, err := p.glance(at); err != nil {
		p.hits(what, m)
	}
	p.see("the cursor in "+what, at)
	p.display.keys(p.t, "type", "--delay", "15", text)
	p.see("what was typed into "+what, func(t *accesstest.Thing) bool {
		return m(t) && (t.Text == text || t.Role == "password text" && len([]rune(t.Text)) == len([]rune(text)))
	})
	p.entries++
	p.typed += len([]rune(text))
}

// connected waits until the server has let the account in.
func (p *pidgin) connected() {
	p.t.Helper()
	bus, err := dbus.Connect(p.session.Address)
	if err != nil {
		p.t.Fatal(err)
	}
	defer bus.Close()
	purple := bus.Object("im.pidgin.purple.PurpleService", "/im/pidgin/purple/PurpleObject")
	if _, err := accesstest.Await(wait, func() (bool, error) {
		var accounts []int32
		if err := purple.Call("im.pidgin.purple.PurpleInterface.PurpleAccountsGetAllActive", 0).Store(&accounts); err != nil {
			return false, err
		}
		if len(accounts) != 1 {
			return false, fmt.Errorf("%d accounts are in use", len(accounts))
		}
		var is int32
		if err := purple.Call("im.pidgin.purple.PurpleInterface.PurpleAccountIsConnected", 0, accounts[0]).Store(&is); err != nil {
			return false, err
		}
		if is != 1 {
			return false, errors.New("not connected")
		}
		return true, nil
	}); err != nil {
		p.fail(err)
	}
}

const (
	accountsWindow  = "Accounts"
	addAccount      = "Add Account"
	buddyList       = "Buddy List"
	plugins         = "Plugins"
	addBuddy        = "Add Buddy"
	keyWindow       = "Generating private key"
	authenticate    = "Authenticate Buddy"
	otrPlugin       = "Off-the-Record Messaging"
	bySharedSecret  = "Shared secret"
	byManualMethod  = "Manual fingerprint verification"
	pidginsQuestion = "Enter question here:"
	pidginsAnswer   = "Enter secret answer here (case sensitive):"
	pidginsSecret   = "Enter secret here:"
	pidginsOwn      = "Fingerprint for you"
	pidginsTheirs   = "Purported fingerprint for"
	pidginsSuccess  = "Authentication successful"
)

// saysOTR waits until the button in the conversation shows a state of OTR.
func (p *pidgin) saysOTR(state string) {
	p.t.Helper()
	p.see("OTR at "+state, func(t *accesstest.Thing) bool { return t.Role == "push button" && strings.TrimSpace(t.Name) == state })
}

// otr takes something from the menu of OTR in the conversation.
func (p *pidgin) otr(item string) {
	p.t.Helper()
	p.picks(called("OTR", "menu"), item)
}

// way chooses how to authenticate, in the dialog that offers a question first.
func (p *pidgin) way(name string) {
	p.t.Helper()
	p.picks(within(authenticate, called("Question and answer", "combo box")), name)
}

// TestStepsPidgin counts the same in Pidgin, with the same friend at the same server.
func TestStepsPidgin(t *testing.T) {
	stepsWanted(t)
	counts := map[string]count{}
	for _, way := range ways {
		prosody := xmpptest.StartProsody(t, map[string]string{"alice": newcomersPassword, "bob": friendsPassword})
		f := newFriend(t, prosody, "bob", friendsPassword)
		home := keyringtest.StartBus(t)
		xmpptest.PidginTrusts(t, prosody, settings(home))
		p := atPidgin(t, "alice", home)
		p.signsIn(prosody)
		p.takesOTR()
		p.befriends(f)
		p.otr("Start private conversation")
		p.must("Done.") // the key
		p.presses(keyWindow, "OK")
		p.must("You should authenticate this buddy.")
		p.otr("Authenticate buddy")
		p.must("Authenticating a buddy helps ensure")
		switch way {
		case wayQuestion:
			p.must("To authenticate using a question")
			p.fills("the question", below(pidginsQuestion), askedQuestion)
			p.fills("the answer", below(pidginsAnswer), knownAnswer)
			p.presses(authenticate, "Authenticate")
			p.must(pidginsSuccess)
		case waySecret:
			p.way(bySharedSecret)
			p.must("To authenticate, pick a secret")
			p.fills("the secret", below(pidginsSecret), knownAnswer)
			p.presses(authenticate, "Authenticate")
			p.must(pidginsSuccess)
		case wayCompare:
			p.way(byManualMethod)
			p.must("To verify the fingerprint")
			p.must(pidginsTheirs)
			p.texts++ // theirs and ours
			p.picks(within(authenticate, called("I have not", "combo box")), "I have")
			p.presses(authenticate, "Authenticate")
		}
		p.saysOTR(private)
		counts[way] = p.count
		p.shoot("steps-" + way)
		p.program.Stop()
	}
	report(t, "pidgin", counts)
}

// signsIn makes the first account.
func (p *pidgin) signsIn(prosody *xmpptest.Prosody) {
	p.t.Helper()
	host, port, err := net.SplitHostPort(prosody.Addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.must("Welcome to Pidgin!")
	p.presses(accountsWindow, "Add...")
	p.picks(within(addAccount, called("Bonjour", "combo box")), "XMPP")
	p.fills("the user name", entry("Username:"), "alice")
	p.fills("the domain", entry("Domain:"), xmpptest.Domain)
	p.fills("the password", entry("Password:"), newcomersPassword)
	p.aside(func() {
		p.hits("the other page", called("Advanced", "page tab"))
		p.twice("the port", entry("Connect port:"))
		p.fills("the port", entry("Connect port:"), port)
		p.fills("the server", entry("Connect server:"), host)
	})
	p.presses(addAccount, "Add")
	p.connected()
	p.presses(accountsWindow, "Close") // it is in the way of what comes
}

// takesOTR finds the plugin and loads it.
func (p *pidgin) takesOTR() {
	p.t.Helper()
	p.picks(within(buddyList, called("Tools", "menu")), plugins)
	name := within(plugins, func(t *accesstest.Thing) bool { return t.Role == "table cell" && strings.HasPrefix(t.Name, otrPlugin) })
	p.points("the list", within(plugins, called("", "table")))
	p.clicks++ // the wheel
	const most = 30
	for range most {
		if _, err := p.glance(name); err == nil {
			break
		}
		p.display.keys(p.t, "click", "5")
		time.Sleep(settling)
	}
	p.display.keys(p.t, "click", "--repeat", "2", "5") // until the whole row is seen
	p.reads(p.see(otrPlugin, name), otrPlugin)
	before := func(t *accesstest.Thing) bool {
		i := 0
		if t.Parent != nil {
			i = slices.Index(t.Parent.Inside, t) + 1
		}
		return t.Role == "table cell" && t.Name == "" && i > 0 && i < len(t.Parent.Inside) && name(t.Parent.Inside[i])
	}
	p.hits("the box in front of "+otrPlugin, before)
	p.see("the plugin in use", func(t *accesstest.Thing) bool { return before(t) && t.Is(accesstest.Checked) })
	p.presses(plugins, "Close")
}

// befriends adds a contact and opens the conversation.
func (p *pidgin) befriends(f *friend) {
	p.t.Helper()
	p.picks(within(buddyList, called("Buddies", "menu")), "Add Buddy...")
	p.fills("the address", entry("Buddy's username:"), f.jid)
	p.presses(addBuddy, "Add")
	f.until("being asked", func() bool { c, ok := f.contacts["alice@"+xmpptest.Domain]; return ok && !c.Wants })
	p.twice(f.jid, within(buddyList, called(f.jid, "table cell")))
	p.saysOTR("Not private")
}

// trust is what Pidgin remembers of a contact's key: "" for a key that was never checked.
func (p *pidgin) trust(contact string) (string, bool) {
	data, err := os.ReadFile(filepath.Join(settings(p.session), "otr.fingerprints"))
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if fields[0] == contact && len(fields) > 4 {
			return fields[4], true
		}
	}
	return "", false
}
