package absapi

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
)

// op is one question to ABS; what counts as an answer depends on it.
type op int

const (
	opPing op = iota
	opStatus
	opLogin
	opRefresh
	opLogout
	opMe
	opLoginLegacy
	opAuthorize
	opRedeem
	opRedeemLegacy
	opPassword
	opSessions
	opEndSession
	opNewKey
	opEndKey
)

// bringsUser reports whether a success holds the whole user.
func (o op) bringsUser() bool { return o == opMe || o == opRefresh || o.beginsSession() }

// beginsSession reports whether a success is a sign-in.
func (o op) beginsSession() bool { return o.isLogin() || o == opRedeem || o == opRedeemLegacy }

func (o op) isLogin() bool { return o == opLogin || o == opLoginLegacy }

// String returns the operation as errors name it.
func (o op) String() string {
	return [...]string{
		"ping server", "ask server status", "sign in", "refresh session", "sign out", "ask for the user",
		"sign in", "begin OpenID sign-in", "sign in through OpenID", "sign in through OpenID",
		"change password", "list sessions", "end another session", "make an API key", "remove an API key",
	}[o]
}

// rejections are the texts of abs: server/auth/TokenManager.js and server/Auth.js,
// the same in every release from 2.26.3 to 2.36.0.
var rejections = map[string]struct {
	verdict  Verdict
	evidence string
}{
	"Invalid refresh token":      {RefreshInvalid, "Audiobookshelf does not know this session: `Invalid refresh token`"},
	"Refresh token expired":      {RefreshExpired, "Audiobookshelf ended the session: `Refresh token expired`"},
	"User not found or inactive": {UserInactive, "Audiobookshelf has disabled the user: `User not found or inactive`"},
	"No refresh token provided":  {HeaderEaten, "the x-refresh-token header did not reach Audiobookshelf: `No refresh token provided`"},
	"Invalid token type":         {HeaderEaten, "another token than ours reached Audiobookshelf as x-refresh-token: `Invalid token type`"},
}

// classify is the whole judgement: a pure function of the question and of what
// came back. An answer that it does not know for certain is Temporary.
func classify(o op, a reply) (Verdict, string) {
	switch {
	case a.status == 0:
		return Temporary, transportEvidence(a.err)
	case a.status == http.StatusTooManyRequests:
		return RateLimited, tooMany(o) + from(a)
	// An answer cut short may be anything, however its first bytes look.
	case a.err != nil:
		return Temporary, fmt.Sprintf("the %d answer broke off: %s", a.status, transportEvidence(a.err))
	case a.tooLarge:
		return Temporary, fmt.Sprintf("the %d answer is too large to be Audiobookshelf's", a.status)
	case a.elsewhere:
		return Temporary, "the answer came from another address, through a redirect"
	case a.status == http.StatusOK && o != opAuthorize:
		return classifyOK(o, a)
	case o == opAuthorize, o == opRedeem, o == opRedeemLegacy:
		return classifyOpenID(o, a)
	}
	switch a.status {
	case http.StatusUnauthorized:
		return classifyUnauthorized(o, a)
	case http.StatusBadRequest:
		return classifyBadRequest(o, a)
	case http.StatusNotFound:
		if (o == opEndSession || o == opEndKey) && isBareText(a, "Not Found") {
			return Accepted, "" // it was gone before
		}
	case http.StatusForbidden:
		if (o == opNewKey || o == opEndKey) && isBareText(a, "Forbidden") {
			return BadRequest, "Audiobookshelf lets only admins make and remove API keys"
		}
	case http.StatusRequestHeaderFieldsTooLarge:
		if len(a.body) == 0 && !showsGateway(a.header) {
			return BadRequest, "the request's headers are too large for the server: 431"
		}
	}
	return Temporary, foreign(a)
}

// tooMany says what a 429 is about: only the routes of sign-ins have a limiter of
// Audiobookshelf's, and any other limit is a gateway's.
func tooMany(o op) string {
	if o.isLogin() || o == opRefresh {
		return "too many sign-in requests"
	}
	return "answered 429 Too Many Requests"
}

// classifyUnauthorized judges a 401. Only ABS's own is a rejection.
func classifyUnauthorized(o op, a reply) (Verdict, string) {
	switch {
	case a.header.Get("Www-Authenticate") != "":
		// ABS never sends it (passport answers bare); every gateway with a password prompt does.
	case o == opRefresh:
		if r, ok := rejections[errorText(a)]; ok {
			return r.verdict, r.evidence
		}
	case !isBareText(a, "Unauthorized"):
	case o.isLogin():
		return PasswordRejected, "Audiobookshelf refused the password, or the account is disabled: it answers both alike"
	case o == opMe, o == opPassword, o == opSessions, o == opEndSession, o == opNewKey, o == opEndKey:
		return TokenRejected, "Audiobookshelf refused the token"
	}
	return Temporary, foreign(a)
}

// classifyBadRequest judges a 400.
func classifyBadRequest(o op, a reply) (Verdict, string) {
	if (o.isLogin() || o == opNewKey) && isBareText(a, "Bad Request") || isExpressPage(a, "Bad Request") {
		return BadRequest, "Audiobookshelf did not understand the request: 400 Bad Request"
	}
	if why, ok := passwordRefusals[string(a.body)]; ok && o == opPassword {
		return BadRequest, why
	}
	return Temporary, foreign(a)
}

func classifyOK(o op, a reply) (Verdict, string) {
	if (o == opPassword || o == opEndSession || o == opEndKey) && isBareText(a, "OK") {
		return Accepted, ""
	}
	if !isJSON(a.header) {
		return Temporary, foreign(a)
	}
	switch o {
	case opPassword:
		_, v, evidence := decodeRenewed(a.body)
		return v, evidence
	case opSessions:
		if _, ok := decodeSessions(a.body); ok {
			return Accepted, ""
		}
	case opNewKey:
		if _, ok := decodeNewKey(a.body); ok {
			return Accepted, ""
		}
	case opPing:
		var p struct{ Success bool }
		if json.Unmarshal(a.body, &p) == nil && p.Success {
			return Accepted, ""
		}
	case opStatus:
		if _, ok := decodeStatus(a.body); ok {
			return Accepted, ""
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(a.body, &object) == nil {
			return NotABS, "another program answers there" + from(a)
		}
	case opLogin, opRefresh, opRedeem, opLoginLegacy, opRedeemLegacy:
		_, v, evidence := decodeAnswer(o, a)
		return v, evidence
	case opLogout:
		var l map[string]json.RawMessage
		if json.Unmarshal(a.body, &l) == nil {
			if _, ok := l["redirect_url"]; ok {
				return Accepted, ""
			}
		}
	case opMe:
		if _, ok := decodeMe(a.body); ok {
			return Accepted, ""
		}
	}
	return Temporary, "answered 200 with JSON that is not Audiobookshelf's" + from(a)
}

// isBareText reports ABS's shape of a refusal: the status text and nothing else.
// ABS sends it without a content type (passport ends the response itself), but
// proxies written in Go (Caddy, Traefik, cloudflared, Tailscale) add the one
// that they sniff, which is text/plain.
func isBareText(a reply, text string) bool {
	if string(a.body) != text {
		return false
	}
	kinds := a.header.Values("Content-Type")
	if len(kinds) == 0 {
		return true
	}
	kind, _, err := mime.ParseMediaType(kinds[0])
	return err == nil && len(kinds) == 1 && kind == "text/plain"
}

// isExpressPage reports the page of Express's final handler, byte for byte.
func isExpressPage(a reply, text string) bool {
	return string(a.body) == "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n"+
		"<body>\n<pre>"+text+"</pre>\n</body>\n</html>\n"
}

// errorText returns the text of a JSON body that is exactly {"error": text}.
// Other programs say more, and some of them have refresh tokens too.
func errorText(a reply) string {
	if !isJSON(a.header) {
		return ""
	}
	var object map[string]json.RawMessage
	var text string
	if json.Unmarshal(a.body, &object) != nil || len(object) != 1 || json.Unmarshal(object["error"], &text) != nil {
		return ""
	}
	return text
}

func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "application/json"
}
