package session

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

// twoDevices is somebody whose contact is signed in twice, with a private conversation on each.
func twoDevices(t *testing.T) (h *hub, a, mike *person, desk, phone *program) {
	t.Helper()
	h, a, mike, desk = withProgram(t)
	phone = newProgram(t, h, mike.jid, "phone", a)
	phone.mu.Lock()
	phone.partner = h.fullOf(a.jid)
	phone.mu.Unlock()
	phone.say("from the phone")
	pass(time.Second)
	if d := a.contact(mike).Devices; len(d) != 2 {
		t.Fatalf("%+v\n%s", d, strings.Join(a.lines(), "\n"))
	}
	return h, a, mike, desk, phone
}

// fullOf is the address of somebody's only line.
func (h *hub) fullOf(user string) (full jid.JID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.users[user].lines {
		full = l.full
	}
	return full
}

func TestP13Devices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, desk, phone := twoDevices(t)
		device := func(resource string) Device {
			i := slices.IndexFunc(a.contact(mike).Devices, func(d Device) bool { return d.Resource == resource })
			if i < 0 {
				t.Fatalf("no %s in %+v", resource, a.contact(mike).Devices)
			}
			return a.contact(mike).Devices[i]
		}
		for resource, p := range map[string]*program{"other": desk, "phone": phone} {
			d := device(resource)
			if d.Tag != p.tag || d.Key != p.key.Fingerprint() || d.Version != 3 || d.Presence != PresenceOnline || d.Verified != NotVerified {
				t.Errorf("%+v", d)
			}
		}
		// A new device with another key takes nothing over.
		if !device("other").Selected || device("phone").Selected {
			t.Errorf("%+v", a.contact(mike).Devices)
		}
		toDesk, toPhone, again := canary(), canary(), canary()
		a.say(mike, toDesk)
		a.session.SelectDevice(a.ref(mike), phone.tag)
		synctest.Wait()
		if c := a.contact(mike); *c.Key != phone.key.Fingerprint() || c.SendMode != SendPrivately || !device("phone").Selected {
			t.Errorf("%+v", c)
		}
		a.say(mike, toPhone)
		desk.say("from the desk") // does not undo the choice
		a.say(mike, again)
		if got := desk.hearing(); !slices.Equal(got, []string{toDesk}) {
			t.Errorf("the desk heard %q", got)
		}
		if got := phone.hearing(); !slices.Equal(got, []string{toPhone, again}) {
			t.Errorf("the phone heard %q", got)
		}
		for _, l := range a.lines() {
			if strings.Contains(l, "unconfirmed") {
				t.Errorf("%s: its session goes on", l)
			}
		}
		a.session.SelectDevice(a.ref(mike), 12345) // there is none
		synctest.Wait()
		if !device("phone").Selected {
			t.Errorf("%+v", a.contact(mike).Devices)
		}
		h.assertSecret(t, "canary")
	})
}

// Among several devices texts go to a verified one, if it is there.
func TestP13VerifiedIsTheDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, desk := withProgram(t)
		a.session.SetVerified(a.ref(mike), *a.contact(mike).Key, true)
		synctest.Wait()
		phone := newProgram(t, h, mike.jid, "phone", a)
		phone.mu.Lock()
		phone.partner = h.fullOf(a.jid)
		phone.mu.Unlock()
		phone.say("from the phone")
		a.session.StartPrivate(a.ref(mike)) // and both answer
		pass(time.Second)
		phone.say("and once more")
		if c := a.contact(mike); c.Lock != Private || c.KeyChange != nil || c.SendMode != SendPrivately {
			t.Errorf("%+v", c)
		}
		x := canary()
		a.say(mike, x)
		if got := desk.hearing(); !slices.Equal(got, []string{x}) || len(phone.hearing()) != 0 {
			t.Errorf("desk %q, phone %q", got, phone.hearing())
		}
		// When it leaves, the other is a changed key, and the person is asked.
		desk.line.Close(t.Context())
		synctest.Wait()
		a.session.SelectDevice(a.ref(mike), phone.tag)
		synctest.Wait()
		if c := a.contact(mike); c.KeyChange == nil || c.SendMode != SendBlocked {
			t.Errorf("%+v", c)
		}
		h.assertSecret(t, "canary")
	})
}

// A device that goes away ends nothing by itself, and comes back to what there was.
func TestStalePresenceEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, m := withProgram(t)
		h.inject(a.jid, &xmpp.Presence{From: m.line.full, To: h.fullOf(a.jid), Type: xmpp.Unavailable})
		synctest.Wait()
		if c := a.contact(mike); c.Lock != Unverified || c.SendMode != SendWhenPrivate {
			t.Errorf("%+v", c)
		}
		m.say("I am here all the time")
		if c := a.contact(mike); c.Lock != Unverified || len(a.heard()) != 1 {
			t.Errorf("%+v %q", c, a.lines())
		}
	})
}

func TestP34Version2IsAPersonsChoice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("alice@sotto.test", "mike@sotto.test")
		h.befriend("alice@sotto.test", "mike@sotto.test")
		a := newPerson(t, h, "alice@sotto.test")
		m := newProgramSpeaking(otr.AllowV2|otr.RequireEncryption, t, h, "mike@sotto.test", "old", a)
		mike := &person{jid: "mike@sotto.test"}
		synctest.Wait()
		before := len(h.sent(a.jid))
		m.say("hello")
		if c := a.contact(mike); !c.OnlyV2 || !c.HasOTR || c.Lock != NotPrivate || c.AllowV2 || c.Version != 0 {
			t.Errorf("%+v", c)
		}
		if n := len(h.sent(a.jid)); n != before {
			t.Errorf("an offer of version 2 was answered: %q", h.sent(a.jid)[before:])
		}
		x, y := canary(), canary()
		id := a.say(mike, x)
		pass(2 * time.Minute)
		if s := a.entries[id].Status; s != StatusWaiting || len(m.hearing()) != 0 {
			t.Errorf("%s %q", statusNames[s], m.hearing())
		}
		a.session.AllowV2(a.ref(mike), true)
		a.session.StartPrivate(a.ref(mike))
		pass(time.Second)
		c := a.contact(mike)
		if c.Lock != Unverified || c.Version != 2 || !c.AllowV2 || len(c.Devices) != 1 || c.Devices[0].Version != 2 || c.Devices[0].Resource != "old" {
			t.Fatalf("%+v\n%s", c, strings.Join(a.lines(), "\n"))
		}
		a.say(mike, y)
		m.say("and back")
		if got := m.hearing(); !slices.Equal(got, []string{x, y}) || !a.heardText("and back") {
			t.Errorf("%q %q", got, a.lines())
		}
		// Another old client does not disturb the first: they cannot be told apart but by their addresses.
		second := newProgramSpeaking(otr.AllowV2|otr.RequireEncryption, t, h, "mike@sotto.test", "older", a)
		second.mu.Lock()
		second.partner = h.fullOf(a.jid)
		second.mu.Unlock()
		second.say("me too")
		z := canary()
		a.session.SelectDevice(a.ref(mike), 0)
		a.say(mike, z)
		if got := m.hearing(); !slices.Equal(got, []string{x, y, z}) {
			t.Errorf("%q\n%s", got, strings.Join(a.lines(), "\n"))
		}
		a.restart()
		if c := a.contact(mike); !c.AllowV2 {
			t.Errorf("after a restart: %+v", c)
		}
		a.session.AllowV2(a.ref(mike), false)
		a.session.StartPrivate(a.ref(mike))
		pass(2 * time.Minute)
		if c := a.contact(mike); c.Lock == Unverified || c.AllowV2 {
			t.Errorf("no longer allowed: %+v", c)
		}
		h.assertSecret(t, "canary")
	})
}

// A verified device that comes while an unverified one is written to takes its place: nothing is left to decide.
func TestP13AVerifiedDeviceComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, desk := withProgram(t)
		a.session.SetVerified(a.ref(mike), *a.contact(mike).Key, true)
		a.session.EndPrivate(a.ref(mike))
		synctest.Wait()
		desk.line.Close(t.Context())
		<-desk.ended
		phone := newProgram(t, h, mike.jid, "phone", a)
		phone.mu.Lock()
		phone.partner = h.fullOf(a.jid)
		phone.mu.Unlock()
		phone.say("from the phone")
		if c := a.contact(mike); c.KeyChange == nil || c.SendMode != SendBlocked {
			t.Fatalf("%+v", c)
		}
		desk.start(t, h, mike.jid, "other")
		desk.say("from the desk")
		if c := a.contact(mike); c.KeyChange != nil || c.Lock != Private || c.SendMode != SendPrivately || len(c.Devices) != 2 {
			t.Errorf("%+v", c)
		}
		x := canary()
		a.say(mike, x)
		phone.say("and again")
		y := canary()
		a.say(mike, y)
		if got := desk.hearing(); !slices.Equal(got, []string{x, y}) || len(phone.hearing()) != 0 {
			t.Errorf("desk %q, phone %q", got, phone.hearing())
		}
	})
}
