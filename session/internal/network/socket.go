//go:build linux || darwin

package network

import (
	"context"
	"os"
)

// changes reports every message of the socket on which the kernel tells of its network.
func changes(ctx context.Context) <-chan struct{} {
	raw := make(chan struct{})
	socket, err := open()
	if err != nil {
		return raw // a sandbox may not allow it
	}
	context.AfterFunc(ctx, func() { socket.Close() })
	go listen(ctx, socket, raw)
	return raw
}

func listen(ctx context.Context, socket *os.File, raw chan<- struct{}) {
	buf := make([]byte, 64<<10)
	for {
		// When more came than the socket holds, the error says so, and there was a change all the same.
		if _, err := socket.Read(buf); err != nil && !overflowed(err) {
			return
		}
		select {
		case raw <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}
