package pathwatch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A path is waited for through directories that are missing too. Other files wake nobody.
func TestWaitForPath(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run", "bus")
	for _, step := range []func() error{
		func() error { return os.Mkdir(filepath.Dir(path), 0o700) },
		func() error { return os.WriteFile(path, nil, 0o600) },
	} {
		w := New(path)
		came := make(chan bool, 1)
		go func() { came <- w.Wait(t.Context(), 0) }()
		if err := os.WriteFile(filepath.Join(dir, "another"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := step(); err != nil {
			t.Fatal(err)
		}
		if !<-came {
			t.Error("it did not come")
		}
		w.Close()
	}
}

func TestWaitEnds(t *testing.T) {
	w := New(filepath.Join(t.TempDir(), "never"))
	defer w.Close()
	if w.Wait(t.Context(), time.Millisecond) {
		t.Error("it came")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w.Wait(ctx, 0) {
		t.Error("it came")
	}
	if (*Watch)(nil).Wait(ctx, time.Hour) || New("") != nil {
		t.Error("a watch of nothing")
	}
	(*Watch)(nil).Close()
}
