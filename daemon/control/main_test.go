package control

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// patience bounds waits for something that has to happen; it is far more than
// any of them takes.
const patience = time.Minute

func TestMain(m *testing.M) {
	if path := os.Getenv(intruderEnv); path != "" {
		intrude(path)
		return
	}
	// Windows' pipes have one goroutine for the process; elsewhere there is none.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/Microsoft/go-winio.ioCompletionProcessor"))
}

// double is a Daemon whose acts are the test's.
type double struct {
	mu      sync.Mutex
	now     health.Snapshot
	changed chan struct{}
	quits   int

	reauth         func(ctx context.Context, account string) error
	signIn         func(context.Context, SignInRequest) (SignInAnswer, error)
	signOut        func(ctx context.Context, account string) error
	changePassword func(ctx context.Context, account string, old, changed redact.Secret) error

	players []string // calls about players
}

var _ Daemon = (*double)(nil)

func newDouble() *double {
	return &double{
		changed:        make(chan struct{}),
		reauth:         func(context.Context, string) error { return nil },
		signIn:         func(context.Context, SignInRequest) (SignInAnswer, error) { return SignInAnswer{}, nil },
		signOut:        func(context.Context, string) error { return nil },
		changePassword: func(context.Context, string, redact.Secret, redact.Secret) error { return nil },
	}
}

// set makes a new snapshot, told apart by its pid.
func (d *double) set(pid int, padding string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = health.Snapshot{PID: pid, Version: padding}
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *double) Snapshot() health.Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *double) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

func (d *double) Quit() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.quits++
}

func (d *double) asked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.quits
}

func (d *double) Reauthenticate(ctx context.Context, account string) error {
	return d.reauth(ctx, account)
}
func (d *double) ReauthenticateSameServer(_ context.Context, account string) error {
	return d.about("same server", account)
}
func (d *double) SignIn(ctx context.Context, in SignInRequest) (SignInAnswer, error) {
	return d.signIn(ctx, in)
}
func (d *double) ChangePassword(ctx context.Context, account string, old, changed redact.Secret) error {
	return d.changePassword(ctx, account, old, changed)
}
func (d *double) SetPort(_ context.Context, account string, port int) (string, error) {
	return fmt.Sprintf("http://127.0.0.1:%d", port), d.about("port", account)
}
func (d *double) Rename(_ context.Context, account, to string) error {
	return d.about("rename to "+to, account)
}
func (d *double) Forget(_ context.Context, account string) ([]string, error) {
	return []string{account, "is forgotten"}, d.about("forget", account)
}
func (d *double) SignOut(ctx context.Context, account string) error { return d.signOut(ctx, account) }

// about notes a call about players; "refused" among its words is a problem.
func (d *double) about(words ...string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.players = append(d.players, strings.Join(words, " "))
	if slices.Contains(words, "refused") {
		return problem.Newf(problem.Usage, "another", "refused")
	}
	return nil
}

func (d *double) Players(_ context.Context, account string) ([]Player, error) {
	return []Player{{ID: "1", Account: "home", Name: "mpv", Kind: "secret", Scope: "listen",
		Created: time.Unix(1, 0).UTC()}}, d.about("list", account)
}

func (d *double) PageLink(_ context.Context, account string) (string, error) {
	return "http://localhost:1/enter?link=x", d.about("page", account)
}

func (d *double) AddPlayer(_ context.Context, account, name, scope string) (NewPlayer, error) {
	return NewPlayer{redact.New("sk_secret"), account, "http://127.0.0.1:1"}, d.about("add", account, name, scope)
}

func (d *double) TrustPlayer(_ context.Context, account, player, origin string) error {
	return d.about("trust", account, player, origin)
}

func (d *double) RevokePlayer(_ context.Context, account, player string) error {
	return d.about("revoke", account, player)
}

func (d *double) OpenPage(_ context.Context, account, scope string) (string, error) {
	return "http://127.0.0.1:1/open", d.about("open", account, scope)
}

// record is a log that a test can read while it is written.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// socketPath returns a name in a short private directory: t.TempDir's are long
// enough to come near the limit on macOS.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "control.sock")
}

func mustListen(t testing.TB, path string) (*Server, *record) {
	t.Helper()
	log := &record{}
	s, err := Listen(path, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, log
}

// serve runs a server for d, and stops it at the test's end.
func serve(t testing.TB, d Daemon) (s *Server, path string, log *record) {
	t.Helper()
	path = socketPath(t)
	s, log = mustListen(t, path)
	run(t, s, d)
	return s, path, log
}

func run(t testing.TB, s *Server, d Daemon) {
	done := make(chan error, 1)
	go func() { done <- s.Serve(d) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
