package otr_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/internal/smp"
	"github.com/sotto-im/sotto/crypto/otr/internal/testhook"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// The matrix: every kind of message of the protocol, with everything done to it that a hostile network or a hostile
// correspondent can do, in every state of the one who receives it. Whatever was done, she, alice, shows no text that
// bob did not say in that session, and none twice; nothing leaves her in clear; within a minute no key exchange hangs;
// and when both then try honestly, they get a session, their texts arrive, and they can verify each other.
//
// Bit for bit it has some millions of cases. Two things make that bearable: each case begins with a copy of a
// conversation that is already in the state, and cases after which everything is as after an earlier one, the
// randomness included, go on as that one did, and are not played to the end again. TestMatrix plays a sample of the
// cases, the same one each time. `make matrix` plays all.

// The states: the message state, the authentication state, and that of SMP.
var (
	messageStates = []string{"plaintext", "encrypted", "finished"}
	authStates    = []string{"none", "awaiting-dhkey", "awaiting-revealsig", "awaiting-sig"}
	smpStates     = []string{"1", "asked", "asked a question", "2", "3", "4"}
)

// The kinds of messages.
var matrixKinds = []string{
	"query", "tag", "commit", "key", "reveal", "signature", "data", "fragment", "error",
	"TLV 0", "TLV 1", "TLV 8", "SMP 1", "SMP 1Q", "SMP 2", "SMP 3", "SMP 4", "SMP abort",
}

// recordTypes are the types of records by their names above.
var recordTypes = map[string]uint16{
	"TLV 0": 0, "TLV 1": 1, "TLV 8": 8, "SMP 1": 2, "SMP 2": 3, "SMP 3": 4, "SMP 4": 5, "SMP abort": 6, "SMP 1Q": 7,
}

// A stage is alice and bob in some state, and what is known about it.
type stage struct {
	*otrtest.Network
	alice, bob  *otrtest.Party
	older       map[string]string // a message to alice of each kind, from an earlier session
	same        map[string]string // those of this session that she already has
	due         string            // the message of SMP that she expects, which bob has sent
	said        map[string]bool   // texts that bob and alice sent encrypted
	shown       map[string]bool   // those that the other has been shown
	verifiesToo bool              // an honest try includes SMP
}

func (s *stage) clone() *stage {
	c := *s
	c.Network = s.Network.Clone()
	c.alice, c.bob = c.Left[0], c.Right[0]
	c.said, c.shown = maps.Clone(s.said), maps.Clone(s.shown)
	return &c
}

// cloneAlice returns a stage with a copy of alice only. Nothing may be delivered to bob.
func (s *stage) cloneAlice() *stage {
	clock := *s.Clock
	c := *s
	c.alice = s.alice.Clone(&clock)
	c.Network = &otrtest.Network{Clock: &clock, Left: []*otrtest.Party{c.alice}, Right: s.Right}
	c.said, c.shown = maps.Clone(s.said), maps.Clone(s.shown)
	return &c
}

// says has a party send a text that was not sent before.
func (s *stage) says(p *otrtest.Party) error {
	text := fmt.Sprintf("%s says %d", p.Name, len(s.said))
	events, err := p.Send([]byte(text))
	if err != nil {
		return err
	}
	s.said[text] = true
	p.Do(events)
	return nil
}

// run delivers everything, and fails if that has no end.
func (s *stage) run() error {
	for range 200 {
		if !s.Step() {
			return nil
		}
	}
	return errors.New("the parties do not come to rest")
}

// pass delivers the first message of a kind that a party wants sent, and returns it. What comes before it is lost.
func (s *stage) pass(from, to *otrtest.Party, kind string) string {
	for n, p := range from.Packets {
		if otrtest.Kind(p.Body) == kind {
			from.Packets = from.Packets[n+1:]
			to.Do(to.Receive(p.Body))
			return p.Body
		}
	}
	panic("the message " + kind + " was not sent")
}

// take takes the first message that a party wants sent.
func take(p *otrtest.Party) string {
	body := p.Packets[0].Body
	p.Packets = p.Packets[1:]
	return body
}

// judge looks at everything that the two were told and want sent, and forgets the former.
func (s *stage) judge() error {
	for _, p := range []*otrtest.Party{s.alice, s.bob} {
		other := s.alice
		if p == s.alice {
			other = s.bob
		}
		for _, e := range p.Take() {
			if err := s.judgeEvent(p, other, e); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
		}
	}
	for _, p := range s.alice.Packets {
		if !otr.IsOTR(p.Body) {
			return fmt.Errorf("clear text leaves: %q", p.Body)
		}
	}
	return nil
}

func (s *stage) judgeEvent(p, other *otrtest.Party, e otr.Event) error {
	switch e := e.(type) {
	case otr.Message:
		text := string(e.Text)
		switch {
		case !e.Encrypted && !e.Unexpected && p == s.alice:
			return fmt.Errorf("%q is shown without a warning", text)
		case !e.Encrypted:
			return nil
		case !s.said[text] || !strings.HasPrefix(text, other.Name):
			return fmt.Errorf("%q was never said", text)
		case s.shown[text]:
			return fmt.Errorf("%q is shown twice", text)
		case e.From.Fingerprint != other.Config.Key.Fingerprint():
			return fmt.Errorf("%q is from %v", text, e.From)
		}
		s.shown[text] = true
	case otr.StateChange:
		if e.New == otr.Encrypted && e.Peer.Fingerprint != other.Config.Key.Fingerprint() {
			return fmt.Errorf("a session with %v", e.Peer)
		}
	case otr.Failure:
		return e.Err
	}
	return nil
}

// auth returns alice's authentication state, the most advanced one.
func (s *stage) auth() string {
	state := "none"
	for _, i := range testhook.Instances(s.alice.Conversation) {
		if slices.Index(authStates, i.AKE) > slices.Index(authStates, state) {
			state = i.AKE
		}
	}
	return state
}

// A cell is a state of alice.
type cell struct{ message, auth, smp string }

func (c cell) String() string { return c.message + "/" + c.auth + "/SMP " + c.smp }

// possible says whether the state is one: SMP belongs to a session.
func (c cell) possible() bool { return c.message == "encrypted" || c.smp == "1" }

// A variant is a version of the protocol, as both allow it.
type variant struct {
	name       string
	number     int
	alice, bob otr.Policy
	header     int // length of an encoded message's header
}

var variants = []variant{
	{"v3", 3, otr.PolicyAlways | otr.ErrorStartAKE | otr.SendWhitespaceTag, otr.PolicyManual, 11},
	{"v2", 2, otr.AllowV2 | otr.RequireEncryption | otr.WhitespaceStartAKE | otr.ErrorStartAKE | otr.SendWhitespaceTag, otr.AllowV2, 3},
}

// open sets the stage for all states: alice and bob have had two private conversations, and all of their secrets but
// the keys they know each other by are gone.
func (v variant) open() *stage {
	n, alice, bob := otrtest.NewNetwork(v.alice)
	bob.Config.Policy = v.bob
	s := &stage{Network: n, alice: alice, bob: bob, older: map[string]string{}, same: map[string]string{},
		said: map[string]bool{}, shown: map[string]bool{}}
	n.Tap = func(p otrtest.Packet) []otrtest.Packet {
		if p.From == bob {
			s.older[otrtest.Kind(p.Body)] = p.Body
		}
		return []otrtest.Packet{p}
	}
	alice.Do(alice.Start())
	s.runs()
	alice.Do(alice.End())
	s.runs()
	bob.Do(bob.End())
	bob.Do(bob.Start())
	s.runs()
	for _, kind := range matrixKinds {
		if _, record := recordTypes[kind]; record && kind != "TLV 1" {
			must(s.sendsRecord(kind))
			s.older[kind] = bob.Packets[len(bob.Packets)-1].Body
			s.runs()
			alice.Do(alice.AbortSMP())
			s.runs()
		}
	}
	must(s.says(bob))
	s.older["fragment"] = fragments(bob.Packets[0].Body)[0]
	s.runs()
	bob.Do(bob.End())
	s.older["TLV 1"] = bob.Packets[0].Body
	s.runs()
	alice.Do(alice.End())
	s.runs()
	n.Tap, n.Wire = nil, nil
	n.Clock.Advance(time.Hour)
	return s
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (s *stage) runs() {
	must(s.run())
	must(s.judge())
}

// set goes on from the open stage until alice is in a state. If she was in another state of SMP before her session
// ended, nothing is left of it.
func (s *stage) set(v variant, c cell) *stage {
	s = s.clone()
	s.same = map[string]string{}
	alice, bob := s.alice, s.bob
	if c.message != "plaintext" {
		bob.Do(bob.Start())
		s.runs()
		s.Clock.Advance(time.Minute) // no other client of bob's has answered alice's D-H Commit Message
		alice.Do(alice.Poll())
		for range 2 {
			must(s.says(alice))
			s.runs()
			must(s.says(bob))
			s.runs()
		}
		s.reach(c.smp)
	}
	if c.message == "finished" {
		bob.Do(bob.End())
		s.runs()
	}
	switch c.auth {
	case "awaiting-dhkey":
		bob.Do(bob.Start())
		s.same["query"] = s.pass(bob, alice, "query")
	case "awaiting-revealsig":
		bob.Do(bob.Receive(queryOf(v)))
		s.same["commit"] = s.pass(bob, alice, "commit")
	case "awaiting-sig":
		bob.Do(bob.Start())
		s.same["query"] = s.pass(bob, alice, "query")
		s.pass(alice, bob, "commit")
		s.same["key"] = s.pass(bob, alice, "key")
	}
	must(s.judge())
	if got := (cell{testhookMessage(alice), s.auth(), testhookSMP(alice)}); got.message != c.message || got.auth != c.auth ||
		c.possible() && got.smp != strings.Fields(strings.Replace(c.smp, "asked", "1", 1))[0] || !c.possible() && got.smp != "1" {
		panic(fmt.Sprintf("%v instead of %v", got, c))
	}
	return s
}

// queryOf returns a query that v's parties take up.
func queryOf(v variant) string { return "?OTR" + v.name + "?" }

func testhookMessage(p *otrtest.Party) string { return strings.ToLower(p.State().String()) }

// testhookSMP returns what p expects of SMP in the session that it writes to.
func testhookSMP(p *otrtest.Party) string {
	for _, i := range testhook.Instances(p.Conversation) {
		if i.Selected {
			return i.SMP
		}
	}
	return "1"
}

// reach plays SMP until alice is in a state, and takes the message that she expects then from bob.
func (s *stage) reach(state string) {
	request := func(p *otrtest.Party) uint64 {
		for _, e := range p.Take() {
			if r, ok := e.(otr.SMPRequest); ok {
				return r.ID
			}
		}
		panic("no request was shown")
	}
	do := func(p *otrtest.Party) func([]otr.Event, error) {
		return func(events []otr.Event, err error) {
			if err != nil {
				panic(err)
			}
			p.Do(events)
		}
	}
	secret := []byte("secret")
	switch state {
	case "asked":
		do(s.bob)(s.bob.StartSMP("", secret))
		s.run()
	case "asked a question":
		do(s.bob)(s.bob.StartSMP("a question", secret))
		s.run()
	case "2", "4":
		do(s.alice)(s.alice.StartSMP("a question", secret))
		s.pass(s.alice, s.bob, "data")
		do(s.bob)(s.bob.AnswerSMP(request(s.bob), secret))
		if state == "4" {
			s.pass(s.bob, s.alice, "data")
			s.pass(s.alice, s.bob, "data")
		}
		s.due = take(s.bob)
	case "3":
		do(s.bob)(s.bob.StartSMP("", secret))
		s.pass(s.bob, s.alice, "data")
		do(s.alice)(s.alice.AnswerSMP(request(s.alice), secret))
		s.pass(s.alice, s.bob, "data")
		s.due = take(s.bob)
	}
}

// dueIn says in which state of SMP a message is due.
var dueIn = map[string]string{"SMP 2": "2", "SMP 3": "3", "SMP 4": "4"}

// values are the values of honest messages of SMP, of some other run.
var values = sync.OnceValue(func() map[string][]byte {
	random := otrtest.Rand("another run")
	initiator, m1, err := smp.Start(random, smp.Secret{})
	must(err)
	responder, err := smp.Receive(m1)
	must(err)
	m2, err := responder.Answer(random, smp.Secret{})
	must(err)
	m3, err := initiator.Answer(random, m2)
	must(err)
	m4, _, err := responder.Finish(random, m3)
	must(err)
	return map[string][]byte{
		"TLV 0": make([]byte, 10), "TLV 8": {0, 0, 0, 1, 'x'}, "SMP 1": m1, "SMP 1Q": append([]byte("a question\x00"), m1...),
		"SMP 2": m2, "SMP 3": m3, "SMP 4": m4,
	}
})

// sendsRecord has bob send an honest record that is not due.
func (s *stage) sendsRecord(kind string) error {
	text := ""
	if strings.HasPrefix(kind, "TLV") {
		text = fmt.Sprintf("bob says %d", len(s.said))
		s.said[text] = true
	}
	body := s.bob.Forge(otr.Forgery{Text: []byte(text), Record: true, Kind: recordTypes[kind], Value: values()[kind]})
	s.bob.Do([]otr.Event{otr.Transmit{Body: body}})
	return nil
}

// next has bob send a message of a kind, and returns it: the one that is due, or one that is not.
func (s *stage) next(v variant, c cell, kind string) string {
	session := s.bob.State() == otr.Encrypted
	record, isRecord := recordTypes[kind]
	old := func() string {
		if body, again := s.same[kind]; again {
			return body
		}
		return s.older[kind]
	}
	pending := func(from, to *otrtest.Party) {
		for _, p := range from.Packets {
			to.Do(to.Receive(p.Body))
		}
		from.Packets = nil
	}
	if s.due != "" && dueIn[kind] != c.smp {
		s.bob.Do([]otr.Event{otr.Transmit{Body: s.due}}) // comes late
	}
	before := len(s.bob.Packets)
	switch {
	case kind == "query":
		s.bob.Do(s.bob.Start())
	case kind == "tag":
		return "hello" + tag + tagOf[v.name] + "there"
	case kind == "error":
		return "?OTR Error: something went wrong"
	case kind == "commit":
		s.bob.Do(s.bob.Receive(queryOf(v)))
	case kind == "key" && c.auth == "awaiting-dhkey", kind == "reveal" && c.auth == "awaiting-revealsig", kind == "signature" && c.auth == "awaiting-sig":
		pending(s.alice, s.bob)
	case kind == "key", kind == "reveal", kind == "signature", !session && kind != "fragment":
		return old()
	case kind == "data", kind == "fragment" && session:
		if err := s.says(s.bob); err != nil {
			panic(err)
		}
	case kind == "fragment":
		s.bob.Do(s.bob.Receive(queryOf(v)))
	case kind == "TLV 1":
		s.bob.Do(s.bob.End())
	case isRecord && dueIn[kind] == c.smp:
		return s.due
	case isRecord && record != 6:
		if err := s.sendsRecord(kind); err != nil {
			panic(err)
		}
	case isRecord:
		s.bob.Do(s.bob.AbortSMP())
	}
	body := s.bob.Packets[before].Body
	s.bob.Packets = slices.Delete(s.bob.Packets, before, before+1)
	if kind == "fragment" {
		pieces := fragments(body)
		for _, p := range pieces[1:] {
			s.bob.Do([]otr.Event{otr.Transmit{Body: p}})
		}
		return pieces[0]
	}
	return body
}

const tag = "\x20\x09\x20\x20\x09\x09\x09\x09\x20\x09\x20\x09\x20\x09\x20\x20"

var tagOf = map[string]string{"v2": "\x20\x20\x09\x09\x20\x20\x09\x20", "v3": "\x20\x20\x09\x09\x20\x20\x09\x09"}

// fragments returns an encoded message in three pieces.
func fragments(body string) []string {
	raw := decoded(body)
	form := "?OTR,%d,3,%s,"
	if raw[1] == 3 {
		form = fmt.Sprintf("?OTR|%x|%x", raw[3:7], raw[7:11]) + ",%d,3,%s,"
	}
	third := len(body) / 3
	return []string{fmt.Sprintf(form, 1, body[:third]), fmt.Sprintf(form, 2, body[third:2*third]), fmt.Sprintf(form, 3, body[2*third:])}
}

// decoded returns what an encoded message encodes, or nil if body is none.
func decoded(body string) []byte {
	digits, ok := strings.CutPrefix(body, "?OTR:")
	if !ok {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(digits, "."))
	if err != nil {
		panic(err)
	}
	return b
}

func encoded(b []byte) string { return "?OTR:" + base64.StdEncoding.EncodeToString(b) + "." }

// A field is a place in a message and another value for it.
type field struct {
	name  string
	at    int
	value []byte
}

// with returns an encoded message or a fragment with another value in a place of its header.
func (f field) with(body string) string {
	if raw := decoded(body); raw != nil {
		copy(raw[f.at:], f.value)
		return encoded(raw)
	}
	b := []byte(body)
	copy(b[len("?OTR|")+map[int]int{3: 0, 7: 9}[f.at]:], fmt.Sprintf("%x", f.value))
	return string(b)
}

// wrongTags are wrong instance tags, sender and receiver.
var wrongTags = []field{
	{"from another client", 3, []byte{0, 0, 0x30, 0}}, {"from tag 0", 3, []byte{0, 0, 0, 0}}, {"from tag ff", 3, []byte{0, 0, 0, 0xff}},
	{"from her own tag", 3, []byte{0, 0, 0x10, 0}}, {"to another client", 7, []byte{0, 0, 0x12, 0x34}},
	{"to nobody", 7, []byte{0, 0, 0, 0}}, {"to tag ff", 7, []byte{0, 0, 0, 0xff}},
}

// wrongVersions are wrong versions of the protocol.
var wrongVersions = []field{{"version 0", 0, []byte{0, 0}}, {"version 1", 0, []byte{0, 1}}, {"version 2", 0, []byte{0, 2}},
	{"version 3", 0, []byte{0, 3}}, {"version 4", 0, []byte{0, 4}}, {"version 65535", 0, []byte{0xff, 0xff}}}

// A deed is something done to a message on its way.
type deed struct {
	name string
	do   func(s *stage, message, next string)
}

// deeds are what is done to whole messages. next is one that bob sends afterwards.
func deeds(v variant, kind, message string) []deed {
	receive := func(s *stage, bodies ...string) {
		for _, b := range bodies {
			s.alice.Do(s.alice.Receive(b))
		}
	}
	all := []deed{
		{"arrives", func(s *stage, m, _ string) { receive(s, m) }},
		{"is lost", func(s *stage, _, _ string) {}},
		{"comes twice", func(s *stage, m, _ string) { receive(s, m, m) }},
		{"comes again later", func(s *stage, m, _ string) { receive(s, m); s.run(); receive(s, m) }},
		{"is swapped with the next", func(s *stage, m, next string) { receive(s, next, m) }},
		{"is delayed past the next", func(s *stage, m, next string) { receive(s, next); s.run(); receive(s, m) }},
		{"comes again after the end", func(s *stage, m, _ string) {
			receive(s, m)
			s.run()
			s.alice.Do(s.alice.End())
			s.run()
			receive(s, m)
		}},
		{"comes after bob's end", func(s *stage, m, _ string) { s.bob.Do(s.bob.End()); s.run(); receive(s, m) }},
		{"comes a minute later", func(s *stage, m, _ string) { s.Clock.Advance(time.Minute); receive(s, m) }},
		{"follows one of an earlier session", func(s *stage, m, _ string) { receive(s, s.older[kind], m) }},
		{"is one of an earlier session", func(s *stage, _, _ string) { receive(s, s.older[kind]) }},
		{"follows her own", func(s *stage, m, _ string) {
			for _, p := range s.alice.Packets {
				receive(s, p.Body)
			}
			receive(s, m)
		}},
	}
	fields := slices.Clone(wrongVersions)
	if v.name == "v3" {
		fields = append(fields, wrongTags...)
	}
	for _, f := range fields {
		if decoded(message) == nil && (kind != "fragment" || f.at == 0) || bytes.Equal(f.value, []byte{0, byte(v.number)}) {
			continue
		}
		all = append(all, deed{"is " + f.name, func(s *stage, m, _ string) { receive(s, f.with(m)) }},
			deed{"follows one " + f.name, func(s *stage, m, _ string) { receive(s, f.with(m), m) }})
	}
	for _, offered := range []string{"?OTR?", "?OTRv?", "?OTRv1?", "?OTRv2?", "?OTRv4?", "?OTR?v2?", tag + tagOf["v2"], tag} {
		if kind == "query" || kind == "tag" {
			all = append(all, deed{fmt.Sprintf("is %q", offered), func(s *stage, _, _ string) { receive(s, offered) }})
		}
	}
	return all
}

// numbers are what no honest party sends for a number modulo p.
func numbers() map[string][]byte {
	p := new(big.Int).SetBytes(otr.Prime())
	return map[string][]byte{
		"0": {}, "1": {1}, "p-1": new(big.Int).Sub(p, big.NewInt(1)).Bytes(), "p": p.Bytes(), "p+1": new(big.Int).Add(p, big.NewInt(1)).Bytes(),
		"2^4096": append([]byte{1}, make([]byte, 512)...),
	}
}

// replaceMPI returns b with another value for the MPI number i of those that begin at b[at].
func replaceMPI(b []byte, at, i int, value []byte) []byte {
	for ; i > 0; i-- {
		at += 4 + int(binary.BigEndian.Uint32(b[at:]))
	}
	end := at + 4 + int(binary.BigEndian.Uint32(b[at:]))
	out := binary.BigEndian.AppendUint32(slices.Clone(b[:at]), uint32(len(value)))
	return append(append(out, value...), b[end:]...)
}

// forgeries are what a hostile bob can do: his messages are authentic, but no honest party sends them.
func forgeries(v variant, c cell, kind string) []deed {
	aliceTag := otr.InstanceTag(0x1000)
	if v.name == "v2" {
		aliceTag = 0
	}
	forged := func(name string, body func(s *stage) string) deed {
		return deed{name, func(s *stage, _, _ string) { s.alice.Do(s.alice.Receive(body(s))) }}
	}
	var all []deed
	data := func(name string, f otr.Forgery) {
		all = append(all, forged(name, func(s *stage) string { return s.bob.Forge(f) }))
	}
	switch {
	case kind == "data" && c.message == "encrypted":
		for name, y := range numbers() {
			data("next y is "+name, otr.Forgery{Text: []byte("forged"), NextY: y})
		}
		for name, f := range map[string]func(uint64) uint64{
			"equal": func(n uint64) uint64 { return n - 1 },
			"lower": func(n uint64) uint64 { return n - 2 },
			"zero":  func(uint64) uint64 { return 0 },
		} {
			all = append(all, forged("counter is "+name, func(s *stage) string {
				must(s.says(s.bob))
				s.alice.Do(s.alice.Receive(take(s.bob)))
				must(s.judge())
				return s.bob.Forge(otr.Forgery{Text: []byte("forged"), Counter: f})
			}))
		}
		// The largest one is in order, though it is the last with these keys.
		all = append(all, forged("counter is largest", func(s *stage) string {
			largest := s.bob.Forge(otr.Forgery{Text: []byte("bob says the last word"), Counter: func(uint64) uint64 { return 1<<64 - 1 }})
			s.said["bob says the last word"] = true
			s.alice.Do(s.alice.Receive(largest))
			must(s.judge())
			return s.bob.Forge(otr.Forgery{Text: []byte("forged")})
		}))
		for _, d := range []uint32{2, 1 << 31, 1<<32 - 2} {
			data(fmt.Sprint("sender key + ", int32(d)), otr.Forgery{Text: []byte("forged"), SenderKey: d})
			data(fmt.Sprint("recipient key + ", int32(d)), otr.Forgery{Text: []byte("forged"), RecipientKey: d})
		}
		for _, mac := range otr.ForgedMACs {
			data("MAC key is "+mac, otr.Forgery{Text: []byte("forged"), MAC: mac})
		}
		all = append(all, forged("key ids are 0", func(s *stage) string {
			raw := decoded(s.bob.Forge(otr.Forgery{}))
			clear(raw[v.header+1 : v.header+9])
			return encoded(raw)
		}))
	case kind == "commit":
		for name, gx := range numbers() {
			all = append(all, deed{"g^x is " + name, func(s *stage, _, _ string) {
				commit, reveal := s.bob.ForgeCommit(v.number, aliceTag, gx)
				s.alice.Do(s.alice.Receive(commit))
				s.alice.Do(s.alice.Receive(reveal))
			}})
		}
	case kind == "key":
		for name, gy := range numbers() {
			all = append(all, forged("g^y is "+name, func(s *stage) string { return s.bob.ForgeDHKey(v.number, aliceTag, gy) }))
		}
	case kind == "reveal" && c.auth == "awaiting-revealsig", kind == "signature" && c.auth == "awaiting-sig":
		forge := func(name string, edit func(x []byte) []byte) {
			all = append(all, deed{name, func(s *stage, _, _ string) {
				var body string
				if kind == "reveal" {
					s.pass(s.alice, s.bob, "key")
					body = s.bob.ForgeReveal(aliceTag, edit)
				} else {
					body = s.bob.ForgeSignature(aliceTag, take(s.alice), edit)
				}
				s.alice.Do(s.alice.Receive(body))
			}})
		}
		for name, n := range numbers() {
			for i, parameter := range []string{"p", "q", "g", "y"} {
				forge(parameter+" is "+name, func(x []byte) []byte { return replaceMPI(x, 2, i, n) })
			}
		}
		forge("key type is 1", func(x []byte) []byte { x[1] = 1; return x })
		forge("key id is 0", func(x []byte) []byte { clear(x[len(x)-44 : len(x)-40]); return x })
		forge("r and s are 0", func(x []byte) []byte { clear(x[len(x)-40:]); return x })
		forge("X is empty", func(x []byte) []byte { return nil })
		forge("X is longer", func(x []byte) []byte { return append(x, 0) })
	case strings.HasPrefix(kind, "SMP") && kind != "SMP abort" && c.message == "encrypted":
		value := values()[kind]
		at := len(value) - len(values()[strings.TrimSuffix(kind, "Q")]) + 4
		count := int(binary.BigEndian.Uint32(value[at-4:]))
		for name, n := range numbers() {
			for i := range count {
				data(fmt.Sprintf("number %d is %s", i, name), otr.Forgery{Record: true, Kind: recordTypes[kind], Value: replaceMPI(value, at, i, n)})
			}
		}
		for name, n := range map[string]uint32{"0": 0, "one less": uint32(count - 1), "one more": uint32(count + 1), "2^32-1": 1<<32 - 1} {
			b := slices.Clone(value)
			binary.BigEndian.PutUint32(b[at-4:], n)
			data("count is "+name, otr.Forgery{Record: true, Kind: recordTypes[kind], Value: b})
		}
	}
	return all
}

// everyMutant calls f with what makes a message with each bit of each byte flipped, and cut off at each length.
func everyMutant(message string, f func(name string, mutant func() string)) {
	raw := decoded(message)
	binary, text := raw != nil, encoded
	if !binary {
		raw, text = []byte(message), func(b []byte) string { return string(b) }
	}
	for i := range raw {
		for bit := range 8 {
			f("bit", func() string {
				flipped := slices.Clone(raw)
				flipped[i] ^= 1 << bit
				return text(flipped)
			})
		}
		if binary {
			f("cut", func() string { return encoded(raw[:i]) })
		}
	}
	f("longer", func() string { return text(append(raw, 0)) })
	for i := range message {
		f("cut text", func() string { return message[:i] })
	}
}

// A tally counts cases.
type tally struct{ cases, classes, sessions atomic.Int64 }

// A player plays the cases of one cell.
type player struct {
	t       *testing.T
	tally   *tally
	settled map[[sha256.Size]byte]error
}

// finish plays a case on to its end, unless an earlier case came to the same point.
func (p *player) finish(s *stage, touchedBob bool, base *stage) error {
	p.tally.cases.Add(1)
	if err := s.judge(); err != nil {
		return err
	}
	h := sha256.New()
	fmt.Fprint(h, s.Clock.Now(), s.alice.Snapshot())
	if touchedBob {
		fmt.Fprint(h, s.bob.Snapshot())
	}
	key := [sha256.Size]byte(h.Sum(nil))
	err, known := p.settled[key]
	if !known {
		p.tally.classes.Add(1)
		if !touchedBob {
			clock := s.Clock
			s.bob = base.bob.Clone(clock)
			s.Network = &otrtest.Network{Clock: clock, Left: []*otrtest.Party{s.alice}, Right: []*otrtest.Party{s.bob}}
		}
		s.verifiesToo = len(p.settled)%20 == 5
		err = s.settle(p.tally)
		p.settled[key] = err
	}
	return err
}

// settle lets a minute pass and then has both try honestly.
func (s *stage) settle(tally *tally) error {
	s.says(s.alice) // whatever comes of it
	for range 2 {
		if err := s.run(); err != nil {
			return err
		}
		if err := s.judge(); err != nil {
			return err
		}
		s.Clock.Advance(time.Minute)
		s.alice.Do(s.alice.Poll())
		s.bob.Do(s.bob.Poll())
	}
	if auth := s.auth(); auth != "none" {
		return fmt.Errorf("a minute later the key exchange is in %s", auth)
	}
	s.alice.Do(s.alice.Start())
	if err := s.run(); err != nil {
		return err
	}
	tally.sessions.Add(1)
	a, b := s.alice.Peer(), s.bob.Peer()
	if s.alice.State() != otr.Encrypted || s.bob.State() != otr.Encrypted || a.SSID != b.SSID {
		return fmt.Errorf("after an honest try alice is %v, bob is %v: %v, %v", s.alice.State(), s.bob.State(), s.alice.Told, s.bob.Told)
	}
	if err := s.judge(); err != nil {
		return err
	}
	for _, p := range []*otrtest.Party{s.alice, s.bob, s.alice} {
		before := len(s.shown)
		if err := s.says(p); err != nil {
			return err
		}
		if err := s.run(); err != nil {
			return err
		}
		if err := s.judge(); err != nil {
			return err
		}
		if len(s.shown) != before+1 {
			return fmt.Errorf("what %s says after an honest try does not arrive", p.Name)
		}
	}
	if s.verifiesToo {
		if err := s.verify(); err != nil {
			return err
		}
	}
	s.alice.Do(s.alice.End())
	if err := s.run(); err != nil {
		return err
	}
	if s.alice.State() != otr.Plaintext || s.bob.State() != otr.Finished {
		return fmt.Errorf("after the end alice is %v, bob is %v", s.alice.State(), s.bob.State())
	}
	return s.judge()
}

// verify has alice ask bob, whose answer is right.
func (s *stage) verify() error {
	events, err := s.alice.StartSMP("a question", []byte("secret"))
	if err != nil {
		return err
	}
	s.alice.Do(events)
	if err := s.run(); err != nil {
		return err
	}
	succeeded := 0
	for _, e := range s.bob.Take() {
		if r, ok := e.(otr.SMPRequest); ok {
			events, err := s.bob.AnswerSMP(r.ID, []byte("secret"))
			if err != nil {
				return err
			}
			s.bob.Do(events)
		}
	}
	if err := s.run(); err != nil {
		return err
	}
	for _, e := range append(s.alice.Take(), s.bob.Take()...) {
		if r, ok := e.(otr.SMPResult); ok && r.Outcome == otr.SMPSuccess {
			succeeded++
		}
	}
	if succeeded != 2 {
		return fmt.Errorf("SMP after an honest try succeeds on %d sides", succeeded)
	}
	return nil
}

// whole says that all cases are to be played.
var whole = os.Getenv("SOTTO_MATRIX") != ""

// sample says which of many cases TestMatrix plays: one in n, or all of them.
type sample struct{ n, seen int }

func (s *sample) next() bool {
	if whole {
		return true
	}
	s.seen++
	return s.seen%s.n == 0
}

// TestMatrix plays the matrix, or with SOTTO_MATRIX=1 all of it.
func TestMatrix(t *testing.T) {
	var total tally
	began := time.Now()
	defer func() {
		t.Logf("%d cases, %d different ones, %d honest tries afterwards, %v", total.cases.Load(), total.classes.Load(), total.sessions.Load(), time.Since(began).Round(time.Second))
	}()
	t.Run("cells", func(t *testing.T) {
		for _, v := range variants {
			opened := v.open()
			for _, message := range messageStates {
				for _, auth := range authStates {
					for _, smp := range smpStates {
						c := cell{message, auth, smp}
						t.Run(v.name+"/"+c.String(), func(t *testing.T) {
							t.Parallel()
							start := time.Now()
							playCell(t, opened, v, c, &total)
							if whole {
								fmt.Printf("%s %v: %v; %d cases so far\n", v.name, c, time.Since(start).Round(time.Second), total.cases.Load())
							}
						})
					}
				}
			}
		}
	})
}

func playCell(t *testing.T, opened *stage, v variant, c cell, total *tally) {
	base := opened.set(v, c)
	if !c.possible() {
		return // it is as without SMP, which was checked
	}
	player := &player{t, total, map[[sha256.Size]byte]error{}}
	deedSample, mutantSample := &sample{n: 149, seen: 5 * len(c.String())}, &sample{n: 9973, seen: 31 * len(c.String())}
	failures := 0
	fail := func(kind, what string, err error) {
		if failures++; err != nil && failures < 20 {
			t.Errorf("%s %s: %v", kind, what, err)
		}
	}
	for _, kind := range matrixKinds {
		s := base.clone()
		message := s.next(v, c, kind)
		if message == "" {
			t.Fatalf("no message %s", kind)
		}
		later := s.clone()
		next := later.next(v, c, map[bool]string{true: "data", false: "query"}[later.bob.State() == otr.Encrypted])
		// The deeds see bob as he is after he sent both.
		for _, d := range deeds(v, kind, message) {
			if !deedSample.next() {
				continue
			}
			played := later.clone()
			d.do(played, message, next)
			if err := player.finish(played, true, nil); err != nil {
				fail(kind, d.name, err)
			}
		}
		for _, d := range forgeries(v, c, kind) {
			if !deedSample.next() {
				continue
			}
			played := base.clone()
			d.do(played, "", "")
			if err := checkForgery(played); err != nil {
				fail(kind, d.name, err)
			}
			if err := player.finish(played, true, nil); err != nil {
				fail(kind, d.name, err)
			}
		}
		if c.smp == dueIn[kind] || c.smp == "1" && strings.HasPrefix(kind, "SMP 1") && c.message == "encrypted" {
			playValues(c, kind, base, player, mutantSample, fail)
		}
		fresh := s.cloneAlice()
		unchanged := false // was such a case played to its end?
		before, essence := fresh.alice.Snapshot(), otrtest.Snapshot(fresh.alice.Conversation, mayChange...)
		everyMutant(message, func(name string, make func() string) {
			if !mutantSample.next() {
				return
			}
			mutant := make()
			events := fresh.alice.Receive(mutant)
			fresh.alice.Do(events)
			changed := fresh.alice.Snapshot() != before
			if changed && refused(events) && !fresh.heard(s) && otrtest.Snapshot(fresh.alice.Conversation, mayChange...) != essence {
				fail(kind, fmt.Sprintf("%s %.80q", name, mutant), errors.New("refused, but it changed the conversation"))
			}
			if !changed && unchanged {
				total.cases.Add(1)
				if err := fresh.judge(); err != nil {
					fail(kind, fmt.Sprintf("%s %.80q", name, mutant), err)
				}
				return // everything is as if the message was lost, and what comes of that was played
			}
			known := len(player.settled)
			if err := player.finish(fresh, false, s); err != nil {
				fail(kind, fmt.Sprintf("%s %.80q", name, mutant), err)
			}
			unchanged = unchanged || !changed
			if changed || len(player.settled) > known { // it was played to its end
				fresh = s.cloneAlice()
			}
		})
	}
}

// checkForgery fails if a forged message gave a text, a session or a result.
func checkForgery(s *stage) error {
	for _, e := range s.alice.Told {
		switch e := e.(type) {
		case otr.Message:
			if e.Encrypted {
				return fmt.Errorf("shown: %q", e.Text)
			}
		case otr.StateChange:
			return fmt.Errorf("the conversation is %v", e.New)
		case otr.SMPResult:
			if e.Outcome == otr.SMPSuccess || e.Outcome == otr.SMPFailure {
				return fmt.Errorf("SMP ends in %d", e.Outcome)
			}
		}
	}
	return nil
}

// playValues flips each bit of the numbers in a message of SMP that is due, under bob's own MAC, and cuts the message
// off at each length.
func playValues(c cell, kind string, base *stage, player *player, sample *sample, fail func(kind, what string, err error)) {
	opened := base.clone()
	value := values()[kind]
	if opened.due != "" {
		value = opened.alice.Open(opened.due, recordTypes[kind])
	}
	first := len(value) - len(bytes.TrimPrefix(value, []byte("a question\x00")))
	play := func(name string, value []byte) {
		s := base.clone()
		s.alice.Do(s.alice.Receive(s.bob.Forge(otr.Forgery{Record: true, Kind: recordTypes[kind], Value: value})))
		err := checkForgery(s)
		if err == nil {
			err = player.finish(s, true, nil)
		}
		if err != nil {
			fail(kind, name, err)
		}
	}
	for i := first; i < len(value); i++ {
		for bit := range 8 {
			if c.auth != "none" && (8*i+bit)%16 != 0 || !sample.next() {
				continue // what else is going on makes no difference, so a part of it will do
			}
			flipped := slices.Clone(value)
			flipped[i] ^= 1 << bit
			play(fmt.Sprintf("bit %d of byte %d", bit, i), flipped)
		}
		if sample.next() {
			play(fmt.Sprintf("cut at %d", i), slices.Clone(value[:i]))
		}
	}
}
