package absapi

import (
	"encoding/json"
	"net/http"
	"slices"

	"shelfkeeper/daemon/redact"
)

// Answer is a successful login or refresh.
type Answer struct {
	Pair TokenPair
	// Legacy is the user's never-expiring token that ABS still sends along; it
	// is as powerful as the password. Empty if none came.
	Legacy           redact.Secret
	UserID, Username string
	// LibraryID is the user's first library, "" if the answer named none. It
	// was drawn at random, so that two addresses that name the same are one
	// server.
	LibraryID string
	// Admin: the user administers the server, as far as the answer says.
	Admin bool
	// ServerVersion is empty if the answer named none.
	ServerVersion string
	// ByCookie: the refresh token came in a cookie. So the server answers where a
	// gateway takes the header out of the request that asks for it in the body.
	ByCookie bool
	// CookiePasses: a refresh token came in a cookie, whether or not it was in the
	// body too. No gateway takes it out of answers.
	CookiePasses bool
	Meta
}

// Status is what a server says of itself before any sign-in.
type Status struct {
	Version     string
	Initialised bool // false: its first user was never made
	// AuthMethods holds "local" and "openid" as the server offers them.
	AuthMethods []string
	Meta
}

// Me is the user behind a bearer.
type Me struct {
	UserID, Username, Type string
	Meta
}

// refusesPassword says why no password should be sent there, or Accepted.
func (s Status) refusesPassword() (Verdict, string) {
	switch {
	case !s.Initialised:
		return NotInitialised, "the server has no users yet: open it in a browser and create its root user"
	case len(s.AuthMethods) > 0 && !slices.Contains(s.AuthMethods, "local"):
		return PasswordLoginOff, "the server has password login switched off"
	}
	return Accepted, ""
}

func decodeStatus(body []byte) (Status, bool) {
	var s struct {
		App           string   `json:"app"`
		ServerVersion string   `json:"serverVersion"`
		IsInit        *bool    `json:"isInit"`
		AuthMethods   []string `json:"authMethods"`
	}
	if json.Unmarshal(body, &s) != nil || s.App != "audiobookshelf" {
		return Status{}, false
	}
	// A server that does not say so is not taken for an empty one.
	return Status{Version: s.ServerVersion, Initialised: s.IsInit == nil || *s.IsInit, AuthMethods: s.AuthMethods}, true
}

func decodeMe(body []byte) (Me, bool) {
	var m struct{ ID, Username, Type string }
	if json.Unmarshal(body, &m) != nil || m.ID == "" || m.Username == "" {
		return Me{}, false
	}
	return Me{UserID: m.ID, Username: m.Username, Type: m.Type}, true
}

// decodeAnswer reads a success of o, which begins or renews a session.
func decodeAnswer(o op, a reply) (Answer, Verdict, string) {
	if o == opLoginLegacy || o == opRedeemLegacy {
		return decodeLegacy(a.body)
	}
	return decodeSession(a.body, refreshCookie(a.header))
}

// decodeLegacy reads what a server older than 2.26 answers to a sign-in.
func decodeLegacy(body []byte) (Answer, Verdict, string) {
	var s struct {
		User struct {
			ID       string `json:"id"`
			Username string `json:"username"`
			Token    string `json:"token"`
		} `json:"user"`
		ServerSettings struct {
			Version string `json:"version"`
		} `json:"serverSettings"`
	}
	if json.Unmarshal(body, &s) != nil || s.User.ID == "" {
		return Answer{}, Temporary, "answered 200 without a user"
	}
	token, err := ParseToken(redact.New(s.User.Token))
	if err != nil || token.Type != "" || token.UserID != s.User.ID {
		return Answer{}, Temporary, "answered 200 without a token of this user"
	}
	return Answer{Legacy: token.Secret, UserID: s.User.ID, Username: s.User.Username, ServerVersion: s.ServerSettings.Version}, Accepted, ""
}

// refreshCookie returns the refresh token that came in a cookie, "" for none. The
// server sets it where X-Return-Tokens did not reach it, and with every renewal
// (abs: server/Auth.js, server/auth/TokenManager.js, the same from 2.26.3 to 2.36.0).
func refreshCookie(h http.Header) string {
	for _, cookie := range (&http.Response{Header: h}).Cookies() {
		if cookie.Name == "refresh_token" && cookie.Value != "" {
			return cookie.Value
		}
	}
	return ""
}

// decodeSession reads the body of a login or refresh and says in one line what
// is wrong with it. The refresh token may be in the cookie instead. Nothing of an
// answer that is not wholly right is returned: a half-read pair must never be stored.
func decodeSession(body []byte, cookie string) (Answer, Verdict, string) {
	var s struct {
		User *struct {
			ID           string `json:"id"`
			Type         string `json:"type"`
			Username     string `json:"username"`
			Token        string `json:"token"`
			AccessToken  string `json:"accessToken"`
			RefreshToken string `json:"refreshToken"`
		} `json:"user"`
		Library        any `json:"userDefaultLibraryId"` // null for none; not worth an answer, whatever it is
		ServerSettings struct {
			Version string `json:"version"`
		} `json:"serverSettings"`
	}
	if json.Unmarshal(body, &s) != nil {
		return Answer{}, Temporary, "answered 200 with something that is not Audiobookshelf's JSON"
	}
	if s.User == nil || s.User.ID == "" {
		return Answer{}, Temporary, "answered 200 without a user"
	}
	byCookie := s.User.RefreshToken == "" && cookie != ""
	if byCookie {
		s.User.RefreshToken = cookie
	}
	if s.User.RefreshToken == "" {
		// 2.25 and older know only the legacy token, so an access token is not asked for.
		return Answer{}, MissingRefreshToken,
			"answered 200 without a refresh token: a gateway takes out the x-return-tokens header and the server's cookies, " +
				"or the server is older than 2.26"
	}
	access, err := ParseToken(redact.New(s.User.AccessToken))
	if err != nil || access.Type != "access" {
		return Answer{}, Temporary, "answered 200 with an access token that does not decode"
	}
	refresh, err := ParseToken(redact.New(s.User.RefreshToken))
	if err != nil || refresh.Type != "refresh" {
		return Answer{}, Temporary, "answered 200 with a refresh token that does not decode"
	}
	if access.UserID != s.User.ID || refresh.UserID != s.User.ID {
		return Answer{}, Temporary, "answered 200 with tokens of another user than it names"
	}
	library, _ := s.Library.(string)
	return Answer{
		Pair: TokenPair{Access: access, Refresh: refresh}, Legacy: redact.New(s.User.Token),
		UserID: s.User.ID, Username: s.User.Username, ServerVersion: s.ServerSettings.Version, LibraryID: library,
		ByCookie: byCookie, CookiePasses: cookie != "", Admin: s.User.Type == "root" || s.User.Type == "admin",
	}, Accepted, ""
}
