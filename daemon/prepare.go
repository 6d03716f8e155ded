package daemon

import (
	"context"

	"shelfkeeper/daemon/control"
)

// Prepare finds out whether a sign-in can succeed before a person types a name and
// a password for it. A vault that was made for it is made again by the sign-in:
// nobody may come back.
func (d *Daemon) Prepare(ctx context.Context, req control.SignInRequest, token bool) error {
	if err := d.home.Prepare(ctx, req, token); err != nil {
		return err
	}
	d.home.ReleaseEmptyVault(ctx)
	return nil
}
