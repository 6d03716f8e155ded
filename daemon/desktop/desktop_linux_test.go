package desktop

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fakeProgram puts a program of that name first in PATH which writes its
// arguments and input to the returned file.
func fakeProgram(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "said")
	script := "#!/bin/sh\necho \"$@\" > " + out + ".new\n[ \"$1\" = -selection ] || [ $# = 1 ] || cat >> " + out + ".new\nmv " + out +
		".new " + out + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return out
}

func TestOpenShowsOwnPagesOnly(t *testing.T) {
	out := fakeProgram(t, "xdg-open")
	for _, bad := range []string{"https://abs.example/", "http://abs.example/", "file:///etc/passwd", "javascript:alert(1)",
		"http://a@127.0.0.1/", "http://127.0.0.1.evil.example/", "%", "", "--help"} {
		if err := Open(bad); !errors.Is(err, ErrForeign) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Fatal("something foreign was opened")
	}
	if err := Open("http://127.0.0.1:13379/"); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(time.Minute)
	for {
		if said, err := os.ReadFile(out); err == nil {
			if string(said) != "http://127.0.0.1:13379/\n" {
				t.Errorf("xdg-open got %q", said)
			}
			return
		}
		select {
		case <-deadline:
			t.Fatal("xdg-open was not called")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
