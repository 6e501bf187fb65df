package practice

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
)

// engine is what the contact does with its session.
type engine interface {
	Send(r session.Ref, text string, mode session.SendMode) (session.EntryID, error)
	Accept(r session.Ref)
	EndPrivate(r session.Ref)
	Ask(r session.Ref, fp otr.Fingerprint, question string, answer []byte) error
	Answer(r session.Ref, number int, secret []byte) error
	Acquaint(r session.Ref)
	RequestVerification(r session.Ref) error
}

// The pace of the contact: as if somebody read and typed, but quick.
const (
	readPause    = 500 * time.Millisecond
	pausePerRune = 15 * time.Millisecond
	maxPause     = 2500 * time.Millisecond

	maxTurns = 24 // waiting to be said; who writes faster than that is not answered on everything
)

// contact is the practice contact: it hears events and acts, one turn after the other. One goroutine runs it.
type contact struct {
	engine engine
	words  *Words
	online chan struct{} // closed when the contact's account is online for the first time

	person      session.Ref     // of the conversation, as the contact's session names it; zero until the person is known
	state       session.Contact // of the conversation
	fingerprint string          // of the contact's own key

	turns []turn
	timer *time.Timer

	greeted   bool
	ended     ending
	heard     session.EntryID // of the last message
	lost      int             // how often nothing fitted
	run       session.SMP     // the last verification
	answered  int             // number of the last verification that was taken on
	concluded int             // number of the last verification that was commented on
	lies      bool            // the next answer is wrong on purpose
	lied      int             // number of the verification in which it was
}

// turn is one thing to do.
type turn struct {
	what   action
	text   string // say, sayLater
	number int    // answer
}

type action uint8

const (
	say      action = iota // text, while the conversation is private
	sayLater               // text, also when it has yet to become private
	answer                 // the verification of this number
	ask                    // the person
	request                // to be verified
	end                    // the conversation
)

// ending is who ended the last private conversation.
type ending uint8

const (
	nobody ending = iota
	byPerson
	byContact
)

// live runs the contact until its session is closed.
func (c *contact) live(events <-chan session.Event) {
	c.timer = time.NewTimer(0)
	c.timer.Stop()
	defer c.timer.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			c.hear(e)
		case <-c.timer.C:
			c.act()
		}
	}
}

func (c *contact) hear(e session.Event) {
	switch e := e.(type) {
	case session.AccountChanged:
		if e.Account.Fingerprint != nil {
			c.fingerprint = e.Account.Fingerprint.String()
		}
		if e.Account.State == session.Online && c.online != nil {
			close(c.online)
			c.online = nil
		}
	case session.ContactChanged:
		c.meet(e.Contact)
	case session.EntryChanged:
		c.read(e.Entry)
	case session.SMPChanged:
		c.follow(e.SMP)
	}
}

// meet notes how the conversation stands. There is one person only.
func (c *contact) meet(now session.Contact) {
	if now.Wants {
		c.engine.Accept(now.Ref)
	}
	waited, before := c.blocked(), c.state
	c.person, c.state = now.Ref, now
	c.compare(before)
	if waited && !c.blocked() {
		c.next()
	}
}

// compare reacts to what the person did about the two directions since before.
func (c *contact) compare(before session.Contact) {
	r := &c.words.Reactions
	if c.state.VerifiedUs && !before.VerifiedUs && c.compared() {
		c.plan(say, r.Compared)
	}
	if c.state.WantsVerified && !before.WantsVerified {
		c.plan(say, r.Requested)
		c.add(turn{what: ask})
	}
}

// compared tells whether it was not by a check that the person has verified the contact.
func (c *contact) compared() bool {
	return c.state.Key != nil && slices.ContainsFunc(c.state.Keys, func(k session.Key) bool {
		return k.Fingerprint == *c.state.Key && k.VerifiedUs && k.VerifiedUsHow == session.NotVerified
	})
}

// read reacts to a new line of the transcript.
func (c *contact) read(e session.Entry) {
	if e.ID <= c.heard {
		return // an old line has changed
	}
	c.heard = e.ID
	c.person = e.Ref
	switch {
	case e.Kind == session.Incoming && (e.Guard == session.InClear || e.Guard == session.InClearUnexpected):
		if c.state.Lock == session.FinishedLock {
			c.engine.EndPrivate(c.person) // there is something to say, and in Finished nothing can be said
		}
		c.plan(sayLater, c.words.Reactions.Unencrypted)
	case e.Kind == session.Incoming:
		c.reply(e.Text)
	case e.Kind == session.NoticeEntry:
		c.notice(e.Notice)
	}
}

func (c *contact) notice(n session.Notice) {
	switch n {
	case session.NoticePrivate, session.NoticePrivateFirst, session.NoticePrivateVerified:
		c.welcome()
	case session.NoticePeerEnded:
		c.ended = byPerson
		c.turns = nil
	}
}

func (c *contact) welcome() {
	c.engine.Acquaint(c.person)
	switch {
	case !c.greeted:
		c.greeted = true
		c.plan(say, c.words.Greeting)
	case c.ended == byPerson:
		c.plan(say, c.words.Reactions.BackAfterPerson)
	case c.ended == byContact:
		c.plan(say, c.words.Reactions.BackAfterContact)
	}
	c.ended = nobody
}

// reply answers what the person wrote.
func (c *contact) reply(text string) {
	switch t := c.words.Find(text); {
	case t == &c.words.AskMe && c.verifying():
		c.plan(say, c.words.Reactions.OneAtATime)
	case t == &c.words.AskMe:
		c.plan(say, t.Say)
		c.add(turn{what: ask})
	case t == &c.words.WrongIt:
		c.lies = true
		c.plan(say, t.Say)
	case t == &c.words.WantIt:
		c.plan(say, t.Say)
		c.add(turn{what: request})
	case t == &c.words.EndIt:
		c.plan(say, t.Say)
		c.add(turn{what: end})
	case t != nil:
		c.plan(say, t.Say)
	case len(c.words.Lost) > 0:
		c.plan(say, c.words.Lost[c.lost%len(c.words.Lost)])
		c.lost++
	}
}

func (c *contact) verifying() bool {
	return c.run.Number > 0 && (c.run.Stage == session.SMPWaiting || c.run.Stage == session.SMPNeedsAnswer)
}

// follow answers verifications and comments on how they end.
func (c *contact) follow(run session.SMP) {
	c.run = run
	switch {
	case run.Stage == session.SMPNeedsAnswer && run.Number > c.answered:
		c.answered = run.Number
		c.add(turn{what: answer, number: run.Number})
		return
	case run.Stage == session.SMPNeedsAnswer:
		return
	case run.Stage == session.SMPWaiting || run.Number <= c.concluded:
		return
	}
	c.concluded = run.Number
	r := &c.words.Reactions
	switch {
	case run.Stage == session.SMPSucceeded && !run.Asked:
		c.plan(say, r.VerifiedBoth)
	case run.Stage == session.SMPSucceeded && run.Ours:
		c.plan(say, r.ReplyRight)
	case run.Stage == session.SMPSucceeded:
		c.plan(say, r.Verified)
	case run.Stage == session.SMPFailed && run.Ours:
		c.plan(say, r.ReplyWrong)
	case run.Stage == session.SMPFailed && run.Number == c.lied:
		c.plan(say, r.Lied)
	case run.Stage == session.SMPFailed:
		c.plan(say, r.Differs)
	case c.ended == nobody: // otherwise it is the end of the conversation that has stopped it
		c.plan(say, r.Stopped)
	}
}

// plan puts the messages of a turn at the end of what is to be done.
func (c *contact) plan(how action, messages Say) {
	for _, m := range messages {
		c.add(turn{what: how, text: c.words.fill(m, c.fingerprint, c.aloud())})
	}
}

// aloud is what the contact would read on the phone.
func (c *contact) aloud() string {
	if c.state.Aloud == nil {
		return ""
	}
	return strings.Join(c.state.Aloud.Ours[:], ", ")
}

func (c *contact) add(t turn) {
	if len(c.turns) == maxTurns {
		return
	}
	c.turns = append(c.turns, t)
	if len(c.turns) == 1 {
		c.next()
	}
}

// next waits as long as the first turn takes somebody to read and type.
func (c *contact) next() {
	if len(c.turns) == 0 || c.blocked() {
		return
	}
	pause := readPause + time.Duration(utf8.RuneCountInString(c.turns[0].text))*pausePerRune
	c.timer.Reset(min(pause, maxPause))
}

// blocked reports whether the first turn must wait for the conversation to become private.
func (c *contact) blocked() bool {
	if len(c.turns) == 0 {
		return false
	}
	switch c.state.SendMode {
	case session.SendPrivately:
		return false
	case session.SendWhenPrivate:
		return c.turns[0].what != sayLater
	default:
		return true
	}
}

// act takes the first turn. What the session refuses has become pointless: the conversation has changed, and with it what is to be said.
func (c *contact) act() {
	if len(c.turns) == 0 || c.blocked() {
		return
	}
	t := c.turns[0]
	c.turns = c.turns[1:]
	switch t.what {
	case say, sayLater:
		c.engine.Send(c.person, t.text, c.state.SendMode)
	case answer:
		c.answer(t.number)
	case ask:
		c.ask()
	case request:
		if c.state.VerifiedUs || c.engine.RequestVerification(c.person) != nil {
			c.plan(say, c.words.Reactions.NoRequest)
		}
	case end:
		c.ended = byContact
		c.turns = nil
		c.engine.EndPrivate(c.person)
	}
	c.next()
}

// answer gives the answer, or another one if the person wants to see that.
func (c *contact) answer(number int) {
	said := c.words.Answer
	if c.lies {
		said, c.lies, c.lied = said+"?!x", false, number
	}
	c.engine.Answer(c.person, number, []byte(said))
}

func (c *contact) ask() {
	if c.verifying() || c.state.Key == nil {
		c.plan(say, c.words.Reactions.OneAtATime)
		return
	}
	if c.engine.Ask(c.person, *c.state.Key, c.words.Challenge, []byte(c.words.Reply)) != nil {
		c.plan(say, c.words.Reactions.Stopped)
	}
}
