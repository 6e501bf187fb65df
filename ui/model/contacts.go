package model

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sotto-im/sotto/session"
)

// A Row is one contact as the list shows it.
type Row struct {
	session.Contact
	Last        string // the last words said, on one line; "" when nothing was said in this run of the program
	LastOurs    bool
	ShowAddress bool // the name could be taken for another one: the address must stand beside it
	ShowAccount bool // there is more than one account
}

// Contacts returns the contacts whose name or address contains what was searched for: requests first, then the contacts one
// can reach or has not read, then the others; in each group those one spoke with last come first.
func (m *Model) Contacts(search string) []Row {
	if m.sorted == nil {
		m.sort()
	}
	wanted := Fold(strings.TrimSpace(search))
	rows := make([]Row, 0, len(m.sorted))
	for _, c := range m.sorted {
		if strings.Contains(c.search, wanted) {
			rows = append(rows, m.row(c))
		}
	}
	return rows
}

func (m *Model) row(c *contact) Row {
	r := Row{
		Contact:     c.Contact,
		ShowAddress: c.mixed || m.names[c.skeleton] > 1,
		ShowAccount: len(m.accounts) > 1,
	}
	if t := m.talks[c.Ref]; t != nil {
		r.Last, r.LastOurs = t.last, t.lastOurs
	}
	return r
}

// ShowAddress tells whether a contact's address must be shown beside its name.
func (m *Model) ShowAddress(r session.Ref) bool {
	c := m.contacts[r]
	return c != nil && (c.mixed || m.names[c.skeleton] > 1)
}

func (m *Model) sort() {
	m.sorted = make([]*contact, 0, len(m.contacts))
	for _, c := range m.contacts {
		m.sorted = append(m.sorted, c)
	}
	slices.SortFunc(m.sorted, compareContacts)
}

func compareContacts(a, b *contact) int {
	return cmp.Or(
		cmp.Compare(group(a), group(b)),
		b.Activity.Compare(a.Activity),
		cmp.Compare(a.folded, b.folded),
		cmp.Compare(a.Ref.Contact, b.Ref.Contact),
		cmp.Compare(a.Account, b.Account),
	)
}

func group(c *contact) int {
	switch {
	case c.Wants:
		return 0
	case c.Unread > 0, c.Presence != session.PresenceOffline:
		return 1
	}
	return 2
}

// Neighbour returns the contact that stands by steps below r in the list, and the nearest end where the list is too short. It
// returns the first contact when r is not in the list, and false when the list is empty.
func Neighbour(rows []Row, r session.Ref, by int) (session.Ref, bool) {
	if len(rows) == 0 {
		return session.Ref{}, false
	}
	at := slices.IndexFunc(rows, func(row Row) bool { return row.Ref == r })
	if at < 0 {
		return rows[0].Ref, true
	}
	return rows[min(max(at+by, 0), len(rows)-1)].Ref, true
}
