package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shelfkeeper/daemon/absfake"
)

// A pipe has the name of one of the state's files, where opening it would wait for
// ever: the daemon starts or says what is wrong, and it can be ended.
func TestPipeInThePlaceOfAFile(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	d := p.daemon()
	p.until("the session is fresh", fresh)
	p.ok("", "players", "add", "kodi")
	p.ok("", "quit")
	d.wait()
	var names []string
	err := filepath.WalkDir(p.state(), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			names = append(names, path)
		}
		return err
	})
	if err != nil || len(names) < 8 {
		t.Fatalf("%q %v", names, err)
	}
	for _, path := range names {
		name := strings.TrimPrefix(path, p.state())
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		d := p.start("run")
		over := time.After(patience)
	ready:
		for {
			said, more := d.stdout.look()
			if strings.Contains(said, "\n") {
				break
			}
			select {
			case <-more:
			case <-d.ended:
				if d.stderr.text() == "" {
					t.Errorf("%s: it ended without a word", name)
				}
				break ready
			case <-over:
				t.Errorf("%s: it neither starts nor ends", name)
				d.kill()
				break ready
			}
		}
		select {
		case <-d.ended:
		default:
			_ = d.cmd.Process.Signal(unix.SIGTERM)
			select {
			case <-d.ended:
			case <-time.After(patience):
				t.Errorf("%s: it does not end", name)
				d.kill()
			}
		}
		t.Logf("%s: %v", name, time.Since(began).Round(time.Millisecond))
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
	}
	p.daemon()
	p.until("the session is fresh", fresh)
}
