package absfake

import "time"

// Broken are facts that tests break on purpose, to see whether it is noticed.
type Broken struct {
	Grace        time.Duration // instead of the release's own
	NoRetryAfter bool
	NoJTI        bool
	KeepSessions bool // a new password ends nothing
	AccessTTL    time.Duration
}

// Break puts broken facts into the table until undo is called. Tests that use it
// run alone.
func Break(r Release, b Broken) (undo func()) {
	for i := range table {
		if table[i].release != r {
			continue
		}
		before := table[i]
		if b.Grace != 0 {
			table[i].grace = b.Grace
		}
		if b.NoRetryAfter {
			table[i].retryAfter = false
		}
		if b.NoJTI {
			table[i].jti = false
		}
		if b.AccessTTL != 0 {
			table[i].accessTTL = b.AccessTTL
		}
		if b.KeepSessions {
			table[i].passwordEnds = false
		}
		return func() { table[i] = before }
	}
	panic("absfake: no such release: " + string(r))
}
