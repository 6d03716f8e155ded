package main

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// A script whose variable is not set removes, renames and signs out nobody.
func TestEmptyArguments(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	before := p.ok("", "account", "list").stdout
	for _, line := range []string{"account remove", "account rename 127-0-0-1-alice", "account show", "account set", "pause", "resume",
		"players add", "players revoke", "players trust x", "doctor", "report", "login", "logout --account", "history --account",
		"open --account", "page --account"} {
		r := p.run("y\n", append(strings.Fields(line), "")...)
		if r.code != problem.Usage || !strings.Contains(r.stderr, "empty") || !strings.Contains(r.stderr, "--help") {
			t.Errorf("%s: %d\n%s%s", line, r.code, r.stdout, r.stderr)
		}
	}
	if after := p.ok("", "account", "list").stdout; after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}
