package probe

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/sotto-im/sotto/crypto/otr/internal/smp"
	"github.com/sotto-im/sotto/crypto/otr/otrtest/interop"
)

// probes are all questions, by subject: T types, M messages, D derivation, K keys, N negotiation, P policies, I instances, F
// fragments, A key exchange, S message states, X data messages, V records, SMP, E extra key, H heartbeat, R errors.
var probes = slices.Concat(encodings, negotiation, instances, fragmentation, exchanges, sessions, secretsCompared, rest)

var form = regexp.MustCompile(`^\?OTR:[A-Za-z0-9+/]+={0,2}\.$`)

var encodings = []probe{
	{name: "T1 a leading zero in an MPI is refused or worked with", ask: func(a *asker) {
		a.invite()
		reveal := a.tell(encode(join(a.header(10, a.target), data(append([]byte{0}, a.own.y.Bytes()...)))))
		if reveal == "" {
			reveal = a.tell(a.dhKey())
		}
		signature, err := a.signature(reveal, nil)
		a.want(err == nil, "%v", err)
		a.tell(signature)
		a.hears()
	}},
	{name: "T2 form of an encoded message", ask: func(a *asker) {
		a.want(form.MatchString(a.tell(a.query())), "%.40q", a.seen.Wires)
		a.private()
		a.want(form.MatchString(a.do("send", interop.Bytes("x")).Wires[0]), "%.40q", a.seen.Wires)
	}},
	{name: "T3 words around a message", ask: func(a *asker) {
		a.private()
		a.tell("hey " + a.seal(text("hello")) + " you")
		a.want(slices.Contains(a.seen.Messages, interop.Message{How: "encrypted", Text: "hello"}), "%v", a.seen.Messages)
	}},
	{name: "T3 a line feed after a message", ask: func(a *asker) { a.private(); a.tell(a.seal(text("hello")) + "\n"); a.shows("encrypted", "hello") }},
	{name: "T3 line feeds inside a message", ask: func(a *asker) {
		a.private()
		wire := a.seal(text("hello"))
		a.tell(wire[:40] + "\r\n" + wire[40:90] + "\n" + wire[90:])
		a.shows("encrypted", "hello")
	}},
	{name: "T3 a data message without its period", ask: func(a *asker) {
		a.private()
		a.tell(strings.TrimSuffix(a.seal(text("hello")), "."))
		a.shows("encrypted", "hello")
	}},
	{name: "T3 a key exchange message without its period", ask: func(a *asker) {
		a.want(a.tell(strings.TrimSuffix(a.commit(), ".")) == "", "it is answered")
		a.privateByUs()
	}},
	{name: "T4 something after the end of a D-H Commit", ask: trailing(func(a *asker) string { return a.commit() })},
	{name: "T4 something after the end of a D-H Key", ask: trailing(func(a *asker) string { a.invite(); return a.dhKey() })},
	{name: "T4 something after the end of a Reveal Signature", ask: trailing(func(a *asker) string { return a.reveal(a.tell(a.commit()), nil) })},
	{name: "T4 something after the end of a Signature", ask: trailing(func(a *asker) string { s, _ := a.signature(a.answered(), nil); return s })},
	{name: "T4 something after the end of a data message", ask: func(a *asker) {
		a.private()
		m := text("hello")
		m.tail = []byte{0}
		a.tell(a.seal(m))
		a.want(len(a.seen.Messages) == 0, "%v", a.seen.Messages)
		a.hears()
	}},
	{name: "T5 lengths of 2^32-1", ask: func(a *asker) {
		for _, kind := range []byte{2, 3, 10, 17, 18} {
			a.tell(encode(join(a.header(kind, 0x1000), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})))
		}
		a.private()
		a.hears()
	}},
	{name: "2.2 empty encodings", ask: func(a *asker) {
		for _, s := range []string{"?OTR:.", "?OTR:=.", "?OTR:===.", "?OTR:", "?OTR:A.", "?OTR:AA=.", "?OTR", "?OTR?", "?OTRv", "?OTR|", "?OTR,"} {
			a.tell(s)
		}
		a.private()
		a.hears()
	}},
	{name: "M1 header of version 3", ask: func(a *asker) {
		b := decode(a.tell(a.query()))
		a.want(fmt.Sprintf("%x", b[:11]) == "00030200001000"+"00000000", "% x", b[:11])
	}},
	{name: "M1 header of version 2", policy: "v2", ask: func(a *asker) {
		b := decode(a.tell(a.query()))
		a.want(fmt.Sprintf("%x", b[:3]) == "000202" && len(b) == 3+4+196+4+32, "% x", b[:3])
	}},
	{name: "M2 messages of version 1", ask: func(a *asker) { a.quiet("?OTR:AAEKAAAA."); a.plainly("still here") }},
	{name: "M3 the commitment opens", ask: func(a *asker) { a.private() }},
	{name: "M5 the one who answers proves itself", ask: func(a *asker) { a.privateByUs(); a.hears() }},
	{name: "M7 key id 0 is refused", ask: func(a *asker) {
		a.tell(a.reveal(a.tell(a.commit()), func(x []byte) []byte { clear(x[len(x)-44 : len(x)-40]); return x }))
		a.no("gone-secure")
	}},
	{name: "D1 the session id", ask: func(a *asker) {
		a.private()
		a.want(a.status()["ssid"] == hex.EncodeToString(a.ssid), "%v", a.status())
	}},
	{name: "D2 the first half is bold for who reveals", ask: func(a *asker) { a.private(); a.want(a.status()["bold"] == "first", "%v", a.status()) }},
	{name: "D2 the second half is bold for who signs last", ask: func(a *asker) { a.privateByUs(); a.want(a.status()["bold"] == "second", "%v", a.status()) }},
	{name: "K2 parameters of a key: g = 1", oursOnly: true, ask: badKey(2, big.NewInt(1))},
	{name: "K2 parameters of a key: y = 1", oursOnly: true, ask: badKey(3, big.NewInt(1))},
	{name: "K2 parameters of a key: q = 1", ask: badKey(1, big.NewInt(1))},
	{name: "K2 parameters of a key: p = 0", oursOnly: true, ask: badKey(0, new(big.Int))},
	{name: "K2 parameters of a key: p of 4096 bits", ask: badKey(0, new(big.Int).Lsh(big.NewInt(1), 4096))},
	{name: "K2 a signature of zeros", ask: func(a *asker) {
		a.tell(a.reveal(a.tell(a.commit()), func(x []byte) []byte { clear(x[len(x)-40:]); return x }))
		a.no("gone-secure")
	}},
	{name: "K3 fingerprints", ask: func(a *asker) {
		a.private()
		out := a.do("status")
		a.want(out.Prints[1] == a.fingerprint() && out.Prints[0] == fmt.Sprintf("%x", sha1.Sum(a.theirP[2:])), "%v", out.Prints)
	}},
}

// trailing says that a message with something after its end is not accepted, and the message itself then is.
func trailing(make func(a *asker) string) func(a *asker) {
	return func(a *asker) {
		wire := make(a)
		a.do("recv", interop.Bytes(encode(append(decode(wire), 0))))
		a.want(len(a.seen.Wires) == 0, "it is answered by %.40q", a.seen.Wires)
		a.no("gone-secure")
		a.tell(wire)
		_, secure := a.seen.Event("gone-secure")
		a.want(secure || len(a.seen.Wires) > 0, "the genuine one is not accepted: %v", a.seen.Events)
	}
}

// badKey says that a public key with another number in it is refused, though all that depends on it is right.
func badKey(which int, n *big.Int) func(a *asker) {
	return func(a *asker) {
		key := a.tell(a.commit())
		a.tell(a.reveal(key, func(x []byte) []byte {
			r := &reader{x[2:]}
			out := slices.Clone(x[:2])
			for i := range 4 {
				value := r.mpi()
				if i == which {
					value = n
				}
				out = append(out, mpi(value)...)
			}
			return append(append(out, r.b[:4]...), append(append(make([]byte, 19), 1), append(make([]byte, 19), 1)...)...)
		}))
		a.no("gone-secure")
		a.tell(a.reveal(key, nil))
		a.event("gone-secure")
	}
}

// offers says that a text makes the endpoint commit, in a version, or that it does not: 0.
func offers(s string, version byte) func(a *asker) {
	return func(a *asker) {
		wire := a.tell(s)
		if version == 0 {
			a.want(wire == "", "%q is answered by %.40q", s, wire)
			return
		}
		a.want(wire != "" && decode(wire)[1] == version && decode(wire)[2] == 2, "%q is answered by %.40q", s, wire)
	}
}

var negotiation = []probe{
	{name: "N1 a query", ask: offers("?OTRv3?", 3)},
	{name: "N1 a query of several versions", ask: offers("?OTRv23?", 3)},
	{name: "N1 in any order, with unknown ones", policy: "v2,v3", ask: offers("?OTR?v4x32?", 3)},
	{name: "N1 only version 2 in common", policy: "v2,v3", ask: offers("?OTRv2?", 2)},
	{name: "N1 nothing offered", ask: offers("?OTRv?", 0)},
	{name: "N1 nothing but version 1", ask: offers("?OTR?", 0)},
	{name: "N1 nothing in common", ask: offers("?OTRv2?", 0)},
	{name: "N2 a query with an explanation", ask: func(a *asker) {
		a.want(a.tell("?OTRv3?\nAlice has requested an <a href=\"x\">Off-the-Record private conversation</a>.") != "", "no answer")
		a.want(len(a.seen.Messages) == 0, "shown: %v", a.seen.Messages)
	}},
	{name: "N3 a tag is taken out", policy: "opportunistic", ask: func(a *asker) {
		a.want(a.tell("hello"+tagBase+tag3) != "", "no answer")
		a.shows("plain", "hello")
	}},
	{name: "N3 text after a tag is kept", policy: "opportunistic", ask: func(a *asker) { a.tell("hello" + tagBase + tag2 + tag3 + "you"); a.shows("plain", "helloyou") }},
	{name: "N3 unknown versions belong to a tag", policy: "opportunistic", oursOnly: true, ask: func(a *asker) {
		a.want(a.tell("hello"+tagBase+tag1+tag4+tag3+"you") != "", "no answer")
		a.shows("plain", "helloyou")
	}},
	{name: "N3 a tag is only taken up where the policy says so", ask: func(a *asker) { a.want(a.tell("hello"+tagBase+tag3) == "", "an answer") }},
	{name: "N4 a tag is sent until a text arrives in clear", policy: "v3,sendtag", ask: func(a *asker) {
		a.want(strings.Contains(a.do("send", interop.Bytes("hello")).Wires[0], tagBase+tag3), "%q", a.seen.Wires)
		a.tell("no, thanks")
		a.want(a.do("send", interop.Bytes("hello")).Wires[0] == "hello", "%q", a.seen.Wires)
	}},
	{name: "N5 a tag does not disturb a session", policy: "opportunistic", oursOnly: true, ask: func(a *asker) {
		a.private()
		a.want(a.tell("hello"+tagBase+tag3) == "", "an answer")
		a.hears()
	}},
	{name: "N6 a message of a version that is not allowed", policy: "v3", ask: func(a *asker) {
		a.version = 2
		a.quiet(a.commit())
	}},
	{name: "N7 a question about ?OTR? is a text", oursOnly: true, ask: func(a *asker) { a.plainly("what is ?OTR? anyway") }},
	{name: "N7 a question about ?OTRv3 is a text", oursOnly: true, ask: func(a *asker) { a.plainly("do you know ?OTRv3 or so") }},
	{name: "N7 a question about ?OTR: is a text", oursOnly: true, ask: func(a *asker) { a.plainly("it begins with ?OTR: and so on") }},
	{name: "P never: nothing is touched", policy: "never", ask: func(a *asker) {
		a.plainly("?OTRv3?")
		a.want(a.do("send", interop.Bytes("hello")).Wires[0] == "hello", "%v", a.seen.Wires)
	}},
	{name: "P a query is one", ask: func(a *asker) {
		out := a.do("start")
		a.want(len(out.Wires) == 1 && strings.HasPrefix(out.Wires[0], "?OTRv3?"), "%q", out.Wires)
	}},
	{name: "P a query of both versions", policy: "v2,v3", ask: func(a *asker) {
		out := a.do("start")
		a.want(regexp.MustCompile(`^\?OTR\??v(23|32)\?`).MatchString(out.Wires[0]), "%q", out.Wires)
	}},
}

var instances = []probe{
	{name: "I2 the commitment is to nobody in particular", ask: func(a *asker) {
		b := decode(a.tell(a.query()))
		a.want(fmt.Sprintf("%x", b[7:11]) == "00000000", "% x", b[7:11])
	}},
	{name: "I3 a sender below 100", oursOnly: true, ask: func(a *asker) {
		a.tag = 0xff
		a.want(a.tell(a.commit()) == "", "an answer")
		a.tag = 0x4000
		a.privateByUs()
	}},
	{name: "I3 a receiver below 100", ask: func(a *asker) {
		b := decode(a.commit())
		b[10] = 5
		a.want(a.tell(encode(b)) == "", "an answer")
	}},
	{name: "I3 another receiver", ask: func(a *asker) {
		b := decode(a.commit())
		copy(b[7:], u32(0x7777))
		a.want(a.tell(encode(b)) == "", "an answer")
		a.event("rcvd-other-instance")
	}},
	{name: "I3 a D-H Key to nobody", ask: func(a *asker) { a.invite(); a.target = 0; a.want(a.tell(a.dhKey()) == "", "an answer") }},
	{name: "I3 a data message to nobody", ask: func(a *asker) {
		a.private()
		target := a.target
		a.target = 0
		a.tell(a.seal(text("hello")))
		a.want(len(a.seen.Messages) == 0, "%v", a.seen.Messages)
		a.target = target
		a.hears()
	}},
	{name: "I3 a D-H Commit with the right receiver", ask: func(a *asker) {
		b := decode(a.commit())
		copy(b[7:], u32(0x1000))
		a.want(a.tell(encode(b)) != "", "no answer")
	}},
	{name: "I4 two clients answer one commitment", ask: func(a *asker) {
		commit := a.tell(a.query())
		b := &asker{peer: newPeer(3), end: a.end}
		b.tag = 0x5000
		for _, one := range []*asker{a, b} {
			one.takeCommit(commit)
			signature, err := one.signature(one.tell(one.dhKey()), nil)
			one.want(err == nil, "%v", err)
			one.tell(signature)
			one.event("gone-secure")
		}
		a.hears()
		b.hears()
	}},
	{name: "I4 an unanswered commitment is forgotten after a minute", ask: func(a *asker) {
		a.invite()
		a.do("clock", "130")
		a.do("poll")
		a.want(a.tell(a.dhKey()) == "", "it is still answered")
	}},
	{name: "I6 invented clients are not all remembered", oursOnly: true, ask: func(a *asker) {
		a.private()
		for n := range 500 {
			b := newPeer(3)
			b.tag = uint32(0x10000 + n)
			a.tell(b.commit())
		}
		a.want(len(a.do("status").Status) < 100, "%d clients", len(a.seen.Status))
		a.hears()
	}},
	{name: "2.5-8 a client with a bad tag does not keep out the real one", ask: func(a *asker) { a.tag = 5; a.tell(a.commit()); a.tag = 0x4000; a.private(); a.hears() }},
}

// pieces says what becomes of fragments: whether the text that they carry is read.
func pieces(readable bool, change func(f []string) []string) func(a *asker) {
	return func(a *asker) {
		a.private()
		got := false
		for _, f := range change(a.fragments(a.seal(text("in pieces")), 4)) {
			a.tell(f)
			got = got || slices.Contains(a.seen.Messages, interop.Message{How: "encrypted", Text: "in pieces"})
			a.want(got || len(a.seen.Messages) == 0, "%.40q shows %v", f, a.seen.Messages)
		}
		a.want(got == readable, "read is %t", got)
		a.hears()
	}
}

var fragmentation = []probe{
	{name: "F1 numbers with zeros before them", ask: pieces(true, func(f []string) []string {
		for i := range f {
			f[i] = regexp.MustCompile(`^\?OTR\|(\w+)\|(\w+),(\d),(\d),`).ReplaceAllString(f[i], "?OTR|0000$1|0000$2,0000$3,0000$4,")
		}
		return f
	})},
	{name: "F1 numbers without zeros before them", ask: pieces(true, func(f []string) []string { return f })},
	{name: "F1 version 2", policy: "v2", ask: pieces(true, func(f []string) []string { return f })},
	{name: "F2 a fragment in a fragment is none", ask: func(a *asker) {
		a.private()
		for _, f := range a.fragments(a.fragments(a.seal(text("twice")), 1)[0], 1) {
			a.tell(strings.Replace(f, "?OTR|", "?OTR|", 1))
		}
		a.want(!slices.Contains(a.seen.Messages, interop.Message{How: "encrypted", Text: "twice"}), "it is read")
		a.tell("?OTR|4000|1000,1,1,?OTR|,")
		a.tell("?OTR,1,1,?OTR|,")
		a.hears()
	}},
	{name: "F3 in the wrong order", ask: pieces(false, func(f []string) []string { return []string{f[0], f[2], f[1], f[3]} })},
	{name: "F3 one is missing", ask: pieces(false, func(f []string) []string { return []string{f[0], f[1], f[3]} })},
	{name: "F3 one comes twice", ask: pieces(false, func(f []string) []string { return []string{f[0], f[1], f[1], f[2], f[3]} })},
	{name: "F3 the first one again starts over", ask: pieces(true, func(f []string) []string { return []string{f[0], f[1], f[0], f[1], f[2], f[3]} })},
	{name: "F3 illegal ones in between change nothing", ask: pieces(true, func(f []string) []string {
		at := func(k, n string) string { return "?OTR|4000|1000," + k + "," + n + ",x," }
		return []string{f[0], at("0", "4"), f[1], at("5", "4"), at("0", "0"), f[2], f[3]}
	})},
	{name: "2.1-7 numbers above 65535", oursOnly: true, ask: pieces(true, func(f []string) []string {
		return []string{f[0], "?OTR|4000|1000,65537,65540,x,", f[1], "?OTR|4000|1000,70000,70000,x,", f[2], f[3]}
	})},
	{name: "F4 a whole message in between forgets them", ask: func(a *asker) {
		a.private()
		f := a.fragments(a.seal(text("in pieces")), 2)
		a.tell(f[0])
		a.hears()
		a.tell(f[1])
		a.want(len(a.seen.Messages) == 0, "%v", a.seen.Messages)
		a.hears()
	}},
	{name: "F4 a text in between forgets them", oursOnly: true, ask: func(a *asker) {
		a.private()
		f := a.fragments(a.seal(text("in pieces")), 2)
		a.tell(f[0])
		a.tell("a text")
		a.tell(f[1])
		a.want(len(a.seen.Messages) == 0, "%v", a.seen.Messages)
		a.hears()
	}},
	{name: "F5 fragments for others", ask: pieces(true, func(f []string) []string {
		return []string{f[0], "?OTR|4000|7777,2,4,x,", f[1], "?OTR|5|1000,3,4,x,", f[2], f[3]}
	})},
	{name: "F6 a text in fragments is in clear", ask: func(a *asker) {
		a.private()
		a.tell("?OTR|4000|1000,1,1,hello,")
		a.shows("plain-unexpected", "hello")
	}},
	{name: "F7 what is sent fits", max: "200", ask: func(a *asker) {
		commit := a.do("recv", interop.Bytes("?OTRv3?")).Wires
		a.want(len(commit) > 1 && slices.IndexFunc(commit, func(w string) bool { return len(w) > 200 }) < 0, "%d pieces", len(commit))
		whole := ""
		for _, w := range commit {
			m := regexp.MustCompile(`^\?OTR\|00001000\|[0]{8},\d+,\d+,([^,]+),$`).FindStringSubmatch(w)
			a.want(m != nil, "%q", w)
			whole += m[1]
		}
		a.takeCommit(whole)
	}},
	{name: "F7 an impossible limit is an error", max: "30", ask: func(a *asker) {
		out := a.do("recv", interop.Bytes("?OTRv3?"))
		a.want(len(out.Wires) == 0, "%q", out.Wires)
	}},
	{name: "F8 the end is split too", oursOnly: true, ask: func(a *asker) {
		a.private()
		a.do("max", "200")
		for _, w := range a.do("end").Wires {
			a.want(len(w) <= 200, "%d bytes", len(w))
		}
		a.want(len(a.seen.Wires) > 1, "%q", a.seen.Wires)
	}},
	{name: "F9 fragments that do not end", ask: func(a *asker) {
		a.private()
		for n := range 300 {
			a.tell(fmt.Sprintf("?OTR|%x|1000,1,1000,%s,", 0x10000+n, strings.Repeat("A", 5000)))
		}
		a.hears()
	}},
}

// ignored says that a message is ignored.
func (a *asker) ignored(wire string) {
	a.quiet(wire)
	a.no("gone-secure")
}

var exchanges = []probe{
	{name: "A none: a D-H Key", ask: func(a *asker) { a.target = 0x1000; a.ignored(a.dhKey()); a.private() }},
	{name: "A none: a Reveal Signature", ask: func(a *asker) {
		a.target, a.theirs = 0x1000, newDH().y
		s := a.secrets()
		a.ignored(encode(join(a.header(17, 0x1000), data(a.r), a.proof(s.c, s.m1, s.m2, nil))))
		a.private()
	}},
	{name: "A none: a Signature", ask: func(a *asker) {
		a.target, a.theirs = 0x1000, newDH().y
		s := a.secrets()
		a.ignored(encode(join(a.header(18, 0x1000), a.proof(s.cp, s.m1p, s.m2p, nil))))
		a.private()
	}},
	{name: "A awaiting a D-H Key: a lower commitment is answered by the same", ask: func(a *asker) {
		commit := a.tell(a.query())
		a.takeCommit(commit)
		b := decode(a.commit())
		clear(b[len(b)-32:])
		again := a.tell(encode(b))
		a.want(again == "" || sameCommitment(again, commit) || decode(again)[2] == 10, "%.60q", again)
		signature, err := a.signature(a.tell(a.dhKey()), nil)
		a.want(err == nil, "%v", err)
		a.tell(signature)
		a.hears()
	}},
	{name: "A8 crossing commitments, theirs the higher", oursOnly: true, ask: func(a *asker) { a.crossing(1) }},
	{name: "A8 crossing commitments, ours the higher", oursOnly: true, ask: func(a *asker) { a.crossing(-1) }},
	{name: "A8 crossing commitments in version 2, theirs the higher", policy: "v2", oursOnly: true, ask: func(a *asker) { a.crossing(1) }},
	{name: "A8 crossing commitments in version 2, ours the higher", policy: "v2", oursOnly: true, ask: func(a *asker) { a.crossing(-1) }},
	{name: "A awaiting a Reveal Signature: a commitment is answered by the same key", ask: func(a *asker) {
		first := a.tell(a.commit())
		a.own = newDH()
		second := a.tell(a.commit())
		a.want(first == second, "another key")
		a.tell(a.reveal(second, nil))
		a.event("gone-secure")
	}},
	{name: "A awaiting a Reveal Signature: a D-H Key", ask: func(a *asker) {
		key := a.tell(a.commit())
		a.body(key, 10)
		a.ignored(a.dhKey())
		a.tell(a.reveal(key, nil))
		a.event("gone-secure")
	}},
	{name: "A awaiting a Signature: the same D-H Key", ask: func(a *asker) {
		reveal := a.answered()
		again := a.tell(a.dhKey())
		a.want(again != "" && decode(again)[2] == 17, "%.60q", again)
		signature, err := a.signature(reveal, nil)
		a.want(err == nil, "%v", err)
		a.tell(signature)
		a.event("gone-secure")
	}},
	{name: "A awaiting a Signature: another D-H Key", oursOnly: true, ask: func(a *asker) {
		reveal := a.answered()
		other := newPeer(3)
		other.target = a.target
		a.ignored(other.dhKey())
		signature, _ := a.signature(reveal, nil)
		a.tell(signature)
		a.event("gone-secure")
	}},
	{name: "A awaiting a Signature: a commitment", ask: func(a *asker) {
		a.answered()
		a.own = newDH()
		key := a.tell(a.commit())
		a.want(key != "" && decode(key)[2] == 10, "%.60q", key)
		a.tell(a.reveal(key, nil))
		a.event("gone-secure")
	}},
	{name: "A1 g^y out of range", ask: func(a *asker) {
		a.invite()
		own := a.own
		for _, y := range badNumbers() {
			a.own.y = y
			a.want(a.tell(a.dhKey()) == "", "%v is answered", y)
		}
		a.own = own
		a.want(a.tell(a.dhKey()) != "", "the genuine one is not answered")
	}},
	{name: "A1 g^x out of range", ask: func(a *asker) {
		for _, y := range badNumbers()[:4] {
			a.own = dh{big.NewInt(1), y}
			a.tell(a.reveal(a.tell(a.commit()), nil))
			a.no("gone-secure")
		}
		a.own = newDH()
		a.privateByUs()
	}},
	{name: "A1 another r", ask: func(a *asker) {
		key := a.tell(a.commit())
		a.r[0] = 1
		a.tell(a.reveal(key, nil))
		a.no("gone-secure")
		a.r[0] = 0
		a.tell(a.reveal(key, nil))
		a.event("gone-secure")
	}},
	{name: "A2 a bad Reveal Signature does not spoil the good one", ask: func(a *asker) {
		good := a.reveal(a.tell(a.commit()), nil)
		bad := decode(good)
		bad[len(bad)-1] ^= 1
		a.tell(encode(bad))
		a.no("gone-secure")
		a.tell(good)
		a.event("gone-secure")
	}},
	{name: "2.1-6 a bad Signature does not spoil the good one", ask: func(a *asker) {
		good, _ := a.signature(a.answered(), nil)
		bad := decode(good)
		bad[len(bad)-1] ^= 1
		a.tell(encode(bad))
		a.no("gone-secure")
		a.tell(good)
		a.event("gone-secure")
	}},
	{name: "2.1-6 nor does one with a bad signature inside", oursOnly: true, ask: func(a *asker) {
		reveal := a.answered()
		bad, _ := a.signature(reveal, func(x []byte) []byte { x[len(x)-1] ^= 1; return x })
		a.tell(bad)
		a.no("gone-secure")
		good, _ := a.signature(reveal, nil)
		a.tell(good)
		a.event("gone-secure")
	}},
	{name: "2.1-5 a stray Reveal Signature does not spoil a commitment", oursOnly: true, policy: "v2", ask: func(a *asker) {
		a.invite()
		a.theirs = newDH().y
		s := a.secrets()
		a.quiet(encode(join(a.header(17, 0), data(slices.Repeat([]byte{7}, 16)), a.proof(s.c, s.m1, s.m2, nil))))
		signature, err := a.signature(a.tell(a.dhKey()), nil)
		a.want(err == nil, "%v", err)
		a.tell(signature)
		a.event("gone-secure")
	}},
	{name: "A4 its own key comes back", oursOnly: true, ask: func(a *asker) {
		key := decode(a.tell(a.commit()))
		a.body(encode(key), 10)
		a.quiet(encode(join(a.header(10, 0x1000), key[11:])))
		a.no("gone-secure")
	}},
	{name: "A5 a new exchange replaces the keys", ask: func(a *asker) {
		a.private()
		a.hears()
		a.says("and you?")
		before := string(a.ssid)
		a.own = newDH()
		signature, err := a.signature(a.answered(), nil)
		a.want(err == nil, "%v", err)
		a.tell(signature)
		_, still := a.seen.Event("still-secure")
		_, gone := a.seen.Event("gone-secure")
		a.want(still || gone, "%v", a.seen.Events)
		a.want(a.status()["ssid"] == hex.EncodeToString(a.ssid) && string(a.ssid) != before, "%v", a.status())
		a.hears()
		a.says("here")
	}},
	{name: "A5 the old session lasts until the new one is there", ask: func(a *asker) {
		a.private()
		a.tell(a.query())
		a.hears()
		a.says("still here")
	}},
	{name: "A6 another key is told", ask: func(a *asker) {
		a.private()
		first := a.fingerprint()
		b := &asker{peer: newPeer(3), end: a.end}
		b.key = identities["other"]()
		b.privateByUs2()
		a.want(b.fingerprint() != first, "the same key")
		b.hears()
	}},
	{name: "2.1-3 a query of another version does not disturb a session", policy: "v2,v3", ask: func(a *asker) {
		a.private()
		a.tell("?OTRv2?")
		a.hears()
		a.says("still here")
	}},
}

// sameCommitment says whether two D-H Commit Messages hold the same; the second one may name its receiver.
func sameCommitment(a, b string) bool {
	x, y := decode(a), decode(b)
	return x[2] == 2 && len(x) > 236 && len(y) > 236 && string(x[len(x)-236:]) == string(y[len(y)-236:])
}

// crossing has both commit at the same time. order says whose hash is to be the higher.
func (a *asker) crossing(order int) {
	var theirs string
	for {
		theirs = a.tell(a.query())
		a.takeCommit(theirs)
		b := decode(a.commit())
		if compared := strings.Compare(string(a.hash), string(b[len(b)-32:])); compared == order {
			break
		}
		a.own = newDH()
	}
	answer := a.tell(a.commit())
	if order > 0 { // it insists on its own
		a.want(sameCommitment(answer, theirs), "it does not send its commitment again: %.60q", answer)
		signature, err := a.signature(a.tell(a.dhKey()), nil)
		a.want(err == nil, "%v", err)
		a.tell(signature)
	} else { // it gives way
		signature := a.tell(a.reveal(answer, nil))
		a.want(signature != "" && a.finish(signature) == nil, "no signature")
	}
	a.event("gone-secure")
	a.hears()
	a.says("hello")
}

// privateByUs2 makes a session with another key, which must be told.
func (a *asker) privateByUs2() {
	signature := a.tell(a.reveal(a.tell(a.commit()), nil))
	a.event("new-fingerprint")
	a.event("gone-secure")
	a.want(a.finish(signature) == nil, "the signature is refused")
}

// refused says that a data message is not shown, and that the session goes on.
func refused(change func(a *asker, m *message)) func(a *asker) {
	return func(a *asker) {
		a.private()
		a.hears()
		a.says("hello")
		m := text("forged")
		change(a, &m)
		a.tell(a.seal(m))
		a.want(len(a.seen.Messages) == 0, "it is shown: %v", a.seen.Messages)
		a.hears()
		a.says("hello again")
	}
}

var sessions = []probe{
	{name: "X1 keys of version 2", policy: "v2", ask: func(a *asker) { a.private(); a.hears(); a.says("hello"); a.hears(); a.says("and again") }},
	{name: "X2 and X3 key ids and counters", ask: func(a *asker) {
		a.private()
		for n := range 3 {
			o := a.says("hello")
			a.want(o.ids == [2]uint32{1, 1} && o.counter == uint64(n+1) || n > 0, "%v, counter %d", o.ids, o.counter)
		}
	}},
	{name: "X3 a message comes twice", ask: func(a *asker) {
		a.private()
		wire := a.seal(text("once"))
		a.tell(wire)
		a.shows("encrypted", "once")
		a.tell(wire)
		a.want(len(a.seen.Messages) == 0, "%v", a.seen.Messages)
		a.hears()
	}},
	{name: "X3 an older message comes later", ask: func(a *asker) {
		a.private()
		first := a.seal(text("first"))
		a.hears()
		a.tell(first)
		a.want(len(a.seen.Messages) == 0, "%v", a.seen.Messages)
		a.hears()
	}},
	{name: "X5 a wrong MAC", ask: refused(func(a *asker, m *message) { m.key = make([]byte, 20) })},
	{name: "X5 a forged counter of 2^64-1", ask: refused(func(a *asker, m *message) { n := uint64(1<<64 - 1); m.counter, m.key = &n, make([]byte, 20) })},
	{name: "X5 sender key 0", ask: refused(func(a *asker, m *message) { m.senderID = -a.ourID })},
	{name: "X5 receiver key 0", ask: refused(func(a *asker, m *message) { m.receiverID = -a.theirID })},
	{name: "X5 a sender key to come", ask: refused(func(a *asker, m *message) { m.senderID = 2 })},
	{name: "X5 a receiver key to come", ask: refused(func(a *asker, m *message) { m.receiverID = 2 })},
	{name: "X5 counter 0", ask: refused(func(a *asker, m *message) { n := uint64(0); m.counter = &n })},
	{name: "X6 keys change with each turn", ask: func(a *asker) {
		a.private()
		for range 10 {
			a.hears()
			a.says("hello")
		}
		a.want(a.ourID > 5 && a.theirID > 5, "keys %d and %d", a.ourID, a.theirID)
	}},
	{name: "X6 and not within one", ask: func(a *asker) {
		a.private()
		for range 5 {
			a.hears()
		}
		first := a.says("hello").ids
		for range 3 {
			a.want(a.says("hello").ids[1] == first[1], "keys changed")
		}
	}},
	{name: "X7 next key 0", oursOnly: true, ask: refused(func(a *asker, m *message) { m.nextY = new(big.Int) })},
	{name: "X7 next key 1", oursOnly: true, ask: refused(func(a *asker, m *message) { m.nextY = big.NewInt(1) })},
	{name: "X7 next key p-1", oursOnly: true, ask: refused(func(a *asker, m *message) { m.nextY = new(big.Int).Sub(prime, big.NewInt(1)) })},
	{name: "X7 next key p", oursOnly: true, ask: refused(func(a *asker, m *message) { m.nextY = prime })},
	{name: "X8 nobody misses a message with the flag", ask: func(a *asker) {
		a.private()
		m := records()
		m.key = make([]byte, 20)
		a.quiet(a.seal(m))
		a.hears()
	}},
	{name: "X8 the end has the flag", ask: func(a *asker) {
		a.private()
		o := a.reads(a.do("end").Wires[0])
		_, disconnected := o.records[1]
		a.want(disconnected && o.flags == 1 && o.text == "", "%+v", o)
	}},
	{name: "X8 an unreadable message is answered, but not each", oursOnly: true, ask: func(a *asker) {
		a.private()
		answers := 0
		for range 20 {
			m := text("x")
			m.key = make([]byte, 20)
			a.tell(a.seal(m))
			answers += len(a.seen.Wires)
		}
		a.want(answers == 1, "%d answers to 20 messages", answers)
	}},
	{name: "X9 an empty text is not shown", ask: func(a *asker) { a.private(); a.quiet(a.seal(text(""))); a.hears() }},
	{name: "X10 a NUL in a text", oursOnly: true, ask: func(a *asker) {
		a.private()
		for _, w := range a.do("send", interop.Bytes("hello\x00\x00\x01\x00\x00")).Wires {
			_, disconnected := a.reads(w).records[1]
			a.want(!disconnected, "it becomes a record")
		}
		a.hears()
	}},
	{name: "X12 revealed keys are those of messages that we sent", ask: func(a *asker) {
		a.private()
		for range 4 {
			a.hears()
			a.says("hello")
		}
		a.want(len(a.revealed) > 0 && a.covered() > 0, "%d keys revealed", len(a.revealed))
	}},
	{name: "X13 none is revealed twice, or too early", ask: func(a *asker) {
		a.private()
		for range 6 {
			a.hears()
			a.says("hello")
			for n, k := range a.revealed {
				a.want(!slices.ContainsFunc(a.revealed[:n], func(o []byte) bool { return slices.Equal(o, k) }), "a key twice")
			}
		}
		for _, k := range a.revealed {
			a.want(!slices.Equal(k, a.keys(a.ourID, a.theirID).sendMAC), "a key in use")
		}
	}},
	{name: "X14 after the end all messages can be forged", oursOnly: true, ask: func(a *asker) {
		a.private()
		for range 3 {
			a.hears()
			a.hears()
			a.says("hello")
		}
		a.hears()
		a.reads(a.do("end").Wires[0])
		a.want(a.covered() == len(a.sent), "%d of %d", a.covered(), len(a.sent))
	}},
	{name: "X13 the keys of a session that was replaced are not lost", oursOnly: true, ask: func(a *asker) {
		a.private()
		a.hears()
		a.own = newDH()
		sent, revealed := a.sent, a.revealed
		signature, _ := a.signature(a.answered(), nil)
		a.sent, a.revealed = sent, revealed
		a.tell(signature)
		a.hears()
		a.says("hello")
		a.reads(a.do("end").Wires[0])
		a.want(a.covered() == len(a.sent), "%d of %d", a.covered(), len(a.sent))
	}},
	{name: "S a text in clear in a session", ask: func(a *asker) { a.private(); a.tell("hello"); a.shows("plain-unexpected", "hello"); a.hears() }},
	{name: "S a text in clear after the end", ask: func(a *asker) {
		a.private()
		a.tell(a.seal(records(tlv(1, ""))))
		a.tell("hello")
		a.shows("plain-unexpected", "hello")
	}},
	{name: "S nothing leaves after the end", ask: func(a *asker) {
		a.private()
		a.tell(a.seal(records(tlv(1, ""))))
		a.event("gone-insecure")
		out := a.do("send", interop.Bytes("a secret"))
		a.want(len(out.Wires) == 0, "%q", out.Wires)
		a.event("connection-ended")
	}},
	{name: "S the text beside the end is shown", ask: func(a *asker) {
		a.private()
		a.tell(a.seal(message{plain: "bye\x00" + tlv(1, "")}))
		a.shows("encrypted", "bye")
		a.event("gone-insecure")
	}},
	{name: "S2 data without a session is not answered", ask: func(a *asker) {
		a.private()
		wire := a.seal(text("late"))
		a.do("end")
		a.quiet(wire)
		a.event("rcvd-not-in-private")
	}},
	{name: "S the user ends", ask: func(a *asker) {
		a.private()
		a.do("end")
		a.want(a.do("send", interop.Bytes("x")).Wires[0] == "x", "%q", a.seen.Wires)
	}},
	{name: "S4 texts wait, all of them, for one query", policy: "v3,require", oursOnly: true, ask: func(a *asker) {
		queries := 0
		for _, s := range []string{"one", "two", "three"} {
			queries += len(a.do("send", interop.Bytes(s)).Wires)
		}
		a.want(queries == 1, "%d queries", queries)
		signature, _ := a.signature(a.answered(), nil)
		var got []string
		for _, w := range a.do("recv", interop.Bytes(signature)).Wires {
			got = append(got, a.reads(w).text)
		}
		a.want(slices.Equal(got, []string{"one", "two", "three"}), "%q", got)
	}},
	{name: "S4 no text leaves where encryption is required", policy: "v3,require", ask: func(a *asker) {
		for _, w := range a.do("send", interop.Bytes("a secret")).Wires {
			a.want(!strings.Contains(w, "a secret"), "%q", w)
		}
		a.event("encryption-required")
	}},
	{name: "V an unknown record does not cost the text", ask: func(a *asker) {
		a.private()
		a.tell(a.seal(message{plain: "hello\x00" + tlv(0x1234, "x") + tlv(0x0100, "{}")}))
		a.shows("encrypted", "hello")
	}},
	{name: "V a record cut short does not cost the text", ask: func(a *asker) {
		a.private()
		a.tell(a.seal(message{plain: "hello\x00\x00\x01\x00\x05x"}))
		a.shows("encrypted", "hello")
		a.no("gone-insecure")
		a.hears()
	}},
	{name: "V padding", ask: func(a *asker) {
		a.private()
		a.tell(a.seal(message{plain: "hello\x00" + tlv(0, "....")}))
		a.shows("encrypted", "hello")
	}},
	{name: "V3 no SMP after the end in one message", ask: func(a *asker) {
		a.private()
		_, m1, _ := smp.Start(rand.Reader, smp.Secret{})
		a.tell(a.seal(records(tlv(2, string(m1)), tlv(1, ""))))
		a.want(len(a.seen.Wires) == 0, "%d answers", len(a.seen.Wires))
	}},
	{name: "1.16 lengths are hidden", oursOnly: true, ask: func(a *asker) {
		a.private()
		for _, s := range []string{"a", strings.Repeat("b", 100), strings.Repeat("c", 300)} {
			a.want(a.says(s).length%256 == 0, "%d bytes of plaintext", a.says(s).length)
		}
	}},
	{name: "X a text of 64 KiB", ask: func(a *asker) { a.private(); a.says(strings.Repeat("long ", 13000)) }},
}

// secret makes what SMP compares; starts says that we began.
func (a *asker) secret(typed string, starts bool) smp.Secret {
	ours, theirs := [20]byte(sha1.Sum(a.public()[2:])), [20]byte(sha1.Sum(a.theirP[2:]))
	if !starts {
		ours, theirs = theirs, ours
	}
	return smp.NewSecret(ours, theirs, [8]byte(a.ssid), []byte(typed))
}

// begins begins SMP and returns what the endpoint answers when its user has typed something.
func (a *asker) begins(kind uint16, question, ours, theirs string) (*smp.Initiator, opened) {
	i, m1, err := smp.Start(rand.Reader, a.secret(ours, true))
	a.want(err == nil, "%v", err)
	a.tell(a.seal(records(tlv(kind, question+string(m1)))))
	if kind == 7 {
		a.event("smp-ask-answer")
	} else {
		a.event("smp-ask-secret")
	}
	return i, a.reads(a.do("smp-respond", interop.Bytes(theirs)).Wires[0])
}

// goesOn sends message 3 and returns the endpoint's message 4.
func (a *asker) goesOn(i *smp.Initiator, second opened) opened {
	m3, err := i.Answer(rand.Reader, []byte(second.records[3]))
	a.want(err == nil, "message 2: %v", err)
	return a.reads(a.tell(a.seal(records(tlv(4, string(m3))))))
}

// verifies plays a run that we began to its end.
func (a *asker) verifies(kind uint16, question, ours, theirs string) (equal bool) {
	i, second := a.begins(kind, question, ours, theirs)
	fourth := a.goesOn(i, second)
	equal, err := i.Finish([]byte(fourth.records[5]))
	a.want(err == nil, "message 4: %v", err)
	return equal
}

// aborts says that the endpoint aborts SMP and comes to no result.
func (a *asker) aborts(wire string) {
	_, aborted := a.reads(a.tell(wire)).records[6]
	a.want(aborted, "no abort")
	a.no("smp-success")
	a.no("smp-failure")
}

var secretsCompared = []probe{
	{name: "SMP we begin, equal", ask: func(a *asker) {
		a.private()
		a.want(a.verifies(2, "", "same", "same"), "not equal")
		a.event("smp-success")
	}},
	{name: "SMP we begin, not equal", ask: func(a *asker) {
		a.private()
		a.want(!a.verifies(2, "", "same", "other"), "equal")
		a.event("smp-failure")
	}},
	{name: "SMP we ask, equal", ask: func(a *asker) {
		a.private()
		a.want(a.verifies(7, "who?\x00", "same", "same"), "not equal")
		a.event("smp-success")
	}},
	{name: "SMP it begins, equal", ask: func(a *asker) { a.private(); a.itBegins("same", "same"); a.event("smp-success") }},
	{name: "SMP it begins, not equal", ask: func(a *asker) { a.private(); a.itBegins("same", "other"); a.event("smp-failure") }},
	{name: "P2 a bad value is cheating", oursOnly: true, ask: func(a *asker) {
		a.private()
		_, m1, _ := smp.Start(rand.Reader, smp.Secret{})
		m1[20] ^= 1
		a.aborts(a.seal(records(tlv(2, string(m1)))))
		a.event("smp-cheated")
	}},
	{name: "P2 a bad value in message 3", oursOnly: true, ask: func(a *asker) {
		a.private()
		i, second := a.begins(2, "", "same", "same")
		m3, _ := i.Answer(rand.Reader, []byte(second.records[3]))
		m3[30] ^= 1
		a.aborts(a.seal(records(tlv(4, string(m3)))))
		a.event("smp-cheated")
	}},
	{name: "V1 the count of numbers is exact", ask: func(a *asker) {
		a.private()
		_, m1, _ := smp.Start(rand.Reader, smp.Secret{})
		m1[3]++
		a.tell(a.seal(records(tlv(2, string(m1)))))
		a.no("smp-ask-secret")
		a.hears()
	}},
	{name: "2.5-5 a count of 2^32-1", ask: func(a *asker) {
		a.private()
		for _, kind := range []uint16{2, 3, 4, 5, 7} {
			a.tell(a.seal(records(tlv(kind, "\xff\xff\xff\xff"))))
			a.tell(a.seal(records(tlv(kind, "?\x00\x04\x00\x00\x00"))))
		}
		a.hears()
	}},
	{name: "P3 message 2 out of the blue", oursOnly: true, ask: unexpected(3)},
	{name: "P3 message 3 out of the blue", oursOnly: true, ask: unexpected(4)},
	{name: "P3 message 4 out of the blue", oursOnly: true, ask: unexpected(5)},
	{name: "P3 an abort out of the blue", ask: func(a *asker) {
		a.private()
		a.tell(a.seal(records(tlv(6, ""))))
		a.want(len(a.seen.Wires) == 0, "an answer")
		a.hears()
	}},
	{name: "P4 one answer is one guess", ask: func(a *asker) {
		a.private()
		i, second := a.begins(2, "", "wrong", "right")
		m3, _ := i.Answer(rand.Reader, []byte(second.records[3]))
		a.reads(a.tell(a.seal(records(tlv(4, string(m3))))))
		a.event("smp-failure")
		a.tell(a.seal(records(tlv(4, string(m3)))))
		a.no("smp-failure")
		a.no("smp-success")
	}},
	{name: "P5 it begins while one is on", ask: func(a *asker) {
		a.private()
		a.begins(2, "", "same", "same")
		out := a.do("smp-start", interop.Bytes("other"))
		a.want(len(out.Wires) > 0, "nothing is sent")
		for _, w := range out.Wires {
			a.reads(w)
		}
		a.no("smp-success")
	}},
	{name: "P6 a second question is not answered by the first answer", oursOnly: true, ask: func(a *asker) {
		a.private()
		_, m1, _ := smp.Start(rand.Reader, smp.Secret{})
		a.tell(a.seal(records(tlv(7, "first?\x00"+string(m1)))))
		a.event("smp-ask-answer")
		a.tell(a.seal(records(tlv(7, "second?\x00"+string(m1)))))
		a.no("smp-ask-answer")
		a.want(len(a.do("smp-respond", interop.Bytes("answer")).Wires) == 0, "it is answered")
	}},
	{name: "P7 a new exchange ends it", oursOnly: true, ask: func(a *asker) {
		a.private()
		_, m1, _ := smp.Start(rand.Reader, a.secret("same", true))
		a.tell(a.seal(records(tlv(2, string(m1)))))
		a.own = newDH()
		signature, _ := a.signature(a.answered(), nil)
		a.tell(signature)
		a.want(len(a.do("smp-respond", interop.Bytes("same")).Wires) == 0, "it is answered")
	}},
	{name: "P8 who only answered a question has verified nobody", ask: func(a *asker) {
		a.private()
		a.verifies(7, "who?\x00", "same", "same")
		a.want(a.status()["trust"] == "-", "%v", a.status())
	}},
	{name: "P8 without a question both have", ask: func(a *asker) {
		a.private()
		a.verifies(2, "", "same", "same")
		a.want(a.status()["trust"] == "smp", "%v", a.status())
	}},
	{name: "P9 a question without its end", ask: func(a *asker) {
		a.private()
		a.tell(a.seal(records(tlv(7, "who?"))))
		a.no("smp-ask-answer")
		a.hears()
	}},
	{name: "P9 an empty question", ask: func(a *asker) { a.private(); a.want(a.verifies(7, "\x00", "same", "same"), "not equal") }},
	{name: "P10 messages of SMP have the flag and no text", ask: func(a *asker) {
		a.private()
		_, second := a.begins(2, "", "same", "same")
		a.want(second.flags == 1 && second.text == "", "%+v", second)
	}},
	{name: "2.3-1 exponents are not short", ask: func(a *asker) {
		a.private()
		_, second := a.begins(2, "", "same", "same")
		r := &reader{[]byte(second.records[3])[4:]}
		for n := range 11 {
			if value := r.mpi(); slices.Contains([]int{2, 5, 9, 10}, n) {
				a.want(value.BitLen() > 1400, "number %d has %d bits", n, value.BitLen())
			}
		}
	}},
	{name: "2.3-3 g2a = 1", oursOnly: true, ask: func(a *asker) {
		a.private()
		_, m1, _ := smp.Start(rand.Reader, smp.Secret{})
		r := &reader{m1[4:]}
		r.mpi()
		a.aborts(a.seal(records(tlv(2, string(join(m1[:4], mpi(big.NewInt(1)), r.b))))))
	}},
}

// itBegins plays a run that the endpoint began.
func (a *asker) itBegins(ours, theirs string) {
	first := a.reads(a.do("smp-start", interop.Bytes(theirs)).Wires[0])
	r, err := smp.Receive([]byte(first.records[2]))
	a.want(err == nil, "message 1: %v", err)
	m2, err := r.Answer(rand.Reader, a.secret(ours, false))
	a.want(err == nil, "%v", err)
	third := a.reads(a.tell(a.seal(records(tlv(3, string(m2))))))
	m4, equal, err := r.Finish(rand.Reader, []byte(third.records[4]))
	a.want(err == nil && equal == (ours == theirs), "message 3: %v, equal is %t", err, equal)
	a.tell(a.seal(records(tlv(5, string(m4)))))
}

// unexpected says that a message of SMP that is not due is answered by an abort.
func unexpected(kind uint16) func(a *asker) {
	return func(a *asker) { a.private(); a.aborts(a.seal(records(tlv(kind, "\x00\x00\x00\x00")))); a.hears() }
}

var rest = []probe{
	{name: "E1 it uses the extra key", ask: func(a *asker) { a.private(); a.extraKey() }},
	{name: "E1 and after the keys have changed", ask: func(a *asker) {
		a.private()
		for range 3 {
			a.hears()
			a.says("hello")
		}
		a.extraKey()
	}},
	{name: "E1 we use the extra key", ask: func(a *asker) {
		a.private()
		a.hears()
		a.says("hello")
		want := a.keys(a.ourID, a.theirID).extra
		a.tell(a.seal(records(tlv(8, "\x00\x00\x00\x07data"))))
		e := a.event("extra-key")
		a.want(e.Fields["key"] == hex.EncodeToString(want) && e.Fields["use"] == "7" && e.Fields["data"] == interop.Bytes("data"), "%v", e.Fields)
	}},
	{name: "E1 an extra key without a use", ask: func(a *asker) { a.private(); a.tell(a.seal(records(tlv(8, "\x00\x00")))); a.hears() }},
	{name: "H1 a heartbeat answers a text after a minute of silence", ask: func(a *asker) {
		a.private()
		a.says("hello")
		a.do("clock", "61")
		o := a.reads(a.tell(a.seal(text("anybody there?"))))
		a.want(o.text == "" && o.flags == 1, "%+v", o)
	}},
	{name: "H1 but not another heartbeat", ask: func(a *asker) {
		a.private()
		a.says("hello")
		a.do("clock", "61")
		a.quiet(a.seal(records()))
	}},
	{name: "R3 nothing is sent again to another key", oursOnly: true, policy: "v2", ask: func(a *asker) {
		a.private()
		a.says("for the first only")
		a.tell("?OTR Error: what?")
		b := &asker{peer: newPeer(2), end: a.end}
		b.key = identities["other"]()
		signature := b.tell(b.reveal(b.tell(b.commit()), nil))
		b.want(b.finish(signature) == nil, "the signature is refused")
		for _, w := range b.seen.Wires[1:] {
			b.want(b.reads(w).text == "", "it sends the text again")
		}
	}},
	{name: "R4 an error is not the peer's words", ask: func(a *asker) {
		a.quiet("?OTR Error: You sent me nonsense")
		a.event("rcvd-error")
		a.private()
		a.quiet("?OTR Error: again")
		a.hears()
	}},
	{name: "R4 an error begins one exchange, not many", policy: "v3,errstart", oursOnly: true, ask: func(a *asker) {
		answers := 0
		for range 20 {
			a.tell("?OTR Error: x")
			answers += len(a.seen.Wires)
		}
		a.want(answers == 1, "%d answers", answers)
	}},
}

// extraKey has the endpoint use the extra symmetric key.
func (a *asker) extraKey() {
	out := a.do("symkey", "5", interop.Bytes("data"))
	e := a.event("extra-key")
	a.want(len(out.Wires) == 1, "%q %q", out.Wires, out.Errors)
	o := a.reads(out.Wires[0])
	a.want(o.records[8] == "\x00\x00\x00\x05data" && e.Fields["key"] == hex.EncodeToString(o.keys.extra), "%x, %v", o.keys.extra, e.Fields)
}
