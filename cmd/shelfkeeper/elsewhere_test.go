package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// A shell without the daemon's XDG_RUNTIME_DIR, as of su, cron or ssh, finds the
// daemon: its commands work, and none acts beside it.
func TestShellOfAnotherEnvironment(t *testing.T) {
	p := newPlace(t)
	s := newServer(t, absfake.Config{})
	p.login(s)
	r := p.daemon()
	p.env = append(slices.Clone(p.env), "XDG_RUNTIME_DIR=")
	if said := p.ok("", "status"); !strings.Contains(said.stdout, "http://127.0.0.1:") {
		t.Errorf("status: %s%s", said.stdout, said.stderr)
	}
	if said := p.run("", "run"); said.code != problem.Running || !strings.Contains(said.stderr, "as process ") {
		t.Errorf("a second daemon: %d %s", said.code, said.stderr)
	}
	// Its socket is out of reach, as behind another mount: no command acts beside it.
	record := p.read(p.state("daemon.json"))
	p.write(p.state("daemon.json"), strings.ReplaceAll(record, p.socket(), p.socket()+".hidden"))
	for _, args := range [][]string{{"status"}, {"logout"}, {"players", "list"}} {
		if said := p.run("", args...); said.code != problem.Unreachable || !strings.Contains(said.stderr, "runs as process ") {
			t.Errorf("%v: %d %s%s", args, said.code, said.stdout, said.stderr)
		}
	}
	p.write(p.state("daemon.json"), record)
	p.ok("", "logout")
	p.ok("", "quit")
	if code := r.wait(); code != problem.OK {
		t.Errorf("it ended with %d", code)
	}
	if said := p.run("", "status"); said.code == problem.OK || strings.Contains(said.stderr, "runs as process") {
		t.Errorf("afterwards: %d %s", said.code, said.stderr)
	}
}

// The runtime directory is cleared, as at the end of a login: every command finds
// the daemon again.
func TestRuntimeDirectoryIsCleared(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.daemon()
	for i, gone := range []string{p.socket(), filepath.Dir(p.socket())} {
		if err := os.RemoveAll(gone); err != nil {
			t.Fatal(err)
		}
		for {
			said, more := r.stderr.look()
			if strings.Count(said, "the control socket is made again") > i {
				break
			}
			select {
			case <-more:
			case <-time.After(patience):
				t.Fatal("it is not made again")
			}
		}
		if said := p.run("", "status"); !strings.Contains(said.stdout, "no account yet") {
			t.Errorf("%s: status: %s%s", gone, said.stdout, said.stderr)
		}
	}
	p.ok("", "quit")
	if code := r.wait(); code != problem.OK {
		t.Errorf("it ended with %d", code)
	}
}
