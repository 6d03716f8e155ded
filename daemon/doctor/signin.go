package doctor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/upstream"
)

// api asks for what players ask for, without a token: Audiobookshelf refuses it
// in its own words.
func (r *run) api(ctx context.Context) Finding {
	if err := r.client().Passes(ctx); err != nil {
		return r.refused(err)
	}
	return ok("requests of players reach Audiobookshelf")
}

// mostSpent is how many requests of the sign-in limit an examination makes at most.
const mostSpent = 2

// spend asks leave for one request of the server's sign-in limit. A finding with a
// verdict says why there is none.
func (r *run) spend() Finding {
	if r.spent >= mostSpent {
		return unknown("not asked: %d requests of the sign-in limit are enough", mostSpent)
	}
	if r.Spend != nil {
		switch wait, err := r.Spend(); {
		case err != nil:
			return unknown("not asked, since the request could not be counted: %v", err)
		case wait > 0:
			return unknown("not asked: our share of the server's sign-in limit is used up for %s", wait.Round(time.Second))
		}
	}
	r.spent++
	return Finding{}
}

// limited makes a request of the sign-in limit, and keeps what its answer says of the
// limiter. Of two requests the second says from which address it comes, as a gateway
// should: see limiterShared.
func (r *run) limited(ctx context.Context, method, path string, header http.Header) (*answer, error) {
	if header == nil {
		header = http.Header{}
	}
	second := r.limit.Present
	if second && r.local.IsValid() {
		header.Set("X-Forwarded-For", r.local.String())
	}
	a, err := r.send(ctx, method, path, header)
	if err != nil {
		return nil, err
	}
	gateway := a.TLS != nil || a.Header.Get("Server") != "" || a.Header.Get("Via") != ""
	limit := absapi.LimitOf(a.Header)
	switch {
	case limit.Present && second:
		r.as = &limit
	case limit.Present:
		r.limit, r.limitAt, r.direct = limit, a.At, !gateway
	case !gateway && a.Origin == absapi.Own:
		r.direct = true
	}
	return a, nil
}

// refreshHeader sends a refresh token that is none. The server says whether it
// saw one: "Invalid refresh token", or "No refresh token provided"
// (Audiobookshelf, server/auth/TokenManager.js and server/Auth.js).
func (r *run) refreshHeader(ctx context.Context) Finding {
	if !absapi.SupportsRefresh(r.status.Version) {
		return ok("release %s has no refresh tokens", r.status.Version)
	}
	if f := r.spend(); f.Verdict != "" {
		return f
	}
	a, err := r.limited(ctx, http.MethodPost, "auth/refresh", http.Header{"X-Refresh-Token": {absapi.NoToken}})
	if err != nil {
		return r.obstacle(err)
	}
	switch {
	case a.Status == http.StatusTooManyRequests && (a.Origin == absapi.Own || r.limit.Present):
		return unknown("the server's limit of sign-ins is used up; try again in ten minutes")
	case bytes.Contains(a.Body, []byte("Invalid refresh token")):
		return ok("x-refresh-token and its answer pass")
	case bytes.Contains(a.Body, []byte("No refresh token")):
		return r.refreshCookie(ctx)
	case a.Origin != absapi.Own:
		return fault(r.named(a.Stands.Remedy), "the renewal's address /auth/refresh does not reach Audiobookshelf: %s", a.Stands.Evidence)
	}
	return unknown("the server answered %d in words that are not known", a.Status)
}

// refreshCookie looks whether the server's own cookie passes where the header does not:
// this program then sends the token in both.
func (r *run) refreshCookie(ctx context.Context) Finding {
	const said = "the server does not see the header x-refresh-token"
	remedy := health.PassHeader("x-refresh-token")
	if f := r.spend(); f.Verdict != "" {
		return fault(remedy, said)
	}
	a, err := r.limited(ctx, http.MethodPost, "auth/refresh", http.Header{"X-Refresh-Token": {absapi.NoToken},
		"Cookie": {"refresh_token=" + absapi.NoToken}})
	if err == nil && bytes.Contains(a.Body, []byte("Invalid refresh token")) {
		return fault(remedy, said+"; its cookie passes, and Shelfkeeper uses that, while other programs lose their sessions")
	}
	return fault(remedy, said+", nor its cookie: no session can be renewed")
}

func (r *run) offers(method string) bool { return slices.Contains(r.status.AuthMethods, method) }

func (r *run) signIn(context.Context) Finding {
	local, open := r.offers("local"), r.offers("openid")
	switch {
	case local && open:
		return note("if everybody has signed in through OpenID once, switch the password login off (Settings, Authentication); "+
			"keep one admin who can sign in",
			"by OpenID, and by password beside it: who guesses a password needs no provider")
	case open:
		return ok("by OpenID alone")
	case local:
		return ok("by password")
	}
	return unknown("the server names no way to sign in")
}

// openid begins a sign-in through OpenID as a browser does, and looks where it leads.
// It ends there: the server keeps the state of it in memory until its next start.
func (r *run) openid(ctx context.Context) Finding {
	if !r.offers("openid") {
		return Finding{}
	}
	if f := r.spend(); f.Verdict != "" {
		return f
	}
	challenge := sha256.Sum256([]byte(time.Now().String()))
	query := url.Values{"response_type": {"code"}, "redirect_uri": {"audiobookshelf://oauth"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "state": {"shelfkeeper-doctor"}}
	a, err := r.limited(ctx, http.MethodGet, "auth/openid?"+query.Encode(), nil)
	if err != nil {
		return r.obstacle(err)
	}
	to := redirectsTo(r.base, a.Status, a.Header)
	switch {
	case a.Status == http.StatusTooManyRequests:
		return unknown("the server's limit of sign-ins is used up; try again in ten minutes")
	case a.Status == http.StatusBadRequest:
		return note("add audiobookshelf://oauth to the redirect addresses of mobile apps (Settings, Authentication)",
			"OpenID is offered, and programs cannot use it: the server refuses the address audiobookshelf://oauth")
	case to == nil:
		return fault("look at the server's log: its settings of OpenID do not work",
			"OpenID is offered, and its start is answered with %d", a.Status)
	}
	r.openID = to.Query().Get("redirect_uri")
	if back, err := url.Parse(r.openID); err == nil && strings.Contains(back.Path, "/undefined/") {
		return note("save Settings, Authentication once: the sub-folder of redirect addresses was never set",
			"OpenID leads to %s, and its way back holds the folder /undefined/, which the provider may refuse", to.Host)
	}
	if r.viaProxy() {
		return ok("OpenID leads to %s", to.Host)
	}
	dial, cancel := context.WithTimeout(ctx, dialDeadline)
	defer cancel()
	conn, err := r.Dial(dial, "tcp", net.JoinHostPort(to.Hostname(), portOf(to)))
	if err != nil {
		return fault("give the provider an address that is reachable from outside the server's network, "+
			"and enter it in Settings, Authentication",
			"OpenID leads to %s, which does not answer here", to.Host)
	}
	_ = conn.Close() // nothing was sent
	return ok("OpenID leads to %s, which answers here", to.Host)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

// private reports whether the server is reached within a network of its own.
func (r *run) private(ctx context.Context) (is, known bool) {
	plain := *r.base
	plain.Scheme = "http"
	if host := plain.Hostname(); host != "localhost" && net.ParseIP(host) == nil {
		if found, err := r.Resolver.LookupNetIP(ctx, "ip", host); err != nil || len(found) == 0 {
			return false, false
		}
	}
	is, _ = upstream.PlainHTTPAllowed(ctx, r.Resolver, &plain)
	return is, true
}

// exposure says who can try passwords. Audiobookshelf has no second factor.
func (r *run) exposure(ctx context.Context) Finding {
	if r.Bare != nil {
		resp, err := r.Bare.Transport().RoundTrip(mustGet(ctx, r.Bare.URL("status")))
		if err != nil {
			return ok("the gateway lets nobody in without what it wants")
		}
		if a, err := readAnswer("status", resp, time.Now()); err == nil && isStatus(a.Body) {
			return note("have the gateway ask for it at every path, /login first",
				"the gateway was given a secret, and lets everybody in without it")
		}
		return ok("the gateway lets nobody in without what it wants")
	}
	private, known := r.private(ctx)
	switch {
	case !known:
		return unknown("whether the address is public could not be told")
	case private:
		return ok("the server is in your own network")
	case !r.offers("local") && r.offers("openid"):
		return ok("from the internet, through OpenID alone: the provider may ask for a second factor")
	}
	return note("put a gateway with a sign-in of its own before it (Cloudflare Access, Authelia, a VPN), or use OpenID with a second factor "+
		"and switch the password login off",
		"everybody on the internet can try passwords: Audiobookshelf has no second factor")
}

func mustGet(ctx context.Context, u *url.URL) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		panic(err) // of an address that was parsed before
	}
	return req
}
