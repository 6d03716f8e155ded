package absfake

import (
	"fmt"
	"time"
)

// Release names a version of Audiobookshelf whose behaviour the double shows.
type Release string

// The releases that can be chosen. Each is here because it behaves unlike the
// one before it; a release in between behaves like the one below it.
const (
	R2251 Release = "2.25.1"
	R2263 Release = "2.26.3"
	R2332 Release = "2.33.2"
	R2350 Release = "2.35.0"
	R2351 Release = "2.35.1"
	R2360 Release = "2.36.0"

	// Newest is what a zero Config gets.
	Newest = R2360
)

// facts are what one release does differently from another. Nothing else in
// this package compares version numbers.
type facts struct {
	release Release

	// jwtSessions tells whether there are access and refresh tokens and API keys
	// at all; before, the user's token without an end is the only one.
	jwtSessions bool
	limiter     bool // requests to sign in are counted
	retryAfter  bool // and refused with Retry-After

	accessTTL  time.Duration // server/auth/TokenManager.js, ACCESS_TOKEN_EXPIRY
	refreshTTL time.Duration // server/auth/TokenManager.js, REFRESH_TOKEN_EXPIRY

	// jti tells whether tokens carry a random id. Without one, tokens of one
	// user and kind that are issued within one second are equal strings.
	jti bool

	// grace is how long the previous refresh token is answered with the current
	// one. Zero: there is no such column, and rotations overwrite each other.
	grace      time.Duration
	graceIsEnv bool // REFRESH_TOKEN_GRACE_PERIOD is read; before, the minute is fixed

	refreshAsBearer bool // a refresh token opens the REST API
	sessionsAPI     bool // GET and DELETE /api/me/sessions
	allDevices      bool // POST /logout?allDevices=1
	passwordEnds    bool // a new password ends sessions
	secureInList    bool // X-Forwarded-Proto "http, https" counts as https
	strangerSync    int  // status of a sync of another user's playback session
	adminMaySync    bool // except that an administrator may

	trackOfTranscode int  // status of the public track of a transcode; 0: the process dies
	referrerPolicy   bool // Referrer-Policy: no-referrer on every answer
	nullLoginMessage bool // authFormData.authLoginCustomMessage is null instead of ""
	allowedOrigins   bool // serverSettings.allowedOrigins
	timeZone         bool // serverSettings.timeZone
	emptySDK         bool // a device seen before has an empty sdkVersion
	tokenInPlaylist  bool // the HLS playlist has the user's legacy token in every URL
	anyCallback      bool // OpenID in the browser may lead back to any origin
	podcastRefused   bool // progress of a podcast without an episode is refused; before, the process dies of it
	searchProviders  bool // GET /api/search/providers, and no customMetadataProviders beside a library; in between it is not measured
	newItemShape     bool // expanded items are a superset of minified ones, with numFiles
}

// table is measured on running servers (2.26.3, 2.33.2, 2.35.0, 2.36.0) or read
// from the tags: 2.35.1 is 2.35.0 with a jti, 2.25.1 is 2.26.3 without sessions.
var table = []facts{
	{
		release: R2251, accessTTL: 12 * time.Hour, refreshTTL: 7 * 24 * time.Hour, // of no use: no such tokens
		strangerSync: 404, trackOfTranscode: 0,
		nullLoginMessage: true, tokenInPlaylist: true, anyCallback: true,
	},
	{
		release: R2263, jwtSessions: true, limiter: true, retryAfter: true, tokenInPlaylist: true, anyCallback: true,
		accessTTL: 12 * time.Hour, refreshTTL: 7 * 24 * time.Hour,
		jti: false, grace: 0, graceIsEnv: false,
		refreshAsBearer: true, sessionsAPI: false, allDevices: false, passwordEnds: false, secureInList: false,
		strangerSync: 404, adminMaySync: false, trackOfTranscode: 0,
		referrerPolicy: false, nullLoginMessage: true, allowedOrigins: false, timeZone: false, emptySDK: false, podcastRefused: false,
		newItemShape: false,
	},
	{
		release: R2332, jwtSessions: true, limiter: true, retryAfter: true,
		accessTTL: time.Hour, refreshTTL: 30 * 24 * time.Hour,
		jti: false, grace: 0, graceIsEnv: false,
		refreshAsBearer: true, sessionsAPI: false, allDevices: false, passwordEnds: false, secureInList: false,
		strangerSync: 403, adminMaySync: true, trackOfTranscode: 302,
		referrerPolicy: true, nullLoginMessage: false, allowedOrigins: true, timeZone: false, emptySDK: true, podcastRefused: true,
		newItemShape: false,
	},
	{
		release: R2350, jwtSessions: true, limiter: true, retryAfter: true,
		accessTTL: time.Hour, refreshTTL: 30 * 24 * time.Hour,
		jti: false, grace: time.Minute, graceIsEnv: false,
		refreshAsBearer: true, sessionsAPI: false, allDevices: false, passwordEnds: false, secureInList: false,
		strangerSync: 403, adminMaySync: true, trackOfTranscode: 302,
		referrerPolicy: true, nullLoginMessage: false, allowedOrigins: true, timeZone: false, emptySDK: true, podcastRefused: true,
		newItemShape: false,
	},
	{
		release: R2351, jwtSessions: true, limiter: true, retryAfter: true,
		accessTTL: time.Hour, refreshTTL: 30 * 24 * time.Hour,
		jti: true, grace: time.Minute, graceIsEnv: false,
		refreshAsBearer: true, sessionsAPI: false, allDevices: false, passwordEnds: false, secureInList: false,
		strangerSync: 403, adminMaySync: true, trackOfTranscode: 302,
		referrerPolicy: true, nullLoginMessage: false, allowedOrigins: true, timeZone: false, emptySDK: true, podcastRefused: true,
		newItemShape: false,
	},
	{
		release: R2360, jwtSessions: true, limiter: true, retryAfter: true,
		accessTTL: time.Hour, refreshTTL: 30 * 24 * time.Hour,
		jti: true, grace: 10 * time.Minute, graceIsEnv: true,
		refreshAsBearer: false, sessionsAPI: true, allDevices: true, passwordEnds: true, secureInList: true,
		strangerSync: 403, adminMaySync: true, trackOfTranscode: 302,
		referrerPolicy: true, nullLoginMessage: false, allowedOrigins: true, timeZone: true, emptySDK: true, podcastRefused: true,
		newItemShape: true, searchProviders: true,
	},
}

// RotatingReleases lists the releases whose sessions are refresh tokens that
// rotate, oldest first: all but 2.25.
func RotatingReleases() []Release {
	var out []Release
	for _, r := range Releases() {
		if f, err := factsOf(r); err == nil && f.jwtSessions {
			out = append(out, r)
		}
	}
	return out
}

// Releases lists what Config.Release may be, oldest first.
func Releases() []Release {
	var out []Release
	for _, f := range table {
		out = append(out, f.release)
	}
	return out
}

func factsOf(r Release) (facts, error) {
	if r == "" {
		r = Newest
	}
	for _, f := range table {
		if f.release == r {
			return f, nil
		}
	}
	return facts{}, fmt.Errorf("absfake: unknown release %q, known are %v", string(r), Releases())
}
