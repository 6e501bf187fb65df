package session

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

// The rules P-01 and following are about what may never leave in clear; see "plaintext-leak rules" in the project's security rules.

func forgetAccounts(s *store.Settings) { s.Accounts = nil }

func TestP01RequireIsTheDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		if c := a.contact(b); c.Policy != Require || c.OwnPolicy || c.SendMode != SendWhenPrivate {
			t.Errorf("%+v", c)
		}
		a.session.SetPolicy(a.ref(b), ByHand)
		synctest.Wait()
		if c := a.contact(b); c.Policy != ByHand || !c.OwnPolicy || c.SendMode != SendUnencrypted || !a.has(NoticePolicy) {
			t.Errorf("after lowering: %+v", c)
		}
		if p := a.accounts[a.jid].Policy; p != Require {
			t.Errorf("lowering it for one contact changed the account's: %d", p)
		}
		a.restart()
		if c := a.contact(b); c.Policy != ByHand {
			t.Errorf("after a restart: %+v", c)
		}
		b.say(a, canary())
		h.assertSecret(t, "canary")
	})
}

func TestP02TextWaitsForPrivacy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		h.tamper = func(m *xmpp.Message) bool { return false } // nobody answers
		text := canary()
		id := a.say(b, text)
		e := a.entries[id]
		if e.Status != StatusWaiting || e.Guard != EncryptedUnverified || e.Text != text {
			t.Errorf("%+v", e)
		}
		a.say(b, canary())
		if sent := h.sent(a.jid); len(sent) != 1 || !strings.HasPrefix(sent[0], "?OTRv3?") {
			t.Errorf("the query went out %d times: %q", len(sent), sent)
		}
		h.assertSecret(t, "canary")
		for _, body := range h.sent(a.jid) {
			if strings.Contains(body, " \t  \t\t\t\t") {
				t.Errorf("a whitespace tag: %q", body)
			}
		}
	})
}

func TestP03OneExchangeThenEverythingInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), Require)
		var want []string
		h.mu.Lock() // nothing travels while the texts are typed
		var texts []string
		for range 5 {
			texts = append(texts, canary())
		}
		h.mu.Unlock()
		held := []xmpp.Message{}
		h.tamper = func(m *xmpp.Message) bool {
			if m.From.Bare().String() == a.jid {
				held = append(held, *m)
				return false
			}
			return true
		}
		for _, text := range texts {
			a.say(b, text)
			want = append(want, "< unverified "+text)
		}
		if len(held) != 1 {
			t.Fatalf("%d stanzas before there is a session", len(held))
		}
		h.tamper = nil
		for _, m := range held {
			h.inject(b.jid, &m)
		}
		synctest.Wait()
		if got := b.heard(); !slices.Equal(got, want) {
			t.Errorf("heard %q", got)
		}
		h.assertSecret(t, "canary")
	})
}

func TestP03NotToAnUnknownKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.session.EndPrivate(a.ref(b))
		a.session.EndPrivate(a.ref(b)) // and goes on
		synctest.Wait()
		swapKey(b)
		b.session.EndPrivate(b.ref(a))
		synctest.Wait()
		// bob's first key was seen, never verified: the text is for that one.
		h.cut(b.jid, xmpp.Unreachable)
		synctest.Wait()
		text := canary()
		id := a.say(b, text)
		pass(3 * time.Second)
		if e := a.entries[id]; e.Status != StatusFailed || e.Why != WhyKeyChanged {
			t.Fatalf("%+v; %q", e, a.lines())
		}
		if len(b.heard()) != 0 {
			t.Errorf("heard %q", b.heard())
		}
		a.session.Retry(a.ref(b), id)
		synctest.Wait()
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + text}) {
			t.Errorf("after Retry: %q", got)
		}
		h.assertSecret(t, "canary")
	})
}

// swapKey gives p another key, as if the program had been set up anew, and signs in again.
func swapKey(p *person) {
	p.close()
	p.keyring = keyringDouble{}
	p.t.Helper()
	settings := p.store.Settings()
	if err := p.store.Update(forgetAccounts); err != nil {
		p.t.Fatal(err)
	}
	p.open()
	p.session.SignIn(SignIn{Address: settings.Accounts[0].JID, Password: []byte("secret of " + p.jid)})
	synctest.Wait()
}

func TestP04NoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		h.tamper = func(m *xmpp.Message) bool { return false }
		text := canary()
		id := a.say(b, text)
		if c := a.contact(b); !c.Starting || c.NoAnswer {
			t.Errorf("at once: %+v", c)
		}
		pass(answerSoon + time.Second)
		if c := a.contact(b); !c.Starting || !c.NoAnswer || a.has(NoticeNoAnswer) {
			t.Errorf("after 11 s: %+v %q", c, a.lines())
		}
		pass(answerLatest)
		if c := a.contact(b); c.Starting || !c.NoAnswer || a.count(NoticeNoAnswer) != 1 || c.SendMode != SendWhenPrivate {
			t.Errorf("after a minute: %+v %q", c, a.lines())
		}
		if e := a.entries[id]; e.Status != StatusWaiting {
			t.Errorf("%+v", e)
		}
		a.session.ContinueUnencrypted(a.ref(b))
		synctest.Wait()
		if c := a.contact(b); c.SendMode != SendUnencrypted || c.Policy != ByHand {
			t.Errorf("after continuing unencrypted: %+v", c)
		}
		if e := a.entries[id]; e.Status != StatusWaiting {
			t.Errorf("continuing unencrypted touched the waiting text: %+v", e)
		}
		h.assertSecret(t, text)
		open := canary()
		a.say(b, open)
		if sent := h.sent(a.jid); sent[len(sent)-1] != open {
			t.Errorf("clear text by consent: %q", sent)
		}
		// The other program comes to life after all: what waited goes out privately.
		h.tamper = nil
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + text}) {
			t.Errorf("heard %q", got)
		}
		h.assertSecret(t, text)
		a.session.Discard(a.ref(b), id)
		synctest.Wait()
		if e := a.entries[id]; e.Status != StatusDelivered {
			t.Errorf("discarding a delivered text: %+v", e)
		}
	})
}

func TestP04Discard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		h.tamper = func(m *xmpp.Message) bool { return false }
		id := a.say(b, canary())
		a.session.Discard(a.ref(b), id)
		synctest.Wait()
		if e := a.entries[id]; e.Status != StatusDiscarded || e.Text != "" {
			t.Errorf("%+v", e)
		}
		h.tamper = nil
		pass(2 * time.Minute)
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		if len(b.heard()) != 0 {
			t.Errorf("heard %q", b.heard())
		}
	})
}

func TestP05Finished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		b.session.EndPrivate(b.ref(a))
		synctest.Wait()
		if c := a.contact(b); c.Lock != FinishedLock || c.SendMode != SendBlocked || c.Key == nil || !a.has(NoticePeerEnded) {
			t.Fatalf("%+v", c)
		}
		if c := b.contact(a); c.Lock != NotPrivate || !b.has(NoticeWeEnded) {
			t.Errorf("bob: %+v", c)
		}
		before := len(h.sent(a.jid))
		for _, mode := range []SendMode{SendPrivately, SendWhenPrivate, SendUnencrypted} {
			if _, err := a.session.Send(a.ref(b), canary(), mode); !errors.Is(err, ErrEnded) {
				t.Errorf("mode %d: %v", mode, err)
			}
		}
		a.session.Opened(a.ref(b))
		pass(5 * time.Minute)
		if n := len(h.sent(a.jid)) - before; n != 0 {
			t.Errorf("%d stanzas left in Finished", n)
		}
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		if c := a.contact(b); c.Lock != Unverified || c.SendMode != SendPrivately {
			t.Errorf("after starting again: %+v", c)
		}
		b.session.EndPrivate(b.ref(a))
		synctest.Wait()
		a.session.EndPrivate(a.ref(b))
		synctest.Wait()
		if c := a.contact(b); c.Lock != NotPrivate || c.SendMode != SendWhenPrivate {
			t.Errorf("after leaving Finished: %+v", c)
		}
		h.assertSecret(t, "canary")
	})
}

func TestP06WeEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.session.EndPrivate(a.ref(b))
		synctest.Wait()
		before := len(h.sent(a.jid))
		a.session.Opened(a.ref(b)) // does not undo what the person did
		pass(5 * time.Minute)
		if n := len(h.sent(a.jid)) - before; n != 0 || a.contact(b).Lock != NotPrivate {
			t.Errorf("%d stanzas after ending: %+v", n, a.contact(b))
		}
		a.session.EndPrivate(a.ref(b)) // the person wants to go on
		synctest.Wait()
		text := canary()
		a.say(b, text) // the button says "when private"
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + text}) {
			t.Errorf("heard %q", got)
		}
		h.assertSecret(t, "canary")
	})
}

func TestP07ClearTextInPrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, canary())
		before, lock := len(h.wire), a.contact(b).Lock
		from := jid.MustParse(b.jid + "/" + a.contact(b).Resource)
		h.inject(a.jid, &xmpp.Message{ID: "x", From: from, Type: xmpp.Chat, Body: "this is not bob", WantReceipt: true})
		synctest.Wait()
		if got := a.heard(); !slices.Equal(got, []string{"< forged? this is not bob"}) {
			t.Errorf("%q", got)
		}
		if len(h.wire) != before || a.contact(b).Lock != lock {
			t.Errorf("clear text was answered, or changed the state")
		}
		a.say(b, canary())
		h.assertSecret(t, "canary")
	})
}

func TestP07ClearTextWhereRequired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		h.inject(a.jid, &xmpp.Message{ID: "x", From: jid.MustParse(b.jid + "/phone"), Type: xmpp.Chat, Body: "hello", WantReceipt: true})
		synctest.Wait()
		if got := a.heard(); !slices.Equal(got, []string{"< forged? hello"}) || len(h.wire) != 0 {
			t.Errorf("%q %v", got, h.wire)
		}
		a.say(b, canary())
		h.assertSecret(t, "canary")
	})
}

func TestP08ReconnectKeepsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		before := len(h.sent(a.jid))
		h.cut(a.jid, xmpp.Unreachable)
		synctest.Wait()
		if c := a.contact(b); c.Lock != Private || c.SendMode != SendWhenPrivate {
			t.Errorf("offline: %+v", c)
		}
		x := canary()
		id := a.say(b, x)
		if e := a.entries[id]; e.Status != StatusWaiting || e.Guard != EncryptedVerified {
			t.Errorf("%+v", e)
		}
		pass(3 * time.Second)
		if a.accounts[a.jid].State != Online {
			t.Fatalf("%+v", a.accounts[a.jid])
		}
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + x}) {
			t.Errorf("heard %q; alice: %q", got, a.lines())
		}
		if next := h.sent(a.jid)[before]; !strings.HasPrefix(next, "?OTRv3?") {
			t.Errorf("the first thing after the reconnect is %.30q", next)
		}
		if a.has(NoticeRefreshed) || b.has(NoticeRefreshed) || a.contact(b).SendMode != SendPrivately {
			t.Errorf("a reconnect is nothing to talk about: %q %q", a.lines(), b.lines())
		}
		h.assertSecret(t, "canary")
	})
}

func TestP08PeerComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		h.cut(b.jid, xmpp.Unreachable)
		synctest.Wait()
		x := canary()
		a.say(b, x)
		if n := len(h.sent(a.jid)); strings.Contains(fmt.Sprint(h.sent(a.jid)[n-1]), "?OTRv") {
			t.Errorf("invited somebody who is offline")
		}
		pass(3 * time.Second)
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + x}) {
			t.Errorf("heard %q; alice: %q", got, a.lines())
		}
		h.assertSecret(t, "canary")
	})
}

func TestP09Restart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		fp := *a.accounts[a.jid].Fingerprint
		a.restart()
		if c := a.contact(b); c.Lock != NotPrivate || c.SendMode != SendWhenPrivate || len(c.Keys) != 1 || c.Keys[0].Verified != ByComparison {
			t.Fatalf("%+v", c)
		}
		if got := *a.accounts[a.jid].Fingerprint; got != fp {
			t.Errorf("another key after a restart")
		}
		if c := b.contact(a); c.Lock != FinishedLock {
			t.Errorf("bob: %+v", c) // the goodbye was polite
		}
		b.session.EndPrivate(b.ref(a))
		x := canary()
		a.say(b, x)
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + x}) || a.contact(b).Lock != Private {
			t.Errorf("heard %q, %+v", got, a.contact(b))
		}
		h.assertSecret(t, "canary")
	})
}

func TestP10ErrorsResendNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, canary())
		before := len(h.wire)
		from := jid.MustParse(b.jid + "/" + a.contact(b).Resource)
		defer func() { h.assertSecret(t, "canary") }()
		for i := range 5 {
			h.inject(a.jid, &xmpp.Message{ID: fmt.Sprint(i), From: from, Type: xmpp.Chat, Body: "?OTR Error: please resend"})
		}
		h.inject(a.jid, &xmpp.Message{ID: "y", From: from, Type: xmpp.Chat, Body: "?OTR:AAMDxxxxxxxxxxxx."})
		synctest.Wait()
		for _, m := range h.wire[before:] {
			if !strings.HasPrefix(m.Body, "?OTR Error:") {
				t.Errorf("an error was answered by %.30q", m.Body)
			}
		}
		if a.count(NoticePeerError) != 5 || len(a.order) > 5 {
			t.Errorf("%q", a.lines())
		}
	})
}

func TestP11KeyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		old := *a.contact(b).Key
		swapKey(b)
		x := canary()
		waiting, err := a.session.Send(a.ref(b), x, a.contact(b).SendMode)
		if err == nil {
			t.Logf("queued in mode %d", a.entries[waiting].Guard)
		}
		b.session.Opened(b.ref(a))
		synctest.Wait()
		c := a.contact(b)
		if c.KeyChange == nil || c.KeyChange.Old.Fingerprint != old || c.KeyChange.New.Fingerprint == old || c.SendMode != SendBlocked || c.Lock != Unverified {
			t.Fatalf("%+v %q", c, a.lines())
		}
		if !a.has(NoticeKeyChanged) || a.has(NoticePrivate) {
			t.Errorf("%q", a.lines())
		}
		if _, err := a.session.Send(a.ref(b), canary(), SendPrivately); !errors.Is(err, ErrKeyUndecided) {
			t.Errorf("%v", err)
		}
		if len(b.heard()) != 0 {
			t.Fatalf("heard %q", b.heard())
		}
		a.session.Decide(a.ref(b), old, UseUnverified) // not the key that was shown
		synctest.Wait()
		if a.contact(b).KeyChange == nil {
			t.Error("decided for another key than the one shown")
		}
		a.session.Decide(a.ref(b), c.KeyChange.New.Fingerprint, UseUnverified)
		synctest.Wait()
		if c := a.contact(b); c.KeyChange != nil || c.SendMode != SendPrivately || c.Lock != Unverified || !a.has(NoticeKeyAccepted) {
			t.Errorf("%+v", c)
		}
		if len(b.heard()) != 0 {
			t.Errorf("what was for the old key went to the new one: %q", b.heard())
		}
		y := canary()
		a.say(b, y)
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + y}) {
			t.Errorf("heard %q", got)
		}
		h.assertSecret(t, "canary")
	})
}

func TestP11WaitingTextsAndAChangedKey(t *testing.T) {
	for _, d := range []struct {
		name   string
		decide func(a, b *person, fp otr.Fingerprint)
	}{
		{"refuse", func(a, b *person, fp otr.Fingerprint) { a.session.Decide(a.ref(b), fp, Refuse) }},
		{"use", func(a, b *person, fp otr.Fingerprint) { a.session.Decide(a.ref(b), fp, UseUnverified) }},
		{"verify", func(a, b *person, fp otr.Fingerprint) { a.session.SetVerified(a.ref(b), fp, true) }},
	} {
		t.Run(d.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := verified(t)
				b.close()
				synctest.Wait()
				a.session.EndPrivate(a.ref(b)) // leaves Finished
				synctest.Wait()
				x := canary()
				id := a.say(b, x)
				b.open()
				synctest.Wait()
				swapKey(b)
				synctest.Wait()
				c := a.contact(b)
				if c.KeyChange == nil {
					// The first of bob's two sign-ins still had the old key.
					t.Skipf("released to the old key: %q", a.lines())
				}
				if e := a.entries[id]; e.Status != StatusWaiting {
					t.Errorf("before the decision: %+v", e)
				}
				d.decide(a, b, c.KeyChange.New.Fingerprint)
				pass(3 * time.Minute)
				if len(b.heard()) != 0 {
					t.Errorf("heard %q", b.heard())
				}
				h.assertSecret(t, "canary")
			})
		})
	}
}

func TestP13OneClientNotAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		// A second client of bob's is there; it must not get what is for the first.
		other, err := h.connect(xmpp.Config{JID: jid.MustParse(b.jid), Resource: "phone", Password: []byte("secret of " + b.jid)})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		a.say(b, canary())
		other.Close(t.Context())
		for e := range other.Events() {
			if m, ok := e.(*xmpp.Message); ok && m.Body != "" {
				t.Errorf("the other client got %q", m.Body)
			}
		}
		if len(b.heard()) != 1 {
			t.Errorf("heard %q", b.heard())
		}
		h.assertSecret(t, "canary")
	})
}

func TestP14CarbonsNeverReachOTR(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.session.SetPolicy(a.ref(b), Automatic)
		synctest.Wait()
		own, phone := jid.MustParse(a.jid+"/other"), jid.MustParse(b.jid+"/phone")
		a.say(b, canary())
		before, lines := len(h.wire), len(a.order)
		for i, m := range []xmpp.Message{
			{From: phone, To: own, Carbon: xmpp.CarbonReceived, Body: "?OTRv3? let us talk"},
			{From: phone, To: own, Carbon: xmpp.CarbonReceived, Body: "?OTR:AAMDJ83PTs1b9FUAAAAAAAA=."},
			{From: own, To: phone, Carbon: xmpp.CarbonSent, Body: "?OTRv3?"},
			{From: own, To: phone, Carbon: xmpp.CarbonSent, Body: "?OTR Error: no"},
			{From: own, To: own, Carbon: xmpp.CarbonSent, Body: "a note to myself"},
		} {
			m.ID, m.Type = fmt.Sprint(i), xmpp.Chat
			h.inject(a.jid, &m)
		}
		synctest.Wait()
		if len(h.wire) != before || len(a.order) != lines {
			t.Errorf("%q", a.lines())
		}
		const tag = " \t  \t\t\t\t \t \t \t    \t\t  \t\t"
		h.inject(a.jid, &xmpp.Message{ID: "c", From: phone, To: own, Type: xmpp.Chat, Carbon: xmpp.CarbonReceived, Body: "tagged" + tag})
		h.inject(a.jid, &xmpp.Message{ID: "d", From: own, To: phone, Type: xmpp.Chat, Carbon: xmpp.CarbonSent, Body: "from my phone"})
		synctest.Wait()
		if got := a.lines()[lines:]; !slices.Equal(got, []string{"< forged? tagged", "> clear stored from my phone"}) || len(h.wire) != before {
			t.Errorf("%q", got)
		}
		h.assertSecret(t, "canary")
	})
}

func TestP15OfflineTextsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		b.session.Disconnect(b.jid)
		synctest.Wait()
		if c := a.contact(b); c.Presence != PresenceOffline || c.SendMode != SendWhenPrivate {
			t.Errorf("%+v", c)
		}
		x, y := canary(), canary()
		a.say(b, x)
		a.say(b, y)
		pass(time.Hour)
		if len(h.wire) != 0 {
			t.Errorf("sent to somebody offline: %q", h.sent(a.jid))
		}
		b.session.Connect(b.jid)
		synctest.Wait()
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + x, "< unverified " + y}) {
			t.Errorf("heard %q", got)
		}
		h.assertSecret(t, "canary")
	})
}

func TestP16ReceiptsOnlyToWhoMaySeeUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), ByHand)
		synctest.Wait()
		ask := func(id string) {
			h.inject(a.jid, &xmpp.Message{ID: id, From: jid.MustParse(b.jid + "/phone"), Type: xmpp.Chat, Body: "hello " + id, WantReceipt: true})
			synctest.Wait()
		}
		ask("one")
		if n := len(h.wire); n != 1 || h.wire[0].Receipt != "one" || h.wire[0].Body != "" {
			t.Fatalf("%+v", h.wire)
		}
		ask("one") // the same stanza again
		h.users[a.jid].roster[b.jid].Subscription = "to"
		h.mu.Lock()
		h.push(a.jid, b.jid)
		h.mu.Unlock()
		ask("two")
		if n := len(h.wire); n != 1 {
			t.Errorf("%+v", h.wire[1:])
		}
	})
}

func TestP25ModeOfTheMomentItWasTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		b.session.EndPrivate(b.ref(a))
		synctest.Wait()
		a.session.SetPolicy(a.ref(b), ByHand)
		a.session.EndPrivate(a.ref(b))
		synctest.Wait()
		for _, mode := range []SendMode{SendPrivately, SendWhenPrivate, SendBlocked} {
			if _, err := a.session.Send(a.ref(b), canary(), mode); !errors.Is(err, ErrModeChanged) {
				t.Errorf("mode %d while unencrypted: %v", mode, err)
			}
		}
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		for _, mode := range []SendMode{SendUnencrypted, SendBlocked} {
			if _, err := a.session.Send(a.ref(b), canary(), mode); !errors.Is(err, ErrModeChanged) {
				t.Errorf("mode %d while private: %v", mode, err)
			}
		}
		text := canary()
		if _, err := a.session.Send(a.ref(b), text, SendWhenPrivate); err != nil {
			t.Errorf("private by now: %v", err)
		}
		synctest.Wait()
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + text}) {
			t.Errorf("heard %q", got)
		}
		h.assertSecret(t, "canary")
	})
}

// P-26: a long text of many lines goes as a whole, encrypted, or it does not go: no piece of it is on the wire, whatever happens to the
// conversation in the moment in which it is sent.
func TestP26LongTextGoesWholeOrNotAtAll(t *testing.T) {
	long := func() string {
		lines := strings.Repeat("a line that says nothing\n", 100)
		return canary() + "\n" + lines + canary() + "\n" + lines + canary()
	}
	for name, test := range map[string]struct {
		before func(a, b *person)
		err    error
		heard  int
	}{
		"private":          {func(a, b *person) {}, nil, 1},
		"they end it":      {func(a, b *person) { b.session.EndPrivate(b.ref(a)) }, ErrEnded, 0},
		"we end it":        {func(a, b *person) { a.session.EndPrivate(a.ref(b)) }, ErrEnded, 0},
		"the line is gone": {func(a, b *person) { a.session.Disconnect(a.jid) }, ErrModeChanged, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := private(t)
				text := long()
				shown := a.contact(b)
				test.before(a, b)
				synctest.Wait()
				_, err := a.session.SendAsShown(shown, text)
				synctest.Wait()
				if !errors.Is(err, test.err) {
					t.Errorf("%v instead of %v", err, test.err)
				}
				if got := b.heard(); len(got) != test.heard || len(got) == 1 && got[0] != "< unverified "+text {
					t.Errorf("%d messages arrived: %.80q", len(got), got)
				}
				h.assertSecret(t, "canary")
			})
		})
	}
}

func TestP28BouncedBodiesAreNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		id := a.say(b, canary())
		last := h.wire[len(h.wire)-1]
		for _, m := range h.wire {
			if m.From.Bare().String() == a.jid && m.WantReceipt {
				last = m
			}
		}
		lines := len(a.order)
		bounce := &xmpp.Message{ID: last.ID, From: last.To, Type: xmpp.ErrorMessage, Body: last.Body, Err: &xmpp.StanzaError{Condition: "not-allowed"}}
		h.inject(a.jid, bounce)
		h.inject(a.jid, &xmpp.Message{ID: "no such", From: last.To, Type: xmpp.ErrorMessage, Body: "our own words"})
		synctest.Wait()
		if len(a.order) != lines {
			t.Errorf("%q", a.lines())
		}
		if e := a.entries[id]; e.Status != StatusDelivered { // bob has confirmed it: too late
			t.Errorf("%+v", e)
		}
	})
}

func TestAutomatic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetAccountPolicy(a.jid, Automatic)
		b.session.SetAccountPolicy(b.jid, Automatic)
		synctest.Wait()
		a.session.Opened(a.ref(b))
		synctest.Wait()
		if len(h.wire) != 0 || a.contact(b).SendMode != SendUnencrypted {
			t.Fatalf("an ordinary conversation is left alone: %q", h.sent(a.jid))
		}
		a.say(b, "hello")
		if got := b.heard(); !slices.Equal(got, []string{"< clear hello"}) {
			t.Errorf("heard %q", got)
		}
		if c, d := a.contact(b), b.contact(a); c.Lock != Unverified || d.Lock != Unverified || !d.HasOTR {
			t.Errorf("the tag did not find OTR: %+v %+v", c, d)
		}
		x := canary()
		a.say(b, x)
		if got := b.heard(); !slices.Contains(got, "< unverified "+x) {
			t.Errorf("heard %q", got)
		}
		h.assertSecret(t, "canary")
	})
}

func TestAutomaticNothingInClearOnceItStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetAccountPolicy(a.jid, Automatic)
		synctest.Wait()
		h.tamper = func(m *xmpp.Message) bool { return false }
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		if m := a.contact(b).SendMode; m != SendWhenPrivate {
			t.Fatalf("mode %d", m)
		}
		x := canary()
		a.say(b, x)
		pass(2 * time.Minute)
		if m := a.contact(b).SendMode; m != SendUnencrypted {
			t.Errorf("mode %d after nobody answered", m)
		}
		h.assertSecret(t, x)
	})
}

func TestByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetAccountPolicy(a.jid, ByHand)
		b.session.SetAccountPolicy(b.jid, ByHand)
		synctest.Wait()
		a.say(b, "hello")
		if sent := h.sent(a.jid); !slices.Equal(sent, []string{"hello"}) {
			t.Errorf("%q", sent)
		}
		b.session.StartPrivate(b.ref(a))
		synctest.Wait()
		if a.contact(b).Lock != Unverified {
			t.Errorf("their query was not answered")
		}
	})
}

func TestNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.session.SetPolicy(a.ref(b), Never)
		synctest.Wait()
		if c := a.contact(b); c.Lock != NotPrivate || c.SendMode != SendUnencrypted {
			t.Errorf("%+v", c)
		}
		before := len(h.sent(a.jid))
		a.session.StartPrivate(a.ref(b))
		b.session.StartPrivate(b.ref(a))
		synctest.Wait()
		if n := len(h.sent(a.jid)); n != before {
			t.Errorf("a query was answered: %q", h.sent(a.jid)[before:])
		}
		a.say(b, "in clear")
		b.session.SetPolicy(b.ref(a), ByHand)
		b.session.EndPrivate(b.ref(a))
		synctest.Wait()
		b.say(a, "hello")
		if got := a.heard(); !slices.Equal(got, []string{"< clear hello"}) {
			t.Errorf("heard %q", got)
		}
	})
}

func TestBothStartAtOnce(t *testing.T) {
	for i := range 8 {
		synctest.Test(t, func(t *testing.T) {
			h, a, b := friends(t)
			a.session.Opened(a.ref(b))
			b.session.Opened(b.ref(a))
			x, y := canary(), canary()
			if _, err := a.session.Send(a.ref(b), x, SendWhenPrivate); err != nil {
				t.Fatal(err)
			}
			if _, err := b.session.Send(b.ref(a), y, SendWhenPrivate); err != nil {
				t.Fatal(err)
			}
			pass(2 * time.Minute)
			if !slices.Equal(a.heard(), []string{"< unverified " + y}) || !slices.Equal(b.heard(), []string{"< unverified " + x}) {
				t.Errorf("%d: %q %q", i, a.lines(), b.lines())
			}
			h.assertSecret(t, "canary")
		})
	}
}

func TestLKeyExchangesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		var commit string
		h.tamper = func(m *xmpp.Message) bool {
			if strings.HasPrefix(m.Body, "?OTR:AAMC") {
				commit = m.Body
			}
			return commit == ""
		}
		a.session.StartPrivate(a.ref(b))
		pass(10 * time.Minute)
		h.tamper = func(m *xmpp.Message) bool { return false }
		for _, flood := range []struct {
			name, body string
			to, from   *person
		}{{"query", "?OTRv3?", b, a}, {"commit", commit, a, b}} {
			n := 0
			answers := func(times int) int {
				before := len(h.sent(flood.to.jid))
				for range times {
					n++
					h.inject(flood.to.jid, &xmpp.Message{ID: fmt.Sprint(n), From: jid.MustParse(flood.from.jid + "/phone"), Type: xmpp.Chat, Body: flood.body})
				}
				pass(time.Second)
				return len(h.sent(flood.to.jid)) - before
			}
			if got := answers(3 * maxBegun); got == 0 || got > maxBegun {
				t.Errorf("%d answers to a flood of %s: %.80q", got, flood.name, h.sent(flood.to.jid))
			}
			pass(2 * time.Minute)
			if got := answers(1); got != 1 {
				t.Errorf("%d answers to a later %s", got, flood.name)
			}
		}
	})
}

// Once a key exchange is under way nothing goes out in clear, also on the side that found OTR by a tag.
func TestAutomaticNothingInClearOnceATagIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetAccountPolicy(a.jid, Automatic)
		b.session.SetAccountPolicy(b.jid, Automatic)
		synctest.Wait()
		var held []xmpp.Message
		h.tamper = func(m *xmpp.Message) bool {
			if strings.HasPrefix(m.Body, "?OTR:") {
				held = append(held, *m)
				return false
			}
			return true
		}
		a.say(b, "hello")
		if c := b.contact(a); !c.Starting || c.SendMode != SendWhenPrivate {
			t.Errorf("%+v", c)
		}
		x := canary()
		b.say(a, x)
		h.tamper = nil
		for _, m := range held {
			h.inject(a.jid, &m)
		}
		synctest.Wait()
		if !slices.Contains(a.heard(), "< unverified "+x) {
			t.Errorf("heard %q", a.heard())
		}
		h.assertSecret(t, x)
	})
}

// A tag that nobody stands behind any more holds nothing up for ever.
func TestAutomaticTagWithoutExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetAccountPolicy(a.jid, Automatic)
		b.session.SetAccountPolicy(b.jid, Automatic)
		synctest.Wait()
		h.tamper = func(m *xmpp.Message) bool { return !strings.HasPrefix(m.Body, "?OTR") }
		a.say(b, "hello")
		pass(2 * time.Minute)
		if c := b.contact(a); c.Starting || c.SendMode != SendUnencrypted {
			t.Errorf("%+v", c)
		}
	})
}

// Tags in clear text make us compute as much as queries do, and are answered no more often. The texts are shown all the same.
func TestLTagsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetAccountPolicy(a.jid, Automatic)
		synctest.Wait()
		h.tamper = func(m *xmpp.Message) bool { return false }
		const tag = " \t  \t\t\t\t \t \t \t    \t\t  \t\t"
		for n := range 3 * maxBegun {
			h.inject(a.jid, &xmpp.Message{ID: fmt.Sprint(n), From: jid.MustParse(b.jid + "/phone"), Type: xmpp.Chat, Body: fmt.Sprint("hello ", n, tag)})
		}
		pass(time.Second)
		if n := len(h.sent(a.jid)); n == 0 || n > maxBegun {
			t.Errorf("%d answers", n)
		}
		if n := len(a.heard()); n != 3*maxBegun {
			t.Errorf("%d texts", n)
		}
		for _, l := range a.heard() {
			if strings.ContainsRune(l, '\t') {
				t.Errorf("%q", l)
			}
		}
	})
}

// Whoever decides to write unencrypted can do so, also when there had been a private conversation that the other side has lost.
func TestContinueUnencryptedAfterALostSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		x := canary()
		h.cut(b.jid, xmpp.Unreachable) // and they come back with a program that does not answer
		h.tamper = func(m *xmpp.Message) bool { return !strings.HasPrefix(m.Body, "?OTR") }
		pass(5 * time.Second)
		id := a.say(b, x)
		pass(2 * time.Minute)
		if c := a.contact(b); !c.NoAnswer {
			t.Fatalf("%+v", c)
		}
		a.session.ContinueUnencrypted(a.ref(b))
		synctest.Wait()
		if c := a.contact(b); c.SendMode != SendUnencrypted || c.Lock != NotPrivate {
			t.Errorf("%+v", c)
		}
		a.say(b, "in clear")
		if e := a.entries[id]; e.Status != StatusWaiting {
			t.Errorf("%+v", e)
		}
		h.assertSecret(t, x)
	})
}

// Fresh keys that nobody answers with take nothing away from a private conversation that goes on.
func TestRefreshWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		h.tamper = func(m *xmpp.Message) bool { return !strings.HasPrefix(m.Body, "?OTRv3?") }
		a.session.StartPrivate(a.ref(b))
		pass(2 * time.Minute)
		if c := a.contact(b); c.NoAnswer || c.Starting || c.SendMode != SendPrivately {
			t.Errorf("%+v", c)
		}
		x := canary()
		a.say(b, x)
		if !b.heardText(x) {
			t.Errorf("%q", b.heard())
		}
		h.assertSecret(t, x)
	})
}

// The private conversation may have come about while the person was deciding to do without it.
func TestContinueUnencryptedEndsNoWorkingSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.session.ContinueUnencrypted(a.ref(b))
		synctest.Wait()
		if c := a.contact(b); c.Lock != Unverified || c.SendMode != SendPrivately {
			t.Errorf("%+v", c)
		}
		x := canary()
		a.say(b, x)
		h.assertSecret(t, x)
	})
}
