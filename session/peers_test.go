package session

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
)

// TestAllowingVersion2InvitesAgain: an invitation that is still open did not offer what the person allows now.
func TestAllowingVersion2InvitesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		b.session.SetPolicy(b.ref(a), Never) // does not answer
		a.session.StartPrivate(a.ref(b))
		pass(time.Second)
		invitations := func() []string {
			return slices.DeleteFunc(h.sent(a.jid), func(body string) bool { return !otr.IsOTR(body) })
		}
		if n := len(invitations()); n != 1 {
			t.Fatalf("%d invitations at first", n)
		}
		a.session.AllowV2(a.ref(b), true)
		pass(time.Second)
		all := invitations()
		if len(all) != 2 || all[0] == all[1] {
			t.Errorf("invited with %q", all)
		}
		a.session.AllowV2(a.ref(b), false)
		a.session.AllowV2(a.ref(b), true)
		pass(time.Second)
		if n := len(invitations()); n > 4 {
			t.Errorf("%d invitations", n)
		}
	})
}
