// Package statuspage joins the status page with the daemon that it shows.
//
// It exists so that dashboard needs to know neither the disk nor the control
// API, and the daemon no pages. It translates between their types. It holds no
// rule of its own about accounts, tokens or players.
package statuspage

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/handover"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

// Daemon is what the page acts through: the daemon's own methods, as the control
// socket offers them.
type Daemon interface {
	control.Observed
	control.Accounts
	control.Players
	control.OpenID
	control.Pausing
	control.Reports
	control.Gateways
	control.EmergencyKeys
	control.Restarts
	control.Shelves
	// Cover returns a small picture of an item, and its type.
	Cover(ctx context.Context, account, item string) (kind string, picture []byte, err error)
	// Unlock is Reauthenticate with a passphrase that opens the vault before.
	Unlock(ctx context.Context, account string, passphrase redact.Secret) error
	// Title asks the server what a stream of an account is called.
	Title(ctx context.Context, account string, stream health.Stream) (string, error)
	// Restart has the daemon start again, with the settings as they are then, and
	// Quit ends it.
	Restart()
	Quit()
	// OpenPage returns an address under which the account's web page opens once.
	OpenPage(ctx context.Context, account, scope string) (string, error)
}

// Disk is what lies on disk, and what can be asked without an account.
type Disk interface {
	Entries(account string) []history.Entry
	Look(ctx context.Context, address string, change upstream.GatewayChange) (server absapi.Server, plain string, said []string, err error)
	Store() (backend keychain.Backend, open bool)
	Unvouched(ctx context.Context, account string) (*absapi.Unvouched, error)
	// Setting returns what holds for a key of the configuration, and whether
	// config.toml itself says so. SetSetting keeps a value for the next one.
	Setting(key ...string) (values []string, given bool)
	SetSetting(ctx context.Context, key, values []string) error
	PageKey() [32]byte
	Examine(ctx context.Context, which string, long bool, progress func(string)) (doctor.Report, error)
}

// Options are what the page may use of the desktop.
type Options struct {
	OwnUID int
	// Show opens an address in the user's browser; nil where there is no desktop.
	Show func(address string) error
	// ShowAtStart opens the page at the start even where there is an account.
	ShowAtStart bool
	// Again says that there was a page a moment ago, which need not open.
	Again bool
	// TakeScheme lets the desktop bring addresses of a scheme here.
	TakeScheme func(scheme string) (restore func() error, err error)
	// Starts reports whether the daemon starts by itself, and SetStart changes that.
	Starts   func(context.Context) (dashboard.Start, error)
	SetStart func(context.Context, dashboard.StartWish) error
}

// Config is what a Page works with.
type Config struct {
	Options
	Daemon Daemon
	Disk   Disk
	Book   *accounts.Book
	Config config.Config
	File   string // config.toml
	Kept   *handover.Sockets
	// Streams rings when a stream of any account begins or ends.
	Streams *dashboard.Bell
	// Tomorrow is when a pause until tomorrow ends.
	Tomorrow func(now time.Time) time.Time
	// TailLog writes the newest lines of the log.
	TailLog func(out io.Writer, lines int) error
	// Bump tells the daemon's clients that the page's own state has changed.
	Bump func()
	Log  *slog.Logger
}

// Page is the status page of one daemon. Make it with New, Start it, and Close
// it.
type Page struct {
	*dashboard.Server
	cfg   Config
	board *health.Board
	shown atomic.Bool
}

// New returns a page that does not listen yet.
func New(c Config) *Page {
	c.Config.PagePort = c.ownPort(usualPort)
	p := &Page{cfg: c, board: health.NewBoard()}
	p.Server = dashboard.New(dashboard.Config{
		Daemon: acts{c}, Port: c.Config.PagePort, OwnUID: c.OwnUID, Kept: c.Kept, Show: c.Show, TakeScheme: c.TakeScheme,
		Starts: c.Starts, SetStart: c.SetStart, File: c.File, Key: c.Disk.PageKey(), Log: c.Log, Listening: p.listening,
	})
	return p
}

// Acts returns the daemon as the page uses it.
func (c Config) Acts() dashboard.Daemon { return acts{c} }

// listening is told whether the page's port is open.
func (p *Page) listening(err error) {
	if err != nil {
		p.board.RaiseWith(&health.PageDown, err.Error(), p.TakenRemedy()+", then start Shelfkeeper again")
	} else {
		p.board.Clear(&health.PageDown)
	}
	p.cfg.Bump()
	// Somebody who has no account yet need not know a command.
	if err == nil && p.cfg.Show != nil && (p.cfg.ShowAtStart || !p.cfg.Again && len(p.cfg.Book.All()) == 0) && !p.shown.Swap(true) {
		p.show()
	}
}

func (p *Page) show() {
	link, err := p.Link("")
	if err == nil {
		err = p.cfg.Show(link)
	}
	if err != nil {
		p.cfg.Log.Info("the status page does not open by itself", "reason", err)
	}
}

// State is the part of the snapshot about the page, and what it means for
// everything. A nil Page is one that is not served.
func (p *Page) State() (health.Page, health.Level) {
	if p == nil {
		return health.Page{}, health.OK
	}
	view, _, _ := p.board.View()
	return health.Page{URL: p.URL(), Condition: view.Condition, Reason: view.Reason, Remedy: view.Remedy}, view.Level
}
