package otr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// twoBobs returns alice and two clients of bob, which have one key or each its own.
func twoBobs(t testing.TB, second string) (n *otrtest.Network, alice, bob1, bob2 *otrtest.Party) {
	t.Helper()
	n, alice, bob1 = otrtest.NewNetwork(otr.PolicyManual)
	bob2 = otrtest.NewParty(second, 0x3000, otr.PolicyManual, n.Clock)
	n.Right = append(n.Right, bob2)
	return n, alice, bob1, bob2
}

func wantState(t testing.TB, p *otrtest.Party, want otr.State) {
	t.Helper()
	if got := p.State(); got != want {
		t.Fatalf("%s is %v, want %v", p.Name, got, want)
	}
}

// changes takes the events of p and returns those that tell of sessions.
func changes(p *otrtest.Party) (states []otr.StateChange, instances []otr.InstanceChange) {
	for _, e := range p.Take() {
		switch e := e.(type) {
		case otr.StateChange:
			states = append(states, e)
		case otr.InstanceChange:
			instances = append(instances, e)
		}
	}
	return states, instances
}

// TestTwoInstancesAnswerOneCommit: a D-H Commit Message to nobody in particular is answered by both clients, and both
// sessions live.
func TestTwoInstancesAnswerOneCommit(t *testing.T) {
	n, alice, bob1, bob2 := twoBobs(t, "bob")
	bob1.Do(bob1.Start())
	n.Run()
	wantState(t, alice, otr.Encrypted)
	wantState(t, bob1, otr.Encrypted)
	wantState(t, bob2, otr.Encrypted)
	alice.Take()
	bob1.Take()
	bob2.Take()

	send(t, bob1, "from the first")
	send(t, bob2, "from the second")
	n.Run()
	for _, want := range []otr.InstanceTag{0x2000, 0x3000} {
		for e := alice.Take(); ; e = e[1:] {
			if len(e) == 0 {
				t.Fatalf("nothing from %x", want)
			}
			if m, ok := e[0].(otr.Message); ok && m.Encrypted && m.From.Tag == want {
				alice.Told = e[1:]
				break
			}
		}
	}
	// The client that was heard from last is written to, and only that one can read it.
	if got := alice.Peer().Tag; got != 0x3000 {
		t.Errorf("alice writes to %x", got)
	}
	bob1.Take()
	send(t, alice, "to the second")
	n.Run()
	wantTexts(t, bob2, "to the second")
	wantTexts(t, bob1)
	// A choice of the user holds.
	alice.Do(alice.Select(0x2000))
	send(t, alice, "to the first")
	n.Run()
	wantTexts(t, bob1, "to the first")
	wantTexts(t, bob2)
}

// TestEndOfOneInstance: the conversation goes on with the client that still has a session.
func TestEndOfOneInstance(t *testing.T) {
	n, alice, bob1, bob2 := twoBobs(t, "bob")
	bob1.Do(bob1.Start())
	n.Run()
	alice.Take()
	alice.Select(0x2000)
	bob1.Do(bob1.End())
	n.Run()
	wantState(t, alice, otr.Encrypted)
	states, instances := changes(alice)
	if len(states) != 1 || states[0].New != otr.Encrypted || states[0].Peer.Tag != 0x3000 || states[0].Refreshed {
		t.Errorf("told %+v", states)
	}
	if len(instances) != 1 || instances[0].New != otr.Finished || instances[0].Peer.Tag != 0x2000 {
		t.Errorf("told %+v", instances)
	}
	bob2.Take()
	send(t, alice, "hello")
	n.Run()
	wantTexts(t, bob2, "hello")
	bob2.Do(bob2.End())
	n.Run()
	wantState(t, alice, otr.Finished)
	if alice.Peer().Tag != 0x3000 {
		t.Errorf("Peer is %+v", alice.Peer())
	}
	alice.Do(alice.End())
	wantState(t, alice, otr.Plaintext)
}

// TestEndOfAllInstances: each client with a session is told.
func TestEndOfAllInstances(t *testing.T) {
	n, alice, bob1, bob2 := twoBobs(t, "bob")
	bob1.Do(bob1.Start())
	n.Run()
	alice.Do(alice.End())
	n.Run()
	wantState(t, alice, otr.Plaintext)
	wantState(t, bob1, otr.Finished)
	wantState(t, bob2, otr.Finished)
}

// TestEndOfFinishedKeepsExchange: leaving a session that the other side has ended does not disturb the exchange that is to
// lead to the next one, whichever of its messages is on its way.
func TestEndOfFinishedKeepsExchange(t *testing.T) {
	for _, policy := range []otr.Policy{otr.AllowV2, otr.AllowV3} {
		for steps := range 6 {
			n, alice, bob := encrypted(t, policy)
			alice.Do(alice.End())
			n.Run()
			wantState(t, bob, otr.Finished)
			alice.Do(alice.Start())
			for range steps {
				n.Step()
			}
			if bob.State() != otr.Finished {
				continue // it is a session already
			}
			bob.Do(bob.End())
			wantState(t, bob, otr.Plaintext)
			n.Run()
			wantState(t, alice, otr.Encrypted)
			wantState(t, bob, otr.Encrypted)
			bob.Take()
			send(t, alice, "hello")
			n.Run()
			wantTexts(t, bob, "hello")
		}
	}
}

// TestStrangerDoesNotTakeOver: a client with another key gets a session, but not what is written to the first, until
// the user chooses it or asks for a new session.
func TestStrangerDoesNotTakeOver(t *testing.T) {
	n, alice, bob, carol := twoBobs(t, "carol")
	n.Right = n.Right[:1]
	bob.Do(bob.Start())
	n.Run()
	n.Clock.Advance(61e9)
	alice.Take()
	n.Right = append(n.Right[:0:0], carol)
	carol.Do(carol.Start())
	n.Run()
	wantState(t, carol, otr.Encrypted)
	send(t, carol, "I am bob")
	n.Run()
	if got := alice.Peer(); got.Fingerprint != bob.Config.Key.Fingerprint() {
		t.Fatalf("alice talks to %+v", got)
	}
	states, instances := changes(alice)
	if len(states) != 0 || len(instances) != 1 || instances[0].Peer.Fingerprint != carol.Config.Key.Fingerprint() {
		t.Errorf("told %+v %+v", states, instances)
	}
	carol.Take()
	send(t, alice, "to bob")
	n.Run()
	wantTexts(t, carol)

	alice.Do(alice.Start())
	n.Run()
	states, _ = changes(alice)
	if len(states) != 1 || states[0].Old != otr.Encrypted || states[0].New != otr.Encrypted || states[0].Refreshed ||
		states[0].Peer.Fingerprint != carol.Config.Key.Fingerprint() {
		t.Errorf("after Start told %+v", states)
	}
	if states := alice.Select(0x2000); len(states) != 1 || alice.Peer().Tag != 0x2000 {
		t.Errorf("Select told %+v", states)
	}
	if got := alice.Select(0x4000); got != nil || alice.Peer().Tag != 0x2000 {
		t.Errorf("Select of an unknown client told %+v", got)
	}
}

// TestOtherKeyOnTheSameTag: a session with another key on the same client cannot be taken for a refresh.
func TestOtherKeyOnTheSameTag(t *testing.T) {
	n, alice, _, carol := twoBobs(t, "carol")
	n.Right = n.Right[:1]
	alice.Do(alice.Start())
	n.Run()
	alice.Take()
	carol.Config.Tag = 0x2000
	n.Right = []*otrtest.Party{carol}
	n.Clock.Advance(61e9)
	carol.Do(carol.Start())
	n.Run()
	states, _ := changes(alice)
	if len(states) != 1 || states[0].Refreshed || states[0].Peer.Fingerprint != carol.Config.Key.Fingerprint() {
		t.Errorf("told %+v", states)
	}
}

// TestTags: what is for another client, or has tags that are not valid, is refused ("Instance Tags").
func TestTags(t *testing.T) {
	for _, test := range []struct {
		name   string
		body   string
		reason otr.Reason
		from   otr.InstanceTag
	}{
		{"fragment from 0xff", "?OTR|ff|1000,1,2,x,", otr.Malformed, 0xff},
		{"fragment from 0", "?OTR|0|1000,1,2,x,", otr.Malformed, 0},
		{"fragment to 1", "?OTR|2000|1,1,2,x,", otr.Malformed, 0x2000},
		{"fragment to another", "?OTR|2000|1001,1,2,x,", otr.OtherInstance, 0x2000},
		{"fragment from ourselves", "?OTR|1000|2000,1,2,x,", otr.Reflected, 0x1000},
		{"tag is too long", "?OTR|100000000|1000,1,2,x,", otr.Malformed, 1},
	} {
		_, alice, _ := otrtest.NewNetwork(otr.PolicyManual)
		before := otrtest.Snapshot(alice.Conversation)
		events := alice.Receive(test.body)
		if want := (otr.Rejected{Reason: test.reason, From: test.from}); len(events) != 1 || events[0] != want {
			t.Errorf("%s: %+v, want %+v", test.name, events, want)
		}
		if otrtest.Snapshot(alice.Conversation) != before {
			t.Errorf("%s: changed the conversation", test.name)
		}
	}
}

// TestManyInstances: invented clients cost no more than a bounded amount of memory, do not drive out a session, and
// do not keep the real correspondent from a new one.
func TestManyInstances(t *testing.T) {
	n, alice, bob := encrypted(t, otr.PolicyManual)
	var commit string
	bob.Do(bob.Receive("?OTRv3?"))
	commit, bob.Packets = bob.Packets[0].Body, nil
	bob.Take()
	sizes := map[int]int{}
	for i := range 200 {
		tag := otr.InstanceTag(0x10000 + i)
		carol := otrtest.NewParty("carol", tag, otr.PolicyManual, n.Clock)
		carol.Do(carol.Receive("?OTRv3?"))
		alice.Receive(carol.Packets[0].Body)
		sizes[i] = len(otrtest.Snapshot(alice.Conversation))
	}
	if sizes[199] > sizes[50]*11/10 {
		t.Errorf("the conversation grows from %d to %d", sizes[50], sizes[199])
	}
	alice.Take()
	send(t, bob, "still here")
	n.Run()
	wantTexts(t, alice, "still here")
	alice.Do(alice.Receive(commit))
	n.Run()
	if states, _ := changes(alice); len(states) != 1 || !states[0].Refreshed {
		t.Errorf("a new exchange with bob told %+v", states)
	}
}

// TestManySessions: there is a bounded number of sessions. A new one takes the place of the one that was silent for
// longest, which is told to both sides.
func TestManySessions(t *testing.T) {
	n, alice, _ := otrtest.NewNetwork(otr.PolicyManual)
	const first, clients, places = 0x10000, 20, 15
	for i := range clients {
		n.Clock.Advance(61e9)
		carol := otrtest.NewParty("carol", otr.InstanceTag(first+i), otr.PolicyManual, n.Clock)
		n.Right = []*otrtest.Party{carol}
		carol.Do(carol.Start())
		n.Run()
		wantState(t, carol, otr.Encrypted)
	}
	left := map[otr.InstanceTag]bool{}
	for _, i := range alice.Instances() {
		left[i.Peer.Tag] = true
	}
	ended := map[otr.InstanceTag]bool{}
	for _, e := range alice.Take() {
		if e, ok := e.(otr.InstanceChange); ok && e.Old == otr.Encrypted && e.New == otr.Plaintext {
			ended[e.Peer.Tag] = true
		}
	}
	told := map[otr.InstanceTag]bool{}
	for _, p := range n.Wire {
		if p.From == alice && otrtest.Kind(p.Body) == "data" {
			told[p.To] = true
		}
	}
	for i := range clients {
		tag := otr.InstanceTag(first + i)
		if old := i < clients-places; left[tag] == old || ended[tag] != old || told[tag] != old {
			t.Errorf("client %d: there %t, ended %t, told %t", i, left[tag], ended[tag], told[tag])
		}
	}
}

func TestSenderTag(t *testing.T) {
	n, alice, bob := otrtest.NewNetwork(otr.PolicyManual)
	bob.Do(bob.Start())
	n.Run()
	for _, p := range n.Wire {
		want := p.From.Config.Tag
		if otrtest.Kind(p.Body) == "query" {
			want = 0
		}
		if got := otr.SenderTag(p.Body); got != want {
			t.Errorf("SenderTag of a %s is %x, want %x", otrtest.Kind(p.Body), got, want)
		}
		if !otr.IsOTR(p.Body) {
			t.Errorf("IsOTR of a %s is false", otrtest.Kind(p.Body))
		}
	}
	alice.Config.MaxSize = 200
	send(t, alice, "x")
	if got := otr.SenderTag(alice.Packets[1].Body); got != 0x1000 || !otr.IsOTR(alice.Packets[1].Body) {
		t.Errorf("SenderTag of a fragment is %x", got)
	}
	for _, text := range []string{"", "hello", "what is ?OTR? anyway" + strings.Repeat(" ", 100), "?OTR:", "?OTR:AAMZ"} {
		if otr.SenderTag(text) != 0 {
			t.Errorf("SenderTag(%q) is not 0", text)
		}
	}
	for _, text := range []string{"", "hello", "hello \t  \t\t\t\t \t \t \t    \t\t  \t\t", "?OTR:"} {
		if otr.IsOTR(text) {
			t.Errorf("IsOTR(%q)", text)
		}
	}
}

// TestStrangersDoNotPushOut: when the places run out, clients with another key than the selected one go first.
func TestStrangersDoNotPushOut(t *testing.T) {
	n, alice, bob1, _ := twoBobs(t, "bob")
	bob1.Do(bob1.Start())
	n.Run()
	alice.Do(alice.Select(0x2000))
	for i := range 20 {
		n.Clock.Advance(61e9)
		carol := otrtest.NewParty("carol", otr.InstanceTag(0x10000+i), otr.PolicyManual, n.Clock)
		n.Right = []*otrtest.Party{carol}
		carol.Do(carol.Start())
		n.Run()
	}
	left := map[otr.InstanceTag]bool{}
	for _, i := range alice.Instances() {
		left[i.Peer.Tag] = i.State == otr.Encrypted
	}
	if len(left) != 15 || !left[0x2000] || !left[0x3000] || left[0x10000] || !left[0x10013] {
		t.Errorf("these are left: %v", left)
	}
}

// TestInstances: the clients are listed as they were heard from, and what is selected is said.
func TestInstances(t *testing.T) {
	n, alice, bob1, bob2 := twoBobs(t, "bob")
	if got := alice.Instances(); len(got) != 0 {
		t.Errorf("before any session there are %+v", got)
	}
	bob1.Do(bob1.Start())
	n.Run()
	n.Clock.Advance(time.Second)
	send(t, bob1, "hello")
	n.Run()
	first, second := alice.Instances()[0], alice.Instances()[1]
	if first.Peer != alice.Peer() || first.Peer.Tag != 0x2000 || !first.Selected || first.State != otr.Encrypted || !first.Heard.Equal(n.Clock.Now()) {
		t.Errorf("heard from last: %+v", first)
	}
	if second.Peer.Tag != 0x3000 || second.Selected || second.State != otr.Encrypted || !second.Heard.Equal(n.Clock.Now().Add(-time.Second)) {
		t.Errorf("heard from before: %+v", second)
	}
	bob2.Do(bob2.End())
	n.Run()
	if first = alice.Instances()[0]; first.Peer.Tag != 0x3000 || first.State != otr.Finished || first.Selected {
		t.Errorf("ended: %+v", first)
	}
	alice.Do(alice.End())
	if got := alice.Instances(); len(got) != 0 {
		t.Errorf("after the end there are %+v", got)
	}
}

// TestSelect: which client each choice leads to, and for how long.
func TestSelect(t *testing.T) {
	n, alice, bob1, bob2 := twoBobs(t, "bob")
	bob1.Do(bob1.Start())
	n.Run()
	send(t, bob1, "hello")
	n.Run()
	want := func(what string, tag otr.InstanceTag) {
		t.Helper()
		if got := alice.Peer().Tag; got != tag {
			t.Fatalf("%s: alice writes to %x, want %x", what, got, tag)
		}
	}
	want("the first was heard from last", 0x2000)
	alice.Do(alice.Select(0x3000))
	want("the second was chosen", 0x3000)
	send(t, bob1, "hello")
	n.Run()
	want("the first was heard from, but the second was chosen", 0x3000)
	bob1.Do(bob1.Receive("?OTRv3?"))
	n.Run()
	want("the first has fresh keys, but the second was chosen", 0x3000)
	for _, tag := range []otr.InstanceTag{0, 0xff, 0x4000, 0x1000} {
		if alice.Select(tag) != nil {
			t.Errorf("%x, which has no session, can be chosen", tag)
		}
	}
	want("nobody else could be chosen", 0x3000)
	alice.Do(alice.Select(otr.SelectRecent))
	want("the first was heard from last", 0x2000)
	send(t, bob2, "hello")
	n.Run()
	want("nobody is chosen any more, and the second was heard from", 0x3000)
	alice.Do(alice.Select(0x2000))
	alice.Do(alice.Select(otr.SelectBest))
	want("both are as good, but the second was heard from last", 0x3000)
	alice.Do(alice.Select(0x2000))
	bob1.Do(bob1.End())
	n.Run()
	want("the one that was chosen has ended", 0x3000)
}

// TestSelectVersion2: the client that speaks version 2 can be chosen too, by tag 0.
func TestSelectVersion2(t *testing.T) {
	n, alice, bob1, bob2 := twoBobs(t, "bob")
	alice.Config.Policy |= otr.AllowV2
	bob1.Config.Policy = otr.AllowV2
	n.Right = []*otrtest.Party{bob1}
	alice.Do(alice.Start())
	n.Run()
	n.Clock.Advance(61e9)
	n.Right = []*otrtest.Party{bob2}
	alice.Do(alice.Start())
	n.Run()
	n.Right = []*otrtest.Party{bob1, bob2}
	alice.Take()
	if got := alice.Peer(); got.Version != 3 || got.Tag != 0x3000 {
		t.Fatalf("alice writes to %+v", got)
	}
	bob1.Take()
	bob2.Take()
	alice.Do(alice.Select(0))
	send(t, alice, "by version 2")
	n.Run()
	wantTexts(t, bob1, "by version 2")
	wantTexts(t, bob2)
	alice.Do(alice.Select(otr.SelectBest))
	send(t, alice, "by version 3")
	n.Run()
	wantTexts(t, bob1)
	wantTexts(t, bob2, "by version 3")
}
