package health

import "time"

// Condition is one thing that can be wrong. Conditions are compared by
// address, so use the variables below.
type Condition struct {
	ID     string        // stable, for logs and status --json
	Level  Level         // what it makes of an account
	Hold   time.Duration // how long it must last before it shows
	Text   string        // what is wrong, in words
	Remedy string        // what the user can do; "" if nothing
}

// The conditions of an account, gravest first: among visible conditions of one
// level the earlier one gives the reason.
var (
	AccountPaused = Condition{ID: "paused", Level: Paused,
		Text: "paused by you", Remedy: "run `shelfkeeper resume` to go on"}
	NoAccount = Condition{ID: "no-account", Level: NeedsUser,
		Text: "no account yet", Remedy: "run `shelfkeeper login URL`"}
	SignedOut = Condition{ID: "signed-out", Level: NeedsUser,
		Text: "signed out", Remedy: "run `shelfkeeper login URL`"}
	OtherServer = Condition{ID: "other-server", Level: NeedsUser,
		Text: "a sign-in to another server was not finished", Remedy: "run `shelfkeeper login URL` once more"}
	ServerMoved = Condition{ID: "server-moved", Level: NeedsUser,
		Text: "the server has moved to https", Remedy: "sign in at its new address"}
	PasswordRefused = Condition{ID: "password-refused", Level: NeedsUser,
		Text:   "the server refused the stored password, or the account was disabled",
		Remedy: "run `shelfkeeper login` with the new password"}
	AccountDisabled = Condition{ID: "account-disabled", Level: NeedsUser,
		Text:   "the account was disabled on the server",
		Remedy: "ask the server's admin to enable it, then run `shelfkeeper reauth`; nothing was lost here"}
	AnotherUser = Condition{ID: "another-user", Level: NeedsUser,
		Text: "another program signed this account in as another user", Remedy: "to serve that user, stop Shelfkeeper and start it again"}
	SignInUnusable = Condition{ID: "sign-in-unusable", Level: NeedsUser,
		Text:   "the server's answers to the sign-in with the stored password cannot be used",
		Remedy: "check the reverse proxy or gateway before the server: it must pass /login and the answer to it through unchanged"}
	ServerUnrecognised = Condition{ID: "server-unrecognised", Level: NeedsUser,
		Text: "the server does not know this session, so no password is sent to it: it may be another server at this address",
		Remedy: "if you are away from your own network, wait: the session goes on when you are back. If you are sure that this is your server, " +
			"restored or set up anew, run `shelfkeeper reauth --same-server`"}
	TokensUnusable = Condition{ID: "tokens-unusable", Level: NeedsUser,
		Text:   "the server's access tokens have already expired when they are issued",
		Remedy: "set ACCESS_TOKEN_EXPIRY on the server to a number of seconds, such as 3600, and check its clock"}
	SessionLost = Condition{ID: "session-lost", Level: NeedsUser,
		Text: "the server ended the session and no password is stored", Remedy: "run `shelfkeeper login`"}
	PasswordOfOther = Condition{ID: "password-of-another", Level: NeedsUser,
		Text: "the stored password now belongs to another user of the server", Remedy: "run `shelfkeeper login`"}
	TokenRefused = Condition{ID: "token-refused", Level: NeedsUser,
		Text: "the server refuses the API key or token", Remedy: "create a new one on the server and run `shelfkeeper login`"}
	VaultUnreadable = Condition{ID: "vault-unreadable", Level: NeedsUser,
		Text: "the stored session cannot be read",
		Remedy: "run `shelfkeeper login` once more; the unreadable file is kept. If its key is gone, run `shelfkeeper logout " +
			"--forget` first"}
	VaultNewer = Condition{ID: "vault-newer", Level: NeedsUser,
		Text: "the stored session was written by a newer Shelfkeeper", Remedy: "start the newer version"}
	VaultPassphrase = Condition{ID: "vault-passphrase", Level: NeedsUser,
		Text: "the vault does not open",
		Remedy: "set SHELFKEEPER_PASSPHRASE or SHELFKEEPER_PASSPHRASE_FILE to its passphrase and start Shelfkeeper again; " +
			"if it is lost, run `shelfkeeper logout --forget`"}
	VaultDenied = Condition{ID: "vault-denied", Level: NeedsUser,
		Text: "the keychain refused access", Remedy: "allow Shelfkeeper in the keychain, then run `shelfkeeper reauth`"}
	VaultPrompt = Condition{ID: "vault-prompt", Level: NeedsUser, Hold: 2 * time.Second,
		Text: "the keychain asks for its password", Remedy: "answer the window in which the keychain asks"}
	VaultLocked = Condition{ID: "vault-locked", Level: NeedsUser,
		Text: "the keychain is locked", Remedy: "unlock it, or run `shelfkeeper reauth` to be asked"}
	VaultAbsent = Condition{ID: "vault-absent", Level: NeedsUser, Hold: 10 * time.Second,
		Text: "no keychain answers", Remedy: "start the desktop's keyring; if it is gone for good, run `shelfkeeper logout --forget`, " +
			"then `shelfkeeper login URL --store file`"}
	HeaderEaten = Condition{ID: "header-eaten", Level: NeedsUser,
		Text:   "something between here and the server removes the x-refresh-token header",
		Remedy: PassHeader("x-refresh-token")}
	DiskBlocks = Condition{ID: "disk-blocks", Level: NeedsUser,
		Text: "no access token is valid, and the vault cannot be read or written on disk", Remedy: "free some space"}
	VaultHanging = Condition{ID: "vault-hanging", Level: Offline, Hold: 10 * time.Second,
		Text: "the keychain does not answer", Remedy: "look for its prompt, or restart the desktop's keyring"}
	TokenSuspect = Condition{ID: "breaker", Level: Offline, Hold: 5 * time.Second,
		Text:   "the server refuses fresh tokens; requests are held back for a while",
		Remedy: PassHeader("Authorization") + ", or check the server's log and clock"}
	ServerUnreachable = Condition{ID: "server-unreachable", Level: Offline, Hold: 5 * time.Second,
		Text: "the server cannot be reached"}
	NoAnswer = Condition{ID: "no-answer", Level: Offline, Hold: 5 * time.Second,
		Text: "the server does not answer players"}
	RateLimited = Condition{ID: "rate-limited", Level: Offline, Hold: 5 * time.Second,
		Text: "waiting until the server allows signing in again"}
	VaultOpening = Condition{ID: "vault-opening", Level: Offline,
		Text: "the stored session is being opened"}
	TokenEnded = Condition{ID: "token-ended", Level: Offline,
		Text: "no access token is valid now; the session is being renewed"}
	TokenAwaited = Condition{ID: "token-awaited", Level: Offline, Hold: 5 * time.Second,
		Text: "the access token has expired; the session is being renewed"}
	RenewalFails = Condition{ID: "renewal-fails", Level: Offline, Hold: 5 * time.Second,
		Text: "the session cannot be renewed, and its token has expired"}
	DiskTrouble = Condition{ID: "disk", Level: Degraded,
		Text: "the session cannot be written to disk, so it is not renewed", Remedy: "free some space before the session ends"}
	ProgressDisk = Condition{ID: "progress-disk", Level: Degraded,
		Text: "listening reports cannot be written to disk, so they are not kept while the server is unreachable", Remedy: "free some space"}
	ProgressDamaged = Condition{ID: "progress-damaged", Level: Degraded,
		Text:   "the journal of listening was damaged, and a new one is in use",
		Remedy: "nothing to do: this message goes away at the next start; you may delete the damaged file"}
	LocalhostTaken = Condition{ID: "localhost-taken", Level: Degraded,
		Text:   "another program listens at the address that players reach when they use \"localhost\"",
		Remedy: "let players use 127.0.0.1, or end that program and start Shelfkeeper again"}
	ExtraAddress = Condition{ID: "extra-address", Level: Degraded,
		Text: "an address of listen_extra cannot be served", Remedy: "correct listen_extra in config.toml, then start Shelfkeeper again"}
	ExtraAbsent = Condition{ID: "extra-absent", Level: Degraded, Hold: time.Minute,
		Text:   "players in another network do not reach an address of listen_extra",
		Remedy: "start the program that makes that network, such as Docker, or correct listen_extra in config.toml"}
	EmergencyKey = Condition{ID: "emergency-key", Level: Degraded,
		Text:   "the server ended the session; until you sign in, players are served with the emergency API key",
		Remedy: "run `shelfkeeper reauth` before the key expires; it opens your browser"}
	SocketDown = Condition{ID: "socket-down", Level: Degraded, Hold: 10 * time.Second,
		Text: "the live connection is down; playing works, but changes from other devices appear late"}
	RenewalDelayed = Condition{ID: "renewal-delayed", Level: Degraded, Hold: time.Minute,
		Text: "the session could not be renewed yet; it is still valid"}
	OddTokens = Condition{ID: "odd-tokens", Level: Degraded, Hold: 5 * time.Second,
		Text: "the server's tokens have an unusual lifetime"}
	SlotPending = Condition{ID: "slot-pending", Level: Degraded, Hold: 30 * time.Second,
		Text: "the keychain does not take the newest session; it is safe in the journal", Remedy: "check the desktop's keyring"}
	PageDown = Condition{ID: "page-down", Level: Degraded, Hold: 10 * time.Second,
		Text: "the status page is not open", Remedy: "set another page_port in config.toml, then start Shelfkeeper again"}
	ProxyDown = Condition{ID: "proxy-down", Level: NeedsUser,
		Text:   "the local address for players is not open",
		Remedy: "free the port, or give the account another one with `shelfkeeper account set NAME --port 0`"}
)

// declared lists every condition in the order of their gravity.
var declared = []*Condition{
	&AccountPaused, &NoAccount, &SignedOut, &OtherServer, &ServerMoved, &PasswordRefused, &AccountDisabled, &SessionLost, &PasswordOfOther,
	&TokenRefused,
	&AnotherUser, &TokensUnusable, &SignInUnusable, &ServerUnrecognised,
	&VaultUnreadable, &VaultNewer, &VaultPassphrase, &VaultPrompt, &VaultDenied, &VaultLocked, &VaultAbsent, &HeaderEaten, &DiskBlocks,
	&ProxyDown,
	&VaultHanging, &TokenSuspect, &ServerUnreachable, &NoAnswer, &RateLimited, &RenewalFails, &VaultOpening, &TokenEnded, &TokenAwaited,
	&EmergencyKey,
	&DiskTrouble, &ProgressDisk, &ProgressDamaged, &LocalhostTaken, &ExtraAddress, &ExtraAbsent, &SocketDown, &RenewalDelayed,
	&OddTokens, &SlotPending, &PageDown,
}
