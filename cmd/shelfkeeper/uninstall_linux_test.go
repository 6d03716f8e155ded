package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// left are the files below the home whose path names Shelfkeeper.
func (p *place) left() (list []string) {
	p.t.Helper()
	err := filepath.WalkDir(p.home, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(strings.TrimPrefix(path, p.home), "shelfkeeper") {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

// Uninstalling ends the daemon and the start at login, keeps secrets unless told, and
// leaves nothing then.
func TestUninstall(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	p.ok("", "autostart", "on")
	r := p.daemon()
	p.until("it is served", fresh)
	if _, err := os.Stat(p.state("log")); err != nil {
		t.Fatal(err)
	}

	before := len(p.left())
	if got := p.run("", "uninstall"); got.code != problem.Usage || !strings.Contains(got.stderr, "--yes") || len(p.left()) < before {
		t.Errorf("nobody can be asked: %d %s", got.code, got.stderr)
	}
	if out := p.ok("", "uninstall", "--yes"); !strings.Contains(out.stdout, "secrets stay in "+p.state()) {
		t.Errorf("said %s", out.stdout)
	}
	if code := r.wait(); code != problem.OK {
		t.Errorf("the daemon ended with %d", code)
	}
	if _, err := os.Stat(p.state("log")); err == nil {
		t.Error("the log is still there")
	}
	if out := p.ok("", "autostart", "status"); !strings.Contains(out.stdout, "does not start at login") {
		t.Errorf("said %s", out.stdout)
	}
	if out := p.ok("", "account", "list"); !strings.Contains(out.stdout, "127-0-0-1-alice") {
		t.Errorf("the account is gone: %s", out.stdout)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); n != 0 {
		t.Errorf("the server heard of %d sign-outs", n)
	}

	out := p.ok("", "uninstall", "--yes", "--forget")
	if !strings.Contains(out.stdout, "files are gone") || !strings.Contains(out.stdout, "Remove the program itself") {
		t.Errorf("said %s", out.stdout)
	}
	if list := p.left(); len(list) != 0 {
		t.Errorf("left behind: %q", list)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); n != 1 {
		t.Errorf("the server heard of %d sign-outs", n)
	}
	p.ok("", "uninstall", "--yes") // nothing is there
	if list := p.left(); len(list) != 0 {
		t.Errorf("it made %q", list)
	}
}

// What a link leads to goes with it, and a configuration that the user named stays.
func TestUninstallBehindALink(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	real, own := filepath.Join(p.home, "elsewhere"), filepath.Join(p.home, "my.toml")
	if err := os.Rename(p.state(), real); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, p.state()); err != nil {
		t.Fatal(err)
	}
	p.write(own, p.read(p.configPath()))
	p.ok("", "uninstall", "--yes", "--forget", "--config", own)
	for _, gone := range []string{real, p.state()} {
		if _, err := os.Lstat(gone); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	for _, kept := range []string{own, p.configPath()} {
		if _, err := os.Stat(kept); err != nil {
			t.Errorf("a file of the user's: %v", err)
		}
	}
}

// A server and a vault that are out of reach do not keep an account here.
func TestUninstallWithoutServerAndVault(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	s.Close()
	p.write(p.state("vault", "identity.age"), "nonsense")
	out := p.ok("", "uninstall", "--yes", "--forget")
	if !strings.Contains(out.stdout, "is forgotten here") || !strings.Contains(out.stdout, "The server was not told") {
		t.Errorf("said %s", out.stdout)
	}
	if list := p.left(); len(list) != 0 {
		t.Errorf("left behind: %q", list)
	}
}
