package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/health"
)

var errSeen = errors.New("seen")

// until returns an Events callback that ends with errSeen at the given pid.
func until(pid int) func(health.Snapshot) error {
	return func(s health.Snapshot) error {
		if s.PID == pid {
			return errSeen
		}
		return nil
	}
}

func TestEvents(t *testing.T) {
	d := newDouble()
	d.set(1, "")
	_, path, _ := serve(t, d)
	var got []int
	err := Dial(path).Events(t.Context(), func(s health.Snapshot) error {
		got = append(got, s.PID)
		if s.PID == 4 {
			return errSeen
		}
		d.set(s.PID+1, "") // only now: each line is a change of its own
		return nil
	})
	if !errors.Is(err, errSeen) || len(got) != 4 || got[0] != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestEventsEnd(t *testing.T) {
	d := newDouble()
	s, path, _ := serve(t, d)
	c := Dial(path)

	ctx, cancel := context.WithCancel(t.Context())
	if err := c.Events(ctx, func(health.Snapshot) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	first := make(chan struct{})
	ended := make(chan error, 1)
	go func() { ended <- c.Events(t.Context(), func(health.Snapshot) error { close(first); return nil }) }()
	<-first
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrEnded) {
		t.Errorf("closed: %v", err)
	}
	if err := c.Events(t.Context(), func(health.Snapshot) error { return nil }); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("afterwards: %v", err)
	}
}

// sleeper opens an event stream and does not read it.
func sleeper(t *testing.T, path string) net.Conn {
	t.Helper()
	conn, err := dialSocket(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "GET /v1/events HTTP/1.1\r\n"+goodHead+"\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn
}

// One client reads nothing until the very end, while the daemon makes far more
// snapshots than any buffer holds.
func TestSleepingReaderHoldsUpNobody(t *testing.T) {
	const changes = 3000
	d := newDouble()
	padding := strings.Repeat("x", 1000)
	s, path, _ := serve(t, d)
	conn := sleeper(t, path)
	silent, err := dialSocket(t.Context(), path) // not even a request
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen := make(chan error, 1)
	go func() { seen <- Dial(path).Events(ctx, until(changes)) }()
	for pid := 1; pid <= changes; pid++ {
		d.set(pid, padding)
		if pid%100 == 0 {
			if _, err := Dial(path).Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
		}
		runtime.Gosched()
	}
	if err := <-seen; !errors.Is(err, errSeen) {
		t.Fatalf("the one who reads: %v", err)
	}

	// It wakes: a few old lines from buffers, then the newest.
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	lines, last := 0, 0
	for r := bufio.NewScanner(conn); last != changes && r.Scan(); {
		var got health.Snapshot
		if json.Unmarshal(r.Bytes(), &got) == nil && got.Version == padding {
			lines, last = lines+1, got.PID
		}
	}
	// Unasked, Linux would have kept some two hundred.
	if last != changes || lines > 60 {
		t.Errorf("%d lines up to %d", lines, last)
	}

	// And one that never wakes does not keep the daemon from ending.
	sleeper(t, path)
	for range 200 {
		d.set(0, padding)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// While nothing changes, the stream does nothing for a day.
func TestStreamIsQuietWhileNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The channel has to belong to the bubble.
		d := newDouble()
		ctx, cancel := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			stream(w, httptest.NewRequestWithContext(ctx, "GET", "/v1/events", nil), d)
		}()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := strings.Count(w.Body.String(), "\n"); n != 1 {
			t.Errorf("%d lines, want the first", n)
		}
		d.set(7, "")
		synctest.Wait()
		if n := strings.Count(w.Body.String(), "\n"); n != 2 {
			t.Errorf("%d lines after a change, want 2", n)
		}
		cancel()
		<-done
	})
}
