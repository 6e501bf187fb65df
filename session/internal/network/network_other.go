//go:build !linux && !darwin && !windows

package network

import "context"

func changes(context.Context) <-chan struct{} { return nil }
