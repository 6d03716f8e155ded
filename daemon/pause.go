package daemon

import (
	"context"
	"time"
)

// Pause serves no player of an account until a time, zero for until it is
// resumed; an empty name means every account. It outlives a restart.
func (d *Daemon) Pause(_ context.Context, account string, until time.Time) ([]string, error) {
	return d.applyPauses(d.home.Pause(account, until))
}

// Resume undoes Pause.
func (d *Daemon) Resume(_ context.Context, account string) ([]string, error) {
	return d.applyPauses(d.home.Resume(account))
}

// applyPauses tells the services of the accounts what is remembered of them.
func (d *Daemon) applyPauses(names []string, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if s, err := d.serviceOf(name); err == nil { // it may be signed out at this moment
			s.Pause(d.home.PauseOf(name))
		}
	}
	for i, name := range names {
		names[i] = d.home.Shown(name)
	}
	return names, nil
}
