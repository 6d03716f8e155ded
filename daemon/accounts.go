package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/localcert"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/service"
	"shelfkeeper/daemon/upstream"
)

// newService prepares the service of a with what lies in the Home.
func (d *Daemon) newService(a accounts.Account, listen string) (*service.Service, error) {
	a = d.home.WithPort(a)
	up, err := d.home.Reach(a)
	if err != nil {
		return nil, err
	}
	c := d.home.Config
	return service.New(service.Config{
		Account: a, Upstream: up, Session: d.home.SessionConfig(a, up), Identities: d.home.Identities(a.Name),
		PortGiven: c.ListenOf(a.Name) != 0, Journal: d.home.JournalDir(a.Name), Listen: listen, Extra: d.extra(),
		ExtraHosts: c.ExtraHosts, Access: c.LocalAccess, TrustedOrigins: c.TrustedOrigins,
		Reach:        func(base *url.URL) (*upstream.Upstream, error) { return d.home.ReachOther(a, base) },
		Pause:        d.home.PauseOf(a.Name),
		Seen:         func(ctx context.Context, version, username string) { d.home.Observe(ctx, a.Name, version, username) },
		Visitors:     d.home.Visitors(a.Name),
		KeepVisitors: func(list []proxy.Visitor) { d.home.KeepVisitors(a.Name, list) },
		Kept:         d.home.Kept, StreamsChanged: d.streams.Ring, Log: d.home.Log,
	})
}

// extra says where players of other networks are served.
func (d *Daemon) extra() service.Extra {
	c := d.home.Config
	return service.Extra{Addresses: c.ListenExtra, Plain: c.ExtraHTTP, Certificate: func() (*localcert.Certificate, error) {
		if c.ExtraCert != "" {
			return localcert.Files(c.ExtraCert, c.ExtraKey)
		}
		var secure []netip.Addr
		for _, a := range c.ListenExtra {
			if !slices.Contains(c.ExtraHTTP, a) {
				secure = append(secure, a)
			}
		}
		return localcert.Own(d.home.Paths.State, secure, c.ExtraHosts)
	}}
}

// serviceOf returns the service of the account; an empty name means the only
// one.
func (d *Daemon) serviceOf(name string) (*service.Service, error) {
	if a, ok := d.home.Book.Get(name); ok {
		name = a.Name // it may be called otherwise by now
	}
	if s := d.services.Find(name); s != nil {
		return s, nil
	}
	return nil, home.NoSuchAccount(d.home.Book, name)
}

// ChangePassword changes the password of an account on its server, and in the
// vault where it is stored. Its error is a *problem.Problem.
func (d *Daemon) ChangePassword(ctx context.Context, account string, old, changed redact.Secret) error {
	s, err := d.serviceOf(account)
	if err != nil {
		return err
	}
	return d.home.ChangePasswordOf(ctx, s.Session(), s.Account(), old, changed)
}

// Reauthenticate renews the session of an account now.
func (d *Daemon) Reauthenticate(ctx context.Context, account string) error {
	return d.renew(ctx, account, false)
}

// ReauthenticateSameServer is Reauthenticate with the user's word that the
// account's own server answers at its address.
func (d *Daemon) ReauthenticateSameServer(ctx context.Context, account string) error {
	return d.renew(ctx, account, true)
}

func (d *Daemon) renew(ctx context.Context, account string, sameServer bool) error {
	s, err := d.serviceOf(account)
	if err != nil {
		return err
	}
	return d.home.Renew(ctx, s.Session(), sameServer)
}

// Unlock is Reauthenticate, with a passphrase that opens the vault before.
func (d *Daemon) Unlock(ctx context.Context, account string, passphrase redact.Secret) error {
	return d.Reauthenticate(home.WithPassphrase(ctx, passphrase), account)
}

// SignIn signs in and serves the account from then on.
func (d *Daemon) SignIn(ctx context.Context, req control.SignInRequest) (control.SignInAnswer, error) {
	answer, err := d.home.SignIn(ctx, req)
	d.home.LogSignIn(cmp.Or(answer.Account, req.Account), req.Server, err)
	if err != nil {
		return answer, err
	}
	d.serveSignedIn(&answer)
	return answer, nil
}

// serveSignedIn serves an account that is signed in. What keeps it from being
// served is a warning: an error would hide the account and its grant.
func (d *Daemon) serveSignedIn(answer *control.SignInAnswer) {
	if err := d.serveNamed(answer.Account); err != nil {
		p := problem.Of(err)
		answer.Warnings = append(answer.Warnings, fmt.Sprintf("the account is signed in, but not served yet: %s; %s", p.Text, p.Remedy))
	}
}

// SetPort gives an account another port and serves it there.
func (d *Daemon) SetPort(ctx context.Context, account string, port int) (string, error) {
	a, err := d.home.SetPort(ctx, account, port)
	if err != nil {
		return "", err
	}
	return a.ProxyURL(), d.serve(a)
}

// Rename gives an account another name; it is served on.
func (d *Daemon) Rename(ctx context.Context, account, to string) error {
	if _, err := d.home.Rename(ctx, account, to); err != nil {
		return err
	}
	d.bump()
	return nil
}

// serve begins to serve an account.
func (d *Daemon) serve(a accounts.Account) error {
	return d.services.Serve(d.home.WithPort(a), func(a accounts.Account) (*service.Service, error) { return d.newService(a, "") }, d.bump)
}

// Forget forgets an account without its vault and without the server.
func (d *Daemon) Forget(ctx context.Context, account string) ([]string, error) {
	s, err := d.serviceOf(account)
	if err != nil && account == "" && len(d.services.All()) == 0 {
		defer d.bump()
		return d.home.Forget(ctx, "") // what the vault may still hold
	}
	if u := d.home.Unlisted(); err != nil && u != nil && slices.Contains(u.Accounts, account) {
		defer d.bump()
		return d.home.Forget(ctx, account)
	}
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // the account is not served any more
	if err := d.services.Remove(s, d.bump); err != nil {
		d.home.Log.Warn("end the account's service", "account", s.Account().Name, "reason", err)
	}
	return d.home.Forget(ctx, s.Account().Name)
}

// SignOut ends the account's session on both sides and forgets the account.
func (d *Daemon) SignOut(ctx context.Context, account string) error {
	s, err := d.serviceOf(account)
	if err != nil {
		return err
	}
	s.DeliverNow(ctx)
	told, err := d.home.EndSession(ctx, s.Session(), s.Account().Name)
	if err != nil {
		return err
	}
	select {
	case d.signedOut <- struct{}{}:
	default:
	}
	err = errors.Join(d.services.Remove(s, d.bump), d.home.AfterSignOut(s.Account(), told))
	d.home.ReleaseEmptyVault(context.WithoutCancel(ctx))
	return err
}
