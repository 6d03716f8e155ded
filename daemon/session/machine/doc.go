// Package machine holds every rule about an account's session as pure
// functions. The rules say when a renewal may start, what is written before
// and after it, and what counts as a rejection or as a temporary failure.
//
// Its heart is the pure function Next(State, Event) (State, []Effect). Package
// session carries the effects out and brings what came of them back as facts.
// The clock and chance come with the event, so that the rules can be tested by
// the million.
//
// It can do no input or output: a test holds its imports and what it uses of
// them against a list. It imports absapi for verdicts and tokens, keychain for
// the record that it writes, and history for the words in which a loss is told.
//
// It never erases a secret unless the user signed out, never publishes a token
// pair that is not durable, and never sends a password again that the server
// has refused.
package machine
