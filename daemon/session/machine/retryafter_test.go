package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
)

// Only the limiter's word on a limited route binds: every other Retry-After is
// a hint, short, and ended by whatever says that it may be over.
func TestRetryAfterBindsOnlyOnALimitedRoute(t *testing.T) {
	asks := func(v absapi.Verdict, status int, unwritten bool) *absapi.Error {
		return &absapi.Error{Verdict: v, Status: status, RetryAfter: time.Hour, Unwritten: unwritten, Evidence: "later"}
	}
	rec := recordAt(noon.Add(-55 * time.Minute))
	pinging, _ := drive(State{Rules: RulesOf("2.36.0")}, noon, Started{}, Opened{Record: rec}, Settled{Generation: 3}, Due{},
		Acquired{Record: rec})
	lost := rotating(t, "2.36.0")
	signingIn, _ := drive(lost, noon, failed(absapi.RefreshExpired, 401))
	for _, c := range []struct {
		desc  string
		from  State
		fact  Fact
		binds bool
	}{
		{"503 of the maintenance page to a refresh", lost, RefreshFailed{Err: asks(absapi.Temporary, 503, false)}, false},
		{"503 to a ping", pinging, Unreachable{Err: asks(absapi.Temporary, 503, false)}, false},
		{"429 to a ping", pinging, Unreachable{Err: asks(absapi.RateLimited, 429, false)}, false},
		{"429 to the status before a sign-in", signingIn, LoginFailed{Err: asks(absapi.RateLimited, 429, true)}, false},
		{"503 to a sign-in", signingIn, LoginFailed{Err: asks(absapi.Temporary, 503, false)}, false},
		{"429 to a refresh", lost, RefreshFailed{Err: asks(absapi.RateLimited, 429, false)}, true},
		{"429 to a sign-in", signingIn, LoginFailed{Err: asks(absapi.RateLimited, 429, false)}, true},
		{"our own budget", pinging, Unreachable{Err: asks(absapi.RateLimited, 0, true)}, true},
	} {
		t.Run(c.desc, func(t *testing.T) {
			s, _ := drive(c.from, noon, c.fact)
			if s.Busy() {
				t.Fatal(s.Describe())
			}
			if wait := s.StartAt().Sub(noon); c.binds != (wait == time.Hour) || !c.binds && wait > mostHint {
				t.Errorf("waits %v", wait)
			}
			for name, end := range map[string]Fact{"wake-up": Woken{}, "click": Asked{}} {
				if s, _ := drive(s, noon.Add(time.Second), end); (s.Step == Acquiring) == c.binds {
					t.Errorf("after a %s: %v", name, s.Describe())
				}
			}
			// A player ends the hint; back-off goes on as ever.
			if s, _ := drive(s, noon.Add(backoffMost*2), Needed{}); (s.Step == Acquiring) == c.binds {
				t.Errorf("after a player's request: %v", s.Describe())
			}
		})
	}
}
