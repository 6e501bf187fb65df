// Xcryptopeer is an endpoint made of golang.org/x/crypto/otr, which speaks version 2 of the protocol, for tests that hold
// package otr against it. The package comment of ../otrpeer has the commands; those of them that x/crypto/otr has no
// call for answer with an error.
package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	// It is frozen, and here as a witness: what another author made of the specification.
	"golang.org/x/crypto/otr"

	"github.com/sotto-im/sotto/crypto/otr/otrtest/lines"
)

func main() {
	if err := run(os.Stdin, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "xcryptopeer:", err)
		os.Exit(2)
	}
}

func run(in io.Reader, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("xcryptopeer", flag.ContinueOnError)
	for _, name := range []string{"account", "peer", "policy", "instag"} {
		flags.String(name, "", "no use is made of it")
	}
	keyFile := flags.String("key", "", "`file` of the private key, made when missing")
	maxSize := flags.Int("max", 0, "`bytes` that a message may have, 0 for any number")
	if err := flags.Parse(args); err != nil {
		return err
	}
	key := new(otr.PrivateKey)
	encoded, err := lines.Key(*keyFile, func() ([]byte, error) {
		key.Generate(rand.Reader)
		return key.Serialize(nil), nil
	})
	if err != nil {
		return err
	}
	if _, ok := key.Parse(encoded); !ok {
		return fmt.Errorf("no key is in %s", *keyFile)
	}
	e := &endpoint{out: lines.NewOut(out), conversation: otr.Conversation{PrivateKey: key, FragmentSize: *maxSize}}
	e.out.Printf("ready xcrypto v2")
	e.printFingerprints()
	if err := e.out.Done(nil); err != nil {
		return err
	}
	return lines.Serve(in, e.out, e.command)
}

// An endpoint is the application around one conversation.
type endpoint struct {
	out          *lines.Out
	conversation otr.Conversation
	finished     bool
	asked        bool   // SMP waits for our user
	bold         string // half of the session id that is ours, by what we sent last in the key exchange
}

var errWords = errors.New("unknown command, or wrong number of words")

// command carries out one line.
func (e *endpoint) command(words []string) error {
	if len(words) == 0 {
		return errWords
	}
	var args [][]byte
	for _, word := range words[1:] {
		b, err := lines.Bytes(word)
		if err != nil {
			return err
		}
		args = append(args, b)
	}
	switch name := words[0]; {
	case name == "start" && len(args) == 0:
		e.transmit([]byte(otr.QueryMessage))
	case name == "recv" && len(args) == 1:
		return e.receive(args[0])
	case name == "send" && len(args) == 1:
		return e.send(args[0])
	case name == "smp-start" && (len(args) == 1 || len(args) == 2):
		if e.asked {
			return errors.New("a request waits for its answer")
		}
		question := ""
		if len(args) == 2 {
			question = string(args[1])
		}
		return e.authenticate(question, args[0])
	case name == "smp-respond" && len(args) == 1:
		if !e.asked {
			return errors.New("nobody has asked")
		}
		return e.authenticate("", args[0])
	case name == "end" && len(args) == 0:
		e.transmit(e.conversation.End()...)
		e.finished, e.asked = false, false
		e.out.Printf("event gone-insecure reason=user")
	case name == "status" && len(args) == 0:
		e.printStatus()
	default:
		return errWords
	}
	return nil
}

// transmit prints messages.
func (e *endpoint) transmit(bodies ...[]byte) {
	for _, body := range bodies {
		e.out.Printf("wire %s", lines.Word(body))
	}
}

// receive hands a message to the conversation.
func (e *endpoint) receive(body []byte) error {
	text, encrypted, change, toSend, err := e.conversation.Receive(body)
	for _, b := range toSend {
		switch {
		case strings.Contains(string(b), "?OTR:AAIR"):
			e.bold = "first"
		case strings.Contains(string(b), "?OTR:AAIS"):
			e.bold = "second"
		}
	}
	e.transmit(toSend...)
	e.change(change)
	if err != nil {
		e.out.Printf("event rcvd-unreadable")
		return nil
	}
	switch {
	case len(text) == 0:
	case encrypted:
		e.out.Printf("msg encrypted %s", lines.Word(text))
	case e.conversation.IsEncrypted() || e.finished:
		e.out.Printf("event rcvd-unencrypted")
		e.out.Printf("msg plain-unexpected %s", lines.Word(text))
	default:
		e.out.Printf("msg plain %s", lines.Word(text))
	}
	return nil
}

// change reports what Receive says of the state.
func (e *endpoint) change(change otr.SecurityChange) {
	switch change {
	case otr.NewKeys:
		e.finished, e.asked = false, false
		e.out.Printf("event gone-secure version=2 ssid=%x bold=%s theirtag=00000000", e.conversation.SSID, e.bold)
	case otr.ConversationEnded:
		e.finished, e.asked = true, false
		e.out.Printf("event gone-insecure reason=peer")
	case otr.SMPSecretNeeded:
		e.asked = true
		if question := e.conversation.SMPQuestion(); question != "" {
			e.out.Printf("event smp-ask-answer pct=25 question=%s", lines.Word([]byte(question)))
		} else {
			e.out.Printf("event smp-ask-secret pct=25")
		}
	case otr.SMPComplete:
		e.out.Printf("event smp-success pct=100")
	case otr.SMPFailed:
		e.asked = false
		e.out.Printf("event smp-failure pct=100")
	}
}

func (e *endpoint) send(text []byte) error {
	toSend, err := e.conversation.Send(text)
	if e.finished {
		e.out.Printf("event connection-ended")
		return nil
	}
	e.transmit(toSend...)
	return err
}

func (e *endpoint) authenticate(question string, secret []byte) error {
	toSend, err := e.conversation.Authenticate(question, secret)
	e.asked = false
	e.transmit(toSend...)
	return err
}

func (e *endpoint) printStatus() {
	state, ssid, version := "plaintext", "-", 0
	switch {
	case e.finished:
		state = "finished"
	case e.conversation.IsEncrypted():
		state, ssid, version = "encrypted", fmt.Sprintf("%x", e.conversation.SSID), 2
	}
	e.out.Printf("status msgstate=%s authstate=- version=%d ssid=%s bold=%s smp=- trust=- tags=00000000,00000000", state, version, ssid, e.bold)
	e.printFingerprints()
}

func (e *endpoint) printFingerprints() {
	theirs := "-"
	if e.conversation.TheirPublicKey.P != nil {
		theirs = fmt.Sprintf("%x", e.conversation.TheirPublicKey.Fingerprint())
	}
	e.out.Printf("fp %x %s", e.conversation.PrivateKey.PublicKey.Fingerprint(), theirs)
}
