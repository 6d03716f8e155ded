package tray

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// patience bounds waits for something that has to happen; it is far more than
// any of them takes.
const patience = time.Minute

// childEnv makes the test program a tray, or a child that is none.
const (
	childEnv  = "SHELFKEEPER_TEST_CHILD"  // tray, idle, stubborn, fail
	socketEnv = "SHELFKEEPER_TEST_SOCKET" // of the daemon
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(childEnv); kind != "" {
		os.Exit(child(kind))
	}
	goleak.VerifyTestMain(m)
}

// child is what the test program does as somebody's child. It says on stdout
// what it is asked to open and to copy.
func child(kind string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	switch kind {
	case "idle":
		<-ctx.Done()
		return 0
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		select {}
	case "fail":
		return 1
	}
	say := func(what string) func(string) error {
		return func(text string) error {
			_, err := fmt.Println(what, text)
			return err
		}
	}
	err := Run(ctx, Config{
		Client: control.Dial(os.Getenv(socketEnv)),
		Open: func(url string) error {
			if strings.Contains(url, "/unopenable") {
				return fmt.Errorf("no browser")
			}
			return say("open")(url)
		},
		Copy: say("copy"), Notifications: true, FirstTime: func(string) bool { return true },
		Starts: func(context.Context) (bool, error) { return false, fmt.Errorf("not asked in tests") },
		Log:    slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		fmt.Println("ended:", err)
		return int(problem.Of(err).Code)
	}
	return 0
}

// eventually waits until f returns nil.
func eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	within(t, patience, what, f)
}

// within is eventually with a bound that is itself what is tested.
func within(t testing.TB, bound time.Duration, what string, f func() error) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return time.Since(began)
		}
		if time.Since(began) > bound {
			t.Fatalf("%s: after %v: %v", what, bound, err)
		}
		<-tick.C
	}
}

// lines keeps what a child writes.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count returns how many lines are exactly so.
func (l *lines) count(line string) (n int) {
	for s := range strings.Lines(l.String()) {
		if strings.TrimSuffix(s, "\n") == line {
			n++
		}
	}
	return n
}

func (l *lines) has(line string, times int) func() error {
	return func() error {
		if n := l.count(line); n != times {
			return fmt.Errorf("%q %d times, want %d; all:\n%s", line, n, times, l)
		}
		return nil
	}
}

// account is one that is in order.
func account(name string) health.Account {
	return health.Account{Name: name, Server: "https://abs.example.org", User: name,
		Proxy: health.Proxy{URL: "http://127.0.0.1:13379"}}
}

// snapshotOf is a snapshot of one account with the level of a condition, nil
// for none.
func snapshotOf(c *health.Condition) health.Snapshot {
	a := account("home")
	if c != nil {
		a.Level, a.Condition, a.Reason, a.Remedy = c.Level, c.ID, c.Text, c.Remedy
	}
	return health.Snapshot{Version: "test", Level: a.Level, Accounts: []health.Account{a}, Page: health.Page{URL: pageURL}}
}

// pageURL is the status page's.
const pageURL = "http://localhost:13380/"

// byLevel has a condition for every level.
var byLevel = map[health.Level]*health.Condition{
	health.OK: nil, health.Degraded: &health.SlotPending, health.Offline: &health.ServerUnreachable,
	health.NeedsUser: &health.PasswordRefused, health.Paused: &health.AccountPaused,
}
