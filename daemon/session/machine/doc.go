// Package machine holds every rule about an account's session as pure functions.
// The rules say when a renewal may start, what is written before and after it,
// and what counts as a rejection or as a temporary failure.
//
// Begin with Next. It takes the State of a session and an Event, and returns the
// next State and the Effects that are to be carried out. A Fact is what happened;
// an Effect is what package session does about it, and its outcome is the next
// Fact. The example shows one renewal in this way.
//
// A State is a value: Next changes nothing in place, so a State may be read from
// any goroutine. The package returns no errors; a failure is a Fact. The time and a
// random number come with the Event, so a test can play a million events.
//
// The package can do no input or output: a test compares its imports with a list.
// It imports absapi for verdicts and tokens, keychain for the record that it
// writes, and history for the words that describe a loss.
//
// It never erases a secret unless the user signed out. It never publishes a token
// pair that is not durable. It never sends a password again that the server has
// refused.
package machine
