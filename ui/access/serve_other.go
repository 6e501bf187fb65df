//go:build !linux

package access

import "context"

// Serve has nothing to do on this system.
func Serve(context.Context, *Tree, func(func())) error { return nil }
