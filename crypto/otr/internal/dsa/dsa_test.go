package dsa

import (
	"bytes"
	stddsa "crypto/dsa" //lint:ignore SA1019 an independent implementation to compare with
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"
)

// RFC 6979 A.2.1, the DSA key of 1024 bits.
const (
	rfcP = "86F5CA03DCFEB225063FF830A0C769B9DD9D6153AD91D7CE27F787C43278B447" +
		"E6533B86B18BED6E8A48B784A14C252C5BE0DBF60B86D6385BD2F12FB763ED88" +
		"73ABFD3F5BA2E0A8C0A59082EAC056935E529DAF7C610467899C77ADEDFC846C" +
		"881870B7B19B2B58F9BE0521A17002E3BDD6B86685EE90B3D9A1B02B782B1779"
	rfcQ = "996F967F6C8E388D9E28D01E205FBA957A5698B1"
	rfcG = "07B0F92546150B62514BB771E2A0C0CE387F03BDA6C56B505209FF25FD3C133D" +
		"89BBCD97E904E09114D9A7DEFDEADFC9078EA544D2E401AEECC40BB9FBBF78FD" +
		"87995A10A1C27CB7789B594BA7EFB5C4326A9FE59A070E136DB77175464ADCA4" +
		"17BE5DCE2F40D10A46A3A3943F26AB7FD9C0398FF8C76EE0A56826A8A88F1DBD"
	rfcY = "5DF5E01DED31D0297E274E1691C192FE5868FEF9E19A84776454B100CF16F653" +
		"92195A38B90523E2542EE61871C0440CB87C322FC4B4D2EC5E1E7EC766E1BE8D" +
		"4CE935437DC11C3C8FD426338933EBFE739CB3465F4D3668C5E473508253B1E6" +
		"82F65CBDC4FAE93C2EA212390E54905A86E2223170B44EAA7DA5DD9FFCFB7F3B"
	rfcX = "411602CB19A6CCC34494D79D98EF1E7ED5AF25F7"
)

func number(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic("not a hexadecimal number: " + s)
	}
	return n
}

func rfcKey(t testing.TB) *PrivateKey {
	t.Helper()
	k, err := ParsePrivateKey(number(rfcP).Bytes(), number(rfcQ).Bytes(), number(rfcG).Bytes(), number(rfcY).Bytes(), number(rfcX).Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestRFC6979 signs what the RFC signs: the first 160 bits of a hash, here as a 256-bit number that starts with zeros.
// (The RFC's other hashes also change the derivation of the nonce; ours is the one with SHA-256.)
func TestRFC6979(t *testing.T) {
	tests := []struct{ text, nonce, r, s string }{
		{"sample", "519BA0546D0C39202A7D34D7DFA5E760B318BCFB", "81F2F5850BE5BC123C43F71A3033E9384611C545", "4CDD914B65EB6C66A8AAAD27299BEE6B035F5E89"},
		{"test", "5A67592E8128E03A417B0484410FB72C0B630E1A", "22518C127299B0F6FDC9872B282B9E70D0790812", "6837EC18F150D55DE95B5E29BE7AF5D01E4FE160"},
	}
	k := rfcKey(t)
	for _, test := range tests {
		hash := sha256.Sum256([]byte(test.text))
		var m [MessageSize]byte
		copy(m[MessageSize-QSize:], hash[:QSize])
		nonces := newNonces(&k.x, k.public.reduce(m[:]).Bytes(k.public.q))
		nonce := nonces.next()
		for number(rfcQ).Cmp(new(big.Int).SetBytes(nonce[:])) <= 0 {
			nonce = nonces.next()
		}
		if got := hex.EncodeToString(nonce[:]); got != strings.ToLower(test.nonce) {
			t.Errorf("%s: nonce %s, want %s", test.text, got, test.nonce)
		}
		sig := k.Sign(&m)
		if got := hex.EncodeToString(sig[:]); got != strings.ToLower(test.r+test.s) {
			t.Errorf("%s: signature %s, want %s %s", test.text, got, test.r, test.s)
		}
		if !k.Public().Verify(&m, &sig) {
			t.Errorf("%s: signature does not verify", test.text)
		}
	}
}

// TestAgainstStandardLibrary signs with one implementation and verifies with the other, over whole 256-bit numbers.
func TestAgainstStandardLibrary(t *testing.T) {
	k := rfcKey(t)
	std := &stddsa.PrivateKey{X: number(rfcX)}
	std.P, std.Q, std.G, std.Y = number(rfcP), number(rfcQ), number(rfcG), number(rfcY)
	messages := [][MessageSize]byte{{}, {MessageSize - 1: 1}, [MessageSize]byte(bytes.Repeat([]byte{0xff}, MessageSize))}
	for i := range 20 {
		messages = append(messages, sha256.Sum256([]byte{byte(i)}))
	}
	for _, m := range messages {
		sig := k.Sign(&m)
		if again := k.Sign(&m); again != sig {
			t.Errorf("%x: a second signature differs", m)
		}
		r, s := new(big.Int).SetBytes(sig[:QSize]), new(big.Int).SetBytes(sig[QSize:])
		if !stddsa.Verify(&std.PublicKey, m[:], r, s) {
			t.Errorf("%x: the standard library refuses our signature", m)
		}
		r, s, err := stddsa.Sign(rand.Reader, std, m[:])
		if err != nil {
			t.Fatal(err)
		}
		r.FillBytes(sig[:QSize])
		s.FillBytes(sig[QSize:])
		if !k.Public().Verify(&m, &sig) {
			t.Errorf("%x: we refuse the standard library's signature", m)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	k := rfcKey(t)
	m := sha256.Sum256([]byte("text"))
	good := k.Sign(&m)
	for bit := range 8 * SignatureSize {
		sig := good
		sig[bit/8] ^= 1 << (bit % 8)
		if k.Public().Verify(&m, &sig) {
			t.Errorf("signature with bit %d changed verifies", bit)
		}
	}
	for bit := range 8 * MessageSize {
		other := m
		other[bit/8] ^= 1 << (bit % 8)
		if k.Public().Verify(&other, &good) {
			t.Errorf("number with bit %d changed verifies", bit)
		}
	}
	q := number(rfcQ)
	r, s := new(big.Int).SetBytes(good[:QSize]), new(big.Int).SetBytes(good[QSize:])
	zero := new(big.Int)
	ff := new(big.Int).SetBytes(bytes.Repeat([]byte{0xff}, QSize))
	for name, pair := range map[string][2]*big.Int{
		"r = 0":        {zero, s},
		"s = 0":        {r, zero},
		"both 0":       {zero, zero},
		"r = 1, s = 0": {one, zero},
		"r = q":        {q, s},
		"s = q":        {r, q},
		"both q":       {q, q},
		"r = 2^160-1":  {ff, s},
		"s = 2^160-1":  {r, ff},
		"both 1":       {big.NewInt(1), big.NewInt(1)},
		"r and s swap": {s, r},
	} {
		var sig [SignatureSize]byte
		pair[0].FillBytes(sig[:QSize])
		pair[1].FillBytes(sig[QSize:])
		if k.Public().Verify(&m, &sig) {
			t.Errorf("%s verifies", name)
		}
	}
}

// hostileKeys are public keys that must be refused, made from the good key of the RFC.
var hostileKeys = sync.OnceValue(func() map[string][4][]byte {
	p, q, g, y := number(rfcP), number(rfcQ), number(rfcG), number(rfcY)
	b := func(n *big.Int) []byte { return n.Bytes() }
	add := func(n *big.Int, d int64) []byte { return new(big.Int).Add(n, big.NewInt(d)).Bytes() }
	cases := map[string][4][]byte{
		"nothing":                {},
		"g = 1, y = 1":           {b(p), b(q), {1}, {1}},
		"g = 1":                  {b(p), b(q), {1}, b(y)},
		"y = 1":                  {b(p), b(q), b(g), {1}},
		"g = 0":                  {b(p), b(q), nil, b(y)},
		"g = 00":                 {b(p), b(q), {0}, b(y)},
		"y = 0":                  {b(p), b(q), b(g), nil},
		"g = p":                  {b(p), b(q), b(p), b(y)},
		"y = p":                  {b(p), b(q), b(g), b(p)},
		"g = p-1":                {b(p), b(q), add(p, -1), b(y)},
		"y = p-1":                {b(p), b(q), b(g), add(p, -1)},
		"g = p+1":                {b(p), b(q), add(p, 1), b(y)},
		"g of another order":     {b(p), b(q), {2}, b(y)},
		"y of another order":     {b(p), b(q), b(g), {2}},
		"y = p + y":              {b(p), b(q), b(g), new(big.Int).Add(p, y).Bytes()},
		"g with a leading zero":  {b(p), b(q), append([]byte{0}, b(g)...), b(y)},
		"p with a leading zero":  {append([]byte{0}, b(p)...), b(q), b(g), b(y)},
		"p even":                 {add(p, -1), b(q), b(g), b(y)},
		"p another number":       {add(p, 2), b(q), b(g), b(y)},
		"p + 2q":                 {new(big.Int).Add(p, new(big.Int).Lsh(q, 1)).Bytes(), b(q), b(g), b(y)},
		"p = q":                  {b(q), b(q), b(g), b(y)},
		"p of 1023 bits":         {new(big.Int).Rsh(p, 1).Bytes(), b(q), b(g), b(y)},
		"p of 1025 bits":         {new(big.Int).Lsh(p, 1).Bytes(), b(q), b(g), b(y)},
		"p of 2048 bits":         {new(big.Int).Mul(p, p).Bytes(), b(q), b(g), b(y)},
		"p of 16384 bits":        {bytes.Repeat([]byte{0xff}, 2048), b(q), b(g), b(y)},
		"q = 0":                  {b(p), nil, b(g), b(y)},
		"q = 1":                  {b(p), {1}, b(g), b(y)},
		"q = 2":                  {b(p), {2}, b(g), b(y)},
		"q even":                 {b(p), add(q, -1), b(g), b(y)},
		"q of 159 bits":          {b(p), new(big.Int).Rsh(q, 1).Bytes(), b(g), b(y)},
		"q of 161 bits":          {b(p), new(big.Int).Lsh(q, 1).Bytes(), b(g), b(y)},
		"q another odd number":   {b(p), add(q, 2), b(g), b(y)},
		"q of 16384 bits":        {b(p), bytes.Repeat([]byte{0xff}, 2048), b(g), b(y)},
		"p and q of 16384 bits":  {bytes.Repeat([]byte{0xff}, 2048), bytes.Repeat([]byte{0xff}, 2048), b(g), b(y)},
		"q and p in wrong order": {b(q), b(p), b(g), b(y)},
	}
	// Keys in which all else is right: the order of g and y is q, which divides p-1.
	whole := func(p, q *big.Int) [4][]byte { g := generator(p, q); return [4][]byte{b(p), b(q), b(g), b(g)} }
	cases["q composite"] = whole(primeBelow(8*PSize, square80), square80)
	cases["p of 1023 bits, q divides p-1"] = whole(primeBelow(8*PSize-1, q), q)
	cases["q of 159 bits, q divides p-1"] = whole(primeBelow(8*PSize, prime159), prime159)
	even := new(big.Int).Sub(p, q)
	cases["p even, q divides p-1"] = [4][]byte{b(even), b(q), b(g), b(y)}

	// p = m·n where q divides m-1 but not p-1, and g = y is of order q modulo m and 1 modulo n.
	m, n := primeBelow(4*PSize, q), number(rfcP)
	n.Rsh(n, 4*PSize).SetBit(n, 0, 1)
	product := new(big.Int).Mul(m, n)
	inverse := new(big.Int).ModInverse(n, m)
	crt := new(big.Int).Sub(generator(m, q), one)
	crt.Mul(crt, inverse).Mod(crt, m).Mul(crt, n).Add(crt, one)
	cases["q does not divide p-1"] = [4][]byte{b(product), b(q), b(crt), b(crt)}
	return cases
})

var (
	square80 = new(big.Int).Mul(number("FFFFFFFFFFFFFFFFFFBF"), number("FFFFFFFFFFFFFFFFFFBF")) // of a prime
	prime159 = number("4CB7CB3FB63471C4EF14680F102FD4ABD2B4C7FD")
)

// primeBelow returns the greatest prime of that many bits that is 1 modulo 2q.
func primeBelow(bits uint, q *big.Int) *big.Int {
	step := new(big.Int).Lsh(q, 1)
	n := new(big.Int).Lsh(one, bits)
	n.Sub(n, one)
	n.Sub(n, new(big.Int).Rem(n, step)).Add(n, one)
	for n.BitLen() > int(bits) || !n.ProbablyPrime(0) {
		n.Sub(n, step)
	}
	return n
}

// TestHostileKeysAreGoodOtherwise: what the cases above are made by gives good keys where nothing is wrong.
func TestHostileKeysAreGoodOtherwise(t *testing.T) {
	q := number(rfcQ)
	p := primeBelow(8*PSize, q)
	g := generator(p, q).Bytes()
	if _, err := ParsePublicKey(p.Bytes(), q.Bytes(), g, g); err != nil {
		t.Error(err)
	}
	if !prime159.ProbablyPrime(20) || prime159.BitLen() != 159 || square80.BitLen() != 160 {
		t.Error("prime159 or square80 is not what its name says")
	}
}

func TestHostileKeys(t *testing.T) {
	for name, k := range hostileKeys() {
		if public, err := ParsePublicKey(k[0], k[1], k[2], k[3]); !errors.Is(err, ErrKey) || public != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add(number(rfcP).Bytes(), number(rfcQ).Bytes(), number(rfcG).Bytes(), number(rfcY).Bytes())
	for _, k := range hostileKeys() {
		f.Add(k[0], k[1], k[2], k[3])
	}
	m := sha256.Sum256([]byte("text"))
	sig := [SignatureSize]byte{QSize - 1: 1, SignatureSize - 1: 1}
	f.Fuzz(func(t *testing.T, p, q, g, y []byte) {
		k, err := ParsePublicKey(p, q, g, y)
		if err != nil {
			return
		}
		k.Verify(&m, &sig)
		gotP, gotQ, gotG, gotY := k.Encoded()
		if !bytes.Equal(gotP, p) || !bytes.Equal(gotQ, q) || !bytes.Equal(gotG, g) || !bytes.Equal(gotY, y) {
			t.Error("Encoded is not what was parsed")
		}
	})
}

func TestParsePrivateKeyRefuses(t *testing.T) {
	q, x := number(rfcQ), number(rfcX)
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"0":                     {0},
		"1":                     {1},
		"q":                     q.Bytes(),
		"x + 1":                 new(big.Int).Add(x, one).Bytes(),
		"x + q":                 new(big.Int).Add(x, q).Bytes(),
		"x with a leading zero": append([]byte{0}, x.Bytes()...),
		"long":                  bytes.Repeat([]byte{1}, 4096),
	} {
		if k, err := ParsePrivateKey(number(rfcP).Bytes(), q.Bytes(), number(rfcG).Bytes(), number(rfcY).Bytes(), b); !errors.Is(err, ErrKey) || k != nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, k := range hostileKeys() {
		if _, err := ParsePrivateKey(k[0], k[1], k[2], k[3], x.Bytes()); !errors.Is(err, ErrKey) {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestShortX: a private number may be short, but not written with zeros before it.
func TestShortX(t *testing.T) {
	p, g := number(rfcP), number(rfcG)
	y := new(big.Int).Exp(g, big.NewInt(5), p).Bytes()
	if k, err := ParsePrivateKey(p.Bytes(), number(rfcQ).Bytes(), g.Bytes(), y, []byte{5}); err != nil || !bytes.Equal(k.X(), []byte{5}) {
		t.Errorf("5 is refused: %v", err)
	}
	if _, err := ParsePrivateKey(p.Bytes(), number(rfcQ).Bytes(), g.Bytes(), y, []byte{0, 5}); !errors.Is(err, ErrKey) {
		t.Errorf("00 05: %v", err)
	}
}

func TestGenerate(t *testing.T) {
	k, err := Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, q, g, y := k.Public().Encoded()
	if _, err := ParsePrivateKey(p, q, g, y, k.X()); err != nil {
		t.Fatalf("we refuse the key that we made: %v", err)
	}
	if !new(big.Int).SetBytes(p).ProbablyPrime(20) || !new(big.Int).SetBytes(q).ProbablyPrime(20) {
		t.Error("p or q is not prime")
	}
	m := sha256.Sum256([]byte("text"))
	sig := k.Sign(&m)
	std := &stddsa.PublicKey{Y: new(big.Int).SetBytes(y)}
	std.P, std.Q, std.G = new(big.Int).SetBytes(p), new(big.Int).SetBytes(q), new(big.Int).SetBytes(g)
	if !stddsa.Verify(std, m[:], new(big.Int).SetBytes(sig[:QSize]), new(big.Int).SetBytes(sig[QSize:])) {
		t.Error("the standard library refuses the signature of a generated key")
	}
	if other := rfcKey(t); other.Public().Verify(&m, &sig) {
		t.Error("another key verifies the signature")
	}
	k.Wipe()
	if len(k.X()) != 0 {
		t.Error("x is left after Wipe")
	}
}

// TestSieve: nothing with a small factor is left, and nothing without is lost.
func TestSieve(t *testing.T) {
	step := new(big.Int).Lsh(number(rfcQ), 1)
	start := new(big.Int).Add(new(big.Int).Mul(step, new(big.Int).SetBytes(bytes.Repeat([]byte{0xa5}, 100))), one)
	composite := sieve(start, step)
	small := new(big.Int).SetInt64(1)
	for _, l := range smallPrimes() {
		small.Mul(small, big.NewInt(l))
	}
	for i := range 100 {
		n := new(big.Int).Mul(step, big.NewInt(int64(i)))
		n.Add(n, start)
		divisible := new(big.Int).GCD(nil, nil, n, small).Cmp(one) != 0
		if divisible != composite[i] {
			t.Errorf("candidate %d: marked %v, divisible %v", i, composite[i], divisible)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestRandomSourceFails(t *testing.T) {
	for name, source := range map[string]io.Reader{
		"empty": bytes.NewReader(nil),
		"zeros": zeros{},
	} {
		if k, err := Generate(source); err == nil || k != nil {
			t.Errorf("%s: Generate gives a key", name)
		}
	}
	p, q, g := number(rfcP).Bytes(), number(rfcQ).Bytes(), number(rfcG).Bytes()
	if _, err := generateX(zeros{}, p, q, g); !errors.Is(err, errRandom) {
		t.Errorf("x from zeros: error is %v", err)
	}
	if _, err := generateX(bytes.NewReader(nil), p, q, g); !errors.Is(err, io.EOF) {
		t.Errorf("x from nothing: error is %v", err)
	}
	if _, err := generateP(bytes.NewReader(nil), number(rfcQ)); !errors.Is(err, io.EOF) {
		t.Errorf("p from nothing: error is %v", err)
	}
}

func BenchmarkGenerate(b *testing.B) {
	for range b.N {
		if _, err := Generate(rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	k := rfcKey(b)
	m := sha256.Sum256([]byte("text"))
	for range b.N {
		k.Sign(&m)
	}
}

func BenchmarkParseAndVerify(b *testing.B) {
	k := rfcKey(b)
	m := sha256.Sum256([]byte("text"))
	sig := k.Sign(&m)
	p, q, g, y := k.Public().Encoded()
	for range b.N {
		public, err := ParsePublicKey(p, q, g, y)
		if err != nil || !public.Verify(&m, &sig) {
			b.Fatal("refused")
		}
	}
}
