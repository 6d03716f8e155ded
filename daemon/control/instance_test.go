package control

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/problem"
)

// claim makes this process the daemon of a state directory, until the test ends.
func claim(t *testing.T, state string) *Instance {
	t.Helper()
	i, err := Claim(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// A daemon that was started in another environment is found through the state
// directory, whatever socket this environment expects.
func TestDaemonOfAnotherEnvironmentIsFound(t *testing.T) {
	state, socket := t.TempDir(), socketPath(t)
	usual := filepath.Join(state, "run", "c")
	c := DialDaemon(state, usual)
	if err := c.Ping(t.Context()); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("before: %v", err)
	}
	i := claim(t, state)
	s, err := Listen(socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(newDouble()) }()
	if err := i.Announce(socket); err != nil {
		t.Fatal(err)
	}
	for _, usual := range []string{usual, socket, filepath.Join(state, strings.Repeat("long/", maxPath))} {
		if err := DialDaemon(state, usual).Ping(t.Context()); err != nil {
			t.Errorf("at %.40s: %v", usual, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var p *problem.Problem
	if _, err := Claim(ctx, state); !errors.As(err, &p) || p.Code != problem.Running || !strings.Contains(p.Text, strconv.Itoa(os.Getpid())) {
		t.Errorf("a second daemon: %v", err)
	}
	if err := errors.Join(s.Close(), <-served); err != nil {
		t.Fatal(err)
	}
	// It runs, and cannot be reached: no command may take it for gone.
	err = c.Ping(t.Context())
	if errors.Is(err, ErrNoDaemon) || !errors.As(err, &p) || p.Code != problem.Unreachable ||
		!strings.Contains(p.Text, strconv.Itoa(os.Getpid())) || !strings.Contains(p.Text, socket) ||
		strings.Contains(p.Text, "no Shelfkeeper") {
		t.Errorf("out of reach: %v", err)
	}
	if err := i.Release(); err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(t.Context()); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("afterwards: %v", err)
	}
	if left, err := os.ReadDir(state); err != nil || len(left) != 1 || left[0].Name() != instanceLock {
		t.Errorf("left over: %v %v", left, err)
	}
}

// What a daemon left that was killed, or a damaged record, is no daemon.
func TestRecordWithoutADaemon(t *testing.T) {
	for _, left := range []string{`{"pid":1,"socket":"/nowhere/c"}`, `{"pid":0}`, `{`, ``} {
		state := t.TempDir()
		if err := os.WriteFile(filepath.Join(state, instanceRecord), []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := DialDaemon(state, filepath.Join(state, "c")).Ping(t.Context()); !errors.Is(err, ErrNoDaemon) {
			t.Errorf("%s: %v", left, err)
		}
		i := claim(t, state)
		if err := errors.Join(i.Announce("/run/c"), i.Release()); err != nil {
			t.Error(err)
		}
	}
}

// A socket below a directory that sudo has left is named with the way out.
func TestSocketOfRoot(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no mode bits")
	}
	if os.Geteuid() == 0 {
		t.Skip("root may connect anywhere")
	}
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0); err != nil {
		t.Fatal(err)
	}
	var p *problem.Problem
	if err := Dial(filepath.Join(dir, "control.sock")).Ping(t.Context()); !errors.As(err, &p) || p.Code != problem.Config || p.Remedy == "" {
		t.Errorf("got %v", err)
	}
}
