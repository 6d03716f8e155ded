package main

import (
	"io"
	"log"
	"net/http/httptest"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/upstream"
)

// At a terminal a certificate that nobody vouches for is asked about, before a name and a
// password are. A yes signs in and is kept; a no sends nothing. A certificate that
// replaces the pinned one is asked about as well.
func TestPinIsAskedFor(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.secrets = append(p.secrets, password)
	gate := httptest.NewUnstartedServer(s.Handler())
	gate.Config.ErrorLog = log.New(io.Discard, "", 0)
	gate.StartTLS()
	defer gate.Close()
	finger := upstream.Fingerprint(gate.Certificate())

	r, master := p.atTerminal("login", gate.URL, "--store", "file")
	r.until(r.stdout, finger)
	r.until(r.stdout, "[y/N] ")
	r.typeIn(master, "\n")
	if code := r.wait(); code != problem.Unreachable || s.Ledger().PasswordLogins(user) != 0 {
		t.Errorf("no: exit code %d\n%s", code, r.stdout.text())
	}
	r, master = p.atTerminal("login", gate.URL, "--store", "file")
	r.until(r.stdout, "[y/N] ")
	r.typeIn(master, "yes\n")
	r.until(r.stdout, "User name: ")
	r.typeIn(master, user+"\n")
	r.asked("Password of alice: ", master)
	r.typeIn(master, password+"\n")
	if code := r.wait(); code != problem.OK {
		t.Fatalf("yes: exit code %d\n%s", code, r.stdout.text())
	}
	p.ok("", "reauth")

	other := "abababababababababababababababababababababababababababababababab"
	p.ok("", "account", "set", "127-0-0-1-alice", "--pin", other)
	r, master = p.atTerminal("login", gate.URL)
	r.until(r.stdout, "not the pinned one")
	r.until(r.stdout, "[y/N] ")
	r.typeIn(master, "y\n")
	r.until(r.stdout, "User name: ")
	r.typeIn(master, user+"\n")
	r.asked("Password of alice: ", master)
	r.typeIn(master, password+"\n")
	if code := r.wait(); code != problem.OK {
		t.Fatalf("another certificate: exit code %d\n%s", code, r.stdout.text())
	}
	p.ok("", "reauth")
}
