//go:build unix

package xmpp

import (
	"slices"
	"testing"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

// An account from its first day to its last, through a real server: made, used, given another password, deleted.
func TestAccountThroughProsody(t *testing.T) {
	accountThrough(t, xmpptest.StartProsody(t, map[string]string{"taken": "x"}, xmpptest.SignUps))
}

func accountThrough(t *testing.T, server *xmpptest.Server) {
	for _, where := range []Config{{Server: server.Addr, TLS: TLSStart}, {Server: server.Direct, TLS: TLSDirect}} {
		where.JID, where.RootCAs = jid.MustParse(xmpptest.Domain), server.RootCAs
		r, err := Register(within(t), where, "")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		t.Log(describe(r.Form()))
		answers := map[string][]string{"username": {"taken"}, "password": {"pass & wörd"}}
		asks := func(name string) bool {
			return slices.ContainsFunc(r.Form().Fields, func(f Field) bool { return f.Name == name && f.Required })
		}
		submit := func() error {
			if asks("ocr") { // a new picture each time
				answers["ocr"] = []string{server.Captcha()}
			}
			return r.Submit(within(t), answers)
		}
		if asks("email") {
			if err := submit(); registerKind(err) != Incomplete {
				t.Errorf("without the address: %v", err)
			}
			answers["email"] = []string{"me@example.org"}
		}
		if asks("ocr") {
			if err := r.Submit(within(t), answers); registerKind(err) != Incomplete {
				t.Errorf("without a word about the picture: %v", err)
			}
			i := slices.IndexFunc(r.Form().Fields, func(f Field) bool { return f.Name == "ocr" })
			if picture := r.Form().Fields[i].Picture; string(picture) != xmpptest.CaptchaPicture {
				t.Errorf("the picture is %q", picture)
			}
			answers["ocr"] = []string{"something else"}
			if err := r.Submit(within(t), answers); registerKind(err) != ChallengeFailed {
				t.Errorf("the picture read wrongly: %v", err)
			}
		}
		if err := submit(); registerKind(err) != NameTaken {
			t.Errorf("a name that is taken: %v", err)
		}
		answers["username"] = []string{"newcomer"}
		if err := submit(); err != nil {
			t.Fatal(err)
		}

		login := where
		login.JID, login.Resource, login.Password = jid.MustParse("newcomer@"+xmpptest.Domain), "sotto-1", []byte("pass & wörd")
		c := connect(t, login)
		if err := c.ChangePassword(within(t), []byte("another <one>")); err != nil {
			t.Fatal(err)
		}
		c.Close(within(t))
		if _, err := Connect(within(t), login); kindOf(err) != WrongPassword {
			t.Errorf("the old password: %v", err)
		}
		login.Password = []byte("another <one>")
		c = connect(t, login)
		if err := c.DeleteAccount(within(t)); err != nil {
			t.Fatal(err)
		}
		c.Close(within(t))
		if _, err := Connect(within(t), login); kindOf(err) != WrongPassword && kindOf(err) != AccountRefused {
			t.Errorf("the account is still there: %v", err)
		}
	}
}

// Blocking through a real server: what is blocked does not come, other clients are told, and it lasts.
func TestBlockingThroughProsody(t *testing.T) {
	blockingThrough(t, xmpptest.StartProsody(t, accounts))
}

func blockingThrough(t *testing.T, server *xmpptest.Server) {
	phone := config(server, "alice")
	phone.Resource = "sotto-2"
	alice, other, bob := connect(t, config(server, "alice")), connect(t, phone), connect(t, config(server, "bob"))
	if _, err := other.Blocked(within(t)); err != nil {
		t.Fatal(err) // who has asked is told of changes (XEP-0191 section 3.3)
	}
	address := bob.JID().Bare()
	if list, err := alice.Blocked(within(t)); err != nil || len(list) != 0 {
		t.Fatalf("%v, %v", list, err)
	}
	if err := alice.Block(within(t), address); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Conn{alice, other} {
		want(t, c, "push", func(p *BlockPush) bool { return len(p.Blocked) == 1 && p.Blocked[0].Equal(address) })
	}
	bob.Send(Message{ID: "blocked", To: alice.JID().Bare(), Type: Chat, Body: "do you hear me"})
	want(t, bob, "refusal", func(m *Message) bool { return m.Type == ErrorMessage && m.ID == "blocked" })
	if err := alice.Unblock(within(t), address); err != nil {
		t.Fatal(err)
	}
	want(t, alice, "push", func(p *BlockPush) bool { return len(p.Unblocked) == 1 })
	bob.Send(Message{ID: "free", To: alice.JID(), Type: Chat, Body: "and now"})
	want(t, alice, "message", func(m *Message) bool {
		if m.Body == "do you hear me" {
			t.Error("a blocked message came")
		}
		return m.Body == "and now"
	})
}
