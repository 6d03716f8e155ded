package logbook

import (
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/health"
)

// An outage is one line when it begins and one when it is over, whatever its reasons
// are in between; every other change of level is a line.
func TestNarrator(t *testing.T) {
	base := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	type step struct {
		at        int // seconds
		level     health.Level
		condition string
		want      string // of lines, separated by "|"
	}
	for _, c := range []struct {
		desc  string
		steps []step
	}{
		{"an outage of 47 s", []step{
			{0, health.OK, "", "INFO is served: http://abs; players reach it at http://127.0.0.1:13379"},
			{3, health.Offline, "vault-opening", ""},
			{4, health.OK, "", ""},
			{8, health.Offline, "server-unreachable", ""},
			{10, health.Offline, "server-unreachable", "WARN offline: server-unreachable"},
			{20, health.Offline, "no-answer", ""},
			{30, health.Offline, "renewal-fails", ""},
			{55, health.Degraded, "socket-down", ""},
			{57, health.OK, "", "INFO back after 47 s"},
			{58, health.OK, "", ""},
		}},
		{"it gets worse, and stays half well", []step{
			{0, health.Degraded, "socket-down", "INFO is served: http://abs; players reach it at http://127.0.0.1:13379|WARN degraded: socket-down"},
			{10, health.NeedsUser, "session-lost", "WARN needs-user: session-lost"},
			{20, health.NeedsUser, "password-refused", "WARN needs-user: password-refused"},
			{30, health.Degraded, "page-down", ""},
			{41, health.Degraded, "page-down", "INFO degraded: page-down"},
			{3700, health.OK, "", "INFO back after 62 min"},
		}},
		{"two troubles by turns", []step{
			{0, health.Degraded, "odd-tokens", "INFO is served: http://abs; players reach it at http://127.0.0.1:13379|WARN degraded: odd-tokens"},
			{2, health.Degraded, "socket-down", ""},
			{4, health.Degraded, "odd-tokens", ""},
			{6, health.Degraded, "socket-down", ""},
			{17, health.Degraded, "socket-down", "WARN degraded: socket-down"},
			{20, health.OK, "", "INFO back after 20 s"},
		}},
		{"a vault that opens slowly is no outage", []step{
			{0, health.Offline, "vault-opening", "INFO is served: http://abs; players reach it at http://127.0.0.1:13379"},
			{30, health.Offline, "vault-opening", ""},
			{31, health.OK, "", ""},
		}},
		{"a pause", []step{
			{0, health.OK, "", "INFO is served: http://abs; players reach it at http://127.0.0.1:13379"},
			{10, health.Paused, "paused", "INFO paused: paused"},
			{610, health.OK, "", "INFO the pause is over, after 10 min"},
		}},
	} {
		var n Narrator
		for _, s := range c.steps {
			now := base.Add(time.Duration(s.at) * time.Second)
			a := health.Account{Name: "home", Server: "http://abs", Level: s.level, Condition: s.condition, Reason: s.condition}
			a.Proxy.URL = "http://127.0.0.1:13379"
			lines, again := n.Tell(health.Snapshot{Accounts: []health.Account{a}}, now)
			var got []string
			for _, l := range lines {
				text := l.Level.String() + " " + l.Text
				if l.Reason != "" {
					text += ": " + l.Reason
				}
				got = append(got, text)
				if l.Account != "home" {
					t.Errorf("%+v", l)
				}
			}
			if strings.Join(got, "|") != s.want {
				t.Errorf("%s, %d s: %q, want %q", c.desc, s.at, got, s.want)
			}
			if again < 0 || again > settling {
				t.Errorf("%v", again)
			}
		}
		lines, _ := n.Tell(health.Snapshot{}, base)
		if len(lines) != 1 || lines[0].Text != "is not served any more" {
			t.Errorf("%+v", lines)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		47 * time.Second: "47 s", 119 * time.Second: "119 s", 5 * time.Minute: "5 min", 3*time.Hour + 29*time.Minute: "3 h 29 min",
		72 * time.Hour: "3 days", 400 * time.Millisecond: "0 s",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
