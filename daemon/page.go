package daemon

import (
	"context"
	"slices"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// PageOptions are what the status page may use of the desktop.
type PageOptions struct {
	OwnUID int
	// Show opens an address in the user's browser; nil where there is no desktop.
	Show func(address string) error
	// TakeScheme lets the desktop bring addresses of a scheme here.
	TakeScheme func(scheme string) (restore func() error, err error)
	// Starts reports whether the daemon starts at login, and SetStart changes it.
	Starts   func(context.Context) (bool, error)
	SetStart func(ctx context.Context, on bool) error
}

// ServePage has the daemon serve the status page when it runs. It is called
// before Run.
func (d *Daemon) ServePage(o PageOptions) {
	d.pageBoard = health.NewBoard()
	shown := false
	d.page = dashboard.New(dashboard.Config{
		Daemon: pageDaemon{d}, Port: d.home.Config.PagePort, OwnUID: o.OwnUID, Show: o.Show, TakeScheme: o.TakeScheme,
		Starts: o.Starts, SetStart: o.SetStart, File: d.home.Paths.Config, Log: d.home.Log,
		Listening: func(err error) {
			if err != nil {
				d.pageBoard.RaiseWith(&health.PageDown, err.Error(), d.page.TakenRemedy()+", then start Shelfkeeper again")
			} else {
				d.pageBoard.Clear(&health.PageDown)
			}
			d.bump()
			// Somebody who has no account yet need not know a command.
			if err == nil && !shown && o.Show != nil && len(d.all()) == 0 {
				shown = true
				d.showPage(o.Show)
			}
		},
	})
}

func (d *Daemon) showPage(show func(address string) error) {
	link, err := d.page.Link("")
	if err == nil {
		err = show(link)
	}
	if err != nil {
		d.home.Log.Info("the status page does not open by itself", "reason", err)
	}
}

// PageLink returns an address that lets a browser into the status page once.
func (d *Daemon) PageLink(_ context.Context, account string) (string, error) {
	if d.page == nil {
		return "", problem.Newf(problem.Config, "start Shelfkeeper without --no-page", "the status page is switched off")
	}
	return d.page.Link(account)
}

// pageState is the part of the snapshot about the page, and what it means for
// everything.
func (d *Daemon) pageState() (health.Page, health.Level) {
	if d.page == nil {
		return health.Page{}, health.OK
	}
	view, _, _ := d.pageBoard.View()
	return health.Page{URL: d.page.URL(), Condition: view.Condition, Reason: view.Reason, Remedy: view.Remedy}, view.Level
}

// pageDaemon is the daemon as the page uses it: the same acts as the command
// line's, in the page's own types.
type pageDaemon struct{ *Daemon }

var _ dashboard.Daemon = pageDaemon{}

func (d pageDaemon) History(account string) []history.Entry { return d.home.Entries(account) }

func (d pageDaemon) Known(account string) (dashboard.Known, bool) {
	a, ok := d.home.Book.Get(account)
	method := dashboard.ByPassword
	switch a.Method {
	case accounts.OIDC:
		method = dashboard.ByOpenID
	case accounts.APIKey, accounts.Legacy:
		method = dashboard.ByToken
	}
	return dashboard.Known{Name: a.Name, Server: a.Server, User: a.Username, Method: method, Store: a.Store, AllowHTTP: a.AllowHTTP}, ok
}

func (d pageDaemon) Reauthenticate(ctx context.Context, account string, passphrase redact.Secret) error {
	return d.Daemon.Reauthenticate(home.WithPassphrase(ctx, passphrase), account)
}

func (d pageDaemon) Look(ctx context.Context, address string) (dashboard.Found, error) {
	server, plain, notes, err := d.home.Look(ctx, address)
	if err != nil {
		return dashboard.Found{}, err
	}
	return dashboard.Found{
		Server: server.Base.String(), Version: server.Version, Password: slices.Contains(server.AuthMethods, "local"),
		OpenID: slices.Contains(server.AuthMethods, "openid"), Plain: plain, Notes: notes,
	}, nil
}

func (d pageDaemon) Store() dashboard.Store {
	backend, open := d.home.Store()
	return dashboard.Store{Backend: string(backend), Open: open, Wanted: string(d.home.Config.Store)}
}

func (d pageDaemon) SignIn(ctx context.Context, in dashboard.SignIn) (dashboard.SignedIn, error) {
	answer, err := d.Daemon.SignIn(home.WithPassphrase(ctx, in.Passphrase), control.SignInRequest{
		Server: in.Server, Username: in.Username, Password: in.Password, Token: in.Token, Account: in.Account, Keep: in.Keep,
		AllowHTTP: in.AllowHTTP, Store: in.Store,
	})
	return signedIn(answer), err
}

func signedIn(a control.SignInAnswer) dashboard.SignedIn {
	return dashboard.SignedIn{Account: a.Account, Server: a.Server, ServerVersion: a.ServerVersion, User: a.User, ProxyURL: a.ProxyURL,
		Grant: redact.New(a.Grant), Warnings: a.Warnings}
}

func (d pageDaemon) SignInOpenID(ctx context.Context, in dashboard.OpenID, show func(dashboard.Step) error) error {
	return d.Daemon.SignInOpenID(home.WithPassphrase(ctx, in.Passphrase), control.OpenIDRequest{
		Server: in.Server, Account: in.Account, AllowHTTP: in.AllowHTTP, Store: in.Store, Renew: in.Renew,
	}, func(s control.OpenIDStep) error {
		step := dashboard.Step{URL: s.URL, State: s.State, Sent: s.Sent, Redirect: s.Redirect, Callback: s.Callback, Spare: s.Spare,
			Notes: s.Notes}
		if s.Answer != nil {
			answer := signedIn(*s.Answer)
			step.Answer = &answer
		}
		return show(step)
	})
}

func (d pageDaemon) Players(ctx context.Context, account string) ([]dashboard.Player, error) {
	list, err := d.Daemon.Players(ctx, account)
	out := make([]dashboard.Player, 0, len(list))
	for _, p := range list {
		out = append(out, dashboard.Player{ID: p.ID, Account: p.Account, Name: p.Name, Kind: p.Kind, Scope: p.Scope, Created: p.Created,
			LastUsed: p.LastUsed, Origins: p.Origins})
	}
	return out, err
}

func (d pageDaemon) AddPlayer(ctx context.Context, account, name, scope string) (dashboard.NewPlayer, error) {
	made, err := d.Daemon.AddPlayer(ctx, account, name, scope)
	return dashboard.NewPlayer{Secret: made.Secret, Account: made.Account, ProxyURL: made.ProxyURL}, err
}

func (d pageDaemon) Pause(ctx context.Context, account string, tomorrow bool) error {
	var until time.Time
	if tomorrow {
		until = home.Tomorrow(time.Now())
	}
	_, err := d.Daemon.Pause(ctx, account, until)
	return err
}

func (d pageDaemon) Resume(ctx context.Context, account string) error {
	_, err := d.Daemon.Resume(ctx, account)
	return err
}

func (d pageDaemon) SetAside(ctx context.Context, account string) ([]dashboard.Report, error) {
	list, err := d.Daemon.SetAside(ctx, account)
	out := make([]dashboard.Report, 0, len(list))
	for _, r := range list {
		item := r.Item
		if r.Episode != "" {
			item += "/" + r.Episode
		}
		out = append(out, dashboard.Report{ID: r.ID, At: r.At, Item: item, Seconds: r.Seconds, Reason: r.Reason, Retryable: r.Retryable})
	}
	return out, err
}

func (d pageDaemon) RetrySetAside(ctx context.Context, account string, ids []uint64) error {
	_, err := d.Daemon.RetrySetAside(ctx, account, ids)
	return err
}

func (d pageDaemon) DropSetAside(ctx context.Context, account string, ids []uint64) error {
	_, err := d.Daemon.DropSetAside(ctx, account, ids)
	return err
}
