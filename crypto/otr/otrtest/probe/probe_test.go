package probe

import (
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr/otrtest/interop"
)

// An asker is one probe: the endpoint it asks, and the peer it asks with.
type asker struct {
	*peer
	end  *interop.Endpoint
	seen interop.Output // since the last command
}

// errProbe is what want panics with.
type errProbe struct{ string }

func (a *asker) want(ok bool, format string, args ...any) {
	if !ok {
		panic(errProbe{fmt.Sprintf(format, args...)})
	}
}

// do gives a command.
func (a *asker) do(words ...string) interop.Output {
	out, err := a.end.Do(words...)
	a.want(err == nil, "%v: %v", words[0], err)
	a.seen = out
	return out
}

// tell has the endpoint receive something, and returns the one message it answers with, or "".
func (a *asker) tell(wire string) string {
	out := a.do("recv", interop.Bytes(wire))
	if len(out.Wires) == 0 {
		return ""
	}
	return out.Wires[0]
}

// quiet has the endpoint receive something that is to have no answer and to show nothing.
func (a *asker) quiet(wire string) {
	out := a.do("recv", interop.Bytes(wire))
	a.want(len(out.Wires) == 0, "%.60q is answered by %.60q", wire, out.Wires)
	a.want(len(out.Messages) == 0, "%.60q is shown as %v", wire, out.Messages)
}

// shows says that the last thing received was shown in this way.
func (a *asker) shows(how, what string) {
	a.want(len(a.seen.Messages) == 1 && a.seen.Messages[0] == interop.Message{How: how, Text: what}, "shown: %v, want %s %q", a.seen.Messages, how, what)
}

func (a *asker) event(name string) interop.Record {
	e, ok := a.seen.Event(name)
	a.want(ok, "no event %s: %v", name, a.seen.Events)
	return e
}

func (a *asker) no(name string) {
	_, ok := a.seen.Event(name)
	a.want(!ok, "an event %s", name)
}

// status returns the status of the client that is asked with, or of the commitment to all.
func (a *asker) status() map[string]string {
	out := a.do("status")
	for _, s := range out.Status {
		if strings.HasSuffix(s.Fields["tags"], fmt.Sprintf(",%08x", a.tag)) {
			return s.Fields
		}
	}
	if len(out.Status) == 0 {
		return map[string]string{}
	}
	return out.Status[0].Fields
}

// query is what the endpoint takes up.
func (a *asker) query() string { return fmt.Sprintf("?OTRv%d?", a.version) }

// invite has the endpoint commit, so that we answer.
func (a *asker) invite() { a.takeCommit(a.tell(a.query())) }

// answered goes on until the endpoint has sent its Reveal Signature Message.
func (a *asker) answered() (reveal string) { a.invite(); return a.tell(a.dhKey()) }

// private makes a session in which the endpoint committed.
func (a *asker) private() {
	signature, err := a.signature(a.answered(), nil)
	a.want(err == nil, "%v", err)
	a.tell(signature)
	a.event("gone-secure")
}

// privateByUs makes a session in which we committed.
func (a *asker) privateByUs() {
	key := a.tell(a.commit())
	signature := a.tell(a.reveal(key, nil))
	a.event("gone-secure")
	a.want(a.finish(signature) == nil, "the signature is refused")
}

// hears says that the session works: a text from us arrives.
func (a *asker) hears() {
	a.tell(a.seal(text("are you there?")))
	a.shows("encrypted", "are you there?")
}

// says has the endpoint send a text, and reads it.
func (a *asker) says(s string) opened {
	out := a.do("send", interop.Bytes(s))
	a.want(len(out.Wires) == 1, "%d messages for one text: %v", len(out.Wires), out.Errors)
	o, err := a.open(out.Wires[0])
	a.want(err == nil && o.text == s, "%v, it says %q", err, o.text)
	return o
}

// reads reads a message of the endpoint.
func (a *asker) reads(wire string) opened {
	a.want(wire != "", "nothing was sent: %v", a.seen.Events)
	o, err := a.open(wire)
	a.want(err == nil, "%v", err)
	return o
}

func (a *asker) plainly(s string) { a.tell(s); a.shows("plain", s) }

// badNumbers are no elements of the group.
func badNumbers() []*big.Int {
	one := big.NewInt(1)
	return []*big.Int{new(big.Int), one, new(big.Int).Sub(prime, one), prime, new(big.Int).Add(prime, one), new(big.Int).Lsh(one, 1535+100)}
}

// programs are what TestMain builds.
var programs interop.Programs

func TestMain(m *testing.M) {
	code, err := interop.Build([]string{"ours", "libotr"}, func(p interop.Programs) int { programs = p; return m.Run() })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// ask runs a probe against a fresh endpoint and returns what is wrong.
func ask(t *testing.T, program string, p probe) (problem string) {
	policy := p.policy
	if policy == "" {
		policy = "v3"
	}
	args := []string{"--account", "alice", "--peer", "bob", "--key", filepath.Join(filepath.Dir(programs[program]), program+".key"),
		"--policy", policy, "--instag", "00001000"}
	if p.max != "" {
		args = append(args, "--max", p.max)
	}
	end, err := interop.Start(program, programs[program], args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r != nil {
			problem = fmt.Sprint(r)
		}
		if err := end.Close(); err != nil && problem == "" {
			problem = "it ended badly: " + err.Error()
		}
	}()
	version := byte(3)
	if strings.HasPrefix(policy, "v2") {
		version = 2
	}
	a := &asker{peer: newPeer(version), end: end}
	p.ask(a)
	if _, err := end.Do("status"); err != nil { // it is still there
		return fmt.Sprintf("no status afterwards: %v", err)
	}
	return ""
}

// TestProbes asks ours everything.
func TestProbes(t *testing.T) {
	names := map[string]bool{}
	passed := 0
	ask(t, "ours", probe{name: "a key is made", ask: func(a *asker) {}})
	t.Run("ours", func(t *testing.T) {
		for _, p := range probes {
			if names[p.name] {
				t.Errorf("two probes %s", p.name)
			}
			names[p.name] = true
			if problem := ask(t, "ours", p); problem != "" {
				t.Errorf("%s: %s", p.name, problem)
			} else {
				passed++
			}
		}
	})
	t.Logf("%d of %d probes", passed, len(probes))
	if len(probes) < 97 {
		t.Errorf("only %d probes", len(probes))
	}
}

// TestProbesThemselves asks libotr what both are known to answer alike, to see that the probes are right.
func TestProbesThemselves(t *testing.T) {
	ask(t, "libotr", probe{name: "a key is made", ask: func(a *asker) {}})
	asked := 0
	for _, p := range probes {
		if p.oursOnly {
			continue
		}
		asked++
		if problem := ask(t, "libotr", p); problem != "" {
			t.Errorf("%s: %s", p.name, problem)
		}
	}
	t.Logf("%d of %d probes are asked of both", asked, len(probes))
}

// A probe is one question. It panics if the answer is wrong.
type probe struct {
	name     string
	policy   string
	max      string
	oursOnly bool // there is more than one good answer, or a later one than libotr's
	ask      func(a *asker)
}

const tagBase = "\x20\x09\x20\x20\x09\x09\x09\x09\x20\x09\x20\x09\x20\x09\x20\x20"

const (
	tag1 = "\x20\x09\x20\x09\x20\x20\x09\x20"
	tag2 = "\x20\x20\x09\x09\x20\x20\x09\x20"
	tag3 = "\x20\x20\x09\x09\x20\x20\x09\x09"
	tag4 = "\x20\x20\x09\x09\x20\x09\x20\x20"
)

// fragments splits what we send.
func (a *asker) fragments(wire string, n int) []string {
	var all []string
	size := (len(wire) + n - 1) / n
	for k := 1; k <= n; k++ {
		piece := wire[(k-1)*size : min(len(wire), k*size)]
		if a.version == 3 {
			all = append(all, fmt.Sprintf("?OTR|%x|%x,%d,%d,%s,", a.tag, a.target, k, n, piece))
		} else {
			all = append(all, fmt.Sprintf("?OTR,%d,%d,%s,", k, n, piece))
		}
	}
	return all
}

// covered says how many of the messages that the endpoint accepted anybody can forge.
func (a *asker) covered() int {
	n := 0
	for _, m := range a.sent {
		if slices.ContainsFunc(a.revealed, func(k []byte) bool { return slices.Equal(mac1(k, m.authenticated), m.mac) }) {
			n++
		}
	}
	return n
}
