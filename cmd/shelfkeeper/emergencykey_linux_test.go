package main

import (
	"fmt"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// Who administers the server is asked at the terminal, and nothing but a yes makes a key;
// the flag asks nobody. Nobody else is asked, and nobody who has answered is asked again.
func TestEmergencyKeyAtTheTerminal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, typed string
		flags       []string
		asked, kept bool
	}{
		{"admin", "yes\n", nil, true, true},
		{"admin", "\n", nil, true, false},
		{"admin", "n\n", nil, true, false},
		{"admin", "", []string{"--emergency-key=7"}, false, true},
		{"user", "", nil, false, false},
	} {
		t.Run(fmt.Sprintf("%s %q %v", c.kind, c.typed, c.flags), func(t *testing.T) {
			t.Parallel()
			s := newOIDCServer(t, absfake.Config{Users: []absfake.User{{Name: "root", Password: "r", Type: "root"},
				{Name: "alice", Password: "a", Type: c.kind}}}, absfake.OpenID{MatchBy: "username"})
			p := newPlace(t)
			r, master := p.atTerminal(append([]string{"login", s.url, "--oidc", "--no-spare", "--store", "file", "--no-browser"}, c.flags...)...)
			_, at, _ := browse(t, r.page(1))
			r.typeIn(master, at+"\n")
			if c.asked {
				r.until(r.stdout, "Keep an API key of 30 days as the last resort?")
				r.typeIn(master, c.typed)
			}
			if code := r.wait(); code != problem.OK {
				t.Fatalf("exit code %d\n%s", code, r.stdout.text())
			}
			said := r.stdout.text()
			if strings.Contains(said, "An emergency API key serves the players of") != c.kept || strings.Contains(said, "last resort?") != c.asked {
				t.Errorf("on the screen:\n%s", said)
			}
			made := s.Ledger().Count(func(e absfake.Entry) bool { return e.Method == "POST" && e.Path == "/api/api-keys" })
			if (made == 1) != c.kept {
				t.Errorf("%d keys were made", made)
			}
			r, master = p.atTerminal("login", s.url, "--oidc", "--no-spare", "--store", "file", "--no-browser")
			_, at, _ = browse(t, r.page(1))
			r.typeIn(master, at+"\n")
			if code := r.wait(); code != problem.OK {
				t.Fatalf("the second sign-in: exit code %d\n%s", code, r.stdout.text())
			}
			again := s.Ledger().Count(func(e absfake.Entry) bool { return e.Method == "POST" && e.Path == "/api/api-keys" })
			if said := r.stdout.text(); strings.Contains(said, "last resort?") || again != made {
				t.Errorf("the second sign-in, %d keys made:\n%s", again, said)
			}
		})
	}
}
