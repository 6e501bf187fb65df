package interop

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// A dataMessage is what the tests need of one.
type dataMessage struct {
	at            int // its place in the transcript
	from          int
	wire          string
	senderKey     uint32
	recipientKey  uint32
	nextY         string // hexadecimal
	encrypted     []byte
	authenticated []byte
	mac           []byte
	revealed      []string // hexadecimal
}

// fits says whether the message verifies under a MAC key.
func (m *dataMessage) fits(key string) bool {
	b, err := hex.DecodeString(key)
	if err != nil {
		panic("interop: a MAC key is no number")
	}
	h := hmac.New(sha1.New, b)
	h.Write(m.authenticated)
	return hmac.Equal(h.Sum(nil), m.mac)
}

// parseData takes a data message of either version apart.
func parseData(t *testing.T, wire string) dataMessage {
	t.Helper()
	message, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(wire, "?OTR:"), "."))
	if err != nil {
		t.Fatalf("no base64: %.60q", wire)
	}
	s := cryptobyte.String(message)
	m := dataMessage{wire: wire}
	header := 3
	if message[1] == 3 {
		header += 8
	}
	var nextY, revealed []byte
	data := func(out *[]byte) bool {
		var n uint32
		return s.ReadUint32(&n) && s.ReadBytes(out, int(n))
	}
	ok := s.Skip(header+1) && s.ReadUint32(&m.senderKey) && s.ReadUint32(&m.recipientKey) && data(&nextY) && s.Skip(8) && data(&m.encrypted)
	m.authenticated = message[:len(message)-len(s)]
	if !ok || !s.ReadBytes(&m.mac, sha1.Size) || !data(&revealed) || !s.Empty() || len(revealed)%sha1.Size != 0 {
		t.Fatalf("no data message: %.60q", wire)
	}
	m.nextY = hex.EncodeToString(nextY)
	for key := range slices.Chunk(revealed, sha1.Size) {
		m.revealed = append(m.revealed, hex.EncodeToString(key))
	}
	return m
}

// dataMessages returns those of a transcript.
func dataMessages(t *testing.T, transcript []Carried) []dataMessage {
	t.Helper()
	var all []dataMessage
	for at, c := range transcript {
		if isData(c.Wire) {
			m := parseData(t, c.Wire)
			m.at, m.from = at, c.From
			all = append(all, m)
		}
	}
	return all
}

// undeniable returns why a transcript would prove something: every message that an end received and accepted must verify
// under a MAC key that this end published later, so that anybody may have made it, but not under one that was public before.
func undeniable(messages []dataMessage, end int) (problems []string) {
	published := map[string]int{} // where
	for _, m := range messages {
		if m.from != end {
			continue
		}
		for _, key := range m.revealed {
			if _, twice := published[key]; twice {
				problems = append(problems, fmt.Sprintf("message %d publishes a key again", m.at))
			}
			published[key] = m.at
		}
	}
	used := map[string]bool{}
	for _, m := range messages {
		if m.from == end {
			continue
		}
		covered := false
		for key, at := range published {
			if !m.fits(key) {
				continue
			}
			covered, used[key] = true, true
			if at < m.at {
				problems = append(problems, fmt.Sprintf("message %d was accepted under a key that message %d had published", m.at, at))
			}
		}
		if !covered {
			problems = append(problems, fmt.Sprintf("nobody else can have made message %d", m.at))
		}
	}
	for key, at := range published {
		if !used[key] {
			problems = append(problems, fmt.Sprintf("a key in message %d fits nothing that was received", at))
		}
	}
	return problems
}

// promise is what all texts of the deniability test begin with, and what otr_modify makes of it.
const promise, forged, offset = "10000", "99999", "6"

// TestDeniability: once we have ended a conversation, every message we ever accepted in it can be forged by whoever has the
// transcript, because all keys that authenticated them are in it; and none of them could when we accepted it.
func TestDeniability(t *testing.T) {
	for _, k := range kinds {
		if !k.withLibotr() && k.ends[0] != "ours" || k.max != 0 {
			continue
		}
		t.Run(k.name, func(t *testing.T) { deny(t, k) })
	}
}

func deny(t *testing.T, k kind) {
	a, b := talk(t, k)
	a.goPrivate()
	if k.ends[0] != "ours" {
		a, b = b, a
	}
	say := func(p party, times int) {
		for range times {
			p.says("I owe " + promise + " euro")
		}
	}
	for _, burst := range []int{1, 1, 3, 2, 1} {
		say(a, burst)
		say(b, burst)
	}
	// What is not text is authenticated as well.
	b.verify("who?", "me", "me", "smp-success")
	a.verify("", "secret", "other", "smp-failure")
	b.do("symkey", "1", Bytes("data"))
	a.do("symkey", "1", Bytes("data"))
	b.do("clock", "70")
	say(a, 1) // is answered by a heartbeat
	b.expect("heartbeat-sent")
	// A new key exchange in between: the keys of the first session are still to be published.
	b.do("start")
	say(b, 2)
	say(a, 1)
	say(b, 2)
	a.do("start")
	say(b, 1)
	before := len(a.pair.Transcript)
	a.do("end")

	transcript := a.pair.Transcript
	messages := dataMessages(t, transcript)
	for _, problem := range undeniable(messages, a.end) {
		t.Error(problem)
	}
	checkForgeries(t, messages, a.end)

	// The test itself must be able to fail.
	for name, changed := range map[string][]Carried{
		"before the end":          transcript[:before],
		"the end came first":      slices.Concat(transcript[len(transcript)-1:], transcript[:len(transcript)-1]),
		"the end came twice":      slices.Concat(transcript, transcript[len(transcript)-1:]),
		"nothing was received":    slices.DeleteFunc(slices.Clone(transcript), func(c Carried) bool { return c.From == b.end }),
		"nothing was sent before": slices.Concat(slices.DeleteFunc(slices.Clone(transcript[:before]), func(c Carried) bool { return c.From == a.end }), transcript[before:]),
	} {
		if len(undeniable(dataMessages(t, changed), a.end)) == 0 {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
	keys := 0
	for _, m := range messages {
		if m.from == a.end {
			keys += len(m.revealed)
		}
	}
	t.Logf("%d data messages, %d keys published, %d of them at the end", len(messages), keys, len(messages[len(messages)-1].revealed))
}

// checkForgeries lets the toolkit find the published keys, and with them change each text that one end received.
func checkForgeries(t *testing.T, messages []dataMessage, end int) {
	t.Helper()
	var keys []string
	for _, m := range messages {
		if m.from == end {
			if found := revealed(t, m.wire); !slices.Equal(found, m.revealed) {
				t.Errorf("otr_parse finds the keys %q in message %d, want %q", found, m.at, m.revealed)
			}
			keys = append(keys, m.revealed...)
		}
	}
	texts := 0
	for _, m := range messages {
		i := slices.IndexFunc(keys, m.fits)
		if m.from == end || i < 0 || len(m.encrypted) < len("I owe ")+len(promise) {
			continue // the last: there is nothing in an empty one that could be changed
		}
		changed, ok := tool(t, m.wire, "otr_modify", keys[i], promise, forged, offset)
		changed = strings.TrimSpace(changed)
		if !ok || !isData(changed) {
			t.Errorf("otr_modify does not change message %d: %s", m.at, changed)
			continue
		}
		forgery := parseData(t, changed)
		if changed == m.wire || !forgery.fits(keys[i]) {
			t.Errorf("message %d is not forged", m.at)
		}
		texts++
	}
	if texts == 0 {
		t.Error("nothing was forged")
	}
}
