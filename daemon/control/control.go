// Package control connects the command line and the tray with a running
// daemon. It speaks HTTP and JSON over a unix socket, or a named pipe on
// Windows, which only the daemon's own user can open. It exists so that every
// other process is a thin client, which reads a snapshot, follows changes,
// gives commands and holds no state.
//
// On Linux and macOS three guards keep other users out: a directory with mode
// 0700, a socket with mode 0600, and the peer's user as the kernel reports it.
// Each of them would do alone. On Windows the pipe's access list admits its
// user alone, and both ends ask the system for the user of the other.
//
// Begin with Dial for a client, and with Daemon, the interface that the daemon
// serves. Methods of a Client may be called concurrently; a *problem.Problem crosses
// the socket unchanged.
//
// The package never listens on a network, and never serves or admits a web page.
// No client can hold up the daemon, neither one that does not read nor one that
// goes away.
//
// By hand:
//
//	curl --unix-socket SOCKET \
//	     -H 'Shelfkeeper-Control: 1' http://shelfkeeper.invalid/v1/snapshot
package control

import (
	"context"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// Daemon is the interface that the control socket offers to its clients. All
// methods are called concurrently.
type Daemon interface {
	Observed
	Accounts
	Players
	Pages
	// Quit asks the daemon to end and returns at once. It must not wait for
	// Server.Close, since Server.Close waits for this call.
	Quit()
}

// Observed is the state that a client may follow.
type Observed interface {
	// Snapshot returns the present state. It waits for nothing outside the
	// process.
	Snapshot() health.Snapshot
	// Changed returns a channel that is closed at the next change of the
	// snapshot. Callers take it before the snapshot and thus miss no change
	// between the two.
	Changed() <-chan struct{}
}

// Accounts are the commands about an account. An empty name means the only
// account, or the default one. The context of a method ends when the client goes
// away or the server closes; the method then returns soon. Errors cross the socket
// as problem.Of returns them.
type Accounts interface {
	Reauthenticate(ctx context.Context, account string) error
	// ReauthenticateSameServer is Reauthenticate with the user's word that the
	// account's own server answers at its address.
	ReauthenticateSameServer(ctx context.Context, account string) error
	SignIn(context.Context, SignInRequest) (SignInAnswer, error)
	SignOut(ctx context.Context, account string) error
	// Forget forgets an account without its vault and without the server. It
	// returns what was forgotten and what stays where, a sentence each.
	Forget(ctx context.Context, account string) (said []string, err error)
	// ChangePassword changes the password on the server. An empty old password
	// stands for the stored one.
	ChangePassword(ctx context.Context, account string, old, changed redact.Secret) error
	// SetPort gives an account another port, 0 for a free one, and returns the
	// address for players.
	SetPort(ctx context.Context, account string, port int) (proxyURL string, err error)
	// Rename gives an account another name.
	Rename(ctx context.Context, account, to string) error
}

// SignInRequest holds the answers of the user of `shelfkeeper login`.
type SignInRequest struct {
	Server    string // as typed
	Username  string
	Password  redact.Secret
	Token     redact.Secret // an API key or legacy token in place of name and password
	Account   string        // name for the account, "" to choose one
	Keep      bool          // keep the password, to sign in again when the session is lost
	AllowHTTP bool          // send the password over plain HTTP to a public host
	Store     string        // backend of the vault, "" for the default
	// Replace says that Account may be another user's or another server's until
	// now; its session is ended then.
	Replace bool
	// Passphrase opens a vault of the file backend, where the daemon was started
	// without one.
	Passphrase redact.Secret
	// Gateway changes what the gateway in front of the server gets. The change is kept
	// when the sign-in succeeds.
	Gateway upstream.GatewayChange
}

// SignInAnswer is the result of a sign-in, for the user.
type SignInAnswer struct {
	Account       string
	Server        string // the address that answered
	ServerVersion string
	User          string
	ProxyURL      string   // the address for players
	Grant         string   // a secret, shown once and never stored by a client; may be empty
	Warnings      []string // one sentence each
	Admin         bool     // the user administers the server, as far as its answer says
}

// OpenID is an optional interface of a Daemon: signing in with a browser at the
// server's OpenID provider.
type OpenID interface {
	// SignInOpenID performs a sign-in and calls show at each step. An error of
	// show ends it. After a step with an Answer the account is signed in, even
	// when a later step fails.
	SignInOpenID(ctx context.Context, in OpenIDRequest, show func(OpenIDStep) error) error
	Returns
}

// Returns takes the address to which the OpenID provider sent the browser back.
type Returns interface {
	// ReturnOpenID takes the browser's final address. It returns nil when a
	// sign-in waited for it and goes on.
	ReturnOpenID(ctx context.Context, address string) error
	// SkipOpenID ends the wait for the spare session of the sign-in with that
	// state.
	SkipOpenID(ctx context.Context, state string) error
}

// OpenIDRequest describes a sign-in through OpenID.
type OpenIDRequest struct {
	Server    string // as typed; "" for the server of Account
	Account   string // as in SignInRequest
	AllowHTTP bool
	Store     string
	// Renew is set for an account that is or was signed in through OpenID. Only
	// missing sessions are made, and only for the same user.
	Renew      bool
	Replace    bool          // as in SignInRequest
	NoSpare    bool          // no second session is made
	Passphrase redact.Secret // as in SignInRequest
	Gateway    upstream.GatewayChange
}

// OpenIDStep is the progress of a sign-in.
type OpenIDStep struct {
	// URL is the provider's page for the browser, or "" when the browser needs
	// none now.
	URL   string
	State string // names the authorization
	// Sent is set when the browser is already on its way to URL.
	Sent bool
	// Redirect is the address to which the browser returns: the scheme of
	// Audiobookshelf's apps, or an address of this machine.
	Redirect string
	// Callback is the callback address that the provider must allow.
	Callback string
	// Spare is set when the step concerns the second session.
	Spare bool
	// Answer is set in one step: when the account's session is stored.
	Answer *SignInAnswer
	// Notes are sentences for the user.
	Notes []string
}
