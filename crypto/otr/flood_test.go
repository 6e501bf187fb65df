package otr

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
)

// Tests in this file flood a conversation with what makes it compute.

func flooded(t testing.TB) (alice, bob *Conversation, now *time.Time) {
	t.Helper()
	clock := time.Unix(1e9, 0)
	now = &clock
	time := func() time.Time { return *now }
	alice = New(&Config{Key: testKey(), Tag: 0x1000, Policy: PolicyManual, Rand: testRand("flooded alice"), Time: time})
	bob = New(&Config{Key: testKey(), Tag: 0x2000, Policy: PolicyManual, Rand: testRand("flooding bob"), Time: time})
	return alice, bob, now
}

// honest lets bob begin a session, and fails if there is none in the end.
func honest(t testing.TB, alice, bob *Conversation) {
	t.Helper()
	deliver(alice, bob, bob.Start())
	if alice.State() != Encrypted || bob.State() != Encrypted {
		t.Errorf("after the flood alice is %v, bob is %v", alice.State(), bob.State())
	}
}

// TestFloodOfCommits: a multitude of invented clients that begin key exchanges costs one key for each place there is,
// and each is answered all the same.
func TestFloodOfCommits(t *testing.T) {
	alice, bob, _ := flooded(t)
	commit, err := newCommitment(testRand("flood"))
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for i := range 2000 {
		tag := InstanceTag(0x10000 + i)
		events := alice.Receive(encodeFrom(tag, 0, typeDHCommit, &commit.commitment))
		answer, ok := events[0].(Transmit)
		if !ok || answer.To != tag {
			t.Fatalf("client %d: %v", i, events)
		}
		_, m, _ := parseMessage(parseBody(answer.Body).message)
		keys[string(m.(*dhKeyMessage).gy)] = true
	}
	if len(keys) != maxInstances || len(alice.instances) != maxInstances {
		t.Errorf("%d keys, %d clients", len(keys), len(alice.instances))
	}
	held := map[group.Element]bool{}
	for _, i := range alice.instances {
		held[i.ake.key.Public()] = true
	}
	if len(held) != maxInstances {
		t.Errorf("%d clients that are remembered share %d keys", len(alice.instances), len(held))
	}
	honest(t, alice, bob)
}

// TestFloodOfKeys: a multitude of invented clients that answer our D-H Commit Message are answered up to a number.
func TestFloodOfKeys(t *testing.T) {
	alice, bob, _ := flooded(t)
	alice.Receive("?OTRv3?")
	random := testRand("flood")
	answered := 0
	for i := range 200 {
		key, err := group.NewPrivateKey(random)
		if err != nil {
			t.Fatal(err)
		}
		gy, tag := key.Public(), InstanceTag(0x10000+i)
		events := alice.Receive(encodeFrom(tag, 0x1000, typeDHKey, &dhKeyMessage{gy.Bytes()}))
		switch e := events[0].(type) {
		case Transmit:
			answered++
		case Rejected:
			if e != (Rejected{Reason: TooMany, From: tag}) {
				t.Fatalf("client %d: %v", i, e)
			}
		}
	}
	if answered != maxAnswers || len(alice.instances) != maxInstances {
		t.Errorf("%d answers, %d clients", answered, len(alice.instances))
	}
	honest(t, alice, bob)
}

// TestRefusedAnswer: a client that finds no place leaves no trace.
func TestRefusedAnswer(t *testing.T) {
	alice, _, _ := flooded(t)
	key, err := group.NewPrivateKey(testRand("flood"))
	if err != nil {
		t.Fatal(err)
	}
	alice.Receive("?OTRv3?")
	for i := range maxInstances {
		tag := InstanceTag(0x10000 + i)
		alice.instances[tag] = &instance{tag: tag, state: Encrypted}
	}
	gy := key.Public()
	events := alice.Receive(encodeFrom(0x2000, 0x1000, typeDHKey, &dhKeyMessage{gy.Bytes()}))
	if len(events) != 1 || events[0] != (Rejected{Reason: TooMany, From: 0x2000}) || len(alice.answers) != 0 {
		t.Errorf("%v, and %d answers are counted", events, len(alice.answers))
	}
}

// TestFloodOfExchanges: when more was worked on in a minute than honest key exchanges need, every message of one is
// refused and changes nothing, until a minute has passed or our own user asks for a session.
func TestFloodOfExchanges(t *testing.T) {
	for _, after := range map[string]func(alice, bob *Conversation, now *time.Time){
		"a minute": func(alice, bob *Conversation, now *time.Time) {
			*now = now.Add(stepsInterval)
			honest(t, alice, bob)
		},
		"Start": func(alice, bob *Conversation, now *time.Time) {
			deliver(bob, alice, alice.Start())
			if alice.State() != Encrypted {
				t.Errorf("after Start alice is %v", alice.State())
			}
		},
	} {
		alice, bob, now := flooded(t)
		alice.Receive("?OTRv3?")
		alice.steps = maxSteps
		commit, err := newCommitment(testRand("bob"))
		if err != nil {
			t.Fatal(err)
		}
		gy := commit.key.Public()
		for kind, body := range map[string]string{
			"query":      "?OTRv3?",
			"D-H Commit": encodeFrom(0x2000, 0, typeDHCommit, &commit.commitment),
			"D-H Key":    encodeFrom(0x2000, 0x1000, typeDHKey, &dhKeyMessage{gy.Bytes()}),
			"Reveal":     encodeFrom(0x2000, 0x1000, typeRevealSignature, &revealSignatureMessage{}),
			"Signature":  encodeFrom(0x2000, 0x1000, typeSignature, &signatureMessage{}),
		} {
			events := alice.Receive(body)
			if r, ok := events[len(events)-1].(Rejected); !ok || r.Reason != TooMany {
				t.Errorf("%s: %v", kind, events)
			}
			if len(alice.instances) != 0 || alice.steps != maxSteps {
				t.Errorf("%s changed the conversation", kind)
			}
		}
		after(alice, bob, now)
	}
}

// TestFloodOfWrongSignatures: a Reveal Signature Message that opens its commitment costs an exponentiation before it is
// found to be wrong, and changes nothing: so it can be sent again and again, but that counts.
func TestFloodOfWrongSignatures(t *testing.T) {
	alice, bob, _ := flooded(t)
	commit, err := newCommitment(testRand("bob"))
	if err != nil {
		t.Fatal(err)
	}
	alice.Receive(encodeFrom(0x3000, 0, typeDHCommit, &commit.commitment))
	wrong := encodeFrom(0x3000, 0x1000, typeRevealSignature, &revealSignatureMessage{r: commit.r})
	alice.steps = maxSteps - 2
	for n, reason := range []Reason{SetupFailed, SetupFailed, TooMany} {
		if events := alice.Receive(wrong); len(events) != 1 || events[0] != (Rejected{Reason: reason, From: 0x3000}) {
			t.Errorf("message %d: %v", n, events)
		}
	}
	alice.steps = 0
	honest(t, alice, bob)
}

// TestManyHonestExchanges: a bad line that needs fresh keys every second stays far below the limit.
func TestManyHonestExchanges(t *testing.T) {
	alice, bob, now := flooded(t)
	for range 50 {
		honest(t, alice, bob)
		*now = now.Add(time.Second)
	}
	if alice.steps > maxSteps/10 {
		t.Errorf("50 exchanges count as %d of %d steps", alice.steps, maxSteps)
	}
}

// TestPartialBytes: what is put together at the same time is bounded in all, and a client without a session may send no
// more than a key exchange takes.
func TestPartialBytes(t *testing.T) {
	alice, _, _ := flooded(t)
	large := strings.Repeat("x", maxExchange+1)
	fragment := func(tag InstanceTag, k int, piece string) []Event {
		return alice.Receive(fmt.Sprintf("?OTR|%x|1000,%d,100,%s,", tag, k, piece))
	}
	if events := fragment(0x2000, 1, large); len(events) != 1 || events[0] != (Rejected{Reason: TooMany, From: 0x2000}) || len(alice.partial) != 0 {
		t.Errorf("from a client without a session: %v, %d incomplete", events, len(alice.partial))
	}
	for i := range maxInstances {
		tag := InstanceTag(0x2000 + i)
		alice.instances[tag] = &instance{tag: tag, state: Encrypted}
		for k := range 10 {
			fragment(tag, k+1, strings.Repeat("x", maxEncoded/11))
			if alice.gathered() > maxGathered || len(alice.partial) > maxPartial || alice.partial[tag] == nil {
				t.Fatalf("client %d, fragment %d: %d bytes in %d messages", i, k, alice.gathered(), len(alice.partial))
			}
		}
	}
	if alice.gathered() < maxGathered/2 {
		t.Errorf("only %d bytes are kept", alice.gathered())
	}
}
