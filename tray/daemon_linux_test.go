package tray

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
)

// double is a daemon whose state and answers are the test's, behind a real
// control socket.
type double struct {
	socket string
	server *control.Server

	mu      sync.Mutex
	now     health.Snapshot
	changed chan struct{}
	asked   []string // accounts to re-authenticate
	answer  func(context.Context) error
	quits   int
}

var _ control.Daemon = (*double)(nil)

func newDouble(t testing.TB) *double {
	t.Helper()
	d := &double{now: snapshotOf(nil), changed: make(chan struct{}), answer: func(context.Context) error { return nil }}
	d.socket = filepath.Join(shortDir(t), "control")
	server, err := control.Listen(d.socket, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d.server = server
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(d); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		d.end(t)
		wg.Wait()
	})
	return d
}

func (d *double) end(t testing.TB) {
	if err := d.server.Close(); err != nil {
		t.Error(err)
	}
}

func (d *double) set(s health.Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = s
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

func (d *double) Reauthenticate(ctx context.Context, account string) error {
	d.mu.Lock()
	d.asked = append(d.asked, account)
	answer := d.answer
	d.mu.Unlock()
	return answer(ctx)
}

func (d *double) ReauthenticateSameServer(context.Context, string) error {
	return errors.New("the tray never gives the user's word")
}

func (d *double) Rename(context.Context, string, string) error {
	return errors.New("the tray renames nothing")
}

func (d *double) answers(f func(context.Context) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = f
}

func (d *double) reauths() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.asked)
}

func (d *double) Quit() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.quits++
}

func (d *double) quitted() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.quits
}

// OpenPage is the address of the account and its scope.
func (d *double) OpenPage(_ context.Context, account, scope string) (string, error) {
	for _, a := range d.Snapshot().Accounts {
		if a.Name == account {
			return a.Proxy.URL + "?" + scope, nil
		}
	}
	return "", errors.ErrUnsupported
}

// pageLink is where the status page opens.
const pageLink = "http://localhost:13380/enter"

func (d *double) PageLink(context.Context, string) (string, error) { return pageLink, nil }

func (d *double) Players(context.Context, string) ([]control.Player, error) {
	return nil, errors.ErrUnsupported
}
func (d *double) AddPlayer(context.Context, string, string, string) (control.NewPlayer, error) {
	return control.NewPlayer{}, errors.ErrUnsupported
}
func (d *double) TrustPlayer(context.Context, string, string, string) error {
	return errors.ErrUnsupported
}
func (d *double) RevokePlayer(context.Context, string, string) error { return errors.ErrUnsupported }
func (d *double) SignIn(context.Context, control.SignInRequest) (control.SignInAnswer, error) {
	return control.SignInAnswer{}, errors.ErrUnsupported
}
func (d *double) ChangePassword(context.Context, string, redact.Secret, redact.Secret) error {
	return errors.ErrUnsupported
}
func (d *double) SetPort(context.Context, string, int) (string, error) {
	return "", errors.ErrUnsupported
}
func (d *double) SignOut(context.Context, string) error { return errors.ErrUnsupported }
func (d *double) Forget(context.Context, string) ([]string, error) {
	return nil, errors.ErrUnsupported
}

// shortDir is a directory whose name leaves room for a socket's: the kernel
// takes 108 bytes.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// need skips the test when a program is missing, and fails it in CI.
func need(t testing.TB, programs ...string) {
	t.Helper()
	var missing []string
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = append(missing, p)
		}
	}
	switch {
	case missing == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("not installed: %s", strings.Join(missing, ", "))
	default:
		t.Skipf("not installed: %s", strings.Join(missing, ", "))
	}
}

// run is a program that the test's end kills, with its group.
type run struct {
	cmd   *exec.Cmd
	out   *lines
	ended chan struct{}
}

// start runs a program with the variables added to a bare environment.
func start(t testing.TB, env []string, argv ...string) *run {
	t.Helper()
	r := &run{cmd: exec.Command(argv[0], argv[1:]...), out: &lines{}, ended: make(chan struct{})}
	r.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"}, env...)
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.WaitDelay = patience
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait() // the state is in cmd
		close(r.ended)
	}()
	t.Cleanup(func() {
		r.kill(syscall.SIGKILL)
		<-r.ended
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(argv[0]), r.out)
		}
	})
	return r
}

func (r *run) kill(s syscall.Signal) {
	select {
	case <-r.ended:
	default:
		_ = syscall.Kill(-r.cmd.Process.Pid, s)
	}
}

// code waits for the end and returns the exit code.
func (r *run) code(t testing.TB) int {
	t.Helper()
	eventually(t, "the program ends", func() error {
		select {
		case <-r.ended:
			return nil
		default:
			return errors.New("it still runs")
		}
	})
	return r.cmd.ProcessState.ExitCode()
}

// startTray runs this test program as a tray of the daemon.
func startTray(t testing.TB, d *double, env ...string) *run {
	t.Helper()
	return start(t, append([]string{childEnv + "=tray", socketEnv + "=" + d.socket}, env...), "/proc/self/exe")
}
