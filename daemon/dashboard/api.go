package dashboard

import (
	"context"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// Daemon is what the page shows and acts on. All methods are called
// concurrently; their errors are shown as problem.Of returns them.
type Daemon interface {
	Observed
	Accounts
	SignIns
	Browsers
	Players
	Pauses
	Reports
	Settings
	Gateways
	Logs
	Checks
}

// Observed is the state that the page follows.
type Observed interface {
	Snapshot() health.Snapshot
	// Changed returns a channel that is closed at the next change of the
	// snapshot.
	Changed() <-chan struct{}
	// StreamsChanged returns a channel that is closed when a player begins or ends
	// to fetch a book or an episode, which changes no snapshot.
	StreamsChanged() <-chan struct{}
	// Title asks the server what a stream is called; "" where it does not say.
	Title(ctx context.Context, account string, stream health.Stream) (string, error)
	// History is the record of an account's attempts, oldest first.
	History(account string) []history.Entry
}

// Accounts are the acts on an account that is here.
type Accounts interface {
	// Known returns what is written down of an account.
	Known(account string) (Known, bool)
	// Reauthenticate renews the session with what is stored. A passphrase opens
	// the vault before; empty for none.
	Reauthenticate(ctx context.Context, account string, passphrase redact.Secret) error
	// ReauthenticateSameServer is Reauthenticate with the user's word that the
	// account's own server answers at its address.
	ReauthenticateSameServer(ctx context.Context, account string) error
	SignOut(ctx context.Context, account string) error
	// Rename gives an account another name, for people.
	Rename(ctx context.Context, account, to string) error
	// ChangePassword changes the password at the server. An empty old one stands for
	// the stored one.
	ChangePassword(ctx context.Context, account string, old, changed redact.Secret) error
	// SetPort gives players another port, and returns their new address.
	SetPort(ctx context.Context, account string, port int) (string, error)
	// OpenPage returns an address that opens the account's web page once.
	OpenPage(ctx context.Context, account, scope string) (string, error)
	// EmergencyKey has an API key of so many days kept that serves players when every
	// session is lost; none for 0. It returns sentences for the user.
	EmergencyKey(ctx context.Context, account string, days int) (notes []string, err error)
	// Forget forgets an account, or what the vault holds of one that is not listed,
	// without the vault and the server. It returns a sentence for each thing that was
	// forgotten or stays.
	Forget(ctx context.Context, account string) (said []string, err error)
}

// Known is an account as it is written down.
type Known struct {
	Name, Server, User string
	Alias              string // the name that the user gave it; "" for none
	Method             Method
	Store              string
	AllowHTTP          bool // the user let secrets travel unencrypted
}

// Method is how a user signs in.
type Method string

// The methods.
const (
	ByPassword Method = "password"
	ByOpenID   Method = "openid"
	ByToken    Method = "token" // an API key, or a token from before 2.26
)

// SignIns begin a session.
type SignIns interface {
	// Look finds the server behind what a person typed, through a gateway that wants
	// what change says. Nothing else that is secret leaves.
	Look(ctx context.Context, address string, change upstream.GatewayChange) (Found, error)
	// Store says where secrets are kept.
	Store() Store
	SignIn(context.Context, SignIn) (SignedIn, error)
}

// Found is the server behind an address.
type Found struct {
	Server   string
	Version  string
	Password bool // it lets people in by password
	OpenID   bool // and in the browser
	// Plain is why what is typed would travel unencrypted over a network that
	// others use; "" where it does not.
	Plain string
	Notes []string // sentences for the user
	// Behind says that the user told what a gateway in front of it wants.
	Behind bool
}

// Store says where the secrets of a next sign-in go.
type Store struct {
	Backend string // os, file or memory; "" where there is no vault yet
	Open    bool   // no passphrase is needed
	Wanted  string // what config.toml wishes for, os or file
}

// SignIn holds the answers of a person.
type SignIn struct {
	Server     string
	Username   string
	Password   redact.Secret
	Token      redact.Secret // an API key or token in place of name and password
	Account    string        // "" for a new one
	Keep       bool          // keep the password
	AllowHTTP  bool
	Store      string // os or file; "" for the one that is chosen
	Passphrase redact.Secret
	Gateway    upstream.GatewayChange // is kept when the sign-in succeeds
}

// SignedIn is the result of a sign-in.
type SignedIn struct {
	Account       string
	Server        string
	ServerVersion string
	User          string
	ProxyURL      string
	Grant         redact.Secret // shown once
	Warnings      []string
}

// Browsers sign in at an OpenID provider.
type Browsers interface {
	// SignInOpenID calls show at each step; see control.OpenID.
	SignInOpenID(ctx context.Context, in OpenID, show func(Step) error) error
	ReturnOpenID(ctx context.Context, address string) error
	SkipOpenID(ctx context.Context, state string) error
}

// OpenID describes a sign-in through OpenID.
type OpenID struct {
	Server     string
	Account    string
	AllowHTTP  bool
	Store      string
	Passphrase redact.Secret
	Renew      bool // only missing sessions are made
	Gateway    upstream.GatewayChange
}

// Step is how far a sign-in through OpenID is.
type Step struct {
	URL, State string
	Sent       bool   // the browser is on its way to URL
	Redirect   string // where the browser comes back to
	Callback   string // what the provider must allow
	Spare      bool   // it concerns the second session
	Answer     *SignedIn
	Notes      []string
}
