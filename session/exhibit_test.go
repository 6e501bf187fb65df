package session

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
)

// E-01 in a conversation between two Sottos: once it has ended, every text that was answered can be made to say something else, by either
// side, and the result checks under a key that went over the wire.
func TestE01WhatCouldSomebodyProve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		texts := []string{"I owe you 10 euro " + canary(), "I know " + canary(), "Tomorrow then " + canary(), "Good " + canary()}
		for i, text := range texts {
			from, to := a, b
			if i%2 == 1 {
				from, to = b, a
			}
			from.say(to, text)
		}
		before := b.session.Exhibits(b.ref(a))
		if len(before) != len(texts) || before[len(before)-2].Published {
			t.Fatalf("before the end: %+v", before)
		}
		if _, err := b.session.Forge(b.ref(a), before[len(before)-2].Number, "no"); err != ErrNotPublished {
			t.Errorf("before the key was published: %v", err)
		}
		b.session.EndPrivate(b.ref(a))
		synctest.Wait()
		wire := strings.Join(append(h.sent(a.jid), h.sent(b.jid)...), "\n")
		for _, p := range []*person{a, b} {
			other := a
			if p == a {
				other = b
			}
			all := p.session.Exhibits(p.ref(other))
			if len(all) != len(texts) {
				t.Fatalf("%s: %+v", p.jid, all)
			}
			forged := 0
			for i, e := range all {
				if e.Text != texts[i] || e.Ours != ((i%2 == 0) == (p == a)) {
					t.Errorf("%s: %+v", p.jid, e)
				}
				// Bob has ended, and has published everything that alice's texts were authenticated with.
				if !e.Published {
					if i%2 == 0 {
						t.Errorf("%s: the key of %q was not published", p.jid, e.Text)
					}
					continue
				}
				for _, instead := range []string{"I owe you 99999 euro, and I will pay them with interest before the end of the year", "no", e.Text + "."} {
					f, err := p.session.Forge(p.ref(other), e.Number, instead)
					if err != nil {
						t.Errorf("%q instead of %q: %v", instead, e.Text, err)
						continue
					}
					if !f.Checks || f.Bare || f.After == f.Before || f.Text != instead || !strings.Contains(wire, f.Before) || len(f.Key) != 40 {
						t.Errorf("%+v", f)
					}
					forged++
				}
			}
			if forged < 6 {
				t.Errorf("%s: %d forgeries", p.jid, forged)
			}
			if _, err := p.session.Forge(p.ref(other), 12345, "no"); err != ErrUnknown {
				t.Errorf("%v", err)
			}
			if _, err := p.session.Forge(p.ref(other), all[0].Number, strings.Repeat("x", 4000)); err != ErrCannotForge {
				t.Errorf("%v", err)
			}
		}
		h.assertSecret(t, "canary") // nothing of it is on the wire or in a file
		a.session.RemoveContact(a.ref(b))
		pass(time.Minute)
		account, _ := a.session.account(a.jid)
		account.ask(func() {
			if len(account.exhibits) != 0 {
				t.Errorf("%d exhibits of a contact who is forgotten", len(account.exhibits))
			}
		})
	})
}

// What anybody on the way says is not kept, and what is kept is bounded.
func TestExhibitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		var last string
		for range maxExhibits/10 + 1 {
			for range 10 {
				last = canary()
				a.say(b, last)
			}
			b.say(a, "yes")
		}
		large := strings.Repeat("x", MaxText-100)
		for range 40 {
			b.say(a, large)
		}
		bodies := h.sent(a.jid)
		h.inject(b.jid, &xmpp.Message{ID: "again", From: h.fullOf(a.jid), Type: xmpp.Chat, Body: bodies[len(bodies)-1]})
		synctest.Wait()
		account, _ := b.session.account(b.jid)
		account.ask(func() {
			size := 0
			for _, e := range account.exhibits {
				size += len(e.body)
			}
			if len(account.exhibits) > maxExhibits || size > maxExhibitBytes || len(account.exhibits) == 0 {
				t.Errorf("%d exhibits of %d bytes", len(account.exhibits), size)
			}
			if n := len(account.conversations[a.jid].macs); n > maxPublished || n == 0 {
				t.Errorf("%d keys", n)
			}
		})
	})
}

// What was not accepted publishes nothing: anybody on the way can write keys under a message, and have it ask for no answer when it
// cannot be read.
func TestKeysOfAForgedMessageAreNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		for range 3 {
			a.say(b, "one")
			b.say(a, "two")
		}
		a.say(b, "three") // publishes the keys of an earlier one
		account, _ := b.session.account(b.jid)
		known := func() (n int) {
			account.ask(func() { n = len(account.conversations[a.jid].macs) })
			return n
		}
		before := known()
		bodies := h.sent(a.jid)
		for i, change := range []func([]byte){
			func(raw []byte) { raw[11] |= 1 },         // IGNORE_UNREADABLE, so that the sum is wrong
			func(raw []byte) { raw[len(raw)-1] ^= 1 }, // another key under a message that has come before
		} {
			raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(bodies[len(bodies)-1], "?OTR:"), "."))
			if err != nil {
				t.Fatal(err)
			}
			change(raw)
			body := "?OTR:" + base64.StdEncoding.EncodeToString(raw) + "."
			if len(otr.PublishedMACKeys(body)) == 0 {
				t.Fatal("a message without keys")
			}
			h.inject(b.jid, &xmpp.Message{ID: fmt.Sprint("forged", i), From: h.fullOf(a.jid), Type: xmpp.Chat, Body: body})
			synctest.Wait()
		}
		if n := known(); before == 0 || n != before {
			t.Errorf("%d keys after a forged message, %d before", n, before)
		}
	})
}
