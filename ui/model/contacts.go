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
	Doubtful    bool // Last came without encryption where it should not have, and may be forged
	ShowAddress bool // the name could be taken for another one: the address must stand beside it
	ShowAccount bool // there is more than one account
}

// A Heading stands above the contacts of a group.
type Heading struct {
	Group  string // "": those who are in no group
	Online int    // of Total
	Total  int
	Unread int // messages, also those of contacts that are folded away
	Folded bool
}

// A Filter says what of all contacts a list shows.
type Filter struct {
	Search      string                  // only those whose name or address contains it, in no groups
	HideOffline bool                    // whoever is offline, unless something of theirs waits for the person or Keep holds
	Keep        func(session.Ref) bool  // never hidden; nil: nobody
	Folded      func(group string) bool // its contacts are not shown, but what waits for the person; nil: none
}

// A List is what the list of contacts shows, from top to bottom. It holds until the Model changes.
type List struct {
	model  *Model
	items  []item
	hidden int
}

// An item is a heading or a contact.
type item struct {
	contact *contact
	heading *Heading
}

// A group is one of the roster, as far as it is needed to make a list.
type group struct {
	name    string
	folded  string // for sorting
	users   int    // contacts that are in it
	members []*contact
}

// List returns the contacts that a filter leaves: requests first, then whom one can reach, has talked to or not read, then the others;
// each of them those one spoke with last first. Where groups exist each stands under its heading, in the order of the alphabet, and
// those without one last.
func (m *Model) List(f Filter) List {
	l := List{model: m}
	if wanted := Fold(strings.TrimSpace(f.Search)); wanted != "" {
		for _, c := range m.sorted {
			if strings.Contains(c.search, wanted) {
				l.items = append(l.items, item{contact: c})
			}
		}
		return l
	}
	l.items = make([]item, 0, len(m.sorted)+len(m.groups)+1)
	alone := &m.alone
	alone.members = alone.members[:0]
	for _, g := range m.groups {
		g.members = g.members[:0]
	}
	for _, c := range m.sorted {
		switch {
		case c.Wants || len(m.groups) == 0:
			if l.sees(c, f) {
				l.items = append(l.items, item{contact: c})
			}
		case len(c.groups) == 0:
			alone.members = append(alone.members, c)
		default:
			for _, g := range c.groups {
				g.members = append(g.members, c)
			}
		}
	}
	for _, g := range m.groupsInOrder() {
		l.addGroup(g, f)
	}
	if len(alone.members) > 0 {
		l.addGroup(alone, f)
	}
	return l
}

func (m *Model) groupsInOrder() []*group {
	if m.ordered == nil {
		for _, g := range m.groups {
			m.ordered = append(m.ordered, g)
		}
		slices.SortFunc(m.ordered, func(a, b *group) int { return cmp.Or(cmp.Compare(a.folded, b.folded), cmp.Compare(a.name, b.name)) })
	}
	return m.ordered
}

// addGroup adds a heading and what is not hidden under it. A group of which nothing is left has no heading.
func (l *List) addGroup(g *group, f Filter) {
	h := &Heading{Group: g.name, Total: len(g.members), Folded: f.Folded != nil && f.Folded(g.name)}
	at := len(l.items)
	l.items = append(l.items, item{heading: h})
	some := false
	for _, c := range g.members {
		if c.Presence != session.PresenceOffline {
			h.Online++
		}
		h.Unread += c.Unread
		if !l.sees(c, f) {
			continue
		}
		some = true
		if !h.Folded || l.model.waits(c, f) {
			l.items = append(l.items, item{contact: c})
		}
	}
	if !some {
		l.items = l.items[:at]
	}
}

// sees tells whether a contact is on the list, and counts those who are not.
func (l *List) sees(c *contact, f Filter) bool {
	if f.HideOffline && c.Presence == session.PresenceOffline && !l.model.waits(c, f) {
		l.hidden++
		return false
	}
	return true
}

// Hidden is how often a contact would stand on the list but for HideOffline.
func (l List) Hidden() int { return l.hidden }

// waits tells whether something of a contact waits for the person: then it is never hidden.
func (m *Model) waits(c *contact, f Filter) bool {
	return c.Wants || c.Unread > 0 || m.drafts[c.Ref] != "" || f.Keep != nil && f.Keep(c.Ref)
}

// Len is how many lines the list has.
func (l List) Len() int { return len(l.items) }

// Heading returns the heading at line i, or nil where a contact stands.
func (l List) Heading(i int) *Heading { return l.items[i].heading }

// Row returns the contact at line i. The zero Row where a heading stands.
func (l List) Row(i int) Row {
	if c := l.items[i].contact; c != nil {
		return l.model.row(c)
	}
	return Row{}
}

// Ref returns who stands at line i. The zero Ref where a heading stands.
func (l List) Ref(i int) session.Ref {
	if c := l.items[i].contact; c != nil {
		return c.Ref
	}
	return session.Ref{}
}

// Find returns the first line at which a contact stands, or -1.
func (l List) Find(r session.Ref) int {
	return slices.IndexFunc(l.items, func(i item) bool { return i.contact != nil && i.contact.Ref == r })
}

// First returns the contact that stands highest.
func (l List) First() (session.Ref, bool) {
	for _, i := range l.items {
		if i.contact != nil {
			return i.contact.Ref, true
		}
	}
	return session.Ref{}, false
}

// Neighbour returns the contact that stands by steps below r, passing over headings, and the nearest end where the list is too short.
// It returns the first contact when r is not in the list, and false when nobody is.
func (l List) Neighbour(r session.Ref, by int) (session.Ref, bool) {
	at := l.Find(r)
	if at < 0 {
		return l.First()
	}
	to, step := at, 1
	if by < 0 {
		step, by = -1, -by
	}
	for i := at + step; by > 0 && i >= 0 && i < len(l.items); i += step {
		if l.items[i].contact != nil {
			to = i
			by--
		}
	}
	return l.items[to].contact.Ref, true
}

func (m *Model) row(c *contact) Row {
	r := Row{Contact: c.Contact, ShowAddress: m.ambiguous(c), ShowAccount: len(m.accounts) > 1}
	if t := m.talks[c.Ref]; t != nil {
		r.Last, r.LastOurs, r.Doubtful = t.last, t.lastOurs, t.doubtful
	}
	return r
}

func (m *Model) ambiguous(c *contact) bool { return c.mixed || m.names[c.skeleton] > 1 }

// ShowAddress tells whether a contact's address must be shown beside its name.
func (m *Model) ShowAddress(r session.Ref) bool {
	c := m.contacts[r]
	return c != nil && m.ambiguous(c)
}

// place puts a contact where it belongs in the order of the list; displace takes it out. Both know where it is by comparing, so
// that nothing about it may change in between.
func (m *Model) place(c *contact) {
	at, _ := slices.BinarySearchFunc(m.sorted, c, compareContacts)
	m.sorted = slices.Insert(m.sorted, at, c)
}

func (m *Model) displace(c *contact) {
	if at, found := slices.BinarySearchFunc(m.sorted, c, compareContacts); found {
		m.sorted = slices.Delete(m.sorted, at, at+1)
	}
}

// join puts a contact into its groups, and leave takes it out of them. A group is there as long as somebody is in it.
func (m *Model) join(c *contact) {
	c.groups = c.groups[:0]
	for _, name := range c.Groups {
		g := m.groups[name]
		if g == nil {
			g = &group{name: name, folded: Fold(name)}
			m.groups[name], m.ordered = g, nil
		}
		if !slices.Contains(c.groups, g) {
			g.users++
			c.groups = append(c.groups, g)
		}
	}
}

func (m *Model) leave(c *contact) {
	for _, g := range c.groups {
		if g.users--; g.users == 0 {
			delete(m.groups, g.name)
			m.ordered = nil
		}
	}
	c.groups = nil
}

// GroupNames returns the groups of all contacts in the order of the list.
func (m *Model) GroupNames() []string {
	names := []string{}
	for _, g := range m.groupsInOrder() {
		names = append(names, g.name)
	}
	return names
}

func compareContacts(a, b *contact) int {
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		b.Activity.Compare(a.Activity),
		cmp.Compare(a.folded, b.folded),
		cmp.Compare(a.Ref.Contact, b.Ref.Contact),
		cmp.Compare(a.Account, b.Account),
	)
}

func rank(c *contact) int {
	switch {
	case c.Wants:
		return 0
	case c.Unread > 0, c.Presence != session.PresenceOffline, !c.Activity.IsZero():
		return 1
	}
	return 2
}
