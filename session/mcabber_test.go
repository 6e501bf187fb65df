//go:build unix

package session

import (
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// A conversation with mcabber through Prosody: a client and an OTR library that nobody here wrote.
func TestWithMcabber(t *testing.T) {
	server := xmpptest.StartProsody(t, map[string]string{"alice": "alice's password", "mike": "mike's password"})
	alice := realPerson(t, server, "alice", "alice's password")
	alice.until("online", alice.online)
	mike := &person{jid: "mike@" + xmpptest.Domain}
	mcabber := xmpptest.StartMcabber(t, server, "mike", "mike's password")

	t.Log("subscribe and accept, both ways")
	if _, err := alice.session.AddContact(alice.jid, mike.jid, "Mike"); err != nil {
		t.Fatal(err)
	}
	mcabber.Await(t, "wants to subscribe", mcabber.Trace)
	mcabber.Do(t, "/event * accept")
	mcabber.Do(t, "/add "+alice.jid)
	alice.until("both see each other", func() bool {
		c := alice.contact(mike)
		return c.Subscription == SubscriptionBoth && c.Presence == PresenceOnline
	})

	t.Log("OTR begins by itself; texts both ways")
	history := func() string { return mcabber.History(alice.jid) }
	first, second, answer := canary(), "grüße & <b>no markup</b> "+canary(), canary()
	alice.write(mike, first)
	alice.write(mike, second)
	mcabber.Await(t, first, history)
	mcabber.Await(t, second, history)
	mcabber.Do(t, "/say_to "+alice.jid+" "+answer)
	alice.until("the answer", func() bool { return alice.heardText(answer) })
	if heard := alice.hearing(); heard[len(heard)-1] != "< unverified "+answer {
		t.Errorf("heard %q", heard)
	}

	t.Log("we ask, the answer is wrong; then right")
	mcabber.Open(t, alice.jid)
	key := alice.key(mike)
	if err := alice.session.Ask(alice.ref(mike), key, "Where did we meet?", []byte("Vienna")); err != nil {
		t.Fatal(err)
	}
	mcabber.Await(t, "Where did we meet?", mcabber.Screen)
	mcabber.Do(t, "/otr smpr "+alice.jid+" Graz")
	alice.until("the answers to differ", func() bool { return alice.smp.Stage == SMPFailed })
	if err := alice.session.Ask(alice.ref(mike), key, "And where was that again?", []byte("Vienna")); err != nil {
		t.Fatal(err)
	}
	mcabber.Await(t, "And where was that again?", mcabber.Screen)
	mcabber.Do(t, "/otr smpr "+alice.jid+" Vienna")
	alice.until("Private", func() bool { return alice.contact(mike).Lock == Private })
	if alice.contact(mike).Verified != ByQuestion {
		t.Errorf("verified by %d", alice.contact(mike).Verified)
	}

	t.Log("mcabber begins with a shared secret: it knows us too, and says so")
	mcabber.Do(t, "/otr smpq "+alice.jid+" blue")
	alice.until("being asked", func() bool { return alice.smp.Stage == SMPNeedsAnswer })
	if alice.run().Asked {
		t.Errorf("asked %q, though mcabber has no questions", alice.run().Question)
	}
	if err := alice.session.Answer(alice.ref(mike), alice.run().Number, []byte("blue")); err != nil {
		t.Fatal(err)
	}
	alice.until("their knowing us", func() bool { return alice.contact(mike).VerifiedUs })
	ours := strings.ToLower(compact(*alice.accounts[alice.jid].Fingerprint))
	mcabber.Await(t, ours+"\tsmp", mcabber.Fingerprints)

	t.Log("mcabber ends; sending stops until we begin again")
	mcabber.Do(t, "/otr stop "+alice.jid)
	alice.until("Finished", func() bool { return alice.contact(mike).Lock == FinishedLock })
	if _, err := alice.session.Send(alice.ref(mike), canary(), SendPrivately); err != ErrEnded {
		t.Errorf("sending to Finished: %v", err)
	}
	alice.session.StartPrivate(alice.ref(mike))
	alice.until("Private again", func() bool { return alice.contact(mike).Lock == Private })

	for _, text := range []string{first, second, answer, "Vienna", "blue"} {
		if strings.Contains(server.Wire(), text) {
			t.Errorf("the server has seen %q", text)
		}
	}
}
