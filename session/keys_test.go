package session

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
)

// read are the texts that came in.
func (p *person) read() []string {
	var texts []string
	for _, id := range p.order {
		if e := p.entries[id]; e.Kind == Incoming {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// written counts the messages that clients of a user have sent, with words or without.
func (h *hub) written(from string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, m := range h.wire {
		if m.From.Bare().String() == from {
			n++
		}
	}
	return n
}

// P-12: where only verified keys are written to, nothing goes to another, not even privately.
func TestP12OnlyVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		fp := *a.contact(b).Key
		a.session.SetKeyRule(a.ref(b), OnlyVerified)
		synctest.Wait()
		if c := a.contact(b); c.SendMode != SendBlocked || !c.NeedsVerified || c.KeyRule != OnlyVerified || !c.OwnKeyRule || c.Policy != Require {
			t.Errorf("%+v", c)
		}
		for mode := SendBlocked; mode <= SendUnencrypted; mode++ {
			if _, err := a.session.Send(a.ref(b), canary(), mode); !errors.Is(err, ErrNotVerified) {
				t.Errorf("mode %d: %v", mode, err)
			}
		}
		a.session.SetVerified(a.ref(b), fp, true)
		synctest.Wait()
		to := canary()
		a.say(b, to)
		if !slices.Contains(b.read(), to) || len(b.read()) != 1 || a.contact(b).NeedsVerified {
			t.Errorf("bob heard %q", b.read())
		}
		a.session.SetVerified(a.ref(b), fp, false)
		synctest.Wait()
		if c := a.contact(b); c.SendMode != SendBlocked || !c.NeedsVerified {
			t.Errorf("%+v", c)
		}
		h.assertSecret(t, "canary")
	})
}

// P-12: what is typed before there is a private conversation waits until the key is verified, whatever the policy was.
func TestP12TextsWaitForTheVerification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), Never)
		a.session.SetAccountKeyRule(a.jid, OnlyVerified)
		synctest.Wait()
		if c := a.contact(b); c.SendMode != SendWhenPrivate || c.Policy != Require || c.OwnKeyRule {
			t.Fatalf("%+v", c)
		}
		a.session.ContinueUnencrypted(a.ref(b))
		text := canary()
		id := a.say(b, text)
		pass(time.Minute)
		if c := a.contact(b); c.Lock != Unverified || !c.NeedsVerified || a.entries[id].Status != StatusWaiting || len(b.read()) != 0 {
			t.Fatalf("%+v %q", a.contact(b), a.lines())
		}
		a.session.SetVerified(a.ref(b), *a.contact(b).Key, true)
		synctest.Wait()
		if e := a.entries[id]; e.Status != StatusDelivered || e.Guard != EncryptedVerified || !slices.Equal(b.read(), []string{text}) {
			t.Errorf("%+v, bob heard %q", e, b.read())
		}
		a.restart()
		if c := a.contact(b); c.KeyRule != OnlyVerified || c.Policy != Require {
			t.Errorf("after a restart %+v", c)
		}
		a.session.SetKeyRule(a.ref(b), AnyKey)
		synctest.Wait()
		if c := a.contact(b); c.KeyRule != AnyKey || c.Policy != Never || c.SendMode != SendUnencrypted {
			t.Errorf("after the rule was lifted %+v", c)
		}
		h.assertSecret(t, "canary")
	})
}

// P-12: a text for a verified key does not go to one that the person has accepted unverified.
func TestP12AcceptedIsNotVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		a.session.SetKeyRule(a.ref(b), OnlyVerified)
		swapKey(b)
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		change := a.contact(b).KeyChange
		if change == nil {
			t.Fatalf("%q", a.lines())
		}
		a.session.Decide(a.ref(b), change.New.Fingerprint, UseUnverified)
		synctest.Wait()
		if c := a.contact(b); c.KeyChange != nil || !c.NeedsVerified || c.SendMode != SendBlocked {
			t.Errorf("%+v", c)
		}
		if _, err := a.session.Send(a.ref(b), canary(), SendPrivately); !errors.Is(err, ErrNotVerified) {
			t.Errorf("%v", err)
		}
		h.assertSecret(t, "canary")
	})
}

func TestKeyRuleOfALaterVersion(t *testing.T) {
	for word, want := range map[string]KeyRule{"": KeyRuleDefault, "any": AnyKey, "verified": OnlyVerified, "stricter": OnlyVerified} {
		if got := parseKeyRule(word); got != want {
			t.Errorf("%q is %d", word, got)
		}
	}
}

// Who is not written to hears nothing: no text, no receipt, no typing, no answer of any kind, also after a restart.
func TestHoldSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.session.SetTypingPolicy(a.jid, TypingToAll)
		waiting := canary()
		h.cut(b.jid, xmpp.Unreachable)
		synctest.Wait()
		id := a.say(b, waiting)
		pass(time.Minute)
		a.session.Discard(a.ref(b), id)
		a.session.Hold(a.ref(b))
		synctest.Wait()
		sent := h.written(a.jid)
		if c := a.contact(b); c.Held.IsZero() || c.SendMode != SendBlocked || c.Lock != NotPrivate || !a.has(NoticeHeld) {
			t.Fatalf("%+v", c)
		}
		quiet := func(what string) {
			t.Helper()
			pass(2 * time.Minute)
			if n := h.written(a.jid); n != sent {
				t.Errorf("%s: %d stanzas, at last %q", what, n-sent, h.sent(a.jid))
			}
		}
		acc, _ := a.session.account(a.jid)
		acc.ask(func() {
			if err := acc.conversations[b.jid].put(sealed{"?OTR:AAMD."}, stanza{to: h.fullOf(b.jid)}); !errors.Is(err, ErrHeld) {
				t.Errorf("the gate is open: %v", err)
			}
		})
		for mode := SendBlocked; mode <= SendUnencrypted; mode++ {
			if _, err := a.session.Send(a.ref(b), canary(), mode); !errors.Is(err, ErrHeld) {
				t.Errorf("mode %d: %v", mode, err)
			}
		}
		a.session.Typing(a.ref(b))
		a.session.Opened(a.ref(b))
		a.session.StartPrivate(a.ref(b))
		a.session.ContinueUnencrypted(a.ref(b))
		a.session.SetPolicy(a.ref(b), ByHand)
		quiet("our own wishes")
		b.session.SetPolicy(b.ref(a), ByHand)
		b.session.ContinueUnencrypted(b.ref(a))
		synctest.Wait()
		for _, body := range []string{"in clear", "with a tag \t  \t\t\t\t \t \t \t    \t\t  \t\t", "?OTRv3?", "?OTR Error: nothing", "?OTR:AAMC"} {
			h.inject(a.jid, &xmpp.Message{ID: xmpp.NewID(), From: h.fullOf(b.jid), To: h.fullOf(a.jid), Type: xmpp.Chat, Body: body, WantReceipt: true})
			quiet(body)
		}
		if !a.has(NoticeNotAnswered) || !slices.Contains(a.read(), "in clear") {
			t.Errorf("%q", a.lines())
		}
		a.restart()
		sent = h.written(a.jid)
		a.session.Opened(a.ref(b))
		quiet("after a restart")
		if c := a.contact(b); c.Held.IsZero() || c.SendMode != SendBlocked {
			t.Errorf("after a restart %+v", c)
		}
		a.session.SetPolicy(a.ref(b), Require)
		a.session.Release(a.ref(b))
		a.session.Opened(a.ref(b))
		synctest.Wait()
		if c := a.contact(b); !c.Held.IsZero() || c.Lock != Unverified || c.SendMode != SendPrivately || !a.has(NoticeReleased) {
			t.Errorf("%+v %q", c, a.lines())
		}
		h.assertSecret(t, "canary")
	})
}

// What waits when sending is blocked goes on waiting, and goes out once that is taken back.
func TestHoldKeepsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		h.cut(b.jid, xmpp.Unreachable)
		synctest.Wait()
		b.session.Disconnect(b.jid)
		synctest.Wait()
		text := canary()
		id := a.say(b, text)
		a.session.Hold(a.ref(b))
		b.session.Connect(b.jid)
		pass(2 * time.Minute)
		if e := a.entries[id]; e.Status != StatusWaiting || len(b.read()) != 0 {
			t.Fatalf("%+v, bob heard %q", e, b.read())
		}
		a.session.Release(a.ref(b))
		pass(2 * time.Minute)
		if e := a.entries[id]; e.Status != StatusDelivered || !slices.Equal(b.read(), []string{text}) {
			t.Errorf("%+v, bob heard %q, %q", e, b.read(), a.lines())
		}
		h.assertSecret(t, "canary")
	})
}

// Every message tells for ever how it was protected when it was sent or came.
func TestGuardsStayAsTheyWere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		fp := *a.contact(b).Key
		type kept struct {
			guard Guard
			key   bool
		}
		want := map[EntryID]kept{}
		both := func(g Guard) {
			t.Helper()
			seen := len(a.order)
			want[a.say(b, canary())] = kept{g, g >= EncryptedUnverified}
			b.say(a, canary())
			for _, id := range a.order[seen:] {
				if a.entries[id].Kind != NoticeEntry {
					want[id] = kept{g, g >= EncryptedUnverified}
				}
			}
		}
		both(EncryptedUnverified)
		a.session.SetVerified(a.ref(b), fp, true)
		synctest.Wait()
		both(EncryptedVerified)
		a.session.SetVerified(a.ref(b), fp, false)
		synctest.Wait()
		both(EncryptedUnverified)
		a.session.SetVerified(a.ref(b), fp, true)
		synctest.Wait()
		if err := a.session.ForgetKey(a.ref(b), fp); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, p := range []*person{a, b} {
			for _, q := range []*person{a, b} {
				if p != q {
					p.session.EndPrivate(p.ref(q))
					p.session.SetPolicy(p.ref(q), Never)
				}
			}
		}
		synctest.Wait()
		both(InClear)
		if len(want) != 8 {
			t.Errorf("%d messages", len(want))
		}
		for id, w := range want {
			e := a.entries[id]
			if e.Guard != w.guard || (e.Key != nil) != w.key || e.Key != nil && *e.Key != fp {
				t.Errorf("%+v instead of %+v", e, w)
			}
		}
	})
}

// A text that once went in clear is never told to have been private, though it went privately the second time.
func TestGuardOfATextThatWentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := byHand(t)
		acc, _ := a.session.account(a.jid)
		id := a.say(b, "in clear")
		acc.ask(func() {
			o := acc.conversations[b.jid].outgoing(id)
			o.entry.Status = StatusFailed // as when the server refuses it
			o.tell()
		})
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		a.session.Retry(a.ref(b), id)
		synctest.Wait()
		if e := a.entries[id]; a.contact(b).Lock != Unverified || e.Status != StatusDelivered || e.Guard != InClear {
			t.Errorf("%+v %+v", a.contact(b), e)
		}
	})
}

func TestForgetKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := verified(t)
		fp := *a.contact(b).Key
		other := fp
		other[0] ^= 1
		if err := a.session.ForgetKey(a.ref(b), other); !errors.Is(err, ErrKeyGone) {
			t.Errorf("%v", err)
		}
		if err := a.session.ForgetKey(Ref{a.jid, "nobody@sotto.test"}, fp); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v", err)
		}
		if err := a.session.ForgetKey(a.ref(b), fp); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if c := a.contact(b); c.Lock != NotPrivate || len(c.Keys) != 0 || len(a.session.KnownKeys()) != 0 {
			t.Errorf("%+v", c)
		}
		a.session.StartPrivate(a.ref(b))
		pass(time.Minute)
		if c := a.contact(b); c.Lock != Unverified || c.KeyChange != nil || len(c.Keys) != 1 {
			t.Errorf("%+v %q", c, a.lines())
		}
		if got := a.happened(b); !slices.Equal(got, []KeyHappening{KeyMet, KeyVerified, KeyForgotten, KeyMet}) {
			t.Errorf("%v", got)
		}
	})
}

func TestKnownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := verified(t)
		fp := *a.contact(b).Key
		all := a.session.KnownKeys()
		if len(all) != 1 || all[0].Ref != a.ref(b) || !all[0].OnRoster || all[0].Keys[0].Verified == NotVerified || !slices.Equal(all[0].InUse, []otr.Fingerprint{fp}) {
			t.Errorf("%+v", all)
		}
	})
}

// aKeyFile names bob's key as verified, another one of his, somebody who is no contact, and what is not for us.
func aKeyFile(a, b *person, key otr.Fingerprint) []byte {
	hex := strings.ToLower(compact(key))
	another := "0123456789abcdef0123456789abcdef01234567"
	lines := []string{
		b.jid + "\t" + a.jid + "/\tprpl-jabber\t" + hex + "\tsmp",
		b.jid + "/Home\t" + a.jid + "/Home\tprpl-jabber\t" + another + "\t",
		"carol@sotto.test\t" + a.jid + "\txmpp\t" + another + "\tverified",
		"carol@sotto.test\t7\tlibpurple-Jabber\t" + another + "\ttrust",
		"123\t" + a.jid + "\tprpl-icq\t" + another + "\tverified",
		"@\t" + a.jid + "\txmpp\t" + another + "\tverified",
		"nonsense",
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// What another program verified counts for nothing before the person says so.
func TestImportVerifiesNothingByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		fp := *a.contact(b).Key
		f, err := ReadKeyFile(aKeyFile(a, b, fp), "otr.fingerprints")
		if err != nil || f.Keys != 4 || f.Foreign != 1 || f.Bad != 2 || !slices.Equal(f.Names, []string{a.jid + "/", a.jid + "/Home", a.jid, "7"}) {
			t.Fatalf("%+v %v", f, err)
		}
		accounts := a.session.AccountsOf(f)
		if accounts[a.jid+"/"] != a.jid || accounts[a.jid+"/Home"] != a.jid || accounts["7"] != "" {
			t.Errorf("%v", accounts)
		}
		plan := a.session.PlanImport(f, accounts)
		if len(plan) != 3 || plan[0].Change != ImportClaim || plan[0].Claim != "smp" || plan[1].Change != ImportKey || plan[2].Change != ImportKey ||
			plan[0].Name != a.contact(b).Name || plan[2].Name != "carol@sotto.test" {
			t.Fatalf("%+v", plan)
		}
		if n := a.session.Import(f, plan); n != 3 {
			t.Errorf("%d changes", n)
		}
		synctest.Wait()
		if c := a.contact(b); c.Lock != Unverified || c.Verified != NotVerified || len(c.Keys) != 2 || c.Keys[0].Claim != "smp" || c.Keys[0].Source != "otr.fingerprints" {
			t.Errorf("%+v", c)
		}
		all := a.session.KnownKeys()
		if len(all) != 2 {
			t.Fatalf("%+v", all)
		}
		for _, c := range all {
			for _, k := range c.Keys {
				if k.Verified != NotVerified || k.Imported.IsZero() {
					t.Errorf("%s: %+v", c.Contact, k)
				}
			}
		}
		if again := a.session.PlanImport(f, accounts); slices.ContainsFunc(again, func(k ImportedKey) bool { return k.Change != ImportNothing }) {
			t.Errorf("a second time: %+v", again)
		}
		if n := a.session.Import(f, plan); n != 0 {
			t.Errorf("a second time: %d changes", n)
		}

		// The person says that it counts.
		if err := a.session.TakeOver(a.ref(b), plan[1].Key); !errors.Is(err, ErrKeyGone) {
			t.Errorf("taken over what nobody claimed: %v", err)
		}
		if err := a.session.TakeOver(a.ref(b), fp); err != nil {
			t.Error(err)
		}
		carol := Ref{a.jid, "carol@sotto.test"}
		plan[2].Trust = true
		if n := a.session.Import(f, plan[2:]); n != 1 {
			t.Errorf("%d changes", n)
		}
		synctest.Wait()
		if c := a.contact(b); c.Lock != Private || c.Verified != ByImport {
			t.Errorf("%+v", c)
		}
		a.restart()
		for _, c := range a.session.KnownKeys() {
			if c.Keys[0].Verified != ByImport {
				t.Errorf("after a restart %s: %+v", c.Contact, c.Keys)
			}
		}
		if err := a.session.SetVerified(carol, plan[2].Key, false); err != nil {
			t.Error(err)
		}
		if err := a.session.ForgetKey(carol, plan[2].Key); err != nil {
			t.Error(err)
		}
		if all := a.session.KnownKeys(); len(all) != 1 || all[0].Contact != b.jid {
			t.Errorf("%+v", all)
		}
		if _, ok := a.contacts["carol@sotto.test"]; ok {
			t.Error("somebody of whom only a key is known became a contact")
		}
	})
}

// A file lowers and removes nothing either.
func TestImportLeavesVerifiedKeysAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := verified(t)
		fp := *a.contact(b).Key
		how := a.contact(b).Verified
		f, err := ReadKeyFile([]byte(b.jid+"\t"+a.jid+"\txmpp\t"+compact(fp)+"\t\n"+b.jid+"\t"+a.jid+"\txmpp\t"+strings.Repeat("0", 40)+"\tverified\n"), "x")
		if err != nil {
			t.Fatal(err)
		}
		plan := a.session.PlanImport(f, a.session.AccountsOf(f))
		if len(plan) != 2 || plan[0].Change != ImportNothing || plan[0].Another || plan[1].Change != ImportKey || !plan[1].Another {
			t.Errorf("%+v", plan)
		}
		a.session.Import(f, plan)
		synctest.Wait()
		if c := a.contact(b); c.Lock != Private || c.Verified != how || c.Keys[0].Fingerprint != fp {
			t.Errorf("%+v", c)
		}
	})
}

func TestReadKeyFileRefusesOthers(t *testing.T) {
	for _, file := range []string{"", "{}", "a\tb\tc\td\te\n", strings.Repeat("\x00", 100), strings.Repeat("x", 2<<20)} {
		if f, err := ReadKeyFile([]byte(file), "x"); !errors.Is(err, ErrKeyFile) {
			t.Errorf("%d bytes: %+v %v", len(file), f, err)
		}
	}
}

// What is written can be read back, and says as much about trust as libotr's form can.
func TestExportKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		fp := *a.contact(b).Key
		claims := map[Verified]string{NotVerified: "", ByComparison: "verified", ByQuestion: "smp", BySecret: "smp", ByImport: "verified"}
		acc, _ := a.session.account(a.jid)
		for how, claim := range claims {
			acc.ask(func() { acc.conversations[b.jid].keys[0].Verified = how })
			for style, account := range map[ExportStyle]string{LikePidgin: a.jid + "/\tprpl-jabber", LikeOthers: a.jid + "\txmpp"} {
				file, keys, left := a.session.ExportKeys(style)
				want := b.jid + "\t" + account + "\t" + strings.ToLower(compact(fp)) + "\t" + claim + "\n"
				if string(file) != want || keys != 1 || left != 0 {
					t.Errorf("%q, %d, %d instead of %q", file, keys, left, want)
				}
				if f, err := ReadKeyFile(file, "x"); err != nil || f.Keys != 1 {
					t.Errorf("%+v %v", f, err)
				}
			}
		}
	})
}
