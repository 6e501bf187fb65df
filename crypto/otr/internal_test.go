package otr

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
	"github.com/sotto-im/sotto/crypto/otr/internal/wire"
)

// Tests in this file forge messages, for which they need the keys. All others drive Conversations from outside.

func testRand(name string) io.Reader {
	var seed [32]byte
	copy(seed[:], name)
	return rand.NewChaCha8(seed)
}

var testKey = sync.OnceValue(func() *PrivateKey {
	k, err := GenerateKey(testRand("key"))
	if err != nil {
		panic(err)
	}
	return k
})

// session returns two conversations in Encrypted, the same ones each time.
func session(t testing.TB) (alice, bob *Conversation) { return sessionOf(t, "alice", "bob") }

func sessionOf(t testing.TB, aliceRand, bobRand string) (alice, bob *Conversation) {
	t.Helper()
	now := func() time.Time { return time.Unix(1e9, 0) }
	alice = New(&Config{Key: testKey(), Tag: 0x1000, Policy: PolicyManual, Rand: testRand(aliceRand), Time: now})
	bob = New(&Config{Key: testKey(), Tag: 0x2000, Policy: PolicyManual, Rand: testRand(bobRand), Time: now})
	deliver(alice, bob, bob.Start())
	if alice.State() != Encrypted || bob.State() != Encrypted {
		t.Fatal("no session")
	}
	return alice, bob
}

// deliver carries what from wants sent to to, and the answers back, and returns all that both tell.
func deliver(to, from *Conversation, events []Event) (told []Event) {
	for _, e := range events {
		t, ok := e.(Transmit)
		if !ok {
			continue
		}
		got := to.Receive(t.Body)
		told = append(told, got...)
		told = append(told, deliver(from, to, got)...)
	}
	return told
}

// badElements are numbers that no honest party sends for an element of the group.
func badElements() map[string][]byte {
	p, _ := new(big.Int).SetString(strings.ReplaceAll(`
		FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD
		EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED
		EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F
		83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF`, "\n\t\t", ""), 16)
	add := func(n int64) []byte { return new(big.Int).Add(p, big.NewInt(n)).Bytes() }
	return map[string][]byte{
		"0": {}, "1": {1}, "p-1": add(-1), "p": add(0), "p+1": add(1), "p+2": add(2),
		"2p": new(big.Int).Lsh(p, 1).Bytes(), "2^1600-1": bytes.Repeat([]byte{0xff}, 200), "2^4096": append([]byte{1}, make([]byte, 512)...),
	}
}

func encodeFrom(from, to InstanceTag, kind byte, m interface{ append([]byte) []byte }) string {
	return encode(m.append(header{version3, kind, from, to}.append(nil)))
}

func TestBadElementInDHKey(t *testing.T) {
	for name, y := range badElements() {
		alice := New(&Config{Key: testKey(), Tag: 0x1000, Policy: PolicyManual})
		alice.Receive("?OTRv3?")
		events := alice.Receive(encodeFrom(0x2000, 0x1000, typeDHKey, &dhKeyMessage{y}))
		if r, ok := events[0].(Rejected); len(events) != 1 || !ok || r.Reason != SetupFailed && r.Reason != Malformed {
			t.Errorf("g^y = %s: %v", name, events)
		}
		if len(alice.instances) != 0 {
			t.Errorf("g^y = %s is remembered", name)
		}
	}
}

func TestBadElementInCommitment(t *testing.T) {
	for name, x := range badElements() {
		if len(x) > group.Size {
			continue // does not fit into a D-H Commit Message, see below
		}
		alice := New(&Config{Key: testKey(), Tag: 0x1000, Policy: PolicyManual})
		gxMPI := wire.AppendMPI(nil, x)
		r := [16]byte{1}
		commit := dhCommitMessage{encrypted: make([]byte, len(gxMPI)), hash: sha256.Sum256(gxMPI)}
		crypt(&r, [8]byte{}, commit.encrypted, gxMPI)
		alice.Receive(encodeFrom(0x2000, 0, typeDHCommit, &commit))
		reveal := revealSignatureMessage{r: r, signatureMessage: signatureMessage{encrypted: make([]byte, 100)}}
		events := alice.Receive(encodeFrom(0x2000, 0x1000, typeRevealSignature, &reveal))
		if len(events) != 1 || events[0] != (Rejected{Reason: SetupFailed, From: 0x2000}) {
			t.Errorf("g^x = %s: %v", name, events)
		}
	}
	alice := New(&Config{Key: testKey(), Tag: 0x1000, Policy: PolicyManual})
	large := dhCommitMessage{encrypted: make([]byte, maxEncryptedGx+1)}
	events := alice.Receive(encodeFrom(0x2000, 0, typeDHCommit, &large))
	if len(events) != 1 || events[0] != (Rejected{Reason: Malformed, From: 0x2000}) {
		t.Errorf("large commitment: %v", events)
	}
}

func withoutCaches(pairs [2][2]pair) [2][2]pair {
	for i := range pairs {
		for j := range pairs[i] {
			pairs[i][j].cache = cache{}
		}
	}
	return pairs
}

// forge makes alice's next data message to bob with whatever edit changes before the MAC is computed.
func forge(alice *Conversation, edit func(*dataMessage)) string {
	i := alice.selected
	message, _, err := i.keys.seal(alice.header(version3, typeData, i.tag), 0, alice.content([]byte("forged")), alice.rand())
	if err != nil {
		panic(err)
	}
	_, parsed, _ := parseMessage(message)
	m := parsed.(*dataMessage)
	edit(m)
	b := m.append(alice.header(version3, typeData, i.tag).append(nil))
	mac := dataMAC(&i.keys.pairs[previous][latest].sendMAC, b)
	b = append(b, mac[:]...)
	return encode(binary.BigEndian.AppendUint32(b, 0))
}

// TestForgedDataMessages: what only the correspondent itself could forge is refused as well.
func TestForgedDataMessages(t *testing.T) {
	tests := map[string]func(m *dataMessage){
		"counter 0":               func(m *dataMessage) { m.counter = [8]byte{} },
		"sender key 0":            func(m *dataMessage) { m.senderKey = 0 },
		"sender key + 1":          func(m *dataMessage) { m.senderKey++ },
		"sender key + 2":          func(m *dataMessage) { m.senderKey += 2 },
		"recipient key 0":         func(m *dataMessage) { m.recipientKey = 0 },
		"recipient key not shown": func(m *dataMessage) { m.recipientKey++ },
		"recipient key + 2":       func(m *dataMessage) { m.recipientKey += 2 },
		"largest keys":            func(m *dataMessage) { m.senderKey, m.recipientKey = 1<<32-1, 1<<32-1 },
	}
	for name, y := range badElements() {
		tests["next y "+name] = func(m *dataMessage) { m.nextY = y }
	}
	for name, edit := range tests {
		alice, bob := session(t)
		before := bob.instances[0x1000].keys
		for _, e := range bob.Receive(forge(alice, edit)) {
			switch e.(type) {
			case Rejected, Transmit: // refused, and an error message
			default:
				t.Errorf("%s: %v", name, e)
			}
		}
		if after := bob.instances[0x1000].keys; !slices.Equal(after.reveal, before.reveal) || withoutCaches(after.pairs) != withoutCaches(before.pairs) || after.theirs != before.theirs {
			t.Errorf("%s: changed the keys", name)
		}
		events, _ := alice.Send([]byte("genuine"))
		if m, ok := deliver(bob, alice, events)[0].(Message); !ok || string(m.Text) != "genuine" {
			t.Errorf("%s: the genuine message is not read", name)
		}
	}
}

// TestCounter: a counter may skip, but not stand or go back.
func TestCounter(t *testing.T) {
	alice, bob := session(t)
	at := func(n uint64) string {
		return forge(alice, func(m *dataMessage) { binary.BigEndian.PutUint64(m.counter[:], n) })
	}
	for _, step := range []struct {
		counter  uint64
		accepted bool
	}{{1, true}, {1, false}, {5, true}, {4, false}, {5, false}, {6, true}, {1<<64 - 1, true}, {1<<64 - 1, false}, {0, false}} {
		_, accepted := bob.Receive(at(step.counter))[0].(Message)
		if accepted != step.accepted {
			t.Errorf("counter %d: accepted is %t", step.counter, accepted)
		}
	}
}

// TestRecords: records that are cut short, unknown or empty do not cost the text.
func TestRecords(t *testing.T) {
	for name, tail := range map[string]string{
		"none":             "",
		"empty list":       "\x00",
		"short header":     "\x00\x00",
		"short value":      "\x00\x00\x01\x00\x05ab",
		"length 65535":     "\x00\x00\x01\xff\xff",
		"unknown":          "\x00\x12\x34\x00\x02ab",
		"padding":          "\x00\x00\x00\x00\x02ab",
		"unknown and rest": "\x00\x01\x00\x00\x00\x00",
	} {
		text, records := parsePlaintext([]byte("text" + tail))
		if string(text) != "text" {
			t.Errorf("%s: text %q", name, text)
		}
		if _, disconnected := find(records, tlvDisconnected); disconnected {
			t.Errorf("%s: disconnected", name)
		}
	}
	_, records := parsePlaintext([]byte("\x00\x00\x00\x00\x05hello\x00\x01\x00\x00"))
	if _, disconnected := find(records, tlvDisconnected); !disconnected {
		t.Error("the examples of the specification are not understood")
	}
}

// TestPadding: the length of a plaintext is always a multiple of 256.
func TestPadding(t *testing.T) {
	for n := range 600 {
		b := content{make([]byte, n), []TLV{{tlvSMPAbort, nil}}, defaultPadding}.append(nil)
		if len(b)%defaultPadding != 0 || len(b) > n+9+defaultPadding {
			t.Fatalf("a text of %d bytes becomes %d", n, len(b))
		}
	}
}

// An exchange that was left in the middle does not take the time of the next one, which may begin just before the first is given up.
func TestAnotherCommitHasItsTime(t *testing.T) {
	now := time.Unix(1e9, 0)
	person := func(name string, tag InstanceTag) *Conversation {
		return New(&Config{Key: testKey(), Tag: tag, Policy: PolicyManual, Rand: testRand(name), Time: func() time.Time { return now }})
	}
	// invited is the D-H Commit Message with which somebody answers, and what alice says to it.
	alice := person("alice", 0x1000)
	invited := func(bob *Conversation) []Event {
		var said []Event
		for _, query := range alice.Start() {
			for _, e := range bob.Receive(query.(Transmit).Body) {
				if commit, ok := e.(Transmit); ok {
					said = append(said, alice.Receive(commit.Body)...)
				}
			}
		}
		return said
	}
	invited(person("bob", 0x2000)) // whose line dies
	now = now.Add(handshakeTimeout - time.Second)
	bob := person("bob again", 0x2000)
	answer := invited(bob)
	now = now.Add(2 * time.Second)
	deliver(bob, alice, answer)
	if alice.State() != Encrypted || bob.State() != Encrypted {
		t.Errorf("alice is in state %v, bob in %v", alice.State(), bob.State())
	}
}

// What was prepared is what the next messages come under, so that neither side computes a key while one waits; and nothing depends on it.
func TestPrepare(t *testing.T) {
	alice, bob := session(t)
	ahead := func(c *Conversation) bool {
		k := &c.selected.keys
		return !k.ours[latest].IsZero() && k.pairs[previous][latest].derived && k.pairs[latest][latest].derived
	}
	say := func(from, to *Conversation, text string) {
		t.Helper()
		events, err := from.Send([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range deliver(to, from, events) {
			if m, ok := e.(Message); ok && string(m.Text) == text && m.Encrypted {
				return
			}
		}
		t.Errorf("%q did not arrive", text)
	}
	for turn := range 40 {
		from, to := alice, bob
		if turn%2 == 1 {
			from, to = to, from
		}
		if turn%3 > 0 {
			from.Prepare()
			if !ahead(from) {
				t.Fatal("nothing was prepared")
			}
		}
		if turn%5 > 0 {
			to.Prepare()
		}
		prepared := *to.selected
		say(from, to, fmt.Sprint("text ", turn))
		if turn > 2 && turn%5 > 0 && !prepared.keys.pairs[latest][latest].derived {
			t.Error("the answer came under a pair that was not prepared")
		}
		if turn%4 == 0 {
			say(from, to, "and another") // under keys of which the other knows nothing new
		}
	}
	New(alice.config).Prepare() // nobody is there
	deliver(bob, alice, alice.End())
	bob.Prepare()
	if bob.State() != Finished {
		t.Error("not finished")
	}
}

// TestRevealedKeys: a MAC key is revealed once, only after the last message that it verifies was accepted, and when
// alice has ended the session every message that she accepted can be forged by whoever has the transcript: it proves
// nothing.
func TestRevealedKeys(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		alice, bob := session(t)
		var accepted []*dataMessage      // by alice
		var revealed [][20]byte          // by alice
		revealedAt := map[[20]byte]int{} // how many alice had accepted then
		note := func(from *Conversation, events []Event) {
			for _, e := range events {
				tr, ok := e.(Transmit)
				if !ok {
					continue
				}
				raw, err := base64.StdEncoding.DecodeString(tr.Body[len(encodedPrefix) : len(tr.Body)-1])
				if err != nil {
					continue
				}
				_, parsed, _ := parseMessage(raw)
				m, ok := parsed.(*dataMessage)
				switch {
				case !ok:
				case from == bob:
					accepted = append(accepted, m)
				default:
					for key := range slices.Chunk(m.oldMACKeys, 20) {
						revealed = append(revealed, [20]byte(key))
						revealedAt[[20]byte(key)] = len(accepted)
					}
				}
			}
		}
		say := func(from, to *Conversation) {
			events, err := from.Send([]byte("hello"))
			if err != nil {
				t.Fatal(err)
			}
			note(from, events)
			told := deliver(to, from, events)
			if _, ok := told[0].(Message); !ok {
				t.Fatalf("not accepted: %v", told)
			}
			note(to, told)
		}
		for range 40 {
			switch random.IntN(10) {
			case 0:
				deliver(alice, bob, bob.Start())
			case 1, 2, 3, 4:
				say(alice, bob)
			default:
				say(bob, alice)
			}
		}
		note(alice, alice.End())

		if len(revealedAt) != len(revealed) {
			t.Errorf("%d keys were revealed, but only %d different ones", len(revealed), len(revealedAt))
		}
		for n, m := range accepted {
			forgeable := false
			for _, key := range revealed {
				if mac := dataMAC(&key, m.authenticated); mac == m.mac {
					forgeable = true
					if revealedAt[key] <= n {
						t.Errorf("message %d was accepted with a key that had been revealed", n)
					}
				}
			}
			if !forgeable {
				t.Errorf("message %d of %d is proof of what was said", n, len(accepted))
			}
		}
	}
}

// TestRevealIsBounded: a correspondent that changes keys with every message, and never hears from us, does not make
// us collect keys without end.
func TestRevealIsBounded(t *testing.T) {
	alice, bob := session(t)
	i := alice.selected
	heartbeats := 0
	for range 3 * maxReveal {
		events, err := alice.Send([]byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range bob.Receive(events[0].(Transmit).Body) {
			if h, ok := e.(Heartbeat); ok && h.Sent {
				heartbeats++
			}
		}
		// Alice goes on as if bob had acknowledged her next key.
		i.keys.forgetOurs()
		if n := len(bob.instances[0x1000].keys.reveal); n > maxReveal {
			t.Fatalf("%d keys wait to be revealed", n)
		}
	}
	if heartbeats != 2 {
		t.Errorf("%d heartbeats", heartbeats)
	}
}

// TestDerivation compares the keys of a session with known values, for fixed private keys on both sides. They were
// computed by otr_sesskeys, from the toolkit of libotr, and in Python by the formulas of the specification.
func TestDerivation(t *testing.T) {
	ours, err := group.NewPrivateKey(bytes.NewReader(bytes.Repeat([]byte{0x11}, 40)))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := group.NewPrivateKey(bytes.NewReader(bytes.Repeat([]byte{0x22}, 40)))
	if err != nil {
		t.Fatal(err)
	}
	ourY, theirY := ours.Public(), theirs.Public()
	s := newSharedSecret(&ours, &theirY)
	if other := newSharedSecret(&theirs, &ourY); !bytes.Equal(s.secbytes, other.secbytes) {
		t.Error("the two sides compute different secrets")
	}
	a, b := newPair(s, &ourY, &theirY), newPair(s, &theirY, &ourY)
	if a.sendAES != b.receiveAES || a.sendMAC != b.receiveMAC || b.sendAES != a.receiveAES || a.sendAES == a.receiveAES {
		t.Error("the two sides derive different keys")
	}
	secrets := deriveSecrets(&ours, &theirY)
	for name, value := range map[string]struct {
		got  []byte
		want string
	}{
		"send AES":    {a.sendAES[:], "6c9c92e9fdf04d235abc913bcfec2a0c"},
		"send MAC":    {a.sendMAC[:], "8a25c3abb9968e87a15fccc7a8c069bac344ace8"},
		"receive AES": {a.receiveAES[:], "826cc34a18047feb1e5ea8083b2c1ea0"},
		"receive MAC": {a.receiveMAC[:], "1044df4876d4266dafa31d2f857cdca282e3c434"},
		"ssid":        {secrets.ssid[:], "7766af88524a9d0d"},
		"c":           {secrets.c[:], "a497a5de03956a4279346b3a511beaf5"},
		"c'":          {secrets.cp[:], "6ff33af4b60142536cc4595579097529"},
		"m1":          {secrets.m1[:], "d447ab7fb67fdbb6aa80f0a8a516a7eeccdfb6b8209340e9ad58f652d218797f"},
		"m2":          {secrets.m2[:], "8197c884ddc7b2d0d62f529bcc247577379998901f00a04fb2290c1487f885fc"},
		"m1'":         {secrets.m1p[:], "991036bd4aa7375cbf1e64a88b6f1dadf4a7c6c3160255c17fa59a8a1d96991f"},
		"m2'":         {secrets.m2p[:], "40569cd859c6840dc3b06ebd5199b913ba8baa28cea8429b33675dd6141df99f"},
	} {
		if got := hex.EncodeToString(value.got); got != value.want {
			t.Errorf("%s is %s, want %s", name, got, value.want)
		}
	}
	if secrets.first != a {
		t.Error("the first pair of a session is not that of its two keys")
	}
}

// A failingReader gives n bytes and then errors.
type failingReader struct {
	io.Reader
	n      int
	failed bool
}

var errNoRandomness = errors.New("no randomness")

func (r *failingReader) Read(b []byte) (int, error) {
	if r.n < len(b) {
		r.failed = true
		return 0, errNoRandomness
	}
	r.n -= len(b)
	return r.Reader.Read(b)
}

// TestRandomnessFails lets the source of randomness fail at every place where it is read. It is told, nothing is sent
// for want of it, and later all is well.
func TestRandomnessFails(t *testing.T) {
	for n := 0; ; n += 40 {
		now := func() time.Time { return time.Unix(1e9, 0) }
		source := &failingReader{Reader: testRand("alice"), n: n}
		config := &Config{Key: testKey(), Tag: 0x1000, Policy: PolicyManual, Time: now, Rand: source}
		alice := New(config)
		bob := New(&Config{Key: testKey(), Tag: 0x2000, Policy: PolicyManual, Rand: testRand("bob"), Time: now})

		var told []Event
		user := func(events []Event, err error) {
			if err != nil {
				events = append(events, Failure{err})
			}
			told = append(told, events...)
			told = append(told, deliver(bob, alice, events)...)
		}
		user(nil, nil)
		told = append(told, deliver(alice, bob, bob.Start())...) // alice commits
		if alice.State() == Encrypted {
			user(alice.Send([]byte("hello")))
			user(alice.StartSMP("", []byte("x")))
		}
		told = append(told, deliver(bob, alice, alice.Start())...) // bob commits
		user(alice.End(), nil)

		failures := 0
		for _, e := range told {
			if f, ok := e.(Failure); ok {
				failures++
				if !errors.Is(f.Err, errNoRandomness) {
					t.Errorf("after %d bytes: %v", n, f.Err)
				}
			}
		}
		if source.failed != (failures > 0) {
			t.Errorf("after %d bytes: the source failed: %t, failures told: %d", n, source.failed, failures)
		}
		if alice.State() != Plaintext {
			t.Errorf("after %d bytes and End: %v", n, alice.State())
		}
		config.Rand = testRand("good")
		bob.End()
		deliver(alice, bob, bob.Start())
		if alice.State() != Encrypted || bob.State() != Encrypted {
			t.Errorf("after %d bytes and a good start: %v, %v", n, alice.State(), bob.State())
		}
		if !source.failed {
			break
		}
	}
	if _, err := GenerateKey(&failingReader{Reader: testRand("key"), n: 10}); err == nil {
		t.Error("a key was made without randomness")
	}
	if _, err := NewInstanceTag(&failingReader{}); err == nil {
		t.Error("an instance tag was made without randomness")
	}
	if _, err := NewInstanceTag(bytes.NewReader(make([]byte, 4000))); err == nil {
		t.Error("an instance tag was made of zeros")
	}
}

// TestSignatures: who knows all keys of the exchange, as a correspondent does, still cannot have a signature accepted
// that does not prove its key, or a key that proves nothing.
func TestSignatures(t *testing.T) {
	key := testKey()
	genuine := bytes.Clone(key.public)
	smallG := slices.Clone(genuine)
	g := 2 + 4 + 128 + 4 + 20 + 4 // place of g's value
	clear(smallG[g : g+128])
	smallG[g+127] = 1
	var bob ake
	tests := map[string]func(public []byte, keyID uint32, sig []byte) []byte{
		"genuine": nil,
		"key id 0": func(p []byte, id uint32, sig []byte) []byte {
			gx := bob.key.Public()
			m := signedHash(&bob.secrets.m1, &gx, &bob.theirs, p, 0)
			signed := key.sign(&m)
			return x(p, 0, signed[:])
		},
		"other key id":   func(p []byte, id uint32, sig []byte) []byte { return x(p, id+1, sig) },
		"other key type": func(p []byte, id uint32, sig []byte) []byte { return x(append([]byte{0, 1}, p[2:]...), id, sig) },
		"no signature":   func(p []byte, id uint32, sig []byte) []byte { return x(p, id, nil) },
		"short":          func(p []byte, id uint32, sig []byte) []byte { return x(p, id, sig[:39]) },
		"something more": func(p []byte, id uint32, sig []byte) []byte { return x(p, id, append(sig, 0)) },
		"r and s 0":      func(p []byte, id uint32, sig []byte) []byte { return x(p, id, make([]byte, 40)) },
		"r and s 1": func(p []byte, id uint32, sig []byte) []byte {
			return x(p, id, append(append(make([]byte, 19), 1), append(make([]byte, 19), 1)...))
		},
		"r and s 2^160-1": func(p []byte, id uint32, sig []byte) []byte { return x(p, id, bytes.Repeat([]byte{0xff}, 40)) },
		"g = 1":           func(p []byte, id uint32, sig []byte) []byte { return x(smallG, id, sig) },
		"nothing":         func(p []byte, id uint32, sig []byte) []byte { return nil },
		"large p": func(p []byte, id uint32, sig []byte) []byte {
			return append([]byte{0, 0}, wire.AppendData(nil, bytes.Repeat([]byte{0xff}, 2000))...)
		},
	}
	for name, edit := range tests {
		// Bob commits, and then makes his Reveal Signature Message himself.
		var err error
		if bob, err = newCommitment(testRand("bob")); err != nil {
			t.Fatal(err)
		}
		alice := New(&Config{Key: key, Tag: 0x1000, Policy: PolicyManual, Rand: testRand("alice")})
		answered := alice.Receive(encodeFrom(0x2000, 0, typeDHCommit, &bob.commitment))
		_, message, _ := parseMessage(parseBody(answered[0].(Transmit).Body).message)
		bob, _, err = bob.receiveDHKey(message.(*dhKeyMessage), key)
		if err != nil {
			t.Fatal(err)
		}
		reveal := bob.sent
		if edit != nil {
			s := &bob.secrets
			plain := make([]byte, len(reveal.encrypted))
			crypt(&s.c, [8]byte{}, plain, reveal.encrypted)
			edited := edit(plain[:len(key.public)], firstKeyID, bytes.Clone(plain[len(key.public)+4:]))
			reveal.encrypted = make([]byte, len(edited))
			crypt(&s.c, [8]byte{}, reveal.encrypted, edited)
			reveal.mac = signatureMAC(&s.m2, reveal.encrypted)
		}
		events := alice.Receive(encodeFrom(0x2000, 0x1000, typeRevealSignature, &reveal))
		if accepted := alice.State() == Encrypted; accepted != (edit == nil) {
			t.Errorf("%s: %v", name, events)
		}
		if edit == nil {
			continue
		}
		if len(events) != 1 || events[0] != (Rejected{Reason: SetupFailed, From: 0x2000}) {
			t.Errorf("%s: %v", name, events)
		}
		alice.Receive(encodeFrom(0x2000, 0x1000, typeRevealSignature, &bob.sent))
		if alice.State() != Encrypted {
			t.Errorf("%s: after it the genuine one is refused", name)
		}
	}
}

// x returns X.
func x(public []byte, keyID uint32, signature []byte) []byte {
	return append(binary.BigEndian.AppendUint32(bytes.Clone(public), keyID), signature...)
}

// TestReflection: our own public value as theirs is refused wherever it comes.
func TestReflection(t *testing.T) {
	alice := New(&Config{Key: testKey(), Tag: 0x1000, Policy: PolicyManual})
	alice.Receive("?OTRv3?")
	gx := alice.commit.key.Public()
	for name, body := range map[string]string{
		"D-H Commit": encodeFrom(0x2000, 0x1000, typeDHCommit, &alice.commit.commitment),
		"D-H Key":    encodeFrom(0x2000, 0x1000, typeDHKey, &dhKeyMessage{gx.Bytes()}),
	} {
		if events := alice.Receive(body); len(events) != 1 || events[0] != (Rejected{Reason: Reflected, From: 0x2000}) {
			t.Errorf("%s: %v", name, events)
		}
	}
	alice, bob := session(t)
	i := bob.instances[0x1000]
	for k := range i.keys.ours {
		if i.keys.ours[k].IsZero() {
			continue
		}
		y := i.keys.ours[k].Public()
		body := forge(alice, func(m *dataMessage) { m.nextY = y.Bytes() })
		if events := bob.Receive(body); events[0] != (Rejected{Reason: Unreadable, From: 0x1000}) {
			t.Errorf("next y %d: %v", k, events)
		}
	}
}

// TestWiping: a minute later, without an answer, no secret of a key exchange is left; and none of a session after its
// end.
func TestWiping(t *testing.T) {
	now := time.Unix(1e9, 0)
	newConversation := func(tag InstanceTag) *Conversation {
		return New(&Config{Key: testKey(), Tag: tag, Policy: PolicyManual, Time: func() time.Time { return now }})
	}
	alice, bob, carol := newConversation(0x1000), newConversation(0x2000), newConversation(0x3000)
	commit := alice.Receive("?OTRv3?")[1].(Transmit).Body // alice awaits a D-H Key
	key := bob.Receive(commit)[0].(Transmit).Body         // bob awaits a Reveal Signature
	carol.Receive("?OTRv3?")
	alice.Receive(key) // alice awaits a Signature from bob
	held := []*ake{alice.instances[0x2000].ake, bob.instances[0x1000].ake, alice.commit, carol.commit}
	for _, a := range held {
		if a.key.IsZero() {
			t.Fatal("nothing to wipe")
		}
	}
	now = now.Add(59 * time.Second)
	for _, c := range []*Conversation{alice, bob, carol} {
		c.Poll()
	}
	for _, a := range held {
		if a.key.IsZero() || len(alice.instances) != 1 {
			t.Error("wiped too early")
		}
	}
	now = now.Add(time.Second)
	for _, c := range []*Conversation{alice, bob, carol} {
		c.Poll()
		if c.commit != nil || len(c.instances) != 0 {
			t.Error("a commitment is left")
		}
	}
	for _, a := range held {
		if !a.key.IsZero() || a.r != [16]byte{} || a.secrets != (akeSecrets{}) {
			t.Error("secrets of an exchange are left")
		}
	}

	// In version 2 also a commitment that has lost.
	dave := New(&Config{Key: testKey(), Tag: 0x1000, Policy: AllowV2, Time: func() time.Time { return now }})
	for dave.instances[0] == nil || dave.instances[0].ake.state != authAwaitingRevealSig { // until dave's is the lower hash
		dave = New(dave.config)
		dave.Receive("?OTRv2?")
		eve := New(dave.config)
		dave.Receive(eve.Receive("?OTRv2?")[1].(Transmit).Body)
	}
	lost := &dave.instances[0].ake.lost
	now = now.Add(59 * time.Second)
	dave.Poll()
	if lost.key.IsZero() {
		t.Error("a commitment that has lost is wiped too early")
	}
	now = now.Add(time.Second)
	dave.Poll()
	if *lost != (lostCommitment{}) {
		t.Error("a commitment that has lost is left")
	}

	alice, bob = session(t)
	i, j := alice.selected, bob.selected
	deliver(bob, alice, alice.End())
	for _, i := range []*instance{i, j} {
		if !i.keys.ours[previous].IsZero() || !i.keys.ours[latest].IsZero() || i.keys.pairs != [2][2]pair{} || i.peer.SSID != [8]byte{} {
			t.Errorf("secrets of a session are left in %v", i.state)
		}
	}
}

// TestReceiverTag: only a D-H Commit Message may be for nobody in particular.
func TestReceiverTag(t *testing.T) {
	alice := New(&Config{Key: testKey(), Tag: 0x1000, Policy: PolicyManual})
	alice.Receive("?OTRv3?")
	bob, err := newCommitment(testRand("bob"))
	if err != nil {
		t.Fatal(err)
	}
	gy := bob.key.Public()
	for to, want := range map[InstanceTag]Event{
		0:      Rejected{Reason: Malformed, From: 0x2000},
		0xff:   Rejected{Reason: Malformed, From: 0x2000},
		0x1001: Rejected{Reason: OtherInstance, From: 0x2000},
	} {
		events := alice.Receive(encodeFrom(0x2000, to, typeDHKey, &dhKeyMessage{gy.Bytes()}))
		if len(events) != 1 || events[0] != want {
			t.Errorf("D-H Key to %x: %v", to, events)
		}
	}
	for _, to := range []InstanceTag{0, 0x1000} {
		carol := New(&Config{Key: testKey(), Tag: 0x1000, Policy: PolicyManual})
		events := carol.Receive(encodeFrom(0x2000, to, typeDHCommit, &bob.commitment))
		if _, ok := events[0].(Transmit); !ok {
			t.Errorf("D-H Commit to %x: %v", to, events)
		}
	}
}
