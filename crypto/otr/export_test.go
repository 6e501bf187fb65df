package otr

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"maps"

	"github.com/sotto-im/sotto/crypto/otr/internal/wire"
)

// This file lets tests in package otr_test make, with the keys of one side, what no Conversation would send.

// A Forgery is a data message that its sender authenticates although no honest party would send it.
type Forgery struct {
	Flags                   byte
	Text                    []byte
	Record                  bool // followed by a record of type Kind
	Kind                    uint16
	Value                   []byte
	SenderKey, RecipientKey uint32              // added to the right ones
	NextY                   []byte              // instead of the right one; nil keeps it
	Counter                 func(uint64) uint64 // of the right one
	MAC                     string              // which key: "" for the right one, or a name of ForgedMACs
}

// ForgedMACs are keys that must not authenticate anything.
var ForgedMACs = []string{"zero", "other direction", "other pair", "AES"}

// Forge makes the next data message of the selected session. The session goes on as after an honest one.
func (c *Conversation) Forge(f Forgery) string {
	i := c.selected
	plaintext := append(bytes.Clone(f.Text), 0)
	if f.Record {
		plaintext = binary.BigEndian.AppendUint16(plaintext, f.Kind)
		plaintext = binary.BigEndian.AppendUint16(plaintext, uint16(len(f.Value)))
		plaintext = append(plaintext, f.Value...)
	}
	h := c.header(i.version(), typeData, i.tag)
	message, announced, err := i.keys.seal(h, f.Flags, content{text: plaintext}, c.rand())
	if err != nil {
		panic(err)
	}
	i.keys.sent(&announced)
	_, parsed, _ := parseMessage(message)
	m := parsed.(*dataMessage)
	m.senderKey += f.SenderKey
	m.recipientKey += f.RecipientKey
	if f.NextY != nil {
		m.nextY = f.NextY
	}
	p := i.keys.pairs[previous][latest]
	if f.Counter != nil {
		n := binary.BigEndian.Uint64(m.counter[:])
		crypt(&p.sendAES, m.counter, plaintext, m.encrypted)
		binary.BigEndian.PutUint64(m.counter[:], f.Counter(n))
		crypt(&p.sendAES, m.counter, m.encrypted, plaintext)
	}
	key := map[string][20]byte{"": p.sendMAC, "other direction": p.receiveMAC, "other pair": i.keys.pairs[previous][previous].sendMAC}[f.MAC]
	if f.MAC == "AES" {
		copy(key[:], p.sendAES[:])
	}
	b := m.append(h.append(nil))
	mac := dataMAC(&key, b)
	b = append(b, mac[:]...)
	return encode(binary.BigEndian.AppendUint32(b, 0))
}

// ForgeCommit makes a D-H Commit Message to gx, whatever that is, and a Reveal Signature Message that opens it.
func (c *Conversation) ForgeCommit(version int, to InstanceTag, gx []byte) (commit, reveal string) {
	gxMPI := wire.AppendMPI(nil, gx)
	r := [16]byte{1}
	m := dhCommitMessage{encrypted: make([]byte, len(gxMPI)), hash: sha256.Sum256(gxMPI)}
	crypt(&r, [8]byte{}, m.encrypted, gxMPI)
	opened := revealSignatureMessage{r: r, signatureMessage: signatureMessage{encrypted: make([]byte, 100)}}
	return encode(m.append(c.header(version, typeDHCommit, to).append(nil))), encode(opened.append(c.header(version, typeRevealSignature, to).append(nil)))
}

// ForgeDHKey makes a D-H Key Message.
func (c *Conversation) ForgeDHKey(version int, to InstanceTag, gy []byte) string {
	m := dhKeyMessage{gy}
	return encode(m.append(c.header(version, typeDHKey, to).append(nil)))
}

// ForgeReveal makes the Reveal Signature Message that c, who has just sent one, would send if X was edited.
func (c *Conversation) ForgeReveal(to InstanceTag, edit func(x []byte) []byte) string {
	a := c.instances[to].ake
	m := a.sent
	m.signatureMessage = edited(m.signatureMessage, &a.secrets.c, &a.secrets.m2, edit)
	return encode(m.append(c.header(c.instances[to].version(), typeRevealSignature, to).append(nil)))
}

// ForgeSignature makes the Signature Message that c would answer a Reveal Signature Message with if X was edited.
func (c *Conversation) ForgeSignature(to InstanceTag, reveal string, edit func(x []byte) []byte) string {
	_, parsed, _ := parseMessage(parseBody(reveal).message)
	done, reply, err := c.instances[to].ake.receiveRevealSignature(parsed.(*revealSignatureMessage), c.config.Key)
	if err != nil {
		panic(err)
	}
	m := edited(*reply.message.(*signatureMessage), &done.secrets.cp, &done.secrets.m2p, edit)
	return encode(m.append(c.header(c.instances[to].version(), typeSignature, to).append(nil)))
}

func edited(m signatureMessage, c *[16]byte, m2 *[32]byte, edit func(x []byte) []byte) signatureMessage {
	x := make([]byte, len(m.encrypted))
	crypt(c, [8]byte{}, x, m.encrypted)
	x = edit(x)
	encrypted := make([]byte, len(x))
	crypt(c, [8]byte{}, encrypted, x)
	return signatureMessage{encrypted, signatureMAC(m2, encrypted)}
}

// Prime returns p of the Diffie-Hellman group.
func Prime() []byte { return badElements()["p"] }

// Open returns the value of the record of a type in a data message to c, which c is not told of.
func (c *Conversation) Open(body string, kind uint16) []byte {
	_, parsed, _ := parseMessage(parseBody(body).message)
	plaintext, _, _, err := c.selected.keys.open(parsed.(*dataMessage))
	if err != nil {
		panic(err)
	}
	_, records := parsePlaintext(plaintext)
	value, _ := find(records, kind)
	return value
}

// Parses says whether body is an encoded message that can be read, whatever becomes of it then.
func Parses(body string) bool {
	b := parseBody(body)
	if b.form != formEncoded || b.version == version1 {
		return false
	}
	_, message, ok := parseMessage(b.message)
	_, isData := message.(*dataMessage)
	return ok && (isData || b.ended)
}

// Shadow returns what sees the clients and the key exchanges that c has now, and what becomes of their memory.
func (c *Conversation) Shadow() *Conversation {
	shadow := *c
	shadow.instances = maps.Clone(c.instances)
	for tag, i := range c.instances {
		shadow.instances[^tag] = &instance{ake: i.ake}
	}
	return &shadow
}
