package statuspage

import (
	"context"
	"slices"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
)

// acts is the daemon as the page uses it: the same acts as the command line's,
// in the page's own types.
type acts struct{ cfg Config }

var _ dashboard.Daemon = acts{}

func (d acts) Snapshot() health.Snapshot { return d.cfg.Daemon.Snapshot() }

func (d acts) Changed() <-chan struct{} { return d.cfg.Daemon.Changed() }

func (d acts) StreamsChanged() <-chan struct{} { return d.cfg.Streams.Rung() }

func (d acts) Title(ctx context.Context, account string, stream health.Stream) (string, error) {
	return d.cfg.Daemon.Title(ctx, account, stream)
}

func (d acts) History(account string) []history.Entry { return d.cfg.Disk.Entries(account) }

func (d acts) Known(account string) (dashboard.Known, bool) {
	a, ok := d.cfg.Book.Get(account)
	method := dashboard.ByPassword
	switch a.Method {
	case accounts.OIDC:
		method = dashboard.ByOpenID
	case accounts.APIKey, accounts.Legacy:
		method = dashboard.ByToken
	}
	return dashboard.Known{Name: a.Name, Alias: a.Alias, Server: a.Server, User: a.Username, Method: method, Store: a.Store,
		AllowHTTP: a.AllowHTTP}, ok
}

func (d acts) Reauthenticate(ctx context.Context, account string, passphrase redact.Secret) error {
	return d.cfg.Daemon.Unlock(ctx, account, passphrase)
}

func (d acts) ReauthenticateSameServer(ctx context.Context, account string) error {
	return d.cfg.Daemon.ReauthenticateSameServer(ctx, account)
}

func (d acts) SignOut(ctx context.Context, account string) error {
	return d.cfg.Daemon.SignOut(ctx, account)
}

func (d acts) Rename(ctx context.Context, account, to string) error {
	return d.cfg.Daemon.Rename(ctx, account, to)
}

func (d acts) ChangePassword(ctx context.Context, account string, old, changed redact.Secret) error {
	return d.cfg.Daemon.ChangePassword(ctx, account, old, changed)
}

func (d acts) SetPort(ctx context.Context, account string, port int) (string, error) {
	return d.cfg.Daemon.SetPort(ctx, account, port)
}

func (d acts) OpenPage(ctx context.Context, account, scope string) (string, error) {
	return d.cfg.Daemon.OpenPage(ctx, account, scope)
}

func (d acts) EmergencyKey(ctx context.Context, account string, days int) ([]string, error) {
	set := d.cfg.Daemon.DropEmergencyKey
	if days > 0 {
		set = func(ctx context.Context, account string) (control.EmergencyKeyView, error) {
			return d.cfg.Daemon.KeepEmergencyKey(ctx, account, days)
		}
	}
	view, err := set(ctx, account)
	return view.Notes, err
}

func (d acts) Forget(ctx context.Context, account string) ([]string, error) {
	return d.cfg.Daemon.Forget(ctx, account)
}

func (d acts) Pause(ctx context.Context, account string, how dashboard.Pause) error {
	var until time.Time
	switch now := time.Now(); {
	case how.Tomorrow:
		until = d.cfg.Tomorrow(now)
	case how.For > 0:
		until = now.Add(how.For)
	}
	_, err := d.cfg.Daemon.Pause(ctx, account, until)
	return err
}

func (d acts) Resume(ctx context.Context, account string) error {
	_, err := d.cfg.Daemon.Resume(ctx, account)
	return err
}

func (d acts) Players(ctx context.Context, account string) ([]dashboard.Player, error) {
	list, err := d.cfg.Daemon.Players(ctx, account)
	out := make([]dashboard.Player, 0, len(list))
	for _, p := range list {
		out = append(out, dashboard.Player{ID: p.ID, Account: p.Account, Name: p.Name, Kind: p.Kind, Scope: p.Scope, Created: p.Created,
			LastUsed: p.LastUsed, Origins: slices.Clone(p.Origins)})
	}
	return out, err
}

func (d acts) AddPlayer(ctx context.Context, account, name, scope string) (dashboard.NewPlayer, error) {
	made, err := d.cfg.Daemon.AddPlayer(ctx, account, name, scope)
	return dashboard.NewPlayer{Secret: made.Secret, Account: made.Account, ProxyURL: made.ProxyURL}, err
}

func (d acts) TrustPlayer(ctx context.Context, account, player, origin string) error {
	return d.cfg.Daemon.TrustPlayer(ctx, account, player, origin)
}

func (d acts) RevokePlayer(ctx context.Context, account, player string) error {
	return d.cfg.Daemon.RevokePlayer(ctx, account, player)
}

func (d acts) SetAside(ctx context.Context, account string) ([]dashboard.Report, error) {
	list, err := d.cfg.Daemon.SetAside(ctx, account)
	out := make([]dashboard.Report, 0, len(list))
	for _, r := range list {
		out = append(out, reportOf(r))
	}
	return out, err
}

func reportOf(r control.SetAsideReport) dashboard.Report {
	item := r.Item
	if r.Episode != "" {
		item += "/" + r.Episode
	}
	return dashboard.Report{ID: r.ID, At: r.At, Item: item, Seconds: r.Seconds, Reason: r.Reason, Retryable: r.Retryable}
}

func (d acts) RetrySetAside(ctx context.Context, account string, ids []uint64) error {
	_, err := d.cfg.Daemon.RetrySetAside(ctx, account, ids)
	return err
}

func (d acts) DropSetAside(ctx context.Context, account string, ids []uint64) error {
	_, err := d.cfg.Daemon.DropSetAside(ctx, account, ids)
	return err
}

func (d acts) Setting(key ...string) (values []string, given bool) { return d.cfg.Disk.Setting(key...) }

func (d acts) SetSetting(ctx context.Context, key, values []string) error {
	return d.cfg.Disk.SetSetting(ctx, key, values)
}

func (d acts) CheckProgram(ctx context.Context) error { return d.cfg.Daemon.CheckProgram(ctx) }

func (d acts) Replace() { d.cfg.Daemon.Replace() }

func (d acts) Restart() { d.cfg.Daemon.Restart() }

func (d acts) Quit() { d.cfg.Daemon.Quit() }
