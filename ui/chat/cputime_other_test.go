//go:build !linux

package chat

import "time"

var started = time.Now()

// threadTime is how long the test has run: elsewhere than on Linux the time of a thread is not so easily had.
func threadTime() time.Duration { return time.Since(started) }
