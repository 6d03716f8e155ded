package daemon

import (
	"context"
	"errors"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/progress"
)

// SetAside returns the reports of listening that an account's server refused.
func (d *Daemon) SetAside(_ context.Context, account string) ([]control.SetAsideReport, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return nil, err
	}
	list := []control.SetAsideReport{}
	for _, r := range s.Journal().SetAside() {
		list = append(list, control.SetAsideReport{
			ID: r.ID, At: r.At, Reason: r.Why, Item: r.Item, Episode: r.Episode, Reports: r.Reports, Seconds: r.Seconds,
			Retryable: r.Retryable,
		})
	}
	return list, nil
}

// RetrySetAside lets these reports, or all, wait for the server once more.
func (d *Daemon) RetrySetAside(_ context.Context, account string, ids []uint64) (int, error) {
	return d.aboutReports(account, ids, (*progress.Journal).RetrySetAside)
}

// DropSetAside deletes these reports, or all.
func (d *Daemon) DropSetAside(_ context.Context, account string, ids []uint64) (int, error) {
	return d.aboutReports(account, ids, (*progress.Journal).DropSetAside)
}

func (d *Daemon) aboutReports(account string, ids []uint64, act func(*progress.Journal, ...uint64) (int, error)) (int, error) {
	s, err := d.serviceOf(account)
	if err != nil {
		return 0, err
	}
	n, err := act(s.Journal(), ids...)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, progress.ErrNotSetAside):
		return 0, problem.New(problem.Usage, err, "see `shelfkeeper progress list`")
	}
	return 0, problem.New(problem.Other, err, progress.Remedy(err))
}
