package service

import (
	"errors"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/progress"
)

// SetAside returns the reports of listening that the server refused.
func (s *Service) SetAside() []control.SetAsideReport {
	list := []control.SetAsideReport{}
	for _, r := range s.journal.SetAside() {
		list = append(list, control.SetAsideReport{
			ID: r.ID, At: r.At, Reason: r.Why, Item: r.Item, Episode: r.Episode, Reports: r.Reports, Seconds: r.Seconds,
			Retryable: r.Retryable,
		})
	}
	return list
}

// RetrySetAside lets these reports, or all, wait for the server once more. Its error
// is a *problem.Problem.
func (s *Service) RetrySetAside(ids []uint64) (int, error) {
	return aboutReports(s.journal.RetrySetAside(ids...))
}

// DropSetAside deletes these reports, or all. Its error is a *problem.Problem.
func (s *Service) DropSetAside(ids []uint64) (int, error) {
	return aboutReports(s.journal.DropSetAside(ids...))
}

func aboutReports(n int, err error) (int, error) {
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, progress.ErrNotSetAside):
		return 0, problem.New(problem.Usage, err, "see `shelfkeeper progress list`")
	}
	return 0, problem.New(problem.Other, err, progress.Remedy(err))
}
