package keyring

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// somewhere makes a system whose calls are the test's: none of them reaches a bus.
func somewhere(t *testing.T) *system {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	return newSystem(time.Minute)
}

// TestNothingIsBegunTooLate: what a call would do late, a later one could not know of.
func TestNothingIsBegunTooLate(t *testing.T) {
	s := somewhere(t)
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		var begun atomic.Int32
		for range 100 {
			_, err := s.call(ended, func(context.Context) (string, error) { begun.Add(1); return "", nil })
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("reading: %v", err)
			}
			err = s.change(ended, "name", func(context.Context) error { begun.Add(1); return nil })
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("changing: %v", err)
			}
		}
		synctest.Wait()
		if n := begun.Load(); n > 0 {
			t.Errorf("%d calls were begun", n)
		}
	})
}

// TestLateChange: a change that hangs and was given up may still happen. Nobody changes the same secret before it has ended; every
// other secret can be read and changed meanwhile.
func TestLateChange(t *testing.T) {
	s := somewhere(t)
	synctest.Test(t, func(t *testing.T) {
		var done []string
		doing := func(what string) func(context.Context) error {
			return func(context.Context) error { done = append(done, what); return nil }
		}
		hang := make(chan struct{})
		err := s.change(t.Context(), "a", func(context.Context) error {
			<-hang
			done = append(done, "late")
			return nil
		})
		if !errors.Is(err, ErrTimeout) {
			t.Errorf("the one that hangs: %v", err)
		}
		start := time.Now()
		if err := s.change(t.Context(), "a", doing("too early")); !errors.Is(err, ErrTimeout) {
			t.Errorf("the same secret: %v", err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("it waited for %v", took)
		}
		if err := s.change(t.Context(), "b", doing("other")); err != nil {
			t.Errorf("another secret: %v", err)
		}
		if _, err := s.call(t.Context(), func(context.Context) (string, error) { return "", nil }); err != nil {
			t.Errorf("reading: %v", err)
		}
		time.AfterFunc(30*time.Second, func() { close(hang) })
		if err := s.change(t.Context(), "a", doing("after")); err != nil {
			t.Errorf("when it has ended: %v", err)
		}
		want(t, done, "other", "late", "after")
	})
}

// TestGivenUp: a call that waits for a prompt learns that nobody waits for it any more.
func TestGivenUp(t *testing.T) {
	s := somewhere(t)
	synctest.Test(t, func(t *testing.T) {
		told := make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := s.change(ctx, "a", func(ctx context.Context) error {
			time.Sleep(2 * time.Second)
			told <- ctx.Err()
			return nil
		})
		if !errors.Is(err, ErrTimeout) {
			t.Error(err)
		}
		if err := <-told; err == nil {
			t.Error("not told")
		}
	})
}

// TestRefusedChangeLeavesTheSecretFree: whatever keeps a change from being made, the next one can be.
func TestRefusedChangeLeavesTheSecretFree(t *testing.T) {
	s := somewhere(t)
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		defer close(never)
		for range maxHanging {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			s.call(ctx, func(context.Context) (string, error) { <-never; return "", nil })
			cancel()
		}
		for range 2 {
			start := time.Now()
			err := s.change(t.Context(), "a", func(context.Context) error { return nil })
			if took := time.Since(start); !errors.Is(err, ErrTimeout) || took > time.Second {
				t.Errorf("while too many hang: %v, after %v", err, took)
			}
		}
	})
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	if err := available(); err == nil {
		return // a system that needs no bus
	}
	for range 2 {
		if err := s.change(t.Context(), "b", func(context.Context) error { return nil }); !errors.Is(err, ErrAbsent) {
			t.Errorf("without a bus: %v", err)
		}
	}
}
