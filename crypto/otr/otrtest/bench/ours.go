//go:build unix

package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sotto-im/sotto/crypto/otr"
)

// ours is what our half keeps: the configuration of the two parties.
type ours struct{ alice, bob *otr.Config }

func newOurs() (*ours, error) {
	o := new(ours)
	for i, c := range []**otr.Config{&o.alice, &o.bob} {
		key, err := otr.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		*c = &otr.Config{Key: key, Tag: otr.InstanceTag(0x1000 + i), Policy: otr.PolicyManual}
	}
	return o, nil
}

// unpadded is the same two parties, who do not hide the lengths of texts.
func (o *ours) unpadded() *ours {
	const none = 1
	alice, bob := *o.alice, *o.bob
	alice.Padding, bob.Padding = none, none
	return &ours{&alice, &bob}
}

// workloads do the work that libotrbench.c does under the same names, n times, and return the CPU time in nanoseconds
// or, for memory, the bytes.
var workloads = map[string]func(o *ours, n int) (float64, error){
	"dsa-key":         (*ours).keys,
	"ake":             (*ours).exchanges,
	"oneway-10":       func(o *ours, n int) (float64, error) { return o.oneway(n, 10, 0) },
	"oneway-1k":       func(o *ours, n int) (float64, error) { return o.oneway(n, 1<<10, 0) },
	"oneway-64k":      func(o *ours, n int) (float64, error) { return o.oneway(n, 64<<10, 0) },
	"oneway-64k-frag": func(o *ours, n int) (float64, error) { return o.oneway(n, 64<<10, 1400) },
	"pingpong-1k":     (*ours).pingpong,
	"smp":             (*ours).smp,
	"garbage":         func(o *ours, n int) (float64, error) { return o.refused(n, 30, "garbage/garbage/garbage/garbage/") },
	"forged":          func(o *ours, n int) (float64, error) { return o.refused(n, 500, "forged") },
	"flood":           (*ours).flood,
	"memory":          (*ours).memory,
}

// A link is a conversation, seen from both ends, and the network between them.
type link struct {
	ends  [2]*otr.Conversation
	queue []parcel
	told  [2][]otr.Event // what else the ends reported
}

type parcel struct {
	to   int
	body string
}

const (
	alice = 0
	bob   = 1
)

// link returns two ends without a session.
func (o *ours) link() *link {
	return &link{ends: [2]*otr.Conversation{otr.New(o.alice), otr.New(o.bob)}}
}

// do carries out what an end wants, and delivers all that comes of it.
func (l *link) do(end int, events []otr.Event) {
	l.take(end, events)
	for i := 0; i < len(l.queue); i++ {
		p := l.queue[i]
		l.take(p.to, l.ends[p.to].Receive(p.body))
	}
	clear(l.queue)
	l.queue = l.queue[:0]
}

func (l *link) take(end int, events []otr.Event) {
	for _, e := range events {
		if t, ok := e.(otr.Transmit); ok {
			l.queue = append(l.queue, parcel{1 - end, t.Body})
			continue
		}
		l.told[end] = append(l.told[end], e)
	}
}

// forget forgets what the ends reported.
func (l *link) forget() {
	for end := range l.told {
		clear(l.told[end])
		l.told[end] = l.told[end][:0]
	}
}

// exchange begins a session.
func (l *link) exchange() error {
	l.take(alice, []otr.Event{otr.Transmit{Body: "?OTRv3?"}})
	l.do(alice, nil)
	l.forget()
	if l.ends[alice].State() != otr.Encrypted || l.ends[bob].State() != otr.Encrypted {
		return errors.New("no session")
	}
	return nil
}

// say lets a text arrive at the other end.
func (l *link) say(from int, text []byte) error {
	events, err := l.ends[from].Send(text)
	if err != nil {
		return err
	}
	l.do(from, events)
	told := l.told[1-from]
	if len(told) != 1 {
		return fmt.Errorf("a text did not arrive: %v", told)
	}
	if m, ok := told[0].(otr.Message); !ok || !m.Encrypted || len(m.Text) != len(text) {
		return errors.New("another text arrived")
	}
	l.forget()
	return nil
}

var hello = []byte("hello")

// session returns a session whose first keys have passed, so that what follows is steady.
func (o *ours) session() (*link, error) {
	l := o.link()
	if err := l.exchange(); err != nil {
		return nil, err
	}
	for range 2 {
		for end := range l.ends {
			if err := l.say(end, hello); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

// timed returns the CPU time of work.
func timed(work func() error) (float64, error) {
	runtime.GC() // nobody pays for what was before
	start := cpu()
	err := work()
	return cpu() - start, err
}

func cpu() float64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return float64(t.Nano())
}

func (o *ours) keys(n int) (float64, error) {
	return timed(func() error {
		for range n {
			if _, err := otr.GenerateKey(rand.Reader); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *ours) exchanges(n int) (float64, error) {
	return timed(func() error {
		for range n {
			if err := o.link().exchange(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *ours) oneway(n, length, limit int) (float64, error) {
	l, err := o.session()
	if err != nil {
		return 0, err
	}
	text := []byte(strings.Repeat("x", length))
	o.alice.MaxSize = limit
	defer func() { o.alice.MaxSize = 0 }()
	return timed(func() error {
		for range n {
			if err := l.say(alice, text); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *ours) pingpong(n int) (float64, error) {
	l, err := o.session()
	if err != nil {
		return 0, err
	}
	text := []byte(strings.Repeat("x", 1<<10))
	return timed(func() error {
		for i := range n {
			if err := l.say(i%2, text); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *ours) smp(n int) (float64, error) {
	l, err := o.session()
	if err != nil {
		return 0, err
	}
	secret := []byte("secret")
	return timed(func() error {
		for range n {
			events, err := l.ends[alice].StartSMP("", secret)
			if err != nil {
				return err
			}
			l.do(alice, events)
			request, ok := l.told[bob][0].(otr.SMPRequest)
			if !ok {
				return errors.New("nobody was asked")
			}
			if events, err = l.ends[bob].AnswerSMP(request.ID, secret); err != nil {
				return err
			}
			l.do(bob, events)
			for end := range l.told {
				last, ok := l.told[end][len(l.told[end])-1].(otr.SMPResult)
				if !ok || last.Outcome != otr.SMPSuccess {
					return errors.New("SMP did not succeed")
				}
			}
			l.forget()
		}
		return nil
	})
}

// refused is a message of which a part was replaced, received again and again.
func (o *ours) refused(n, from int, with string) (float64, error) {
	l, err := o.session()
	if err != nil {
		return 0, err
	}
	events, err := l.ends[alice].Send([]byte(strings.Repeat("x", 500)))
	if err != nil {
		return 0, err
	}
	body := events[len(events)-1].(otr.Transmit).Body
	body = body[:from] + with + body[from+len(with):]
	return timed(func() error {
		for range n {
			for _, e := range l.ends[bob].Receive(body) {
				if _, shown := e.(otr.Message); shown {
					return errors.New("a forged message was shown")
				}
			}
		}
		return nil
	})
}

// flood is D-H Commit Messages, each with another sender's instance tag.
func (o *ours) flood(n int) (float64, error) {
	const prefix = "?OTR:"
	l := o.link()
	body := l.ends[alice].Receive("?OTRv3?")
	commit, ok := body[len(body)-1].(otr.Transmit)
	if !ok {
		return 0, errors.New("no D-H Commit Message")
	}
	message, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(commit.Body, prefix), "."))
	if err != nil {
		return 0, err
	}
	bodies := make([]string, n)
	for i := range bodies {
		binary.BigEndian.PutUint32(message[3:], uint32(0x10000+i))
		bodies[i] = prefix + base64.StdEncoding.EncodeToString(message) + "."
	}
	return timed(func() error {
		for _, body := range bodies {
			l.ends[bob].Receive(body)
		}
		return nil
	})
}

// memory returns what n idle conversations take, that is 2n endpoints.
func (o *ours) memory(n int) (float64, error) {
	links := make([]*link, n)
	before := inUse()
	for i := range links {
		l := o.link()
		if err := l.exchange(); err != nil {
			return 0, err
		}
		for end := range l.ends {
			if err := l.say(end, hello); err != nil {
				return 0, err
			}
		}
		l.queue, l.told = nil, [2][]otr.Event{} // the network's, not the conversation's
		links[i] = l
	}
	after := inUse()
	runtime.KeepAlive(links)
	return after - before, nil
}

// inUse returns the bytes on the heap and the stacks that are in use.
func inUse() float64 {
	var m runtime.MemStats
	for range 2 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
