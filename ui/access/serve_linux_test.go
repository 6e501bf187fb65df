package access_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/access/accesstest"
)

const soon = 20 * time.Second

// queue is a UI goroutine for tests: what others hand in runs on it, in order.
type queue struct {
	mu   sync.Mutex
	work chan func()
}

func newQueue(t *testing.T) *queue {
	q := &queue{work: make(chan func(), 1000)}
	var done sync.WaitGroup
	done.Go(func() {
		for f := range q.work {
			q.mu.Lock()
			f()
			q.mu.Unlock()
		}
	})
	t.Cleanup(func() { close(q.work); done.Wait() })
	return q
}

// do changes the widgets from the test.
func (q *queue) do(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f()
}

// bus is a session with an accessibility bus.
func bus(t *testing.T) *accesstest.Bus {
	t.Helper()
	dir := t.TempDir()
	environ := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir}
	b, err := accesstest.Start(dir, environ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	if err := b.StartAccessibility(environ); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", b.Address)
	return b
}

func reader(t *testing.T, b *accesstest.Bus) *accesstest.Reader {
	t.Helper()
	r, err := b.Reader()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func serve(t *testing.T, tree *access.Tree, do func(func())) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- access.Serve(ctx, tree, do) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(soon):
			t.Error("Serve did not end with its context")
		}
	})
}

func program(t *testing.T, r *accesstest.Reader) *accesstest.Program {
	t.Helper()
	p, err := accesstest.Await(soon, func() (*accesstest.Program, error) { return r.Program("Program") })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func thing(t *testing.T, p *accesstest.Program, name string) *accesstest.Thing {
	t.Helper()
	screen, err := p.Screen()
	if err != nil {
		t.Fatal(err)
	}
	for thing := range screen.All {
		if thing.Name == name {
			return thing
		}
	}
	t.Fatalf("nothing is called %q in\n%s", name, screen.Dump())
	return nil
}

func TestReader(t *testing.T) {
	b := bus(t)
	pressed := make(chan string, 10)
	entry := access.Name(widget.NewEntry(), "Message")
	password := access.Name(widget.NewPasswordEntry(), "Password")
	status := widget.NewLabel("Not private")
	var box *fyne.Container
	box = container.NewVBox(status, entry, password, widget.NewButton("Send", func() {
		pressed <- entry.Text + "/" + password.Text
		status.SetText("Unverified")
		box.Add(widget.NewLabel("sent"))
	}))
	tree, _ := shown(t, box)
	q := newQueue(t)
	serve(t, tree, func(f func()) { q.work <- f })
	r := reader(t, b)
	p := program(t, r)
	screen, err := p.Screen()
	if err != nil {
		t.Fatal(err)
	}
	want := `application "Program"
  frame "Window" active
    label "Not private"
    entry "Message"
    password text "Password"
      push button "Show or hide what is typed"
    push button "Send"
`
	if screen.Dump() != want {
		t.Fatalf("got\n%s\nwant\n%s", screen.Dump(), want)
	}
	events, err := r.Events("object:")
	if err != nil {
		t.Fatal(err)
	}
	if err := thing(t, p, "Message").Type("hello"); err != nil {
		t.Fatal(err)
	}
	if err := thing(t, p, "Password").Type("sesame"); err != nil {
		t.Fatal(err)
	}
	if err := thing(t, p, "Send").Press(); err != nil {
		t.Fatal(err)
	}
	if got := <-pressed; got != "hello/sesame" {
		t.Errorf("sent %q", got)
	}
	if err := thing(t, p, "Password").Focus(); err != nil {
		t.Fatal(err)
	}
	q.do(func() { tree.Announce("New message", access.Politely) })
	screen, err = p.Screen()
	if err != nil {
		t.Fatal(err)
	}
	want = `application "Program"
  frame "Window" active
    label "Unverified"
    entry "Message" = "hello"
    password text "Password" = "••••••••" focused
      push button "Show or hide what is typed"
    push button "Send"
    label "sent"
`
	if screen.Dump() != want {
		t.Errorf("got\n%s\nwant\n%s", screen.Dump(), want)
	}
	expected := map[string]bool{
		"Object.TextChanged insert hello": true, "Object.TextChanged insert ••••••••": true, "Object.StateChanged focused": true,
		"Object.PropertyChange accessible-name": true, "Object.ChildrenChanged add": true, "Object.Announcement": true,
	}
	for deadline := time.After(soon); len(expected) > 0; {
		select {
		case e := <-events:
			if text, ok := e.Value.(string); ok && strings.Contains(text, "sesame") {
				t.Fatalf("an event tells the password: %+v", e)
			}
			for want := range expected {
				words := strings.Fields(want)
				if words[0] == e.Name && (len(words) < 2 || words[1] == e.Detail) && (len(words) < 3 || words[2] == e.Value) {
					delete(expected, want)
				}
			}
		case <-deadline:
			t.Fatalf("never told: %v", expected)
		}
	}
}

func TestReaderOfSlowProgram(t *testing.T) {
	b := bus(t)
	tree, _ := shown(t, container.NewVBox(widget.NewLabel("a"), widget.NewButton("Press", func() { t.Error("pressed after it was refused") })))
	q := newQueue(t)
	serve(t, tree, func(f func()) { q.work <- f })
	p := program(t, reader(t, b))
	button := thing(t, p, "Press")
	q.mu.Lock() // the UI is busy
	begin := time.Now()
	if err := button.Press(); err == nil {
		t.Error("a button of a program that does not answer was pressed")
	}
	if _, err := p.Screen(); err != nil {
		t.Error(err)
	}
	if waited := time.Since(begin); waited > 3*soon/2 {
		t.Errorf("the reader waited for %v", waited)
	}
	q.mu.Unlock()
	if _, err := p.Screen(); err != nil {
		t.Error(err)
	}
}

func TestServeWithoutBus(t *testing.T) {
	test.NewTempApp(t)
	tree := access.New("Program", func() []fyne.Window { return nil })
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	if err := access.Serve(t.Context(), tree, func(f func()) { f() }); err != nil {
		t.Error(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	if err := access.Serve(t.Context(), tree, func(f func()) { f() }); err == nil {
		t.Error("no error for a bus that does not exist")
	}
}

func TestAccessibilityBusAppearsLater(t *testing.T) {
	dir := t.TempDir()
	environ := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir}
	b, err := accesstest.Start(dir, environ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", b.Address)
	tree, _ := shown(t, widget.NewLabel("a"))
	q := newQueue(t)
	serve(t, tree, func(f func()) { q.work <- f })
	if err := b.StartAccessibility(environ); err != nil {
		t.Fatal(err)
	}
	thing(t, program(t, reader(t, b)), "a")
}

// TestReaderThatKnowsNoAnnouncements promises that what is announced is also heard by a reader of the time before there was an event for it.
func TestReaderThatKnowsNoAnnouncements(t *testing.T) {
	b := bus(t)
	tree, _ := shown(t, widget.NewLabel("a"))
	q := newQueue(t)
	serve(t, tree, func(f func()) { q.work <- f })
	r := reader(t, b)
	p := program(t, r)
	events, err := r.Events("object:state-changed:showing")
	if err != nil {
		t.Fatal(err)
	}
	announced := false
	for deadline := time.After(soon); ; {
		select {
		case e := <-events:
			if !announced { // the introduction: the program knows the reader
				announced = true
				q.do(func() { tree.Announce("New message", access.Politely) })
			}
			if e.Name == "Object.Announcement" {
				t.Fatal("the reader was told of an event that it has not asked for")
			}
			if e.Name != "Object.StateChanged" || e.Detail != "showing" || e.First != 1 {
				continue
			}
			if role, name, err := p.Source(e); err != nil || role != "notification" || name != "New message" {
				t.Errorf("what appeared is the %s %q: %v", role, name, err)
			}
			return
		case <-deadline:
			t.Fatal("never told")
		}
	}
}

// TestIntroduction promises that somebody who begins to listen is told what has the keyboard.
func TestIntroduction(t *testing.T) {
	b := bus(t)
	entry := access.Name(widget.NewEntry(), "Message")
	tree, w := shown(t, entry)
	w.Canvas().Focus(entry)
	q := newQueue(t)
	serve(t, tree, func(f func()) { q.work <- f })
	r := reader(t, b)
	p := program(t, r)
	events, err := r.Events("object:")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(soon); ; {
		select {
		case e := <-events:
			if e.Name != "Object.StateChanged" || e.Detail != "focused" || e.First != 1 {
				continue
			}
			if role, name, err := p.Source(e); err != nil || role != "entry" || name != "Message" {
				t.Errorf("the keyboard is said to be at the %s %q: %v", role, name, err)
			}
			return
		case <-deadline:
			t.Fatal("never told")
		}
	}
}
