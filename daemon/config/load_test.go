package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestLoadWithoutFile(t *testing.T) {
	cfg, err := Load(filepath.Join(t.TempDir(), "none", "config.toml"))
	if err != nil || !reflect.DeepEqual(cfg, Default()) {
		t.Errorf("got %+v, %v", cfg, err)
	}
	if d := Default(); d.Listen != 13379 || d.PagePort != 13380 || d.LocalAccess != "user" || d.Store != "os" {
		t.Errorf("defaults %+v", d)
	}
}

func TestLoadUnreadable(t *testing.T) {
	dir := t.TempDir()
	dangling, large := filepath.Join(dir, "link.toml"), filepath.Join(dir, "large.toml")
	if err := os.Symlink(filepath.Join(dir, "gone"), dangling); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := os.WriteFile(large, []byte(strings.Repeat("#\n", maxSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ desc, path, msg string }{
		{"a directory", dir, ""},
		{"a dangling link", dangling, "link"},
		{"far too large", large, "larger"},
		{"no directory on the way", filepath.Join(large, "x"), ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			_, err := Load(c.path)
			var e *Error
			if !errors.As(err, &e) || e.File != c.path || e.Line != 0 || !strings.Contains(e.Msg, c.msg) {
				t.Errorf("got %#v", err)
			}
			if e != nil && strings.Count(e.Error(), c.path) != 1 {
				t.Errorf("%q does not name the file once", e.Error())
			}
		})
	}
	if _, err := Load(dangling); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestErrorForm(t *testing.T) {
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{File: "f", Line: 3, Column: 7, Key: "listen", Msg: "bad"}, "f:3:7: listen: bad"},
		{Error{File: "f", Line: 3, Msg: "bad"}, "f:3: bad"},
		{Error{File: "f", Msg: "bad"}, "f: bad"},
	} {
		if got := c.e.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
