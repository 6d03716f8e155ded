package desktop

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// xdgHome is a user's throwaway home, with the real xdg-mime.
func xdgHome(t *testing.T) (data string) {
	t.Helper()
	if _, err := exec.LookPath("xdg-mime"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	home := t.TempDir()
	data = filepath.Join(home, "data")
	for name, value := range map[string]string{
		"HOME": home, "XDG_DATA_HOME": data, "XDG_CONFIG_HOME": filepath.Join(home, "config"), "XDG_DATA_DIRS": filepath.Join(home, "none"),
		"XDG_CONFIG_DIRS": filepath.Join(home, "none"), "DISPLAY": ":99", "XDG_CURRENT_DESKTOP": "", "DE": "generic", "DESKTOP_SESSION": "",
	} {
		t.Setenv(name, value)
	}
	if err := os.MkdirAll(filepath.Join(home, "config"), 0o700); err != nil {
		t.Fatal(err)
	}
	return data
}

const testKind = "x-scheme-handler/audiobookshelf"

func TestTakeScheme(t *testing.T) {
	for _, before := range []string{"", "another-app.desktop"} {
		data := xdgHome(t)
		if before != "" {
			entry := filepath.Join(data, "applications", before)
			if err := errors.Join(os.MkdirAll(filepath.Dir(entry), 0o700),
				os.WriteFile(entry, []byte("[Desktop Entry]\nType=Application\nName=x\nExec=/bin/true %u\nMimeType="+testKind+";\n"),
					0o600)); err != nil {
				t.Fatal(err)
			}
			if _, err := xdgMime("default", before, testKind); err != nil {
				t.Fatal(err)
			}
		}
		dir := t.TempDir()
		said := filepath.Join(dir, "said")
		program := filepath.Join(dir, "program")
		if err := os.WriteFile(program, []byte("#!/bin/sh\nprintf '%s|' \"$@\" > "+said+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		restore, err := TakeScheme("audiobookshelf", []string{program, "bring", "--at", "/x"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		const address = "audiobookshelf://oauth?code=a&state=b"
		if out, err := exec.CommandContext(ctx, "xdg-open", address).CombinedOutput(); err != nil {
			t.Fatalf("xdg-open: %v\n%s", err, out)
		}
		if got, err := os.ReadFile(said); err != nil || string(got) != "bring|--at|/x|--|"+address+"|" {
			t.Errorf("the program got %q, %v", got, err)
		}
		again, err := TakeScheme("audiobookshelf", []string{program, "bring", "--at", "/x"})
		if err != nil || again() != nil {
			t.Errorf("once more: %v", err)
		}
		if now, err := xdgMime("query", "default", testKind); err != nil || now != entryName {
			t.Errorf("it is with %q, %v", now, err)
		}
		if err := restore(); err != nil {
			t.Fatal(err)
		}
		want := entryName
		if before != "" {
			want = before
		}
		if now, err := xdgMime("query", "default", testKind); err != nil || now != want {
			t.Errorf("afterwards it is with %q, not %q: %v", now, want, err)
		}
	}
}

func TestTakeSchemeWithoutXDG(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	if _, err := TakeScheme("audiobookshelf", []string{"/x"}); !errors.Is(err, ErrNoScheme) ||
		!strings.Contains(err.Error(), "install xdg-utils") {
		t.Errorf("%v", err)
	}
}

func TestBrowseOpensPagesOnly(t *testing.T) {
	out := fakeProgram(t, "xdg-open")
	t.Setenv("DISPLAY", ":99")
	for _, bad := range []string{"file:///etc/passwd", "javascript:alert(1)", "audiobookshelf://oauth", "https://",
		"https://a:b@provider.test/", "--help", "", "%"} {
		if err := Browse(bad); err == nil {
			t.Errorf("%q was opened", bad)
		}
	}
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	if err := Browse("https://provider.test/authorize"); !errors.Is(err, ErrNoDesktop) {
		t.Errorf("without a screen: %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was opened")
	}
}
