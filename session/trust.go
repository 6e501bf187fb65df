package session

import (
	"slices"
	"strings"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/store"
)

const (
	maxKeys      = 32               // that are remembered of a contact; verified ones first
	maxKept      = 50_000           // contacts that are remembered without a decision of the person
	smpPatience  = 10 * time.Minute // for an answer to a verification
	smpGrace     = time.Minute      // longer, for who is asked: whoever asked is the one to give up
	promptsEvery = time.Hour
	atOnce       = 2 * time.Second // nobody reads a question and refuses it in this time
	maxFailed    = 1_000_000       // that are counted
)

// MaxPrompts is how many questions of a contact are shown in an hour. Further ones are refused.
const MaxPrompts = 3

// recall reads what is kept of the contact.
func (c *conversation) recall() {
	i := slices.IndexFunc(c.account.record.Contacts, func(k store.Contact) bool { return k.JID == c.ref.Contact })
	if i < 0 {
		return
	}
	kept := c.account.record.Contacts[i]
	c.policySet, c.keyRuleSet, c.held = parsePolicy(kept.Policy), parseKeyRule(kept.KeyRule), kept.Held
	c.allowV2, c.quiet = kept.AllowV2, kept.Quiet
	for _, k := range kept.Keys {
		if fp, err := otr.ParseFingerprint(k.Fingerprint); err == nil { // the store has checked it
			c.keys = append(c.keys, keyOf(fp, k))
		}
	}
	for _, e := range kept.Story {
		c.story = append(c.story, eventOf(e))
	}
	c.recallLink(kept.Link)
}

// remember keeps what is known of the contact.
func (c *conversation) remember() {
	a := c.account
	kept := store.Contact{JID: c.ref.Contact, Policy: c.policySet.word(), KeyRule: c.keyRuleSet.word(), Held: c.held, AllowV2: c.allowV2, Quiet: c.quiet,
		Link: c.linkRecord()}
	for _, k := range c.keys {
		kept.Keys = append(kept.Keys, k.record())
	}
	for _, e := range c.story {
		kept.Story = append(kept.Story, e.record())
	}
	_, verified := c.verifiedKey()
	i := slices.IndexFunc(a.record.Contacts, func(k store.Contact) bool { return k.JID == c.ref.Contact })
	switch {
	case i >= 0:
		a.record.Contacts[i] = kept
	case len(a.record.Contacts) < maxKept || verified || kept.Policy != "" || kept.KeyRule != "" || c.isHeld() || kept.AllowV2 || kept.Quiet ||
		len(kept.Link) > 0:
		a.record.Contacts = append(a.record.Contacts, kept)
	}
	a.keep()
	c.touch()
}

var verifiedWords = [...]string{NotVerified: "", ByQuestion: "question", BySecret: "secret", ByComparison: "compared", ByImport: "imported"}

// word is how a key was verified, in the settings file.
func (v Verified) word() string { return verifiedWords[v] }

func parseVerified(word string) Verified {
	return Verified(max(0, slices.Index(verifiedWords[:], strings.ToLower(word))))
}

// known is what is known of a key; the zero Key if nothing is.
func (c *conversation) known(fp otr.Fingerprint) Key {
	if i := c.indexKey(fp); i >= 0 {
		return c.keys[i]
	}
	return Key{}
}

func (c *conversation) indexKey(fp otr.Fingerprint) int {
	return slices.IndexFunc(c.keys, func(k Key) bool { return k.Fingerprint == fp })
}

// meet remembers that a client of the contact has just proved to have a key.
func (c *conversation) meet(p otr.Peer) {
	now, fp := c.account.now(), p.Fingerprint
	before, known := c.lastKey(fp)
	for i := range c.keys {
		if c.inUse(c.keys[i].Fingerprint) {
			c.keys[i].LastSeen = now // it is not replaced by a key that comes beside it
		}
	}
	i := c.indexKey(fp)
	if i < 0 {
		c.keys = slices.Insert(c.keys, 0, Key{Fingerprint: fp})
		i = 0
	}
	device := c.deviceName(p.Tag)
	if c.keys[i].FirstSeen.IsZero() {
		c.keys[i].FirstSeen = now
		c.tell(KeyEvent{What: KeyMet, Key: fp, Device: device})
		if known && !c.inUse(before.Fingerprint) {
			c.tell(KeyEvent{What: KeyReplaced, Key: before.Fingerprint, Other: fp})
		}
	}
	c.keys[i].LastSeen = now
	if device != "" {
		c.keys[i].Device = device
	}
	c.forgetOldKey(fp)
	c.remember()
}

// forgetOldKey keeps the number of keys bounded: the one not seen for the longest time goes, but not a verified one, nor fp.
func (c *conversation) forgetOldKey(fp otr.Fingerprint) {
	if len(c.keys) <= maxKeys {
		return
	}
	oldest := -1
	for i, k := range c.keys {
		if k.Verified == NotVerified && k.Fingerprint != fp && (oldest < 0 || k.LastSeen.Before(c.keys[oldest].LastSeen)) {
			oldest = i
		}
	}
	if oldest >= 0 {
		c.keys = slices.Delete(c.keys, oldest, oldest+1)
	}
}

// verifiedKey is the newest verified key.
func (c *conversation) verifiedKey() (Key, bool) {
	i := slices.IndexFunc(c.keys, func(k Key) bool { return k.Verified != NotVerified })
	if i < 0 {
		return Key{}, false
	}
	return c.keys[i], true
}

// acceptable tells whether texts may be sent to a key: it is verified, or the person has accepted it, or no key of the contact ever was
// verified.
func (c *conversation) acceptable(fp otr.Fingerprint) bool {
	if k := c.known(fp); k.Verified != NotVerified || k.Accepted {
		return true
	}
	_, verified := c.verifiedKey()
	return !verified
}

// expected lists the keys that a text typed now is meant for: that of the live session, else the ones that may be used. nil means that
// no key is known: the first one will do.
func (c *conversation) expected() []otr.Fingerprint {
	if c.otrState() == otr.Encrypted {
		return []otr.Fingerprint{c.otrPeer().Fingerprint}
	}
	if len(c.keys) == 0 {
		return nil
	}
	if _, verified := c.verifiedKey(); !verified && c.keyRule() == OnlyVerified {
		return nil // the first that the person verifies will do
	}
	fps := []otr.Fingerprint{}
	for _, k := range c.keys {
		if c.acceptable(k.Fingerprint) && c.writable(k.Fingerprint) && !c.refused[k.Fingerprint] {
			fps = append(fps, k.Fingerprint)
		}
	}
	return fps
}

// keyChange is what the person has to decide before anything is sent.
func (c *conversation) keyChange() *KeyChange {
	if c.otrState() != otr.Encrypted {
		return nil
	}
	fp := c.otrPeer().Fingerprint
	if c.acceptable(fp) {
		return nil
	}
	old, _ := c.verifiedKey()
	return &KeyChange{Old: old, New: c.known(fp)}
}

// sessionUp says what the new session is worth, and whether the person has refused its key.
func (c *conversation) sessionUp(e otr.StateChange) (n Entry, refused bool) {
	fp := e.Peer.Fingerprint
	if c.refused[fp] && !c.acceptable(fp) {
		return Entry{}, true
	}
	first := c.known(fp).FirstSeen.IsZero()
	before, others := c.lastKey(fp)
	c.meet(e.Peer)
	n.Key = &fp
	switch {
	case !c.acceptable(fp):
		old, _ := c.verifiedKey()
		n.Notice, n.OldKey = NoticeKeyChanged, &old.Fingerprint
	case e.Refreshed:
		n.Notice = NoticeRefreshed
	case c.known(fp).Verified != NotVerified:
		n.Notice = NoticePrivateVerified
	case first && others:
		n.Notice, n.OldKey = NoticePrivateOther, &before.Fingerprint
	case first:
		n.Notice = NoticePrivateFirst
	default:
		n.Notice = NoticePrivate
	}
	return n, false
}

func (c *conversation) decide(fp otr.Fingerprint, d KeyDecision) {
	change := c.keyChange()
	if change == nil || change.New.Fingerprint != fp {
		return
	}
	if d == Refuse {
		c.refused[fp] = true
		c.tell(KeyEvent{What: KeyRefused, Key: fp})
		c.remember()
		c.notify(Entry{Notice: NoticeKeyRefused, Key: &fp})
		c.unwanted = true
		c.endSession()
		return
	}
	c.keys[c.indexKey(fp)].Accepted = true
	c.tell(KeyEvent{What: KeyAccepted, Key: fp, Other: change.Old.Fingerprint})
	c.remember()
	c.notify(Entry{Notice: NoticeKeyAccepted, Key: &fp})
	c.flush()
}

// verify records that a key is the contact's.
func (c *conversation) verify(fp otr.Fingerprint, how Verified) error {
	i := c.indexKey(fp)
	if i < 0 {
		return ErrKeyGone
	}
	c.keys[i].Verified, c.keys[i].VerifiedAt = how, c.account.now()
	c.keys[i].PutOff, c.keys[i].Failed = false, 0
	delete(c.refused, fp)
	c.tell(KeyEvent{What: KeyVerified, Key: fp, How: how, Device: c.keys[i].Device})
	c.remember()
	c.notify(c.verdict(NoticeVerifiedThem, fp))
	c.stateAgain(fp)
	c.flush()
	return nil
}

// verdict is a notice that tells how things stand now, whatever becomes of them later.
func (c *conversation) verdict(n Notice, fp otr.Fingerprint) Entry {
	return Entry{Notice: n, Key: &fp, Verified: c.known(fp).Verified, VerifiedUs: c.verifiedUs()}
}

func (c *conversation) unverify(fp otr.Fingerprint) error {
	i := c.indexKey(fp)
	if i < 0 {
		return ErrKeyGone
	}
	if c.keys[i].Verified == NotVerified {
		return nil
	}
	c.keys[i].Verified, c.keys[i].VerifiedAt = NotVerified, time.Time{}
	c.tell(KeyEvent{What: KeyUnverified, Key: fp})
	c.remember()
	c.notify(Entry{Notice: NoticeUnverified, Key: &fp})
	c.stateAgain(fp)
	return nil
}

// ---- SMP

// runs tells whether a verification run is under way.
func (c *conversation) runs() bool {
	return c.smp != nil && (c.smp.Stage == SMPWaiting || c.smp.Stage == SMPNeedsAnswer)
}

// stage moves the run on and tells.
func (c *conversation) stage(s SMPStage) {
	c.smp.Stage = s
	if !c.runs() {
		c.smpRequest = 0
		c.smpTimer.Stop()
	}
	c.account.session.emit(SMPChanged{*c.smp})
}

// newRun begins a run, after whichever was under way. r says who asks whom.
func (c *conversation) newRun(r SMP) {
	r.Ref, r.Number = c.ref, 1
	if c.smp != nil {
		r.Number = c.smp.Number + 1
	}
	patience := smpPatience
	if !r.Ours {
		patience += smpGrace
	}
	r.Until = c.account.now().Add(patience)
	c.smp, c.smpBegan = &r, c.account.now()
	c.smpTimer = c.account.after(patience, func() {
		if c.smp.Number == r.Number && c.runs() {
			c.apply(c.otr.AbortSMP(), cause{})
			c.unanswered()
			c.stage(SMPTimedOut)
			c.notify(Entry{Notice: NoticeSMPTimedOut})
		}
	})
	c.account.session.emit(SMPChanged{r})
}

// startSMP is Ask and Share.
func (c *conversation) startSMP(fp otr.Fingerprint, question string, secret []byte, how comparing) error {
	switch {
	case c.otrState() != otr.Encrypted:
		return ErrNotPrivate
	case c.otrPeer().Fingerprint != fp:
		return ErrKeyGone
	case !c.account.online() || c.away():
		return ErrNotPrivate
	case c.doubtful:
		c.wanted = true // fresh keys, with which it can be asked in a moment
		c.wantPrivate()
		return ErrNotPrivate
	}
	question = cleanText(question)
	if how == folded {
		secret = Fold(secret)
		defer clear(secret)
		if len(secret) == 0 {
			return ErrEmpty
		}
	}
	if err := c.announceCompare(question, how); err != nil {
		return err
	}
	if c.runs() {
		c.apply(c.otr.AbortSMP(), cause{})
		c.stage(SMPCancelled)
		c.notify(Entry{Notice: NoticeSMPAborted})
	}
	events, err := c.otr.StartSMP(question, secret)
	if err != nil {
		c.apply(events, cause{})
		return tooLong(err)
	}
	c.newRun(SMP{Key: fp, Stage: SMPWaiting, Ours: true, Asked: question != "", Question: question, Folded: how == folded})
	c.checkBegins()
	c.notify(Entry{Notice: NoticeSMPWeAsked, Question: question})
	c.apply(events, cause{})
	return nil
}

// smpRequested: they ask us. More than MaxPrompts in an hour are refused; the person is told that once.
func (c *conversation) smpRequested(e otr.SMPRequest) {
	if e.From.Fingerprint != c.otrPeer().Fingerprint {
		// Another client with another key. A question is read as one of whoever the lock is about, so it is not shown; nor does it
		// stop the run that is under way.
		return
	}
	how := c.comparingOf(e)
	now := c.account.now()
	c.prompts = slices.DeleteFunc(c.prompts, func(t time.Time) bool { return now.Sub(t) >= promptsEvery })
	if len(c.prompts) >= MaxPrompts || c.runs() {
		c.tooManyPrompts()
		c.apply(c.otr.AbortSMP(), cause{})
		c.smpEnded()
		return
	}
	c.prompts = append(c.prompts, now)
	c.smpRequest = e.ID
	question := cleanIncoming(e.Question)
	c.newRun(SMP{Key: e.From.Fingerprint, Stage: SMPNeedsAnswer, Asked: e.Asked, Question: question, Folded: how == folded, Prompt: len(c.prompts)})
	c.notify(Entry{Notice: NoticeSMPAsked, Question: question})
	c.account.session.emit(Contacted{c.ref})
}

func (c *conversation) answerSMP(number int, secret []byte) error {
	if c.smp == nil || c.smp.Number != number || c.smp.Stage != SMPNeedsAnswer {
		return ErrNoRequest
	}
	if !c.account.online() || c.away() {
		return ErrNotPrivate // the answer would be lost, and there is only one
	}
	if c.smp.Folded {
		secret = Fold(secret)
		defer clear(secret)
		if len(secret) == 0 {
			return ErrEmpty
		}
	}
	events, err := c.otr.AnswerSMP(c.smpRequest, secret)
	if err != nil {
		c.apply(events, cause{})
		c.stage(SMPAborted)
		return ErrNoRequest
	}
	c.stage(SMPWaiting)
	c.apply(events, cause{})
	return nil
}

func (c *conversation) cancelSMP() {
	if c.runs() {
		c.apply(c.otr.AbortSMP(), cause{})
		c.stage(SMPCancelled)
	}
}

// smpEnded: the session is gone, and a run with it.
func (c *conversation) smpEnded() {
	if c.runs() {
		c.stage(SMPAborted)
		c.notify(Entry{Notice: NoticeSMPAborted})
	}
}

// smpResult: success verifies them to us if we asked, or if it was about a secret that both know. Who only answered a question has
// proved something, and learned little.
func (c *conversation) smpResult(e otr.SMPResult) {
	if !c.runs() || c.smp.Key != e.Peer.Fingerprint {
		return // of a run that we have given up
	}
	fp := e.Peer.Fingerprint
	switch e.Outcome {
	case otr.SMPSuccess:
		c.stage(SMPSucceeded)
		if e.Initiator || !e.Asked {
			c.verify(fp, howOf(e))
		}
		if !e.Initiator || !e.Asked {
			c.setVerifiedUs(fp, howOf(e).word())
			c.notify(c.verdict(NoticeVerifiedUs, fp))
		}
		c.answersChecks(e.Peer)
	case otr.SMPFailure:
		c.smp.Kept = c.known(fp).Verified != NotVerified
		c.smp.Failed = c.countFailure(fp)
		c.answersChecks(e.Peer)
		c.stage(SMPFailed)
		c.notify(c.verdict(NoticeSMPFailed, fp))
	default:
		c.aborted(e)
		c.stage(SMPAborted)
		c.notify(Entry{Notice: NoticeSMPAborted})
	}
}

// howOf is how a run that succeeded verifies.
func howOf(e otr.SMPResult) Verified {
	if e.Asked {
		return ByQuestion
	}
	return BySecret
}

// tooManyPrompts tells the person, once in a while, that they ask more often than is shown.
func (c *conversation) tooManyPrompts() {
	now := c.account.now()
	if len(c.prompts) < MaxPrompts || !c.refusals.IsZero() && now.Sub(c.refusals) < promptsEvery {
		return
	}
	c.refusals = now
	c.notify(Entry{Notice: NoticeSMPRefused})
}

// countFailure counts a check with a key in which the answers differed. Each one was a guess, for somebody who stands between.
func (c *conversation) countFailure(fp otr.Fingerprint) int {
	i := c.indexKey(fp)
	if i < 0 {
		return 1
	}
	c.keys[i].Failed = min(c.keys[i].Failed+1, maxFailed)
	c.remember()
	return c.keys[i].Failed
}
