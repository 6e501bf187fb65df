package outside

import (
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	lastInput = windows.NewLazySystemDLL("user32.dll").NewProc("GetLastInputInfo")
	tickCount = windows.NewLazySystemDLL("kernel32.dll").NewProc("GetTickCount")
)

// An Idle tells how long nobody has touched keyboard and mouse. It belongs to one goroutine.
type Idle struct{}

// NewIdle returns one for this session.
func NewIdle() *Idle { return &Idle{} }

// Close ends what it has opened.
func (*Idle) Close() {}

// Since returns how long nobody has touched the computer; known is false where nothing tells.
func (*Idle) Since() (since time.Duration, known bool) {
	if lastInput.Find() != nil || tickCount.Find() != nil {
		return 0, false
	}
	info := struct{ size, ticks uint32 }{size: 8}
	if ok, _, _ := lastInput.Call(uintptr(unsafe.Pointer(&info))); ok == 0 {
		return 0, false
	}
	now, _, _ := tickCount.Call()
	return time.Duration(uint32(now)-info.ticks) * time.Millisecond, true // both begin again after 49 days
}
