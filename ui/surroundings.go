package ui

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/outside"
)

// Surroundings are what the desktop has around the windows. What is nil is not there, and everything works without it.
type Surroundings struct {
	Announcer func(clicked func(key string)) outside.Announcer // may return nil: see outside.NewAnnouncer
	Play      func(outside.Sound)
	Idle      func(ctx context.Context, told func(since time.Duration, known bool)) // until ctx ends
	TrayNow   func() (there, possible bool)
	Tray      func(ctx context.Context, told func(there bool)) // until ctx ends
	AtStart   func(wanted bool) error
}

// hiddenFlag is the argument with which the session starts the program: without a window, if the person closes it into a tray.
const hiddenFlag = "-hidden"

// TheDesktop is what this computer has. more are arguments that the program needs when the session starts it.
func TheDesktop(more ...string) Surroundings {
	return Surroundings{
		Announcer: outside.NewAnnouncer,
		Play:      outside.Play,
		Idle:      watchIdle,
		TrayNow:   outside.TrayNow,
		Tray:      outside.WatchTray,
		AtStart: func(wanted bool) error {
			path, err := os.Executable()
			if err != nil {
				return err
			}
			return outside.SetAtStart(wanted, append([]string{path, hiddenFlag}, more...))
		},
	}
}

// lookEvery is how often it is asked whether anybody is there.
const lookEvery = 10 * time.Second

func watchIdle(ctx context.Context, told func(since time.Duration, known bool)) {
	i := outside.NewIdle()
	defer i.Close()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			told(i.Since())
		case <-ctx.Done():
			return
		}
	}
}

// surround begins to take notice of the desktop, once the window's goroutine is at work.
func (s *shell) surround(ctx context.Context) {
	if s.around.Tray != nil {
		go s.around.Tray(ctx, func(there bool) { s.do(func() { s.tray.set(there) }) })
	}
	if s.around.Idle != nil {
		go s.around.Idle(ctx, func(since time.Duration, known bool) { s.do(func() { s.untouched(since, known) }) })
	}
}

func (s *shell) sound(played outside.Sound) {
	if s.around.Play != nil && s.choices.now.Sounds {
		s.around.Play(played)
	}
}

// What is kept of when the person is taken to be away.
const (
	awayNever  = "never"
	awayFive   = "five"
	awayTen    = ""
	awayThirty = "thirty"
)

func awayAfter(kept string) time.Duration {
	switch kept {
	case awayNever:
		return 0
	case awayFive:
		return 5 * time.Minute
	case awayThirty:
		return 30 * time.Minute
	}
	return 10 * time.Minute
}

// untouched is told how long nobody has touched the computer.
func (s *shell) untouched(since time.Duration, known bool) {
	limit := awayAfter(s.choices.now.AwayAfter)
	if away := known && limit > 0 && since >= limit; away != s.away {
		s.away = away
		s.own.engine.SetIdle(away)
	}
}

// setAtStart has the program started with the session, or no longer. What cannot be done is not chosen.
func (s *shell) setAtStart(wanted bool) {
	s.inOrder(func() {
		err := s.around.AtStart(wanted)
		s.do(func() {
			if err != nil {
				s.trouble.show(notice{words: lang.L("Your desktop did not let Sotto change what starts with the session. Nothing has changed."),
					actions: []offer{{label: lang.L("OK"), do: func() { s.trouble.show(notice{}) }}}})
				s.choices.tell()
				return
			}
			s.choices.choose(func(p *store.Preferences) { p.AtStart = wanted })
		})
	})
}

// idleIsKnown tells whether this system can say how long nobody has touched it.
func idleIsKnown() bool { return runtime.GOOS == "linux" || runtime.GOOS == "windows" }

// presenceOfAll is how contacts see every account, and false where that differs.
func (d *desk) presenceOfAll() (session.Presence, bool) {
	accounts := d.model.Accounts()
	for _, a := range accounts {
		if a.Presence != accounts[0].Presence {
			return 0, false
		}
	}
	if len(accounts) == 0 {
		return 0, false
	}
	return accounts[0].Presence, true
}
