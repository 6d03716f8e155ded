//go:build !windows

package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPrivateDirModes(t *testing.T) {
	for _, c := range []struct {
		mode fs.FileMode
		safe bool
	}{{0o700, true}, {0o750, true}, {0o755, true}, {0o770, false}, {0o702, false}, {0o777 | fs.ModeSticky, false}} {
		dir := filepath.Join(t.TempDir(), "d")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, c.mode)); err != nil {
			t.Fatal(err)
		}
		err := PrivateDir(dir)
		if c.safe != (err == nil) || !c.safe && (!errors.Is(err, ErrUnsafeDir) || !strings.Contains(err.Error(), "chmod go-w \"") ||
			!strings.Contains(err.Error(), dir)) {
			t.Errorf("mode %v: got %v", c.mode, err)
		}
	}
}

func TestPrivateDirIsNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if err := PrivateDir(path); err == nil || errors.Is(err, ErrUnsafeDir) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

// foreign is a directory that belongs to somebody else; making a real one
// takes root.
type foreign struct{ uid uint32 }

func (foreign) Name() string       { return "d" }
func (foreign) Size() int64        { return 0 }
func (foreign) Mode() fs.FileMode  { return fs.ModeDir | 0o700 }
func (foreign) ModTime() time.Time { return time.Time{} }
func (foreign) IsDir() bool        { return true }
func (f foreign) Sys() any         { return &syscall.Stat_t{Uid: f.uid} }

func TestForeignOwner(t *testing.T) {
	own := uint32(os.Geteuid())
	if why := unsafe("/run/d", foreign{own}); why != "" {
		t.Errorf("our own: %s", why)
	}
	if why := unsafe("/run/d", foreign{own + 1}); !strings.Contains(why, "belongs to user") {
		t.Errorf("got %q", why)
	}
}

// What sudo has left is named, and sudo leaves nothing in a user's home.
func TestSudo(t *testing.T) {
	if why := unsafe("/run/d", foreign{0}); os.Geteuid() != 0 &&
		(!strings.Contains(why, "run with sudo") || !strings.Contains(why, "sudo chown")) {
		t.Errorf("a directory of root: %q", why)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to make another user's directory")
	}
	home := t.TempDir()
	if err := os.Chown(home, 1234, 1234); err != nil {
		t.Skip("cannot change an owner here: ", err)
	}
	for by, refused := range map[string]bool{"1234": true, "": false, "0": false} {
		t.Setenv("SUDO_UID", by)
		dir := filepath.Join(home, "state"+by, "shelfkeeper")
		err := PrivateDir(dir)
		if refused != errors.Is(err, ErrUnsafeDir) || refused && !strings.Contains(err.Error(), "leave sudo away") {
			t.Errorf("sudo by %q: %v", by, err)
		}
		if _, missing := os.Stat(dir); refused != (missing != nil) {
			t.Errorf("sudo by %q: the directory: %v", by, missing)
		}
	}
	if why := unsafe("/run/d", foreign{1234}); !strings.Contains(why, "leave sudo away") {
		t.Errorf("another's directory: %q", why)
	}
}
