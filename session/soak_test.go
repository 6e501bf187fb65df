//go:build unix

package session

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/xmpp"
	"github.com/sotto-im/sotto/session/xmpp/chaos"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

const (
	soakMessages  = 2000            // SOTTO_SOAK_MESSAGES has another number; all else follows from it
	soakPerBreak  = 200             // messages between two broken connections
	soakPerKill   = 5000            // between two kills, of which there are at least soakMinKills
	soakMinKills  = 2               //
	soakPerSMP    = 1000            // between two verifications
	soakWindow    = 24              // texts that somebody writes before looking whether they arrive
	soakPatience  = 2 * time.Minute // for anything to happen
	soakSettling  = 10_000          // messages after which memory is measured first
	soakLengths   = 500             // texts after which their lengths begin anew, so that those which are remembered are as long at any time
	soakMeasures  = 40              // of memory from then on. It still goes up and down a little with who wrote what, so it is the middle one
	soakCompared  = 10              // of the first of them that the middle one of the last is compared with
	soakDriftTo   = 1.05            // what that may have become
	soakTolerance = 3               // goroutines and files more than at the start
)

// Three people write to each other, two with Sotto, each in a process of its own, and one with libotr. Their connections break, their
// server ends and is killed, and they are killed themselves.
//
// # What is counted
//
// messages: texts that somebody typed and the program took. reconnects: signing in again after a broken connection. kills: processes ended
// by SIGKILL.
//
// twice: texts that the other person was shown more than once, by one process or by one and its successor.
//
// disorder: texts shown after one that was written later. Not counted are those that a person sent again by hand: they come when that was.
//
// lost: texts that the other person was never shown, although the program of whoever wrote them said that they were delivered, or did not
// say that they might not be. A person here sends again what is said to be in doubt or to have failed, after asking the other; so at the
// end every text must have been shown. Two exceptions are not silent and are counted apart, in the line before the last: what a killed
// program had not yet had confirmed lived in its memory only, by design, and died with its window; and what a killed program had confirmed
// but not yet written to the pipe on which this test reads what it shows.
//
// clear: places on the wire inside TLS, in any file of clients and server, on standard error, in logs and on D-Bus, where one of the random
// marks in the texts can be read.
func TestSoak(t *testing.T) {
	messages := soakMessages
	if text := os.Getenv("SOTTO_SOAK_MESSAGES"); text != "" {
		var err error
		if messages, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newSoak(t)
	s.plan(messages)
	began := time.Now()
	for len(s.texts) < messages {
		s.write()
		if len(s.texts)%soakPerSMP == 0 {
			s.verify()
		}
		for len(s.trouble) > 0 && len(s.texts) >= s.trouble[0].at {
			s.trouble[0].happen(s)
			s.trouble = s.trouble[1:]
			s.calm()
		}
		if len(s.texts) >= s.measureAt {
			s.measureAt += s.measureEvery
			s.calm()
			s.measure()
		}
		if len(s.texts)%5000 == 0 {
			t.Logf("%d texts after %v, %d reconnects, %d kills", len(s.texts), time.Since(began).Round(time.Second), s.reconnects(), s.kills)
		}
	}
	s.calm()
	s.compare()
	s.judge(began)
}

// A soak is everything that takes part.
type soak struct {
	t        *testing.T
	server   *xmpptest.Prosody
	proxies  map[string]*chaos.Proxy
	clients  map[string]*clientProcess
	libotr   *libotrContact
	dir      string // of the clients
	mark     string // is in every text that has room for it
	watched  []*watched
	bus      string
	trouble  []trouble
	measured map[string][]clientUse
	first    map[string]clientUse // when a process was new

	measureAt, measureEvery, kills, verified, clear int

	mu       sync.Mutex
	moved    chan struct{} // closed and made anew with everything that is reported
	texts    []*soakText
	shown    []soakShown
	relogins int // of Sottos
	known    int // texts whose fate was known when all was calm last
	last     map[pair]int
	happened string // the trouble before
}

// A soakText is one that was typed.
type soakText struct {
	number   int
	from, to string
	life     int // of the process that took it
	id       EntryID
	hand     bool      // sent again by hand
	again    time.Time // when, last
	died     string    // why nobody can expect it any more
	times    int       // shown
	seen     time.Time // when, last
}

type soakShown struct {
	number int
	to     string
}

// A trouble happens once so many texts are written.
type trouble struct {
	at     int
	happen func(*soak)
}

func newSoak(t *testing.T) *soak {
	s := &soak{
		t: t, dir: t.TempDir(), mark: "mark-" + xmpp.NewID(), proxies: map[string]*chaos.Proxy{}, clients: map[string]*clientProcess{},
		measured: map[string][]clientUse{}, first: map[string]clientUse{}, moved: make(chan struct{}), last: map[pair]int{},
	}
	s.server = xmpptest.StartProsody(t, map[string]string{"alice": "alice's password", "bob": "bob's password", "mike": "mike's password"})
	s.watched = []*watched{{file: filepath.Join(s.server.Dir, "wire.log")}, {file: filepath.Join(s.server.Dir, "prosody.log")}, {file: filepath.Join(s.server.Dir, "server.log")}}
	s.startBus()
	for _, name := range []string{"alice", "bob", "mike"} {
		s.proxies[name] = chaos.Start(t, s.server.Addr)
	}
	s.libotr = startLibotr(t, s.proxies["mike"].Addr, "mike", "mike's password", s.server.RootCAs, address("alice"))
	for _, name := range []string{"alice", "bob"} {
		s.clients[name] = s.startClient(name)
		s.until(name+" online", s.clients[name].online)
	}
	alice, bob := s.clients["alice"], s.clients["bob"]
	alice.do("add", address("bob"))
	alice.do("add", address("mike"))
	s.until("a request", func() bool { return bob.contacts[address("alice")].Wants })
	bob.do("accept", address("alice"))
	for _, p := range s.pairs() {
		if c := s.clients[p.from]; c != nil {
			s.until("seeing each other", func() bool { return c.contacts[address(p.to)].Subscription == SubscriptionBoth })
		}
	}
	s.calm()
	for name, c := range s.clients {
		s.first[name] = c.use()
	}
	return s
}

func address(name string) string { return name + "@" + xmpptest.Domain }

// A pair is who writes to whom.
type pair struct{ from, to string }

// pairs are all, those of two Sottos twice as often as the others.
func (s *soak) pairs() []pair {
	return []pair{{"alice", "bob"}, {"bob", "alice"}, {"alice", "bob"}, {"bob", "alice"}, {"alice", "mike"}, {"mike", "alice"}}
}

// plan spreads what goes wrong over the texts.
func (s *soak) plan(messages int) {
	breaks, kills := messages/soakPerBreak, max(soakMinKills, messages/soakPerKill)
	for i := range breaks {
		s.trouble = append(s.trouble, trouble{(i + 1) * messages / (breaks + 1), []func(*soak){
			(*soak).cutSomebody, (*soak).resetSomebody, (*soak).cutSomebodySoon, (*soak).resetSomebody, (*soak).restartServer,
		}[i%5]})
	}
	// The first half has the kills, so that the processes of the second live long enough to be measured.
	for i := range kills {
		s.trouble = append(s.trouble, trouble{(i + 1) * messages / 2 / (kills + 1), (*soak).killSomebody})
	}
	slices.SortStableFunc(s.trouble, func(x, y trouble) int { return x.at - y.at })
	s.measureAt = messages/2 + min(soakSettling, messages/10)
	s.measureEvery = max(1, (messages-s.measureAt)/soakMeasures)
}

// ---- writing

// write has somebody write to somebody, who looks up only now and then.
func (s *soak) write() {
	p := s.pairs()[rand.IntN(len(s.pairs()))]
	if !s.within(10*time.Second, func() bool { return s.underWay(p) < soakWindow }) {
		s.calm() // libotr's texts were lost on a line that broke since: nobody but its person can do something about that
	}
	s.writeAs(p)
}

func (s *soak) writeAs(p pair) {
	s.mu.Lock()
	text := &soakText{number: len(s.texts) + 1, from: p.from, to: p.to}
	s.texts = append(s.texts, text)
	s.mu.Unlock()
	words := s.words(text.number)
	if p.from == "mike" {
		s.libotr.write(words)
		return
	}
	c := s.clients[p.from]
	id := c.send(address(p.to), words)
	s.mu.Lock()
	text.id, text.life = id, c.life
	c.texts[id] = text
	s.mu.Unlock()
}

// words are 1 to 4,000 bytes: a number, then the mark, if it fits in, then anything.
func (s *soak) words(number int) string {
	lengths, random := rand.New(rand.NewPCG(uint64(number%soakLengths), 7)), rand.New(rand.NewPCG(uint64(number), 7))
	words := strconv.FormatInt(int64(number), 36)
	length := 1 + lengths.IntN(4000)
	if lengths.IntN(4) == 0 {
		length = 1 + lengths.IntN(60)
	}
	if marked := words + " " + s.mark + "-" + strconv.Itoa(number); len(marked) <= length {
		words = marked + " "
		for len(words) < length {
			words += []string{"so ", "on ", "and ", "& ", "<b>on</b> ", "grüße ", "?OTR ", "\n"}[random.IntN(8)]
		}
	}
	return strings.TrimSpace(words)
}

// numberOf is the text that was shown.
func numberOf(words string) int {
	first, _, _ := strings.Cut(words, " ")
	n, err := strconv.ParseInt(first, 36, 64)
	if err != nil {
		return 0
	}
	return int(n)
}

// underWay counts the texts of a pair whose fate is open. It is called with mu.
func (s *soak) underWay(p pair) int {
	if p.from == "mike" {
		s.libotr.mu.Lock()
		defer s.libotr.mu.Unlock()
		return len(s.libotr.typed) + len(s.libotr.sent)
	}
	n := 0
	c := s.clients[p.from]
	for id := range c.open {
		if t := c.texts[id]; t == nil || t.to == p.to {
			n++
		}
	}
	return n
}

// show notes what somebody was shown. It is called with mu.
func (s *soak) show(to, words string, guard Guard) {
	n := numberOf(words)
	if n < 1 || n > len(s.texts) || s.words(n) != words || s.texts[n-1].to != to {
		s.t.Errorf("%s was shown %.80q", to, words)
		return
	}
	if guard != EncryptedUnverified && guard != EncryptedVerified {
		s.t.Errorf("%s was shown a text with guard %d", to, guard)
	}
	text := s.texts[n-1]
	p := pair{text.from, text.to}
	if text.times > 0 && s.libotr.sentItself(words) {
		s.t.Logf("%d from %s to %s was sent by libotr itself and by its person", n, text.from, text.to)
		return
	}
	if text.times > 0 {
		s.t.Errorf("%d from %s to %s, shown %v ago and sent again by hand %v ago, is shown once more; the trouble before it: %s\n%s",
			n, text.from, text.to, time.Since(text.seen), time.Since(text.again), s.happened, s.wire(text.from, text.to))
	}
	if text.times == 0 && !text.hand && n < s.last[p] {
		s.t.Errorf("%d from %s to %s was shown after %d; the trouble before it: %s\n%s", n, text.from, text.to, s.last[p], s.happened, s.wire(text.from, text.to))
	}
	if !text.hand {
		s.last[p] = max(s.last[p], n)
	}
	text.times++
	text.seen = time.Now()
	s.shown = append(s.shown, soakShown{n, to})
}

// verify is somebody asking somebody a question.
func (s *soak) verify() {
	s.calm()
	for _, c := range s.clients {
		c.do("later") // nobody is shown more than a few questions in an hour
	}
	alice := s.clients["alice"]
	other := []string{"bob", "mike"}[s.verified%2]
	for range 3 {
		s.mu.Lock()
		key, before := alice.contacts[address(other)].Key, alice.smp[address(other)].Number
		s.mu.Unlock()
		alice.do("ask", address(other), key)
		s.until("the end of a verification", func() bool {
			run := alice.smp[address(other)]
			return run.Number > before && run.Stage != SMPWaiting && run.Stage != SMPNeedsAnswer
		})
		s.mu.Lock()
		stage := alice.smp[address(other)].Stage
		s.mu.Unlock()
		if stage == SMPSucceeded {
			s.verified++
			return
		}
	}
	s.t.Errorf("%s could not be verified", other)
}

// ---- trouble

func (s *soak) somebody() string { return []string{"alice", "bob", "mike"}[rand.IntN(3)] }

func (s *soak) cutSomebody()   { s.proxies[s.note("cut", s.somebody())].Cut(); s.writeOn() }
func (s *soak) resetSomebody() { s.proxies[s.note("reset", s.somebody())].Reset(); s.writeOn() }

// note remembers what goes wrong now, for whoever has to find out what came of it.
func (s *soak) note(what, who string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happened = fmt.Sprintf("%s %s after %d texts", what, who, len(s.texts))
	return who
}

// cutSomebodySoon breaks the connection after the next in the middle of something.
func (s *soak) cutSomebodySoon() {
	name := s.note("cut, and soon again", s.somebody())
	s.proxies[name].CutAfter([]chaos.Direction{chaos.Down, chaos.Up}[rand.IntN(2)], 3000+rand.Int64N(20000))
	s.proxies[name].Cut()
	s.writeOn()
}

func (s *soak) restartServer() {
	if rand.IntN(2) == 0 {
		s.note("stop", "server")
		s.server.Stop()
	} else {
		s.note("kill", "server")
		s.server.Kill()
	}
	s.writeOn()
	s.server.Start(s.t)
}

// writeOn is people who have not noticed yet.
func (s *soak) writeOn() {
	for range rand.IntN(6) {
		s.writeAs(s.pairs()[rand.IntN(len(s.pairs()))])
	}
}

// killSomebody kills whoever was killed least often, in the middle of whatever is going on.
func (s *soak) killSomebody() {
	name := s.note("kill", []string{"alice", "bob", "mike"}[s.kills%3])
	s.kills++
	s.writeOn()
	if name == "mike" {
		s.libotr.crash()
	} else {
		s.clients[name].kill()
	}
	s.mu.Lock()
	for _, t := range s.texts {
		switch c := s.clients[t.from]; {
		case t.times > 0 || t.died != "":
		case t.from == name && (c == nil || c.unconfirmed(t)):
			t.died = "with whoever wrote it"
		case t.to == name && c != nil && c.entries[t.id] == StatusDelivered:
			t.died = "with whoever had read it"
		}
	}
	s.mu.Unlock()
	if name != "mike" {
		life := s.clients[name].life
		s.clients[name] = s.startClient(name)
		s.clients[name].life = life + 1
		s.until(name+" online again", s.clients[name].online)
		s.first[name] = s.clients[name].use()
	}
}

// calm waits until everybody is online and every text has arrived or is said to be in doubt; then people decide.
func (s *soak) calm() {
	s.t.Helper()
	for round := 0; ; round++ {
		for name, c := range s.clients {
			s.until(name+" online", c.online)
		}
		s.libotr.until("online", func() bool { return s.libotr.conn != nil })
		for _, p := range s.pairs() {
			if c := s.clients[p.from]; c != nil {
				s.until(p.from+" seeing "+p.to, func() bool { return c.contacts[address(p.to)].Presence != PresenceOffline })
			}
		}
		if s.settled() && s.decide() == 0 {
			break
		}
		if round > 50 {
			s.t.Fatalf("no calm:\n%s", s.state())
		}
	}
	s.mu.Lock()
	s.known = len(s.texts)
	s.mu.Unlock()
	for _, w := range s.watched {
		w.look(s.t, s.mark)
	}
}

// settled waits until nothing is under way. Where nothing goes on, whoever is not sure writes another line, or asks for fresh keys: what
// was encrypted before and has not been read by then never will be.
func (s *soak) settled() bool {
	still := func() bool {
		n := 0
		for _, p := range s.pairs() {
			n += s.underWay(p)
		}
		return n == 0
	}
	onlyLibotr := func() bool {
		for _, p := range s.pairs() {
			if p.from != "mike" && s.underWay(p) > 0 {
				return false
			}
		}
		return true
	}
	if s.within(time.Second, still) || !s.within(2*time.Second, onlyLibotr) && s.within(time.Second, still) {
		return true
	}
	for _, p := range s.pairs()[2:] {
		s.mu.Lock()
		open := s.underWay(p) > 0
		s.mu.Unlock()
		if open && p.from != "mike" {
			s.writeAs(p)
		}
	}
	s.refresh()
	s.libotr.mu.Lock()
	s.libotr.sent = map[string]string{}
	s.libotr.mu.Unlock()
	return s.within(20*time.Second, still)
}

// refresh makes fresh keys between alice and mike.
func (s *soak) refresh() {
	s.libotr.mu.Lock()
	before := s.libotr.sessions
	s.libotr.mu.Unlock()
	alice := s.clients["alice"]
	fresh := func() bool {
		s.libotr.mu.Lock()
		defer s.libotr.mu.Unlock()
		return s.libotr.sessions > before && alice.contacts[address("mike")].Mode == SendPrivately
	}
	// Where mike's line broke just when the keys were there, alice is in doubt about them until she writes, or asks again.
	for tries := 0; tries < 5; tries++ {
		alice.do("start", address("mike"))
		if s.within(soakPatience/5, fresh) {
			break
		}
	}
	s.until("fresh keys", fresh)
	alice.caughtUp()
	s.takeLibotr()
}

// decide is people asking each other what has arrived, and sending again what has not.
func (s *soak) decide() int {
	doubtful := s.doubtful()
	if slices.ContainsFunc(doubtful, func(t *soakText) bool { return t.from == "mike" || t.to == "mike" }) {
		s.refresh() // libotr would show a text twice
		doubtful = s.doubtful()
	}
	for _, t := range doubtful {
		t.hand, t.again = true, time.Now()
		if t.from == "mike" {
			s.libotr.write(s.words(t.number))
			continue
		}
		c := s.clients[t.from]
		s.mu.Lock()
		c.open[t.id] = true
		s.mu.Unlock()
		c.do("retry", address(t.to), strconv.FormatUint(uint64(t.id), 10))
	}
	return len(doubtful)
}

// doubtful are the texts that whoever wrote them is told, or must guess, may not have arrived, and that have not.
func (s *soak) doubtful() (texts []*soakText) {
	s.takeLibotr()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.texts[s.known:] {
		switch c := s.clients[t.from]; {
		case t.times > 0 || t.died != "":
		case c == nil:
			texts = append(texts, t)
		case c.entries[t.id] == StatusUnconfirmed || c.entries[t.id] == StatusFailed:
			texts = append(texts, t)
		}
	}
	return texts
}

// ---- the end

// measure notes what the processes use.
func (s *soak) measure() {
	for name, c := range s.clients {
		s.measured[name] = append(s.measured[name], c.use())
	}
}

// compare compares what the processes used in the course of time.
func (s *soak) compare() {
	for name, c := range s.clients {
		first, now, measured := s.first[name], c.use(), s.measured[name]
		if now.Goroutines > first.Goroutines+soakTolerance || now.Files > first.Files+soakTolerance {
			s.t.Errorf("%s: goroutines or files have become more", name)
		}
		enough := len(measured) >= 2*soakCompared && len(s.texts) >= 2*soakSettling+2*soakSettling/10 // else it is too short to say anything about memory
		compared := min(soakCompared, len(measured))
		for what, of := range map[string]func(clientUse) int{
			"live heap": func(u clientUse) int { return u.Heap }, "resident memory": func(u clientUse) int { return u.Resident },
		} {
			then, last := middle(measured[:compared], of), middle(measured[len(measured)-compared:], of)
			drift := float64(last)/float64(then) - 1
			s.t.Logf("%s: %s %d kB when new, %d kB once settled, %d kB at last: %+.2f %%", name, what, of(first)>>10, then>>10, last>>10, 100*drift)
			if enough && 1+drift > soakDriftTo {
				s.t.Errorf("%s: %s has grown by more than a twentieth", name, what)
			}
		}
		s.t.Logf("%s: %d goroutines and %d files when new, %d and %d at last", name, first.Goroutines, first.Files, now.Goroutines, now.Files)
	}
}

// middle is the median of one of the figures.
func middle(uses []clientUse, of func(clientUse) int) int {
	figures := make([]int, len(uses))
	for i, u := range uses {
		figures[i] = of(u)
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}

func (s *soak) reconnects() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.libotr.mu.Lock()
	defer s.libotr.mu.Unlock()
	return s.relogins + s.libotr.logins - 1
}

// judge counts, and says so in one line.
func (s *soak) judge(began time.Time) {
	s.takeLibotr()
	reconnects := s.reconnects()
	for _, c := range s.clients {
		c.quit()
	}
	s.scanFiles()
	lost, twice, disorder, died, byHand := 0, 0, 0, 0, 0
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.texts {
		switch {
		case t.times > 1:
			twice++
			s.t.Errorf("%d from %s to %s was shown %d times", t.number, t.from, t.to, t.times)
		case t.times == 0 && t.died != "":
			died++
		case t.times == 0:
			lost++
			s.t.Errorf("%d from %s to %s was never shown", t.number, t.from, t.to)
		}
		if t.hand {
			byHand++
		}
	}
	last := map[pair]int{}
	for _, shown := range s.shown {
		t := s.texts[shown.number-1]
		p := pair{t.from, t.to}
		switch {
		case t.hand:
		case t.number < last[p]:
			disorder++ // it was told when it happened
		default:
			last[p] = t.number
		}
	}
	if s.clear > 0 {
		s.t.Errorf("a mark can be read in %d places", s.clear)
	}
	s.t.Logf("%v; %d texts sent again by hand, %d died with a killed process (not silently), %d verifications", time.Since(began).Round(time.Second), byHand, died, s.verified)
	s.t.Logf("soak messages=%d reconnects=%d kills=%d lost=%d twice=%d disorder=%d clear=%d", len(s.texts), reconnects, s.kills, lost, twice, disorder, s.clear)
}

// scanFiles looks for marks wherever clients and server could have left one.
func (s *soak) scanFiles() {
	for _, w := range s.watched {
		w.look(s.t, s.mark)
		s.clear += w.found
	}
	if wire := s.watched[0]; wire.protocol == 0 {
		s.t.Errorf("%s has no OTR in it: this test proves nothing", wire.file)
	}
	for _, dir := range []string{s.dir, s.server.Dir} {
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			b, err := os.ReadFile(path)
			if err != nil {
				s.t.Error(err)
			}
			if n := bytes.Count(b, []byte(s.mark)); n > 0 {
				s.t.Errorf("%d marks in %s", n, path)
				s.clear += n
			}
			return nil
		})
	}
	if b, err := os.ReadFile(s.bus); err != nil || !bytes.Contains(b, []byte("probe-"+s.mark[5:])) {
		s.t.Errorf("nobody listened on D-Bus: %v", err)
	}
}

// A watched file grows so much that it is read, and cut, as it does.
type watched struct {
	file            string
	offset          int64
	tail            []byte
	found, protocol int
}

const maxWatched = 64 << 20

func (w *watched) look(t *testing.T, mark string) {
	f, err := os.Open(w.file)
	if err != nil {
		return // a server of another kind
	}
	defer f.Close()
	if _, err := f.Seek(w.offset, io.SeekStart); err != nil {
		t.Error(err)
	}
	block := make([]byte, 1<<20)
	for {
		n, err := f.Read(block)
		if n == 0 || err != nil {
			break
		}
		w.offset += int64(n)
		text := append(w.tail, block[:n]...)
		w.found += bytes.Count(text, []byte(mark)) - bytes.Count(w.tail, []byte(mark))
		w.protocol += bytes.Count(block[:n], []byte("?OTR:"))
		w.tail = slices.Clone(text[max(0, len(text)-len(mark)+1):])
	}
	if w.offset > maxWatched {
		if err := os.Truncate(w.file, 0); err != nil {
			t.Error(err)
		}
		w.offset = 0
	}
}

// startBus gives the clients a D-Bus of their own, and listens.
func (s *soak) startBus() {
	s.t.Helper()
	for _, program := range []string{"dbus-daemon", "dbus-monitor", "dbus-send"} {
		if _, err := exec.LookPath(program); err != nil {
			s.t.Fatal("this test needs D-Bus: apt-get install dbus")
		}
	}
	socket := "unix:path=" + filepath.Join(s.t.TempDir(), "bus")
	s.t.Setenv("DBUS_SESSION_BUS_ADDRESS", socket)
	start := func(out io.Writer, words ...string) {
		c := exec.Command(words[0], words[1:]...)
		c.Stdout = out
		xmpptest.DieWithTest(c)
		if err := c.Start(); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() {
			c.Process.Kill()
			c.Wait()
		})
	}
	start(nil, "dbus-daemon", "--session", "--nofork", "--address="+socket)
	s.bus = filepath.Join(s.t.TempDir(), "bus.log")
	heard, err := os.Create(s.bus)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { heard.Close() })
	probe := func() bool {
		return exec.Command("dbus-send", "--session", "/soak", "soak.Probe.Here", "string:probe-"+s.mark[5:]).Run() == nil
	}
	for deadline := time.Now().Add(soakPatience); !probe(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("dbus-daemon does not start")
		}
	}
	start(heard, "dbus-monitor", "--session")
	for deadline := time.Now().Add(soakPatience); ; time.Sleep(50 * time.Millisecond) {
		probe()
		if b, _ := os.ReadFile(s.bus); bytes.Contains(b, []byte("probe-")) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("dbus-monitor hears nothing")
		}
	}
}

// until waits for something that is true or becomes so by what is reported.
func (s *soak) until(what string, is func() bool) {
	s.t.Helper()
	if !s.within(soakPatience, is) {
		s.t.Fatalf("waited in vain for: %s\n%s", what, s.state())
	}
}

func (s *soak) within(limit time.Duration, is func() bool) bool {
	late := time.After(limit)
	for {
		s.mu.Lock()
		ok, moved := is(), s.moved
		s.mu.Unlock()
		if ok {
			return true
		}
		s.libotr.mu.Lock()
		there := s.libotr.moved
		s.libotr.mu.Unlock()
		select {
		case <-moved:
		case <-there:
			s.takeLibotr()
		case <-late:
			return false
		}
	}
}

// takeLibotr notes what libotr has shown.
func (s *soak) takeLibotr() {
	s.libotr.mu.Lock()
	shown := s.libotr.shown
	s.libotr.shown = nil
	s.libotr.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, words := range shown {
		s.show("mike", words, EncryptedUnverified)
	}
}

// wire is what the server saw last between two people, or all of it, each stanza shortened.
func (s *soak) wire(x, y string) string {
	const lines, long = 400, 250
	wire, _ := os.ReadFile(s.watched[0].file)
	var seen []string
	for _, line := range strings.Split(string(wire[max(0, len(wire)-1<<20):]), "\n") {
		if strings.Contains(line, x+"@") && strings.Contains(line, y+"@") {
			seen = append(seen, line[:min(len(line), long)])
		}
	}
	return strings.Join(seen[max(0, len(seen)-lines):], "\n")
}

func (s *soak) state() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for name, c := range s.clients {
		fmt.Fprintf(&b, "%s: account %+v\n", name, c.account)
		for _, v := range c.contacts {
			fmt.Fprintf(&b, "  %+v\n", v)
		}
		for id := range c.open {
			if t := c.texts[id]; t != nil {
				fmt.Fprintf(&b, "  text %d to %s: %s, shown %d times\n", t.number, t.to, statusNames[c.entries[id]], t.times)
			}
		}
		stderr, _ := os.ReadFile(c.stderr)
		fmt.Fprintf(&b, "  %s\n", stderr)
	}
	b.WriteString(s.wire("", ""))
	s.libotr.mu.Lock()
	defer s.libotr.mu.Unlock()
	fmt.Fprintf(&b, "mike: secure %v there %v typed %d unconfirmed %d\n", s.libotr.secure, s.libotr.there, len(s.libotr.typed), len(s.libotr.sent))
	return b.String()
}

// ---- a client in its process

// A clientProcess is a Sotto without a window. What it reported is guarded by soak.mu.
type clientProcess struct {
	soak     *soak
	name     string
	life     int
	command  *exec.Cmd
	in       io.WriteCloser
	typing   sync.Mutex
	stderr   string // file
	sent     chan EntryID
	uses     chan clientUse
	told     chan struct{}
	ended    chan struct{}
	account  Account
	signedIn bool
	contacts map[string]clientView
	smp      map[string]SMP
	entries  map[EntryID]Status
	texts    map[EntryID]*soakText
	open     map[EntryID]bool // whose fate is not known
}

func (s *soak) startClient(name string) *clientProcess {
	s.t.Helper()
	home := filepath.Join(s.dir, name)
	for _, dir := range []string{"tmp", "run"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	c := &clientProcess{
		soak: s, name: name, stderr: filepath.Join(home, "stderr"), sent: make(chan EntryID, 1), uses: make(chan clientUse, 1), told: make(chan struct{}, 1), ended: make(chan struct{}),
		contacts: map[string]clientView{}, smp: map[string]SMP{}, entries: map[EntryID]Status{}, texts: map[EntryID]*soakText{}, open: map[EntryID]bool{},
	}
	config, err := json.Marshal(clientConfig{
		Dir: home, JID: address(name), Password: name + "'s password", Server: s.proxies[name].Addr, CAFile: s.server.CAFile,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	c.command = exec.Command(os.Args[0])
	c.command.Env = append(os.Environ(), soakClient+"="+string(config), "HOME="+home, "TMPDIR="+filepath.Join(home, "tmp"),
		"XDG_RUNTIME_DIR="+filepath.Join(home, "run"), "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_DATA_HOME="+home)
	xmpptest.DieWithTest(c.command)
	stderr, err := os.OpenFile(c.stderr, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer stderr.Close()
	c.command.Stderr = stderr
	if c.in, err = c.command.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		for lines := bufio.NewReaderSize(out, 1<<16); ; {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return // what a killed process had begun to say is nothing
			}
			var r report
			if err := json.Unmarshal(line, &r); err != nil {
				s.t.Errorf("%s said %.80q", name, line)
				return
			}
			c.take(r)
		}
	}()
	s.t.Cleanup(func() {
		c.command.Process.Kill()
		<-c.ended
		c.command.Wait()
		if b, _ := os.ReadFile(c.stderr); bytes.Contains(b, []byte("DATA RACE")) || bytes.Contains(b, []byte("panic:")) {
			s.t.Errorf("%s: %s", name, b)
		}
	})
	return c
}

func (c *clientProcess) take(r report) {
	s := c.soak
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Account != nil:
		if r.Account.State == Online && c.account.State != Online {
			if c.signedIn {
				s.relogins++
			}
			c.signedIn = true
		}
		if r.Account.State == Waiting {
			time.AfterFunc(rand.N(time.Second), func() { c.do("connect") }) // the person is impatient
		}
		c.account = *r.Account
	case r.Contact != nil:
		c.contacts[r.Contact.JID] = *r.Contact
	case r.SMP != nil:
		c.smp[r.SMP.Contact] = *r.SMP
	case r.Entry != nil && r.Entry.Kind == Incoming:
		s.show(c.name, r.Entry.Text, r.Entry.Guard)
	case r.Entry != nil && r.Entry.Kind == Outgoing:
		c.entries[r.Entry.ID] = r.Entry.Status
		switch r.Entry.Status {
		case StatusWaiting, StatusSent, StatusStored:
			c.open[r.Entry.ID] = true
		default:
			delete(c.open, r.Entry.ID)
		}
	case r.Use != nil:
		c.uses <- *r.Use
	case r.Told:
		c.told <- struct{}{}
	case r.Sent != 0:
		c.sent <- r.Sent
	}
	close(s.moved)
	s.moved = make(chan struct{})
}

func (c *clientProcess) online() bool { return c.account.State == Online }

// unconfirmed tells that this process wrote a text and does not know whether it arrived.
func (c *clientProcess) unconfirmed(t *soakText) bool {
	return t.life == c.life && c.entries[t.id] != StatusDelivered
}

func (c *clientProcess) do(words ...string) {
	c.typing.Lock()
	defer c.typing.Unlock()
	fmt.Fprintln(c.in, strings.Join(words, " "))
}

func (c *clientProcess) send(to, words string) EntryID {
	c.soak.t.Helper()
	c.do("send", to, base64.StdEncoding.EncodeToString([]byte(words)))
	select {
	case id := <-c.sent:
		return id
	case <-time.After(soakPatience):
		c.soak.t.Fatalf("%s cannot send\n%s", c.name, c.soak.state())
		return 0
	}
}

func (c *clientProcess) use() clientUse {
	c.soak.t.Helper()
	c.do("use")
	select {
	case u := <-c.uses:
		return u
	case <-time.After(soakPatience):
		c.soak.t.Fatalf("%s does not answer", c.name)
		return clientUse{}
	}
}

// caughtUp waits until everything that the client has shown is known here: whoever is asked whether a text has arrived looks first.
func (c *clientProcess) caughtUp() {
	c.soak.t.Helper()
	c.do("tell")
	select {
	case <-c.told:
	case <-time.After(soakPatience):
		c.soak.t.Fatalf("%s does not answer", c.name)
	}
}

// kill is SIGKILL; what the process had said before is still read.
func (c *clientProcess) kill() {
	c.command.Process.Kill()
	<-c.ended
	c.command.Wait()
}

// quit is the person closing the program.
func (c *clientProcess) quit() {
	c.in.Close()
	select {
	case <-c.ended:
	case <-time.After(soakPatience):
		c.soak.t.Errorf("%s does not end", c.name)
	}
}
