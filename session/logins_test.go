package session

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/session/xmpp"
	"mellium.im/xmpp/jid"
)

const (
	loginScripts = 20 // SOTTO_LOGINS asks for more of them
	loginSteps   = 60
	perAccount   = 3
)

// Two people are signed in three times each, with copies of what goes in clear, and do at random what people do. After every step the
// invariants hold that the project's security rules number I1 to I9.
func TestLogins(t *testing.T) {
	scripts := loginScripts
	if n, err := strconv.Atoi(os.Getenv("SOTTO_LOGINS")); err == nil {
		scripts = n
	}
	var keys [2 * perAccount]*otr.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = otr.GenerateKey(rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	heard := 0
	for seed := range uint64(scripts) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				heard += newLogins(t, keys, mathrand.New(mathrand.NewPCG(seed, 11))).play()
			})
		})
	}
	if heard < scripts*5 {
		t.Errorf("only %d texts were heard in %d scripts: they prove nothing", heard, scripts)
	}
}

// logins is one story.
type logins struct {
	t      *testing.T
	h      *hub
	random *mathrand.Rand
	people []*person // alice's, then bob's
	story  []string
	typed  map[string]*typedText
	wire   int              // stanzas that were looked at
	events map[*person]int  // that were looked at
	was    map[*person]Lock // before the step
	states map[stateOf]Status
	count  map[string]uint64 // counters, by keys
	reveal map[string]bool   // MAC keys that were revealed, with the direction
}

type stateOf struct {
	p  *person
	id EntryID
}

// A typedText is what was typed, and what the button said.
type typedText struct {
	by    *person
	mode  SendMode
	key   *otr.Fingerprint // of the live session
	again bool             // by hand
}

func newLogins(t *testing.T, keys [2 * perAccount]*otr.PrivateKey, random *mathrand.Rand) *logins {
	h := newHub("alice@sotto.test", "bob@sotto.test")
	h.befriend("alice@sotto.test", "bob@sotto.test")
	h.carbons = true
	s := &logins{
		t: t, h: h, random: random, typed: map[string]*typedText{}, events: map[*person]int{}, was: map[*person]Lock{},
		states: map[stateOf]Status{}, count: map[string]uint64{}, reveal: map[string]bool{},
	}
	for i, key := range keys {
		s.people = append(s.people, newLogin(t, h, []string{"alice@sotto.test", "bob@sotto.test"}[i/perAccount], key))
	}
	synctest.Wait()
	return s
}

// newLogin is somebody with a client that is set up: account and key are there.
func newLogin(t *testing.T, h *hub, name string, key *otr.PrivateKey) *person {
	t.Helper()
	kept, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	record := newRecord(jid.MustParse(name))
	record.Fingerprint = compact(key.Fingerprint())
	if err := kept.Update(func(s *store.Settings) { s.Accounts = []store.Account{record} }); err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, hub: h, jid: name, store: kept, keyring: keyringDouble{
		passwordName(record.ID): []byte("secret of " + name), keyName(record.ID): key.Bytes(),
	}}
	p.open()
	everybody = append(everybody, p)
	t.Cleanup(func() {
		p.close()
		kept.Close()
		everybody = nil
	})
	return p
}

// other is the account on the other side.
func (s *logins) other(p *person) *person {
	if p.jid == s.people[0].jid {
		return s.people[perAccount]
	}
	return s.people[0]
}

func (s *logins) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Errorf(format+"\n%s", append(args, strings.Join(s.story, " "))...)
}

// line is a person's connection.
func (s *logins) line(p *person) *hubLine {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	for _, l := range s.h.users[p.jid].lines {
		if settings := p.store.Settings(); len(settings.Accounts) > 0 && l.full.Resourcepart() == settings.Accounts[0].Resource {
			return l
		}
	}
	return nil
}

func (s *logins) play() (heard int) {
	for range loginSteps {
		pass(time.Duration(s.random.Int64N(int64(20 * time.Second))))
		for _, p := range s.people {
			s.was[p] = p.contact(s.other(p)).Lock
		}
		i := s.random.IntN(len(s.people))
		actor := s.people[i]
		s.act(actor, i)
		synctest.Wait()
		s.check(actor)
	}
	// When all is well again, everybody is heard by somebody.
	for _, p := range s.people {
		p.session.Connect(p.jid)
		p.session.SetPolicy(p.ref(s.other(p)), Require)
	}
	pass(5 * time.Minute)
	for _, p := range s.people {
		p.session.StartPrivate(p.ref(s.other(p))) // also whoever had refused a key
		pass(time.Minute)
	}
	for i, p := range s.people {
		o := s.other(p)
		for range 3 {
			if c := p.contact(o); c.KeyChange != nil {
				p.session.Decide(c.Ref, c.KeyChange.New.Fingerprint, UseUnverified)
			} else if c.Lock == FinishedLock || c.SendMode != SendPrivately {
				p.session.StartPrivate(c.Ref)
			}
			pass(2 * time.Minute)
		}
		if c := p.contact(o); c.SendMode != SendPrivately && c.SendMode != SendWhenPrivate {
			s.fail("%d cannot write: %+v", i, c)
			continue
		}
		x := canary()
		s.typeIn(p, x)
		pass(3 * time.Minute)
		if n := len(s.hearers(x)); n != 1 {
			s.fail("%d was heard by %d: %+v\n%s", i, n, p.contact(o), strings.Join(p.lines(), "\n"))
		}
	}
	s.check(nil)
	for x := range s.typed {
		heard += min(1, len(s.hearers(x)))
	}
	return heard
}

// hearers are who was shown a text.
func (s *logins) hearers(x string) (all []*person) {
	for _, p := range s.people {
		for _, id := range p.order {
			if e := p.entries[id]; e.Kind == Incoming && e.Text == x {
				all = append(all, p)
			}
		}
	}
	return all
}

// typeIn writes as the button says.
func (s *logins) typeIn(p *person, x string) {
	c := p.contact(s.other(p))
	text := &typedText{by: p, mode: c.SendMode}
	if c.SendMode == SendPrivately {
		key := *c.Key
		text.key = &key
	}
	if _, err := p.session.Send(c.Ref, x, c.SendMode); err == nil {
		s.typed[x] = text
	} else if c.Lock == FinishedLock && err != ErrEnded {
		s.fail("I2: sending in Finished: %v", err)
	}
}

func (s *logins) act(p *person, i int) {
	o := s.other(p)
	r := p.ref(o)
	c := p.contact(o)
	action := s.random.IntN(20)
	s.story = append(s.story, fmt.Sprintf("%d:%d", i, action))
	switch action {
	case 0, 1, 2, 3, 4, 5:
		for range 1 + s.random.IntN(2) {
			s.typeIn(p, canary())
			synctest.Wait()
		}
	case 6:
		p.session.StartPrivate(r)
	case 7:
		p.session.EndPrivate(r)
	case 8:
		p.session.SetPolicy(r, []Policy{Require, Automatic, ByHand}[s.random.IntN(3)])
	case 9:
		p.session.Disconnect(p.jid)
	case 10, 11:
		p.session.Connect(p.jid)
	case 12:
		if l := s.line(p); l != nil {
			s.h.mu.Lock()
			s.h.end(l, &xmpp.Error{Kind: xmpp.Unreachable})
			s.h.mu.Unlock()
		}
	case 13:
		if len(c.Devices) > 0 {
			p.session.SelectDevice(r, c.Devices[s.random.IntN(len(c.Devices))].Tag)
		}
	case 14:
		if len(c.Keys) > 0 {
			p.session.SetVerified(r, c.Keys[s.random.IntN(len(c.Keys))].Fingerprint, s.random.IntN(3) > 0)
		}
	case 15:
		if c.KeyChange != nil {
			p.session.Decide(r, c.KeyChange.New.Fingerprint, KeyDecision(s.random.IntN(2)))
		}
	case 16:
		p.session.Opened(r)
	case 17: // somebody on the way makes something up
		from := jid.MustParse(o.jid + "/made-up")
		if l := s.line(s.people[(i+perAccount)%len(s.people)]); l != nil && s.random.IntN(2) == 0 {
			from = l.full
		}
		bodies := []string{"forged", "?OTRv3?", "?OTR Error: forged", "?OTR:AAMDforged.", "forged \t  \t\t\t\t \t \t \t    \t\t  \t\t"}
		s.h.inject(p.jid, &xmpp.Message{ID: xmpp.NewID(), From: from, Type: xmpp.Chat, Body: bodies[s.random.IntN(len(bodies))]})
	case 18: // a query to all of them
		p.session.StartPrivate(r)
		if l := s.line(p); l != nil {
			l.Send(xmpp.Message{ID: xmpp.NewID(), To: jid.MustParse(o.jid), Type: xmpp.Chat, Body: "?OTRv3?", OTR: true})
		}
	case 19:
		ids := slices.SortedFunc(maps.Keys(p.entries), func(x, y EntryID) int { return cmp.Compare(x, y) })
		for _, id := range ids {
			if e := p.entries[id]; e.Kind == Outgoing && (e.Status == StatusFailed || e.Status == StatusUnconfirmed) {
				if text := s.typed[e.Text]; text != nil {
					text.again = true
				}
				p.session.Retry(r, id)
				break
			}
		}
	}
}

// check looks at all that has happened in a step.
func (s *logins) check(actor *person) {
	s.t.Helper()
	s.checkWire(actor)
	for i, p := range s.people {
		c := p.contact(s.other(p))
		s.checkContact(i, c)
		p.mu.Lock()
		events := slices.Clone(p.events[s.events[p]:])
		s.events[p] = len(p.events)
		p.mu.Unlock()
		for _, e := range events {
			if e, ok := e.(EntryChanged); ok {
				s.checkEntry(p, i, e.Entry)
			}
		}
		if account, ok := p.session.account(p.jid); ok {
			account.ask(func() {
				for _, c := range account.conversations {
					if len(c.tags) > maxTags || c.otr != nil && len(c.otr.Instances()) > 16 || len(c.numbers.of) > maxNumbers {
						s.fail("I7: %d: %d tags", i, len(c.tags))
					}
				}
			})
		}
	}
	for x, text := range s.typed {
		hearers := s.hearers(x)
		switch {
		case text.mode == SendUnencrypted:
		case len(hearers) > 1:
			s.fail("P-13: %q went to %d clients", x, len(hearers))
		case len(hearers) == 1 && text.key != nil && !text.again && *hearers[0].accounts[hearers[0].jid].Fingerprint != *text.key:
			s.fail("I9: %q was heard by another key than it was typed for", x)
		}
	}
}

// checkWire looks at what was sent: I1 and I2, and inside data messages I5 and I6.
func (s *logins) checkWire(actor *person) {
	s.h.mu.Lock()
	wire := s.h.wire[s.wire:]
	s.wire = len(s.h.wire)
	s.h.mu.Unlock()
	for _, m := range wire {
		if text := s.typed[strings.TrimRight(m.Body, " \t")]; text != nil && text.mode != SendUnencrypted {
			s.fail("I1: in clear: %q", m.Body)
		}
		if strings.Contains(m.Body, "canary-") && s.typed[strings.TrimRight(m.Body, " \t")] == nil {
			s.fail("I1: on the wire: %q", m.Body)
		}
		if otr.IsOTR(m.Body) != m.OTR {
			s.fail("P-14: hints %v on %.20q", m.OTR, m.Body)
		}
		for _, p := range s.people {
			l := s.line(p)
			if p != actor && l != nil && l.full.Equal(m.From) && m.WantReceipt && s.was[p] == FinishedLock && p.contact(s.other(p)).Lock == FinishedLock {
				s.fail("I2: a text left in Finished: %.20q", m.Body)
			}
		}
		s.checkData(m.Body)
	}
}

// checkData reads a data message of version 3 ("Data Message").
func (s *logins) checkData(body string) {
	encoded, ok := strings.CutPrefix(body, "?OTR:AAMD")
	if !ok {
		return
	}
	b, err := base64.StdEncoding.DecodeString("AAMD" + strings.TrimSuffix(encoded, "."))
	if err != nil || len(b) < 20 {
		return // forged
	}
	tags, ids, rest := b[3:11], b[12:20], b[20:]
	next := func() (data []byte) {
		if len(rest) < 4 || len(rest)-4 < int(binary.BigEndian.Uint32(rest)) {
			return nil
		}
		n := binary.BigEndian.Uint32(rest)
		data, rest = rest[4:4+n], rest[4+n:]
		return data
	}
	y := next()
	if len(rest) < 8 {
		return
	}
	counter := binary.BigEndian.Uint64(rest)
	rest = rest[8:]
	next()
	rest = rest[min(20, len(rest)):]
	revealed := next()
	keys := string(bytes.Join([][]byte{tags, ids, y}, nil))
	if counter <= s.count[keys] {
		s.fail("I6: counter %d after %d", counter, s.count[keys])
	}
	s.count[keys] = counter
	for ; len(revealed) >= 20; revealed = revealed[20:] {
		key := string(tags) + string(revealed[:20])
		if s.reveal[key] {
			s.fail("I5: a MAC key was revealed twice")
		}
		s.reveal[key] = true
	}
}

// checkContact is I4: the lock says what is known of the key of the live session.
func (s *logins) checkContact(i int, c Contact) {
	if c.Lock != Private && c.Lock != Unverified {
		return
	}
	k := slices.IndexFunc(c.Keys, func(k Key) bool { return c.Key != nil && k.Fingerprint == *c.Key })
	if k < 0 || c.Keys[k].Verified != c.Verified || (c.Lock == Private) != (c.Verified != NotVerified) {
		s.fail("I4: %d: %+v", i, c)
	}
	selected := 0
	for _, d := range c.Devices {
		if d.Selected {
			selected++
			if d.Key != *c.Key || d.Verified != c.Verified {
				s.fail("P-13: %d: the device that is written to is %+v, the lock says %+v", i, d, c)
			}
		}
	}
	if selected != 1 {
		s.fail("P-13: %d: %d devices are selected: %+v", i, selected, c.Devices)
	}
}

// goesOn lists which status may come after which, by itself or because somebody sends again.
var goesOn = map[Status][]Status{
	StatusWaiting:     {StatusWaiting, StatusSent, StatusStored, StatusDelivered, StatusFailed, StatusDiscarded, StatusUnconfirmed},
	StatusSent:        {StatusSent, StatusStored, StatusDelivered, StatusFailed, StatusUnconfirmed},
	StatusStored:      {StatusStored, StatusDelivered, StatusFailed, StatusUnconfirmed, StatusSent}, // clear text that moves on
	StatusUnconfirmed: {StatusUnconfirmed, StatusDelivered, StatusFailed, StatusWaiting, StatusSent},
	StatusFailed:      {StatusFailed, StatusDelivered, StatusWaiting, StatusDiscarded},
	StatusDelivered:   {StatusDelivered},
}

// checkEntry is I3 and I8, and that nobody is shown the protocol's own messages.
func (s *logins) checkEntry(p *person, i int, e Entry) {
	if e.Kind != NoticeEntry && strings.HasPrefix(e.Text, "?OTR") {
		s.fail("%d was shown %q", i, e.Text)
	}
	private := e.Guard == EncryptedUnverified || e.Guard == EncryptedVerified
	switch e.Kind {
	case Incoming:
		text := s.typed[e.Text]
		if private && (text == nil || text.by.jid == p.jid) {
			s.fail("I3: %d: shown as private: %q", i, e.Text)
		}
		if !private && text != nil && text.mode != SendUnencrypted {
			s.fail("I3: %d: shown as clear text: %q", i, e.Text)
		}
	case Outgoing:
		key := stateOf{p, e.ID}
		before, known := s.states[key]
		if known && !slices.Contains(goesOn[before], e.Status) {
			s.fail("I8: %d: from %s to %s", i, statusNames[before], statusNames[e.Status])
		}
		s.states[key] = e.Status
	}
}
