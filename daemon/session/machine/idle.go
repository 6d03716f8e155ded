package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
)

// Each renewal is a risk: an answer that is lost on its way may cost the
// session. So the pair is renewed ahead of its end only while somebody is
// served. Otherwise it is renewed when the next token is needed, and so that its
// refresh token does not end.
const (
	// servedFor is how long somebody who needed a token counts as served. It is
	// longer than any caller waits for one.
	servedFor = time.Minute
	// keepAliveShare is the part of a refresh token's life after which a good
	// moment is looked for to renew it, and keepAliveBy the part that is never
	// exceeded while the server can be reached.
	keepAliveShare = 0.25
	keepAliveBy    = 0.33
	// keepAliveTries is the time before the end of a refresh token that is kept
	// for tries: at least ten of them at the longest pause.
	keepAliveTries = 10 * backoffMost
	// steadyFor is how long nothing must have happened to the network or the
	// machine for a moment to count as good.
	steadyFor = 5 * time.Minute
	// restlessFor is the same once a good moment was looked for in vain.
	restlessFor = 30 * time.Second
)

// keepAlive says when a pair that nobody uses is renewed.
type keepAlive struct {
	From time.Time // from then on at a good moment
	By   time.Time // from then on at any moment but just after a start or a wake-up
	Last time.Time // from then on at once
}

// keepAliveOf reads from a refresh token when it is renewed for its own sake.
// usable is when the access token ends; skew is the server's clock minus ours.
func keepAliveOf(refresh absapi.Token, usable time.Time, skew time.Duration) keepAlive {
	if refresh.ExpiresAt.IsZero() {
		never := usable.Add(endlessLife)
		return keepAlive{From: never, By: never, Last: never}
	}
	if !credibleIssue(refresh) {
		return keepAlive{From: usable, By: usable, Last: usable}
	}
	issued, end := refresh.IssuedAt.Add(-skew), refresh.ExpiresAt.Add(-skew)
	after := func(share float64) time.Time { return issued.Add(time.Duration(float64(end.Sub(issued)) * share)) }
	// Of a token that lives for minutes, a fifth of its life is left for tries.
	last := later(end.Add(-keepAliveTries), after(keepAliveShare))
	last = earlier(last, after(refreshSpent))
	return keepAlive{From: earlier(after(keepAliveShare), last), By: earlier(after(keepAliveBy), last), Last: last}
}

// keepAliveDue returns when the pair is renewed so that its refresh token does
// not end. From then on each wake-up and each change of the network postpones it
// a little.
func (s *State) keepAliveDue() time.Time {
	k := s.Clocks.KeepAlive
	due := earlier(s.goodMoment(k.From, k.By), k.Last)
	return later(due, s.Published.AnsweredAt.Add(shortLife)) // whatever the token says, never without a pause
}

// goodMoment returns when something is done that is due from a certain moment on,
// and that hurries from another moment on.
func (s *State) goodMoment(from, by time.Time) time.Time {
	return earlier(later(from, s.DisturbedAt.Add(steadyFor)), later(by, s.DisturbedAt.Add(restlessFor)))
}

// RenewedOnUse reports whether the pair is renewed when the next token is
// needed, and not ahead of that.
func (s *State) RenewedOnUse() bool { return s.Idle || s.Clocks.OnDemand }

// maySleep reports whether nothing but its age speaks for renewing the pair.
func (s *State) maySleep() bool {
	return s.Published.Generation > 0 && s.Phase != Static && !s.Lost && s.Record.Intent == nil && s.Received.Record == nil &&
		s.Suspicion.InvalidAnswers == 0 && !s.tokenSuspected() && !s.Attempt.ByUser && !s.needsToken()
}

// needsToken reports whether somebody wants something that an attempt brings.
func (s *State) needsToken() bool {
	return s.Wishes.Renew || !s.Wishes.NeededAt.IsZero() || s.Change.Wanted != nil
}

// forgetNeed ends the need of a caller who has surely gone.
func (m *machine) forgetNeed() {
	if !m.Wishes.NeededAt.IsZero() && (reached(m.now, m.Wishes.NeededAt.Add(servedFor)) || m.now.Before(m.Wishes.NeededAt)) {
		m.Wishes.NeededAt = time.Time{}
	}
}

// fallIdle leaves the pair alone until somebody needs a token, where nobody is
// served and nothing else speaks for renewing it. It reports whether it does.
func (m *machine) fallIdle() bool {
	m.forgetNeed()
	if !(m.unserved || m.Clocks.OnDemand) || !m.maySleep() || reached(m.now, m.keepAliveDue()) || m.spareDue() {
		return false
	}
	m.Idle = true
	return true
}
