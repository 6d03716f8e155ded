package machine

import (
	"time"
)

const (
	// rotateAfter is the share of a token's life after which it is renewed while
	// somebody is served: early enough that some minutes without a server on a
	// one-hour token never reach a player. aheadMost is how long before its end
	// that is at the most: earlier renewals are more renewals.
	rotateAfter = 0.875
	aheadMost   = 15 * time.Minute
	// refreshSpent is the share of a refresh token's life that is never exceeded
	// where it ends so soon that it sets the pace.
	refreshSpent = 0.8
	// marginShare and marginMost are how long before its end an access token
	// is no longer handed out: a request sent now must reach the server in
	// time.
	marginShare = 0.05
	marginMost  = 30 * time.Second
	// skewIgnored: Date has a resolution of one second, so a smaller
	// difference says nothing about the clocks.
	skewIgnored = 2 * time.Second

	backoffFirst = time.Second
	backoffMost  = time.Minute
	// confirmPause lies between two `Invalid refresh token` answers: ABS says
	// it for internal errors too (server/auth/TokenManager.js).
	confirmPause = 2 * time.Second
	// racePause: without a grace window a retry while the first request still
	// runs can return an already dead token.
	racePause = 15 * time.Second
	// disabledProbe: the same refresh token works again once the account is
	// enabled.
	disabledProbe = 15 * time.Minute
	// wordHolds is how long the user's word about a server holds: long enough for
	// an answer that has to be asked for twice.
	wordHolds = 2 * time.Minute
	// playerProbe is disabledProbe while a player waits.
	playerProbe = time.Minute
	// lastTry is how long before the end of a grace window a lost answer is
	// asked for once more: time for a slow network, and for the server's clock.
	lastTry = 10 * time.Second
	// configProbe: a gateway's configuration is mended by a person, who then waits for
	// it. Each question costs a request of the server's limit: of its default, eight in
	// ten minutes are what we may use by ourselves (package budget), so the first
	// quickProbes come sooner than lastingProbe lets the later ones.
	configProbe  = time.Minute
	quickProbes  = 5
	lastingProbe = 80 * time.Second
	// roomyLimit affords a question each configProbe.
	roomyLimit = 60
	// settleRetry: the journal holds the record meanwhile.
	settleRetry = 30 * time.Second
	vaultRetry  = 5 * time.Second
	diskRetry   = 5 * time.Second
	// goingDownPause: logind lets programs delay a suspend for five seconds, and the
	// wake-up ends the pause.
	goingDownPause = 10 * time.Second
	// breakerPause: fresh tokens that are refused will not be accepted sooner
	// by asking more often, and bursts of 401 get people banned.
	breakerPause = 45 * time.Second
	// suspicionMemory: a second 401 this soon after a rotation that a 401
	// caused is not the token's fault.
	suspicionMemory = 5 * time.Minute
	// checkPause lies between the two 401 that prove a static token refused.
	checkPause = 2 * time.Second
)

// graceShare is the part of a grace window for which an answer is waited for. One
// that is lost in silence, as when a network is left, has to be asked for again
// while the window is open; asking too early costs a request and nothing else.
const graceShare = 3

// refreshPatience is how long the answer of a refresh is waited for where a
// lost one cannot be asked for again: giving up may cost the session.
const refreshPatience = 60 * time.Second

// patience is how long the answer of a refresh is waited for.
func (r Rules) patience() time.Duration {
	if r.Grace == 0 {
		return refreshPatience
	}
	return min(refreshPatience, r.Grace/graceShare)
}

// backoff returns the pause after the given number of failures, with full
// jitter and never less than a quarter of its bound. It is a formula and no
// library's, since chance comes with the event.
func backoff(failures int, jitter float64) time.Duration {
	bound := backoffMost
	if failures < 7 {
		bound = min(backoffMost, backoffFirst<<max(0, failures-1))
	}
	return bound/4 + time.Duration(jitter*float64(bound)*3/4)
}
