package base64

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// encodeAVX2 encodes the first n bytes of src, a multiple of 24, as far as src and dst reach.
//
//go:noescape
func encodeAVX2(dst, src []byte) (n int)

// decodeAVX2 decodes digits to the first n bytes of dst, a multiple of 24, as far as src and dst reach and src has only
// digits.
//
//go:noescape
func decodeAVX2(dst []byte, src string) (n int)
