package dashboard

import (
	"context"
	"io"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/upstream"
)

// Settings are what config.toml can say, for those who do not write files.
type Settings interface {
	// Setting returns what holds for a key, a line each for a list, and whether
	// config.toml itself says so.
	Setting(key ...string) (values []string, given bool)
	// SetSetting keeps a value, or none to take it back. It holds after a Restart.
	SetSetting(ctx context.Context, key, values []string) error
	// Restart has the daemon start again, after the answers under way; Quit ends it.
	Restart()
	Quit()
	// CheckProgram returns why the program that is installed now could not take this
	// one's place, and Replace begins to let it. Replace does not wait.
	CheckProgram(ctx context.Context) error
	Replace()
}

// Gateways are what stands in front of servers, and what it wants.
type Gateways interface {
	// Gateway lists what is set, without a secret.
	Gateway(ctx context.Context, account string) ([]GatewayPart, error)
	// SetGateway makes a change, which holds from the next request on.
	SetGateway(ctx context.Context, account string, change upstream.GatewayChange) error
	// Unvouched returns the certificate of the account's server that only a person can
	// vouch for; nil where there is none.
	Unvouched(ctx context.Context, account string) (*absapi.Unvouched, error)
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
	// servers and users. found is what check-ups found lately.
	Report(ctx context.Context, out io.Writer, found []doctor.Report) error
}

// Checks look for what is wrong.
type Checks interface {
	// Examine asks the doctor about the way to an account's server, or to any address.
	// It takes seconds, a minute where nothing answers, and five more if long, since
	// an idle live socket is watched then. progress is told what is looked at.
	Examine(ctx context.Context, which string, long bool, progress func(string)) (doctor.Report, error)
}
