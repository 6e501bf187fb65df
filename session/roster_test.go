package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

var bobsPhone = jid.MustParse("bob@sotto.test/phone")

func TestSubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "bob@sotto.test")
		a, b := newPerson(t, h, "alice@sotto.test"), newPerson(t, h, "bob@sotto.test")
		r, err := a.session.AddContact(a.jid, " Bob@sotto.test", "Robert")
		if err != nil || r != a.ref(b) {
			t.Fatal(r, err)
		}
		synctest.Wait()
		if c := a.contact(b); !c.OnRoster || !c.Asked || c.Name != "Robert" || c.Presence != PresenceOffline {
			t.Errorf("%+v", c)
		}
		if c := b.contact(a); c.OnRoster || !c.Wants || c.SendMode != SendBlocked || c.Name != "alice" {
			t.Errorf("%+v", c)
		}
		if !slices.Contains(b.events, Event(Contacted{b.ref(a)})) {
			t.Error("bob was not told")
		}
		b.session.Accept(b.ref(a))
		synctest.Wait()
		if c := b.contact(a); c.Wants || c.Subscription != SubscriptionBoth || c.Presence != PresenceOnline || !c.OnRoster {
			t.Errorf("%+v", c)
		}
		if c := a.contact(b); c.Wants || c.Subscription != SubscriptionBoth || c.Presence != PresenceOnline || c.Asked {
			t.Errorf("%+v", c)
		}
		a.session.Rename(a.ref(b), "Bobby\u202e")
		synctest.Wait()
		if c := a.contact(b); c.Name != "Bobby" || h.users[a.jid].roster[b.jid].Name != "Bobby" {
			t.Errorf("%+v", c)
		}
		b.session.Opened(b.ref(a))
		synctest.Wait()
		a.session.RemoveContact(a.ref(b))
		synctest.Wait()
		if l := b.contact(a).Lock; l != FinishedLock {
			t.Errorf("taken off the list without a goodbye: %d", l)
		}
		if _, there := a.contacts[b.jid]; there || h.users[a.jid].roster[b.jid] != nil {
			t.Errorf("%+v", a.contacts)
		}
	})
}

func TestDecline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "bob@sotto.test")
		a, b := newPerson(t, h, "alice@sotto.test"), newPerson(t, h, "bob@sotto.test")
		a.session.AddContact(a.jid, b.jid, "")
		synctest.Wait()
		b.session.Decline(b.ref(a))
		synctest.Wait()
		if _, there := b.contacts[a.jid]; there {
			t.Errorf("%+v", b.contacts)
		}
		if c := a.contact(b); c.Subscription.sees() || c.Presence != PresenceOffline {
			t.Errorf("%+v", c)
		}
	})
}

func TestAddContactOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "bob@sotto.test")
		a, b := newPerson(t, h, "alice@sotto.test"), newPerson(t, h, "bob@sotto.test")
		a.session.Disconnect(a.jid)
		synctest.Wait()
		if _, err := a.session.AddContact(a.jid, b.jid, ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		a.session.Connect(a.jid)
		synctest.Wait()
		if c := b.contact(a); !c.Wants {
			t.Errorf("the request was lost: %+v", c)
		}
		if c := a.contact(b); !c.OnRoster || !c.Asked {
			t.Errorf("%+v", c)
		}
	})
}

func TestAddContactAtNoServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		a := newPerson(t, h, "alice@sotto.test")
		a.session.AddContact(a.jid, "bob@nowhere.test", "")
		synctest.Wait()
		if c := a.contacts["bob@nowhere.test"]; c.Trouble != WhyUnreachable {
			t.Errorf("%+v", c)
		}
	})
}

func TestX09StrangersGetNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "eve@sotto.test")
		a := newPerson(t, h, "alice@sotto.test")
		eve := jid.MustParse("eve@sotto.test/x")
		presences := len(h.seen)
		for i, m := range []xmpp.Message{
			{Body: "?OTRv3?"},
			{Body: "?OTR:AAMCAAABAQAAAAAAAADEAAAA."},
			{Body: "?OTR Error: hello"},
			{Body: "hello \t  \t\t\t\t \t \t \t    \t\t  \t\t"},
			{Body: "do you have a minute?"},
			{Receipt: "1"},
		} {
			m.ID, m.From, m.WantReceipt = fmt.Sprint(i), eve, m.Body != ""
			m.Type = xmpp.Chat
			h.inject(a.jid, &m)
		}
		for _, p := range []xmpp.PresenceType{xmpp.Unavailable, xmpp.Subscribed, xmpp.Unsubscribe, xmpp.PresenceError, xmpp.Available} {
			h.inject(a.jid, &xmpp.Presence{From: eve, Type: p})
		}
		synctest.Wait()
		if len(h.wire) != 0 || len(h.seen) != presences {
			t.Errorf("a stranger was answered: %+v %+v", h.wire, h.seen[presences:])
		}
		c := a.contacts["eve@sotto.test"]
		if c.OnRoster || c.SendMode != SendBlocked || c.Presence != PresenceOffline {
			t.Errorf("%+v", c)
		}
		if got := a.heard(); !slices.Equal(got, []string{"< forged? hello", "< forged? do you have a minute?"}) {
			t.Errorf("%q", got)
		}
		a.session.Opened(Ref{a.jid, "eve@sotto.test"})
		a.session.StartPrivate(Ref{a.jid, "eve@sotto.test"})
		synctest.Wait()
		if len(h.wire) != 0 {
			t.Errorf("%+v", h.wire)
		}
	})
}

func TestLStrangersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test")
		a := newPerson(t, h, "alice@sotto.test")
		for i := range 3 * maxStrangers {
			for n := range 5 {
				from := jid.MustParse(fmt.Sprintf("eve%d@sotto.test/x", i))
				h.inject(a.jid, &xmpp.Message{ID: fmt.Sprint(n), From: from, Type: xmpp.Chat, Body: strings.Repeat("x", 1000)})
				h.inject(a.jid, &xmpp.Presence{From: from, Type: xmpp.Subscribe})
			}
		}
		synctest.Wait()
		if len(a.contacts) != maxStrangers {
			t.Errorf("%d strangers", len(a.contacts))
		}
		texts := map[string]int{}
		for _, e := range a.entries {
			texts[e.Contact] += len(e.Text)
		}
		for who, n := range texts {
			if n > maxStrangerText {
				t.Errorf("%d bytes of %s", n, who)
			}
		}
	})
}

func TestRosterGoesOnWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.Disconnect(a.jid)
		synctest.Wait()
		h.mu.Lock()
		delete(h.users[a.jid].roster, b.jid)
		h.users[a.jid].roster["carol@sotto.test"] = &xmpp.RosterItem{JID: jid.MustParse("carol@sotto.test"), Subscription: "to", Name: "Carol"}
		h.mu.Unlock()
		a.session.Connect(a.jid)
		synctest.Wait()
		if _, there := a.contacts[b.jid]; there || a.contacts["carol@sotto.test"].Name != "Carol" {
			t.Errorf("%+v", a.contacts)
		}
	})
}

func TestBestClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		presence := func(resource, show string, priority int8, kind xmpp.PresenceType) {
			from, _ := jid.MustParse(b.jid).WithResource(resource)
			h.inject(a.jid, &xmpp.Presence{From: from, Show: show, Priority: priority, Type: kind, Status: "at\u202e " + resource})
			synctest.Wait()
		}
		b.session.Disconnect(b.jid)
		synctest.Wait()
		presence("desk", "dnd", 5, xmpp.Available)
		presence("phone", "away", 5, xmpp.Available)
		presence("tv", "", -1, xmpp.Available)
		if c := a.contact(b); c.Resource != "phone" || c.Presence != PresenceAway || c.Status != "at phone" {
			t.Errorf("%+v", c)
		}
		a.session.SetPolicy(a.ref(b), ByHand)
		h.inject(a.jid, &xmpp.Message{ID: "1", From: jid.MustParse(b.jid + "/tv"), Type: xmpp.Chat, Body: "from the sofa"})
		synctest.Wait()
		if c := a.contact(b); c.Resource != "tv" {
			t.Errorf("not the one heard last: %+v", c)
		}
		presence("tv", "", 0, xmpp.Unavailable)
		presence("phone", "", 0, xmpp.Unavailable)
		if c := a.contact(b); c.Resource != "desk" || c.Presence != PresenceBusy {
			t.Errorf("%+v", c)
		}
		presence("desk", "", 0, xmpp.Unavailable)
		if c := a.contact(b); c.Resource != "" || c.Presence != PresenceOffline {
			t.Errorf("%+v", c)
		}
		for i := range 10 * maxResources {
			presence(fmt.Sprint(i), "chat", 0, xmpp.Available)
		}
		account, _ := a.session.account(a.jid)
		account.ask(func() {
			if n := len(account.conversations[b.jid].resources); n > maxResources {
				t.Errorf("%d clients", n)
			}
		})
	})
}

func TestX06DelayIsShownNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), ByHand)
		now := time.Now()
		for i, at := range []time.Time{now.Add(-time.Hour), time.Unix(0, 0), now.AddDate(99, 0, 0)} {
			h.inject(a.jid, &xmpp.Message{ID: fmt.Sprint(i), From: bobsPhone, Type: xmpp.Chat, Body: fmt.Sprint(i), Delay: at})
		}
		synctest.Wait()
		if got := a.heard(); !slices.Equal(got, []string{"< clear 0", "< clear 1", "< clear 2"}) {
			t.Errorf("%q", got)
		}
		var entries []Entry
		for _, id := range a.order {
			if e := a.entries[id]; e.Kind == Incoming {
				entries = append(entries, e)
			}
		}
		if !entries[0].Delayed || !entries[0].Time.Equal(now.Add(-time.Hour)) || entries[2].Time.After(time.Now()) {
			t.Errorf("%+v", entries)
		}
	})
}

func TestUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		a.say(b, "one")
		a.say(b, "two")
		if n := b.contact(a).Unread; n != 2 {
			t.Errorf("%d unread", n)
		}
		b.session.Opened(b.ref(a))
		synctest.Wait()
		if n := b.contact(a).Unread; n != 0 {
			t.Errorf("%d unread", n)
		}
	})
}

// The server decides who is on the roster, and nothing else: taking a contact off and putting them back is no way to have a verified key
// forgotten, and with it the warning about another one.
func TestS03RosterDoesNotForgetKeys(t *testing.T) {
	for _, how := range []string{"push", "reload"} {
		synctest.Test(t, func(t *testing.T) {
			h, a, b := verified(t)
			a.session.SetAccountPolicy(a.jid, Automatic)
			a.session.SetPolicy(a.ref(b), Require)
			synctest.Wait()
			item := h.users[a.jid].roster[b.jid]
			if how == "push" {
				h.inject(a.jid, &xmpp.RosterPush{Item: xmpp.RosterItem{JID: jid.MustParse(b.jid), Subscription: "remove"}})
				synctest.Wait()
			} else {
				h.mu.Lock()
				delete(h.users[a.jid].roster, b.jid)
				h.mu.Unlock()
				h.cut(a.jid, xmpp.Unreachable)
				pass(3 * time.Second)
			}
			if _, there := a.contacts[b.jid]; there {
				t.Fatalf("%s: still a contact", how)
			}
			h.mu.Lock()
			h.users[a.jid].roster[b.jid] = item
			h.push(a.jid, b.jid)
			h.mu.Unlock()
			synctest.Wait()
			c := a.contact(b)
			if c.Policy != Require || len(c.Keys) != 1 || c.Keys[0].Verified != ByComparison {
				t.Errorf("%s: %+v", how, c)
			}
		})
	}
}

// Who is removed by the person is forgotten.
func TestRemoveContactForgetsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := verified(t)
		a.session.RemoveContact(a.ref(b))
		synctest.Wait()
		if k := a.store.Settings().Accounts[0].Contacts; len(k) != 0 {
			t.Errorf("%+v", k)
		}
	})
}

// refusals are what a server answers to SetContact and RemoveContact; nil: what it is asked for is done.
type refusals struct {
	mu          sync.Mutex
	set, remove error
}

func (r *refusals) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// refusing is a line to such a server.
type refusing struct {
	line
	*refusals
}

func (r refusing) SetContact(ctx context.Context, item xmpp.RosterItem) (err error) {
	if r.change(func() { err = r.set }); err != nil {
		return err
	}
	return r.line.SetContact(ctx, item)
}

func (r refusing) RemoveContact(ctx context.Context, contact jid.JID) (err error) {
	if r.change(func() { err = r.remove }); err != nil {
		return err
	}
	return r.line.RemoveContact(ctx, contact)
}

// refusingPerson is somebody whose server refuses as r says.
func refusingPerson(t *testing.T, h *hub, name string, r *refusals) *person {
	p := strangerTo(t, h, name)
	p.session.config.dial = func(ctx context.Context, c xmpp.Config) (line, error) {
		l, err := h.dial(ctx, c)
		if err != nil {
			return nil, err
		}
		return refusing{l, r}, nil
	}
	p.session.SignIn(SignIn{Address: name, Password: []byte("secret of " + name)})
	synctest.Wait()
	return p
}

// A contact that the server did not take can be added again, and can be removed again.
func TestAddContactRefusedByOurServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "bob@sotto.test")
		r := &refusals{set: &xmpp.StanzaError{Type: "cancel", Condition: "not-allowed"}, remove: &xmpp.StanzaError{Type: "cancel", Condition: "item-not-found"}}
		a := refusingPerson(t, h, "alice@sotto.test", r)
		ref, err := a.session.AddContact(a.jid, "bob@sotto.test", "")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if c := a.contacts["bob@sotto.test"]; c.Trouble != WhyRefused || c.Asked {
			t.Errorf("%+v", c)
		}
		if _, err := a.session.AddContact(a.jid, "bob@sotto.test", ""); err != nil {
			t.Errorf("again: %v", err)
		}
		synctest.Wait()
		a.session.RemoveContact(ref)
		synctest.Wait()
		if c, ok := a.contacts["bob@sotto.test"]; ok {
			t.Errorf("stays for ever: %+v", c)
		}
	})
}

// What the line took away with it is asked for again.
func TestAddContactWhileTheLineBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "bob@sotto.test")
		r := &refusals{set: xmpp.ErrClosed}
		a := refusingPerson(t, h, "alice@sotto.test", r)
		if _, err := a.session.AddContact(a.jid, "bob@sotto.test", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.change(func() { r.set = nil })
		h.cut(a.jid, xmpp.Unreachable)
		pass(5 * time.Second)
		if h.users["alice@sotto.test"].roster["bob@sotto.test"] == nil || len(h.users["bob@sotto.test"].requests) != 1 {
			t.Errorf("%+v; %+v", a.contacts, h.users["bob@sotto.test"].requests)
		}
	})
}

// A contact that is gone is not told of again.
func TestRemovedContactStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "bob@sotto.test")
		h.befriend("alice@sotto.test", "bob@sotto.test")
		r := &refusals{}
		a := refusingPerson(t, h, "alice@sotto.test", r)
		ref := Ref{a.jid, "bob@sotto.test"}
		r.change(func() { r.set = &xmpp.StanzaError{Type: "cancel", Condition: "not-allowed"} })
		a.session.RemoveContact(ref)
		a.session.Rename(ref, "Robert")
		synctest.Wait()
		if c, ok := a.contacts["bob@sotto.test"]; ok {
			t.Errorf("%+v", c)
		}
	})
}

// A copy of what another client of ours wrote to somebody is no reason to show that somebody.
func TestSentCarbonToAStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, _ := friends(t)
		h.inject(a.jid, &xmpp.Message{ID: "1", From: jid.MustParse(a.jid + "/phone"), To: jid.MustParse("eve@sotto.test"), Type: xmpp.Chat, Body: "hello", Carbon: xmpp.CarbonSent})
		synctest.Wait()
		if c, ok := a.contacts["eve@sotto.test"]; ok {
			t.Errorf("%+v", c)
		}
	})
}

// Texts that wait are not lost because the contact disappears from the roster: they are there to be read, and go out when the contact is back.
func TestTextsOutlastTheRoster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.session.EndPrivate(a.ref(b))
		a.session.EndPrivate(a.ref(b)) // and goes on
		synctest.Wait()
		h.tamper = func(m *xmpp.Message) bool { return false }
		x := canary()
		id := a.say(b, x)
		h.inject(a.jid, &xmpp.RosterPush{Item: xmpp.RosterItem{JID: jid.MustParse(b.jid), Subscription: "remove"}})
		synctest.Wait()
		if c, ok := a.contacts[b.jid]; !ok || c.OnRoster || c.SendMode != SendBlocked || a.entries[id].Status != StatusWaiting {
			t.Errorf("%+v %+v", c, a.entries[id])
		}
		h.tamper = nil
		h.mu.Lock()
		h.push(a.jid, b.jid)
		h.mu.Unlock()
		b.session.EndPrivate(b.ref(a))
		b.session.Disconnect(b.jid)
		synctest.Wait()
		b.session.Connect(b.jid)
		pass(time.Minute)
		if count(b.heard(), x) != 1 {
			t.Errorf("heard %q; %q", b.heard(), a.lines())
		}
		a.session.RemoveContact(a.ref(b))
		synctest.Wait()
		if _, ok := a.contacts[b.jid]; ok || len(a.store.Settings().Accounts[0].Contacts) != 0 {
			t.Error("not removed")
		}
		h.assertSecret(t, "canary")
	})
}

// The name that somebody gives themselves is taken once, and never over one that is known.
func TestNickIsTakenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		ask := func(from, nick string) {
			h.inject(a.jid, &xmpp.Presence{From: jid.MustParse(from), Type: xmpp.Subscribe, Nick: nick})
			synctest.Wait()
		}
		ask("eve@sotto.test", "Eve")
		ask("eve@sotto.test", "Bob")
		if c := a.contacts["eve@sotto.test"]; c.Name != "Eve" {
			t.Errorf("%q", c.Name)
		}
		h.inject(a.jid, &xmpp.RosterPush{Item: xmpp.RosterItem{JID: jid.MustParse(b.jid), Subscription: "none"}})
		ask(b.jid, "the bank")
		if c := a.contact(b); c.Name != "bob" {
			t.Errorf("%q", c.Name)
		}
	})
}

// We are no contact of ourselves, whatever the server says.
func TestRosterWithOurselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, _ := friends(t)
		h.inject(a.jid, &xmpp.RosterPush{Item: xmpp.RosterItem{JID: jid.MustParse(a.jid), Subscription: "both"}})
		h.inject(a.jid, &xmpp.Presence{From: jid.MustParse(a.jid), Type: xmpp.Subscribe})
		synctest.Wait()
		if c, ok := a.contacts[a.jid]; ok {
			t.Errorf("%+v", c)
		}
	})
}
