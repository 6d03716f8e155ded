package statuspage

import (
	"context"
	"slices"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

func (d acts) Look(ctx context.Context, address string, change upstream.GatewayChange) (dashboard.Found, error) {
	server, plain, notes, err := d.cfg.Disk.Look(ctx, address, change)
	if err != nil {
		return dashboard.Found{}, err
	}
	return dashboard.Found{
		Server: server.Base.String(), Version: server.Version, Password: slices.Contains(server.AuthMethods, "local"),
		OpenID: slices.Contains(server.AuthMethods, "openid"), Plain: plain, Notes: notes,
	}, nil
}

func (d acts) Store() dashboard.Store {
	backend, open := d.cfg.Disk.Store()
	return dashboard.Store{Backend: string(backend), Open: open, Wanted: string(d.cfg.Config.Store)}
}

func (d acts) SignIn(ctx context.Context, in dashboard.SignIn) (dashboard.SignedIn, error) {
	answer, err := d.cfg.Daemon.SignIn(ctx, control.SignInRequest{
		Server: in.Server, Username: in.Username, Password: in.Password, Token: in.Token, Account: in.Account, Keep: in.Keep,
		AllowHTTP: in.AllowHTTP, Store: in.Store, Passphrase: in.Passphrase, Gateway: in.Gateway,
	})
	return signedIn(answer), err
}

func signedIn(a control.SignInAnswer) dashboard.SignedIn {
	return dashboard.SignedIn{Account: a.Account, Server: a.Server, ServerVersion: a.ServerVersion, User: a.User, ProxyURL: a.ProxyURL,
		Grant: redact.New(a.Grant), Warnings: a.Warnings}
}

func (d acts) SignInOpenID(ctx context.Context, in dashboard.OpenID, show func(dashboard.Step) error) error {
	return d.cfg.Daemon.SignInOpenID(ctx, control.OpenIDRequest{
		Server: in.Server, Account: in.Account, AllowHTTP: in.AllowHTTP, Store: in.Store, Renew: in.Renew,
		Passphrase: in.Passphrase, Gateway: in.Gateway,
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

func (d acts) ReturnOpenID(ctx context.Context, address string) error {
	return d.cfg.Daemon.ReturnOpenID(ctx, address)
}

func (d acts) SkipOpenID(ctx context.Context, state string) error {
	return d.cfg.Daemon.SkipOpenID(ctx, state)
}
