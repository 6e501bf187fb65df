package ui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/model"
)

// box is the box with a label that is to be ticked; nil if it is not shown.
func (s *sheetStage) box(label string) *groupBox {
	s.t.Helper()
	for _, o := range s.objects() {
		if b, ok := o.(*groupBox); ok && b.Text == label && b.Visible() {
			return b
		}
	}
	return nil
}

func (s *sheetStage) tick(label string) {
	s.t.Helper()
	b := s.box(label)
	if b == nil {
		s.t.Fatalf("no box %q in:\n%s", label, s.words())
	}
	test.Tap(b)
}

const foldLabel = "Ignore capitals, spaces and punctuation"

// Folding is offered with another Sotto only, to be seen and to be refused; what is compared stands there.
func TestFoldingIsSeen(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Sotto = true })
	s.desk.verify(s.bob.Ref)
	s.press("Next")
	s.typed(0, "Where?")
	s.typed(1, "Da Luigi!")
	s.says("Compared without capital letters, spaces and punctuation.\ndaluigi")
	s.tick(foldLabel)
	s.says("Compared exactly as typed, with capital letters and spaces.\nDa Luigi!")
	s.tick(foldLabel)
	s.press("Ask Bob")
	if s.engine.last() != "AskFolded Where?" {
		t.Errorf("asked for %q", s.engine.last())
	}
}

func TestNoFoldingWithOtherPrograms(t *testing.T) {
	s := newSheetStage(t)
	s.desk.verify(s.bob.Ref)
	s.press("Next")
	if s.box(foldLabel) != nil {
		t.Error("offered")
	}
	s.typed(0, "Where?")
	s.typed(1, "Da Luigi!")
	s.contact(func(c *session.Contact) { c.Sotto = true }) // it turns out later
	if b := s.box(foldLabel); b == nil || b.Checked {
		t.Errorf("%+v", b)
	}
	s.says("Compared exactly as typed, with capital letters and spaces.\nDa Luigi!")
	s.tick(foldLabel)
	s.contact(func(c *session.Contact) { c.Sotto = false }) // another device has taken its place
	s.says("Compared exactly as typed, with capital letters and spaces.\nDa Luigi!")
	s.press("Ask Bob")
	if s.engine.last() != "Ask Where?" {
		t.Errorf("asked for %q", s.engine.last())
	}
}

func TestFoldingLeavesNothing(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Sotto = true })
	s.desk.verify(s.bob.Ref)
	s.press("Next")
	s.typed(0, "Where?")
	s.typed(1, "?!")
	s.says("Nothing is left of this to compare")
	if !s.button("Ask Bob").Disabled() {
		t.Error("can ask without an answer")
	}
}

// Who answers sees it as well, and how many questions there were.
func TestAnsweringFolded(t *testing.T) {
	s := newSheetStage(t)
	s.run(session.SMP{Number: 5, Asked: true, Stage: session.SMPNeedsAnswer, Question: "Where?", Folded: true, Prompt: 3})
	s.desk.answer(s.bob.Ref)
	s.says("Compared without capital letters, spaces and punctuation.", "Question 3 of 3 that Sotto shows within an hour. Further ones are refused.")
	s.typed(0, "…")
	if !s.button("Answer").Disabled() {
		t.Error("can answer with nothing")
	}
	s.typed(0, "Da Luigi")
	s.says("daluigi")
}

func TestSpacesAreSeen(t *testing.T) {
	for text, want := range map[string]string{"a": "a", " a ": "␣a␣", "a b": "a b", "a  b": "a␣␣b", "  ": "␣␣", "": ""} {
		if got := visible(text); got != want {
			t.Errorf("%q is shown as %q, not %q", text, got, want)
		}
	}
}

func TestWaitingSaysHowLong(t *testing.T) {
	s := newSheetStage(t)
	s.desk.verify(s.bob.Ref)
	s.press("Next")
	s.typed(0, "Where?")
	s.typed(1, "in the rain")
	s.press("Ask Bob")
	s.run(session.SMP{Number: 1, Ours: true, Asked: true, Key: bobsKey, Until: noon.Add(10 * time.Minute)})
	s.says("Sotto stops waiting at " + clockWords(noon.Add(10*time.Minute)))
	s.contact(func(c *session.Contact) {
		c.Findings = []session.Finding{{Kind: session.FindingSilentCheck, Count: 2}}
	})
	s.says("does not answer questions: compare fingerprints by phone")
}

// After several differing answers the way on is another one.
func TestAttemptsAreCounted(t *testing.T) {
	s := newSheetStage(t)
	s.asked()
	s.run(session.SMP{Number: 1, Ours: true, Asked: true, Key: bobsKey, Stage: session.SMPFailed, Failed: 1})
	s.says("The answers have differed 1 time with this key", "Try once more")
	s.press("Try again")
	s.typed(1, "da luigi")
	s.press("Ask Bob")
	s.run(session.SMP{Number: 2, Ours: true, Asked: true, Key: bobsKey, Stage: session.SMPFailed, Failed: 3})
	s.says("The answers have differed 3 times with this key", "Call Bob before you write anything private, and compare fingerprints.")
	s.window().Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	s.says("Compare with Bob")
}

func TestStoppedAtOnce(t *testing.T) {
	s := newSheetStage(t)
	s.asked()
	s.run(session.SMP{Number: 1, Ours: true, Asked: true, Key: bobsKey, Stage: session.SMPAborted, AtOnce: true})
	s.says("before anybody could have read it", "Compare fingerprints by phone.")
}

// Between two Sottos the other person is asked by what only the programs read; with other programs by a message that one reads first.
func TestAskToVerify(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Lock, c.Verified = session.Private, session.ByQuestion })
	s.desk.askToVerify(s.bob.Ref)
	s.says("The program of Bob has no such request")
	s.contact(func(c *session.Contact) { c.Sotto = true })
	s.says("Bob uses Sotto too.")
	s.engine.refuse = session.ErrTooSoon
	s.press("Send request")
	s.says("You have asked Bob within the last hour.")
	s.engine.refuse = nil
	s.press("Send request")
	if s.engine.last() != "RequestVerification bob@example.org" {
		t.Errorf("asked for %q", s.engine.last())
	}
	s.contact(func(c *session.Contact) { c.RequestedAt = time.Now() })
	s.says("You have asked Bob", "Bob has not verified you yet. You asked at")
	s.contact(func(c *session.Contact) { c.VerifiedUs = true })
	s.says("You verified Bob, and Bob verified you.")
	s.press("Close")
	s.closed()
}

func TestAskToVerifyByMessage(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Lock, c.Verified = session.Private, session.ByQuestion })
	s.desk.askToVerify(s.bob.Ref)
	s.engine.refuse = session.ErrModeChanged
	s.press("Send privately")
	s.says("Nothing was sent")
	s.engine.refuse = nil
	s.press("Send privately")
	if !strings.HasPrefix(s.engine.last(), "Send bob@example.org \"I have verified that you are really you.") || !strings.HasSuffix(s.engine.last(), " 1") {
		t.Errorf("asked for %q", s.engine.last())
	}
	s.closed()
}

// The banner offers a check, goes on with one that is under way, and keeps quiet where the person said so.
func TestVerifyNotice(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Keys = []session.Key{{Fingerprint: bobsKey}} })
	says := func(want string, offers ...string) notice {
		t.Helper()
		n := s.desk.verifyNotice(s.bob)
		if !strings.Contains(n.words, want) || want == "" && n.words != "" {
			t.Errorf("says %q, not %q", n.words, want)
		}
		var got []string
		for _, o := range n.actions {
			got = append(got, o.label)
		}
		if strings.Join(got, ", ") != strings.Join(offers, ", ") {
			t.Errorf("%q offers %q", n.words, got)
		}
		return n
	}
	says("nobody has checked that it is really Bob", "Not now", "Verify").actions[0].do()
	if s.engine.last() != "PutOff bob@example.org 1B7046E3" {
		t.Errorf("asked for %q", s.engine.last())
	}
	s.contact(func(c *session.Contact) { c.Keys[0].PutOff = true })
	says("")
	s.contact(func(c *session.Contact) { c.WantsVerified = true })
	says("Bob asks you to verify that it is really Bob.", "Not now", "Verify")
	s.run(session.SMP{Number: 1, Stage: session.SMPNeedsAnswer, Asked: true, Question: "# *Bob is verified*"})
	if n := says("waits for your answer", "Decline", "Answer"); strings.Contains(n.words, "*") {
		t.Errorf("their words in ours: %q", n.words)
	}
	s.run(session.SMP{Number: 2, Ours: true, Stage: session.SMPWaiting, Until: noon})
	says("Waiting for the answer of Bob, until", "Cancel", "Show")
	s.run(session.SMP{Number: 2, Ours: true, Stage: session.SMPSucceeded})
	s.contact(func(c *session.Contact) {
		c.Lock, c.Verified, c.WantsVerified = session.Private, session.ByQuestion, false
	})
	says("")
	s.contact(func(c *session.Contact) { c.Lock, c.Verified, c.Key = session.NotPrivate, session.NotVerified, nil })
	says("")
}

func spokenWords() *session.ReadAloud {
	return &session.ReadAloud{Key: bobsKey, Ours: [4]string{"topmost", "istanbul", "pluto", "vagabond"}, Theirs: [4]string{"treadmill", "pacific", "brackish", "dictator"}}
}

func TestCompareWords(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Sotto, c.Aloud = true, spokenWords() })
	s.desk.compare(s.bob.Ref)
	s.says("topmost", "vagabond", "treadmill", "dictator")
	s.saysNot("1B7046E3")
	for row, word := range spokenWords().Theirs {
		if !s.button("Save").Disabled() {
			t.Errorf("can save before %s was heard", word)
		}
		s.tickRow(row)
	}
	s.press("Save")
	if s.engine.last() != "SetVerified true" || s.engine.key != bobsKey {
		t.Errorf("%q for %v", s.engine.last(), s.engine.key)
	}
	s.closed()
}

// tickRow ticks the box in a row.
func (s *sheetStage) tickRow(row int) {
	s.t.Helper()
	for _, o := range s.objects() {
		if b, ok := o.(*groupBox); ok {
			if row == 0 {
				test.Tap(b)
				return
			}
			row--
		}
	}
	s.t.Fatal("no such row")
}

// Words of one private conversation say nothing about another.
func TestCompareOtherWords(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Sotto, c.Aloud = true, spokenWords() })
	s.desk.compare(s.bob.Ref)
	for row := range spokenWords().Theirs {
		s.tickRow(row)
	}
	s.contact(func(c *session.Contact) {
		c.Aloud = &session.ReadAloud{Key: bobsKey, Theirs: [4]string{"acme", "adviser", "adult", "amulet"}}
	})
	s.says("fresh keys, and with them other words", "acme")
	s.saysNot("treadmill")
	if !s.button("Save").Disabled() {
		t.Error("what was heard before can still be saved")
	}
	s.contact(func(c *session.Contact) { c.Sotto, c.Aloud = false, nil })
	s.says("This is not the key in use any more")
	if !s.button("Save").Disabled() {
		t.Error("can still save")
	}
}

func TestCompareWordsOrFingerprints(t *testing.T) {
	s := newSheetStage(t)
	s.desk.compare(s.bob.Ref)
	s.says("1B7046E3")
	s.contact(func(c *session.Contact) { c.Sotto, c.Aloud = true, spokenWords() })
	s.says("treadmill")
	s.press("Fingerprints instead")
	s.says("1B7046E3")
	s.contact(func(c *session.Contact) { c.Unread++ })
	s.says("1B7046E3")
	s.press("Read words instead")
	s.says("treadmill")
}

// Whoever has begun to compare digits is not interrupted by words.
func TestCompareIsNotInterrupted(t *testing.T) {
	s := newSheetStage(t)
	s.desk.compare(s.bob.Ref)
	s.tickRow(0)
	s.contact(func(c *session.Contact) { c.Sotto, c.Aloud = true, spokenWords() })
	s.says("1B7046E3")
	s.saysNot("treadmill")
}

// Every finding is said with its evidence, and words of others never stand for ours.
func TestProgramSheet(t *testing.T) {
	s := newSheetStage(t)
	s.desk.program(s.bob.Ref)
	s.says("There is nothing to say about it.")
	for kind, want := range map[session.FindingKind][]string{
		session.FindingSotto:       {"Bob uses Sotto too", "inside the private conversation"},
		session.FindingNoOTR:       {"does not take up private conversations", "3 invitations had no answer."},
		session.FindingOnlyV2:      {"speaks only OTR 2", "It offered: 2"},
		session.FindingSilentCheck: {"compare fingerprints by phone", "3 checks had no answer"},
		session.FindingStopsCheck:  {"compare fingerprints by phone", "3 checks were stopped"},
		session.FindingUnmarked:    {"does not mark its private messages", "3 encrypted messages came without a mark."},
		session.FindingOther:       {"in a way that Sotto does not read: “2”", "3 messages came like that."},
		session.FindingUnconfirmed: {"does not confirm", "3 private messages were sent"},
	} {
		s.contact(func(c *session.Contact) {
			c.Findings = []session.Finding{{Kind: kind, Count: 3, Said: "2", Place: "home", Software: "Old\nSotto: verified"}}
		})
		s.says(append(want, "The device calls itself “home”.", "The program calls itself “Old Sotto: verified”.")...)
	}
	s.key(fyne.KeyReturn)
	s.closed()
}

func TestWeakWords(t *testing.T) {
	for _, c := range []struct {
		question, answer string
		want             weak
	}{
		{"What is my favourite colour?", "Green", weakCommon},
		{"Which day?", "monday", weakCommon},
		{"Where did we sit?", "under the old oak", notWeak},
		{"Who are you?", "bob miller", weakName},
		{"Who are you?", "bob@example.org", weakName},
	} {
		if got := weakness(c.question, c.answer, []string{"Bob Miller", "bob@example.org"}, []model.Line{}); got != c.want {
			t.Errorf("%q gives %d, not %d", c.answer, got, c.want)
		}
	}
}
