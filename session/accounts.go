package session

import (
	"cmp"
	"slices"
	"time"

	"github.com/sotto-im/sotto/session/store"
)

// maxBegunInAll is how many key exchanges all contacts of an account together may begin in a minute.
const maxBegunInAll = 60

// MoveAccount puts an account at a place among the others, counted from 0: Account.Position says where each is.
func (s *Session) MoveAccount(jid string, to int) {
	s.mu.Lock()
	i := slices.Index(s.order, jid)
	if i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
		s.order = slices.Insert(s.order, min(max(to, 0), len(s.order)), jid)
	}
	order := slices.Clone(s.order)
	s.mu.Unlock()
	if a, ok := s.account(jid); ok {
		a.tell(func() {
			s.change(func(settings *store.Settings) {
				slices.SortStableFunc(settings.Accounts, func(x, y store.Account) int {
					return cmp.Compare(slices.Index(order, x.JID), slices.Index(order, y.JID))
				})
			})
		})
	}
	for _, a := range s.everyAccount() {
		a.tell(func() {}) // settles, and so tells its new place
	}
}

// position is the account's place among the others.
func (s *Session) position(jid string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(slices.Index(s.order, jid), 0)
}

// Enable brings an account online, now and whenever the program starts.
func (s *Session) Enable(jid string) {
	s.tell(jid, func(a *account) {
		a.setDisabled(false)
		a.goOnline()
	})
}

// Disable signs an account out as Disconnect does, and keeps it so when the program starts again, until Enable. Everything that is known of
// it stays.
func (s *Session) Disable(jid string) {
	s.tell(jid, func(a *account) {
		a.setDisabled(true)
		a.goOffline()
	})
}

func (a *account) setDisabled(disabled bool) {
	a.record.Disabled = disabled
	a.keep()
}

// flooded tells whether so many key exchanges were begun by others that no more are worth the work.
func (a *account) flooded() bool {
	now := a.now()
	a.begun = slices.DeleteFunc(a.begun, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	return len(a.begun) >= maxBegunInAll
}
