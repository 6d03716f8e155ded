package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/failpoint"
)

// loginThatDies signs in with a program that kills itself at the point, or with
// an empty point writes those that it passes to the file trace.
func (p *place) loginThatDies(s *server, point, trace string) *process {
	p.t.Helper()
	program, err := fragile()
	if err != nil {
		p.t.Fatal(err)
	}
	in, out, err := os.Pipe()
	if err == nil {
		_, err = out.WriteString(password + "\n")
	}
	if err != nil {
		p.t.Fatal(err)
	}
	_ = out.Close()
	defer in.Close()
	p.secrets = append(p.secrets, password)
	return p.startProgram(program, []string{failpoint.KillAt + "=" + point, failpoint.Trace + "=" + trace}, in,
		"login", s.url, "--username", user, "--password-stdin", "--store", "file")
}

// Killed at each step of a first sign-in after the session is in the vault: the
// next daemon lists and serves the account, and a sign-out leaves nothing.
func TestKilledAtEachStepOfASignIn(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	trace := filepath.Join(p.home, "trace")
	if code := p.loginThatDies(s, "", trace).wait(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	var points []string
	seen := map[string]int{}
	for _, name := range strings.Fields(p.read(trace)) {
		seen[name]++
		points = append(points, fmt.Sprintf("%s#%d", name, seen[name]))
	}
	from := slices.Index(points, "journal-file-renamed#1")
	if from < 0 || !slices.Contains(points[from:], "accounts-file-created#1") || !slices.Contains(points[from:], "accounts-file-done#1") {
		t.Fatalf("a sign-in passes %v", points)
	}
	const shares = 2
	for share := range shares {
		t.Run(fmt.Sprint(share+1), func(t *testing.T) {
			t.Parallel()
			for i := from + share; i < len(points); i += shares {
				t.Run(points[i], func(t *testing.T) {
					s, p := newServer(t, absfake.Config{}), newPlace(t)
					p.loginThatDies(s, points[i], filepath.Join(p.home, "trace")).wait()
					d := p.daemon()
					p.untilNamed("127-0-0-1-alice", "it is served", served)
					p.ok("", "logout")
					if begun := len(s.Ledger().Logins(user)); begun != 1 ||
						s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }) != begun {
						t.Errorf("%d sessions were begun, and not as many ended", begun)
					}
					d.kill()
				})
			}
		})
	}
}
