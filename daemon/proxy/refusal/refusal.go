// Package refusal holds the answers that say why a request goes no further.
package refusal

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Refusal is an answer of our own. A person who meets it learns the cause and
// what to do about it.
type Refusal struct {
	Name   string
	Status int
	Cause  string
	Remedy string

	Words    string        // the body, where a player expects the server's own words
	Location string        // of a redirect
	Retry    time.Duration // 0: trying again is of no use
	Passing  bool          // it may well be over within seconds
	// EndsEarly: Passing says when it may be over, and Retry only what players are told.
	EndsEarly bool
}

// RetryAfter is what players are told where nothing better is known.
const RetryAfter = 5 * time.Second

// maxRetryAfter bounds what a gateway can make us tell players.
const maxRetryAfter = time.Hour

// Text returns cause and remedy as a sentence.
func (no *Refusal) Text() string { return no.Cause + "; " + no.Remedy }

// Because returns no with a detail after the cause.
func (no Refusal) Because(detail string) *Refusal {
	no.Cause += " (" + OneLine(detail) + ")"
	return &no
}

// Later returns no with the time that the server's own Retry-After asks for.
func (no *Refusal) Later(h http.Header) *Refusal {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err == nil && time.Duration(n)*time.Second > no.Retry {
		own := *no
		own.Retry = min(time.Duration(n)*time.Second, maxRetryAfter)
		return &own
	}
	return no
}

// longest is room for a remedy with a certificate's fingerprint in its command.
const longest = 400

// OneLine makes s fit for a header and a line of text.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return s
}
