//go:build !amd64

package base64

const hasAVX2 = false

func encodeAVX2(dst, src []byte) (n int) { panic("base64: internal error: no such processor") }

func decodeAVX2(dst []byte, src string) (n int) { panic("base64: internal error: no such processor") }
