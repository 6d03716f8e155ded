package dashboard

import (
	"context"
	"io"
	"time"

	"shelfkeeper/daemon/doctor"
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

// Players are the acts on the programs that use an account.
type Players interface {
	Players(ctx context.Context, account string) ([]Player, error)
	AddPlayer(ctx context.Context, account, name, scope string) (NewPlayer, error)
	// TrustPlayer lets programs in a webview, whose pages have that origin, come in
	// with a grant.
	TrustPlayer(ctx context.Context, account, player, origin string) error
	RevokePlayer(ctx context.Context, account, player string) error
}

// Player is a grant, without its secret.
type Player struct {
	ID, Account, Name, Kind, Scope string
	Created, LastUsed              time.Time
	Origins                        []string
}

// NewPlayer is a new grant.
type NewPlayer struct {
	Secret   redact.Secret
	Account  string
	ProxyURL string
}

// Pauses let players wait, by the user's wish.
type Pauses interface {
	// Pause serves no player of the account until tomorrow, or until Resume.
	Pause(ctx context.Context, account string, tomorrow bool) error
	Resume(ctx context.Context, account string) error
}

// Reports are reports of listening that the server refused.
type Reports interface {
	SetAside(ctx context.Context, account string) ([]Report, error)
	// RetrySetAside sends these once more; DropSetAside deletes them.
	RetrySetAside(ctx context.Context, account string, ids []uint64) error
	DropSetAside(ctx context.Context, account string, ids []uint64) error
}

// Report is one that was set aside.
type Report struct {
	ID        uint64
	At        time.Time
	Item      string
	Seconds   float64
	Reason    string
	Retryable bool
}

// Settings are what config.toml can say, for those who do not write files.
type Settings interface {
	// Setting returns what holds for a key, a line each for a list, and whether
	// config.toml itself says so.
	Setting(key ...string) (values []string, given bool)
	// SetSetting keeps a value, or none to take it back. It holds after a Restart.
	SetSetting(ctx context.Context, key, values []string) error
	// Restart has the daemon start again, after the answers under way.
	Restart()
}

// Gateways are what stands in front of servers, and what it wants.
type Gateways interface {
	// Gateway lists what is set, without a secret.
	Gateway(ctx context.Context, account string) ([]GatewayPart, error)
	// SetGateway makes a change, which holds from the next request on.
	SetGateway(ctx context.Context, account string, change upstream.GatewayChange) error
}

// GatewayKind is one kind of what a gateway wants.
type GatewayKind string

// The kinds.
const (
	GatewayHeader GatewayKind = "header"
	GatewayBasic  GatewayKind = "basic"
	GatewayCert   GatewayKind = "cert"
	GatewayCA     GatewayKind = "ca"
	GatewayPin    GatewayKind = "pin"
	GatewayProxy  GatewayKind = "proxy"
	GatewayAgent  GatewayKind = "agent"
)

// GatewayPart is one setting of a gateway.
type GatewayPart struct {
	Kind      GatewayKind
	Name      string // whose it is, or what it is; never a secret
	For       []string
	Until     time.Time // the end of a certificate
	Logged    bool      // the server's token stands in the gateway's log
	Elsewhere bool      // config.toml or the environment says so
}

// Logs are for people who look for the cause of a trouble.
type Logs interface {
	// TailLog writes the newest lines of the log.
	TailLog(out io.Writer, lines int) error
	// Report writes what a bug report needs, without secrets, and without names of
	// servers and users.
	Report(ctx context.Context, out io.Writer) error
}

// Checks look for what is wrong.
type Checks interface {
	// Examine asks the doctor about the way to an account's server. It takes seconds,
	// and a minute where nothing answers.
	Examine(ctx context.Context, account string) (doctor.Report, error)
}
