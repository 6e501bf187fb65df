package ui

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/practice"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/look"
)

// stage is a window without a screen, and the session behind it.
type stage struct {
	t      *testing.T
	shell  *shell
	engine *scripted
	queue  chan func()
	tree   *access.Tree
}

// newStage builds the window as main does. Nothing reaches it but what the test lets through.
func newStage(t *testing.T, settings ...func(*store.Settings)) *stage {
	t.Helper()
	return newStageOf(t, test.NewTempApp(t), settings...)
}

// newStageOf is newStage in an application that there is already.
func newStageOf(t *testing.T, app fyne.App, settings ...func(*store.Settings)) *stage {
	t.Helper()
	kept, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range settings {
		if err := kept.Update(change); err != nil {
			t.Fatal(err)
		}
	}
	s := &stage{t: t, engine: newScripted(), queue: make(chan func(), 64)}
	s.shell = open(Config{
		App: app, Open: func() Engine { return s.engine }, Store: kept, Keyring: keyring.Memory(),
		Practise: func(context.Context, practice.Words) (Practice, error) { return Practice{}, errors.New("no loopback") },
		Do:       func(f func()) { s.queue <- f },
		Time:     func() time.Time { return noon }, Zone: time.UTC,
	})
	t.Cleanup(s.shell.window.Close)
	s.shell.window.Resize(fyne.NewSize(1000, 680))
	s.tree = access.New("Sotto", func() []fyne.Window { return []fyne.Window{s.shell.window} })
	return s
}

// newTalk is a stage on which the conversation with bob is open.
func newTalk(t *testing.T, c session.Contact) *stage {
	t.Helper()
	s := newStage(t)
	s.tell(onlineAccount(), session.ContactChanged{Contact: c})
	s.shell.own.main.open(c.Ref)
	return s
}

func (s *stage) tell(events ...session.Event) { s.shell.own.apply(events) }

func (s *stage) talk() *talkPane { return s.shell.own.main.talk }

// seen collects the words that are on the screen.
func (s *stage) seen() string {
	var words []string
	for _, o := range laidOut(s.top()) {
		switch o := o.(type) {
		case *look.Text:
			words = append(words, o.Words())
		case *button:
			words = append(words, o.Text)
		}
	}
	return strings.Join(words, "\n")
}

func (s *stage) top() fyne.CanvasObject {
	if o := s.shell.window.Canvas().Overlays().Top(); o != nil {
		return o
	}
	return s.shell.window.Content()
}

func (s *stage) wantSeen(words string) {
	s.t.Helper()
	if !strings.Contains(s.seen(), words) {
		s.t.Errorf("%q is not on the screen:\n%s", words, s.seen())
	}
}

func (s *stage) wantAsked(call string) {
	s.t.Helper()
	for _, asked := range s.engine.asked {
		if asked == call {
			return
		}
	}
	s.t.Errorf("the session was not asked for %q but for %q", call, s.engine.asked)
}

func (s *stage) wantNotAsked(call string) {
	s.t.Helper()
	for _, asked := range s.engine.asked {
		if strings.HasPrefix(asked, call) {
			s.t.Errorf("the session was asked for %q", asked)
		}
	}
}

// press finds a button, or whatever else is called so and can be pressed, and presses it.
func (s *stage) press(name string) {
	s.t.Helper()
	for _, o := range laidOut(s.top()) {
		if !o.Visible() {
			continue
		}
		switch o := o.(type) {
		case *button:
			if o.Text == name && !o.Disabled() {
				test.Tap(o)
				return
			}
		case *pressable:
			if o.name == name {
				o.Tapped(nil)
				return
			}
		}
	}
	s.t.Fatalf("there is no button %q:\n%s", name, s.seen())
}

func (s *stage) key(name fyne.KeyName) {
	if f := s.shell.window.Canvas().Focused(); f != nil {
		f.TypedKey(&fyne.KeyEvent{Name: name})
	}
}

func TestFirstStart(t *testing.T) {
	s := newStage(t)
	s.wantSeen("Conversations that stay between you.")
	s.wantSeen("Practise first")
	s.wantSeen("Sign in")
	s.wantSeen("Create an account")
	if got := s.shell.window.Title(); got != "Sotto" {
		t.Errorf("the window is called %q", got)
	}
}

func TestSignInProblems(t *testing.T) {
	for p := session.ProblemUnreachable; p <= session.ProblemBrokenStream; p++ {
		s := newStage(t)
		s.press("Sign in")
		page := s.shell.own.signIn
		page.address.SetText(alice)
		page.password.SetText("secret")
		s.press("Sign in")
		s.wantAsked("SignIn alice@example.org  plain=false")
		a := session.Account{JID: alice, Server: "example.org", State: session.Stopped, Problem: p}
		s.tell(session.AccountChanged{Account: a})
		s.wantSeen(problemWords(a))
		if page.password.Text != "secret" {
			t.Errorf("problem %d: the password has to be typed again", p)
		}
		if offered := page.allow.Visible(); offered != (p == session.ProblemOnlyPlain) {
			t.Errorf("problem %d: giving the password itself is offered: %v", p, offered)
		}
		s.press("Back")
		s.wantAsked("RemoveAccount alice@example.org")
	}
}

func TestPlainOnlyByChoice(t *testing.T) {
	s := newStage(t)
	s.press("Sign in")
	page := s.shell.own.signIn
	page.address.SetText(alice)
	page.password.SetText("secret")
	s.press("Sign in")
	s.tell(session.AccountChanged{Account: session.Account{JID: alice, State: session.Stopped, Problem: session.ProblemOnlyPlain}})
	s.press("Sign in")
	if s.engine.last() != "SignIn alice@example.org  plain=false" {
		t.Errorf("asked for %q", s.engine.last())
	}
	s.tell(session.AccountChanged{Account: session.Account{JID: alice, State: session.Stopped, Problem: session.ProblemOnlyPlain}})
	page.plain.SetChecked(true)
	s.press("Sign in")
	if s.engine.last() != "SignIn alice@example.org  plain=true" {
		t.Errorf("asked for %q", s.engine.last())
	}
	s.tell(onlineAccount())
	if s.shell.own.signIn != nil || page.password.Text != "" {
		t.Error("signed in, and the page or the password is still there")
	}
}

// What the person agreed to for one account at one server is not agreed for another.
func TestPlainIsForOneAccount(t *testing.T) {
	s := newStage(t)
	s.press("Sign in")
	page := s.shell.own.signIn
	page.address.SetText(alice)
	page.password.SetText("secret")
	s.press("Sign in")
	s.tell(session.AccountChanged{Account: session.Account{JID: alice, State: session.Stopped, Problem: session.ProblemOnlyPlain}})
	page.plain.SetChecked(true)
	page.address.SetText("alice@example.com")
	if page.plain.Checked || page.allow.Visible() {
		t.Error("the password itself would be given to another server")
	}
	s.press("Sign in")
	if s.engine.last() != "SignIn alice@example.com  plain=false" {
		t.Errorf("asked for %q", s.engine.last())
	}
}

// After a mistyped address the right one signs in, and nothing is left of the other.
func TestSignInAfterAMistypedAddress(t *testing.T) {
	s := newStage(t)
	s.press("Sign in")
	page := s.shell.own.signIn
	page.address.SetText("alicee@example.org")
	page.password.SetText("secret")
	s.press("Sign in")
	s.tell(session.AccountChanged{Account: session.Account{JID: "alicee@example.org", State: session.Stopped, Problem: session.ProblemPassword}})
	page.address.SetText(alice)
	s.press("Sign in")
	s.wantAsked("RemoveAccount alicee@example.org")
	s.tell(session.AccountChanged{Account: session.Account{JID: alice, State: session.Connecting}})
	if !page.busy {
		t.Error("the problem of another account is shown")
	}
	s.tell(onlineAccount())
	if s.shell.own.signIn != nil {
		t.Error("signed in, and the page is still there")
	}
}

func TestMistypedAddress(t *testing.T) {
	for r := session.AddressEmpty; r <= session.AddressLocalUnusable; r++ {
		s := newStage(t)
		s.press("Sign in")
		s.shell.own.signIn.password.SetText("secret")
		s.engine.refuse = &session.AddressError{Reason: r}
		s.press("Sign in")
		s.wantSeen(addressWords(s.engine.refuse))
		if s.shell.window.Canvas().Focused() != s.shell.own.signIn.address {
			t.Errorf("reason %d: the cursor is not in the address", r)
		}
	}
}

func TestKeyringProblems(t *testing.T) {
	for p := session.ProblemKeyringAbsent; p <= session.ProblemKeyMissing; p++ {
		s := newStage(t)
		a := session.Account{JID: alice, State: session.Stopped, Problem: p}
		s.tell(session.AccountChanged{Account: a})
		s.wantSeen(problemWords(a))
		s.press("Try again")
		s.wantAsked("UseKeyring")
		s.wantAsked("Connect alice@example.org")
		if p == session.ProblemKeyMissing {
			s.press("Make a new key")
			s.wantAsked("NewIdentity alice@example.org")
			continue
		}
		s.wantNotAsked("NewIdentity")
		s.press("Only until I quit")
		s.press("Not now")
		s.wantSeen("Choose a contact to write to.")
	}
}

func TestSendSaysWhatItDoes(t *testing.T) {
	for mode, label := range map[session.SendMode]string{
		session.SendPrivately: "Send privately", session.SendWhenPrivate: "Send when private", session.SendUnencrypted: "Send unencrypted",
	} {
		c := bob()
		c.SendMode = mode
		s := newTalk(t, c)
		test.Type(s.talk().composer, "hello")
		s.press(label)
		s.wantAsked(`Send bob@example.org "hello" ` + string('0'+rune(mode)))
		if s.talk().composer.Text != "" {
			t.Errorf("%s: the text is still there", label)
		}
	}
}

func TestBlockedSendsNothing(t *testing.T) {
	c := bob()
	c.SendMode, c.Lock = session.SendBlocked, session.FinishedLock
	s := newTalk(t, c)
	s.wantSeen("The private conversation has ended. Nothing is sent until you decide.")
	s.talk().composer.SetText("hello")
	s.talk().submit()
	s.wantNotAsked("Send ")
	s.press("Start again")
	s.wantAsked("StartPrivate bob@example.org")
}

func TestRefusedTextStays(t *testing.T) {
	for _, err := range []error{session.ErrModeChanged, session.ErrKeyUndecided, session.ErrEnded, session.ErrTooLong, session.ErrUnknown} {
		s := newTalk(t, bob())
		s.engine.refuse = err
		test.Type(s.talk().composer, "hello")
		s.talk().submit()
		s.wantSeen(sendErrorWords(err, bob()))
		if s.talk().composer.Text != "hello" {
			t.Errorf("%v: the text is lost", err)
		}
	}
}

// TestNothingGoesOutInClearByChance promises that a text typed while the button said "Send privately" is not sent in clear because
// the conversation ended between the last keystroke and Enter.
func TestNothingGoesOutInClearByChance(t *testing.T) {
	s := newTalk(t, bob())
	test.Type(s.talk().composer, "between us")
	c := bob()
	c.Lock, c.SendMode = session.NotPrivate, session.SendUnencrypted
	s.tell(session.ContactChanged{Contact: c})
	s.talk().submit()
	s.talk().submit()
	s.wantNotAsked("Send ")
	s.wantSeen("What stands here was to go privately. Now it would go unencrypted, so it was not sent.")
	s.press("I want that")
	s.wantNotAsked("Send ")
	s.press("Send unencrypted")
	s.wantAsked(`Send bob@example.org "between us" 3`)
}

func TestDraftsStayWithTheirContact(t *testing.T) {
	s := newTalk(t, bob())
	carol := bob()
	carol.Ref, carol.Name = contactRef("carol"), "Carol"
	s.tell(session.ContactChanged{Contact: carol})
	test.Type(s.talk().composer, "for Bob")
	s.shell.own.main.open(carol.Ref)
	if s.talk().composer.Text != "" {
		t.Errorf("Carol's composer says %q", s.talk().composer.Text)
	}
	s.shell.own.main.open(contactRef("bob"))
	if s.talk().composer.Text != "for Bob" {
		t.Errorf("Bob's composer says %q", s.talk().composer.Text)
	}
}

func TestTypingGoesToTheConversation(t *testing.T) {
	s := newTalk(t, bob())
	canvas := s.shell.window.Canvas()
	canvas.Unfocus()
	canvas.OnTypedRune()('h')
	if s.talk().composer.Text != "h" || canvas.Focused() != s.talk().composer {
		t.Errorf("the composer has %q", s.talk().composer.Text)
	}
	s.talk().more.OnTapped()
	s.shell.escape()
	if canvas.Focused() != s.talk().composer {
		t.Error("after a menu the composer has not got the keyboard")
	}
	blocked := bob()
	blocked.Lock, blocked.SendMode = session.FinishedLock, session.SendBlocked
	s.tell(session.ContactChanged{Contact: blocked})
	canvas.Unfocus()
	canvas.OnTypedRune()('i')
	if s.talk().composer.Text != "h" {
		t.Errorf("a blocked composer took %q", s.talk().composer.Text)
	}
}

func TestLongPasteIsConfirmed(t *testing.T) {
	s := newTalk(t, bob())
	clipboard := s.shell.app.Clipboard()
	paste := func(text string) {
		clipboard.SetContent(text)
		s.talk().composer.TypedShortcut(&fyne.ShortcutPaste{Clipboard: clipboard})
	}
	long := strings.Repeat("line\n", 900)
	paste(long)
	s.wantSeen("It has 900 lines and 4500 characters.")
	s.press("Cancel")
	if s.talk().composer.Text != "" {
		t.Error("it was pasted all the same")
	}
	paste(long)
	s.press("Paste")
	if s.talk().composer.Text != long {
		t.Errorf("pasted %d characters", len(s.talk().composer.Text))
	}
	s.talk().composer.SetText("")
	paste("short")
	if s.talk().composer.Text != "short" {
		t.Errorf("pasted %q", s.talk().composer.Text)
	}
}

func TestWaitsForTheConnection(t *testing.T) {
	c := bob()
	c.Presence, c.SendMode = session.PresenceOffline, session.SendWhenPrivate
	s := newTalk(t, c)
	e := s.engine.entry(session.Outgoing, "hello")
	e.Status = session.StatusWaiting
	s.tell(session.EntryChanged{Entry: e})
	status := func() string { rows := s.shell.own.newRows(c.Ref); return rows.Row(rows.Len() - 1).Status }
	if got := status(); got != "Waits until Bob Miller is online" {
		t.Errorf("connected: %q", got)
	}
	lost := onlineAccount()
	lost.Account.State = session.Waiting
	s.tell(lost)
	if got := status(); got != "Waits until you are connected" {
		t.Errorf("not connected: %q", got)
	}
}

// A conversation that ended with the contact leaving must not be a dead end.
func TestStartAgainWithSomebodyOffline(t *testing.T) {
	for _, tt := range []struct {
		policy   session.Policy
		presence session.Presence
		want     string // what Start again asks for; "" if it is not offered
	}{
		{session.Require, session.PresenceOnline, "StartPrivate bob@example.org"},
		{session.Require, session.PresenceOffline, "EndPrivate bob@example.org, StartPrivate bob@example.org"},
		{session.Automatic, session.PresenceOnline, "StartPrivate bob@example.org"},
		{session.Automatic, session.PresenceOffline, ""}, // leaving Finished would mean to write in clear
	} {
		c := bob()
		c.Lock, c.SendMode, c.Policy, c.Presence = session.FinishedLock, session.SendBlocked, tt.policy, tt.presence
		s := newTalk(t, c)
		s.engine.asked = nil
		if offered := strings.Contains(s.seen(), "Start again"); offered != (tt.want != "") {
			t.Errorf("%v: offered: %v", tt, offered)
			continue
		}
		if tt.want == "" {
			continue
		}
		s.press("Start again")
		if got := strings.Join(s.engine.asked, ", "); got != tt.want {
			t.Errorf("%v: asked for %q", tt, got)
		}
	}
}

func TestRequest(t *testing.T) {
	c := session.Contact{Ref: contactRef("erin"), Name: "\u202eBob Miller", Wants: true}
	s := newTalk(t, c)
	s.wantSeen("erin@example.org wants to be your contact: to write to you and to see when you are online.")
	s.press("Accept")
	s.wantAsked("Accept erin@example.org")
	s.press("Decline")
	s.wantAsked("Decline erin@example.org")
}

func TestNoAnswer(t *testing.T) {
	c := bob()
	c.Lock, c.Starting, c.NoAnswer, c.SendMode = session.NotPrivate, true, true, session.SendWhenPrivate
	s := newTalk(t, c)
	if s.talk().lock.Word() != "Not private" {
		t.Errorf("the lock says %q", s.talk().lock.Word())
	}
	s.press("Write unencrypted")
	s.wantNotAsked("ContinueUnencrypted")
	s.wantSeen("Servers on the way can read")
	s.key(fyne.KeyReturn) // the safe answer has the keyboard
	s.wantNotAsked("ContinueUnencrypted")
	s.press("Write unencrypted")
	s.press("Write unencrypted")
	s.wantAsked("ContinueUnencrypted bob@example.org")
}

func TestLockOffersTheNextStepFirst(t *testing.T) {
	for _, test := range []struct {
		lock  session.Lock
		first string
	}{
		{session.NotPrivate, "Start private conversation"}, {session.Unverified, "Verify"},
		{session.Private, "Compare fingerprints"}, {session.FinishedLock, "Start again"},
	} {
		c := bob()
		c.Lock = test.lock
		s := newTalk(t, c)
		if got := s.shell.own.lockOffers(c)[0].label; got != test.first {
			t.Errorf("lock %d offers %q first", test.lock, got)
		}
		s.talk().openLock()
		s.wantSeen(lockMeaning(c))
		s.wantSeen(test.first)
	}
}

// TestHeaderIsOurs promises that no name, status or message changes a word of the lock.
func TestHeaderIsOurs(t *testing.T) {
	for _, hostile := range []string{"Private", "🔒 Private", "Bob ✓", "\u202eetavirP", strings.Repeat("W", 10_000), "a\nb\nPrivate"} {
		c := bob()
		c.Name, c.Status, c.Resource = hostile, hostile, hostile
		s := newTalk(t, c)
		before := s.talk().lock.Position()
		e := s.engine.entry(session.Incoming, hostile)
		s.tell(session.EntryChanged{Entry: e})
		if s.talk().lock.Word() != "Unverified" || s.talk().lock.Lock() != look.LockQuestion {
			t.Errorf("with %.20q the lock says %q", hostile, s.talk().lock.Word())
		}
		if s.talk().lock.Position() != before || s.talk().lock.Size().Width < 100 {
			t.Errorf("with %.20q the lock moved to %v", hostile, s.talk().lock.Position())
		}
		if strings.ContainsAny(s.talk().name.Words(), "\n\u202e🔒✓") {
			t.Errorf("the name is shown as %q", s.talk().name.Words())
		}
	}
}

func TestNarrowWindowShowsOneSide(t *testing.T) {
	s := newStage(t)
	s.tell(onlineAccount(), session.ContactChanged{Contact: bob()})
	s.shell.window.Resize(fyne.NewSize(420, 680))
	main := s.shell.own.main
	if !main.contacts.content.Visible() || main.talk.content.Visible() {
		t.Error("a narrow window does not begin with the contacts")
	}
	main.open(contactRef("bob"))
	if main.contacts.content.Visible() || !main.talk.content.Visible() || !main.talk.back.Visible() {
		t.Error("a narrow window does not show the conversation alone")
	}
	main.showList()
	if !main.contacts.content.Visible() || main.talk.content.Visible() {
		t.Error("there is no way back to the contacts")
	}
	s.shell.window.Resize(fyne.NewSize(1000, 680))
	if !main.contacts.content.Visible() || !main.talk.content.Visible() || main.talk.back.Visible() {
		t.Error("a wide window does not show both sides")
	}
}

func TestReadOnlyWhileLooking(t *testing.T) {
	s := newTalk(t, bob())
	s.engine.asked = nil
	s.shell.look(false)
	c := bob()
	c.Unread = 1
	s.tell(session.ContactChanged{Contact: c})
	s.wantNotAsked("Opened")
	s.shell.look(true)
	s.wantAsked("Opened bob@example.org")
}

func TestAddContact(t *testing.T) {
	s := newStage(t)
	s.tell(onlineAccount())
	s.shell.own.addContact("")
	s.engine.refuse = &session.AddressError{Reason: session.AddressNoDomain}
	test.Type(s.shell.window.Canvas().Focused(), "bob")
	s.press("Add")
	s.wantSeen("The address needs an @")
	s.engine.refuse = nil
	test.Type(s.shell.window.Canvas().Focused(), "@example.org")
	s.key(fyne.KeyReturn)
	s.key(fyne.KeyReturn)
	s.wantAsked("AddContact alice@example.org bob@example.org ")
}

func TestPracticeThatCannotBegin(t *testing.T) {
	s := newStage(t)
	s.press("Practise first")
	s.wantSeen("Practice: nothing leaves this computer or is kept.")
	(<-s.queue)()
	s.wantSeen("Practice could not begin")
	s.wantSeen("Sign in")
}

func TestPractice(t *testing.T) {
	s := newStage(t)
	p := newScripted()
	closed := make(chan bool, 1)
	s.shell.begin = func(context.Context, practice.Words) (Practice, error) {
		return Practice{Engine: p, Contact: contactRef("bob"), Close: func(context.Context) { closed <- true }}, nil
	}
	s.press("Practise first")
	(<-s.queue)()
	p.events <- onlineAccount()
	p.events <- session.ContactChanged{Contact: bob()}
	for s.shell.practice.desk.main.shown != contactRef("bob") {
		(<-s.queue)()
	}
	s.wantSeen("Bob Miller")
	s.wantSeen("Practice: nothing leaves this computer or is kept.")
	p.events <- session.SMPChanged{SMP: session.SMP{Ref: contactRef("bob"), Number: 1, Stage: session.SMPNeedsAnswer, Asked: true, Question: "Where?"}}
	for !strings.Contains(s.seen(), "waits for your answer") {
		(<-s.queue)()
	}
	if len(s.shell.practice.desk.windows) != 0 {
		t.Error("a window opened over the words of the contact, which tell the answer")
	}
	s.press("Leave practice")
	<-closed
	close(p.events)
	s.wantSeen("Conversations that stay between you.")
	if s.shell.window.Canvas().Focused() != s.shell.own.start.first() {
		t.Error("after practice nothing has the keyboard")
	}
}

func TestSettingsProblems(t *testing.T) {
	s := newStage(t)
	s.tell(session.StoreProblem{Damaged: "/home/alice/settings.json.bad"})
	s.wantSeen("/home/alice/settings.json.bad")
	s.tell(session.StoreProblem{Err: errors.New("disk full")})
	s.wantSeen("Your settings could not be written")
	s.tell(session.StoreProblem{Err: errors.Join(keyring.ErrLocked, keyring.ErrLocked)})
	s.wantSeen("The keyring of this computer could not be tidied up")
}

func TestExcuses(t *testing.T) {
	seen := map[string]bool{}
	for _, err := range []error{store.ErrInUse, store.ErrNewer, errors.New("read-only")} {
		seen[excuseWords(err)] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d excuses for three problems", len(seen))
	}
}

func TestPump(t *testing.T) {
	events, quit := make(chan session.Event, 1000), make(chan struct{})
	for range 600 {
		events <- session.Contacted{}
	}
	queue := make(chan func())
	var batches []int
	ended := make(chan bool)
	go func() {
		pump(events, quit, func(f func()) { queue <- f }, func(b []session.Event) { batches = append(batches, len(b)) })
		close(ended)
	}()
	for range 3 {
		(<-queue)()
	}
	if len(batches) != 3 || batches[0] != maxBatch || batches[0]+batches[1]+batches[2] != 600 {
		t.Errorf("batches of %v", batches)
	}
	close(quit)
	for range 10 {
		events <- session.Contacted{} // still taken, so that the session is not held up
	}
	close(events)
	<-ended
	if len(batches) != 3 {
		t.Error("something was applied after the end")
	}
}

// TestNothingRunsAfterTheEnd promises that a closing window lets nothing more in: Fyne would run it on the wrong goroutine.
func TestNothingRunsAfterTheEnd(t *testing.T) {
	s := newStage(t)
	s.shell.end()
	s.shell.do(func() { t.Error("something ran in a closed window") })
	if len(s.queue) != 0 {
		t.Error("something waits for a closed window")
	}
	s.shell.end()
}

// TestTabOrder promises that the Tab key goes through the sign-in page from top to bottom, folded or not.
func TestTabOrder(t *testing.T) {
	s := newStage(t)
	s.press("Sign in")
	page := s.shell.own.signIn
	c := s.shell.window.Canvas()
	want := func(f fyne.Focusable, what string) {
		t.Helper()
		if c.Focused() != f {
			t.Fatalf("the keyboard is at %T, not at the %s", c.Focused(), what)
		}
		c.FocusNext()
	}
	want(page.address, "address")
	want(page.password, "password")
	s.key(fyne.KeySpace)
	want(page.unfold, "button that unfolds")
	want(page.server, "server")
	want(page.tls, "choice of encryption")
	want(page.proxy.kind, "choice of a proxy")
	want(page.back, "way back")
	want(page.confirm, "confirmation")
}

// TestSignInWithoutKeyring promises that the question about the keyring does not swallow the outcome of signing in.
func TestSignInWithoutKeyring(t *testing.T) {
	s := newStage(t)
	s.press("Sign in")
	page := s.shell.own.signIn
	page.address.SetText(alice)
	page.password.SetText("secret")
	s.press("Sign in")
	a := session.Account{JID: alice, State: session.Stopped, Problem: session.ProblemKeyringAbsent}
	s.tell(session.AccountChanged{Account: a})
	s.wantSeen("There is no keyring to use")
	s.press("Only until I quit")
	a.Problem, a.State = session.NoProblem, session.Connecting
	s.tell(session.AccountChanged{Account: a})
	s.wantSeen("Signing in…")
	a.Problem, a.State, a.Server = session.ProblemPassword, session.Stopped, "example.org"
	s.tell(session.AccountChanged{Account: a})
	s.wantSeen("example.org did not accept this address and password.")
	s.press("Sign in")
	a.Problem = session.ProblemKeyringLocked
	s.tell(session.AccountChanged{Account: a})
	s.press("Not now")
	s.wantSeen("The keyring of this computer is locked")
	s.press("Back")
}

// TestQuestionDoesNotInterrupt promises that the dialog for a question opens by itself once, and never while one is writing.
func TestQuestionDoesNotInterrupt(t *testing.T) {
	s := newTalk(t, bob())
	run := session.SMP{Ref: contactRef("bob"), Number: 1, Stage: session.SMPNeedsAnswer, Asked: true, Question: "Where?"}
	test.Type(s.talk().composer, "I was just")
	s.tell(session.SMPChanged{SMP: run})
	if len(s.shell.own.windows) != 0 {
		t.Error("a dialog opened while one was writing")
	}
	s.talk().composer.SetText("")
	s.tell(session.SMPChanged{SMP: run})
	if len(s.shell.own.windows) != 0 {
		t.Error("a dialog opened long after the question")
	}
	run.Number = 2
	s.tell(session.SMPChanged{SMP: run})
	if len(s.shell.own.windows) != 1 {
		t.Error("no dialog opened for a new question")
	}
}

// TestEverythingHasAName promises that those who do not see the window, and the tests that drive the program, find everything in it.
func TestEverythingHasAName(t *testing.T) {
	s := newStage(t)
	check := func(where string) {
		t.Helper()
		look, _ := s.tree.Look()
		for _, e := range look.By {
			switch e.Role {
			case access.Unknown:
				t.Errorf("%s: something that says nothing: %+v", where, e)
			case access.Button, access.Entry, access.PasswordEntry, access.MenuButton, access.CheckBox, access.RadioButton, access.ComboBox, access.ListItem:
				if e.Name == "" {
					t.Errorf("%s: a thing without a name: %+v", where, e)
				}
			}
		}
	}
	check("first start")
	s.press("Sign in")
	s.press("Advanced")
	check("sign in")
	s.press("Back")
	s.tell(session.AccountChanged{Account: session.Account{JID: alice, State: session.Stopped, Problem: session.ProblemKeyringAbsent}})
	check("keyring")
	s.tell(onlineAccount(), session.ContactChanged{Contact: bob()}, session.EntryChanged{Entry: s.engine.entry(session.Incoming, "hello")})
	s.shell.own.main.open(contactRef("bob"))
	check("conversation")
	there := map[string]bool{}
	look, _ := s.tree.Look()
	for _, e := range look.By {
		there[e.Name] = true
	}
	for _, name := range []string{"Search", "Add contact", "Contacts", "Bob Miller", "Account", "Lock", "More about this contact", "Conversation", "Message", "Send privately"} {
		if !there[name] {
			t.Errorf("nothing is called %q", name)
		}
	}
	for name, open := range map[string]func(){
		"lock":    s.talk().openLock,
		"add":     func() { s.shell.own.addContact("") },
		"rename":  func() { s.shell.own.rename(bob()) },
		"policy":  func() { s.shell.own.choosePolicy(contactRef("bob")) },
		"remove":  func() { s.shell.own.remove(bob()) },
		"account": s.shell.own.main.contacts.account.openMenu,
	} {
		open()
		check(name)
		s.shell.escape()
	}
}

func TestPassphrase(t *testing.T) {
	s := newStage(t)
	t.Chdir(t.TempDir())
	s.tell(session.AccountChanged{Account: session.Account{JID: alice, State: session.Stopped, Problem: session.ProblemKeyringAbsent}})
	s.press("Use a passphrase")
	page := s.shell.own.secrets
	for _, step := range []struct{ first, again, want string }{
		{"short", "short", "Take at least 8 characters"},
		{"long enough", "long enouhg", "The two are not the same."},
	} {
		page.first.SetText(step.first)
		page.again.SetText(step.again)
		s.press("Open")
		s.wantSeen(step.want)
	}
	page.again.SetText("long enough")
	s.press("Open")
	s.press("Open")
	(<-s.queue)()
	s.wantAsked("UseKeyring")
	s.tell(session.AccountChanged{Account: session.Account{JID: alice, State: session.Stopped, Problem: session.ProblemKeyringLocked}})
	page = s.shell.own.secrets // the file is there now, and the page asks for its passphrase at once
	s.wantSeen("Your passphrase")
	if s.shell.window.Canvas().Focused() != page.first {
		t.Error("the cursor is not in the passphrase")
	}
	page.first.SetText("not the one")
	s.press("Open")
	(<-s.queue)()
	s.wantSeen("This is not the passphrase. Nothing has changed.")
	if len(s.queue) != 0 {
		t.Error("one passphrase was tried twice")
	}
}

func TestWaitingSaysWhatFor(t *testing.T) {
	c := bob()
	c.Lock, c.SendMode = session.NotPrivate, session.SendWhenPrivate
	s := newTalk(t, c)
	s.wantSeen("There is no private conversation with Bob Miller now.")
	s.press("Start private conversation")
	s.wantAsked("StartPrivate bob@example.org")
	c.Starting = true
	s.tell(session.ContactChanged{Contact: c})
	s.wantSeen("Setting up a private conversation with Bob Miller.")
	c.Starting, c.Presence = false, session.PresenceOffline
	s.tell(session.ContactChanged{Contact: c})
	s.wantSeen("Bob Miller is offline.")
}

// A weighed theme notes whether anybody asked for the bold that brings the pictures of emoji with it.
type weighed struct {
	look.Theme
	heavy *bool
}

// Font implements fyne.Theme.
func (w weighed) Font(style fyne.TextStyle) fyne.Resource {
	*w.heavy = *w.heavy || style.Bold
	return w.Theme.Font(style)
}

// TestBoldWithoutEmoji: nothing of ours needs the pictures of emoji in bold, which take 5 MB; a name may.
func TestBoldWithoutEmoji(t *testing.T) {
	app, heavy := test.NewTempApp(t), false
	app.Settings().SetTheme(weighed{look.Theme{}, &heavy})
	s := newStageOf(t, undressed{app})
	c := bob()
	s.tell(onlineAccount(), session.ContactChanged{Contact: c})
	s.shell.own.main.open(c.Ref)
	s.shell.window.Canvas().Capture()
	if heavy {
		t.Error("the first pages ask for the pictures of emoji in bold")
	}
	c.Name = "Robin 🌸"
	s.tell(session.ContactChanged{Contact: c})
	s.shell.window.Canvas().Capture()
	if !heavy {
		t.Error("a flower in a name is drawn without its picture")
	}
}

// Who is offered words to change writes on behind them.
func TestCaretIsBehindWhatIsFilledIn(t *testing.T) {
	test.NewTempApp(t)
	f := newField("")
	test.NewTempWindow(t, f).Resize(fyne.NewSize(200, 40))
	f.SetText("Benedikt")
	f.TypedRune('!')
	if f.Text != "Benedikt!" {
		t.Errorf("it says %q", f.Text)
	}
}
