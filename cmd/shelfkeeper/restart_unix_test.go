//go:build unix

package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// installed puts a program where a package would, by a rename.
func (p *place) installed(from io.Reader) string {
	p.t.Helper()
	path := filepath.Join(p.home, "bin", "shelfkeeper")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := io.Copy(f, from); err != nil {
		p.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *place) installedBinary() string {
	p.t.Helper()
	f, err := os.Open(binary)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	return p.installed(f)
}

// asking is a player that asks on new connections until the test stops it, and
// reports what it was not answered.
func asking(t *testing.T, url string) (stop func() (answered int)) {
	ctx, cancel := context.WithCancel(context.Background())
	ended, answered := make(chan struct{}), 0
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			resp, err := client.Get(url)
			if err != nil {
				t.Errorf("a player is refused: %v", err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("a player is answered %d", resp.StatusCode)
				return
			}
			answered++
		}
	}()
	return func() int { cancel(); <-ended; return answered }
}

func (p *place) snapshot() health.Snapshot {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := control.Dial(p.socket()).Snapshot(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// An upgrade under a running daemon: it says so, and moves over without a player
// that is refused. Where the new program does not run the old one goes on.
func TestRestart(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	if got := p.run("", "restart"); got.code != problem.Unreachable || !strings.Contains(got.stderr, "is not running") {
		t.Errorf("without a daemon: %d %s", got.code, got.stderr)
	}
	p.login(s)
	r := p.startProgram(p.installedBinary(), nil, nil, "run", "--verbose", "--no-tray")
	r.until(r.stdout, "\n")
	a := p.until("it is served", fresh)
	before := p.snapshot()
	if before.Installed != "" || before.Run == "" {
		t.Errorf("at first: installed %q, run %q", before.Installed, before.Run)
	}

	p.installedBinary()
	p.until("the new program is noticed", func(health.Account) bool { return p.snapshot().Installed != "" })
	if out := p.ok("", "status"); !strings.Contains(out.stdout, "is installed\n  → `shelfkeeper restart` moves over to it") {
		t.Errorf("status says %s", out.stdout)
	}
	stop := asking(t, a.Proxy.URL+"/api/me")
	if out := p.ok("", "restart"); !strings.Contains(out.stdout, "began anew") {
		t.Errorf("restart says %s", out.stdout)
	}
	p.until("it is served again", fresh)
	if n := stop(); n == 0 {
		t.Error("the player was never answered")
	}
	after := p.snapshot()
	if after.PID != before.PID || after.Run == before.Run || after.Installed != "" {
		t.Errorf("process %d then %d, start %q then %q, installed %q", before.PID, after.PID, before.Run, after.Run, after.Installed)
	}

	p.installed(strings.NewReader("#!/bin/sh\necho broken >&2\nexit 1\n"))
	if out := p.run("", "restart"); out.code == problem.OK || !strings.Contains(out.stderr, "broken") {
		t.Errorf("a program that does not run: %d %s", out.code, out.stderr)
	}
	// This one is asked for its version when it is noticed, and once more by restart.
	last := filepath.Join(t.TempDir(), "last")
	p.installed(strings.NewReader("#!/bin/sh\necho '{\"version\":\"9\"}'\n[ ! -e '" + last + "' ] || rm -- \"$0\"\n"))
	p.until("the next one is noticed", func(health.Account) bool { return p.snapshot().Installed == "9" })
	if err := os.WriteFile(last, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := p.run("", "restart"); out.code != problem.OK {
		t.Errorf("a program that goes away at the last moment: %d %s", out.code, out.stderr)
	}
	p.until("the old program goes on", fresh)
	if now := p.snapshot(); now.PID != after.PID {
		t.Errorf("process %d", now.PID)
	}
	if resp, body := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != http.StatusOK {
		t.Errorf("in the end: %d %s", resp.StatusCode, body)
	}
	r.until(r.stderr, "the old Shelfkeeper goes on")
	if n := s.Ledger().PasswordLogins(user); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
}
