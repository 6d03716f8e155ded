// Package signin begins sessions: with a password, with a code from an OpenID
// provider, or with a token that is never renewed. It also adds the spare
// session that an account without a password falls back on.
//
// The vault is made ready before anything is sent, and a session is durable
// before a sign-in returns. A session that cannot be kept is ended at the
// server again.
//
// It never renews a session, and decides nothing about one that runs.
package signin
