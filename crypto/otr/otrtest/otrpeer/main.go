// Otrpeer is an endpoint made of package otr, without a network, for tests that hold it against other
// implementations or against hostile ones. It reads one command per line on its standard input and prints its results
// as lines on its standard output. Byte strings are standard base64 with padding, the empty one is "-". Words are
// separated by one space. It prints "ready ...", "fp ...", "done" when it starts, and "done" after each command.
//
//	start                      the user asks for a private conversation
//	recv WIRE                  a message arrived from the network
//	send TEXT                  the user types a text
//	smp-start SECRET [QUESTION], smp-respond SECRET, smp-abort
//	end                        the user ends the private conversation
//	symkey USE DATA            uses the extra symmetric key; USE is a number
//	status                     prints "status k=v ..." for each client of the correspondent, and "fp"
//	debug-keys                 prints the Diffie-Hellman keys of the session
//	tlv TYPE VALUE [TEXT]      sends a data message with any record
//	policy LIST, max N         change an option
//	clock SECONDS              moves the clock forward
//	poll                       does what is to be done once a minute
//	select best|recent|master|HEX  which client to talk to; master is the one that speaks version 2
//	loggedin 0|1               whether the correspondent is there: when not, nothing is sent at the end
//	quit
//
//	wire B64                   is to be handed to the other side, in order
//	msg encrypted|plain|plain-unexpected B64
//	fp OURS THEIRS             fingerprints, 40 digits or "-"
//	event NAME k=v ...
//	status k=v ...
//	key WHAT id=N value=HEX
//	error TEXT                 the command failed or does not apply
//	done
//
// Like any application it decides what is not for package otr to decide: it keeps texts that had to wait for a private
// conversation and sends them when it is there, in order, though only to the key that it knew when they were typed.
// Nothing it reads ends it but quit and the end of its input.
package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest/lines"
)

func main() {
	if err := run(os.Stdin, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "otrpeer:", err)
		os.Exit(2)
	}
}

func run(in io.Reader, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("otrpeer", flag.ContinueOnError)
	flags.String("account", "", "`name` of the account (no use is made of it)")
	flags.String("peer", "", "`name` of the correspondent (no use is made of it)")
	keyFile := flags.String("key", "", "`file` of the private key, made when missing")
	policies := flags.String("policy", "v3", "comma-separated `list` of v2 v3 require sendtag starttag errstart, or manual, opportunistic, always, never")
	maxSize := flags.Int("max", 0, "`bytes` that a message may have, 0 for any number")
	tag := flags.String("instag", "", "instance tag, `hexadecimal`; one is made up when missing")
	if err := flags.Parse(args); err != nil {
		return err
	}

	encoded, err := lines.Key(*keyFile, generate)
	if err != nil {
		return err
	}
	key, err := otr.ParsePrivateKey(encoded)
	if err != nil {
		return err
	}
	own, err := ownTag(*tag)
	if err != nil {
		return err
	}
	policy, policyErr := parsePolicy(*policies)
	e := newEndpoint(out, &otr.Config{Key: key, Tag: own, Policy: policy, MaxSize: *maxSize})
	e.out.Printf("ready sotto v2 v3")
	e.printFingerprints()
	if err := e.out.Done(policyErr); err != nil {
		return err
	}
	return lines.Serve(in, e.out, e.command)
}

func generate() ([]byte, error) {
	key, err := otr.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return key.Bytes(), nil
}

func ownTag(s string) (otr.InstanceTag, error) {
	if s == "" {
		return otr.NewInstanceTag(rand.Reader)
	}
	return parseTag(s)
}

func parseTag(s string) (otr.InstanceTag, error) {
	n, err := strconv.ParseUint(s, 16, 32)
	if err == nil && n < 0x100 {
		err = errors.New("instance tag is below 00000100")
	}
	return otr.InstanceTag(n), err
}

// parsePolicy returns what it knows of a list, also when it returns an error.
func parsePolicy(list string) (policy otr.Policy, err error) {
	words := map[string]otr.Policy{
		"v2":            otr.AllowV2,
		"v3":            otr.AllowV3,
		"require":       otr.RequireEncryption,
		"sendtag":       otr.SendWhitespaceTag,
		"starttag":      otr.WhitespaceStartAKE,
		"errstart":      otr.ErrorStartAKE,
		"manual":        otr.PolicyManual,
		"opportunistic": otr.PolicyOpportunistic,
		"always":        otr.PolicyAlways,
		"never":         otr.PolicyNever,
	}
	for word := range strings.SplitSeq(list, ",") {
		p, ok := words[word]
		if !ok {
			err = fmt.Errorf("unknown policy %q", word)
		}
		policy |= p
	}
	return policy, err
}

// now is the clock that the command clock moves.
func (e *endpoint) now() time.Time { return time.Now().Add(e.ahead) }
