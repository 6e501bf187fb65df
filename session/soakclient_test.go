//go:build unix

package session

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/store"
)

// soakClient in the environment makes this test program a client of the soak: a Sotto without a window, in a process of its own, so that
// it can be killed. It does what lines on its standard input say and tells on its standard output what happens.
const soakClient = "SOTTO_SOAK_CLIENT"

func TestMain(m *testing.M) {
	if config := os.Getenv(soakClient); config != "" {
		runSoakClient(config)
		return
	}
	if os.Getenv(hostileVictim) != "" {
		runVictim(os.Args[1], os.Args[2])
		return
	}
	os.Exit(runWithBus(m))
}

// A clientConfig is what a client needs to know.
type clientConfig struct {
	Dir, JID, Password, Server, CAFile string
}

// A report is a line of a client: a whole new value of something, or an answer.
type report struct {
	Account *Account    `json:",omitempty"`
	Contact *clientView `json:",omitempty"`
	Entry   *clientText `json:",omitempty"`
	SMP     *SMP        `json:",omitempty"`
	Sent    EntryID     `json:",omitempty"` // a text was taken
	Use     *clientUse  `json:",omitempty"`
	Told    bool        `json:",omitempty"` // everything that happened before somebody asked
}

// everythingTold is an event that comes after those that happened before it.
type everythingTold struct{}

func (everythingTold) event() {}

// A clientView is what matters of a Contact.
type clientView struct {
	JID          string
	Mode         SendMode
	Lock         Lock
	Subscription Subscription
	Wants        bool
	Presence     Presence
	Key          string // of the live session
}

// A clientText is what matters of an Entry.
type clientText struct {
	With   string
	ID     EntryID
	Kind   EntryKind
	Guard  Guard
	Status Status
	Why    Why
	Notice Notice
	Text   string
}

// A clientUse is what the process uses of the machine, after a collection of garbage.
type clientUse struct {
	Goroutines, Files int
	Heap, Resident    int // bytes
}

func runSoakClient(line string) {
	var config clientConfig
	if err := json.Unmarshal([]byte(line), &config); err != nil {
		panic(err)
	}
	pem, err := os.ReadFile(config.CAFile)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	kept, err := store.Open(filepath.Join(config.Dir, "settings"))
	if err != nil {
		panic(err)
	}
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s := Open(Config{Store: kept, Keyring: fileSecrets(filepath.Join(config.Dir, "secrets")), RootCAs: roots, Time: now})
	c := &client{session: s, ahead: &ahead, jid: config.JID, out: json.NewEncoder(os.Stdout), modes: map[string]SendMode{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e := range s.Events() {
			c.hear(e)
		}
	}()
	if len(kept.Settings().Accounts) == 0 {
		if err := s.SignIn(SignIn{Address: config.JID, Password: []byte(config.Password), Server: config.Server, TLS: "starttls"}); err != nil {
			panic(err)
		}
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		c.do(strings.Fields(in.Text()))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s.Close(ctx)
	<-ended
	kept.Close()
}

// A client is the process's own view of its session.
type client struct {
	session *Session
	jid     string
	ahead   *atomic.Int64 // how far the clock was put forward

	mu    sync.Mutex
	out   *json.Encoder
	modes map[string]SendMode
}

func (c *client) tell(r report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.out.Encode(r); err != nil {
		panic(err)
	}
}

func (c *client) hear(e Event) {
	switch e := e.(type) {
	case AccountChanged:
		c.tell(report{Account: &e.Account})
	case ContactChanged:
		v := e.Contact
		c.mu.Lock()
		c.modes[v.Contact] = v.SendMode
		c.mu.Unlock()
		key := ""
		if v.Key != nil {
			key = hex.EncodeToString(v.Key[:])
		}
		c.tell(report{Contact: &clientView{v.Contact, v.SendMode, v.Lock, v.Subscription, v.Wants, v.Presence, key}})
	case EntryChanged:
		v := e.Entry
		t := clientText{v.Contact, v.ID, v.Kind, v.Guard, v.Status, v.Why, v.Notice, v.Text}
		if t.Kind != Incoming {
			t.Text = "" // the other end knows
		}
		c.tell(report{Entry: &t})
	case SMPChanged:
		c.tell(report{SMP: &e.SMP})
		if e.SMP.Stage == SMPNeedsAnswer {
			go c.session.Answer(e.SMP.Ref, e.SMP.Number, []byte("blue"))
		}
	case everythingTold:
		c.tell(report{Told: true})
	case StoreProblem:
		fmt.Fprintln(os.Stderr, "store:", e.Err, e.Damaged)
	}
}

// do carries out one line.
func (c *client) do(words []string) {
	ref := Ref{Account: c.jid}
	if len(words) > 1 {
		ref.Contact = words[1]
	}
	switch words[0] {
	case "add":
		c.session.AddContact(c.jid, words[1], "")
	case "accept":
		c.session.Accept(ref)
	case "open":
		c.session.Opened(ref)
	case "connect":
		c.session.Connect(c.jid)
	case "start":
		c.session.StartPrivate(ref)
	case "send":
		text, _ := base64.StdEncoding.DecodeString(words[2])
		c.tell(report{Sent: c.send(ref, string(text))})
	case "retry":
		id, _ := strconv.ParseUint(words[2], 10, 64)
		c.session.Retry(ref, EntryID(id))
	case "ask":
		fp, _ := hex.DecodeString(words[2])
		if err := c.session.Ask(ref, [20]byte(fp), "What colour is the sky?", []byte("blue")); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	case "later":
		c.ahead.Add(int64(time.Hour))
	case "tell":
		c.session.emit(everythingTold{})
	case "use":
		c.tell(report{Use: use()})
	}
}

// send presses the button as often as it says another thing meanwhile.
func (c *client) send(ref Ref, text string) EntryID {
	for {
		c.mu.Lock()
		mode := c.modes[ref.Contact]
		c.mu.Unlock()
		id, err := c.session.Send(ref, text, mode)
		switch {
		case err == nil:
			return id
		case errors.Is(err, ErrModeChanged) && mode != SendUnencrypted:
			time.Sleep(time.Millisecond) // the event is on its way
		default:
			panic(err)
		}
	}
}

func use() *clientUse {
	debug.FreeOSMemory()
	time.Sleep(100 * time.Millisecond)
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := &clientUse{Goroutines: runtime.NumGoroutine(), Heap: int(m.HeapAlloc)}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.Files = len(files)
	}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		pages, _ := strconv.Atoi(strings.Fields(string(b))[1])
		u.Resident = pages * os.Getpagesize()
	}
	return u
}

// fileSecrets is a keyring that outlives the process, as that of the operating system does.
type fileSecrets string

func (f fileSecrets) Set(_ context.Context, name string, secret []byte) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	file := filepath.Join(string(f), name)
	if err := os.WriteFile(file+".new", secret, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func (f fileSecrets) Secret(_ context.Context, name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(string(f), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, keyring.ErrNotFound
	}
	return b, err
}

func (f fileSecrets) Delete(_ context.Context, name string) error {
	err := os.Remove(filepath.Join(string(f), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
