package survival

import (
	"net/http"
	"slices"
	"time"

	"shelfkeeper/daemon/absfake"
)

// Count is what became of one client, in one run or in several. But for what
// players were answered, and for which sign-ins were the user's, it is the
// server's ledger that tells.
type Count struct {
	Rotations int `json:"rotations"`
	// RotationsLost: the server replaced the refresh token, the answer did not
	// become durable, and the client presented the old token again only when it
	// was refused, although it tried as early as it could.
	RotationsLost int `json:"rotations_lost"`
	// LossesCertain are rotations that were lost because the script placed a crash
	// or a sleep inside them. RotationsLost does not count them.
	LossesCertain int `json:"losses_certain"`
	// LoginsLost: sign-ins with a password whose own answer did not become
	// durable. No grace window helps there, and another one follows.
	LoginsLost int `json:"logins_lost"`
	// SessionsBurned: sessions of the server that the client left behind.
	SessionsBurned int `json:"sessions_burned"`
	SignIns        int `json:"sign_ins"` // by the user, by hand
	// SignInsCertain are sign-ins by hand that nobody would have needed but for
	// certain losses. SignIns does not count them.
	SignInsCertain int `json:"sign_ins_certain"`
	PasswordLogins int `json:"password_logins"` // by the client, with a password it keeps
	MaxAuth        int `json:"max_auth_10min"`  // auth requests in any ten minutes
	// Player401: requests of players that ended with a 401.
	Player401 int `json:"player_401"`
	// PlayerErrors: those that failed otherwise, although the server was
	// reachable within the time for which a request is held.
	PlayerErrors int `json:"player_errors"`

	PlayerRequests int `json:"player_requests"`
	// WaitP95 is what 95 of 100 first requests after a pause waited at most, of
	// those that were served.
	WaitP95 int `json:"wait_p95_ms"`

	waits []time.Duration
}

// add sums up; of MaxAuth it keeps the larger, and of all waits the percentile.
func (c *Count) add(o Count) {
	c.Rotations += o.Rotations
	c.RotationsLost += o.RotationsLost
	c.LossesCertain += o.LossesCertain
	c.SessionsBurned += o.SessionsBurned
	c.SignIns += o.SignIns
	c.SignInsCertain += o.SignInsCertain
	c.PasswordLogins += o.PasswordLogins
	c.LoginsLost += o.LoginsLost
	c.MaxAuth = max(c.MaxAuth, o.MaxAuth)
	c.Player401 += o.Player401
	c.PlayerErrors += o.PlayerErrors
	c.PlayerRequests += o.PlayerRequests
	c.waits = append(c.waits, o.waits...)
	c.WaitP95 = percentile(c.waits, 95)
}

// percentile returns in milliseconds what so many of 100 values are at most; 0
// for none.
func percentile(values []time.Duration, share int) int {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := (len(sorted)*share + 99) / 100
	return int(sorted[max(0, at-1)].Milliseconds())
}

// negligence is how long a client may leave a chance unused to ask for the
// answer again: longer than the slowest answer, and than what a client waits
// that thinks the first one is still coming.
const negligence = 40 * time.Second

// onTheWay is how long a request and its answer may be under way: what was sent
// meanwhile was no second try.
const onTheWay = time.Second

func (w *world) count(grace time.Duration) Count {
	ledger := w.server.Ledger()
	c := Count{SessionsBurned: -w.client.sessions(), PlayerRequests: w.askers.requests, waits: w.askers.waits}
	sessions := map[string]bool{}
	var accepted []absfake.Login
	for _, l := range ledger.Logins(user) {
		if l.OK {
			accepted = append(accepted, l)
			sessions[l.Session] = true
		}
	}
	c.SessionsBurned += len(sessions)
	if w.provider == nil {
		c.PasswordLogins = len(accepted) - 1 - len(w.signIns) // the first and those by hand are the user's
	}
	rotated := map[string]absfake.Rotation{}
	for _, r := range ledger.Rotations(user) {
		if !r.Replay {
			c.Rotations++
			rotated[r.From] = r
		}
	}
	presented := map[string][]absfake.Entry{}
	for _, e := range ledger.Entries() {
		if e.Path == refreshPath {
			presented[e.Refresh] = append(presented[e.Refresh], e)
		}
	}
	var losses []loss
	for _, r := range rotated {
		if !w.lost(r, presented, grace) {
			continue
		}
		l := loss{r.Time, w.struckAt(r.Time)}
		losses = append(losses, l)
		if l.certain {
			c.LossesCertain++
		} else {
			c.RotationsLost++
		}
	}
	c.SignInsCertain = w.certainSignIns(accepted, losses)
	c.SignIns = len(w.signIns) - c.SignInsCertain
	// The newest session has no successor, and may still have to be used.
	for _, l := range accepted[:max(0, len(accepted)-1)] {
		if len(presented[l.Refresh]) == 0 {
			c.LoginsLost++
		}
	}
	c.LoginsLost = min(c.LoginsLost, c.PasswordLogins) // those by hand are the user's
	c.MaxAuth = ledger.MaxAuthIn(10 * time.Minute)
	for _, p := range w.askers.failed {
		switch {
		case len(gaps(w.line.unreachable, p.at, p.at.Add(hold))) == 0:
		case p.ending == unauthorized:
			c.Player401++
		default:
			c.PlayerErrors++
		}
	}
	c.WaitP95 = percentile(c.waits, 95)
	return c
}

// lost reports whether r is a rotation that no diligence could have saved.
func (w *world) lost(r absfake.Rotation, presented map[string][]absfake.Entry, grace time.Duration) bool {
	tries := presented[r.From]
	refused := slices.IndexFunc(tries, func(e absfake.Entry) bool {
		return e.Time.Sub(r.Time) > onTheWay && e.Status == http.StatusUnauthorized
	})
	if refused < 0 || len(presented[r.To]) > 0 {
		return false
	}
	end := r.Time.Add(grace)
	for _, chance := range gaps(w.line.idle, r.Time, end) {
		idle := chance.from
		for _, e := range tries {
			if e.Time.Before(idle) {
				continue
			}
			if e.Time.After(chance.to) {
				break
			}
			if e.Time.Sub(idle) >= negligence {
				return false
			}
			idle = e.Time
		}
		if chance.to.Sub(idle) >= negligence {
			return false
		}
	}
	return true
}
