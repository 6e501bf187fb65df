//go:build linux

package session

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/libotr"
	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// A conversation with Pidgin and pidgin-otr, whose texts are HTML inside OTR.
func TestInteropWithPidgin(t *testing.T) {
	withPeers(t)
	server := xmpptest.StartProsody(t, map[string]string{"alice": "alice's-password", "petra": "petra's-password"})
	alice := realPerson(t, server, "alice", "alice's-password")
	petra := &person{jid: "petra@" + xmpptest.Domain}

	t.Log("another client of hers makes them contacts")
	other := realPerson(t, server, "petra", "petra's-password")
	for _, p := range []*person{alice, other} {
		p.until("online", p.online)
	}
	if _, err := alice.session.AddContact(alice.jid, petra.jid, "Petra"); err != nil {
		t.Fatal(err)
	}
	other.until("a request", func() bool { return other.contact(alice).Wants })
	other.session.Accept(other.ref(alice))
	alice.until("both", func() bool { return alice.contact(petra).Subscription == SubscriptionBoth })
	other.session.Disconnect(other.jid)
	alice.until("the other client gone", func() bool { return alice.contact(petra).Presence == PresenceOffline })

	key, err := otr.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := libotr.FormatPrivateKeys([]libotr.PrivateKey{{Account: petra.jid + "/pidgin", Protocol: "prpl-jabber", Key: key}})
	if err != nil {
		t.Fatal(err)
	}
	pidgin := xmpptest.StartPidgin(t, server, "petra", "petra's-password", keys)
	alice.until("Pidgin online", func() bool { return alice.contact(petra).Presence == PresenceOnline })

	t.Log("OTR begins by itself; texts both ways, as plain text here and as HTML there")
	first, second, answer := canary(), "grüße & <b>no markup</b> "+canary(), canary()
	alice.write(petra, first)
	pidgin.Hears(t, first)
	alice.write(petra, second)
	pidgin.Say(t, alice.jid, "a &lt; b &amp;&amp; <b>bold</b> "+answer)
	alice.until("the answer", func() bool { return alice.heardText("a < b && bold " + answer) })
	if alice.key(petra) != key.Fingerprint() {
		t.Errorf("another key: %v", alice.key(petra))
	}
	third := "now <i>we</i> know & " + canary()
	alice.write(petra, third)
	pidgin.Hears(t, "now &lt;i&gt;we&lt;/i&gt; know &amp; ")

	t.Log("we ask, the answer is wrong; then right")
	if err := alice.session.Ask(alice.ref(petra), alice.key(petra), "Where did we meet?", []byte("Vienna")); err != nil {
		t.Fatal(err)
	}
	pidgin.Answer(t, "^Authenticate Buddy", "Graz")
	alice.until("the answers to differ", func() bool { return alice.smp.Stage == SMPFailed })
	if err := alice.session.Ask(alice.ref(petra), alice.key(petra), "And where was that again?", []byte("Vienna")); err != nil {
		t.Fatal(err)
	}
	pidgin.Answer(t, "^Authenticate Buddy", "Vienna")
	alice.until("Private", func() bool {
		return alice.contact(petra).Lock == Private && alice.contact(petra).Verified == ByQuestion
	})

	t.Log("a shared secret verifies both")
	if err := alice.session.Share(alice.ref(petra), alice.key(petra), []byte("blue")); err != nil {
		t.Fatal(err)
	}
	pidgin.Answer(t, "^Authenticate Buddy", "blue")
	alice.until("both verified", func() bool { return alice.contact(petra).Verified == BySecret && alice.contact(petra).VerifiedUs })

	t.Log("what Pidgin keeps of our key can be taken over by a Sotto of hers, and written again")
	written := pidgin.Kept(t, "otr.fingerprints")
	file, err := ReadKeyFile(written, "otr.fingerprints")
	if err != nil || file.Bad != 0 {
		t.Fatalf("%+v %v of\n%s", file, err, written)
	}
	ours := *alice.accounts[alice.jid].Fingerprint
	plan := other.session.PlanImport(file, other.session.AccountsOf(file))
	i := slices.IndexFunc(plan, func(k ImportedKey) bool { return k.Key == ours })
	if i < 0 || plan[i].Contact != alice.jid || plan[i].Claim != "smp" || plan[i].Verified || plan[i].Trust {
		t.Fatalf("%+v of\n%s", plan, written)
	}
	plan[i].Trust = true
	if n := other.session.Import(file, plan); n == 0 {
		t.Error("nothing was taken over")
	}
	verified := func() bool {
		return slices.ContainsFunc(other.session.KnownKeys(), func(c ContactKeys) bool {
			return c.Contact == alice.jid && slices.ContainsFunc(c.Keys, func(k Key) bool { return k.Fingerprint == ours && k.Verified == ByImport })
		})
	}
	other.until("the key counts as verified", verified)
	exported, _, left := other.session.ExportKeys(LikePidgin)
	again, err := libotr.ParseFingerprints(exported)
	if err != nil || left != 0 || !slices.ContainsFunc(again, func(f libotr.Fingerprint) bool {
		return f.Fingerprint == ours && f.Trust != "" && f.Protocol == "prpl-jabber"
	}) {
		t.Errorf("%v, %d left out of\n%s", err, left, exported)
	}

	t.Log("we end, and begin again")
	alice.session.EndPrivate(alice.ref(petra))
	alice.until("ended", func() bool { return alice.contact(petra).Lock == NotPrivate })
	alice.session.StartPrivate(alice.ref(petra))
	alice.until("Private again", func() bool { return alice.contact(petra).Lock == Private })

	for _, text := range []string{first, second, third, answer, "Vienna"} {
		if strings.Contains(server.Wire(), text) {
			t.Errorf("the server has seen %q", text)
		}
	}
}
