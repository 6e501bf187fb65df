package session

import (
	"slices"
	"testing"
	"testing/synctest"
)

func TestTwoPeopleTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		if m := a.contact(b).SendMode; m != SendWhenPrivate {
			t.Fatalf("send mode %d", m)
		}
		x, y := canary(), canary()
		a.say(b, x)
		b.say(a, y)
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + x}) {
			t.Errorf("bob heard %q", got)
		}
		t.Logf("%q", a.lines())
		t.Logf("%q", b.lines())
		t.Logf("%+v", a.contact(b))
		h.assertSecret(t, x, y)
	})
}
