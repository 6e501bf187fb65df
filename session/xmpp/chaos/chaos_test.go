package chaos

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

const patience = 30 * time.Second

// echo is a server that says everything back, and closes when the client does.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				io.Copy(conn, conn)
				conn.Close()
			})
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return l.Addr().String()
}

func through(t *testing.T, p *Proxy) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// back sends text and reads as much.
func back(t *testing.T, conn net.Conn, text []byte) []byte {
	t.Helper()
	if _, err := conn.Write(text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatal(err)
	}
	return got
}

var text = bytes.Repeat([]byte("0123456789abcdef"), 500)

// Whatever the weather, every byte arrives, in order.
func TestWeather(t *testing.T) {
	for name, test := range map[string]struct {
		weather Weather
		least   time.Duration
	}{
		"fair":          {},
		"latency":       {Weather{Latency: 100 * time.Millisecond}, 200 * time.Millisecond},
		"jitter":        {Weather{Latency: 20 * time.Millisecond, Jitter: 20 * time.Millisecond}, 0},
		"rate":          {Weather{Rate: 40_000}, 200 * time.Millisecond},
		"byte by byte":  {Weather{Piece: 1}, 0},
		"merged":        {Weather{Merge: 50 * time.Millisecond}, 100 * time.Millisecond},
		"all of it":     {Weather{Latency: 10 * time.Millisecond, Jitter: 5 * time.Millisecond, Piece: 7, Merge: time.Millisecond}, 0},
		"odd and small": {Weather{Piece: 3, Rate: 1 << 20}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := Start(t, echo(t))
			p.Weather(test.weather)
			conn := through(t, p)
			begin := time.Now()
			if got := back(t, conn, text); !bytes.Equal(got, text) {
				t.Error("not what was sent")
			}
			if took := time.Since(begin); took < test.least {
				t.Errorf("took %v, want at least %v", took, test.least)
			}
			if up, down := p.Passed(Up), p.Passed(Down); up != int64(len(text)) || down != up {
				t.Errorf("passed %d and %d", up, down)
			}
			conn.CloseWrite()
			if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
				t.Errorf("after the end: %q, %v", rest, err)
			}
		})
	}
}

func TestCutAfter(t *testing.T) {
	p := Start(t, echo(t))
	for _, n := range []int64{0, 1, 100, int64(len(text)) - 1, int64(len(text))} {
		p.CutAfter(Down, n)
		conn := through(t, p)
		conn.Write(text)
		if got, err := io.ReadAll(conn); int64(len(got)) != n {
			t.Errorf("cut after %d: %d bytes, %v", n, len(got), err)
		}
	}
	before := p.Passed(Up)
	p.CutAfter(Up, 5)
	conn := through(t, p)
	conn.Write(text)
	io.Copy(io.Discard, conn)
	if n := p.Passed(Up) - before; n != 5 {
		t.Errorf("%d bytes reached the server, want 5", n)
	}
	conn = through(t, p)
	back(t, conn, text) // only the next one was to be cut
	p.CutIn(Down, 7)
	conn.Write(text)
	if got, err := io.ReadAll(conn); len(got) != 7 {
		t.Errorf("cut in 7: %d bytes, %v", len(got), err)
	}
	if n := p.Cuts(); n != 7 {
		t.Errorf("%d cuts, want 7", n)
	}
}

func TestStall(t *testing.T) {
	p := Start(t, echo(t))
	conn := through(t, p)
	back(t, conn, []byte("a"))
	p.Stall(Down)
	conn.Write([]byte("b"))
	for deadline := time.Now().Add(patience); p.Passed(Up) < 2; {
		if time.Now().After(deadline) {
			t.Fatal("the other direction is stalled too")
		}
		time.Sleep(time.Millisecond)
	}
	conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d, %v", n, err)
	}
	conn.SetReadDeadline(time.Now().Add(patience))
	p.Resume(Down)
	if got := back(t, conn, []byte("c")); got[0] != 'b' {
		t.Errorf("got %q", got)
	}
}

func TestHalfClose(t *testing.T) {
	p := Start(t, echo(t))
	conn := through(t, p)
	back(t, conn, []byte("a"))
	p.HalfClose(Down)
	if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
		t.Errorf("read %q, %v", rest, err)
	}
	before := p.Passed(Up)
	conn.Write([]byte("b"))
	for deadline := time.Now().Add(patience); p.Passed(Up) == before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the direction that was left does not work")
		}
	}
}

func TestEnds(t *testing.T) {
	p := Start(t, echo(t))
	conn := through(t, p)
	back(t, conn, []byte("a"))
	p.Reset()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}
	conn = through(t, p)
	back(t, conn, []byte("a"))
	p.Cut()
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("cut: %v", err)
	}
	conn = through(t, p)
	back(t, conn, []byte("a"))
	p.Refuse()
	refused(t, p)
	back(t, conn, []byte("b"))
	p.Accept()
	back(t, through(t, p), text)
	p.Target("127.0.0.1:1")
	refused(t, p)
	if n := p.Made(); n != 4 {
		t.Errorf("%d connections were made, want 4", n)
	}
}

func refused(t *testing.T, p *Proxy) {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr)
	if err == nil {
		conn.SetDeadline(time.Now().Add(patience))
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("refused: %v", err)
	}
}

// However a proxy is left, nothing of it stays.
func TestNothingStays(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("in use", func(t *testing.T) {
		p := Start(t, echo(t))
		p.Weather(Weather{Latency: time.Hour})
		p.Stall(Up)
		for range 10 {
			through(t, p).Write(text)
		}
	})
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
