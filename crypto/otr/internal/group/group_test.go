package group

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"testing"
)

// TestPrime recomputes the prime as RFC 3526 section 2 defines it:
// 2^1536 - 2^1472 - 1 + 2^64 · (floor(2^1406 · pi) + 741804).
func TestPrime(t *testing.T) {
	want := power(1536)
	want.Sub(want, power(1472)).Sub(want, big.NewInt(1))
	middle := piTimes2ToThe(1406)
	middle.Add(middle, big.NewInt(741804))
	want.Add(want, middle.Lsh(middle, 64))
	if pInt.Cmp(want) != 0 {
		t.Errorf("p = %x, want %x", pInt, want)
	}
	if !pInt.ProbablyPrime(10) || !qInt.ProbablyPrime(10) {
		t.Error("p or q is not prime")
	}
	if big.Jacobi(big.NewInt(2), pInt) != 1 {
		t.Error("g is not of order q")
	}
}

func power(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }

// piTimes2ToThe returns floor(2^n · pi) by Machin's formula with 64 guard bits.
func piTimes2ToThe(n uint) *big.Int {
	arctanInverse := func(x int64) *big.Int {
		term := new(big.Int).Div(power(n+64), big.NewInt(x))
		sum := new(big.Int).Set(term)
		for k := int64(3); term.Sign() != 0; k += 2 {
			term.Div(term, big.NewInt(-x*x))
			sum.Add(sum, new(big.Int).Div(term, big.NewInt(k)))
		}
		return sum
	}
	pi := arctanInverse(5)
	pi.Lsh(pi, 2).Sub(pi, arctanInverse(239)).Lsh(pi, 2)
	return pi.Rsh(pi, 64)
}

func plus(n *big.Int, d int64) []byte { return new(big.Int).Add(n, big.NewInt(d)).Bytes() }

func TestParseElement(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"nothing", nil, false},
		{"0", []byte{0}, false},
		{"1", []byte{1}, false},
		{"2", []byte{2}, true},
		{"2 with a leading zero", []byte{0, 2}, false},
		{"p-2", plus(pInt, -2), true},
		{"p-1", plus(pInt, -1), false},
		{"p", plus(pInt, 0), false},
		{"p+2", plus(pInt, 2), false},
		{"2^1536-1", bytes.Repeat([]byte{0xff}, Size), false},
		{"2 in 193 bytes", append(make([]byte, Size), 2), false},
		{"2^1536", append([]byte{1}, make([]byte, Size)...), false},
	}
	for _, test := range tests {
		e, err := ParseElement(test.in)
		if (err == nil) != test.ok {
			t.Errorf("%s: error is %v", test.name, err)
		}
		if test.ok && !bytes.Equal(e.Bytes(), test.in) {
			t.Errorf("%s: came back as %x", test.name, e.Bytes())
		}
		if !test.ok && !e.IsZero() {
			t.Errorf("%s: refused and yet returned", test.name)
		}
	}
}

func TestParseScalar(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"nothing", nil, false},
		{"0", []byte{0}, false},
		{"1", []byte{1}, true},
		{"1 with a leading zero", []byte{0, 1}, false},
		{"q-1", plus(qInt, -1), true},
		{"q", plus(qInt, 0), false},
		{"q+1", plus(qInt, 1), false},
		{"p", plus(pInt, 0), false},
		{"2^1536", append([]byte{1}, make([]byte, Size)...), false},
	}
	for _, test := range tests {
		k, err := ParseScalar(test.in)
		if (err == nil) != test.ok {
			t.Errorf("%s: error is %v", test.name, err)
		}
		if test.ok && !bytes.Equal(k.Bytes(), test.in) {
			t.Errorf("%s: came back as %x", test.name, k.Bytes())
		}
	}
}

func TestParseDigest(t *testing.T) {
	ff := bytes.Repeat([]byte{0xff}, 32)
	for _, in := range [][]byte{nil, {1}, ff} {
		d, err := ParseDigest(in)
		if err != nil || !bytes.Equal(d.Bytes(), in) {
			t.Errorf("%x: came back as %x, %v", in, d.Bytes(), err)
		}
	}
	for _, in := range [][]byte{{0}, {0, 1}, append([]byte{1}, ff...)} {
		if _, err := ParseDigest(in); !errors.Is(err, ErrRange) {
			t.Errorf("%x: error is %v", in, err)
		}
	}
}

// number returns a number below m, often one at the edge of it.
func number(r *mrand.Rand, m *big.Int) *big.Int {
	switch r.IntN(8) {
	case 0:
		return big.NewInt(int64(r.IntN(4)))
	case 1:
		return new(big.Int).Sub(m, big.NewInt(1+int64(r.IntN(4))))
	case 2:
		return new(big.Int).Rem(power(uint(r.IntN(m.BitLen()))), m)
	}
	b := make([]byte, 1+r.IntN(Size))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return new(big.Int).Rem(new(big.Int).SetBytes(b), m)
}

func elementOf(n *big.Int) (e Element) { n.FillBytes(e.b[:]); return e }
func scalarOf(n *big.Int) (k Scalar)   { n.FillBytes(k.b[:]); return k }
func digestOf(n *big.Int) (d Digest)   { n.FillBytes(d[:]); return d }

// TestArithmetic compares every operation with math/big, over random numbers and over those at the edges.
func TestArithmetic(t *testing.T) {
	r := mrand.New(mrand.NewPCG(1, 2))
	const rounds = 60
	for range rounds {
		a, b := number(r, pInt), number(r, pInt)
		k, d, c := number(r, qInt), number(r, qInt), number(r, power(256))
		compareArithmetic(t, a, b, k, d, c)
	}
	t.Logf("%d rounds", rounds)
}

func FuzzArithmetic(f *testing.F) {
	p, q := pInt.Bytes(), qInt.Bytes()
	f.Add([]byte{2}, []byte{3}, []byte{1}, []byte{1}, []byte{1})
	f.Add(plus(pInt, -2), p, q, plus(qInt, -1), bytes.Repeat([]byte{0xff}, 32))
	f.Fuzz(func(t *testing.T, a, b, k, d, c []byte) {
		mod := func(b []byte, m *big.Int) *big.Int {
			n := new(big.Int).SetBytes(b[:min(len(b), Size)])
			return n.Rem(n, m)
		}
		compareArithmetic(t, mod(a, pInt), mod(b, pInt), mod(k, qInt), mod(d, qInt), mod(c, power(256)))
	})
}

func compareArithmetic(t *testing.T, a, b, k, d, c *big.Int) {
	t.Helper()
	ea, eb, sk, sd, dc := elementOf(a), elementOf(b), scalarOf(k), scalarOf(d), digestOf(c)
	check := func(name string, got []byte, want *big.Int) {
		t.Helper()
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s(a=%x b=%x k=%x d=%x c=%x) = %x, want %x", name, a, b, k, d, c, got, want.Bytes())
		}
	}
	product := ea.Mul(&eb)
	check("Mul", product.Bytes(), mod(new(big.Int).Mul(a, b), pInt))
	if b.Sign() != 0 {
		quotient := ea.DivVarTime(&eb)
		inverse := new(big.Int).ModInverse(b, pInt)
		check("DivVarTime", quotient.Bytes(), mod(inverse.Mul(inverse, a), pInt))
	}
	exp := ea.Exp(&sk)
	check("Exp", exp.Bytes(), new(big.Int).Exp(a, k, pInt))
	expDigest := ea.ExpDigest(&dc)
	check("ExpDigest", expDigest.Bytes(), new(big.Int).Exp(a, c, pInt))
	varTime := ea.ExpDigestVarTime(&dc)
	check("ExpDigestVarTime", varTime.Bytes(), new(big.Int).Exp(a, c, pInt))
	both := ea.ProductVarTime(&sk, &eb, &dc)
	check("ProductVarTime", both.Bytes(), mod(new(big.Int).Mul(new(big.Int).Exp(a, k, pInt), new(big.Int).Exp(b, c, pInt)), pInt))
	baseExp := BaseExp(&sk)
	check("BaseExp", baseExp.Bytes(), new(big.Int).Exp(big.NewInt(2), k, pInt))
	subMul := sk.SubMul(&sd, &dc)
	check("SubMul", subMul.Bytes(), mod(new(big.Int).Sub(k, new(big.Int).Mul(d, c)), qInt))
	dd := digestOf(new(big.Int).Rem(d, power(256)))
	subMulDigest := sk.SubMulDigest(&dd, &dc)
	check("SubMulDigest", subMulDigest.Bytes(), mod(new(big.Int).Sub(k, new(big.Int).Mul(new(big.Int).Rem(d, power(256)), c)), qInt))
	if ea.Equal(&eb) != (a.Cmp(b) == 0) || ea.CompareVarTime(&eb) != a.Cmp(b) {
		t.Errorf("comparison of %x and %x is wrong", a, b)
	}
	if ea.InSubgroupVarTime() != (new(big.Int).Exp(a, qInt, pInt).Cmp(big.NewInt(1)) == 0) {
		t.Errorf("InSubgroupVarTime of %x is wrong", a)
	}
	if ea != elementOf(a) || eb != elementOf(b) || sk != scalarOf(k) || sd != scalarOf(d) || dc != digestOf(c) {
		t.Error("an operation changed what it was given")
	}
}

func mod(n, m *big.Int) *big.Int { return n.Mod(n, m) }

func TestPrivateKey(t *testing.T) {
	var seen []byte
	alice := newKey(t, io.TeeReader(rand.Reader, writer{&seen}))
	if len(seen) != PrivateSize {
		t.Errorf("%d bytes read for x, want %d", len(seen), PrivateSize)
	}
	x := new(big.Int).SetBytes(seen)
	public := alice.Public()
	if want := new(big.Int).Exp(big.NewInt(2), x, pInt); !bytes.Equal(public.Bytes(), want.Bytes()) {
		t.Error("the public value is not g^x")
	}

	bob := newKey(t, rand.Reader)
	yA, yB := alice.Public(), bob.Public()
	sA, sB := alice.Shared(&yB), bob.Shared(&yA)
	if !sA.Equal(&sB) || sA.IsZero() {
		t.Error("the two parties do not share a secret")
	}
	if want := new(big.Int).Exp(new(big.Int).SetBytes(yB.Bytes()), x, pInt); !bytes.Equal(sA.Bytes(), want.Bytes()) {
		t.Error("the shared secret is not y^x")
	}

	twin := alice
	alice.Wipe()
	if !alice.IsZero() || alice != (PrivateKey{}) {
		t.Error("something is left after Wipe")
	}
	if again := twin.Shared(&yB); !again.Equal(&sA) {
		t.Error("a copy was wiped with its original")
	}
}

func newKey(t *testing.T, rand io.Reader) PrivateKey {
	t.Helper()
	k, err := NewPrivateKey(rand)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

type writer struct{ to *[]byte }

func (w writer) Write(b []byte) (int, error) { *w.to = append(*w.to, b...); return len(b), nil }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestRandomSourceFails(t *testing.T) {
	broken := map[string]func() io.Reader{
		"empty":  func() io.Reader { return bytes.NewReader(nil) },
		"short":  func() io.Reader { return bytes.NewReader(make([]byte, PrivateSize-1)) },
		"zeros":  func() io.Reader { return zeros{} },
		"failed": func() io.Reader { return io.MultiReader(bytes.NewReader([]byte{1}), failing{}) },
	}
	for name, source := range broken {
		if k, err := NewPrivateKey(source()); err == nil || k != (PrivateKey{}) {
			t.Errorf("%s: NewPrivateKey gives a key", name)
		}
		if k, err := NewScalar(source()); err == nil || k != (Scalar{}) {
			t.Errorf("%s: NewScalar gives a scalar", name)
		}
	}
}

// TestNewScalar: scalars are of every length that q leaves, and none is refused.
func TestNewScalar(t *testing.T) {
	longest := 0
	for range 64 {
		k, err := NewScalar(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, new(big.Int).SetBytes(k.Bytes()).BitLen())
	}
	if longest != qInt.BitLen() {
		t.Errorf("the longest of 64 scalars has %d bits", longest)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("no randomness") }

func TestWipe(t *testing.T) {
	e, k, d := elementOf(big.NewInt(5)), scalarOf(big.NewInt(6)), digestOf(big.NewInt(7))
	e.Wipe()
	k.Wipe()
	d.Wipe()
	if e != (Element{}) || k != (Scalar{}) || d != (Digest{}) {
		t.Error("something is left after Wipe")
	}
}

func BenchmarkExp(b *testing.B) {
	k, err := NewScalar(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	e := BaseExp(&k)
	b.Run("secret-1536", func(b *testing.B) {
		for range b.N {
			e.Exp(&k)
		}
	})
	b.Run("secret-320", func(b *testing.B) {
		x, err := NewPrivateKey(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		for range b.N {
			x.Shared(&e)
		}
	})
	b.Run("jacobi", func(b *testing.B) {
		for range b.N {
			e.InSubgroupVarTime()
		}
	})
	b.Run("div", func(b *testing.B) {
		for range b.N {
			e.DivVarTime(&e)
		}
	})
	b.Run("mul", func(b *testing.B) {
		for range b.N {
			e.Mul(&e)
		}
	})
}
