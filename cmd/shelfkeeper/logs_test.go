package main

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/logbook"
	"shelfkeeper/daemon/problem"
)

// The log of a daemon's life: one line a change, in a file that outlives it and that
// only its user reads, without a secret, and without a line for a look at the state.
func TestLogs(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	if r := p.run("", "logs"); r.code != problem.Other || !strings.Contains(r.stderr, "  → start the daemon with `shelfkeeper run`") {
		t.Errorf("no log: exit code %d\n%s", r.code, r.stderr)
	}
	if r := p.run("", "logs", "--since", "yesterday"); r.code != problem.Usage || !strings.Contains(r.stderr, "such as 2h, 3d") {
		t.Errorf("--since yesterday: exit code %d\n%s", r.code, r.stderr)
	}
	p.login(s)
	p.ok("", "players", "add", "kodi")
	d := p.daemon()
	a := p.until("the session is fresh", fresh)
	p.ok("", "pause")
	p.until("it is paused", func(a health.Account) bool { return a.Level == health.Paused })
	for range 10 {
		p.run("", "status", "--json")
	}
	p.ok("", "resume")
	p.until("all is well", func(a health.Account) bool { return a.Level == health.OK })
	wrong := signIn(s.url)
	wrong.stdin = "canary-of-a-password"
	if r := p.run(wrong.stdin, wrong.args...); r.code != problem.Rejected {
		t.Errorf("a wrong password: exit code %d\n%s", r.code, r.stderr)
	}
	for range 5 {
		q, err := http.NewRequestWithContext(t.Context(), "GET", a.Proxy.URL+"/api/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer sk_canary-of-a-grant")
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for began := time.Now(); !strings.Contains(p.ok("", "logs").stdout, "the pause is over"); <-time.After(50 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("the end of the pause is not told")
		}
	}
	p.ok("", "quit")
	d.wait()

	out := p.ok("", "logs").stdout
	var plain strings.Builder // without what --verbose adds
	for line := range strings.Lines(out) {
		if !strings.Contains(line, " DEBUG ") {
			plain.WriteString(line)
		}
	}
	for _, want := range []string{
		"INFO  Shelfkeeper " + version + " runs as process", "accounts=127-0-0-1-alice", "configuration=", " state=", "is served: " + s.url,
		"paused: paused by you", "the pause is over, after", "the sign-in failed", "a program is refused", "path=/api/me", "it was asked to quit",
	} {
		if n := strings.Count(plain.String(), want); n != 1 {
			t.Errorf("%q is there %d times in\n%s", want, n, out)
		}
	}
	secrets := append(s.Ledger().AccessTokensOn("/"), password, "canary-of", "eyJ", "sk_")
	for _, secret := range secrets {
		if strings.Contains(out, secret) {
			t.Errorf("%.20s is in the log:\n%s", secret, out)
		}
	}
	if n := strings.Count(plain.String(), "\n"); n > 20 || strings.Contains(plain.String(), "offline") {
		t.Errorf("%d lines:\n%s", n, out)
	}
	if again := p.ok("", "logs", "--since", "1h").stdout; again != out {
		t.Errorf("--since 1h:\n%s", again)
	}
	if none := p.ok("", "logs", "--since", time.Now().Add(time.Hour).Format(time.RFC3339)).stdout; none != "" {
		t.Errorf("--since an hour ahead:\n%s", none)
	}
	info, err := os.Stat(logbook.Path(p.state()))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}
