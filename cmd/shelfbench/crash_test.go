package main

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
)

// Twenty kills at random moments, half of them within rotations, where a lost
// answer costs a password and where it costs nothing.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	plan := crashPlan{binary: binary, kills: 10, ttl: 2 * time.Second, seed: uint64(time.Now().UnixNano()), vaults: []string{"file"},
		releases: []absfake.Release{absfake.R2332, absfake.R2350}}
	t.Log("seed", plan.seed)
	rows, err := plan.run(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		t.Logf("%+v", r)
		if r.Verdict != "" || r.Kills != plan.kills || r.PlayerRequests == 0 || r.Rotations == 0 {
			t.Errorf("%s: %q", r.Release, r.Verdict)
		}
	}
	if len(rows) != len(plan.releases) {
		t.Errorf("%d rows", len(rows))
	}
}

func TestVerdictOnCrashes(t *testing.T) {
	for _, c := range []struct {
		desc string
		row  crashRow
		good bool
	}{
		{"nothing lost", crashRow{Release: absfake.R2360}, true},
		{"answers lost within the grace window", crashRow{Release: absfake.R2350, losses: losses{AnswersLost: 9}}, true},
		{"a session lost in spite of it", crashRow{Release: absfake.R2360, losses: losses{SessionsLost: 1, SignIns: 1}}, false},
		{"a needless password", crashRow{Release: absfake.R2360, losses: losses{SignIns: 1}}, false},
		{"one password for each loss", crashRow{Release: absfake.R2263, losses: losses{SessionsLost: 2, SignIns: 3, SignInsLost: 1}}, true},
		{"one password too many", crashRow{Release: absfake.R2263, losses: losses{SessionsLost: 2, SignIns: 3}}, false},
		{"refused without a rotation", crashRow{Release: absfake.R2263, losses: losses{SessionsLost: 1, SignIns: 1, Unexplained: 1}}, false},
		{"a published pair is gone", crashRow{Release: absfake.R2263, GenerationsLost: 1}, false},
		{"the user is asked", crashRow{Release: absfake.R2263, NeedsUser: 1}, false},
		{"a player hears of it", crashRow{Release: absfake.R2360, Player401: 1}, false},
	} {
		if got := c.row.judge(); (got == "") != c.good {
			t.Errorf("%s: %q", c.desc, got)
		}
	}
}

// What the counts mean, on a server that is really asked.
func TestLossesAreCounted(t *testing.T) {
	s, err := newCrashServer(absfake.R2263, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	first := signInAt(t, s.url)
	untilNextSecond(t)                       // else equal tokens
	ask(t, s.url+"/auth/refresh", first)     // the answer is lost
	ask(t, s.url+"/auth/refresh", first)     // so: once more,
	ask(t, s.url+"/auth/refresh", first)     // and to be sure
	untilNextSecond(t)                       //
	_ = signInAt(t, s.url)                   // its answer is lost too
	untilNextSecond(t)                       //
	third, access := pairAt(t, s.url)        //
	untilNextSecond(t)                       //
	ask(t, s.url+"/auth/refresh", third)     //
	ask(t, s.url+"/auth/refresh", "garbage") // nothing explains this one
	// An access token asks whose server this is, and nothing is lost by it.
	ask(t, s.url+"/auth/refresh", access)
	ask(t, s.url+"/auth/refresh", absapi.NoToken) // whether renewals pass
	got, err := lossesOf(s.Ledger())
	want := losses{Rotations: 2, AnswersLost: 1, SessionsLost: 2, Unexplained: 1, SignIns: 2, SignInsLost: 1}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if n := presentedTwice(s.Ledger()); n != 0 {
		t.Errorf("%d tokens answered twice", n)
	}
}

func TestProcessesTakeTurns(t *testing.T) {
	t.Parallel()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	r, err := runProcesses(t.Context(), binary, absfake.Newest, 25, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	if r.Verdict != "" || r.Rotations < 25 || r.ByCommands == 0 || r.Statuses == 0 || r.ByDaemons == 0 {
		t.Errorf("verdict %q", r.Verdict)
	}
}

func TestVerdictOnProcesses(t *testing.T) {
	good := processesRow{Generations: 7, losses: losses{Rotations: 7}}
	for desc, spoil := range map[string]func(*processesRow){
		"nothing":              nil,
		"a token twice":        func(r *processesRow) { r.Doubled = 1 },
		"a generation missing": func(r *processesRow) { r.Generations = 6 },
		"a password":           func(r *processesRow) { r.SignIns = 1 },
		"a lost session":       func(r *processesRow) { r.SessionsLost = 1 },
		"a failed command":     func(r *processesRow) { r.Failed = 1 },
		"something left":       func(r *processesRow) { r.Left = []string{"control.sock"} },
	} {
		r := good
		if spoil != nil {
			spoil(&r)
		}
		if got := r.judge(); (got == "") != (spoil == nil) {
			t.Errorf("%s: %q", desc, got)
		}
	}
}

func ask(t *testing.T, url, refresh string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), benchPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-refresh-token", refresh)
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}
