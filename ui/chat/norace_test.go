//go:build !race

package chat

// slowdown is what the race detector may cost.
const slowdown = 1
