package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

// ---- what the server in memory does for block.go, password.go and presence.go

func (l *hubLine) Learn(p *xmpp.Presence) *xmpp.Software {
	if s, ok := l.hub.software[p.From.String()]; ok {
		s.From = p.From
		return &s
	}
	return nil
}

func (l *hubLine) Blocked(context.Context) ([]jid.JID, error) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if l.hub.noBlocking {
		return nil, &xmpp.StanzaError{Type: "cancel", Condition: "service-unavailable"}
	}
	var all []jid.JID
	for name := range l.owner.blocked {
		all = append(all, jid.MustParse(name))
	}
	return all, nil
}

func (l *hubLine) Block(_ context.Context, address jid.JID) error {
	return l.setBlocked(address, true)
}

func (l *hubLine) Unblock(_ context.Context, address jid.JID) error {
	return l.setBlocked(address, false)
}

func (l *hubLine) setBlocked(address jid.JID, blocked bool) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if l.hub.noBlocking {
		return &xmpp.StanzaError{Type: "cancel", Condition: "service-unavailable"}
	}
	if l.owner.blocked == nil {
		l.owner.blocked = map[string]bool{}
	}
	l.owner.blocked[address.String()] = blocked
	push := &xmpp.BlockPush{Blocked: []jid.JID{address}}
	if !blocked {
		delete(l.owner.blocked, address.String())
		push = &xmpp.BlockPush{Unblocked: []jid.JID{address}}
	}
	for _, o := range l.owner.lines {
		o.in <- push
	}
	return nil
}

func (l *hubLine) ChangePassword(_ context.Context, password []byte) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if l.hub.taskError != nil {
		return l.hub.taskError
	}
	l.owner.password = string(password)
	return nil
}

func (l *hubLine) DeleteAccount(context.Context) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if l.hub.taskError != nil {
		return l.hub.taskError
	}
	delete(l.hub.users, l.full.Bare().String())
	l.hub.end(l, &xmpp.Error{Kind: xmpp.AccountRefused})
	return nil
}

// byHand are friends whose texts go out in clear.
func byHand(t *testing.T) (*hub, *person, *person) {
	t.Helper()
	h, a, b := friends(t)
	a.session.SetAccountPolicy(a.jid, ByHand)
	b.session.SetAccountPolicy(b.jid, ByHand)
	synctest.Wait()
	return h, a, b
}

// blockedOf is the last that somebody was told of who is blocked.
func (p *person) blockedOf() BlockedChanged {
	var last BlockedChanged
	for _, e := range p.events {
		if b, ok := e.(BlockedChanged); ok {
			last = b
		}
	}
	return last
}

func TestBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		if err := a.session.Block(a.ref(b)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := a.blockedOf(); !reflect.DeepEqual(got, BlockedChanged{Account: a.jid, Addresses: []string{b.jid}, CanBlock: true}) {
			t.Errorf("told %+v", got)
		}
		c := a.contact(b)
		if !c.Blocked || c.SendMode != SendBlocked || c.Lock != NotPrivate || c.Presence != PresenceOffline {
			t.Errorf("blocked contact: %+v", c)
		}
		if !b.has(NoticePeerEnded) {
			t.Errorf("the private conversation did not end politely: %q", b.lines())
		}
		if _, err := a.session.Send(a.ref(b), "x", SendWhenPrivate); err == nil {
			t.Error("sent to a blocked contact")
		}
		// What comes all the same, from a server that does not care, is not shown and not answered.
		sent, lines := len(h.sent(a.jid)), len(a.lines())
		bob := jid.MustParse(b.jid + "/r")
		for _, e := range []xmpp.Event{
			&xmpp.Message{ID: "1", From: bob, To: jid.MustParse(a.jid), Type: xmpp.Chat, Body: "hello"},
			&xmpp.Message{ID: "2", From: bob, To: jid.MustParse(a.jid), Type: xmpp.Chat, Body: "?OTRv3?"},
			&xmpp.Presence{From: bob}, &xmpp.Presence{From: bob.Bare(), Type: xmpp.Subscribe},
		} {
			h.inject(a.jid, e)
		}
		synctest.Wait()
		if len(a.lines()) != lines || len(h.sent(a.jid)) != sent || a.contact(b).Presence != PresenceOffline {
			t.Errorf("a blocked contact got through: %q", a.lines())
		}
		// It is the server that remembers.
		a.restart()
		if !a.contact(b).Blocked {
			t.Error("not blocked after a restart")
		}
		if err := a.session.Unblock(a.ref(b)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if a.contact(b).Blocked || len(a.blockedOf().Addresses) != 0 {
			t.Errorf("still blocked: %+v", a.blockedOf())
		}
		b.session.Opened(b.ref(a))
		pass(time.Minute)
		if a.contact(b).SendMode == SendBlocked {
			t.Errorf("cannot write to who is not blocked any more: %+v", a.contact(b))
		}
	})
}

func TestBlockARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, _ := friends(t)
		mallory := jid.MustParse("mallory@evil.test")
		h.inject(a.jid, &xmpp.Presence{From: mallory, Type: xmpp.Subscribe, Status: " buy\x00 this \n" + strings.Repeat("x", 3000)})
		synctest.Wait()
		c := a.contacts[mallory.String()]
		if !c.Wants || !strings.HasPrefix(c.Request, "buy this \nxxx") || len(c.Request) > maxRequest {
			t.Fatalf("request of %d bytes: %.40q", len(c.Request), c.Request)
		}
		if err := a.session.Block(Ref{a.jid, mallory.String()}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, there := a.contacts[mallory.String()]; there {
			t.Error("the request is still there")
		}
		if p := h.seen[len(h.seen)-1]; p.Type != xmpp.Unsubscribed || !p.To.Equal(mallory) {
			t.Errorf("the request was not declined: %+v", p)
		}
		// Another of our clients, or the server's own page, lifts all blocks at once.
		h.inject(a.jid, &xmpp.BlockPush{Cleared: true})
		synctest.Wait()
		if got := a.blockedOf().Addresses; len(got) != 0 {
			t.Errorf("still blocked: %q", got)
		}
		// A domain counts for everybody in it.
		h.inject(a.jid, &xmpp.BlockPush{Blocked: []jid.JID{jid.MustParse("evil.test")}})
		h.inject(a.jid, &xmpp.Presence{From: mallory, Type: xmpp.Subscribe})
		h.inject(a.jid, &xmpp.Message{From: mallory, To: jid.MustParse(a.jid), Type: xmpp.Chat, Body: "hello"})
		synctest.Wait()
		if _, there := a.contacts[mallory.String()]; there {
			t.Error("somebody of a blocked domain got through")
		}
	})
}

func TestBlockWhereTheServerCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "bob@sotto.test")
		h.noBlocking = true
		h.befriend("alice@sotto.test", "bob@sotto.test")
		a, b := newPerson(t, h, "alice@sotto.test"), newPerson(t, h, "bob@sotto.test")
		synctest.Wait()
		if a.blockedOf().CanBlock {
			t.Error("the server is said to block")
		}
		if err := a.session.Block(a.ref(b)); err != ErrCannotBlock {
			t.Errorf("got %v", err)
		}
		if err := a.session.Block(Ref{"nobody@sotto.test", b.jid}); err != ErrUnknown {
			t.Errorf("got %v", err)
		}
		if a.contact(b).Blocked {
			t.Error("blocked all the same")
		}
	})
}

func TestBlockWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.Disconnect(a.jid)
		synctest.Wait()
		if err := a.session.Block(a.ref(b)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(h.users[a.jid].blocked) != 0 {
			t.Error("blocked without a connection")
		}
		a.session.Connect(a.jid)
		synctest.Wait()
		if !h.users[a.jid].blocked[b.jid] || !a.contact(b).Blocked {
			t.Errorf("not blocked: %v", h.users[a.jid].blocked)
		}
	})
}

func TestRequestBoxAcceptsWhoOnlyWrote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, _ := friends(t)
		h.users["carol@sotto.test"] = &hubUser{password: "secret of carol@sotto.test", roster: map[string]*xmpp.RosterItem{}, lines: map[string]*hubLine{}}
		carol := jid.MustParse("carol@sotto.test/r")
		write := func(text string) {
			h.inject(a.jid, &xmpp.Message{ID: text, From: carol, To: jid.MustParse(a.jid), Type: xmpp.Chat, Body: text, WantReceipt: true, State: xmpp.Composing})
			synctest.Wait()
		}
		write("hello")
		r := Ref{a.jid, "carol@sotto.test"}
		if c := a.contacts[r.Contact]; c.OnRoster || c.Wants || c.Unread != 1 || c.Typing != TypingNothing {
			t.Fatalf("a stranger who wrote: %+v", c)
		}
		seen, wire := len(h.seen), len(h.wire)
		a.session.Decline(r)
		synctest.Wait()
		if _, there := a.contacts[r.Contact]; there || len(h.seen) != seen || len(h.wire) != wire {
			t.Errorf("declined: %v there, %v, %v", there, h.seen[seen:], h.wire[wire:])
		}
		write("hello again")
		a.session.Accept(r)
		synctest.Wait()
		if c := a.contacts[r.Contact]; !c.OnRoster || !c.Asked {
			t.Errorf("accepted: %+v", c)
		}
	})
}

func TestIntroduce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "bob@sotto.test")
		a, b := newPerson(t, h, "alice@sotto.test"), newPerson(t, h, "bob@sotto.test")
		if _, err := a.session.Introduce(a.jid, b.jid, "Bob", " It's\x00 me,\nAlice <3 "); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if c := b.contact(a); !c.Wants || c.Request != "It's me,\nAlice <3" {
			t.Errorf("Bob reads %q", c.Request)
		}
		b.session.Accept(b.ref(a))
		synctest.Wait()
		if c := b.contact(a); c.Wants || c.Request != "" || !c.OnRoster {
			t.Errorf("accepted: %+v", c)
		}
	})
}

func TestPresenceOfOurOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		told := func() (Presence, string) { return a.accounts[a.jid].Presence, a.accounts[a.jid].Status }
		a.session.SetPresence(a.jid, PresenceAway, "  tea\n& <scones> ")
		synctest.Wait()
		if p, s := told(); p != PresenceAway || s != "tea & <scones>" {
			t.Errorf("told %v %q", p, s)
		}
		last := func() xmpp.Presence {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.seen[len(h.seen)-1]
		}
		if p := last(); p.Show != "away" || p.Status != "tea & <scones>" {
			t.Errorf("sent %+v", p)
		}
		n := len(h.seen)
		a.session.SetPresence(a.jid, PresenceAway, "tea & <scones>")
		a.session.SetPresence(a.jid, PresenceOffline, "")
		synctest.Wait()
		if len(h.seen) != n {
			t.Error("said twice")
		}
		a.restart()
		if p, s := told(); p != PresenceAway || s != "tea & <scones>" || h.presence.Show != "away" || len(h.seen) != n {
			t.Errorf("after a restart %v %q, signed in with %+v", p, s, h.presence)
		}
		a.session.SetPresence(a.jid, PresenceInvisible, "hidden")
		synctest.Wait()
		if p := last(); p.Type != xmpp.Unavailable || p.Status != "" {
			t.Errorf("invisible: %+v", p)
		}
		// Nobody is seen, and nobody is believed to be away for that reason.
		c := a.contact(b)
		if c.Presence != PresenceOffline || len(c.Resources) != 0 {
			t.Errorf("seen: %+v", c)
		}
		a.session.SetAccountPolicy(a.jid, ByHand)
		b.session.SetAccountPolicy(b.jid, ByHand)
		synctest.Wait()
		a.say(b, "from the dark")
		if got := b.heard(); !slices.Equal(got, []string{"< clear from the dark"}) {
			t.Errorf("heard %q", got)
		}
		// Nothing gives us away by itself.
		n = len(h.wire)
		bob := jid.MustParse(b.jid + "/x")
		h.inject(a.jid, &xmpp.Message{ID: "r", From: bob, To: jid.MustParse(a.jid), Type: xmpp.Chat, Body: "there?", WantReceipt: true})
		h.inject(a.jid, &xmpp.Message{ID: "q", From: bob, To: jid.MustParse(a.jid), Type: xmpp.Chat, Body: "?OTRv3?"})
		synctest.Wait()
		for _, m := range h.wire[n:] {
			t.Errorf("an invisible person sent %+v", m)
		}
		if got := a.heard(); len(got) != 1 {
			t.Errorf("heard %q", got)
		}
		// What the person begins goes on.
		a.session.StartPrivate(a.ref(b))
		pass(time.Second)
		if got := a.contact(b).Lock; got != Unverified {
			t.Errorf("a private conversation that we began: %v", got)
		}
		a.restart()
		if h.presence.Type != xmpp.Unavailable || h.presence.Status != "" {
			t.Errorf("signed in with %+v", h.presence)
		}
	})
}

func TestResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		h.software = map[string]xmpp.Software{b.jid + "/phone": {Name: "Talker\u202e", Device: "phone"}}
		b.session.Disconnect(b.jid)
		synctest.Wait()
		from := func(resource string) jid.JID { return jid.MustParse(b.jid + "/" + resource) }
		h.inject(a.jid, &xmpp.Presence{From: from("phone"), Show: "away", Status: "on\nthe move", Priority: 5})
		h.inject(a.jid, &xmpp.Presence{From: from("desk"), Show: "dnd", Priority: -1})
		synctest.Wait()
		h.inject(a.jid, &xmpp.Software{From: from("desk"), Name: "Writer", Device: "pc"})
		h.inject(a.jid, &xmpp.Software{From: from("gone"), Name: "Ghost"})
		synctest.Wait()
		want := []Resource{{"desk", PresenceBusy, "", -1, "Writer", "pc"}, {"phone", PresenceAway, "on the move", 5, "Talker", "phone"}}
		if got := a.contact(b); !reflect.DeepEqual(got.Resources, want) || got.Resource != "phone" || got.Presence != PresenceAway {
			t.Errorf("got %+v", got)
		}
		h.inject(a.jid, &xmpp.Presence{From: from("desk"), Priority: 9}) // it is still the same program
		h.inject(a.jid, &xmpp.Presence{From: from("phone"), Type: xmpp.Unavailable})
		synctest.Wait()
		if got := a.contact(b); !reflect.DeepEqual(got.Resources, []Resource{{"desk", PresenceOnline, "", 9, "Writer", "pc"}}) {
			t.Errorf("got %+v", got.Resources)
		}
	})
}

func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.Rename(a.ref(b), "Bob")
		a.session.SetGroups(a.ref(b), []string{"work\n", "friends", "work", "", strings.Repeat("é", 100)})
		synctest.Wait()
		long := strings.Repeat("é", maxGroup/2)
		want := []string{"friends", "work", long}
		if got := a.contact(b); !reflect.DeepEqual(got.Groups, want) || got.Name != "Bob" {
			t.Errorf("got %q %q", got.Name, got.Groups)
		}
		if item := h.users[a.jid].roster[b.jid]; !reflect.DeepEqual(item.Groups, want) || item.Name != "Bob" {
			t.Errorf("the server has %+v", item)
		}
		a.session.Rename(a.ref(b), "Robert")
		synctest.Wait()
		if got := a.contact(b).Groups; !reflect.DeepEqual(got, want) {
			t.Errorf("renaming lost the groups: %q", got)
		}
		// What comes from the server is bounded as well.
		many := make([]string, 100)
		for i := range many {
			many[i] = fmt.Sprintf("group %03d", i)
		}
		h.inject(a.jid, &xmpp.RosterPush{Item: xmpp.RosterItem{JID: jid.MustParse(b.jid), Subscription: "both", Groups: append(many, "a\u202eb")}})
		synctest.Wait()
		if got := a.contact(b).Groups; len(got) != maxGroups {
			t.Errorf("%d groups", len(got))
		}
	})
}

// states are the chat states that somebody has sent, each with the body that it came with.
func (h *hub) states(from string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := map[xmpp.ChatState]string{xmpp.Active: "active", xmpp.Composing: "composing", xmpp.Paused: "paused"}
	var all []string
	for _, m := range h.wire {
		if m.From.Bare().String() == from && m.State != xmpp.NoChatState {
			all = append(all, strings.TrimSpace(names[m.State]+" "+m.Body))
		}
	}
	return all
}

func TestTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := byHand(t)
		a.session.Typing(a.ref(b)) // nobody knows yet whether Bob's program wants to know
		synctest.Wait()
		if got := h.states(a.jid); len(got) != 0 {
			t.Errorf("told %q", got)
		}
		b.say(a, "hello") // with a state: it does
		a.session.Typing(a.ref(b))
		a.session.Typing(a.ref(b))
		synctest.Wait()
		if b.contact(a).Typing != TypingNow {
			t.Errorf("Bob sees %v", b.contact(a).Typing)
		}
		pass(pausesAfter + time.Second)
		if b.contact(a).Typing != TypingPaused {
			t.Errorf("Bob sees %v", b.contact(a).Typing)
		}
		a.session.Typing(a.ref(b))
		synctest.Wait()
		a.session.StoppedTyping(a.ref(b))
		a.session.StoppedTyping(a.ref(b))
		synctest.Wait()
		if b.contact(a).Typing != TypingNothing {
			t.Errorf("Bob sees %v", b.contact(a).Typing)
		}
		a.session.Typing(a.ref(b))
		synctest.Wait()
		a.say(b, "hi")
		if b.contact(a).Typing != TypingNothing {
			t.Errorf("Bob sees %v", b.contact(a).Typing)
		}
		pass(2 * pausesAfter)
		if got, want := h.states(a.jid), []string{"composing", "paused", "composing", "active", "composing", "active hi"}; !slices.Equal(got, want) {
			t.Errorf("sent %q", got)
		}
		// Nobody writes for ever, and not after they have gone.
		h.inject(a.jid, &xmpp.Message{From: jid.MustParse(b.jid + "/x"), Type: xmpp.Chat, State: xmpp.Composing})
		synctest.Wait()
		if a.contact(b).Typing != TypingNow {
			t.Errorf("Alice sees %v", a.contact(b).Typing)
		}
		pass(typingLatest + time.Second)
		if a.contact(b).Typing != TypingNothing {
			t.Errorf("Alice sees %v", a.contact(b).Typing)
		}
		h.inject(a.jid, &xmpp.Message{From: jid.MustParse(b.jid + "/x"), Type: xmpp.Chat, State: xmpp.Gone})
		synctest.Wait()
		if a.contact(b).Typing != TypingGone {
			t.Errorf("Alice sees %v", a.contact(b).Typing)
		}
		b.session.Disconnect(b.jid)
		synctest.Wait()
		if a.contact(b).Typing != TypingNothing {
			t.Errorf("Alice sees %v", a.contact(b).Typing)
		}
	})
}

// P-16: in private conversations nobody is told that somebody is typing, unless the person wants that; and strangers never.
func TestP16TypingIsPrivate(t *testing.T) {
	for _, test := range []struct {
		name   string
		policy TypingPolicy
		clear  bool
		told   bool
	}{
		{"private", TypingInClear, false, false},
		{"private, to all", TypingToAll, false, true},
		{"private, to nobody", TypingToNobody, false, false},
		{"clear", TypingInClear, true, true},
		{"clear, to all", TypingToAll, true, true},
		{"clear, to nobody", TypingToNobody, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := friends(t)
				if test.clear {
					a.session.SetAccountPolicy(a.jid, ByHand)
				} else {
					a.session.Opened(a.ref(b))
				}
				a.session.SetTypingPolicy(a.jid, test.policy)
				h.inject(a.jid, &xmpp.Message{From: jid.MustParse(b.jid + "/x"), Type: xmpp.Chat, State: xmpp.Active})
				synctest.Wait()
				if got := a.accounts[a.jid].Typing; got != test.policy {
					t.Errorf("the account says %v", got)
				}
				a.session.Typing(a.ref(b))
				synctest.Wait()
				text := canary()
				a.say(b, text)
				got := h.states(a.jid)
				if told := len(got) == 2 && got[0] == "composing"; told != test.told || !told && len(got) != 0 {
					t.Errorf("sent %.80q", got)
				}
				if !test.clear {
					h.assertSecret(t, text)
				}
			})
		})
	}
	t.Run("without seeing us", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHub("alice@sotto.test", "bob@sotto.test")
			h.users["alice@sotto.test"].roster["bob@sotto.test"] = &xmpp.RosterItem{JID: jid.MustParse("bob@sotto.test"), Subscription: "to"}
			h.users["bob@sotto.test"].roster["alice@sotto.test"] = &xmpp.RosterItem{JID: jid.MustParse("alice@sotto.test"), Subscription: "from"}
			a, b := newPerson(t, h, "alice@sotto.test"), newPerson(t, h, "bob@sotto.test")
			a.session.SetAccountPolicy(a.jid, ByHand)
			a.session.SetTypingPolicy(a.jid, TypingToAll)
			h.inject(a.jid, &xmpp.Message{From: jid.MustParse(b.jid + "/x"), Type: xmpp.Chat, State: xmpp.Active})
			synctest.Wait()
			a.session.Typing(a.ref(b))
			a.say(b, "text")
			if got := h.states(a.jid); len(got) != 0 {
				t.Errorf("sent %q", got)
			}
		})
	})
}

// While nobody touches the computer, whoever looked present looks away; any other presence was chosen, and stays.
func TestIdle(t *testing.T) {
	for chosen, want := range map[Presence]string{PresenceOnline: "away", PresenceChatty: "away", PresenceBusy: "dnd", PresenceLongAway: "xa", PresenceAway: "away"} {
		synctest.Test(t, func(t *testing.T) {
			h, a, _ := friends(t)
			last := func() xmpp.Presence {
				h.mu.Lock()
				defer h.mu.Unlock()
				return h.seen[len(h.seen)-1]
			}
			a.session.SetPresence(a.jid, PresenceInvisible, "tea") // so that what follows is told
			a.session.SetPresence(a.jid, chosen, "tea")
			synctest.Wait()
			before := last()
			n := len(h.seen)
			a.session.SetIdle(true)
			a.session.SetIdle(true)
			synctest.Wait()
			if p := last(); p.Show != want || p.Status != "tea" || a.accounts[a.jid].Presence != chosen {
				t.Errorf("%v: shown as %+v, chosen %v", chosen, p, a.accounts[a.jid].Presence)
			}
			if told := len(h.seen) - n; told > 1 || told == 1 && before.Show == want {
				t.Errorf("%v: told %d times", chosen, told)
			}
			a.session.SetIdle(false)
			synctest.Wait()
			if p := last(); p.Show != before.Show {
				t.Errorf("%v: back as %+v", chosen, p)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		h, a, _ := friends(t)
		a.session.Disconnect(a.jid)
		synctest.Wait()
		a.session.SetIdle(true)
		a.session.Connect(a.jid)
		pass(time.Minute)
		if h.presence.Show != "away" || a.accounts[a.jid].Presence != PresenceOnline {
			t.Errorf("signed in while idle as %+v", h.presence)
		}
		a.restart()
		pass(time.Minute)
		if h.presence.Show != "" {
			t.Errorf("after a restart still %+v", h.presence)
		}
	})
}

// Nobody is told that a message has arrived where the person does not want it, and it is so after a restart too.
func TestReceiptsByChoice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetAccountPolicy(a.jid, ByHand)
		from := jid.MustParse(b.jid + "/x")
		receipts := func(id string) (n int) {
			h.inject(a.jid, &xmpp.Message{ID: id, From: from, To: jid.MustParse(a.jid), Type: xmpp.Chat, Body: id, WantReceipt: true})
			synctest.Wait()
			for _, m := range h.wire {
				if m.Receipt == id {
					n++
				}
			}
			return n
		}
		if n := receipts("first"); n != 1 {
			t.Errorf("%d receipts before the choice", n)
		}
		a.session.SetReceipts(a.jid, false)
		synctest.Wait()
		if n := receipts("second"); n != 0 || !a.accounts[a.jid].NoReceipts {
			t.Errorf("%d receipts, %+v", n, a.accounts[a.jid])
		}
		a.restart()
		pass(time.Minute)
		if n := receipts("third"); n != 0 || !a.accounts[a.jid].NoReceipts {
			t.Errorf("after a restart: %d receipts", n)
		}
		a.session.SetReceipts(a.jid, true)
		synctest.Wait()
		if n := receipts("fourth"); n != 1 {
			t.Errorf("%d receipts after it was taken back", n)
		}
	})
}

func TestQuietIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := friends(t)
		a.session.SetQuiet(a.ref(b), true)
		synctest.Wait()
		if !a.contact(b).Quiet {
			t.Error("not quiet")
		}
		a.restart()
		pass(time.Minute)
		if !a.contact(b).Quiet {
			t.Error("not quiet after a restart")
		}
		a.session.SetQuiet(a.ref(b), false)
		synctest.Wait()
		if a.contact(b).Quiet {
			t.Error("still quiet")
		}
	})
}

func (p *person) tasks() []AccountTask {
	var all []AccountTask
	for _, e := range p.events {
		if t, ok := e.(AccountTaskChanged); ok {
			all = append(all, t.Task)
		}
	}
	return all
}

func TestChangePassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, _ := friends(t)
		h.taskError = &xmpp.StanzaError{Type: "modify", Condition: "not-acceptable", Text: "too weak"}
		if err := a.session.ChangePassword(a.jid, []byte("1234")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.taskError = errors.New("nobody answers")
		a.session.ChangePassword(a.jid, []byte("5678"))
		synctest.Wait()
		h.taskError = nil
		a.session.ChangePassword(a.jid, []byte("a new one"))
		synctest.Wait()
		want := []AccountTask{{JID: a.jid, Kind: ChangingPassword}, {a.jid, ChangingPassword, TaskFailed, WhyRefused, "too weak"},
			{JID: a.jid, Kind: ChangingPassword}, {a.jid, ChangingPassword, TaskUnsure, WhyOther, ""},
			{JID: a.jid, Kind: ChangingPassword}, {JID: a.jid, Kind: ChangingPassword, Stage: TaskDone}}
		if got := a.tasks(); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v", got)
		}
		h.cut(a.jid, xmpp.Unreachable) // the next signing in uses it
		pass(time.Minute)
		if got := a.accounts[a.jid]; got.State != Online {
			t.Errorf("after the line broke: %+v", got)
		}
		a.restart() // and it is in the keyring
		if got := a.accounts[a.jid]; got.State != Online || h.passwords[len(h.passwords)-1] != "a new one" {
			t.Errorf("after a restart: %+v", got)
		}
		if err := a.session.ChangePassword(a.jid, nil); err != ErrEmpty {
			t.Errorf("no password: %v", err)
		}
		if err := a.session.ChangePassword("nobody@sotto.test", []byte("x")); err != ErrUnknown {
			t.Errorf("no account: %v", err)
		}
		a.session.Disconnect(a.jid)
		synctest.Wait()
		if err := a.session.ChangePassword(a.jid, []byte("x")); err != ErrNotOnline {
			t.Errorf("offline: %v", err)
		}
	})
}

func TestDeleteAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		h.taskError = &xmpp.StanzaError{Type: "cancel", Condition: "not-allowed"}
		a.session.DeleteAccount(a.jid)
		synctest.Wait()
		if got := a.accounts[a.jid]; got.State != Online || h.users[a.jid] == nil {
			t.Errorf("after a refusal: %+v", got)
		}
		h.taskError = nil
		a.session.DeleteAccount(a.jid)
		pass(time.Minute)
		if _, there := a.accounts[a.jid]; there || h.users[a.jid] != nil || len(a.store.Settings().Accounts) != 0 || len(a.keyring.(keyringDouble)) != 0 {
			t.Errorf("it is still there: %+v, %v", a.accounts, a.keyring)
		}
		if !b.has(NoticePeerEnded) {
			t.Error("the private conversation did not end politely")
		}
		got := a.tasks()
		if last := got[len(got)-1]; last.Stage != TaskDone || last.Kind != DeletingAccount {
			t.Errorf("told %+v", got)
		}
	})
}

// Secrets of an account that is online follow the keyring that the person chooses, at once.
func TestKeyringChosenWhileOnline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		a := strangerTo(t, h, "alice@sotto.test")
		a.close()
		a.keyring = keyring.Memory()
		a.open()
		a.session.SignIn(SignIn{Address: a.jid, Password: []byte("secret of " + a.jid)})
		synctest.Wait()
		if got := a.accounts[a.jid]; got.State != Online || got.Kept {
			t.Fatalf("%+v", got)
		}
		lasting := keyringDouble{}
		a.session.UseKeyring(lasting)
		synctest.Wait()
		if got := a.accounts[a.jid]; !got.Kept || got.State != Online || h.dials != 1 || len(lasting) != 2 {
			t.Errorf("%+v after %d sign-ins, %d secrets", got, h.dials, len(lasting))
		}
		a.keyring = lasting
		a.restart()
		if got := a.accounts[a.jid]; got.State != Online {
			t.Errorf("after a restart: %+v", got)
		}
	})
}

func TestSeveralAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("a1@sotto.test", "a2@sotto.test", "a3@sotto.test", "bob@sotto.test")
		accounts := []string{"a1@sotto.test", "a2@sotto.test", "a3@sotto.test"}
		for _, name := range accounts {
			h.befriend(name, "bob@sotto.test")
		}
		a, b := newPerson(t, h, accounts[0]), newPerson(t, h, "bob@sotto.test")
		for _, name := range accounts[1:] {
			a.session.SignIn(SignIn{Address: name, Password: []byte("secret of " + name)})
			synctest.Wait()
		}
		order := func() string {
			places := make([]string, len(accounts))
			for name, account := range a.accounts {
				places[account.Position] = name[:2]
			}
			return strings.Join(places, " ")
		}
		if got := order(); got != "a1 a2 a3" {
			t.Errorf("order %q", got)
		}
		a.session.MoveAccount(accounts[2], 0)
		synctest.Wait()
		a.session.MoveAccount(accounts[1], 99)
		a.session.MoveAccount("nobody@sotto.test", 0)
		synctest.Wait()
		if got := order(); got != "a3 a1 a2" {
			t.Errorf("order %q", got)
		}
		// The same contact is another conversation for each account, with keys of its own.
		seen := map[string]bool{}
		for _, name := range accounts {
			a.session.Opened(Ref{name, b.jid})
			pass(time.Second)
			key := b.contacts[name].Key
			if key == nil || seen[key.String()] {
				t.Errorf("%s: key %v", name, key)
				continue
			}
			seen[key.String()] = true
		}
		a.session.Disable(accounts[0])
		synctest.Wait()
		a.restart()
		if got := order(); got != "a3 a1 a2" {
			t.Errorf("order after a restart %q", got)
		}
		for name, account := range a.accounts {
			if disabled := name == accounts[0]; account.Disabled != disabled || (account.State == Offline) != disabled {
				t.Errorf("%+v", account)
			}
		}
		a.session.Enable(accounts[0])
		synctest.Wait()
		if got := a.accounts[accounts[0]]; got.State != Online || got.Disabled {
			t.Errorf("enabled: %+v", got)
		}
		a.session.RemoveAccount(accounts[2])
		synctest.Wait()
		if secrets := a.keyring.(keyringDouble); len(secrets) != 4 || len(a.store.Settings().Accounts) != 2 {
			t.Errorf("%d secrets, %d accounts kept", len(secrets), len(a.store.Settings().Accounts))
		}
		if a.accounts[accounts[0]].Position != 0 || a.accounts[accounts[1]].Position != 1 {
			pass(time.Second)
			t.Errorf("places %+v", a.accounts)
		}
	})
}

// A verification that begins while nobody knows whether the other side still has the session would wait in vain: it is refused, and a
// fresh session begins for it.
func TestSMPWhileInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := byHand(t)
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		key := a.contact(b).Key
		if key == nil {
			t.Fatal("no private conversation")
		}
		h.cut(b.jid, xmpp.Unreachable)
		pass(time.Minute) // Bob is back, and may have lost it
		if c := a.contact(b); c.SendMode == SendPrivately || c.Lock != Unverified {
			t.Fatalf("no doubt: %+v", c)
		}
		if err := a.session.Ask(a.ref(b), *key, "who?", []byte("me")); err != ErrNotPrivate {
			t.Errorf("asked into the void: %v", err)
		}
		pass(time.Second)
		if err := a.session.Ask(a.ref(b), *key, "who?", []byte("me")); err != nil {
			t.Errorf("a moment later: %v", err)
		}
		synctest.Wait()
		if b.smp.Stage != SMPNeedsAnswer {
			t.Errorf("Bob was not asked: %+v", b.smp)
		}
	})
}

// L: all contacts together begin at most 60 key exchanges a minute.
func TestLKeyExchangesOfAllContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		for i := range 100 {
			name := fmt.Sprintf("c%d@sotto.test", i)
			h.users["alice@sotto.test"].roster[name] = &xmpp.RosterItem{JID: jid.MustParse(name), Subscription: "both"}
		}
		a := newPerson(t, h, "alice@sotto.test")
		round := 0
		flood := func() int {
			round++
			before := len(h.sent(a.jid))
			for i := range 100 {
				from := jid.MustParse(fmt.Sprintf("c%d@sotto.test/r", i))
				h.inject(a.jid, &xmpp.Message{ID: fmt.Sprint(round, " ", i), From: from, To: jid.MustParse(a.jid), Type: xmpp.Chat, Body: "?OTRv3?"})
			}
			synctest.Wait()
			return len(h.sent(a.jid)) - before
		}
		if n := flood(); n != maxBegunInAll {
			t.Errorf("answered %d", n)
		}
		if n := flood(); n != 0 {
			t.Errorf("answered %d more", n)
		}
		pass(61 * time.Second)
		if n := flood(); n == 0 {
			t.Error("answers nobody any more")
		}
	})
}
