package daemon

import (
	"context"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
)

// SignInOpenID signs in through OpenID and serves the account from the moment
// its session is kept.
func (d *Daemon) SignInOpenID(ctx context.Context, req control.OpenIDRequest, show func(control.OpenIDStep) error) error {
	account := req.Account
	err := d.home.SignInOpenIDRenewing(ctx, req, d.Reauthenticate, func(step control.OpenIDStep) error {
		if step.Answer != nil {
			account = step.Answer.Account
			d.serveSignedIn(step.Answer)
		}
		d.reloadSpares(account) // more of them may follow minutes later
		return show(step)
	})
	d.home.LogSignIn(account, req.Server, err)
	d.reloadSpares(account)
	return err
}

// reloadSpares lets the account's session know of spares that were just kept.
func (d *Daemon) reloadSpares(account string) {
	if s, missing := d.serviceOf(account); missing == nil {
		s.Session().Reload()
	}
}

func (d *Daemon) serveNamed(name string) error {
	a, ok := d.home.Book.Get(name)
	if !ok {
		return problem.Newf(problem.Config, "sign in again", "the account %s vanished meanwhile", name)
	}
	return d.serve(a)
}
