package main

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/keychain/keyringtest"
)

// nobody is a user other than ours, where we may choose one.
const nobody = 65534

// VLC, which refuses to be root, plays as another user of the machine by its
// grant alone, through a cut, a restart and expiring tokens, and gets every
// byte.
func TestVLCOfAnotherUser(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "cvlc")
	s, p, url, grant := signedIn(t, absfake.Config{AccessTTL: 2 * time.Second, Large: 20_000_000})
	book := s.Library().Large()
	path := "/api/items/" + book.ID + "/file/" + book.Files[0].Ino
	s.Inject(absfake.Fault{Kind: absfake.CutBytes, Path: path, Bytes: 5_000_000, Skip: 1, Times: 1})
	s.Inject(absfake.Fault{Kind: absfake.Restart, Path: path, Skip: 3, Times: 1})
	s.Inject(absfake.Fault{Kind: absfake.Rate, Path: path, Bytes: 5_000_000})

	dir, err := os.MkdirTemp("", "vlc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	play := func(address string) string {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		out := filepath.Join(dir, "played")
		_ = os.Remove(out)
		player := exec.CommandContext(ctx, "cvlc", "--intf", "dummy", "--no-video", "--demux=dump", "--demuxdump-file="+out,
			"--play-and-exit", address)
		player.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
		if os.Getuid() == 0 {
			player.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		said, err := player.CombinedOutput()
		if err != nil {
			t.Fatalf("vlc: %v\n%s", err, said)
		}
		if token.MatchString(string(said)) {
			t.Errorf("vlc has seen a real token:\n%s", said)
		}
		played, _ := os.ReadFile(out) // nothing at all is nothing played
		return string(played)
	}
	want := sha256.New()
	if _, err := io.Copy(want, book.Files[0].Reader()); err != nil {
		t.Fatal(err)
	}
	if got := sha256.Sum256([]byte(play(url + path + "?token=" + grant))); got != [32]byte(want.Sum(nil)) {
		t.Error("vlc played something else")
	}
	if os.Getuid() == 0 {
		if got := play(url + path); got != "" {
			t.Errorf("another user played %d bytes without a grant", len(got))
		}
	}
	p.ok("", "players", "revoke", t.Name())
	if got := play(url + path + "?token=" + grant); os.Getuid() == 0 && got != "" {
		t.Errorf("played %d bytes with a revoked grant", len(got))
	}
}

// mpv plays the address of a playback session to its end although the server
// has forgotten the session.
func TestMPVPlaysASession(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "mpv")
	s, p, url, grant := signedIn(t, absfake.Config{Large: 20_000_000})
	book := s.Library().Large()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/items/"+book.ID+"/play",
		strings.NewReader(`{"forceDirectPlay":true}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+grant)
	_, body := ask(t, req)
	id := sessionID(body)
	if id == "" {
		t.Fatalf("no session: %s", body)
	}
	track := "/public/session/" + id + "/track/1"
	s.Inject(absfake.Fault{Kind: absfake.CutBytes, Path: track, Bytes: 5_000_000, Times: 1})
	s.Inject(absfake.Fault{Kind: absfake.Restart, Path: track, Skip: 1, Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	player := exec.CommandContext(ctx, "mpv", "--no-config", "--ytdl=no", "--no-video", "--ao=null", "--ao-null-untimed=yes",
		"--no-terminal", "--log-file="+p.home+"/mpv.log", "--msg-level=all=info", url+track)
	player.Env = p.env
	said, err := player.CombinedOutput()
	if log := p.read(p.home + "/mpv.log"); err != nil || !strings.Contains(log, "End of file") || token.MatchString(log) {
		t.Errorf("mpv: %v\n%s\n%s", err, said, log)
	}
	if lost := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == track && e.Status == http.StatusNotFound }); lost == 0 {
		t.Error("the session was not forgotten")
	}
}

// A program of another user plays a transcode by an address with its grant alone.
func TestTranscodeOfAnotherUser(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "ffmpeg")
	if os.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	s, p, url, grant := signedIn(t, absfake.Config{AccessTTL: 2 * time.Second})
	code, body := playerAsks(t, http.MethodPost, url+"/api/items/"+s.Library().Tracks().ID+"/play",
		`{"forceTranscode":true,"deviceInfo":{"deviceId":"d"}}`, "Content-Type", "application/json", "Authorization", "Bearer "+grant)
	id := sessionID([]byte(body))
	if code != 200 || id == "" {
		t.Fatalf("%d %s", code, body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	player := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "warning", "-stats", "-i",
		url+"/hls/"+id+"/output.m3u8?token="+grant, "-f", "null", "-")
	player.Dir, player.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	said, err := player.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "time=00:10:0") && !strings.Contains(string(said), "time=00:09:59") {
		t.Errorf("ffmpeg: %v\n%s", err, said)
	}
	if n := p.until("it is done", fresh).Proxy.Unauthorized; n != 0 {
		t.Errorf("%d answers of 401", n)
	}
}
