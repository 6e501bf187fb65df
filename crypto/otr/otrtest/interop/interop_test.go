package interop

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Sessions with libotr that TestInterop holds: SOTTO_INTEROP_SESSIONS, or these.
const fewSessions = 8

// count is what was done so far, for the log.
var count struct{ sessions, messages, smp int }

// programs are the endpoints that TestMain builds, and keys is where their keys are, the same for the whole run.
var (
	programs Programs
	keys     string
)

func TestMain(m *testing.M) {
	code, err := Build([]string{"libotr", "ours", "xcrypto"}, func(p Programs) int {
		programs, keys = p, filepath.Dir(p["ours"])
		return m.Run()
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// tags are the instance tags of the two ends.
var tags = [2]string{"0a000100", "fffffff0"}

// A kind of conversation: who plays which part, in which version, and how long a message may be.
type kind struct {
	name    string
	ends    [2]string
	max     int
	version string
}

var kinds = []kind{
	{"ours with libotr", [2]string{"ours", "libotr"}, 0, "3"},
	{"libotr with ours", [2]string{"libotr", "ours"}, 0, "3"},
	{"ours with libotr in fragments", [2]string{"ours", "libotr"}, 200, "3"},
	{"libotr with ours in fragments", [2]string{"libotr", "ours"}, 200, "3"},
	{"ours with libotr in version 2", [2]string{"ours", "libotr"}, 0, "2"},
	{"libotr with ours in version 2", [2]string{"libotr", "ours"}, 0, "2"},
	{"ours with libotr in version 2 and fragments", [2]string{"ours", "libotr"}, 200, "2"},
	{"libotr with ours in version 2 and fragments", [2]string{"libotr", "ours"}, 200, "2"},
	{"ours with ours", [2]string{"ours", "ours"}, 0, "3"},
	{"ours with ours in version 2 and fragments", [2]string{"ours", "ours"}, 200, "2"},
	{"libotr with libotr", [2]string{"libotr", "libotr"}, 0, "3"}, // so that a mistake of the harness shows as such
}

// sizes are the limits that sessions in fragments have by turns.
var sizes = []int{140, 200, 333, 576, 1000, 1452, 4000}

// withLibotr says whether k is between ours and libotr.
func (k kind) withLibotr() bool { return k.ends[0] != k.ends[1] }

// main says whether k is ours with libotr, without more. Costly tests are whole only there.
func (k kind) main() bool { return k.withLibotr() && k.max == 0 && k.version == "3" }

// policy is a list that allows the version of k, and more.
func (k kind) policy(more ...string) string {
	return strings.Join(append([]string{"v" + k.version}, more...), ",")
}

// query asks for the version of k.
func (k kind) query() string { return "?OTRv" + k.version + "?" }

// tag is what an end of k says its instance tag to be.
func (k kind) tag(end int) string {
	if k.version == "2" {
		return "00000000"
	}
	return tags[end]
}

// a party is one end with what the tests say to it.
type party struct {
	t    *testing.T
	kind kind
	pair *Pair
	end  int
}

// talk starts the two ends of k under the given policies.
func talk(t *testing.T, k kind, policies ...string) (a, b party) {
	t.Helper()
	pair := new(Pair)
	names := [2]string{"alice", "bob"}
	for i, program := range k.ends {
		policy := k.policy()
		if len(policies) > 0 {
			policy = policies[i]
		}
		end, err := k.start(i, names[i]+" ("+program+")", policy)
		if err != nil {
			t.Fatal(err)
		}
		pair.Ends[i] = end
	}
	t.Cleanup(func() {
		if err := pair.Close(); err != nil {
			t.Errorf("an endpoint did not end well: %v", err)
		}
		pair.checkSizes(t, k.max)
	})
	return party{t, k, pair, 0}, party{t, k, pair, 1}
}

// start runs the program of an end of k.
func (k kind) start(end int, name, policy string) (*Endpoint, error) {
	names := [2]string{"alice", "bob"}
	program := k.ends[end]
	return Start(name, programs[program], "--account", names[end], "--peer", names[1-end],
		"--key", filepath.Join(keys, names[end]+"."+program),
		"--policy", policy, "--max", strconv.Itoa(k.max), "--instag", tags[end])
}

// checkSizes: nothing our end sent is longer than the network carries.
func (p *Pair) checkSizes(t *testing.T, max int) {
	for _, c := range p.Transcript {
		if !strings.Contains(p.Ends[c.From].Name, "ours") || strings.HasPrefix(c.Wire, "?OTRv") {
			continue
		}
		if max > 0 && len(c.Wire) > max {
			t.Errorf("a message of %d bytes was sent where %d are the limit: %.40q", len(c.Wire), max, c.Wire)
		}
	}
}

// do gives a command that must not fail.
func (p party) do(words ...string) {
	p.t.Helper()
	if err := p.pair.Do(p.end, words...); err != nil {
		p.t.Fatal(err)
	}
	if failed := p.seen().Errors; len(failed) > 0 {
		p.t.Fatalf("%s: %q: %v", p.pair.Ends[p.end].Name, words, failed)
	}
}

func (p party) seen() *Output { return &p.pair.Seen[p.end] }

func (p party) other() party { return party{p.t, p.kind, p.pair, 1 - p.end} }

func (p party) name() string { return p.pair.Ends[p.end].Name }

// expect checks that p saw an event and returns it.
func (p party) expect(name string) Record {
	p.t.Helper()
	event, ok := p.seen().Event(name)
	if !ok {
		p.t.Errorf("%s: no event %s but %v", p.name(), name, p.seen().Events)
	}
	return event
}

// expectNot checks that p did not see an event.
func (p party) expectNot(name string) {
	p.t.Helper()
	if event, ok := p.seen().Event(name); ok {
		p.t.Errorf("%s: unexpected event %v", p.name(), event)
	}
}

// says sends a text and checks that the other end shows it, encrypted and nothing else.
func (p party) says(text string) {
	p.t.Helper()
	p.pair.Clear()
	p.do("send", Bytes(text))
	if got, want := p.other().seen().Messages, []Message{{"encrypted", text}}; !slices.Equal(got, want) {
		p.t.Errorf("%s: shows %.200q, want %.200q", p.other().name(), got, want)
	}
	if got := p.seen().Messages; len(got) != 0 {
		p.t.Errorf("%s: shows %.200q after it sent something", p.name(), got)
	}
	count.messages++
}

// goPrivate lets p ask for a private conversation and checks that both ends are in the same.
func (p party) goPrivate() {
	p.t.Helper()
	p.pair.Clear()
	p.do("start")
	checkPrivate(p, p.other())
}

func checkPrivate(a, b party) {
	a.t.Helper()
	atA, atB := a.expect("gone-secure"), b.expect("gone-secure")
	if atA.Fields["ssid"] != atB.Fields["ssid"] || len(atA.Fields["ssid"]) != 16 {
		a.t.Errorf("session %v at one end, %v at the other", atA, atB)
	}
	if atA.Fields["bold"] == atB.Fields["bold"] {
		a.t.Errorf("both ends show the %s half of the session id in bold", atA.Fields["bold"])
	}
	for _, at := range []Record{atA, atB} {
		if at.Fields["version"] != a.kind.version {
			a.t.Errorf("version %s", at.Fields["version"])
		}
	}
	if atA.Fields["theirtag"] != a.kind.tag(b.end) || atB.Fields["theirtag"] != a.kind.tag(a.end) {
		a.t.Errorf("instance tags %s and %s", atA.Fields["theirtag"], atB.Fields["theirtag"])
	}
	printsA, printsB := a.status().Prints, b.status().Prints
	if printsA[0] != printsB[1] || printsA[1] != printsB[0] || len(printsA[0]) != 40 || printsA[0] == printsB[0] {
		a.t.Errorf("fingerprints %v and %v", printsA, printsB)
	}
	if a.t.Failed() {
		a.t.FailNow() // there is nothing to be said in it
	}
	count.sessions++
}

// status asks p for its status, without a trace in what it has seen.
func (p party) status() Output {
	p.t.Helper()
	out, err := p.pair.Ends[p.end].Do("status")
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// checkState checks the state of the one instance that is not plaintext; "plaintext" means that there is none.
func (p party) checkState(want string) {
	p.t.Helper()
	got := "plaintext"
	for _, status := range p.status().Status {
		if s := status.Fields["msgstate"]; s != "plaintext" {
			got = s
		}
	}
	if got != want {
		p.t.Errorf("%s: is %s, want %s", p.name(), got, want)
	}
}

var texts = []string{
	"a",
	"Good morning. Is the line private now?",
	"Доброе утро, как дела?",
	"早上好，今天见面吗？",
	"صباح الخير، هل نحن وحدنا؟",
	"שלום, מה שלומך?",
	"สวัสดีตอนเช้า",
	"Zoë ate naïve façade: e\u0301 and \u00e9",
	"👩‍👩‍👧‍👦 🏳️‍🌈 🔒",
	"two\nlines\r\nand a third",
	" \t spaces at both ends \t ",
	"<b>not bold</b> &amp; \"quoted\" 'so'",
	"?OTR is what this is about",
	"what is ?OTRv3? anyway",
	"?OTR:AAMD is how it looks.",
	"?OTR,1,1,not a piece,",
	"?OTR Error: only quoted",
	"a,b|c:d.",
	strings.Repeat("long ", 1000),
	strings.Repeat("長", 700),
}

// text returns one of texts that p can send: libotr takes a typed query for one, and sends it as such.
func (p party) text(i int) string {
	text := texts[i%len(texts)]
	if strings.Contains(p.name(), "libotr") {
		text = strings.ReplaceAll(text, "?OTRv3?", "?OTR v3?")
	}
	return text
}

func each(t *testing.T, test func(t *testing.T, k kind)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { test(t, k) })
	}
}

// eachWhole leaves out the kinds in fragments, and libotr with itself.
func eachWhole(t *testing.T, test func(t *testing.T, k kind)) {
	each(t, func(t *testing.T, k kind) {
		if k.max == 0 && k.ends != [2]string{"libotr", "libotr"} {
			test(t, k)
		}
	})
}

// TestInterop: a private conversation by query, started from either end, 50 messages from each in both patterns (in
// turns, where keys change with each, and many in a row, where they do not), and its end from either end.
func TestInterop(t *testing.T) {
	sessions := sessions(t)
	for i, k := range kinds {
		rounds := (sessions + 7) / 8 // eight kinds are with libotr
		if !k.withLibotr() {
			rounds = 1
		}
		for n := range rounds {
			if k.max > 0 {
				k.max = sizes[(i/2+n)%len(sizes)]
			}
			t.Run(fmt.Sprint(k.name, " ", n), func(t *testing.T) { holdConversation(t, k, n) })
		}
	}
	t.Logf("%d sessions, %d messages, %d runs of SMP", count.sessions, count.messages, count.smp)
}

// sessions returns how many sessions are asked for.
func sessions(t *testing.T) int {
	t.Helper()
	asked := os.Getenv("SOTTO_INTEROP_SESSIONS")
	if asked == "" {
		return fewSessions
	}
	n, err := strconv.Atoi(asked)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func holdConversation(t *testing.T, k kind, n int) {
	a, b := talk(t, k, k.policy("sendtag"), k.policy("starttag"))
	ends := []party{a, b}
	starter, ender := ends[n%2], ends[(n+n/2)%2]
	if n%5 == 4 && k.max == 0 {
		a.do("send", Bytes("by whitespace tag"))
		checkPrivate(a, b)
	} else {
		starter.goPrivate()
	}
	for i := range 25 {
		a.says(a.text(i))
		b.says(b.text(i + 7))
	}
	for i := range 25 {
		a.says(fmt.Sprint("in a row ", i))
	}
	for i := range 25 {
		b.says(fmt.Sprint("in a row ", i))
	}
	switch n % 8 { // not in the short form: TestSMP does this and more
	case 3:
		starter.verify("", "secret", "secret", "smp-success")
	case 5:
		starter.verify("谁？", "secret", "other", "smp-failure")
	case 7:
		ender.verify("谁？", "ответ", "ответ", "smp-success")
	}
	a.checkState("encrypted")
	b.checkState("encrypted")

	checkEnd(ender)
}

// checkEnd: a party ends the conversation, and the other one is told.
func checkEnd(ender party) {
	ender.t.Helper()
	ender.pair.Clear()
	ender.do("end")
	ender.other().expect("gone-insecure")
	ender.checkState("plaintext")
	ender.other().checkState("finished")
	checkFinished(ender.other())
}

// checkFinished: what the user of a finished conversation types goes nowhere until they end it too.
func checkFinished(p party) {
	p.t.Helper()
	p.pair.Clear()
	before := len(p.pair.Transcript)
	if err := p.pair.Do(p.end, "send", Bytes("must not be sent")); err != nil {
		p.t.Fatal(err)
	}
	if len(p.pair.Transcript) != before {
		p.t.Errorf("%s: sends %v after the other end has ended the conversation", p.name(), p.pair.Transcript[before:])
	}
	p.expect("connection-ended")
	p.pair.Clear()
	p.do("end")
	p.checkState("plaintext")
}

// TestWhitespaceTag: the first text in the clear carries the offer, and is shown without it.
func TestWhitespaceTag(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if k.max != 0 {
			t.Skip("the tag is part of a text, and texts in the clear are not cut into pieces")
		}
		a, b := talk(t, k, k.policy("sendtag"), k.policy("starttag"))
		a.do("send", Bytes("hello there"))
		if got, want := b.seen().Messages, []Message{{"plain", "hello there"}}; !slices.Equal(got, want) {
			t.Errorf("shown: %q", got)
		}
		checkPrivate(a, b)
		a.says("private now")
		b.says("indeed")
	})
}

// TestNoAnswerToTag: who does not want to start by a tag does not, and plain texts are only that.
func TestNoAnswerToTag(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if k.max != 0 {
			t.Skip("the tag is part of a text, and texts in the clear are not cut into pieces")
		}
		a, b := talk(t, k, k.policy("sendtag"), k.policy())
		a.do("send", Bytes("hello there"))
		b.do("send", Bytes("and to you"))
		a.do("send", Bytes("no tag any more"))
		if last := a.pair.Transcript[len(a.pair.Transcript)-1]; last.Wire != "no tag any more" {
			t.Errorf("sent after a plain answer: %q", last.Wire)
		}
		for p, want := range map[party][]Message{
			a: {{"plain", "and to you"}},
			b: {{"plain", "hello there"}, {"plain", "no tag any more"}},
		} {
			if got := p.seen().Messages; !slices.Equal(got, want) {
				t.Errorf("%s: shows %q", p.name(), got)
			}
			p.expectNot("gone-secure")
		}
	})
}

// TestRequire: what is typed before the private conversation does not leave in the clear.
func TestRequire(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if k.ends[0] == "libotr" && k.max != 0 {
			t.Skip("libotr cuts this query into pieces")
		}
		a, b := talk(t, k, k.policy("require"), k.policy())
		if err := a.pair.Do(a.end, "send", Bytes("between us")); err != nil {
			t.Fatal(err)
		}
		a.expect("encryption-required")
		checkPrivate(a, b)
		for _, c := range a.pair.Transcript {
			if strings.Contains(c.Wire, "between us") {
				t.Errorf("sent in the clear: %q", c.Wire)
			}
		}
		a.says("now")
	})
}

// TestWaitingTexts: what was typed before the private conversation is sent in it, in order, and with one query.
func TestWaitingTexts(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if k.ends[0] != "ours" {
			t.Skip("libotr keeps only the last text")
		}
		a, b := talk(t, k, k.policy("require"), k.policy())
		var queries []string
		for _, text := range []string{"one", "two", "three"} {
			out, err := a.pair.Ends[a.end].Do("send", Bytes(text))
			if err != nil {
				t.Fatal(err)
			}
			queries = append(queries, out.Wires...)
		}
		if len(queries) != 1 || !strings.HasPrefix(queries[0], k.query()) {
			t.Fatalf("sent for three texts: %q", queries)
		}
		b.do("recv", Bytes(queries[0]))
		checkPrivate(a, b)
		if got, want := b.seen().Messages, []Message{{"encrypted", "one"}, {"encrypted", "two"}, {"encrypted", "three"}}; !slices.Equal(got, want) {
			t.Errorf("shown: %q", got)
		}
	})
}

// TestWaitingForAnother: a text that was meant for one key is not sent to another.
func TestWaitingForAnother(t *testing.T) {
	a, b := talk(t, kinds[0], "v3,require", "v3")
	a.goPrivate()
	b.do("end")
	a.do("end")
	if err := a.pair.Ends[b.end].Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.pair.Ends[a.end].Do("send", Bytes("for bob only")); err != nil {
		t.Fatal(err)
	}
	stranger, err := Start("stranger (libotr)", programs["libotr"], "--account", "bob", "--peer", "alice",
		"--key", filepath.Join(keys, "stranger.libotr"), "--policy", "v3", "--instag", "0000bad0")
	if err != nil {
		t.Fatal(err)
	}
	a.pair.Ends[b.end] = stranger
	a.pair.Clear()
	b.do("start")
	a.expect("gone-secure")
	if got := b.seen().Messages; len(got) != 0 {
		t.Errorf("the stranger sees %q", got)
	}
}

// TestCrossingCommits: both users ask at once, and there is a session nevertheless, whichever commitment has the higher
// hash.
func TestCrossingCommits(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if k.ends[0] == "libotr" && k.ends[1] == "libotr" {
			t.Skip("only where one end is ours")
		}
		crossCommits(t, k)
	})
}

// crossCommits does it until each end has had the higher hash twice.
func crossCommits(t *testing.T, k kind) {
	var wins [2]int
	for tries := 0; min(wins[0], wins[1]) < 2; tries++ {
		if tries == 64 {
			t.Fatalf("a hash was the higher one %d times", wins)
		}
		a, b := talk(t, k)
		var commits [2]Output
		for i, p := range []party{a, b} {
			var err error
			if commits[i], err = p.pair.Ends[i].Do("recv", Bytes(k.query())); err != nil {
				t.Fatal(err)
			}
		}
		a.pair.Clear()
		queue := a.pair.took(1, commits[1], a.pair.took(0, commits[0], nil))
		if err := a.pair.carry(queue); err != nil {
			t.Fatal(err)
		}
		checkSame(a, b)
		count.sessions++
		if bytes.Compare(commitHash(t, commits[0]), commitHash(t, commits[1])) > 0 {
			wins[0]++
		} else {
			wins[1]++
		}
	}
}

// commitHash returns the hash in a D-H Commit Message, which is the end of it.
func commitHash(t *testing.T, commit Output) []byte {
	t.Helper()
	var whole string
	for _, wire := range commit.Wires {
		if columns := strings.Split(wire, ","); len(columns) > 3 {
			wire = columns[len(columns)-2] // what a fragment holds
		}
		whole += wire
	}
	message, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(whole, "?OTR:"), "."))
	if err != nil || len(message) < 32 {
		t.Fatalf("no D-H Commit Message: %q", commit.Wires)
	}
	return message[len(message)-32:]
}

// TestRefresh: a new key exchange in a live conversation, from either end.
func TestRefresh(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		a, b := talk(t, k)
		a.goPrivate()
		for _, p := range []party{a, b, b, a} {
			a.says("before")
			b.says("before")
			first := a.status().Status
			a.pair.Clear()
			p.do("start")
			for _, q := range []party{a, b} {
				if _, ok := q.seen().Event("still-secure"); !ok {
					q.expect("gone-secure")
				}
				q.checkState("encrypted")
			}
			if slices.EqualFunc(first, a.status().Status, func(s, t Record) bool { return s.Fields["ssid"] == t.Fields["ssid"] }) {
				t.Errorf("%s: the session is the same after a refresh", a.name())
			}
			a.says("after")
			b.says("after")
			count.sessions++
		}
	})
}

// TestClearTextWarns: a text in the clear in a private conversation is shown as such.
func TestClearTextWarns(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		a, b := talk(t, k)
		a.goPrivate()
		a.pair.Clear()
		b.do("recv", Bytes("who wrote this?"))
		if got, want := b.seen().Messages, []Message{{"plain-unexpected", "who wrote this?"}}; !slices.Equal(got, want) {
			t.Errorf("shown: %q", got)
		}
		b.expect("rcvd-unencrypted")
		b.checkState("encrypted")
		a.says("still here")
	})
}

// TestHeartbeat: who only reads sends an empty message after a minute, so that keys go on changing.
func TestHeartbeat(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		a, b := talk(t, k)
		a.goPrivate()
		a.says("one")
		b.expectNot("heartbeat-sent")
		b.do("clock", "70")
		a.says("two")
		b.expect("heartbeat-sent")
		a.expect("heartbeat-rcvd")
		a.says("three")
		b.expectNot("heartbeat-sent")
		b.says("four")
	})
}

// TestOtherInstance: what is meant for another client of ours is left alone.
func TestOtherInstance(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if k.version == "2" {
			t.Skip("version 2 has no instance tags")
		}
		a, b := talk(t, k)
		a.goPrivate()
		out, err := a.pair.Ends[0].Do("send", Bytes("to another"))
		if err != nil {
			t.Fatal(err)
		}
		third, err := Start("third", programs["ours"], "--account", "bob", "--peer", "alice",
			"--key", filepath.Join(keys, "third"), "--policy", "v3", "--instag", "00000bad")
		if err != nil {
			t.Fatal(err)
		}
		defer third.Close()
		for _, wire := range out.Wires {
			got, err := third.Do("recv", Bytes(wire))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Messages) != 0 || len(got.Wires) != 0 {
				t.Errorf("a message for another client leads to %+v", got)
			}
			if _, ok := got.Event("rcvd-other-instance"); !ok {
				t.Errorf("no event rcvd-other-instance but %v", got.Events)
			}
			a.pair.Clear()
			b.do("recv", Bytes(wire))
		}
		if got, want := b.seen().Messages, []Message{{"encrypted", "to another"}}; !slices.Equal(got, want) {
			t.Errorf("shown: %q", got)
		}
	})
}

// TestSMP runs the Socialist Millionaires' Protocol every way round.
func TestSMP(t *testing.T) {
	runs := []struct {
		name, question, secret, answer string
		outcome                        string
	}{
		{"the same secret", "", "correct horse", "correct horse", "smp-success"},
		{"other secret", "", "correct horse", "battery staple", "smp-failure"},
		{"the right answer", "Where did we meet? 在哪里？", "Kraków", "Kraków", "smp-success"},
		{"a wrong answer", "Where did we meet?", "Kraków", "Krakow", "smp-failure"},
		{"no secret at all", "", "", "", "smp-success"},
		{"a long secret", "", strings.Repeat("x", 3000), strings.Repeat("x", 3000), "smp-success"},
	}
	each(t, func(t *testing.T, k kind) {
		a, b := talk(t, k)
		a.goPrivate()
		for end, p := range []party{a, b} {
			for i, run := range runs {
				if !k.main() && i != 2-end { // elsewhere the right answer to a question, and another secret
					continue
				}
				p.verify(run.question, run.secret, run.answer, run.outcome)
				p.says("after " + run.name)
				p.other().says("indeed")
			}
		}
	})
	t.Logf("%d runs of SMP", count.smp)
}

// verify runs SMP and checks that both ends see the same outcome.
func (p party) verify(question, secret, answer, outcome string) {
	p.t.Helper()
	p.pair.Clear()
	p.startSMP(question, secret)
	p.other().do("smp-respond", Bytes(answer))
	for _, q := range []party{p, p.other()} {
		if pct := q.expect(outcome).Fields["pct"]; pct != "100" {
			p.t.Errorf("%s: %s at %s %%", q.name(), outcome, pct)
		}
	}
	count.smp++
}

// startSMP starts SMP and checks that the other end's user is asked.
func (p party) startSMP(question, secret string) {
	p.t.Helper()
	if question == "" {
		p.do("smp-start", Bytes(secret))
		p.other().expect("smp-ask-secret")
		return
	}
	p.do("smp-start", Bytes(secret), Bytes(question))
	if got := p.other().expect("smp-ask-answer").Fields["question"]; got != Bytes(question) {
		p.t.Errorf("%s: asks %s", p.other().name(), got)
	}
}

// TestSMPAbort: either user gives up, and the next run is not spoiled by it.
func TestSMPAbort(t *testing.T) {
	eachWhole(t, func(t *testing.T, k kind) {
		a, b := talk(t, k)
		a.goPrivate()
		for _, starter := range []party{a, b} {
			for _, quitter := range []party{a, b} {
				a.pair.Clear()
				starter.startSMP("", "secret")
				quitter.do("smp-abort")
				quitter.other().expect("smp-abort")
				for _, p := range []party{a, b} {
					p.expectNot("smp-success")
					p.expectNot("smp-failure")
				}
			}
			starter.verify("", "secret", "secret", "smp-success")
		}
	})
}

// TestSMPBothStart: both users begin at once. Neither run is brought to an end, and the next one is.
func TestSMPBothStart(t *testing.T) {
	eachWhole(t, func(t *testing.T, k kind) {
		a, b := talk(t, k)
		a.goPrivate()
		a.pair.Clear()
		var queue []Carried
		for _, p := range []party{a, b} {
			out, err := p.pair.Ends[p.end].Do("smp-start", Bytes("secret"))
			if err != nil {
				t.Fatal(err)
			}
			queue = p.pair.took(p.end, out, queue)
		}
		if err := a.pair.carry(queue); err != nil {
			t.Fatal(err)
		}
		for _, p := range []party{a, b} {
			p.expectNot("smp-success")
			p.expectNot("smp-failure")
		}
		a.verify("", "secret", "secret", "smp-success")
		b.verify("", "secret", "other", "smp-failure")
	})
}

// TestSMPStartAgain: our user begins again before the other has answered. The answer to the first question counts for
// nothing.
func TestSMPStartAgain(t *testing.T) {
	eachWhole(t, func(t *testing.T, k kind) {
		if k.ends[0] != "ours" {
			t.Skip("what ours does")
		}
		a, b := talk(t, k)
		a.goPrivate()
		a.pair.Clear()
		a.startSMP("first?", "first")
		b.pair.Clear()
		a.startSMP("second?", "second")
		b.expect("smp-abort")
		b.do("smp-respond", Bytes("second"))
		a.expect("smp-success")
		b.expect("smp-success")
		count.smp++
	})
}

// TestSMPEnds: the conversation ends while the other's user is asked. The next one is not troubled by it.
func TestSMPEnds(t *testing.T) {
	eachWhole(t, func(t *testing.T, k kind) {
		a, b := talk(t, k)
		a.goPrivate()
		for _, ender := range []party{a, b} {
			a.pair.Clear()
			a.startSMP("", "secret")
			ender.do("end")
			if err := b.pair.Do(b.end, "smp-respond", Bytes("secret")); err != nil {
				t.Fatal(err)
			}
			if len(b.seen().Errors) == 0 {
				t.Errorf("%s: answers a request of a conversation that is over", b.name())
			}
			a.pair.Clear()
			ender.other().do("end")
			b.goPrivate()
		}
		a.verify("", "secret", "secret", "smp-success")
	})
}

// TestTrust: a success verifies both to each other, but with a question only whoever answered it.
func TestTrust(t *testing.T) {
	for _, k := range kinds {
		if !k.main() {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			a, b := talk(t, k)
			a.goPrivate()
			trusts := func(p party) string {
				for _, status := range p.status().Status {
					if status.Fields["msgstate"] == "encrypted" {
						return status.Fields["trust"]
					}
				}
				return "no session"
			}
			a.verify("who?", "me", "me", "smp-success")
			if trusts(a) != "smp" || trusts(b) != "-" {
				t.Errorf("who asked trusts: %s; who answered: %s", trusts(a), trusts(b))
			}
			b.verify("", "secret", "secret", "smp-success")
			if trusts(a) != "smp" || trusts(b) != "smp" {
				t.Errorf("after a shared secret: %s, %s", trusts(a), trusts(b))
			}
		})
	}
}

// TestUnknownTLV: records of types to come are passed over, and texts beside them are not lost.
func TestUnknownTLV(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		a, b := talk(t, k)
		a.goPrivate()
		for _, p := range []party{a, b} {
			for _, kind := range []string{"0", "9", "256", "65535"} {
				p.pair.Clear()
				p.do("tlv", kind, Bytes("anything"), Bytes("text beside type "+kind))
				if got, want := p.other().seen().Messages, []Message{{"encrypted", "text beside type " + kind}}; !slices.Equal(got, want) {
					t.Errorf("shown: %q", got)
				}
			}
		}
		a.says("still here")
		b.says("so am I")
	})
}
