//go:build linux

package ui

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"golang.org/x/sys/unix"

	"github.com/sotto-im/sotto/session"
)

// A meter writes rows of the table that make bench-ui prints: how long the window's goroutine is at work, from an event to the window
// being laid out anew, however busy the machine is otherwise. Painting is not part of it.
type meter struct {
	t  *testing.T
	to *os.File
}

func (m meter) times(what string, most, p99 time.Duration, n int, do func(i int)) {
	m.t.Helper()
	took := make([]time.Duration, n)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i := range took {
		begin := threadTime()
		do(i)
		took[i] = threadTime() - begin
	}
	slices.Sort(took)
	median, high := took[n/2], took[n*99/100]
	target, measured, holds := fmt.Sprintf("<= %v", most), fmt.Sprintf("%v", median.Round(time.Microsecond)), median <= most
	if p99 > 0 {
		target += fmt.Sprintf(", p99 %v", p99)
		measured += fmt.Sprintf(", p99 %v", high.Round(time.Microsecond))
		holds = holds && high <= p99
	}
	verdict := map[bool]string{true: "holds", false: "MISSED"}[holds]
	if _, err := fmt.Fprintf(m.to, "%s\t%s\t%s\t%s\n", what, target, measured, verdict); err != nil {
		m.t.Fatal(err)
	}
}

// threadTime is how long this thread has been at work.
func threadTime() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		panic(err)
	}
	return time.Duration(now.Nano())
}

// TestBench measures the list with 10,000 contacts and a conversation with 100,000 messages in the whole window.
func TestBench(t *testing.T) {
	file := os.Getenv("SOTTO_BENCH_UI")
	if file == "" {
		t.Skip("make bench-ui runs this")
	}
	to, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	m := meter{t, to}
	s := newStage(t)
	d := s.shell.own
	s.tell(onlineAccount())
	who := func(i int) session.Contact {
		c := bob()
		c.Ref, c.Name = contactRef(fmt.Sprint("contact", i)), fmt.Sprint("Contact ", i)
		c.Activity = time.Time{}
		c.Groups = []string{fmt.Sprint("Group ", i%9)}
		if i%3 > 0 {
			c.Presence = session.PresenceOffline
		}
		return c
	}
	var batch []session.Event
	for i := range 10_000 {
		batch = append(batch, session.ContactChanged{Contact: who(i)})
		if len(batch) == maxBatch {
			s.tell(batch...)
			batch = nil
		}
	}
	s.tell(batch...)
	list := d.main.contacts.list
	const frame = 16 * time.Millisecond
	m.times("10,000 contacts: scroll step", 2*time.Millisecond, frame, 2000, func(i int) {
		dy := float32(-40)
		if i%1000 >= 500 {
			dy = 40
		}
		list.scroll.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, dy)})
	})
	search := d.main.contacts.search
	m.times("10,000 contacts: filter keystroke", 2*time.Millisecond, frame, 1000, func(i int) {
		search.SetText("contact 1234"[:1+i%12])
	})
	search.SetText("")
	m.times("10,000 contacts: presence update", 2*time.Millisecond, frame, 2000, func(i int) {
		c := who(i * 7 % 10_000)
		c.Presence = session.Presence(i % 5)
		s.tell(session.ContactChanged{Contact: c})
	})

	c := bob()
	s.tell(session.ContactChanged{Contact: c})
	batch = nil
	for i := range 100_000 {
		batch = append(batch, session.EntryChanged{Entry: s.engine.entry(session.EntryKind(i%2), fmt.Sprint("message ", i, strings.Repeat(" and more words", i*7%20)))})
		if len(batch) == maxBatch {
			s.tell(batch...)
			batch = nil
		}
	}
	s.tell(batch...)
	m.times("100,000 messages: open", 150*time.Millisecond, 0, 9, func(int) {
		d.main.leave()
		d.main.open(c.Ref)
	})
	view := s.talk().view
	m.times("100,000 messages: scroll step", time.Millisecond, 0, 3000, func(i int) {
		view.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, 25)})
	})
	if view.AtEnd() {
		t.Error("nothing was scrolled")
	}
	view.ScrollToEnd()
	m.times("100,000 messages: append", time.Millisecond, 0, 500, func(i int) {
		s.says("see you at six")
	})
	for _, hostile := range []struct{ name, text string }{
		{"50,000 newlines", strings.Repeat("\n", 50_000)}, {"250 KB line", strings.Repeat("x", 250_000)},
		{"20,000 combining marks", "e" + strings.Repeat("\u0301", 20_000)}, {"250,000 newlines with letters", strings.Repeat("a\n", 125_000)},
	} {
		m.times("hostile text: "+hostile.name, 100*time.Millisecond, 0, 7, func(i int) { s.says(fmt.Sprint(i) + hostile.text) })
	}
}
