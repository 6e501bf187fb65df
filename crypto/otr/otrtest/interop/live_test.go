package interop

import (
	"strings"
	"testing"
)

// checkSame checks that both ends are in one session, of the version of their kind, and that it works both ways.
func checkSame(a, b party) {
	a.t.Helper()
	live := func(p party) Record {
		for _, status := range p.status().Status {
			if status.Fields["msgstate"] == "encrypted" {
				return status
			}
		}
		a.t.Fatalf("%s: has no session", p.name())
		return Record{}
	}
	atA, atB := live(a), live(b)
	if atA.Fields["ssid"] != atB.Fields["ssid"] || atA.Fields["version"] != a.kind.version || atB.Fields["version"] != a.kind.version {
		a.t.Fatalf("session %v at one end, %v at the other", atA, atB)
	}
	for range 3 {
		a.says("from one end")
		b.says("and from the other")
	}
}

// TestExtraKey: both ends have the same extra symmetric key, another one after each change of keys.
func TestExtraKey(t *testing.T) {
	eachOfOurs(t, func(t *testing.T, k kind) {
		a, b := talk(t, k)
		a.goPrivate()
		seen := map[string]bool{}
		use := func(p party, use, data string) (key string) {
			p.pair.Clear()
			p.do("symkey", use, Bytes(data))
			sent, received := p.expect("extra-key"), p.other().expect("extra-key")
			for name, want := range map[string]string{"key": sent.Fields["key"], "use": use, "data": Bytes(data)} {
				if got := received.Fields[name]; got != want || len(sent.Fields["key"]) != 64 {
					t.Errorf("%s of %s: %s has %s", name, sent, p.other().name(), got)
				}
			}
			if sent.Fields["dir"] != "send" || received.Fields["dir"] != "recv" {
				t.Errorf("directions %v and %v", sent, received)
			}
			if got := p.other().seen().Messages; len(got) != 0 {
				t.Errorf("%s: shows %q", p.other().name(), got)
			}
			return sent.Fields["key"]
		}
		for turn := range 3 {
			for _, p := range []party{a, b} { // each change of direction changes the keys
				key := use(p, "1", "data")
				if seen[key] {
					t.Errorf("turn %d: the key was had before", turn)
				}
				seen[key] = true
				if again := use(p, "4294967295", ""); again != key {
					t.Errorf("turn %d: two messages under the same keys have different extra keys", turn)
				}
				if again := use(p, "0", strings.Repeat("\x00\xff", 400)); again != key {
					t.Errorf("turn %d: two messages under the same keys have different extra keys", turn)
				}
			}
			a.says("in between")
			b.says("in between")
		}
		b.do("start") // and in the session after the next key exchange
		if key := use(a, "7", "again"); seen[key] {
			t.Error("the key is one of the session before")
		}
	})
}

// TestCrash: one end loses everything but its key while a private conversation is on. What is sent to it is not shown, and
// a new conversation comes about, whoever starts it.
func TestCrash(t *testing.T) {
	eachOfOurs(t, func(t *testing.T, k kind) {
		for n, starter := range []int{0, 1, 1, 0} {
			a, b := talk(t, k)
			a.goPrivate()
			a.says("before")
			b.says("before")
			crashed := []party{a, b}[n/2]
			a.pair.Ends[crashed.end].Kill()
			again, err := k.start(crashed.end, crashed.name(), k.policy())
			if err != nil {
				t.Fatal(err)
			}
			a.pair.Ends[crashed.end] = again

			a.pair.Clear()
			if err := a.pair.Do(crashed.other().end, "send", Bytes("lost")); err != nil {
				t.Fatal(err)
			}
			if got := crashed.seen().Messages; len(got) != 0 {
				t.Errorf("%s: shows %q after it has lost its keys", crashed.name(), got)
			}
			if k.ends[crashed.end] == "ours" { // libotr sometimes says nothing
				crashed.expect("rcvd-not-in-private")
			}

			a.pair.Clear()
			[]party{a, b}[starter].do("start")
			checkSame(a, b)
			count.sessions++
		}
	})
}

// TestQueriesInSession: queries that anybody can inject into a live conversation neither end it nor change its version.
func TestQueriesInSession(t *testing.T) {
	queries := []string{"?OTRv2?", "?OTRv3?", "?OTR?v23?", "?OTR?", "?OTRv?", "?OTRv4x?"}
	eachOfOurs(t, func(t *testing.T, k kind) {
		for end := range 2 {
			a, b := talk(t, k)
			a.goPrivate()
			victim := []party{a, b}[end]
			for _, query := range queries {
				victim.do("recv", Bytes(query))
				checkSame(a, b)
			}
		}
	})
}

// TestNoFallback: both ends would speak either version. They speak the higher one, and a query for the lower one in the
// live conversation, though anybody can send it, does not take ours there.
func TestNoFallback(t *testing.T) {
	for _, k := range kinds {
		if !k.main() {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			a, b := talk(t, k, "v2,v3", "v2,v3")
			a.goPrivate()
			checkSame(a, b)
			ours := a
			if k.ends[1] == "ours" {
				ours = b
			}
			for _, query := range []string{"?OTRv2?", "?OTR?v2?"} {
				a.pair.Clear()
				ours.do("recv", Bytes(query))
				ours.expectNot("gone-secure")
				checkSame(a, b)
			}
		})
	}
}

// TestVersion2IsOffered: an offer of version 2 alone is not taken up unless the policy allows it.
func TestVersion2IsOffered(t *testing.T) {
	for _, program := range []string{"libotr", "xcrypto", "ours"} {
		for _, policy := range []string{"manual", "opportunistic", "always", "v3,sendtag,starttag"} {
			k := kind{"", [2]string{"ours", program}, 0, "2"}
			a, b := talk(t, k, policy, "v2,sendtag,starttag")
			before := len(a.pair.Transcript)
			b.do("start")
			if program == "libotr" { // by whitespace tag too
				b.do("send", Bytes("hello"))
			}
			for _, c := range a.pair.Transcript[before:] {
				if c.From == a.end {
					t.Errorf("%s: ours answers %s with %q", policy, program, c.Wire)
				}
			}
			a.checkState("plaintext")
			b.checkState("plaintext")
		}
	}
}

// eachOfOurs is each without libotr among itself.
func eachOfOurs(t *testing.T, test func(t *testing.T, k kind)) {
	each(t, func(t *testing.T, k kind) {
		if k.ends == [2]string{"libotr", "libotr"} {
			t.Skip("only where one end is ours")
		}
		test(t, k)
	})
}
