package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// What a person sees of a lost session: the cause and what to do in status, an
// exit code for scripts, and the record for a bug report; nothing is left of it
// after the account is.
func TestLostSessionAsAUserMeetsIt(t *testing.T) {
	t.Parallel()
	users := []absfake.User{{Name: "root", Password: "root", Type: "root"}, {Name: user, Password: password}}
	s, p := newServer(t, absfake.Config{Users: users}), newPlace(t)
	a := signIn(s.url, "--no-store-password")
	p.ok(a.stdin, a.args...)
	d := p.daemon()
	p.until("the session is fresh", fresh)
	p.ok("", "reauth")
	p.run("", "status")
	if err := s.Rename(user, "zoe"); err != nil {
		t.Fatal(err)
	}
	if r := p.run("", "reauth"); r.code != problem.NeedsUser ||
		!strings.Contains(r.stderr, `this user is called "zoe" on the server now`) ||
		!strings.Contains(r.stderr, "  → run `shelfkeeper login` with the new name\n") {
		t.Errorf("reauth: exit code %d\n%s", r.code, r.stderr)
	}
	r := p.run("", "status")
	if r.code != problem.NeedsUser || r.stderr != "" || !strings.Contains(r.stdout, `this user is called "zoe" on the server now`) ||
		!strings.Contains(r.stdout, "  remedy    run `shelfkeeper login` with the new name\n") {
		t.Errorf("status: exit code %d\n%s\n%s", r.code, r.stdout, r.stderr)
	}
	if r = p.run("", "status", "--json"); r.code != problem.NeedsUser || !strings.Contains(r.stdout, `"cause":"renamed","certain":true`) {
		t.Errorf("status --json: exit code %d\n%s", r.code, r.stdout)
	}
	for _, running := range []bool{true, false} {
		if !running {
			p.ok("", "quit")
			d.wait()
		}
		r = p.ok("", "history")
		for _, want := range []string{"certainly (renamed)", "sign-in  signed in", "refresh  renewed", "refresh  refused once",
			"refresh  refused ", `user now "zoe"`, "server 2.36.0"} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("daemon running %v: %q is not in\n%s", running, want, r.stdout)
			}
		}
		var out struct {
			Accounts []struct {
				Account string
				Loss    health.Loss
				Entries []struct{ Kind, Outcome, Issued string }
			}
		}
		if err := json.Unmarshal([]byte(p.ok("", "history", "--json", "--account", "127-0-0-1-alice").stdout), &out); err != nil ||
			len(out.Accounts) != 1 || out.Accounts[0].Loss.Cause != "renamed" || len(out.Accounts[0].Entries) < 4 {
			t.Errorf("history --json: %+v, %v", out, err)
		}
	}
	if r := p.run("", "history", "--account", "nobody"); r.code != problem.Usage ||
		!strings.Contains(r.stderr, "there are records of 127-0-0-1-alice") {
		t.Errorf("history of nobody: exit code %d\n%s", r.code, r.stderr)
	}

	// Damage is kept aside and said, and stands in nobody's way.
	file := p.state("history", "127-0-0-1-alice.json")
	if err := os.WriteFile(file, []byte(`{"version":1,"entr`), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.ok("", "history"); !strings.Contains(r.stdout, "cannot be read") {
		t.Errorf("a damaged record:\n%s", r.stdout)
	}
	d = p.daemon()
	p.until("it runs all the same", func(a health.Account) bool { return a.Level == health.NeedsUser })
	if kept, err := os.ReadFile(file + ".damaged"); err != nil || string(kept) != `{"version":1,"entr` ||
		!strings.Contains(d.stderr.text(), "it is kept as 127-0-0-1-alice.json.damaged") {
		t.Errorf("kept %q, %v", kept, err)
	}
	p.ok("", "logout")
	if files, err := os.ReadDir(p.state("history")); err != nil || len(files) != 1 { // the lock
		t.Errorf("left of the record: %v, %v", files, err)
	}
	if r := p.ok("", "history"); r.stdout != "no attempt is on record\n" {
		t.Errorf("history of nothing:\n%s", r.stdout)
	}
}

// A server that was upgraded, and a user who was renamed, are what the next
// start and commands without a daemon find.
func TestWhatTheServerIsNowIsWrittenDown(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	data, err := os.ReadFile(p.state("accounts.json"))
	if err != nil {
		t.Fatal(err)
	}
	p.write(p.state("accounts.json"), strings.Replace(string(data), `"server_version": "2.36.0"`, `"server_version": "2.33.2"`, 1))
	p.daemon()
	p.until("the session is fresh", fresh)
	p.ok("", "reauth")
	p.until("the version is known", func(a health.Account) bool {
		data, err := os.ReadFile(p.state("accounts.json"))
		return err == nil && a.ServerVersion == "2.36.0" && strings.Contains(string(data), `"server_version": "2.36.0"`)
	})
}
