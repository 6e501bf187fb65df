package session

import (
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/store"
)

// Two Sottos tell each other, inside the encryption, what the protocol has no words for: whether the person has verified the other, that
// one would like to be verified, and how an answer is going to be compared. All of it is what the other side says, and changes nothing
// about the lock: a program that lies here deceives nobody about who it is.

// fellowMark is the type of such a record ("Type/Length/Value (TLV) Records"); programs that do not know it pass over it. Its value is a
// fellowWord and what belongs to that. What follows is for later Sottos, and passed over as well.
const fellowMark = 0x5370

type fellowWord byte

const (
	fellowState   fellowWord = 1 // then a byte: 1 where the person has verified whoever reads this, else 0
	fellowRequest fellowWord = 2 // "Would you verify me?"
	fellowCompare fellowWord = 3 // then a byte, 1 where answers are folded, and the questionMark of the question it is about
	fellowMissing fellowWord = 4 // then a memory and two places: texts of that run above the first and up to the second have not come
	fellowGone    fellowWord = 5 // the answer, where none of them will
)

const (
	requestsEvery     = time.Hour      // at most, a contact may ask to be verified
	requestsAfterNo   = 24 * time.Hour // the same when the person has put it off
	maxFellowStates   = 12             // in an hour; each may have to be kept on disk
	fellowStatesEvery = time.Hour
)

// Errors of RequestVerification and AskFolded.
var (
	ErrNotSotto = errors.New("session: the other program would not understand this")
	ErrTooSoon  = errors.New("session: this was asked a short while ago")
)

// A questionMark tells one question from another.
type questionMark [16]byte

func markQuestion(question string) questionMark {
	sum := sha256.Sum256([]byte(question))
	return questionMark(sum[:])
}

// fellow is what a session has told about whoever is at the other end, as one Sotto to another.
type fellow struct {
	known   bool // it has sent such a record
	stated  bool // it has been told our state
	greeted bool // because something depended on what it is
	folds   bool // the next question, if it is the marked one, is about folded answers
	mark    questionMark
}

// state is the record that says whether the person has verified p.
func (c *conversation) state(p otr.Peer) otr.TLV {
	c.acquaintance(p).fellow.stated = true
	verified := byte(0)
	if c.known(p.Fingerprint).Verified != NotVerified {
		verified = 1
	}
	return otr.TLV{Type: fellowMark, Value: []byte{byte(fellowState), verified}}
}

// writeFellow sends a record to the client that texts go to.
func (c *conversation) writeFellow(r otr.TLV) error {
	events, err := c.otr.Send(nil, r)
	if err == nil {
		c.apply(events, cause{})
	}
	return err
}

// reachable tells whether what is sent in the session now will be read.
func (c *conversation) reachable() bool {
	return c.private() && c.account.online() && !c.away()
}

// isSotto tells whether the program that texts go to has shown that it is one.
func (c *conversation) isSotto() bool {
	return c.otrState() == otr.Encrypted && c.acquaintance(c.otrPeer()).fellow.known
}

// acquaint finds out whether there is a Sotto at the other end. No Sotto speaks version 2 with another.
func (c *conversation) acquaint() {
	if !c.reachable() || c.otrPeer().Version < 3 {
		return
	}
	if f := &c.acquaintance(c.otrPeer()).fellow; !f.known && !f.greeted {
		f.greeted = true
		c.writeFellow(c.state(c.otrPeer()))
	}
}

// stateAgain tells a Sotto that the person has verified it by now, or does so no longer.
func (c *conversation) stateAgain(fp otr.Fingerprint) {
	if p := c.otrPeer(); c.isSotto() && p.Fingerprint == fp && c.reachable() {
		c.writeFellow(c.state(p))
	}
}

// hearFellow reads what came as one Sotto to another.
func (c *conversation) hearFellow(from otr.Peer, records []otr.TLV) {
	for _, r := range records {
		if r.Type != fellowMark || len(r.Value) == 0 {
			continue
		}
		f := &c.acquaintance(from).fellow
		if !f.known {
			f.known = true
			c.touch()
		}
		switch word, rest := fellowWord(r.Value[0]), r.Value[1:]; {
		case word == fellowState && len(rest) > 0:
			c.stated(from, rest[0] == 1)
		case word == fellowRequest:
			c.requested(from)
		case word == fellowCompare && len(rest) > len(f.mark):
			f.folds, f.mark = rest[0] == 1, questionMark(rest[1:])
		case word == fellowMissing || word == fellowGone:
			c.hearMissing(from, word, rest)
		}
		if !f.stated && from.Tag == c.otrPeer().Tag {
			c.writeFellow(c.state(from))
		}
	}
}

// stated: they say whether their person has verified us.
func (c *conversation) stated(from otr.Peer, verified bool) {
	if c.known(from.Fingerprint).VerifiedUs == verified {
		return
	}
	now := c.account.now()
	c.states = slices.DeleteFunc(c.states, func(t time.Time) bool { return now.Sub(t) >= fellowStatesEvery })
	if len(c.states) >= maxFellowStates {
		return
	}
	c.states = append(c.states, now)
	how := store.Told
	if !verified {
		how = ""
	}
	c.setVerifiedUs(from.Fingerprint, how)
	if verified && from.Tag == c.otrPeer().Tag {
		c.notify(c.verdict(NoticeVerifiedUs, from.Fingerprint))
	}
}

// requested: they would like to be verified. It is offered to the person, now and then at most, and does nothing by itself.
func (c *conversation) requested(from otr.Peer) {
	now, patience := c.account.now(), requestsEvery
	switch {
	case from.Tag != c.otrPeer().Tag:
		return // an offer is read as one of whoever the lock is about
	case c.known(from.Fingerprint).Verified != NotVerified:
		c.stateAgain(from.Fingerprint) // they did not know
		return
	case c.known(from.Fingerprint).PutOff:
		patience = requestsAfterNo
	}
	if !c.requestedAt.IsZero() && now.Sub(c.requestedAt) < patience {
		return
	}
	c.requestedAt, c.requester = now, from.Fingerprint
	c.notify(Entry{Notice: NoticeTheyWantVerified, Key: &from.Fingerprint})
}

// wantsVerified tells whether the request of whoever we talk to is still open.
func (c *conversation) wantsVerified() bool {
	p := c.otrPeer()
	return c.otrState() == otr.Encrypted && !c.requestedAt.IsZero() && c.requester == p.Fingerprint &&
		c.known(p.Fingerprint).Verified == NotVerified
}

func (c *conversation) requestVerification() error {
	now := c.account.now()
	switch {
	case !c.reachable():
		return ErrNotPrivate
	case !c.isSotto():
		return ErrNotSotto
	case !c.asked.IsZero() && now.Sub(c.asked) < requestsEvery:
		return ErrTooSoon
	}
	if err := c.writeFellow(otr.TLV{Type: fellowMark, Value: []byte{byte(fellowRequest)}}); err != nil {
		return err
	}
	c.asked = now
	c.notify(Entry{Notice: NoticeWeWantVerified})
	c.touch()
	return nil
}

// putOff: the person does not want to verify this key now, and is not offered it again by Sotto itself.
func (c *conversation) putOff(fp otr.Fingerprint) {
	i := c.indexKey(fp)
	if i < 0 {
		return
	}
	c.keys[i].PutOff = true
	if c.requester == fp {
		c.requester = otr.Fingerprint{}
	}
	c.remember()
}

// announceCompare tells a Sotto how the answer to the question that follows is compared. Every question is preceded by it, so that nothing
// of an earlier one holds.
func (c *conversation) announceCompare(question string, how comparing) error {
	if !c.isSotto() {
		if how == folded {
			return ErrNotSotto
		}
		return nil // every other program compares as typed
	}
	mark := markQuestion(question)
	return c.writeFellow(otr.TLV{Type: fellowMark, Value: slices.Concat([]byte{byte(fellowCompare), byte(how)}, mark[:])})
}

// comparingOf is how the answer to a request is compared. Only a question is folded: its answer verifies nobody but whoever gives it, so who
// asks gains nothing by lying. A secret verifies both.
func (c *conversation) comparingOf(e otr.SMPRequest) comparing {
	f := &c.acquaintance(e.From).fellow
	folds := f.folds && e.Asked && f.mark == markQuestion(e.Question)
	f.folds = false
	if folds {
		return folded
	}
	return asTyped
}

// Acquaint finds out whether there is a Sotto at the other end, for a page on which something depends on it: Contact.Sotto tells, if it is.
func (s *Session) Acquaint(r Ref) { s.with(r, (*conversation).acquaint) }

// RequestVerification asks the other person, through their Sotto, to verify us. It offers, and nothing more. ErrNotSotto means that the
// other program would not understand; ErrTooSoon that it was done within the last hour (Contact.RequestedAt).
func (s *Session) RequestVerification(r Ref) error {
	return s.ask(r, (*conversation).requestVerification)
}

// PutOff records that the person does not want to verify this key now. Key.PutOff tells, and a request of theirs is shown once a day at most.
func (s *Session) PutOff(r Ref, fp otr.Fingerprint) {
	s.with(r, func(c *conversation) { c.putOff(fp) })
}

// AskFolded is Ask, where capital letters, spaces and punctuation of the answer do not count. Both programs have to see to that, so it is
// ErrNotSotto where the other one is none, and ErrEmpty where Fold leaves nothing of the answer.
func (s *Session) AskFolded(r Ref, fp otr.Fingerprint, question string, answer []byte) error {
	if !hasWords(question) {
		return ErrEmpty
	}
	return s.ask(r, func(c *conversation) error { return c.startSMP(fp, question, answer, folded) })
}
