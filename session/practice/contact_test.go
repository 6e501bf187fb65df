package practice

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
)

// testWords are short, so that a test can say what it expects.
func testWords() Words {
	return Words{
		Name: "Robin", Question: "colour?", Answer: "green", Challenge: "sea?", Reply: "blue",
		Greeting: Say{"hello from {name}", "ask {question}: {answer}", "friends never tell"},
		Reactions: Reactions{
			Verified: Say{"verified"}, VerifiedBoth: Say{"both"}, Differs: Say{"differs, it is {answer}"}, Stopped: Say{"stopped"},
			ReplyRight: Say{"right"}, ReplyWrong: Say{"wrong, it was {reply}"}, OneAtATime: Say{"one at a time"},
			Lied: Say{"on purpose, it is {answer}"}, Compared: Say{"compared"}, Requested: Say{"you wish, say {reply}"}, NoRequest: Say{"no wish"},
			Unencrypted: Say{"only privately"}, BackAfterPerson: Say{"you ended"}, BackAfterContact: Say{"I ended"},
		},
		Topics: []Topic{
			{Asks: []string{"lock", "what is the lock"}, Say: Say{"the lock"}},
			{Asks: []string{"verif*", "how do i verify"}, Say: Say{"verify so"}},
			{Asks: []string{"fingerprint*"}, Say: Say{"mine is {fingerprint}"}},
			{Asks: []string{"is this otr"}, Say: Say{"it is"}},
			{Asks: []string{"prüf*", "größe"}, Say: Say{"geprüft"}},
			{Asks: []string{"إجابة", "أنت"}, Say: Say{"نعم"}},
			{Asks: []string{"otr", "what is otr"}, Say: Say{"otr one", "otr two"}},
		},
		AskMe:   Topic{Asks: []string{"ask me"}, Say: Say{"I ask {challenge}, say {reply}"}},
		WrongIt: Topic{Asks: []string{"wrong"}, Say: Say{"wrong next"}},
		WantIt:  Topic{Asks: []string{"remind"}, Say: Say{"my wish"}},
		EndIt:   Topic{Asks: []string{"end", "finish*"}, Say: Say{"ending now"}},
		Lost:    []Say{{"lost one"}, {"lost two"}},
	}
}

var ref = session.Ref{Account: "practice@practice.localhost", Contact: "you@practice.localhost"}

// stage is the session of the contact, played by the test.
type stage struct {
	t      *testing.T
	events chan session.Event
	start  time.Time
	done   []string // what the contact did
	when   []time.Duration
	refuse error
	state  session.Contact
	entry  session.EntryID
}

func (s *stage) did(format string, args ...any) {
	s.done = append(s.done, fmt.Sprintf(format, args...))
	s.when = append(s.when, time.Since(s.start))
}

func (s *stage) Send(r session.Ref, text string, mode session.SendMode) (session.EntryID, error) {
	if r != ref {
		s.t.Errorf("sent to %v", r)
	}
	if mode == session.SendPrivately {
		s.did("say %s", text)
	} else {
		s.did("say in mode %d: %s", mode, text)
	}
	return 0, s.refuse
}
func (s *stage) Accept(session.Ref)     { s.did("accept") }
func (s *stage) EndPrivate(session.Ref) { s.did("end") }
func (s *stage) Ask(_ session.Ref, fp otr.Fingerprint, question string, answer []byte) error {
	s.did("ask %x %s %s", fp[:1], question, answer)
	return s.refuse
}
func (s *stage) Answer(_ session.Ref, number int, secret []byte) error {
	s.did("answer %d %s", number, secret)
	return s.refuse
}

func (s *stage) Acquaint(session.Ref) {}
func (s *stage) RequestVerification(session.Ref) error {
	s.did("request")
	return s.refuse
}

func (s *stage) lock(mode session.SendMode) {
	s.state.Ref, s.state.SendMode = ref, mode
	if mode == session.SendPrivately {
		s.state.Key = &otr.Fingerprint{7}
	}
	s.events <- session.ContactChanged{Contact: s.state}
}

func (s *stage) notice(n session.Notice) {
	s.entry++
	s.events <- session.EntryChanged{Entry: session.Entry{Ref: ref, ID: s.entry, Kind: session.NoticeEntry, Notice: n}}
}

func (s *stage) write(guard session.Guard, text string) {
	s.entry++
	e := session.Entry{Ref: ref, ID: s.entry, Kind: session.Incoming, Guard: guard, Text: text}
	s.events <- session.EntryChanged{Entry: e}
	s.events <- session.EntryChanged{Entry: e} // a change of something else about the same line
}

func (s *stage) smp(run session.SMP) {
	run.Ref = ref
	s.events <- session.SMPChanged{SMP: run}
}

func (s *stage) private() {
	s.lock(session.SendPrivately)
	s.notice(session.NoticePrivateFirst)
}

func (s *stage) expect(want ...string) {
	s.t.Helper()
	time.Sleep(time.Minute) // of the bubble
	synctest.Wait()
	if len(want) == 0 && len(s.done) == 0 {
		return
	}
	if !reflect.DeepEqual(s.done, want) {
		s.t.Errorf("the contact did %q\nwant %q", s.done, want)
	}
	s.done, s.when = nil, nil
}

// play runs f beside the contact, in a bubble of time.
func play(t *testing.T, f func(s *stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, events: make(chan session.Event), start: time.Now()}
		w := testWords()
		c := &contact{engine: s, words: &w}
		ended := make(chan struct{})
		go func() { defer close(ended); c.live(s.events) }()
		f(s)
		close(s.events)
		<-ended
	})
}

var greeting = []string{"say hello from Robin", "say ask colour?: green", "say friends never tell"}

func greet(s *stage) {
	s.private()
	s.expect(greeting...)
}

func TestGreetsWhenPrivate(t *testing.T) {
	play(t, func(s *stage) {
		s.lock(session.SendBlocked)
		s.lock(session.SendWhenPrivate)
		s.expect()
		s.private()
		s.expect(greeting...)
		s.notice(session.NoticeRefreshed)
		s.lock(session.SendPrivately)
		s.expect()
	})
}

// TestPace: short natural pauses, and never two messages at once.
func TestPace(t *testing.T) {
	play(t, func(s *stage) {
		s.start = time.Now()
		s.private()
		time.Sleep(time.Minute)
		synctest.Wait()
		last := time.Duration(0)
		for i, at := range s.when {
			if pause := at - last; pause < 300*time.Millisecond || pause > 3*time.Second {
				t.Errorf("message %d comes after %v", i, pause)
			}
			last = at
		}
		if last > 6*time.Second {
			t.Errorf("the greeting takes %v", last)
		}
	})
}

func TestReplies(t *testing.T) {
	tests := []struct{ written, want string }{
		{"What is the lock?", "the lock"},
		{"LOCK", "the lock"},
		{"blockade", "lost one"},
		{"verify", "verify so"}, {"Verification...", "verify so"}, {"how do I verify the lock", "verify so"},
		{"what's your fingerprint", "mine is " + (&otr.Fingerprint{1}).String()},
		{"what is otr?", "otr one|otr two"}, {"so, is this OTR or not", "it is"},
		{"", "lost one"}, {"*", "lost one"}, {"lo ck", "lost one"}, {"🦊", "lost one"}, {"\x00\xff", "lost one"},
		{strings.Repeat("ä", 5000) + " lock", "lost one"},
		{"<b>lock</b>", "the lock"}, {"{answer}", "lost one"},
		{"PRÜFEN", "geprüft"}, {"prufst du?", "geprüft"}, {"pru\u0308fen", "geprüft"}, {"die Grosse", "geprüft"},
		{"اجابه؟", "نعم"}, {"الإجابة", "lost one"}, {"إِجَابَة", "نعم"}, {"إجـــابة", "نعم"}, {"من انت", "نعم"},
	}
	for _, test := range tests {
		t.Run(test.written[:min(len(test.written), 20)], func(t *testing.T) {
			play(t, func(s *stage) {
				s.events <- session.AccountChanged{Account: session.Account{Fingerprint: &otr.Fingerprint{1}}}
				greet(s)
				s.write(session.EncryptedUnverified, test.written)
				var want []string
				for w := range strings.SplitSeq(test.want, "|") {
					want = append(want, "say "+w)
				}
				s.expect(want...)
			})
		})
	}
}

func TestLostInTurn(t *testing.T) {
	play(t, func(s *stage) {
		greet(s)
		for _, want := range []string{"say lost one", "say lost two", "say lost one"} {
			s.write(session.EncryptedVerified, "hm")
			s.expect(want)
		}
	})
}

// TestNeverInClear: what is written without encryption is answered only once the conversation is private, and nothing else is said before.
func TestNeverInClear(t *testing.T) {
	play(t, func(s *stage) {
		s.lock(session.SendUnencrypted)
		s.write(session.InClear, "what is the lock")
		s.expect()
		s.lock(session.SendBlocked)
		s.expect()
		s.private()
		s.expect(append([]string{"say only privately"}, greeting...)...)
	})
	play(t, func(s *stage) {
		s.lock(session.SendWhenPrivate)
		s.write(session.InClearUnexpected, "hello")
		s.expect(fmt.Sprintf("say in mode %d: only privately", session.SendWhenPrivate))
	})
}

func TestAnswersVerification(t *testing.T) {
	for _, asked := range []bool{true, false} {
		play(t, func(s *stage) {
			greet(s)
			run := session.SMP{Number: 1, Stage: session.SMPNeedsAnswer, Asked: asked, Question: "anything"}
			s.smp(run)
			s.smp(run)
			s.expect("answer 1 green")
			run.Stage = session.SMPWaiting
			s.smp(run)
			s.expect()
			run.Stage = session.SMPSucceeded
			s.smp(run)
			s.smp(run)
			s.expect(map[bool]string{true: "say verified", false: "say both"}[asked])
		})
	}
}

func TestCommentsOnVerification(t *testing.T) {
	tests := []struct {
		run  session.SMP
		want string
	}{
		{session.SMP{Stage: session.SMPSucceeded, Asked: true}, "say verified"},
		{session.SMP{Stage: session.SMPSucceeded}, "say both"},
		{session.SMP{Stage: session.SMPFailed}, "say differs, it is green"},
		{session.SMP{Stage: session.SMPAborted}, "say stopped"},
		{session.SMP{Stage: session.SMPCancelled}, "say stopped"},
		{session.SMP{Stage: session.SMPTimedOut}, "say stopped"},
		{session.SMP{Stage: session.SMPSucceeded, Ours: true, Asked: true}, "say right"},
		{session.SMP{Stage: session.SMPFailed, Ours: true}, "say wrong, it was blue"},
		{session.SMP{Stage: session.SMPTimedOut, Ours: true}, "say stopped"},
	}
	for _, test := range tests {
		play(t, func(s *stage) {
			greet(s)
			test.run.Number = 3
			s.smp(test.run)
			s.expect(test.want)
			test.run.Number = 4
			s.smp(test.run)
			s.expect(test.want)
		})
	}
}

func TestAsksThePerson(t *testing.T) {
	play(t, func(s *stage) {
		greet(s)
		s.write(session.EncryptedUnverified, "please, ask me!")
		s.expect("say I ask sea?, say blue", "ask 07 sea? blue")
		s.smp(session.SMP{Number: 1, Stage: session.SMPWaiting, Ours: true, Asked: true})
		s.write(session.EncryptedUnverified, "ask me again")
		s.expect("say one at a time")
		s.smp(session.SMP{Number: 1, Stage: session.SMPSucceeded, Ours: true, Asked: true})
		s.expect("say right")
		s.refuse = errors.New("refused")
		s.write(session.EncryptedUnverified, "ask me again")
		s.expect("say I ask sea?, say blue", "ask 07 sea? blue", "say stopped")
	})
}

// One answer is wrong on purpose, and only one.
func TestWrongOnPurpose(t *testing.T) {
	play(t, func(s *stage) {
		greet(s)
		s.write(session.EncryptedUnverified, "be wrong")
		s.expect("say wrong next")
		s.smp(session.SMP{Number: 1, Stage: session.SMPNeedsAnswer, Asked: true})
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(s.done) != 1 || s.done[0] == "answer 1 green" {
			t.Errorf("the contact did %q", s.done)
		}
		s.done = nil
		s.smp(session.SMP{Number: 1, Stage: session.SMPFailed, Asked: true})
		s.expect("say on purpose, it is green")
		s.smp(session.SMP{Number: 2, Stage: session.SMPNeedsAnswer, Asked: true})
		s.expect("answer 2 green")
		s.smp(session.SMP{Number: 2, Stage: session.SMPFailed, Asked: true})
		s.expect("say differs, it is green")
	})
}

func TestWishesToBeVerified(t *testing.T) {
	play(t, func(s *stage) {
		greet(s)
		s.write(session.EncryptedUnverified, "remind me")
		s.expect("say my wish", "request")
		s.refuse = session.ErrTooSoon
		s.write(session.EncryptedUnverified, "remind me")
		s.expect("say my wish", "request", "say no wish")
		s.state.VerifiedUs = true
		s.lock(session.SendPrivately)
		s.write(session.EncryptedUnverified, "remind me")
		s.expect("say my wish", "say no wish")
	})
}

// Whoever asks to be verified is asked the question; whoever has compared hears that it was noticed, once.
func TestTheOtherDirection(t *testing.T) {
	play(t, func(s *stage) {
		greet(s)
		s.state.WantsVerified = true
		s.lock(session.SendPrivately)
		s.lock(session.SendPrivately)
		s.expect("say you wish, say blue", "ask 07 sea? blue")
		s.state.Keys = []session.Key{{Fingerprint: otr.Fingerprint{7}, VerifiedUs: true}}
		s.state.VerifiedUs = true
		s.lock(session.SendPrivately)
		s.lock(session.SendPrivately)
		s.expect("say compared")
	})
	play(t, func(s *stage) {
		greet(s)
		s.state.Keys = []session.Key{{Fingerprint: otr.Fingerprint{7}, VerifiedUs: true, VerifiedUsHow: session.ByQuestion}}
		s.state.VerifiedUs = true
		s.lock(session.SendPrivately)
		s.expect()
	})
}

// TestVerificationBegunWhileAnnouncing: the person asks first, between the announcement and the question.
func TestVerificationBegunWhileAnnouncing(t *testing.T) {
	play(t, func(s *stage) {
		greet(s)
		s.write(session.EncryptedUnverified, "ask me")
		s.smp(session.SMP{Number: 1, Stage: session.SMPNeedsAnswer})
		s.expect("say I ask sea?, say blue", "answer 1 green", "say one at a time")
	})
}

func TestThePersonEnds(t *testing.T) {
	play(t, func(s *stage) {
		greet(s)
		s.write(session.EncryptedUnverified, "what is otr")
		s.smp(session.SMP{Number: 1, Stage: session.SMPWaiting})
		s.lock(session.SendBlocked)
		s.notice(session.NoticePeerEnded)
		s.smp(session.SMP{Number: 1, Stage: session.SMPAborted})
		s.expect()
		s.lock(session.SendPrivately)
		s.notice(session.NoticePrivate)
		s.expect("say you ended")
		s.write(session.EncryptedUnverified, "lock")
		s.expect("say the lock")
	})
}

// TestClearTextAfterTheEnd: it is answered, and for that the contact leaves Finished.
func TestClearTextAfterTheEnd(t *testing.T) {
	play(t, func(s *stage) {
		greet(s)
		s.state.Lock = session.FinishedLock
		s.lock(session.SendBlocked)
		s.notice(session.NoticePeerEnded)
		s.write(session.InClear, "are you there")
		s.expect("end")
		s.state.Lock = session.NotPrivate
		s.lock(session.SendWhenPrivate)
		s.expect(fmt.Sprintf("say in mode %d: only privately", session.SendWhenPrivate))
	})
}

func TestEndsWhenAsked(t *testing.T) {
	play(t, func(s *stage) {
		greet(s)
		s.write(session.EncryptedUnverified, "can you finish")
		s.write(session.EncryptedUnverified, "what is otr")
		s.expect("say ending now", "end")
		s.lock(session.SendWhenPrivate)
		s.notice(session.NoticeWeEnded)
		s.expect()
		s.lock(session.SendPrivately)
		s.notice(session.NoticePrivateVerified)
		s.expect("say I ended")
	})
}

// TestInterrupted: a line that could not be said while the connection was away is said afterwards, not lost and not in clear.
func TestInterrupted(t *testing.T) {
	play(t, func(s *stage) {
		s.private()
		s.lock(session.SendBlocked)
		s.expect()
		s.lock(session.SendPrivately)
		s.expect(greeting...)
	})
}

func TestAcceptsThePerson(t *testing.T) {
	play(t, func(s *stage) {
		s.state.Wants = true
		s.lock(session.SendBlocked)
		s.expect("accept")
	})
}

// TestFlood: who writes without a pause gets a bounded number of answers, and normal ones afterwards.
func TestFlood(t *testing.T) {
	play(t, func(s *stage) {
		greet(s)
		for range 1000 {
			s.write(session.EncryptedUnverified, "lock")
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(s.done) != maxTurns {
			t.Errorf("%d answers", len(s.done))
		}
		s.done = nil
		s.write(session.EncryptedUnverified, "lock")
		s.expect("say the lock")
	})
}

func TestWordsAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(*Words){
		"name":      func(w *Words) { w.Name = " " },
		"answer":    func(w *Words) { w.Answer = "" },
		"challenge": func(w *Words) { w.Challenge = "" },
		"reply":     func(w *Words) { w.Reply = "\xff" },
	} {
		w := testWords()
		spoil(&w)
		if _, err := Start(t.Context(), w); !errors.Is(err, errNoWords) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"", "lock", "what's otr", "verif*", "ask me", strings.Repeat("a ", 600), "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := testWords()
		w.Find(text)
	})
}
