package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// On a full disk no rotation is begun, since its answer could not be kept;
// with space it goes on by itself. A limit on the size of files makes the
// running daemon's writes fail as a full disk does, and needs no privileges.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{AccessTTL: 25 * time.Second}), newPlace(t)
	p.login(s)
	d := p.daemon()
	p.ok("", "reauth")
	p.until("the keychain has it", settled)

	var before unix.Rlimit
	full := unix.Rlimit{Cur: 16, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_FSIZE, &full, &before); err != nil {
		t.Fatal(err)
	}
	p.wanted()
	if r := p.run("", "reauth"); r.code != problem.Vault { // while the token is good
		t.Errorf("reauth on a disk that is just full: exit code %d\n%s", r.code, r.stderr)
	}
	a := p.until("the disk is noticed", func(a health.Account) bool { return a.Condition == health.DiskTrouble.ID })
	if a.Level != health.Degraded || !strings.HasPrefix(a.Remedy, "free some space") || a.Vault.Condition != "disk" ||
		!strings.Contains(a.Reason, "cannot be written to disk, so it is not renewed") || !strings.Contains(a.Reason, "file too large") {
		t.Errorf("shown: %+v", a)
	}
	asked := refreshes(s.Ledger())
	resp, body := get(t, a.Proxy.URL+"/api/me")
	for resp.StatusCode == http.StatusOK { // as long as the token lasts
		resp, body = get(t, a.Proxy.URL+"/api/me")
	}
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" ||
		!strings.Contains(string(body), "free some space") {
		t.Errorf("a player got %s: %s", resp.Status, body)
	}
	p.until("the token ended", func(a health.Account) bool { return a.Condition == health.DiskBlocks.ID && a.Level == health.NeedsUser })
	if r := p.run("", "reauth"); r.code != problem.Vault || !strings.Contains(r.stderr, "  → free some space") {
		t.Errorf("reauth on a full disk: exit code %d\n%s", r.code, r.stderr)
	}
	if now := refreshes(s.Ledger()); now != asked {
		t.Errorf("%d rotations were begun without room for their answer", now-asked)
	}
	if r := p.run("", "status"); r.code != problem.NeedsUser || !strings.Contains(r.stdout, "  remedy    free some space") {
		t.Errorf("status:\n%s", r.stdout)
	}

	if err := unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_FSIZE, &before, nil); err != nil {
		t.Fatal(err)
	}
	stillSignedIn(t, p, s, a.Session.Generation)
	if n := len(s.Ledger().Logins(user)); n != 1 {
		t.Errorf("the password was sent %d times", n)
	}
}

// A pair that the server gave and the disk refused is kept in memory until it
// fits, and is not asked for anew.
func TestDiskFullWhenTheAnswerComes(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{Release: absfake.R2263, AccessTTL: 2 * time.Second}), newPlace(t)
	p.login(s)
	p.wanted()
	letGo := s.Inject(absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh", Times: 1})
	d := p.daemon()
	s.until("the rotation is asked for", func(l *absfake.Ledger) bool { return refreshes(l) == 1 })
	var before unix.Rlimit
	full := unix.Rlimit{Cur: 16, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_FSIZE, &full, &before); err != nil {
		t.Fatal(err)
	}
	letGo()
	p.until("the disk is noticed", func(a health.Account) bool {
		return a.Condition == health.DiskTrouble.ID || a.Condition == health.DiskBlocks.ID
	})
	if n := len(s.Ledger().Rotations(user)); n != 1 {
		t.Fatalf("%d rotations", n)
	}
	if err := unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_FSIZE, &before, nil); err != nil {
		t.Fatal(err)
	}
	stillSignedIn(t, p, s, 1)
	presented := map[string]bool{}
	for _, e := range s.Ledger().Entries() {
		if isRefresh(e) && presented[e.Refresh] {
			t.Error("a token that the server had replaced was presented again")
		}
		presented[e.Refresh] = true
	}
	if n := len(s.Ledger().Logins(user)); n != 1 {
		t.Errorf("the password was sent %d times", n)
	}
}

// A sign-in that cannot be kept is not begun, and what is missing is said.
func TestLoginOnAFullDisk(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.secrets = append(p.secrets, password)
	p.env = append(p.env, "SHELFKEEPER_PASSPHRASE=")
	r, master := p.atTerminal("login", s.url, "-u", user, "--store", "file")
	r.asked("Passphrase of the vault: ", master)
	full := unix.Rlimit{Cur: 16, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_FSIZE, &full, nil); err != nil {
		t.Fatal(err)
	}
	r.typeIn(master, passphrase+"\n")
	if code := r.wait(); code != problem.Vault || !strings.Contains(r.stdout.text(), "file too large") ||
		!strings.Contains(r.stdout.text(), "→ free some space and try again") {
		t.Errorf("exit code %d\n%s", code, r.stdout.text())
	}
	if n := len(s.Ledger().Logins(user)); n != 0 {
		t.Errorf("the password was sent %d times for a session that cannot be kept", n)
	}
	p.env = append(p.env, "SHELFKEEPER_PASSPHRASE="+passphrase)
	p.ok(password, "login", s.url, "-u", user, "--store", "file", "--password-stdin")
}
