package session

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

// A program is a client that is not ours, as many are: it has OTR and insists on it, confirms what it could read, complains of what it
// could not, and knows nothing of what two of ours tell each other.
type program struct {
	line  *hubLine
	key   *otr.PrivateKey
	tag   otr.InstanceTag
	speak otr.Policy
	ended chan struct{}

	mu      sync.Mutex
	talk    *otr.Conversation
	partner jid.JID // the client that wrote last
	heard   []string
	waiting []string // until there is a session
	silent  bool     // it confirms nothing
}

// newProgram signs in as somebody of the hub.
func newProgram(t *testing.T, h *hub, name, resource string, partner *person) *program {
	t.Helper()
	return newProgramSpeaking(otr.PolicyAlways, t, h, name, resource, partner)
}

// newProgramSpeaking is newProgram with another policy.
func newProgramSpeaking(speak otr.Policy, t *testing.T, h *hub, name, resource string, partner *person) *program {
	t.Helper()
	key, err := otr.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := otr.NewInstanceTag(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{key: key, tag: tag, speak: speak, partner: jid.MustParse(partner.jid)}
	p.start(t, h, name, resource)
	t.Cleanup(func() {
		p.line.Close(t.Context())
		<-p.ended
	})
	return p
}

// start is the program beginning to run, with nothing in its memory but its key.
func (p *program) start(t *testing.T, h *hub, name, resource string) {
	t.Helper()
	line, err := h.connect(xmpp.Config{JID: jid.MustParse(name), Resource: resource, Password: []byte("secret of " + name)})
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.line, p.ended, p.waiting = line, make(chan struct{}), nil
	p.talk = otr.New(&otr.Config{Key: p.key, Tag: p.tag, Policy: p.speak, Time: time.Now})
	ended := p.ended
	p.mu.Unlock()
	go func() {
		defer close(ended)
		for e := range line.Events() {
			if m, ok := e.(*xmpp.Message); ok && m.Body != "" && m.Type != xmpp.ErrorMessage {
				p.take(m)
			}
		}
	}()
}

// forget is the program dying and being there again, so quickly that nobody saw its presence change.
func (p *program) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.talk = otr.New(&otr.Config{Key: p.key, Tag: p.tag, Policy: p.speak, Time: time.Now})
	p.waiting = nil
}

func (p *program) take(m *xmpp.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.partner = m.From
	for _, e := range p.talk.Receive(m.Body) {
		switch e := e.(type) {
		case otr.Transmit:
			p.send(e)
		case otr.Message:
			p.heard = append(p.heard, string(e.Text))
			if m.WantReceipt && !p.silent {
				p.line.Send(xmpp.Message{ID: xmpp.NewID(), To: m.From, Type: xmpp.Chat, Receipt: m.ID})
			}
		case otr.StateChange:
			if e.New == otr.Encrypted {
				waiting := p.waiting
				p.waiting = nil
				for _, text := range waiting {
					p.write(text)
				}
			}
		case otr.Rejected:
			if e.Reason == otr.NotPrivate {
				p.line.Send(xmpp.Message{ID: xmpp.NewID(), To: m.From, Type: xmpp.Chat, OTR: true, Body: "?OTR Error: You sent encrypted data to me, who was not expecting it."})
			}
		}
	}
}

func (p *program) send(t otr.Transmit) {
	p.line.Send(xmpp.Message{ID: xmpp.NewID(), To: p.partner, Type: xmpp.Chat, Body: t.Body, OTR: otr.IsOTR(t.Body), WantReceipt: t.Text})
}

// write sends a text, or keeps it until there is a session, which it then asks for with every line.
func (p *program) write(text string) {
	events, err := p.talk.Send([]byte(text))
	if err != nil {
		p.waiting = append(p.waiting, text)
		events = p.talk.Start()
	}
	for _, e := range events {
		if t, ok := e.(otr.Transmit); ok {
			p.send(t)
		}
	}
}

// say writes when everything has settled.
func (p *program) say(texts ...string) {
	p.mu.Lock()
	for _, text := range texts {
		p.write(text)
	}
	p.mu.Unlock()
	synctest.Wait()
}

func (p *program) hearing() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

// withProgram is somebody whose contact uses another program.
func withProgram(t *testing.T) (*hub, *person, *person, *program) {
	t.Helper()
	h := newHub("alice@sotto.test", "mike@sotto.test")
	h.befriend("alice@sotto.test", "mike@sotto.test")
	a := newPerson(t, h, "alice@sotto.test")
	m := newProgram(t, h, "mike@sotto.test", "other", a)
	mike := &person{jid: "mike@sotto.test"}
	synctest.Wait()
	a.session.Opened(a.ref(mike))
	synctest.Wait()
	if l := a.contact(mike).Lock; l != Unverified {
		t.Fatalf("no private conversation: %+v", a.contact(mike))
	}
	return h, a, mike, m
}

func twenty() []string {
	var texts []string
	for range 20 {
		texts = append(texts, canary())
	}
	return texts
}

// sayAll types lines without looking up.
func (p *person) sayAll(other *person, texts []string) []EntryID {
	p.t.Helper()
	var ids []EntryID
	for _, text := range texts {
		p.mu.Lock()
		mode := p.contact(other).SendMode
		p.mu.Unlock()
		id, err := p.session.Send(p.ref(other), text, mode)
		if err == ErrModeChanged {
			id, err = p.session.Send(p.ref(other), text, SendWhenPrivate)
		}
		if err != nil {
			p.t.Fatalf("%s: %v", p.jid, err)
		}
		ids = append(ids, id)
	}
	return ids
}

// decideAgain is a person who sends again whatever may not have arrived.
func (p *person) decideAgain(other *person) {
	var ids []EntryID
	p.mu.Lock()
	for _, id := range p.order {
		if e := p.entries[id]; e.Kind == Outgoing && (e.Status == StatusUnconfirmed || e.Status == StatusFailed) {
			ids = append(ids, id)
		}
	}
	p.mu.Unlock()
	for _, id := range ids {
		p.session.Retry(p.ref(other), id)
	}
	synctest.Wait()
}

func TestP10AnErrorMakesTheNextTextWaitForFreshKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, m := withProgram(t)
		a.say(mike, canary())
		m.forget()
		x, y := canary(), canary()
		first := a.say(mike, x)
		if s := a.entries[first].Status; s != StatusUnconfirmed || a.contact(mike).SendMode != SendWhenPrivate || !a.has(NoticePeerError) {
			t.Errorf("%s %+v %q", statusNames[s], a.contact(mike), a.lines())
		}
		before := len(h.sent(a.jid))
		pass(time.Minute)
		if sent := h.sent(a.jid); len(sent) != before {
			t.Errorf("an error was answered: %.40q", sent[before:])
		}
		second := a.say(mike, y)
		if sent := h.sent(a.jid)[before]; !strings.HasPrefix(sent, "?OTRv") {
			t.Errorf("the next thing is %.40q", sent)
		}
		if got := m.hearing(); !slices.Equal(got[1:], []string{y}) || a.entries[second].Status != StatusDelivered {
			t.Errorf("%q %q", got, a.lines())
		}
		if s := a.entries[first].Status; s != StatusUnconfirmed {
			t.Errorf("sent again to a program that may show it twice: %s", statusNames[s])
		}
		a.decideAgain(mike)
		if got := m.hearing(); !slices.Equal(got[1:], []string{y, x}) || a.entries[first].Status != StatusDelivered {
			t.Errorf("%q %q", got, a.lines())
		}
		h.assertSecret(t, "canary")
	})
}

// Who says again and again that nothing can be read makes us compute no more than somebody who says it once in a while.
func TestP10AFloodOfErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, m := withProgram(t)
		before := len(h.sent(a.jid))
		for i := range 200 {
			h.inject(a.jid, &xmpp.Message{ID: xmpp.NewID(), From: m.line.full, Type: xmpp.Chat, Body: "?OTR Error: what?"})
			synctest.Wait()
			a.say(mike, canary())
			if i == 0 && a.contact(mike).Lock != Unverified {
				t.Errorf("anybody can end a private conversation: %+v", a.contact(mike))
			}
			pass(time.Second)
		}
		queries := 0
		for _, body := range h.sent(a.jid)[before:] {
			if strings.HasPrefix(body, "?OTRv") {
				queries++
			}
		}
		if most := 200/int(doubtEvery/time.Second) + 1; queries == 0 || queries > most {
			t.Errorf("%d key exchanges, at most %d are sensible", queries, most)
		}
		if n := len(m.hearing()); n != 200 {
			t.Errorf("%d texts arrived\n%s", n, strings.Join(a.lines(), "\n"))
		}
		h.assertSecret(t, "canary")
	})
}

// An error from another of their clients says nothing about the session with this one.
func TestP10AnErrorOfAnotherClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, mike, _ := withProgram(t)
		h.inject(a.jid, &xmpp.Message{ID: "e", From: jid.MustParse(mike.jid + "/phone"), Type: xmpp.Chat, Body: "?OTR Error: what?"})
		synctest.Wait()
		if m := a.contact(mike).SendMode; m != SendPrivately {
			t.Errorf("mode %d", m)
		}
	})
}

// The other program dies while both write, and comes back: nothing is lost, nothing comes twice, and it takes few stanzas.
func TestCrashWhileBothWriteWithAProgram(t *testing.T) {
	for _, confirms := range []string{"confirms", "confirms nothing"} {
		t.Run(confirms, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, mike, m := withProgram(t)
				m.silent = confirms != "confirms"
				a.say(mike, "hello")
				m.say("hello")
				before := len(h.wire)
				m.forget()
				ours, theirs := twenty(), twenty()
				a.sayAll(mike, ours)
				m.say(theirs...)
				pass(time.Minute)
				for _, text := range ours {
					if n := times(m.hearing(), text); n > 1 {
						t.Errorf("%s came %d times by itself", text, n)
					}
				}
				a.decideAgain(mike)
				pass(time.Minute)
				for _, text := range ours {
					// Where nothing is ever confirmed, this person also sends again what had arrived.
					if n := times(m.hearing(), text); n < 1 || n > 1 && !m.silent {
						t.Errorf("mike heard %s %d times\n%s", text, n, strings.Join(a.lines(), "\n"))
					}
				}
				if got := a.heard()[1:]; !slices.EqualFunc(got, theirs, func(l, text string) bool { return strings.HasSuffix(l, " "+text) }) {
					t.Errorf("alice heard %d: %q", len(got), got)
				}
				if n := len(h.wire) - before; n > 320 { // 20 texts each way, receipts, errors, queries, answers
					t.Errorf("a flood of %d stanzas", n)
				}
				h.assertSecret(t, "canary")
			})
		})
	}
}

// The same with two of ours. What was sent to the dead one is offered for sending again: it may have been read before.
func TestCrashWhileBothWrite(t *testing.T) {
	for _, how := range []string{"seen", "unseen"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a, b := private(t)
				a.say(b, "hello")
				b.say(a, "hello")
				before := len(h.wire)
				b.die(how == "seen")
				ours, theirs := twenty(), twenty()
				a.sayAll(b, ours)
				b.open()
				synctest.Wait()
				b.sayAll(a, theirs)
				pass(time.Minute)
				a.decideAgain(b)
				pass(time.Minute)
				var heard []string
				for _, l := range b.heard() {
					heard = append(heard, strings.TrimPrefix(l, "< unverified "))
				}
				if !slices.Equal(slices.Sorted(slices.Values(heard)), slices.Sorted(slices.Values(ours))) {
					t.Errorf("bob heard %d:\n%s\n%s", len(heard), strings.Join(heard, "\n"), strings.Join(a.lines(), "\n"))
				}
				if got := a.heard()[1:]; !slices.EqualFunc(got, theirs, func(l, text string) bool { return l == "< unverified "+text }) {
					t.Errorf("alice heard %d: %q", len(got), got)
				}
				if n := len(h.wire) - before; n > 200 {
					t.Errorf("a flood of %d stanzas", n)
				}
				h.assertSecret(t, "canary")
			})
		})
	}
}

// die is the program being killed: nobody is told, but whoever sees its presence sees it go, sooner or later.
func (p *person) die(seen bool) {
	p.hub.mu.Lock()
	tamper, quiet := p.hub.tamper, p.hub.quiet
	p.hub.tamper = func(m *xmpp.Message) bool { return m.From.Bare().String() != p.jid }
	p.hub.quiet = !seen
	p.hub.mu.Unlock()
	p.close()
	synctest.Wait()
	p.hub.mu.Lock()
	p.hub.tamper, p.hub.quiet = tamper, quiet
	p.hub.mu.Unlock()
}

func TestClearTextIsWrittenAgainUnderItsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), ByHand)
		b.session.SetPolicy(b.ref(a), ByHand)
		synctest.Wait()
		x, y, z := canary(), canary(), canary()
		h.noAcks = true
		first := a.say(b, x) // arrives, and its receipt does not
		h.tamper = func(m *xmpp.Message) bool { return false }
		second := a.say(b, y)
		h.tamper = nil
		h.cut(a.jid, xmpp.Unreachable)
		synctest.Wait()
		h.noAcks = false
		third := a.say(b, z)
		for id, want := range map[EntryID]Status{second: StatusUnconfirmed, third: StatusWaiting} {
			if s := a.entries[id].Status; s != want {
				t.Errorf("%s, want %s", statusNames[s], statusNames[want])
			}
		}
		pass(30 * time.Second)
		want := []string{"< clear " + x, "< clear " + y, "< clear " + z}
		got := b.heard()
		for i := range got {
			got[i] = strings.Replace(got[i], "forged?", "clear", 1)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		for _, id := range []EntryID{first, second, third} {
			if s := a.entries[id].Status; s != StatusDelivered && s != StatusStored {
				t.Errorf("%s", statusNames[s])
			}
		}
		ids := map[string]int{}
		for _, m := range h.wire {
			if m.Body == y {
				ids[m.ID]++
			}
		}
		if len(ids) != 1 {
			t.Errorf("%v", ids)
		}
	})
}

// Where privacy is wanted by then, clear text is not written again.
func TestClearTextIsNotWrittenAgainWherePrivacyIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), ByHand)
		synctest.Wait()
		h.noAcks = true
		h.tamper = func(m *xmpp.Message) bool { return false }
		x := canary()
		id := a.say(b, x)
		h.tamper = nil
		h.cut(a.jid, xmpp.Unreachable)
		synctest.Wait()
		a.session.SetPolicy(a.ref(b), Require)
		pass(time.Minute)
		if s := a.entries[id].Status; s != StatusUnconfirmed || len(b.heard()) != 0 {
			t.Errorf("%s %q", statusNames[s], b.heard())
		}
		if n := len(slices.DeleteFunc(h.sent(a.jid), func(body string) bool { return body != x })); n != 1 {
			t.Errorf("written %d times", n)
		}
		a.session.Retry(a.ref(b), id) // privately
		pass(time.Minute)
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + x}) {
			t.Errorf("%q", got)
		}
	})
}

// What may have arrived is for the key that it went to: when the contact has another one, sending it again takes two decisions.
func TestI9SentAgainOnlyToTheSameKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := private(t)
		a.say(b, "hello")
		h.noAcks = true
		h.tamper = func(m *xmpp.Message) bool { return false }
		x := canary()
		id := a.say(b, x)
		h.tamper, h.noAcks = nil, false
		swapKey(b)
		a.session.EndPrivate(a.ref(b))
		a.session.StartPrivate(a.ref(b))
		synctest.Wait()
		if s := a.entries[id].Status; s != StatusUnconfirmed || a.contact(b).SendMode != SendPrivately {
			t.Fatalf("%s %+v", statusNames[s], a.contact(b))
		}
		a.session.Retry(a.ref(b), id)
		synctest.Wait()
		if e := a.entries[id]; e.Status != StatusFailed || e.Why != WhyKeyChanged || len(b.heard()) != 0 {
			t.Errorf("%+v %q", e, b.heard())
		}
		a.session.Retry(a.ref(b), id)
		synctest.Wait()
		if got := b.heard(); !slices.Equal(got, []string{"< unverified " + x}) {
			t.Errorf("%q", got)
		}
		h.assertSecret(t, "canary")
	})
}

func times(texts []string, text string) int {
	n := 0
	for _, t := range texts {
		if t == text {
			n++
		}
	}
	return n
}

// Clear text for a client that has gone goes to another one, once.
func TestClearTextMovesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a, b := friends(t)
		a.session.SetPolicy(a.ref(b), ByHand)
		b.session.SetPolicy(b.ref(a), ByHand)
		gone := jid.MustParse(b.jid + "/gone")
		h.inject(a.jid, &xmpp.Presence{From: gone, To: h.fullOf(a.jid), Priority: 10})
		synctest.Wait()
		x := canary()
		id := a.say(b, x)
		if got := b.heard(); !slices.Equal(got, []string{"< clear " + x}) || a.entries[id].Status != StatusDelivered {
			t.Errorf("%q %q", got, a.lines())
		}
		var ids []string
		for _, m := range h.wire {
			if m.Body == x {
				ids = append(ids, m.ID)
			}
		}
		if len(ids) != 2 || ids[0] != ids[1] {
			t.Errorf("%q", ids)
		}
		h.mu.Lock()
		h.users[b.jid] = nil // and now nobody is there at all
		h.mu.Unlock()
		y := canary()
		id = a.say(b, y)
		pass(time.Minute)
		if s := a.entries[id].Status; s != StatusFailed {
			t.Errorf("%s", statusNames[s])
		}
	})
}
