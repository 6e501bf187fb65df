package network

import (
	"context"
	"os/exec"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// A burst is one report, when it is over; the next one does not come at once, and does come.
func TestCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		raw := make(chan struct{})
		begin := time.Now()
		var at []time.Duration
		reports := calm(ctx, raw)
		go func() {
			for {
				select {
				case <-reports:
					at = append(at, time.Since(begin))
				case <-ctx.Done():
					return
				}
			}
		}()
		burst := func(n int) {
			for range n {
				raw <- struct{}{}
				time.Sleep(10 * time.Millisecond)
			}
		}
		burst(20)
		time.Sleep(time.Second)
		burst(20)
		time.Sleep(10 * time.Second)
		burst(1)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		want := []time.Duration{time.Second, 4 * time.Second, 12400 * time.Millisecond}
		if len(at) != len(want) || at[0] != want[0] || at[1] != want[1] || at[2] != want[2] {
			t.Errorf("reports after %v, want %v", at, want)
		}
		cancel()
		synctest.Wait()
	})
}

// An address that comes is reported, where the system lets us make one.
func TestWatch(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	reports := Watch(ctx)
	if runtime.GOOS == "linux" {
		change := func(verb string) error {
			return exec.Command("ip", "address", verb, "127.83.79.84/32", "dev", "lo").Run()
		}
		if err := change("add"); err != nil {
			t.Log("addresses cannot be changed here:", err)
		} else {
			defer change("del")
			select {
			case <-reports:
			case <-time.After(30 * time.Second):
				t.Error("the new address was not reported")
			}
		}
	}
	cancel()
	for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
