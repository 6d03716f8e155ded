package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// A sign-in that was cut off between the vault and the list of accounts leaves
// an account that is shown, served and can be signed out of.
func TestAccountOfACutOffSignIn(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	if err := os.Remove(p.state("accounts.json")); err != nil {
		t.Fatal(err)
	}
	r := p.daemon()
	p.untilNamed("127-0-0-1-alice", "it is served", func(a health.Account) bool { return served(a) && a.User == user })
	r.until(r.stderr, "an account whose sign-in was cut off is listed again")
	if r := p.ok("", "logout"); !strings.Contains(r.stdout, "nothing is left here") {
		t.Errorf("said %q", r.stdout)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); n != 1 {
		t.Errorf("%d sessions were ended", n)
	}
}

// The list of accounts is gone and the session in the vault is garbage: status
// says so, and the command that it names erases it.
func TestUnreadableSessionOfAnUnlistedAccount(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	if err := os.Remove(p.state("accounts.json")); err != nil {
		t.Fatal(err)
	}
	for name := range p.files("vault") {
		if strings.HasPrefix(name, "journal.") {
			p.write(p.state("vault", name), "garbage")
		}
	}
	r := p.daemon()
	r.until(r.stderr, "the vault may hold an account that is not listed")
	said := p.run("", "status").stdout
	command := regexp.MustCompile("→ run `shelfkeeper (logout --forget [^`]+)`").FindStringSubmatch(said)
	if command == nil || !strings.Contains(said, "127-0-0-1-alice, which is not in the list of accounts") {
		t.Fatalf("status: %s", said)
	}
	if r := p.ok("", strings.Fields(command[1])...); !strings.Contains(r.stdout, "is forgotten") {
		t.Errorf("said %q", r.stdout)
	}
	if said := p.run("", "status").stdout; strings.Contains(said, "not in the list") {
		t.Errorf("status: %s", said)
	}
	for name := range p.files("vault") {
		if strings.HasPrefix(name, "journal.") || strings.HasPrefix(name, "unreadable.") {
			t.Errorf("%s is left", name)
		}
	}
	p.ok("", "quit")
	if code := r.wait(); code != problem.OK {
		t.Errorf("it ended with %d", code)
	}
	p.login(s) // and the way is free
}

// A sign-out with a torn journal leaves nothing that could be read again later.
func TestLogoutWithATornJournal(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	for name, content := range p.files("vault") {
		if strings.HasPrefix(name, "journal.") {
			p.write(p.state("vault", name), content[:len(content)/2])
		}
	}
	p.ok("", "logout")
	for name := range p.files("vault") {
		if strings.HasPrefix(name, "unreadable.") {
			t.Errorf("%s is left", name)
		}
	}
}

// Three first sign-ins at once are three times the same: one account, and one
// session on the server.
func TestFirstSignInsAtOnce(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.secrets = append(p.secrets, password)
	var all []*process
	for range 3 {
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.WriteString(password + "\n"); err != nil {
			t.Fatal(err)
		}
		_ = out.Close()
		all = append(all, p.startWith(in, "login", s.url, "--username", user, "--password-stdin", "--store", "file"))
		_ = in.Close()
	}
	for _, r := range all {
		if code := r.wait(); code != problem.OK {
			t.Errorf("exit code %d: %s", code, r.stderr.text())
		}
	}
	if list := p.read(p.state("accounts.json")); strings.Count(list, `"name"`) != 1 {
		t.Errorf("accounts: %s", list)
	}
	ended := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" })
	if begun := len(s.Ledger().Logins(user)); begun != 3 || ended != 2 {
		t.Errorf("%d sessions were begun and %d ended", begun, ended)
	}
}

// A state that can only be read is said to be so, not to be full.
func TestReadOnlyState(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere; the words are tested in daemon/durable")
	}
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	if err := os.Chmod(p.state(), 0o500); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(p.state(), 0o700) }()
	r := p.run("", "account", "set", "127-0-0-1-alice", "--port", "0")
	if r.code != problem.Config || !strings.Contains(r.stderr, "let your user write in "+p.state()) || strings.Contains(r.stderr, "space") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}
