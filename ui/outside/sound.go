package outside

import (
	"sync/atomic"
	"time"

	"github.com/sotto-im/sotto/assets"
)

// A Sound is one of the program's own.
type Sound string

// The sounds there are.
const (
	Arrived Sound = "arrived" // a message
	Asked   Sound = "asked"   // somebody wants an answer
)

// playing bounds how long a player may take.
const playing = 5 * time.Second

var busy atomic.Bool

// Play plays a sound with what the system has, on a goroutine of its own. Where there is nothing to play it with, it is silent; while one
// is being played, another is left out.
func Play(s Sound) {
	wave, err := assets.Sounds.ReadFile("sounds/" + string(s) + ".wav")
	if err != nil || !busy.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer busy.Store(false)
		play(wave)
	}()
}
