package interop

import (
	"encoding/base64"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestNoise puts damaged and repeated copies before every message that ours receives, and throws away what it says to
// them. Nothing of it may be noticed: the session comes about, every text is shown once, SMP has its outcome.
func TestNoise(t *testing.T) {
	for _, k := range kinds {
		if !k.main() {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			a, b := talk(t, k)
			n := &noise{random: rand.New(rand.NewPCG(1, 2)), shown: make(map[string]int)}
			a.pair.Before = n.before
			for range 3 {
				a.goPrivate()
				for i := range 10 {
					a.says(a.text(i))
					b.says(b.text(i + 3))
				}
				b.verify("", "secret", "secret", "smp-success")
				a.verify("who?", "me", "you", "smp-failure")
				b.do("end")
				a.do("end")
			}
			for text, times := range n.shown {
				t.Errorf("shown %d times because of a damaged or repeated message: %.200q", times, text)
			}
			t.Logf("%d damaged or repeated messages", n.count)
		})
	}
}

// noise makes what does not belong.
type noise struct {
	random *rand.Rand
	past   []string
	shown  map[string]int
	count  int
}

// before delivers noise to an end of ours that is about to receive wire.
func (n *noise) before(to *Endpoint, wire string) error {
	if !strings.Contains(to.Name, "ours") || !strings.HasPrefix(wire, "?OTR:") {
		return nil
	}
	for _, bad := range n.copies(wire) {
		out, err := to.Do("recv", Bytes(bad))
		if err != nil {
			return err
		}
		n.count++
		for _, m := range out.Messages {
			if m.How != "encrypted" && m.Text == bad {
				continue // to ours it is no message of the protocol, and no text in the clear is lost
			}
			n.shown[m.Text]++
		}
		for _, e := range out.Events {
			if slices.Contains([]string{"gone-secure", "gone-insecure", "still-secure", "smp-success", "smp-failure", "smp-cheated"}, e.Name) {
				n.shown["event "+e.Name]++
			}
		}
	}
	n.past = append(n.past, wire)
	return nil
}

// copies returns wire cut, changed, and accompanied by earlier messages that it makes no sense to receive again.
func (n *noise) copies(wire string) []string {
	message, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(wire, "?OTR:"), "."))
	if err != nil {
		panic("interop: libotr sends what is not base64")
	}
	encode := func(b []byte) string { return "?OTR:" + base64.StdEncoding.EncodeToString(b) + "." }
	bad := []string{
		encode(message[:n.random.IntN(len(message))]),
		encode(append(slices.Clone(message), 0)),
		wire[:5+n.random.IntN(len(wire)-5-8)], // without the full stop alone it would still be good
	}
	// Nothing authenticates a D-H Key Message yet: a changed one would be as good as the genuine one.
	if !strings.HasPrefix(wire, "?OTR:AAMK") {
		for range 4 {
			changed := slices.Clone(message)
			// What follows the MAC of a data message, the revealed keys, is not authenticated either.
			changed[n.random.IntN(authenticated(message))] ^= 1 << n.random.IntN(8)
			bad = append(bad, encode(changed))
		}
	}
	for _, old := range n.past {
		if isData(old) && n.random.IntN(4) == 0 {
			bad = append(bad, old)
		}
	}
	return bad
}

// authenticated returns the length of the part of a message whose change must be found out.
func authenticated(message []byte) int {
	if message[2] != 3 {
		return len(message)
	}
	return 11 + 9 // version, type, tags, flags, key ids: the lengths of what follows vary
}
