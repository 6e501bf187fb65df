package ui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// trusting is a scripted session that remembers for which key it was asked, and with which secret.
type trusting struct {
	*scripted
	key    otr.Fingerprint
	secret string
	given  []byte // the caller's own bytes
	err    error
}

func (e *trusting) take(key otr.Fingerprint, secret []byte) error {
	e.key, e.secret, e.given = key, string(secret), secret
	return e.err
}

func (e *trusting) Ask(r session.Ref, key otr.Fingerprint, q string, secret []byte) error {
	e.note("Ask %s", q)
	return e.take(key, secret)
}

func (e *trusting) Share(r session.Ref, key otr.Fingerprint, secret []byte) error {
	e.note("Share")
	return e.take(key, secret)
}

func (e *trusting) Answer(r session.Ref, n int, secret []byte) error {
	e.note("Answer %d", n)
	return e.take(otr.Fingerprint{}, secret)
}

func (e *trusting) SetVerified(r session.Ref, key otr.Fingerprint, v bool) error {
	e.note("SetVerified %v", v)
	return e.take(key, nil)
}

func (e *trusting) Decide(r session.Ref, key otr.Fingerprint, d session.KeyDecision) {
	e.note("Decide %d", d)
	_ = e.take(key, nil)
}

// sheetStage is a desk with bob on it, whose small windows a test looks at.
type sheetStage struct {
	t      *testing.T
	desk   *desk
	engine *trusting
	bob    session.Contact
}

var (
	bobsKey = otr.Fingerprint{0x1b, 0x70, 0x46, 0xe3, 0xf3, 0xea, 0x5b, 0xd1, 0x9a, 0x1b, 0x2e, 0x26, 0x7a, 0x4f, 0x00, 0xff, 0xf1, 0xd0, 0xf2, 0xb8}
	newKey  = otr.Fingerprint{0xde, 0xad, 0xbe, 0xef}
	ourKey  = otr.Fingerprint{0x8e, 0x2f, 0x4f, 0xe5, 0x8a, 0xa8, 0xf6, 0xe3}
)

func newSheetStage(t *testing.T) *sheetStage {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(look.Theme{Choice: look.Light})
	engine := &trusting{scripted: newScripted()}
	s := &sheetStage{t: t, engine: engine, bob: bob()}
	s.desk = &desk{
		shell: &shell{zone: time.UTC}, app: app, window: test.NewTempWindow(t, widget.NewLabel("")), engine: engine, model: model.New(),
		watchers: map[int]watcher{}, windows: map[string]fyne.Window{},
	}
	ours := ourKey
	a := onlineAccount()
	a.Account.Fingerprint = &ours
	s.desk.model.Apply(a)
	key := bobsKey
	s.bob.Key = &key
	s.bob.Name = "Bob"
	s.contact(func(*session.Contact) {})
	return s
}

// contact changes what is known about bob.
func (s *sheetStage) contact(change func(*session.Contact)) {
	change(&s.bob)
	s.desk.model.Apply(session.ContactChanged{Contact: s.bob})
	s.desk.tell(map[session.Ref]bool{s.bob.Ref: true}, false)
}

// run tells about a verification run.
func (s *sheetStage) run(r session.SMP) {
	r.Ref = s.bob.Ref
	s.desk.model.Apply(session.SMPChanged{SMP: r})
	s.desk.tell(map[session.Ref]bool{s.bob.Ref: true}, false)
}

// window is the one small window that is open.
func (s *sheetStage) window() fyne.Window {
	s.t.Helper()
	if len(s.desk.windows) != 1 {
		s.t.Fatalf("%d windows are open", len(s.desk.windows))
	}
	for _, w := range s.desk.windows {
		return w
	}
	return nil
}

func (s *sheetStage) objects() []fyne.CanvasObject {
	s.t.Helper()
	return laidOut(s.window().Content())
}

func (s *sheetStage) words() string {
	s.t.Helper()
	var words []string
	for _, o := range s.objects() {
		switch o := o.(type) {
		case *look.Text:
			words = append(words, o.Words())
		case *widget.Label:
			words = append(words, o.Text)
		case *look.Words:
			words = append(words, o.Text)
		}
	}
	return strings.Join(words, "\n")
}

func (s *sheetStage) says(words ...string) {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(s.words(), w) {
			s.t.Errorf("does not say %q but:\n%s", w, s.words())
		}
	}
}

func (s *sheetStage) saysNot(words string) {
	s.t.Helper()
	if strings.Contains(s.words(), words) {
		s.t.Errorf("says %q:\n%s", words, s.words())
	}
}

func (s *sheetStage) button(label string) *button {
	s.t.Helper()
	for _, o := range s.objects() {
		if b, ok := o.(*button); ok && b.Text == label {
			return b
		}
	}
	s.t.Fatalf("no button %q in:\n%s", label, s.words())
	return nil
}

func (s *sheetStage) press(label string) {
	s.t.Helper()
	for _, o := range s.objects() {
		switch o := o.(type) {
		case *button:
			if o.Text == label {
				test.Tap(o)
				return
			}
		case *pressable:
			if o.name == label {
				test.Tap(o)
				return
			}
		case *option:
			if o.label == label {
				test.Tap(o)
				return
			}
		}
	}
	s.t.Fatalf("nothing called %q in:\n%s", label, s.words())
}

// typed types into the n-th entry.
func (s *sheetStage) typed(n int, text string) {
	s.t.Helper()
	for _, o := range s.objects() {
		if f, ok := o.(*field); ok {
			if n == 0 {
				s.window().Canvas().Focus(f)
				test.Type(f, text)
				return
			}
			n--
		}
	}
	s.t.Fatal("no such entry")
}

func (s *sheetStage) key(name fyne.KeyName) {
	s.t.Helper()
	s.window().Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: name})
}

func (s *sheetStage) closed() {
	s.t.Helper()
	if len(s.desk.windows) != 0 {
		s.t.Fatal("the window is still open")
	}
	if len(s.desk.watchers) != 0 {
		s.t.Error("somebody still watches")
	}
}

// TestWhyIsSaidOnce: the first page gives the reason for a check where the band of the conversation has not just given it.
func TestWhyIsSaidOnce(t *testing.T) {
	const why = "a stranger could have stepped in"
	s := newSheetStage(t)
	s.desk.verify(s.bob.Ref)
	s.saysNot(why)
	s.press("Not now")
	s.closed()
	s.contact(func(c *session.Contact) { c.Keys = []session.Key{{Fingerprint: bobsKey, PutOff: true}} })
	s.desk.verify(s.bob.Ref)
	s.says("Is this really Bob?", why)
}

// asked brings the wizard to where it waits for bob's answer to run 1.
func (s *sheetStage) asked() {
	s.t.Helper()
	s.desk.verify(s.bob.Ref)
	s.press("Next")
	s.typed(0, "Where did we have dinner?")
	s.typed(1, "da luigi")
	s.press("Ask Bob")
	s.run(session.SMP{Number: 1, Ours: true, Asked: true, Key: bobsKey})
}

func TestVerifyByQuestion(t *testing.T) {
	s := newSheetStage(t)
	s.desk.verify(s.bob.Ref)
	s.says("Is this really Bob?", "1 of 3")
	s.key(fyne.KeyReturn)
	s.says("Ask Bob", "2 of 3", "Whoever is at the other end sees the question", "Compared exactly as typed")
	if !s.button("Ask Bob").Disabled() {
		t.Error("can ask without question and answer")
	}
	s.typed(0, "  Where did we have dinner?")
	s.key(fyne.KeyReturn) // goes on to the answer
	test.Type(s.window().Canvas().Focused(), "da luigi")
	s.says("Compared exactly as typed, with capital letters and spaces.\nda luigi")
	s.key(fyne.KeyReturn)
	if s.engine.last() != "Ask Where did we have dinner?" || s.engine.key != bobsKey || s.engine.secret != "da luigi" {
		t.Fatalf("asked %q for %v with %q", s.engine.last(), s.engine.key, s.engine.secret)
	}
	for _, b := range s.engine.given {
		if b != 0 {
			t.Fatal("the answer was not wiped")
		}
	}
	s.run(session.SMP{Number: 1, Ours: true, Asked: true, Key: bobsKey})
	s.says("Waiting for Bob", "3 of 3", "Your question is on its way to Bob")
	s.contact(func(c *session.Contact) { c.Lock, c.Verified = session.Private, session.ByQuestion })
	s.run(session.SMP{Number: 1, Ours: true, Asked: true, Key: bobsKey, Stage: session.SMPSucceeded})
	s.says("This is Bob", "Bob gave the right answer. You now know that it is really Bob.", "Bob has not verified you yet")
	s.contact(func(c *session.Contact) { c.VerifiedUs = true })
	s.says("You verified Bob, and Bob verified you.")
	s.press("Done")
	s.closed()
}

func TestVerifyBySecret(t *testing.T) {
	s := newSheetStage(t)
	s.desk.verify(s.bob.Ref)
	s.key(fyne.KeyDown)
	s.press("Next")
	s.says("A secret you both know", "2 of 3")
	s.typed(0, " tulip ")
	s.says("It begins or ends with a space.")
	s.press("Compare with Bob")
	if s.engine.last() != "Share" || s.engine.secret != " tulip " || s.engine.key != bobsKey {
		t.Fatalf("%q with %q", s.engine.last(), s.engine.secret)
	}
	s.run(session.SMP{Number: 4, Ours: true, Key: bobsKey})
	s.says("Bob is asked for the secret now.")
	s.contact(func(c *session.Contact) { c.Lock, c.Verified, c.VerifiedUs = session.Private, session.BySecret, true })
	s.run(session.SMP{Number: 4, Ours: true, Key: bobsKey, Stage: session.SMPSucceeded})
	s.says("You and Bob typed the same secret.", "You verified Bob, and Bob verified you.")
}

func TestVerifyEnds(t *testing.T) {
	cases := []struct {
		name string
		run  session.SMP
		says []string
	}{
		{"differ", session.SMP{Stage: session.SMPFailed}, []string{"The answers differ", "Often it is a typo", "Somebody could stand between you", "It was not the program of Bob", "call Bob before you write anything private"}},
		{"differ, verified before", session.SMP{Stage: session.SMPFailed, Kept: true}, []string{"Your earlier verification of Bob still stands."}},
		{"cancelled", session.SMP{Stage: session.SMPCancelled}, []string{"You stopped the check", "Nothing has changed."}},
		{"aborted", session.SMP{Stage: session.SMPAborted}, []string{"Bob stopped it, or the private conversation ended.", "a typo", "cannot answer questions", "Somebody could stand between you"}},
		{"no answer", session.SMP{Stage: session.SMPTimedOut}, []string{"No answer from Bob", "the program of Bob cannot answer questions", "Somebody could stand between you", "Call Bob"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSheetStage(t)
			s.asked()
			c.run.Number, c.run.Ours, c.run.Asked, c.run.Key = 1, true, true, bobsKey
			s.run(c.run)
			s.says(c.says...)
			s.saysNot("You now know")
			s.press("Try again")
			s.kept("Where did we have dinner?")
			s.press("Back")
			s.says("Is this really Bob?")
			s.press("Not now")
			s.closed()
		})
	}
}

// kept checks that a question need not be typed again, and that its answer must.
func (s *sheetStage) kept(question string) {
	s.t.Helper()
	var typed []string
	for _, o := range s.objects() {
		if f, ok := o.(*field); ok {
			typed = append(typed, f.Text)
		}
	}
	if !slices.Equal(typed, []string{question, ""}) {
		s.t.Errorf("the fields begin with %q", typed)
	}
	if focused, ok := s.window().Canvas().Focused().(*field); !ok || focused.Text != "" || focused.PlaceHolder != "" {
		s.t.Error("the cursor is not where the answer belongs")
	}
}

func TestVerifyWarnsOfWeakAnswers(t *testing.T) {
	s := newSheetStage(t)
	s.desk.verify(s.bob.Ref)
	s.press("Next")
	s.typed(1, "yes")
	s.says("This is so short that it could be guessed.")
	s.typed(1, ", by the old mill")
	s.saysNot("guessed.")
}

func TestVerifyCancel(t *testing.T) {
	s := newSheetStage(t)
	s.asked()
	s.press("Cancel")
	if s.engine.last() != "CancelSMP bob@example.org" {
		t.Errorf("asked for %q", s.engine.last())
	}
	s.says("Waiting for Bob") // until the session says so
}

func TestVerifyOpensWhereItWas(t *testing.T) {
	s := newSheetStage(t)
	s.asked()
	s.desk.verify(s.bob.Ref) // brings it forward
	s.window().Canvas().OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeyEscape})
	s.closed()
	for _, asked := range s.engine.asked {
		if strings.HasPrefix(asked, "CancelSMP") {
			t.Error("closing the window stopped the check")
		}
	}
	s.desk.verify(s.bob.Ref)
	s.says("Waiting for Bob")
	s.run(session.SMP{Number: 1, Ours: true, Asked: true, Key: bobsKey, Stage: session.SMPFailed})
	s.says("The answers differ")
}

func TestVerifyForgetsOldRuns(t *testing.T) {
	s := newSheetStage(t)
	s.run(session.SMP{Number: 7, Ours: true, Asked: true, Key: bobsKey, Stage: session.SMPSucceeded})
	s.desk.verify(s.bob.Ref)
	s.says("Is this really Bob?")
	s.press("Next")
	s.typed(0, "q")
	s.typed(1, "a")
	s.press("Ask Bob")
	s.run(session.SMP{Number: 7, Ours: true, Asked: true, Key: bobsKey, Stage: session.SMPSucceeded}) // told once more
	s.says("Waiting for Bob")
	s.run(session.SMP{Number: 8, Ours: true, Asked: true, Key: bobsKey})
	s.run(session.SMP{Number: 9, Asked: true, Key: bobsKey, Stage: session.SMPNeedsAnswer, Question: "?"})
	s.says("The check was stopped")
}

func TestVerifyNeedsAPrivateConversation(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Lock, c.Key = session.NotPrivate, nil })
	s.desk.verify(s.bob.Ref)
	s.says("Not private now")
	s.press("Start private conversation")
	if s.engine.last() != "StartPrivate bob@example.org" {
		t.Errorf("asked for %q", s.engine.last())
	}
	s.contact(func(c *session.Contact) { key := bobsKey; c.Lock, c.Key = session.Unverified, &key })
	s.says("Is this really Bob?")
	s.contact(func(c *session.Contact) { c.Lock = session.FinishedLock })
	s.says("Not private now")
}

// TestVerifyIsAboutOneKey: what was typed for one key is never sent to another.
func TestVerifyIsAboutOneKey(t *testing.T) {
	s := newSheetStage(t)
	s.desk.verify(s.bob.Ref)
	s.press("Next")
	s.typed(0, "q")
	s.typed(1, "a")
	s.contact(func(c *session.Contact) { key := newKey; c.Key = &key })
	s.says("The key has changed", "was not sent")
	s.contact(func(c *session.Contact) { c.Unread = 1 })
	s.says("The key has changed")
	s.press("Begin again")
	s.press("Next")
	s.typed(0, "q")
	s.typed(1, "a")
	s.engine.err = session.ErrKeyGone
	s.press("Ask Bob")
	if s.engine.key != newKey {
		t.Errorf("asked for %v", s.engine.key)
	}
	s.says("Nothing was sent: Bob uses another key now.")
	for err, words := range map[error]string{
		session.ErrNotPrivate:   "the private conversation has ended",
		session.ErrKeyUndecided: "you have not decided",
		errors.New("otherwise"): "This did not work.",
	} {
		s.engine.err = err
		s.press("Ask Bob")
		s.says(words)
	}
}

func TestVerifyAfterAKeyChange(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) {
		c.KeyChange = &session.KeyChange{Old: session.Key{Fingerprint: bobsKey}, New: session.Key{Fingerprint: newKey}}
	})
	s.desk.verify(s.bob.Ref)
	s.says("Decide about it first.")
	s.press("Decide")
	s.says("Bob uses a new key")
}

func TestVerifyWhileTheyAsk(t *testing.T) {
	s := newSheetStage(t)
	s.run(session.SMP{Number: 2, Asked: true, Stage: session.SMPNeedsAnswer, Question: "who?"})
	s.desk.verify(s.bob.Ref)
	s.says("Bob is checking you at this moment.")
	s.press("Answer")
	s.says("who?")
}

func TestVerifyLeadsToTheComparison(t *testing.T) {
	s := newSheetStage(t)
	s.desk.verify(s.bob.Ref)
	s.press("Compare fingerprints")
	s.press("Next")
	s.says("Compare with Bob")
}

func TestSecretsStayInTheirWindow(t *testing.T) {
	s := newSheetStage(t)
	s.desk.verify(s.bob.Ref)
	s.press("Next")
	s.typed(1, "da luigi")
	var secret *field
	for _, o := range s.objects() {
		if f, ok := o.(*field); ok && f.Text == "da luigi" {
			secret = f
		}
	}
	if secret == nil || secret.Password {
		t.Fatal("one does not see what one answers")
	}
	s.tick("Show what I type")
	s.saysNot("da luigi")
	if !secret.Password {
		t.Error("the answer is still to be seen")
	}
	s.key(fyne.KeyEscape)
	s.closed()
	if secret.Text != "" {
		t.Error("the answer is still in the entry")
	}
}

func TestAnswer(t *testing.T) {
	question := "Where did we have \u202edinner?\n# *Bob has verified you*"
	s := newSheetStage(t)
	s.run(session.SMP{Number: 5, Asked: true, Stage: session.SMPNeedsAnswer, Question: question})
	s.desk.answer(s.bob.Ref)
	s.says("Bob asks you", "Text from the other side, not checked", "# *Bob has verified you*", "It does not show you that this is Bob.")
	s.saysNot("\u202e")
	s.typed(0, "da luigi")
	s.key(fyne.KeyReturn)
	if s.engine.last() != "Answer 5" || s.engine.secret != "da luigi" {
		t.Fatalf("%q with %q", s.engine.last(), s.engine.secret)
	}
	s.run(session.SMP{Number: 5, Asked: true, Stage: session.SMPWaiting})
	s.says("The two programs are comparing.")
	s.run(session.SMP{Number: 5, Asked: true, Stage: session.SMPSucceeded})
	s.says("Your answer was right", "Bob now knows that it is really you.", "You have not verified Bob yet.")
	s.saysNot("You now know")
	s.press("Verify Bob")
	s.says("Is this really Bob?")
}

func TestLongQuestionsStaySmall(t *testing.T) {
	for _, question := range []string{strings.Repeat("x", 60_000), strings.Repeat("why\n", 10_000), strings.Repeat("界", 20_000)} {
		s := newSheetStage(t)
		s.run(session.SMP{Number: 1, Asked: true, Stage: session.SMPNeedsAnswer, Question: question})
		s.desk.answer(s.bob.Ref)
		if size := s.window().Canvas().Size(); size.Height > 700 || size.Width > 700 {
			t.Errorf("%.10q makes a window of %v", question, size)
		}
		s.says("…")
	}
}

func TestAnswerEnds(t *testing.T) {
	cases := []struct {
		name string
		run  session.SMP
		bob  func(*session.Contact)
		says []string
	}{
		{"right, both directions", session.SMP{Asked: true, Stage: session.SMPSucceeded}, func(c *session.Contact) { c.Lock, c.Verified = session.Private, session.ByQuestion }, []string{"Bob now knows that it is really you.", "You verified Bob. Bob has not verified you yet"}},
		{"same secret", session.SMP{Stage: session.SMPSucceeded}, nil, []string{"You and Bob typed the same secret.", "You now know that it is really Bob."}},
		{"differ", session.SMP{Asked: true, Stage: session.SMPFailed}, nil, []string{"The answers differ", "Bob can ask again."}},
		{"differ, verified before", session.SMP{Asked: true, Stage: session.SMPFailed, Kept: true}, nil, []string{"Your earlier verification of Bob still stands."}},
		{"declined", session.SMP{Asked: true, Stage: session.SMPCancelled}, nil, []string{"You declined", "Nothing has changed."}},
		{"aborted", session.SMP{Asked: true, Stage: session.SMPAborted}, nil, []string{"The check was stopped"}},
		{"too late", session.SMP{Asked: true, Stage: session.SMPTimedOut}, nil, []string{"It took too long."}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSheetStage(t)
			s.run(session.SMP{Number: 3, Asked: c.run.Asked, Stage: session.SMPNeedsAnswer, Question: "who?"})
			s.desk.answer(s.bob.Ref)
			if c.bob != nil {
				s.contact(c.bob)
			}
			c.run.Number = 3
			s.run(c.run)
			s.says(c.says...)
		})
	}
}

// TestAnswerGoesToTheShownQuestion: an answer typed for one question never reaches another one.
// The result is told before what it means for the contact: the window must not go on saying what is not so any more.
func TestAnswerTellsBothDirections(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Lock, c.Verified, c.Sotto = session.Private, session.ByQuestion, true })
	s.run(session.SMP{Number: 5, Asked: true, Stage: session.SMPNeedsAnswer, Question: "Where?"})
	s.desk.answer(s.bob.Ref)
	s.typed(0, "here")
	s.press("Answer")
	s.run(session.SMP{Number: 5, Asked: true, Stage: session.SMPSucceeded})
	s.contact(func(c *session.Contact) { c.VerifiedUs = true })
	s.says("Bob now knows that it is really you.", "You verified Bob, and Bob verified you.")
	s.saysNot("has not verified you yet")
}

func TestAnswerGoesToTheShownQuestion(t *testing.T) {
	s := newSheetStage(t)
	s.run(session.SMP{Number: 1, Asked: true, Stage: session.SMPNeedsAnswer, Question: "first?"})
	s.desk.answer(s.bob.Ref)
	s.typed(0, "for the first")
	s.run(session.SMP{Number: 2, Asked: true, Stage: session.SMPNeedsAnswer, Question: "second?"})
	s.says("second?", "What you had typed was not sent.")
	s.saysNot("first?")
	if !s.button("Answer").Disabled() {
		t.Error("the old answer is still there")
	}
	s.typed(0, "x")
	s.engine.err = session.ErrNoRequest
	s.press("Answer")
	if s.engine.last() != "Answer 2" || s.engine.secret != "x" {
		t.Errorf("%q with %q", s.engine.last(), s.engine.secret)
	}
	s.says("Bob is not waiting for this answer any more.")
	s.press("Decline")
	if s.engine.last() != "CancelSMP bob@example.org" {
		t.Errorf("asked for %q", s.engine.last())
	}
}

func TestAnswerWithoutQuestion(t *testing.T) {
	s := newSheetStage(t)
	s.desk.answer(s.bob.Ref)
	s.says("Bob is not asking anything any more.")
	s.run(session.SMP{Number: 1, Stage: session.SMPNeedsAnswer})
	s.says("Type the secret that you agreed on with Bob.")
	s.press("Decline")
	s.run(session.SMP{Number: 1, Stage: session.SMPAborted})
	s.says("The check was stopped")
	s.press("Close")
	s.closed()
}

func TestCompare(t *testing.T) {
	s := newSheetStage(t)
	s.desk.compare(s.bob.Ref)
	s.says("Compare with Bob", "1B7046E3", "F1D0F2B8", "8E2F4FE5")
	if !s.button("Save").Disabled() {
		t.Error("can save before anything was said")
	}
	for _, o := range s.objects() {
		if l, ok := o.(*look.Words); ok && !l.Selectable {
			t.Errorf("%q cannot be selected", l.Text)
		}
	}
	for _, f := range chain(s.window().Canvas()) {
		if kind := fmt.Sprintf("%T", f); kind == "*look.hold" {
			t.Error("words that can only be read are stops of the Tab key")
		}
	}
	boxes := 0
	for _, o := range s.objects() {
		if box, ok := o.(*groupBox); ok {
			test.Tap(box)
			boxes++
		}
	}
	if boxes != 5 || s.button("Save").Disabled() {
		t.Fatalf("%d groups to tick; saving possible: %v", boxes, !s.button("Save").Disabled())
	}
	s.press("Save")
	if s.engine.last() != "SetVerified true" || s.engine.key != bobsKey {
		t.Errorf("%q for %v", s.engine.last(), s.engine.key)
	}
	s.closed()
}

// TestComparePasted: what was copied from elsewhere ticks the groups that are the same, and only those.
func TestComparePasted(t *testing.T) {
	theirs := bobsKey.String()
	digits := strings.ReplaceAll(theirs, " ", "")
	other := bobsKey
	other[0] ^= 1
	other[19] ^= 1
	for _, test := range []struct {
		name, text string
		same       []bool
		says       string
	}{
		{"as shown", theirs, []bool{true, true, true, true, true}, ""},
		{"one word", "Bob: " + strings.ToLower(digits), []bool{true, true, true, true, true}, ""},
		{"a link", "xmpp:bob@example.org?otr-fingerprint=" + digits, []bool{true, true, true, true, true}, ""},
		{"two groups differ", other.String(), []bool{false, true, true, true, false}, "Write nothing private before you have spoken with Bob."},
		{"too short", theirs[:35], []bool{false, false, false, false, false}, "This is not a whole fingerprint"},
		{"too long", digits + "00", []bool{false, false, false, false, false}, "This is not a whole fingerprint"},
		{"our own", ourKey.String(), []bool{false, false, false, false, false}, "This is your own fingerprint."},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSheetStage(t)
			s.desk.compare(s.bob.Ref)
			s.pastes(test.text)
			var ticked []bool
			for _, o := range s.objects() {
				if box, ok := o.(*groupBox); ok {
					ticked = append(ticked, box.Checked)
				}
			}
			if !slices.Equal(ticked, test.same) {
				t.Errorf("ticked are %v", ticked)
			}
			s.says(test.says)
			if s.button("Save").Disabled() == !slices.Contains(test.same, false) {
				t.Error("what can be saved does not follow from what was pasted")
			}
		})
	}
}

// What differs is seen beside what should stand there, and what is seen to differ cannot be called the same.
func TestComparePastedDiffers(t *testing.T) {
	s := newSheetStage(t)
	s.desk.compare(s.bob.Ref)
	other := bobsKey
	other[19] ^= 1
	s.pastes(other.String())
	s.says("≠ F1D0F2B9", "1 group differs from what you pasted.")
	s.press("All five groups are the same: this is Bob")
	for _, o := range s.objects() {
		if box, ok := o.(*groupBox); ok && !box.Checked {
			test.Tap(box) // the person hears what they want to hear
		}
	}
	if !s.button("Save").Disabled() {
		t.Error("can be saved as the same")
	}
	s.pastes("")
	for _, o := range s.objects() {
		if l, ok := o.(*look.Words); ok && strings.HasPrefix(l.Text, "≠") && l.Visible() {
			t.Errorf("%q is still there", l.Text)
		}
	}
	s.press("All five groups are the same: this is Bob")
	if s.button("Save").Disabled() {
		t.Error("nothing can be saved any more")
	}
}

// pastes puts a text into the one entry of the window at once, as from the clipboard.
func (s *sheetStage) pastes(text string) {
	s.t.Helper()
	for _, o := range s.objects() {
		if f, ok := o.(*field); ok {
			f.SetText(text)
			return
		}
	}
	s.t.Fatal("there is no entry")
}

// TestOwnKey: the window gives the fingerprint as people read it, as a link, and as a code that holds the link.
func TestOwnKey(t *testing.T) {
	s := newSheetStage(t)
	s.desk.ownKey(s.bob.Account)
	link := "xmpp:alice@example.org?otr-fingerprint=" + strings.ToLower(strings.ReplaceAll(ourKey.String(), " ", ""))
	s.says(append(strings.Fields(ourKey.String()), link)...)
	s.press("Copy link")
	if got := s.desk.app.Clipboard().Content(); got != link {
		t.Errorf("copied was %q", got)
	}
	s.press("Copy fingerprint")
	if got := s.desk.app.Clipboard().Content(); got != ourKey.String() {
		t.Errorf("copied was %q", got)
	}
	s.press("Done")
	s.closed()
}

func TestOwnKeyBeforeThereIsOne(t *testing.T) {
	s := newSheetStage(t)
	a := onlineAccount()
	s.desk.model.Apply(a)
	s.desk.ownKey(s.bob.Account)
	s.says("has no key yet")
	a.Account.Fingerprint = &ourKey
	s.desk.model.Apply(a)
	s.desk.tell(nil, true)
	s.says(strings.Fields(ourKey.String())...)
}

func TestCompareTakesBack(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Verified, c.Lock = session.ByComparison, session.Private })
	s.desk.compare(s.bob.Ref)
	s.press("I have not compared them")
	s.press("Save")
	if s.engine.last() != "SetVerified false" {
		t.Errorf("asked for %q", s.engine.last())
	}
}

// Who was verified by a question has not been compared: the page does not look as if, and leaving it takes nothing back.
func TestCompareWhoWasVerifiedOtherwise(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Verified, c.Lock = session.ByQuestion, session.Private })
	s.desk.compare(s.bob.Ref)
	if !s.button("Save").Disabled() {
		t.Error("can save what nobody said")
	}
	s.press("All five groups are the same: this is Bob")
	s.press("I have not compared them")
	s.press("Save")
	s.closed()
	if s.engine.last() == "SetVerified false" {
		t.Error("took back what a question had shown")
	}
}

// TestCompareIsAboutTheShownKey: nothing is saved when the key in use is not the shown one any more.
func TestCompareIsAboutTheShownKey(t *testing.T) {
	other := newKey
	changes := map[string]func(*sheetStage){
		"another key":      func(s *sheetStage) { s.contact(func(c *session.Contact) { c.Key = &other }) },
		"ended":            func(s *sheetStage) { s.contact(func(c *session.Contact) { c.Lock = session.FinishedLock }) },
		"no key":           func(s *sheetStage) { s.contact(func(c *session.Contact) { c.Key, c.Lock = nil, session.NotPrivate }) },
		"our key is other": func(s *sheetStage) { s.ownKey(other) },
		"the session says": func(s *sheetStage) { s.engine.err = session.ErrKeyGone; s.press("Save") },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			s := newSheetStage(t)
			s.desk.compare(s.bob.Ref)
			s.press("All five groups are the same: this is Bob")
			change(s)
			s.says("This is not the key in use any more", "1B7046E3")
			if !s.button("Save").Disabled() {
				t.Error("can still save")
			}
			asked := len(s.engine.asked)
			s.press("I have not compared them")
			s.press("All five groups are the same: this is Bob")
			s.press("Save")
			if len(s.engine.asked) != asked {
				t.Errorf("asked for %q", s.engine.last())
			}
			s.contact(func(c *session.Contact) { key := bobsKey; c.Key, c.Lock = &key, session.Unverified })
			if !s.button("Save").Disabled() {
				t.Error("can save again, though something was different in between")
			}
		})
	}
}

func (s *sheetStage) ownKey(f otr.Fingerprint) {
	a := onlineAccount()
	a.Account.Fingerprint = &f
	s.desk.model.Apply(a)
	s.desk.tell(nil, true)
}

func TestCompareCopies(t *testing.T) {
	s := newSheetStage(t)
	s.desk.compare(s.bob.Ref)
	s.press("Copy")
	if got := s.desk.app.Clipboard().Content(); got != bobsKey.String() {
		t.Errorf("copied %q", got)
	}
}

func TestEscapeClosesEverySheet(t *testing.T) {
	opens := map[string]func(*sheetStage){
		"verify":  func(s *sheetStage) { s.desk.verify(s.bob.Ref) },
		"compare": func(s *sheetStage) { s.desk.compare(s.bob.Ref) },
		"answer": func(s *sheetStage) {
			s.run(session.SMP{Number: 1, Asked: true, Stage: session.SMPNeedsAnswer, Question: "?"})
			s.desk.answer(s.bob.Ref)
		},
		"key": func(s *sheetStage) {
			s.contact(func(c *session.Contact) {
				c.KeyChange = &session.KeyChange{Old: session.Key{Fingerprint: bobsKey}, New: session.Key{Fingerprint: newKey}}
			})
			s.desk.decideKey(s.bob.Ref)
		},
	}
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			reached := 0
			for stop := 0; ; stop++ { // Tab from the first widget to the last
				s := newSheetStage(t)
				open(s)
				w := s.window()
				first := w.Canvas().Focused()
				for range stop {
					w.Canvas().FocusNext()
				}
				if stop > 0 && w.Canvas().Focused() == first {
					break
				}
				s.key(fyne.KeyEscape)
				s.closed()
				reached++
			}
			if reached < 2 {
				t.Errorf("only %d widgets were reached", reached)
			}
		})
	}
}

func TestCompareNeedsALiveKey(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) { c.Lock = session.FinishedLock })
	s.desk.compare(s.bob.Ref)
	s.says("Nothing to compare yet")
	s.saysNot("1B7046E3")
	s.contact(func(c *session.Contact) { c.Lock = session.Unverified })
	s.says("1B7046E3")
}

func TestKeyChange(t *testing.T) {
	for label, want := range map[string]string{"Keep both keys": "Decide 0", "Block sending to Bob": "Hold bob@example.org"} {
		t.Run(label, func(t *testing.T) {
			s := newSheetStage(t)
			s.contact(func(c *session.Contact) {
				c.KeyChange = &session.KeyChange{
					Old: session.Key{Fingerprint: bobsKey, FirstSeen: noon.AddDate(0, -1, 0), Verified: session.ByQuestion, VerifiedAt: noon},
					New: session.Key{Fingerprint: newKey, FirstSeen: noon, Device: "laptop”, verified"},
				}
			})
			s.desk.decideKey(s.bob.Ref)
			s.says("Bob uses a new key", "Old key", "1B7046E3", "New key", "DEADBEEF", "Verified by a question on 22 November 2026", "First seen on 22 October 2026",
				"First seen on 22 November 2026. The device calls itself “laptop', verified”", "None of the groups is the same.")
			s.press(label)
			if s.engine.last() != want || strings.HasPrefix(want, "Decide") && s.engine.key != newKey {
				t.Errorf("%q for %v", s.engine.last(), s.engine.key)
			}
			held := strings.HasPrefix(want, "Hold")
			s.contact(func(c *session.Contact) {
				c.KeyChange = nil
				if held {
					c.Held = noon
				}
			})
			if held {
				s.says("Nothing goes to Bob any more")
			} else {
				s.says("nothing left to decide")
			}
			s.press("Close")
			s.closed()
		})
	}
}

// To ask in another way decides nothing, and one comes back from it.
func TestKeyChangeAsksElsewhere(t *testing.T) {
	s := newSheetStage(t)
	s.contact(func(c *session.Contact) {
		c.KeyChange = &session.KeyChange{Old: session.Key{Fingerprint: bobsKey, Verified: session.BySecret}, New: session.Key{Fingerprint: newKey}}
	})
	s.desk.decideKey(s.bob.Ref)
	s.press("Ask Bob in another way")
	s.says("Do not ask in this conversation", "read me your fingerprint")
	s.press("Copy the question")
	if got := s.desk.app.Clipboard().Content(); !strings.Contains(got, "a new key for you") {
		t.Errorf("copied %q", got)
	}
	s.press("Back")
	s.says("Keep both keys")
	if len(s.engine.asked) != 0 {
		t.Errorf("asked for %q", s.engine.asked)
	}
}

func TestKeyChangesAgain(t *testing.T) {
	third := otr.Fingerprint{0xca, 0xfe}
	s := newSheetStage(t)
	change := func(f otr.Fingerprint) {
		s.contact(func(c *session.Contact) {
			c.KeyChange = &session.KeyChange{Old: session.Key{Fingerprint: bobsKey}, New: session.Key{Fingerprint: f}}
		})
	}
	change(newKey)
	s.desk.decideKey(s.bob.Ref)
	change(third)
	s.says("The key has changed once more.", "CAFE0000")
	s.press("Keep both keys")
	if s.engine.key != third {
		t.Errorf("decided about %v", s.engine.key)
	}
}
