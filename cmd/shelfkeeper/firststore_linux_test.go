package main

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// A machine without a keychain, whose daemon runs before anybody has signed in: the
// sign-in fails, and the one that its remedy names works. The failed one has chosen
// no store.
func TestStoreIsFreeAfterAFailedFirstSignIn(t *testing.T) {
	t.Parallel()
	p := barePlace(t, []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "SHELFKEEPER_PASSPHRASE=" + passphrase})
	s := newServer(t, absfake.Config{})
	p.daemon()
	login := []string{"login", s.url, "--username", user, "--password-stdin"}
	for range 2 {
		if r := p.run(password+"\n", login...); r.code != problem.Vault || !strings.Contains(r.stderr, "--store file") {
			t.Fatalf("%d\n%s", r.code, r.stderr)
		}
	}
	if r := p.ok(password+"\n", append(login, "--store", "file")...); !strings.Contains(r.stdout, "Signed in to ") {
		t.Error(r.stdout)
	}
	p.until("the session is fresh", fresh)
}
