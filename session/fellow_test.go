package session

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
)

// acquainted are friends in a private conversation who know that the other one uses Sotto.
func acquainted(t *testing.T) (*hub, *person, *person) {
	t.Helper()
	h, a, b := private(t)
	a.session.Acquaint(a.ref(b))
	synctest.Wait()
	if !a.contact(b).Sotto || !b.contact(a).Sotto {
		t.Fatalf("not acquainted: %+v %+v", a.contact(b), b.contact(a))
	}
	return h, a, b
}

// tell writes records as if the program of p had made them, and only them.
func (p *person) tell(other *person, records ...otr.TLV) {
	p.t.Helper()
	account, _ := p.session.account(p.jid)
	account.ask(func() {
		c := account.conversations[other.jid]
		events, err := c.otr.Send(nil, records...)
		if err != nil {
			p.t.Error(err)
		}
		c.apply(events, cause{})
	})
	synctest.Wait()
}

func fellowRecord(word fellowWord, value ...byte) otr.TLV {
	return otr.TLV{Type: fellowMark, Value: append([]byte{byte(word)}, value...)}
}

// Each of two Sottos learns whether the other person has verified it: by comparison too, of which the protocol says nothing, and also when it
// is taken back.
func TestTwoSidedStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := acquainted(t)
		if a.contact(b).VerifiedUs || b.contact(a).VerifiedUs {
			t.Error("verified from the beginning")
		}
		a.session.SetVerified(a.ref(b), *a.contact(b).Key, true)
		synctest.Wait()
		if !b.contact(a).VerifiedUs || a.contact(b).VerifiedUs || b.count(NoticeVerifiedUs) != 1 || b.contact(a).Lock != Unverified {
			t.Errorf("compared: %+v %+v %q", a.contact(b), b.contact(a), b.lines())
		}
		a.session.SetVerified(a.ref(b), *a.contact(b).Key, false)
		synctest.Wait()
		if b.contact(a).VerifiedUs {
			t.Error("taken back, and not told")
		}
	})
}

// It comes with the first text as well, in no message of its own.
func TestStatusComesWithATextAndOutlivesTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := verified(t)
		a.say(b, "hello")
		if !b.contact(a).VerifiedUs || !b.contact(a).Sotto || !a.contact(b).Sotto {
			t.Fatalf("%+v", b.contact(a))
		}
		b.restart()
		if !b.contact(a).VerifiedUs {
			t.Errorf("forgotten: %+v", b.contact(a))
		}
	})
}

// Whoever says one thing and then another, again and again, fills neither the transcript nor the disk.
func TestStatesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := acquainted(t)
		for i := range 100 {
			b.tell(a, fellowRecord(fellowState, byte(i%2)))
		}
		if n := a.count(NoticeVerifiedUs); n > maxFellowStates {
			t.Errorf("%d lines", n)
		}
		if l := a.contact(b).Lock; l != Unverified {
			t.Errorf("lock %d", l)
		}
	})
}

func TestRequestVerification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		if err := a.session.RequestVerification(a.ref(b)); !errors.Is(err, ErrNotSotto) {
			t.Errorf("before anything is known: %v", err)
		}
		a.session.Acquaint(a.ref(b))
		synctest.Wait()
		if err := a.session.RequestVerification(a.ref(b)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !b.contact(a).WantsVerified || b.count(NoticeTheyWantVerified) != 1 || b.contact(a).Lock != Unverified || b.smp.Number != 0 {
			t.Fatalf("%+v %q", b.contact(a), b.lines())
		}
		if a.contact(b).RequestedAt.IsZero() || a.count(NoticeWeWantVerified) != 1 {
			t.Errorf("%+v", a.contact(b))
		}
		if err := a.session.RequestVerification(a.ref(b)); !errors.Is(err, ErrTooSoon) {
			t.Errorf("again: %v", err)
		}
		for range 20 { // a program that does not keep to that
			a.tell(b, fellowRecord(fellowRequest))
		}
		if n := b.count(NoticeTheyWantVerified); n != 1 {
			t.Errorf("shown %d times", n)
		}
		b.session.PutOff(b.ref(a), *b.contact(a).Key)
		synctest.Wait()
		if b.contact(a).WantsVerified || !b.contact(a).Keys[0].PutOff {
			t.Errorf("put off: %+v", b.contact(a))
		}
		pass(requestsEvery)
		a.tell(b, fellowRecord(fellowRequest))
		if b.contact(a).WantsVerified {
			t.Error("shown again an hour after it was put off")
		}
		pass(requestsAfterNo)
		a.tell(b, fellowRecord(fellowRequest))
		if !b.contact(a).WantsVerified {
			t.Error("not shown again a day later")
		}
		b.session.SetVerified(b.ref(a), *b.contact(a).Key, true)
		synctest.Wait()
		if b.contact(a).WantsVerified || b.contact(a).Keys[0].PutOff || !a.contact(b).VerifiedUs {
			t.Errorf("verified: %+v %+v", b.contact(a), a.contact(b))
		}
	})
}

// With any other program nothing is sent that it would not understand, but for one empty message.
func TestNoFellowWithAnotherProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, mike, m := withProgram(t)
		a.session.Acquaint(a.ref(mike))
		a.session.Acquaint(a.ref(mike))
		synctest.Wait()
		m.say("hello")
		c := a.contact(mike)
		if c.Sotto || c.Aloud != nil {
			t.Errorf("%+v", c)
		}
		if err := a.session.RequestVerification(a.ref(mike)); !errors.Is(err, ErrNotSotto) {
			t.Errorf("%v", err)
		}
		if err := a.session.AskFolded(a.ref(mike), *c.Key, "where?", []byte("x")); !errors.Is(err, ErrNotSotto) {
			t.Errorf("%v", err)
		}
		if got := strings.Join(m.hearing(), ""); got != "" {
			t.Errorf("shown there: %q", got)
		}
	})
}

// Folded answers, in both directions, and every other answer as it was typed, with the same question too.
func TestFoldedAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, alice, bob := acquainted(t)
		for _, c := range []struct {
			name             string
			from, to         *person
			folded           bool
			asked, answered  string
			stage            SMPStage
			answererRefuses  bool
			answererCorrects string
		}{
			{name: "folded", from: alice, to: bob, folded: true, asked: "Da Luigi!", answered: "da luigi", stage: SMPSucceeded},
			{name: "the same question as typed", from: alice, to: bob, asked: "Da Luigi!", answered: "da luigi", stage: SMPFailed},
			{name: "the other way", from: bob, to: alice, folded: true, asked: "ZÜRICH, 2019", answered: "zu\u0308rich2019", stage: SMPSucceeded},
			{name: "folded and wrong", from: bob, to: alice, folded: true, asked: "Rome", answered: "Milan", stage: SMPFailed},
			{name: "nothing left of the answer", from: alice, to: bob, folded: true, asked: "Rome", answered: "...", answererRefuses: true, answererCorrects: "rome", stage: SMPSucceeded},
		} {
			pass(promptsEvery)
			fp := *c.from.contact(c.to).Key
			var err error
			if c.folded {
				err = c.from.session.AskFolded(c.from.ref(c.to), fp, "where?", []byte(c.asked))
			} else {
				err = c.from.session.Ask(c.from.ref(c.to), fp, "where?", []byte(c.asked))
			}
			if err != nil {
				t.Fatal(c.name, err)
			}
			synctest.Wait()
			if c.from.smp.Folded != c.folded || c.to.smp.Folded != c.folded || c.to.smp.Stage != SMPNeedsAnswer {
				t.Fatalf("%s: %+v %+v", c.name, c.from.smp, c.to.smp)
			}
			err = c.to.session.Answer(c.to.ref(c.from), c.to.smp.Number, []byte(c.answered))
			if c.answererRefuses {
				if !errors.Is(err, ErrEmpty) || c.to.smp.Stage != SMPNeedsAnswer {
					t.Errorf("%s: %v %+v", c.name, err, c.to.smp)
				}
				err = c.to.session.Answer(c.to.ref(c.from), c.to.smp.Number, []byte(c.answererCorrects))
			}
			if err != nil {
				t.Fatal(c.name, err)
			}
			synctest.Wait()
			if c.from.smp.Stage != c.stage || c.to.smp.Stage != c.stage {
				t.Errorf("%s: %+v %+v", c.name, c.from.smp, c.to.smp)
			}
		}
		if err := alice.session.AskFolded(alice.ref(bob), *alice.contact(bob).Key, "where?", []byte("?!")); !errors.Is(err, ErrEmpty) {
			t.Errorf("nothing left of the asker's answer: %v", err)
		}
	})
}

// A program that says one thing and does another: nobody is verified by it who would not be without.
func TestFoldingThatIsALie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := acquainted(t)
		ask := func(p, other *person, question, answer string) {
			t.Helper()
			pass(promptsEvery)
			account, _ := p.session.account(p.jid)
			account.ask(func() {
				c := account.conversations[other.jid]
				events, err := c.otr.StartSMP(question, []byte(answer))
				if err != nil {
					t.Fatal(err)
				}
				c.newRun(SMP{Key: c.otrPeer().Fingerprint, Stage: SMPWaiting, Ours: true, Asked: question != "", Question: question})
				c.apply(events, cause{})
			})
			synctest.Wait()
		}
		mark := func(question string) []byte { m := markQuestion(question); return append([]byte{1}, m[:]...) }

		// They announce folding, and fold nothing: alice sees that answers are folded, and they differ.
		b.tell(a, fellowRecord(fellowCompare, mark("where?")...))
		ask(b, a, "where?", "In Rome")
		if !a.smp.Folded {
			t.Fatalf("%+v", a.smp)
		}
		a.session.Answer(a.ref(b), a.smp.Number, []byte("In Rome"))
		synctest.Wait()
		if a.smp.Stage != SMPFailed || a.contact(b).Lock != Unverified {
			t.Errorf("%+v", a.smp)
		}

		// A secret verifies both, so it is never folded, whatever they announce.
		b.tell(a, fellowRecord(fellowCompare, mark("")...))
		ask(b, a, "", "inrome")
		if a.smp.Folded {
			t.Fatalf("%+v", a.smp)
		}
		a.session.Answer(a.ref(b), a.smp.Number, []byte("In Rome"))
		synctest.Wait()
		if a.smp.Stage != SMPFailed || a.contact(b).Lock != Unverified {
			t.Errorf("a secret was folded: %+v", a.smp)
		}

		// What was announced for another question holds for no other, nor for the one after it.
		b.tell(a, fellowRecord(fellowCompare, mark("where?")...))
		ask(b, a, "when?", "In May")
		if a.smp.Folded {
			t.Errorf("%+v", a.smp)
		}
		a.session.CancelSMP(a.ref(b))
		ask(b, a, "where?", "In Rome")
		if a.smp.Folded {
			t.Errorf("%+v", a.smp)
		}
		a.session.CancelSMP(a.ref(b))

		// They are asked about folded answers, and answer as typed.
		pass(promptsEvery)
		a.session.AskFolded(a.ref(b), *a.contact(b).Key, "where?", []byte("In Rome"))
		synctest.Wait()
		account, _ := b.session.account(b.jid)
		account.ask(func() { account.conversations[a.jid].smp.Folded = false })
		b.session.Answer(b.ref(a), b.smp.Number, []byte("In Rome"))
		synctest.Wait()
		if a.smp.Stage != SMPFailed || a.contact(b).Lock != Unverified {
			t.Errorf("%+v", a.smp)
		}

		// Records that are cut off or of a later Sotto.
		for _, r := range []otr.TLV{{Type: fellowMark}, fellowRecord(fellowState), fellowRecord(fellowCompare, 1), fellowRecord(99, 1, 2, 3),
			fellowRecord(fellowCompare, make([]byte, 16)...)} {
			b.tell(a, r)
		}
		if a.contact(b).VerifiedUs || a.contact(b).Lock != Unverified {
			t.Errorf("%+v", a.contact(b))
		}
	})
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"da luigi":              "daluigi",
		" Da  Luigi! ":          "daluigi",
		"Straße":                "strasse",
		"STRASSE":               "strasse",
		"e\u0301te\u0301":       "été",
		"ÉTÉ":                   "été",
		"ﬁsh № ２":               "fishno2",
		"東 京":                   "東京",
		"…—!?":                  "",
		"\xff\xfeabc":           "abc",
		"Ａ\u200bB\u202ec\u00ad": "abc",
		"ΣΑΣ":                   "σασ",
		"σας":                   "σασ",
	} {
		if got := string(Fold([]byte(in))); got != want {
			t.Errorf("%q gives %q, not %q", in, got, want)
		}
		if again := string(Fold(Fold([]byte(in)))); again != want {
			t.Errorf("%q gives %q the second time", in, again)
		}
	}
}

// What each reads is what the other expects to hear; another session has other words, and so has somebody in between.
func TestReadAloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := acquainted(t)
		x, y := a.contact(b).Aloud, b.contact(a).Aloud
		if x == nil || y == nil || x.Ours != y.Theirs || x.Theirs != y.Ours || x.Ours == x.Theirs || x.Key != *a.contact(b).Key {
			t.Fatalf("%+v %+v", x, y)
		}
		pass(2 * asksOnce)
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		a.say(b, "hello")
		if z := a.contact(b).Aloud; z == nil || z.Ours == x.Ours || z.Theirs == x.Theirs || z.Theirs != b.contact(a).Aloud.Ours {
			t.Errorf("after fresh keys: %+v", z)
		}
	})
}

// A check that nobody answers ends by itself, for who asked first; how often answers differed is counted until they are the same.
func TestChecksEndAndAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		began := time.Now()
		a.session.Ask(a.ref(b), *a.contact(b).Key, "where?", []byte("x"))
		synctest.Wait()
		if until := a.smp.Until; !until.Equal(began.Add(smpPatience)) || b.smp.Until.Before(until) {
			t.Errorf("%v %v", until, b.smp.Until)
		}
		pass(smpPatience + smpGrace + time.Second)
		if a.smp.Stage != SMPTimedOut || b.smp.Stage != SMPAborted || !a.has(NoticeSMPTimedOut) {
			t.Errorf("%+v %+v", a.smp, b.smp)
		}
		for n := 1; n <= 2; n++ {
			pass(promptsEvery)
			a.session.Ask(a.ref(b), *a.contact(b).Key, "where?", []byte("x"))
			synctest.Wait()
			b.session.Answer(b.ref(a), b.smp.Number, []byte("y"))
			synctest.Wait()
			if a.smp.Failed != n || a.contact(b).Keys[0].Failed != n {
				t.Errorf("%d: %+v", n, a.smp)
			}
		}
		a.restart()
		if n := a.contact(b).Keys[0].Failed; n != 2 {
			t.Errorf("%d after a restart", n)
		}
		a.session.SetVerified(a.ref(b), a.contact(b).Keys[0].Fingerprint, true)
		synctest.Wait()
		if n := a.contact(b).Keys[0].Failed; n != 0 {
			t.Errorf("%d after verification", n)
		}
	})
}

func TestTooManyQuestionsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		var prompts []int
		for range 10 {
			a.session.Ask(a.ref(b), *a.contact(b).Key, "?", []byte("x"))
			synctest.Wait()
			prompts = append(prompts, b.smp.Prompt)
			a.session.CancelSMP(a.ref(b))
			a.say(b, "hello")
		}
		if n := b.count(NoticeSMPRefused); n != 1 {
			t.Errorf("told %d times\n%s", n, strings.Join(b.lines(), "\n"))
		}
		if !slices.Equal(prompts[:4], []int{1, 2, 3, 3}) {
			t.Errorf("%d", prompts)
		}
	})
}
