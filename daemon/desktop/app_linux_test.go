package desktop

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A page opens as an app in the first browser that can; nothing but pages of this machine
// do, and without such a browser the error says so.
func TestOpenApp(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	t.Setenv("DISPLAY", ":99")
	if err := OpenApp("http://127.0.0.1:1/x"); !errors.Is(err, ErrNoApp) {
		t.Errorf("without a browser: %v", err)
	}
	for _, address := range []string{"https://example.org", "http://example.org/", "file:///etc/passwd", "http://a@127.0.0.1/", "--version"} {
		if err := OpenApp(address); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", address, err)
		}
	}
	said := filepath.Join(bin, "said")
	for name, script := range map[string]string{"chromium": "echo \"$@\" > " + said, "vivaldi": "exit 9"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := OpenApp("http://127.0.0.1:1/_shelfkeeper/open?nonce=x"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	text := ""
	for text == "" && time.Now().Before(deadline) {
		raw, _ := os.ReadFile(said) // it is written by another process
		text = strings.TrimSpace(string(raw))
	}
	if text != "--app=http://127.0.0.1:1/_shelfkeeper/open?nonce=x" {
		t.Errorf("the browser got %q", text)
	}
	if err := os.Remove(filepath.Join(bin, "chromium")); err != nil {
		t.Fatal(err)
	}
	if err := OpenApp("http://127.0.0.1:1/x"); err == nil || errors.Is(err, ErrNoApp) {
		t.Errorf("a browser that fails: %v", err)
	}
}

func TestHasApp(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	if HasApp() {
		t.Error("without a browser")
	}
	if err := os.WriteFile(filepath.Join(bin, "vivaldi"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if !HasApp() {
		t.Error("with one")
	}
}
