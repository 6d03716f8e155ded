package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
)

// Oddness is what is unusual about the lifetime of a server's access tokens.
type Oddness int

const (
	Ordinary      Oddness = iota
	ShortTokens           // ACCESS_TOKEN_EXPIRY in seconds where hours were meant: ABS reads "12h" as 12
	EndlessTokens         // no exp, or one that no clock reaches
	UndatedTokens         // no iat
	DeadTokens            // exp is in the server's past when the token is made
)

const (
	// shortLife is the life below which renewing ahead of need would use up the
	// budget. Where there is a limiter, such tokens are renewed when somebody needs
	// one.
	shortLife = 90 * time.Second
	// endlessLife stands for the life of a token without an end, and
	// endlessPace is how often it is renewed.
	endlessLife = 365 * 24 * time.Hour
	endlessPace = 12 * time.Hour
)

// setClocks reads from a pair when it is renewed and how long it is used.
func (m *machine) setClocks(pair absapi.TokenPair, received time.Time) {
	c := Clocks{Skew: m.Clocks.Skew}
	if ahead := pair.Access.IssuedAt.Sub(m.now.Round(0)); c.Skew == 0 && credibleIssue(pair.Access) && ahead > skewIgnored {
		c.Skew = ahead // no token was issued in the future
	}
	pair, c.Odd = completed(pair, m.now.Round(0).Add(c.Skew))
	if received.IsZero() && c.Odd == DeadTokens {
		c.Odd = UndatedTokens // it has ended since
	}
	c.Life = pair.Access.ExpiresAt.Sub(pair.Access.IssuedAt)
	c.RotateAt, c.UsableUntil = window(pair, m.now, c.Skew)
	if !received.IsZero() && c.Odd != DeadTokens {
		c.UsableForAtMost = received.Add(c.Life)
		// Whatever clocks say, a pair that has just come is used for a while:
		// renewing it at once would never end.
		c.RotateAt = later(c.RotateAt, received.Round(0).Add(c.Life/4))
		c.UsableUntil = later(c.UsableUntil, received.Round(0).Add(c.Life/2))
	}
	switch c.Odd {
	case EndlessTokens:
		c.RotateAt, c.Life = earlier(c.RotateAt, m.now.Round(0).Add(endlessPace)), 0
	case ShortTokens:
		c.OnDemand = !m.Unlimited
	}
	// A slow disk or a slow server needs a part of the token's life.
	ahead := later(c.UsableUntil.Add(-m.RenewalTook*5/4), pair.Access.IssuedAt.Add(-c.Skew).Add(c.Life/4))
	c.RotateAt = earlier(c.RotateAt, ahead)
	if m.Rules.Collides && c.RotateAt.Before(m.gapEnd()) {
		c.RotateAt = m.gapEnd()
	}
	c.RotateAt, c.UsableUntil = onBothClocks(m.now, c.RotateAt), onBothClocks(m.now, c.UsableUntil)
	if c.AskAheadFrom = c.RotateAt; c.OnDemand {
		c.AskAheadFrom = onBothClocks(m.now, ahead)
	}
	k := keepAliveOf(pair.Refresh, c.UsableUntil, c.Skew)
	c.KeepAlive = keepAlive{From: onBothClocks(m.now, k.From), By: onBothClocks(m.now, k.By), Last: onBothClocks(m.now, k.Last)}
	m.Clocks = c
}

// credibleIssue reports whether a token's iat can be the moment of its issue.
func credibleIssue(t absapi.Token) bool {
	return !t.IssuedAt.IsZero() && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(t.IssuedAt))
}

// completed returns pair with an access token whose times can be reckoned with,
// and what was unusual about it. server is the server's time.
func completed(pair absapi.TokenPair, server time.Time) (absapi.TokenPair, Oddness) {
	t := &pair.Access
	odd := Ordinary
	if !credibleIssue(*t) {
		t.IssuedAt, odd = server, UndatedTokens
	}
	switch {
	case t.ExpiresAt.IsZero():
		t.ExpiresAt, odd = t.IssuedAt.Add(endlessLife), EndlessTokens
	case !t.ExpiresAt.After(t.IssuedAt):
		odd = DeadTokens
	case odd == Ordinary && t.ExpiresAt.Sub(t.IssuedAt) < shortLife:
		odd = ShortTokens
	}
	return pair, odd
}

// learnIssue keeps the difference between the server's clock and ours. The
// token's own time is the server's; a Date may be a gateway's.
func (m *machine) learnIssue(t absapi.Token) {
	if credibleIssue(t) {
		m.setSkew(t.IssuedAt)
	}
}

// window returns when a pair received or loaded at now is due, and until when
// its access token may be used, both on the local clock. skew is the server's
// clock minus ours.
func window(pair absapi.TokenPair, now time.Time, skew time.Duration) (rotateAt, usable time.Time) {
	issued, expires := pair.Access.IssuedAt.Add(-skew), pair.Access.ExpiresAt.Add(-skew)
	life := expires.Sub(issued)
	if life <= 0 {
		return now, now
	}
	rotateAt = later(issued.Add(time.Duration(float64(life)*rotateAfter)), expires.Add(-aheadMost))
	usable = expires.Add(-min(time.Duration(float64(life)*marginShare), marginMost))
	// A refresh token that ends before the access token would be due sets the
	// pace (REFRESH_TOKEN_EXPIRY may be set to anything).
	if end := pair.Refresh.ExpiresAt.Add(-skew); !pair.Refresh.ExpiresAt.IsZero() {
		if due := issued.Add(time.Duration(float64(end.Sub(issued)) * refreshSpent)); due.Before(rotateAt) {
			rotateAt = due
		}
	}
	return rotateAt, usable
}
