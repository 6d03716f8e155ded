package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
)

// outagesVar lets the players play, which takes as long as a book of two minutes: those
// that it names, or all of them for 1.
const outagesVar = "OUTAGES"

// bookSeconds is how long the book plays, and its bytes for that.
const (
	bookSeconds = 120
	bookBytes   = 44 + bookSeconds*128_000
)

// realPlayer is a player as a person starts it, without a sound card.
type realPlayer struct {
	name    string
	program string
	args    func(dir, address string) []string
}

var outagePlayers = []realPlayer{
	{"mpv", "mpv", func(_, a string) []string {
		return []string{"--no-config", "--no-video", "--ao=null", "--ytdl=no", "--no-terminal", a}
	}},
	{"VLC", "cvlc", func(_, a string) []string {
		return []string{"--intf", "dummy", "--no-video", "--aout=adummy", "--play-and-exit", a}
	}},
	{"ffplay", "ffplay", func(_, a string) []string { return []string{"-nodisp", "-autoexit", "-loglevel", "error", a} }},
	{"ffmpeg", "ffmpeg", func(_, a string) []string {
		return []string{"-nostdin", "-loglevel", "error", "-re", "-i", a, "-f", "null", "-"}
	}},
	{"MPD", "mpd", func(dir, a string) []string { return []string{"-c", mpdScript(dir, a)} }},
	{"gst-play", "gst-play-1.0", func(_, a string) []string { return []string{"--no-interactive", "--audiosink=fakesink sync=true", a} }},
	{"MPlayer", "mplayer", func(_, a string) []string {
		return []string{"-ao", "null", "-vo", "null", "-quiet", "-v", "-noconsolecontrols", a}
	}},
}

// programs returns what p needs to be installed.
func (p realPlayer) programs() []string {
	if p.program == "mpd" {
		return []string{"mpd", "mpc"}
	}
	return []string{p.program}
}

// mpdScript starts an MPD of its own, has it play and waits until it has stopped.
func mpdScript(dir, address string) string {
	conf, socket := filepath.Join(dir, "mpd.conf"), filepath.Join(dir, "mpd.sock")
	text := fmt.Sprintf("bind_to_address %q\ndb_file %q\nlog_file %q\naudio_output {\n type \"null\"\n name \"null\"\n}\n",
		socket, filepath.Join(dir, "db"), filepath.Join(dir, "mpd.log"))
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		panic(err) // the test's own directory
	}
	return fmt.Sprintf(`mpd --no-daemon %s & pid=$!
export MPD_HOST=%s
until mpc status >/dev/null 2>&1; do :; done
mpc add '%s' && mpc play || exit 3
until mpc status | grep -q playing; do :; done
while mpc status | grep -qE 'playing|paused'; do mpc idle player >/dev/null; done
kill $pid; wait $pid; exit 0`, conf, socket, address)
}

// Players go on through an outage of the server. It is run on demand, since they play in
// real time: OUTAGES=1 go test ./cmd/shelfkeeper -run PlayersInAnOutage -v
func TestPlayersInAnOutage(t *testing.T) {
	if os.Getenv(outagesVar) == "" {
		t.Skip("it takes four minutes: " + outagesVar + "=1 runs it")
	}
	for _, c := range []struct {
		out   time.Duration
		ended bool // the token has ended when the server is back
	}{{30 * time.Second, false}, {30 * time.Second, true}, {60 * time.Second, false}, {60 * time.Second, true}} {
		t.Run(fmt.Sprintf("%v, token ended %v", c.out, c.ended), func(t *testing.T) {
			t.Parallel()
			config := absfake.Config{Large: bookBytes}
			if c.ended {
				config.AccessTTL = 10 * time.Second
			}
			s, _, url, grant := signedIn(t, config)
			book := s.Library().Large()
			file := "/api/items/" + book.ID + "/file/" + book.Files[0].Ino
			s.Inject(absfake.Fault{Kind: absfake.Rate, Path: file, Bytes: 160_000})
			var playing sync.WaitGroup
			for _, p := range outagePlayers {
				if only := os.Getenv(outagesVar); only != "1" && !strings.Contains(only, p.name) {
					continue
				}
				if _, err := exec.LookPath(p.program); err != nil {
					t.Errorf("%s is not installed", p.name) // whoever asks for this wants the whole table
					continue
				}
				playing.Go(func() { playThroughOutage(t, p, bookSeconds*time.Second, url+file+"?token="+grant) })
			}
			time.Sleep(15 * time.Second) // the players play in real time
			back := s.Inject(absfake.Fault{Kind: absfake.Refuse})
			s.Restart()
			time.Sleep(c.out)
			back()
			playing.Wait()
		})
	}
}

// playThroughOutage plays a book of that length, and reports whether the player came to
// its end.
func playThroughOutage(t *testing.T, p realPlayer, book time.Duration, address string) {
	dir, err := os.MkdirTemp("", "outage")
	if err != nil {
		t.Error(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), book+3*time.Minute)
	defer cancel()
	program, line := p.program, p.args(dir, address)
	if program == "mpd" {
		program = "sh"
	}
	cmd := exec.CommandContext(ctx, program, line...)
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), "HOME="+dir, "SDL_AUDIODRIVER=dummy", "XDG_RUNTIME_DIR="+dir)
	if program == "cvlc" && os.Getuid() == 0 { // it refuses to be root
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	began := time.Now()
	said, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil || took < book-3*time.Second {
		t.Errorf("%s: ended after %v of a book of %v: %v\n%s", p.name, took, book, err, strings.TrimSpace(lastBytes(said, 1500)))
		return
	}
	t.Logf("%s: played to the end in %v", p.name, took.Round(100*time.Millisecond))
}

func lastBytes(b []byte, n int) string { return string(b[max(0, len(b)-n):]) }
