package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

func TestPauseEnd(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here:", err)
	}
	evening := time.Date(2026, 10, 24, 23, 30, 0, 0, berlin) // the clocks go back in that night
	night := time.Date(2026, 12, 31, 1, 0, 0, 0, berlin)
	early := time.Date(2026, 12, 31, 4, 0, 0, 0, berlin)
	for _, c := range []struct {
		text string
		now  time.Time
		want time.Time
	}{
		{"", evening, time.Time{}},
		{"tomorrow", evening, time.Date(2026, 10, 25, 6, 0, 0, 0, berlin)},
		{"Tomorrow", night, time.Date(2026, 12, 31, 6, 0, 0, 0, berlin)},
		{"tomorrow", early, time.Date(2027, 1, 1, 6, 0, 0, 0, berlin)},
		{"90m", evening, evening.Add(90 * time.Minute)},
		{"3d", evening, evening.Add(72 * time.Hour)},
	} {
		if got, err := pauseEnd(c.text, c.now); err != nil || !got.Equal(c.want) {
			t.Errorf("%q at %v: %v, %v", c.text, c.now, got, err)
		}
	}
	for _, bad := range []string{"soon", "0", "0s", "-1h", "1ms", "5", "400d", "999999999d", "99999999999d", "9000h", "d", "1.5d", " "} {
		if got, err := pauseEnd(bad, evening); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}

// A pause refuses players and nothing else: the session is renewed meanwhile.
// It outlives the daemon, and ends by a command.
func TestPauseOutlivesTheDaemon(t *testing.T) {
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	r := p.daemon()
	a := p.until("it is served", fresh)
	me := a.Proxy.URL + "/api/me"
	if resp, body := get(t, me); resp.StatusCode != http.StatusOK {
		t.Fatalf("before: %d %s", resp.StatusCode, body)
	}

	if out := p.ok("", "pause"); !strings.Contains(out.stdout, "Paused until `shelfkeeper resume`: "+a.Name) {
		t.Errorf("said %q", out.stdout)
	}
	paused := func(a health.Account) bool { return a.Level == health.Paused }
	a = p.until("the pause shows", paused)
	if a.Reason != "paused by you: until you resume it" || a.Remedy != "run `shelfkeeper resume "+a.Name+"` to go on" {
		t.Errorf("reason %q, remedy %q", a.Reason, a.Remedy)
	}
	refused := func() {
		t.Helper()
		resp, body := get(t, me)
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" ||
			!strings.Contains(string(body), "paused by its user") {
			t.Errorf("%d, %v: %s", resp.StatusCode, resp.Header, body)
		}
	}
	refused()
	before := a.Session.Generation
	p.ok("", "reauth") // as the schedule does; tokens of seconds are renewed on demand alone
	p.until("the session is renewed meanwhile", func(a health.Account) bool { return paused(a) && a.Session.Generation > before })

	p.ok("", "quit")
	r.wait()
	p.daemon()
	p.until("it is still paused", func(a health.Account) bool { return paused(a) && fresh(a) })
	refused()

	if out := p.ok("", "resume", a.Name); out.stdout != "Players are served again: "+a.Name+"\n" {
		t.Errorf("said %q", out.stdout)
	}
	p.until("it is served again", func(a health.Account) bool { return a.Level != health.Paused })
	if resp, body := get(t, me); resp.StatusCode != http.StatusOK {
		t.Errorf("after: %d %s", resp.StatusCode, body)
	}
}

// Without a daemon a pause is remembered for the next one, and ends by itself.
func TestPauseWithoutADaemonEndsByItself(t *testing.T) {
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	out := p.ok("", "pause", "--until", "4s")
	if !strings.HasPrefix(out.stdout, "Paused until ") {
		t.Errorf("said %q", out.stdout)
	}
	p.daemon()
	p.until("it is paused", func(a health.Account) bool { return a.Level == health.Paused && fresh(a) })
	a := p.until("it ended by itself", func(a health.Account) bool { return a.Level != health.Paused })
	if resp, body := get(t, a.Proxy.URL+"/api/me"); resp.StatusCode != http.StatusOK {
		t.Errorf("after: %d %s", resp.StatusCode, body)
	}
	if out := p.run("", "pause", "nobody"); out.code == problem.OK || !strings.Contains(out.stderr, a.Name) {
		t.Errorf("an account that is not there: %+v", out)
	}
	if out := p.run("", "pause", "--until", "soon"); out.code != problem.Usage {
		t.Errorf("%+v", out)
	}
}
