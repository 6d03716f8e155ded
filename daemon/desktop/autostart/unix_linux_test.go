package autostart

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/daemon/problem"
)

// needs skips where a program is missing, which CI installs.
func needs(t *testing.T, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("install %s: %v", pkg, err)
	}
	t.Skipf("install %s: %v", pkg, err)
	return ""
}

// userWith makes a home of its own, in which systemctl says what script does.
func userWith(t *testing.T, script string) (base string) {
	t.Helper()
	base, bin := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", base)
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	if err := os.WriteFile(filepath.Join(bin, "systemctl"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return base
}

const (
	noManager = `echo "Failed to connect to bus: No medium found" >&2; exit 1`
	graphical = `[ "$3" = show ] && echo ActiveState=active; exit 0`
	textOnly  = `[ "$3" = show ] && echo ActiveState=inactive; exit 0`
)

func plan(t *testing.T) Plan {
	t.Helper()
	path := filepath.Join(t.TempDir(), "my 50% shelfkeeper")
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	return Plan{Program: path}
}

// left returns what lies below base.
func left(t *testing.T, base string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(base, func(path string, _ fs.DirEntry, err error) error {
		if path != base {
			paths = append(paths, strings.TrimPrefix(path, base+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestMethodFollowsTheDesktop(t *testing.T) {
	for _, c := range []struct {
		desc, systemctl, display string
		headless                 bool
		method, file             string
	}{
		{"a desktop by systemd", graphical, ":0", false, Systemd, "systemd/user/graphical-session.target.wants/shelfkeeper.service"},
		{"a desktop without the target", textOnly, ":0", false, Entry, "autostart/shelfkeeper.desktop"},
		{"from a text console", textOnly, "", false, Systemd, "systemd/user/graphical-session.target.wants/shelfkeeper.service"},
		{"no systemd", noManager, ":0", false, Entry, "autostart/shelfkeeper.desktop"},
		{"headless", textOnly, "", true, Systemd, "systemd/user/default.target.wants/shelfkeeper.service"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			base := userWith(t, c.systemctl)
			t.Setenv("DISPLAY", c.display)
			p := plan(t)
			p.Headless = c.headless
			for range 2 { // idempotent
				s, err := On(t.Context(), p)
				if (s.Reason != "") != (c.method == Entry) && !c.headless {
					t.Errorf("why this method: %q", s.Reason)
				}
				if err != nil || !s.On || s.Method != c.method || s.Headless != c.headless || !s.Current {
					t.Fatalf("got %+v, %v", s, err)
				}
			}
			if _, err := os.Stat(filepath.Join(base, c.file)); err != nil {
				t.Error(err)
			}
			for range 2 {
				if err := Off(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := left(t, base); len(got) > 0 {
				t.Errorf("left behind: %q", got)
			}
			if s, err := Look(t.Context(), p); err != nil || s.On {
				t.Errorf("after off: %+v, %v", s, err)
			}
		})
	}
}

// A change of the method, or of the kind of start, leaves nothing of the other.
func TestOneMethodAtATime(t *testing.T) {
	base := userWith(t, noManager)
	p := plan(t)
	for _, step := range []struct {
		systemctl string
		headless  bool
	}{{noManager, false}, {graphical, false}, {graphical, true}, {graphical, false}, {noManager, false}} {
		dir := filepath.SplitList(os.Getenv("PATH"))[0]
		if err := os.WriteFile(filepath.Join(dir, "systemctl"), []byte("#!/bin/sh\n"+step.systemctl), 0o700); err != nil {
			t.Fatal(err)
		}
		p.Headless = step.headless
		if _, err := On(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		starts := 0
		for _, path := range left(t, base) {
			if strings.HasSuffix(path, ".desktop") || strings.Contains(path, ".wants/") {
				starts++
			}
		}
		if starts != 1 {
			t.Errorf("%+v: %q", step, left(t, base))
		}
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	for _, c := range []struct{ systemctl, file string }{
		{graphical, "systemd/user/shelfkeeper.service"}, {noManager, "autostart/shelfkeeper.desktop"},
		{noManager, "systemd/user/shelfkeeper.service"}, {graphical, "autostart/shelfkeeper.desktop"},
	} {
		base := userWith(t, c.systemctl)
		path := filepath.Join(base, c.file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("# mine\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := On(t.Context(), plan(t))
		var p *problem.Problem
		if !errors.As(err, &p) || p.Remedy == "" || !strings.Contains(p.Text, path) {
			t.Errorf("on: %v", err)
		}
		if got := left(t, base); len(got) != strings.Count(c.file, "/")+1 {
			t.Errorf("something was written beside it: %q", got)
		}
		if err := Off(t.Context()); err == nil {
			t.Error("off says nothing")
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "# mine\n" {
			t.Errorf("%q, %v", text, err)
		}
	}
}

func TestLookSaysWhatKeepsItFromStarting(t *testing.T) {
	base := userWith(t, noManager)
	p := plan(t)
	if _, err := On(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	entry := filepath.Join(base, "autostart", entryName)
	text, err := os.ReadFile(entry)
	if err != nil {
		t.Fatal(err)
	}
	off := strings.Replace(string(text), "Autostart-enabled=true", "Autostart-enabled=false", 1)
	if err := os.WriteFile(entry, []byte(off), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := Look(t.Context(), p); err != nil || s.On || s.Remedy == "" {
		t.Errorf("turned off by the desktop: %+v, %v", s, err)
	}
	if s, err := On(t.Context(), p); err != nil || !s.On {
		t.Errorf("turned on again: %+v, %v", s, err)
	}
	other := plan(t)
	if s, err := Look(t.Context(), other); err != nil || !s.On || s.Current || s.Remedy == "" {
		t.Errorf("another program: %+v, %v", s, err)
	}
}

func TestRefusals(t *testing.T) {
	userWith(t, noManager)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	good := plan(t).Program
	for _, p := range []Plan{
		{Program: "shelfkeeper"},
		{Program: "/not/there"},
		{Program: "/tmp/go-build1/b001/exe/shelfkeeper"},
		{Program: "/a\nb"},
		{Program: "/a\xffb"},
		{Program: "/a='b"},
		{Program: good, Headless: true}, // no manager
		{Program: good, PassphraseFile: secret},
		{Program: good, Headless: true, PassphraseFile: secret}, // others can read it
	} {
		var problem *problem.Problem
		if _, err := On(t.Context(), p); !errors.As(err, &problem) || problem.Text == "" {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestSystemdAcceptsTheUnits(t *testing.T) {
	analyze := needs(t, "systemd-analyze", "systemd")
	dir := t.TempDir()
	program := filepath.Join(dir, `my 50% "off" & it's $HOME\shelf`)
	secret := filepath.Join(dir, "100% secret")
	for path, mode := range map[string]fs.FileMode{program: 0o755, secret: 0o600} {
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []Plan{
		{Program: program, Args: []string{"--config", "/home/a b/$x;%h/config.toml"}},
		{Program: program, Headless: true, PassphraseFile: secret},
	} {
		path := filepath.Join(t.TempDir(), unitName)
		if err := os.WriteFile(path, []byte(p.unit()), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(analyze, "verify", "--user", "--man=no", "--recursive-errors=no", path)
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), unitName) {
			t.Errorf("%v\n%s\n%s", err, out, p.unit())
		}
	}
}

func TestDesktopAcceptsTheEntry(t *testing.T) {
	validate := needs(t, "desktop-file-validate", "desktop-file-utils")
	for _, program := range []string{"/usr/bin/shelfkeeper", odd} {
		path := filepath.Join(t.TempDir(), entryName)
		if err := os.WriteFile(path, []byte(Plan{Program: program}.entry()), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(validate, "--no-hints", path).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", program, err, out)
		}
	}
}
