package ui

import "github.com/sotto-im/sotto/session"

// maxBatch bounds how many events are applied before the window is drawn again.
const maxBatch = 256

// pump carries events from a session to the goroutine of the window: the only place where this package crosses from one to the
// other by itself. It asks for the next batch only when the last one is applied, so that a flood fills the session's channel
// and not the window's queue. It ends when the session closes its channel; after quit it drains the channel and applies
// nothing more.
func pump(events <-chan session.Event, quit <-chan struct{}, do func(func()), apply func([]session.Event)) {
	for first := range events {
		batch := gather(first, events)
		applied := make(chan struct{})
		select {
		case <-quit:
			continue
		default:
		}
		do(func() {
			defer close(applied)
			apply(batch)
		})
		select {
		case <-applied:
		case <-quit:
		}
	}
}

// gather takes what is there already, without waiting.
func gather(first session.Event, events <-chan session.Event) []session.Event {
	batch := []session.Event{first}
	for len(batch) < maxBatch {
		select {
		case e, open := <-events:
			if !open {
				return batch
			}
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}
