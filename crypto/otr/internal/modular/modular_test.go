package modular

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"testing"
)

// The primes that the protocol works with: group 5 of RFC 3526, and the 1024-bit prime of RFC 6979 A.2.1.
var primes = []string{
	"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
		"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
		"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F" +
		"83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF",
	"86F5CA03DCFEB225063FF830A0C769B9DD9D6153AD91D7CE27F787C43278B447E6533B86B18BED6E8A48B784A14C252C" +
		"5BE0DBF60B86D6385BD2F12FB763ED8873ABFD3F5BA2E0A8C0A59082EAC056935E529DAF7C610467899C77ADEDFC846C" +
		"881870B7B19B2B58F9BE0521A17002E3BDD6B86685EE90B3D9A1B02B782B1779",
}

// moduli are the primes and other odd numbers of every shape, each as this processor works with it and as others do.
func moduli(t testing.TB) (all []*Modulus, values []*big.Int) {
	t.Helper()
	add := func(n *big.Int) {
		kinds := []bool{false}
		if hasIFMA {
			kinds = append(kinds, true)
		}
		for _, fast := range kinds {
			m, err := newModulus(n.Bytes(), fast)
			if err != nil {
				t.Fatalf("%x: %v", n, err)
			}
			all, values = append(all, m), append(values, n)
		}
	}
	for _, s := range primes {
		n, _ := new(big.Int).SetString(s, 16)
		add(n)
	}
	one := big.NewInt(1)
	for _, bits := range []uint{2, 52, 53, 104, 1484, 1485, 1536} {
		top := new(big.Int).Lsh(one, bits)
		add(new(big.Int).Sub(top, one))                            // all ones
		add(new(big.Int).Add(new(big.Int).Rsh(top, 1), one))       // ones at the ends
		add(new(big.Int).Add(new(big.Int).Rsh(top, 1), odd(bits))) // something between
	}
	return all, values
}

func odd(bits uint) *big.Int {
	if bits < 8 {
		return big.NewInt(1)
	}
	n := new(big.Int).Lsh(big.NewInt(1), bits-2)
	n.Div(n, big.NewInt(3))
	return n.SetBit(n, 0, 1)
}

func TestNewRefuses(t *testing.T) {
	long := bytes.Repeat([]byte{0xff}, maxBits/8+1)
	for name, p := range map[string][]byte{"nothing": nil, "0": {0}, "1": {1}, "even": {4}, "long": long} {
		if m, err := New(p); err == nil || m != nil {
			t.Errorf("%s is a modulus", name)
		}
	}
}

// edges are the numbers at which arithmetic modulo n goes wrong if it does.
func edges(n *big.Int) []*big.Int {
	var all []*big.Int
	add := func(v *big.Int) {
		if v.Sign() >= 0 && v.Cmp(n) < 0 {
			all = append(all, v)
		}
	}
	for d := int64(-3); d <= 3; d++ {
		add(big.NewInt(d))
		add(new(big.Int).Add(n, big.NewInt(d)))
		add(new(big.Int).Add(new(big.Int).Rsh(n, 1), big.NewInt(d)))
		for _, bits := range []uint{51, 52, 53, 104, 416, 1024, 1535} {
			add(new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bits), big.NewInt(d)))
		}
	}
	return all
}

// TestEdges compares everything with math/big at the edges: bases around 0, p/2, p and the borders of digits, and
// exponents of few and of many bits, also those that are p, p+1 and larger.
func TestEdges(t *testing.T) {
	all, values := moduli(t)
	exponents := [][]byte{nil, {0}, {1}, {2}, {31}, {32}, {0xff}, {1, 0}, bytes.Repeat([]byte{0}, 40), bytes.Repeat([]byte{0xff}, 20)}
	count := 0
	for i, m := range all {
		n := values[i]
		big := append([][]byte{n.Bytes(), new(big.Int).Add(n, big.NewInt(1)).Bytes(), new(big.Int).Sub(n, big.NewInt(1)).Bytes()}, exponents...)
		bases := edges(n)
		for j, base := range bases {
			k := big[j%len(big)]
			if j >= 8 && i >= 2*len(primes) {
				break // of the numbers that are no primes of ours a part is enough
			}
			compare(t, m, n, base, bases[(j*7+3)%len(bases)], k, big[(j+5)%len(big)])
			count++
		}
	}
	t.Logf("%d comparisons", count)
}

func TestRandom(t *testing.T) {
	all, values := moduli(t)
	r := rand.New(rand.NewPCG(1, 2))
	for i, m := range all {
		for range 4 {
			a, b := random(r, 200), random(r, 200)
			a.Mod(a, values[i])
			b.Mod(b, values[i])
			compare(t, m, values[i], a, b, random(r, 1+r.IntN(192)).Bytes(), random(r, 1+r.IntN(40)).Bytes())
		}
	}
}

func random(r *rand.Rand, n int) *big.Int {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return new(big.Int).SetBytes(b)
}

// compare computes a^k, a·b and a^k·b^l modulo n in every way there is.
func compare(t *testing.T, m *Modulus, n, a, b *big.Int, k, l []byte) {
	t.Helper()
	check := func(name string, z []byte, want *big.Int) {
		t.Helper()
		if got := new(big.Int).SetBytes(z); got.Cmp(want) != 0 {
			t.Errorf("%s modulo %x (fast %t) with a=%x b=%x k=%x l=%x is %x, want %x", name, n, m.fast != nil, a, b, k, l, got, want)
		}
	}
	z := make([]byte, m.Size())
	bytesOf := func(v *big.Int) []byte { return v.FillBytes(make([]byte, m.Size())) }
	ak := new(big.Int).Exp(a, new(big.Int).SetBytes(k), n)
	bl := new(big.Int).Exp(b, new(big.Int).SetBytes(l), n)
	m.Exp(z, bytesOf(a), k)
	check("a^k", z, ak)
	m.Mul(z, bytesOf(a), bytesOf(b))
	check("a·b", z, new(big.Int).Mod(new(big.Int).Mul(a, b), n))
	m.ProductVarTime(z, Power{bytesOf(a), k})
	check("a^k in variable time", z, ak)
	m.ProductVarTime(z, Power{bytesOf(a), k}, Power{bytesOf(b), l})
	check("a^k·b^l", z, new(big.Int).Mod(new(big.Int).Mul(ak, bl), n))
	m.NewFixedBase(bytesOf(a), 8*len(k)).Exp(z, k)
	check("a^k by comb", z, ak)
}

func FuzzModular(f *testing.F) {
	all, values := moduli(f)
	f.Add(uint8(0), []byte{2}, []byte{3}, []byte{0xff}, []byte{5})
	for i, n := range values {
		f.Add(uint8(i), new(big.Int).Sub(n, big.NewInt(1)).Bytes(), n.Bytes(), n.Bytes(), []byte{0})
	}
	f.Fuzz(func(t *testing.T, which uint8, a, b, k, l []byte) {
		i := int(which) % len(all)
		mod := func(b []byte) *big.Int {
			v := new(big.Int).SetBytes(b[:min(len(b), 400)])
			return v.Mod(v, values[i])
		}
		compare(t, all[i], values[i], mod(a), mod(b), k[:min(len(k), 192)], l[:min(len(l), 192)])
	})
}

// TestDigits: whatever is put in comes out.
func TestDigits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for size := range (maxBits + 2*digitBits) / 8 {
		in, out := make([]byte, size), make([]byte, size)
		random(r, size).FillBytes(in)
		var x Number
		x.setBytes(in)
		x.bytes(out)
		if !bytes.Equal(in, out) {
			t.Errorf("%x comes out as %x", in, out)
		}
		for i, digit := range x {
			if digit>>digitBits != 0 {
				t.Errorf("digit %d has more than %d bits", i, digitBits)
			}
		}
	}
}

func BenchmarkExp(b *testing.B) {
	for i, bits := range []int{maxBits, 1024} {
		n, _ := new(big.Int).SetString(primes[i], 16)
		m, err := New(n.Bytes())
		if err != nil {
			b.Fatal(err)
		}
		base := new(big.Int).Rsh(n, 1).FillBytes(make([]byte, m.Size()))
		z := make([]byte, m.Size())
		for _, size := range []int{160, 320, 1536} {
			k := bytes.Repeat([]byte{0xa5}, size/8)
			name := func(s string) string {
				return s + "-" + big.NewInt(int64(bits)).String() + "-" + big.NewInt(int64(size)).String()
			}
			b.Run(name("secret"), func(b *testing.B) {
				for b.Loop() {
					m.Exp(z, base, k)
				}
			})
			b.Run(name("public"), func(b *testing.B) {
				for b.Loop() {
					m.ProductVarTime(z, Power{base, k})
				}
			})
			f := m.NewFixedBase(base, size)
			b.Run(name("fixed"), func(b *testing.B) {
				for b.Loop() {
					f.Exp(z, k)
				}
			})
		}
	}
}

// TestMontgomery: what mul returns is right for everything that it may be given, which is less than 2n, and can be given
// to it again. Powers alone do not show it: most of what they multiply is random.
func TestMontgomery(t *testing.T) {
	if !hasIFMA {
		t.Skip("the processor does not have the instructions")
	}
	all, values := moduli(t)
	r := rand.New(rand.NewPCG(5, 6))
	for i, modulus := range all {
		if modulus.fast == nil {
			continue
		}
		m := modulus.fast
		n := valueOf(&m.n)
		if new(big.Int).Mod(n, values[i]).Sign() != 0 || m.n[0] != 1<<digitBits-1 || m.digits >= len(m.n) {
			t.Fatalf("modulo %x: n is %x, of %d digits", values[i], n, m.digits)
		}
		radix := new(big.Int).Lsh(big.NewInt(1), uint(m.digits*digitBits))
		inverse := new(big.Int).ModInverse(radix, n)
		limit := new(big.Int).Lsh(n, 1)
		numbers := []*big.Int{valueOf(&m.one), valueOf(&m.square)}
		for range 3 {
			v := random(r, 300)
			numbers = append(numbers, v.Mod(v, limit))
		}
		for d := int64(-2); d <= 2; d++ {
			for _, v := range []*big.Int{new(big.Int), n, limit, new(big.Int).Rsh(n, 1), new(big.Int).Rsh(limit, digitBits), new(big.Int).Lsh(big.NewInt(1), uint(n.BitLen()-1))} {
				if v = new(big.Int).Add(v, big.NewInt(d)); v.Sign() >= 0 && v.Cmp(limit) < 0 {
					numbers = append(numbers, v)
				}
			}
		}
		for _, a := range numbers {
			for _, b := range numbers {
				var z Number
				x, y := numberOf(a), numberOf(b)
				m.mul(&z, &x, &y)
				got := valueOf(&z)
				want := new(big.Int).Mul(a, b)
				want.Mul(want, inverse).Mod(want, n)
				if got.Cmp(limit) >= 0 || new(big.Int).Mod(got, n).Cmp(want) != 0 {
					t.Fatalf("modulo %x: %x · %x is %x, want %x", n, a, b, got, want)
				}
				for j, digit := range z {
					if digit>>digitBits != 0 || j >= m.digits && digit != 0 {
						t.Fatalf("modulo %x: %x · %x has the digits %x", n, a, b, z)
					}
				}
			}
		}
	}
}

// valueOf returns the value of x, digit by digit.
func valueOf(x *Number) *big.Int {
	v := new(big.Int)
	for i := len(x) - 1; i >= 0; i-- {
		v.Lsh(v, digitBits).Add(v, new(big.Int).SetUint64(x[i]))
	}
	return v
}

// TestLookup: every entry of a table is found, and in no more than it has.
func TestLookup(t *testing.T) {
	if !hasIFMA {
		t.Skip("the processor does not have the instructions")
	}
	var table [5]Number
	for i := range table {
		for j := range table[i] {
			table[i][j] = uint64(i<<8 | j)
		}
	}
	for i := range table {
		var z Number
		if lookupIFMA(&z, &table[0], len(table), uint64(i)); z != table[i] {
			t.Errorf("entry %d is %x", i, z)
		}
	}
	z := Number{1}
	if lookupIFMA(&z, &table[0], len(table)-1, uint64(len(table)-1)); z != (Number{}) {
		t.Errorf("beyond the end there is %x", z)
	}
}
