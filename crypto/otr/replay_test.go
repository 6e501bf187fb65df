package otr

import (
	"encoding/binary"
	"testing"
	"time"
)

// Tests in this file copy messages of the key exchange, which anyone on the way can do: nothing in them authenticates
// the instance tags.

// retagged returns an encoded message as the client with another tag would have sent it.
func retagged(body string, from InstanceTag) string {
	message := parseBody(body).message
	binary.BigEndian.PutUint32(message[3:], uint32(from))
	return encode(message)
}

// body returns what the last of events wants sent.
func lastBody(t testing.TB, events []Event) string {
	t.Helper()
	for n := len(events) - 1; n >= 0; n-- {
		if e, ok := events[n].(Transmit); ok {
			return e.Body
		}
	}
	t.Fatalf("nothing is sent: %v", events)
	return ""
}

// TestOneAnswerUnderTwoTags: a D-H Key Message and the Signature Message that belongs to it, copied under a second tag,
// make no second session. It would have the keys and the counters of the first one, and so encrypt two texts with the
// same key stream.
func TestOneAnswerUnderTwoTags(t *testing.T) {
	const copied = 0x3000
	for name, tags := range map[string][2]InstanceTag{"copy last": {0x2000, copied}, "copy first": {copied, 0x2000}} {
		alice, bob, _ := flooded(t)
		dhKey := lastBody(t, bob.Receive(lastBody(t, alice.Receive("?OTRv3?"))))
		var reveal string
		for _, tag := range tags {
			for _, e := range alice.Receive(retagged(dhKey, tag)) {
				if e, ok := e.(Transmit); ok {
					message := parseBody(e.Body).message
					binary.BigEndian.PutUint32(message[7:], 0x2000)
					reveal = encode(message)
				}
			}
		}
		signature := lastBody(t, bob.Receive(reveal))
		for _, tag := range tags {
			alice.Receive(retagged(signature, tag))
		}
		streams := map[[16]byte]InstanceTag{}
		for _, i := range alice.instances {
			if i.state != Encrypted {
				continue
			}
			key := i.keys.pairs[previous][latest].sendAES
			if other, used := streams[key]; used {
				t.Errorf("%s: the sessions with %x and %x have the same keys", name, other, i.tag)
			}
			streams[key] = i.tag
		}
		if len(streams) != 1 {
			t.Errorf("%s: %d sessions", name, len(streams))
		}
	}
}

// TestRepeatedMessagesProlongNothing: the secrets of a key exchange live for a minute, however often a message of it is
// repeated on the way.
func TestRepeatedMessagesProlongNothing(t *testing.T) {
	for _, state := range []authState{authAwaitingRevealSig, authAwaitingSig} {
		alice, bob, now := flooded(t)
		var body string
		if state == authAwaitingRevealSig {
			body = lastBody(t, bob.Receive("?OTRv3?"))
		} else {
			body = lastBody(t, bob.Receive(lastBody(t, alice.Receive("?OTRv3?"))))
		}
		alice.Receive(body)
		if i := alice.instances[0x2000]; i == nil || i.ake.state != state {
			t.Fatalf("state %d is not reached", state)
		}
		key := alice.instances[0x2000].ake.key.Public()
		for range 4 {
			*now = now.Add(handshakeTimeout / 3)
			alice.Receive(body)
		}
		// The last body may have begun a new key exchange, with a new key.
		if i := alice.instances[0x2000]; i != nil && i.ake.key.Public() == key {
			t.Errorf("state %d: the key is still there after %v", state, handshakeTimeout/3*4)
		}
	}
}

// TestClientsThatForget: a correspondent whose program picks a new tag at each start, and says no word at its end, gets
// a session each time: the one that was silent for longest makes room.
func TestClientsThatForget(t *testing.T) {
	alice, _, now := flooded(t)
	for n := range 3 * maxInstances {
		*now = now.Add(2 * time.Minute)
		bob := New(&Config{Key: testKey(), Tag: InstanceTag(0x2000 + n), Policy: PolicyManual, Time: alice.config.Time})
		deliver(alice, bob, bob.Start())
		if bob.State() != Encrypted || alice.State() != Encrypted || alice.Peer().Tag != bob.config.Tag {
			t.Fatalf("start %d: bob is %v, alice is %v with %x", n, bob.State(), alice.State(), alice.Peer().Tag)
		}
		events, err := alice.Send([]byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if told := bob.Receive(lastBody(t, events)); len(told) != 1 || string(told[0].(Message).Text) != "hello" {
			t.Fatalf("start %d: told %v", n, told)
		}
	}
	if len(alice.instances) > maxInstances {
		t.Errorf("%d clients are remembered", len(alice.instances))
	}
}
