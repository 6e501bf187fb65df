// Package look is how Sotto looks: theme, tokens, the lock family and the small widgets built from them.
//
// Security is told three times: by a shape, by a word and by a colour, and never by colour alone. The shapes are the Lock family; the
// word comes from the caller, the same one everywhere.
package look

import (
	"strconv"

	"fyne.io/fyne/v2"
)

// Lock is one of the shapes of the lock family.
type Lock uint8

const (
	LockOpen     Lock = iota // Not private
	LockQuestion             // Unverified
	LockTick                 // Private
	LockCut                  // Finished
	LockTurning              // a private conversation is being set up
)

// LockSize is a size in which the lock family is drawn.
type LockSize int

const (
	LockSmall  LockSize = 16 // beside a message, in the list
	LockMedium LockSize = 20 // in a button
	LockLarge  LockSize = 48 // in a dialog
)

var lockNames = [...]string{LockOpen: "open", LockQuestion: "question", LockTick: "tick", LockCut: "cut", LockTurning: "turning"}

// Icon is the drawing of the lock in the colour it has on a plain background or on its own Tint.
func (l Lock) Icon(size LockSize) Icon {
	return icon("lock-"+lockNames[l.known()]+"-"+strconv.Itoa(int(size)), l.Ink())
}

// Ink is the colour of the lock and of its word.
func (l Lock) Ink() fyne.ThemeColorName {
	switch l.known() {
	case LockQuestion:
		return ColorUnverified
	case LockTick:
		return ColorPrivate
	case LockCut, LockTurning:
		return ColorFinished
	default:
		return ColorNotPrivate
	}
}

// Tint is the colour of the pill behind the lock.
func (l Lock) Tint() fyne.ThemeColorName {
	switch l.known() {
	case LockQuestion:
		return ColorUnverifiedBg
	case LockTick:
		return ColorPrivateBg
	case LockCut, LockTurning:
		return ColorFinishedBg
	default:
		return ColorNotPrivateBg
	}
}

// known is the lock itself or, for a value that is none, the one that promises least.
func (l Lock) known() Lock {
	if int(l) >= len(lockNames) {
		return LockOpen
	}
	return l
}
