#include "textflag.h"

// A Number is four registers of eight digits of 52 bits. The processor multiplies eight pairs of digits at a time and
// adds either the lower (LUQ) or the upper (HUQ) 52 bits of the products to eight sums of 64 bits, so that carries can
// wait until the end.

// EACH does OP with the four registers of a number, a factor that is the same everywhere, and four sums.
#define EACH(OP, a0, a1, a2, a3, factor, s0, s1, s2, s3) \
	OP a0, factor, s0 \
	OP a1, factor, s1 \
	OP a2, factor, s2 \
	OP a3, factor, s3

// DOWN moves all digits to the next lower place and drops the lowest. Z31 is zero.
#define DOWN(s0, s1, s2, s3) \
	VALIGNQ $1, s0, s1, s0 \
	VALIGNQ $1, s1, s2, s1 \
	VALIGNQ $1, s2, s3, s2 \
	VALIGNQ $1, s3, Z31, s3

// func mulIFMA(z, x, y, n *Number, digits int)
//
// Montgomery's multiplication, one digit of y at a time: add x·y[i], then the multiple of n that makes the lowest
// digit zero, which is that digit itself because n = -1 mod 2^52, and drop the zero. The sums are kept in two halves, so
// that what does not depend on the multiple of n does not wait for it.
//
// x is in Z0 to Z3, n in Z4 to Z7; the sum is R + S: R in Z8 to Z11, S in Z12 to Z15; y[i] is in Z16 and the multiple
// in Z17.
TEXT ·mulIFMA(SB), NOSPLIT, $0-40
	MOVQ z+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), DX
	MOVQ n+24(FP), CX
	MOVQ digits+32(FP), BX

	VMOVDQU64 (SI), Z0
	VMOVDQU64 64(SI), Z1
	VMOVDQU64 128(SI), Z2
	VMOVDQU64 192(SI), Z3
	VMOVDQU64 (CX), Z4
	VMOVDQU64 64(CX), Z5
	VMOVDQU64 128(CX), Z6
	VMOVDQU64 192(CX), Z7
	VPXORQ Z8, Z8, Z8
	VPXORQ Z9, Z9, Z9
	VPXORQ Z10, Z10, Z10
	VPXORQ Z11, Z11, Z11
	VPXORQ Z12, Z12, Z12
	VPXORQ Z13, Z13, Z13
	VPXORQ Z14, Z14, Z14
	VPXORQ Z15, Z15, Z15
	VPXORQ Z31, Z31, Z31
	MOVL $1, AX
	KMOVW AX, K1 // the lowest digit

	VPBROADCASTQ (DX), Z16
	EACH(VPMADD52LUQ, Z0, Z1, Z2, Z3, Z16, Z12, Z13, Z14, Z15)

digit:
	VPADDQ Z8, Z12, Z17
	VPBROADCASTQ X17, Z17
	EACH(VPMADD52LUQ, Z4, Z5, Z6, Z7, Z17, Z8, Z9, Z10, Z11)
	VPADDQ Z8, Z12, Z18
	VPSRLQ $52, Z18, Z18 // what the lowest digit carries
	DOWN(Z12, Z13, Z14, Z15)
	EACH(VPMADD52HUQ, Z0, Z1, Z2, Z3, Z16, Z12, Z13, Z14, Z15)
	ADDQ $8, DX
	VPBROADCASTQ (DX), Z16 // the next digit; after the last one there is a zero
	EACH(VPMADD52LUQ, Z0, Z1, Z2, Z3, Z16, Z12, Z13, Z14, Z15)
	EACH(VPMADD52HUQ, Z4, Z5, Z6, Z7, Z17, Z12, Z13, Z14, Z15)
	DOWN(Z8, Z9, Z10, Z11)
	VPADDQ Z18, Z8, K1, Z8
	DECQ BX
	JNZ digit

	VPADDQ Z12, Z8, Z8
	VPADDQ Z13, Z9, Z9
	VPADDQ Z14, Z10, Z10
	VPADDQ Z15, Z11, Z11

	// Carry. First what each sum has above 52 bits goes to the next digit, which leaves at most one to be carried.
	VPTERNLOGQ $0xff, Z30, Z30, Z30
	VPSRLQ $63, Z30, Z29 // 1
	VPSRLQ $12, Z30, Z30 // 2^52 - 1
	VPSRLQ $52, Z8, Z12
	VPSRLQ $52, Z9, Z13
	VPSRLQ $52, Z10, Z14
	VPSRLQ $52, Z11, Z15
	VALIGNQ $7, Z14, Z15, Z15
	VALIGNQ $7, Z13, Z14, Z14
	VALIGNQ $7, Z12, Z13, Z13
	VALIGNQ $7, Z31, Z12, Z12
	VPANDQ Z30, Z8, Z8
	VPANDQ Z30, Z9, Z9
	VPANDQ Z30, Z10, Z10
	VPANDQ Z30, Z11, Z11
	VPADDQ Z12, Z8, Z8
	VPADDQ Z13, Z9, Z9
	VPADDQ Z14, Z10, Z10
	VPADDQ Z15, Z11, Z11

	// Then one bit stands for each digit: in AX if it is too large, in CX if it would be with one more. Adding them as
	// numbers shows in AX which digits get one more.
	VPCMPUQ $6, Z30, Z8, K1
	VPCMPUQ $6, Z30, Z9, K2
	VPCMPUQ $6, Z30, Z10, K3
	VPCMPUQ $6, Z30, Z11, K4
	KUNPCKBW K1, K2, K1
	KUNPCKBW K3, K4, K3
	KUNPCKWD K1, K3, K1
	KMOVD K1, AX
	VPCMPUQ $0, Z30, Z8, K1
	VPCMPUQ $0, Z30, Z9, K2
	VPCMPUQ $0, Z30, Z10, K3
	VPCMPUQ $0, Z30, Z11, K4
	KUNPCKBW K1, K2, K1
	KUNPCKBW K3, K4, K3
	KUNPCKWD K1, K3, K1
	KMOVD K1, CX
	LEAQ (CX)(AX*2), AX
	XORQ CX, AX
	KMOVD AX, K1
	KSHIFTRD $8, K1, K2
	KSHIFTRD $16, K1, K3
	KSHIFTRD $24, K1, K4
	VPADDQ Z29, Z8, K1, Z8
	VPADDQ Z29, Z9, K2, Z9
	VPADDQ Z29, Z10, K3, Z10
	VPADDQ Z29, Z11, K4, Z11
	VPANDQ Z30, Z8, Z8
	VPANDQ Z30, Z9, Z9
	VPANDQ Z30, Z10, Z10
	VPANDQ Z30, Z11, Z11

	VMOVDQU64 Z8, (DI)
	VMOVDQU64 Z9, 64(DI)
	VMOVDQU64 Z10, 128(DI)
	VMOVDQU64 Z11, 192(DI)
	VZEROUPPER
	RET

// func lookupIFMA(z, table *Number, n int, index uint64)
//
// Every number of the table is read, whichever it is.
TEXT ·lookupIFMA(SB), NOSPLIT, $0-32
	MOVQ z+0(FP), DI
	MOVQ table+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTQ index+24(FP), Z4
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z5, Z5, Z5
	VPTERNLOGQ $0xff, Z6, Z6, Z6

entry:
	VPCMPEQQ Z4, Z5, K1
	VMOVDQU64 (SI), Z7
	VMOVDQU64 64(SI), Z8
	VMOVDQU64 128(SI), Z9
	VMOVDQU64 192(SI), Z10
	VMOVDQA64 Z7, K1, Z0
	VMOVDQA64 Z8, K1, Z1
	VMOVDQA64 Z9, K1, Z2
	VMOVDQA64 Z10, K1, Z3
	VPSUBQ Z6, Z5, Z5 // one more
	ADDQ $256, SI
	DECQ CX
	JNZ entry

	VMOVDQU64 Z0, (DI)
	VMOVDQU64 Z1, 64(DI)
	VMOVDQU64 Z2, 128(DI)
	VMOVDQU64 Z3, 192(DI)
	VZEROUPPER
	RET
