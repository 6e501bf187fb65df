//go:build unix

package session

import (
	"os"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// The conversations with programs that make interop installs. mcabber's is in make test, see TestWithMcabber.
func withPeers(t *testing.T) {
	t.Helper()
	if os.Getenv("SOTTO_INTEROP_PEERS") == "" {
		t.Skip("make interop runs it: SOTTO_INTEROP_PEERS=1")
	}
}

// A conversation with profanity, which speaks version 2 of OTR only: nothing before the person allows that, everything afterwards.
func TestInteropWithProfanity(t *testing.T) {
	withPeers(t)
	server := xmpptest.StartProsody(t, map[string]string{"alice": "alice's-password", "petra": "petra's-password"})
	alice := realPerson(t, server, "alice", "alice's-password")
	alice.until("online", alice.online)
	petra := &person{jid: "petra@" + xmpptest.Domain}
	profanity := xmpptest.StartProfanity(t, server, "petra", "petra's-password")

	t.Log("subscribe and accept, both ways")
	if _, err := alice.session.AddContact(alice.jid, petra.jid, "Petra"); err != nil {
		t.Fatal(err)
	}
	profanity.Await(t, "authorization request from "+alice.jid, profanity.Log)
	profanity.Do(t, "/msg "+alice.jid)
	profanity.Do(t, "/sub allow "+alice.jid)
	profanity.Do(t, "/sub request "+alice.jid)
	alice.until("both see each other", func() bool {
		c := alice.contact(petra)
		return c.Subscription == SubscriptionBoth && c.Presence == PresenceOnline
	})

	t.Log("it offers version 2: refused, and said so")
	history := func() string { return profanity.History(alice.jid) }
	first, second, answer := canary(), "grüße & <b>no markup</b> "+canary(), canary()
	alice.write(petra, first)
	profanity.Do(t, "/otr start "+alice.jid)
	alice.until("only version 2", func() bool { return alice.contact(petra).OnlyV2 && alice.contact(petra).Lock == NotPrivate })

	t.Log("the person allows it: texts both ways")
	alice.session.AllowV2(alice.ref(petra), true)
	alice.session.StartPrivate(alice.ref(petra))
	alice.until("private", func() bool { return alice.contact(petra).Lock == Unverified })
	alice.write(petra, second)
	profanity.Await(t, first, history)
	profanity.Await(t, second, history)
	profanity.Do(t, "/msg "+alice.jid+" "+answer)
	alice.until("the answer", func() bool { return alice.heardText(answer) })
	if heard := alice.hearing(); heard[len(heard)-1] != "< unverified "+answer {
		t.Errorf("heard %q", heard)
	}

	t.Log("we ask, the answer is wrong; then right")
	if err := alice.session.Ask(alice.ref(petra), alice.key(petra), "Where did we meet?", []byte("Vienna")); err != nil {
		t.Fatal(err)
	}
	profanity.Await(t, "Where did we meet?", profanity.Screen)
	profanity.Do(t, "/otr answer Graz")
	alice.until("the answers to differ", func() bool { return alice.smp.Stage == SMPFailed })
	if err := alice.session.Ask(alice.ref(petra), alice.key(petra), "And where was that again?", []byte("Vienna")); err != nil {
		t.Fatal(err)
	}
	profanity.Await(t, "And where was that again?", profanity.Screen)
	profanity.Do(t, "/otr answer Vienna")
	alice.until("Private", func() bool {
		return alice.contact(petra).Lock == Private && alice.contact(petra).Verified == ByQuestion
	})

	t.Log("it asks, and shares a secret")
	profanity.Do(t, `/otr question "Which colour?" blue`)
	alice.until("the question", func() bool { return alice.smp.Stage == SMPNeedsAnswer && alice.smp.Question == "Which colour?" })
	if err := alice.session.Answer(alice.ref(petra), alice.run().Number, []byte("blue")); err != nil {
		t.Fatal(err)
	}
	alice.until("their knowing us", func() bool { return alice.contact(petra).VerifiedUs })
	profanity.Await(t, "Authentication successful.", profanity.Screen) // else it would end this run with the next
	profanity.Do(t, "/otr secret green")
	alice.until("being asked", func() bool { return alice.smp.Stage == SMPNeedsAnswer && !alice.smp.Asked })
	if err := alice.session.Answer(alice.ref(petra), alice.run().Number, []byte("green")); err != nil {
		t.Fatal(err)
	}
	alice.until("success", func() bool { return alice.smp.Stage == SMPSucceeded })

	t.Log("it ends; sending stops until we begin again")
	profanity.Do(t, "/otr end")
	alice.until("Finished", func() bool { return alice.contact(petra).Lock == FinishedLock })
	alice.session.StartPrivate(alice.ref(petra))
	alice.until("Private again", func() bool { return alice.contact(petra).Lock == Private })

	for _, text := range []string{first, second, answer, "Vienna", "blue", "green"} {
		if strings.Contains(server.Wire(), text) {
			t.Errorf("the server has seen %q", text)
		}
	}
}
