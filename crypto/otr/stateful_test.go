package otr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// scripts are seeds of FuzzConversations: a byte of options, then pairs of what is done and how.
var scripts = []string{
	// A whole conversation: start, texts, SMP, end.
	"\x00" + "00" + repeat("40", 8) + "10" + "11" + repeat("40", 4) + "20" + "40" + "31" + repeat("40", 8) + "50" + "40",
	// Both start at once, in version 3 and in version 2.
	"\x00" + "00" + "01" + repeat("40", 12) + "10" + "11" + "40" + "40",
	"\x01" + "00" + "01" + repeat("40", 12) + "10" + "11" + "40" + "40",
	// In fragments; some are lost, doubled, swapped, changed, or come again.
	"\x02" + "00" + repeat("40", 40) + "10" + "60" + "70" + "80" + "90" + "a0" + repeat("40", 10),
	// A second client of bob's, and a choice between the two.
	"\x08" + "00" + repeat("40", 16) + "12" + "40" + "b2" + "10" + "40" + "52" + "40" + "10" + "40",
	// Error messages begin key exchanges; clear text and tags come in between; time passes.
	"\x0c" + "c8" + "40" + "c0" + "cc" + repeat("40", 12) + "d0" + "d1" + "10" + "40" + "11" + "c4" + repeat("40", 6),
	// SMP: a wrong answer, an abort, both at once.
	"\x00" + "00" + repeat("40", 8) + "20" + "40" + "39" + repeat("40", 6) + "20" + "21" + repeat("40", 6) + "20" + "40" + "e1" + "40",
	// What is sent in sessions that have ended.
	"\x00" + "00" + repeat("40", 8) + "10" + "50" + "40" + "40" + "11" + "f0" + "a7" + "40" + "51" + "00" + repeat("40", 8) + "a3" + "40",
	// Texts that are typed before there is a session, and one that is meant for bob's first client only.
	"\x08" + "10" + "10" + "00" + repeat("40", 16) + "b9" + "10" + repeat("40", 4) + "50" + "10" + repeat("40", 16) + "b9" + repeat("40", 4),
	// What bob's first client answers in a key exchange comes under another tag as well. Alice writes to both, if she can.
	"\x08" + "01" + "40" + "40" + "e9" + repeat("40", 6) + "e9" + repeat("40", 6) + "b3" + "10" + "b9" + "10" + repeat("40", 4),
}

// repeat returns a step of a script several times.
func repeat(step string, times int) string { return strings.Repeat(step, times) }

// FuzzConversations plays what bytes say between alice, one or two clients of bob's, and the network, and checks after
// each of up to 64 steps what must always hold. See the methods of play. In the end the network is honest, and both
// must get a private conversation.
func FuzzConversations(f *testing.F) {
	for _, s := range scripts {
		script := []byte(readable(s))
		f.Add(script)
		f.Add(prepared(script))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 {
			return
		}
		p := newPlay(t, script[0])
		for n, s := 0, script[1:]; n < 64 && len(s) >= 2; n, s = n+1, s[2:] {
			p.step(s[0], s[1])
			p.check()
		}
		p.honest()
	})
}

// prepared is a script in which whoever has done something computes ahead what comes next.
func prepared(script []byte) []byte {
	script = slices.Clone(script)
	for i := 1; i < len(script); i += 2 {
		script[i] |= 16
	}
	return script
}

// readable turns the digits of the seeds into bytes.
func readable(s string) string {
	b := []byte(s[:1])
	for _, c := range []byte(s[1:]) {
		b = append(b, byte(strings.IndexByte("0123456789abcdef", c)))
	}
	return string(b)
}

// A play is the parties and what is on its way between them.
type play struct {
	t     *testing.T
	now   time.Time
	ends  []*playEnd // alice, bob, perhaps bob's second client
	wire  []packet
	sent  []packet // everything, for replays
	texts int
	seen  map[string]bool // what was told, by type
}

type packet struct {
	from int
	body string
}

// A typedText waits for a private conversation with whoever has a key, or with anybody if none was known.
type typedText struct {
	text string
	to   Fingerprint
}

// A playEnd is one party, and does with texts what the package comment tells a caller to do.
type playEnd struct {
	c        *Conversation
	bob      bool
	said     map[string][8]byte // texts that were sent encrypted, and in which session
	typed    int                // how many texts its user typed
	waiting  []typedText        // that could not be sent yet
	refused  int                // texts that its user was told to keep
	bound    map[string]Fingerprint
	last     Fingerprint     // whom its user last had a private conversation with
	read     map[string]bool // texts that were shown as private
	secrets  map[string]bool // all that were typed for SMP
	secret   string          // the last one
	request  uint64
	reveal   map[[20]byte]bool
	sendMACs map[[20]byte]bool   // of all pairs of keys that there were, each of which tells an encryption key
	counters map[[20]byte]uint64 // the last one by sendMAC
}

// playKeys are the keys of alice, of bob and of bob's second client.
var playKeys = sync.OnceValue(func() []*PrivateKey {
	keys := []*PrivateKey{testKey()}
	for _, name := range []string{"bob's key", "another key of bob's"} {
		k, err := GenerateKey(testRand(name))
		if err != nil {
			panic(err)
		}
		keys = append(keys, k)
	}
	return keys
})

func newPlay(t *testing.T, options byte) *play {
	p := &play{t: t, now: time.Unix(1e9, 0), seen: map[string]bool{}}
	policy, size := AllowV3|RequireEncryption|WhitespaceStartAKE|SendWhitespaceTag, 0
	if options&1 != 0 {
		policy ^= AllowV3 | AllowV2
	}
	if options&2 != 0 {
		size = 300
	}
	if options&4 != 0 {
		policy |= ErrorStartAKE
	}
	parties := 2
	if options&8 != 0 && policy.has(AllowV3) {
		parties = 3
	}
	for n := range parties {
		c := New(&Config{Key: playKeys()[n], Tag: InstanceTag(0x1000 * (n + 1)), Policy: policy, MaxSize: size,
			Rand: testRand(fmt.Sprint("party ", n)), Time: func() time.Time { return p.now }})
		p.ends = append(p.ends, &playEnd{c: c, bob: n > 0, said: map[string][8]byte{}, bound: map[string]Fingerprint{}, read: map[string]bool{}, secrets: map[string]bool{},
			reveal: map[[20]byte]bool{}, sendMACs: map[[20]byte]bool{}, counters: map[[20]byte]uint64{}})
	}
	return p
}

// step does one thing. how says who does it, and what else there is to say.
func (p *play) step(what, how byte) {
	who := int(how) % len(p.ends)
	end := p.ends[who]
	if what&16 != 0 {
		defer end.c.Prepare()
	}
	switch what & 15 {
	case 0:
		p.do(who, end.c.Start())
	case 1:
		p.send(who)
	case 2:
		end.secret = fmt.Sprint("secret ", len(end.secrets), who)
		question := map[bool]string{true: "a question"}[how&4 != 0]
		events, err := end.c.StartSMP(question, []byte(end.secret))
		if err == nil {
			end.secrets[end.secret] = true
		}
		p.do(who, events)
	case 3:
		other := p.ends[(who+1)%len(p.ends)]
		secret := other.secret
		if how&8 != 0 {
			secret = "wrong"
		}
		events, err := end.c.AnswerSMP(end.request, []byte(secret))
		if err == nil {
			end.secret, end.secrets[secret] = secret, true
		}
		p.do(who, events)
	case 4:
		if len(p.wire) > 0 {
			first := p.wire[0]
			p.wire = p.wire[1:]
			p.deliver(first)
		}
	case 5:
		p.do(who, end.c.End())
		if end.c.State() != Plaintext {
			p.t.Errorf("after End: %v", end.c.State())
		}
	case 6: // lost
		if len(p.wire) > 0 {
			p.wire = p.wire[1:]
		}
	case 7: // doubled
		if len(p.wire) > 0 {
			p.wire = slices.Insert(p.wire, 0, p.wire[0])
		}
	case 8: // swapped
		if n := int(how); len(p.wire) > 1+n {
			p.wire[0], p.wire[1+n] = p.wire[1+n], p.wire[0]
		}
	case 9: // changed
		if len(p.wire) > 0 && p.wire[0].body != "" {
			body := []byte(p.wire[0].body)
			body[int(how)*31%len(body)] ^= 1 << (how & 7)
			p.wire[0].body = string(body)
		}
	case 10: // again
		if len(p.sent) > 0 {
			p.wire = append(p.wire, p.sent[int(how)*7%len(p.sent)])
		}
	case 11:
		to := InstanceTag(how >> 4)
		if how < 16 {
			to = InstanceTag(0x1000 * (int(how&3) + 1))
		}
		p.do(who, end.c.Select(to))
	case 12: // what anybody can send
		body := []string{"hello", "?OTRv23?", "?OTR Error: x", "hello" + tagBase + tagVersion3 + tagVersion2, "?OTR,1,1,?OTR|,",
			"?OTR|2000|1000,1,3,?OTR:,", "?OTR:AAMD.", "?OTR|1000|2000,2,3,x,"}[how>>2&7]
		before := end.c.view()
		events := end.c.Receive(body)
		if after := end.c.view(); after != before {
			p.t.Errorf("%q changes %+v to %+v", body, before, after)
		}
		p.do(who, events)
	case 13:
		p.now = p.now.Add(time.Duration(1+how%3*60) * time.Second)
		for n, e := range p.ends {
			p.do(n, e.c.Poll())
		}
	case 14:
		if how&8 != 0 {
			p.copyUnderTag(int(how & 7))
			break
		}
		p.do(who, end.c.AbortSMP())
	case 15: // cut off
		if len(p.wire) > 0 {
			p.wire[0].body = p.wire[0].body[:len(p.wire[0].body)*int(how)/256]
		}
	}
}

// otherTag is what nobody has.
const otherTag InstanceTag = 0x4000

// copyUnderTag sends one of the messages that were sent last once more, as if from another client: nothing but the MAC of
// a data message authenticates the tags.
func (p *play) copyUnderTag(back int) {
	if back >= len(p.sent) {
		return
	}
	pk := p.sent[len(p.sent)-1-back]
	message := parseBody(pk.body).message
	h, _, ok := parseMessage(message)
	if !ok || h.version != version3 {
		return
	}
	binary.BigEndian.PutUint32(message[3:], uint32(otherTag))
	p.seen["copied"] = true
	p.wire = append(p.wire, packet{pk.from, encode(message)})
}

// send has a user type a text.
func (p *play) send(who int) {
	end := p.ends[who]
	p.texts++
	end.typed++
	p.hand(who, typedText{fmt.Sprint("text ", p.texts), end.last})
}

// hand sends a text, or has it wait for whom it is meant for. It leaves only in Encrypted: I1, and in Finished nothing
// leaves at all: I2.
func (p *play) hand(who int, w typedText) {
	end := p.ends[who]
	state, peer := end.c.State(), end.c.Peer()
	if state == Encrypted && w.to != peer.Fingerprint && w.to != (Fingerprint{}) {
		end.waiting = append(end.waiting, w)
		return
	}
	events, err := end.c.Send([]byte(w.text))
	switch {
	case (err == nil) != (state == Encrypted):
		p.t.Errorf("Send in %v: %v", state, err)
	case state == Finished && (len(events) > 0 || !errors.Is(err, ErrFinished)):
		p.t.Errorf("in Finished: %v, %v", events, err)
	case state == Finished:
		end.refused++
	case err == nil:
		end.said[w.text], end.bound[w.text] = peer.SSID, peer.Fingerprint
	default:
		end.waiting = append(end.waiting, w)
	}
	p.do(who, events)
}

// release sends the texts that have waited for a session.
func (p *play) release(who int) {
	waiting := p.ends[who].waiting
	p.ends[who].waiting = nil
	for _, w := range waiting {
		p.seen["waited"] = true
		p.hand(who, w)
	}
}

// deliver hands a message to all clients of the other account.
func (p *play) deliver(pk packet) {
	for n, end := range p.ends {
		if end.bob != p.ends[pk.from].bob {
			p.do(n, end.c.Receive(pk.body))
		}
	}
}

// do carries out events and checks each.
func (p *play) do(who int, events []Event) {
	end := p.ends[who]
	end.note()
	begun := false
	for _, e := range events {
		p.seen[strings.TrimPrefix(fmt.Sprintf("%T", e), "otr.")] = true
		switch e := e.(type) {
		case Transmit:
			if !IsOTR(e.Body) || strings.Contains(e.Body, "text") { // I1
				p.t.Errorf("clear text leaves: %q", e.Body)
			}
			if size := end.c.config.MaxSize; size > 0 && len(e.Body) > size {
				p.t.Errorf("%d bytes leave", len(e.Body))
			}
			switch b := parseBody(e.Body); b.form {
			case formEncoded:
				p.checkSent(end, b.message)
			case formFragment:
				p.seen["fragment"] = true
			}
			p.wire = append(p.wire, packet{who, e.Body})
			p.sent = append(p.sent, packet{who, e.Body})
		case Message:
			p.checkShown(end, e)
		case StateChange:
			if e.New == Encrypted {
				begun, end.last = true, e.Peer.Fingerprint
			}
		case SMPRequest:
			end.request = e.ID
		case SMPResult:
			p.seen[fmt.Sprint("result ", e.Outcome)] = true
			p.checkResult(end, e)
		case Failure:
			p.t.Errorf("failure: %v", e.Err)
		}
	}
	if begun {
		p.release(who)
	}
}

// TestSeedsOfConversations keeps the seeds honest: what they are to bring about, they do.
func TestSeedsOfConversations(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scripts {
		p := newPlay(t, s[0])
		for b := []byte(readable(s))[1:]; len(b) >= 2; b = b[2:] {
			p.step(b[0], b[1])
			p.check()
		}
		p.honest()
		for _, end := range p.ends {
			if len(end.read) > 0 {
				seen[fmt.Sprint("read in ", end.c.Peer().Version)] = true
			}
		}
		for name := range p.seen {
			seen[name] = true
		}
	}
	for _, want := range []string{"read in 2", "read in 3", "StateChange", "InstanceChange", "SMPRequest", "SMPProgress", "result 0", "result 1",
		"result 2", "PeerError", "Offer", "Rejected", "fragment", "Heartbeat", "copied", "waited"} {
		if !seen[want] {
			t.Errorf("no %s: %v", want, seen)
		}
	}
}

// checkShown checks I3: what is shown as private was said by the other in that very session, and is shown once.
func (p *play) checkShown(end *playEnd, m Message) {
	text := string(m.Text)
	if !m.Encrypted {
		if !m.Unexpected {
			p.t.Errorf("clear text is shown without a warning: %q", text)
		}
		return
	}
	said := false
	for _, other := range p.ends {
		ssid, ok := other.said[text]
		if ok && other.bound[text] != end.c.config.Key.Fingerprint() {
			p.t.Errorf("%q, for %v, is shown to somebody else", text, other.bound[text]) // I9
		}
		said = said || ok && other.bob != end.bob && ssid == m.From.SSID && other.c.config.Key.Fingerprint() == m.From.Fingerprint
	}
	if !said || end.read[text] {
		p.t.Errorf("%q of %+v is shown as private", text, m.From)
	}
	end.read[text] = true
}

// checkResult checks that SMP succeeds only if somebody at the other end typed the same: the part of I4 that is ours.
func (p *play) checkResult(end *playEnd, r SMPResult) {
	if r.Outcome != SMPSuccess {
		return
	}
	typed := false
	for _, other := range p.ends {
		typed = typed || other.bob != end.bob && other.secrets[end.secret]
	}
	if !typed || end.secret == "wrong" && !r.Initiator {
		p.t.Errorf("SMP succeeds with %q: %+v", end.secret, r)
	}
}

// note notes the keys that end has.
func (end *playEnd) note() {
	for _, i := range end.c.instances {
		for a := range i.keys.pairs {
			for b := range i.keys.pairs[a] {
				if k := &i.keys.pairs[a][b]; k.derived {
					end.sendMACs[k.sendMAC] = true
				}
			}
		}
	}
}

// checkSent checks a message that leaves: a MAC key is revealed once (I5), and counters rise (I6), whatever client and
// whatever session a key belongs to: nothing is encrypted with the same key stream as something else.
func (p *play) checkSent(end *playEnd, raw []byte) {
	h, message, ok := parseMessage(raw)
	if !ok {
		p.t.Fatalf("a message that cannot be read leaves: %x", raw)
	}
	m, ok := message.(*dataMessage)
	if !ok {
		return
	}
	if i := end.c.instances[h.to]; h.to != 0 && i != nil && i.state == Finished {
		p.t.Errorf("a data message leaves in %v", i.state) // I2
	}
	counter := binary.BigEndian.Uint64(m.counter[:])
	known := false
	for key := range end.sendMACs {
		if dataMAC(&key, m.authenticated) != m.mac {
			continue
		}
		known = true
		if counter <= end.counters[key] {
			p.t.Errorf("counter %d comes after %d with the same key", counter, end.counters[key])
		}
		end.counters[key] = counter
	}
	if i := end.c.instances[h.to]; !known && i != nil && i.state == Encrypted {
		p.t.Error("a message leaves that is authenticated by no key of the session")
	}
	if len(m.oldMACKeys)%20 != 0 {
		p.t.Errorf("%d bytes of MAC keys", len(m.oldMACKeys))
	}
	for key := range slices.Chunk(m.oldMACKeys, 20) {
		if end.reveal[[20]byte(key)] {
			p.t.Errorf("MAC key %x is revealed again", key)
		}
		end.reveal[[20]byte(key)] = true
	}
}

// check checks what must hold between any two steps: no revealed key can verify anything (I5), everything is bounded
// (I7), and each text that was typed is in one place: sent, waiting, or with its user (I8).
func (p *play) check() {
	for _, end := range p.ends {
		end.note()
		if end.typed != len(end.said)+len(end.waiting)+end.refused {
			p.t.Errorf("of %d texts %d were sent, %d wait and %d were refused", end.typed, len(end.said), len(end.waiting), end.refused)
		}
		c := end.c
		if len(c.instances) > len(p.ends) || len(c.partial) > maxPartial {
			p.t.Errorf("%d clients, %d incomplete messages", len(c.instances), len(c.partial))
		}
		if c.selected != nil && c.instances[c.selected.tag] != c.selected {
			p.t.Error("a client is selected that is not remembered")
		}
		for _, a := range c.partial {
			if a.size > maxEncoded {
				p.t.Errorf("%d bytes of an incomplete message", a.size)
			}
		}
		for _, i := range c.instances {
			p.checkInstance(end, i)
		}
	}
}

func (p *play) checkInstance(end *playEnd, i *instance) {
	if i.state != Encrypted && (i.smp.running() || !i.keys.ours[previous].IsZero() || !i.keys.ours[latest].IsZero() || i.peer.SSID != [8]byte{}) {
		p.t.Errorf("secrets are left in %v", i.state)
	}
	if i.state == Encrypted && (i.keys.ours[previous].IsZero() || i.keys.theirs[latest].IsZero() || i.peer.SSID == [8]byte{}) {
		p.t.Error("a session without keys")
	}
	if len(i.keys.reveal) > maxReveal {
		p.t.Errorf("%d keys wait to be revealed", len(i.keys.reveal))
	}
	if i.smp.initiator != nil && i.smp.responder != nil {
		p.t.Error("two runs of SMP")
	}
	for a := range i.keys.pairs {
		for b := range i.keys.pairs[a] {
			if k := &i.keys.pairs[a][b]; k.derived && end.reveal[k.receiveMAC] {
				p.t.Error("a revealed MAC key is still in use")
			}
		}
	}
}

// honest ends everything, lets time pass and starts anew, on a network that delivers everything: alice and bob must
// get a private conversation.
func (p *play) honest() {
	run := func() {
		for n := 0; len(p.wire) > 0; n++ {
			if n == 2000 {
				p.t.Fatal("the parties do not come to rest")
			}
			p.step(4, 0)
		}
	}
	run()
	for n, end := range p.ends {
		p.do(n, end.c.End())
	}
	run()
	p.step(13, 2)
	for n, end := range p.ends {
		p.do(n, end.c.End())
	}
	p.now = p.now.Add(time.Hour)
	p.step(0, 0)
	run()
	for who := range p.ends[:2] {
		if state := p.ends[who].c.State(); state != Encrypted {
			p.t.Fatalf("after an honest try %d is %v", who, state)
		}
		p.send(who)
		run()
		text := fmt.Sprint("text ", p.texts)
		if who == 1 && !p.ends[0].read[text] || who == 0 && !p.ends[1].read[text] && (len(p.ends) < 3 || !p.ends[2].read[text]) {
			p.t.Errorf("%q does not arrive", text)
		}
		p.check()
	}
}
