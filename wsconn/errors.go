package wsconn

import (
	"errors"
	"strings"
	"time"
	"unicode"

	"shelfkeeper/daemon/redact"
)

// NoSocket explains why an account with an API key has no live socket: every
// release of ABS answers auth_failed to such a key, since it names no user.
const NoSocket = "Audiobookshelf gives API keys no live socket"

// ErrClosed is the error of a connection that we ended ourselves.
var ErrClosed = errors.New("the live socket was closed by us")

// TemporaryError is a failed or lost connection that says nothing about the
// token.
type TemporaryError struct {
	Evidence string // one short line for a person, free of secrets
	// RetryAfter is how long the server or gateway asked us to wait, or 0.
	RetryAfter time.Duration
	// Away is set when nothing answered, or when a gateway said that the server
	// is down. Frequent attempts disturb nobody then.
	Away bool
	Err  error // the transport's error, may be nil
}

// Error returns the evidence.
func (w *TemporaryError) Error() string { return w.Evidence }

// Unwrap returns the transport's error.
func (w *TemporaryError) Unwrap() error { return w.Err }

// Refused is the server's auth_failed.
type Refused struct {
	Message string // the server's text in one line: "Invalid token", "Invalid user"
}

// Error returns a line with the server's text.
func (r *Refused) Error() string {
	if r.Message == "" {
		return "the server refused the token on the live socket"
	}
	return "the server refused the token on the live socket: " + r.Message
}

// maxQuote bounds how many characters of foreign text go into a message.
const maxQuote = 80

// quote shortens foreign text to a part of one line and removes tokens.
func quote(s string) string {
	s = s[:min(len(s), 4*maxQuote)]
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	s = redact.Text(strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > maxQuote {
		s = string(r[:maxQuote-1]) + "…"
	}
	return s
}
