// Package network notices that the computer's network has changed, without asking it again and again.
package network

import (
	"context"
	"time"
)

const (
	settling = time.Second     // changes come in bursts: an interface, then an address, then routes
	apart    = 3 * time.Second // least time between two reports
)

// Watch reports, until ctx ends, that addresses or interfaces came or went. Reports run together when nobody takes them.
// On a system that cannot tell, the channel stays silent.
func Watch(ctx context.Context) <-chan struct{} {
	return calm(ctx, changes(ctx))
}

// calm makes one report of a burst of changes, when it is over.
func calm(ctx context.Context, raw <-chan struct{}) <-chan struct{} {
	reports := make(chan struct{}, 1)
	go func() {
		timer := time.NewTimer(0)
		<-timer.C
		var last time.Time // of a report
		for pending := false; ; {
			select {
			case <-raw:
				if !pending {
					timer.Reset(max(settling, time.Until(last.Add(apart))))
				}
				pending = true
			case <-timer.C:
				pending, last = false, time.Now()
				select {
				case reports <- struct{}{}:
				default:
				}
			case <-ctx.Done():
				timer.Stop()
				return
			}
		}
	}()
	return reports
}
