package control

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// keeping returns a server whose socket lies in a directory of its own, and where
// it lies after each move.
func keeping(t *testing.T) (s *Server, path, fallback string, moved chan string) {
	t.Helper()
	dir := filepath.Dir(socketPath(t))
	path, fallback, moved = filepath.Join(dir, "run", "s"), filepath.Join(dir, "f"), make(chan string, 10)
	s, _ = mustListen(t, path)
	run(t, s, newDouble())
	s.Keep(fallback, func(path string) { moved <- path })
	return s, path, fallback, moved
}

func wantMoved(t *testing.T, moved chan string, want string) {
	t.Helper()
	select {
	case got := <-moved:
		if got != want {
			t.Fatalf("made at %s, not %s", got, want)
		}
	case <-time.After(patience):
		t.Fatal("it is not made again")
	}
	if err := Dial(want).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The socket's file is removed, by hand or with its whole directory: it is there
// again, and what was connected goes on.
func TestSocketIsMadeAgain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a pipe has no file")
	}
	s, path, _, moved := keeping(t)
	for _, gone := range []string{path, filepath.Dir(path), path} {
		if err := os.RemoveAll(gone); err != nil {
			t.Fatal(err)
		}
		s.Look() // where the system tells nothing
		wantMoved(t, moved, path)
	}
}

// The directory does not serve any more: the socket lies elsewhere, and at its own
// place again as soon as that can be.
func TestSocketMovesAndReturns(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no mode bits")
	}
	s, path, fallback, moved := keeping(t)
	if err := errors.Join(os.Chmod(filepath.Dir(path), 0o777), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	s.Look()
	wantMoved(t, moved, fallback)
	if err := os.Chmod(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	s.Look()
	wantMoved(t, moved, path)
	if _, err := os.Lstat(fallback); err == nil {
		t.Error("the other socket is left")
	}
}

// A server that closes makes no socket any more.
func TestNoSocketAfterClose(t *testing.T) {
	s, path, _, moved := keeping(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.Look()
	if _, err := os.Lstat(path); err == nil || len(moved) > 0 {
		t.Error("a socket is made")
	}
}
