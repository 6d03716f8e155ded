package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain/keyringtest"
)

// Pasted at a terminal: the page is opened elsewhere, and its last address is
// brought back by hand. The second session is offered, and may be refused.
func TestOIDCByPaste(t *testing.T) {
	t.Parallel()
	for _, spare := range []bool{true, false} {
		t.Run(fmt.Sprintf("spare %v", spare), func(t *testing.T) {
			t.Parallel()
			s, p := newOIDCServer(t, absfake.Config{}, absfake.OpenID{}), newPlace(t)
			r, master := p.atTerminal("login", s.url, "--oidc", "--store", "file", "--no-browser")
			_, at, _ := browse(t, r.page(1))
			if !strings.HasPrefix(at, "audiobookshelf://oauth?") {
				t.Fatalf("the browser ends at %s", at)
			}
			r.typeIn(master, "what is this?\n")
			r.until(r.stdout, "this is not the address at which the sign-in ends")
			r.typeIn(master, strings.Replace(at, "state=", "state=x", 1)+"\n")
			r.until(r.stdout, "this address belongs to another sign-in")
			r.typeIn(master, at+"\n")
			second := r.page(2)
			r.until(r.stdout, "or press Enter to do without")
			r.typeIn(master, at+"\n")
			r.until(r.stdout, "this address was used already")
			if spare {
				_, at, _ = browse(t, second)
				r.typeIn(master, at+"\n")
			} else {
				r.typeIn(master, "\n")
			}
			if code := r.wait(); code != problem.OK {
				t.Fatalf("exit code %d\n%s", code, r.stdout.text())
			}
			said := r.stdout.text()
			if strings.Contains(said, "a spare session is kept too") != spare ||
				strings.Contains(said, "no spare session is kept: you did without it") == spare ||
				!strings.Contains(said, "Signed in to ") {
				t.Errorf("on the screen:\n%s", said)
			}
			if n := s.openIDLogins(); (n == 2) != spare {
				t.Errorf("%d sessions", n)
			}
		})
	}
}

// The desktop starts our own program with the address, which finds the one that
// waits; the second page opens by itself.
func TestOIDCByScheme(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "xdg-open", "xdg-mime")
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprintf("daemon %v", running), func(t *testing.T) {
			t.Parallel()
			s, p := newOIDCServer(t, absfake.Config{}, absfake.OpenID{}), newPlace(t)
			opened := filepath.Join(p.home, "opened")
			browser := filepath.Join(p.home, "browser")
			p.write(browser, "#!/bin/sh\necho \"$1\" >> "+opened+"\n")
			if err := os.Chmod(browser, 0o700); err != nil {
				t.Fatal(err)
			}
			p.env = append(p.env, "DISPLAY=:99", "XDG_CURRENT_DESKTOP=", "DE=generic")
			p.write(filepath.Join(p.home, "data", "applications", "test-browser.desktop"),
				"[Desktop Entry]\nType=Application\nName=Browser\nExec="+browser+" %u\nMimeType=x-scheme-handler/http;\n")
			p.outside("xdg-mime", "default", "test-browser.desktop", "x-scheme-handler/http")
			before := 0
			if running {
				before = 1 // the daemon opens its own page for a first sign-in
				lineOf(t, p.daemon(), opened, before)
			}
			r := p.start("login", s.url, "--oidc", "--store", "file")
			for n := 1; n <= 2; n++ {
				_, at, _ := browse(t, lineOf(t, r, opened, before+n))
				if !strings.HasPrefix(at, "audiobookshelf://oauth?") {
					t.Fatalf("the browser ends at %s", at)
				}
				forged := p.run("", "openid-return", strings.Replace(at, "state=", "state=x", 1))
				if forged.code != problem.Usage || !strings.Contains(forged.stderr, "belongs to another sign-in") {
					t.Errorf("a forged address: exit code %d\n%s", forged.code, forged.stderr)
				}
				p.outside("xdg-open", at)
			}
			if code := r.wait(); code != problem.OK || !strings.Contains(r.stdout.text(), "Note: a spare session is kept too") {
				t.Fatalf("exit code %d\n%s%s", code, r.stdout.text(), r.stderr.text())
			}
			if late := p.run("", "openid-return", "audiobookshelf://oauth?code=a&state=b"); late.code != problem.Usage ||
				!strings.Contains(late.stderr, "no sign-in waits") {
				t.Errorf("afterwards: exit code %d\n%s", late.code, late.stderr)
			}
		})
	}
}

// outside runs a program of the system as the user of this place.
func (p *place) outside(name string, args ...string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// lineOf waits for the nth line of a file, as long as r runs.
func lineOf(t *testing.T, r *process, path string, n int) string {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		data, err := os.ReadFile(path)
		if lines := strings.SplitAfter(string(data), "\n"); err == nil && len(lines) > n {
			return strings.TrimSpace(lines[n-1])
		}
		select {
		case <-tick.C:
		case <-r.ended:
			t.Fatalf("the program ended:\n%s%s", r.stdout.text(), r.stderr.text())
		case <-deadline:
			t.Fatalf("no browser was opened %d times:\n%s%s", n, r.stdout.text(), r.stderr.text())
		}
	}
}
