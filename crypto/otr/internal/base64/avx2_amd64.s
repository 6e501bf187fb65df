#include "textflag.h"

// The method is that of Wojciech Muła and Daniel Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions"
// (2018). Constants of 16 bytes are used in both halves of a register.

// Of 12 bytes, those that the 16 words need of which each holds two digits and a little more.
DATA spread<>+0(SB)/8, $0x0405030401020001
DATA spread<>+8(SB)/8, $0x0a0b090a07080607
GLOBL spread<>(SB), RODATA|NOPTR, $16

// What is to be added to a digit's number, by min(0, number-51), or 13 for the numbers below 26.
DATA shift<>+0(SB)/8, $0xfcfcfcfcfcfcfc47
DATA shift<>+8(SB)/8, $0x000041f0edfcfcfc
GLOBL shift<>(SB), RODATA|NOPTR, $16

// Which bytes are no digits: a bit is set in both entries, by the lower and by the upper four bits.
DATA lower<>+0(SB)/8, $0x1111111111111115
DATA lower<>+8(SB)/8, $0x1a1b1b1b1a131111
GLOBL lower<>(SB), RODATA|NOPTR, $16
DATA upper<>+0(SB)/8, $0x0804080402011010
DATA upper<>+8(SB)/8, $0x1010101010101010
GLOBL upper<>(SB), RODATA|NOPTR, $16

// What is to be added to a digit to get its number, by its upper four bits; one less for the slash.
DATA roll<>+0(SB)/8, $0xb9b9bfbf04131000
DATA roll<>+8(SB)/8, $0x0000000000000000
GLOBL roll<>(SB), RODATA|NOPTR, $16

// The bytes of four numbers of 24 bits.
DATA gather<>+0(SB)/8, $0x090a040506000102
DATA gather<>+8(SB)/8, $0xffffffff0c0d0e08
GLOBL gather<>(SB), RODATA|NOPTR, $16

// The three quarters of both halves of a register that hold something.
DATA together<>+0(SB)/8, $0x0000000100000000
DATA together<>+8(SB)/8, $0x0000000400000002
DATA together<>+16(SB)/8, $0x0000000600000005
DATA together<>+24(SB)/8, $0x0000000700000007
GLOBL together<>(SB), RODATA|NOPTR, $32

// broadcast puts a number of 32 bits everywhere into a register.
#define broadcast(number, x, y) \
	MOVL number, AX     \
	VMOVD AX, x         \
	VPBROADCASTD x, y

// func encodeAVX2(dst, src []byte) (n int)
TEXT ·encodeAVX2(SB), NOSPLIT, $0-56
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), DX
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), CX
	MOVQ SI, R8
	VBROADCASTI128 spread<>(SB), Y8
	VBROADCASTI128 shift<>(SB), Y9
	broadcast($0x0fc0fc00, X10, Y10)
	broadcast($0x04000040, X11, Y11)
	broadcast($0x003f03f0, X12, Y12)
	broadcast($0x01000010, X13, Y13)
	broadcast($0x33333333, X14, Y14) // 51
	broadcast($0x1a1a1a1a, X15, Y15) // 26
	broadcast($0x0d0d0d0d, X7, Y7)   // 13

encode:
	CMPQ CX, $28 // so many are read, of which 24 are used
	JB   encoded
	CMPQ DX, $32
	JB   encoded
	VMOVDQU     (SI), X0
	VINSERTI128 $1, 12(SI), Y0, Y0
	VPSHUFB     Y8, Y0, Y0
	VPAND       Y10, Y0, Y1
	VPMULHUW    Y11, Y1, Y1
	VPAND       Y12, Y0, Y2
	VPMULLW     Y13, Y2, Y2
	VPOR        Y1, Y2, Y0  // the numbers
	VPSUBUSB    Y14, Y0, Y1
	VPCMPGTB    Y0, Y15, Y2
	VPAND       Y7, Y2, Y2
	VPOR        Y1, Y2, Y1
	VPSHUFB     Y1, Y9, Y1
	VPADDB      Y0, Y1, Y0  // the digits
	VMOVDQU     Y0, (DI)
	ADDQ $24, SI
	SUBQ $24, CX
	ADDQ $32, DI
	SUBQ $32, DX
	JMP  encode

encoded:
	SUBQ R8, SI
	MOVQ SI, n+48(FP)
	VZEROUPPER
	RET

// func decodeAVX2(dst []byte, src string) (n int)
TEXT ·decodeAVX2(SB), NOSPLIT, $0-48
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), DX
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), CX
	MOVQ DI, R8
	VBROADCASTI128 lower<>(SB), Y8
	VBROADCASTI128 upper<>(SB), Y9
	VBROADCASTI128 roll<>(SB), Y10
	VBROADCASTI128 gather<>(SB), Y11
	VMOVDQU together<>(SB), Y12
	broadcast($0x2f2f2f2f, X13, Y13) // a mask, and the slash
	broadcast($0x01400140, X14, Y14)
	broadcast($0x00011000, X15, Y15)

decode:
	CMPQ CX, $32
	JB   decoded
	CMPQ DX, $32 // so many are written, of which 24 count
	JB   decoded
	VMOVDQU    (SI), Y0
	VPSRLD     $4, Y0, Y1
	VPAND      Y13, Y1, Y1
	VPAND      Y13, Y0, Y2
	VPSHUFB    Y1, Y9, Y3
	VPSHUFB    Y2, Y8, Y2
	VPTEST     Y2, Y3
	JNZ        decoded
	VPCMPEQB   Y13, Y0, Y2
	VPADDB     Y2, Y1, Y1
	VPSHUFB    Y1, Y10, Y1
	VPADDB     Y1, Y0, Y0  // the numbers
	VPMADDUBSW Y14, Y0, Y0 // pairs of them
	VPMADDWD   Y15, Y0, Y0 // pairs of those
	VPSHUFB    Y11, Y0, Y0
	VPERMD     Y0, Y12, Y0
	VMOVDQU    Y0, (DI)
	ADDQ $32, SI
	SUBQ $32, CX
	ADDQ $24, DI
	SUBQ $24, DX
	JMP  decode

decoded:
	SUBQ R8, DI
	MOVQ DI, n+40(FP)
	VZEROUPPER
	RET
