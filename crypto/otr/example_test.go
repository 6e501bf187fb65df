package otr_test

import (
	"crypto/rand"
	"fmt"

	"github.com/sotto-im/sotto/crypto/otr"
)

// A client makes its key and its instance tag once for each account, and keeps them.
func newClient() *otr.Config {
	key, err := otr.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	tag, err := otr.NewInstanceTag(rand.Reader)
	if err != nil {
		panic(err)
	}
	return &otr.Config{Key: key, Tag: tag, Policy: otr.PolicyManual}
}

// do carries out what a Conversation asks for: here the network is a call of the other side's Receive.
func do(name string, events []otr.Event, network func(body string)) {
	for _, e := range events {
		switch e := e.(type) {
		case otr.Transmit:
			network(e.Body)
		case otr.Message:
			fmt.Printf("%s reads %q, private: %t\n", name, e.Text, e.Encrypted)
		case otr.StateChange:
			fmt.Printf("%s: %v\n", name, e.New)
		}
	}
}

func Example() {
	alice, bob := otr.New(newClient()), otr.New(newClient())
	var toAlice, toBob func(string)
	toAlice = func(body string) { do("alice", alice.Receive(body), toBob) }
	toBob = func(body string) { do("bob", bob.Receive(body), toAlice) }

	do("alice", alice.Start(), toBob)
	events, err := alice.Send([]byte("hello"))
	if err != nil {
		panic(err)
	}
	do("alice", events, toBob)
	do("alice", alice.End(), toBob)

	// Output:
	// bob: Encrypted
	// alice: Encrypted
	// bob reads "hello", private: true
	// bob: Finished
	// alice: Plaintext
}

// Two people verify each other by a secret that both know: here the answer to a question.
func ExampleConversation_StartSMP() {
	alice, bob := otr.New(newClient()), otr.New(newClient())
	var deliver func(to, from *otr.Conversation, events []otr.Event)
	deliver = func(to, from *otr.Conversation, events []otr.Event) {
		for _, e := range events {
			switch e := e.(type) {
			case otr.Transmit:
				deliver(from, to, to.Receive(e.Body))
			case otr.SMPRequest: // shown to the user, who types an answer
				fmt.Println(e.Question)
				answer, err := from.AnswerSMP(e.ID, []byte("in the rain"))
				if err != nil {
					panic(err)
				}
				deliver(to, from, answer)
			case otr.SMPResult:
				fmt.Println("equal:", e.Outcome == otr.SMPSuccess, "this verifies the other:", e.Verifies())
			}
		}
	}
	deliver(bob, alice, alice.Start())
	question, err := alice.StartSMP("Where did we meet?", []byte("in the rain"))
	if err != nil {
		panic(err)
	}
	deliver(bob, alice, question)

	// Output:
	// Where did we meet?
	// equal: true this verifies the other: true
	// equal: true this verifies the other: false
}

// Receive takes in whatever arrives, and tells what it was. Whether a text was private stands beside it.
func ExampleConversation_Receive() {
	c := otr.New(newClient())
	for _, body := range []string{"hello", "what is ?OTR? anyway", "?OTRv2?", "?OTRv23?"} {
		for _, e := range c.Receive(body) {
			switch e := e.(type) {
			case otr.Message:
				fmt.Printf("%q, private: %t\n", e.Text, e.Encrypted)
			case otr.Rejected:
				fmt.Println("the other program speaks versions", e.Versions, "and we do not")
			case otr.Offer:
				fmt.Println("the other program speaks versions", e.Versions)
			case otr.Transmit:
				fmt.Println("to be sent:", e.Body[:9])
			}
		}
	}

	// Output:
	// "hello", private: false
	// "what is ?OTR? anyway", private: false
	// the other program speaks versions 2 and we do not
	// the other program speaks versions 2, 3
	// to be sent: ?OTR:AAMC
}

// Two programs agree on a key for a file that goes another way.
func ExampleConversation_UseExtraKey() {
	alice, bob := otr.New(newClient()), otr.New(newClient())
	var deliver func(to, from *otr.Conversation, events []otr.Event)
	var received [32]byte
	deliver = func(to, from *otr.Conversation, events []otr.Event) {
		for _, e := range events {
			switch e := e.(type) {
			case otr.Transmit:
				deliver(from, to, to.Receive(e.Body))
			case otr.ExtraKey:
				received = e.Key
				fmt.Printf("use %d: %s\n", e.Use, e.Data)
			}
		}
	}
	deliver(bob, alice, alice.Start())
	const encryptedFile = 1 // a number that both programs know
	key, events, err := alice.UseExtraKey(encryptedFile, []byte("holiday.jpg"))
	if err != nil {
		panic(err)
	}
	deliver(bob, alice, events)
	fmt.Println("equal:", key == received)

	// Output:
	// use 1: holiday.jpg
	// equal: true
}

// A text that may not leave in clear is the caller's to keep until there is a session, and to send only to the
// one it was meant for.
func ExampleConversation_Send() {
	config := newClient()
	config.Policy = otr.PolicyAlways
	c := otr.New(config)
	events, err := c.Send([]byte("between us"))
	fmt.Println(err)
	fmt.Println(events[0].(otr.Transmit).Body[:7])

	// Output:
	// otr: encryption is required and not yet established
	// ?OTRv3?
}
