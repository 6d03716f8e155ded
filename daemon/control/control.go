// Package control is how the command line and the tray reach a running
// daemon: HTTP and JSON over a unix socket that only the daemon's own user can
// open. It exists so that every other process is a thin client: it reads a
// snapshot, follows changes and asks for acts, and holds no state of its own.
//
// Three things keep others out, each sufficient on Linux and macOS: a
// directory with mode 0700, a socket with mode 0600, and the peer's user as
// the kernel tells it. On Windows, which has neither modes nor peer users for
// such sockets, the access list of the directory is all there is: the socket
// must lie within the user's profile, whose list admits the user, the system
// and administrators.
//
// The package never listens on a network, never serves a web page and never
// lets one in, and nothing a client does or leaves undone (a reader that does
// not read, a caller that goes away) holds up the daemon.
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
)

// Daemon is what the control socket offers to its clients. All methods are
// called concurrently.
type Daemon interface {
	Observed
	Accounts
	Players
	// Quit asks the daemon to end and returns at once. It must not wait for
	// Server.Close, which waits for the very call it is made from.
	Quit()
}

// Observed is the state a client may follow.
type Observed interface {
	// Snapshot returns the state as it is now, without waiting for anything
	// outside the process.
	Snapshot() health.Snapshot
	// Changed returns a channel that is closed at the next change of the
	// snapshot. It is taken before the snapshot is, so a change between the
	// two is seen.
	Changed() <-chan struct{}
}

// Accounts is what a client may do to an account. An empty name means the only
// account, or the default one. Each method returns soon after its context has
// ended, which it does when the client goes away and when the server closes.
// Errors cross the socket as problem.Of returns them.
type Accounts interface {
	Reauthenticate(ctx context.Context, account string) error
	SignIn(context.Context, SignInRequest) (SignInAnswer, error)
	SignOut(ctx context.Context, account string) error
	// ChangePassword changes the password on the server. An empty old stands
	// for the stored one.
	ChangePassword(ctx context.Context, account string, old, changed redact.Secret) error
}

// SignInRequest is everything `shelfkeeper login` has asked its user for.
type SignInRequest struct {
	Server    string // as typed
	Username  string
	Password  redact.Secret
	Token     redact.Secret // an API key or legacy token in place of name and password
	Account   string        // name for the account, "" to choose one
	Keep      bool          // keep the password, to sign in again when the session is lost
	AllowHTTP bool          // send the password over plain HTTP to a public host
	Store     string        // backend of the vault, "" for the default
}

// SignInAnswer is what a person is told after signing in.
type SignInAnswer struct {
	Account       string
	Server        string // the address that answered
	ServerVersion string
	User          string
	ProxyURL      string   // the address for players
	Grant         string   // a secret, shown once and never stored by a client; may be empty
	Warnings      []string // one sentence each
}

// OpenID is what a Daemon may offer beside: signing in with a browser at the
// server's OpenID provider.
type OpenID interface {
	// SignInOpenID leads through a sign-in, calling show at each step, and
	// returns once all is done. An error of show ends it. After a step with an
	// Answer the account is signed in, whatever follows.
	SignInOpenID(ctx context.Context, in OpenIDRequest, show func(OpenIDStep) error) error
	Returns
}

// Returns is where browsers and those who carry addresses by hand come back to.
type Returns interface {
	// ReturnOpenID takes the address at which a browser ended up. nil: a sign-in
	// waits for it, and goes on.
	ReturnOpenID(ctx context.Context, address string) error
	// SkipOpenID does without the spare session of the sign-in that waits for it
	// with that state.
	SkipOpenID(ctx context.Context, state string) error
}

// OpenIDRequest says who wants to sign in.
type OpenIDRequest struct {
	Server    string // as typed; "" for the server of Account
	Account   string // as in SignInRequest
	AllowHTTP bool
	Store     string
	// Renew: the account is signed in, or was, through OpenID: only what is
	// missing is done, and only for the same user.
	Renew bool
}

// OpenIDStep is how far a sign-in is.
type OpenIDStep struct {
	// URL is the provider's page, to be shown in a browser; "" if none is to be
	// shown now.
	URL   string
	State string // names the authorization
	// Sent: the browser is on its way there by itself.
	Sent bool
	// Redirect is where the browser comes back to: the scheme of
	// Audiobookshelf's apps, or an address of this machine.
	Redirect string
	// Callback is what the provider must allow to come back to.
	Callback string
	// Spare: this is about the second session.
	Spare bool
	// Answer is given once, when the account's session is kept.
	Answer *SignInAnswer
	// Notes are sentences for a person.
	Notes []string
}
