// Package model turns a session's events into what a window shows: accounts, the sorted list of contacts, and the lines of
// each conversation. It knows no toolkit, makes no sentence for people and decides nothing about security.
//
// A Model belongs to one goroutine. Conversations live in memory only and are bounded: the oldest lines go first.
package model

import (
	"slices"

	"github.com/sotto-im/sotto/session"
)

// The bounds of what is remembered of conversations.
const (
	MaxLines  = 100_000  // of one conversation
	MaxWeight = 64 << 20 // of all conversations together, in bytes
)

// A Model holds the last value of everything a session has told. The zero Model is not usable: see New.
type Model struct {
	accounts map[string]session.Account
	order    []string // of accounts: as they first appeared
	contacts map[session.Ref]*contact
	sorted   []*contact // every contact in the order of the list
	groups   map[string]*group
	ordered  []*group // in the order of the list; nil when it must be made again
	alone    group    // of those who are in no group
	names    map[string]int
	talks    map[session.Ref]*transcript
	weight   int // of all talks
	most     int // they may weigh
	resets   int
	runs     map[session.Ref]session.SMP
	drafts   map[session.Ref]string
	intents  map[session.Ref]Intent
}

type contact struct {
	session.Contact
	skeleton string // of Name: equal for names that look alike
	mixed    bool   // Name mixes scripts
	search   string // what a search looks at: name and address
	folded   string // Name, for sorting
	groups   []*group
}

// New returns an empty Model.
func New() *Model {
	return &Model{
		most:     MaxWeight,
		accounts: make(map[string]session.Account),
		contacts: make(map[session.Ref]*contact),
		names:    make(map[string]int),
		groups:   make(map[string]*group),
		talks:    make(map[session.Ref]*transcript),
		runs:     make(map[session.Ref]session.SMP),
		drafts:   make(map[session.Ref]string),
		intents:  make(map[session.Ref]Intent),
	}
}

// Topic says what part of the model an event has changed.
type Topic uint8

// What Apply can have changed.
const (
	Nothing  Topic = iota
	Accounts       // Account names it
	Contact        // Ref names it
	Gone           // Ref is no longer a contact
	Talk           // a line of Ref's conversation is new or different
	Run            // the verification run of Ref
	Loud           // something of Ref deserves the person's attention
	Store          // the settings: the event itself says what happened
)

// A Change is what Apply did.
type Change struct {
	Topic   Topic
	Account string
	Ref     session.Ref
}

// Apply takes over what an event tells.
func (m *Model) Apply(e session.Event) Change {
	switch e := e.(type) {
	case session.AccountChanged:
		return m.setAccount(e.Account)
	case session.AccountRemoved:
		return m.removeAccount(e.JID)
	case session.ContactChanged:
		return m.setContact(e.Contact)
	case session.ContactRemoved:
		return m.removeContact(e.Ref)
	case session.EntryChanged:
		return m.setEntry(e.Entry)
	case session.SMPChanged:
		e.SMP.Question = Body(e.SMP.Question) // as in the line that tells of it
		m.runs[e.SMP.Ref] = e.SMP
		return Change{Topic: Run, Account: e.SMP.Ref.Account, Ref: e.SMP.Ref}
	case session.Contacted:
		return Change{Topic: Loud, Account: e.Ref.Account, Ref: e.Ref}
	case session.StoreProblem:
		return Change{Topic: Store}
	}
	return Change{}
}

func (m *Model) setAccount(a session.Account) Change {
	if _, known := m.accounts[a.JID]; !known {
		m.order = append(m.order, a.JID)
	}
	m.accounts[a.JID] = a
	return Change{Topic: Accounts, Account: a.JID}
}

func (m *Model) removeAccount(jid string) Change {
	delete(m.accounts, jid)
	m.order = slices.DeleteFunc(m.order, func(a string) bool { return a == jid })
	for ref := range m.contacts {
		if ref.Account == jid {
			m.removeContact(ref)
		}
	}
	for ref := range m.talks {
		if ref.Account == jid {
			m.forget(ref)
		}
	}
	return Change{Topic: Accounts, Account: jid}
}

func (m *Model) setContact(e session.Contact) Change {
	e.Name = Name(e.Name)
	if e.Name == "" {
		e.Name = Name(e.Ref.Contact)
	}
	e.Status = Name(e.Status)
	e.Groups = groupNames(e.Groups)
	c := m.contacts[e.Ref]
	known := c != nil
	if known {
		m.displace(c)
	} else {
		c = new(contact)
		m.contacts[e.Ref] = c
	}
	if !known || c.Name != e.Name {
		if known {
			m.countName(c.skeleton, -1)
		}
		c.skeleton, c.mixed = skeleton(e.Name), mixesScripts(e.Name)
		c.search, c.folded = Fold(e.Name+"\n"+e.Ref.Contact), Fold(e.Name)
		m.countName(c.skeleton, 1)
	}
	regroup := !slices.Equal(c.Groups, e.Groups)
	c.Contact = e
	if regroup {
		m.leave(c)
		m.join(c)
	}
	m.place(c)
	return Change{Topic: Contact, Account: e.Account, Ref: e.Ref}
}

// groupNames makes the names of groups fit to be shown. Two that look the same are one.
func groupNames(names []string) []string {
	var shown []string
	for _, name := range names {
		if name = Name(name); name != "" && !slices.Contains(shown, name) {
			shown = append(shown, name)
		}
	}
	return shown
}

func (m *Model) countName(skeleton string, by int) {
	m.names[skeleton] += by
	if m.names[skeleton] == 0 {
		delete(m.names, skeleton)
	}
}

func (m *Model) removeContact(r session.Ref) Change {
	if old := m.contacts[r]; old != nil {
		m.countName(old.skeleton, -1)
		m.displace(old)
		m.leave(old)
	}
	delete(m.contacts, r)
	m.forget(r)
	return Change{Topic: Gone, Account: r.Account, Ref: r}
}

// forget drops everything that belongs to a conversation.
func (m *Model) forget(r session.Ref) {
	if t := m.talks[r]; t != nil {
		m.weight -= t.weight
	}
	delete(m.talks, r)
	delete(m.runs, r)
	delete(m.drafts, r)
	delete(m.intents, r)
}

// Accounts returns the accounts in the order in which they first appeared.
func (m *Model) Accounts() []session.Account {
	all := make([]session.Account, 0, len(m.order))
	for _, jid := range m.order {
		all = append(all, m.accounts[jid])
	}
	return all
}

// Account returns one account.
func (m *Model) Account(jid string) (session.Account, bool) {
	a, ok := m.accounts[jid]
	return a, ok
}

// Contact returns one contact, its name and status fit to be shown.
func (m *Model) Contact(r session.Ref) (session.Contact, bool) {
	c := m.contacts[r]
	if c == nil {
		return session.Contact{Ref: r, Name: Name(r.Contact)}, false
	}
	return c.Contact, true
}

// SMP returns the last verification run of a conversation.
func (m *Model) SMP(r session.Ref) (session.SMP, bool) {
	run, ok := m.runs[r]
	return run, ok
}

// Unread counts the messages nobody has looked at.
func (m *Model) Unread() int {
	n := 0
	for _, c := range m.contacts {
		n += c.Unread
	}
	return n
}
