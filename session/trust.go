package session

import (
	"slices"
	"strings"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/store"
)

const (
	maxKeys      = 32              // that are remembered of a contact; verified ones first
	maxKept      = 50_000          // contacts that are remembered without a decision of the person
	smpPatience  = 5 * time.Minute // for an answer to a verification
	maxPrompts   = 3               // questions of a contact that are shown
	promptsEvery = time.Hour       // in this time
)

// A knownKey is one that the contact has used.
type knownKey struct {
	Key
	accepted bool // the person decided to use it, unverified, beside a verified one
}

// recall reads what is kept of the contact.
func (c *conversation) recall() {
	i := slices.IndexFunc(c.account.record.Contacts, func(k store.Contact) bool { return k.JID == c.ref.Contact })
	if i < 0 {
		return
	}
	kept := c.account.record.Contacts[i]
	c.policySet, c.verifiedUs, c.allowV2 = parsePolicy(kept.Policy), kept.VerifiedUs, kept.AllowV2
	for _, k := range kept.Keys {
		fp, err := otr.ParseFingerprint(k.Fingerprint)
		if err != nil {
			continue // the store has checked it
		}
		c.keys = append(c.keys, knownKey{
			Key:      Key{fp, k.FirstSeen, k.LastSeen, parseVerified(k.Verified), k.VerifiedAt},
			accepted: k.Accepted,
		})
	}
}

// remember keeps what is known of the contact.
func (c *conversation) remember() {
	a := c.account
	kept := store.Contact{JID: c.ref.Contact, Policy: c.policySet.word(), VerifiedUs: c.verifiedUs, AllowV2: c.allowV2}
	for _, k := range c.keys {
		kept.Keys = append(kept.Keys, store.Key{
			Fingerprint: compact(k.Fingerprint),
			FirstSeen:   k.FirstSeen,
			LastSeen:    k.LastSeen,
			Verified:    k.Verified.word(),
			VerifiedAt:  k.VerifiedAt,
			Accepted:    k.accepted,
		})
	}
	_, verified := c.verifiedKey()
	i := slices.IndexFunc(a.record.Contacts, func(k store.Contact) bool { return k.JID == c.ref.Contact })
	switch {
	case i >= 0:
		a.record.Contacts[i] = kept
	case len(a.record.Contacts) < maxKept || verified || kept.Policy != "" || kept.AllowV2:
		a.record.Contacts = append(a.record.Contacts, kept)
	}
	a.keep()
	c.touch()
}

var verifiedWords = [...]string{NotVerified: "", ByQuestion: "question", BySecret: "secret", ByComparison: "compared"}

// word is how a key was verified, in the settings file.
func (v Verified) word() string { return verifiedWords[v] }

func parseVerified(word string) Verified {
	return Verified(max(0, slices.Index(verifiedWords[:], strings.ToLower(word))))
}

// known is what is known of a key; the zero knownKey if nothing is.
func (c *conversation) known(fp otr.Fingerprint) knownKey {
	if i := c.indexKey(fp); i >= 0 {
		return c.keys[i]
	}
	return knownKey{}
}

func (c *conversation) indexKey(fp otr.Fingerprint) int {
	return slices.IndexFunc(c.keys, func(k knownKey) bool { return k.Fingerprint == fp })
}

// meet remembers that the contact has just proved to have a key.
func (c *conversation) meet(fp otr.Fingerprint) {
	now := c.account.now()
	if i := c.indexKey(fp); i >= 0 {
		c.keys[i].LastSeen = now
	} else {
		c.keys = slices.Insert(c.keys, 0, knownKey{Key: Key{Fingerprint: fp, FirstSeen: now, LastSeen: now}})
		c.forgetOldKey(fp)
	}
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
func (c *conversation) verifiedKey() (knownKey, bool) {
	i := slices.IndexFunc(c.keys, func(k knownKey) bool { return k.Verified != NotVerified })
	if i < 0 {
		return knownKey{}, false
	}
	return c.keys[i], true
}

// acceptable tells whether texts may be sent to a key: it is verified, or the person has accepted it, or no key of the contact ever was
// verified.
func (c *conversation) acceptable(fp otr.Fingerprint) bool {
	if k := c.known(fp); k.Verified != NotVerified || k.accepted {
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
	fps := []otr.Fingerprint{}
	for _, k := range c.keys {
		if c.acceptable(k.Fingerprint) && !c.refused[k.Fingerprint] {
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
	return &KeyChange{Old: old.Key, New: c.known(fp).Key}
}

// sessionUp says what the new session is worth, and whether the person has refused its key.
func (c *conversation) sessionUp(e otr.StateChange) (n Entry, refused bool) {
	fp := e.Peer.Fingerprint
	if c.refused[fp] && !c.acceptable(fp) {
		return Entry{}, true
	}
	first := c.indexKey(fp) < 0
	if first {
		c.verifiedUs = false // whoever did it held another key
	}
	c.meet(fp)
	n.Key = &fp
	switch {
	case !c.acceptable(fp):
		old, _ := c.verifiedKey()
		n.Notice, n.OldKey = NoticeKeyChanged, &old.Fingerprint
	case e.Refreshed:
		n.Notice = NoticeRefreshed
	case c.known(fp).Verified != NotVerified:
		n.Notice = NoticePrivateVerified
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
		c.notify(Entry{Notice: NoticeKeyRefused, Key: &fp})
		c.unwanted = true
		c.endSession()
		return
	}
	c.keys[c.indexKey(fp)].accepted = true
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
	delete(c.refused, fp)
	c.remember()
	c.notify(c.verdict(NoticeVerifiedThem, fp))
	c.flush()
	return nil
}

// verdict is a notice that tells how things stand now, whatever becomes of them later.
func (c *conversation) verdict(n Notice, fp otr.Fingerprint) Entry {
	return Entry{Notice: n, Key: &fp, Verified: c.known(fp).Verified, VerifiedUs: c.verifiedUs}
}

func (c *conversation) unverify(fp otr.Fingerprint) error {
	i := c.indexKey(fp)
	if i < 0 {
		return ErrKeyGone
	}
	c.keys[i].Verified, c.keys[i].VerifiedAt = NotVerified, time.Time{}
	c.remember()
	c.notify(Entry{Notice: NoticeUnverified, Key: &fp})
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
	c.smp = &r
	c.smpTimer = c.account.after(smpPatience, func() {
		if c.smp.Number == r.Number && c.runs() {
			c.apply(c.otr.AbortSMP(), cause{})
			c.stage(SMPTimedOut)
			c.notify(Entry{Notice: NoticeSMPAborted})
		}
	})
	c.account.session.emit(SMPChanged{r})
}

// startSMP is Ask and Share.
func (c *conversation) startSMP(fp otr.Fingerprint, question string, secret []byte) error {
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
	c.newRun(SMP{Key: fp, Stage: SMPWaiting, Ours: true, Asked: question != "", Question: question})
	c.notify(Entry{Notice: NoticeSMPWeAsked, Question: question})
	c.apply(events, cause{})
	return nil
}

// smpRequested: they ask us. More than maxPrompts in an hour are refused without a word.
func (c *conversation) smpRequested(e otr.SMPRequest) {
	if e.From.Fingerprint != c.otrPeer().Fingerprint {
		// Another client with another key. A question is read as one of whoever the lock is about, so it is not shown; nor does it
		// stop the run that is under way.
		return
	}
	now := c.account.now()
	c.prompts = slices.DeleteFunc(c.prompts, func(t time.Time) bool { return now.Sub(t) >= promptsEvery })
	if len(c.prompts) >= maxPrompts || c.runs() {
		c.apply(c.otr.AbortSMP(), cause{})
		c.smpEnded()
		return
	}
	c.prompts = append(c.prompts, now)
	c.smpRequest = e.ID
	question := cleanIncoming(e.Question)
	c.newRun(SMP{Key: e.From.Fingerprint, Stage: SMPNeedsAnswer, Asked: e.Asked, Question: question})
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
			how := BySecret
			if e.Asked {
				how = ByQuestion
			}
			c.verify(fp, how)
		}
		if !e.Initiator || !e.Asked {
			c.verifiedUs = true
			c.remember()
			c.notify(c.verdict(NoticeVerifiedUs, fp))
		}
	case otr.SMPFailure:
		c.smp.Kept = c.known(fp).Verified != NotVerified
		c.stage(SMPFailed)
		c.notify(c.verdict(NoticeSMPFailed, fp))
	default:
		c.stage(SMPAborted)
		c.notify(Entry{Notice: NoticeSMPAborted})
	}
}
