package config

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/adrg/xdg"
)

func TestUserPaths(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the table holds the places of Linux; TestUserPathsLikeXDG covers the others")
	}
	for _, c := range []struct {
		desc                                 string
		home, config, state, runtime         string
		wantConfig, wantState, wantRuntimeIn string
	}{
		{"home alone", "/h", "", "", "", "/h/.config", "/h/.local/state", "/h/.local/state/shelfkeeper/run"},
		{"all set", "/h", "/c", "/s", "/r", "/c", "/s", "/r/shelfkeeper"},
		{"relative is ignored", "/h", "c", "./s", "r", "/h/.config", "/h/.local/state", "/h/.local/state/shelfkeeper/run"},
		{"a tilde no shell saw", "/h", "~/c", "~", "~x/y", "/h/c", "/h", "/h/shelfkeeper/run"},
		{"no home needed", "", "/c", "/s", "", "/c", "/s", "/s/shelfkeeper/run"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			for k, v := range map[string]string{"HOME": c.home, "XDG_CONFIG_HOME": c.config, "XDG_STATE_HOME": c.state,
				"XDG_RUNTIME_DIR": c.runtime} {
				t.Setenv(k, v)
			}
			want := Paths{Config: c.wantConfig + "/shelfkeeper/config.toml", State: c.wantState + "/shelfkeeper", Runtime: c.wantRuntimeIn}
			if got, err := UserPaths(); err != nil || got != want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, want)
			}
		})
	}
}

func TestUserPathsWithoutHome(t *testing.T) {
	for _, k := range []string{"HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_STATE_HOME"} {
		t.Setenv(k, "")
	}
	if p, err := UserPaths(); !errors.Is(err, ErrNoHome) {
		t.Errorf("got %+v, %v", p, err)
	}
}

// The rules are those of the library that other programs use, for every
// setting under which the library has an answer of its own.
func TestUserPathsLikeXDG(t *testing.T) {
	t.Cleanup(xdg.Reload) // registered first, so it runs once Setenv has restored the environment
	base := t.TempDir()
	for _, set := range []map[string]string{
		{},
		{"XDG_CONFIG_HOME": filepath.Join(base, "c")},
		{"XDG_STATE_HOME": filepath.Join(base, "s"), "XDG_CONFIG_HOME": "relative"},
	} {
		for _, k := range []string{"XDG_CONFIG_HOME", "XDG_STATE_HOME"} {
			t.Setenv(k, set[k])
		}
		xdg.Reload()
		got, err := UserPaths()
		if err != nil || got.Config != filepath.Join(xdg.ConfigHome, "shelfkeeper", "config.toml") ||
			got.State != filepath.Join(xdg.StateHome, "shelfkeeper") {
			t.Errorf("%v: got %+v, %v; xdg has %s, %s", set, got, err, xdg.ConfigHome, xdg.StateHome)
		}
	}
}

func TestCreate(t *testing.T) {
	base := t.TempDir()
	p := Paths{Config: filepath.Join(base, "etc", "config.toml"), State: filepath.Join(base, "a", "state"),
		Runtime: filepath.Join(base, "a", "state", "run")}
	for range 2 {
		if err := p.Create(); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{filepath.Join(base, "a"), p.State, p.Runtime} {
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() {
			t.Fatalf("%s: %v", dir, err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v", dir, info.Mode())
		}
	}
	if _, err := os.Stat(filepath.Dir(p.Config)); err == nil {
		t.Error("the user's configuration directory was made")
	}
}
