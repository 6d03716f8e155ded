package main

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"shelfkeeper/keychain/keyringtest"
)

// mpv plays a track to its end while its token changes more than ten times and
// its connection breaks as often, and never hears of a token.
func TestMPVPlaysToTheEnd(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "mpv")
	p := demoPlace(t)
	d, r := p.demo("--access-ttl", "2s", "--rate", "1M", "--faults", "cut:2s")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	player := exec.CommandContext(ctx, "mpv", "--no-config", "--ytdl=no", "--no-video", "--ao=null", "--ao-null-untimed=yes",
		"--no-terminal", "--log-file="+p.home+"/mpv.log", "--msg-level=all=info", r.StreamURL)
	player.Env = p.env
	said, err := player.CombinedOutput()
	log := p.read(p.home + "/mpv.log")
	// mpv writes its log in another thread: the last line, "End of file", may be missing.
	if err != nil || !strings.Contains(log, "EOF reached") || token.MatchString(log) {
		t.Errorf("mpv: %v\n%s\n%s", err, said, log)
	}
	s := d.end(r)
	if s.MediaTokens < 10 || s.PlayerRejected != 0 || s.PlayerBytes < 25_000_000 || s.PasswordLogins != 1 {
		t.Errorf("counted %+v", s)
	}
}
