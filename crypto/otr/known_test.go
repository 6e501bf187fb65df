package otr

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
)

// These tests hold the package to testdata/known.values: two conversations that testdata/known.py has computed from the
// specification, without any of this code.

// known returns the values of testdata/known.values by name. Numbers are in hexadecimal digits.
func known(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.ReadFile("testdata/known.values")
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	for line := range strings.Lines(string(file)) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), " = "); found {
			values[name] = value
		}
	}
	return values
}

// knownRand is the source of randomness of one party in known.values. What a read gives depends on its size and on how many
// of that size there were.
type knownRand struct {
	name  string
	reads map[int]int
}

func (r *knownRand) Read(p []byte) (int, error) {
	r.reads[len(p)]++
	var b []byte
	for block := range len(p)/sha256.Size + 1 {
		h := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %d", r.name, len(p), r.reads[len(p)], block))
		b = append(b, h[:]...)
	}
	return copy(p, b), nil
}

// knownHex returns the bytes of a value.
func knownHex(t *testing.T, values map[string]string, name string) []byte {
	t.Helper()
	b, err := hex.DecodeString(values[name])
	if err != nil || len(b) == 0 {
		t.Fatalf("%s: %q, %v", name, values[name], err)
	}
	return b
}

// knownKey returns a party's private key.
func knownKey(t *testing.T, values map[string]string, name string) *PrivateKey {
	t.Helper()
	key, err := ParsePrivateKey(knownHex(t, values, name+" key"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestKnownDerivations: what the key exchange derives from two keys, and a pair of keys of data messages.
func TestKnownDerivations(t *testing.T) {
	values := known(t)
	for _, version := range []string{"v2", "v3"} {
		value := func(name string) []byte { return knownHex(t, values, version+" "+name) }
		x, err := group.NewPrivateKey(strings.NewReader(string(value("x"))))
		if err != nil {
			t.Fatal(err)
		}
		y, err := group.NewPrivateKey(strings.NewReader(string(value("y"))))
		if err != nil {
			t.Fatal(err)
		}
		gx, gy := x.Public(), y.Public()
		shared := x.Shared(&gy)
		alice, bob := deriveSecrets(&x, &gy), deriveSecrets(&y, &gx)
		public := func(name string) []byte { return knownKey(t, values, name).public }
		m := signedHash(&alice.m1, &gx, &gy, public("alice"), firstKeyID)
		mp := signedHash(&bob.m1p, &gy, &gx, public("bob"), firstKeyID)
		for _, v := range []struct {
			name string
			got  []byte
		}{
			{"gx", gx.Bytes()}, {"gy", gy.Bytes()}, {"s", shared.Bytes()},
			{"ssid", alice.ssid[:]}, {"c", alice.c[:]}, {"c'", alice.cp[:]},
			{"m1", alice.m1[:]}, {"m2", alice.m2[:]}, {"m1'", alice.m1p[:]}, {"m2'", alice.m2p[:]},
			{"ssid", bob.ssid[:]}, {"c", bob.c[:]}, {"c'", bob.cp[:]},
			{"m1", bob.m1[:]}, {"m2", bob.m2[:]}, {"m1'", bob.m1p[:]}, {"m2'", bob.m2p[:]},
			{"M", m[:]}, {"M'", mp[:]},
			{"data 1 sending AES key", alice.first.sendAES[:]}, {"data 1 sending AES key", bob.first.receiveAES[:]},
			{"data 1 sending MAC key", alice.first.sendMAC[:]}, {"data 1 sending MAC key", bob.first.receiveMAC[:]},
			{"data 1 extra symmetric key", alice.first.extra[:]}, {"data 1 extra symmetric key", bob.first.extra[:]},
		} {
			if want := value(v.name); string(v.got) != string(want) {
				t.Errorf("%s %s is %x, want %x", version, v.name, v.got, want)
			}
		}
	}
}

// knownScene is the conversation of one version.
type knownScene struct {
	*testing.T
	values  map[string]string
	version string
	wires   int // data messages so far
}

// sent checks the one message among events against known.values and returns it.
func (s *knownScene) sent(name string, events []Event) string {
	s.Helper()
	var bodies []string
	for _, e := range events {
		if tr, ok := e.(Transmit); ok {
			bodies = append(bodies, tr.Body)
		}
	}
	name = s.version + " " + name
	if want := []string{s.values[name]}; !slices.Equal(bodies, want) {
		s.Fatalf("%s:\n got %q\nwant %q", name, bodies, want)
	}
	return bodies[0]
}

// data checks the next data message.
func (s *knownScene) data(events []Event, err error) string {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	s.wires++
	return s.sent(fmt.Sprint("data ", s.wires), events)
}

// event returns the one event of its type.
func event[E Event](s *knownScene, events []Event) E {
	s.Helper()
	for _, e := range events {
		if e, ok := e.(E); ok {
			return e
		}
	}
	var none E
	s.Fatalf("no %T in %v", none, events)
	return none
}

func (s *knownScene) reads(to *Conversation, body, text string) {
	s.Helper()
	if m := event[Message](s, to.Receive(body)); string(m.Text) != text || !m.Encrypted {
		s.Errorf("reads %q, want %q", m.Text, text)
	}
}

// extra lets from use the extra symmetric key.
func (s *knownScene) extra(from, to *Conversation, use uint32, data string) {
	s.Helper()
	key, events, err := from.UseExtraKey(use, []byte(data))
	body := s.data(events, err)
	got := event[ExtraKey](s, to.Receive(body))
	want := knownHex(s.T, s.values, fmt.Sprintf("%s data %d extra symmetric key", s.version, s.wires))
	if string(key[:]) != string(want) || string(got.Key[:]) != string(want) {
		s.Errorf("extra symmetric key is %x here and %x there, want %x", key, got.Key, want)
	}
	if got.Use != use || string(got.Data) != data {
		s.Errorf("extra symmetric key for %#x %q", got.Use, got.Data)
	}
}

// TestKnownConversation: with the randomness of known.values, both sides send what is there, byte for byte.
func TestKnownConversation(t *testing.T) {
	values := known(t)
	for version, policy := range map[string]Policy{"v2": AllowV2, "v3": AllowV3} {
		t.Run(version, func(t *testing.T) {
			holdKnown(&knownScene{T: t, values: values, version: version}, policy)
		})
	}
}

func holdKnown(s *knownScene, policy Policy) {
	party := func(name string, tag InstanceTag) *Conversation {
		key := knownKey(s.T, s.values, name)
		if f := key.Fingerprint(); string(f[:]) != string(knownHex(s.T, s.values, name+" fingerprint")) {
			s.Errorf("%s's fingerprint is %v", name, f)
		}
		return New(&Config{
			Key: key, Tag: tag, Policy: policy,
			Rand: &knownRand{name + " " + s.version, map[int]int{}},
			Time: func() time.Time { return time.Date(2014, 8, 1, 12, 0, 0, 0, time.UTC) },
		})
	}
	alice, bob := party("alice", 0x101), party("bob", 0xfffffff0)

	commit := s.sent("d-h commit", alice.Receive("?OTR"+s.version+"?"))
	dhKey := s.sent("d-h key", bob.Receive(commit))
	reveal := s.sent("reveal signature", alice.Receive(dhKey))
	events := bob.Receive(reveal)
	signature := s.sent("signature", events)
	atBob, atAlice := event[StateChange](s, events).Peer, event[StateChange](s, alice.Receive(signature)).Peer
	ssid := [8]byte(knownHex(s.T, s.values, s.version+" ssid"))
	if atBob.SSID != ssid || atAlice.SSID != ssid || atBob.Initiator || !atAlice.Initiator {
		s.Errorf("session %+v and %+v, want %x", atAlice, atBob, ssid)
	}

	for _, line := range []struct {
		from, to *Conversation
		text     string
	}{{alice, bob, "hello"}, {alice, bob, "the same keys again"}, {bob, alice, "Привет"}} {
		s.reads(line.to, s.data(line.from.Send([]byte(line.text))), line.text)
	}
	s.extra(alice, bob, 0x12345678, "data")
	s.extra(bob, alice, 1, "")
	s.reads(bob, s.data(alice.Send([]byte("你好"))), "你好")

	request := event[SMPRequest](s, bob.Receive(s.data(alice.StartSMP("Who?", []byte("the secret")))))
	message2 := s.data(bob.AnswerSMP(request.ID, []byte("the secret")))
	message3 := s.data(alice.Receive(message2), nil)
	events = bob.Receive(message3)
	message4 := s.data(events, nil)
	for _, result := range []SMPResult{event[SMPResult](s, events), event[SMPResult](s, alice.Receive(message4))} {
		if result.Outcome != SMPSuccess {
			s.Errorf("SMP: %+v", result)
		}
	}

	if change := event[StateChange](s, alice.Receive(s.data(bob.End(), nil))); change.New != Finished {
		s.Errorf("after the end %v", change.New)
	}
}
