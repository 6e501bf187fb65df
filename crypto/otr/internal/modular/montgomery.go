package modular

import (
	"math/big"

	"filippo.io/bigmod"
)

// A Number is 32 digits of 52 bits, the lowest first. The last is always zero: mulIFMA reads a digit beyond the ones it is
// told of.
type Number [32]uint64

const digitBits = 52

// montgomery is a modulus as mulIFMA works with it. Numbers are kept below 2n, which needs no comparison as R > 4n, and
// as x·R mod n with R = 2^(52·digits).
type montgomery struct {
	n      Number // a multiple of the modulus that is -1 mod 2^52
	digits int
	one    Number          // R mod n
	square Number          // R² mod n
	wide   *bigmod.Modulus // of more than digits digits; nil if n is the modulus itself
}

// newMontgomery prepares p, which is odd and public.
func newMontgomery(p *big.Int) *montgomery {
	digit := new(big.Int).Lsh(big.NewInt(1), digitBits)
	n := new(big.Int).ModInverse(p, digit)
	n.Sub(digit, n).Mul(n, p)
	m := &montgomery{n: numberOf(n), digits: (n.BitLen() + 2 + digitBits - 1) / digitBits}
	r := new(big.Int).Lsh(big.NewInt(1), uint(m.digits*digitBits))
	m.one = numberOf(new(big.Int).Mod(r, n))
	m.square = numberOf(r.Mul(r, r).Mod(r, n))
	if n.Cmp(p) == 0 {
		return m
	}
	ones := make([]byte, (m.digits*digitBits+7)/8)
	for i := range ones {
		ones[i] = 0xff
	}
	var err error
	if m.wide, err = bigmod.NewModulus(ones); err != nil {
		panic("modular: internal error: " + err.Error())
	}
	return m
}

// numberOf returns n, which is public.
func numberOf(n *big.Int) (x Number) {
	x.setBytes(n.Bytes())
	return x
}

// setBytes sets x to the value of b.
func (x *Number) setBytes(b []byte) {
	clear(x[:])
	for i := range b {
		digit, shift := 8*i/digitBits, 8*i%digitBits
		v := uint64(b[len(b)-1-i])
		x[digit] |= v << shift & (1<<digitBits - 1)
		if shift > digitBits-8 {
			x[digit+1] = v >> (digitBits - shift)
		}
	}
}

// bytes sets b to the value of x, which has room.
func (x *Number) bytes(b []byte) {
	for i := range b {
		digit, shift := 8*i/digitBits, 8*i%digitBits
		v := x[digit] >> shift
		if shift > digitBits-8 {
			v |= x[digit+1] << (digitBits - shift)
		}
		b[len(b)-1-i] = byte(v)
	}
}

// mul sets z = x·y/R.
func (m *montgomery) mul(z, x, y *Number) { mulIFMA(z, x, y, &m.n, m.digits) }

// enter sets z to the number b as m keeps it.
func (m *montgomery) enter(z *Number, b []byte) {
	z.setBytes(b)
	m.mul(z, z, &m.square)
}

// leave sets z to the number that x stands for, reduced modulo p, and clears x.
func (m *montgomery) leave(z []byte, x *Number, p *bigmod.Modulus) {
	m.mul(x, x, &Number{1}) // at most n
	defer clear(x[:])
	if m.wide == nil {
		x.bytes(z)
		n, err := bigmod.NewNat().SetOverflowingBytes(z, p)
		if err != nil {
			panic("modular: internal error: number is too large")
		}
		Put(z, n)
		return
	}
	wide := make([]byte, m.wide.Size())
	defer clear(wide)
	x.bytes(wide)
	n, err := bigmod.NewNat().SetBytes(wide, m.wide)
	if err != nil {
		panic("modular: internal error: number is too large")
	}
	defer clear(n.Bits())
	Put(z, bigmod.NewNat().Mod(n, p))
}

// window is how many bits of an exponent are taken at a time.
const window = 5

// exp is constant time for a given length of k.
func (m *montgomery) exp(z, base, k []byte, p *bigmod.Modulus) {
	var table [1 << window]Number // the powers of base
	table[0] = m.one
	m.enter(&table[1], base)
	for i := 2; i < len(table); i++ {
		m.mul(&table[i], &table[i-1], &table[1])
	}
	x := m.one
	var y Number
	for at := (8*len(k) - 1) / window * window; at >= 0; at -= window {
		for range window {
			m.mul(&x, &x, &x)
		}
		var digit uint64
		for i := range window {
			digit |= bit(k, at+i) << i
		}
		lookupIFMA(&y, &table[0], len(table), digit)
		m.mul(&x, &x, &y)
	}
	m.leave(z, &x, p)
	clear(y[:])
	clear(table[:])
}

// bit returns the bit of k, big-endian, with a value of 2^i, which is 0 beyond the end of k.
func bit(k []byte, i int) uint64 {
	if i >= 8*len(k) {
		return 0
	}
	return uint64(k[len(k)-1-i/8]>>(i%8)) & 1
}

// Lim and Lee's comb: an exponent is written in rows of the same length, one above the other; a column is a digit, and
// powers of the base for every digit are in a table. The columns are cut into blocks with a table each, so that
// squarings serve all of them.
const (
	combRows   = 5
	combBlocks = 4
)

type comb struct {
	columns int // of a block
	tables  []Number
}

func (m *montgomery) newComb(base []byte, bits int) *comb {
	columns := (bits + combRows*combBlocks - 1) / (combRows * combBlocks)
	c := &comb{columns, make([]Number, combBlocks<<combRows)}
	var x Number
	m.enter(&x, base)
	for row := range combRows {
		for block := range combBlocks {
			// x is the base raised to the value of the first column of the block in this row.
			table := c.tables[block<<combRows:]
			table[0] = m.one
			table[1<<row] = x
			for digit := 1; digit < 1<<row; digit++ {
				m.mul(&table[1<<row|digit], &table[digit], &x)
			}
			for range columns {
				m.mul(&x, &x, &x)
			}
		}
	}
	return c
}

// combExp is constant time for a given length of k.
func (m *montgomery) combExp(z []byte, c *comb, k []byte, p *bigmod.Modulus) {
	x := m.one
	var y Number
	for column := c.columns - 1; column >= 0; column-- {
		if column < c.columns-1 {
			m.mul(&x, &x, &x)
		}
		for block := range combBlocks {
			var digit uint64
			for row := range combRows {
				digit |= bit(k, (row*combBlocks+block)*c.columns+column) << row
			}
			lookupIFMA(&y, &c.tables[block<<combRows], 1<<combRows, digit)
			m.mul(&x, &x, &y)
		}
	}
	m.leave(z, &x, p)
	clear(y[:])
}

// productVarTime is Straus' algorithm with sliding windows.
func (m *montgomery) productVarTime(z []byte, powers []Power, p *bigmod.Modulus) {
	longest := 0
	odd := make([][1 << (window - 1)]Number, len(powers)) // the odd powers of each base
	digits := make([][]uint8, len(powers))
	for i, power := range powers {
		digits[i] = slide(power.Exponent)
		longest = max(longest, len(digits[i]))
		var square Number
		m.enter(&odd[i][0], power.Base)
		m.mul(&square, &odd[i][0], &odd[i][0])
		for j := 1; j < len(odd[i]); j++ {
			m.mul(&odd[i][j], &odd[i][j-1], &square)
		}
	}
	x := m.one
	for at := longest - 1; at >= 0; at-- {
		if at < longest-1 {
			m.mul(&x, &x, &x)
		}
		for i, d := range digits {
			if at < len(d) && d[at] != 0 {
				m.mul(&x, &x, &odd[i][d[at]/2])
			}
		}
	}
	m.leave(z, &x, p)
}

// slide writes k as a sum of digits[i]·2^i, of which few are not zero and those are odd.
func slide(k []byte) (digits []uint8) {
	digits = make([]uint8, 8*len(k))
	for i := 0; i < len(digits); i++ {
		if bit(k, i) == 0 {
			continue
		}
		for j := range window {
			digits[i] |= uint8(bit(k, i+j) << j)
		}
		i += window - 1
	}
	for len(digits) > 0 && digits[len(digits)-1] == 0 {
		digits = digits[:len(digits)-1]
	}
	return digits
}
