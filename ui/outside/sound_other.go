//go:build !linux && !darwin && !windows

package outside

// play is silent on systems whose players are not known.
func play([]byte) {}
