package main

import (
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/internal/testhook"
	"github.com/sotto-im/sotto/crypto/otr/otrtest/lines"
)

// maxWaiting bounds how many texts wait for a private conversation.
const maxWaiting = 100

var errWords = errors.New("unknown command, or wrong number of words")

// An endpoint is the application around one conversation.
type endpoint struct {
	out          *lines.Out
	config       *otr.Config
	conversation *otr.Conversation
	ahead        time.Duration            // how far the clock was moved
	request      uint64                   // the SMP request that was shown last
	known        map[otr.Fingerprint]bool // keys seen before
	last         otr.Fingerprint          // the key of the last private conversation
	trust        map[otr.Fingerprint]bool // keys that SMP has verified
	waiting      []waitingText
	live         map[otr.InstanceTag][8]byte // the session of each client, as it was last told
	recent       bool                        // the client that was heard from last is talked to
	away         bool                        // the correspondent is not there
}

// A waitingText was typed when there was no private conversation and there had to be one.
type waitingText struct {
	text []byte
	to   otr.Fingerprint // zero: no key was known
}

func newEndpoint(out io.Writer, config *otr.Config) *endpoint {
	e := &endpoint{
		out:    lines.NewOut(out),
		config: config,
		known:  make(map[otr.Fingerprint]bool),
		trust:  make(map[otr.Fingerprint]bool),
		live:   make(map[otr.InstanceTag][8]byte),
	}
	config.Time = e.now
	e.conversation = otr.New(config)
	return e
}

// command carries out one line.
func (e *endpoint) command(words []string) error {
	if len(words) == 0 {
		return errWords
	}
	name, args := words[0], words[1:]
	if e.recent {
		e.apply(e.conversation.Select(otr.SelectRecent))
	}
	switch {
	case name == "start" && len(args) == 0:
		events := e.conversation.Start()
		if len(events) == 0 {
			return errors.New("the policy allows no version")
		}
		e.apply(events)
	case name == "recv" && len(args) == 1:
		return e.with(args, func(b [][]byte) error { e.receive(string(b[0])); return nil })
	case name == "send" && len(args) == 1:
		return e.with(args, func(b [][]byte) error { return e.send(b[0]) })
	case name == "smp-start" && (len(args) == 1 || len(args) == 2):
		return e.with(args, e.startSMP)
	case name == "smp-respond" && len(args) == 1:
		return e.with(args, func(b [][]byte) error { return e.carryOut(e.conversation.AnswerSMP(e.request, b[0])) })
	case name == "smp-abort" && len(args) == 0:
		if e.conversation.State() != otr.Encrypted {
			return otr.ErrNotEncrypted
		}
		e.apply(e.conversation.AbortSMP())
	case name == "end" && len(args) == 0:
		e.end()
	case name == "symkey" && len(args) == 2:
		return e.with(args[1:], func(b [][]byte) error { return e.useKey(args[0], b[0]) })
	case name == "status" && len(args) == 0:
		e.printStatus()
	case name == "tlv" && (len(args) == 2 || len(args) == 3):
		return e.with(args[1:], func(b [][]byte) error { return e.sendTLV(args[0], b) })
	case name == "policy" && len(args) == 1:
		policy, err := parsePolicy(args[0])
		if err == nil {
			e.config.Policy = policy
		}
		return err
	case name == "max" && len(args) == 1:
		n, err := strconv.ParseUint(args[0], 10, 31)
		if err == nil {
			e.config.MaxSize = int(n)
		}
		return err
	case name == "clock" && len(args) == 1:
		seconds, err := strconv.ParseUint(args[0], 10, 31)
		e.ahead += time.Duration(seconds) * time.Second
		return err
	case name == "poll" && len(args) == 0:
		e.apply(e.conversation.Poll())
	case name == "select" && len(args) == 1:
		return e.choose(args[0])
	case name == "loggedin" && len(args) == 1 && (args[0] == "0" || args[0] == "1"):
		e.away = args[0] == "0"
	case name == "debug-keys" && len(args) == 0:
		return e.printKeys()
	default:
		return errWords
	}
	return nil
}

// with decodes byte strings.
func (e *endpoint) with(words []string, f func([][]byte) error) error {
	decoded := make([][]byte, len(words))
	for i, word := range words {
		var err error
		if decoded[i], err = lines.Bytes(word); err != nil {
			return err
		}
	}
	return f(decoded)
}

// carryOut applies what a method returned.
func (e *endpoint) carryOut(events []otr.Event, err error) error {
	e.apply(events)
	return err
}

func (e *endpoint) startSMP(args [][]byte) error {
	question := ""
	if len(args) == 2 {
		question = string(args[1])
	}
	return e.carryOut(e.conversation.StartSMP(question, args[0]))
}

// receive takes in what came from the network.
func (e *endpoint) receive(body string) {
	message := testhook.Peek(e.conversation, body)
	e.apply(e.conversation.Receive(body))
	if message == nil {
		return
	}
	if message.Empty { // whatever records it had
		e.out.Printf("event heartbeat-rcvd")
	}
	for _, r := range message.Records {
		switch {
		case r.Type == 0:
			e.out.Printf("event padding len=%d", r.Length)
		case r.Type > 8:
			e.out.Printf("event unknown-tlv type=%d len=%d", r.Type, r.Length)
		}
	}
}

// end ends the conversation. Nothing is sent to somebody who is not there.
func (e *endpoint) end() {
	events := e.conversation.End()
	if e.away {
		events = slices.DeleteFunc(events, func(event otr.Event) bool { _, sent := event.(otr.Transmit); return sent })
	}
	e.apply(events)
}

func (e *endpoint) useKey(number string, data []byte) error {
	use, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return err
	}
	key, events, err := e.conversation.UseExtraKey(uint32(use), data)
	if err != nil {
		return err
	}
	e.apply(events)
	e.extraKey("send", key, uint32(use), data)
	return nil
}

func (e *endpoint) extraKey(direction string, key [32]byte, use uint32, data []byte) {
	e.out.Printf("event extra-key dir=%s use=%d key=%x data=%s", direction, use, key, lines.Word(data))
}

func (e *endpoint) choose(which string) error {
	e.recent = which == "recent"
	switch which {
	case "best":
		e.apply(e.conversation.Select(otr.SelectBest))
		return nil
	case "recent":
		e.apply(e.conversation.Select(otr.SelectRecent))
		return nil
	}
	var tag otr.InstanceTag // of the client that speaks version 2
	if which != "master" {
		var err error
		if tag, err = parseTag(which); err != nil {
			return err
		}
	}
	for _, i := range e.conversation.Instances() {
		if i.Peer.Tag == tag && i.State == otr.Encrypted {
			e.apply(e.conversation.Select(tag))
			return nil
		}
	}
	return errors.New("no session with that client")
}

func (e *endpoint) printKeys() error {
	keys := testhook.Keys(e.conversation)
	if len(keys) == 0 {
		return otr.ErrNotEncrypted
	}
	for _, k := range keys {
		e.out.Printf("key %s id=%d value=%x", k.What, k.ID, k.Value)
	}
	return nil
}

func (e *endpoint) sendTLV(kind string, args [][]byte) error {
	n, err := strconv.ParseUint(kind, 10, 16)
	if err != nil {
		return err
	}
	var text []byte
	if len(args) == 2 {
		text = args[1]
	}
	events, err := testhook.SendTLV(e.conversation, uint16(n), args[0], text)
	if err != nil {
		return err
	}
	e.apply(events.([]otr.Event))
	return nil
}

func (e *endpoint) send(text []byte) error {
	events, err := e.conversation.Send(text)
	switch {
	case errors.Is(err, otr.ErrEncryptionRequired):
		if len(e.waiting) == maxWaiting {
			return errors.New("too many texts are waiting")
		}
		e.waiting = append(e.waiting, waitingText{text, e.last})
		e.out.Printf("event encryption-required")
	case errors.Is(err, otr.ErrFinished):
		e.out.Printf("event connection-ended")
	case err != nil:
		e.apply(events)
		return err
	}
	e.apply(events)
	return nil
}

// release sends the texts that waited for a conversation with that key, or for the first one with any.
func (e *endpoint) release(to otr.Fingerprint) {
	waiting := e.waiting
	e.waiting = nil
	for _, w := range waiting {
		if w.to != to && w.to != (otr.Fingerprint{}) {
			e.waiting = append(e.waiting, w)
			continue
		}
		e.out.Printf("event resent")
		if err := e.send(w.text); err != nil {
			e.out.Printf("error %q", err.Error())
		}
	}
}

// apply prints what a list of events says, in its order.
func (e *endpoint) apply(events []otr.Event) {
	for _, event := range events {
		switch event := event.(type) {
		case otr.Transmit:
			if event.Body != "" { // there is no use in sending an empty clear text
				e.out.Printf("wire %s", lines.Word([]byte(event.Body)))
			}
		case otr.Message:
			e.message(event)
		case otr.StateChange:
			e.change(event.New, event.Peer, event.Refreshed)
		case otr.InstanceChange:
			e.change(event.New, event.Peer, event.Old == otr.Encrypted)
		case otr.ExtraKey:
			e.extraKey("recv", event.Key, event.Use, event.Data)
		case otr.SMPRequest:
			e.request = event.ID
			if event.Asked {
				e.out.Printf("event smp-ask-answer pct=25 question=%s", lines.Word([]byte(event.Question)))
			} else {
				e.out.Printf("event smp-ask-secret pct=25")
			}
		case otr.SMPProgress:
			e.out.Printf("event smp-progress pct=%d", event.Percent)
		case otr.SMPResult:
			e.smpResult(event)
		case otr.Rejected:
			e.rejected(event)
		case otr.PeerError:
			e.out.Printf("event rcvd-error text=%s", lines.Word([]byte(event.Text)))
		case otr.Heartbeat:
			if event.Sent {
				e.out.Printf("event heartbeat-sent")
			}
		case otr.Failure:
			e.out.Printf("event encryption-error")
		}
	}
}

func (e *endpoint) message(m otr.Message) {
	switch {
	case m.Encrypted:
		e.out.Printf("msg encrypted %s", lines.Word(m.Text))
	case m.Unexpected:
		e.out.Printf("event rcvd-unencrypted")
		e.out.Printf("msg plain-unexpected %s", lines.Word(m.Text))
	default:
		e.out.Printf("msg plain %s", lines.Word(m.Text))
	}
}

// change reports the beginning or end of a session. That another one is talked to is not reported.
func (e *endpoint) change(to otr.State, peer otr.Peer, refreshed bool) {
	if to != otr.Encrypted {
		delete(e.live, peer.Tag)
	}
	switch to {
	case otr.Encrypted:
		if e.live[peer.Tag] == peer.SSID {
			return
		}
		e.live[peer.Tag] = peer.SSID
		if !e.known[peer.Fingerprint] {
			e.known[peer.Fingerprint] = true
			e.out.Printf("event new-fingerprint fp=%x", peer.Fingerprint[:])
		}
		if refreshed {
			e.out.Printf("event still-secure")
		} else {
			e.out.Printf("event gone-secure version=%d ssid=%x bold=%s theirtag=%08x", peer.Version, peer.SSID, bold(peer.Initiator), uint32(peer.Tag))
		}
		e.last = peer.Fingerprint
		e.release(peer.Fingerprint)
	case otr.Finished:
		e.out.Printf("event gone-insecure reason=peer")
	case otr.Plaintext:
		e.out.Printf("event gone-insecure reason=user")
	}
}

func bold(initiator bool) string {
	if initiator {
		return "first"
	}
	return "second"
}

func (e *endpoint) smpResult(r otr.SMPResult) {
	switch r.Outcome {
	case otr.SMPSuccess:
		if r.Verifies() {
			e.trust[r.Peer.Fingerprint] = true
		}
		e.out.Printf("event smp-success pct=100")
	case otr.SMPFailure:
		e.out.Printf("event smp-failure pct=100")
	case otr.SMPAborted:
		e.out.Printf("event smp-abort pct=0")
	case otr.SMPCheated:
		e.out.Printf("event smp-cheated pct=0")
	}
}

// rejected reports what was refused. What is of a version that is not allowed is passed over, as if it was for
// somebody else.
func (e *endpoint) rejected(r otr.Rejected) {
	if r.Reason == otr.BadVersion {
		return
	}
	names := map[otr.Reason]string{
		otr.Malformed:     "rcvd-malformed",
		otr.OtherInstance: "rcvd-other-instance",
		otr.Unreadable:    "rcvd-unreadable",
		otr.NotPrivate:    "rcvd-not-in-private",
		otr.Reflected:     "reflected",
		otr.SetupFailed:   "setup-error",
		otr.TooMany:       "rcvd-malformed reason=limit",
	}
	e.out.Printf("event %s", names[r.Reason])
}

func (e *endpoint) printStatus() {
	for _, i := range testhook.Instances(e.conversation) {
		ssid, trust := "-", "-"
		if i.SSID != [8]byte{} {
			ssid = hex.EncodeToString(i.SSID[:])
		}
		if e.trust[otr.Fingerprint(i.Fingerprint)] {
			trust = "smp"
		}
		e.out.Printf("status msgstate=%s authstate=%s version=%d ssid=%s bold=%s smp=%s trust=%s tags=%08x,%08x selected=%t",
			i.Message, i.AKE, i.Version, ssid, bold(i.Initiator), i.SMP, trust, i.Ours, i.Theirs, i.Selected)
	}
	e.printFingerprints()
}

func (e *endpoint) printFingerprints() {
	theirs := "-"
	if peer := e.conversation.Peer(); peer.Fingerprint != (otr.Fingerprint{}) {
		theirs = hex.EncodeToString(peer.Fingerprint[:])
	}
	ours := e.config.Key.Fingerprint()
	e.out.Printf("fp %s %s", hex.EncodeToString(ours[:]), theirs)
}
