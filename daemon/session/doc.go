// Package session keeps one account signed in. It is the only writer of
// tokens: everything else in the program asks it for one at the moment of use.
//
// Every rule is in the pure package machine. This package carries the machine's
// effects out, sets its one timer, records what happened, and says to callers
// and to the board what the machine's state means. Package budget counts the
// requests that a server's limiter counts; package signin begins sessions.
//
// It never decides about a token itself, and Close waits for everything that it
// started.
package session
