package session

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

// monkeyRuns is how many random stories are played; SOTTO_MONKEY asks for more of them.
const monkeyRuns = 12

// Two people do at random everything that a person can do, on a network that loses and cuts and a server that says what it likes. Whatever
// happens: what was to be private is never on the wire, no text comes twice by itself, and in the end nothing is stuck.
func TestMonkey(t *testing.T) {
	runs := monkeyRuns
	if n, err := strconv.Atoi(os.Getenv("SOTTO_MONKEY")); err == nil {
		runs = n
	}
	for seed := range uint64(runs) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { monkey(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

const monkeySteps = 150

func monkey(t *testing.T, random *rand.Rand) {
	h, a, b := friends(t)
	people := []*person{a, b}
	private := map[string]bool{} // texts that were to be private
	again := map[string]bool{}   // texts that the person has sent again
	loss := 0
	network := rand.New(rand.NewPCG(random.Uint64(), 2)) // used under the hub's lock
	h.tamper = func(*xmpp.Message) bool { return network.IntN(100) >= loss }
	var story []string
	type view struct {
		contact Contact
		entries []Entry
		run     SMP
	}
	for range monkeySteps {
		synctest.Wait()
		for _, p := range people {
			p.hearing() // see pass
		}
		var views [2]view // both act on what they see before either does
		for i, p := range people {
			views[i] = view{p.contact(people[1-i]), slices.Collect(maps.Values(p.entries)), p.run()}
			slices.SortFunc(views[i].entries, func(x, y Entry) int { return cmp.Compare(x.ID, y.ID) })
		}
		for _, i := range random.Perm(2)[:1+random.IntN(2)] {
			p, other := people[i], people[1-i]
			r := p.ref(other)
			c := views[i].contact
			action := random.IntN(26)
			story = append(story, fmt.Sprint(p.jid[:3], action))
			switch action {
			case 0, 1, 2, 3, 4:
				x := canary()
				if _, err := p.session.Send(r, x, c.SendMode); err == nil && c.SendMode != SendUnencrypted {
					private[x] = true
				}
			case 5:
				p.session.StartPrivate(r)
			case 6:
				p.session.EndPrivate(r)
			case 7:
				p.session.SetPolicy(r, Policy(random.IntN(5)))
			case 8:
				p.session.SetPolicy(r, Require)
			case 9:
				p.session.ContinueUnencrypted(r)
			case 10:
				p.session.Opened(r)
			case 11:
				h.mu.Lock()
				loss = []int{0, 0, 0, 10, 50, 100}[random.IntN(6)]
				h.mu.Unlock()
			case 12:
				h.cut(p.jid, xmpp.Unreachable)
			case 13:
				p.session.Disconnect(p.jid)
			case 14:
				p.session.Connect(p.jid)
			case 15:
				if c.Key != nil {
					p.session.Ask(r, *c.Key, "which?", []byte{byte(random.IntN(2))})
				}
			case 16:
				if c.Key != nil {
					p.session.Share(r, *c.Key, []byte{byte(random.IntN(2))})
				}
			case 17:
				p.session.Answer(r, views[i].run.Number, []byte{byte(random.IntN(2))})
			case 18:
				p.session.CancelSMP(r)
			case 19:
				if len(c.Keys) > 0 {
					p.session.SetVerified(r, c.Keys[random.IntN(len(c.Keys))].Fingerprint, random.IntN(2) == 0)
				}
			case 20, 21:
				if len(views[i].entries) > 0 {
					e := views[i].entries[random.IntN(len(views[i].entries))]
					if e.Kind == Outgoing && action == 20 && (e.Status == StatusFailed || e.Status == StatusUnconfirmed) {
						again[e.Text] = true
						p.session.Retry(r, e.ID)
					} else if action == 21 && e.Kind == Outgoing {
						p.session.Discard(r, e.ID)
					}
				}
			case 22:
				if c.KeyChange != nil {
					p.session.Decide(r, c.KeyChange.New.Fingerprint, KeyDecision(random.IntN(2)))
				}
			case 23:
				bodies := []string{"?OTRv3?", "?OTR Error: oh", "hello \t  \t\t\t\t \t \t \t    \t\t  \t\t", "?OTR:AAMD.", "?OTR|00001234|00000000,1,2,?OTR:AAMC,"}
				h.inject(p.jid, &xmpp.Message{ID: xmpp.NewID(), From: jid.MustParse(other.jid + "/phone"), Type: xmpp.Chat, Body: bodies[random.IntN(len(bodies))]})
			case 24:
				h.inject(p.jid, &xmpp.RosterPush{Item: xmpp.RosterItem{JID: jid.MustParse(other.jid), Subscription: []string{"remove", "none", "both"}[random.IntN(3)]}})
			case 25:
				h.inject(p.jid, &xmpp.RosterPush{Item: xmpp.RosterItem{JID: jid.MustParse(other.jid), Subscription: "both"}})
			}
		}
		if random.IntN(4) == 0 {
			pass(time.Duration(random.IntN(30)) * time.Second)
		}
	}
	pass(10 * time.Minute)
	for i, p := range people {
		c := p.contact(people[1-i])
		if c.Starting {
			t.Errorf("%s is starting for ever: %v", p.jid, story)
		}
		if run := p.run(); run.Number > 0 && (run.Stage == SMPWaiting || run.Stage == SMPNeedsAnswer) {
			t.Errorf("%s verifies for ever: %v", p.jid, story)
		}
		times := map[string]int{}
		for _, l := range p.heard() {
			if i := strings.Index(l, "canary"); i >= 0 {
				times[l[i:]]++
			}
		}
		for x, n := range times {
			if n > 1 && !again[x] {
				t.Errorf("%s heard %q %d times: %v", p.jid, x, n, story)
			}
		}
	}
	// When all is well again, two people can talk.
	h.mu.Lock()
	loss = 0
	h.mu.Unlock()
	for _, p := range people {
		p.session.Connect(p.jid)
		synctest.Wait()
		h.cut(p.jid, xmpp.Unreachable) // who comes back is told who is there
	}
	pass(time.Minute)
	for i, p := range people {
		p.session.Connect(p.jid)
		pass(time.Second)
		p.session.SetPolicy(p.ref(people[1-i]), Require)
	}
	pass(5 * time.Minute)
	for i, p := range people {
		if c := p.contact(people[1-i]); c.Lock == FinishedLock {
			p.session.StartPrivate(c.Ref)
			pass(time.Minute)
		}
		if c := p.contact(people[1-i]); c.KeyChange != nil {
			p.session.Decide(c.Ref, c.KeyChange.New.Fingerprint, UseUnverified)
			pass(time.Minute)
		}
		x := canary()
		if c := p.contact(people[1-i]); c.SendMode == SendBlocked || c.SendMode == SendUnencrypted {
			t.Errorf("%s cannot write: %+v\n%v", p.jid, c, story)
			continue
		}
		id := p.say(people[1-i], x)
		private[x] = true
		pass(3 * time.Minute)
		if e := p.entries[id]; e.Status == StatusFailed || e.Status == StatusUnconfirmed {
			p.session.Retry(p.ref(people[1-i]), id) // it was for a session that the other side had lost
			pass(3 * time.Minute)
		}
		if !people[1-i].heardText(x) {
			t.Errorf("%s is not heard: %+v %+v\n%s\n\n%s\n%v", p.jid, p.contact(people[1-i]), people[1-i].contact(p), strings.Join(p.lines(), "\n"), strings.Join(people[1-i].lines(), "\n"), story)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.wire {
		if private[m.Body] {
			t.Errorf("on the wire: %q: %v", m.Body, story)
		}
		for x := range private {
			if strings.Contains(m.Body, x) {
				t.Errorf("on the wire: %q: %v", m.Body, story)
			}
		}
	}
}
