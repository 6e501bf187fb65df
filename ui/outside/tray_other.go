//go:build !linux

package outside

import (
	"context"
	"runtime"
)

// TrayNow tells whether there is a tray now, and whether one could still come.
func TrayNow() (there, possible bool) {
	there = runtime.GOOS == "windows" || runtime.GOOS == "darwin"
	return there, there
}

// WatchTray calls told whenever a tray has come or gone, and once at the beginning, until ctx ends: where there is no tray, a window that is
// closed into it could not be found again.
func WatchTray(ctx context.Context, told func(there bool)) {
	told(runtime.GOOS == "windows" || runtime.GOOS == "darwin")
	<-ctx.Done()
}
