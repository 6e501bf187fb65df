package session

import (
	"crypto/rand"
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

func TestFirstKeyIsSaidCalmly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		if !a.has(NoticePrivateFirst) || a.has(NoticeKeyChanged) || len(a.contact(b).Keys) != 1 {
			t.Errorf("%q", a.lines())
		}
		a.session.EndPrivate(a.ref(b))
		synctest.Wait()
		b.session.EndPrivate(b.ref(a))
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		if !a.has(NoticePrivate) || a.count(NoticePrivateFirst) != 1 {
			t.Errorf("%q", a.lines())
		}
		a.session.SetVerified(a.ref(b), *a.contact(b).Key, true)
		pass(2 * asksOnce)
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		if !a.has(NoticeRefreshed) || a.contact(b).Lock != Private {
			t.Errorf("%q", a.lines())
		}
	})
}

func TestS03VerifiedIsTheKeyThatWasShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		fp := *a.contact(b).Key
		other := fp
		other[7] ^= 1
		if err := a.session.SetVerified(a.ref(b), other, true); !errors.Is(err, ErrKeyGone) {
			t.Errorf("%v", err)
		}
		if a.contact(b).Lock != Unverified {
			t.Error("verified by another key")
		}
		a.session.SetVerified(a.ref(b), fp, true)
		synctest.Wait()
		if c := a.contact(b); c.Lock != Private || c.Verified != ByComparison || !a.has(NoticeVerifiedThem) {
			t.Errorf("%+v", c)
		}
		if c := b.contact(a); c.Lock != Unverified || c.VerifiedUs {
			t.Errorf("comparison is of one side: %+v", c)
		}
		a.session.SetVerified(a.ref(b), fp, false)
		synctest.Wait()
		if c := a.contact(b); c.Lock != Unverified || !a.has(NoticeUnverified) {
			t.Errorf("%+v", c)
		}
	})
}

func TestSMP(t *testing.T) {
	for _, tt := range []struct {
		name             string
		question         string
		asked, answered  string
		lock, other      Lock // of the asking and the answering side
		how              Verified
		usAsker, usOther bool
		stage            SMPStage
	}{
		{"P8 question right", "where did we meet in spring?", "here by the river", "here by the river", Private, Unverified, ByQuestion, false, true, SMPSucceeded},
		{"question wrong", "where did we meet in spring?", "here by the river", "there on the hill", Unverified, Unverified, NotVerified, false, false, SMPFailed},
		{"P8 secret right", "", "ours since last year", "ours since last year", Private, Private, BySecret, true, true, SMPSucceeded},
		{"secret wrong", "", "ours since last year", "theirs since last year", Unverified, Unverified, NotVerified, false, false, SMPFailed},
		{"not latin", "où?", "Zürich 東京 Zürich", "Zürich 東京 Zürich", Private, Unverified, ByQuestion, false, true, SMPSucceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := private(t)
				fp := *a.contact(b).Key
				var err error
				if tt.question != "" {
					err = a.session.Ask(a.ref(b), fp, tt.question, []byte(tt.asked))
				} else {
					err = a.session.Share(a.ref(b), fp, []byte(tt.asked))
				}
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if s := a.smp; !s.Ours || s.Stage != SMPWaiting || s.Asked != (tt.question != "") || s.Key != fp {
					t.Errorf("asking: %+v", s)
				}
				if s := b.smp; s.Ours || s.Stage != SMPNeedsAnswer || s.Question != tt.question || s.Asked != (tt.question != "") {
					t.Fatalf("asked: %+v", s)
				}
				if err := b.session.Answer(b.ref(a), b.smp.Number+1, []byte(tt.answered)); !errors.Is(err, ErrNoRequest) {
					t.Errorf("P-06 answered another request: %v", err)
				}
				if err := b.session.Answer(b.ref(a), b.smp.Number, []byte(tt.answered)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if a.smp.Stage != tt.stage || b.smp.Stage != tt.stage {
					t.Errorf("%+v %+v", a.smp, b.smp)
				}
				if c := a.contact(b); c.Lock != tt.lock || c.Verified != tt.how || c.VerifiedUs != tt.usAsker {
					t.Errorf("asking side: %+v", c)
				}
				if c := b.contact(a); c.Lock != tt.other || c.VerifiedUs != tt.usOther {
					t.Errorf("answering side: %+v", c)
				}
				if err := b.session.Answer(b.ref(a), b.smp.Number, []byte(tt.answered)); !errors.Is(err, ErrNoRequest) {
					t.Errorf("P4 a second answer: %v", err)
				}
				h.assertSecret(t, tt.asked, "where did we meet in spring?")
			})
		})
	}
}

func TestSMPFailureKeepsAnEarlierVerification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := verified(t)
		a.session.Share(a.ref(b), *a.contact(b).Key, []byte("x"))
		synctest.Wait()
		b.session.Answer(b.ref(a), b.smp.Number, []byte("y"))
		synctest.Wait()
		if a.smp.Stage != SMPFailed || !a.smp.Kept || a.contact(b).Lock != Private {
			t.Errorf("%+v %+v", a.smp, a.contact(b))
		}
		if b.smp.Kept {
			t.Errorf("%+v", b.smp)
		}
	})
}

// A line tells how things stood when it was written: it must not tell something else later.
func TestVerdictsStayAsTheyWere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		fp := *a.contact(b).Key
		ask := func(answer string) {
			t.Helper()
			if err := a.session.Ask(a.ref(b), fp, "where?", []byte("there")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if err := b.session.Answer(b.ref(a), b.smp.Number, []byte(answer)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		ask("here")
		ask("there")
		ask("nowhere")
		a.session.SetVerified(a.ref(b), fp, false)
		synctest.Wait()
		var got []Verified
		for _, id := range a.order {
			e := a.entries[id]
			if e.Kind == NoticeEntry && (e.Notice == NoticeSMPFailed || e.Notice == NoticeVerifiedThem) {
				got = append(got, e.Verified)
			}
		}
		if want := []Verified{NotVerified, ByQuestion, ByQuestion}; !slices.Equal(got, want) {
			t.Errorf("%v instead of %v", got, want)
		}
	})
}

func TestSMPOnlyForTheLiveKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		fp := *a.contact(b).Key
		other := fp
		other[0] ^= 1
		if err := a.session.Ask(a.ref(b), other, "?", []byte("x")); !errors.Is(err, ErrKeyGone) {
			t.Errorf("%v", err)
		}
		a.session.EndPrivate(a.ref(b))
		synctest.Wait()
		if err := a.session.Ask(a.ref(b), fp, "?", []byte("x")); !errors.Is(err, ErrNotPrivate) {
			t.Errorf("%v", err)
		}
	})
}

func TestSMPCancelAbortTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		ask := func() {
			t.Helper()
			if err := a.session.Ask(a.ref(b), *a.contact(b).Key, "?", []byte("x")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		ask()
		a.session.CancelSMP(a.ref(b))
		synctest.Wait()
		if a.smp.Stage != SMPCancelled || b.smp.Stage != SMPAborted {
			t.Errorf("cancelled by the asker: %+v %+v", a.smp, b.smp)
		}
		ask()
		b.session.CancelSMP(b.ref(a))
		synctest.Wait()
		if a.smp.Stage != SMPAborted || b.smp.Stage != SMPCancelled {
			t.Errorf("cancelled by the asked: %+v %+v", a.smp, b.smp)
		}
		ask()
		pass(smpPatience + time.Second)
		// Both have waited the same time: whoever notices first tells the other.
		if late := []SMPStage{SMPTimedOut, SMPAborted}; !slices.Contains(late, a.smp.Stage) || !slices.Contains(late, b.smp.Stage) ||
			a.smp.Stage == SMPAborted && b.smp.Stage == SMPAborted {
			t.Errorf("nobody answered: %+v %+v", a.smp, b.smp)
		}
		pass(promptsEvery)
		ask()
		first := b.smp.Number
		ask() // again while the first is open
		if b.smp.Number == first+1 && b.smp.Stage != SMPNeedsAnswer {
			t.Errorf("%+v", b.smp)
		}
		if err := b.session.Answer(b.ref(a), first, []byte("x")); !errors.Is(err, ErrNoRequest) {
			t.Errorf("an answer to the first question reached the second: %v", err)
		}
		a.session.EndPrivate(a.ref(b))
		synctest.Wait()
		if s := a.smp.Stage; s != SMPAborted {
			t.Errorf("the session ended: %+v", a.smp)
		}
		if s := b.smp.Stage; s != SMPAborted {
			t.Errorf("the session was ended: %+v", b.smp)
		}
	})
}

func TestSMPBothAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		a.session.Ask(a.ref(b), *a.contact(b).Key, "a?", []byte("x"))
		b.session.Ask(b.ref(a), *b.contact(a).Key, "b?", []byte("x"))
		pass(smpPatience + time.Second)
		for _, s := range []SMP{a.smp, b.smp} {
			if s.Stage == SMPWaiting || s.Stage == SMPNeedsAnswer || s.Stage == SMPSucceeded {
				t.Errorf("%+v", s)
			}
		}
		// And then one after the other.
		pass(promptsEvery)
		a.session.Ask(a.ref(b), *a.contact(b).Key, "a?", []byte("x"))
		synctest.Wait()
		b.session.Answer(b.ref(a), b.smp.Number, []byte("x"))
		synctest.Wait()
		if a.contact(b).Lock != Private {
			t.Errorf("%+v %+v", a.smp, b.smp)
		}
	})
}

func TestSMPPromptsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		for range 10 {
			a.session.Ask(a.ref(b), *a.contact(b).Key, "?", []byte("x"))
			synctest.Wait()
			a.session.CancelSMP(a.ref(b))
			synctest.Wait()
		}
		if n := b.count(NoticeSMPAsked); n != MaxPrompts {
			t.Errorf("asked %d times in an hour", n)
		}
		pass(promptsEvery)
		a.session.Ask(a.ref(b), *a.contact(b).Key, "?", []byte("x"))
		synctest.Wait()
		if b.smp.Stage != SMPNeedsAnswer {
			t.Errorf("%+v", b.smp)
		}
	})
}

func TestTrustOutlivesTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		a.session.Ask(a.ref(b), *a.contact(b).Key, "?", []byte("x"))
		synctest.Wait()
		b.session.Answer(b.ref(a), b.smp.Number, []byte("x"))
		synctest.Wait()
		want := a.contact(b).Keys
		a.restart()
		b.restart()
		if got := a.contact(b); !slices.EqualFunc(got.Keys, want, sameKnown) || got.Keys[0].Verified != ByQuestion {
			t.Errorf("%+v, want %+v", got.Keys, want)
		}
		if !b.contact(a).VerifiedUs {
			t.Error("bob forgot that alice verified him")
		}
	})
}

func sameKnown(x, y Key) bool {
	return x.Fingerprint == y.Fingerprint && x.Verified == y.Verified && x.FirstSeen.Equal(y.FirstSeen) && x.VerifiedAt.Equal(y.VerifiedAt)
}

func TestRefusedKeyIsRefusedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		swapKey(b)
		b.session.Opened(b.ref(a))
		synctest.Wait()
		c := a.contact(b).KeyChange
		if c == nil {
			t.Fatalf("%q", a.lines())
		}
		if _, err := a.session.Send(a.ref(b), canary(), SendPrivately); !errors.Is(err, ErrKeyUndecided) {
			t.Errorf("%v", err)
		}
		a.session.Decide(a.ref(b), c.New.Fingerprint, Refuse)
		synctest.Wait()
		if s := a.contact(b); s.Lock != NotPrivate || s.KeyChange != nil || !a.has(NoticeKeyRefused) {
			t.Errorf("%+v", s)
		}
		for range 3 {
			b.session.EndPrivate(b.ref(a))
			b.session.StartPrivate(b.ref(a))
			pass(time.Minute)
			if s := a.contact(b); s.Lock != NotPrivate || s.KeyChange != nil {
				t.Errorf("%+v", s)
			}
		}
		if n := a.count(NoticeKeyChanged); n != 1 {
			t.Errorf("asked %d times", n)
		}
		a.session.StartPrivate(a.ref(b)) // the person wants to see it again
		synctest.Wait()
		if a.contact(b).KeyChange == nil {
			t.Errorf("%+v", a.contact(b))
		}
		h.assertSecret(t, "canary")
	})
}

func TestVerifyingTheNewKeySettlesTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := verified(t)
		swapKey(b)
		b.session.Opened(b.ref(a))
		synctest.Wait()
		fp := a.contact(b).KeyChange.New.Fingerprint
		if err := a.session.Ask(a.ref(b), fp, "?", []byte("x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.session.Answer(b.ref(a), b.smp.Number, []byte("x"))
		synctest.Wait()
		if c := a.contact(b); c.KeyChange != nil || c.Lock != Private || c.SendMode != SendPrivately || len(c.Keys) != 2 {
			t.Errorf("%+v", c)
		}
	})
}

func TestKeysAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		done := make(chan struct{})
		account, _ := a.session.account(a.jid)
		account.ask(func() {
			c := account.conversations[b.jid]
			for i := range 10 * maxKeys {
				c.meet(otr.Peer{Fingerprint: otr.Fingerprint{byte(i), byte(i >> 8), 1}})
			}
			if _, ok := c.verifiedKey(); !ok || len(c.keys) > maxKeys {
				t.Errorf("%d keys", len(c.keys))
			}
			close(done)
		})
		<-done
		_ = h
	})
}

func TestAnotherClientWithAnotherKeyTakesNothingOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		// Somebody signs in to bob's account elsewhere, with a key of their own.
		s := strangerTo(t, h, b.jid)
		s.session.SignIn(SignIn{Address: b.jid, Password: []byte("secret of " + b.jid)})
		synctest.Wait()
		s.session.Opened(s.ref(a))
		s.session.StartPrivate(s.ref(a))
		synctest.Wait()
		c := a.contact(b)
		if c.Lock != Private || c.KeyChange != nil {
			t.Errorf("%+v", c)
		}
		x := canary()
		a.say(b, x)
		if s.heardText(x) || !b.heardText(x) {
			t.Errorf("heard by the other: %q, by bob: %q", s.heard(), b.heard())
		}
		h.assertSecret(t, "canary")
	})
}

func TestP27CorrectionsAndHeadlinesAreNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		lines := len(a.order)
		for i, kind := range []xmpp.MessageType{xmpp.Headline, xmpp.Groupchat} {
			h.inject(a.jid, &xmpp.Message{ID: fmt.Sprint(i), From: bobsPhone, Type: kind, Body: "hello"})
		}
		synctest.Wait()
		if len(a.order) != lines {
			t.Errorf("%q", a.lines())
		}
		_ = b
	})
}

// An answer that cannot be sent is not taken.
func TestSMPAnswerNeedsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		if err := b.session.Ask(b.ref(a), *b.contact(a).Key, "which?", []byte("that")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		number := a.smp.Number
		h.mu.Lock()
		h.refuse = &xmpp.Error{Kind: xmpp.Unreachable}
		h.mu.Unlock()
		h.cut(a.jid, xmpp.Unreachable)
		synctest.Wait()
		if err := a.session.Answer(a.ref(b), number, []byte("that")); err != ErrNotPrivate {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		if a.smp.Stage != SMPNeedsAnswer {
			t.Errorf("stage %d", a.smp.Stage)
		}
	})
}

// Somebody who signs in to a contact's account with a key of their own asks nothing in the name of the contact, and stops nothing.
func TestS03AnotherKeyAsksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := verified(t)
		s := strangerTo(t, h, b.jid)
		s.session.SignIn(SignIn{Address: b.jid, Password: []byte("secret of " + b.jid)})
		synctest.Wait()
		s.session.Opened(s.ref(a))
		s.session.StartPrivate(s.ref(a))
		synctest.Wait()
		if s.contact(a).Key == nil {
			t.Fatalf("no session: %+v", s.contact(a))
		}
		if err := a.session.Ask(a.ref(b), *a.contact(b).Key, "which?", []byte("that")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := s.session.Ask(s.ref(a), *s.contact(a).Key, "what is your password?", []byte("x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if a.smp.Stage != SMPWaiting || !a.smp.Ours || a.has(NoticeSMPAsked) {
			t.Errorf("%+v; %q", a.smp, a.lines())
		}
		if err := b.session.Answer(b.ref(a), b.smp.Number, []byte("that")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if a.smp.Stage != SMPSucceeded {
			t.Errorf("%+v", a.smp)
		}
		if a.contact(b).VerifiedUs {
			t.Error("verified by whom?")
		}
	})
}

// Keys of a contact that nobody decided anything about are not kept without end.
func TestLKeptContactsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := friends(t)
		acc, _ := a.session.account(a.jid)
		acc.ask(func() {
			for n := range maxKept {
				acc.record.Contacts = append(acc.record.Contacts, store.Contact{JID: fmt.Sprint(n, "@sotto.test")})
			}
			var fp otr.Fingerprint
			rand.Read(fp[:])
			c := acc.conversations[b.jid]
			c.meet(otr.Peer{Fingerprint: fp})
			if n := len(acc.record.Contacts); n != maxKept {
				t.Errorf("%d kept", n)
			}
			if err := c.verify(fp, ByComparison); err != nil {
				t.Error(err)
			}
			if n := len(acc.record.Contacts); n != maxKept+1 {
				t.Errorf("%d kept after the person verified one", n)
			}
		})
	})
}

// Asking without a question would be the other kind of check, which verifies both ways.
func TestAskNeedsAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		for _, question := range []string{"", " \n", "\x01\x00"} {
			if err := a.session.Ask(a.ref(b), *a.contact(b).Key, question, []byte("x")); !errors.Is(err, ErrEmpty) {
				t.Errorf("%q: %v", question, err)
			}
		}
		synctest.Wait()
		if b.smp.Number != 0 {
			t.Errorf("%+v", b.smp)
		}
	})
}

// Who holds another key has not verified us, whatever the holder of the old one did.
func TestAnotherKeyHasNotVerifiedUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		if err := b.session.Ask(b.ref(a), *b.contact(a).Key, "Where?", []byte("here")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := a.session.Answer(a.ref(b), a.smp.Number, []byte("here")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !a.contact(b).VerifiedUs {
			t.Fatalf("%q", a.lines())
		}
		swapKey(b)
		b.session.Opened(b.ref(a))
		synctest.Wait()
		if c := a.contact(b); c.Lock != Unverified || c.VerifiedUs {
			t.Errorf("%+v", c)
		}
	})
}

// A contact who asks a hundred questions is shown a few times, costs nothing that stays, and can be verified all the same. Somebody who is no
// contact is not answered at all.
func TestLHundredQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, "hello")
		b.say(a, "hello")
		account, _ := b.session.account(b.jid)
		asks := func(i int) {
			account.ask(func() {
				c := account.conversations[a.jid]
				c.apply(c.otr.AbortSMP(), cause{})
				events, err := c.otr.StartSMP(fmt.Sprint("Question ", i, strings.Repeat("?", 200)), []byte("answer"))
				if err != nil {
					t.Error(err)
				}
				c.apply(events, cause{})
			})
			synctest.Wait()
		}
		asks(0)
		before := liveBytes()
		for i := 1; i <= 100; i++ {
			asks(i)
		}
		if grown := int64(liveBytes()) - int64(before); grown > 4<<20 {
			t.Errorf("%d kB more in use", grown>>10)
		}
		shown := 0
		for _, stage := range a.stages {
			if stage == SMPNeedsAnswer {
				shown++
			}
		}
		if shown == 0 || shown > MaxPrompts || len(a.order) > 20 {
			t.Errorf("%d questions were shown, in %d entries", shown, len(a.order))
		}
		x := canary()
		b.say(a, x)
		if !a.heardText(x) || a.contact(b).SendMode != SendPrivately {
			t.Errorf("%q", a.lines())
		}
		pass(promptsEvery)
		key := *a.contact(b).Key
		if err := a.session.Ask(a.ref(b), key, "where?", []byte("here")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := b.session.Answer(b.ref(a), b.smp.Number, []byte("here")); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if a.contact(b).Lock != Private {
			t.Errorf("could not be verified any more: %+v", a.smp)
		}

		// The same from somebody who is not on the roster: OTR of theirs is not even begun.
		n := len(h.sent(a.jid))
		for i := range 100 {
			h.inject(a.jid, &xmpp.Message{ID: fmt.Sprint(i), From: jid.MustParse("eve@sotto.test/x"), Type: xmpp.Chat, Body: "?OTRv3?"})
		}
		pass(time.Minute)
		if len(h.sent(a.jid)) != n || a.contacts["eve@sotto.test"].Lock != NotPrivate {
			t.Error("a stranger was answered")
		}
	})
}
