package ui

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
)

// choices are what the person chose about the program. They belong to Fyne's goroutine; only the writing, for which the disk may take
// its time, goes on elsewhere. Practice mode reads them and changes none.
type choices struct {
	shell    *shell
	now      store.Preferences
	latest   atomic.Pointer[store.Preferences] // what the disk is to have
	watchers map[int]func()
	next     int
}

func newChoices(s *shell, now store.Preferences) *choices {
	return &choices{shell: s, now: now, watchers: make(map[int]func())}
}

// choose changes what is chosen, tells whoever watches, and writes it.
func (c *choices) choose(change func(*store.Preferences)) {
	next := c.now
	change(&next)
	if next == c.now {
		return
	}
	c.now = next
	c.latest.Store(&next)
	for _, id := range slices.Sorted(maps.Keys(c.watchers)) {
		if run, ok := c.watchers[id]; ok {
			run()
		}
	}
	// Whichever write comes last finds what was chosen last.
	c.shell.write(func(s *store.Settings) { s.Preferences = *c.latest.Load() })
}

// watch calls run after every change, until stop is called.
func (c *choices) watch(run func()) (stop func()) {
	id := c.next
	c.next++
	c.watchers[id] = run
	return func() { delete(c.watchers, id) }
}

// write changes the settings elsewhere: the disk may be slow.
func (s *shell) write(change func(*store.Settings)) {
	s.writes.Go(func() {
		if err := s.store.Update(change); err != nil {
			s.do(func() { s.storeProblem(session.StoreProblem{Err: err}) })
		}
	})
}
