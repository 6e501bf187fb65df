package session

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
)

// happened is the story of a contact's keys without dates.
func (p *person) happened(other *person) []KeyHappening {
	var what []KeyHappening
	for _, e := range p.session.KeyStory(p.ref(other)) {
		what = append(what, e.What)
	}
	return what
}

func TestKeyStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		old := *a.contact(b).Key
		begin := a.session.KeyStory(a.ref(b))
		if len(begin) != 1 || begin[0].What != KeyMet || begin[0].Key != old || begin[0].Device == "" || begin[0].Device != a.contact(b).Keys[0].Device {
			t.Errorf("%+v", begin)
		}
		pass(time.Hour)
		a.session.SetVerified(a.ref(b), old, true)
		pass(time.Hour)
		swapKey(b)
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		change := a.contact(b).KeyChange
		if change == nil {
			t.Fatalf("%q", a.lines())
		}
		fresh := change.New.Fingerprint
		a.session.Decide(a.ref(b), fresh, UseUnverified)
		synctest.Wait()
		a.session.SetVerified(a.ref(b), old, false)
		synctest.Wait()
		want := []KeyHappening{KeyMet, KeyVerified, KeyMet, KeyReplaced, KeyAccepted, KeyUnverified}
		if got := a.happened(b); !slices.Equal(got, want) {
			t.Errorf("%v instead of %v", got, want)
		}
		keys := a.contact(b).Keys
		if len(keys) != 2 || !keys[0].Replaced.IsZero() || !keys[1].Replaced.Equal(keys[0].FirstSeen) || keys[1].Fingerprint != old {
			t.Errorf("%+v", keys)
		}
		story := a.session.KeyStory(a.ref(b))
		if e := story[3]; e.Key != old || e.Other != fresh || !e.Time.Equal(keys[0].FirstSeen) {
			t.Errorf("%+v", e)
		}
		a.restart()
		again := a.session.KeyStory(a.ref(b))
		if !slices.EqualFunc(again, story, func(x, y KeyEvent) bool {
			return x.What == y.What && x.Key == y.Key && x.Other == y.Other && x.How == y.How && x.Device == y.Device && x.Time.Equal(y.Time)
		}) {
			t.Errorf("after a restart %+v", again)
		}
	})
}

// Another key after one that nobody verified is no first key, and is not said like one.
func TestAnotherUnverifiedKeyIsNoFirstKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		old := *a.contact(b).Key
		swapKey(b)
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		if a.count(NoticePrivateFirst) != 1 || a.count(NoticePrivateOther) != 1 {
			t.Errorf("%q", a.lines())
		}
		for _, id := range a.order {
			if e := a.entries[id]; e.Notice == NoticePrivateOther && e.Kind == NoticeEntry && (e.OldKey == nil || *e.OldKey != old || *e.Key == old) {
				t.Errorf("%+v", e)
			}
		}
	})
}

// However many keys a contact shows, the story stays short and keeps how the verified one came to be.
func TestKeyStoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := verified(t)
		acc, _ := a.session.account(a.jid)
		acc.ask(func() {
			c := acc.conversations[b.jid]
			for i := range 10 * maxStory {
				c.meet(otr.Peer{Fingerprint: otr.Fingerprint{byte(i), byte(i >> 8), 1}})
			}
			if len(c.story) > maxStory {
				t.Errorf("%d events", len(c.story))
			}
		})
		story := a.session.KeyStory(a.ref(b))
		if story[0].What != KeyMet || story[1].What != KeyVerified || story[0].Key != story[1].Key {
			t.Errorf("it begins with %+v, %+v", story[0], story[1])
		}
	})
}

// What is told of who verified us is never less than what was known, and can be taken back.
func TestWhoVerifiedUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := private(t)
		fp := *a.contact(b).Key
		set := func(how string) Key {
			acc, _ := a.session.account(a.jid)
			acc.ask(func() { acc.conversations[b.jid].setVerifiedUs(fp, how) })
			synctest.Wait()
			return a.contact(b).Keys[0]
		}
		if k := set("told"); !k.VerifiedUs || k.VerifiedUsHow != NotVerified {
			t.Errorf("%+v", k)
		}
		if k := set("secret"); !k.VerifiedUs || k.VerifiedUsHow != BySecret {
			t.Errorf("%+v", k)
		}
		if k := set("told"); k.VerifiedUsHow != BySecret {
			t.Errorf("%+v", k)
		}
		a.restart()
		if k := a.contact(b).Keys[0]; !k.VerifiedUs || k.VerifiedUsHow != BySecret || k.VerifiedUsAt.IsZero() {
			t.Errorf("after a restart %+v", k)
		}
		if k := set(""); k.VerifiedUs {
			t.Errorf("%+v", k)
		}
	})
}
