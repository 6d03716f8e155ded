package absapi

import (
	"testing"
	"time"
)

func TestReleaseFacts(t *testing.T) {
	for _, c := range []struct {
		version                                     string
		grace                                       time.Duration
		collides, refresh, sessions, playlist, kill bool
	}{
		{"2.25.1", 0, true, false, false, true, true},
		{"2.26.0", 0, true, true, false, true, true},
		{"2.26.3", 0, true, true, false, true, true},
		{"2.28.0", 0, true, true, false, true, false},
		{"2.29.0", 0, true, true, false, false, false},
		{"2.33.2", 0, true, true, false, false, false},
		{"2.35.0", time.Minute, true, true, false, false, false},
		{"v2.35.0", time.Minute, true, true, false, false, false},
		{"2.35.1", time.Minute, false, true, false, false, false},
		{"2.36.0-beta.1", time.Minute, false, true, false, false, false},
		{"2.36.0", 10 * time.Minute, false, true, true, false, false},
		{"2.36.0+build.7", 10 * time.Minute, false, true, true, false, false},
		{"2.100.0", 10 * time.Minute, false, true, true, false, false},
		{"3.0.0", 10 * time.Minute, false, true, true, false, false},
		{"1.7.2", 0, true, false, false, true, true},
		{"", 0, true, true, false, true, true},
		{"edge", 0, true, true, false, true, true},
		{"2.36", 0, true, true, false, true, true},
		{"2.36.x", 0, true, true, false, true, true},
		{"2.36.0-", 0, true, true, false, true, true},
		{"-2.36.0", 0, true, true, false, true, true},
		{"2.99999999999999999999.0", 0, true, true, false, true, true},
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
			{"playlist", PlaylistCarriesToken(c.version), c.playlist},
			{"kill", TranscodeTrackKillsServer(c.version), c.kill},
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
