//go:build linux

package session

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp/chaos"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// A process is alice's Sotto in a process of its own (see soakclient_test.go), which can be stopped or live in another network; bob's is here.
type process struct {
	t      *testing.T
	server *xmpptest.Prosody
	way    *chaos.Proxy // alice's
	bob    *person
	in     io.Writer
	pid    int
	lossy  bool // packets are lost on the way: alice presses for a connection where she has none

	mu      sync.Mutex
	account Account
	view    clientView
	heard   []clientText
	sent    map[EntryID]Status
	given   chan EntryID
}

const (
	aliceOfProcess = "alice@" + xmpptest.Domain
	backWithin     = 10 * time.Second // of waking
	lossyAtLast    = 5 * time.Minute  // each step of a login has its limit, and a packet that is lost five times takes six seconds
	impatient      = 5 * time.Second  // after which somebody presses again
)

// A running is a Sotto that tells what happens, until it is killed.
type running struct {
	command *exec.Cmd
	in      io.Writer
	ended   chan struct{}
}

// startSotto starts alice's Sotto in a directory, with what it starts with being words and then the program.
func startSotto(t *testing.T, server *xmpptest.Prosody, dir string, take func(report), words ...string) *running {
	t.Helper()
	config, err := json.Marshal(clientConfig{Dir: dir, JID: aliceOfProcess, Password: "alice's password", Server: server.Addr, CAFile: server.CAFile})
	if err != nil {
		t.Fatal(err)
	}
	words = append(words, os.Args[0])
	p := &running{command: exec.Command(words[0], words[1:]...), ended: make(chan struct{})}
	p.command.Env = append(os.Environ(), soakClient+"="+string(config), "HOME="+dir)
	p.command.Stderr = os.Stderr
	xmpptest.DieWithTest(p.command)
	if p.in, err = p.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		for lines := json.NewDecoder(out); ; {
			var r report
			if lines.Decode(&r) != nil {
				return
			}
			take(r)
		}
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *running) kill() {
	p.command.Process.Kill()
	<-p.ended
	p.command.Wait()
}

// newProcess starts it, with a private conversation. host is where alice finds her server, words what her program is started with.
func newProcess(t *testing.T, host string, words ...string) *process {
	t.Helper()
	p := &process{t: t, sent: map[EntryID]Status{}, given: make(chan EntryID, 1)}
	p.server = xmpptest.StartProsody(t, map[string]string{"alice": "alice's password", "bob": "bob's password"})
	p.way = chaos.StartAt(t, host, p.server.Addr)
	p.bob = realPerson(t, p.server, "bob", "bob's password")
	behind := *p.server
	behind.Addr = p.way.Addr
	sotto := startSotto(t, &behind, t.TempDir(), p.take, words...)
	p.in, p.pid = sotto.in, sotto.command.Process.Pid

	p.until("online", func() bool { return p.account.State == Online })
	p.bob.until("online", p.bob.online)
	p.do("add", p.bob.jid)
	p.bob.until("a request", func() bool { return p.bob.contacts[aliceOfProcess].Wants })
	p.bob.session.Accept(p.ref())
	p.until("both see each other", func() bool { return p.view.Subscription == SubscriptionBoth && p.view.Presence == PresenceOnline })
	p.bob.until("both see each other", func() bool {
		v := p.bob.contacts[aliceOfProcess]
		return v.Subscription == SubscriptionBoth && v.Presence == PresenceOnline
	})
	p.both()
	return p
}

func (p *process) ref() Ref { return Ref{p.bob.jid, aliceOfProcess} }

func (p *process) take(r report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case r.Account != nil:
		p.account = *r.Account
	case r.Contact != nil:
		p.view = *r.Contact
	case r.Sent != 0:
		p.given <- r.Sent
	case r.Entry != nil && r.Entry.Kind == Incoming:
		p.heard = append(p.heard, *r.Entry)
	case r.Entry != nil && r.Entry.Kind == Outgoing:
		p.sent[r.Entry.ID] = r.Entry.Status
	}
}

func (p *process) do(words ...string) { fmt.Fprintln(p.in, strings.Join(words, " ")) }

func (p *process) until(what string, is func() bool) {
	p.t.Helper()
	limit, pressed := cleanAtLast, time.Time{}
	if p.lossy {
		limit = lossyAtLast
	}
	for deadline := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		ok, waits := is(), p.account.State == Waiting
		p.mu.Unlock()
		if ok {
			return
		}
		if p.lossy && waits && time.Since(pressed) > impatient {
			p.do("connect") // the time after which she tries by herself grows
			pressed = time.Now()
		}
		if time.Now().After(deadline) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("waited in vain for: %s\n%+v\n%+v\n%+v", what, p.account, p.view, p.heard)
		}
	}
}

// comes waits until bob's text is there, privately and once, and bob knows; where it was in doubt he sends it again.
func (p *process) comes(text string, id EntryID) {
	p.t.Helper()
	var doubt time.Time
	p.until("bob's text", func() bool {
		p.bob.mu.Lock()
		status := p.bob.entries[id].Status
		p.bob.mu.Unlock()
		switch {
		case status != StatusUnconfirmed && status != StatusFailed:
			doubt = time.Time{}
		case doubt.IsZero():
			doubt = time.Now()
		case time.Since(doubt) > hesitates:
			p.bob.session.Retry(p.ref(), id)
			doubt = time.Time{}
		}
		return status == StatusDelivered && slices.ContainsFunc(p.heard, func(e clientText) bool { return e.Text == text && e.Guard == EncryptedUnverified })
	})
}

// goes has alice write a text, and waits until bob has it.
func (p *process) goes() (text string) {
	p.t.Helper()
	text = canary()
	p.do("send", p.bob.jid, base64.StdEncoding.EncodeToString([]byte(text)))
	id := <-p.given
	p.until("the text delivered", func() bool {
		if p.sent[id] == StatusUnconfirmed {
			p.do("retry", p.bob.jid, fmt.Sprint(id))
		}
		return p.sent[id] == StatusDelivered
	})
	p.bob.until("the text", func() bool { return p.bob.heardText(text) })
	return text
}

// both write something, and both hear it.
func (p *process) both() {
	p.t.Helper()
	p.goes()
	text := canary()
	p.comes(text, p.fromBob(text))
}

func (p *process) fromBob(text string) EntryID {
	p.t.Helper()
	return p.bob.write(&person{jid: aliceOfProcess}, text)
}

// once complains about texts that were shown twice, and about any that could be read on the way.
func (p *process) once() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[EntryID]bool{}
	texts := map[string]bool{}
	for _, e := range p.heard {
		if !seen[e.ID] && texts[e.Text] {
			p.t.Errorf("alice heard %q twice", e.Text)
		}
		seen[e.ID], texts[e.Text] = true, true
	}
	heard := p.bob.hearing()
	for _, line := range heard {
		if n := count(heard, line[strings.LastIndexByte(line, ' ')+1:]); n != 1 {
			p.t.Errorf("bob heard %q %d times", line, n)
		}
	}
	if strings.Contains(p.server.Wire(), "canary-") {
		p.t.Error("a text is readable on the wire")
	}
}

// Sotto stands still for a while, as when it is stopped or the computer it runs in is, with a text on its way to it. When it goes on, so does
// everything: nothing is lost, nothing comes twice. Lines may have died meanwhile, with or without a word.
func TestChaosClientStandsStill(t *testing.T) {
	lengths := []time.Duration{2 * time.Second}
	if os.Getenv("SOTTO_CHAOS") != "" {
		lengths = []time.Duration{5 * time.Second, 70 * time.Second, 10 * time.Minute}
	}
	for _, length := range lengths {
		for _, silently := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, silently %v", length, silently), func(t *testing.T) {
				t.Parallel()
				p := newProcess(t, "127.0.0.1")
				syscall.Kill(p.pid, syscall.SIGSTOP)
				stood := time.Now()
				text := canary()
				id := p.fromBob(text)
				if silently {
					p.way.Stall(chaos.Up)
					p.way.Stall(chaos.Down)
				}
				time.Sleep(time.Until(stood.Add(length))) // it is the standing still that is tried here
				began := time.Now()
				syscall.Kill(p.pid, syscall.SIGCONT)
				if silently {
					if length > time.Minute {
						p.until("noticed", func() bool { return p.account.State != Online })
					}
					t.Logf("stood still for %v, its line dead: noticed after %v", length, time.Since(began).Round(time.Millisecond))
					p.way.Resume(chaos.Up)
					p.way.Resume(chaos.Down)
				}
				p.goes()
				back := time.Since(began)
				p.comes(text, id)
				p.both()
				p.once()
				t.Logf("stood still for %v: back after %v, everything there after %v", length, back.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
				if os.Getenv("SOTTO_CHAOS") != "" && back > backWithin {
					t.Errorf("back after %v only", back)
				}
			})
		}
	}
}

// newNetwork makes a network in which a program can be run, 10.111.7.2, whose other end is 10.111.7.1, and returns its name.
func newNetwork(t *testing.T) string {
	t.Helper()
	if os.Getenv("SOTTO_CHAOS") == "" {
		t.Skip("a part of make chaos")
	}
	name := fmt.Sprint("sotto", os.Getpid())
	if err := administer("ip", "netns", "add", name); err != nil {
		t.Skip("only root can make a network: ", err)
	}
	t.Cleanup(func() {
		administer("ip", "link", "del", name) // at once; with the network it goes some time later
		administer("ip", "netns", "del", name)
	})
	for _, words := range [][]string{
		{"link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name},
		{"addr", "add", "10.111.7.1/24", "dev", name},
		{"link", "set", name, "up"},
		{"-n", name, "link", "set", "lo", "up"},
		{"-n", name, "addr", "add", "10.111.7.2/24", "dev", "eth0"},
		{"-n", name, "link", "set", "eth0", "up"},
	} {
		if err := administer("ip", words...); err != nil {
			t.Skip("no network can be made here: ", err)
		}
	}
	return name
}

// administer runs a program that changes the network.
func administer(program string, words ...string) error {
	out, err := exec.Command(program, words...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", program, words, err, out)
	}
	return nil
}

// Packets are lost, in both directions: private conversations come about, and nothing that is written is.
func TestChaosPacketLoss(t *testing.T) {
	name := newNetwork(t)
	p := newProcess(t, "10.111.7.1", "ip", "netns", "exec", name)
	inside := func(rule string) {
		t.Helper()
		if err := administer("ip", append([]string{"netns", "exec", name, "nft"}, strings.Fields(rule)...)...); err != nil {
			t.Fatal(err)
		}
	}
	p.lossy = true
	const rounds = 5
	for _, percent := range []int{1, 5, 20} {
		inside("add table inet loss")
		for _, hook := range []string{"input", "output"} {
			inside("add chain inet loss " + hook + " { type filter hook " + hook + " priority 0 ; }")
			inside(fmt.Sprintf("add rule inet loss %s tcp dport != 0 numgen random mod 100 < %d drop", hook, percent))
		}
		var private, login, arrived []time.Duration
		for range rounds {
			p.bob.session.EndPrivate(p.ref())
			p.bob.until("no private conversation", func() bool { return p.bob.contacts[aliceOfProcess].Lock == NotPrivate })
			began := time.Now()
			pressed := began
			p.bob.session.StartPrivate(p.ref())
			p.until("a private conversation", func() bool {
				p.bob.mu.Lock()
				v := p.bob.contacts[aliceOfProcess]
				p.bob.mu.Unlock()
				if !v.Starting && v.Lock == NotPrivate && time.Since(pressed) > impatient {
					p.bob.session.StartPrivate(p.ref())
					pressed = time.Now()
				}
				return v.Lock == Unverified && v.SendMode == SendPrivately && !v.Starting && p.view.Lock == Unverified
			})
			private = append(private, time.Since(began))

			began = time.Now()
			p.both()
			arrived = append(arrived, time.Since(began)/2)

			made := p.way.Made()
			text := canary()
			p.way.Reset()
			id := p.fromBob(text)
			p.until("offline", func() bool { return p.account.State != Online })
			began = time.Now()
			p.until("another connection", func() bool { return p.way.Made() > made && p.account.State == Online })
			login = append(login, time.Since(began))
			p.comes(text, id)
			p.both()
		}
		inside("delete table inet loss")
		t.Logf("%d %% of packets lost: private after %v, at most %v; a text confirmed after %v, at most %v; online again after %v, at most %v", percent,
			p50(private).Round(time.Millisecond), slices.Max(private).Round(time.Millisecond), p50(arrived).Round(time.Millisecond),
			slices.Max(arrived).Round(time.Millisecond), p50(login).Round(time.Millisecond), slices.Max(login).Round(time.Millisecond))
	}
	p.once()
}

// The computer gets another address: what it had is dead, and nobody says so.
func TestChaosAddressChanges(t *testing.T) {
	name := newNetwork(t)
	ip := func(words ...string) {
		t.Helper()
		if err := administer("ip", append([]string{"-n", name}, words...)...); err != nil {
			t.Fatal(err)
		}
	}
	p := newProcess(t, "10.111.7.1", "ip", "netns", "exec", name)
	for i, address := range []string{"10.111.7.3/24", "10.111.7.4/24", "10.111.7.5/24"} {
		made := p.way.Made()
		text := canary()
		ip("addr", "flush", "dev", "eth0")
		ip("addr", "add", address, "dev", "eth0")
		began := time.Now()
		id := p.fromBob(text)
		p.until("another connection", func() bool { return p.way.Made() > made && p.account.State == Online })
		back := time.Since(began)
		p.goes()
		p.comes(text, id)
		p.both()
		t.Logf("%d: another address: connected again after %v, everything there after %v", i, back.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
		if back > backWithin {
			t.Errorf("connected after %v only", back)
		}
	}
	p.once()
}

// Sotto is killed while it makes somebody a key and puts it where it belongs, at any moment. Started again, it has the key of before or, where
// none was kept yet, makes another; it is never without the one that it says is its own.
func TestChaosKilledWhileAKeyIsMade(t *testing.T) {
	kills := 3
	if os.Getenv("SOTTO_CHAOS") != "" {
		kills = 200
	}
	server := xmpptest.StartProsody(t, map[string]string{"alice": "alice's password"}, xmpptest.OnlyWarnings)
	// signIn starts Sotto and tells the fingerprint with which it is online.
	signIn := func(dir string) (*running, <-chan string) {
		online := make(chan string, 1)
		return startSotto(t, server, dir, func(r report) {
			if r.Account != nil && r.Account.State == Online && r.Account.Fingerprint != nil {
				select {
				case online <- compact(*r.Account.Fingerprint):
				default:
				}
			}
		}), online
	}
	wait := func(online <-chan string) string {
		t.Helper()
		select {
		case fingerprint := <-online:
			return fingerprint
		case <-time.After(cleanAtLast):
			t.Fatal("does not come online")
			return ""
		}
	}
	began := time.Now()
	p, online := signIn(t.TempDir())
	wait(online)
	p.kill()
	takes := time.Since(began)
	none, half, whole := 0, 0, 0
	for n := range kills {
		dir := t.TempDir()
		p, _ := signIn(dir)
		if n%2 == 0 {
			time.Sleep(time.Duration(n+1) * takes / time.Duration(kills)) // somewhere in that
		} else { // the key is kept, the settings perhaps not
			for deadline := time.Now().Add(cleanAtLast); !keyKept(dir) && time.Now().Before(deadline); {
				time.Sleep(100 * time.Microsecond)
			}
		}
		p.kill()
		told := toldKey(t, dir)
		switch {
		case told == "" && !keyKept(dir):
			none++
		case told == "":
			half++
		case keyKept(dir):
			whole++
		default:
			t.Fatalf("kill %d: the settings tell of a key %s that is nowhere", n, told)
		}
		p, online := signIn(dir)
		if now := wait(online); told != "" && now != told {
			t.Fatalf("kill %d: the key was %s and is %s", n, told, now)
		}
		p.kill()
	}
	t.Logf("%d kills: %d before there was a key, %d with one that nothing tells of, %d when all was kept", kills, none, half, whole)
}

// keyKept tells whether there is a key in the keyring of the program in dir.
func keyKept(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "secrets", "*-key"))
	return len(files) > 0
}

// toldKey is the fingerprint that the settings of the program in dir tell; "" for none.
func toldKey(t *testing.T, dir string) string {
	t.Helper()
	kept, err := store.Open(filepath.Join(dir, "settings"))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if kept.Damaged() != "" {
		t.Fatal("the settings are damaged")
	}
	for _, a := range kept.Settings().Accounts {
		return a.Fingerprint
	}
	return ""
}
