package otr

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
	"github.com/sotto-im/sotto/crypto/otr/internal/wire"
)

// This file is the sections "Key Management", "Computing AES keys, MAC keys, and the secure session id" and
// "Revealing MAC Keys".

// sharedSecret is secbytes: s as an MPI.
type sharedSecret struct{ secbytes []byte }

// newSharedSecret computes s from our key and theirs.
func newSharedSecret(ours *group.PrivateKey, theirs *group.Element) sharedSecret {
	s := ours.Shared(theirs)
	value := s.Bytes()
	secret := sharedSecret{wire.AppendMPI(make([]byte, 0, 4+group.Size), value)}
	clear(value)
	s.Wipe()
	return secret
}

func (s sharedSecret) h1(b byte) [20]byte {
	h := sha1.New()
	h.Write([]byte{b})
	h.Write(s.secbytes)
	return [20]byte(h.Sum(nil))
}

func (s sharedSecret) h2(b byte) [32]byte {
	h := sha256.New()
	h.Write([]byte{b})
	h.Write(s.secbytes)
	return [32]byte(h.Sum(nil))
}

func (s sharedSecret) wipe() { clear(s.secbytes) }

// A pair is what is known of one of our keys together with one of theirs.
type pair struct {
	cache
	verified       bool   // receiveMAC has verified a message: it must be revealed
	sent, received uint64 // the counter of the last message
}

// A cache is what is computed from the two keys of a pair, when it is first needed. That it is there says nothing: it is
// filled in for messages that turn out to be forged as well, so that only the first one costs more than its MAC.
type cache struct {
	derived    bool
	sendAES    [16]byte
	receiveAES [16]byte
	sendMAC    [20]byte
	receiveMAC [20]byte
	extra      [32]byte // the extra symmetric key

	sendCipher, receiveCipher cipher.Block // of the AES keys, which are worth keeping: to set one up takes longer than a text
}

func newPair(s sharedSecret, ours, theirs *group.Element) pair {
	sendByte, receiveByte := byte(0x02), byte(0x01)
	if ours.CompareVarTime(theirs) > 0 { // we are the "high" end
		sendByte, receiveByte = 0x01, 0x02
	}
	send, receive := s.h1(sendByte), s.h1(receiveByte)
	p := pair{cache: cache{derived: true, sendAES: [16]byte(send[:16]), receiveAES: [16]byte(receive[:16])}}
	p.sendMAC = sha1.Sum(p.sendAES[:])
	p.receiveMAC = sha1.Sum(p.receiveAES[:])
	p.extra = s.h2(0xff)
	return p
}

// keys are the keys of a session. What they do comes in two steps: seal and open change nothing but caches, and the caller
// stores what follows from them, by sent and by accept, when all else has succeeded.
type keys struct {
	ourID   uint32              // our_keyid
	ours    [2]group.PrivateKey // our_dh[our_keyid-1], our_dh[our_keyid]; the latter is made when it is first sent, or prepared
	theirID uint32              // their_keyid
	theirs  [2]group.Element    // their_y[their_keyid-1], which may be none, and their_y[their_keyid]
	pairs   [2][2]pair          // of ours and theirs
	reveal  [][20]byte          // MAC keys to be revealed in the next message; never changed in place
}

// Index of the key in ours and theirs.
const (
	previous = 0
	latest   = 1
)

// firstKeyID is the serial number of the key that we use in the key exchange.
const firstKeyID = 1

// newKeys returns the keys of the session that a key exchange ended in, see "Upon completing the AKE". Both sides
// have fresh keys, so nothing is kept of an earlier session but the MAC keys that are still to be revealed.
func newKeys(ours group.PrivateKey, theirs group.Element, theirID uint32, first pair, reveal [][20]byte) keys {
	k := keys{ourID: firstKeyID + 1, theirID: theirID, reveal: reveal}
	k.ours[previous] = ours
	k.theirs[latest] = theirs
	k.pairs[previous][latest] = first
	return k
}

// derive fills in the cache of the pair of two keys that are there.
func (k *keys) derive(our, their int) *pair {
	p := &k.pairs[our][their]
	if !p.derived {
		s := newSharedSecret(&k.ours[our], &k.theirs[their])
		public := k.ours[our].Public()
		p.cache = newPair(s, &public, &k.theirs[their]).cache
		s.wipe()
	}
	return p
}

// next returns our latest key, or a new one that is to become it.
func (k *keys) next(rand io.Reader) (group.PrivateKey, error) {
	if k.ours[latest].IsZero() {
		return group.NewPrivateKey(rand)
	}
	return k.ours[latest], nil
}

// prepare makes our latest key, if it is not made yet, and fills in the caches of the pairs that the next message we send and the answer to it
// come under.
func (k *keys) prepare(rand io.Reader) error {
	next, err := k.next(rand)
	if err != nil {
		return err
	}
	k.ours[latest] = next
	k.derive(previous, latest)
	k.derive(latest, latest)
	return nil
}

// seal implements "When you send a Data Message". It returns the whole message, and our latest key, which it announces.
// Of k only caches change.
func (k *keys) seal(h header, flags byte, says content, rand io.Reader) (message []byte, announced group.PrivateKey, err error) {
	return k.sealRevealing(k.reveal, h, flags, says, rand)
}

// sent stores that the message that was sealed has left.
func (k *keys) sent(announced *group.PrivateKey) {
	k.ours[latest] = *announced
	k.reveal = nil
	k.pairs[previous][latest].sent++
}

// sealLast seals the message after which all keys are forgotten: it reveals every MAC key that verified a message,
// because nothing that comes will be accepted any more.
func (k *keys) sealLast(h header, flags byte, says content, rand io.Reader) (message []byte, err error) {
	message, _, err = k.sealRevealing(k.revealAll(), h, flags, says, rand)
	return message, err
}

func (k *keys) sealRevealing(reveal [][20]byte, h header, flags byte, says content, rand io.Reader) (message []byte, announced group.PrivateKey, err error) {
	p := k.derive(previous, latest)
	if p.sendCipher == nil {
		p.sendCipher = newCipher(&p.sendAES)
	}
	if announced, err = k.next(rand); err != nil {
		return nil, group.PrivateKey{}, err
	}
	nextY := announced.Public()
	var room [group.Size]byte
	m := dataMessage{
		flags:        flags,
		senderKey:    k.ourID - 1,
		recipientKey: k.theirID,
		nextY:        nextY.AppendBytes(room[:0]),
	}
	binary.BigEndian.PutUint64(m.counter[:], p.sent+1)

	// The plaintext is written where the ciphertext will be, so that no second copy of a long text is made.
	message = m.append(h.append(make([]byte, 0, messageOverhead+says.size()+len(reveal)*20)))
	start := len(message)
	message = says.append(message)
	encrypted := message[start:]
	binary.BigEndian.PutUint32(message[start-4:], uint32(len(encrypted)))
	counterMode(p.sendCipher, m.counter, encrypted, encrypted)
	mac := dataMAC(&p.sendMAC, message)
	message = append(message, mac[:]...)
	message = binary.BigEndian.AppendUint32(message, uint32(len(reveal)*20))
	for _, key := range reveal {
		message = append(message, key[:]...)
	}
	return message, announced, nil
}

// messageOverhead is the length of a data message without its ciphertext and revealed keys.
const messageOverhead = 11 + 1 + 4 + 4 + 4 + group.Size + 8 + 4 + 20 + 4

var errUnreadable = errors.New("otr: unreadable message")

// extra returns the extra symmetric key of the message that was sealed last.
func (k *keys) extra() [32]byte { return k.pairs[previous][latest].extra }

// accepted is what follows from a message that was opened.
type accepted struct {
	our, their int // the pair that it came under
	counter    uint64
	nextY      group.Element
}

// open implements "When you receive a Data Message". Nothing of the message is used before its MAC is verified. Of k
// only caches change. extra is the extra symmetric key that belongs to this message. The plaintext takes the place of
// the ciphertext in m.
func (k *keys) open(m *dataMessage) (plaintext []byte, extra [32]byte, a accepted, err error) {
	our, ok1 := index(m.recipientKey, k.ourID)
	their, ok2 := index(m.senderKey, k.theirID)
	if !ok1 || !ok2 || k.ours[our].IsZero() || k.theirs[their].IsZero() {
		return nil, extra, accepted{}, errUnreadable
	}
	p := k.derive(our, their)
	if mac := dataMAC(&p.receiveMAC, m.authenticated); !hmac.Equal(mac[:], m.mac[:]) {
		return nil, extra, accepted{}, errUnreadable
	}
	counter := binary.BigEndian.Uint64(m.counter[:])
	if counter <= p.received {
		return nil, extra, accepted{}, errUnreadable
	}
	// The specification leaves this check out. Without it a correspondent could have us encrypt with a key that
	// everybody can compute.
	nextY, err := group.ParseElement(m.nextY)
	if err != nil || k.isOurs(&nextY) {
		return nil, extra, accepted{}, errUnreadable
	}
	if p.receiveCipher == nil {
		p.receiveCipher = newCipher(&p.receiveAES)
	}
	counterMode(p.receiveCipher, m.counter, m.encrypted, m.encrypted)

	return m.encrypted, p.extra, accepted{our, their, counter, nextY}, nil
}

// accept stores that a message was accepted, and forgets the keys that it makes superfluous.
func (k *keys) accept(a *accepted) {
	p := &k.pairs[a.our][a.their]
	p.received = a.counter
	p.verified = true
	if a.our == latest {
		k.forgetOurs()
	}
	if a.their == latest {
		k.forgetTheirs(a.nextY)
	}
}

// index finds the place of the key with a serial number.
func index(id, latestID uint32) (i int, ok bool) {
	switch {
	case id == 0:
		return 0, false
	case id == latestID:
		return latest, true
	case id == latestID-1:
		return previous, true
	}
	return 0, false
}

// isOurs says whether y came from us.
func (k *keys) isOurs(y *group.Element) bool {
	for i := range k.ours {
		if k.ours[i].OwnsVarTime(y) {
			return true
		}
	}
	return false
}

// forgetOurs moves our keys on by one, because the correspondent has seen the latest.
func (k *keys) forgetOurs() {
	k.reveal = appendVerified(k.reveal, k.pairs[previous][:]...)
	k.ourID++
	k.ours = [2]group.PrivateKey{k.ours[latest]}
	k.pairs = [2][2]pair{k.pairs[latest]}
}

// forgetTheirs moves their keys on by one, to the next one that they sent.
func (k *keys) forgetTheirs(nextY group.Element) {
	k.reveal = appendVerified(k.reveal, k.pairs[0][previous], k.pairs[1][previous])
	k.theirID++
	k.theirs = [2]group.Element{k.theirs[latest], nextY}
	for i := range k.pairs {
		k.pairs[i] = [2]pair{k.pairs[i][latest]}
	}
}

// revealAll returns all MAC keys that are to be revealed when the session ends or is replaced.
func (k *keys) revealAll() [][20]byte {
	reveal := k.reveal
	for i := range k.pairs {
		reveal = appendVerified(reveal, k.pairs[i][:]...)
	}
	return reveal
}

// appendVerified appends the receiving MAC keys that verified a message. It leaves the array of reveal alone, which
// belongs to an earlier value too.
func appendVerified(reveal [][20]byte, pairs ...pair) [][20]byte {
	reveal = slices.Clip(reveal)
	for i := range pairs {
		if pairs[i].verified {
			reveal = append(reveal, pairs[i].receiveMAC)
		}
	}
	return reveal
}

// dataMAC returns the authenticator of a data message: HMAC-SHA1, written out because crypto/hmac allocates seven times,
// which is a good part of what a short message costs.
func dataMAC(key *[20]byte, authenticated []byte) [20]byte {
	inner, outer := innerPad, outerPad
	subtle.XORBytes(inner[:], inner[:], key[:])
	subtle.XORBytes(outer[:], outer[:], key[:])
	h := sha1.New()
	h.Write(inner[:])
	h.Write(authenticated)
	h.Sum(outer[:sha1.BlockSize])
	return sha1.Sum(outer[:])
}

// The blocks of HMAC for the key zero. After the outer one is room for what is hashed with it.
var (
	innerPad = [sha1.BlockSize]byte(bytes.Repeat([]byte{0x36}, sha1.BlockSize))
	outerPad = [sha1.BlockSize + sha1.Size]byte(bytes.Repeat([]byte{0x5c}, sha1.BlockSize+sha1.Size))
)

// crypt encrypts or decrypts with AES-128 in counter mode. top is the upper half of the initial counter.
func crypt(key *[16]byte, top [8]byte, dst, src []byte) {
	counterMode(newCipher(key), top, dst, src)
}

func newCipher(key *[16]byte) cipher.Block {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("otr: internal error: " + err.Error())
	}
	return block
}

func counterMode(block cipher.Block, top [8]byte, dst, src []byte) {
	var iv [aes.BlockSize]byte
	copy(iv[:], top[:])
	cipher.NewCTR(block, iv[:]).XORKeyStream(dst, src)
}
