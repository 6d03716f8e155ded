package upstream

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"shelfkeeper/daemon/redact"
)

// forbidden lists the headers that a policy must not set, with the reason.
var forbidden = map[string]string{
	"Authorization":       "Audiobookshelf's own token travels in it; most gateways accept another header",
	"Proxy-Authorization": "put the user name and password into the proxy's address",
	"Host":                "it follows from the server's address",
	"Content-Length":      "it follows from each request",
	"Content-Type":        "it follows from each request",
	"Content-Encoding":    "it follows from each request",
	"Transfer-Encoding":   "it follows from each request",
	"Connection":          "it belongs to each connection",
	"Keep-Alive":          "it belongs to each connection",
	"Proxy-Connection":    "it belongs to each connection",
	"Upgrade":             "it belongs to each connection",
	"Te":                  "it belongs to each connection",
	"Trailer":             "it belongs to each connection",
	"Expect":              "it belongs to each request",
	"Accept-Encoding":     "bytes pass through unchanged and must not be compressed",
	"Range":               "players ask for ranges themselves",
	"If-Range":            "players ask for ranges themselves",
	"If-Match":            "players ask for versions themselves",
	"If-None-Match":       "players ask for versions themselves",
	"If-Modified-Since":   "players ask for versions themselves",
	"If-Unmodified-Since": "players ask for versions themselves",
	"X-Refresh-Token":     "the session's token travels in it",
	"X-Return-Tokens":     "signing in sets it",
	"Idempotency-Key":     "it would allow a request to be sent twice",
	"X-Idempotency-Key":   "it would allow a request to be sent twice",
}

// absCookies are the cookies of Audiobookshelf's own sign-in. On /logout a
// refresh_token cookie overrides the header (abs: server/Auth.js).
var absCookies = []string{"refresh_token", "connect.sid", "auth_method", "openid_id_token"}

// policyHeader returns the policy's headers in their canonical form.
func policyHeader(headers map[string]redact.Secret) (http.Header, error) {
	out := http.Header{}
	for name, value := range headers {
		canonical := http.CanonicalHeaderKey(strings.TrimSpace(name))
		if err := checkHeader(canonical, value.Reveal()); err != nil {
			return nil, err
		}
		if _, twice := out[canonical]; twice {
			return nil, fmt.Errorf("%w: header %s is set twice", ErrPolicy, canonical)
		}
		out.Set(canonical, value.Reveal())
	}
	return out, nil
}

func policyUserAgent(s string) (string, error) {
	if s == "" {
		return DefaultUserAgent, nil
	}
	if !isFieldValue(s) {
		return "", fmt.Errorf("%w: the user agent holds characters that a header cannot carry", ErrPolicy)
	}
	return s, nil
}

// checkHeader names the header in its errors and never the value.
func checkHeader(name, value string) error {
	why, isForbidden := forbidden[name]
	switch {
	case !isToken(name):
		return fmt.Errorf("%w: %q is not a header name", ErrPolicy, name)
	case isForbidden:
		return fmt.Errorf("%w: header %s cannot be set: %s", ErrPolicy, name, why)
	case strings.HasPrefix(name, "Sec-Websocket-"):
		return fmt.Errorf("%w: header %s cannot be set: it belongs to each connection", ErrPolicy, name)
	case value == "":
		return fmt.Errorf("%w: header %s has no value", ErrPolicy, name)
	case !isFieldValue(value):
		return fmt.Errorf("%w: the value of header %s holds characters that a header cannot carry, such as a line break", ErrPolicy, name)
	case name == "Cookie":
		for _, c := range strings.Split(value, ";") {
			key, _, _ := strings.Cut(strings.TrimSpace(c), "=")
			if slices.Contains(absCookies, strings.ToLower(key)) {
				return fmt.Errorf("%w: cookie %s cannot be set: Audiobookshelf's own sign-in uses it", ErrPolicy, key)
			}
		}
	}
	return nil
}

// isToken reports whether s is a header name (RFC 9110, 5.1).
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s can stand in a header unchanged (RFC 9110, 5.5).
func isFieldValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return strings.TrimSpace(s) == s
}
