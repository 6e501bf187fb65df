package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

func (p *person) finding(other *person, kind FindingKind) (Finding, bool) {
	for _, f := range p.contact(other).Findings {
		if f.Kind == kind {
			return f, true
		}
	}
	return Finding{}, false
}

// Nothing is said of a program that has done nothing unusual.
func TestNothingFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, mike, m := withProgram(t)
		for range 2 * fewUnconfirmed {
			a.say(mike, "hello")
			m.say("hello")
		}
		if f := a.contact(mike).Findings; len(f) != 0 {
			t.Errorf("%+v", f)
		}
	})
}

func TestFoundSotto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := acquainted(t)
		if _, ok := a.finding(b, FindingSotto); !ok || len(a.contact(b).Findings) != 1 {
			t.Errorf("%+v", a.contact(b).Findings)
		}
	})
}

func TestFoundUnmarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, m := withProgram(t)
		h.mu.Lock()
		m.line.unmarked = true
		h.mu.Unlock()
		m.say("once")
		if _, ok := a.finding(mike, FindingUnmarked); ok {
			t.Error("one message may be an exception")
		}
		m.say("twice", "and again")
		if f, ok := a.finding(mike, FindingUnmarked); !ok || f.Count != 3 || f.Place != "other" {
			t.Errorf("%+v", f)
		}
		h.mu.Lock()
		m.line.unmarked = false
		h.mu.Unlock()
		m.say("better")
		if _, ok := a.finding(mike, FindingUnmarked); ok {
			t.Error("it has learned, and is still said not to")
		}
	})
}

// What is not authentic proves nothing about a contact's program.
func TestForgedMessagesAreNoEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, m := withProgram(t)
		m.say("hello")
		from := jid.MustParse("mike@sotto.test/other")
		for i := range 5 {
			h.inject(a.jid, &xmpp.Message{ID: xmpp.NewID(), From: from, Type: xmpp.Chat, Body: []string{"hello", "?OTR:AAMD.", "?OTR:AAMDAAAA.", "?OTR Error: x", "?OTR|1|2,1,1,x,"}[i]})
		}
		synctest.Wait()
		if f, ok := a.finding(mike, FindingUnmarked); ok {
			t.Errorf("%+v", f)
		}
	})
}

func TestFoundSilentCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, mike, m := withProgram(t) // it knows nothing of checks
		ask := func() {
			a.session.Ask(a.ref(mike), *a.contact(mike).Key, "where?", []byte("x"))
			synctest.Wait()
		}
		ask()
		pass(smpPatience + time.Second)
		if _, ok := a.finding(mike, FindingSilentCheck); ok {
			t.Error("perhaps nobody was there")
		}
		ask()
		m.say("what is that?")
		pass(smpPatience + time.Second)
		if f, ok := a.finding(mike, FindingSilentCheck); !ok || f.Count != 1 || f.Place != "other" {
			t.Errorf("%+v", a.contact(mike).Findings)
		}
	})
}

func TestFoundStopsCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, mike, m := withProgram(t)
		abort := func(after time.Duration) {
			a.session.Ask(a.ref(mike), *a.contact(mike).Key, "where?", []byte("x"))
			synctest.Wait()
			pass(after)
			m.mu.Lock()
			for _, e := range m.talk.AbortSMP() {
				if t, ok := e.(otr.Transmit); ok {
					m.send(t)
				}
			}
			m.mu.Unlock()
			synctest.Wait()
		}
		abort(time.Minute)
		if _, ok := a.finding(mike, FindingStopsCheck); ok || a.smp.Stage != SMPAborted || a.smp.AtOnce {
			t.Errorf("a person may do that: %+v", a.smp)
		}
		abort(0)
		if f, ok := a.finding(mike, FindingStopsCheck); !ok || f.Count != 1 || !a.smp.AtOnce {
			t.Errorf("%+v %+v", a.contact(mike).Findings, a.smp)
		}
	})
}

// A Sotto that refuses a question because it has had too many is able to answer.
func TestASottoThatRefusesIsNoFinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := acquainted(t)
		for range MaxPrompts + 2 {
			a.session.Ask(a.ref(b), *a.contact(b).Key, "?", []byte("x"))
			synctest.Wait()
			a.session.CancelSMP(a.ref(b))
			synctest.Wait()
		}
		if _, ok := a.finding(b, FindingStopsCheck); ok {
			t.Errorf("%+v", a.contact(b).Findings)
		}
	})
}

func TestFoundOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		h.inject(a.jid, &xmpp.Message{ID: "1", From: bobsPhone, Type: xmpp.Chat, Body: "I sent you an OMEMO message", Encryption: "OME\u202eMO\n" + string(make([]byte, 5000))})
		synctest.Wait()
		if f, ok := a.finding(b, FindingOther); !ok || f.Count != 1 || f.Said == "" || len(f.Said) > 200 || !isClean(f.Said) {
			t.Errorf("%+v", a.contact(b).Findings)
		}
	})
}

func isClean(s string) bool { return cleanName(s) == s }

func TestFoundNoOTRAndOnlyV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "mike@sotto.test")
		h.befriend("alice@sotto.test", "mike@sotto.test")
		a := newPerson(t, h, "alice@sotto.test")
		m := newProgramSpeaking(otr.PolicyNever, t, h, "mike@sotto.test", "old", a)
		mike := &person{jid: "mike@sotto.test"}
		synctest.Wait()
		a.session.Opened(a.ref(mike))
		pass(answerLatest + time.Second)
		if f, ok := a.finding(mike, FindingNoOTR); !ok || f.Count != 1 {
			t.Errorf("%+v", a.contact(mike).Findings)
		}
		h.inject(a.jid, &xmpp.Message{ID: "q", From: jid.MustParse("mike@sotto.test/old"), Type: xmpp.Chat, Body: "?OTRv2?"})
		synctest.Wait()
		if f, ok := a.finding(mike, FindingOnlyV2); !ok || f.Said != "2" {
			t.Errorf("%+v", a.contact(mike).Findings)
		}
		if _, ok := a.finding(mike, FindingNoOTR); ok {
			t.Error("it speaks OTR")
		}
		_ = m
	})
}

func TestFoundUnconfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, mike, m := withProgram(t)
		m.mu.Lock()
		m.silent = true
		m.mu.Unlock()
		for range fewUnconfirmed {
			if _, ok := a.finding(mike, FindingUnconfirmed); ok {
				t.Error("so soon")
			}
			a.say(mike, "hello")
		}
		if f, ok := a.finding(mike, FindingUnconfirmed); !ok || f.Count != fewUnconfirmed {
			t.Errorf("%+v", a.contact(mike).Findings)
		}
	})
}

// However many places a contact has been at, what is remembered is bounded.
func TestHabitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		for i := range 10 * maxHabits {
			from := jid.MustParse(b.jid + "/" + string(rune('a'+i%26)) + xmpp.NewID())
			h.inject(a.jid, &xmpp.Message{ID: xmpp.NewID(), From: from, Type: xmpp.Chat, Body: "x", Encryption: "OX"})
			synctest.Wait()
		}
		if n := len(a.contact(b).Findings); n == 0 || n > maxHabits {
			t.Errorf("%d findings", n)
		}
	})
}
