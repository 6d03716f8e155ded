// Package session keeps one account signed in. It is the only writer of tokens:
// everything else in the program asks it for one at the moment of use.
//
// Begin with New, Start and Token. Methods of a Session may be called from several
// goroutines. Token waits for a renewal as long as its context allows; its error
// says how long to wait and what helps. Close waits for everything that the session
// has started.
//
// Every rule is in the pure package machine. This package carries out the machine's
// effects, sets its one timer and records what happened. It tells callers and the
// health board what the machine's state means. Package budget counts the requests
// that a server's limiter counts; package signin begins sessions.
//
// It never decides about a token itself.
package session
