package smp

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
)

var (
	alicePrint = [20]byte{1, 2, 3}
	bobPrint   = [20]byte{4, 5, 6}
	ssid       = [8]byte{7, 8, 9}

	prime, _ = new(big.Int).SetString("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1"+
		"29024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245"+
		"E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3D"+
		"C2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D"+
		"670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF", 16)
	order = new(big.Int).Rsh(prime, 1)
)

func secret(typed string) Secret { return NewSecret(alicePrint, bobPrint, ssid, []byte(typed)) }

func TestNewSecret(t *testing.T) {
	text := append([]byte{1}, alicePrint[:]...)
	text = append(text, bobPrint[:]...)
	text = append(text, ssid[:]...)
	text = append(text, "the answer"...)
	if got := secret("the answer"); got.digest != sha256.Sum256(text) {
		t.Errorf("secret is %x", got.digest)
	}
}

// A deviation makes one party send something else than what it should: message is 1 to 4.
type deviation func(message int, value []byte) []byte

// run lets Alice and Bob run the protocol and stops at the first error. It says what each of them concluded.
func run(random io.Reader, x, y Secret, deviate deviation) (alice, bob bool, err error) {
	initiator, message1, err := Start(random, x)
	if err != nil {
		return false, false, err
	}
	responder, err := Receive(deviate(1, message1))
	if err != nil {
		return false, false, err
	}
	message2, err := responder.Answer(random, y)
	if err != nil {
		return false, false, err
	}
	message3, err := initiator.Answer(random, deviate(2, message2))
	if err != nil {
		return false, false, err
	}
	message4, bob, err := responder.Finish(random, deviate(3, message3))
	if err != nil {
		return false, bob, err
	}
	alice, err = initiator.Finish(deviate(4, message4))
	if err != nil {
		return alice, bob, err
	}
	return alice, bob, nil
}

func honest(_ int, value []byte) []byte { return value }

// A recording is an honest run that can be taken up again at each of its messages.
type recording struct {
	messages [5][]byte
	alice    [5]Initiator // as it was before message 2 and before message 4
	bob      Responder    // as it was before message 3
}

// record makes the same recording each time: a fuzzing engine runs in several processes.
func record(t testing.TB) *recording {
	t.Helper()
	r, rand := new(recording), mrand.NewChaCha8([32]byte{1})
	alice, message1, err := Start(rand, secret("same"))
	if err != nil {
		t.Fatal(err)
	}
	bob, err := Receive(message1)
	if err != nil {
		t.Fatal(err)
	}
	message2, err := bob.Answer(rand, secret("same"))
	if err != nil {
		t.Fatal(err)
	}
	r.alice[2], r.bob = *alice, *bob
	message3, err := alice.Answer(rand, message2)
	if err != nil {
		t.Fatal(err)
	}
	r.alice[4] = *alice
	message4, _, err := bob.Finish(rand, message3)
	if err != nil {
		t.Fatal(err)
	}
	r.messages = [5][]byte{1: message1, 2: message2, 3: message3, 4: message4}
	return r
}

// receive takes the run up at message n, with value in its place, and says whether its receiver answered or concluded
// that the secrets are equal. A refusing receiver must have forgotten everything.
func (r *recording) receive(n int, value []byte) (went bool, err error) {
	alice, bob := r.alice[n], r.bob
	var reply []byte
	switch n {
	case 1:
		var responder *Responder
		responder, err = Receive(value)
		return responder != nil, err
	case 2:
		reply, err = alice.Answer(rand.Reader, value)
	case 3:
		reply, went, err = bob.Finish(rand.Reader, value)
	case 4:
		went, err = alice.Finish(value)
	}
	if n == 3 && bob != (Responder{}) || n != 3 && err != nil && alice != (Initiator{}) {
		err = errors.New("something is left of a run that is over")
	}
	return went || reply != nil, err
}

func TestTwoParties(t *testing.T) {
	tests := []struct {
		name  string
		x, y  Secret
		equal bool
	}{
		{"the same", secret("same"), secret("same"), true},
		{"both empty", secret(""), secret(""), true},
		{"not Latin", secret("тот самый ответ 🔑"), secret("тот самый ответ 🔑"), true},
		{"other", secret("one"), secret("two"), false},
		{"case", secret("One"), secret("one"), false},
		{"roles", secret("same"), NewSecret(bobPrint, alicePrint, ssid, []byte("same")), false},
		{"session", secret("same"), NewSecret(alicePrint, bobPrint, [8]byte{}, []byte("same")), false},
	}
	for _, test := range tests {
		alice, bob, err := run(rand.Reader, test.x, test.y, honest)
		if err != nil || alice != test.equal || bob != test.equal {
			t.Errorf("%s: alice %v, bob %v, %v", test.name, alice, bob, err)
		}
	}
}

// The numbers of each message in their order.
var contents = map[int][]string{
	1: {"g2a", "c2", "D2", "g3a", "c3", "D3"},
	2: {"g2b", "c2", "D2", "g3b", "c3", "D3", "Pb", "Qb", "cP", "D5", "D6"},
	3: {"Pa", "Qa", "cP", "D5", "D6", "Ra", "cR", "D7"},
	4: {"Rb", "cR", "D7"},
}

func split(value []byte) [][]byte {
	count := binary.BigEndian.Uint32(value)
	value = value[4:]
	numbers := make([][]byte, count)
	for i := range numbers {
		n := binary.BigEndian.Uint32(value)
		numbers[i], value = value[4:4+n], value[4+n:]
	}
	return numbers
}

func join(numbers [][]byte) []byte {
	value := binary.BigEndian.AppendUint32(nil, uint32(len(numbers)))
	for _, n := range numbers {
		value = binary.BigEndian.AppendUint32(value, uint32(len(n)))
		value = append(value, n...)
	}
	return value
}

func TestContents(t *testing.T) {
	_, _, err := run(rand.Reader, secret("same"), secret("same"), func(message int, value []byte) []byte {
		if numbers := split(value); len(numbers) != len(contents[message]) || !bytes.Equal(join(numbers), value) {
			t.Errorf("message %d has %d numbers", message, len(numbers))
		}
		return value
	})
	if err != nil {
		t.Error(err)
	}
}

// TestCheating replaces every number of every message by each of the values that give power over the result, by
// wrong ones, and by wrong encodings of right ones. The receiver must refuse: no success and no failure.
func TestCheating(t *testing.T) {
	minus := func(n *big.Int, d int64) []byte { return new(big.Int).Sub(n, big.NewInt(d)).Bytes() }
	replacements := []struct {
		name string
		by   func(n []byte) []byte
	}{
		{"0", func([]byte) []byte { return nil }},
		{"0 as a byte", func([]byte) []byte { return []byte{0} }},
		{"1", func([]byte) []byte { return []byte{1} }},
		{"2", func([]byte) []byte { return []byte{2} }},
		{"q-1", func([]byte) []byte { return minus(order, 1) }},
		{"q", func([]byte) []byte { return order.Bytes() }},
		{"q+1", func([]byte) []byte { return minus(order, -1) }},
		{"p-2", func([]byte) []byte { return minus(prime, 2) }},
		{"p-1", func([]byte) []byte { return minus(prime, 1) }},
		{"p", func([]byte) []byte { return prime.Bytes() }},
		{"p+1", func([]byte) []byte { return minus(prime, -1) }},
		{"2^1536-1", func([]byte) []byte { return bytes.Repeat([]byte{0xff}, 192) }},
		{"64 KiB", func([]byte) []byte { return bytes.Repeat([]byte{0xff}, 65000) }},
		{"itself + 1", func(n []byte) []byte { return minus(new(big.Int).SetBytes(n), -1) }},
		{"itself + p", func(n []byte) []byte { return new(big.Int).Add(prime, new(big.Int).SetBytes(n)).Bytes() }},
		{"p - itself", func(n []byte) []byte {
			return new(big.Int).Abs(new(big.Int).Sub(prime, new(big.Int).SetBytes(n))).Bytes()
		}},
		{"itself after a zero", func(n []byte) []byte { return append([]byte{0}, n...) }},
	}
	tries := 0
	recorded := record(t)
	for message, names := range contents {
		for i, name := range names {
			for _, replacement := range replacements {
				numbers := split(recorded.messages[message])
				numbers[i] = replacement.by(numbers[i])
				went, err := recorded.receive(message, join(numbers))
				if !errors.Is(err, ErrCheated) || went {
					t.Errorf("message %d: %s replaced by %s: went on %v, %v", message, name, replacement.name, went, err)
				}
				tries++
			}
		}
	}
	for message := range contents {
		if went, err := recorded.receive(message, recorded.messages[message]); err != nil || !went {
			t.Errorf("message %d as it was: went on %v, %v", message, went, err)
		}
	}
	t.Logf("%d values tried", tries)
}

// TestMalformed sends messages with too few, too many or cut numbers.
func TestMalformed(t *testing.T) {
	changes := map[string]func(value []byte) []byte{
		"nothing":           func([]byte) []byte { return nil },
		"3 bytes":           func(v []byte) []byte { return v[:3] },
		"count only":        func(v []byte) []byte { return v[:4] },
		"count 0":           func(v []byte) []byte { return join(nil) },
		"last one missing":  func(v []byte) []byte { n := split(v); return join(n[:len(n)-1]) },
		"one more":          func(v []byte) []byte { return join(append(split(v), []byte{2})) },
		"one more, count":   func(v []byte) []byte { return append(bytes.Clone(v), 0, 0, 0, 1, 2) },
		"a byte less":       func(v []byte) []byte { return v[:len(v)-1] },
		"a byte more":       func(v []byte) []byte { return append(bytes.Clone(v), 0) },
		"count 2^32-1":      func(v []byte) []byte { return append([]byte{0xff, 0xff, 0xff, 0xff}, v[4:]...) },
		"length 2^32-1":     func(v []byte) []byte { v = bytes.Clone(v); copy(v[4:], "\xff\xff\xff\xff"); return v },
		"length 2^31":       func(v []byte) []byte { v = bytes.Clone(v); copy(v[4:], "\x80\x00\x00\x00"); return v },
		"first length is 0": func(v []byte) []byte { v = bytes.Clone(v); copy(v[4:], "\x00\x00\x00\x00"); return v },
	}
	recorded := record(t)
	for message := range contents {
		for name, change := range changes {
			went, err := recorded.receive(message, change(recorded.messages[message]))
			if !errors.Is(err, ErrMalformed) || went {
				t.Errorf("message %d, %s: went on %v, %v", message, name, went, err)
			}
		}
	}
}

// TestOutsideSubgroup: an initiator whose g2a is no power of g, but whose proof holds, could read from Qb
// whether the responder's secret is odd. (-g)^a with c even has such a proof.
func TestOutsideSubgroup(t *testing.T) {
	var forged []byte
	for forged == nil {
		a, r := mustScalar(t), mustScalar(t)
		ga := group.BaseExp(&a)
		c, d := proveLog(1, &a, &r)
		if c[31]&1 != 0 {
			continue
		}
		b := mustScalar(t)
		g3a := group.BaseExp(&b)
		c3, d3 := proveLog(2, &b, &r)
		negative := new(big.Int).Sub(prime, new(big.Int).SetBytes(ga.Bytes())).Bytes()
		element, err := group.ParseElement(negative)
		if err != nil {
			t.Fatal(err)
		}
		if !checkLog(1, &element, &c, &d) {
			t.Fatal("the proof was meant to hold")
		}
		forged = message(&element, &c, &d, &g3a, &c3, &d3)
	}
	if _, err := Receive(forged); !errors.Is(err, ErrCheated) {
		t.Errorf("error is %v", err)
	}
}

func mustScalar(t *testing.T) group.Scalar {
	t.Helper()
	k, err := group.NewScalar(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestReplayedProofs: Bob sends back what Alice sent, whose proofs hold for her.
func TestReplayedProofs(t *testing.T) {
	recorded := record(t)
	numbers := split(recorded.messages[2])
	copy(numbers, split(recorded.messages[1]))
	if went, err := recorded.receive(2, join(numbers)); !errors.Is(err, ErrCheated) || went {
		t.Errorf("went on %v, %v", went, err)
	}
}

// TestQaEqualsQb: Alice sends Bob's own commitment back.
func TestQaEqualsQb(t *testing.T) {
	recorded := record(t)
	numbers := split(recorded.messages[3])
	copy(numbers, split(recorded.messages[2])[6:])
	if went, err := recorded.receive(3, join(numbers)); !errors.Is(err, ErrCheated) || went {
		t.Errorf("went on %v, %v", went, err)
	}
}

// TestSteps: no step can be done twice, before its time, or after a refusal.
func TestSteps(t *testing.T) {
	x := secret("same")
	alice, message1, err := Start(rand.Reader, x)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Finish(nil); !errors.Is(err, ErrState) {
		t.Errorf("Alice finishes before message 2: %v", err)
	}
	bob, err := Receive(message1)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := bob.Finish(rand.Reader, nil); !errors.Is(err, ErrState) {
		t.Errorf("Bob finishes before his answer: %v", err)
	}
	message2, err := bob.Answer(rand.Reader, secret("wrong"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Answer(rand.Reader, x); !errors.Is(err, ErrState) {
		t.Errorf("Bob answers twice: %v", err)
	}
	message3, err := alice.Answer(rand.Reader, message2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Answer(rand.Reader, message2); !errors.Is(err, ErrState) {
		t.Errorf("Alice answers twice: %v", err)
	}
	message4, equal, err := bob.Finish(rand.Reader, message3)
	if err != nil || equal {
		t.Fatalf("Bob finishes: %v, %v", equal, err)
	}
	if _, _, err := bob.Finish(rand.Reader, message3); !errors.Is(err, ErrState) {
		t.Errorf("Bob lets Alice guess twice: %v", err)
	}
	if *bob != (Responder{}) {
		t.Error("something is left in Bob")
	}
	if equal, err := alice.Finish(message4); err != nil || equal {
		t.Errorf("Alice finishes: %v, %v", equal, err)
	}
	if _, err := alice.Finish(message4); !errors.Is(err, ErrState) {
		t.Errorf("Alice finishes twice: %v", err)
	}
	if *alice != (Initiator{}) {
		t.Error("something is left in Alice")
	}
}

// TestRandomSourceFails lets the random source end after every number of scalars that a run needs.
func TestRandomSourceFails(t *testing.T) {
	const scalars = 4 + 7 + 4 + 1
	for n := range scalars + 1 {
		source := io.LimitReader(mrand.NewChaCha8([32]byte{}), int64(n)*group.Size)
		alice, bob, err := run(source, secret("same"), secret("same"), honest)
		if n < scalars && (err == nil || alice || bob) {
			t.Errorf("%d scalars: alice %v, bob %v, %v", n, alice, bob, err)
		}
		if n == scalars && (err != nil || !alice || !bob) {
			t.Errorf("enough scalars: alice %v, bob %v, %v", alice, bob, err)
		}
	}
}

// FuzzMessages puts anything in the place of one message of an honest run. Only the message itself lets the
// receiver go on.
func FuzzMessages(f *testing.F) {
	recorded := record(f)
	for message := 1; message <= 4; message++ {
		value := recorded.messages[message]
		f.Add(byte(message-1), value)
		f.Add(byte(message-1), value[:len(value)-1])
		f.Add(byte(message-1), join(split(value)[1:]))
	}
	f.Fuzz(func(t *testing.T, message byte, value []byte) {
		n := 1 + int(message)%4
		went, err := recorded.receive(n, value)
		if same := bytes.Equal(value, recorded.messages[n]); went != same || (err == nil) != same {
			t.Errorf("message %d: went on %v, %v", n, went, err)
		}
	})
}

func BenchmarkRun(b *testing.B) {
	for range b.N {
		if alice, bob, err := run(rand.Reader, secret("same"), secret("same"), honest); !alice || !bob || err != nil {
			b.Fatal(alice, bob, err)
		}
	}
}
