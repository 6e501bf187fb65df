// Package otrtest has what tests of conversations need: parties with fixed keys, clock and randomness, a network
// between them that can be made hostile, and a reader of scripted conversations.
package otrtest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
)

// Rand returns a source of randomness that gives the same bytes for the same name. It must not be used outside
// tests.
func Rand(name string) *rand.ChaCha8 {
	var seed [32]byte
	copy(seed[:], name)
	return rand.NewChaCha8(seed)
}

var keys sync.Map

// Key returns the private key of a name, the same one throughout a process.
func Key(name string) *otr.PrivateKey {
	once, _ := keys.LoadOrStore(name, sync.OnceValue(func() *otr.PrivateKey {
		k, err := otr.GenerateKey(Rand("key of " + name))
		if err != nil {
			panic(err)
		}
		return k
	}))
	return once.(func() *otr.PrivateKey)()
}

// A Clock is a clock that a test moves.
type Clock struct{ now time.Time }

// NewClock returns a clock at some moment.
func NewClock() *Clock { return &Clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// Now is a Config.Time.
func (c *Clock) Now() time.Time { return c.now }

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) { c.now = c.now.Add(d) }

// A Party is one client, with one Conversation, on a Network.
type Party struct {
	*otr.Conversation
	Name    string
	Config  *otr.Config
	Packets []Packet    // what it wants sent, taken by Network.Step
	Told    []otr.Event // all other events, in order
}

// NewParty returns a client of the account name. Clients of one account have one key and different tags.
func NewParty(name string, tag otr.InstanceTag, policy otr.Policy, clock *Clock) *Party {
	config := &otr.Config{Key: Key(name), Tag: tag, Policy: policy, Rand: Rand(fmt.Sprint(name, tag)), Time: clock.Now}
	return &Party{Conversation: otr.New(config), Name: name, Config: config}
}

// Do notes what a method of the Conversation returned.
func (p *Party) Do(events []otr.Event) {
	for _, e := range events {
		if t, ok := e.(otr.Transmit); ok {
			p.Packets = append(p.Packets, Packet{From: p, Transmit: t})
			continue
		}
		p.Told = append(p.Told, e)
	}
}

// Take returns the events noted since the last call.
func (p *Party) Take() []otr.Event {
	told := p.Told
	p.Told = nil
	return told
}

// A Packet is a message on its way.
type Packet struct {
	otr.Transmit
	From *Party
}

// A Network carries messages between the clients of two accounts. Like a server that knows no instance tags, it
// hands a message to every client of the other account.
type Network struct {
	Clock       *Clock
	Left, Right []*Party
	Wire        []Packet              // everything that was sent
	Tap         func(Packet) []Packet // what becomes of a message; nil delivers it
}

// NewNetwork returns a network with one client each of alice and bob.
func NewNetwork(policy otr.Policy) (n *Network, alice, bob *Party) {
	clock := NewClock()
	alice = NewParty("alice", 0x1000, policy, clock)
	bob = NewParty("bob", 0x2000, policy, clock)
	return &Network{Clock: clock, Left: []*Party{alice}, Right: []*Party{bob}}, alice, bob
}

// Step delivers the first message of each client that has one, and says whether there was any.
func (n *Network) Step() bool {
	moved := false
	for _, p := range n.parties() {
		if len(p.Packets) == 0 {
			continue
		}
		moved = true
		packet := p.Packets[0]
		p.Packets = p.Packets[1:]
		n.Wire = append(n.Wire, packet)
		delivered := []Packet{packet}
		if n.Tap != nil {
			delivered = n.Tap(packet)
		}
		for _, d := range delivered {
			for _, to := range n.others(p) {
				to.Do(to.Receive(d.Body))
			}
		}
	}
	return moved
}

// maxSteps is more than any honest exchange takes.
const maxSteps = 10000

// Run delivers until nothing is on its way. It panics if that does not come about: two parties that keep each
// other busy are a defect.
func (n *Network) Run() {
	for range maxSteps {
		if !n.Step() {
			return
		}
	}
	panic("otrtest: the parties do not come to rest")
}

func (n *Network) parties() []*Party { return append(append([]*Party{}, n.Left...), n.Right...) }

func (n *Network) others(p *Party) []*Party {
	for _, l := range n.Left {
		if l == p {
			return n.Right
		}
	}
	return n.Left
}
