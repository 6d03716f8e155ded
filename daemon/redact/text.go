package redact

import (
	"net/url"
	"regexp"
)

// A JWT starts with the base64url form of `{"`; ABS writes its tokens so, and
// so do we. Query values are cut whatever they look like, since a grant is no
// JWT.
var (
	jwtPattern   = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?`)
	queryPattern = regexp.MustCompile(`(?i)((?:access_?|refresh_?)?token|code|code_verifier|password|api_?key)=[^&\s"'<>]+`)
	userPattern  = regexp.MustCompile(`(://)[^/@\s"']+@`)
)

// Text returns s with everything in it that looks like a token, a password in
// an address or a secret query value replaced by Redacted. It is for texts
// written by others; our own messages take a Secret instead.
func Text(s string) string {
	s = jwtPattern.ReplaceAllString(s, Redacted)
	s = queryPattern.ReplaceAllString(s, "${1}="+Redacted)
	return userPattern.ReplaceAllString(s, "${1}"+Redacted+"@")
}

// URL returns u for a log line: without user and password, query and fragment.
func URL(u *url.URL) string {
	if u == nil {
		return ""
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return jwtPattern.ReplaceAllString(shown.String(), Redacted)
}

// Error wraps err so that its text passes through Text; errors.Is and
// errors.As see err as it was. It returns nil for nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	return scrubbed{err}
}

type scrubbed struct{ err error }

func (s scrubbed) Error() string { return Text(s.err.Error()) }
func (s scrubbed) Unwrap() error { return s.err }
