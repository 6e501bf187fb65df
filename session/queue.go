package session

import (
	"errors"

	"github.com/sotto-im/sotto/session/store"
)

// pipe passes on everything that comes in, in order, and never makes a sender wait for a receiver. It ends, closing out, when in is
// closed and everything was received, or at once when stop is closed.
func pipe[T any](in <-chan T, out chan<- T, stop <-chan struct{}) {
	defer close(out)
	var queue []T
	for in != nil || len(queue) > 0 {
		var ready chan<- T // nil, which is never ready, while there is nothing to pass on
		var next T
		if len(queue) > 0 {
			ready, next = out, queue[0]
		}
		select {
		case v, open := <-in:
			if !open {
				in = nil
				continue
			}
			queue = append(queue, v)
		case ready <- next:
			var zero T
			queue[0] = zero
			queue = queue[1:]
		case <-stop:
			return
		}
	}
}

// emit tells the receiver of Events.
func (s *Session) emit(e Event) {
	select {
	case s.news <- e:
	case <-s.closed:
	}
}

// change has the settings changed and written, later. Only the goroutines of accounts call it.
func (s *Session) change(f func(*store.Settings)) {
	select {
	case s.changes <- f:
	case <-s.closed:
	}
}

// keep carries out changes of the settings, those that came together in one write.
func (s *Session) keep(changes <-chan func(*store.Settings)) {
	var failing bool
	for change := range changes {
		err := s.config.Store.Update(func(settings *store.Settings) {
			change(settings)
			for {
				select {
				case more, open := <-changes:
					if open {
						more(settings)
						continue
					}
				default:
				}
				return
			}
		})
		// One event tells that writing fails, not one for every change.
		if err != nil && !failing && !errors.Is(err, store.ErrClosed) {
			s.emit(StoreProblem{Err: err})
		}
		failing = err != nil
	}
}
