//go:build !amd64

package modular

const hasIFMA = false

func mulIFMA(z, x, y, n *Number, digits int) { panic("modular: internal error: no such processor") }

func lookupIFMA(z, table *Number, n int, index uint64) {
	panic("modular: internal error: no such processor")
}
