package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain/keyringtest"
)

// heard is where the server has the user in an item, in seconds; -1 for nowhere.
func heard(t *testing.T, url, item string) float64 {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/me/progress/"+item, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return -1 // the daemon is not there
	}
	defer resp.Body.Close()
	var p struct{ CurrentTime *float64 }
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&p) != nil || p.CurrentTime == nil {
		return -1
	}
	return *p.CurrentTime
}

// heardBefore puts the user at 190 s of an item, close to the end of its first file.
func heardBefore(t *testing.T, url, item string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, url+"/api/me/progress/"+item,
		strings.NewReader(`{"currentTime":190,"duration":600}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if resp, body := ask(t, r); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, body)
	}
}

// untilHeard waits until the server has a place beyond one.
func untilHeard(t *testing.T, url, item string, beyond float64) float64 {
	t.Helper()
	deadline := time.After(patience)
	pace := time.NewTicker(200 * time.Millisecond)
	defer pace.Stop()
	for {
		if at := heard(t, url, item); at > beyond {
			return at
		}
		select {
		case <-pace.C:
		case <-deadline:
			t.Fatalf("the place is %v, and not beyond %v", heard(t, url, item), beyond)
		}
	}
}

// playerOf is the process of the player that `play` has started.
func playerOf(t *testing.T, r *process) int {
	t.Helper()
	pid := r.cmd.Process.Pid
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []string{string(text)} {
		for field := range strings.FieldsSeq(task) {
			if n, err := strconv.Atoi(field); err == nil {
				return n
			}
		}
	}
	// Another thread may have started it.
	found, err := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
	n, err2 := strconv.Atoi(strings.TrimSpace(string(found)))
	if err != nil || err2 != nil {
		t.Fatalf("no player: %v %v", err, err2)
	}
	return n
}

// quietMPV plays without a sound card and without the user's settings.
const quietMPV = "mpv --no-config --ao=null --no-terminal --speed=4"

// What mpv plays is reported, also when mpv or the daemon is killed; and to open a book
// moves its place nowhere.
func TestPlayReportsWhatIsHeard(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "mpv", "pgrep")
	s, p, url, _ := signedIn(t, absfake.Config{AccessTTL: 20 * time.Second})
	book := s.Library().Tracks()
	heardBefore(t, url, book.ID)

	opened := p.start("play", "--player", quietMPV, "lighthouse")
	opened.until(opened.stderr, "from 0:03:10")
	_ = opened.cmd.Process.Signal(syscall.SIGTERM)
	opened.wait()
	before := heard(t, url, book.ID)
	if before < 190 || before > 200 {
		t.Errorf("opened only: at %v", before)
	}

	killed := p.start("play", "--player", quietMPV, "lighthouse")
	at := untilHeard(t, url, book.ID, before+5) // into the second file
	if err := syscall.Kill(playerOf(t, killed), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := killed.wait(); code != problem.OK {
		t.Errorf("after mpv was killed: code %d", code)
	}
	if now := heard(t, url, book.ID); now < at {
		t.Errorf("at %v after mpv was killed, before %v", now, at)
	} else {
		at = now
	}

	gone := p.start("play", "--player", quietMPV, "lighthouse")
	at = untilHeard(t, url, book.ID, at+1)
	gone.kill() // and mpv goes with it
	if now := heard(t, url, book.ID); now < at {
		t.Errorf("at %v after play was killed, before %v", now, at)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return strings.HasSuffix(e.Path, "/play") }); n != 3 {
		t.Errorf("%d sessions were opened", n)
	}
}

// The daemon is killed while mpv plays; when it is back the place goes on.
func TestPlayOutlivesTheDaemon(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "mpv")
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	d := p.daemon()
	url := p.until("the session is fresh", fresh).Proxy.URL
	book := s.Library().Tracks()
	player := p.start("play", "--player", quietMPV, "lighthouse")
	at := untilHeard(t, url, book.ID, 5)
	d.kill()
	p.daemon()
	p.until("the session is fresh", fresh)
	at = untilHeard(t, url, book.ID, at+1)
	_ = player.cmd.Process.Signal(syscall.SIGINT)
	player.wait()
	if now := heard(t, url, book.ID); now < at {
		t.Errorf("at %v at the end, before %v", now, at)
	}
}

// The daemon is killed and mpv ends before it is back: what was heard is kept, and the next
// daemon tells the server.
func TestPlayIsKeptWithoutADaemon(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "mpv", "pgrep")
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	d := p.daemon()
	url := p.until("the session is fresh", fresh).Proxy.URL
	book := s.Library().Tracks()
	player := p.start("play", "--player", quietMPV, "lighthouse")
	at := untilHeard(t, url, book.ID, 5)
	d.kill()
	_ = syscall.Kill(playerOf(t, player), syscall.SIGTERM)
	const kept = "is kept. It goes to the server when Shelfkeeper starts again"
	if code := player.wait(); code != problem.OK || !strings.Contains(player.stderr.text(), kept) {
		t.Errorf("code %d\n%s", code, player.stderr.text())
	}
	p.daemon()
	p.until("the session is fresh", fresh)
	untilHeard(t, url, book.ID, at)
}

// A book is played to its end, and the server says that it is finished.
func TestPlayToTheEnd(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "mpv")
	s, p, url, _ := signedIn(t, absfake.Config{})
	book := s.Library().Items[2] // 20 s
	if code := p.start("play", "--player", "mpv --no-config --ao=null --no-terminal", book.ID).wait(); code != problem.OK {
		t.Errorf("code %d", code)
	}
	if at := heard(t, url, book.ID); at < book.Duration()-1 {
		t.Errorf("at %v of %v", at, book.Duration())
	}
	if out := p.ok("", "search", book.ID).stdout; !strings.Contains(out, "finished") {
		t.Errorf("%s", out)
	}
}

// Where mpv can open no sound device, that is said at once: it is no interrupted file.
func TestPlayWithoutASoundDevice(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "mpv")
	s, p, _, _ := signedIn(t, absfake.Config{})
	play := p.start("play", "--player", "mpv --no-config --ao=pcm --ao-pcm-file=/dev/null/x --no-terminal", s.Library().Items[2].ID)
	if code := play.wait(); code != problem.Other {
		t.Errorf("code %d", code)
	}
	if out := play.stderr.text(); !strings.Contains(out, "cannot open a sound device") || !strings.Contains(out, "mpv --ao=help") ||
		strings.Contains(out, "interrupted") {
		t.Error(out)
	}
}

// Where the user's programs need a grant, play gets one for itself, and gives it back.
func TestPlayWhereGrantsAreNeeded(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "mpv")
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.config(fmt.Sprintf("listen = %d\npage_port = %d\nlocal_access = \"grant\"\n", p.port, p.page))
	p.login(s)
	p.daemon()
	p.until("the session is fresh", fresh)
	book := s.Library().Items[2]
	before := p.ok("", "players", "list").stdout
	if code := p.start("play", "--player", "mpv --no-config --ao=null --no-terminal --speed=10", book.ID).wait(); code != problem.OK {
		t.Errorf("code %d", code)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return strings.HasSuffix(e.Path, "/"+book.Files[0].Ino) }); n == 0 {
		t.Error("nothing was played")
	}
	if after := p.ok("", "players", "list").stdout; after != before {
		t.Errorf("a grant is left:\n%s\nbefore:\n%s", after, before)
	}
	long := s.Library().Tracks()
	killed := p.start("play", "--player", "mpv --no-config --ao=null --no-terminal", long.ID)
	killed.until(killed.stderr, "from 0:00:00")
	if during := p.ok("", "players", "list").stdout; during == before {
		t.Error("no grant is there while it plays")
	}
	killed.kill()
	if after := p.ok("", "players", "list").stdout; after != before {
		t.Errorf("play was killed and a grant is left:\n%s\nbefore:\n%s", after, before)
	}
}

// VLC plays a playlist to its end: as another user, with a grant in its address alone.
func TestVLCPlaysAPlaylist(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "cvlc")
	s, p, _, grant := signedIn(t, absfake.Config{})
	book := s.Library().Tracks()
	list := strings.TrimSpace(p.ok("", "url", "lighthouse").stdout)
	dir, err := os.MkdirTemp("", "vlc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	player := exec.CommandContext(t.Context(), "cvlc", "--intf", "dummy", "--no-video", "--no-dbus",
		"--sout=#transcode{acodec=none,vcodec=none}:dummy", "--play-and-exit", list+"?token="+grant)
	player.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	if os.Getuid() == 0 {
		player.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	timer := time.AfterFunc(patience, func() { _ = player.Process.Kill() })
	said, err := player.CombinedOutput()
	timer.Stop()
	if err != nil || token.MatchString(string(said)) {
		t.Errorf("vlc: %v\n%s", err, said)
	}
	for _, f := range book.Files {
		if n := s.Ledger().Count(func(e absfake.Entry) bool { return strings.HasSuffix(e.Path, "/"+f.Ino) }); n == 0 {
			t.Errorf("vlc did not ask for %s", f.Name)
		}
	}
}

// curl reads a playlist; and each address in it, as it stands, gives a file.
func TestCurlReadsAPlaylist(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "curl")
	s, p, _, _ := signedIn(t, absfake.Config{})
	book := s.Library().Tracks()
	list, err := exec.CommandContext(t.Context(), "curl", "-sSf", strings.TrimSpace(p.ok("", "url", "lighthouse").stdout)).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, list)
	}
	n := 0
	for line := range strings.Lines(string(list)) {
		if !strings.HasPrefix(line, "http") {
			continue
		}
		size, err := exec.CommandContext(t.Context(), "curl", "-sSf", "-o", "/dev/null", "-w", "%{size_download}",
			strings.TrimSpace(line)).Output()
		if err != nil || string(size) != fmt.Sprint(book.Files[n].Size) {
			t.Errorf("%s: %v, %s bytes", line, err, size)
		}
		n++
	}
	if n != len(book.Files) {
		t.Errorf("%d addresses:\n%s", n, list)
	}
}
