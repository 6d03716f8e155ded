package conformance

import (
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
)

// Each breaks one fact about sockets; the replay has to see it, and to say where.
func TestReplaySeesBrokenSockets(t *testing.T) {
	without := func(event string) func(string) string {
		return func(frame string) string {
			if strings.HasPrefix(frame, `42["`+event+`"`) {
				return ""
			}
			return frame
		}
	}
	instead := func(old, now string) func(string) string {
		return func(frame string) string { return strings.Replace(frame, old, now, 1) }
	}
	for _, c := range []struct {
		desc   string
		group  string
		frames func(string) string
		alter  func(*absfake.Config)
		want   []string // cases that have to differ
	}{
		{"user_updated does not come", "media", without("user_updated"), nil,
			[]string{"progress/patch/events/own-1", "progress/patch/events/own-2", "bookmark/create/events/own-1",
				"disable/open-socket/events/admin"}},
		{"user_updated without the legacy token", "media", instead(`"token":"ey`, `"token":"no`), nil,
			[]string{"progress/patch/events/own-1"}},
		{"user_session_closed with an object", "media", instead(`42["user_session_closed",`, `42["user_session_closed",{},`), nil,
			[]string{"play/socket", "close/open/events/own-1"}},
		{"user_session_closed does not come", "media", without("user_session_closed"), nil,
			[]string{"play/socket", "close/open/events/own-2"}},
		{"no stream_open", "media", without("stream_open"), nil, []string{"hls/socket"}},
		{"refusals are mute", "sockets", without("auth_failed"), nil,
			[]string{"socket/auth-garbage", "socket/auth-no-arg", "socket/auth-null"}},
		{"another refusal", "sockets", instead("Invalid token", "Invalid user"), nil,
			[]string{"socket/auth-object", "socket/auth-refresh"}},
		{"init comes twice", "sockets", instead(`42["pong"]`, `42["init",{}]`), nil, []string{"socket/user"}},
		{"another interval", "sockets", instead("25000", "30000"), nil, []string{"socket/user"}},
		{"no heartbeat", "sockets", func(f string) string { return strings.TrimPrefix(f, "2") }, nil,
			[]string{"socket/no-pong", "socket/idle-authenticated"}},
		{"nobody is online", "sockets", without("user_online"), nil, []string{"socket/admin", "socket/admin-presence"}},
		{"another release", "sockets", nil, func(c *absfake.Config) { c.Release = absfake.R2350 }, []string{"socket/auth-refresh"}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			var newest []*Recording
			for _, r := range recordings(t) {
				if r.Release() == absfake.R2360 {
					newest = append(newest, r)
				}
			}
			if newest == nil {
				t.Skip("no recording of 2.36.0 in the folder")
			}
			report := Run(t, newest, Options{Groups: []string{c.group}, Frames: c.frames, Alter: c.alter})
			var names []string
			for _, d := range report.Differences {
				names = append(names, d.Name)
			}
			for _, want := range c.want {
				if !slices.Contains(names, want) {
					t.Errorf("the replay does not see it at %s, only at %v", want, names)
				}
			}
		})
	}
}
