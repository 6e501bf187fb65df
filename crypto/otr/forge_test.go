package otr_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// told is a conversation that has ended, with what each side knows of it afterwards.
type told struct {
	bodies    []string         // of alice's messages with a text, in order
	texts     []string         // what they said
	before    []*otrtest.Party // bob before each of them
	published []otr.MACKey     // by bob, until his end
	early     []otr.MACKey     // by bob, before he read the last text
}

// tell lets alice write texts to bob, who answers, and ends.
func tell(t *testing.T, texts ...string) told {
	t.Helper()
	n, alice, bob := otrtest.NewNetwork(otr.PolicyManual)
	alice.Do(alice.Start())
	n.Run()
	result := told{texts: texts}
	collect := func(from int) {
		for _, p := range n.Wire[from:] {
			if p.From == bob {
				result.published = append(result.published, otr.PublishedMACKeys(p.Body)...)
			}
		}
	}
	for i, text := range texts {
		if i == len(texts)-1 {
			result.early = append(result.early, result.published...)
		}
		from := len(n.Wire)
		result.before = append(result.before, bob.Clone(n.Clock))
		events, err := alice.Send([]byte(text), otr.TLV{Type: 0x536f, Value: []byte("a record")})
		if err != nil {
			t.Fatal(err)
		}
		alice.Do(events)
		result.bodies = append(result.bodies, alice.Packets[0].Body)
		n.Run()
		events, err = bob.Send([]byte("yes"))
		if err != nil {
			t.Fatal(err)
		}
		bob.Do(events)
		n.Run()
		collect(from)
	}
	from := len(n.Wire)
	bob.Do(bob.End())
	n.Run()
	collect(from)
	return result
}

func (r told) key(t *testing.T, body string) otr.MACKey {
	t.Helper()
	for _, k := range r.published {
		if k.Checks(body) {
			return k
		}
	}
	t.Fatal("the key of a message was not published")
	return otr.MACKey{}
}

// E-01: once a conversation has ended, whoever has read it can change every text of it, and it checks; the one who received it would have
// accepted it. Before the key is published nobody can.
func TestE01Forge(t *testing.T) {
	record := otr.TLV{Type: 0x536f, Value: []byte("a record")}
	r := tell(t, "I owe you 10 euro", "Meet me at six", "Yes", strings.Repeat("long ", 200)+"end")
	for i, body := range r.bodies {
		key := r.key(t, body)
		for _, instead := range []string{"I owe you 99 euro", "no", "", r.texts[i], r.texts[i] + "!", strings.Repeat("x", 150), "grüße, 我"} {
			forged, err := key.Forge(body, []byte(r.texts[i]), []byte(instead), record)
			if err != nil {
				t.Errorf("%q instead of %.20q: %v", instead, r.texts[i], err)
				continue
			}
			if !key.Checks(forged) || instead != r.texts[i] && forged == body {
				t.Errorf("%q instead of %.20q does not check", instead, r.texts[i])
			}
			if instead == "" {
				continue // nothing is shown
			}
			bob := r.before[i].Clone(otrtest.NewClock())
			shown := ""
			for _, e := range bob.Receive(forged) {
				if m, ok := e.(otr.Message); ok && m.Encrypted {
					shown += string(m.Text)
				}
			}
			if strings.TrimRight(shown, " ") != instead {
				t.Errorf("bob would have read %q, not %q", shown, instead)
			}
		}
	}
	// The keys that were public when the last text was accepted do not authenticate it, nor does any other.
	last := r.bodies[len(r.bodies)-1]
	if len(r.early) == 0 {
		t.Error("nothing was published in time to prove anything")
	}
	for _, key := range append(r.early, otr.MACKey{}, otr.MACKey{1}) {
		if key.Checks(last) {
			t.Error("a message was accepted under a key that was public")
		}
		forged, err := key.Forge(last, []byte(r.texts[len(r.texts)-1]), []byte("no"), record)
		if err != nil {
			t.Fatal(err)
		}
		if r.key(t, last).Checks(forged) {
			t.Error("who has not the key can forge")
		}
		bob := r.before[len(r.before)-1].Clone(otrtest.NewClock())
		for _, e := range bob.Receive(forged) {
			if m, ok := e.(otr.Message); ok {
				t.Errorf("bob would have read %q", m.Text)
			}
		}
	}
}

// What is not padded as ours can be changed only as far as it is known.
func TestForgeWhatIsKnown(t *testing.T) {
	n, alice, bob := otrtest.NewNetwork(otr.PolicyManual)
	alice.Config.Padding = 1
	alice.Do(alice.Start())
	n.Run()
	before := bob.Clone(n.Clock)
	events, err := alice.Send([]byte("at six"))
	if err != nil {
		t.Fatal(err)
	}
	body := events[0].(otr.Transmit).Body
	alice.Do(events)
	n.Run()
	from := len(n.Wire)
	bob.Do(bob.End())
	n.Run()
	var key otr.MACKey
	for _, p := range n.Wire[from:] {
		for _, k := range otr.PublishedMACKeys(p.Body) {
			key = k
		}
	}
	if !key.Checks(body) {
		t.Fatal("not published")
	}
	for _, instead := range []string{"at ten", "at 9", "no"} {
		forged, err := key.Forge(body, []byte("at six"), []byte(instead))
		if err != nil || !key.Checks(forged) {
			t.Errorf("%q: %v", instead, err)
		}
		for _, e := range before.Clone(otrtest.NewClock()).Receive(forged) {
			if m, ok := e.(otr.Message); ok && strings.TrimRight(string(m.Text), " ") != instead {
				t.Errorf("read %q, not %q", m.Text, instead)
			}
		}
	}
	for _, instead := range []string{"at seven", "a\x00b"} {
		if _, err := key.Forge(body, []byte("at six"), []byte(instead)); err != otr.ErrCannotForge {
			t.Errorf("%q: %v", instead, err)
		}
	}
}

func FuzzForge(f *testing.F) {
	for _, body := range []string{"", "hello", "?OTRv3?", "?OTR:AAMD", "?OTR:AAMDAAAAAQAAAAIAAAAAAQAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==."} {
		f.Add(body, []byte("text"), []byte("instead"))
	}
	f.Fuzz(func(t *testing.T, body string, text, instead []byte) {
		keys := append(otr.PublishedMACKeys(body), otr.MACKey{1})
		key := keys[0]
		forged, err := key.Forge(body, text, instead)
		if err != nil {
			return
		}
		if !key.Checks(forged) {
			t.Errorf("%q does not check", forged)
		}
		if again, err := key.Forge(forged, text, text); err == nil && bytes.Equal(text, instead) && again != forged {
			t.Error(fmt.Sprint("the same is something else: ", again))
		}
	})
}
