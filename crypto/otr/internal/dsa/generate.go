package dsa

import (
	"errors"
	"io"
	"math/big"
	"math/bits"
	"sync"

	"filippo.io/bigmod"

	"github.com/sotto-im/sotto/crypto/otr/internal/modular"
)

const (
	// FIPS 186-4 table C.1 asks for 3 rounds of Miller-Rabin beside a Lucas test for both primes of this size.
	primeRounds = 3

	// sieveLimit bounds the small primes that candidates for p are sieved with, before the first costly test.
	sieveLimit = 1 << 16

	// sieveSpan is how many candidates are sieved from one random start. One in 355 is prime.
	sieveSpan = 4096

	// maxTries bounds every search, so that a random source that does not work gives an error and no endless loop.
	maxTries = 2000
)

var (
	one       = big.NewInt(1)
	errRandom = errors.New("dsa: the random source does not work")
)

// Generate makes a key with parameters of its own. It takes tens of milliseconds and, by bad luck, several
// times that: not for the goroutine of a window.
func Generate(rand io.Reader) (*PrivateKey, error) {
	q, err := generateQ(rand)
	if err != nil {
		return nil, err
	}
	p, err := generateP(rand, q)
	if err != nil {
		return nil, err
	}
	return generateX(rand, p.Bytes(), q.Bytes(), generator(p, q).Bytes())
}

// generateQ returns a random prime of 160 bits.
func generateQ(rand io.Reader) (*big.Int, error) {
	var b [QSize]byte
	for range maxTries {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return nil, err
		}
		b[0] |= 0x80
		b[QSize-1] |= 1
		if q := new(big.Int).SetBytes(b[:]); q.ProbablyPrime(primeRounds) {
			return q, nil
		}
	}
	return nil, errRandom
}

// generateP returns a random prime of 1024 bits with p = 1 mod 2q, the first one after a random start.
func generateP(rand io.Reader, q *big.Int) (*big.Int, error) {
	var b [PSize]byte
	step := new(big.Int).Lsh(q, 1)
	for range maxTries {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return nil, err
		}
		b[0] |= 0x80
		start := new(big.Int).SetBytes(b[:])
		start.Sub(start, new(big.Int).Rem(start, step))
		start.Add(start, one)
		composite := sieve(start, step)
		for i := range composite {
			if composite[i] {
				continue
			}
			p := new(big.Int).Mul(step, big.NewInt(int64(i)))
			p.Add(p, start)
			if p.BitLen() == 8*PSize && isFermat(p) && p.ProbablyPrime(primeRounds) {
				return p, nil
			}
		}
	}
	return nil, errRandom
}

// isFermat says whether 2^(p-1) = 1 mod p, which almost no composite number passes: a cheap test before the real one.
func isFermat(p *big.Int) bool {
	m, err := modular.New(p.Bytes())
	if err != nil {
		return false
	}
	z := make([]byte, m.Size())
	m.ProductVarTime(z, modular.Power{Base: []byte{2}, Exponent: new(big.Int).Sub(p, one).Bytes()})
	return new(big.Int).SetBytes(z).Cmp(one) == 0
}

// sieve marks the i for which start + i·step has a small prime factor.
func sieve(start, step *big.Int) *[sieveSpan]bool {
	var composite [sieveSpan]bool
	starts, steps := start.Bits(), step.Bits()
	primes := smallPrimes()
	for len(primes) > 0 {
		// As many primes as fit into a word share the divisions of long numbers.
		product, n := big.Word(1), 0
		for n < len(primes) && product <= maxWord/sieveLimit {
			product *= big.Word(primes[n])
			n++
		}
		startRem, stepRem := rem(starts, product), rem(steps, product)
		for _, l := range primes[:n] {
			inverse := inverseMod(int64(stepRem%big.Word(l)), l)
			if inverse == 0 {
				continue
			}
			for i := (l - int64(startRem%big.Word(l))) * inverse % l; i < sieveSpan; i += l {
				composite[i] = true
			}
		}
		primes = primes[n:]
	}
	return &composite
}

const maxWord = ^big.Word(0)

// rem returns n mod d.
func rem(n []big.Word, d big.Word) big.Word {
	var r uint
	for i := range n {
		_, r = bits.Div(r, uint(n[len(n)-1-i]), uint(d))
	}
	return big.Word(r)
}

// inverseMod returns 1/a mod the prime l, or 0 if there is none, by Euclid's algorithm.
func inverseMod(a, l int64) int64 {
	r0, r1, t0, t1 := l, a, int64(0), int64(1)
	for r1 > 0 {
		quotient := r0 / r1
		r0, r1 = r1, r0-quotient*r1
		t0, t1 = t1, t0-quotient*t1
	}
	if r0 != 1 {
		return 0
	}
	return (t0 + l) % l
}

// smallPrimes returns the odd primes below sieveLimit.
var smallPrimes = sync.OnceValue(func() []int64 {
	var composite [sieveLimit]bool
	var primes []int64
	for i := int64(3); i < sieveLimit; i += 2 { // i*i needs more than 32 bits
		if composite[i] {
			continue
		}
		primes = append(primes, i)
		for j := i * i; j < sieveLimit; j += 2 * i {
			composite[j] = true
		}
	}
	return primes
})

// generator returns h^((p-1)/q) mod p for the smallest h that gives more than 1 (FIPS 186-4 A.2.1).
func generator(p, q *big.Int) *big.Int {
	e := new(big.Int).Sub(p, one)
	e.Div(e, q)
	g := new(big.Int)
	for h := int64(2); g.Cmp(one) <= 0; h++ {
		g.Exp(big.NewInt(h), e, p)
	}
	return g
}

// generateX picks x by rejection, in arithmetic that does not show it, and makes the key.
func generateX(rand io.Reader, p, q, g []byte) (*PrivateKey, error) {
	pm, err := modular.New(p)
	if err != nil {
		return nil, err
	}
	qm, err := bigmod.NewModulus(q)
	if err != nil {
		return nil, err
	}
	var x [QSize]byte
	defer clear(x[:])
	for range maxTries {
		if _, err := io.ReadFull(rand, x[:]); err != nil {
			return nil, err
		}
		n, err := bigmod.NewNat().SetBytes(x[:], qm)
		if err != nil || n.IsZero() == 1 || n.IsOne() == 1 {
			continue
		}
		clear(n.Bits())
		public, err := newPublicKey(p, q, g, power(pm, g, &x))
		if err != nil {
			return nil, err
		}
		k := newPrivateKey(public)
		k.x = x
		return k, nil
	}
	return nil, errRandom
}
