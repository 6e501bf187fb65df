package otr

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
)

// bodies are messages of every kind, as seeds.
func bodies(t testing.TB) []string {
	all := []string{
		"", "hello", "?OTR", "?OTR?", "?OTR?v?", "?OTRv?", "?OTRv3?", "?OTR?v24x3?", "what is ?OTR? anyway", query(8) + explanation,
		"?OTR:", "?OTR:.", "?OTR:=.", "?OTR:===.", "?OTR:AAMD", "?OTR:AAMD.", "?OTR:AAID.", "?OTR:AAED.", "?OTR:AAMCAAAQAAAAAAA=.",
		"?OTR Error: x", "see ?OTR Error: x", "hello" + tagBase + tagVersion3 + "after", tagBase + tagVersion3 + tagBase,
		"?OTR|2000|1000,1,1,hello,", "?OTR|2000|1000,1,2,?OTR:AAMD,", "?OTR|00002000|00000000,00002,00002,x,", "?OTR,1,1,?OTR|,",
		"?OTR|2000|1000,65537,65537,x,", "?OTR|2000|1000,1,1,,", "?OTR|,", "?OTR|ffffffffff|1,1,1,x,",
	}
	alice, bob := sessionOf(t, "other alice", "other bob")
	take := func(events []Event) {
		for _, e := range events {
			if tr, ok := e.(Transmit); ok {
				all = append(all, tr.Body)
			}
		}
	}
	fresh := New(&Config{Key: testKey(), Tag: 0x3000, Policy: PolicyManual, Rand: testRand("fresh")})
	commit := fresh.Receive("?OTRv3?")
	take(commit)
	key := alice.Receive(commit[1].(Transmit).Body)
	take(key)
	reveal := fresh.Receive(key[0].(Transmit).Body)
	take(reveal)
	take(alice.Receive(reveal[0].(Transmit).Body))
	events, err := bob.Send([]byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	take(events)
	events, err = bob.StartSMP("question", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	take(events)
	take(bob.End())
	return all
}

// FuzzParseBody: everything is text or a message of the protocol, and no text is lost.
func FuzzParseBody(f *testing.F) {
	for _, s := range bodies(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := parseBody(s)
		if b.form == formText && !b.tagged && b.text != s {
			t.Errorf("text %q becomes %q", s, b.text)
		}
		if b.tagged && (len(b.text) > len(s)-len(tagBase) || strings.Trim(s, " \t") != "" && b.text == "") {
			t.Errorf("tagged %q becomes %q", s, b.text)
		}
		if b.form != formText && !strings.Contains(s, "?OTR") {
			t.Errorf("%q is taken for a message", s)
		}
		if b.form == formFragment && b.fragment.k != 0 && (b.fragment.k > b.fragment.n || b.fragment.piece == "" || strings.Contains(b.fragment.piece, ",")) {
			t.Errorf("%q is taken for the fragment %+v", s, b.fragment)
		}
		if len(b.message) > len(s) {
			t.Errorf("%q decodes to %d bytes", s, len(b.message))
		}
		IsOTR(s)
		SenderTag(s)
	})
}

// FuzzParseMessage: what can be read can be written again, and comes out the same.
func FuzzParseMessage(f *testing.F) {
	for _, s := range bodies(f) {
		if b := parseBody(s); b.form == formEncoded {
			f.Add(b.message)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, message, ok := parseMessage(raw)
		if !ok {
			return
		}
		var again []byte
		if m, isData := message.(*dataMessage); isData {
			again = m.append(h.append(nil))
			if !bytes.Equal(again, m.authenticated) {
				t.Errorf("the MAC is over %x", m.authenticated)
			}
			again = append(again, m.mac[:]...)
			s := cryptobyte.NewBuilder(again)
			s.AddUint32LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(m.oldMACKeys) })
			again = s.BytesOrPanic()
		} else {
			again = message.(interface{ append([]byte) []byte }).append(h.append(nil))
		}
		if !bytes.Equal(again, raw) {
			t.Errorf("%x\ncomes out as\n%x", raw, again)
		}
	})
}

// FuzzDecode: whatever encode makes, decode reads, with anything in between that is not of the alphabet.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("message"), "\n")
	f.Add([]byte{0}, "<br/>.")
	f.Add([]byte{}, "=")
	f.Fuzz(func(t *testing.T, message []byte, junk string) {
		junk = strings.Map(func(r rune) rune {
			if strings.ContainsRune(base64Alphabet+"=.", r) {
				return -1
			}
			return r
		}, junk)
		body := strings.TrimSuffix(strings.TrimPrefix(encode(message), encodedPrefix), ".")
		half := len(body) / 2
		if strings.Contains(body[:half], "=") {
			return
		}
		if got := decode(body[:half] + junk + body[half:]); !bytes.Equal(got, message) {
			t.Errorf("%q decodes to %q", message, got)
		}
		decode(string(message))
	})
}

// FuzzSplit: what is split comes together again, in pieces that fit.
func FuzzSplit(f *testing.F) {
	f.Add("hello", 37)
	f.Add(strings.Repeat("x", 728), 400)
	f.Fuzz(func(t *testing.T, piece string, size int) {
		if size <= 0 || piece == "" || strings.ContainsAny(piece, ",") {
			return
		}
		pieces, err := split(piece, header{version3, 0, 0x1000, 0x2000}, size)
		if err != nil {
			return
		}
		if len(pieces) == 1 {
			if pieces[0] != piece || len(piece) > size {
				t.Errorf("one piece: %q", pieces[0])
			}
			return
		}
		var a assembly
		for k, p := range pieces {
			if len(p) > size {
				t.Errorf("%q has %d bytes", p, len(p))
			}
			fragment, ok := parseFragment(p)
			if !ok || fragment.from != 0x1000 || fragment.to != 0x2000 {
				t.Fatalf("%q is not a fragment", p)
			}
			if complete, ok := a.add(fragment, time.Time{}); !ok || complete != (k == len(pieces)-1) {
				t.Fatalf("piece %d of %d: %t, %t", k, len(pieces), complete, ok)
			}
		}
		if a.message() != piece {
			t.Errorf("%q comes together as %q", piece, a.message())
		}
	})
}

// FuzzPlaintext: the text is what stands before the first NUL, and what is put together is taken apart again.
func FuzzPlaintext(f *testing.F) {
	f.Add([]byte("text\x00\x00\x01\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x00\x05hello"))
	f.Add([]byte("text\x00\x00\x02\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, records := parsePlaintext(b)
		if before, _, _ := bytes.Cut(b, []byte{0}); !bytes.Equal(text, before) {
			t.Errorf("%q has the text %q", b, text)
		}
		againText, again := parsePlaintext(appendPlaintext(nil, defaultPadding, text, records...))
		if !bytes.Equal(againText, text) || len(again) != min(len(records)+1, maxRecords) {
			t.Errorf("%q and %d records become %q and %d", text, len(records), againText, len(again))
		}
		for i, r := range records {
			if again[i].Type != r.Type || !bytes.Equal(again[i].Value, r.Value) {
				t.Errorf("record %d becomes %v", i, again[i])
			}
		}
	})
}

// FuzzPublicKey: what is accepted as a public key has one encoding.
func FuzzPublicKey(f *testing.F) {
	f.Add(testKey().public)
	f.Add([]byte{0, 0, 0, 0, 0, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := cryptobyte.String(b)
		key, raw, ok := readPublicKey(&s)
		if !ok {
			return
		}
		if again := appendPublicKey(nil, key); !bytes.Equal(again, raw) || !bytes.HasPrefix(b, raw) {
			t.Errorf("%x comes out as %x", b, again)
		}
	})
}

// FuzzPrivateKey: what is accepted comes out the same and can sign.
func FuzzPrivateKey(f *testing.F) {
	f.Add(testKey().Bytes())
	f.Add(testKey().public)
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := ParsePrivateKey(b)
		if err != nil {
			return
		}
		if !bytes.Equal(key.Bytes(), b) {
			t.Errorf("%x comes out as %x", b, key.Bytes())
		}
		m := [32]byte{1}
		signature := key.sign(&m)
		s := cryptobyte.String(key.public)
		if public, _, ok := readPublicKey(&s); !ok || !public.Verify(&m, &signature) {
			t.Error("the key does not sign")
		}
	})
}

// FuzzParseFingerprint: what is accepted comes out the same.
func FuzzParseFingerprint(f *testing.F) {
	f.Add(testKey().Fingerprint().String())
	f.Add(strings.ToLower(testKey().Fingerprint().String()))
	f.Add(strings.Repeat("0", 41))
	f.Add("zz")
	f.Fuzz(func(t *testing.T, s string) {
		fp, err := ParseFingerprint(s)
		if err != nil {
			return
		}
		if again, err := ParseFingerprint(fp.String()); err != nil || again != fp {
			t.Errorf("%q comes out as %q", s, fp)
		}
	})
}

// FuzzReceive gives bodies to a conversation in each state. Nothing that comes from outside ends a session, is shown
// as private, or costs more memory than it is worth.
func FuzzReceive(f *testing.F) {
	for _, s := range bodies(f) {
		f.Add(s, uint8(0))
		f.Add(s, uint8(1))
		f.Add(s, uint8(2))
	}
	f.Fuzz(func(t *testing.T, s string, state uint8) {
		config := &Config{Key: testKey(), Tag: 0x1000, Policy: PolicyOpportunistic, MaxSize: 400}
		c := New(config)
		switch state % 3 {
		case 1:
			c.Receive("?OTRv3?")
		case 2:
			c, _ = session(t)
		}
		before := c.view()
		var start, end runtime.MemStats
		runtime.ReadMemStats(&start)
		events := c.Receive(s)
		runtime.ReadMemStats(&end)
		// A key exchange message is worth the memory of the arithmetic.
		if used := int(end.TotalAlloc - start.TotalAlloc); used > 16*len(s)+64<<10 {
			t.Errorf("%d bytes cost %d", len(s), used)
		}
		checkUnauthenticated(t, c, before, events)
	})
}

// checkUnauthenticated fails if events that came of what anybody can send are more than that is good for.
func checkUnauthenticated(t *testing.T, c *Conversation, before view, events []Event) {
	if c.view() != before {
		t.Errorf("%+v becomes %+v", before, c.view())
	}
	for _, e := range events {
		switch e := e.(type) {
		case Message:
			if e.Encrypted || e.From != (Peer{}) || e.Unexpected != (before.state != Plaintext) {
				t.Errorf("shown: %+v", e)
			}
		case PeerError:
			if len(e.Text) > maxPeerError || !utf8.ValidString(e.Text) {
				t.Errorf("error of %d bytes", len(e.Text))
			}
		case Transmit:
			if size := c.config.MaxSize; size > 0 && len(e.Body) > size || !IsOTR(e.Body) {
				t.Errorf("sent: %q", e.Body)
			}
		case StateChange, InstanceChange, SMPRequest, SMPProgress, SMPResult, Heartbeat:
			t.Errorf("told: %T", e)
		}
	}
}

// FuzzConversations plays what bytes say between two parties and a network, and checks after every step what must
// always hold: see its check.
func FuzzConversations(f *testing.F) {
	f.Add([]byte{0, 8, 8, 8, 8, 8, 8, 2, 3, 8, 8, 8, 2, 8, 3, 8, 8, 4, 8, 8, 6, 8, 8, 8, 8, 5, 8, 8}) // a whole conversation
	f.Add([]byte{0, 1, 8, 8, 8, 8, 8, 8, 8, 8, 8, 2, 3, 8, 8})                                        // both start at once
	f.Add([]byte{0, 8, 8, 8, 8, 8, 8, 2, 2, 2, 9, 10, 11, 12, 8, 8, 13, 8, 8, 8})                     // drop, double, swap, replay
	f.Add([]byte{0, 8, 8, 8, 8, 8, 8, 4, 20, 8, 8, 6, 22, 8, 8, 8, 8, 14, 8, 15, 8})                  // SMP both ways, a flip
	f.Fuzz(func(t *testing.T, script []byte) {
		p := newPlay(t)
		for n, b := range script {
			if n == 64 {
				break
			}
			p.step(b)
			p.check()
		}
	})
}

// A play is two parties and what is on its way between them.
type play struct {
	t     *testing.T
	now   time.Time
	ends  [2]*playEnd
	wire  []packet
	sent  []packet // everything, for replays
	texts int
}

type packet struct {
	to   int
	body string
}

type playEnd struct {
	c        *Conversation
	said     map[string]bool // texts that were sent encrypted
	read     map[string]bool // texts of the other that were shown as private
	request  uint64
	reveal   map[[20]byte]bool
	counters map[string]bool
}

func newPlay(t *testing.T) *play {
	p := &play{t: t, now: time.Unix(1e9, 0)}
	for n, name := range []string{"alice", "bob"} {
		c := New(&Config{Key: testKey(), Tag: InstanceTag(0x1000 * (n + 1)), Policy: PolicyAlways | SendWhitespaceTag,
			Rand: testRand(name), Time: func() time.Time { return p.now }})
		p.ends[n] = &playEnd{c: c, said: map[string]bool{}, read: map[string]bool{}, reveal: map[[20]byte]bool{}, counters: map[string]bool{}}
	}
	return p
}

// step does one thing: the low four bits say what, the next who.
func (p *play) step(b byte) {
	who := int(b>>4) & 1
	end := p.ends[who]
	switch b & 15 {
	case 0:
		p.do(who, end.c.Start())
	case 1:
		p.do(1-who, p.ends[1-who].c.Start())
	case 2, 3:
		who = int(b&15) - 2
		end = p.ends[who]
		p.texts++
		text := strings.Repeat("t", p.texts)
		events, err := end.c.Send([]byte(text))
		if (err == nil) != (end.c.State() == Encrypted) {
			p.t.Errorf("Send in %v: %v", end.c.State(), err)
		}
		if err == nil {
			end.said[text] = true
		}
		p.do(who, events)
	case 4:
		events, _ := end.c.StartSMP(map[bool]string{true: "question"}[b&32 != 0], []byte("secret"))
		p.do(who, events)
	case 5:
		p.do(who, end.c.End())
	case 6:
		who = 1 - who
		end = p.ends[who]
		events, _ := end.c.AnswerSMP(end.request, []byte(map[bool]string{true: "secret", false: "other"}[b&32 == 0]))
		p.do(who, events)
	case 7:
		p.do(who, end.c.AbortSMP())
	case 8, 9: // deliver, once or twice
		for range int(b&15) - 7 {
			p.deliver(0)
		}
		p.drop()
	case 10:
		p.drop()
	case 11: // the second before the first
		if len(p.wire) > 1 {
			p.wire[0], p.wire[1] = p.wire[1], p.wire[0]
		}
	case 12: // replay
		if len(p.sent) > 0 {
			p.wire = append(p.wire, p.sent[int(b>>4)*7%len(p.sent)])
		}
	case 13: // flip a bit
		if len(p.wire) > 0 {
			body := []byte(p.wire[0].body)
			body[int(b>>4)*31%len(body)] ^= 1
			p.wire[0].body = string(body)
		}
	case 14:
		p.now = p.now.Add(61 * time.Second)
		p.do(0, p.ends[0].c.Poll())
		p.do(1, p.ends[1].c.Poll())
	case 15: // what anybody can send
		body := []string{"hello", "?OTRv3?", "?OTR Error: x", "hello" + tagBase + tagVersion3}[b>>4&3]
		before := end.c.view()
		events := end.c.Receive(body)
		for _, e := range events {
			if m, ok := e.(Message); ok && m.Encrypted {
				p.t.Errorf("%q is shown as private", body)
			}
		}
		if end.c.view() != before {
			p.t.Errorf("%q changes %+v to %+v", body, before, end.c.view())
		}
		p.do(who, events)
	}
}

func (p *play) deliver(n int) {
	if n < len(p.wire) {
		pk := p.wire[n]
		p.do(pk.to, p.ends[pk.to].c.Receive(pk.body))
	}
}

func (p *play) drop() {
	if len(p.wire) > 0 {
		p.wire = p.wire[1:]
	}
}

// do carries out events and checks each.
func (p *play) do(who int, events []Event) {
	end, other := p.ends[who], p.ends[1-who]
	for _, e := range events {
		switch e := e.(type) {
		case Transmit:
			if !IsOTR(e.Body) { // I1: no clear text leaves under RequireEncryption
				p.t.Errorf("clear text leaves: %q", e.Body)
			}
			if b := parseBody(e.Body); b.form == formEncoded {
				p.checkSent(end, b.message)
			}
			p.wire = append(p.wire, packet{1 - who, e.Body})
			p.sent = append(p.sent, packet{1 - who, e.Body})
		case Message:
			text := string(e.Text)
			if !e.Encrypted {
				if !e.Unexpected {
					p.t.Errorf("clear text is shown without a warning: %q", text)
				}
				continue
			}
			// I3, and nothing is shown twice.
			if !other.said[text] || end.read[text] || e.From.Fingerprint != other.c.config.Key.Fingerprint() {
				p.t.Errorf("%q of %+v is shown as private", text, e.From)
			}
			end.read[text] = true
		case SMPRequest:
			end.request = e.ID
		case Failure:
			p.t.Errorf("failure: %v", e.Err)
		}
	}
}

// checkSent checks a message that leaves: a MAC key is revealed once, and not while it can verify anything (I5).
func (p *play) checkSent(end *playEnd, raw []byte) {
	_, message, ok := parseMessage(raw)
	if !ok {
		p.t.Fatalf("a message that cannot be read leaves: %x", raw)
	}
	m, ok := message.(*dataMessage)
	if !ok {
		return
	}
	// I6: no counter is used twice with the same keys; the next one tells the session too.
	used := fmt.Sprint(m.senderKey, m.recipientKey, m.counter, m.nextY)
	if end.counters[used] {
		p.t.Errorf("counter %x is used again", m.counter)
	}
	end.counters[used] = true
	for key := range slices.Chunk(m.oldMACKeys, 20) {
		if end.reveal[[20]byte(key)] {
			p.t.Errorf("MAC key %x is revealed again", key)
		}
		end.reveal[[20]byte(key)] = true
	}
}

// check checks what must hold between any two steps.
func (p *play) check() {
	for _, end := range p.ends {
		c := end.c
		if len(c.instances) > 1 || len(c.partial) > 0 {
			p.t.Errorf("%d clients, %d incomplete messages", len(c.instances), len(c.partial))
		}
		for _, i := range c.instances {
			if i.state != Encrypted && (i.smp.running() || !i.keys.ours[previous].IsZero() || i.peer.SSID != [8]byte{}) {
				p.t.Errorf("secrets are left in %v", i.state)
			}
			for a := range i.keys.pairs {
				for b := range i.keys.pairs[a] {
					if k := &i.keys.pairs[a][b]; k.derived && end.reveal[k.receiveMAC] {
						p.t.Errorf("a revealed MAC key is still in use")
					}
				}
			}
		}
	}
}

// TestBodiesAsSeeds keeps the seeds of FuzzReceive honest: there is an accepted message of each kind among them.
func TestBodiesAsSeeds(t *testing.T) {
	kinds := map[byte]bool{}
	for _, s := range bodies(t) {
		if raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(s, encodedPrefix), ".")); err == nil && len(raw) > 2 {
			if _, _, ok := parseMessage(raw); ok {
				kinds[raw[2]] = true
			}
		}
	}
	if len(kinds) != 5 {
		t.Errorf("messages of types %v", kinds)
	}
}
