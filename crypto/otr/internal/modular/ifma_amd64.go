package modular

import "golang.org/x/sys/cpu"

// hasIFMA says whether the processor multiplies eight pairs of 52-bit numbers at a time.
var hasIFMA = cpu.X86.HasAVX512IFMA && cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW

//go:noescape
func mulIFMA(z, x, y, n *Number, digits int)

//go:noescape
func lookupIFMA(z, table *Number, n int, index uint64)
