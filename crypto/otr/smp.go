package otr

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/sotto-im/sotto/crypto/otr/internal/smp"
)

// This file carries the Socialist Millionaires' Protocol ("The SMP state machine"); internal/smp computes it.

// An smpRun is the SMP state with one client. The zero smpRun is SMPSTATE_EXPECT1.
type smpRun struct {
	initiator *smp.Initiator
	responder *smp.Responder
	request   uint64 // that waits for the user's answer; 0 if none does
	asked     bool
}

func (r *smpRun) running() bool { return r.initiator != nil || r.responder != nil }

func (r *smpRun) wipe() {
	if r.initiator != nil {
		r.initiator.Wipe()
	}
	if r.responder != nil {
		r.responder.Wipe()
	}
	*r = smpRun{}
}

// endSMP ends the run with i, if there is one, and tells how.
func (i *instance) endSMP(outcome SMPOutcome) []Event {
	if !i.smp.running() {
		return nil
	}
	result := SMPResult{Outcome: outcome, Asked: i.smp.asked, Initiator: i.smp.initiator != nil, Peer: i.peer}
	i.smp.wipe()
	return []Event{result}
}

// StartSMP implements "User requests to begin SMP" with the selected client. An empty question means none. The
// secret is whatever both people know; it is the caller's to clear. A run that is on is aborted: what tells the other side
// of that comes with an error too.
func (c *Conversation) StartSMP(question string, secret []byte) ([]Event, error) {
	c.expire()
	i := c.selected
	switch {
	case c.State() != Encrypted:
		return nil, ErrNotEncrypted
	case strings.Contains(question, "\x00"):
		return nil, ErrTextHasNUL
	case len(question) > maxQuestion:
		return nil, ErrTooLarge
	}
	x := smp.NewSecret(c.config.Key.Fingerprint(), i.peer.Fingerprint, i.peer.SSID, secret)
	defer x.Wipe()
	initiator, value, err := smp.Start(c.rand(), x)
	if err != nil {
		return nil, cannotSend(err)
	}
	kind := uint16(tlvSMP1)
	if question != "" {
		kind, value = tlvSMP1Q, append(append([]byte(question), 0), value...)
	}
	var events []Event
	if i.smp.running() {
		i.smp.wipe()
		events = c.sendAbort(i)
	}
	sent, err := c.sendData(i, flagIgnoreUnreadable, nil, TLV{kind, value})
	if err != nil {
		initiator.Wipe()
		return events, err
	}
	i.smp = smpRun{initiator: initiator, asked: question != ""}
	return append(append(events, sent...), SMPProgress{25}), nil
}

// AnswerSMP answers the request with an ID, once: a wrong answer cannot be taken back, and the other side has had
// its one guess. It returns ErrNoRequest if the request is not waiting any more. Any other error ends the run,
// and the events that come with it tell the other side.
func (c *Conversation) AnswerSMP(id uint64, secret []byte) ([]Event, error) {
	c.expire()
	i := c.requested(id)
	if i == nil {
		return nil, ErrNoRequest
	}
	i.smp.request = 0
	y := smp.NewSecret(i.peer.Fingerprint, c.config.Key.Fingerprint(), i.peer.SSID, secret)
	defer y.Wipe()
	value, err := i.smp.responder.Answer(c.rand(), y)
	if err != nil {
		i.smp.wipe()
		return c.sendAbort(i), cannotSend(err)
	}
	events, err := c.sendData(i, flagIgnoreUnreadable, nil, TLV{tlvSMP2, value})
	if err != nil {
		i.smp.wipe()
		return c.sendAbort(i), err
	}
	return append(events, SMPProgress{50}), nil
}

// requested returns the client whose request with an ID waits, or nil.
func (c *Conversation) requested(id uint64) *instance {
	for _, i := range c.instances {
		if id != 0 && i.smp.request == id {
			return i
		}
	}
	return nil
}

// AbortSMP implements "User requests to abort SMP": every run that is on, and, as the specification has it, a word to
// the selected client even if none is.
func (c *Conversation) AbortSMP() []Event {
	c.expire()
	var events []Event
	for _, tag := range slices.Sorted(maps.Keys(c.instances)) {
		if i := c.instances[tag]; i.smp.running() || i == c.selected && i.state == Encrypted {
			i.smp.wipe()
			events = append(events, c.sendAbort(i)...)
		}
	}
	return events
}

func (c *Conversation) sendAbort(i *instance) []Event {
	events, err := c.sendData(i, flagIgnoreUnreadable, nil, TLV{Type: tlvSMPAbort})
	if err != nil {
		return failure(err)
	}
	return events
}

// smpOrder is the order in which the records of one message are handled, the first of each type only.
var smpOrder = [...]uint16{tlvSMP1Q, tlvSMP1, tlvSMP2, tlvSMP3, tlvSMP4, tlvSMPAbort}

func (c *Conversation) receiveSMP(i *instance, records []TLV) []Event {
	var events []Event
	for _, kind := range smpOrder {
		if value, found := find(records, kind); found {
			events = append(events, c.stepSMP(i, kind, value)...)
		}
	}
	return events
}

// stepSMP implements "State Transitions" of SMP for one record. An expected message that fails its checks ends the
// run as cheating, never as a difference of the secrets. One that is not expected ends it as aborted.
func (c *Conversation) stepSMP(i *instance, kind uint16, value []byte) []Event {
	run := &i.smp
	switch kind {
	case tlvSMP1, tlvSMP1Q:
		// A second request while one waits is not shown: the answer typed for the first must not go to it.
		if run.running() {
			return c.breakSMP(i, smp.ErrState)
		}
		run.asked = kind == tlvSMP1Q
		question, rest, err := cutQuestion(kind, value)
		if err == nil {
			run.responder, err = smp.Receive(rest)
		}
		if err != nil {
			run.responder = new(smp.Responder) // so that there is a run to end
			return c.breakSMP(i, err)
		}
		c.requests++
		run.request = c.requests
		return []Event{SMPRequest{ID: run.request, Question: question, Asked: run.asked, From: i.peer}}
	case tlvSMP2:
		if run.initiator == nil {
			return c.breakSMP(i, smp.ErrState)
		}
		message3, err := run.initiator.Answer(c.rand(), value)
		if err != nil {
			return c.breakSMP(i, cannotSend(err))
		}
		events, err := c.sendData(i, flagIgnoreUnreadable, nil, TLV{tlvSMP3, message3})
		if err != nil {
			return c.breakSMP(i, err)
		}
		return append(events, SMPProgress{75})
	case tlvSMP3:
		if run.responder == nil {
			return c.breakSMP(i, smp.ErrState)
		}
		message4, equal, err := run.responder.Finish(c.rand(), value)
		if err != nil {
			return c.breakSMP(i, cannotSend(err))
		}
		events, err := c.sendData(i, flagIgnoreUnreadable, nil, TLV{tlvSMP4, message4})
		if err != nil {
			return c.breakSMP(i, err)
		}
		return append(events, i.endSMP(outcome(equal))...)
	case tlvSMP4:
		if run.initiator == nil {
			return c.breakSMP(i, smp.ErrState)
		}
		equal, err := run.initiator.Finish(value)
		if err != nil {
			return c.breakSMP(i, err)
		}
		return i.endSMP(outcome(equal))
	default: // tlvSMPAbort
		return i.endSMP(SMPAborted)
	}
}

// breakSMP aborts the run because of an error, and tells both sides. If the error is not the other side's, it is a
// failure of our own.
func (c *Conversation) breakSMP(i *instance, err error) []Event {
	events := c.sendAbort(i)
	switch {
	case errors.Is(err, smp.ErrState):
		return append(events, i.endSMP(SMPAborted)...)
	case errors.Is(err, smp.ErrCheated), errors.Is(err, smp.ErrMalformed):
		return append(events, i.endSMP(SMPCheated)...)
	}
	return append(append(events, failure(err)...), i.endSMP(SMPAborted)...)
}

// cutQuestion takes the question off the front of a record of type 7.
func cutQuestion(kind uint16, value []byte) (question string, rest []byte, err error) {
	if kind != tlvSMP1Q {
		return "", value, nil
	}
	asked, rest, found := bytes.Cut(value, []byte{0})
	if !found {
		return "", nil, smp.ErrMalformed
	}
	return clean(string(asked), maxQuestion), rest, nil
}

func outcome(equal bool) SMPOutcome {
	if equal {
		return SMPSuccess
	}
	return SMPFailure
}
