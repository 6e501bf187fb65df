// Package probe asks an endpoint that speaks the line protocol of ../otrpeer one question after the other, each about
// one thing that the specification says or that experience has taught. It has only tests.
package probe

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"sync"

	"github.com/sotto-im/sotto/crypto/otr/internal/dsa"
)

// This file is the one who asks: a peer that follows the specification as it stands, with numbers of arbitrary size and
// nothing hidden, or departs from it where a probe wants that. It shares no code with package otr but the signatures.

var (
	prime, _ = new(big.Int).SetString("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"+
		"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"+
		"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"+
		"83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF", 16)
	two = big.NewInt(2)
)

// A dh is a Diffie-Hellman key.
type dh struct{ x, y *big.Int }

func newDH() dh {
	b := make([]byte, 40)
	rand.Read(b)
	x := new(big.Int).SetBytes(b)
	return dh{x, new(big.Int).Exp(two, x, prime)}
}

func data(b []byte) []byte        { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }
func mpi(n *big.Int) []byte       { return data(n.Bytes()) }
func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
func u32(n uint32) []byte         { return binary.BigEndian.AppendUint32(nil, n) }
func encode(b []byte) string      { return "?OTR:" + base64.StdEncoding.EncodeToString(b) + "." }

func decode(wire string) []byte {
	digits, ok := strings.CutPrefix(wire, "?OTR:")
	b, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(digits, "."))
	if !ok || err != nil {
		panic(fmt.Sprintf("not an encoded message: %.60q", wire))
	}
	return b
}

func ctr(key []byte, top [8]byte, b []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	var iv [16]byte
	copy(iv[:], top[:])
	out := make([]byte, len(b))
	cipher.NewCTR(block, iv[:]).XORKeyStream(out, b)
	return out
}

func mac256(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)
}

func mac1(key, b []byte) []byte {
	h := hmac.New(sha1.New, key)
	h.Write(b)
	return h.Sum(nil)
}

// A reader takes a message apart.
type reader struct{ b []byte }

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		panic("the message is too short")
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}
func (r *reader) u32() uint32   { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) data() []byte  { return r.take(int(r.u32())) }
func (r *reader) mpi() *big.Int { return new(big.Int).SetBytes(r.data()) }

var identities = map[string]func() *dsa.PrivateKey{"mallory": newIdentity(), "other": newIdentity()}

func newIdentity() func() *dsa.PrivateKey {
	return sync.OnceValue(func() *dsa.PrivateKey {
		k, err := dsa.Generate(rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	})
}

// A peer is the one who asks.
type peer struct {
	version     byte
	tag, target uint32 // instance tags
	key         *dsa.PrivateKey

	// The key exchange.
	r      []byte
	own    dh
	theirs *big.Int
	hash   []byte // of the target's commitment, and its encryption
	enc    []byte
	ssid   []byte
	theirP []byte // the target's PUBKEY

	// The session.
	ours     map[uint32]dh
	ourID    uint32 // the older of the two in use
	their    map[uint32]*big.Int
	theirID  uint32 // the latest
	counters map[string]uint64
	sent     []accepted
	revealed [][]byte
}

// accepted is a data message that we sent.
type accepted struct{ authenticated, mac []byte }

func newPeer(version byte) *peer {
	return &peer{version: version, tag: 0x4000, key: identities["mallory"](), own: newDH(), r: make([]byte, 16)}
}

func (p *peer) header(kind byte, to uint32) []byte {
	h := []byte{0, p.version, kind}
	if p.version == 3 {
		h = join(h, u32(p.tag), u32(to))
	}
	return h
}

// public is PUBKEY.
func (p *peer) public() []byte {
	b := []byte{0, 0} // the type of the key
	pp, q, g, y := p.key.Public().Encoded()
	return join(b, data(pp), data(q), data(g), data(y))
}

func (p *peer) fingerprint() string { return fmt.Sprintf("%x", sha1.Sum(p.public()[2:])) }

// commit makes a D-H Commit Message.
func (p *peer) commit() string {
	gx := mpi(p.own.y)
	hash := sha256.Sum256(gx)
	return encode(join(p.header(2, 0), data(ctr(p.r, [8]byte{}, gx)), data(hash[:])))
}

// dhKey makes a D-H Key Message.
func (p *peer) dhKey() string { return encode(join(p.header(10, p.target), mpi(p.own.y))) }

// body takes the header off a message and notes who it is from.
func (p *peer) body(wire string, kind byte) *reader {
	b := decode(wire)
	if b[0] != 0 || b[1] != p.version || b[2] != kind {
		panic(fmt.Sprintf("message % x instead of version %d, type %#x", b[:3], p.version, kind))
	}
	r := &reader{b[3:]}
	if p.version == 3 {
		p.target = r.u32()
		if to := r.u32(); to != p.tag && !(kind == 2 && to == 0) {
			panic(fmt.Sprintf("a message to %x", to))
		}
	}
	return r
}

// takeCommit takes the target's D-H Commit Message.
func (p *peer) takeCommit(wire string) {
	r := p.body(wire, 2)
	p.enc, p.hash = r.data(), r.data()
}

// secrets are those of the key exchange.
type secrets struct{ c, cp, m1, m2, m1p, m2p []byte }

func (p *peer) secrets() secrets {
	s := mpi(new(big.Int).Exp(p.theirs, p.own.x, prime))
	h2 := func(b byte) []byte { h := sha256.Sum256(join([]byte{b}, s)); return h[:] }
	p.ssid = h2(0)[:8]
	c := h2(1)
	return secrets{c[:16], c[16:], h2(2), h2(3), h2(4), h2(5)}
}

// proof makes DATA(encrypted signature) and its MAC; edit changes X.
func (p *peer) proof(c, m1, m2 []byte, edit func([]byte) []byte) []byte {
	m := [32]byte(mac256(m1, join(mpi(p.own.y), mpi(p.theirs), p.public(), u32(1))))
	signature := p.key.Sign(&m)
	x := join(p.public(), u32(1), signature[:])
	if edit != nil {
		x = edit(x)
	}
	encrypted := data(ctr(c, [8]byte{}, x))
	return join(encrypted, mac256(m2, encrypted)[:20])
}

// check checks the target's proof, which is the rest of a message.
func (p *peer) check(r *reader, c, m1, m2 []byte) error {
	encrypted := r.data()
	if !bytes.Equal(r.take(20), mac256(m2, data(encrypted))[:20]) || len(r.b) > 0 {
		return fmt.Errorf("the MAC of the signature is wrong")
	}
	x := &reader{ctr(c, [8]byte{}, encrypted)}
	whole := x.b
	x.take(2)
	var n [4][]byte
	for i := range n {
		n[i] = x.data()
	}
	p.theirP = whole[:len(whole)-len(x.b)]
	id := x.u32()
	signature := [40]byte(x.take(40))
	m := [32]byte(mac256(m1, join(mpi(p.theirs), mpi(p.own.y), p.theirP, u32(id))))
	key, err := dsa.ParsePublicKey(n[0], n[1], n[2], n[3])
	if err != nil || len(x.b) > 0 || id == 0 || !key.Verify(&m, &signature) {
		return fmt.Errorf("the signature is wrong (key id %d)", id)
	}
	p.theirID = id
	return nil
}

// reveal answers a D-H Key Message with a Reveal Signature Message.
func (p *peer) reveal(key string, edit func([]byte) []byte) string {
	r := p.body(key, 10)
	p.theirs = r.mpi()
	s := p.secrets()
	return encode(join(p.header(17, p.target), data(p.r), p.proof(s.c, s.m1, s.m2, edit)))
}

// signature answers a Reveal Signature Message with a Signature Message, and begins the session.
func (p *peer) signature(reveal string, edit func([]byte) []byte) (string, error) {
	r := p.body(reveal, 17)
	gx := &reader{ctr(r.data(), [8]byte{}, p.enc)}
	if hash := sha256.Sum256(gx.b); !bytes.Equal(hash[:], p.hash) {
		return "", fmt.Errorf("the commitment is to something else")
	}
	p.theirs = gx.mpi()
	s := p.secrets()
	if err := p.check(r, s.c, s.m1, s.m2); err != nil {
		return "", err
	}
	p.begin()
	return encode(join(p.header(18, p.target), p.proof(s.cp, s.m1p, s.m2p, edit))), nil
}

// finish takes the Signature Message and begins the session.
func (p *peer) finish(signature string) error {
	s := p.secrets()
	if err := p.check(p.body(signature, 18), s.cp, s.m1p, s.m2p); err != nil {
		return err
	}
	p.begin()
	return nil
}

func (p *peer) begin() {
	p.ours = map[uint32]dh{1: p.own, 2: newDH()}
	p.ourID = 1
	p.their = map[uint32]*big.Int{p.theirID: p.theirs}
	p.counters = map[string]uint64{}
}

// sessionKeys are those of one of our keys and one of theirs.
type sessionKeys struct{ sendAES, sendMAC, receiveAES, receiveMAC, extra []byte }

func (p *peer) keys(our, their uint32) sessionKeys {
	k, y := p.ours[our], p.their[their]
	if k.x == nil || y == nil {
		panic(fmt.Sprintf("a message under keys %d and %d, but these are %d and %d", our, their, p.ourID, p.theirID))
	}
	s := mpi(new(big.Int).Exp(y, k.x, prime))
	h1 := func(b byte) []byte { h := sha1.Sum(join([]byte{b}, s)); return h[:16] }
	sum := func(b []byte) []byte { h := sha1.Sum(b); return h[:] }
	send, receive := h1(2), h1(1)
	if k.y.Cmp(y) > 0 {
		send, receive = receive, send
	}
	extra := sha256.Sum256(join([]byte{0xff}, s))
	return sessionKeys{send, sum(send), receive, sum(receive), extra[:]}
}

// A message is a data message to be sent, with what a probe wants otherwise than is right.
type message struct {
	flags      byte
	plain      string // text and records
	senderID   uint32 // added
	receiverID uint32 // added
	counter    *uint64
	nextY      *big.Int
	key        []byte // of the MAC
	tail       []byte // after the end
}

func text(s string) message { return message{plain: s} }

func tlv(kind uint16, value string) string {
	return string(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, kind), uint16(len(value)))) + value
}

func records(list ...string) message {
	return message{flags: 1, plain: "\x00" + strings.Join(list, "")}
}

func (p *peer) seal(m message) string {
	k := p.keys(p.ourID, p.theirID)
	pair := fmt.Sprint(p.ourID, p.theirID)
	p.counters[pair]++
	n := p.counters[pair]
	if m.counter != nil {
		n = *m.counter
	}
	next := p.ours[p.ourID+1].y
	if m.nextY != nil {
		next = m.nextY
	}
	counter := [8]byte(binary.BigEndian.AppendUint64(nil, n))
	b := join(p.header(3, p.target), []byte{m.flags}, u32(p.ourID+m.senderID), u32(p.theirID+m.receiverID), mpi(next), counter[:],
		data(ctr(k.sendAES, counter, []byte(m.plain))))
	key := k.sendMAC
	if m.key != nil {
		key = m.key
	}
	mac := mac1(key, b)
	p.sent = append(p.sent, accepted{b, mac})
	return encode(join(b, mac, u32(0), m.tail))
}

// An opened message is what the target said.
type opened struct {
	flags    byte
	text     string
	records  map[uint16]string
	length   int // of the plaintext
	ids      [2]uint32
	counter  uint64
	revealed [][]byte
	keys     sessionKeys
}

func (p *peer) open(wire string) (opened, error) {
	raw := decode(wire)
	r := p.body(wire, 3)
	o := opened{flags: r.take(1)[0], records: map[uint16]string{}}
	senderID, ownID := r.u32(), r.u32()
	nextY, counter := r.mpi(), [8]byte(r.take(8))
	encrypted := r.data()
	authenticated := raw[:len(raw)-len(r.b)]
	mac := r.take(20)
	old := r.data()
	if len(r.b) > 0 {
		return o, fmt.Errorf("%d bytes after the end", len(r.b))
	}
	o.ids, o.counter = [2]uint32{senderID, ownID}, binary.BigEndian.Uint64(counter[:])
	k := p.keys(ownID, senderID)
	o.keys = k
	if !hmac.Equal(mac, mac1(k.receiveMAC, authenticated)) {
		return o, fmt.Errorf("the MAC is wrong")
	}
	for ; len(old) >= 20; old = old[20:] {
		o.revealed = append(o.revealed, old[:20])
	}
	p.revealed = append(p.revealed, o.revealed...)
	plain := ctr(k.receiveAES, counter, encrypted)
	o.length = len(plain)
	before, rest, _ := bytes.Cut(plain, []byte{0})
	o.text = string(before)
	for s := (&reader{rest}); len(s.b) >= 4; {
		kind := binary.BigEndian.Uint16(s.take(2))
		o.records[kind] = string(s.take(int(binary.BigEndian.Uint16(s.take(2)))))
	}
	if ownID == p.ourID+1 {
		delete(p.ours, p.ourID)
		p.ourID++
		p.ours[p.ourID+1] = newDH()
	}
	if senderID == p.theirID {
		delete(p.their, p.theirID-1)
		p.theirID++
		p.their[p.theirID] = nextY
	}
	return o, nil
}
