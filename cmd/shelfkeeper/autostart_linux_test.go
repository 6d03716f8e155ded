package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/desktop/autostart"
	"shelfkeeper/daemon/problem"
)

// userManager is a real `systemd --user` of a place.
type userManager struct {
	t   testing.TB
	env []string
	log *watched
}

// startUserManager starts one. It runs in a mount namespace in which the system
// looks booted by systemd, and so needs root.
func startUserManager(p *place) *userManager {
	t := p.t
	t.Helper()
	missing := ""
	for _, program := range []string{"/lib/systemd/systemd", "systemctl", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = "install systemd: " + err.Error()
		}
	}
	if os.Getuid() != 0 {
		missing = "a systemd of the test's own needs root"
	}
	if missing != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	m := &userManager{t: t, log: newWatched(), env: p.env}
	cmd := exec.Command("unshare", "--mount", "sh", "-c", "mount --make-rshared / && mount -t tmpfs tmpfs /run && "+
		"mkdir -p /run/systemd/system && exec /lib/systemd/systemd --user --log-target=console --log-level=info")
	cmd.Env, cmd.Stdout, cmd.Stderr = m.env, m.log, m.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // SIGINT: it ends its units, then itself
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Log(m.log.text())
		}
	})
	m.until("systemd answers", func() bool { return m.systemctl("show", "--property=Version") == nil })
	return m
}

func (m *userManager) until(what string, done func() bool) {
	m.t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			m.t.Fatalf("it does not come that %s:\n%s", what, m.log.text())
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (m *userManager) systemctl(args ...string) error {
	cmd := exec.Command("systemctl", append([]string{"--user"}, args...)...)
	cmd.Env = m.env
	return cmd.Run()
}

// property returns one property of our unit.
func (m *userManager) property(name string) string {
	m.t.Helper()
	cmd := exec.Command("systemctl", "--user", "show", "--value", "--property="+name, "shelfkeeper.service")
	cmd.Env = m.env
	out, err := cmd.Output()
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// autostart runs our command, and returns the state that it prints.
func (m *userManager) autostart(program string, args ...string) autostart.State {
	m.t.Helper()
	cmd := exec.Command(program, append([]string{"autostart"}, append(args, "--json")...)...)
	cmd.Env = m.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		m.t.Fatalf("%v: %v\n%s", args, err, &stderr)
	}
	var s autostart.State
	if err := json.Unmarshal(out, &s); err != nil {
		m.t.Fatal(err)
	}
	return s
}

// endsHang stops the daemon as a hang does, and waits for systemd to start
// another: nothing but the daemon's own answers keeps the watchdog quiet.
func (m *userManager) endsHang(p *place, unit string) {
	m.t.Helper()
	soon := filepath.Join(unit+".d", "soon.conf")
	p.write(soon, "[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\nRestartSec=0\n")
	for _, args := range [][]string{{"daemon-reload"}, {"restart", "shelfkeeper.service"}} {
		if err := m.systemctl(args...); err != nil {
			m.t.Fatal(err)
		}
	}
	hung := m.property("MainPID")
	if err := m.systemctl("kill", "--signal=STOP", "--kill-who=main", "shelfkeeper.service"); err != nil {
		m.t.Fatal(err)
	}
	m.until("the watchdog ends a daemon that hangs", func() bool {
		return m.property("ActiveState") == "active" && m.property("MainPID") != hung
	})
	if err := os.RemoveAll(filepath.Dir(soon)); err != nil {
		m.t.Fatal(err)
	}
}

// copied puts the program at a path that systemd takes only when it is quoted.
func copied(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "my 50% $HOME's books", "shelfkeeper")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(binary, path); err == nil {
		return path
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// The whole life of a headless start under a real systemd: turned on, started,
// ready, with the passphrase as a credential, restarted when it is killed or
// hangs, ended, turned off.
func TestAutostartByRealSystemd(t *testing.T) {
	server, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(server)
	p.env = slices.DeleteFunc(p.env, func(v string) bool { return strings.HasPrefix(v, "SHELFKEEPER_PASSPHRASE=") })
	m := startUserManager(p)
	program := copied(t)
	secret := filepath.Join(t.TempDir(), "the 100% secret")
	if err := os.WriteFile(secret, []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	s := m.autostart(program, "on", "--headless", "--passphrase-file", secret)
	if !s.On || !s.Headless || s.Method != autostart.Systemd || !s.Current {
		t.Fatalf("%+v", s)
	}
	if err := m.systemctl("is-enabled", "shelfkeeper.service"); err != nil {
		t.Error("systemd does not call it enabled:", err)
	}
	if err := m.systemctl("start", "shelfkeeper.service"); err != nil { // returns at READY=1
		t.Fatal("it does not start:", err, m.log.text())
	}
	client := control.Dial(p.socket())
	snapshot, err := client.Snapshot(t.Context())
	if err != nil || len(snapshot.Accounts) != 1 {
		t.Fatalf("%+v, %v", snapshot, err)
	}
	p.until("the vault opens by the credential", fresh)

	first := m.property("MainPID")
	if pid, err := strconv.Atoi(first); err != nil || pid != snapshot.PID {
		t.Errorf("systemd watches %s, the daemon is %d", first, snapshot.PID)
	}
	if err := m.systemctl("kill", "--signal=KILL", "--kill-who=main", "shelfkeeper.service"); err != nil {
		t.Fatal(err)
	}
	m.until("it is started again", func() bool {
		return m.property("ActiveState") == "active" && m.property("MainPID") != first
	})
	m.endsHang(p, s.Path)
	if err := m.systemctl("stop", "shelfkeeper.service"); err != nil {
		t.Fatal(err)
	}
	if result := m.property("Result"); result != "success" {
		t.Errorf("the end was %s", result)
	}

	if s := m.autostart(program, "status"); !s.On {
		t.Errorf("%+v", s)
	}
	if s := m.autostart(program, "off"); s.On {
		t.Errorf("%+v", s)
	}
	if m.systemctl("cat", "shelfkeeper.service") == nil {
		t.Error("systemd still knows the unit")
	}
	if _, err := os.Stat(filepath.Dir(filepath.Dir(s.Path))); err == nil {
		t.Error("something is left of the unit's directories")
	}
}

func TestAutostartRefusesGoRun(t *testing.T) {
	p := newPlace(t)
	dir := filepath.Join(t.TempDir(), "go-build123", "b001", "exe")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "shelfkeeper")
	if err := os.Symlink(binary, program); err != nil {
		t.Fatal(err)
	}
	r := p.startProgram(program, nil, nil, "autostart", "on")
	if code := r.wait(); code != problem.Usage || !strings.Contains(r.stderr.text(), "go build -o") {
		t.Errorf("code %d: %s", code, r.stderr.text())
	}
}

// A start without a desktop that would wait for a passphrase says so at once. The
// doctor names the whole command.
func TestHeadlessStartNamesThePassphrase(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	bin := t.TempDir()
	p.write(filepath.Join(bin, "systemctl"), "#!/bin/sh\nexit 0\n")
	if err := os.Chmod(filepath.Join(bin, "systemctl"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "PATH="+bin+":"+os.Getenv("PATH"))
	p.login(s)
	p.write(filepath.Join(p.home, "passphrase.txt"), passphrase)
	const command = "shelfkeeper autostart on --headless --passphrase-file FILE"
	if r := p.run("", "doctor", "--json"); !strings.Contains(r.stdout, command) {
		t.Errorf("the doctor does not name the command:\n%s", r.stdout)
	}
	r := p.ok("", "autostart", "on", "--headless")
	named := p.printed(strings.Join(strings.Fields(r.stderr), " "), "autostart on --headless", "FILE", filepath.Join(p.home, "passphrase.txt"))
	if r := p.ok("", named...); strings.Contains(r.stderr, "passphrase") {
		t.Errorf("the command as printed says:\n%s%s", r.stdout, r.stderr)
	}
}
