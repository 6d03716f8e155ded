package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/statuspage"
	"shelfkeeper/keychain"
)

// browserPatience bounds each step of a browser; on a busy machine it takes
// some seconds to start.
const browserPatience = 60 * time.Second

// pageWorld is a daemon with its status page, a server, and a browser of the
// user.
type pageWorld struct {
	t      *testing.T
	fake   *absfake.Server
	server string
	home   *home.Home
	daemon *Daemon
	page   string // the page's address, without a slash at its end

	mu    sync.Mutex
	shown []string // addresses that the page opened in the browser
}

func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := int(firstPort + nextPort.Add(1)%portCount)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no port is free")
	return 0
}

// The ports of these tests lie below those that the system gives out by itself, and no
// two tests get the same: one that is free is taken only later, by another process.
const firstPort, portCount = 15_000, 4_000

var nextPort atomic.Int64

func init() { nextPort.Store(int64(os.Getpid()) * 97) }

// newPageWorld starts a daemon without an account.
func newPageWorld(t *testing.T, c absfake.Config) *pageWorld {
	t.Helper()
	fake := newFake(t, c)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- fake.Serve(l) }()
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Listen, cfg.PagePort = freePort(t), freePort(t)
	h, err := home.Open(home.Options{
		Version: "test", Config: cfg, Backend: keychain.Memory, Log: slog.New(slog.DiscardHandler),
		Paths: config.Paths{Config: filepath.Join(dir, "config.toml"), State: filepath.Join(dir, "state"),
			Runtime: filepath.Join(dir, "run")},
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(h, "")
	if err != nil {
		t.Fatal(err)
	}
	w := &pageWorld{t: t, fake: fake, server: "http://" + l.Addr().String(), home: h, daemon: d,
		page: "http://localhost:" + strconv.Itoa(cfg.PagePort)}
	starts := func(context.Context) (dashboard.Start, error) { return dashboard.Start{}, nil }
	d.ServePage(statuspage.Options{OwnUID: os.Getuid(), Starts: starts, Show: func(address string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.shown = append(w.shown, address)
		return nil
	}})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ran, d.Close(), h.Close(), fake.Close()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, absfake.ErrClosed) {
			t.Error(err)
		}
	})
	w.until("the page is open", func(health.Snapshot) bool { return w.opened() > 0 })
	return w
}

func (w *pageWorld) opened() int { w.mu.Lock(); defer w.mu.Unlock(); return len(w.shown) }

// until waits for a state of the daemon.
func (w *pageWorld) until(what string, is func(health.Snapshot) bool) {
	w.t.Helper()
	late := time.After(browserPatience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is(w.daemon.Snapshot()) {
		select {
		case <-tick.C:
		case <-late:
			w.t.Fatalf("%s does not come about: %+v", what, w.daemon.Snapshot())
		}
	}
}

// signedIn is a world whose account demo is signed in, and shows that.
func signedInWorld(t *testing.T, c absfake.Config) *pageWorld {
	t.Helper()
	w := newPageWorld(t, c)
	if _, err := w.daemon.SignIn(t.Context(), demoSignIn(w.server)); err != nil {
		t.Fatal(err)
	}
	w.until("the session", func(s health.Snapshot) bool {
		return s.Level == health.OK && s.Accounts[0].Session.State == "fresh" && s.Accounts[0].Socket.State == "authenticated"
	})
	return w
}
