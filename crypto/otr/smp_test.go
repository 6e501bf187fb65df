package otr

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Tests in this file send records that no honest party sends. The honest runs are in testdata/smp.txt.

// sendRecords sends records as alice does and returns what bob does.
func sendRecords(t testing.TB, alice, bob *Conversation, records ...TLV) []Event {
	t.Helper()
	events, err := alice.sendData(alice.selected, flagIgnoreUnreadable, nil, records...)
	if err != nil {
		t.Fatal(err)
	}
	return bob.Receive(events[0].(Transmit).Body)
}

// takeRecord has bob's last message, which alice does not get to act on, and returns its one record of SMP.
func takeRecord(t testing.TB, alice *Conversation, events []Event) TLV {
	t.Helper()
	for _, e := range events {
		tr, ok := e.(Transmit)
		if !ok {
			continue
		}
		b := parseBody(tr.Body)
		_, m, _ := parseMessage(b.message)
		i := alice.selected
		plaintext, _, a, err := i.keys.open(m.(*dataMessage))
		if err != nil {
			t.Fatal(err)
		}
		i.keys.accept(&a)
		_, records := parsePlaintext(plaintext)
		for _, r := range records {
			if slices.Contains(smpOrder[:], r.Type) {
				return r
			}
		}
	}
	return TLV{}
}

// result returns the outcome that events tell of, if they do.
func result(events []Event) (outcome SMPOutcome, found bool) {
	for _, e := range events {
		if r, ok := e.(SMPResult); ok {
			return r.Outcome, true
		}
	}
	return 0, false
}

// run plays a run between two conversations up to the message of type kind, which it returns; the receiver is the
// one that gets it.
func run(t testing.TB, kind uint16) (message TLV, sender, receiver *Conversation) {
	t.Helper()
	alice, bob := session(t)
	must := func(events []Event, err error) []Event {
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	start := kind
	if start != tlvSMP1 {
		start = tlvSMP1Q
	}
	question := map[uint16]string{tlvSMP1Q: "question"}[start]
	message = takeRecord(t, bob, must(alice.StartSMP(question, []byte("secret"))))
	sender, receiver = alice, bob
	for message.Type != kind {
		events := sendRecords(t, sender, receiver, message)
		if r, ok := events[0].(SMPRequest); ok {
			events = must(receiver.AnswerSMP(r.ID, []byte("secret")))
		}
		message = takeRecord(t, sender, events)
		sender, receiver = receiver, sender
	}
	return message, sender, receiver
}

// TestSMPMutants: a message with a byte changed, or cut off, is cheating: it ends the run, is answered by an abort,
// and is neither success nor failure. internal/smp tries more of them.
func TestSMPMutants(t *testing.T) {
	for _, kind := range []uint16{tlvSMP1, tlvSMP1Q, tlvSMP2, tlvSMP3, tlvSMP4} {
		genuine, sender, receiver := run(t, kind)
		mutants := [][]byte{nil, {0}, genuine.Value[:4], genuine.Value[:len(genuine.Value)-1]}
		first := 0
		if kind == tlvSMP1Q {
			first = len("question\x00") // another question is no mistake
		}
		for at := first; at < len(genuine.Value); at += 307 {
			m := slices.Clone(genuine.Value)
			m[at] ^= 1
			mutants = append(mutants, m, m[:at])
		}
		for n, m := range mutants {
			events := sendRecords(t, sender, receiver, TLV{kind, m})
			if got, found := result(events); !found || got != SMPCheated {
				t.Fatalf("mutant %d of type %d: %v", n, kind, events)
			}
			if answer := takeRecord(t, sender, events); answer.Type != tlvSMPAbort {
				t.Fatalf("mutant %d of type %d is answered by type %d", n, kind, answer.Type)
			}
			if receiver.selected.smp != (smpRun{}) {
				t.Fatalf("mutant %d of type %d leaves %+v", n, kind, receiver.selected.smp)
			}
			// Not even the genuine one is of use now.
			if kind == tlvSMP1 || kind == tlvSMP1Q {
				continue
			}
			events = sendRecords(t, sender, receiver, genuine)
			if got, found := result(events); found {
				t.Fatalf("after mutant %d, type %d gives the result %d", n, kind, got)
			}
			if n == len(mutants)-1 {
				break
			}
			genuine, sender, receiver = run(t, kind)
		}
	}
}

// TestSMPUnexpected: every message in every state in which it is not due ends the run and is answered by an abort, an
// abort by nothing.
func TestSMPUnexpected(t *testing.T) {
	messages := map[uint16]TLV{tlvSMPAbort: {Type: tlvSMPAbort}}
	for _, kind := range []uint16{tlvSMP1, tlvSMP1Q, tlvSMP2, tlvSMP3, tlvSMP4} {
		messages[kind], _, _ = run(t, kind)
	}
	states := map[string]struct {
		due   []uint16
		reach func() (sender, receiver *Conversation)
	}{
		"EXPECT1": {[]uint16{tlvSMP1, tlvSMP1Q}, func() (_, _ *Conversation) { return session(t) }},
		"asked": {nil, func() (_, _ *Conversation) {
			message, sender, receiver := run(t, tlvSMP1)
			sendRecords(t, sender, receiver, message)
			return sender, receiver
		}},
		"EXPECT2": {[]uint16{tlvSMP2}, func() (_, _ *Conversation) { _, s, r := run(t, tlvSMP2); return s, r }},
		"EXPECT3": {[]uint16{tlvSMP3}, func() (_, _ *Conversation) { _, s, r := run(t, tlvSMP3); return s, r }},
		"EXPECT4": {[]uint16{tlvSMP4}, func() (_, _ *Conversation) { _, s, r := run(t, tlvSMP4); return s, r }},
	}
	for name, state := range states {
		for kind, message := range messages {
			if slices.Contains(state.due, kind) {
				continue
			}
			sender, receiver := state.reach()
			running := receiver.selected.smp.running()
			events := sendRecords(t, sender, receiver, message)
			if got, found := result(events); found != running || found && got != SMPAborted {
				t.Errorf("%s, type %d: %v", name, kind, events)
			}
			want := TLV{Type: tlvSMPAbort}
			if kind == tlvSMPAbort {
				want = TLV{}
			}
			if got := takeRecord(t, sender, events); got.Type != want.Type {
				t.Errorf("%s, type %d is answered by type %d", name, kind, got.Type)
			}
			if receiver.selected.smp != (smpRun{}) {
				t.Errorf("%s, type %d leaves %+v", name, kind, receiver.selected.smp)
			}
			if _, err := receiver.AnswerSMP(1, []byte("secret")); err != ErrNoRequest {
				t.Errorf("%s, type %d: an answer goes to %v", name, kind, err)
			}
		}
	}
}

// TestSMPOneGuess: after a run has ended its last message cannot be had again, for another guess.
func TestSMPOneGuess(t *testing.T) {
	message3, alice, bob := run(t, tlvSMP3)
	if got, found := result(sendRecords(t, alice, bob, message3)); !found || got != SMPSuccess {
		t.Fatal("the genuine run failed")
	}
	for range 3 {
		if got, found := result(sendRecords(t, alice, bob, message3)); found {
			t.Errorf("SMP message 3 once more: result %d", got)
		}
	}
}

// TestSMPAnswerBelongsToRequest: what is typed for one request does not go to the next.
func TestSMPAnswerBelongsToRequest(t *testing.T) {
	message, alice, bob := run(t, tlvSMP1)
	first := sendRecords(t, alice, bob, message)[0].(SMPRequest)
	sendRecords(t, alice, bob, TLV{Type: tlvSMPAbort})
	second := sendRecords(t, alice, bob, message)[0].(SMPRequest)
	if first.ID == second.ID || first.ID == 0 {
		t.Errorf("requests %d and %d", first.ID, second.ID)
	}
	if _, err := bob.AnswerSMP(first.ID, []byte("secret")); err != ErrNoRequest {
		t.Errorf("answer to the first: %v", err)
	}
	if _, err := bob.AnswerSMP(second.ID, []byte("secret")); err != nil {
		t.Errorf("answer to the second: %v", err)
	}
	if _, err := bob.AnswerSMP(second.ID, []byte("secret")); err != ErrNoRequest {
		t.Errorf("second answer: %v", err)
	}
	bob.End()
	if _, err := bob.AnswerSMP(second.ID, []byte("secret")); err != ErrNoRequest {
		t.Errorf("answer after the end: %v", err)
	}
}

// TestSMPWithDisconnect: in a message that ends the session nothing else counts.
func TestSMPWithDisconnect(t *testing.T) {
	message, alice, bob := run(t, tlvSMP1)
	events := sendRecords(t, alice, bob, message, TLV{Type: tlvDisconnected})
	if len(events) != 1 || bob.State() != Finished {
		t.Errorf("%v, %v", bob.State(), events)
	}
}

// TestQuestions: what is asked is bounded and valid UTF-8, and kept apart from the numbers.
func TestQuestions(t *testing.T) {
	message, alice, bob := run(t, tlvSMP1)
	for question, want := range map[string]string{
		"":                         "",
		"Wo?":                      "Wo?",
		"\xff\xfe":                 "?",
		strings.Repeat("x", 20000): strings.Repeat("x", maxQuestion),
		strings.Repeat("é", 20000): strings.Repeat("é", maxQuestion/2),
	} {
		value := append([]byte(question+"\x00"), message.Value...)
		r, ok := sendRecords(t, alice, bob, TLV{tlvSMP1Q, value})[0].(SMPRequest)
		if !ok || r.Question != want || !r.Asked || !utf8.ValidString(r.Question) {
			t.Errorf("%.20q is asked as %.20q", question, r.Question)
		}
		sendRecords(t, alice, bob, TLV{Type: tlvSMPAbort})
	}
	if _, err := alice.StartSMP("a\x00b", nil); err != ErrTextHasNUL {
		t.Errorf("question with NUL: %v", err)
	}
	if _, err := alice.StartSMP(strings.Repeat("x", maxQuestion+1), nil); err != ErrTooLarge {
		t.Errorf("long question: %v", err)
	}
	if _, err := alice.StartSMP(strings.Repeat("x", maxQuestion), nil); err != nil {
		t.Errorf("question of the greatest length: %v", err)
	}
}
