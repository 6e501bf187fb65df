// Package smp is the Socialist Millionaires' Protocol of Off-the-Record Messaging, version 1 of it: two parties learn
// whether their secrets are equal and nothing else.
//
// Each state of the protocol is a type of its own, and its methods are the steps that are possible in it:
//
//	initiator, message1 := Start(x)           ->
//	                                             responder := Receive(message1), then the user is asked
//	                                          <- message2 := responder.Answer(y)
//	message3 := initiator.Answer(message2)    ->
//	                                          <- message4, equal := responder.Finish(message3)
//	equal := initiator.Finish(message4)
//
// A step consumes its state, whatever comes of it: one answer of the user is one guess for the other side. A
// consumed state, or one that is not yet due, gives ErrState. Variables are named as in the specification.
package smp

import (
	"crypto/sha256"
	"errors"
	"io"

	"github.com/sotto-im/sotto/crypto/otr/internal/group"
)

var (
	// ErrMalformed reports a message that does not hold the numbers it should.
	ErrMalformed = errors.New("smp: malformed message")
	// ErrCheated reports a number that no honest party sends, or a proof that does not hold. It says nothing about
	// the secrets being equal or not.
	ErrCheated = errors.New("smp: refused value")
	// ErrState reports a step that was not due, or was done before.
	ErrState = errors.New("smp: step is not due")
)

// A Secret is what the two parties compare.
type Secret struct{ digest group.Digest }

// NewSecret binds what the user typed to the conversation: the fingerprints of the party that starts and of the
// party that answers, and the session ("Secret information").
func NewSecret(initiator, responder [20]byte, ssid [8]byte, typed []byte) Secret {
	h := sha256.New()
	h.Write([]byte{1})
	h.Write(initiator[:])
	h.Write(responder[:])
	h.Write(ssid[:])
	h.Write(typed)
	var s Secret
	h.Sum(s.digest[:0])
	return s
}

// Wipe clears s.
func (s *Secret) Wipe() { s.digest.Wipe() }

// An Initiator is Alice: it waits for message 2, then for message 4.
type Initiator struct {
	step     step
	x        Secret
	a2, a3   group.Scalar
	g3b      group.Element
	pa, pb   group.Element
	quotient group.Element // Qa / Qb
}

// A Responder is Bob: it waits for the user's answer, then for message 3.
type Responder struct {
	step     step
	g2a, g3a group.Element
	g2, g3   group.Element
	b3       group.Scalar
	pb, qb   group.Element
}

type step uint8

const (
	over step = iota
	awaitAnswer
	awaitMessage2
	awaitMessage3
	awaitMessage4
)

// Start begins a run ("User requests to begin SMP") and returns message 1, the value of a TLV of type 2. One of
// type 7 puts the question and a NUL before it.
func Start(rand io.Reader, x Secret) (*Initiator, []byte, error) {
	var r2, r3 group.Scalar
	defer wipe(&r2, &r3)
	alice := &Initiator{step: awaitMessage2, x: x}
	if err := random(rand, &alice.a2, &alice.a3, &r2, &r3); err != nil {
		alice.Wipe()
		return nil, nil, err
	}
	g2a := group.BaseExp(&alice.a2)
	g3a := group.BaseExp(&alice.a3)
	c2, d2 := proveLog(1, &alice.a2, &r2)
	c3, d3 := proveLog(2, &alice.a3, &r3)
	return alice, message(&g2a, &c2, &d2, &g3a, &c3, &d3), nil
}

// Receive checks message 1 ("Receiving a type 2 TLV"). The Responder then waits for the user's answer.
func Receive(message1 []byte) (*Responder, error) {
	var g2a, g3a group.Element
	var c2, c3 group.Digest
	var d2, d3 group.Scalar
	if err := parse(message1, &g2a, &c2, &d2, &g3a, &c3, &d3); err != nil {
		return nil, err
	}
	if !checkLog(1, &g2a, &c2, &d2) || !checkLog(2, &g3a, &c3, &d3) {
		return nil, ErrCheated
	}
	return &Responder{step: awaitAnswer, g2a: g2a, g3a: g3a}, nil
}

// Answer goes on with what the user answered and returns message 2.
func (bob *Responder) Answer(rand io.Reader, y Secret) ([]byte, error) {
	defer y.Wipe()
	if bob.step != awaitAnswer {
		return nil, ErrState
	}
	var b2, r2, r3, r4, r5, r6 group.Scalar
	defer wipe(&b2, &r2, &r3, &r4, &r5, &r6)
	if err := random(rand, &b2, &bob.b3, &r2, &r3, &r4, &r5, &r6); err != nil {
		bob.Wipe()
		return nil, err
	}
	g2b := group.BaseExp(&b2)
	g3b := group.BaseExp(&bob.b3)
	c2, d2 := proveLog(3, &b2, &r2)
	c3, d3 := proveLog(4, &bob.b3, &r3)
	bob.g2 = bob.g2a.Exp(&b2)
	bob.g3 = bob.g3a.Exp(&bob.b3)
	bob.pb, bob.qb = commit(&bob.g2, &bob.g3, &r4, &y)
	cP, d5, d6 := proveCommitment(5, &bob.g2, &bob.g3, &r4, &y, &r5, &r6)
	bob.step = awaitMessage3
	return message(&g2b, &c2, &d2, &g3b, &c3, &d3, &bob.pb, &bob.qb, &cP, &d5, &d6), nil
}

// Answer checks message 2 ("Receiving a type 3 TLV") and returns message 3.
func (alice *Initiator) Answer(rand io.Reader, message2 []byte) ([]byte, error) {
	if alice.step != awaitMessage2 {
		return nil, ErrState
	}
	message3, err := alice.answer(rand, message2)
	if err != nil {
		alice.Wipe()
		return nil, err
	}
	alice.x.Wipe()
	alice.a2.Wipe()
	alice.step = awaitMessage4
	return message3, nil
}

func (alice *Initiator) answer(rand io.Reader, message2 []byte) ([]byte, error) {
	var g2b, g3b, pb, qb group.Element
	var c2, c3, cP group.Digest
	var d2, d3, d5, d6 group.Scalar
	if err := parse(message2, &g2b, &c2, &d2, &g3b, &c3, &d3, &pb, &qb, &cP, &d5, &d6); err != nil {
		return nil, err
	}
	if !checkLog(3, &g2b, &c2, &d2) || !checkLog(4, &g3b, &c3, &d3) {
		return nil, ErrCheated
	}
	g2 := g2b.Exp(&alice.a2)
	g3 := g3b.Exp(&alice.a3)
	if !checkCommitment(5, &g2, &g3, &pb, &qb, &cP, &d5, &d6) {
		return nil, ErrCheated
	}

	var r4, r5, r6, r7 group.Scalar
	defer wipe(&r4, &r5, &r6, &r7)
	if err := random(rand, &r4, &r5, &r6, &r7); err != nil {
		return nil, err
	}
	pa, qa := commit(&g2, &g3, &r4, &alice.x)
	cP, d5, d6 = proveCommitment(6, &g2, &g3, &r4, &alice.x, &r5, &r6)
	quotient := qa.DivVarTime(&qb)
	ra := quotient.Exp(&alice.a3)
	cR, d7 := proveLogs(7, &quotient, &alice.a3, &r7)
	alice.g3b, alice.pa, alice.pb, alice.quotient = g3b, pa, pb, quotient
	return message(&pa, &qa, &cP, &d5, &d6, &ra, &cR, &d7), nil
}

// Finish checks message 3 ("Receiving a type 4 TLV"), returns message 4, which is to be sent whether or not the
// secrets are equal, and says whether they are.
func (bob *Responder) Finish(rand io.Reader, message3 []byte) (message4 []byte, equal bool, err error) {
	if bob.step != awaitMessage3 {
		return nil, false, ErrState
	}
	defer bob.Wipe()
	var pa, qa, ra group.Element
	var cP, cR group.Digest
	var d5, d6, d7 group.Scalar
	if err := parse(message3, &pa, &qa, &cP, &d5, &d6, &ra, &cR, &d7); err != nil {
		return nil, false, err
	}
	// Qa = Qb needs no check: Ra would have to be 1, which is out of range.
	quotient := qa.DivVarTime(&bob.qb)
	if !checkCommitment(6, &bob.g2, &bob.g3, &pa, &qa, &cP, &d5, &d6) ||
		!checkLogs(7, &bob.g3a, &quotient, &ra, &cR, &d7) {
		return nil, false, ErrCheated
	}

	var r7 group.Scalar
	defer r7.Wipe()
	if err := random(rand, &r7); err != nil {
		return nil, false, err
	}
	rb := quotient.Exp(&bob.b3)
	cR, d7 = proveLogs(8, &quotient, &bob.b3, &r7)
	return message(&rb, &cR, &d7), sameSecret(&ra, &bob.b3, &pa, &bob.pb), nil
}

// Finish checks message 4 ("Receiving a type 5 TLV") and says whether the secrets are equal.
func (alice *Initiator) Finish(message4 []byte) (equal bool, err error) {
	if alice.step != awaitMessage4 {
		return false, ErrState
	}
	defer alice.Wipe()
	var rb group.Element
	var cR group.Digest
	var d7 group.Scalar
	if err := parse(message4, &rb, &cR, &d7); err != nil {
		return false, err
	}
	if !checkLogs(8, &alice.g3b, &alice.quotient, &rb, &cR, &d7) {
		return false, ErrCheated
	}
	return sameSecret(&rb, &alice.a3, &alice.pa, &alice.pb), nil
}

// sameSecret says whether r^k = pa/pb, by r^k · pb = pa.
func sameSecret(r *group.Element, k *group.Scalar, pa, pb *group.Element) bool {
	rab := r.Exp(k)
	product := rab.Mul(pb)
	return product.Equal(pa)
}

// Expects returns the number of the message that is due: "2", "4", or "" after the run.
func (alice *Initiator) Expects() string {
	return map[step]string{awaitMessage2: "2", awaitMessage4: "4"}[alice.step]
}

// Wipe clears everything. No step is due any more.
func (alice *Initiator) Wipe() { *alice = Initiator{} }

// Wipe clears everything. No step is due any more.
func (bob *Responder) Wipe() { *bob = Responder{} }

func random(rand io.Reader, scalars ...*group.Scalar) error {
	for _, k := range scalars {
		var err error
		if *k, err = group.NewScalar(rand); err != nil {
			return err
		}
	}
	return nil
}

func wipe(scalars ...*group.Scalar) {
	for _, k := range scalars {
		k.Wipe()
	}
}
