package otr

import (
	"bytes"
	"encoding/base64"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"

	digits "github.com/sotto-im/sotto/crypto/otr/internal/base64"
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
	f.Add([]byte("0000000000000000000000000000000000000000000000"), "0")
	f.Add([]byte("message"), "\n\n\n\n")
	f.Fuzz(func(t *testing.T, content []byte, junk string) {
		// What cannot be a message by its start is not decoded to its end.
		m := signatureMessage{encrypted: content}
		message := m.append(header{version3, typeSignature, 0x1000, 0x2000}.append(nil))
		junk = strings.Map(func(r rune) rune {
			if strings.ContainsRune(digits.Alphabet+"=.", r) {
				return -1
			}
			return r
		}, junk)
		body := strings.TrimSuffix(strings.TrimPrefix(encode(message), encodedPrefix), ".")
		for _, at := range []int{5, 20, len(body) / 2} {
			if got := decode(body[:at] + junk + body[at:]); !bytes.Equal(got, message) {
				t.Errorf("%q with %q at %d decodes to %q", message, junk, at, got)
			}
		}
		decode(string(content))
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
		againText, again := parsePlaintext(content{text, records, defaultPadding}.append(nil))
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

// inState returns a conversation in some state of version 3 or 2, the same one each time.
func inState(t testing.TB, state uint8) *Conversation {
	policy, query := PolicyOpportunistic, "?OTRv3?"
	if state&8 != 0 {
		policy, query = policy^AllowV3|AllowV2, "?OTRv2?"
	}
	newConversation := func(name string, tag InstanceTag, size int) *Conversation {
		now := func() time.Time { return time.Unix(1e9, 0) }
		return New(&Config{Key: testKey(), Tag: tag, Policy: policy, MaxSize: size, Rand: testRand(name), Time: now})
	}
	alice, bob := newConversation("alice", 0x1000, 400), newConversation("bob", 0x2000, 0)
	hand := func(to *Conversation, events []Event) (answer []Event) {
		for _, e := range events {
			if tr, ok := e.(Transmit); ok {
				answer = append(answer, to.Receive(tr.Body)...)
			}
		}
		return answer
	}
	switch state & 7 {
	case 1: // AwaitingDHKey
		alice.Receive(query)
	case 2: // AwaitingRevealSig
		hand(alice, bob.Receive(query))
	case 3: // AwaitingSig
		hand(alice, hand(bob, alice.Receive(query)))
	case 4, 5:
		deliver(bob, alice, alice.Receive(query))
		if alice.State() != Encrypted {
			t.Fatal("no session")
		}
	}
	if state&7 == 5 {
		hand(alice, bob.End())
	}
	return alice
}

// FuzzReceive gives bodies to a conversation in each state. Nothing that comes from outside ends a session, is shown
// as private, or costs more time or memory than it is worth.
func FuzzReceive(f *testing.F) {
	for i, s := range bodies(f) {
		f.Add(s, uint8(i))
		f.Add(s, uint8(4))
	}
	f.Fuzz(func(t *testing.T, s string, state uint8) {
		c := inState(t, state)
		before := c.view()
		var start, end runtime.MemStats
		runtime.ReadMemStats(&start)
		began := time.Now()
		events := c.Receive(s)
		took := time.Since(began)
		runtime.ReadMemStats(&end)
		if used := int(end.TotalAlloc - start.TotalAlloc); used > 16*len(s)+64<<10 {
			t.Errorf("%d bytes cost %d", len(s), used)
		}
		// The machine may be busy: what takes longer than it should has to do so again and again.
		for again := 0; took > 500*time.Millisecond; again++ {
			if again == 5 {
				t.Errorf("%d bytes take %v", len(s), took)
				break
			}
			fresh := inState(t, state)
			began = time.Now()
			fresh.Receive(s)
			took = time.Since(began)
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
