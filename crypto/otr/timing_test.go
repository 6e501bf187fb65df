package otr

import (
	"testing"

	"github.com/sotto-im/sotto/crypto/otr/otrtest/timing"
)

// TestTiming is the timing gate for the MACs of data messages and of the key exchange: how much of a forged one is
// right does not show.
func TestTiming(t *testing.T) {
	timing.Gate(t)
	alice, bob := session(t)
	i := alice.selected
	message, _, err := i.keys.seal(alice.header(version3, typeData, i.tag), 0, alice.content([]byte("x")), alice.rand())
	if err != nil {
		t.Fatal(err)
	}
	_, parsed, _ := parseMessage(message)
	data := parsed.(*dataMessage)
	k := bob.instances[alice.config.Tag].keys
	genuine := data.mac
	timing.Constant(t, "MAC of a data message", 100000, 1, timing.Guesses(genuine[:]), func(in []byte) {
		data.mac = [20]byte(in)
		if _, _, _, err := k.open(data); err == nil && data.mac != genuine {
			t.Error("a forged message was accepted")
		}
	})

	y := i.keys.ours[previous].Public()
	signed := signatureMessage{encrypted: make([]byte, 500)}
	var m1, m2 [32]byte
	var c [16]byte
	genuine = signatureMAC(&m2, signed.encrypted)
	timing.Constant(t, "MAC of a signature message", 100000, 1, timing.Guesses(genuine[:]), func(in []byte) {
		signed.mac = [20]byte(in)
		if _, _, err := verify(&signed, &y, &y, &m1, &m2, &c); err == nil {
			t.Error("a forged message was accepted")
		}
	})
}
