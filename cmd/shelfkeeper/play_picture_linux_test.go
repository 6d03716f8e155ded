package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/keychain/keyringtest"
)

// From an account to sound: what a person types, and what is printed. The picture is
// what the program prints, with the address of a server that people have.
func TestPictureOfPlaying(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "mpv")
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	began := time.Now()
	in := p.run(password, "login", s.url, "-u", user, "--password-stdin", "--store", "file")
	p.secrets = append(p.secrets, password)
	if in.code != 0 {
		t.Fatalf("%+v", in)
	}
	p.daemon()
	p.until("the session is fresh", fresh)
	found := p.ok("", "search", "low", "tide").stdout
	player := p.start("play", "--player", "mpv --no-config --ao=null --no-terminal", "low", "tide")
	player.until(player.stderr, "from 0:00:00")
	took := time.Since(began)
	_ = player.cmd.Process.Signal(syscall.SIGTERM)
	player.wait()
	t.Logf("from the account to sound: %v", took)
	if took > time.Minute {
		t.Errorf("it took %v", took)
	}
	const server = "https://abs.example.org"
	shown := in.stdout + "$ shelfkeeper run &\n$ shelfkeeper search low tide\n" + found +
		"$ shelfkeeper play low tide\n" + strings.TrimSuffix(strings.SplitAfter(player.stderr.text(), "\n")[0], "\n") + "\n"
	shown = strings.ReplaceAll(shown, s.url, server)
	shown = strings.ReplaceAll(shown, fmt.Sprint(p.port), "13378")
	shown = regexp.MustCompile(`sk_\S+`).ReplaceAllString(shown, "sk_…")
	shown = regexp.MustCompile(`127-0-0-1-[\w-]+|127\.0\.0\.1-\S+`).ReplaceAllString(shown, "abs-"+user)
	picture := terminalPicture("shelfkeeper login "+server+" -u "+user, shown)
	path := filepath.Join("..", "..", "assets", "play.svg")
	if *update {
		if err := os.WriteFile(path, []byte(picture), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if there, err := os.ReadFile(path); err != nil || string(there) != picture {
		t.Errorf("assets/play.svg is not what the program prints: run this test with -update (%v)\n%s", err, shown)
	}
}
