package absfake_test

import (
	"slices"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/conformance"
)

// Each breaks one fact of the double; the replay of the recordings has to see
// it, and to say where. Broken facts about sockets are beside the player of
// sockets.
func TestReplaySeesBrokenFacts(t *testing.T) {
	extract, err := conformance.Extract()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		desc    string
		release absfake.Release
		group   string
		broken  absfake.Broken
		want    []string // cases that have to differ
	}{
		{"a grace of 61 s", absfake.R2350, "grace", absfake.Broken{Grace: 61 * time.Second}, []string{"grace/over"}},
		{"a grace of 57 s", absfake.R2351, "grace", absfake.Broken{Grace: 57 * time.Second}, []string{"grace/inside"}},
		{"a grace where there is none", absfake.R2263, "main", absfake.Broken{Grace: time.Minute}, []string{"refresh/reuse-immediately"}},
		{"no Retry-After", absfake.R2360, "limiter", absfake.Broken{NoRetryAfter: true},
			[]string{"limiter/6-login-429", "limiter/8-openid"}},
		{"no Retry-After", absfake.R2263, "limiter", absfake.Broken{NoRetryAfter: true}, []string{"limiter/7-refresh-429"}},
		{"tokens without an id", absfake.R2360, "main", absfake.Broken{NoJTI: true},
			[]string{"refresh/same-second-as-login", "refresh/same-second-collision"}},
		{"a new password ends nothing", absfake.R2360, "main", absfake.Broken{KeepSessions: true},
			[]string{"password/bearer-only/other-refresh", "admin/set-password/refresh"}},
		{"access tokens of two hours", absfake.R2360, "main", absfake.Broken{AccessTTL: 2 * time.Hour}, []string{"login/return-tokens"}},
		{"nothing", absfake.R2360, "limiter", absfake.Broken{}, nil},
	} {
		t.Run(c.desc+" in "+string(c.release), func(t *testing.T) {
			undo := absfake.Break(c.release, c.broken)
			defer undo()
			only := slices.DeleteFunc(slices.Clone(extract), func(r *conformance.Recording) bool { return r.Release() != c.release })
			report := conformance.Run(t, only, conformance.Options{Groups: []string{c.group}})
			if len(report.Rows) == 0 {
				t.Fatalf("no recording of %s has the group %s", c.release, c.group)
			}
			var names []string
			for _, d := range report.Differences {
				names = append(names, d.Name)
			}
			for _, want := range c.want {
				if !slices.Contains(names, want) {
					t.Errorf("the replay does not see it at %s, only at %v", want, names)
				}
			}
			if c.want == nil && len(names) > 0 {
				t.Errorf("the replay sees differences without reason: %v", names)
			}
		})
	}
}
