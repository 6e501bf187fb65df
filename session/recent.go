package session

import "slices"

// A recent remembers what came last of something, and looks through all of it: that is not much, and it takes the same memory for ever. A
// map, in which one thing comes and another goes all the time, becomes larger by and by.
type recent[T comparable] struct {
	most int
	of   []T
	next int // that is forgotten first, once there are most of them
}

// again tells whether x was there before, and remembers it.
func (r *recent[T]) again(x T) bool {
	if slices.Contains(r.of, x) {
		return true
	}
	if len(r.of) < r.most {
		r.of = append(r.of, x)
		return false
	}
	r.of[r.next] = x
	r.next = (r.next + 1) % r.most
	return false
}
