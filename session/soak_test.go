//go:build unix

package session

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

const (
	soakMessages = 300             // SOTTO_SOAK_MESSAGES has another number
	soakBetween  = 60              // messages between two ends of the server, on average
	soakQuiet    = 3 * time.Second // after which nothing more is under way
)

// Two people write to each other while their server is ended and killed again and again. Each text arrives once, in order; or whoever
// wrote it is not told that it was delivered, can send it again where nobody knows what became of it, and then it arrives once. Nothing
// is readable on the wire.
func TestSoak(t *testing.T) {
	messages := soakMessages
	if s := os.Getenv("SOTTO_SOAK_MESSAGES"); s != "" {
		var err error
		if messages, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	server := xmpptest.StartProsody(t, map[string]string{"alice": "alice's password", "bob": "bob's password"})
	alice := &soaker{person: realPerson(t, server, "alice", "alice's password")}
	bob := &soaker{person: realPerson(t, server, "bob", "bob's password")}
	alice.other, bob.other = bob, alice
	alice.until("online", alice.online)
	bob.until("online", bob.online)
	if _, err := alice.session.AddContact(alice.jid, bob.jid, ""); err != nil {
		t.Fatal(err)
	}
	bob.until("a request", func() bool { return bob.contact(alice.person).Wants })
	bob.session.Accept(bob.ref(alice.person))
	for _, s := range []*soaker{alice, bob} {
		s.until("seeing the other", func() bool { return s.contact(s.other.person).Subscription == SubscriptionBoth })
		s.session.Opened(s.ref(s.other.person))
	}
	begun, goroutines := time.Now(), 0
	ends, number := 0, 0
	text := func() string {
		number++
		return fmt.Sprintf("%07d %s %s", number, canary(), strings.Repeat("so on and on ", rand.IntN(300)))
	}
	for number < messages {
		s := []*soaker{alice, bob}[rand.IntN(2)]
		if rand.IntN(20) != 0 { // else it has to wait for privacy, now and then
			s.until("private", func() bool { return s.contact(s.other.person).SendMode == SendPrivately })
		}
		s.write(text())
		if rand.IntN(2) == 0 {
			last := s.wrote[len(s.wrote)-1].id
			s.until("delivered, or waiting", func() bool { return s.entries[last].Status != StatusSent && s.entries[last].Status != StatusStored })
		}
		if rand.IntN(soakBetween) == 0 {
			ends++
			if rand.IntN(2) == 0 {
				server.Stop()
			} else {
				server.Kill()
			}
			for range rand.IntN(3) {
				s.write(text()) // while there is no server
			}
			server.Start(t)
			alice.session.Connect(alice.jid)
			bob.session.Connect(bob.jid)
			for _, s := range []*soaker{alice, bob} {
				s.until("back", s.online)
			}
			if goroutines == 0 {
				goroutines = runtime.NumGoroutine()
			}
		}
	}
	again := 0
	for _, s := range []*soaker{alice, bob} {
		s.settle()
		again += s.sendAgain()
	}
	lost := 0
	for _, s := range []*soaker{alice, bob} {
		lost += s.account(t)
	}
	if now := runtime.NumGoroutine(); goroutines > 0 && now > goroutines+10 {
		t.Errorf("%d goroutines, %d after the first reconnection", now, goroutines)
	}
	wire := server.Wire()
	for _, s := range []*soaker{alice, bob} {
		for _, w := range s.wrote {
			if mark := strings.Fields(w.text)[1]; strings.Contains(wire, mark) {
				t.Errorf("on the wire: %s", mark)
			}
		}
	}
	t.Logf("%d texts in %v, the server ended %d times: %d sent again by hand, %d that the server took and lost (none of them told as delivered)",
		len(alice.wrote)+len(bob.wrote), time.Since(begun).Round(time.Second), ends, again, lost)
}

// A soaker is a person who writes without a pause and keeps an account of it.
type soaker struct {
	*person
	other *soaker
	wrote []written
}

type written struct {
	id    EntryID
	text  string
	again bool
}

func (s *soaker) write(text string) {
	s.t.Helper()
	text = strings.TrimSpace(text)
	for {
		s.mu.Lock()
		mode := s.contact(s.other.person).SendMode
		s.mu.Unlock()
		id, err := s.session.Send(s.ref(s.other.person), text, mode)
		if err == nil {
			s.wrote = append(s.wrote, written{id: id, text: text})
			return
		}
		if err != ErrModeChanged {
			s.t.Fatalf("%s: in mode %d: %v", s.jid, mode, err)
		}
	}
}

// heardTimes counts how often the other side showed each text.
func (s *soaker) heardTimes() map[string]int {
	s.other.mu.Lock()
	defer s.other.mu.Unlock()
	times := map[string]int{}
	for _, e := range s.other.entries {
		if e.Kind == Incoming {
			times[e.Text]++
		}
	}
	return times
}

// settle waits until nothing has changed for a while and nothing waits.
func (s *soaker) settle() {
	s.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		s.mu.Lock()
		seen := len(s.events)
		s.mu.Unlock()
		time.Sleep(soakQuiet)
		s.mu.Lock()
		quiet := len(s.events) == seen
		waiting := 0
		for _, w := range s.wrote {
			if status := s.entries[w.id].Status; status == StatusWaiting || status == StatusSent {
				waiting++
			}
		}
		s.mu.Unlock()
		if quiet && waiting == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: %d texts still under way", s.jid, waiting)
		}
	}
}

// sendAgain is the person's decision about texts that nobody knows the fate of, after asking the other person.
func (s *soaker) sendAgain() int {
	s.t.Helper()
	times, n := s.heardTimes(), 0
	for i := range s.wrote {
		w := &s.wrote[i]
		s.mu.Lock()
		status := s.entries[w.id].Status
		s.mu.Unlock()
		if (status == StatusUnconfirmed || status == StatusFailed) && times[w.text] == 0 {
			w.again = true
			n++
			s.session.Retry(s.ref(s.other.person), w.id)
		}
	}
	if n > 0 {
		s.settle()
	}
	return n
}

// account compares what was written with what was heard. It returns how many texts the server has lost.
func (s *soaker) account(t *testing.T) int {
	t.Helper()
	times, lost := s.heardTimes(), 0
	s.mu.Lock()
	for _, w := range s.wrote {
		e := s.entries[w.id]
		switch {
		case times[w.text] > 1:
			t.Errorf("%s: shown %d times: %.40s", s.jid, times[w.text], w.text)
		case times[w.text] == 0 && e.Status == StatusStored:
			lost++
		case times[w.text] == 0:
			t.Errorf("%s: lost with status %d: %.40s", s.jid, e.Status, w.text)
		}
	}
	s.mu.Unlock()

	again := map[string]bool{}
	for _, w := range s.wrote {
		again[w.text] = w.again
	}
	var inOrder []string
	s.other.mu.Lock()
	for _, id := range s.other.order {
		if e := s.other.entries[id]; e.Kind == Incoming && !again[e.Text] {
			inOrder = append(inOrder, e.Text)
		}
	}
	s.other.mu.Unlock()
	if !slices.IsSorted(inOrder) {
		t.Errorf("%s: out of order", s.jid)
	}
	return lost
}
