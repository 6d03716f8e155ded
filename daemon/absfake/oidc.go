package absfake

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Signing in through an OpenID provider: the way there and back.
// abs: server/auth/OidcAuthStrategy.js, server/Auth.js

// oidcFlow is what a session remembers between the start and the callback.
type oidcFlow struct {
	state    string
	verifier string
	redirect string // as the provider was told
}

const (
	tenYears   = 10 * 365 * 24 * time.Hour
	twoMinutes = 2 * time.Minute
)

// cookieFor is a cookie with an age, as Express writes it.
func cookieFor(name, value string, age time.Duration, rest string) string {
	return fmt.Sprintf("%s=%s; Max-Age=%d; Path=/; Expires=%s; HttpOnly%s",
		name, strings.ReplaceAll(url.QueryEscape(value), "+", "%20"), int64(age/time.Second),
		time.Now().Add(age).UTC().Format(http.TimeFormat), rest)
}

// origin is how the client sees the server.
func (q *request) origin() string {
	if q.secure() {
		return "https://" + q.Host
	}
	return "http://" + q.Host
}

func randomText() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// getOpenID sends the client to the provider. A request with any of the mobile
// parameters is one of an app, which brings its own PKCE challenge.
func (s *Server) getOpenID(w http.ResponseWriter, q *request) {
	query := q.URL.Query()
	s.mu.Lock()
	configured := s.auth.openID()
	whitelist, _ := s.auth.get("authOpenIDMobileRedirectURIs").([]string)
	subfolder := "undefined" // what JavaScript makes of a setting that was never set
	if text, ok := s.auth.subfolder.(string); ok {
		subfolder = text
	}
	target, client := s.auth.text("authOpenIDAuthorizationURL"), s.auth.text("authOpenIDClientID")
	s.mu.Unlock()
	if !configured {
		page(w, q.Request, http.StatusInternalServerError, "")
		return
	}
	mobile := query.Get("response_type") == "code" || query.Get("redirect_uri") != "" || query.Get("code_challenge") != ""
	flow := &oidcFlow{state: query.Get("state")}
	if !mobile || flow.state == "" {
		flow.state = randomText()
	}
	challenge := query.Get("code_challenge")
	wrong := ""
	switch to := query.Get("redirect_uri"); {
	case query.Get("response_type") != "" && query.Get("response_type") != "code":
		wrong = "Invalid response_type, only code supported"
	case mobile && (to == "" || !allowed(whitelist, to)):
		wrong = "Invalid redirect_uri"
	case !mobile && query.Get("state") != "":
		wrong = "Invalid state, not allowed on web flow"
	case mobile && challenge == "":
		wrong = "code_challenge required for mobile flow (PKCE)"
	case mobile && query.Get("code_challenge_method") != "" && query.Get("code_challenge_method") != "S256":
		wrong = "Only S256 code_challenge_method method supported"
	}
	if wrong != "" {
		sendText(w, q.Request, http.StatusBadRequest, wrong)
		return
	}
	back := "/auth/openid/callback"
	if mobile {
		back = "/auth/openid/mobile-redirect"
		s.mu.Lock()
		s.mobileRedirects[flow.state] = query.Get("redirect_uri")
		s.mu.Unlock()
	} else {
		flow.verifier = randomText()
		sum := sha256.Sum256([]byte(flow.verifier))
		challenge = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	flow.redirect = q.origin() + "/" + strings.TrimPrefix(subfolder+back, "/")

	session := q.expressSession()
	if !mobile && !s.webCallback(w, q) {
		return
	}
	method := "openid"
	if mobile {
		method = "openid-mobile"
	}
	addCookie(w, cookieFor("auth_method", method, tenYears, ""))
	if session == nil {
		session = s.setExpressSession(w)
	}
	s.mu.Lock()
	session.flow = flow
	s.mu.Unlock()
	redirect(w, q.Request, target+"?"+params(
		"client_id", client, "scope", "openid profile email", "response_type", "code", "redirect_uri", flow.redirect,
		"state", flow.state, "code_challenge", challenge, "code_challenge_method", "S256"))
}

// params is a query in the given order.
func params(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i]+"="+strings.ReplaceAll(url.QueryEscape(pairs[i+1]), "+", "%20"))
	}
	return strings.Join(out, "&")
}

// allowed is the whitelist: equal texts, or the star alone.
func allowed(whitelist []string, uri string) bool {
	return slices.Contains(whitelist, uri) || slices.Equal(whitelist, []string{"*"})
}

// webCallback keeps where a browser is to end up, or refuses it.
func (s *Server) webCallback(w http.ResponseWriter, q *request) bool {
	to := q.URL.Query().Get("callback")
	refuse := func(message string) bool {
		s.setExpressSession(w)
		sendJSON(w, q.Request, http.StatusBadRequest, object{{"message", message}})
		return false
	}
	if to == "" {
		return refuse("No callback parameter")
	}
	if !s.facts.anyCallback && !s.sameOrigin(q, to) {
		return refuse("Invalid callback URL - must be same-origin")
	}
	addCookie(w, cookieFor("auth_cb", to, twoMinutes, ""))
	return true
}

func (s *Server) sameOrigin(q *request, to string) bool {
	if strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) {
		return false
	}
	if strings.HasPrefix(to, "/") {
		to = q.origin() + to
	}
	u, err := url.Parse(to)
	return err == nil && u.Scheme+"://"+u.Host == q.origin() && strings.HasPrefix(u.Path, s.cfg.BasePath+"/") &&
		!strings.HasPrefix(u.Path, "//")
}

// getMobileRedirect hands the provider's answer on to the app. A state works
// once, and until then without an end.
func (s *Server) getMobileRedirect(w http.ResponseWriter, q *request) {
	query := q.URL.Query()
	state := query.Get("state")
	s.mu.Lock()
	to, known := s.mobileRedirects[state]
	delete(s.mobileRedirects, state)
	s.mu.Unlock()
	if !known {
		sendText(w, q.Request, http.StatusBadRequest, "State parameter mismatch")
		return
	}
	code := "undefined" // what JavaScript writes of a code that did not come: the provider's error is not handed on
	if query.Has("code") {
		code = query.Get("code")
	}
	redirect(w, q.Request, to+"?"+params("code", code, "state", state))
}

// endSessionURL is where a logout leads on to at the provider, nil: nowhere.
func (s *Server) endSessionURL(q *request, method string) any {
	s.mu.Lock()
	end, client := s.auth.text("authOpenIDLogoutURL"), s.auth.text("authOpenIDClientID")
	s.mu.Unlock()
	if end == "" {
		return nil
	}
	pairs := []string{"client_id", client}
	if hint := q.cookie("openid_id_token"); hint != "" {
		pairs = append(pairs, "id_token_hint", hint)
	}
	if method == "openid" {
		pairs = append(pairs, "post_logout_redirect_uri", q.origin()+s.cfg.BasePath+"/login")
	}
	return end + "?" + params(pairs...)
}
