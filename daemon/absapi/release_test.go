package absapi

import (
	"testing"
	"time"
)

func TestReleaseFacts(t *testing.T) {
	for _, c := range []struct {
		version                     string
		grace                       time.Duration
		collides, refresh, sessions bool
	}{
		{"2.25.1", 0, true, false, false},
		{"2.26.0", 0, true, true, false},
		{"2.26.3", 0, true, true, false},
		{"2.28.0", 0, true, true, false},
		{"2.29.0", 0, true, true, false},
		{"2.33.2", 0, true, true, false},
		{"2.35.0", time.Minute, true, true, false},
		{"v2.35.0", time.Minute, true, true, false},
		{"2.35.1", time.Minute, false, true, false},
		{"2.36.0-beta.1", time.Minute, false, true, false},
		{"2.36.0", 10 * time.Minute, false, true, true},
		{"2.36.0+build.7", 10 * time.Minute, false, true, true},
		{"2.100.0", 10 * time.Minute, false, true, true},
		{"3.0.0", 10 * time.Minute, false, true, true},
		{"1.7.2", 0, true, false, false},
		{"", 0, true, true, false},
		{"edge", 0, true, true, false},
		{"2.36", 0, true, true, false},
		{"2.36.x", 0, true, true, false},
		{"2.36.0-", 0, true, true, false},
		{"-2.36.0", 0, true, true, false},
		{"2.99999999999999999999.0", 0, true, true, false},
	} {
		if g := Grace(c.version); g != c.grace {
			t.Errorf("%q: grace %v, want %v", c.version, g, c.grace)
		}
		for _, b := range []struct {
			name      string
			got, want bool
		}{
			{"collides", CollidesInSecond(c.version), c.collides},
			{"refresh", SupportsRefresh(c.version), c.refresh},
			{"sessions", SupportsSessions(c.version), c.sessions},
		} {
			if b.got != b.want {
				t.Errorf("%q: %s is %v", c.version, b.name, b.got)
			}
		}
	}
	if PasswordChangeEndsSessions("2.35.1") || !PasswordChangeEndsSessions("2.36.0") || !PasswordChangeEndsSessions("?") {
		t.Error("PasswordChangeEndsSessions is wrong")
	}
}
