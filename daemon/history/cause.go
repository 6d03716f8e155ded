package history

import "shelfkeeper/daemon/health"

// Cause is why a session was lost.
type Cause string

// The causes. They are stable, for scripts.
const (
	LostAnswer     Cause = "lost-answer"
	Interrupted    Cause = "interrupted"
	DiskFull       Cause = "not-written"
	Collision      Cause = "collision"
	Elsewhere      Cause = "ended-elsewhere"
	UsedElsewhere  Cause = "used-elsewhere"
	PasswordChange Cause = "password-changed"
	Renamed        Cause = "renamed"
	ServerReplaced Cause = "server-replaced"
	ServerRestored Cause = "server-restored"
	VaultRestored  Cause = "vault-restored"
	Gateway        Cause = "gateway"
	RanOut         Cause = "ran-out"
)

const (
	signIn = "run `shelfkeeper login`"
	// atHome begins the remedy for a server that does not know the session.
	atHome = "if you are away from the server's own network, wait: the session goes on when you are back. "
)

// meanings says of each cause what happened, in general, and what helps. A
// diagnosis has a sentence of its own, with times and evidence. It has this
// remedy, unless its evidence asks for a narrower one. docs/troubleshooting.md
// holds this table.
var meanings = []struct {
	cause        Cause
	what, remedy string
}{
	{LostAnswer, "the server renewed the token, and its answer did not arrive", signIn},
	{Interrupted, "Shelfkeeper or this machine stopped after the server had renewed the token, and before the token was on disk", signIn},
	{DiskFull, "the new token could not be written to disk", "free some space, then " + signIn},
	{Collision, "an old server gave two sessions of one user the same token", signIn + ", and update the server"},
	{Elsewhere, "the session was ended elsewhere: by `log out everywhere`, by an admin, or by a new password", signIn},
	{UsedElsewhere, "a copy of this vault is in use elsewhere, and renewed the session", "end that copy, then " + signIn},
	{PasswordChange, "the password was changed on the server, which ends the user's sessions", signIn + " with the new password"},
	{Renamed, "the user has another name on the server now", signIn + " with the new name"},
	{ServerReplaced, "another server answers at this address, its database or signing key was replaced, or this user was deleted", atHome +
		"If you are sure that it is your server, run `shelfkeeper reauth --same-server`, or `shelfkeeper login` where no password is stored"},
	{ServerRestored, "the server went back to an older copy of its database, and every account lost its session", signIn},
	{VaultRestored, "an older session came back on this machine, for example from a backup", signIn + "; let each machine sign in for itself"},
	{Gateway, "something between here and the server removes the x-refresh-token header", health.PassHeader("x-refresh-token")},
	{RanOut, "the session was not renewed in time: Shelfkeeper did not run, or the server was out of reach", signIn},
}

// remedy says what helps against a loss with this cause.
func (c Cause) remedy() string {
	for _, m := range meanings {
		if m.cause == c {
			return m.remedy
		}
	}
	return signIn // no cause lacks a row, as the test of the table checks
}
