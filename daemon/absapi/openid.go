package absapi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"shelfkeeper/daemon/redact"
)

// Scheme is the address of Audiobookshelf's own apps. Servers allow it unless
// their admin took it off the list (abs: server/objects/settings/ServerSettings.js,
// authOpenIDMobileRedirectURIs).
const Scheme = "audiobookshelf://oauth"

// mobileRedirect is where the provider sends the browser: ABS then hands the
// code on to the address that the flow began with.
const mobileRedirect = "/auth/openid/mobile-redirect"

// Authorization is one sign-in through the server's OpenID provider, begun and
// not yet ended. It works for one exchange and is good for nothing without the
// code that a person brings back.
type Authorization struct {
	// URL is the provider's page, for the browser. It holds no secret.
	URL string
	// State comes back with the code and tells it from anybody else's.
	State string
	// Redirect is where the browser comes back to.
	Redirect string
	// Callback is the server's own address that the provider must know. It
	// follows from how this request reached the server.
	Callback string

	verifier redact.Secret
	cookies  http.CookieJar // connect.sid and auth_method; for this flow only
	legacy   bool
}

// Unsaved reports that the server's admin never saved the setting of the
// sub-folder, so that the provider is told an address with "undefined" in it,
// which it does not know (measured on 2.26.3 to 2.36.0).
func (a *Authorization) Unsaved() bool { return strings.Contains(a.Callback, "/undefined/") }

// Authorize begins a sign-in of ABS's flow for apps, with PKCE (S256): the
// browser is to come back to redirect. version is the server's. ABS's refusals
// are RedirectRefused and OpenIDOff.
//
// It counts in the server's limiter.
func (c *Client) Authorize(ctx context.Context, version, redirect string) (*Authorization, Meta, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, Meta{}, err
	}
	flow := &Authorization{
		State: rand.Text(), Redirect: redirect, verifier: redact.New(rand.Text() + rand.Text()),
		cookies: jar, legacy: !SupportsRefresh(version),
	}
	challenge := sha256.Sum256([]byte(flow.verifier.Reveal()))
	query := url.Values{
		"response_type": {"code"}, "client_id": {"Audiobookshelf-App"}, "redirect_uri": {redirect}, "state": {flow.State},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	a := c.exchange(ctx, call{op: opAuthorize, method: http.MethodGet, path: "auth/openid", query: query})
	v, evidence := classify(opAuthorize, a)
	if v == Accepted {
		// Only now can it be told whether the redirect is ABS's: it must carry
		// what we sent, where a gateway's own sign-in page has its own.
		if flow.URL, flow.Callback = provider(a, query); flow.URL == "" {
			v, evidence = Temporary, foreign(a)
		}
	}
	if v != Accepted {
		return nil, a.meta(), a.failure(opAuthorize, v, evidence)
	}
	jar.SetCookies(c.root(), (&http.Response{Header: a.header}).Cookies())
	return flow, a.meta(), nil
}

// root is what ABS's cookies belong to: their path is always "/".
func (c *Client) root() *url.URL {
	return &url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: "/"}
}

// provider returns where ABS sends the browser, and the address it lets the
// provider send it back to; "" if the redirect is not ABS's.
func provider(a reply, sent url.Values) (target, callback string) {
	location := a.header.Get("Location")
	u, err := url.Parse(location)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", ""
	}
	if strings.ContainsFunc(location, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", "" // it is shown at a terminal, which some signs steer
	}
	q := u.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || !strings.HasSuffix(back.Path, mobileRedirect) {
		return "", ""
	}
	for _, name := range []string{"state", "code_challenge"} {
		if q.Get(name) != sent.Get(name) {
			return "", ""
		}
	}
	return u.String(), back.String()
}

// Redeem trades the code that came back for a session. The code is spent as
// soon as the server has read the request; only Error.Unwritten says that it
// surely is not. ABS's refusals are FlowLost and OpenIDRefused. On a server
// older than 2.26 the Answer has the legacy token and no pair.
//
// It counts in the server's limiter.
func (c *Client) Redeem(ctx context.Context, flow *Authorization, code redact.Secret) (Answer, error) {
	q := call{op: opRedeem, method: http.MethodGet, path: "auth/openid/callback", header: http.Header{}}
	if flow.legacy {
		q.op = opRedeemLegacy
	}
	q.query = url.Values{"state": {flow.State}, "code": {code.Reveal()}, "code_verifier": {flow.verifier.Reveal()}}
	var cookies []string
	for _, c := range flow.cookies.Cookies(c.root()) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	if len(cookies) > 0 {
		q.header.Set("Cookie", strings.Join(cookies, "; "))
	}
	a, err := c.ask(ctx, q)
	if err != nil {
		if VerdictOf(err) == HeaderEaten {
			c.endStray(ctx, a)
		}
		return Answer{}, err
	}
	answer, _, _ := decodeAnswer(q.op, a)
	answer.Meta = a.meta()
	return answer, nil
}

// endStray ends the session that ABS begins for a browser when the cookie is
// missing that tells it of an app: nobody would know of it (measured on 2.26.3
// to 2.36.0).
func (c *Client) endStray(ctx context.Context, a reply) {
	for _, cookie := range (&http.Response{Header: a.header}).Cookies() {
		if cookie.Name == "refresh_token" {
			_, _ = c.Logout(ctx, redact.New(cookie.Value)) // it expires by itself otherwise
		}
	}
}

// classifyOpenID judges the failures of a sign-in through OpenID. A
// refusal of the callback is a redirect to the login page of the web client,
// even in the flow for apps, and never prefixed with the base path (measured on
// 2.26.3 to 2.36.0).
func classifyOpenID(o op, a reply) (Verdict, string) {
	text := strings.TrimSpace(string(a.body[:min(len(a.body), maxEvidence)]))
	switch {
	case o == opAuthorize && a.status == http.StatusFound:
		return Accepted, "" // if it is ABS's: see Authorize
	case o == opAuthorize && a.status == http.StatusBadRequest && text == "Invalid redirect_uri":
		return RedirectRefused, "Audiobookshelf does not allow to come back to this address: `Invalid redirect_uri`"
	case o == opAuthorize && a.status == http.StatusInternalServerError && isExpressPage(a, "Internal Server Error"):
		return OpenIDOff, "Audiobookshelf's settings of OpenID are incomplete: it answered 500"
	case o == opAuthorize && a.status == http.StatusBadRequest && !showsGateway(a.header):
		return BadRequest, "Audiobookshelf did not understand the request: " + plain(text, maxEvidence)
	case o == opAuthorize:
		return Temporary, foreign(a)
	case a.status == http.StatusFound:
		if v, why := refusal(a); why != "" {
			return v, why
		}
	case a.status == http.StatusBadRequest && strings.HasPrefix(text, "No session"):
		return FlowLost, "Audiobookshelf has forgotten this sign-in: `No session`"
	case a.status == http.StatusBadRequest && strings.HasPrefix(text, "No callback"):
		return HeaderEaten, "a cookie of the sign-in did not reach Audiobookshelf: `No callback or already expired`"
	}
	return Temporary, foreign(a)
}

// refusal says what ABS's redirect to its login page means; "" if it is none.
func refusal(a reply) (Verdict, string) {
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil || u.Host != "" || !strings.HasSuffix(u.Path, "/login") || u.Query().Get("autoLaunch") == "" {
		return Temporary, ""
	}
	switch text := u.Query().Get("error"); text {
	case "":
		return Temporary, ""
	case "Unauthorized":
		return OpenIDRefused, "Audiobookshelf knows nobody of that name at the provider, or has disabled the account: `Unauthorized`"
	case "Error in callback":
		return OpenIDFailed, "Audiobookshelf could not complete the sign-in with the provider: `Error in callback`"
	default:
		return OpenIDRefused, fmt.Sprintf("Audiobookshelf refused the sign-in: `%s`", plain(text, maxEvidence))
	}
}
