//go:build !linux

package outside

// NewAnnouncer returns nil: on this system the program may only say fixed sentences, which its toolkit can do.
func NewAnnouncer(clicked func(key string)) Announcer { return nil }
