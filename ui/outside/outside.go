// Package outside is what the program asks of the desktop beyond its own windows: to announce something, to play a sound, how long nobody
// has touched the computer, to start the program with the session, and whether there is a tray. It knows no toolkit and makes no sentence
// for people. Everything works, or quietly does not, on a computer that has nothing of it.
package outside

import "context"

// How the program is called, and by what its files are known to the desktop.
const (
	program   = "Sotto"
	desktopID = "im.sotto.Sotto"
)

// An Announcement is what is said outside the windows. Its words are shown as they are: nothing in them is ever read as markup.
type Announcement struct {
	Key   string // what it is about: a later one replaces the one before, and Withdraw takes it back
	Title string
	Words string
	Open  string // what a click on it is called

	Locked string // what is said instead of Title and Words while the screen is locked; "": the same
}

// An Announcer says things outside the windows. Its methods return at once and may be called from any goroutine; what cannot be said is
// not said.
type Announcer interface {
	Announce(a Announcement)
	Withdraw(key string)
	// Close takes back everything and waits for it, as long as ctx allows.
	Close(ctx context.Context)
}
