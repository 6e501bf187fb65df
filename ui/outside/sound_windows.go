package outside

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// Flags of PlaySound: no sound of the system instead, and the sound is in memory.
const (
	sndNoDefault = 0x0002
	sndMemory    = 0x0004
)

var playSound = windows.NewLazySystemDLL("winmm.dll").NewProc("PlaySoundW")

// play returns when the sound has been played.
func play(wave []byte) {
	if playSound.Find() != nil || len(wave) == 0 {
		return
	}
	playSound.Call(uintptr(unsafe.Pointer(&wave[0])), 0, sndNoDefault|sndMemory)
}
