//go:build !linux && !windows

package outside

import "time"

// An Idle tells how long nobody has touched keyboard and mouse: on this system, nothing.
type Idle struct{}

// NewIdle returns one for this session.
func NewIdle() *Idle { return &Idle{} }

// Close ends what it has opened.
func (*Idle) Close() {}

// Since returns how long nobody has touched the computer; known is false where nothing tells.
func (*Idle) Since() (since time.Duration, known bool) { return 0, false }
