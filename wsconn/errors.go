package wsconn

import (
	"errors"
	"strings"
	"time"
	"unicode"

	"shelfkeeper/daemon/redact"
)

// NoSocket is why an account with an API key has no live socket: such a key
// names no user, and ABS answers auth_failed to it in every release.
const NoSocket = "Audiobookshelf gives API keys no live socket"

// ErrClosed is the error of a connection that we ended ourselves.
var ErrClosed = errors.New("the live socket was closed by us")

// Weather is every end of a connection, or failure to get one, that says
// nothing about the token.
type Weather struct {
	Evidence string // one short line for a person, free of secrets
	// RetryAfter is how long the other side asked us to wait, 0 if it did not.
	RetryAfter time.Duration
	// Away: nobody answered, or a gateway said that nobody is there. Trying
	// often disturbs nobody then.
	Away bool
	Err  error // of the transport, may be nil
}

// Error returns the evidence.
func (w *Weather) Error() string { return w.Evidence }

// Unwrap returns the transport's error.
func (w *Weather) Unwrap() error { return w.Err }

// Refused is the server's auth_failed.
type Refused struct {
	Message string // the server's, as a line: "Invalid token", "Invalid user"
}

// Error says what was refused.
func (r *Refused) Error() string {
	if r.Message == "" {
		return "the server refused the token on the live socket"
	}
	return "the server refused the token on the live socket: " + r.Message
}

// maxQuote keeps what others say to a part of a line.
const maxQuote = 80

// quote makes text of others fit for one line, without tokens.
func quote(s string) string {
	s = s[:min(len(s), 4*maxQuote)]
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	s = redact.Text(strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > maxQuote {
		s = string(r[:maxQuote-1]) + "…"
	}
	return s
}
