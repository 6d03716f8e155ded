package daemon

import (
	"context"

	"shelfkeeper/daemon/control"
)

// SetAside returns the reports of listening that an account's server refused.
func (d *Daemon) SetAside(_ context.Context, account string) ([]control.SetAsideReport, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return nil, err
	}
	return s.SetAside(), nil
}

// RetrySetAside lets these reports, or all, wait for the server once more.
func (d *Daemon) RetrySetAside(_ context.Context, account string, ids []uint64) (int, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return 0, err
	}
	return s.RetrySetAside(ids)
}

// DropSetAside deletes these reports, or all.
func (d *Daemon) DropSetAside(_ context.Context, account string, ids []uint64) (int, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return 0, err
	}
	return s.DropSetAside(ids)
}
