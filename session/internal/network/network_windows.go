package network

import (
	"context"
	"sync"

	"golang.org/x/sys/windows"
)

// listeners are told by the one callback that Windows calls: callbacks cannot be given back.
var (
	mu        sync.Mutex
	listeners = map[chan struct{}]struct{}{}
	callback  = sync.OnceValue(func() uintptr {
		return windows.NewCallback(func(_, _, _ uintptr) uintptr {
			mu.Lock()
			defer mu.Unlock()
			for l := range listeners {
				select {
				case l <- struct{}{}:
				default: // it has one to take already
				}
			}
			return 0
		})
	})
)

// changes reports what NotifyUnicastIpAddressChange does.
func changes(ctx context.Context) <-chan struct{} {
	raw := make(chan struct{}, 1)
	mu.Lock()
	listeners[raw] = struct{}{}
	mu.Unlock()
	forget := func() {
		mu.Lock()
		delete(listeners, raw)
		mu.Unlock()
	}
	var handle windows.Handle
	if err := windows.NotifyUnicastIpAddressChange(windows.AF_UNSPEC, callback(), nil, false, &handle); err != nil {
		forget()
		return raw
	}
	context.AfterFunc(ctx, func() {
		windows.CancelMibChangeNotify2(handle)
		forget()
	})
	return raw
}
