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
	MaxLines    = 2_000  // of one conversation
	MaxLinesAll = 20_000 // of all conversations together
)

// A Model holds the last value of everything a session has told. The zero Model is not usable: see New.
type Model struct {
	accounts map[string]session.Account
	order    []string // of accounts: as they first appeared
	contacts map[session.Ref]*contact
	sorted   []*contact // every contact in the order of the list; nil when it must be made again
	names    map[string]int
	talks    map[session.Ref]*transcript
	lines    int
	clock    uint64 // counts entries, to find the conversation that was quiet for longest
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
}

// New returns an empty Model.
func New() *Model {
	return &Model{
		accounts: make(map[string]session.Account),
		contacts: make(map[session.Ref]*contact),
		names:    make(map[string]int),
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

func (m *Model) setContact(c session.Contact) Change {
	if old := m.contacts[c.Ref]; old != nil {
		m.countName(old.skeleton, -1)
	}
	c.Name = Name(c.Name)
	if c.Name == "" {
		c.Name = Name(c.Contact)
	}
	c.Status = Name(c.Status)
	m.contacts[c.Ref] = &contact{
		Contact:  c,
		skeleton: skeleton(c.Name),
		mixed:    mixesScripts(c.Name),
		search:   Fold(c.Name + "\n" + c.Ref.Contact),
		folded:   Fold(c.Name),
	}
	m.countName(skeleton(c.Name), 1)
	m.sorted = nil
	return Change{Topic: Contact, Account: c.Account, Ref: c.Ref}
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
	}
	delete(m.contacts, r)
	m.forget(r)
	m.sorted = nil
	return Change{Topic: Gone, Account: r.Account, Ref: r}
}

// forget drops everything that belongs to a conversation.
func (m *Model) forget(r session.Ref) {
	if t := m.talks[r]; t != nil {
		m.lines -= len(t.entries)
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
