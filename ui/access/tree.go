package access

import "fyne.io/fyne/v2"

// A Tree is what a program shows, in words. All its methods are for the UI goroutine.
type Tree struct {
	name    string
	windows func() []fyne.Window
	said    []Announcement
}

// New returns the tree of a program with these windows, usually the AllWindows of the driver.
func New(name string, windows func() []fyne.Window) *Tree { return &Tree{name: name, windows: windows} }

// Announcement is a sentence to be spoken.
type Announcement struct {
	Text   string
	Polite Polite
}

// Announce has a sentence spoken by a screen reader, if there is one: a new message, a change of the lock.
func (t *Tree) Announce(text string, p Polite) {
	t.said = append(t.said, Announcement{text, p})
}
