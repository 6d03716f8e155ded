package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain/keyringtest"
)

// anyUserBus is a session bus that another user's program may join: VLC refuses to be root.
const anyUserBus = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><policy context="default"><allow user="*"/>
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`

// startBus starts such a bus and returns what a program has to know of it, and a directory
// that is anybody's.
func startBus(t *testing.T) (env, dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, anyUserBus, filepath.Join(dir, "bus")), 0o600); err != nil {
		t.Fatal(err)
	}
	bus := exec.Command("dbus-daemon", "--config-file="+conf, "--nofork", "--print-address")
	said, err := bus.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bus.Process.Kill()
		_ = bus.Wait()
	})
	if _, err := said.Read(make([]byte, 500)); err != nil { // it listens once it has said where
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "bus"), 0o777); err != nil {
		t.Fatal(err)
	}
	return "DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(dir, "bus"), dir
}

// quietVLC is a command line of VLC without a sound card, a screen and a user's settings.
func quietVLC(dir string) string {
	line := "env HOME=" + dir + " cvlc --play-and-exit --aout=dummy --rate=4"
	if os.Getuid() == 0 {
		line = fmt.Sprintf("setpriv --reuid=%d --regid=%d --clear-groups --pdeathsig=TERM -- %s", nobody, nobody, line)
	}
	return line
}

// What VLC plays is reported as what mpv plays is, also when VLC, the daemon or `play` is
// killed; and to open a book moves its place nowhere.
func TestPlayReportsWhatVLCPlays(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "cvlc", "dbus-daemon", "setpriv", "pgrep")
	bus, dir := startBus(t)
	s, p := newServer(t, absfake.Config{AccessTTL: 20 * time.Second}), newPlace(t)
	// VLC is another user's program here, so it needs a grant.
	p.config(fmt.Sprintf("listen = %d\npage_port = %d\nlocal_access = \"grant\"\n", p.port, p.page))
	p.login(s)
	d := p.daemon()
	url := p.until("the session is fresh", fresh).Proxy.URL
	grant := secretText.FindString(p.ok("", "players", "add", "--scope", "full", t.Name()).stdout)
	book := s.Library().Tracks()
	item := book.ID + "?token=" + grant // as heard asks for it
	heardBefore(t, url, item)
	play := func() *process {
		return p.startProgram(binary, []string{bus}, nil, "play", "--player", quietVLC(dir), "lighthouse")
	}

	killed := play()
	killed.until(killed.stderr, "is reported")
	at := untilHeard(t, url, item, 195) // into the second file
	if err := syscall.Kill(playerOf(t, killed), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := killed.wait(); code != problem.OK {
		t.Errorf("after VLC was killed: code %d\n%s", code, killed.stderr.text())
	}
	if now := heard(t, url, item); now < at || now > 400 {
		t.Errorf("at %v after VLC was killed, before %v", now, at)
	} else {
		at = now
	}

	outlives := play()
	outlives.until(outlives.stderr, "is reported")
	at = untilHeard(t, url, item, at+1)
	d.kill()
	p.daemon()
	p.until("the session is fresh", fresh)
	at = untilHeard(t, url, item, at+1)
	outlives.kill() // and VLC goes with it
	if now := heard(t, url, item); now < at {
		t.Errorf("at %v after play was killed, before %v", now, at)
	}
	if list := p.ok("", "players", "list").stdout; strings.Contains(list, "shelfkeeper play") {
		t.Errorf("a grant is left:\n%s", list)
	}

	opened := p.startProgram(binary, []string{bus}, nil, "play", "--player", quietVLC(dir)+" --start-paused", "lighthouse")
	opened.until(opened.stderr, "is reported")
	_ = opened.cmd.Process.Signal(syscall.SIGINT)
	opened.wait()
	if now := heard(t, url, item); now < at || now > at+60 {
		t.Errorf("opened only: at %v, before %v", now, at)
	}
	if out := killed.stderr.text() + outlives.stderr.text(); token.MatchString(out) || slices.Contains(strings.Fields(out), "401") {
		t.Errorf("VLC: %s", out)
	}
}

// A player that the user has started himself is reported on demand.
func TestPlayAttachesToVLC(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "cvlc", "dbus-daemon", "setpriv")
	bus, dir := startBus(t)
	s, p, url, grant := signedIn(t, absfake.Config{})
	book := s.Library().Tracks()
	attached := p.startProgram(binary, []string{bus}, nil, "play", "--attach", book.ID)
	argv := strings.Fields(quietVLC(dir))
	vlc := exec.CommandContext(t.Context(), argv[0], append(argv[1:], strings.TrimSpace(p.ok("", "url", book.ID).stdout)+"?token="+grant)...)
	vlc.Env = []string{bus, "PATH=" + os.Getenv("PATH")}
	if err := vlc.Start(); err != nil {
		t.Fatal(err)
	}
	attached.until(attached.stderr, "is reported")
	at := untilHeard(t, url, book.ID, 3)
	_ = vlc.Process.Kill()
	_ = vlc.Wait()
	if code := attached.wait(); code != problem.OK {
		t.Errorf("code %d\n%s", code, attached.stderr.text())
	}
	if now := heard(t, url, book.ID); now < at {
		t.Errorf("at %v at the end, before %v", now, at)
	}
	if r := p.run("", "play", "--attach", "--player", "vlc", book.ID); r.code != problem.Usage {
		t.Errorf("both: code %d\n%s", r.code, r.stderr)
	}
}
