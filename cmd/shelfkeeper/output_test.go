package main

import (
	"slices"
	"testing"
	"time"

	"shelfkeeper/daemon/health"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 47 * time.Second: "47 s", 2*time.Minute + 5*time.Second: "2 min 5 s", 48*time.Minute + 3*time.Second: "48 min",
		3 * time.Hour: "3 h", 3*time.Hour + 12*time.Minute: "3 h 12 min", 26 * time.Hour: "1 day 2 h",
		173*time.Hour + 12*time.Minute + 5*time.Second: "7 days 5 h", 30 * 24 * time.Hour: "30 days",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, not %q", d, got, want)
		}
	}
}

// Each change is one line, and what stays is none.
func TestChangesOfTheStatus(t *testing.T) {
	shown := map[string]string{}
	home := health.Account{Name: "home"}
	down := health.Account{Name: "home", Level: health.Offline, Reason: "the server cannot be reached"}
	attic := health.Account{Name: "attic", Level: health.NeedsUser, Reason: "the keychain is locked", Remedy: "unlock it"}
	for i, step := range []struct {
		accounts []health.Account
		want     []string
	}{
		{nil, []string{"Shelfkeeper: no account yet → run `shelfkeeper login URL`"}},
		{[]health.Account{home}, []string{"home: ok"}},
		{[]health.Account{home}, nil},
		{[]health.Account{down, attic}, []string{"home: offline: the server cannot be reached",
			"attic: needs-user: the keychain is locked → unlock it"}},
		{[]health.Account{home, attic}, []string{"home: ok"}},
		{[]health.Account{home}, []string{"attic: signed out"}},
		{nil, []string{"Shelfkeeper: no account yet → run `shelfkeeper login URL`", "home: signed out"}},
	} {
		if got := changes(shown, health.Snapshot{Accounts: step.accounts}, false); !slices.Equal(got, step.want) {
			t.Errorf("step %d: %q", i, got)
		}
	}
}

// The exit code of a status tells the worst that somebody can act upon.
func TestStatusCode(t *testing.T) {
	at := func(levels ...health.Level) (s health.Snapshot) {
		for _, l := range levels {
			s.Accounts = append(s.Accounts, health.Account{Level: l})
		}
		return s
	}
	for want, list := range map[int][]health.Snapshot{
		9:  {at(), at(health.NeedsUser), at(health.Offline, health.NeedsUser)},
		10: {at(health.Offline), at(health.OK, health.Offline)},
		0:  {at(health.OK), at(health.Degraded), at(health.Paused)},
	} {
		for _, s := range list {
			if got := int(statusCode(s)); got != want {
				t.Errorf("%+v: %d, not %d", s.Accounts, got, want)
			}
		}
	}
}
