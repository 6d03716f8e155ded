package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
)

// An entry of a desktop's menu starts the daemon and shows its page; chosen
// again it shows the page of the one that runs.
func TestRunShow(t *testing.T) {
	t.Parallel()
	s := newServer(t, absfake.Config{})
	p := newPlace(t)
	p.login(s)
	opened := filepath.Join(p.home, "opened")
	p.write(filepath.Join(p.home, "bin", "xdg-open"), "#!/bin/sh\necho \"$1\" >> "+opened+"\n")
	if err := os.Chmod(filepath.Join(p.home, "bin", "xdg-open"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "PATH="+filepath.Join(p.home, "bin")+":"+os.Getenv("PATH"), "DISPLAY=:99")
	links := func(want int) (got []string) {
		t.Helper()
		for late := time.Now().Add(patience); len(got) < want; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("the browser was given %q, want %d addresses", got, want)
			}
			said, err := os.ReadFile(opened)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			got = strings.Fields(string(said))
		}
		return got
	}
	d := p.start("run", "--no-tray", "--show")
	d.until(d.stdout, "status page")
	first := links(1)
	p.ok("", "run", "--show")
	both := links(2)
	if both[1] == first[0] || !strings.Contains(both[1], "/enter?link=") {
		t.Errorf("the browser was given %q, want two links that work once", both)
	}
	b := p.browser(t)
	if got := b.get(strings.TrimPrefix(both[1], b.origin)); !strings.Contains(got, "alice") {
		t.Errorf("the page:\n%s", got)
	}
}
