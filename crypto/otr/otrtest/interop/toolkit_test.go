package interop

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// These tests show transcripts of ours to the toolkit that comes with libotr (Debian's libotr5-bin), which forges and
// changes messages as anybody could who is given certain keys.

// tool runs one of the toolkit's programs. It fails if the program complains.
func tool(t *testing.T, stdin, name string, args ...string) (out string, ok bool) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("interop: %s is missing; on Debian: apt-get install libotr5-bin", name)
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = strings.NewReader(stdin + "\n")
	b, err := cmd.CombinedOutput()
	out = string(b)
	return out, err == nil && !strings.Contains(out, "does not verify") && !strings.Contains(out, "Invalid")
}

// fields returns the values of the "name: value" lines that a tool printed.
func fields(out string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(out) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ": "); found {
			values[strings.Join(strings.Fields(name), " ")] = value
		}
	}
	return values
}

// isData says whether wire is a whole data message, of either version.
func isData(wire string) bool {
	return strings.HasPrefix(wire, "?OTR:AAMD") || strings.HasPrefix(wire, "?OTR:AAID")
}

// revealed returns the MAC keys that a data message reveals, as the toolkit reads it.
func revealed(t *testing.T, wire string) []string {
	t.Helper()
	out, ok := tool(t, wire, "otr_parse")
	if !ok {
		t.Fatalf("otr_parse does not read %.60q: %s", wire, out)
	}
	var keys []string
	for name, value := range fields(out) {
		if strings.HasPrefix(name, "Key ") {
			keys = append(keys, value)
		}
	}
	slices.SortFunc(keys, func(x, y string) int { return strings.Index(out, x) - strings.Index(out, y) })
	return keys
}

// TestLibotrKeySchedule: from the private key of libotr's end and the public one of ours, the toolkit computes the keys of
// a session; with them it reads what both sides wrote, forges what ours then accepts, and makes our own message again.
func TestLibotrKeySchedule(t *testing.T) {
	a, b := talk(t, kinds[0])
	a.goPrivate()
	for turn := range 3 {
		a.says("hello")
		b.says("hello")

		keys, err := b.pair.Ends[b.end].Do("debug-keys")
		if err != nil {
			t.Fatal(err)
		}
		value := map[string]string{} // by name and whether it is the older of the two
		for _, k := range keys.Keys {
			if _, latest := value[k.Name]; latest {
				k.Name = "old " + k.Name
			}
			value[k.Name] = k.Fields["value"]
		}
		// What libotr sends next is under its older key and our latest one.
		session := sessionKeys(t, value["old our-x"], value["their-y"])

		out, err := b.pair.Ends[b.end].Do("send", Bytes("the truth"))
		if err != nil {
			t.Fatal(err)
		}
		wire := out.Wires[0]
		sending := session["Sending AES key"]
		if got, _ := tool(t, wire, "otr_readforge", sending); !strings.Contains(got, "``the truth''") {
			t.Fatalf("turn %d: otr_readforge reads %q", turn, got)
		}
		lie, ok := tool(t, wire, "otr_readforge", sending, "a lie")
		if !ok {
			t.Fatalf("turn %d: otr_readforge: %s", turn, lie)
		}
		lie = lie[strings.Index(lie, "?OTR:"):]
		a.pair.Clear()
		if err := a.pair.Do(a.end, "recv", Bytes(strings.TrimSpace(lie))); err != nil {
			t.Fatal(err)
		}
		if got := a.seen().Messages; !slices.Equal(got, []Message{{"encrypted", "a lie"}}) {
			t.Errorf("turn %d: ours shows %q", turn, got)
		}
		if mac, _ := tool(t, "", "otr_mackey", sending); fields(mac)["MAC key"] != session["Sending MAC key"] {
			t.Errorf("turn %d: otr_mackey and otr_sesskeys differ", turn)
		}
		// The genuine one has the same counter: it comes too late.
		a.pair.Clear()
		if err := a.pair.Do(a.end, "recv", Bytes(wire)); err != nil {
			t.Fatal(err)
		}
		if got := a.seen().Messages; len(got) != 0 {
			t.Errorf("turn %d: ours shows %q under a counter that was used", turn, got)
		}

		// The other direction: our answer is under the same two keys or, as libotr's key was acknowledged, its next.
		before := len(a.pair.Transcript)
		a.says("our own words")
		ours := a.pair.Transcript[before].Wire
		answer := sessionKeys(t, value["our-x"], value["their-y"])
		for _, s := range []map[string]string{session, answer} {
			if got, ok := tool(t, ours, "otr_readforge", s["Receiving AES key"]); ok {
				if !strings.Contains(got, "``our own words''") {
					t.Errorf("turn %d: otr_readforge reads %q of ours", turn, got)
				}
				checkRemac(t, ours, s["Receiving MAC key"])
				ours = ""
				break
			}
		}
		if ours != "" {
			t.Errorf("turn %d: no key of the toolkit's opens our message", turn)
		}
	}
}

func sessionKeys(t *testing.T, private, public string) map[string]string {
	t.Helper()
	out, ok := tool(t, "", "otr_sesskeys", private, public)
	if !ok {
		t.Fatalf("otr_sesskeys: %s", out)
	}
	return fields(out)
}

// checkRemac has otr_remac make a data message again from its parts: it must be the same.
func checkRemac(t *testing.T, wire, key string) {
	t.Helper()
	out, _ := tool(t, wire, "otr_parse")
	f := fields(out)
	keys := revealed(t, wire)
	again, ok := tool(t, "", "otr_remac", key, f["Sender instance"], f["Receiver instance"], f["Flags"], f["Sender keyid"],
		f["Rcpt keyid"], f["DH y"], f["Counter"], f["Encrypted message"], strings.Join(keys, ""))
	if !ok || strings.TrimSpace(again) != wire {
		t.Errorf("otr_remac makes %s of %s", again, wire)
	}
}

// TestParse: the toolkit finds every field of every message of ours.
func TestParse(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		a, b := talk(t, kind{"", [2]string{"ours", "ours"}, 0, version})
		a.goPrivate()
		a.says("hello")
		b.says("hello")
		a.startSMP("a question", "secret")
		b.do("smp-respond", Bytes("secret"))
		a.do("end")
		var lines []string
		for _, c := range a.pair.Transcript {
			lines = append(lines, c.Wire)
		}
		out, _ := tool(t, strings.Join(lines, "\n"), "otr_parse")
		for name, want := range map[string]int{
			"D-H Commit Message:":       1,
			"D-H Key Message:":          1,
			"Reveal Signature Message:": 1,
			"Signature Message:":        2, // the other one is the end of the line above
			"Data Message:":             2 + 4 + 1,
			"Invalid":                   0,
			"Version: 0" + version:      4 + 2 + 4 + 1,
		} {
			if got := strings.Count(out, name); got != want {
				t.Errorf("version %s: otr_parse finds %d of %q, want %d", version, got, name, want)
			}
		}
	}
}
