package sdnotify

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen is systemd's end of the notifications.
func listen(t *testing.T) func() string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		t.Helper()
		buf := make([]byte, 1024)
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

func expect(t *testing.T, next func() string, want string) {
	t.Helper()
	if got := next(); !strings.HasPrefix(got, want) {
		t.Fatalf("systemd was told %q, want %q", got, want)
	}
}

func TestReadyThenWatchdogThenStopping(t *testing.T) {
	next := listen(t)
	t.Setenv("WATCHDOG_USEC", strconv.Itoa(int((40 * time.Millisecond).Microseconds())))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	failures := 2 // the daemon is still starting
	go func() {
		defer close(ended)
		Run(ctx, func(context.Context) error {
			if failures > 0 {
				failures--
				return errors.New("not yet")
			}
			return nil
		}, slog.New(slog.DiscardHandler))
	}()
	expect(t, next, "STATUS=")
	expect(t, next, "READY=1")
	expect(t, next, "WATCHDOG=1")
	expect(t, next, "WATCHDOG=1")
	cancel()
	<-ended
	for {
		if got := next(); got == "STOPPING=1" {
			break
		} else if got != "WATCHDOG=1" {
			t.Fatalf("told %q", got)
		}
	}
}

// A daemon that hangs after its start sends no ping, and its hang does not
// outlive the deadline.
func TestNoPingWhileTheDaemonHangs(t *testing.T) {
	next := listen(t)
	t.Setenv("WATCHDOG_USEC", strconv.Itoa(int((20 * time.Millisecond).Microseconds())))
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan int, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n := 0
		Run(ctx, func(ctx context.Context) error {
			n++
			asked <- n
			if n == 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}, slog.New(slog.DiscardHandler))
	}()
	expect(t, next, "STATUS=")
	expect(t, next, "READY=1")
	for n := range asked {
		if n == 4 {
			break
		}
	}
	cancel()
	<-ended
	expect(t, next, "STOPPING=1") // the first thing told since
}

func TestWithoutSystemdNothingRuns(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	Run(t.Context(), func(context.Context) error { t.Error("asked"); return nil }, slog.New(slog.DiscardHandler))
}
