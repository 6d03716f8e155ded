package absapi

import (
	"strconv"
	"strings"
	"time"
)

// release is a server version; pre is a pre-release of it, which comes before.
type release struct {
	major, minor, patch int
	pre                 bool
}

// parseRelease reads "2.36.0", "v2.36.0" and "2.36.0-beta.1+build".
func parseRelease(version string) (release, bool) {
	version, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(version), "v"), "+")
	core, pre, isPre := strings.Cut(version, "-")
	if isPre && pre == "" {
		return release{}, false
	}
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return release{}, false
	}
	var n [3]int
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return release{}, false
		}
		n[i] = int(v)
	}
	return release{n[0], n[1], n[2], isPre}, true
}

// since reports whether r is the given release or a later one.
func (r release) since(major, minor, patch int) bool {
	switch {
	case r.major != major:
		return r.major > major
	case r.minor != minor:
		return r.minor > minor
	case r.patch != patch:
		return r.patch > patch
	}
	return !r.pre
}

// SameOrLater reports whether version is known or a later release. Without a
// known one every version is.
func SameOrLater(version, known string) bool {
	if version == known || known == "" {
		return true
	}
	r, ok := parseRelease(version)
	k, readable := parseRelease(known)
	return ok && (!readable || r.since(k.major, k.minor, k.patch))
}

// Grace is how long after a rotation the server still answers the previous
// refresh token with the current one, so that a lost answer can be fetched
// again: none before 2.35.0, 60 s fixed in 2.35, 600 s from 2.36.0 on (abs:
// server/auth/TokenManager.js).
//
// From 2.36.0 on REFRESH_TOKEN_GRACE_PERIOD may have set another value, which
// the server does not tell. A version that cannot be read has no grace.
func Grace(version string) time.Duration {
	r, ok := parseRelease(version)
	switch {
	case !ok || !r.since(2, 35, 0):
		return 0
	case !r.since(2, 36, 0):
		return 60 * time.Second
	}
	return 600 * time.Second
}

// CollidesInSecond reports whether two sessions or rotations of one user
// within the same second get identical tokens: true up to 2.35.0, whose tokens
// have no jti, and for a version that cannot be read.
func CollidesInSecond(version string) bool {
	r, ok := parseRelease(version)
	return !ok || !r.since(2, 35, 1)
}

// CollisionGap keeps two sign-ins or rotations of one user out of one second,
// where CollidesInSecond holds.
const CollisionGap = 1100 * time.Millisecond

// SupportsRefresh reports whether the release has refresh tokens at all: from
// 2.26.0 on. A version that cannot be read may have them.
func SupportsRefresh(version string) bool {
	r, ok := parseRelease(version)
	return !ok || r.since(2, 26, 0)
}

// SupportsSessions reports whether /api/me/sessions and /logout?allDevices=1
// exist: from 2.36.0 on.
func SupportsSessions(version string) bool {
	r, ok := parseRelease(version)
	return ok && r.since(2, 36, 0)
}

// PasswordChangeEndsSessions reports whether a new password ends the user's
// sessions: from 2.36.0 on, and for a version that cannot be read.
func PasswordChangeEndsSessions(version string) bool {
	r, ok := parseRelease(version)
	return !ok || r.since(2, 36, 0)
}
