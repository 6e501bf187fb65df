package ui

import (
	"maps"
	"slices"
	"sync"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
)

// choices are what the person chose about the program. They belong to Fyne's goroutine; only the writing, for which the disk may take
// its time, goes on elsewhere. Practice mode reads them and changes none.
type choices struct {
	shell    *shell
	now      store.Preferences
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
	c.tell()
	c.shell.write(func(s *store.Settings) { s.Preferences = next })
}

// tell runs the watchers.
func (c *choices) tell() {
	for _, id := range slices.Sorted(maps.Keys(c.watchers)) {
		if run, ok := c.watchers[id]; ok {
			run()
		}
	}
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
	s.inOrder(func() {
		if err := s.store.Update(change); err != nil {
			s.do(func() { s.storeProblem(session.StoreProblem{Err: err}) })
		}
	})
}

// errands are what may take its time and are done elsewhere, one after the other, so that of two wishes the later one holds.
type errands struct {
	mu      sync.Mutex
	waiting []func()
	running bool
}

// inOrder does something elsewhere, after everything that was wanted before.
func (s *shell) inOrder(f func()) {
	s.errands.mu.Lock()
	defer s.errands.mu.Unlock()
	s.errands.waiting = append(s.errands.waiting, f)
	if !s.errands.running {
		s.errands.running = true
		s.writes.Go(s.runErrands)
	}
}

func (s *shell) runErrands() {
	for {
		s.errands.mu.Lock()
		if len(s.errands.waiting) == 0 {
			s.errands.running = false
			s.errands.mu.Unlock()
			return
		}
		next := s.errands.waiting[0]
		s.errands.waiting = s.errands.waiting[1:]
		s.errands.mu.Unlock()
		next()
	}
}
