package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	d := p.start("run", "--no-tray", "--show")
	d.until(d.stdout, "status page")
	first := lineOf(t, d, opened, 1)
	p.ok("", "run", "--show")
	second := lineOf(t, d, opened, 2)
	if first == second || !strings.Contains(second, "/enter?link=") {
		t.Errorf("the browser was given %q and %q, want two links that work once", first, second)
	}
	b := p.browser(t)
	if got := b.get(strings.TrimPrefix(second, b.origin)); !strings.Contains(got, "alice") {
		t.Errorf("the page:\n%s", got)
	}
}
