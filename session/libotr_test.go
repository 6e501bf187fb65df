//go:build unix

package session

import (
	"context"
	"crypto/x509"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest/interop"
	"github.com/sotto-im/sotto/session/xmpp"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"mellium.im/xmpp/jid"
)

// A libotrContact is somebody whose client is libotr behind an XMPP connection of ours: it lets everybody see its presence, insists on
// encryption, confirms what it could read, and signs in again whenever the connection breaks.
type libotrContact struct {
	t       testing.TB
	jid     jid.JID
	peer    jid.JID // bare
	program string
	key     string // file
	config  xmpp.Config
	cancel  context.CancelFunc
	ended   chan struct{}

	mu       sync.Mutex
	end      *interop.Endpoint
	conn     *xmpp.Conn
	partner  jid.JID // the client that wrote last
	secure   bool
	sessions int      // that began
	typed    []string // until the conversation is private
	sending  string
	refused  string          // the last text that libotr did not send, because it was in the middle of a key exchange
	itself   map[string]bool // those that it sent later by itself
	shown    []string
	sent     map[string]string // stanza to text
	read     map[string]bool   // texts that were confirmed
	logins   int
	there    bool // the partner is online
	secret   string
	agreed   int           // verifications that succeeded
	moved    chan struct{} // closed and made anew with everything that happens
}

// buildLibotr compiles the endpoint.
func buildLibotr(t testing.TB) string {
	t.Helper()
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "libotr").Output()
	if err != nil {
		t.Fatal("libotr is missing; on Debian: apt-get install gcc pkg-config libotr5-dev libgcrypt20-dev")
	}
	program := filepath.Join(t.TempDir(), "libotrpeer")
	args := append([]string{"-O2", "-o", program, "../crypto/otr/otrtest/libotrpeer/libotrpeer.c"}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", append(args, "-lgcrypt")...).CombinedOutput(); err != nil {
		t.Fatalf("libotrpeer does not compile: %v\n%s", err, out)
	}
	return program
}

func startLibotr(t testing.TB, address, local, password string, roots *x509.CertPool, peer string) *libotrContact {
	t.Helper()
	l := &libotrContact{
		t: t, jid: jid.MustParse(local + "@" + xmpptest.Domain), peer: jid.MustParse(peer), program: buildLibotr(t),
		sent: map[string]string{}, read: map[string]bool{}, itself: map[string]bool{}, moved: make(chan struct{}), ended: make(chan struct{}),
		secret: "blue",
	}
	l.config = xmpp.Config{JID: l.jid, Resource: "libotr", Password: []byte(password), Server: address, TLS: xmpp.TLSStart, RootCAs: roots}
	l.partner = l.peer
	l.key = filepath.Join(t.TempDir(), "key")
	l.startEndpoint()
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	go l.run(ctx)
	t.Cleanup(func() {
		l.cancel()
		<-l.ended
		l.mu.Lock()
		defer l.mu.Unlock()
		l.end.Kill()
	})
	l.until("online", func() bool { return l.conn != nil })
	return l
}

// startEndpoint is called with mu or before anybody else is there.
func (l *libotrContact) startEndpoint() {
	end, err := interop.Start("libotr", l.program, "--account", l.jid.String(), "--peer", l.peer.String(), "--key", l.key,
		"--policy", "v3,require", "--max", "0", "--instag", "0a000200")
	if err != nil {
		l.t.Error(err)
		return
	}
	l.end, l.secure = end, false
}

// run keeps the contact online.
func (l *libotrContact) run(ctx context.Context) {
	defer close(l.ended)
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, 20*time.Second)
		config := l.config
		config.Password = slices.Clone(config.Password)
		conn, err := xmpp.Connect(attempt, config)
		cancel()
		if err != nil {
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		l.mu.Lock()
		l.conn = conn
		l.logins++
		l.happened()
		l.mu.Unlock()
		stop := context.AfterFunc(ctx, func() {
			goodbye, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			conn.Close(goodbye)
		})
		for e := range conn.Events() {
			l.mu.Lock()
			l.take(e)
			l.happened()
			l.mu.Unlock()
		}
		l.mu.Lock()
		l.conn, l.there = nil, false
		l.happened()
		l.mu.Unlock()
		if stop() {
			ended, cancel := context.WithTimeout(context.Background(), time.Second)
			conn.Close(ended)
			cancel()
		}
	}
}

func (l *libotrContact) happened() {
	close(l.moved)
	l.moved = make(chan struct{})
}

func (l *libotrContact) take(e xmpp.Event) {
	switch e := e.(type) {
	case *xmpp.Presence:
		switch {
		case e.Type == xmpp.Subscribe:
			l.conn.SendPresence(xmpp.Presence{To: e.From.Bare(), Type: xmpp.Subscribed})
			l.conn.SendPresence(xmpp.Presence{To: e.From.Bare(), Type: xmpp.Subscribe})
		case e.From.Bare().Equal(l.peer) && e.Type == xmpp.Available:
			l.partner, l.there = e.From, true
			l.goOn()
		case e.From.Bare().Equal(l.peer) && e.Type == xmpp.Unavailable:
			l.there = false
		}
	case *xmpp.Message:
		switch {
		case !e.From.Bare().Equal(l.peer) || e.Carbon != xmpp.NoCarbon || e.Type == xmpp.ErrorMessage:
		case e.Receipt != "":
			if text, ok := l.sent[e.Receipt]; ok {
				l.read[text] = true
				delete(l.sent, e.Receipt)
			}
		case e.Body != "":
			l.partner, l.there = e.From, true
			if l.do("recv", interop.Bytes(e.Body)) {
				l.conn.Send(xmpp.Message{ID: xmpp.NewID(), To: e.From, Type: xmpp.Chat, Receipt: e.ID})
			}
			l.goOn()
		}
	}
}

// do gives libotr a command and does what comes of it. read tells that it had a text to show.
func (l *libotrContact) do(words ...string) (read bool) {
	out, err := l.end.Do(words...)
	if err != nil {
		l.t.Errorf("%s: %v", words[0], err)
		return false
	}
	for i, wire := range out.Wires {
		carries := words[0] == "send" && strings.HasPrefix(wire, "?OTR:") && i == len(out.Wires)-1
		id := xmpp.NewID()
		if carries {
			l.sent[id] = l.sending
		}
		if l.conn != nil {
			l.conn.Send(xmpp.Message{ID: id, To: l.partner, Type: xmpp.Chat, Body: wire, OTR: otr.IsOTR(wire), WantReceipt: carries})
		}
	}
	for _, m := range out.Messages {
		if m.How == "encrypted" {
			l.shown = append(l.shown, m.Text)
			read = true
		} else if !strings.HasPrefix(m.Text, "?OTR") {
			l.shown = append(l.shown, "in clear: "+m.Text)
		}
	}
	for _, e := range out.Events {
		switch e.Name {
		case "gone-secure", "still-secure":
			l.secure = true
			l.sessions++
		case "gone-insecure", "connection-ended":
			l.secure = false
		case "encryption-required":
			l.refused = l.sending
		case "resent":
			l.itself[l.refused] = true
		case "smp-ask-secret", "smp-ask-answer":
			l.do("smp-respond", interop.Bytes(l.secret))
		case "smp-success":
			l.agreed++
		}
	}
	return read
}

// goOn sends what was typed, once it is private.
func (l *libotrContact) goOn() {
	if l.conn == nil || !l.there || !l.secure {
		return
	}
	typed := l.typed
	l.typed = nil
	for _, text := range typed {
		l.send(text)
	}
}

func (l *libotrContact) send(text string) {
	l.sending = text
	l.do("send", interop.Bytes(text))
}

// write types a text, and asks for privacy where there is none.
func (l *libotrContact) write(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.typed = append(l.typed, text)
	if !l.secure && l.conn != nil && l.there {
		l.do("start")
	}
	l.goOn()
}

// sentItself tells whether libotr sent a text by itself, which its person may have sent again.
func (l *libotrContact) sentItself(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.itself[text]
}

// crash is libotr dying and being started again. What it had not sent is gone with it.
func (l *libotrContact) crash() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end.Kill()
	l.typed, l.sent = nil, map[string]string{}
	l.startEndpoint()
}

// until waits for something to become true.
func (l *libotrContact) until(what string, is func() bool) {
	l.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		l.mu.Lock()
		ok, moved := is(), l.moved
		l.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-moved:
		case <-late:
			l.t.Fatalf("%s: waited in vain for: %s", l.jid, what)
		}
	}
}

// libotr dies and is started anew while both sides write, each insisting on encryption: nothing hangs, nothing is lost that is not offered
// for sending again, and nothing is readable.
func TestCrashWhileBothWriteWithLibotr(t *testing.T) {
	server := xmpptest.StartProsody(t, map[string]string{"alice": "alice's password", "mike": "mike's password"})
	a := realPerson(t, server, "alice", "alice's password")
	a.until("online", a.online)
	l := startLibotr(t, server.Addr, "mike", "mike's password", server.RootCAs, a.jid)
	mike := &person{jid: l.jid.String()}
	if _, err := a.session.AddContact(a.jid, mike.jid, ""); err != nil {
		t.Fatal(err)
	}
	a.until("seeing mike", func() bool {
		return a.contact(mike).Presence == PresenceOnline && a.contact(mike).Subscription == SubscriptionBoth
	})
	a.write(mike, "hello")
	l.until("hello", func() bool { return len(l.shown) == 1 })
	for _, how := range []string{"libotr alone crashes", "and again"} {
		t.Log(how)
		l.crash()
		ours, theirs := twenty(), twenty()
		ids := a.sayAll(mike, ours)
		for _, text := range theirs {
			l.write(text)
		}
		l.until("being private again", func() bool { return l.secure && len(l.typed) == 0 })
		settled := func() bool {
			for _, id := range ids {
				if s := a.entries[id].Status; s != StatusDelivered && s != StatusUnconfirmed && s != StatusFailed {
					return false
				}
			}
			return a.contact(mike).SendMode == SendPrivately
		}
		a.until("every text delivered or in doubt", settled)
		a.mu.Lock()
		var doubtful []EntryID
		for _, id := range ids {
			if a.entries[id].Status != StatusDelivered {
				doubtful = append(doubtful, id)
			}
		}
		a.mu.Unlock()
		for _, id := range doubtful {
			a.session.Retry(a.ref(mike), id)
		}
		a.until("every text delivered", func() bool {
			for _, id := range ids {
				if a.entries[id].Status != StatusDelivered {
					return false
				}
			}
			return true
		})
		for _, text := range ours {
			l.mu.Lock()
			n := times(l.shown, text)
			l.mu.Unlock()
			if n != 1 {
				t.Errorf("mike was shown %s %d times", text, n)
			}
		}
		for _, text := range theirs {
			a.until("what libotr wrote", func() bool { return a.heardText(text) })
		}
	}
	if n := strings.Count(server.Wire(), "?OTRv3?"); n > 200 {
		t.Errorf("%d queries went over the wire", n)
	}
	if strings.Contains(server.Wire(), "canary-") {
		t.Error("a text is readable on the wire")
	}
}
