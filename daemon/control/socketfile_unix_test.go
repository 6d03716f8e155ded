//go:build !windows

package control

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/problem"
)

// deadSocket leaves a socket at path as a killed daemon does.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func wantRefused(t *testing.T, path string, want error, code problem.Code) {
	t.Helper()
	s, err := Listen(path, nil)
	if err == nil {
		_ = s.Close()
	}
	var p *problem.Problem
	if !errors.Is(err, want) || !errors.As(err, &p) || p.Code != code || p.Remedy == "" {
		t.Errorf("got %v (%+v), want %v with code %d and a remedy", err, p, want, code)
	}
}

func TestModes(t *testing.T) {
	path := filepath.Join(filepath.Dir(socketPath(t)), "a", "b", "s")
	s, _ := mustListen(t, path)
	for name, want := range map[string]fs.FileMode{path: 0o600 | fs.ModeSocket, filepath.Dir(path): 0o700 | fs.ModeDir} {
		if info, err := os.Lstat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket stays behind: %v", err)
	}
}

func TestExposedDirectory(t *testing.T) {
	for _, mode := range []fs.FileMode{0o750, 0o701, 0o755, 0o777 | fs.ModeSticky} {
		path := socketPath(t)
		if err := os.Chmod(filepath.Dir(path), mode); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, path, ErrExposed, problem.Config)
		if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode() != mode|fs.ModeDir {
			t.Errorf("the directory was changed: %v, %v", info.Mode(), err)
		}
	}
}

func TestPathLength(t *testing.T) {
	dir := filepath.Dir(socketPath(t))
	longest := filepath.Join(dir, strings.Repeat("x", maxPath-len(dir)-1))
	s, _ := mustListen(t, longest)
	run(t, s, newDouble())
	if err := Dial(longest).Ping(t.Context()); err != nil {
		t.Errorf("the longest path: %v", err)
	}
	wantRefused(t, longest+"x", ErrPathTooLong, problem.Config)
	if err := Dial(longest + "x").Ping(t.Context()); !errors.Is(err, ErrPathTooLong) {
		t.Errorf("client: %v", err)
	}
	// On Linux a leading @ names a socket outside the file system, open to all.
	for _, path := range []string{"", "relative.sock", "@shelfkeeper"} {
		if s, err := Listen(path, nil); err == nil {
			_ = s.Close()
			t.Errorf("listens at %q", path)
		}
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := socketPath(t)
	deadSocket(t, path)
	if err := Dial(path).Ping(t.Context()); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("before: %v", err)
	}
	s, _ := mustListen(t, path)
	run(t, s, newDouble())
	if err := Dial(path).Ping(t.Context()); err != nil {
		t.Errorf("after: %v", err)
	}
}

func TestLiveSocketIsLeftAlone(t *testing.T) {
	_, path, _ := serve(t, newDouble())
	wantRefused(t, path, ErrRunning, problem.Running)
	if err := Dial(path).Ping(t.Context()); err != nil {
		t.Errorf("the running one: %v", err)
	}
}

// A daemon that hangs accepts nothing, and is there all the same.
func TestHangingSocketIsLeftAlone(t *testing.T) {
	path := socketPath(t)
	mustListen(t, path)
	wantRefused(t, path, ErrRunning, problem.Running)
}

func TestOtherFilesAreNeverDeleted(t *testing.T) {
	for desc, place := range map[string]func(t *testing.T, path string) error{
		"file":      func(_ *testing.T, path string) error { return os.WriteFile(path, []byte("dear"), 0o600) },
		"directory": func(_ *testing.T, path string) error { return os.Mkdir(path, 0o700) },
		"link to a dead socket": func(t *testing.T, path string) error {
			deadSocket(t, path+".target")
			return os.Symlink(path+".target", path)
		},
		"link to nowhere": func(_ *testing.T, path string) error { return os.Symlink(path+".none", path) },
	} {
		t.Run(desc, func(t *testing.T) {
			path := socketPath(t)
			if err := place(t, path); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			wantRefused(t, path, ErrOccupied, problem.Config)
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) || before.Mode() != after.Mode() {
				t.Errorf("was touched: %v", err)
			}
		})
	}
}

func TestCloseRemovesOnlyItsOwnSocket(t *testing.T) {
	path := socketPath(t)
	s, _ := mustListen(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next, _ := mustListen(t, path)
	run(t, next, newDouble())
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := Dial(path).Ping(t.Context()); err != nil {
		t.Errorf("the next daemon lost its socket: %v", err)
	}
}

func TestCloseAfterTheDirectoryWent(t *testing.T) {
	path := socketPath(t)
	s, _ := mustListen(t, path)
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Without the lock two starters would both find the dead socket, and the later
// removal would take the earlier one's new socket away.
func TestOneOfManyStartersWins(t *testing.T) {
	path := socketPath(t)
	deadSocket(t, path)
	var mu sync.Mutex
	var won []*Server
	var starters sync.WaitGroup
	for range 8 {
		starters.Go(func() {
			s, err := Listen(path, nil)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, s)
			} else if !errors.Is(err, ErrRunning) {
				t.Error(err)
			}
		})
	}
	starters.Wait()
	if len(won) != 1 {
		t.Errorf("%d listen, want 1", len(won))
	}
	for _, s := range won {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
