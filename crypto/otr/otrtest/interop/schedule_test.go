package interop

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
)

// A recorder is a source of randomness that remembers the private D-H keys that were made of it.
type recorder struct{ keys [][]byte }

// dhKeySize is how much a private key reads at once, and nothing else does.
const dhKeySize = 40

func (r *recorder) Read(p []byte) (int, error) {
	n, err := rand.Read(p)
	if len(p) == dhKeySize {
		r.keys = append(r.keys, bytes.Clone(p))
	}
	return n, err
}

// TestKeySchedule: who knows our private D-H keys reads every message of a conversation, in either direction, with the keys
// that the toolkit computes, and forges each.
func TestKeySchedule(t *testing.T) {
	for version, policy := range map[string]otr.Policy{"2": otr.AllowV2, "3": otr.AllowV3} {
		t.Run("version "+version, func(t *testing.T) { schedule(t, version, policy) })
	}
}

func schedule(t *testing.T, version string, policy otr.Policy) {
	source := new(recorder)
	var ends [2]*otr.Conversation
	for i, random := range []io.Reader{source, nil} {
		key, err := otr.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = otr.New(&otr.Config{Key: key, Tag: otr.InstanceTag(0x1000 + i), Policy: policy, Rand: random})
	}
	var transcript []Carried
	var deliver func(from int, events []otr.Event)
	deliver = func(from int, events []otr.Event) {
		for _, e := range events {
			if tr, ok := e.(otr.Transmit); ok {
				transcript = append(transcript, Carried{from, tr.Body})
				deliver(1-from, ends[1-from].Receive(tr.Body))
			}
		}
	}
	deliver(0, ends[0].Receive("?OTRv"+version+"?"))
	said := map[int]string{} // by place in the transcript
	for i, from := range []int{0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0} {
		text := fmt.Sprint("text ", i)
		said[len(transcript)] = text
		events, err := ends[from].Send([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		deliver(from, events)
	}

	theirs := map[uint32]string{1: dhKey(t, transcript)} // their public keys by id
	for _, m := range dataMessages(t, transcript) {
		ourID, theirID := m.senderKey, m.recipientKey
		direction := "Sending"
		if m.from == 1 {
			ourID, theirID = theirID, ourID
			direction = "Receiving"
			theirs[m.senderKey+1] = m.nextY
		}
		session := sessionKeys(t, hex.EncodeToString(source.keys[ourID-1]), theirs[theirID])
		aes, mac := session[direction+" AES key"], session[direction+" MAC key"]
		if !m.fits(mac) {
			t.Errorf("message %d does not verify under the key of otr_sesskeys", m.at)
		}
		if out, _ := tool(t, "", "otr_mackey", aes); fields(out)["MAC key"] != mac {
			t.Errorf("message %d: otr_mackey and otr_sesskeys differ", m.at)
		}
		if out, ok := tool(t, m.wire, "otr_readforge", aes); !ok || !strings.Contains(out, "``"+said[m.at]+"''") {
			t.Errorf("message %d: otr_readforge reads %q, want %q", m.at, out, said[m.at])
		}
		lie, ok := tool(t, m.wire, "otr_readforge", aes, "a lie")
		if !ok {
			t.Errorf("message %d: otr_readforge: %s", m.at, lie)
			continue
		}
		lie = strings.TrimSpace(lie[strings.Index(lie, "?OTR:"):])
		if forgery := parseData(t, lie); lie == m.wire || !forgery.fits(mac) {
			t.Errorf("message %d is not forged", m.at)
		}
		if version == "3" {
			checkRemac(t, m.wire, mac)
		}
	}
	if len(said) != len(dataMessages(t, transcript)) {
		t.Errorf("%d texts, %d messages", len(said), len(dataMessages(t, transcript)))
	}
}

// dhKey returns the public key in the D-H Key Message of a transcript.
func dhKey(t *testing.T, transcript []Carried) string {
	t.Helper()
	for _, c := range transcript {
		if header, found := map[string]int{"?OTR:AAIK": 3, "?OTR:AAMK": 11}[c.Wire[:9]]; found {
			message, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(c.Wire[5:], "."))
			if err != nil {
				t.Fatal(err)
			}
			return hex.EncodeToString(message[header+4:])
		}
	}
	t.Fatal("no D-H Key Message")
	return ""
}

// TestKnownByToolkit: the toolkit agrees with the known answers of package otr on what it can compute.
func TestKnownByToolkit(t *testing.T) {
	file, err := os.ReadFile("../../testdata/known.values")
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	for line := range strings.Lines(string(file)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		values[name] = value
	}
	for _, version := range []string{"v2 ", "v3 "} {
		session := sessionKeys(t, values[version+"x"], values[version+"gy"])
		if session["Sending AES key"] != values[version+"data 1 sending AES key"] || session["Sending MAC key"] != values[version+"data 1 sending MAC key"] {
			t.Errorf("%s: otr_sesskeys says %q", version, session)
		}
		for n, text := range map[int]string{1: "hello", 2: "the same keys again", 3: "Привет", 4: "", 5: "", 6: "你好", 7: "", 8: "", 9: "", 10: "", 11: ""} {
			name := fmt.Sprint(version, "data ", n)
			if out, ok := tool(t, values[name], "otr_readforge", values[name+" sending AES key"]); !ok || !strings.Contains(out, "``"+text+"''") {
				t.Errorf("%s: otr_readforge reads %q, want %q", name, out, text)
			}
			if out, _ := tool(t, "", "otr_mackey", values[name+" sending AES key"]); fields(out)["MAC key"] != values[name+" sending MAC key"] {
				t.Errorf("%s: otr_mackey says %q", name, out)
			}
			if found, want := strings.Join(revealed(t, values[name]), ""), strings.Trim(values[name+" revealed MAC keys"], "-"); found != want {
				t.Errorf("%s: otr_parse finds the MAC keys %q, want %q", name, found, want)
			}
		}
	}
}
