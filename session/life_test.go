//go:build unix

package session

import (
	"context"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// lastSignUp is the last that somebody was told of an account in the making.
func (p *person) lastSignUp() SignUp {
	var last SignUp
	for _, e := range p.events {
		if s, ok := e.(SignUpChanged); ok {
			last = s.SignUp
		}
	}
	return last
}

func (p *person) lastTask() AccountTask {
	if all := p.tasks(); len(all) > 0 {
		return all[len(all)-1]
	}
	return AccountTask{}
}

// A life of an account through a real server: it is made, finds a contact, shows itself, is blocked and not any more, gets another
// password, and is deleted.
func TestLifeOfAnAccountThroughProsody(t *testing.T) {
	server := xmpptest.StartProsody(t, map[string]string{"alice": "alice's-password"}, xmpptest.SignUps)
	alice := realPerson(t, server, "alice", "alice's-password")
	alice.until("online", alice.online)

	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	carol := &person{t: t, jid: "carol@" + xmpptest.Domain, store: s, keyring: keyringDouble{}, roots: server.RootCAs}
	carol.open()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		carol.session.Close(ctx)
		<-carol.ended
		s.Close()
	})
	n, err := carol.session.SignUp(NewAccount{Domain: xmpptest.Domain, Server: server.Addr, TLS: "starttls"})
	if err != nil {
		t.Fatal(err)
	}
	carol.until("questions", func() bool { return carol.lastSignUp().Stage == SignUpAsks })
	answers := map[string][]string{"username": {"Alice"}, "password": {"secret"}, "email": {"me@example.org"}}
	carol.session.SubmitSignUp(n, answers)
	carol.until("a name that is taken", func() bool { return carol.lastSignUp().Refusal == RefusalNameTaken })
	answers["username"] = []string{"Carol"}
	carol.session.SubmitSignUp(n, answers)
	carol.until("an account, online", func() bool { return carol.lastSignUp().Stage == SignUpDone && carol.online() })

	if _, err := carol.session.Introduce(carol.jid, alice.jid, "Alice", "It's me,\nCarol & co"); err != nil {
		t.Fatal(err)
	}
	alice.until("the request", func() bool { c := alice.contact(carol); return c.Wants && c.Request == "It's me,\nCarol & co" })
	alice.session.Accept(alice.ref(carol))
	for _, p := range []*person{alice, carol} {
		other := map[*person]*person{alice: carol, carol: alice}[p]
		p.until("each other, and their programs", func() bool {
			c := p.contact(other)
			return c.Subscription == SubscriptionBoth && len(c.Resources) == 1 && c.Resources[0].Software == "Sotto" && c.Resources[0].Device == "pc"
		})
	}
	carol.session.SetPresence(carol.jid, PresenceBusy, "in a <meeting>")
	alice.until("how Carol is", func() bool {
		c := alice.contact(carol)
		return c.Presence == PresenceBusy && c.Status == "in a <meeting>"
	})
	alice.session.SetGroups(alice.ref(carol), []string{"friends & family"})
	alice.until("the group", func() bool {
		c := alice.contact(carol)
		return len(c.Groups) == 1 && c.Groups[0] == "friends & family"
	})

	// They write in clear, and see each other type.
	for _, p := range []*person{alice, carol} {
		p.session.SetAccountPolicy(p.jid, ByHand)
		p.until("the policy", func() bool { return p.accounts[p.jid].Policy == ByHand })
	}
	carol.until("what Alice's program understands", func() bool { return carol.contact(alice).SendMode == SendUnencrypted })
	carol.session.Typing(carol.ref(alice))
	alice.until("typing", func() bool { return alice.contact(carol).Typing == TypingNow })
	if _, err := carol.session.Send(carol.ref(alice), "hello", SendUnencrypted); err != nil {
		t.Fatal(err)
	}
	alice.until("the text, and nobody typing", func() bool { return alice.heardText("hello") && alice.contact(carol).Typing == TypingNothing })

	// Blocked, Carol learns no more than that Alice is not there.
	if err := alice.session.Block(alice.ref(carol)); err != nil {
		t.Fatal(err)
	}
	alice.until("blocked", func() bool { return alice.contact(carol).Blocked && len(alice.blockedOf().Addresses) == 1 })
	carol.until("nobody there", func() bool { return carol.contact(alice).Presence == PresenceOffline })
	if err := alice.session.Unblock(alice.ref(carol)); err != nil {
		t.Fatal(err)
	}
	carol.until("Alice again", func() bool { return carol.contact(alice).Presence == PresenceOnline })
	alice.session.SetPresence(alice.jid, PresenceInvisible, "")
	carol.until("nobody there", func() bool { return carol.contact(alice).Presence == PresenceOffline })
	alice.session.SetPresence(alice.jid, PresenceOnline, "")
	for _, p := range []*person{alice, carol} {
		other := map[*person]*person{alice: carol, carol: alice}[p]
		p.until("each other again", func() bool { return p.contact(other).Presence != PresenceOffline })
	}

	if err := carol.session.ChangePassword(carol.jid, []byte("another")); err != nil {
		t.Fatal(err)
	}
	carol.until("another password", func() bool { return carol.lastTask().Stage == TaskDone })
	carol.session.Disconnect(carol.jid)
	carol.until("offline", func() bool { return carol.accounts[carol.jid].State == Offline })
	carol.session.Connect(carol.jid)
	carol.until("online with it", carol.online)
	if err := carol.session.DeleteAccount(carol.jid); err != nil {
		t.Fatal(err)
	}
	carol.until("nothing left", func() bool {
		_, there := carol.accounts[carol.jid]
		return !there && carol.lastTask() == AccountTask{JID: carol.jid, Kind: DeletingAccount, Stage: TaskDone}
	})
	alice.until("Carol gone", func() bool { return alice.contact(carol).Presence == PresenceOffline })
}
